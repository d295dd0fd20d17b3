"""`highroad events`: everything that happens, in order."""

from __future__ import annotations

from typing import Annotated

import typer

from highroad.cli.door import Door, command
from highroad.cli.quantities import show_time
from highroad.wire.operations import EventOut


def add_command(app: typer.Typer) -> None:
    """Add the verb to the root."""
    command(app, "events")(events)


def events(
    door: Door,
    after: Annotated[
        int | None, typer.Option(min=0, metavar="N", help="From this event on; the newest few if left out.")
    ] = None,
    follow: Annotated[bool, typer.Option("--follow/--no-follow", "-f/-F", help="Go on until Ctrl-C.")] = True,
) -> None:
    """Tail what happens. With --json: one CloudEvent a line.

    highroad events --after 0 --no-follow
    """
    client = door.client
    seen = 0 if after is None else after
    shown: list[EventOut] = []
    while True:
        page = client.past_events(seen, 1000)
        shown = (shown + page.items)[-20:] if after is None else shown
        seen = page.items[-1].sequence if page.items else seen
        if after is not None:
            for event in page.items:
                _tell(door, event)
        if len(page.items) < 1000:
            break
    for event in shown:
        _tell(door, event)
    if follow:
        for event in client.events(after=seen):
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
        return " → ".join(map(str, value)) if len(value) <= 12 else f"{len(value)} of them"
    return f"{value:g}" if isinstance(value, float) else str(value)
