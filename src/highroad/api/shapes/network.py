"""The network as it travels, whole to an operator and its sites alone to a tenant; reach beside it."""

from __future__ import annotations

from highroad.control.book import Book
from highroad.model.network import Network
from highroad.units import gbps_from_mbps
from highroad.wire.networks import (
    FibreOut,
    LinkOut,
    LocalRepairOut,
    LocalRepairsOut,
    NetworkOut,
    RiskGroupOut,
    SiteOut,
)


def network_out(book: Book, now_s: float) -> NetworkOut:
    """All of it, with what the calendar keeps on each link at a time."""
    network = book.network
    return NetworkOut(
        revision=book.revision,
        name=network.name,
        assumptions=list(network.assumptions),
        sites=_sites(network),
        fibres=[
            FibreOut(
                id=fibre.id,
                a=fibre.a,
                b=fibre.b,
                length_km=fibre.length_km,
                medium=fibre.medium.value,
                jurisdictions=list(fibre.jurisdictions),
                risk_groups=list(fibre.risk_groups),
            )
            for fibre in network.fibres
        ],
        links=[
            LinkOut(
                id=link.id,
                tail=link.tail,
                head=link.head,
                capacity_gbps=link.capacity_gbps,
                latency_ms=link.latency_ms,
                fibres=list(link.fibres),
                booked_gbps=gbps_from_mbps(book.booked_mbps(link.id, now_s)),
            )
            for link in network.links
        ],
        risk_groups=[
            RiskGroupOut(id=group.id, name=group.name, failure_probability=group.failure_probability)
            for group in network.risk_groups
        ],
    )


def sites_out(book: Book) -> NetworkOut:
    """What a tenant sees of it: where it may plug in, and by which rules the map was made."""
    network = book.network
    return NetworkOut(
        revision=book.revision,
        name=network.name,
        assumptions=list(network.assumptions),
        sites=_sites(network),
        fibres=[],
        links=[],
        risk_groups=[],
    )


def _sites(network: Network) -> list[SiteOut]:
    return [
        SiteOut(
            id=site.id,
            name=site.name,
            kind=site.kind.value,
            lat=site.lat,
            lon=site.lon,
            jurisdiction=site.jurisdiction,
            operator=site.operator,
            carbon_g_per_kwh=site.carbon_g_per_kwh,
        )
        for site in network.sites
    ]


def repairs_out(book: Book) -> LocalRepairsOut:
    """The ways around links in use, and where there are none."""
    return LocalRepairsOut(
        items=[
            LocalRepairOut(
                link=link,
                fence=fence.split(",") if fence else None,
                links=None if way is None else list(way),
                latency_ms=None if way is None else book.graph.latency_ms(way),
            )
            for (link, fence), way in book.ways_around().items()
        ]
    )
