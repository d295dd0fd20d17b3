"""The twin in time: durable before it answers, noticing by itself, back after kill -9 as it was."""

from __future__ import annotations

import asyncio
import shutil
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from highroad.errors import Unavailable
from highroad.fabric.clock import SystemClock, VirtualClock
from highroad.fabric.twin.journal import Journal
from highroad.fabric.twin.twin import Twin
from highroad.model.network import FibreId
from highroad.model.service import ServiceId
from highroad.ports import Fabric, Install, Lab, Replace, Sample, Withdraw
from tests.unit.fabric.small import START_S, backbone, policy

SQUARE = backbone("a-b", "b-d", "a-c", "c-d")
S = ServiceId("s")
BD = FibreId("b-d")

Scene = Callable[[Twin, VirtualClock], Awaitable[None]]


def play(scene: Scene, *, journal: Path | None = None, start_s: float = START_S) -> None:
    async def on_stage() -> None:
        clock = VirtualClock(start_s)
        twin = Twin(SQUARE, clock, seed=2, journal=journal)
        try:
            await scene(twin, clock)
        finally:
            await twin.aclose()
            await twin.aclose()

    asyncio.run(on_stage())


def test_it_is_a_fabric_and_a_lab() -> None:
    async def scene(twin: Twin, clock: VirtualClock) -> None:
        fabric: Fabric = twin
        lab: Lab = twin
        assert (await fabric.read()).policies == {}
        assert await lab.cuts() == {}

    play(scene)


def test_a_change_takes_hold_after_its_time_and_then_confirms() -> None:
    async def scene(twin: Twin, clock: VirtualClock) -> None:
        applying = asyncio.create_task(_apply(twin))
        await clock.advance(0.0005)
        assert (await twin.read()).policies == {}
        assert not applying.done()
        await clock.advance(0.0006)
        assert applying.done()
        assert list((await twin.read()).policies) == [S]

    async def _apply(twin: Twin) -> None:
        await twin.apply([Install(policy=policy("s", "a>b>d"))])

    play(scene)


def test_every_watcher_hears_of_a_cut_and_of_a_splice_when_each_is_noticed() -> None:
    async def scene(twin: Twin, clock: VirtualClock) -> None:
        heard: list[tuple[int, float, list[FibreId]]] = []

        async def watch(number: int) -> None:
            async for _ in twin.changes():
                down = list((await twin.read()).down_since_s)
                heard.append((number, clock.now_s() - START_S, down))

        watchers = [asyncio.create_task(watch(number)) for number in range(2)]
        await clock.advance(1.0)
        await twin.cut(BD)
        await clock.advance(1.0)
        await twin.uncut(BD)
        await clock.advance(1.0)
        assert [(number, down) for number, _, down in heard] == [(0, [BD]), (1, [BD]), (0, []), (1, [])]
        assert [at_s for _, at_s, _ in heard] == pytest.approx([1.015, 1.015, 2.05, 2.05], abs=1e-6)
        await twin.aclose()
        await asyncio.wait_for(asyncio.gather(*watchers), 1.0)

    play(scene)


def test_nothing_falls_between_asking_for_changes_and_waiting_for_them() -> None:
    async def scene(twin: Twin, clock: VirtualClock) -> None:
        changes = twin.changes()
        await twin.cut(BD)
        await twin.cut(FibreId("a-b"))
        await clock.advance(1.0)
        await asyncio.wait_for(anext(changes), 1.0)
        waiting = asyncio.ensure_future(anext(changes))
        await clock.advance(1.0)
        assert not waiting.done()
        await twin.aclose()
        with pytest.raises(StopAsyncIteration):
            await waiting

    play(scene)


def test_what_fell_due_while_it_was_away_is_noticed_at_once_and_the_rest_in_time(tmp_path: Path) -> None:
    async def before(twin: Twin, clock: VirtualClock) -> None:
        await clock.run(twin.apply([Install(policy=policy("s", "a>b>d"))]))
        await twin.cut(FibreId("a-b"))
        await clock.advance(0.010)
        await twin.cut(BD)

    async def after(twin: Twin, clock: VirtualClock) -> None:
        changes = twin.changes()
        assert list((await twin.read()).down_since_s) == ["a-b"]
        await clock.advance(0.5)
        await asyncio.wait_for(anext(changes), 1.0)
        assert list((await twin.read()).down_since_s) == ["a-b", "b-d"]

    play(before, journal=tmp_path / "plant.db")
    play(after, journal=tmp_path / "plant.db", start_s=START_S + 0.020)


def test_another_network_is_adopted_after_the_gap_was_carried_over_the_old_one(tmp_path: Path) -> None:
    async def scene() -> None:
        clock = VirtualClock(START_S)
        twin = Twin(SQUARE, clock, journal=tmp_path / "plant.db", apply_ms=0.0)
        await twin.apply([Install(policy=policy("s", "a>b>d"))])
        await twin.offer(S, 5.0)
        await twin.aclose()
        await clock.advance(10.0)
        twin = Twin(backbone("a-b", "a-c"), clock, journal=tmp_path / "plant.db")
        now = (await twin.sample()).services[S]
        assert now.dark_s == 0.0
        assert now.carried_bytes == pytest.approx(2 * 5.0 * 10.0 * 1e9 / 8)
        assert now.carried_gbps_there == 0.0
        await clock.advance(1.0)
        assert (await twin.sample()).services[S].dark_s == 1.0
        await twin.aclose()

    asyncio.run(scene())


def test_changes_of_policies_are_made_again_each_at_its_time(tmp_path: Path) -> None:
    """Whoever takes over finds what was only noted, and what was carried in between."""

    async def scene() -> None:
        clock = VirtualClock(START_S)
        file = tmp_path / "here" / "plant.db"
        twin = Twin(SQUARE, clock, journal=file)
        await clock.run(twin.apply([Install(policy=policy("s", "a>b>d")), Install(policy=policy("t", "a>c"))]))
        await clock.advance(0.5)
        await twin.cut(FibreId("a-c"))
        await clock.advance(0.3)
        await clock.run(twin.apply([Replace(policy=policy("s", "a>c>d")), Withdraw(service=ServiceId("t"))]))
        await clock.advance(0.2)
        await clock.run(twin.apply([Replace(policy=policy("s", "a>b>d")), Install(policy=policy("u", "a>b"))]))
        await clock.advance(0.7)
        shutil.copytree(file.parent, tmp_path / "there")
        other = Twin(SQUARE, clock, journal=tmp_path / "there" / file.name)
        assert (await other.read()).policies == (await twin.read()).policies
        assert await other.cuts() == await twin.cuts()
        one, two = await twin.sample(), await other.sample()
        assert two.services[S].dark_s == pytest.approx(one.services[S].dark_s, abs=1e-6)
        assert 0.2 < one.services[S].dark_s < 0.21
        for service in (S, ServiceId("u")):
            assert two.services[service].carried_bytes == pytest.approx(one.services[service].carried_bytes, rel=1e-9)
        await twin.aclose()
        await other.aclose()

    asyncio.run(scene())


def test_what_could_not_be_written_has_not_happened(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise Unavailable("the disk is full")

    async def scene(twin: Twin, clock: VirtualClock) -> None:
        await clock.run(twin.apply([Install(policy=policy("s", "a>b>d"))]))
        await clock.advance(2.0)
        before = await twin.sample()
        with monkeypatch.context() as broken:
            broken.setattr(Journal, "write", full)
            broken.setattr(Journal, "note", full)
            with pytest.raises(Unavailable):
                await clock.run(twin.apply([Withdraw(service=S)]))
            with pytest.raises(Unavailable):
                await twin.cut(BD)
        assert list((await twin.read()).policies) == [S]
        assert await twin.cuts() == {}
        after = (await twin.sample()).services[S]
        assert after.carried_bytes >= before.services[S].carried_bytes
        assert after.lost_bytes == 0.0

    play(scene)


def test_two_runs_in_virtual_time_are_the_same_to_the_bit() -> None:
    async def run() -> list[Sample]:
        clock = VirtualClock(START_S)
        twin = Twin(SQUARE, clock, seed=9)
        samples: list[Sample] = []

        async def sampler() -> None:
            while True:
                await clock.sleep(0.7)
                samples.append(await twin.sample())

        async def healer() -> None:
            async for _ in twin.changes():
                down = (await twin.read()).down_since_s
                await twin.apply([Replace(policy=policy("s", "a>c>d" if BD in down else "a>b>d"))])

        tasks = [asyncio.create_task(sampler()), asyncio.create_task(healer())]
        await clock.run(twin.apply([Install(policy=policy("s", "a>b>d"))]))
        await clock.advance(5.0)
        await twin.cut(BD)
        await clock.advance(5.0)
        await twin.uncut(BD)
        await clock.advance(5.0)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await twin.aclose()
        return samples

    first, second = asyncio.run(run()), asyncio.run(run())
    assert first == second
    assert len(first) == 21
    assert first[-1].services[S].dark_s == pytest.approx(0.016, abs=1e-5)


KILLED = """
import asyncio, sys
from pathlib import Path
from highroad.fabric.clock import SystemClock
from highroad.fabric.twin.twin import Twin
from highroad.model.network import FibreId
from highroad.model.service import ServiceId
from highroad.ports import Install
from tests.unit.fabric.small import backbone, policy

async def main() -> None:
    twin = Twin(backbone("a-b", "b-d", "a-c", "c-d"), SystemClock(), journal=Path(sys.argv[1]))
    for number in range(1000):
        await twin.apply([Install(policy=policy(f"s-{number}", "a>b>d", gbps=0.01))])
        await twin.offer(ServiceId(f"s-{number}"), 0.005)
        if number == 5:
            await twin.cut(FibreId("a-b"))
            print("cut", *(await twin.cuts()).values(), flush=True)
        print(number, flush=True)

asyncio.run(main())
"""


@pytest.mark.process
def test_kill_9_at_any_instant_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    file = tmp_path / "plant.db"
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(file)],
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": ":".join(sys.path), "PATH": ""},
    )
    assert process.stdout is not None
    acknowledged: list[str] = []
    for line in process.stdout:
        acknowledged.append(line.split()[0])
        if line.startswith("cut"):
            cut_s = float(line.split()[1])
        if acknowledged[-1] == "60":
            process.send_signal(signal.SIGKILL)
            break
    acknowledged += [line.split()[0] for line in process.stdout if line.endswith("\n")]
    process.stdout.close()
    assert process.wait() == -signal.SIGKILL

    async def after() -> None:
        clock = SystemClock()
        twin = Twin(SQUARE, clock, journal=file)
        observed, sample = await twin.read(), await twin.sample()
        told = {f"s-{number}" for number in acknowledged if number != "cut"}
        assert told <= set(observed.policies)
        assert len(observed.policies) <= len(told) + 1
        assert await twin.cuts() == {FibreId("a-b"): cut_s}
        assert observed.down_since_s == {FibreId("a-b"): cut_s + 0.015}
        first = sample.services[ServiceId("s-0")]
        assert first.dark_s == pytest.approx(sample.at_s - cut_s, abs=1e-5)
        assert first.lost_bytes == pytest.approx(2 * 0.005 * first.dark_s * 1e9 / 8, rel=1e-6)
        await twin.aclose()

    asyncio.run(after())


class Set(SystemClock):
    """The machine's clock, and by how much somebody has set it."""

    by_s = 0.0

    def now_s(self) -> float:
        return super().now_s() + self.by_s


def test_a_cut_is_noticed_at_its_time_though_the_clock_was_set_back_by_an_hour(tmp_path: Path) -> None:
    async def noticed(twin: Twin) -> bool:
        for _ in range(100):
            if BD in (await twin.read()).down_since_s:
                return True
            await asyncio.sleep(0.02)
        return False

    async def story() -> None:
        clock = Set()
        twin = Twin(SQUARE, clock, journal=tmp_path / "twin")
        clock.by_s = -3600.0
        await twin.cut(BD)
        assert await noticed(twin)
        await twin.uncut(BD)
        await twin.aclose()
        clock.by_s = -7200.0
        again = Twin(SQUARE, clock, journal=tmp_path / "twin")
        await again.cut(BD)
        assert await noticed(again)
        await again.aclose()

    asyncio.run(story())
