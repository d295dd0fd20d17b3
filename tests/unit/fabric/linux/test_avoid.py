"""Headends are told what to avoid: those that are concerned, at once, and nothing that fights with what is planned."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from highroad.errors import Forbidden
from highroad.fabric.clock import SystemClock
from highroad.fabric.linux import avoid
from highroad.fabric.linux.compile import Half
from highroad.fabric.linux.fabric import LinuxFabric
from highroad.fabric.linux.held import Held
from highroad.gnmi import router as gnmi
from highroad.gnmi.client import Election, GnmiClient
from highroad.gnmi.path import parse
from highroad.gnmi.target import Notification
from highroad.model.network import FibreId, LinkId, SiteId
from highroad.model.policy import CandidatePath, Policy
from highroad.model.service import ServiceId, TrafficClass
from highroad.ports import Install, Replace
from highroad.ports.panel import Wire
from tests.unit.fabric.linux.routers import Bench, bench, until
from tests.unit.fabric.small import backbone, opposite, path, policy

A, B, C, D = SiteId("a"), SiteId("b"), SiteId("c"), SiteId("d")
SQUARE = backbone("a-b", "b-d", "a-c", "c-d", "a-d")

Scene = Callable[[Bench, LinuxFabric], Awaitable[None]]


def protected(service: str, *routes: str) -> Policy:
    """A policy with these ways, the first preferred, each there and back."""
    ways = [
        tuple(
            CandidatePath(preference=100 - 50 * place, segment_lists=(path(route),))
            for place, route in enumerate(directed)
        )
        for directed in (routes, [opposite(route) for route in routes])
    ]
    return replace(policy(service, routes[0]), there=ways[0], back=ways[1])


OVER_B, OVER_C = protected("s", "a>b>d", "a>c>d"), protected("s", "a>c>d", "a>d")


def play(folder: Path, scene: Scene) -> None:
    async def on_stage() -> None:
        async with bench(folder, SQUARE) as routers, routers.fabric() as fabric:
            await are_told(routers, [], A, B, C, D)
            await scene(routers, fabric)

    asyncio.run(on_stage())


def told(routers: Bench, *sites: SiteId) -> list[Sequence[str]]:
    """What these were told last."""
    return [(routers.routers[site].avoided or [["nothing yet"]])[-1] for site in sites]


async def are_told(routers: Bench, links: Sequence[str], *sites: SiteId) -> None:
    """Wait until each of these was told those of the links that its own direction goes along."""

    async def so() -> bool:
        return told(routers, *sites) == of(links, *sites)

    await until(so)


def of(links: Sequence[str], *sites: SiteId) -> list[list[str]]:
    ways = {A: {"a>b", "b>d", "a>c", "c>d"}, D: {"d>b", "b>a", "d>c", "c>a"}}
    return [[link for link in links if link in ways.get(site, ())] for site in sites]


def test_everybody_is_told_at_the_start_that_nothing_is_to_be_avoided(tmp_path: Path) -> None:
    async def scene(routers: Bench, _: LinuxFabric) -> None:
        await are_told(routers, [], A, B, C, D)

    play(tmp_path, scene)


def test_what_is_dark_is_told_to_the_headends_over_it_and_to_nobody_else(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        alone = policy("alone", "a>b")
        assert await fabric.apply([Install(policy=OVER_B), Install(policy=alone)]) == {}
        before = await fabric.read()
        counts = {site: len(router.avoided) for site, router in routers.routers.items()}
        await fabric.cut(FibreId("b-d"))
        await are_told(routers, ["b>d", "d>b"], A, D)
        assert [len(routers.routers[site].avoided) for site in (A, B, C, D)] == [
            counts[A] + 1, counts[B], counts[C], counts[D] + 1,
        ]  # fmt: skip
        assert (await fabric.read()).policies == before.policies, "which path is in use is not what is wanted"
        await fabric.cut(FibreId("a-d"))
        await asyncio.sleep(0.05)
        assert told(routers, A, D) == of(["b>d", "d>b"], A, D), "no path of theirs goes that way"

    play(tmp_path, scene)


def test_a_dead_router_is_avoided_as_its_neighbours_lose_it(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        assert await fabric.apply([Install(policy=OVER_B)]) == {}
        for neighbour, link in ((A, "a>b"), (D, "d>b")):
            routers.routers[neighbour].light(link, up=False)
        await routers.stop(B)
        await are_told(routers, ["a>b", "b>a", "b>d", "d>b"], A, D)

    play(tmp_path, scene)


def test_what_strikes_no_other_path_is_told_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(avoid, "LATER_S", 60.0)

    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        assert await fabric.apply([Install(policy=OVER_B)]) == {}
        await fabric.cut(FibreId("b-d"))
        await are_told(routers, ["b>d", "d>b"], A, D)
        await fabric.cut(FibreId("a-b"))
        await asyncio.sleep(0.2)
        assert told(routers, A, D) == of(["b>d", "d>b"], A, D), "the path over b is left already"
        await fabric.cut(FibreId("c-d"))
        await are_told(routers, ["a>b", "b>a", "b>d", "c>d", "d>b", "d>c"], A, D)

    play(tmp_path, scene)


def test_later_is_not_never(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(avoid, "LATER_S", 0.2)

    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        assert await fabric.apply([Install(policy=OVER_B)]) == {}
        await fabric.cut(FibreId("b-d"))
        await are_told(routers, ["b>d", "d>b"], A, D)
        await fabric.cut(FibreId("a-b"))
        await are_told(routers, ["a>b", "b>a", "b>d", "d>b"], A, D)

    play(tmp_path, scene)


def two_ways() -> gnmi.Policy:
    """What a router holds of a policy with two paths."""
    ways = {100: ("a>b", "b>d"), 50: ("a>c", "c>d")}
    return gnmi.Policy(
        service="s",
        attachment="s.ab",
        traffic_class=TrafficClass.ASSURED,
        guaranteed_kbps=1_000_000,
        ceiling_kbps=1_000_000,
        mtu_bytes=9000,
        remote_node=9,
        remote_function=0xF000,
        prefixes=(),
        candidate_paths=tuple(
            gnmi.CandidatePath(
                preference=number,
                segment_lists=(gnmi.SegmentList(links=links, functions=(0xE000, 0xE001)),),
            )
            for number, links in ways.items()
        ),
    )


class Deaf:
    """A router that takes long to answer."""

    connected = True

    def __init__(self) -> None:
        self.answers = asyncio.Event()

    async def avoid(self, links: Collection[LinkId]) -> None:
        await self.answers.wait()


def test_planning_waits_for_headends_that_are_being_told_but_not_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(avoid, "LONGEST_S", 30.0)

    async def scene() -> None:
        router, held = Deaf(), Held()
        held.put(A, ServiceId("s"), Half(attachment=None, policy=two_ways()))
        avoiding = avoid.Avoiding(held, {A: router}, SystemClock())
        avoiding.begin([])
        router.answers.set()
        await asyncio.wait_for(avoiding.headends_first(), 5.0)
        router.answers.clear()
        avoiding.see([LinkId("a>b")])
        waits = asyncio.create_task(avoiding.headends_first())
        await asyncio.sleep(5 * avoid.QUIET_S)
        assert not waits.done()
        router.answers.set()
        await asyncio.wait_for(waits, 5.0)
        router.answers.clear()
        monkeypatch.setattr(avoid, "LONGEST_S", 0.05)
        avoiding.see([LinkId("a>b"), LinkId("c>d")])
        await asyncio.wait_for(avoiding.headends_first(), 5.0)
        assert not router.answers.is_set()
        await avoiding.aclose()

    asyncio.run(scene())


def test_headends_are_told_while_the_lab_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was cut is asked of the lab, which may take its time; no headend waits for that."""

    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        assert await fabric.apply([Install(policy=OVER_B)]) == {}
        asked = asyncio.Event()

        async def never() -> None:
            asked.set()
            await asyncio.Event().wait()

        monkeypatch.setattr(routers.panel, "status", never)
        routers.routers[B].light("b>d", up=False)
        await asyncio.wait_for(asked.wait(), 10.0)
        routers.routers[A].light("a>b", up=False)
        await are_told(routers, ["a>b", "b>a", "b>d", "d>b"], A, D)

    play(tmp_path, scene)


def test_what_is_good_again_is_avoided_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(avoid, "GOOD_FOR_S", 0.3)

    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        assert await fabric.apply([Install(policy=OVER_B)]) == {}
        await fabric.cut(FibreId("b-d"))
        await are_told(routers, ["b>d", "d>b"], A, D)
        await fabric.uncut(FibreId("b-d"))
        good_s = time.monotonic()
        await are_told(routers, [], A, D)
        assert time.monotonic() - good_s > 0.25
        # One that flaps is avoided all along.
        count = len(routers.routers[A].avoided)
        for _ in range(3):
            await fabric.cut(FibreId("b-d"))
            await asyncio.sleep(0.05)
            await fabric.uncut(FibreId("b-d"))
            await asyncio.sleep(0.05)
        assert routers.routers[A].avoided[count:] == [["b>d"]]

    play(tmp_path, scene)


def test_a_policy_that_is_replaced_has_nothing_to_avoid_and_one_that_comes_has(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        assert await fabric.apply([Install(policy=OVER_B)]) == {}
        await fabric.cut(FibreId("b-d"))
        await are_told(routers, ["b>d", "d>b"], A, D)
        assert await fabric.apply([Replace(policy=OVER_C)]) == {}
        await are_told(routers, [], A, D)
        assert await fabric.apply([Install(policy=protected("t", "a>c>d", "a>b>d"))]) == {}
        await are_told(routers, ["b>d", "d>b"], A, D)

    play(tmp_path, scene)


def test_nothing_is_taken_back_while_policies_are_being_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(avoid, "GOOD_FOR_S", 0.0)

    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        assert await fabric.apply([Install(policy=OVER_B)]) == {}
        await fabric.cut(FibreId("b-d"))
        await are_told(routers, ["b>d", "d>b"], A, D)
        laid, going_on = asyncio.Event(), asyncio.Event()

        async def slow(wires: Sequence[Wire]) -> dict[str, str]:
            laid.set()
            await going_on.wait()
            return {}

        monkeypatch.setattr(routers.panel, "attach", slow)
        applying = asyncio.create_task(fabric.apply([Install(policy=protected("t", "a>c>d", "a>d"))]))
        await laid.wait()
        await fabric.uncut(FibreId("b-d"))
        await asyncio.sleep(0.6)
        assert told(routers, A, D) == of(["b>d", "d>b"], A, D)
        going_on.set()
        assert await applying == {}
        await are_told(routers, [], A, D)

    play(tmp_path, scene)


def test_a_router_that_is_back_is_told_again_and_all_are_from_time_to_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(avoid, "BEAT_S", 0.3)

    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        assert await fabric.apply([Install(policy=OVER_B)]) == {}
        await fabric.cut(FibreId("b-d"))
        await are_told(routers, ["b>d", "d>b"], A, D)
        await routers.stop(A)
        routers.routers[A].avoided.clear()
        await routers.serve(A)

        async def again() -> bool:
            return routers.routers[A].avoided[:1] == [["b>d"]]

        await until(again)
        count = len(routers.routers[C].avoided)

        async def beaten() -> bool:
            return len(routers.routers[C].avoided) > count + 1

        await until(beaten)

    play(tmp_path, scene)


def test_an_older_controller_is_refused(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        assert await fabric.apply([Install(policy=OVER_B)]) == {}
        routers.routers[A].avoided.clear()
        async with routers.fabric(epoch=2):
            await are_told(routers, [], A)
            count = len(routers.routers[A].avoided)
            older = GnmiClient(routers.address(A), A, routers.credentials, election=Election(id=1))
            with pytest.raises(Forbidden, match="election id 1 is fenced"):
                await older.call("Avoid", {"links": ["a>b"]}, fenced=True)
            with pytest.raises(Forbidden, match="without master arbitration"):
                await older.call("Avoid", {"links": ["a>b"]})
            assert len(routers.routers[A].avoided) == count
            await older.close()

    play(tmp_path, scene)


def test_without_hosts_a_service_is_dark_until_both_its_headends_have_flipped(tmp_path: Path) -> None:
    async def scene() -> None:
        async with bench(tmp_path, SQUARE) as routers, routers.fabric(lab=False) as fabric:
            await fabric.apply([Install(policy=OVER_B)])
            routers.routers[B].light("b>d", up=False, at_s=time.time() - 0.25)
            await are_told(routers, ["b>d", "d>b"], A, D)

            async def dark_s() -> float:
                return (await fabric.sample()).services[ServiceId("s")].dark_s

            await until(lambda: at_least(dark_s, 0.25))
            flipped(routers, A)
            before_s = await dark_s()
            await until(lambda: at_least(dark_s, before_s + 0.05))
            flipped(routers, D)
            await asyncio.sleep(0.05)
            ended_s = await dark_s()
            await asyncio.sleep(0.1)
            assert await dark_s() == ended_s

    asyncio.run(scene())


async def at_least(value: Callable[[], Awaitable[float]], least: float) -> bool:
    return await value() >= least


def flipped(routers: Bench, site: SiteId) -> None:
    place = parse("/router/state/policy[service=s]")
    updates = ((place / "active-preference", 50), (place / "flipped-at", str(time.time_ns())))
    routers.routers[site].hub.publish(Notification(timestamp_ns=time.time_ns(), updates=updates))


def test_what_a_headend_flipped_by_itself_is_observed_and_is_no_change(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        assert await fabric.apply([Install(policy=OVER_B)]) == {}
        place = parse("/router/state/policy[service=s]")
        for site, at_ns in ((A, 1_700_000_000_500_000_000), (D, 1_700_000_001_000_000_000)):
            updates = ((place / "active-preference", 50), (place / "flipped-at", str(at_ns)))
            routers.routers[site].hub.publish(Notification(timestamp_ns=at_ns, updates=updates))

        async def seen() -> bool:
            return (await fabric.read()).flipped_s == {ServiceId("s"): 1_700_000_001.0}

        await until(seen)
        assert (await fabric.read()).policies == {"s": OVER_B}
        for site in (A, D):
            deletes = (place / "flipped-at", place / "flip-reason")
            told_home = Notification(timestamp_ns=1, updates=((place / "active-preference", 100),), deletes=deletes)
            routers.routers[site].hub.publish(told_home)

        async def home() -> bool:
            return (await fabric.read()).flipped_s == {}

        await until(home)

    play(tmp_path, scene)
