"""The asks of figures over time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from highroad.client import views
from highroad.client.calls import Ask, get
from highroad.client.calls import name as quoted
from highroad.wire.telemetry import TracksOut

PATHS = {
    "link": "/v1/telemetry/links/{}",
    "service": "/v1/telemetry/services/{}",
    "paths": "/v1/telemetry/services/{}/paths",
}


def tracks(
    kind: Literal["link", "service", "paths"],
    name: str,
    *,
    start: datetime | str | None,
    end: datetime | str | None,
    step_s: int | None,
    series: Sequence[str],
) -> Ask[TracksOut]:
    """What was measured of a thing over time."""
    asked = {"from": views.time(start), "to": views.time(end), "step_s": None if step_s is None else str(step_s)}
    return get(PATHS[kind].format(quoted(name)), TracksOut, **asked, series=list(series) or None)
