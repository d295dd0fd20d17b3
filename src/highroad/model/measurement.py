"""What packets of our own met on the path of a service, in one interval: what a promise is held against.

Measured by routers (`highroad.stamp`) or told by a model in the same words. What could not be known is None, and never
guessed: a delay one way needs two clocks of known error, a loss without a later answer may be either way's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from highroad.model.service import ServiceId


class Way(StrEnum):
    """A direction of a service: from its end `a` to its end `b`, or from `b` to `a`."""

    THERE = "there"
    BACK = "back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """One interval of one path, measured by the headend of a way: from it along the path to the far end, and back.

    `at_s` is when the interval began (UTC seconds) and `for_s` how long it was: packets count in the interval in which
    they were sent. `sent` of them left; of those `lost_out` did not reach the far end, `lost_home` did and their answer
    got lost, and of `lost_unknown` it is not known. Of the rest `late` were overtaken, and `doubled` answers came once
    more.

    Round trips are without the time that the far end took, in ms; None where no answer came. `out_ms` and `home_ms` are
    medians one way, None unless both clocks are synchronised with a known error (`clock_error_ms`, of both together)
    that is smaller than the figure. Jitter is the mean of |ipdv| (RFC 3393) between packets sent one after the other:
    of the round trip, out, and home; it needs no synchronised clocks.

    `in_use` says that traffic went there in any part of the interval: in that of a switch it is so of two paths.
    `pinned` says that answers took the service's own path back, and not the way of the routers' IGP. `path` is the name
    of what was measured: services that share it have the same figures.
    """

    service: ServiceId
    way: Way
    at_s: float
    for_s: float
    sent: int
    lost_out: int = 0
    lost_home: int = 0
    lost_unknown: int = 0
    late: int = 0
    doubled: int = 0
    rtt_min_ms: float | None = None
    rtt_p50_ms: float | None = None
    rtt_p99_ms: float | None = None
    rtt_max_ms: float | None = None
    jitter_ms: float | None = None
    jitter_out_ms: float | None = None
    jitter_home_ms: float | None = None
    out_ms: float | None = None
    home_ms: float | None = None
    clock_error_ms: float | None = None
    preference: int = 100
    list_index: int = 0
    in_use: bool = True
    pinned: bool = False
    path: str = ""

    @property
    def lost(self) -> int:
        """All that was sent and not answered."""
        return self.lost_out + self.lost_home + self.lost_unknown
