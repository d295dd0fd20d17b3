"""What a change is made of: moves, who waits for whom, and what a service takes of links on the way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from highroad.model.network import LinkId
from highroad.model.service import ServiceId
from highroad.planning.untangle import Delta

Givers = Callable[[int], list[tuple[int, int]]]
"""Who is yet to give on a link: how much (negative) and who, most first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moved:
    """One move: to what is wanted, or over a third way (its place), or with so many shares of so many."""

    service: ServiceId
    delta: Delta
    third: int | None = None
    share: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Together:
    """Moves in any order, for which others (or they themselves) are reduced, Mbit/s on each of their links."""

    moves: tuple[Moved, ...]
    reductions: tuple[tuple[ServiceId, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """A service that needs so much of a link where so much is free, and who is to free it."""

    move: int
    service: ServiceId
    link: int
    needs: int
    free: int
    held_by: ServiceId


@dataclass(slots=True, kw_only=True)
class Told:
    """A knot that was met, and with what harm it was undone."""

    circle: list[Waits]
    services: list[ServiceId]
    proven: bool
    harm: int | None = None


def split(old: Mapping[LinkId, int], new: Mapping[LinkId, int], moved: int, of: int) -> dict[LinkId, int]:
    """What a service takes with so many of its shares on the new way: whole Mbit/s, rounded up on either way.

    On a link that both ways use there is one stream, which is never more than the larger of the two.
    """
    links = dict.fromkeys((*old, *new))
    parts = ((link, old.get(link, 0), new.get(link, 0)) for link in links)
    loads = {link: min(max(a, b), -(-a * (of - moved) // of) - (-b * moved // of)) for link, a, b in parts}
    return {link: load for link, load in loads.items() if load}


def delta_of(old: Mapping[LinkId, int], new: Mapping[LinkId, int], number: Callable[[LinkId], int]) -> Delta:
    return [
        (number(link), more) for link in dict.fromkeys((*old, *new)) if (more := new.get(link, 0) - old.get(link, 0))
    ]


def givers_of(moves: Mapping[int, Delta]) -> defaultdict[int, list[tuple[int, int]]]:
    """Who gives on each link, most first."""
    gives: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
    for move, delta in moves.items():
        for link, more in delta:
            if more < 0:
                gives[link].append((more, move))
    for here in gives.values():
        here.sort()
    return gives


def after(room: Mapping[int, int], delta: Delta) -> dict[int, int]:
    left = dict(room)
    for link, more in delta:
        left[link] -= more
    return left
