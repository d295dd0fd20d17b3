"""Measured intervals as they are told: rows for the controller, and /router/state for anybody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from highroad.agent.paths import MeasuredPath, Use
from highroad.stamp.interval import Interval
from highroad.stamp.reflector import Reflector, Refusal

_NOT_FIGURES = frozenset(("path", "uses", "pinned"))


def row_of(path: MeasuredPath, uses: Iterable[Use], one: Interval) -> dict[str, Any]:
    """An interval, in nanoseconds; what is not known is left out."""
    row = {
        "path": path.name,
        "uses": [[use.service, use.attachment, use.preference, use.list_index, use.in_use] for use in uses],
        "at": one.at_ns,
        "for": one.for_ns,
        "sent": one.sent,
        "lost-out": one.lost_out,
        "lost-home": one.lost_home,
        "lost-unknown": one.lost_unknown,
        "late": one.late,
        "doubled": one.doubled,
        "pinned": one.pinned,
        "rtt-min": one.rtt_min_ns,
        "rtt-p50": one.rtt_p50_ns,
        "rtt-p99": one.rtt_p99_ns,
        "rtt-max": one.rtt_max_ns,
        "jitter": one.jitter_ns,
        "jitter-out": one.jitter_out_ns,
        "jitter-home": one.jitter_home_ns,
        "out": one.out_ns,
        "home": one.home_ns,
        "clock-error": one.error_ns,
        "clock-steps": one.clock_steps,
    }
    return {name: value for name, value in row.items() if value is not None}


def entry_of(path: MeasuredPath, uses: Iterable[Use], refused: int, last: Mapping[str, Any] | None) -> dict[str, Any]:
    """A list entry of /router/state/measurement: a path, and its last interval, if one is over."""
    told: dict[str, Any] = {
        "path": path.name,
        "traffic-class": path.traffic_class.value,
        "remote-node": path.node,
        "return": "path" if path.back else "igp",
        "service": list(dict.fromkeys(use.service for use in uses)),
        "refused-pkts": str(refused),
    }
    if last is not None:
        told |= {name: str(value) for name, value in last.items() if name not in _NOT_FIGURES}
    return told


def reflector_of(reflector: Reflector) -> dict[str, str]:
    """The content of /router/state/reflector."""
    refused = {f"{why.value}-pkts": str(reflector.refused[why]) for why in Refusal}
    return {"answered-pkts": str(reflector.answered), **refused}
