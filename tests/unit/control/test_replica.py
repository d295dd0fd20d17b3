"""Several processes on one store, here in one: who follows asks who leads, and who was deposed can do no harm."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeVar, cast

import pytest

from highroad.api.metrics import exposition
from highroad.api.requests import Requests
from highroad.control import follower
from highroad.control.accounts import Caller
from highroad.control.follower import Beside
from highroad.control.live import Live
from highroad.control.order import Idempotency
from highroad.control.replica import Opened, Replica
from highroad.errors import Deposed, Invalid, KeyReused, NotFound, Refused, Unavailable
from highroad.fabric.clock import SystemClock
from highroad.fabric.twin.twin import Twin
from highroad.model.access import Grant, Role
from highroad.model.change import Change
from highroad.model.network import FibreId, Network
from highroad.model.service import ServiceId
from highroad.ports import Commit, EventRecord, Snapshot
from highroad.storage.store import SqlStore
from tests.support.country import country, ports, request, tenants
from tests.support.stores import in_memory
from tests.unit.control.rig import at_once

T = TypeVar("T")


@dataclass
class Common:
    """A store that several processes share: SQLite, and here the journal, the election and the fence by hand."""

    store: SqlStore = field(default_factory=in_memory)
    journal: list[Commit] = field(default_factory=list)
    epoch: int = 0
    holder: str | None = None
    gone: bool = False
    forgotten: int = 0
    replicas: list[Replica] = field(default_factory=list)

    def ring(self) -> None:
        for one in self.replicas:
            asyncio.get_running_loop().call_soon(one.hear)


OPERATOR = Caller(grant=Grant(role=Role.OPERATOR), token_id="tok-1")
NEXT_S = 1_798_000_000.0
"""Ahead, and within what can be booked."""


class Mine:
    """One process's way to it: a store, a journal and a candidacy."""

    def __init__(self, common: Common, name: str) -> None:
        self.common, self.name = common, name
        self.epoch = 0
        self.asleep = False
        """A process that was stopped does not look whether it leads."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self.common.store, name)

    def check(self) -> None:
        if self.common.gone:
            raise Unavailable("the database is gone")

    def commit(self, commit: Commit) -> Sequence[EventRecord]:
        self.check()
        if self.epoch != self.common.epoch:
            raise Deposed(f"epoch {self.epoch} is over")
        events = self.common.store.commit(commit)
        self.common.journal.append(replace(commit, events=events))
        self.common.ring()
        return events

    def load(self) -> Snapshot:
        self.check()
        return replace(self.common.store.load(), commit_number=len(self.common.journal))

    def since(self, number: int) -> Sequence[tuple[int, Commit]] | None:
        self.check()
        if number < self.common.forgotten:
            return None
        return [(at + 1, self.common.journal[at]) for at in range(number, min(number + 3, len(self.common.journal)))]

    def win(self) -> int | None:
        self.check()
        if self.common.holder is not None:
            return None
        self.common.holder = self.name
        self.common.epoch += 1
        self.epoch = self.common.epoch
        return self.epoch

    def holds(self) -> bool:
        self.check()
        return self.asleep or self.common.holder == self.name

    def resign(self) -> None:
        if self.common.holder == self.name:
            self.common.holder = None


class RingingCalls:
    """Tells everybody of a call, as NOTIFY does."""

    def __init__(self, mine: Mine) -> None:
        self.mine = mine

    def put(self, docs: Sequence[tuple[bytes, float]]) -> Sequence[int]:
        self.mine.check()
        calls = self.mine.common.store.calls.put(docs)
        self.mine.common.ring()
        return calls

    def __getattr__(self, name: str) -> Any:
        self.mine.check()
        return getattr(self.mine.common.store.calls, name)


@dataclass
class Party:
    """Some replicas, and what they stand on."""

    common: Common
    twin: Twin
    replicas: list[Replica]
    mine: list[Mine]

    async def leader(self, besides: int | None = None) -> int:
        """Which one leads, once one does."""
        async with asyncio.timeout(8):
            while True:
                for number, one in enumerate(self.replicas):
                    if one._answering is not None and number != besides:
                        return number
                await asyncio.sleep(0.01)

    def followers(self) -> list[Replica]:
        """Those that do not lead."""
        return [one for one in self.replicas if one.leading is None]


@asynccontextmanager
async def party(size: int = 3) -> AsyncIterator[Party]:
    """So many, furnished with the small country."""
    common, clock = Common(), SystemClock()
    twin = Twin(country(), clock)
    here = Party(common, twin, [], [])

    def one(number: int) -> Replica:
        mine = Mine(common, f"p{number}")

        async def open_fabric(epoch: int, network: Network | None) -> Opened:
            async def close() -> None:
                pass

            return Opened(fabric=twin, name="twin", network=network or country(), prober=twin, lab=twin, close=close)

        beside = Beside(
            journal=mine, calls=cast(Any, RingingCalls(mine)), board=common.store.calls, execute=at_once, live=Live()
        )
        replica = Replica(
            name=mine.name,
            store=cast(Any, mine),
            beside=beside,
            clock=clock,
            execute=at_once,
            candidacy=mine,
            open_fabric=open_fabric,
        )
        here.mine.append(mine)
        here.replicas.append(replica)
        common.replicas.append(replica)

        async def furnish(network: Network) -> None:
            if (await replica.settled()).revision:
                return
            await replica.load_network(network)
            for tenant in tenants():
                await replica.add_tenant(tenant, [port for port in ports() if port.tenant == tenant.id])

        replica.furnish = furnish
        return replica

    for number in range(size):
        await one(number).start()
    try:
        await here.leader()
        yield here
    finally:
        common.gone = False
        for replica in here.replicas:
            await replica.stop()
        await twin.aclose()
        common.store.close()


async def until(true: Callable[[], Any], within_s: float = 60.0) -> None:
    """Wait for something to become true."""
    deadline_s = asyncio.get_running_loop().time() + within_s
    while True:
        found = true()
        if await found if asyncio.iscoroutine(found) else found:
            return
        assert asyncio.get_running_loop().time() < deadline_s, "it did not become true"
        await asyncio.sleep(0.01)


def _knows(one: Replica, services: set[ServiceId]) -> bool:
    return one.seat.book.services.keys() == services


def told(story: Callable[[Party], Awaitable[None]], size: int = 3) -> None:
    async def whole() -> None:
        async with asyncio.timeout(30), party(size) as here:
            await story(here)

    asyncio.run(whole())


def test_a_follower_orders_changes_and_releases_and_reads_what_it_wrote() -> None:
    async def story(here: Party) -> None:
        beside = here.followers()[0]
        service, again = await beside.order(request(10.0))
        assert not again
        assert (await beside.settled()).services[service.id].order == service.order
        changed = await beside.change(service.id, Change(bandwidth_gbps=20.0), tenant=None, if_version=None)
        assert (await beside.settled()).services[service.id].order.bandwidth_gbps == 20.0
        assert changed.version == 2
        released = await beside.release(service.id, tenant=None)
        now = await beside.find_service(service.id, None)
        assert now.state is released.state
        _, secret = await beside.issue_token(tenant=None, label="x")
        assert beside.authenticate(secret).tenant is None

    told(story)


def test_a_follower_is_answered_what_the_leader_says() -> None:
    async def story(here: Party) -> None:
        leader, beside = here.replicas[await here.leader()], here.followers()[0]
        asks: list[Callable[[Replica], Awaitable[Any]]] = [
            lambda desk: desk.order(request(390.0, start_s=NEXT_S, end_s=NEXT_S + 60), asker=None),
            lambda desk: desk.order(request(-1.0)),
            lambda desk: desk.release(ServiceId("svc-none"), tenant=None),
        ]
        for ask in asks:
            seen = []
            for desk in (leader, beside):
                with pytest.raises((Refused, Invalid, NotFound)) as caught:
                    await ask(desk)
                seen.append(caught.value)
            assert type(seen[0]) is type(seen[1])
            assert seen[0].message == seen[1].message
            assert seen[0].facts == seen[1].facts

    told(story)


def test_a_key_is_good_on_any_process() -> None:
    async def story(here: Party) -> None:
        key = Idempotency(scope="tenant:acme", key="k", digest="one")
        made = {(await one.order(request(10.0), idempotency=key))[0].id for one in (*here.replicas, *here.replicas)}
        assert len(made) == 1
        with pytest.raises(KeyReused):
            await here.followers()[0].order(request(10.0), idempotency=replace(key, digest="other"))

    told(story)


def test_many_at_once_through_all_of_them_are_each_made_once() -> None:
    async def story(here: Party) -> None:
        orders = [one.order(request(0.1)) for _ in range(40) for one in here.replicas]
        made = {service.id for service, _ in await asyncio.gather(*orders)}
        assert len(made) == 120
        for one in here.replicas:
            await until(partial(_knows, one, made))
        assert here.common.store.calls.waiting(10) == []

    told(story)


def test_what_the_leaders_fabric_does_is_asked_of_it() -> None:
    async def story(here: Party) -> None:
        beside = here.followers()[0]
        service, _ = await beside.order(request(10.0))
        await until(lambda: beside.seat.book.services[service.id].state.value == "ACTIVE")
        await until(lambda: beside.lab is not None and beside.last_sample is not None)
        live = await beside.find_service(service.id, None)
        assert len(await beside.ping(live, count=2, interval_ms=1.0, size_bytes=64)) == 2
        assert (await beside.trace(live)).there
        assert beside.lab is not None
        await beside.lab.cut(FibreId("west--east"))
        assert set((await beside.lab.status()).cuts) == {"west--east"}
        await until(lambda: "west--east" in beside.seat.book.down)
        with pytest.raises(NotFound):
            await beside.lab.cut(FibreId("no--where"))

    told(story)


def test_who_is_deposed_writes_nothing_answers_no_yes_and_follows() -> None:
    async def story(here: Party) -> None:
        first = await here.leader()
        old, mine = here.replicas[first], here.mine[first]
        service, _ = await old.order(request(10.0))
        mine.asleep = True  # it does not look; only the fence tells it
        here.common.holder = None
        second = await here.leader(besides=first)
        assert here.common.epoch == 2
        assert old.leading is not None
        before = len(here.common.journal)
        made, _ = await old.order(request(11.0))  # refused by the fence, and asked of the new leader then
        assert here.replicas[second].leading is not None
        assert (await here.replicas[second].settled()).services.keys() >= {service.id, made.id}
        await until(lambda: old.leading is None and old.follower.why_not_ready is None)
        await until(lambda: old.seat.book.services.keys() == {service.id, made.id})
        assert len(here.common.journal) > before
        again, _ = await old.order(request(12.0))
        assert again.id in (await old.settled()).services

    told(story)


def test_calls_outlive_the_leader_that_did_not_answer_them() -> None:
    async def story(here: Party) -> None:
        first = await here.leader()
        beside = here.followers()[0]
        here.replicas[first].leading.planner._tasks.put_nowait = lambda _: None  # type: ignore[union-attr, method-assign]
        asked = [asyncio.create_task(beside.order(request(1.0))) for _ in range(5)]
        await asyncio.sleep(0.1)
        assert not any(one.done() for one in asked)
        here.mine[first].asleep = True
        here.common.holder = None
        made = {service.id for service, _ in await asyncio.gather(*asked)}
        assert len(made) == 5
        book = await here.replicas[await here.leader(besides=first)].settled()
        assert {one for one in book.services if book.services[one].order.bandwidth_gbps == 1.0} == made

    told(story)


def test_what_nobody_answers_in_time_is_withdrawn_and_never_done(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(here: Party) -> None:
        beside = here.followers()[0]
        first = await here.leader()
        here.common.holder = "nobody"  # who led steps down, and nobody is elected
        await until(lambda: here.replicas[first].leading is None)
        monkeypatch.setattr("highroad.control.commands.PATIENCE_S", 1.2)
        with pytest.raises(Unavailable, match="nothing was done"):
            await beside.order(request(1.0))
        here.common.holder = None
        leader = here.replicas[await here.leader()]
        await asyncio.sleep(0.5)
        assert not (await leader.settled()).services

    told(story)


def test_who_does_not_wait_for_his_answer_takes_nobodys_place(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(here: Party) -> None:
        beside, first = here.followers()[0], await here.leader()
        here.replicas[first].leading.planner._tasks.put_nowait = lambda _: None  # type: ignore[union-attr, method-assign]
        monkeypatch.setattr("highroad.control.commands.PATIENCE_S", 1.5)
        asked = [asyncio.create_task(beside.order(request(1.0))) for _ in range(3)]
        await asyncio.sleep(0.2)
        assert beside.seat.waiting == 3
        for one in asked:
            one.cancel()
        await until(lambda: beside.seat.waiting == 0)
        assert here.common.store.calls.waiting(9) == []

    told(story)


def test_one_that_lags_too_far_reads_the_store_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(here: Party) -> None:
        leader, beside = here.replicas[await here.leader()], here.followers()[0]
        here.common.replicas.remove(beside)  # nobody tells it
        monkeypatch.setattr(follower, "POLL_S", 0.2)
        made = [(await leader.order(request(1.0)))[0] for _ in range(8)]
        here.common.forgotten = len(here.common.journal)
        await until(lambda: beside.seat.book.services.keys() == {one.id for one in made})
        assert beside.follower.reloads >= 1
        leader.figures.passed_at = beside.figures.started_at = float("-inf")
        told = {one: (await exposition(one, Requests())).decode() for one in (leader, beside)}
        age = re.compile(r"^highroad_loop_pass_age_seconds \S+$", re.MULTILINE)
        assert age.search(told[leader]) is not None
        assert age.search(told[beside]) is None, "who does not lead has no loop that could stand"
        assert f"highroad_reloads_total {beside.follower.reloads}.0" in told[beside]
        checks = set(re.findall(r'^highroad_ready\{check="(\w+)"\}', told[beside], re.MULTILINE))
        assert checks == {"stopping", "book", "network", "leader", "following", "store"}

    told(story)


def test_too_many_that_wait_are_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def story(here: Party) -> None:
        beside = here.followers()[0]
        monkeypatch.setattr(follower, "WAITING", 3)
        answers = await asyncio.gather(*(beside.order(request(1.0)) for _ in range(8)), return_exceptions=True)
        assert sum(isinstance(one, Unavailable) for one in answers) == 5

    told(story)


def test_events_and_samples_reach_who_watches_a_follower() -> None:
    async def story(here: Party) -> None:
        beside = here.followers()[0]
        seen: list[Any] = []

        async def watch() -> None:
            async for item in beside.live(0, OPERATOR, samples=True):
                seen.extend([item])

        task = asyncio.create_task(watch())
        await asyncio.sleep(0.05)
        service, _ = await here.replicas[await here.leader()].order(request(10.0))
        await until(lambda: any(getattr(one, "kind", "") == "highroad.service.active" for one in seen))
        await until(lambda: any(service.id in getattr(one, "services", ()) for one in seen))
        task.cancel()
        numbers = [one.sequence for one in seen if isinstance(one, EventRecord)]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))

    told(story)


def test_any_process_decides_an_incident_again_over_a_change_of_leaders() -> None:
    async def story(here: Party) -> None:
        first = await here.leader()
        beside = here.followers()[0]
        service, _ = await beside.order(request(10.0))
        await until(lambda: beside.seat.book.services[service.id].state.value == "ACTIVE")
        await until(lambda: beside.lab is not None)
        assert beside.lab is not None
        await beside.lab.cut(FibreId("west--east"))
        await until(lambda: len(beside.seat.book.incidents) == 1)
        (incident,) = beside.seat.book.incidents
        here.mine[first].asleep = True
        here.common.holder = None
        second = await here.leader(besides=first)
        await here.replicas[second].order(request(11.0))
        for one in here.replicas:
            found = await one.replay(incident)
            assert found.identical, (found.differences, found.stopped)
            assert found.decisions > 1
            said = await one.explain(service.id, at=None, caller=OPERATOR)
            assert said.decided is not None
            assert said.decided.identical

    told(story)


OPERATOR = Caller(grant=Grant(role=Role.OPERATOR), token_id="tok-x")
