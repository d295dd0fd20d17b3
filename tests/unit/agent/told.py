"""What a controller tells a router, in small."""

from __future__ import annotations

from types import MappingProxyType

from highroad.gnmi.router import Addresses, Attachment, CandidatePath, Intended, Policy, SegmentList
from highroad.model.service import ServiceKind, TrafficClass


def attachment(index: int = 0, *, prefixes: tuple[str, ...] = ()) -> Attachment:
    """The attachment of service `s<index>`, on an interface of its own."""
    return Attachment(
        id=f"s{index}.a",
        port="acme-denver",
        tenant="acme",
        kind=ServiceKind.IP,
        function=0xF000 + 2 * index,
        mtu_bytes=9000,
        addresses=Addresses(
            pe4=f"100.64.{index >> 7}.{(index << 1) % 256}",
            ce4=f"100.64.{index >> 7}.{(index << 1) % 256 + 1}",
            pe6=f"fd64:7:{index:x}::",
            ce6=f"fd64:7:{index:x}::1",
        ),
        interface=f"cust{index}",
        prefixes=prefixes,
    )


def policy(index: int = 0, *, kbps: int = 1_000_000, functions: tuple[int, ...] = (0xE000, 0xE001)) -> Policy:
    """The policy of service `s<index>`, along one list."""
    return Policy(
        service=f"s{index}",
        attachment=f"s{index}.a",
        traffic_class=TrafficClass.ASSURED,
        guaranteed_kbps=kbps,
        ceiling_kbps=kbps,
        mtu_bytes=9000,
        remote_node=9,
        remote_function=0xF000 + 2 * index,
        prefixes=(f"10.{index >> 8}.{index & 255}.0/24", f"fd0a:{index:x}::/64"),
        candidate_paths=(
            CandidatePath(
                preference=100,
                segment_lists=(SegmentList(links=("denver>boise", "boise>reno"), functions=functions),),
            ),
        ),
    )


def told(*indices: int, kbps: int = 1_000_000) -> Intended:
    """Some services, whole."""
    return Intended(
        attachments=MappingProxyType({f"s{index}.a": attachment(index) for index in indices}),
        policies=MappingProxyType({f"s{index}": policy(index, kbps=kbps) for index in indices}),
    )
