"""Services that survive a failure: where their backups are, what a failure does, and how they are whole again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from highroad.errors import Refused
from highroad.model.change import Change
from highroad.model.lifecycle import State
from highroad.model.network import SiteId
from highroad.model.service import Placement, Port, PortId, Protection, Service, Tenant
from tests.support.country import ACME, country, request
from tests.unit.control.rig import Rig, rig
from tests.unit.fabric.small import backbone

NORTH = ("campus>west", "west>east", "east>cloud")
SOUTH = ("campus>south", "south>cloud")
PATH = Protection.PATH


def on_two_ways(test: Callable[[Rig], Awaitable[None]]) -> Callable[[], None]:
    """Runs a test where two ways between the campus and the cloud have nothing in common."""

    def run() -> None:
        async def on_it() -> None:
            async with rig(country(ways=2)) as here:
                await test(here)

        asyncio.run(on_it())

    run.__name__, run.__doc__ = test.__name__, test.__doc__
    return run


def placed(service: Service) -> Placement:
    assert service.placement is not None
    return service.placement


def backup_of(service: Service) -> tuple[str, ...] | None:
    backup = placed(service).backup
    return None if backup is None else backup.there


@on_two_ways
async def test_a_protected_service_has_a_backup_that_shares_no_risk(here: Rig) -> None:
    service = await here.order(40.0, protection=PATH)
    assert service.state is State.ACTIVE
    assert (placed(service).there, backup_of(service)) == (NORTH, SOUTH)
    policy = (await here.run(here.twin.read())).policies[service.id]
    assert [(one.preference, one.segment_lists[0].links) for one in policy.there] == [(100, NORTH), (50, SOUTH)]


@on_two_ways
async def test_a_failure_puts_it_on_its_backup_and_says_that_it_is_unprotected_until_it_is_spliced(here: Rig) -> None:
    service = await here.order(40.0, protection=PATH)
    await here.cut("west--east")
    hit = await here.now(service.id)
    assert (placed(hit).there, placed(hit).backup, hit.state) == (SOUTH, None, State.DEGRADED)
    assert hit.reason is not None
    assert hit.reason.startswith("unprotected")
    await here.uncut("west--east")
    whole = await here.now(service.id)
    assert (whole.state, whole.reason) == (State.ACTIVE, None)
    assert placed(whole).backup is not None
    assert (await here.book()).ground.calendar.oversold() == []


@on_two_ways
async def test_a_failure_of_the_backup_is_said_too(here: Rig) -> None:
    service = await here.order(40.0, protection=PATH)
    await here.cut("campus--south")
    hit = await here.now(service.id)
    assert (placed(hit).there, hit.state) == (NORTH, State.DEGRADED)
    assert "campus>south" not in (backup_of(hit) or ())
    await here.uncut("campus--south")
    assert (await here.now(service.id)).state is State.ACTIVE


@on_two_ways
async def test_backups_that_no_single_failure_calls_upon_together_share_their_room(here: Rig) -> None:
    """60 and 60 on one way would not fit; but 60 with its backup there, and 40 beside it, do."""
    first = await here.order(60.0, protection=PATH)
    assert placed(first).there == NORTH
    with pytest.raises(Refused) as no:
        await here.order(60.0, protection=PATH)
    assert no.value.facts["binding"].constraint in ("protection", "capacity")
    second = await here.order(40.0, protection=PATH)
    assert second.state is State.ACTIVE


@on_two_ways
async def test_what_a_failure_has_used_is_not_sold_again(here: Rig) -> None:
    await here.order(60.0, protection=PATH)
    await here.cut("campus--west")
    with pytest.raises(Refused):
        await here.order(50.0, max_paths=1)
    assert (await here.order(40.0)).state is State.ACTIVE
    assert (await here.book()).ground.calendar.oversold() == []


@on_two_ways
async def test_an_unprotected_order_may_not_take_the_spare(here: Rig) -> None:
    await here.order(60.0, protection=PATH)
    with pytest.raises(Refused):
        await here.order(50.0, max_paths=1)
    assert (await here.order(40.0)).placement is not None


def test_where_there_is_no_second_way_the_refusal_says_what_both_cross_and_offers_to_go_without() -> None:
    async def on_it() -> None:
        async with rig() as here:
            with pytest.raises(Refused) as no:
                await here.run(here.controller.order(request(10.0, protection=PATH)))
            binding, offers = no.value.facts["binding"], no.value.facts["offers"]
            assert binding.constraint == "protection"
            assert "campus--west" in binding.message
            assert set(binding.risk_groups) >= {"campus--west", "cloud--east"}
            (offer,) = [one for one in offers if one.changes == {"protection": "none"}]
            service, _ = await here.run(here.controller.order(offer.request))
            assert placed(service).backup is None

    asyncio.run(on_it())


@on_two_ways
async def test_a_drain_of_its_path_leaves_it_carried_and_brings_its_backup_back(here: Rig) -> None:
    service = await here.order(40.0, protection=PATH)
    drain = await here.run(here.controller.drain("west--east"))
    await here.pass_s(1.0)
    moved = await here.now(service.id)
    assert placed(moved).there == SOUTH
    assert moved.state is State.DEGRADED
    await here.run(here.controller.end_maintenance(drain.id))
    await here.pass_s(2.0)
    whole = await here.now(service.id)
    assert (whole.state, placed(whole).backup is not None) == (State.ACTIVE, True)
    assert await here.lost(service.id) == 0.0


@on_two_ways
async def test_protection_is_given_and_taken_in_place(here: Rig) -> None:
    service = await here.order(40.0)
    asked = here.controller.change(service.id, Change(protection=PATH), tenant=None, if_version=None)
    assert placed(await here.run(asked)).backup is not None
    await here.pass_s(0.5)
    guarded = await here.now(service.id)
    assert (guarded.state, placed(guarded).there, guarded.leaving) == (State.ACTIVE, placed(service).there, ())
    await here.run(here.controller.change(service.id, Change(protection=Protection.NONE), tenant=None, if_version=None))
    await here.pass_s(0.5)
    assert placed(await here.now(service.id)).backup is None
    assert await here.lost(service.id) == 0.0


@on_two_ways
async def test_what_has_no_room_for_a_backup_stays_as_it_was(here: Rig) -> None:
    first = await here.order(60.0)
    await here.order(60.0)
    with pytest.raises(Refused):
        await here.run(here.controller.change(first.id, Change(protection=PATH), tenant=None, if_version=None))
    assert (await here.now(first.id)).order.protection is Protection.NONE


def test_who_counted_on_spare_that_a_failure_has_used_says_so_and_gets_it_back() -> None:
    """Three ways: two services on two of them share the third, which is wide enough for one."""
    three = backbone("a-n", "n-z", "a-m", "m-z", "a-s", "s-z")

    async def on_it() -> None:
        async with rig(three, furnish=False) as here:
            await here.run(here.controller.load_network(three))
            ends = [Port(id=PortId(f"acme.{site}"), tenant=ACME, site=SiteId(site), rate_gbps=400.0) for site in "az"]
            await here.run(here.controller.add_tenant(Tenant(id=ACME, name="Acme"), ends))
            first, second = [await here.order(60.0, a="a", b="z", protection=PATH) for _ in range(2)]
            assert backup_of(first) == backup_of(second)
            assert placed(first).there != placed(second).there
            await here.cut(placed(first).there[0].replace(">", "-"))
            hit, other = await here.now(first.id), await here.now(second.id)
            assert placed(hit).there == backup_of(first)
            assert (await here.lost(first.id)) < 60e9 / 8 * 0.1  # bytes in 100 ms: it was carried on at once
            for service in (hit, other):
                assert (service.state, backup_of(service)) == (State.DEGRADED, None)
                assert (service.reason or "").startswith("unprotected")
            assert (await here.book()).ground.calendar.oversold() == []
            await here.uncut(placed(first).there[0].replace(">", "-"))
            for service in (first, second):
                whole = await here.now(service.id)
                assert (whole.state, backup_of(whole) is not None) == (State.ACTIVE, True)
            assert (await here.book()).ground.calendar.oversold() == []

    asyncio.run(on_it())
