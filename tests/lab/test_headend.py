"""A router dies, and both headends of a service flip to the path around it: told by a controller, or by their own
probes without one. Plain sockets behind the customers' ports say what was lost.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import ExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from highroad.errors import Forbidden, HighroadError
from highroad.fabric.linux.fabric import LinuxFabric
from highroad.gnmi.client import Election, GnmiClient
from highroad.gnmi.target import Kind
from highroad.lab.client import LabClient
from highroad.lab.talk import RouterInfo
from highroad.model.network import FibreId, SiteId
from highroad.model.policy import Policy
from highroad.model.service import PortId, ServiceId
from highroad.netlink.kernel import Kernel
from highroad.netlink.nexthop import NexthopGroup
from highroad.pki.peer import Role
from highroad.pki.store import Pki
from highroad.ports import Install, Replace
from tests.contract.fabric.routers import lab_of
from tests.lab.rig import needs_root
from tests.lab.steering.traffic import Lane, Stream, lane
from tests.unit.fabric.linux.test_avoid import protected
from tests.unit.fabric.small import backbone

pytestmark = needs_root

S, A, C, D = ServiceId("s"), SiteId("a"), SiteId("c"), SiteId("d")
RING = backbone("a-b", "b-c", "c-d", "a-e", "e-d", "b-f", "f-d")
WAYS = ("a>b>c>d", "a>e>d")
A_SECOND = 500
PATIENCE_S = 20.0


@dataclass(frozen=True)
class Stage:
    """A service over a lab, with plain sockets at both its ends, both ways."""

    folder: Path
    fabric: LinuxFabric
    panel: LabClient
    routers: dict[SiteId, RouterInfo]
    lanes: tuple[Lane, ...]

    async def in_use(self) -> dict[SiteId, tuple[int, str | None]]:
        """The preference that each headend uses, and why not another, as it says itself."""
        return {site: await self._in_use(site) for site in (A, D)}

    async def _in_use(self, site: SiteId) -> tuple[int, str | None]:
        client = self.client(site, election=None)
        try:
            ((_, told),) = await client.get(f"/router/state/policy[service={S}]", kind=Kind.STATE)
        finally:
            await client.close()
        return told["active-preference"], told.get("flip-reason")

    def client(self, site: SiteId, *, election: int | None) -> GnmiClient:
        """A controller's connection of its own."""
        pki = Pki.ensure(self.folder / "lab" / "pki", at_s=time.time())
        credentials = pki.ensure_issued("controller", Role.CONTROLLER, at_s=time.time())
        reach = self.routers[site]
        return GnmiClient(
            reach.address, reach.name, credentials, election=None if election is None else Election(id=election)
        )

    def groups(self, site: SiteId) -> dict[int, NexthopGroup]:
        """Where a router's kernel sends its policies."""
        with Kernel(self.routers[site].namespace) as kernel:
            return {one.id: one for one in kernel.nexthops() if isinstance(one, NexthopGroup)}

    async def agent(self, site: SiteId) -> int | None:
        """The process of a router's agent."""
        return next(one.pid for one in (await self.panel.info()).routers if one.site == site)


def play(folder: Path, scene: Callable[[Stage], Awaitable[None]], *, first: Policy | None = None) -> None:
    async def on_stage() -> None:
        async with staged(folder, first or over(*WAYS)) as stage:
            await scene(stage)

    asyncio.run(on_stage())


@asynccontextmanager
async def staged(folder: Path, policy: Policy) -> AsyncIterator[Stage]:
    async with lab_of(folder, RING) as (fabric, _):
        assert await fabric.apply([Install(policy=policy)]) == {}
        await fabric.offer(S, 0.0)
        status = await fabric.status()
        panel = await LabClient.connect(folder / "lab")
        routers = {one.site: one for one in (await panel.info()).routers}
        with ExitStack() as undo:
            lanes = []
            for here, far in ((A, D), (D, A)):
                near_end, far_end = fabric.attachment(here, S), fabric.attachment(far, S)
                assert near_end is not None
                assert far_end is not None
                from_host, to_host = (status.hosts[PortId(end.port)] for end in (near_end, far_end))
                lanes.append(undo.enter_context(lane(from_host, to_host, far_end.addresses.ce4, port=7000)))
            stage = Stage(folder=folder, fabric=fabric, panel=panel, routers=routers, lanes=tuple(lanes))
            until_s = time.monotonic() + PATIENCE_S
            while [one.passes(2, timeout_s=0.3) for one in lanes] != [2, 2]:
                assert time.monotonic() < until_s
            yield stage


def over(*routes: str) -> Policy:
    """The service along these, the first preferred, wide enough for the test's packets."""
    return replace(protected("s", *routes), guaranteed_gbps=50.0, ceiling_gbps=50.0)


async def until(done: Callable[[], Awaitable[bool]]) -> None:
    until_s = time.monotonic() + PATIENCE_S
    while not await done():
        assert time.monotonic() < until_s
        await asyncio.sleep(0.02)


async def is_told(stage: Stage, site: SiteId, links: set[str]) -> bool:
    """Whether a controller has said to a router that it is to avoid these."""
    client = stage.client(site, election=None)
    try:
        ((_, state),) = await client.get("/router/state", kind=Kind.STATE)
    finally:
        await client.close()
    return set(state.get("avoided-link", ())) == links


async def is_reported(stage: Stage, site: SiteId, links: set[str]) -> bool:
    """Whether a router has heard that these links, of those that its policies cross, are lost."""
    client = stage.client(site, election=None)
    try:
        ((_, state),) = await client.get("/router/state", kind=Kind.STATE)
    finally:
        await client.close()
    return set(state.get("reported-link", ())) == links


async def uses(stage: Stage, preference: int) -> bool:
    return [number for number, _ in (await stage.in_use()).values()] == [preference] * 2


async def arrives(stage: Stage) -> None:
    """Wait until packets pass both ways."""
    await until(lambda: asyncio.to_thread(lambda: [one.passes(2, timeout_s=0.2) for one in stage.lanes] == [2, 2]))


@pytest.mark.parametrize("silent", [False, True], ids=["light", "silent"])
def test_a_router_dies_and_is_back(tmp_path: Path, silent: bool) -> None:
    """With a controller: both flip, at once; the repair that follows moves nothing; nor does what comes back."""

    async def scene(stage: Stage) -> None:
        fabric = stage.fabric
        before = await fabric.read()
        stream = Stream(stage.lanes, A_SECOND)
        with stream:
            await asyncio.sleep(0.3)
            await fabric.kill_router(C, silent=silent)
            await until(lambda: uses(stage, 50))
            await asyncio.sleep(0.2)
        lost = len(stream.lost())
        print(f"the death of a router cost {lost} of {2 * stream.sent} packets at {A_SECOND} a second each way")
        assert 0 < lost < stream.sent / 2, "it was noticed, and it was short"
        # No port of its own is dark: other routers said so, unless on a busy machine somebody else was quicker.
        assert (await stage.in_use())[A] in [(50, "reported"), (50, "avoided"), (50, "probe")]
        await until(lambda: is_told(stage, A, {"b>c", "c>d"}))
        assert (await fabric.read()).policies == before.policies
        assert set((await fabric.read()).flipped_s) == {S}
        held = [stage.groups(site) for site in (A, D)]
        with Stream(stage.lanes, A_SECOND) as repair:
            assert await fabric.apply([Replace(policy=over("a>e>d", "a>b>f>d"))]) == {}
            await until(lambda: uses(stage, 100))
            assert [stage.groups(site) for site in (A, D)] == held, "what was the backup carries on"
            await asyncio.sleep(0.1)
            await fabric.revive_router(C)
            await asyncio.sleep(3.0)
        assert repair.lost() == []
        assert (await fabric.read()).flipped_s == {}

    play(tmp_path, scene)


def test_a_second_failure_and_the_way_home(tmp_path: Path) -> None:
    """The path around fails too while nothing has been replaced; then everything comes back, the service as well."""

    async def scene(stage: Stage) -> None:
        fabric = stage.fabric
        await fabric.cut(FibreId("b-c"))
        await until(lambda: uses(stage, 50))
        await arrives(stage)
        await fabric.cut(FibreId("e-d"))
        await until(lambda: uses(stage, 0))
        await arrives(stage)
        with Stream(stage.lanes, A_SECOND) as stream:
            await fabric.uncut(FibreId("b-c"))
            await fabric.uncut(FibreId("e-d"))
            await until(lambda: uses(stage, 100))
            await asyncio.sleep(0.2)
        assert stream.lost() == [], "the way back is as any planned one"

    play(tmp_path, scene, first=over("a>b>c>d", "a>e>d", "a>b>f>d"))


@pytest.mark.parametrize("silent", [False, True], ids=["light", "silent"])
def test_a_router_dies_and_there_is_no_controller(tmp_path: Path, silent: bool) -> None:
    """The dead router's neighbours tell the headends, each of its own link."""

    async def scene(stage: Stage) -> None:
        await stage.fabric.aclose()
        await asyncio.sleep(1.0)
        stream = Stream(stage.lanes, A_SECOND)
        with stream:
            await asyncio.sleep(0.2)
            await stage.panel.kill_router(C, silent=silent)
            await until(lambda: uses(stage, 50))
            await asyncio.sleep(0.2)
        lost = len(stream.lost())
        print(f"the death of a router, headless, cost {lost} of {2 * stream.sent} packets at {A_SECOND} a second")
        assert 0 < lost < stream.sent / 2
        assert (await stage.in_use())[A] == (50, "reported")
        assert await is_reported(stage, A, {"b>c"})
        # The agent dies too, and comes again: it knows nothing, and touches nothing.
        held = stage.groups(A)
        pid = await stage.agent(A)
        assert pid is not None
        with Stream(stage.lanes, A_SECOND) as calm:
            os.kill(pid, signal.SIGKILL)
            await until(lambda: _is_another(stage, pid))
            assert stage.groups(A) == held
            assert (await stage.in_use())[A] == (50, "avoided")
            await asyncio.sleep(1.0)
            assert stage.groups(A) == held
        assert calm.lost() == []

    play(tmp_path, scene)


def test_a_router_that_lost_one_link_is_not_taken_for_dead(tmp_path: Path) -> None:
    """The service passes it by others, and stays where it is; what it does not cross it does not hear of."""

    async def scene(stage: Stage) -> None:
        await stage.fabric.aclose()
        with Stream(stage.lanes, A_SECOND) as stream:
            await stage.panel.cut(FibreId("b-f"), silent=True)
            await asyncio.sleep(1.0)
            assert await uses(stage, 100)
            assert await is_reported(stage, A, set())
        assert stream.lost() == []
        await stage.panel.cut(FibreId("b-c"), silent=True)
        await until(lambda: uses(stage, 50))
        assert await is_reported(stage, A, {"b>c"})
        assert await is_reported(stage, D, {"c>b"})
        await stage.panel.uncut(FibreId("b-c"))
        await until(lambda: is_reported(stage, A, set()))
        await until(lambda: uses(stage, 100))

    play(tmp_path, scene)


async def _is_another(stage: Stage, pid: int) -> bool:
    try:
        return await stage.agent(A) not in (pid, None) and (await stage.in_use())[A][0] > 0
    except HighroadError:
        return False


def test_a_controller_that_was_replaced_flips_nobody(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        newer, older = stage.client(A, election=7), stage.client(A, election=1)
        await newer.set()
        assert await newer.call("Avoid", {"links": ["b>c"]}, fenced=True) == {"flipped": 1}
        assert (await stage.in_use())[A] == (50, "avoided")
        with pytest.raises(Forbidden, match="election id 1 is fenced"):
            await older.call("Avoid", {"links": []}, fenced=True)
        assert (await stage.in_use())[A] == (50, "avoided")
        ((_, links),) = await newer.get("/router/state/avoided-link", kind=Kind.STATE)
        assert links == ["b>c"]
        assert await newer.call("Avoid", {"links": []}, fenced=True) == {"flipped": 0}
        await newer.close()
        await older.close()

    play(tmp_path, scene)
