"""What is free between two ends at a time: the most that one order over just that time would be admitted with.

The widest way there and the widest way back, times the ways that an order may go over, bound it from above; what is
answered was found by the very search that decides on orders (`admission.fits`), at that rate. Hours in which every link
has the same room have the same answer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from highroad.errors import Invalid
from highroad.graph.cheapest import widest_path
from highroad.graph.paths import UNREACHABLE, Graph
from highroad.model.network import LinkId, SiteId
from highroad.model.service import End, Order, Port, PortId, Protection, Request, TenantId, Window
from highroad.planning.closure import Heed, closed
from highroad.planning.find import find
from highroad.planning.ground import Ground, port_resource
from highroad.planning.order import resolve
from highroad.planning.placement import OUT, Want, allowed, want_of
from highroad.planning.sold import SOLD_STEP_MBPS
from highroad.units import gbps_from_mbps, mbps_from_gbps

ASKED_GBPS = 0.001
"""The least that an order asks for: what is wrong with it at that rate is wrong at any."""

TAKEN = frozenset({"port-taken", "no-vlan-left"})
"""What is wrong with an order only at its time."""

NO_PORT_GBPS = 1e6
"""The rate of a port that is not there, at a site that an operator asks about: as much as an order may ask for."""

KNOWN = 1000
"""Answers that are kept, of hours in which every link has the same room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Between which ends, and under which promises.

    A tenant's ends are its ports, or sites where it has one, as in an order, and count. Without a tenant an end may be
    any port, which counts, or any site, where a port is thought that is never full.
    """

    a: str
    b: str
    tenant: TenantId | None = None
    latency_bound_ms: float | None = None
    fence: tuple[str, ...] | None = None
    protection: Protection = Protection.NONE
    max_paths: int | None = None
    """None is the most that a service can have, as in an order."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """An answer, and what it stands on."""

    window: Window
    graph: Graph
    out: frozenset[int]
    edits: int
    counted_on: bool
    at_most: int
    mbps: int


class Free:
    """Answers one question for one window after the other, and remembers what it need not search again.

    The ground may change between two answers, or be another.
    """

    def __init__(self, question: Question) -> None:
        self.question = question
        self.step_mbps = 1 if question.tenant is None else SOLD_STEP_MBPS
        """Answers are whole multiples of this, or less than it."""
        self._known: dict[tuple[object, ...], int] = {}
        self._graph: Graph | None = None
        self._last: _Seen | None = None
        self._guess = 0

    def most_mbps(self, ground: Ground, window: Window, now_s: float) -> int:
        """The most that one order over a window would be admitted with; 0 where none would be.

        Raises Invalid, with every finding, where no order between these ends would make sense.
        """
        view, order = self._order(ground, window, now_s)
        if order is None:
            return 0
        want = want_of(order)
        ports = [end.port for end in (order.a, order.b) if end.port in ground.ports]
        free = ground.calendar.free
        at_most = min((free(port_resource(port), want.window) for port in ports), default=mbps_from_gbps(NO_PORT_GBPS))
        if at_most <= 0:
            return 0
        if want.protected:
            return self._protected(view, order, want, at_most)
        rooms = tuple(free(link, want.window) for link in ground.graph.links)
        key = (_out(ground, want.window), _counted_on(ground, want.window), at_most, rooms)
        if self._graph is not ground.graph or len(self._known) >= KNOWN:
            self._known.clear()
            self._graph = ground.graph
        if key not in self._known:
            self._known[key] = self._search(view, order, want, rooms, at_most)
        return self._known[key]

    def _order(self, ground: Ground, window: Window, now_s: float) -> tuple[Ground, Order | None]:
        """The least order over a window, on the ground as who asks sees it; None where its port is taken then."""
        asked = self.question
        view, tenant = ground, asked.tenant
        if tenant is None:
            tenant = TenantId("")
            thought = (_as_port(ground, at) for at in (asked.a, asked.b))
            view = ground.seen_with({port.id: port for port in thought if port is not None})
        request = Request(
            tenant=tenant,
            a=End(at=asked.a),
            b=End(at=asked.b),
            bandwidth_gbps=ASKED_GBPS,
            start_s=window.start_s,
            end_s=window.end_s,
            latency_bound_ms=asked.latency_bound_ms,
            fence=asked.fence,
            protection=asked.protection,
            max_paths=asked.max_paths,
        )
        order, findings = resolve(request, view, now_s)
        if order is None and not {finding.code for finding in findings} <= TAKEN:
            raise Invalid(findings)
        return view, order

    def _protected(self, ground: Ground, order: Order, want: Want, at_most: int) -> int:
        """The same for who wants a backup, whose room no single figure of a link tells: it is searched anew unless
        nothing has begun or ended anywhere since the last answer.
        """
        last, window, calendar, links = self._last, want.window, ground.calendar, ground.graph.links
        counted_on = _counted_on(ground, window)
        if (
            last is not None
            and (last.graph, last.out, last.edits) == (ground.graph, _out(ground, window), calendar.edits)
            and (last.counted_on, last.at_most) == (counted_on, at_most)
            and last.window.start_s <= window.start_s
            and calendar.quiet(links, last.window.start_s, window.until_s)
        ):
            most = last.mbps
        else:
            rooms = [calendar.free(link, window) for link in links]
            most = self._search(ground, order, want, rooms, at_most)
        self._last = _Seen(window, ground.graph, _out(ground, window), calendar.edits, counted_on, at_most, most)
        return most

    def _search(self, ground: Ground, order: Order, want: Want, rooms: Sequence[int], at_most: int) -> int:
        may = allowed(ground, want)

        def room(number: int) -> int:
            return rooms[number] if may(number) else OUT

        def fits(rate_mbps: int) -> bool:
            return find(ground, want_of(replace(order, bandwidth_gbps=gbps_from_mbps(rate_mbps)))) is not None

        ways = 1 if want.protected else want.max_paths
        upper = min(at_most, ways * _widest_mbps(ground.graph, want, room, at_most))
        step, guess = self.step_mbps, self._guess
        whole = step * highest(lambda steps: fits(steps * step), upper // step, guess // step)
        self._guess = whole or highest(fits, min(upper, step - 1), guess)
        return self._guess


def highest(fits: Callable[[int], bool], upper: int, guess: int = 0) -> int:
    """The highest whole number up to `upper` that fits, by bisection; one that was seen to fit, or 0.

    A good guess takes two looks.
    """
    low, high = 0, max(0, upper)
    if 0 < guess < high:
        if not fits(guess):
            high = guess - 1
        elif not fits(guess + 1):
            return guess
        else:
            low = guess + 1
    elif high and not fits(high):
        high -= 1
    else:
        return high
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low


def stretches(rates: Sequence[int]) -> list[tuple[int, int, int]]:
    """Runs (first, end, least rate) that cannot be made longer without their least rate falling; the largest
    least rate times length first. The largest rectangles under a histogram, by a stack.
    """
    found: list[tuple[int, int, int]] = []
    stack: list[tuple[int, int]] = []
    for place, rate in enumerate([*rates, 0]):
        first = place
        while stack and stack[-1][1] > rate:
            first, least = stack.pop()
            found.append((first, place, least))
        if rate > 0 and (not stack or stack[-1][1] < rate):
            stack.append((first, rate))
    return sorted(found, key=lambda run: (-run[2] * (run[1] - run[0]), run[0]))


def _widest_mbps(graph: Graph, want: Want, room: Callable[[int], int], enough: int) -> int:
    """What the widest way there and the widest way back have room for, each for itself."""
    bound_ns = UNREACHABLE - 1 if want.bound_ns is None else want.bound_ns
    there: tuple[int, tuple[LinkId, ...]] | None = widest_path(
        graph, want.a, want.b, room, bound_ns=bound_ns, enough=enough
    )
    if there is None:
        return 0
    back = widest_path(graph, want.b, want.a, room, bound_ns=bound_ns, enough=there[0])
    return 0 if back is None else back[0]


def _counted_on(ground: Ground, window: Window) -> bool:
    """Whether what is dark now is counted on in a window."""
    return window.start_s >= ground.mended_s


def _out(ground: Ground, window: Window) -> frozenset[int]:
    """The links that are avoided now, or closed for maintenance in a window."""
    return ground.avoid | closed(ground.closures, window, Heed.ALL)


def _as_port(ground: Ground, at: str) -> Port | None:
    """A port as if it were that of who asks; one that is thought at a site that has no port of that name."""
    known = ground.ports.get(PortId(at))
    if known is not None:
        return replace(known, tenant=TenantId(""))
    if at not in ground.network.site:
        return None
    return Port(id=PortId(at), tenant=TenantId(""), site=SiteId(at), rate_gbps=NO_PORT_GBPS)
