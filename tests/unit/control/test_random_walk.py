"""Whatever happens in whatever order, with restarts in between: nothing oversold, no fence left, nothing lost.

The checker reads only what routers hold and what was acknowledged; it shares nothing with the calendar.
"""

from __future__ import annotations

import asyncio
import random
from typing import Any

import pytest

from highroad.control import reroute
from highroad.control.controller import Controller
from highroad.control.safety import Blast
from highroad.errors import HighroadError
from highroad.model.lifecycle import ENDED, State
from highroad.model.network import LinkId, Network, SiteKind
from highroad.model.policy import CandidatePath, Policy
from highroad.model.service import Protection, ServiceId, TrafficClass
from highroad.ports import Install, Replace
from tests.support.country import ACME, OTHER, country, request
from tests.unit.control.rig import Rig, at_once, rig

FIBRES = ("west--east", "west--south", "east--south", "campus--west")
MORE = ("campus--south", "campus--cloud")
"""Where there are two ways, and three."""


def loads(policy: Policy) -> dict[LinkId, float]:
    """What one policy puts on each link, by hand, along the path that it prefers."""
    return carried_along(policy, policy.there[0], policy.back[0])


def carried_along(policy: Policy, *ways: CandidatePath) -> dict[LinkId, float]:
    total: dict[LinkId, float] = {}
    for candidate in ways:
        (segments,) = candidate.segment_lists  # every policy here has one list each way
        for link in segments.links:
            total[link] = total.get(link, 0.0) + policy.guaranteed_gbps
    return total


def check_failures(network: Network, policies: list[Policy]) -> None:
    """Whatever fails alone, what is protected has room on its backup beside all that goes on as it was."""
    for group in [*network.fibre, *(site.id for site in network.sites if site.kind is SiteKind.POP)]:
        down = {link for fibre in network.fibres_of(group) for link in network.links_on[fibre]}
        total: dict[LinkId, float] = {}
        for policy in policies:
            ways = [(there, back) for there, back in zip(policy.there, policy.back, strict=True)]
            up = [way for way in ways if not down & carried_along(policy, *way).keys()]
            assert up or len(ways) == 1, f"{policy.service} does not survive {group}"
            for link, rate in carried_along(policy, *up[0]).items() if up else ():
                total[link] = total.get(link, 0.0) + rate
        assert all(rate <= 100.0 + 1e-9 for rate in total.values()), (group, total)


def check_step(here: Rig, before: dict[ServiceId, Policy], changes: list[Any]) -> None:
    """While changes are under way any of them may have taken effect or not: the worst case has to fit."""
    worst = {service: [policy] for service, policy in before.items()}
    for change in changes:
        if isinstance(change, Install | Replace):
            worst.setdefault(change.policy.service, []).append(change.policy)
    total: dict[LinkId, float] = {}
    for policies in worst.values():
        most: dict[LinkId, float] = {}
        for policy in policies:
            for link, rate in loads(policy).items():
                most[link] = max(rate, most.get(link, 0.0))
        for link, rate in most.items():
            total[link] = total.get(link, 0.0) + rate
    assert all(rate <= 100.0 + 1e-9 for rate in total.values()), total


@pytest.mark.parametrize("ways", [1, 2, 3])
@pytest.mark.parametrize("seed", range(25))
def test_promises_hold_on_a_random_walk(seed: int, ways: int) -> None:
    asyncio.run(walk(random.Random(seed), steps=60, ways=ways))


async def walk(dice: random.Random, steps: int, *, ways: int) -> None:
    async with rig(country(ways=ways), blast=Blast(services=dice.choice([1, 2, 200]), share=0.0)) as here:
        apply = here.twin.apply

        async def checked(changes: Any) -> Any:
            check_step(here, dict((await here.twin.read()).policies), list(changes))
            if frozen and (book := await here.controller.settled()).freeze is not None:
                begun = [one.policy.service for one in changes if isinstance(one, Install)]
                assert not [one for one in begun if book.services[one].state is State.ACTIVATING]
            return await apply(changes)

        here.twin.apply = checked  # type: ignore[method-assign]
        acknowledged: dict[ServiceId, float] = {}
        drains: list[Any] = []
        frozen: list[bool] = []  # and what was asked before has been made
        for step in range(steps):
            if dice.random() < 0.05:
                await here.run(here.controller.thaw() if dice.random() < 0.5 else here.controller.freeze())
                await here.pass_s(0.2)
                frozen[:] = [True] if (await here.book()).freeze is not None else []
            await act(here, dice, step, acknowledged, drains)
            await here.pass_s(dice.choice([0.0, 0.0, 0.005, 0.05, 1.0]))
            await check_promises(here, acknowledged)
        for fibre in (*FIBRES, *MORE[: ways - 1]):
            await here.run(here.twin.uncut(fibre))  # type: ignore[arg-type]
        await here.run(here.controller.thaw())
        for drain in drains:
            await here.run(here.controller.end_maintenance(drain))
        await here.pass_s(5.0)
        await check_promises(here, acknowledged)
        book = await here.book()
        assert not [one for one in book.incidents.values() if one.open]
        for service in book.services.values():
            assert service.leaving == ()
            now = service.placement
            if service.order.protection is Protection.PATH and (now is None or not book.covered(now)):
                # its spare was used by a failure, and sold meanwhile: it says so, and there is none
                assert (service.reason or "").startswith("unprotected")
                assert reroute.find(book, service) is None
                continue
            assert service.state in (State.ACTIVE, State.RESERVED), (service.state, service.reason)
        held = (await here.run(here.twin.read())).policies
        assert set(held) == {one.id for one in book.services.values() if one.state is State.ACTIVE}


async def act(
    here: Rig, dice: random.Random, step: int, acknowledged: dict[ServiceId, float], drains: list[Any]
) -> None:
    now = here.clock.now_s()
    pick = dice.random()
    book = await here.book()
    fibres = [fibre for fibre in (*FIBRES, *MORE) if fibre in book.network.fibre]
    live = [one for one in book.services.values() if one.state not in ENDED]
    try:
        if pick < 0.45:
            start = now + dice.choice([0.0, 0.0, 0.5, 3.0])
            asked = request(
                float(dice.randint(1, 40)),
                tenant=dice.choice([ACME, OTHER]),
                fence=dice.choice([None, None, ("US",)]),
                bound_ms=dice.choice([None, None, 8.0]),
                start_s=start,
                end_s=dice.choice([None, start + dice.choice([0.5, 2.0, 20.0])]),
                traffic_class=dice.choice([TrafficClass.INTERACTIVE, TrafficClass.ASSURED, TrafficClass.BULK]),
                protection=dice.choice(list(Protection)),
            )
            service, _ = await here.run(here.controller.order(asked))
            acknowledged[service.id] = service.order.bandwidth_gbps
        elif pick < 0.58 and live:
            rate = float(dice.randint(1, 60))
            service = dice.choice(live)
            await here.run(here.controller.change(service.id, tenant=None, if_version=None, bandwidth_gbps=rate))
            acknowledged[service.id] = rate
        elif pick < 0.68 and live:
            await here.run(here.controller.release(dice.choice(live).id, tenant=None))
        elif pick < 0.78:
            await here.run(here.twin.cut(dice.choice(fibres)))  # type: ignore[arg-type]
        elif pick < 0.86:
            await here.run(here.twin.uncut(dice.choice(fibres)))  # type: ignore[arg-type]
        elif pick < 0.91:
            drains.append((await here.run(here.controller.drain(dice.choice(fibres)))).id)
        elif pick < 0.95 and drains:
            await here.run(here.controller.end_maintenance(drains.pop()))
        else:
            await restart(here, step)
    except HighroadError:
        pass


async def restart(here: Rig, step: int) -> None:
    """Another controller takes over with nothing but the store; the fabric goes on."""
    await here.run(here.controller.stop())
    names = iter(range(1000))
    here.controller = Controller(
        store=here.store,
        fabric=here.twin,
        clock=here.clock,
        lab=here.twin,
        new_service_id=lambda: ServiceId(f"svc-{step:03}-{next(names):03}"),
        execute=at_once,
    )
    await here.run(here.controller.start())


async def check_promises(here: Rig, acknowledged: dict[ServiceId, float]) -> None:
    book = await here.book()
    assert book.ground.calendar.oversold() == []
    for service, rate in acknowledged.items():
        known = await here.now(service)
        assert known.order.bandwidth_gbps == rate
    policies = (await here.run(here.twin.read())).policies
    services = [await here.now(service) for service in policies]
    if not book.down and not any(one.leaving or one.state is not State.ACTIVE for one in services):
        check_failures(book.network, list(policies.values()))
    for policy in policies.values():
        order = (await here.now(policy.service)).order
        if order.fence is not None:
            assert not {"west>east", "east>west"} & policy.links
