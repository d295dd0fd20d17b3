"""What FRR does in the same place: `python -m bench.frr [light silent router]`; printed beside ours by `bench.outage`.

The same lab without agents: namespaces, light's delay and cuts are ours, and in each router run FRR's zebra, ospf6d
(OSPFv3) and bfdd, as Debian has them, with a configuration made here. The probes are the same plain sockets, between
routers' own addresses. bfdd takes no less than 10 ms (x 3). Its cost in processors is why there are fewer routers: at
26 it alone would need more than two cores. OSPFv3 of FRR has no detours made beforehand (TI-LFA wants MPLS).
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bench import outage
from bench.outage import Trial
from highroad.lab import run
from highroad.lab.client import LabClient
from highroad.lab.names import LabId, lab_id
from highroad.lab.needs import missing
from highroad.lab.plan import Plan, Router, plan_of
from highroad.lab.talk import Options
from highroad.model.network import FibreId, Network, SiteId
from tests.support.outage.backbone import end_in_order, network_of, until
from tests.support.outage.probes import Probe, Probes, probing

ROUTERS = 8
DAEMONS = Path("/usr/lib/frr")
BFD_MS, BFD_PRIORITY = 10, 20
FIRST = SiteId("denver")
DARK_S, BACK_S = 2.0, 3.0
PROBED = 20


class Frr:
    """A lab whose routers FRR drives."""

    def __init__(self, folder: Path, network: Network) -> None:
        self.folder = folder
        self.network = network
        self.plan: Plan = plan_of(network)
        self.id: LabId = lab_id(folder / "lab")
        self.running: list[subprocess.Popen[bytes]] = []
        self.of: dict[SiteId, list[subprocess.Popen[bytes]]] = {}
        """Those of each router, zebra first."""
        self.client = LabClient(folder / "lab", rate_scale=1.0)

    def begin(self) -> None:
        """Build it, and wait until every router knows every other."""
        self.folder.chmod(0o711)  # daemons are not root
        asyncio.run(run.start(self.folder / "lab", self.network, Options()))
        until(self.lit, "the lab has no light")  # zebra 8.4 falls over a port that comes up while it looks
        for router in self.plan.routers:
            name = self.id.router(router.site)
            _ip(name, "address", "add", f"{address(router)}/128", "dev", "lo")
            _inside(name, "sysctl", "-qw", "net.ipv6.conf.all.forwarding=1")
            self.start(router)
        until(self.converged, "FRR does not converge")

    def start(self, router: Router) -> None:
        """All of one router's daemons, in the foreground, so that they are ours to end."""
        at = self.folder / router.site
        at.mkdir(exist_ok=True)
        shutil.chown(at, "frr", "frr")
        common = [
            "-z",
            str(at / "zebra.sock"),
            "-A",
            "127.0.0.1",
            "-P",
            "0",
            "--log",
            "stdout",
            "--vty_socket",
            str(at),
        ]
        self.of[router.site] = []
        for daemon, lines in configuration(self.network, router).items():
            (at / f"{daemon}.conf").write_text("\n".join(lines) + "\n", encoding="ascii")
            command = [
                str(DAEMONS / daemon),
                *common,
                "-f",
                str(at / f"{daemon}.conf"),
                "-i",
                str(at / f"{daemon}.pid"),
            ]
            command += ["--bfdctl", str(at / "bfd.sock")] if daemon == "bfdd" else []
            with (at / f"{daemon}.log").open("wb") as log:
                inside = ["ip", "netns", "exec", self.id.router(router.site), *command]
                self.running.append(subprocess.Popen(inside, stdout=log, stderr=log, stdin=subprocess.DEVNULL))
                self.of[router.site].append(self.running[-1])
            if daemon == "bfdd":  # as our watchers: without it, it takes neighbours for dead on a busy machine
                os.sched_setscheduler(self.running[-1].pid, os.SCHED_FIFO, os.sched_param(BFD_PRIORITY))
            if daemon == "zebra":
                until((at / "zebra.sock").exists, f"zebra does not start in {at}")

    def tend(self) -> None:
        """Start routers anew whose zebra has ended: 8.4 falls over some ports that come up."""
        for router in self.plan.routers:
            mine = self.of[router.site]
            if mine[0].poll() is not None:
                for process in mine:
                    process.kill()
                    process.wait()
                for left in (self.folder / router.site).glob("*.sock"):
                    left.unlink()
                self.start(router)

    def back(self) -> bool:
        """Whether every router knows every other again."""
        self.tend()
        return self.converged()

    def lit(self) -> bool:
        """Whether every port of every router is up."""
        return all(
            "LOWER_UP" in _ip(self.id.router(router.site), "link", "show", port.interface)
            for router in self.plan.routers
            for port in router.ports
        )

    def converged(self) -> bool:
        """Whether every router knows every other."""
        others = {address(router) for router in self.plan.routers}
        for router in self.plan.routers:
            said = _ip(self.id.router(router.site), "-6", "route", "show", "proto", "ospf")
            if not others - {address(router)} <= {line.split()[0] for line in said.splitlines() if line}:
                return False
        return True

    def way(self, a: SiteId, b: SiteId) -> list[SiteId]:
        """The routers from one to another, as the kernels forward now."""
        sites, towards = [a], address(self.plan.router[b])
        while sites[-1] != b and len(sites) <= len(self.plan.routers):
            (found,) = json.loads(_ip(self.id.router(sites[-1]), "-j", "-6", "route", "get", towards))
            port = next(one for one in self.plan.router[sites[-1]].ports if one.interface == found["dev"])
            sites.append(self.network.link[port.link].head)
        return sites

    def close(self) -> None:
        """End what was started here, and take the lab away."""
        for process in self.running:
            process.terminate()
        for process in self.running:
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        asyncio.run(run.down(self.folder / "lab"))


def configuration(network: Network, router: Router) -> dict[str, list[str]]:
    """Of one router: OSPFv3 in one area, costs by light's time, BFD on every link as fast as bfdd takes it."""
    ospf = ["interface lo", " ipv6 ospf6 area 0", " ipv6 ospf6 passive"]
    for port in router.ports:
        ospf += [
            f"interface {port.interface}",
            " ipv6 ospf6 area 0",
            " ipv6 ospf6 network point-to-point",
            " ipv6 ospf6 hello-interval 1",
            " ipv6 ospf6 dead-interval 4",
            f" ipv6 ospf6 cost {max(1, round(100 * network.link[port.link].latency_ms))}",
            " ipv6 ospf6 bfd",
            " ipv6 ospf6 bfd profile fast",
        ]
    number = f"10.0.{router.node >> 8}.{router.node & 255}"
    ospf += ["router ospf6", f" ospf6 router-id {number}", " timers throttle spf 0 50 500"]
    every = [f"  receive-interval {BFD_MS}", f"  transmit-interval {BFD_MS}", "  detect-multiplier 3"]
    return {"zebra": [f"hostname {router.site}"], "bfdd": ["bfd", " profile fast", *every], "ospf6d": ospf}


def address(router: Router) -> str:
    """What a router is called in FRR's network."""
    return f"fd10:{router.node:x}::1"


def part_of(network: Network, count: int) -> Network:
    """So many sites around the first, each with two ways into the rest, and all that joins them."""
    known, beside = {FIRST}, {site.id: set[SiteId]() for site in network.sites}
    for link in network.links:
        beside[link.tail].add(link.head)
    while len(known) < count:
        nearest = max(beside.keys() - known, key=lambda site: (len(beside[site] & known), len(beside[site]), site))
        known.add(nearest)
    links = tuple(link for link in network.links if {link.tail, link.head} <= known)
    used = {fibre for link in links for fibre in link.fibres}
    return replace(
        network,
        sites=tuple(site for site in network.sites if site.id in known),
        links=links,
        fibres=tuple(fibre for fibre in network.fibres if fibre.id in used),
    )


def probes_of(here: Frr) -> list[Probe]:
    """From every router to every other, as many as there are to be."""
    pairs = [(a, b) for a in here.plan.routers for b in here.plan.routers if a is not b]
    return [
        Probe(
            name=f"{a.site}>{b.site}",
            namespace=here.id.router(a.site),
            interface="",
            address=address(a),
            far_namespace=here.id.router(b.site),
            far_address=address(b),
        )
        for a, b in pairs
    ]


def trial(
    here: Frr, probes: Probes, what: str, victims: Sequence[str], hurt: Callable[[], Any], mend: Callable[[], Any]
) -> Trial:
    """As ours."""
    probes.send(victims[:PROBED])
    first = probes.now()
    time.sleep(0.2)
    hurt()
    time.sleep(DARK_S)
    mended = probes.now()
    dark = probes.lost(first, mended)
    mend()
    until(here.lit, f"no light after {what}", probes.drain)
    until(here.back, f"FRR does not come back from {what}", probes.drain)
    time.sleep(BACK_S)
    back = probes.lost(mended, probes.now())
    found = Trial(
        what=what,
        dark_ms={name: lost.ms for name, lost in dark.items()},
        others_ms=0.0,
        mended_ms=max((lost.ms for lost in back.values()), default=0.0),
        held_up_ms=probes.ticks.stall_ms(first, mended),
    )
    print(f"  {what}: {', '.join(f'{ms:.0f}' for ms in found.dark_ms.values())} ms", flush=True)
    return found


def measured(here: Frr, probes: Probes, kind: str, count: int) -> list[Trial]:
    """So many trials of a kind: fibres, or routers that others pass."""
    ways = {probe.name: here.way(*map(SiteId, probe.name.split(">"))) for probe in probes.probes}
    if kind == "router":
        through: dict[SiteId, list[str]] = {}
        for name, way in ways.items():
            for site in way[1:-1]:
                through.setdefault(site, []).append(name)
        return [
            trial(here, probes, site, through[site], partial(_kill, here, site), partial(_revive, here, site))
            for site in (sorted(through, key=lambda site: -len(through[site])) * count)[:count]
        ]
    crossing: dict[FibreId, list[str]] = {}
    for name, way in ways.items():
        for link in here.network.links:
            if any((link.tail, link.head) == pair for pair in itertools.pairwise(way)):
                for fibre in link.fibres:
                    crossing.setdefault(fibre, []).append(name)
    fibres = sorted(crossing) * count
    return [
        trial(
            here,
            probes,
            fibre,
            crossing[fibre],
            partial(_cut, here, fibre, silent=kind == "silent"),
            partial(_uncut, here, fibre),
        )
        for fibre in fibres[:count]
    ]


def _cut(here: Frr, fibre: FibreId, *, silent: bool) -> None:
    asyncio.run(here.client.cut(fibre, silent=silent))


def _uncut(here: Frr, fibre: FibreId) -> None:
    asyncio.run(here.client.uncut(fibre))


def _kill(here: Frr, site: SiteId) -> None:
    asyncio.run(here.client.kill_router(site, silent=True))


def _revive(here: Frr, site: SiteId) -> None:
    asyncio.run(here.client.revive_router(site))
    shutil.rmtree(here.folder / site)
    here.start(here.plan.router[site])


@contextmanager
def frr(folder: Path, network: Network) -> Iterator[Frr]:
    """Running, and gone with the context."""
    made = Frr(folder, network)
    try:
        made.begin()
        yield made
    finally:
        made.close()


def _ip(namespace: str, *words: str) -> str:
    done = subprocess.run(["ip", "-n", namespace, *words], capture_output=True, text=True, check=True)
    return done.stdout


def _inside(namespace: str, *words: str) -> None:
    subprocess.run(["ip", "netns", "exec", namespace, *words], check=True)


def main() -> int:
    """Measure, keep, and print what is known of both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="of light, silent, router; all by default")
    parser.add_argument("--trials", type=int, default=outage.TRIALS)
    parser.add_argument("--routers", type=int, default=ROUTERS, help="so many of us-lab")
    asked = parser.parse_args()
    if unknown := set(asked.kinds) - {"light", "silent", "router"}:
        parser.error(f"there is no kind {', '.join(unknown)}: there are light, silent, router")
    if sentences := missing() + ([] if (DAEMONS / "ospf6d").exists() else ["FRR is not installed: `.ci/debian frr`."]):
        print(" ".join(sentences), file=sys.stderr)
        return 2
    end_in_order()
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    network = part_of(network_of(), asked.routers)
    with (
        tempfile.TemporaryDirectory() as folder,
        frr(Path(folder), network) as here,
        probing(Path(folder) / "probes", probes_of(here)) as probes,
    ):
        for kind in asked.kinds or ["light", "silent", "router"]:
            print(f"FRR, {kind}:", flush=True)
            trials = measured(here, probes, kind, asked.trials)
            outage.keep(kind, trials, all_busy=False, load=0, peer=f"FRR, {asked.routers} routers")
    outage.show(outage.last())
    return 0


if __name__ == "__main__":
    sys.exit(main())
