"""Incidents: what broke, told from the first sign to the return of everything that it moved. `healing` tells what
became of the services meanwhile.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from highroad.control import restore
from highroad.control.book import Book, Draft, in_order_of_need
from highroad.control.causes import TOGETHER_S, gather, title_of, told
from highroad.control.names import incident_id
from highroad.model.incident import TELLING, Entry, Fault, Incident, Outage, Phase, Reason
from highroad.model.lifecycle import CARRYING
from highroad.model.network import FibreId
from highroad.model.service import Protection, Service, ServiceId
from highroad.ports import Down, Observed
from highroad.units import iso_from_s

MOST_ENTRIES = 200
"""A time line keeps so many: its first half, and the newest."""

_VIEWS = {Reason.SILENT, Reason.ONE_WAY}
"""What the two ends of one fault may call it, now the one and now the other."""

AT_ONCE_S = 0.1
"""Light that is missed so long after hellos were went out later than they did."""


def failures(draft: Draft, observed: Observed) -> None:
    """Open an incident for fibres that are newly dark; note those that are back, and use those that are trusted."""
    book = draft.book
    down = frozenset(observed.down_since_s) & frozenset(book.network.fibre)
    new, back = down - book.down, book.down - down
    book.down = down
    if back:
        _back(draft, back)
    changed = restore.trusted(draft)
    if new:
        _dark(draft, new, observed)
    if new or back or changed:
        book.avoid_again()
    _reasons(draft, observed)


def note(draft: Draft, incident: Incident, phase: Phase, text: str, *, at_s: float | None = None) -> Incident:
    """Add a line to a time line, of now if no other time is given, and tell it."""
    at_s = draft.now_s if at_s is None else at_s
    what = "closed" if phase is Phase.CLOSED else "updated"
    draft.tell(f"highroad.incident.{what}", incident.id, phase=phase.value, text=text, at=iso_from_s(at_s))
    timeline = (*incident.timeline, Entry(at_s=at_s, phase=phase, text=text))
    if len(timeline) > MOST_ENTRIES:
        timeline = (*timeline[: MOST_ENTRIES // 2], *timeline[MOST_ENTRIES // 2 + 1 :])
    return draft.put_incident(replace(incident, timeline=timeline))


def open_ones(book: Book) -> list[Incident]:
    """The incidents that go on."""
    return [incident for incident in book.incidents.values() if incident.open]


def close(draft: Draft) -> None:
    """Close an incident when its fibres are in use again, and what it moved is home, or where it is by choice."""
    book = draft.book
    out = book.down | book.waiting
    for incident in open_ones(book):
        if not out.isdisjoint(incident.fibres) or incident.id in book.unhealed or incident.shed:
            continue
        services = [book.services.get(outage.service) for outage in incident.outages]
        if book.freeze is not None and any(service is not None and service.away for service in services):
            continue  # what it moved may not go home yet
        moving = sum(service is not None and bool(service.leaving) for service in services)
        if incident.timeline[-1].phase not in (Phase.RETURNED, Phase.CLOSED) and not _returned(incident):
            text = f"{moving} of {len(services)} services return to a faster path"
            note(draft, incident, Phase.RETURNED, text)
        elif not moving:
            closed = note(draft, incident, Phase.CLOSED, "closed")
            draft.put_incident(replace(closed, closed_s=draft.now_s))


def _returned(incident: Incident) -> bool:
    """Whether it was said, since its fibres failed last, that services return."""
    phases = [entry.phase for entry in incident.timeline]
    failed = max((at for at, phase in enumerate(phases) if phase is Phase.FAILED), default=0)
    return Phase.RETURNED in phases[failed:]


def _back(draft: Draft, back: Collection[FibreId]) -> None:
    book, good = draft.book, set[FibreId]()
    for incident in open_ones(book):
        faults = {fault.fibre: fault for fault in incident.faults}
        returned = [
            replace(faults.get(fibre, Fault(fibre=fibre, since_s=incident.opened_s)), back_s=draft.now_s)
            for fibre in sorted(frozenset(incident.fibres) & frozenset(back))
        ]
        if returned:
            good |= {one.fibre for one in returned}
            faults |= {one.fibre: one for one in returned}
            incident = replace(incident, faults=tuple(faults.values()))
            note(draft, incident, Phase.FIBRE_BACK, restore.back_words(returned))
    for fibre in sorted(back):
        draft.tell("highroad.fibre.up", fibre, links=list(book.network.links_on.get(fibre, ())))


def _dark(draft: Draft, new: Collection[FibreId], observed: Observed) -> None:
    """What failed before and is in an incident yet goes on in that; what belongs to one that has just begun joins it;
    the rest are new ones.
    """
    book, since_s = draft.book, observed.down_since_s
    for fibre in sorted(new):
        why = observed.why.get(fibre, Down())
        links = list(book.network.links_on.get(fibre, ()))
        draft.tell("highroad.fibre.down", fibre, links=links, reason=why.reason.value)
    faults = {
        fibre: restore.fault_of(book, fibre, observed.why.get(fibre, Down()).reason, since_s[fibre], draft.now_s)
        for fibre in sorted(new, key=lambda one: (since_s[one], one))
    }
    for incident in open_ones(book):
        again = [faults.pop(fibre) for fibre in incident.fibres if fibre in faults]
        if again:
            _go_on(draft, incident, again)
    first_s = min((fault.since_s for fault in faults.values()), default=0.0)
    recent = [one for one in open_ones(book) if one.timeline[0].at_s >= first_s - TOGETHER_S and not _any_back(one)]
    joined = gather(book.network, list(faults), [one.fibres for one in recent])
    for incident, fibres in zip(recent, joined, strict=False):
        if fibres:
            _join(draft, incident, [faults[fibre] for fibre in fibres])
    for fibres in joined[len(recent) :]:
        _open(draft, [faults[fibre] for fibre in fibres])


def _any_back(incident: Incident) -> bool:
    return any(fault.back_s is not None for fault in incident.faults)


def _open(draft: Draft, faults: Sequence[Fault]) -> None:
    book = draft.book
    since_s = min(fault.since_s for fault in faults)
    fibres = tuple(sorted(fault.fibre for fault in faults))
    incident = Incident(id=incident_id(since_s, fibres), fibres=fibres, opened_s=draft.now_s)
    struck = _struck(book, fibres)
    incident = _told(book, _with(book, incident, faults, struck, since_s))
    draft.put_incident(incident)
    draft.tell(
        "highroad.incident.opened",
        incident.id,
        title=incident.title,
        fibres=list(fibres),
        services=[one.service for one in incident.outages],
    )


def _join(draft: Draft, incident: Incident, faults: Sequence[Fault]) -> None:
    """More fibres failed at the same time, and share something with it: it is told anew."""
    fibres = tuple(sorted({*incident.fibres, *(fault.fibre for fault in faults)}))
    since_s = min(fault.since_s for fault in faults)
    struck = _struck(draft.book, [fault.fibre for fault in faults])
    grown = _told(draft.book, _with(draft.book, replace(incident, fibres=fibres), faults, struck, since_s))
    draft.put_incident(grown)
    text = grown.timeline[0].text
    draft.tell(
        "highroad.incident.updated",
        incident.id,
        phase=Phase.FAILED.value,
        text=text,
        at=iso_from_s(grown.timeline[0].at_s),
    )


def _go_on(draft: Draft, incident: Incident, faults: Sequence[Fault]) -> None:
    """Fibres of it failed again before all was over."""
    since_s = min(fault.since_s for fault in faults)
    struck = _struck(draft.book, [fault.fibre for fault in faults])
    note(
        draft,
        _with(draft.book, incident, faults, struck, since_s),
        Phase.FAILED,
        restore.flap_words(list(faults)),
        at_s=since_s,
    )


def _with(
    book: Book, incident: Incident, faults: Sequence[Fault], struck: Sequence[Service], since_s: float
) -> Incident:
    """An incident with more faults, and with the services that those struck: one that was dark before is so again."""
    known = {fault.fibre: fault for fault in incident.faults} | {fault.fibre: fault for fault in faults}
    outages = {outage.service: outage for outage in incident.outages}
    for service in struck:
        before = outages.get(service.id)
        if before is None:
            before_ms = book.dark_before_ms(service.id, since_s)
            outages[service.id] = Outage(
                service=service.id, dark_ms=0.0, healed=False, dark_before_ms=before_ms, counted=False
            )
        else:
            outages[service.id] = replace(before, healed=False)
    exposed = _exposed(book, [fault.fibre for fault in faults]) - set(incident.unprotected)
    return replace(
        incident,
        faults=tuple(known[fibre] for fibre in sorted(known)),
        outages=tuple(outages.values()),
        protected=incident.protected + len(exposed),
        unprotected=(*incident.unprotected, *sorted(exposed)),
    )


def _told(book: Book, incident: Incident) -> Incident:
    """An incident with the first lines of its time line as they are to be now."""
    noun = "service" if len(incident.outages) == 1 else "services"
    since_s = min(fault.since_s for fault in incident.faults)
    seen_s = incident.timeline[1].at_s if len(incident.timeline) > 1 else incident.opened_s
    reasons = {fault.fibre: fault.first or fault.reason for fault in incident.faults}
    failed = Entry(at_s=since_s, phase=Phase.FAILED, text=told(book.network, reasons))
    seen = Entry(at_s=seen_s, phase=Phase.SEEN, text=f"{len(incident.outages)} {noun} on {', '.join(incident.fibres)}")
    title = title_of(book.network, incident.fibres)
    return replace(incident, title=title, timeline=(failed, seen, *incident.timeline[2:]))


def _struck(book: Book, fibres: Collection[FibreId]) -> list[Service]:
    """The services that are carried over fibres, in order of need."""
    links = book.links_over(fibres)
    return in_order_of_need(
        service
        for service in book.over(links)
        if service.state in CARRYING and service.placement is not None and service.placement.uses(links)
    )


def _exposed(book: Book, fibres: Collection[FibreId]) -> set[ServiceId]:
    """The services that are to be protected and were, until their path or their backup failed with fibres."""
    links = book.links_over(fibres)
    found = set[ServiceId]()
    for service in book.over(links):
        here = service.placement
        if service.state not in CARRYING or service.order.protection is not Protection.PATH:
            continue
        if here is not None and here.backup is not None:
            ways = (*here.links, *here.backup.there, *here.backup.back)
            if not links.isdisjoint(ways):
                found.add(service.id)
    return found


def _reasons(draft: Draft, observed: Observed) -> None:
    """What routers say of a fault that goes on: it may become clearer, and then the first line says what is known; or
    something else may happen to the fibre, and then a line of its own does.
    """
    book = draft.book
    for incident in open_ones(book):
        said = {fibre: down.reason for fibre, down in observed.why.items() if fibre in book.down}
        faults, then = [], dict[FibreId, Reason]()
        for one in incident.faults:
            reason = said.get(one.fibre, one.reason) if one.back_s is None else one.reason
            if reason is one.reason:
                faults.append(one)
            elif _clearer(one, reason, draft.now_s):
                faults.append(replace(one, reason=reason))
            else:
                faults.append(replace(one, reason=reason, first=one.first or one.reason))
                if {reason, one.reason} != _VIEWS:
                    then[one.fibre] = reason
        if tuple(faults) == incident.faults:
            continue
        incident = replace(incident, faults=tuple(faults))
        if sum(entry.phase is Phase.FAILED for entry in incident.timeline) == 1:
            incident = _told(book, incident)
        if then:
            note(draft, incident, Phase.FAILED, f"then {told(book.network, then, titled=False)}")
        else:
            draft.put_incident(incident)


def _clearer(fault: Fault, reason: Reason, now_s: float) -> bool:
    """Whether another reason is what was so all along: the other end's view of it, which comes soon after the first.
    Light that goes out takes no longer to be missed than hellos do.
    """
    if TELLING.index(reason) > TELLING.index(fault.reason) or fault.first is not None:
        return False
    return now_s - fault.since_s <= (AT_ONCE_S if reason is Reason.LIGHT else TOGETHER_S)
