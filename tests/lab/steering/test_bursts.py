"""A burst goes where there is room, and never before what is guaranteed to somebody else: on a link that both cross."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.support.routers import LEFT, RIGHT, Chain, attachment, chain, ends, host, policy, told

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

LINK_GBPS = 0.1
GUARANTEED_KBPS = 60_000
BURSTING_KBPS, CEILING_KBPS = 30_000, 100_000


def test_a_flood_above_its_guarantee_takes_nothing_that_another_is_guaranteed(tmp_path: Path) -> None:
    with _two_over_one_link(tmp_path) as (made, guaranteed, bursting):
        with _receiver(made, "h3"), _receiver(made, "g3"):
            flood = _send(made, "g2", bursting, "-u", "-b", "200M", "-l", "1400", "-t", "6")
            time.sleep(1.0)
            steady = _send(made, "h1", guaranteed, "-t", "4")
            got = _received(steady)
            flooded = _result(flood)["end"]["sum"]
        assert got == pytest.approx(GUARANTEED_KBPS * 1e3, rel=0.05)
        arrived = flooded["bits_per_second"] * (1 - flooded["lost_percent"] / 100)
        assert arrived > BURSTING_KBPS * 1e3 * 0.95, "a burst must not cost the burster its own guarantee"


def test_a_burst_takes_the_room_that_there_is(tmp_path: Path) -> None:
    with _two_over_one_link(tmp_path) as (made, _, bursting), _receiver(made, "g3"):
        got = _received(_send(made, "g2", bursting, "-t", "4"))
    assert got == pytest.approx(CEILING_KBPS * 1e3, rel=0.06)


@contextmanager
def _two_over_one_link(folder: Path) -> Iterator[tuple[Chain, str, str]]:
    """Two services of one class that share the link 2>3: one enters before it, the other, which may burst, at it."""
    with ExitStack() as undo, chain(3, folder, core_gbps=LINK_GBPS) as made:
        for name, router, number in (("h1", 1, 1), ("h3", 3, 1), ("g2", 2, 1), ("g3", 3, 2)):
            host(made, name, router, f"a{number}", ends(router, number), undo)
        a, b = attachment(1), attachment(3)
        x, y = attachment(2, 1, service="x"), attachment(3, 2, service="x")
        there = policy(a, b, (LEFT, RIGHT), remote_node=3, guaranteed_kbps=GUARANTEED_KBPS)
        back = policy(b, a, (LEFT, LEFT), remote_node=1, guaranteed_kbps=GUARANTEED_KBPS)
        burst = partial(policy, service="x", guaranteed_kbps=BURSTING_KBPS, ceiling_kbps=CEILING_KBPS)
        made.routers[0].tell(told([a], [there]))
        made.routers[1].tell(told([x], [burst(x, y, (RIGHT,), remote_node=3)]))
        made.routers[2].tell(told([b, y], [back, burst(y, x, (LEFT,), remote_node=2)]))
        assert [router.converge() for router in made.routers] == [0, 0, 0]
        for one, other in (("h1", b), ("g2", y)):
            assert made.ping(one, other.addresses.ce4, count_=5) > 0
        yield made, b.addresses.ce4, y.addresses.ce4


@contextmanager
def _receiver(made: Chain, name: str) -> Iterator[None]:
    server = subprocess.Popen(
        ["ip", "netns", "exec", f"{made.prefix}-{name}", "iperf3", "-s", "-1"], stdout=subprocess.DEVNULL
    )
    try:
        time.sleep(0.5)
        yield
    finally:
        server.terminate()
        server.wait(timeout=10)


def _send(made: Chain, name: str, to: str, *more: str) -> subprocess.Popen[str]:
    command = ["ip", "netns", "exec", f"{made.prefix}-{name}", "iperf3", "-J", "-c", to, *more]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _result(sender: subprocess.Popen[str]) -> dict[str, dict[str, dict[str, float]]]:
    printed, _ = sender.communicate(timeout=60)
    found: dict[str, dict[str, dict[str, float]]] = json.loads(printed)
    return found


def _received(sender: subprocess.Popen[str]) -> float:
    return _result(sender)["end"]["sum_received"]["bits_per_second"]
