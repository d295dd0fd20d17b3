"""Putting a changed network under live services: the difference, what it would do, and, after a yes, doing it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol

from highroad.control import reroute
from highroad.control.book import Book, Draft, in_order_of_need
from highroad.errors import ConfirmationRequired, Conflict, Finding, Invalid, errors_in
from highroad.model.check import check
from highroad.model.lifecycle import CARRYING, HOLDING
from highroad.model.network import Network
from highroad.model.service import Placement, Service, ServiceId, TenantId
from highroad.planning.calendar import Calendar
from highroad.planning.ground import Ground, capacities_of
from highroad.planning.placement import latency_ms, place, want_of


class Effect(StrEnum):
    """What becomes of a service."""

    UNCHANGED = "unchanged"
    REROUTED = "rerouted"
    DEGRADED = "degraded"


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceEffect:
    """What a change of the network would do to one service."""

    service: ServiceId
    tenant: TenantId
    effect: Effect
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkChange:
    """The difference between the network in force and another, and what it does to services.

    `added`, `removed` and `changed` name things as `site denver`, `fibre denver--boise`, `link denver>boise`.
    `confirm` is what says yes to exactly this difference, from exactly this revision.
    """

    from_revision: int
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    effects: tuple[ServiceEffect, ...]
    confirm: str


def compare(book: Book, network: Network) -> NetworkChange:
    """What putting a network in force would do. Raises Invalid where it is wrong or takes a port's site away."""
    findings = errors_in(check(network))
    if findings:
        raise Invalid(findings)
    lost = [port for port in book.ports.values() if port.site not in network.site]
    if lost:
        raise Invalid(
            [
                Finding(
                    code="site-in-use",
                    place=f"sites[{port.site}]",
                    message=f"port {port.id} of {port.tenant} is at {port.site}, which the network no longer has",
                )
                for port in lost
            ]
        )
    added: list[str] = []
    removed: list[str] = []
    changed: list[str] = []
    for noun, before, after in (
        ("site", book.network.sites, network.sites),
        ("fibre", book.network.fibres, network.fibres),
        ("risk group", book.network.risk_groups, network.risk_groups),
        ("link", book.network.links, network.links),
    ):
        _differ(noun, before, after, added, removed, changed)
    effects = tuple(_effects(book, network))
    digest = hashlib.sha256(repr((book.revision, network, effects)).encode()).hexdigest()[:16]
    return NetworkChange(
        from_revision=book.revision,
        added=tuple(added),
        removed=tuple(removed),
        changed=tuple(changed),
        effects=effects,
        confirm=digest,
    )


def load(draft: Draft, network: Network, confirm: str | None) -> NetworkChange:
    """Put a network in force. Raises ConfirmationRequired, with the change, where services live on the present one."""
    book = draft.book
    change = compare(book, network)
    if not (change.added or change.removed or change.changed or network != book.network):
        return change
    if confirm is not None and confirm != change.confirm:
        raise Conflict("what the network would do has changed since you said yes: look again", preview=change)
    if book.services and confirm is None:
        raise ConfirmationRequired(
            f"{len(book.services)} services live on the network in force: look at what the change does to them "
            "and say yes",
            preview=change,
            confirm=change.confirm,
        )
    moves = dict(_placements(book, network))
    draft.put_network(network)
    for service in in_order_of_need(list(book.services.values())):
        there = moves.get(service.id)
        leaving = tuple(one for one in service.leaving if _exists(one, network))
        if there is not None and there != service.placement:
            reroute.move(draft, replace(service, leaving=leaving), there)
        elif leaving != service.leaving:
            draft.put(replace(service, leaving=leaving))
    draft.tell(
        "highroad.network.loaded",
        str(book.revision),
        name=network.name,
        added=len(change.added),
        removed=len(change.removed),
        changed=len(change.changed),
    )
    return change


class _Named(Protocol):
    @property
    def id(self) -> Any: ...


def _differ(
    noun: str,
    before: Iterable[_Named],
    after: Iterable[_Named],
    added: list[str],
    removed: list[str],
    changed: list[str],
) -> None:
    had, has = {one.id: one for one in before}, {one.id: one for one in after}
    added += [f"{noun} {name}" for name in has if name not in had]
    removed += [f"{noun} {name}" for name in had if name not in has]
    changed += [f"{noun} {name}" for name in has if name in had and has[name] != had[name]]


def _effects(book: Book, network: Network) -> Iterable[ServiceEffect]:
    moves = dict(_placements(book, network))
    for service in in_order_of_need(book.services.values()):
        if service.state not in HOLDING or service.placement is None:
            continue
        to = moves.get(service.id)
        if to is None:
            effect, message = (
                Effect.DEGRADED,
                "nothing in the new network keeps all its promises: it would go dark",
            )
        elif to == service.placement:
            effect, message = Effect.UNCHANGED, "stays where it is"
        else:
            harmless = service.state not in CARRYING or _exists(service.placement, network)
            how = "nothing is lost" if harmless else "dark until it is moved: drain its links first to lose nothing"
            effect, message = Effect.REROUTED, f"moves to another path; {how}"
        yield ServiceEffect(service=service.id, tenant=service.tenant, effect=effect, message=message)


def _placements(book: Book, network: Network) -> Iterable[tuple[ServiceId, Placement | None]]:
    """Where each service would be in another network: where it is if that still keeps its promises, else anew.

    First all that may stay, in order of need, then the rest in order of need: so few services move.
    """
    ground = Ground(network=network, calendar=Calendar(capacities_of(network, book.ports)), ports=book.ports)
    out = book.down | book.drained
    numbers = ground.graph.link_number
    ground.avoid = frozenset(numbers[link] for fibre in out for link in network.links_on.get(fibre, ()))
    waiting: list[Service] = []
    for service in in_order_of_need(book.services.values()):
        here = service.placement
        if here is None or service.state not in HOLDING:
            continue
        if _stays(ground, service, here):
            ground.keep(replace(service, leaving=()))
            yield service.id, here
        else:
            waiting.append(service)
    for service in waiting:
        found = place(ground, want_of(service.order))
        if found is not None:
            ground.keep(replace(service, placement=found, leaving=()))
        yield service.id, found


def _stays(ground: Ground, service: Service, here: Placement) -> bool:
    order = service.order
    if not _exists(here, ground.network) or not _joined(here, service, ground.network):
        return False
    if order.fence is not None and order.fence.outside(ground.touched(here.there) | ground.touched(here.back)):
        return False
    if order.latency_bound_ms is not None and latency_ms(ground, here) > order.latency_bound_ms:
        return False
    return ground.room(here, order.window)


def _exists(placement: Placement, network: Network) -> bool:
    return all(link in network.link for link in (*placement.there, *placement.back))


def _joined(placement: Placement, service: Service, network: Network) -> bool:
    """Whether the links still lead from one end to the other: a link of the same name may have moved."""
    a, b = service.order.a_site, service.order.b_site
    for way, source, target in ((placement.there, a, b), (placement.back, b, a)):
        here = source
        for link in way:
            if network.link[link].tail != here:
                return False
            here = network.link[link].head
        if here != target:
            return False
    return True
