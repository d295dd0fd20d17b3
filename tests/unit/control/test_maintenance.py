"""Maintenances that are booked: detours are kept from the booking on, used in time, and given back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from highroad.control.controller import Controller
from highroad.control.maintain import Times
from highroad.errors import Conflict, Frozen, Invalid, Refused
from highroad.model.change import Change
from highroad.model.incident import Maintenance, MaintenanceState
from highroad.model.lifecycle import State
from highroad.model.network import SiteId
from highroad.model.service import Port, PortId, Protection, Service
from highroad.storage.codec import unpack
from tests.support.country import ACME, NORTH, OTHER, SOUTH, country
from tests.unit.control.rig import Rig, at_once, carried, rig
from tests.unit.control.test_loop import on_a_rig
from tests.unit.planning.ground import NOW_S

FENCED = ("US",)
"""Keeps an order off the northern way."""


def times(start_s: float = 600.0, length_s: float | None = 300.0, lead_s: float = 60.0) -> Times:
    start = NOW_S + start_s
    return Times(start_s=start, end_s=None if length_s is None else start + length_s, lead_s=lead_s)


async def book(here: Rig, target: str = "west--east", **when: Any) -> Maintenance:
    return await here.run(here.controller.drain(target, times(**when)))


async def known(here: Rig, maintenance: Maintenance) -> Maintenance:
    book = await here.book()
    assert book.ground.calendar.oversold() == []
    return book.maintenances[maintenance.id]


async def until(here: Rig, at_s: float, *, check_s: float = 30.0) -> None:
    """Let time pass to an instant, and see on the way that nothing is oversold."""
    while (left_s := NOW_S + at_s - here.clock.now_s()) > 1e-6:
        await here.pass_s(min(left_s, check_s))
        assert (await here.book()).ground.calendar.oversold() == []


def kept(here: Any, link: str, at_s: float) -> int:
    return int(here.ground.calendar.at(link, NOW_S + at_s))


async def between_pops(here: Rig, gbps: float, start_s: float, end_s: float, **more: Any) -> Service:
    """An order that does not go over the links of the campus and the cloud."""
    window: dict[str, Any] = {"start_s": NOW_S + start_s, "end_s": NOW_S + end_s}
    return await here.order(gbps, tenant=OTHER, a="west", b="east", settle=False, **window, **more)


@on_a_rig
async def test_a_detour_is_kept_for_just_that_time_and_used_and_given_back(here: Rig) -> None:
    service = await here.order(60.0)
    maintenance = await book(here)
    assert (maintenance.state, maintenance.stuck) == (MaintenanceState.SCHEDULED, ())
    assert [(one.service, one.placement.there) for one in maintenance.detours] == [(service.id, SOUTH)]
    now = await here.book()
    assert [kept(now, "west>south", at) for at in (0, 539, 540, 959, 960)] == [0, 0, 60_000, 60_000, 0]
    assert [kept(now, "campus>west", at) for at in (0, 700, 1000)] == [60_000] * 3  # shared: one stream
    with pytest.raises(Refused):
        await between_pops(here, 41.0, 700, 800, fence=FENCED)  # nobody else takes its room
    await between_pops(here, 100.0, 100, 540, fence=FENCED)
    after = await between_pops(here, 100.0, 960, 1200, fence=FENCED)
    await until(here, 538.0)
    assert carried(await here.now(service.id)) == NORTH
    await until(here, 545.0)
    assert carried(await here.now(service.id)) == SOUTH
    drained = await known(here, maintenance)
    assert (drained.state, drained.moved, drained.detours) == (MaintenanceState.DRAINED, (service.id,), ())
    now = await here.book()
    assert [kept(now, "west>south", at) for at in (700, 959, 960)] == [60_000, 60_000, 100_000]
    assert [kept(now, "west>east", at) for at in (899, 900, 5000)] == [0, 60_000, 60_000]  # home waits for it
    await until(here, 902.0)
    assert (await known(here, maintenance)).state is MaintenanceState.RETURNED
    home = await here.now(service.id)
    assert (carried(home), home.home) == (NORTH, None)
    await until(here, 962.0)
    assert (await here.now(after.id)).state is State.ACTIVE
    await until(here, 1300.0)
    assert (await here.now(service.id)).away is False
    assert await here.lost(service.id) == 0.0
    assert (await here.run(here.twin.sample())).services[service.id].dark_s == 0.0


@on_a_rig
async def test_orders_keep_out_of_the_way_and_a_refusal_says_what_is_closed(here: Rig) -> None:
    await here.order(30.0)
    await book(here)
    inside = await between_pops(here, 60.0, 650, 2000)
    assert inside.placement is not None
    assert inside.placement.there == ("west>south", "south>east")
    beside = await between_pops(here, 60.0, 100, 600)
    assert beside.placement is not None
    assert beside.placement.there == ("west>east",)
    with pytest.raises(Refused) as refused:
        await between_pops(here, 60.0, 650, 700)
    binding, offers = refused.value.facts["binding"], refused.value.facts["offers"]
    assert binding.constraint == "path"
    assert "closed for maintenance from 2027-01-15T08:10:00" in binding.message
    # Until 650 there is room by the south, which is nearer than 900, when the maintenance is over.
    (earlier,) = [one.request for one in offers if one.request.start_s == NOW_S + 600.0]
    assert earlier.end_s == NOW_S + 650.0
    await here.run(here.controller.order(earlier))


@on_a_rig
async def test_a_booking_survives_a_restart(here: Rig) -> None:
    service = await here.order(60.0, protection=Protection.NONE)
    maintenance = await book(here)
    before = (await here.book()).ground.calendar
    held = before.claims(maintenance.holder(service.id))
    assert held
    await here.run(here.controller.stop())
    here.controller = Controller(store=here.store, fabric=here.twin, clock=here.clock, lab=here.twin, execute=at_once)
    await here.run(here.controller.start())
    assert (await here.book()).ground.calendar.claims(maintenance.holder(service.id)) == held
    await until(here, 545.0)
    assert carried(await here.now(service.id)) == SOUTH
    await here.run(here.controller.stop())
    here.controller = Controller(store=here.store, fabric=here.twin, clock=here.clock, lab=here.twin, execute=at_once)
    await here.run(here.controller.start())
    await until(here, 902.0)
    assert carried(await here.now(service.id)) == NORTH


def test_a_maintenance_of_an_older_release_is_read() -> None:
    old = b'{"id":"mnt-a","target":"x","fibres":["x"],"state":"DRAINED","started_s":1.0,"stuck":["s"]}'
    found = unpack(old, Maintenance)
    assert (found.in_force, found.because, found.window.end_s) == (True, (), None)


@on_a_rig
async def test_a_detour_follows_its_service(here: Rig) -> None:
    service = await here.order(60.0)
    maintenance = await book(here)
    await between_pops(here, 30.0, 650, 700, fence=FENCED)
    change = here.controller.change
    await here.run(change(service.id, Change(bandwidth_gbps=80.0), tenant=ACME, if_version=1))
    stuck = await known(here, maintenance)
    assert (stuck.detours, stuck.stuck) == ((), (service.id,))
    assert stuck.because == ("no other way has 80 Gbit/s free",)
    await here.run(change(service.id, Change(bandwidth_gbps=70.0), tenant=ACME, if_version=2))
    again = await known(here, maintenance)
    assert [one.placement.bandwidth_gbps for one in again.detours] == [70.0]
    assert kept(await here.book(), "west>south", 660) == 100_000
    await here.cut("west--east")  # it moves to where its detour is: nothing is to be kept beside
    assert carried(await here.now(service.id)) == SOUTH
    moved = await known(here, maintenance)
    assert (moved.detours, moved.stuck) == ((), ())
    assert kept(await here.book(), "west>south", 660) == 100_000
    await here.run(here.controller.release(service.id, tenant=ACME))
    await here.pass_s(0.5)
    assert kept(await here.book(), "west>south", 660) == 30_000


@on_a_rig
async def test_what_has_no_detour_is_stuck_until_there_is_one(here: Rig) -> None:
    slow = await here.order(10.0, bound_ms=8.0)
    other = await between_pops(here, 95.0, 500, 700, fence=FENCED)
    full = await here.order(10.0)
    maintenance = await book(here)
    why = dict(zip(maintenance.stuck, maintenance.because, strict=True))
    assert why[slow.id] == "the fastest other way takes 10.000 ms, more than its bound of 8 ms"
    assert why[full.id] == "no other way has 10 Gbit/s free"
    await here.run(here.controller.release(other.id, tenant=OTHER))
    await here.pass_s(0.5)
    assert (await known(here, maintenance)).stuck == (slow.id,)
    await until(here, 560.0)
    late = await known(here, maintenance)
    assert (late.state, late.stuck) == (MaintenanceState.DRAINING, (slow.id,))
    assert late.because == (why[slow.id],)
    await until(here, 910.0)
    assert (await known(here, maintenance)).state is MaintenanceState.RETURNED


def test_a_protected_service_has_a_backup_on_its_detour_too() -> None:
    async def run() -> None:
        async with rig(country(ways=3)) as here:
            service = await here.order(60.0, protection=Protection.PATH)
            assert service.placement is not None
            fibre = (await here.book()).network.link[service.placement.there[0]].fibres[0]
            maintenance = await book(here, fibre)
            (detour,) = maintenance.detours
            assert detour.placement.backup is not None
            await until(here, 545.0)
            moved = await here.now(service.id)
            assert moved.placement == detour.placement
            assert moved.state is State.ACTIVE
            await until(here, 905.0)
            assert (await here.now(service.id)).placement == service.placement
            assert (await here.run(here.twin.sample())).services[service.id].dark_s == 0.0

    asyncio.run(run())


AROUND = ("west>south", "south>east")


async def ring(here: Rig) -> Service:
    """A protected service from west to east with its backup by the south: there is no third way."""
    port = Port(id=PortId("other-south"), tenant=OTHER, site=SiteId("south"), rate_gbps=100.0)
    await here.run(here.controller.add_port(port))
    service = await here.order(60.0, tenant=OTHER, a="west", b="east", protection=Protection.PATH)
    assert service.placement is not None
    assert service.placement.backup is not None
    assert (service.placement.there, service.placement.backup.there) == (("west>east",), AROUND)
    return service


async def over_the_same_spare(here: Rig, start_s: float, end_s: float) -> Service:
    """An order whose backup has room only where that of the ring's service stands by, for other risk groups."""
    window: dict[str, Any] = {"start_s": NOW_S + start_s, "end_s": NOW_S + end_s, "protection": Protection.PATH}
    return await here.order(60.0, tenant=OTHER, a="campus", b="south", settle=False, **window)


def test_who_has_room_only_on_its_own_backup_goes_there_and_nobody_takes_the_room() -> None:
    async def run() -> None:
        async with rig(country(ways=2)) as here:
            service = await ring(here)
            maintenance = await book(here)
            assert maintenance.stuck == ()
            assert [one.placement.there for one in maintenance.detours] == [AROUND]
            now = await here.book()
            # The detour is in the place of the backup, not beside it.
            assert [kept(now, "west>south", at) for at in (0, 539, 540, 959, 960)] == [60_000] * 5
            claimed = now.ground.calendar.claimed_at
            assert [claimed("west>south", NOW_S + at) for at in (539, 540, 959, 960)] == [0, 60_000, 60_000, 0]
            with pytest.raises(Refused):
                await over_the_same_spare(here, 650, 700)  # a spare is shared, a detour is not
            shared = await over_the_same_spare(here, 1000, 1100)
            assert shared.placement is not None
            assert shared.placement.backup is not None
            assert shared.placement.backup.there == ("campus>west", "west>south")
            await until(here, 700.0)
            drained = await known(here, maintenance)
            assert (drained.state, drained.moved) == (MaintenanceState.DRAINED, (service.id,))
            moved = (await here.book()).services[service.id]
            assert moved.placement is not None
            assert (moved.placement.there, moved.state) == (AROUND, State.DEGRADED)
            await until(here, 965.0)
            home = await here.now(service.id)
            assert (home.state, home.placement) == (State.ACTIVE, service.placement)
            assert [kept(await here.book(), "west>south", at) for at in (970, 1050, 5000)] == [60_000] * 3
            assert (await here.run(here.twin.sample())).services[service.id].dark_s == 0.0

    asyncio.run(run())


def test_a_spare_that_another_shares_is_no_detour() -> None:
    async def run() -> None:
        async with rig(country(ways=2)) as here:
            service = await ring(here)
            other = await over_the_same_spare(here, 650, 700)
            maintenance = await book(here)
            assert maintenance.stuck == (service.id,)
            await here.run(here.controller.release(other.id, tenant=OTHER))
            await here.pass_s(0.5)
            assert (await known(here, maintenance)).stuck == ()

    asyncio.run(run())


def test_a_backup_stands_by_again_when_bookings_are_given_back() -> None:
    async def run() -> None:
        async with rig(country(ways=2)) as here:
            service = await ring(here)
            calendar = (await here.book()).ground.calendar
            before = calendar.held()
            seen = await here.run(here.controller.drain("west--east", times(), dry_run=True))
            assert [one.service for one in seen.detours] == [service.id]
            assert calendar.held() == before  # a preview keeps nothing
            first, second = await book(here), await book(here, start_s=1200.0)
            assert (first.stuck, second.stuck) == ((), ())
            claimed = calendar.claimed_at
            at = (600, 1000, 1300, 2000)
            assert [claimed("west>south", NOW_S + one) for one in at] == [60_000, 0, 60_000, 0]
            assert [kept(await here.book(), "west>south", one) for one in at] == [60_000] * 4
            await here.run(here.controller.end_maintenance(first.id))
            assert [claimed("west>south", NOW_S + one) for one in at] == [0, 0, 60_000, 0]
            assert [kept(await here.book(), "west>south", one) for one in at] == [60_000] * 4
            with pytest.raises(Refused):
                await over_the_same_spare(here, 1300, 1400)
            await over_the_same_spare(here, 650, 700)
            held = calendar.held()
            await here.run(here.controller.stop())
            here.controller = Controller(
                store=here.store, fabric=here.twin, clock=here.clock, lab=here.twin, execute=at_once
            )
            await here.run(here.controller.start())
            calendar = (await here.book()).ground.calendar
            assert sorted(calendar.held()) == sorted(held)
            await here.run(here.controller.end_maintenance(second.id))
            assert calendar.standing(service.id) == calendar.standbys(service.id)
            await over_the_same_spare(here, 1300, 1400)
            assert calendar.oversold() == []

    asyncio.run(run())


def test_who_is_only_backed_up_over_what_is_closed_stays_protected() -> None:
    async def run() -> None:
        async with rig(country(ways=3)) as here:
            service = await here.order(60.0, protection=Protection.PATH)
            assert service.placement is not None
            assert service.placement.backup is not None
            fibre = (await here.book()).network.link[service.placement.backup.there[0]].fibres[0]
            maintenance = await book(here, fibre)
            assert [one.service for one in maintenance.detours] == [service.id]
            links = (await here.book()).links_over(maintenance.fibres)
            for at_s in (545.0, 700.0, 905.0):
                await until(here, at_s)
                now = await here.now(service.id)
                assert (now.state, now.reason) == (State.ACTIVE, None)
                assert now.placement is not None
                assert now.placement.backup is not None
                assert at_s > 900.0 or links.isdisjoint(now.placement.backup.there)
            assert (await known(here, maintenance)).stuck == ()
            assert (await here.run(here.twin.sample())).services[service.id].dark_s == 0.0

    asyncio.run(run())


@on_a_rig
async def test_everything_wrong_is_said_at_once(here: Rig) -> None:
    with pytest.raises(Invalid) as wrong:
        await here.run(here.controller.drain("moon", Times(start_s=NOW_S - 3600, end_s=NOW_S - 7200, lead_s=-1.0)))
    assert [one.code for one in wrong.value.findings] == ["unknown-target", "window-past", "window-order", "lead"]
    first = await book(here)
    with pytest.raises(Conflict, match="is booked already from"):
        await book(here, start_s=800.0)
    with pytest.raises(Conflict, match="is booked already from"):
        await here.run(here.controller.drain("west--east"))
    await book(here, start_s=900.0)
    await here.run(here.controller.end_maintenance(first.id))
    assert (await known(here, first)).state is MaintenanceState.CANCELLED
    with pytest.raises(Conflict, match="has ended already"):
        await here.run(here.controller.end_maintenance(first.id))
    await here.run(here.controller.freeze())
    with pytest.raises(Frozen):
        await book(here, "south")


@on_a_rig
async def test_what_is_cancelled_is_free_again_and_a_preview_keeps_nothing(here: Rig) -> None:
    service = await here.order(60.0)
    seen = await here.run(here.controller.drain("west--east", times(), dry_run=True))
    assert [one.service for one in seen.detours] == [service.id]
    assert (await here.book()).maintenances == {}
    assert kept(await here.book(), "west>south", 700) == 0
    maintenance = await book(here)
    assert kept(await here.book(), "west>south", 700) == 60_000
    await here.run(here.controller.end_maintenance(maintenance.id))
    assert kept(await here.book(), "west>south", 700) == 0
    assert (await between_pops(here, 40.0, 650, 700, bound_ms=6.0)).placement is not None
    await until(here, 700.0)
    assert carried(await here.now(service.id)) == NORTH


@on_a_rig
async def test_while_changes_are_frozen_nobody_is_moved(here: Rig) -> None:
    service = await here.order(60.0)
    maintenance = await book(here)
    await here.run(here.controller.freeze())
    await until(here, 600.0)
    assert (await known(here, maintenance)).state is MaintenanceState.DRAINING
    assert carried(await here.now(service.id)) == NORTH
    await here.run(here.controller.thaw())
    await here.pass_s(3.0)
    assert carried(await here.now(service.id)) == SOUTH
    assert (await known(here, maintenance)).state is MaintenanceState.DRAINED


@on_a_rig
async def test_one_that_is_ended_early_sends_home_who_has_room_there(here: Rig) -> None:
    service = await here.order(60.0)
    maintenance = await book(here)
    await until(here, 620.0)
    await here.run(here.controller.end_maintenance(maintenance.id))
    await here.pass_s(1.0)
    assert carried(await here.now(service.id)) == NORTH
    assert (await here.now(service.id)).home is None


@on_a_rig
async def test_two_maintenances_that_overlap_lead_from_detour_to_detour(here: Rig) -> None:
    """What is booked first does not cross what the second closes, and everybody comes home at the end of both."""
    service = await here.order(60.0)
    first = await book(here)
    second = await book(here, "west--south", start_s=800.0)
    assert second.detours == ()
    assert (await known(here, first)).stuck == (service.id,)  # there are two ways, and both are closed from 800 on
    await until(here, 1400.0)
    assert carried(await here.now(service.id)) == NORTH
    assert (await here.run(here.twin.sample())).services[service.id].dark_s == 0.0


DIRECT = ("campus>cloud",)
BESIDE = ("campus>south", "south>cloud")
BY_EAST = ("campus>south", "south>east", "east>cloud")


async def two_that_overlap(here: Rig) -> tuple[Service, Maintenance, Maintenance]:
    """A service in the way of one maintenance, then of another that begins before the first is over."""
    service = await here.order(60.0, max_paths=1)
    assert service.placement is not None
    assert service.placement.there == NORTH
    first = await book(here)
    return service, first, await book(here, "campus--west", start_s=800.0)


async def goes_and_comes_home(here: Rig, service: Service, *maintenances: Maintenance) -> list[tuple[str, ...] | None]:
    """Let all of it happen. Returns where it was carried, one after the other."""
    seen = []
    for at_s in range(500, 1301, 20):
        await until(here, float(at_s))
        seen.append(carried(await here.now(service.id)))
    assert [(await known(here, one)).state for one in maintenances] == [MaintenanceState.RETURNED] * len(maintenances)
    assert (await here.now(service.id)).home is None
    assert (await here.run(here.twin.sample())).services[service.id].dark_s == 0.0
    assert await here.lost(service.id) == 0.0
    return [one for one, before in zip(seen, [None, *seen], strict=False) if one != before]


def test_of_two_that_overlap_one_detour_serves_and_its_rate_is_kept_once() -> None:
    async def run() -> None:
        async with rig(country(ways=2)) as here:
            service, first, second = await two_that_overlap(here)
            assert [one.placement.there for one in (*second.detours, *(await known(here, first)).detours)] == [
                BESIDE
            ] * 2
            now = await here.book()
            at = (539, 540, 739, 740, 900, 959, 960, 1159, 1160)
            assert [kept(now, "campus>south", one) for one in at] == [0, *[60_000] * 7, 0]
            assert await goes_and_comes_home(here, service, first, second) == [NORTH, BESIDE, NORTH]

    asyncio.run(run())


def test_of_two_that_overlap_both_have_another_detour_where_the_first_is_too_short() -> None:
    async def run() -> None:
        async with rig(country(ways=3)) as here:
            port = Port(id=PortId("other-south"), tenant=OTHER, site=SiteId("south"), rate_gbps=100.0)
            await here.run(here.controller.add_port(port))
            window: dict[str, Any] = {"start_s": NOW_S + 1000, "end_s": NOW_S + 1200, "settle": False}
            await here.order(60.0, tenant=OTHER, a="south", b="cloud", bound_ms=4.5, **window)
            service = await here.order(60.0)
            first = await book(here)
            assert [one.placement.there for one in first.detours] == [BESIDE]
            second = await book(here, "campus--west", start_s=800.0)
            assert [one.placement.there for one in (*second.detours, *(await known(here, first)).detours)] == [
                DIRECT
            ] * 2
            now = await here.book()
            assert [kept(now, "campus>south", one) for one in (540, 800, 959)] == [0, 0, 0]
            at = (539, 540, 739, 740, 900, 959, 960, 1159, 1160)
            assert [kept(now, "campus>cloud", one) for one in at] == [0, *[60_000] * 7, 0]
            assert await goes_and_comes_home(here, service, first, second) == [NORTH, DIRECT, NORTH]

    asyncio.run(run())


def test_of_two_that_overlap_who_has_no_one_detour_for_both_goes_from_one_to_the_other() -> None:
    async def run() -> None:
        async with rig(country(ways=3)) as here:
            port = Port(id=PortId("other-south"), tenant=OTHER, site=SiteId("south"), rate_gbps=100.0)
            await here.run(here.controller.add_port(port))
            later: dict[str, Any] = {"start_s": NOW_S + 1000, "end_s": NOW_S + 1200, "settle": False}
            await here.order(60.0, tenant=OTHER, a="south", b="cloud", bound_ms=4.5, **later)
            sooner: dict[str, Any] = {"start_s": NOW_S + 500, "end_s": NOW_S + 700, "settle": False}
            await here.order(60.0, bound_ms=9.5, fence=("US-CO", "US-NY"), **{**sooner, "end_s": NOW_S + 1200})
            await here.order(60.0, tenant=OTHER, a="south", b="east", bound_ms=4.5, **sooner)
            service, first, second = await two_that_overlap(here)
            assert [one.placement.there for one in second.detours] == [BY_EAST]
            assert [one.placement.there for one in (await known(here, first)).detours] == [BESIDE]
            now = await here.book()
            at = (539, 540, 739, 740, 959, 960, 1159, 1160)
            assert [kept(now, "campus>south", one) for one in at] == [0, *[60_000] * 6, 0]  # of both, and kept once
            assert [kept(now, "south>cloud", one) for one in (539, 540, 959, 960)] == [0, 60_000, 60_000, 0]
            assert [kept(now, "south>east", one) for one in (739, 740, 1159, 1160)] == [0, 60_000, 60_000, 0]
            assert await goes_and_comes_home(here, service, first, second) == [NORTH, BESIDE, BY_EAST, NORTH]

    asyncio.run(run())


@on_a_rig
async def test_a_detour_outside_a_new_bound_is_looked_for_anew(here: Rig) -> None:
    service = await here.order(60.0)
    maintenance = await book(here)
    change = here.controller.change
    await here.run(change(service.id, Change(latency_bound_ms=8.0), tenant=ACME, if_version=1))
    stuck = await known(here, maintenance)
    assert (stuck.detours, stuck.because) == (
        (),
        ("the fastest other way takes 10.000 ms, more than its bound of 8 ms",),
    )
    assert kept(await here.book(), "west>south", 660) == 0


@on_a_rig
async def test_who_is_stuck_is_told_why_there_is_no_other_way(here: Rig) -> None:
    """And told anew when that is something else."""
    await here.order(10.0)
    await here.cut("east--south")
    maintenance = await book(here)
    assert maintenance.because == ("what else there is is dark or being drained now",)
    await here.uncut("east--south")
    await here.pass_s(30.0)
    assert (await known(here, maintenance)).because == ()
    other = await book(here, "west--south", start_s=700.0, length_s=100.0)
    (why,) = (await known(here, maintenance)).because
    span = "from 2027-01-15T08:11:40.000Z to 2027-01-15T08:13:20.000Z"
    assert why == f"what else there is is closed for maintenance at some time {span}"
    await here.run(here.controller.end_maintenance(other.id))
    await here.pass_s(0.5)
    assert (await known(here, maintenance)).because == ()
    last = await book(here, "cloud--east", start_s=2000.0)
    assert last.because == ("there is no other way",)


@on_a_rig
async def test_repair_goes_over_what_is_closed_later_and_leaves_in_time(here: Rig) -> None:
    service = await here.order(60.0)
    maintenance = await book(here, "west--south")
    await here.cut("west--east")
    assert carried(await here.now(service.id)) == SOUTH
    assert (await known(here, maintenance)).stuck == (service.id,)
    await here.uncut("west--east")
    assert carried(await here.now(service.id)) == NORTH
    assert (await known(here, maintenance)).stuck == ()


def test_who_is_only_backed_up_over_what_is_closed_is_not_moved() -> None:
    """Its path is not in the way: nothing of it moves, and only its backup is elsewhere for a while."""

    async def run() -> None:
        async with rig(country(ways=3)) as here:
            service = await here.order(60.0, protection=Protection.PATH)
            assert service.placement is not None
            assert service.placement.backup is not None
            fibre = (await here.book()).network.link[service.placement.backup.there[0]].fibres[0]
            maintenance = await book(here, fibre)
            links = (await here.book()).links_over(maintenance.fibres)
            seen = []
            for at_s in (500, *range(535, 565), 800, *range(895, 925), 1000):
                await until(here, float(at_s))
                now = await here.now(service.id)
                assert now.placement is not None
                assert now.placement.branches == service.placement.branches
                backup = now.placement.backup
                seen.append(None if backup is None else backup.there)
                assert backup is None or at_s < 541 or at_s > 899 or links.isdisjoint(backup.there)
            changed = [one for one, before in zip(seen[1:], seen, strict=False) if one != before]
            assert len(changed) == 2  # away, and home

    asyncio.run(run())


def test_of_two_that_overlap_who_can_be_protected_in_one_is_so_though_it_moves_once_more() -> None:
    async def run() -> None:
        async with rig(country(ways=3)) as here:
            sooner: dict[str, Any] = {"start_s": NOW_S + 500, "end_s": NOW_S + 700, "settle": False}
            await here.order(60.0, tenant=OTHER, bound_ms=9.5, fence=("US-CO", "US-NY"), **sooner)
            service = await here.order(60.0, protection=Protection.PATH)
            assert service.placement is not None
            assert service.placement.there == NORTH
            first = await book(here)
            assert [one.placement.backup for one in first.detours] == [None]
            second = await book(here, "campus--west", start_s=800.0)
            assert [one.placement.backup is None for one in (await known(here, first)).detours] == [True]
            assert [one.placement.backup is None for one in (await known(here, second)).detours] == [False]

    asyncio.run(run())
