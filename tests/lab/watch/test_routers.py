"""Whole routers in a lab: agents start watchers, tell what they see, and leave none behind."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from highroad.agent.numbers import PROTOCOL_WATCHER, TABLE_HOPS
from highroad.gnmi.client import Election, GnmiClient
from highroad.gnmi.router import ADJACENCY_FUNCTIONS, PROTECTED_FUNCTIONS, Protection, SegmentList, protection_to_json
from highroad.lab import agents, run
from highroad.lab.namespaces import processes_in
from highroad.lab.talk import Options
from highroad.model.network import FibreId, LinkId, SiteId
from highroad.netlink.kernel import Kernel
from highroad.netlink.message import AF_INET6
from highroad.pki.peer import Role
from highroad.pki.store import Pki
from tests.lab.rig import Rig, needs_root
from tests.unit.fabric.small import backbone

pytestmark = needs_root

PATIENCE_S = 20.0


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("watched") / "lab"
    try:
        yield Rig(folder, backbone("a-b", "b-c", "a-c"), Options(entry=run.ENTRY, igp="none"))
    finally:
        asyncio.run(run.down(folder))


@pytest.fixture
def whole(rig: Rig) -> Iterator[Rig]:
    """With nothing broken, before and afterwards, and every neighbour watched."""
    until(
        lambda: all(port.get("hello-loss") is not None and is_up(port) for site in "abc" for port in ports(rig, site))
    )
    yield rig
    rig.do(rig.client.uncut(FibreId("a-b")))


def ports(rig: Rig, site: str) -> list[dict[str, Any]]:
    """The core ports of a router, as its agent tells them; nothing where none answers."""
    asker = Pki.ensure(rig.folder / "pki", at_s=time.time()).ensure_issued("reader", Role.READER, at_s=time.time())

    async def ask() -> list[dict[str, Any]]:
        client = GnmiClient(agents.address(rig.id, SiteId(site)), agents.name_of(SiteId(site)), asker, timeout_s=5)
        try:
            return [value for _, value in await client.get("/router/state/core-port")]
        finally:
            await client.close()

    found: list[dict[str, Any]] = []
    with suppress(Exception):
        told: list[Any] = asyncio.run(ask())
        for one in told:
            found += one if isinstance(one, list) else [one]
    return found


def _is_down(rig: Rig, site: str, link: str) -> bool:
    return not is_up(port(rig, site, link))


def port(rig: Rig, site: str, link: str) -> dict[str, Any]:
    return next((one for one in ports(rig, site) if one["link"] == link), {})


def is_up(told: dict[str, Any]) -> bool:
    return told.get("oper-status") == "UP"


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def watchers(rig: Rig, site: str) -> list[int]:
    """The watchers in a router."""
    found = []
    for pid in processes_in([rig.router(site)]):
        with suppress(OSError):
            if Path(f"/proc/{pid}/comm").read_text().strip() == "hr-watch":
                found.append(pid)
    return found


def test_each_router_has_one_watcher_which_hears_both_neighbours(whole: Rig) -> None:
    for site in "abc":
        assert len(watchers(whole, site)) == 1
        assert [(one["oper-status"], one["hello-loss"]) for one in ports(whole, site)] == [("UP", "0.0")] * 2


def test_a_cut_that_nobody_tells_is_told_with_its_reason_and_so_is_its_end(whole: Rig) -> None:
    before_ns = time.time_ns()
    whole.do(whole.client.cut(FibreId("a-b"), silent=True))
    for site, link in (("a", "a>b"), ("b", "b>a")):
        until(partial(_is_down, whole, site, link))
        told = port(whole, site, link)
        assert told["down-reason"] in ("silent", "one-way")
        assert before_ns <= int(told["down-since"]) <= time.time_ns()
    assert is_up(port(whole, "a", "a>c"))
    whole.do(whole.client.uncut(FibreId("a-b")))
    until(lambda: is_up(port(whole, "a", "a>b")) and is_up(port(whole, "b", "b>a")))
    assert "down-reason" not in port(whole, "a", "a>b")


def test_what_the_router_is_told_to_protect_is_led_around_a_cut_that_nobody_tells(whole: Rig) -> None:
    protect(whole)
    assert around(whole) == []
    whole.do(whole.client.cut(FibreId("a-b"), silent=True))
    until(partial(_is_down, whole, "a", "a>b"))
    told = port(whole, "a", "a>b")
    assert int(told["down-since"]) <= int(told["repaired-at"]) <= time.time_ns()
    (alias,) = around(whole)
    assert alias.endswith(f":{PROTECTED_FUNCTIONS.start:x}::/128")
    whole.do(whole.client.uncut(FibreId("a-b")))
    until(lambda: is_up(port(whole, "a", "a>b")))
    assert around(whole) == []


def protect(rig: Rig) -> None:
    """Tell router a that what goes to b goes by c while the link is lost."""
    by = {one.link: PORT_OF[one.interface] for site in "ac" for one in rig.plan.router[SiteId(site)].ports}
    detour = SegmentList(links=("a>c", "c>b"), functions=(by[LinkId("a>c")], by[LinkId("c>b")]))
    one = Protection(function=PROTECTED_FUNCTIONS.start, link="a>b", detour=detour)
    pki = Pki.ensure(rig.folder / "pki", at_s=time.time())
    speaker = pki.ensure_issued("controller", Role.CONTROLLER, at_s=time.time())

    async def tell() -> None:
        client = GnmiClient(agents.address(rig.id, SiteId("a")), "a", speaker, election=Election(id=1), timeout_s=5)
        try:
            await client.set(replace=[(f"/router/protection[function={one.function}]", protection_to_json(one))])
        finally:
            await client.close()

    asyncio.run(tell())


PORT_OF = {f"c{at}": function for at, function in enumerate(ADJACENCY_FUNCTIONS[:8])}
"""The adjacency SID of each core port."""


def around(rig: Rig) -> list[str]:
    """What router a leads around its lost links, as the kernel has it."""
    with Kernel(rig.router("a")) as kernel:
        return [one.dst for one in kernel.routes(AF_INET6, TABLE_HOPS, protocol=PROTOCOL_WATCHER)]


def test_light_that_is_lost_is_told_as_that(whole: Rig) -> None:
    whole.do(whole.client.cut(FibreId("a-b")))
    until(lambda: port(whole, "a", "a>b").get("down-reason") == "light")
    whole.do(whole.client.uncut(FibreId("a-b")))
    until(lambda: is_up(port(whole, "a", "a>b")))


def test_a_watcher_outlives_its_agent_and_is_found_by_the_next(whole: Rig) -> None:
    (watcher,) = watchers(whole, "a")
    info = {router.site: router for router in whole.do(whole.client.info()).routers}
    pid = info[SiteId("a")].pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    whole.do(whole.client.cut(FibreId("a-b"), silent=True))
    until(lambda: not is_up(port(whole, "b", "b>a")))
    until(lambda: port(whole, "a", "a>b").get("down-reason") in ("silent", "one-way"))
    assert watchers(whole, "a") == [watcher]


def test_a_watcher_that_dies_is_started_again_and_is_not_missed(whole: Rig) -> None:
    (watcher,) = watchers(whole, "a")
    before = downs(whole, "b"), downs(whole, "c")
    os.kill(watcher, signal.SIGKILL)
    until(lambda: bool(watchers(whole, "a")) and watchers(whole, "a") != [watcher])
    until(lambda: len(ports(whole, "a")) == 2 and all(is_up(one) and "hello-loss" in one for one in ports(whole, "a")))
    assert (downs(whole, "b"), downs(whole, "c")) == before


def downs(rig: Rig, site: str) -> int:
    """How often a router has lost a neighbour so far."""
    return (rig.folder / "agents" / f"{site}.log").read_text().count(" is DOWN")


def test_nothing_watches_on_a_dead_router(whole: Rig) -> None:
    whole.do(whole.client.kill_router(SiteId("c")))
    assert processes_in([whole.router("c")]) == []
    whole.do(whole.client.revive_router(SiteId("c")))
    until(lambda: len(watchers(whole, "c")) == 1)


def test_nothing_is_left_of_watchers_when_a_lab_is_taken_down(tmp_path: Path) -> None:
    made = Rig(tmp_path / "lab", backbone("a-b"), Options(entry=run.ENTRY, igp="none"))
    found = [pid for site in "ab" for pid in watchers(made, site)]
    assert len(found) == 2
    assert asyncio.run(run.down(tmp_path / "lab"))
    until(lambda: not any(Path(f"/proc/{pid}/comm").exists() for pid in found))
