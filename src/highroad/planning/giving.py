"""Requests that give way in some respects, and in each by no more than is needed for what the others are.

All respects that may give way are set free first; then one after the other is set to the nearest at which something is
found while those after it are still free: ends, protection, window, rate, fence, bound.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from heapq import merge
from itertools import islice

from highroad.model.jurisdiction import Fence
from highroad.model.network import SiteId
from highroad.model.service import Attachment, Order, Placement, Port, Protection, Request
from highroad.model.window import Window
from highroad.planning.distance import Respect
from highroad.planning.look import Look
from highroad.planning.placement import Want, latency_ms, want_of
from highroad.planning.shift import Wanted, earlier, later, rest, shorter, split
from highroad.planning.sold import sold
from highroad.units import gbps_from_mbps, mbps_from_gbps

SHOWN_LATENCY_MS = 0.1
"""Bounds are offered in steps of this, rounded up."""

PORTS_TRIED, PORTS_BESIDES = 8, 2
"""Of a tenant's other ports so many are tried, the nearest first; and where an offer gives way in more than the end."""

PAIRS_TRIED = 2
"""Of a protected order's, for which a backup is looked for."""

NEAR_KM = 2000.0
"""A port further away is not near."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What was refused: the request, the order that it means, and when it was asked.

    Of a change in place `had` is the order as it stands, and `named` are the fields that are changed. Nothing is
    offered then that would be less of what was to become more, and a window that has begun starts when it does.
    """

    request: Request
    order: Order
    now_s: float
    had: Order | None = None
    named: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Draft:
    """A request in the making: what is wanted by now, what is still free in it, between which ports."""

    request: Request
    want: Want
    ends: tuple[Attachment, Attachment]


def respects(asked: Asked) -> list[Respect]:
    """In what a request can give way at all."""
    request, changed = asked.request, asked.had is not None
    possible = {
        Respect.RATE: request.bandwidth_gbps > 0,
        Respect.WINDOW: True,
        Respect.BOUND: request.latency_bound_ms is not None,
        Respect.FENCE: request.fence is not None,
        Respect.PROTECTION: request.protection is not Protection.NONE,
        Respect.ENDS: not changed or bool({"a", "b"} & asked.named),
    }
    return [respect for respect, there in possible.items() if there]


def giving(look: Look, asked: Asked, kind: tuple[Respect, ...]) -> Iterator[Request]:
    """The nearest requests that give way in just these respects, and for which a way was found."""
    want, order = want_of(asked.order), asked.order
    free = replace(
        want,
        bound_ms=None if Respect.BOUND in kind else want.bound_ms,
        fence=None if Respect.FENCE in kind else want.fence,
        protected=want.protected and Respect.PROTECTION not in kind,
    )
    request = asked.request
    if Respect.PROTECTION in kind:
        request = replace(request, protection=Protection.NONE)
    drafts = iter((_Draft(request, free, (order.a, order.b)),))
    if kind == (Respect.ENDS,):
        yield from _elsewhere(look, asked, next(drafts))
        return
    if Respect.ENDS in kind:
        drafts = (other for draft in drafts for other in islice(_plugged(look, asked, draft, kind), PORTS_BESIDES))
    if Respect.WINDOW in kind:
        drafts = (other for draft in drafts for other in _shifted(look, asked, draft))
    if Respect.RATE in kind:
        drafts = (other for draft in drafts for other in _slower(look, asked, draft))
    for draft in drafts:
        if Respect.RATE not in kind and not _plugs(look, draft):
            continue
        found = _bounded(look, asked, draft, kind)
        if found is not None and found != asked.request:
            yield found


def _plugged(look: Look, asked: Asked, draft: _Draft, kind: tuple[Respect, ...]) -> Iterator[_Draft]:
    """The nearest other ports at which something is left; all of the rate in the window where neither gives way."""
    for one in _moved(look, asked, draft):
        free = look.ports(one.ends, one.want.window)
        if free > 0 if Respect.RATE in kind else Respect.WINDOW in kind or free >= (one.want.rate_mbps or 0):
            yield one


def _elsewhere(look: Look, asked: Asked, draft: _Draft) -> Iterator[Request]:
    """The nearest port from which one way suffices; only where there is none, several ways."""
    near: list[_Draft] = []
    pairs = 0
    joined: dict[SiteId, frozenset[SiteId]] = {}
    for one in _moved(look, asked, draft):
        moved, stays = (one.want.a, one.want.b) if one.want.a != draft.want.a else (one.want.b, one.want.a)
        if not _plugs(look, one):
            continue
        near.append(one)
        if len(near) > PORTS_TRIED:
            break
        if stays not in joined:
            joined[stays] = look.joined(one.want, stays)
        if moved not in joined[stays]:
            continue
        if look.fastest(one.want) is None:
            continue
        if one.want.protected:
            pairs += 1
            if pairs > PAIRS_TRIED:
                return
            if look.pair(one.want) is None:
                continue
        yield one.request
        return
    for one in near[:1]:
        if one.want.max_paths > 1 and not one.want.protected and look.found(one.want) is not None:
            yield one.request


def _plugs(look: Look, draft: _Draft) -> bool:
    return look.ports(draft.ends, draft.want.window) >= (draft.want.rate_mbps or 0)


def _bounded(look: Look, asked: Asked, draft: _Draft, kind: tuple[Respect, ...]) -> Request | None:
    request, want = draft.request, draft.want
    if not {Respect.FENCE, Respect.BOUND} & set(kind):
        surely = Respect.RATE in kind or Respect.WINDOW in kind
        return request if surely or look.found(want) is not None else None
    placement = look.found(want)
    if placement is None:
        return None
    if Respect.FENCE in kind and asked.order.fence is not None:
        fence = _wider(look, want, asked.order.fence, placement)
        if fence is None:
            return None
        request, want = replace(request, fence=fence.codes), replace(want, fence=fence)
        placement = look.found(want)
    if Respect.BOUND in kind:
        # The fastest that there is, also where another is taken that keeps more room for others.
        quick = placement if want.protected else look.fastest(want) or placement
        if quick is None or request.latency_bound_ms is None:
            return None
        longest = _longest_ms(look, quick)
        bound = round(math.ceil(longest / SHOWN_LATENCY_MS - 1e-9) * SHOWN_LATENCY_MS, 6)
        if bound <= request.latency_bound_ms:
            return None
        request = replace(request, latency_bound_ms=bound)
    return request


def _longest_ms(look: Look, placement: Placement) -> float:
    backup = placement.backup
    graph = look.ground.graph
    ways = () if backup is None else (backup.there, backup.back)
    return max(latency_ms(look.ground, placement), *(graph.latency_ms(way) for way in ways), 0.0)


def _wider(look: Look, want: Want, fence: Fence, placement: Placement) -> Fence | None:
    """The fence with codes that let something through, none of which could be left out."""
    backup = placement.backup
    ways = (placement.links,) if backup is None else (placement.links, backup.there, backup.back)
    outside = fence.outside(frozenset().union(*map(look.ground.touched, ways)))
    if not outside:
        return None
    for code in list(outside):
        fewer = [one for one in outside if one != code]
        if fewer and look.found(replace(want, fence=Fence((*fence.codes, *fewer)))) is not None:
            outside = fewer
    return Fence((*fence.codes, *outside))


def _slower(look: Look, asked: Asked, draft: _Draft) -> Iterator[_Draft]:
    """The highest rate, in steps in which it is sold; of a change that would raise it more than there is already."""
    most = min(look.ports(draft.ends, draft.want.window), look.most(draft.want))
    rate, full = sold(most), mbps_from_gbps(asked.request.bandwidth_gbps)
    had = 0 if asked.had is None else mbps_from_gbps(asked.had.bandwidth_gbps)
    if (had if had < full else 0) < rate < full:
        gbps = gbps_from_mbps(rate)
        yield _Draft(replace(draft.request, bandwidth_gbps=gbps), replace(draft.want, bandwidth_gbps=gbps), draft.ends)


def _shifted(look: Look, asked: Asked, draft: _Draft) -> Iterator[_Draft]:
    wanted = Wanted(want=draft.want, ends=draft.ends)
    had = asked.had
    if draft.want.window.pieces:
        found = [*rest(look, wanted)]
    else:
        found = []
        if had is None or "start_s" in asked.named:
            found += [*later(look, wanted, asked.now_s), *earlier(look, wanted, asked.now_s), *split(look, wanted)]
        if had is not None and "end_s" in asked.named and not had.window.pieces:
            found += shorter(look, wanted, had.window.until_s)
    for window in found:
        yield _Draft(_at(asked, draft.request, window), replace(draft.want, window=window), draft.ends)


def _at(asked: Asked, request: Request, window: Window) -> Request:
    """A request in another window: pieces as `windows`, a window that starts as it did without a start of its own."""
    if asked.order.window.pieces or window.pieces:
        return replace(request, start_s=None, end_s=None, recurrence=None, windows=window.parts)
    start_s = request.start_s if window.start_s == asked.order.window.start_s else window.start_s
    return replace(request, start_s=start_s, end_s=window.end_s)


def _moved(look: Look, asked: Asked, draft: _Draft) -> Iterator[_Draft]:
    """With another port of the tenant's own at one end, the nearest first, where light could still be in time."""
    order, want = asked.order, draft.want
    ground = look.ground
    ends = (("a", order.a_site, order.b_site), ("b", order.b_site, order.a_site))
    near = merge(
        *(
            [(km, port.id, name, port) for km, port in look.near(order.tenant, site) if port.site != other]
            for name, site, other in ends
            if asked.had is None or name in asked.named
        )
    )
    for km, _, name, port in near:
        if km > NEAR_KM:
            return
        if mbps_from_gbps(port.rate_gbps) < mbps_from_gbps(asked.request.bandwidth_gbps):
            continue
        if want.fence is not None and not want.fence.allows(ground.network.site[port.site].jurisdiction):
            continue
        a, b = (port.site, order.b_site) if name == "a" else (order.a_site, port.site)
        if want.bound_ns is None or _least_ns(look, a, b) <= want.bound_ns:
            yield _with_port(look, draft, name, port, a, b)


def _least_ns(look: Look, a: SiteId, b: SiteId) -> int:
    graph = look.ground.graph
    return graph.toward(graph.number[b])[graph.number[a]]


def _with_port(look: Look, draft: _Draft, name: str, port: Port, a: SiteId, b: SiteId) -> _Draft:
    request, first = draft.request, name == "a"
    end = request.a if first else request.b
    taken = end.vlan is not None and look.ground.tags(port.id).taken(end.vlan, draft.want.window)
    moved = replace(end, at=port.id, vlan=None if taken else end.vlan)
    at = Attachment(port=port.id, vlan=moved.vlan, prefixes=moved.prefixes)
    return _Draft(
        replace(request, a=moved) if first else replace(request, b=moved),
        replace(draft.want, a=a, b=b),
        (at, draft.ends[1]) if first else (draft.ends[0], at),
    )
