"""What stands in the way of an order that does not fit, in words, with its place and time."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace

from highroad.model.network import LinkId
from highroad.model.service import Order, Placement, Protection
from highroad.model.window import Window
from highroad.planning.closure import Closure, Heed
from highroad.planning.find import find
from highroad.planning.ground import Ground, port_resource
from highroad.planning.look import Look
from highroad.planning.placement import Want, latency_ms, place, usable, want_of
from highroad.planning.protection import Cause, no_pair, place_protected
from highroad.planning.sold import sold
from highroad.units import gbps_from_mbps, iso_from_s, mbps_from_gbps

MOST_HOLDERS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A service that has some of what is full; `standby` for its backup only."""

    service: str
    bandwidth_gbps: float
    standby: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """The constraint that stands in the way, in words, with its place and time.

    `constraint` is one of `capacity`, `latency`, `fence`, `port`, `path`, `protection`. For a tenant figures of free
    capacity are rounded down to the steps in which capacity is sold, and whose traffic is there is never said: what it
    is told is a function of what is free, however many hold the rest. For an operator they are exact, and `holders`
    are those who have most of the link or port at that time.
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
    holders: tuple[Holder, ...] = ()


def bind(look: Look, order: Order, *, exact: bool = False) -> Binding:
    """What stands in the way of an order that does not fit: the first of port, fence, path, latency, capacity.

    The order of asking is from what no waiting helps to what only time or less demand helps.
    """
    return _Binds(look, order, exact).bind()


class _Binds:
    def __init__(self, look: Look, order: Order, exact: bool) -> None:
        self.look, self.order, self.exact = look, order, exact
        self.ground = look.ground
        self.between = f"between {order.a_site} and {order.b_site}"

    def bind(self) -> Binding:
        order = self.order
        port = self._port()
        if port is not None:
            return port
        open_to_all = replace(want_of(order), heed=Heed.NONE)
        if self.ground.closures and (found := find(self.ground, open_to_all)) is not None:
            closed = _closed(self.ground, order, found)
            if closed is not None:
                return closed
        protected = order.protection is Protection.PATH
        want = replace(want_of(order), protected=False, max_paths=1 if protected else order.max_paths)
        if protected and self.look.fastest(want) is not None:
            return self._no_backup(want)
        anywhere = replace(want, bandwidth_gbps=None, bound_ms=None)
        light = place(self.ground, anywhere)
        if light is None:
            return _no_path(self.ground, order, anywhere)
        least = latency_ms(self.ground, light)
        if order.latency_bound_ms is not None and least > order.latency_bound_ms:
            return _too_slow(self.ground, order, anywhere, least)
        return self._too_full(want)

    def _shown(self, rate_mbps: int) -> float:
        return gbps_from_mbps(max(0, rate_mbps) if self.exact else sold(rate_mbps))

    def _holders(self, resource: str, at_s: float) -> tuple[Holder, ...]:
        if not self.exact:
            return ()
        held = self.ground.calendar.holders(resource, at_s)[:MOST_HOLDERS]
        return tuple(
            Holder(service=name, bandwidth_gbps=gbps_from_mbps(rate), standby=stands) for name, rate, stands in held
        )

    def _port(self) -> Binding | None:
        order, calendar = self.order, self.ground.calendar
        for end, site in ((order.a, order.a_site), (order.b, order.b_site)):
            resource = port_resource(end.port)
            free = calendar.free(resource, order.window)
            if free < mbps_from_gbps(order.bandwidth_gbps):
                at_s = calendar.peak(resource, order.window).at_s
                has = self._shown(free)
                return Binding(
                    constraint="port",
                    message=f"port {end.port} has {has:.12g} of {order.bandwidth_gbps:.12g} Gbit/s free "
                    f"from {iso_from_s(at_s)}",
                    site=site,
                    at_s=at_s,
                    available_gbps=has,
                    holders=self._holders(resource, at_s),
                )
        return None

    def _too_full(self, want: Want) -> Binding:
        order = self.order
        most = self.look.most(want)
        has = self._shown(most)
        bounds = " inside the latency bound" if order.latency_bound_ms is not None else ""
        fenced = " and the fence" if order.fence is not None and bounds else " inside the fence" if order.fence else ""
        said = f"at most {has:.12g} of {order.bandwidth_gbps:.12g} Gbit/s are free {self.between}{bounds}{fenced}"
        full = self._bottleneck(want, most + 1)
        if full is None:
            return Binding(constraint="capacity", message=said, available_gbps=has)
        place, at_s = self._left(full, order.window)
        return Binding(
            constraint="capacity",
            message=f"{said}: {place}",
            link=full,
            at_s=at_s,
            available_gbps=has,
            holders=self._holders(full, at_s),
        )

    def _left(self, full: LinkId, window: Window) -> tuple[str, float]:
        """What a link has left in a window, in words, and from when on."""
        calendar = self.ground.calendar
        link, at_s = self.ground.network.link[full], calendar.peak(full, window).at_s
        free = self._shown(calendar.free(full, window))
        words = f"{link.tail} to {link.head} has {free:.12g} of {link.capacity_gbps:.12g} Gbit/s left"
        return f"{words} from {iso_from_s(at_s)}", at_s

    def _bottleneck(self, want: Want, above_mbps: int) -> LinkId | None:
        """Of the fastest path that is allowed at all the link that has least of what is too little, there before back.

        Where more is asked than any link has, one that is free is not what binds.
        """
        free = place(self.ground, replace(want, bandwidth_gbps=None))
        if free is None:
            return None
        test = usable(self.ground, replace(want, bandwidth_gbps=gbps_from_mbps(above_mbps)), {})
        numbers, calendar = self.ground.graph.link_number, self.ground.calendar
        full = [link for link in (*free.there, *free.back) if not test(numbers[link])]
        return min(full, key=lambda link: calendar.free(link, want.window), default=None)

    def _no_backup(self, want: Want) -> Binding:
        """Why there is a way, and no second one beside it."""
        order, between = self.order, self.between
        why = no_pair(self.ground, want)
        if why.cause is Cause.ROOM:
            return self._no_room(want)
        shared = f": both cross {' and '.join(map(_group, why.shared))}" if why.shared else ""
        messages = {
            Cause.PATH: f"nothing joins {order.a_site} and {order.b_site} in both directions",
            Cause.GROUPS: f"no two ways {between} are free of a shared risk{shared}",
            Cause.DOWN: f"the only second way {between} is dark or being drained now{shared}",
            Cause.FENCE: f"inside the fence ({order.fence}) no two ways {between} are free of a shared risk{shared}",
            Cause.LATENCY: f"two ways {between} that share no risk take {why.latency_ms or 0.0:.3f} ms one way, "
            f"more than the bound of {order.latency_bound_ms or 0.0:g} ms",
        }
        return Binding(
            constraint="protection",
            message=messages[why.cause],
            least_latency_ms=why.latency_ms,
            risk_groups=why.shared,
        )

    def _no_room(self, want: Want) -> Binding:
        """Two ways there are, and the first link of the pair that one would take that is too full for its part."""
        rate = want.rate_mbps or 0
        said = f"{self.order.bandwidth_gbps:.12g} Gbit/s have room on one way {self.between}, and a backup that shares "
        found = self._full_of_pair(want, rate)
        if found is None:
            return Binding(constraint="protection", message=f"{said}no risk with it has not")
        full, window = found
        place, at_s = self._left(full, window)
        return Binding(
            constraint="protection",
            message=f"{said}no risk with it has not: {place}",
            link=full,
            at_s=at_s,
            holders=self._holders(full, at_s),
        )

    def _full_of_pair(self, want: Want, rate: int) -> tuple[LinkId, Window] | None:
        """The link, and the window in which it would be needed."""
        ground, stood = self.ground, want.window.stood_by
        pair = place_protected(ground, replace(want, bandwidth_gbps=None, protected=True))
        if pair is None or pair.backup is None:
            return None
        for link in pair.links:
            if not ground.calendar.fits(link, want.window, rate):
                return link, want.window
        groups = ground.risks.of(map(ground.graph.link_number.__getitem__, pair.links))
        for link in (*pair.backup.there, *pair.backup.back):
            if not ground.calendar.fits_standby(link, stood, rate, groups):
                return link, stood
        return None


def _closed(ground: Ground, order: Order, found: Placement) -> Binding | None:
    """A way that only maintenance is in the way of: it is closed for a time, and why no other will do. None where it is
    not: a search that gives up in time may find a way that it did not find with less to look at.
    """
    times = _closing(ground, ground.closures, order.window, found)
    if not times:
        return None
    which = "the way between" if found.backup is None else "one of the two ways that share no risk between"
    return Binding(
        constraint="path",
        message=f"{which} {order.a_site} and {order.b_site} is closed for maintenance {span(times)}, "
        f"and {_no_other(ground, order, times)}",
        at_s=min(one.window.start_s for one in times),
    )


def _closing(ground: Ground, closures: Iterable[Closure], window: Window, found: Placement) -> list[Closure]:
    """Of some closures those that close any link of a placement in a window."""
    backup = () if found.backup is None else (*found.backup.there, *found.backup.back)
    numbers = {ground.graph.link_number[link] for link in (*found.links, *backup)}
    return [one for one in closures if one.window.meets(window) and not one.links.isdisjoint(numbers)]


def span(times: Sequence[Closure]) -> str:
    """From when to when some closures are, in words."""
    until_s = max(one.window.until_s for one in times)
    until = f" to {iso_from_s(until_s)}" if until_s < math.inf else " on"
    return f"from {iso_from_s(min(one.window.start_s for one in times))}{until}"


def closed_besides(ground: Ground, want: Want, closures: Iterable[Closure]) -> list[Closure]:
    """Which of some closures close what ways there are beside what is closed on a ground, one after the other: the one
    that there would be without them, then the one that there would be beside those that close that. None where there is
    no way, or one that none of them closes.
    """
    view, found = copy(ground), list[Closure]()
    left = list(closures)
    while (way := find(view, want)) is not None:
        more = _closing(ground, left, want.window, way)
        if not more:
            break
        found += more
        left = [one for one in left if one not in more]
        view.closures = (*view.closures, *more)
    return found


def _no_other(ground: Ground, order: Order, times: Sequence[Closure]) -> str:
    """Why there is no other way, or pair of ways, than one that some maintenances close."""
    want = replace(want_of(order), bandwidth_gbps=None, max_paths=1)
    other = "no other two that share no risk" if want.protected else "no other"
    if find(ground, want) is not None:
        return f"{other} {'have' if want.protected else 'has'} room"
    light = replace(want, bound_ms=None)
    if want.bound_ms is not None and find(ground, light) is not None:
        return f"{other} {'are' if want.protected else 'is'} inside the latency bound of {want.bound_ms:g} ms"
    light = replace(light, only_up=False)
    if find(ground, light) is not None:
        return "what else there is is dark or being drained now"
    view = copy(ground)
    view.closures = tuple(times)
    more = closed_besides(view, light, [one for one in ground.closures if one not in times])
    if not more:
        return "there are no other two that share no risk" if want.protected else "there is no other"
    return f"what else there is is closed at some time {span(more)}"


def _group(name: str) -> str:
    return f"the site {name.removeprefix('site:')}" if name.startswith("site:") else name


def _no_path(ground: Ground, order: Order, want: Want) -> Binding:
    if place(ground, replace(want, only_up=False, heed=Heed.NONE)) is not None:
        inside = f" inside the fence ({order.fence})" if order.fence is not None else ""
        return Binding(
            constraint="path",
            message=f"every way between {order.a_site} and {order.b_site}{inside} is dark or being drained now"
            + (", or closed for maintenance then" if ground.closures else ""),
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
