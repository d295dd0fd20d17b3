"""What a tenant can have instead: counter-offers found by search, each of which would be admitted if taken now."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

from highroad.model.jurisdiction import Fence
from highroad.model.service import Order, Placement, Protection, Request, Window
from highroad.planning.find import find as place
from highroad.planning.ground import Ground, port_resource
from highroad.planning.placement import Want, latency_ms, want_of
from highroad.units import gbps_from_mbps, iso_from_s, mbps_from_gbps

MOST_OFFERS = 3
SEARCH_AHEAD_S = 90 * 86400.0
"""How far later a window may be offered."""

LATER_TRIES = 64

MENDED_MARGIN_S = 3600.0
"""How long after what is dark is counted on again a window is offered: time to make up one's mind."""

SHOWN_LATENCY_MS = 0.1
"""Bounds are offered in steps of this, rounded up."""

SOLD_STEP_MBPS = 1000
"""Free capacity is shown, and rates are offered, in whole Gbit/s; below one, as it is."""

Takes = Callable[[Request], tuple[Order, Placement] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """A request that would be admitted: what it changes of the one that was asked, by the API's field names."""

    message: str
    changes: dict[str, Any]
    request: Request
    latency_ms: float


def sold(rate_mbps: int) -> int:
    """A free rate as it is shown: rounded down to the step in which it is sold, never below 0."""
    return max(0, rate_mbps if rate_mbps < SOLD_STEP_MBPS else rate_mbps // SOLD_STEP_MBPS * SOLD_STEP_MBPS)


def most_mbps(ground: Ground, want: Want) -> int:
    """The highest rate at which a placement exists, found by bisection: fitting is monotone in the rate."""
    low, high = 0, 0 if want.bandwidth_gbps is None else mbps_from_gbps(want.bandwidth_gbps)
    while low < high:
        middle = (low + high + 1) // 2
        if place(ground, replace(want, bandwidth_gbps=gbps_from_mbps(middle), fastest=True)) is None:
            high = middle - 1
        else:
            low = middle
    return low


def search(ground: Ground, request: Request, order: Order, now_s: float, takes: Takes) -> tuple[Offer, ...]:
    """Up to three offers, each checked by `takes`: first those that change one thing, then two, then three.

    One thing: the bound, the start, the rate, the fence; of each kind the nearest to what was asked.
    """
    found: list[Offer] = []
    tried: list[Request] = []
    for candidate in _candidates(ground, request, order, now_s):
        if candidate in tried:
            continue
        tried.append(candidate)
        taken = takes(candidate)
        if taken is None:
            continue
        found.append(_offer(ground, request, candidate, taken[1]))
        if len(found) == MOST_OFFERS:
            break
    return tuple(found)


def _candidates(ground: Ground, request: Request, order: Order, now_s: float) -> Iterator[Request]:
    want = want_of(order)
    any_bound = replace(want, bound_ms=None)
    any_fence = replace(want, fence=None)
    single = False
    for candidate in (
        _slower(ground, request, any_bound),
        _later(ground, request, want, order, now_s),
        _less(ground, request, order, want),
        _wider(ground, request, order, any_fence),
        _unprotected(request),
    ):
        if candidate is not None:
            single = True
            yield candidate
    if single:
        return
    for relaxed in (any_bound, any_fence, replace(any_bound, fence=None)):
        for first in (_less(ground, request, order, relaxed), _later(ground, request, relaxed, order, now_s), request):
            if first is None:
                continue
            window = order.window if first.start_s is None else Window(start_s=first.start_s, end_s=first.end_s)
            at = replace(relaxed, bandwidth_gbps=first.bandwidth_gbps, window=window)
            wider = (_wider(ground, first, order, at) if relaxed.fence is None else None) or first
            candidate = (_slower(ground, wider, at) if relaxed.bound_ms is None else None) or wider
            if candidate != request:
                yield candidate


def _unprotected(request: Request) -> Request | None:
    return replace(request, protection=Protection.NONE) if request.protection is not Protection.NONE else None


def _slower(ground: Ground, request: Request, want: Want) -> Request | None:
    if request.latency_bound_ms is None:
        return None
    placement = place(ground, replace(want, fastest=True))
    if placement is None:
        return None
    bound = round(math.ceil(latency_ms(ground, placement) / SHOWN_LATENCY_MS - 1e-9) * SHOWN_LATENCY_MS, 6)
    return replace(request, latency_bound_ms=bound) if bound > request.latency_bound_ms else None


def _less(ground: Ground, request: Request, order: Order, want: Want) -> Request | None:
    ports = min(ground.calendar.free(port_resource(end.port), order.window) for end in (order.a, order.b))
    rate = sold(min(ports, most_mbps(ground, want)))
    if 0 < rate < mbps_from_gbps(request.bandwidth_gbps):
        return replace(request, bandwidth_gbps=gbps_from_mbps(rate))
    return None


def _later(ground: Ground, request: Request, want: Want, order: Order, now_s: float) -> Request | None:
    """The same length at the earliest later start at which something that is too full is given back, or at which
    what is dark now is counted on again. Whole milliseconds, so that a start survives being written down.
    """
    rate = mbps_from_gbps(order.bandwidth_gbps)
    ends = [port_resource(end.port) for end in (order.a, order.b)]
    length_s = order.window.until_s - order.window.start_s
    ahead = Window(start_s=order.window.start_s, end_s=now_s + SEARCH_AHEAD_S + min(length_s, SEARCH_AHEAD_S))
    full = [name for name in (*ground.graph.links, *ends) if ground.calendar.free(name, ahead) < rate]
    starts = ground.calendar.falls(full, order.window.start_s)[:LATER_TRIES]
    light = place(ground, replace(want, bandwidth_gbps=None))
    if light is not None:
        # However much ends elsewhere first: when the path that one would like best has room is looked at too.
        own = [name for name in (*light.there, *light.back, *ends) if name in full]
        starts += [time_s for time_s in ground.calendar.falls(own, order.window.start_s) if time_s not in starts][
            :LATER_TRIES
        ]
    if ground.avoid and ground.mended_s < math.inf:
        starts.append(ground.mended_s + MENDED_MARGIN_S)
    for fall in sorted(starts):
        start = math.ceil(fall * 1000 - 1e-6) / 1000
        if start > now_s + SEARCH_AHEAD_S:
            return None
        end = None if order.window.end_s is None else math.ceil((start + length_s) * 1000 - 1e-6) / 1000
        window = Window(start_s=start, end_s=end)
        if all(ground.calendar.free(name, window) >= rate for name in ends) and place(
            ground, replace(want, window=window)
        ):
            return replace(request, start_s=start, end_s=end)
    return None


def _wider(ground: Ground, request: Request, order: Order, want: Want) -> Request | None:
    if order.fence is None:
        return None
    placement = place(ground, want)
    if placement is None:
        return None
    outside = order.fence.outside(ground.touched(placement.there) | ground.touched(placement.back))
    if not outside:
        return None
    fence = Fence((*order.fence.codes, *outside))
    return replace(request, fence=tuple(fence.codes))


def _offer(ground: Ground, asked: Request, offered: Request, placement: Placement) -> Offer:
    changes: dict[str, Any] = {}
    words: list[str] = []
    if offered.bandwidth_gbps != asked.bandwidth_gbps:
        changes["bandwidth_gbps"] = offered.bandwidth_gbps
        words.append(f"{offered.bandwidth_gbps:g} Gbit/s instead of {asked.bandwidth_gbps:g}")
    if offered.latency_bound_ms != asked.latency_bound_ms:
        changes["latency_bound_ms"] = offered.latency_bound_ms
        words.append(f"a bound of {offered.latency_bound_ms:g} ms instead of {asked.latency_bound_ms:g}")
    if offered.start_s is not None and offered.start_s != asked.start_s:
        changes["start"] = iso_from_s(offered.start_s)
        words.append(f"from {iso_from_s(offered.start_s)} on")
        if offered.end_s is not None:
            changes["end"] = iso_from_s(offered.end_s)
    if offered.protection is not asked.protection:
        changes["protection"] = offered.protection.value
        words.append("without a backup")
    if offered.fence != asked.fence and offered.fence is not None and asked.fence is not None:
        changes["fence"] = list(offered.fence)
        more = ", ".join(code for code in offered.fence if code not in asked.fence)
        words.append(f"a fence that takes in {more}")
    return Offer(
        message=" and ".join(words),
        changes=changes,
        request=offered,
        latency_ms=latency_ms(ground, placement),
    )
