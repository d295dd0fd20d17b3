"""`highroad sweep NETWORK DEMANDS`: what if fibres fail, demands grow, links get more; each case planned anew.

Exit codes: as `highroad optimise`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from highroad.errors import Finding, Invalid, did_you_mean
from highroad.formats.loaded import capped
from highroad.model.network import LinkId, Network
from highroad.offline import reading
from highroad.offline.crew import Here, Tell, at_once, counting, crew
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
from highroad.offline.plans import number
from highroad.offline.terminal import Json, attempt, plain_finding, print_findings, print_json, say
from highroad.planning.solve.answer import Limits
from highroad.planning.sweep import (
    FITS,
    Case,
    Helps,
    Outcome,
    Question,
    case_of,
    doubles,
    helps,
    singles,
    sweep,
    with_more,
)
from highroad.planning.workers import Workers
from highroad.wire.told import clean

ALONE = 40
"""Cases that are not worth starting processes for."""
RETRIED = 200
"""Cases, the worst, in which an upgrade is tried."""

SENT = ("sent: fullest", "crowded out")


class Counted(StrEnum):
    """What demands count with."""

    GUARANTEED = "guaranteed"
    MEASURED = "measured"


def command(
    network_file: NetworkFile,
    demands_file: DemandsFile,
    cut: Annotated[
        list[str] | None,
        typer.Option("--cut", metavar="TARGET", help="A fibre, site or risk group fails; `A+B`: both. Again for more."),
    ] = None,
    grow: Annotated[
        list[float] | None, typer.Option("--grow", min=0.0, help="Besides as it is, so many times the demands.")
    ] = None,
    add: Annotated[
        list[str] | None, typer.Option("--add", metavar="LINK:GBPS", help="Besides as it is, more on a link each way.")
    ] = None,
    each: Annotated[bool, typer.Option("--singles", help="Each risk group fails, alone.")] = False,
    pairs: Annotated[bool, typer.Option("--doubles", help="Each two risk groups fail together.")] = False,
    load: Annotated[
        Counted, typer.Option("--load", help="`measured`: also of what demands send, `sent_gbps` of the file.")
    ] = Counted.GUARANTEED,
    scale: Scale = 1.0,
    matrix: Matrix = None,
    gap: Annotated[float, typer.Option("--gap", min=1e-6, max=0.5, help="How near to the best each case is.")] = 1e-3,
    upgrade_gbps: Annotated[
        float, typer.Option("--upgrade-gbps", min=0.001, max=1e6, help="Try so much more on the dearest links.")
    ] = 100.0,
    tried: Annotated[int, typer.Option("--upgrades", min=0, max=100, help="On how many links that is tried.")] = 3,
    workers: Annotated[int, typer.Option("--workers", min=0, max=1024, help="Processes; 0 is one a processor.")] = 0,
    top: Annotated[int, typer.Option("--top", min=1, help="Cases that are listed, the worst first.")] = 15,
    derive: reading.Derive = False,
    positions: reading.Positions = None,
    default_length_km: reading.DefaultLength = None,
    default_capacity_gbps: reading.DefaultCapacity = reading.CAPACITY,
    json_: Json = False,
) -> None:
    """Plan a network anew for every failure, growth and upgrade: what falls, what overloads, what helps most.

    Failures, growths and additions are tried with one another. Ctrl-C ends it with the cases so far. With
    `--load measured` each is told of what demands send, too, beside what they are promised.

    Example: `highroad sweep us demands.csv --singles --grow 1.5`
    """
    attempt(lambda: reading.all_there(network_file, demands_file), json_)
    rules = attempt(lambda: reading.rules_of(derive, positions, default_length_km, default_capacity_gbps), json_)
    unread, network = plannable(network_file, rules, json_)
    demands, told = attempt(lambda: read_demands(demands_file, network, scale, matrix, bare=True), json_)
    cases = attempt(lambda: _cases(network, cut or [], grow or [], add or [], each, pairs), json_)
    sending = None
    if load is Counted.MEASURED:
        sending, _ = attempt(lambda: read_demands(demands_file, network, scale, matrix, sent=True, bare=True), json_)
    findings = capped([*unread, *told, *left_out(network, demands)])
    processes = workers or os.cpu_count() or 1
    processes = 1 if len(cases) < ALONE and not workers else processes
    question = Question(network=network, demands=demands, limits=Limits(gap=gap, threads=0 if processes == 1 else 1))
    begun_s = time.perf_counter()
    with stopping() as stop, crew(processes) as hands:
        with counting("cases", len(cases), quiet=json_) as tell:
            outcomes = _run(question, cases, hands, stop, tell)
        sent: dict[Case, Outcome] = {}
        if sending is not None:
            with counting("cases of what is sent", len(cases), quiet=json_) as tell:
                sent = {one.case: one for one in _run(replace(question, demands=sending), cases, hands, stop, tell)}
        spent_s = time.perf_counter() - begun_s
        crowded = sorted((one for one in outcomes if one.prices), key=lambda one: -one.crowded_gbps)[:RETRIED]
        best = helps(network, crowded, upgrade_gbps)
        with counting("trying more capacity", len(crowded) * min(tried, len(best)), quiet=json_) as tell:
            best = [_tried(question, one, crowded, hands, stop, tell) for one in best[:tried]]
        stopped = stop()
    best.sort(key=lambda one: -(one.seen_gbps or 0.0))
    ranked = sorted(outcomes, key=lambda one: (-one.lost_gbps, -one.utilisation, one.case.name))
    if json_:
        print_json(
            {
                "ok": True,
                "stopped": stopped,
                "network": network.name,
                "cases": len(outcomes),
                "after_s": round(spent_s, 3),
                "outcomes": [_both(one, sent) for one in ranked],
                "upgrades": [_plain_help(one, len(crowded)) for one in best],
                "findings": [plain_finding(one) for one in findings],
            }
        )
    else:
        print_findings(findings[:20])
        _print(ranked, sent, best, len(crowded), top, spent_s, stopped)
    if stopped:
        raise typer.Exit(STOPPED)


# --- which cases --------------------------------------------------------------------------------------------


def _cases(
    network: Network, cut: Sequence[str], grow: Sequence[float], add: Sequence[str], each: bool, pairs: bool
) -> list[Case]:
    """Each failure with each growth and each addition, as it is first. Raises Invalid with all that is wrong."""
    wrong: list[Finding] = []
    failures: dict[Case, None] = {Case(): None}
    for asked in cut:
        try:
            names = (asked,) if asked in network.fibre or asked in network.site else tuple(asked.split("+"))
            failures[case_of(network, names)] = None
        except Invalid as error:
            wrong.extend(error.findings)
    more: list[tuple[LinkId, ...]] = [()]
    gbps = [0.0]
    for asked in add:
        link, _, text = asked.rpartition(":")
        try:
            rate_gbps = float(text.removesuffix("G"))
            if not 0 < rate_gbps <= 1e9:
                raise ValueError
        except ValueError:
            wrong.append(Finding(code="bad-addition", place="add", message=f"`{clean(asked)}` is not LINK:GBPS"))
            continue
        if link not in network.link:
            near = did_you_mean(link, network.link)
            wrong.append(Finding(code="unknown-link", place="add", message=f"there is no link `{clean(link)}`{near}"))
            continue
        one = LinkId(link)
        more.append(tuple(dict.fromkeys((one, network.opposite.get(one, one)))))
        gbps.append(rate_gbps)
    if wrong:
        raise Invalid(wrong)
    failures.update(dict.fromkeys(singles(network) if each else []))
    failures.update(dict.fromkeys(doubles(network) if pairs else []))
    return [
        with_more(replace(failure, growth=growth), links, amount)
        for growth in dict.fromkeys([1.0, *grow])
        for failure in failures
        for links, amount in zip(more, gbps, strict=True)
    ]


# --- on many workers ----------------------------------------------------------------------------------------


def _run(
    question: Question, cases: Sequence[Case], hands: Workers, stop: Callable[[], bool], tell: Tell
) -> list[Outcome]:
    outcomes: list[Outcome] = []
    for some in sweep(question, cases, hands, at_once=1 if isinstance(hands, Here) else at_once(len(cases))):
        outcomes.extend(some)
        tell(len(some))
        if stop():
            break
    return outcomes


def _tried(
    question: Question, one: Helps, crowded: Sequence[Outcome], hands: Workers, stop: Callable[[], bool], tell: Tell
) -> Helps:
    """The same with every case in which something is crowded out planned anew."""
    again = [with_more(outcome.case, one.links, one.more_gbps) for outcome in crowded]
    then = _run(question, again, hands, stop, tell) if not stop() else []
    if len(then) < len(again):
        return one
    saved = sum(before.crowded_gbps - after.crowded_gbps for before, after in zip(crowded, then, strict=True))
    return replace(one, seen_gbps=saved)


# --- told ---------------------------------------------------------------------------------------------------


def _plain(one: Outcome) -> dict[str, Any]:
    return {
        "case": one.case.name,
        "cut": list(one.case.cut),
        "growth": one.case.growth,
        "more_gbps": dict(one.case.more_gbps),
        "links_down": len(one.case.without),
        "utilisation": number(one.utilisation),
        "utilisation_bound": number(one.utilisation_bound),
        "wanted_gbps": one.wanted_gbps,
        "cut_off_gbps": one.cut_off_gbps,
        "late_gbps": one.late_gbps,
        "crowded_gbps": one.crowded_gbps,
        "crowded_bound_gbps": one.crowded_bound_gbps,
        "overloaded": [{"link": link, "utilisation": full} for link, full in one.overloaded],
        "short": [{"source": a, "target": b, "gbps": gbps} for a, b, gbps in one.short],
    }


def _both(one: Outcome, sent: Mapping[Case, Outcome]) -> dict[str, Any]:
    """A case, and the same of what demands send."""
    return _plain(one) | ({"sent": _plain(sent[one.case])} if one.case in sent else {})


def _plain_help(one: Helps, crowded: int) -> dict[str, Any]:
    return {
        "links": list(one.links),
        "more_gbps": one.more_gbps,
        "cases": one.cases,
        "carries_more_gbps": one.seen_gbps,
        "carries_more_by_price_at_most_gbps": one.promised_gbps,
        "of_cases": crowded,
    }


def _print(
    ranked: Sequence[Outcome],
    sent: Mapping[Case, Outcome],
    best: Sequence[Helps],
    crowded: int,
    top: int,
    spent_s: float,
    stopped: bool,
) -> None:
    if stopped:
        say("Stopped: these are the cases so far.", style="yellow")
    off = sum(one.cut_off_gbps > 1e-6 for one in ranked)
    over = sum(one.utilisation > FITS for one in ranked)
    say(
        f"{len(ranked):,} case{'' if len(ranked) == 1 else 's'} in {spent_s:.1f} s: in {off:,} something is cut off, "
        f"in {over:,} what is left does not fit"
    )
    late = sum(one.late_gbps > 1e-6 for one in ranked)
    if late:
        say(f"in {late:,} no way that is left meets the bound of latency of some of it")
    if sent:
        full = sum(one.utilisation > FITS for one in sent.values())
        say(f"of what is sent, in {full:,} what is left does not fit")
    for one in ranked:
        if one.case == Case():
            say(f"as it is: the fullest link at {one.utilisation:.1%}, {rate(one.lost_gbps)} Gbit/s not carried")
    table = Table(box=None, pad_edge=False)
    for name in ("case", "fullest", "cut off", "crowded out", *(SENT if sent else ()), "overloads first"):
        table.add_column(name, justify="left" if name in ("case", "overloads first") else "right")
    for one in ranked[:top]:
        table.add_row(
            Text(clean(one.case.name), overflow="fold"),
            Text(f"{one.utilisation:.1%}", style="bold red" if one.utilisation > FITS else ""),
            f"{rate(one.cut_off_gbps)}G" if one.cut_off_gbps > 1e-6 else "–",
            f"{rate(one.crowded_gbps)}G" if one.crowded_gbps > 1e-6 else "–",
            *(_sent(sent.get(one.case)) if sent else ()),
            Text(clean(one.overloaded[0][0] if one.overloaded else ""), overflow="fold"),
        )
    Console().print(table)
    if len(ranked) > top:
        say(f"and {len(ranked) - top:,} more: --json has them all", style="dim")
    for more in best:
        ways = f"{more.links[0]}{' and back' if len(more.links) > 1 else ''}"
        cases = f"{crowded:,} case{'' if crowded == 1 else 's'} in which most is crowded out"
        seen = (
            f"carries {rate(max(0.0, more.seen_gbps))}G more, summed over the {cases} (planned anew; prices promise "
            f"{rate(more.promised_gbps)}G at most)"
            if more.seen_gbps is not None
            else f"carries at most {rate(more.promised_gbps)}G more by its prices, summed over the {cases}"
        )
        say(f"another {more.more_gbps:g}G on {ways} {seen}")


def _sent(one: Outcome | None) -> tuple[Text, str]:
    """The columns of what is sent in a case."""
    if one is None:
        return Text("–"), "–"
    crowded = f"{rate(one.crowded_gbps)}G" if one.crowded_gbps > 1e-6 else "–"
    return Text(f"{one.utilisation:.1%}", style="bold red" if one.utilisation > FITS else ""), crowded
