"""Takes up what other processes ask through the store: each call is decided once, and answered in the same commit.

Nothing is remembered that has to survive: a call without an answer is still in the store, and whoever leads takes it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from contextlib import suppress
from functools import partial
from typing import Any

from highroad.control.audit import ASKED
from highroad.control.commands import Decision, Deed, keyed_by
from highroad.control.leading import Leading
from highroad.control.packing import pack_answer, pack_error, unpack_asked, unpack_command
from highroad.control.planner import Replied, TooLate
from highroad.control.recorder import Order
from highroad.errors import HighroadError, Unavailable
from highroad.ports import Call, Calls, Commit, Executor, Reply, Store

log = logging.getLogger(__name__)

AT_ONCE = 256
"""Calls under way at once; more wait in the store, and may be withdrawn there."""

POLL_S = 0.25
"""How often the store is looked at without being told."""

MARGIN_S = 1.0
"""What has less time left is not begun: who asked may withdraw it before its answer could be written."""

CLEAR_S = 10.0

REMEMBERED = 10_000
"""Calls that were answered a moment ago: a reading that began before may still have them."""


class Answering:
    """The leader's ear. `hear` is called, on the event loop, when somebody has asked."""

    def __init__(self, leading: Leading, store: Store, calls: Calls, execute: Executor) -> None:
        self._leading = leading
        self._store = store
        self._calls = calls
        self._execute = execute
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._done: OrderedDict[int, None] = OrderedDict()
        self._asked = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.answered = 0

    def start(self) -> None:
        """Begin to take calls up."""
        self._tasks = [
            asyncio.create_task(self._take(), name="answering"),
            asyncio.create_task(self._clear(), name="clearing"),
        ]
        self._asked.set()

    async def stop(self) -> None:
        """Take up nothing more; what is under way and not written is not done."""
        tasks = [*self._tasks, *self._under_way.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def hear(self) -> None:
        """Somebody has asked."""
        self._asked.set()

    async def _take(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(POLL_S):
                    await self._asked.wait()
            self._asked.clear()
            try:
                while room := AT_ONCE - len(self._under_way):
                    known = set(self._under_way)
                    found = await self._execute(self._calls.waiting, room, known)
                    new = [one for one in found if one.id not in self._under_way and one.id not in self._done]
                    for call in new:
                        if call.left_s >= MARGIN_S:
                            self._begin(call)
                    if len(found) < room or not new:
                        break
            except Unavailable as error:
                log.info("calls of other processes cannot be read: %s", error)
                await asyncio.sleep(POLL_S)
            except Exception:
                log.exception("calls of other processes could not be taken up")
                await asyncio.sleep(POLL_S)

    def _begin(self, call: Call) -> None:
        until_s = asyncio.get_running_loop().time() + call.left_s - MARGIN_S
        task = asyncio.create_task(self._answer(call, until_s), name=f"call {call.id}")
        self._under_way[call.id] = task
        task.add_done_callback(partial(self._end, call.id))

    def _end(self, call: int, _: object) -> None:
        self._under_way.pop(call, None)

    async def _answer(self, call: Call, until_s: float) -> None:
        replying = ReplyTo(call.id, until_s)
        try:
            try:
                command = unpack_command(call.doc)
                ASKED.set(unpack_asked(call.doc))  # this call has a task, and so a context, of its own
            except Exception as error:
                log.exception("a call cannot be read")
                await self._execute(self._store.commit, Commit(replies=[replying.no(error)]))
                self._note(call)
                return
            if isinstance(command, Decision):
                decide = self._leading.deciding(command)
                told = Order(command=call.doc)
                await self._leading.planner.submit(
                    decide, urgent=command.own, replying=replying, what=told, keyed=keyed_by(command)
                )
                self._note(call)
                await self._leading.done(command)
            elif isinstance(command, Deed):
                await self._do(command, replying)
                self._note(call)
        except Replied:
            self._note(call)
        except TooLate:
            pass
        except HighroadError as error:
            log.info("call %d was not answered, and is taken up again: %s", call.id, error)

    async def _do(self, command: Deed[Any], replying: ReplyTo) -> None:
        try:
            reply = replying.yes(await command.do(self._leading.means))
        except Exception as error:
            if not isinstance(error, HighroadError):
                log.exception("a deed broke off")
            reply = replying.no(error)
        await self._execute(self._store.commit, Commit(replies=[reply]))

    def _note(self, call: Call) -> None:
        self.answered += 1
        self._done[call.id] = None
        while len(self._done) > REMEMBERED:
            self._done.popitem(last=False)

    async def _clear(self) -> None:
        while True:
            with suppress(Unavailable):
                await self._execute(self._calls.clear)
            await asyncio.sleep(CLEAR_S)


class ReplyTo:
    """How the answer to a call is written."""

    def __init__(self, call: int, until_s: float) -> None:
        self._call = call
        self._until_s = until_s

    def yes(self, result: Any) -> Reply:
        """The reply to what was decided."""
        return Reply(call=self._call, doc=pack_answer(result))

    def no(self, error: Exception) -> Reply:
        """The reply to what was refused."""
        return Reply(call=self._call, doc=pack_error(error))

    def check(self) -> None:
        """Raises TooLate where who asked may have withdrawn."""
        if asyncio.get_running_loop().time() > self._until_s:
            raise TooLate
