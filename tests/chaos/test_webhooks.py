"""kill -9 in the midst of deliveries, and an endpoint that is away for a while: nothing lost, nothing out of order."""

from __future__ import annotations

import os
import random
import threading
import time
from collections import Counter
from pathlib import Path

import httpx
import pytest

from highroad.control.dispatch import AHEAD
from highroad.webhooks import verify
from tests.chaos.process import Up
from tests.support.receiver import OK, Answer, Delivery, Receiver, status

pytestmark = pytest.mark.process

KILLS = int(os.environ.get("HIGHROAD_TEST_KILLS", "3"))


def test_deliveries_survive_kill_9_and_an_endpoint_that_is_away(tmp_path: Path) -> None:
    dice = random.Random(11)
    away = threading.Event()

    def answer(delivery: Delivery) -> Answer:
        return status(503) if away.is_set() else OK

    with Receiver(answer) as end:
        secret = ""
        marks: list[int] = []
        for kill in range(KILLS):
            up = _start(tmp_path)
            try:
                if not secret:
                    made = up.operator.post("/v1/webhooks", json={"url": end.url, "from": "beginning"})
                    assert made.status_code == 201, made.text
                    secret = made.json()["secret"]
                stop = threading.Event()
                busy = threading.Thread(target=_talk, args=(up, stop))
                busy.start()
                if kill == 1:
                    away.set()
                time.sleep(dice.uniform(0.4, 1.0))
            finally:
                up.kill()
            marks.append(len(end.accepted))
            stop.set()
            busy.join()
            away.clear()
        up = _start(tmp_path)
        try:
            newest = _newest(up)
            deadline = time.monotonic() + 90
            while not end.accepted or end.accepted[-1].event["sequence"] < newest:
                assert time.monotonic() < deadline, (newest, up.operator.get("/v1/webhooks").text)
                time.sleep(0.05)
        finally:
            assert up.stop() == 0

    sequences = [verify(one.headers, one.body, secret, now_s=one.at_s)["sequence"] for one in end.accepted]
    assert sorted(set(sequences)) == list(range(1, sequences[-1] + 1)), "lost"
    firsts = list(dict.fromkeys(sequences))
    assert firsts == sorted(firsts), "out of order"
    ids: dict[int, set[str]] = {}
    for one, sequence in zip(end.accepted, sequences, strict=True):
        ids.setdefault(sequence, set()).add(one.id)
    assert all(len(one) == 1 for one in ids.values())
    doubles = Counter(sequences)
    back = [at for at in range(1, len(sequences)) if sequences[at] <= sequences[at - 1]]
    assert len(back) <= KILLS
    for at in back:
        assert sequences[at - 1] - sequences[at] < AHEAD + 1
        assert min(abs(at - mark) for mark in marks) <= 1, "twice without a kill"
    assert max(doubles.values()) <= KILLS + 1
    assert len(sequences) > 50
    print(f"{KILLS} kills: {len(firsts)} events delivered, {len(sequences) - len(firsts)} of them twice")


def _start(home: Path) -> Up:
    return Up(home, "--bare", environment={"HIGHROAD_WEBHOOK_NETWORKS": "127.0.0.0/8"})


def _talk(up: Up, stop: threading.Event) -> None:
    """Something to tell of, over and over."""
    with httpx.Client(base_url=up.ready["url"], headers=up.operator.headers, timeout=10) as client:
        while not stop.is_set():
            try:
                client.put("/v1/freeze", json={"reason": "x"})
                client.delete("/v1/freeze")
            except httpx.HTTPError:
                return


def _newest(up: Up) -> int:
    after = 0
    while items := up.operator.get("/v1/events", params={"after": after, "limit": 1000}).json()["items"]:
        after = items[-1]["sequence"]
    return int(after)
