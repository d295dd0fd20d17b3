"""The life of a service through the loop: windows, failures, drains, changes, releases; nothing oversold."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import wraps
from itertools import pairwise
from typing import Any

import pytest

from highroad.control.order import Idempotency
from highroad.errors import Conflict, HighroadError, Invalid, KeyReused, NotFound, Refused, VersionConflict
from highroad.model.change import Change
from highroad.model.incident import MaintenanceState, Phase
from highroad.model.lifecycle import State
from highroad.model.network import FibreId
from highroad.model.service import ServiceId, TrafficClass
from highroad.ports import Replace, Sample
from tests.support.country import ACME, NORTH, OTHER, SOUTH, country, request
from tests.unit.control.rig import Rig, carried, rig
from tests.unit.planning.ground import NOW_S


def on_rigs(**options: Any) -> Callable[[Callable[[Rig], Awaitable[None]]], Callable[[], None]]:
    """Run a test on a fresh rig with some options, and see that nothing was oversold at its end."""

    def on_one(test: Callable[[Rig], Awaitable[None]]) -> Callable[[], None]:
        @wraps(test)
        def run() -> None:
            async def inside() -> None:
                async with rig(**options) as here:
                    await test(here)
                    assert (await here.book()).ground.calendar.oversold() == []

            asyncio.run(inside())

        del run.__wrapped__
        return run

    return on_one


on_a_rig = on_rigs()


@on_a_rig
async def test_an_order_is_carried(here: Rig) -> None:
    service = await here.order(10.0)
    assert carried(service) == NORTH
    sample = await here.run(here.twin.sample())
    assert sample.services[service.id].carried_gbps_there > 0
    assert sample.services[service.id].lost_bytes == 0
    kinds = [one.kind for one in here.store.events(after=0, limit=99, tenant="acme") if one.subject == service.id]
    assert kinds == [f"highroad.service.{what}" for what in ("reserved", "activating", "active")]


@on_a_rig
async def test_a_window_opens_and_closes_by_itself(here: Rig) -> None:
    service = await here.order(10.0, start_s=NOW_S + 100, end_s=NOW_S + 200)
    assert service.state is State.RESERVED
    await here.pass_s(99 + NOW_S - here.clock.now_s())
    assert (await here.now(service.id)).state is State.RESERVED
    await here.pass_s(1.1)
    assert carried(await here.now(service.id)) == NORTH
    await here.pass_s(100)
    ended = await here.now(service.id)
    assert (ended.state, ended.leaving) == (State.TERMINATED, ())
    assert service.id not in (await here.run(here.twin.read())).policies


@on_a_rig
async def test_the_next_in_line_takes_over_at_the_edge_of_a_window(here: Rig) -> None:
    first = await here.order(100.0, end_s=NOW_S + 60)
    second = await here.order(100.0, start_s=NOW_S + 60)
    assert (carried(first), second.state) == (NORTH, State.RESERVED)
    await here.pass_s(62)
    assert (await here.now(first.id)).state is State.TERMINATED
    assert carried(await here.now(second.id)) == NORTH


@on_a_rig
async def test_a_cut_is_repaired_and_told_and_healed(here: Rig) -> None:
    service = await here.order(10.0)
    await here.pass_s(2)
    await here.cut("west--east")
    assert carried(await here.now(service.id)) == SOUTH
    incident = await here.incident()
    assert [entry.phase for entry in incident.timeline] == [Phase.FAILED, Phase.SEEN, Phase.REPAIRED]
    (outage,) = incident.outages
    assert outage.healed
    assert outage.dark_ms == 0.0, "the link's own router had gone around it"
    assert incident.open
    await here.uncut("west--east")
    assert carried(await here.now(service.id)) == NORTH
    incident = await here.incident()
    assert not incident.open
    assert [entry.phase for entry in incident.timeline][3:] == [Phase.FIBRE_BACK, Phase.RETURNED, Phase.CLOSED]
    dark_ms = (await here.run(here.twin.sample())).services[service.id].dark_s * 1e3
    assert outage.dark_ms == pytest.approx(dark_ms, abs=0.01)


@on_a_rig
async def test_what_fails_while_it_is_counted_is_not_told_as_carried_again(here: Rig) -> None:
    service = await here.order(10.0)
    await here.pass_s(2)
    own, sample = here.twin, here.twin.sample

    async def sampled() -> Sample:
        found = await sample()
        if "west>south" in (await own.read()).policies[service.id].links and not (await own.cuts()).keys() - {
            "west--east"
        }:
            await own.cut(FibreId("campus--west"))
            await here.clock.sleep(0.2)
        return found

    own.sample = sampled  # type: ignore[method-assign]
    await here.cut("west--east")
    found = (await here.book()).incidents.values()
    outages = [outage for one in found for outage in one.outages]
    assert [outage.healed for outage in outages if outage.service == service.id] == [False] * len(outages)
    assert not [entry for one in found for entry in one.timeline if entry.phase is Phase.REPAIRED]


@on_a_rig
async def test_what_has_no_way_around_inside_its_fence_is_dark_until_it_is_moved(here: Rig) -> None:
    service = await here.order(10.0, fence=("US",))
    free = await here.order(10.0)
    assert carried(service) == SOUTH
    await here.pass_s(2)
    ways = {(one.link, one.fence) for one in (await here.book()).repairs(NOW_S)}
    assert "west>east" in carried(free)
    assert ("west>east", "") in ways
    assert not {link for link, fence in ways if fence == "US"}
    await here.cut("west--south")
    dark_s = (await here.run(here.twin.sample())).services[service.id].dark_s
    assert dark_s > 0.0


@on_a_rig
async def test_a_second_outage_counts_from_where_the_first_one_ended(here: Rig) -> None:
    service = await here.order(10.0)
    await here.pass_s(2)
    for _ in range(2):
        await here.cut("west--east")
        await here.pass_s(3)
        await here.uncut("west--east")
        await here.pass_s(3)
    darks = [incident.outages[0].dark_ms for incident in (await here.book()).incidents.values()]
    assert len(darks) == 2
    total = (await here.run(here.twin.sample())).services[service.id].dark_s * 1e3
    assert sum(darks) == pytest.approx(total, abs=0.01)


@on_a_rig
async def test_outages_in_quick_succession_are_counted_apart(here: Rig) -> None:
    service = await here.order(10.0)
    await here.pass_s(2)
    for fibre in ("west--east", "west--south", "west--east"):
        await here.cut(fibre, settle_s=0.12)
        await here.uncut(fibre, settle_s=0.12)
    await here.pass_s(3)
    darks = [outage.dark_ms for one in (await here.book()).incidents.values() for outage in one.outages]
    total = (await here.run(here.twin.sample())).services[service.id].dark_s * 1e3
    assert len(darks) >= 2
    assert sum(darks) == pytest.approx(total, abs=0.01)


@on_a_rig
async def test_a_service_never_leaves_its_fence_better_dark(here: Rig) -> None:
    service = await here.order(10.0, fence=("US",))
    assert carried(service) == SOUTH
    await here.cut("west--south")
    dark = await here.now(service.id)
    assert dark.state is State.DEGRADED
    assert dark.reason is not None
    assert "fence (US)" in dark.reason
    assert dark.placement is not None
    assert dark.placement.there == SOUTH
    await here.uncut("west--south")
    assert carried(await here.now(service.id)) == SOUTH


@on_a_rig
async def test_a_service_over_its_bound_is_carried_and_says_that_it_is_slow(here: Rig) -> None:
    service = await here.order(10.0, bound_ms=8.0)
    await here.cut("west--east")
    slow = await here.now(service.id)
    assert slow.state is State.DEGRADED
    assert slow.reason == "slow: 10.000 ms one way instead of at most 8"
    sample = await here.run(here.twin.sample())
    assert sample.services[service.id].carried_gbps_there > 0
    await here.uncut("west--east")
    assert carried(await here.now(service.id)) == NORTH


@on_a_rig
async def test_too_little_after_a_failure_goes_to_the_class_that_comes_first(here: Rig) -> None:
    await here.order(50.0, fence=("US",), tenant=OTHER, a="west", b="east")
    bulk = await here.order(30.0, traffic_class=TrafficClass.BULK)
    urgent = await here.order(40.0, traffic_class=TrafficClass.INTERACTIVE)
    assert {carried(bulk), carried(urgent)} == {NORTH}
    await here.cut("west--east")
    assert carried(await here.now(urgent.id)) == SOUTH
    waiting = await here.now(bulk.id)
    assert waiting.state is State.DEGRADED
    await here.run(here.controller.release(urgent.id, tenant=ACME))
    await here.pass_s(0.5)
    assert carried(await here.now(bulk.id)) == SOUTH


@on_a_rig
async def test_a_drain_loses_nothing_and_gives_everything_back(here: Rig) -> None:
    service = await here.order(10.0)
    await here.pass_s(1)
    maintenance = await here.run(here.controller.drain("west--east"))
    await here.pass_s(1.5)
    assert carried(await here.now(service.id)) == SOUTH
    done = (await here.book()).maintenances[maintenance.id]
    assert (done.state, done.moved, done.stuck) == (MaintenanceState.DRAINED, (service.id,), ())
    with pytest.raises(Conflict):
        await here.run(here.controller.drain("west--east"))
    await here.run(here.controller.end_maintenance(maintenance.id))
    await here.pass_s(1.5)
    assert carried(await here.now(service.id)) == NORTH
    assert await here.lost(service.id) == 0.0
    assert (await here.run(here.twin.sample())).services[service.id].dark_s == 0.0


@on_a_rig
async def test_a_drain_says_what_it_cannot_move_and_moves_it_when_it_can(here: Rig) -> None:
    stuck = await here.order(10.0, bound_ms=8.0)
    maintenance = await here.run(here.controller.drain("west--east"))
    await here.pass_s(0.5)
    drain = (await here.book()).maintenances[maintenance.id]
    assert (drain.state, drain.stuck) == (MaintenanceState.DRAINING, (stuck.id,))
    assert carried(await here.now(stuck.id)) == NORTH
    with pytest.raises(Refused):
        await here.order(10.0, bound_ms=8.0)
    await here.run(here.controller.release(stuck.id, tenant=ACME))
    await here.pass_s(0.5)
    assert (await here.book()).maintenances[maintenance.id].state is MaintenanceState.DRAINED


@on_a_rig
async def test_a_drain_of_a_site_or_a_risk_group_takes_all_its_fibres(here: Rig) -> None:
    service = await here.order(10.0, fence=("US",))
    with pytest.raises(Invalid):
        await here.run(here.controller.drain("nothing"))
    maintenance = await here.run(here.controller.drain("south"))
    await here.pass_s(0.3)
    assert maintenance.fibres == ("west--south", "east--south")
    assert (await here.book()).maintenances[maintenance.id].stuck == (service.id,)


@on_a_rig
async def test_a_change_of_rate_is_made_in_place_and_loses_nothing(here: Rig) -> None:
    service = await here.order(10.0)
    await here.pass_s(1)
    changed = await here.run(here.controller.change(service.id, Change(bandwidth_gbps=90.0), tenant=ACME, if_version=1))
    assert changed.version == 2
    await here.pass_s(0.5)
    assert carried(await here.now(service.id)) == NORTH
    policy = (await here.run(here.twin.read())).policies[service.id]
    assert policy.guaranteed_gbps == 90.0
    with pytest.raises(VersionConflict):
        await here.run(here.controller.change(service.id, Change(bandwidth_gbps=20.0), tenant=ACME, if_version=1))
    with pytest.raises(Refused, match="stays as it is"):
        await here.run(here.controller.change(service.id, Change(bandwidth_gbps=101.0), tenant=ACME, if_version=2))
    assert (await here.now(service.id)).order.bandwidth_gbps == 90.0
    await here.run(here.controller.change(service.id, Change(bandwidth_gbps=5.0), tenant=ACME, if_version=2))
    await here.pass_s(0.5)
    assert (await here.book()).ground.calendar.at("west>east", here.clock.now_s()) == 5000
    assert await here.lost(service.id) == 0.0


@on_a_rig
async def test_a_change_of_description_tells_no_router(here: Rig) -> None:
    service = await here.order(10.0)
    applied: list[object] = []
    apply = here.twin.apply

    async def counted(changes: Any) -> Any:
        applied.extend(changes)
        return await apply(changes)

    here.twin.apply = counted  # type: ignore[method-assign]
    await here.run(here.controller.change(service.id, Change(description="nightly"), tenant=ACME, if_version=1))
    await here.pass_s(3)
    assert (await here.now(service.id)).order.description == "nightly"
    assert applied == []
    await here.run(here.controller.change(service.id, Change(bandwidth_gbps=20.0), tenant=ACME, if_version=2))
    await here.pass_s(1)
    assert [type(change) for change in applied] == [Replace]


@on_a_rig
async def test_a_release_gives_the_capacity_back_when_routers_have_let_go(here: Rig) -> None:
    service = await here.order(100.0)
    released = await here.run(here.controller.release(service.id, tenant=ACME))
    assert released.state is State.TERMINATED
    await here.pass_s(0.5)
    assert carried(await here.order(100.0)) == NORTH
    with pytest.raises(Conflict, match="TERMINATED"):
        await here.run(here.controller.release(service.id, tenant=ACME))


@on_a_rig
async def test_what_is_released_before_it_began_is_cancelled(here: Rig) -> None:
    service = await here.order(100.0, start_s=NOW_S + 500)
    await here.run(here.controller.release(service.id, tenant=ACME))
    assert (await here.now(service.id)).state is State.CANCELLED
    assert (await here.book()).ground.calendar.claims(service.id) == ()


@on_a_rig
async def test_another_tenants_service_does_not_exist(here: Rig) -> None:
    service = await here.order(10.0)
    missing = ServiceId("svc-none")
    for name in (service.id, missing):
        attempts: list[Awaitable[object]] = [
            here.controller.find_service(name, OTHER),
            here.controller.change(name, Change(bandwidth_gbps=1.0), tenant=OTHER, if_version=1),
            here.controller.release(name, tenant=OTHER),
        ]
        for attempt in attempts:
            with pytest.raises(NotFound, match=f"there is no service {name}"):
                await here.run(attempt)


@on_a_rig
async def test_a_key_makes_one_service_however_often_it_comes(here: Rig) -> None:
    key = Idempotency(scope="acme", key="k1", digest="d1")
    answers = await here.run(asyncio.gather(*(here.controller.order(request(), idempotency=key) for _ in range(5))))
    assert len({service.id for service, _ in answers}) == 1
    assert [replayed for _, replayed in answers].count(False) == 1
    other = Idempotency(scope="acme", key="k1", digest="d2")
    with pytest.raises(KeyReused):
        await here.run(here.controller.order(request(20.0), idempotency=other))
    assert len((await here.book()).services) == 1


@on_a_rig
async def test_a_dry_run_keeps_nothing(here: Rig) -> None:
    preview, _ = await here.run(here.controller.order(request(), dry_run=True))
    assert preview.state is State.REQUESTED
    assert (await here.book()).services == {}


@on_a_rig
async def test_policies_that_nobody_wants_are_withdrawn(here: Rig) -> None:
    service = await here.order(10.0)
    policy = (await here.run(here.twin.read())).policies[service.id]
    await here.run(here.controller.release(service.id, tenant=ACME))
    await here.pass_s(1)
    await here.run(here.twin.apply([Replace(policy=policy)]))
    await here.pass_s(2)
    assert (await here.run(here.twin.read())).policies == {}


@on_a_rig
async def test_a_policy_that_somebody_removed_comes_back(here: Rig) -> None:
    from highroad.ports import Withdraw

    service = await here.order(10.0)
    await here.run(here.twin.apply([Withdraw(service=service.id)]))
    await here.pass_s(2)
    assert service.id in (await here.run(here.twin.read())).policies


@on_a_rig
async def test_a_conduit_is_one_incident(here: Rig) -> None:
    await here.run(here.controller.load_network(country(conduit=True)))
    service = await here.order(10.0, fence=("US",))
    await asyncio.gather(here.twin.cut("west--south"), here.twin.cut("east--south"))  # type: ignore[arg-type]
    await here.pass_s(0.5)
    incident = await here.incident()
    assert set(incident.fibres) == {"west--south", "east--south"}
    assert [outage.service for outage in incident.outages] == [service.id]


@on_a_rig
async def test_what_the_network_in_force_lacks_is_refused_before_anything_is_written(here: Rig) -> None:
    before = (await here.book()).last_sequence
    for asked in (request(-1.0), request(b="nowhere"), request(1000.0)):
        with pytest.raises(HighroadError):
            await here.run(here.controller.order(asked))
    assert (await here.book()).last_sequence == before


@on_a_rig
async def test_what_the_fabric_refuses_is_said_and_tried_again(here: Rig) -> None:
    apply = here.twin.apply

    async def refusing(changes: Any) -> Any:
        return {change.policy.service: "its router is away" for change in changes}

    here.twin.apply = refusing  # type: ignore[method-assign]
    service = await here.order(10.0)
    await here.pass_s(2)
    waiting = await here.now(service.id)
    assert (waiting.state, waiting.reason) == (State.ACTIVATING, "not carried yet: its router is away")
    here.twin.apply = apply  # type: ignore[method-assign]
    await here.pass_s(2)
    assert carried(await here.now(service.id)) == NORTH
    assert (await here.now(service.id)).reason is None


@on_a_rig
async def test_a_loop_that_cannot_hear_the_fabric_looks_every_second(here: Rig) -> None:
    async def deaf() -> Any:
        raise ConnectionError
        yield

    here.twin.changes = deaf  # type: ignore[method-assign]
    await here.run(here.controller.stop())
    await restart_on(here)
    service = await here.order(10.0)
    await here.cut("west--east", settle_s=3.0)
    assert carried(await here.now(service.id)) == SOUTH


@on_a_rig
async def test_samples_that_take_long_are_taken_less_often(here: Rig) -> None:
    sample, begun = here.twin.sample, []

    async def slow() -> Any:
        begun.append(here.clock.now_s())
        await here.clock.sleep(0.5)
        return await sample()

    here.twin.sample = slow  # type: ignore[method-assign]
    await here.pass_s(30.0)
    assert all(later - earlier >= 5.0 for earlier, later in pairwise(begun[1:]))
    assert len(begun) >= 5


async def restart_on(here: Rig, **options: Any) -> None:
    """A new controller over the same store and fabric."""
    from highroad.control.controller import Controller
    from tests.unit.control.rig import at_once

    here.controller = Controller(
        store=here.store, fabric=here.twin, clock=here.clock, lab=here.twin, execute=at_once, **options
    )
    await here.run(here.controller.start())


@on_a_rig
async def test_a_short_window_opens_and_closes_on_time(here: Rig) -> None:
    await here.pass_s(0.37)
    now = here.clock.now_s()
    service = await here.order(10.0, start_s=now + 0.2, end_s=now + 0.6, settle=False)
    await here.pass_s(0.25)
    assert carried(await here.now(service.id)) == NORTH
    await here.pass_s(0.4)
    assert (await here.now(service.id)).state is State.TERMINATED
    kinds = [(one.kind, one.at_s - now) for one in here.store.events(after=0, limit=99, tenant="acme")]
    opened = next(at for kind, at in kinds if kind == "highroad.service.activating")
    closed = next(at for kind, at in kinds if kind == "highroad.service.terminated")
    assert 0.2 - 1e-6 <= opened <= 0.25
    assert 0.6 - 1e-6 <= closed <= 0.65


@on_a_rig
async def test_everything_goes_home_however_cuts_and_drains_overlap(here: Rig) -> None:
    service = await here.order(10.0)
    later = await here.order(10.0, start_s=here.clock.now_s() + 86400, tenant=OTHER)
    first = await here.run(here.controller.drain("west--east"))
    await here.pass_s(1)
    await here.cut("west--east")
    await here.run(here.controller.end_maintenance(first.id))
    await here.pass_s(1)
    assert carried(await here.now(service.id)) == SOUTH
    await here.uncut("west--east")
    await here.pass_s(2)
    for one in (service, later):
        now = await here.now(one.id)
        assert now.placement is not None
        assert (now.placement.there, now.away, now.leaving) == (NORTH, False, ())
    drains = [await here.run(here.controller.drain(what)) for what in ("west--east", "east")]
    await here.pass_s(1)
    for drain in drains:
        await here.run(here.controller.end_maintenance(drain.id))
        await here.pass_s(1.5)
    assert carried(await here.now(service.id)) == NORTH


@on_a_rig
async def test_the_fence_holds_for_a_slow_way_too(here: Rig) -> None:
    """Nothing inside the bound is left, and what is left at all is outside the fence: dark, not abroad."""
    service = await here.order(10.0, fence=("US",), bound_ms=10.5)
    assert carried(service) == SOUTH
    await here.cut("east--south")
    dark = await here.now(service.id)
    assert dark.state is State.DEGRADED
    assert dark.placement is not None
    assert dark.placement.there == SOUTH
    policy = (await here.run(here.twin.read())).policies[service.id]
    assert "west>east" not in policy.links


@on_a_rig
async def test_one_with_a_bound_that_waits_for_its_window_takes_a_slow_way_when_it_opens(here: Rig) -> None:
    service = await here.order(10.0, bound_ms=8.0, start_s=here.clock.now_s() + 5)
    await here.cut("west--east")
    await here.pass_s(7)
    slow = await here.now(service.id)
    assert slow.placement is not None
    assert slow.placement.there == SOUTH
    assert slow.state is State.DEGRADED


@on_a_rig
async def test_a_dark_service_that_routers_do_not_move_says_so(here: Rig) -> None:
    service = await here.order(10.0)
    apply = here.twin.apply

    async def refusing(changes: Any) -> Any:
        return {change.policy.service: "its router is away" for change in changes}

    here.twin.apply = refusing  # type: ignore[method-assign]
    await here.cut("west--east", settle_s=3.0)
    dark = await here.now(service.id)
    assert dark.state is State.DEGRADED
    assert dark.reason == "dark: routers do not take its new path: its router is away"
    assert [placement.there for placement in dark.leaving] == [NORTH]
    assert not (await here.incident()).outages[0].healed
    here.twin.apply = apply  # type: ignore[method-assign]
    await here.pass_s(2.5)
    assert carried(await here.now(service.id)) == SOUTH
    assert (await here.incident()).outages[0].healed


@on_a_rig
async def test_a_promise_is_kept_again_only_when_routers_confirm_it(here: Rig) -> None:
    service = await here.order(10.0, fence=("US",))
    await here.cut("west--south")
    await here.uncut("west--south")
    await here.pass_s(1)
    assert carried(await here.now(service.id)) == SOUTH
    bounded = await here.order(10.0, bound_ms=8.0)
    await here.cut("west--east")
    assert (await here.now(bounded.id)).state is State.DEGRADED
    await here.uncut("west--east")
    events = [one for one in here.store.events(after=0, limit=999, operator=True) if one.subject == bounded.id]
    kinds = [one.kind.rpartition(".")[2] for one in events]
    assert kinds[-2:] == ["rerouted", "restored"]


@on_a_rig
async def test_a_window_far_ahead_counts_on_what_is_dark_now(here: Rig) -> None:
    await here.cut("campus--west")
    with pytest.raises(Refused) as caught:
        await here.order(10.0)
    offers = caught.value.facts["offers"]
    assert [list(offer.changes) for offer in offers] == [["start"]]
    await here.pass_s(600)
    service, _ = await here.run(here.controller.order(offers[0].request))
    assert service.state is State.RESERVED
    await here.pass_s(5)
    assert (await here.now(service.id)).reason is None


@on_a_rig
async def test_less_of_what_is_dark_is_always_granted(here: Rig) -> None:
    service = await here.order(10.0, fence=("US",))
    await here.cut("west--south")
    changed = await here.run(here.controller.change(service.id, Change(bandwidth_gbps=5.0), tenant=ACME, if_version=1))
    assert changed.order.bandwidth_gbps == 5.0
    with pytest.raises(Refused, match="dark or being drained now"):
        await here.run(here.controller.change(service.id, Change(bandwidth_gbps=6.0), tenant=ACME, if_version=2))


@on_a_rig
async def test_an_outage_that_ends_with_its_service_is_not_called_a_repair(here: Rig) -> None:
    await here.order(10.0, fence=("US",), end_s=here.clock.now_s() + 5)
    await here.cut("west--south")
    await here.pass_s(6)
    incident = await here.incident()
    assert Phase.REPAIRED not in [entry.phase for entry in incident.timeline]
    await here.uncut("west--south")
    assert not (await here.incident()).open
