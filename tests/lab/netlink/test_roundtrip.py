"""Values through the kernel: what is sent is what is dumped, what `ip` shows, and what goes when it is deleted."""

from __future__ import annotations

from typing import Any

import pytest

from highroad.netlink import address, link, neighbour, nexthop, route, rule, seg6
from highroad.netlink.message import AF_INET, AF_INET6
from tests.lab.netlink.conftest import Space

A, B = 3, 2
"""The indices of `a` and `b`: the peer of a pair is made first."""

SIDS = ("fc00:0:1::", "fc00:0:2::", "fc00:0:3::")

ROUTES: list[tuple[route.Route, dict[str, Any]]] = [
    (route.Route(dst="10.2.0.0/16", via="10.0.0.9", dev=A), {"gateway": "10.0.0.9", "dev": "a"}),
    (route.Route(dst="10.2.0.0/16", via="10.0.0.9", dev=A, table=10001, metric=5), {"metric": 5}),
    (route.Route(dst="10.3.0.0/16", dev=A, mtu=1400), {"scope": "link", "metrics": [{"mtu": 1400}]}),
    (route.Route(dst="10.4.0.0/16", via="fd00::9", dev=A), {"via": {"family": "inet6", "host": "fd00::9"}}),
    (route.Route(dst="10.5.0.0/16", via="172.16.0.1", dev=A, onlink=True), {"flags": ["onlink"]}),
    (route.Route(dst="10.6.0.0/16", dev=A, source="10.0.0.1"), {"prefsrc": "10.0.0.1"}),
    (route.Route(dst="0.0.0.0/0", kind="unreachable", table=10001), {"type": "unreachable", "dst": "default"}),
    (route.Route(dst="10.7.0.0/16", kind="blackhole"), {"type": "blackhole"}),
    (route.Route(dst="10.0.0.7/32", kind="local", dev=A, table=10001), {"type": "local", "scope": "host"}),
    (route.Route(dst="fd02::/48", via="fd00::9", dev=A, mtu=9000), {"gateway": "fd00::9", "metric": 1024}),
    (route.Route(dst="fd03::1", dev=A, table=70000, metric=7), {"dst": "fd03::1", "metric": 7}),
    (route.Route(dst="::/0", kind="unreachable", table=10001), {"type": "unreachable", "dst": "default"}),
    (route.Route(dst="fd00::7/128", kind="local", dev=A, table=10001), {"type": "local"}),
    (route.Route(dst="ff02::/16", kind="multicast", dev=A, table=10001), {"type": "multicast"}),
    (route.Route(dst="10.8.0.0/16", nhid=100, table=10001), {"nhid": 100}),
    (route.Route(dst="fd08::/48", nhid=101, mtu=9000), {"nhid": 101}),
    (
        route.Route(dst="10.9.0.0/16", dev=A, encap=seg6.Seg6Encap(mode="encap.red", segments=SIDS)),
        {"encap": "seg6", "mode": "encap.red", "segs": list(SIDS)},
    ),
    (
        route.Route(dst="fd09::/48", dev=A, encap=seg6.Seg6Encap(mode="inline", segments=SIDS)),
        # `ip` shows the room for the packet's own destination, which is its last segment
        {"encap": "seg6", "mode": "inline", "segs": [*SIDS, "::"]},
    ),
    (
        route.Route(dst="fc00:0:a::/48", dev=A, encap=seg6.Seg6Local(action="End")),
        {"encap": "seg6local", "action": "End"},
    ),
    (
        route.Route(
            dst="fc00:0:e000::/48",
            dev=A,
            encap=seg6.Seg6Local(action="End.X", nh6="fd00::9", next_csid=(32, 16), count=True),
        ),
        {"action": "End.X", "nh6": "fd00::9", "flavors": ["next-csid"], "lblen": 32, "nflen": 16},
    ),
    (
        route.Route(dst="fc00:0:b::/48", dev=A, encap=seg6.Seg6Local(action="End", psp=True)),
        {"action": "End", "flavors": ["psp"]},
    ),
    (
        route.Route(dst="fc00:0:f000::/48", dev=A, encap=seg6.Seg6Local(action="End.DX4", nh4="10.0.0.9", count=True)),
        {"action": "End.DX4", "nh4": "10.0.0.9"},
    ),
    (
        route.Route(dst="fc00:0:f001::/48", dev=A, encap=seg6.Seg6Local(action="End.DX6", nh6="fd00::9", count=True)),
        {"action": "End.DX6", "nh6": "fd00::9"},
    ),
    (
        route.Route(dst="fc00:0:f002::/48", dev=A, encap=seg6.Seg6Local(action="End.DT6", table=10001)),
        {"action": "End.DT6", "table": "10001"},
    ),
    (
        route.Route(dst="fc00:0:f003::/48", dev=A, encap=seg6.Seg6Local(action="End.DX2", oif=B)),
        {"action": "End.DX2", "oif": "b"},
    ),
    (
        route.Route(dst="fc00:0:f004::/48", dev=A, encap=seg6.Seg6Local(action="End.B6.Encaps", segments=SIDS)),
        {"action": "End.B6.Encaps"},
    ),
]

NEXTHOPS: list[tuple[nexthop.Nexthop | nexthop.NexthopGroup, dict[str, Any]]] = [
    (nexthop.Nexthop(id=11, dev=A), {"dev": "a", "protocol": "72"}),
    (nexthop.Nexthop(id=12, via="10.0.0.9", dev=A), {"gateway": "10.0.0.9"}),
    (nexthop.Nexthop(id=13, via="172.16.0.1", dev=A, onlink=True), {"flags": ["onlink"]}),
    (nexthop.Nexthop(id=14, family=AF_INET6, via="fd00::9", dev=A), {"gateway": "fd00::9"}),
    (nexthop.Nexthop(id=15, blackhole=True), {"blackhole": None}),
    (
        nexthop.Nexthop(id=16, family=AF_INET6, dev=A, encap=seg6.Seg6Encap(mode="encap.red", segments=SIDS)),
        {"encap": "seg6", "mode": "encap.red", "segs": list(SIDS)},
    ),
    (
        nexthop.Nexthop(
            id=17, family=AF_INET6, dev=A, encap=seg6.Seg6Local(action="End.X", nh6="fd00::9", next_csid=(32, 16))
        ),
        {"encap": "seg6local", "action": "End.X", "flavors": ["next-csid"]},
    ),
]

RULES = [
    rule.Rule(family=AF_INET, priority=10, table=254, iif="a"),
    rule.Rule(family=AF_INET6, priority=10, table=10001, iif="not-there"),
    rule.Rule(family=AF_INET, priority=11, table=10001, fwmark=7),
    rule.Rule(family=AF_INET6, priority=11, table=10001, iif="a", fwmark=0x800000, fwmask=0x800000),
    rule.Rule(family=AF_INET6, priority=12, table=10001, iif="lo", fwmark=0, fwmask=0xFFFF),
    rule.Rule(family=AF_INET, priority=13, action="unreachable", iif="a"),
    rule.Rule(family=AF_INET, priority=14, action="blackhole", oif="b"),
    rule.Rule(family=AF_INET6, priority=15, action="prohibit", source="fd00::/64", destination="fd01::/64"),
    rule.Rule(family=AF_INET, priority=16, action="goto", target=32766),
    rule.Rule(family=AF_INET, priority=17, table=254, suppress_prefix_len=0),
]


@pytest.fixture
def groups(wired: Space) -> Space:
    wired.kernel.do(
        [
            nexthop.create(nexthop.Nexthop(id=1, via="10.0.0.9", dev=A)),
            nexthop.create(nexthop.Nexthop(id=2, family=AF_INET6, via="fd00::9", dev=A)),
            nexthop.create(nexthop.NexthopGroup(id=100, members=((1, 1),))),
            nexthop.create(nexthop.NexthopGroup(id=101, members=((2, 1),))),
        ]
    )
    return wired


def _contains(shown: dict[str, Any], wanted: dict[str, Any]) -> bool:
    return all(name in shown and shown[name] == value for name, value in wanted.items())


@pytest.mark.parametrize(("wanted", "shown"), ROUTES, ids=[str(r.dst) + r.kind for r, _ in ROUTES])
def test_a_route(groups: Space, wanted: route.Route, shown: dict[str, Any]) -> None:
    kernel = groups.kernel
    kernel.do([route.create(wanted)])
    assert wanted in kernel.routes(wanted.family, wanted.table)
    family = "-4" if wanted.family == AF_INET else "-6"
    lines = groups.json(f"ip {family} -j -d route show table {wanted.table} proto 72")
    assert any(_contains(line, shown) for line in lines), lines
    kernel.do([route.replace(wanted)])
    assert kernel.routes(wanted.family, wanted.table).count(wanted) == 1
    kernel.do([route.delete(wanted)])
    assert wanted not in kernel.routes(wanted.family, wanted.table)


@pytest.mark.parametrize(("wanted", "shown"), NEXTHOPS, ids=[str(n.id) for n, _ in NEXTHOPS])
def test_a_nexthop(groups: Space, wanted: nexthop.Nexthop, shown: dict[str, Any]) -> None:
    kernel = groups.kernel
    kernel.do([nexthop.create(wanted)])
    assert wanted in kernel.nexthops()
    lines = groups.json("ip -j -d nexthop show")
    assert any(_contains(line, {"id": wanted.id, **shown}) for line in lines), lines
    kernel.do([nexthop.replace(wanted)])
    kernel.do([nexthop.delete(wanted)])
    assert wanted not in kernel.nexthops()


def test_a_group_is_replaced_and_its_routes_stay(groups: Space) -> None:
    kernel = groups.kernel
    wanted = route.Route(dst="10.8.0.0/16", nhid=100)
    kernel.do([route.create(wanted)])
    kernel.do([nexthop.create(nexthop.Nexthop(id=3, via="10.0.0.8", dev=A))])
    heavy = nexthop.NexthopGroup(id=100, members=((1, 250), (3, 65535)))
    kernel.do([nexthop.replace(heavy)])
    assert heavy in kernel.nexthops()
    assert wanted in kernel.routes(AF_INET)
    kernel.do([nexthop.delete(100)])
    assert wanted not in kernel.routes(AF_INET)


@pytest.mark.parametrize("wanted", RULES, ids=[f"{r.priority}-{r.action}" for r in RULES])
def test_a_rule(wired: Space, wanted: rule.Rule) -> None:
    kernel = wired.kernel
    kernel.do([rule.create(wanted)])
    assert wanted in kernel.rules(wanted.family)
    family = "-4" if wanted.family == AF_INET else "-6"
    assert wanted.priority in [line["priority"] for line in wired.json(f"ip {family} -j rule show")]
    kernel.do([rule.delete(wanted)])
    assert wanted not in kernel.rules(wanted.family)


def test_the_kernels_own_rule_moves_down(space: Space) -> None:
    for family in (AF_INET, AF_INET6):
        own = rule.Rule(family=family, priority=0, table=route.LOCAL, protocol=route.KERNEL)
        assert own in space.kernel.rules(family)
        moved = rule.Rule(family=family, priority=1000, table=route.LOCAL)
        space.kernel.do([rule.create(moved), rule.delete(own)])
        assert [r for r in space.kernel.rules(family) if r.table == route.LOCAL] == [moved]


def test_addresses(wired: Space) -> None:
    kernel = wired.kernel
    wanted = [
        address.Address(address="100.64.0.0", prefix_len=31, index=A),
        address.Address(address="192.0.2.1", prefix_len=32, peer="192.0.2.9", index=A),
        address.Address(address="192.0.2.2", prefix_len=32, index=A, scope=address.SCOPE_LINK),
        address.Address(address="fd64:7:1::", prefix_len=127, index=A),
        address.Address(address="fd64:8::1", prefix_len=64, index=A, prefix_route=False),
    ]
    kernel.do(map(address.create, wanted))
    assert [one for one in wanted if one not in kernel.addresses(A)] == []
    assert kernel.addresses(B) != kernel.addresses(A)
    shown = {info["local"]: info for line in wired.json("ip -j addr show dev a") for info in line["addr_info"]}
    assert shown["192.0.2.1"]["address"] == "192.0.2.9"
    assert shown["fd64:8::1"]["noprefixroute"] is True
    assert "fd64:8::/64" not in [r.dst for r in kernel.routes(AF_INET6)]
    kernel.do(map(address.delete, wanted))
    assert [one for one in wanted if one in kernel.addresses()] == []


def test_neighbours(wired: Space) -> None:
    kernel = wired.kernel
    wanted = neighbour.Neighbour(index=A, address="fd00::9", link_address="02:00:00:00:00:09")
    kernel.do([neighbour.replace(wanted)])
    assert wanted in kernel.neighbours(AF_INET6)
    assert wired.json("ip -j -6 neigh show dev a")[0]["state"] == ["PERMANENT"]
    kernel.do([neighbour.delete(wanted)])
    assert wanted not in kernel.neighbours(AF_INET6)


def test_interfaces_of_every_kind(space: Space) -> None:
    kernel = space.kernel
    kernel.do(
        [
            link.veth(
                "att", "ce", mtu=9000, peer_mtu=1400, address="02:00:00:00:00:01", peer_address="02:00:00:00:00:02"
            ),
            link.ifb("shape", mtu=9600),
            link.vxlan("vx", vni=77, local="fc00:0:1:f000::", remote="fc00:0:7:f000::", port=4789, mtu=9000),
        ]
    )
    by_name = {one.name: one for one in kernel.links()}
    att, far, vx = by_name["att"], by_name["ce"], by_name["vx"]
    assert (att.kind, att.mtu, att.address, att.up, att.carrier) == ("veth", 9000, "02:00:00:00:00:01", False, False)
    assert (far.mtu, far.address, far.peer) == (1400, "02:00:00:00:00:02", att.index)
    assert by_name["shape"].kind == "ifb"
    assert vx.vxlan == link.Vxlan(vni=77, local="fc00:0:1:f000::", remote="fc00:0:7:f000::", port=4789)
    (shown,) = space.json("ip -j -d link show dev vx")
    data = shown["linkinfo"]["info_data"]
    assert (data["learning"], data["udp_zero_csum6_tx"], data["udp_zero_csum6_rx"]) == (False, True, True)
    kernel.do([link.delete_link(att.index), link.delete_link(vx.index), link.delete_link(kernel.index("shape"))])
    assert [one.name for one in kernel.links()] == ["lo"]


def test_everything_about_an_interface_that_can_be_set(space: Space) -> None:
    kernel = space.kernel
    kernel.do([link.veth("att", "ce")])
    index, far = kernel.index("att"), kernel.index("ce")
    kernel.do(
        [
            link.set_link(
                index,
                up=True,
                mtu=9000,
                name="renamed",
                address="02:00:00:00:00:07",
                arp=False,
                promiscuous=True,
                alias="highroad: acme",
                queue_length=7,
                addrgen="none",
            ),
            link.set_link(far, up=True),
        ]
    )
    found = kernel.link("renamed")
    assert found is not None
    assert (found.up, found.carrier, found.mtu, found.arp) == (True, True, 9000, False)
    assert (found.address, found.alias) == ("02:00:00:00:00:07", "highroad: acme")
    assert kernel.link("att") is None
    (shown,) = space.json("ip -j -d link show dev renamed")
    assert (shown["txqlen"], shown["promiscuity"], shown["inet6_addr_gen_mode"]) == (7, 1, "none")
    assert [a for a in kernel.addresses(index) if a.family == AF_INET6] == []
    kernel.do([link.set_link(far, up=False)])
    found = kernel.link("renamed")
    assert found is not None
    assert (found.up, found.carrier) == (True, False)
    kernel.do([link.set_link(index, up=False, arp=True, promiscuous=False)])
    found = kernel.link("renamed")
    assert found is not None
    assert (found.up, found.arp) == (False, True)


def test_an_interface_moves_to_another_namespace(spaces: Any) -> None:
    here, there = spaces(), spaces()
    here.kernel.do([link.veth("near", "far", peer_ns=there.fd)])
    assert [one.name for one in there.kernel.links()] == ["lo", "far"]
    assert there.kernel.links()[1].peer_netnsid is not None
    here.kernel.do([link.ifb("shape")])
    here.kernel.do([link.set_link(here.kernel.index("shape"), netns_fd=there.fd, name="moved")])
    assert "moved" in [one.name for one in there.kernel.links()]
    assert "shape" not in [one.name for one in here.kernel.links()]


def test_what_somebody_made_with_ip_is_read(wired: Space) -> None:
    wired.shell("ip -6 route add fc00:0:a::/48 encap seg6local action End.DT6 table 254 count dev a")
    wired.shell("ip nexthop add id 7 encap seg6 mode encap segs fc00:0:1::,fc00:0:2:: dev a")
    wired.shell("ip route add 10.2.0.0/16 nhid 7")
    wired.shell("ip rule add pref 9 iif a fwmark 0x10/0xff lookup 10001")
    kernel = wired.kernel
    foreign = 3  # RTPROT_BOOT: what `ip` says when it is not told
    local = seg6.Seg6Local(action="End.DT6", table=254, count=True)
    assert route.Route(dst="fc00:0:a::/48", dev=A, encap=local, protocol=foreign) in kernel.routes(AF_INET6)
    encap = seg6.Seg6Encap(mode="encap", segments=SIDS[:2])
    assert nexthop.Nexthop(id=7, dev=A, encap=encap, protocol=0) in kernel.nexthops()
    assert route.Route(dst="10.2.0.0/16", nhid=7, protocol=foreign) in kernel.routes(AF_INET)
    (found,) = [r for r in kernel.rules(AF_INET) if r.priority == 9]
    assert (found.table, found.iif, found.fwmark, found.fwmask) == (10001, "a", 0x10, 0xFF)
    assert found.protocol != route.OURS


def test_a_group_of_interfaces_goes_in_one_message(space: Space) -> None:
    kernel = space.kernel
    kernel.do([link.ifb(name) for name in ("one", "two", "three")])
    kernel.do([link.set_link(kernel.index(name), group=77) for name in ("one", "two")])
    kernel.do([link.delete_group(77)])
    assert [one.name for one in kernel.links()] == ["lo", "three"]


@pytest.mark.parametrize("compatible", [0, 1])
def test_a_route_by_nexthop_is_the_same_whatever_else_is_dumped_with_it(groups: Space, compatible: int) -> None:
    """With nexthop_compat_mode=0 a flip of a group tells nobody about its routes, and takes as long behind 1,000."""
    groups.shell(f"sysctl -qw net.ipv4.nexthop_compat_mode={compatible}")
    wanted = [route.Route(dst="10.8.0.0/16", nhid=100), route.Route(dst="fd08::/48", nhid=101)]
    groups.kernel.do(map(route.create, wanted))
    found = [r for family in (AF_INET, AF_INET6) for r in groups.kernel.routes(family, protocol=route.OURS)]
    assert found == wanted
