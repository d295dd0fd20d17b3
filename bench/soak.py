"""`make soak`: orders, changes, releases, cuts, drains and kill -9, for as long as asked; then everything is counted.

The judge reads the API only: an acknowledged order that is missing, a link that guarantees more than it has, a service
that is stuck, an event lost or doubled. The result is kept for `make bench` to print.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from bench import world
from bench.figure import up_on

RESULT = Path(__file__).parent / "results" / "soak.json"
LIVES_S = (3.0, 12.0)
SETTLED = {"ACTIVE", "TERMINATED", "CANCELLED"}
CARRIED = {"ACTIVATING", "ACTIVE", "DEGRADED"}


class Soak:
    """One home, many lives of the process on it."""

    def __init__(self, home: Path, seed: int) -> None:
        self.home = home
        self.dice = random.Random(seed)
        self.acknowledged: dict[str, float] = {}
        self.given_back: set[str] = set()
        self.passing: set[str] = set()
        """What ends by itself."""
        self.counts = {"lives": 0, "orders": 0, "split": 0, "changes": 0, "releases": 0, "cuts": 0, "drains": 0}
        self.faults: list[str] = []
        self.fibres = [fibre.id for fibre in world.us().fibres]

    def life(self, until: float) -> None:
        """Start, check what is there, work until a random instant, kill -9."""
        environment = {**os.environ, "HIGHROAD_HOME": str(self.home)}
        command = [sys.executable, "-m", "highroad.main", *up_on("twin"), "--json", "--no-tour", "--bare"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert process.stdout is not None
        try:
            ready = json.loads(process.stdout.readline())
            self.counts["lives"] += 1
            with _client(ready, "operator_token") as operator, _client(ready, "tenant_token") as tenant:
                if self.counts["lives"] > 1:
                    self.check(operator)
                ends = [port["site"] for port in _all(operator, "/v1/ports")]
                death = min(until, time.monotonic() + self.dice.uniform(*LIVES_S))
                while time.monotonic() < death:
                    self.act(operator, tenant, ends)
        except httpx.HTTPError as error:
            self.faults.append(f"the API broke off by itself: {error!r}")
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
            process.stdout.close()

    def act(self, operator: httpx.Client, tenant: httpx.Client, ends: list[str]) -> None:
        """One random thing that a tenant, an operator or a backhoe does."""
        pick = self.dice.random()
        mine = [name for name in self.acknowledged if name not in self.given_back]
        if pick < 0.6 or not mine:
            a, b = self.dice.sample(ends, 2)
            rate = self.dice.choice([1, 1, 1, 100]) * self.dice.randint(1, 50) / 10
            body: dict[str, Any] = {"from": a, "to": b, "bandwidth_gbps": rate}
            if self.dice.random() < 0.2:
                body["protection"] = "path"
            if self.dice.random() < 0.1:
                body["windows"] = self.windows()
            answer = tenant.post("/v1/services", json=body)
            if answer.status_code == 201:
                name = answer.json()["id"]
                self.acknowledged[name] = rate
                self.counts["orders"] += 1
                self.counts["split"] += bool(answer.json()["branches"])
                if "windows" in body:
                    self.passing.add(name)
        elif pick < 0.7:
            name, rate = self.dice.choice(mine), self.dice.randint(1, 50) / 10
            now = tenant.get(f"/v1/services/{name}")
            change: dict[str, Any] = {"bandwidth_gbps": rate}
            if self.dice.random() < 0.4:
                others: list[dict[str, Any]] = [
                    {"protection": self.dice.choice(["none", "path"])},
                    {"latency_bound_ms": self.dice.choice([None, 40.0])},
                    {"to": self.dice.choice(ends)},
                    {"max_paths": self.dice.randint(1, 4)},
                ]
                change = self.dice.choice(others)
            answer = tenant.patch(f"/v1/services/{name}", json=change, headers={"if-match": now.headers["etag"]})
            if answer.status_code == 200:
                self.acknowledged[name] = change.get("bandwidth_gbps", self.acknowledged[name])
                self.counts["changes"] += 1
        elif pick < 0.85:
            name = self.dice.choice(mine)
            self.given_back.add(name)
            tenant.delete(f"/v1/services/{name}")
            self.counts["releases"] += 1
        elif pick < 0.93:
            cuts = [cut["fibre"] for cut in operator.get("/v1/lab").json()["cuts"]]
            if len(cuts) > 3:
                operator.delete(f"/v1/lab/cuts/{self.dice.choice(cuts)}")
            else:
                operator.post("/v1/lab/cuts", json={"fibre": self.dice.choice(self.fibres)})
            self.counts["cuts"] += 1
        else:
            drains = [one["id"] for one in _all(operator, "/v1/maintenances") if one["state"] != "RETURNED"]
            if len(drains) > 3:
                operator.delete(f"/v1/maintenances/{self.dice.choice(drains)}")
            else:
                operator.post("/v1/maintenances", json={"target": self.dice.choice(self.fibres)})
            self.counts["drains"] += 1

    def windows(self) -> list[dict[str, str]]:
        """A few short windows, soon."""
        at, pieces = datetime.now(UTC), []
        for _ in range(self.dice.randint(2, 4)):
            end = at + timedelta(seconds=self.dice.choice([1, 5, 15]))
            pieces.append({"start": at.isoformat(), "end": end.isoformat()})
            at = end + timedelta(seconds=self.dice.choice([0, 1, 5]))
        return pieces

    def check(self, operator: httpx.Client, *, whole: bool = False) -> None:
        """Count what is wrong. `whole` asks besides that nothing is left in between once everything is spliced."""
        services = {one["id"]: one for one in _all(operator, "/v1/services")}
        for name, rate in self.acknowledged.items():
            known = services.get(name)
            if known is None:
                self.faults.append(f"{name} was acknowledged and is gone")
            elif known["bandwidth_gbps"] != rate:
                self.faults.append(f"{name} was acknowledged at {rate} and is at {known['bandwidth_gbps']}")
            elif name not in self.given_back | self.passing and known["state"] in ("TERMINATED", "CANCELLED", "FAILED"):
                self.faults.append(f"{name} is {known['state']}, and nobody gave it back")
        guaranteed: dict[str, float] = {}
        for one in services.values():
            branches = one["branches"] or [{"share": 1.0, "there": one["there"], "back": one["back"]}]
            for branch in branches if one["state"] in CARRIED else ():
                for way in (branch["there"], branch["back"]):
                    for link in way["links"] if way else ():
                        guaranteed[link] = guaranteed.get(link, 0.0) + one["bandwidth_gbps"] * branch["share"]
        for link in operator.get("/v1/network").json()["links"]:
            if guaranteed.get(link["id"], 0.0) > link["capacity_gbps"] + 1e-6:
                self.faults.append(f"{link['id']} is oversold: {guaranteed[link['id']]} of {link['capacity_gbps']}")
        if whole:
            stuck = [
                one["id"]
                for one in services.values()
                if one["state"] not in SETTLED
                and one["id"] not in self.passing
                and not (one["reason"] or "").startswith("unprotected")
            ]
            self.faults += [f"{name} is stuck in {services[name]['state']}" for name in stuck]
            after, sequence = 0, 0
            while True:
                items = operator.get("/v1/events", params={"after": after, "limit": 1000}).json()["items"]
                if not items:
                    break
                for event in items:
                    if event["sequence"] != sequence + 1:
                        self.faults.append(f"event {sequence + 1} is missing or doubled")
                    sequence = event["sequence"]
                after = sequence
            self.counts["events"] = sequence

    def last_look(self) -> None:
        """Splice everything, end every drain, let it settle, and count."""
        environment = {**os.environ, "HIGHROAD_HOME": str(self.home)}
        command = [sys.executable, "-m", "highroad.main", *up_on("twin"), "--json", "--no-tour", "--bare"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
        assert process.stdout is not None
        try:
            ready = json.loads(process.stdout.readline())
            with _client(ready, "operator_token") as operator:
                for cut in operator.get("/v1/lab").json()["cuts"]:
                    operator.delete(f"/v1/lab/cuts/{cut['fibre']}").raise_for_status()
                for one in _all(operator, "/v1/maintenances"):
                    if one["state"] != "RETURNED":
                        operator.delete(f"/v1/maintenances/{one['id']}").raise_for_status()
                time.sleep(10.0)
                self.check(operator, whole=True)
        finally:
            process.terminate()
            process.wait()
            process.stdout.close()


def _client(ready: dict[str, Any], token: str) -> httpx.Client:
    return httpx.Client(base_url=ready["url"], headers={"authorization": f"Bearer {ready[token]}"}, timeout=30)


def _all(client: httpx.Client, path: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        answer = client.get(path, params={"limit": 200, **({"cursor": cursor} if cursor else {})})
        answer.raise_for_status()
        page = answer.json()
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


def main() -> int:
    """Run for so many seconds; exit code 1 if anything was wrong."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3600.0
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder), seed)
        while time.monotonic() < begun + seconds:
            soak.life(begun + seconds)
            done = time.monotonic() - begun
            counts = ", ".join(f"{count:,} {what}" for what, count in soak.counts.items())
            print(f"{done:6.0f} of {seconds:.0f} s: {counts}, {len(soak.faults)} faults", flush=True)
        soak.last_look()
    counts = ", ".join(f"{count:,} {what}" for what, count in soak.counts.items())
    summary = f"{seconds:.0f} s: {counts}; {len(soak.faults)} faults"
    for fault in soak.faults[:20]:
        print(fault)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps({"at": f"{datetime.now(UTC):%Y-%m-%d %H:%M}", "summary": summary}) + "\n")
    print(summary)
    return int(bool(soak.faults))


if __name__ == "__main__":
    sys.exit(main())
