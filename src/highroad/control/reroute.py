"""Moves one service to another path, make-before-break: the old path is kept until routers confirm the new."""

from __future__ import annotations

from dataclasses import replace

from highroad.control.book import Book, Draft
from highroad.model.lifecycle import CARRYING, Event, State
from highroad.model.service import Placement, Service
from highroad.planning.find import find as placed
from highroad.planning.placement import want_of

WORTH_MS = 0.001
"""A return to a better path has to gain at least so much latency."""


def find(
    book: Book,
    service: Service,
    *,
    any_latency: bool = False,
    unprotected: bool = False,
    fastest: bool = False,
) -> Placement | None:
    """Where a service could go now, its own capacity counting as free where the old path and the new share links.

    The fence always holds; `any_latency` lets the bound go, and `unprotected` the backup, for a service that would
    else be dark; `fastest` asks for the least latency, whatever room that leaves to others.
    """
    want = want_of(service.order)
    want = replace(
        want,
        bound_ms=None if any_latency else want.bound_ms,
        protected=want.protected and not unprotected,
        fastest=fastest,
    )
    with book.ground.calendar.without(service.id):
        return placed(book.ground, want)


def move(draft: Draft, service: Service, placement: Placement) -> Service:
    """Make a placement the wanted one. The old one stays in the calendar until the fabric has confirmed the change."""
    leaving = service.leaving
    if service.state in CARRYING and service.placement is not None:
        leaving = (*leaving, service.placement)
    return draft.put(replace(service, placement=placement, leaving=leaving))


def better(draft: Draft, service: Service) -> Service | None:
    """Move a service to a path that is faster than the one it has, if there is one."""
    here = service.placement
    found = find(draft.book, service, fastest=True)
    if here is None or found is None:
        return None
    if draft.book.latency_ms(found) > draft.book.latency_ms(here) - WORTH_MS:
        return None
    return move(draft, service, found)


def give_up(draft: Draft, service: Service, reason: str) -> Service:
    """Take a service off a path that no longer keeps its promises, with nowhere else to go: dark, and said so."""
    leaving = service.leaving
    if service.state in CARRYING and service.placement is not None:
        leaving = (*leaving, service.placement)
    unplaced = replace(service, placement=None, leaving=leaving, reason=reason, away=True)
    if service.state is State.ACTIVE:
        return draft.move(unplaced, Event.PROMISE_BROKEN)
    return draft.put(unplaced)
