"""A change of many services as steps, each of which fits with the old and the new together, or what stands in the way.

In a step some services move. Until routers have confirmed all of them, each may be carried as before, as after, or as
both: so every link has room for the larger of the two (one stream, not two), beside all else as it is then. This is
how SWAN (Hong et al., SIGCOMM 2013), zUpdate (Liu et al., 2013) and Dionysus (Jin et al., SIGCOMM 2014) order theirs.

Where services wait for each other in a circle there is no such order. The knot is named, and undone with the least
harm that does it: a detour over a third way, then a split (moving a share at a time), then, as the last resort, a
stated reduction of the lowest class for one step.

    links, present loads, wanted loads -> `untangle` (which first) -> `knots` (where none can be) -> steps
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from highroad.model.network import LinkId
from highroad.model.service import ServiceId, TrafficClass
from highroad.planning.knots import Knots
from highroad.planning.moves import Moved, Together, split
from highroad.planning.untangle import Delta

Load = Mapping[LinkId, int]
"""What a service takes of each link, Mbit/s."""

SHARES = 16
"""Into how many shares a service may be split, unless a caller says otherwise."""

FEW = 8
"""Of so many moves that follow one another all orders are looked at, where fewer steps than were found may do."""

LOOK_AHEAD = 256
"""How many moves that do not fit a step are passed over in search of one that does."""


class Harm(IntEnum):
    """What a change does beside what it is for, least first."""

    NONE = 0
    DETOUR = 1
    """A service goes over a third way for a while: one more change of its path."""
    SPLIT = 2
    """A service is on two ways at a time, which may differ in latency."""
    REDUCTION = 3
    """A guarantee is not kept for one step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """A service moves to what is wanted of it, from wherever it is."""

    service: ServiceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Detour:
    """A service moves to one of the third ways that were given for it, by its place there."""

    service: ServiceId
    third: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """So many shares of a service are now on its new way, the rest on the one where it was."""

    service: ServiceId
    moved: int
    of: int


Hop = Whole | Detour | Share


@dataclass(frozen=True, slots=True, kw_only=True)
class Reduction:
    """A service gets so much less on each of its links, from before a step until it is confirmed."""

    service: ServiceId
    by_mbps: int
    for_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What may be told to routers at once; the next step is told when all of it is confirmed."""

    hops: tuple[Hop, ...]
    reductions: tuple[Reduction, ...] = ()

    @property
    def harm(self) -> Harm:
        """The worst that it does."""
        if self.reductions:
            return Harm.REDUCTION
        return max((_harm(hop) for hop in self.hops), default=Harm.NONE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """A service needs more of a link than is free there until `held_by` has left it."""

    service: ServiceId
    link: LinkId
    needs_mbps: int
    free_mbps: int
    held_by: ServiceId


@dataclass(frozen=True, slots=True, kw_only=True)
class Knot:
    """Services that have no order: a circle of waits, each for the next and the last for the first.

    `services` are all that are caught. `proven` says that no other order helps; without it none was found.
    `harm` is the least with which it is undone, None where more would be needed than was allowed.
    """

    circle: tuple[Wait, ...]
    services: tuple[ServiceId, ...]
    proven: bool
    harm: Harm | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Left:
    """A service that is not moved: its link has so much too little for it, in the end or as long as a knot stays."""

    service: ServiceId
    link: LinkId
    short_mbps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePlan:
    """The steps of a change in order, the knots on the way, and what cannot be moved."""

    steps: tuple[Step, ...]
    knots: tuple[Knot, ...] = ()
    left: tuple[Left, ...] = ()

    @property
    def harm(self) -> Harm:
        """The worst that any step does."""
        return max((step.harm for step in self.steps), default=Harm.NONE)


def sequence(
    capacity: Mapping[LinkId, int],
    have: Mapping[ServiceId, Load],
    want: Mapping[ServiceId, Load],
    *,
    at_most: int,
    classes: Mapping[ServiceId, TrafficClass] | None = None,
    thirds: Mapping[ServiceId, Sequence[Load]] | None = None,
    shares: int = SHARES,
    step_s: float = 1.0,
    allow: Harm = Harm.REDUCTION,
    whole: Collection[ServiceId] = (),
) -> ChangePlan:
    """Steps of at most so many services that lead from what is held to what is wanted.

    Who is only in `have` goes, who is only in `want` comes, who is the same in both stays and counts on its links. A
    link that is over its capacity holds up whoever would take more of it, and nobody else. A service without a class
    is `assured`. A step is taken to last `step_s`. Does no more harm than is allowed: what would need more is `left`.
    Nobody in `whole` is split.
    """
    if at_most < 1 or shares < 2:
        raise ValueError(f"a step moves at least 1 service and a split has at least 2 shares: {at_most}, {shares}")
    knots = Knots(capacity, have, want, classes or {}, thirds or {}, shares, whole)
    moved = knots.plan(int(allow))
    names = knots.names
    told = tuple(
        Knot(
            circle=tuple(
                Wait(service=w.service, link=names[w.link], needs_mbps=w.needs, free_mbps=w.free, held_by=w.held_by)
                for w in knot.circle
            ),
            services=tuple(sorted(knot.services)),
            proven=knot.proven,
            harm=None if knot.harm is None else Harm(knot.harm),
        )
        for knot in knots.told
    )
    left = tuple(Left(service=service, link=names[link], short_mbps=short) for service, link, short in knots.left)
    return ChangePlan(steps=tuple(_steps(moved, knots.room_at_start, at_most, step_s)), knots=told, left=left)


def held_after(hop: Hop, before: Load, want: Load, thirds: Sequence[Load] = ()) -> Load:
    """What a service holds when a hop is done; `before` is what it held when the change began."""
    match hop:
        case Whole():
            return want
        case Detour(third=third):
            return thirds[third]
        case Share(moved=moved, of=of):
            return split(before, want, moved, of)


def _harm(hop: Hop) -> Harm:
    match hop:
        case Whole():
            return Harm.NONE
        case Detour():
            return Harm.DETOUR
        case Share():
            return Harm.SPLIT


def _steps(out: Sequence[Moved | Together], room: dict[int, int], at_most: int, step_s: float) -> list[Step]:
    """Moves that are in order one by one, as few steps."""
    steps: list[Step] = []
    run: list[Moved] = []
    for each in _side_by_side(out, at_most):
        if isinstance(each, Moved):
            run.append(each)
            continue
        steps += _packed(run, room, at_most)
        run = []
        lasting = -(-len(each.moves) // at_most) * step_s
        reductions = tuple(Reduction(service=s, by_mbps=by, for_s=lasting) for s, by in each.reductions)
        for place in range(0, len(each.moves), at_most):
            hops = tuple(_hop(move) for move in each.moves[place : place + at_most])
            steps.append(Step(hops=hops, reductions=reductions))
        for move in each.moves:
            _take(move.delta, room)
            _give(move.delta, room)
    return steps + _packed(run, room, at_most)


def _side_by_side(out: Sequence[Moved | Together], at_most: int) -> list[Moved | Together]:
    """Knots that follow one another and have no link and no reduced service in common are undone in one step."""
    joined: list[Moved | Together] = []
    links: set[int] = set()
    reduced: set[ServiceId] = set()
    for each in out:
        last = joined[-1] if joined else None
        if isinstance(each, Moved):
            joined.append(each)
            continue
        here = {link for move in each.moves for link, _ in move.delta}
        whom = {service for service, _ in each.reductions}
        if (
            isinstance(last, Together)
            and len(last.moves) + len(each.moves) <= at_most
            and links.isdisjoint(here)
            and reduced.isdisjoint(whom)
        ):
            joined[-1] = Together(moves=last.moves + each.moves, reductions=last.reductions + each.reductions)
            links, reduced = links | here, reduced | whom
        else:
            joined.append(each)
            links, reduced = here, whom
    return joined


def _packed(pending: list[Moved], room: dict[int, int], at_most: int) -> list[Step]:
    """The moves in as few steps as are found, of a few in as few as there are; `room` is what is left after them."""
    before = dict(room)
    found = _in_order(pending, room, at_most)
    alone = len({move.service for move in pending}) == len(pending)
    if alone and len(pending) <= FEW and len(found) > max(2, -(-len(pending) // at_most)):
        found = _fewest(pending, before, at_most, len(found)) or found
    return [Step(hops=tuple(_hop(move) for move in taken)) for taken in found]


def _fewest(moves: Sequence[Moved], room: Mapping[int, int], at_most: int, most: int) -> list[list[Moved]] | None:
    """The fewest steps, if they are fewer than `most`: which moves can be done after one step, after two, and so on."""
    takes = [[(link, more) for link, more in move.delta if more > 0] for move in moves]
    room = {link: room[link] for move in moves for link, _ in move.delta}
    every = (1 << len(moves)) - 1
    steps: dict[int, list[int]] = {0: []}
    now = [0]
    for _ in range(1, most):
        then: list[int] = []
        for done in now:
            here = dict(room)
            for place, move in enumerate(moves):
                if done >> place & 1:
                    _take(move.delta, here)
                    _give(move.delta, here)
            for taken in _fitting(takes, here, done, at_most):
                after = done | taken
                if after not in steps:
                    steps[after] = [*steps[done], taken]
                    then.append(after)
        if every in steps:
            return [[move for place, move in enumerate(moves) if taken >> place & 1] for taken in steps[every]]
        now = then
    return None


def _fitting(takes: Sequence[Delta], room: dict[int, int], done: int, at_most: int) -> Iterator[int]:
    """The sets of moves not done yet that fit beside each other, by bits."""
    sets: list[tuple[int, int, dict[int, int]]] = [(0, 0, room)]
    while sets:
        taken, place, left = sets.pop()
        if taken:
            yield taken
        if taken.bit_count() == at_most:
            continue
        for one in range(place, len(takes)):
            if not done >> one & 1 and all(more <= left[link] for link, more in takes[one]):
                less = dict(left)
                _take(takes[one], less)
                sets.append((taken | 1 << one, one + 1, less))


def _in_order(pending: list[Moved], room: dict[int, int], at_most: int) -> list[list[Moved]]:
    """Each step takes the first move and what of those after it can do without those before.

    A move may overtake others where it leaves them all that they take, without counting on what they give.
    """
    steps: list[list[Moved]] = []
    most_passed = min(LOOK_AHEAD, 8 * at_most) if at_most > 1 else 0
    start = 0
    passed: list[Moved] = []
    while passed or start < len(pending):
        taken: list[Moved] = []
        again, passed = passed, []
        kept: dict[int, int] = {}
        busy: set[ServiceId] = set()
        waiting = iter(again)
        while len(taken) < at_most and len(passed) <= most_passed:
            move = next(waiting, None)
            if move is None:
                if start == len(pending):
                    break
                move, start = pending[start], start + 1
            if _joins(move, room, kept, busy):
                taken.append(move)
                _take(move.delta, room)
            else:
                passed.append(move)
                for link, more in move.delta:
                    if more > 0:
                        kept[link] = kept.get(link, 0) + more
            busy.add(move.service)
        passed.extend(waiting)
        if not taken:
            raise AssertionError(f"{passed[0]} is the next in order and does not fit: {room}")
        for move in taken:
            _give(move.delta, room)
        steps.append(taken)
    return steps


def _joins(move: Moved, room: Mapping[int, int], kept: Mapping[int, int], busy: Collection[ServiceId]) -> bool:
    if move.service in busy:
        return False
    return all(more + kept.get(link, 0) <= room[link] for link, more in move.delta if more > 0)


def _take(delta: Delta, room: dict[int, int]) -> None:
    for link, more in delta:
        if more > 0:
            room[link] -= more


def _give(delta: Delta, room: dict[int, int]) -> None:
    for link, more in delta:
        if more < 0:
            room[link] -= more


def _hop(move: Moved) -> Hop:
    if move.third is not None:
        return Detour(service=move.service, third=move.third)
    if move.share is not None:
        return Share(service=move.service, moved=move.share[0], of=move.share[1])
    return Whole(service=move.service)
