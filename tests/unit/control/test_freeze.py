"""While changes are frozen routers are repaired and otherwise left alone; and what is planned goes in bounded steps."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest

from highroad.control.reconcile import diff
from highroad.control.safety import LONGEST_REASON, WAITS, Blast
from highroad.errors import Frozen, Invalid
from highroad.model.change import Change as Edit
from highroad.model.freeze import Freeze, FreezeId
from highroad.model.incident import MaintenanceState
from highroad.model.lifecycle import State
from highroad.model.network import FibreId
from highroad.model.service import ServiceId
from highroad.ports import Change, Install, Replace, Withdraw
from tests.support.country import ACME, NORTH, OTHER, SOUTH, country
from tests.support.stores import in_memory
from tests.unit.control.rig import Rig, carried, rig
from tests.unit.control.test_loop import on_a_rig
from tests.unit.control.test_reconcile import book_of, policy
from tests.unit.control.test_reconcile import carried as service_of


async def policies(here: Rig) -> set[ServiceId]:
    return set((await here.run(here.twin.read())).policies)


def steps_of(here: Rig) -> list[Sequence[Change]]:
    """What the fabric is asked from now on, call by call."""
    asked: list[Sequence[Change]] = []
    apply = here.twin.apply

    async def listened(changes: Sequence[Change]) -> object:
        asked.append(changes)
        return await apply(changes)

    here.twin.apply = listened  # type: ignore[method-assign, assignment]
    return asked


@on_a_rig
async def test_an_order_is_admitted_and_reserved_and_waits_for_the_thaw(here: Rig) -> None:
    await here.run(here.controller.freeze("incident 7"))
    waits = await here.order(10.0)
    assert (waits.state, waits.reason) == (State.ACTIVATING, WAITS)
    assert "incident 7" not in WAITS
    assert (await here.book()).ground.calendar.at("west>east", here.clock.now_s()) == 10_000
    assert await policies(here) == set()
    await here.run(here.controller.thaw())
    assert (await here.now(waits.id)).reason is None
    await here.pass_s(0.5)
    assert carried(await here.now(waits.id)) == NORTH


@on_a_rig
async def test_what_is_released_or_over_stays_on_routers_and_in_the_calendar_until_the_thaw(here: Rig) -> None:
    released = await here.order(10.0)
    over = await here.order(20.0, end_s=here.clock.now_s() + 5)
    await here.run(here.controller.freeze())
    await here.run(here.controller.release(released.id, tenant=ACME))
    await here.pass_s(6)
    assert {(await here.now(one.id)).state for one in (released, over)} == {State.TERMINATED}
    assert await policies(here) == {released.id, over.id}
    assert (await here.book()).ground.calendar.at("west>east", here.clock.now_s()) >= 10_000
    await here.run(here.controller.thaw())
    await here.pass_s(0.5)
    assert await policies(here) == set()
    assert (await here.book()).ground.calendar.at("west>east", here.clock.now_s()) == 0


@on_a_rig
async def test_one_that_waited_and_was_placed_elsewhere_meanwhile_goes_home_once_it_is_carried(here: Rig) -> None:
    await here.run(here.controller.freeze())
    waits = await here.order(10.0)
    await here.cut("west--east")
    await here.uncut("west--east")
    elsewhere = (await here.now(waits.id)).placement
    assert elsewhere is not None
    assert elsewhere.there == SOUTH
    await here.run(here.controller.thaw())
    await here.pass_s(2)
    assert carried(await here.now(waits.id)) == NORTH
    assert not (await here.now(waits.id)).away


@on_a_rig
async def test_what_is_over_makes_room_for_a_repair(here: Rig) -> None:
    over = await here.order(95.0, fence=("US",), end_s=here.clock.now_s() + 3, tenant=OTHER, a="west", b="east")
    service = await here.order(10.0)
    await here.run(here.controller.freeze())
    await here.pass_s(4)
    assert await policies(here) == {over.id, service.id}
    await here.cut("west--east")
    assert carried(await here.now(service.id)) == SOUTH
    assert await policies(here) == {service.id}


@on_a_rig
async def test_what_is_dark_is_repaired_and_goes_home_after_the_thaw(here: Rig) -> None:
    service = await here.order(10.0)
    await here.run(here.controller.freeze())
    await here.cut("west--east")
    assert carried(await here.now(service.id)) == SOUTH
    await here.uncut("west--east", settle_s=5)
    away = await here.now(service.id)
    assert (carried(away), away.away) == (SOUTH, True)
    assert (await here.incident()).open
    await here.run(here.controller.thaw())
    await here.pass_s(2)
    assert carried(await here.now(service.id)) == NORTH
    assert not (await here.incident()).open


@on_a_rig
async def test_what_somebody_took_from_routers_comes_back(here: Rig) -> None:
    service = await here.order(10.0)
    await here.run(here.controller.freeze())
    await here.run(here.twin.apply([Withdraw(service=service.id)]))
    await here.pass_s(2)
    assert await policies(here) == {service.id}


@on_a_rig
async def test_a_slow_service_is_brought_back_inside_its_bound(here: Rig) -> None:
    service = await here.order(10.0, bound_ms=8.0)
    await here.cut("west--east")
    assert (await here.now(service.id)).state is State.DEGRADED
    await here.run(here.controller.freeze())
    await here.uncut("west--east")
    assert carried(await here.now(service.id)) == NORTH


@on_a_rig
async def test_what_is_planned_is_refused_and_leaves_everything_as_it_was(here: Rig) -> None:
    service = await here.order(10.0)
    later = await here.order(10.0, start_s=here.clock.now_s() + 1000, settle=False)
    await here.run(here.controller.freeze())
    with pytest.raises(Frozen):
        await here.run(here.controller.drain("west--east"))
    with pytest.raises(Frozen):
        await here.run(here.controller.change(service.id, Edit(bandwidth_gbps=20.0), tenant=ACME, if_version=1))
    with pytest.raises(Frozen):
        await here.run(
            here.controller.change(service.id, Edit(bandwidth_gbps=5.0), tenant=ACME, if_version=1, dry_run=True)
        )
    with pytest.raises(Frozen):
        await here.run(here.controller.load_network(country(capacity_gbps=200.0)))
    assert (await here.now(service.id)).order.bandwidth_gbps == 10.0
    assert (await here.book()).maintenances == {}
    await here.run(here.controller.change(service.id, Edit(description="mine"), tenant=ACME, if_version=1))
    changed = await here.run(here.controller.change(later.id, Edit(bandwidth_gbps=20.0), tenant=ACME, if_version=1))
    assert changed.order.bandwidth_gbps == 20.0


def test_a_drain_stops_where_it_is_and_goes_on_after_the_thaw() -> None:
    async def inside() -> None:
        async with rig(blast=Blast(services=1, share=0.0)) as here:
            services = [await here.order(10.0) for _ in range(4)]
            asked = steps_of(here)
            maintenance = await here.run(here.controller.drain("west--east"))
            while not asked:
                await here.pass_s(0.001)
            await here.run(here.controller.freeze())
            await here.pass_s(3)
            south = [one for one in services if carried_by(here, one.id) == SOUTH]
            assert 1 <= len(south) < 4, "what had been asked was made, and nothing after it"
            drain = (await here.book()).maintenances[maintenance.id]
            assert (drain.state, drain.stuck) == (MaintenanceState.DRAINING, ())
            await here.run(here.controller.thaw())
            await here.pass_s(3)
            assert [carried(await here.now(one.id)) for one in services] == [SOUTH] * 4
            assert (await here.book()).maintenances[maintenance.id].state is MaintenanceState.DRAINED
            assert all(len(step) == 1 for step in asked)
            assert [await here.lost(one.id) for one in services] == [0.0] * 4

    asyncio.run(inside())


@on_a_rig
async def test_what_a_drain_could_not_move_is_not_moved_in_the_freeze_either(here: Rig) -> None:
    service = await here.order(10.0)
    await here.order(95.0, fence=("US",), end_s=here.clock.now_s() + 5, tenant=OTHER, a="west", b="east")
    maintenance = await here.run(here.controller.drain("west--east"))
    await here.run(here.controller.freeze())
    await here.pass_s(10)
    drain = (await here.book()).maintenances[maintenance.id]
    assert (drain.state, drain.stuck) == (MaintenanceState.DRAINING, (service.id,))
    assert carried(await here.now(service.id)) == NORTH
    await here.run(here.controller.thaw())
    await here.pass_s(2)
    assert carried(await here.now(service.id)) == SOUTH
    assert (await here.book()).maintenances[maintenance.id].state is MaintenanceState.DRAINED


def carried_by(here: Rig, service: ServiceId) -> tuple[str, ...]:
    """The way there that routers hold."""
    held = here.twin._plant.observed().policies[service]
    return held.there[0].segment_lists[0].links


def test_a_move_that_waits_is_made_as_a_repair_when_what_routers_hold_goes_dark() -> None:
    async def inside() -> None:
        async with rig(blast=Blast(services=1, share=0.0)) as here:
            services = [await here.order(10.0) for _ in range(4)]
            asked = steps_of(here)
            await here.run(here.controller.drain("west--east"))
            while not asked:
                await here.pass_s(0.001)
            await here.run(here.controller.freeze())
            await here.pass_s(1)
            asked.clear()
            await here.cut("west--east")
            assert [carried(await here.now(one.id)) for one in services] == [SOUTH] * 4
            assert max(len(step) for step in asked) > 1, "repairs are not held up by the bound"

    asyncio.run(inside())


def test_it_survives_a_restart_and_is_told() -> None:
    async def inside() -> None:
        store = in_memory()
        async with rig(store=store) as here:
            first = await here.run(here.controller.freeze("a"))
            assert await here.run(here.controller.freeze()) == first
            second = await here.run(here.controller.freeze("b"))
            assert (second.id, second.reason, second.started_s) == (first.id, "b", first.started_s)
            waits = await here.order(10.0)
        async with rig(store=store, furnish=False) as here:
            assert (await here.book()).freeze == second
            await here.pass_s(2)
            assert (await here.now(waits.id)).state is State.ACTIVATING
            assert await policies(here) == set()
            ended = await here.run(here.controller.thaw())
            assert ended is not None
            assert ended.ended_s is not None
            assert await here.run(here.controller.thaw()) is None
            await here.pass_s(1)
            assert (await here.now(waits.id)).state is State.ACTIVE
        told = [one for one in store.events(after=0, limit=99, operator=True) if one.subject == first.id]
        assert [one.kind for one in told] == [f"highroad.network.{what}" for what in ("frozen", "frozen", "thawed")]
        assert {one.tenant for one in told} == {None}
        assert store.load().freeze is None
        store.close()

    asyncio.run(inside())


@on_a_rig
async def test_a_reason_is_printable_and_short(here: Rig) -> None:
    for wrong in ("x" * (LONGEST_REASON + 1), "two\nlines"):
        with pytest.raises(Invalid):
            await here.run(here.controller.freeze(wrong))
    assert (await here.book()).freeze is None


@on_a_rig
async def test_a_service_whose_window_passes_in_the_freeze_has_failed_and_says_why(here: Rig) -> None:
    await here.run(here.controller.freeze())
    service = await here.order(10.0, end_s=here.clock.now_s() + 3)
    await here.pass_s(5)
    failed = await here.now(service.id)
    assert (failed.state, failed.reason) == (State.FAILED, WAITS)


def test_many_go_in_steps_and_those_that_are_refused_hold_up_nobody() -> None:
    async def inside() -> None:
        async with rig(blast=Blast(services=2, share=0.0)) as here:
            bad = [await here.order(1.0, settle=False) for _ in range(2)]
            apply = here.twin.apply
            asked: list[int] = []

            async def picky(changes: Sequence[Change]) -> object:
                asked.append(len(changes))
                wrong = {one.id for one in bad}
                named = {one: one.service if isinstance(one, Withdraw) else one.policy.service for one in changes}
                refused = {name: "not today" for name in named.values() if name in wrong}
                return await apply([one for one in changes if named[one] not in wrong]) | refused  # type: ignore[operator]

            here.twin.apply = picky  # type: ignore[method-assign, assignment]
            good = [await here.order(1.0, settle=False) for _ in range(5)]
            await here.pass_s(8)
            assert {(await here.now(one.id)).state for one in good} == {State.ACTIVE}
            assert {(await here.now(one.id)).state for one in bad} == {State.ACTIVATING}
            assert max(asked) <= 2

    asyncio.run(inside())


def test_a_step_is_bounded_by_the_larger_of_number_and_share() -> None:
    assert Blast().most(0) == 200
    assert Blast().most(1_000) == 200
    assert Blast().most(5_000) == 1_000
    assert Blast(services=10, share=0.0).most(5_000) == 10


def test_a_step_has_every_repair_and_so_many_of_what_is_planned() -> None:
    gone = [ServiceId(f"gone-{number}") for number in range(3)]
    held = {name: policy(service_of(name, 1.0)) for name in gone}
    lost = [service_of(f"lost-{number}", 1.0) for number in range(3)]
    book = book_of(*lost)
    repairs = [Install(policy=policy(service)) for service in lost]
    assert diff(book, held, most=2) == [*repairs, *(Withdraw(service=name) for name in gone[:2])]
    assert diff(book, held, most=2, later=gone[:1]) == [*repairs, *(Withdraw(service=name) for name in gone[1:])]
    assert len(diff(book, held)) == 6
    book.freeze = Freeze(id=FreezeId("frz-a"), reason="", started_s=0.0)
    assert diff(book, held, most=2) == repairs


def test_what_has_no_room_yet_takes_no_place_in_a_step() -> None:
    large, small = service_of("large", 90.0), service_of("small", 5.0)
    other = service_of("other", 20.0)
    waiting = [replace(one, state=State.ACTIVATING) for one in (large, small)]
    assert diff(book_of(*waiting, other), {other.id: policy(other)}, most=1) == [Install(policy=policy(small))]


def test_a_replacement_by_choice_is_planned_and_one_of_what_is_dark_is_not() -> None:
    north, south = service_of("s", 10.0), service_of("s", 10.0, fence=("US",))
    assert north.placement is not None
    moving = replace(south, leaving=(north.placement,))
    book = book_of(moving)
    book.freeze = Freeze(id=FreezeId("frz-a"), reason="", started_s=0.0)
    held = {north.id: policy(north)}
    assert diff(book, held) == []
    book.down = frozenset({FibreId("west--east")})
    book.avoid_again()
    assert diff(book, held) == [Replace(policy=policy(moving))]
