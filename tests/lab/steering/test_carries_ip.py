"""An `ip` service carries both families, whole, along the links that its list says, however long the list."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from socket import AF_INET

import pytest

from highroad.agent import numbers as n
from tests.lab.steering.rig import (
    FAMILIES,
    Service,
    awake,
    far,
    hosts,
    near,
    offer,
    segments,
    service,
    sid_packets,
    space,
    zigzag,
)
from tests.lab.steering.traffic import Frames, lane, outer_of
from tests.support.routers import Chain, chain

LENGTHS = (1, 2, 5, 6, 11, 12, 17, 18, 24)
"""Adjacency SIDs; the far end's function comes after them: 6 and 7 micro SIDs in all, 12 and 13, 18 and 19, 25."""

BEHIND = (("10.1.0.0/16", "fd01::/48"), ("10.2.0.0/16", "fd02::/48"))


@dataclass(frozen=True)
class Carried:
    chain: Chain
    odd: Service
    even: Service


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Carried]:
    with ExitStack() as undo:
        made = undo.enter_context(chain(4, tmp_path_factory.mktemp("routers")))
        odd = service("odd", 1, 1, 2, prefixes=BEHIND)
        even = service("even", 2, 1, 3, prefixes=BEHIND)
        hosts(made, undo, odd, even)
        offer(made, odd, even)
        assert all(awake(made, one, family) for one in (odd, even) for family in FAMILIES)
        yield Carried(chain=made, odd=odd, even=even)


@pytest.mark.parametrize("length", LENGTHS)
def test_carries_along_a_list_of_any_length(carried: Carried, length: int) -> None:
    made = carried.chain
    one = carried.odd if length % 2 else carried.even
    other = carried.even if length % 2 else carried.odd
    functions = zigzag(1, one.out.remote_node, length)
    offer(made, one.along(functions), other)
    sizes = (64, 1280, 1500, 9000)
    before = sid_packets(made)
    with Frames(f"{made.prefix}-r1", "right", 4096) as wire:
        for family in FAMILIES:
            overhead = 28 if family == AF_INET else 48
            with lane(space(made, one, "here"), space(made, one, "there"), far(one, family)) as way:
                for size in sizes:
                    assert way.passes(3, size - overhead) == 3, f"{size} bytes"
        seen = {outer.segments for frame in wire.taken(outgoing=True) if (outer := outer_of(frame)) is not None}
    assert sid_packets(made) - before == 2 * 3 * len(sizes) * length, "each packet went over each link of the list"
    first = {listed[0] for listed in seen}
    wanted = {number: segments(made.routers[0], functions, one.out.remote_function + number) for number in (0, 1)}
    # The headend has used its own first SID, so the first address has moved up by one; later ones stand as they were.
    assert {listed[1:] for listed in seen} >= {listed[1:] for listed in wanted.values()}
    assert all(address.startswith("fc00:") for address in first)


def test_the_way_from_a_sid_has_a_gateway(carried: Carried) -> None:
    """A way that has none is made anew for each packet, which costs more than forwarding it."""
    for to, outward in (("fd00:0:2::1", "right"), (carried.odd.there.addresses.ce6, "a1")):
        answer = carried.chain.run("r2", "ip", "-6", "route", "get", to, "iif", "left", "mark", hex(n.MARK_SID))
        assert f"via {to} dev {outward}" in answer


@pytest.mark.parametrize("family", FAMILIES)
def test_carries_between_prefixes_behind_the_customers_edges(carried: Carried, family: int) -> None:
    made, one = carried.chain, carried.even
    offer(made, carried.odd, one)
    here, there = ("10.1.2.3", "10.2.3.4") if family == AF_INET else ("fd01::2:3", "fd02::3:4")
    for end, address in (("here", here), ("there", there)):
        made.run(f"even.{end}", "ip", "addr", "replace", f"{address}/{32 if family == AF_INET else 128}", "dev", "lo")
    with lane(space(made, one, "here"), space(made, one, "there"), there) as way:
        way.source.bind((here, 0))
        assert way.passes(5) == 5
        way.source.close()
    assert made.ping("even.here", there, more=("-I", here)) == 3, "there and back"
    elsewhere = "10.3.0.1" if family == AF_INET else "fd03::1"
    assert made.ping("even.here", elsewhere, count_=1, more=("-W", "0.2")) == 0


@pytest.mark.parametrize("family", FAMILIES)
def test_the_service_is_one_hop_whatever_its_path(carried: Carried, family: int) -> None:
    made = carried.chain
    one = carried.even.along(zigzag(1, 3, 12))
    offer(made, carried.odd, one)
    assert made.ping("even.here", far(one, family), more=("-t", "2")) == 3, "a packet that may take two hops arrives"
    said = made.run("even.here", "ping", "-c1", "-W1", "-t", "1", far(one, family), check=False)
    router = one.here.addresses.pe4 if family == AF_INET else one.here.addresses.pe6
    assert "exceeded" in said, said
    assert f"From {router}" in said, said


@pytest.mark.parametrize("family", FAMILIES)
def test_the_customers_edge_reaches_the_routers_and_is_answered(carried: Carried, family: int) -> None:
    made, one = carried.chain, carried.odd
    offer(made, one, carried.even)
    router = one.here.addresses.pe4 if family == AF_INET else one.here.addresses.pe6
    assert made.ping("odd.here", router) == 3
    assert near(one, family) != far(one, family)
