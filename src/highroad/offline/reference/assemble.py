"""Sites and fibres to a whole network: conduits, a link each way over every fibre, everything in a fixed order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from highroad.formats.plain import light_latency_ms
from highroad.model.network import Fibre, FibreId, Link, LinkId, Network, Site, SiteId
from highroad.offline.reference.borders import borders
from highroad.offline.reference.capacities import METRO_GBPS
from highroad.offline.reference.conduits import dig


def between_pops(backbone: Network, pops: Sequence[Site], *, all_on_land: bool) -> list[Fibre]:
    """The backbone's fibres, by id, with the jurisdictions that they cross."""
    site_of = {site.id: site for site in pops}
    fibres = []
    for fibre in sorted(backbone.fibres, key=lambda fibre: fibre.id):
        a, b = site_of[fibre.a], site_of[fibre.b]
        on_land = all_on_land or all(_on_the_mainland(site) for site in (a, b))
        crossed = borders().crossed((a.lat, a.lon), (b.lat, b.lon), on_land=on_land)
        fibres.append(replace(fibre, jurisdictions=crossed))
    return fibres


def network(
    name: str,
    assumptions: Sequence[str],
    sites: Sequence[Site],
    fibres: Sequence[Fibre],
    backbone_gbps: Mapping[FibreId, int],
) -> Network:
    """The network. A fibre that `backbone_gbps` does not have is metro fibre: METRO_GBPS of the site that it joins."""
    with_conduits, groups = dig(sites, fibres)
    kind_of = {site.id: site.kind for site in sites}
    links: list[Link] = []
    for fibre in with_conduits:
        gbps = backbone_gbps.get(fibre.id)
        if gbps is None:
            gbps = max(METRO_GBPS.get(kind_of[end], 0) for end in (fibre.a, fibre.b))
        links += [_link(fibre, fibre.a, fibre.b, gbps), _link(fibre, fibre.b, fibre.a, gbps)]
    return Network(
        name=name,
        assumptions=tuple(assumptions),
        risk_groups=tuple(sorted(groups, key=lambda group: group.id)),
        sites=tuple(sites),
        fibres=tuple(with_conduits),
        links=tuple(links),
    )


def _link(fibre: Fibre, tail: SiteId, head: SiteId, gbps: int) -> Link:
    _, colon, number = fibre.id.partition(":")
    return Link(
        id=LinkId(f"{tail}>{head}{colon}{number}"),
        tail=tail,
        head=head,
        capacity_gbps=float(gbps),
        latency_ms=light_latency_ms([fibre]),
        fibres=(fibre.id,),
    )


def _on_the_mainland(site: Site) -> bool:
    return site.jurisdiction.startswith("US-") and site.jurisdiction not in ("US-HI", "US-AK")
