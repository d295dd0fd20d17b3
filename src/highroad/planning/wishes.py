"""Demands with bounds of latency and protection, as the solver of ways takes them; whose wish nobody can meet is told.

What can be told of a demand: a bound that is no time, one that the fastest way inside its fence does not meet, and
protection where one risk group takes down every way (a bridge), or where no two ways apart were found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from highroad.errors import Finding, Severity
from highroad.graph.disjoint import groups_of, site_group
from highroad.model.network import Network
from highroad.planning.ground import CARRIES_OTHERS
from highroad.planning.solve.live import Live
from highroad.planning.solve.problem import Checked, Flags, Ints, Reals
from highroad.planning.solve.ways import Places, Ways
from highroad.planning.traffic import Demands, told_of

TRIED = 200
"""Demands without a backup for which a group is looked for that takes down every way; others are told without."""


def group_names(network: Network) -> tuple[str, ...]:
    """The risk groups of a network by number, as `live_of` has them."""
    names: dict[str, None] = {}
    for link in network.links:
        for group in sorted(groups_of(network, link.id)):
            names.setdefault(group)
    for site in network.sites:
        names.setdefault(site_group(site.id))
    return tuple(names)


def live_of(network: Network, demands: Demands, ready: Checked) -> Live:
    """The arrays of what can be worked on, links one way each."""
    problem = ready.problem
    number = {name: place for place, name in enumerate(group_names(network))}
    links = [network.links[place] for place in ready.links.tolist()]
    groups = [sorted(number[group] for group in groups_of(network, link.id)) for link in links]
    ends = [site for site in network.sites if site.kind not in CARRIES_OTHERS]
    return Live(
        nodes=problem.nodes,
        a=problem.tail,
        b=problem.head,
        latency_ms=np.array([link.latency_ms for link in links], np.float64),
        capacity_gbps=problem.capacity_gbps,
        group_first=np.append(0, np.cumsum([len(group) for group in groups])).astype(np.int64),
        group=np.array([one for group in groups for one in group], np.int32),
        node_group=np.array([number[site_group(site.id)] for site in (*network.sites, *ends)], np.int32),
        source=problem.source,
        target=problem.target,
        gbps=problem.amount_gbps,
        rank=problem.rank,
        bound_ms=demands.bounds_ms[ready.demands],
        fence=problem.fence,
        fences=problem.fences,
        protected=demands.guarded[ready.demands],
        directed=True,
    )


def possible(network: Network, demands: Demands, ready: Checked) -> Checked:
    """The same without demands whose bound or protection nothing meets, and a finding for each of them."""
    bound = demands.bounds_ms[ready.demands]
    no_bound: Flags = ~(bound > 0)
    live = live_of(network, demands, ready)
    live = replace(live, bound_ms=np.where(no_bound, np.inf, bound))
    if not live.services:
        return ready
    bare = Ways(replace(live, protected=np.zeros(live.services, np.bool_)))
    fastest = bare.cheapest(live.latency_ms)[0][bare.of]
    late: Flags = ~no_bound & (fastest > live.bound_ms * (1 + 1e-9))
    slowest, lone = _with_backup(live)
    no_backup: Flags = live.protected & ~late & ~no_bound & ~np.isfinite(slowest)
    late_backup: Flags = live.protected & ~late & ~no_bound & ~no_backup & (slowest > live.bound_ms * (1 + 1e-9))
    findings = list(ready.findings)

    def tell(which: Flags, code: str, sentence: Mapping[int, str] | str) -> None:
        for place in np.flatnonzero(which).tolist():
            said = sentence if isinstance(sentence, str) else sentence[place]
            finding = Finding(code=code, place=f"demands[{ready.demands[place]}]", message=said, severity=_WARNING)
            findings.append(told_of(finding, network, demands))

    tell(no_bound, "no-bound", {n: f"its bound of {bound[n]:g} ms is no time: left out" for n in _places(no_bound)})
    tell(
        late,
        "latency",
        {
            n: f"the fastest way takes {fastest[n]:.6g} ms, more than its bound of {bound[n]:g} ms: left out"
            for n in _places(late)
        },
    )
    tell(no_backup, "no-backup", _why(network, live, no_backup, lone))
    tell(
        late_backup,
        "latency",
        {
            n: f"the fastest two ways apart that were found take up to {slowest[n]:.6g} ms, more than its bound of "
            f"{bound[n]:g} ms: left out"
            for n in _places(late_backup)
        },
    )
    kept = np.flatnonzero(~(no_bound | late | no_backup | late_backup)).astype(np.int32)
    of = ready.problem
    left = replace(
        of,
        source=of.source[kept],
        target=of.target[kept],
        amount_gbps=of.amount_gbps[kept],
        fence=of.fence[kept],
        rank=of.rank[kept],
        weight=of.weight[kept],
    )
    return Checked(problem=left, links=ready.links, demands=ready.demands[kept], findings=tuple(findings))


_WARNING = Severity.WARNING


def _places(which: Flags) -> list[int]:
    found: list[int] = np.flatnonzero(which).tolist()
    return found


def _with_backup(live: Live) -> tuple[Reals, Ways]:
    """Of each demand that is protected, how long the faster pairs of ways take that are found; infinity without one."""
    ways = Ways(live)
    found = np.full(ways.families, np.inf)
    if live.protected.any():
        guarded: Places = np.flatnonzero(ways.protected)
        ways.add(ways.cheapest(live.latency_ms, guarded)[1], live.latency_ms)
        ways.rescue(live.latency_ms)
        np.minimum.at(found, ways.family, ways.latency_ms)
    return np.where(live.protected, found[ways.of], 0.0), ways


def _why(network: Network, live: Live, which: Flags, ways: Ways) -> dict[int, str]:
    """Of each demand without a backup the risk group that takes down every way, where there is one."""
    names, found = group_names(network), dict[int, str]()
    for place in _places(which):
        sentence = "no two ways were found that no risk group takes down together"
        if len(found) < TRIED:
            group = _bridge(live, ways, int(ways.of[place]))
            if group >= 0:
                sentence = f"all ways go over {names[group].removeprefix('site:')}: nothing is left when that fails"
        found[place] = f"it is to be protected, and {sentence}: left out"
    return found


def _bridge(live: Live, ways: Ways, family: int) -> int:
    """A risk group on the cheapest way without which there is none, the smallest; -1 if there is no such."""
    rows = np.array([family], np.int64)
    _, way = ways.cheapest(live.latency_ms, rows)
    ends: Ints = live.node_group[[ways.source[family], ways.target[family]]]
    groups = {
        int(group)
        for span in way.span.tolist()
        for group in live.group[live.group_first[span] : live.group_first[span + 1]].tolist()
        if group not in ends
    }
    for group in sorted(groups, key=lambda group: (len(ways.spans_in(group)), group)):
        price = live.latency_ms.copy()
        price[ways.spans_in(group)] = np.inf
        if not np.isfinite(ways.cheapest(price, rows)[0][0]):
            return group
    return -1
