"""What every command has: a client of the right role, `--json`, and one way to fail.

    @command(app, "show", role="tenant")
    def show(door: Door, service: Annotated[str, typer.Argument()]) -> None:
        "Help, with an example."

`door` is filled in; `--json`, `--url`, `--token` and `--as` come by themselves.
"""

from __future__ import annotations

import inspect
import os
import re
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, get_args, get_type_hints

import typer
from pydantic import BaseModel
from rich.console import Console
from rich.table import Table
from rich.text import Text
from typer.core import TyperCommand

from highroad.cli.exits import ExitCode, exit_code
from highroad.client.faults import Unreachable, problem_of
from highroad.client.home import Credentials, home_dir, read_credentials
from highroad.client.sync import Client
from highroad.errors import HighroadError, Invalid, Unauthenticated
from highroad.wire.told import clean, json_text

Role = Literal["operator", "tenant"]

JSON = Annotated[bool, typer.Option("--json", help="Machine output on stdout, and nothing else.")]
URL = Annotated[
    str | None, typer.Option("--url", envvar="HIGHROAD_URL", help="The controller's address.", metavar="URL")
]
TOKEN = Annotated[
    str | None,
    typer.Option("--token", envvar="HIGHROAD_TOKEN", help="A bearer token, if not the one in the home directory."),
]
AS = Annotated[Role | None, typer.Option("--as", help="Which of the home directory's tokens to use.")]

_EXTRA: tuple[tuple[str, Any, Any], ...] = (
    ("as_json", JSON, False),
    ("url", URL, None),
    ("token", TOKEN, None),
    ("as_role", AS, None),
)

_BELOW_ZERO = re.compile(r"-\.?\d")

WIDE = 200
"""Columns of what is piped: nothing there wraps lines for a reader."""

ClientFactory = Callable[[str, str | None], Client]


def _console() -> Console:
    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console.width = WIDE
    return console


def _connect(url: str, token: str | None) -> Client:
    return Client(url, token)


@dataclass(slots=True)
class Door:
    """One command's way out: to the controller, to stdout, to stderr."""

    role: Role
    as_json: bool = False
    url: str | None = None
    token: str | None = None
    connect: ClientFactory = _connect
    out: Console = field(default_factory=_console)
    err: Console = field(default_factory=lambda: Console(stderr=True, highlight=False, markup=False, emoji=False))
    _known: Credentials | None = None
    _in_lines: bool = False
    _clients: dict[str, Client] = field(default_factory=dict)

    @property
    def credentials(self) -> Credentials:
        """What the home directory has."""
        if self._known is None:
            self._known = read_credentials()
        return self._known

    @property
    def client(self) -> Client:
        """A client of the command's role."""
        return self.client_as(self.role)

    def client_as(self, role: Role) -> Client:
        """A client of a role; a token that was given by hand is used for either. Raises Unauthenticated."""
        if role not in self._clients:
            known = self.credentials
            token = self.token or (known.operator_token if role == "operator" else known.tenant_token)
            if token is None:
                raise Unauthenticated(self._tokenless(role))
            self._clients[role] = self.connect(self.url or known.url, token)
        return self._clients[role]

    def _tokenless(self, role: Role) -> str:
        """What is wrong where there is no token of a role, and what to do."""
        home, known = home_dir(), self.credentials
        if known.operator_token or known.tenant_token:
            return f"{home} has no {role} token: give one with --token or HIGHROAD_TOKEN"
        lab = ", which takes up a lab that is up there" if (home / "lab").is_dir() else ""
        return (
            f"no controller has been started in {home}, so there is no {role} token: start one with `highroad up`{lab};"
            " for a controller elsewhere give --url and --token, or HIGHROAD_URL and HIGHROAD_TOKEN"
        )

    def close(self) -> None:
        """Let go of the connections."""
        for client in self._clients.values():
            client.close()

    # --- saying -----------------------------------------------------------------------------------------------

    def emit(self, value: BaseModel | Sequence[BaseModel] | dict[str, Any]) -> None:
        """Machine output: one JSON document."""
        sys.stdout.write(json_text(plain(value), indent=2) + "\n")

    def emit_line(self, value: BaseModel | dict[str, Any]) -> None:
        """Machine output of what goes on: one JSON document a line, at once."""
        self._in_lines = True
        sys.stdout.write(json_text(plain(value)) + "\n")
        sys.stdout.flush()

    def say(self, *parts: str | tuple[str, str]) -> None:
        """A line for people: texts, or pairs of text and style. Control characters are taken out."""
        self.out.print(words(*parts), soft_wrap=True)

    def table(self, title: str, columns: Iterable[str], rows: Iterable[Sequence[object]], empty: str) -> None:
        """A table, or a line that says that there is nothing."""
        grid = Table(
            title=words(title) if title else None, title_justify="left", box=None, header_style="bold", pad_edge=False
        )
        for column in columns:
            right = column.startswith(">")
            grid.add_column(
                column.removeprefix(">"),
                justify="right" if right else "left",
                overflow="fold",
                no_wrap=not grid.columns,
            )
        for row in rows:
            grid.add_row(*(cell if isinstance(cell, Text) else words(str(cell)) for cell in row))
        if grid.row_count:
            self.out.print(grid)
        else:
            self.say((empty, "dim"))

    def fail(self, error: HighroadError | TimeoutError) -> ExitCode:
        """Say what went wrong, once and clearly; the exit code of it."""
        if self.as_json:
            problem = problem_of(error if isinstance(error, HighroadError) else _Late(str(error)))
            if self._in_lines:
                self.emit_line(problem)
            else:
                self.emit(problem)
        self.err.print(words(("✗ ", "bold red"), self._words(error)), soft_wrap=True)
        if isinstance(error, Invalid):
            rest = error.findings if len(error.findings) > 1 else ()
            for finding in rest:
                self.err.print(words("  • ", str(finding)), soft_wrap=True)
        return exit_code(error)

    def _words(self, error: HighroadError | TimeoutError) -> str:
        if isinstance(error, Unreachable):
            url = self.url or self.credentials.url
            return f"nothing answers at {url}: start it with `highroad up`"
        if isinstance(error, Invalid) and len(error.findings) > 1:
            return f"{len(error.findings)} things are wrong:"
        return str(error)


class _Late(HighroadError):
    """It took longer than it was given."""

    code = "late"
    retryable = True


class Mistakes(typer.BadParameter):
    """All that is wrong with a command line, each in words."""

    def __init__(self, each: Sequence[str], ctx: Any) -> None:
        super().__init__("\n".join(each), ctx)
        self.each = [clean(one) for one in each]

    def format_message(self) -> str:
        """One line for each."""
        if len(self.each) == 1:
            return self.each[0]
        return "\n".join([f"{len(self.each)} things are wrong:", *(f"  • {one}" for one in self.each)])


class _Verb(TyperCommand):
    """A command to which a number below zero is a number: `-1G` is judged as a rate, and is no unknown option. Of
    arguments that are wrong it says all that is.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """The arguments, with a blank before such numbers, which no quantity minds."""
        end = args.index("--") if "--" in args else len(args)
        tame = [f" {word}" if _BELOW_ZERO.match(word) else word for word in args[:end]]
        words = [*tame, *args[end:]]
        try:
            return super().parse_args(ctx, list(words))
        except typer.BadParameter as error:
            raise self._wrong(ctx, words, error) from None

    def _wrong(self, ctx: Any, words: list[str], first: typer.BadParameter) -> typer.BadParameter:
        """Everything that is wrong with arguments of which one is."""
        opts, rest, _ = self.make_parser(ctx).parse_args(args=list(words))
        found: list[typer.BadParameter] = []
        for parameter in self.get_params(ctx):
            if parameter.is_eager:
                continue
            try:
                _, rest = parameter.handle_parse_result(ctx, opts, rest)
            except typer.BadParameter as error:
                found.append(error)
        if rest:
            found.append(Mistakes([f"there is more than it takes: {' '.join(rest)}"], ctx))
        return Mistakes([one.format_message() for one in found], ctx) if len(found) > 1 else first


def command(
    app: typer.Typer, name: str | None = None, *, role: Role = "operator"
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Make a function a command; `role` is which token it takes unless `--as` says otherwise."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(function, include_extras=True)
        own = [
            parameter.replace(annotation=hints[parameter.name], kind=inspect.Parameter.KEYWORD_ONLY)
            for parameter in inspect.signature(function).parameters.values()
            if parameter.name != "door"
        ]
        extra = [
            inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
            for name, annotation, default in _EXTRA
        ]

        def run(**values: Any) -> None:
            given = {key: values.pop(key) for key, _, _ in _EXTRA}
            door = Door(role=given["as_role"] or role, as_json=given["as_json"], url=given["url"], token=given["token"])
            with_exit_code(door, lambda: function(door, **values))

        for parameter in (*own, *extra):
            kind, *infos = get_args(parameter.annotation)
            if kind is bool:
                infos[0].metavar = ""  # a flag takes no value, so its help names none
        run.__name__ = function.__name__
        run.__doc__ = function.__doc__
        run.__signature__ = inspect.Signature([*own, *extra])  # type: ignore[attr-defined]
        run.__annotations__ = {parameter.name: parameter.annotation for parameter in (*own, *extra)}
        app.command(name, cls=_Verb)(run)
        return function

    return register


def with_exit_code(door: Door, action: Callable[[], None]) -> None:
    """Run a command's work; every failure becomes a message and an exit code."""
    try:
        action()
    except (HighroadError, TimeoutError) as error:
        raise typer.Exit(door.fail(error)) from None
    except BrokenPipeError:
        # Whoever read our output has left (`| head`): that is no failure, and there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(ExitCode.OK) from None
    except (typer.Exit, typer.Abort, KeyboardInterrupt, typer.BadParameter):
        raise
    except Exception as error:
        if os.environ.get("HIGHROAD_DEBUG"):
            raise
        code = door.fail(HighroadError(f"unexpected: {type(error).__name__}: {error}"))
        door.err.print(words(("  HIGHROAD_DEBUG=1 shows where", "dim")), soft_wrap=True)
        raise typer.Exit(code) from None
    finally:
        door.close()


def words(*parts: str | tuple[str, str]) -> Text:
    """A line of rich text in which nothing can steer the terminal."""
    text = Text()
    for part in parts:
        if isinstance(part, str):
            text.append(clean(part))
        else:
            text.append(clean(part[0]), style=part[1])
    return text


def plain(value: Any) -> Any:
    """A value as JSON has it."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json", by_alias=True)
    if isinstance(value, dict):
        return {key: plain(one) if isinstance(one, BaseModel | list) else one for key, one in value.items()}
    return [plain(one) for one in value] if isinstance(value, list | tuple) else value
