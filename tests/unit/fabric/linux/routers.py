"""Routers that keep what they are told in memory, behind real gNMI servers, and the lab of a table top."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from highroad.errors import Conflict, NotFound
from highroad.fabric.clock import SystemClock
from highroad.fabric.linux.fabric import LinuxFabric
from highroad.fabric.linux.inventory import Reach
from highroad.gnmi.client import Election, GnmiClient
from highroad.gnmi.edit import resulting
from highroad.gnmi.hub import Hub, HubWatch
from highroad.gnmi.path import Path as GnmiPath
from highroad.gnmi.path import parse
from highroad.gnmi.router import ADJACENCY_FUNCTIONS, Intended, intended_to_json
from highroad.gnmi.schema import MODEL
from highroad.gnmi.server import GnmiServer
from highroad.gnmi.target import Edit, Kind, Notification
from highroad.gnmi.tree import find
from highroad.model.network import FibreId, Network, RiskGroupId, SiteId
from highroad.model.service import PortId, ServiceId
from highroad.pki.peer import Credentials, Role
from highroad.pki.store import Pki
from highroad.ports import CutState, Echo, LabStatus, RouterState
from highroad.ports.panel import Flow, Load, Wire

RATE_SCALE = 0.001


class Router:
    """A gNMI target that steers nothing. `refuse` names services that it will not take; `writes` are its Sets."""

    models = (MODEL,)

    def __init__(self, network: Network, site: SiteId, node: int) -> None:
        self.intended = Intended()
        self.elections: dict[str, int] = {}
        self.refuse: dict[str, str] = {}
        self.writes: list[Sequence[Edit]] = []
        self.counters: dict[str, dict[str, int]] = {}
        self.link_octets: dict[str, int] = {}
        self.epoch = 1
        self.asked: list[dict[str, Any]] = []
        self.avoided: list[list[str]] = []
        self.rows: list[dict[str, Any]] = []
        self.life = "first"
        self.hub = Hub()
        links = [link for link in network.links if link.tail == site]
        self._state: dict[str, Any] = {"site": site, "node-id": node, "rate-scale": str(RATE_SCALE)}
        self.ports: dict[str, dict[str, Any]] = {
            f"c{index}": {
                "interface": f"c{index}",
                "link": link.id,
                "function": ADJACENCY_FUNCTIONS[index],
                "capacity-kbps": str(round(link.capacity_gbps * 1e6)),
                "oper-status": "UP",
            }
            for index, link in enumerate(links)
        }

    async def elected(self, role: str, election_id: int) -> None:
        self.elections[role] = election_id

    async def read(self, path: GnmiPath, kind: Kind) -> Sequence[tuple[GnmiPath, Any]]:
        state = {
            **self._state,
            "counter-epoch": str(self.epoch),
            "core-port": [
                {**port, "class": [_octets(self.link_octets.get(port["link"], 0))]} for port in self.ports.values()
            ],
            "attachment": [
                {"id": one, "counters": {"delivered-octets": str(self._count(one, "delivered"))}}
                for one in self.intended.attachments
            ],
            "policy": [
                {
                    "service": one,
                    "counters": {
                        f"{name}-octets": str(self._count(policy.attachment, name)) for name in ("carried", "lost")
                    },
                }
                for one, policy in self.intended.policies.items()
            ],
        }
        return find({"highroad-router:router": {**intended_to_json(self.intended), "state": state}}, path)

    async def write(self, edits: Sequence[Edit]) -> None:
        self.writes.append(edits)
        after = resulting(self.intended, edits)
        for service, told in after.policies.items():
            if service in self.refuse and told is not self.intended.policies.get(service):
                raise Conflict(self.refuse[service])
        self.intended = after
        updates = tuple((edit.path, getattr(edit, "value", None)) for edit in edits)
        self.hub.publish(Notification(timestamp_ns=time.time_ns(), updates=updates))

    def watch(self, paths: Sequence[GnmiPath]) -> HubWatch:
        return self.hub.watch(paths)

    def light(self, link: str, *, up: bool, at_s: float | None = None) -> None:
        """Light goes out at the port of a link, or comes back."""
        port = next(port for port in self.ports.values() if port["link"] == link)
        at_ns = round((time.time() if at_s is None else at_s) * 1e9)
        port["oper-status"] = "UP" if up else "DOWN"
        port.pop("down-since", None)
        if not up:
            port["down-since"] = str(at_ns)
        path = parse(f"/router/state/core-port[interface={port['interface']}]")
        self.hub.publish(Notification(timestamp_ns=at_ns, updates=((path, dict(port)),)))

    async def avoid(self, body: dict[str, Any]) -> dict[str, Any]:
        self.avoided.append(body["links"])
        return {"flipped": 0}

    async def ping(self, body: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(body)
        return {"echoes": [{"sequence": 1 + at, "rtt-ms": None if at else 4.0} for at in range(body["count"])]}

    async def measured(self, body: dict[str, Any]) -> dict[str, Any]:
        after = body["after"] if body["epoch"] == self.life else 0
        return {"epoch": self.life, "last": len(self.rows), "rows": self.rows[after:]}

    async def trace(self, body: dict[str, Any]) -> dict[str, Any]:
        self.asked.append(body)
        links = self.intended.policies[body["service"]].candidate_paths[0].segment_lists[0].links
        return {"hops": [{"link": link, "rtt-ms": 2.0 * (1 + at)} for at, link in enumerate(links)]}

    def _count(self, attachment: str, name: str) -> int:
        return self.counters.get(attachment, {}).get(name, 0)


def _octets(value: int) -> dict[str, Any]:
    return {"name": "assured", "counters": {"octets": str(value)}}


class TableTop:
    """A `Panel` that remembers what it was asked for."""

    rate_scale = RATE_SCALE

    def __init__(self, routers: Mapping[SiteId, Router], network: Network) -> None:
        self._routers = routers
        self._network = network
        self.wires: dict[str, Wire] = {}
        self.loads: dict[ServiceId, Load] = {}
        self.flow: dict[ServiceId, Flow] = {}
        self.refuse: dict[str, str] = {}
        self.cut_at: dict[FibreId, CutState] = {}
        self.hosts: dict[PortId, str] = {}

    async def attach(self, wires: Sequence[Wire]) -> Mapping[str, str]:
        self.wires |= {wire.attachment: wire for wire in wires if wire.attachment not in self.refuse}
        return {wire.attachment: self.refuse[wire.attachment] for wire in wires if wire.attachment in self.refuse}

    async def detach(self, attachments: Sequence[str]) -> None:
        for attachment in attachments:
            self.wires.pop(attachment, None)

    async def plug(self, ports: Sequence[PortId]) -> None:
        self.hosts |= {port: f"h-{port}" for port in ports}

    async def wired(self) -> frozenset[str]:
        return frozenset(self.wires)

    async def carry(self, loads: Sequence[Load]) -> None:
        self.loads |= {load.service: load for load in loads}

    async def offer(self, service: ServiceId, offered_gbps: float | None) -> None:
        return None

    async def flows(self) -> Mapping[ServiceId, Flow]:
        return self.flow

    async def ping(self, service: ServiceId, *, count: int, interval_ms: float, size_bytes: int) -> Sequence[Echo]:
        return [Echo(sequence=1 + index, rtt_ms=4.0) for index in range(count)]

    async def cut(
        self, fibre: FibreId, *, silent: bool = False, towards: SiteId | None = None, loss: float = 1.0
    ) -> None:
        self.cut_at[fibre] = CutState(since_s=time.time(), silent=silent, towards=towards, loss=loss)
        self._light(fibre, up=False)

    async def uncut(self, fibre: FibreId) -> None:
        self.cut_at.pop(fibre, None)
        self._light(fibre, up=True)

    async def cut_group(self, group: RiskGroupId, *, silent: bool = False, loss: float = 1.0) -> None:
        raise NotFound("no conduit lies on a table top")

    async def uncut_group(self, group: RiskGroupId) -> None:
        raise NotFound("no conduit lies on a table top")

    async def cuts(self) -> Mapping[FibreId, CutState]:
        return dict(self.cut_at)

    async def kill_router(self, site: SiteId, *, silent: bool = False) -> None:
        raise NotFound("no router dies on a table top")

    async def revive_router(self, site: SiteId) -> None:
        raise NotFound("no router dies on a table top")

    async def status(self) -> LabStatus:
        return LabStatus(routers=[RouterState(site=site) for site in self._routers], cuts=self.cut_at, hosts=self.hosts)

    def _light(self, fibre: FibreId, *, up: bool) -> None:
        for link in self._network.links_on[fibre]:
            self._routers[self._network.link[link].tail].light(link, up=up)


class Bench:
    """Routers with servers of their own, and the means to open fabrics over them."""

    def __init__(self, folder: Path, network: Network, pki: Pki) -> None:
        self.folder = folder
        self.network = network
        self.routers = {site.id: Router(network, site.id, node) for node, site in enumerate(network.sites, 1)}
        self.panel = TableTop(self.routers, network)
        self._pki = pki
        self.credentials = pki.ensure_issued("controller", Role.CONTROLLER, at_s=time.time())
        self.servers: dict[SiteId, GnmiServer] = {}

    def address(self, site: SiteId) -> str:
        return f"unix:{self.folder}/{site}.sock"

    async def serve(self, site: SiteId) -> None:
        """Start, or start again, a router's server."""
        agent: Credentials = self._pki.ensure_issued(site, Role.AGENT, at_s=time.time())
        router = self.routers[site]
        self.servers[site] = GnmiServer(
            router,
            agent,
            [self.address(site)],
            actions={"Ping": router.ping, "Trace": router.trace, "Measured": router.measured},
            commands={"Avoid": router.avoid},
        )
        await self.servers[site].start()

    async def stop(self, site: SiteId) -> None:
        """A router does not answer any more."""
        await self.servers.pop(site).stop(grace_s=0.0)

    @asynccontextmanager
    async def fabric(self, *, epoch: int = 1, lab: bool = True) -> AsyncIterator[LinuxFabric]:
        """A controller's view of them."""

        def connect(reach: Reach) -> GnmiClient:
            return GnmiClient(reach.address, reach.name, self.credentials, election=Election(id=epoch), timeout_s=3.0)

        fabric = LinuxFabric(
            self.network,
            {site: Reach(site=site, address=self.address(site), name=site) for site in self.routers},
            SystemClock(),
            connect=connect,
            panel=self.panel if lab else None,
            memory=self.folder / "fabric.json",
        )
        await fabric.start()
        try:
            yield fabric
        finally:
            await fabric.aclose()


@asynccontextmanager
async def bench(folder: Path, network: Network) -> AsyncIterator[Bench]:
    """Every router of a network, served."""
    made = Bench(folder, network, Pki.ensure(folder / "pki", at_s=time.time()))
    async with AsyncExitStack() as stack:
        for site in made.routers:
            await made.serve(site)
            stack.push_async_callback(_stopped, made, site)
        yield made


async def _stopped(made: Bench, site: SiteId) -> None:
    if site in made.servers:
        await made.stop(site)


async def until(true: Callable[[], Awaitable[bool]], *, within_s: float = 60.0) -> None:
    """Wait until something holds."""
    async with asyncio.timeout(within_s):
        while not await true():  # noqa: ASYNC110 - what it waits for rings no bell
            await asyncio.sleep(0.005)
