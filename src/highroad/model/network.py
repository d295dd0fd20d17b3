"""The backbone as a value: sites, fibres, risk groups, links, and the network that they make.

A `Network` may hold anything that a file can say, so that `check` can report every finding at once; nothing but
`check` and what reports on it may touch one with errors in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType
from typing import NewType

SiteId = NewType("SiteId", str)
FibreId = NewType("FibreId", str)
LinkId = NewType("LinkId", str)
RiskGroupId = NewType("RiskGroupId", str)


class SiteKind(StrEnum):
    """What a site is for."""

    CAMPUS = "campus"
    CLOUD = "cloud"
    EDGE = "edge"
    ENTERPRISE = "enterprise"
    POP = "pop"


class Medium(StrEnum):
    """What light travels in."""

    SMF = "smf"
    HOLLOW_CORE = "hollow_core"

    @property
    def latency_ms_per_km(self) -> float:
        """One way: 4.9 us/km in standard single-mode fibre (group index 1.468), 3.4 us/km in hollow core."""
        return 0.0049 if self is Medium.SMF else 0.0034


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where traffic enters, leaves or is switched. `jurisdiction` is an ISO 3166 code, `US` or `US-CO`."""

    id: SiteId
    name: str
    kind: SiteKind
    lat: float
    lon: float
    jurisdiction: str
    operator: str | None = None
    """Whose it is, where that matters to a customer: `aws`, `azure`, `gcp`."""
    carbon_g_per_kwh: float | None = None
    """Carbon intensity of the grid there, gCO2e/kWh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fibre:
    """A physical route between two sites, and the jurisdictions that it crosses."""

    id: FibreId
    a: SiteId
    b: SiteId
    length_km: float
    medium: Medium = Medium.SMF
    jurisdictions: tuple[str, ...] = ()
    risk_groups: tuple[RiskGroupId, ...] = ()
    """Shared ones only: each fibre is besides a risk group of its own."""

    @property
    def latency_ms(self) -> float:
        """One way, light alone."""
        return self.length_km * self.medium.latency_ms_per_km


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskGroup:
    """What fails together: a conduit, a bridge, a landing station."""

    id: RiskGroupId
    name: str
    failure_probability: float | None = None
    """Share of time in which it is down, where known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A directed IP adjacency over one or more fibres. `latency_ms` is one way; its opposite is another link."""

    id: LinkId
    tail: SiteId
    head: SiteId
    capacity_gbps: float
    latency_ms: float
    fibres: tuple[FibreId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Sites, fibres, risk groups and links, checked as a whole by `highroad.model.check.check`.

    The look-ups (`site`, `fibre`, `link`, ...) keep the first of two things with one name.
    """

    name: str
    sites: tuple[Site, ...]
    fibres: tuple[Fibre, ...]
    links: tuple[Link, ...]
    risk_groups: tuple[RiskGroup, ...] = ()
    assumptions: tuple[str, ...] = ()
    """The rules and sources that it was built by, one sentence each."""

    site: Mapping[SiteId, Site] = field(init=False, repr=False, compare=False)
    fibre: Mapping[FibreId, Fibre] = field(init=False, repr=False, compare=False)
    link: Mapping[LinkId, Link] = field(init=False, repr=False, compare=False)
    links_on: Mapping[FibreId, tuple[LinkId, ...]] = field(init=False, repr=False, compare=False)
    """Which links go down with a fibre."""
    opposite: Mapping[LinkId, LinkId] = field(init=False, repr=False, compare=False)
    """The link the other way over the same fibres, where there is one."""

    def __post_init__(self) -> None:
        on: dict[FibreId, list[LinkId]] = {}
        by_way: dict[tuple[SiteId, SiteId, tuple[FibreId, ...]], LinkId] = {}
        for link in self.links:
            for fibre_id in dict.fromkeys(link.fibres):
                on.setdefault(fibre_id, []).append(link.id)
            by_way.setdefault((link.tail, link.head, link.fibres), link.id)
        opposite: dict[LinkId, LinkId] = {}
        for link in self.links:
            other = by_way.get((link.head, link.tail, link.fibres[::-1]))
            if other is not None:
                opposite[link.id] = other
        _set(self, "site", {site.id: site for site in reversed(self.sites)})
        _set(self, "fibre", {fibre.id: fibre for fibre in reversed(self.fibres)})
        _set(self, "link", {link.id: link for link in reversed(self.links)})
        _set(self, "links_on", {fibre: tuple(links) for fibre, links in on.items()})
        _set(self, "opposite", opposite)

    def __reduce__(self) -> tuple[object, ...]:
        """What it is made of, without the look-ups: how it goes to another process."""
        return _made, (self.name, self.sites, self.fibres, self.links, self.risk_groups, self.assumptions)

    def fibres_of(self, group: str) -> tuple[FibreId, ...]:
        """The fibres that fail with a risk group, with a fibre (a group of its own) or with a site."""
        if group in self.fibre:
            return (FibreId(group),)
        return tuple(
            fibre.id
            for fibre in self.fibres
            if group in fibre.risk_groups or (group in self.site and group in (fibre.a, fibre.b))
        )

    def over(self, link_id: LinkId) -> tuple[tuple[FibreId, SiteId], ...]:
        """The fibres of a link in its order, each with the end that it leads to."""
        link, at, passed = self.link[link_id], self.link[link_id].tail, []
        for fibre_id in link.fibres:
            fibre = self.fibre[fibre_id]
            at = fibre.b if at == fibre.a else fibre.a
            passed.append((fibre_id, at))
        return tuple(passed)

    def jurisdictions_of(self, link_id: LinkId) -> frozenset[str]:
        """Everywhere that a link's light goes: its fibres, and the sites at its ends."""
        link = self.link[link_id]
        crossed = {code for fibre_id in link.fibres for code in self.fibre[fibre_id].jurisdictions}
        return frozenset(crossed | {self.site[link.tail].jurisdiction, self.site[link.head].jurisdiction})


def _made(
    name: str,
    sites: tuple[Site, ...],
    fibres: tuple[Fibre, ...],
    links: tuple[Link, ...],
    risk_groups: tuple[RiskGroup, ...],
    assumptions: tuple[str, ...],
) -> Network:
    return Network(name=name, sites=sites, fibres=fibres, links=links, risk_groups=risk_groups, assumptions=assumptions)


def _set(network: Network, name: str, value: object) -> None:
    frozen = MappingProxyType(value) if isinstance(value, dict) else value
    object.__setattr__(network, name, frozen)
