"""Orders that nothing has room for are let in by moving others, who lose nothing; or refused, and nobody has moved."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from highroad.control import displace, rooms
from highroad.control.replaying import replay_incident
from highroad.control.rooms import WAITS, Rooms
from highroad.control.trial import Check
from highroad.errors import Refused
from highroad.model.change import Change
from highroad.model.lifecycle import State
from highroad.model.network import FibreId, LinkId
from highroad.model.plan import Optimising
from highroad.model.service import Protection, Service, ServiceId
from highroad.planning import room
from tests.support.country import ACME, NORTH, OTHER, country, request
from tests.support.stores import in_memory
from tests.unit.control.rig import Rig, carried, rig
from tests.unit.control.test_freeze import carried_by
from tests.unit.control.test_loop import on_rigs, restart_on
from tests.unit.control.test_rollback import told

MIDDLE, AROUND = ("west>east",), ("west>south", "south>east")
BLIND = FibreId("west--south")
NORTHERN = ("US-CO", "CA", "US-NY")

on_a_rig = on_rigs(optimising=Optimising.AUTO)
on_an_asking_rig = on_rigs(optimising=Optimising.ASK)
on_a_blind_rig = on_rigs(optimising=Optimising.AUTO, watched=False)


async def quick(here: Rig, gbps: float = 60.0, **kwargs: Any) -> Service:
    """One in the middle that may also go round."""
    return await here.order(gbps, tenant=OTHER, a="west", b="east", max_paths=1, **kwargs)


async def asked(here: Rig, gbps: float = 60.0, *, by: Any = ACME, **kwargs: Any) -> Service:
    """One that has to go through the middle, ordered by a tenant (None for an operator)."""
    kwargs = {"bound_ms": 7.5, **kwargs}
    service, _ = await here.run(here.controller.order(request(gbps, **kwargs), asker=by))
    return service


async def pass_checked(
    here: Rig, duration_s: float, new: ServiceId | None = None, old: ServiceId | None = None
) -> None:
    """Let time pass a bit at a time: nothing is oversold, and routers have no more on a link than it carries."""
    for _ in range(round(duration_s / 0.02)):
        await here.pass_s(0.02)
        book = await here.book()
        assert book.ground.calendar.oversold() == []
        for link in book.network.links:
            assert book.present.load_mbps(link.id) <= link.capacity_gbps * 1000
        held = here.twin._plant.observed().policies
        if new in held and old is not None and old in held:
            assert held[old].there[0].segment_lists[0].links == AROUND, "the old goes first"


@on_a_rig
async def test_who_can_go_elsewhere_goes_and_loses_nothing(here: Rig) -> None:
    old = await quick(here)
    assert carried(old) == MIDDLE
    new = await asked(here)
    assert (new.state, new.reason) == (State.RESERVED, WAITS)
    assert new.placement is not None
    assert new.placement.there == NORTH
    moved = await here.now(old.id)
    assert moved.gave_way
    assert moved.placement is not None
    assert moved.placement.there == AROUND
    await pass_checked(here, 5.0, new.id, old.id)
    assert carried(await here.now(old.id)) == AROUND
    assert carried(await here.now(new.id)) == NORTH
    now = await here.now(new.id)
    assert (now.reason, (await here.now(old.id)).leaves_by_s) == (None, None)
    assert await here.lost(old.id) == 0
    assert await here.lost(new.id) == 0
    assert (await here.book()).rooms.waiting == {}
    (event,) = await told(here, "room.made")
    assert event.tenant is None
    assert (event.subject, event.data["text"]) == (new.id, f"{old.id} moves to make room")
    (move,) = event.data["moves"]
    assert (move["service"], move["from"], move["to"]) == (old.id, ["west", "east"], ["west", "south", "east"])
    assert [one.subject for one in await told(here, "change.kept")] != [], "counters were looked at"
    tenants = here.store.events(after=0, limit=99, tenant="acme")
    assert not [one for one in tenants if old.id in str(one.data)], "a tenant is not told who moves"
    others = [one.kind for one in here.store.events(after=0, limit=99, tenant="other") if one.subject == old.id]
    assert others[-1] == "highroad.service.rerouted"


@pytest.mark.parametrize("off", [Optimising.OFF, Optimising.ASK])
def test_nobody_moves_where_that_is_not_wanted(off: Optimising) -> None:
    async def inside() -> None:
        async with rig(optimising=off) as here:
            old = await quick(here)
            with pytest.raises(Refused, match="at most 40 of 60 Gbit/s are free"):
                await asked(here)
            await here.pass_s(1.0)
            assert await here.now(old.id) == old
            assert await told(here, "room.made") == []

    asyncio.run(inside())


@on_an_asking_rig
async def test_where_the_optimiser_asks_an_operators_order_is_the_yes(here: Rig) -> None:
    old = await quick(here)
    with pytest.raises(Refused):
        await asked(here)
    new = await asked(here, by=None)
    await pass_checked(here, 5.0, new.id, old.id)
    assert carried(await here.now(new.id)) == NORTH
    assert await here.lost(old.id) == 0


@on_a_rig
async def test_nobody_moves_while_changes_are_frozen_or_for_a_hold_and_offers_are_as_ever(here: Rig) -> None:
    old = await quick(here)
    await here.run(here.controller.freeze())
    with pytest.raises(Refused) as refused:
        await asked(here)
    assert refused.value.facts["binding"].constraint == "capacity"
    assert [one.changes for one in refused.value.facts["offers"]][:1] == [{"latency_bound_ms": 10.0}]
    await here.run(here.controller.thaw())
    with pytest.raises(Refused):
        await asked(here, hold_s=60.0)
    assert await here.now(old.id) == old
    assert (await here.book()).rooms.waiting == {}
    assert (await asked(here)).state is State.RESERVED


@on_a_rig
async def test_a_dry_run_tells_an_operator_who_would_move_and_a_tenant_that_others_do(here: Rig) -> None:
    old = await quick(here)
    mine: list[str] = []
    seen, _ = await here.run(here.controller.order(request(60.0, bound_ms=7.5), dry_run=True, asker=ACME, effects=mine))
    assert seen.placement is not None
    assert seen.placement.there == NORTH
    assert mine == [
        "others are moved to make room for it, and it is carried once they are: no packet of theirs is lost"
    ]
    theirs: list[str] = []
    await here.run(here.controller.order(request(60.0, bound_ms=7.5), dry_run=True, effects=theirs))
    assert theirs == [
        f"{old.id} moves from west → east to west → south → east, 8.000 ms instead of 5.000, to make room for it"
    ]
    assert await here.now(old.id) == old
    nobody: list[str] = []
    await here.run(here.controller.order(request(10.0), dry_run=True, effects=nobody))
    assert nobody == []


@on_a_rig
async def test_who_is_not_carried_yet_moves_without_routers_and_a_window_to_come_is_kept_free(here: Rig) -> None:
    start_s = here.clock.now_s() + 100.0
    old = await quick(here, start_s=start_s)
    new = await asked(here, start_s=start_s)
    assert (new.reason, (await here.now(old.id)).leaving) == (None, ())
    await pass_checked(here, 1.0)
    moved = await here.now(old.id)
    assert moved.placement is not None
    assert moved.placement.there == AROUND
    kinds = [one.kind for one in here.store.events(after=0, limit=99, tenant="other") if one.subject == old.id]
    assert kinds == ["highroad.service.reserved", "highroad.service.rerouted"]
    await here.pass_s(102.0)
    assert carried(await here.now(old.id)) == AROUND
    assert carried(await here.now(new.id)) == NORTH


@on_a_rig
async def test_a_restart_in_the_middle_is_safe(here: Rig) -> None:
    old = await quick(here)
    new = await asked(here)
    await here.run(here.controller.stop())
    assert carried_by(here, old.id) == MIDDLE
    await restart_on(here)
    book = await here.book()
    assert book.rooms.waiting == {new.id: (old.id,)}
    await pass_checked(here, 5.0, new.id, old.id)
    assert carried(await here.now(old.id)) == AROUND
    assert carried(await here.now(new.id)) == NORTH
    assert (await here.now(new.id)).reason is None
    assert await here.lost(old.id) == 0
    assert (await here.book()).rooms.waiting == {}


@on_a_blind_rig
async def test_who_loses_traffic_on_its_new_way_goes_back_and_the_new_one_is_not_carried(here: Rig) -> None:
    old = await quick(here)
    await here.pass_s(2.0)
    await here.run(here.twin.cut(BLIND, silent=True))
    new = await asked(here, fence=NORTHERN)
    await pass_checked(here, 5.0, new.id, old.id)
    assert carried(await here.now(old.id)) == MIDDLE
    book = await here.book()
    assert book.freeze is not None
    assert book.freeze.reason.startswith(f"rolled back: 1 of 1 moved services lost traffic ({old.id} dark)")
    waits = await here.now(new.id)
    assert waits.placement is None
    assert waits.state is State.ACTIVATING
    assert new.id not in here.twin._plant.observed().policies
    (event,) = await told(here, "room.lost")
    assert (event.subject, event.tenant) == (new.id, None)
    await here.run(here.controller.release(old.id, tenant=OTHER))
    await here.run(here.controller.thaw())
    await pass_checked(here, 3.0)
    assert carried(await here.now(new.id)) == NORTH, "it is carried as soon as it has a place"


@on_a_rig
async def test_who_loses_its_new_place_on_the_way_has_its_old_one_back(here: Rig) -> None:
    old = await quick(here)
    new = await asked(here, fence=NORTHERN)
    await here.cut("west--south", settle_s=0.0)
    await pass_checked(here, 3.0, new.id, old.id)
    assert carried(await here.now(old.id)) == MIDDLE
    waits = await here.now(new.id)
    assert (waits.placement, waits.state) == (None, State.ACTIVATING)
    assert waits.reason is not None
    assert waits.reason.startswith("dark: no other way is left")
    await here.run(here.controller.release(new.id, tenant=ACME))
    await pass_checked(here, 1.0)
    assert (await here.book()).rooms.waiting == {}


@on_a_rig
async def test_a_new_service_that_is_released_meanwhile_leaves_nothing_behind(here: Rig) -> None:
    old = await quick(here)
    new = await asked(here)
    await here.run(here.controller.release(new.id, tenant=ACME))
    await pass_checked(here, 3.0)
    assert carried(await here.now(old.id)) == AROUND
    book = await here.book()
    assert book.rooms.waiting == {}
    assert book.ground.calendar.at(LinkId("west>east"), here.clock.now_s()) == 0


def test_two_move_for_one_a_step_at_a_time() -> None:
    """A canary of one goes first; the new one waits for all."""

    async def inside() -> None:
        check = Check(above=1, canary=0.01, for_s=0.5)
        async with rig(optimising=Optimising.AUTO, check=check) as here:
            some = [await quick(here, 30.0, bound_ms=5.5) for _ in range(3)]
            await here.pass_s(2.0)
            for one in some:
                free = Change(latency_bound_ms=None)
                await here.run(here.controller.change(one.id, free, tenant=OTHER, if_version=None))
            await here.pass_s(2.0)
            new = await asked(here, 60.0)
            book = await here.book()
            assert len(book.rooms.waiting[new.id]) == 2
            await here.pass_s(0.3)
            ways = [carried_by(here, one.id) for one in some]
            assert ways.count(AROUND) == 1
            assert new.id not in here.twin._plant.observed().policies
            await pass_checked(here, 6.0)
            assert carried(await here.now(new.id)) == NORTH
            ways = [carried(await here.now(one.id)) for one in some]
            assert ways.count(AROUND) == 2
            assert [await here.lost(one.id) for one in some] == [0, 0, 0]

    asyncio.run(inside())


def test_a_backup_that_is_in_the_way_moves_without_a_packet_and_nobody_loses_one() -> None:
    async def inside() -> None:
        async with rig(country(ways=3), optimising=Optimising.AUTO) as here:
            direct, south = ("US-CO", "US-NY"), ("campus>south", "south>cloud")
            old = await here.order(60.0, tenant=OTHER, protection=Protection.PATH)
            assert old.placement is not None
            assert old.placement.backup is not None
            assert (old.placement.there, old.placement.backup.there) == (NORTH, ("campus>cloud",))
            fill = await here.order(50.0, tenant=OTHER, fence=(*direct, "US-TX"), bound_ms=8.6, max_paths=1)
            assert carried(fill) == south
            with pytest.raises(Refused):
                await asked(here, 60.0, bound_ms=9.5, fence=direct, max_paths=1)  # a backup has no room elsewhere
            await here.run(here.controller.release(fill.id, tenant=OTHER))
            await here.pass_s(1.0)
            new = await asked(here, 60.0, bound_ms=9.5, fence=direct, max_paths=1)
            assert (new.reason, (await here.book()).rooms.waiting) == (None, {})
            await pass_checked(here, 3.0)
            assert carried(await here.now(new.id)) == ("campus>cloud",)
            now = await here.now(old.id)
            assert carried(now) == NORTH
            assert now.placement is not None
            assert now.placement.backup is not None
            assert now.placement.backup.there == south
            assert await here.lost(old.id) == 0

    asyncio.run(inside())


@on_a_rig
async def test_what_is_under_way_or_dark_keeps_everybody_where_he_is(here: Rig) -> None:
    old = await quick(here)
    dark = await here.order(5.0, tenant=OTHER, a="west", b="east", fence=NORTHERN, max_paths=1)
    assert carried(dark) == MIDDLE
    await here.cut("west--east")
    assert (await here.now(dark.id)).state is State.DEGRADED
    assert not displace.may_begin(await here.book(), operator=True)
    await here.uncut("west--east", settle_s=3.0)
    assert displace.may_begin(await here.book(), operator=True)
    assert carried(await here.now(old.id))


def test_a_flood_of_refusals_costs_no_more_than_it_may(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rooms, "SAVED", 60)
    searches: list[int] = []
    real = room.make_room

    def counted(*args: Any) -> Any:
        try:
            return real(*args)
        finally:
            searches.append(args[4].searches)

    monkeypatch.setattr(displace, "make_room", counted)

    async def inside() -> None:
        async with rig(optimising=Optimising.AUTO) as here:
            (await here.book()).rooms.left = 60.0
            for _ in range(12):
                await quick(here, 8.0, bound_ms=5.5)  # who may not go round
            results = await here.run(gathered(here, 100))
            assert all(isinstance(one, Refused) for one in results)
            assert sum(searches) <= 60
            assert len(searches) < 100
            before = len(searches)
            await here.pass_s(1.0)
            with pytest.raises(Refused):
                await asked(here)
            assert len(searches) == before + 1

    asyncio.run(inside())


async def gathered(here: Rig, orders: int) -> list[Any]:
    many = (here.controller.order(request(60.0, bound_ms=7.5), asker=ACME) for _ in range(orders))
    return await asyncio.gather(*many, return_exceptions=True)


def test_what_may_be_searched_comes_back_with_time_and_not_when_the_clock_goes_back() -> None:
    some = Rooms()
    assert some.searches(100.0) == rooms.SAVED
    some.spend(rooms.SAVED)
    assert some.searches(100.0) == 0
    assert some.searches(100.5) == rooms.SEARCHES_A_SECOND // 2
    assert some.searches(50.0) == rooms.SEARCHES_A_SECOND // 2
    assert some.searches(1e9) == rooms.SAVED


def test_all_of_it_is_decided_again_from_what_was_noted() -> None:
    """With an incident around it that hurts nobody: to the same bytes, the search and what is left of it included."""
    store = in_memory()

    async def inside() -> None:
        async with rig(country(ways=2), store=store, optimising=Optimising.AUTO) as here:
            old = await quick(here)
            await here.pass_s(2.0)
            await here.cut("campus--south")
            new = await asked(here)
            for _ in range(5):
                with pytest.raises(Refused):
                    await asked(here, 90.0)
            await here.pass_s(6.0)
            assert carried(await here.now(old.id)) == AROUND
            assert carried(await here.now(new.id)) == NORTH
            await here.uncut("campus--south", settle_s=10.0)

    asyncio.run(inside())
    (incident,) = store.load().incidents
    assert not incident.open
    found = replay_incident(store, incident.id)
    assert found.identical, (found.differences, found.stopped)
    moved = [line.text for line in found.lines if line.what == "moved"]
    assert any("from west → east to west → south → east" in one for one in moved)
    store.close()


def test_with_another_mind_a_replay_differs(monkeypatch: pytest.MonkeyPatch) -> None:
    store = in_memory()

    async def inside() -> None:
        async with rig(country(ways=2), store=store, optimising=Optimising.AUTO) as here:
            await quick(here)
            await here.cut("campus--south")
            await asked(here)
            await here.pass_s(6.0)
            await here.uncut("campus--south", settle_s=10.0)

    asyncio.run(inside())
    (incident,) = store.load().incidents
    monkeypatch.setattr(displace, "seek", lambda *args, **kwargs: None)
    assert not replay_incident(store, incident.id).identical
    store.close()


@on_a_rig
async def test_the_next_order_moves_others_while_the_first_is_still_waited_for(here: Rig) -> None:
    first, second = await quick(here, 30.0), await quick(here, 30.0)
    assert [carried(each) for each in (first, second)] == [MIDDLE, MIDDLE]
    one, two = await asked(here, 50.0), await asked(here, 40.0)
    assert (await here.book()).rooms.waiting.keys() == {one.id, two.id}
    await pass_checked(here, 6.0)
    assert [carried(await here.now(each.id)) for each in (one, two)] == [NORTH, NORTH]
    ways = {carried(await here.now(each.id)) for each in (first, second)}
    assert ways == {AROUND}
