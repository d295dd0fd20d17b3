"""Passes news of lost links on: what this router's own ports have lost, and what is heard for the first time.

The agent says which links its policies cross; it is woken for those, and for nothing else.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Iterable
from itertools import count
from typing import Any, Protocol

from highroad.watch.news import AGAIN_NS, News, Newsroom, peek
from highroad.watch.port import Port


class Tells(Protocol):
    """Who says something to the agent."""

    def __call__(self, said: dict[str, Any], *, urgent: bool) -> None:
        """`urgent`: it is to do something about it at once."""


class Flood:
    """One router's. It is told which ports there are each time: they come and go."""

    def __init__(self, send: Callable[[bytes, str], None], tell: Tells) -> None:
        """`send` sends a frame by an interface, `tell` says something to the agent."""
        self._send, self._tell = send, tell
        self._room = Newsroom(now_ns=time.monotonic_ns())
        self._said: dict[str, tuple[bool, int]] = {}
        """Of our own links: what was said last, and when."""
        self._number = 0
        self._crossed: frozenset[str] = frozenset()
        self._told: tuple[frozenset[str], bool] | None = None
        self._coming: list[tuple[int, int, Port, News]] = []
        """What is on its way by light: when it is there, and by which port."""
        self._turns = count()

    def say(self, ports: Iterable[Port], port: Port, now_ns: int) -> None:
        """How the link of one of our ports is."""
        if port.config.link:
            self._say(ports, port, port.config.link, not port.judge.up, now_ns)

    def hear(self, ports: Iterable[Port], port: Port, frame: bytes, now_ns: int) -> None:
        """A frame that is news. What is known is not looked at any further."""
        news = peek(frame)
        if news is None or not self._room.is_new(news) or news.link in self._said or not port.tells(frame):
            return
        if port.config.news_ms:
            due_ns = now_ns + round(port.config.news_ms * 1e6)
            heapq.heappush(self._coming, (due_ns, next(self._turns), port, news))
        else:
            self._take(ports, port, news, now_ns)

    @property
    def due_ns(self) -> int | None:
        """When `arrive` is to be called."""
        return self._coming[0][0] if self._coming else None

    def arrive(self, ports: Iterable[Port], now_ns: int) -> None:
        """Take what light has brought by now."""
        while self._coming and self._coming[0][0] <= now_ns:
            _, _, port, news = heapq.heappop(self._coming)
            self._take(ports, port, news, now_ns)

    def care(self, links: Iterable[str], now_ns: int) -> None:
        """Tell the agent of these links, and of no others, from now on."""
        self._crossed, self._told = frozenset(links), None
        self._report(now_ns)

    def cares(self, link: str) -> bool:
        """Whether the agent's policies cross a link."""
        return link in self._crossed

    def keep(self, ports: Iterable[Port], now_ns: int) -> None:
        """Say again what is down, and let go of what is old. To be called several times a second."""
        gone = dict(self._said)
        for port in ports:
            down, said_ns = gone.pop(port.config.link, (False, 0))
            if (not port.judge.up and now_ns - said_ns >= AGAIN_NS) or (port.judge.up and down):
                self.say(ports, port, now_ns)
        for link, (down, said_ns) in gone.items():
            # a port that is no more has not come back
            if down and now_ns - said_ns >= AGAIN_NS:
                self._say(ports, None, link, True, now_ns)
        self._report(now_ns)
        self._room.forget(now_ns=now_ns)

    # --- inside -----------------------------------------------------------------------------------------------

    def _say(self, ports: Iterable[Port], port: Port | None, link: str, down: bool, now_ns: int) -> None:
        self._said[link] = down, now_ns
        self._number = max(self._number + 1, time.time_ns())
        self._pass(ports, port, News(link=link, down=down, number=self._number), now_ns)

    def _take(self, ports: Iterable[Port], port: Port, news: News, now_ns: int) -> None:
        if self._room.take(news, now_ns=now_ns):
            if news.link in self._crossed:
                self._report(now_ns)
            self._pass(ports, port, news, now_ns)

    def _pass(self, ports: Iterable[Port], besides: Port | None, news: News, now_ns: int) -> None:
        for port in ports:
            if port is not besides and port.may_tell:
                self._send(port.news(news, now_ns), port.name)

    def _report(self, now_ns: int) -> None:
        said = self._room.lost(now_ns=now_ns) & self._crossed, self._room.is_whole(now_ns=now_ns)
        if said != self._told:
            before, self._told = self._told, said
            more = bool(said[0] - (frozenset() if before is None else before[0]))
            self._tell({"lost": sorted(said[0]), "whole": said[1]}, urgent=more)
