"""Keys of routers in files: what is one, and what is said of what is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from highroad.agent.keyfile import read_key
from highroad.errors import Invalid


def test_a_key_is_hexadecimal(tmp_path: Path) -> None:
    file = tmp_path / "measure.key"
    file.write_text("00FF" * 8 + "\n")
    assert read_key(file) == bytes.fromhex("00ff" * 8)


@pytest.mark.parametrize(
    ("text", "message"),
    [("", "has 0 bytes"), ("00" * 15, "has 15 bytes"), ("00" * 65, "has 65 bytes"), ("secret", "hexadecimal digits"),
     ("ключ", "hexadecimal digits")],
)  # fmt: skip
def test_what_is_none_is_said(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "measure.key"
    file.write_text(text)
    with pytest.raises(Invalid, match=message):
        read_key(file)


def test_a_file_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match="cannot be read: No such file"):
        read_key(tmp_path / "none")
