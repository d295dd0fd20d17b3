"""Proofs through the doors: exported to the letter, verified without a controller, and nobody else's to see."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from highroad.main import application
from highroad.model.proof import FORMAT
from highroad.pki.signing import Signer, new_key, signer_in
from tests.support.backbone import backbone
from tests.unit.model.test_proof import OTHER, SIGNER, chain

ORDER = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 2.0}


def test_a_chain_is_read_in_pages_by_whose_it_is() -> None:
    async def story() -> None:
        async with backbone() as world, world.http(world.acme) as acme, world.http(world.rival) as rival:
            assert (await acme.get("/v1/proofs/key")).status_code == 409
            world.controller.signer = SIGNER
            assert (await acme.get("/v1/proofs/key")).json()["key"] == SIGNER.key
            service = (await acme.post("/v1/services", json=ORDER)).json()["id"]
            url = f"/v1/proofs/services/{service}"
            assert (await acme.get(url)).json() == {"items": [], "next_cursor": None}
            entries = [replace(one, service=service) for one in chain(4)]
            world.controller._store.proofs.seal(entries)
            page = (await acme.get(url, params={"limit": "3"})).json()
            rest = (await acme.get(url, params={"cursor": page["next_cursor"]})).json()
            items = [*page["items"], *rest["items"]]
            assert [one["document"].encode() for one in items] == [one.doc for one in entries]
            assert [one["hash"] for one in items] == [one.hash for one in entries]
            assert rest["next_cursor"] is None
            assert (await rival.get(url)).status_code == 404
            assert (await acme.get(url, params={"cursor": "eA"})).status_code == 422

    asyncio.run(story())


def _exported(folder: Path) -> Path:
    entries = [
        {"document": one.doc.decode(), "hash": one.hash}
        | {name: getattr(one, name) for name in ("service", "tenant", "sequence", "from_s", "until_s", "signature")}
        for one in chain(4)
    ]
    file = folder / "svc-1.proof"
    file.write_text(json.dumps({"format": FORMAT, "entries": entries}), encoding="utf-8")
    return file


def test_the_command_says_what_is_whole_and_what_is_not(tmp_path: Path) -> None:
    file = _exported(tmp_path)

    def verify(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(application(), ["proof", "verify", str(file), *words])
        return done.exit_code, done.output

    code, said = verify()
    assert code == 0, said
    assert "OK: svc-1, 4 entries" in said
    assert "12 min were promised and not measured" in said
    assert "nobody vouched" in said
    assert "not in this file" not in said
    every = json.loads(file.read_text())
    later = tmp_path / "later.proof"
    later.write_text(json.dumps(every | {"entries": every["entries"][2:]}))
    done = CliRunner().invoke(application(), ["proof", "verify", str(later)])
    assert (done.exit_code, "entries 1 to 2 are not in this file" in done.output) == (0, True), done.output
    key = tmp_path / "operator.pub"
    key.write_text(SIGNER.key + "\n")
    code, said = verify("--key", str(key), "--json")
    told = json.loads(said)
    assert (code, told["whole"], told["key_checked"], told["from"]) == (0, True, True, "2026-09-22T00:00:00.000Z")
    assert verify("--head", told["head"])[0] == 0
    assert verify("--head", "f" * 64)[0] == 1
    code, said = verify("--key", OTHER.key)
    assert code == 1
    assert "signed it, and not" in said
    assert verify("--key", "nonsense")[0] == 2
    text = file.read_text()
    changed = text.replace('dark_ms\\":3', 'dark_ms\\":0')
    assert changed != text
    file.write_text(changed)
    code, said = verify()
    assert code == 1
    assert "is not what was signed" in said
    far = text.replace('\\"until_s\\":', '\\"until_s\\":999999999')
    assert far != text
    file.write_text(far)
    code, said = verify("--json")
    assert (code, json.loads(said)["whole"]) == (1, False)
    file.write_text("{}")
    assert verify()[0] == 2


@pytest.mark.parametrize("given", ["g" * 6000, "-----BEGIN" + "x" * 6000, "nonsense", "\u00e9" * 6000, "a/" * 3000])
def test_what_is_no_key_is_said_once_and_shortly(tmp_path: Path, given: str) -> None:
    file = _exported(tmp_path)
    for words in ([], ["--json"]):
        done = CliRunner().invoke(application(), ["proof", "verify", str(file), "--key", given, *words])
        assert done.exit_code == 2
        assert "is neither a file with nor a public key of Ed25519" in done.output
        assert len(done.output) < 400
    key = tmp_path / "some.pub"
    key.write_text(given)
    done = CliRunner().invoke(application(), ["proof", "verify", str(file), "--key", str(key)])
    assert (done.exit_code, "is a file without a public key" in done.output) == (2, True)
    assert len(done.output) < 400
    done = CliRunner().invoke(application(), ["proof", "verify", str(file), "--head", given])
    assert (done.exit_code, len(done.output) < 600) == (1, True)


def test_the_key_is_made_once_and_is_its_owners_only(tmp_path: Path) -> None:
    path = tmp_path / "proof.key"
    first = signer_in(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert signer_in(path).key == first.key
    assert Signer(new_key()).key != first.key


def test_what_has_no_end_is_no_proof() -> None:
    done = CliRunner().invoke(application(), ["proof", "verify", "/dev/zero"])
    assert done.exit_code == 2
    assert "it is too large" in done.output
