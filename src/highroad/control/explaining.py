"""Why a service is where it is: its history, and the decision that placed it, made again and looked into.

The decision is found in the journal, and made again from what the flight recorder noted, from where a replay may begin
on; at the very moment at which it was made, what there was to choose from is judged (`planning.why`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from highroad.control import flight
from highroad.control.book import Book, Draft
from highroad.control.packing import unpack_asked, unpack_command
from highroad.control.player import Player, Replayed
from highroad.control.replaying import MOST, PAGE, Looking, Replay, beginning, commit_of
from highroad.errors import NotFound
from highroad.model.network import FibreId, LinkId
from highroad.model.service import Placement, Service, ServiceId
from highroad.planning.placement import want_of
from highroad.planning.why import RULE, RULE_PROTECTED, Seen, Way, ways
from highroad.ports import EventRecord, History

MOST_EVENTS = 50
"""The newest of a history that are told."""

MOST_SCANNED = 2000
"""Commits that are read to find the one in which a service was placed."""

BETTER = "a better plan of all that is carried was applied"

RULE_BETTER = (
    "of all placements of everything that is carried, inside bounds, fences and protection: the fullest link least "
    "full, then least latency, then the fewest moves"
)

ASKED = {
    "PlaceOrder": "it was ordered",
    "ChangeService": "it was changed",
    "ConfirmHold": "a hold was taken",
    "StartDrain": "a drain was asked for",
    "EndMaintenance": "a maintenance was ended",
    "LoadNetwork": "another network was put in force",
    "ThawChanges": "changes were thawed",
    "ApplyPlan": BETTER,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Happened:
    """An event of a service, and the commit that it is of; None where the journal does not reach so far back."""

    event: EventRecord
    commit: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """The decision that placed a service, made again: `identical` says whether its commit came out as it was, and
    `first` with which commit the replay began. `stopped` is why not all of it could be made again.
    """

    commit: int
    network_revision: int
    at_s: float
    asked: str
    service: Service
    before: Placement | None
    latency_ms: float
    ways: Sequence[Way]
    rule: str
    first: int
    identical: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """All that there is to say of a service; `missing` is why there is no decision, in words."""

    service: ServiceId
    happened: Sequence[Happened]
    earlier: int
    decided: Decided | None = None
    missing: str = ""


def explain(history: History, service: ServiceId, at: int | None, tenant: str | None) -> Explanation:
    """Explain a service's newest placement, or the one that it had after an event, by its place in the sequence of who
    asks: a tenant, or an operator for None. Blocking.
    """
    told = [one for one in _events(history, service, tenant) if at is None or one.place(tenant) <= at]
    happened = [Happened(event=one, commit=_number(history, one)) for one in told[-MOST_EVENTS:]]
    found = Explanation(service=service, happened=happened, earlier=len(told) - len(happened))
    try:
        number = _placed_in(history, service, [one.commit for one in happened if one.commit is not None])
        return replace(found, decided=_decided(history, service, number, tenant is None))
    except NotFound as error:
        return replace(found, missing=error.message)


def _events(history: History, service: ServiceId, tenant: str | None) -> Iterator[EventRecord]:
    after = 0
    while True:
        page = history.events(after=after, limit=PAGE, tenant=tenant, operator=tenant is None, subject=service)
        yield from page
        if not page:
            return
        after = page[-1].place(tenant)


def _number(history: History, event: EventRecord) -> int | None:
    found = commit_of(history, event.sequence)
    return None if found is None else found.number


def _placed_in(history: History, service: ServiceId, numbers: Sequence[int]) -> int:
    """The commit that gave a service the newest path that it has had. Raises NotFound.

    Of two events in a row between which its path changed, it did in the commits before the later one.
    """
    known: list[tuple[int, Service]] = []
    for number in sorted(set(numbers)):
        known += _versions(history, service, number - 1, 1)
    placed = [place for place, (_, one) in enumerate(known) if one.placement is not None]
    if not placed:
        raise NotFound(f"the journal has no commit that placed {service}")
    last = placed[-1]
    path = known[last][1].placement
    while last and known[last - 1][1].placement == path:
        last -= 1
    number, lower = known[last][0], known[last - 1][0] if last else 0
    upper = number
    while upper - 1 > lower and number - upper < MOST_SCANNED:
        after = max(lower, upper - 1 - PAGE)
        versions = list(_versions(history, service, after, upper - 1 - after))
        for earlier, one in reversed(versions):
            if one.placement != path:
                return number
            number = earlier
        if not versions and number < known[last][0]:
            break
        upper = after + 1
    return number


def _versions(history: History, service: ServiceId, after: int, limit: int) -> Iterator[tuple[int, Service]]:
    """A service as each of some commits wrote it, where one did."""
    number, until = after, after + limit
    while number < until and (page := history.since(number, until - number)):
        for number, commit in page:
            for one in commit.services:
                if one.id == service:
                    yield number, one


def _decided(history: History, service: ServiceId, number: int, exact: bool) -> Decided:
    first = beginning(history, number, MOST)
    looking = Looking(history, Replay(incident="", first=first, opened=number, closed=None))
    moment = _Moment(service, number, exact)
    player, replayed = Player(looking.at, looking, moment.draft), Replayed(first=first)
    after = first - 1
    while after < number and not replayed.gap and not replayed.differences:
        rows = history.inputs(after, min(PAGE, number - after))
        if not rows:
            break
        after = rows[-1][0]
        looking.read(rows[0][0] - 1, len(rows))
        if after == number:
            player.play(rows[:-1], replayed)
            moment.there = True
            player.play(rows[-1:], replayed)
        else:
            player.play(rows, replayed)
    if replayed.gap:
        raise NotFound(f"something was not noted before commit {replayed.last + 1}, so that it cannot be made again")
    if moment.found is None:
        raise NotFound(
            f"made again, commit {number} does not place {service}: the replay came to something else before"
        )
    return replace(moment.found, first=first, identical=not replayed.differences and replayed.last == number)


class _Moment:
    """Looks into the decision at the moment at which it is made again."""

    def __init__(self, service: ServiceId, number: int, exact: bool) -> None:
        self.service, self.number, self.exact = service, number, exact
        self.there = False
        """Whether that commit is being decided."""
        self.found: Decided | None = None

    def draft(self, entry: flight.Entry, book: Book, at_s: float) -> Draft:
        """The draft of a decision; of the one that is looked for, with eyes."""
        if not self.there:
            return Draft(book=book, now_s=at_s)
        return _Seeing(book=book, now_s=at_s, moment=self, entry=entry)

    def placed(self, entry: flight.Entry, draft: Draft, service: Service) -> None:
        """The service is about to be placed: the book is as it was when that was decided."""
        book, here = draft.book, service.placement
        before = book.services.get(service.id)
        was = None if before is None else before.placement
        if here is None or was == here:
            return
        want = replace(want_of(service.order), window=service.stay)
        seen = Seen(exact=self.exact, out=lambda link: _out(book, link))
        if before is None:
            judged = ways(book.ground, want, here, seen)
        else:
            with book.ground.calendar.without(service.id):
                judged = ways(book.ground, want, here, seen)
        led = _asked(entry, book, before, self.exact)
        rule = RULE_BETTER if BETTER in led else RULE_PROTECTED if want.protected else RULE
        self.found = Decided(
            commit=self.number,
            network_revision=book.revision,
            at_s=draft.now_s,
            asked=led,
            service=service,
            before=was,
            latency_ms=book.latency_ms(here),
            ways=judged,
            rule=rule,
            first=0,
            identical=False,
        )


@dataclass(slots=True, kw_only=True)
class _Seeing(Draft):
    """A draft that says when a service is placed, before it is."""

    moment: _Moment
    entry: flight.Entry

    def put(self, service: Service) -> Service:
        """Record a service as it is now."""
        if service.id == self.moment.service:
            self.moment.placed(self.entry, self, service)
        return Draft.put(self, service)


def _asked(entry: flight.Entry, book: Book, before: Service | None, exact: bool) -> str:
    """What led to a decision, in words."""
    match entry:
        case flight.Told():
            name, by = type(unpack_command(entry.command)).__name__, unpack_asked(entry.command)
            said = ASKED.get(name, f"{name} was asked for")
            return f"{said}, by {by.role} {by.who}" if exact and by.who else said
        case flight.Scaled():
            return f"it follows its load, to {entry.to_gbps:g} Gbit/s"
        case _:
            return f"the loop looked: {_amiss(book, before, exact)}"


def _amiss(book: Book, before: Service | None, exact: bool) -> str:
    here = None if before is None else before.placement
    if before is None or here is None:
        return "there was a way for it again"
    if book.on_the_way(before.id) and book.underway is not None and book.underway.plan is not None:
        return f"{BETTER}: {book.underway.plan}" if exact else BETTER
    crossed = {fibre: None for link in here.links if link in book.network.link for fibre in _fibres(book, link)}
    for what, among in (("dark", book.down), ("drained", book.drained)):
        names = [fibre for fibre in crossed if fibre in among]
        if names:
            return (
                f"{', '.join(names)} on its path {'were' if len(names) > 1 else 'was'} {what}"
                if exact
                else (f"something on its path was {what}")
            )
    if book.is_slow(before):
        return "its path took longer than its bound"
    if book.is_unprotected(before):
        return "it had no backup that would carry it"
    return "a better path for it was open" if before.away else "its placement was looked at again"


def _fibres(book: Book, link: LinkId) -> Sequence[FibreId]:
    return book.network.link[link].fibres


def _out(book: Book, link: LinkId) -> str:
    """Why a link is not used, for an operator."""
    for what, among in (("dark", book.down), ("drained", book.drained)):
        for fibre in _fibres(book, link):
            if fibre in among:
                return f"{fibre} was {what}"
    return f"{link} was closed for maintenance"
