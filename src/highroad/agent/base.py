"""What makes a host a router of ours, whatever services it carries: system controls, the pair of loop devices, the
shaper, core ports with their adjacency SIDs and queues, and the rules that keep transit and tenants apart.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from socket import AF_INET, AF_INET6

from highroad.agent import numbers as n
from highroad.agent.config import AgentConfig, CorePort
from highroad.agent.gate import core_entry, core_gate
from highroad.agent.kernelstate import Gate, Kept, Thing
from highroad.agent.rates import TYPICAL_BYTES, burst, queue_bytes
from highroad.agent.repair import things_of_repair_end
from highroad.agent.wanted import BLOCK_BITS, MICRO_SID_BITS, Devices, closed, hop, root_class, sid_route
from highroad.errors import Unavailable
from highroad.gnmi.router import ADJACENCY_FUNCTIONS
from highroad.model.service import TrafficClass
from highroad.netlink import link
from highroad.netlink.address import Address
from highroad.netlink.kernel import Kernel
from highroad.netlink.qdisc import Clsact, Fifo, Htb, HtbClass
from highroad.netlink.route import Route
from highroad.netlink.rule import Rule
from highroad.netlink.seg6 import Seg6Local
from highroad.netlink.tunnelsource import set_tunnel_source

FUNCTION_BITS = 35
"""Of the prefix in which all functions are: those of links and attachments are from 0xe000 on."""

CONTROLS = {
    "net/ipv4/ip_forward": "1",
    "net/ipv4/fwmark_reflect": "1",
    "net/ipv4/icmp_ratelimit": "100",
    "net/ipv4/icmp_ratemask": "4120",
    "net/ipv4/conf/all/send_redirects": "0",
    "net/ipv4/conf/default/send_redirects": "0",
    "net/ipv4/conf/all/accept_redirects": "0",
    "net/ipv4/conf/all/accept_source_route": "0",
    "net/ipv4/nexthop_compat_mode": "0",
    "net/ipv4/conf/all/rp_filter": "0",
    "net/ipv4/conf/default/rp_filter": "0",
    "net/ipv4/conf/all/ignore_routes_with_linkdown": "1",
    "net/ipv4/conf/default/ignore_routes_with_linkdown": "1",
    "net/ipv6/conf/all/forwarding": "1",
    "net/ipv6/conf/default/forwarding": "1",
    "net/ipv6/fwmark_reflect": "1",
    "net/ipv6/conf/all/ignore_routes_with_linkdown": "1",
    "net/ipv6/conf/default/ignore_routes_with_linkdown": "1",
    "net/ipv6/conf/all/keep_addr_on_down": "1",
    "net/ipv6/conf/default/keep_addr_on_down": "1",
    "net/ipv6/conf/all/seg6_enabled": "1",
    "net/ipv6/icmp/ratelimit": "100",
    "net/ipv6/icmp/ratemask": "0-1,4-127",
}
"""What the router needs of the kernel.

The kernel limits ICMP errors but for two, which must never be missing and which the shaper limits, a customer each:
Packet Too Big, and Time Exceeded (hence the masks: 4120 is the types 3, 4 and 12). Segment routing is on for all and
then on for each core port alone: the kernel takes the lesser of the two, so that a customer's port (0, the default)
ends no segment.
"""

ROOM = {
    f"net/{family}/neigh/default/{name}": least
    for family in ("ipv4", "ipv6")
    for name, least in (("gc_thresh1", 1 << 12), ("gc_thresh2", 1 << 13), ("gc_thresh3", 1 << 14))
}
"""How many neighbours a host may know, at least: 1,024 by default, which tenants share. Only the host's own namespace
has these.
"""

CORE_CONTROLS = {
    "net/ipv6/conf/{}/seg6_enabled": "1",
    "net/ipv6/conf/{}/forwarding": "1",
    "net/ipv6/conf/{}/accept_dad": "0",
    "net/ipv6/conf/{}/accept_ra": "0",
    "net/ipv4/conf/{}/rp_filter": "0",
    "net/ipv6/conf/{}/ndisc_evict_nocarrier": "0",
    "net/ipv6/conf/{}/ndisc_notify": "1",
}
"""Of a core port. It keeps its neighbour in mind while light is out, so that the first packet after a splice need not
wait for it (what waits is dropped after a few packets); a router that comes back as another one says so by itself.
"""

CUSTOMER_CONTROLS = {
    "net/ipv6/conf/{}/disable_ipv6": "0",
    "net/ipv6/conf/{}/seg6_enabled": "0",
    "net/ipv6/conf/{}/forwarding": "1",
    "net/ipv6/conf/{}/accept_dad": "0",
    "net/ipv6/conf/{}/accept_ra": "0",
    "net/ipv6/conf/{}/accept_redirects": "0",
    "net/ipv4/conf/{}/rp_filter": "0",
    "net/ipv4/conf/{}/send_redirects": "0",
    "net/ipv4/conf/{}/accept_redirects": "0",
    "net/ipv4/conf/{}/arp_ignore": "1",
    "net/ipv4/conf/{}/arp_announce": "2",
    "net/ipv4/conf/{}/forwarding": "1",
    # An edge whose light has just come loses the first answers that it sends: ask soon again, and more often.
    "net/ipv4/neigh/{}/retrans_time_ms": "20",
    "net/ipv4/neigh/{}/mcast_solicit": "10",
    "net/ipv6/neigh/{}/retrans_time_ms": "20",
    "net/ipv6/neigh/{}/mcast_solicit": "10",
}

ETHERNET_CONTROLS = CUSTOMER_CONTROLS | {"net/ipv6/conf/{}/disable_ipv6": "1"}
"""Of an Ethernet service's port and tunnel, where the router has nothing to say: no address, no router discovery."""

CERTAIN_SHARE = 0.05
"""What each class has of a core port before the others may borrow."""

SPARE_SHARE = 0.002
"""What each class has that nothing is guaranteed in: too little to take a guarantee from anybody, enough not to
starve.
"""

WRAPPED_BYTES = 14 + 40 + 8 + 16
"""What a core port carries with each packet besides: Ethernet, the outer header, a routing header of one segment."""

CORE_QUEUE_S = 0.02
"""How long a full queue of a class takes to empty at the port's rate."""


def set_controls(names: Mapping[str, str], interface: str = "") -> None:
    """Write system controls of this namespace. Raises Unavailable with the one that the kernel does not have."""
    for name, value in names.items():
        place, wanted = name.format(interface), value.encode()
        try:
            control = os.open(f"/proc/sys/{place}", os.O_RDWR)
            try:
                if os.pread(control, 64, 0).strip() != wanted:
                    os.pwrite(control, wanted, 0)
            finally:
                os.close(control)
        except OSError as error:
            raise Unavailable(f"the kernel does not take {place}={value}: {error.strerror}") from error


def _make_room() -> None:
    for name, least in ROOM.items():
        path = Path("/proc/sys") / name
        with suppress(OSError, ValueError):
            if int(path.read_text()) < least:
                path.write_text(str(least))


def prepare(kernel: Kernel, config: AgentConfig) -> None:
    """Make the devices that everything else hangs on, where they are not there yet. Raises Unavailable."""
    set_controls(CONTROLS)
    _make_room()
    names = {one.name for one in kernel.links()}
    if n.LOOP_OUT not in names:
        kernel.do([link.veth(n.LOOP_OUT, n.LOOP_IN, mtu=n.LOOP_MTU, peer_mtu=n.LOOP_MTU)])
    if n.SHAPER not in names:
        kernel.do([link.ifb(n.SHAPER)])
    by_name = {one.name: one for one in kernel.links()}
    changes = [
        link.set_link(by_name[name].index, address=n.LOOP_MAC, arp=False, mtu=n.LOOP_MTU, addrgen="none", up=True)
        for name in (n.LOOP_OUT, n.LOOP_IN)
        if not by_name[name].up or by_name[name].address != n.LOOP_MAC or by_name[name].mtu != n.LOOP_MTU
    ]
    if not by_name[n.SHAPER].up:
        changes.append(link.set_link(by_name[n.SHAPER].index, addrgen="none", up=True))
    changes += [link.set_link(one.index, up=True) for one in by_name.values() if one.name == "lo" and not one.up]
    for port in config.core_ports:
        here = by_name.get(port.interface)
        if here is None:
            # One that is gone is told as dark; what hangs on the others is to be looked after all the same.
            continue
        set_controls(CORE_CONTROLS, port.interface)
        if not here.up:
            changes.append(link.set_link(here.index, up=True))
    for name in (n.LOOP_OUT, n.LOOP_IN):
        set_controls(CORE_CONTROLS, name)
    if changes:
        kernel.do(changes)
    set_tunnel_source(config.loopback)


def things_of_base(config: AgentConfig, devices: Devices) -> list[Thing]:
    """Everything of the router itself."""
    things: list[Thing] = [
        Address(family=AF_INET6, address=config.loopback, prefix_len=128, index=devices.loop_in),
        Address(family=AF_INET6, address=config.node_sid, prefix_len=128, index=devices.loop_in),
        # What our locator and block do not have goes nowhere, rather than along a default route.
        Route(family=AF_INET6, dst=config.locator, table=n.TABLE_MAIN, kind="unreachable", metric=n.PROTOCOL << 16),
        # Nor does a function that we do not have, in silence: an error would bring a customer's packet to a headend.
        Route(
            family=AF_INET6,
            dst=_functions(config),
            table=n.TABLE_MAIN,
            kind="blackhole",
            metric=n.PROTOCOL << 16,
        ),
        Htb(index=devices.shaper, handle=1 << 16, default=0xFFFF),
        root_class(devices.shaper),
        *_no_policy(devices.shaper),
        *things_of_repair_end(config, devices),
    ]
    for port in config.core_ports:
        dev = devices.named.get(port.interface)
        if dev is not None:
            things += _core_port(config, devices, port, dev)
    things += _rules(config)
    return things


def _functions(config: AgentConfig) -> str:
    """The prefix in which all functions are."""
    return f"{config.sid(ADJACENCY_FUNCTIONS.start)}/{FUNCTION_BITS}"


def _no_policy(shaper: int) -> Iterable[Thing]:
    """Where what no class is for ends up: slow enough that nobody mistakes it for a service."""
    yield HtbClass(
        index=shaper, handle=1 << 16 | 0xFFFF, parent=1 << 16 | 1, rate_bps=12_500, ceil_bps=12_500,
        burst=20_000, cburst=20_000, prio=7, quantum=10_000,
    )  # fmt: skip


def _core_port(config: AgentConfig, devices: Devices, port: CorePort, dev: int) -> Iterable[Thing]:
    yield Address(family=AF_INET6, address=port.address, prefix_len=port.prefix_len, index=dev)
    yield Kept(dev=dev, address=port.neighbour)
    yield hop(port.neighbour, dev)
    yield sid_route(
        config,
        devices,
        port.function,
        Seg6Local(action="End.X", nh6=port.neighbour, next_csid=(BLOCK_BITS, MICRO_SID_BITS), count=True),
    )
    # Capacity is sold in customers' bytes, and the queue counts what is around them too.
    rate = max(20_000, round(port.capacity_gbps * 1e9 / 8 * config.rate_scale * (1 + WRAPPED_BYTES / TYPICAL_BYTES)))
    yield Htb(index=dev, handle=1 << 16, default=n.CORE_CLASSES[TrafficClass.SCAVENGER])
    yield HtbClass(
        index=dev, handle=1 << 16 | 1, parent=1 << 16, rate_bps=rate, ceil_bps=rate,
        burst=burst(rate, 9600), cburst=burst(rate, 9600), prio=0, quantum=60_000,
    )  # fmt: skip
    for prio, (minor, share) in enumerate(_queues()):
        certain = max(2_000, int(rate * share))
        yield HtbClass(
            index=dev, handle=1 << 16 | minor, parent=1 << 16 | 1, rate_bps=certain, ceil_bps=rate,
            burst=burst(certain, 9600), cburst=burst(rate, 9600), prio=prio, quantum=20_000,
        )  # fmt: skip
        yield Fifo(
            kind="bfifo", index=dev, handle=minor << 16, parent=1 << 16 | minor,
            limit=queue_bytes(rate, CORE_QUEUE_S),
        )  # fmt: skip
    yield Clsact(index=dev)
    yield Gate(dev=dev, ingress=True, program=core_entry(config.sid_block))
    yield Gate(dev=dev, ingress=False, program=core_gate(config.sid_block))


def _queues() -> Iterable[tuple[int, float]]:
    """The classes of a core port in the order in which they may borrow: what is guaranteed first, then what is not."""
    yield n.CORE_CLASSES[None], CERTAIN_SHARE
    for traffic_class in n.EXCESS_CLASSES:
        yield n.CORE_CLASSES[traffic_class], CERTAIN_SHARE
    for minor in n.EXCESS_CLASSES.values():
        yield minor, SPARE_SHARE
    yield n.CORE_CLASSES[TrafficClass.SCAVENGER], SPARE_SHARE


def _rules(config: AgentConfig) -> Iterable[Rule]:
    yield Rule(
        family=AF_INET6, priority=n.PREF_SID, table=n.TABLE_MAIN, destination=_functions(config),
        fwmark=n.MARK_SID, fwmask=n.MARK_SID,
    )  # fmt: skip
    yield Rule(
        family=AF_INET6, priority=n.PREF_SILENT, action="blackhole", iif="lo", fwmark=n.MARK_SILENT,
        fwmask=n.MARK_SILENT,
    )  # fmt: skip
    yield Rule(family=AF_INET6, priority=n.PREF_HOP, table=n.TABLE_HOPS, fwmark=n.MARK_SID, fwmask=n.MARK_SID)
    yield Rule(
        family=AF_INET6, priority=n.PREF_ENTRY, table=n.TABLE_MAIN, destination=config.sid_block,
        fwmark=n.MARK_GATE, fwmask=n.MARK_GATE,
    )  # fmt: skip
    for port in config.core_ports:
        # The neighbour of an adjacency SID is looked up as if its packet came from where the customer's did.
        yield Rule(
            family=AF_INET6, priority=n.PREF_ENTRY, table=n.TABLE_HOPS, destination=f"{port.neighbour}/128",
            fwmark=n.MARK_GATE, fwmask=n.MARK_GATE,
        )  # fmt: skip
    for family in (AF_INET, AF_INET6):
        for port in config.core_ports:
            yield Rule(family=family, priority=n.PREF_CORE_LOCAL, table=n.TABLE_LOCAL, iif=port.interface)
            yield Rule(family=family, priority=n.PREF_CORE_MAIN, table=n.TABLE_MAIN, iif=port.interface)
        yield Rule(family=family, priority=n.PREF_LOOP_LOCAL, table=n.TABLE_LOCAL, iif=n.LOOP_IN)
        yield Rule(family=family, priority=n.PREF_LOOP_MAIN, table=n.TABLE_MAIN, iif=n.LOOP_IN)
        yield Rule(family=family, priority=n.PREF_SELF_LOCAL, table=n.TABLE_LOCAL, iif="lo")
        yield Rule(family=family, priority=n.PREF_SELF_MAIN, table=n.TABLE_MAIN, iif="lo")
        yield Rule(
            family=family, priority=n.PREF_FRAGMENT_CLOSED, action="blackhole", iif=n.LOOP_IN, fwmark=n.MARK_GATE,
            fwmask=n.MARK_GATE,
        )  # fmt: skip
        yield Rule(family=family, priority=n.PREF_LEFT_OVER, action="blackhole", fwmark=n.MARK_GATE, fwmask=n.MARK_GATE)
        yield Rule(family=family, priority=n.PREF_LOCAL, table=n.TABLE_LOCAL)
    for interface in sorted(set(config.customer_ports.values())):
        yield from closed(interface, n.PREF_CLOSED_PORT)
