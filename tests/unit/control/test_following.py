"""A book that follows what is committed is the book of who commits, and that of who reads the store anew."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import fields, replace
from functools import partial

import pytest

from highroad.control import following
from highroad.control.book import Book
from highroad.model.lifecycle import ENDED
from highroad.model.service import ServiceId
from highroad.ports import Commit, EventRecord
from highroad.storage.store import SqlStore
from tests.support.stores import in_memory
from tests.unit.control import rig as rigs
from tests.unit.control import test_random_walk as walks
from tests.unit.control.rig import Rig

check_promises = walks.check_promises


class Recording(SqlStore):
    """A store that keeps what was committed, in order, until somebody follows it."""

    def __init__(self, path: str) -> None:
        assert path == ":memory:"
        super().__init__(":memory:")
        self.news: list[Commit] = []
        self.follower = Book(self.load())

    def commit(self, commit: Commit) -> Sequence[EventRecord]:
        events = super().commit(commit)
        self.news.append(replace(commit, events=events))
        return events


async def check_follower(here: Rig, acknowledged: dict[ServiceId, float]) -> None:
    await check_promises(here, acknowledged)
    store = here.store
    assert isinstance(store, Recording)
    follower, leader = store.follower, await here.book()
    for commit in store.news:
        following.follow(follower, commit)
    store.news.clear()
    anew = Book(store.load())
    for other in (leader, anew):
        assert follower.services == other.services
        assert follower.ports == other.ports
        assert follower.tenants == other.tenants
        assert follower.maintenances == other.maintenances
        assert follower.freeze == other.freeze
        assert follower.webhooks == other.webhooks
        assert follower.unhealed == other.unhealed
        assert follower.revision == other.revision
        assert follower.network == other.network
        assert follower.webhooks == other.webhooks
        assert follower.tokens == other.tokens
        assert follower.last_sequence == other.last_sequence
        assert {one.id for one in follower.elastic()} == {one.id for one in other.elastic()}
    assert follower.incidents == leader.incidents
    assert _on_detour(follower) == _on_detour(leader)
    assert follower.down == leader.down
    assert follower.ground.avoid == leader.ground.avoid
    assert set(follower.ground.closures) == set(leader.ground.closures)  # read anew they come in another order
    now_s = here.clock.now_s()
    index = [_ahead(one.index.facts(), now_s) for one in (follower, leader)]
    assert index[0] == index[1]
    for link in follower.network.link:
        for after_s in (0.0, 0.7, 3.0, 15.0, 60.0):
            kept = follower.ground.calendar.at(link, now_s + after_s)
            assert kept == anew.ground.calendar.at(link, now_s + after_s), link
    assert follower.ground.calendar.oversold() == []


def _on_detour(book: Book) -> set[ServiceId]:
    return {name for name in book.on_detour if book.services[name].state not in ENDED}


def _ahead(facts: object, now_s: float) -> object:
    """What time has passed already is named once."""
    assert isinstance(facts, dict)
    ahead = {service: at_s for service, at_s in facts["boundaries"].items() if at_s > now_s}
    return {**facts, "boundaries": ahead}


@pytest.mark.parametrize("ways", [1, 2, 3])
@pytest.mark.parametrize("seed", range(4))
def test_a_follower_knows_what_the_leader_knows(seed: int, ways: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rigs, "in_memory", partial(in_memory, Recording))
    monkeypatch.setattr(walks, "check_promises", check_follower)
    share = [(0.0, 0.0), (0.5, 0.0), (0.0, 0.3), (0.3, 0.2)][seed]
    asyncio.run(walks.walk(random.Random(1003 + seed), steps=60, ways=ways, planned=share[0], booked=share[1]))


def test_every_part_of_a_commit_is_followed_or_no_book_has_it() -> None:
    """Whoever adds a part says here where it goes."""
    followed = {"network", "tenants", "ports", "services", "incidents", "maintenances", "freezes", "tokens", "webhooks"}
    in_no_book = {"answers", "attempts", "audits", "replies", "inputs"}
    assert {one.name for one in fields(Commit)} == followed | in_no_book | {"events"}
