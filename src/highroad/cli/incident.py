"""`highroad incident`: what broke, and how it went on."""

from __future__ import annotations

from typing import Annotated

import typer

from highroad.cli.door import Door, command
from highroad.cli.quantities import show_time
from highroad.wire.operations import FaultOut, IncidentOut, OutageOut

app = typer.Typer(no_args_is_help=True, help="Failures, from the first sign to the return of everything.")


@command(app, "list")
def list_incidents(door: Door) -> None:
    """List incidents, the newest first.

    Example: `highroad incident list`
    """
    found = list(door.client.incidents())
    if door.as_json:
        door.emit(found)
        return
    rows = (
        (
            one.id,
            "open" if one.open else "closed",
            show_time(one.opened),
            one.title or "–",
            len(one.outages),
            _worst(one),
        )
        for one in found
    )
    columns = ("incident", "state", "opened", "what", ">services", ">longest dark")
    door.table("", columns, rows, "nothing has broken")


@command(app, "show")
def show(door: Door, incident: Annotated[str, typer.Argument(metavar="INCIDENT", help="The incident.")]) -> None:
    """Show an incident with its time line.

    Example: `highroad incident show inc-7k2m9q`
    """
    found = door.client.incident(incident)
    if door.as_json:
        door.emit(found)
        return
    door.say(
        (found.id, "bold"),
        "  ",
        ("open", "bold red") if found.open else ("closed", "green"),
        f"  {found.title}",
    )
    for fault in found.faults:
        door.say("  ", *_state(fault))
    for entry in found.timeline:
        since_ms = (entry.at - found.opened).total_seconds() * 1000
        door.say((f"  {since_ms:+12,.0f} ms  ", "dim"), (f"{entry.phase:<10}  ", "bold"), entry.text)
    rows = ((one.service, _dark(one), "healed" if one.healed else "still dark") for one in found.outages)
    door.table("", ("service", ">dark for", "now"), rows, "  no service went dark")
    if found.unprotected:
        door.say(f"  not protected again: {', '.join(found.unprotected)}")
    if found.shed:
        door.say(f"  stand back, because there is too little for all: {', '.join(found.shed)}")


def _state(fault: FaultOut) -> tuple[str, ...]:
    """A fibre that failed, why, and how it is now."""
    words = [f"{fault.fibre}: {fault.reason} since {show_time(fault.since)}"]
    if fault.repaired_at:
        words.append(f"routers carry on around it at {', '.join(fault.repaired_at)}")
    if fault.failed_again:
        words.append(f"failed again {fault.failed_again} times")
    if fault.back is not None:
        use = "in use again" if fault.in_use else f"used again after {fault.wait_s:g} s without a fault"
        words.append(f"good again since {show_time(fault.back)}, {use}")
    return ("; ".join(words),)


def _worst(incident: IncidentOut) -> str:
    outages = incident.outages
    return _dark(max(outages, key=lambda one: one.less_than_ms or one.dark_ms or 0.0)) if outages else "–"


def _dark(outage: OutageOut) -> str:
    """How long a service was dark; what is less than can be counted is no zero."""
    if outage.less_than_ms is not None:
        return f"< {outage.less_than_ms:,.0f} ms"
    if outage.dark_ms is None:
        return "not measured" if outage.healed else "still"
    return f"{outage.dark_ms:,.0f} ms" if outage.dark_ms else "not dark"
