"""The way around a link, against every simple path: nothing shared but the network and the definition."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from highroad.graph.disjoint import groups_of, site_group
from highroad.model.jurisdiction import Fence
from highroad.model.network import FibreId, Link, LinkId, Network, RiskGroupId, SiteKind
from highroad.planning.detour import MOST_LINKS, NEAR, NEAR_NS, detour
from tests.unit.planning.ground import ground_of
from tests.unit.planning.small import network_of, small

US = Fence(("US",))


def abroad(network: Network, seed: int) -> Network:
    """The same, a third of its fibres through another country."""
    dice = random.Random(seed)
    fibres = tuple(replace(fibre, jurisdictions=("CA",)) if dice.random() < 0.33 else fibre for fibre in network.fibres)
    return replace(network, fibres=fibres)


def simple_paths(network: Network, here: str, goal: str, seen: tuple[str, ...] = ()) -> Iterator[tuple[Link, ...]]:
    if here == goal:
        yield ()
        return
    if seen and network.site[next(one.id for one in network.sites if one.id == here)].kind is not SiteKind.POP:
        return
    for link in network.links:
        if link.tail == here and link.head not in (*seen, here):
            for rest in simple_paths(network, link.head, goal, (*seen, here)):
                yield (link, *rest)


def all_detours(network: Network, link: Link, fence: Fence | None, avoid: Collection[LinkId]) -> list[tuple[Link, ...]]:
    """Those that share nothing with the link; if there are none, those that share no more than declared groups."""
    own = groups_of(network, link.id) - {site_group(link.tail), site_group(link.head)}
    declared = {group for fibre in link.fibres for group in network.fibre[fibre].risk_groups}
    return detours_off(network, link, fence, avoid, own) or detours_off(network, link, fence, avoid, own - declared)


def detours_off(
    network: Network, link: Link, fence: Fence | None, avoid: Collection[LinkId], own: Collection[str]
) -> list[tuple[Link, ...]]:
    return [
        path
        for path in simple_paths(network, link.tail, link.head)
        if not any(
            one.id == link.id or one.id in avoid or not groups_of(network, one.id).isdisjoint(own) for one in path
        )
        and (fence is None or not any(fence.outside(network.jurisdictions_of(one.id)) for one in path))
    ]


def took_ns(path: tuple[Link, ...]) -> int:
    return sum(round(one.latency_ms * 1e6) for one in path)


def width(path: tuple[Link, ...]) -> float:
    return min(one.capacity_gbps for one in path)


@given(seed=st.integers(0, 10_000), fenced=st.booleans(), dark=st.integers(0, 3))
def test_it_is_the_widest_of_the_shortest_and_there_is_one_if_there_is_any(seed: int, fenced: bool, dark: int) -> None:
    network = abroad(small(seed, sites=6, share=0.7, one_way=0.1), seed)
    dice = random.Random(f"dark {seed}")
    ground = ground_of(network, [])
    avoid = {link.id for link in dice.sample(network.links, min(dark, len(network.links)))}
    numbers = frozenset(ground.graph.link_number[link] for link in avoid)
    fence = US if fenced else None
    for link in network.links:
        ways = all_detours(network, link, fence, avoid)
        found = detour(ground, link.id, fence, numbers)
        if not ways:
            assert found is None
            continue
        assert found is not None
        path = tuple(network.link[one] for one in found)
        assert path in ways
        shortest_ns = min(map(took_ns, ways))
        near = [way for way in ways if took_ns(way) <= max(int(shortest_ns * NEAR), shortest_ns + NEAR_NS)]
        widest = max(map(width, near))
        assert width(path) == widest
        assert took_ns(path) == min(took_ns(way) for way in near if width(way) == widest)


def test_whole_conduits_are_avoided() -> None:
    """The short way shares a conduit with the link, whoever else is in it."""
    network = network_of((("a", "b", 1.0), ("a", "c", 1.0), ("c", "b", 1.0), ("a", "d", 5.0), ("d", "b", 5.0)))
    assert detour(ground_of(network, []), LinkId("a>b"), None, ()) == ("a>c", "c>b")
    fibres = tuple(
        replace(fibre, risk_groups=(RiskGroupId("bridge"),)) if fibre.id in ("a--b", "c--b") else fibre
        for fibre in network.fibres
    )
    assert detour(ground_of(replace(network, fibres=fibres), []), LinkId("a>b"), None, ()) == ("a>d", "d>b")
    all_in_one = tuple(replace(fibre, risk_groups=(RiskGroupId("bridge"),)) for fibre in network.fibres)
    assert detour(ground_of(replace(network, fibres=all_in_one), []), LinkId("a>b"), None, ()) == ("a>c", "c>b")


def test_a_site_that_the_light_passes_is_avoided() -> None:
    """A link over two fibres falls with the hut between them; so may no detour be switched there."""
    network = network_of((("a", "h", 1.0), ("h", "b", 1.0), ("a", "d", 5.0), ("d", "b", 5.0)))
    express = replace(
        network.links[0], id=LinkId("a>>b"), head=network.site[network.links[2].head].id, latency_ms=2.0,
        fibres=(FibreId("a--h"), FibreId("h--b")),
    )  # fmt: skip
    network = replace(network, links=(*network.links, express))
    assert network.link[LinkId("a>>b")].head == "b"
    assert detour(ground_of(network, []), LinkId("a>>b"), None, ()) == ("a>d", "d>b")


@pytest.mark.parametrize(("links", "expected"), [(MOST_LINKS, True), (MOST_LINKS + 1, False)])
def test_it_is_no_longer_than_a_router_can_put_on(links: int, expected: bool) -> None:
    names = ["a", *(f"p{at}" for at in range(links - 1)), "b"]
    ring = tuple((one, other, 1.0) for one, other in pairwise(names))
    network = network_of((("a", "b", 1.0), *ring))
    found = detour(ground_of(network, []), LinkId("a>b"), None, ())
    assert (found is not None and len(found) == links) is expected
    longer = network_of((("a", "b", 1.0), *ring, ("a", "c", 99.0), ("c", "b", 99.0)))
    if not expected:
        assert detour(ground_of(longer, []), LinkId("a>b"), None, ()) == ("a>c", "c>b")
