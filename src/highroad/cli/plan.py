"""`highroad plan`: what the optimiser would move, what that would gain, and the operator's yes."""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.text import Text

from highroad.cli.door import Door, command, words
from highroad.cli.quantities import show_gbps, show_ms, show_time
from highroad.cli.show import short_chain
from highroad.errors import Conflict, NotFound
from highroad.wire.plans import MoveOut, OptimiserOut, PlacedOut, PlanDiffOut, PlanOut, RefilledOut

app = typer.Typer(
    name="plan", help="A better plan for all that is carried: show it, compare it, apply it.", no_args_is_help=True
)

SHOWN = 40
"""Services and links that are listed before `and N more`."""

BAR = 24
"""Characters of a link's bar."""

PATIENCE_S = 120.0
"""How long it is watched how a plan is applied."""

PLAN = typer.Argument(metavar="[PLAN]", help="One of the last plans, e.g. pln-3k7q2m; the newest if left out.")


@command(app, "show", role="operator")
def show(door: Door) -> None:
    """Show what the optimiser does, and how much better its newest plan would be, with the proof.

    Example: `highroad plan show`
    """
    found = door.client.plan()
    if door.as_json:
        door.emit(found)
        return
    _say_mode(door, found)
    if found.plan is not None:
        _say_plan(door, found.plan)


@command(app, "diff", role="operator")
def diff(door: Door, plan: Annotated[str | None, PLAN] = None) -> None:
    """Compare a plan with what is: links before and after, services with their paths, and the steps.

    Example: `highroad plan diff`
    """
    found = door.client.plan_diff(_name(door, plan))
    if door.as_json:
        door.emit(found)
    else:
        _say_diff(door, found)


@command(app, "apply", role="operator")
def apply(
    door: Door,
    plan: Annotated[str | None, PLAN] = None,
    wait: Annotated[bool, typer.Option("--wait/--no-wait", help="Wait until it is done.")] = True,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be moved.")] = False,
) -> None:
    """Apply a plan: services are moved step by step, make-before-break, a few first; what does harm goes back.

    It is refused where the network or the calendar is not what it was made for any more: look at a new one then.

    Example: `highroad plan apply pln-3k7q2m`
    """
    name = _name(door, plan)
    if dry_run:
        found = door.client.plan_diff(name)
        if door.as_json:
            door.emit(found)
        else:
            _say_diff(door, found)
        return
    begun = door.client.apply_plan(name)
    ended = _until_done(door, name) if wait else None
    if ended is not None and ended.outcome and not ended.outcome.startswith("done"):
        raise Conflict(f"{name} was {ended.outcome}")
    if door.as_json:
        door.emit(begun if ended is None else ended)
    elif ended is None or not ended.outcome:
        moves = f"{begun.services} service{'s' if begun.services != 1 else ''}"
        door.say(("→ ", "bold cyan"), f"{name} is being applied: {moves} in {_steps(begun.steps)}")
        door.say(("  watch it with `highroad plan show`", "dim"))
    else:
        door.say(("✓ ", "bold green"), f"{name} {ended.outcome}")


def _name(door: Door, plan: str | None) -> str:
    """The plan that is meant. Raises NotFound where there is none yet."""
    if plan is not None:
        return plan
    found = door.client.plan()
    if found.plan is None:
        raise NotFound(f"there is no plan: {_why_none(found)}")
    return found.plan.id


def _why_none(found: OptimiserOut) -> str:
    if found.mode == "off":
        return "the optimiser is off (HIGHROAD_OPTIMISE)"
    return found.waits or "nothing was looked at yet"


def _until_done(door: Door, name: str) -> PlanOut | None:
    """What became of a plan, when it is known, or as it stands when that takes too long."""
    deadline = time.monotonic() + PATIENCE_S
    while True:
        try:
            found = door.client.plan_diff(name).plan
        except (NotFound, Conflict):
            return None  # who led has changed, and knows nothing of it: what was begun is finished all the same
        if found.outcome or time.monotonic() > deadline:
            return found
        time.sleep(0.1)


def _say_mode(door: Door, found: OptimiserOut) -> None:
    modes = {
        "off": "off: nothing is planned",
        "ask": "asks: a plan waits for `highroad plan apply`",
        "auto": "automatic: what is worth its moves is applied",
    }
    door.say(("optimiser ", "bold"), modes.get(found.mode, found.mode), ("  (HIGHROAD_OPTIMISE)", "dim"))
    if found.mode == "off":
        return
    rule = (
        f"worth it: the fullest link {found.least_gain:.0%} less full or more, {found.moves_per_point:g} moves a point"
    )
    door.say((f"  looks every {found.every_s:g} s and at once after a repair; {rule} at most", "dim"))
    if found.doing is not None:
        one = found.doing
        door.say(("→ ", "bold cyan"), f"{one.plan} is being applied: {one.moved} of {one.services} services moved")
    elif found.waits:
        door.say(("  waits: ", "yellow"), found.waits)
    if found.plan is None:
        door.say("no plan yet")


def _say_plan(door: Door, plan: PlanOut) -> None:
    mark = ("✓ ", "bold green") if plan.worth else ("· ", "dim")
    door.say(mark, (f"{plan.id} ", "bold"), plan.verdict)
    before, after = plan.before, plan.after
    door.say(
        f"  fullest link {before.utilisation:7.1%} → {after.utilisation:.1%}",
        (f"   no plan is below {plan.bound:.1%}: at most {plan.gap:.1%} from the best", "dim"),
    )
    if plan.bound_group:
        costs = f"all backups cost at most {after.utilisation - plan.bare_bound:.1%} of the fullest link"
        door.say((f"  proven with room to survive {plan.bound_group}; {costs}", "dim"))
    if (before.rest, after.rest) != (before.utilisation, after.utilisation):
        stuck = f"{len(plan.stuck)} link{'s' if len(plan.stuck) != 1 else ''}"
        door.say(
            f"  but for {stuck} that nobody can leave {before.rest:7.1%} → {after.rest:.1%}",
            (f"   no plan is below {plan.rest_bound:.1%} there", "dim"),
        )
    door.say(f"  latency {before.latency_ms:.3f} → {after.latency_ms:.3f} ms on average, weighted by rate")
    left = f", {plan.left} have no order without harm" if plan.left else ""
    door.say(f"  {plan.moves} of {plan.services} services move in {_steps(plan.steps)}{left}")
    door.say((f"  made {show_time(plan.made)}, in {plan.took_s:.3g} s", "dim"))
    if plan.applied:
        door.say(("  applied", "green"), f": {plan.outcome}" if plan.outcome else "")
    for one in plan.stale:
        door.say(("  stale: ", "yellow"), one)
    if plan.moves and not plan.stale and not plan.applied:
        door.say(("  look at it with `highroad plan diff`, do it with `highroad plan apply`", "dim"))


def _say_diff(door: Door, found: PlanDiffOut) -> None:
    _say_plan(door, found.plan)
    if found.links:
        door.say(("links, the fullest first", "bold"), ("   █ stays  ▒ goes  ░ comes", "dim"))
        for link in found.links[:SHOWN]:
            door.say(words(f"  {_bar(link)} ", _fills(link), (f"   {link.link}", "dim")).plain)
        _more(door, len(found.links))
    if found.moves:
        rows = map(_row, found.moves[:SHOWN])
        door.table("", (">step", "service", "tenant", ">rate", ">latency", ">then", "way", "then"), rows, "")
        _more(door, len(found.moves))
    for one in found.left[:SHOWN]:
        door.say(("stays: ", "yellow"), f"{one.service}: {one.why}")
    _more(door, len(found.left))


def _steps(count: int) -> str:
    return f"{count} step{'s' if count != 1 else ''}"


def _more(door: Door, count: int) -> None:
    if count > SHOWN:
        door.say((f"and {count - SHOWN} more: --json has them all", "dim"))


def _bar(link: RefilledOut) -> str:
    """What stays, what goes and what comes, of the capacity."""
    if link.capacity_gbps <= 0:
        return "·" * BAR
    before, after = (
        round(BAR * min(1.0, max(0.0, one) / link.capacity_gbps)) for one in (link.before_gbps, link.after_gbps)
    )
    changes = "▒" * (before - after) + "░" * (after - before)
    return f"{'█' * min(before, after) + changes:·<{BAR}}"


def _fills(link: RefilledOut) -> str:
    if link.capacity_gbps <= 0:
        return "no capacity"
    before, after = link.before_gbps / link.capacity_gbps, link.after_gbps / link.capacity_gbps
    return f"{before:6.1%} → {after:6.1%} of {show_gbps(link.capacity_gbps)}"


def _row(one: MoveOut) -> tuple[object, ...]:
    slower = one.after.latency_ms > one.before.latency_ms
    return (
        one.step,
        one.service,
        one.tenant,
        show_gbps(one.bandwidth_gbps),
        show_ms(one.before.latency_ms),
        Text(show_ms(one.after.latency_ms), style="yellow" if slower else "green"),
        _chain(one.before),
        _chain(one.after),
    )


def _chain(way: PlacedOut) -> str:
    several = f" and {way.ways - 1} beside it" if way.ways > 1 else ""
    return (short_chain(way.sites, 5) if way.sites else "–") + several
