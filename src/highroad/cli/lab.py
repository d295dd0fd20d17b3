"""`highroad lab`: break a fibre on purpose, and splice it."""

from __future__ import annotations

from typing import Annotated

import typer

from highroad.cli.door import Door, command
from highroad.cli.exits import as_not_found
from highroad.cli.quantities import show_time
from highroad.errors import Invalid, NotFound

app = typer.Typer(no_args_is_help=True, help="Break things on purpose, where the fabric is a lab.")

Fibre = Annotated[str, typer.Argument(metavar="FIBRE", help="The fibre, e.g. albany--syracuse.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be.")]


@command(app, "cut")
def cut(door: Door, fibre: Fibre, dry_run: DryRun = False) -> None:
    """Cut a fibre; the fabric notices by itself.

    Example: `highroad lab cut albany--syracuse`
    """
    if dry_run:
        _would(door, "cut", fibre)
        return
    try:
        done = door.client.cut(fibre)
    except Invalid as error:
        raise as_not_found(error) from None
    if door.as_json:
        door.emit(done)
    else:
        door.say(("✂ ", "bold red"), f"{done.fibre} is cut; splice it with `highroad lab uncut {done.fibre}`")


@command(app, "uncut")
def uncut(door: Door, fibre: Fibre, dry_run: DryRun = False) -> None:
    """Splice a fibre.

    Example: `highroad lab uncut albany--syracuse`
    """
    if dry_run:
        _would(door, "splice", fibre)
        return
    lab = door.client.uncut(fibre)
    if door.as_json:
        door.emit(lab)
    else:
        door.say(("✓ ", "bold green"), f"{fibre} is spliced; {len(lab.cuts)} are still cut")


@command(app, "status")
def status(door: Door) -> None:
    """Show what is cut.

    Example: `highroad lab status`
    """
    lab = door.client.lab()
    if door.as_json:
        door.emit(lab)
        return
    rows = ((one.fibre, show_time(one.since)) for one in lab.cuts)
    door.table("", ("fibre", "cut since"), rows, f"nothing is cut in {lab.fabric}")


def _would(door: Door, verb: str, fibre: str) -> None:
    found = next((one for one in door.client.network().fibres if one.id == fibre), None)
    if found is None:
        raise NotFound(f"there is no fibre {fibre}")
    if door.as_json:
        door.emit(found)
    else:
        door.say(f"would {verb} {found.id}: {found.length_km:,.0f} km from {found.a} to {found.b}")
