"""Counters of services and links, from what routers count and, in a lab, from what its hosts sent and got.

Routers count bytes as they are carried, and at instants of their own; here they become totals in modelled units that
never fall. What is lost is known exactly only where the far end knows what was sent: in a lab. Elsewhere it is what had
been offered one reading ago and has not arrived by this one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Container, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from highroad.fabric.linux.memory import Climb, Dark, Memory
from highroad.model.network import LinkId, Network, SiteId
from highroad.model.policy import CandidatePath, Policy
from highroad.model.service import ServiceId
from highroad.ports import LinkCounters, Sample, ServiceCounters
from highroad.ports.panel import Flow

LEAST_SPAN_S = 0.08
"""A rate is taken over at least so long: counters tick packet by packet."""

WRITTEN_EVERY_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EndBytes:
    """What a router counted at one end of a service: from its customer, to its customer, and what it dropped."""

    entered: int
    delivered: int
    dropped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """A router's counters, since its epoch: bytes as carried; of links, customers' bytes that left by them."""

    epoch: str
    services: Mapping[ServiceId, EndBytes]
    links: Mapping[LinkId, int]


@dataclass(frozen=True, slots=True)
class _Totals:
    """One service's totals by way (there, back), in modelled bytes."""

    entered: tuple[float, float]
    delivered: tuple[float, float]
    dropped: tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Reading:
    at_s: float
    services: Mapping[ServiceId, _Totals]
    links: Mapping[LinkId, float]


class Meter:
    """Takes readings, and makes samples of them."""

    def __init__(self, memory: Memory, instance: str = "") -> None:
        """`instance` is of the lab: in another one every counter begins anew."""
        self._memory = memory
        self._instance = instance
        self._kept = memory.kept
        self._past: deque[_Reading] = deque()
        self._written_s = 0.0

    def took(self, site: SiteId, counted: Counted, rate_scale: float, known: Container[ServiceId]) -> None:
        """A router's counters now; it carries a modelled 1 Gbit/s as `rate_scale`. Only what is known counts."""
        epoch = f"{self._instance}/{counted.epoch}"
        for service, end in counted.services.items():
            if service not in known:
                continue
            kept = self._kept.services.setdefault(service, {})
            for name, value in (("in", end.entered), ("out", end.delivered), ("drop", end.dropped)):
                kept.setdefault(f"{site}/{name}", Climb()).read(epoch, value / rate_scale)
        for link, value in counted.links.items():
            self._kept.links.setdefault(link, Climb()).read(epoch, value / rate_scale)

    def darken(self, now_s: float, dark: Mapping[ServiceId, float]) -> None:
        """These services are dark, since then; the others are not. For fabrics whose hosts do not tell."""
        for service, since_s in dark.items():
            one = self._kept.dark.setdefault(service, Dark())
            if one.since_s is None:
                one.since_s = min(since_s, now_s)
        for known, one in self._kept.dark.items():
            if one.since_s is not None and known not in dark:
                one.total_s, one.since_s = one.at(now_s), None

    def forget(self, services: list[ServiceId]) -> None:
        """They were withdrawn."""
        self._memory.forget(services)

    def sample(
        self,
        now_s: float,
        counted_s: float,
        network: Network,
        policies: Mapping[ServiceId, Policy],
        flows: Mapping[ServiceId, Flow],
        dark: Mapping[LinkId, float],
    ) -> Sample:
        """Every counter, as the routers said at `counted_s`; what hosts say, and what is dark, is of now."""
        reading = _Reading(
            at_s=counted_s,
            services={service: self._totals(service, policy) for service, policy in policies.items()},
            links={link: self._kept.links[link].total if link in self._kept.links else 0.0 for link in network.link},
        )
        before = self._before(counted_s)
        if not self._past or self._past[-1].at_s < counted_s:
            self._past.append(reading)
        sample = Sample(
            at_s=now_s,
            services={
                service: self._service(network, policies[service], now_s, reading, before, flows.get(service))
                for service in policies
            },
            links={
                link: LinkCounters(
                    carried_bytes=total,
                    carried_gbps=_gbps(total - before.links.get(link, total), counted_s - before.at_s)
                    if before
                    else 0.0,
                    up=link not in dark,
                )
                for link, total in reading.links.items()
            },
        )
        if now_s >= self._written_s + WRITTEN_EVERY_S:
            self._written_s = now_s
            self._memory.write()
        return sample

    def _before(self, counted_s: float) -> _Reading | None:
        """The newest reading that is old enough to take a rate from."""
        while len(self._past) > 1 and self._past[1].at_s <= counted_s - LEAST_SPAN_S:
            self._past.popleft()
        oldest = self._past[0] if self._past else None
        return oldest if oldest is not None and oldest.at_s <= counted_s - LEAST_SPAN_S else None

    def _totals(self, service: ServiceId, policy: Policy) -> _Totals:
        kept = self._kept.services.get(service, {})
        sites = [end.site if end is not None else None for end in (policy.a, policy.b)]

        def total(place: int, name: str) -> float:
            climb = kept.get(f"{sites[place]}/{name}")
            return climb.total if climb is not None else 0.0

        return _Totals(
            entered=(total(0, "in"), total(1, "in")),
            delivered=(total(1, "out"), total(0, "out")),
            dropped=(total(0, "drop"), total(1, "drop")),
        )

    def _service(
        self, network: Network, policy: Policy, now_s: float, now: _Reading, before: _Reading | None, flow: Flow | None
    ) -> ServiceCounters:
        service = policy.service
        totals, old = now.services[service], None if before is None else before.services.get(service)
        carried = sum(totals.delivered)
        lost = self._lost(service, totals, old, flow)
        span_s = 0.0 if before is None else now.at_s - before.at_s
        rates = [0.0 if old is None else _gbps(totals.delivered[way] - old.delivered[way], span_s) for way in (0, 1)]
        entered = 0.0 if old is None else _gbps(_offered(totals) - _offered(old), span_s)
        dark = self._kept.dark.get(service, Dark())
        measured = (None, None) if flow is None else (flow.latency_ms_there, flow.latency_ms_back)
        latencies = [
            _latency_ms(network, candidates) if known is None else known
            for known, candidates in zip(measured, (policy.there, policy.back), strict=True)
        ]
        return ServiceCounters(
            offered_bytes=carried + lost,
            carried_bytes=carried,
            lost_bytes=lost,
            dark_s=dark.at(now_s) if flow is None else self._climbed(service, "dark", flow.dark_s),
            offered_gbps=entered if flow is None else flow.offered_gbps,
            carried_gbps_there=rates[0],
            carried_gbps_back=rates[1],
            latency_ms_there=latencies[0],
            latency_ms_back=latencies[1],
            unseen_s=0.0 if flow is None else flow.unseen_s,
        )

    def _lost(self, service: ServiceId, totals: _Totals, old: _Totals | None, flow: Flow | None) -> float:
        if flow is not None:
            return self._climbed(service, "lost", flow.lost_bytes)
        missing = sum(totals.dropped)
        if old is not None:
            missing += sum(max(0.0, old.entered[way] - totals.delivered[way]) for way in (0, 1))
        self._kept.lost[service] = max(missing, self._kept.lost.get(service, 0.0))
        return self._kept.lost[service]

    def _climbed(self, service: ServiceId, name: str, value: float) -> float:
        kept = self._kept.services.setdefault(service, {})
        return kept.setdefault(f"flow/{name}", Climb()).read(self._instance, value)


Flips = Mapping[SiteId, Collection[ServiceId]]
"""By headend, the services that it has on another path than they prefer."""


def dark_services(
    policies: Mapping[ServiceId, Policy], dark: Mapping[LinkId, float], flips: Flips = MappingProxyType({})
) -> dict[ServiceId, float]:
    """The services that have no way left in one direction or the other, and since when. Where a headend has flipped it
    has found a way.
    """
    if not dark:
        return {}
    found: dict[ServiceId, float] = {}
    for service, policy in policies.items():
        ways = ((policy.there, policy.a), (policy.back, policy.b))
        kept = [way for way, end in ways if end is None or service not in flips.get(end.site, ())]
        since = [since_s for way in kept if (since_s := _dark_since(way, dark)) is not None]
        if since:
            found[service] = min(since)
    return found


def _dark_since(way: tuple[CandidatePath, ...], dark: Mapping[LinkId, float]) -> float | None:
    """When the last of the best candidate's lists went dark, or None if one is lit."""
    if not way:
        return None
    best = max(way, key=lambda candidate: candidate.preference)
    since = []
    for segments in best.segment_lists:
        times = [dark[link] for link in segments.links if link in dark]
        if not times:
            return None
        since.append(min(times))
    return max(since, default=None)


def _latency_ms(network: Network, candidates: tuple[CandidatePath, ...]) -> float:
    """Of light along the first list of the best candidate; links that are gone add nothing."""
    if not candidates:
        return 0.0
    best = max(candidates, key=lambda candidate: candidate.preference)
    links = best.segment_lists[0].links if best.segment_lists else ()
    return sum(network.link[link].latency_ms for link in links if link in network.link)


def _offered(totals: _Totals) -> float:
    return sum(totals.entered) + sum(totals.dropped)


def _gbps(bytes_: float, span_s: float) -> float:
    return max(0.0, bytes_) * 8.0 / 1e9 / span_s if span_s > 0.0 else 0.0
