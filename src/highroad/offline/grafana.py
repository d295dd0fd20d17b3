"""`highroad telemetry grafana`: a dashboard for what is sent to a Prometheus, as Grafana imports it."""

from __future__ import annotations

from importlib.resources import files

import typer

app = typer.Typer()


def dashboard() -> str:
    """The dashboard, as JSON."""
    return (files("highroad.telemetry") / "grafana" / "highroad.json").read_text("utf-8")


@app.command("grafana")
def grafana() -> None:
    """Print a dashboard for Grafana, over what HIGHROAD_REMOTE_WRITE sends.

    Import it in Grafana (Dashboards, New, Import), and choose the Prometheus that it is sent to.

    Example: `highroad telemetry grafana > highroad.json`
    """
    typer.echo(dashboard(), nl=False)
