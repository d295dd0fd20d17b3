"""The process that keeps a lab: it builds it, breaks it on request, and outlives whoever asked for it.

`python -m highroad.lab.daemon FOLDER` is what `run.start` starts. The folder has the network and the options; what
the daemon prints goes to `daemon.log` there. When it ends in good order, nothing of the lab is left; when it is
killed, packets and agents go on, and the next start takes away what is left.
"""

from __future__ import annotations

import asyncio
import fcntl
import gc
import os
import secrets
import shutil
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from highroad.errors import Conflict, HighroadError, NotFound, Unavailable, did_you_mean
from highroad.formats import native
from highroad.lab import agents, ping, record
from highroad.lab.build import build
from highroad.lab.children import Child, fork, last_line
from highroad.lab.delay.process import Arrival
from highroad.lab.delay.process import work as delay
from highroad.lab.hosts import Hosts, Laid
from highroad.lab.names import LabId, lab_id
from highroad.lab.nursery import Agent, Nursery, Order
from highroad.lab.nursery import Child as AgentState
from highroad.lab.optics import Optics
from highroad.lab.plan import Plan, plan_of
from highroad.lab.sweep import sweep
from highroad.lab.talk import (
    LONGEST,
    Answer,
    CutAsked,
    Info,
    OfferAsked,
    Options,
    PingAsked,
    Request,
    RouterInfo,
    refusal,
)
from highroad.lab.traffic.process import Asked, Carry, End, Generator, Traffic
from highroad.lab.usage import cpu_s, memory_mb
from highroad.model.network import SiteId
from highroad.model.service import ServiceId
from highroad.ports import CutState, Echo, LabStatus, Load, RouterState, Wire

NETWORK, OPTIONS, LOG = "network.yaml", "lab.json", "daemon.log"

READY = "ready"
FAILED = 7

_LOST = {
    "delay": "links have no length.",
    "traffic": "hosts send nothing, and nothing is counted.",
    "nursery": "agents that end are not started again.",
}

_AT_ONCE = 200
"""How many wires are laid or taken before somebody else is heard."""

_READY_S = 60.0
_DELAY_READY_S = 20.0


class Daemon:
    """One lab, built and running."""

    def __init__(
        self, lab: LabId, plan: Plan, options: Options, children: dict[str, Child], about: dict[SiteId, Agent]
    ) -> None:
        """Of a lab whose namespaces and processes are there."""
        self.lab = lab
        self.plan = plan
        self.options = options
        self.instance = secrets.token_hex(4)
        self.note = ""
        self.ended = asyncio.Event()
        self._children = children
        self._agents = about
        self._optics = Optics(lab, plan)
        self._hosts = Hosts(lab, plan)
        self._loads: dict[ServiceId, Load] = {}
        self._laying = asyncio.Lock()
        self._handlers: dict[str, tuple[Any, Callable[[Any], Awaitable[Any]]]] = {
            "attach": (list[Wire], self._attach),
            "detach": (list[str], self._take),
            "wired": (None, self._wired),
            "carry": (list[Load], self._carry),
            "offer": (OfferAsked, self._offer),
            "traffic": (None, self._traffic),
            "ping": (PingAsked, self._ping),
            "cut": (CutAsked, self._cut),
            "uncut": (str, self._uncut),
            "kill": (str, self._kill),
            "revive": (str, self._revive),
            "status": (None, self._status),
            "info": (None, self._info),
            "ready": (None, self._ready),
            "down": (None, self._down),
        }

    async def begin(self) -> None:
        """Start every agent."""
        if self._agents:
            await self._order(Order(start=list(self._agents)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one caller until it leaves."""
        with suppress(OSError, asyncio.IncompleteReadError, ValueError, asyncio.CancelledError):
            while line := await reader.readline():
                writer.write(msgspec.json.encode(await self._answer(line)) + b"\n")
                await writer.drain()
        writer.close()

    async def _answer(self, line: bytes) -> Answer:
        try:
            request = msgspec.json.decode(line, type=Request)
            if request.do not in self._handlers:
                raise NotFound(f"a lab cannot {request.do[:50]}{did_you_mean(request.do, self._handlers)}")
            kind, handler = self._handlers[request.do]
            value = await handler(msgspec.json.decode(request.about, type=kind))
            return Answer(value=msgspec.Raw(msgspec.json.encode(value)))
        except msgspec.DecodeError as error:
            return Answer(code=Unavailable.code, message=f"the lab does not understand: {error}")
        except HighroadError as error:
            return refusal(error)

    # ------------------------------------------------------------------------------------------------ wires

    async def _attach(self, wires: list[Wire]) -> dict[str, str]:
        async with self._laying:
            before = dict(self._hosts.laid)
            refused: dict[str, str] = {}
            for start in range(0, len(wires), _AT_ONCE):
                refused |= self._hosts.attach(wires[start : start + _AT_ONCE])
                await asyncio.sleep(0)  # others have questions as well
            anew = {name for name, laid in self._hosts.laid.items() if before.get(name, laid) != laid}
            loads = [load for load in self._loads.values() if {load.a, load.b} & anew]
            if loads:
                await self._carry(loads)
            return refused

    async def _take(self, attachments: list[str]) -> None:
        async with self._laying:
            gone = set(attachments)
            stop = [name for name, load in self._loads.items() if {load.a, load.b} & gone]
            if stop:
                await self._ask_traffic(Asked(stop=[str(name) for name in stop]))
                for name in stop:
                    del self._loads[name]
            for start in range(0, len(attachments), _AT_ONCE):
                self._hosts.detach(attachments[start : start + _AT_ONCE])
                await asyncio.sleep(0)

    async def _wired(self, _: None) -> list[str]:
        return sorted(self._hosts.laid)

    # ---------------------------------------------------------------------------------------------- traffic

    async def _carry(self, loads: list[Load]) -> None:
        carry = [Carry(load=load, a=self._end(load.a), b=self._end(load.b)) for load in loads]
        await self._ask_traffic(Asked(carry=carry))
        self._loads |= {load.service: load for load in loads}

    async def _offer(self, asked: OfferAsked) -> None:
        await self._ask_traffic(Asked(offer={asked.service: asked.offered_gbps}))

    async def _traffic(self, _: None) -> dict[str, Traffic]:
        return await self._ask_traffic(Asked())

    async def _ask_traffic(self, asked: Asked) -> dict[str, Traffic]:
        answer = await self._children["traffic"].ask(msgspec.json.encode(asked))
        return msgspec.json.decode(answer, type=dict[str, Traffic])

    async def _ping(self, asked: PingAsked) -> list[Echo]:
        a, b = self._ends(asked.service)
        host = self._hosts.host(a.wire.port)
        return await ping.ping(
            host.namespace,
            a.interface,
            a.address,
            b.address,
            count=min(max(1, asked.count), 1000),
            interval_ms=max(1.0, asked.interval_ms),
            size_bytes=min(max(28, asked.size_bytes), a.wire.mtu_bytes),
        )

    def _ends(self, service: ServiceId) -> tuple[Laid, Laid]:
        load = self._loads.get(service)
        if load is not None:
            return self._laid(load.a), self._laid(load.b)
        ends = sorted(
            (one for one in self._hosts.laid.values() if one.wire.service == service),
            key=lambda one: one.wire.attachment,
        )
        if len(ends) != 2:
            raise NotFound(f"no wires lie for the service {service}")
        return ends[0], ends[1]

    def _laid(self, attachment: str) -> Laid:
        if attachment not in self._hosts.laid:
            raise NotFound(f"no wire lies for {attachment}")
        return self._hosts.laid[attachment]

    def _end(self, attachment: str) -> End:
        laid = self._laid(attachment)
        name = self._hosts.host(laid.wire.port).name
        # what an Ethernet service carries has its own header besides, within the same MTU of the port
        return End(namespace=name, interface=laid.interface, address=laid.address, mtu_bytes=laid.wire.mtu_bytes)

    # --------------------------------------------------------------------------------------------- breaking

    async def _cut(self, asked: CutAsked) -> None:
        fibre = self._optics.fibre(asked.fibre)
        have = self._optics.cut.get(fibre)
        if have is None or have.silent != asked.silent:
            since_s = time.time() if have is None else have.since_s
            self._optics.cut[fibre] = CutState(since_s=since_s, silent=asked.silent)
            self._optics.shine()

    async def _uncut(self, name: str) -> None:
        self._optics.cut.pop(self._optics.fibre(name), None)
        self._optics.shine()

    async def _kill(self, name: str) -> None:
        site = self._optics.site(name)
        self._optics.killed.setdefault(site, time.time())
        self._optics.shine()
        self._hosts.shine(self._optics.killed)
        await self._order(Order(kill=[site]))

    async def _revive(self, name: str) -> None:
        site = self._optics.site(name)
        if self._optics.killed.pop(site, None) is not None:
            self._optics.shine()
            self._hosts.shine(self._optics.killed)
        await self._order(Order(start=[site]))

    async def _order(self, order: Order) -> dict[str, AgentState]:
        if not self._agents:
            return {}
        answer = await self._children["nursery"].ask(msgspec.json.encode(order))
        return msgspec.json.decode(answer, type=dict[str, AgentState])

    # ----------------------------------------------------------------------------------------------- telling

    async def _status(self, _: None) -> LabStatus:
        children = await self._order(Order())
        routers = []
        for router in self.plan.routers:
            killed_s = self._optics.killed.get(router.site)
            routers.append(RouterState(site=router.site, killed_s=killed_s, note=_note(children.get(router.site))))
        return LabStatus(routers=routers, cuts=dict(self._optics.cut))

    async def _info(self, _: None) -> Info:
        children = await self._order(Order())
        processes = record.living(self.lab)
        gone = [role for role in self._children if role not in processes]
        if gone:
            self.note = f"the lab's {' and '.join(gone)} process has ended: {' '.join(_LOST[role] for role in gone)}"
        return Info(
            instance=self.instance,
            network=self.plan.network,
            rate_scale=self.options.rate_scale,
            delay=self.options.delay and not self.note,
            note=self.note,
            routers=[self._router(router.site, children) for router in self.plan.routers],
            hosts={port: host.name for port, host in self._hosts.all.items()},
            cuts=dict(self._optics.cut),
            processes=processes,
            memory_mb=sum(memory_mb(pid) or 0.0 for pid in processes.values()),
        )

    def _router(self, site: SiteId, children: dict[str, AgentState]) -> RouterInfo:
        child = children.get(site)
        pid = None if child is None else child.pid
        return RouterInfo(
            site=site,
            name=agents.name_of(site),
            address=agents.address(self.lab, site),
            node=self.plan.router[site].node,
            namespace=self.lab.router(site),
            pid=pid,
            restarts=0 if child is None else child.ended,
            memory_mb=None if pid is None else memory_mb(pid),
            cpu_s=None if pid is None else cpu_s(pid),
            killed_s=self._optics.killed.get(site),
        )

    async def _ready(self, _: None) -> None:
        """Wait until every agent answers. Raises Unavailable with what one printed that does not."""
        until = time.monotonic() + _READY_S
        waiting = [agent for site, agent in self._agents.items() if site not in self._optics.killed]
        while waiting:
            waiting = [agent for agent in waiting if not _answers(agents.address(self.lab, SiteId(agent.site)))]
            children = await self._order(Order())
            lost = [agent for agent in waiting if children[agent.site].ended > 1]
            if waiting and (lost or time.monotonic() > until):
                raise Unavailable(
                    f"the agent of {(lost or waiting)[0].site} does not start: {last_line((lost or waiting)[0].log)}"
                )
            await asyncio.sleep(0.02)

    async def _down(self, _: None) -> None:
        self.ended.set()

    def close(self) -> None:
        """Let go of everything; `sweep` then takes it away."""
        self._optics.close()
        self._hosts.close()


def main(folder: Path) -> None:
    """Keep the lab of a folder until somebody says `down`."""
    lab = lab_id(folder)
    options = msgspec.json.decode((folder / OPTIONS).read_bytes(), type=Options)
    network = native.read((folder / NETWORK).read_text(encoding="utf-8")).network
    if network is None:
        raise Unavailable(f"the network in {folder} cannot be read")
    plan = plan_of(network)
    lab.run_folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(lab.run_folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise Conflict(f"the lab of {folder} is up already") from None
    sweep(lab, folder)
    record.note(lab, "daemon", os.getpid())
    try:
        asyncio.run(_run(_prepare(lab, folder, plan, options)))
    finally:
        sweep(lab, folder, but=os.getpid())
        with suppress(OSError):
            lab.socket.unlink(missing_ok=True)
        os.close(lock)


def _prepare(lab: LabId, folder: Path, plan: Plan, options: Options) -> Callable[[], Daemon]:
    """Build it all; what is forked is forked here, while there is one thread and no loop."""
    logs = folder / "logs"
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(mode=0o700, parents=True, exist_ok=True)
    gc.collect()
    gc.freeze()
    about: dict[SiteId, Agent] = {}
    children = {}
    at_s = time.time()
    pki = Path(options.pki) if options.pki else folder / "pki"
    if options.entry is not None:
        about = agents.furnish(lab, folder, plan, pki=pki, rate_scale=options.rate_scale, igp=options.igp, at_s=at_s)
        nursery = Nursery(lab, {str(site): agent for site, agent in about.items()}, options.entry)
        children["nursery"] = fork(lab, "nursery", logs / "nursery.log", nursery.run)
    children["traffic"] = fork(
        lab, "traffic", logs / "traffic.log", lambda line: Generator(options.rate_scale).run(line)
    )
    build(lab, plan)
    note = ""
    if options.delay or options.loss:
        ways = [way for span in plan.spans for way in ((span.a, span.b), (span.b, span.a))]
        arrivals = [
            Arrival(
                namespace=lab.router(to.site),
                interface=to.interface,
                delay_ms=by.latency_ms if options.delay else 0.0,
                loss=options.loss,
            )
            for by, to in ways
        ]
        children["delay"] = fork(lab, "delay", logs / "delay.log", lambda line: delay(arrivals, line))
        said = children["delay"].wait_line(_DELAY_READY_S)
        note = "" if said == "ready" else said or "links have no length: the process that delays has ended"

    def made() -> Daemon:
        daemon = Daemon(lab, plan, options, children, about)
        daemon.note = note
        return daemon

    return made


async def _run(made: Callable[[], Daemon]) -> None:
    daemon = made()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.ended.set)
    loop.add_signal_handler(signal.SIGCHLD, _reap)
    await daemon.begin()
    server = await asyncio.start_unix_server(daemon.serve, daemon.lab.socket, limit=LONGEST)
    print(READY, flush=True)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # who started it has gone: words go into the log from now on
    await daemon.ended.wait()
    server.close()
    daemon.close()


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _note(child: AgentState | None) -> str:
    if child is None:
        return "nobody drives it"
    if child.pid is None:
        return "its agent does not run"
    return f"its agent was started again {child.ended} times" if child.ended else ""


def _answers(address: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
        try:
            asked.connect(address.removeprefix("unix:"))
        except OSError:
            return False
        return True


def _detach(folder: Path) -> int:
    """Fork the daemon. Returns, to who started it, a descriptor from which its first words come; 0 in the daemon."""
    said, say = os.pipe()
    if os.fork():
        os.close(say)
        return said
    os.setsid()
    log = os.open(folder / LOG, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    os.dup2(log, sys.stderr.fileno())
    os.dup2(say, sys.stdout.fileno())
    for descriptor in (said, say, log):
        os.close(descriptor)
    return 0


def _started(folder: Path) -> int:
    """The exit code of who starts a daemon, once it has built the lab, or has not."""
    words = _detach(folder)
    if not words:
        try:
            main(folder)
        except HighroadError as error:
            print(error.message, flush=True)
            return FAILED
        return 0
    with os.fdopen(words, encoding="utf-8", errors="replace") as said:
        first = said.readline().strip()
    if first == READY:
        return 0
    print(first or f"it ended before it was built; see {folder / LOG}", flush=True)
    return FAILED


if __name__ == "__main__":
    sys.exit(_started(Path(sys.argv[1])))
