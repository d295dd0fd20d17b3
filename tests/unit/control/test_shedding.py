"""Who stands back when a failure leaves too little for all, held against brute force over all ways."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from highroad.control.book import Book
from highroad.errors import HighroadError
from highroad.model.incident import Phase
from highroad.model.lifecycle import State
from highroad.model.network import FibreId, LinkId, SiteId
from highroad.model.service import Protection, Service, TrafficClass
from tests.support.country import ACME, NORTH, OTHER, SOUTH, country, request
from tests.unit.control.rig import Rig, carried, rig
from tests.unit.control.test_loop import on_rigs, restart_on
from tests.unit.control.test_random_walk import check_step, loads

on_a_rig = on_rigs()
MIDDLE: dict[str, Any] = {"tenant": OTHER, "a": "west", "b": "east", "fence": ("US",)}
"""From west to east, in the country: by the south."""
ROUND = ("west>south", "south>east")
FIBRES = ("west--east", "west--south", "east--south", "campus--west", "campus--south", "cloud--south", "campus--cloud")


def shed_texts(book: Book) -> list[str]:
    return [entry.text for one in book.incidents.values() for entry in one.timeline if entry.phase is Phase.SHED]


@on_a_rig
async def test_a_lower_class_yields_the_only_room_to_a_higher_one_and_comes_back_by_itself(here: Rig) -> None:
    bulk = await here.order(70.0, traffic_class=TrafficClass.BULK, **MIDDLE)
    urgent = await here.order(20.0, traffic_class=TrafficClass.INTERACTIVE)
    small = await here.order(20.0, fence=("US",), traffic_class=TrafficClass.ASSURED)
    assert (carried(bulk), carried(urgent), carried(small)) == (ROUND, NORTH, SOUTH)
    await here.cut("west--east")
    assert carried(await here.now(urgent.id)) == SOUTH
    assert carried(await here.now(small.id)) == SOUTH, "who fits beside it stays"
    shed = await here.now(bulk.id)
    assert shed.state is State.DEGRADED
    assert shed.reason == "dark: it stands back, because a failure left too little for all and interactive goes first"
    incident = await here.incident()
    (told,) = shed_texts(await here.book())
    assert told == (
        f"too little for all: {bulk.id} (bulk, 70 Gbit/s) stands back for {urgent.id} (interactive, 20 Gbit/s)"
    )
    assert [one.service for one in incident.shed] == [bulk.id]
    await here.uncut("west--east", settle_s=3.0)
    assert carried(await here.now(urgent.id)) == NORTH
    assert carried(await here.now(bulk.id)) == ROUND
    incident = await here.incident()
    assert shed_texts(await here.book())[1:] == [f"{bulk.id} is carried again"]
    assert (incident.open, incident.shed) == (False, ())


@on_a_rig
async def test_nobody_yields_to_its_own_class_nor_to_a_lower_one(here: Rig) -> None:
    held = await here.order(90.0, traffic_class=TrafficClass.ASSURED, **MIDDLE)
    equal = await here.order(20.0, traffic_class=TrafficClass.ASSURED)
    lower = await here.order(20.0, traffic_class=TrafficClass.BULK)
    await here.cut("west--east")
    assert carried(await here.now(held.id)) == ROUND
    assert {(await here.now(one.id)).state for one in (equal, lower)} == {State.DEGRADED}
    assert shed_texts(await here.book()) == []


@on_a_rig
async def test_the_last_class_yields_first_and_in_it_the_last_in_need(here: Rig) -> None:
    assured = await here.order(30.0, traffic_class=TrafficClass.ASSURED, **MIDDLE)
    first = await here.order(30.0, traffic_class=TrafficClass.BULK, **MIDDLE)
    last = await here.order(30.0, traffic_class=TrafficClass.BULK, **MIDDLE)
    urgent = await here.order(40.0, traffic_class=TrafficClass.INTERACTIVE)
    await here.cut("west--east")
    assert carried(await here.now(urgent.id)) == SOUTH
    assert [(await here.now(one.id)).state for one in (assured, first, last)] == [
        State.ACTIVE,
        State.ACTIVE,
        State.DEGRADED,
    ]


@on_rigs(network=country(ways=3))
async def test_who_can_go_elsewhere_makes_way_without_losing_anything(here: Rig) -> None:
    urgent = await here.order(60.0, traffic_class=TrafficClass.INTERACTIVE, max_paths=1)
    drain = await here.run(here.controller.drain("campus--south"))
    filling = await here.order(50.0)
    await here.run(here.controller.end_maintenance(drain.id))
    bulk = await here.order(50.0, traffic_class=TrafficClass.BULK)
    assert [carried(one)[0] for one in (urgent, filling, bulk)] == ["campus>west", "campus>cloud", "campus>south"]
    await here.pass_s(3.0)
    await here.cut("campus--west", settle_s=1.0)
    assert carried(await here.now(urgent.id))[0] == "campus>south"
    assert carried(await here.now(bulk.id))[0] == "campus>cloud"
    assert await here.lost(bulk.id) == 0.0
    assert shed_texts(await here.book()) == [
        f"too little for all: {bulk.id} (bulk, 50 Gbit/s) makes way for {urgent.id} (interactive, 60 Gbit/s)"
    ]
    (outage,) = (await here.incident()).outages
    assert outage.healed
    assert outage.dark_ms < 100.0


@on_a_rig
async def test_another_controller_goes_on_with_who_stands_back(here: Rig) -> None:
    bulk = await here.order(90.0, traffic_class=TrafficClass.BULK, **MIDDLE)
    urgent = await here.order(20.0, traffic_class=TrafficClass.INTERACTIVE)
    await here.cut("west--east")
    await here.run(here.controller.stop())
    await restart_on(here)
    await here.pass_s(1.0)
    assert carried(await here.now(urgent.id)) == SOUTH
    assert (await here.now(bulk.id)).state is State.DEGRADED
    await here.run(here.controller.release(urgent.id, tenant=ACME))
    await here.pass_s(1.0)
    assert carried(await here.now(bulk.id)) == ROUND


@on_a_rig
async def test_a_repair_does_not_wait_for_the_thaw_nor_does_who_yields_to_it(here: Rig) -> None:
    bulk = await here.order(90.0, traffic_class=TrafficClass.BULK, **MIDDLE)
    urgent = await here.order(20.0, traffic_class=TrafficClass.INTERACTIVE)
    await here.run(here.controller.freeze("looking"))
    await here.cut("west--east")
    assert carried(await here.now(urgent.id)) == SOUTH
    assert (await here.now(bulk.id)).state is State.DEGRADED
    await here.run(here.controller.thaw())


Order = tuple[float, TrafficClass, bool, Protection, str]
orders = st.lists(
    st.tuples(
        st.sampled_from([10.0, 25.0, 40.0, 60.0, 90.0]),
        st.sampled_from([TrafficClass.INTERACTIVE, TrafficClass.ASSURED, TrafficClass.BULK]),
        st.booleans(),
        st.sampled_from([Protection.NONE, Protection.NONE, Protection.PATH]),
        st.sampled_from(["campus>cloud", "west>east", "campus>east"]),
    ),
    min_size=2,
    max_size=9,
)
cuts = st.lists(st.sampled_from(FIBRES), min_size=1, max_size=3, unique=True)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True)
@given(ways=st.sampled_from([1, 2, 3]), asked=orders, failed=cuts, silent=st.booleans())
def test_whoever_is_dark_could_not_be_carried_by_shedding_lower_classes(
    ways: int, asked: list[Order], failed: list[str], silent: bool
) -> None:
    asyncio.run(fail(ways, asked, failed, silent))


async def fail(ways: int, asked: list[Order], failed: list[str], silent: bool) -> None:
    async with rig(country(ways=ways)) as here:
        apply = here.twin.apply

        async def checked(changes: Any) -> Any:
            book = await here.controller.settled()
            check_step(book.network, dict((await here.twin.read()).policies), list(changes))
            return await apply(changes)

        here.twin.apply = checked  # type: ignore[method-assign]
        for rate, traffic_class, fenced, protection, ends in asked:
            a, b = ends.split(">")
            tenant = ACME if ends == "campus>cloud" else OTHER
            try:
                await here.run(
                    here.controller.order(
                        request(
                            rate,
                            tenant=tenant,
                            a=a,
                            b=b,
                            traffic_class=traffic_class,
                            fence=("US",) if fenced else None,
                            protection=protection,
                        )
                    )
                )
            except HighroadError:
                continue
        await here.pass_s(1.0)
        fibres = [fibre for fibre in failed if fibre in (await here.book()).network.fibre]
        for fibre in fibres:
            await here.run(here.twin.cut(FibreId(fibre), silent=silent))
            await here.pass_s(0.4)
            assert (await here.book()).ground.calendar.oversold() == []
        await here.pass_s(3.0)
        await check_nobody_could_be_carried(here)
        for fibre in fibres:
            await here.run(here.twin.uncut(FibreId(fibre)))
        await here.pass_s(10.0)
        book = await here.book()
        assert book.ground.calendar.oversold() == []
        assert not [one for one in book.incidents.values() if one.open], shed_texts(book)
        for service in book.services.values():
            assert service.state is State.ACTIVE, (service.state, service.reason)


async def check_nobody_could_be_carried(here: Rig) -> None:
    """By what routers hold, and every way that there is: no dark service has one on which only those are in its way who
    come after it, however many of them.
    """
    book = await here.book()
    network, down = book.network, {link for fibre in book.down for link in book.network.links_on[fibre]}
    policies = dict((await here.run(here.twin.read())).policies)
    for service in book.services.values():
        for shed in [one for incident in book.incidents.values() for one in incident.shed]:
            if shed.service == service.id and shed.goes_first in book.services:
                first = book.services[shed.goes_first]
                assert first.order.traffic_class.rank <= service.order.traffic_class.rank
        here_now = service.placement
        if here_now is not None and down.isdisjoint(here_now.links):
            continue
        stays = [
            policy
            for name, policy in policies.items()
            if name != service.id and not may_yield(book.services[name], service) and name in book.services
        ]
        used: dict[LinkId, float] = {}
        for policy in stays:
            for link, rate in loads(policy).items():
                used[link] = used.get(link, 0.0) + rate
        a, b = (book.ports[end.port].site for end in (service.order.a, service.order.b))
        for way in ways_between(book, a, b):
            back = [network.opposite[link] for link in way]
            links = {*way, *back}
            if links & down or (service.order.fence is not None and {"west>east", "east>west"} & links):
                continue
            room = min(100.0 - used.get(link, 0.0) for link in links)
            standing = any(
                other.placement is not None
                and other.placement.backup is not None
                and links & {*other.placement.backup.there, *other.placement.backup.back}
                for other in book.services.values()
            )
            assert standing or room < service.order.bandwidth_gbps, (service.id, service.reason, way, room)


def may_yield(other: Service, first: Service) -> bool:
    covered = other.order.protection is Protection.PATH and first.order.protection is Protection.NONE
    return other.order.traffic_class.rank > first.order.traffic_class.rank and not covered


def ways_between(book: Book, a: SiteId, b: SiteId) -> Iterator[list[LinkId]]:
    """Every simple way that carries nobody's traffic through a campus or a cloud."""

    def on(site: SiteId, seen: tuple[SiteId, ...], way: list[LinkId]) -> Iterator[list[LinkId]]:
        if site == b:
            yield way
            return
        if site != a and site in ("campus", "cloud"):
            return
        for link in book.network.links:
            if link.tail == site and link.head not in seen:
                yield from on(link.head, (*seen, link.head), [*way, link.id])

    yield from on(a, (a,), [])


@pytest.mark.parametrize("silent", [False, True])
def test_a_case_by_hand_that_brute_force_would_find(silent: bool) -> None:
    asked: list[Order] = [
        (60.0, TrafficClass.BULK, True, Protection.NONE, "west>east"),
        (60.0, TrafficClass.INTERACTIVE, False, Protection.NONE, "campus>cloud"),
    ]
    asyncio.run(fail(1, asked, ["west--east"], silent))
