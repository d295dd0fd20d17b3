"""The process that keeps a lab: it builds it, lets a `Keeper` answer, and outlives whoever asked for it.

`python -m highroad.lab.daemon FOLDER` is what `run.start` starts. The folder has the network and the options; what
the daemon prints goes to `daemon.log` there. When it ends in good order, nothing of the lab is left; when it is
killed, packets and agents go on, and the next start takes away what is left.
"""

from __future__ import annotations

import asyncio
import fcntl
import gc
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from highroad.errors import Conflict, HighroadError, Unavailable
from highroad.formats import native
from highroad.lab import agents, record
from highroad.lab.build import build
from highroad.lab.children import fork
from highroad.lab.delay.process import Arrival
from highroad.lab.delay.process import work as delay
from highroad.lab.keeper import Keeper
from highroad.lab.names import LabId, lab_id
from highroad.lab.nursery import Agent, Nursery
from highroad.lab.plan import Plan, plan_of
from highroad.lab.sweep import sweep
from highroad.lab.talk import LONGEST, Options
from highroad.lab.traffic.process import Generator
from highroad.model.network import SiteId

NETWORK, OPTIONS, LOG = "network.yaml", "lab.json", "daemon.log"

READY = "ready"
FAILED = 7

_DELAY_READY_S = 20.0


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


def _prepare(lab: LabId, folder: Path, plan: Plan, options: Options) -> Callable[[], Keeper]:
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
        about = agents.furnish(
            lab,
            folder,
            plan,
            pki=pki,
            rate_scale=options.rate_scale,
            igp=options.igp,
            delay=options.delay,
            at_s=at_s,
        )
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

    def made() -> Keeper:
        keeper = Keeper(lab, plan, options, children, about)
        keeper.note = note
        return keeper

    return made


async def _run(made: Callable[[], Keeper]) -> None:
    keeper = made()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, keeper.ended.set)
    loop.add_signal_handler(signal.SIGCHLD, _reap)
    await keeper.begin()
    server = await asyncio.start_unix_server(keeper.serve, keeper.lab.socket, limit=LONGEST)
    print(READY, flush=True)
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # who started it has gone: words go into the log from now on
    await keeper.ended.wait()
    server.close()
    keeper.close()


def _reap() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


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
