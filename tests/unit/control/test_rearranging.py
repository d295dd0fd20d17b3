"""A plan is made real step by step, or refused as a whole where the world is not what it was made for."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest

from highroad.control import rearrange
from highroad.control.commands import ApplyPlan
from highroad.control.explaining import BETTER, explain
from highroad.control.maintain import Times
from highroad.control.replanning import Rules
from highroad.control.safety import Blast
from highroad.control.trial import Check
from highroad.errors import Conflict, Frozen, HighroadError, PlanStale
from highroad.model.change import Change
from highroad.model.lifecycle import State
from highroad.model.network import FibreId
from highroad.model.plan import Applied, Optimising, PlanId, Rearrangement
from highroad.model.service import Protection, Service, ServiceId
from highroad.ports import Install, Replace
from tests.support.better import along
from tests.support.country import ACME, NORTH, OTHER, SOUTH, country
from tests.unit.control.rig import Rig, carried, rig
from tests.unit.control.test_loop import restart_on
from tests.unit.control.test_replay import Journal, replay
from tests.unit.planning.ground import NOW_S

ASK = Rules(mode=Optimising.ASK, every_s=1e6)
UNCHECKED = Check(for_s=0.0)
DIRECT = ("campus>cloud",)


@asynccontextmanager
async def carrying(count: int, gbps: float = 1.0, **more: Any) -> AsyncIterator[tuple[Rig, list[Service]]]:
    """So many services over the north."""
    options: dict[str, Any] = {"rules": ASK, "check": UNCHECKED, **more}
    async with rig(country(), **options) as here:
        services = [await here.order(gbps, settle=False) for _ in range(count)]
        await here.pass_s(1.0)
        services = [await here.now(one.id) for one in services]
        assert {carried(one) for one in services} == {NORTH}
        yield here, services


async def plan_of(
    here: Rig, services: Sequence[Service], way: Sequence[str] = SOUTH, *, each: int = 200
) -> Rearrangement:
    """A plan that moves services that way, so many in a step."""
    book = await here.book()
    moves = [(one, along(one, way)) for one in services]
    made_for = rearrange.made_for(book, moves, here.clock.now_s())
    targets = [(one.id, to) for one, to in moves]
    steps = tuple(dict(targets[at : at + each]) for at in range(0, len(targets), each))
    return Rearrangement(plan=PlanId("pln-test"), made_for=made_for, steps=steps)


async def applied(here: Rig, change: Rearrangement) -> Applied:
    return await here.run(here.controller.do(ApplyPlan(change=change)))


async def told(here: Rig, kind: str) -> list[dict[str, Any]]:
    events = here.store.events(after=0, limit=10_000, operator=True)
    return [dict(one.data) for one in events if one.kind == f"highroad.plan.{kind}"]


def watched(here: Rig) -> list[list[ServiceId]]:
    """What routers are asked to carry, pass by pass."""
    passes: list[list[ServiceId]] = []
    apply = here.twin.apply

    async def noting(changes: Any) -> Any:
        passes.append([one.policy.service for one in changes if isinstance(one, Install | Replace)])
        return await apply(changes)

    here.twin.apply = noting  # type: ignore[method-assign]
    return passes


def run(scene: Any) -> None:
    asyncio.run(scene())


def test_a_plan_moves_everybody_make_before_break_and_loses_nothing() -> None:
    async def scene() -> None:
        async with carrying(5) as (here, services):
            found = await applied(here, await plan_of(here, services))
            assert (found.id, found.services, found.steps) == ("pln-test", 5, 1)
            await here.pass_s(1.0)
            for one in services:
                assert carried(await here.now(one.id)) == SOUTH
                assert not (await here.now(one.id)).away
                assert await here.lost(one.id) == 0.0
            book = await here.book()
            assert (book.underway, book.ground.calendar.oversold()) == (None, [])
            assert await told(here, "applied") == [{"services": [one.id for one in services], "steps": 1}]
            assert await told(here, "finished") == [{"services": [one.id for one in services], "left": {}}]
            await here.pass_s(30.0)
            assert carried(await here.now(services[0].id)) == SOUTH, "nobody brings it home again"

    run(scene)


def test_steps_wait_for_each_other_and_stay_inside_the_blast_radius() -> None:
    async def scene() -> None:
        async with carrying(9, blast=Blast(services=2, share=0.0)) as (here, services):
            passes = watched(here)
            await applied(here, await plan_of(here, services, each=6))
            await here.pass_s(3.0)
            assert max(map(len, passes)) == 2
            first = {one.id for one in services[:6]}
            asked = [one for each in passes for one in each]
            assert set(asked[:6]) == first, "the second step begins when all of the first is confirmed"
            assert len(asked) == 9
            assert len(await told(here, "finished")) == 1

    run(scene)


@pytest.mark.parametrize(
    "what", ["order", "release", "change", "cut", "drain", "booked", "network", "moved", "elsewhere", "nothing"]
)
def test_a_plan_for_what_has_changed_since_is_refused_and_says_what(what: str) -> None:
    async def scene() -> None:
        async with carrying(3, 2.0) as (here, services):
            control = here.controller
            change = await plan_of(here, services)
            said, name = "", services[0].id
            match what:
                case "order":
                    await here.order(1.0, bound_ms=50.0, a="west", b="campus", tenant="other")
                    said = "Gbit/s are free of west>south, and"
                    await here.order(1.0, a="west", b="east", tenant="other", fence=("US",))
                case "release":
                    await here.run(control.release(name, tenant=ACME))
                    await here.pass_s(1.0)
                    said = f"{name} has ended"
                case "change":
                    await here.run(control.change(name, Change(description="new"), tenant=ACME, if_version=None))
                    said = f"{name} was changed by its tenant"
                case "cut":
                    await here.cut("east--south")
                    said = "east>south is out of use"
                case "drain":
                    await here.run(control.drain("east--south"))
                    said = "east>south is out of use"
                case "booked":
                    await here.run(control.drain("west--east", Times(start_s=NOW_S + 90_000, end_s=NOW_S + 99_000)))
                    said = "is booked"
                case "network":
                    change_of = await here.run(control.load_network(country(capacity_gbps=200.0), dry_run=True))
                    await here.run(control.load_network(country(capacity_gbps=200.0), confirm=change_of.confirm))
                    said = "the network is at revision 2, and was at 1"
                case "moved":
                    await applied(here, await plan_of(here, services[:1]))
                    await here.pass_s(1.0)
                    said = f"{name} was moved"
                case "elsewhere":
                    await here.order(1.0, a="campus", b="west", tenant="other")
                case _:
                    pass
            if not said:
                await applied(here, change)
                return
            with pytest.raises(PlanStale, match="made for what is not so any more") as caught:
                await applied(here, change)
            assert any(said in one for one in caught.value.facts["changed"]), caught.value.facts
            await here.pass_s(1.0)
            assert (await here.book()).underway is None

    run(scene)


def test_off_means_off() -> None:
    async def scene() -> None:
        async with carrying(2, rules=Rules()) as (here, services):
            with pytest.raises(Conflict, match="the optimiser is off"):
                await applied(here, await plan_of(here, services))

    run(scene)


def test_nothing_is_applied_while_changes_are_frozen_and_a_freeze_stops_it_between_two_steps() -> None:
    async def scene() -> None:
        async with carrying(6, check=Check(above=10)) as (here, services):
            change = await plan_of(here, services, each=2)
            await here.run(here.controller.freeze())
            with pytest.raises(Frozen, match="pln-test is not applied"):
                await applied(here, change)
            await here.run(here.controller.thaw())
            await applied(here, change)
            await here.pass_s(0.3)
            await here.run(here.controller.freeze("stop"))
            await here.pass_s(5.0)
            ways = [carried(await here.now(one.id)) for one in services]
            assert ways == [SOUTH] * 2 + [NORTH] * 4
            (broken,) = await told(here, "broken-off")
            assert broken["text"] == "changes are frozen"
            assert broken["services"] == [one.id for one in services[:2]]
            assert broken["left"] == [one.id for one in services[2:]]
            await here.run(here.controller.thaw())
            await here.pass_s(5.0)
            assert [carried(await here.now(one.id)) for one in services] == ways

    run(scene)


def test_a_failure_stops_it_and_repairs_go_first() -> None:
    async def scene() -> None:
        async with carrying(6, check=Check(above=10)) as (here, services):
            await applied(here, await plan_of(here, services, each=2))
            await here.pass_s(0.3)
            await here.cut("east--south")
            await here.pass_s(3.0)
            assert {carried(await here.now(one.id)) for one in services} == {NORTH}
            (broken,) = await told(here, "broken-off")
            assert broken["text"] == "something has failed or is in use again"

    run(scene)


def test_what_harms_is_rolled_back_and_the_rest_never_begins() -> None:
    async def scene() -> None:
        async with carrying(30, check=Check(above=4, for_s=0.5), watched=False) as (here, services):
            await here.run(here.twin.cut(FibreId("west--south"), silent=True))
            passes = watched(here)
            await applied(here, await plan_of(here, services))
            await here.pass_s(5.0)
            assert [len(one) for one in passes if one] == [1, 1], "one went as a canary, and came back"
            assert [carried(await here.now(one.id)) for one in services] == [NORTH] * 30
            book = await here.book()
            assert book.freeze is not None
            assert book.freeze.reason.startswith("rolled back: 1 of 1 moved services lost traffic")
            assert len(await told(here, "broken-off")) == 1
            await here.run(here.twin.uncut(FibreId("west--south")))
            await here.run(here.controller.thaw())
            await here.pass_s(5.0)
            assert [carried(await here.now(one.id)) for one in services] == [NORTH] * 30, "nothing is left of it"
            assert book.ground.calendar.oversold() == []

    run(scene)


@pytest.mark.parametrize("after_s", [0.0, 0.001, 0.01, 0.05, 0.2, 0.7, 1.5])
def test_a_restart_in_the_middle_finishes_what_was_decided_and_forgets_the_rest(after_s: float) -> None:
    async def scene() -> None:
        async with carrying(30, check=Check(above=4, for_s=0.5)) as (here, services):
            await applied(here, await plan_of(here, services, each=10))
            await here.pass_s(after_s)
            await here.run(here.controller.stop())
            await restart_on(here, rules=ASK)
            await here.pass_s(5.0)
            ways = [carried(await here.now(one.id)) for one in services]
            assert set(ways) <= {NORTH, SOUTH}
            assert ways.count(SOUTH) in (10, 20, 30), "a step that was decided is made"
            book = await here.book()
            assert (book.underway, book.freeze, book.ground.calendar.oversold()) == (None, None, [])
            assert sum([await here.lost(one.id) for one in services]) == 0.0

    run(scene)


def test_many_are_moved_a_few_in_each_look_and_routers_are_told_of_all() -> None:
    async def scene() -> None:
        async with carrying(90, 0.1) as (here, services):
            change = await plan_of(here, services)
            passes = watched(here)
            assert rearrange.AT_ONCE < 90
            await applied(here, change)
            await here.pass_s(1.0)
            assert [len(one) for one in passes if one] == [90]
            assert {carried(await here.now(one.id)) for one in services} == {SOUTH}

    run(scene)


def test_who_was_changed_meanwhile_is_left_out_and_the_others_go_on() -> None:
    async def scene() -> None:
        async with carrying(4, check=Check(above=10)) as (here, services):
            await applied(here, await plan_of(here, services, each=1))
            await here.pass_s(0.2)
            await here.run(here.controller.release(services[2].id, tenant=ACME))
            await here.run(
                here.controller.change(services[3].id, Change(description="x"), tenant=ACME, if_version=None)
            )
            await here.pass_s(10.0)
            assert [carried(await here.now(one.id)) for one in services[:2]] == [SOUTH, SOUTH]
            (done,) = await told(here, "finished")
            assert done["services"] == [one.id for one in services[:2]]
            assert done["left"] == {services[2].id: "it has ended", services[3].id: "it was changed meanwhile"}

    run(scene)


def test_who_has_no_room_waits_for_who_makes_some_and_else_is_left_out() -> None:
    """The calendar has the last word, and not the plan."""
    north, south = ("west>east",), ("west>south", "south>east")

    async def scene() -> None:
        async with rig(country(), rules=ASK, check=UNCHECKED) as here:
            rates = (60.0, 40.0, 30.0, 20.0)
            made = [await here.order(gbps, a="west", b="east", tenant=OTHER) for gbps in rates]

            async def go(*ways: Sequence[str], order: Sequence[int]) -> list[tuple[str, ...]]:
                now = [await here.now(one.id) for one in made]
                moves = {place: along(now[place], ways[place]) for place in order}
                made_for = rearrange.made_for(await here.book(), [(now[one], moves[one]) for one in order], NOW_S + 999)
                steps = tuple({now[one].id: moves[one]} for one in order)
                await applied(here, Rearrangement(plan=PlanId("pln-test"), made_for=made_for, steps=steps))
                await here.pass_s(2.0)
                assert (await here.book()).ground.calendar.oversold() == []
                return [carried(await here.now(one.id)) for one in made]

            at = [carried(await here.now(one.id)) for one in made]
            wanted = [north, south, south, north]
            if at != wanted:
                away = [place for place, (is_at, to) in enumerate(zip(at, wanted, strict=True)) if is_at != to]
                assert await go(*wanted, order=away) == wanted
            # 80 of 100 are on the north, 70 on the south: the third has room there when the fourth has gone.
            assert await go(north, south, north, south, order=(2, 3)) == [north, south, north, south]
            assert (await told(here, "finished"))[-1]["left"] == {}
            # 90 and 60: nobody makes room for the first.
            assert await go(south, south, south, south, order=(0, 2)) == [north, south, south, south]
            assert (await told(here, "finished"))[-1] == {
                "services": [made[2].id],
                "left": {made[0].id: rearrange.NO_ROOM},
            }

    run(scene)


def test_a_plan_that_would_break_a_promise_is_not_applied() -> None:
    async def scene() -> None:
        async with rig(country(ways=3), rules=ASK, check=UNCHECKED) as here:
            bound = await here.order(1.0, bound_ms=8.0)
            fenced = await here.order(1.0, fence=("US",))
            safe = await here.order(1.0, protection=Protection.PATH)
            abroad = along(fenced, NORTH)
            for service, to in (
                (bound, along(bound, SOUTH)),
                (fenced, abroad),
                (safe, along(safe, NORTH)),
                (bound, along(bound, ("campus>west", "west>east"))),
                (bound, along(bound, NORTH, bandwidth_gbps=2.0)),
            ):
                made_for = rearrange.made_for(await here.book(), [(service, to)], here.clock.now_s())
                change = Rearrangement(plan=PlanId("pln-bad"), made_for=made_for, steps=({service.id: to},))
                with pytest.raises(Conflict, match=f"would break a promise of {service.id}"):
                    await applied(here, change)

    run(scene)


@pytest.mark.parametrize("harm", [False, True], ids=["done", "rolled back"])
def test_a_plan_that_was_applied_is_replayed_to_the_byte(harm: bool) -> None:
    """The moves are in what was noted: whatever the optimiser would say by then, the same is decided."""
    journal = Journal()

    async def scene() -> None:
        more: dict[str, Any] = {"store": journal, "check": Check(above=4, for_s=0.5), "watched": False}
        async with carrying(12, **more) as (here, services):
            if harm:
                await here.run(here.twin.cut(FibreId("west--south"), silent=True))
            await applied(here, await plan_of(here, services, each=5))
            await here.run(here.controller.release(services[7].id, tenant=ACME))
            await here.pass_s(8.0)
            assert ((await here.book()).freeze is not None) == harm
            assert len(await told(here, "broken-off" if harm else "finished")) == 1

    run(scene)
    found = replay(journal)
    assert found.differences == []
    assert found.commits == len(journal.rows)


@pytest.mark.parametrize("seed", range(12))
def test_whatever_happens_meanwhile_nothing_is_oversold_lost_or_half_done(seed: int) -> None:
    """Plans that anybody might make, good and bad, beside orders, changes, cuts, drains, freezes and restarts."""
    draw = random.Random(seed)

    async def scene() -> None:
        async with rig(country(ways=3), rules=ASK, check=Check(above=3, for_s=0.2)) as here:
            alive: list[ServiceId] = []
            for number in range(40):
                now = [await here.now(one) for one in alive]
                movable = [one for one in now if one.state is State.ACTIVE and one.placement is not None]
                with suppress(HighroadError):
                    match draw.randrange(9):
                        case 0 | 1 | 2:
                            made = await here.order(draw.choice((5.0, 10.0, 20.0)), settle=False)
                            alive.append(made.id)
                        case 3 | 4 | 5:
                            chosen = draw.sample(movable, min(len(movable), draw.randint(1, 6)))
                            change = await plan_of(here, chosen, draw.choice((NORTH, SOUTH, DIRECT)), each=2)
                            await applied(here, change)
                        case 6:
                            fibre = draw.choice(("west--east", "west--south", "campus--cloud"))
                            await here.cut(fibre, settle_s=draw.choice((0.0, 0.1, 0.5)))
                            await here.uncut(fibre, settle_s=draw.choice((0.1, 1.0)))
                        case 7 if now:
                            gone = draw.choice(now)
                            await here.run(here.controller.release(gone.id, tenant=ACME))
                            alive.remove(gone.id)
                        case _:
                            await here.run(here.controller.freeze())
                            await here.pass_s(0.1)
                            await here.run(here.controller.thaw())
                await here.pass_s(draw.choice((0.0, 0.03, 0.3, 1.0)))
                assert (await here.book()).ground.calendar.oversold() == [], number
            await here.pass_s(30.0)
            book = await here.book()
            assert (book.underway, book.trials.steps, book.freeze) == (None, [], None)
            assert await told(here, "applied")
            for one in alive:
                carried(await here.now(one))

    run(scene)


def test_who_asks_why_a_service_is_where_it_is_hears_of_the_plan() -> None:
    async def scene() -> None:
        async with carrying(2) as (here, services):
            await applied(here, await plan_of(here, services, each=1))
            await here.pass_s(2.0)
            for one, led in zip(services, (BETTER, f"the loop looked: {BETTER}: pln-test"), strict=True):
                found = explain(here.store.history, one.id, None, None)
                assert found.decided is not None
                assert (found.decided.asked, found.decided.identical) == (led, True)
            found = explain(here.store.history, services[1].id, None, ACME)
            assert found.decided is not None
            assert found.decided.asked == f"the loop looked: {BETTER}"

    run(scene)
