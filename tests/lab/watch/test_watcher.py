"""Watchers as processes, on real wires: what is cut is repaired and said, what is not stays as it is."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from highroad.lab.namespaces import processes_in
from highroad.netlink import address, namespace, nexthop, route, rule
from highroad.netlink.kernel import Kernel
from highroad.netlink.message import AF_INET6
from highroad.watch.hello import ETHER_TYPE
from highroad.watch.news import peek
from highroad.watch.repair import PROTOCOL
from highroad.watch.talk import (
    Backup,
    Backups,
    PortConfig,
    PortReport,
    Reason,
    WatchConfig,
    backups_to_json,
    config_to_json,
    name_of,
    report_from_json,
)
from tests.lab.watch.wire import PORT, Wire

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")

TABLE, DETOUR, ALIAS = 0x0048_0000, 900, "fd00:a::1"
PATIENCE_S = 10.0


class Watcher:
    """One, in a router's namespace, and the line of an agent to it."""

    def __init__(self, where: str, folder: Path, **config: Any) -> None:
        self.where, self.folder = where, folder
        self.config = WatchConfig(**{"table": TABLE, "hold_up_s": 0.3, **config})
        self.said: list[PortReport] = []
        self.backups: Backups = {}
        self.lost: list[tuple[list[str], bool]] = []
        """What it said of others' links, and whether that was all."""
        folder.mkdir(exist_ok=True)

    def __enter__(self) -> Watcher:
        self.start()
        self.tell()
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self._line.close()
        with suppress(ProcessLookupError):
            self.process.kill()
        self.process.wait()

    def start(self) -> None:
        argv = ["ip", "netns", "exec", self.where, sys.executable, "-m", "highroad.watch", str(self.folder)]
        self.process = subprocess.Popen(argv)
        until = time.monotonic() + PATIENCE_S
        with namespace.entered_by_name(self.where):
            self._line = socket.socket(socket.AF_UNIX)
            while True:
                try:
                    self._line.connect(name_of(self.folder))
                    break
                except OSError:
                    assert time.monotonic() < until
                    time.sleep(0.01)
        self._heard = b""

    def tell(self) -> None:
        told = {"config": config_to_json(self.config), "backups": backups_to_json(self.backups)}
        self._line.sendall(json.dumps(told).encode() + b"\n")

    def care(self, *links: str) -> None:
        """Say which links policies cross."""
        self._line.sendall(json.dumps({"crossed": links}).encode() + b"\n")

    def until_lost(self, *links: str) -> None:
        """Wait until just these, of the links that are cared for, are said to be lost."""
        until = time.monotonic() + PATIENCE_S
        while not self.lost or self.lost[-1][0] != list(links):
            self.quiet(0.02)
            assert time.monotonic() < until, self.lost

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        self._line.close()

    def until(self, what: Callable[[PortReport], bool]) -> PortReport:
        """Wait for a report that is so."""
        until = time.monotonic() + PATIENCE_S
        while True:
            for report in self._reports(until):
                if what(report):
                    return report
            assert time.monotonic() < until, self.said

    def quiet(self, for_s: float) -> list[PortReport]:
        """What it says in this time."""
        until = time.monotonic() + for_s
        said: list[PortReport] = []
        while time.monotonic() < until:
            said += self._reports(until)
        return said

    def _reports(self, until: float) -> Iterator[PortReport]:
        self._line.settimeout(max(0.001, until - time.monotonic()))
        with suppress(TimeoutError):
            while b"\n" not in self._heard:
                self._heard += self._line.recv(1 << 16)
        while b"\n" in self._heard:
            line, _, self._heard = self._heard.partition(b"\n")
            told = json.loads(line)
            if "lost" in told:
                self.lost.append((told["lost"], told["whole"]))
            for one in [*told.get("ports", ()), *([told["port"]] if "port" in told else [])]:
                self.said.append(report_from_json(one))
                yield self.said[-1]


def watched(report: PortReport) -> bool:
    return report.watched and report.up


def down(report: PortReport) -> bool:
    return not report.up


def config(spans: int = 1, key: bytes = b"a key of the link") -> dict[str, Any]:
    return {"ports": tuple(PortConfig(interface=f"c{span}", key=key) for span in range(spans))}


class Two:
    """Both ends of a wire, watched."""

    def __init__(self, wire: Wire, a: Watcher, b: Watcher) -> None:
        self.wire, self.a, self.b = wire, a, b


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    with ExitStack() as opened:
        wire = opened.enter_context(Wire())
        a, b = (opened.enter_context(Watcher(where, tmp_path / where, **config())) for where in (wire.a, wire.b))
        a.until(watched)
        b.until(watched)
        yield Two(wire, a, b)


def test_a_cut_that_nobody_tells_is_told_at_both_ends_and_so_is_its_end(two: Two) -> None:
    two.wire.cut()
    assert {two.a.until(down).reason, two.b.until(down).reason} <= {Reason.SILENT, Reason.ONE_WAY}
    two.wire.splice()
    two.a.until(watched)
    two.b.until(watched)


def test_who_is_not_heard_any_more_says_one_way(two: Two) -> None:
    two.wire.lose("b", 1.0)
    assert two.a.until(down).reason is Reason.ONE_WAY
    two.wire.lose("b", 0.0)
    two.a.until(watched)


def test_light_that_is_lost_is_told_as_that(two: Two) -> None:
    two.wire.light(on=False)
    assert two.a.until(down).reason is Reason.LIGHT
    assert two.b.until(down).reason is Reason.LIGHT
    two.wire.light(on=True)
    two.a.until(watched)


@pytest.mark.parametrize("ends", ["b", "ab"])
def test_a_link_that_loses_a_fifth_is_down_for_that(two: Two, ends: str) -> None:
    for end in ends:
        two.wire.lose(end, 0.2)
    two.a.until(lambda report: report.reason is Reason.LOSS)
    for end in ends:
        two.wire.lose(end, 0.0)
    two.a.until(watched)


def test_a_watcher_that_dies_is_missed_by_nobody_and_the_next_goes_on(two: Two) -> None:
    two.b.kill()
    assert [one for one in two.a.quiet(1.0) if not one.up] == []
    two.b.start()  # nobody tells it anything: it knows from its file
    two.b.until(watched)
    assert [one for one in two.a.quiet(0.5) if not one.up] == []
    two.wire.cut()
    two.a.until(down)
    two.b.until(down)


def test_one_that_starts_while_its_link_is_cut_knows_that(two: Two) -> None:
    two.wire.cut()
    before = two.a.until(down)
    time.sleep(0.3)
    two.a.kill()
    two.a.start()
    after = two.a.until(down)
    assert (after.reason, after.up) == (before.reason, False)
    assert abs(after.since_ns - before.since_ns) < 1_000_000_000
    two.wire.splice()
    two.a.until(watched)


def test_one_that_leaves_says_so_and_is_not_missed(two: Two) -> None:
    two.b.process.send_signal(signal.SIGTERM)
    two.a.until(lambda report: report.up and not report.watched)
    assert two.b.process.wait() == 0
    two.b.kill()
    assert [one for one in two.a.quiet(0.3) if not one.up] == []
    two.b.start()
    two.a.until(watched)


def test_a_link_that_flaps_is_held_down_longer_each_time(two: Two) -> None:
    held = []
    for _ in range(4):
        two.wire.lose("b", 1.0)
        two.a.until(down)
        spliced = time.monotonic()
        two.wire.lose("b", 0.0)
        two.a.until(watched)
        held.append(time.monotonic() - spliced)
    # 0.3 s, 0.6 s, 1.2 s, 2.4 s: a machine that is busy makes it longer, nothing makes it shorter
    assert [one >= 0.3 * 2**flap * 0.98 for flap, one in enumerate(held)] == [True] * 4


@pytest.mark.parametrize("keys", [(b"a key", b"another"), (b"a key", b"")])
def test_neighbours_without_the_same_key_are_none_and_only_light_counts(
    tmp_path: Path, keys: tuple[bytes, bytes]
) -> None:
    with ExitStack() as opened:
        wire = opened.enter_context(Wire())
        one, other = (
            opened.enter_context(Watcher(where, tmp_path / where, **config(key=key)))
            for where, key in zip((wire.a, wire.b), keys, strict=True)
        )
        assert [report for report in one.quiet(1.0) if report.watched or not report.up] == []
        wire.cut()
        assert [report for report in one.quiet(0.3) if report.watched or not report.up] == []
        wire.light(on=False)
        other.until(lambda report: report.reason is Reason.LIGHT)


def test_what_was_recorded_and_what_was_made_up_hides_no_cut(two: Two) -> None:
    """Somebody on the wire has recorded all that was said, cuts it, and says it again, and more, for ever."""
    with two.wire.tap(two.wire.a, 0x0003) as heard, two.wire.tap(two.wire.b) as says:
        heard.settimeout(0.2)
        recorded = []
        until = time.monotonic() + 1.5
        while time.monotonic() < until:
            with suppress(TimeoutError):
                frame, about = heard.recvfrom(2048)
                if about[2] != socket.PACKET_OUTGOING and frame[12:14] == b"\x88\xb5":
                    recorded.append(frame)
        assert len({frame[14] for frame in recorded}) == 3  # hellos, answers, greetings
        two.b.process.send_signal(signal.SIGSTOP)
        two.wire.lose("b", 1.0)
        until = time.monotonic() + 1.5
        at = 0
        while time.monotonic() < until:
            again = bytearray(recorded[at % len(recorded)])
            says.send(again)
            again[29] = (again[29] + at) % 256  # another number, the same token
            says.send(again)
            at += 1
            time.sleep(0.0005)
    said = [two.a.until(down), *two.a.quiet(0.2)]
    assert [one for one in said if one.up] == []


# --- repair --------------------------------------------------------------------------------------------------


class Detoured:
    """Two wires between a and b; packets from a for the alias take the first, and the second when that is down."""

    def __init__(self, wire: Wire) -> None:
        self.wire = wire
        self.backups: dict[str, tuple[Backup, ...]] = {"c0": (Backup(alias=ALIAS, nexthop=DETOUR),)}
        with Kernel(wire.a) as kernel:
            kernel.do(
                [
                    *(
                        address.create(address.Address(address=f"fd00:{n}::a", prefix_len=64, index=PORT + n))
                        for n in (0, 1)
                    ),
                    nexthop.create(nexthop.Nexthop(id=DETOUR, family=AF_INET6, dev=PORT + 1, via="fd00:1::b")),
                    route.create(
                        route.Route(dst=f"{ALIAS}/128", table=TABLE, via="fd00:0::b", dev=PORT, metric=100, protocol=72)
                    ),
                    rule.create(rule.Rule(family=AF_INET6, priority=10, table=TABLE, destination=f"{ALIAS}/128")),
                ]
            )
        with Kernel(wire.b) as kernel:
            kernel.do(
                [
                    *(
                        address.create(address.Address(address=f"fd00:{n}::b", prefix_len=64, index=PORT + n))
                        for n in (0, 1)
                    ),
                    address.create(address.Address(address=ALIAS, prefix_len=128, index=1)),
                ]
            )

    def repaired(self) -> list[str]:
        """The routes of the watcher, as the kernel has them."""
        with Kernel(self.wire.a) as kernel:
            return [one.dst for one in kernel.routes(AF_INET6, TABLE, protocol=PROTOCOL)]

    def arrives(self) -> bool:
        """Whether a packet for the alias arrives, over whichever wire."""
        with namespace.entered_by_name(self.wire.b):
            there = socket.socket(AF_INET6, socket.SOCK_DGRAM)
            there.bind((ALIAS, 5000))
        with namespace.entered_by_name(self.wire.a):
            here = socket.socket(AF_INET6, socket.SOCK_DGRAM)
        there.settimeout(0.05)
        with here, there:
            for _ in range(20):
                here.sendto(b"x", (ALIAS, 5000))
                with suppress(TimeoutError):
                    return bool(there.recv(10))
        return False


@pytest.fixture
def detoured(tmp_path: Path) -> Iterator[tuple[Detoured, Watcher, Watcher]]:
    with ExitStack() as opened:
        wire = opened.enter_context(Wire(spans=2))
        made = Detoured(wire)
        a, b = (Watcher(where, tmp_path / where, **config(2)) for where in (wire.a, wire.b))
        a.backups = made.backups
        opened.enter_context(a)
        opened.enter_context(b)
        ready: set[str] = set()
        while len(ready) < 2:
            ready.add(a.until(watched).interface)
        yield made, a, b


def test_a_cut_is_led_around_until_the_link_is_well_and_nothing_else_is(
    detoured: tuple[Detoured, Watcher, Watcher],
) -> None:
    made, a, _ = detoured
    assert made.arrives()
    assert made.repaired() == []
    made.wire.cut(span=0)
    report = a.until(down)
    assert report.interface == "c0"
    assert report.repaired_ns is not None
    assert report.repaired_ns >= report.since_ns
    assert made.repaired() == [f"{ALIAS}/128"]
    assert made.arrives()
    made.wire.splice(span=0)
    a.until(watched)
    assert made.repaired() == []
    assert made.arrives()
    assert [one for one in a.said if one.interface == "c1" and not one.up] == []


def test_what_is_to_be_repaired_may_change_while_it_is(detoured: tuple[Detoured, Watcher, Watcher]) -> None:
    made, a, _ = detoured
    made.wire.cut(span=0)
    a.until(down)
    a.backups = {}
    a.tell()
    _until(lambda: made.repaired() == [])
    a.backups = made.backups
    a.tell()
    _until(lambda: made.repaired() == [f"{ALIAS}/128"])


def test_a_repair_outlives_the_watcher_and_the_next_one_takes_it_back(
    detoured: tuple[Detoured, Watcher, Watcher],
) -> None:
    made, a, _ = detoured
    made.wire.cut(span=0)
    a.until(down)
    a.kill()
    assert made.repaired() == [f"{ALIAS}/128"]
    assert made.arrives()
    a.start()
    a.until(down)
    assert made.repaired() == [f"{ALIAS}/128"]
    made.wire.splice(span=0)
    a.until(lambda report: report.interface == "c0" and watched(report))
    assert made.repaired() == []


def linked(side: str, key: bytes = b"a key of the link") -> dict[str, Any]:
    """Two core ports, whose links are called after them."""
    return {"ports": tuple(PortConfig(interface=f"c{span}", key=key, link=f"{side}{span}") for span in range(2))}


@pytest.fixture
def twice(tmp_path: Path) -> Iterator[Two]:
    """Two routers with two links between them."""
    with ExitStack() as opened:
        wire = opened.enter_context(Wire(spans=2))
        a, b = (
            opened.enter_context(Watcher(where, tmp_path / where, **linked(side)))
            for where, side in ((wire.a, "a"), (wire.b, "b"))
        )
        for one in (a, b):
            for name in ("c0", "c1"):
                one.until(lambda report, name=name: watched(report) and report.interface == name)  # type: ignore[misc]
        yield Two(wire, a, b)


def test_what_another_router_has_lost_is_heard_at_once_until_it_is_well(twice: Two) -> None:
    twice.a.care("b0")
    twice.a.until_lost()
    begun_s = time.monotonic()
    twice.wire.cut(span=0)
    twice.a.until_lost("b0")
    assert time.monotonic() - begun_s < 1.0, "long before anything is said again"
    twice.wire.splice(span=0)
    twice.b.until(lambda report: report.up and report.interface == "c0")
    twice.a.quiet(1.0)
    assert twice.a.lost[-1][0] == ["b0"], "it is not used again at once"
    twice.a.until_lost()


def test_nobody_is_told_of_what_it_does_not_care_for(twice: Two) -> None:
    twice.a.care("b1", "a0", "c>d")
    twice.a.until_lost()
    twice.wire.cut(span=0)
    twice.a.until(down)
    twice.a.quiet(0.3)
    assert [links for links, _ in twice.a.lost] == [[]] * len(twice.a.lost)
    twice.a.care("b0")
    twice.a.until_lost("b0")


def test_a_watcher_that_begins_hears_what_is_lost_and_says_when_that_is_all(twice: Two) -> None:
    twice.wire.cut(span=0)
    twice.b.until(down)
    twice.a.kill()
    twice.a.lost.clear()
    twice.a.start()
    twice.a.tell()
    twice.a.care("b0")
    twice.a.until_lost("b0")
    until = time.monotonic() + PATIENCE_S
    while not twice.a.lost[-1][1]:
        twice.a.quiet(0.1)
        assert time.monotonic() < until
    assert twice.a.lost[0] == ([], False)
    assert twice.a.lost[-1] == (["b0"], True)


def test_news_that_was_recorded_is_not_news(twice: Two) -> None:
    twice.a.care("b0")
    with twice.wire.tap(twice.wire.a, ETHER_TYPE, span=1) as tap:
        twice.wire.cut(span=0)
        twice.a.until_lost("b0")
        frames: list[bytes] = []
        while not frames or peek(frames[-1]) is None:
            frames.append(tap.recv(2048))
        assert peek(frames[-1]) is not None
    twice.wire.splice(span=0)
    twice.b.until(lambda report: report.up and report.interface == "c0")
    twice.a.until_lost()
    twice.a.quiet(10.0)  # until what is old is forgotten
    before = len(twice.a.lost)
    with twice.wire.tap(twice.wire.b, span=1) as tap:
        tap.send(frames[-1])
    twice.a.quiet(0.5)
    assert len(twice.a.lost) == before


def test_there_is_one_watcher(two: Two) -> None:
    argv = ["ip", "netns", "exec", two.wire.a, sys.executable, "-m", "highroad.watch", str(two.a.folder)]
    assert subprocess.run(argv, check=False, timeout=20, capture_output=True).returncode == 0
    assert len(processes_in([two.wire.a])) == 1


def _until(true: Callable[[], bool]) -> None:
    until = time.monotonic() + PATIENCE_S
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)
