"""What was delivered is sealed once, of what was measured: minutes of which nothing is known stay gaps."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import pytest

from highroad.control.sealing import GRACE_S, Sealing
from highroad.errors import Unavailable
from highroad.model.lifecycle import State
from highroad.model.measurement import Measurement, Way
from highroad.model.proof import Promised, Unwatched, body_of, check
from highroad.model.service import Service, ServiceId
from highroad.pki.signing import Signer, holds, new_key
from highroad.ports import Commit, Sample, ServiceCounters
from highroad.storage.store import SqlStore
from tests.contract.store.test_store import service as stored_service
from tests.support.backbone import small_network
from tests.support.stores import with_tables
from tests.support.telemetry import Kept, kept

START_S = 1_790_035_200
NETWORK = small_network()
NAME = ServiceId("svc-a")


def service(gbps: float = 2.0, **changes: Any) -> Service:
    """One that is carried from the start on."""
    made = stored_service(NAME)
    window = replace(made.order.window, start_s=float(START_S - 60), end_s=None)
    order = replace(made.order, bandwidth_gbps=gbps, latency_bound_ms=60.0, window=window)
    return replace(made, order=order, created_s=float(START_S), state=State.ACTIVE, **changes)


class World:
    """A store, telemetry, a clock, and the services that there are."""

    def __init__(self, store: SqlStore, telemetry: Kept) -> None:
        self.store, self.telemetry = store, telemetry
        self.now_s = float(START_S)
        self.services: dict[ServiceId, Service] = {NAME: service()}
        self.signer = Signer(new_key())
        self.lost = self.dark_s = 0.0
        self.ahead_s = 0.0
        """By how much the clock was set, in all."""

    def sealing(self, each_s: int) -> Sealing:
        async def settled() -> Any:
            return SimpleNamespace(services=self.services)

        planner: Any = SimpleNamespace(settled=settled)
        clock: Any = SimpleNamespace(now_s=lambda: self.now_s)

        async def execute(work: Any, /, *args: Any, **options: Any) -> Any:
            return work(*args, **options)

        return Sealing(
            planner=planner, store=self.store, telemetry=self.telemetry, signer=self.signer, fabric="linux",
            clock=clock, execute=execute, each_s=each_s, steady=lambda: self.now_s - self.ahead_s,
        )  # fmt: skip

    def pass_by(self, minutes: int, *, watched: bool = True, dark_s: float = 0.0) -> None:
        """Time in which samples come every ten seconds, or none; it is dark for so long in each minute."""
        for _ in range(minutes):
            for _ in range(6):
                self.dark_s += dark_s / 6
                if watched:
                    counters = ServiceCounters(
                        offered_bytes=0, carried_bytes=0, lost_bytes=self.lost, dark_s=self.dark_s, offered_gbps=3.0,
                        carried_gbps_there=1.0, carried_gbps_back=1.5, latency_ms_there=1, latency_ms_back=1,
                    )  # fmt: skip
                    sample = Sample(at_s=self.now_s, services={NAME: counters}, links={})
                    self.telemetry.sampled(sample, NETWORK, self.services)
                    probed = Measurement(
                        service=NAME, way=Way.THERE, at_s=self.now_s, for_s=1.0, sent=10, lost_out=1, rtt_min_ms=40.0,
                        rtt_p50_ms=41.0, rtt_max_ms=49.5, jitter_ms=0.25,
                    )  # fmt: skip
                    self.telemetry.measured([probed])
                self.now_s += 10.0

    def set_clock(self, by_s: float) -> None:
        """The clock jumps, and no time passes."""
        self.now_s += by_s
        self.ahead_s += by_s

    def entries(self) -> list[Any]:
        return list(self.store.proofs.entries(NAME, after=0, limit=99))


@contextmanager
def world() -> Iterator[World]:
    with TemporaryDirectory() as folder, kept() as telemetry:
        store = SqlStore(with_tables(Path(folder) / "store.db"))
        try:
            yield World(store, telemetry)
        finally:
            store.close()


def test_some_time_is_sealed_as_it_was_measured_and_its_gap_is_marked() -> None:
    async def story() -> None:
        with world() as it:
            sealing = it.sealing(1200)
            it.pass_by(5)
            it.pass_by(3, dark_s=1.5)
            it.pass_by(5, watched=False)
            it.services[NAME] = service(gbps=4.0)
            it.pass_by(7)
            assert await sealing.seal() == 0  # what was measured of the last minute may still come
            it.now_s += GRACE_S
            assert await sealing.seal() == 1
            assert await sealing.seal() == 0
            (entry,) = it.entries()
            body = body_of(entry.doc)
            assert (body.sequence, body.from_s, body.until_s) == (1, START_S, START_S + 1200)
            minutes = {one.at_s: one for one in body.intervals}
            fine, dark = minutes[START_S + 60], minutes[START_S + 360]
            assert fine.promised == Promised(rate_kbps=2_000_000, latency_us=60_000, protected=False)
            assert fine.measured is not None
            assert (fine.measured.watched_ms, fine.measured.dark_ms) == (60_000, 0)
            assert (fine.measured.offered_kbps, fine.measured.carried_kbps) == (3_000_000, 2_500_000)
            assert fine.measured.probed is not None
            assert (fine.measured.probed.sent, fine.measured.probed.lost) == (60, 6)
            assert (fine.measured.probed.rtt_min_us, fine.measured.probed.rtt_max_us) == (40_000, 49_500)
            assert (fine.measured.probed.rtt_typical_us, fine.measured.probed.jitter_us) == (41_000, 250)
            assert dark.measured is not None
            assert dark.measured.dark_ms == 1500
            gap = minutes[START_S + 480]
            assert (gap.for_s, gap.measured, gap.unmeasured_s) == (300, None, 300)
            assert gap.promised == fine.promised
            later = minutes[START_S + 16 * 60].promised
            assert later is not None
            assert later.rate_kbps == 4_000_000
            # A minute in which it was watched for a part only says so.
            back = minutes[START_S + 13 * 60].measured
            assert back is not None
            assert back.watched_ms == 50_000
            assert check([entry], holds).gaps_s == 300 + 2 * 10  # and the ends of what was watched

    asyncio.run(story())


def test_who_leads_next_goes_on_where_the_chain_ends_and_the_pause_is_in_it() -> None:
    async def story() -> None:
        with world() as it:
            sealing = it.sealing(600)
            it.pass_by(11)
            await sealing.seal()
            it.pass_by(25, watched=False)
            it.pass_by(6)
            it.signer = Signer(new_key())
            another = it.sealing(600)
            while await another.seal():
                pass
            entries = it.entries()
            verdict = check(entries, holds)
            assert verdict.whole, verdict.wrong
            assert len(verdict.keys) == 2
            assert entries[-1].until_s == START_S + 4 * 600
            assert verdict.gaps_s == 25 * 60 + 2 * 10
            # Who believes to lead still and does not know of the newest entry adds nothing.
            it.now_s += 600
            with pytest.raises(Unavailable):
                await sealing.seal()
            assert it.entries() == entries

    asyncio.run(story())


def test_what_was_measured_before_the_first_entry_is_in_it_however_long_nobody_led() -> None:
    async def story() -> None:
        with world() as it:
            it.pass_by(50, dark_s=1.0)
            it.pass_by(5 * 60, watched=False)
            it.pass_by(10)
            it.now_s += GRACE_S
            sealing = it.sealing(3600)
            while await sealing.seal():
                pass
            verdict = check(it.entries(), holds)
            assert verdict.whole, verdict.wrong
            assert (verdict.first, verdict.from_s, verdict.until_s) == (1, START_S, START_S + 6 * 3600)
            assert verdict.gaps_s == 5 * 3600 + 2 * 10
            intervals = [one for entry in it.entries() for one in body_of(entry.doc).intervals]
            # The first sample has none before it.
            assert sum(one.measured.dark_ms for one in intervals if one.measured is not None) == 49_833

    asyncio.run(story())


def test_an_outage_while_nobody_led_is_in_the_proof_and_fills_no_minute() -> None:
    async def story() -> None:
        with world() as it:
            sealing = it.sealing(600)
            it.pass_by(11)
            await sealing.seal()
            it.lost = 4000.0
            it.pass_by(15, watched=False, dark_s=3.0)  # 45 s in all, begun and over while nobody looks
            it.telemetry = again(it.telemetry)
            it.pass_by(6)
            another = it.sealing(600)
            while await another.seal():
                pass
            entries = it.entries()
            verdict = check(entries, holds)
            assert verdict.whole, verdict.wrong
            assert verdict.gaps_s == 15 * 60 + 2 * 10
            intervals = {one.at_s: one for entry in entries for one in body_of(entry.doc).intervals}
            # From the last sample before to the first one after, told where it ended.
            known = Unwatched(for_ms=910_000, lost_bytes=4000, dark_ms=45_000)
            assert {at_s: one.unwatched for at_s, one in intervals.items() if one.unwatched} == {
                START_S + 26 * 60: known
            }
            assert verdict.unwatched == known
            assert all(one.measured is None for at_s, one in intervals.items() if 11 <= (at_s - START_S) / 60 < 26)
            after = intervals[START_S + 26 * 60].measured
            assert after is not None
            assert (after.dark_ms, after.lost_bytes, after.watched_ms) == (0, 0, 50_000)

    asyncio.run(story())


def unsound(it: World) -> list[str]:
    """What is wrong with the chain: an interval twice, or of a time to come, and all that verify finds."""
    entries = it.entries()
    bodies = [body_of(one.doc) for one in entries]
    sealed = [minute for body in bodies for minute in range(body.from_s, body.until_s, 60)]
    wrong = list(check(entries, holds).wrong)
    wrong += ["sealed twice"] if len(set(sealed)) < len(sealed) else []
    return wrong + (["of a time to come"] if bodies and bodies[-1].until_s > it.now_s else [])


def test_a_clock_that_jumps_ahead_and_back_seals_nothing_of_a_time_to_come() -> None:
    async def story() -> None:
        with world() as it:
            sealing = it.sealing(600)
            it.pass_by(11)
            assert await sealing.seal() == 1
            it.set_clock(10 * 86_400)
            for _ in range(3):
                assert await sealing.seal() == 0
                it.pass_by(1)
            it.set_clock(-10 * 86_400)
            assert not unsound(it)
            it.pass_by(18)
            while await sealing.seal():
                pass
            assert not unsound(it)
            # What was measured meanwhile bears other times: here it is a gap.
            verdict = check(it.entries(), holds)
            assert (verdict.until_s, verdict.entries) == (START_S + 1800, 2)
            assert verdict.gaps_s == 3 * 60 + 2 * 10

    asyncio.run(story())


def test_while_a_clock_that_jumped_ahead_is_not_believed_what_is_due_is_sealed() -> None:
    async def story() -> None:
        with world() as it:
            sealing = it.sealing(300)
            it.pass_by(4)
            assert await sealing.seal() == 0
            it.set_clock(86_400)
            assert await sealing.seal() == 0
            it.pass_by(2)
            assert await sealing.seal() == 1
            assert it.entries()[-1].until_s == START_S + 300
            it.pass_by(7)
            assert await sealing.seal() == 1
            assert it.entries()[-1].until_s == START_S + 600
            # It stays: now that is what time it is, and the day that nobody saw is a gap.
            it.pass_by(3)
            while await sealing.seal():
                pass
            assert not unsound(it)
            assert it.entries()[-1].until_s == START_S + 86_400 + 15 * 60

    asyncio.run(story())


def test_a_clock_that_is_set_back_seals_no_minute_twice_and_goes_on() -> None:
    async def story() -> None:
        with world() as it:
            sealing = it.sealing(600)
            it.pass_by(21)
            while await sealing.seal():
                pass
            before = it.entries()
            it.set_clock(-1200)
            it.pass_by(20)
            assert await sealing.seal() == 0
            assert it.entries() == before
            it.pass_by(10)
            while await sealing.seal():
                pass
            assert not unsound(it)
            assert it.entries()[: len(before)] == before
            assert it.entries()[-1].until_s == START_S + 1800

    asyncio.run(story())


def test_a_minute_that_the_clock_was_in_twice_is_a_gap_and_its_loss_is_told() -> None:
    async def story() -> None:
        with world() as it:
            sealing = it.sealing(600)
            it.pass_by(3)
            it.set_clock(-120)
            it.pass_by(9, dark_s=6.0)
            it.now_s += GRACE_S
            assert await sealing.seal() == 1
            assert not unsound(it)
            (entry,) = it.entries()
            minutes = {one.at_s: one for one in body_of(entry.doc).intervals}
            twice = [minutes[START_S + 60], minutes[START_S + 120]]
            assert [one.measured for one in twice] == [None, None]
            known = [one.unwatched for one in twice if one.unwatched is not None]
            assert [one.for_ms for one in known] == [110_000, 120_000]
            assert sum(one.dark_ms or 0 for one in known) == 11_000
            assert minutes[START_S + 180].measured is not None

    asyncio.run(story())


def again(telemetry: Kept) -> Kept:
    """What the next process has of it."""
    telemetry.store.close()
    telemetry.store._open()
    return Kept(telemetry.store)


def test_one_that_ended_is_sealed_to_its_last_minute_and_then_let_go_of() -> None:
    async def story() -> None:
        with world() as it:
            sealing = it.sealing(600)
            it.pass_by(12)
            await sealing.seal()
            ended = replace(it.services.pop(NAME), state=State.TERMINATED, ended_s=it.now_s - 30)
            it.store.commit(Commit(services=[ended]))
            await sealing.seal()
            it.now_s += 120
            await sealing.seal()
            entries = it.entries()
            assert [one.until_s for one in entries] == [START_S + 600, START_S + 720]
            assert check(entries, holds).whole
            assert not sealing._known

    asyncio.run(story())


def test_one_that_ended_just_before_its_leader_died_is_sealed_by_who_leads_next() -> None:
    async def story() -> None:
        with world() as it:
            sealing = it.sealing(600)
            it.pass_by(12)
            await sealing.seal()
            ended = replace(it.services.pop(NAME), state=State.TERMINATED, ended_s=it.now_s - 30)
            it.store.commit(Commit(services=[ended]))
            it.now_s += 2 * 3600
            another = it.sealing(600)
            while await another.seal():
                pass
            entries = it.entries()
            assert [one.until_s for one in entries] == [START_S + 600, START_S + 720]
            verdict = check(entries, holds)
            assert verdict.whole
            assert verdict.gaps_s == 10
            assert not another._known

    asyncio.run(story())


def test_one_that_lived_shorter_than_an_entry_is_sealed_by_who_leads_next() -> None:
    async def story() -> None:
        with world() as it:
            it.pass_by(12)
            ended = replace(it.services.pop(NAME), state=State.TERMINATED, ended_s=it.now_s)
            it.store.commit(Commit(services=[ended]))
            it.now_s += 3 * 3600
            another = it.sealing(3600)
            while await another.seal():
                pass
            assert [(one.from_s, one.until_s) for one in it.entries()] == [(START_S, START_S + 720)]
            assert not another._known

    asyncio.run(story())
