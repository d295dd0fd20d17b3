"""TCP as fast as it goes over services of ours, and what of it arrives."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from socket import AF_INET, AF_INET6

from tests.lab.steering.rig import Service, far, hosts, offer, service, space
from tests.lab.steering.traffic import opened
from tests.support.routers import Chain, chain

SETTLED_S = 1.5
RATE_KBPS = 24_000


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


def guaranteed(folder: Path, seconds: float) -> list[tuple[Service, float]]:
    """Services at two rates, with packets of 1500 and of 9000 bytes, IPv4 and IPv6, all at the same time over the same
    routers: what TCP carries of each, in kbit/s of its customer's bytes.
    """
    services = [
        service(f"s{mtu}", number, 1, 3, rate_kbps=2 * RATE_KBPS, mtu=(mtu, mtu))
        for number, mtu in ((1, 1500), (2, 9000))
    ]
    services += [
        service(f"t{mtu}", number, 1, 3, rate_kbps=RATE_KBPS, mtu=(mtu, mtu)) for number, mtu in ((3, 1500), (4, 9000))
    ]
    families = [AF_INET, AF_INET6, AF_INET6, AF_INET]
    with carried(folder, *services) as made, ExitStack() as undo:
        flows = [
            (undo.enter_context(Bulk(space(made, one, "here"), space(made, one, "there"), far(one, family))),
             one.here.mtu_bytes)
            for one, family in zip(services, families, strict=True)
        ]  # fmt: skip
        return list(zip(services, kbps(flows, seconds), strict=True))
