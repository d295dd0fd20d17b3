"""The console script, and the one place that knows every part: it picks the adapters and wires the processes.

Read `up` for the controller's process, `fabrics` for what it stands on, `first` for what a new store begins with,
`home` for what is on disk, and `agent` for the process of a router.
"""

from __future__ import annotations

import sys

import typer

ASKING = frozenset(
    [
        "service",
        "quote",
        "plan",
        "incident",
        "tenant",
        "port",
        "token",
        "webhook",
        "status",
        "metrics",
        "drain",
        "undrain",
        "drains",
        "freeze",
        "thaw",
        "reach",
        "capacity",
        "whatif",
        "events",
        "explain",
        "replay",
        "tour",
    ]
)
"""Commands that ask a controller and do nothing by themselves."""


def run() -> None:
    """What `highroad` on the command line calls. It loads what the command needs: an agent is small, and who asks a
    controller plans nothing.
    """
    match sys.argv[1:2]:
        case ["agent"]:
            app = router()
        case [word] if word in ASKING:
            app = asking()
        case _:
            app = application()
    app()


def asking() -> typer.Typer:
    """The commands that talk to a controller, alone."""
    from highroad.cli.app import build_app

    return build_app()


def router() -> typer.Typer:
    """The one command that runs on a router."""
    from highroad.main.agent import agent

    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)
    app.callback()(lambda: None)
    app.command("agent")(agent)
    return app


def application() -> typer.Typer:
    """All commands: those that talk to a controller, those that need none, and the processes `up` and `agent`."""
    from highroad.cli.app import audit_app, build_app, lab_app, network_app, proof_app
    from highroad.cli.telemetry import app as telemetry_app
    from highroad.main.agent import agent
    from highroad.main.doctor import doctor
    from highroad.main.keeping import backup, prune, restore
    from highroad.main.up import up
    from highroad.offline import audit as offline_audit
    from highroad.offline import grafana as offline_grafana
    from highroad.offline import lab as offline_lab
    from highroad.offline import network as offline_network
    from highroad.offline import optimise as offline_optimise
    from highroad.offline import pki
    from highroad.offline import proof as offline_proof
    from highroad.offline import sweep as offline_sweep
    from highroad.offline.availability import command as availability

    app = build_app()
    network_app.registered_commands.extend(offline_network.app.registered_commands)
    audit_app.registered_commands.extend(offline_audit.app.registered_commands)
    telemetry_app.registered_commands.extend(offline_grafana.app.registered_commands)
    proof_app.registered_commands.extend(offline_proof.app.registered_commands)
    lab_app.registered_commands.extend(offline_lab.app.registered_commands)
    app.command("optimise")(offline_optimise.command)
    app.command("sweep")(offline_sweep.command)
    app.command("availability")(availability)
    app.add_typer(pki.app, name="pki")
    app.command("up")(up)
    app.command("doctor")(doctor)
    app.add_typer(backup, name="backup")
    app.command("restore")(restore)
    app.command("prune")(prune)
    app.command("agent")(agent)
    return app
