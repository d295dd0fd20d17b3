"""What the book remembers, and what it lets go of."""

from __future__ import annotations

from highroad.control.book import RECENT, Book
from highroad.model.incident import Incident, IncidentId, Outage
from highroad.model.service import ServiceId
from highroad.ports import Snapshot
from tests.support.country import country
from tests.unit.planning.ground import NOW_S


def incident(number: int, *, closed: bool = True) -> Incident:
    outage = Outage(service=ServiceId("svc-a"), dark_ms=10.0, healed=True, dark_before_ms=10.0 * number)
    at_s = NOW_S + number
    return Incident(
        id=IncidentId(f"inc-{number:04}"),
        fibres=(),
        opened_s=at_s,
        closed_s=at_s if closed else None,
        outages=(outage,),
    )


def test_old_incidents_are_let_go_and_what_they_counted_is_not() -> None:
    book = Book(Snapshot(network=country(), network_revision=1))
    book.put_incident(incident(0, closed=False))
    for number in range(1, RECENT + 6):
        book.put_incident(incident(number))
    assert len(book.incidents) == RECENT + 1
    assert IncidentId("inc-0000") in book.incidents
    assert IncidentId("inc-0005") not in book.incidents
    assert book.dark_before_ms(ServiceId("svc-a"), NOW_S) == 10.0 * (RECENT + 5) + 10.0
