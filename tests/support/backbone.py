"""A small backbone, whole: controller, store and twin, drawn by hand so that every path is known.

campus-east -- pop-ash -- pop-chi -- pop-den -- cloud-west
                     \\      |          |       /
                      \\  edge-chi      |      /
                       `---- pop-dal ---+-----'
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import uvicorn
from fastapi import FastAPI

from highroad.api import SessionCodes, close_streams, create_app
from highroad.api.shapes.webhooks import delivery_of
from highroad.api.unreadable import http_of
from highroad.control.controller import Controller
from highroad.control.replanning import Rules
from highroad.courier.addresses import networks_of
from highroad.courier.https import HttpsCourier
from highroad.courier.vault import SealedVault
from highroad.fabric.clock import SystemClock
from highroad.fabric.twin.twin import Twin
from highroad.mail import Mail, Sent
from highroad.model.network import Fibre, FibreId, Link, LinkId, Network, Site, SiteId, SiteKind
from highroad.model.service import Port, PortId, Tenant, TenantId
from highroad.ports import Tracer
from highroad.ports.telemetry import Telemetry
from highroad.storage.store import SqlStore
from tests.support.stores import with_tables

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
        """A bare HTTP client of the API; its requests bear one id, so that two answers to the same are the same."""
        headers.setdefault("X-Request-Id", "test")
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        return httpx.AsyncClient(transport=httpx.ASGITransport(self.app), base_url=URL, headers=headers)

    async def until(self, true: Callable[[], bool], within_s: float = 60.0) -> None:
        """Wait for something to become true."""
        deadline = asyncio.get_running_loop().time() + within_s
        while not true():
            assert asyncio.get_running_loop().time() < deadline, "it did not become true"
            await asyncio.sleep(0.005)

    async def active(self, http: httpx.AsyncClient, service: str) -> dict[str, Any]:
        """Wait until a service is ACTIVE."""
        async with asyncio.timeout(60):
            while True:
                found: dict[str, Any] = (await http.get(f"/v1/services/{service}")).json()
                if found["state"] == "ACTIVE":
                    return found
                await asyncio.sleep(0.005)


@cache
def _trusted() -> ssl.SSLContext:
    """Whom the world trusts: a file of authorities, read once."""
    return httpx.create_ssl_context()


class LoopbackCourier(HttpsCourier):
    """Delivers on this machine only: what a test makes up may be somebody's address."""

    async def send(self, url: str, headers: Mapping[str, str], body: bytes, *, tenant: bool) -> Sent:
        """Deliver, if it stays here."""
        if not (urlsplit(url).hostname or "").startswith("127."):
            return Sent(duration_ms=0.0, error="tests stay on this machine")
        return await super().send(url, headers, body, tenant=tenant)


@asynccontextmanager
async def serving(world: Backbone) -> AsyncIterator[str]:
    """The backbone on a real port, for what streams and for clients in threads; yields its address."""
    listener = socket.socket(proto=socket.IPPROTO_TCP)  # else asyncio leaves Nagle on, and each answer waits 40 ms
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    config = uvicorn.Config(
        world.app,
        http=http_of(world.app),
        log_level="critical",
        access_log=False,
        lifespan="off",
        ws="none",
        proxy_headers=False,
        timeout_graceful_shutdown=1,
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
    *,
    lab: bool = True,
    carries_tags: bool = True,
    watched: bool = True,
    options: Mapping[str, Any] | None = None,
    tracer: Tracer | None = None,
    network: Network | None = None,
    telemetry: Telemetry | None = None,
    rules: Rules | None = None,
) -> AsyncIterator[Backbone]:
    """A backbone for as long as a test needs it; `options` go to `create_app`, `watched` to the twin."""
    clock = SystemClock()
    network = network or small_network()
    folder = tempfile.TemporaryDirectory()
    store = SqlStore(with_tables(Path(folder.name) / "highroad.db"))
    twin = Twin(network, clock, watched=watched)
    courier = LoopbackCourier(networks_of("127.0.0.0/8"), networks_of("127.0.0.0/8"), trust=_trusted())
    controller = Controller(
        store=store,
        fabric=twin,
        clock=clock,
        lab=twin if lab else None,
        prober=twin,
        carries_tags=carries_tags,
        tracer=tracer,
        telemetry=telemetry,
        rules=rules,
        mail=Mail(courier=courier, vault=SealedVault("a key of tests"), write=delivery_of),
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
        await courier.aclose()
        await twin.aclose()
        store.close()
        folder.cleanup()
