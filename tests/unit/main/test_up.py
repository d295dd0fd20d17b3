"""How a controller's process treats its memory."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import weakref
from pathlib import Path

import pytest

from highroad.main.up import LetRest


class Circle:
    """Garbage that only the collector finds."""

    def __init__(self) -> None:
        self.own = self


def test_what_survives_a_full_collection_is_not_walked_again_but_for_once_in_a_while() -> None:
    kept: list[object] = [[]]
    rests = LetRest()
    gc.callbacks.append(rests)
    try:
        gc.collect(0)
        assert any(one is kept for one in gc.get_objects())
        circle = Circle()
        gone = weakref.ref(circle)
        gc.collect()
        assert not any(one is kept for one in gc.get_objects())
        del circle
        gc.collect()
        assert gone() is not None
        for _ in range(LetRest.EACH):
            gc.collect()
        assert gone() is None
    finally:
        gc.callbacks.remove(rests)
        gc.unfreeze()


@pytest.mark.parametrize(
    ("form", "wrong", "code", "words"),
    [
        ("json", {"HIGHROAD_PORT": "x"}, 2, "port: Input should be a valid integer"),
        ("json", {"HIGHROAD_HOME": "/proc/nope"}, 7, "/proc/nope cannot be used"),
        ("text", {"HIGHROAD_HOME": "/proc/nope"}, 7, "/proc/nope cannot be used"),
    ],
)
def test_why_it_ended_is_a_sentence_or_in_a_log_of_json_a_line_of_it(
    form: str, wrong: dict[str, str], code: int, words: str, tmp_path: Path
) -> None:
    environment = {**os.environ, "HIGHROAD_HOME": str(tmp_path), "HIGHROAD_PORT": "0", "HIGHROAD_LOG": form, **wrong}
    done = subprocess.run(
        [sys.executable, "-m", "highroad.main", "up", "--fabric", "twin", "--no-tour"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    (line,) = done.stderr.splitlines()
    assert (done.returncode, done.stdout) == (code, "")
    if form == "json":
        told = json.loads(line)
        assert (told["level"], told["logger"]) == ("ERROR", "highroad.main.up")
        line = told["message"]
    assert line.startswith(words)
