"""Ways around links reach routers before policies go by them, and leave after; what is right is not told again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from pathlib import Path

from highroad.fabric.linux.fabric import LinuxFabric
from highroad.gnmi.router import PROTECTED_FUNCTIONS, Intended
from highroad.model.network import LinkId, SiteId
from highroad.model.policy import LocalRepair
from highroad.model.service import ServiceId
from highroad.ports import Install, Withdraw
from tests.unit.fabric.linux.routers import Bench, bench, until
from tests.unit.fabric.small import backbone, policy

A, B, C, D = (SiteId(name) for name in "abcd")
Scene = Callable[[Bench, LinuxFabric], Awaitable[None]]
FENCED = replace(policy("f", "a>b>d"), fence="US")
FREE = policy("s", "a>b>d")


def repair(link: str, *around: str, fence: str = "") -> LocalRepair:
    return LocalRepair(link=LinkId(link), fence=fence, links=tuple(map(LinkId, around)))


AB = repair("a>b", "a>c", "c>b")
BD = repair("b>d", "b>c", "c>d")
BD_US = repair("b>d", "b>a", "a>d", fence="US")


def play(folder: Path, scene: Scene) -> None:
    async def run() -> None:
        async with (
            bench(folder, backbone("a-b", "b-d", "a-c", "c-d", "b-c", "a-d")) as routers,
            routers.fabric() as fabric,
        ):
            await scene(routers, fabric)

    asyncio.run(run())


def functions(routers: Bench, service: str = "s", site: SiteId = A) -> tuple[int, ...]:
    """What the headend goes by."""
    return routers.routers[site].intended.policies[service].candidate_paths[0].segment_lists[0].functions


def protected(routers: Bench, site: SiteId) -> dict[tuple[str, str], int]:
    return {(one.link, one.fence): number for number, one in routers.routers[site].intended.protections.items()}


def sets(routers: Bench) -> int:
    return sum(len(router.writes) for router in routers.routers.values())


def test_policies_go_by_what_is_protected_for_their_fence(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        await fabric.protect((AB, BD, BD_US))
        assert await fabric.apply([Install(policy=FREE), Install(policy=FENCED)]) == {}
        ab, bd, us = (
            protected(routers, A)["a>b", ""],
            protected(routers, B)["b>d", ""],
            protected(routers, B)["b>d", "US"],
        )
        assert functions(routers) == (ab, bd)
        plain = functions(routers, "f")[0]
        assert plain not in PROTECTED_FUNCTIONS, "no way around it stays inside the fence"
        assert functions(routers, "f") == (plain, us)
        detour = routers.routers[B].intended.protections[us].detour
        assert detour.links == ("b>a", "a>d")
        assert not set(detour.functions) & set(PROTECTED_FUNCTIONS)
        assert (await fabric.read()).policies == {"s": FREE, "f": FENCED}
        async with routers.fabric(epoch=2) as successor:
            assert (await successor.read()).policies == {"s": FREE, "f": FENCED}

    play(tmp_path, scene)


def test_what_is_so_is_not_told_again_by_this_controller_nor_by_the_next(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        await fabric.protect((AB, BD))
        assert await fabric.apply([Install(policy=FREE)]) == {}
        told = sets(routers)
        await fabric.protect((AB, BD))
        await fabric.protect([BD, AB])
        async with routers.fabric(epoch=2) as successor:
            opened = sets(routers)
            await successor.protect((AB, BD))
            await successor.apply([Install(policy=FREE)])
            assert sets(routers) == opened
        assert told <= opened

    play(tmp_path, scene)


def test_a_policy_moves_over_when_its_link_is_protected_and_back_when_it_is_not(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        assert await fabric.apply([Install(policy=FREE)]) == {}
        plain = functions(routers)
        before = await fabric.read()
        await fabric.protect((AB, BD))
        number = protected(routers, B)["b>d", ""]
        assert functions(routers)[1] == number
        await fabric.protect((AB, replace(BD, links=(LinkId("b>a"), LinkId("a>d")))))
        assert functions(routers)[1] == number, "another way is the same SID"
        assert routers.routers[B].intended.protections[number].detour.links == ("b>a", "a>d")
        await fabric.protect((AB,))
        assert functions(routers)[1] == plain[1]
        assert protected(routers, B) == {}
        # All that while the policy was the same.
        assert not (await fabric.read(before.revision)).policies
        await fabric.protect((AB, BD))
        assert functions(routers)[1] == protected(routers, B)["b>d", ""] != number, "numbers are given in turn"

    play(tmp_path, scene)


def test_a_router_that_is_away_is_told_when_it_is_back(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        assert await fabric.apply([Install(policy=FREE)]) == {}
        await routers.stop(B)
        await until(lambda: _lost(fabric, B))
        await fabric.protect((AB, BD))
        assert functions(routers)[0] in PROTECTED_FUNCTIONS
        assert functions(routers)[1] not in PROTECTED_FUNCTIONS, "nobody goes by what a router does not have"
        await routers.serve(B)
        await until(lambda: _back(fabric))
        await fabric.protect((AB, BD))
        assert functions(routers)[1] == protected(routers, B)["b>d", ""]

    play(tmp_path, scene)


def test_nothing_is_taken_from_under_a_headend_that_cannot_be_told(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        await fabric.protect((AB, BD))
        assert await fabric.apply([Install(policy=FREE)]) == {}
        await routers.stop(A)
        await until(lambda: _lost(fabric, A))
        await fabric.protect((AB,))
        assert ("b>d", "") in protected(routers, B)
        await routers.serve(A)
        await until(lambda: _back(fabric))
        await fabric.protect((AB,))
        assert protected(routers, B) == {}
        assert functions(routers)[1] not in PROTECTED_FUNCTIONS

    play(tmp_path, scene)


def test_what_somebody_takes_away_is_put_back(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        await fabric.protect((AB, BD))
        assert await fabric.apply([Install(policy=FREE)]) == {}
        await routers.stop(B)
        await until(lambda: _lost(fabric, B))
        routers.routers[B].intended = Intended()
        await routers.serve(B)
        await until(lambda: _back(fabric))
        await fabric.protect((AB, BD))
        assert functions(routers) == (protected(routers, A)["a>b", ""], protected(routers, B)["b>d", ""])

    play(tmp_path, scene)


def test_a_service_that_goes_leaves_what_others_go_by(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        await fabric.protect((AB, BD))
        assert await fabric.apply([Install(policy=FREE), Install(policy=policy("t", "b>d"))]) == {}
        assert await fabric.apply([Withdraw(service=ServiceId("s"))]) == {}
        await fabric.protect((BD,))
        assert protected(routers, A) == {}
        assert functions(routers, "t", B) == (protected(routers, B)["b>d", ""],)

    play(tmp_path, scene)


async def _lost(fabric: LinuxFabric, site: SiteId) -> bool:
    return site in fabric.troubles


async def _back(fabric: LinuxFabric) -> bool:
    return not fabric.troubles
