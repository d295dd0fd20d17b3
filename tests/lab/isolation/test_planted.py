"""Leaks that are planted are found, each with what leaks and nothing else; and what a second barrier still holds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address, ip_address

import pytest

from highroad.agent import numbers as n
from tests.lab.isolation.ground import End, Ground
from tests.lab.isolation.matrix import Cell, Matrix
from tests.lab.isolation.verdict import Leak, judge, send, told_by
from tests.lab.isolation.watch import Watch


@contextmanager
def planted(field: Ground, router: int, *commands: str) -> Iterator[None]:
    """Something is done to a router by hand, and mended afterwards by its own comparison."""
    for command in commands:
        field.chain.run(f"r{router}", *command.split())
    try:
        yield
    finally:
        made = field.router(router)
        assert made.converge() > 0, "nothing was amiss"
        assert made.converge() == 0
        field.unhurried()


def leaks_of(
    field: Ground, watch: Watch, matrix: Matrix, name: str, only: Callable[[Cell], bool] = lambda _: True
) -> list[Leak]:
    """What leaks when one end tries everything."""
    watch.settle(quiet_s=0.1)
    send(field, watch, [cell for cell in matrix.cells if cell.origin == name and only(cell)])
    # A router may still be answering what a leak before this one brought it: only what carries a token counts.
    return [leak for leak in judge(field, matrix.cells, watch.settle()) if leak.cell is not None]


def places(leaks: list[Leak]) -> set[tuple[str, str]]:
    """Who got something, and of which kind of destination."""
    return {(leak.observer, leak.cell.target if leak.cell else leak.what) for leak in leaks}


def is_group(cell: Cell) -> bool:
    """What IPv4 delivers without asking any rule: groups and broadcasts."""
    return ip_address(cell.address).version == 4 and cell.target in ("multicast", "broadcast", "this host")


def only_from(leaks: list[Leak], name: str) -> None:
    assert {leak.cell.origin for leak in leaks if leak.cell} == {name}, told_by(leaks)


def without_gate(end: End) -> str:
    return f"tc qdisc del dev {end.interface} clsact"


def test_a_gate_that_is_gone_lets_in_what_no_rule_is_asked_for(field: Ground, matrix: Matrix, watch: Watch) -> None:
    end = field.ends["a1"]
    with planted(field, end.router, without_gate(end)):
        leaks = leaks_of(field, watch, matrix, "a1")
    # Groups and broadcasts reach the router's sockets; everything else has no mark, and goes nowhere.
    only_from(leaks, "a1")
    assert {leak.observer for leak in leaks} == {"r1"}, told_by(leaks)
    assert all(leak.cell and is_group(leak.cell) for leak in leaks), told_by(leaks)
    assert {"multicast", "broadcast", "this host"} == {target for _, target in places(leaks)}, told_by(leaks)
    assert not leaks_of(field, watch, matrix, "a1", is_group)


def test_a_rule_that_is_gone_is_no_leak_and_no_service(field: Ground, matrix: Matrix, watch: Watch) -> None:
    end = field.ends["a1"]
    gone = [f"ip -{family} rule del pref {n.PREF_TENANT} iif {end.interface}" for family in (4, 6)]
    with planted(field, end.router, *gone):
        watch.settle(quiet_s=0.1)
        send(field, watch, [cell for cell in matrix.cells if cell.origin == "a1"])
        seen = watch.settle()
    assert not judge(field, matrix.cells, seen)
    arrived = {one.number for one in seen if one.observer == "a3" and one.number is not None}
    # But for what comes in pieces, by the loop, and errors to who was pretended to be there.
    assert {matrix.cells[number].protocol for number in arrived} <= {
        "large udp", "udp, 0 hops left", "udp, 1 hops left",
    }  # fmt: skip


def test_rules_that_are_gone_are_found(field: Ground, matrix: Matrix, watch: Watch) -> None:
    end = field.ends["a1"]
    gone = [
        f"ip -{family} rule del pref {pref} iif {end.interface}"
        for family in (4, 6)
        for pref in (n.PREF_TENANT, n.PREF_CLOSED)
    ] + [f"ip -{family} rule del pref {n.PREF_LEFT_OVER}" for family in (4, 6)]
    with planted(field, end.router, *gone):
        leaks = leaks_of(field, watch, matrix, "a1")
    # The tenant now sees what the router does: its neighbour there, and edges; the gate still keeps SIDs away.
    only_from(leaks, "a1")
    assert ("b1", "other customer") in places(leaks)
    assert ("r1", "other edge") in places(leaks)
    assert not {"loopback", "node SID", "decap SID", "core link"} & {target for _, target in places(leaks)}


@pytest.mark.parametrize("family", [4, 6])
def test_a_route_into_another_service_is_found(field: Ground, matrix: Matrix, watch: Watch, family: int) -> None:
    end, other = field.ends["a1"], field.ends["b1"]
    victim = field.ends["b3"].addresses
    address = victim.ce4 if family == 4 else victim.ce6
    group = n.group_id(other.number, 0, ipv6=family == 6)
    route = f"ip -{family} route add {address} nhid {group} table {n.table(end.number)} proto {n.PROTOCOL}"
    with planted(field, end.router, route):
        leaks = leaks_of(field, watch, matrix, "a1")
    only_from(leaks, "a1")
    # (at b1 what b3 answers to who was pretended to be b1; to b3 also what r1 says to who was pretended to be b3)
    assert {leak.observer for leak in leaks} - {"b1"} == {"b3"}, told_by(leaks)
    assert {leak.cell.address for leak in leaks if leak.cell and leak.cell.pretends == "itself"} == {address}
    assert len({leak.cell.protocol for leak in leaks if leak.cell}) > 15, told_by(leaks)


def test_segment_routing_on_a_customers_port_is_found(field: Ground, matrix: Matrix, watch: Watch) -> None:
    """The second and third barriers are taken away first: then only the system control is between."""
    end = field.ends["a1"]
    table, port = n.table(end.number), end.interface
    opened = without_gate(end), f"ip -6 rule add pref 890 iif {port} lookup {table} proto {n.PROTOCOL}"
    to_edge = str(IPv6Address(end.addresses.pe6))

    def forged(cell: Cell) -> bool:
        return cell.protocol.startswith("forged") and str(ip_address(cell.address)) == to_edge

    switch = f"sysctl -qw net.ipv6.conf.{port}.seg6_enabled="
    with planted(field, end.router, *opened):
        off = leaks_of(field, watch, matrix, "a1", forged)
        field.chain.run("r1", *f"{switch}1".split())
        try:
            on = leaks_of(field, watch, matrix, "a1", forged)
        finally:
            field.chain.run("r1", *f"{switch}0".split())
    by = {leak.what for leak in on} - {leak.what for leak in off}
    only_from(on, "a1")
    assert {leak.observer for leak in on} == {"r1"}, told_by(on)
    # The header is taken off, and what is in it gets to a socket.
    assert by == {" (raw 17/6)", " (port 9339/6)"}, (by, told_by(on))


def test_a_port_that_sees_the_routers_own_table_is_found(field: Ground, matrix: Matrix, watch: Watch) -> None:
    """As a router is that has no rules for tenants: SIDs answer to everybody, and lead to every customer."""
    end = field.ends["a1"]
    opened = without_gate(end), f"ip -6 rule add pref 1 iif {end.interface} lookup main proto {n.PROTOCOL}"
    with planted(field, end.router, *opened):
        leaks = leaks_of(field, watch, matrix, "a1")
    only_from(leaks, "a1")
    reached = {leak.observer for leak in leaks if leak.cell and leak.cell.target == "decap SID"}
    assert {"b3", "x2"} <= reached, told_by(leaks)
    assert {"r2", "r3", "r4"} <= {one for one, target in places(leaks) if target in ("loopback", "router by SIDs")}
    watch.settle(quiet_s=3.5, longest_s=8.0)  # the router gives up neighbours that it asked for meanwhile
    assert not leaks_of(field, watch, matrix, "a1")
