"""What is free hour by hour, over a controller: others are let in between, and nothing is touched."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from highroad.control.capacity import HOUR_S, Capacity
from highroad.errors import Invalid
from highroad.planning.free import Question
from tests.support.country import ACME, OTHER, country, request
from tests.unit.control.rig import rig
from tests.unit.planning.ground import NOW_S


def test_hours_are_told_and_the_best_stretch_is_one_order() -> None:
    """Two ways, each full in the other's hours: every hour has room, and no order over both has."""

    async def run() -> None:
        async with rig() as here:
            first = NOW_S // HOUR_S * HOUR_S + HOUR_S
            ends: dict[str, Any] = {"a": "west", "b": "east", "tenant": OTHER}
            await here.order(100.0, **ends, start_s=first, end_s=first + HOUR_S, bound_ms=5.5)
            before = dict((await here.book()).services)
            question = Question(a="west", b="east", tenant=OTHER, max_paths=1)
            found = await here.run(here.controller.capacity(question, hours=4))
            assert [one.mbps for one in found.hours] == [100_000] * 4
            assert found.hours[0].window.start_s == pytest.approx(NOW_S, abs=5.0)
            assert [one.window.start_s for one in found.hours[1:]] == [first + HOUR_S * at for at in range(3)]
            quick = await here.run(
                here.controller.capacity(Question(a="west", b="east", tenant=OTHER, latency_bound_ms=6.0), hours=4)
            )
            assert [one.mbps for one in quick.hours] == [100_000, 0, 100_000, 100_000]
            assert quick.best is not None
            assert (quick.best.window.start_s, quick.best.window.end_s) == (first + HOUR_S, first + 3 * HOUR_S)
            assert dict((await here.book()).services) == before
            await here.order(100.0, **ends, start_s=first + HOUR_S, end_s=first + 2 * HOUR_S, fence=("US",))
            south = await here.run(here.controller.capacity(question, start_s=first, hours=2))
            assert [one.mbps for one in south.hours] == [100_000] * 2
            assert south.best is not None
            assert south.best.window.until_s - south.best.window.start_s == HOUR_S
            service, _ = await here.run(
                here.controller.order(
                    request(100.0, **ends, start_s=south.best.window.start_s, end_s=south.best.window.end_s)
                )
            )
            assert service.placement is not None

    asyncio.run(run())


def test_the_best_stretch_is_looked_for_where_no_order_fits_all_hours() -> None:
    """By the north 100, 0, 70, 70 Gbit/s are free, by the south 0, 70, 0, 0: best are the last two hours."""

    async def run() -> None:
        async with rig() as here:
            first = NOW_S // HOUR_S * HOUR_S + HOUR_S

            async def take(rate: float, hour: int, *, south: bool) -> None:
                start = first + HOUR_S * hour
                way: dict[str, Any] = {"fence": ("US",)} if south else {"bound_ms": 5.5}
                await here.order(rate, tenant=OTHER, a="west", b="east", start_s=start, end_s=start + HOUR_S, **way)

            for hour, north, south in ((0, 0, 100), (1, 100, 30), (2, 30, 100), (3, 30, 100)):
                for rate, by_south in ((north, False), (south, True)):
                    if rate:
                        await take(rate, hour, south=by_south)
            question = Question(a="west", b="east", max_paths=1)
            found = await here.run(here.controller.capacity(question, start_s=first, hours=4))
            assert [one.mbps for one in found.hours] == [100_000, 70_000, 70_000, 70_000]
            assert found.best is not None
            assert found.best.mbps == 70_000
            assert (found.best.window.start_s, found.best.window.end_s) == (first + 2 * HOUR_S, first + 4 * HOUR_S)

    asyncio.run(run())


def test_an_order_that_comes_between_is_seen() -> None:
    async def run() -> None:
        async with rig(country()) as here:
            question = Question(a="campus", b="cloud", tenant=ACME, max_paths=1)
            asked: asyncio.Future[Capacity] = asyncio.ensure_future(here.controller.capacity(question, hours=100))
            await asyncio.sleep(0)
            await here.order(40.0, settle=False)
            found = await here.run(asked)
            rates = [one.mbps for one in found.hours]
            assert rates[0] in (100_000, 60_000)
            assert rates[-1] == 60_000

    asyncio.run(run())


def test_what_is_asked_is_judged() -> None:
    async def run() -> None:
        async with rig() as here:
            wrongs: tuple[dict[str, Any], ...] = ({"hours": 0}, {"hours": 745}, {"start_s": NOW_S - 2 * HOUR_S})
            for wrong in wrongs:
                with pytest.raises(Invalid):
                    await here.run(here.controller.capacity(Question(a="campus", b="cloud"), **wrong))

    asyncio.run(run())
