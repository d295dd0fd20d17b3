"""What was measured of a link, a service or a path over time: series of figures, thinned as they age.

A figure that is thinned keeps the least, the mean, the most and the last of what it was made of, and how many that
were; so a spike of one second is still seen in a month's picture. Where nothing was measured there is nothing: a gap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Subject(StrEnum):
    """What a series is of. A path is named by its service, its way and, where it is not in use, its place; a gap by the
    service that nobody watched in it.
    """

    LINK = "link"
    SERVICE = "service"
    PATH = "path"
    GAP = "gap"


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One figure: its unit is in its name. `summed` is of figures that count something in each sample, of which a sum
    makes sense.
    """

    name: str
    about: str
    summed: bool = False


SERIES: Mapping[Subject, tuple[Series, ...]] = {
    Subject.LINK: (
        Series(name="carried_gbps", about="What it carries."),
        Series(name="utilisation", about="The same as a share of its capacity, 0 to 1."),
        Series(name="up", about="1 while light gets through, else 0."),
    ),
    Subject.SERVICE: (
        Series(name="offered_gbps", about="What its customers send, both directions together."),
        Series(name="carried_there_gbps", about="What arrives at its second end."),
        Series(name="carried_back_gbps", about="What arrives at its first end."),
        Series(name="lost_bytes", about="What was lost since the sample before.", summed=True),
        Series(name="dark_ms", about="How long nothing arrived since the sample before.", summed=True),
        Series(name="watched_ms", about="How long ago the sample before was.", summed=True),
        Series(name="latency_there_ms", about="One way, to its second end, as the fabric says."),
        Series(name="latency_back_ms", about="One way, to its first end."),
        Series(name="promised_gbps", about="What was promised each way."),
        Series(name="promised_ms", about="The latency that was promised, one way."),
        Series(name="promised_protection", about="1 where it was to survive any one failure, else 0."),
    ),
    Subject.PATH: (
        Series(name="sent", about="Packets of our own.", summed=True),
        Series(name="lost", about="Those without an answer.", summed=True),
        Series(name="lost_out", about="Those that are known not to have arrived.", summed=True),
        Series(name="rtt_min_ms", about="The shortest round trip of an interval."),
        Series(name="rtt_p50_ms", about="The median round trip."),
        Series(name="rtt_p99_ms", about="The round trip that 99 of 100 are within."),
        Series(name="rtt_max_ms", about="The longest."),
        Series(name="jitter_ms", about="The mean change of the round trip from packet to packet."),
        Series(name="out_ms", about="One way out, where both clocks are known to be right."),
        Series(name="home_ms", about="One way home."),
        Series(name="for_ms", about="How long the interval was.", summed=True),
    ),
    Subject.GAP: (
        Series(name="gap_ms", about="How long nobody had watched it until then.", summed=True),
        Series(name="gap_lost_bytes", about="What was lost in that time, by counters.", summed=True),
        Series(name="gap_dark_ms", about="How long nothing arrived in that time, by counters.", summed=True),
        Series(
            name="gap_restarted", about="1 where counters began anew in it: what was lost is not known.", summed=True
        ),
    ),
}

STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 604_800)
"""The steps that are chosen from where none is asked for."""

POINTS = 300
"""So many points fit a picture."""

MOST_POINTS = 50_000
"""Of all series of one answer together."""

MOST_MOMENTS = 400_000
"""The same where every link is told of at once: links times steps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What there is of one step: of so many samples."""

    least: float
    mean: float
    most: float
    last: float
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One series of one thing, step by step; None is a gap. `name` is of the thing."""

    name: str
    series: str
    points: tuple[Point | None, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tracks:
    """What was measured from a time on, in steps: `step_s` may be coarser than asked for, where no finer is kept."""

    from_s: int
    until_s: int
    step_s: int
    tracks: tuple[Track, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """What every link carried from a time on, step by step, without a `Point` for each.

    `carried_gbps` are the means of the steps, as 32-bit floats, the lowest byte first: all links of the first step,
    then of the next; NaN is a gap. `dark` has for each step the places in `links` of those that had no light at some
    time of it.
    """

    from_s: int
    until_s: int
    step_s: int
    links: tuple[str, ...] = ()
    carried_gbps: bytes = b""
    dark: tuple[tuple[int, ...], ...] = ()


def series_of(subject: Subject) -> tuple[str, ...]:
    """The names of all series of a kind of thing, in order."""
    return tuple(one.name for one in SERIES[subject])


def shown_of(subject: Subject) -> tuple[str, ...]:
    """What is shown of a kind of thing: of a service also what it lost while nobody watched."""
    return series_of(subject) + (series_of(Subject.GAP) if subject is Subject.SERVICE else ())


def step_for(from_s: float, until_s: float) -> int:
    """The step that makes a picture of a time."""
    return next((step for step in STEPS_S if (until_s - from_s) / step <= POINTS), STEPS_S[-1])


def finest_s(ago_s: float) -> int:
    """The step in which a moment of so long ago is surely kept."""
    return 10 if ago_s < 3000 else 60 if ago_s < 28 * 86_400 else 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """How the keeping of figures goes: values since it began, and what is amiss, in words, empty where nothing is.

    A value is one figure of one thing at one instant. `dropped` were not kept, `given_up` files went before their time
    for want of room, and `damaged` ones are set aside, as a gap; `sent` and `unsent` are values for the Prometheus
    elsewhere, if there is one.
    """

    kept: int = 0
    dropped: int = 0
    size_bytes: int = 0
    limit_bytes: int = 0
    given_up: int = 0
    damaged: int = 0
    restarts: int = 0
    sent: int = 0
    unsent: int = 0
    amiss: str = ""
    remote_amiss: str = ""
