"""What processes leave in the store for each other."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from highroad.errors import Unavailable
from highroad.model.service import Tenant, TenantId
from highroad.ports import Commit, Reply
from highroad.storage.engines import Where
from highroad.storage.store import SqlStore


@pytest.fixture
def store(where: Where) -> Iterator[SqlStore]:
    """A new one."""
    store = SqlStore(where)
    yield store
    store.close()


def test_calls_wait_in_order_until_they_are_answered(store: SqlStore) -> None:
    calls = store.calls
    first, second, third = calls.put([(b"a", 10.0), (b"b", 10.0), (b"c", 20.0)])
    assert [(one.id, one.doc) for one in calls.waiting(2)] == [(first, b"a"), (second, b"b")]
    assert [one.id for one in calls.waiting(9, besides=[second])] == [first, third]
    assert all(9.0 < one.left_s <= 20.0 for one in calls.waiting(9))
    store.commit(Commit(replies=[Reply(call=first, doc=b"yes"), Reply(call=third, doc=b"no")]))
    assert [one.id for one in calls.waiting(9)] == [second]
    assert calls.replies([first, second, third]) == {first: b"yes", third: b"no"}


def test_what_is_over_waits_no_more(store: SqlStore) -> None:
    store.calls.put([(b"late", -0.1)])
    assert store.calls.waiting(9) == []


def test_a_commit_that_answers_what_was_withdrawn_is_refused_as_a_whole(store: SqlStore) -> None:
    kept, gone = store.calls.put([(b"a", 10.0), (b"b", 10.0)])
    assert store.calls.withdraw(gone)
    assert not store.calls.withdraw(gone)
    acme = Tenant(id=TenantId("acme"), name="Acme")
    replies = [Reply(call=kept, doc=b"yes"), Reply(call=gone, doc=b"yes")]
    with pytest.raises(Unavailable, match="given up"):
        store.commit(Commit(tenants=[acme], replies=replies))
    assert store.load().tenants == []
    assert [one.id for one in store.calls.waiting(9)] == [kept]
    store.commit(Commit(tenants=[acme], replies=replies[:1]))
    assert not store.calls.withdraw(kept)
    assert store.load().tenants == [acme]


def test_a_call_is_never_answered_twice(store: SqlStore) -> None:
    (call,) = store.calls.put([(b"a", 10.0)])
    store.commit(Commit(replies=[Reply(call=call, doc=b"one")]))
    with pytest.raises(Unavailable):
        store.commit(Commit(replies=[Reply(call=call, doc=b"two")]))
    assert store.calls.replies([call]) == {call: b"one"}


def test_a_number_is_never_used_again(store: SqlStore) -> None:
    (first,) = store.calls.put([(b"a", 10.0)])
    assert store.calls.withdraw(first)
    assert store.calls.put([(b"b", 10.0)]) != [first]


def test_old_rows_are_cleared(store: SqlStore) -> None:
    old, new = store.calls.put([(b"old", -100.0), (b"new", 10.0)])
    store.calls.clear()
    assert [one.id for one in store.calls.waiting(9)] == [new]
    assert not store.calls.withdraw(old)


def test_the_board_shows_the_newest_and_never_what_an_older_epoch_says(store: SqlStore) -> None:
    board = store.calls
    assert board.look("leader") is None
    board.show("leader", b"one", 3)
    found = board.look("leader")
    assert found is not None
    assert found[1] == b"one"
    assert board.look("leader", but=found[0]) is None
    board.show("leader", b"stale", 2)
    assert board.look("leader") == found
    board.show("leader", b"two", 3)
    board.show("sample", b"x", 3)
    now = board.look("leader", but=found[0])
    assert now is not None
    assert now[1] == b"two"


def test_a_key_is_made_once_and_is_everybodys(store: SqlStore) -> None:
    assert store.calls.secret("a", lambda: b"one") == b"one"
    assert store.calls.secret("a", lambda: b"two") == b"one"
    assert store.calls.secret("b", lambda: b"two") == b"two"
