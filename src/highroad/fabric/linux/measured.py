"""What routers measured, taken over row by row, each once: from the JSON of the action `Measured` to values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from highroad.model.measurement import Measurement, Way
from highroad.model.service import ServiceId


class Reader:
    """Of one router: what of it is known already."""

    def __init__(self) -> None:
        self._epoch = ""
        self._last = 0

    def wish(self) -> dict[str, Any]:
        """The body of the next action."""
        return {"after": self._last, "epoch": self._epoch}

    def take(self, told: Mapping[str, Any]) -> list[Measurement]:
        """What is new in the answer."""
        self._epoch, self._last = str(told["epoch"]), int(told["last"])
        return [one for row in told["rows"] for one in measurements_of(row)]


def measurements_of(row: Mapping[str, Any]) -> Iterable[Measurement]:
    """A row of each service that the path is of; times come in nanoseconds."""
    figures = {
        "at_s": row["at"] / 1e9,
        "for_s": row["for"] / 1e9,
        "sent": row["sent"],
        "lost_out": row["lost-out"],
        "lost_home": row["lost-home"],
        "lost_unknown": row["lost-unknown"],
        "late": row["late"],
        "doubled": row["doubled"],
        "pinned": row["pinned"],
        "path": row["path"],
        **{field: row[name] / 1e6 if name in row else None for name, field in _TIMES.items()},
    }
    for service, attachment, preference, list_index, in_use in row["uses"]:
        yield Measurement(
            service=ServiceId(service),
            way=Way.THERE if attachment.endswith(".a") else Way.BACK,
            preference=preference,
            list_index=list_index,
            in_use=in_use,
            **figures,
        )


_TIMES = {
    "rtt-min": "rtt_min_ms",
    "rtt-p50": "rtt_p50_ms",
    "rtt-p99": "rtt_p99_ms",
    "rtt-max": "rtt_max_ms",
    "jitter": "jitter_ms",
    "jitter-out": "jitter_out_ms",
    "jitter-home": "jitter_home_ms",
    "out": "out_ms",
    "home": "home_ms",
    "clock-error": "clock_error_ms",
}
