"""Putting a changed network under live services: the difference, what it would do, and, after a yes, doing it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Protocol

from highroad.control import booking, reroute
from highroad.control.book import Book, Draft, in_order_of_need
from highroad.control.detours import closure_of
from highroad.control.safety import check_thawed
from highroad.errors import ConfirmationRequired, Conflict, Finding, Invalid, errors_in
from highroad.model.check import check
from highroad.model.lifecycle import CARRYING, HOLDING
from highroad.model.network import LinkId, Network, SiteId
from highroad.model.service import Backup, Branch, Placement, Service, ServiceId, TenantId
from highroad.planning.calendar import Calendar
from highroad.planning.closure import Heed
from highroad.planning.find import find as place
from highroad.planning.ground import Ground, capacities_of
from highroad.planning.placement import latency_ms, want_of


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
    """Put a network in force. Where services live on the present one, raises ConfirmationRequired, with the change, or
    Frozen.
    """
    book = draft.book
    change = compare(book, network)
    if not (change.added or change.removed or change.changed or network != book.network):
        return change
    if book.services:
        check_thawed(book, "another network can be put in force after the thaw (`highroad thaw`)")
    if confirm is not None and confirm != change.confirm:
        raise Conflict("what the network would do has changed since you said yes: look again", preview=change)
    if book.services and confirm is None:
        raise ConfirmationRequired(
            f"{len(book.services)} services live on the network in force: look at what the change does to them "
            "and say yes",
            preview=change,
            confirm=change.confirm,
        )
    fates = _fates(book, network)
    for maintenance in [one for one in book.maintenances.values() if one.open]:
        draft.put_maintenance(replace(maintenance, fibres=network.fibres_of(maintenance.target), detours=()))
    draft.put_network(network)
    for service in list(book.services.values()):
        left = tuple(_left_of(one, network) for one in service.leaving)
        if left != service.leaving:
            draft.put(replace(service, leaving=left))
    for fate in fates:
        service = book.services[fate.service.id]
        if isinstance(fate, Moves):
            _move(draft, service, fate.to, network)
        elif isinstance(fate, GoesDark):
            _move(draft, service, None, network)
    book.touched |= book.services.keys()
    booking.look_again(draft)
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Stays:
    """A service whose path still keeps all its promises."""

    service: Service


@dataclass(frozen=True, slots=True, kw_only=True)
class Moves:
    """A service whose path does not, and that has room on another beside all that is there now."""

    service: Service
    to: Placement


@dataclass(frozen=True, slots=True, kw_only=True)
class GoesDark:
    """A service that has to let go first: of others, or of its own old path. `later` says if it then finds a place."""

    service: Service
    later: bool


Fate = Stays | Moves | GoesDark


def _effects(book: Book, network: Network) -> Iterable[ServiceEffect]:
    for fate in _fates(book, network):
        effect, message = _told(fate, network)
        service = fate.service
        yield ServiceEffect(service=service.id, tenant=service.tenant, effect=effect, message=message)


def _told(fate: Fate, network: Network) -> tuple[Effect, str]:
    if isinstance(fate, Stays):
        return Effect.UNCHANGED, "stays where it is"
    if isinstance(fate, GoesDark):
        if fate.later:
            return Effect.REROUTED, "goes dark until others have made room, then moves to another path"
        return Effect.DEGRADED, "goes dark: nothing in the new network keeps all its promises"
    here = fate.service.placement
    if fate.service.state not in CARRYING or (here is not None and _leads(here, fate.service, network)):
        return Effect.REROUTED, "moves to another path; nothing is lost"
    return Effect.REROUTED, "moves to another path; dark until it is moved: drain its links first to lose nothing"


def _fates(book: Book, network: Network) -> list[Fate]:
    """What becomes of each service in another network, in order of need: few move, and none over another.

    Who may stay stays, as far as there is room. Who may not is moved where there is room beside all that is held now,
    its own old path included. Who then finds none lets go, and is tried once more when all of those have.
    """
    ground = Ground(network=network, calendar=Calendar(capacities_of(network, book.ports)), ports=book.ports)
    ground.mended_s = book.ground.mended_s
    drained = [one for one in book.maintenances.values() if one.in_force and one.end_s is None]
    out = book.down | {fibre for one in drained for fibre in network.fibres_of(one.target)}
    numbers = ground.graph.link_number
    ground.avoid = frozenset(numbers[link] for fibre in out for link in network.links_on.get(fibre, ()))
    ground.closures = tuple(closure_of(one, network, ground.graph) for one in book.booked)
    held = [one for one in in_order_of_need(book.services.values()) if one.state in HOLDING]
    fates: dict[ServiceId, Fate] = {}
    for service in book.services.values():
        leaving = tuple(_left_of(one, network) for one in service.leaving)
        ground.keep(replace(service, placement=None, leaving=leaving, home=None))
    for service in held:
        if service.placement is not None and _stays(ground, service, service.placement):
            fates[service.id] = Stays(service=service)
            ground.keep(service)
    moving = [replace(service, home=None) for service in held if service.id not in fates]
    for service in moving:
        if service.placement is not None and service.state in CARRYING:
            ground.keep(replace(service, placement=None, leaving=(_left_of(service.placement, network),)))
    waiting: list[Service] = []
    for service in moving:
        with ground.calendar.without(service.id):
            found = _placed(ground, service)
        if found is None:
            waiting.append(service)
            continue
        fates[service.id] = Moves(service=service, to=found)
        here = service.placement if service.state in CARRYING else None
        ground.keep(replace(service, placement=found, leaving=() if here is None else (_left_of(here, network),)))
    for service in waiting:
        ground.keep(replace(service, placement=None, leaving=()))
    for service in waiting:
        found = _placed(ground, service)
        fates[service.id] = GoesDark(service=service, later=found is not None)
        if found is not None:
            ground.keep(replace(service, placement=found, leaving=()))
    return [fates[service.id] for service in held]


def _placed(ground: Ground, service: Service) -> Placement | None:
    """A place away from what is booked for maintenances, else one that has to be left for them."""
    want = want_of(service.order)
    return place(ground, want) or place(ground, replace(want, heed=Heed.IN_FORCE))


def _move(draft: Draft, service: Service, to: Placement | None, network: Network) -> None:
    """Leave the present path for another, or for none; of what is left only the links that still exist are held."""
    here, service = service.placement, reroute.with_home(service, None)
    if to is None:
        service = reroute.give_up(
            draft, service, "dark: the network was changed, and no path keeps all its promises yet"
        )
    else:
        service = reroute.move(draft, replace(service, away=True), to)
    if here is not None and service.leaving:
        draft.put(replace(service, leaving=(*service.leaving[:-1], _left_of(service.leaving[-1], network))))


def _left_of(placement: Placement, network: Network) -> Placement:
    """What of a placement is over links that a network has."""

    def left(way: tuple[LinkId, ...]) -> tuple[LinkId, ...]:
        return tuple(link for link in way if link in network.link)

    beside = tuple(replace(one, there=left(one.there), back=left(one.back)) for one in placement.beside)
    return replace(placement, there=left(placement.there), back=left(placement.back), beside=beside, backup=None)


def _stays(ground: Ground, service: Service, here: Placement) -> bool:
    """Whether a path still keeps every promise of a service, and has room."""
    order = service.order
    if not _leads(here, service, ground.network):
        return False
    if order.fence is not None and order.fence.outside(ground.touched(here.links)):
        return False
    if order.latency_bound_ms is not None and latency_ms(ground, here) > order.latency_bound_ms:
        return False
    home = service.home
    if home is not None and not _leads(home.placement, service, ground.network):
        return False
    with ground.calendar.without(service.id):
        back = home is None or ground.room(home.placement, service.window.within(home.at_s, math.inf))
        return back and ground.room(here, service.stay)


def _leads(placement: Placement, service: Service, network: Network) -> bool:
    """Whether the links exist and lead from one end to the other: one of the same name may lead elsewhere now."""
    a, b = service.order.a_site, service.order.b_site
    ways: list[Branch | Backup] = list(placement.branches)
    if placement.backup is not None:
        ways.append(placement.backup)
    return all(_joins(one.there, a, b, network) and _joins(one.back, b, a, network) for one in ways)


def _joins(way: tuple[LinkId, ...], source: SiteId, target: SiteId, network: Network) -> bool:
    here = source
    for name in way:
        link = network.link.get(name)
        if link is None or link.tail != here:
            return False
        here = link.head
    return here == target
