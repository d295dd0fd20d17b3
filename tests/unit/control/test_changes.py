"""Changes in place of everything that an order says: what does not fit leaves the service as it is."""

from __future__ import annotations

import asyncio
import math

import pytest

from highroad.control.effects import effects_of
from highroad.errors import Invalid, Refused, VersionConflict
from highroad.model.change import Change
from highroad.model.lifecycle import State
from highroad.model.network import SiteId
from highroad.model.service import End, Port, PortId, Service, TrafficClass
from highroad.model.window import Window
from highroad.planning.ground import port_resource
from tests.support.country import ACME, NORTH, OTHER, SOUTH
from tests.unit.control.rig import Rig, carried, rig
from tests.unit.control.test_loop import on_a_rig
from tests.unit.control.test_protection import on_two_ways
from tests.unit.planning.ground import NOW_S


async def change(here: Rig, service: Service, edit: Change, *, dry_run: bool = False) -> Service:
    asked = here.controller.change(service.id, edit, tenant=ACME, if_version=service.version, dry_run=dry_run)
    return await here.run(asked)


@on_a_rig
async def test_a_bound_is_tightened_and_the_service_moves_to_keep_it(here: Rig) -> None:
    service = await here.order(10.0, fence=("US",), bound_ms=10.5)
    assert carried(service) == SOUTH
    tight = await change(here, service, Change(fence=None, latency_bound_ms=8.0))
    await here.pass_s(0.5)
    assert carried(await here.now(service.id)) == NORTH
    assert await here.lost(service.id) == 0
    with pytest.raises(Refused) as no:
        await change(here, tight, Change(latency_bound_ms=5.0))
    assert no.value.facts["binding"].constraint == "latency"
    assert (await here.now(service.id)).order.latency_bound_ms == 8.0
    free = await change(here, tight, Change(latency_bound_ms=None))
    assert free.order.latency_bound_ms is None
    assert free.placement == tight.placement


@on_a_rig
async def test_a_fence_that_is_edited_in_use_moves_the_service_or_is_refused(here: Rig) -> None:
    service = await here.order(10.0)
    fenced = await change(here, service, Change(fence=("US",)))
    await here.pass_s(0.5)
    assert carried(await here.now(service.id)) == SOUTH
    assert await here.lost(service.id) == 0
    with pytest.raises(Invalid) as no:
        await change(here, fenced, Change(fence=("FR",)))
    assert [one.code for one in no.value.findings] == ["fence-empty"]


@on_a_rig
async def test_an_end_moves_to_another_port_without_loss(here: Rig) -> None:
    east = Port(id=PortId("acme.east"), tenant=ACME, site=SiteId("east"), rate_gbps=100.0)
    await here.run(here.controller.add_port(east))
    service = await here.order(10.0)
    moved = await change(here, service, Change(b=End(at="east")))
    assert moved.order.b_site == "east"
    assert moved.order.a == service.order.a
    old = port_resource(service.order.b.port)
    assert (await here.book()).ground.calendar.at(old, here.clock.now_s()) == 10_000  # until routers let go
    await here.pass_s(0.5)
    assert carried(await here.now(service.id)) == NORTH[:-1]
    assert (await here.book()).ground.calendar.at(old, here.clock.now_s()) == 0
    assert await here.lost(service.id) == 0
    with pytest.raises(Invalid) as no:
        await change(here, moved, Change(b=End(at="campus")))
    assert [one.code for one in no.value.findings] == ["same-ends"]
    with pytest.raises(Invalid) as no:
        await change(here, moved, Change(b=End(at="south"), bandwidth_gbps=math.nan))
    assert {one.code for one in no.value.findings} == {"no-port-at-site", "rate-not-a-number"}


@on_a_rig
async def test_a_tag_that_was_left_is_nobody_elses_until_routers_let_go(here: Rig) -> None:
    service = await here.order(10.0)
    tag = service.order.a.vlan
    await change(here, service, Change(a=End(at="campus", vlan=99)))
    with pytest.raises(Invalid) as no:
        await here.order(10.0, a=End(at="campus", vlan=tag))
    assert [one.code for one in no.value.findings] == ["vlan-taken"]
    await here.pass_s(0.5)
    assert (await here.order(10.0, a=End(at="campus", vlan=tag))).state is State.ACTIVE


@on_a_rig
async def test_an_end_is_put_off_and_brought_forward(here: Rig) -> None:
    service = await here.order(100.0, end_s=NOW_S + 100, max_paths=1)
    other = await here.order(100.0, tenant=OTHER, start_s=NOW_S + 150, end_s=NOW_S + 300, max_paths=1)
    longer = await change(here, service, Change(end_s=NOW_S + 140))
    with pytest.raises(Refused):
        await change(here, longer, Change(end_s=None))
    assert (await here.now(service.id)).order.window.end_s == NOW_S + 140
    with pytest.raises(Invalid) as no:
        await change(here, longer, Change(start_s=NOW_S + 50))
    assert [one.code for one in no.value.findings] == ["window-begun"]
    await change(here, longer, Change(end_s=NOW_S + 50))
    await here.pass_s(NOW_S + 51 - here.clock.now_s())
    assert (await here.now(service.id)).state is State.TERMINATED
    assert (await here.now(other.id)).state is State.RESERVED


@on_two_ways
async def test_while_it_moves_to_a_longer_window_the_old_path_is_kept_for_the_old_one_only(here: Rig) -> None:
    await here.order(60.0, tenant=OTHER, start_s=NOW_S + 100, end_s=NOW_S + 200, max_paths=1)
    service = await here.order(60.0, end_s=NOW_S + 100, max_paths=1)
    assert carried(service) == NORTH
    moved = await change(here, service, Change(end_s=NOW_S + 150))
    assert moved.placement is not None
    assert moved.placement.there == ("campus>south", "south>cloud")
    book = await here.book()
    link = NORTH[1]
    before, after = (Window(start_s=NOW_S + start, end_s=NOW_S + start + 9) for start in (90, 130))
    assert book.ground.calendar.free(link, before) == 40_000
    assert book.ground.calendar.free(link, after) == 40_000
    assert book.ground.calendar.oversold() == []


@on_a_rig
async def test_a_preview_says_what_it_does_and_does_nothing(here: Rig) -> None:
    service = await here.order(10.0)
    before = await here.book()
    for edit, said in (
        (Change(bandwidth_gbps=20.0), ["20 Gbit/s are guaranteed instead of 10", "its path stays", "routers take"]),
        (Change(fence=("US",)), ["its fence", "it moves to campus - west - south", "routers take"]),
        (Change(end_s=NOW_S + 900), ["its window is", "its path stays", "no router is touched"]),
        (Change(description="mine"), ["its description", "its path stays", "no router is touched"]),
    ):
        after = await change(here, service, edit, dry_run=True)
        effects = list(effects_of(before, service, after))
        assert len(effects) == len(said), effects
        assert all(effect.startswith(words) for effect, words in zip(effects, said, strict=True)), effects
    assert await here.now(service.id) == service
    tags = (await here.book()).ground.tags(service.order.a.port)
    assert tags.taken(service.order.a.vlan, service.order.window)


@on_a_rig
async def test_of_two_changes_to_one_service_the_second_is_told(here: Rig) -> None:
    service = await here.order(10.0)
    await change(here, service, Change(traffic_class=TrafficClass.BULK))
    with pytest.raises(VersionConflict):
        await change(here, service, Change(bandwidth_gbps=20.0))
    assert (await here.now(service.id)).order.bandwidth_gbps == 10.0


@on_two_ways
async def test_where_one_path_does_not_suffice_the_order_is_split_and_comes_together_again(here: Rig) -> None:
    service = await here.order(150.0)
    assert service.state is State.ACTIVE
    assert service.placement is not None
    assert len(service.placement.branches) == 2
    sample = (await here.run(here.twin.sample())).services[service.id]
    assert sample.lost_bytes == 0
    with pytest.raises(Refused):
        await change(here, service, Change(max_paths=1))
    less = await change(here, service, Change(max_paths=1, bandwidth_gbps=50.0))
    await here.pass_s(0.5)
    assert less.placement is not None
    assert less.placement.beside == ()
    assert (await here.now(service.id)).state is State.ACTIVE


def test_who_comes_when_it_has_just_ended_is_told_that_it_has() -> None:
    async def story() -> None:
        async with rig() as here:
            service = await here.order(10.0, settle=False, hold_s=60.0)
            works = [here.controller.release(service.id, tenant=None) for _ in range(3)]
            answers = await here.run(asyncio.gather(*works, return_exceptions=True))
            assert sorted(type(one).__name__ for one in answers) == ["Conflict", "Conflict", "Service"]

    asyncio.run(story())
