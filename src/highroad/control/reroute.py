"""Moves one service to another path, make-before-break: the old path is kept until routers confirm the new."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import replace

from highroad.control.book import Book, Draft
from highroad.model.lifecycle import CARRYING, Event, State
from highroad.model.network import FibreId
from highroad.model.service import Home, Placement, Protection, Service
from highroad.model.window import Window
from highroad.planning.binding import closed_besides, span
from highroad.planning.closure import Closure, Heed
from highroad.planning.find import find as placed
from highroad.planning.ground import Ground
from highroad.planning.placement import Want, latency_ms, want_of
from highroad.planning.protection import backup_for

WORTH_MS = 0.001
"""A return to a better path has to gain at least so much latency."""

TIGHTENED = 5
"""So many pairs are looked for, each inside a tighter bound than the one before, for a service that is protected."""


def find(
    book: Book,
    service: Service,
    *,
    any_latency: bool = False,
    unprotected: bool = False,
    fastest: bool = False,
    within_ms: float | None = None,
    during: Window | None = None,
) -> Placement | None:
    """Where a service could go now, its own capacity counting as free where the old path and the new share links.

    The fence always holds; `any_latency` lets the bound go, and `unprotected` the backup, for a service that would
    else be dark; `fastest` asks for the least latency, whatever room that leaves to others; `within_ms` for a bound
    that is tighter than its own. It stays clear of links that are booked for a maintenance, but rather goes there
    until then than nowhere. `during` asks for a detour for some time only.
    """
    want = want_of(service.order)
    bounds_ms = [one for one in (None if any_latency else want.bound_ms, within_ms) if one is not None]
    want = replace(
        want,
        bound_ms=min(bounds_ms, default=None),
        protected=want.protected and not unprotected,
        fastest=fastest,
        window=service.stay if during is None else during,
    )
    return _look(book, service, want, during, placed)


def with_backup(book: Book, service: Service, at: Placement | None = None, during: Window | None = None) -> Placement:
    """A placement of one way (None is the present one) with the cheapest backup that there is for it now, or with none
    where there is none; `during` as in `find`.
    """
    here = service.placement if at is None else at
    if here is None or here.beside:
        raise ValueError(f"{service.id} is not on one way")
    want = replace(want_of(service.order), window=service.stay if during is None else during)
    found = _look(book, service, want, during, lambda ground, want: backup_for(ground, want, here))
    return replace(here, backup=None) if found is None else found


def _look(
    book: Book,
    service: Service,
    want: Want,
    during: Window | None,
    place: Callable[[Ground, Want], Placement | None],
) -> Placement | None:
    ground = book.ground
    with ground.calendar.without(service.id):
        found = place(ground, want)
        if found is None and during is None and any(one.concerns(want.window, want.heed) for one in ground.closures):
            found = place(ground, replace(want, heed=Heed.IN_FORCE))
        return found


def has_a_way(book: Book, service: Service) -> bool:
    """Whether anything leads from one end of a service to the other inside its fence, however full it is."""
    want = replace(want_of(service.order), window=service.stay, protected=False, bandwidth_gbps=None, bound_ms=None)
    return placed(book.ground, want) is not None


def why_nowhere(book: Book, service: Service, during: Window, closing: Iterable[FibreId]) -> str:
    """Why `find` finds no other way for a service that has to leave some fibres for a time, in a sentence: there is no
    room, none is fast enough, what else there is is dark now or closed by another maintenance, or there is none.
    """
    order, ground = service.order, book.ground
    want = replace(want_of(order), window=during, protected=False)
    light = replace(want, bandwidth_gbps=None, bound_ms=None)
    found = placed(ground, light)
    fence = f" inside its fence ({order.fence})" if order.fence is not None else ""
    if found is None:
        return _nothing_else(book, light, closing, fence)
    least_ms = latency_ms(ground, found)
    if order.latency_bound_ms is not None and least_ms > order.latency_bound_ms:
        than = f"more than its bound of {order.latency_bound_ms:g} ms"
        return f"the fastest other way{fence} takes {least_ms:.3f} ms, {than}"
    bound = f" inside its bound of {order.latency_bound_ms:g} ms" if order.latency_bound_ms is not None else ""
    return f"no other way{fence}{bound} has {order.bandwidth_gbps:g} Gbit/s free"


def _nothing_else(book: Book, light: Want, closing: Iterable[FibreId], fence: str) -> str:
    """Why nothing leads from one end to the other but over some fibres, however full and far it is."""
    view, numbers = copy(book.ground), book.graph.link_number
    links = frozenset(numbers[link] for link in book.links_over(closing))
    own = Closure(window=light.window, links=links)
    view.avoid, view.closures = frozenset(), (own, *book.ground.closures)
    if placed(view, light) is not None:
        return f"what else there is{fence} is dark or being drained now"
    others = [one for one in book.ground.closures if not one.links <= links]
    view.closures = (own,)
    closed = closed_besides(view, light, others)
    if not closed:
        return f"there is no other way{fence}"
    return f"what else there is{fence} is closed for maintenance at some time {span(closed)}"


def move(draft: Draft, service: Service, placement: Placement) -> Service:
    """Make a placement the wanted one. The old one stays in the calendar until the fabric has confirmed the change."""
    leaving = service.leaving
    if service.state in CARRYING and service.placement is not None:
        leaving = (*leaving, service.placement)
    return draft.put(replace(service, placement=placement, leaving=leaving))


def with_home(service: Service, home: Home | None) -> Service:
    """A service that goes home to somewhere else, or is at home where it goes now; where it was until then is its own
    for no longer than before.
    """
    by_s = service.leaves_by_s
    if service.home is not None and (service.leaving or service.state in CARRYING):
        by_s = service.home.until_s if by_s is None else min(by_s, service.home.until_s)
    return replace(service, home=home, leaves_by_s=by_s)


def path_of(book: Book, placement: Placement) -> list[str]:
    """The sites that the way there passes."""
    links = [book.network.link[link] for link in placement.there]
    return [links[0].tail, *(link.head for link in links)]


def better(draft: Draft, service: Service) -> Service | None:
    """Move a service to a path that is faster than the one it has, if there is one."""
    found = faster(draft.book, service)
    return None if found is None else move(draft, service, found)


def faster(book: Book, service: Service, during: Window | None = None) -> Placement | None:
    """The fastest placement that a service could have, if it is faster than the one it has.

    Of one that is protected the latency is that of its primary: the fastest one if that has a backup; else a pair is
    asked for inside a bound that is made tighter as often as one is found, within reason.
    """
    here = service.placement
    if here is None:
        return None
    most_ms = book.latency_ms(here) - WORTH_MS
    found = find(book, service, fastest=True, unprotected=True, during=during)
    if found is None or book.latency_ms(found) > most_ms:
        return None
    if service.order.protection is not Protection.PATH:
        return found
    covered = with_backup(book, service, found, during)
    if covered.backup is not None:
        return covered
    best, bound_ms = None, service.order.latency_bound_ms
    for _ in range(TIGHTENED):
        pair = find(book, service, within_ms=bound_ms, during=during)
        if pair is not None and book.latency_ms(pair) <= most_ms:
            best, most_ms = pair, book.latency_ms(pair) - WORTH_MS
        elif bound_ms == most_ms:
            break
        bound_ms = most_ms
    return best


def give_up(draft: Draft, service: Service, reason: str) -> Service:
    """Take a service off a path that no longer keeps its promises, with nowhere else to go: dark, and said so."""
    leaving = service.leaving
    if service.state in CARRYING and service.placement is not None:
        leaving = (*leaving, service.placement)
    unplaced = replace(service, placement=None, leaving=leaving, reason=reason, away=True)
    if service.state is State.ACTIVE:
        return draft.move(unplaced, Event.PROMISE_BROKEN)
    return draft.put(unplaced)
