"""A primary and a backup that no single risk group takes down together, and what stands in the way where there is none.

A backup keeps no capacity of its own but a standby (`Calendar.spare_for`): services that no single group takes down
together share it. So the backup goes where the sharing is free, by a cost in nanoseconds as the primary's:

    cost(l) = latency(l) + grows (latency(l) + HOP_NS + room(l)),   grows = share of the rate by which the reserve of
    l has to rise, and room(l) what the primary pays for using l more (`planning.price`)

Whether a link has room is exact. How much its reserve has to rise is, where there is plenty, taken from the most that
ever stands by there for one of the groups, which is no less than what does in the window and found at once.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from highroad.graph.cheapest import UNUSABLE, Prices
from highroad.graph.disjoint import NOTHING, TRIES, Ask, Groups, Pair, backup_of, disjoint_pair, site_group
from highroad.model.service import Backup, Placement
from highroad.planning.ground import Ground
from highroad.planning.placement import Room, Want, place
from highroad.planning.price import HOP_NS, room_price_ns


class Cause(StrEnum):
    """Why there is no pair: the first of path, room, latency, dark links, fence and risk groups that explains it."""

    PATH = "path"
    """There is not even one way: ask why an unprotected order would be refused."""

    GROUPS = "groups"
    """Whatever is free, and however far: every two ways share a risk group."""

    DOWN = "down"
    """There is a pair if what is dark or being drained is counted on."""

    FENCE = "fence"
    """There is a pair outside the fence."""

    LATENCY = "latency"
    """There is a pair that takes longer."""

    ROOM = "room"
    """There is a pair that has too little room in the window."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoPair:
    """Why a protected order has no two ways.

    `shared` are groups that some primary and backup have in common and that cannot all be avoided, under what was
    asked but with everything free; none of them could be left out. Fibres and declared groups by their names, a site
    as `site:<id>`. `nearest` is a placement that shares only those and has room, where there is one; `latency_ms`
    how long the slower way of a pair takes, where the bound is in the way.
    """

    cause: Cause
    shared: tuple[str, ...] = ()
    nearest: Placement | None = None
    latency_ms: float | None = None


def place_protected(
    ground: Ground, want: Want, may_share: Groups = NOTHING, *, room: Room | None = None, tries: int = TRIES
) -> Placement | None:
    """A placement with a backup that shares no risk group with it (but what it may), or None where none was found.

    Primary and backup keep the bound and the fence, and have room throughout the window: the primary for its claim,
    the backup for its standby. `no_pair` says why there is none. What a `room` of the same window and fence knows is
    not asked again; after so many primaries (`tries`) it is given up.
    """
    pair = _pair(ground, want, may_share, room, tries)
    if pair is None:
        return None
    return Placement(
        there=pair.primary.there,
        back=pair.primary.back,
        bandwidth_gbps=want.bandwidth_gbps or 0.0,
        backup=Backup(there=pair.backup.there, back=pair.backup.back),
    )


def backup_for(ground: Ground, want: Want, placement: Placement) -> Placement | None:
    """A placement of one way with the cheapest backup that shares no risk group with it in either direction, instead
    of the one that it has; None where there is none. Its own room is not looked at.
    """
    found = backup_of(_ask(ground, want), placement.there, placement.back)
    return None if found is None else replace(placement, backup=Backup(there=found.there, back=found.back))


def shared_groups(ground: Ground, placement: Placement) -> Groups:
    """The risk groups that a placement and its backup have in common, but for those of the ends: not covered."""
    if placement.backup is None:
        return NOTHING
    mine, other = (
        NOTHING.union(*(ground.groups_of(link) for link in (*one.there, *one.back)))
        for one in (placement, placement.backup)
    )
    return (mine & other) - ends_of(ground, placement)


def ends_of(ground: Ground, placement: Placement) -> Groups:
    """The groups of a placement's two end sites: on every way between them, and so nothing that a backup avoids."""
    network = ground.network
    return frozenset(
        site_group(network.link[link].tail) for way in (placement.there, placement.back) for link in way[:1]
    )


def no_pair(ground: Ground, want: Want) -> NoPair:
    """What stands in the way of a want that `place_protected` finds nothing for."""
    if place(ground, want) is None:
        return NoPair(cause=Cause.PATH)
    bare = replace(want, bandwidth_gbps=None)
    if _pair(ground, bare) is not None:
        return NoPair(cause=Cause.ROOM)
    shared = _unavoidable(ground, bare)
    nearest = place_protected(ground, want, shared) if shared else None
    named = tuple(sorted(shared, key=lambda group: (group.startswith("site:"), group)))
    free = replace(bare, bound_ms=None)
    pair = _pair(ground, free)
    if pair is not None:
        paths = (pair.primary.there, pair.primary.back, pair.backup.there, pair.backup.back)
        slowest = max(map(ground.graph.latency_ms, paths))
        return NoPair(cause=Cause.LATENCY, shared=named, nearest=nearest, latency_ms=slowest)
    cause = Cause.GROUPS
    if _pair(ground, replace(free, only_up=False)) is not None:
        cause = Cause.DOWN
    elif _pair(ground, replace(free, only_up=False, fence=None)) is not None:
        cause = Cause.FENCE
    return NoPair(cause=cause, shared=named, nearest=nearest)


def _unavoidable(ground: Ground, want: Want) -> Groups:
    """Groups that a pair shares, fewer of which no pair does with: what the best pair shares, one by one left out."""
    everything = frozenset(ground.risks.links)
    pair = _pair(ground, want, everything)
    if pair is None:
        return NOTHING
    shared = pair.shared
    for group in sorted(shared, key=lambda name: (not name.startswith("site:"), name)):
        if group in shared and (fewer := _pair(ground, want, shared - {group})) is not None:
            shared = fewer.shared
    return shared


def _pair(
    ground: Ground, want: Want, may_share: Groups = NOTHING, room: Room | None = None, tries: int = TRIES
) -> Pair | None:
    return disjoint_pair(_ask(ground, want, may_share, room), tries)


def _ask(ground: Ground, want: Want, may_share: Groups = NOTHING, room: Room | None = None) -> Ask:
    seen = room or Room(ground, want)
    # Nothing is carried between the windows, so only what stands by needs room there; nor does work there harm.
    stood = seen if want.window.stood_by is want.window else seen.over(want.window.stood_by)
    rate = want.rate_mbps
    return Ask(
        graph=ground.graph,
        risks=ground.risks,
        a=want.a,
        b=want.b,
        primary=seen.prices(rate) if rate is not None else _by_latency(seen),
        backup=lambda groups, own: _standby_prices(stood, rate, groups, own),
        bound_ns=want.bound_ns,
        full=lambda number: not stood.allows(number) or (rate is not None and not stood.stands(number, rate, NOTHING)),
        may_share=may_share,
    )


def _by_latency(room: Room) -> Prices:
    latency_ns = room.ground.graph.latency_ns
    return Prices(lambda number: latency_ns[number] if room.allows(number) else UNUSABLE)


def _standby_prices(room: Room, rate: int | None, groups: Groups, own: frozenset[int]) -> Prices:
    """What standing by on each link costs, against what takes the primary down. On the primary's own links nothing
    more is kept: its claim is there already.
    """
    if rate is None:
        return _by_latency(room)
    ground = room.ground
    latency_ns, capacity = ground.graph.latency_ns, ground.capacity_mbps

    def price(number: int) -> int:
        if not room.allows(number):
            return UNUSABLE
        latency = latency_ns[number]
        if number in own or not groups:
            return latency
        free = room.free(number)
        spare = room.spare(number, groups, rate)
        if spare < rate:
            return UNUSABLE
        grows = min(rate, max(0, rate - (spare - free)))
        if not grows:
            return latency
        more = room_price_ns(latency, 1 - (free - min(grows, free)) / capacity[number]) + HOP_NS
        return latency + int(more * grows / rate)

    def may(number: int) -> bool:
        if not room.allows(number):
            return False
        return number in own or not groups or room.stands(number, rate, groups)

    return Prices(price, may)
