"""Routers that measure each other over a ring of namespaces, each with its own sockets, all in one event loop."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from highroad.agent.config import Measure
from highroad.agent.measure import Measurer
from highroad.agent.selection import preferred
from highroad.gnmi.router import CandidatePath, Intended, SegmentList
from highroad.model.service import TrafficClass
from highroad.netlink import bpf, bpf_syscall, qdisc
from highroad.netlink import filter as filter_
from highroad.netlink.kernel import Kernel
from highroad.stamp.timestamp import ErrorEstimate, error_of
from tests.unit.agent.namespaces import Namespaces, run
from tests.unit.agent.test_config import config_of
from tests.unit.agent.test_igp import setns
from tests.unit.agent.test_probe import BLOCK, Ring
from tests.unit.agent.told import policy

KEY = bytes(range(32))
OUT, HOME = (0xE000, 0xE000), (0xE001, 0xE001)
"""From 1 clockwise over 2 to 3, and back over 2; the IGP's way back is over 4."""

EVERY_MS = 20


@dataclass
class TestClock:
    """The host's, but for what a test sets it to."""

    __test__ = False
    ahead_ns: int = 0
    estimate: ErrorEstimate = field(default_factory=lambda: error_of(1000))

    now_ns = staticmethod(time.monotonic_ns)

    def utc_ns(self) -> int:
        return time.time_ns() + self.ahead_ns

    def error(self) -> ErrorEstimate:
        return self.estimate


def path(functions: tuple[int, ...] = OUT, back: tuple[int, ...] = HOME, preference: int = 100) -> CandidatePath:
    segments = SegmentList(links=(), functions=functions, back_functions=back)
    return CandidatePath(preference=preference, segment_lists=(segments,))


def told(*services: str, remote: int = 3, paths: tuple[CandidatePath, ...] | None = None) -> Intended:
    made = replace(
        policy(1), candidate_paths=paths or (path(),), remote_node=remote, traffic_class=TrafficClass.INTERACTIVE
    )
    policies = {name: replace(made, service=name, attachment=f"{name}.a") for name in services}
    return Intended(policies=MappingProxyType(policies))


class Measured:
    """A ring of four with a measurer at some of them."""

    def __init__(self, spaces: Namespaces, size: int = 4) -> None:
        self.ring = Ring(spaces, size)
        self.at: dict[int, Measurer] = {}
        self.clocks: dict[int, TestClock] = {}
        self.intended: dict[int, Intended] = {}
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)

    async def start(
        self,
        node: int,
        intended: Intended | None = None,
        *,
        key: bytes | None = KEY,
        light_ms: Mapping[str, float] = MappingProxyType({}),
        **settings: Any,
    ) -> Measurer:
        """Begin at a router."""
        self.intended[node] = told("s-1") if intended is None and node == 1 else intended or told()
        self.clocks[node] = TestClock()
        config = replace(
            config_of(),
            node=node,
            name=str(node),
            sid_block=BLOCK,
            core_ports=tuple(
                replace(config_of().core_ports[0], interface=port, light_ms=ms) for port, ms in light_ms.items()
            ),
            measure=Measure(**{"interval_ms": EVERY_MS, **settings}),
        )
        self.enter(node)
        try:
            devices = {port: socket.if_nametoindex(port) for port in light_ms}
            measurer = Measurer(
                config,
                lambda: self.intended[node],
                preferred,
                devices=lambda: devices,
                key=key,
                clock=self.clocks[node],
            )
            await measurer.start()
        finally:
            setns(self._home)
        self.at[node] = measurer
        return measurer

    def enter(self, node: int) -> None:
        fd = os.open(f"/run/netns/{self.ring.names[node - 1]}", os.O_RDONLY)
        setns(fd)
        os.close(fd)

    def leave(self) -> None:
        setns(self._home)

    async def stop(self) -> None:
        for one in self.at.values():
            await one.stop()
        os.close(self._home)

    async def rows(self, node: int, enough: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
        """What a router has measured, as soon as it is enough."""
        with suppress(TimeoutError):
            async with asyncio.timeout(20):
                while True:
                    rows: list[dict[str, Any]] = (await self.at[node].measured({}))["rows"]
                    if enough(rows):
                        return rows
                    await asyncio.sleep(0.05)
        raise AssertionError((await self.at[node].measured({}), self.at[node].reflector_state()))

    def passed(self, node: int) -> dict[str, int]:
        """Packets by the two adjacency SIDs of a router."""
        shown = run("ip", "-n", self.ring.names[node - 1], "-s", "-6", "route", "show", "dev", "hr-out")
        return {
            line.split()[0]: int(line.split("packets ")[1].split()[0]) for line in shown.splitlines() if "End.X" in line
        }

    def lose(self, node: int, arriving_by: str) -> None:
        """Have a router lose, of what arrives by a port, each UDP packet whose first number leaves 1 over by 4."""
        program = bpf.Program()
        program.move(bpf.R6, bpf.R1)
        program.packet(20, bpf.B)
        program.jump_if("!=", bpf.R0, 17, "pass")
        program.packet(14 + 40 + 8 + 3, bpf.B)
        program.alu("&", bpf.R0, 3)
        program.jump_if("!=", bpf.R0, 1, "pass")
        program.answer(bpf.TC_ACT_SHOT)
        program.label("pass")
        program.answer(bpf.TC_ACT_OK)
        self.enter(node)
        try:
            index = socket.if_nametoindex(arriving_by)
            fd = bpf_syscall.load(program.assemble(), bpf_syscall.SCHED_CLS, "lose")
            with Kernel() as kernel:
                kernel.do(
                    [
                        qdisc.create(qdisc.Clsact(index=index)),
                        filter_.create(
                            filter_.BpfFilter(index=index, parent=qdisc.INGRESS, priority=1, name="lose", fd=fd)
                        ),
                    ]
                )
            os.close(fd)
        finally:
            self.leave()

    @contextmanager
    def light(self, **delays_ms: float) -> Iterator[None]:
        """Hold back what arrives: `at2_left=10` is at router 2, by its port `left`."""
        arrivals = []
        for place, delay_ms in delays_ms.items():
            node, _, port = place.removeprefix("at").partition("_")
            arrivals.append(
                f"Arrival(namespace={self.ring.names[int(node) - 1]!r}, interface={port!r}, delay_ms={delay_ms})"
            )
        work = (
            "from highroad.lab.delay.process import Arrival, open_lines, run\n"
            f"lines = open_lines([{', '.join(arrivals)}])\nprint('ready', flush=True)\nrun(lines)"
        )
        with subprocess.Popen([sys.executable, "-c", work], stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "ready\n"
                yield
            finally:
                process.kill()


def figures(row: Mapping[str, Any]) -> tuple[int, int, int, int]:
    """Sent, lost out, lost home, lost and unknown where."""
    return row["sent"], row["lost-out"], row["lost-home"], row["lost-unknown"]
