"""Paths are up and down by what comes back of them, in a time that the test makes pass."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from dataclasses import dataclass, field
from ipaddress import IPv6Address

import pytest

from highroad.agent import echo
from highroad.watch.paths import (
    COOKIE_BYTES,
    INTERVAL_NS,
    MARGIN_NS,
    MISSED,
    PAYLOAD_BYTES,
    SLOW_NS,
    UNMEASURED_NS,
    PathProbes,
    Verdict,
)

MS = 1_000_000
TICK_NS = 5 * MS
SOURCE, WAY, LAST = "fc00:0:1::", "fc00:0:e000:e001:1::", "fc00:0:1::"


def told(name: str) -> dict[str, str]:
    packet = echo.packet(
        source=SOURCE, way=[WAY], last=LAST, kind=echo.REPLY, cookie=bytes(COOKIE_BYTES), number=0,
        size_bytes=echo.HEADER_BYTES + PAYLOAD_BYTES, dscp=34,
    )  # fmt: skip
    return {"name": name, "first": name, "packet": packet.hex()}


@dataclass
class World:
    """What becomes of probes: each takes `round_trip_ns` if `passes` says so. `first` is the name of the path."""

    now_ns: int = 10**12
    round_trip_ns: int = 40 * MS
    passes: Callable[[str], bool] = lambda _: True
    sent: list[tuple[int, str, bytes]] = field(default_factory=list)
    arriving: list[tuple[int, bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.probes = PathProbes(self, clock_ns=lambda: self.now_ns)
        self.changed: list[tuple[float, Verdict]] = []
        self.began_ns = self.now_ns

    def send(self, packet: bytes, first: str) -> None:
        self.sent.append((self.now_ns, first, packet))
        if self.passes(first):
            self.arriving.append((self.now_ns + self.round_trip_ns, packet[40:]))

    def heard(self) -> list[bytes]:
        come = [icmp for at_ns, icmp in self.arriving if at_ns <= self.now_ns]
        self.arriving = [one for one in self.arriving if one[0] > self.now_ns]
        return come

    def run(self, for_ns: int) -> list[tuple[float, Verdict]]:
        """Let so long pass; what changed, with the milliseconds after which it did."""
        until_ns, start_ns, found = self.now_ns + for_ns, self.now_ns, []
        while self.now_ns < until_ns:
            self.now_ns += TICK_NS
            self.turn()
            found += [((self.now_ns - start_ns) / MS, one) for one in self.probes.verdicts()]
        return found

    def turn(self) -> None:
        self.probes.send(self.now_ns)
        self.probes.receive(self.now_ns)


def two() -> World:
    world = World()
    world.probes.take([told("a"), told("b")])
    assert {one for _, one in world.run(1_000 * MS)} == {Verdict("a", True), Verdict("b", True)}
    return world


def test_a_probe_is_a_whole_packet_with_a_number_and_a_proof_of_its_own() -> None:
    world = two()
    packets = [packet for _, first, packet in world.sent if first == "a"]
    assert len(packets) == pytest.approx(20, abs=1)
    assert len({packet[-PAYLOAD_BYTES + COOKIE_BYTES :] for packet in packets}) == len(packets)
    for packet in packets:
        icmp = packet[40:]
        pseudo = IPv6Address(SOURCE).packed + IPv6Address(LAST).packed + struct.pack("!II", len(icmp), 58)
        assert echo.checksum(pseudo + icmp) == 0
        assert packet[4:6] == len(icmp).to_bytes(2)


def test_three_that_do_not_come_back_in_the_round_trip_are_down() -> None:
    world = two()
    world.passes = lambda name: name != "a"
    ((after_ms, verdict),) = world.run(1_000 * MS)
    assert verdict == Verdict("a", False)
    assert (MISSED - 1) * 50 < after_ms <= MISSED * 50 + 40 + MARGIN_NS / MS + 2 * TICK_NS / MS


def test_two_that_do_not_come_back_are_nothing() -> None:
    world = two()
    drops = iter([False, False, *[True] * 1000])
    world.passes = lambda name: name != "a" or next(drops)
    assert world.run(1_000 * MS) == []


def test_it_is_up_again_once_everything_has_come_back_for_a_second() -> None:
    world = two()
    world.passes = lambda name: name != "a"
    world.run(1_000 * MS)
    lost = iter([*[True] * 10, False, *[True] * 1000])
    world.passes = lambda name: name != "a" or next(lost)
    ((after_ms, verdict),) = world.run(3_000 * MS)
    assert verdict == Verdict("a", True)
    assert 11 * 50 + 1_000 < after_ms < 11 * 50 + 1_000 + 150, "the one that was lost began the second anew"


def test_a_path_that_flaps_has_to_be_good_for_longer_each_time() -> None:
    world = two()
    took_ms = []
    for _ in range(3):
        world.passes = lambda name: name != "a"
        world.run(500 * MS)
        world.passes = lambda _: True
        ((after_ms, _),) = world.run(6_000 * MS)
        took_ms.append(after_ms)
    assert took_ms == [pytest.approx(1_000 * 2**times, abs=150) for times in range(3)]


def test_a_path_of_which_nothing_ever_comes_is_down_after_the_longest_round_trip() -> None:
    world = World(passes=lambda _: False)
    world.probes.take([told("a")])
    ((after_ms, verdict),) = world.run(3_000 * MS)
    assert verdict == Verdict("a", False)
    assert after_ms == pytest.approx(UNMEASURED_NS / MS + (MISSED - 1) * 50, abs=30)


def test_what_is_forged_or_replayed_keeps_no_path_alive() -> None:
    world = two()
    (*_, (_, _, last)) = [one for one in world.sent if one[1] == "a"]
    world.arriving.clear()
    before = world.probes.refused

    def attack(name: str) -> bool:
        if name == "a":
            for icmp in (last[40:], world.sent[-1][2][40:-1] + bytes(1), b"\x81" + bytes(6), bytes(60)):
                world.arriving.append((world.now_ns, icmp))
        return name != "a"

    world.passes = attack
    assert [one for _, one in world.run(1_000 * MS)] == [Verdict("a", False)]
    assert world.probes.refused > before


def test_who_was_late_itself_blames_no_path() -> None:
    """What came while this process could not run has come, however late it is read."""
    world = two()
    for _ in range(20):
        world.now_ns += 400 * MS
        world.turn()
    assert world.probes.verdicts() == []


def test_a_path_that_becomes_slow_is_not_dead() -> None:
    """What comes too late says how long is to be waited from now on; the other direction is learnt as well."""
    world = two()
    world.round_trip_ns = 140 * MS
    assert world.run(5_000 * MS) == []
    world.round_trip_ns = 40 * MS
    assert world.run(5_000 * MS) == []
    world.passes = lambda name: name != "a"
    ((after_ms, _),) = world.run(1_000 * MS)
    assert after_ms <= MISSED * 50 + 40 + MARGIN_NS / MS + 3 * TICK_NS / MS


def test_while_a_controller_is_there_paths_are_probed_seldom_and_quickly_once_one_is_missed() -> None:
    world = two()
    world.probes.be(eager=False)
    world.run(1_000 * MS)
    world.sent.clear()
    world.run(10_000 * MS)
    assert len(world.sent) == pytest.approx(2 * 10_000 * MS / SLOW_NS, abs=2)
    world.passes = lambda name: name != "a"
    ((after_ms, verdict),) = world.run(3_000 * MS)
    assert verdict == Verdict("a", False)
    assert after_ms < SLOW_NS / MS + 40 + 10 + MISSED * 50 + 40 + 30
    world.passes = lambda _: True
    assert [one for _, one in world.run(3_000 * MS)] == [Verdict("a", True)]
    world.sent.clear()
    world.probes.be(eager=True)
    world.run(1_000 * MS)
    assert len(world.sent) == pytest.approx(40, abs=2), "as soon as it is gone"


def test_what_stays_is_known_what_goes_is_forgotten() -> None:
    world = two()
    world.probes.take([told("b"), told("c")])
    world.sent.clear()
    assert [one for _, one in world.run(500 * MS)] == [Verdict("c", True)]
    assert {first for _, first, _ in world.sent} == {"b", "c"}
    assert world.probes.due_s() is not None
    world.probes.take([])
    assert world.probes.due_s() is None
    world.turn()
    assert world.run(1_000 * MS) == []


def test_very_many_paths_are_probed_less_often() -> None:
    world = World()
    world.probes.take([told(f"p{number}") for number in range(200)])
    world.run(1_000 * MS)
    world.sent.clear()
    world.run(2_000 * MS)
    assert len(world.sent) == pytest.approx(2_000, rel=0.05)


def test_a_path_that_loses_a_fifth_does_not_flap() -> None:
    world = two()
    chance = random.Random(7)
    world.passes = lambda name: name != "a" or chance.random() > 0.2
    changes = [one for _, one in world.run(120_000 * MS)]
    assert changes[0] == Verdict("a", False)
    assert len(changes) < 12


def test_due_is_when_the_next_probe_or_the_last_patience_is() -> None:
    world = World()
    world.probes.take([told("a")])
    assert world.probes.due_s() == 0.0
    world.turn()
    assert world.probes.due_s() == pytest.approx(INTERVAL_NS / 1e9)
