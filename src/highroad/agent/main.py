"""The agent's process: everything in the order in which it starts, and ended in the opposite one.

Importing this module starts nothing. `serve` runs in the network namespace of the thread that calls it.

TERM and INT end the agent, and BIRD and the watcher with it; USR1 ends the agent and leaves them running for the next
one (an upgrade).
However it ends, kill -9 too, the kernel goes on forwarding what it was told.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from highroad.agent.config import AgentConfig, Igp, read_config
from highroad.agent.counters import Counters
from highroad.agent.headend import Headend
from highroad.agent.host import check_host
from highroad.agent.igp import Bird
from highroad.agent.journal import Journal
from highroad.agent.keyfile import read_key
from highroad.agent.loops import Loops
from highroad.agent.measure import Measurer
from highroad.agent.notices import Notices
from highroad.agent.probe import Prober
from highroad.agent.state import State
from highroad.agent.steering import Steering
from highroad.agent.target import RouterTarget
from highroad.agent.wanted import Used
from highroad.agent.watching import Watching, ensure
from highroad.errors import Finding, Invalid, Unavailable, errors_in
from highroad.gnmi.server import GnmiServer
from highroad.netlink.kernel import Kernel
from highroad.pki.peer import Credentials
from highroad.systemd import go_first, notify

NICE = -10
"""What a headend flips is dark until the agent has its turn. The daemons of routers do so (FRR's unit: -5)."""

_log = logging.getLogger("highroad.agent")


def serve(path: Path) -> None:
    """Be the router that the file describes until a signal ends it. Raises Invalid with everything that is wrong with
    the file or missing on this host, Unavailable where the kernel, the disk or an address is not to be had.
    """
    if not logging.getLogger().handlers:
        logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s", stream=sys.stderr)
    config = read_config(path)
    for finding in _judged(check_host(config), in_service=(config.state / "journal").exists()):
        _log.warning("%s", finding)
    ensure(config)
    go_first(NICE)
    asyncio.run(_serve(config))


async def _serve(config: AgentConfig) -> None:
    stop = _Stop(asyncio.get_running_loop())
    config.state.mkdir(parents=True, exist_ok=True, mode=0o700)
    journal = Journal(config.state)
    kernel, listening, flipping = Kernel(), Kernel(), Kernel()
    worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="kernel")
    bird = Bird(config) if config.igp is Igp.BIRD else None
    try:
        loop = asyncio.get_running_loop()
        notices, counters = _senses(config, kernel, listening)
        steering = Steering(kernel, config, known=lambda: notices.links, paths=lambda: headend.known)
        headend = Headend(steering, lambda: journal.committed, flipping)
        await loop.run_in_executor(worker, steering.start)
        notices.look()
        state = State(config, counters, notices, headend, steering.in_use)
        target = RouterTarget(
            journal=journal,
            steering=steering,
            counters=counters,
            notices=notices,
            state=state,
            headend=headend,
            kernel=kernel,
            worker=worker,
        )
        watching = Watching(
            config,
            on_report=notices.hear,
            on_lost=lambda links, whole: headend.reported(links, whole=whole),
        )
        target.on_told = watching.feed
        await target.start()
        await watching.start(target.intended)
        prober = Prober(config, lambda: target.intended, steering.in_use)
        measurer = _measurer(config, target, notices, steering.in_use)
        state.measurer = measurer
        loops = Loops(config, lambda: target.intended, headless=lambda: headend.is_headless, verdicts=headend.probed)
        headend.on_attended = loops.look
        server = GnmiServer(
            target,
            _credentials(config),
            config.listen,
            actions={"Ping": prober.ping, "Trace": prober.trace, "Measured": measurer.measured},
            commands={"Avoid": headend.avoid},
            attended=headend.attended,
        )
        try:
            if bird is not None:
                await bird.start()
            addresses = await server.start()
            await _begin(measurer)
            loops.start()
            _settle_memory()
            _log.info("%s (node %d) is told what to do at %s", config.name, config.node, ", ".join(addresses))
            notify("READY=1")
            leave = await stop.wait()
            notify("STOPPING=1")
        finally:
            await server.stop()
            await loops.stop()
            await measurer.stop()
            await target.stop()
        await watching.stop(leave=leave)
        if bird is not None:
            await bird.stop(leave=leave)
    finally:
        worker.shutdown()
        kernel.close()
        listening.close()
        flipping.close()
        journal.close()


def _senses(config: AgentConfig, kernel: Kernel, listening: Kernel) -> tuple[Notices, Counters]:
    """What hears and what counts: each uses the other's names."""
    counters = Counters(kernel, config, lambda: notices.devices, now_s=time.time())
    dark = counters.notes.get("dark", {})
    known = {str(name): int(since) for name, since in dark.items()} if isinstance(dark, dict) else {}
    notices = Notices(listening, config, down_since_ns=known)
    return notices, counters


def _measurer(config: AgentConfig, target: RouterTarget, notices: Notices, in_use: Used) -> Measurer:
    """Raises Invalid where the key is none."""
    return Measurer(
        config,
        lambda: target.intended,
        in_use,
        devices=lambda: notices.devices,
        key=None if config.measure.key is None else read_key(config.measure.key),
    )


async def _begin(measurer: Measurer) -> None:
    """Who cannot measure is a router all the same."""
    try:
        await measurer.start()
    except Unavailable as error:
        _log.error("%s", error)


def _credentials(config: AgentConfig) -> Credentials:
    tls = config.tls
    return Credentials(certificate=tls.certificate, key=tls.key, authority=tls.authority, revoked=tls.revoked)


def _judged(findings: list[Finding], *, in_service: bool) -> list[Finding]:
    """What there is only to tell; raises Invalid if anything forbids to start.

    BIRD may come later: it is looked for again. So may an interface, of a router that is in service: the others are
    not left alone because one is gone.
    """
    may_come = {"no-bird", "interface-missing"} if in_service else {"no-bird"}
    forbidding = [finding for finding in errors_in(findings) if finding.code not in may_come]
    if forbidding:
        raise Invalid(forbidding)
    return findings


def _settle_memory() -> None:
    """What is here by now stays: the collector need not walk it again and again."""
    gc.collect()
    gc.freeze()


class _Stop:
    """Signals that end the agent."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._asked = asyncio.Event()
        self._leave = False
        for number, leave in ((signal.SIGTERM, False), (signal.SIGINT, False), (signal.SIGUSR1, True)):
            loop.add_signal_handler(number, self._ask, leave)

    async def wait(self) -> bool:
        """Until one came; whether what runs beside the agent is to be left running."""
        await self._asked.wait()
        return self._leave

    def _ask(self, leave: bool) -> None:
        self._leave = leave
        self._asked.set()
