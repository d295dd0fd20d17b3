"""What is kept for one stream under several names: where it is, and where it goes for the time of a maintenance.

A stream is in one place at a time or, while it moves from one to another, once on a link of both. So of a resource it
needs at each instant t the most of what its names n keep there, for certain and if a risk group g fails:

    claimed(t) = max over n of claim(n, t)
    claimed(t) + called(g, t) = max(claimed(t), max over n of claim(n, t) + standby(n, g, t))

However many detours are booked for a service at a time, no link holds its rate more than once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator, Sequence
from itertools import pairwise
from typing import Generic, TypeVar

from highroad.planning.line import Claim
from highroad.planning.standby import Standby

Kept = tuple[tuple[Claim, ...], tuple[Standby, ...]]
"""Claims and standbys of one name."""

NOTHING: Kept = ((), ())

T = TypeVar("T", Claim, Standby)


def parts(kept: Sequence[Kept]) -> list[Kept]:
    """What each of a stream's names keeps beyond those before it, the sum of which is what the stream needs. What
    stands by is beyond whatever any of them claims; the claims of the first are what they are.
    """
    names = Counter(resource for each in kept for resource in {one.resource for ones in each for one in ones})
    shared = [resource for resource, count in names.items() if count > 1]
    found: list[Kept] = []
    rest = [_by_resource(each) for each in kept]
    beyond = {resource: _beyond([one.get(resource, NOTHING) for one in rest]) for resource in shared}
    for place, (claims, standbys) in enumerate(kept):
        mine = [one for one in claims if one.resource not in beyond or not place]
        stands = [one for one in standbys if one.resource not in beyond]
        for resource in shared:
            more, called = beyond[resource][place]
            mine += more if place else ()
            stands += called
        found.append((tuple(mine), tuple(stands)))
    return found


def _by_resource(kept: Kept) -> dict[str, Kept]:
    claims: dict[str, list[Claim]] = {}
    standbys: dict[str, list[Standby]] = {}
    for claim in kept[0]:
        claims.setdefault(claim.resource, []).append(claim)
    for standby in kept[1]:
        standbys.setdefault(standby.resource, []).append(standby)
    return {one: (tuple(claims.get(one, ())), tuple(standbys.get(one, ()))) for one in {*claims, *standbys}}


def _beyond(kept: Sequence[Kept]) -> list[tuple[list[Claim], list[Standby]]]:
    """`parts` of one resource, in pieces as long as nothing changes."""
    claims, standbys = [_Pieces[Claim]() for _ in kept], [_Pieces[Standby]() for _ in kept]
    for start_s, until_s, there in _steps(kept):
        loads = [sum(one.rate_mbps for one in mine) for mine, _ in there]
        certain, kept_mbps = max(loads), 0
        needed: dict[str, int] = {}
        for place, ((mine, stands), load) in enumerate(zip(there, loads, strict=True)):
            if load > kept_mbps:
                piece = Claim(mine[0].resource, start_s, until_s, load - kept_mbps)
                claims[place].add(piece, piece.rate_mbps)
                kept_mbps = load
            called = Counter[str]()
            for one in stands:
                called.update(dict.fromkeys(one.groups, one.rate_mbps))
            more: dict[int, set[str]] = {}
            for group, rate in called.items():
                before = needed.get(group, certain)
                if load + rate > before:
                    needed[group] = load + rate
                    more.setdefault(load + rate - before, set()).add(group)
            for rate, groups in more.items():
                standby = Standby(stands[0].resource, start_s, until_s, rate, frozenset(groups))
                standbys[place].add(standby, (rate, standby.groups))
    return [(mine.found, stands.found) for mine, stands in zip(claims, standbys, strict=True)]


class _Pieces(Generic[T]):
    """Pieces in order of time; those that go on where the same ends are one."""

    def __init__(self) -> None:
        self.found: list[T] = []
        self._last: dict[Hashable, int] = {}

    def add(self, piece: T, what: Hashable) -> None:
        """Add one; `what` it is besides its time."""
        at = self._last.get(what)
        if at is not None and self.found[at].until_s == piece.start_s:
            self.found[at] = self.found[at]._replace(until_s=piece.until_s)
        else:
            self._last[what] = len(self.found)
            self.found.append(piece)


def _steps(kept: Sequence[Kept]) -> Iterator[tuple[float, float, list[Kept]]]:
    """[start, until) in which nothing begins or ends, and what of each name is there then."""
    edges = {time_s for each in kept for ones in each for one in ones for time_s in (one.start_s, one.until_s)}
    there = [(_There(claims), _There(standbys)) for claims, standbys in kept]
    for start_s, until_s in pairwise(sorted(edges)):
        yield start_s, until_s, [(claims.at(start_s), standbys.at(start_s)) for claims, standbys in there]


class _There(Generic[T]):
    """What of some is there at instants that come in order."""

    def __init__(self, ones: Sequence[T]) -> None:
        self._left: list[T] = sorted(ones, key=lambda one: -one.start_s)
        self._now: tuple[T, ...] = ()

    def at(self, time_s: float) -> tuple[T, ...]:
        """What is there at an instant."""
        left = self._left
        new: list[T] = []
        while left and left[-1].start_s <= time_s:
            new.append(left.pop())
        if new or any(one.until_s <= time_s for one in self._now):
            self._now = tuple([one for one in self._now + tuple(new) if one.until_s > time_s])
        return self._now
