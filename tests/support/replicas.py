"""Several `highroad up` on one PostgreSQL and one plant, each a process that can be killed or stopped; and a reader of
the database that shares nothing with them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import psycopg

UNKNOWN = ("look whether", "has not said", "not known whether")
"""How an answer says that nobody knows."""

TRY_S = 1.0
"""How long one order may take while somebody waits for the first that is acknowledged."""


class Replicas:
    """Processes by number. `acknowledged` are the ids of services that were answered with a yes, by description."""

    def __init__(self, folder: Path, database: str, *arguments: str) -> None:
        self.folder = folder
        self.database = database
        self._arguments = arguments or ("--bare",)
        self._processes: dict[int, subprocess.Popen[str]] = {}
        self.ready: dict[int, dict[str, Any]] = {}
        self._clients: dict[int, httpx.Client] = {}
        self._numbers = count(1)
        self.acknowledged: dict[str, str] = {}
        self.denied: dict[str, str] = {}
        """What was answered with a no that says that nothing was done, by description."""
        self._ends: list[str] = []
        self._lock = threading.Lock()

    # --- processes --------------------------------------------------------------------------------------------

    def start(self, size: int) -> None:
        """So many, and return when all are ready."""
        for number in range(size):
            self._spawn(number)
        for number in range(size):
            self._wait(number)

    def start_again(self, number: int) -> None:
        """One that was killed, with the home that it had."""
        self._spawn(number)
        self._wait(number)

    def kill(self, number: int) -> None:
        """kill -9."""
        self._processes[number].send_signal(signal.SIGKILL)
        self._processes[number].wait(timeout=30)
        self._close(number)

    def stop(self) -> None:
        """All of them, however they are."""
        for process in self._processes.values():
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGCONT)
                process.send_signal(signal.SIGINT)
        for number, process in self._processes.items():
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=10)
            self._close(number)

    def pid(self, number: int) -> int:
        """Of one."""
        return self._processes[number].pid

    def log(self, number: int) -> str:
        """What one has said."""
        return (self.folder / f"log-{number}").read_text()

    def _spawn(self, number: int) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("HIGHROAD_")}
        environment |= {"HIGHROAD_DATABASE": self.database, "HIGHROAD_HOME": str(self.folder / f"home-{number}")}
        command = [
            sys.executable,
            "-m",
            "highroad.main",
            "up",
            "--fabric",
            "twin",
            "--port",
            "0",
            "--json",
            "--no-tour",
        ]
        with (self.folder / f"log-{number}").open("a") as log:
            self._processes[number] = subprocess.Popen(
                [*command, "--plant", str(self.folder / "plant"), *self._arguments],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=environment,
            )

    def _wait(self, number: int) -> None:
        process = self._processes[number]
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"it ended with {process.wait(timeout=30)}: {self.log(number)}")
        self.ready[number] = json.loads(line)
        self._clients[number] = self.client(number)

    def _close(self, number: int) -> None:
        client = self._clients.pop(number, None)
        if client is not None:
            client.close()
        stdout = self._processes[number].stdout
        if stdout is not None:
            stdout.close()

    # --- asking -----------------------------------------------------------------------------------------------

    def client(self, number: int, timeout_s: float = 15.0) -> httpx.Client:
        """Of one's API, as the operator of its home."""
        ready = self.ready[number]
        head = {"Authorization": f"Bearer {ready['operator_token']}"}
        return httpx.Client(base_url=ready["url"], headers=head, timeout=timeout_s)

    def leader(self, besides: int | None = None, within_s: float = 60.0) -> int:
        """Which one leads, as the others see it too."""
        deadline_s = time.monotonic() + within_s
        while time.monotonic() < deadline_s:
            for number, client in list(self._clients.items()):
                if number == besides:
                    continue
                with suppress(httpx.HTTPError):
                    led = client.get("/v1/session").json().get("leader")
                    if led is not None and led["here"] and self._leads(client, led):
                        return number
            time.sleep(0.05)
        raise AssertionError("nobody leads")

    def _leads(self, client: httpx.Client, led: dict[str, Any]) -> bool:
        checks = client.get("/readyz").json().get("checks", {})
        return "loop" in checks and led["here"]

    def order(self, number: int, timeout_s: float | None = None, client: httpx.Client | None = None) -> int:
        """One of a small rate, through one process: the status, 0 where none came."""
        with self._lock:
            name = f"order {next(self._numbers)}"
        ends = self.ends()
        place = int(name.split()[1])
        body = {
            "from": ends[place % len(ends)],
            "to": ends[(place + 1 + place // len(ends) % (len(ends) - 1)) % len(ends)],
            "bandwidth_gbps": 0.01,
            "description": name,
        }
        try:
            answer = (client or self._clients[number]).post(
                "/v1/services", params={"tenant": "acme"}, json=body, timeout=timeout_s or 15.0
            )
        except (httpx.HTTPError, KeyError):
            return 0
        if answer.status_code == 201:
            with self._lock:
                self.acknowledged[name] = answer.json()["id"]
        elif answer.status_code not in (409, 503):
            raise AssertionError(answer.text)
        elif not any(words in answer.json()["detail"] for words in UNKNOWN):
            with self._lock:
                self.denied[name] = answer.json()["detail"]
        return answer.status_code

    def order_until_yes(self, besides: int) -> None:
        """Order through the others, in turn, until one says yes."""
        others = [number for number in self._clients if number != besides]
        deadline_s = time.monotonic() + 60
        while time.monotonic() < deadline_s:
            for number in others:
                if self.order(number, TRY_S) == 201:
                    return
        raise AssertionError("nobody says yes")

    def ends(self) -> list[str]:
        """Sites where there is a port of the tenant."""
        if not self._ends:
            client = next(iter(self._clients.values()))
            items = client.get("/v1/ports", params={"limit": 200}).json()["items"]
            self._ends = sorted({port["site"] for port in items if port["tenant"] == "acme"})[:8]
        return self._ends

    def until_follows(self, number: int, within_s: float = 60.0) -> None:
        """Until one that led knows that it does not, and is ready beside who does."""
        deadline_s = time.monotonic() + within_s
        while time.monotonic() < deadline_s:
            with suppress(httpx.HTTPError):
                answer = self._clients[number].get("/readyz")
                if answer.status_code == 200 and "following" in answer.json()["checks"]:
                    return
            time.sleep(0.05)
        raise AssertionError(f"it does not follow: {self.log(number)}")

    # --- an independent reader --------------------------------------------------------------------------------

    def check(self) -> dict[str, int]:
        """Nothing that was acknowledged is lost, nothing is there twice, no epoch has written after a later one."""
        with psycopg.connect(self.database) as connection:
            docs = [json.loads(row[0]) for row in connection.execute("SELECT doc FROM services")]
            epochs = [row[0] for row in connection.execute("SELECT epoch FROM commits ORDER BY number")]
            numbers = [row[0] for row in connection.execute("SELECT sequence FROM events ORDER BY sequence")]
        there = Counter(doc["order"].get("description", "") for doc in docs)
        ids = {doc["id"]: doc["order"].get("description", "") for doc in docs}
        lost = [name for name, service in self.acknowledged.items() if ids.get(service) != name]
        doubled = [name for name, times in there.items() if name.startswith("order ") and times > 1]
        assert not lost, lost
        made = [f"{name}: {detail}" for name, detail in self.denied.items() if there[name]]
        assert not doubled, doubled
        assert not made, f"made, though the answer was that nothing was done: {made}"
        assert epochs == sorted(epochs), "an epoch that was over has written"
        assert numbers == list(range(1, len(numbers) + 1)), "events are missing, or there twice"
        return {"services": len(docs), "epochs": len(set(epochs)), "events": len(numbers)}
