"""What the calendar of one link holds over a time, step by step, and who holds it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from highroad.model.service import Service, ServiceId
from highroad.model.window import Window
from highroad.planning.calendar import Calendar, Claim, Standby

Held = tuple[str, tuple[Claim, ...], tuple[Standby, ...]]
"""A holder, its claims and its standbys."""


class Use(StrEnum):
    """What a service holds a link for."""

    CARRIED = "carried"
    """Its path crosses it, now or when its window opens."""

    LEAVING = "leaving"
    """A path crosses it that it was moved away from, and routers have not confirmed that they let go."""

    DETOUR = "detour"
    """It goes there for the time of a maintenance, for which that is booked."""

    STANDBY = "standby"
    """Its backup crosses it: together those keep the reserve, which is less than their sum where they share."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """[start, until) in which nothing changes."""

    start_s: float
    until_s: float
    capacity_mbps: int
    claimed_mbps: int
    reserve_mbps: int

    @property
    def free_mbps(self) -> int:
        """Negative where the link shrank under its claims."""
        return self.capacity_mbps - self.claimed_mbps - self.reserve_mbps


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """So much of a link for a service in [start, until); minus infinity is since before anybody asks."""

    service: Service
    use: Use
    rate_mbps: int
    start_s: float
    until_s: float


def steps(calendar: Calendar, resource: str, window: Window) -> list[Step]:
    """The steps that fill a window with an end, in order; neighbours differ."""
    edges = [window.start_s, *calendar.changes(resource, window.start_s, window.until_s), window.until_s]
    found: list[Step] = []
    for start_s, until_s in pairwise(edges):
        claimed, reserve = calendar.claimed_at(resource, start_s), calendar.reserve_at(resource, start_s)
        if found and (found[-1].claimed_mbps, found[-1].reserve_mbps) == (claimed, reserve):
            start_s = found.pop().start_s
        found.append(
            Step(
                start_s=start_s,
                until_s=until_s,
                capacity_mbps=calendar.capacity(resource),
                claimed_mbps=claimed,
                reserve_mbps=reserve,
            )
        )
    return found


def holdings(
    held: Iterable[Held], services: Mapping[ServiceId, Service], resource: str, window: Window
) -> list[Holding]:
    """Who holds how much of a resource at any time of a window: by start, the largest first."""
    found: list[Holding] = []
    for holder, claims, standbys in held:
        # What is kept for a detour has the maintenance's name before the service's.
        maintenance, _, name = holder.rpartition(":")
        service = services.get(ServiceId(name))
        if service is None:
            continue
        own = [service.placement, None if service.home is None else service.home.placement]
        crosses = service.holds and any(one is not None and resource in one.links for one in own)
        use = Use.DETOUR if maintenance else Use.CARRIED if crosses else Use.LEAVING
        found += [_holding(service, use, one) for one in claims if _meets(one, resource, window)]
        found += [_holding(service, Use.STANDBY, one) for one in standbys if _meets(one, resource, window)]
    return sorted(found, key=lambda one: (one.start_s, -one.rate_mbps, one.service.id, one.until_s))


def _meets(one: Claim | Standby, resource: str, window: Window) -> bool:
    return one.resource == resource and one.start_s < window.until_s and one.until_s > window.start_s


def _holding(service: Service, use: Use, one: Claim | Standby) -> Holding:
    return Holding(service=service, use=use, rate_mbps=one.rate_mbps, start_s=one.start_s, until_s=one.until_s)
