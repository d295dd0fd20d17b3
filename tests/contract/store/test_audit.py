"""The audit log on every store: chained as it is written, and whoever lays hands on a row is found."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from highroad.errors import Unavailable
from highroad.model.audit import ZERO, Asked, Row, Verdict, chained, document, verify
from highroad.ports import Commit, EventRecord, TokenRecord
from highroad.storage.audit import AuditLog
from highroad.storage.engines import Where, open_engine, writing
from highroad.storage.store import SqlStore

ROWS = 8


@pytest.fixture
def store(where: Where) -> Iterator[SqlStore]:
    made = SqlStore(where)
    yield made
    made.close()


def row(number: int, tenant: str | None = "acme") -> Row:
    asked = Asked(
        who=f"tok-{number}", role="member", tenant=tenant, address="::1", method="POST", path="/v1/ä", status=201
    )
    return Row(at_us=number, asked=asked, what="PlaceOrder", subject=f"svc-{number}", of=tenant)


def fill(store: SqlStore) -> str:
    for first in range(0, ROWS, 2):
        rows = [row(first), row(first + 1, "rival")]
        store.commit(Commit(audits=rows, events=[EventRecord(kind="k", subject="s", at_s=1.0, tenant=None, data={})]))
    return store.log.head()[1]


def found(where: Where, head: str | None = None) -> Verdict:
    engine = open_engine(where)
    try:
        return verify(AuditLog(engine).every(), head)
    finally:
        engine.dispose()


def tampered(where: Where, *statements: str | Callable[[Connection], None]) -> None:
    engine = open_engine(where)
    with writing(engine) as connection:
        for one in statements:
            connection.execute(text(one)) if isinstance(one, str) else one(connection)
    engine.dispose()


def test_what_is_written_is_chained_over_restarts_and_of_one_commit(store: SqlStore, where: Where) -> None:
    head = fill(store)
    assert found(where) == Verdict(rows=ROWS, head=head)
    again = SqlStore(where)
    again.commit(Commit(audits=[row(9)]))
    again.close()
    assert found(where, head).whole
    assert found(where).rows == ROWS + 1
    assert [one.event for one in store.log.rows("acme", skip=0, limit=99)] == [1, 2, 3, 4, 4]
    assert [one.subject for one in store.log.rows("rival", skip=1, limit=2)] == ["svc-3", "svc-5"]


def test_a_commit_that_fails_leaves_no_row(store: SqlStore, where: Where) -> None:
    store.commit(Commit(tokens=[TokenRecord(id="a", hash="h", tenant=None, label="", created_s=1.0)]))
    twice = TokenRecord(id="b", hash="h", tenant=None, label="", created_s=1.0)
    with pytest.raises(Unavailable):
        store.commit(Commit(tokens=[twice], audits=[row(1)]))
    assert found(where) == Verdict(rows=0, head=ZERO)


def _rewrite(place: int, *, hashes: bool) -> Callable[[Connection], None]:
    """Edit a row, and, with `hashes`, give it the hash that it would have had."""

    def run(connection: Connection) -> None:
        before = connection.scalar(text(f"SELECT hash FROM audit WHERE sequence = {place - 1}")) or ZERO
        (link,) = chained([row(99)], place - 1, before, 4)
        to = {"doc": link.doc, "hash": link.hash, "place": place}
        columns = "doc = :doc, hash = :hash" if hashes else "doc = :doc"
        connection.execute(text(f"UPDATE audit SET {columns} WHERE sequence = :place"), to)

    return run


def _insert(connection: Connection) -> None:
    connection.execute(text("UPDATE audit SET sequence = -sequence WHERE sequence >= 4"))
    connection.execute(text("UPDATE audit SET sequence = 1 - sequence WHERE sequence < 0"))
    before = connection.scalar(text("SELECT hash FROM audit WHERE sequence = 3")) or ""
    (link,) = chained([row(99)], 3, before, 4)
    values = {"hash": link.hash, "doc": link.doc}
    columns = "(sequence, hash, asker, owner, doc)"
    connection.execute(text(f"INSERT INTO audit {columns} VALUES (4, :hash, 'acme', 'acme', :doc)"), values)


SWAP = (
    "UPDATE audit SET sequence = -4 WHERE sequence = 4",
    "UPDATE audit SET sequence = 4 WHERE sequence = 5",
    "UPDATE audit SET sequence = 5 WHERE sequence = -4",
)
CLOSE = (
    "UPDATE audit SET sequence = -sequence WHERE sequence > 4",
    "UPDATE audit SET sequence = -sequence - 1 WHERE sequence < 0",
)
WAYS: dict[str, tuple[tuple[str | Callable[[Connection], None], ...], str]] = {
    "a row is edited": ((_rewrite(4, hashes=False),), "row 4 "),
    "a row is edited with its hash": ((_rewrite(4, hashes=True),), "row 5 "),
    "a hash is edited": (("UPDATE audit SET hash = 'x' WHERE sequence = 4",), "row 4 "),
    "the last row is edited": ((_rewrite(ROWS, hashes=False),), f"row {ROWS} "),
    "a row is removed": (("DELETE FROM audit WHERE sequence = 4",), "row 4 is missing"),
    "the first row is removed": (("DELETE FROM audit WHERE sequence = 1",), "row 1 is missing"),
    "rows are removed": (("DELETE FROM audit WHERE sequence IN (4, 5)",), "rows 4 to 5 are missing"),
    "a row is removed and the gap closed": (
        ("DELETE FROM audit WHERE sequence = 4", *CLOSE),
        "row 4 was written as row 5",
    ),
    "a row is inserted": ((_insert,), "row 5 was written as row 4"),
    "rows are swapped": (SWAP, "row 4 was written as row 5"),
    "a row is shown to another tenant": (("UPDATE audit SET owner = 'rival' WHERE sequence = 1",), "row 1 is shown"),
    "a row is hidden from its tenant": (("UPDATE audit SET asker = NULL WHERE sequence = 1",), "row 1 is shown"),
}


@pytest.mark.parametrize("way", WAYS)
def test_whoever_lays_hands_on_a_row_is_found(store: SqlStore, where: Where, way: str) -> None:
    fill(store)
    statements, blamed = WAYS[way]
    tampered(where, *statements)
    verdict = found(where)
    assert any(one.startswith(blamed) for one in verdict.wrong), verdict
    assert len(verdict.wrong) <= 3 + ("closed" in way or "inserted" in way) * ROWS, verdict


def test_rows_taken_from_the_end_are_missed_by_a_head_that_was_noted(store: SqlStore, where: Where) -> None:
    head = fill(store)
    assert found(where, head).whole
    tampered(where, f"DELETE FROM audit WHERE sequence > {ROWS - 2}")
    assert found(where).whole
    assert "no row has the hash that was noted" in found(where, head).wrong[0]
    store.commit(Commit(audits=[row(1), row(2), row(3)]))
    assert not found(where, head).whole


def test_a_log_that_was_written_anew_is_missed_by_a_head_that_was_noted(store: SqlStore, where: Where) -> None:
    head = fill(store)
    tampered(where, "DELETE FROM audit")
    fill_others = [row(number + 50) for number in range(ROWS)]
    store.commit(Commit(audits=fill_others))
    assert found(where).whole
    assert not found(where, head).whole


FORGED = document(row(77)).decode()
BY_HAND: dict[str, tuple[str, str]] = {
    "a row is put in at 0": (f"INSERT INTO audit VALUES (0, 'x', 'acme', 'acme', CAST('{FORGED}' AS BLOB))", "row 0 "),
    "a row is put in before": (
        f"INSERT INTO audit VALUES (-3, 'x', 'acme', 'acme', CAST('{FORGED}' AS BLOB))",
        "row -3 ",
    ),
    "a row is put in at a text": (
        f"INSERT INTO audit VALUES ('x', 'x', 'acme', 'acme', CAST('{FORGED}' AS BLOB))",
        "a row ",
    ),
    "a row is put in between": (
        f"INSERT INTO audit VALUES (4.5, 'x', 'acme', 'acme', CAST('{FORGED}' AS BLOB))",
        "a row ",
    ),
    "a word is replaced": ("UPDATE audit SET doc = replace(doc, 'member', 'admin') WHERE sequence = 5", "row 5 "),
    "the type is another": (
        "UPDATE audit SET doc = CAST(doc AS TEXT) WHERE sequence = 5",
        "row 5 was edited: its doc is",
    ),
    "no row but JSON": ("UPDATE audit SET doc = CAST('{}' AS BLOB) WHERE sequence = 5", "row 5 "),
    "a list": ("UPDATE audit SET doc = CAST('[]' AS BLOB) WHERE sequence = 5", "row 5 "),
    "deep JSON": (f"UPDATE audit SET doc = CAST('{'[' * 100_000}' AS BLOB) WHERE sequence = 5", "row 5 "),
    "no JSON": ("UPDATE audit SET doc = x'ff00' WHERE sequence = 5", "row 5 "),
    "no text": ("UPDATE audit SET doc = CAST(x'ff00' AS TEXT) WHERE sequence = 5", "row 5 "),
    "a number": ("UPDATE audit SET doc = 7 WHERE sequence = 5", "row 5 "),
    "a time that is a text": (
        """UPDATE audit SET doc = CAST(replace(doc, '"at_us":4', '"at_us":"4"') AS BLOB) WHERE sequence = 5""",
        "row 5 cannot be read",
    ),
    "a time that is none": (
        """UPDATE audit SET doc = CAST(replace(doc, '"at_us":4', '"at_us":9e99') AS BLOB) WHERE sequence = 5""",
        "row 5 cannot be read",
    ),
    "half a letter": (
        """UPDATE audit SET doc = CAST(replace(doc, 'svc-4', '\\ud800') AS BLOB) WHERE sequence = 5""",
        "row 5 cannot be read",
    ),
    "a hash that is none": ("UPDATE audit SET hash = x'ff' WHERE sequence = 5", "row 5 was edited: its hash is BLOB"),
    "an empty hash": ("UPDATE audit SET hash = '' WHERE sequence = 5", "row 5 "),
    "an asker that is none": (
        "UPDATE audit SET asker = x'ff' WHERE sequence = 5",
        "row 5 was edited: its asker is BLOB",
    ),
    "an owner that is none": (
        "UPDATE audit SET owner = x'ff' WHERE sequence = 5",
        "row 5 was edited: its owner is BLOB",
    ),
    "a place that is none": ("UPDATE audit SET sequence = 'x' WHERE sequence = 5", "a row was edited: its sequence is"),
}
"""What SQLite takes from whoever edits by hand, and who is blamed."""


@pytest.mark.parametrize("way", BY_HAND)
def test_whatever_is_edited_by_hand_in_sqlite_is_blamed_and_the_log_goes_on(tmp_path: Path, way: str) -> None:
    path = tmp_path / "highroad.db"
    store = SqlStore(path)
    head = fill(store)
    statement, blamed = BY_HAND[way]
    with closing(sqlite3.connect(path)) as hand:
        hand.execute(statement)
        hand.commit()
    assert any(one.startswith(blamed) for one in found(path, head).wrong), found(path, head)
    shown = store.log.rows("acme", skip=0, limit=99)
    assert all(one.subject != "svc-77" for one in shown)
    assert {one.sequence for one in shown} <= {1, 3, 5, 7}
    store.commit(Commit(audits=[row(9)]))
    assert store.log.head()[0] == ROWS + 1
    store.close()


@pytest.mark.parametrize("place", [0, -3])
def test_what_is_put_in_before_the_first_row_is_found_and_shown_to_no_tenant(
    store: SqlStore, where: Where, place: int
) -> None:
    head = fill(store)
    forged = {"place": place, "doc": document(row(77))}
    statement = text("INSERT INTO audit VALUES (:place, 'x', 'acme', 'acme', :doc)")

    def put_in(connection: Connection) -> None:
        connection.execute(statement, forged)

    tampered(where, put_in)
    assert found(where, head).wrong == (f"row {place} stands before the first row: it was put in",)
    assert store.log.links(limit=1)[0].sequence == place
    assert [one.subject for one in store.log.rows("acme", skip=0, limit=1)] == ["svc-0"]
