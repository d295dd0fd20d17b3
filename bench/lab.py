"""What a lab costs and how true its light is: up and down, memory, idle processors, links' lengths, cuts, wires."""

from __future__ import annotations

import asyncio
import select
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from bench.figure import Figure, quantile
from highroad.formats import detect
from highroad.formats.shipped import network_text
from highroad.lab import run
from highroad.lab.client import LabClient
from highroad.lab.names import lab_id
from highroad.lab.needs import missing
from highroad.lab.plan import Plan, Span, plan_of
from highroad.lab.talk import Options
from highroad.lab.usage import cpu_s
from highroad.model.network import Network
from highroad.model.service import PortId, ServiceId, ServiceKind
from highroad.netlink import monitor
from highroad.netlink.kernel import Kernel
from highroad.netlink.link import Link
from highroad.netlink.namespace import entered_by_name
from highroad.ports.panel import Wire

NETWORK = "us-lab"
IDLE_S = 10.0
PROBES, APART_S = 500, 0.004
FLOOD_S = 2.0
CUTS = 50
WIRES = 500
_SO_RCVBUFFORCE = 33


def figures() -> Iterator[Figure]:
    """All of them; without what a lab needs, a line that says so."""
    if sentences := missing():
        yield Figure(what="a lab of routers", ours=" ".join(sentences))
        return
    network = detect.read(network_text(NETWORK)).network
    assert network is not None
    with tempfile.TemporaryDirectory() as folder:
        try:
            yield from _measured(Path(folder) / "lab", network)
        finally:
            asyncio.run(run.down(Path(folder) / "lab"))


def _measured(folder: Path, network: Network) -> Iterator[Figure]:
    plan, size = plan_of(network), len(network.sites)
    began = time.perf_counter()
    client = asyncio.run(run.start(folder, network, Options(entry=run.ENTRY)))
    up_s = time.perf_counter() - began
    what = f"lab up, {size} routers, every agent answering"
    yield Figure(what=what, ours=f"{up_s:.1f} s", bar="<= 20 s", met=up_s <= 20)
    yield from _costs(client)
    yield _lengths(folder, plan)
    yield _capacity(folder, plan)
    yield _darkness(folder, plan, client)
    yield _laid(network, client)
    began = time.perf_counter()
    asyncio.run(run.down(folder))
    yield Figure(what="lab down, nothing left", ours=f"{time.perf_counter() - began:.1f} s")


def _costs(client: LabClient) -> Iterator[Figure]:
    time.sleep(IDLE_S)  # routers get to know each other first
    before = asyncio.run(client.info())
    used = {pid: cpu_s(pid) or 0.0 for pid in before.processes.values()}
    time.sleep(IDLE_S)
    after = asyncio.run(client.info())
    share = {role: ((cpu_s(pid) or 0.0) - used[pid]) / IDLE_S for role, pid in before.processes.items()}
    agents = sum(part for role, part in share.items() if role.startswith("agent-"))
    memories = [router.memory_mb for router in after.routers if router.memory_mb is not None]
    yield Figure(
        what=f"agents: memory of one (PSS), idle processor of all {len(memories)}",
        ours=f"{sum(memories) / len(memories):.1f} MB, {agents:.1%} of a core",
    )
    yield Figure(
        what="the whole lab idle: memory (PSS), processor beside the agents",
        ours=f"{after.memory_mb:.0f} MB, {sum(share.values()) - agents:.1%} of a core",
    )


def _lengths(folder: Path, plan: Plan) -> Figure:
    """One-way times over single links, by sockets in the two routers' namespaces and one clock."""
    off_us = []
    for span in plan.spans[:: max(1, len(plan.spans) // 8)]:
        with _pair(folder, span) as (sender, receiver, towards):
            for _ in range(PROBES // 8):
                sender.sendto(time.monotonic_ns().to_bytes(8, "little"), towards)
                sent_ns = int.from_bytes(receiver.recv(64), "little")
                off_us.append((time.monotonic_ns() - sent_ns) / 1e3 - span.a.latency_ms * 1e3)
                time.sleep(APART_S)
    p50, p99 = quantile(off_us, 0.5), quantile(off_us, 0.99)
    return Figure(what="a link's latency, against light in its fibre", ours=f"p50 {p50:+.0f} us, p99 {p99:+.0f} us")


def _capacity(folder: Path, plan: Plan) -> Figure:
    """As many small packets as one socket sends, counted by one that receives."""
    with _pair(folder, plan.spans[0]) as (sender, receiver, towards):
        got = sent = 0
        until = time.monotonic() + FLOOD_S

        def count() -> None:
            nonlocal got
            while receiver.recv(512):
                got += 1

        counting = threading.Thread(target=count)
        counting.start()
        while time.monotonic() < until:
            for _ in range(100):
                sender.sendto(b"x" * 200, towards)
            sent += 100
        time.sleep(0.5)
        sender.sendto(b"", towards)
        counting.join()
    lost = 1 - got / sent
    return Figure(
        what="small packets over one link, as many as a socket in Python sends and counts",
        ours=f"{got / FLOOD_S / 1000:.0f} kpps, {lost:.1%} lost",
    )


def _darkness(folder: Path, plan: Plan, client: LabClient) -> Figure:
    """From the request to cut until both routers' kernels have told the loss of light."""
    span, took_ms = plan.spans[0], []
    with ExitStack() as opened:
        heard = []
        for end in (span.a, span.b):
            kernel = opened.enter_context(Kernel(lab_id(folder).router(end.site)))
            heard.append((opened.enter_context(closing(kernel.monitor([monitor.LINK]))), end.interface))
        for _ in range(CUTS):
            began = time.perf_counter()
            asyncio.run(client.cut(span.fibres[0]))
            for listening, interface in heard:
                _until_dark(listening, interface)
            took_ms.append((time.perf_counter() - began) * 1e3)
            asyncio.run(client.uncut(span.fibres[0]))
            time.sleep(0.02)
            for listening, _ in heard:
                listening.read()
    p50, p99 = quantile(took_ms, 0.5), quantile(took_ms, 0.99)
    return Figure(what="from `cut` to loss of light told at both ends", ours=f"p50 {p50:.1f} ms, p99 {p99:.1f} ms")


def _laid(network: Network, client: LabClient) -> Figure:
    sites = [site.id for site in network.sites][:8]
    wires = [
        Wire(
            attachment=f"s-{number}.a",
            service=ServiceId(f"s-{number}"),
            port=PortId(f"port-{number % 8}"),
            site=sites[number % 8],
            kind=ServiceKind.IP,
            interface=f"cust{number}",
            mtu_bytes=9000,
            pe4=f"100.64.{number >> 7}.{2 * number & 255}",
            ce4=f"100.64.{number >> 7}.{(2 * number & 255) + 1}",
            pe6=f"fd64:1:{number:x}::",
            ce6=f"fd64:1:{number:x}::1",
            remote=("10.0.0.0/8", "fd10::/16"),
        )
        for number in range(1, WIRES + 1)
    ]
    began = time.perf_counter()
    assert asyncio.run(client.attach(wires)) == {}
    laid_s = time.perf_counter() - began
    began = time.perf_counter()
    asyncio.run(client.detach([wire.attachment for wire in wires]))
    taken_s = time.perf_counter() - began
    return Figure(
        what=f"customers' wires laid and taken, {WIRES} at once",
        ours=f"{WIRES / laid_s:,.0f}/s and {WIRES / taken_s:,.0f}/s",
        bar=">= 200/s",
        met=min(WIRES / laid_s, WIRES / taken_s) >= 200,
    )


@contextmanager
def _pair(folder: Path, span: Span) -> Iterator[tuple[socket.socket, socket.socket, tuple[str, int]]]:
    """Two sockets at the ends of a span, and the address of the far one."""
    lab = lab_id(folder)
    with entered_by_name(lab.router(span.b.site)):
        receiver = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with entered_by_name(lab.router(span.a.site)):
        sender = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with sender, receiver:
        receiver.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 32 << 20)
        receiver.bind((span.b.address, 0))
        receiver.settimeout(5.0)
        towards = span.b.address, int(receiver.getsockname()[1])
        sender.sendto(b"first", towards)  # neighbours get to know each other
        receiver.recv(64)
        yield sender, receiver, towards


def _until_dark(listening: monitor.Monitor, interface: str) -> None:
    while select.select([listening], [], [], 5.0)[0]:
        for one in listening.read():
            if isinstance(one, Link) and one.name == interface and not one.carrier:
                return
    raise TimeoutError(f"{interface} did not lose its light")
