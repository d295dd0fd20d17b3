"""What every test of the loop holds it to."""

from __future__ import annotations

from collections.abc import Iterator

import pytest


@pytest.fixture(autouse=True)
def the_loop_never_breaks(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """The loop tries again whatever breaks, also an assertion of a test inside it: here that is a failure."""
    yield
    broke = [one for one in caplog.get_records("call") if one.getMessage().startswith("the loop failed")]
    assert not [str(one.exc_info and one.exc_info[1]) for one in broke]
