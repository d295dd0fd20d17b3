"""From a cut to re-protected on the twin, in real time, with 1,000 protected services: everybody who lost a path or a
backup to the cut has both again, or has been told why not, and routers hold that.

The controller is a `highroad up` of its own; what is read is the time line of its incidents.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import httpx

from bench import world
from bench.figure import Figure, quantile, running

SERVICES = 1_000
CUTS = 8
PATIENCE_S = 60.0
MOST_S = 3.0


def figures() -> Iterator[Figure]:
    """The time of each cut of the busiest fibres, detection included."""
    with running() as up:
        took_s, touched, again = _cut(up)
    yield Figure(
        what=f"cut to re-protected on the twin, {SERVICES:,} protected services, the {CUTS} busiest fibres "
        f"(up to {max(touched):,} that lost a path or a backup; {again:,} of {sum(touched):,} protected again)",
        ours=f"median {quantile(took_s, 0.5):.2f} s, worst {max(took_s):.2f} s",
        bar=f"<= {MOST_S:g} s",
        met=max(took_s) <= MOST_S,
    )


def _cut(up: dict[str, Any]) -> tuple[list[float], list[int], int]:
    network = world.us()
    dice = world.dice_of(network, seed=11)
    operator = httpx.Client(base_url=up["url"], headers={"authorization": f"Bearer {up['operator_token']}"}, timeout=30)
    tenant = httpx.Client(base_url=up["url"], headers={"authorization": f"Bearer {up['tenant_token']}"}, timeout=30)
    took_s: list[float] = []
    touched: list[int] = []
    again = 0
    with operator, tenant:
        crossing: Counter[str] = Counter()
        made = 0
        while made < SERVICES:
            asked = world.request(network, dice, 0.3)
            body = {
                "from": asked.a.at,
                "to": asked.b.at,
                "bandwidth_gbps": asked.bandwidth_gbps,
                "protection": "path",
            }
            answer = tenant.post("/v1/services", json=body)
            if answer.status_code in (httpx.codes.CONFLICT, httpx.codes.UNPROCESSABLE_ENTITY):
                continue
            answer.raise_for_status()
            made += 1
            for link in answer.json()["there"]["links"]:
                crossing.update(network.link[link].fibres)
        time.sleep(3.0)
        for fibre, _ in crossing.most_common(CUTS):
            cut = operator.post("/v1/lab/cuts", json={"fibre": fibre})
            cut.raise_for_status()
            since = datetime.fromisoformat(cut.json()["since"])
            incident = _until(operator, fibre, "reprotected")
            at = next(entry["at"] for entry in incident["timeline"] if entry["phase"] == "reprotected")
            took_s.append((datetime.fromisoformat(at) - since).total_seconds())
            touched.append(incident["protected"])
            again += incident["protected"] - len(incident["unprotected"])
            operator.delete(f"/v1/lab/cuts/{fibre}").raise_for_status()
            _until(operator, fibre, "closed")
    return took_s, touched, again


def _until(operator: httpx.Client, fibre: str, phase: str) -> dict[str, Any]:
    """The newest incident, which is of a fibre, once it has an entry of a phase."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        items: list[dict[str, Any]] = operator.get("/v1/incidents", params={"limit": 1}).json()["items"]
        if items and items[0]["fibres"] == [fibre] and any(one["phase"] == phase for one in items[0]["timeline"]):
            return items[0]
        time.sleep(0.1)
    raise RuntimeError(f"the incident of {fibre} did not come to be {phase}")
