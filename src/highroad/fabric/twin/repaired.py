"""What local repair makes of routes: lists over a link that is lost, and known to be where it begins, go around it.

A headend that believes in none of its paths goes on along the one that it prefers, as long as that is repaired.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace

import numpy as np

from highroad.fabric.twin.headend import Choice, Routes
from highroad.model.network import LinkId
from highroad.model.policy import LocalRepair
from highroad.planning.fair import Flags, Ints, Paths

Around = Mapping[tuple[int, str], Ints]
"""The detour of a link for a fence, by numbers."""


def around_of(repairs: Iterable[LocalRepair], number: Mapping[LinkId, int]) -> Around:
    """The detours that a network has the links for."""
    return {
        (number[one.link], one.fence): np.array([number[link] for link in one.links], dtype=np.intp)
        for one in repairs
        if one.link in number and all(link in number for link in one.links)
    }


def repaired(routes: Routes, lost: Flags, ways: Around, fence: Callable[[int], str]) -> Routes:
    """The routes with the detours of lost links in their place; the same where nothing is repaired. `fence` is the
    label of a row's.
    """
    if not ways or not len(routes.paths) or not lost.any():
        return routes
    links, first = routes.paths.links, routes.paths.first
    pieces: list[Ints] = []
    lengths = np.diff(first)
    at = 0
    for one in np.flatnonzero(routes.paths.any_on(lost)).tolist():
        own = links[first[one] : first[one + 1]]
        label = fence(int(routes.direction[one]) // 2)
        found = [ways.get((number, label)) if lost[number] else None for number in own.tolist()]
        if all(way is None for way in found):
            continue
        spliced = np.concatenate([own[[place]] if way is None else way for place, way in enumerate(found)])
        pieces += [links[at : first[one]], spliced]
        lengths[one] = len(spliced)
        at = int(first[one + 1])
    if not pieces:
        return routes
    paths = Paths(links=np.concatenate([*pieces, links[at:]]), first=np.concatenate(([0], np.cumsum(lengths))))
    return replace(routes, paths=paths)


def held_up(routes: Routes, choice: Choice, believed_dark: Flags) -> Choice:
    """The choice of headends over repaired `routes`: where none of a direction's paths is believed in, its preferred
    one carries along those of its lists that are repaired.
    """
    if not choice.stranded.any():
        return choice
    preferred = routes.candidate == routes.candidates_of_direction[routes.direction]
    whole = choice.stranded[routes.direction] & preferred & ~routes.paths.any_on(believed_dark)
    weight = np.where(whole, routes.weight, 0.0)
    total = np.bincount(routes.direction, weights=weight, minlength=len(choice.stranded))
    share = choice.share.copy()
    np.divide(weight, total[routes.direction], out=share, where=whole)
    return replace(choice, share=share, stranded=choice.stranded & (total == 0.0))
