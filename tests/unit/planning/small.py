"""Small random networks with conduits, and every simple path over them: what placements are held against."""

from __future__ import annotations

import random
from collections.abc import Iterator

from highroad.model.network import (
    Fibre,
    FibreId,
    Link,
    LinkId,
    Network,
    RiskGroup,
    RiskGroupId,
    Site,
    SiteId,
    SiteKind,
)
from highroad.planning.ground import CARRIES_OTHERS

Path = tuple[LinkId, ...]


def small(seed: int, *, sites: int = 7, share: float = 0.55, one_way: float = 0.0, conduits: int = 3) -> Network:
    """`a` and `b` and pops between them; some fibres in conduits, some links (a share) without an opposite."""
    dice = random.Random(f"small {seed}")
    names = ["a", "b", *(f"p{i}" for i in range(sites - 2))]
    kinds = [SiteKind.CAMPUS, SiteKind.CLOUD, *[SiteKind.POP] * (sites - 2)]
    shared = [RiskGroupId(f"conduit-{i}") for i in range(conduits)]
    fibres, links = [], []
    for i, one in enumerate(names):
        for other in names[i + 1 :]:
            if dice.random() > share:
                continue
            fibre = FibreId(f"{one}--{other}")
            groups = tuple(group for group in shared if dice.random() < 0.15)
            fibres.append(
                Fibre(id=fibre, a=SiteId(one), b=SiteId(other), length_km=100.0, jurisdictions=(), risk_groups=groups)
            )
            capacity, latency = float(dice.randint(5, 20)), dice.randint(500_000, 9_000_000) / 1e6
            for tail, head in ((one, other), (other, one)):
                if dice.random() >= one_way:
                    links.append(
                        Link(
                            id=LinkId(f"{tail}>{head}"),
                            tail=SiteId(tail),
                            head=SiteId(head),
                            capacity_gbps=capacity,
                            latency_ms=latency,
                            fibres=(fibre,),
                        )
                    )
    return Network(
        name=f"small {seed}",
        sites=tuple(
            Site(id=SiteId(name), name=name, kind=kind, lat=0.0, lon=0.001 * i, jurisdiction="US")
            for i, (name, kind) in enumerate(zip(names, kinds, strict=True))
        ),
        fibres=tuple(fibres),
        links=tuple(links),
        risk_groups=tuple(RiskGroup(id=group, name=group) for group in shared),
    )


def network_of(spans: tuple[tuple[str, str, float], ...]) -> Network:
    """Sites a and b, pops between, 20 Gbit/s both ways over each span of so many milliseconds."""
    names = dict.fromkeys(name for a, b, _ in spans for name in (a, b))
    return Network(
        name="spans",
        sites=tuple(
            Site(id=SiteId(name), name=name, kind=SiteKind.POP, lat=0.0, lon=0.1 * i, jurisdiction="US")
            for i, name in enumerate(names)
        ),
        fibres=tuple(Fibre(id=FibreId(f"{a}--{b}"), a=SiteId(a), b=SiteId(b), length_km=100.0) for a, b, _ in spans),
        links=tuple(
            Link(
                id=LinkId(f"{tail}>{head}"),
                tail=SiteId(tail),
                head=SiteId(head),
                capacity_gbps=20.0,
                latency_ms=ms,
                fibres=(FibreId(f"{a}--{b}"),),
            )
            for a, b, ms in spans
            for tail, head in ((a, b), (b, a))
        ),
    )


def simple_paths(network: Network, here: str, goal: str, seen: tuple[str, ...] = ()) -> Iterator[Path]:
    """Every path that passes no site twice and transits pops and edges only."""
    if here == goal:
        yield ()
        return
    if seen and network.site[SiteId(here)].kind not in CARRIES_OTHERS:
        return
    for link in network.links:
        if link.tail == here and link.head not in (*seen, here):
            for rest in simple_paths(network, link.head, goal, (*seen, here)):
                yield (link.id, *rest)


def risks(network: Network, path: Path) -> frozenset[str]:
    """By hand: the fibres, conduits and sites that take a path down, but for the ends a and b."""
    found: set[str] = set()
    for name in path:
        link = network.link[name]
        for fibre in map(network.fibre.__getitem__, link.fibres):
            found |= {fibre.id, *fibre.risk_groups, f"site:{fibre.a}", f"site:{fibre.b}"}
    return frozenset(found - {"site:a", "site:b"})
