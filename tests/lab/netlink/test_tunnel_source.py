"""The outer source address is the one that was set, in the namespace where it was set."""

from __future__ import annotations

import socket
from collections.abc import Callable

from highroad.netlink import namespace, neighbour, route, seg6
from highroad.netlink.message import AF_INET
from highroad.netlink.tunnelsource import set_tunnel_source
from tests.lab.netlink.conftest import Space


def test_what_is_encapsulated_comes_from_the_address_that_was_set(spaces: Callable[[], Space]) -> None:
    one, other = spaces(), spaces()
    for space, source in ((one, "fc00:0:7::1"), (other, "fc00:0:8::1")):
        with namespace.entered(space.fd):
            set_tunnel_source(source)
    assert one.shell("ip sr tunsrc show").split()[-1] == "fc00:0:7::1"
    assert other.shell("ip sr tunsrc show").split()[-1] == "fc00:0:8::1"


def test_it_is_on_the_wire(spaces: Callable[[], Space]) -> None:
    near, far = spaces(), spaces()
    for space in (near, far):
        space.up("lo")
        space.forward()
    near.join("out", far, "in", mtu=9600)
    out = near.up("out", "fd00::1/64", "10.0.0.1/24")
    far.up("in", "fd00::2/64")
    with namespace.entered(near.fd):
        set_tunnel_source("fc00:0:7::1")
    link_address = next(one.address for one in far.kernel.links() if one.name == "in")
    near.kernel.do(
        [
            neighbour.replace(neighbour.Neighbour(index=out, address="fd00::2", link_address=link_address)),
            route.create(route.Route(dst="fc00:0:e001::/48", via="fd00::2", dev=out)),
            route.create(
                route.Route(
                    dst="10.9.0.0/16",
                    dev=out,
                    encap=seg6.Seg6Encap(mode="encap.red", segments=("fc00:0:e001:f000::",)),
                )
            ),
        ]
    )
    with far.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x86DD)) as heard, near.socket(AF_INET) as sender:
        heard.bind(("in", 0x86DD))
        sender.sendto(b"light", ("10.9.0.1", 5000))
        while True:
            packet = heard.recv(2000)
            if packet[6] == 4:
                break
    assert packet[8:24] == socket.inet_pton(socket.AF_INET6, "fc00:0:7::1")
    assert packet[24:40] == socket.inet_pton(socket.AF_INET6, "fc00:0:e001:f000::")
    assert packet.endswith(b"light")
    assert len(packet) == 40 + 20 + 8 + 5
