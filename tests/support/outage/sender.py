"""`python -m tests.support.outage.sender TICKS PROBES`: one process that sends one packet a tick for every probe.

It runs at the lowest real-time priority, where that is allowed: before everything that shares processors fairly, and
after whatever detects and repairs. When it was held up it makes up for what it missed, so that no tick is without
packets; when a tick was really sent is kept beside it.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import struct
import sys
import time
from contextlib import suppress
from pathlib import Path

from highroad.netlink.namespace import entered_by_name
from tests.support.outage.ticks import TICK_NS, Ticks

PORT = 4848
"""Probe n is received at this UDP port plus n."""

PAYLOAD_BYTES = 32
TICK = struct.Struct("=q")
_LOOKED_TICKS = 16
"""Which probes send is looked at again so often."""


def family_of(address: str) -> int:
    """Of which kind an address is."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def main(ticks: Ticks, probes: list[dict[str, str]]) -> None:
    """Send until the file says that it is enough. A probe has `namespace`, `interface`, `address`, `to`."""
    senders = []
    for number, probe in enumerate(probes):
        with entered_by_name(probe["namespace"]):
            made = socket.socket(family_of(probe["to"]), socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        if probe["interface"]:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, probe["interface"].encode())
        made.bind((probe["address"], 0))
        made.connect((probe["to"], PORT + number))
        senders.append(made)
    with suppress(OSError):
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
    gc.collect()
    gc.disable()
    packet = bytearray(PAYLOAD_BYTES)
    print("ready", flush=True)
    tick, due_ns, now_ns, sends = 0, time.monotonic_ns(), time.monotonic_ns, []
    while True:
        if not tick % _LOOKED_TICKS:
            if ticks.stop:
                return
            sends = [made.send for made, is_active in zip(senders, ticks.active(), strict=False) if is_active]
        wait_ns = due_ns - now_ns()
        if wait_ns > 0:
            time.sleep(wait_ns / 1e9)
        TICK.pack_into(packet, 0, tick)
        at_ns = now_ns()
        for send in sends:
            try:
                send(packet)
            except OSError:  # no way out of the host, or a queue that is full: lost, and counted as that
                continue
        ticks.sent(tick, at_ns)
        tick, due_ns = tick + 1, due_ns + TICK_NS


if __name__ == "__main__":
    main(Ticks(Path(sys.argv[1])), json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")))
