"""Measures every path that the router's policies have, all the time, and answers others that measure theirs (STAMP).

A session a path, however many services share it, in the class of the services, along the path's own segments; answers
come back along the segments that the path names, or by the way of the far end's IGP. All of it is done in the agent's
event loop: what is slow there makes no arrival late, since packets bear the kernel's stamp. In a lab light is held back
after that stamp, by `light_ms` of the port. Departures are noted just before a packet is handed over: a machine that is
busy at that moment adds to a figure.

    Measured  {"after": 17, "epoch": "5f3a"}
              -> {"epoch": "5f3a", "last": 21, "rows": [{"path": ..., "at": ..., "uses": [...], ...}, ...]}

Each interval (a second, unless packets are rarer) of each path is a row, and is kept for two minutes for who asks.
"""

from __future__ import annotations

import asyncio
import heapq
import logging
import os
import random
import socket
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from ipaddress import IPv6Address
from typing import Any

from highroad.agent import ears
from highroad.agent.clock import Clock, HostClock
from highroad.agent.config import AgentConfig, address_in
from highroad.agent.datagram import Road
from highroad.agent.ears import Arrival
from highroad.agent.measured import entry_of, reflector_of, row_of
from highroad.agent.paths import MeasuredPath, Routers, Use, paths_of, used_between
from highroad.errors import Finding, Invalid, Unavailable
from highroad.gnmi.router import CandidatePath, Intended, Policy
from highroad.stamp.interval import Interval
from highroad.stamp.reflector import Heard, Reflector
from highroad.stamp.sender import INTERVAL_NS, Sender
from highroad.stamp.tlv import ClassOfService, ReturnPath

KEPT_S, MOST_ROWS = 120.0, 20_000
ROWS_AT_ONCE = 2_000
LOOKED_EVERY_S, IDLY_EVERY_S = 0.5, 1.0
"""How often it is looked which paths there are, and which intervals are over: while there are some, and else."""

IN_USE_S = 1.0
"""How often it is looked which paths are in use."""

TOGETHER_S = 0.002
"""Packets that are due so soon leave at once."""

_MOST_ROADS = 4096
_MICRO_SIDS = 6

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Session:
    """A path that is measured."""

    path: MeasuredPath
    sender: Sender
    road: Road
    uses: list[tuple[int, tuple[Use, ...]]]
    """Who used it, and since when (by the clock that nobody sets)."""
    is_ending: bool = False
    last: dict[str, Any] | None = None


@dataclass(order=True, slots=True)
class _Due:
    at_ns: int
    session: _Session = field(compare=False)


class Measurer:
    """A router's sessions and its reflector. `start`, then `stop`."""

    def __init__(
        self,
        config: AgentConfig,
        intended: Callable[[], Intended],
        in_use: Callable[[Policy], CandidatePath],
        *,
        devices: Callable[[], Mapping[str, int]],
        key: bytes | None = None,
        clock: Clock | None = None,
    ) -> None:
        """`in_use` says which candidate path of a policy carries, `devices` are the numbers of interfaces; `key` is for
        all routers the same.
        """
        self._devices = devices
        self._key = key
        self._config = config
        self._settings = settings = config.measure
        self._intended, self._in_use = intended, in_use
        known_us = settings.clock_error_us
        self._clock: Clock = clock or HostClock(None if known_us is None else known_us * 1000.0)
        self._routers = Routers(IPv6Address(config.sid_block.partition("/")[0]).packed[:4])
        self.reflector = Reflector(
            key=key,
            own=[IPv6Address(one).packed for one in (config.node_sid, config.loopback)],
            may_ask=lambda source: self._routers.node(source) is not None,
            may_go=lambda segments, source: self._routers.functions(segments, source) is not None,
            most_per_s=settings.most_answers_per_s,
        )
        self._sessions: dict[MeasuredPath, _Session] = {}
        self._by_id: dict[int, _Session] = {}
        self._roads: OrderedDict[tuple[bytes, int, int, tuple[bytes, ...]], Road] = OrderedDict()
        self._known: tuple[Intended | None, int, dict[MeasuredPath, tuple[Use, ...]]] = None, 0, {}
        self._due: list[_Due] = []
        self._news = asyncio.Event()
        self._light_ns: dict[int, int] = {}
        self._rows: deque[tuple[int, int, dict[str, Any]]] = deque(maxlen=MOST_ROWS)
        self._told = 0
        self._epoch = os.urandom(4).hex()
        self._tasks: list[asyncio.Task[None]] = []
        self._sockets: _Sockets | None = None
        self._unsent = 0

    async def start(self) -> None:
        """Open the sockets and begin. Raises Unavailable."""
        port = self._settings.port
        try:
            self._sockets = sockets = _opened(port)
        except OSError as error:
            raise Unavailable(f"paths cannot be measured (UDP port {port}): {error.strerror}") from error
        loop = asyncio.get_running_loop()
        loop.add_reader(sockets.answering, self._answer, sockets)
        loop.add_reader(sockets.asking, self._hear, sockets)
        if self._key is None:
            _log.warning("measuring packets are not authenticated: no `measure.key` is in the agent's file")
        self._look(sockets)
        self._tasks = [
            asyncio.create_task(self._ask(sockets), name="ask"),
            asyncio.create_task(self._keep_looking(sockets), name="paths"),
        ]

    async def stop(self) -> None:
        """End it."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._sockets is not None:
            for one in (self._sockets.answering, self._sockets.asking):
                asyncio.get_running_loop().remove_reader(one)
            self._sockets.close()
            self._sockets = None

    # --- what was measured ----------------------------------------------------------------------------------

    async def measured(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The rows after a number, of this life of the agent or, for who knows none of it, all. Raises Invalid."""
        after, epoch = body.get("after", 0), body.get("epoch", "")
        if not isinstance(after, int) or isinstance(after, bool) or after < 0 or not isinstance(epoch, str):
            message = "has to be a number from 0 on, with the `epoch` that it is of"
            raise Invalid([Finding(code="bad-value", place="after", message=message)])
        if epoch != self._epoch:
            after = 0
        rows = [(number, row) for number, _, row in self._rows if number > after][:ROWS_AT_ONCE]
        last = rows[-1][0] if rows else max(after, self._told)
        return {"epoch": self._epoch, "last": last, "rows": [row for _, row in rows]}

    def state(self) -> list[dict[str, Any]]:
        """The entries of /router/state/measurement."""
        return [
            entry_of(one.path, one.uses[-1][1], one.sender.refused, one.last) for one in list(self._sessions.values())
        ]

    def reflector_state(self) -> dict[str, str]:
        """The content of /router/state/reflector."""
        return reflector_of(self.reflector)

    # --- asking ---------------------------------------------------------------------------------------------

    @property
    def period_ns(self) -> int:
        """Between two packets of a path: longer where there are very many."""
        wanted_s = max(self._settings.interval_ms / 1000.0, len(self._sessions) / self._settings.most_per_s)
        return round(wanted_s * 1e9)

    async def _ask(self, sockets: _Sockets) -> None:
        while True:
            now_ns = self._clock.now_ns()
            while self._due and self._due[0].at_ns <= now_ns + TOGETHER_S * 1e9:
                due = self._due[0]
                if due.session.is_ending:
                    heapq.heappop(self._due)
                    continue
                self._send(sockets, due.session)
                due.at_ns = max(due.at_ns + self.period_ns, now_ns)
                heapq.heapreplace(self._due, due)
            if self._due:
                left_s = (self._due[0].at_ns - self._clock.now_ns()) / 1e9
                await asyncio.sleep(min(LOOKED_EVERY_S, max(TOGETHER_S, left_s)))
            else:
                self._news.clear()
                await self._news.wait()

    def _send(self, sockets: _Sockets, session: _Session) -> None:
        clock = self._clock
        session.sender.interval_ns = _interval_ns(self.period_ns)
        packet = session.sender.ask(now_ns=clock.now_ns(), utc_ns=clock.utc_ns(), error=clock.error())
        try:
            sockets.mouth.sendto(session.road.packet(packet), (session.road.first, 0))
        except OSError as error:
            if not self._unsent:
                _log.warning("a measuring packet cannot be sent towards %s: %s", session.road.first, error.strerror)
            self._unsent += 1

    def _hear(self, sockets: _Sockets) -> None:
        for came in ears.arrivals(sockets.asking, self._light_ns):
            if self._routers.node(came.source) is None or came.port != self._settings.port:
                continue
            session = self._by_id.get(_session_of(came.data, sealed=self._key is not None))
            if session is not None:
                now_ns, utc_ns = self._clock.now_ns() - came.age_ns, self._clock.utc_ns() - came.age_ns
                session.sender.hear(came.data, now_ns=now_ns, utc_ns=utc_ns, error=self._clock.error())

    # --- answering ------------------------------------------------------------------------------------------

    def _answer(self, sockets: _Sockets) -> None:
        clock = self._clock
        for came in ears.arrivals(sockets.answering, self._light_ns):
            heard = Heard(
                data=came.data,
                source=came.source,
                port=came.port,
                hops=came.hops,
                traffic_class=came.traffic_class,
                at_ns=clock.utc_ns() - came.age_ns,
            )
            now_ns = clock.now_ns()
            # How long it stays is by the clock that nobody sets: one that is set meanwhile makes no answer wrong.
            leaves = partial(self._leaves_ns, heard.at_ns + came.age_ns - now_ns)
            reflection = self.reflector.reflect(heard, now_ns=now_ns, utc=leaves, error=clock.error())
            if reflection is None:
                continue
            road = self._road_back(came, reflection.dscp, reflection.segments)
            try:
                sockets.mouth.sendto(road.packet(reflection.data), (road.first, 0))
            except OSError as error:
                _log.debug("an answer cannot be sent towards %s: %s", road.first, error.strerror)

    def _leaves_ns(self, ahead_ns: int) -> int:
        return ahead_ns + self._clock.now_ns()

    def _road_back(self, came: Arrival, dscp: int, segments: tuple[bytes, ...]) -> Road:
        name = (came.source, came.port, dscp, segments)
        road = self._roads.get(name)
        if road is None:
            functions = self._routers.functions(segments, came.source) or ()
            node = self._routers.node(came.source) or 0
            own = address_in(self._config.sid_block, node)
            last = own if functions else str(IPv6Address(came.source))
            way = self._addresses((*functions, node)) if functions else [last]
            road = self._roads[name] = Road(
                source=self._config.node_sid,
                way=way,
                last=last,
                port=self._settings.port,
                far_port=came.port,
                dscp=dscp,
            )
            if len(self._roads) > _MOST_ROADS:
                self._roads.popitem(last=False)
        return road

    # --- which paths ----------------------------------------------------------------------------------------

    async def _keep_looking(self, sockets: _Sockets) -> None:
        while True:
            await asyncio.sleep(LOOKED_EVERY_S if self._by_id else IDLY_EVERY_S)
            try:
                self._look(sockets)
            except Exception:
                _log.exception("the paths to be measured could not be looked at")

    def _look(self, sockets: _Sockets) -> None:
        """Bring the sessions in line with the policies, and take what is over."""
        self._light_ns = self._lights()
        now_ns = self._clock.now_ns()
        wanted = self._wanted(now_ns)
        for path in self._sessions.keys() - wanted.keys():
            self._sessions.pop(path).is_ending = True
        new = [path for path in wanted if path not in self._sessions]
        for at, path in enumerate(new):
            session = self._begin(sockets, path, wanted[path], now_ns)
            heapq.heappush(self._due, _Due(now_ns + self.period_ns * at // len(new), session))
            self._news.set()
        for path, session in self._sessions.items():
            if session.uses[-1][1] != wanted[path]:
                session.uses.append((now_ns, wanted[path]))
                del session.uses[:-8]
        for number, session in list(self._by_id.items()):
            for interval in session.sender.over(now_ns):
                self._note(session, interval, now_ns)
            if session.is_ending and session.sender.is_idle:
                del self._by_id[number]
        while self._rows and now_ns - self._rows[0][1] > KEPT_S * 1e9:
            self._rows.popleft()

    def _wanted(self, now_ns: int) -> dict[MeasuredPath, tuple[Use, ...]]:
        """Every path; of policies that are as they were it is looked once a second which of theirs are in use."""
        intended = self._intended()
        known, since_ns, wanted = self._known
        if intended is not known or now_ns - since_ns >= IN_USE_S * 1e9:
            wanted = paths_of(intended, self._in_use) if self._settings.interval_ms else {}
            self._known = intended, now_ns, wanted
        return wanted

    def _begin(self, sockets: _Sockets, path: MeasuredPath, uses: tuple[Use, ...], now_ns: int) -> _Session:
        number = random.randrange(1, 1 << 16)  # noqa: S311 - a name, and no secret
        while number in self._by_id:
            number = number % 0xFFFF + 1
        tlvs = [ClassOfService(wanted=path.dscp).tlv()]
        if path.back:
            segments = self._addresses((*path.back, self._config.node))
            tlvs.append(ReturnPath(segments=tuple(IPv6Address(one).packed for one in segments)).tlv())
        road = Road(
            source=self._config.node_sid,
            way=self._addresses((*path.functions, path.node)),
            last=self._config.sid(path.node),
            port=sockets.port,
            far_port=self._settings.port,
            dscp=path.dscp,
        )
        sender = Sender(session=number, key=self._key, tlvs=tlvs)
        session = _Session(path=path, sender=sender, road=road, uses=[(now_ns, uses)])
        self._sessions[path] = self._by_id[number] = session
        return session

    def _note(self, session: _Session, interval: Interval, now_ns: int) -> None:
        ended_ns = now_ns - (self._clock.utc_ns() - interval.at_ns - interval.for_ns)
        uses = used_between(session.uses, ended_ns - interval.for_ns, ended_ns)
        row = row_of(session.path, uses, interval)
        session.last = row
        self._told += 1
        self._rows.append((self._told, now_ns, row))

    def _lights(self) -> dict[int, int]:
        known = self._devices()
        held = {port.interface: round(port.light_ms * 1e6) for port in self._config.core_ports if port.light_ms}
        return {known[name]: light_ns for name, light_ns in held.items() if name in known}

    def _addresses(self, way: tuple[int, ...]) -> list[str]:
        return [self._config.sid(*way[at : at + _MICRO_SIDS]) for at in range(0, len(way), _MICRO_SIDS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sockets:
    answering: socket.socket
    asking: socket.socket
    mouth: socket.socket

    @property
    def port(self) -> int:
        """Where answers come in."""
        return int(self.asking.getsockname()[1])

    def close(self) -> None:
        for one in (self.answering, self.asking, self.mouth):
            one.close()


def _opened(port: int) -> _Sockets:
    with ExitStack() as failed:
        answering = failed.enter_context(ears.udp(port))
        asking = failed.enter_context(ears.udp(0))
        mouth = failed.enter_context(ears.raw())
        failed.pop_all()
    return _Sockets(answering=answering, asking=asking, mouth=mouth)


def _interval_ns(period_ns: int) -> int:
    """A second, or as many as there are from one packet to the next."""
    return INTERVAL_NS * max(1, -(-period_ns // INTERVAL_NS))


def _session_of(data: bytes, *, sealed: bool) -> int:
    """The session's identifier (RFC 8972, section 3)."""
    return int.from_bytes(data[26:28] if sealed else data[14:16])
