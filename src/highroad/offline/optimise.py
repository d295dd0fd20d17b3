"""`highroad optimise NETWORK DEMANDS`: the best plan for files of your own, proven, without a controller.

Exit codes: 0 a plan, whatever had to be left out of it (the findings say what), 2 a file cannot be understood, 4 there
is no such thing to read, 7 it cannot be written, 130 stopped by Ctrl-C, with the best plan so far.
"""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from highroad.errors import Finding, Invalid, Severity, errors_in
from highroad.formats import demands as demand_files
from highroad.formats.loaded import capped
from highroad.model.network import Network
from highroad.offline import loads, plans, reading
from highroad.offline.network import plannable
from highroad.offline.terminal import Json, attempt, print_findings, print_json, say
from highroad.planning.costs import Cost, Restriction, costs, untold
from highroad.planning.optimum import Objective, Optimum, optimise
from highroad.planning.solve.answer import Clock, Limits, Moment, Progress
from highroad.planning.spread import MOST_PATHS, PARTS
from highroad.planning.traffic import RANKS, Demands, checked_of
from highroad.planning.upgrade import Upgrade, to_try, upgrades
from highroad.planning.wishes import possible
from highroad.wire.told import clean, json_text

STOPPED = 130
SHOWN = 10
BAR = 14
FINDINGS = 20

NetworkFile = Annotated[
    str, typer.Argument(metavar="NETWORK", help="A network file, or `us`, `global` or `us-lab` for a shipped one.")
]
DemandsFile = Annotated[
    Path,
    typer.Argument(
        metavar="DEMANDS",
        help="CSV of source,target,gbps and more, JSON of the same, .npy or .npz: see docs/optimise.md.",
    ),
]
Scale = Annotated[float, typer.Option("--scale", min=0.0, help="Every demand so many times as large.")]
Matrix = Annotated[
    str | None, typer.Option("--matrix", help="Which of several matrices: its name, `NAME:5` in a stack of them.")
]
Gap = Annotated[float, typer.Option("--gap", min=1e-9, max=0.5, help="Stop when proven to be so near to the best.")]
TimeLimit = Annotated[
    float | None, typer.Option("--time-limit", min=0.0, metavar="SECONDS", help="Stop then, with the best so far.")
]
Threads = Annotated[int, typer.Option("--threads", min=0, max=1024, help="0 is one a processor.")]


def command(
    network_file: NetworkFile,
    demands_file: DemandsFile,
    objective: Annotated[Objective, typer.Option("--objective", help="What is best.")] = Objective.TOTAL,
    scale: Scale = 1.0,
    matrix: Matrix = None,
    most_paths: Annotated[
        str, typer.Option("--most-paths", metavar="N", help="Paths a demand may have; 0 or none: any number.")
    ] = str(MOST_PATHS),
    steps: Annotated[
        bool, typer.Option("--steps/--no-steps", help=f"Paths carry whole {PARTS}ths of it, as routers hold them.")
    ] = True,
    told_costs: Annotated[
        bool, typer.Option("--costs/--no-costs", help="Tell what each restriction costs, which takes further plans.")
    ] = True,
    gap: Gap = 1e-4,
    time_limit: TimeLimit = None,
    threads: Threads = 0,
    upgrade_gbps: Annotated[
        float, typer.Option("--upgrade-gbps", min=0.001, max=1e6, help="Try so much more on the dearest links.")
    ] = 100.0,
    tried: Annotated[int, typer.Option("--upgrades", min=0, max=100, help="On how many links that is tried.")] = 3,
    out: Annotated[Path | None, typer.Option("--out", metavar="JSON", help="Write the plan into this file.")] = None,
    svg: Annotated[Path | None, typer.Option("--svg", help="Draw the links by load into this file.")] = None,
    derive: reading.Derive = False,
    positions: reading.Positions = None,
    default_length_km: reading.DefaultLength = None,
    default_capacity_gbps: reading.DefaultCapacity = reading.CAPACITY,
    json_: Json = False,
) -> None:
    """Find how a network carries demands best, and prove how near to the best that is; nothing is touched.

    `total` carries the most; `lexicographic` the most of the first class, then of the next; `concurrent` the largest
    share that every demand can have; `maxmin` gives nobody more where somebody with less could have it, by weight;
    `utilisation` carries all with the fullest link as empty as can be. Ctrl-C ends it with the best plan so far.

    Example: `highroad optimise us-lab demands.csv --objective utilisation --svg plan.svg`
    """
    clock: Clock = time.perf_counter
    begun_s = clock()
    paths = attempt(lambda: _most_paths(most_paths), json_)
    attempt(lambda: reading.all_there(network_file, demands_file), json_)
    rules = attempt(lambda: reading.rules_of(derive, positions, default_length_km, default_capacity_gbps), json_)
    left_out, network = plannable(network_file, rules, json_)
    demands, told = attempt(lambda: read_demands(demands_file, network, scale, matrix), json_)
    told = (*left_out, *told)
    limits = Limits(gap=gap, time_s=float("inf") if time_limit is None else time_limit, threads=threads)

    def left(part: float = 1.0) -> Limits:
        return replace(limits, time_s=part * max(0.0, limits.time_s - (clock() - begun_s)))

    with stopping() as stop:
        with telling(objective, quiet=json_) as progress:
            found = attempt(
                lambda: optimise(
                    network,
                    demands,
                    objective,
                    left(PLAN if told_costs or tried else 1.0),
                    most_paths=paths,
                    parts=PARTS if steps and paths is not None else None,
                    clock=clock,
                    progress=progress,
                    stop=stop,
                ),
                json_,
            )
        with working("looking for what restrictions cost", quiet=json_):
            prices = costs(found, left(COSTS if tried else 1.0), clock=clock, stop=stop) if told_costs else ()
        with working("trying more capacity", quiet=json_):
            better = upgrades(found, tried, upgrade_gbps, left(), clock=clock, stop=stop)
        stopped = stop()
    missed = _not_looked_at(found, prices if told_costs else None, better, tried, stopped)
    if out is not None:
        attempt(lambda: reading.write_text(out, json_text(plans.plan(found)) + "\n"), json_)
    if svg is not None:
        by_link = dict(zip((link.id for link in network.links), found.load_gbps.tolist(), strict=True))
        attempt(lambda: reading.write_text(svg, loads.svg(network, by_link)), json_)
    if json_:
        files = {"out": str(out) if out else None, "svg": str(svg) if svg else None}
        print_json({"ok": True, "stopped": stopped, **plans.summary(found, better, (*told, *missed), prices), **files})
    else:
        _print(found, better, prices, capped([*told, *found.findings]), missed, stopped)
        for file, what in ((out, "plan"), (svg, "map")):
            if file is not None:
                say(f"The {what} is in {file}.")
    if stopped:
        raise typer.Exit(STOPPED)


PLAN, COSTS = 0.6, 0.5
"""Of a limit of time the plan has so much where others follow, and of what is left costs: the rest is upgrades'."""


def _not_looked_at(
    found: Optimum, prices: tuple[Cost, ...] | None, better: tuple[Upgrade, ...], tried: int, stopped: bool
) -> list[Finding]:
    """What there was no time for; `prices` is None where nobody asked for them."""
    why = "it was stopped" if stopped else "time was up"
    told = {
        "costs": [restricted(one, found) for one in ([] if prices is None else untold(found, prices))],
        "upgrades": [
            f"more on {links[0]}{' and back' if len(links) > 1 else ''}"
            for links in to_try(found, tried)
            if links not in {one.links for one in better}
        ],
    }
    return [
        Finding(
            code="not-looked-at",
            place=place,
            message=f"not looked at: {', '.join(names)} ({why})",
            severity=Severity.NOTE,
        )
        for place, names in told.items()
        if names
    ]


def _most_paths(said: str) -> int | None:
    """Paths a demand, None for any number. Raises Invalid."""
    if said.lower() in ("0", "none"):
        return None
    if said.isascii() and said.isdecimal() and int(said[:4]) <= MOST:
        return int(said)
    message = f"{said[:40]!r} is not a number from 1 to {MOST}, nor 0 or none for any number of paths"
    raise Invalid([Finding(code="few-paths", place="--most-paths", message=message)])


MOST = 64
"""Paths that a demand may have, where they are counted."""


def read_demands(
    file: Path, network: Network, scale: float, matrix: str | None, *, sent: bool = False, bare: bool = False
) -> tuple[Demands, tuple[Finding, ...]]:
    """The demands of a file, or what they send, and what there is to say of it; `bare`: without protection. Raises
    NotFound, Invalid with all that is wrong.
    """
    data = reading.read_bytes(file, demand_files.MAX_BYTES)
    loaded = demand_files.read(data, network.sites, matrix=matrix)
    if loaded.demands is None:
        raise Invalid(errors_in(loaded.findings))
    demands = loaded.demands
    if sent:
        if loaded.sent_gbps is None:
            message = "no demand of the file has `sent_gbps`, what was measured of it"
            raise Invalid([Finding(code="missing-key", place="load", message=message)])
        demands = replace(demands, gbps=loaded.sent_gbps)
    if bare and demands.has_protection:
        message = "no room is kept for backups here: when something fails all traffic is placed anew, protected or not"
        note = Finding(code="not-kept", place="demands", message=message, severity=Severity.WARNING)
        return replace(demands, protected=np.zeros(0, np.bool_)).times(scale), (*loaded.findings, note)
    return demands.times(scale), loaded.findings


def left_out(network: Network, demands: Demands) -> tuple[Finding, ...]:
    """Which demands cannot be worked on, and why, before anything fails."""
    ready = checked_of(network, demands)
    return (possible(network, demands, ready) if demands.has_bounds else ready).findings


# --- while it works -----------------------------------------------------------------------------------------


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Whether Ctrl-C was pressed, once; pressed again it ends the program as ever."""
    pressed = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield pressed.is_set
        return

    def press(*_: object) -> None:
        pressed.set()
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, press)
    try:
        yield pressed.is_set
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def telling(objective: Objective, *, quiet: bool) -> Iterator[Progress | None]:
    """How far it is, in one line of a terminal's that is wiped out at the end."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield None
        return
    with console.status("beginning") as status:

        def tell(moment: Moment) -> None:
            status.update(
                Text(
                    f"{show(moment.value, objective)}, {'at least' if objective.better < 0 else 'at most'} "
                    f"{show(moment.bound, objective)}: gap {moment.gap:.2%} after {moment.after_s:.1f} s"
                )
            )

        yield tell


@contextmanager
def working(what: str, *, quiet: bool) -> Iterator[None]:
    """That something is going on."""
    console = Console(stderr=True)
    if quiet or not console.is_terminal:
        yield
        return
    with console.status(what):
        yield


# --- in words -----------------------------------------------------------------------------------------------


def rate(gbps: float) -> str:
    """Gbit/s with as many digits as say something."""
    return f"{gbps:,.0f}" if abs(gbps) >= 100 else f"{gbps:.3g}"


def _brief(gbps: float) -> str:
    """The same in a table of many columns."""
    return f"{gbps:.3g}" if abs(gbps) >= _MANY else rate(gbps)


def show(value: float, objective: Objective) -> str:
    """A value as it is meant."""
    return share(value) if objective.by_shares else f"{rate(value)} Gbit/s"


def share(value: float) -> str:
    """A share in percent."""
    return f"{value:.2%}" if value >= 1e-3 or value == 0 else f"{100 * value:.2g}%"


def _print(
    found: Optimum,
    better: tuple[Upgrade, ...],
    prices: tuple[Cost, ...],
    findings: tuple[Finding, ...],
    missed: list[Finding],
    stopped: bool,
) -> None:
    print_findings(findings[:FINDINGS])
    if len(findings) > FINDINGS:
        say(f"and {len(findings) - FINDINGS} more findings: --json has them all", style="dim")
    if stopped:
        say("Stopped: this is the best plan so far.", style="yellow")
    for line in value_lines(found):
        say(line)
    if prices:
        say("")
        Console().print(_costs(found, prices))
    least = 1e-3 * found.free if found.objective.by_shares else _NOTHING
    lines = [upgrade_line(one, found.objective) for one in better if max(one.seen, one.carried_gbps) > least]
    lines += [one.message for one in missed]
    for line in ["", *lines] if lines else []:
        say(line)
    if found.load_gbps.any():
        say("")
        console = Console()
        console.print(_fullest(found, console.width))
    short = plans.missing(found)
    if len(short):
        Console().print(_missing(found, short))


def value_lines(found: Optimum) -> list[str]:
    """How good it is, and how that is known."""
    first, proven = _says(found)
    classes = (
        f"up to {RANKS[one.rank].value}: {rate(one.value)} Gbit/s, of at most {rate(one.bound)} (gap {one.gap:.3%})"
        for one in found.classes
    )
    return [first, *classes, f"proven: {proven}; a gap of {found.gap:.3%} after {found.after_s:.2f} s"]


NOTHING = "nothing"
RESTRICTIONS = {
    Restriction.NONE: "without restrictions",
    Restriction.LATENCY: "with bounds of latency",
    Restriction.FENCES: "with fences",
    Restriction.PROTECTION: "with backups",
}


def restricted(one: Restriction, found: Optimum) -> str:
    """A restriction in words."""
    if one is Restriction.PATHS:
        return f"on at most {found.most_paths} path{'' if found.most_paths == 1 else 's'} a demand"
    if one is Restriction.PARTS:
        return f"in whole {found.parts}ths of a demand"
    return RESTRICTIONS[one]


def _costs(found: Optimum, prices: tuple[Cost, ...]) -> Table:
    table = Table(title="what each restriction costs", title_justify="left", box=None, pad_edge=False)
    bound = "at least" if found.objective.better < 0 else "at most"
    for name in ("", "value", bound, "costs"):
        table.add_column(name, justify="right" if name else "left")
    before: Cost | None = None
    for one in prices:
        table.add_row(
            restricted(one.restriction, found),
            show(one.value, found.objective),
            show(one.bound, found.objective),
            "" if before is None else _costs_more(before, one, found.objective),
        )
        before = one
    return table


def _costs_more(before: Cost, one: Cost, objective: Objective) -> str:
    """What is lost with a restriction: by classes, of the first that loses anything."""
    for was in before.classes:
        now = max((up_to.value for up_to in one.classes if up_to.rank <= was.rank), default=0.0)
        if (lost := _lost(was.value - now, was.value, objective)) != NOTHING:
            return f"{lost} up to {RANKS[was.rank].value}"
    return NOTHING if one.classes else _lost(objective.better * (before.value - one.value), before.value, objective)


def _lost(by: float, of: float, objective: Objective) -> str:
    if not by > 1e-9 * abs(of) or not of < float("inf"):
        return NOTHING
    return f"{difference(by, objective)} ({by / of:.3%})"


def _says(found: Optimum) -> tuple[str, str]:
    """What the value says, and what is proven."""
    match found.objective:
        case Objective.TOTAL:
            first = f"{rate(found.value)} of {rate(found.wanted_gbps)} Gbit/s can be carried ({found.part:.2%})"
            return first, f"no plan carries more than {rate(found.bound)} Gbit/s"
        case Objective.CONCURRENT:
            if not found.value < float("inf"):
                return "there is nothing to carry", "there is nothing to share out"
            first = f"every demand{_with_a_way(found)} can have {share(found.value)} of what it asks for"
            return first, f"no plan gives each more than {share(found.bound)}"
        case Objective.UTILISATION:
            first = f"everything{_with_a_way(found)} is carried with no link more than {share(found.value)} full"
            if found.value > loads.FULL:
                full = share(found.value)
                first = f"not everything fits: carried all the same, the fullest link would be {full} full"
            return first, f"no plan stays below {share(found.bound)}"
        case Objective.LEXICOGRAPHIC:
            first = f"{rate(found.value)} of {rate(found.wanted_gbps)} Gbit/s can be carried, class after class"
            return first, f"no plan that gives no less to earlier classes carries more than {rate(found.bound)} Gbit/s"
        case Objective.MAXMIN:
            if not found.carried_gbps.any():
                return "there is nothing to carry", "there is nothing to share out"
            first = (
                f"who gets least gets {rate(found.value)} Gbit/s a unit of weight; {rate(found.carried_gbps.sum())} "
            )
            return (
                f"{first}of {rate(found.wanted_gbps)} are carried",
                f"no plan gives that one more than {rate(found.bound)}",
            )


def _with_a_way(found: Optimum) -> str:
    return " that can be carried at all" if found.checked.problem.demands < (found.demands.gbps != 0).sum() else ""


def difference(by: float, objective: Objective) -> str:
    """A difference of two values."""
    return f"{100 * by:.2f} points" if objective.by_shares else f"{rate(by)}G"


BETTERS = {
    Objective.TOTAL: "carries {} more",
    Objective.CONCURRENT: "gives every demand {} more",
    Objective.UTILISATION: "takes {} off the fullest link",
    Objective.LEXICOGRAPHIC: "carries {} more",
    Objective.MAXMIN: "gives who gets least {} more",
}


def upgrade_line(one: Upgrade, objective: Objective) -> str:
    """What more capacity does, with what it was thought to do."""
    seen, low, high, most = (difference(max(0.0, by), objective) for by in (one.seen, one.low, one.high, one.most))
    sure = f", {low} to {high} by its proof" if one.high - one.low > 0.1 * abs(one.seen) and low != high else ""
    what = BETTERS[objective].format(seen)
    if one.rank is not None:
        what += f" up to {RANKS[one.rank].value}"
    if objective is Objective.MAXMIN:
        what = f"{what}, and carries {rate(max(0.0, one.carried_gbps))}G more of all"
        if not one.most > 0:
            what, sure = f"carries {rate(max(0.0, one.carried_gbps))}G more of all", ""
    promises = f"; its price promises {most} at most" if one.most > 0 else ", which is no proof"
    return (
        f"another {one.more_gbps:g}G on {one.links[0]}{' and back' if len(one.links) > 1 else ''} {what} "
        f"(planned anew{sure}{promises})"
    )


def _fullest(found: Optimum, width: int) -> Table:
    links = found.links()
    order = sorted(range(len(links["link"])), key=lambda place: (-links["utilisation"][place], links["link"][place]))
    table = Table(title="fullest links", title_justify="left", box=None, pad_edge=False)
    kept = found.demands.has_protection
    names = ("link", "", "full", "carries", *(["keeps"] if kept else []), "of", "price")
    shown: list[tuple[str, ...]] = []
    fulls: list[float] = []
    for place in order[:SHOWN]:
        if not links["utilisation"][place] > 0:
            break
        full = float(links["utilisation"][place])
        fulls.append(full)
        row = (
            clean(links["link"][place]),
            "",
            f"{full:.1%}" if full < _MANY else f"{100 * full:.3g}%",
            _brief(float(links["load_gbps"][place])),
            *([_brief(float(links["reserve_gbps"][place]))] if kept else []),
            f"{_brief(float(links['capacity_gbps'][place]))} Gbit/s",
            f"{links['price'][place]:.3g}" if links["price"][place] > _CHEAP * links["price"].max() else "",
        )
        shown.append(row)
    # the bar gives way to names, and names are broken only where there is none left
    widths = [max(len(name), *(cell_len(row[at]) for row in shown)) for at, name in enumerate(names)]
    bar = max(0, min(BAR, width - sum(widths) - 2 * (len(names) - 1)))
    for at, name in enumerate(names):
        least = min(widths[0], LEAST) if name == "link" else widths[at]
        table.add_column(
            name, justify="left" if name in ("link", "") else "right", no_wrap=name != "link", min_width=least
        )
    for row, full in zip(shown, fulls, strict=True):
        drawn = Text("█" * min(bar, round(bar * full)), style=f"{loads.colour(full)}")
        table.add_row(Text(row[0], overflow="fold"), drawn, *row[2:])
    return table


_CHEAP = 1e-3
_MANY = 1e9
"""Figures of more are told by three digits and a power of ten where many stand side by side."""

LEAST = 16
"""Letters of a link's name side by side, however much stands beside it."""
_NOTHING = 1e-6


def _missing(found: Optimum, short: Any) -> Table:
    columns = found.table()
    table = Table(
        title=f"not carried in full: {len(short):,} of {len(found.demands):,} demands",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    for name in ("from", "to", "class", "asks for", "gets"):
        table.add_column(name, justify="left" if name in ("from", "to", "class") else "right")
    for place in short[:SHOWN].tolist():
        wanted = float(columns["gbps"][place])
        table.add_row(
            Text(clean(columns["source"][place])),
            Text(clean(columns["target"][place])),
            columns["class"][place],
            f"{rate(wanted)} Gbit/s",
            rate(carried if (carried := float(columns["carried_gbps"][place])) > _NOTHING * min(1.0, wanted) else 0.0),
        )
    if len(short) > SHOWN:
        table.add_row(f"and {len(short) - SHOWN:,} more")
    return table
