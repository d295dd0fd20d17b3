"""`highroad freeze` and `thaw`: leave routers as they are but for repairs, and let planned changes go on."""

from __future__ import annotations

from typing import Annotated

import typer

from highroad.cli.door import Door, command

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be.")]


def add_commands(app: typer.Typer) -> None:
    """Add the verbs to the root."""
    command(app, "freeze")(freeze)
    command(app, "thaw")(thaw)


def freeze(
    door: Door,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help="Why; for operators.")] = "",
    dry_run: DryRun = False,
) -> None:
    """Begin no planned change on routers until `highroad thaw`, over restarts; what is dark is still repaired.

    Orders are admitted and reserved, and wait. Example: `highroad freeze --reason "incident 4711"`
    """
    before = door.client.frozen()
    now = before if dry_run else door.client.freeze(reason)
    if door.as_json:
        door.emit(now)
    elif dry_run:
        door.say(before.text or "would freeze changes: only repairs would be made")
    else:
        door.say(("❄ ", "bold cyan"), now.text)
        door.say(("  let them go on with `highroad thaw`", "dim"))


def thaw(door: Door, dry_run: DryRun = False) -> None:
    """Let planned changes go on: what has waited is done, step by step.

    Example: `highroad thaw`
    """
    before = door.client.frozen()
    now = before if dry_run else door.client.thaw()
    if door.as_json:
        door.emit(now)
    elif not before.frozen:
        door.say("changes are not frozen")
    elif dry_run:
        door.say(f"would let changes go on; {before.text}")
    else:
        door.say(("✓ ", "bold green"), "changes go on")
