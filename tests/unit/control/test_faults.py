"""Failures at bad moments: nothing is oversold, nobody is stuck, and all is well when all is whole again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import wraps
from typing import Any

import pytest

from highroad.errors import Refused
from highroad.model.incident import Phase
from highroad.model.lifecycle import State
from highroad.model.network import FibreId, LinkId, SiteId
from highroad.model.service import Protection
from highroad.ports import Down, Observed
from tests.support.country import OTHER, country, request
from tests.unit.control.rig import Rig, rig
from tests.unit.control.test_loop import restart_on
from tests.unit.control.test_random_walk import check_step

WAIT_S = 0.5


def at_a_bad_moment(test: Callable[[Rig], Awaitable[None]]) -> Callable[[], None]:
    """On a country of three ways with services on it; afterwards all fibres are spliced, and everybody is well."""

    @wraps(test)
    def run() -> None:
        async def inside() -> None:
            async with rig(country(ways=3, conduit=True), wait_to_restore_s=WAIT_S) as here:
                await check_each_step(here)
                for protection in (Protection.NONE, Protection.PATH, Protection.PATH):
                    await here.order(20.0, protection=protection)
                await here.order(20.0, tenant=OTHER, a="west", b="east")
                await here.pass_s(1.0)
                await test(here)
                await all_is_well_once_whole(here)

        asyncio.run(inside())

    del run.__wrapped__
    return run


async def check_each_step(here: Rig) -> None:
    """Whatever routers are asked has room whichever of it has taken effect."""
    apply = here.twin.apply

    async def checked(changes: Any) -> Any:
        network = (await here.controller.settled()).network
        check_step(network, dict((await here.twin.read()).policies), list(changes))
        return await apply(changes)

    here.twin.apply = checked  # type: ignore[method-assign]


async def all_is_well_once_whole(here: Rig) -> None:
    assert (await here.book()).ground.calendar.oversold() == []
    for site in (await here.book()).network.site:
        await here.run(here.twin.revive_router(site))
    for fibre in list(await here.run(here.twin.cuts())):
        await here.run(here.twin.uncut(fibre))
    await here.pass_s(20.0)
    book = await here.book()
    assert book.ground.calendar.oversold() == []
    assert (book.down, book.waiting) == (frozenset(), frozenset())
    assert not [one for one in book.incidents.values() if one.open]
    assert not book.present.differs
    for service in book.services.values():
        assert (service.state, service.leaving) == (State.ACTIVE, ()), service.reason
    sample = await here.run(here.twin.sample())
    assert all(one.carried_gbps_there > 0 and one.carried_gbps_back > 0 for one in sample.services.values())


@at_a_bad_moment
async def test_during_an_order(here: Rig) -> None:
    async def order(after_s: float) -> None:
        await here.clock.sleep(after_s)
        with suppress(Refused):  # there is no second way any more
            await here.controller.order(request(10.0, protection=Protection.PATH))

    async def cut(after_s: float) -> None:
        await here.clock.sleep(after_s)
        await here.twin.cut(FibreId("campus--west"))

    async def both() -> None:
        await asyncio.gather(*(order(at_s) for at_s in (0.0, 0.014, 0.0151, 0.016)), cut(0.0))

    await here.run(both())
    await here.pass_s(2.0)
    book = await here.book()
    for service in (one for one in book.services.values() if one.tenant != OTHER):
        assert service.placement is not None
        assert not book.dark(service.placement)


@at_a_bad_moment
async def test_during_a_drain(here: Rig) -> None:
    maintenance = await here.run(here.controller.drain("campus--south"))
    await here.run(here.twin.cut(FibreId("campus--west")))
    await here.pass_s(0.02)
    await here.run(here.twin.cut(FibreId("campus--cloud"), silent=True))
    await here.pass_s(2.0)
    # What is drained is no place to go; what has no other stays dark, and says so.
    for service in (await here.book()).services.values():
        assert service.state is State.ACTIVE or (service.reason or "").startswith(("dark", "unprotected"))
    await here.run(here.controller.end_maintenance(maintenance.id))
    await here.pass_s(2.0)
    lit = [one for one in (await here.book()).services.values() if one.tenant != OTHER]
    assert all(not (one.reason or "").startswith("dark") for one in lit)


@at_a_bad_moment
async def test_while_a_controller_starts(here: Rig) -> None:
    await here.run(here.controller.stop())
    await here.run(here.twin.cut(FibreId("campus--west")))
    await here.pass_s(0.005)  # nobody has noticed yet
    await restart_on(here, wait_to_restore_s=WAIT_S)
    await here.pass_s(1.0)
    incident = await here.incident()
    assert incident.title == "campus--west"
    assert all(outage.healed for outage in incident.outages)


@at_a_bad_moment
async def test_and_while_none_was_there(here: Rig) -> None:
    await here.run(here.controller.stop())
    await here.run(here.twin.cut(FibreId("campus--west")))
    await here.pass_s(60.0)
    await here.run(here.twin.uncut(FibreId("campus--west")))
    await here.run(here.twin.cut(FibreId("west--south"), silent=True))
    await here.pass_s(60.0)
    await restart_on(here, wait_to_restore_s=WAIT_S)
    await here.pass_s(1.0)
    assert (await here.incident()).fibres == ("west--south",)


@at_a_bad_moment
async def test_of_a_link_that_is_cut_already(here: Rig) -> None:
    await here.cut("campus--west", settle_s=1.0)
    await here.cut("campus--west", settle_s=1.0)
    await here.run(here.twin.cut(FibreId("campus--west"), silent=True))
    await here.run(here.twin.kill_router(SiteId("west")))
    await here.pass_s(1.0)
    titles = [one.title for one in (await here.book()).incidents.values()]
    assert titles == ["campus--west", "2 fibres at west"]
    await here.run(here.twin.revive_router(SiteId("west")))
    await here.pass_s(2.0)
    assert (await here.book()).down == {"campus--west"}


@at_a_bad_moment
async def test_of_all_links_of_a_site(here: Rig) -> None:
    for fibre in (await here.book()).network.fibres_of("west"):
        await here.run(here.twin.cut(fibre))
    await here.pass_s(1.0)
    incident = await here.incident()
    assert incident.title == "router west is cut off"
    cut_off = [one for one in (await here.book()).services.values() if one.tenant == OTHER]
    assert {one.reason for one in cut_off} == {"dark: router west is cut off"}


@at_a_bad_moment
async def test_nobody_carries_on_around_a_link_over_links_that_are_dark(here: Rig) -> None:
    """Routers say that they go around whatever way they have: over what, the controller knows."""
    read = here.twin.read

    async def repairing(since: int | None = None) -> Observed:
        found, network = await read(since), (await here.controller.settled()).network
        why = {
            fibre: Down(repaired_s=dict.fromkeys((network.fibre[fibre].a, network.fibre[fibre].b), since_s))
            for fibre, since_s in found.down_since_s.items()
        }
        return replace(found, why=why)

    here.twin.read = repairing  # type: ignore[method-assign]
    for fibre in (await here.book()).network.fibres_of("west"):
        await here.run(here.twin.cut(fibre))
    await here.pass_s(1.0)
    incident = await here.incident()
    assert Phase.LOCAL not in {entry.phase for entry in incident.timeline}
    assert not any(fault.repaired_at for fault in incident.faults)
    await here.uncut("campus--west", settle_s=5.0)
    await here.uncut("west--south", settle_s=5.0)
    book = await here.book()
    assert book.goes_around(SiteId("west"), FibreId("west--east"))
    around = book.protected.around(LinkId("west>east"))
    assert around
    dark = book.dark_links
    book.dark_links = dark | {way[0] for way in around}
    assert not book.goes_around(SiteId("west"), FibreId("west--east"))
    book.dark_links = dark


@pytest.mark.parametrize("after_s", [0.0155, 0.016, 0.0165, 0.017, 0.02])
def test_a_second_failure_during_the_repair_of_the_first(after_s: float) -> None:
    @at_a_bad_moment
    async def test(here: Rig) -> None:
        await here.run(here.twin.cut(FibreId("campus--west")))
        await here.pass_s(after_s)
        await here.run(here.twin.cut(FibreId("campus--cloud"), silent=True))
        await here.pass_s(2.0)
        book = await here.book()
        for service in (one for one in book.services.values() if one.tenant != OTHER):
            assert service.placement is not None
            assert not book.dark(service.placement), (service.id, service.reason)
        assert all(outage.healed for one in book.incidents.values() for outage in one.outages)

    test()


@at_a_bad_moment
async def test_a_failure_while_services_go_home(here: Rig) -> None:
    await here.cut("campus--west", settle_s=1.0)
    await here.uncut("campus--west", settle_s=WAIT_S + 0.06)
    moving = [one for one in (await here.book()).services.values() if one.leaving]
    assert moving
    await here.cut("west--east", settle_s=1.5)
    book = await here.book()
    for service in (one for one in book.services.values() if one.tenant != OTHER):
        assert service.placement is not None
        assert not book.dark(service.placement)
    assert all(Phase.REPAIRED in {entry.phase for entry in one.timeline} for one in book.incidents.values())


def test_a_store_that_is_away_while_a_fibre_fails_is_caught_up_with() -> None:
    """Nothing can be decided meanwhile; routers go on by themselves, and are repaired once it is there again."""
    from highroad.errors import Unavailable
    from highroad.storage.store import SqlStore

    class Flaky(SqlStore):
        away = False

        def commit(self, commit: Any) -> Any:
            if self.away:
                raise Unavailable("the disk is away")
            return super().commit(commit)

    async def inside() -> None:
        store = Flaky(":memory:")
        async with rig(country(ways=3), store=store) as here:
            service = await here.order(20.0)
            await here.pass_s(1.0)
            store.away = True
            await here.cut("campus--west", settle_s=3.0)
            store.away = False
            await here.pass_s(3.0)
            now = await here.now(service.id)
            assert now.state is State.ACTIVE
            await all_is_well_once_whole(here)
        store.close()

    asyncio.run(inside())
