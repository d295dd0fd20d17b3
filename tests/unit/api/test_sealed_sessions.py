"""A cookie that is good at any process."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from highroad.api.sessions import SealedSessions
from highroad.errors import Unauthenticated


def test_a_cookie_of_one_process_is_good_at_another_until_it_signs_out() -> None:
    key = SealedSessions.new_key()
    here, there = SealedSessions(key), SealedSessions(key)
    cookie = here.open("hr_secret")
    assert "hr_secret" not in cookie
    assert there.token(cookie) == "hr_secret"
    there.close(cookie)
    with pytest.raises(Unauthenticated):
        there.token(cookie)
    assert there.token(here.open("hr_secret")) == "hr_secret"


@pytest.mark.parametrize("cookie", ["", "x", "gAAAA", "ünïcode", "\udcff", "a" * 10_000])
def test_what_was_not_sealed_with_the_key_is_nobody(cookie: str) -> None:
    with pytest.raises(Unauthenticated, match="nobody is signed in"):
        SealedSessions(SealedSessions.new_key()).token(cookie)
    with pytest.raises(Unauthenticated):
        SealedSessions(SealedSessions.new_key()).token(SealedSessions(SealedSessions.new_key()).open("hr_x"))


def test_who_signed_out_is_refused_after_a_restart_too(tmp_path: Path) -> None:
    file = tmp_path / "signed-out"
    before = SealedSessions.by("secret", file)
    gone, stays = before.open("hr_a"), before.open("hr_a")
    before.close(gone)
    before.close(gone)
    assert file.stat().st_mode & 0o077 == 0
    assert "hr_a" not in file.read_text()
    assert gone not in file.read_text()
    after = SealedSessions.by("secret", file)
    assert after.token(stays) == "hr_a"
    with pytest.raises(Unauthenticated):
        after.token(gone)


def test_what_is_no_session_takes_no_room(tmp_path: Path) -> None:
    file = tmp_path / "signed-out"
    sessions = SealedSessions.by("secret", file)
    for cookie in ("", "x", "ünïcode", "\udcff", SealedSessions.by("another").open("hr_a")):
        sessions.close(cookie)
    assert not file.exists()


def test_what_is_over_goes_with_a_restart_and_what_is_cut_short_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "signed-out"
    sessions = SealedSessions.by("secret", file)
    cookie = sessions.open("hr_a")
    sessions.close(cookie)
    file.write_text(f"{'0' * 64} {time.time() - 1:.0f}\n" + file.read_text() + "0123")
    with pytest.raises(Unauthenticated):
        SealedSessions.by("secret", file).token(cookie)
    assert len(file.read_text().split()) == 2


def test_a_full_disk_hinders_nobody_from_signing_out(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    sessions = SealedSessions.by("secret", tmp_path / "no-such-folder" / "signed-out")
    cookie = sessions.open("hr_a")
    sessions.close(cookie)
    with pytest.raises(Unauthenticated):
        sessions.token(cookie)
    assert "not kept over a restart" in caplog.text
