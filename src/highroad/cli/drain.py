"""`highroad drain`, `undrain`, `drains`: take a fibre, a site or a risk group out of use, and give it back."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from highroad.cli.door import Door, command
from highroad.cli.exits import as_not_found
from highroad.cli.quantities import duration, instant, show_time
from highroad.errors import Finding, Invalid, NotFound, did_you_mean
from highroad.wire.operations import MaintenanceOut

PATIENCE_S = 30.0


def add_commands(app: typer.Typer) -> None:
    """Add the verbs to the root."""
    command(app, "drain")(drain)
    command(app, "undrain")(undrain)
    command(app, "drains")(drains)


def drain(
    door: Door,
    target: Annotated[str, typer.Argument(metavar="TARGET", help="A fibre, a site or a risk group.")],
    start: Annotated[
        datetime | None, typer.Option("--from", parser=instant, metavar="TIME", help="Book it; at once if left out.")
    ] = None,
    end: Annotated[
        datetime | None, typer.Option("--until", parser=instant, metavar="TIME", help="When it ends by itself.")
    ] = None,
    length: Annotated[
        timedelta | None, typer.Option("--for", parser=duration, metavar="TIME", help="Instead of --until: 2h, 3d.")
    ] = None,
    lead: Annotated[
        timedelta | None,
        typer.Option("--lead", parser=duration, metavar="TIME", help="Move services so long before: 60s by default."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is free of traffic.")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would move, and what not and why.")] = False,
) -> None:
    """Move traffic away from a fibre, a site or a risk group, losing nothing; now, or at a time that is booked.

    Of many services a few go first; if counters say that one is carried worse than before, all go back by themselves.

    Example: `highroad drain albany--syracuse --from 2030-01-31T02:00:00Z --for 2h`
    """
    if length is not None:
        if end is not None:
            raise Invalid([Finding(code="until-or-for", place="", message="give --until or --for, one of the two")])
        end = (start or datetime.now(UTC)) + length
    lead_s = None if lead is None else lead.total_seconds()
    try:
        found = door.client.drain(target, start=start, end=end, lead_s=lead_s, dry_run=dry_run)
    except Invalid as error:
        raise as_not_found(error) from None
    deadline = time.monotonic() + PATIENCE_S
    while (
        wait
        and not dry_run
        and found.state == "DRAINING"
        and not (found.stuck or found.note)
        and time.monotonic() < deadline
    ):
        time.sleep(0.05)
        found = door.client.maintenance(found.id)
    if door.as_json:
        door.emit(found)
    elif dry_run:
        _would(door, found)
    else:
        _show(door, found)


def undrain(
    door: Door,
    name: Annotated[str, typer.Argument(metavar="ID|TARGET", help="The drain, or what is being drained.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would return.")] = False,
) -> None:
    """End a drain: what was moved away goes back; or cancel one that is booked.

    Example: `highroad undrain albany--syracuse`
    """
    live = [one for one in door.client.maintenances() if one.ended is None]
    found = next((one for one in live if name in (one.id, one.target)), None)
    if found is None:
        hint = did_you_mean(name, [one.target for one in live])
        raise NotFound(f"nothing is being drained that is called {name}{hint}")
    if not dry_run:
        found = door.client.end_maintenance(found.id)
    if door.as_json:
        door.emit(found)
    elif dry_run:
        door.say(f"would return {found.target}; {len(found.moved)} services would go back")
    elif found.state == "CANCELLED":
        door.say(("✓ ", "bold green"), f"{found.target} is not drained: what was booked for it is free again")
    else:
        door.say(("✓ ", "bold green"), f"{found.target} is back in use; {len(found.moved)} services go back to it")


def drains(door: Door) -> None:
    """List drains, the newest first.

    Example: `highroad drains`
    """
    found = list(door.client.maintenances())
    if door.as_json:
        door.emit(found)
        return
    rows = (
        (
            one.id,
            one.target,
            one.state,
            show_time(one.start or one.started),
            show_time(one.ended or one.end, "–"),
            len(one.moved) or len(one.moving),
            len(one.stuck),
        )
        for one in found
    )
    columns = ("drain", "target", "state", "from", "until", ">moved", ">stuck")
    door.table("", columns, rows, "nothing is or was drained")
    for one in found:
        if one.note and one.ended is None:
            door.say((f"{one.target}: ", "bold red"), one.note)


def _show(door: Door, found: MaintenanceOut) -> None:
    if found.state == "DRAINED":
        moved = f"{len(found.moved)} services were moved away" if found.moved else "it carried nothing"
        door.say(("✓ ", "bold green"), f"{found.target} is free of traffic: {moved}")
    elif found.state == "SCHEDULED":
        door.say(("✓ ", "bold green"), f"{found.target} is booked {_times(found)}: {_moves(found)}")
    else:
        door.say(("… ", "yellow"), f"{found.target} is {found.state}: {len(found.moved)} services moved")
    _stuck(door, found)
    back = "cancel it" if found.state == "SCHEDULED" else "give it back"
    door.say((f"  {back} with `highroad undrain {found.id}`", "dim"))


def _would(door: Door, found: MaintenanceOut) -> None:
    door.say(f"would drain {', '.join(found.fibres)} {_times(found)}: {_moves(found)}")
    _stuck(door, found)


def _stuck(door: Door, found: MaintenanceOut) -> None:
    whom: dict[str, list[str]] = {}
    for service in found.stuck:
        whom.setdefault(found.because.get(service) or "cannot be moved inside its promises", []).append(service)
    for why, services in whom.items():
        door.say(("  stuck: ", "yellow"), f"{', '.join(services)}: {why}")
    if found.note:
        door.say(("  amiss: ", "bold red"), f"{found.note}; it goes on after `highroad thaw`")


def _moves(found: MaintenanceOut) -> str:
    services = "1 service moves" if len(found.moving) == 1 else f"{len(found.moving)} services move"
    return f"{services}, {len(found.stuck)} stuck"


def _times(found: MaintenanceOut) -> str:
    until = "" if found.end is None else f" to {show_time(found.end)}"
    return f"{'from now' if found.start is None else f'from {show_time(found.start)}'}{until}"
