"""How commands that need no controller speak: text or one JSON object, and an exit code of docs/cli.md."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.text import Text

from highroad.errors import Conflict, HighroadError, Invalid, NotFound, Unavailable
from highroad.wire.told import clean, json_text

T = TypeVar("T")

WRONG = 2
EXITS: dict[type[HighroadError], int] = {Invalid: WRONG, NotFound: 4, Conflict: 6, Unavailable: 7}
"""As everywhere on the command line (docs/cli.md)."""

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")]


def print_json(value: dict[str, Any]) -> None:
    """One JSON object."""
    typer.echo(json_text(value, indent=2))


def say(line: str, style: str = "") -> None:
    """One line of text."""
    Console(soft_wrap=True).print(_text(line, style))


def attempt(work: Callable[[], T], as_json: bool) -> T:
    """Do it, or say why it cannot be done and leave."""
    try:
        return work()
    except HighroadError as error:
        fail(error, as_json)


def fail(error: HighroadError, as_json: bool) -> NoReturn:
    """Say why it cannot be done; with --json as a problem document, as every other command does."""
    if as_json:
        findings = error.findings if isinstance(error, Invalid) else ()
        told = [{"code": one.code, "place": one.place, "message": one.message} for one in findings]
        print_json(
            {
                "type": f"/problems/{error.code}",
                "title": "It cannot be done",
                "code": error.code,
                "detail": error.message,
                "retryable": error.retryable,
                **({"findings": told} if told else {}),
            }
        )
    else:
        lines = [str(one) for one in error.findings] if isinstance(error, Invalid) else [error.message]
        for line in lines:
            Console(stderr=True, soft_wrap=True).print(_text(line, "bold red"))
    raise typer.Exit(EXITS.get(type(error), WRONG))


def _text(line: str, style: str) -> Text:
    return Text("\n".join(map(clean, line.split("\n"))), style=style)
