"""From a cut to the last service carried again on the twin, in real time, with 1,000 services: less detection.

The controller is a `highroad up` of its own; what is read is what its incidents say, which is what the twin counted at
the far end. The peers are quoted: FRR 8 with BFD at 10 ms x 3 on namespaces of one Linux machine (docs/figures.md).
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import httpx

from bench import world
from bench.figure import Figure, quantile, running

DETECTION_MS = 15.0
SERVICES = 1_000
CUTS = 12
PATIENCE_S = 20.0


def figures() -> Iterator[Figure]:
    """Dark time beyond detection of every service that a cut struck, over the busiest fibres."""
    with running() as up:
        beyond = _cut(up)
    yield Figure(
        what=f"cut to healed on the twin beyond {DETECTION_MS:.0f} ms of detection, {SERVICES:,} services, "
        f"the {CUTS} busiest fibres ({len(beyond):,} outages)",
        ours=f"median {quantile(beyond, 0.5):.0f} ms, p99 {quantile(beyond, 0.99):.0f} ms, worst {max(beyond):.0f} ms",
        bar="<= 100 ms",
        peer="FRR with BFD to netlink 27-31 ms, IS-IS with BFD 44-55 ms, detection of 30 ms included (quoted)",
        met=max(beyond) <= 100.0,
    )


def _cut(up: dict[str, Any]) -> list[float]:
    network = world.us()
    dice = world.dice_of(network, seed=7)
    operator = httpx.Client(base_url=up["url"], headers={"authorization": f"Bearer {up['operator_token']}"}, timeout=30)
    tenant = httpx.Client(base_url=up["url"], headers={"authorization": f"Bearer {up['tenant_token']}"}, timeout=30)
    with operator, tenant:
        crossing: Counter[str] = Counter()
        for _ in range(SERVICES):
            asked = world.request(network, dice, 0.3)
            body = {"from": asked.a.at, "to": asked.b.at, "bandwidth_gbps": asked.bandwidth_gbps}
            answer = tenant.post("/v1/services", json=body)
            answer.raise_for_status()
            for link in answer.json()["there"]["links"]:
                crossing.update(network.link[link].fibres)
        time.sleep(3.0)
        for fibre, _ in crossing.most_common(CUTS):
            time.sleep(1.5)
            operator.post("/v1/lab/cuts", json={"fibre": fibre}).raise_for_status()
            _wait(operator, fibre, lambda one: all(outage["healed"] for outage in one["outages"]))
            operator.delete(f"/v1/lab/cuts/{fibre}").raise_for_status()
            _wait(operator, fibre, lambda one: not one["open"])
        incidents = operator.get("/v1/incidents", params={"limit": 100}).json()["items"]
        if len(incidents) != CUTS:
            raise RuntimeError(f"{CUTS} cuts, and {len(incidents)} incidents")
        return [(outage["dark_ms"] or 0.0) - DETECTION_MS for one in incidents for outage in one["outages"]]


def _wait(operator: httpx.Client, fibre: str, done: Callable[[dict[str, Any]], bool]) -> None:
    """Until the newest incident is of a fibre, and as wished."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        items = operator.get("/v1/incidents", params={"limit": 1}).json()["items"]
        if items and items[0]["fibres"] == [fibre] and done(items[0]):
            return
        time.sleep(0.1)
    raise RuntimeError("an incident did not come to its end")
