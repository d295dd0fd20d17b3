"""Sends every cell, and says of what was seen afterwards what may not be: a leak names its cell."""

from __future__ import annotations

import errno
import socket
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network

from tests.lab.isolation import frames as f
from tests.lab.isolation.ground import End, Ground
from tests.lab.isolation.matrix import Cell
from tests.lab.isolation.watch import VXLAN_PORT, Seen, Watch, inside

BATCH = 50
PAUSE_S = 0.002
OURS = (IPv6Network("fc00::/32"), IPv6Network("fd00::/32"))
"""The routers' own: locators, and the links between them."""

_ERRORS4, _ERRORS6 = (3, 5, 11, 12), (1, 2, 3, 4, 137)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """Something arrived where it may not: of which cell, if it is of one."""

    observer: str
    what: str
    cell: Cell | None = None
    frame: bytes = b""

    def __str__(self) -> str:
        return (
            f"{self.observer} got {self.what}" if self.cell is None else f"{self.observer} got {self.cell}{self.what}"
        )


def send(ground: Ground, watch: Watch, cells: Sequence[Cell]) -> None:
    """Send them all, in batches from all senders by turns, reading meanwhile."""
    by_origin: dict[str, list[Cell]] = {}
    for cell in cells:
        by_origin.setdefault(cell.origin, []).append(cell)
    mouths = {name: mouth(ground, name) for name in by_origin}
    try:
        for at in range(0, max(map(len, by_origin.values()), default=0), BATCH):
            for name, own in by_origin.items():
                for cell in own[at : at + BATCH]:
                    try:
                        mouths[name].send(cell.frame)
                    except OSError as error:
                        if error.errno != errno.EMSGSIZE:  # larger than the port takes
                            raise
            watch.drain()
            time.sleep(PAUSE_S)
    finally:
        for one in mouths.values():
            one.close()


def mouth(ground: Ground, name: str) -> socket.socket:
    """A socket that sends frames from a customer's host as they are."""
    made = inside(ground.space(name), lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
    made.bind(("e0", 0))
    return made


def judge(ground: Ground, cells: Sequence[Cell], seen: Iterable[Seen]) -> list[Leak]:
    """Everything that was seen and may not be."""
    found: dict[tuple[str, int | None, str], Leak] = {}
    for one in seen:
        cell = cells[one.number] if one.number is not None and one.number < len(cells) else None
        for what in _wrong(ground, one, cell):
            found.setdefault(
                (one.observer, one.number, what), Leak(observer=one.observer, what=what, cell=cell, frame=one.frame)
            )
    return list(found.values())


def arrived(cells: Sequence[Cell], seen: Iterable[Seen], observer: str) -> Counter[str]:
    """How many cells of each sender an observer got."""
    numbers = {one.number for one in seen if one.observer == observer and one.number is not None}
    return Counter(cells[number].origin for number in numbers)


def told_by(leaks: Sequence[Leak], most: int = 40) -> str:
    """A report for people: the first so many, and how many by kind."""
    kinds = Counter(
        (leak.observer, leak.cell.origin, leak.cell.target, leak.cell.protocol)
        if leak.cell
        else (leak.observer, leak.what)
        for leak in leaks
    )
    lines = [f"  {number} x {' / '.join(kind)}" for kind, number in kinds.most_common(most)]
    return "\n".join([f"{len(leaks)} leaks", *(f"  {leak}" for leak in leaks[:most]), "by kind:", *lines])


def _wrong(ground: Ground, one: Seen, cell: Cell | None) -> Iterator[str]:
    end = ground.ends.get(one.observer)
    if end is None:
        if "accepted" in one.observer:
            yield "a connection"
        elif cell is not None:
            origin = ground.ends[cell.origin]
            polite = cell.polite and one.observer == f"r{origin.router}"
            if not (polite or _is_tunnelled(ground, origin, one) or _is_answer(ground, origin, one)):
                yield f" ({one.by})"
        return
    if cell is not None and ground.ends[cell.origin].service != end.service:
        yield ""
    if end.is_ip:
        yield from _revealed(ground, end, one.frame, cell)


def _is_tunnelled(ground: Ground, origin: End, one: Seen) -> bool:
    """Whether this is a frame on its way through its own tunnel, whose end is a socket of the far router."""
    if origin.is_ip or one.by != f"raw {f.UDP}/6" or one.observer != f"r{ground.ends[origin.far].router}":
        return False
    lesser = min((end.router, end.number) for end in ground.ends.values() if end.service == origin.service)
    vni = lesser[0] << 11 | lesser[1]
    return one.frame[2:4] == VXLAN_PORT.to_bytes(2, "big") and one.frame[12:15] == vni.to_bytes(3, "big")


def _is_answer(ground: Ground, origin: End, one: Seen) -> bool:
    """Whether this is an echo reply of the far customer to its own edge, as whom we greeted it."""
    if one.observer != f"r{ground.ends[origin.far].router}":
        return False
    return (
        one.frame[:1] == b"\x81"
        if one.by == f"raw {f.ICMPV6}/6"
        else one.by == f"raw {f.ICMP}/4" and one.frame[20] == 0
    )


def _revealed(ground: Ground, end: End, frame: bytes, cell: Cell | None) -> Iterator[str]:
    """What a customer's host is told by a router that it should not know: an address of the network or of others."""
    kind = int.from_bytes(frame[12:14], "big")
    if kind == f.ARP:
        sender = str(IPv4Address(frame[28:32]))
        if sender != end.addresses.pe4:
            yield f" (ARP says that {sender} is here)"
    elif kind == f.IPV6 and len(frame) >= 55:
        source = IPv6Address(frame[22:38])
        if frame[20] == f.ICMPV6 and frame[54] == 136:
            target = IPv6Address(frame[62:78])
            if str(target) != str(IPv6Address(end.addresses.pe6)) and not target.is_link_local:
                yield f" (an advertisement says that {target} is here)"
        crafted = cell is not None and (cell.pretends != "itself" or cell.origin != end.name)
        if any(source in network for network in OURS) and not crafted:
            yield f" (from {source}, a router's own address)"
        if frame[20] == f.ICMPV6 and frame[54] in _ERRORS6:
            yield from _source_of_error(ground, end, str(source), cell)
    elif kind == f.IP and len(frame) >= 35 and frame[23] == f.ICMP and frame[14 + (frame[14] & 15) * 4] in _ERRORS4:
        yield from _source_of_error(ground, end, str(IPv4Address(frame[26:30])), cell)


def _source_of_error(ground: Ground, end: End, source: str, cell: Cell | None) -> Iterator[str]:
    """An ICMP error comes from the own edge, or it was written by the far customer."""
    if cell is not None and cell.protocol in _WRITTEN:
        return
    own = {end.router_link_local}
    for one in (end, ground.ends[end.far]):
        own |= {one.addresses.pe4, str(IPv6Address(one.addresses.pe6))}
    own |= {*ground.ends[end.far].behind, ground.ends[end.far].addresses.ce4, ground.ends[end.far].addresses.ce6}
    if source not in own:
        yield f" (an ICMP error from {source})"


_WRITTEN = {"unreachable", "too big", "time exceeded", "redirect of the host"}
