"""Proofs at the command line: what is exported is verified, and where there is nothing to export no file says so."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from highroad.cli.proof import export
from highroad.errors import NotFound
from highroad.offline.proof import exported
from highroad.wire.proof import ProofEntryOut
from tests.unit.cli.conftest import Highroad
from tests.unit.model.test_proof import chain


def test_where_nothing_is_sealed_export_says_so_and_writes_no_file(highroad: Highroad, tmp_path: Path) -> None:
    service = highroad("service", "order", "campus-east", "cloud-west", "2G", "--json").json["id"]
    file = tmp_path / "it.proof"
    for words in (["-o", str(file)], []):
        ran = highroad("proof", "export", service, *words)
        assert (ran.code, ran.out) == (4, "")
        assert f"nothing is sealed of {service} yet: an entry is made after each hour, UTC" in ran.err
    assert not file.exists()
    shown = highroad("proof", "show", service)
    assert (shown.code, "nothing is sealed" in shown.out) == (0, True)
    highroad("service", "release", service)


def test_of_a_time_of_which_nothing_is_sealed_it_says_what_there_is(tmp_path: Path) -> None:
    entries = [
        ProofEntryOut(
            service=one.service, tenant=one.tenant, sequence=one.sequence, from_s=one.from_s, until_s=one.until_s,
            document=one.doc.decode(), hash=one.hash, signature=one.signature,
        )
        for one in chain(2)
    ]  # fmt: skip

    def proof(_: str, *, start: Any = None, end: Any = None) -> list[ProofEntryOut]:
        return [] if start is not None else entries

    door: Any = SimpleNamespace(client=SimpleNamespace(proof=proof), as_json=False, say=lambda *_: None)
    file = tmp_path / "it.proof"
    with pytest.raises(
        NotFound, match=r"in that time: what is there is of 2026-09-22 00:00:00Z to 2026-09-22 00:20:00Z"
    ):
        export(door, "svc-1", file, start=datetime(2027, 1, 1, tzinfo=UTC))
    assert not file.exists()
    export(door, "svc-1", file)
    assert [one.sequence for one in exported(file)] == [1, 2]
