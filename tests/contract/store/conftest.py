"""Every store that there is: a test that asks for `where` runs on each."""

from __future__ import annotations

from pathlib import Path

import pytest

from highroad.storage.engines import Where


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> Where:
    """Where a new store is made."""
    if request.param == "sqlite":
        return tmp_path / "store.db"
    url: str = request.getfixturevalue("database")
    return url
