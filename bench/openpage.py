"""The page held open: what its script keeps and how many nodes it has, while the network lives.

`python -m bench.openpage SECONDS` opens it in Debian's chromium over a twin, has services ordered and released, a
fibre cut and spliced and panels turned to all the while, and samples the heap after a collection that is asked for.
Soak does it for an hour.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import httpx
from playwright.sync_api import CDPSession, Page, sync_playwright

from bench.figure import Figure, running
from tests.e2e.pages import CHROMIUM_ARGS, WINDOW, Backend, open_page

RESULT = Path(__file__).parent / "results" / "openpage.json"

SERVICES = 40
"""So many live all the while."""

EACH_S = 10.0
"""How often it is sampled."""

TURN_S = 1.0
WARM = 0.2
"""This share of the time is not counted: what is read once is not read yet, and code is not compiled."""

GROWTH = 0.05
"""The heap may be so much larger in the last quarter than in the first that is counted."""

SIDES = ("", "&tab=time", "&tab=ahead", "&tab=heat", "&tab=worth")
PLACES = ("", "#place=order", "#place=timeline", "#place=plan", "#place=sweeps", "#view=table", "#view=logical")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The page at one moment, after a collection."""

    at_s: float
    heap_bytes: int
    nodes: int
    listeners: int


def last() -> Iterator[Figure]:
    """What the last one found."""
    if RESULT.exists():
        known = json.loads(RESULT.read_text())
        yield Figure(what=known["what"], ours=known["ours"], bar=known["bar"], met=known["met"])


def held(for_s: float) -> list[Sample]:
    """Samples of a page that is held open for so long over a network that lives."""
    samples: list[Sample] = []
    with running() as ready, sync_playwright() as playwright:
        url = str(ready["url"]).rstrip("/")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_ARGS)
        with _client(url, ready["operator_token"]) as operator, _client(url, ready["tenant_token"]) as tenant:
            life = _Life(Backend(operator=operator, tenant=tenant))
            page = browser.new_context(viewport=WINDOW).new_page()
            open_page(page, url, str(ready["operator_token"]))
            line = page.context.new_cdp_session(page)
            line.send("Performance.enable")
            begun_s = time.monotonic()
            while (at_s := time.monotonic() - begun_s) < for_s:
                life.turn(page)
                if at_s >= len(samples) * EACH_S:
                    samples.append(_sample(line, at_s))
                page.wait_for_timeout(TURN_S * 1000)
        browser.close()
    return samples


class _Life:
    """What happens meanwhile: one thing at a time."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        ports = sorted({port["site"] for port in backend.tenant.get("/v1/ports").json()["items"]})
        self._pairs = [(a, b) for a in ports for b in ports if a != b]
        self._links = [link["id"] for link in backend.network()["links"]]
        self._fibres = sorted({link["fibres"][0] for link in backend.network()["links"]})
        self._live: list[str] = []
        self._turn = 0

    def turn(self, page: Page) -> None:
        """A service comes, the oldest goes; now and then a fibre is cut or spliced, or another thing is looked at."""
        self._turn += 1
        a, b = self._pairs[self._turn * 7 % len(self._pairs)]
        answer = self._backend.tenant.post("/v1/services", json={"from": a, "to": b, "bandwidth_gbps": 1})
        if answer.is_success:
            self._live.append(answer.json()["id"])
        if len(self._live) > SERVICES:
            self._backend.tenant.delete(f"/v1/services/{self._live.pop(0)}")
        if self._turn % 20 == 0:
            self._backend.cut(self._fibres[self._turn % len(self._fibres)])
        if self._turn % 20 == 10:
            for fibre in [*self._backend.cut_fibres]:
                self._backend.splice(fibre)
        if self._turn % 3 == 0:
            seen = self._turn // 3
            link = self._links[seen % len(self._links)]
            looks = (
                *PLACES,
                *(f"#link={link}{side}" for side in SIDES),
                f"#service={self._live[-1]}" if self._live else "",
            )
            page.evaluate("(hash) => { location.hash = hash }", looks[seen % len(looks)])


def _sample(line: CDPSession, at_s: float) -> Sample:
    line.send("HeapProfiler.collectGarbage")
    told: dict[str, Any] = {one["name"]: one["value"] for one in line.send("Performance.getMetrics")["metrics"]}
    return Sample(
        at_s=round(at_s, 1),
        heap_bytes=int(told["JSHeapUsedSize"]),
        nodes=int(told["Nodes"]),
        listeners=int(told["JSEventListeners"]),
    )


def told(samples: Sequence[Sample], for_s: float) -> Figure:
    """What they say: the first quarter that is counted beside the last one."""
    counted = [one for one in samples if one.at_s >= WARM * for_s]
    quarter = max(1, len(counted) // 4)
    first, final = counted[:quarter], counted[-quarter:]
    before, after = (median(one.heap_bytes for one in some) for some in (first, final))
    nodes = [int(median(one.nodes for one in some)) for some in (first, final)]
    growth = after / before - 1
    return Figure(
        what=f"the page held open for {for_s:.0f} s, live, services coming and going, fibres cut and spliced: script's "
        "heap after collection and DOM nodes, first and last quarter after warming up",
        ours=f"{before / 1e6:.1f} -> {after / 1e6:.1f} MB ({growth:+.1%}), {nodes[0]:,} -> {nodes[1]:,} nodes",
        bar=f"heap grows <= {GROWTH:.0%}",
        met=growth <= GROWTH,
    )


def _client(url: str, token: str) -> httpx.Client:
    return httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=120)


def main(arguments: Sequence[str]) -> int:
    """Hold the page open for so long. Exit code 1 if it grew."""
    parser = argparse.ArgumentParser(prog="python -m bench.openpage", description=main.__doc__)
    parser.add_argument("seconds", type=float, help="for how long")
    asked = parser.parse_args(arguments)
    if shutil.which("chromium") is None:
        print("chromium is not installed")
        return 0
    samples = held(asked.seconds)
    figure = told(samples, asked.seconds)
    print(f"{figure.what}: {figure.ours} (bar: {figure.bar})")
    known = {"what": f"{figure.what}, {datetime.now(UTC):%Y-%m-%d %H:%M}", "ours": figure.ours, "bar": figure.bar}
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(known | {"met": figure.met, "samples": [asdict(one) for one in samples]}) + "\n")
    return int(figure.met is False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
