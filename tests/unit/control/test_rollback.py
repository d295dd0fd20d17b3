"""A planned change that does harm is found by counters, undone by itself, and nothing more of it is begun."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace

import pytest

from highroad.control.repair import NO_BACKUP
from highroad.control.safety import Blast
from highroad.control.trial import Check
from highroad.errors import Refused, Unavailable
from highroad.model.change import Change as Edit
from highroad.model.incident import MaintenanceState
from highroad.model.lifecycle import State
from highroad.model.measurement import Measurement
from highroad.model.network import FibreId, SiteId
from highroad.model.service import Protection, Service, ServiceId
from highroad.ports import Change, EventRecord, Replace
from tests.support.country import ACME, NORTH, OTHER, SOUTH, country
from tests.unit.control.rig import Rig, carried, rig
from tests.unit.control.test_freeze import carried_by, steps_of
from tests.unit.control.test_loop import on_rigs, restart_on

on_a_rig = on_rigs(watched=False)
"""Harm that only counters see: what watchers see is a failure, and repaired at once."""

BLIND = FibreId("west--south")


async def told(here: Rig, kind: str) -> list[EventRecord]:
    events = here.store.events(after=0, limit=9999, operator=True)
    return [one for one in events if one.kind == f"highroad.{kind}"]


async def services_of(here: Rig, count: int, gbps: float = 1.0) -> list[Service]:
    made = [await here.order(gbps, settle=False) for _ in range(count)]
    await here.pass_s(3.0)
    return [await here.now(one.id) for one in made]


async def pass_checked(here: Rig, duration_s: float) -> None:
    """Let time pass a bit at a time: at no instant more is promised than there is."""
    for _ in range(round(duration_s / 0.05)):
        await here.pass_s(0.05)
        assert (await here.book()).ground.calendar.oversold() == []


def moved_in(asked: Sequence[Sequence[Change]]) -> list[int]:
    return [count for step in asked if (count := sum(isinstance(one, Replace) for one in step))]


@on_a_rig
async def test_a_harmful_drain_goes_back_and_freezes_and_is_done_after_the_thaw(here: Rig) -> None:
    services = await services_of(here, 3)
    await here.run(here.twin.cut(BLIND, silent=True))
    maintenance = await here.run(here.controller.drain("west--east"))
    await here.pass_s(0.05)
    assert [carried_by(here, one.id) for one in services] == [SOUTH] * 3
    await pass_checked(here, 3.0)
    assert [carried(await here.now(one.id)) for one in services] == [NORTH] * 3
    book = await here.book()
    assert book.freeze is not None
    assert book.freeze.reason.startswith("rolled back: 3 of 3 moved services lost traffic (svc-001 dark, ")
    assert "south" in book.freeze.reason
    drain = book.maintenances[maintenance.id]
    assert (drain.state, drain.moved, drain.note) == (MaintenanceState.DRAINING, (), book.freeze.reason)
    (event,) = await told(here, "change.rolled-back")
    assert set(event.data["services"]) == set(event.data["harmed"]) == {one.id for one in services}
    assert {"west>south", "south>west"} <= set(event.data["links"])
    lost = [await here.lost(one.id) for one in services]
    await pass_checked(here, 5.0)
    assert [await here.lost(one.id) for one in services] == lost, "nothing moves while it is frozen"
    await here.run(here.twin.uncut(BLIND))
    await here.pass_s(1.0)
    await here.run(here.controller.thaw())
    await pass_checked(here, 3.0)
    assert [carried(await here.now(one.id)) for one in services] == [SOUTH] * 3
    drain = (await here.book()).maintenances[maintenance.id]
    assert (drain.state, drain.note, len(drain.moved)) == (MaintenanceState.DRAINED, "", 3)
    assert (await here.book()).freeze is None


@on_a_rig
async def test_what_is_still_harmful_after_the_thaw_is_rolled_back_once_more_and_no_more(here: Rig) -> None:
    service = await here.order(1.0)
    await here.run(here.twin.cut(BLIND, silent=True))
    await here.run(here.controller.drain("west--east"))
    await here.pass_s(3.0)
    for times in (1, 2):
        await pass_checked(here, 10.0)
        assert len(await told(here, "change.rolled-back")) == times
        assert carried(await here.now(service.id)) == NORTH
        await here.run(here.controller.thaw())


@on_a_rig
async def test_of_many_a_canary_goes_first_and_the_rest_is_not_begun(here: Rig) -> None:
    services = await services_of(here, 40)
    await here.run(here.twin.cut(BLIND, silent=True))
    asked = steps_of(here)
    maintenance = await here.run(here.controller.drain("west--east"))
    await pass_checked(here, 4.0)
    assert moved_in(asked) == [1, 1], "one went, and came back"
    lost = [one.id for one in services if await here.lost(one.id) > 0]
    assert len(lost) == 1
    assert [carried(await here.now(one.id)) for one in services] == [NORTH] * 40
    assert (await here.book()).maintenances[maintenance.id].moved == ()
    await here.run(here.controller.end_maintenance(maintenance.id))
    await here.run(here.controller.thaw())
    asked.clear()
    await pass_checked(here, 4.0)
    assert moved_in(asked) == [], "what was not begun is forgotten with the drain"
    assert [carried(await here.now(one.id)) for one in services] == [NORTH] * 40


def test_after_a_clean_canary_the_rest_follows_step_by_step() -> None:
    async def inside() -> None:
        async with rig(blast=Blast(services=15, share=0.0), check=Check(canary=0.1), watched=False) as here:
            services = await services_of(here, 40)
            asked = steps_of(here)
            maintenance = await here.run(here.controller.drain("west--east"))
            for _ in range(160):
                await pass_checked(here, 0.05)
                assert sum(len(step.trials) for step in (await here.book()).trials.steps) <= 15
            assert moved_in(asked) == [4, 15, 15, 6]
            assert [carried(await here.now(one.id)) for one in services] == [SOUTH] * 40
            assert (await here.book()).maintenances[maintenance.id].state is MaintenanceState.DRAINED
            assert [await here.lost(one.id) for one in services] == [0.0] * 40
            kept = await told(here, "change.kept")
            assert [(one.data["canary"], len(one.data["services"])) for one in kept] == [
                (True, 4), (False, 15), (False, 15), (False, 6),
            ]  # fmt: skip

    asyncio.run(inside())


@on_a_rig
async def test_few_do_not_wait_for_each_other(here: Rig) -> None:
    services = await services_of(here, 10)
    asked = steps_of(here)
    await here.run(here.controller.drain("west--east"))
    await here.pass_s(0.05)
    assert moved_in(asked) == [10]
    assert all([(await here.now(one.id)).leaving for one in services]), "what they had is kept until they are checked"
    await pass_checked(here, 2.0)
    assert [carried(await here.now(one.id)) for one in services] == [SOUTH] * 10


@on_a_rig
async def test_who_is_carried_well_goes_back_with_who_is_not(here: Rig) -> None:
    clear = await here.order(1.0, tenant=OTHER, a="west", b="east")
    blind = await here.order(1.0)
    await here.run(here.twin.offer(clear.id, 0.0))
    await here.run(here.twin.cut(BLIND, silent=True))
    await here.run(here.controller.drain("west--east"))
    await here.pass_s(4.0)
    assert [(await here.now(one.id)).state for one in (clear, blind)] == [State.ACTIVE] * 2
    assert carried(await here.now(blind.id)) == NORTH
    assert carried(await here.now(clear.id)) == ("west>east",)
    (event,) = await told(here, "change.rolled-back")
    assert (list(event.data["harmed"]), len(event.data["services"])) == ([blind.id], 2)


@on_a_rig
async def test_who_sends_nothing_and_is_not_measured_cannot_be_judged_and_passes(here: Rig) -> None:
    here.controller._loop._lately = None
    service = await here.order(1.0)
    await here.run(here.twin.offer(service.id, 0.0))
    await here.run(here.twin.cut(BLIND, silent=True))
    await here.run(here.controller.drain("west--east"))
    await here.pass_s(3.0)
    assert carried(await here.now(service.id)) == SOUTH
    (event,) = await told(here, "change.kept")
    assert (event.data["services"], event.data["without_traffic"]) == ([service.id], 1)


async def silent(here: Rig) -> Service:
    """A service that sends nothing, and that has been measured where it is."""
    service = await here.order(1.0)
    await here.run(here.twin.offer(service.id, 0.0))
    await here.pass_s(3.0)
    return service


@on_a_rig
async def test_probes_judge_who_sends_nothing(here: Rig) -> None:
    service = await silent(here)
    await here.run(here.twin.cut(BLIND, silent=True))
    maintenance = await here.run(here.controller.drain("west--east"))
    await here.pass_s(1.5)
    assert (await here.book()).trials.holds(service.id), "it is waited for them"
    await pass_checked(here, 5.0)
    assert carried(await here.now(service.id)) == NORTH
    book = await here.book()
    assert book.freeze is not None
    assert f"1 of 1 moved services lost traffic ({service.id} dark by probes)" in book.freeze.reason
    assert book.maintenances[maintenance.id].moved == ()
    (event,) = await told(here, "change.rolled-back")
    assert (event.data["by_probes"], event.data["harmed"]) == ([service.id], {service.id: 1.0})
    await here.run(here.twin.uncut(BLIND))
    await here.run(here.controller.thaw())
    await pass_checked(here, 8.0)
    assert carried(await here.now(service.id)) == SOUTH
    (kept,) = await told(here, "change.kept")
    assert (kept.data["without_traffic"], kept.data["by_probes"]) == (0, 1)


@on_a_rig
async def test_what_probes_lost_before_is_not_the_changes_harm(here: Rig) -> None:
    service = await silent(here)
    await here.run(here.twin.cut(FibreId("cloud--east"), silent=True))
    await here.pass_s(3.0)
    await here.run(here.controller.drain("west--east"))
    await here.pass_s(6.0)
    assert carried(await here.now(service.id)) == SOUTH
    assert (await here.book()).freeze is None


@on_a_rig
async def test_a_share_of_probes_that_is_lost_is_harm_and_a_tenth_is_chance(here: Rig) -> None:
    service = await silent(here)
    await here.run(here.twin.cut(BLIND, towards=SiteId("south"), loss=0.1))
    maintenance = await here.run(here.controller.drain("west--east"))
    await here.pass_s(6.0)
    assert carried(await here.now(service.id)) == SOUTH
    await here.run(here.controller.end_maintenance(maintenance.id))
    await here.pass_s(6.0)
    assert carried(await here.now(service.id)) == NORTH
    await here.run(here.twin.cut(BLIND, towards=SiteId("south"), loss=0.4))
    await here.run(here.controller.drain("west--east"))
    await here.pass_s(6.0)
    assert carried(await here.now(service.id)) == NORTH
    freeze = (await here.book()).freeze
    assert freeze is not None
    assert " by probes) over " in freeze.reason


@on_a_rig
async def test_a_latency_that_is_measured_above_the_bound_is_harm_whatever_is_sent(here: Rig) -> None:
    bound_ms = 40.0
    service = await here.order(1.0, bound_ms=bound_ms)
    await here.pass_s(3.0)
    assert carried(service) == NORTH
    tell, late_ms = here.twin.lately, 0.0

    async def longer(services: Collection[ServiceId]) -> Sequence[Measurement]:
        """As if the fibres in the south were longer than is known."""
        south = carried_by(here, service.id) == SOUTH
        found = await tell(services)
        return [replace(one, out_ms=(one.out_ms or 0.0) + late_ms * south) for one in found]

    here.controller._loop._lately = longer
    late_ms = bound_ms
    await here.run(here.controller.drain("west--east"))
    await here.pass_s(6.0)
    assert carried(await here.now(service.id)) == NORTH
    (event,) = await told(here, "change.rolled-back")
    assert event.data["late_ms"][service.id] > bound_ms
    assert f"were late ({service.id} " in event.data["text"]
    late_ms = 0.5
    await here.run(here.controller.thaw())
    await here.pass_s(6.0)
    assert carried(await here.now(service.id)) == SOUTH


@on_a_rig
async def test_who_lost_before_is_not_the_changes_harm(here: Rig) -> None:
    service = await here.order(1.0)
    await here.run(here.twin.cut(FibreId("cloud--east"), silent=True))
    await here.pass_s(3.0)
    await here.run(here.controller.drain("west--east"))
    await here.pass_s(3.0)
    assert carried(await here.now(service.id)) == SOUTH
    assert (await here.book()).freeze is None


@on_a_rig
async def test_a_burst_that_finds_no_room_is_no_harm(here: Rig) -> None:
    await here.order(99.0, fence=("US",), tenant=OTHER, a="west", b="east")
    service = await here.order(1.0, burst_gbps=50.0)
    await here.run(here.twin.offer(service.id, 50.0))
    await here.pass_s(3.0)
    await here.run(here.controller.drain("west--east"))
    await here.pass_s(3.0)
    counters = (await here.run(here.twin.sample())).services[service.id]
    assert counters.lost_bytes > 0.01 * counters.offered_bytes
    assert carried(await here.now(service.id)) == SOUTH
    assert (await here.book()).freeze is None


@on_a_rig
async def test_who_may_burst_and_does_not_is_harmed_as_others_are(here: Rig) -> None:
    service = await here.order(10.0, burst_gbps=50.0)
    await here.run(here.twin.offer(service.id, 9.0))
    await here.pass_s(3.0)
    await here.run(here.twin.cut(BLIND, silent=True, loss=0.4))
    await here.run(here.controller.drain("west--east"))
    await pass_checked(here, 3.0)
    assert carried(await here.now(service.id)) == NORTH
    freeze = (await here.book()).freeze
    assert freeze is not None
    assert "rolled back: 1 of 1 moved services lost traffic" in freeze.reason


@on_a_rig
async def test_a_failure_ends_the_trial_and_is_repaired_at_once(here: Rig) -> None:
    service = await here.order(1.0)
    await here.run(here.controller.drain("west--east"))
    await here.pass_s(0.3)
    assert (await here.book()).trials.holds(service.id)
    await here.cut("west--south", settle_s=0.1)
    assert not (await here.book()).trials.holds(service.id)
    assert (await here.book()).freeze is None
    assert (await here.now(service.id)).state is State.DEGRADED
    await here.run(here.controller.end_maintenance(next(iter((await here.book()).maintenances))))
    await here.pass_s(0.1)
    assert carried_by(here, service.id) == NORTH


def test_a_trial_gives_its_room_to_a_repair() -> None:
    async def inside() -> None:
        async with rig(country(ways=3), watched=False) as here:
            for fibre in ("west--east", "campus--cloud"):
                await here.cut(fibre)
            struck = await here.order(90.0)
            assert carried(struck) == ("campus>south", "south>cloud")
            for fibre in ("west--east", "campus--cloud"):
                await here.uncut(fibre)
            service = await here.order(60.0)
            assert carried(service) == NORTH
            await here.run(here.controller.drain("west--east"))
            await here.pass_s(0.3)
            assert carried_by(here, service.id) == ("campus>cloud",)
            assert (await here.book()).trials.holds(service.id)
            await here.cut("campus--south", settle_s=0.1)
            assert "campus>south" not in carried(await here.now(struck.id)), "it needs what the trial kept at the west"
            assert carried(await here.now(service.id)) == ("campus>cloud",)
            assert (await here.book()).ground.calendar.oversold() == []

    asyncio.run(inside())


@on_a_rig
async def test_the_way_home_is_checked_as_well(here: Rig) -> None:
    service = await here.order(1.0)
    await here.cut("west--east")
    await here.run(here.twin.uncut(FibreId("west--east")))
    await here.run(here.twin.cut(FibreId("west--east"), silent=True))
    await here.pass_s(4.0)
    back = await here.now(service.id)
    assert (carried(back), back.away) == (SOUTH, True)
    assert (await here.book()).freeze is not None
    assert (await here.incident()).open
    await here.run(here.twin.uncut(FibreId("west--east")))
    await here.run(here.controller.thaw())
    await pass_checked(here, 4.0)
    home = await here.now(service.id)
    assert (carried(home), home.away) == (NORTH, False)
    assert not (await here.incident()).open


@on_a_rig
async def test_a_new_rate_that_moved_is_rolled_back_and_tried_again_after_the_thaw(here: Rig) -> None:
    service = await here.order(30.0)
    await here.order(60.0, tenant=OTHER, a="west", b="east", bound_ms=6.0)
    assert carried(service) == NORTH
    await here.pass_s(2.0)
    await here.run(here.twin.cut(BLIND, silent=True))
    changed = await here.run(
        here.controller.change(service.id, Edit(bandwidth_gbps=50.0), tenant=ACME, if_version=None)
    )
    assert changed.placement is not None
    assert changed.placement.there == SOUTH
    await pass_checked(here, 4.0)
    back = await here.now(service.id)
    assert back.placement is not None
    assert (back.placement.there, back.placement.bandwidth_gbps, back.order.bandwidth_gbps) == (NORTH, 30.0, 50.0)
    assert back.state is State.DEGRADED
    assert "30 Gbit/s" in (back.reason or "")
    with pytest.raises(Refused):
        await here.order(60.0, fence=("US",))
    await pass_checked(here, 4.0)
    assert carried_by(here, service.id) == NORTH
    await here.run(here.twin.uncut(BLIND))
    await here.run(here.controller.thaw())
    await pass_checked(here, 4.0)
    whole = await here.now(service.id)
    assert carried(whole) == SOUTH
    assert whole.placement is not None
    assert whole.placement.bandwidth_gbps == 50.0


def test_who_lost_its_backup_by_going_back_does_not_look_for_it_on_what_did_harm() -> None:
    async def inside() -> None:
        async with rig(country(ways=3), watched=False) as here:
            await here.cut("campus--cloud")
            service = await here.order(10.0, protection=Protection.PATH)
            assert carried(service) == NORTH
            await here.uncut("campus--cloud", settle_s=3.0)
            await here.run(here.twin.cut(FibreId("campus--cloud"), silent=True))
            both = [here.controller.drain(fibre) for fibre in ("west--east", "campus--south")]
            await here.run(asyncio.gather(*both))
            await here.pass_s(0.1)
            assert carried_by(here, service.id) == ("campus>cloud",)
            await pass_checked(here, 8.0)
            assert carried_by(here, service.id) == NORTH
            assert (await here.now(service.id)).reason == NO_BACKUP
            lost = await here.lost(service.id)
            await here.run(here.twin.uncut(FibreId("campus--cloud")))
            await here.pass_s(1.0)
            assert await here.lost(service.id) == lost
            await here.run(here.controller.thaw())
            await pass_checked(here, 4.0)
            assert carried(await here.now(service.id)) == ("campus>cloud",)

    asyncio.run(inside())


@on_a_rig
async def test_a_restart_forgets_what_was_on_trial(here: Rig) -> None:
    service = await here.order(1.0)
    await here.run(here.controller.drain("west--east"))
    await here.pass_s(0.3)
    assert (await here.now(service.id)).leaving
    await here.run(here.controller.stop())
    await restart_on(here)
    assert carried(await here.now(service.id)) == SOUTH


@on_a_rig
async def test_what_was_found_harmful_goes_back_after_a_restart_as_well(here: Rig) -> None:
    service = await here.order(1.0)
    await here.pass_s(2.0)
    await here.run(here.twin.cut(BLIND, silent=True))
    await here.run(here.controller.drain("west--east"))
    await here.pass_s(0.3)
    apply = here.twin.apply

    async def gone(changes: Sequence[Change]) -> object:
        raise Unavailable("routers do not answer")

    here.twin.apply = gone  # type: ignore[method-assign, assignment]
    await here.pass_s(3.0)
    assert (await here.book()).freeze is not None
    assert (await here.now(service.id)).state is State.DEGRADED
    assert carried_by(here, service.id) == SOUTH
    here.twin.apply = apply  # type: ignore[method-assign]
    await here.run(here.controller.stop())
    await restart_on(here)
    await here.pass_s(0.5)
    assert carried(await here.now(service.id)) == NORTH
    assert (await here.book()).freeze is not None


@on_a_rig
async def test_who_may_not_go_back_is_not_on_trial(here: Rig) -> None:
    service = await here.order(1.0)
    await here.pass_s(2.0)
    await here.run(here.twin.cut(BLIND, silent=True))
    inside = Edit(fence=("US",))
    await here.run(here.controller.change(service.id, inside, tenant=ACME, if_version=None))
    await here.pass_s(0.1)
    assert not (await here.book()).trials.holds(service.id), "its old path is outside its new fence"
    await here.pass_s(4.0)
    assert carried(await here.now(service.id)) == SOUTH


@on_a_rig
async def test_who_is_released_on_trial_is_gone(here: Rig) -> None:
    service = await here.order(1.0)
    await here.run(here.controller.drain("west--east"))
    await here.pass_s(0.3)
    await here.run(here.controller.release(service.id, tenant=ACME))
    await here.pass_s(1.0)
    book = await here.book()
    assert (book.trials.steps, book.services) == ([], {})


@on_a_rig
async def test_an_operators_freeze_keeps_its_reason(here: Rig) -> None:
    service = await here.order(1.0)
    await here.run(here.twin.cut(BLIND, silent=True))
    await here.run(here.controller.drain("west--east"))
    await here.pass_s(0.3)
    await here.run(here.controller.freeze("incident 7"))
    await here.pass_s(3.0)
    assert carried(await here.now(service.id)) == NORTH
    frozen = (await here.book()).freeze
    assert frozen is not None
    assert frozen.reason.startswith("incident 7; rolled back: 1 of 1")


def test_nothing_is_checked_where_nobody_wants_it() -> None:
    async def inside() -> None:
        async with rig(check=Check(for_s=0.0), watched=False) as here:
            services = await services_of(here, 40)
            asked = steps_of(here)
            await here.run(here.controller.drain("west--east"))
            await here.pass_s(0.2)
            assert moved_in(asked) == [40]
            assert [carried(await here.now(one.id)) for one in services] == [SOUTH] * 40

    asyncio.run(inside())


def test_a_canary_is_one_percent_and_from_one_to_ten() -> None:
    assert [Check().first(moves) for moves in (11, 199, 200, 1_000, 5_000)] == [1, 1, 2, 10, 10]
