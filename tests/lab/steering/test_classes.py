"""A service's class is in the outer header and in the queues of every router on the way; the inner one is its own."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from socket import AF_INET

import pytest

from highroad.agent.numbers import CORE_CLASSES, DSCP
from highroad.model.service import ServiceKind, TrafficClass
from highroad.netlink.qdisc import HtbClass
from tests.lab.steering.rig import FAMILIES, Service, awake, far, hosts, kernel_of, offer, service, space
from tests.lab.steering.traffic import PORT, Frames, opened, outer_of
from tests.support.routers import Chain, Router, chain

PACKETS = 10
INNER = 46 << 2
"""What a customer would like best."""

_IPV6_RECVTCLASS, _IPV6_TCLASS = 66, 67


@dataclass(frozen=True)
class Classed:
    chain: Chain
    services: dict[TrafficClass, Service]
    wire: Service


@pytest.fixture(scope="module")
def classed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Classed]:
    with ExitStack() as undo:
        made = undo.enter_context(chain(3, tmp_path_factory.mktemp("routers")))
        services = {one: service(one.value, one.rank + 1, 1, 3, traffic_class=one) for one in TrafficClass}
        wire = service("wire", 9, 1, 3, kind=ServiceKind.ETHERNET, traffic_class=TrafficClass.BULK)
        hosts(made, undo, *services.values(), wire)
        for end in ("here", "there"):
            # Or its hosts' own reports and solicitations go along it, and are counted.
            made.run(f"wire.{end}", "sysctl", "-qw", "net.ipv6.conf.e0.disable_ipv6=1")
        offer(made, *services.values(), wire)
        yield Classed(chain=made, services=services, wire=wire)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("traffic_class", TrafficClass)
def test_the_class_is_outside_and_the_customers_own_inside(
    classed: Classed, traffic_class: TrafficClass, family: int
) -> None:
    made, one = classed.chain, classed.services[traffic_class]
    assert awake(made, one, family)
    before = [_queues(router) for router in made.routers[:2]]
    with ExitStack() as undo:
        wires = [undo.enter_context(Frames(f"{made.prefix}-r{number}", "right")) for number in (1, 2)]
        sending = undo.enter_context(opened(space(made, one, "here"), family))
        receiving = undo.enter_context(opened(space(made, one, "there"), family))
        level, mark, told = (
            (0, socket.IP_TOS, socket.IP_RECVTOS) if family == AF_INET
            else (socket.IPPROTO_IPV6, _IPV6_TCLASS, _IPV6_RECVTCLASS)
        )  # fmt: skip
        sending.setsockopt(level, mark, INNER)
        receiving.setsockopt(level, told, 1)
        receiving.bind((far(one, family), PORT))
        receiving.settimeout(5)
        for number in range(PACKETS):
            sending.sendto(bytes([number]), (far(one, family), PORT))
            _, ancillary, _, _ = receiving.recvmsg(100, 100)
            [(_, _, value)] = ancillary
            assert value[0] == INNER, "the customer's own mark arrives"
        for wire in wires:
            outers = [outer for frame in wire.wait(PACKETS, outgoing=True) if (outer := outer_of(frame)) is not None]
            marks = [outer.dscp for outer in outers if outer.inner[-1] < PACKETS]
            assert marks == [DSCP[traffic_class]] * PACKETS
    minor = CORE_CLASSES[traffic_class]
    for router, was in zip(made.routers[:2], before, strict=True):
        moved = {queue: packets - was[queue] for queue, packets in _queues(router).items() if packets != was[queue]}
        assert moved.pop(minor) == PACKETS
        assert not set(moved) - {CORE_CLASSES[None]}, "and in no other queue but that of routers"


def test_a_tunnels_packets_have_their_class_too(classed: Classed) -> None:
    made = classed.chain
    frame = b"\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x88\xb5" + bytes(60)
    with (
        Frames(f"{made.prefix}-r2", "right") as wire,
        Frames(space(made, classed.wire, "here"), "e0") as sender,
        Frames(space(made, classed.wire, "there"), "e0") as receiver,
    ):
        sender.send(frame)
        assert receiver.wait_for(frame)
        outers = [outer for sent in wire.taken(outgoing=True) if (outer := outer_of(sent)) is not None]
        assert [outer.dscp for outer in outers if outer.inner.endswith(frame)] == [DSCP[TrafficClass.BULK]]


def _queues(router: Router) -> dict[int, int]:
    """How many packets each class of a core port has sent."""
    with kernel_of(router) as kernel:
        return {
            one.handle & 0xFFFF: one.stats.packets
            for one in kernel.classes(kernel.index("right"))
            if isinstance(one, HtbClass) and one.stats is not None and one.handle & 0xFFFF != 1
        }
