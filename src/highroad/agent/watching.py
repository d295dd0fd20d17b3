"""The agent's side of the watcher: starts it where none runs, says what to watch and to repair with, and listens.

The watcher is a process of its own, in a session of its own: it goes on when the agent ends, whichever way, and the
next agent finds it by its socket. One that dies is started again; what it knew is in its file, and in the kernel.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path
from typing import Any

from highroad.agent import numbers as n
from highroad.agent.config import AgentConfig, CorePort
from highroad.agent.crossed import Crossed
from highroad.agent.keyfile import read_key
from highroad.agent.repair import repairs
from highroad.gnmi.router import Intended
from highroad.watch import process
from highroad.watch.talk import (
    PortConfig,
    PortReport,
    WatchConfig,
    config_to_json,
    give_back,
    is_ours,
    name_of,
    report_from_json,
)

AGAIN_S, LAST_PAUSE_S = 0.05, 5.0
"""How long until a watcher that does not answer is asked again, at first and at most."""

FLIPPED_S = 0.02
"""What follows from what the watcher says is done by then, or is not as urgent as it seemed."""

_PATIENCE_S = 3.0
_TRIES = 10
_LONGEST_LINE = 1 << 20

_log = logging.getLogger(__name__)


def ensure(config: AgentConfig) -> None:
    """Start a watcher where none runs: forked, so that it shares this process's memory. To be called before there is a
    second thread. Does nothing where ports are not to be watched.
    """
    if config.watch.hellos and not _answers(config.state) and threading.active_count() == 1:
        config.state.mkdir(parents=True, exist_ok=True, mode=0o700)
        if pid := os.fork():
            os.waitpid(pid, 0)  # it has a child, which is nobody's
        else:
            _become(config.state)


def watch_config(config: AgentConfig) -> WatchConfig:
    """What the watcher is told of the ports. Raises Invalid where a key is none."""
    told = config.watch
    key = b"" if told.key is None else read_key(told.key)
    return WatchConfig(
        ports=tuple(
            PortConfig(
                interface=port.interface,
                key=_key_of(port, key),
                light_ms=port.light_ms / 2,
                news_ms=port.light_ms,
                link=port.link,
            )
            for port in config.core_ports
        ),
        table=n.TABLE_HOPS,
        metric=n.METRIC_SILENT,
        interval_ms=told.interval_ms,
        missed=told.missed,
        loss=told.loss,
        hold_up_s=told.hold_up_s,
        hold_up_most_s=max(60.0, told.hold_up_s),
    )


class Watching:
    """The line to the watcher. For one event loop."""

    def __init__(
        self,
        config: AgentConfig,
        *,
        on_report: Callable[[PortReport], None],
        on_lost: Callable[[list[str], bool], None] = lambda *_: None,
    ) -> None:
        """`on_lost` is called with the links that policies cross and others have lost, and whether that is all. Raises
        Invalid where a key is none.
        """
        self._state = config.state
        self._config = config
        self._told = config_to_json(watch_config(config))
        self._on_report = on_report
        self._on_lost = on_lost
        self._crossed = Crossed()
        self._backups: dict[str, list[tuple[str, int]]] = {}
        self._line: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None
        self.pid: int | None = None
        """Of the watcher, once it has answered."""

    async def start(self, intended: Intended) -> None:
        """Begin to keep one running, and wait a moment for its first words."""
        self.feed(intended)
        if not self._config.watch.hellos:
            await self._dismiss()
            return
        if self._config.core_ports and not any(port["key"] for port in self._told["ports"]):
            _log.warning("neighbours are watched without a key: whoever is on the wire can pretend to be one")
        heard = asyncio.Event()
        self._task = asyncio.create_task(self._keep(heard), name="watcher")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(heard.wait(), _PATIENCE_S)

    async def stop(self, *, leave: bool) -> None:
        """Hang up; the watcher goes on, unless it is to end with us."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if not leave:
            await self._dismiss()

    def feed(self, intended: Intended) -> None:
        """What is to be repaired, and by what, by all that the router is told."""
        backups = repairs(self._config, intended)
        if backups != self._backups:
            self._backups = backups
            self._say({"backups": backups})
        if self._crossed.take(intended.policies):
            self._say({"crossed": self._crossed.links})

    # --- inside ---------------------------------------------------------------------------------------------

    async def _keep(self, heard: asyncio.Event) -> None:
        pause_s = AGAIN_S
        while True:
            connected = await self._called()
            if connected is None:
                _log.warning("no watcher runs: starting one")
                await self._launch()
                connected = await self._called()
            if connected is None:
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, LAST_PAUSE_S)
                continue
            pause_s = AGAIN_S
            reader, writer = connected
            try:
                self._line = writer
                self._say(
                    {"config": self._told, "backups": self._backups, "crossed": self._crossed.links, "gives_back": True}
                )
                await self._listen(reader, heard)
            finally:
                give_back()
                self._line = None
                writer.close()

    async def _called(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter] | None:
        """The line to a watcher that runs, or has just been started; None where none answers for a while."""
        for _ in range(_TRIES):
            with contextlib.suppress(OSError):
                return await _connect(self._state)
            await asyncio.sleep(AGAIN_S)
        return None

    async def _listen(self, reader: asyncio.StreamReader, heard: asyncio.Event) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while line := await reader.readline():
                try:
                    self._hear(json.loads(line), heard)
                except (ValueError, KeyError, TypeError) as error:
                    _log.error("what the watcher says cannot be read: %r", error)

    def _hear(self, said: dict[str, Any], heard: asyncio.Event) -> None:
        if "pid" in said:
            self.pid = said["pid"]
        for one in said.get("ports", ()):
            self._on_report(report_from_json(one))
        if said.get("configured"):
            heard.set()
        if "port" in said:
            self._on_report(report_from_json(said["port"]))
        if not said.get("configured"):
            asyncio.get_running_loop().call_later(FLIPPED_S, give_back)
        if "lost" in said:
            self._on_lost([str(one) for one in said["lost"]], bool(said["whole"]))

    def _say(self, said: dict[str, Any]) -> None:
        if self._line is not None:
            self._line.write(json.dumps(said).encode() + b"\n")

    async def _launch(self) -> None:
        """A new one. With threads about nobody may fork: it is one that begins from nothing, and takes longer."""
        try:
            await asyncio.to_thread(_spawn, self._state)
        except OSError as error:
            _log.error("the watcher does not start: %s", error)

    async def _dismiss(self) -> None:
        """Have it say goodbye to the neighbours, and end."""
        with contextlib.suppress(OSError, TimeoutError):
            reader, writer = await _connect(self._state)
            writer.write(b'{"leave":true}\n')
            await asyncio.wait_for(reader.read(), _PATIENCE_S)
            writer.close()


def _key_of(port: CorePort, key: bytes) -> bytes:
    """The key of one link, from its own file or drawn from that of all: the same at both ends."""
    if port.key is not None:
        return read_key(port.key)
    ends = "|".join(sorted((port.address, port.neighbour))).encode()
    return blake2b(ends, key=key, digest_size=32, person=b"highroad-link").digest() if key else b""


async def _connect(state: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_unix_connection(name_of(state), limit=_LONGEST_LINE)
    if not is_ours(writer.get_extra_info("socket")):
        writer.close()
        raise ConnectionRefusedError("somebody else answers in the watcher's place")
    return reader, writer


def _answers(state: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as line:
        try:
            line.connect(name_of(state))
        except OSError:
            return False
        return is_ours(line)


def _become(state: Path) -> None:
    """Be the watcher, after a fork: twice, so that nobody waits for it."""
    status = 1
    try:
        os.setsid()
        if os.fork():
            os._exit(0)
        os.closerange(3, os.sysconf("SC_OPEN_MAX"))
        os.environ.pop("NOTIFY_SOCKET", None)
        process.main(state)
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(status)


def _spawn(state: Path) -> None:
    argv = [sys.executable, "-m", "highroad.watch", "--alone", str(state)]
    environment = {name: value for name, value in os.environ.items() if name != "NOTIFY_SOCKET"}
    pid = os.posix_spawn(argv[0], argv, environment, setsid=False)
    os.waitpid(pid, 0)
