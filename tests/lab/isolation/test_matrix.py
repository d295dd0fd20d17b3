"""Every end tries everything, and nothing arrives but at its own far end."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Address

from highroad.agent.numbers import LOOP_IN, LOOP_OUT
from tests.lab.isolation import frames as f
from tests.lab.isolation.ground import Ground
from tests.lab.isolation.matrix import Cell, Matrix
from tests.lab.isolation.verdict import judge, send, told_by
from tests.lab.isolation.watch import Seen, Watch

CHANGED = {"large udp", "source route", "strict source route", "source route over it"}
"""Comes in pieces where the far port is smaller; names its own way, which no router follows (RFC 7126)."""


def test_nothing_crosses_and_what_is_to_pass_passes(field: Ground, matrix: Matrix, watch: Watch) -> None:
    waited = field.dropped_by_queues()
    send(field, watch, matrix.cells)
    seen = watch.settle()
    to_pass = [cell for cell in matrix.cells if _passes(field, cell)]
    for _ in range(3):
        # A busy machine drops a packet in ten thousand before any router sees it.
        got = _first(seen)
        missing = [cell for cell in to_pass if (field.ends[cell.origin].far, cell.number) not in got]
        send(field, watch, missing)
        seen += watch.settle()
    print(f"{len(matrix.cells)} cells, {len(seen)} packets seen")
    leaks = judge(field, matrix.cells, seen)
    assert not leaks, told_by(leaks)
    # None of it was kept from being a leak by a full queue.
    assert field.dropped_by_queues() == waited
    _passed(field, to_pass, _first(seen))


def _passes(field: Ground, cell: Cell) -> bool:
    """Whether it is to arrive as it was: any frame of an Ethernet service, any packet to the own far customer."""
    if not field.ends[cell.origin].is_ip:
        return cell.frame[12:14] != f.VLAN.to_bytes(2, "big")
    ours = cell.target == "own far customer" and cell.pretends == "itself"
    return ours and cell.protocol not in CHANGED and cell.protocol not in OF_THE_LINK


def _passed(field: Ground, cells: list[Cell], at: dict[tuple[str, int | None], bytes]) -> None:
    """Packets come out as they went in, whatever is in them, two hops older; frames to the last bit."""
    compared: Counter[str] = Counter()
    for cell in cells:
        origin = field.ends[cell.origin]
        got = at.get((origin.far, cell.number))
        assert got is not None, f"{cell} did not arrive"
        if cell.protocol == "record route" and origin.is_ip:
            # Of all routers only the own edge is in it.
            assert _recorded(got) == [origin.addresses.pe4], str(cell)
        elif origin.is_ip:
            assert _ageless(got) == _ageless(cell.frame), str(cell)
            compared[cell.protocol] += 1
        else:
            assert got == cell.frame, str(cell)
            compared["frame"] += 1
    print(f"{sum(compared.values())} packets and frames of {len(compared)} protocols arrived as they were")
    assert len(compared) > 30
    assert compared["frame"] > 20_000
    for name in ("forged header, before it", "forged tunnel", "ip in ip", "gre", "hop by hop", "fragment, later"):
        assert compared[name] >= 12, name


OF_THE_LINK = {
    "arp request", "arp claim", "arp request as it", "solicitation", "solicitation to it", "advertisement",
    "advertisement to all", "advertisement as it", "redirect", "redirect to link-local",
}  # fmt: skip
"""Said to the router, about the address that is the destination's."""


def _ageless(frame: bytes) -> bytes:
    """An IP packet without what a router changes of it: hops, and IPv4's sum."""
    packet = bytearray(frame[14:])
    if packet[0] >> 4 == 4:
        packet[8] = packet[10] = packet[11] = 0
        return bytes(packet[: int.from_bytes(packet[2:4], "big")])
    packet[7] = 0
    return bytes(packet)


def _recorded(frame: bytes) -> list[str]:
    """The addresses in an IPv4 packet's record of its route."""
    return [str(IPv4Address(frame[at : at + 4])) for at in range(37, 33 + frame[36], 4)]


def _first(seen: list[Seen]) -> dict[tuple[str, int | None], bytes]:
    """What each observer got first of each cell: after it come errors that quote it."""
    return {(one.observer, one.number): one.frame for one in reversed(seen)}


def test_a_router_says_nothing_of_its_own_to_customers(field: Ground, watch: Watch) -> None:
    """Who listens hears questions for its address, and nothing of an Ethernet service's router."""
    said = []
    for router in field.chain.routers:
        # What makes a router speak of itself: an interface that comes up, and everything that it has joined.
        field.chain.run(router.name, "ip", "link", "set", LOOP_OUT, "up")
        field.chain.run(router.name, "ping", "-c", "1", "-W", "1", "-I", LOOP_IN, "ff02::1", check=False)
    for one in watch.settle(quiet_s=1.0):
        end = field.ends.get(one.observer)
        if end is None:
            continue
        if not end.is_ip and one.frame[6:12] not in {f.mac(end.mac), f.mac(field.ends[end.far].mac)}:
            said.append((one.observer, one.frame.hex()))
        if end.is_ip and one.frame[6:12] == f.mac(end.router_mac) and not _of_the_link(one.frame):
            said.append((one.observer, one.frame.hex()))
    assert not said


def _of_the_link(frame: bytes) -> bool:
    kind = int.from_bytes(frame[12:14], "big")
    return kind == f.ARP or (kind == f.IPV6 and frame[22:24] == b"\xfe\x80") or (kind == f.IPV6 and frame[54] == 135)
