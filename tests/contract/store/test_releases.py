"""A store of every release there was is brought up to date, and has all that it had.

`releases/REVISION.json` has the rows that a release with those tables wrote itself, not rows made up afterwards. Who
adds a revision adds its file: what the last commit before the next revision makes of its tests' `everything()`.
"""

from __future__ import annotations

import base64
import json
import zlib
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import column, delete, insert, table, text

from highroad.model.audit import verify
from highroad.model.proof import check
from highroad.pki.signing import holds
from highroad.ports import Commit
from highroad.storage.audit import AuditLog
from highroad.storage.codec import pack, pack_network
from highroad.storage.engines import Where, open_engine
from highroad.storage.migrate import newest, revision, revisions, upgrade
from highroad.storage.store import SqlStore
from tests.contract.store.test_store import event

RELEASES = Path(__file__).parent / "releases"

Tables = dict[str, list[dict[str, Any]]]


def test_there_is_a_store_of_every_release() -> None:
    assert sorted(path.stem for path in RELEASES.glob("*.json")) == sorted(revisions())


def cell(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return value["utf8"].encode() if "utf8" in value else base64.b64decode(value["base64"])


def written(at: str) -> Tables:
    """The rows that a release wrote."""
    found = json.loads((RELEASES / f"{at}.json").read_text(encoding="utf-8"))
    assert found["revision"] == at
    return {
        name: [dict(zip(one["columns"], map(cell, row), strict=True)) for row in one["rows"]]
        for name, one in found["tables"].items()
    }


def plant(where: Where, at: str) -> Tables:
    """Make the store of a release."""
    rows = written(at)
    engine = open_engine(where)
    with engine.begin() as connection:
        upgrade(connection, at)
        for name, found in rows.items():
            connection.execute(delete(table(name)))
            if found:
                connection.execute(insert(table(name, *map(column, found[0]))), found)
    engine.dispose()
    return rows


def within(old: Any, new: Any) -> bool:
    """Whether all that an old document says, a new one says: it may say more."""
    if isinstance(old, dict) and isinstance(new, dict):
        return all(key in new and within(value, new[key]) for key, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return len(old) == len(new) and all(within(*both) for both in zip(old, new, strict=True))
    return bool(old == new)


def says(rows: list[dict[str, Any]], values: Any) -> bool:
    """Whether values are what the documents of rows say, in order."""
    return within([json.loads(row["doc"]) for row in rows], [json.loads(pack(one)) for one in values])


@pytest.mark.parametrize("at", revisions())
def test_a_store_of_a_release_is_brought_up_to_date_and_loses_nothing(where: Where, at: str) -> None:
    rows = plant(where, at)
    for _ in range(2):
        store = SqlStore(where)
        snapshot = store.load()
        for name in ("tenants", "ports", "incidents", "maintenances", "tokens"):
            assert says(rows[name], getattr(snapshot, name)), name
        assert says([row for row in rows["services"] if row["live"]], snapshot.services)
        assert says(rows["services"], store.services(tenant=None, after=None, limit=99))
        assert says(rows.get("webhooks", []), snapshot.webhooks)
        assert says(rows.get("webhook_attempts", []), store.attempts("whk-a"))
        assert says(rows.get("freezes", []), [] if snapshot.freeze is None else [snapshot.freeze])
        assert snapshot.network is not None
        assert within(json.loads(rows["networks"][-1]["doc"]), json.loads(pack_network(snapshot.network)))
        assert snapshot.network_revision == rows["networks"][-1]["revision"] == 2
        for row in rows["answers"]:
            assert says([row], [store.answer(row["scope"], row["key"])])
        told(store, rows["events"])
        proofs(store, rows.get("proofs", []))
        journal(store, rows)
        secrets(where, rows)
        store.close()
    going_on(where, rows)


def told(store: SqlStore, rows: list[dict[str, Any]]) -> None:
    """Events are where they were, of all and of each tenant, and what they are searched by is known of old ones too."""
    found = store.events(after=0, limit=99, operator=True)
    assert [(one.sequence, one.tenant) for one in found] == [(row["sequence"], row["tenant"]) for row in rows]
    for row, one in zip(rows, found, strict=True):
        doc = json.loads(row["doc"])
        assert all(json.loads(pack(one))[key] == doc[key] for key in ("kind", "subject", "at_s", "tenant", "data"))
    for tenant in {row["tenant"] for row in rows} - {None}:
        own = store.events(after=0, limit=99, tenant=tenant)
        assert [one.tenant_sequence for one in own] == list(range(1, len(own) + 1))
        assert [one.sequence for one in own] == [row["sequence"] for row in rows if row["tenant"] == tenant]
        assert list(store.events(after=1, limit=99, tenant=tenant)) == list(own[1:])


def proofs(store: SqlStore, rows: list[dict[str, Any]]) -> None:
    """What was shown to a customer is there to the letter."""
    found = store.proofs.entries("svc-1", after=0, limit=99)
    assert [(one.sequence, one.signature, one.doc) for one in found] == [
        (row["sequence"], row["signature"], zlib.decompress(row["doc"])) for row in rows
    ]
    assert check(found, holds).whole


def journal(store: SqlStore, rows: Tables) -> None:
    """What was committed is still told; a store from before the journal begins it with what it has."""
    numbers = [row["number"] for row in rows.get("commits", [])]
    assert store.load().commit_number == (numbers[-1] if numbers else 0)
    assert [one.number for one in store.records(0, 99)] == numbers
    known, found = store.load(), store.at(numbers[-1] if numbers else 0)
    assert found == known
    if numbers:
        since = store.since(0)
        assert since is not None
        assert [number for number, _ in since] == numbers
        assert sum(len(commit.events) for _, commit in since) == len(rows["events"])
    assert store.log.head()[0] == len(rows.get("audit", []))


def secrets(where: Where, rows: Tables) -> None:
    """Keys stay, and the audit log is whole."""
    engine = open_engine(where)
    with engine.connect() as connection:
        kept = connection.execute(text("SELECT name, value FROM secrets")).all()
        assert [(one.name, bytes(one.value)) for one in kept] == [
            (row["name"], row["value"]) for row in rows.get("secrets", [])
        ]
        assert revision(connection) == newest()
        subjects = connection.execute(text("SELECT subject FROM events ORDER BY sequence")).scalars().all()
        assert subjects == [json.loads(row["doc"])["subject"] for row in rows["events"]]
    assert verify(AuditLog(engine).every()).whole
    engine.dispose()


def going_on(where: Where, rows: Tables) -> None:
    """Nothing is numbered a second time."""
    store = SqlStore(where)
    before = rows.get("epochs", [{"epoch": 0}])[0]["epoch"]
    assert store.raise_epoch() == before + 1
    last = max(row["sequence"] for row in rows["events"])
    own = sum(row["tenant"] == "acme" for row in rows["events"])
    (made,) = store.commit(Commit(events=[event("next", "acme")]))
    assert (made.sequence, made.tenant_sequence) == (last + 1, own + 1)
    store.close()


def test_the_tables_are_the_same_by_whichever_way(where: Where) -> None:
    """One step at a time, and all at once from the first."""
    rows = plant(where, revisions()[0])
    engine = open_engine(where)
    for before, after in pairwise(revisions()):
        with engine.begin() as connection:
            assert revision(connection) == before
            upgrade(connection, after)
    engine.dispose()
    store = SqlStore(where)
    told(store, rows["events"])
    store.close()
