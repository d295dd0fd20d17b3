"""A small country for tests: a campus and a cloud, two ways between them, one of them abroad.

    campus (US-CO) -- west --(north, over CA, 5 ms)-- east -- cloud (US-NY)
                        \\--- 4 ms -- south -- 4 ms ---/
Every metro fibre takes 1 ms; every link has 100 Gbit/s.
"""

from __future__ import annotations

from highroad.model.autoscale import Autoscale
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
from highroad.model.recurrence import Recurrence
from highroad.model.service import End, Port, PortId, Protection, Request, ServiceKind, Tenant, TenantId, TrafficClass
from highroad.model.window import Window

ACME = TenantId("acme")
OTHER = TenantId("other")
CAPACITY_GBPS = 100.0

NORTH = ("campus>west", "west>east", "east>cloud")
SOUTH = ("campus>west", "west>south", "south>east", "east>cloud")


def country(*, capacity_gbps: float = CAPACITY_GBPS, conduit: bool = False, ways: int = 1) -> Network:
    """The network of the picture; with a conduit, both halves of the southern way share a risk group. Of two
    ways that have nothing in common the second is by fibres of 4.2 ms from both ends to the south, the third direct.
    """
    spans = (
        ("campus", "west", 1.0, ("US-CO",)),
        ("west", "east", 5.0, ("US-CO", "CA", "US-NY")),
        ("west", "south", 4.0, ("US-CO", "US-TX")),
        ("east", "south", 4.0, ("US-TX", "US-NY")),
        ("cloud", "east", 1.0, ("US-NY",)),
        *((end, "south", 4.2, ("US-TX", code)) for end, code in (("campus", "US-CO"), ("cloud", "US-NY")) if ways > 1),
        *([("campus", "cloud", 9.0, ("US-CO", "US-NY"))] if ways > 2 else []),
    )
    groups = (RiskGroupId("trench"),) if conduit else ()
    return Network(
        name="country",
        sites=(
            _site("campus", SiteKind.CAMPUS, 39.7, -105.0, "US-CO"),
            _site("west", SiteKind.POP, 39.6, -104.8, "US-CO"),
            _site("south", SiteKind.POP, 36.0, -97.0, "US-TX"),
            _site("east", SiteKind.POP, 40.8, -97.9, "US-NY"),
            _site("cloud", SiteKind.CLOUD, 40.7, -97.8, "US-NY"),
        ),
        fibres=tuple(
            Fibre(
                id=FibreId(f"{a}--{b}"),
                a=SiteId(a),
                b=SiteId(b),
                length_km=ms / 0.0049,
                jurisdictions=codes,
                risk_groups=groups if "south" in (a, b) else (),
            )
            for a, b, ms, codes in spans
        ),
        links=tuple(
            Link(
                id=LinkId(f"{tail}>{head}"),
                tail=SiteId(tail),
                head=SiteId(head),
                capacity_gbps=capacity_gbps,
                latency_ms=ms,
                fibres=(FibreId(f"{a}--{b}"),),
            )
            for a, b, ms, _ in spans
            for tail, head in ((a, b), (b, a))
        ),
        risk_groups=(RiskGroup(id=RiskGroupId("trench"), name="Southern trench"),) if conduit else (),
    )


def tenants() -> list[Tenant]:
    """Two customers."""
    return [Tenant(id=ACME, name="Acme"), Tenant(id=OTHER, name="Other")]


def ports() -> list[Port]:
    """A port of 400G at the campus and at the cloud for both, and for the other one at two pops besides."""
    ends = [(tenant, site) for tenant in (ACME, OTHER) for site in ("campus", "cloud")]
    return [
        Port(id=PortId(f"{tenant}.{site}"), tenant=tenant, site=SiteId(site), rate_gbps=400.0)
        for tenant, site in [*ends, (OTHER, "west"), (OTHER, "east")]
    ]


def request(
    bandwidth_gbps: float = 10.0,
    *,
    tenant: TenantId = ACME,
    a: str | End = "campus",
    b: str | End = "cloud",
    bound_ms: float | None = None,
    fence: tuple[str, ...] | None = None,
    start_s: float | None = None,
    end_s: float | None = None,
    traffic_class: TrafficClass = TrafficClass.ASSURED,
    kind: ServiceKind = ServiceKind.IP,
    burst_gbps: float | None = None,
    description: str = "",
    protection: Protection = Protection.NONE,
    max_paths: int | None = None,
    windows: tuple[Window, ...] = (),
    recurrence: Recurrence | None = None,
    hold_s: float | None = None,
    autoscale: tuple[float, float] | None = None,
) -> Request:
    """An order from the campus to the cloud."""
    return Request(
        tenant=tenant,
        a=a if isinstance(a, End) else End(at=a),
        b=b if isinstance(b, End) else End(at=b),
        bandwidth_gbps=bandwidth_gbps,
        latency_bound_ms=bound_ms,
        fence=fence,
        start_s=start_s,
        end_s=end_s,
        traffic_class=traffic_class,
        kind=kind,
        burst_gbps=burst_gbps,
        description=description,
        protection=protection,
        max_paths=max_paths,
        windows=windows,
        recurrence=recurrence,
        hold_s=hold_s,
        autoscale=None if autoscale is None else Autoscale(floor_gbps=autoscale[0], ceiling_gbps=autoscale[1]),
    )


def _site(name: str, kind: SiteKind, lat: float, lon: float, jurisdiction: str) -> Site:
    return Site(id=SiteId(name), name=name.title(), kind=kind, lat=lat, lon=lon, jurisdiction=jurisdiction)
