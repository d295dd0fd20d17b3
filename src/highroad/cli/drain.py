"""`highroad drain`, `undrain`, `drains`: take a fibre, a site or a risk group out of use, and give it back."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from highroad.cli.door import Door, command
from highroad.cli.exits import as_not_found
from highroad.cli.quantities import show_time
from highroad.errors import Invalid, NotFound, did_you_mean
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
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is free of traffic.")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say which services cross it.")] = False,
) -> None:
    """Move traffic away from a fibre, a site or a risk group, losing nothing.

    Example: `highroad drain albany--syracuse`
    """
    if dry_run:
        _would(door, target)
        return
    try:
        found = door.client.drain(target)
    except Invalid as error:
        raise as_not_found(error) from None
    deadline = time.monotonic() + PATIENCE_S
    while wait and found.state == "DRAINING" and not found.stuck and time.monotonic() < deadline:
        time.sleep(0.05)
        found = door.client.maintenance(found.id)
    if door.as_json:
        door.emit(found)
    else:
        _show(door, found)


def undrain(
    door: Door,
    name: Annotated[str, typer.Argument(metavar="ID|TARGET", help="The drain, or what is being drained.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would return.")] = False,
) -> None:
    """End a drain: what was moved away goes back.

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
            show_time(one.started),
            show_time(one.ended, "–"),
            len(one.moved),
            len(one.stuck),
        )
        for one in found
    )
    columns = ("drain", "target", "state", "started", "ended", ">moved", ">stuck")
    door.table("", columns, rows, "nothing is or was drained")


def _show(door: Door, found: MaintenanceOut) -> None:
    if found.state == "DRAINED":
        moved = f"{len(found.moved)} services were moved away" if found.moved else "it carried nothing"
        door.say(("✓ ", "bold green"), f"{found.target} is free of traffic: {moved}")
    else:
        door.say(("… ", "yellow"), f"{found.target} is {found.state}: {len(found.moved)} services moved")
    for service in found.stuck:
        door.say(("  stuck: ", "yellow"), f"{service} cannot be moved inside its promises and stays")
    door.say((f"  give it back with `highroad undrain {found.id}`", "dim"))


def _would(door: Door, target: str) -> None:
    network = door.client.network()
    fibres = {one.id for one in network.fibres if target in (one.id, one.a, one.b) or target in one.risk_groups}
    if not fibres:
        groups = {group for one in network.fibres for group in one.risk_groups}
        known = [*(one.id for one in network.fibres), *(one.id for one in network.sites), *sorted(groups)]
        raise NotFound(f"there is no fibre, site or risk group {target}{did_you_mean(target, known)}")
    links = {one.id for one in network.links if not fibres.isdisjoint(one.fibres)}
    crossing = [
        one.id
        for one in door.client.services()
        if any(path is not None and not links.isdisjoint(path.links) for path in (one.there, one.back))
    ]
    if door.as_json:
        door.emit({"target": target, "fibres": sorted(fibres), "crossing": crossing})
    else:
        door.say(f"would drain {', '.join(sorted(fibres))}; {len(crossing)} services cross it {', '.join(crossing)}")
