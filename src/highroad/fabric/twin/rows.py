"""What headends hold as arrays that grow at their end: a change costs what it changes, not what is held.

Every service has a row, and in it two directions, their candidate paths, their lists and the links of those; a service
that is replaced gets another row, after all others. A row that is nobody's any more leads nowhere and offers nothing,
so that no sum sees it; when there are more of them than of others they are cut out.
"""

from __future__ import annotations

from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from highroad.fabric.twin.headend import Choice, Routes
from highroad.planning.fair import Flags, Ints, Paths

A = TypeVar("A", bound=NDArray[Any])

LEAST_IDLE = 1000
"""So many rows may always be nobody's."""


class Tail(Generic[A]):
    """An array that grows at its end. What `now` gives is written through, until it grows."""

    __slots__ = ("_room", "_size", "now")

    def __init__(self, values: A) -> None:
        self._room = self.now = values
        self._size = len(values)

    def add(self, values: A) -> None:
        """Have more at the end."""
        begin, end = self._size, self._size + len(values)
        if end > len(self._room):
            room = np.empty((max(end, 2 * len(self._room)), *self._room.shape[1:]), dtype=self._room.dtype)
            room[:begin] = self._room[:begin]
            self._room = room  # type: ignore[assignment]
        self._room[begin:end] = values
        self._size = end
        self.now = self._room[:end]  # type: ignore[assignment]


class Rows:
    """The routes of services and what headends choose among them, row by row."""

    def __init__(self, routes: Routes, choice: Choice) -> None:
        paths = routes.paths
        self._links, self._first, self._flow = Tail(paths.links), Tail(paths.first), Tail(paths.flow)
        self._weight, self._list_ms = Tail(routes.weight), Tail(routes.latency_ms)
        self._candidate, self._direction = Tail(routes.candidate), Tail(routes.direction)
        self._lists_of, self._candidates_of = Tail(routes.lists_of_candidate), Tail(routes.candidates_of_direction)
        self._rank = Tail(routes.rank)
        self._guaranteed, self._ceiling = Tail(routes.guaranteed_gbps), Tail(routes.ceiling_gbps)
        self._share, self._stranded, self._latency = (
            Tail(choice.share),
            Tail(choice.stranded),
            Tail(choice.latency_ms),
        )
        self.idle = 0
        """How many rows are nobody's."""
        self._look()

    def __len__(self) -> int:
        return len(self.routes.rank) // 2

    @property
    def worn(self) -> bool:
        """Whether it is time to cut out what is nobody's."""
        return self.idle > LEAST_IDLE and 2 * self.idle > len(self)

    def add(self, routes: Routes, choice: Choice) -> None:
        """Have more rows at the end."""
        lists, candidates, directions = len(self._weight.now), len(self._lists_of.now), len(self._rank.now)
        paths = routes.paths
        links = len(self._links.now)
        self._links.add(paths.links)
        self._first.add(paths.first[1:] + links)
        self._flow.add(paths.flow + lists)
        self._weight.add(routes.weight)
        self._list_ms.add(routes.latency_ms)
        self._candidate.add(routes.candidate + candidates)
        self._direction.add(routes.direction + directions)
        self._lists_of.add(routes.lists_of_candidate + lists)
        self._candidates_of.add(routes.candidates_of_direction + candidates)
        self._rank.add(routes.rank)
        self._guaranteed.add(routes.guaranteed_gbps)
        self._ceiling.add(routes.ceiling_gbps)
        self._share.add(choice.share)
        self._stranded.add(choice.stranded)
        self._latency.add(choice.latency_ms)
        self._look()

    def choose(self, choice: Choice) -> None:
        """Carry along these lists from now on."""
        self._share, self._stranded, self._latency = (
            Tail(choice.share),
            Tail(choice.stranded),
            Tail(choice.latency_ms),
        )
        self._look()

    def drop(self, row: int, nowhere: int) -> slice:
        """Be nobody's: lead to a link that is always dark, and offer nothing. Returns its lists."""
        lists = self.lists(row)
        first = self._first.now
        self._links.now[first[lists.start] : first[lists.stop]] = nowhere
        self._share.now[lists] = 0.0
        for tail in (self._guaranteed, self._ceiling):
            tail.now[2 * row : 2 * row + 2] = 0.0
        self._stranded.now[2 * row : 2 * row + 2] = True
        self.idle += 1
        return lists

    def lists(self, row: int) -> slice:
        """The lists of a row."""
        candidates = self._candidates_of.now
        begin = candidates[2 * row]
        end = candidates[2 * row + 2] if 2 * row + 2 < len(candidates) else len(self._lists_of.now)
        lists = self._lists_of.now
        return slice(int(lists[begin]), int(lists[end]) if end < len(lists) else len(self._weight.now))

    def kept(self, rows: Flags) -> tuple[Routes, Choice]:
        """Only these rows, numbered anew."""
        directions = np.repeat(rows, 2)
        here, choice = self.routes, self.choice
        lists = directions[here.direction]
        candidates = np.zeros(len(here.lists_of_candidate), dtype=np.bool_)
        candidates[here.candidate[lists]] = True
        paths = here.paths
        lengths = np.diff(paths.first)[lists]
        number = [np.cumsum(kept) - 1 for kept in (directions, candidates, lists)]
        routes = Routes(
            paths=Paths(links=paths.links[lists[paths.flow]], first=_starts(lengths)),
            weight=here.weight[lists],
            latency_ms=here.latency_ms[lists],
            candidate=number[1][here.candidate[lists]],
            direction=number[0][here.direction[lists]],
            lists_of_candidate=number[2][here.lists_of_candidate[candidates]],
            candidates_of_direction=number[1][here.candidates_of_direction[directions]],
            rank=here.rank[directions],
            guaranteed_gbps=here.guaranteed_gbps[directions],
            ceiling_gbps=here.ceiling_gbps[directions],
        )
        kept = Choice(
            share=choice.share[lists],
            stranded=choice.stranded[directions],
            latency_ms=choice.latency_ms[directions],
        )
        return routes, kept

    def _look(self) -> None:
        self.routes = Routes(
            paths=Paths.known(links=self._links.now, first=self._first.now, flow=self._flow.now),
            weight=self._weight.now,
            latency_ms=self._list_ms.now,
            candidate=self._candidate.now,
            direction=self._direction.now,
            lists_of_candidate=self._lists_of.now,
            candidates_of_direction=self._candidates_of.now,
            rank=self._rank.now,
            guaranteed_gbps=self._guaranteed.now,
            ceiling_gbps=self._ceiling.now,
        )
        self.choice = Choice(share=self._share.now, stranded=self._stranded.now, latency_ms=self._latency.now)


def _starts(lengths: Ints) -> Ints:
    return np.concatenate((np.zeros(1, dtype=np.intp), np.cumsum(lengths)))
