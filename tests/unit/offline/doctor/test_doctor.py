"""Every check of `highroad doctor` fails where what it looks at is broken on purpose, and says what to do."""

from __future__ import annotations

import fcntl
import json
import os
import socket
import sqlite3
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from highroad.client.home import Credentials, write_credentials
from highroad.main import application
from highroad.offline.doctor import controller, keeping, machine
from highroad.offline.doctor.database import database as looked_at
from highroad.offline.doctor.examine import Place, checks, examine
from highroad.offline.doctor.said import Said, Verdict, wrong
from highroad.pki.peer import Role
from highroad.pki.store import Pki
from highroad.storage.migrate import revisions
from highroad.storage.store import SqlStore

DURABLE = {
    "server_version_num": "150004",
    "server_encoding": "UTF8",
    "max_connections": "100",
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
}


def _is(said: Said, verdict: Verdict, words: str) -> None:
    assert (said.verdict, words in said.found) == (verdict, True), said
    assert bool(said.remedy) == (verdict in (Verdict.WRONG, Verdict.ODD)), said


def test_an_old_python() -> None:
    _is(machine.python((3, 10, 2)), Verdict.WRONG, "3.10.2")
    _is(machine.python(), Verdict.GOOD, "Python 3")


def test_a_package_that_is_missing_or_old() -> None:
    def version(name: str) -> str:
        if name == "numpy":
            raise metadata.PackageNotFoundError(name)
        return "0.1" if name == "fastapi" else "99.0"

    said = machine.packages(version, lambda _: ["numpy>=2.0", "fastapi>=0.120", "psycopg[binary]>=3.2", "rich"])
    _is(said, Verdict.WRONG, "numpy is missing; fastapi is 0.1, and 0.120 is needed")
    assert "psycopg" not in said.found
    _is(machine.packages(), Verdict.GOOD, "highroad")

    def none(_: str) -> Sequence[str]:
        raise metadata.PackageNotFoundError

    _is(machine.packages(requires=none), Verdict.WRONG, "not installed")


def test_a_clock_that_nobody_keeps() -> None:
    _is(machine.clock(lambda: 0x2040), Verdict.ODD, "No NTP")
    _is(machine.clock(lambda: 0x2001), Verdict.GOOD, "synchronised")
    _is(machine.clock(lambda: None), Verdict.NOTHING, "does not tell")
    assert machine.clock().verdict in (Verdict.GOOD, Verdict.ODD)


def test_limits_that_are_too_low(tmp_path: Path) -> None:
    _is(machine.limits(1024, tmp_path, "x"), Verdict.ODD, "1024 open files")
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "pids.max").write_text("100\n")
    (tmp_path / "x" / "memory.max").write_text(f"{64 * 2**20}\n")
    said = machine.limits(65536, tmp_path, "x")
    _is(said, Verdict.ODD, "100 tasks")
    assert "64 MiB" in said.found
    (tmp_path / "x" / "pids.max").write_text("max\n")
    (tmp_path / "x" / "memory.max").write_text("max\n")
    _is(machine.limits(65536, tmp_path, "x"), Verdict.GOOD, "65536")


def test_a_kernel_without_what_routers_need() -> None:
    lacking = ["The kernel has no VXLAN.", "BIRD is not installed."]
    _is(machine.kernel(lambda: lacking, "linux"), Verdict.WRONG, "VXLAN")
    assert "BIRD" not in machine.kernel(lambda: lacking, "linux").found
    _is(machine.kernel(lambda: lacking, "auto"), Verdict.NOTHING, "a model carries")
    _is(machine.kernel(list, "linux"), Verdict.GOOD, "can run")


def test_no_bird(tmp_path: Path) -> None:
    _is(machine.bird(str(tmp_path), "linux"), Verdict.WRONG, "not installed")
    _is(machine.bird(str(tmp_path)), Verdict.NOTHING, "not installed")
    (tmp_path / "bird").write_text("#!/bin/sh\n")
    (tmp_path / "bird").chmod(0o755)
    _is(machine.bird(str(tmp_path), "linux"), Verdict.GOOD, "bird")


def test_what_a_lab_left(tmp_path: Path) -> None:
    spaces, run = tmp_path / "netns", tmp_path / "run"
    _is(machine.leftovers(spaces, run), Verdict.GOOD, "none")
    spaces.mkdir()
    for name in ("hr-0badcafe-r-denver", "hr-00c0ffee-wires", "hr-try-17", "of-somebody-else"):
        (spaces / name).touch()
    for lab in ("0badcafe", "00c0ffee", "12345678"):
        (run / lab / "processes").mkdir(parents=True)
    said = machine.leftovers(spaces, run, alive=lambda folder: folder.name == "00c0ffee")
    _is(said, Verdict.ODD, "2 network namespaces (hr-0badcafe-r-denver, hr-try-17) and 2 folders")
    assert "00c0ffee" not in said.found
    assert machine.leftovers(spaces, run).verdict is Verdict.ODD  # none of them runs


def test_a_home_that_is_not_ours_or_open_to_all(tmp_path: Path) -> None:
    home = tmp_path / "home"
    _is(keeping.home(home), Verdict.NOTHING, "first `highroad up`")
    home.touch()
    _is(keeping.home(home), Verdict.WRONG, "no folder")
    home.unlink()
    home.mkdir(mode=0o700)
    _is(keeping.home(home), Verdict.GOOD, "home")
    _is(keeping.home(home, user=12345), Verdict.WRONG, "belongs to user")
    home.chmod(0o755)
    _is(keeping.home(home), Verdict.ODD, "Others can look into")
    home.chmod(0o700)
    (home / "credentials.json").touch(0o644)
    (home / "credentials.json").chmod(0o644)
    _is(keeping.home(home), Verdict.GOOD, "home")  # nobody gets at what is in a folder of 0700
    home.chmod(0o755)
    said = keeping.home(home)
    _is(said, Verdict.ODD, "credentials.json")
    assert said.remedy == f"chmod 700 {home}"


def test_a_home_that_cannot_be_made_also_where_root_may_write_everything(tmp_path: Path) -> None:
    _is(keeping.home(Path("/proc/nope")), Verdict.WRONG, "in /proc no folder can be made")
    (tmp_path / "link").symlink_to("/proc/nope")
    _is(keeping.home(tmp_path / "link"), Verdict.WRONG, "in /proc no folder can be made")
    (tmp_path / "good").symlink_to(tmp_path / "a" / "b")
    _is(keeping.home(tmp_path / "good"), Verdict.NOTHING, "first `highroad up`")
    assert {one.name for one in tmp_path.iterdir()} == {"link", "good"}


def test_a_store_that_is_empty_or_elsewhere_is_no_trouble(tmp_path: Path) -> None:
    (tmp_path / "highroad.db").touch()
    _is(keeping.store(tmp_path, revisions()), Verdict.NOTHING, "is empty: the first `highroad up` fills it")
    said = {one.check: one for one in examine(replace(_place(tmp_path / "new"), database="postgresql://h:1/x"))}
    _is(said["store"], Verdict.NOTHING, "not in the home")


@pytest.mark.parametrize("url", ["", "sqlite:///x", "nonsense", "postgresqlx://h/n"])
def test_a_database_that_up_refuses_is_wrong(url: str) -> None:
    _is(looked_at(url), Verdict.WRONG, "`highroad up` refuses it")
    _is(looked_at(None), Verdict.NOTHING, "in the home")


def test_what_is_to_be_done_to_a_database_is_of_what_was_found() -> None:
    def remedy(**facts: str) -> str:
        return looked_at("postgresql://x", ask=lambda _: DURABLE | {"now": "0"} | facts, now=lambda: 0.0).remedy

    assert remedy(fsync="off") == "Set fsync = on in postgresql.conf."
    assert remedy(server_encoding="LATIN1") == "Make the database anew with ENCODING 'UTF8'."
    assert remedy(now="9") == "Keep both clocks by NTP."


def test_a_disk_that_is_full(tmp_path: Path) -> None:
    _is(keeping.disk(tmp_path, 50 * 2**20), Verdict.WRONG, "50 MiB free")
    _is(keeping.disk(tmp_path, 500 * 2**20), Verdict.ODD, "500 MiB free")
    assert keeping.disk(tmp_path / "not" / "there").verdict is not Verdict.NOTHING


@pytest.mark.parametrize(
    ("kind", "verdict"),
    [("nfs4", Verdict.WRONG), ("cifs", Verdict.WRONG), ("9p", Verdict.WRONG), ("fuse.sshfs", Verdict.WRONG),
     ("tmpfs", Verdict.ODD), ("ext4", Verdict.GOOD), ("xfs", Verdict.GOOD), ("overlay", Verdict.GOOD)],
)  # fmt: skip
def test_a_file_system_on_which_locks_do_not_hold(tmp_path: Path, kind: str, verdict: Verdict) -> None:
    home = tmp_path / "a b" / "home"
    home.mkdir(parents=True)
    point = str(tmp_path / "a b").replace(" ", "\\040")
    mounts = tmp_path / "mountinfo"
    mounts.write_text(
        f"21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n99 21 0:50 / {point} rw - {kind} server:/x rw\n"
    )
    _is(keeping.filesystem(home / "new", mounts), verdict, kind)
    _is(keeping.filesystem(home, tmp_path / "none"), Verdict.NOTHING, "does not tell")


def test_a_lock_of_somebody_else_and_who_holds_ours(tmp_path: Path) -> None:
    _is(keeping.lock(tmp_path), Verdict.NOTHING, "Nobody")
    with (tmp_path / "lock").open("w") as file:
        _is(keeping.lock(tmp_path), Verdict.GOOD, "nobody is up")
        fcntl.flock(file, fcntl.LOCK_EX)
        _is(keeping.lock(tmp_path), Verdict.GOOD, f"process {os.getpid()} is up")
    if os.geteuid() != 0:
        (tmp_path / "lock").chmod(0o400)
        _is(keeping.lock(tmp_path, user=12345), Verdict.WRONG, "a start cannot take it")


def test_a_store_that_is_damaged_newer_or_older(tmp_path: Path) -> None:
    _is(keeping.store(tmp_path, revisions()), Verdict.NOTHING, "first `highroad up`")
    file = tmp_path / "highroad.db"
    SqlStore(file).close()
    _is(keeping.store(tmp_path, revisions()), Verdict.GOOD, "whole, 0 events")
    _is(keeping.store(tmp_path, ("0000",)), Verdict.WRONG, "newer version")
    _is(keeping.store(tmp_path, (*revisions(), "9999")), Verdict.ODD, "goes to 9999")
    with closing(sqlite3.connect(file)) as store:
        store.execute("PRAGMA journal_mode=DELETE")
    _is(keeping.store(tmp_path, revisions()), Verdict.ODD, "not wal")
    with file.open("r+b") as raw:
        raw.seek(4096)
        raw.write(b"\xa5" * 8192)
    _is(keeping.store(tmp_path, revisions()), Verdict.WRONG, "highroad.db")
    file.write_bytes(b"this is no database at all" * 100)
    _is(keeping.store(tmp_path, revisions()), Verdict.WRONG, "cannot be read")


def test_a_store_whose_log_has_grown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "LONG_WAL_BYTES", 100)
    store = SqlStore(tmp_path / "highroad.db")
    _is(keeping.store(tmp_path, revisions()), Verdict.ODD, "its log is")
    store.close()


@pytest.mark.parametrize(
    ("facts", "verdict", "words"),
    [
        ({}, Verdict.GOOD, "PostgreSQL 15"),
        ({"fsync": "off"}, Verdict.WRONG, "fsync is off"),
        ({"full_page_writes": "off"}, Verdict.WRONG, "full_page_writes is off"),
        ({"synchronous_commit": "off"}, Verdict.ODD, "synchronous_commit is off"),
        ({"revision": "9999"}, Verdict.WRONG, "newer version, at 9999"),
        ({"server_version_num": "90624"}, Verdict.WRONG, "version 9"),
        ({"server_encoding": "SQL_ASCII"}, Verdict.WRONG, "SQL_ASCII"),
        ({"max_connections": "5"}, Verdict.ODD, "5 connections"),
        ({"now": "1010.0"}, Verdict.ODD, "+10.0 s off"),
    ],
)
def test_a_database_that_is_not_fit(facts: dict[str, str], verdict: Verdict, words: str) -> None:
    said = looked_at("postgresql://x", revisions(), lambda _: DURABLE | {"now": "1000.0"} | facts, lambda: 1000.0)
    _is(said, verdict, words)


def test_a_real_database_that_is_not_durable(database: str) -> None:
    """The server of the tests is fast, and loses what it was told when the power goes."""
    from highroad.offline.doctor.database import _asked

    _is(looked_at(database), Verdict.WRONG, "fsync is off: what was acknowledged can be lost")
    facts = dict(_asked(database))
    assert (facts["server_encoding"], facts.get("revision")) == ("UTF8", None)
    assert abs(float(facts["now"]) - time.time()) < 5
    SqlStore(database).close()
    facts = {**_asked(database), "fsync": "on", "full_page_writes": "on"}
    _is(looked_at(database, revisions(), lambda _: facts), Verdict.GOOD, "PostgreSQL")
    _is(looked_at(database, ("0001",), lambda _: facts), Verdict.WRONG, "newer version")
    name = database.rpartition("/")[2]
    _is(looked_at(database.replace(name, "none_of_this_name")), Verdict.WRONG, "does not answer")


def test_a_database_that_is_not_there() -> None:
    _is(looked_at(None), Verdict.NOTHING, "SQLite")
    _is(looked_at("mysql://x"), Verdict.WRONG, "no address of PostgreSQL")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        free = taken.getsockname()[1]
    _is(looked_at(f"postgresql://u:secret@127.0.0.1:{free}/x"), Verdict.WRONG, "does not answer")
    assert "secret" not in looked_at(f"postgresql://u:secret@127.0.0.1:{free}/x").found


def test_a_port_that_somebody_else_has(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        number = taken.getsockname()[1]
        _is(controller.port("127.0.0.1", number, tmp_path), Verdict.WRONG, f"process {os.getpid()}, ")
        with (tmp_path / "lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            _is(controller.port("127.0.0.1", number, tmp_path), Verdict.GOOD, "the controller that is up")
    _is(controller.port("127.0.0.1", number, tmp_path), Verdict.GOOD, "free")
    _is(controller.port("127.0.0.1", 0, tmp_path), Verdict.NOTHING, "free")
    _is(controller.port("no.such.host.invalid", 80, tmp_path), Verdict.WRONG, "no address")


def test_a_controller_that_is_up_and_does_not_answer(tmp_path: Path) -> None:
    _is(controller.api(tmp_path, "1"), Verdict.NOTHING, "No controller was up")
    _is(controller.token(tmp_path), Verdict.NOTHING, "None is kept")
    with socket.create_server(("127.0.0.1", 0)) as free:
        number = free.getsockname()[1]
    write_credentials(Credentials(url=f"http://127.0.0.1:{number}", operator_token="hr_x"), tmp_path)
    _is(controller.api(tmp_path, "1"), Verdict.NOTHING, "nobody answers")
    _is(controller.token(tmp_path), Verdict.NOTHING, "Nobody answers")
    with (tmp_path / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        _is(controller.api(tmp_path, "1"), Verdict.WRONG, "does not answer")
    (tmp_path / "credentials.json").write_text("[1]")
    _is(controller.api(tmp_path, "1"), Verdict.WRONG, "no credentials file")


def test_a_controller_that_is_not_ready_old_or_late_and_a_token_that_is_void(tmp_path: Path) -> None:
    says: dict[str, Any] = {"status": 200, "version": "1", "late_s": 0.0, "session": 200}

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status = {"/readyz": says["status"], "/v1/session": says["session"]}.get(self.path, 200)
            body = json.dumps({"version": says["version"], "detail": "store: it cannot be written", "role": "operator"})
            self.send_response_only(status)
            self.send_header("date", formatdate(time.time() + says["late_s"], usegmt=True))
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_address[1]}"
        write_credentials(Credentials(url=url, operator_token="hr_x"), tmp_path)
        _is(controller.api(tmp_path, "1"), Verdict.GOOD, "answers, 1")
        _is(controller.token(tmp_path), Verdict.GOOD, "operator")
        _is(controller.api(tmp_path, "2"), Verdict.ODD, "runs 1, and 2 is installed")
        says["late_s"] = 3600.0
        _is(controller.api(tmp_path, "1"), Verdict.ODD, "clock is +3")
        says |= {"status": 503, "session": 401}
        _is(controller.api(tmp_path, "1"), Verdict.WRONG, "store: it cannot be written")
        _is(controller.token(tmp_path), Verdict.WRONG, "not good")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_page_that_is_not_built(tmp_path: Path) -> None:
    _is(controller.page(tmp_path), Verdict.ODD, "not built")
    (tmp_path / "index.html").touch()
    _is(controller.page(tmp_path), Verdict.GOOD, "built")


def test_certificates_that_expire(tmp_path: Path) -> None:
    now_s = time.time()
    _is(controller.certificates(tmp_path / "pki", now_s), Verdict.NOTHING, "no authority")
    pki = Pki.ensure(tmp_path / "pki", at_s=now_s)
    pki.issue("denver", Role.AGENT, at_s=now_s, days=60)
    _is(controller.certificates(pki.directory, now_s), Verdict.GOOD, "2, the first")
    later_s = now_s + timedelta(days=40).total_seconds()
    _is(controller.certificates(pki.directory, later_s), Verdict.ODD, "within 30 days: denver")
    _is(controller.certificates(pki.directory, now_s + 61 * 86_400), Verdict.WRONG, "Expired: denver")
    (pki.directory / "ca.crt").write_bytes(b"nonsense")
    _is(controller.certificates(pki.directory, now_s), Verdict.WRONG, "cannot be read")
    assert datetime.fromtimestamp(later_s, UTC).year >= 2026


def _place(home: Path) -> Place:
    return Place(home=home, host="127.0.0.1", port=0, fabric="twin", pki=home / "pki", page=home, version="1",
        known=revisions())  # fmt: skip


def test_one_check_that_breaks_holds_up_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> Said:
        raise PermissionError(13, "not yours")

    monkeypatch.setattr(machine, "clock", broken)
    monkeypatch.setattr(keeping, "store", lambda *_: wrong("store", "damaged", "restore"))
    said = {one.check: one for one in examine(_place(tmp_path))}
    assert list(said) == list(checks(_place(tmp_path)))
    assert "not yours" in said["clock"].found
    assert [name for name, one in said.items() if one.verdict is Verdict.WRONG] == ["store", "clock"]


def test_the_command_tells_all_and_fails_where_something_is_wrong(tmp_path: Path) -> None:
    environment = {"HIGHROAD_PORT": "0", "HIGHROAD_FABRIC": "twin", "TERM": "dumb", "COLUMNS": "200"}
    words = ["doctor", "--home", str(tmp_path / "home"), "--json"]
    done = CliRunner().invoke(application(), words, env=environment)
    told = json.loads(done.stdout)
    assert (done.exit_code, told["wrong"]) == (0, 0), told
    (tmp_path / "home").mkdir(mode=0o700)
    (tmp_path / "home" / "highroad.db").write_bytes(b"nonsense" * 1000)
    done = CliRunner().invoke(application(), words, env=environment)
    assert (done.exit_code, json.loads(done.stdout)["wrong"]) == (2, 1)
    done = CliRunner().invoke(application(), words[:-1], env=environment)
    assert done.exit_code == 2
    assert "→ Stop highroad, move it away, and restore a backup." in done.stdout
    assert "1 of 19 checks found something wrong." in done.stdout
