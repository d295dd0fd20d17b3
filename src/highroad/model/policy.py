"""What a headend holds for a service (RFC 9256): candidate paths by preference, each of weighted segment lists."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from highroad.model.network import LinkId, SiteId
from highroad.model.service import (
    Attachment,
    Backup,
    Branch,
    Placement,
    Port,
    PortId,
    Service,
    ServiceId,
    ServiceKind,
    TenantId,
    TrafficClass,
    share_mbps,
)
from highroad.units import gbps_from_mbps, mbps_from_gbps


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentList:
    """One explicit path, link by link; `weight` is its share of the traffic beside its siblings."""

    links: tuple[LinkId, ...]
    weight: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidatePath:
    """The segment lists of one preference; the highest preference that is up carries the traffic."""

    preference: int
    segment_lists: tuple[SegmentList, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyEnd:
    """One end of a service as a router needs it: whose port it is and where, and what lies behind it."""

    port: PortId
    tenant: TenantId
    site: SiteId
    vlan: int | None
    prefixes: tuple[str, ...]
    mtu_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """All that the fabric needs to carry a service; equal policies need no change on any router.

    `there` and `back` are the candidate paths of the two headends, `a` and `b` what is attached to them: a model can do
    without, a router cannot. What only people read (a description) is not in it.
    """

    service: ServiceId
    kind: ServiceKind
    traffic_class: TrafficClass
    guaranteed_gbps: float
    ceiling_gbps: float
    """Guarantee and burst together: the most that the headend lets in."""
    there: tuple[CandidatePath, ...]
    back: tuple[CandidatePath, ...]
    a: PolicyEnd | None = None
    b: PolicyEnd | None = None
    fence: str | None = None
    """The label of what it has to stay inside of: links are repaired locally along detours that do so too."""

    @property
    def links(self) -> frozenset[LinkId]:
        """Every link that it may use."""
        return frozenset(
            link
            for candidate in (*self.there, *self.back)
            for segments in candidate.segment_lists
            for link in segments.links
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalRepair:
    """Where what was to go over a link goes while that is lost, for services with a fence of this label ("": none)."""

    link: LinkId
    fence: str
    links: tuple[LinkId, ...]


def policy_of(service: Service, ports: Mapping[PortId, Port]) -> Policy | None:
    """The policy that carries a service as it stands, or None if nothing is to be carried.

    Rates are whole Mbit/s, as they are sold: what a router keeps in integers reads back equal.
    """
    placement = service.placement
    if placement is None or not service.wants_carrying:
        return None
    order = service.order
    guaranteed = _sold(placement.bandwidth_gbps)
    return Policy(
        service=service.id,
        kind=order.kind,
        traffic_class=order.traffic_class,
        guaranteed_gbps=guaranteed,
        ceiling_gbps=max(guaranteed, _sold(order.burst_gbps or 0.0)),
        there=_candidates(placement, lambda branch: branch.there),
        back=_candidates(placement, lambda branch: branch.back),
        a=_end(order.a, ports),
        b=_end(order.b, ports),
        fence=None if order.fence is None else order.fence.label,
    )


PRIMARY, BACKUP = 100, 50
"""Preferences of candidate paths (RFC 9256, section 2.7: the default is 100, the highest is used)."""


def loads_of(policy: Policy) -> dict[LinkId, int]:
    """What a policy puts on each link, guaranteed, Mbit/s, while the path that it prefers is up; segment lists split by
    weight. A backup's capacity is a standby in the calendar, which services share, and no load.
    """
    rate = mbps_from_gbps(policy.guaranteed_gbps)
    total: dict[LinkId, int] = {}
    for direction in (policy.there, policy.back):
        if not direction:
            continue
        first = direction[0] if len(direction) == 1 else max(direction, key=lambda candidate: candidate.preference)
        if len(first.segment_lists) == 1:
            for link in first.segment_lists[0].links:
                total[link] = total.get(link, 0) + rate
            continue
        weights = sum(segments.weight for segments in first.segment_lists)
        for segments in first.segment_lists:
            share = share_mbps(rate, segments.weight, weights)
            for link in segments.links:
                total[link] = total.get(link, 0) + share
    return total


def _candidates(
    placement: Placement, way: Callable[[Branch | Backup], tuple[LinkId, ...]]
) -> tuple[CandidatePath, ...]:
    lists = tuple(SegmentList(links=way(branch), weight=branch.weight) for branch in placement.branches)
    primary = CandidatePath(preference=PRIMARY, segment_lists=lists)
    if placement.backup is None:
        return (primary,)
    return (primary, CandidatePath(preference=BACKUP, segment_lists=(SegmentList(links=way(placement.backup)),)))


def _sold(rate_gbps: float) -> float:
    return gbps_from_mbps(mbps_from_gbps(rate_gbps))


def _end(attachment: Attachment, ports: Mapping[PortId, Port]) -> PolicyEnd | None:
    port = ports.get(attachment.port)
    if port is None:
        return None
    return PolicyEnd(
        port=port.id,
        tenant=port.tenant,
        site=port.site,
        vlan=attachment.vlan,
        prefixes=attachment.prefixes,
        mtu_bytes=port.mtu_bytes,
    )
