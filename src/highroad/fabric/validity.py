"""What no fabric may install: a policy that leads nowhere. Every fabric asks here, so all refuse alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

from highroad.model.network import LinkId, Network, SiteId
from highroad.model.policy import CandidatePath, Policy


def refusal(network: Network, policy: Policy) -> str | None:
    """Why a policy cannot be installed in a network, in words, or None if it can.

    It can if its rates make sense, every segment list is a chain of known links, all lists of a direction
    lead from the same site to the same site, and `back` leads the other way.
    """
    if not (0.0 <= policy.guaranteed_gbps <= policy.ceiling_gbps < math.inf):
        return (
            f"a guarantee of {policy.guaranteed_gbps:g} Gbit/s under a ceiling of "
            f"{policy.ceiling_gbps:g} Gbit/s makes no sense"
        )
    for name, candidates in (("there", policy.there), ("back", policy.back)):
        reason = _refusal_of_direction(network, name, candidates)
        if reason is not None:
            return reason
    start, end = _ends(network, policy.there)
    if _ends(network, policy.back) != (end, start):
        return f"there leads from {start} to {end}, but back does not lead from {end} to {start}"
    return None


def leads(network: Network, links: Sequence[LinkId]) -> bool:
    """Whether there is a link at all, the network has them all, and each begins where the last one ends."""
    return _break_in(network, links) is None


def _refusal_of_direction(network: Network, name: str, candidates: Sequence[CandidatePath]) -> str | None:
    lists = [segments for candidate in candidates for segments in candidate.segment_lists]
    if not candidates or any(not candidate.segment_lists for candidate in candidates):
        return f"{name}: a candidate path without a segment list carries nothing"
    for segments in lists:
        broken = _break_in(network, segments.links)
        if broken is not None:
            return f"{name}: {broken}"
        if segments.weight < 1:
            return f"{name}: a segment list of weight {segments.weight} carries nothing"
    if len({_ends_of_chain(network, segments.links) for segments in lists}) > 1:
        return f"{name}: its segment lists do not lead from one site to one other"
    return None


def _break_in(network: Network, links: Sequence[LinkId]) -> str | None:
    if not links:
        return "a segment list without a link leads nowhere"
    for link_id in links:
        if link_id not in network.link:
            return f"there is no link {link_id}"
    for before, after in pairwise(links):
        end, start = network.link[before].head, network.link[after].tail
        if end != start:
            return f"{before} ends at {end}, but {after} begins at {start}"
    return None


def _ends(network: Network, candidates: Sequence[CandidatePath]) -> tuple[SiteId, SiteId]:
    return _ends_of_chain(network, candidates[0].segment_lists[0].links)


def _ends_of_chain(network: Network, links: Sequence[LinkId]) -> tuple[SiteId, SiteId]:
    return network.link[links[0]].tail, network.link[links[-1]].head
