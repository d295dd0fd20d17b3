"""Virtual time moves only when told, and wakes everybody in one order."""

from __future__ import annotations

import asyncio
import time

import pytest

from highroad.fabric.clock import SteadyClock, SystemClock, VirtualClock


def test_sleepers_wake_in_order_each_at_its_time() -> None:
    async def scene() -> list[tuple[str, float]]:
        clock, seen = VirtualClock(100.0), list[tuple[str, float]]()

        async def sleeper(name: str, *naps: float) -> None:
            for nap in naps:
                await clock.sleep(nap)
                seen.append((name, clock.now_s()))

        async with asyncio.TaskGroup() as group:
            for name, naps in (("a", (3.0, 1.0)), ("b", (1.0, 1.0, 2.0)), ("c", (3.0,))):
                group.create_task(sleeper(name, *naps))
            await clock.advance(2.5)
            seen.append(("half", clock.now_s()))
            await clock.advance(2.5)
        return seen

    expected = [
        ("b", 101.0), ("b", 102.0), ("half", 102.5), ("a", 103.0), ("c", 103.0), ("b", 104.0), ("a", 104.0),
    ]  # fmt: skip
    assert asyncio.run(scene()) == expected


def test_all_that_one_sets_off_is_done_before_another_wakes() -> None:
    """However many turns of the event loop that takes, in tasks of their own too."""

    async def scene() -> list[str]:
        clock, seen = VirtualClock(), list[str]()

        async def on(left: int) -> None:
            await asyncio.sleep(0)
            if left:
                await asyncio.create_task(on(left - 1))
            else:
                seen.append("set off")

        async def first() -> None:
            await clock.sleep(1.0)
            seen.append("first")
            following.append(asyncio.create_task(on(15)))

        async def second() -> None:
            await clock.sleep(1.0)
            seen.append("second")

        following: list[asyncio.Task[None]] = []
        sleeping = [asyncio.create_task(one()) for one in (first, second)]
        await clock.advance(2.0)
        await asyncio.gather(*sleeping, *following)
        return seen

    assert asyncio.run(scene()) == ["first", "set off", "second"]


def test_run_lets_time_pass_until_the_work_is_done() -> None:
    async def scene() -> tuple[str, float]:
        clock = VirtualClock()

        async def work() -> str:
            await clock.sleep(5.0)
            await asyncio.to_thread(time.sleep, 0.01)
            await clock.sleep(2.0)
            return "done"

        return await clock.run(work()), clock.now_s()

    assert asyncio.run(scene()) == ("done", 7.0)


def test_run_raises_what_the_work_raises() -> None:
    async def scene() -> None:
        clock = VirtualClock()

        async def work() -> None:
            await clock.sleep(1.0)
            raise LookupError

        await clock.run(work())

    with pytest.raises(LookupError):
        asyncio.run(scene())


def test_a_cancelled_sleeper_does_not_hold_up_the_others() -> None:
    async def scene() -> float:
        clock = VirtualClock()
        early = asyncio.create_task(clock.sleep(1.0))
        late = asyncio.create_task(clock.sleep(2.0))
        await asyncio.sleep(0)
        early.cancel()
        await clock.advance(3.0)
        await late
        return clock.now_s()

    assert asyncio.run(scene()) == 3.0


def test_the_system_clock_is_utc_and_passes() -> None:
    async def scene() -> float:
        clock = SystemClock()
        before = clock.now_s()
        assert abs(before - time.time()) < 1.0
        await clock.sleep(0.01)
        await clock.sleep(-1.0)
        return clock.now_s() - before

    assert asyncio.run(scene()) >= 0.009


class Set(SystemClock):
    """A clock that somebody sets."""

    now = 1000.0

    def now_s(self) -> float:
        return self.now


def test_time_that_was_set_back_goes_on_from_where_it_was() -> None:
    clock, counted = Set(), [5.0]
    steady = SteadyClock(clock, lambda: counted[0])
    assert steady.now_s() == 1000.0
    clock.now, counted[0] = 1010.0, 15.0
    assert steady.now_s() == 1010.0
    clock.now, counted[0] = -2590.0, 16.5
    assert steady.now_s() == 1011.5
    assert steady.now_s() == 1011.5
    clock.now, counted[0] = -2588.0, 18.5
    assert steady.now_s() == 1013.5
    clock.now, counted[0] = 4610.0, 19.0
    assert steady.now_s() == 4610.0
    steady.begin_at(5000.0)
    counted[0] = 20.0
    assert steady.now_s() == 5001.0
