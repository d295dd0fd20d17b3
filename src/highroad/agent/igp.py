"""The routers' own reachability: BIRD with OSPFv3, configured and looked after by the agent.

It announces the router's locator, in which its loopback is, and costs links by their latency. Customers' traffic does
not depend on it: that follows explicit adjacency SIDs. Management, probes' answers and the far ends of tunnels do.

BIRD is a process of its own session, known by its control socket: an agent that was killed leaves it running, the
next one finds it there and only tells it what is new in its file. Its end is seen at once, without polling, and it is
started again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import shutil
import signal
from ipaddress import IPv4Address, IPv6Network
from pathlib import Path

from highroad.agent.config import AgentConfig
from highroad.errors import Unavailable

HELLO_S, DEAD_S = 1, 3
COST_PER_MS = 100
MOST_COST = 65_535
LOG_BYTES = 1_000_000

ANSWER_S = 3.0
"""How long BIRD may take for an answer on its control socket."""
STEADY_S = 30.0
"""Who has run so long is started again at once when it ends; who has not, later and later."""
LAST_PAUSE_S = 60.0

_log = logging.getLogger(__name__)


def configuration(config: AgentConfig, folder: Path) -> str:
    """BIRD's file for a router; `folder` takes its log."""
    ports = "".join(
        f"    interface {_quoted(port.interface)} {{\n"
        f"      type ptp; cost {_cost(port.latency_ms)}; hello {HELLO_S}; dead {DEAD_S}; retransmit 2;\n"
        "      check link yes;\n"
        "    };\n"
        for port in config.core_ports
    )
    log = folder / "bird.log"
    return f"""\
# Written by highroad agent for {config.name}; what is changed here is lost.
log {_quoted(str(log))} {LOG_BYTES} {_quoted(f"{log}.1")} {{ warning, error, fatal, bug }};
router id {IPv4Address(config.node)};
protocol device {{ scan time 60; }}
protocol kernel {{
  scan time 60;
  ipv6 {{
    import none;
    # Locators only: a way around to a neighbour's port would lead adjacency SIDs astray once its link is lit again.
    export where net ~ [ {IPv6Network(config.sid_block)}{{48,48}} ]
      && source ~ [ RTS_OSPF, RTS_OSPF_IA, RTS_OSPF_EXT1, RTS_OSPF_EXT2 ];
  }};
}}
protocol ospf v3 {{
  ecmp no;
  ipv6 {{ import all; export none; }};
  area 0 {{
    stubnet {config.locator} {{ cost 0; }};
{ports}  }};
}}
"""


class Bird:
    """One router's BIRD: `start` finds it or starts it, and it is kept running until `stop`."""

    def __init__(self, config: AgentConfig) -> None:
        self._folder = config.state
        self._file, self._socket, self._pid_file = (config.state / f"bird.{end}" for end in ("conf", "ctl", "pid"))
        self._text = configuration(config, config.state)
        self._keeper: asyncio.Task[None] | None = None
        self._pid: int | None = None

    @property
    def pid(self) -> int | None:
        """Of the process that runs, or None."""
        return self._pid

    async def start(self) -> None:
        """Begin to keep it running; returns when it runs, or was found not to start (it is tried again)."""
        tried = asyncio.Event()
        self._keeper = asyncio.create_task(self._keep(tried), name="bird")
        await tried.wait()

    async def stop(self, *, leave: bool = False) -> None:
        """Stop keeping it, and end it, unless it is to be left running for the next agent."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        if self._pid is None or leave:
            return
        try:
            await self._ask("down")
            await asyncio.wait_for(_ended(self._pid), ANSWER_S)
        except (OSError, TimeoutError, Unavailable):
            await _killed(self._pid)
        self._pid = None

    async def _keep(self, tried: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        pause_s = 0.0
        while True:
            since = loop.time()
            try:
                self._pid = await self._adopt() or await self._launch()
            except (OSError, Unavailable) as error:
                if pause_s < LAST_PAUSE_S:
                    _log.error("the IGP does not run: %s", error)
            else:
                tried.set()
                await _ended(self._pid)
                _log.warning("BIRD (process %d) ended; starting it again", self._pid)
                self._pid = None
            tried.set()
            pause_s = 0.0 if loop.time() - since > STEADY_S else min(max(0.2, 2 * pause_s), LAST_PAUSE_S)
            await asyncio.sleep(pause_s)

    async def _adopt(self) -> int | None:
        """The process that a predecessor left running, if it is there and takes our file."""
        try:
            pid = int(self._pid_file.read_text())
            await self._ask("show status")
        except (OSError, ValueError, TimeoutError, Unavailable):
            return None
        if self._file.read_text() != self._text:
            _write(self._file, self._text)
            await self._ask("configure")
        return pid

    async def _launch(self) -> int:
        program = shutil.which("bird", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin")
        if program is None:
            raise Unavailable("BIRD 2 is not installed: apt install bird2, or say `igp: none` in the agent's file")
        _write(self._file, self._text)
        self._socket.unlink(missing_ok=True)
        self._pid_file.unlink(missing_ok=True)
        argv = [program, "-f", "-c", str(self._file), "-s", str(self._socket), "-P", str(self._pid_file)]
        said = self._folder / "bird.err"
        pid = _spawned(argv, said)
        try:
            await self._wait_ready(pid, said)
        except BaseException:
            await _killed(pid)
            raise
        return pid

    async def _wait_ready(self, pid: int, said: Path) -> None:
        deadline = asyncio.get_running_loop().time() + ANSWER_S
        while asyncio.get_running_loop().time() < deadline:
            with contextlib.suppress(OSError, TimeoutError):
                await self._ask("show status")
                return
            if not _lives(pid):
                raise Unavailable(f"BIRD does not start: {_last_line(said)}")
            await asyncio.sleep(0.02)
        raise Unavailable(f"BIRD does not answer on {self._socket}")

    async def _ask(self, command: str) -> list[str]:
        return await ask(self._socket, command)


async def ask(control: Path, command: str) -> list[str]:
    """What BIRD answers on its control socket, line by line. Raises Unavailable with what it refuses, OSError."""
    reader, writer = await asyncio.wait_for(asyncio.open_unix_connection(control), ANSWER_S)
    try:
        await asyncio.wait_for(_answer(reader), ANSWER_S)
        writer.write(f"{command}\n".encode())
        return await asyncio.wait_for(_answer(reader), ANSWER_S)
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> list[str]:
    """Lines up to the one whose code is followed by a space: `1000-` goes on, ` ` goes on, `0000 ` ends."""
    lines = []
    while True:
        line = (await reader.readline()).decode(errors="replace").rstrip("\n")
        if not line:
            raise ConnectionResetError("BIRD closed its control socket")
        lines.append(line[1:] if line[:1] in " +" else line[5:])
        if line[:4].isdigit() and line[4:5] in (" ", ""):
            if line[0] in "89":
                raise Unavailable(f"BIRD refuses: {line[5:]}")
            return lines


def _spawned(argv: list[str], said: Path) -> int:
    """A process in a session of its own, so that it neither gets our signals nor ends with us."""
    return os.posix_spawn(
        argv[0],
        argv,
        os.environ,
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (os.POSIX_SPAWN_OPEN, 1, str(said), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
            (os.POSIX_SPAWN_DUP2, 1, 2),
        ],
        setsid=True,
    )


def _last_line(file: Path) -> str:
    lines = file.read_text(errors="replace").strip().splitlines()
    return lines[-1] if lines else "it says nothing"


async def _killed(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    await _ended(pid)


def _lives(pid: int) -> bool:
    """Whether a child of ours has not ended yet."""
    try:
        return os.waitpid(pid, os.WNOHANG) == (0, 0)
    except ChildProcessError:
        return False


async def _ended(pid: int) -> None:
    """Wait until a process has ended, our child or not."""
    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    done = asyncio.Event()
    loop.add_reader(fd, done.set)
    try:
        await done.wait()
    finally:
        loop.remove_reader(fd)
        os.close(fd)
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)  # noqa: ASYNC222 - WNOHANG does not wait


def _cost(latency_ms: float) -> int:
    return max(1, min(MOST_COST, round(latency_ms * COST_PER_MS)))


def _quoted(text: str) -> str:
    if '"' in text or "\n" in text:
        raise ValueError(f"{text!a} cannot stand in BIRD's file")
    return f'"{text}"'


def _write(path: Path, text: str) -> None:
    beside = path.with_suffix(".new")
    beside.write_text(text)
    beside.rename(path)
