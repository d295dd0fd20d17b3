"""Proofs on every store: only added to, each entry after the one before it, and by none who leads no longer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from highroad.errors import Deposed, Unavailable
from highroad.model.proof import check
from highroad.pki.signing import holds
from highroad.storage.engines import Where
from highroad.storage.store import SqlStore
from tests.unit.model.test_proof import START_S, chain


def test_a_chain_is_kept_to_the_letter(where: Where) -> None:
    store, entries = SqlStore(where), chain(4)
    store.proofs.seal(entries[:3])
    store.proofs.seal([entries[3], *(replace(one, service="svc-2") for one in entries[:2])])
    assert list(store.proofs.entries("svc-1", after=0, limit=9)) == entries
    assert list(store.proofs.entries("svc-1", after=1, limit=2)) == entries[1:3]
    part = store.proofs.entries("svc-1", after=0, limit=9, from_s=START_S + 600, until_s=START_S + 1201)
    assert list(part) == entries[1:3]
    heads = store.proofs.heads(["svc-1", "svc-2", "svc-3"])
    assert {name: one.sequence for name, one in heads.items()} == {"svc-1": 4, "svc-2": 2}
    assert check(store.proofs.entries("svc-1", after=0, limit=9), holds).whole
    store.close()


def test_what_does_not_follow_is_not_added_and_neither_is_what_came_with_it(where: Where) -> None:
    store, entries = SqlStore(where), chain(4)
    store.proofs.seal(entries[:1])
    for wrong in (entries[:1], entries[2:3], entries[3:]):
        with pytest.raises(Unavailable):
            store.proofs.seal([replace(entries[0], service="svc-2"), *wrong])
    assert list(store.proofs.entries("svc-1", after=0, limit=9)) == entries[:1]
    assert not store.proofs.heads(["svc-2"])
    store.close()


def test_who_leads_no_longer_seals_nothing(where: Where) -> None:
    first, second = SqlStore(where), SqlStore(where)
    first.lead(first.raise_epoch())
    first.proofs.seal(chain(1))
    second.lead(second.raise_epoch())
    with pytest.raises(Deposed):
        first.proofs.seal(chain(2)[1:])
    second.proofs.seal(chain(1)[:0])
    assert first.proofs.heads(["svc-1"])["svc-1"].sequence == 1
    first.close()
    second.close()
