"""Every cell: who sends, to what kind of destination, by which protocol, pretending to be whom; each with its frame.

Generated from the ground: another service or address on it is more cells. What may arrive, and where, is in the cell.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from ipaddress import IPv6Address

from tests.lab.isolation import frames as f
from tests.lab.isolation.ground import End, Ground
from tests.lab.isolation.watch import BGP, GNMI, VXLAN_PORT

Build = Callable[[str, str, bytes], tuple[int, bytes]]
"""From source, destination and token to the protocol number and what follows the IP header."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One probe. `polite` is what a customer may say to its own edge: its router may hear that."""

    number: int
    origin: str
    target: str
    address: str
    protocol: str
    pretends: str
    polite: bool
    frame: bytes = field(repr=False)

    def __str__(self) -> str:
        as_whom = "" if self.pretends == "itself" else f" as {self.pretends}"
        return f"{self.origin} -> {self.target} {self.address} by {self.protocol}{as_whom}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A destination: what it is to the sender."""

    kind: str
    address: str

    @property
    def six(self) -> bool:
        return ":" in self.address


class Matrix:
    """Cells by their numbers; `of` makes those of one sender."""

    def __init__(self, ground: Ground) -> None:
        self.cells: list[Cell] = []
        self._ground = ground

    def all_of(self, origin: End) -> list[Cell]:
        """Everything that one end can try."""
        first = len(self.cells)
        own = origin.addresses
        targets = list(_targets(self._ground, origin))
        for target in targets:
            normal = own.ce6 if target.six else own.ce4
            for name, build in (_SIX if target.six else _FOUR).items():
                self._add(origin, target, name, normal, "itself", build)
            for whom, source in _sources(self._ground, origin, six=target.six):
                for name in ("echo", "udp"):
                    self._add(origin, target, name, source, whom, (_SIX if target.six else _FOUR)[name])
        for target in targets:
            self._by_neighbours(origin, target)
        self._through(origin)
        self._odd_frames(origin)
        return self.cells[first:]

    # ---------------------------------------------------------------------------------------------- kinds of cell

    def _add(
        self, origin: End, target: Target, name: str, source: str, whom: str, build: Build, *, hops: int = 64,
        polite: bool | None = None,
    ) -> None:  # fmt: skip
        number = len(self.cells)
        try:
            protocol, payload = build(source, target.address, f.token(number))
        except ValueError:
            return  # this protocol has nothing to say to an address like this
        if polite is None:
            polite = target.kind == "own edge" and name == "echo"
        if target.six:
            packet = f.ipv6(source, target.address, protocol, payload, hops=hops)
        elif name in _OPTIONED:
            packet = f.ipv4(
                source, target.address, protocol, payload, ttl=hops, options=_OPTIONED[name](target.address)
            )
        elif name.startswith("fragment"):
            packet = f.ipv4(
                source, target.address, protocol, payload, ttl=hops, fragment=0x2000 if "first" in name else 100,
                dont_fragment=False,
            )  # fmt: skip
        else:
            packet = f.ipv4(source, target.address, protocol, payload, ttl=hops, dont_fragment="large" not in name)
        self._frame(origin, target, name, whom, f.IPV6 if target.six else f.IP, packet, polite=polite)

    def _frame(
        self, origin: End, target: Target, name: str, whom: str, kind: int, packet: bytes, *, polite: bool = False,
        to: str | None = None, source: str | None = None, tags: tuple[int, ...] = (),
    ) -> None:  # fmt: skip
        if to is None:
            to = f.group_mac(target.address) if _is_group(target.address) else origin.router_mac
        self.cells.append(
            Cell(
                number=len(self.cells),
                origin=origin.name,
                target=target.kind,
                address=target.address,
                protocol=name,
                pretends=whom,
                polite=polite,
                frame=f.ethernet(to, source or origin.mac, kind, packet, tags=tags),
            )
        )

    def _by_neighbours(self, origin: End, target: Target) -> None:
        """ARP and neighbour discovery: asking for others' addresses, and claiming to have them."""
        own = origin.addresses
        if _is_group(target.address):
            return
        if not target.six:
            for name, operation, sender, asked in (
                ("arp request", 1, own.ce4, target.address),
                ("arp claim", 2, target.address, own.pe4),
                ("arp request as it", 1, target.address, own.pe4),
            ):
                number = len(self.cells)
                body = f.arp(operation, origin.mac, sender, asked, f.token(number))
                self._frame(origin, target, name, "itself", f.ARP, body, to=f.BROADCAST, polite=True)
            return
        router = origin.router_link_local
        for name, kind, source, to in (
            ("solicitation", 135, own.ce6, f.solicited_node(target.address)),
            ("solicitation to it", 135, own.ce6, target.address),
            ("advertisement", 136, own.ce6, own.pe6),
            ("advertisement to all", 136, own.ce6, "ff02::1"),
            ("advertisement as it", 136, target.address, router),
            ("redirect", 137, "fe80::66", own.pe6),
            ("redirect to link-local", 137, "fe80::66", router),
        ):
            number = len(self.cells)
            about = bytes(4) + _packed(target.address)
            if kind == 137:
                about += _packed(own.ce6)
            message = f.icmpv6(source, to, kind, about + f.option(f.token(number)))
            # What is about the link is the router's to hear from whom the link is with.
            polite = kind != 137 and name != "advertisement to all" and name != "solicitation to it"
            polite = polite or (
                name == "solicitation to it" and (target.address == own.pe6 or target.address.startswith("fe80"))
            )
            self._frame(
                origin, target, name, "itself", f.IPV6, f.ipv6(source, to, f.ICMPV6, message, hops=255), polite=polite,
                to=f.group_mac(to) if _is_group(to) else origin.router_mac,
            )  # fmt: skip

    def _through(self, origin: End) -> None:
        """To the own far end, where what routers do with it could go elsewhere: by every protocol, as everybody, with
        few hops left, too large, or to a host that is not there.
        """
        far = self._ground.ends[origin.far]
        if not far.is_ip:
            return
        for address in (far.addresses.ce4, far.behind[0], far.addresses.ce6, far.behind[1]):
            target = Target(kind="own far end", address=address)
            builds = _SIX if target.six else _FOUR
            for whom, source in _sources(self._ground, origin, six=target.six):
                for name, build in builds.items():
                    self._add(origin, target, name, source, whom, build)
            own = origin.addresses.ce6 if target.six else origin.addresses.ce4
            for whom, source in (("itself", own), *_sources(self._ground, origin, six=target.six)):
                for hops in (0, 1, 2, 3, 4, 5):
                    self._add(origin, target, f"udp, {hops} hops left", source, whom, builds["udp"], hops=hops)

    def _odd_frames(self, origin: End) -> None:
        """Frames that say they are for all, or for and from somebody else, or in a VLAN."""
        own = origin.addresses
        others = [end for end in self._ground.ends.values() if end.name != origin.name and end.is_ip]
        targets = [Target(kind="customer", address=address) for end in others for address in _customer(end)]
        targets += [Target(kind="edge", address=address) for end in others for address in _edge(end)]
        targets += [Target(kind="loopback", address=f"fc00:0:{router}::1") for router in range(1, 5)]
        targets += [Target(kind="own edge", address=address) for address in (own.pe4, own.pe6)]
        stranger = "02:66:66:66:66:66"
        for target in targets:
            normal = own.ce6 if target.six else own.ce4
            for name, to, source, tags in (
                ("frame to all", f.BROADCAST, origin.mac, ()),
                ("frame to a group", "33:33:00:00:00:01", origin.mac, ()),
                ("frame to another", stranger, origin.mac, ()),
                ("frame from another", origin.router_mac, stranger, ()),
                ("frame from the router", origin.router_mac, origin.router_mac, ()),
                ("frame from all", origin.router_mac, f.BROADCAST, ()),
                ("VLAN 1", origin.router_mac, origin.mac, (1,)),
                ("VLAN 0", origin.router_mac, origin.mac, (0,)),
                ("two tags", origin.router_mac, origin.mac, (5, 6)),
            ):
                number = len(self.cells)
                payload = f.udp(normal, target.address, GNMI, f.token(number))
                packet = (f.ipv6 if target.six else f.ipv4)(normal, target.address, f.UDP, payload)
                kind = f.IPV6 if target.six else f.IP
                self._frame(origin, target, name, "itself", kind, packet, to=to, source=source, tags=tags)


# ------------------------------------------------------------------------------------------------ where, and as whom


def _targets(ground: Ground, origin: End) -> Iterator[Target]:
    for end in ground.ends.values():
        if end.name == origin.name or not end.is_ip:
            continue
        mine = "own far" if end.service == origin.service else "other"
        for address in _customer(end):
            yield Target(kind=f"{mine} customer", address=address)
        for address in _edge(end):
            yield Target(kind=f"{mine} edge", address=address)
    for address in (*_edge(origin), origin.router_link_local):
        yield Target(kind="own edge", address=address)
    yield from _groups()
    yield from _routers(ground)


def _groups() -> Iterator[Target]:
    for address in ("224.0.0.1", "224.0.0.2", "224.0.0.5", "224.0.0.6", "224.0.0.18", "224.0.0.22", "239.1.1.1"):
        yield Target(kind="multicast", address=address)
    for address in ("255.255.255.255", "192.168.255.255", "10.255.255.255", "100.127.255.255"):
        yield Target(kind="broadcast", address=address)
    for address in ("0.0.0.0", "127.0.0.1", "127.0.0.53", "240.0.0.1", "169.254.1.1", "::", "::1", "::ffff:7f00:1"):
        yield Target(kind="this host", address=address)
    for address in (
        "ff01::1", "ff02::1", "ff02::2", "ff02::5", "ff02::6", "ff02::d", "ff02::16", "ff02::1:2", "ff05::2",
        "ff05::1:3", "ff08::5", "ff0e::123",
    ):  # fmt: skip
        yield Target(kind="multicast", address=address)


def _routers(ground: Ground) -> Iterator[Target]:
    for router in range(1, 5):
        yield Target(kind="loopback", address=f"fc00:0:{router}::1")
        yield Target(kind="node SID", address=f"fc00:0:{router}::")
        yield Target(kind="locator", address=f"fc00:0:{router}::abcd")
        for other in range(1, 5):
            if other != router:
                # there by adjacency SIDs, and then the router itself
                way = ":".join(
                    ["e000" if other < router else _right(router)]
                    + ["e000" if other < router else "e001"] * (abs(other - router) - 1)
                )
                yield Target(kind="router by SIDs", address=f"fc00:0:{way}:{other}::")
    for function in ("e000", "e001"):
        yield Target(kind="adjacency SID", address=f"fc00:0:{function}::")
    yield Target(kind="block", address="fc00:0:7777::")
    for address in ("fe80::48:72ff:fe00:1", "fe80::1", "fe80::"):  # the first is of the loop inside every router
        yield Target(kind="link-local", address=address)
    for end in ground.ends.values():
        base = end.attachment.function
        for odd in (0, 1):
            for way in ("", "e000:", "e000:e001:", "e000:e000:"):
                yield Target(kind="decap SID", address=f"fc00:0:{way}{base + odd:x}::")
        yield Target(kind="tunnel end point", address=f"fc00:0:{end.router}:{base:x}::")
    for link in range(1, 4):
        for address in (f"fd00:0:{link}::", f"fd00:0:{link}::1"):
            yield Target(kind="core link", address=address)


def _right(router: int) -> str:
    return "e000" if router == 1 else "e001"


def _customer(end: End) -> tuple[str, ...]:
    return (end.addresses.ce4, end.addresses.ce6, *end.behind)


def _edge(end: End) -> tuple[str, str]:
    return end.addresses.pe4, end.addresses.pe6


def _sources(ground: Ground, origin: End, *, six: bool) -> Iterator[tuple[str, str]]:
    """Whom one may pretend to be."""
    for end in ground.ends.values():
        if end.is_ip and (end.name != origin.name):
            yield f"customer {end.name}", end.addresses.ce6 if six else end.addresses.ce4
            yield f"edge {end.name}", end.addresses.pe6 if six else end.addresses.pe4
    yield "own edge", origin.addresses.pe6 if six else origin.addresses.pe4
    if not six:
        yield from (
            ("nobody", "0.0.0.0"),
            ("loopback", "127.0.0.1"),
            ("a group", "224.0.0.1"),
            ("all", "255.255.255.255"),
        )
        return
    yield from (("nobody", "::"), ("itself inside", "::1"), ("a group", "ff02::1"), ("a link-local", "fe80::66"))
    for router in range(1, 5):
        yield f"router {router}", f"fc00:0:{router}::1"
        yield f"node SID {router}", f"fc00:0:{router}::"
    yield "a way to router 3", "fc00:0:e000:e001:3::"
    yield "a way to router 2", "fc00:0:e000:2::"
    yield "a decap SID", "fc00:0:e000:e001:f002::"
    yield "a core link", "fd00:0:1::1"
    yield "a far core link", "fd00:0:3::1"


def _is_group(address: str) -> bool:
    if ":" in address:
        return address.startswith("ff")
    return 224 <= int(address.split(".")[0]) < 240 or address.endswith("255.255.255")


def _packed(address: str) -> bytes:
    return IPv6Address(address).packed


# ------------------------------------------------------------------------------------------------------- protocols


def _udp(port: int) -> Build:
    return lambda source, to, token: (f.UDP, f.udp(source, to, port, token))


def _syn(port: int) -> Build:
    return lambda source, to, token: (f.TCP, f.tcp_syn(source, to, port, token))


def _bare(protocol: int) -> Build:
    return lambda source, to, token: (protocol, token)


def _tunnelled(source: str, to: str, token: bytes) -> tuple[int, bytes]:
    """A frame for a tunnel of somebody's."""
    frame = f.ethernet(f.BROADCAST, "02:66:66:66:66:66", 0x88B5, token)
    return f.UDP, f.udp(source, to, VXLAN_PORT, f.vxlan(1 << 11 | 3, frame))


def _inner(to: str, token: bytes) -> tuple[int, bytes]:
    source = "fd77::66" if ":" in to else "192.168.6.6"
    packet = (f.ipv6 if ":" in to else f.ipv4)(source, to, f.UDP, f.udp(source, to, GNMI, token))
    return f.SIX if ":" in to else f.IPIP, packet


def _in_ip(source: str, to: str, token: bytes) -> tuple[int, bytes]:
    """To the destination, and in it another packet to the destination."""
    return _inner(to, token)


def _in_ip_of_the_other(source: str, to: str, token: bytes) -> tuple[int, bytes]:
    return _inner("192.168.7.7" if ":" in to else "fd77::7", token)


def _gre(source: str, to: str, token: bytes) -> tuple[int, bytes]:
    return f.GRE, f.gre(f.IPV6 if ":" in to else f.IP, _inner(to, token)[1])


def _error(kind: int, code: int, word: int = 0) -> Build:
    """An ICMP error about a packet of a router's, which was never sent."""

    def build(source: str, to: str, token: bytes) -> tuple[int, bytes]:
        inner = struct.pack("!HHHH", BGP, BGP, 8 + len(token), 0) + token
        if ":" in to:
            quoted = f.ipv6(to, source, f.UDP, inner)
            return f.ICMPV6, f.icmpv6(source, to, kind, struct.pack("!I", word) + quoted, code)
        return f.ICMP, f.icmp(kind, code, struct.pack("!I", word) + f.ipv4(to, source, f.UDP, inner))

    return build


def _of_neighbours(kind: int) -> Build:
    """A router's solicitation or advertisement, a listener's report, a node's question, whoever they are for."""

    def build(source: str, to: str, token: bytes) -> tuple[int, bytes]:
        body = {133: bytes(4), 134: struct.pack("!BBHII", 64, 0, 1800, 0, 0)}.get(kind, bytes(20))
        return f.ICMPV6, f.icmpv6(source, to, kind, body + f.option(token))

    return build


def _forged(left: int, *, second: str | None = None) -> Build:
    """With a routing header that lists the destination, or is at the destination with another segment to go."""

    def build(source: str, to: str, token: bytes) -> tuple[int, bytes]:
        segments = [to] if second is None else [to, second]
        data = f.udp(source, segments[-1], GNMI, token)
        return f.ROUTING, f.routing_header(f.UDP, segments, left) + data

    return build


def _forged_tunnel(source: str, to: str, token: bytes) -> tuple[int, bytes]:
    """As a headend would send it: a routing header, and the customer's packet in it."""
    return f.ROUTING, f.routing_header(f.SIX, [to], 0) + _inner("fd77::7", token)[1]


def _old(source: str, to: str, token: bytes) -> tuple[int, bytes]:
    return f.ROUTING, f.old_routing_header(f.UDP, ["fc00:0:3::1"]) + f.udp(source, to, GNMI, token)


def _with(header: Callable[[int], bytes], protocol: int) -> Build:
    def build(source: str, to: str, token: bytes) -> tuple[int, bytes]:
        if header is f.hop_by_hop:
            return f.HOP_BY_HOP, header(f.UDP) + f.udp(source, to, GNMI, token)
        return protocol, header(f.ICMPV6) + f.echo(source, to, token)

    return build


def _large(source: str, to: str, token: bytes) -> tuple[int, bytes]:
    return f.UDP, f.udp(source, to, GNMI, token + bytes(2500))


def _echo(source: str, to: str, token: bytes) -> tuple[int, bytes]:
    return f.ICMPV6 if ":" in to else f.ICMP, f.echo(source, to, token)


def _timestamp(source: str, to: str, token: bytes) -> tuple[int, bytes]:
    return f.ICMP, f.icmp(13, 0, bytes(16) + token)


def _old_redirect(source: str, to: str, token: bytes) -> tuple[int, bytes]:
    quoted = f.ipv4(to, "192.168.7.7", f.UDP, struct.pack("!HHHH", BGP, BGP, 16, 0) + token)
    return f.ICMP, f.icmp(5, 1, bytes((100, 64, 8, 3)) + quoted)


_BOTH: dict[str, Build] = {
    "echo": _echo,
    "udp": _udp(GNMI),
    "udp to a port of the edge": _udp(GNMI + 3),
    "udp of a tunnel": _tunnelled,
    "tcp": _syn(GNMI),
    "tcp to BGP": _syn(BGP),
    "ip in ip": _in_ip,
    "other ip in ip": _in_ip_of_the_other,
    "gre": _gre,
    "ospf": _bare(f.OSPF),
    "protocol 253": _bare(f.EXPERIMENT),
    "large udp": _large,
}
_FOUR: dict[str, Build] = _BOTH | {
    "udp to all": _udp(GNMI + 2),
    "igmp": _bare(2),
    "timestamp": _timestamp,
    "unreachable": _error(3, 3),
    "too big": _error(3, 4, 600),
    "time exceeded": _error(11, 0),
    "redirect of the host": _old_redirect,
    "source route": _echo,
    "strict source route": _echo,
    "source route over it": _echo,
    "record route": _echo,
    "router alert": _bare(46),
    "fragment, first": _echo,
    "fragment, later": _echo,
}
_OPTIONED: dict[str, Callable[[str], bytes]] = {
    "source route": lambda to: f.source_route(131, ["100.64.24.5"]),
    "strict source route": lambda to: f.source_route(137, ["100.64.24.5"]),
    "source route over it": lambda to: f.source_route(131, [to]),
    "record route": lambda to: f.source_route(7, ["0.0.0.0"] * 9),
    "router alert": lambda to: f.ROUTER_ALERT4,
}
_SIX: dict[str, Build] = _BOTH | {
    "router solicitation": _of_neighbours(133),
    "router advertisement": _of_neighbours(134),
    "listener report": _of_neighbours(143),
    "node information": _of_neighbours(139),
    "unreachable": _error(1, 4),
    "too big": _error(2, 0, 1280),
    "time exceeded": _error(3, 0),
    "forged header, at its end": _forged(0),
    "forged header, before it": _forged(1),
    "forged header, SID to go": _forged(1, second="fc00:0:e000:e001:3::"),
    "forged header, loopback to go": _forged(1, second="fc00:0:1::1"),
    "forged header, customer to go": _forged(1, second="fd64:3:2::1"),
    "forged tunnel": _forged_tunnel,
    "old routing header": _old,
    "hop by hop": _with(f.hop_by_hop, f.HOP_BY_HOP),
    "options": _with(f.destination_options, f.OPTIONS),
    "fragment, first": _with(lambda inner: f.fragment_header(inner, 0, True), f.FRAGMENT),
    "fragment, later": _with(lambda inner: f.fragment_header(inner, 9, False), f.FRAGMENT),
    "fragment, only": _with(lambda inner: f.fragment_header(inner, 0, False), f.FRAGMENT),
    "nothing": _bare(f.NOTHING),
}
