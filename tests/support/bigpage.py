"""The page over a network that is larger than any that tests start: a thousand sites and five thousand links that all
change each second, told by a server that knows nothing else.
"""

from __future__ import annotations

import json
import math
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from highroad.api.page import BUILT, POLICY

KINDS = ("campus", "cloud", "edge", "enterprise", "pop", "pop", "pop", "pop")
TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
EVERY_S = 1.0


def big_network(sites: int = 1000, links: int = 5000, seed: int = 8) -> dict[str, Any]:
    """Sites over three continents, each joined to near ones, so many links in all, both ways and some in parallel."""
    dice = random.Random(seed)
    areas = ((-122, -72, 28, 48), (-8, 28, 38, 58), (100, 140, 5, 42))
    placed: list[dict[str, Any]] = []
    for number in range(sites):
        west, east, south, north = areas[number % len(areas)]
        place = {"lat": round(dice.uniform(south, north), 3), "lon": round(dice.uniform(west, east), 3)}
        kind = KINDS[number % len(KINDS)]
        site = {"id": f"s{number}", "name": f"Site {number}", "kind": kind, "jurisdiction": "US", **place}
        placed.append(site | {"operator": None, "carbon_g_per_kwh": None})
    pairs: list[tuple[int, int]] = []
    for here, site in enumerate(placed):
        near = sorted(range(sites), key=lambda other: _apart(site, placed[other]))[1:4]
        pairs += [(here, other) for other in near if (other, here) not in pairs]
    pairs = [(at, at + 3) for at in range(0, sites - 3, 40)] + pairs
    while len(pairs) < links // 2:
        pairs.append(dice.choice(pairs))
    fibres, roads = [], []
    for number, (a, b) in enumerate(pairs[: links // 2]):
        fibre = f"f{number}"
        ends = {"a": f"s{a}", "b": f"s{b}", "length_km": 100.0, "medium": "smf", "jurisdictions": ["US"]}
        fibres.append({"id": fibre, **ends, "risk_groups": []})
        gbps = dice.choice((100.0, 400.0, 800.0, 1600.0))
        for tail, head in ((a, b), (b, a)):
            link = {"id": f"s{tail}>s{head}:{number}", "tail": f"s{tail}", "head": f"s{head}", "capacity_gbps": gbps}
            roads.append(link | {"latency_ms": 0.5, "fibres": [fibre], "booked_gbps": 0.0})
    known = {"revision": 1, "name": "A thousand sites", "assumptions": [], "risk_groups": []}
    return known | {"sites": placed, "fibres": fibres, "links": roads}


def _apart(a: dict[str, Any], b: dict[str, Any]) -> float:
    return math.hypot(a["lat"] - b["lat"], (a["lon"] - b["lon"]) * 0.7)


@contextmanager
def big_page(network: dict[str, Any], *, every_s: float = EVERY_S) -> Iterator[str]:
    """A server of the built page and of this network; its address."""
    told = json.dumps(network).encode()
    who = {"role": "operator", "tenant": None, "scopes": None, "expires": None, "leader": None}
    nothing = json.dumps({"items": [], "next_cursor": None}).encode()
    over = threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/v1/live":
                self.live()
            elif path == "/v1/network":
                self.say(told)
            elif path == "/v1/session":
                self.say(json.dumps(who).encode())
            elif path.startswith("/v1/"):
                self.say(nothing)
            else:
                file = BUILT / (path.lstrip("/") or "index.html")
                self.say(file.read_bytes(), TYPES.get(file.suffix, "application/octet-stream"))

        def say(self, body: bytes, kind: str = "application/json") -> None:
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def live(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.end_headers()
            sequence = 0
            while not over.wait(every_s):
                sequence += 1
                frame = f"event: sample\ndata: {json.dumps(self.sample(sequence))}\n\n"
                try:
                    self.wfile.write(frame.encode())
                    self.wfile.flush()
                except OSError:
                    return

        def sample(self, sequence: int) -> dict[str, Any]:
            carried = {
                link["id"]: round(link["capacity_gbps"] * (0.5 + 0.5 * math.sin(sequence + number)), 3)
                for number, link in enumerate(network["links"])
            }
            taken = {"fabric": "twin", "rate_scale": 1.0, "at": datetime.now(UTC).isoformat(), "sequence": sequence}
            dark = {"fibres_down": [f"f{sequence % 100}"], "fibres_drained": [], "frozen": None}
            return taken | dark | {"links": carried, "services": {}}

        def log_request(self, code: object = "-", size: object = "-") -> None:
            """Nothing is said."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        over.set()
        server.shutdown()
        server.server_close()
