"""The fabric's side that measures: pings and traces when they are asked for, and what routers measure all the time."""

from __future__ import annotations

import asyncio
import logging
import time
from abc import abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence

from highroad.errors import HighroadError, NotFound, Unavailable
from highroad.fabric.linux.held import Held
from highroad.fabric.linux.inventory import Facts
from highroad.fabric.linux.measured import Reader
from highroad.fabric.linux.session import ANSWERS_S, Session
from highroad.fabric.recent import Recent
from highroad.gnmi.router import SegmentList
from highroad.model.measurement import Measurement
from highroad.model.network import LinkId, Network, SiteId
from highroad.model.policy import PolicyEnd
from highroad.model.service import ServiceId
from highroad.ports import Echo, Hop, Trace
from highroad.ports.panel import Panel

log = logging.getLogger(__name__)

MOST_UNREAD = 200_000
"""Measurements that wait for who keeps them; where nobody does, the oldest go."""

FRESH_S = 1.0
"""What was read so shortly ago is not read again for who wants to know what was lately."""


class ProbeSide:
    """What a fabric does with packets of its own: `Prober` and `Measures`."""

    network: Network
    _panel: Panel | None
    _held: Held
    _sessions: Mapping[SiteId, Session]
    _flips: Mapping[SiteId, Mapping[ServiceId, float]]

    def __init__(self, routers: Iterable[SiteId]) -> None:
        self._readers = {site: Reader() for site in routers}
        self._reading = asyncio.Lock()
        self._unread: list[Measurement] = []
        self._recent = Recent()
        self._read_s = float("-inf")

    @abstractmethod
    def _facts(self) -> dict[SiteId, Facts]:
        """What is known of routers."""

    async def ping(self, service: ServiceId, *, count: int, interval_ms: float, size_bytes: int) -> Sequence[Echo]:
        """From the customer's host at `a` where there is a lab, else from the router there."""
        a, _ = self._ends(service)
        if self._panel is not None:
            return await self._panel.ping(service, count=count, interval_ms=interval_ms, size_bytes=size_bytes)
        body = {
            "service": service,
            "count": count,
            "interval-ms": round(interval_ms),
            "size": size_bytes,
        }
        answer = await self._session(a.site).act("Ping", body, timeout_s=5.0 + count * interval_ms / 1000.0)
        return [Echo(sequence=int(one["sequence"]), rtt_ms=one["rtt-ms"]) for one in answer["echoes"]]

    async def trace(self, service: ServiceId) -> Trace:
        """Both headends measure their own way, hop by hop."""
        there, back = await asyncio.gather(*(self._hops(end.site, service) for end in self._ends(service)))
        return Trace(there=there, back=back)

    async def measured(self) -> Sequence[Measurement]:
        """What routers have measured since this was asked last, as long as they keep it."""
        await self._read_measured()
        told, self._unread = self._unread, []
        return told

    async def lately(self, services: Collection[ServiceId]) -> Sequence[Measurement]:
        """What they measured of some services within the last seconds."""
        if time.monotonic() - self._read_s >= FRESH_S:
            await self._read_measured()
        return [row for one in services for row in self._recent.of(one)]

    async def measurements(self, service: ServiceId) -> Sequence[Measurement]:
        """What routers measured of a service within the last seconds."""
        self._ends(service)
        await self._read_measured()
        return self._recent.of(service)

    async def _read_measured(self) -> None:
        """Ask every router that answers for what is new."""
        async with self._reading:
            self._read_s = time.monotonic()
            sites = [site for site, session in self._sessions.items() if session.connected]
            found = await asyncio.gather(*(self._read_at(site) for site in sites))
            for one in found:
                self._recent.take(one)
                self._unread += one
            del self._unread[:-MOST_UNREAD]

    async def _read_at(self, site: SiteId) -> list[Measurement]:
        reader = self._readers[site]
        try:
            return reader.take(await self._sessions[site].act("Measured", reader.wish(), ANSWERS_S))
        except HighroadError as error:
            log.info("what %s measured could not be read: %s", site, error)
            return []

    async def _hops(self, site: SiteId, service: ServiceId) -> list[Hop]:
        """Every router after a headend: those that light passes by the links that it names."""
        links = [LinkId(link) for link in self._way(site, service).links]
        heads = self._heads_of(links)
        facts = self._facts()
        nodes = [facts[head].node for head in heads if head in facts]
        # Of a headend that uses another path by itself it is not known here which.
        preferred = service not in self._flips.get(site, {})
        body = {"service": service, **({"nodes": nodes} if preferred and len(nodes) == len(heads) else {})}
        answer = await self._session(site).act("Trace", body, timeout_s=15.0)
        links = [LinkId(one["link"]) for one in answer["hops"]]
        rtts = [one["rtt-ms"] for one in answer["hops"]]
        found = zip(self._heads_of(links), links, rtts, strict=True)
        return [Hop(site=head, link=link, rtt_ms=rtt) for head, link, rtt in found]

    def _heads_of(self, links: Sequence[LinkId]) -> list[SiteId]:
        return [self.network.link[link].head if link in self.network.link else SiteId("?") for link in links]

    def _way(self, site: SiteId, service: ServiceId) -> SegmentList:
        """The list that a headend uses first."""
        policy = self._held.half(site, service).policy
        if policy is None:
            raise NotFound(f"routers do not carry {service}")
        best = max(policy.candidate_paths, key=lambda candidate: candidate.preference)
        return best.segment_lists[0]

    def _ends(self, service: ServiceId) -> tuple[PolicyEnd, PolicyEnd]:
        policy = self._held.policy(service)
        if policy is None or policy.a is None or policy.b is None:
            raise NotFound(f"routers do not carry {service}")
        return policy.a, policy.b

    def _session(self, site: SiteId) -> Session:
        session = self._sessions.get(site)
        if session is None:
            raise Unavailable(f"there is no router at {site}")
        return session
