"""`highroad metrics`: what the controller counts of itself."""

from __future__ import annotations

from typing import Annotated

import typer
from prometheus_client.parser import text_string_to_metric_families

from highroad.cli.door import Door, command


def add_command(app: typer.Typer) -> None:
    """Add the verb to the root."""
    command(app, "metrics")(metrics)


def metrics(
    door: Door,
    name: Annotated[str, typer.Argument(help="Only those whose names begin so.")] = "highroad_",
) -> None:
    """Show what the controller counts of itself, as a scraper of /metrics would read it.

    Example: `highroad metrics highroad_services`
    """
    found = [
        sample
        for family in text_string_to_metric_families(door.client.metrics())
        for sample in family.samples
        if sample.name.startswith(name)
    ]
    if door.as_json:
        door.emit({"metrics": [{"name": one.name, "labels": one.labels, "value": one.value} for one in found]})
        return
    rows = [
        (one.name, ", ".join(f"{key}={value}" for key, value in one.labels.items()), f"{one.value:g}")
        for one in found
        if not one.name.endswith("_bucket")
    ]
    door.table("", ("metric", "of", ">value"), rows, f"there is no metric that begins with {name}")
