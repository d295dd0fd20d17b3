"""Failures: seen, repaired inside every promise where that is possible, told as an incident, and healed.

A service that has nowhere to go stays where it is, DEGRADED, and says why; it never leaves its fence. It is tried
again whenever anything has changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from highroad.control import reroute
from highroad.control.book import Book, Draft, in_order_of_need
from highroad.control.names import incident_id
from highroad.model.incident import Entry, Incident, Outage, Phase
from highroad.model.lifecycle import CARRYING, HOLDING, Event, State
from highroad.model.network import FibreId
from highroad.model.service import Service, ServiceId
from highroad.ports import Observed, Sample
from highroad.units import iso_from_s


def failures(draft: Draft, observed: Observed) -> None:
    """Open an incident for fibres that are newly dark, and move what they carried; note those that are back."""
    book = draft.book
    down = frozenset(observed.down_since_s) & frozenset(book.network.fibre)
    if down == book.down:
        return
    new, back = down - book.down, book.down - down
    book.down = down
    book.avoid_again()
    if back:
        for incident in _open(book):
            returned = sorted(back & frozenset(incident.fibres))
            if returned:
                text = f"{', '.join(returned)} {'is' if len(returned) == 1 else 'are'} back"
                _note(draft, incident, Phase.FIBRE_BACK, text)
        for fibre in sorted(back):
            draft.tell("highroad.fibre.up", fibre, links=list(book.network.links_on.get(fibre, ())))
    if new:
        for fibre in sorted(new):
            draft.tell("highroad.fibre.down", fibre, links=list(book.network.links_on.get(fibre, ())))
        _open_incident(draft, tuple(sorted(new)), min(observed.down_since_s[fibre] for fibre in new))


def degraded(draft: Draft) -> None:
    """Try again, in order of need, whatever is dark, slow or not yet carried; restore what is whole again."""
    book = draft.book
    broken = [
        service
        for service in book.services.values()
        if service.state in HOLDING
        and service.placement is not None
        and (service.state is State.DEGRADED or book.dark(service.placement) or _slow(book, service))
    ]
    for service in in_order_of_need(broken):
        if service.placement is not None and book.dark(service.placement):
            _repair(draft, service)
        elif _slow(book, service):
            _quicken(draft, service)
        else:
            draft.move(replace(service, reason=None), Event.PROMISE_KEPT, "restored")


def heal(draft: Draft, observed: Observed, sample: Sample | None) -> None:
    """Note the services that routers carry again, and for how long the fabric says that they were dark."""
    book = draft.book
    for incident in _open(book):
        healed: list[Outage] = []
        outages = list(incident.outages)
        for index, outage in enumerate(outages):
            if outage.healed:
                continue
            service = book.services.get(outage.service)
            gone = service is None or service.state not in CARRYING
            carried = (
                service is not None
                and service.placement is not None
                and not book.dark(service.placement)
                and observed.policies.get(service.id) == book.policy(service)
            )
            if not gone and not carried:
                continue
            counters = None if sample is None else sample.services.get(outage.service)
            if counters is not None:
                outage = replace(outage, dark_ms=max(0.0, round(counters.dark_s * 1e3 - outage.dark_before_ms, 3)))
            outages[index] = replace(outage, healed=True)
            healed.append(outages[index])
        if healed:
            worst = max(outage.dark_ms for outage in healed)
            noun = "service is" if len(healed) == 1 else "services are"
            text = f"{len(healed)} {noun} carried again; the longest was dark for {worst:.1f} ms"
            _note(draft, replace(incident, outages=tuple(outages)), Phase.REPAIRED, text)


def close(draft: Draft) -> None:
    """When every fibre of an incident is back: send home what it moved, and close it once all of that is confirmed."""
    book = draft.book
    for incident in _open(book):
        if not book.down.isdisjoint(incident.fibres) or not all(outage.healed for outage in incident.outages):
            continue
        if not any(entry.phase is Phase.RETURNED for entry in incident.timeline):
            moved = send_home(draft, (outage.service for outage in incident.outages))
            text = f"{moved} of {len(incident.outages)} services return to a faster path"
            _note(draft, incident, Phase.RETURNED, text)
            continue
        services = (book.services.get(outage.service) for outage in incident.outages)
        if any(service is not None and service.leaving for service in services):
            continue
        closed = _note(draft, incident, Phase.CLOSED, "closed", tell="closed")
        draft.put_incident(replace(closed, closed_s=draft.now_s))


def send_home(draft: Draft, services: Iterable[ServiceId]) -> int:
    """Move services to a faster path where there is one now; returns how many."""
    present = (draft.book.services.get(service) for service in services)
    carried = [service for service in present if service is not None and service.state is State.ACTIVE]
    return sum(reroute.better(draft, service) is not None for service in in_order_of_need(carried))


def _open_incident(draft: Draft, fibres: tuple[FibreId, ...], since_s: float) -> None:
    book = draft.book
    links = book.links_over(fibres)
    carried = in_order_of_need(
        service
        for service in book.services.values()
        if service.state in CARRYING and service.placement is not None and service.placement.uses(links)
    )
    names = ", ".join(fibres)
    noun = "service" if len(carried) == 1 else "services"
    incident = Incident(
        id=incident_id(since_s, fibres),
        fibres=fibres,
        opened_s=draft.now_s,
        timeline=(
            Entry(at_s=since_s, phase=Phase.FAILED, text=f"loss of light noticed on {names}"),
            Entry(at_s=draft.now_s, phase=Phase.SEEN, text=f"{len(carried)} {noun} on {names}"),
        ),
        outages=tuple(
            Outage(service=one.id, dark_ms=0.0, healed=False, dark_before_ms=book.dark_before_ms(one.id, since_s))
            for one in carried
        ),
    )
    draft.put_incident(incident)
    draft.tell("highroad.incident.opened", incident.id, fibres=list(fibres), services=[one.id for one in carried])


def _repair(draft: Draft, service: Service) -> None:
    """Move a service whose path is dark to another one; to a slow one if nothing inside the bound is left."""
    book = draft.book
    if book.tried.get(service.id) == book.changes:
        return
    found = reroute.find(book, service)
    slow = False
    if found is None and service.order.latency_bound_ms is not None and service.state in CARRYING:
        found = reroute.find(book, service, any_latency=True)
        slow = found is not None
    if found is None:
        book.tried[service.id] = book.changes
        reason = f"dark: {_why_dark(service)}"
        if service.state is State.ACTIVE:
            draft.move(replace(service, reason=reason), Event.PROMISE_BROKEN)
        elif service.reason != reason:
            draft.put(replace(service, reason=reason))
        return
    moved = reroute.move(draft, service, found)
    if slow:
        _quicken(draft, moved)
    elif moved.state is State.DEGRADED:
        draft.move(replace(moved, reason=None), Event.PROMISE_KEPT, "restored")
    elif moved.reason is not None:
        draft.put(replace(moved, reason=None))


def _quicken(draft: Draft, service: Service) -> None:
    """Bring a service that is over its bound back inside it, or say that it is slow."""
    book = draft.book
    if book.tried.get(service.id) != book.changes:
        found = reroute.find(book, service)
        if found is not None:
            service = reroute.move(draft, service, found)
            if service.state is State.DEGRADED:
                draft.move(replace(service, reason=None), Event.PROMISE_KEPT, "restored")
            return
        book.tried[service.id] = book.changes
    here = service.placement
    if here is None:
        return
    bound = service.order.latency_bound_ms
    reason = f"slow: {book.latency_ms(here):.3f} ms one way instead of at most {bound:g}"
    if service.state is State.ACTIVE:
        draft.move(replace(service, reason=reason), Event.PROMISE_BROKEN)
    elif service.reason != reason:
        draft.put(replace(service, reason=reason))


def _why_dark(service: Service) -> str:
    limits = [
        f"{service.order.bandwidth_gbps:g} Gbit/s",
        *([f"the fence ({service.order.fence})"] if service.order.fence is not None else []),
    ]
    return f"no other way is left that has {' inside '.join(limits)}"


def _slow(book: Book, service: Service) -> bool:
    bound = service.order.latency_bound_ms
    return bound is not None and service.placement is not None and book.latency_ms(service.placement) > bound


def _open(book: Book) -> list[Incident]:
    return [incident for incident in book.incidents.values() if incident.open]


def _note(draft: Draft, incident: Incident, phase: Phase, text: str, tell: str = "updated") -> Incident:
    entry = Entry(at_s=draft.now_s, phase=phase, text=text)
    draft.tell(f"highroad.incident.{tell}", incident.id, phase=phase.value, text=text, at=iso_from_s(draft.now_s))
    return draft.put_incident(replace(incident, timeline=(*incident.timeline, entry)))
