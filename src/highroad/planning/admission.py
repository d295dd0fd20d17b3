"""May this order be admitted, along what, and if not, what stands in the way?

The seam that everything later deepens: `admit` is a function of the ground, the order and the time.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from highroad.errors import Invalid
from highroad.model.network import LinkId
from highroad.model.service import Order, Placement, Protection, Request, ServiceId
from highroad.planning import offers
from highroad.planning.find import find
from highroad.planning.ground import Ground, port_resource
from highroad.planning.order import resolve
from highroad.planning.placement import Want, latency_ms, place, usable, want_of
from highroad.planning.protection import Cause, no_pair
from highroad.units import gbps_from_mbps, iso_from_s, mbps_from_gbps


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """The constraint that stands in the way, in words, with its place and time.

    `constraint` is one of `capacity`, `latency`, `fence`, `port`, `path`, `protection`. Figures of free capacity are
    rounded down to the steps in which capacity is sold; whose traffic is there is never said.
    """

    constraint: str
    message: str
    link: LinkId | None = None
    site: str | None = None
    at_s: float | None = None
    available_gbps: float | None = None
    least_latency_ms: float | None = None
    outside: tuple[str, ...] = ()
    risk_groups: tuple[str, ...] = ()
    """What a primary and a backup cannot both avoid."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Admitted:
    """Yes: the order as resolved, and where it goes."""

    order: Order
    placement: Placement


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """No: what binds, and what would be admitted instead, the nearest first."""

    order: Order
    binding: Binding
    offers: tuple[offers.Offer, ...]


Decision = Admitted | Denied


def admit(ground: Ground, request: Request, now_s: float) -> Decision:
    """Decide on a request. Raises Invalid, with every finding, where it makes no sense."""
    order, findings = resolve(request, ground, now_s)
    if order is None:
        raise Invalid(findings)
    placement = fits(ground, order)
    if placement is not None:
        return Admitted(order=order, placement=placement)

    def takes(other: Request) -> tuple[Order, Placement] | None:
        resolved, _ = resolve(other, ground, now_s)
        found = None if resolved is None else fits(ground, resolved)
        return None if resolved is None or found is None else (resolved, found)

    return Denied(order=order, binding=bind(ground, order), offers=offers.search(ground, request, order, now_s, takes))


def fits(ground: Ground, order: Order) -> Placement | None:
    """The placement of an order whose ports have room for it, or None."""
    return find(ground, want_of(order)) if ground.port_room(order) else None


def check_change(ground: Ground, order: Order, holder: ServiceId) -> tuple[Placement | None, Binding | None]:
    """Where a service that is already carried would go if its order were this one, and what binds if nowhere.

    Its own capacity counts as free: a change is not refused for what the service itself holds.
    """
    with ground.calendar.without(holder):
        placement = fits(ground, order)
        return (placement, None) if placement is not None else (None, bind(ground, order))


def bind(ground: Ground, order: Order) -> Binding:
    """What stands in the way of an order that does not fit: the first of port, fence, path, latency, capacity.

    The order of asking is from what no waiting helps to what only time or less demand helps.
    """
    rate = mbps_from_gbps(order.bandwidth_gbps)
    for end, site in ((order.a, order.a_site), (order.b, order.b_site)):
        free = ground.calendar.free(port_resource(end.port), order.window)
        if free < rate:
            peak = ground.calendar.peak(port_resource(end.port), order.window)
            has = gbps_from_mbps(offers.sold(free))
            return Binding(
                constraint="port",
                message=f"port {end.port} has {has:g} of {gbps_from_mbps(rate):g} Gbit/s free "
                f"from {iso_from_s(peak.at_s)}",
                site=site,
                at_s=peak.at_s,
                available_gbps=has,
            )
    want = replace(want_of(order), protected=False)
    if order.protection is Protection.PATH and place(ground, want) is not None:
        return _no_backup(ground, order, want)
    anywhere = replace(want, bandwidth_gbps=None, bound_ms=None)
    light = place(ground, anywhere)
    if light is None:
        return _no_path(ground, order, anywhere)
    least = latency_ms(ground, light)
    if order.latency_bound_ms is not None and least > order.latency_bound_ms:
        return _too_slow(ground, order, anywhere, least)
    return _too_full(ground, order, want)


def _no_backup(ground: Ground, order: Order, want: Want) -> Binding:
    """Why there is a way, and no second one beside it."""
    why = no_pair(ground, want)
    between = f"between {order.a_site} and {order.b_site}"
    shared = f": both cross {' and '.join(map(_group, why.shared))}" if why.shared else ""
    messages = {
        Cause.PATH: f"nothing joins {order.a_site} and {order.b_site} in both directions",
        Cause.GROUPS: f"no two ways {between} are free of a shared risk{shared}",
        Cause.DOWN: f"the only second way {between} is dark or being drained now{shared}",
        Cause.FENCE: f"inside the fence ({order.fence}) no two ways {between} are free of a shared risk{shared}",
        Cause.LATENCY: f"two ways {between} that share no risk take {why.latency_ms or 0.0:.3f} ms one way, "
        f"more than the bound of {order.latency_bound_ms or 0.0:g} ms",
        Cause.ROOM: f"{order.bandwidth_gbps:g} Gbit/s have room on one way {between}, and a backup that shares no risk "
        "with it has not",
    }
    return Binding(
        constraint="protection",
        message=messages[why.cause],
        least_latency_ms=why.latency_ms,
        risk_groups=why.shared,
    )


def _group(name: str) -> str:
    return f"the site {name.removeprefix('site:')}" if name.startswith("site:") else name


def _no_path(ground: Ground, order: Order, want: Want) -> Binding:
    if place(ground, replace(want, only_up=False)) is not None:
        inside = f" inside the fence ({order.fence})" if order.fence is not None else ""
        return Binding(
            constraint="path",
            message=f"every way between {order.a_site} and {order.b_site}{inside} is dark or being drained now",
        )
    unfenced = place(ground, replace(want, fence=None, only_up=False))
    if order.fence is not None and unfenced is not None:
        outside = order.fence.outside(ground.touched(unfenced.there) | ground.touched(unfenced.back))
        return Binding(
            constraint="fence",
            message=f"no path stays inside the fence ({order.fence}); the shortest way touches {', '.join(outside)}",
            outside=tuple(outside),
        )
    return Binding(constraint="path", message=f"nothing joins {order.a_site} and {order.b_site} in both directions")


def _too_slow(ground: Ground, order: Order, want: Want, least_ms: float) -> Binding:
    because = ""
    if order.fence is not None:
        unfenced = place(ground, replace(want, fence=None))
        if unfenced is not None and latency_ms(ground, unfenced) < least_ms:
            because = f" inside the fence ({latency_ms(ground, unfenced):.3f} ms outside it)"
    return Binding(
        constraint="latency",
        message=f"the fastest path between {order.a_site} and {order.b_site} takes {least_ms:.3f} ms one "
        f"way{because}: more than the bound of {order.latency_bound_ms:g} ms",
        least_latency_ms=least_ms,
    )


def _too_full(ground: Ground, order: Order, want: Want) -> Binding:
    most = offers.most_mbps(ground, want)
    above = replace(want, bandwidth_gbps=gbps_from_mbps(most + 1))
    full = _bottleneck(ground, want, above)
    has = gbps_from_mbps(offers.sold(most))
    needs = f"{order.bandwidth_gbps:g} Gbit/s"
    bounds = " inside the latency bound" if order.latency_bound_ms is not None else ""
    fenced = " and the fence" if order.fence is not None and bounds else " inside the fence" if order.fence else ""
    if full is None:
        return Binding(
            constraint="capacity",
            message=f"at most {has:g} of {needs} are free between {order.a_site} and {order.b_site}{bounds}{fenced}",
            available_gbps=has,
        )
    peak = ground.calendar.peak(full, order.window)
    link = ground.network.link[full]
    free = gbps_from_mbps(offers.sold(ground.calendar.free(full, order.window)))
    return Binding(
        constraint="capacity",
        message=f"at most {has:g} of {needs} are free between {order.a_site} and {order.b_site}{bounds}{fenced}: "
        f"{link.tail} to {link.head} has {free:g} of {link.capacity_gbps:g} Gbit/s left from {iso_from_s(peak.at_s)}",
        link=full,
        at_s=peak.at_s,
        available_gbps=has,
    )


def _bottleneck(ground: Ground, want: Want, above: Want) -> LinkId | None:
    """The first full link of the fastest path that is allowed at all, the way there before the way back."""
    free = place(ground, replace(want, bandwidth_gbps=None))
    if free is None:
        return None
    test = usable(ground, above, {})
    numbers = ground.graph.link_number
    return next((link for link in (*free.there, *free.back) if not test(numbers[link])), None)
