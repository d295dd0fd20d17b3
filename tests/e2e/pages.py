"""What tests of the page share: a backend to change behind its back, and a browser to look with."""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import ConsoleMessage, Locator, Page, ViewportSize, expect

CHROMIUM_ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
A_NO = re.compile(r"^Failed to load resource: the server responded with a status of (409|422) ")
"""What a browser notes by itself where an order is refused: an answer like any other."""
WINDOW = ViewportSize(width=1600, height=900)
SOON_MS = 15_000


@dataclass(slots=True)
class Backend:
    """The controller, through its API: what happens behind the page's back."""

    operator: httpx.Client
    tenant: httpx.Client
    cut_fibres: list[str] = field(default_factory=list)
    ordered: list[str] = field(default_factory=list)
    drains: list[str] = field(default_factory=list)

    def network(self) -> dict[str, Any]:
        return body(self.operator.get("/v1/network"))

    def service(self, service: str) -> dict[str, Any]:
        return body(self.operator.get(f"/v1/services/{service}"))

    def order(self, **more: object) -> dict[str, Any]:
        """A service over a path long enough to be cut in its middle and still have another way."""
        a, b = self.far_apart()
        order = {"from": a, "to": b, "bandwidth_gbps": 100, **more}
        service = body(self.tenant.post("/v1/services", json=order))
        self.ordered.append(service["id"])
        wait_until(lambda: self.service(service["id"])["state"] == "ACTIVE", "the service is active")
        return self.service(service["id"])

    def far_apart(self) -> tuple[str, str]:
        """Two sites of the network, far from each other, where the tenant has ports."""
        ports = body(self.tenant.get("/v1/ports"))["items"]
        place = {site["id"]: (site["lat"], site["lon"]) for site in self.network()["sites"]}
        sites = sorted({port["site"] for port in ports} & place.keys())
        assert len(sites) >= 2, "the tenant of `highroad up` has ports at fewer than two sites"

        def apart(pair: tuple[str, str]) -> float:
            (lat_a, lon_a), (lat_b, lon_b) = place[pair[0]], place[pair[1]]
            return math.hypot(lat_a - lat_b, lon_a - lon_b)

        return max(((a, b) for a in sites for b in sites if a < b), key=apart)

    def middle_fibre(self, service: dict[str, Any]) -> str:
        """A fibre in the middle of a service's path."""
        fibres = {link["id"]: link["fibres"] for link in self.network()["links"]}
        links = service["there"]["links"]
        fibre: str = fibres[links[len(links) // 2]][0]
        return fibre

    def fibre_to_an_edge(self) -> str:
        """The fibre of an edge site's without which the fewest people are within reach."""
        network = self.network()
        edges = {site["id"] for site in network["sites"] if site["kind"] == "edge"}
        joined = [fibre["id"] for fibre in network["fibres"] if {fibre["a"], fibre["b"]} & edges]

        def share(without: str) -> float:
            asked: dict[str, str | int] = {"rtt_ms": 5, "kind": "edge", "without": without}
            return float(body(self.operator.get("/v1/reach", params=asked))["share"])

        return str(min(joined, key=share))

    def name(self, fibre: str) -> str:
        """A fibre by its ends, as the page calls it."""
        network = self.network()
        names = {site["id"]: site["name"] for site in network["sites"]}
        return next(f"{names[one['a']]} – {names[one['b']]}" for one in network["fibres"] if one["id"] == fibre)

    def links_on(self, fibre: str) -> list[str]:
        return [link["id"] for link in self.network()["links"] if fibre in link["fibres"]]

    def cut(self, fibre: str) -> float:
        """Cuts a fibre; the wall clock's milliseconds at which the call returned."""
        self.cut_fibres.append(fibre)
        body(self.operator.post("/v1/lab/cuts", json={"fibre": fibre}))
        return time.time() * 1000

    def splice(self, fibre: str) -> None:
        self.operator.delete(f"/v1/lab/cuts/{quote(fibre, safe='')}").raise_for_status()
        self.cut_fibres.remove(fibre)

    def drain(self, target: str) -> str:
        drain: str = body(self.operator.post("/v1/maintenances", json={"target": target}))["id"]
        self.drains.append(drain)
        return drain

    def end_drain(self, drain: str) -> None:
        self.operator.delete(f"/v1/maintenances/{drain}").raise_for_status()
        self.drains.remove(drain)

    def release(self, service: str) -> None:
        self.tenant.delete(f"/v1/services/{service}").raise_for_status()
        self.ordered.remove(service)

    def clean_up(self) -> None:
        for fibre in [*self.cut_fibres]:
            self.splice(fibre)
        for drain in [*self.drains]:
            self.end_drain(drain)
        for service in [*self.ordered]:
            self.release(service)


@dataclass
class Seen:
    """What a page did that nobody should see it do."""

    origin: str
    troubles: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.troubles.append(f"threw {error}"))
        page.on("console", self._said)
        page.on("request", lambda request: self._asked(request.url))

    def _said(self, said: ConsoleMessage) -> None:
        if said.type in ("error", "warning") and A_NO.match(said.text) is None:
            self.troubles.append(f"{said.type}: {said.text}")

    def _asked(self, url: str) -> None:
        if not url.startswith((self.origin + "/", "data:")):
            self.foreign.append(url)


def open_page(page: Page, url: str, token: str) -> Page:
    """The page at an address, signed in and live."""
    answer = page.context.request.post(f"{url}/v1/session", data={"token": token})
    assert answer.ok, answer.text()
    # The page keeps this mark when it signs in: it tells it that there is a session to ask for.
    page.add_init_script("localStorage.setItem('highroad.session', 'perhaps')")
    page.goto(url)
    expect(page.locator("[data-connection=live]")).to_be_visible(timeout=SOON_MS)
    expect(page.locator("[data-network]")).not_to_be_empty()
    return page


def link_of(page: Page, link: str) -> Locator:
    """A link as the map tells of it."""
    return page.locator(f'.map [data-link="{link}"]')


def body(answer: httpx.Response) -> dict[str, Any]:
    """What was answered; it has to be a yes."""
    assert answer.is_success, f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text}"
    found: dict[str, Any] = answer.json()
    return found


def wait_until(true: Callable[[], bool], what: str) -> None:
    """Asks again and again; fails with what was waited for."""
    give_up = time.monotonic() + SOON_MS / 1000
    while not true():
        assert time.monotonic() < give_up, f"in vain: until {what}"
        time.sleep(0.05)


AXE = Path(__file__).parents[2] / "portal" / "node_modules" / "axe-core" / "axe.min.js"


def add_axe(page: Page) -> None:
    """Bring the auditor of accessibility into a page; skips the test where it is not installed."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed")
    page.evaluate(AXE.read_text("utf-8"))


def in_the_way(page: Page) -> list[str]:
    """What it finds wrong in the page as it is now."""
    violations = page.evaluate("axe.run(document, { resultTypes: ['violations'] }).then((found) => found.violations)")
    return [f"{one['id']}: {node['html'][:200]}" for one in violations for node in one["nodes"]]
