"""Another network under live services: the difference is shown, a yes is needed, and promises are kept."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from highroad.control.reload import Effect
from highroad.errors import ConfirmationRequired, Conflict, Invalid
from highroad.model.lifecycle import State
from highroad.model.network import Network
from tests.support.country import ACME, NORTH, SOUTH, country
from tests.unit.control.rig import carried, rig


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
