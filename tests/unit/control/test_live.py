"""Cursors that never skip: readers that break off at random beside a writer, here and in a process that follows."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from highroad.control import live
from highroad.control.live import Live
from highroad.ports import Commit, EventRecord, Sample
from highroad.storage.store import SqlStore

TENANTS = ("acme", "rival", None)


def event(tenant: str | None) -> EventRecord:
    return EventRecord(kind="highroad.test", subject="s", at_s=0.0, tenant=tenant, data={})


def reader_of(store: SqlStore) -> live.Read:
    async def read(at: int, limit: int, viewer: str | None) -> Sequence[EventRecord]:
        return await asyncio.to_thread(store.events, after=at, limit=limit, tenant=viewer, operator=viewer is None)

    return read


async def follow(feed: Live, read: live.Read, viewer: str | None, until: int, dice: random.Random) -> list[int]:
    """The places that a consumer gets which breaks off at random and comes back with the last one that it saw."""
    seen: list[int] = []
    while not seen or seen[-1] < until:
        source = feed.watch(seen[-1] if seen else 0, viewer, read)
        patience = dice.randint(1, 40)
        async with asyncio.timeout(20):
            async for item in source:
                assert isinstance(item, EventRecord)
                assert viewer is None or item.tenant == viewer
                seen.append(item.place(viewer))
                if dice.random() < 0.05:
                    await asyncio.sleep(0.002)
                patience -= 1
                if patience == 0 or seen[-1] >= until:
                    break
        await source.aclose()  # type: ignore[attr-defined]
    return seen


@pytest.mark.parametrize("follower", [False, True], ids=["in the writer's process", "in one that follows"])
def test_readers_that_break_off_at_random_get_every_event_once_and_in_order(
    follower: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "PAGE", 7)
    monkeypatch.setattr(live, "REMEMBERED", 5)
    path = tmp_path / "store.db"
    writer = SqlStore(path)
    read_from = SqlStore(path) if follower else writer
    dice = random.Random(3)
    batches = [[dice.choice(TENANTS) for _ in range(dice.randint(1, 12))] for _ in range(120)]
    totals = {
        viewer: sum(sum(one in (viewer, viewer or one) for one in batch) for batch in batches) for viewer in TENANTS
    }

    async def run() -> None:
        feed = Live()
        read = reader_of(read_from)
        loop = asyncio.get_running_loop()

        def write() -> None:
            for batch in batches:
                done = writer.commit(Commit(events=[event(tenant) for tenant in batch]))
                if not follower:
                    loop.call_soon_threadsafe(feed.events, done)

        async def journal() -> None:
            """What a follower does: what the journal has, commit by commit, as it comes to know it."""
            known = 0
            while True:
                for number, commit in read_from.since(known) or ():
                    known = number
                    if commit.events:
                        feed.events(commit.events)
                await asyncio.sleep(0.005)

        thread = threading.Thread(target=write)
        thread.start()
        tailing = asyncio.create_task(journal()) if follower else None
        readers = [
            follow(feed, read, viewer, totals[viewer], random.Random(seed)) for seed in range(4) for viewer in TENANTS
        ]
        for number, seen in enumerate(await asyncio.gather(*readers)):
            viewer = TENANTS[number % len(TENANTS)]
            assert seen == list(range(1, totals[viewer] + 1)), viewer
        thread.join()
        if tailing is not None:
            tailing.cancel()

    asyncio.run(run())
    writer.close()
    read_from.close()


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(["acme", "rival", "none", "watch", "break", "step", "restart"]), max_size=40),
    st.integers(1, 4),
    st.integers(1, 3),
)
def test_whatever_the_interleaving_a_cursor_skips_nothing(steps: list[str], page: int, remembered: int) -> None:
    """A model: what was committed, as plain lists; against `Live` with tiny pages and a tiny memory."""
    log: list[EventRecord] = []

    async def read(at: int, limit: int, viewer: str | None) -> Sequence[EventRecord]:
        return [one for one in log if viewer in (None, one.tenant) and one.place(viewer) > at][:limit]

    async def run() -> None:
        feed = Live()
        seen: list[EventRecord] = []
        seats = None
        seat = None
        for step in [*steps, "watch", *["step"] * 60]:
            match step:
                case "acme" | "rival" | "none":
                    tenant = None if step == "none" else step
                    own = sum(one.tenant == tenant for one in log) + 1 if tenant else 0
                    made = EventRecord(
                        kind="k",
                        subject="s",
                        at_s=0,
                        tenant=tenant,
                        data={},
                        sequence=len(log) + 1,
                        tenant_sequence=own,
                    )
                    log.append(made)
                    feed.events([made])
                case "watch" if seats is None:
                    seats = feed.seat("acme", read)
                    seat = seats.__enter__()
                case "break" if seats is not None:
                    seats.__exit__(None, None, None)
                    seats = None
                case "restart":
                    if seats is not None:
                        seats.__exit__(None, None, None)
                        seats = None
                    feed = Live()
                case "step" if seats is not None and seat is not None:
                    found = await seat.page(seen[-1].tenant_sequence if seen else 0)
                    seen += list(found)[:page]
        assert [one.id for one in seen] == [one.id for one in log if one.tenant == "acme"]

    before = live.REMEMBERED, live.PAGE
    live.REMEMBERED, live.PAGE = remembered, page
    try:
        asyncio.run(run())
    finally:
        live.REMEMBERED, live.PAGE = before


def test_a_watcher_that_lags_gets_the_newest_sample_and_every_event() -> None:
    log = [EventRecord(kind="k", subject="s", at_s=0, tenant=None, data={}, sequence=at) for at in range(1, 2001)]

    async def read(at: int, limit: int, viewer: str | None) -> Sequence[EventRecord]:
        return log[at : at + limit]

    async def run() -> None:
        feed = Live()
        source = feed.watch(0, None, read, samples=True)
        seen: list[int] = []
        samples: list[float] = []
        for lot in range(0, 2000, 100):
            feed.events(log[lot : lot + 100])
            feed.sampled(Sample(at_s=float(lot), services={}, links={}))
            while len(seen) < (lot + 100) // 2:  # takes half of what comes
                item = await anext(source)
                if isinstance(item, Sample):
                    samples.append(item.at_s)
                else:
                    seen.append(item.sequence)
            assert all(len(one.recent) <= live.REMEMBERED for one in feed._feeds.values())
        while seen[-1] < 2000:
            item = await anext(source)
            seen += [item.sequence] if isinstance(item, EventRecord) else []
        assert seen == list(range(1, 2001))
        assert samples == sorted(set(samples))
        assert len(samples) < 20
        await source.aclose()  # type: ignore[attr-defined]
        assert feed._feeds == {}

    asyncio.run(run())
