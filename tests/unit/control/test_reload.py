"""Another network under live services: the difference is shown, a yes is needed, and promises are kept."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from highroad.control.reload import Effect, NetworkChange
from highroad.errors import ConfirmationRequired, Conflict, Invalid
from highroad.model.lifecycle import State
from highroad.model.network import Medium, Network
from tests.support.country import ACME, NORTH, SOUTH, country
from tests.unit.control.rig import Rig, carried, rig


def without(network: Network, *fibres: str) -> Network:
    return Network(
        name=network.name,
        sites=network.sites,
        fibres=tuple(fibre for fibre in network.fibres if fibre.id not in fibres),
        links=tuple(link for link in network.links if not set(link.fibres) & set(fibres)),
    )


def test_a_network_that_services_live_on_changes_only_with_a_yes() -> None:
    async def story() -> None:
        async with rig() as here:
            moved = await here.order(10.0)
            fenced = await here.order(10.0, fence=("US",))
            smaller = without(country(), "west--east")
            with pytest.raises(ConfirmationRequired) as caught:
                await here.run(here.controller.load_network(smaller))
            preview = caught.value.facts["preview"]
            assert preview.removed == ("fibre west--east", "link west>east", "link east>west")
            assert {one.service: one.effect for one in preview.effects} == {
                moved.id: Effect.REROUTED,
                fenced.id: Effect.UNCHANGED,
            }
            assert carried(await here.now(moved.id)) == NORTH
            assert (await here.book()).revision == 1
            looked = await here.run(here.controller.load_network(smaller, dry_run=True))
            assert looked == preview
            await here.run(here.controller.load_network(smaller, confirm=preview.confirm))
            await here.pass_s(1.0)
            assert (await here.book()).revision == 2
            assert carried(await here.now(moved.id)) == SOUTH
            assert carried(await here.now(fenced.id)) == SOUTH
            assert (await here.book()).ground.calendar.oversold() == []

    asyncio.run(story())


def test_a_yes_to_something_else_is_no_yes() -> None:
    async def story() -> None:
        async with rig() as here:
            service = await here.order(10.0)
            smaller = without(country(), "west--east")
            preview = await here.run(here.controller.load_network(smaller, dry_run=True))
            await here.run(here.controller.release(service.id, tenant=ACME))
            await here.order(20.0)
            with pytest.raises(Conflict, match="look again"):
                await here.run(here.controller.load_network(smaller, confirm=preview.confirm))
            assert (await here.book()).revision == 1

    asyncio.run(story())


def test_who_cannot_be_kept_is_named_and_goes_dark_rather_than_over_the_link() -> None:
    async def story() -> None:
        async with rig() as here:
            north = await here.order(60.0)
            south = await here.order(40.0, fence=("US",))
            change = await here.run(here.controller.load_network(without(country(), "west--south"), dry_run=True))
            assert {one.service: one.effect for one in change.effects} == {
                north.id: Effect.UNCHANGED,
                south.id: Effect.DEGRADED,
            }
            await here.run(here.controller.load_network(without(country(), "west--south"), confirm=change.confirm))
            await here.pass_s(2.0)
            dark = await here.now(south.id)
            assert dark.state is State.DEGRADED
            assert carried(await here.now(north.id)) == NORTH

    asyncio.run(story())


def test_a_link_that_shrinks_under_its_services_is_not_oversold() -> None:
    async def story() -> None:
        async with rig() as here:
            first = await here.order(40.0)
            second = await here.order(40.0)
            network = country()
            links = tuple(
                replace(link, capacity_gbps=50.0) if link.id in ("west>east", "east>west") else link
                for link in network.links
            )
            shrunk = Network(name="x", sites=network.sites, fibres=network.fibres, links=links)
            change = await here.run(here.controller.load_network(shrunk, dry_run=True))
            assert change.changed == ("link west>east", "link east>west")
            await here.run(here.controller.load_network(shrunk, confirm=change.confirm))
            await here.pass_s(2.0)
            assert carried(await here.now(first.id)) == NORTH
            assert carried(await here.now(second.id)) == SOUTH
            assert (await here.book()).ground.calendar.oversold() == []

    asyncio.run(story())


def test_a_wrong_network_and_one_without_a_ports_site_are_refused() -> None:
    async def story() -> None:
        async with rig() as here:
            network = country()
            broken = replace(network, links=tuple(replace(link, capacity_gbps=-1.0) for link in network.links))
            with pytest.raises(Invalid) as caught:
                await here.run(here.controller.load_network(broken))
            assert len(caught.value.findings) >= len(network.links)
            pops = Network(
                name="x",
                sites=tuple(site for site in network.sites if site.id != "cloud"),
                fibres=tuple(fibre for fibre in network.fibres if "cloud" not in (fibre.a, fibre.b)),
                links=tuple(link for link in network.links if "cloud" not in (link.tail, link.head)),
            )
            with pytest.raises(Invalid, match=r"port acme\.cloud of acme is at cloud"):
                await here.run(here.controller.load_network(pops))

    asyncio.run(story())


def test_the_same_network_again_is_no_change() -> None:
    async def story() -> None:
        async with rig() as here:
            await here.order(10.0)
            change = await here.run(here.controller.load_network(country()))
            assert (change.added, change.removed, change.changed) == ((), (), ())
            assert (await here.book()).revision == 1

    asyncio.run(story())


def with_links(network: Network, **changes: dict[str, Any]) -> Network:
    """The network with some links changed, named `west_east` for west>east."""
    by_name = {name.replace("_", ">"): change for name, change in changes.items()}
    return replace(network, links=tuple(replace(link, **by_name.get(link.id, {})) for link in network.links))


def crossing(network: Network, fibre: str, *codes: str) -> Network:
    """The network with a fibre that crosses more jurisdictions."""
    return replace(
        network,
        fibres=tuple(
            replace(one, jurisdictions=(*one.jurisdictions, *codes)) if one.id == fibre else one
            for one in network.fibres
        ),
    )


async def yes(here: Rig, network: Network) -> NetworkChange:
    """Load a network with a yes to what it does."""
    change = await here.run(here.controller.load_network(network, dry_run=True))
    return await here.run(here.controller.load_network(network, confirm=change.confirm))


async def held(here: Rig) -> dict[str, frozenset[str]]:
    """The links that routers use for each service."""
    policies = (await here.run(here.twin.read())).policies
    return {service: frozenset(policy.links) for service, policy in policies.items()}


def test_a_fibre_that_now_leaves_the_fence_carries_the_service_no_longer() -> None:
    async def story() -> None:
        async with rig() as here:
            service = await here.order(10.0, fence=("US",))
            change = await yes(here, crossing(country(), "west--south", "MX"))
            assert [one.effect for one in change.effects] == [Effect.DEGRADED]
            await here.pass_s(2.0)
            dark = await here.now(service.id)
            assert (dark.state, dark.placement, dark.leaving) == (State.DEGRADED, None, ())
            assert dark.reason is not None
            assert dark.reason.startswith("dark")
            assert await held(here) == {}
            assert (await here.book()).ground.calendar.at("west>south", here.clock.now_s()) == 0
            await yes(here, country())
            await here.pass_s(2.0)
            assert carried(await here.now(service.id)) == SOUTH

    asyncio.run(story())


def test_a_link_that_is_now_over_the_bound_is_left_for_one_that_is_not() -> None:
    async def story() -> None:
        async with rig() as here:
            service = await here.order(10.0, bound_ms=11.0)
            assert carried(service) == NORTH
            change = await yes(here, with_links(country(), west_east={"latency_ms": 9.5}))
            assert [one.effect for one in change.effects] == [Effect.REROUTED]
            await here.pass_s(2.0)
            assert carried(await here.now(service.id)) == SOUTH
            assert (await here.now(service.id)).placement.back == (  # type: ignore[union-attr]
                "cloud>east",
                "east>west",
                "west>campus",
            )

    asyncio.run(story())


def test_what_no_longer_fits_goes_dark_and_what_fits_keeps_its_guarantee() -> None:
    async def story() -> None:
        async with rig() as here:
            first = await here.order(60.0, fence=("US",))
            second = await here.order(40.0, fence=("US",))
            shrunk = with_links(country(), west_south={"capacity_gbps": 50.0}, south_west={"capacity_gbps": 50.0})
            change = await yes(here, shrunk)
            assert {one.service: one.effect for one in change.effects} == {
                first.id: Effect.DEGRADED,
                second.id: Effect.UNCHANGED,
            }
            await here.pass_s(2.0)
            assert (await here.now(first.id)).state is State.DEGRADED
            assert carried(await here.now(second.id)) == SOUTH
            assert set(await held(here)) == {second.id}
            assert (await here.book()).ground.calendar.oversold() == []

    asyncio.run(story())


def test_two_that_are_in_each_others_way_both_arrive() -> None:
    """The fence of one and the bound of the other now hold on the path that the other one is on."""

    async def story() -> None:
        async with rig(country(capacity_gbps=150.0)) as here:
            fenced = await here.order(70.0, fence=("US",))
            quick = await here.order(70.0, bound_ms=8.0)
            assert (carried(fenced), carried(quick)) == (SOUTH, NORTH)
            swapped = with_links(
                country(capacity_gbps=150.0),
                west_east={"latency_ms": 9.0, "capacity_gbps": 100.0},
                east_west={"latency_ms": 9.0, "capacity_gbps": 100.0},
                west_south={"latency_ms": 2.9, "capacity_gbps": 100.0},
                south_west={"latency_ms": 2.9, "capacity_gbps": 100.0},
                south_east={"latency_ms": 2.9, "capacity_gbps": 100.0},
                east_south={"latency_ms": 2.9, "capacity_gbps": 100.0},
            )
            abroad = {"west--east": ("US-CO", "US-NY"), "west--south": ("US-TX", "MX"), "east--south": ("US-TX", "MX")}
            fibres = tuple(
                replace(
                    one,
                    medium=Medium.HOLLOW_CORE if "south" in one.id else one.medium,
                    jurisdictions=abroad.get(one.id, one.jurisdictions),
                )
                for one in swapped.fibres
            )
            await yes(here, replace(swapped, fibres=fibres))
            await here.pass_s(5.0)
            assert carried(await here.now(fenced.id)) == NORTH
            assert carried(await here.now(quick.id)) == SOUTH
            assert (await here.book()).ground.calendar.oversold() == []

    asyncio.run(story())


def test_a_link_that_keeps_its_name_and_leads_elsewhere_is_not_the_same() -> None:
    async def story() -> None:
        async with rig() as here:
            service = await here.order(10.0)
            network = country()
            turned = {"west>east": ("west", "south", "west--south"), "west>south": ("west", "east", "west--east")}
            links = tuple(
                replace(link, head=turned[link.id][1], fibres=(turned[link.id][2],), latency_ms=5.0)  # type: ignore[arg-type]
                if link.id in turned
                else link
                for link in network.links
            )
            await yes(here, replace(network, links=links))
            await here.pass_s(2.0)
            assert carried(await here.now(service.id)) == ("campus>west", "west>south", "east>cloud")
            sample = await here.run(here.twin.sample())
            assert sample.services[service.id].carried_gbps_there > 0

    asyncio.run(story())


def test_a_drained_site_keeps_its_new_fibres_free_too() -> None:
    async def story() -> None:
        async with rig(without(country(), "east--south")) as here:
            await here.run(here.controller.drain("south"))
            await yes(here, country())
            await here.pass_s(1.0)
            assert (await here.book()).drained == {"west--south", "east--south"}

    asyncio.run(story())
