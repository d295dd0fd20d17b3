"""`highroad telemetry link | service | paths`: what was measured over time, as small pictures."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Annotated

import typer
from rich.text import Text

from highroad.cli.capacity import BLOCKS
from highroad.cli.door import Door, command, words
from highroad.cli.quantities import duration, instant, show_time
from highroad.wire.telemetry import PointOut, TrackOut, TracksOut

app = typer.Typer(no_args_is_help=True, help="Look at what was measured over time.")

GAP = "·"
WIDTH = 72
"""Of a picture; where there are more steps, a column is the most of several."""

From = Annotated[
    datetime | None,
    typer.Option("--from", parser=instant, metavar="TIME", help="ISO 8601 with a zone; an hour before --to."),
]
To = Annotated[datetime | None, typer.Option("--to", parser=instant, metavar="TIME", help="Now if left out.")]
Step = Annotated[
    timedelta | None, typer.Option("--step", parser=duration, metavar="TIME", help="10s, 5m, 1h; chosen if left out.")
]
Series = Annotated[list[str] | None, typer.Option("--series", metavar="NAME", help="Only this figure. Repeatable.")]


def link(
    door: Door,
    link: Annotated[str, typer.Argument(metavar="LINK", help="A directed link: TAIL>HEAD; quote it for the shell.")],
    start: From = None,
    end: To = None,
    step: Step = None,
    series: Series = None,
) -> None:
    """Show what a link carried over time.

    Example: `highroad telemetry link 'albany>syracuse' --step 1m`
    """
    _show(door, door.client.telemetry("link", link, start=start, end=end, step_s=_s(step), series=series or ()))


def service(
    door: Door,
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="The service.")],
    start: From = None,
    end: To = None,
    step: Step = None,
    series: Series = None,
) -> None:
    """Show what was offered, carried and lost of a service over time, and how long it was dark.

    Example: `highroad telemetry service svc-7k2m9qwxyz --series dark_ms`
    """
    _show(door, door.client.telemetry("service", service, start=start, end=end, step_s=_s(step), series=series or ()))


def paths(
    door: Door,
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="The service.")],
    start: From = None,
    end: To = None,
    step: Step = None,
    series: Series = None,
) -> None:
    """Show what packets of the routers' own met on a service's paths: round trips, jitter, loss.

    Example: `highroad telemetry paths svc-7k2m9qwxyz --series rtt_p50_ms --step 1m`
    """
    _show(door, door.client.telemetry("paths", service, start=start, end=end, step_s=_s(step), series=series or ()))


command(app, "link")(link)
command(app, "service", role="tenant")(service)
command(app, "paths", role="tenant")(paths)


def _s(step: timedelta | None) -> int | None:
    return None if step is None else max(1, round(step.total_seconds()))


def _show(door: Door, found: TracksOut) -> None:
    if door.as_json:
        door.emit(found)
        return
    if not found.tracks:
        door.say(("nothing was measured of it in that time", "bold red"))
        return
    for name in dict.fromkeys(track.name for track in found.tracks):
        door.say((name, "bold"))
        for track in found.tracks:
            if track.name == name:
                door.out.print(line(track), soft_wrap=True)
    door.say(
        (f"{show_time(found.start)} to {show_time(found.end)}, {found.step_s} s a step, {GAP} not measured", "dim")
    )


def line(track: TrackOut) -> Text:
    """A figure as a row: its name, its picture, its least, mean and most."""
    points = [one for one in track.points if one is not None]
    text = words((f"  {track.series:<20}", "dim"))
    text.append_text(sparkline(track.points))
    if not points:
        return text
    count = sum(one.count for one in points)
    mean = sum(one.mean * one.count for one in points) / count
    if track.summed:
        text.append(f"  sum {mean * count:.6g}, most {max(one.max for one in points):.4g}")
    else:
        text.append(f"  {min(one.min for one in points):.4g} … {mean:.4g} … {max(one.max for one in points):.4g}")
    return text


def sparkline(points: list[PointOut | None]) -> Text:
    """A column a step, as high as the most of it, so that a spike is seen; what was not measured is a dot."""
    each = -(-len(points) // WIDTH)
    columns = [points[at : at + each] for at in range(0, len(points), each)]
    most = max((one.max for one in points if one is not None), default=0.0)
    text = Text()
    for column in columns:
        known = [one.max for one in column if one is not None]
        if not known:
            text.append(GAP, style="dim red")
            continue
        level = 1 if most <= 0 else min(8, max(1, round(8 * max(known) / most)))
        text.append(BLOCKS[level - 1], style="yellow" if len(known) < len(column) else "green")
    return text
