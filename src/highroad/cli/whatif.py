"""`highroad whatif`: what a failure, growth, or more links would do, before they do."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Annotated

import typer
from rich.text import Text

from highroad.cli.door import Door, command
from highroad.cli.exits import as_not_found
from highroad.cli.outlook import show_outlook, show_sent
from highroad.cli.quantities import duration, show_gbps, show_ms, show_time
from highroad.cli.show import short_chain
from highroad.errors import Invalid
from highroad.wire.views import EffectOut, WhatIfOut

WORDS = {
    "backup": ("onto their backup at once", "green"),
    "moved": ("moved to another path", "green"),
    "slow": ("slow, past their bound", "yellow"),
    "dark": ("dark", "bold red"),
    "stays": ("stay, with another backup or none", "cyan"),
    "unprotected": ("of these unprotected afterwards", "yellow"),
}
"""Of each outcome, what it is in words and how it looks."""

SHOWN = 40
"""Services that are listed before `and N more`."""

BAR = 24
"""Characters of a link's bar."""


class Counted(StrEnum):
    """What services count with."""

    GUARANTEED = "guaranteed"
    MEASURED = "measured"


def add_command(app: typer.Typer) -> None:
    """Add the verb to the root."""
    command(app, "whatif")(whatif)


def whatif(
    door: Door,
    cut: Annotated[
        list[str] | None, typer.Option("--cut", metavar="TARGET", help="A fibre, a site or a risk group fails.")
    ] = None,
    grow: Annotated[
        float | None, typer.Option("--grow", metavar="TIMES", help="So many times what is admitted, such as 1.5.")
    ] = None,
    add: Annotated[
        list[str] | None,
        typer.Option(
            "--add",
            metavar="LINK:GBPS",
            help="More on a link each way; SITE>SITE:GBPS:MS is a new one. Again for more.",
        ),
    ] = None,
    load: Annotated[
        Counted, typer.Option("--load", help="`measured`: of what services send too, beside what they are guaranteed.")
    ] = Counted.GUARANTEED,
    over: Annotated[
        timedelta,
        typer.Option("--over", parser=duration, metavar="TIME", help="With --load measured: so long until now."),
    ] = timedelta(hours=1),
    quantile: Annotated[
        float, typer.Option("--quantile", metavar="SHARE", help="In this share of it no more was sent; 1: the most.")
    ] = 0.95,
) -> None:
    """Show what a failure would do, or growth, or more links; nothing is touched.

    A failure alone: what becomes of each service, as it would be repaired. With growth or more links all is placed anew
    (a failure too, if there is one): how much fits, what falls, and how far it could grow.

    Example: `highroad whatif --cut albany--syracuse`

    Example: `highroad whatif --grow 1.5 --add "denver>omaha:400"`

    Example: `highroad whatif --grow 2 --load measured --over 24h`
    """
    cuts = cut or []
    if grow is None and not add and len(cuts) != 1:
        raise typer.BadParameter("say what is to happen: one --cut, or --grow or --add with any number of them")
    try:
        if grow is not None or add:
            planned = door.client.outlook(
                1.0 if grow is None else grow,
                add=add or [],
                cut=cuts,
                load=load.value,
                over_s=over.total_seconds(),
                quantile=quantile,
            )
            if door.as_json:
                door.emit(planned)
            else:
                show_outlook(door, planned)
            return
        found = door.client.what_if(cuts[0], load=load.value, over_s=over.total_seconds(), quantile=quantile)
    except Invalid as error:
        raise as_not_found(error) from None
    if door.as_json:
        door.emit(found)
        return
    door.say(*_summary(found))
    counts = ((name, found.counts[name]) for name in WORDS if name in found.counts)
    rows = [
        (Text(WORDS[name][0], style=WORDS[name][1]), one.services, show_gbps(one.gbps))
        for name, one in counts
        if one.services
    ]
    if rows:
        door.table("", ("outcome", ">services", ">guaranteed"), rows, "")
    if found.effects:
        door.table(
            "", ("service", "outcome", "from", "to", ">rate", ">latency", ">then", "way"), map(_row, _some(found)), ""
        )
    if len(found.effects) > SHOWN:
        door.say((f"and {len(found.effects) - SHOWN} more: --json has them all", "dim"))
    if found.effects:
        door.say(
            ("fullest links then, at most in the next week", "bold"), ("   █ claimed  ▒ reserve for backups", "dim")
        )
        for one in found.fullest:
            claimed = round(BAR * min(1.0, one.claimed_gbps / one.capacity_gbps)) if one.capacity_gbps else 0
            reserve = min(BAR - claimed, round(BAR * one.reserve_gbps / one.capacity_gbps)) if one.capacity_gbps else 0
            bar = "█" * claimed + "▒" * reserve
            of = f"{one.share:6.1%} of {show_gbps(one.capacity_gbps)}, {show_gbps(one.before_gbps)} without"
            door.say(f"  {bar:·<{BAR}} ", of, (f"   {show_time(one.at)}   {one.link}", "dim"))
    if found.sent is not None:
        show_sent(door, found.sent, "then")
    for link in found.oversold:
        door.say(("! ", "bold red"), f"{link} would be promised above its capacity: tell whoever keeps Highroad")
    if not found.at_rest:
        door.say(("! ", "yellow"), "it did not come to rest; this is how it stood when that was given up")


def _summary(found: WhatIfOut) -> list[str | tuple[str, str]]:
    if not found.fibres:
        return [f"{found.cut} is dark already: nothing more would happen"]
    counts = found.counts
    hit = sum(one.services for name, one in counts.items() if name not in ("stays", "unprotected"))
    now = sum(one.outcome != "stays" and one.state != "RESERVED" for one in found.effects)
    what = f"{len(found.fibres)} fibre{'s' if len(found.fibres) != 1 else ''} dark"
    if not found.effects:
        return [("✓ ", "bold green"), f"if {found.cut} failed ({what}), none of {found.services} services would notice"]
    lost, style = counts["dark"].services, "bold red" if counts["dark"].services else "bold green"
    kept = counts["backup"].services + counts["moved"].services
    return [
        (f"if {found.cut} failed ({what}): ", "bold"),
        f"{hit} of {found.services} services hit ({now} open now), {kept} carried on inside their promises, ",
        f"{counts['slow'].services} slow, ",
        (f"{lost} dark", style),
        f"; {counts['unprotected'].services} unprotected afterwards",
    ]


def _some(found: WhatIfOut) -> list[EffectOut]:
    return found.effects[:SHOWN]


def _row(one: EffectOut) -> tuple[object, ...]:
    mark = " (unprotected)" if one.unprotected else ""
    return (
        one.service,
        Text(f"{one.outcome}{mark}", style=WORDS[one.outcome][1] if not mark else "yellow"),
        one.a,
        one.b,
        show_gbps(one.bandwidth_gbps),
        show_ms(one.latency_before_ms),
        show_ms(one.latency_after_ms),
        short_chain(one.sites, 5) if one.sites else one.reason or "–",
    )
