"""When else: the nearest windows in which something has room, later, earlier, cut in pieces, shorter, or with gaps.

A start s is possible along a path if every link of it has room in [s, s + length). Let e(l, s) be the earliest start
from s on at which link l has. No start is possible before

    s' = min over paths of the max over links l of the path of e(l, s),

which a search for the widest path finds (widths: the waits e(l, s) - s, the shortest the widest), and s' = s says that
one is possible at s; so going from s to s' until they are the same finds the earliest start there is, for one way
between two sites. Earlier starts, and the latest end, are the same with the signs turned.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from heapq import merge

from highroad.graph.cheapest import UNUSABLE, Prices, cheapest_path, widest_path
from highroad.graph.paths import UNREACHABLE
from highroad.model.service import Attachment
from highroad.model.window import Window
from highroad.planning.ground import Ground, port_resource
from highroad.planning.look import Look
from highroad.planning.placement import Path, Want
from highroad.planning.protection import place_protected

AHEAD_S = 90 * 86400.0
"""How far later a window may be offered."""

MENDED_MARGIN_S = 3600.0
"""How long after what is dark is counted on again a window is offered: time to make up one's mind."""

MOST_STEPS = 16
"""From how many starts on the next possible one is looked for."""

MOST_PIECES = 8
LEAST_PIECE_S = 60.0
LEAST_PIECE_SHARE = 1 / 20
"""An order is cut into at most so many pieces, none shorter than this and this part of its length."""

DETOUR_NS = 3_600_000_000_000
"""What a way pays in nanoseconds if it is full for the whole span: an hour, more than any latency."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What has to have room: a want, whose window has no pieces but for `rest`, and the ports at its two ends."""

    want: Want
    ends: tuple[Attachment, Attachment]

    @property
    def rate(self) -> int:
        """Mbit/s."""
        return self.want.rate_mbps or 0

    @property
    def ports(self) -> tuple[str, ...]:
        """The calendar's names of both ports."""
        return tuple(port_resource(end.port) for end in self.ends)


def later(look: Look, wanted: Wanted, now_s: float) -> Iterator[Window]:
    """The same length from a later start on: the earliest for one way, then those that several ways or a pair need."""
    window = wanted.want.window
    last_s = now_s + AHEAD_S
    start_s = _next(look, wanted, window.start_s, window.until_s - window.start_s, last_s)
    if start_s is not None:
        yield _from(window, start_s)
    if wanted.want.protected:
        yield from _pair_later(look, wanted, last_s)
    elif wanted.want.max_paths > 1 and wanted.rate > 1 and start_s is None:
        for parts in (2, 4):
            part = replace(wanted, want=replace(wanted.want, bandwidth_gbps=math.ceil(wanted.rate / parts) / 1000))
            start_s = _next(look, part, window.start_s, window.until_s - window.start_s, last_s)
            if start_s is not None:
                yield _from(window, start_s)


def earlier(look: Look, wanted: Wanted, now_s: float) -> Iterator[Window]:
    """The same length from the latest earlier start on."""
    window = wanted.want.window
    length_s = window.until_s - window.start_s
    if window.start_s <= now_s:
        return
    busy = _Busy(look.ground, wanted)
    start_s = window.start_s

    def advance(one: str | int) -> float:
        return start_s - busy.before(one, start_s, length_s, now_s)

    for _ in range(MOST_STEPS):
        ahead = _limit(look, wanted, advance, start_s - now_s)
        if ahead is None:
            return
        if ahead <= 0:
            if start_s < window.start_s:
                yield _from(window, start_s)
            return
        start_s = math.floor((start_s - ahead) * 1000 + 1e-6) / 1000
        if start_s < now_s:
            return


def shorter(look: Look, wanted: Wanted, least_until_s: float) -> Iterator[Window]:
    """The same start and the latest end at which there is room, later than one that is had already."""
    window = wanted.want.window
    until_s = min(window.until_s, window.start_s + 20 * 365 * 86400.0)
    busy = _Busy(look.ground, wanted)

    def lost(one: str | int) -> float:
        first = next(busy.of(one, window.start_s, until_s), (until_s, until_s))[0]
        return until_s - first

    loses = _limit(look, wanted, lost, until_s - window.start_s)
    if loses is None or loses <= 0:
        return
    end_s = math.floor((until_s - loses) * 1000 + 1e-6) / 1000
    if max(least_until_s, window.start_s) < end_s < window.until_s:
        yield replace(window, end_s=end_s)


def split(look: Look, wanted: Wanted) -> Iterator[Window]:
    """The same length in several pieces, from the same start on and over by one more length."""
    window = wanted.want.window
    if window.end_s is None:
        return
    length_s = window.end_s - window.start_s
    span = Window(start_s=window.start_s, end_s=window.end_s + length_s)
    ways = _least_full(look, wanted, span)
    if ways is None:
        return
    busy = _Busy(look.ground, wanted)
    used: tuple[str | int, ...] = (*wanted.ports, *ways)
    free = _gaps((busy.of(one, span.start_s, span.until_s) for one in used), span)
    least_s = max(LEAST_PIECE_S, length_s * LEAST_PIECE_SHARE)
    pieces: list[Window] = []
    left_s = length_s
    for since_s, until_s in free:
        start_s = math.ceil(since_s * 1000 - 1e-6) / 1000
        end_s = math.floor(min(until_s, start_s + left_s) * 1000 + 1e-6) / 1000
        if end_s - start_s < min(least_s, left_s) - 0.0015:
            continue
        pieces.append(Window(start_s=start_s, end_s=end_s))
        left_s -= end_s - start_s
        if left_s < 0.002 * len(pieces):
            break
    else:
        return
    if 2 <= len(pieces) <= MOST_PIECES:
        yield Window(start_s=pieces[0].start_s, end_s=pieces[-1].end_s, pieces=tuple(pieces))


def rest(look: Look, wanted: Wanted) -> Iterator[Window]:
    """Of a window in pieces those in which there is room, on a way that has as much of it as was found."""
    pieces = wanted.want.window.pieces
    calendar = look.ground.calendar
    names: tuple[str, ...] = look.ground.graph.links
    fits: dict[str, list[bool]] = {}

    def fit(name: str) -> list[bool]:
        if name not in fits:
            fits[name] = calendar.fits_each(name, pieces, wanted.rate)
        return fits[name]

    ways = _dearest(look, wanted, lambda number: fit(names[number]).count(False) / len(pieces))
    if ways is None:
        return
    each = [fit(name) for name in (*wanted.ports, *(names[number] for number in ways))]
    kept = tuple(piece for piece, room in zip(pieces, zip(*each, strict=True), strict=True) if all(room))
    if 0 < len(kept) < len(pieces):
        yield Window(start_s=kept[0].start_s, end_s=kept[-1].end_s, pieces=kept)


class _Busy:
    """When a link (by its number) or a port (by its name) has no room for a rate."""

    def __init__(self, ground: Ground, wanted: Wanted) -> None:
        self._ground, self._rate = ground, wanted.rate
        self._inside = None if wanted.want.fence is None else ground.inside(wanted.want.fence)
        self._avoid = ground.avoid if wanted.want.only_up else frozenset()

    def of(self, one: str | int, start_s: float, until_s: float) -> Iterator[tuple[float, float]]:
        """The stretches of [start, until) in which it is full, in order; of what is dark, a start too soon is one."""
        if isinstance(one, str):
            return self._ground.calendar.full(one, self._rate, start_s, until_s)
        if self._inside is not None and not self._inside[one]:
            return iter(((start_s, until_s),))
        if one in self._avoid and start_s < self._ground.mended_s:
            return iter(((start_s, until_s),))
        full = self._ground.calendar.full(self._ground.graph.links[one], self._rate, start_s, until_s)
        closed = [
            (max(start_s, closure.window.start_s), min(until_s, closure.window.until_s))
            for closure in self._ground.closures
            if one in closure.links and closure.window.start_s < until_s and closure.window.until_s > start_s
        ]
        return merge(full, sorted(closed)) if closed else full

    def after(self, one: str | int, start_s: float, length_s: float) -> float:
        """The earliest start from one on with room for a length; infinite without any."""
        if isinstance(one, int) and one in self._avoid and start_s < self._ground.mended_s:
            start_s = self._ground.mended_s + MENDED_MARGIN_S
        for since_s, until_s in self.of(one, start_s, math.inf):
            if start_s + length_s <= since_s:
                break
            start_s = max(start_s, until_s)
        return start_s

    def before(self, one: str | int, start_s: float, length_s: float, least_s: float) -> float:
        """The latest start up to one with room for a length; minus infinity without any after the least."""
        if isinstance(one, int) and one in self._avoid and start_s < self._ground.mended_s:
            return -math.inf
        for since_s, until_s in sorted(self.of(one, least_s, start_s + length_s), key=lambda one: -one[1]):
            if until_s <= start_s:
                break
            start_s = min(start_s, since_s - length_s)
        return start_s if start_s >= least_s else -math.inf


def _next(look: Look, wanted: Wanted, from_s: float, length_s: float, last_s: float) -> float | None:
    busy = _Busy(look.ground, wanted)
    start_s = from_s

    def waits(one: str | int) -> float:
        return busy.after(one, start_s, length_s) - start_s

    for _ in range(MOST_STEPS):
        wait = _limit(look, wanted, waits, last_s - start_s)
        if wait is None:
            return None
        if wait <= 0:
            return start_s if start_s > from_s else None
        start_s = math.ceil((start_s + wait) * 1000 - 1e-6) / 1000
        if start_s > last_s:
            return None
    return None


def _limit(look: Look, wanted: Wanted, lost: Callable[[str | int], float], most_s: float) -> float | None:
    """min over ways there and back of the max over their links, and over both ports, of what is lost; None over most.

    In seconds, to the millisecond and not below.
    """
    if most_s <= 0:
        return None
    graph, want = look.ground.graph, wanted.want
    at_ports = max(map(lost, wanted.ports))
    if at_ports > most_s:
        return None
    span = math.ceil(most_s * 1000) + 1
    bound_ns = UNREACHABLE - 1 if want.bound_ns is None else want.bound_ns
    allows = look.room(replace(want, window=Window(start_s=math.inf))).allows

    def room(number: int) -> int:
        if not allows(number):
            return -1
        loses = lost(number)
        return span - math.ceil(loses * 1000 - 1e-6) if loses <= most_s else -1

    worst = at_ports
    for source, target in ((want.a, want.b), (want.b, want.a)):
        found = widest_path(graph, source, target, room, bound_ns=bound_ns, enough=span)
        if found is None:
            return None
        worst = max(worst, (span - found[0]) / 1000)
    return worst


def _least_full(look: Look, wanted: Wanted, span: Window) -> tuple[int, ...] | None:
    """Links of the ways there and back that are least long full in a span, up to what each link is by itself."""
    busy = _Busy(look.ground, wanted)

    def share(number: int) -> float:
        stretches = busy.of(number, span.start_s, span.until_s)
        return sum(until_s - since_s for since_s, until_s in stretches) / (span.until_s - span.start_s)

    return _dearest(look, wanted, share)


def _dearest(look: Look, wanted: Wanted, share: Callable[[int], float]) -> tuple[int, ...] | None:
    """Links of the ways there and back on which a cost between 0 and 1 sums to least; what costs 1 is not used."""
    graph, want = look.ground.graph, wanted.want
    allows = look.room(want).allows

    def price(number: int) -> int:
        if not allows(number):
            return UNUSABLE
        cost = share(number)
        return UNUSABLE if cost >= 1 else graph.latency_ns[number] + int(DETOUR_NS * cost)

    prices = Prices(price)
    there = cheapest_path(graph, want.a, want.b, prices, bound_ns=want.bound_ns)
    if there is None:
        return None
    back = cheapest_path(graph, want.b, want.a, prices, bound_ns=want.bound_ns, hint=graph.turned(there))
    return None if back is None else tuple(map(graph.link_number.__getitem__, (*there, *back)))


def _pair_later(look: Look, wanted: Wanted, last_s: float) -> Iterator[Window]:
    """When the pair that one would take if all were free has room, its backup for a rate of its own."""
    window = wanted.want.window
    pair = place_protected(look.ground, replace(wanted.want, bandwidth_gbps=None))
    if pair is None or pair.backup is None:
        return
    ways: tuple[Path, ...] = (pair.there, pair.back, pair.backup.there, pair.backup.back)
    numbers = {look.ground.graph.link_number[link] for way in ways for link in way}
    start_s = _common(_Busy(look.ground, wanted), (*wanted.ports, *numbers), window, last_s)
    if start_s is not None and start_s > window.start_s:
        yield _from(window, start_s)


def _common(busy: _Busy, all_of: Collection[str | int], window: Window, last_s: float) -> float | None:
    start_s, length_s = window.start_s, window.until_s - window.start_s
    while start_s <= last_s:
        after_s = max(busy.after(one, start_s, length_s) for one in all_of)
        if after_s <= start_s:
            return start_s
        start_s = after_s if after_s == math.inf else math.ceil(after_s * 1000 - 1e-6) / 1000
    return None


def _gaps(full: Iterable[Iterable[tuple[float, float]]], span: Window) -> Iterator[tuple[float, float]]:
    """What of a span no stretch of any covers."""
    at_s = span.start_s
    for since_s, until_s in sorted(stretch for one in full for stretch in one):
        if since_s > at_s:
            yield at_s, since_s
        at_s = max(at_s, until_s)
    if at_s < span.until_s:
        yield at_s, span.until_s


def _from(window: Window, start_s: float) -> Window:
    """The same length from another start on, in whole milliseconds, so that it survives being written down."""
    if window.end_s is None:
        return Window(start_s=start_s)
    return Window(start_s=start_s, end_s=math.ceil((start_s + window.end_s - window.start_s) * 1000 - 1e-6) / 1000)
