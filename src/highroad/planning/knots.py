"""A change move by move, in order; and where services wait for each other in a circle, the least harm that helps.

Works on numbered links and services, on the room as it is at each point; `highroad.planning.sequence` makes steps of
what comes out, and explains the words.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from highroad.model.network import LinkId
from highroad.model.service import ServiceId, TrafficClass
from highroad.planning.moves import Givers, Moved, Together, Told, Waits, after, delta_of, givers_of, split
from highroad.planning.untangle import Delta, Peel, Stuck, find_order, fits, preferences

DETOURS_TOGETHER = 3
"""So many services at most are on a detour at once to undo one knot..."""

DETOURS_TRIED = 200
"""... and so many detours are tried."""

MANY_CAUGHT = 200
"""Larger knots are undone circle by circle, without looking for a better order after each."""

DETOUR, SPLIT, REDUCTION = 1, 2, 3


class Knots:
    """A change of services, worked through once by `plan`."""

    def __init__(
        self,
        capacity: Mapping[LinkId, int],
        have: Mapping[ServiceId, Mapping[LinkId, int]],
        want: Mapping[ServiceId, Mapping[LinkId, int]],
        classes: Mapping[ServiceId, TrafficClass],
        thirds: Mapping[ServiceId, Sequence[Mapping[LinkId, int]]],
        shares: int,
        whole: Collection[ServiceId] = (),
    ) -> None:
        self._whole = whole
        self.have, self.want, self.classes, self.thirds, self.shares = have, want, classes, thirds, shares
        self.names: list[LinkId] = []
        self._number: dict[LinkId, int] = {}
        self.services = [
            service for service in dict.fromkeys((*have, *want)) if have.get(service, {}) != want.get(service, {})
        ]
        every = (
            (number, delta_of(have.get(s, {}), want.get(s, {}), self._link)) for number, s in enumerate(self.services)
        )
        self.moves = {number: delta for number, delta in every if delta}
        for service in self.services:
            for load in (have.get(service, {}), want.get(service, {}), *thirds.get(service, ())):
                for link in load:
                    self._link(link)
        present = [0] * len(self.names)
        for load in have.values():
            for link, rate in load.items():
                if (number := self._number.get(link)) is not None:
                    present[number] += rate
        self.room = {number: capacity.get(link, 0) - present[number] for number, link in enumerate(self.names)}
        self.room_at_start = dict(self.room)
        self.allow = 0
        self._tries = 0
        self._last_circle: list[Waits] = []
        self.out: list[Moved | Together] = []
        self.told: list[Told] = []
        self.left: list[tuple[ServiceId, int, int]] = []
        self._moved: set[ServiceId] = set()
        self._holders: dict[LinkId, list[ServiceId]] | None = None

    def plan(self, allow: int) -> list[Moved | Together]:
        """The moves in order, with no more harm than is allowed."""
        self.allow = allow
        moves = self._without_overfull()
        self._work(moves)
        return self.out

    def _work(self, moves: dict[int, Delta]) -> None:
        order = find_order(moves, self.room)
        for number in order.first:
            self._do(Moved(service=self.services[number], delta=moves[number]))
        for stuck in order.stuck:
            self._undo(stuck, moves)
        waiting = order.last
        while waiting:
            late = [move for move in waiting if not self._do_if_fits(move, moves[move])]
            if len(late) == len(waiting):
                break
            waiting = late
        for move in waiting:
            self._leave(move, moves[move])

    def _without_overfull(self) -> dict[int, Delta]:
        """The moves without those that would take more than a link has in the end: lowest class and largest first."""
        moves = dict(self.moves)
        final = dict(self.room)
        takers: dict[int, list[int]] = {}
        for move, delta in moves.items():
            for link, more in delta:
                final[link] -= more
                if more > 0:
                    takers.setdefault(link, []).append(move)
        over = [link for link in takers if final[link] < 0]
        while over:
            link = over.pop()
            here = {move: dict(moves[move])[link] for move in takers.get(link, ()) if move in moves}
            for move in sorted(here, key=lambda move: (-self._rank(self.services[move]), -here[move], move)):
                if final[link] >= 0:
                    break
                self.left.append((self.services[move], link, -final[link]))
                for each, more in moves.pop(move):
                    final[each] += more
                    if final[each] < 0 and each != link:
                        over.append(each)
        return moves

    def _undo(self, stuck: Stuck, moves: Mapping[int, Delta]) -> None:
        caught = {move: moves[move] for move in stuck.moves}
        circle = self._circle(caught, stuck.moves[0], givers_of(caught).__getitem__)
        round_it = {waits.service for waits in circle}
        caught = dict(sorted(caught.items(), key=lambda each: self.services[each[0]] not in round_it))
        told = Told(circle=circle, services=[self.services[move] for move in caught], proven=stuck.proven)
        self.told.append(told)
        for harm, ways in ((DETOUR, self._detour), (SPLIT, self._split)):
            if harm <= self.allow and (found := ways(caught)) is not None:
                told.harm = harm
                for moved in found:
                    self._do(moved)
                return
        if self.allow < REDUCTION:
            for move, delta in caught.items():
                self._leave(move, delta)
        elif len(caught) > MANY_CAUGHT:
            self._by_circles(caught, told)
        elif (done := self._reduce(caught, givers_of(caught).__getitem__)) is not None:
            told.harm = REDUCTION
            self._work({move: delta for move, delta in caught.items() if move not in done})

    def _by_circles(self, caught: Mapping[int, Delta], told: Told) -> None:
        """Reduction after reduction, with what has room in between; in a large knot there is no time to look back."""
        peel = Peel(caught, self.room)
        peel.run(preferences(caught, peel)[0])
        while peel.left:
            group = self._reduce(peel.left, peel.givers)
            if group is None:
                break
            if told.harm is not None:
                again = [self.services[move] for move in group]
                told = Told(circle=self._last_circle, services=again, proven=False)
                self.told.append(told)
            told.harm = REDUCTION
            for move in group:
                peel.take(move)
            begun = len(peel.first)
            peel.run()
            for move in peel.first[begun:]:
                self._do(Moved(service=self.services[move], delta=caught[move]))
        for move in reversed(peel.last):
            self._do(Moved(service=self.services[move], delta=caught[move]))

    # --- the ways out of a knot

    def _detour(self, caught: Mapping[int, Delta]) -> list[Moved] | None:
        self._tries = DETOURS_TRIED
        return self._detours(dict(caught), dict(self.room), DETOURS_TOGETHER)

    def _detours(self, caught: dict[int, Delta], room: dict[int, int], more: int) -> list[Moved] | None:
        """Park one service on a third way and look again; where none is enough alone, go on from the best."""
        best: tuple[int, list[Moved], dict[int, Delta], dict[int, int]] | None = None
        for move in caught:
            service = self.services[move]
            for place, third in enumerate(self.thirds.get(service, ())):
                there = delta_of(self.have.get(service, {}), third, self._link)
                if caught[move] != self.moves[move] or not there or not fits(there, room) or self._tries <= 0:
                    continue
                self._tries -= 1
                space = after(room, there)
                rest = {**caught, move: delta_of(third, self.want.get(service, {}), self._link)}
                order = find_order(rest, space)
                begun = [Moved(service=service, delta=there, third=place)]
                begun += [Moved(service=self.services[each], delta=rest[each]) for each in order.first]
                if not order.stuck:
                    return begun + [Moved(service=self.services[each], delta=rest[each]) for each in order.last]
                left = {each: rest[each] for stuck in order.stuck for each in stuck.moves}
                left.update({each: rest[each] for each in order.last})
                if best is None or len(left) < best[0]:
                    for each in order.first:
                        space = after(space, rest[each])
                    best = (len(left), begun, left, space)
        if best is None or more <= 1:
            return None
        _, begun, left, space = best
        found = self._detours(left, space, more - 1)
        return None if found is None else begun + found

    def _split(self, caught: Mapping[int, Delta]) -> list[Moved] | None:
        """Each in turn moves as many shares as there is room for, until all are over or nobody gets on."""
        room = dict(self.room)
        done = dict.fromkeys(caught, 0)
        now = {move: self.have.get(self.services[move], {}) for move in caught}
        out: list[Moved] = []
        while any(share < self.shares for share in done.values()):
            before = len(out)
            for move in caught:
                if (on := self._further(move, done[move], now[move], room)) is None:
                    continue
                done[move], now[move], moved = on
                room = after(room, moved.delta)
                out.append(moved)
            if len(out) == before:
                return None
        return out

    def _further(
        self, move: int, done: int, now: Mapping[LinkId, int], room: Mapping[int, int]
    ) -> tuple[int, Mapping[LinkId, int], Moved] | None:
        service = self.services[move]
        have, want = self.have.get(service, {}), self.want.get(service, {})
        one_way = service in self._whole
        least = want if one_way else split(have, want, done + 1, self.shares)
        if done == self.shares or not fits(delta_of(now, least, self._link), room):
            return None  # more shares take no less
        for share in range(self.shares, self.shares - 1 if one_way else done, -1):
            load = want if share == self.shares else split(have, want, share, self.shares)
            delta = delta_of(now, load, self._link)
            if fits(delta, room) and (delta or share == self.shares):
                whole = None if share == self.shares else (share, self.shares)
                return share, load, Moved(service=service, delta=delta, share=whole)
        return None

    def _reduce(self, caught: Mapping[int, Delta], givers: Givers) -> set[int] | None:
        """A circle moves together, and what then is too much is taken from the lowest class on the links."""
        start = next(iter(caught))
        self._last_circle = self._circle(caught, start, givers)
        group = self._closed({waits.move for waits in self._last_circle} or {start}, caught, givers)
        if group is None:
            return None
        moves = tuple(Moved(service=self.services[move], delta=caught[move]) for move in sorted(group))
        self.out.append(Together(moves=moves, reductions=tuple(sorted(self._relief(group).items()))))
        for moved in moves:
            self._apply(moved)
        return group

    def _closed(self, group: set[int], caught: Mapping[int, Delta], givers: Givers) -> set[int] | None:
        """The group and who must move with it, so that there is room for all once they have moved."""
        while True:
            total: dict[int, int] = {}
            for move in group:
                for link, more in caught[move]:
                    total[link] = total.get(link, 0) + more
            short = next((link for link, more in total.items() if more > 0 and more > self.room[link]), None)
            if short is None:
                return group
            giver = next((move for _, move in givers(short) if move not in group), None)
            if giver is None:
                return None
            group = group | {giver}

    def _relief(self, group: Iterable[int]) -> dict[ServiceId, int]:
        """By how much whom is reduced while the group moves: the lowest class first, in it who relieves most."""
        moving = {self.services[move]: self.moves[move] for move in group}
        taken: dict[int, int] = {}
        for delta in moving.values():
            for number, more in delta:
                if more > 0:
                    taken[number] = taken.get(number, 0) + more
        need = {self.names[number]: more - self.room[number] for number, more in taken.items()}
        need = {link: short for link, short in need.items() if short > 0}
        loads: dict[ServiceId, dict[LinkId, int]] = {}
        for service in {*(s for link in need for s in self._on(link)), *moving}:
            now = self._now(service)
            then = self.want.get(service, {}) if service in moving else now
            most = {link: max(now.get(link, 0), then.get(link, 0)) for link in (*now, *then)}
            loads[service] = {link: rate for link, rate in most.items() if link in need}
        out: dict[ServiceId, int] = {}
        for rank in range(len(TrafficClass) - 1, -1, -1):
            heap = [(-math.inf, service) for service in loads if self._rank(service) == rank]
            while heap and need:
                liked, service = heapq.heappop(heap)
                short = {link: min(rate, need[link]) for link, rate in loads[service].items() if link in need}
                if liked < -sum(short.values()):  # others took part of what it could relieve: look again in its turn
                    heapq.heappush(heap, (-sum(short.values()), service))
                elif short:
                    out[service] = by = max(short.values())
                    for link in short:
                        need[link] -= min(by, loads[service][link])
                        if need[link] <= 0:
                            del need[link]
        return out

    # --- what is where

    def _circle(self, caught: Mapping[int, Delta], start: int, givers: Givers) -> list[Waits]:
        """From a service on, who is waited for where the most is short, until one comes again."""
        path: list[Waits] = []
        at: dict[int, int] = {}
        move = start
        while move not in at:
            at[move] = len(path)
            blocked = [
                (self.room[link] - more, link, more) for link, more in caught[move] if more > max(0, self.room[link])
            ]
            if not blocked or not (giving := givers(min(blocked)[1])):
                return []
            _, link, more = min(blocked)
            giver = giving[0][1]
            path.append(
                Waits(
                    move=move,
                    service=self.services[move],
                    link=link,
                    needs=more,
                    free=max(0, self.room[link]),
                    held_by=self.services[giver],
                )
            )
            move = giver
        return path[at[move] :]

    def _do(self, move: Moved) -> None:
        self.out.append(move)
        self._apply(move)

    def _apply(self, move: Moved) -> None:
        for link, more in move.delta:
            self.room[link] -= more
        if move.third is None and move.share is None:
            self._moved.add(move.service)

    def _do_if_fits(self, move: int, delta: Delta) -> bool:
        if not fits(delta, self.room):
            return False
        self._do(Moved(service=self.services[move], delta=delta))
        return True

    def _leave(self, move: int, delta: Delta) -> None:
        short = [(self.room[link] - more, link) for link, more in delta if more > max(0, self.room[link])]
        least, link = min(short, default=(0, delta[0][0]))
        self.left.append((self.services[move], link, -least))

    def _now(self, service: ServiceId) -> Mapping[LinkId, int]:
        return (self.want if service in self._moved else self.have).get(service, {})

    def _on(self, link: LinkId) -> Iterator[ServiceId]:
        """Who takes anything of a link now."""
        if self._holders is None:
            self._holders = {}
            for loads in (self.have, self.want):
                for service, load in loads.items():
                    for each in load:
                        self._holders.setdefault(each, []).append(service)
        return (service for service in self._holders.get(link, ()) if self._now(service).get(link, 0) > 0)

    def _rank(self, service: ServiceId) -> int:
        return self.classes.get(service, TrafficClass.ASSURED).rank

    def _link(self, link: LinkId) -> int:
        number = self._number.get(link)
        if number is None:
            number = self._number[link] = len(self.names)
            self.names.append(link)
        return number
