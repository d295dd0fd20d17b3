"""How long orders stand still when the leader of three processes is killed, or stopped and woken again later.

Three `highroad up` on one PostgreSQL and one plant. A client orders through the two that are left, one order after the
other, each given a short time; the figure is from the signal to the next order that is acknowledged. One that was
stopped is woken when another leads: its epoch is over, and what it still believes may not be in the store.
"""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figure import Figure, quantile
from tests.support.postgres import postgres
from tests.support.replicas import Replicas

KILLS = 10
STOPS = 3
MOST_S = 3.0


def figures() -> Iterator[Figure]:
    """Kills, then stops."""
    with postgres(fast=False) as server, tempfile.TemporaryDirectory() as folder:
        here = Replicas(Path(folder), server.create())
        try:
            here.start(3)
            took_s = [_killed(here) for _ in range(KILLS)]
            yield Figure(
                what=f"leader of three killed (-9) {KILLS} times: until the next order is acknowledged",
                ours=f"p50 {quantile(took_s, 0.5):.2f} s, worst {max(took_s):.2f} s",
                bar=f"<= {MOST_S:g} s",
                met=max(took_s) <= MOST_S,
            )
            stopped_s = [_stopped(here) for _ in range(STOPS)]
            here.check()
            yield Figure(
                what=f"leader of three stopped {STOPS} times: until the next order is acknowledged; woken later",
                ours=f"p50 {quantile(stopped_s, 0.5):.2f} s, worst {max(stopped_s):.2f} s; "
                f"of {len(here.acknowledged):,} orders lost 0, doubled 0; it wrote nothing in an epoch that was over",
            )
        finally:
            here.stop()


def _killed(here: Replicas) -> float:
    time.sleep(1.0)
    leader = here.leader()
    begun = time.monotonic()
    here.kill(leader)
    here.order_until_yes(besides=leader)
    took_s = time.monotonic() - begun
    here.start_again(leader)
    return took_s


def _stopped(here: Replicas) -> float:
    time.sleep(1.0)
    leader = here.leader()
    begun = time.monotonic()
    os.kill(here.pid(leader), signal.SIGSTOP)
    here.order_until_yes(besides=leader)
    took_s = time.monotonic() - begun
    os.kill(here.pid(leader), signal.SIGCONT)
    here.until_follows(leader)
    return took_s
