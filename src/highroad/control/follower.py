"""The seat of who does not lead: it reads from a book that follows the store, and asks the leader through the store.

What a command was answered is handed on when the book knows what that commit made known: who reads afterwards reads
it. A command whose time is up is withdrawn, and then it is certain that nothing was done.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from highroad.control.audit import ASKED
from highroad.control.book import Book
from highroad.control.commands import Command
from highroad.control.deeds import (
    CutFibre,
    CutGroup,
    KillRouter,
    LookAtLab,
    OfferLoad,
    ReviveRouter,
    SpliceFibre,
    SpliceGroup,
)
from highroad.control.following import follow
from highroad.control.health import Look
from highroad.control.live import Live
from highroad.control.packing import pack_command, unpack_answer
from highroad.control.showing import LEADER, SAMPLE, Leader, unpack_leader, unpack_sample
from highroad.errors import Unavailable
from highroad.model.audit import Asked
from highroad.model.network import FibreId, RiskGroupId, SiteId
from highroad.model.plan import Optimising
from highroad.model.service import PortId, ServiceId
from highroad.model.tracks import Keeping
from highroad.ports import Board, Calls, Commit, EventRecord, Executor, Journal, Lab, LabStatus, Sample

T = TypeVar("T")

log = logging.getLogger(__name__)

WAITING = 1000
"""Commands of one process that may wait at once; one more is told to come again."""

LOT = 64
"""Commands that are asked in one transaction."""

POLL_S = 0.25
"""How often the store is looked at without being told."""

LOOK_S = 1.0
"""How often the board is looked at, where that is quick; else one twentieth of the time."""

DEAF_S = 10.0
"""A process that has not reached the store for so long says that it is not ready."""

LEADERLESS_S = 5.0
"""A leader that has not shown itself for so long is none."""

UNCERTAIN_S = 5.0
"""How long a process tries to withdraw what it asked before it says that it does not know."""


@dataclass(slots=True)
class _Asked:
    command: Command[Any]
    answer: asyncio.Future[Any]
    by: Asked
    until_s: float
    """By the event loop's clock."""
    call: int = 0
    withdrawing: bool = False


@dataclass(slots=True)
class Beside:
    """What a process stands on that does not lead."""

    journal: Journal
    calls: Calls
    board: Board
    execute: Executor
    carries_tags: bool = True
    live: Live = field(default_factory=Live)


READ_WITHIN_S = 10.0
"""So long who asks waits for a book that is being read."""


class Follower:
    """Keeps a book up to date, and asks. `hear` is called, on the event loop, when there is news in the store."""

    def __init__(self, beside: Beside, optimising: Optimising = Optimising.OFF) -> None:
        """`optimising` is as whoever leads has it: what would be is asked here too."""
        self._beside = beside
        self._optimising = optimising
        self._live = beside.live
        self._execute = beside.execute
        self._book: Book | None = None
        self.number = 0
        """Of the last commit that the book knows."""
        self.reloads = 0
        self._asked: dict[int, _Asked] = {}
        self._outbox: asyncio.Queue[_Asked] = asyncio.Queue()
        self._news = asyncio.Event()
        self._heard = 0
        self._catching_up = asyncio.Lock()
        self._known = asyncio.Event()
        """Set while there is a book."""
        self._given = False
        self._back = asyncio.Event()
        """Set while the book is followed here, and not with who leads."""
        self._lost = False
        self._reached_s = float("-inf")
        self._tasks: list[asyncio.Task[None]] = []
        self.leader: Leader | None = None
        self._shown = {LEADER: 0, SAMPLE: 0}
        self._lab = AskedLab(self)
        self._shown_s: float | None = None
        """When the leader was last seen to show itself."""

    async def start(self, book: Book | None = None, number: int = 0) -> None:
        """Read the store, unless what it has until a commit is known, and follow it. Raises Unavailable."""
        if book is None:
            await self._load()
        else:
            self._book, self.number = book, number
            self._known.set()
        self._reached_s = _now_s()
        await self._look()
        self._tasks = [
            asyncio.create_task(self._follow(), name="following"),
            asyncio.create_task(self._send(), name="asking"),
            asyncio.create_task(self._watch(), name="looking"),
        ]

    async def stop(self) -> None:
        """Follow no more; who still waits is told so."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        waiting = list(self._asked.values())
        while not self._outbox.empty():
            waiting.append(self._outbox.get_nowait())
        for one in waiting:
            _fail(one, Unavailable("this process is stopping: look whether it was done, and try again"))

    def hear(self) -> None:
        """There is news in the store."""
        self._heard += 1
        self._news.set()

    # --- as a seat --------------------------------------------------------------------------------------------

    @property
    def book(self) -> Book:
        """What is known."""
        if self._book is None:
            raise Unavailable("this process is starting")
        return self._book

    @property
    def why_not_ready(self) -> str | None:
        """Whether the book is there, the store can be reached, and somebody leads."""
        amiss = ((name, look()) for name, look in self.checks.items())
        return next((f"{name}: {text}" for name, text in amiss if text), None)

    @property
    def checks(self) -> Mapping[str, Look]:
        """What has to be well for orders to be taken here."""
        return {
            "book": lambda: "it has not been read yet" if self._book is None else "",
            "network": lambda: "" if self._book is None or self._book.network.sites else "no network is loaded",
            "leader": self._leaderless,
            "following": self._deaf,
        }

    @property
    def waiting(self) -> int:
        """How many commands wait for an answer."""
        return len(self._asked) + self._outbox.qsize()

    def _leaderless(self) -> str:
        shown_s = self._shown_s
        if shown_s is None or _now_s() - shown_s > LEADERLESS_S:
            return "no process leads"
        return ""

    def _deaf(self) -> str:
        since_s = _now_s() - self._reached_s
        return f"the store was last reached {since_s:.0f} s ago" if since_s > DEAF_S else ""

    @property
    def fabric_name(self) -> str:
        """As the leader shows it."""
        return "twin" if self.leader is None else self.leader.fabric_name

    @property
    def rate_scale(self) -> float:
        """As the leader shows it."""
        return 1.0 if self.leader is None else self.leader.rate_scale

    @property
    def lab(self) -> Lab | None:
        """The leader's, if that has one."""
        return None if self.leader is not None and not self.leader.lab else self._lab

    @property
    def probes(self) -> bool:
        """As the leader shows it."""
        return self.leader is None or self.leader.probes

    @property
    def sample(self) -> Sample | None:
        """The newest that the leader has shown."""
        return self._live.sample

    @property
    def keeping(self) -> Keeping | None:
        """Figures over time are kept by who leads."""
        return None

    async def settled(self) -> Book:
        """What is known: all of it is in the store. Who asks in the moment in which it is read anew waits for it."""
        if self._book is None:
            with suppress(TimeoutError):
                async with asyncio.timeout(READ_WITHIN_S):
                    await self._known.wait()
        return self.book

    async def do(self, command: Command[T]) -> T:
        """Ask the leader. Raises what it answers, and Unavailable where nothing was done."""
        if self.waiting >= WAITING:
            raise Unavailable("too many orders are waiting; try again in a second")
        asked = _Asked(
            command=command,
            answer=asyncio.get_running_loop().create_future(),
            by=ASKED.get(),
            until_s=_now_s() + command.patience_s,
        )
        self._outbox.put_nowait(asked)
        doc: bytes = await asked.answer
        if self._given:  # a leader of before has its book read anew: who reads next is to find what was done
            with suppress(TimeoutError):
                async with asyncio.timeout(READ_WITHIN_S):
                    await self._back.wait()
        return unpack_answer(doc, command)

    # --- following --------------------------------------------------------------------------------------------

    async def catch_up(self) -> None:
        """Know everything that is committed. Raises Unavailable."""
        async with self._catching_up:
            await self._catch_up(())

    async def give(self) -> tuple[Book, int]:
        """Hand over the book, as of the end of the journal, and follow no more: only answers are looked for."""
        async with self._catching_up:
            await self._catch_up(())
            self._given = True
            self._back.clear()
            return self.book, self.number

    def keep(self, book: Book | None) -> None:
        """Know what a leader knew at its end, until the store can be read again."""
        self._book = book
        if book is None:
            self._known.clear()

    async def take_back(self) -> None:
        """Follow again, with a book of its own. Raises Unavailable."""
        self._shown_s = None
        await self._load()
        self._given = False
        self._back.set()

    async def _load(self) -> None:
        journal, tags = self._beside.journal, self._beside.carries_tags
        snapshot = await self._execute(journal.load)
        self._book = await self._execute(Book, snapshot, carries_tags=tags)
        self._book.optimising = self._optimising
        self._known.set()
        self.number = snapshot.commit_number
        self._live.last_sequence = max(self._live.last_sequence, snapshot.last_sequence)

    async def _catch_up(self, calls: Sequence[int]) -> Mapping[int, bytes]:
        """Follow to the end of the journal. Returns what calls were answered: the book knows all of their commits."""
        if self._given:
            return await self._execute(self._beside.calls.replies, calls) if calls else {}
        replies: Mapping[int, bytes] = {}
        asking = bool(calls)
        while True:
            if asking:
                replies, news = await self._execute(self._read, calls)
                asking = False
            else:
                news = await self._execute(self._beside.journal.since, self.number)
            if news is None:
                self.reloads += 1
                log.warning("this process is so far behind that it reads the store anew")
                await self._load()
                continue
            if not news:
                return replies
            events: list[EventRecord] = []
            for number, commit in news:
                follow(self.book, commit)
                self.number = number
                events += commit.events
            if events:
                self._live.events(events)

    def _read(self, calls: Sequence[int]) -> tuple[Mapping[int, bytes], Sequence[tuple[int, Commit]] | None]:
        """Replies first: what they were written with is in the journal then."""
        return self._beside.calls.replies(calls), self._beside.journal.since(self.number)

    async def _follow(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._news.wait()
            self._news.clear()
            try:
                async with self._catching_up:
                    replies = await self._catch_up(tuple(self._asked))
                self._reached_s = _now_s()
                for call, doc in replies.items():
                    asked = self._asked.pop(call, None)
                    if asked is not None and not asked.answer.done():
                        asked.answer.set_result(doc)
                if self._lost:
                    self._lost = False
                    log.warning("the store is followed again")
            except Unavailable as error:
                if not self._lost:
                    self._lost = True
                    log.warning("the store cannot be followed, and is tried again: %s", error)
                await asyncio.sleep(POLL_S)
            except Exception:
                log.exception("this process could not follow, and reads the store anew")
                await asyncio.sleep(POLL_S)
                if not self._given:
                    with suppress(Unavailable):
                        await self._load()
            self._withdraw()

    # --- asking -----------------------------------------------------------------------------------------------

    async def _send(self) -> None:
        while True:
            lot = [await self._outbox.get()]
            while len(lot) < LOT and not self._outbox.empty():
                lot.append(self._outbox.get_nowait())
            heard = self._heard
            docs = []
            for one in list(lot):
                try:
                    docs.append((pack_command(one.command, one.by), max(0.0, one.until_s - _now_s())))
                except Exception as error:
                    lot.remove(one)
                    _fail(one, error)
            try:
                calls = await self._execute(self._beside.calls.put, docs)
            except Exception as error:
                if not isinstance(error, Unavailable):
                    log.exception("the leader could not be asked")
                for one in lot:
                    _fail(one, error)
                continue
            for one, call in zip(lot, calls, strict=True):
                one.call = call
                self._asked[call] = one
            if heard != self._heard:
                self._news.set()  # it may have been told of the answer before it knew what to look for

    def _withdraw(self) -> None:
        now_s = _now_s()
        for one in list(self._asked.values()):
            if one.until_s <= now_s and not one.withdrawing:
                one.withdrawing = True
                task = asyncio.create_task(self._give_up(one), name=f"withdraw {one.call}")
                self._tasks = [other for other in self._tasks if not other.done()] + [task]

    async def _give_up(self, one: _Asked) -> None:
        while one.call in self._asked:
            try:
                if await self._execute(self._beside.calls.withdraw, one.call):
                    self._asked.pop(one.call, None)
                    _fail(one, Unavailable("no process that leads has answered in time: nothing was done"))
                    return
                self._news.set()  # it is answered
            except Unavailable:
                pass
            if _now_s() > one.until_s + UNCERTAIN_S:
                self._asked.pop(one.call, None)
                _fail(one, Unavailable("the store cannot be reached: look whether it was done, and try again"))
                return
            await asyncio.sleep(POLL_S)

    # --- what the leader shows --------------------------------------------------------------------------------

    async def _watch(self) -> None:
        while True:
            begun_s = _now_s()
            with suppress(Unavailable):
                if not self._given:
                    await self._look()
            await asyncio.sleep(max(LOOK_S, 20.0 * (_now_s() - begun_s)))

    async def _look(self) -> None:
        found = await self._execute(self._beside.board.look, LEADER, self._shown[LEADER])
        if found is not None:
            self._shown[LEADER], self.leader = found[0], unpack_leader(found[1])
            self._shown_s = _now_s()
        found = await self._execute(self._beside.board.look, SAMPLE, self._shown[SAMPLE])
        if found is not None:
            self._shown[SAMPLE] = found[0]
            self._live.sampled(await self._execute(unpack_sample, found[1]))


class AskedLab:
    """The leader's lab, through commands."""

    def __init__(self, follower: Follower) -> None:
        self._do = follower.do

    async def cut(
        self, fibre: FibreId, *, silent: bool = False, towards: SiteId | None = None, loss: float = 1.0
    ) -> None:
        """Cut a fibre."""
        await self._do(CutFibre(fibre=fibre, silent=silent, towards=towards, loss=loss))

    async def uncut(self, fibre: FibreId) -> None:
        """Splice it."""
        await self._do(SpliceFibre(fibre=fibre))

    async def cut_group(self, group: RiskGroupId, *, silent: bool = False, loss: float = 1.0) -> None:
        """Cut all fibres of a risk group."""
        await self._do(CutGroup(group=group, silent=silent, loss=loss))

    async def uncut_group(self, group: RiskGroupId) -> None:
        """Splice them."""
        await self._do(SpliceGroup(group=group))

    async def cuts(self) -> Mapping[FibreId, float]:
        """What was cut, and since when."""
        return {fibre: state.since_s for fibre, state in (await self.status()).cuts.items()}

    async def kill_router(self, site: SiteId, *, silent: bool = False) -> None:
        """End a router."""
        await self._do(KillRouter(site=site, silent=silent))

    async def revive_router(self, site: SiteId) -> None:
        """Start it again."""
        await self._do(ReviveRouter(site=site))

    async def status(self) -> LabStatus:
        """Its routers and what was broken."""
        return await self._do(LookAtLab())

    async def offer(self, service: ServiceId, offered_gbps: float | None) -> None:
        """Let a service offer so much."""
        await self._do(OfferLoad(service=service, offered_gbps=offered_gbps))

    async def plug(self, ports: Sequence[PortId]) -> None:
        """The leader does that by itself."""


def _now_s() -> float:
    """The event loop's clock: nobody sets it."""
    return asyncio.get_running_loop().time()


def _fail(one: _Asked, error: BaseException) -> None:
    if not one.answer.done():
        one.answer.set_exception(error)
