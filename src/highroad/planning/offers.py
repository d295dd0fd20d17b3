"""What a tenant can have instead: counter-offers found by search, each of which would be admitted if taken now.

An offer gives way in one respect: rate, window, bound, fence, protection, or another port of the tenant's own at one
end; where no single one helps in two, then in three. The nearest are kept, by the distance in `planning.distance`, at
most one that gives way in the same respects. Every candidate is found by a search that asks for what it needs, and is
then put through admission.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from highroad.model.service import Order, Placement, Request
from highroad.planning.distance import Respect, distance
from highroad.planning.giving import Asked, giving, respects
from highroad.planning.ground import Ground
from highroad.planning.look import Look
from highroad.planning.placement import latency_ms
from highroad.planning.sold import sold as sold
from highroad.units import iso_from_s

MOST_OFFERS = 3

Takes = Callable[[Request], tuple[Order, Placement] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A request that would be admitted: what it changes of the one that was asked, by the API's field names.

    Of a change in place `patch` names the fields of the request that the change has then.
    """

    message: str
    changes: dict[str, Any]
    request: Request
    latency_ms: float
    distance: float = 0.0
    patch: frozenset[str] | None = None


def search(look: Look, asked: Asked, takes: Takes) -> tuple[Offer, ...]:
    """Up to three offers, each checked by `takes`, the nearest to what was asked first."""
    possible = respects(asked)
    for together in (1, 2, 3):
        found = _nearest(look, asked, combinations(possible, together), takes)
        if found:
            return tuple(found)
    return ()


def _nearest(look: Look, asked: Asked, kinds: Iterable[tuple[Respect, ...]], takes: Takes) -> list[Offer]:
    candidates: list[tuple[float, int, tuple[Respect, ...], Request]] = []
    for kind in kinds:
        for candidate in giving(look, asked, kind):
            away = distance(look.ground, asked.request, asked.order, candidate)
            candidates.append((away, len(candidates), kind, candidate))
    found: list[Offer] = []
    done: list[tuple[Respect, ...]] = []
    tried: list[Request] = []
    for away, _, kind, candidate in sorted(candidates, key=lambda one: one[:2]):
        if kind in done or candidate in tried:
            continue
        tried.append(candidate)
        taken = takes(candidate)
        if taken is None:
            continue
        done.append(kind)
        found.append(_offer(look.ground, asked.request, candidate, taken, away))
        if len(found) == MOST_OFFERS:
            break
    return found


def _offer(ground: Ground, asked: Request, offered: Request, taken: tuple[Order, Placement], away: float) -> Offer:
    changes: dict[str, Any] = {}
    words: list[str] = []
    for more, said in _differences(ground, asked, offered, taken[0]):
        changes |= more
        words.append(said)
    return Offer(
        message=" and ".join(words),
        changes=changes,
        request=offered,
        latency_ms=latency_ms(ground, taken[1]),
        distance=away,
    )


def _differences(
    ground: Ground, asked: Request, offered: Request, order: Order
) -> Iterator[tuple[dict[str, Any], str]]:
    """What an offer changes and how that is said, respect by respect."""
    if offered.bandwidth_gbps != asked.bandwidth_gbps:
        rate = offered.bandwidth_gbps
        yield {"bandwidth_gbps": rate}, f"{rate:.12g} Gbit/s instead of {asked.bandwidth_gbps:.12g}"
    if offered.latency_bound_ms != asked.latency_bound_ms:
        bound = offered.latency_bound_ms
        yield {"latency_bound_ms": bound}, f"a bound of {bound:g} ms instead of {asked.latency_bound_ms:g}"
    if offered.windows != asked.windows:
        yield from _windows(asked, offered)
    elif offered.start_s != asked.start_s and offered.start_s is not None:
        times: dict[str, Any] = {"start": iso_from_s(offered.start_s)}
        if offered.end_s is not None:
            times["end"] = iso_from_s(offered.end_s)
        yield times, f"from {iso_from_s(offered.start_s)} on"
    elif offered.end_s != asked.end_s and offered.end_s is not None:
        yield {"end": iso_from_s(offered.end_s)}, f"until {iso_from_s(offered.end_s)}"
    if offered.protection is not asked.protection:
        yield {"protection": offered.protection.value}, "without a backup"
    if offered.fence != asked.fence and offered.fence is not None and asked.fence is not None:
        more = ", ".join(code for code in offered.fence if code not in asked.fence)
        yield {"fence": list(offered.fence)}, f"a fence that takes in {more}"
    for name, before, after, site in (
        ("from", asked.a, offered.a, order.a_site),
        ("to", asked.b, offered.b, order.b_site),
    ):
        if before != after:
            yield {name: after.at}, f"{name} your port {after.at} at {site} instead of {before.at}"


def _windows(asked: Request, offered: Request) -> Iterator[tuple[dict[str, Any], str]]:
    pieces = [{"start": iso_from_s(one.start_s), "end": iso_from_s(one.until_s)} for one in offered.windows]
    changes: dict[str, Any] = {"windows": pieces}
    if asked.windows or asked.recurrence is not None:
        yield changes, f"{len(pieces)} of its windows, without those in which there is too little"
    else:
        first, last = pieces[0]["start"], pieces[-1]["end"]
        yield changes, f"in {len(pieces)} pieces between {first} and {last}, as long in all"
