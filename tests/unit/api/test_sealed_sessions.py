"""A cookie that is good at any process."""

from __future__ import annotations

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
