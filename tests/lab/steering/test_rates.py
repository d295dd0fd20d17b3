"""A service has the rate that was sold, on its customer's bytes, whoever else is there."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from socket import AF_INET, AF_INET6

import pytest

from tests.lab.steering.rig import Service, awake, far, hosts, offer, service, space
from tests.lab.steering.traffic import PORT, opened
from tests.support.routers import Chain, chain

SETTLED_S, MEASURED_S = 1.5, 10.0


@dataclass
class Bulk:
    """TCP as fast as it goes from one customer to another; `received` bytes are counted at the far end."""

    here: str
    there: str
    to: str
    received: int = 0
    _undo: ExitStack = field(default_factory=ExitStack)

    def __enter__(self) -> Bulk:
        family = AF_INET6 if ":" in self.to else AF_INET
        listening = self._undo.enter_context(opened(self.there, family, socket.SOCK_STREAM))
        sending = self._undo.enter_context(opened(self.here, family, socket.SOCK_STREAM))
        listening.bind((self.to, 0))
        listening.listen()
        sending.settimeout(10)
        sending.connect((self.to, listening.getsockname()[1]))
        receiving, _ = listening.accept()
        self._undo.enter_context(receiving)
        threads = [threading.Thread(target=work, args=(one,)) for work, one in
                   ((self._send, sending), (self._receive, receiving))]  # fmt: skip
        for thread in threads:
            thread.start()
            self._undo.callback(thread.join)
        for one in (sending, receiving):
            self._undo.callback(_shut, one)
        return self

    def __exit__(self, *_: object) -> None:
        self._undo.close()

    def _send(self, sending: socket.socket) -> None:
        block = bytes(1 << 18)
        with suppress(OSError):
            while True:
                sending.sendall(block)

    def _receive(self, receiving: socket.socket) -> None:
        room = bytearray(1 << 20)
        with suppress(OSError):
            while size := receiving.recv_into(room):
                self.received += size


def _shut(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)


def kbps(flows: Sequence[tuple[Bulk, int]], seconds: float) -> list[float]:
    """What each flow carries of its customer's bytes, headers included; its packets have a size."""
    time.sleep(SETTLED_S)
    before, begun = [flow.received for flow, _ in flows], time.monotonic()
    time.sleep(seconds)
    after, took = [flow.received for flow, _ in flows], time.monotonic() - begun
    return [
        (now - was) * 8 / took / 1000 * mtu / (mtu - (72 if ":" in flow.to else 52))
        for (flow, mtu), was, now in zip(flows, before, after, strict=True)
    ]


@contextmanager
def carried(folder: Path, *services: Service, core_gbps: float = 10.0) -> Iterator[Chain]:
    """Three routers whose core ports have this rate, and these services."""
    with ExitStack() as undo:
        made = undo.enter_context(chain(3, folder, core_gbps=core_gbps))
        hosts(made, undo, *services)
        offer(made, *services)
        yield made


def test_tcp_has_its_guaranteed_rate(tmp_path: Path) -> None:
    """Within 2 %: IPv4 and IPv6, packets of 1500 and of 9000 bytes, all at the same time."""
    rate = 24_000
    services = [service(f"s{mtu}", number, 1, 3, rate_kbps=2 * rate, mtu=(mtu, mtu))
                for number, mtu in ((1, 1500), (2, 9000))]  # fmt: skip
    services += [service(f"t{mtu}", number, 1, 3, rate_kbps=rate, mtu=(mtu, mtu))
                 for number, mtu in ((3, 1500), (4, 9000))]  # fmt: skip
    wanted = [2 * rate, 2 * rate, rate, rate]
    families = [AF_INET, AF_INET6, AF_INET6, AF_INET]
    with carried(tmp_path, *services) as made, ExitStack() as undo:
        flows = [
            (undo.enter_context(Bulk(space(made, one, "here"), space(made, one, "there"), far(one, family))),
             one.here.mtu_bytes)
            for one, family in zip(services, families, strict=True)
        ]  # fmt: skip
        measured = kbps(flows, MEASURED_S)
    for got, rate_kbps, one in zip(measured, wanted, services, strict=True):
        print(f"{one.out.service}: {got:.0f} of {rate_kbps} kbit/s, {100 * (got / rate_kbps - 1):+.2f} %")
        assert got == pytest.approx(rate_kbps, rel=0.02), one.out.service


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
