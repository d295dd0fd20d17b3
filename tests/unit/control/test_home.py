"""What failures and drains have moved goes home, one after the other, and is protected again.

Every link has 100 Gbit/s and takes 1 ms, so a way takes as many ms as it has hops.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from highroad.control import reroute
from highroad.control.maintain import Times
from highroad.model.lifecycle import State
from highroad.model.network import LinkId, SiteId
from highroad.model.service import Placement, Port, PortId, Protection, Service, Tenant
from tests.support.country import ACME
from tests.unit.control.rig import Rig, rig
from tests.unit.fabric.small import backbone

PATH = Protection.PATH


@asynccontextmanager
async def over(*spans: str, ends: str) -> AsyncIterator[Rig]:
    network = backbone(*spans)
    async with rig(network, furnish=False) as here:
        await here.run(here.controller.load_network(network))
        ports = [Port(id=PortId(f"acme.{site}"), tenant=ACME, site=SiteId(site), rate_gbps=400.0) for site in ends]
        await here.run(here.controller.add_tenant(Tenant(id=ACME, name="Acme"), ports))
        yield here


def run(scene: Callable[[], Awaitable[None]]) -> None:
    async def wrapped() -> None:
        await scene()

    asyncio.run(wrapped())


def placed(service: Service) -> Placement:
    assert service.placement is not None
    return service.placement


def way(service: Service) -> str:
    links = placed(service).there
    return "".join([links[0].split(">")[0], *(link.split(">")[1] for link in links)])


def backup(service: Service) -> str | None:
    found = placed(service).backup
    return None if found is None else "".join([found.there[0][0], *(link.split(">")[1] for link in found.there)])


async def settled(here: Rig, *services: Service) -> list[tuple[str, bool]]:
    """Where each is and whether it is away, all ACTIVE and nothing oversold."""
    now = [await here.now(one.id) for one in services]
    assert (await here.book()).ground.calendar.oversold() == []
    assert [(one.state, one.leaving) for one in now] == [(State.ACTIVE, ())] * len(now)
    return [(way(one), one.away) for one in now]


def test_who_found_its_home_taken_by_another_goes_when_that_one_has_gone_home_too() -> None:
    async def scene() -> None:
        async with over("c-m", "m-z", "c-s", "s-t", "t-z", "a-n", "n-z", "a-p", "p-m", ends="acz") as here:
            first = await here.order(60.0, a="c", b="z", max_paths=1)
            second = await here.order(60.0, a="a", b="z", max_paths=1)
            await here.cut("c-m")
            await here.cut("a-n")
            assert await settled(here, first, second) == [("cstz", True), ("apmz", True)]
            await here.uncut("c-m")
            assert await settled(here, first, second) == [("cstz", True), ("apmz", True)]
            await here.uncut("a-n")
            await here.pass_s(5.0)
            assert await settled(here, first, second) == [("cmz", False), ("anz", False)]

    run(scene)


def test_nobody_forgets_that_it_is_away_while_another_is_still_to_move() -> None:
    """The second is on a detour for a while longer, in the place of the first."""

    async def scene() -> None:
        async with over("c-m", "m-z", "c-s", "s-t", "t-z", "a-n", "n-z", "a-p", "p-m", ends="acz") as here:
            first = await here.order(60.0, a="c", b="z", max_paths=1)
            second = await here.order(60.0, a="a", b="z", max_paths=1)
            await here.cut("c-m")
            await here.cut("a-n")
            await here.run(here.controller.freeze())
            await here.uncut("c-m")
            await here.uncut("a-n")
            await here.pass_s(3.0)
            assert await settled(here, first, second) == [("cstz", True), ("apmz", True)]
            await here.run(here.controller.thaw())
            await here.pass_s(5.0)
            assert await settled(here, first, second) == [("cmz", False), ("anz", False)]

    run(scene)


def test_a_protected_service_goes_home_though_its_old_way_has_become_dear() -> None:
    async def scene() -> None:
        spans = ("a-n", "n-z", "a-m", "m-l", "l-z", "a-s", "s-t", "t-u", "u-z")
        async with over(*spans, ends="anz") as here:
            service = await here.order(30.0, a="a", b="z", protection=PATH)
            assert (way(service), backup(service)) == ("anz", "amlz")
            await here.cut("n-z")
            assert way(await here.now(service.id)) == "amlz"
            await here.order(65.0, a="a", b="n", max_paths=1)
            await here.uncut("n-z")
            await here.pass_s(5.0)
            assert await settled(here, service) == [("anz", False)]
            assert backup(await here.now(service.id)) == "amlz"

    run(scene)


def test_another_backup_is_looked_for_before_another_path() -> None:
    async def scene() -> None:
        spans = ("a-n", "n-z", "a-m", "m-z", "a-s", "s-t", "t-z")
        async with over(*spans, ends="amz") as here:
            service = await here.order(30.0, a="a", b="z", protection=PATH)
            assert (way(service), backup(service)) == ("amz", "anz")
            await here.order(65.0, a="a", b="m", max_paths=1)  # the way that it has is dear now
            await here.cut("n-z")
            assert await settled(here, service) == [("amz", False)]
            assert backup(await here.now(service.id)) == "astz"

    run(scene)


def test_who_has_a_backup_only_on_another_path_goes_there_and_comes_home() -> None:
    """Without m the two ways that have nothing in common are both longer than the one over u and v."""

    async def scene() -> None:
        spans = ("a-u", "u-v", "v-z", "u-w", "w-x", "x-z", "a-y", "y-q", "q-v", "a-m", "m-l", "l-k", "k-z")
        async with over(*spans, ends="az") as here:
            service = await here.order(30.0, a="a", b="z", protection=PATH)
            assert (way(service), backup(service)) == ("auvz", "amlkz")
            await here.cut("m-l")
            ((moved, away),) = await settled(here, service)
            assert away
            assert moved != "auvz"
            await here.uncut("m-l")
            await here.pass_s(5.0)
            assert await settled(here, service) == [("auvz", False)]
            assert backup(await here.now(service.id)) == "amlkz"

    run(scene)


def test_a_booked_maintenance_of_its_backup_moves_such_a_service_once_away_and_once_home() -> None:
    async def scene() -> None:
        spans = ("a-u", "u-v", "v-z", "u-w", "w-x", "x-z", "a-y", "y-q", "q-v", "a-m", "m-l", "l-k", "k-z")
        async with over(*spans, ends="az") as here:
            service = await here.order(30.0, a="a", b="z", protection=PATH)
            start_s = here.clock.now_s() + 20.0
            times = Times(start_s=start_s, end_s=start_s + 30.0, lead_s=5.0)
            await here.run(here.controller.drain("m-l", times))
            seen = [way(service)]
            for _ in range(350):
                await here.pass_s(0.2)
                now = await here.now(service.id)
                assert (now.state, backup(now) is not None) == (State.ACTIVE, True)
                if -3.0 < here.clock.now_s() - start_s < 29.0:
                    assert now.home is not None  # it has not gone there, only to be sent away again
                if way(now) != seen[-1]:
                    seen.append(way(now))
            assert len(seen) == 3
            assert await settled(here, service) == [("auvz", False)]
            assert backup(await here.now(service.id)) == "amlkz"

    run(scene)


def test_where_the_fastest_path_has_no_backup_the_fastest_pair_is_found() -> None:
    """Nothing avoids the way over u and v but what crosses u or v."""

    async def scene() -> None:
        spans = ("a-u", "u-v", "v-z", "u-w", "w-x", "x-z", "a-y", "y-q", "q-v", "u-k", "k-l", "l-o", "o-z")
        async with over(*spans, ends="az") as here:
            service = await here.order(30.0, a="a", b="z", protection=PATH)
            there = tuple(LinkId(one) for one in ("a>u", "u>k", "k>l", "l>o", "o>z"))
            back = tuple(LinkId(one) for one in ("z>o", "o>l", "l>k", "k>u", "u>a"))
            slow = replace(service, placement=replace(placed(service), there=there, back=back))
            book = await here.book()
            found = reroute.faster(book, slow)
            assert found is not None
            assert (book.latency_ms(found), found.backup is not None) == (4.0, True)

    run(scene)


@pytest.mark.parametrize("target", ["n-z", "a-m", "n"])
def test_everybody_is_protected_again_when_a_drain_has_ended(target: str) -> None:
    async def scene() -> None:
        async with over("a-n", "n-z", "a-m", "m-z", "a-s", "s-t", "t-z", ends="az") as here:
            services = [await here.order(rate, a="a", b="z", protection=PATH) for rate in (60.0, 50.0, 40.0, 35.0)]
            before = [way(one) for one in services]
            drain = await here.run(here.controller.drain(target))
            await here.pass_s(3.0)
            if target != "a-m":
                assert None in [backup(await here.now(one.id)) for one in services]
            await here.run(here.controller.end_maintenance(drain.id))
            await here.pass_s(8.0)
            now = await settled(here, *services)
            assert [placed(await here.now(one.id)).backup is not None for one in services] == [True] * 4
            assert [len(one) <= len(was) for (one, _), was in zip(now, before, strict=True)] == [True] * 4
            assert [away for _, away in now] == [False] * 4
            for one in services:
                assert await here.lost(one.id) == 0.0

    run(scene)
