"""A book that follows another: what the leader has committed, read from the store, is made known to it in order."""

from __future__ import annotations

from dataclasses import replace

from highroad.control.book import Book
from highroad.model.incident import Maintenance
from highroad.model.network import FibreId
from highroad.ports import Commit


def follow(book: Book, commit: Commit) -> None:
    """Know what a commit made known. Afterwards the book is what one would be that is read from the store."""
    for tenant in commit.tenants:
        book.tenants[tenant.id] = tenant
    for token in commit.tokens:
        book.put_token(token)
    for webhook in commit.webhooks:
        book.put_webhook(webhook)
    waiting = book.waiting
    for incident in commit.incidents:
        book.put_incident(incident)
    for freeze in commit.freezes:
        book.freeze = freeze if freeze.open else None
    down = _down(book, commit)
    moved = down != book.down or waiting != book.waiting or bool(commit.maintenances)
    book.down = down
    if commit.network is None:
        _keep(book, commit)
        if moved:
            book.avoid_again()
    else:
        _stand_on(book, commit)
    if commit.events:
        book.last_sequence = commit.events[-1].sequence
    book.changes += 1


def _keep(book: Book, commit: Commit) -> None:
    """Services before the detours that are kept beside them, and what is given up before what is new."""
    for port in commit.ports:
        book.keep_port(port)
    for service in commit.services:
        book.keep_service(service)
    for maintenance in commit.maintenances:
        book.put_maintenance(_given_up(book, maintenance))
    for service in commit.services:
        for booked in book.detours.of(service.id):
            maintenance = book.maintenances[booked]
            for detour in maintenance.detours:
                if detour.service == service.id:
                    book.detours.keep(maintenance, detour)
    for maintenance in commit.maintenances:
        book.put_maintenance(maintenance)


def _given_up(book: Book, after: Maintenance) -> Maintenance:
    """A maintenance with those detours only that it had before."""
    before = book.maintenances.get(after.id)
    had = () if before is None else before.detours
    return replace(after, detours=tuple(one for one in after.detours if one in had))


def _stand_on(book: Book, commit: Commit) -> None:
    """Another network: everything that is kept is kept anew on it."""
    for port in commit.ports:
        book.ports[port.id] = port
    for service in commit.services:
        book.note(service)
        book.put_service(service, live=book.lives(service))
    for maintenance in commit.maintenances:
        book.maintenances[maintenance.id] = maintenance
    book.revision += 1
    if commit.network is not None:
        book.use(commit.network)


def _down(book: Book, commit: Commit) -> frozenset[FibreId]:
    """What is dark, as the leader saw it: the first to know it is the one that reads the fabric."""
    down = set(book.down)
    for event in commit.events:
        if event.kind == "highroad.fibre.down":
            down.add(FibreId(event.subject))
        elif event.kind == "highroad.fibre.up":
            down.discard(FibreId(event.subject))
    return frozenset(down)
