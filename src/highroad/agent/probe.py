"""Measures where a service's packets go: ping along its path there and its path back, trace from router to router.

    Ping  {"service": "s-1", "count": 5, "interval-ms": 200, "size": 1000, "back": [57345, 57344], "list": 0}
          -> {"echoes": [{"sequence": 1, "rtt-ms": 41.2}, ...]}
    Trace {"service": "s-1", "nodes": [12, 9], "list": 0}
          -> {"hops": [{"link": "denver>boise", "site": "boise", "rtt-ms": 10.3}, ...]}

A ping is one packet that goes round: along the adjacency SIDs of the path in use, then along those of `back` (the far
end's; without it, those that came with the policy), and ends at this router. Where none are known the far router
answers it, along the IGP's way. A trace sends a few to each router of the path: the SIDs that lead there, then `nodes`,
the routers' own; they answer along the IGP's way.

Six micro SIDs go in the address, more of them in a routing header. Times are those at which we are woken, not the
kernel's stamps: it stamps a packet as it enters a port, and in a lab that is before the last link has held it back.
Nothing is open while nothing is measured.
"""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from highroad.agent import echo
from highroad.agent.config import AgentConfig
from highroad.agent.numbers import DSCP
from highroad.agent.selection import preferred
from highroad.agent.wanted import Used
from highroad.errors import Finding, Invalid, NotFound, Unavailable
from highroad.gnmi.router import ADJACENCY_FUNCTIONS, NODE_IDS, PROTECTED_FUNCTIONS, Intended, Policy, SegmentList

PATIENCE_S = 1.0
"""How long after the last packet is waited for what has not come."""

MOST_ECHOES, MOST_BYTES, MOST_MS = 1000, 9000, 10_000
MOST_HOPS = 64

TRIES, TRIED_EVERY_S = 3, 0.002
"""Packets to a router of a trace: one may meet a busy machine, on its way or when it is back."""

_ICMP6_FILTER = 1
_MICRO_SIDS = 6


class Prober:
    """What the RPCs `Ping` and `Trace` do on a router."""

    def __init__(self, config: AgentConfig, intended: Callable[[], Intended], in_use: Used = preferred) -> None:
        self._config = config
        self._intended = intended
        self._in_use = in_use

    async def ping(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Packets along a service's path, there and back. Raises Invalid, NotFound, Unavailable."""
        asked = _Asked(body, ("service", "count", "interval-ms", "size", "back", "list"))
        policy, segments = self._path(asked)
        count = asked.whole("count", 1, MOST_ECHOES, default=5)
        interval_s = asked.whole("interval-ms", 1, MOST_MS, default=200) / 1000
        size = asked.whole("size", 0, MOST_BYTES, default=64)
        back = asked.numbers("back", ADJACENCY_FUNCTIONS.start, PROTECTED_FUNCTIONS.stop - 1)
        asked.done()
        back = back or list(segments.back_functions)
        if back:
            way = [*segments.functions, *back, self._config.node]
            kind = echo.REPLY
        else:
            way = [*segments.functions, policy.remote_node]
            kind = echo.REQUEST
        rtts = await self._measured([way] * count, kind, policy, interval_s=interval_s, size=size)
        return {"echoes": [{"sequence": 1 + at, "rtt-ms": rtt} for at, rtt in enumerate(rtts)]}

    async def trace(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """To each router of a path a few packets: the quickest counts. Raises Invalid, NotFound, Unavailable."""
        asked = _Asked(body, ("service", "nodes", "list"))
        policy, segments = self._path(asked)
        nodes = asked.numbers("nodes", NODE_IDS.start, NODE_IDS.stop - 1)
        hops = len(segments.functions)
        if nodes and len(nodes) != hops:
            asked.say("nodes", f"has {len(nodes)} routers, and the path has {hops} hops")
        asked.done()
        # Of routers whose numbers we were not told we know the last one only.
        known: list[int | None] = [*nodes] if nodes else [None] * (hops - 1) + [policy.remote_node]
        ways = [[*segments.functions[: at + 1], node] if node is not None else None for at, node in enumerate(known)]
        asking = [way for way in ways if way]
        every = await self._measured(asking * TRIES, echo.REQUEST, policy, interval_s=TRIED_EVERY_S, size=0)
        measured = iter(_quickest(every[at :: len(asking)]) for at in range(len(asking)))
        links = segments.links or ("",) * hops
        return {
            "hops": [
                {"link": link, "site": link.rpartition(">")[2], "rtt-ms": next(measured) if way else None}
                for link, way in zip(links, ways, strict=True)
            ]
        }

    def _path(self, asked: _Asked) -> tuple[Policy, SegmentList]:
        """The policy of the service that is asked for, and the list of it that is in use."""
        service = asked.text("service")
        policy = self._intended().policies.get(service)
        if policy is None:
            asked.done()
            raise NotFound(f"this router steers no service {service!a}")
        lists = self._in_use(policy).segment_lists
        index = asked.whole("list", 0, len(lists) - 1, default=0)
        return policy, lists[index]

    async def _measured(
        self, ways: Sequence[Sequence[int]], kind: int, policy: Policy, *, interval_s: float, size: int
    ) -> list[float | None]:
        """Milliseconds until each packet came back, None for those that did not."""
        cookie = os.urandom(8)
        packets = [
            echo.packet(
                source=self._config.node_sid,
                way=self._addresses(way),
                last=self._config.sid(way[-1]),
                kind=kind,
                cookie=cookie,
                number=number,
                size_bytes=size,
                dscp=DSCP[policy.traffic_class],
            )
            for number, way in enumerate(ways)
        ]
        firsts = [self._addresses(way)[0] for way in ways]
        with _open(socket.IPPROTO_ICMPV6) as ears, _open(socket.IPPROTO_RAW) as mouth:
            _only_replies(ears)
            listening = _Listening(ears, cookie, len(ways))
            try:
                for number, (packet, first) in enumerate(zip(packets, firsts, strict=True)):
                    if number and interval_s:
                        await listening.wait(interval_s, until_all=False)
                    listening.sent(number)
                    try:
                        mouth.sendto(packet, (first, 0))
                    except OSError as error:
                        raise Unavailable(f"no probe can be sent towards {first}: {error.strerror}") from error
                await listening.wait(PATIENCE_S, until_all=True)
            finally:
                listening.close()
        return listening.rtts_ms

    def _addresses(self, way: Sequence[int]) -> list[str]:
        return [self._config.sid(*way[at : at + _MICRO_SIDS]) for at in range(0, len(way), _MICRO_SIDS)]


class _Listening:
    """Takes what comes back, as it comes."""

    def __init__(self, ears: socket.socket, cookie: bytes, count: int) -> None:
        self.rtts_ms: list[float | None] = [None] * count
        self._sent = [0] * count
        self._missing = count
        self._cookie = cookie
        self._ears = ears
        self._all = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(ears, self._hear)

    def sent(self, number: int) -> None:
        """It leaves now."""
        self._sent[number] = time.monotonic_ns()

    async def wait(self, duration_s: float, *, until_all: bool) -> None:
        """So long, or until nothing is missing."""
        if not until_all:
            await asyncio.sleep(duration_s)
            return
        try:
            await asyncio.wait_for(self._all.wait(), duration_s)
        except TimeoutError:
            return

    def close(self) -> None:
        """Hear no more."""
        self._loop.remove_reader(self._ears)

    def _hear(self) -> None:
        while True:
            try:
                data = self._ears.recv(echo.HEADER_BYTES)
            except BlockingIOError:
                return
            now_ns = time.monotonic_ns()
            came = echo.parsed(data)
            if came is None or came.cookie != self._cookie or not 0 <= came.number < len(self._sent):
                continue
            sent_ns = self._sent[came.number]
            if self.rtts_ms[came.number] is not None or not sent_ns:
                continue
            self.rtts_ms[came.number] = round((now_ns - sent_ns) / 1e6, 4)
            self._missing -= 1
            if not self._missing:
                self._all.set()


class _Asked:
    """The body of a request, read field by field; everything that is wrong with it is told at once."""

    def __init__(self, body: Mapping[str, Any], known: Sequence[str]) -> None:
        self._body = body
        self._found = [
            Finding(code="unknown-key", place=name, message="is not known here") for name in body if name not in known
        ]

    def say(self, name: str, message: str) -> None:
        """One thing that is wrong."""
        self._found.append(Finding(code="bad-value", place=name, message=message))

    def done(self) -> None:
        """Raises Invalid if anything was wrong."""
        if self._found:
            raise Invalid(self._found)

    def text(self, name: str) -> str:
        """Some text."""
        value = self._body.get(name)
        if not isinstance(value, str) or not value:
            self.say(name, "has to be a word")
            return ""
        return value

    def whole(self, name: str, least: int, most: int, *, default: int) -> int:
        """A whole number in a range."""
        value = self._body.get(name, default)
        if not isinstance(value, int) or isinstance(value, bool) or not least <= value <= most:
            self.say(name, f"{str(value)[:40]!a} has to be a whole number from {least} to {most}")
            return default
        return value

    def numbers(self, name: str, least: int, most: int) -> list[int]:
        """Whole numbers in a range; none where the field is not there."""
        value = self._body.get(name, [])
        if not isinstance(value, list) or len(value) > MOST_HOPS:
            self.say(name, f"has to be a list of at most {MOST_HOPS} numbers")
            return []
        good = [one for one in value if isinstance(one, int) and least <= one <= most]
        if len(good) != len(value):
            self.say(name, f"has to have whole numbers from {least} to {most}")
        return good


def _quickest(rtts_ms: Sequence[float | None]) -> float | None:
    return min((rtt for rtt in rtts_ms if rtt is not None), default=None)


def _open(protocol: int) -> socket.socket:
    try:
        opened = socket.socket(socket.AF_INET6, socket.SOCK_RAW | socket.SOCK_NONBLOCK, protocol)
    except PermissionError as error:
        raise Unavailable("probes need CAP_NET_RAW: the agent runs as root") from error
    return opened


def _only_replies(ears: socket.socket) -> None:
    """Let the kernel drop every other kind of ICMPv6 message (RFC 3542: a bit that is set is dropped)."""
    words = [0xFFFF_FFFF] * 8
    words[echo.REPLY >> 5] &= ~(1 << (echo.REPLY & 31))
    ears.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, struct.pack("@8I", *words))
