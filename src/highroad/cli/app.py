"""How the commands hang together. `main` adds those that need no controller, and `up`.

app = build_app()
network_app(app).command("check")(check)
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import metadata
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from highroad.cli import (
    audit,
    capacity,
    drain,
    events,
    flight,
    freeze,
    incident,
    lab,
    metrics,
    network,
    plan,
    port,
    proof,
    quote,
    reach,
    service,
    status,
    telemetry,
    tenant,
    token,
    tour,
    webhook,
    whatif,
)
from highroad.cli.door import Door, Mistakes
from highroad.errors import Finding, Invalid
from highroad.wire.told import clean

GROUPS = {
    "service": service.app,
    "quote": quote.app,
    "network": network.app,
    "plan": plan.app,
    "incident": incident.app,
    "telemetry": telemetry.app,
    "proof": proof.app,
    "lab": lab.app,
    "tenant": tenant.app,
    "port": port.app,
    "token": token.app,
    "audit": audit.app,
    "webhook": webhook.app,
}

network_app = network.app
"""The group that offline commands on networks join."""

audit_app = audit.app
"""The group that the offline verification joins."""

proof_app = proof.app
"""The group that the offline verification of proofs joins."""

lab_app = lab.app
"""The group that the commands that start and end a lab join."""

ABOUT = """\
Highroad: an open, programmable backbone.

Order connectivity in one request, see it placed, proven and healed. Start one on this machine with `highroad up`.

Exit codes: 0 done, 1 unexpected, 2 invalid input, 3 refused, 4 not found, 5 not allowed, 6 conflict, 7 unavailable,
130 stopped by Ctrl-C.
"""


USAGE_ERROR: type[Exception] = typer.BadParameter.__bases__[0]
"""What a command line that cannot be read raises; Typer does not export it."""


class Root(TyperGroup):
    """The root: with `--json`, a command line that cannot be read is answered with a problem document too."""

    def invoke(self, ctx: Any) -> Any:
        """Run what was asked for; what a command line says that is wrong is told without Pydantic's own words."""
        try:
            return super().invoke(ctx)
        except USAGE_ERROR as error:
            error.message = _without_prefix(getattr(error, "message", ""))  # type: ignore[attr-defined]
            if isinstance(error, Mistakes):
                error.each = [_without_prefix(one) for one in error.each]
            raise

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run it, as Typer does."""
        given = sys.argv[1:] if args is None else list(args)
        as_json = standalone_mode and "--json" in given
        try:
            code = super().main(
                args,
                prog_name,
                complete_var,
                standalone_mode=standalone_mode and not as_json,
                windows_expand_args=windows_expand_args,
                **extra,
            )
        except USAGE_ERROR as error:
            if not as_json:
                raise
            say = getattr(error, "format_message", error.__str__)
            each = error.each if isinstance(error, Mistakes) else [clean(say())]
            wrong = Invalid([Finding(code="usage", place="", message=one) for one in each])
            code = Door(role="tenant", as_json=True).fail(wrong)
        if as_json:
            sys.exit(code if isinstance(code, int) else 0)
        return code


def _without_prefix(message: str) -> str:
    return message.replace("Value error, ", "")


def build_app() -> typer.Typer:
    """The root command with everything that goes through the client."""
    app = typer.Typer(
        cls=Root,
        name="highroad",
        help=ABOUT,
        no_args_is_help=True,
        rich_markup_mode="markdown",
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback(help=ABOUT)(_root)
    for name, group in GROUPS.items():
        app.add_typer(group, name=name)
    status.add_command(app)
    metrics.add_command(app)
    drain.add_commands(app)
    freeze.add_commands(app)
    reach.add_command(app)
    capacity.add_command(app)
    whatif.add_command(app)
    events.add_command(app)
    flight.add_commands(app)
    tour.add_command(app)
    return app


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"highroad {metadata.version('highroad')}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass
