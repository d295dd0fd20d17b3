"""`highroad availability NETWORK DEMANDS`: how much is carried for how much of the time, with what fails how often.

Exit codes: as `highroad optimise`.
"""

from __future__ import annotations

import os
import time
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from highroad.errors import Finding, Invalid
from highroad.formats.loaded import capped
from highroad.offline import reading
from highroad.offline.crew import Here, at_once, counting, crew
from highroad.offline.network import plannable
from highroad.offline.optimise import (
    STOPPED,
    DemandsFile,
    Matrix,
    NetworkFile,
    Scale,
    left_out,
    rate,
    read_demands,
    stopping,
)
from highroad.offline.terminal import Json, attempt, plain_finding, print_findings, print_json, say
from highroad.planning.availability import (
    MOST,
    REST,
    Asked,
    Distribution,
    Failures,
    Looked,
    Range,
    distribution,
    failures,
    throughput,
)
from highroad.planning.chances import DEFAULT_RATES, MINUTES_A_YEAR, Rates, Risk, chances_of, risks
from highroad.planning.optimum import Objective
from highroad.planning.solve.answer import Limits
from highroad.wire.told import clean

ALONE = 40
"""Failures that are not worth starting processes for."""

AT = (99.0, 99.9, 99.99)
SHOWN = 1e-9


def command(
    network_file: NetworkFile,
    demands_file: DemandsFile,
    objective: Annotated[
        Objective, typer.Option("--objective", help="`total`: of all together; `concurrent`: what everybody gets.")
    ] = Objective.TOTAL,
    at: Annotated[
        list[float] | None,
        typer.Option("--at", min=0.0, max=100.0, metavar="PERCENT", help="What is carried for so much of the time."),
    ] = None,
    rest: Annotated[
        float, typer.Option("--rest", min=1e-9, max=0.5, help="Look on until all else is less likely than this.")
    ] = REST,
    most: Annotated[int, typer.Option("--most", min=1, max=10_000_000, help="Failures that are looked at.")] = MOST,
    cuts: Annotated[
        float, typer.Option("--cuts", min=0.0, help="Cuts a year in 1,000 km of fibre, where a file does not say.")
    ] = DEFAULT_RATES.cuts_per_1000_km_year,
    repair_h: Annotated[
        float, typer.Option("--repair-h", min=0.0, help="Hours until one is mended.")
    ] = DEFAULT_RATES.repair_h,
    shared_km: Annotated[
        float, typer.Option("--shared-km", min=0.0, help="Length of a shared risk group, where a file does not say.")
    ] = DEFAULT_RATES.shared_km,
    site_down: Annotated[
        float, typer.Option("--site-down", min=0.0, max=1.0, help="Share of time in which a site is out.")
    ] = DEFAULT_RATES.site_down,
    scale: Scale = 1.0,
    matrix: Matrix = None,
    gap: Annotated[float, typer.Option("--gap", min=1e-6, max=0.5, help="How near to the best each plan is.")] = 1e-3,
    workers: Annotated[int, typer.Option("--workers", min=0, max=1024, help="Processes; 0 is one a processor.")] = 0,
    top: Annotated[int, typer.Option("--top", min=1, help="Failures that are listed, the dearest first.")] = 10,
    derive: reading.Derive = False,
    positions: reading.Positions = None,
    default_length_km: reading.DefaultLength = None,
    default_capacity_gbps: reading.DefaultCapacity = reading.CAPACITY,
    json_: Json = False,
) -> None:
    """Show what a network carries for how much of the time, whatever fails, with traffic placed anew each time.

    Risk groups fail as often as the network says, and else by their length (`--cuts`, `--repair-h`). Ctrl-C ends it
    with the failures so far.

    Example: `highroad availability us-lab demands.csv --at 99.9 --at 99.99`
    """
    attempt(lambda: reading.all_there(network_file, demands_file), json_)
    rules = attempt(lambda: reading.rules_of(derive, positions, default_length_km, default_capacity_gbps), json_)
    unread, network = plannable(network_file, rules, json_)
    attempt(lambda: _answers(objective), json_)
    demands, told = attempt(lambda: read_demands(demands_file, network, scale, matrix, bare=True), json_)
    findings = capped([*unread, *told, *left_out(network, demands)])
    rates = Rates(cuts_per_1000_km_year=cuts, repair_h=repair_h, shared_km=shared_km, site_down=site_down)
    found = risks(network, chances_of(network, rates))
    given = failures(found, rest, most)
    count = len(given.failures)
    processes = workers or os.cpu_count() or 1
    processes = 1 if count < ALONE and not workers else processes
    limits = Limits(gap=gap, threads=0 if processes == 1 else 1)
    asked = Asked(network=network, demands=demands, limits=limits, objective=objective)
    begun_s = time.perf_counter()
    looked: list[Looked] = []
    with (
        stopping() as stop,
        crew(processes) as hands,
        counting("failures", count, quiet=json_) as tell,
    ):
        for some in throughput(asked, given, hands, at_once=1 if isinstance(hands, Here) else at_once(count)):
            looked.extend(some)
            tell(len(some))
            if stop():
                break
        spent_s, stopped = time.perf_counter() - begun_s, stop()
    made = distribution(asked, given, looked)
    asked_at = [round(one / 100, 12) for one in dict.fromkeys(at or AT)]
    if json_:
        print_json(
            {
                "ok": True,
                "stopped": stopped,
                "network": network.name,
                "objective": objective.value,
                "after_s": round(spent_s, 3),
                "rates": {
                    "cuts_per_1000_km_year": cuts,
                    "repair_h": repair_h,
                    "shared_km": shared_km,
                    "site_down": site_down,
                },
                "risks": [_plain_risk(one) for one in found],
                "failures": len(made.looked),
                "rest": made.rest,
                "wanted_gbps": made.wanted_gbps,
                "mean": _plain(made.mean()),
                "at": [{"availability": one, **_plain(made.at(one))} for one in asked_at],
                "looked": [_plain_looked(one) for one in _dearest(made)],
                "findings": [plain_finding(one) for one in findings],
            }
        )
    else:
        print_findings(findings[:20])
        _print(made, given, found, asked_at, objective, top, spent_s, stopped)
    if stopped:
        raise typer.Exit(STOPPED)


def _answers(objective: Objective) -> None:
    if objective not in {Objective.TOTAL, Objective.CONCURRENT}:
        message = f"what is carried for how much of the time is told of total and concurrent, not of {objective.value}"
        raise Invalid([Finding(code="objective", place="objective", message=message)])


def _dearest(made: Distribution) -> list[Looked]:
    """Those first that cost most, over all of the time."""
    return sorted(made.looked, key=lambda one: (-one.failure.share * (1.0 - one.value), one.failure.groups))


# --- told ---------------------------------------------------------------------------------------------------


def _plain(between: Range) -> dict[str, float]:
    return {"least": between[0], "most": between[1]}


def _plain_risk(one: Risk) -> dict[str, Any]:
    return {"groups": list(one.groups), "links": sorted(one.links), "down": one.down}


def _plain_looked(one: Looked) -> dict[str, Any]:
    return {
        "down": list(one.failure.groups),
        "links_down": len(one.failure.without),
        "share_of_time": one.failure.share,
        "carried": one.value,
        "carried_bound": one.bound,
    }


def _print(
    made: Distribution,
    given: Failures,
    found: tuple[Risk, ...],
    asked_at: list[float],
    objective: Objective,
    top: int,
    spent_s: float,
    stopped: bool,
) -> None:
    if stopped:
        say("Stopped: this is what the failures so far say.", style="yellow")
    well = next((one.failure.share for one in made.looked if not one.failure.groups), 0.0)
    say(f"{len(found):,} risks; nothing is down for {percent(well)} of the time")
    say(
        f"{len(made.looked):,} failure{'' if len(made.looked) == 1 else 's'} looked at in {spent_s:.1f} s; "
        f"all others together are likely by {percent(made.rest)}"
    )
    what = "of every demand" if objective.by_shares else f"of {rate(made.wanted_gbps)} Gbit/s"
    table = Table(title=f"carried {what}", title_justify="left", box=None, pad_edge=False, show_header=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column()
    table.add_row("on average", *_range(made.mean()))
    for one in asked_at:
        table.add_row(f"{one:.10%}".rstrip("0%").rstrip(".") + "% of the time", *_range(made.at(one)))
    Console().print(table)
    dear = [one for one in _dearest(made) if one.failure.share * (1.0 - one.value) > SHOWN][:top]
    if not dear:
        return
    table = Table(title="what costs most", title_justify="left", box=None, pad_edge=False)
    for name in ("down", "minutes a year", "carried"):
        table.add_column(name, justify="left" if name == "down" else "right")
    for seen in dear:
        table.add_row(
            Text(clean(" and ".join(seen.failure.groups)) or "nothing", overflow="fold"),
            f"{seen.failure.share * MINUTES_A_YEAR:,.3g}",
            percent(seen.value),
        )
    Console().print(table)


def _range(between: Range) -> tuple[str, str]:
    """The least, and, where it is not certain, what it may be at most."""
    low, high = between
    return percent(low), f"to {percent(high)}" if percent(low) != percent(high) else ""


def percent(share: float) -> str:
    """With as many digits as tell it from none and from all."""
    missing = min(share, 1.0 - share)
    return f"{share:.2%}" if missing > 1e-4 or missing <= 1e-9 else f"{share:.4%}" if missing > 1e-6 else f"{share:.7%}"
