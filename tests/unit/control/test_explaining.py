"""Why a service went where it went, in cases whose reason is known by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from highroad.control import reroute
from highroad.control.explaining import Decided, Explanation, explain
from highroad.model.change import Change
from highroad.model.network import Network
from highroad.model.service import Protection, Service, ServiceId
from highroad.storage.store import SqlStore
from tests.support.country import country
from tests.support.stores import in_memory
from tests.unit.control.rig import Rig, rig


def explained(
    life: Callable[[Rig], Awaitable[Service]],
    network: Network | None = None,
    *,
    at: int | None = None,
    tenant: str | None = None,
) -> Explanation:
    """What is said of the service that a life is about."""
    store = in_memory()

    async def inside() -> ServiceId:
        async with rig(network, store=store) as here:
            return (await life(here)).id

    found = explain(store, asyncio.run(inside()), at, tenant)
    store.close()
    return found


def decided(found: Explanation) -> Decided:
    assert found.decided is not None, found.missing
    assert found.decided.identical
    return found.decided


def said(found: Explanation) -> dict[str, tuple[str, str]]:
    """Of each way its verdict and its words."""
    return {" ".join(one.sites): (one.verdict.value, one.text) for one in decided(found).ways}


NORTH, SOUTH, OVER = "campus west east cloud", "campus west south east cloud", "campus south cloud"


def one(**asked: Any) -> Callable[[Rig], Awaitable[Service]]:
    async def life(here: Rig) -> Service:
        return await here.order(10.0, **asked)

    return life


def test_an_order_on_an_idle_network() -> None:
    found = explained(one())
    assert said(found) == {NORTH: ("chosen", "chosen"), SOUTH: ("slower", "has room too, and takes 3.000 ms longer")}
    made = decided(found)
    assert made.asked == "it was ordered"
    assert (made.network_revision, made.latency_ms, made.before) == (1, 7.0, None)
    assert [one.event.kind.rpartition(".")[2] for one in found.happened] == ["reserved", "activating", "active"]
    assert found.happened[0].commit == made.commit
    assert found.earlier == 0


def test_a_bound() -> None:
    assert said(explained(one(bound_ms=8.0)))[SOUTH] == ("latency", "10.000 ms are over the bound of 8 ms")


def test_a_fence() -> None:
    found = said(explained(one(fence=("US",))))
    assert found[NORTH] == ("fence", "outside the fence (US): it touches CA")
    assert found[SOUTH] == ("chosen", "chosen")


async def crowded(here: Rig) -> Service:
    await here.order(60.5)
    return await here.order(60.0)


def test_a_full_link_and_what_a_tenant_is_told_of_it() -> None:
    verdict, text = said(explained(crowded, country(ways=2)))[NORTH]
    assert verdict == "full"
    assert text.startswith("campus to west had 39.5 of 100 Gbit/s free from ")
    assert text.endswith(": 60 are needed")
    verdict, text = said(explained(crowded, country(ways=2), tenant="acme"))[NORTH]
    assert text.startswith("campus to west had 39 of 100 Gbit/s free from ")


async def struck(here: Rig) -> Service:
    service = await here.order(10.0)
    await here.cut("west--east")
    await here.pass_s(5.0)
    return await here.now(service.id)


def test_a_dark_fibre_and_what_a_tenant_is_told_of_it() -> None:
    found = explained(struck)
    assert decided(found).asked == "the loop looked: west--east on its path was dark"
    assert said(found) == {NORTH: ("down", "west--east was dark"), SOUTH: ("chosen", "chosen")}
    found = explained(struck, tenant="acme")
    assert decided(found).asked == "the loop looked: something on its path was dark"
    others = "some ways were dark, drained or closed for maintenance then, and are not shown"
    assert said(found) == {"campus cloud": ("down", others), SOUTH: ("chosen", "chosen")}
    assert [one.latency_ms for one in decided(found).ways] == [None, 10.0]
    assert "west--east" not in str(found)


def test_what_it_had_itself_counts_as_free() -> None:
    async def life(here: Rig) -> Service:
        service = await here.order(60.0, bound_ms=12.0)
        await here.cut("west--east")
        await here.pass_s(5.0)
        return await here.now(service.id)

    found = said(explained(life, country(ways=2)))
    assert found[NORTH] == ("down", "west--east was dark")
    assert found[OVER][0] == "chosen"
    assert found[SOUTH] == ("slower", "has room too, and takes 1.600 ms longer")


def test_the_same_from_a_postgresql(database: str) -> None:
    store = SqlStore(database)

    async def inside() -> ServiceId:
        async with rig(store=store) as here:
            return (await struck(here)).id

    service = asyncio.run(inside())
    found = explain(store, service, None, None)
    assert said(found) == {NORTH: ("down", "west--east was dark"), SOUTH: ("chosen", "chosen")}
    assert all(one.commit is not None for one in found.happened)
    store.close()


def test_the_way_home_and_what_was_before_it() -> None:
    async def life(here: Rig) -> Service:
        service = await struck(here)
        await here.uncut("west--east")
        await here.pass_s(60.0)
        return await here.now(service.id)

    found = explained(life)
    assert decided(found).asked == "the loop looked: a better path for it was open"
    assert said(found)[NORTH] == ("chosen", "chosen")
    moved = [one.event.sequence for one in found.happened if one.event.kind.endswith("rerouted")]
    assert len(moved) == 2
    assert said(explained(life, at=moved[0]))[SOUTH] == ("chosen", "chosen")
    assert said(explained(life, at=moved[0] - 1))[NORTH] == ("chosen", "chosen")


def test_a_drain_for_operators_and_for_its_tenant() -> None:
    async def life(here: Rig) -> Service:
        service = await here.order(10.0)
        await here.run(here.controller.drain("west--east"))
        await here.pass_s(30.0)
        return await here.now(service.id)

    verdict, text = said(explained(life))[NORTH]
    assert (verdict, text) in {("down", "west--east was drained"), ("closed", "west to east is closed for maintenance")}
    assert set(said(explained(life, tenant="acme"))) == {"campus cloud", SOUTH}


def test_protection() -> None:
    found = said(explained(one(protection=Protection.PATH), country(ways=2)))
    by = {verdict: sites for sites, (verdict, _) in found.items()}
    assert by["chosen"] == NORTH
    assert by["backup"] == OVER
    assert found[SOUTH] == ("unprotected", "no second way beside it shares no risk with it and has room")
    found = said(explained(one(protection=Protection.PATH), country(ways=3)))
    assert found[NORTH][0] == "chosen"
    assert found["campus cloud"][0] == "backup"
    verdict, text = found["campus west south cloud"]
    assert verdict == "shares"
    assert text.startswith("no backup of the path, with which it shares campus--west and the site west; has room too")


def test_a_change_is_a_decision_too() -> None:
    async def life(here: Rig) -> Service:
        service = await here.order(10.0)
        await here.order(50.0, bound_ms=7.5)
        await here.run(here.controller.change(service.id, Change(bandwidth_gbps=60.0), tenant=None, if_version=None))
        await here.pass_s(5.0)
        return await here.now(service.id)

    found = explained(life, country(ways=2))
    assert decided(found).asked == "it was changed"
    assert said(found)[NORTH][0] == "full"
    assert said(found)[OVER][0] == "chosen"


def test_who_decides_otherwise_now_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    store = in_memory()

    async def life() -> ServiceId:
        async with rig(store=store) as here:
            service = await struck(here)
            await here.uncut("west--east")
            await here.pass_s(60.0)
            return service.id

    service = asyncio.run(life())
    assert decided(explain(store, service, None, None)).identical
    monkeypatch.setattr(reroute, "WORTH_MS", 100.0)
    found = explain(store, service, None, None)
    assert found.decided is None
    assert "the replay came to something else" in found.missing
    store.close()
