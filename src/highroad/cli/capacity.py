"""`highroad capacity`: what is free between two ends, hour by hour, as a picture of the week."""

from __future__ import annotations

import shlex
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.text import Text

from highroad.cli.door import Door, command, words
from highroad.cli.quantities import instant, latency_ms, show_gbps, show_time
from highroad.model.service import Protection
from highroad.wire.views import CapacityOut, FreeOut

BLOCKS = "▁▂▃▄▅▆▇█"
NOTHING = "·"


def add_command(app: typer.Typer) -> None:
    """Add the verb to the root."""
    command(app, "capacity", role="tenant")(capacity)


def capacity(
    door: Door,
    a: Annotated[str, typer.Argument(metavar="FROM", help="A site or a port.")],
    b: Annotated[str, typer.Argument(metavar="TO", help="The other end.")],
    latency: Annotated[
        float | None, typer.Option(parser=latency_ms, metavar="MS", help="Inside this bound, one way: 8ms.")
    ] = None,
    fence: Annotated[
        list[str] | None, typer.Option(metavar="CODE", help="Only through these: US, US-CO, EU. Repeatable.")
    ] = None,
    protection: Annotated[Protection, typer.Option(help="What it is to survive.")] = Protection.NONE,
    max_paths: Annotated[int | None, typer.Option(metavar="N", help="Over at most so many paths.")] = None,
    start: Annotated[
        datetime | None, typer.Option(parser=instant, metavar="TIME", help="ISO 8601 with a zone; now if left out.")
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=31, metavar="N", help="How many days.")] = 7,
) -> None:
    """Show what is free between two ends, hour by hour, and the stretch in which one order moves most.

    Example: `highroad capacity campus-boise aws-us-east-1 --latency 30ms --fence US`
    """
    codes = [code for one in fence for code in one.split(",")] if fence else None
    found = door.client.capacity(
        a,
        b,
        start=start,
        hours=24 * days,
        latency_bound_ms=latency,
        fence=codes,
        protection=protection.value,
        max_paths=max_paths,
    )
    if door.as_json:
        door.emit(found)
        return
    door.say((f"{found.a} → {found.b}", "bold"), "   free for one order of an hour, by hours of UTC")
    picture(door, found)
    if found.best is None:
        door.say(("nothing is free in any hour", "bold red"))
        return
    best = found.best
    length_h = (best.end - best.start).total_seconds() / 3600
    door.say(
        ("best: ", "dim"),
        (f"{show_gbps(best.free_gbps)} for {length_h:.3g} h", "bold green"),
        f", {show_time(best.start)} to {show_time(best.end)}",
    )
    door.say("      ", (shlex.join(_order(found, best)), "cyan"))


def picture(door: Door, found: CapacityOut) -> None:
    """A row a day, a column an hour, as high as what is free."""
    most = max((one.free_gbps for one in found.hours), default=0.0)
    rows: dict[str, dict[int, FreeOut]] = {}
    for one in found.hours:
        at = one.start.astimezone(UTC)
        rows.setdefault(at.strftime("%a %d %b"), {})[at.hour] = one
    door.say((" " * 12 + "".join(f"{hour:02}    " for hour in range(0, 24, 3)), "dim"))
    for day, hours in rows.items():
        line = words((f"{day}  ", "dim"))
        for hour in range(24):
            line.append_text(_cell(hours[hour].free_gbps, most) if hour in hours else Text("  "))
        door.out.print(line, soft_wrap=True)
    if most > 0:
        levels = "   ".join(f"{BLOCKS[level - 1]} {show_gbps(most * level / 8)}" for level in (8, 6, 4, 2, 1))
        door.say((f"{' ' * 12}{levels}   {NOTHING} nothing", "dim"))


def _cell(free_gbps: float, most_gbps: float) -> Text:
    if free_gbps <= 0:
        return Text(NOTHING + " ", style="red")
    level = min(8, max(1, round(8 * free_gbps / most_gbps)))
    return Text(BLOCKS[level - 1] * 2, style="yellow" if level <= 2 else "green")


def _order(found: CapacityOut, best: FreeOut) -> list[str]:
    """The command that orders the best stretch."""
    line = ["highroad", "service", "order", found.a, found.b, f"{best.free_gbps:.12g}G"]
    if found.latency_bound_ms is not None:
        line += ["--latency", f"{found.latency_bound_ms:.12g}ms"]
    for code in found.fence or ():
        line += ["--fence", code]
    if found.protection != Protection.NONE.value:
        line += ["--protection", found.protection]
    if found.max_paths is not None:
        line += ["--max-paths", str(found.max_paths)]
    if best.start > datetime.now(UTC):
        line += ["--start", _time(best.start)]
    return [*line, "--end", _time(best.end)]


def _time(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
