"""What a headend holds for a service (RFC 9256): candidate paths by preference, each of weighted segment lists."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from highroad.model.network import LinkId, SiteId
from highroad.model.service import (
    Attachment,
    Port,
    PortId,
    Service,
    ServiceId,
    ServiceKind,
    TenantId,
    TrafficClass,
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

    @property
    def links(self) -> frozenset[LinkId]:
        """Every link that it may use."""
        return frozenset(
            link
            for candidate in (*self.there, *self.back)
            for segments in candidate.segment_lists
            for link in segments.links
        )


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
        there=(CandidatePath(preference=100, segment_lists=(SegmentList(links=placement.there),)),),
        back=(CandidatePath(preference=100, segment_lists=(SegmentList(links=placement.back),)),),
        a=_end(order.a, ports),
        b=_end(order.b, ports),
    )


def loads_of(policy: Policy) -> dict[LinkId, int]:
    """What a policy may put on each link, guaranteed, Mbit/s: candidates share, segment lists split by weight."""
    rate = mbps_from_gbps(policy.guaranteed_gbps)
    total: dict[LinkId, int] = {}
    for direction in (policy.there, policy.back):
        most: dict[LinkId, int] = {}
        for candidate in direction:
            weights = sum(segments.weight for segments in candidate.segment_lists)
            load: dict[LinkId, int] = {}
            for segments in candidate.segment_lists:
                share = -(-rate * segments.weight // weights)
                for link in segments.links:
                    load[link] = load.get(link, 0) + share
            for link, share in load.items():
                most[link] = max(share, most.get(link, 0))
        for link, share in most.items():
            total[link] = total.get(link, 0) + share
    return total


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
