"""Placement against an oracle that enumerates every simple path: nothing shared but the network."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import replace

import pytest

from highroad.graph.cheapest import STRETCH, STRETCH_NS
from highroad.model.jurisdiction import Fence
from highroad.model.network import Fibre, FibreId, Link, LinkId, Network, Site, SiteId, SiteKind
from highroad.model.service import Window
from highroad.planning.admission import Admitted, Denied, admit
from highroad.planning.calendar import Claim
from highroad.planning.ground import Ground
from highroad.planning.placement import Want, place
from tests.support.country import ports, request
from tests.unit.planning.ground import NOW_S, ground_of, keep

COUNTRIES = ("US", "CA", "MX")


def random_network(seed: int) -> Network:
    """Seven sites, random one-way latencies and capacities, some links without an opposite."""
    dice = random.Random(seed)
    names = ["campus", "cloud", "c", "d", "e", "f", "g"]
    kinds = [SiteKind.CAMPUS, SiteKind.CLOUD, *[SiteKind.POP] * 4, SiteKind.ENTERPRISE]
    fibres, links = [], []
    for i, a in enumerate(names):
        for b in names[i + 1 :]:
            if dice.random() < 0.5:
                continue
            fibre = FibreId(f"{a}--{b}")
            fibres.append(
                Fibre(id=fibre, a=SiteId(a), b=SiteId(b), length_km=100.0, jurisdictions=(dice.choice(COUNTRIES),))
            )
            for tail, head in ((a, b), (b, a)):
                if dice.random() < 0.9:
                    links.append(
                        Link(
                            id=LinkId(f"{tail}>{head}"),
                            tail=SiteId(tail),
                            head=SiteId(head),
                            capacity_gbps=float(dice.randint(1, 20)),
                            latency_ms=dice.randint(500_000, 9_000_000) / 1e6,
                            fibres=(fibre,),
                        )
                    )
    sites = tuple(
        Site(id=SiteId(name), name=name, kind=kind, lat=0.0, lon=0.001 * i, jurisdiction="US")
        for i, (name, kind) in enumerate(zip(names, kinds, strict=True))
    )
    return Network(name="random", sites=sites, fibres=tuple(fibres), links=tuple(links))


def simple_paths(network: Network, here: str, goal: str, seen: tuple[str, ...] = ()) -> Iterator[list[Link]]:
    if here == goal:
        yield []
        return
    if seen and network.site[SiteId(here)].kind not in (SiteKind.POP, SiteKind.EDGE):
        return
    for link in network.links:
        if link.tail == here and link.head not in (*seen, here):
            for rest in simple_paths(network, link.head, goal, (*seen, here)):
                yield [link, *rest]


def best(network: Network, ground: Ground, want: Want, a: str, b: str) -> float | None:
    """The least latency of any simple path that has room, is inside the fence and inside the bound."""
    found = None
    for path in simple_paths(network, a, b):
        total = sum(round(link.latency_ms * 1e6) for link in path) / 1e6
        room = all(
            link.capacity_gbps * 1000 - ground.calendar.at(link.id, t) >= (want.bandwidth_gbps or 0) * 1000
            for link in path
            for t in (NOW_S, NOW_S + 25, NOW_S + 50, NOW_S + 75)
        )
        fenced = want.fence is None or all(
            code in want.fence.codes for link in path for f in link.fibres for code in network.fibre[f].jurisdictions
        )
        if room and fenced and (want.bound_ms is None or total <= want.bound_ms) and (found is None or total < found):
            found = total
    return found


@pytest.mark.parametrize("seed", range(300))
def test_finds_the_best_path_there_and_back_or_says_that_there_is_none(seed: int) -> None:
    dice = random.Random(seed + 1000)
    network = random_network(seed)
    ground = ground_of(network, ports())
    for index, link in enumerate(network.links):
        start = NOW_S + 25 * dice.randint(0, 3)
        ground.calendar.keep(f"other-{index}", [Claim(link.id, start, start + 25.0, dice.randint(0, 20_000))])
    want = Want(
        a=SiteId("campus"),
        b=SiteId("cloud"),
        window=Window(start_s=NOW_S, end_s=NOW_S + 100),
        bandwidth_gbps=float(dice.randint(1, 8)),
        bound_ms=dice.choice([None, 8.0, 15.0]),
        fence=dice.choice([None, Fence(("US", "CA")), Fence(("US",))]),
    )
    there, back = best(network, ground, want, "campus", "cloud"), best(network, ground, want, "cloud", "campus")
    placement, fastest = place(ground, want), place(ground, replace(want, fastest=True))
    if there is None or back is None:
        assert placement is None
        assert fastest is None
    else:
        assert fastest is not None
        assert ground.graph.latency_ms(fastest.there) == pytest.approx(there)
        assert ground.graph.latency_ms(fastest.back) == pytest.approx(back)
        assert placement is not None
        for way, least in ((placement.there, there), (placement.back, back)):
            stretched = least * STRETCH + STRETCH_NS / 1e6
            assert ground.graph.latency_ms(way) <= (want.bound_ms or stretched) + 1e-6
            assert way in [tuple(link.id for link in path) for path in simple_paths(network, *ends(network, way))]
        assert ground.room(placement, want.window)


def ends(network: Network, way: tuple[LinkId, ...]) -> tuple[str, str]:
    return network.link[way[0]].tail, network.link[way[-1]].head


def test_sells_until_it_is_full_and_never_more_and_every_offer_holds() -> None:
    refused, offered = zip(*(fill(seed) for seed in range(60)), strict=True)
    assert sum(refused) > 100
    assert sum(offered) > 100


def fill(seed: int) -> tuple[int, int]:
    """Orders until little fits; how many were refused, and how many offers were checked."""
    dice = random.Random(seed)
    network = random_network(seed)
    ground = ground_of(network, ports())
    refused = offered = 0
    for number in range(30):
        asked = request(
            float(dice.randint(1, 9)),
            bound_ms=dice.choice([None, None, 12.0, 20.0]),
            fence=dice.choice([None, None, ("US",), ("US", "CA")]),
            start_s=NOW_S + dice.randint(0, 5) * 600,
            end_s=NOW_S + 3600 + dice.randint(0, 5) * 600,
        )
        decision = admit(ground, asked, NOW_S)
        if isinstance(decision, Denied):
            refused += 1
            for offer in decision.offers:
                assert isinstance(admit(ground, offer.request, NOW_S), Admitted)
                assert offer.changes
                offered += 1
        else:
            keep(ground, f"s{number}", decision)
        assert ground.calendar.oversold() == []
    return refused, offered
