"""Makes the decisions again that a flight recorder noted, from what they were made from, and compares to the letter.

A replay begins where nothing was half done: at a controller's start, or where the recorder noted all that routers held.
It stands on the book as the journal has it there, and shares with what it checks only what decides: `order`,
`reconcile` and their like.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from highroad.control import autoscale, flight, names, reconcile, rollback
from highroad.control.book import Book, Draft
from highroad.control.commands import Decision, Means
from highroad.control.packing import pack_error, unpack_command
from highroad.control.planner import merge
from highroad.control.recorder import remember
from highroad.control.trial import Check
from highroad.errors import HighroadError
from highroad.model.policy import Policy
from highroad.model.service import ServiceId
from highroad.ports import Change, Commit, Observed, Sample, ServiceCounters, Snapshot

TIMED = (flight.Told, flight.Looked, flight.Scaled, flight.Asked)

MOST_DIFFERENCES = 5
"""After so many a replay ends: the first led to the others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """Where a replay came to something else: in which commit, and what."""

    commit: int
    what: str


@dataclass(slots=True, kw_only=True)
class Replayed:
    """What a replay came to."""

    first: int
    """The commit that it began with."""
    commits: int = 0
    decisions: int = 0
    asked: int = 0
    """How often the loop asked routers for changes."""
    differences: list[Difference] = field(default_factory=list)
    gap: str = ""
    """Why nothing was noted of something, where the replay ended for it: before the commit `last` + 1."""
    last: int = 0
    """The last commit that was decided again."""

    @property
    def identical(self) -> bool:
        """Whether every decision came out as it was, byte for byte."""
        return not self.differences


class Watching(Protocol):
    """Who looks on while decisions are made again. It may raise nothing."""

    def asked(self, book: Book, at_s: float, changes: Sequence[Change]) -> None:
        """The loop found this for routers to do."""

    def wrote(self, number: int, at_s: float, commit: Commit) -> str | None:
        """All that was decided for a commit. Returns in words how it differs from that commit, if it is known to."""


class Nobody:
    """Who does not look."""

    def asked(self, book: Book, at_s: float, changes: Sequence[Change]) -> None:
        """Nothing."""

    def wrote(self, number: int, at_s: float, commit: Commit) -> str | None:
        """Nothing is known."""
        return None


class Player:
    """Stands at one commit, and goes on from there."""

    def __init__(
        self,
        at: Callable[[int], Snapshot],
        watching: Watching | None = None,
        draft: Callable[[flight.Entry, Book, float], Draft] | None = None,
    ) -> None:
        """`at` is what the store held after a commit; `draft` makes those on which is decided, at a time."""
        self._draft = draft or _draft
        self._at = at
        self._watching = watching or Nobody()
        self._samples: dict[float, tuple[Sample, dict[ServiceId, ServiceCounters]]] = {}
        self._book: Book | None = None
        self._carries_tags = True
        self._said: flight.Read | flight.Whole | None = None
        """What the fabric said last of fibres and headends."""

    def play(self, rows: Sequence[tuple[int, bytes]], replayed: Replayed | None = None) -> Replayed:
        """Decide again all that was noted with these commits, of which the first holds a place to begin."""
        found = replayed or Replayed(first=rows[0][0] if rows else 0)
        entries: list[tuple[int, list[flight.Entry]]] = []
        unread: Difference | None = None
        for number, doc in rows:
            try:
                entries.append((number, flight.unpack(doc) if doc else []))
            except ValueError as error:
                unread = Difference(commit=number, what=f"what was noted with it cannot be read: {error}")
                break
        self._collect(entry for _, lot in entries for entry in lot)
        for number, lot in entries:
            self._row(number, lot, found)
            if found.gap or len(found.differences) >= MOST_DIFFERENCES:
                return found
            found.last = number
        if unread is not None:
            found.differences.append(unread)
        return found

    def _collect(self, entries: Iterator[flight.Entry]) -> None:
        counters: dict[float, dict[ServiceId, ServiceCounters | None]] = {}
        for entry in entries:
            if isinstance(entry, flight.Counted):
                counters.setdefault(entry.sample_s, {}).update(entry.counters)
        for at_s, found in counters.items():
            there = {service: one for service, one in found.items() if one is not None}
            self._known(at_s)
            self._samples[at_s][1].update(there)

    def _row(self, number: int, entries: Sequence[flight.Entry], found: Replayed) -> None:
        commits: list[Commit] = []
        for place, entry in enumerate(entries):
            match entry:
                case flight.Started():
                    commits = []
                    before = self._book if entry.reload else None
                    self._carries_tags = entry.carries_tags
                    remember(self._stand(number - 1, before), entry.memory)
                    continue
                case flight.Whole():
                    self._whole(number - 1, entry)
                    continue
                case flight.Gap() if self._book is not None:
                    found.gap, self._book = entry.why, None
                    return
                case _:
                    pass
            if self._book is None:
                continue
            following = entries[place + 1] if place + 1 < len(entries) else None
            was = following.kind if isinstance(following, flight.Broke) else ""
            draft, now = self._tried(number, entry, found)
            if now != was:
                how = (f"it broke off with {kind}" if kind else "it did not break off" for kind in (was, now))
                self._differs(found, number, "of a decision it was noted that {}, and now {}".format(*how))
            if draft is not None and not draft.empty and not was:
                commits.append(draft.commit())
        if self._book is None:
            return
        self._wrote(number, entries, merge(commits) if commits else Commit(), found)

    def _tried(self, number: int, entry: flight.Entry, found: Replayed) -> tuple[Draft | None, str]:
        try:
            return self._entry(number, entry, found), ""
        except Exception as error:
            return None, type(error).__name__

    def _wrote(self, number: int, entries: Sequence[flight.Entry], commit: Commit, found: Replayed) -> None:
        found.commits += 1
        at_s = max((entry.at_s for entry in entries if isinstance(entry, TIMED)), default=0.0)
        last = entries[-1] if entries else None
        other = isinstance(last, flight.Wrote) and last.digest != flight.digest_of(commit)
        what = self._watching.wrote(number, at_s, commit)
        if other and not what:
            what = "it is another one"
        if what:
            self._differs(found, number, what)

    def _entry(self, number: int, entry: flight.Entry, found: Replayed) -> Draft | None:
        """One entry on the book as it stands; the draft that it led to."""
        book = self._book
        if book is None:
            return None
        match entry:
            case flight.Told():
                found.decisions += 1
                return self._told(number, book, entry, found)
            case flight.Looked():
                draft = self._draft(entry, book, entry.at_s)
                observed = self._observed(book)
                with self._drawn(entry.drawn):
                    reconcile.observe(draft, observed, self._sample(entry.sample_s), entry.refusals, busy=entry.busy)
                found.decisions += not draft.empty
                return draft
            case flight.Scaled():
                found.decisions += 1
                draft = self._draft(entry, book, entry.at_s)
                step = autoscale.Step(service=entry.service, version=entry.version, to_gbps=entry.to_gbps)
                with self._drawn(entry.drawn):
                    autoscale.take(draft, step)
                return draft
            case flight.Read():
                self._read(book, entry)
            case flight.Asked():
                found.asked += 1
                self._asked(number, book, entry, found)
            case flight.Probed():
                book.trials.probes.take(entry.probes)
            case flight.Bounds():
                rules = Check(above=entry.above, canary=entry.canary, for_s=entry.for_s or 0.0, loss=entry.loss)
                book.trials.check = None if entry.for_s is None else rules
                book.trials.rate_scale = entry.rate_scale
                book.wait_to_restore_s = entry.wait_to_restore_s
                book.optimising = entry.optimising
            case flight.Started() | flight.Whole() | flight.Counted() | flight.Wrote() | flight.Broke() | flight.Gap():
                pass
        return None

    def _told(self, number: int, book: Book, entry: flight.Told, found: Replayed) -> Draft:
        draft = self._draft(entry, book, entry.at_s)
        answers = iter(entry.answers)
        no: bytes | None = None
        try:
            with self._drawn(entry.drawn):
                command = unpack_command(entry.command)
                if isinstance(command, Decision):
                    means = Means(
                        new_service_id=names.service_id,
                        answered=lambda scope, key: next(answers, None),
                        fabric_name="",
                    )
                    command.decide(draft, means)
        except HighroadError as error:
            no = pack_error(error)
            draft = self._draft(entry, book, entry.at_s)
        if no != entry.no:
            was, now = ("yes" if one is None else "no" for one in (entry.no, no))
            self._differs(found, number, f"a command was answered {was}, and now {now}, or with other words")
        return draft

    def _asked(self, number: int, book: Book, entry: flight.Asked, found: Replayed) -> None:
        changes = reconcile.diff(book, most=entry.most, later=frozenset(entry.later))
        if flight.digest_of_changes(changes) != entry.digest:
            what = f"routers were asked for {entry.changes} changes, and now for {len(changes)} or other ones"
            self._differs(found, number, what)
        self._watching.asked(book, entry.at_s, changes)
        if changes:
            with self._drawn(entry.drawn):
                rollback.begin(book, book.present.held, changes, entry.at_s)

    def _read(self, book: Book, entry: flight.Read) -> None:
        self._said = entry
        present = book.present
        policies: dict[ServiceId, Policy] = {}
        for service in entry.as_wanted:
            wanted = book.wanted(service)
            if wanted is not None:
                policies[service] = wanted
        policies |= {policy.service: policy for policy in entry.held}
        present.take(
            Observed(
                policies=policies,
                down_since_s=entry.down_since_s,
                revision=(present.revision or 0) + 1,
                since=present.revision,
                gone=entry.gone,
            )
        )

    def _observed(self, book: Book) -> Observed:
        """What the loop looked at."""
        said = self._said
        if said is None:
            return Observed(policies=book.present.held, down_since_s={})
        return Observed(
            policies=book.present.held, down_since_s=said.down_since_s, why=said.why, flipped_s=said.flipped_s
        )

    def _stand(self, commit: int, before: Book | None) -> Book:
        book = self._book = Book(self._at(commit), carries_tags=self._carries_tags, before=before)
        return book

    def _whole(self, commit: int, entry: flight.Whole) -> None:
        """Know all that routers hold; begin here, if nothing was begun and it is a place to."""
        begins = self._book is None
        if begins:
            if not entry.clean:
                return
            self._stand(commit, None)
        book = self._book
        if book is None:
            return
        self._said = entry
        if begins:
            remember(book, entry.memory)
            samples = {at_s: self._known(at_s) for at_s in (*entry.readings, *entry.lately)}
            book.readings.extend((at_s, samples[at_s].services) for at_s in entry.readings)
            for at_s in entry.lately:
                book.trials.note(samples[at_s])
        held = {policy.service: policy for policy in entry.held}
        for service in book.services:
            wanted = book.wanted(service)
            if wanted is not None and service not in entry.differs:
                held[service] = wanted
        present = book.present
        present.take(
            Observed(policies=held, down_since_s={}, revision=(present.revision or 0) + 1, since=None, gone=())
        )
        present.differs = dict.fromkeys(entry.differs)

    def _sample(self, at_s: float | None) -> Sample | None:
        return None if at_s is None else self._known(at_s)

    def _known(self, at_s: float) -> Sample:
        """A sample, of which counters are known as they come."""
        if at_s not in self._samples:
            counters: dict[ServiceId, ServiceCounters] = {}
            self._samples[at_s] = Sample(at_s=at_s, services=counters, links={}), counters
        return self._samples[at_s][0]

    @contextmanager
    def _drawn(self, noted: Sequence[str]) -> Iterator[None]:
        left = iter(noted)
        with names.drawing(lambda make: next(left, "?")):
            yield

    def _differs(self, found: Replayed, number: int, what: str) -> None:
        found.differences.append(Difference(commit=number, what=what))


def _draft(entry: flight.Entry, book: Book, at_s: float) -> Draft:
    return Draft(book=book, now_s=at_s)
