"""The flight recorder: notes what the planner and the loop decide from, and gives it to the commit that comes next.

It costs what it writes: an idle look is forgotten, counters are written where a decision looked at them, policies that
are as wanted by name. What no commit took yet is lost with the process, and with it nothing that was acknowledged.

A decision never fails for it: what cannot be noted, or is too much to be kept, leaves a gap that no replay crosses.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial, wraps
from typing import Any, Concatenate, NamedTuple, ParamSpec, TypeVar

from highroad.control import flight, names
from highroad.control.autoscale import Step
from highroad.control.book import Book
from highroad.control.packing import pack_error
from highroad.control.probes import Probe
from highroad.control.rooms import SAVED
from highroad.control.trial import Check
from highroad.errors import HighroadError
from highroad.model.network import FibreId
from highroad.model.plan import Optimising
from highroad.model.service import ServiceId
from highroad.ports import Answer, Change, Commit, Down, Observed, Sample, ServiceCounters

P = ParamSpec("P")
K = TypeVar("K")
V = TypeVar("V")

log = logging.getLogger(__name__)

IDLE = 16
"""So many idle looks in a row are kept: more samples than anything remembers."""

MOST_ENTRIES = 10_000
"""So many may wait for a commit: while the store is away there is none."""

MOST_COUNTED = 500_000
"""Of so many counters likewise."""


WHOLE_EACH = 500
"""After so many commits, and when nothing is half done, a place is made from which a replay may begin."""


def never_raising(note: Callable[Concatenate[Any, P], None]) -> Callable[Concatenate[Any, P], None]:
    """Noting that leaves a gap where it fails."""

    @wraps(note)
    def noting(recorder: Recorder, /, *args: P.args, **kwargs: P.kwargs) -> None:
        try:
            note(recorder, *args, **kwargs)
        except Exception as error:
            recorder.gap(error)

    return noting


@dataclass(slots=True)
class Order:
    """What a door asked, as it goes into the planner."""

    command: bytes


@dataclass(slots=True)
class Look:
    """What the loop looked at, likewise."""

    sample: Sample | None
    refusals: Mapping[ServiceId, str]
    busy: bool


What = Order | Look | Step


class Said(NamedTuple):
    """What a fabric says besides the policies that routers hold."""

    down: dict[FibreId, float]
    why: dict[FibreId, Down]
    flipped: dict[ServiceId, float]


class Recorder:
    """Notes, in the order in which it is told; all of it on the event loop."""

    def __init__(self) -> None:
        self._entries: list[flight.Entry] = []
        self._counted: dict[float, dict[ServiceId, ServiceCounters | None]] = {}
        self._answers: list[Answer | None] = []
        """Of the decision that is being made."""
        self._idle = 0
        self._said: Said | None = None
        self._bounds: flight.Bounds | None = None
        self._counts = 0
        self._commits = 0
        """Since there was a place to begin."""
        self.gaps = 0
        """How often something was not noted."""

    def gap(self, why: Exception | str) -> None:
        """Something cannot be noted: nothing of what waits is worth anything for a replay."""
        if isinstance(why, str):
            log.warning("the flight recorder has a gap: %s", why)
        else:
            log.error("the flight recorder has a gap: what was decided stands", exc_info=why)
            why = f"{type(why).__name__}: {why}"
        self.gaps += 1
        self._entries, self._counted, self._counts = [flight.Gap(why=why[:200])], {}, 0
        self._idle, self._said, self._bounds = 0, None, None

    @never_raising
    def started(self, at_s: float, book: Book, *, carries_tags: bool, reload: bool = False) -> None:
        """The book was read from the store."""
        self._note(flight.Started(at_s=at_s, carries_tags=carries_tags, memory=memory_of(book), reload=reload))
        if not reload:
            self._bounds = None

    @never_raising
    def judging(
        self,
        check: Check | None,
        rate_scale: float,
        wait_to_restore_s: float = 0.0,
        optimising: Optimising = Optimising.OFF,
    ) -> None:
        """By what planned moves are judged, how long what failed has to be good, and whether any are made for room."""
        rules = check or Check()
        bounds = flight.Bounds(
            above=rules.above,
            canary=rules.canary,
            for_s=None if check is None else rules.for_s,
            loss=rules.loss,
            rate_scale=rate_scale,
            wait_to_restore_s=wait_to_restore_s,
            optimising=optimising,
        )
        if bounds != self._bounds:
            self._bounds = bounds
            self._note(bounds)

    @never_raising
    def read(self, book: Book, read: Observed) -> None:
        """What the fabric said, which the book's `present` has taken already."""
        said = Said(dict(read.down_since_s), dict(read.why), dict(read.flipped_s))
        present = book.present
        if read.since is None or (said != self._said and said.down):
            self.whole(book, said, clean=read.since is not None and is_quiet(book))
        elif self._commits >= WHOLE_EACH and is_quiet(book):
            self.whole(book, said, clean=True)
        if read.since is not None and (read.policies or read.gone or said != self._said):
            differs = present.differs
            held = [policy for service, policy in read.policies.items() if service in differs]
            same = [service for service in read.policies if service not in differs]
            self._note(
                flight.Read(
                    held=held,
                    as_wanted=same,
                    gone=list(read.gone),
                    down_since_s=said.down,
                    why=said.why,
                    flipped_s=said.flipped,
                )
            )
        self._said = said

    @never_raising
    def whole(self, book: Book, said: Said, *, clean: bool) -> None:
        """All that is known of routers: from here on a replay may begin, if it is clean."""
        present = book.present
        held = [present.held[one] for one in present.differs if one in present.held]
        self._note(
            flight.Whole(
                differs=list(present.differs),
                held=held,
                down_since_s=said.down,
                why=said.why,
                flipped_s=said.flipped,
                clean=clean,
                memory=memory_of(book) if clean else {},
                readings=[at_s for at_s, _ in book.readings],
                lately=[sample.at_s for sample in book.trials.lately],
            )
        )
        if clean:
            self._commits = 0
        if clean and self._bounds is not None:
            self._note(self._bounds)

    def noting(self, sample: Sample) -> Sample:
        """A sample of which it is noted which counters are looked at, however much later."""
        return replace(sample, services=Noted(sample.services, partial(self._count, sample.at_s)))

    @never_raising
    def probed(self, probes: Sequence[Probe]) -> None:
        """What routers measured of services on trial, which the book has taken."""
        self._note(flight.Probed(probes=list(probes)))

    @contextmanager
    def asking(self, at_s: float, most: int, later: Collection[ServiceId], changes: Sequence[Change]) -> Iterator[None]:
        """Around what follows from what the loop found for routers to do."""
        drawn: list[str] = []
        try:
            digest = flight.digest_of_changes(changes)
            self._note(
                flight.Asked(
                    at_s=at_s, most=most, later=sorted(later), changes=len(changes), digest=digest, drawn=drawn
                )
            )
        except Exception as error:
            self.gap(error)
        with names.noted(drawn):
            yield

    def answered(self, find: Callable[[str, str], Answer | None]) -> Callable[[str, str], Answer | None]:
        """What finds an answer in the store, and notes it for the decision that asks."""

        def noted(scope: str, key: str) -> Answer | None:
            found = find(scope, key)
            self._answers.append(found)
            return found

        return noted

    @contextmanager
    def deciding(self, what: What | None, at_s: float, idle: Callable[[], bool]) -> Iterator[None]:
        """Around a decision: what it draws is noted with what it was made from, in its place; `idle` is whether it has
        come to nothing. Nothing is noted of None.
        """
        if what is None:
            yield
            return
        entry = self._begun(what, at_s)
        try:
            with nullcontext() if entry is None else names.noted(entry.drawn):
                yield
        except Exception as error:
            self._failed(entry, error)
            raise
        finally:
            self._answers = []
            if isinstance(entry, flight.Looked):
                self._looked(entry, idle)

    def _begun(self, what: What, at_s: float) -> flight.Told | flight.Looked | flight.Scaled | None:
        """What a decision is made from, noted; None where that failed."""
        entry: flight.Told | flight.Looked | flight.Scaled
        try:
            match what:
                case Order():
                    entry = flight.Told(at_s=at_s, command=what.command, drawn=[], answers=[])
                    self._answers = entry.answers
                case Look():
                    sample_s = None if what.sample is None else what.sample.at_s
                    entry = flight.Looked(
                        at_s=at_s,
                        sample_s=sample_s,
                        busy=what.busy,
                        refusals=dict(what.refusals),
                        drawn=[],
                    )
                case Step():
                    entry = flight.Scaled(
                        at_s=at_s,
                        service=what.service,
                        version=what.version,
                        to_gbps=what.to_gbps,
                        drawn=[],
                    )
            self._note(entry)
        except Exception as error:
            self.gap(error)
            return None
        return entry

    @never_raising
    def _failed(self, entry: flight.Entry | None, error: Exception) -> None:
        if isinstance(entry, flight.Told) and isinstance(error, HighroadError):
            entry.no = pack_error(error)
        elif entry is not None:
            self._note(flight.Broke(kind=type(error).__name__))

    @never_raising
    def _looked(self, entry: flight.Looked, idle: Callable[[], bool]) -> None:
        entry.idle = not entry.refusals and not entry.drawn and self._entries[-1] is entry and idle()
        self._forget_idle(entry)

    @property
    def waiting(self) -> int:
        """How many entries no commit has taken yet."""
        return len(self._entries)

    def take(self, commit: Commit) -> bytes:
        """Everything since the last time, as a document, for the commit that it led to."""
        try:
            counted = [flight.Counted(sample_s=at_s, counters=found) for at_s, found in self._counted.items()]
            doc = flight.pack([*self._entries, *counted, flight.Wrote(digest=flight.digest_of(commit))])
        except Exception as error:
            self.gap(error)
            doc = flight.pack(self._entries)
        self._entries, self._counted, self._counts, self._idle = [], {}, 0, 0
        self._commits += 1
        return doc

    @property
    def counted(self) -> int:
        """How many counters wait for a commit, at most."""
        return self._counts

    def _note(self, entry: flight.Entry) -> None:
        if len(self._entries) >= MOST_ENTRIES:
            self.gap(f"{MOST_ENTRIES} entries waited for a commit")
        self._entries.append(entry)
        if not isinstance(entry, flight.Looked):
            self._idle = 0

    @never_raising
    def _count(self, at_s: float, service: ServiceId, counters: ServiceCounters | None) -> None:
        if self._counts >= MOST_COUNTED:
            self.gap(f"{MOST_COUNTED} counters waited for a commit")
        self._counts += 1
        self._counted.setdefault(at_s, {})[service] = counters

    def _forget_idle(self, entry: flight.Looked) -> None:
        if not entry.idle:
            self._idle = 0
            return
        self._idle += 1
        if self._idle > IDLE:
            del self._entries[-self._idle]
            self._idle -= 1


class Noted(Mapping[ServiceId, ServiceCounters]):
    """Counters of which it is noted who was looked for, and what was found."""

    def __init__(
        self,
        real: Mapping[ServiceId, ServiceCounters],
        note: Callable[[ServiceId, ServiceCounters | None], None],
    ) -> None:
        self._real = real
        self._note = note

    def __getitem__(self, service: ServiceId) -> ServiceCounters:
        counters = self._real.get(service)
        self._note(service, counters)
        if counters is None:
            raise KeyError(service)
        return counters

    def __iter__(self) -> Iterator[ServiceId]:
        for service in self._real:
            self._note(service, self._real[service])
            yield service

    def __len__(self) -> int:
        return len(self._real)


def memory_of(book: Book) -> dict[str, Any]:
    """What a book remembers of what it looked at, which is in no store."""
    return {
        "down": sorted(book.down),
        "changes": book.changes,
        "openings": book.openings,
        "homed": book.homed,
        "home_looked": list(book.home_looked),
        "home_left": list(book.home_left),
        "home_moved": book.home_moved,
        "one_by_one": book.one_by_one,
        "considered": [book.considered[0], sorted(book.considered[1])],
        "nowhere": sorted(book.nowhere),
        "looked": dict(book.looked),
        "tried": dict(book.tried),
        "yielding": sorted(book.yielding),
        "room_looked": dict(book.room_looked),
        "touched": sorted(book.touched),
        "maintenances": list(book.maintenances),
        "incidents": list(book.incidents),
        "searches": [None if book.rooms.at_s == -math.inf else book.rooms.at_s, book.rooms.left],
        "rooms_tried": dict(book.rooms.tried),
    }


def remember(book: Book, memory: Mapping[str, Any]) -> None:
    """Have a book remember what another one did."""
    if book.down != frozenset(memory["down"]):
        book.down = frozenset(memory["down"])
        book.avoid_again()
    book.changes = memory["changes"]
    book.openings = memory["openings"]
    book.homed = memory["homed"]
    first, second, third = memory["home_looked"]
    book.home_looked = (first, second, third)
    book.home_left = list(memory.get("home_left", ()))
    book.home_moved = bool(memory.get("home_moved", False))
    book.one_by_one = memory["one_by_one"]
    book.considered = (memory["considered"][0], set(memory["considered"][1]))
    book.nowhere = set(memory["nowhere"])
    book.looked = dict(memory["looked"])
    book.tried = dict(memory["tried"])
    book.yielding = set(memory.get("yielding", ()))
    book.room_looked = dict(memory.get("room_looked", {}))
    book.touched = set(memory["touched"])
    book.maintenances = _in_order(book.maintenances, memory["maintenances"])
    book.incidents = _in_order(book.incidents, memory["incidents"])
    book.rooms.tried = dict(memory.get("rooms_tried", {}))
    at_s, left = memory.get("searches", (None, SAVED))
    book.rooms.at_s, book.rooms.left = -math.inf if at_s is None else at_s, left


def _in_order(known: dict[K, V], order: Sequence[K]) -> dict[K, V]:
    """What came in which order decides who is looked at first."""
    return {one: known[one] for one in order if one in known} | known


def is_quiet(book: Book) -> bool:
    """Whether nothing is half done that only memory knows of."""
    return book.trials.quiet and book.underway is None and not book.unhealed and not book.rooms.waiting
