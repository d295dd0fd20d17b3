"""The log: what somebody else wrote cannot pass for a line of ours, and a line says which request it is about."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest

from highroad.control.figures import REQUEST
from highroad.main.desks import _say
from highroad.telemetry import logs

EVIL = "a\nERROR highroad: forged\r\x1b[2J\u2028\u202etxt\x00"


@pytest.fixture(autouse=True)
def root() -> Iterator[None]:
    logger = logging.getLogger()
    before, level = list(logger.handlers), logger.level
    yield
    logger.handlers[:] = before
    logger.setLevel(level)
    for name in ("httpx", "httpcore", "uvicorn", "alembic", "urllib3", "opentelemetry"):
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_record_is_a_line_whatever_is_in_it(form: logs.Form) -> None:
    to = io.StringIO()
    logs.set_up(form, "INFO", to)
    token = REQUEST.set("req-1")
    try:
        logging.getLogger("highroad.test").info("service %s", EVIL)
    finally:
        REQUEST.reset(token)
    (line, rest) = to.getvalue().split("\n")
    assert rest == ""
    assert line.isprintable()
    assert "req-1" in line
    if form == "json":
        told = json.loads(line)
        assert told["message"] == f"service {EVIL}"
        assert (told["level"], told["logger"], told["request_id"]) == ("INFO", "highroad.test", "req-1")
        assert told["time"]
    else:
        assert "service a\\nERROR highroad: forged\\r\\x1b[2J\\u2028\\u202etxt\\x00" in line


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_traceback_cannot_forge_lines(form: logs.Form) -> None:
    to = io.StringIO()
    logs.set_up(form, "WARNING", to)
    try:
        raise ValueError(EVIL)
    except ValueError:
        logging.getLogger("highroad.test").exception("it broke")
    lines = to.getvalue().splitlines()
    assert len(lines) == 1 if form == "json" else all(line.startswith("  | ") for line in lines[1:])
    assert all(line.isprintable() for line in to.getvalue().rstrip("\n").split("\n"))


def test_the_level_holds_and_libraries_stay_quiet() -> None:
    to = io.StringIO()
    logs.set_up("text", "INFO", to)
    logging.getLogger("httpx").info("GET http://somewhere/?token=secret")
    logging.getLogger("highroad.x").debug("nothing")
    assert to.getvalue() == ""
    logs.set_up("text", "DEBUG", to)
    logging.getLogger("highroad.x").debug("something")
    assert to.getvalue().count("\n") == 1


@pytest.mark.parametrize("form", ["text", "json"])
def test_what_is_told_to_who_started_us_is_in_a_log_of_json_a_line_of_it(
    form: logs.Form, capsys: pytest.CaptureFixture[str]
) -> None:
    logs.set_up(form, "WARNING")
    _say(["No routers: %s.", "A model carries."])
    lines = capsys.readouterr().err.splitlines()
    assert [json.loads(line)["message"] if form == "json" else line for line in lines] == [
        "No routers: %s.",
        "A model carries.",
    ]
