"""Who asks: clients that order, change, give back, hold and take, and readers who follow the events; nobody gives up.

A client that does not hear an answer does not know: it sends the order again under the same key, in the next life. A
reader goes on from the last event that it has heard of.
"""

from __future__ import annotations

import json
import random
import threading
import time
from collections import deque
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

from tests.support.force.ground import CAMPUSES, FIBRES
from tests.support.force.ledger import Ledger
from tests.support.force.life import Life

CLIENTS = 4
PAUSE_S = 0.05
"""After a `not now`."""


class Load:
    """The same clients through all lives of a controller."""

    def __init__(self, ledger: Ledger, seed: int, *, cuts: bool = True) -> None:
        self.ledger = ledger
        self.cuts = cuts
        self.offset_s = 0.0
        """By how much clocks are set ahead."""
        self.last_event = 0
        self._dice = random.Random(seed)
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self._again: deque[str] = deque()
        self._mine: list[list[str]] = [[] for _ in range(CLIENTS)]
        self._keys = 0
        self._naming = threading.Lock()
        self.asked = threading.Event()
        """Set whenever something is sent: a kill that waits for it meets a commit."""
        self.refusals: list[float] = []
        """How long it took to hear `not now`, in seconds."""
        self.yeses: list[float] = []
        """How long it took to hear that an order is made."""

    def begin(self, life: Life) -> None:
        """Ask, until `end`, or until nobody answers any more."""
        self._stop.clear()
        works = [threading.Thread(target=self._client, args=(life, place), daemon=True) for place in range(CLIENTS)]
        works.append(threading.Thread(target=self._reader, args=(life,), daemon=True))
        if self.cuts:
            works.append(threading.Thread(target=self._backhoe, args=(life,), daemon=True))
        self._threads = works
        for work in works:
            work.start()

    def end(self) -> None:
        """Ask no more; returns when nobody waits for an answer."""
        self._stop.set()
        for work in self._threads:
            work.join(60.0)
            assert not work.is_alive(), "somebody still waits for an answer"
        self._threads = []

    def get_going(self, answers: int = 3, patience_s: float = 20.0) -> None:
        """Wait until so many orders more were answered: a machine may be busy."""
        before, until_s = self._answers(), time.monotonic() + patience_s
        while self._answers() < before + answers and time.monotonic() < until_s:
            time.sleep(0.01)

    def _answers(self) -> int:
        return len(self.ledger.services) + len(self.ledger.refused_keys)

    def settle(self, life: Life) -> None:
        """Hear the answers that are missing, and splice what was cut."""
        with life.client() as client, life.client(operator=True) as operator:
            deadline = time.monotonic() + 60.0
            while (lab := operator.get("/v1/lab")).status_code == 503:  # nobody leads yet
                assert time.monotonic() < deadline, lab.text
                time.sleep(0.05)
            for cut in lab.json()["cuts"]:
                operator.delete(f"/v1/lab/cuts/{cut['fibre']}").raise_for_status()
            while self.ledger.open_keys:
                for key in list(self.ledger.open_keys):
                    self._send(client, key)
                assert time.monotonic() < deadline, f"no answer to {self.ledger.open_keys}"

    def catch_up(self, life: Life) -> None:
        """Read the stream up to the newest event."""
        with life.client(operator=True) as operator:
            page = operator.get("/v1/events", params={"after": self.last_event, "limit": 1}).json()["items"]
        while page:
            with life.client(operator=True) as operator:
                page = operator.get("/v1/events", params={"after": self.last_event, "limit": 1000}).json()["items"]
            for event in page:
                self._heard(event["sequence"], event)

    # --- clients ----------------------------------------------------------------------------------------------

    def _client(self, life: Life, place: int) -> None:
        with self._naming:
            dice = random.Random(self._dice.random())
        mine = self._mine[place]
        try:
            with life.client() as client:
                while not self._stop.is_set():
                    pick = dice.random()
                    self.asked.set()
                    if pick < 0.55 or not mine:
                        made = self._order(client, dice)
                        mine += [] if made is None else [made]
                    elif pick < 0.75:
                        self._change(client, dice.choice(mine), dice)
                    else:
                        self._give_back(client, mine.pop(dice.randrange(len(mine))))
        except httpx.HTTPError:
            return

    def _order(self, client: httpx.Client, dice: random.Random) -> str | None:
        with self._naming:
            key = self._again.popleft() if self._again else None
            self._keys += 1
            new = f"key-{self._keys}"
        if key is None or key not in self.ledger.open_keys:
            key = new
            a, b = dice.sample(list(CAMPUSES), 2)
            body: dict[str, Any] = {"from": a, "to": b, "bandwidth_gbps": dice.randint(1, 60) / 10, "description": key}
            body["protection"] = dice.choice(["none", "none", "path"])
            kind = dice.random()
            if kind < 0.1:
                body["hold_s"] = 60
            elif kind < 0.25:
                body["windows"] = _windows(dice, self.offset_s)
            self.ledger.asks(key, body)
        try:
            made = self._send(client, key)
        except httpx.HTTPError:
            self._again.append(key)
            raise
        if made is None and key in self.ledger.open_keys:
            self._again.append(key)
        if made is not None and self.ledger.services[made].hold and dice.random() < 0.7:
            self._take(client, made)
        return made

    def _send(self, client: httpx.Client, key: str) -> str | None:
        """Send an order; the service that it made, if it did."""
        begun_s = time.monotonic()
        answer = client.post("/v1/services", json=self.ledger.open_keys[key], headers={"idempotency-key": key})
        match answer.status_code:
            case 201:
                self.yeses.append(time.monotonic() - begun_s)
                self.ledger.ordered(key, answer.json())
                self.ledger.count("orders")
                return str(answer.json()["id"])
            case 409 | 422:
                self.ledger.refused(key)
                self.ledger.count("refusals")
                if answer.json()["code"] not in ("refused", "hold-limit", "invalid"):
                    self.ledger.fault(f"an order was answered with {answer.text}")
            case _:
                self._not_now(answer, begun_s)
        return None

    def _change(self, client: httpx.Client, service: str, dice: random.Random) -> None:
        begun_s = time.monotonic()
        now = client.get(f"/v1/services/{service}")
        if now.status_code != 200:
            if now.status_code == 404:
                self.ledger.fault(f"{service} was acknowledged and is not found")
            else:
                self._not_now(now, begun_s)
            return
        rate, before = dice.randint(1, 60) / 10, set(self.ledger.services[service].rates)
        self.ledger.changes(service, rate)
        match client.patch(
            f"/v1/services/{service}", json={"bandwidth_gbps": rate}, headers={"if-match": now.headers["etag"]}
        ):
            case httpx.Response(status_code=200):
                self.ledger.changed(service, rate)
                self.ledger.count("changes")
            case httpx.Response(status_code=404):
                self.ledger.fault(f"{service} was acknowledged and is not found")
            case httpx.Response(status_code=409 | 412 | 422):
                self.ledger.unchanged(service, before)
            case answer:
                self._not_now(answer, begun_s)

    def _give_back(self, client: httpx.Client, service: str) -> None:
        begun_s = time.monotonic()
        self.ledger.gives_back(service)
        answer = client.delete(f"/v1/services/{service}")
        match answer.status_code:
            case 200 | 202 | 204:
                self.ledger.gave_back(service, True)
                self.ledger.count("releases")
            case 404:
                self.ledger.fault(f"{service} was acknowledged and is not found")
            case 409:
                self.ledger.gave_back(service, False)
            case _:
                self._not_now(answer, begun_s)

    def _take(self, client: httpx.Client, service: str) -> None:
        begun_s = time.monotonic()
        self.ledger.confirms(service, None)
        answer = client.post(f"/v1/services/{service}/confirm")
        if answer.status_code == 200:
            self.ledger.confirms(service, True)
            self.ledger.count("holds taken")
        elif answer.status_code == 409:
            self.ledger.confirms(service, False)
        else:
            self._not_now(answer, begun_s)

    def _not_now(self, answer: httpx.Response, begun_s: float) -> None:
        """What may be said to anybody at any time: come again, with when. Everything else is a fault."""
        if answer.status_code in (429, 503, 507) and "retry-after" in answer.headers:
            self.refusals.append(time.monotonic() - begun_s)
            self.ledger.count("not now")
            time.sleep(PAUSE_S)
        else:
            self.ledger.fault(f"{answer.request.method} {answer.request.url}: {answer.status_code} {answer.text[:300]}")

    # --- the others -------------------------------------------------------------------------------------------

    def _reader(self, life: Life) -> None:
        headers = {"accept": "text/event-stream"}
        with suppress(httpx.HTTPError), life.client(operator=True, timeout_s=2.0) as client:
            while not self._stop.is_set():
                headers["last-event-id"] = str(self.last_event)
                with suppress(httpx.ReadTimeout), client.stream("GET", "/v1/events", headers=headers) as lines:
                    if lines.status_code == 503:
                        time.sleep(PAUSE_S)
                        continue
                    if lines.status_code != 200:
                        self.ledger.fault(f"from event {self.last_event} on: {lines.status_code}")
                        return
                    self._follow(lines)

    def _follow(self, lines: httpx.Response) -> None:
        name = ""
        for line in lines.iter_lines():
            field, _, value = line.partition(": ")
            if field == "id":
                name = value
            elif field == "data":
                self._heard(int(name), json.loads(value))
            if self._stop.is_set():
                return

    def _heard(self, sequence: int, event: dict[str, Any]) -> None:
        if sequence != self.last_event + 1:
            self.ledger.fault(f"after event {self.last_event} came {sequence}")
        self.last_event = sequence
        self.ledger.streamed(sequence, event["type"], event["subject"])
        self.ledger.count("events heard")

    def _backhoe(self, life: Life) -> None:
        with suppress(httpx.HTTPError), life.client(operator=True) as operator:
            while not self._stop.wait(self._dice.uniform(0.1, 0.5)):
                answer = operator.get("/v1/lab")
                cuts = [cut["fibre"] for cut in answer.json()["cuts"]] if answer.status_code == 200 else []
                if cuts and self._dice.random() < 0.6:
                    operator.delete(f"/v1/lab/cuts/{cuts[0]}")
                elif not cuts:
                    operator.post("/v1/lab/cuts", json={"fibre": self._dice.choice(FIBRES)})
                    self.ledger.count("cuts")


def _windows(dice: random.Random, offset_s: float) -> list[dict[str, str]]:
    """A few short windows, soon."""
    at, pieces = datetime.now(UTC) + timedelta(seconds=offset_s + dice.choice([0.0, 0.3])), []
    for _ in range(dice.randint(2, 3)):
        end = at + timedelta(seconds=dice.choice([0.3, 1, 3]))
        pieces.append({"start": at.isoformat(), "end": end.isoformat()})
        at = end + timedelta(seconds=dice.choice([0, 0.2, 1]))
    return pieces
