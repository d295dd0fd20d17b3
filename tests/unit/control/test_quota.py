"""What a tenant may have: refused at the edge, whatever comes at once, and counted as by hand."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

import pytest

from highroad.control.accounts import Caller
from highroad.control.quota import MOST_HOLDS, MOST_WEBHOOKS
from highroad.control.webhooks import add as add_webhook
from highroad.errors import Conflict, HighroadError, HoldLimit, Invalid, NotFound, QuotaExceeded, Refused
from highroad.model.access import Grant, Role
from highroad.model.change import Change
from highroad.model.lifecycle import ENDED, State
from highroad.model.network import SiteId
from highroad.model.quota import Quota
from highroad.model.service import Port, PortId, Service, Tenant, TenantId
from highroad.model.window import Window
from highroad.storage.codec import pack, unpack
from tests.support.country import ACME, OTHER, request
from tests.unit.control.recount import assert_recounted
from tests.unit.control.rig import Rig, rig
from tests.unit.control.test_holds import restart
from tests.unit.planning.ground import NOW_S

HOUR_S = 3600.0


def on_a_rig(test: Callable[[Rig], Awaitable[None]]) -> Callable[[], None]:
    """Run a test on a fresh rig, and count everything again at its end."""

    @wraps(test)
    def run() -> None:
        async def inside() -> None:
            async with rig() as here:
                await test(here)
                assert_recounted(await here.book(), here.clock.now_s())

        asyncio.run(inside())

    del run.__wrapped__
    return run


async def limit(here: Rig, tenant: TenantId = ACME, **limits: float | None) -> Tenant:
    return await here.run(here.controller.set_quota(tenant, limits))


async def change(here: Rig, service: Service, **named: Any) -> Service:
    named = {"change": Change(**named), "tenant": ACME, "if_version": None}
    return await here.run(here.controller.change(service.id, **named))


async def at_once(here: Rig, orders: list[Any]) -> list[Any]:
    return list(await here.run(asyncio.gather(*orders, return_exceptions=True)))


def facts(error: BaseException) -> tuple[Any, ...]:
    assert isinstance(error, HighroadError)
    return tuple(error.facts[name] for name in ("quota", "allowed", "used", "asked", "fits"))


@on_a_rig
async def test_two_orders_in_one_batch_do_not_pass_the_edge_together(here: Rig) -> None:
    await here.order()
    await limit(here, services=2, gbps=50.0)
    orders: list[Any] = [here.controller.order(request(10.0)) for _ in range(2)]
    together = here.controller._planner.figures.batches.counts
    before = sum(together[1:])
    first, second = await at_once(here, orders)
    assert sum(together[1:]) == before + 1  # of more than one decision
    assert isinstance(first, tuple)
    assert facts(second) == ("services", 2, 2, 1, 0)
    assert "the quota of services is 2, and there are 2, so not one more fits: release one, or an operator" in str(
        second
    )
    await here.run(here.controller.release(first[0].id, tenant=ACME))
    orders = [here.controller.order(request(rate)) for rate in (40.0, 40.0)]
    first, second = await at_once(here, orders)
    assert isinstance(first, tuple)
    assert facts(second)[0] == "services"
    await limit(here, services=None)
    with pytest.raises(
        QuotaExceeded, match=r"is 50 Gbit/s, and services have 50 of it .*: 0.001 Gbit/s do not fit"
    ) as no:
        await here.order(0.001)
    assert facts(no.value) == ("gbps", 50.0, 50.0, 0.001, 0.0)
    await here.order(20.0, tenant=OTHER)  # another's are no concern of it


@on_a_rig
async def test_a_rate_counts_while_its_window_is_and_a_dry_run_says_the_same(here: Rig) -> None:
    await limit(here, gbps=30.0)
    first, then = NOW_S + HOUR_S, NOW_S + 2 * HOUR_S
    await here.order(20.0, start_s=first, end_s=then)
    for dry_run in (True, False):
        with pytest.raises(QuotaExceeded) as no:
            await here.run(here.controller.order(request(20.0, end_s=first + 1.0), dry_run=dry_run))
        assert facts(no.value) == ("gbps", 30.0, 20.0, 20.0, 10.0)
    await here.order(30.0, end_s=first)
    await here.order(10.0, start_s=first, end_s=then)
    await here.order(30.0, start_s=then)
    assert (await here.run(here.controller.usage([ACME])))[ACME][1].gbps == 30.0


@on_a_rig
async def test_a_change_upwards_is_held_to_it_and_one_downwards_never(here: Rig) -> None:
    service, other = await here.order(10.0, end_s=NOW_S + 2 * HOUR_S), await here.order(20.0)
    await limit(here, gbps=40.0)
    assert (await change(here, service, bandwidth_gbps=20.0)).order.bandwidth_gbps == 20.0
    with pytest.raises(QuotaExceeded, match="other services have 20 of it") as no:
        await change(here, service, bandwidth_gbps=20.5)
    assert facts(no.value) == ("gbps", 40.0, 20.0, 20.5, 20.0)
    await limit(here, gbps=5.0, services=0)
    await here.pass_s(1.0)
    assert {one.state for one in (await here.book()).services.values()} == {State.ACTIVE}
    assert (await change(here, service, bandwidth_gbps=15.0)).order.bandwidth_gbps == 15.0
    assert (await change(here, service, end_s=NOW_S + HOUR_S)).order.window.end_s == NOW_S + HOUR_S
    assert (await change(here, other, description="x")).order.description == "x"
    with pytest.raises(QuotaExceeded):
        await change(here, service, end_s=NOW_S + 2 * HOUR_S)
    await restart(here)
    await here.run(here.controller.start())
    with pytest.raises(QuotaExceeded) as no:
        await here.order(1.0)
    assert facts(no.value) == ("services", 0, 2, 1, 0)


@on_a_rig
async def test_it_says_nothing_of_what_is_free_and_offers_nothing_past_it(here: Rig) -> None:
    await limit(here, gbps=60.0)
    with pytest.raises(QuotaExceeded):
        await here.order(400.0)  # that there is no room for it either is not looked at
    with pytest.raises(Invalid):
        await here.order(-1.0)
    await here.order(60.0, tenant=OTHER, end_s=NOW_S + HOUR_S)
    await here.order(30.0, start_s=NOW_S + HOUR_S)
    with pytest.raises(Refused) as no:
        await here.order(60.0, end_s=NOW_S + 0.5 * HOUR_S, bound_ms=9.0)
    offers = no.value.facts["offers"]
    assert offers
    for one in offers:
        later = (one.request.end_s or math.inf) > NOW_S + HOUR_S
        assert one.request.bandwidth_gbps <= (30.0 if later else 60.0), one


@on_a_rig
async def test_a_step_of_autoscale_is_held_to_it_and_told_once(here: Rig) -> None:
    service = await here.order(10.0, autoscale=(10.0, 80.0))
    await limit(here, gbps=30.0)
    await here.run(here.twin.offer(service.id, 26.0))
    await here.pass_s(40.0)
    now = await here.now(service.id)
    assert now.order.bandwidth_gbps == 10.0
    assert now.scale_refused is not None
    assert "the quota of guaranteed rate is 30 Gbit/s" in now.scale_refused.message
    kinds = [one.kind for one in here.store.events(after=0, limit=1000, operator=True)]
    assert kinds.count("highroad.service.autoscale-refused") == 1
    await limit(here, gbps=40.0)
    await here.pass_s(15.0)
    assert (await here.now(service.id)).order.bandwidth_gbps == 40.0


@on_a_rig
async def test_holds_count_as_services_and_have_a_quota_of_their_own(here: Rig) -> None:
    await limit(here, holds=1, services=2)
    held = await here.order(10.0, hold_s=600.0)
    with pytest.raises(QuotaExceeded) as no:
        await here.order(10.0, hold_s=600.0)
    assert facts(no.value) == ("holds", 1, 1, 1, 0)
    assert (await change(here, held, bandwidth_gbps=11.0)).order.bandwidth_gbps == 11.0
    await here.order(10.0)
    with pytest.raises(QuotaExceeded) as no:
        await here.order(10.0)
    assert facts(no.value)[0] == "services"
    await here.run(here.controller.confirm(held.id, tenant=ACME))  # it was counted already
    await limit(here, holds=MOST_HOLDS + 1, services=None)
    for _ in range(MOST_HOLDS + 1):
        await here.order(1.0, hold_s=600.0, settle=False)
    await limit(here, holds=None)
    with pytest.raises(HoldLimit):
        await here.order(1.0, hold_s=600.0)


@on_a_rig
async def test_ports_tokens_and_webhooks(here: Rig) -> None:
    controller = here.controller
    await limit(here, ports=3, tokens=2, webhooks=1)
    port = Port(id=PortId("acme.west"), tenant=ACME, site=SiteId("west"), rate_gbps=1.0)
    await here.run(controller.add_port(port))
    with pytest.raises(QuotaExceeded) as no:
        await here.run(controller.add_port(Port(id=PortId("x"), tenant=ACME, site=SiteId("west"), rate_gbps=1.0)))
    assert facts(no.value) == ("ports", 3, 3, 1, 0)

    admin = Caller(grant=Grant(role=Role.ADMIN, tenant=ACME), token_id="oidc:x")

    async def issue(**more: Any) -> str:
        return (await here.run(controller.issue_token(tenant=ACME, role=Role.VIEWER, issuer=admin, **more)))[0].id

    first = await issue()
    await issue(expires_s=60.0)
    with pytest.raises(QuotaExceeded) as no:
        await issue()
    assert facts(no.value) == ("tokens", 2, 2, 1, 0)
    await here.run(controller.issue_token(tenant=ACME))  # the controller's own are not held to it, and count
    await here.run(controller.revoke_token(first))
    with pytest.raises(QuotaExceeded):
        await issue()
    await here.pass_s(61.0)
    await issue()

    async def hook(tenant: TenantId | None) -> None:
        def decide(draft: Any) -> Any:
            fields: Any = {"url": "https://x.example/", "kinds": (), "description": "", "cursor": 0, "sealed": "s"}
            return add_webhook(draft, tenant=tenant, **fields)

        await here.run(controller._planner.submit(decide))

    await hook(ACME)
    with pytest.raises(QuotaExceeded) as no:
        await hook(ACME)
    assert facts(no.value) == ("webhooks", 1, 1, 1, 0)
    for _ in range(MOST_WEBHOOKS):
        await hook(OTHER)
    with pytest.raises(Conflict, match="the most: remove one"):
        await hook(OTHER)
    used = (await here.run(controller.usage([ACME])))[ACME][1]
    assert (used.ports, used.tokens, used.webhooks, used.services) == (3, 2, 1, 0)


@on_a_rig
async def test_what_is_set_is_told_kept_and_checked(here: Rig) -> None:
    await limit(here, services=3, gbps=1.5)
    assert (await limit(here, services=None, ports=9)).quota == Quota(gbps=1.5, ports=9)
    await limit(here, ports=9)  # nothing new
    with pytest.raises(NotFound):
        await limit(here, TenantId("nobody"), services=1)
    with pytest.raises(Invalid) as wrong:
        await limit(here, services=-1, gbps=0.0005, ports=1.5, tokens=1e9, sausages=1, holds=float("nan"))
    places = [one.place for one in wrong.value.findings]
    assert places == ["services", "gbps", "ports", "tokens", "sausages", "holds"]
    events = here.store.events(after=0, limit=1000, tenant=ACME)
    told = [one.data for one in events if one.kind == "highroad.tenant.quota"]
    assert [(one["services"], one["gbps"], one["ports"]) for one in told] == [(3, 1.5, None), (None, 1.5, 9)]
    assert {one.id: one.quota for one in here.store.load().tenants} == {ACME: Quota(gbps=1.5, ports=9), OTHER: Quota()}


def test_a_tenant_that_was_stored_before_there_were_quotas_has_none() -> None:
    assert unpack(b'{"id":"acme","name":"Acme"}', Tenant) == Tenant(id=ACME, name="Acme", quota=Quota())
    limited = Tenant(id=ACME, name="Acme", quota=Quota(services=1))
    assert unpack(pack(limited), Tenant) == limited


@pytest.mark.parametrize("seed", range(3))
def test_whatever_comes_no_quota_is_passed_and_nothing_is_refused_below_it(seed: int) -> None:
    """Held against a count by hand of what was acknowledged, at every instant at which anything begins."""

    async def story() -> None:
        chance = random.Random(seed)
        refused = 0
        async with rig() as here:
            live: dict[str, Service] = {}
            most_gbps, most = chance.randint(20, 40), chance.randint(6, 9)
            await limit(here, gbps=float(most_gbps), services=most)
            for _ in range(120):
                now_s = here.clock.now_s()
                live = {name: await here.now(one.id) for name, one in live.items()}
                live = {name: one for name, one in live.items() if one.state not in ENDED}
                if live and chance.random() < 0.2:
                    await here.run(here.controller.release(chance.choice([*live.values()]).id, tenant=ACME))
                    continue
                if live and chance.random() < 0.3:
                    target = chance.choice([*live.values()])
                    rate, window = float(chance.randint(1, 12)), target.order.window
                    others = [one for one in live.values() if one.id != target.id]
                    up = rate > target.order.bandwidth_gbps
                    fits = not up or peak(others, window, now_s) + rate <= most_gbps
                    asked: Any = change(here, target, bandwidth_gbps=rate)
                else:
                    start_s = now_s + chance.randint(0, 20)
                    end_s = start_s + chance.choice([10.0, 30.0, 60.0])
                    rate, window = float(chance.randint(1, 12)), Window(start_s=start_s, end_s=end_s)
                    fits = len(live) < most and peak([*live.values()], window, now_s) + rate <= most_gbps
                    asked = here.order(rate, start_s=start_s, end_s=end_s, settle=False)
                try:
                    done = await asked
                    live[done.id] = done
                    assert fits
                except QuotaExceeded:
                    refused += 1
                    assert not fits
                await here.pass_s(chance.choice([0.0, 0.0, 2.0]))
                assert_recounted(await here.book(), here.clock.now_s())
            assert refused > 5

    def peak(services: list[Service], window: Window, now_s: float) -> float:
        def at(time_s: float) -> float:
            held = (one.order for one in services)
            return sum(one.bandwidth_gbps for one in held if one.window.start_s <= time_s < one.window.until_s)

        starts = [max(now_s, window.start_s), *(one.order.window.start_s for one in services)]
        return max(at(one) for one in starts if max(now_s, window.start_s) <= one < window.until_s)

    asyncio.run(story())
