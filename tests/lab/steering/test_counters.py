"""What the router counts is what a plain socket at the far end counts, to the packet and to the byte."""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from socket import AF_INET

import pytest

from highroad.agent.counters import AttachmentCount, Counters, Passed, ServiceCount, SidCount
from highroad.model.service import ServiceKind
from highroad.netlink import namespace
from tests.lab.steering.rig import FAMILIES, Service, awake, far, hosts, kernel_of, offer, service, space, zigzag
from tests.lab.steering.traffic import Frames, lane, opened
from tests.support.routers import Chain, Router, chain

SLOW_KBPS = 4_000


@dataclass(frozen=True)
class Counted:
    chain: Chain
    plain: Service
    slow: Service
    wire: Service

    def service(self, one: Service) -> ServiceCount:
        """At the headend."""
        return _counters(self.chain.routers[0]).service(one.out.service)

    def delivered(self, one: Service) -> AttachmentCount:
        """At the far end."""
        return _counters(self.chain.routers[2]).attachment(one.there.id)

    @contextmanager
    def delivering(self, one: Service) -> Iterator[Callable[[], Passed]]:
        """What has been delivered since, without what the router itself says to its neighbours on that wire."""
        with Frames(space(self.chain, one, "there"), "e0", neighbours=True) as wire:
            before = self.delivered(one).delivered
            own: list[bytes] = []

            def since() -> Passed:
                now = self.delivered(one).delivered
                own.extend(wire.taken())
                return Passed(
                    octets=now.octets - before.octets - sum(len(frame) - 14 for frame in own),
                    packets=now.packets - before.packets - len(own),
                )

            yield since


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Counted]:
    with ExitStack() as undo:
        made = undo.enter_context(chain(3, tmp_path_factory.mktemp("routers")))
        plain = service("plain", 1, 1, 3, lists=(zigzag(1, 3, 2), zigzag(1, 3, 8)), weights=(1, 1))
        slow = service("slow", 2, 1, 3, rate_kbps=SLOW_KBPS)
        wire = service("wire", 3, 1, 3, kind=ServiceKind.ETHERNET)
        hosts(made, undo, plain, slow, wire)
        offer(made, plain, slow, wire)
        for one in (plain, slow):
            for family in FAMILIES:
                assert awake(made, one, family)
        yield Counted(chain=made, plain=plain, slow=slow, wire=wire)


@pytest.mark.parametrize("family", FAMILIES)
def test_datagrams(counted: Counted, family: int) -> None:
    made, one, header = counted.chain, counted.plain, 28 if family == AF_INET else 48
    before = counted.service(one)
    sizes = [1 + 37 * number % 8900 for number in range(500)]
    with ExitStack() as undo:
        way = undo.enter_context(lane(space(made, one, "here"), space(made, one, "there"), far(one, family)))
        delivered = undo.enter_context(counted.delivering(one))
        sources = [undo.enter_context(opened(space(made, one, "here"), family)) for _ in range(20)]
        for number, size in enumerate(sizes):
            sources[number % 20].sendto(bytes(size), way.to)
        came = way.sink.wait(len(sizes))
        there = delivered()
    assert [len(came), sum(map(len, came))] == [len(sizes), sum(sizes)]
    octets = sum(sizes) + header * len(sizes)
    after = counted.service(one)
    assert after.carried.packets - before.carried.packets == len(came)
    assert after.carried.octets - before.carried.octets == octets
    assert sum(part.packets for part in after.lists) == after.carried.packets
    assert all(now.packets > was.packets for now, was in zip(after.lists, before.lists, strict=True))
    assert after.lost == before.lost
    assert there == Passed(octets=octets, packets=len(came))


@pytest.mark.parametrize("family", FAMILIES)
def test_tcp_whose_packets_the_kernel_keeps_together(counted: Counted, family: int) -> None:
    """64 kB at once on the sender's side: counted as the packets that they are, with all their headers."""
    made, one = counted.chain, counted.plain
    before = counted.service(one)
    size = 4 << 20
    with ExitStack() as undo:
        delivered = undo.enter_context(counted.delivering(one))
        listening = undo.enter_context(opened(space(made, one, "there"), family, socket.SOCK_STREAM))
        sending = undo.enter_context(opened(space(made, one, "here"), family, socket.SOCK_STREAM))
        listening.bind((far(one, family), 0))
        listening.listen()
        sending.settimeout(20)
        sending.connect((far(one, family), listening.getsockname()[1]))
        receiving, _ = listening.accept()
        undo.enter_context(receiving)
        receiving.settimeout(20)
        came = 0
        for _ in range(size >> 16):
            sending.sendall(bytes(1 << 16))
            came += len(receiving.recv(1 << 20))
        sending.shutdown(socket.SHUT_WR)
        while part := receiving.recv(1 << 20):
            came += len(part)
        assert came == size
        # A busy host says twice that it has no more, and the second may be on its way: read until nothing comes.
        read = (_segments_in(receiving), _sent_again(sending), counted.service(one), delivered())
        for _ in range(50):
            time.sleep(0.02)
            last, read = read, (_segments_in(receiving), _sent_again(sending), counted.service(one), delivered())
            if read == last:
                break
        segments, again, after, there = read
    header = 52 if family == AF_INET else 72
    # The first segment has 8 bytes more of options.
    octets = size + again + segments * header + 8
    assert after.lost == before.lost
    assert after.carried.packets - before.carried.packets == segments
    assert after.carried.octets - before.carried.octets == octets
    assert there == Passed(octets=octets, packets=segments)


def test_a_flood(counted: Counted) -> None:
    """More than the rate: what was sent is what was carried and what was dropped; what was carried arrived."""
    made, one, size = counted.chain, counted.slow, 1000
    before, sent = counted.service(one), 1500
    with lane(space(made, one, "here"), space(made, one, "there"), far(one, AF_INET)) as way:
        for _ in range(sent):
            way.send(bytes(size - 28))
        came = way.sink.wait(sent, 1.0)
        middle = counted.service(one)
        assert middle.waiting.packets == 0
    carried = middle.carried.packets - before.carried.packets
    lost = middle.lost.packets - before.lost.packets
    assert (carried + lost, carried) == (sent, len(came))
    assert lost > 500
    assert middle.carried.octets - before.carried.octets == len(came) * size


def test_frames(counted: Counted) -> None:
    made, one = counted.chain, counted.wire
    before = counted.service(one)
    frames = [b"\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x88\xb5" + bytes(46 + 80 * n) for n in range(100)]
    with ExitStack() as undo:
        delivered = undo.enter_context(counted.delivering(one))
        receiver = undo.enter_context(Frames(space(made, one, "there"), "e0"))
        sender = undo.enter_context(Frames(space(made, one, "here"), "e0"))
        for frame in frames:
            sender.send(frame)
        came = [frame for frame in receiver.wait(len(frames)) if frame in frames]
        there = delivered()
    assert len(came) == len(frames)
    octets = sum(map(len, frames)) - 14 * len(frames)
    after = counted.service(one)
    assert after.carried.packets - before.carried.packets == len(frames)
    assert after.carried.octets - before.carried.octets == octets
    assert there == Passed(octets=octets, packets=len(frames))


def test_sids_and_links(counted: Counted) -> None:
    """Each adjacency SID of the path, the far end's own, and the core port by class."""
    made, one = counted.chain, counted.slow
    routers = made.routers
    before = [_sids(router) for router in routers]
    port = _counters(routers[1]).port("right")
    with lane(space(made, one, "here"), space(made, one, "there"), far(one, AF_INET)) as way:
        assert way.passes(20, 200) == 20
    moved = [
        {sid: count.passed.packets - was[sid].passed.packets for sid, count in _sids(router).items()}
        for router, was in zip(routers, before, strict=True)
    ]
    assert {sid: packets for sid, packets in moved[0].items() if packets} == {"fc00:0:e000::/48": 20}
    assert {sid: packets for sid, packets in moved[1].items() if packets} == {"fc00:0:e001::/48": 20}
    assert {sid: packets for sid, packets in moved[2].items() if packets} == {"fc00:0:f002::/48": 20}
    now = _counters(routers[1]).port("right")
    assert now.classes["assured"][0].packets - port.classes["assured"][0].packets == 20
    # Each with 28 bytes of its own, the outer header and Ethernet's.
    assert now.classes["assured"][0].octets - port.classes["assured"][0].octets == 20 * (228 + 40 + 14)


def _counters(router: Router) -> Counters:
    with kernel_of(router) as kernel, namespace.entered_by_name(router.namespace):
        devices = {one.name: one.index for one in kernel.links()}
        counters = Counters(kernel, router.config, lambda: devices, now_s=0.0)
        counters.read(router.intended, interfaces=True)
        return counters


def _sids(router: Router) -> dict[str, SidCount]:
    with kernel_of(router) as kernel, namespace.entered_by_name(router.namespace):
        return {one.sid: one for one in Counters(kernel, router.config, dict, now_s=0.0).sids()}


def _segments_in(receiving: socket.socket) -> int:
    """Segments that a connection has received, the first one included (tcpi_segs_in of struct tcp_info)."""
    info = receiving.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return int(struct.unpack_from("=I", info, 140)[0])


def _sent_again(sending: socket.socket) -> int:
    """Bytes that a connection has sent more than once (tcpi_bytes_retrans): it probes for an answer that is late."""
    info = sending.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    return int(struct.unpack_from("=Q", info, 208)[0])
