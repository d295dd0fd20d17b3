"""Where a service goes: the least-latency path there and back that has room inside its bound and fence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from highroad.graph.paths import least_latency_path
from highroad.model.jurisdiction import Fence
from highroad.model.network import LinkId, SiteId
from highroad.model.service import Order, Placement, Window
from highroad.planning.ground import Ground
from highroad.units import mbps_from_gbps


@dataclass(frozen=True, slots=True, kw_only=True)
class Want:
    """What a placement has to satisfy. None asks for nothing: no bound, no fence, no room."""

    a: SiteId
    b: SiteId
    window: Window
    bandwidth_gbps: float | None
    bound_ms: float | None
    fence: Fence | None
    only_up: bool = True


def want_of(order: Order) -> Want:
    """All that an order asks of its path."""
    return Want(
        a=order.a_site,
        b=order.b_site,
        window=order.window,
        bandwidth_gbps=order.bandwidth_gbps,
        bound_ms=order.latency_bound_ms,
        fence=order.fence,
    )


def place(ground: Ground, want: Want) -> Placement | None:
    """The path there and the path back, each of least latency, or None where one of them does not exist.

    Both directions keep the bound, the fence and the rate; a link that both of them use has room for both.
    """
    there = _search(ground, want, want.a, want.b, {})
    if there is None:
        return None
    rate = 0 if want.bandwidth_gbps is None else mbps_from_gbps(want.bandwidth_gbps)
    numbers = ground.graph.link_number
    back = _search(ground, want, want.b, want.a, {numbers[link]: rate for link in there})
    if back is None:
        return None
    return Placement(there=there, back=back, bandwidth_gbps=want.bandwidth_gbps or 0.0)


def latency_ms(ground: Ground, placement: Placement) -> float:
    """The worse of the two directions: what a bound is held against."""
    return max(ground.graph.latency_ms(placement.there), ground.graph.latency_ms(placement.back))


def _search(
    ground: Ground, want: Want, source: SiteId, target: SiteId, besides: dict[int, int]
) -> tuple[LinkId, ...] | None:
    bound_ns = None if want.bound_ms is None else int(want.bound_ms * 1e6 + 1e-6)
    return least_latency_path(
        ground.graph,
        source,
        target,
        usable(ground, want, besides),
        bound_ns=bound_ns,
    )


def usable(ground: Ground, want: Want, besides: dict[int, int]) -> Callable[[int], bool]:
    """Whether a link may carry what is wanted. `besides` is what the other direction takes of it, Mbit/s."""
    rate = None if want.bandwidth_gbps is None else mbps_from_gbps(want.bandwidth_gbps)
    inside = None if want.fence is None else ground.inside(want.fence)
    avoid = ground.avoid if want.only_up and want.window.start_s < ground.mended_s else frozenset()
    links, calendar, window = ground.graph.links, ground.calendar, want.window

    def test(number: int) -> bool:
        if number in avoid or (inside is not None and not inside[number]):
            return False
        return rate is None or calendar.free(links[number], window) >= rate + besides.get(number, 0)

    return test
