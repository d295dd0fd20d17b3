"""Routers measure each other's paths on real packets: by which way, how long, what was lost, and whom they believe."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from ipaddress import IPv6Address

import pytest

from highroad.agent.config import address_in
from highroad.stamp.packet import Question
from highroad.stamp.reflector import Refusal
from highroad.stamp.timestamp import ErrorEstimate, ntp
from tests.lab.measure.rig import EVERY_MS, HOME, KEY, OUT, Measured, figures, path, told
from tests.lab.rig import needs_root
from tests.unit.agent.namespaces import Namespaces
from tests.unit.agent.running import in_loop
from tests.unit.agent.test_probe import BLOCK

pytestmark = needs_root
CW, CCW = f"{address_in(BLOCK, 0xE000)}/48", f"{address_in(BLOCK, 0xE001)}/48"


@asynccontextmanager
async def ring() -> AsyncIterator[Measured]:
    with Namespaces() as spaces:
        made = Measured(spaces)
        try:
            yield made
        finally:
            await made.stop()


@in_loop
async def test_the_path_and_the_way_back_are_those_of_the_policy() -> None:
    async with ring() as one:
        await one.start(3)
        await one.start(1, told("s-1", "s-2"))
        rows = await one.rows(1, lambda rows: len(rows) >= 2)
        row = rows[1]
        assert row["path"] == "e000.e000:3:e001.e001:interactive"
        assert [use[0] for use in row["uses"]] == ["s-1", "s-2"]
        assert row["pinned"]
        sent, *lost = figures(row)
        # A busy machine is late with one now and then, which is then the next second's.
        assert 0.9 * 1000 / EVERY_MS <= sent <= 1.1 * 1000 / EVERY_MS
        assert lost == [0, 0, 0]
        assert 0 < row["rtt-min"] <= row["rtt-p50"] <= row["rtt-p99"] <= row["rtt-max"] < 100_000_000
        assert row["at"] % 1_000_000_000 == 0
        # Out over 2, and back over 2: nothing came by 4, where the IGP's way back is.
        passed = one.passed(2)
        assert passed[CW] >= 50
        assert abs(passed[CW] - passed[CCW]) <= 2  # they go on, and are counted one after the other
        assert one.passed(4) == {CW: 0, CCW: 0}


@in_loop
async def test_without_a_way_back_the_answer_takes_the_igps_and_says_so() -> None:
    async with ring() as one:
        await one.start(3)
        await one.start(1, told("s-1", paths=(path(back=()),)))
        (row, *_) = await one.rows(1, lambda rows: len(rows) >= 1)
        assert not row["pinned"]
        assert row["path"].split(":")[2] == "igp"
        assert one.passed(2)[CCW] == 0
        (entry,) = one.at[1].state()
        assert entry["return"] == "igp"


@in_loop
async def test_each_candidate_path_is_measured_and_says_whether_it_carries() -> None:
    async with ring() as one:
        await one.start(3)
        await one.start(1, told("s-1", paths=(path(), path(HOME, OUT, preference=50))))
        rows = await one.rows(1, lambda rows: len(rows) >= 2)
        uses = {row["path"]: row["uses"] for row in rows}
        assert uses == {
            "e000.e000:3:e001.e001:interactive": [["s-1", "s-1.a", 100, 0, True]],
            "e001.e001:3:e000.e000:interactive": [["s-1", "s-1.a", 50, 0, False]],
        }


@in_loop
async def test_what_is_lost_is_counted_where_it_was_lost() -> None:
    async with ring() as one:
        one.lose(2, "left")
        await one.start(3)
        await one.start(1)
        rows = await one.rows(1, lambda rows: len(rows) >= 4)
        sent, out, home, unknown = (sum(column) for column in zip(*map(figures, rows), strict=True))
        assert (home, unknown) == (0, 0)
        assert abs(out - sent / 4) < 1
    async with ring() as one:
        one.lose(2, "right")
        await one.start(3)
        await one.start(1)
        rows = await one.rows(1, lambda rows: len(rows) >= 4)
        sent, out, home, unknown = (sum(column) for column in zip(*map(figures, rows), strict=True))
        assert (out, unknown) == (0, 0)
        assert abs(home - sent / 4) < 1


@in_loop
async def test_how_long_light_takes_is_measured_each_way() -> None:
    async with ring() as one:
        with one.light(at2_left=4.0, at3_left=5.0, at2_right=6.0, at1_right=7.0):
            await one.start(3, light_ms={"left": 5.0})
            await one.start(1, light_ms={"right": 7.0})
            rows = await one.rows(1, lambda rows: len(rows) >= 3)
        row = rows[-1]
        # What a busy machine adds is not known, but it adds; a packet of many meets it least.
        assert 21.8e6 < row["rtt-min"] < 26e6
        assert 8.8e6 < row["out"] < 14e6
        assert 12.8e6 < row["home"] < 18e6
        assert row["clock-error"] >= 2000


@in_loop
async def test_a_clock_that_is_set_leaves_the_round_trip_and_one_way_is_not_told() -> None:
    async with ring() as one:
        await one.start(3)
        await one.start(1)
        with one.light(at2_left=10.0, at2_right=10.0):
            rows = await one.rows(1, lambda rows: len(rows) >= 2)
            before, so_far = rows[-1], len(rows)
            one.clocks[3].ahead_ns = 8_000_000
            # The next may be summed up already, and the one after it is of both.
            after = (await one.rows(1, lambda rows: len(rows) >= so_far + 4))[-1]
        assert before["rtt-min"] == pytest.approx(20e6, abs=3e6)
        assert after["rtt-min"] == pytest.approx(20e6, abs=3e6)
        assert "out" in before
        assert "out" not in after
        assert "home" not in after


@in_loop
async def test_forged_and_replayed_packets_are_ignored_and_counted() -> None:
    async with ring() as one:
        measurer = await one.start(3)
        one.enter(1)
        try:
            ears = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            ears.bind((str(IPv6Address(address_in(BLOCK, 1))), 0))
            stranger = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
            stranger.bind(("fd00:1::1", 0))
        finally:
            one.leave()
        with ears, stranger:
            ears.setblocking(False)
            far = (address_in(BLOCK, 3), 862)
            free = ErrorEstimate(synchronised=False)
            good = Question(sequence=5, stamp=ntp(1), error=free, session=7).to_bytes(KEY)
            ears.sendto(good, far)
            ears.sendto(good, far)  # again
            ears.sendto(good[:40] + b"\1" + good[41:], far)
            ears.sendto(good[:44], far)
            ears.sendto(b"hello", far)
            stranger.sendto(Question(sequence=6, stamp=ntp(1), error=free, session=7).to_bytes(KEY), far)
            await until(lambda: sum(measurer.reflector.refused.values()) == 5)
            assert measurer.reflector.refused == {Refusal.REPLAYED: 1, Refusal.GARBLED: 3, Refusal.STRANGER: 1}
            assert measurer.reflector.answered == 1
            data, _ = await asyncio.wait_for(asyncio.get_running_loop().sock_recvfrom(ears, 2000), 5)
            assert len(data) == 112
            with pytest.raises(BlockingIOError):
                ears.recv(2000)
        assert measurer.reflector_state()["replayed-pkts"] == "1"


@in_loop
async def test_routers_with_different_keys_measure_nothing() -> None:
    async with ring() as one:
        await one.start(3, key=bytes(32))
        await one.start(1)
        (row, *_) = await one.rows(1, lambda rows: len(rows) >= 1)
        assert row["lost-unknown"] == row["sent"] > 0
        assert "rtt-min" not in row


@in_loop
async def test_without_a_key_they_measure_all_the_same() -> None:
    async with ring() as one:
        await one.start(3, key=None)
        await one.start(1, key=None)
        (row, *_) = await one.rows(1, lambda rows: len(rows) >= 1)
        assert row["pinned"]
        assert row["lost-unknown"] == 0


@in_loop
async def test_a_path_that_is_no_more_is_measured_to_its_end() -> None:
    async with ring() as one:
        await one.start(3)
        await one.start(1)
        await one.rows(1, lambda rows: len(rows) >= 1)
        one.intended[1] = told()
        rows = await one.rows(1, lambda rows: not one.at[1].state())
        had = len(rows)
        await asyncio.sleep(2.5)
        rows = (await one.at[1].measured({}))["rows"]
        assert had < len(rows) <= had + 3
        assert {row["uses"][0][0] for row in rows} == {"s-1"}


@in_loop
async def test_in_the_second_of_a_switch_two_paths_were_in_use_and_no_second_is_missing() -> None:
    async with ring() as one:
        await one.start(3)
        await one.start(1)
        await one.rows(1, lambda rows: len(rows) >= 2)
        one.intended[1] = told("s-1", paths=(path(HOME, OUT),))
        rows = await one.rows(1, lambda rows: sum(row["path"].startswith("e001") for row in rows) >= 3)
        assert all(row["uses"] == [["s-1", "s-1.a", 100, 0, True]] for row in rows)
        by_second: dict[int, list[str]] = {}
        for row in rows:
            by_second.setdefault(row["at"] // 1_000_000_000, []).append(row["path"][:4])
        seconds = sorted(by_second)
        assert seconds == list(range(seconds[0], seconds[-1] + 1))
        moved = next(second for second in seconds if "e001" in by_second[second])
        assert sorted(by_second[moved]) in (["e000", "e001"], ["e001"])
        assert all(by_second[second] == ["e000"] for second in seconds if second < moved)
        assert all(by_second[second] == ["e001"] for second in seconds if second > moved)


@in_loop
async def test_rows_are_told_from_a_number_on_and_all_to_a_stranger() -> None:
    async with ring() as one:
        await one.start(3)
        await one.start(1)
        await one.rows(1, lambda rows: len(rows) >= 2)
        first = await one.at[1].measured({})
        again = await one.at[1].measured({"after": first["last"], "epoch": first["epoch"]})
        assert len(again["rows"]) <= 1
        anew = await one.at[1].measured({"after": first["last"], "epoch": "another"})
        assert anew["rows"][: len(first["rows"])] == first["rows"]


@in_loop
async def test_very_many_paths_have_a_packet_less_often() -> None:
    async with ring() as one:
        await one.start(3)
        both = (path(), path(HOME, OUT, preference=50))
        await one.start(1, told("s-1", paths=both), most_per_s=20.0)
        rows = await one.rows(1, lambda rows: len(rows) >= 4)
        assert {row["sent"] for row in rows[2:]} <= {9, 10, 11}


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not is_so():  # noqa: ASYNC110 - the kernel tells nobody
            await asyncio.sleep(0.01)
