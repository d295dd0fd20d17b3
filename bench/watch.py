"""What watching neighbours costs, how soon a silent cut is known, and whether a link is ever taken for one that is.

`python -m bench.watch SECONDS` looks for false downs only, for as long, with every core busy; soak does it for an hour.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import mmap
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from bench.figure import Figure, quantile
from highroad.formats import detect
from highroad.formats.shipped import network_text
from highroad.lab import agents, run
from highroad.lab.build import FIRST_INDEX
from highroad.lab.names import LabId, lab_id
from highroad.lab.namespaces import processes_in
from highroad.lab.needs import missing
from highroad.lab.plan import Plan, Span, plan_of
from highroad.lab.talk import Options
from highroad.netlink import bpf_syscall
from highroad.netlink.bpf import R1, XDP_DROP, XDP_PASS, B, Program
from highroad.netlink.kernel import Kernel
from highroad.netlink.link import set_link
from highroad.netlink.namespace import entered_by_name
from highroad.watch.process import NAME
from highroad.watch.talk import PortReport, name_of, report_from_json

RESULT = Path(__file__).parent / "results" / "watch.json"

NETWORK = "us-lab"
IDLE_S, SETTLED_S = 10.0, 10.0
BUSY_S = 30.0
CUTS = 20
HEARD_S = 2.0
INTERVALS = "5 ms x 3"

_BUSY = "while True: pass"


def figures() -> Iterator[Figure]:
    """All of them; without what a lab needs, a line that says so."""
    if sentences := missing():
        yield Figure(what="neighbours watched", ours=" ".join(sentences))
        return
    with _lab() as watched:
        yield _cost(watched)
        yield _soon(watched, busy=False)
        yield _soon(watched, busy=True)
        yield _false(watched, BUSY_S)


class Watched:
    """A lab whose routers have found their neighbours, and lines to all watchers."""

    def __init__(self, lab: LabId, plan: Plan, folder: Path) -> None:
        self.lab = lab
        self.plan = plan
        self.lines: dict[str, _Line] = {}
        for router in plan.routers:
            name = agents.name_of(router.site)
            self.lines[router.site] = _Line(lab.router(router.site), folder / "agents" / name)

    def close(self) -> None:
        """Hang up."""
        for line in self.lines.values():
            line.socket.close()

    def reports(self, for_s: float) -> list[tuple[str, PortReport]]:
        """Whatever any watcher says in this time, and whose it is."""
        said = []
        until = time.monotonic() + for_s
        sockets = {line.socket: (site, line) for site, line in self.lines.items()}
        while (left_s := until - time.monotonic()) > 0:
            for ready in select.select(list(sockets), [], [], left_s)[0]:
                site, line = sockets[ready]
                said += [(site, report) for report in line.read()]
        return said


class _Line:
    def __init__(self, namespace: str, state: Path) -> None:
        with entered_by_name(namespace):
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.connect(name_of(state))
        self._heard = b""

    def read(self) -> list[PortReport]:
        self._heard += self.socket.recv(1 << 16)
        *lines, self._heard = self._heard.split(b"\n")
        told = [json.loads(line) for line in lines]
        return [report_from_json(one["port"]) for one in told if "port" in one]


@contextmanager
def _lab() -> Iterator[Watched]:
    network = detect.read(network_text(NETWORK)).network
    assert network is not None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "lab"
        try:
            asyncio.run(run.start(folder, network, Options(entry=run.ENTRY)))
            time.sleep(SETTLED_S)
            with closing(Watched(lab_id(folder.resolve()), plan_of(network), folder.resolve())) as watched:
                watched.reports(HEARD_S)
                yield watched
        finally:
            asyncio.run(run.down(folder))


def _cost(watched: Watched) -> Figure:
    pids = [pid for router in watched.plan.routers for pid in processes_in([watched.lab.router(router.site)])]
    watchers = [pid for pid in pids if _name(pid) == NAME.decode()]
    before = sum(_ran_s(pid) for pid in watchers)
    time.sleep(IDLE_S)
    share = (sum(_ran_s(pid) for pid in watchers) - before) / IDLE_S
    memory_mb = sum(_pss_mb(pid) for pid in watchers) / len(watchers)
    sessions = 2 * len(watched.plan.spans)
    return Figure(
        what=f"watchers of {len(watchers)} routers, {sessions} sessions at {INTERVALS}: processor, memory of one (PSS)",
        ours=f"{share:.1%} of a core, {memory_mb:.1f} MB",
    )


def _soon(watched: Watched, *, busy: bool) -> Figure:
    """Cut spans in silence, one after the other, and ask their ends since when they have known."""
    took_ms: list[float] = []
    spans = watched.plan.spans
    chosen = [spans[at * len(spans) // CUTS] for at in range(CUTS)]
    with _shears(watched.lab, chosen) as cut, _everybody_busy(busy):
        for place, span in enumerate(chosen):
            began_ns = time.time_ns()
            cut[place] = 1
            said = watched.reports(0.5)
            cut[place] = 0
            for port in (span.a, span.b):
                end = port.site, port.interface
                ours = [one.since_ns for site, one in said if (site, one.interface) == end and not one.up]
                known_ms = (ours[0] - began_ns) / 1e6 if ours else float("inf")
                took_ms.append(known_ms - port.latency_ms / 2)
            watched.reports(1.5)
    return Figure(
        what=f"a silent cut is known at its ends, {INTERVALS}{', every core busy' if busy else ''}: median, worst "
        f"of {len(took_ms)}, less the light between",
        ours=f"{quantile(took_ms, 0.5):.1f} ms, {max(took_ms):.1f} ms",
    )


@contextmanager
def _shears(lab: LabId, spans: Sequence[Span]) -> Iterator[mmap.mmap]:
    """A byte for each span: while it is not 0 nothing arrives at either end, from one packet to the next."""
    shared = bpf_syscall.create_map(
        bpf_syscall.ARRAY, key_size=4, value_size=len(spans), entries=1, flags=bpf_syscall.MMAPABLE
    )
    with closing(mmap.mmap(shared, len(spans))) as cut, Kernel(lab.wires) as kernel:
        for place, span in enumerate(spans):
            program = Program()
            program.map_value(R1, shared, place)
            program.load(R1, R1, 0, B)
            program.jump_if("!=", R1, 0, "cut")
            program.answer(XDP_PASS)
            program.label("cut")
            program.answer(XDP_DROP)
            loaded = bpf_syscall.load(program.assemble(), bpf_syscall.XDP, "shears")
            kernel.do([set_link(FIRST_INDEX + 2 * span.index + end, xdp_fd=loaded) for end in (0, 1)])
            os.close(loaded)
        try:
            yield cut
        finally:
            kernel.do([set_link(FIRST_INDEX + 2 * span.index + end, xdp_fd=-1) for span in spans for end in (0, 1)])
            os.close(shared)


def _false(watched: Watched, for_s: float) -> Figure:
    with _everybody_busy(True):
        said = watched.reports(for_s)
    false = [(site, one) for site, one in said if not one.up]
    return Figure(
        what=f"links taken for cut that were not, every core busy, {for_s:.0f} s",
        ours=str(len(false)),
        bar="0",
        met=not false,
    )


@contextmanager
def _everybody_busy(busy: bool) -> Iterator[None]:
    burners = [subprocess.Popen([sys.executable, "-c", _BUSY]) for _ in range((os.cpu_count() or 1) * busy)]
    try:
        yield
    finally:
        for one in burners:
            one.kill()
            one.wait()


def _name(pid: int) -> str:
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def _ran_s(pid: int) -> float:
    """How long a process has had a processor."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


def _pss_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def last() -> Iterator[Figure]:
    """What the last long look for false downs found."""
    if RESULT.exists():
        known = json.loads(RESULT.read_text())
        yield Figure(what=known["what"], ours=known["ours"], bar="0", met=known["met"])


def main(arguments: Sequence[str]) -> int:
    """Look for false downs for so long. Exit code 1 if there was one."""
    parser = argparse.ArgumentParser(prog="python -m bench.watch", description=main.__doc__)
    parser.add_argument("seconds", type=float, help="for how long")
    asked = parser.parse_args(arguments)
    if sentences := missing():
        print(" ".join(sentences))
        return 0
    with _lab() as watched:
        figure = _false(watched, asked.seconds)
    print(f"{figure.what}: {figure.ours}")
    known = {"what": f"{figure.what}, {datetime.now(UTC):%Y-%m-%d %H:%M}", "ours": figure.ours, "met": figure.met}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(known) + "\n")
    return int(not figure.met)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
