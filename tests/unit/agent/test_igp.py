"""BIRD makes three routers reach each other, is started again when it dies, and outlives an agent that is killed."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from highroad.agent import igp
from highroad.agent.config import AgentConfig, CorePort, Igp, Tls
from highroad.agent.igp import Bird, configuration
from tests.unit.agent.namespaces import Namespaces, inside, run
from tests.unit.agent.running import in_loop

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")


def router(folder: Path, name: str, node: int, *ports: CorePort) -> AgentConfig:
    return AgentConfig(
        name=name,
        site=name,
        node=node,
        sid_block="fc00::/32",
        rate_scale=1.0,
        listen=(),
        tls=Tls(certificate=folder, key=folder, authority=folder),
        state=folder / name,
        igp=Igp.BIRD,
        core_ports=ports,
        customer_ports={},
    )


def port(interface: str, subnet: str, *, first: bool, latency_ms: float) -> CorePort:
    ends = (f"{subnet}::1", f"{subnet}::")
    return CorePort(
        interface=interface,
        link=interface,
        address=ends[not first],
        prefix_len=127,
        neighbour=ends[first],
        capacity_gbps=1.0,
        latency_ms=latency_ms,
        function=0xE000,
    )


class Three:
    """a - b - c in a row, and a long way from a to c."""

    def __init__(self, spaces: Namespaces, folder: Path) -> None:
        self.names = {name: spaces.add(name) for name in "abc"}
        a, b, c = (self.names[name] for name in "abc")
        spaces.join(a, "to-b", b, "to-a", subnet="fd00:1")
        spaces.join(b, "to-c", c, "to-b", subnet="fd00:2")
        spaces.join(a, "to-c", c, "to-a", subnet="fd00:3")
        for node, name in enumerate("abc", start=1):
            run("ip", "-n", self.names[name], "addr", "add", f"fc00:0:{node}::1/128", "dev", "lo")
        self.configs = {
            "a": router(
                folder,
                "a",
                1,
                port("to-b", "fd00:1", first=True, latency_ms=5.0),
                port("to-c", "fd00:3", first=True, latency_ms=40.0),
            ),
            "b": router(
                folder,
                "b",
                2,
                port("to-a", "fd00:1", first=False, latency_ms=5.0),
                port("to-c", "fd00:2", first=True, latency_ms=5.0),
            ),
            "c": router(
                folder,
                "c",
                3,
                port("to-b", "fd00:2", first=False, latency_ms=5.0),
                port("to-a", "fd00:3", first=False, latency_ms=40.0),
            ),
        }
        for config in self.configs.values():
            config.state.mkdir()

    def way(self, name: str, to_node: int) -> str:
        """How a router would send to another's loopback."""
        argv = ["ip", "-n", self.names[name], "-6", "route", "get", f"fc00:0:{to_node}::1"]
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout

    async def reaches(self, name: str, to_node: int, via: str) -> None:
        for _ in range(150):
            if f"dev {via}" in self.way(name, to_node) and self.pings(name, to_node):
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{name} does not reach node {to_node} by {via}: {self.way(name, to_node)}")

    def pings(self, name: str, to_node: int) -> bool:
        """Whether a loopback answers ours: ways to the ports of others are nobody's business."""
        ours = f"fc00:0:{self.configs[name].node}::1"
        argv = [
            "ip",
            "netns",
            "exec",
            self.names[name],
            "ping",
            "-c",
            "1",
            "-W",
            "1",
            "-I",
            ours,
            f"fc00:0:{to_node}::1",
        ]
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0


@pytest.fixture
def three(tmp_path: Path) -> Iterator[Three]:
    with Namespaces() as spaces:
        yield Three(spaces, tmp_path)


async def started(three: Three, name: str) -> Bird:
    """A BIRD in a namespace: the thread goes in, the child stays there."""
    bird = Bird(three.configs[name])
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    there = os.open(f"/run/netns/{three.names[name]}", os.O_RDONLY)
    try:
        setns(there)
        await bird.start()
    finally:
        setns(home)
        os.close(home)
        os.close(there)
    return bird


def setns(fd: int) -> None:
    import ctypes

    if ctypes.CDLL(None, use_errno=True).setns(fd, 0x4000_0000):
        raise OSError(ctypes.get_errno(), "setns")


@in_loop
async def test_routers_reach_each_other_by_the_quicker_way(three: Three) -> None:
    birds = {name: await started(three, name) for name in "abc"}
    await three.reaches("a", 2, via="to-b")
    await three.reaches("a", 3, via="to-b")
    assert "proto bird" in inside(three.names["a"], "ip", "-6", "route", "show", "fc00:0:3::/48")
    run("ip", "-n", three.names["b"], "link", "set", "to-c", "down")
    await three.reaches("a", 3, via="to-c")
    for bird in birds.values():
        await bird.stop()
        assert bird.pid is None
    assert not run("ip", "netns", "pids", three.names["b"]).split()
    assert "proto bird" not in inside(three.names["a"], "ip", "-6", "route")


@in_loop
async def test_it_is_started_again_when_it_dies(three: Three) -> None:
    bird = await started(three, "a")
    first = bird.pid
    assert first is not None
    # What starts it again is this thread, which has left the namespace meanwhile: as in an agent, stay in it.
    fd = os.open(f"/run/netns/{three.names['a']}", os.O_RDONLY)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    setns(fd)
    try:
        os.kill(first, signal.SIGKILL)
        for _ in range(100):
            await asyncio.sleep(0.05)
            if bird.pid not in (None, first):
                break
        assert bird.pid not in (None, first)
        await bird.stop()
    finally:
        setns(home)


@in_loop
async def test_an_agent_that_is_killed_leaves_it_running_and_the_next_one_finds_it(three: Three) -> None:
    birds = {name: await started(three, name) for name in "abc"}
    await three.reaches("a", 3, via="to-b")
    pid = birds["a"].pid
    await birds["a"].stop(leave=True)
    again = await started(three, "a")
    assert again.pid == pid
    await three.reaches("a", 3, via="to-b")
    await again.stop(leave=True)
    slow = replace(three.configs["a"].core_ports[0], latency_ms=90.0)
    three.configs["a"] = replace(three.configs["a"], core_ports=(slow, three.configs["a"].core_ports[1]))
    told_anew = await started(three, "a")
    assert told_anew.pid == pid
    await three.reaches("a", 3, via="to-c")
    for bird in (birds["b"], birds["c"], told_anew):
        await bird.stop()


@in_loop
async def test_without_bird_it_says_so_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *args, **more: None)
    bird = Bird(router(tmp_path, "a", 1, port("x", "fd00:1", first=True, latency_ms=1.0)))
    (tmp_path / "a").mkdir()
    await bird.start()
    await bird.stop()
    assert bird.pid is None
    assert "BIRD 2 is not installed: apt install bird2" in caplog.text


@in_loop
async def test_a_file_that_bird_does_not_take_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(igp, "configuration", lambda config, folder: "protocol nonsense;\n")
    (tmp_path / "a").mkdir()
    bird = Bird(router(tmp_path, "a", 1, port("x", "fd00:1", first=True, latency_ms=1.0)))
    await bird.start()
    await bird.stop()
    assert "BIRD does not start: bird: " in caplog.text
    assert "syntax error" in caplog.text


def test_the_file_says_who_it_is_and_what_links_cost(tmp_path: Path) -> None:
    config = router(
        tmp_path,
        "a",
        1025,
        port("to-b", "fd00:1", first=True, latency_ms=5.123),
        port("to-c", "fd00:1", first=True, latency_ms=9999.0),
        port("to-d", "fd00:1", first=True, latency_ms=0.0001),
    )
    text = configuration(config, config.state)
    assert "router id 0.0.4.1;" in text
    assert "stubnet fc00:0:401::/48" in text
    assert [line.split("cost ")[1].split(";")[0] for line in text.splitlines() if "cost" in line] == [
        "0",
        "512",
        "65535",
        "1",
    ]


@in_loop
async def test_no_way_around_leads_to_a_neighbours_port(three: Three) -> None:
    """While the link is dark, or an adjacency SID would be sent that way even after it is lit again."""
    birds = [await started(three, name) for name in "abc"]
    await three.reaches("a", 2, via="to-b")
    run("ip", "-n", three.names["b"], "link", "set", "to-a", "down")
    await three.reaches("a", 2, via="to-c")
    known = inside(three.names["a"], "ip", "-6", "route", "show", "proto", "bird")
    assert "fc00:0:2::/48" in known
    assert "fd00:" not in known
    for bird in birds:
        await bird.stop()
