"""What a router is told, as values and as the JSON of `highroad-router.yang`: attachments, policies to steer, and
protections: ways around links, for when one is lost.

Only what a controller sets is here. What an operator sets on the router itself (who it is, its core ports) is in
the agent's own file, and comes back as state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

from highroad.model.service import ServiceKind, TrafficClass

MODULE = "highroad-router"
"""The YANG module, and so the prefix of the top container's name in RFC 7951 JSON."""

ADJACENCY_FUNCTIONS = range(0xE000, 0xE800)
"""Functions of unprotected adjacency SIDs, one a core port, in the order of the agent's file."""

PROTECTED_FUNCTIONS = range(0xE800, 0xEFFF)
"""Functions of protected adjacency SIDs (RFC 8402, the B-flag), one a link and fence; a controller numbers them."""

REPAIR_END = 0xEFFF
"""At every router the same: where a detour ends. What was inside goes on as if it had come by the link."""

ATTACHMENT_FUNCTIONS = range(0xF000, 0x10000, 2)
"""An attachment has two: the even one decapsulates IPv4 (or Ethernet), the odd one after it IPv6."""

NODE_IDS = range(1, 2048)
"""What a router may be numbered: its locator is block:node::/48, and its number is in the addresses of its ends."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Addresses:
    """Between the provider's edge (`pe`, on the router) and the customer's (`ce`): a /31 and a /127, unique."""

    pe4: str
    ce4: str
    pe6: str
    ce6: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One end of a service on a router. `interface` None: the one that the agent's file has for the port.

    `prefixes` are what lies behind the customer's edge besides its own two addresses.
    """

    id: str
    port: str
    tenant: str
    kind: ServiceKind
    function: int
    mtu_bytes: int
    addresses: Addresses
    interface: str | None = None
    vlan: int | None = None
    prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentList:
    """One explicit path. `functions` are the adjacency SIDs, the headend's own first; `links` names them.

    `back_functions` are those from the far end back to the headend, the far end's own first: what measures the path
    comes back along them. Without, nothing does.
    """

    links: tuple[str, ...]
    functions: tuple[int, ...]
    weight: int = 1
    back_functions: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidatePath:
    """The segment lists of one preference; in use is the highest of which nothing bad is known."""

    preference: int
    segment_lists: tuple[SegmentList, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What this headend does with what enters at `attachment`: where it leads (`prefixes`), along what, how fast.

    `remote_node` and `remote_function` are the attachment at the far end; `prefixes` are the far end's, its
    customer's edge addresses included. Rates are of customer bytes, in modelled kbit/s: the agent scales them.
    """

    service: str
    attachment: str
    traffic_class: TrafficClass
    guaranteed_kbps: int
    ceiling_kbps: int
    mtu_bytes: int
    remote_node: int
    remote_function: int
    prefixes: tuple[str, ...]
    candidate_paths: tuple[CandidatePath, ...]
    fence: str = ""
    """What the service has to stay inside of, for people: which protected SIDs it goes by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Protection:
    """A protected adjacency SID: `function` leads over `link` as the port's own does, and while the link is lost along
    `detour` to its far end. `fence` says for people what the detour stays inside of.

    The detour's segments are the unprotected adjacency SIDs from this router on, so that no detour leads into another.
    """

    function: int
    link: str
    detour: SegmentList
    fence: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Intended:
    """All that a router is told: by id, and by function."""

    attachments: Mapping[str, Attachment] = field(default_factory=lambda: MappingProxyType({}))
    policies: Mapping[str, Policy] = field(default_factory=lambda: MappingProxyType({}))
    protections: Mapping[int, Protection] = field(default_factory=lambda: MappingProxyType({}))


def attachment_to_json(one: Attachment) -> dict[str, Any]:
    """A list entry of /router/attachment."""
    out: dict[str, Any] = {
        "id": one.id,
        "port": one.port,
        "tenant": one.tenant,
        "kind": one.kind.value,
        "function": one.function,
        "mtu": one.mtu_bytes,
        "addresses": {
            "pe-ipv4": one.addresses.pe4,
            "ce-ipv4": one.addresses.ce4,
            "pe-ipv6": one.addresses.pe6,
            "ce-ipv6": one.addresses.ce6,
        },
    }
    if one.interface is not None:
        out["interface"] = one.interface
    if one.vlan is not None:
        out["vlan-id"] = one.vlan
    if one.prefixes:
        out["prefix"] = list(one.prefixes)
    return out


def policy_to_json(one: Policy) -> dict[str, Any]:
    """A list entry of /router/policy. 64-bit numbers are strings, as RFC 7951 has them."""
    out: dict[str, Any] = {
        "service": one.service,
        "attachment": one.attachment,
        "traffic-class": one.traffic_class.value,
        "guaranteed-kbps": str(one.guaranteed_kbps),
        "ceiling-kbps": str(one.ceiling_kbps),
        "mtu": one.mtu_bytes,
        "remote-node": one.remote_node,
        "remote-function": one.remote_function,
        "prefix": list(one.prefixes),
        "candidate-path": [
            {
                "preference": candidate.preference,
                "segment-list": [
                    {
                        "index": index,
                        "weight": segments.weight,
                        "segment": _segments_to_json(segments),
                        **_back_to_json(segments),
                    }
                    for index, segments in enumerate(candidate.segment_lists)
                ],
            }
            for candidate in one.candidate_paths
        ],
    }
    if one.fence:
        out["fence"] = one.fence
    return out


def _segments_to_json(one: SegmentList) -> list[dict[str, Any]]:
    # Entries of a list and no leaf-list: that may not hold a number twice, and functions recur from router to router.
    links: Sequence[str | None] = one.links or (None,) * len(one.functions)
    return [
        {"index": index, "function": function} | ({} if link is None else {"link": link})
        for index, (function, link) in enumerate(zip(one.functions, links, strict=True))
    ]


def protection_to_json(one: Protection) -> dict[str, Any]:
    """A list entry of /router/protection."""
    out: dict[str, Any] = {"function": one.function, "link": one.link, "segment": _segments_to_json(one.detour)}
    if one.fence:
        out["fence"] = one.fence
    return out


def _back_to_json(one: SegmentList) -> dict[str, Any]:
    if not one.back_functions:
        return {}
    return {
        "return-segment": [{"index": index, "function": function} for index, function in enumerate(one.back_functions)]
    }


def intended_to_json(intended: Intended) -> dict[str, Any]:
    """The content of /router: what a Get of the configuration answers and a Set (replace) takes."""
    return {
        "attachment": [attachment_to_json(one) for one in intended.attachments.values()],
        "policy": [policy_to_json(one) for one in intended.policies.values()],
        "protection": [protection_to_json(one) for one in intended.protections.values()],
    }


def attachment_from_json(data: Mapping[str, Any]) -> Attachment:
    """A list entry of /router/attachment that the schema has passed. Raises KeyError, ValueError, TypeError."""
    addresses = data["addresses"]
    return Attachment(
        id=str(data["id"]),
        port=str(data["port"]),
        tenant=str(data["tenant"]),
        kind=ServiceKind(data["kind"]),
        function=int(data["function"]),
        mtu_bytes=int(data["mtu"]),
        addresses=Addresses(
            pe4=str(addresses["pe-ipv4"]),
            ce4=str(addresses["ce-ipv4"]),
            pe6=str(addresses["pe-ipv6"]),
            ce6=str(addresses["ce-ipv6"]),
        ),
        interface=None if data.get("interface") is None else str(data["interface"]),
        vlan=None if data.get("vlan-id") is None else int(data["vlan-id"]),
        prefixes=tuple(str(prefix) for prefix in data.get("prefix", ())),
    )


def policy_from_json(data: Mapping[str, Any]) -> Policy:
    """A list entry of /router/policy that the schema has passed. Raises KeyError, ValueError, TypeError."""
    return Policy(
        service=str(data["service"]),
        attachment=str(data["attachment"]),
        traffic_class=TrafficClass(data["traffic-class"]),
        guaranteed_kbps=int(data["guaranteed-kbps"]),
        ceiling_kbps=int(data["ceiling-kbps"]),
        mtu_bytes=int(data["mtu"]),
        remote_node=int(data["remote-node"]),
        remote_function=int(data["remote-function"]),
        prefixes=tuple(str(prefix) for prefix in data.get("prefix", ())),
        candidate_paths=tuple(
            CandidatePath(
                preference=int(candidate["preference"]),
                segment_lists=tuple(
                    _segments_from_json(
                        segments["segment"],
                        weight=int(segments.get("weight", 1)),
                        back_functions=_functions_in(segments.get("return-segment", ())),
                    )
                    for segments in sorted(candidate["segment-list"], key=_index)
                ),
            )
            for candidate in data["candidate-path"]
        ),
        fence=str(data.get("fence", "")),
    )


def protection_from_json(data: Mapping[str, Any]) -> Protection:
    """A list entry of /router/protection that the schema has passed. Raises KeyError, ValueError, TypeError."""
    return Protection(
        function=int(data["function"]),
        link=str(data["link"]),
        detour=_segments_from_json(data["segment"]),
        fence=str(data.get("fence", "")),
    )


def _segments_from_json(
    data: Sequence[Mapping[str, Any]], *, weight: int = 1, back_functions: tuple[int, ...] = ()
) -> SegmentList:
    ordered = sorted(data, key=_index)
    return SegmentList(
        links=tuple(str(one["link"]) for one in ordered if "link" in one),
        functions=_functions_in(ordered),
        weight=weight,
        back_functions=back_functions,
    )


def _functions_in(data: Sequence[Mapping[str, Any]]) -> tuple[int, ...]:
    return tuple(int(one["function"]) for one in sorted(data, key=_index))


def _index(one: Mapping[str, Any]) -> int:
    return int(one["index"])


def intended_from_json(data: Mapping[str, Any]) -> Intended:
    """The content of /router that the schema has passed."""
    attachments = [attachment_from_json(one) for one in data.get("attachment", ())]
    policies = [policy_from_json(one) for one in data.get("policy", ())]
    protections = [protection_from_json(one) for one in data.get("protection", ())]
    return Intended(
        attachments=MappingProxyType({one.id: one for one in attachments}),
        policies=MappingProxyType({one.service: one for one in policies}),
        protections=MappingProxyType({one.function: one for one in protections}),
    )
