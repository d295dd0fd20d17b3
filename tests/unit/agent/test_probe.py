"""Ping and trace follow the policy, on real packets: there and back, over long ways, with sums that hold at the end."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import IPv6Address
from types import MappingProxyType
from typing import Any

import pytest

from highroad.agent import echo
from highroad.agent.config import AgentConfig, address_in
from highroad.agent.probe import Prober
from highroad.errors import Invalid, NotFound
from highroad.gnmi.router import CandidatePath, Intended, SegmentList
from tests.unit.agent.namespaces import Namespaces, run
from tests.unit.agent.running import in_loop
from tests.unit.agent.test_config import config_of
from tests.unit.agent.test_igp import setns
from tests.unit.agent.told import policy

root = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

BLOCK = "fc00::/32"


class Ring:
    """Routers 1..n in a ring, uA 0xe000 clockwise and 0xe001 the other way, with an IGP of static routes clockwise."""

    def __init__(self, spaces: Namespaces, size: int) -> None:
        self.size = size
        self.names = [spaces.add(str(node)) for node in range(1, size + 1)]
        for name in self.names:
            run("ip", "-n", name, "link", "add", "hr-out", "mtu", "9800", "type", "veth", "peer", "hr-in")
            for end in ("hr-out", "hr-in"):
                run(
                    "ip",
                    "-n",
                    name,
                    "link",
                    "set",
                    end,
                    "address",
                    "02:48:72:00:00:01",
                    "arp",
                    "off",
                    "mtu",
                    "9800",
                    "up",
                )
        for at, name in enumerate(self.names):
            spaces.join(name, "right", self.names[(at + 1) % size], "left", subnet=f"fd00:{at + 1:x}")
        for at, name in enumerate(self.names):
            before = (at - 1) % size
            self.route(name, f"{address_in(BLOCK, 0xE000)}/48", f"fd00:{at + 1:x}::")
            self.route(name, f"{address_in(BLOCK, 0xE001)}/48", f"fd00:{before + 1:x}::1")
            for last in ("", "1"):
                run("ip", "-n", name, "addr", "add", f"{address_in(BLOCK, at + 1)}{last}/128", "dev", "hr-in")
            for other in range(size):
                if other != at:
                    argv = ["via", f"fd00:{at + 1:x}::"]
                    run("ip", "-n", name, "-6", "route", "add", f"{address_in(BLOCK, other + 1)}/48", *argv)

    @staticmethod
    def route(name: str, sid: str, neighbour: str) -> None:
        action = ["encap", "seg6local", "action", "End.X", "nh6", neighbour]
        flavour = ["flavors", "next-csid", "lblen", "32", "nflen", "16", "count"]
        run("ip", "-n", name, "-6", "route", "add", sid, *action, *flavour, "dev", "hr-out")


@pytest.fixture
def home() -> Iterator[None]:
    """Whatever namespace the test goes to, the thread comes back."""
    fd = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    yield
    setns(fd)
    os.close(fd)


def enter(name: str) -> None:
    fd = os.open(f"/run/netns/{name}", os.O_RDONLY)
    setns(fd)
    os.close(fd)


def prober(node: int, functions: tuple[int, ...], remote: int, links: tuple[str, ...] = ()) -> Prober:
    config: AgentConfig = replace(config_of(), node=node, name=str(node), sid_block=BLOCK)
    segments = SegmentList(links=links, functions=functions)
    paths = (CandidatePath(preference=100, segment_lists=(segments,)),)
    one = replace(policy(1), candidate_paths=paths, remote_node=remote)
    told = Intended(policies=MappingProxyType({"s1": one}))
    return Prober(config, lambda: told)


@root
@in_loop
async def test_it_goes_round_along_the_path_there_and_the_path_back(home: None) -> None:
    with Namespaces() as spaces:
        ring = Ring(spaces, 4)
        enter(ring.names[0])
        # Clockwise to 3, and home by the way that it came, not by the IGP's.
        measured = await prober(1, (0xE000, 0xE000), 3).ping(
            {"service": "s1", "count": 3, "interval-ms": 5, "size": 1200, "back": [0xE001, 0xE001]}
        )
        assert [one["sequence"] for one in measured["echoes"]] == [1, 2, 3]
        assert all(0 < one["rtt-ms"] < 50 for one in measured["echoes"])
        assert crossed(ring, 0) == (3, 0)
        assert crossed(ring, 1) == (3, 3)
        assert crossed(ring, 2) == (0, 3)
        assert crossed(ring, 3) == (0, 0)


def crossed(ring: Ring, at: int) -> tuple[int, int]:
    """Packets through a router's two adjacency SIDs."""
    shown = run("ip", "-n", ring.names[at], "-s", "-6", "route", "show", "dev", "hr-out")
    counts = {}
    for line in shown.splitlines():
        if "End.X" in line:
            sid = line.split()[0]
            counts[sid] = int(line.split("packets ")[1].split()[0])
    return counts["fc00:0:e000::/48"], counts["fc00:0:e001::/48"]


@root
@in_loop
async def test_without_a_way_back_the_far_router_answers(home: None) -> None:
    with Namespaces() as spaces:
        ring = Ring(spaces, 4)
        enter(ring.names[0])
        measured = await prober(1, (0xE000, 0xE000), 3).ping({"service": "s1", "count": 2, "interval-ms": 1})
        assert all(0 < one["rtt-ms"] < 50 for one in measured["echoes"])


@root
@in_loop
async def test_trace_names_every_hop_and_says_where_it_ends(home: None) -> None:
    with Namespaces() as spaces:
        ring = Ring(spaces, 4)
        enter(ring.names[0])
        one = prober(1, (0xE000, 0xE000, 0xE000), 4, ("a>b", "b>c", "c>d"))
        traced = await one.trace({"service": "s1", "nodes": [2, 3, 4]})
        assert [(hop["link"], hop["site"]) for hop in traced["hops"]] == [("a>b", "b"), ("b>c", "c"), ("c>d", "d")]
        assert all(0 < hop["rtt-ms"] < 50 for hop in traced["hops"])
        blind = await one.trace({"service": "s1"})
        assert [hop["rtt-ms"] is not None for hop in blind["hops"]] == [False, False, True]
        # A wire that goes dark in silence: what lies behind it does not answer, what lies before it does.
        run("ip", "-n", ring.names[1], "-6", "route", "del", "fc00:0:e000::/48")
        run("ip", "-n", ring.names[1], "-6", "route", "add", "blackhole", "fc00:0:e000::/48")
        traced = await one.trace({"service": "s1", "nodes": [2, 3, 4]})
        assert [hop["rtt-ms"] is not None for hop in traced["hops"]] == [True, False, False]


@root
@in_loop
async def test_longer_ways_than_an_address_holds_take_a_routing_header(home: None) -> None:
    with Namespaces() as spaces:
        ring = Ring(spaces, 5)
        enter(ring.names[0])
        for rounds in (5, 6, 7, 12, 13, 17):
            there = (0xE000,) * rounds
            last = 1 + rounds % 5
            if last == 1:
                continue
            one = prober(1, there, last, tuple(f"x>{at}" for at in range(rounds)))
            measured = await one.ping({"service": "s1", "count": 1, "back": [0xE001] * rounds})
            assert measured["echoes"][0]["rtt-ms"] is not None, rounds
            nodes = [1 + (at + 1) % 5 for at in range(rounds)]
            traced = await one.trace({"service": "s1", "nodes": nodes})
            assert all(hop["rtt-ms"] is not None for hop in traced["hops"]), (rounds, traced)


@root
@in_loop
async def test_the_sum_holds_for_whoever_checks_it_at_the_far_end(home: None) -> None:
    with Namespaces() as spaces:
        ring = Ring(spaces, 3)
        enter(ring.names[2])
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x86DD))
        wire.bind(("left", 0x86DD))
        wire.settimeout(5)
        enter(ring.names[0])
        # An odd size, so that the padding of the sum matters.
        await prober(1, (0xE000, 0xE000), 3).ping({"service": "s1", "count": 1, "size": 333})
        with wire:
            arrived = wire.recv(2000)
            while arrived[40] != echo.REQUEST:
                arrived = wire.recv(2000)
        assert (len(arrived), arrived[24:40]) == (333, IPv6Address("fc00:0:3::").packed)
        assert echo.checksum(arrived[8:40] + struct.pack("!II", len(arrived) - 40, 58) + arrived[40:]) == 0


@in_loop
async def test_wrong_requests_are_told_everything_at_once() -> None:
    one = prober(1, (0xE000, 0xE000), 3)
    with pytest.raises(Invalid) as caught:
        await one.ping({"service": "s1", "count": 0, "interval-ms": "x", "back": [5], "colour": 1, "size": 10**9})
    assert {finding.place for finding in caught.value.findings} == {"count", "interval-ms", "back", "colour", "size"}
    with pytest.raises(Invalid, match="has 1 routers, and the path has 2 hops"):
        await one.trace({"service": "s1", "nodes": [5]})
    with pytest.raises(NotFound, match="steers no service 's2'"):
        await one.trace({"service": "s2"})
    with pytest.raises(Invalid, match="service: has to be a word"):
        await one.trace({})


def test_the_checksum_is_the_internets() -> None:
    # The example of RFC 1071, section 3.
    assert echo.checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0xFFFF - 0xDDF2
    made = packet(size_bytes=99)
    icmp = made[40:]
    pseudo = made[8:24] + IPv6Address("fc00:0:9::").packed + struct.pack("!II", len(icmp), 58)
    assert echo.checksum(pseudo + icmp) == 0
    assert len(made) == 99


def packet(**more: Any) -> bytes:
    fields: dict[str, Any] = {
        "source": "fc00:0:7::",
        "way": ["fc00:0:e000:9::"],
        "last": "fc00:0:9::",
        "kind": echo.REQUEST,
        "cookie": b"12345678",
        "number": 70_000,
        "size_bytes": 64,
        "dscp": 46,
    }
    return echo.packet(**(fields | more))


def test_the_routing_header_has_the_segments_backwards() -> None:
    made = packet(way=["fc00:0:1::", "fc00:0:2::", "fc00:0:3::"])
    assert made[6] == 43
    assert made[24:40] == IPv6Address("fc00:0:1::").packed
    assert made[40:48] == bytes([58, 6, 4, 2, 2, 0, 0, 0])
    assert [str(IPv6Address(made[48 + 16 * at : 64 + 16 * at])) for at in range(3)] == [
        "fc00:0:3::",
        "fc00:0:2::",
        "fc00:0:1::",
    ]
    assert made[0] == 0x6B
    assert made[1] == 0x80
    assert echo.parsed(bytes([129]) + made[97:]) == echo.Echo(cookie=b"12345678", number=70_000)
    assert echo.parsed(made[96:]) is None
