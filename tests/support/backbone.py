"""A small backbone, whole: controller, store and twin, drawn by hand so that every path is known.

campus-east -- pop-ash -- pop-chi -- pop-den -- cloud-west
                     \\      |          |       /
                      \\  edge-chi      |      /
                       `---- pop-dal ---+-----'
"""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from highroad.api import SessionCodes, close_streams, create_app
from highroad.control.controller import Controller
from highroad.fabric.clock import SystemClock
from highroad.fabric.twin.twin import Twin
from highroad.model.network import Fibre, FibreId, Link, LinkId, Network, Site, SiteId, SiteKind
from highroad.model.service import Port, PortId, Tenant, TenantId
from highroad.storage.store import SqlStore

URL = "http://127.0.0.1:8080"

SITES = {
    "campus-east": (SiteKind.CAMPUS, 39.04, -77.49, "US-VA"),
    "pop-ash": (SiteKind.POP, 39.00, -77.40, "US-VA"),
    "pop-chi": (SiteKind.POP, 41.88, -87.63, "US-IL"),
    "pop-dal": (SiteKind.POP, 32.78, -96.80, "US-TX"),
    "pop-den": (SiteKind.POP, 39.74, -104.99, "US-CO"),
    "edge-chi": (SiteKind.EDGE, 41.90, -87.70, "US-IL"),
    "cloud-west": (SiteKind.CLOUD, 37.35, -121.95, "US-CA"),
}
FIBRES = {
    ("campus-east", "pop-ash"): 20.0,
    ("pop-ash", "pop-chi"): 1100.0,
    ("pop-chi", "pop-den"): 1600.0,
    ("pop-ash", "pop-dal"): 2100.0,
    ("pop-dal", "pop-den"): 1150.0,
    ("pop-den", "cloud-west"): 1700.0,
    ("pop-dal", "cloud-west"): 2700.0,
    ("pop-chi", "edge-chi"): 15.0,
}
CAPACITY_GBPS = 800.0
PORT_GBPS = 800.0
PORTS = ("campus-east", "cloud-west", "edge-chi")


def small_network(name: str = "small") -> Network:
    """The backbone above."""
    fibres = {(a, b): FibreId(f"{a}--{b}") for a, b in FIBRES}
    return Network(
        name=name,
        sites=tuple(
            Site(id=SiteId(site), name=site, kind=kind, lat=lat, lon=lon, jurisdiction=place)
            for site, (kind, lat, lon, place) in SITES.items()
        ),
        fibres=tuple(
            Fibre(
                id=fibres[a, b],
                a=SiteId(a),
                b=SiteId(b),
                length_km=km,
                jurisdictions=tuple(sorted({SITES[a][3], SITES[b][3]})),
            )
            for (a, b), km in FIBRES.items()
        ),
        links=tuple(
            Link(
                id=LinkId(f"{tail}>{head}"),
                tail=SiteId(tail),
                head=SiteId(head),
                capacity_gbps=CAPACITY_GBPS,
                latency_ms=round(km * 0.0049, 6),
                fibres=(fibres[a, b],),
            )
            for (a, b), km in FIBRES.items()
            for tail, head in ((a, b), (b, a))
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Backbone:
    """A running controller behind its API, and a token of each who may call."""

    controller: Controller
    app: FastAPI
    codes: SessionCodes
    operator: str
    acme: str
    rival: str

    def http(self, token: str | None = None, **headers: str) -> httpx.AsyncClient:
        """A bare HTTP client of the API."""
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=URL, headers=headers)

    async def until(self, true: Callable[[], bool], within_s: float = 10.0) -> None:
        """Wait for something to become true."""
        deadline = asyncio.get_running_loop().time() + within_s
        while not true():
            assert asyncio.get_running_loop().time() < deadline, "it did not become true"
            await asyncio.sleep(0.005)

    async def active(self, http: httpx.AsyncClient, service: str) -> dict[str, Any]:
        """Wait until a service is ACTIVE."""
        async with asyncio.timeout(10):
            while True:
                found: dict[str, Any] = (await http.get(f"/v1/services/{service}")).json()
                if found["state"] == "ACTIVE":
                    return found
                await asyncio.sleep(0.005)


@asynccontextmanager
async def serving(world: Backbone) -> AsyncIterator[str]:
    """The backbone on a real port, for what streams and for clients in threads; yields its address."""
    listener = socket.socket(proto=socket.IPPROTO_TCP)  # else asyncio leaves Nagle on, and each answer waits 40 ms
    listener.bind(("127.0.0.1", 0))
    config = uvicorn.Config(
        world.app, log_level="critical", access_log=False, lifespan="off", ws="none", timeout_graceful_shutdown=1
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        close_streams(world.app)
        server.should_exit = True
        await task
        listener.close()


class _Server(uvicorn.Server):
    """A server that leaves the process's signals alone."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def backbone(
    *, lab: bool = True, carries_tags: bool = True, options: Mapping[str, Any] | None = None
) -> AsyncIterator[Backbone]:
    """A backbone for as long as a test needs it; `options` go to `create_app`."""
    clock = SystemClock()
    network = small_network()
    folder = tempfile.TemporaryDirectory()
    store = SqlStore(Path(folder.name) / "highroad.db")
    twin = Twin(network, clock)
    controller = Controller(
        store=store, fabric=twin, clock=clock, lab=twin if lab else None, prober=twin, carries_tags=carries_tags
    )
    await controller.start()
    try:
        await controller.load_network(network)
        tokens = {"operator": (await controller.issue_token(tenant=None, label="test"))[1]}
        for name in ("acme", "rival"):
            tenant = TenantId(name)
            await controller.add_tenant(Tenant(id=tenant, name=name.title()))
            for site in PORTS:
                port = Port(id=PortId(f"{name}.{site}"), tenant=tenant, site=SiteId(site), rate_gbps=PORT_GBPS)
                await controller.add_port(port)
            tokens[name] = (await controller.issue_token(tenant=tenant, label="test"))[1]
        codes = SessionCodes()
        app = create_app(controller, codes=codes, **(options or {}))
        yield Backbone(controller=controller, app=app, codes=codes, **tokens)
    finally:
        await controller.stop()
        await twin.aclose()
        store.close()
        folder.cleanup()
