"""What is old is forgotten when it is asked for, beside whoever uses the store, and nothing else is."""

from __future__ import annotations

import time

import pytest

from highroad.errors import Conflict
from highroad.ports import Answer, Commit
from highroad.storage.engines import Where, open_engine
from highroad.storage.migrate import upgrade
from highroad.storage.pruning import Pruned, prune
from highroad.storage.store import SqlStore
from tests.contract.store.test_store import event, everything


def answer(number: int) -> Answer:
    return Answer(scope="acme" if number % 2 else "x", key=f"k{number:05}", digest="d", at_s=number, outcome={})


def test_old_answers_and_commits_are_forgotten_and_nothing_else(where: Where) -> None:
    store = SqlStore(where)
    store.commit(everything())
    store.commit(Commit(answers=[answer(number) for number in range(2500)]))
    store.checkpoint()
    store.commit(Commit(events=[event("after")]))
    known, told = store.load(), store.events(after=0, limit=99, operator=True)
    assert prune(where) == Pruned(commits=0, answers=0)
    assert prune(where, answers_before_s=1500.0) == Pruned(commits=0, answers=1500)
    for number in range(2500):
        if number % 100 == 0 or 1490 < number < 1510:
            one = answer(number)
            assert store.answer(one.scope, one.key) == (one if number >= 1500 else None)
    assert prune(where, commits_before_s=time.time() + 1) == Pruned(commits=2, answers=0)
    assert [one.number for one in store.records(0, 9)] == [3]
    assert store.load() == store.at(3) == known
    assert list(store.events(after=0, limit=99, operator=True)) == list(told)
    store.commit(Commit(events=[event("goes on")]))
    assert [one.number for one in store.records(0, 9)] == [3, 4]
    store.close()


def test_a_store_of_another_release_is_left_alone(where: Where) -> None:
    engine = open_engine(where)
    with engine.begin() as connection:
        upgrade(connection, "0001")
    engine.dispose()
    with pytest.raises(Conflict, match="0001"):
        prune(where, commits_before_s=0.0)
