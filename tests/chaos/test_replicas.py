"""Three real processes on a real PostgreSQL, orders through all of them, and a leader that is killed, and one that is
stopped and wakes: what was acknowledged is there once, and who was deposed writes nothing.
"""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.replicas import Replicas

pytestmark = pytest.mark.process


@pytest.fixture
def here(tmp_path: Path, database: str) -> Iterator[Replicas]:
    """Three, which are gone with the test."""
    here = Replicas(tmp_path, database, "--network", "us-lab")  # furnished as on anybody's first start
    try:
        here.start(3)
        yield here
    finally:
        here.stop()


def test_orders_through_all_of_them_survive_a_leader_killed_and_a_leader_stopped(here: Replicas) -> None:
    over = threading.Event()
    workers = [threading.Thread(target=_order, args=(here, number, over)) for number in range(3)]
    here.ends()
    for worker in workers:
        worker.start()
    try:
        time.sleep(1.0)
        first = here.leader()
        here.kill(first)
        second = here.leader(besides=first)
        _grows(here)
        stopped = here.pid(second)
        os.kill(stopped, signal.SIGSTOP)
        third = here.leader(besides=second)
        assert third not in (first, second)
        _grows(here)
        os.kill(stopped, signal.SIGCONT)
        here.until_follows(second)
        _grows(here)
    finally:
        over.set()
        for worker in workers:
            worker.join()
    assert here.order(second) == 201  # it asks the one that leads
    assert here.order(third) == 201
    seen = here.check()
    assert seen["epochs"] >= 3
    assert len(here.acknowledged) > 20
    with here.client(second) as client:  # and it reads what it was told, and what others were
        for service in list(here.acknowledged.values())[-10:]:
            assert client.get(f"/v1/services/{service}").status_code == 200


def _order(here: Replicas, number: int, over: threading.Event) -> None:
    client = here.client(number)
    with client:
        while not over.is_set():
            if here.order(number, 3.0, client) != 201:
                over.wait(0.05)


def _grows(here: Replicas, by: int = 5, within_s: float = 60.0) -> None:
    """Until so many more were acknowledged."""
    before, deadline_s = len(here.acknowledged), time.monotonic() + within_s
    while len(here.acknowledged) < before + by:
        assert time.monotonic() < deadline_s, "nobody takes orders"
        time.sleep(0.02)
