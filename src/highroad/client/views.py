"""The asks of the calendar's read-only views."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Literal

from highroad.client.calls import Ask, get, name
from highroad.wire.networks import LocalRepairsOut
from highroad.wire.views import CapacityOut, LinkCalendarOut, OutlookOut, WhatIfOut

Counted = Literal["guaranteed", "measured"]
"""What services count with."""

PATIENCE_S = 600.0
"""How long what is worked out over a copy of everything may take."""


def capacity(
    a: str,
    b: str,
    *,
    start: datetime | str | None,
    hours: int,
    latency_bound_ms: float | None,
    fence: Sequence[str] | None,
    protection: str,
    max_paths: int | None,
) -> Ask[CapacityOut]:
    """What is free between two ends, hour by hour."""
    ends = {"from": a, "to": b}
    return get(
        "/v1/capacity",
        CapacityOut,
        **ends,
        start=time(start),
        hours=str(hours),
        latency_bound_ms=None if latency_bound_ms is None else repr(latency_bound_ms),
        fence=None if fence is None else list(fence),
        protection=protection,
        max_paths=None if max_paths is None else str(max_paths),
    )


def link_calendar(link: str, *, start: datetime | str | None, end: datetime | str | None) -> Ask[LinkCalendarOut]:
    """What a link's calendar holds."""
    return get(f"/v1/links/{name(link)}/calendar", LinkCalendarOut, start=time(start), end=time(end))


def local_repairs() -> Ask[LocalRepairsOut]:
    """Where traffic goes in the moment a link is lost."""
    return get("/v1/network/repairs", LocalRepairsOut)


def what_if(cut: str, load: Counted, over_s: float, quantile: float) -> Ask[WhatIfOut]:
    """What would happen if something failed."""
    return replace(get("/v1/whatif", WhatIfOut, cut=cut, **_load(load, over_s, quantile)), timeout_s=PATIENCE_S)


def outlook(
    grow: float, add: Sequence[str], cut: Sequence[str], load: Counted, over_s: float, quantile: float
) -> Ask[OutlookOut]:
    """What would happen if demand grew, or links were added."""
    counted = _load(load, over_s, quantile)
    ask = get(
        "/v1/whatif/outlook", OutlookOut, grow=repr(grow), add=list(add) or None, cut=list(cut) or None, **counted
    )
    return replace(ask, timeout_s=PATIENCE_S)


def _load(load: Counted, over_s: float, quantile: float) -> dict[str, str]:
    return {} if load == "guaranteed" else {"load": load, "over_s": repr(over_s), "quantile": repr(quantile)}


def time(given: datetime | str | None) -> str | None:
    """A time as a query has it."""
    return given.isoformat() if isinstance(given, datetime) else given
