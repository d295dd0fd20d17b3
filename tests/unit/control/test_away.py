"""The store is away: what is known stays readable, whoever wants something is told so, and it goes on by itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from highroad.control import planner as planning
from highroad.control.commands import AddPort
from highroad.control.order import Idempotency
from highroad.control.planner import Hangs
from highroad.errors import Unavailable
from highroad.model.lifecycle import State
from highroad.model.network import SiteId
from highroad.model.service import Port, PortId, Service, ServiceId, TenantId
from highroad.ports import Commit, EventRecord, Snapshot
from highroad.storage.store import SqlStore
from tests.support.country import request
from tests.support.stores import in_memory
from tests.unit.control.recount import assert_recounted
from tests.unit.control.rig import Rig, rig


class Away(SqlStore):
    """A store that is neither written nor read while it is away; `after_all` writes and says that it did not."""

    away = False
    after_all = False

    def commit(self, commit: Commit) -> Sequence[EventRecord]:
        if self.after_all:
            super().commit(commit)
            self.after_all = False
            self.away = True
        self._there()
        return super().commit(commit)

    def load(self) -> Snapshot:
        self._there()
        return super().load()

    def probe(self) -> None:
        self._there()
        super().probe()

    def _there(self) -> None:
        if self.away:
            raise Unavailable("there is no database")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(planning, "AGAIN_S", 0.01)
    monkeypatch.setattr(planning, "PATIENCE_S", 0.1)


async def back(here: Rig) -> None:
    """Until the store is there again."""
    returning = here.controller._planner._returning
    if returning is not None:
        await returning
    await here.pass_s(2.0)


def test_readers_go_on_and_orders_are_told_to_come_again_until_it_is_back() -> None:
    async def story() -> None:
        store = Away(":memory:")
        async with rig(store=store) as here:
            kept = await here.order(60.0)
            store.away = True
            for _ in range(3):
                with pytest.raises(Unavailable):
                    await here.run(here.controller.order(request(10.0)))
                assert here.controller._planner.away
                assert list((await here.book()).services) == [kept.id]
                assert (await here.book()).ground.calendar.at("west>east", here.clock.now_s()) == 60_000
            await here.cut("west--east", settle_s=3.0)
            assert (await here.now(kept.id)).placement == kept.placement
            assert_recounted(await here.book(), here.clock.now_s())
            store.away = False
            await back(here)
            moved = await here.now(kept.id)
            assert (moved.state, moved.away) == (State.ACTIVE, True)
            assert (await here.order(5.0)).state is State.ACTIVE
            assert_recounted(await here.book(), here.clock.now_s())
        store.close()

    asyncio.run(story())


def test_everything_is_as_it_was_before_the_batch_whatever_it_changed() -> None:
    async def story() -> None:
        store = Away(":memory:")
        async with rig(store=store) as here:
            await here.order(60.0)
            before = store.load()
            store.away = True
            port = Port(id=PortId("p"), tenant=TenantId("acme"), site=SiteId("west"), rate_gbps=1.0)
            works: list[Any] = [
                here.controller.order(request(10.0)),
                here.controller.release(ServiceId("svc-001"), tenant=None),
                here.controller.do(AddPort(port=port)),
                here.controller.issue_token(tenant=None, label="one"),
                here.controller.drain("west--east"),
                here.controller.freeze("for a while"),
            ]
            answers = await here.run(asyncio.gather(*works, return_exceptions=True))
            assert [isinstance(one, Unavailable) for one in answers] == [True] * len(works)
            book = await here.book()
            assert dict(book.services) == {one.id: one for one in before.services}
            assert list(book.ports.values()) == list(before.ports)
            assert list(book.tokens.values()) == list(before.tokens)
            assert (book.freeze, book.maintenances, book.incidents) == (None, {}, {})
            assert (book.revision, book.last_sequence) == (before.network_revision, before.last_sequence)
            store.away = False
            await back(here)
        store.close()

    asyncio.run(story())


def test_what_was_written_after_all_is_known_and_heard_of_once_the_store_is_back() -> None:
    async def story() -> None:
        store = Away(":memory:")
        async with rig(store=store) as here:
            heard: list[int] = []
            published = here.controller._planner._published

            def hear(events: Sequence[EventRecord]) -> None:
                heard.extend(event.sequence for event in events)
                published(events)

            here.controller._planner._published = hear
            before = store.load().last_sequence
            store.after_all = True
            with pytest.raises(Unavailable):
                await here.run(here.controller.order(request(10.0)))
            assert (await here.book()).services == {}
            store.away = False
            await back(here)
            assert [one.state for one in (await here.book()).services.values()] == [State.ACTIVE]
            assert heard == list(range(before + 1, store.load().last_sequence + 1))
        store.close()

    asyncio.run(story())


@pytest.mark.parametrize("written", [True, False])
def test_a_store_that_hangs_holds_nobody_up_for_longer_than_its_patience(written: bool) -> None:
    async def story() -> None:
        store = in_memory()
        async with rig(store=store) as here:
            kept = await here.order(60.0)
            planner, goes_on = here.controller._planner, asyncio.Event()

            async def hanging(work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
                if not goes_on.is_set() and work == store.commit:
                    await goes_on.wait()
                    if not written:
                        raise Unavailable("it was too long")
                return work(*args, **kwargs)

            planner._execute = hanging
            with pytest.raises(Hangs, match="has not said"):
                await here.run(here.controller.order(request(10.0)))
            with pytest.raises(Unavailable, match="nothing was done"):
                await here.run(here.controller.order(request(10.0)))
            assert list((await here.book()).services) == [kept.id]
            goes_on.set()
            await back(here)
            assert len((await here.book()).services) == (2 if written else 1)
            assert isinstance(await here.order(5.0), Service)
            assert_recounted(await here.book(), here.clock.now_s())
        store.close()

    asyncio.run(story())


def test_a_book_that_a_broken_decision_may_have_spoilt_is_shown_to_nobody() -> None:
    async def story() -> None:
        store = Away(":memory:")
        async with rig(store=store) as here:
            await here.order(60.0)
            store.away = True

            def broken(draft: Any) -> None:
                draft.tell("half", "way")
                draft.book.services.clear()
                raise ZeroDivisionError

            with pytest.raises(ZeroDivisionError):
                await here.run(here.controller._planner.submit(broken))
            with pytest.raises(Unavailable):
                await here.book()
            store.away = False
            await back(here)
            assert len((await here.book()).services) == 1
        store.close()

    asyncio.run(story())


def test_a_controller_whose_store_is_away_can_be_stopped() -> None:
    async def story() -> None:
        store = Away(":memory:")
        async with rig(store=store) as here:
            store.away = True
            with pytest.raises(Unavailable):
                await here.run(here.controller.order(request(10.0)))
        store.close()

    asyncio.run(story())


def test_a_key_that_cannot_be_looked_up_stops_nothing_else() -> None:
    async def story() -> None:
        store = in_memory()
        async with rig(store=store) as here:
            key = Idempotency(scope="tenant:acme", key="k", digest="d")
            made, _ = await here.run(here.controller.order(request(10.0), idempotency=key))
            reached = store.answer
            store.answer = lambda scope, key: _gone()  # type: ignore[method-assign]
            with pytest.raises(Unavailable):
                await here.run(here.controller.order(request(10.0), idempotency=key))
            assert (await here.order(20.0)).state is State.ACTIVE
            store.answer = reached  # type: ignore[method-assign]
            again, replayed = await here.run(here.controller.order(request(10.0), idempotency=key))
            assert (again.id, replayed) == (made.id, True)
        store.close()

    asyncio.run(story())


def _gone() -> None:
    raise Unavailable("there is no database")
