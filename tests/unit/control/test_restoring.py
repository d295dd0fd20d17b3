"""What failed is used again when it has been good for a while, and later each time that it fails again too soon."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from highroad.control.book import Book
from highroad.model.incident import Fault, Phase
from highroad.model.lifecycle import State
from highroad.model.network import FibreId
from tests.support.country import NORTH, SOUTH
from tests.unit.control.rig import Rig, carried, rig
from tests.unit.control.test_loop import on_rigs, restart_on

WAIT_S = 5.0
on_a_rig = on_rigs(wait_to_restore_s=WAIT_S)


async def fault_of(here: Rig, fibre: str = "west--east") -> Fault:
    return (await here.book()).last_fault[FibreId(fibre)]


async def until_home(here: Rig, service: Any, most_s: float) -> float:
    """How long it takes until a service is on its first path again."""
    begun_s = here.clock.now_s()
    while here.clock.now_s() < begun_s + most_s:
        now = await here.now(service.id)
        if now.placement is not None and now.placement.there == NORTH:
            return here.clock.now_s() - begun_s
        await here.pass_s(0.05)
    return float("inf")


@on_a_rig
async def test_services_go_home_when_the_fibre_has_been_good_for_long_enough(here: Rig) -> None:
    service = await here.order(10.0)
    await here.cut("west--east")
    assert carried(await here.now(service.id)) == SOUTH
    await here.uncut("west--east", settle_s=1.0)
    incident = await here.incident()
    (back,) = [entry for entry in incident.timeline if entry.phase is Phase.FIBRE_BACK]
    assert back.text == "west--east is back; to be used again after 5 s without a fault"
    assert incident.open
    assert not (await here.book()).down
    with_avoid = await here.order(10.0)
    assert carried(with_avoid) == SOUTH, "it is not sold before it is trusted"
    assert 3.0 <= await until_home(here, service, 20.0) <= 4.2
    await here.pass_s(4.0)
    assert not (await here.incident()).open


@on_a_rig
async def test_what_has_nowhere_else_to_go_does_not_wait(here: Rig) -> None:
    fenced = await here.order(10.0, fence=("US",))
    assert carried(fenced) == SOUTH
    await here.cut("west--south")
    assert (await here.now(fenced.id)).state is State.DEGRADED
    await here.uncut("west--south", settle_s=0.2)
    assert carried(await here.now(fenced.id)) == SOUTH
    assert (await here.incident()).open


@on_a_rig
async def test_a_second_failure_goes_over_what_is_not_trusted_yet_rather_than_nowhere(here: Rig) -> None:
    service = await here.order(10.0)
    await here.cut("west--east")
    assert carried(await here.now(service.id)) == SOUTH
    await here.uncut("west--east", settle_s=0.2)
    await here.cut("west--south", settle_s=0.3)
    assert carried(await here.now(service.id)) == NORTH
    assert len((await here.book()).incidents) == 2


@on_a_rig
async def test_each_time_that_it_fails_again_too_soon_it_waits_twice_as_long_and_that_is_said(here: Rig) -> None:
    service = await here.order(10.0)
    waits = []
    for _ in range(6):
        await here.cut("west--east", settle_s=0.5)
        waits.append((await fault_of(here)).wait_s)
        await here.uncut("west--east", settle_s=1.0)
    assert waits == [5.0, 10.0, 20.0, 40.0, 60.0, 60.0]
    incident = await here.incident()
    failed = [entry.text for entry in incident.timeline if entry.phase is Phase.FAILED]
    assert failed[0] == "loss of light noticed on west--east"
    assert failed[1] == "west--east failed again; next time to be used only after 10 s without a fault"
    assert (await fault_of(here)).flaps == 5
    assert carried(await here.now(service.id)) == SOUTH
    assert await until_home(here, service, 90.0) == pytest.approx(59.0, abs=0.3)
    await here.pass_s(5.0)
    assert not (await here.incident()).open
    (outage,) = (await here.incident()).outages
    dark_ms = (await here.run(here.twin.sample())).services[service.id].dark_s * 1e3
    assert outage.dark_ms == pytest.approx(dark_ms, abs=0.01)


@on_a_rig
async def test_a_fibre_that_was_good_for_long_is_forgiven(here: Rig) -> None:
    await here.order(10.0)
    await here.cut("west--east")
    await here.uncut("west--east", settle_s=4 * WAIT_S + 1.0)
    await here.cut("west--east")
    assert (await fault_of(here)).wait_s == WAIT_S
    await here.uncut("west--east", settle_s=4 * WAIT_S - 2.0)
    await here.cut("west--east")
    assert (await fault_of(here)).wait_s == 2 * WAIT_S
    assert len((await here.book()).incidents) == 3


@on_a_rig
async def test_another_controller_waits_for_the_rest_of_it(here: Rig) -> None:
    service = await here.order(10.0)
    await here.cut("west--east")
    await here.uncut("west--east", settle_s=2.0)
    await here.run(here.controller.stop())
    await restart_on(here, wait_to_restore_s=WAIT_S)
    book = await here.book()
    assert not book.down
    assert book.waiting == {"west--east"}
    assert book.ground.avoid == Book(here.store.load()).ground.avoid
    assert 2.0 <= await until_home(here, service, 20.0) <= 3.2
    incident = await here.incident()
    assert [entry.phase for entry in incident.timeline].count(Phase.FIBRE_BACK) == 1


def test_without_a_wait_it_is_used_at_once() -> None:
    async def inside() -> None:
        async with rig() as here:
            service = await here.order(10.0)
            await here.cut("west--east")
            await here.uncut("west--east")
            assert carried(await here.now(service.id)) == NORTH
            assert not (await here.incident()).open

    asyncio.run(inside())
