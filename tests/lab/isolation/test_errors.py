"""What routers say to customers: as the own edge and nothing else, to whom it concerns, and to everybody alike."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

from highroad.netlink import namespace
from tests.lab.isolation import frames as f
from tests.lab.isolation.ground import End, Ground
from tests.lab.isolation.matrix import Cell, Matrix
from tests.lab.isolation.test_between import flooding
from tests.lab.isolation.verdict import judge, mouth, send, told_by
from tests.lab.isolation.watch import GNMI, Seen, Watch
from tests.support.routers import told


def error_in(frame: bytes) -> tuple[str, int, int, int] | None:
    """Source, type, code and last word (an MTU) of an ICMP error; None of another frame."""
    kind = int.from_bytes(frame[12:14], "big")
    if kind == f.IP and frame[23] == f.ICMP and frame[34] in (3, 11):
        return str(IPv4Address(frame[26:30])), frame[34], frame[35], int.from_bytes(frame[40:42], "big")
    if kind == f.IPV6 and frame[20] == f.ICMPV6 and frame[54] in (1, 2, 3):
        return str(IPv6Address(frame[22:38])), frame[54], frame[55], int.from_bytes(frame[58:62], "big")
    return None


def acquainted(field: Ground, watch: Watch) -> None:
    """Every edge and its router know where the other is, however new the attachment."""
    for end in field.ends.values():
        if end.is_ip:
            for address in (end.addresses.pe4, end.addresses.pe6):
                assert field.chain.ping(end.name, address, count_=5) > 0
    watch.settle(quiet_s=0.1)


def got_by(seen: list[Seen], observer: str, cell: Cell) -> list[bytes]:
    return [one.frame for one in seen if one.observer == observer and one.number == cell.number]


def edge_of(end: End, cell: Cell) -> str:
    return end.addresses.pe4 if "." in cell.address else str(IPv6Address(end.addresses.pe6))


def test_a_trace_shows_the_own_edge_and_the_far_customer(field: Ground, matrix: Matrix, watch: Watch) -> None:
    cells = [cell for cell in matrix.cells if "hops left" in cell.protocol and cell.pretends == "itself"]
    acquainted(field, watch)
    send(field, watch, cells)
    seen = watch.settle()
    assert len(cells) == 6 * 4 * 6
    for cell in cells:
        origin = field.ends[cell.origin]
        errors = [error_in(frame) for frame in got_by(seen, origin.name, cell)]
        arrived = [frame for frame in got_by(seen, origin.far, cell) if error_in(frame) is None]
        if cell.protocol.startswith(("udp, 0", "udp, 1")):
            code = 11 if "." in cell.address else 3
            assert errors == [(edge_of(origin, cell), code, 0, 0)], str(cell)
            assert not arrived, str(cell)
        else:
            # However long the way in between: that is the routers' own.
            assert len(arrived) == 1, str(cell)
            left = arrived[0][22] if "." in cell.address else arrived[0][21]
            assert left == int(cell.protocol[5]) - 1, str(cell)


def test_what_is_too_large_is_answered_by_the_own_edge_or_comes_in_pieces(
    field: Ground, matrix: Matrix, watch: Watch
) -> None:
    acquainted(field, watch)
    for name in ("a1", "b1"):
        origin = field.ends[name]
        cells = [
            cell
            for cell in matrix.cells
            if cell.origin == name
            and (cell.protocol, cell.target, cell.pretends) == ("large udp", "own far customer", "itself")
        ]
        assert len(cells) == 4
        # The same in IPv4 once more, not to be cut.
        whole = [cell for cell in cells if "." in cell.address]
        for cell in whole:
            data = f.udp(origin.addresses.ce4, cell.address, GNMI, f.token(cell.number) + bytes(2500))
            packet = f.ipv4(origin.addresses.ce4, cell.address, f.UDP, data)
            with sending(field, name) as say:
                say.append(f.ethernet(origin.router_mac, origin.mac, f.IP, packet))
        refused = watch.settle()
        send(field, watch, cells)
        seen = watch.settle()
        for cell in cells:
            said = [error_in(frame) for frame in got_by(seen, name, cell)]
            errors = [error for error in said if error and error[0] == edge_of(origin, cell)]
            if "." in cell.address:
                assert [error_in(frame) for frame in got_by(refused, name, cell)] == [
                    (origin.addresses.pe4, 3, 4, 1500)
                ]
                assert not errors
                # Only the first piece has the token; the last one the rest of 2500 bytes and two headers.
                assert len(got_by(seen, origin.far, cell)) == 1
                last = [one.frame for one in seen if one.observer == origin.far and _is_last_piece(one.frame, cell)]
                assert [len(frame) for frame in last] == [14 + 20 + 8 + 8 + 2500 - 1480]
            else:
                assert errors == [(edge_of(origin, cell), 2, 0, 1500)]
                assert not got_by(seen, origin.far, cell)
        assert not judge(field, matrix.cells, seen)


def test_an_edge_that_does_not_answer_is_told_to_its_own_far_end_only(
    field: Ground, matrix: Matrix, watch: Watch
) -> None:
    """The far router then speaks of a customer's packet, whoever that pretended to be from."""
    end = field.ends["a3"]
    quick, slow = (
        [f"net.ipv{family}.neigh.a1.{name}" for family in (4, 6) for name in names]
        for names in (("mcast_solicit=1", "retrans_time_ms=100"), ("mcast_solicit=3", "retrans_time_ms=1000"))
    )
    field.chain.run("a3", "ip", "link", "set", "e0", "arp", "off")
    field.chain.run("r3", "sysctl", "-qw", *quick)
    for family, address in (("-4", end.addresses.ce4), ("-6", end.addresses.ce6)):
        field.chain.run("r3", "ip", family, "neigh", "del", address, "dev", "a1")
    cells = [
        cell for cell in matrix.cells if cell.origin == "a1" and cell.target in ("own far end", "own far customer")
    ]
    try:
        send(field, watch, cells)
        seen = watch.settle(quiet_s=1.0)
    finally:
        field.chain.run("a3", "ip", "link", "set", "e0", "arp", "on")
        field.chain.run("r3", "sysctl", "-qw", *slow)
        field.router(3).converge()
    leaks = judge(field, matrix.cells, seen)
    assert not leaks, told_by(leaks)
    said = {error for one in seen if one.observer == "a1" and (error := error_in(one.frame))}
    assert (end.addresses.pe4, 3, 1, 0) in said, said
    # For IPv6 nothing: the kernel would say it from the core's address.
    assert not [
        error for error in said if ":" in error[0] and error[0] != str(IPv6Address(field.ends["a1"].addresses.pe6))
    ]


def test_who_asks_too_much_keeps_nobody_else_from_an_answer(field: Ground, matrix: Matrix, watch: Watch) -> None:
    """Echoes, hops and sizes of one tenant are answered while another one on the same router floods the same."""
    field.router(1).converge()
    asking = [
        cell
        for cell in matrix.cells
        if cell.origin == "a1"
        and cell.pretends == "itself"
        and (cell.polite or "hops left" in cell.protocol or (cell.protocol == "large udp" and "own far" in cell.target))
    ]
    own, far = field.ends["b1"].addresses, field.ends["b3"].addresses
    try:
        with flooding(field, asking * 50) as sent:
            time.sleep(0.3)
            for to in (own.pe4, own.pe6):
                assert field.chain.ping("b1", to, count_=20) == 20
            for to in (far.ce4, far.ce6):
                traced = field.chain.run("b1", "ping", "-c", "10", "-i", "0.05", "-W", "1", "-t", "1", to, check=False)
                assert traced.lower().count("exceeded") == 10, traced
                sized = field.chain.run(
                    "b1", "ping", "-c", "2", "-i", "0.1", "-W", "1", "-M", "do", "-s", "2500", to, check=False
                )
                assert "1500" in sized, sized
        print(f"answers to one customer under {sent[0]} questions of another")
    finally:
        watch.settle()


def test_a_customer_may_not_have_the_addresses_of_edges(field: Ground) -> None:
    """Or it could ask, with packets that are too large, which of them a router has."""
    router = field.router(1)
    for prefix in ("fd64:1:2::/127", "fd64::/16", "fd00::/8"):
        taken = replace(field.ends["a1"].attachment, prefixes=(prefix, "nonsense"))
        with namespace.entered_by_name(router.namespace):
            found = router.steering.check(told([taken]))
        assert {one.code for one in found} >= {"prefix-ours", "prefix"}, prefix
    assert not router.steering.check(field.told(1))


@contextmanager
def sending(field: Ground, name: str) -> Iterator[list[bytes]]:
    """Frames that are sent at the end of the block."""
    frames: list[bytes] = []
    yield frames
    with mouth(field, name) as made:
        for frame in frames:
            made.send(frame)


def _is_last_piece(frame: bytes, cell: Cell) -> bool:
    is_ip = frame[12:14] == b"\x08\x00"
    return is_ip and str(IPv4Address(frame[30:34])) == cell.address and int.from_bytes(frame[20:22], "big") == 1480 // 8
