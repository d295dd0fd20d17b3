"""May this order be admitted, along what, and if not, what stands in the way?

The seam that everything later deepens: `admit` is a function of the ground, the order and the time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from highroad.errors import Conflict, Invalid
from highroad.model.change import Change
from highroad.model.service import Order, Placement, Request, Service, ServiceId
from highroad.planning.amend import amend, requested
from highroad.planning.binding import Binding, bind
from highroad.planning.find import find
from highroad.planning.giving import Asked
from highroad.planning.ground import Ground
from highroad.planning.look import Look
from highroad.planning.offers import Offer, search
from highroad.planning.order import resolve
from highroad.planning.placement import Room, want_of
from highroad.planning.room import Made


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """Yes: the order as resolved, and where it goes; with `moves` once others have gone where these say."""

    order: Order
    placement: Placement
    moves: Mapping[ServiceId, Placement] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """No: what binds, and what would be admitted instead, the nearest first."""

    order: Order
    binding: Binding
    offers: tuple[Offer, ...]


Decision = Admitted | Denied


def admit(
    ground: Ground,
    request: Request,
    now_s: float,
    *,
    exact: bool = False,
    allowed: Callable[[Order], None] | None = None,
    otherwise: Callable[[Order], Made | None] | None = None,
) -> Decision:
    """Decide on a request; of a no, with the `exact` figures that only an operator may see. Raises Invalid, with every
    finding, where it makes no sense, and what `allowed` raises of an order, before anything is looked for; nothing is
    offered of which it raises. An order that has no room is given what `otherwise` makes for it; what is offered has
    room as things are.
    """
    order, findings = resolve(request, ground, now_s)
    if order is None:
        raise Invalid(findings)
    if allowed is not None:
        allowed(order)
    look = Look(ground)
    placement = fits(ground, order, look.room(want_of(order)))
    if placement is not None:
        return Admitted(order=order, placement=placement)
    made = None if otherwise is None else otherwise(order)
    if made is not None:
        return Admitted(order=order, placement=made.placement, moves=made.moves)

    def takes(other: Request) -> tuple[Order, Placement] | None:
        resolved, _ = resolve(other, ground, now_s)
        found = None if resolved is None or not _may(allowed, resolved) else fits(ground, resolved)
        return None if resolved is None or found is None else (resolved, found)

    return Denied(
        order=order,
        binding=bind(look, order, exact=exact),
        offers=search(look, Asked(request=request, order=order, now_s=now_s), takes),
    )


def _may(allowed: Callable[[Order], None] | None, order: Order) -> bool:
    try:
        if allowed is not None:
            allowed(order)
    except Conflict:
        return False
    return True


def fits(ground: Ground, order: Order, room: Room | None = None) -> Placement | None:
    """The placement of an order whose ports have room for it, or None."""
    return find(ground, want_of(order), room) if ground.port_room(order) else None


def check_change(ground: Ground, order: Order, service: Service) -> Placement | None:
    """Where a service that has this order now would go in what is left of its window.

    Its own capacity counts as free: a change is not refused for what the service itself holds.
    """
    with ground.without(service.id):
        return fits(ground, replace(order, window=service.window))


def deny_change(
    ground: Ground,
    change: Change,
    after: Service,
    before: Service,
    now_s: float,
    *,
    exact: bool,
    allowed: Callable[[Order], None] | None = None,
) -> Denied:
    """What binds a change in place that fits nowhere, and what of it would fit; `after` is the service with its order
    changed. Each offer's request and the fields that `patch` names make a change that would be granted, and of which
    `allowed` raises nothing.
    """
    order = replace(after.order, window=after.window)
    with ground.without(after.id):
        look = Look(ground)
        request = requested(ground, before, change, now_s)

        def takes(other: Request) -> tuple[Order, Placement] | None:
            edits = _edits(request, other)
            changed, _ = amend(ground, before, replace(change, **edits), now_s)
            if changed is None or not _gains(before.order, after.order, changed) or not _may(allowed, changed):
                return None
            timed = changed.window != before.order.window
            window = replace(before, order=changed, passed=0 if timed else before.passed).window
            found = fits(ground, replace(changed, window=window))
            return None if found is None else (changed, found)

        asked = Asked(request=request, order=order, now_s=now_s, had=before.order, named=frozenset(change.named))
        found = search(look, asked, takes)
        offers = tuple(replace(one, patch=frozenset({*change.named, *_edits(request, one.request)})) for one in found)
        return Denied(order=order, binding=bind(look, order, exact=exact), offers=offers)


def _gains(before: Order, asked: Order, offered: Order) -> bool:
    """Whether anything of what was asked for is had that was not had before, in full or in part."""
    for name in (one.name for one in fields(Order) if one.compare):
        had, wanted, gets = (getattr(one, name) for one in (before, asked, offered))
        if wanted != had and gets == wanted:
            return True
    bounds = before.latency_bound_ms, asked.latency_bound_ms, offered.latency_bound_ms
    had_ms, wanted_ms, gets_ms = (math.inf if bound is None else bound for bound in bounds)
    return (
        before.bandwidth_gbps < min(asked.bandwidth_gbps, offered.bandwidth_gbps)
        or had_ms > max(wanted_ms, gets_ms)
        or before.window not in (asked.window, offered.window)
        or (before.fence != asked.fence and offered.fence not in (None, before.fence))
    )


def _edits(request: Request, other: Request) -> dict[str, Any]:
    """In what fields two requests of one tenant differ, as the second has them."""
    names = [one.name for one in fields(Change)]
    return {name: getattr(other, name) for name in names if getattr(other, name) != getattr(request, name)}
