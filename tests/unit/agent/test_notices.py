"""What wakes an agent: changes of what is ours by somebody else, and nothing of what a busy host does all day."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from dataclasses import replace

import pytest

from highroad.agent.config import AgentConfig, CorePort
from highroad.agent.notices import Notices, PortLight
from highroad.netlink.kernel import Kernel
from highroad.watch.talk import PortReport, Reason
from tests.unit.agent.namespaces import Namespaces, run
from tests.unit.agent.rig import until
from tests.unit.agent.running import in_loop
from tests.unit.agent.test_config import config_of
from tests.unit.agent.test_igp import setns

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")


def config() -> AgentConfig:
    port: CorePort = replace(config_of().core_ports[0], interface="right")
    return replace(config_of(), core_ports=(port,))


class Room:
    """A namespace that the test is in, with somebody who listens."""

    def __init__(self, name: str, far: str) -> None:
        self.name, self.far = name, far
        self.kernel = Kernel()
        self.notices = Notices(self.kernel, config(), down_since_ns={})
        self.woken = 0
        self.light: list[tuple[str, PortLight]] = []
        self.notices.start(
            on_light=lambda interface, light: self.light.append((interface, light)),
            on_amiss=self._wake,
            is_ours=lambda interface: interface in ("right", "cust1"),
        )

    def _wake(self) -> None:
        self.woken += 1

    async def wakes(self, *commands: str) -> bool:
        """Whether the commands (of ip or tc) wake it."""
        await asyncio.sleep(0.05)
        self.woken = 0
        for command in commands:
            program, *words = command.split()
            run(program, "-n", self.name, *words)
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        return self.woken > 0

    def close(self) -> None:
        self.notices.close()
        self.kernel.close()


@pytest.fixture
def spaces() -> Iterator[tuple[str, str]]:
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    with Namespaces() as made:
        here, far = made.add("here"), made.add("far")
        made.join(here, "right", far, "left", subnet="fd00:1")
        there = os.open(f"/run/netns/{here}", os.O_RDONLY)
        setns(there)
        yield here, far
        setns(home)
        os.close(there)
    os.close(home)


@in_loop
async def test_changes_of_ours_wake_and_others_do_not(spaces: tuple[str, str]) -> None:
    room = Room(*spaces)
    quiet = [
        "ip route add 192.0.2.0/24 dev right",
        "ip -6 route add fc00:0:9::/48 via fd00:1:: proto bird",
        "ip -6 route replace fc00:0:9::/48 via fd00:1:: proto bird metric 1024 mtu 1400",
        "ip -6 route del fc00:0:9::/48",
        "ip route del 192.0.2.0/24",
        "ip nexthop add id 5 dev right",
        "ip nexthop del id 5",
        "ip link add x1 type veth peer x2",
        "ip link set x1 up",
        "ip link set x2 up",
        "ip link set x1 mtu 1400",
        "ip link del x1",
    ]
    for command in quiet:
        assert not await room.wakes(command), command
    ours = [
        "ip -6 route add fc00:0:9::/48 dev right proto 72",
        "ip -6 route del fc00:0:9::/48",
        "ip route add 192.0.2.0/24 dev right proto 72",
        "ip route replace 192.0.2.0/24 dev right proto 72 mtu 1400",
        "ip route del 192.0.2.0/24",
        "ip nexthop add id 5 dev right proto 72",
        "ip nexthop del id 5",
        "ip rule add pref 7 iif right lookup 7 protocol 72",
        "ip rule del pref 7",
        "tc qdisc add dev right root handle 1: htb default 1",
        "tc class add dev right parent 1: classid 1:1 htb rate 1mbit",
        "tc class change dev right parent 1: classid 1:1 htb rate 2mbit",
        "tc class del dev right classid 1:1",
        "tc qdisc del dev right root",
        "tc qdisc add dev right clsact",
        "tc filter add dev right ingress prio 1 u32 match u32 0 0 flowid 1:1",
        "tc filter del dev right ingress prio 1",
        "tc qdisc del dev right clsact",
        "ip addr add fd00:7::1/128 dev right",
        "ip addr del fd00:7::1/128 dev right",
        "ip link add cust1 type veth peer y1",
        "ip link set cust1 name other",
        "ip link set other name cust1",
        "ip link del cust1",
    ]
    for command in ours:
        assert await room.wakes(command), command
    room.close()


@in_loop
async def test_what_we_change_ourselves_does_not_wake_us(spaces: tuple[str, str]) -> None:
    room = Room(*spaces)
    with room.notices.by_us():
        assert not await room.wakes("ip route add 192.0.2.0/24 dev right proto 72")
        run("ip", "-n", room.name, "route", "del", "192.0.2.0/24")
    assert not await room.wakes()
    assert await room.wakes("ip route add 192.0.2.0/24 dev right proto 72")
    room.close()


@in_loop
async def test_light_comes_and_goes_and_interfaces_are_known(spaces: tuple[str, str]) -> None:
    room = Room(*spaces)
    assert room.notices.light["right"].up
    for command in (
        ("ip", "-n", room.far, "link", "set", "left", "down"),
        ("ip", "-n", room.far, "link", "set", "left", "up"),
        ("ip", "-n", room.name, "link", "set", "right", "name", "wrong"),
        ("ip", "-n", room.name, "link", "set", "wrong", "name", "right"),
        ("ip", "-n", room.name, "link", "del", "right"),
    ):
        seen = len(room.light)
        run(*command)
        await until("it was told", lambda seen=seen: len(room.light) > seen)
    assert [light.up for _, light in room.light] == [False, True, False, True, False]
    times = [light.since_ns for _, light in room.light]
    assert times == sorted(times)
    assert "right" not in room.notices.links
    before = room.notices.links
    run("ip", "-n", room.name, "link", "add", "cust1", "mtu", "1400", "type", "veth", "peer", "y1")
    room.notices.refresh()
    assert room.notices.links["cust1"].mtu == 1400
    assert room.notices.devices["cust1"] == room.notices.links["cust1"].index
    assert "cust1" not in before
    room.close()


@in_loop
async def test_a_port_carries_where_there_is_light_and_the_neighbour_is_not_missed(spaces: tuple[str, str]) -> None:
    room = Room(*spaces)
    link = config().core_ports[0].link
    silent = PortReport(
        interface="right", up=False, watched=True, since_ns=5, reason=Reason.SILENT, repaired_ns=7, loss=0.0
    )
    room.notices.hear(silent)
    assert room.light == [
        ("right", PortLight(up=False, since_ns=5, reason=Reason.SILENT, repaired_ns=7, loss=0.0)),
    ]
    assert room.notices.dark_links() == [link]
    assert room.notices.light["right"].up
    room.notices.hear(silent)  # nothing new
    room.notices.hear(replace(silent, interface="elsewhere"))
    assert len(room.light) == 1
    room.notices.hear(replace(silent, up=True, since_ns=9, reason=None, repaired_ns=None))
    assert room.light[1][1].up
    assert room.notices.dark_links() == []
    run("ip", "-n", room.far, "link", "set", "left", "down")
    await until("it is dark", lambda: len(room.light) == 3)
    dark = room.notices.port("right")
    assert not dark.up
    # the watcher has seen the same, a moment before or after: since when is told once
    room.notices.hear(replace(silent, since_ns=dark.since_ns + 1000, reason=Reason.LIGHT, repaired_ns=8))
    assert room.notices.port("right") == replace(dark, reason=Reason.LIGHT, repaired_ns=8)
    run("ip", "-n", room.far, "link", "set", "left", "up")
    await until("there is light", lambda: room.notices.light["right"].up)
    assert not room.notices.port("right").up  # until the watcher has seen it to be good
    assert room.notices.port("right").since_ns == dark.since_ns
    room.close()
