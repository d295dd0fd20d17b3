"""What became of services that an incident struck: carried on around it by routers, carried again, protected again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from highroad.control.book import Book, Draft
from highroad.control.incidents import note, open_ones
from highroad.control.repair import NO_BACKUP
from highroad.model.incident import Incident, Outage, Phase, darkness
from highroad.model.lifecycle import CARRYING
from highroad.model.service import Protection, ServiceId
from highroad.ports import Observed, Sample

BUSY_S = 60.0
"""So long after a failure repairs have routers to themselves, if they take so long: looks for faster paths between them
make them take twice as long.
"""

AWAY_S = 1.0
"""Who learns of a failure so late was away when it was noticed."""

NAMED = 5
"""So many services are named in a line; of more it is said how many."""


def is_busy(draft: Draft, observed: Observed) -> bool:
    """Whether routers are yet to confirm a repair, or somebody is yet to be protected again, since a failure just now:
    who would only be better off waits until then.
    """
    book = draft.book
    for incident in open_ones(book):
        if not incident.faults or draft.now_s - max(fault.since_s for fault in incident.faults) > BUSY_S:
            continue
        dark = (book.services.get(one.service) for one in incident.outages if not one.healed)
        if any(one is not None and not book.is_dark(one) and not book.confirmed(one, observed) for one in dark):
            return True
        if any(_unprotected(book, observed, name) is None for name in incident.unprotected):
            return True
    return False


def by_routers(draft: Draft, observed: Observed) -> None:
    """Note where routers carried on by themselves: those beside the fault, and the headends."""
    for incident in open_ones(draft.book):
        _flipped(draft, _repaired(draft, incident, observed), observed)


def heal(draft: Draft, observed: Observed, sample: Sample | None) -> None:
    """Note the services that routers carry again, and for how long the fabric says that they were dark."""
    book = draft.book
    for incident in [book.incidents[one] for one in book.unhealed]:
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
                dark_ms = max(0.0, round(counters.dark_s * 1e3 - outage.dark_before_ms, 3))
                counted = dark_ms > 0.0 or counters.offered_gbps > 0.0  # who sends nothing is not seen to be dark
                unseen_ms = round(counters.unseen_s * 1e3, 3)
                outage = replace(outage, dark_ms=dark_ms, unseen_ms=unseen_ms, counted=counted)
            outages[index] = replace(outage, healed=True)
            healed.append(outages[index])
        if healed:
            words = darkness(((one.known_ms, one.less_than_ms) for one in healed), several=len(healed) > 1)
            text = f"{len(healed)} {'services are' if len(healed) > 1 else 'service is'} carried again; {words}"
            note(draft, replace(incident, outages=tuple(outages)), Phase.REPAIRED, text)
        elif ended:
            draft.put_incident(replace(incident, outages=tuple(outages)))


def reprotect(draft: Draft, observed: Observed) -> None:
    """Note when all that lost its path or its backup is protected again, and routers hold that; or who is not, and why,
    once nothing is under way for them any more.
    """
    book = draft.book
    for incident in open_ones(book):
        if not incident.unprotected:
            continue
        left: dict[ServiceId, str] = {}
        for name in incident.unprotected:
            why = _unprotected(book, observed, name)
            if why is None:
                break
            if why:
                left[name] = why
        else:
            names = tuple(left)
            if names != incident.unprotected or not _said(incident):
                text = _words(incident.protected, left)
                note(draft, replace(incident, unprotected=names), Phase.REPROTECTED, text)


def _unprotected(book: Book, observed: Observed, name: ServiceId) -> str | None:
    """Why a service is not protected again; nothing where it is, or is not to be; None where that is being decided."""
    service = book.services.get(name)
    if service is None or service.state not in CARRYING or service.order.protection is not Protection.PATH:
        return ""
    here = service.placement
    if here is not None and not book.dark(here) and book.covered(here):
        return "" if book.confirmed(service, observed) else None
    settled = book.tried.get(name) == book.changes or service.reason == NO_BACKUP
    return (service.reason or NO_BACKUP) if settled and not book.on_the_way(name) else None


def _said(incident: Incident) -> bool:
    return any(entry.phase is Phase.REPROTECTED for entry in incident.timeline)


def _words(protected: int, left: dict[ServiceId, str]) -> str:
    again = protected - len(left)
    if not left:
        return f"all {protected} that were protected are so again" if protected != 1 else "it is protected again"
    named = ", ".join(list(left)[:NAMED]) + (f" and {len(left) - NAMED} more" if len(left) > NAMED else "")
    why = next(iter(left.values()))
    noun = "is" if again == 1 else "are"
    return f"{again} of {protected} that were protected {noun} so again; not {named}: {why}"


def _repaired(draft: Draft, incident: Incident, observed: Observed) -> Incident:
    """With the routers that carry on around its fibres by themselves."""
    new: list[tuple[float, str, str]] = []
    faults = []
    for fault in incident.faults:
        down = observed.why.get(fault.fibre) if fault.back_s is None else None
        repaired = {} if down is None else down.repaired_s
        fresh = (site for site in repaired if site not in fault.repaired_at)
        more = [site for site in fresh if draft.book.goes_around(site, fault.fibre)]
        new += [(repaired[site], site, fault.fibre) for site in more]
        faults.append(replace(fault, repaired_at=(*fault.repaired_at, *sorted(more))))
    if not new:
        return incident
    last_s = max(at_s for at_s, _, _ in new)
    after_ms = max(0.0, (last_s - incident.timeline[0].at_s) * 1e3)
    sites = ", ".join(sorted({site for _, site, _ in new}))
    fibres = ", ".join(sorted({fibre for _, _, fibre in new}))
    verb = "carries" if "," not in sites else "carry"
    text = f"{sites} {verb} on around {fibres} by detours, {after_ms:.1f} ms after it was noticed"
    if (elsewhere_s := _elsewhere_s(incident)) is not None and elsewhere_s < last_s:
        moved_ms = max(0.0, (elsewhere_s - incident.timeline[0].at_s) * 1e3)
        text += f"; all that was on it was elsewhere by then, {moved_ms:.1f} ms after it was noticed"
    return note(draft, replace(incident, faults=tuple(faults)), Phase.LOCAL, text, at_s=last_s)


def _elsewhere_s(incident: Incident) -> float | None:
    """When it was told that the last of what it struck was carried again; None where some is not, or it struck none."""
    if not incident.outages or not all(outage.healed for outage in incident.outages):
        return None
    return max((entry.at_s for entry in incident.timeline if entry.phase is Phase.REPAIRED), default=None)


def _flipped(draft: Draft, incident: Incident, observed: Observed) -> None:
    """With the services whose headends left a path across it by themselves; one line, which goes on."""
    if not observed.flipped_s or not incident.outages:
        return
    found = [observed.flipped_s[one.service] for one in incident.outages if one.service in observed.flipped_s]
    flips = [at_s for at_s in found if at_s >= incident.timeline[0].at_s or not at_s]
    if len(flips) <= incident.flipped:
        return
    text = flip_words(incident, flips)
    before = tuple(entry for entry in incident.timeline if entry.phase is not Phase.HEADEND)
    draft_of = replace(incident, timeline=before, flipped=len(flips))
    note(draft, draft_of, Phase.HEADEND, text, at_s=max(flips) or None)


def flip_words(incident: Incident, flips: Sequence[float]) -> str:
    """What headends did by themselves, and when by their own clocks; 0 of those that do not know.

    While no controller led, headends may have waited for one: then it is said how long after it had come.
    """
    noun = "service was" if len(flips) == 1 else "services were"
    moved = f"{len(flips)} {noun} moved to a backup by the headends"
    last_s, unknown = max(flips), sum(not at_s for at_s in flips)
    if not last_s:
        return f"{moved}, which do not know since when"
    # What failed again is noticed again.
    failed = [entry.at_s for entry in incident.timeline if entry.phase is Phase.FAILED and entry.at_s <= last_s]
    since_s = max(failed, default=incident.timeline[0].at_s)
    text = f"{moved}, the last {(last_s - since_s) * 1e3:.1f} ms after it was noticed"
    if since_s + AWAY_S <= incident.opened_s <= last_s:
        text += f", {(last_s - incident.opened_s) * 1e3:.1f} ms after the controller was told of it"
    return f"{text}; of {unknown} of them it is not known" if unknown else text
