"""Our encoding against what iproute2 sends: the same headers and the same attributes, in whatever order."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from highroad.netlink import address, link, neighbour, nexthop, qdisc, route, rule, seg6
from highroad.netlink import filter as filters
from highroad.netlink.message import AF_INET, AF_INET6, NLM_F_ACK, NLM_F_REQUEST, Message, attrs

CUST, CORE, SHAPE = 2, 3, 4


def _captures() -> dict[str, Message]:
    found = {}
    text = Path(__file__).with_name("captures.txt").read_text()
    for block in text.strip().split("\n\n"):
        command, _, capture = block.partition("\n")
        if command.startswith("#"):
            continue
        kind, flags, body = capture.split()
        found[command] = Message(int(kind), int(flags, 16) & ~(NLM_F_REQUEST | NLM_F_ACK), bytes.fromhex(body))
    return found


CAPTURES = _captures()

BOX: dict[str, seg6.Encap] = {
    "fc00:0:e000::/48": seg6.Seg6Local(action="End.X", nh6="fd00::2", next_csid=(32, 16), count=True),
    "fc00:0:f000::/48": seg6.Seg6Local(action="End.DX4", nh4="10.0.0.0", count=True),
    "fc00:0:f001::/48": seg6.Seg6Local(action="End.DX6", nh6="fd00::2", count=True),
    "fc00:0:f002::/48": seg6.Seg6Local(action="End.DT6", table=255, count=True),
    "fc00:0:f003::/48": seg6.Seg6Local(action="End", psp=True),
    "fc00:0:f004::/48": seg6.Seg6Local(action="End.B6.Encaps", segments=("fc00:0:4::", "fc00:0:5::")),
    "fd04::/48": seg6.Seg6Encap(mode="inline", segments=("fc00:0:1::", "fc00:0:2::")),
}

ROUTES = {
    "ip route add 10.2.0.0/16": route.Route(
        dst="10.2.0.0/16", via="10.0.0.0", dev=CORE, table=10001, metric=7, mtu=9000
    ),
    "ip route add unreachable": route.Route(dst="0.0.0.0/0", kind="unreachable", table=10001),
    "ip route add local": route.Route(dst="10.0.0.7/32", kind="local", dev=CORE, table=10001),
    "ip route add 10.3.0.0/16": route.Route(dst="10.3.0.0/16", via="fd00::2", dev=CORE),
    "ip -6 route add fd02::/48": route.Route(dst="fd02::/48", via="fd00::2", dev=CORE, table=10001, mtu=9000),
    "ip -6 route add unreachable": route.Route(dst="::/0", kind="unreachable", table=10001),
    "ip -6 route add multicast": route.Route(dst="ff02::/16", kind="multicast", dev=CORE, table=10001),
    "ip route add 10.4.0.0/16": route.Route(
        dst="10.4.0.0/16",
        dev=CORE,
        encap=seg6.Seg6Encap(mode="encap.red", segments=("fc00:0:1::", "fc00:0:2::", "fc00:0:3::")),
    ),
    "ip route add 10.5.0.0/16": route.Route(dst="10.5.0.0/16", nhid=100, table=10001),
    **{f"ip -6 route add {dst}": route.Route(dst=dst, dev=CORE, encap=encap) for dst, encap in BOX.items()},
}

NEXTHOPS: dict[str, nexthop.Nexthop | nexthop.NexthopGroup] = {
    "ip nexthop add id 11": nexthop.Nexthop(
        id=11, dev=CORE, encap=seg6.Seg6Encap(mode="encap.red", segments=("fc00:0:e000:e001:f000::",))
    ),
    "ip -6 nexthop add id 12": nexthop.Nexthop(
        id=12,
        family=AF_INET6,
        via="fd00::2",
        dev=CORE,
        encap=seg6.Seg6Encap(mode="encap", segments=("fc00:0:1::", "fc00:0:2::")),
    ),
    "ip nexthop add id 13": nexthop.Nexthop(id=13, blackhole=True),
    "ip nexthop add id 100": nexthop.NexthopGroup(id=100, members=((11, 3), (12, 250))),
}

RULES = {
    "ip rule add pref 100": rule.Rule(family=AF_INET, priority=100, iif="core0", table=10001),
    "ip -6 rule add pref 101": rule.Rule(
        family=AF_INET6, priority=101, iif="core0", fwmark=0x10001, fwmask=0xFFFFF, table=254
    ),
    "ip rule add pref 102": rule.Rule(family=AF_INET, priority=102, iif="core0", action="unreachable"),
    "ip rule add pref 103": rule.Rule(
        family=AF_INET,
        priority=103,
        source="10.0.0.0/8",
        destination="10.9.0.0/16",
        oif="cust0",
        action="blackhole",
    ),
}

QDISCS: dict[str, qdisc.Htb | qdisc.Fifo | qdisc.Clsact] = {
    "tc qdisc add dev shape": qdisc.Htb(index=SHAPE, handle=qdisc.handle(1), default=0x10),
    "tc qdisc add dev cust0": qdisc.Fifo(index=CUST, handle=qdisc.handle(1), limit=1000),
    "tc qdisc add dev core0": qdisc.Clsact(index=CORE),
}

CLASSES = {
    "tc class add dev shape parent 1: ": qdisc.HtbClass(
        index=SHAPE, handle=qdisc.handle(1, 1), parent=qdisc.handle(1), rate_bps=125_000_000, burst=125_000
    ),
    "tc class add dev shape parent 1:1": qdisc.HtbClass(
        index=SHAPE,
        handle=qdisc.handle(1, 2),
        parent=qdisc.handle(1, 1),
        rate_bps=12_500,
        ceil_bps=6_000_000_000,
        burst=1600,
        cburst=6_000_000,
        prio=3,
        quantum=1250,
    ),
}

FILTERS: dict[str, filters.U32] = {
    "tc filter add dev core0": filters.U32(index=CORE, parent=qdisc.INGRESS, priority=2, redirect=SHAPE),
    "tc filter add dev shape": filters.U32(
        index=SHAPE,
        parent=qdisc.handle(1),
        priority=1,
        protocol=filters.ETH_P_IPV6,
        keys=filters.ipv6_traffic_class(0xB8),
        classid=qdisc.handle(1, 2),
    ),
}

OURS: dict[str, Message] = {
    "ip link add name core0": link.veth("core0", "cust0"),
    "ip link add name shape": link.ifb("shape", mtu=9600),
    "ip link add name vx": link.vxlan(
        "vx", vni=77, remote="fc00:0:7:f000::", local="fc00:0:1:f000::", port=4789, mtu=9000
    ),
    "ip link set dev core0": link.set_link(CORE, mtu=9600, arp=False, addrgen="none"),
    "ip addr add": address.create(address.Address(address="10.0.0.1", prefix_len=31, index=CORE)),
    "ip neigh": neighbour.replace(neighbour.Neighbour(index=CORE, address="fd00::9", link_address="02:00:00:00:00:09")),
    **{start: route.create(value) for start, value in ROUTES.items()},
    **{start: nexthop.create(value) for start, value in NEXTHOPS.items()},
    **{start: rule.create(value) for start, value in RULES.items()},
    **{start: qdisc.create(value) for start, value in QDISCS.items()},
    **{start: qdisc.create(value) for start, value in CLASSES.items()},
    **{start: filters.create(value) for start, value in FILTERS.items()},
}

PARSED: dict[str, tuple[Any, Any]] = {
    **{start: (route.parse_route, value) for start, value in ROUTES.items()},
    **{start: (nexthop.parse_nexthop, value) for start, value in NEXTHOPS.items()},
    **{start: (rule.parse_rule, value) for start, value in RULES.items()},
    **{start: (qdisc.parse_qdisc, value) for start, value in QDISCS.items()},
    **{start: (qdisc.parse_class, value) for start, value in CLASSES.items()},
    **{start: (filters.parse_filter, value) for start, value in FILTERS.items()},
}

# which attributes hold others, by the size of the header in front and the type of the message
SEG6: dict[int, Any] = {10: {}, 11: {}}
NESTED: dict[int, tuple[int, dict[int, Any]]] = {
    link.RTM_NEWLINK: (16, {18: {2: {}}, 26: {10: {}}}),
    address.RTM_NEWADDR: (8, {}),
    neighbour.RTM_NEWNEIGH: (12, {}),
    route.RTM_NEWROUTE: (12, {8: {}, 22: SEG6}),
    nexthop.RTM_NEWNEXTHOP: (8, {8: SEG6}),
    rule.RTM_NEWRULE: (12, {}),
    qdisc.RTM_NEWQDISC: (20, {2: {}}),
    qdisc.RTM_NEWTCLASS: (20, {2: {}}),
    filters.RTM_NEWTFILTER: (20, {2: {7: {1: {2: {}}}}}),
}


def _tree(data: bytes, nested: dict[int, Any]) -> dict[int, Any]:
    found = attrs(data)
    return {kind: _tree(value, nested[kind]) if kind in nested else value for kind, value in found.items()}


def _without_tables(options: dict[int, bytes]) -> dict[int, bytes]:
    """HTB's options as a kernel wants them that is told the link layer: no rate tables, no numbers for their cells."""
    parms = bytearray(options[1])
    for at in (0, 12):
        parms[at] = 0
        parms[at + 4 : at + 6] = bytes(2)
    wide = {kind: value for kind, value in options.items() if kind in (6, 7)}
    return {1: bytes(parms), **wide}


def _command(start: str) -> str:
    (command,) = [command for command in CAPTURES if command.startswith(start)]
    return command


def test_every_capture_is_compared() -> None:
    assert {_command(start) for start in OURS} == set(CAPTURES)


@pytest.mark.parametrize("start", OURS)
def test_what_we_send_is_what_iproute2_sends(start: str) -> None:
    theirs, ours = CAPTURES[_command(start)], OURS[start]
    size, nested = NESTED[ours.kind]
    assert ours.kind == theirs.kind
    body = bytearray(theirs.body[:size])
    if ours.kind == route.RTM_NEWROUTE and body[4] == 252:
        body[4] = 0  # "compat": how iproute2 says that the table is in the attribute
    assert ours.body[:size] == bytes(body)
    wanted = _tree(theirs.body[size:], nested)
    if ours.kind == route.RTM_NEWROUTE and body[1] == 0:
        wanted.pop(1, None)  # the address of a prefix of length 0
    if ours.kind == qdisc.RTM_NEWTCLASS:
        wanted[2] = _without_tables(wanted[2])
    assert _tree(ours.body[size:], nested) == wanted


@pytest.mark.parametrize("start", PARSED)
def test_what_iproute2_sends_is_read_as_the_value_that_we_would_send(start: str) -> None:
    parse, value = PARSED[start]
    assert parse(CAPTURES[_command(start)].body) == value


@pytest.mark.parametrize("start", PARSED)
def test_what_we_send_is_read_as_the_same_value(start: str) -> None:
    parse, value = PARSED[start]
    assert parse(OURS[start].body) == value
