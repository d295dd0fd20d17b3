"""`highroad events`: everything that happens, in order."""

from __future__ import annotations

from typing import Annotated

import typer

from highroad.cli.door import Door, command
from highroad.cli.quantities import show_time
from highroad.client.sync import Client
from highroad.wire.operations import EventOut

NEWEST = 20
LOOKED_BACK = 200


def add_command(app: typer.Typer) -> None:
    """Add the verb to the root."""
    command(app, "events")(events)


def events(
    door: Door,
    after: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="From this event on; the newest few if left out.")
    ] = None,
    subject: Annotated[
        str | None, typer.Option(metavar="ID", help="Only what happened to this service, incident, fibre, ...")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", "-f/-F", help="Go on until Ctrl-C.")] = True,
) -> None:
    """Tail what happens. With --json: one CloudEvent a line.

    Example: `highroad events --after 0 --no-follow`
    """
    client = door.client
    seen = (_lately(client) if subject is None else 0) if after is None else after
    shown: list[EventOut] = []
    while page := client.past_events(seen, 1000, subject=subject).items:
        seen = page[-1].sequence
        if after is None:
            shown = (shown + page)[-NEWEST:]
        else:
            _tell_all(door, page)
    _tell_all(door, shown)
    if follow:
        for event in client.events(after=seen):
            if subject in (None, event.subject):
                _tell(door, event)


def _lately(client: Client) -> int:
    """A sequence number a little before now, by the first sample of the live stream."""
    newest = next((item.sequence for item in client.live()), 0)
    return max(0, newest - LOOKED_BACK)


def _tell_all(door: Door, events: list[EventOut]) -> None:
    for event in events:
        _tell(door, event)


def _tell(door: Door, event: EventOut) -> None:
    if door.as_json:
        door.emit_line(event)
        return
    about = "  ".join(f"{name} {_short(value)}" for name, value in event.data.items() if value not in (None, "", []))
    door.say(
        (f"{event.sequence:>7}  {show_time(event.time)}  ", "dim"),
        (event.type.removeprefix("highroad."), "bold"),
        f"  {event.subject}",
        (f"  {about}", "dim"),
    )


def _short(value: object) -> str:
    if isinstance(value, list):
        shown = [str(one) for one in value]
        return " → ".join(shown if len(shown) <= 6 else [*shown[:2], f"({len(shown) - 4} more)", *shown[-2:]])
    return f"{value:g}" if isinstance(value, float) else str(value)
