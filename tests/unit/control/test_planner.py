"""The planner when the store fails: nobody got a yes, and nothing of it is left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from highroad.errors import Unavailable
from highroad.ports import Commit, EventRecord
from highroad.storage.store import SqlStore
from tests.support.country import request
from tests.unit.control.rig import carried, rig


class Failing(SqlStore):
    """A store whose disk is full whenever it is told so."""

    full = False

    def commit(self, commit: Commit) -> Sequence[EventRecord]:
        if self.full:
            raise Unavailable("nothing was written: disk full")
        return super().commit(commit)


def test_a_full_disk_refuses_everyone_and_forgets_what_was_drafted() -> None:
    async def story() -> None:
        store = Failing(":memory:")
        async with rig(store=store) as here:
            kept = await here.order(60.0)
            store.full = True
            orders: list[Any] = [here.controller.order(request(10.0)) for _ in range(3)]
            answers = await here.run(asyncio.gather(*orders, return_exceptions=True))
            assert [type(answer) for answer in answers] == [Unavailable] * 3
            assert list((await here.book()).services) == [kept.id]
            assert (await here.book()).ground.calendar.at("west>east", here.clock.now_s()) == 60_000
            store.full = False
            again = await here.order(40.0, bound_ms=9.0)
            assert carried(again) == carried(await here.now(kept.id))
            assert set((await here.run(here.twin.read())).policies) == {kept.id, again.id}
        store.close()

    asyncio.run(story())


def test_a_failure_during_repair_is_made_good_when_the_disk_is_back() -> None:
    async def story() -> None:
        store = Failing(":memory:")
        async with rig(store=store) as here:
            service = await here.order(60.0)
            store.full = True
            await here.cut("west--east")
            assert carried(await here.now(service.id)) == ("campus>west", "west>east", "east>cloud")
            store.full = False
            await here.pass_s(2.0)
            assert carried(await here.now(service.id))[1] == "west>south"
        store.close()

    asyncio.run(story())


def test_a_decision_that_breaks_half_way_takes_nothing_with_it() -> None:
    async def story() -> None:
        async with rig() as here:
            planner = here.controller._planner

            def broken(draft: Any) -> None:
                draft.tell("half", "way")
                draft.book.services.clear()
                raise ZeroDivisionError

            kept = await here.order(10.0)
            with pytest.raises(ZeroDivisionError):
                await here.run(planner.submit(broken))
            assert list((await here.book()).services) == [kept.id]
            assert [one.kind for one in here.store.events(after=0, limit=999, operator=True)].count("half") == 0

    asyncio.run(story())


def test_a_decision_that_breaks_off_takes_none_of_its_batch_with_it() -> None:
    async def story() -> None:
        async with rig() as here:
            planner = here.controller._planner

            def broken(draft: Any) -> None:
                draft.tell("half", "way")
                draft.book.services.clear()
                raise ZeroDivisionError

            def at_once(_: Any) -> None:
                raise ZeroDivisionError

            works: list[Any] = []
            for bad in (broken, at_once, broken):
                works += [here.controller.order(request(5.0)), planner.submit(bad), here.controller.order(request(5.0))]
            answers = await here.run(asyncio.gather(*works, return_exceptions=True))
            assert [isinstance(one, ZeroDivisionError) for one in answers] == [False, True, False] * 3
            made = {service.id for service, _ in (one for one in answers if isinstance(one, tuple))}
            assert len(made) == 6
            assert set((await here.book()).services) == made
            assert {one.id for one in here.store.load().services} == made

    asyncio.run(story())


def test_who_comes_when_too_many_wait_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("highroad.control.planner.WAITING", 2)

    async def story() -> None:
        async with rig() as here:
            orders: list[Any] = [here.controller.order(request(1.0)) for _ in range(10)]
            answers = await here.run(asyncio.gather(*orders, return_exceptions=True))
            assert sum(isinstance(answer, Unavailable) for answer in answers) == 8
            assert len((await here.book()).services) == 2

    asyncio.run(story())


def test_who_is_answered_reads_the_book_before_the_next_batch_has_it() -> None:
    async def story() -> None:
        async with rig() as here:
            planner = here.controller._planner
            writing = asyncio.Event()

            async def slowly(work: Callable[..., Any], *args: Any) -> Any:
                writing.set()
                for _ in range(5):
                    await asyncio.sleep(0)
                return work(*args)

            async def ordered(gbps: float) -> set[str]:
                service, _ = await here.controller.order(request(gbps))
                return {service.id, *(await here.controller.settled()).services}

            planner._execute = slowly
            first = asyncio.create_task(ordered(1.0))
            await writing.wait()
            second = asyncio.create_task(ordered(2.0))
            assert await here.run(first) == {"svc-001"}
            assert await here.run(second) == {"svc-001", "svc-002"}

    asyncio.run(story())
