"""A service has the rate that was sold, on its customer's bytes, whoever else is there."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from socket import AF_INET

import pytest

from tests.lab.steering.bulk import carried, guaranteed
from tests.lab.steering.rig import Service, awake, far, service, space
from tests.lab.steering.traffic import PORT, opened
from tests.support.routers import Chain

MEASURED_S = 10.0


def test_tcp_has_its_guaranteed_rate(tmp_path: Path) -> None:
    """Within 2 %; `bench` measures the same for longer."""
    for one, got_kbps in guaranteed(tmp_path, MEASURED_S):
        assert got_kbps == pytest.approx(one.out.guaranteed_kbps, rel=0.02), one.out.service


MOVED_MS = 1.0
ROUNDS = 4


def test_a_flood_of_one_tenant_moves_no_other(tmp_path: Path) -> None:
    """A neighbour sends ten times its rate: the 99th percentile of a round trip moves by a millisecond at most. The
    machine is not ours alone, so one quiet round of a few is enough.
    """
    quiet = service("quiet", 1, 1, 3, rate_kbps=5_000)
    loud = service("loud", 2, 1, 3, rate_kbps=4_000)
    moved = []
    with carried(tmp_path, quiet, loud, core_gbps=0.02) as made:
        assert awake(made, quiet, AF_INET)
        for _ in range(ROUNDS):
            before = _p99_ms(made, quiet)
            with _Flood(made, loud, 10 * 4_000):
                time.sleep(0.2)
                under, its_own = _p99_ms(made, quiet), _p99_ms(made, loud, count=20)
            moved.append(under - before)
            print(f"p99 {before:.3f} ms, under the flood {under:.3f} ms; the flooded one's {its_own:.0f} ms")
            assert its_own > 50, "the flood fills its own queue"
            if moved[-1] <= MOVED_MS:
                break
            time.sleep(0.5)
    assert min(moved) <= MOVED_MS


class _Flood:
    """UDP at a rate that its service does not have."""

    def __init__(self, made: Chain, one: Service, rate_kbps: int) -> None:
        self._socket = opened(space(made, one, "here"), AF_INET)
        self._to = far(one, AF_INET), PORT
        self._a_second = rate_kbps * 1000 / 8 / 1400
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> _Flood:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._socket.close()

    def _run(self) -> None:
        payload, begun, count = bytes(1372), time.monotonic(), 0
        while not self._over.is_set():
            while count < (time.monotonic() - begun) * self._a_second:
                self._socket.sendto(payload, self._to)
                count += 1
            time.sleep(0.001)


def _p99_ms(made: Chain, one: Service, count: int = 600) -> float:
    printed = made.run(
        f"{one.out.service}.here",
        "ping",
        "-n",
        "-i",
        "0.002",
        "-c",
        str(count),
        "-W",
        "2",
        far(one, AF_INET),
        check=False,
    )
    times = sorted(float(word[5:]) for word in printed.split() if word.startswith("time=") and word[5:] != "")
    assert len(times) >= count // 10, printed[-300:]
    return times[len(times) * 99 // 100]
