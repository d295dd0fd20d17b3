"""What the kernel is to hold for what the controller said: pure, from values to values."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import ip_network
from socket import AF_INET, AF_INET6

from highroad.agent import numbers as n
from highroad.agent.config import AgentConfig, address_in
from highroad.agent.gate import gate_of
from highroad.agent.kernelstate import Gate, Kept, PortState, Thing, Tunnel
from highroad.agent.rates import ETHERNET_BYTES, burst, bytes_a_second, quantum, queue_bytes
from highroad.agent.selection import preferred
from highroad.gnmi.router import Attachment, CandidatePath, Intended, Policy, SegmentList
from highroad.model.service import ServiceKind, TrafficClass
from highroad.netlink.address import Address
from highroad.netlink.filter import U32
from highroad.netlink.nexthop import Nexthop, NexthopGroup
from highroad.netlink.qdisc import INGRESS, Clsact, Fifo, Htb, HtbClass
from highroad.netlink.route import Route
from highroad.netlink.rule import Rule
from highroad.netlink.seg6 import Seg6Encap, Seg6Local

BLOCK_BITS, MICRO_SID_BITS = 32, 16
"""Of a SID: the block that all share, and each micro SID after it."""

METRIC6 = 1024
"""What the kernel gives an IPv6 route that names none."""

LAST_METRIC = 0x7FFF_FFFF
"""Of the route that says no: any other one of the table wins."""

QUEUE_S = 0.1
"""How long a full queue of a service takes to empty at its ceiling: enough for TCP over a continent."""

ASKED_RATE = 250_000
"""Bytes a second of what the router answers a customer itself: thirty packets of 9000 bytes that were too large."""

NEIGHBOURS_RATE = 1_000
"""Bytes a second of ARP and neighbour discovery: the table that it fills is shared, and entries stay for seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Devices:
    """Interface numbers, as the kernel has them now. `named` knows each attachment's."""

    loop_out: int
    loop_in: int
    shaper: int
    named: Mapping[str, int]


def interface_of(config: AgentConfig, attachment: Attachment) -> str | None:
    """The interface of an attachment: the one it names, or its port's by the agent's file; of a tag, the port's own
    interface for that (`eth2.100`).
    """
    port = config.customer_ports.get(attachment.port)
    tagged = port if port is None or attachment.vlan is None else f"{port}.{attachment.vlan}"
    return attachment.interface or tagged


Used = Callable[[Policy], CandidatePath]
"""Which candidate path of a policy is in use."""


def things_of(
    config: AgentConfig,
    devices: Devices,
    intended: Intended,
    only: Callable[[str], bool] = lambda _: True,
    used: Used = preferred,
) -> list[Thing]:
    """Everything that some of the attachments (by id), with their policies, need. Interfaces that are not there are
    left out: what hangs on them comes with them. Which path is in use makes a difference to groups only.
    """
    policies = {policy.attachment: policy for policy in intended.policies.values()}
    things: list[Thing] = []
    for attachment in intended.attachments.values():
        if not only(attachment.id):
            continue
        interface = interface_of(config, attachment)
        dev = None if interface is None else devices.named.get(interface)
        if dev is None:
            continue
        policy = policies.get(attachment.id)
        if attachment.kind is ServiceKind.IP:
            things += _ip(config, devices, attachment, policy, str(interface), dev, used)
        else:
            things += _ethernet(config, devices, attachment, policy, str(interface), dev, used)
    return things


def groups_of(config: AgentConfig, one: Attachment, policy: Policy, path: CandidatePath) -> Iterable[NexthopGroup]:
    """The groups of a policy that uses this candidate path: a flip replaces these, and nothing else.

    There are as many as the preferred path has lists, since flows are pinned and shaped for those. A path with another
    number of lists has all of them in every group, by their weights.
    """
    places = len(preferred(policy).segment_lists) if one.kind is ServiceKind.IP else 1
    number = n.number_of(one.function)
    for ipv6 in _families(one):
        ids, function = _ids(config, one, policy, ipv6), _end_of(one, policy, ipv6)
        for index in range(places):
            lists = path.segment_lists[index : index + 1] if len(path.segment_lists) == places else path.segment_lists
            weights: dict[int, int] = {}
            for segments in lists:
                member = ids[containers(config, segments, function)]
                weights[member] = weights.get(member, 0) + segments.weight
            members = tuple(weights.items()) if len(weights) > 1 else ((next(iter(weights)), 1),)
            yield NexthopGroup(id=n.group_id(number, index, ipv6=ipv6), members=members)


def lent(
    config: AgentConfig, dev: int, one: Attachment, policy: Policy, base: CandidatePath, path: CandidatePath
) -> list[Nexthop]:
    """The nexthops of one candidate path, leading along another: whoever points at those goes the other way.

    The kernel takes such a message at once, while with another member of a group it waits for all its readers. There
    are none where a path has several lists, or the preferred one has; nor of Ethernet services, whose tunnels remember
    where their packets went until a group is another.
    """
    if one.kind is not ServiceKind.IP or any(len(some.segment_lists) > 1 for some in (preferred(policy), base, path)):
        return []
    found = []
    for ipv6 in _families(one):
        ids, function = _ids(config, one, policy, ipv6), _end_of(one, policy, ipv6)
        here, there = (containers(config, some.segment_lists[0], function) for some in (base, path))
        found.append(_nexthop(dev, ids[here], there, ipv6))
    return found


def containers(config: AgentConfig, segments: SegmentList, function: int) -> tuple[str, ...]:
    """The segments of a list as they stand in the packet: six micro SIDs an address (RFC 9800, NEXT-CSID)."""
    return _packed(config.sid_block, (*segments.functions, function))


@lru_cache(maxsize=16_384)
def _packed(block: str, micro: tuple[int, ...]) -> tuple[str, ...]:
    """Kept, since a flip has no time for it."""
    return tuple(address_in(block, *micro[at : at + 6]) for at in range(0, len(micro), 6))


# --- ip ------------------------------------------------------------------------------------------------------


def _ip(
    config: AgentConfig, devices: Devices, one: Attachment, policy: Policy | None, interface: str, dev: int, used: Used
) -> Iterable[Thing]:
    number = n.number_of(one.function)
    at = one.addresses
    table = n.table(number)
    yield from _decap(config, devices, one)
    # Decapsulation asks for the way to the edge, and then for the neighbour of a route without a gateway by what the
    # packet is for, which is behind the edge: so the edge is its own gateway.
    yield Route(family=AF_INET, dst=f"{at.ce4}/32", table=n.TABLE_MAIN, via=at.ce4, dev=dev, onlink=True, metric=0)
    yield Address(family=AF_INET, address=at.pe4, prefix_len=31, index=dev)
    yield Address(family=AF_INET6, address=at.pe6, prefix_len=127, index=dev)
    own4, own6 = _by_family(one.prefixes)
    yield Route(family=AF_INET, dst=f"{at.pe4}/32", table=table, kind="local", dev=dev, metric=0)
    yield Route(family=AF_INET, dst=f"{at.ce4}/32", table=table, dev=dev, metric=0)
    yield Route(family=AF_INET6, dst=f"{at.pe6}/128", table=table, kind="local", dev=dev, metric=METRIC6)
    yield Route(family=AF_INET6, dst=f"{at.ce6}/128", table=table, dev=dev, metric=METRIC6)
    # Neighbour discovery with the customer's edge, which is all that the gate lets through to these.
    yield Route(family=AF_INET6, dst="ff02::/16", table=table, kind="multicast", dev=dev, metric=METRIC6)
    yield Route(family=AF_INET6, dst="fe80::/10", table=table, kind="local", dev=dev, metric=METRIC6)
    for prefix in own4:
        yield Route(family=AF_INET, dst=prefix, table=table, via=at.ce4, dev=dev, metric=0)
    for prefix in own6:
        yield Route(family=AF_INET6, dst=prefix, table=table, via=at.ce6, dev=dev, metric=METRIC6)
    # IPv6 says nothing of what leads nowhere: an error about another address of this router comes from that address.
    for family, everything, kind, edge in (
        (AF_INET, "0.0.0.0/0", "unreachable", f"{at.pe4}/32"), (AF_INET6, "::/0", "blackhole", f"{at.pe6}/128")
    ):  # fmt: skip
        yield Route(family=family, dst=everything, table=table, kind=kind, metric=LAST_METRIC)
        yield Rule(
            family=family, priority=n.PREF_TENANT, table=table, iif=interface, fwmark=n.MARK_GATE, fwmask=n.MARK_GATE
        )
        yield Rule(
            family=family, priority=n.PREF_TO_SELF, action="blackhole", iif="lo", destination=edge, fwmark=number,
            fwmask=n.MARK_ATTACHMENT,
        )  # fmt: skip
        yield Rule(
            family=family, priority=n.PREF_REFLECTED, table=table, iif="lo", fwmark=number, fwmask=n.MARK_ATTACHMENT
        )
    yield hop(at.ce6, dev)
    yield Kept(dev=dev, address=at.ce4)
    yield Kept(dev=dev, address=at.ce6)
    yield from closed(interface, n.PREF_CLOSED)
    yield from _answered(devices.shaper, number)
    if policy is not None:
        yield from _steered(config, devices, one, policy, interface, used(policy))
    yield from _port(dev, one.mtu_bytes)
    yield Gate(dev=dev, ingress=True, program=gate_of(config, one, policy))
    yield redirect(dev, devices.shaper)


def hop(address: str, dev: int) -> Route:
    """Where a SID of ours sends its packets."""
    return Route(
        family=AF_INET6, dst=f"{address}/128", table=n.TABLE_HOPS, via=address, dev=dev, onlink=True, metric=METRIC6
    )


def closed(interface: str, priority: int) -> Iterable[Rule]:
    """Nothing that comes in at an interface goes anywhere, nor to us, unless a rule before this one says so."""
    for family in (AF_INET, AF_INET6):
        yield Rule(family=family, priority=priority, action="blackhole", iif=interface)


def _answered(shaper: int, number: int) -> Iterable[Thing]:
    """What the router itself answers this customer, so that none keeps it from answering the others."""
    for minor, rate, limit in (
        (n.class_asked(number), ASKED_RATE, ASKED_RATE), (n.class_neighbours(number), NEIGHBOURS_RATE, 4_000)
    ):  # fmt: skip
        handle = 1 << 16 | minor
        yield HtbClass(
            index=shaper, handle=handle, parent=1 << 16 | 1, rate_bps=rate, ceil_bps=rate, burst=limit, cburst=limit,
            prio=len(TrafficClass), quantum=2_000,
        )  # fmt: skip
        yield Fifo(kind="bfifo", index=shaper, handle=minor << 16, parent=handle, limit=limit)


def _steered(
    config: AgentConfig, devices: Devices, one: Attachment, policy: Policy, interface: str, path: CandidatePath
) -> Iterable[Thing]:
    number = n.number_of(one.function)
    lists = preferred(policy).segment_lists
    remote = _by_family(policy.prefixes)
    yield from _nexthops(config, devices, one, policy)
    yield from groups_of(config, one, policy, path)
    for index in range(len(lists)):
        table = n.table(number, index)
        for family, prefixes, ipv6 in ((AF_INET, remote[0], False), (AF_INET6, remote[1], True)):
            group = n.group_id(number, index, ipv6=ipv6)
            # What we say to the far end (that a packet of its was too large) we say as this customer's edge.
            edge = one.addresses.pe6 if ipv6 else one.addresses.pe4
            for prefix in prefixes:
                yield Route(
                    family=family, dst=prefix, table=table, nhid=group, metric=METRIC6 if ipv6 else 0, source=edge
                )
            if index > 0:
                mark = index << 16
                yield Rule(
                    family=family, priority=n.PREF_LIST, table=table, iif=interface, fwmark=mark, fwmask=n.MARK_LIST
                )
        yield from _shaped(config, devices.shaper, number, index, policy, lists)
    # Only what leads somewhere is answered, as if this were the way: an error about another address of this router
    # would come from that address, and tell that it is there.
    too_big = n.too_big_table(number)
    at = one.addresses
    for family, prefixes, metric, edge in ((AF_INET, remote[0], 0, at.pe4), (AF_INET6, remote[1], METRIC6, at.pe6)):
        for prefix in prefixes:
            yield Route(
                family=family, dst=prefix, table=too_big, dev=devices.loop_out, mtu=policy.mtu_bytes, metric=metric,
                source=edge,
            )  # fmt: skip
        yield Rule(
            family=family, priority=n.PREF_TOO_BIG, table=too_big, iif=interface,
            fwmark=n.MARK_TOO_BIG, fwmask=n.MARK_TOO_BIG,
        )  # fmt: skip
    # IPv4 may be cut to size: the pieces come in again by the loop.
    yield Rule(
        family=AF_INET, priority=n.PREF_FRAGMENT, table=n.table(number), iif=n.LOOP_IN, fwmark=n.mark(number),
        fwmask=n.MARK_GATE | n.MARK_ATTACHMENT,
    )  # fmt: skip


def _decap(config: AgentConfig, devices: Devices, one: Attachment) -> Iterable[Route]:
    for function, local in (
        (one.function, Seg6Local(action="End.DX4", nh4=one.addresses.ce4, count=True)),
        (one.function + 1, Seg6Local(action="End.DX6", nh6=one.addresses.ce6, count=True)),
    ):
        yield sid_route(config, devices, function, local)


def sid_route(config: AgentConfig, devices: Devices, function: int, local: Seg6Local) -> Route:
    """The route that makes a function of this router answer."""
    return Route(
        family=AF_INET6, dst=f"{config.sid(function)}/48", table=n.TABLE_MAIN, dev=devices.loop_out, encap=local,
        metric=METRIC6,
    )  # fmt: skip


def _nexthops(config: AgentConfig, devices: Devices, one: Attachment, policy: Policy) -> Iterable[Nexthop]:
    """A nexthop for each way of a policy, those of paths that are not in use too: they are there when one is needed."""
    for ipv6 in _families(one):
        for listed, number in _ids(config, one, policy, ipv6).items():
            yield _nexthop(devices.loop_out, number, listed, ipv6)


def _nexthop(dev: int, number: int, listed: tuple[str, ...], ipv6: bool) -> Nexthop:
    return Nexthop(
        id=number,
        family=AF_INET6 if ipv6 else AF_INET,
        dev=dev,
        encap=Seg6Encap(mode="encap.red", segments=listed),
    )


def _families(one: Attachment) -> tuple[bool, ...]:
    """Of the packets that are steered, whether IPv6: a tunnel's own are."""
    return (False, True) if one.kind is ServiceKind.IP else (True,)


def _end_of(one: Attachment, policy: Policy, ipv6: bool) -> int:
    """The function at which packets of a family end."""
    return policy.remote_function + (ipv6 and one.kind is ServiceKind.IP)


def _ids(config: AgentConfig, one: Attachment, policy: Policy, ipv6: bool) -> dict[tuple[str, ...], int]:
    """The nexthops of a policy's ways: named by what they do, so that a way keeps its own whatever its preference."""
    number, function = n.number_of(one.function), _end_of(one, policy, ipv6)
    ways = {
        containers(config, segments, function): None
        for candidate in policy.candidate_paths
        for segments in candidate.segment_lists
    }
    ids: dict[tuple[str, ...], int] = {}
    taken: set[int] = set()
    for listed in sorted(ways):
        content = str(listed)
        # Two ways of one service whose names collide: the later one takes another name.
        while (chosen := n.nexthop_id(number, ipv6=ipv6, content=content)) in taken:
            content += "'"
        taken.add(chosen)
        ids[listed] = chosen
    return ids


def _shaped(
    config: AgentConfig, dev: int, number: int, index: int, policy: Policy, lists: tuple[SegmentList, ...]
) -> Iterable[Thing]:
    """The class of one list, and its queue. A policy's rates are split by the weights of its lists."""
    share = lists[index].weight / sum(segments.weight for segments in lists)
    handle = 1 << 16 | n.class_minor(number, index)
    rate = bytes_a_second(config, policy.guaranteed_kbps * share)
    ceil = max(rate, bytes_a_second(config, policy.ceiling_kbps * share))
    yield HtbClass(
        index=dev, handle=handle, parent=1 << 16 | 1, rate_bps=rate, ceil_bps=ceil,
        burst=burst(rate, policy.mtu_bytes), cburst=burst(ceil, policy.mtu_bytes),
        prio=policy.traffic_class.rank, quantum=quantum(rate),
    )  # fmt: skip
    yield Fifo(
        kind="bfifo", index=dev, handle=n.class_minor(number, index) << 16, parent=handle,
        limit=queue_bytes(ceil, QUEUE_S),
    )  # fmt: skip


def _by_family(prefixes: Iterable[str]) -> tuple[list[str], list[str]]:
    networks = [_network(prefix) for prefix in dict.fromkeys(prefixes)]
    return [text for version, text in networks if version == 4], [text for version, text in networks if version == 6]


@lru_cache(maxsize=1024)
def _network(prefix: str) -> tuple[int, str]:
    """The version of a prefix, and its text as the kernel has it."""
    network = ip_network(prefix)
    return network.version, str(network)


# --- ethernet ------------------------------------------------------------------------------------------------

TAG_BYTES = 4
"""An IEEE 802.1Q tag, which a frame may carry besides."""


def _ethernet(
    config: AgentConfig, devices: Devices, one: Attachment, policy: Policy | None, interface: str, dev: int, used: Used
) -> Iterable[Thing]:
    """A tunnel (VXLAN, RFC 7348) whose packets are steered as those of any service: they end at an address of the far
    router that is this attachment's alone.
    """
    number = n.number_of(one.function)
    local = end_point(config, config.node, one.function)
    yield sid_route(config, devices, one.function, Seg6Local(action="End.DT6", table=n.TABLE_LOCAL, count=True))
    yield Address(family=AF_INET6, address=local, prefix_len=128, index=devices.loop_in)
    yield from _port(dev, one.mtu_bytes)
    if policy is not None:
        name = n.vxlan_name(number)
        remote = end_point(config, policy.remote_node, policy.remote_function)
        mtu = one.mtu_bytes + ETHERNET_BYTES + TAG_BYTES
        yield Tunnel(name=name, vni=_vni(config, one, policy), local=local, remote=remote, mtu=mtu)
        lists = preferred(policy).segment_lists
        group = n.group_id(number, 0, ipv6=True)
        yield from _nexthops(config, devices, one, policy)
        yield from groups_of(config, one, policy, used(policy))
        yield Route(family=AF_INET6, dst=f"{remote}/128", table=n.TABLE_MAIN, nhid=group, metric=METRIC6)
        tunnel = devices.named.get(name)
        if tunnel is not None:
            yield Htb(index=tunnel, handle=1 << 16, default=0xFFFF)
            yield root_class(tunnel)
            yield from _shaped(config, tunnel, number, 0, policy, lists[:1])
            yield Clsact(index=tunnel)
            yield redirect(tunnel, dev)
            yield PortState(dev=tunnel, mtu=mtu)
            yield redirect(dev, tunnel)
    yield from closed(interface, n.PREF_CLOSED)
    yield Gate(dev=dev, ingress=True, program=gate_of(config, one, policy))


def _vni(config: AgentConfig, one: Attachment, policy: Policy) -> int:
    """What both ends call the tunnel, and no other tunnel is called: the lesser of the two ends, in 22 bits."""
    ends = ((config.node, one.function), (policy.remote_node, policy.remote_function))
    node, function = min(ends)
    return node << 11 | n.number_of(function) & 0x7FF


def end_point(config: AgentConfig, node: int, function: int) -> str:
    """The address at which an Ethernet attachment's tunnel ends: in its router's locator."""
    return address_in(config.sid_block, node, function)


def root_class(dev: int) -> HtbClass:
    """The class that all others borrow from: without a limit, since each has its own ceiling."""
    return HtbClass(
        index=dev, handle=1 << 16 | 1, parent=1 << 16, rate_bps=NO_LIMIT, ceil_bps=NO_LIMIT,
        burst=1_000_000, cburst=1_000_000, prio=0, quantum=200_000,
    )  # fmt: skip


NO_LIMIT = 125_000_000_000
"""Bytes a second: a terabit."""


def _port(dev: int, mtu_bytes: int) -> Iterable[Thing]:
    yield Clsact(index=dev)
    # Counts what is delivered, packet by packet where the kernel keeps several together.
    yield Fifo(kind="pfifo", index=dev, handle=0x48 << 16, limit=1000)
    yield PortState(dev=dev, mtu=mtu_bytes)


def redirect(dev: int, to: int) -> U32:
    """What passed the gate of an interface leaves by another: the shaper, or a tunnel."""
    return U32(index=dev, parent=INGRESS, priority=2, redirect=to)
