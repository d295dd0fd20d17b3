"""`highroad network calendar`: what a link is promised to, over time, as a chart."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer
from rich.text import Text

from highroad.cli.door import Door, command, words
from highroad.cli.quantities import instant, show_gbps, show_time
from highroad.wire.views import StepOut

COLUMNS = 84
"""Of the chart: each is a share of the time, and shows the worst of it."""

ROWS = 10

TICK_COLUMNS = 12

SHOWN = 24
"""Holders that are listed before `and N more`."""


def add_commands(app: typer.Typer) -> None:
    """Add the verb to `highroad network`."""
    command(app, "calendar")(calendar)


def calendar(
    door: Door,
    link: Annotated[str, typer.Argument(metavar="LINK", help="A directed link: TAIL>HEAD; quote it for the shell.")],
    start: Annotated[
        datetime | None, typer.Option(parser=instant, metavar="TIME", help="ISO 8601 with a zone; now if left out.")
    ] = None,
    end: Annotated[datetime | None, typer.Option(parser=instant, metavar="TIME", help="Instead of --days.")] = None,
    days: Annotated[int, typer.Option(min=1, max=366, metavar="N", help="How many days.")] = 7,
) -> None:
    """Show what is claimed, kept in reserve and free of a link over time, who holds it, and when it is closed.

    Example: `highroad network calendar 'albany>syracuse' --days 14`
    """
    until = end or (start or datetime.now(UTC)) + timedelta(days=days)
    found = door.client.link_calendar(link, start=start, end=until)
    if door.as_json:
        door.emit(found)
        return
    door.say((found.link, "bold"), f"   {show_gbps(found.capacity_gbps)}, {found.tail} to {found.head}, hours of UTC")
    for line in chart(found.steps, found.capacity_gbps):
        door.out.print(line, soft_wrap=True)
    door.say(("            █ claimed   ▒ reserve for backups   · free", "dim"))
    least = min(found.steps, key=lambda one: one.free_gbps)
    door.say(
        ("least free: ", "dim"),
        (show_gbps(least.free_gbps), "bold red" if least.free_gbps < 0 else "bold green"),
        f", {show_time(least.start)} to {show_time(least.end)}",
    )
    for closed in found.closed:
        ends = "until it is ended" if closed.end is None else f"to {show_time(closed.end)}"
        door.say(
            ("closed for maintenance: ", "yellow"),
            f"{closed.target}, {show_time(closed.start)} {ends} ({closed.maintenance}); nothing is placed on it then",
        )
    rows = (
        (
            one.service,
            one.tenant,
            one.use,
            one.state,
            show_gbps(one.rate_gbps),
            show_time(one.start, "before now"),
            show_time(one.end),
        )
        for one in found.holders[:SHOWN]
    )
    columns = ("service", "tenant", "use", "state", ">rate", "from", "to")
    door.table("", columns, rows, "nobody holds any of it in that time")
    if len(found.holders) > SHOWN:
        door.say((f"and {len(found.holders) - SHOWN} more: --json has them all", "dim"))


def chart(steps: Sequence[StepOut], capacity_gbps: float) -> list[Text]:
    """Rows of the chart from the top, and the axis of time below; a column shows the step that needs most in it."""
    start, end = steps[0].start, steps[-1].end
    each = (end - start) / COLUMNS
    worst: list[StepOut] = []
    first = 0
    for column in range(COLUMNS):
        begin, until = start + column * each, start + (column + 1) * each
        while first + 1 < len(steps) and steps[first].end <= begin:
            first += 1
        last = first
        while last + 1 < len(steps) and steps[last + 1].start < until:
            last += 1
        worst.append(min(steps[first : last + 1], key=lambda one: one.free_gbps))
    lines = []
    for row in range(ROWS, 0, -1):
        mark = show_gbps(capacity_gbps * row / ROWS) if row in (ROWS, ROWS // 2) else ""
        line = words((f"{mark:>11} ", "dim"))
        for step in worst:
            line.append_text(_cell(step, capacity_gbps, row))
        lines.append(line)
    pattern = "%d %b" if end - start > timedelta(days=3) else "%a %H:%M"
    ticks = (start + column * each for column in range(0, COLUMNS, TICK_COLUMNS))
    axis = "".join(f"{tick.astimezone(UTC).strftime(pattern):<{TICK_COLUMNS}}" for tick in ticks)
    return [*lines, words((f"{'':>11} {axis}", "dim"))]


def _cell(step: StepOut, capacity_gbps: float, row: int) -> Text:
    """A cell is filled if what is needed reaches its middle; the lowest shows whatever there is."""
    level = capacity_gbps * (row - 0.5) / ROWS
    if step.claimed_gbps >= level:
        return Text("█", style="green" if step.free_gbps >= 0 else "bold red")
    if step.claimed_gbps + step.reserve_gbps >= level:
        return Text("▒", style="cyan")
    if row == 1 and step.claimed_gbps + step.reserve_gbps > 0:
        return Text("▁", style="green" if step.claimed_gbps > 0 else "cyan")
    return Text("·", style="dim")
