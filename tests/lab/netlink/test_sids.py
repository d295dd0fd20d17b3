"""SIDs with real packets: what a headend puts on is walked hop by hop by micro SIDs, and every SID counts exactly."""

from __future__ import annotations

import socket
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import pytest

from highroad.netlink import nexthop, route, seg6
from highroad.netlink.message import AF_INET, AF_INET6
from tests.lab.netlink.conftest import Space

USID = (32, 16)
PACKETS, SIZE = 40, 200


@dataclass(frozen=True, kw_only=True)
class Chain:
    """customer -- one -- two -- three -- far"""

    customer: Space
    one: Space
    two: Space
    three: Space
    far: Space


@pytest.fixture
def chain(spaces: Callable[[], Space]) -> Chain:
    customer, one, two, three, far = row = [spaces() for _ in range(5)]
    for space in row:
        space.up("lo")
        space.forward()
    for number, (left, right) in enumerate(pairwise(row)):
        left.join("right", right, "left", mtu=9600 if number in (1, 2) else 9000)
        left.up("right", f"10.0.{number}.1/24", f"fd00:{number}::1/64")
        right.up("left", f"10.0.{number}.2/24", f"fd00:{number}::2/64")
    customer_out, far_out = customer.kernel.index("right"), far.kernel.index("left")
    customer.kernel.do(
        [
            route.create(route.Route(dst="10.0.3.0/24", via="10.0.0.2", dev=customer_out)),
            route.create(route.Route(dst="fd00:3::/64", via="fd00:0::2", dev=customer_out)),
        ]
    )
    far.kernel.do([route.create(route.Route(dst="0.0.0.0/0", via="10.0.3.1", dev=far_out))])
    one_out, two_out, three_out = (space.kernel.index("right") for space in (one, two, three))
    one.kernel.do([route.create(route.Route(dst="fc00:0:e001::/48", via="fd00:1::2", dev=one_out))])
    two.kernel.do(
        [
            route.create(
                route.Route(
                    dst="fc00:0:e001::/48",
                    dev=two_out,
                    encap=seg6.Seg6Local(action="End.X", nh6="fd00:2::2", next_csid=USID, count=True),
                )
            )
        ]
    )
    three.kernel.do(
        [
            route.create(
                route.Route(
                    dst="fc00:0:f000::/48",
                    dev=three_out,
                    encap=seg6.Seg6Local(action="End.DX4", nh4="10.0.3.2", count=True),
                )
            ),
            route.create(
                route.Route(
                    dst="fc00:0:f001::/48",
                    dev=three_out,
                    encap=seg6.Seg6Local(action="End.DX6", nh6="fd00:3::2", count=True),
                )
            ),
        ]
    )
    return Chain(customer=customer, one=one, two=two, three=three, far=far)


def _counters(space: Space, dst: str) -> tuple[int, int, int]:
    (found,) = [r.encap for r in space.kernel.routes(AF_INET6, protocol=route.OURS) if r.dst == dst]
    assert isinstance(found, seg6.Seg6Local)
    assert found.counters is not None
    return found.counters


def _send(chain: Chain, family: int, host: str) -> None:
    with chain.far.socket(family) as receiver, chain.customer.socket(family) as sender:
        receiver.bind(("", 5000))
        for number in range(PACKETS):
            sender.sendto(number.to_bytes(2, "big").ljust(SIZE), (host, 5000))
            assert receiver.recv(1000)[:2] == number.to_bytes(2, "big")


@pytest.mark.parametrize("mode", ["encap", "encap.red"])
@pytest.mark.parametrize(
    ("family", "prefix", "host", "function"),
    [(AF_INET, "10.0.3.0/24", "10.0.3.2", "f000"), (AF_INET6, "fd00:3::/64", "fd00:3::2", "f001")],
    ids=["ipv4", "ipv6"],
)
@pytest.mark.parametrize("packed", [True, False], ids=["one-container", "two-segments"])
def test_a_list_is_walked_and_counted(
    chain: Chain, mode: str, family: int, prefix: str, host: str, function: str, packed: bool
) -> None:
    """Micro SIDs in one address need no routing header when reduced; the SIDs count the bytes that went by."""
    segments = (f"fc00:0:e001:{function}::",) if packed else ("fc00:0:e001::", f"fc00:0:{function}::")
    encap = seg6.Seg6Encap(mode=mode, segments=segments)
    kernel = chain.one.kernel
    way = nexthop.Nexthop(id=11, family=family, dev=kernel.index("right"), encap=encap)
    kernel.do(
        [
            nexthop.create(way),
            nexthop.create(nexthop.NexthopGroup(id=100, members=((11, 1),))),
            route.create(route.Route(dst=prefix, nhid=100)),
        ]
    )
    _send(chain, family, host)
    inner = SIZE + 8 + (20 if family == AF_INET else 40)
    written = len(segments) - (1 if mode == "encap.red" else 0)
    outer = 40 + (8 + 16 * written if written else 0)
    wanted = (PACKETS, PACKETS * (inner + outer), 0)
    assert _counters(chain.two, "fc00:0:e001::/48") == wanted
    # the last one too counts a packet as it came, in its outer header
    assert _counters(chain.three, f"fc00:0:{function}::/48") == wanted


def test_a_group_flip_loses_nothing_and_reorders_nothing(chain: Chain) -> None:
    kernel = chain.one.kernel
    out = kernel.index("right")
    for number, mode in ((11, "encap.red"), (12, "encap")):
        encap = seg6.Seg6Encap(mode=mode, segments=("fc00:0:e001:f000::",))
        kernel.do([nexthop.create(nexthop.Nexthop(id=number, dev=out, encap=encap))])
    kernel.do(
        [
            nexthop.create(nexthop.NexthopGroup(id=100, members=((11, 1),))),
            route.create(route.Route(dst="10.0.3.0/24", nhid=100)),
        ]
    )
    flips = [nexthop.replace(nexthop.NexthopGroup(id=100, members=((number, 1),))) for number in (12, 11)]
    with chain.far.socket(AF_INET) as receiver, chain.customer.socket(AF_INET) as sender:
        receiver.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)
        receiver.bind(("", 5000))
        for number in range(2000):
            sender.sendto(number.to_bytes(2, "big"), ("10.0.3.2", 5000))
            kernel.do([flips[number & 1]])
        got = [int.from_bytes(receiver.recv(100), "big") for _ in range(2000)]
    assert got == list(range(2000))
