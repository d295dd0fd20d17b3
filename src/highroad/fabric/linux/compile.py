"""Between what the controller wants and what routers hold: a policy is two halves, one at each of its headends.

Pure, and exact both ways: the policy that is read back from the halves equals the one that they were made of, so the
reconciler compares what routers hold, not what was meant.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address

from highroad.fabric.linux.inventory import Facts
from highroad.gnmi import router
from highroad.gnmi.router import ATTACHMENT_FUNCTIONS, Addresses, Attachment
from highroad.model.network import LinkId, Network, SiteId
from highroad.model.policy import CandidatePath, Policy, PolicyEnd, SegmentList
from highroad.model.service import PortId, ServiceId, ServiceKind, TenantId, TrafficClass

KBPS_PER_GBPS = 1_000_000

NUMBERS = range(1, 1024)
"""What the attachments of one router may be numbered: the number is in their addresses and their SIDs."""

_IPV4_BASE = int(IPv4Address("100.64.0.0"))
_IPV6_BASE = int(IPv6Address("fd64::"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Half:
    """What the router at one end of a service is told; in a damaged service either may be missing."""

    attachment: Attachment | None
    policy: router.Policy | None


Protected = Callable[[LinkId, str], int | None]
"""The function of the protected SID of a link for a fence (by its label), where routers have one."""


class CannotCompile(Exception):
    """Why no router could be told so, in words."""


def attachment_id(service: ServiceId, end: str) -> str:
    """What the attachment at end `a` or `b` of a service is called, on its router and in a lab."""
    return f"{service}.{end}"


def service_of(attachment: str) -> ServiceId:
    """Whose an attachment is."""
    return ServiceId(attachment.rpartition(".")[0])


def function_of(number: int) -> int:
    """The SID function of a router's nth attachment."""
    return ATTACHMENT_FUNCTIONS[number - 1]


def number_of(function: int) -> int:
    """The inverse of `function_of`."""
    return (function - ATTACHMENT_FUNCTIONS.start) // ATTACHMENT_FUNCTIONS.step + 1


def addresses_of(node: int, number: int) -> Addresses:
    """The addresses between a router's nth attachment and its customer: unique in the backbone."""
    pe4 = IPv4Address(_IPV4_BASE + 2 * ((node << 10) + number))
    pe6 = IPv6Address(_IPV6_BASE + (node << 96) + (number << 80))
    return Addresses(pe4=str(pe4), ce4=str(pe4 + 1), pe6=str(pe6), ce6=str(pe6 + 1))


def interface_of(number: int, vlan: int | None) -> str:
    """The interface of an attachment that has one of its own: its number and, for people, the tag it stands for."""
    return f"cust{number}" if vlan is None else f"cust{number}.{vlan}"


def next_free(used: Collection[int], after: int) -> int | None:
    """The next attachment number that is not in use, in turn: what is still on the wire for one that has just been
    given back reaches nobody.
    """
    turned = (*range(after + 1, NUMBERS.stop), *range(NUMBERS.start, after + 1))
    return next((number for number in turned if number not in used), None)


def halves_of(
    policy: Policy,
    network: Network,
    routers: Mapping[SiteId, Facts],
    numbers: tuple[int, int],
    *,
    own_interfaces: bool,
    protected: Protected = lambda link, fence: None,
) -> dict[SiteId, Half]:
    """What the routers at the ends of a policy are to be told, given the numbers of its two attachments.

    `own_interfaces`: each attachment is an interface of its own, as in a lab. `protected` says by which function a link
    is gone over for a fence, where that is protected. Raises CannotCompile.
    """
    ends = _ends(policy, network)
    facts = tuple(_facts(end.site, routers) for end in ends)
    attachments = tuple(
        Attachment(
            id=attachment_id(policy.service, name),
            port=end.port,
            tenant=end.tenant,
            kind=policy.kind,
            function=function_of(number),
            mtu_bytes=end.mtu_bytes,
            addresses=addresses_of(fact.node, number),
            interface=interface_of(number, end.vlan) if own_interfaces else None,
            vlan=None if own_interfaces else end.vlan,
            prefixes=end.prefixes,
        )
        for name, end, fact, number in zip("ab", ends, facts, numbers, strict=True)
    )
    halves: dict[SiteId, Half] = {}
    for near, far, candidates, opposite in ((0, 1, policy.there, policy.back), (1, 0, policy.back, policy.there)):
        remote = attachments[far]
        halves[ends[near].site] = Half(
            attachment=attachments[near],
            policy=router.Policy(
                service=policy.service,
                attachment=attachments[near].id,
                traffic_class=policy.traffic_class,
                guaranteed_kbps=_kbps(policy.guaranteed_gbps),
                ceiling_kbps=_kbps(policy.ceiling_gbps),
                mtu_bytes=min(end.mtu_bytes for end in ends),
                remote_node=facts[far].node,
                remote_function=remote.function,
                prefixes=_prefixes_to(remote),
                candidate_paths=tuple(
                    _candidate(
                        candidate,
                        _back_of(candidate, opposite),
                        network,
                        routers,
                        lambda link: protected(link, policy.fence or ""),
                    )
                    for candidate in candidates
                ),
                fence=policy.fence or "",
            ),
        )
    return halves


def moves(held: Mapping[SiteId, Half], policy: Policy) -> bool:
    """Whether an end of a service that routers hold is elsewhere now: at another router, on another port, under another
    tag, or with other prefixes behind it.
    """
    ends = {attachment_id(policy.service, "a"): policy.a, attachment_id(policy.service, "b"): policy.b}
    for site, half in held.items():
        one = half.attachment
        end = None if one is None else ends[one.id]
        if one is None or end is None:
            continue
        interface = interface_of(number_of(one.function), end.vlan)
        if (end.site, end.port, end.prefixes, interface) != (site, one.port, one.prefixes, one.interface):
            return True
    return False


def policy_of(service: ServiceId, halves: Mapping[SiteId, Half]) -> Policy | None:
    """The policy that the halves of a service make; None if there is nothing of it.

    Of a damaged service (a half missing, two that do not fit) the policy lacks an end or a direction: no policy that
    anybody wants is equal to it, so it is made again or taken away.
    """
    held: dict[str, tuple[SiteId, Half]] = {}
    whole = True
    for site, half in halves.items():
        for name in _ends_named(half):
            whole &= held.setdefault(name, (site, half))[1] is half
    if not held:
        return None
    a, b = held.get("a"), held.get("b")
    whole &= a is not None and b is not None and _fit(a[1], b[1])
    attachments = [half.attachment for _, half in held.values() if half.attachment is not None]
    policies = [half.policy for _, half in held.values() if half.policy is not None]
    return Policy(
        service=service,
        kind=attachments[0].kind if attachments else ServiceKind.IP,
        traffic_class=policies[0].traffic_class if policies else TrafficClass.SCAVENGER,
        guaranteed_gbps=max((one.guaranteed_kbps for one in policies), default=0) / KBPS_PER_GBPS,
        ceiling_gbps=max((one.ceiling_kbps for one in policies), default=0) / KBPS_PER_GBPS,
        there=_candidates(a),
        back=_candidates(b),
        a=_end(a) if whole else None,
        b=_end(b) if whole else None,
        fence=policies[0].fence or None if policies else None,
    )


def _ends_named(half: Half) -> Iterator[str]:
    if half.attachment is not None:
        yield half.attachment.id.rpartition(".")[2]
    if half.policy is not None:
        yield half.policy.attachment.rpartition(".")[2]


def _fit(a: Half, b: Half) -> bool:
    if a.attachment is None or a.policy is None or b.attachment is None or b.policy is None:
        return False
    return (
        a.attachment.kind is b.attachment.kind
        and (a.policy.traffic_class, a.policy.guaranteed_kbps, a.policy.ceiling_kbps, a.policy.fence)
        == (b.policy.traffic_class, b.policy.guaranteed_kbps, b.policy.ceiling_kbps, b.policy.fence)
        and _leads_to(a.policy, b.attachment)
        and _leads_to(b.policy, a.attachment)
    )


def _leads_to(policy: router.Policy, far: Attachment) -> bool:
    return policy.remote_function == far.function and policy.prefixes == _prefixes_to(far)


def _prefixes_to(far: Attachment) -> tuple[str, ...]:
    return (f"{far.addresses.ce4}/32", f"{far.addresses.ce6}/128", *far.prefixes)


def _candidates(held: tuple[SiteId, Half] | None) -> tuple[CandidatePath, ...]:
    if held is None or held[1].policy is None:
        return ()
    return tuple(
        CandidatePath(
            preference=candidate.preference,
            segment_lists=tuple(
                SegmentList(links=tuple(LinkId(link) for link in segments.links), weight=segments.weight)
                for segments in candidate.segment_lists
            ),
        )
        for candidate in held[1].policy.candidate_paths
    )


def _end(held: tuple[SiteId, Half] | None) -> PolicyEnd | None:
    if held is None or held[1].attachment is None:
        return None
    site, one = held[0], held[1].attachment
    return PolicyEnd(
        port=PortId(one.port),
        tenant=TenantId(one.tenant),
        site=site,
        vlan=one.vlan if one.interface is None else _tag_in(one.interface),
        prefixes=one.prefixes,
        mtu_bytes=one.mtu_bytes,
    )


def _tag_in(interface: str) -> int | None:
    _, dot, tag = interface.partition(".")
    return int(tag) if dot and tag.isdigit() else None


def _ends(policy: Policy, network: Network) -> tuple[PolicyEnd, PolicyEnd]:
    if policy.a is None or policy.b is None:
        raise CannotCompile("its policy does not say what is attached at its ends")
    for end, candidates in ((policy.a, policy.there), (policy.b, policy.back)):
        start = network.link[candidates[0].segment_lists[0].links[0]].tail
        if start != end.site:
            raise CannotCompile(f"its path starts at {start}, but its port {end.port} is at {end.site}")
    return policy.a, policy.b


def _facts(site: SiteId, routers: Mapping[SiteId, Facts]) -> Facts:
    facts = routers.get(site)
    if facts is None:
        raise CannotCompile(f"no router at {site} has been reached yet")
    return facts


def _back_of(candidate: CandidatePath, opposite: Collection[CandidatePath]) -> tuple[SegmentList, ...]:
    """The ways back that belong to the lists of a candidate path: those of the same preference, in their order; where
    there are not as many, the first of them.
    """
    lists = next((one.segment_lists for one in opposite if one.preference == candidate.preference), ())
    there = len(candidate.segment_lists)
    return lists if len(lists) == there else lists[:1] * there


def _candidate(
    candidate: CandidatePath,
    back: Collection[SegmentList],
    network: Network,
    routers: Mapping[SiteId, Facts],
    protected: Callable[[LinkId], int | None],
) -> router.CandidatePath:
    def functions(segments: SegmentList) -> tuple[int, ...]:
        return tuple(protected(link) or link_function(link, network, routers) for link in segments.links)

    lists = [
        router.SegmentList(links=segments.links, functions=functions(segments), weight=segments.weight)
        for segments in candidate.segment_lists
    ]
    if back:
        ways = [functions(segments) for segments in back]
        lists = [replace(one, back_functions=way) for one, way in zip(lists, ways, strict=True)]
    return router.CandidatePath(preference=candidate.preference, segment_lists=tuple(lists))


def link_function(link: LinkId, network: Network, routers: Mapping[SiteId, Facts]) -> int:
    """The function of a link's unprotected SID. Raises CannotCompile."""
    tail = network.link[link].tail
    port = _facts(tail, routers).core.get(link)
    if port is None:
        raise CannotCompile(f"the router at {tail} has no port for the link {link}")
    return port.function


def _kbps(rate_gbps: float) -> int:
    return round(rate_gbps * KBPS_PER_GBPS)
