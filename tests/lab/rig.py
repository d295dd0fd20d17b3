"""A lab to test: a small network, up in a folder of its own, with SRv6 set by hand where a test needs it carried."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

import pytest

from highroad.lab import run
from highroad.lab.client import LabClient
from highroad.lab.names import LabId, lab_id
from highroad.lab.plan import plan_of
from highroad.lab.talk import Options
from highroad.model.network import Network, SiteId
from highroad.model.service import PortId, ServiceId, ServiceKind
from highroad.ports.panel import Load, Wire
from tests.unit.fabric.small import backbone, in_duct

T = TypeVar("T")

ROOT = str(Path(__file__).parents[2])

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")


class Rig:
    """One lab that is up."""

    def __init__(self, folder: Path, network: Network, options: Options) -> None:
        self.folder = folder
        self.network = network
        self.options = options
        self.plan = plan_of(network)
        self.id: LabId = lab_id(folder)
        with _importable():
            self.client: LabClient = self.do(run.start(folder, network, options))

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for it."""
        return asyncio.run(work)

    def ip(self, namespace: str, *lines: str) -> None:
        """Change something in a namespace, as an operator would."""
        for line in lines:
            sh("ip", "-n", namespace, *line.split())

    def router(self, site: str) -> str:
        """The namespace of a router."""
        return self.id.router(site)

    def attach(self, *wires: Wire) -> None:
        """Lay wires, all of them."""
        assert self.do(self.client.attach(wires)) == {}

    def steer(self, route: str, a: Wire, b: Wire) -> None:
        """Carry a service along `x>y>z`, both ways, both families."""
        sites = route.split(">")
        for way, here, far in ((sites, a, b), (sites[::-1], b, a)):
            self._headend(way, here, far)

    def _headend(self, sites: Sequence[str], here: Wire, far: Wire) -> None:
        node = {router.site: router.node for router in self.plan.routers}
        end = f"fc00:0:{node[SiteId(sites[-1])]:x}"
        for tail, head in pairwise(sites):
            port = next(port for port in self.plan.router[SiteId(tail)].ports if port.link == f"{tail}>{head}")
            namespace = self.router(tail)
            sysctl(
                namespace, "net.ipv6.conf.all.forwarding=1", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.seg6_enabled=1"
            )
            sysctl(namespace, f"net.ipv6.conf.{port.interface}.seg6_enabled=1")
            self.ip(namespace, f"-6 route replace {end}::/48 via {port.neighbour} dev {port.interface}")
        first, last = self.router(sites[0]), self.router(sites[-1])
        sysctl(last, "net.ipv6.conf.all.forwarding=1", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.seg6_enabled=1")
        for port in self.plan.router[SiteId(sites[-1])].ports:
            sysctl(last, f"net.ipv6.conf.{port.interface}.seg6_enabled=1")
        self.ip(first, f"sr tunsrc set fc00:0:{node[SiteId(sites[0])]:x}::1")
        self.ip(
            first,
            f"addr replace {here.pe4}/31 dev {here.interface}",
            f"addr replace {here.pe6}/127 dev {here.interface} nodad",
        )
        self.ip(
            last,
            f"addr replace {far.pe4}/31 dev {far.interface}",
            f"addr replace {far.pe6}/127 dev {far.interface} nodad",
        )
        out = far.interface
        function = 0xF000 + 2 * int(far.interface.removeprefix("cust"))
        self.ip(
            last,
            f"-6 route replace {end}:{function:x}::/64 encap seg6local action End.DX4 nh4 {far.ce4} dev {out}",
            f"-6 route replace {end}:{function + 1:x}::/64 encap seg6local action End.DX6 nh6 {far.ce6} dev {out}",
        )
        for prefix in here.remote:
            segment = f"{end}:{function + (':' in prefix):x}::"
            family = "-6" if ":" in prefix else "-4"
            by = next(
                port for port in self.plan.router[SiteId(sites[0])].ports if port.link == f"{sites[0]}>{sites[1]}"
            )
            self.ip(
                first, f"{family} route replace {prefix} encap seg6 mode encap.red segs {segment} dev {by.interface}"
            )


@contextmanager
def lab(folder: Path, *spans: str, latency_ms: float = 1.0, duct: Sequence[str] = (), **options: Any) -> Iterator[Rig]:
    """A lab of spans like `a-b`, gone afterwards; some of them may lie in one `duct`."""
    network = backbone(*spans, latency_ms=latency_ms)
    try:
        yield Rig(folder, in_duct(network, "duct", *duct) if duct else network, Options(**options))
    finally:
        asyncio.run(run.down(folder))


@contextmanager
def _importable() -> Iterator[None]:
    """Let processes that are started now find the tests' own agents."""
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = f"{ROOT}{os.pathsep}{before}" if before else ROOT
    try:
        yield
    finally:
        if before is None:
            del os.environ["PYTHONPATH"]
        else:
            os.environ["PYTHONPATH"] = before


def wires(service: str, a: str, b: str, number: int = 1, kind: ServiceKind = ServiceKind.IP) -> tuple[Wire, Wire]:
    """The two wires of a service between the ports `port-a` and `port-b`."""
    ends = []
    for index, site in enumerate((a, b)):
        own, other = 2 * (2 * number + index), 2 * (2 * number + 1 - index)
        ends.append(
            Wire(
                attachment=f"{service}.{'ab'[index]}",
                service=ServiceId(service),
                port=PortId(f"port-{site}"),
                site=SiteId(site),
                kind=kind,
                interface=f"cust{number}",
                mtu_bytes=9000,
                pe4=f"100.64.0.{own}",
                ce4=f"100.64.0.{own + 1}",
                pe6=f"fd64::{own:x}:0",
                ce6=f"fd64::{own:x}:1",
                prefixes=(f"10.{number}.{index}.0/24", f"fd10:{number}:{index}::/64"),
                remote=(
                    f"100.64.0.{other + 1}/32",
                    f"fd64::{other:x}:1/128",
                    f"10.{number}.{1 - index}.0/24",
                    f"fd10:{number}:{1 - index}::/64",
                ),
            )
        )
    return ends[0], ends[1]


def load(service: str, guaranteed_gbps: float = 10.0) -> Load:
    """What its hosts may send."""
    return Load(
        service=ServiceId(service),
        a=f"{service}.a",
        b=f"{service}.b",
        guaranteed_gbps=guaranteed_gbps,
        ceiling_gbps=guaranteed_gbps,
    )


def sh(*command: str, check: bool = True) -> str:
    """What a command prints."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0 or not check, f"{' '.join(command)}: {done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def inside(namespace: str, *command: str, check: bool = True) -> str:
    """What a command prints in a namespace."""
    return sh("ip", "netns", "exec", namespace, *command, check=check)


def sysctl(namespace: str, *settings: str) -> None:
    inside(namespace, "sysctl", "-qw", *settings)


def pinged(namespace: str, address: str, *options: str) -> tuple[int, list[float]]:
    """How many answered, and the round trips in ms as a process sees them."""
    said = inside(namespace, "ping", "-U", "-n", "-i", "0.02", "-W", "1", *options, address, check=False)
    times = [float(line.partition("time=")[2].split()[0]) for line in said.splitlines() if "time=" in line]
    return len(times), times
