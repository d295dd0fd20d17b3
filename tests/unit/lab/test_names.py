"""Names that never meet, and are found again."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from highroad.lab.names import lab_id


def test_a_folder_has_one_lab_however_it_is_written(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    assert lab_id(tmp_path / "x" / ".." / "lab") == lab_id(tmp_path / "lab")
    assert lab_id(tmp_path / "lab") != lab_id(tmp_path / "lab2")


def test_names_say_what_they_are() -> None:
    lab = lab_id(Path("/tmp/lab"))
    assert lab.router("salt-lake-city") == f"hr-{lab.text}-r-salt-lake-city"
    assert len(str(lab.socket)) < 60  # a unix socket's path has 107 bytes at most


@given(st.lists(st.text(min_size=1, max_size=200), min_size=2, max_size=5, unique=True))
def test_any_names_of_ports_make_names_of_files_that_differ(ports: list[str]) -> None:
    lab = lab_id(Path("/tmp/lab"))
    names = [lab.host(port) for port in ports]
    assert len(set(names)) == len(names)
    for name in names:
        assert "/" not in name
        assert name.startswith(lab.prefix)
        assert len(name.encode()) <= 255
        assert name.isascii()
