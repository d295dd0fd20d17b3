"""A better plan is looked for now and then, and at once after a repair; it waits for a yes, or is applied."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from highroad.control import replanning
from highroad.control.better import better
from highroad.control.commands import ApplyPlan
from highroad.control.deeds import ReadPlan
from highroad.control.replanning import Replanning, Rules
from highroad.control.trial import Check
from highroad.errors import Conflict, NotFound, Unavailable
from highroad.model.lifecycle import State
from highroad.model.plan import Optimiser, Optimising, Plan, PlanId, Score
from highroad.model.service import Protection, Service
from highroad.planning.replan import Asked, Replan
from highroad.planning.solve.answer import Limits
from highroad.ports.solver import Here
from tests.support.better import Knows
from tests.support.country import NORTH, OTHER, country
from tests.unit.control.rig import Rig, carried, rig
from tests.unit.control.test_rearranging import told

EVERY_S = 3.0
UNCHECKED = Check(for_s=0.0)


def rules(mode: Optimising, **more: Any) -> Rules:
    return replace(Rules(mode=mode, every_s=EVERY_S, full_from=0.0), **more)


@asynccontextmanager
async def planning(mode: Optimising, gbps: Sequence[float] = (30.0, 30.0), **more: Any) -> AsyncIterator[Any]:
    """Services over the north, and who knows that the last of them is better off in the south."""
    async with rig(country(), rules=rules(mode, **more), check=UNCHECKED) as here:
        services = [await here.order(one, a="west", b="east", tenant=OTHER, bound_ms=7.0) for one in gbps]
        north = services[0].placement
        assert north is not None
        knows = Knows({services[-1].id: ("west>south", "south>east")})
        plans(here).solve = knows
        yield here, services, knows


def plans(here: Rig) -> Replanning:
    return here.controller.seat.replanning


async def shown(here: Rig, plan: PlanId | None = None) -> Optimiser:
    return await here.run(here.controller.do(ReadPlan(plan=plan)))


async def newest(here: Rig) -> Plan:
    plan = (await shown(here)).plan
    assert plan is not None
    return plan


def rows(here: Rig) -> list[dict[str, Any]]:
    return [json.loads(link.doc) for link in here.store.log.links(after=0, limit=1000)]


def run(scene: Callable[[], Any]) -> None:
    asyncio.run(scene())


async def relaxed(here: Rig, services: Sequence[Service]) -> None:
    """Let them go anywhere: the bound has kept them in the north until now."""
    from highroad.model.change import Change

    for one in services:
        await here.run(
            here.controller.change(one.id, Change(latency_bound_ms=None), tenant=one.tenant, if_version=None)
        )
    await here.pass_s(1.0)


def test_asking_shows_a_plan_and_moves_nobody() -> None:
    async def scene() -> None:
        async with planning(Optimising.ASK) as (here, services, _):
            await relaxed(here, services)
            assert (await shown(here)).plan is None
            await here.pass_s(EVERY_S + 1)
            found = await shown(here)
            plan = found.plan
            assert plan is not None
            assert (found.mode, found.waits, found.stale, found.doing) == (Optimising.ASK, "", (), None)
            assert [one.service for one in plan.moves] == [services[1].id]
            assert (plan.before.utilisation, plan.after.utilisation) == (0.6, 0.3)
            assert plan.worth
            assert plan.verdict == "the fullest link would be 30.0% full instead of 60.0%, by 1 move"
            assert [(one.link, one.before_gbps, one.after_gbps) for one in plan.links[:2]] == [
                ("east>west", 60.0, 30.0), ("west>east", 60.0, 30.0),
            ]  # fmt: skip
            await here.pass_s(8.0)
            assert [carried(await here.now(one.id)) for one in services] == [("west>east",)] * 2
            await here.run(here.controller.do(ApplyPlan(change=plan.change)))
            doing = (await shown(here)).doing
            assert doing is not None
            assert (doing.plan, doing.services) == (plan.id, 1)
            await here.pass_s(1.0)
            assert carried(await here.now(services[1].id)) == ("west>south", "south>east")
            old = await shown(here, plan.id)
            assert (old.applied, old.stale, old.doing, old.outcome) == (True, (), None, "done: 1 moved")
            await here.pass_s(EVERY_S)
            after = await newest(here)
            assert (after.id != plan.id, after.moves, after.worth) == (True, (), False)
            assert after.verdict == "nothing would be better"

    run(scene)


def test_auto_applies_what_is_worth_it_by_itself() -> None:
    async def scene() -> None:
        async with planning(Optimising.AUTO) as (here, services, _):
            await relaxed(here, services)
            await here.pass_s(EVERY_S + 2)
            assert [carried(await here.now(one.id)) for one in services] == [
                ("west>east",), ("west>south", "south>east"),
            ]  # fmt: skip
            assert len(await told(here, "finished")) == 1
            assert await here.lost(services[1].id) == 0.0
            (row,) = [one for one in rows(here) if one["what"] == "ApplyPlan"]
            assert (row["asked"]["role"], row["subject"][:4]) == ("controller", "pln-")

    run(scene)


@pytest.mark.parametrize(
    "more", [{"least_gain": 0.31}, {"moves_per_point": 0.01}, {"full_from": 0.6}], ids=["gain", "moves", "empty"]
)
def test_auto_leaves_what_is_not_worth_it(more: dict[str, Any]) -> None:
    async def scene() -> None:
        async with planning(Optimising.AUTO, **more) as (here, services, _):
            await relaxed(here, services)
            await here.pass_s(EVERY_S * 3)
            assert [carried(await here.now(one.id)) for one in services] == [("west>east",)] * 2
            plan = await newest(here)
            assert (plan.worth, len(plan.moves)) == (False, 1)
            assert "too little for 1 move" in plan.verdict

    run(scene)


@pytest.mark.parametrize(
    ("before", "after", "moves", "worth"),
    [
        ((0.9, 10.0), (0.88, 10.0), 100, True),
        ((0.9, 10.0), (0.8801, 10.0), 1, False),
        ((0.9, 10.0), (0.88, 10.0), 101, False),
        ((0.9, 10.0), (0.7, 10.0), 1000, True),
        ((0.4, 10.0), (0.1, 10.0), 1, False),
        ((0.52, 10.0), (0.1, 10.0), 1, True),
        ((0.9, 10.0), (0.9, 9.5), 1, True),
        ((0.9, 10.0), (0.901, 5.0), 1, False),
        ((0.4, 10.0), (0.5, 9.0), 1, True),
        ((0.9, 10.0), (0.9, 9.5), 251, False),
        ((0.9, 0.0), (0.9, 0.0), 1, False),
        ((0.9, 10.0), (0.1, 1.0), 0, False),
    ],
)
def test_what_is_worth_it(before: tuple[float, float], after: tuple[float, float], moves: int, worth: bool) -> None:
    was, would = (Score(utilisation=0.95, rest=full, latency_ms=ms) for full, ms in (before, after))
    assert Rules().verdict(was, would, moves)[0] is worth


@pytest.mark.parametrize(
    ("was", "would", "said"),
    [
        ((0.95, 0.95), (0.9, 0.9), "the fullest link would be 90.0% full instead of 95.0%"),
        ((0.95, 0.9), (0.95, 0.8), "the fullest link but those that are stuck would be 80.0% full instead of 90.0%"),
        # One that is stuck is then the fullest of all: what is said of the rest is not said of it.
        ((0.95, 0.95), (0.925, 0.9), "the fullest link but those that are stuck would be 90.0% full instead of 95.0%"),
    ],
)
def test_the_fullest_of_all_is_told_from_the_fullest_that_can_be_left(
    was: tuple[float, float], would: tuple[float, float], said: str
) -> None:
    before, after = (Score(utilisation=full, rest=rest, latency_ms=10.0) for full, rest in (was, would))
    assert Rules().verdict(before, after, 2)[1] == f"{said}, by 2 moves"


def test_off_means_off() -> None:
    async def scene() -> None:
        async with planning(Optimising.OFF) as (here, services, knows):
            await relaxed(here, services)
            await here.pass_s(EVERY_S * 4)
            await here.cut("west--south")
            await here.uncut("west--south")
            await here.pass_s(EVERY_S * 4)
            found = await shown(here)
            assert (knows.asked, found.mode, found.plan, found.waits) == (0, Optimising.OFF, None, "")
            assert [carried(await here.now(one.id)) for one in services] == [("west>east",)] * 2
            assert not [one for one in asyncio.all_tasks() if one.get_name() == "optimiser"]

    run(scene)


def test_it_plans_at_once_when_what_failed_is_repaired_and_not_before() -> None:
    async def scene() -> None:
        async with rig(country(ways=3), rules=rules(Optimising.ASK, every_s=1e6), check=UNCHECKED) as here:
            services = [await here.order(30.0) for _ in range(2)]
            knows = Knows()
            plans(here).solve = knows
            asked: list[tuple[float, bool]] = []

            def noting(*args: Any) -> Any:
                asked.append((here.clock.now_s(), bool(here.controller.seat.book.unhealed)))
                return knows(*args)

            plans(here).solve = noting
            cut_s = here.clock.now_s()
            await here.cut("west--east", settle_s=2.0)
            (first, *_) = asked
            assert first[0] - cut_s < 1.0
            assert not any(unhealed for _, unhealed in asked)
            assert {(await here.now(one.id)).state for one in services} == {State.ACTIVE}

    run(scene)


def test_nothing_new_is_not_computed_again() -> None:
    async def scene() -> None:
        async with planning(Optimising.ASK) as (here, _, knows):
            await here.pass_s(EVERY_S * 4)
            assert knows.asked == 1
            first = await newest(here)
            await here.order(1.0)
            await here.pass_s(EVERY_S * 4)
            assert knows.asked == 2
            assert (await newest(here)).id != first.id

    run(scene)


def test_many_orders_are_not_held_up_but_for_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replanning, "BUSY_PER_S", 0.1)
    monkeypatch.setattr(replanning, "PATIENT_S", 4 * EVERY_S)

    async def scene() -> None:
        async with planning(Optimising.ASK) as (here, _, knows):
            await here.pass_s(EVERY_S)
            assert knows.asked == 1
            for _ in range(3):
                await here.order(1.0)
                await here.pass_s(EVERY_S - 0.5)
                assert knows.asked == 1
                assert (await shown(here)).waits.startswith("more than 0.1 orders come in a second")
            await here.order(1.0)
            await here.pass_s(EVERY_S - 0.5)
            assert knows.asked == 2, "it has waited long enough"
            await here.pass_s(EVERY_S)
            assert (await shown(here)).waits == ""

    run(scene)


def test_the_last_plans_are_kept_and_older_ones_are_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replanning, "KEPT", 2)

    async def scene() -> None:
        async with planning(Optimising.ASK) as (here, _, _):
            made = []
            for _ in range(3):
                await here.order(1.0)
                await here.pass_s(EVERY_S + 1)
                made.append((await newest(here)).id)
            assert (await shown(here, made[1])).plan is not None
            with pytest.raises(NotFound, match=f"there is no plan {made[0]}, or no longer; the newest is {made[2]}"):
                await shown(here, made[0])

    run(scene)


def test_auto_waits_for_a_thaw_and_then_applies_it() -> None:
    async def scene() -> None:
        async with planning(Optimising.AUTO) as (here, services, _):
            await relaxed(here, services)
            await here.run(here.controller.freeze())
            await here.pass_s(EVERY_S * 3)
            assert (await shown(here)).waits == "changes are frozen"
            assert [carried(await here.now(one.id)) for one in services] == [("west>east",)] * 2
            await here.run(here.controller.thaw())
            await here.pass_s(EVERY_S + 2)
            assert carried(await here.now(services[1].id)) == ("west>south", "south>east")

    run(scene)


def test_who_changed_while_it_was_computed_is_left_out_and_said() -> None:
    async def scene() -> None:
        async with planning(Optimising.ASK, (20.0, 20.0, 20.0)) as (here, services, knows):
            await relaxed(here, services)
            knows.ways[services[1].id] = ("west>south", "south>east")

            async def meanwhile(work: Callable[[], Any]) -> Any:
                found = work()
                if hasattr(found, "moves"):
                    await here.controller.release(services[2].id, tenant=OTHER)
                return found

            plans(here)._execute = meanwhile
            await here.pass_s(EVERY_S + 1)
            plan = await newest(here)
            assert [one.service for one in plan.moves] == [services[1].id]
            assert dict(plan.left) == {services[2].id: "it has ended"}
            assert plan.after.utilisation == pytest.approx(0.4)

    run(scene)


def test_the_solver_itself_relieves_the_fullest_link_and_nobody_loses_anything() -> None:
    async def scene() -> None:
        async with rig(country(ways=3), rules=rules(Optimising.AUTO), check=Check(above=2, for_s=0.2)) as here:
            assert plans(here).solve.func is better  # type: ignore[attr-defined]
            services = [await here.order(10.0, bound_ms=8.0) for _ in range(8)]
            assert {carried(await here.now(one.id)) for one in services} == {NORTH}
            await relaxed(here, services)
            safe = await here.order(5.0, protection=Protection.PATH)
            await here.pass_s(20.0)
            book = await here.book()
            fills = [book.booked_mbps(link, here.clock.now_s()) / 1e5 for link in ("west>east", "campus>cloud")]
            assert max(fills) < 0.5, fills
            for one in services:
                carried(await here.now(one.id))
                assert await here.lost(one.id) == 0.0
            now = await here.now(safe.id)
            assert now.state is State.ACTIVE
            assert now.placement is not None
            assert book.covered(now.placement)
            assert book.ground.calendar.oversold() == []
            plan = await newest(here)
            assert plan.gap <= 0.2
            assert plan.bound <= plan.after.utilisation + 1e-9

    run(scene)


class Counting(Here):
    """A solver that counts what it is asked."""

    def __init__(self) -> None:
        self.plans = self.calls = self.closed = 0

    def replan(self, asked: Asked, limits: Limits, stop: Callable[[], bool]) -> Replan:
        self.plans += 1
        return super().replan(asked, limits, stop)

    def call(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        self.calls += 1
        return super().call(work, *args, **kwargs)

    def close(self) -> None:
        self.closed += 1


@pytest.mark.parametrize("mode", list(Optimising))
def test_all_is_computed_by_the_solver_that_is_given_and_nothing_where_it_is_off(mode: Optimising) -> None:
    solver = Counting()

    async def scene() -> None:
        async with rig(country(ways=3), rules=rules(mode), solver=solver, check=UNCHECKED) as here:
            services = [await here.order(10.0, bound_ms=8.0) for _ in range(8)]
            await relaxed(here, services)
            await here.pass_s(10.0)
            assert (solver.plans > 0, solver.calls > 0, solver.closed) == ((mode is not Optimising.OFF,) * 2 + (0,))

    run(scene)
    assert solver.closed == (mode is not Optimising.OFF)


class Ill(Counting):
    """A solver whose process goes each time that it is asked."""

    def replan(self, asked: Asked, limits: Limits, stop: Callable[[], bool]) -> Replan:
        self.plans += 1
        raise Unavailable("the optimiser has no plan: its process has gone")


def test_a_solver_that_is_gone_is_asked_again_and_orders_go_on() -> None:
    solver = Ill()

    async def scene() -> None:
        async with rig(country(), rules=rules(Optimising.AUTO), solver=solver, check=UNCHECKED) as here:
            for _ in range(3):
                carried(await here.order(10.0))
                await here.pass_s(EVERY_S + 1)
            assert (await shown(here)).plan is None
            assert solver.plans >= 3

    run(scene)


def test_a_plan_is_not_applied_where_the_mode_is_off_for_decisions() -> None:
    async def scene() -> None:
        async with planning(Optimising.ASK) as (here, services, _):
            await relaxed(here, services)
            await here.pass_s(EVERY_S + 1)
            plan = await newest(here)
            here.controller.seat.book.optimising = Optimising.OFF
            with pytest.raises(Conflict, match="the optimiser is off"):
                await here.run(here.controller.do(ApplyPlan(change=plan.change)))

    run(scene)
