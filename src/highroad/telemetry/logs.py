"""The log of a process: text for people or a JSON object a line, with the id of the request that a line is about.

What was written by somebody else cannot pass for a line of ours: control characters, ends of lines and what turns the
direction of writing are escaped in text, and JSON does that by itself.
"""

from __future__ import annotations

import logging
import re
import sys
from typing import IO, Literal

from highroad.control.figures import REQUEST

Form = Literal["text", "json"]
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")

_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def set_up(form: Form, level: str, to: IO[str] | None = None) -> None:
    """Log from now on, everything of at least a level, to the standard error stream unless told otherwise."""
    handler = logging.StreamHandler(to or sys.stderr)
    handler.set_name(f"highroad-{form}")
    handler.addFilter(_with_request)
    handler.setFormatter(_json() if form == "json" else Text())
    root = logging.getLogger()
    for old in list(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level)
    # What they tell at their INFO is ours told twice, or addresses with what is secret in them.
    for name in ("httpx", "httpcore", "uvicorn", "alembic", "urllib3", "opentelemetry"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))


def tell(logger: logging.Logger, sentence: str, level: int = logging.WARNING) -> None:
    """Tell who started us: as it is on the standard error stream, or, where the log is JSON, as a line of that."""
    if any(handler.name == "highroad-json" for handler in logging.getLogger().handlers):
        logger.log(level, "%s", sentence)
    else:
        print(sentence, file=sys.stderr)


class Text(logging.Formatter):
    """`time LEVEL name [request]: message`, and a traceback's lines each behind a bar."""

    def format(self, record: logging.LogRecord) -> str:
        """One record."""
        request = getattr(record, "request_id", "")
        about = f"{self.formatTime(record)} {record.levelname} {record.name}{f' [{request}]' if request else ''}"
        lines = [f"{about}: {escaped(record.getMessage())}"]
        if record.exc_info:
            lines += [f"  | {escaped(line)}" for line in self.formatException(record.exc_info).split("\n")]
        if record.stack_info:
            lines += [f"  | {escaped(line)}" for line in self.formatStack(record.stack_info).split("\n")]
        return "\n".join(lines)


def escaped(text: str) -> str:
    """A text without anything that ends a line, moves a cursor or turns the direction of writing."""
    return _UNSAFE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)


def _json() -> logging.Formatter:
    from pythonjsonlogger.json import JsonFormatter

    return JsonFormatter(
        ["levelname", "name", "message", "request_id"],
        rename_fields={"levelname": "level", "name": "logger"},
        timestamp="time",
        json_ensure_ascii=True,
    )


def _with_request(record: logging.LogRecord) -> bool:
    """Put the id of the request that is being answered on a record."""
    record.request_id = REQUEST.get()
    return True
