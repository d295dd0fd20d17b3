"""Incidents: what broke, told from the first sign to the return of everything that it moved."""

from __future__ import annotations

from dataclasses import replace

from highroad.control.book import Book, Draft, in_order_of_need
from highroad.control.names import incident_id
from highroad.model.incident import Entry, Incident, Outage, Phase
from highroad.model.lifecycle import CARRYING
from highroad.model.network import FibreId
from highroad.ports import Observed, Sample
from highroad.units import iso_from_s


def failures(draft: Draft, observed: Observed) -> None:
    """Open an incident for fibres that are newly dark; note those that are back."""
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


def heal(draft: Draft, observed: Observed, sample: Sample | None) -> None:
    """Note the services that routers carry again, and for how long the fabric says that they were dark."""
    book = draft.book
    for incident in _open(book):
        healed: list[Outage] = []
        ended = False
        outages = list(incident.outages)
        for index, outage in enumerate(outages):
            if outage.healed:
                continue
            service = book.services.get(outage.service)
            if service is None or service.state not in CARRYING:
                outages[index] = replace(outage, healed=True)  # it ended while it was dark: there is nothing to heal
                ended = True
                continue
            carried = (
                service.placement is not None and not book.dark(service.placement) and book.confirmed(service, observed)
            )
            if not carried:
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
        elif ended:
            draft.put_incident(replace(incident, outages=tuple(outages)))


def close(draft: Draft) -> None:
    """Close an incident when its fibres are back, and what it moved is home, or where it is by choice."""
    book = draft.book
    for incident in _open(book):
        if not book.down.isdisjoint(incident.fibres) or not all(outage.healed for outage in incident.outages):
            continue
        services = [book.services.get(outage.service) for outage in incident.outages]
        if book.freeze is not None and any(service is not None and service.away for service in services):
            continue  # what it moved may not go home yet
        moving = sum(service is not None and bool(service.leaving) for service in services)
        if not any(entry.phase is Phase.RETURNED for entry in incident.timeline):
            text = f"{moving} of {len(services)} services return to a faster path"
            _note(draft, incident, Phase.RETURNED, text)
        elif not moving:
            closed = _note(draft, incident, Phase.CLOSED, "closed", tell="closed")
            draft.put_incident(replace(closed, closed_s=draft.now_s))


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


def _open(book: Book) -> list[Incident]:
    return [incident for incident in book.incidents.values() if incident.open]


def _note(draft: Draft, incident: Incident, phase: Phase, text: str, tell: str = "updated") -> Incident:
    entry = Entry(at_s=draft.now_s, phase=phase, text=text)
    draft.tell(f"highroad.incident.{tell}", incident.id, phase=phase.value, text=text, at=iso_from_s(draft.now_s))
    return draft.put_incident(replace(incident, timeline=(*incident.timeline, entry)))
