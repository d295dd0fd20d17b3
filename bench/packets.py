"""What the controller does to packets: the shipped lab of 26 routers, judged by sockets in its hosts' namespaces.

From a POST to the first packet at the far end, how many services a second come to carry packets, and what a thousand
planned changes lose under 5,000 packets a second.
"""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from bench.figure import Figure, quantile, running
from highroad.control.controller import Controller
from highroad.control.trial import Check
from highroad.fabric.clock import SystemClock
from highroad.fabric.linux.fabric import LinuxFabric
from highroad.lab.client import LabClient
from highroad.lab.needs import missing
from highroad.main import fabrics, first
from highroad.main.home import Home
from highroad.model.change import Change
from highroad.model.incident import Maintenance
from highroad.model.network import LinkId, Network, SiteKind
from highroad.model.service import End, Request, Service, TrafficClass
from highroad.netlink.namespace import entered_by_name
from highroad.settings import Settings
from highroad.storage.store import SqlStore

NETWORK = "us-lab"
FIRSTS = 60
MANY, CLIENTS = 1_000, 16
CHANGES, PACKETS_PER_S = 1_000, 5_000
PATIENCE_S = 120.0
_TRAFFIC_PORT = 4747


def figures() -> Iterator[Figure]:
    """All of them; without what a lab needs, a line that says so."""
    if sentences := missing():
        yield Figure(what="packets on a lab of routers", ours=" ".join(sentences))
        return
    network = first.read_network(NETWORK)
    routers = len(network.sites)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        with running(home, fabric="linux") as up:
            waits_ms = _first_packets(up, home, network)
            p50, p99 = quantile(waits_ms, 0.5), quantile(waits_ms, 0.99)
            yield Figure(
                what=f"POST to the first packet at the far end, {routers} routers, {len(waits_ms)} orders "
                "(light's own time included)",
                ours=f"p50 {p50:.0f} ms, p99 {p99:.0f} ms",
                bar="p50 <= 100 ms, p99 <= 250 ms",
                met=p50 <= 100.0 and p99 <= 250.0,
            )
            took_s, arriving = _many(up, home, network)
            rate = MANY / took_s
            yield Figure(
                what=f"{MANY:,} services on the lab, {CLIENTS} clients: from the first POST to the last confirmed",
                ours=f"{rate:.0f}/s; packets arrive both ways in {arriving:,}",
                bar=">= 100/s",
                met=rate >= 100.0 and arriving >= MANY,
            )
    yield from asyncio.run(_changes(network))


# --- the first packet ---------------------------------------------------------------------------------------------


def _first_packets(up: dict[str, Any], home: Path, network: Network) -> list[float]:
    """Milliseconds from before the POST to the kernel's stamp on the first packet at the far host."""
    ends = _ends(network)
    pairs = [(a, ends[(index + 1) % len(ends)]) for index, a in enumerate(ends)]
    waits: list[float] = []
    with _client(up, "tenant_token") as tenant:
        for a, b in pairs:  # hosts come into being with the first wire of a port
            _order(tenant, a, b)
        hosts = asyncio.run(_hosts(home, ends))
        time.sleep(2.0)
        for index in range(FIRSTS):
            a, b = pairs[index % len(pairs)]
            with _Watch(hosts[f"acme.{b}"]) as watch:
                begun_ns = time.time_ns()
                _order(tenant, a, b)
                waits.append((watch.new() - begun_ns) / 1e6)
            time.sleep(0.05)
    return waits


class _Watch:
    """Sees every packet of the lab's traffic that comes to a host; tells of the first to an address not seen before."""

    def __init__(self, host: str) -> None:
        with entered_by_name(host):
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800))
        self._socket.setsockopt(socket.SOL_SOCKET, 35, 1)  # SO_TIMESTAMPNS
        self._socket.settimeout(PATIENCE_S)
        self._seen: set[bytes] = set()
        until_s = time.monotonic() + 0.3
        while (left_s := until_s - time.monotonic()) > 0:
            self._socket.settimeout(left_s)
            try:
                self._take()
            except TimeoutError:
                break
        self._socket.settimeout(PATIENCE_S)

    def __enter__(self) -> _Watch:
        return self

    def __exit__(self, *exc: object) -> None:
        self._socket.close()

    def new(self) -> int:
        """When the first packet to a new address came, in ns."""
        while (at_ns := self._take()) is None:
            pass
        return at_ns

    def _take(self) -> int | None:
        data, ancillary, _, sender = self._socket.recvmsg(64, 128)
        if sender[2] == 4 or data[9] != socket.IPPROTO_UDP:  # PACKET_OUTGOING
            return None
        header = (data[0] & 15) * 4
        address = data[16:20]
        if struct.unpack_from("!H", data, header + 2)[0] != _TRAFFIC_PORT or address in self._seen:
            return None
        self._seen.add(address)
        seconds, rest = struct.unpack("=qq", ancillary[0][2])
        return int(seconds * 1_000_000_000 + rest)


# --- many services ------------------------------------------------------------------------------------------------


def _many(up: dict[str, Any], home: Path, network: Network) -> tuple[float, int]:
    """Seconds until all are confirmed, and in how many of them packets arrive at both ends."""
    ends = _ends(network)
    bodies = iter(
        [
            {"from": ends[n % len(ends)], "to": ends[(n + 1 + n // len(ends) % (len(ends) - 1)) % len(ends)],
             "bandwidth_gbps": 0.01}
            for n in range(MANY)
        ]
    )  # fmt: skip
    taking = threading.Lock()

    def work() -> list[str]:
        # The plainest client: what it takes of the two cores, routers do not have.
        ordered: list[str] = []
        address = urlsplit(up["url"])
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=60)
        while True:
            with taking:
                body = next(bodies, None)
            if body is None:
                return ordered
            connection.request("POST", "/v1/services", json.dumps(body), _headers(up))
            answer = connection.getresponse()
            said = answer.read()
            if answer.status != 201:
                raise RuntimeError(said.decode())
            ordered.append(json.loads(said)["id"])

    begun = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        working = [pool.submit(work) for _ in range(CLIENTS)]
    ids = [one for client in working for one in client.result()]
    with _client(up, "tenant_token") as tenant:
        while _waiting(tenant):
            time.sleep(0.1)
    took_s = time.perf_counter() - begun
    return took_s, asyncio.run(_arriving(home, ids))


async def _arriving(home: Path, ids: list[str]) -> int:
    """In how many services packets arrive at both ends."""
    lab = await LabClient.connect(home / "lab")
    until_s = time.monotonic() + 30.0
    while True:
        traffic = await lab.traffic()
        arriving = sum(
            one in traffic and min(traffic[one].there.received_packets, traffic[one].back.received_packets) > 0
            for one in ids
        )
        if arriving == len(ids) or time.monotonic() > until_s:
            return arriving
        await asyncio.sleep(0.5)


def _headers(up: dict[str, Any]) -> dict[str, str]:
    return {"authorization": f"Bearer {up['tenant_token']}", "content-type": "application/json"}


def _waiting(client: httpx.Client) -> bool:
    for state in ("RESERVED", "ACTIVATING"):
        answer = client.get("/v1/services", params={"state": state, "limit": 1})
        if answer.json()["items"]:
            return True
    return False


# --- planned changes ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _World:
    controller: Controller
    fabric: LinuxFabric
    network: Network
    lab: Path


async def _changes(network: Network) -> list[Figure]:
    """What a stream of packets loses while its service is rerouted, drained, resized and described."""
    async with _world(network) as world:
        ends = _ends(network)
        request = Request(
            tenant=first.TENANT.id,
            a=End(at=ends[0]),
            b=End(at=ends[-1]),
            bandwidth_gbps=100.0,
            traffic_class=TrafficClass.ASSURED,
        )
        service, _ = await world.controller.order(request)
        await _confirmed(world, service)
        await world.fabric.offer(service.id, 0.0)
        lab = await LabClient.connect(world.lab)
        hosts = (await lab.info()).hosts
        judge = await _Stream.begin(
            hosts[service.order.a.port], hosts[service.order.b.port], await _addresses(world, service)
        )
        described, done = 0, 0
        drained: Maintenance | None = None
        for turn in range(CHANGES):
            kind = turn % 4
            if kind == 0:
                await world.controller.change(
                    service.id, Change(bandwidth_gbps=90.0 if turn % 8 else 100.0), tenant=None, if_version=None
                )
            elif kind == 1:
                before = world.fabric.messages_sent
                await world.controller.change(
                    service.id, Change(description=f"turn {turn}"), tenant=None, if_version=None
                )
                await asyncio.sleep(0.03)
                described += world.fabric.messages_sent - before
            elif kind == 2:
                drained = await world.controller.drain(await _fibre(world, service))
            elif drained is not None:
                await world.controller.end_maintenance(drained.id)
            await _confirmed(world, service)
            done += 1
        sent, received, span_s = await judge.end()
    return [
        Figure(
            what=f"{done:,} planned changes (drain, return, resize, description) under {sent / span_s:,.0f} packets/s",
            ours=f"lost {sent - received:,} of {sent:,}; {described} messages to routers for descriptions",
            bar="lost 0; 0 messages",
            met=sent == received and described == 0 and sent / span_s >= 0.9 * PACKETS_PER_S,
        )
    ]


@asynccontextmanager
async def _world(network: Network) -> AsyncIterator[_World]:
    """A controller over the lab, in this process."""
    with tempfile.TemporaryDirectory() as folder:
        home = Home(Path(folder))
        store = SqlStore(home.store)
        settings = Settings(fabric="linux", network=NETWORK)
        carrier, _, _ = await fabrics.start(settings, home, store, None, SystemClock())
        assert isinstance(carrier.fabric, LinuxFabric)
        controller = Controller(
            store=store,
            fabric=carrier.fabric,
            clock=SystemClock(),
            lab=carrier.lab,
            prober=carrier.fabric,
            check=Check(for_s=0.0),  # packets are counted here, and each change is waited for
        )
        try:
            await controller.start()
            await first.furnish(controller, network, bare=True)
            yield _World(controller, carrier.fabric, network, home.lab)
        finally:
            await controller.stop()
            await carrier.close()
            store.close()


async def _confirmed(world: _World, service: Service) -> None:
    """Wait until routers hold what is wanted of a service."""
    until_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < until_s:
        book = await world.controller.settled()
        now = book.services[service.id]
        held = (await world.fabric.read()).policies.get(service.id)
        if not now.leaving and held is not None and held == book.policy(now):
            return
        await asyncio.sleep(0.002)
    raise TimeoutError(f"{service.id} is not confirmed")


async def _fibre(world: _World, service: Service) -> str:
    """A fibre in the middle of its way, which there is a way around."""
    book = await world.controller.settled()
    placement = book.services[service.id].placement
    assert placement is not None
    middle: LinkId = placement.there[len(placement.there) // 2]
    return str(world.network.link[middle].fibres[0])


async def _addresses(world: _World, service: Service) -> tuple[str, str]:
    """The two customers' addresses on the service."""
    ends = [world.fabric.attachment(site, service.id) for site in (service.order.a_site, service.order.b_site)]
    assert ends[0] is not None
    assert ends[1] is not None
    return ends[0].addresses.ce4, ends[1].addresses.ce4


class _Stream:
    """5,000 numbered packets a second from one host to another, by plain sockets in processes of their own."""

    def __init__(self, sender: subprocess.Popen[str], receiver: subprocess.Popen[str], begun_s: float) -> None:
        self._sender, self._receiver, self._begun_s = sender, receiver, begun_s

    @classmethod
    async def begin(cls, near: str, far: str, addresses: tuple[str, str]) -> _Stream:
        """Start it, and wait until packets arrive."""
        receiver = _python(far, _RECEIVE, addresses[1])
        sender = _python(near, _SEND, addresses[0], addresses[1], str(PACKETS_PER_S))
        assert receiver.stdout is not None
        await asyncio.to_thread(receiver.stdout.readline)
        return cls(sender, receiver, time.monotonic())

    async def end(self) -> tuple[int, int, float]:
        """Stop it: sent, received, seconds."""
        sent = await asyncio.to_thread(_said, self._sender)
        span_s = time.monotonic() - self._begun_s
        await asyncio.sleep(1.0)
        return sent, await asyncio.to_thread(_said, self._receiver), span_s


def _said(process: subprocess.Popen[str]) -> int:
    """What a process counted, once it is told to end."""
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        process.stdin.close()
        return int(process.stdout.read())


def _python(host: str, code: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["nsenter", f"--net=/run/netns/{host}", sys.executable, "-c", code, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=dict(os.environ),
    )


_SEND = """
import os, select, socket, struct, sys, time
out = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
out.bind((sys.argv[1], 0))
out.connect((sys.argv[2], 7001))
step = 1 / int(sys.argv[3])
count, due = 0, time.monotonic()
while True:
    now = time.monotonic()
    while due <= now:
        out.send(struct.pack("!Q", count) + bytes(92))
        count += 1
        due += step
    if select.select([sys.stdin], [], [], max(0.0, due - time.monotonic()))[0]:
        break
print(count)
"""

_RECEIVE = """
import socket, struct, sys, select
come = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
come.setsockopt(socket.SOL_SOCKET, 33, 64 << 20)
come.bind((sys.argv[1], 7001))
seen = set()
while True:
    ready = select.select([come, sys.stdin], [], [])[0]
    if come in ready:
        seen.add(struct.unpack_from("!Q", come.recv(2048))[0])
        if len(seen) == 1:
            print("first", flush=True)
    elif sys.stdin in ready:
        break
print(len(seen))
"""


# --- what they share ----------------------------------------------------------------------------------------------


def _ends(network: Network) -> list[str]:
    """The sites that have ports."""
    return [site.id for site in network.sites if site.kind is not SiteKind.POP]


def _client(up: dict[str, Any], token: str) -> httpx.Client:
    return httpx.Client(base_url=up["url"], headers={"authorization": f"Bearer {up[token]}"}, timeout=30)


def _order(tenant: httpx.Client, a: str, b: str) -> None:
    tenant.post("/v1/services", json={"from": a, "to": b, "bandwidth_gbps": 5}).raise_for_status()


async def _hosts(home: Path, ends: list[str]) -> dict[str, str]:
    lab = await LabClient.connect(home / "lab")
    until_s = time.monotonic() + PATIENCE_S
    while True:
        hosts = {str(port): host for port, host in (await lab.info()).hosts.items()}
        if all(f"acme.{end}" in hosts for end in ends) or time.monotonic() > until_s:
            return hosts
        await asyncio.sleep(0.1)
