"""Looks for a better plan of all that is carried, every few seconds and at once after a repair, and keeps the last few.

    a snapshot, on the event loop -> the solver -> what of it still holds, on the event loop
        -> steps, by the solver too -> a plan, shown; and applied, where that is wanted, worth it, and nothing else goes
        first

The solver is a process of its own where there is one (`optimiser.process`): a thread here waits for it. In a thread it
would have a good part of the interpreter's time, and orders would wait.

It decides nothing by itself: applying is a command like any other, with the moves in it. What is kept is in memory;
after a restart it plans again. Where it is off nothing of this runs.
"""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from highroad.control import rearrange
from highroad.control.better import LEAST_GBPS, Found, Solve, better, score
from highroad.control.book import Book
from highroad.control.commands import ApplyPlan
from highroad.control.names import plan_id
from highroad.control.planner import Planner
from highroad.control.safety import Blast
from highroad.control.together import circle_of
from highroad.errors import Conflict, HighroadError, NotFound
from highroad.model.network import LinkId
from highroad.model.plan import (
    Applied,
    MadeFor,
    Move,
    Optimiser,
    Optimising,
    Plan,
    PlanId,
    Rearrangement,
    Refilled,
    Score,
    Was,
)
from highroad.model.service import Placement, Service, ServiceId
from highroad.planning.sequence import ChangePlan, Harm, sequence
from highroad.ports import Clock, EventRecord, Executor
from highroad.ports.solver import Here, Solver
from highroad.units import gbps_from_mbps

log = logging.getLogger(__name__)

KEPT = 20
"""So many of the last plans can be looked at and applied, if what they were made for is still so."""

SHARE = 4.0
"""It rests for so many times as long as planning took, at least: a fifth of the time."""

TOLD = "highroad.plan."
"""What events of plans begin with."""

BUSY_PER_S = 20.0
"""While more orders come in than so many a second, they are not held up by planning, but for a repair,"""

PATIENT_S = 60.0
"""and for so long at most."""

AT_ONCE_S = 0.05
"""What came together after a repair is planned for together."""

STEP = 200
"""Services in one step at most, whatever the blast radius allows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """When it is looked for a plan, and when one is worth its moves.

    It is where the fullest link, but for those that nobody can be moved off, gets less full by at least `least_gain` of
    its capacity, and by a hundredth for each `moves_per_point` moves; or where none gets fuller than that one is, and
    the mean latency falls by at least `least_latency` as a share, and by a hundredth for each so many moves. Links that
    are less full than `full_from` are nobody's trouble: what is above counts.
    """

    mode: Optimising = Optimising.OFF
    every_s: float = 5.0
    least_gain: float = 0.02
    least_latency: float = 0.05
    moves_per_point: float = 50.0
    full_from: float = 0.5

    def verdict(self, before: Score, after: Score, moves: int) -> tuple[bool, str]:
        """Whether a change is worth it, and why, in words."""
        if not moves:
            return False, "nothing would be better"
        gain = max(before.rest, self.full_from) - max(after.rest, self.full_from)
        faster = 1 - after.latency_ms / before.latency_ms if before.latency_ms > 0 else 0.0
        price = moves / self.moves_per_point / 100
        stuck = (before.rest, after.rest) != (before.utilisation, after.utilisation)
        which = "the fullest link but those that are stuck" if stuck else "the fullest link"
        full = f"{which} would be {after.rest:.1%} full instead of {before.rest:.1%}"
        fast = f"latency {after.latency_ms:.3f} ms instead of {before.latency_ms:.3f} on average"
        many = f"{moves} move{'s' if moves != 1 else ''}"
        if gain >= max(self.least_gain, price):
            return True, f"{full}, by {many}"
        if after.rest <= max(before.rest, self.full_from) and faster >= max(self.least_latency, price):
            return True, f"{fast}, by {many}"
        return False, f"{full}, and {fast}: too little for {many}"


class Replanning:
    """The optimiser in the loop. All of it on the event loop but what is computed."""

    def __init__(
        self,
        *,
        planner: Planner,
        clock: Clock,
        execute: Executor,
        do: Callable[[ApplyPlan], Awaitable[Applied]],
        rules: Rules,
        blast: Blast,
        solver: Solver | None = None,
        solve: Solve | None = None,
    ) -> None:
        self._planner = planner
        self._clock = clock
        self._execute = execute
        self._do = do
        self._rules = rules
        self._blast = blast
        self._solver: Solver = solver or Here()
        self.solve: Solve = solve or partial(better, solver=self._solver)
        self._stopping = False
        self._plans: OrderedDict[PlanId, Plan] = OrderedDict()
        self._newest: Plan | None = None
        self._now = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._hurt = False
        self._applied: dict[PlanId, str] = {}
        """Those that were, and what became of them."""
        self._looked_at: object = None
        self._looked_s: float | None = None
        self._took_s = 0.0
        self._asked, self._asked_s = 0, float("-inf")
        """How much the planner had been asked, and when that was looked at."""
        self._planned_s = float("-inf")
        self._waits = "nothing was looked at yet"

    def start(self) -> None:
        """Begin to plan, unless it is off."""
        if self._rules.mode is not Optimising.OFF:
            self._task = asyncio.create_task(self._run(), name="optimiser")

    async def stop(self) -> None:
        """Plan no more; who computes ends soon, and nobody hears of it."""
        self._stopping = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
            await self._execute(self._solver.close)

    def committed(self, events: Sequence[EventRecord]) -> None:
        """Something was decided: if a failure has been repaired by it, it is planned at once."""
        hurt = bool(self._planner.book.unhealed)
        if self._hurt and not hurt:
            self._now.set()
        self._hurt = hurt
        for event in events:
            plan = PlanId(event.subject)
            if event.kind.startswith(TOLD) and plan in self._plans:
                self._applied[plan] = _outcome(event)

    async def show(self, plan: PlanId | None) -> Optimiser:
        """How it stands, with the newest plan or one of the last. Raises NotFound."""
        book = await self._planner.settled()
        if plan is not None and plan not in self._plans:
            newest = f"; the newest is {self._newest.id}" if self._newest is not None else ""
            raise NotFound(f"there is no plan {plan}, or no longer{newest}")
        shown = self._newest if plan is None else self._plans[plan]
        stale: Sequence[str] = ()
        applied = shown is not None and shown.id in self._applied
        if shown is not None and not applied:
            stale = rearrange.what_changed(book, shown.change.made_for, self._clock.now_s())
        rules = self._rules
        return Optimiser(
            mode=rules.mode,
            every_s=rules.every_s,
            least_gain=rules.least_gain,
            moves_per_point=rules.moves_per_point,
            plan=shown,
            stale=tuple(stale),
            applied=applied,
            outcome="" if shown is None else self._applied.get(shown.id, ""),
            doing=rearrange.doing(book),
            waits="" if rules.mode is Optimising.OFF else self._waits,
            looked_s=self._looked_s,
        )

    async def _run(self) -> None:
        while True:
            await self._pause()
            try:
                await self.look()
            except HighroadError as error:
                log.info("no plan this time: %s", error)
            except Exception:
                log.exception("no plan could be made, and it is tried again")

    async def _pause(self) -> None:
        """Until it is time, or something was repaired."""
        rest_s = max(self._rules.every_s, SHARE * self._took_s)
        waits = [asyncio.create_task(self._clock.sleep(rest_s)), asyncio.create_task(self._now.wait())]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()
        if self._now.is_set():
            await self._clock.sleep(AT_ONCE_S)
            self._now.clear()
            self._planned_s = float("-inf")  # who was moved by a failure does not wait for orders

    async def look(self) -> None:
        """Plan once, if anything has changed since the last time; apply what is worth it where that is wanted."""
        book = await self._planner.settled()
        self._looked_s = self._clock.now_s()
        self._waits = self._goes_first(book)
        if not self._waits and self._busy(self._looked_s):
            self._waits = (
                f"more than {BUSY_PER_S:g} orders come in a second: it plans when it is quieter, or in a minute"
            )
        if self._waits:
            return
        here = (book.ground.calendar, book.ground.calendar.edits, book.revision, book.ground.avoid)
        if here != self._looked_at or self._newest is None:
            begun = time.perf_counter()
            self._newest = await self._planned(book)
            self._plans[self._newest.id] = self._newest
            while len(self._plans) > KEPT:
                old, _ = self._plans.popitem(last=False)
                self._applied.pop(old, None)
            self._took_s, self._planned_s = time.perf_counter() - begun, self._clock.now_s()
            self._looked_at = here
        plan = self._newest
        if self._rules.mode is Optimising.AUTO and plan.worth and plan.id not in self._applied:
            await self._apply(plan)

    def _goes_first(self, book: Book) -> str:
        """What has to be over before a plan is worth making, in words; empty where nothing is in the way."""
        if not book.network.sites:
            return "no network is loaded"
        if book.unhealed:
            return "services are dark and are being repaired: that goes first"
        if book.underway is not None:
            return f"{book.underway.plan or 'a change of several services'} is being made step by step: that goes first"
        if book.freeze is not None and self._rules.mode is Optimising.AUTO:
            return "changes are frozen"
        if book.freeze is None and book.homed != book.openings and book.index.away:
            return "services that were moved by a failure or a drain go home first"
        return ""

    def _busy(self, now_s: float) -> bool:
        """Whether many orders come in, and it was planned not long ago."""
        asked, for_s = self._planner.asked - self._asked, now_s - self._asked_s
        self._asked, self._asked_s = self._planner.asked, now_s
        return asked > BUSY_PER_S * for_s > 0 and now_s - self._planned_s < PATIENT_S

    async def _apply(self, plan: Plan) -> None:
        if self._goes_first(await self._planner.settled()):
            return
        try:
            await self._do(ApplyPlan(change=plan.change))
        except Conflict as error:
            log.info("%s is not applied: %s", plan.id, error)
            self._looked_at = None  # what it was made for has changed: a new one, next time

    # --- a plan -----------------------------------------------------------------------------------------------

    async def _planned(self, book: Book) -> Plan:
        begun_s, begun = self._clock.now_s(), time.perf_counter()
        services = list(book.services.values())
        snapshot = {one.id: one for one in services}
        compute = self.solve(book.ground, services, begun_s, lambda: self._stopping)
        found = await self._execute(compute)
        book = await self._planner.settled()
        now_s = self._clock.now_s()
        chosen, left = _still_so(book, snapshot, found.moves)
        asked = _Order.of(book, chosen, now_s, min(STEP, self._blast.most(book.index.carrying)))
        holds_for = rearrange.made_for(book, [(book.services[one], to) for one, to in chosen.items()], now_s)
        moves = [_move(book, snapshot[one], to) for one, to in found.moves.items()]
        change = await self._execute(lambda: asked.sequence(self._solver))
        left |= _why(change)
        steps = tuple({hop.service: chosen[hop.service] for hop in step.hops} for step in change.steps)
        moved = {one for step in steps for one in step}
        links = _links(found, [one for one in moves if one.service not in moved])
        made_for = _only(holds_for, moved, [one for one in moves if one.service in moved])
        after = found.after if not left else _after(found, links, moves, moved)
        worth, verdict = self._rules.verdict(found.before, after, len(moved))
        name = plan_id()
        return Plan(
            id=name,
            made_s=now_s,
            took_s=time.perf_counter() - begun,
            services=sum(one.wants_carrying for one in services),
            change=Rearrangement(plan=name, made_for=made_for, steps=steps),
            moves=tuple(one for one in moves if one.service in moved),
            left=left,
            links=tuple(one for one in links if abs(one.before_gbps - one.after_gbps) > LEAST_GBPS),
            before=found.before,
            after=after,
            bound=found.bound,
            bare_bound=found.bare_bound,
            group=found.group,
            rest_bound=found.rest_bound,
            gap=found.gap if not left or not after.utilisation else 1 - found.bound / after.utilisation,
            stuck=tuple(found.stuck),
            worth=worth,
            verdict=verdict,
        )


def _outcome(event: EventRecord) -> str:
    """What an event says became of a plan, in words; nothing yet where it has begun."""
    data = event.data
    if event.kind == f"{TOLD}applied":
        return ""
    left = data.get("left", ())
    said = f"{len(data['services'])} moved" + (f", {len(left)} not" if left else "")
    return f"broken off, because {data['text']}: {said}" if event.kind == f"{TOLD}broken-off" else f"done: {said}"


def _still_so(
    book: Book, snapshot: Mapping[ServiceId, Service], moves: Mapping[ServiceId, Placement]
) -> tuple[dict[ServiceId, Placement], dict[ServiceId, str]]:
    """The moves of those that are as they were when they were looked at, and why the others are left out."""
    chosen: dict[ServiceId, Placement] = {}
    left: dict[ServiceId, str] = {}
    for name, to in moves.items():
        before = snapshot[name]
        if before.placement is None:
            continue
        why = rearrange.why_not_as_it_was(book, name, Was(version=before.version, placement=before.placement))
        if why:
            left[name] = f"it {why}"
        elif not rearrange.may_be_at(book, book.services[name], to):
            left[name] = "its place would break a promise, or was found harmful"
        elif to != before.placement:
            chosen[name] = to
    return chosen, left


@dataclass(frozen=True, slots=True, kw_only=True)
class _Order:
    """What `planning.sequence` is asked: values, for a thread."""

    capacity: Mapping[LinkId, int]
    have: Mapping[ServiceId, Mapping[LinkId, int]]
    want: Mapping[ServiceId, Mapping[LinkId, int]]
    at_most: int

    @classmethod
    def of(cls, book: Book, chosen: Mapping[ServiceId, Placement], now_s: float, at_most: int) -> _Order:
        """A link has for them what is free of it, and what they have; at least what they have, and are to have."""
        have = {one: {} if (at := book.services[one].placement) is None else at.load_mbps() for one in chosen}
        want = {one: to.load_mbps() for one, to in chosen.items()}
        sums: tuple[dict[LinkId, int], dict[LinkId, int]] = ({}, {})
        for loads, total in zip((have, want), sums, strict=True):
            for load in loads.values():
                for link, rate in load.items():
                    total[link] = total.get(link, 0) + rate
        held, wanted = sums
        capacity = {
            link: max(rearrange.free_of(book, link, now_s) + held.get(link, 0), held.get(link, 0))
            for link in {**held, **wanted}
        }
        return cls(capacity=capacity, have=have, want=want, at_most=at_most)

    def sequence(self, solver: Solver) -> ChangePlan:
        """The steps, without any harm."""
        if not self.have:
            return ChangePlan(steps=())
        return solver.call(
            sequence,
            self.capacity,
            self.have,
            self.want,
            at_most=max(1, self.at_most),
            allow=Harm.NONE,
            whole=frozenset(self.have),
        )


def _why(change: ChangePlan) -> dict[ServiceId, str]:
    """Why services have no order."""
    knots = {service: knot for knot in change.knots for service in knot.services}
    said: dict[ServiceId, str] = {}
    for one in change.left:
        knot = knots.get(one.service)
        short = f"{one.link} has {gbps_from_mbps(one.short_mbps):g} Gbit/s too little for it"
        said[one.service] = circle_of(knot) if knot is not None and knot.circle else short
    return said


def _move(book: Book, service: Service, to: Placement) -> Move:
    was = service.placement
    if was is None:
        raise ValueError(f"{service.id} is nowhere")
    return Move(
        service=service.id,
        tenant=service.tenant,
        rate_gbps=service.order.bandwidth_gbps,
        was=was,
        to=to,
        before_ms=book.latency_ms(was),
        after_ms=book.latency_ms(to),
    )


def _only(holds_for: MadeFor, moved: set[ServiceId], moves: Sequence[Move]) -> MadeFor:
    """What a plan holds for, of those that have an order."""
    more = {link for one in moves for link in rearrange.more_of(one.was, one.to)}
    return replace(
        holds_for,
        services={one: was for one, was in holds_for.services.items() if one in moved},
        free_mbps={link: free for link, free in holds_for.free_mbps.items() if link in more},
    )


def _links(found: Found, stays: Sequence[Move]) -> list[Refilled]:
    """The links of a solver's plan, as they are if some of it is not made; the fullest first."""
    more: dict[LinkId, float] = {}
    for one in stays:
        for placement, sign in ((one.to, -1), (one.was, +1)):
            for link, rate in placement.load_mbps().items():
                more[link] = more.get(link, 0.0) + sign * gbps_from_mbps(rate)
    links = [replace(one, after_gbps=one.after_gbps + more.get(one.link, 0.0)) for one in found.links]
    return sorted(links, key=lambda one: (-_fill(one.before_gbps, one), -_fill(one.after_gbps, one), one.link))


def _after(found: Found, links: Sequence[Refilled], moves: Sequence[Move], moved: set[ServiceId]) -> Score:
    """What is left of a gain where some of the moves are not made."""
    gained, gone = (
        sum(one.rate_gbps * (one.before_ms - one.after_ms) for one in some)
        for some in (moves, [one for one in moves if one.service not in moved])
    )
    share = gone / gained if gained and math.isfinite(gone / gained) else 0.0
    latency_ms = found.after.latency_ms + (found.before.latency_ms - found.after.latency_ms) * share
    return score(links, found.stuck, latency_ms, after=True)


def _fill(gbps: float, link: Refilled) -> float:
    return gbps / link.capacity_gbps if link.capacity_gbps > 0 else 0.0
