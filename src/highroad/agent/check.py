"""What is wrong with what a router is told, all of it at once: what the schema cannot know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path

from highroad.agent import numbers as n
from highroad.agent.config import AgentConfig
from highroad.agent.gate import infrastructure
from highroad.agent.wanted import interface_of
from highroad.errors import Finding, did_you_mean
from highroad.gnmi.router import (
    ADJACENCY_FUNCTIONS,
    ATTACHMENT_FUNCTIONS,
    NODE_IDS,
    PROTECTED_FUNCTIONS,
    Attachment,
    Intended,
    Policy,
    Protection,
)
from highroad.model.service import ServiceKind
from highroad.netlink.link import Link

MOST_ATTACHMENTS = 1023
"""The mark and the classes of the shaper have room for so many numbers."""

OUTER_BYTES = 96
SEGMENT_BYTES = 16
"""What a core port has to carry above a customer's packet: 96 bytes and 16 a segment (dataplane measurements: the
outer header and, for Ethernet, the tunnel's)."""

LONGEST_DETOUR = 4
"""Segments that a local repair may put on besides: a header, and a routing header of one segment."""

MOST_DETOUR_LINKS = 11
"""Which is as much as twelve micro SIDs take, the end of the detour among them."""

EDGE_BITS = 16
"""Of the prefix that all addresses between routers and customers are in (IPv6)."""

MOST_SEGMENTS = 6 * 8 - 1


def findings_of(
    config: AgentConfig, intended: Intended, links: Mapping[str, Link], before: Intended | None = None
) -> list[Finding]:
    """Everything that is wrong with it on this router, whose interfaces are `links`.

    What is as it was `before`, the policy and its attachment, is not looked at again: a change costs what it changes.
    """
    policies = {policy.attachment: policy for policy in intended.policies.values()}
    same = frozenset() if before is None else _untouched(before, intended, policies)
    return [
        *_attachments(config, intended, policies, links, same),
        *_policies(config, intended, same),
        *_protections(config, intended, None if before is None else before.protections),
        *_bereft(intended, before, same),
    ]


def _untouched(before: Intended, intended: Intended, policies: Mapping[str, Policy]) -> frozenset[str]:
    """The attachments that are, with their policies, the very objects that they were."""
    had = {policy.attachment: policy for policy in before.policies.values()}
    return frozenset(
        id_
        for id_, one in intended.attachments.items()
        if before.attachments.get(id_) is one and had.get(id_) is policies.get(id_)
    )


def _attachments(
    config: AgentConfig,
    intended: Intended,
    policies: Mapping[str, Policy],
    links: Mapping[str, Link],
    same: frozenset[str],
) -> Iterator[Finding]:
    interfaces = Counter(interface_of(config, one) for one in intended.attachments.values())
    functions = Counter(one.function for one in intended.attachments.values())
    addresses = Counter(
        address
        for one in intended.attachments.values()
        for address in (one.addresses.pe4, one.addresses.ce4, one.addresses.pe6, one.addresses.ce6)
    )
    core = {port.interface for port in config.core_ports}
    for one in intended.attachments.values():
        if one.id in same:
            continue
        place = f"attachment[id={one.id}]"
        interface = interface_of(config, one)
        if one.function not in ATTACHMENT_FUNCTIONS:
            yield _finding(
                "function-outside",
                f"{place}/function",
                f"{one.function:#x} is outside the locator's functions for attachments: an even number from "
                f"{ATTACHMENT_FUNCTIONS[0]:#x} to {ATTACHMENT_FUNCTIONS[-1]:#x}",
            )
        elif n.number_of(one.function) > MOST_ATTACHMENTS:
            yield _finding("too-many", f"{place}/function", f"a router has at most {MOST_ATTACHMENTS} attachments")
        elif functions[one.function] > 1:
            yield _finding("function-twice", f"{place}/function", f"{one.function:#x} is another attachment's as well")
        if one.vlan is not None and not Path("/proc/net/vlan").exists():
            yield _finding(
                "no-vlan",
                f"{place}/vlan-id",
                "this kernel has no IEEE 802.1Q (CONFIG_VLAN_8021Q): an attachment has to be an interface of its own",
            )
        if interface is None:
            yield _finding(
                "no-interface",
                place,
                f"names no interface, and the agent's file has none for the port {one.port}",
            )
        elif interface not in links:
            yield _finding("interface-missing", f"{place}/interface", f"{interface} is not there{_making(config, one)}")
        elif interface in core or interface in (n.LOOP_OUT, n.LOOP_IN, n.SHAPER, "lo"):
            yield _finding("interface-ours", f"{place}/interface", f"{interface} is the router's own, not a customer's")
        elif interfaces[interface] > 1:
            yield _finding("interface-twice", f"{place}/interface", f"{interface} is another attachment's as well")
        for address in (one.addresses.pe4, one.addresses.pe6):
            if addresses[address] > 1:
                yield _finding("address-twice", f"{place}/addresses", f"{address} is used twice")
        yield from _prefixes(config, one.prefixes, f"{place}/prefix")
        yield from _between(one, f"{place}/prefix")
        yield from _room(config, one, policies.get(one.id), links, place)


def _policies(config: AgentConfig, intended: Intended, same: frozenset[str]) -> Iterator[Finding]:
    own = {port.function for port in config.core_ports} | intended.protections.keys()
    taken = Counter(policy.attachment for policy in intended.policies.values())
    for policy in intended.policies.values():
        if policy.attachment in same:
            continue
        place = f"policy[service={policy.service}]"
        attachment = intended.attachments.get(policy.attachment)
        if attachment is None:
            yield _finding(
                "no-attachment", f"{place}/attachment", f"there is no attachment {policy.attachment} on this router"
            )
        elif taken[policy.attachment] > 1:
            yield _finding("attachment-twice", f"{place}/attachment", f"{policy.attachment} has another policy already")
        if policy.remote_node not in NODE_IDS:
            yield _finding("node-outside", f"{place}/remote-node", f"{policy.remote_node} is no router's number")
        if policy.remote_function not in ATTACHMENT_FUNCTIONS:
            yield _finding(
                "function-outside", f"{place}/remote-function", f"{policy.remote_function:#x} is no attachment's"
            )
        if policy.guaranteed_kbps > policy.ceiling_kbps:
            yield _finding(
                "rates",
                f"{place}/ceiling-kbps",
                f"a guarantee of {policy.guaranteed_kbps} kbit/s under a ceiling of {policy.ceiling_kbps} kbit/s",
            )
        yield from _prefixes(config, policy.prefixes, f"{place}/prefix")
        yield from _paths(policy, attachment, own, place)


def _paths(policy: Policy, attachment: Attachment | None, own: set[int], place: str) -> Iterator[Finding]:
    if not policy.candidate_paths or any(not one.segment_lists for one in policy.candidate_paths):
        yield _finding("half-a-policy", place, "a candidate path without a segment list carries nothing")
        return
    for candidate in policy.candidate_paths:
        lists = candidate.segment_lists
        if len(lists) > n.MOST_LISTS:
            yield _finding("too-many-lists", place, f"{len(lists)} segment lists, and {n.MOST_LISTS} are the most")
        if attachment is not None and attachment.kind is ServiceKind.ETHERNET and len(lists) > 1:
            yield _finding("ethernet-lists", place, "an Ethernet service is one flow, and goes along one segment list")
        for index, segments in enumerate(candidate.segment_lists):
            at = f"{place}/candidate-path[preference={candidate.preference}]/segment-list[index={index}]"
            if not segments.functions:
                yield _finding("no-segment", at, "a segment list without a segment leads nowhere")
                continue
            if len(segments.functions) > MOST_SEGMENTS:
                yield _finding("too-long", at, f"{len(segments.functions)} segments; {MOST_SEGMENTS} are the most")
            if len(segments.functions) + len(segments.back_functions) > 2 * MOST_SEGMENTS:
                yield _finding(
                    "too-long", at, f"{len(segments.back_functions)} segments back; {MOST_SEGMENTS} are the most"
                )
            if segments.weight < 1:
                yield _finding("weight", at, f"a segment list of weight {segments.weight} carries nothing")
            for function in segments.functions:
                if function not in ADJACENCY_FUNCTIONS and function not in PROTECTED_FUNCTIONS:
                    yield _finding(
                        "function-outside",
                        f"{at}/function",
                        f"{function:#x} is outside the locator's functions for links: {ADJACENCY_FUNCTIONS[0]:#x} to "
                        f"{PROTECTED_FUNCTIONS[-1]:#x}",
                    )
            for function in segments.back_functions:
                if function not in ADJACENCY_FUNCTIONS and function not in PROTECTED_FUNCTIONS:
                    yield _finding(
                        "function-outside", f"{at}/return-segment", f"{function:#x} is no router's function for a link"
                    )
            if segments.functions[0] not in own:
                yield _finding(
                    "not-our-link",
                    f"{at}/function",
                    f"begins with {segments.functions[0]:#x}, which is none of this router's core ports"
                    + (", and no link that it protects" if segments.functions[0] in PROTECTED_FUNCTIONS else ""),
                )


def _protections(config: AgentConfig, intended: Intended, before: Mapping[int, Protection] | None) -> Iterator[Finding]:
    if before is intended.protections:
        return
    ports = {port.link: port for port in config.core_ports}
    own = {port.function for port in config.core_ports}
    seen: dict[tuple[str, str], int] = {}
    for function, one in intended.protections.items():
        place = f"protection[function={function}]"
        first = seen.setdefault((one.link, one.fence), function)
        if first != function:
            yield _finding(
                "protected-twice",
                place,
                f"{one.link} is protected by {first:#x} already{f' inside {one.fence}' if one.fence else ''}",
            )
        if before is not None and before.get(function) is one:
            continue
        if function not in PROTECTED_FUNCTIONS:
            yield _finding(
                "function-outside",
                f"{place}/function",
                f"{function:#x} is outside the functions of protected links: {PROTECTED_FUNCTIONS[0]:#x} to "
                f"{PROTECTED_FUNCTIONS[-1]:#x}",
            )
        if one.link not in ports:
            message = f"no core port of this router leads over {one.link!r}{did_you_mean(one.link, ports)}"
            yield _finding("unknown-link", f"{place}/link", message)
        yield from _detour(one, own, ports[one.link].function if one.link in ports else None, f"{place}/segment")


def _detour(one: Protection, own: set[int], link: int | None, place: str) -> Iterator[Finding]:
    functions = one.detour.functions
    if not functions:
        yield _finding("no-segment", place, "a detour without a segment leads nowhere")
        return
    if len(functions) > MOST_DETOUR_LINKS:
        yield _finding("too-long", place, f"a detour over {len(functions)} links; {MOST_DETOUR_LINKS} are the most")
    for function in functions:
        if function not in ADJACENCY_FUNCTIONS:
            yield _finding(
                "detour-protected" if function in PROTECTED_FUNCTIONS else "function-outside",
                f"{place}/function",
                f"{function:#x} is not an unprotected link's, which a detour is made of: {ADJACENCY_FUNCTIONS[0]:#x} "
                f"to {ADJACENCY_FUNCTIONS[-1]:#x}",
            )
    if functions[0] not in own:
        message = f"begins with {functions[0]:#x}, which is none of this router's core ports"
        yield _finding("not-our-link", f"{place}/function", message)
    elif functions[0] == link:
        message = f"begins with {functions[0]:#x}, which is the very link that it is to lead around"
        yield _finding("own-link", f"{place}/function", message)


def _bereft(intended: Intended, before: Intended | None, same: frozenset[str]) -> Iterator[Finding]:
    """Policies that stay as they are, over a protected link that is to be protected no more."""
    gone = set() if before is None else before.protections.keys() - intended.protections.keys()
    if not gone:
        return
    for policy in intended.policies.values():
        first = {one.functions[0] for path in policy.candidate_paths for one in path.segment_lists if one.functions}
        if policy.attachment in same and (missed := first & gone):
            function = min(missed)
            message = f"the policy of {policy.service} begins with it: change that first, or in the same Set"
            yield _finding("in-use", f"protection[function={function}]", message)


def _room(
    config: AgentConfig, one: Attachment, policy: Policy | None, links: Mapping[str, Link], place: str
) -> Iterator[Finding]:
    """Whether what the customer sends still fits core ports once it is wrapped."""
    longest = (
        0
        if policy is None
        else max(
            (len(segments.functions) + 1 for path in policy.candidate_paths for segments in path.segment_lists),
            default=0,
        )
    )
    size = one.mtu_bytes if policy is None else min(one.mtu_bytes, policy.mtu_bytes)
    needed = size + OUTER_BYTES + SEGMENT_BYTES * (longest + LONGEST_DETOUR)
    for port in config.core_ports:
        link = links.get(port.interface)
        if link is not None and link.mtu < needed:
            yield _finding(
                "core-mtu",
                f"{place}/mtu",
                f"packets of {size} bytes need {needed} on core ports, and {port.interface} has {link.mtu}: raise its "
                f"MTU, or sell at most {size - (needed - link.mtu)} on this port",
            )
            return


def _making(config: AgentConfig, one: Attachment) -> str:
    """How to make the interface of a tag, where the operator has to."""
    port = config.customer_ports.get(one.port)
    if one.vlan is None or one.interface is not None or port is None:
        return ""
    return f": ip link add link {port} name {port}.{one.vlan} type vlan id {one.vlan}"


def _prefixes(config: AgentConfig, prefixes: Iterable[str], place: str) -> Iterator[Finding]:
    closed = infrastructure(config)
    for text in prefixes:
        try:
            prefix = ip_network(text)
        except ValueError as error:
            yield _finding("prefix", place, f"`{text}` is no prefix: {error}")
            continue
        if isinstance(prefix, IPv6Network) and any(prefix.overlaps(one) for one in closed):
            yield _finding("prefix-ours", place, f"{prefix} is, or contains, addresses of routers")
        if prefix.is_multicast or prefix.is_loopback or prefix.is_link_local or _is_everything_else(prefix):
            yield _finding("prefix-reserved", place, f"{prefix} is not for customers to have")


def _between(one: Attachment, place: str) -> Iterator[Finding]:
    """A customer that has the addresses between routers and customers could ask which of them exist: the kernel answers
    for IPv6 from whatever address was asked for, if it is there.
    """
    edges = IPv6Network(f"{one.addresses.pe6}/{EDGE_BITS}", strict=False)
    for text in one.prefixes:
        with suppress(ValueError):
            if edges.overlaps(IPv6Network(text)):
                yield _finding("prefix-ours", place, f"{text} is, or contains, addresses between routers and customers")


def _is_everything_else(prefix: IPv4Network | IPv6Network) -> bool:
    return isinstance(prefix, IPv4Network) and prefix.overlaps(IPv4Network("224.0.0.0/3")) and prefix.prefixlen > 0


def _finding(code: str, place: str, message: str) -> Finding:
    return Finding(code=code, place=f"/highroad-router:router/{place}", message=message)
