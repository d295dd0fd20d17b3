"""The tables of neighbours, which all tenants share: nobody fills them, and what carries traffic keeps its place."""

from __future__ import annotations

import time
from ipaddress import IPv6Address, ip_address

from tests.lab.isolation import frames as f
from tests.lab.isolation.ground import Ground
from tests.lab.isolation.verdict import mouth
from tests.lab.isolation.watch import Watch

QUESTIONS = 2_000
MOST_ENTRIES = 120
"""Of one customer after a second or two, of 1,024 for all: twenty a second, and what a queue held."""


def test_made_up_neighbours_do_not_fill_the_table(field: Ground, watch: Watch) -> None:
    """Questions from thousands of addresses, of both families, and claims to be thousands."""
    end = field.ends["a1"]
    router = field.router(1)
    router.converge()  # the rates that a customer has
    own = end.addresses
    group = f.solicited_node(own.pe6)
    frames = []
    for number in range(QUESTIONS):
        liar = f"fe80::66:{number:x}"
        # With the link address that it claims, or the kernel keeps nothing of it.
        claim = bytes(4) + IPv6Address(own.pe6).packed + b"\1\1" + f.mac(end.mac)
        solicitation = f.icmpv6(liar, group, 135, claim)
        frames.append(
            f.ethernet(f.group_mac(group), end.mac, f.IPV6, f.ipv6(liar, group, f.ICMPV6, solicitation, hops=255))
        )
        asking = f"10.9.{number >> 8}.{number & 255}"
        frames.append(f.ethernet(f.BROADCAST, end.mac, f.ARP, f.arp(1, end.mac, asking, own.pe4, b"")))
        frames.append(f.ethernet(end.router_mac, end.mac, f.ARP, f.arp(2, end.mac, asking, own.pe4, b"")))
    before = _entries(field)
    with mouth(field, "a1") as made:
        for at, frame in enumerate(frames):
            made.send(frame)
            if at % 50 == 0:
                time.sleep(0.002)
    time.sleep(0.5)
    after = _entries(field)
    print(f"{len(frames)} made-up neighbours: {before} entries, then {after}")
    try:
        assert after - before < MOST_ENTRIES
        assert field.chain.ping("b1", field.ends["b1"].addresses.pe4) == 3
        assert field.chain.ping("b1", field.ends["b3"].addresses.ce6) == 3
    finally:
        for family in ("-4", "-6"):
            field.chain.run("r1", "ip", family, "neigh", "flush", "dev", "a1")
        router.converge()
        watch.settle()


def test_what_carries_traffic_has_a_place_of_its_own(field: Ground) -> None:
    """Edges and routers at the other end of links are asked for before anything is sent, and never forgotten."""
    for router in field.chain.routers:
        kept = []
        for family in ("-4", "-6"):
            shown = field.chain.run(router.name, "ip", "-d", family, "neigh", "show")
            kept += [line.split()[0] for line in shown.splitlines() if "managed" in line and "extern_learn" in line]
        ends = [end.addresses for end in field.ends.values() if end.is_ip and f"r{end.router}" == router.name]
        wanted = {_text(address) for one in ends for address in (one.ce4, one.ce6)}
        wanted |= {_text(port.neighbour) for port in router.config.core_ports}
        assert set(kept) == wanted


def _entries(field: Ground) -> int:
    return sum(
        len(field.chain.run("r1", "ip", family, "neigh", "show", "dev", "a1").splitlines()) for family in ("-4", "-6")
    )


def _text(address: str) -> str:
    return str(ip_address(address))
