"""The conversation with one router: connected, lost, connected again; what it holds and sees, as it says it.

A session says at once, with the epoch of this start of the controller, who speaks: a router that has heard a higher
one refuses, and is left alone. Whatever was missed while it was away is read anew when it is back.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from highroad.errors import Conflict, Forbidden, HighroadError, Unauthenticated, Unavailable
from highroad.fabric.linux.clocks import RouterClock
from highroad.fabric.linux.inventory import STATE, Facts, Reach, facts_from_json
from highroad.fabric.linux.light import PortLight
from highroad.fabric.linux.meter import Counted
from highroad.fabric.linux.reported import Flips, Ports, counted_from_json
from highroad.gnmi.client import Answered, OnChange, Synced, Wish
from highroad.gnmi.path import Path
from highroad.gnmi.router import MODULE, Intended, intended_from_json
from highroad.gnmi.target import Delete, Edit, Kind, Notification, Replace
from highroad.model.network import LinkId, SiteId
from highroad.model.service import ServiceId

log = logging.getLogger(__name__)

CONFIG = tuple(f"/{MODULE}:router/{name}" for name in ("attachment", "policy", "protection"))
COUNTERS = (f"{STATE}/attachment", f"{STATE}/policy", f"{STATE}/core-port")

FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.1, 1.0
"""Between two attempts to connect: doubled from the first to the longest."""

ANSWERS_S = 2.0
"""How long a router may take to say what it holds, or counts, before it is given up."""

SET_S, SET_S_EACH = 10.0, 0.05
"""How long a router may take for a Set, and for each change in it, on a busy machine: what is given up half way has to
be found out about. One that has died is known by its connection at once."""

FENCED_PAUSE_S = 10.0
"""Between two looks at whether a newer controller has gone: it hardly ever does."""


class Client(Protocol):
    """What a session needs of `highroad.gnmi.client.GnmiClient`."""

    on_answer: Callable[[Answered], None] | None

    async def get(self, *paths: Path | str, kind: Kind = ..., timeout_s: float | None = ...) -> list[tuple[Path, Any]]:
        """What is at the paths."""

    async def set(
        self,
        *,
        delete: Sequence[Path | str] = ...,
        replace: Mapping[Path | str, Any] | Sequence[tuple[Path | str, Any]] = ...,
        timeout_s: float | None = ...,
    ) -> int:
        """Change all of it or nothing; the router's time in ns."""

    def subscribe(self, wishes: Sequence[Wish], *, updates_only: bool = ...) -> AsyncIterator[Notification | Synced]:
        """`Synced`, and then changes."""

    async def call(
        self, action: str, body: Mapping[str, Any] | None = ..., *, timeout_s: float | None = ..., fenced: bool = ...
    ) -> dict[str, Any]:
        """Have an action done; `fenced`: by the elected controller alone."""

    async def close(self) -> None:
        """Let go of the connection."""


class Hears(Protocol):
    """Who is told what a router says of itself."""

    def holds(self, site: SiteId, intended: Intended) -> None:
        """All that it was told by anybody."""

    def sees(self, site: SiteId, ports: Mapping[LinkId, PortLight]) -> None:
        """The light at its ports."""

    def flips(self, site: SiteId, since_s: Mapping[ServiceId, float]) -> None:
        """The services of which it uses another path than the preferred one, and since when."""

    def lost(self, site: SiteId) -> None:
        """It does not answer any more."""


class Session:
    """One router, for as long as the controller runs."""

    def __init__(self, reach: Reach, client: Client, hears: Hears) -> None:
        self.site = reach.site
        self.facts: Facts | None = None
        self.connected = False
        self.trouble: HighroadError | None = Unavailable(f"the router at {reach.site} has not been reached yet")
        """Why it is not connected."""
        self.sets = 0
        """Messages that changed, or were to change, what it holds."""
        self._client = client
        self._hears = hears
        self._epoch = ""
        self.clock = RouterClock()
        """What is known of its clock: its times are told by ours."""
        client.on_answer = self._answered
        self._ports = Ports(self.clock.ours)
        self._flips = Flips(self.clock.ours)
        self._exchange = asyncio.Lock()
        self._own_ns = 0
        self._told_ns = 0
        self._changed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._met = asyncio.Event()

    def start(self) -> None:
        """Connect, and stay connected."""
        self._task = asyncio.create_task(self._run(), name=f"router {self.site}")

    async def met(self) -> None:
        """Wait until it has answered for the first time, if only to say that it does not take us."""
        await self._met.wait()

    async def close(self) -> None:
        """End the conversation; the router goes on as it is."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        await self._client.close()

    @property
    def absent(self) -> Unavailable:
        """What to say to who would tell it something while it is not connected."""
        reason = self.trouble.message if self.trouble is not None else "it is not connected"
        return Unavailable(f"the router at {self.site} cannot be told: {reason}")

    async def set(self, edits: Sequence[Edit]) -> None:
        """Have all of it done, or none. Raises HighroadError, Unavailable where the router may have done it."""
        self._there()
        delete = [edit.path for edit in edits if isinstance(edit, Delete)]
        replace = [(edit.path, edit.value) for edit in edits if isinstance(edit, Replace)]
        async with self._exchange:
            self.sets += 1
            try:
                took_s = SET_S + len(edits) * SET_S_EACH
                done_ns = await self._client.set(delete=delete, replace=replace, timeout_s=took_s)
                self._own_ns = max(self._own_ns, done_ns)
            except Forbidden as error:
                self._fenced(error)
                raise
            except Unavailable as error:
                await self._look_after(error)
                raise

    async def _look_after(self, error: Unavailable) -> None:
        """See what it holds after a Set that may or may not have been done. Raises Conflict if it is well, and so the
        reason is in what it was told; otherwise it is lost, and looked at when it is back.
        """
        try:
            held = await self._client.get(*CONFIG, kind=Kind.CONFIG, timeout_s=ANSWERS_S)
        except HighroadError:
            await self._client.close()
            return
        self._hears.holds(self.site, _intended(held))
        raise Conflict(error.message) from error

    async def counters(self) -> Counted | None:
        """Its counters now; None while it does not answer."""
        if not self.connected:
            return None
        try:
            return counted_from_json(
                self._epoch, await self._client.get(*COUNTERS, kind=Kind.STATE, timeout_s=ANSWERS_S)
            )
        except HighroadError as error:
            log.info("the counters of %s could not be read: %s", self.site, error)
            return None

    async def act(self, action: str, body: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        """Have something done that changes nothing: a ping, a trace."""
        self._there()
        return await self._client.call(action, body, timeout_s=timeout_s)

    async def avoid(self, links: Collection[LinkId]) -> None:
        """Have it use no path over these links, and any other again. It waits for no Set. Raises HighroadError."""
        self._there()
        try:
            await self._client.call("Avoid", {"links": sorted(links)}, timeout_s=ANSWERS_S, fenced=True)
        except Forbidden as error:
            self._fenced(error)
            raise

    # --- staying connected ----------------------------------------------------------------------------------

    def _there(self) -> None:
        if not self.connected:
            raise self.absent

    def _fenced(self, error: HighroadError) -> None:
        log.error("the router at %s refuses this controller, which changes nothing there: %s", self.site, error)
        self.trouble = error

    async def _run(self) -> None:
        pause_s = FIRST_PAUSE_S
        while True:
            try:
                await self._converse()
            except Forbidden as error:
                self._fenced(error)
            except HighroadError as error:
                if self.connected or self.trouble is None:
                    log.warning("the router at %s is lost: %s", self.site, error)
                self.trouble = error
            except Exception as error:
                log.exception("the router at %s said what is not understood", self.site)
                self.trouble = Unavailable(f"it said what is not understood: {error}")
            if self.connected:
                self.connected = False
                self._hears.lost(self.site)
                pause_s = FIRST_PAUSE_S
            if isinstance(self.trouble, (Forbidden, Unauthenticated)):
                self._met.set()
            await asyncio.sleep(FENCED_PAUSE_S if isinstance(self.trouble, Forbidden) else pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    async def _converse(self) -> None:
        """Say who speaks, listen, and only then look: nothing changes unheard in between. Raises when it is lost."""
        await self._client.set()
        wishes = [
            *(OnChange(path=path) for path in CONFIG),
            OnChange(path=f"{STATE}/core-port"),
            OnChange(path=f"{STATE}/policy"),
        ]
        reading: asyncio.Task[None] | None = None
        try:
            async for told in self._client.subscribe(wishes, updates_only=True):
                if isinstance(told, Synced):
                    await self._look()
                    self.connected, self.trouble = True, None
                    self._met.set()
                    reading = reading or asyncio.create_task(self._read_again())
                elif self.connected:
                    self._heard(told)
        finally:
            if reading is not None:
                reading.cancel()
        raise Unavailable("it ended the conversation")

    async def _look(self) -> None:
        """All that it is, sees and holds."""
        async with self._exchange:
            ((_, state),) = await self._client.get(STATE, kind=Kind.STATE)
            held = await self._client.get(*CONFIG, kind=Kind.CONFIG)
            self.facts = facts_from_json(state)
            self._epoch = str(state.get("counter-epoch", ""))
            self._ports.all(state.get("core-port", ()))
            self._flips.all(state.get("policy", ()))
            self._hears.holds(self.site, _intended(held))
            self._hears.flips(self.site, self._flips.since_s())
            self._hears.sees(self.site, self._ports.light())

    def _answered(self, one: Answered) -> None:
        """An answer was there: it says how far the router's clock is from ours."""
        if not self.clock.answered(one):
            return
        log.warning("the clock of %s, or ours, was set: it is %.3f s ahead", self.site, self.clock.ahead_s)
        self._own_ns, self._told_ns = 0, one.router_ns  # what was changed meanwhile may look older than what we did
        self._changed.set()
        if self.connected:
            self._hears.flips(self.site, self._flips.since_s())
            self._hears.sees(self.site, self._ports.light())

    def _heard(self, told: Notification) -> None:
        if self._ports.heard(told):
            self._hears.sees(self.site, self._ports.light())
            return
        if self._flips.heard(told):
            self._hears.flips(self.site, self._flips.since_s())
            return
        self._told_ns = max(self._told_ns, told.timestamp_ns)
        self._changed.set()

    async def _read_again(self) -> None:
        """When what it holds was changed, and not by us: our own changes are known when they are answered."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                async with self._exchange:
                    if self._told_ns <= self._own_ns:
                        continue
                    told_ns = self._told_ns
                    held = await self._client.get(*CONFIG, kind=Kind.CONFIG)
                    self._own_ns = max(self._own_ns, told_ns)
                    self._hears.holds(self.site, _intended(held))
            except HighroadError as error:
                log.info("what %s holds could not be read: %s", self.site, error)
                await asyncio.sleep(FIRST_PAUSE_S)
                self._changed.set()


def _intended(found: Sequence[tuple[Path, Any]]) -> Intended:
    data: dict[str, list[Any]] = {}
    for path, value in found:
        data.setdefault(path.elems[-1].bare, []).extend(value if isinstance(value, list) else [value])
    return intended_from_json(data)
