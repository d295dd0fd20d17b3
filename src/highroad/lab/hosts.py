"""Customers' hosts, and the wires between them and the routers: one host a port, one wire an attachment.

A host is a namespace from when its port is known; what is needed to change it is opened with its first wire.
A host answers for all prefixes that were said to be behind it, and reaches what is remote by way of the router. It may
have many wires, whose prefixes overlap: a socket that is bound to a wire's address or interface uses that wire.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from ipaddress import ip_network

from highroad.lab import links, namespaces
from highroad.lab.build import LOOPBACK
from highroad.lab.names import LabId
from highroad.lab.plan import Plan
from highroad.model.network import SiteId
from highroad.model.service import PortId, ServiceKind
from highroad.netlink import address, link, namespace, route, rule
from highroad.netlink.kernel import LIMIT, Kernel
from highroad.netlink.message import AF_INET, AF_INET6, Message
from highroad.netlink.offload import make_plain
from highroad.ports.panel import Wire

ROUTER_INDEX, HOST_INDEX = 200_000, 300_000
"""Interfaces of wires are numbered from here on the router's and on the host's side."""

_TABLE = 1000
"""The first table of a host that has what one wire leads to."""

_PRIORITY = 1000
_SYSCTLS = {"ipv6/conf/all/accept_dad": "0", "ipv6/conf/default/accept_dad": "0", "ipv4/conf/all/rp_filter": "0"}


@dataclass(frozen=True, slots=True)
class Laid:
    """A wire that lies, and its number, which no other has."""

    wire: Wire
    number: int

    @property
    def interface(self) -> str:
        """The host's end."""
        return f"e{self.number}"

    @property
    def address(self) -> str:
        """What the host is called on it: the customer's edge, or in an Ethernet service its place in a subnet."""
        return self.wire.ce4 if self.wire.kind is ServiceKind.IP else subnet_of(self.wire)[0]


@dataclass(slots=True)
class Host:
    """A port's host: its namespace, a socket there, and how many wires want an address on its loopback."""

    name: str
    namespace: int
    kernel: Kernel
    wanted: dict[str, int] = field(default_factory=dict)


class Hosts:
    """All hosts and wires of a lab. It belongs to one thread."""

    def __init__(self, lab: LabId, plan: Plan) -> None:
        """Of a lab that is built and has none yet."""
        self._lab = lab
        self._plan = plan
        self.names: dict[PortId, str] = {}
        """The namespace of the host of each port that has one."""
        self._hosts: dict[PortId, Host] = {}
        self._routers: dict[SiteId, Kernel] = {}
        self._interfaces: dict[tuple[SiteId, str], str] = {}
        self._next = 1
        self.laid: dict[str, Laid] = {}
        self.dark: set[SiteId] = set()
        """Sites whose router is dead, and gives no light."""
        self._mute: dict[SiteId, int] = {}
        """Sites whose router is dead and gives light, each with the program that lets nothing pass."""

    def close(self) -> None:
        """Let go of the kernel; what lies stays."""
        for host in self._hosts.values():
            host.kernel.close()
            os.close(host.namespace)
        for kernel in self._routers.values():
            kernel.close()

    def make(self, ports: Iterable[PortId]) -> None:
        """Have a host behind each of these ports. Raises Unavailable."""
        for port in ports:
            if port not in self.names:
                name = self._lab.host(port)
                namespaces.make([name])
                self.names[port] = name
                namespaces.settle(name, _SYSCTLS)
                with Kernel(name) as kernel:
                    kernel.do([link.set_link(LOOPBACK, up=True)])

    def host(self, port: PortId) -> Host:
        """The host of a port, made when there is none yet."""
        if port not in self._hosts:
            self.make([port])
            name = self.names[port]
            self._hosts[port] = Host(name=name, namespace=namespace.open_namespace(name), kernel=Kernel(name))
        return self._hosts[port]

    def attach(self, wires: Sequence[Wire]) -> dict[str, str]:
        """Lay wires; those that lie stay. Returns why one cannot be laid, in words."""
        refused: dict[str, str] = {}
        wanted: dict[str, Wire] = {}
        for wire in wires:
            reason = self._reason(wire)
            if reason:
                refused[wire.attachment] = reason
            elif wire.attachment not in self.laid or self.laid[wire.attachment].wire != wire:
                wanted[wire.attachment] = wire
        self.detach(set(wanted) & set(self.laid))
        new = []
        for wire in wanted.values():
            new.append(Laid(wire, self._next))
            self._next += 1
        refused |= self._lay(new)
        for one in new:
            if one.wire.attachment in refused:
                self._interfaces.pop((one.wire.site, one.wire.interface), None)
            else:
                self.laid[one.wire.attachment] = one
                self._interfaces[one.wire.site, one.wire.interface] = one.wire.attachment
        return refused

    def detach(self, attachments: Iterable[str]) -> None:
        """Take wires away. Those that do not lie are no matter."""
        self._take([self.laid.pop(attachment) for attachment in attachments if attachment in self.laid])

    def shine(self, dark: Iterable[SiteId], mute: Iterable[SiteId] = (), nothing_passes: int = -1) -> None:
        """Take the light of all wires at some sites, let nothing pass at others, by a program, and mend all others."""
        dark, before, self._mute = set(dark), self._mute, dict.fromkeys(mute, nothing_passes)
        changed = before.keys() ^ self._mute.keys()
        self._silence([one for one in self.laid.values() if one.wire.site in changed])
        for port, host in self._hosts.items():
            here = [one for one in self.laid.values() if one.wire.port == port]
            turned = [one for one in here if (one.wire.site in dark) is not (one.wire.site in self.dark)]
            host.kernel.do_many(
                [link.set_link(HOST_INDEX + one.number, up=one.wire.site not in dark) for one in turned]
            )
        self.dark = dark

    def _silence(self, wires: Iterable[Laid]) -> None:
        """Let nothing pass these wires, or everything again, as their sites are."""
        for one in wires:
            program = self._mute.get(one.wire.site, -1)
            ends = (
                (self._routers[one.wire.site], ROUTER_INDEX + one.number),
                (self._hosts[one.wire.port].kernel, HOST_INDEX + one.number),
            )
            for kernel, index in ends:
                kernel.try_all([link.set_link(index, xdp_fd=program)])

    def _take(self, wires: Sequence[Laid]) -> None:
        for one in wires:
            self._interfaces.pop((one.wire.site, one.wire.interface), None)
        for port in {one.wire.port for one in wires}:
            host, here = self._hosts[port], [one for one in wires if one.wire.port == port]
            _in_lots(host.kernel, [(one, _forgotten(one, host)) for one in here])
        for site in {one.wire.site for one in wires}:
            numbers = [ROUTER_INDEX + one.number for one in wires if one.wire.site == site]
            for start in range(0, len(numbers), LIMIT // 2):
                self._routers[site].try_all(links.doom(numbers[start : start + LIMIT // 2]))

    def _reason(self, wire: Wire) -> str:
        if wire.site not in self._plan.router:
            return f"the lab has no router at {wire.site}"
        if not 68 <= wire.mtu_bytes <= 9000:
            return f"an MTU of {wire.mtu_bytes} is not between 68 and 9000"
        if not wire.interface or len(wire.interface.encode()) > 15 or {"/", " ", ":"} & set(wire.interface):
            return f"`{wire.interface}` is no name of an interface"
        holder = self._interfaces.setdefault((wire.site, wire.interface), wire.attachment)
        if holder != wire.attachment:
            return f"{wire.interface} at {wire.site} is the interface of {holder} already"
        return ""

    def _lay(self, wires: Sequence[Laid]) -> dict[str, str]:
        refused: dict[str, str] = {}
        for site in {one.wire.site for one in wires}:
            if site not in self._routers:
                self._routers[site] = Kernel(self._lab.router(site))
            here = [one for one in wires if one.wire.site == site]
            refused |= _in_lots(self._routers[site], [(one, _pair(one, self.host(one.wire.port))) for one in here])
        for port in {one.wire.port for one in wires if one.wire.attachment not in refused}:
            host = self._hosts[port]
            here = [one for one in wires if one.wire.port == port and one.wire.attachment not in refused]
            lots = [(one, _settled(one, host, up=one.wire.site not in self.dark)) for one in here]
            bad = _in_lots(host.kernel, lots)
            self._take([one for one in here if one.wire.attachment in bad])
            refused |= bad
            self._silence([one for one in here if one.wire.site in self._mute and one.wire.attachment not in bad])
            ethernet = [one.interface for one in here if one.wire.kind is ServiceKind.ETHERNET]
            if ethernet:
                with namespace.entered(host.namespace):
                    for interface in ethernet:
                        make_plain(interface)
        return refused


def subnet_of(wire: Wire) -> tuple[str, str]:
    """Where the host at one end of an Ethernet service is: an IPv4 and an IPv6 address, the two ends in one subnet."""
    high, middle, low = blake2b(wire.service.encode(), digest_size=3).digest()
    end = 1 if wire.attachment.endswith(".a") else 2
    return f"10.{high}.{middle}.{end + 4 * (low % 63)}", f"fd65:{high << 8 | middle:x}:{low:x}::{end}"


def _pair(one: Laid, host: Host) -> list[Message]:
    wire = one.wire
    made = links.wire(
        wire.interface,
        one.interface,
        index=ROUTER_INDEX + one.number,
        peer_index=HOST_INDEX + one.number,
        namespace=host.namespace,
        mtu=wire.mtu_bytes,
    )
    return [made, link.set_link(ROUTER_INDEX + one.number, up=True)]


def _settled(one: Laid, host: Host, *, up: bool) -> list[Message]:
    """What the host's end is to have."""
    wire, index = one.wire, HOST_INDEX + one.number
    messages = [link.set_link(index, up=True, alias=wire.attachment[:255])]
    if wire.kind is ServiceKind.ETHERNET:
        four, six = subnet_of(wire)
        messages.append(address.create(address.Address(address=four, prefix_len=24, index=index)))
        messages.append(address.create(address.Address(address=six, prefix_len=64, index=index)))
    else:
        messages.append(address.create(address.Address(address=wire.ce4, prefix_len=31, index=index)))
        messages.append(address.create(address.Address(address=wire.ce6, prefix_len=127, index=index)))
        messages += [rule.create(one) for one in _rules(one)]
        messages += [route.create(one) for one in _routes(one)]
        for prefix in wire.prefixes:
            own = _own(prefix)
            host.wanted[own] = host.wanted.get(own, 0) + 1
            length = 128 if ":" in own else 32
            messages.append(address.replace(address.Address(address=own, prefix_len=length, index=LOOPBACK)))
    if not up:
        messages.append(link.set_link(index, up=False))
    return messages


def _forgotten(one: Laid, host: Host) -> list[Message]:
    """What takes away again what does not go with the interface."""
    if one.wire.kind is ServiceKind.ETHERNET:
        return []
    messages = [rule.delete(one) for one in _rules(one)]
    messages += [route.delete(one) for one in _routes(one) if one.kind == "local"]
    for prefix in one.wire.prefixes:
        own = _own(prefix)
        host.wanted[own] -= 1
        if not host.wanted[own]:
            del host.wanted[own]
            length = 128 if ":" in own else 32
            messages.append(address.delete(address.Address(address=own, prefix_len=length, index=LOOPBACK)))
    return messages


def _rules(one: Laid) -> list[rule.Rule]:
    table, wire = _TABLE + one.number, one.wire
    return [
        rule.Rule(family=AF_INET, priority=_PRIORITY, source=f"{wire.ce4}/32", table=table),
        rule.Rule(family=AF_INET6, priority=_PRIORITY, source=f"{wire.ce6}/128", table=table),
    ]


def _routes(one: Laid) -> list[route.Route]:
    wire, index = one.wire, HOST_INDEX + one.number
    routes = []
    for prefix in dict.fromkeys(wire.remote):
        via = wire.pe6 if ":" in prefix else wire.pe4
        routes += [
            route.Route(dst=prefix, via=via, dev=index, table=_TABLE + one.number),
            route.Route(dst=prefix, via=via, dev=index, metric=_TABLE + one.number),
        ]
    for prefix in dict.fromkeys(wire.prefixes):
        local = route.Route(dst=prefix, kind="local", dev=LOOPBACK, table=route.LOCAL, metric=_TABLE + one.number)
        routes.append(local)
    return routes


def _own(prefix: str) -> str:
    """The address in a prefix that a host itself has."""
    network = ip_network(prefix)
    return str(network.network_address + (1 if network.num_addresses > 2 else 0))


def _in_lots(kernel: Kernel, changes: Sequence[tuple[Laid, list[Message]]]) -> dict[str, str]:
    """Make the changes, as many at once as the socket takes. Returns what was refused first of each, in words."""
    refused: dict[str, str] = {}
    lot: list[tuple[str, Message]] = []

    def send() -> None:
        answers = kernel.try_all([message for _, message in lot])
        for (attachment, _), answer in zip(lot, answers, strict=True):
            if answer is not None:
                refused.setdefault(attachment, f"the kernel refused it: {answer.text or os.strerror(answer.errno)}")
        lot.clear()

    for one, messages in changes:
        if len(lot) + len(messages) > LIMIT:
            send()
        for message in messages:
            if len(lot) == LIMIT:
                send()
            lot.append((one.wire.attachment, message))
    send()
    return refused
