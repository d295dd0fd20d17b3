"""The kernel's state is compared, not assumed: what goes missing comes back, what is right is not touched, what is not
ours is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from highroad.agent.kernelstate import Key
from highroad.agent.steering import Steering
from highroad.agent.transaction import Programs
from highroad.model.service import ServiceKind
from highroad.netlink import namespace
from highroad.netlink.kernel import Kernel, KernelRefused
from highroad.netlink.qdisc import HtbClass
from tests.lab.steering.rig import (
    FAMILIES,
    Service,
    differs,
    far,
    hosts,
    intents,
    kernel_of,
    offer,
    raw,
    service,
    space,
    state,
    zigzag,
)
from tests.lab.steering.traffic import Frames, Lane, Stream, lane
from tests.support.routers import Chain, Router, chain, host

FRAME = b"\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01\x88\xb5" + bytes(range(60))


@dataclass(frozen=True)
class Bench:
    """A router that carries an `ip` service along two lists, one with prefixes, and an `ethernet` one."""

    chain: Chain
    services: tuple[Service, ...]
    lanes: tuple[Lane, ...]
    sender: Frames
    receiver: Frames

    @property
    def router(self) -> Router:
        return self.chain.routers[0]

    def flows(self, timeout_s: float = 4.0) -> bool:
        """Whether packets of every service arrive, of both families."""
        self.receiver.taken()
        self.sender.send(FRAME)
        return all(one.passes(1, timeout_s=timeout_s) == 1 for one in self.lanes) and self.receiver.wait_for(FRAME)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with ExitStack() as undo:
        made = undo.enter_context(chain(3, tmp_path_factory.mktemp("routers")))
        plain = service("plain", 1, 1, 3, prefixes=(("10.1.0.0/16", "fd01::/48"), ("10.2.0.0/16", "fd02::/48")))
        lists = service("lists", 2, 1, 3, mtu=(9000, 1500), lists=(zigzag(1, 3, 2), zigzag(1, 3, 8)), weights=(3, 1))
        wire = service("wire", 3, 1, 3, kind=ServiceKind.ETHERNET)
        services = (plain, lists, wire)
        hosts(made, undo, *services)
        offer(made, *services)
        yield Bench(
            chain=made,
            services=services,
            lanes=tuple(
                undo.enter_context(lane(space(made, one, "here"), space(made, one, "there"), far(one, family)))
                for one in (plain, lists)
                for family in FAMILIES
            ),
            sender=undo.enter_context(Frames(space(made, wire, "here"), "e0")),
            receiver=undo.enter_context(Frames(space(made, wire, "there"), "e0")),
        )


def test_what_is_right_takes_no_message(bench: Bench) -> None:
    assert bench.flows()
    assert [router.converge() for router in bench.chain.routers] == [0, 0, 0]


def test_every_object_that_is_deleted_by_hand_comes_back(bench: Bench) -> None:
    """One at a time: each route, nexthop, group, rule, queue, class, program, filter, address; each port taken down."""
    router, before = bench.router, state(bench.router)
    bench.flows()
    found, kept = 0, []
    for key in _objects(router):
        with kernel_of(router) as kernel, Programs() as programs:
            thing = raw(router, kernel).get(key)
            if thing is None:
                continue  # its tunnel was made again, with another number
            try:
                kernel.do([programs.unmade(thing)])
            except KernelRefused:
                assert isinstance(thing, HtbClass), f"{thing} cannot be deleted"
                kept.append(thing)
                continue
        assert state(router) != before, f"{thing} was not deleted"
        router.converge()
        now = state(router)
        assert now == before, f"without {thing}: {differs(now, before)}"
        assert router.converge() == 0, thing
        assert bench.flows(), f"no packets after {thing} came back"
        found += 1
    assert found > 100
    assert len(kept) == 3, "only the class that all others hang on, of each shaped device"


BREAKS: dict[str, tuple[str, ...]] = {
    "the loop": ("link", "del", "hr-out"),
    "the loop is down": ("link", "set", "hr-in", "down"),
    "the shaper": ("link", "del", "hr-shape"),
    "the shaper is down": ("link", "set", "hr-shape", "down"),
    "the tunnel": ("link", "del", "hx3"),
    "the tunnel is down": ("link", "set", "hx3", "down"),
    "a core port is down": ("link", "set", "right", "down"),
    "a customer's port is down": ("link", "set", "a1", "down"),
    "an Ethernet port is down": ("link", "set", "a3", "down"),
    "a port's size": ("link", "set", "a1", "mtu", "1400"),
    "a loop's address": ("link", "set", "hr-in", "address", "02:00:00:00:00:99"),
    "the kernel's rule before all others": ("rule", "add", "pref", "0", "table", "local"),
    "an address of theirs on a customer's port": ("addr", "add", "192.0.2.1/24", "dev", "a1"),
    "all addresses of a port": ("addr", "flush", "dev", "a1"),
    "all addresses of a core port": ("-6", "addr", "flush", "dev", "right"),
}


@pytest.mark.parametrize("what", BREAKS)
def test_devices_that_are_taken_away_come_back_with_all_that_hangs_on_them(bench: Bench, what: str) -> None:
    router = bench.router
    assert bench.flows()
    before = state(router)
    bench.chain.run("r1", "ip", *BREAKS[what])
    router.converge()
    assert state(router) == before
    assert router.converge() == 0
    assert bench.flows()


@pytest.mark.parametrize(
    "command",
    [
        "tc qdisc replace dev right root tbf rate 1gbit burst 100k latency 1s",
        "tc qdisc replace dev a1 root tbf rate 1gbit burst 100k latency 1s",
        "tc qdisc replace dev hr-shape root pfifo",
        "tc class change dev hr-shape parent 1:1 classid 1:10 htb rate 1mbit",
        "tc filter del dev a1 ingress",
        "tc filter replace dev a1 ingress prio 2 protocol all handle 800::800 u32 match u32 0 0 flowid 1:1",
        "sysctl -w net.ipv6.conf.a1.seg6_enabled=1",
        "sysctl -w net.ipv6.conf.a3.disable_ipv6=0",
        "sysctl -w net.ipv6.conf.all.forwarding=0",
        "sysctl -w net.ipv4.ip_forward=0",
        "ip sr tunsrc set ::",
    ],
)
def test_what_is_changed_by_hand_is_put_right(bench: Bench, command: str) -> None:
    router, words = bench.router, command.split()
    before = state(router)
    read = ["sysctl", "-n", words[2].split("=")[0]] if words[0] == "sysctl" else ["ip", "sr", "tunsrc", "show"]
    was = bench.chain.run("r1", *read)
    bench.chain.run("r1", *words)
    router.converge()
    assert state(router) == before
    assert bench.chain.run("r1", *read) == was
    assert router.converge() == 0
    assert bench.flows()


FOREIGN: dict[str, tuple[str, str]] = {
    "a device": ("ip link add other0 mtu 2000 type ifb", "ip link show other0"),
    "its address": ("ip addr add 192.0.2.1/24 dev other0", "ip addr show other0"),
    "its state": ("ip link set other0 up", "ip link show other0"),
    "a route": ("ip route add 203.0.113.0/24 dev other0", "ip route show 203.0.113.0/24"),
    "a route of a protocol's": ("ip -6 route add fd99::/64 dev other0 proto bird", "ip -6 route show fd99::/64"),
    "a table": ("ip route add default dev other0 table 100", "ip route show table 100"),
    "a rule": ("ip rule add pref 5000 from 192.0.2.0/24 table 100", "ip rule show pref 5000"),
    "a nexthop": ("ip nexthop add id 7 dev other0", "ip nexthop show id 7"),
    "a queue": ("tc qdisc replace dev other0 root handle 5: htb default 1", "tc qdisc show dev other0"),
    "a class": ("tc class add dev other0 parent 5: classid 5:1 htb rate 1mbit", "tc class show dev other0"),
    "an address of a core port": ("ip addr add 198.51.100.1/24 dev right", "ip addr show right to 198.51.100.1"),
    "a packet filter": ("nft add table inet theirs", "nft list tables"),
    "a tunnel": ("ip link add hxother type vxlan id 9 dstport 4790 remote 192.0.2.9", "ip link show hxother"),
}


def test_what_is_not_ours_is_left_alone(bench: Bench) -> None:
    for command, _ in FOREIGN.values():
        bench.chain.run("r1", *command.split())
    shown = {what: bench.chain.run("r1", *show.split()) for what, (_, show) in FOREIGN.items()}
    try:
        assert bench.router.converge() == 0, "nothing of it is taken for ours"
        offer(bench.chain, bench.services[0])
        bench.router.converge()
        offer(bench.chain, *bench.services)
        bench.router.converge()
        for what, (_, show) in FOREIGN.items():
            assert bench.chain.run("r1", *show.split()) == shown[what], what
        assert bench.flows()
    finally:
        for command in (
            "ip link del other0", "ip link del hxother", "nft delete table inet theirs", "ip rule del pref 5000",
            "ip addr del 198.51.100.1/24 dev right",
        ):  # fmt: skip
            bench.chain.run("r1", *command.split(), check=False)


def test_an_agent_that_starts_again_touches_nothing(bench: Bench) -> None:
    """A new one finds what the old one made, and not one of 5,000 packets a second is lost."""
    router = bench.router
    assert bench.flows()
    with Stream(bench.lanes[:2], 2500) as stream:
        for _ in range(20):
            with Kernel(router.namespace) as kernel, namespace.entered_by_name(router.namespace):
                steering = Steering(kernel, router.config)
                steering.start()
                assert steering.check(router.intended) == []
                assert steering.converge(router.intended) == 0
    assert stream.lost() == []
    assert stream.sent > 100


@pytest.mark.parametrize("number", [0, 2])
def test_an_interface_that_vanishes_and_returns_carries_again(bench: Bench, number: int) -> None:
    """A customer's port, taken out and put in again: the kernel gives it another number."""
    one, router, made = bench.services[number], bench.router, bench.chain
    interface, name = str(one.here.interface), f"again{number}"
    before = state(router)
    made.run("r1", "ip", "link", "del", interface)
    router.converge()
    without = state(router)
    assert len(without) < len(before) - 15
    assert not any(interface in str(thing) for thing in without.values()), "no rule is left of it"
    assert router.converge() == 0
    with ExitStack() as undo:
        made.run("r1", "ip", "link", "add", "other1", "type", "ifb")
        host(made, name, 1, interface, one.here.addresses, undo)
        router.converge()
        assert state(router) == before
        if one.here.kind is ServiceKind.IP:
            for family in FAMILIES:
                with lane(space(made, name, "")[:-1], space(made, one, "there"), far(one, family), port=5006) as way:
                    assert way.passes(1, timeout_s=4.0) == 1
        else:
            with Frames(f"{made.prefix}-{name}", "e0") as sender:
                bench.receiver.taken()
                sender.send(FRAME)
                assert bench.receiver.wait_for(FRAME)
        made.run("r1", "ip", "link", "del", "other1")
        made.run("r1", "ip", "link", "del", interface)
        router.converge()
    # As it was, for those that come after.
    inside = space(made, one, "here")
    made.run("r1", "ip", "link", "add", interface, "mtu", "9000", "type", "veth", "peer", "name", "e0", "mtu", "9000",
             "netns", inside)  # fmt: skip
    _again(made, one, inside)
    router.converge()
    assert state(router) == before


def test_a_router_full_of_services_is_brought_up_in_one_go(tmp_path_factory: pytest.TempPathFactory) -> None:
    """As after the reboot of a large router: more messages than go in one sendmsg."""
    with ExitStack() as undo:
        made = undo.enter_context(chain(2, tmp_path_factory.mktemp("routers")))
        services = [service(f"s{number}", number, 1, 2) for number in range(1, 41)]
        for one in services:
            for node, end in ((1, one.here), (2, one.there)):
                made.run(f"r{node}", "ip", "link", "add", str(end.interface), "mtu", "9000", "type", "ifb")
        for router, intended in zip(made.routers, intents(services, 2), strict=True):
            router.intended = intended
            with Kernel(router.namespace) as kernel, namespace.entered_by_name(router.namespace):
                kernel.limit = 300
                assert Steering(kernel, router.config).converge(intended) > 1000
            assert router.converge() == 0


# --- looking -------------------------------------------------------------------------------------------------


def _objects(router: Router) -> list[Key]:
    with kernel_of(router) as kernel:
        return list(reversed(raw(router, kernel)))


def _again(made: Chain, one: Service, inside: str) -> None:
    name = inside.removeprefix(f"{made.prefix}-")
    at = one.here.addresses
    for line in (
        ("addr", "add", f"{at.ce4}/31", "dev", "e0"),
        ("addr", "add", f"{at.ce6}/127", "dev", "e0", "nodad"),
        ("link", "set", "e0", "up"),
        ("route", "replace", "default", "via", at.pe4),
        ("-6", "route", "replace", "default", "via", at.pe6),
    ):
        made.run(name, "ip", *line)
