"""Two services that have to change places, in a network in which neither has another way.

    p --d1-- x1 ==x== x2 -- q        p also to y1 (e1), r also to x1 (e2); q and s to both ends
    r --d2-- y1 ==y== y2 -- s        with a third way x1 -- z -- x2 of 4 ms a half beside x

Every other fibre takes 1 ms, e1 and e2 1.5 ms. x, y and z have 100 Gbit/s, all else 1000. p to q goes over
d1 and x, r to s over d2 and y; without d1 and d2 each has only the other's way.
"""

from __future__ import annotations

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
from highroad.model.service import Port, PortId, Tenant, TenantId

ACME = TenantId("acme")
BOTH = "both"
"""The risk group of d1 and d2."""

X, Y = LinkId("x1>x2"), LinkId("y1>y2")
NARROW_GBPS = 100.0


def knot(*, third: bool = False) -> Network:
    """The network of the picture."""
    ends, middle = ("p", "q", "r", "s"), ("x1", "x2", "y1", "y2", *(["z"] if third else []))
    spans = [
        ("d1", "p", "x1", 1.0, 1000.0),
        ("d2", "r", "y1", 1.0, 1000.0),
        ("e1", "p", "y1", 1.5, 1000.0),
        ("e2", "r", "x1", 1.5, 1000.0),
        *((f"{a}-{b}", a, b, 1.0, 1000.0) for a in ("x2", "y2") for b in ("q", "s")),
        ("x", "x1", "x2", 1.0, NARROW_GBPS),
        ("y", "y1", "y2", 1.0, NARROW_GBPS),
        *([("z1", "x1", "z", 4.0, NARROW_GBPS), ("z2", "z", "x2", 4.0, NARROW_GBPS)] if third else []),
    ]
    return Network(
        name="knot",
        sites=tuple(
            Site(
                id=SiteId(name),
                name=name,
                kind=SiteKind.CAMPUS if name in ends else SiteKind.POP,
                lat=40.0 + place * 0.01,
                lon=-100.0,
                jurisdiction="US-NY",
            )
            for place, name in enumerate((*ends, *middle))
        ),
        fibres=tuple(
            Fibre(
                id=FibreId(name),
                a=SiteId(a),
                b=SiteId(b),
                length_km=ms / 0.0049,
                jurisdictions=("US-NY",),
                risk_groups=(RiskGroupId(BOTH),) if name in ("d1", "d2") else (),
            )
            for name, a, b, ms, _ in spans
        ),
        links=tuple(
            Link(
                id=LinkId(f"{tail}>{head}"),
                tail=SiteId(tail),
                head=SiteId(head),
                capacity_gbps=gbps,
                latency_ms=ms,
                fibres=(FibreId(name),),
            )
            for name, a, b, ms, gbps in spans
            for tail, head in ((a, b), (b, a))
        ),
        risk_groups=(RiskGroup(id=RiskGroupId(BOTH), name="One trench"),),
    )


def tenant() -> Tenant:
    """Who holds both services."""
    return Tenant(id=ACME, name="Acme")


def ports() -> list[Port]:
    """One at each end."""
    return [
        Port(id=PortId(f"acme.{site}"), tenant=ACME, site=SiteId(site), rate_gbps=400.0)
        for site in ("p", "q", "r", "s")
    ]
