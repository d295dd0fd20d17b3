"""Whatever happens in whatever order, with restarts in between: nothing oversold, no fence left, nothing lost.

The checker reads only what routers hold and what was acknowledged; it shares nothing with the calendar.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from highroad.control import reconcile, reroute
from highroad.control.book import Book
from highroad.control.controller import Controller
from highroad.control.maintain import AT_ONCE, Times
from highroad.control.names import by_chance
from highroad.control.safety import Blast
from highroad.control.trial import Check
from highroad.errors import Conflict, Frozen, HighroadError
from highroad.model.change import Change, Keep
from highroad.model.incident import MaintenanceState
from highroad.model.lifecycle import CARRYING, ENDED, State
from highroad.model.network import FibreId, LinkId, Network, SiteKind
from highroad.model.plan import Optimising
from highroad.model.policy import CandidatePath, Policy
from highroad.model.service import End, Protection, ServiceId, TrafficClass
from highroad.model.window import Window
from highroad.ports import Install, Replace
from tests.support.country import ACME, OTHER, country, request
from tests.unit.control.recount import assert_news_is_all, assert_recounted
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
        whole = sum(segments.weight for segments in candidate.segment_lists)
        for segments in candidate.segment_lists:
            for link in segments.links:
                total[link] = total.get(link, 0.0) + policy.guaranteed_gbps * segments.weight / whole
    return total


def check_failures(network: Network, policies: list[Policy]) -> None:
    """Whatever fails alone, what is protected has room on its backup beside all that goes on as it was."""
    for group in [*network.fibre, *(site.id for site in network.sites if site.kind is SiteKind.POP)]:
        down = {link for fibre in network.fibres_of(group) for link in network.links_on[fibre]}
        total: dict[LinkId, float] = {}
        for policy in policies:
            if group in {end.site for end in (policy.a, policy.b) if end is not None}:
                continue  # no way leads around its own end
            ways = [(there, back) for there, back in zip(policy.there, policy.back, strict=True)]
            up = [way for way in ways if not down & carried_along(policy, *way).keys()]
            assert up or len(ways) == 1, f"{policy.service} does not survive {group}"
            for link, rate in carried_along(policy, *up[0]).items() if up else ():
                total[link] = total.get(link, 0.0) + rate
        assert all(rate <= 100.0 + 1e-9 for rate in total.values()), (group, total)


def check_step(network: Network, before: dict[ServiceId, Policy], changes: list[Any]) -> None:
    """While changes are under way any of them may have taken effect or not: the worst case has to fit."""
    worst = {service: [policy] for service, policy in before.items()}
    for change in changes:
        if isinstance(change, Install | Replace):
            worst.setdefault(change.policy.service, []).append(change.policy)
    tags: dict[tuple[str, int | None], ServiceId] = {}
    for service, policies in worst.items():
        for end in {end for policy in policies for end in (policy.a, policy.b) if end is not None}:
            assert tags.setdefault((end.port, end.vlan), service) == service, "two services on one tag"
        for policy in policies:
            for way, source, target in ((policy.there, policy.a, policy.b), (policy.back, policy.b, policy.a)):
                assert source is not None
                assert target is not None
                for links in (segments.links for candidate in way for segments in candidate.segment_lists):
                    assert (network.link[links[0]].tail, network.link[links[-1]].head) == (source.site, target.site)
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
def test_promises_hold_on_a_random_walk(seed: int, ways: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reconcile, "AT_ONCE", [200, 1][seed % 2])
    asyncio.run(walk(random.Random(seed), steps=60, ways=ways))


@pytest.mark.parametrize("ways", [2, 3])
@pytest.mark.parametrize("seed", range(100, 120))
def test_promises_hold_while_what_is_planned_does_harm(seed: int, ways: int) -> None:
    asyncio.run(walk(random.Random(seed), steps=60, ways=ways, planned=0.5))


@pytest.mark.parametrize("ways", [2, 3])
@pytest.mark.parametrize("seed", range(20))
def test_promises_hold_while_maintenances_come_and_go(seed: int, ways: int) -> None:
    asyncio.run(walk(random.Random(1000 + seed), steps=60, ways=ways, booked=0.3))


@pytest.mark.parametrize("ways", [1, 2, 3])
@pytest.mark.parametrize("seed", range(15))
def test_promises_hold_while_orders_make_others_move(seed: int, ways: int) -> None:
    asyncio.run(walk(random.Random(2000 + seed), steps=60, ways=ways, crowded=True))


@pytest.mark.parametrize("ways", [2, 3])
@pytest.mark.parametrize("seed", range(8))
def test_promises_hold_while_they_move_to_where_they_are_harmed(seed: int, ways: int) -> None:
    asyncio.run(walk(random.Random(3000 + seed), steps=60, ways=ways, planned=0.3, crowded=True))


async def walk(
    dice: random.Random, steps: int, *, ways: int, planned: float = 0.0, booked: float = 0.0, crowded: bool = False
) -> None:
    """Steps at random; the share `planned` of them drains, loses what nobody sees, and lets changes go on; the share
    `booked` books a maintenance, and then services are small enough to move. Where it is `crowded` orders may make
    others move, and many want the shortest way.
    """
    blast = Blast(services=dice.choice([1, 2, 200]), share=0.0)
    check = Check(above=dice.choice([1, 3, 10]), for_s=dice.choice([0.2, 1.0] if planned else [0.0, 0.2, 1.0]))
    wait_s = dice.choice([0.0, 0.3])
    async with rig(
        country(ways=ways),
        blast=blast,
        check=check,
        watched=planned == 0.0,
        wait_to_restore_s=wait_s,
        optimising=Optimising.AUTO if crowded else Optimising.OFF,
    ) as here:
        apply = here.twin.apply

        async def checked(changes: Any) -> Any:
            check_step(
                (await here.controller.settled()).network, dict((await here.twin.read()).policies), list(changes)
            )
            if frozen and (book := await here.controller.settled()).freeze is not None:
                begun = [one.policy.service for one in changes if isinstance(one, Install)]
                assert not [one for one in begun if book.services[one].state is State.ACTIVATING]
            return await apply(changes)

        here.twin.apply = checked  # type: ignore[method-assign]
        here.notice()
        acknowledged: dict[ServiceId, float] = {}
        drains: list[Any] = []
        frozen: list[bool] = []  # and what was asked before has been made
        for step in range(steps):
            if dice.random() < 0.05:
                await here.run(here.controller.thaw() if dice.random() < 0.5 else here.controller.freeze())
                await here.pass_s(0.2)
                frozen[:] = [True] if (await here.book()).freeze is not None else []
            if dice.random() < planned:
                await plan(here, dice, drains)
            elif dice.random() < booked:
                await book_one(here, dice, drains, ways)
            else:
                crowds = crowded and dice.random() < 0.5
                if crowds:
                    await crowd(here, dice, acknowledged)
                else:
                    await act(here, dice, step, acknowledged, drains, check, wait_s, most_gbps=12 if booked else 40)
            await here.pass_s(dice.choice([0.0, 0.0, 0.005, 0.05, 1.0]))
            await check_promises(here, acknowledged)
        for fibre in (*FIBRES, *MORE[: ways - 1]):
            await here.run(here.twin.uncut(fibre))  # type: ignore[arg-type]
        await here.pass_s(3.0)  # what is on trial yet is judged by what it lost before the splices
        await here.run(here.controller.thaw())
        for drain in drains:
            with suppress(Conflict):  # one that was booked has ended by itself
                await here.run(here.controller.end_maintenance(drain))
        await here.pass_s(15.0)
        here.news = True
        await check_promises(here, acknowledged)
        book = await here.book()
        assert not [one for one in book.incidents.values() if one.open]
        for service in book.services.values():
            assert service.leaving == ()
            now = service.placement
            if crowded and now is None and service.state in (State.ACTIVATING, State.RESERVED):
                # others could not make room for it after all, and by now there is none
                assert reroute.find(book, service) is None
                continue
            if service.order.protection is Protection.PATH and (now is None or not book.covered(now)):
                # its spare was used by a failure, and sold meanwhile: it says so, and there is none
                assert (service.reason or "").startswith("unprotected")
                assert reroute.find(book, service) is None
                continue
            assert service.state in (State.ACTIVE, State.RESERVED, State.HELD), (service.state, service.reason)
        held = (await here.run(here.twin.read())).policies
        assert set(held) == {one.id for one in book.services.values() if one.state in CARRYING}


async def crowd(here: Rig, dice: random.Random, acknowledged: dict[ServiceId, float]) -> None:
    """An order that has to go the shortest way, or one that may go elsewhere and is in its way."""
    tied = dice.random() < 0.5
    a, b = ("campus", "cloud") if dice.random() < 0.5 else ("west", "east")
    asked = request(
        float(dice.randint(20, 60)),
        tenant=OTHER,
        a=a,
        b=b,
        bound_ms=(7.5 if a == "campus" else 5.5) if tied else None,
        start_s=here.clock.now_s() + dice.choice([0.0, 0.0, 0.5]),
        end_s=here.clock.now_s() + dice.choice([3.0, 20.0, 200.0]),
        max_paths=dice.choice([1, 4]),
        protection=dice.choice([Protection.NONE, Protection.NONE, Protection.PATH]),
    )
    with suppress(HighroadError):
        service, _ = await here.run(here.controller.order(asked, asker=OTHER))
        acknowledged[service.id] = service.order.bandwidth_gbps


async def book_one(here: Rig, dice: random.Random, drains: list[Any], ways: int) -> None:
    start = here.clock.now_s() + dice.choice([0.3, 2.0, 10.0])
    when = Times(start_s=start, end_s=start + dice.choice([0.5, 2.0, 20.0]), lead_s=dice.choice([0.0, 0.2, 1.0]))
    with suppress(Conflict, Frozen):
        fibre = dice.choice([*FIBRES, *MORE[: ways - 1]])
        drains.append((await here.run(here.controller.drain(fibre, when))).id)


async def act(
    here: Rig,
    dice: random.Random,
    step: int,
    acknowledged: dict[ServiceId, float],
    drains: list[Any],
    check: Check,
    wait_s: float,
    *,
    most_gbps: int,
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
                float(dice.randint(1, most_gbps)),
                tenant=dice.choice([ACME, OTHER]),
                fence=dice.choice([None, None, ("US",)]),
                bound_ms=dice.choice([None, None, 8.0]),
                start_s=start,
                end_s=dice.choice([None, start + dice.choice([0.5, 2.0, 20.0])]),
                traffic_class=dice.choice([TrafficClass.INTERACTIVE, TrafficClass.ASSURED, TrafficClass.BULK]),
                protection=dice.choice(list(Protection)),
                max_paths=dice.choice([None, 1, 2]),
                hold_s=dice.choice([None, None, None, 60.0]),
            )
            if dice.random() < 0.2:
                asked = replace(asked, start_s=None, end_s=None, windows=some_windows(dice, start))
            service, _ = await here.run(here.controller.order(asked))
            acknowledged[service.id] = service.order.bandwidth_gbps
        elif pick < 0.58 and live:
            service = dice.choice(live)
            edit = some_change(dice, now)
            await here.run(here.controller.change(service.id, edit, tenant=None, if_version=None))
            if not isinstance(edit.bandwidth_gbps, Keep):
                acknowledged[service.id] = edit.bandwidth_gbps
        elif pick < 0.61 and live:
            await here.run(here.controller.confirm(dice.choice(live).id, tenant=None))
        elif pick < 0.69 and live:
            await here.run(here.controller.release(dice.choice(live).id, tenant=None))
        elif pick < 0.78:
            await here.run(here.twin.cut(dice.choice(fibres), silent=dice.random() < 0.3))  # type: ignore[arg-type]
        elif pick < 0.86:
            await here.run(here.twin.uncut(dice.choice(fibres)))  # type: ignore[arg-type]
        elif pick < 0.91:
            start = now + dice.choice([0.3, 2.0, 10.0])
            booked = Times(start_s=start, end_s=start + dice.choice([0.5, 2.0, 20.0]), lead_s=dice.choice([0.0, 1.0]))
            when = AT_ONCE if dice.random() < 0.5 else booked
            drains.append((await here.run(here.controller.drain(dice.choice(fibres), when))).id)
        elif pick < 0.95 and drains:
            await here.run(here.controller.end_maintenance(drains.pop()))
        else:
            await restart(here, step, check, wait_s)
    except HighroadError:
        pass


def some_windows(dice: random.Random, start_s: float) -> tuple[Window, ...]:
    pieces = []
    for _ in range(dice.randint(2, 4)):
        length_s = dice.choice([0.3, 1.0, 4.0])
        pieces.append(Window(start_s=start_s, end_s=start_s + length_s))
        start_s += length_s + dice.choice([0.0, 0.5, 2.0])
    return tuple(pieces)


def some_change(dice: random.Random, now_s: float) -> Change:
    """Mostly another rate; else anything that may be changed."""
    rate = Change(bandwidth_gbps=float(dice.randint(1, 60)))
    others = (
        Change(end_s=dice.choice([None, now_s + dice.choice([0.2, 5.0])])),
        Change(windows=some_windows(dice, now_s + dice.choice([0.0, 1.0]))),
        Change(latency_bound_ms=dice.choice([None, 8.0, 20.0])),
        Change(fence=dice.choice([None, ("US",)])),
        Change(protection=dice.choice(list(Protection))),
        Change(max_paths=dice.choice([1, 4])),
        Change(b=End(at=dice.choice(["cloud", "west", "east"]))),
        Change(a=End(at="west"), b=End(at="east"), bandwidth_gbps=float(dice.randint(1, 60))),
    )
    return rate if dice.random() < 0.5 else dice.choice(others)


async def plan(here: Rig, dice: random.Random, drains: list[Any]) -> None:
    book = await here.book()
    fibre = dice.choice([one for one in (*FIBRES, *MORE) if one in book.network.fibre])
    pick = dice.random()
    with suppress(HighroadError):
        if book.freeze is not None and pick < 0.5:
            await here.run(here.controller.thaw())
        elif drains and pick < 0.6:
            await here.run(here.controller.end_maintenance(drains.pop()))
        elif pick < 0.7:
            drains.append((await here.run(here.controller.drain(fibre))).id)
        elif pick < 0.8:
            await here.run(here.twin.cut(FibreId(fibre), silent=True))
        else:
            await here.run(here.twin.uncut(FibreId(fibre)))
    for _ in range(dice.choice([1, 5, 20])):
        await here.pass_s(0.1)
        assert (await here.book()).ground.calendar.oversold() == []


async def restart(here: Rig, step: int, check: Check | None = None, wait_s: float = 0.0) -> None:
    """Another controller takes over with nothing but the store; the fabric goes on."""
    await here.run(here.controller.stop())
    names = iter(range(1000))
    here.controller = Controller(
        store=here.store,
        fabric=here.twin,
        clock=here.clock,
        lab=here.twin,
        new_service_id=lambda: ServiceId("svc-" + by_chance(lambda: f"{step:03}-{next(names):03}")),
        execute=at_once,
        check=check,
        wait_to_restore_s=wait_s,
    )
    here.controller._loop._optimising = here.optimising
    await here.run(here.controller.start())


async def check_promises(here: Rig, acknowledged: dict[ServiceId, float]) -> None:
    book = await here.book()
    assert book.ground.calendar.oversold() == []
    assert_recounted(book, here.clock.now_s())
    await assert_news_is_all(book, here.twin)
    if here.news:  # else it is what was looked at before
        here.news = False
        await check_stored(here, book, acknowledged)
    policies = (await here.run(here.twin.read())).policies
    services = [await here.now(service) for service in policies]
    if not book.down and not any(one.leaving or one.state is not State.ACTIVE for one in services):
        check_failures(book.network, list(policies.values()))
    begun = [one for one in book.maintenances.values() if one.window.start_s <= here.clock.now_s()]
    drained = [one for one in begun if one.state is MaintenanceState.DRAINED]
    closed = frozenset().union(*(book.links_over(one.fibres) for one in drained))
    for policy in policies.values():
        now = await here.now(policy.service)
        assert closed.isdisjoint(carried_along(policy, policy.there[0], policy.back[0]))
        if now.order.fence is not None and not now.leaving:
            assert not {"west>east", "east>west"} & policy.links


async def check_stored(here: Rig, book: Book, acknowledged: dict[ServiceId, float]) -> None:
    """The calendar is a function of what is stored, detours and homes included, and all that was acknowledged is."""
    calendar, again = book.ground.calendar, Book(here.store.load()).ground.calendar
    ahead_s = [here.clock.now_s() + after_s for after_s in (0.0, 0.7, 3.0, 15.0, 60.0)]
    for link in book.network.link:
        assert [calendar.at(link, at_s) for at_s in ahead_s] == [again.at(link, at_s) for at_s in ahead_s], link
    for service, rate in acknowledged.items():
        known = book.services.get(service) or await here.now(service)
        assert known.order.bandwidth_gbps == rate
