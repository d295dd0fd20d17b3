"""What the fabric's steering stands on: a program marks and classes, a redirect shapes, a rule by mark steers.

customer -> att [ingress: program (mark, priority), then everything -> ifb] -> ifb [HTB, class by priority]
         -> att again [rule by mark -> table] -> left or right
"""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable

import pytest

from highroad.netlink import address, bpf_syscall, link, qdisc, route, rule
from highroad.netlink import filter as filters
from highroad.netlink.bpf import (
    DW,
    NETWORK,
    R0,
    R1,
    R2,
    R3,
    R6,
    R7,
    R8,
    R10,
    TC_ACT_UNSPEC,
    B,
    H,
    Helper,
    Program,
    Skb,
)
from highroad.netlink.message import AF_INET, AF_INET6
from tests.lab.netlink.conftest import Space

ROOT = qdisc.handle(1)
LEFT_PORT, RIGHT_PORT = 5001, 5002
RATES = {LEFT_PORT: 1_250_000, RIGHT_PORT: 6_250_000}
HOSTS = {AF_INET: "10.9.9.9", AF_INET6: "fd09::9"}


class Triangle:
    """A router between a customer and two hosts that have the same address."""

    def __init__(self, spaces: Callable[[], Space]) -> None:
        self.router, self.customer, self.left, self.right = (spaces() for _ in range(4))
        router = self.router
        router.forward()
        self.index: dict[str, int] = {}
        for number, (name, space) in enumerate(
            [("att", self.customer), ("left", self.left), ("right", self.right)], start=1
        ):
            space.shell("sysctl -qw net.ipv6.conf.default.accept_dad=0")
            router.join(name, space, "eth0", mtu=9000)
            self.index[name] = router.up(name, f"10.0.{number}.1/24", f"fd00:{number}::1/64")
            far = space.up("eth0", f"10.0.{number}.2/24", f"fd00:{number}::2/64")
            space.up("lo")
            space.kernel.do(
                [
                    route.create(route.Route(dst="0.0.0.0/0", via=f"10.0.{number}.1", dev=far)),
                    route.create(route.Route(dst="::/0", via=f"fd00:{number}::1", dev=far)),
                ]
            )
            if space is not self.customer:
                space.kernel.do(
                    [
                        address.create(address.Address(address="10.9.9.9", prefix_len=32, index=1)),
                        address.create(address.Address(address="fd09::9", prefix_len=128, index=1)),
                    ]
                )
        router.kernel.do([link.ifb("shape", mtu=9600)])
        self.shape = router.kernel.index("shape")
        router.kernel.do([link.set_link(self.shape, up=True, addrgen="none", queue_length=1000)])
        self._steer()

    def _steer(self) -> None:
        kernel, index = self.router.kernel, self.index
        for mark, name in ((1, "left"), (2, "right")):
            via = mark + 1
            kernel.do(
                [
                    route.create(route.Route(dst="10.9.9.9", via=f"10.0.{via}.2", dev=index[name], table=1000 + mark)),
                    route.create(route.Route(dst="fd09::9", via=f"fd00:{via}::2", dev=index[name], table=1000 + mark)),
                    *(
                        rule.create(
                            rule.Rule(family=family, priority=100 + mark, iif="att", fwmark=mark, table=1000 + mark)
                        )
                        for family in (AF_INET, AF_INET6)
                    ),
                ]
            )
        kernel.do(
            [
                qdisc.create(qdisc.Clsact(index=index["att"])),
                qdisc.create(qdisc.Htb(index=self.shape, handle=ROOT)),
                *(
                    qdisc.create(
                        qdisc.HtbClass(
                            index=self.shape, handle=qdisc.handle(1, port & 3), parent=ROOT, rate_bps=rate, burst=15000
                        )
                    )
                    for port, rate in RATES.items()
                ),
            ]
        )

    def attach(self, program: Program) -> None:
        """Everything that comes in at `att` is shown to the program and then sent through the shaper."""
        fd = bpf_syscall.load(program.assemble(), bpf_syscall.SCHED_CLS, "steer")
        att = self.index["att"]
        self.router.kernel.do(
            [
                filters.create(filters.BpfFilter(index=att, parent=qdisc.INGRESS, priority=1, name="steer", fd=fd)),
                filters.create(filters.U32(index=att, parent=qdisc.INGRESS, priority=2, redirect=self.shape)),
            ]
        )

    def stats(self, minor: int) -> qdisc.TcStats:
        (found,) = [c for c in self.router.kernel.classes(self.shape) if c.handle == qdisc.handle(1, minor)]
        assert found.stats is not None
        return found.stats


@pytest.fixture
def triangle(spaces: Callable[[], Space]) -> Triangle:
    return Triangle(spaces)


def _by_port() -> Program:
    """Mark and class are the two lowest bits of the destination port of UDP and TCP; the rest passes as it is."""
    program = Program()
    program.move(R6, R1)
    program.packet(12, H)
    program.jump_if("==", R0, 0x0800, "four")
    program.jump_if("==", R0, 0x86DD, "six")
    program.answer(TC_ACT_UNSPEC)
    program.label("four")
    program.packet(NETWORK + 9, B)
    program.move(R8, R0)
    program.packet(NETWORK + 22, H)
    program.jump("check")
    program.label("six")
    program.packet(NETWORK + 6, B)
    program.move(R8, R0)
    program.packet(14 + 42, H)
    program.label("check")
    program.jump_if("==", R8, socket.IPPROTO_UDP, "set")
    program.jump_if("==", R8, socket.IPPROTO_TCP, "set")
    program.answer(TC_ACT_UNSPEC)
    program.label("set")
    program.move(R7, R0)
    program.alu("&", R7, 3)
    program.store(R6, Skb.MARK, R7)
    program.alu("|", R7, ROOT)
    program.store(R6, Skb.PRIORITY, R7)
    program.label("pass")
    program.answer(TC_ACT_UNSPEC)
    return program


@pytest.mark.parametrize("family", [AF_INET, AF_INET6], ids=["ipv4", "ipv6"])
def test_the_mark_steers_and_the_priority_shapes(triangle: Triangle, family: int) -> None:
    """Two TCP flows to one address: each gets to its own host, at the rate of its own class."""
    triangle.attach(_by_port())
    received: dict[int, tuple[int, float]] = {}

    def receive(space: Space, port: int) -> threading.Thread:
        listener = space.run(lambda: socket.create_server(("", port), family=family))

        def work() -> None:
            with listener, listener.accept()[0] as flow:
                first, total = 0.0, 0
                while data := flow.recv(1 << 16):
                    first = first or time.monotonic()
                    total += len(data)
                received[port] = (total, time.monotonic() - first)

        thread = threading.Thread(target=work)
        thread.start()
        return thread

    def send(port: int, size: int) -> None:
        with triangle.customer.socket(family, socket.SOCK_STREAM) as flow:
            flow.settimeout(20)
            flow.connect((HOSTS[family], port))
            flow.sendall(bytes(size))

    threads = [receive(triangle.left, LEFT_PORT), receive(triangle.right, RIGHT_PORT)]
    senders = [threading.Thread(target=send, args=(port, rate * 2)) for port, rate in RATES.items()]
    for thread in senders:
        thread.start()
    for thread in (*senders, *threads):
        thread.join()
    for port, rate in RATES.items():
        total, took_s = received[port]
        assert total == rate * 2
        assert 0.85 * rate < total / took_s < 1.05 * rate


@pytest.mark.parametrize("family", [AF_INET, AF_INET6], ids=["ipv4", "ipv6"])
def test_a_class_counts_every_packet_and_14_bytes_of_ethernet_with_it(triangle: Triangle, family: int) -> None:
    triangle.attach(_by_port())
    headers = 14 + (20 if family == AF_INET else 40) + 8
    with triangle.left.socket(family) as far, triangle.customer.socket(family) as near:
        far.bind(("", LEFT_PORT))
        for number in range(50):
            near.sendto(bytes(100), (HOSTS[family], LEFT_PORT))
            assert far.recv(200) == bytes(100), number
    stats = triangle.stats(1)
    assert (stats.packets, stats.bytes) == (50, 50 * (100 + headers))
    assert triangle.stats(2).packets == 0


def test_a_super_packet_is_counted_as_the_packets_in_it(triangle: Triangle) -> None:
    """UDP_SEGMENT hands ten packets over as one: the class counts ten, each with its headers, and the host gets ten."""
    triangle.attach(_by_port())
    udp_segment = 103
    with triangle.left.socket(AF_INET) as far, triangle.customer.socket(AF_INET) as near:
        far.bind(("", LEFT_PORT))
        near.setsockopt(socket.IPPROTO_UDP, udp_segment, 100)
        near.sendto(bytes(1000), (HOSTS[AF_INET], LEFT_PORT))
        for _ in range(10):
            assert far.recv(2000) == bytes(100)
    stats = triangle.stats(1)
    assert (stats.packets, stats.bytes) == (10, 10 * (100 + 14 + 20 + 8))


def test_what_a_program_sees_of_a_super_packet_at_ingress(triangle: Triangle) -> None:
    """The size and number of its packets can be read; `wire_len` is only the super packet without Ethernet."""
    fields = (Skb.LEN, Skb.WIRE_LEN, Skb.GSO_SEGS, Skb.GSO_SIZE, Skb.HASH)
    seen = bpf_syscall.create_map(bpf_syscall.ARRAY, key_size=4, value_size=8, entries=len(fields))
    program = Program()
    program.move(R6, R1)
    program.packet(12, H)
    program.jump_if("!=", R0, 0x0800, "pass")
    program.packet(NETWORK + 9, B)
    program.jump_if("!=", R0, socket.IPPROTO_UDP, "pass")
    program.move(R1, R6)
    program.call(Helper.GET_HASH_RECALC)
    for place, field in enumerate(fields):
        program.load(R7, R6, field)
        program.store(R10, -4, place)
        program.map(R1, seen)
        program.move(R2, R10)
        program.alu("+", R2, -4)
        program.call(Helper.MAP_LOOKUP)
        program.jump_if("==", R0, 0, "pass")
        program.store(R0, 0, R7, DW)
    program.label("pass")
    program.answer(TC_ACT_UNSPEC)
    triangle.attach(program)
    with triangle.customer.socket(AF_INET) as near:
        near.setsockopt(socket.IPPROTO_UDP, 103, 100)
        near.sendto(bytes(1000), (HOSTS[AF_INET], LEFT_PORT))
    found = [
        struct.unpack("=Q", bpf_syscall.lookup(seen, struct.pack("=I", place), 8) or b"")[0]
        for place in range(len(fields))
    ]
    whole = 1000 + 20 + 8
    assert found[:4] == [whole + 14, whole, 10, 100]
    assert found[4] != 0


def test_too_big_a_packet_is_known_by_the_size_of_its_parts(triangle: Triangle) -> None:
    """A super packet of 1400-byte parts is no larger than 1500, one 2000-byte packet is."""
    seen = bpf_syscall.create_map(bpf_syscall.ARRAY, key_size=4, value_size=8, entries=1)
    program = Program()
    program.move(R6, R1)
    program.load(R7, R6, Skb.GSO_SIZE)
    program.jump_if("!=", R7, 0, "pass")
    program.load(R7, R6, Skb.LEN)
    program.jump_if("<=", R7, 1514, "pass")
    program.store(R10, -4, 0)
    program.map(R1, seen)
    program.move(R2, R10)
    program.alu("+", R2, -4)
    program.call(Helper.MAP_LOOKUP)
    program.jump_if("==", R0, 0, "pass")
    program.move(R3, 1)
    program.add_to(R0, 0, R3)
    program.label("pass")
    program.answer(TC_ACT_UNSPEC)
    triangle.attach(program)
    with triangle.customer.socket(AF_INET) as near:
        near.sendto(bytes(2000), (HOSTS[AF_INET], LEFT_PORT))
        near.setsockopt(socket.IPPROTO_UDP, 103, 1400)
        near.sendto(bytes(14000), (HOSTS[AF_INET], LEFT_PORT))
    assert bpf_syscall.lookup(seen, bytes(4), 8) == struct.pack("=Q", 1)
