"""What a lab of a network consists of: routers, and spans of light between them. A function of the network alone.

    router namespace          wires namespace             router namespace
    c0 (macvlan) ------- w0a (veth) === w0b (veth) ------- c2 (macvlan)

A core port is a macvlan over one end of a veth pair. So light goes out at both ends when one veth is set down, and
no route of a router is flushed by it, as with a real fibre; and what is lost in silence is lost where no router looks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from types import MappingProxyType

from highroad.errors import Finding, Invalid
from highroad.gnmi.router import NODE_IDS
from highroad.model.network import FibreId, Link, LinkId, Network, RiskGroupId, SiteId

CORE_MTU = 9600
"""Customers' 9000, 96 bytes of headers, and 31 segments of 16."""

SID_BLOCK = "fc00:0::/32"

MAX_SPANS = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class CorePort:
    """One end of a span: an interface of a router, and the link that leaves by it."""

    site: SiteId
    interface: str
    address: str
    neighbour: str
    link: LinkId
    capacity_gbps: float
    latency_ms: float
    """Of what leaves by it."""
    over: tuple[tuple[FibreId, SiteId], ...] = ()
    """The fibres that what leaves by it goes over, each with the end that it leads to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A link and its opposite over the same fibres."""

    index: int
    a: CorePort
    b: CorePort
    fibres: tuple[FibreId, ...]

    @property
    def veths(self) -> tuple[str, str]:
        """The two ends of the veth pair that is the light."""
        return f"w{self.index}a", f"w{self.index}b"


@dataclass(frozen=True, slots=True, kw_only=True)
class Router:
    """One router; its core ports in the order in which its agent numbers them."""

    site: SiteId
    node: int
    ports: tuple[CorePort, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All of it."""

    network: str
    routers: tuple[Router, ...]
    spans: tuple[Span, ...]
    spans_on: Mapping[FibreId, tuple[int, ...]] = field(init=False, repr=False, compare=False)
    """Which spans go dark with a fibre, by index; a fibre that carries no link has none."""
    router: Mapping[SiteId, Router] = field(init=False, repr=False, compare=False)
    ends_of: Mapping[FibreId, tuple[SiteId, SiteId]] = field(default_factory=dict, repr=False, compare=False)
    """Every fibre that there is, and its ends."""
    fibres_of: Mapping[RiskGroupId, tuple[FibreId, ...]] = field(default_factory=dict, repr=False, compare=False)
    """Every risk group, and what is cut with it."""

    def __post_init__(self) -> None:
        on: dict[FibreId, list[int]] = {}
        for span in self.spans:
            for fibre in dict.fromkeys(span.fibres):
                on.setdefault(fibre, []).append(span.index)
        object.__setattr__(self, "spans_on", MappingProxyType({fibre: tuple(some) for fibre, some in on.items()}))
        object.__setattr__(self, "router", MappingProxyType({router.site: router for router in self.routers}))


def plan_of(network: Network) -> Plan:
    """The lab of a checked network. Raises Invalid with everything that a lab cannot be made of."""
    findings = _unfit(network)
    if findings:
        raise Invalid(findings)
    spans: list[Span] = []
    ports: dict[SiteId, list[CorePort]] = {site.id: [] for site in network.sites}
    for link, other in _pairs(network):
        index = len(spans)
        addresses = [str(IPv6Address(f"fd00:0:0:{index:x}::{end}")) for end in (0, 1)]
        ends = [
            CorePort(
                site=one.tail,
                interface=f"c{len(ports[one.tail])}",
                address=addresses[way],
                neighbour=addresses[1 - way],
                link=one.id,
                capacity_gbps=one.capacity_gbps,
                latency_ms=one.latency_ms,
                over=network.over(one.id),
            )
            for way, one in enumerate((link, other))
        ]
        for end in ends:
            ports[end.site].append(end)
        spans.append(Span(index=index, a=ends[0], b=ends[1], fibres=link.fibres))
    routers = tuple(
        Router(site=site.id, node=node, ports=tuple(ports[site.id]))
        for node, site in zip(NODE_IDS, network.sites, strict=False)
    )
    return Plan(
        network=network.name,
        routers=routers,
        spans=tuple(spans),
        ends_of={fibre.id: (fibre.a, fibre.b) for fibre in network.fibres},
        fibres_of={group.id: network.fibres_of(group.id) for group in network.risk_groups},
    )


def _pairs(network: Network) -> list[tuple[Link, Link]]:
    """Each link with one the other way over the same fibres, in the order of the file; parallel ones in turn."""
    free: dict[tuple[SiteId, SiteId, tuple[FibreId, ...]], list[Link]] = {}
    pairs = []
    for link in network.links:
        opposite = free.get((link.head, link.tail, link.fibres[::-1]))
        if opposite:
            pairs.append((opposite.pop(0), link))
        else:
            free.setdefault((link.tail, link.head, link.fibres), []).append(link)
    order = {link.id: at for at, link in enumerate(network.links)}
    return sorted(pairs, key=lambda pair: order[pair[0].id])


def _unfit(network: Network) -> list[Finding]:
    paired = {link.id for pair in _pairs(network) for link in pair}
    findings = [
        Finding(
            code="one-way",
            place=f"links[{link.id}]",
            message="has no opposite of its own over the same fibres: in a lab a span of light goes both ways",
        )
        for link in network.links
        if link.id not in paired
    ]
    if len(network.sites) > len(NODE_IDS):
        message = f"{len(network.sites):,} sites are more than the {len(NODE_IDS):,} routers that can be numbered"
        findings.append(Finding(code="too-many-sites", place="sites", message=message))
    if len(network.links) > 2 * MAX_SPANS:
        message = f"{len(network.links):,} links are more than a lab can number"
        findings.append(Finding(code="too-many-links", place="links", message=message))
    return findings
