"""What measuring costs a router, and whom it understands: nokia/twampy, beside ours, both ways.

`HIGHROAD_TWAMPY` is where a copy of it lies (its folder `src`); without, only the costs are measured. It speaks TWAMP
Light, which is STAMP without keys (RFC 8762, section 4.6), over UDP on this machine's loopback.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.figure import Figure
from highroad.agent.datagram import Road
from highroad.stamp.reflector import Heard, Reflector
from highroad.stamp.sender import Sender
from highroad.stamp.timestamp import ErrorEstimate, error_of
from highroad.stamp.tlv import ClassOfService, ReturnPath

PACKETS = 5_000
COUNT, EVERY_MS = 50, 20
KEY = bytes(32)
FREE = ErrorEstimate(synchronised=False)


def figures() -> Iterator[Figure]:
    """Microseconds a packet, without its system calls; then each of the two ends with twampy's other one."""
    yield _costs()
    where = os.environ.get("HIGHROAD_TWAMPY")
    if where is None or not (Path(where) / "twampy").is_dir():
        yield Figure(what="stamp: nokia/twampy", ours="not here: HIGHROAD_TWAMPY says where its `src` is")
        return
    yield _their_sender(where)
    yield _their_reflector(where)


def _costs() -> Figure:
    tlvs = [ClassOfService(wanted=46).tlv(), ReturnPath(segments=(bytes(range(16)),)).tlv()]
    sender, reflector = Sender(session=7, key=KEY, tlvs=tlvs), Reflector(key=KEY, may_go=lambda segments, source: True)
    road = Road(source="fc00:0:1::", way=["fc00:0:e000:3::"], last="fc00:0:3::", port=1, far_port=862, dscp=46)
    error = error_of(1000)
    asked: list[bytes] = []
    answers: list[bytes] = []

    def ask(at: int) -> None:
        asked.append(sender.ask(now_ns=at, utc_ns=at, error=error))
        road.packet(asked[-1])

    def reflect(at: int) -> None:
        heard = Heard(data=asked[len(answers)], source=bytes(16), port=1, hops=1, traffic_class=0, at_ns=at)
        reflected = reflector.reflect(heard, now_ns=at, utc=lambda: at, error=error)
        assert reflected is not None
        answers.append(reflected.data)
        road.packet(reflected.data)

    def hear(at: int) -> None:
        sender.hear(answers[at // 10_000_000], now_ns=at + 1000, utc_ns=at + 1000, error=error)

    took = [_each_us(work) for work in (ask, reflect, hear)]
    return Figure(
        what="stamp: a sealed packet with its way back, in Python alone",
        ours=f"{took[0]:.0f} us to ask, {took[1]:.0f} us to reflect, {took[2]:.0f} us to take",
    )


def _each_us(work: Callable[[int], None]) -> float:
    begun = time.process_time()
    for number in range(PACKETS):
        work(number * 10_000_000)
    return (time.process_time() - begun) / PACKETS * 1e6


# --- beside twampy ----------------------------------------------------------------------------------------------


def _their_sender(where: str) -> Figure:
    """Its sender, our reflector."""
    with _port() as ours, _reflecting(ours):
        done = subprocess.run(
            _twampy("sender", f"[::1]:{ours.getsockname()[1]}", "[::1]:0", "-i", str(EVERY_MS), "-c", str(COUNT)),
            env={**os.environ, "PYTHONPATH": where},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
    row = re.search(r"Roundtrip:\s+(\S+)\s+(\S+)\s+(\S+)\s+(\S+)\s+([\d.]+)%", done.stdout)
    ours_ = "nothing was understood" if row is None else f"rtt {row[1]}/{row[3]}/{row[2]}, {row[5]}% lost of {COUNT}"
    return Figure(
        what="stamp: twampy asks, ours reflects (min/avg/max)",
        ours=ours_,
        bar="0% lost",
        met=row is not None and float(row[5]) == 0.0,
    )


def _their_reflector(where: str) -> Figure:
    """Our sender, its reflector."""
    with _port() as free:
        port = free.getsockname()[1]
    theirs = subprocess.Popen(
        _twampy("responder", f"[::1]:{port}"),
        env={**os.environ, "PYTHONPATH": where},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        time.sleep(1.0)
        sender = Sender()
        with _port() as ours:
            ours.settimeout(EVERY_MS / 1000)
            for _ in range(COUNT):
                due_s = time.monotonic() + EVERY_MS / 1000
                packet = sender.ask(now_ns=time.monotonic_ns(), utc_ns=time.time_ns(), error=FREE)
                ours.sendto(packet, ("::1", port))
                while time.monotonic() < due_s:
                    _take(ours, sender)
    finally:
        theirs.kill()
        theirs.wait()
    intervals = sender.over(time.monotonic_ns() + 10 * 10**9)
    lost = sum(one.lost_out + one.lost_home + one.lost_unknown for one in intervals)
    rtts = [one.rtt_p50_ns for one in intervals if one.rtt_p50_ns is not None]
    return Figure(
        what="stamp: ours asks, twampy reflects (median of the last interval)",
        ours=f"rtt {rtts[-1] / 1000:.0f} us, {lost} of {COUNT} lost" if rtts else "nothing was understood",
        bar="0 lost",
        met=lost == 0 and bool(rtts),
    )


def _take(ours: socket.socket, sender: Sender) -> None:
    try:
        data = ours.recv(2048)
    except TimeoutError:
        return
    sender.hear(data, now_ns=time.monotonic_ns(), utc_ns=time.time_ns(), error=FREE)


@contextmanager
def _reflecting(ours: socket.socket) -> Iterator[None]:
    """Our reflector on a socket, in a thread."""
    reflector = Reflector()

    def run() -> None:
        while True:
            try:
                data, (_, port, *_) = ours.recvfrom(2048)
            except OSError:
                return
            heard = Heard(data=data, source=bytes(16), port=port, hops=64, traffic_class=0, at_ns=time.time_ns())
            reflected = reflector.reflect(heard, now_ns=time.monotonic_ns(), utc=time.time_ns, error=FREE)
            if reflected is not None:
                ours.sendto(reflected.data, ("::1", port))

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ours.close()
        thread.join(1)


@contextmanager
def _port() -> Iterator[socket.socket]:
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as made:
        made.bind(("::1", 0))
        yield made


def _twampy(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "twampy", *arguments]
