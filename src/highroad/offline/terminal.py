"""How commands that need no controller speak: text or one JSON object, and an exit code of docs/cli.md."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Annotated, Any, NoReturn, TypeVar

import typer
from rich.console import Console
from rich.text import Text

from highroad.errors import Conflict, Finding, HighroadError, Invalid, NotFound, Severity, Unavailable
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
        told = [
            {
                "code": one.code,
                "place": one.place,
                "message": one.message,
                **({} if one.line is None else {"line": one.line}),
            }
            for one in findings
        ]
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


def plain_finding(finding: Finding) -> dict[str, Any]:
    """A finding as JSON has it."""
    return {
        "code": finding.code,
        "place": finding.place,
        "message": finding.message,
        "severity": finding.severity.value,
        "line": finding.line,
    }


_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.NOTE: "cyan"}


def print_findings(findings: Sequence[Finding]) -> None:
    """A line for each finding."""
    for finding in findings:
        word = Text(f"{finding.severity.value:<7}", style=_STYLES[finding.severity])
        Console(soft_wrap=True).print(Text.assemble(word, " ", str(finding), (f"  [{finding.code}]", "dim")))


def _text(line: str, style: str) -> Text:
    return Text("\n".join(map(clean, line.split("\n"))), style=style)
