"""What headends make of policies: the paths as arrays, and which of them carry, given what is believed dark.

A headend acts on what it has been told, not on what is so: until a cut is detected it sends into the dark,
and until a splice is trusted it does not use the fibre.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from highroad.model.network import LinkId, Network, SiteId
from highroad.model.policy import Policy
from highroad.planning.fair import Flags, Floats, Ints, Paths


@dataclass(frozen=True, slots=True, kw_only=True)
class Routes:
    """Every segment list of every policy, in order, numbered: services, directions, candidate paths, lists.

    Direction 2i is there and 2i + 1 back of the i-th service. Candidate paths stand by falling preference.
    The link after the last one of the network is nowhere: a list that the network cannot carry ends there.
    """

    paths: Paths
    weight: Floats
    latency_ms: Floats
    candidate: Ints
    """Of each list."""
    direction: Ints
    """Of each list."""
    lists_of_candidate: Ints
    """Where each candidate's lists begin."""
    candidates_of_direction: Ints
    """Where each direction's candidates begin."""
    rank: Ints
    """Of each direction, like the two rates below."""
    guaranteed_gbps: Floats
    ceiling_gbps: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which lists carry a direction's traffic, and how much of it each."""

    share: Floats
    """Of each list, 0 where it is not in use; they add up to 1 in a direction that has a path."""
    stranded: Flags
    """Of each direction: no path that the headend believes in."""
    latency_ms: Floats
    """Of each direction: its slowest list in use; of its preferred path where none is in use."""


class Span(NamedTuple):
    """A link as paths are made of it."""

    number: int
    tail: SiteId
    head: SiteId
    latency_ms: float


def spans_of(network: Network) -> dict[LinkId, Span]:
    """The links of a network, numbered in its order."""
    return {
        link.id: Span(number, link.tail, link.head, link.latency_ms)
        for number, link in enumerate(map(network.link.__getitem__, network.link))
    }


def routes_of(spans: Mapping[LinkId, Span], policies: Iterable[Policy]) -> Routes:
    """Policies as arrays, over the links of a network."""
    nowhere = len(spans)
    links: list[int] = []
    first: list[int] = [0]
    lists_of_candidate: list[int] = []
    candidates_of_direction: list[int] = []
    weight: list[float] = []
    latency_ms: list[float] = []
    candidate_of_list: list[int] = []
    direction_of_list: list[int] = []
    rank: list[int] = []
    rates: list[tuple[float, float]] = []
    for policy in policies:
        for candidates in (policy.there, policy.back):
            candidates_of_direction.append(len(lists_of_candidate))
            for candidate in sorted(candidates, key=lambda candidate: -candidate.preference):
                lists_of_candidate.append(len(weight))
                for segments in candidate.segment_lists:
                    candidate_of_list.append(len(lists_of_candidate) - 1)
                    direction_of_list.append(len(rank))
                    weight.append(segments.weight)
                    over = [spans.get(link) for link in segments.links]
                    chain = _chain(over)
                    links += [span.number for span in chain] or [nowhere]
                    latency_ms.append(sum(span.latency_ms for span in chain))
                    first.append(len(links))
            rank.append(policy.traffic_class.rank)
            rates.append((policy.guaranteed_gbps, policy.ceiling_gbps))
    guaranteed_gbps, ceiling_gbps = np.array(rates, dtype=np.float64).reshape(-1, 2).T
    return Routes(
        paths=Paths(links=np.array(links, dtype=np.intp), first=np.array(first, dtype=np.intp)),
        weight=np.array(weight, dtype=np.float64),
        latency_ms=np.array(latency_ms, dtype=np.float64),
        candidate=np.array(candidate_of_list, dtype=np.intp),
        direction=np.array(direction_of_list, dtype=np.intp),
        lists_of_candidate=np.array(lists_of_candidate, dtype=np.intp),
        candidates_of_direction=np.array(candidates_of_direction, dtype=np.intp),
        rank=np.array(rank, dtype=np.intp),
        guaranteed_gbps=guaranteed_gbps,
        ceiling_gbps=ceiling_gbps,
    )


def _chain(over: list[Span | None]) -> list[Span]:
    """The spans, if all are there and each begins where the last one ends; else none."""
    chain = [span for span in over if span is not None]
    whole = len(chain) == len(over) and all(one.head == next_.tail for one, next_ in pairwise(chain))
    return chain if whole else []


def choose(routes: Routes, believed_dark: Flags) -> Choice:
    """Which lists carry: of each direction, those of its best valid candidate path, by weight.

    A list is valid if no link of it is believed dark; a candidate path if at least one list of it is; the
    traffic splits over the valid lists by weight (RFC 9256, sections 2.9 to 2.11 and 5.1).
    """
    if len(routes.rank) == 0:
        return Choice(share=np.zeros(0), stranded=np.zeros(0, dtype=np.bool_), latency_ms=np.zeros(0))
    valid = ~routes.paths.any_on(believed_dark)
    valid_weight = np.where(valid, routes.weight, 0.0)
    total = np.add.reduceat(valid_weight, routes.lists_of_candidate)
    none = len(total)
    numbers = np.where(total > 0.0, np.arange(none), none)
    best = np.minimum.reduceat(numbers, routes.candidates_of_direction)
    stranded = best == none
    in_use = valid & (routes.candidate == best[routes.direction])
    share = np.zeros(len(valid))
    np.divide(valid_weight, total[routes.candidate], out=share, where=in_use)
    preferred = routes.candidate == routes.candidates_of_direction[routes.direction]
    shown = in_use | (stranded[routes.direction] & preferred)
    latency_ms = np.maximum.reduceat(
        np.where(shown, routes.latency_ms, 0.0), routes.lists_of_candidate[routes.candidates_of_direction]
    )
    return Choice(share=share, stranded=stranded, latency_ms=latency_ms)


def heaviest(routes: Routes, choice: Choice, direction: int) -> Ints:
    """The links of the list that carries most of a direction; of its preferred path's first where none carries."""
    lists = np.flatnonzero(routes.direction == direction)
    chosen = lists[np.argmax(choice.share[lists])]
    return routes.paths.links[routes.paths.first[chosen] : routes.paths.first[chosen + 1]]
