"""`highroad explain` and `highroad replay`: what was decided and why, decided again."""

from __future__ import annotations

from typing import Annotated

import typer

from highroad.cli.door import Door, command, words
from highroad.cli.quantities import show_gbps, show_ms, show_time
from highroad.cli.show import print_wrapped, short_chain
from highroad.model.service import Protection
from highroad.wire.flight import DecisionOut, ReplayOut

TAKEN = ("chosen", "backup")
STYLES = {"noticed": "bold", "moved": "cyan", "state": "", "asked": "dim"}


def add_commands(app: typer.Typer) -> None:
    """Add the verbs to the root."""
    command(app, "explain", role="tenant")(explain)
    command(app, "replay")(replay)


def explain(
    door: Door,
    service: Annotated[str, typer.Argument(metavar="SERVICE", help="The service.")],
    at: Annotated[
        int | None, typer.Option("--at", min=0, metavar="SEQUENCE", help="As it was after this event; now if left out.")
    ] = None,
) -> None:
    """Show what happened to a service, and why it is where it is: which ways there were, and what stood against each.

    The decision is made again from what was noted. As an operator (`--as operator`) with exact figures.

    Example: `highroad explain svc-7k2m9qxw4t`
    """
    found = door.client.explain(service, at)
    if door.as_json:
        door.emit(found)
        return
    if found.earlier:
        door.say((f"  and {found.earlier} events before", "dim"))
    for one in found.events:
        reason = one.data.get("reason")
        door.say(
            (f"{one.sequence:>7}  {show_time(one.at)}  ", "dim"),
            (one.type.removeprefix("highroad.service."), "bold"),
            f"  {reason}" if reason else "",
        )
    made = found.decision
    if made is None:
        door.say(("! why it is where it is cannot be said", "bold yellow"), f": {found.missing}")
        return
    where = f", commit {made.commit}" if made.commit is not None else ""
    stood = f" on network revision {made.network_revision}{where}: {made.asked}"
    door.say((f"decided {show_time(made.at)}", "bold"), stood)
    door.say(("  wanted  ", "dim"), _wanted(made))
    for way in made.ways:
        style, mark = ("green", "✓") if way.verdict in TAKEN else ("dim", "·")
        takes = "" if way.latency_ms is None else f"   {show_ms(way.latency_ms)}"
        door.say((f"  {mark} ", style), short_chain(way.sites, 8) if takes else "other ways", (takes, style))
        door.say(("      ", ""), (way.text, style))
    print_wrapped(door.out, words(("  rule    ", "dim")), words(made.rule))
    same = "the same came out, byte for byte" if made.identical else "something else came out in the same commit"
    door.say(("  again   ", "dim"), (same, "green" if made.identical else "bold red"))


def _wanted(made: DecisionOut) -> str:
    said = [show_gbps(made.bandwidth_gbps)]
    if made.latency_bound_ms is not None:
        said.append(f"at most {made.latency_bound_ms:g} ms")
    if made.fence is not None:
        said.append(f"only through {', '.join(made.fence)}")
    if made.protection != Protection.NONE:
        said.append("protected")
    return ", ".join(said)


def replay(door: Door, incident: Annotated[str, typer.Argument(metavar="INCIDENT", help="The incident.")]) -> None:
    """Decide an incident again from what was noted, compare to the byte, and show what was decided.

    Ends with 1 where something came out otherwise, or not all of it could be decided again.

    Example: `highroad replay inc-7k2m9q`
    """
    found = door.client.replay(incident)
    if door.as_json:
        door.emit(found)
    else:
        _show(door, found)
    if not found.identical:
        raise typer.Exit(1)


def _show(door: Door, found: ReplayOut) -> None:
    closed = "is open" if found.closed_commit is None else f"closed in {found.closed_commit}"
    span = f"commits {found.first_commit} to {found.last_commit}"
    door.say((found.incident, "bold"), f"  {span}: it opened in {found.opened_commit} and {closed}")
    begun = found.timeline[0].at if found.timeline else None
    for line in found.timeline:
        since_ms = 0.0 if begun is None else (line.at - begun).total_seconds() * 1000
        door.say(
            (f"  {since_ms:+12,.0f} ms  ", "dim"),
            (f"{line.commit:>7}  ", "dim"),
            (f"{line.what:<8} ", STYLES.get(line.what, "")),
            line.text,
        )
    if found.more:
        door.say((f"  and {found.more} more lines", "dim"))
    decisions, commits = _count(found.decisions, "decision"), _count(found.commits, "commit")
    asked = _count(found.asked, "request") + " to routers"
    many = f"{decisions} and {asked} in {commits}"
    if found.identical:
        door.say(("✓ the same, byte for byte", "bold green"), f": {many}")
    elif not found.differences:
        door.say(("! not all of it was decided again", "bold yellow"), f": {found.stopped}; the same so far: {many}")
    else:
        door.say(("✗ it came out otherwise", "bold red"), f", of {many}:")
        for one in found.differences:
            door.say((f"  commit {one.commit}: ", "bold"), one.what)


def _count(many: int, noun: str) -> str:
    return f"{many} {noun}" if many == 1 else f"{many} {noun}s"
