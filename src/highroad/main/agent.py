"""`highroad agent`: the process that drives one router, on a host of its own or in a namespace of a lab."""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from highroad.errors import Finding, HighroadError, Invalid, errors_in


def agent(
    config: Annotated[Path, typer.Option(help="The router's file: who it is, its ports, its certificate.")],
    check: Annotated[
        bool, typer.Option("--check", help="Say what is wrong with the file, and what this host lacks; start nothing.")
    ] = False,
    unit: Annotated[
        bool, typer.Option("--unit", help="Print a systemd unit that runs the agent with this file; start nothing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="With --check: the findings as one JSON document.")] = False,
) -> None:
    """Drive this host as a router: what a controller says over gNMI, the kernel does. Ends with Ctrl-C or SIGTERM.

    Traffic goes on when it has ended, and what it was told is remembered.

    Example: highroad agent --config /etc/highroad/denver.yaml
    """
    if unit:
        from highroad.agent.systemd import unit as written

        typer.echo(written(Path(sys.argv[0]).absolute(), config.absolute(), _state(config)), nl=False)
        return
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    # It starts BIRD: gRPC is not to follow into the child, nor to talk on its own.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    if check:
        from highroad.agent.host import check as looked

        _say(looked(config), as_json=as_json)
        return
    from highroad.agent.main import serve

    try:
        serve(config)
    except Invalid as error:
        for finding in error.findings:
            typer.echo(str(finding), err=True)
        raise typer.Exit(2) from None
    except HighroadError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(7) from None


def _say(findings: Sequence[Finding], *, as_json: bool) -> None:
    """Everything that was found; the exit status says whether it forbids to start."""
    if as_json:
        typer.echo(json.dumps({"findings": [asdict(finding) for finding in findings]}))
    for finding in () if as_json else findings:
        typer.echo(f"{finding.severity.value}: {finding}", err=True)
    if errors_in(findings):
        raise typer.Exit(2)
    if not as_json:
        typer.echo("The file is right, and this host has what it takes.")


def _state(config: Path) -> Path:
    """Where the memory is that a file names; the usual place where it cannot be read yet."""
    from highroad.agent.config import read_config
    from highroad.agent.systemd import OWN

    try:
        return read_config(config).state
    except Invalid:
        return OWN
