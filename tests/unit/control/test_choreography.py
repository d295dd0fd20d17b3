"""Services that have to change places do, under a drain and when both are dark; and where they cannot it says why."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest

from highroad.control.book import Book
from highroad.control.controller import Controller
from highroad.control.maintain import Times
from highroad.control.safety import HALF_WAY
from highroad.control.together import Ask, Mover
from highroad.control.trial import Check
from highroad.errors import Conflict, HighroadError
from highroad.model.change import Change
from highroad.model.incident import Maintenance, MaintenanceState
from highroad.model.lifecycle import State
from highroad.model.network import FibreId, LinkId, Network
from highroad.model.policy import Policy, loads_of
from highroad.model.service import Protection, Service, ServiceId, ServiceKind
from highroad.planning.sequence import Harm
from highroad.ports import Install, Replace
from tests.support.knot import BOTH, X, Y, knot, ports, tenant
from tests.unit.control.rig import Rig, at_once, rig
from tests.unit.planning.ground import NOW_S

UNCHECKED = Check(for_s=0.0)
"""Moves are not judged by counters, which takes a second each."""


class Watched:
    """The rig, and what routers were asked, step by step; no link has too little, whatever of a step is made."""

    def __init__(self, here: Rig, network: Network) -> None:
        self.here, self._network = here, network
        self.steps: list[list[Policy]] = []
        self._apply = here.twin.apply
        here.twin.apply = self._checked  # type: ignore[method-assign]

    async def _checked(self, changes: Any) -> Any:
        have = dict((await self.here.twin.read()).policies)
        asked = [one.policy for one in changes if isinstance(one, Install | Replace)]
        worst: dict[ServiceId, dict[LinkId, int]] = {name: loads_of(policy) for name, policy in have.items()}
        for policy in asked:
            most = worst.setdefault(policy.service, {})
            for link, rate in loads_of(policy).items():
                most[link] = max(rate, most.get(link, 0))
        for link, one in self._network.link.items():
            total = sum(load.get(link, 0) for load in worst.values())
            assert total <= one.capacity_gbps * 1000, (link, total)
        self.steps.append(asked)
        return await self._apply(changes)

    async def pass_s(self, duration_s: float) -> None:
        for _ in range(round(duration_s / 0.05)):
            await self.here.pass_s(0.05)
            assert (await self.here.book()).ground.calendar.oversold() == []


@asynccontextmanager
async def exchange(
    gbps: float, *, third: bool = False, check: Check = UNCHECKED, **more: Any
) -> AsyncIterator[tuple[Watched, list[Service]]]:
    """Two services of a rate on x and on y; the second may not go the third way."""
    network = knot(third=third)
    async with rig(network, furnish=False, check=check) as here:
        await here.run(here.controller.load_network(network))
        await here.run(here.controller.add_tenant(tenant(), ports()))
        one = await here.order(gbps, a="p", b="q", bound_ms=20.0, **more)
        two = await here.order(gbps, a="r", b="s", bound_ms=5.0, **more)
        assert [links(service) & {X, Y} for service in (one, two)] == [{X}, {Y}]
        yield Watched(here, network), [one, two]


def links(service: Service) -> set[LinkId]:
    assert service.placement is not None
    return set(service.placement.links)


async def drained(watched: Watched, *, when: Times | None = None, within_s: float = 2.0) -> Maintenance:
    here = watched.here
    drain = here.controller.drain(BOTH) if when is None else here.controller.drain(BOTH, when)
    maintenance = await here.run(drain)
    await watched.pass_s(within_s)
    return (await here.book()).maintenances[maintenance.id]


async def changed_places(watched: Watched, services: list[Service]) -> None:
    here = watched.here
    for service, wanted in zip(services, (Y, X), strict=True):
        now = await here.now(service.id)
        assert (links(now) & {X, Y}, now.leaving, now.state) == ({wanted}, (), State.ACTIVE)
        assert len(now.placement.branches) == 1  # type: ignore[union-attr]
    assert (await here.book()).underway is None


async def at_home(watched: Watched, services: list[Service]) -> None:
    for service, wanted in zip(services, (X, Y), strict=True):
        now = await watched.here.now(service.id)
        assert (links(now) & {X, Y}, now.leaving, now.state, now.away) == ({wanted}, (), State.ACTIVE, False)
    assert (await watched.here.book()).underway is None


async def nothing_lost(watched: Watched, services: list[Service]) -> None:
    sample = await watched.here.run(watched.here.twin.sample())
    for service in services:
        assert (sample.services[service.id].lost_bytes, sample.services[service.id].dark_s) == (0.0, 0.0)


def run(scene: Callable[[], Any]) -> None:
    asyncio.run(scene())


def test_a_knot_under_a_drain_is_undone_by_a_detour_where_there_is_one() -> None:
    async def scene() -> None:
        async with exchange(60.0, third=True) as (watched, services):
            maintenance = await drained(watched)
            assert (maintenance.state, maintenance.stuck) == (MaintenanceState.DRAINED, ())
            assert set(maintenance.moved) == {one.id for one in services}
            await changed_places(watched, services)
            await nothing_lost(watched, services)
            parked = [one for step in watched.steps for one in step if LinkId("x1>z") in one.links]
            assert [one.service for one in parked] == [services[0].id]
            assert all(len(one.there[0].segment_lists) == 1 for step in watched.steps for one in step)
            await watched.here.run(watched.here.controller.end_maintenance(maintenance.id))
            await watched.pass_s(2.0)
            await nothing_lost(watched, services)

    run(scene)


@pytest.mark.parametrize("check", [UNCHECKED, Check(above=1)])
def test_without_a_third_way_it_is_undone_by_a_split(check: Check) -> None:
    async def scene() -> None:
        async with exchange(60.0, check=check) as (watched, services):
            maintenance = await drained(watched, within_s=2.0 if check == UNCHECKED else 15.0)
            assert (maintenance.state, maintenance.stuck) == (MaintenanceState.DRAINED, ())
            await changed_places(watched, services)
            await nothing_lost(watched, services)
            assert any(len(one.there[0].segment_lists) == 2 for step in watched.steps for one in step)

    run(scene)


@pytest.mark.parametrize("order", [{"protection": Protection.PATH}, {"max_paths": 1}])
def test_who_may_be_on_one_way_only_is_not_split(order: dict[str, Any]) -> None:
    async def scene() -> None:
        async with exchange(60.0) as (watched, services):
            book = await watched.here.book()
            bound = [replace(one, order=replace(one.order, **order)) for one in services]
            for pair, most, whole in (
                (services, Harm.SPLIT, []),
                ([bound[0], services[1]], Harm.SPLIT, bound[:1]),
                (bound, Harm.DETOUR, bound),
            ):
                targets = {one.id: one.placement for one in services if one.placement is not None}
                ask = Ask(book, [Mover(service=one) for one in pair], targets)
                assert (ask.most_harm, ask.whole) == (most, frozenset(one.id for one in whole))

    run(scene)


@pytest.mark.parametrize("how", [{"kind": ServiceKind.ETHERNET}, {"max_paths": 1}])
def test_a_knot_of_services_on_one_way_is_undone_by_a_detour_or_not_at_all(how: dict[str, Any]) -> None:
    async def scene(third: bool) -> None:
        async with exchange(60.0, third=third, **how) as (watched, services):
            maintenance = await drained(watched)
            state = MaintenanceState.DRAINED if third else MaintenanceState.DRAINING
            stuck = () if third else tuple(one.id for one in services)
            assert (maintenance.state, tuple(sorted(maintenance.stuck))) == (state, stuck)
            assert all(len(one.there[0].segment_lists) == 1 for step in watched.steps for one in step)
            await nothing_lost(watched, services)

    run(lambda: scene(third=False))
    run(lambda: scene(third=True))


@pytest.mark.parametrize("check", [UNCHECKED, Check(above=1)])
def test_who_was_moved_in_a_circle_goes_home_in_a_circle(check: Check) -> None:
    """Both old places are free for the two of them together, and for neither alone."""

    async def scene() -> None:
        async with exchange(60.0, check=check) as (watched, services):
            settle_s = 2.0 if check == UNCHECKED else 15.0
            maintenance = await drained(watched, within_s=settle_s)
            await changed_places(watched, services)
            await watched.here.run(watched.here.controller.end_maintenance(maintenance.id))
            await watched.pass_s(settle_s)
            await at_home(watched, services)
            await nothing_lost(watched, services)

    run(scene)


def test_a_freeze_half_way_is_said_and_they_go_on_after_the_thaw() -> None:
    async def scene() -> None:
        async with exchange(60.0) as (watched, services):
            here = watched.here
            maintenance = await here.run(here.controller.drain(BOTH))
            for _ in range(400):
                await here.pass_s(0.001)
                now = [await here.now(one.id) for one in services]
                if any(one.placement is not None and len(one.placement.branches) > 1 for one in now):
                    break
            await here.run(here.controller.freeze())
            await watched.pass_s(3.0)
            now = [await here.now(one.id) for one in services]
            assert HALF_WAY in [one.reason for one in now]
            assert all(one.state is State.ACTIVE for one in now)
            await here.run(here.controller.thaw())
            await watched.pass_s(3.0)
            assert (await here.book()).maintenances[maintenance.id].state is MaintenanceState.DRAINED
            await changed_places(watched, services)
            assert [(await here.now(one.id)).reason for one in services] == [None, None]
            await here.run(here.controller.end_maintenance(maintenance.id))
            await watched.pass_s(3.0)
            await at_home(watched, services)
            await nothing_lost(watched, services)

    run(scene)


@pytest.mark.parametrize("when", [None, Times(start_s=NOW_S + 3.0, end_s=NOW_S + 600.0, lead_s=1.0)])
def test_where_only_a_reduction_helps_they_stay_and_it_is_said(when: Times | None) -> None:
    async def scene() -> None:
        async with exchange(97.0) as (watched, services):
            maintenance = await drained(watched, when=when)
            assert (maintenance.state, set(maintenance.stuck)) == (
                MaintenanceState.DRAINING,
                {one.id for one in services},
            )
            for text in maintenance.because:
                assert text.startswith("they wait for each other in a circle: ")
                assert "needs 97 Gbit/s of x1>x2, where 3 are free until svc-001 has left it" in text
                assert "needs 97 Gbit/s of y1>y2, where 3 are free until svc-002 has left it" in text
                assert "they could be moved if svc-00" in text
                assert "94 Gbit/s less for a second" in text
            asked = len(watched.steps)
            await watched.pass_s(2.0)
            assert len(watched.steps) == asked
            assert [links(await watched.here.now(one.id)) & {X, Y} for one in services] == [{X}, {Y}]
            await nothing_lost(watched, services)
            # As soon as one of them takes less, there is an order.
            change = Change(bandwidth_gbps=40.0)
            await watched.here.run(watched.here.controller.change(services[0].id, change, tenant=None, if_version=None))
            await watched.pass_s(2.0)
            assert (await watched.here.book()).maintenances[maintenance.id].state is MaintenanceState.DRAINED
            await changed_places(watched, services)

    run(scene)


def test_a_booked_maintenance_undoes_a_knot_and_they_come_home_after_it() -> None:
    """Neither can have its old place booked while the other is in it: there is no time in which both hold both."""

    async def scene() -> None:
        async with exchange(60.0) as (watched, services):
            start = NOW_S + 10.0
            maintenance = await drained(watched, when=Times(start_s=start, end_s=start + 20.0, lead_s=5.0))
            assert set(maintenance.stuck) == {one.id for one in services}
            together = "but as things are svc-001 and svc-002 move together, in steps, when the maintenance begins"
            assert set(maintenance.because) == {
                f"no other way inside its bound of {one.order.latency_bound_ms:g} ms has 60 Gbit/s free, {together}"
                for one in services
            }
            await watched.pass_s(8.0)
            now = (await watched.here.book()).maintenances[maintenance.id]
            assert (now.state, now.stuck) == (MaintenanceState.DRAINED, ())
            await changed_places(watched, services)
            await watched.pass_s(30.0)
            await at_home(watched, services)
            await nothing_lost(watched, services)

    run(scene)


@pytest.mark.parametrize("when", [Times(), Times(start_s=NOW_S + 30.0, end_s=NOW_S + 60.0, lead_s=5.0)])
def test_a_preview_and_a_booking_say_what_a_circle_can_do(when: Times) -> None:
    async def scene(gbps: float) -> tuple[Maintenance, list[Service]]:
        async with exchange(gbps) as (watched, services):
            seen = await watched.here.run(watched.here.controller.drain(BOTH, when, dry_run=True))
            if when.start_s is not None:
                booked = await watched.here.run(watched.here.controller.drain(BOTH, when))
                assert (seen.stuck, seen.because) == (booked.stuck, booked.because)
            return seen, services

    seen, services = asyncio.run(scene(60.0))
    if when.start_s is None:
        assert (len(seen.detours), seen.stuck) == (2, ())
    else:
        assert len(set(seen.because)) == 2  # why each finds none alone
        assert all("svc-001 and svc-002 move together" in text for text in seen.because)
    seen, services = asyncio.run(scene(100.0))
    assert set(seen.stuck) == {one.id for one in services}
    (text,) = set(seen.because)
    assert text.endswith("they could be moved if svc-001 were dark for a second") or "svc-002 were dark" in text


@pytest.mark.parametrize("gbps", [60.0, 97.0])
def test_what_is_dark_and_waits_for_each_other_is_repaired(gbps: float) -> None:
    async def scene() -> None:
        async with exchange(gbps) as (watched, services):
            await watched.here.cut("d1")
            await watched.here.cut("d2")
            await watched.pass_s(2.0)
            await changed_places(watched, services)
            await watched.here.uncut("d1")
            await watched.here.uncut("d2")
            await watched.pass_s(3.0)
            assert [(await watched.here.now(one.id)).state for one in services] == [State.ACTIVE, State.ACTIVE]
            assert not any(one.open for one in (await watched.here.book()).incidents.values())

    run(scene)


def test_what_no_longer_matches_is_dropped_and_planned_anew() -> None:
    async def scene() -> None:
        async with exchange(60.0) as (watched, services):
            here = watched.here
            maintenance = await here.run(here.controller.drain(BOTH))
            for _ in range(400):
                await here.pass_s(0.001)
                if (await here.book()).underway is not None:
                    break
            assert (await here.book()).underway is not None
            await here.run(
                here.controller.change(services[0].id, Change(bandwidth_gbps=50.0), tenant=None, if_version=None)
            )
            await watched.pass_s(2.0)
            assert (await here.book()).maintenances[maintenance.id].state is MaintenanceState.DRAINED
            await changed_places(watched, services)
            await nothing_lost(watched, services)

    run(scene)


def test_a_restart_in_the_middle_forgets_the_plan_and_makes_another() -> None:
    async def scene() -> None:
        async with exchange(60.0) as (watched, services):
            here = watched.here
            await here.run(here.controller.drain(BOTH))
            for _ in range(400):
                await here.pass_s(0.001)
                if (await here.book()).underway is not None:
                    break
            await here.run(here.controller.stop())
            here.controller = Controller(
                store=here.store, fabric=here.twin, clock=here.clock, lab=here.twin, execute=at_once
            )
            await here.run(here.controller.start())
            await watched.pass_s(10.0)
            await changed_places(watched, services)
            await nothing_lost(watched, services)

    run(scene)


@pytest.mark.parametrize("seed", range(30))
def test_whatever_waits_for_whatever_nothing_is_oversold(seed: int) -> None:
    """Drains, maintenances, cuts, changes and restarts where two narrow links have to be changed for each other."""

    async def scene() -> None:
        dice = random.Random(seed)
        async with exchange(dice.choice([30.0, 60.0, 70.0]), third=dice.random() < 0.5) as (watched, services):
            here, open_drains, names = watched.here, list[Any](), [one.id for one in services]
            here.notice()
            for _ in range(40):
                with suppress(HighroadError):
                    await any_act(here, dice, open_drains, names)
                await here.pass_s(dice.choice([0.0, 0.01, 0.1, 1.0]))
                await as_stored(here)
            for fibre in ("d1", "d2", "x", "y"):
                await here.run(here.twin.uncut(FibreId(fibre)))
            for drain in open_drains:
                with suppress(Conflict):
                    await here.run(here.controller.end_maintenance(drain))
            for _ in range(4):  # each step of a way home is judged by probes, which takes seconds
                await watched.pass_s(10.0)
                if (await here.book()).underway is None:
                    break
            here.news = True
            await as_stored(here)
            book = await here.book()
            assert book.underway is None
            for service in book.services.values():
                assert (service.state, service.leaving, service.home) == (State.ACTIVE, (), None), service
                assert service.placement is not None
                assert len(service.placement.branches) == 1 or service.order.max_paths > 1

    run(scene)


async def any_act(here: Rig, dice: random.Random, open_drains: list[Any], names: list[ServiceId]) -> None:
    pick, now = dice.random(), here.clock.now_s()
    if pick < 0.3:
        start = now + dice.choice([0.2, 1.0])
        booked = Times(start_s=start, end_s=start + dice.choice([1.0, 4.0]), lead_s=0.3)
        target = dice.choice([BOTH, BOTH, "d1", "d2", "x", "y"])
        when = dice.choice([Times(), Times(end_s=now + 2.0), booked])
        open_drains.append((await here.run(here.controller.drain(target, when))).id)
    elif pick < 0.5 and open_drains:
        await here.run(here.controller.end_maintenance(open_drains.pop()))
    elif pick < 0.6:
        await here.run(here.twin.cut(FibreId(dice.choice(["d1", "d2", "x", "y"]))))
    elif pick < 0.8:
        await here.run(here.twin.uncut(FibreId(dice.choice(["d1", "d2", "x", "y"]))))
    elif pick < 0.88:
        change = Change(bandwidth_gbps=float(dice.randint(5, 70)))
        await here.run(here.controller.change(dice.choice(names), change, tenant=None, if_version=None))
    elif pick < 0.95:
        a, b = dice.choice([("p", "q"), ("r", "s")])
        names.append((await here.order(float(dice.randint(5, 60)), a=a, b=b, settle=False)).id)
    else:
        await here.run(here.controller.stop())
        here.controller = Controller(
            store=here.store, fabric=here.twin, clock=here.clock, lab=here.twin, execute=at_once
        )
        await here.run(here.controller.start())


async def as_stored(here: Rig) -> None:
    """Nothing is oversold, and the calendar is what the store says that it is."""
    book = await here.book()
    calendar = book.ground.calendar
    assert calendar.oversold() == []
    if not here.news:  # what there is was looked at before
        return
    here.news = False
    again = Book(here.store.load()).ground.calendar
    ahead_s = [here.clock.now_s() + after_s for after_s in (0.0, 0.3, 1.1, 3.0, 60.0)]
    for link in book.network.link:
        assert [calendar.at(link, at_s) for at_s in ahead_s] == [again.at(link, at_s) for at_s in ahead_s], link
