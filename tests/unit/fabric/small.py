"""Small backbones and policies, written the way one draws them: spans `a-b`, paths `a>b>c`."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from highroad.model.network import Fibre, FibreId, Link, LinkId, Network, RiskGroup, RiskGroupId, Site, SiteId, SiteKind
from highroad.model.policy import CandidatePath, Policy, PolicyEnd, SegmentList
from highroad.model.service import PortId, ServiceId, ServiceKind, TenantId, TrafficClass

START_S = 1_800_000_000.0


def backbone(*spans: str, capacity_gbps: float = 100.0, latency_ms: float = 1.0) -> Network:
    """A network with a fibre and a link each way for every span, e.g. `backbone("a-b", "b-c")`."""
    pairs = [span.split("-") for span in spans]
    names = sorted({name for pair in pairs for name in pair})
    return Network(
        name="small",
        sites=tuple(
            Site(id=SiteId(name), name=name, kind=SiteKind.POP, lat=0.0, lon=0.0, jurisdiction="US") for name in names
        ),
        fibres=tuple(Fibre(id=FibreId(f"{a}-{b}"), a=SiteId(a), b=SiteId(b), length_km=200.0) for a, b in pairs),
        links=tuple(
            Link(
                id=LinkId(f"{tail}>{head}"),
                tail=SiteId(tail),
                head=SiteId(head),
                capacity_gbps=capacity_gbps,
                latency_ms=latency_ms,
                fibres=(FibreId(f"{a}-{b}"),),
            )
            for a, b in pairs
            for tail, head in ((a, b), (b, a))
        ),
    )


def in_duct(network: Network, name: str, *fibres: str) -> Network:
    """The same with a risk group that these fibres share."""
    group = RiskGroup(id=RiskGroupId(name), name=name)
    shared = tuple(
        replace(one, risk_groups=(*one.risk_groups, group.id)) if one.id in fibres else one for one in network.fibres
    )
    return replace(network, fibres=shared, risk_groups=(*network.risk_groups, group))


def path(route: str, weight: int = 1) -> SegmentList:
    """The links along `a>b>c`."""
    sites = route.split(">")
    links = tuple(LinkId(f"{a}>{b}") for a, b in pairwise(sites))
    return SegmentList(links=links, weight=weight)


def opposite(route: str) -> str:
    """`c>b>a` for `a>b>c`."""
    return ">".join(reversed(route.split(">")))


def policy(
    service: str,
    route: str,
    *,
    back: str | None = None,
    gbps: float = 10.0,
    ceiling_gbps: float | None = None,
    traffic_class: TrafficClass = TrafficClass.ASSURED,
) -> Policy:
    """A policy of one path each way between ports of its own; `back` is the way there reversed unless it is given."""
    return Policy(
        service=ServiceId(service),
        kind=ServiceKind.IP,
        traffic_class=traffic_class,
        guaranteed_gbps=gbps,
        ceiling_gbps=gbps if ceiling_gbps is None else ceiling_gbps,
        there=(CandidatePath(preference=100, segment_lists=(path(route),)),),
        back=(CandidatePath(preference=100, segment_lists=(path(back or opposite(route)),)),),
        a=end(service, route.split(">")[0]),
        b=end(service, route.split(">")[-1]),
    )


def end(service: str, site: str) -> PolicyEnd:
    """A whole port at a site, of a tenant that has nothing but this service."""
    return PolicyEnd(
        port=PortId(f"{service}-{site}"),
        tenant=TenantId(service),
        site=SiteId(site),
        vlan=None,
        prefixes=(),
        mtu_bytes=9000,
    )
