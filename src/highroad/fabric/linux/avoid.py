"""Tells headends which links to avoid, the moment that they are seen to be dark and before anything is planned.

Each headend is told the links that its own policies cross, of those for which it has another path: it flips by itself,
within milliseconds. The plan follows, and replaces the policies; a link that is good again is avoided for a while
longer, so that a flip back never runs into that, and one that flaps is not followed.

Level-triggered: what a router is to be told follows from what is dark and what it holds; it is told when that is not
what it was told last, when it is connected, and every few seconds, by which it knows that a controller is there.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from typing import Protocol

from highroad.errors import Forbidden, HighroadError
from highroad.fabric.linux.held import Held
from highroad.model.network import LinkId, SiteId
from highroad.ports import Clock

log = logging.getLogger(__name__)

GOOD_FOR_S = 2.0
"""How long a link has to be good before it is avoided no more; the loop has replaced what was on it long before."""

BEAT_S = 5.0
"""How often a router is told the same again: `HEADLESS_AFTER_S` of the agent is more than twice that."""

BEATS = 20
"""In so many parts all are told the same again."""

LATER_S = 0.1
"""After so long a headend is told of links that strike none of its paths but those that it leaves already: of a router
that has died neighbours report one link after the other, and what it is told takes processors from those who have not
been told at all.
"""

AGAIN_S = 0.2
"""After so long a router that could not be told is told again."""

QUIET_S, LONGEST_S = 0.02, 0.1
"""When nothing more was seen to be dark for so long, and everybody has been told, planning may begin; after the longer
of the two it does anyway. Of a router that has died the conversation ends at once, and its neighbours miss it (15 ms)
within a few milliseconds of each other.
"""


class Tells(Protocol):
    """The conversation with one router."""

    @property
    def connected(self) -> bool:
        """Whether it can be told anything."""

    async def avoid(self, links: Collection[LinkId]) -> None:
        """Tell it the whole of what to avoid. Raises HighroadError."""


class Avoiding:
    """What each router is to avoid. Used from one event loop."""

    def __init__(
        self, held: Held, routers: Mapping[SiteId, Tells], clock: Clock, *, busy: Callable[[], bool] = lambda: False
    ) -> None:
        """Nobody is told anything before `begin`. While `busy`, policies are being replaced."""
        self._held = held
        self._routers = routers
        self._clock = clock
        self._busy = busy
        self._begun = False
        self._dark: frozenset[LinkId] = frozenset()
        self._good_s: dict[LinkId, float] = {}
        """Links that were dark, and since when they are not."""
        self._seen_s = float("-inf")
        """When something was last seen to be dark that was not."""
        self._told: dict[SiteId, frozenset[LinkId]] = {}
        self._waiting: dict[SiteId, asyncio.TimerHandle] = {}
        """Who is not told something for a moment."""
        self._overdue: set[SiteId] = set()
        """Who was not, and is to be told now."""
        self._telling: dict[SiteId, asyncio.Task[None]] = {}
        self._returning: asyncio.Task[None] | None = None
        self._beating: asyncio.Task[None] | None = None

    def begin(self, dark: Collection[LinkId]) -> None:
        """All that is dark is known now: say so to everybody."""
        self._begun = True
        self._dark = frozenset(dark)
        self._beating = asyncio.create_task(self._beat(), name="avoid: beat")
        self.look()

    async def aclose(self) -> None:
        """Tell no more."""
        for timer in self._waiting.values():
            timer.cancel()
        tasks = [*self._telling.values(), self._returning, self._beating]
        for task in tasks:
            if task is not None:
                task.cancel()
                with suppress(asyncio.CancelledError):
                    await task

    def see(self, dark: Collection[LinkId]) -> None:
        """The links that are dark now."""
        now = frozenset(dark)
        for link in self._dark - now:
            self._good_s[link] = self._clock.now_s()
        for link in now:
            self._good_s.pop(link, None)
        if now - self._dark:
            self._seen_s = self._clock.now_s()
        self._dark = now
        if self._good_s and (self._returning is None or self._returning.done()):
            self._returning = asyncio.create_task(self._return(), name="avoid: return")
        self.look()

    async def headends_first(self) -> None:
        """Wait while headends are being told: who plans takes the processors that they and their flips need."""
        begun_s = now_s = self._clock.now_s()
        while now_s < begun_s + LONGEST_S:
            quiet_s = self._seen_s + QUIET_S - now_s
            if quiet_s <= 0.0 and not self._telling:
                return
            await self._clock.sleep(min(max(quiet_s, 0.002), begun_s + LONGEST_S - now_s))
            now_s = self._clock.now_s()

    def lost(self, site: SiteId) -> None:
        """A router is not connected: what it was told, it may forget. If it died, its neighbours will soon say so."""
        self._told.pop(site, None)
        self._seen_s = self._clock.now_s()

    def look(self) -> None:
        """Tell whoever is to be told something else than last: something is dark, or held, that was not."""
        if not self._begun:
            return
        wanted = self._wanted()
        for site, router in self._routers.items():
            links = wanted.get(site, frozenset())
            if not router.connected or site in self._telling or self._told.get(site) == links:
                continue
            if not self._may_wait(site, links):
                self._telling[site] = asyncio.create_task(self._tell(site, router), name=f"avoid: {site}")

    def _wanted(self) -> dict[SiteId, frozenset[LinkId]]:
        wanted: dict[SiteId, set[LinkId]] = {}
        for link in self._dark | self._good_s.keys():
            for site in self._held.heads_over(link):
                wanted.setdefault(site, set()).add(link)
        return {site: frozenset(links) for site, links in wanted.items()}

    async def _tell(self, site: SiteId, router: Tells) -> None:
        try:
            await self._told_all(site, router)
        finally:
            del self._telling[site]

    async def _told_all(self, site: SiteId, router: Tells) -> None:
        while router.connected and (links := self._wanted().get(site, frozenset())) != self._told.get(site):
            if self._may_wait(site, links):
                return
            try:
                await router.avoid(links)
            except Forbidden:
                return
            except HighroadError as error:
                log.info("%s could not be told what to avoid: %s", site, error)
                await self._clock.sleep(AGAIN_S)
            else:
                self._told[site] = links
                self._overdue.discard(site)

    def _may_wait(self, site: SiteId, links: frozenset[LinkId]) -> bool:
        """Whether a router need not be told so much yet; then it is looked at again in time."""
        told = self._told.get(site)
        if not told or not told < links or self._held.struck(site, links) != self._held.struck(site, told):
            return False
        if site in self._overdue:
            return False
        if site not in self._waiting:
            self._waiting[site] = asyncio.get_running_loop().call_later(LATER_S, self._is_time, site)
        return True

    def _is_time(self, site: SiteId) -> None:
        del self._waiting[site]
        self._overdue.add(site)
        self.look()

    async def _return(self) -> None:
        """Forget links that have been good for long enough, when no policies are being replaced."""
        while self._good_s:
            left_s = min(self._good_s.values()) + GOOD_FOR_S - self._clock.now_s()
            await self._clock.sleep(max(left_s, AGAIN_S))
            if self._busy():
                continue
            until_s = self._clock.now_s() - GOOD_FOR_S
            for link in [link for link, since_s in self._good_s.items() if since_s <= until_s]:
                del self._good_s[link]
            self.look()

    async def _beat(self) -> None:
        """A few at a time: all at once would be what somebody who has to flip just then waits for."""
        turn = 0
        while True:
            await self._clock.sleep(BEAT_S / BEATS)
            for site in list(self._routers)[turn::BEATS]:
                if site not in self._waiting:
                    self._told.pop(site, None)
            turn = (turn + 1) % BEATS
            self.look()
