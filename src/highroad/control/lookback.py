"""Of what time figures are asked for, and how finely: checked before anybody reads them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from highroad.errors import Finding, Invalid
from highroad.model.tracks import MOST_POINTS, step_for
from highroad.units import TIMES_END_S

TRACKS_S = 3600.0
"""How far back is looked where nothing is said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lookback:
    """A time, in steps."""

    from_s: float
    until_s: float
    step_s: int


def lookback(
    from_s: float | None, until_s: float | None, step_s: int | None, now_s: float, besides: Iterable[Finding] = ()
) -> Lookback:
    """The last hour if nothing is said, in steps that make a picture. Raises Invalid with every finding, and those
    that there are `besides`.
    """
    wrong = [
        Finding(code="range", place=place, message="has to be in the years 1970 to 2999")
        for place, at_s in (("from", from_s), ("to", until_s))
        if at_s is not None and not 0.0 <= at_s < TIMES_END_S
    ]
    if wrong:
        raise Invalid(wrong)
    until = now_s if until_s is None else until_s
    begin = until - TRACKS_S if from_s is None else from_s
    step = step_for(begin, until) if step_s is None else step_s
    if begin >= until:
        wrong.append(Finding(code="range", place="from", message="has to be before `to`"))
    elif (until - begin) / step > MOST_POINTS:
        message = f"makes more than {MOST_POINTS:,} points of that time: ask for a longer step, or for less"
        wrong.append(Finding(code="too-many-points", place="step", message=message))
    wrong += besides
    if wrong:
        raise Invalid(wrong)
    return Lookback(from_s=begin, until_s=until, step_s=step)
