"""Which candidate path of a policy is in use, by what a router knows of links and paths (RFC 9256, section 2.9). Pure.

The one with the highest preference among those that stand best. A path with several segment lists stands as its worst
list does: the capacity of one that is broken is reserved on none of the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from math import inf
from types import MappingProxyType
from typing import NamedTuple

from highroad.gnmi.router import CandidatePath, Policy, SegmentList
from highroad.model.service import TrafficClass


class Standing(IntEnum):
    """What a path is good for."""

    BROKEN = 0
    """Its probes do not come back; or it crosses what is avoided, and nobody has probed it."""
    DOUBTED = 1
    """It crosses what is avoided, and its probes come back all the same, as by a detour: better than none."""
    SOUND = 2
    """Nothing is known against it."""


class Reason(StrEnum):
    """Why the path with the highest preference is not in use."""

    LIGHT = "light"
    """It begins at a port of ours that has no light."""
    AVOIDED = "avoided"
    """A controller said so, in this life of the agent or the last."""
    REPORTED = "reported"
    """A router on the way said that it has lost its neighbour."""
    PROBE = "probe"
    """Packets along it and back do not arrive."""


class Loop(NamedTuple):
    """A way there and back along which a path is probed, in the class of what it carries."""

    there: tuple[int, ...]
    back: tuple[int, ...]
    traffic_class: TrafficClass


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """All that a router knows of paths; nothing in the beginning.

    `dark` are links of its own ports without light, `avoided` those of which a controller has said that they are not to
    be used, `reported` those that other routers say they have lost. `alive` says of a loop whether its probes come
    back; of one that is not in it nothing is known yet. `inherited` are the paths that were in use, where it was not
    the preferred one, when the agent started: it has forgotten what spoke against those of higher preference, and it
    holds until a controller says how things are.
    """

    dark: frozenset[str] = frozenset()
    avoided: frozenset[str] = frozenset()
    reported: frozenset[str] = frozenset()
    alive: Mapping[Loop, bool] = field(default_factory=lambda: MappingProxyType({}))
    inherited: Mapping[str, CandidatePath] = field(default_factory=lambda: MappingProxyType({}))


NOTHING = Known()


class Choice(NamedTuple):
    """The candidate path in use, and why it is not the one with the highest preference."""

    path: CandidatePath
    reason: Reason | None = None


def preferred(policy: Policy) -> CandidatePath:
    """The candidate path of the highest preference: for its lists the gate, the shaper and counters are made, whichever
    path is in use.
    """
    return max(policy.candidate_paths, key=lambda candidate: candidate.preference)


def chosen(policy: Policy, known: Known) -> Choice:
    """The candidate path that is to be in use."""
    first = preferred(policy)
    if len(policy.candidate_paths) == 1:
        return Choice(first)
    best = max(policy.candidate_paths, key=lambda one: (_stands(policy, one, known), one.preference))
    return Choice(best, None if best is first else _against(policy, first, known))


def loops_of(policy: Policy, candidate: CandidatePath) -> list[Loop]:
    """The ways along which a candidate path is probed: a list each, as far as the way back is known."""
    return [
        _loop(policy, segments)
        for segments in candidate.segment_lists
        if segments.functions and segments.back_functions
    ]


def _stands(policy: Policy, candidate: CandidatePath, known: Known) -> Standing:
    """The standing of the worst of its lists."""
    kept = _least_kept(policy, known) < candidate.preference
    return min(_standing(policy, segments, known, kept=kept) for segments in candidate.segment_lists)


def _least_kept(policy: Policy, known: Known) -> float:
    """The preference of the path that was in use in the last life: it goes by what a path is, not by its number."""
    was = known.inherited.get(policy.service)
    if was is None:
        return inf
    ways = [segments.functions for segments in was.segment_lists]
    return max(
        (
            one.preference
            for one in policy.candidate_paths
            if [segments.functions for segments in one.segment_lists] == ways
        ),
        default=inf,
    )


def _standing(policy: Policy, segments: SegmentList, known: Known, *, kept: bool) -> Standing:
    alive = known.alive.get(_loop(policy, segments))
    if alive is False:
        return Standing.BROKEN
    if not kept and not _is_avoided(segments, known) and not _is_dark(segments, known):
        return Standing.SOUND
    return Standing.DOUBTED if alive else Standing.BROKEN


def _against(policy: Policy, candidate: CandidatePath, known: Known) -> Reason:
    """What speaks against a path that is not in use."""
    lists = candidate.segment_lists
    if any(_is_dark(segments, known) for segments in lists):
        return Reason.LIGHT
    if _least_kept(policy, known) < candidate.preference or any(
        not known.avoided.isdisjoint(one.links) for one in lists
    ):
        return Reason.AVOIDED
    if any(not known.reported.isdisjoint(one.links) for one in lists):
        return Reason.REPORTED
    return Reason.PROBE


def _is_avoided(segments: SegmentList, known: Known) -> bool:
    return not (known.avoided.isdisjoint(segments.links) and known.reported.isdisjoint(segments.links))


def _is_dark(segments: SegmentList, known: Known) -> bool:
    return bool(segments.links) and segments.links[0] in known.dark


def _loop(policy: Policy, segments: SegmentList) -> Loop:
    return Loop(segments.functions, segments.back_functions, policy.traffic_class)
