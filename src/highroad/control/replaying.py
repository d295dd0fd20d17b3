"""Decides again what was decided in an incident, from what the flight recorder noted, and compares to the letter.

A replay begins with the commit in which the incident opened, or before it where nothing was half done, and ends with
the one in which it closed. It compares twice: with the digest that was noted beside each commit, and, kind by kind,
with what the journal has of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from itertools import islice
from typing import Any

import msgspec

from highroad.control import flight
from highroad.control.book import Book
from highroad.control.player import Difference, Player, Replayed
from highroad.errors import NotFound
from highroad.model.service import Placement, Service, ServiceId
from highroad.ports import Change, Commit, CommitRecord, EventRecord, History, Snapshot

MOST = 5000
"""Commits that are decided again at most."""

PAGE = 200

MOST_LINES = 300
"""Of a time line."""

NAMED = 3
"""Of what differs so many are named."""

OPENED, CLOSED = "highroad.incident.opened", "highroad.incident.closed"
SHOWN = ("highroad.fibre.", "highroad.incident.", "highroad.maintenance.")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One thing that was decided again: `what` is `noticed`, `moved`, `state` or `asked`."""

    at_s: float
    commit: int
    what: str
    text: str
    service: ServiceId | None = None


@dataclass(slots=True, kw_only=True)
class Replay:
    """What a replay of an incident came to.

    It began with commit `first`, while the incident is told of in those from `opened` to `closed` (to now, for None).
    `stopped` is why it ended before that, in words; `more` is how many lines the time line has besides.
    """

    incident: str
    first: int
    opened: int
    closed: int | None
    last: int = 0
    commits: int = 0
    decisions: int = 0
    asked: int = 0
    differences: Sequence[Difference] = ()
    stopped: str = ""
    lines: list[Line] = field(default_factory=list)
    more: int = 0

    @property
    def identical(self) -> bool:
        """Whether all of it was decided again, and everything came out as it was, byte for byte."""
        return not self.differences and not self.stopped


def replay_incident(history: History, incident: str, most: int = MOST) -> Replay:
    """Decide an incident again. Blocking. Raises NotFound where the journal has nothing of it."""
    opened, closed = _range(history, incident)
    first = beginning(history, opened.number, most)
    end = history.newest() if closed is None else closed.number
    found = Replay(
        incident=incident, first=first, opened=opened.number, closed=None if closed is None else closed.number
    )
    looking = Looking(history, found)
    player, replayed = Player(looking.at, looking), Replayed(first=first)
    until, number = min(end, first + most - 1), first - 1
    while number < until and not replayed.gap and not replayed.differences:
        rows = history.inputs(number, min(PAGE, until - number))
        if not rows or rows[0][0] != number + 1:
            found.stopped = f"the commits after {number} are forgotten"
            break
        looking.read(number, len(rows))
        player.play(rows, replayed)
        number = rows[-1][0]
    found.last, found.commits = replayed.last, replayed.commits
    found.decisions, found.asked = replayed.decisions, replayed.asked
    found.differences = tuple(replayed.differences)
    if replayed.gap:
        found.stopped = f"something was not noted before commit {replayed.last + 1}: {replayed.gap}"
    elif until < end and not replayed.differences and not found.stopped:
        found.stopped = f"it goes on to commit {end}, and {most} commits are decided again at most"
    return found


def _range(history: History, incident: str) -> tuple[CommitRecord, CommitRecord | None]:
    """The commits in which an incident opened and closed."""
    told: list[EventRecord] = []
    while page := history.events(after=told[-1].sequence if told else 0, limit=PAGE, operator=True, subject=incident):
        told += page
    opened = next((one for one in told if one.kind == OPENED), None)
    closed = next((one for one in told if one.kind == CLOSED), None)
    if opened is None:
        raise NotFound(f"there is no incident {incident}")
    record = commit_of(history, opened.sequence)
    if record is None:
        raise NotFound(f"the journal does not reach back to incident {incident}")
    return record, None if closed is None else commit_of(history, closed.sequence)


def commit_of(history: History, sequence: int) -> CommitRecord | None:
    """The commit that an event is of; None where that is forgotten. Commits are in the order of their events."""
    first = next(iter(history.records(0, 1)), None)
    if first is None:
        return None
    below, above = first.number - 1, history.newest()
    while above - below > 1:
        middle = (below + above) // 2
        (record,) = history.records(middle - 1, 1)
        below, above = (middle, above) if record.last_sequence < sequence else (below, middle)
    (record,) = history.records(above - 1, 1)
    return record if record.first_sequence < sequence <= record.last_sequence else None


def beginning(history: History, opened: int, most: int) -> int:
    """The nearest commit at or before this one with which a replay may begin. Raises NotFound where there is none."""
    upper = opened
    while upper > 0 and opened - upper < most:
        lower = max(0, upper - PAGE)
        for number, doc in reversed(history.inputs(lower, upper - lower)):
            if _may_begin(doc):
                return number
        upper = lower
    raise NotFound(
        f"in the {min(most, opened)} commits until commit {opened}, in which it opened, there is none with which a "
        "replay may begin: something was always half done, or they are forgotten"
    )


def _may_begin(doc: bytes) -> bool:
    try:
        entries = flight.unpack(doc) if doc else []
    except ValueError:
        return False
    begins = False
    for entry in entries:
        match entry:
            case flight.Started():
                begins = not entry.reload
            case flight.Whole() if entry.clean:
                begins = True
            case flight.Gap():
                begins = False
            case _:
                pass
    return begins


class Looking:
    """Looks on: tells differences in words, and writes the time line."""

    def __init__(self, history: History, replay: Replay) -> None:
        self._history = history
        self._replay = replay
        self._recorded: dict[int, Commit] = {}
        self._services: dict[ServiceId, Service] = {}
        self._waiting: list[tuple[float, str]] = []
        self._snapshot: Snapshot | None = None

    def at(self, number: int) -> Snapshot:
        """What the store held after a commit, whose services are what moves are seen from."""
        snapshot = self._history.at(number)
        self._services = {one.id: one for one in snapshot.services}
        self._snapshot = snapshot
        return snapshot

    def read(self, after: int, limit: int) -> None:
        """Know what a page of commits wrote."""
        self._recorded = {}
        while len(self._recorded) < limit:
            page = self._history.since(max(self._recorded, default=after), limit - len(self._recorded))
            if not page:
                break
            self._recorded.update(page)

    def asked(self, book: Book, at_s: float, changes: Sequence[Change]) -> None:
        """The loop found this for routers to do."""
        if changes:
            kinds = Counter(type(change).__name__.lower() for change in changes)
            said = ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
            self._waiting.append((at_s, f"routers are asked to {said}"))

    def wrote(self, number: int, at_s: float, commit: Commit) -> str | None:
        """A commit, decided again: how it differs from the one that there was."""
        for asked_s, text in self._waiting:
            self._line(number, asked_s, "asked", text)
        self._waiting = []
        for event in commit.events:
            if event.kind.startswith(SHOWN):
                words = event.data.get("text") or event.kind.removeprefix("highroad.").replace(".", " ")
                self._line(number, event.at_s, "noticed", f"{event.subject}: {words}")
        for service in commit.services:
            self._moved(number, self._services.get(service.id), service)
            self._services[service.id] = service
        recorded = self._recorded.get(number)
        return None if recorded is None else _difference(recorded, commit)

    def _moved(self, number: int, before: Service | None, now: Service) -> None:
        was, here = None if before is None else before.placement, now.placement
        if before is not None and _ways(was) != _ways(here):
            text = f"{now.id} from {self._way(was)} to {self._way(here)}"
            self._line(number, now.changed_s, "moved", text, now.id)
        if before is None or before.state is not now.state:
            came = "" if before is None else f", was {before.state.value}"
            because = f": {now.reason}" if now.reason else ""
            self._line(number, now.changed_s, "state", f"{now.id} is {now.state.value}{came}{because}", now.id)

    def _way(self, placement: Placement | None) -> str:
        if placement is None:
            return "no path"
        network = None if self._snapshot is None else self._snapshot.network
        known = [] if network is None else [network.link[one] for one in placement.there if one in network.link]
        whole = bool(known) and len(known) == len(placement.there)
        sites = [known[0].tail, *(link.head for link in known)] if whole else list(placement.there)
        more = f" and {len(placement.beside)} more beside it" if placement.beside else ""
        return " → ".join(sites) + more

    def _line(self, number: int, at_s: float, what: str, text: str, service: ServiceId | None = None) -> None:
        replay = self._replay
        if number < replay.opened:
            return
        if len(replay.lines) < MOST_LINES:
            replay.lines.append(Line(at_s=at_s, commit=number, what=what, text=text, service=service))
        else:
            replay.more += 1


def _ways(placement: Placement | None) -> object:
    return placement and (placement.branches, placement.backup)


KINDS = ("tenants", "ports", "services", "incidents", "maintenances", "freezes", "tokens", "webhooks")


def _difference(was: Commit, now: Commit) -> str:
    """How two commits differ, in words; nothing where they do not. Answers and audits are in no journal."""
    said = list(islice(_differences(was, now), NAMED + 1))
    return "; ".join([*said[:NAMED], "and more"] if len(said) > NAMED else said)


def _differences(was: Commit, now: Commit) -> Iterable[str]:
    if was.network != now.network:
        yield "the network that was put in force is another one"
    for kind in KINDS:
        before = {one.id: one for one in getattr(was, kind)}
        after = {one.id: one for one in getattr(now, kind)}
        for one in sorted(before.keys() - after.keys()):
            yield f"{one} was changed, and now is not"
        for one in sorted(after.keys() - before.keys()):
            yield f"{one} was not changed, and now is"
        for one in sorted(before.keys() & after.keys()):
            if msgspec.json.encode(before[one]) != msgspec.json.encode(after[one]):
                yield f"of {one} {_fields(before[one], after[one])}"
    told, tells = ([_plain(one) for one in each.events] for each in (was, now))
    if len(told) != len(tells):
        yield f"{len(told)} events were told, and now {len(tells)}"
    for event, old, new in zip(was.events, told, tells, strict=False):
        if old != new:
            yield f"the event {event.kind} of {event.subject} was another one"


def _fields(was: Any, now: Any) -> str:
    said = [
        f"{one.name} was {_short(old)}, and now is {_short(new)}"
        for one in fields(was)
        if (old := getattr(was, one.name)) != (new := getattr(now, one.name))
    ]
    return ", ".join(said[:NAMED])


def _plain(event: EventRecord) -> bytes:
    """As it is stored, but for its numbers, which the store gives: JSON knows no tuples."""
    return msgspec.json.encode(replace(event, sequence=0, tenant_sequence=0))


def _short(value: object) -> str:
    if isinstance(value, Placement):
        return " ".join(value.there)
    text = str(value)
    return text if len(text) <= 120 else text[:117] + "..."
