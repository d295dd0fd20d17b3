"""`highroad reach`: how many people are within a round trip of a site."""

from __future__ import annotations

from typing import Annotated

import typer

from highroad.cli.door import Door, command
from highroad.cli.quantities import latency_ms
from highroad.model.network import SiteKind


def add_command(app: typer.Typer) -> None:
    """Add the verb to the root."""
    command(app, "reach")(reach)


def reach(
    door: Door,
    rtt: Annotated[float, typer.Option("--rtt", parser=latency_ms, metavar="MS", help="The round trip: 5ms.")],
    kind: Annotated[SiteKind, typer.Option(help="Of which kind the site is.")] = SiteKind.EDGE,
    without: Annotated[
        list[str] | None, typer.Option(metavar="FIBRE", help="As if this fibre were cut. Repeatable.")
    ] = None,
) -> None:
    """Tell the share of the population within a round trip of a site of a kind, over the network as it stands.

    Example: `highroad reach --rtt 5ms --kind edge --without albany--syracuse`
    """
    found = door.client.reach(rtt, kind=kind.value, without=without or ())
    if door.as_json:
        door.emit(found)
        return
    door.say(
        (f"{found.share:.1%}", "bold green"),
        f" of {found.population_total:,} people are within {found.rtt_ms:g} ms RTT of a site of kind {found.kind}",
    )
    if found.without:
        door.say((f"  without {', '.join(found.without)}", "dim"))
    best = sorted(found.by_site.items(), key=lambda item: (-item[1], item[0]))[:10]
    door.table("", ("site", ">people"), ((site, f"{people:,}") for site, people in best), "")
    if found.farthest:
        door.say(("largest cities that are not: ", "dim"), ", ".join(found.farthest[:6]))
