"""`highroad network`: load one, get the one in force. Offline commands join this group."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated

import typer

from highroad.cli import calendar
from highroad.cli.door import Door, command, plain
from highroad.cli.quantities import show_ms
from highroad.client.faults import NeedsYes
from highroad.errors import Finding, Invalid
from highroad.wire.problems import NetworkChangeOut

app = typer.Typer(no_args_is_help=True, help="The backbone: what there is.")

SHOWN = 12
"""Names of a kind that are listed before `and N more`."""


@command(app, "get")
def get(
    door: Door,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write it to a file.")] = None,
) -> None:
    """Get the network in force, as JSON that `network load` takes.

    Example: `highroad network get -o network.json`
    """
    network = door.client.network()
    document = plain(network)
    if door.as_json and output is None:
        door.emit(document)
        return
    document.pop("revision")
    for link in document["links"]:
        link.pop("booked_gbps")
    text = json.dumps({"highroad": 1, **document}, indent=2, ensure_ascii=False) + "\n"
    if output is None:
        sys.stdout.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Invalid(
            [Finding(code="file", place=str(output), message=f"cannot be written: {error.strerror}")]
        ) from None
    if door.as_json:
        door.emit({"file": str(output), "revision": network.revision})
    else:
        door.say(("✓ ", "bold green"), f"{network.name}, revision {network.revision}, is in {output}")


@command(app, "load")
def load(
    door: Door,
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A file of any format that `network check` reads; `-` for stdin.")
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would change.")] = False,
) -> None:
    """Put a network in force: shows the difference and what it does to services, and asks.

    Example: `highroad network load backbone.yaml --dry-run`
    """
    text = _read(file)
    change = door.client.load_network(text, dry_run=True)
    nothing = not (change.added or change.removed or change.changed)
    if not door.as_json:
        _show(door, change)
    if dry_run or nothing:
        if door.as_json:
            door.emit(change)
        elif nothing:
            door.say("nothing changes")
        return
    disturbed = [effect for effect in change.effects if effect.effect != "unchanged"]
    if change.effects and not yes:
        if door.as_json:
            error = NeedsYes("services live on the network in force: say --yes")
            error.preview, error.confirm = change, change.confirm
            raise error
        question = f"{len(disturbed)} of {len(change.effects)} services are touched. Load it?"
        if not _says_yes(question):
            door.say(("nothing was done", "dim"))
            raise typer.Exit(6)
    done = door.client.load_network(text, confirm=change.confirm)
    if door.as_json:
        door.emit(done)
    else:
        door.say(("✓ ", "bold green"), "the network is in force")


@command(app, "repairs")
def repairs(
    door: Door,
    bare: Annotated[bool, typer.Option("--bare", help="Only links that there is no way around.")] = False,
) -> None:
    """Show where traffic goes in the moment a link is lost: for every link in use, and each fence of services on it.

    Example: `highroad network repairs --bare`
    """
    found = door.client.local_repairs()
    shown = [one for one in found.items if one.links is None or not bare]
    if door.as_json:
        door.emit({"items": shown})
        return
    rows = (
        (
            one.link,
            ", ".join(one.fence) if one.fence else "",
            "none: what is on it is dropped until headends have moved away"
            if one.links is None
            else " → ".join([one.links[0].partition(">")[0], *(link.partition(">")[2] for link in one.links)]),
            show_ms(one.latency_ms),
        )
        for one in shown
    )
    empty = "there is a way around every link in use" if found.items else "no service is carried over any link"
    door.table("", ("link", "fence", "the way around", ">one way"), rows, empty)


calendar.add_commands(app)


def _says_yes(question: str) -> bool:
    """Whether somebody is there to say yes, and does."""
    try:
        return typer.confirm(question, default=False, err=True)
    except typer.Abort:
        typer.echo(err=True)
        return False


def _show(door: Door, change: NetworkChangeOut) -> None:
    for warning in change.warnings[:SHOWN]:
        door.say(("! ", "yellow"), f"{warning.place}: {warning.message}" if warning.place else warning.message)
    if len(change.warnings) > SHOWN:
        door.say((f"  and {len(change.warnings) - SHOWN} more warnings", "dim"))
    for sign, style, names in (
        ("+", "green", change.added),
        ("-", "red", change.removed),
        ("~", "yellow", change.changed),
    ):
        for name in names[:SHOWN]:
            door.say((f"{sign} {name}", style))
        if len(names) > SHOWN:
            door.say((f"{sign} and {len(names) - SHOWN} more", style))
    touched = [effect for effect in change.effects if effect.effect != "unchanged"]
    if touched:
        door.table(
            "what it does to services",
            ("service", "tenant", "effect", "what happens"),
            ((one.service, one.tenant, one.effect, one.message) for one in touched),
            "",
        )
    elif change.effects:
        door.say((f"{len(change.effects)} services stay as they are", "green"))


def _read(file: Path) -> str:
    try:
        return sys.stdin.read() if str(file) == "-" else file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Invalid([Finding(code="file", place=str(file), message=f"cannot be read: {why}")]) from None
