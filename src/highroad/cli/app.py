"""How the commands hang together. `main` adds those that need no controller, and `up`.

app = build_app()
network_app(app).command("check")(check)
"""

from __future__ import annotations

from importlib import metadata
from typing import Annotated

import typer

from highroad.cli import drain, events, incident, lab, network, port, reach, service, status, tenant, token, tour

GROUPS = {
    "service": service.app,
    "network": network.app,
    "incident": incident.app,
    "lab": lab.app,
    "tenant": tenant.app,
    "port": port.app,
    "token": token.app,
}

network_app = network.app
"""The group that offline commands on networks join."""

ABOUT = """\
Highroad: an open, programmable backbone.

Order connectivity in one request, see it placed, proven and healed. Start one on this machine with `highroad up`.

Exit codes: 0 done, 1 unexpected, 2 invalid input, 3 refused, 4 not found, 5 not allowed, 6 conflict, 7 unavailable.
"""


def build_app() -> typer.Typer:
    """The root command with everything that goes through the client."""
    app = typer.Typer(
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
    drain.add_commands(app)
    reach.add_command(app)
    events.add_command(app)
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
