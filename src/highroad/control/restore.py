"""When a fibre that failed is good enough to be used again: when it has been good for a while (wait to restore, as in
RFC 6378, section 4.2), and for longer each time that it fails again too soon.

What has nowhere else to go does not wait: a link on trial is better than none.
"""

from __future__ import annotations

from dataclasses import replace

from highroad.control.book import Book, Draft
from highroad.model.incident import Fault, Reason
from highroad.model.network import FibreId

FORGIVEN = 4
"""A fibre that was good for so many of its waits has been good all along."""

LONGEST = 12
"""No fibre waits longer than so many of the waits that are set."""


def fault_of(book: Book, fibre: FibreId, reason: Reason, since_s: float, now_s: float) -> Fault:
    """A fibre that fails now, and how long it will have to be good: twice as long as last time, if that was lately."""
    wait_s, before = book.wait_to_restore_s, book.last_fault.get(fibre)
    if before is None or before.back_s is None or now_s - before.back_s >= FORGIVEN * max(wait_s, before.wait_s):
        return Fault(fibre=fibre, since_s=since_s, reason=reason, wait_s=wait_s)
    longer_s = max(wait_s, min(2 * before.wait_s, LONGEST * wait_s))
    return Fault(fibre=fibre, since_s=since_s, reason=reason, wait_s=longer_s, flaps=before.flaps + 1)


def trusted(draft: Draft) -> bool:
    """Use fibres again that have been good for long enough. Returns whether there were any."""
    book = draft.book
    due = {one.fibre for one in _waiting(book) if one.good_s <= draft.now_s}
    if not due:
        return False
    for incident in [one for one in book.incidents.values() if one.open]:
        if any(fault.fibre in due and fault.waits for fault in incident.faults):
            faults = (replace(one, used=True) if one.fibre in due and one.waits else one for one in incident.faults)
            draft.put_incident(replace(incident, faults=tuple(faults)))
    return True


def next_s(book: Book) -> float | None:
    """When the next fibre will have been good for long enough."""
    return min((one.good_s for one in _waiting(book)), default=None)


def back_words(faults: list[Fault]) -> str:
    """That fibres are good again, and when they will be used, in a sentence."""
    names = ", ".join(one.fibre for one in faults)
    text = f"{names} {'is' if len(faults) == 1 else 'are'} back"
    wait_s = max(one.wait_s for one in faults)
    return f"{text}; to be used again after {wait_s:g} s without a fault" if wait_s > 0 else text


def flap_words(faults: list[Fault]) -> str:
    """That fibres failed again too soon, in a sentence."""
    names = ", ".join(one.fibre for one in faults)
    wait_s = max(one.wait_s for one in faults)
    later = f"; next time to be used only after {wait_s:g} s without a fault" if wait_s > 0 else ""
    return f"{names} failed again{later}"


def _waiting(book: Book) -> list[Fault]:
    return [fault for one in book.incidents.values() if one.open for fault in one.faults if fault.waits]
