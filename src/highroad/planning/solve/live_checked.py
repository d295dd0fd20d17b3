"""What is wrong with a live network as arrays is said and left out; afterwards why a service has no way, and what does
not fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from highroad.errors import Finding, Severity
from highroad.planning.solve.answer import FITS
from highroad.planning.solve.even import Even
from highroad.planning.solve.live import Live, ragged
from highroad.planning.solve.problem import MOST_GBPS, Flags, Ints
from highroad.planning.solve.ways import Places, Ways

Names = Callable[[int], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedLive:
    """What of a network can be worked on, where its spans and services were, and what was wrong with the rest."""

    live: Live
    spans: Ints
    services: Ints
    findings: tuple[Finding, ...]


def checked_live(given: Live, span: Names = str, service: Names = str) -> CheckedLive:
    """The spans and services that can be worked on. `span` and `service` name those of a number, for the findings."""
    findings: list[Finding] = []

    def wrong(bad: Flags, code: str, place: Names, sentence: str) -> Flags:
        findings.extend(
            Finding(code=code, place=place(number), message=f"{sentence}: left out", severity=Severity.WARNING)
            for number in np.flatnonzero(bad).tolist()
        )
        return bad

    def of_span(number: int) -> str:
        return f"spans[{span(number)}]"

    def of_service(number: int) -> str:
        return f"services[{service(number)}]"

    nodes = f"nodes go from 0 to {given.nodes - 1}"
    bad = wrong(_outside(given, given.a, given.b), "no-such-node", of_span, nodes)
    bad = bad | wrong((given.a == given.b) & ~bad, "loop", of_span, "it begins and ends at one place")
    size, ms = given.capacity_gbps, given.latency_ms
    bad = bad | wrong(~((size > 0) & (size <= MOST_GBPS)) & ~bad, "no-capacity", of_span, "it has no capacity")
    bad = bad | wrong(~((ms >= 0) & np.isfinite(ms)) & ~bad, "no-latency", of_span, "it has no latency")
    spans = np.flatnonzero(~bad).astype(np.int32)
    bad = wrong(_outside(given, given.source, given.target), "no-such-node", of_service, nodes)
    self_ = (given.source == given.target) & ~bad
    bad = bad | wrong(self_, "self-demand", of_service, "it is from a place to itself")
    rate = given.gbps
    bad = bad | wrong(~((rate > 0) & (rate <= MOST_GBPS)) & ~bad, "no-amount", of_service, "it asks for no rate")
    bound = given.bound_ms
    bad = bad | wrong((np.isnan(bound) | (bound <= 0)) & ~bad, "no-bound", of_service, "its bound is no time")
    out = (given.fence < -1) | (given.fence >= len(given.fences))
    bad = bad | wrong(out & ~bad, "no-such-fence", of_service, f"there are {len(given.fences)} fences")
    services = np.flatnonzero(~bad).astype(np.int32)
    first, places = ragged(given.group_first, spans.astype(np.int64))
    live = replace(
        given,
        a=given.a[spans],
        b=given.b[spans],
        latency_ms=ms[spans],
        capacity_gbps=size[spans],
        group_first=first,
        group=given.group[places],
        fences=np.ascontiguousarray(given.fences[:, spans]),
        source=given.source[services],
        target=given.target[services],
        gbps=rate[services],
        rank=given.rank[services],
        bound_ms=bound[services],
        fence=given.fence[services],
        protected=given.protected[services],
    )
    return CheckedLive(live=live, spans=spans, services=services, findings=tuple(findings))


def why_left(plan: Even, service: Names = str) -> tuple[Finding, ...]:
    """Of each service without a way in a plan, why: there is none at all, it is too long, or no backup is apart."""
    live = plan.ways.live
    bare = replace(live, protected=np.zeros(live.services, np.bool_))
    ways = Ways(bare)
    least = np.full(ways.families, np.inf)
    rows: Places = np.unique(ways.of[plan.left])
    if len(rows):
        least[rows] = ways.cheapest(live.latency_ms, rows)[0]
    findings = []
    for number in plan.left.tolist():
        takes, bound = float(least[ways.of[number]]), float(live.bound_ms[number])
        if not np.isfinite(takes):
            code, sentence = "not-joined", "no way leads there inside its fence"
        elif takes > bound:
            code, sentence = "latency", f"the fastest way takes {takes:g} ms, more than its bound of {bound:g} ms"
        else:
            code, sentence = "no-backup", "no two ways were found that no risk group takes down together"
        findings.append(
            Finding(code=code, place=f"services[{service(number)}]", message=sentence, severity=Severity.WARNING)
        )
    return tuple(findings)


def where_over(plan: Even, span: Names = str) -> tuple[Finding, ...]:
    """The spans that have no room for what a plan carries over them and keeps for backups: there it does not fit."""
    live, load, kept = plan.ways.live, plan.load_gbps, plan.reserve_gbps
    over = load + kept > live.capacity_gbps * (1 + FITS)
    return tuple(
        Finding(
            code="over-full",
            place=f"spans[{span(number)}]",
            message=f"it has {live.capacity_gbps[number]:g} Gbit/s, and would carry {load[number]:g} and keep "
            f"{kept[number]:g} for backups",
            severity=Severity.WARNING,
        )
        for number in np.flatnonzero(over).tolist()
    )


def _outside(given: Live, one: Ints, other: Ints) -> Flags:
    return (one < 0) | (one >= given.nodes) | (other < 0) | (other >= given.nodes)
