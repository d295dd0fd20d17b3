"""The audit log as doors fill and show it: every change with who asked, every refusal, and no other tenant's rows."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from highroad.api import notes
from highroad.main import application
from highroad.model.audit import Link, verify
from highroad.model.service import TenantId
from highroad.offline.audit import _link
from tests.support.backbone import Backbone, backbone, serving

ORDER: dict[str, Any] = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 10}


async def _rows(world: Backbone, token: str) -> list[dict[str, Any]]:
    async with world.http(token) as http:
        rows: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = (await http.get(f"/v1/audit?limit=3{cursor}")).json()
            rows += page["items"]
            if page["next_cursor"] is None:
                return rows
            cursor = f"&cursor={page['next_cursor']}"


async def _admin(world: Backbone, tenant: str) -> str:
    async with world.http(world.operator) as http:
        return str((await http.post("/v1/tokens", json={"tenant": tenant, "role": "admin"})).json()["token"])


def test_every_change_is_in_the_log_with_who_asked_for_it() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http, world.http(world.operator) as operator:
            before = len(await _rows(world, world.operator))
            mine = {"X-Request-Id": "mine"}
            made = await http.post("/v1/services", json=ORDER, headers=mine | {"Idempotency-Key": "k"})
            service = made.json()["id"]
            await http.post("/v1/services", json=ORDER, headers={"Idempotency-Key": "k"})
            await http.post("/v1/services?dry_run=true", json=ORDER)
            assert (await http.post("/v1/services", json=ORDER | {"bandwidth_gbps": 10_000})).status_code in (409, 422)
            await http.delete(f"/v1/services/{service}")
            await operator.put("/v1/freeze", json={"reason": "Christmas"})
            await operator.post("/v1/lab/cuts", json={"fibre": "pop-ash--pop-chi"})
            await operator.get("/v1/services")
            rows = (await _rows(world, world.operator))[before:]
            told = [(one["what"], one["subject"], one["tenant"], one["role"], one["status"]) for one in rows]
            assert told == [
                ("PlaceOrder", service, "acme", "member", 201),
                ("ReleaseService", service, "acme", "member", 200),
                ("FreezeChanges", rows[2]["subject"], None, "operator", 200),
                ("cut", "", None, "operator", 201),
            ]
            assert (rows[0]["request"], rows[0]["method"], rows[0]["path"]) == ("mine", "POST", "/v1/services")
            assert rows[0]["address"] == "127.0.0.1"
            assert rows[0]["who"].startswith("tok-")
            assert [one["sequence"] for one in rows] == list(range(before + 1, before + 5))

    asyncio.run(run())


def test_what_the_api_shows_can_be_verified() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            await http.post("/v1/services", json=ORDER)
            rows = await _rows(world, world.operator)
            async with world.http(world.operator) as operator:
                head = (await operator.get("/v1/audit")).json()["head"]
            links = [
                Link(sequence=one["sequence"], hash=one["hash"], doc=one["document"].encode(),
                     asker=one["tenant"], owner=one["of"])
                for one in rows
            ]  # fmt: skip
            assert verify(links, head["hash"]).whole
            assert head["rows"] == len(rows)

    asyncio.run(run())


def test_refusals_are_in_the_log_and_cannot_fill_it() -> None:
    async def run() -> None:
        async with backbone() as world:
            before = len(await _rows(world, world.operator))
            async with world.http("highroad_wrong") as nobody, world.http(world.acme) as acme:
                for _ in range(7):
                    assert (await nobody.get("/v1/services")).status_code == 401
                for number in range(100):
                    assert (await nobody.get(f"/v1/services/svc-{number}")).status_code == 401
                assert (await acme.get("/v1/tenants")).status_code == 403
            await world.app.state.notes.settle()
            rows = (await _rows(world, world.operator))[before:]
            assert {one["what"] for one in rows} == {"refused"}
            assert len(rows) <= notes.MOST_ROWS + 2
            assert sum(one["count"] for one in rows) == 108
            first = rows[0]
            assert (first["count"], first["status"], first["path"], first["who"]) == (7, 401, "/v1/services", "")
            assert [(one["status"], one["count"]) for one in rows if one["status"] == 403] == [(403, 1)]

    asyncio.run(run())


def test_nobody_makes_the_refusals_of_another_nameless() -> None:
    async def run() -> None:
        async with backbone() as world:
            before = len(await _rows(world, world.operator))
            async with world.http("highroad_wrong") as nobody, world.http(world.acme) as acme:
                for number in range(notes.MOST_ROWS + 5):
                    assert (await nobody.get(f"/v1/services/svc-{number}")).status_code == 401
                for number in range(notes.MOST_ROWS + 5):
                    assert (await acme.patch(f"/v1/tenants/t{number}/quota", json={})).status_code == 403
            async with world.http(world.rival) as rival:
                assert (await rival.get("/v1/tenants")).status_code == 403
            await world.app.state.notes.settle()
            rows = (await _rows(world, world.operator))[before:]
            known = [one for one in rows if one["tenant"] == "acme"]
            assert len(known) == notes.MOST_ROWS + 1
            assert {one["who"] for one in known} == {known[0]["who"]} != {""}
            assert (known[-1]["count"], known[-1]["path"], known[-1]["tenant"]) == (5, "", "acme")
            assert (rows[-1]["tenant"], rows[-1]["path"], rows[-1]["address"]) == ("rival", "/v1/tenants", "127.0.0.1")

    asyncio.run(run())


def test_a_tenant_sees_its_own_rows_and_nothing_of_others() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as acme, world.http(world.rival) as rival:
            admin = await _admin(world, "acme")
            for http in (acme, rival, rival, acme):
                assert (await http.post("/v1/services", json=ORDER)).status_code == 201
            async with world.http(world.operator) as operator:
                assert (await operator.post("/v1/services?tenant=acme", json=ORDER)).status_code == 201
            rows = await _rows(world, admin)
            assert [one["what"] for one in rows] == ["AddTenant", *["AddPort"] * 3, "IssueToken", "IssueToken",
                                                     *["PlaceOrder"] * 3]  # fmt: skip
            assert {one["of"] for one in rows} == {"acme"}
            assert rows[-1]["role"] == "operator"
            assert rows[-1]["who"] is rows[-1]["address"] is None
            for one in rows:
                assert one["sequence"] is one["hash"] is one["document"] is one["event"] is None
            assert "rival" not in json.dumps(rows)
            # Nothing in its pages changes with what others do.
            await rival.post("/v1/services", json=ORDER)
            assert await _rows(world, admin) == rows
            assert (await acme.get("/v1/audit")).status_code == 403

    asyncio.run(run())


def test_a_row_is_written_with_its_change_or_not_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            before = await _rows(world, world.operator)
            store: Any = world.controller._store
            failing = type(store)._write

            def broken(*args: object) -> None:
                failing(*args)
                raise OSError("no space")

            monkeypatch.setattr(type(store), "_write", broken)
            assert (await http.post("/v1/services", json=ORDER)).status_code == 503
            monkeypatch.undo()
            assert await _rows(world, world.operator) == before
            assert (await http.post("/v1/services", json=ORDER)).status_code == 201
            assert len(await _rows(world, world.operator)) == len(before) + 1

    asyncio.run(run())


def test_the_command_line_verifies_a_store_and_an_export(tmp_path: Path) -> None:
    from highroad.storage.store import SqlStore
    from tests.contract.store.test_audit import fill

    path = tmp_path / "highroad.db"
    store = SqlStore(path)
    head = fill(store)
    lines = [{"sequence": one.sequence, "hash": one.hash, "document": one.doc.decode()} for one in store.log.links()]
    store.close()
    app, run = application(), CliRunner()
    good = run.invoke(app, ["audit", "verify", "--store", str(path), "--head", head])
    assert (good.exit_code, good.output) == (0, f"OK: 8 rows, head {head}\n")
    export = tmp_path / "audit.jsonl"
    export.write_text("\n".join(json.dumps(one) for one in lines))
    assert run.invoke(app, ["audit", "verify", "--file", str(export), "--head", head]).exit_code == 0
    export.write_text("\n".join(json.dumps(one) for one in lines[:3] + lines[4:]))
    bad = run.invoke(app, ["audit", "verify", "--file", str(export), "--json"])
    assert bad.exit_code == 1
    assert json.loads(bad.output)["wrong"][0] == "row 4 is missing"
    for wrong in (["--file", str(tmp_path / "none")], ["--store", str(tmp_path / "none")], ["--head", "x"]):
        assert run.invoke(app, ["audit", "verify", *wrong]).exit_code == 2


def test_what_the_controller_does_by_itself_is_said_to_be_its_own() -> None:
    async def run() -> None:
        async with backbone() as world:
            await world.controller.issue_token(tenant=TenantId("acme"), label="own")
            last = (await _rows(world, world.operator))[-1]
            assert (last["what"], last["role"], last["who"]) == ("IssueToken", "controller", "")

    asyncio.run(run())


BY_HAND = {
    "a word is replaced": "UPDATE audit SET doc = replace(doc, 'operator', 'engineer') WHERE sequence = 5",
    "the type is another": "UPDATE audit SET doc = CAST(doc AS TEXT) WHERE sequence = 5",
    "no row": "UPDATE audit SET doc = CAST('{}' AS BLOB) WHERE sequence = 5",
    "no JSON": "UPDATE audit SET doc = x'ff00' WHERE sequence = 5",
    "a number": "UPDATE audit SET doc = 7 WHERE sequence = 5",
    "its owner": "UPDATE audit SET owner = 'rival' WHERE sequence = 5",
    "its place": "UPDATE audit SET sequence = 'x' WHERE sequence = 5",
    "put in before": "INSERT INTO audit SELECT -1, hash, asker, owner, doc FROM audit WHERE sequence = 5",
    "put in at texts": "INSERT INTO audit SELECT 'x' || sequence, hash, asker, owner, doc FROM audit",
}


def test_a_log_that_was_edited_by_hand_is_still_listed_and_verified_over_the_api(tmp_path: Path) -> None:
    """One row after another: each way is blamed, and none ends the list, the export or what a tenant sees."""

    def verified(rows: list[dict[str, Any]]) -> tuple[str, ...]:
        links = (_link(one["sequence"], one["hash"], one["document"], one["wrong"], "") for one in rows)
        return verify(links).wrong

    async def run(statement: str) -> None:
        async with backbone() as world:
            admin = await _admin(world, "acme")
            before = await _rows(world, world.operator)
            own = await _rows(world, admin)
            assert verified(before) == ()
            store: Any = world.controller._store
            with store._engine.begin() as connection:
                connection.exec_driver_sql(statement)
            rows = await _rows(world, world.operator)
            added = statement.startswith("INSERT")
            assert len(rows) == len(before) * (2 if "||" in statement else 1) + (added and "||" not in statement)
            assert any("row 5 " in one or "row -1 " in one or "a row " in one for one in verified(rows)), verified(rows)
            seen = await _rows(world, admin)
            assert seen == own if added else abs(len(seen) - len(own)) <= 1

    for statement in BY_HAND.values():
        asyncio.run(run(statement))


def test_an_export_takes_an_operators_token(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with backbone() as world, serving(world) as url:
            admin = await _admin(world, "acme")
            monkeypatch.setenv("HIGHROAD_URL", url)
            for token, code in ((admin, 5), (world.operator, 0)):
                monkeypatch.setenv("HIGHROAD_TOKEN", token)
                got = await asyncio.to_thread(CliRunner().invoke, application(), ["audit", "export"])
                assert got.exit_code == code, got.output
                assert ("takes an operator's token" in got.output) == (code == 5)

    asyncio.run(run())
