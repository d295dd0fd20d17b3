"""An optimum as JSON: what `highroad optimise --json` prints, and the plan that `--out` writes.

Whoever checks a plan needs nothing of ours: capacities, loads, flows by path, and the prices that prove the bound are
all in it, with the equation in words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from highroad.errors import Finding
from highroad.formats.loaded import capped
from highroad.offline.terminal import plain_finding
from highroad.planning.costs import Cost
from highroad.planning.optimum import Objective, Optimum
from highroad.planning.solve.classes import Cumulative
from highroad.planning.solve.routed import Routed
from highroad.planning.traffic import RANKS
from highroad.planning.upgrade import Upgrade
from highroad.planning.wishes import group_names

UNITS = {
    Objective.TOTAL: "Gbit/s carried",
    Objective.CONCURRENT: "share of every demand",
    Objective.UTILISATION: "load of the fullest link as a share of its capacity",
    Objective.LEXICOGRAPHIC: "Gbit/s carried of all classes, the first first",
    Objective.MAXMIN: "Gbit/s a unit of weight that who gets least gets",
}

PROOFS = {
    Objective.TOTAL: "no plan carries more than: the sum over links of capacity x price, and over demands of what is "
    "asked x max(0, 1 - the least sum of prices on any way there), where all that is asked from one site to one other "
    "inside one fence counts for no more than the capacity of the links out of the one, and of those into the other",
    Objective.CONCURRENT: "no larger share fits than: the sum over links of capacity x price, over the sum over "
    "demands of what is asked x the least sum of prices on any way there",
    Objective.UTILISATION: "no plan stays below: the sum over demands of what is asked x the least sum of prices on "
    "any way there, over the sum over links of capacity x price",
    Objective.LEXICOGRAPHIC: "with B the sum over links of capacity x price, and over demands of what is asked x "
    "max(0, w - the least sum of prices on any way there), where w is the worth of the demand's class: no plan that "
    "gives no less to the classes before carries more than B less what those weigh beyond 1, "
    "nor more than is asked for",
    Objective.MAXMIN: "of who gets least: no larger share of all weights fits than the sum over links of capacity x "
    "price, over the sum over demands of weight x the least sum of prices on any way there; nor one that asks for less",
}
"""What is in `certificate`, as a sentence that anybody can reckon after."""


def number(value: float) -> float | None:
    """A number as JSON has it: what is not finite is null."""
    return float(value) if math.isfinite(value) else None


def summary(
    found: Optimum, upgrades: Sequence[Upgrade], told: Sequence[Finding] = (), costs: Sequence[Cost] = ()
) -> dict[str, Any]:
    """How good it is, every link, and what is not carried."""
    links, short = found.links(), missing(found)
    table = found.table()
    return {
        "network": found.network.name,
        "objective": found.objective.value,
        "value": number(found.value),
        "bound": number(found.bound),
        "unit": UNITS[found.objective],
        "gap": number(found.gap),
        "after_s": round(found.after_s, 4),
        "sweeps": found.answer.sweeps,
        "demands": len(found.demands),
        "wanted_gbps": number(found.wanted_gbps),
        "carried_gbps": number(float(found.carried_gbps.sum())),
        "carried_part": number(found.part),
        "most_paths": found.most_paths,
        "parts": found.parts,
        "value_on_any_paths": number(found.free),
        "costs": [
            {
                "restriction": one.restriction.value,
                "value": number(one.value),
                "bound": number(one.bound),
                "classes": _classes(one.classes),
            }
            for one in costs
        ],
        "moments": [
            {"after_s": round(one.after_s, 4), "value": number(one.value), "bound": number(one.bound)}
            for one in found.moments
        ],
        "classes": _classes(found.classes),
        "links": rows(links),
        "not_carried": [{key: _plain(column[place]) for key, column in table.items()} for place in short.tolist()],
        "upgrades": [upgrade(one) for one in upgrades],
        "findings": [plain_finding(one) for one in capped([*told, *found.findings])],
    }


def _classes(classes: Sequence[Cumulative]) -> list[dict[str, Any]]:
    return [
        {"up_to": RANKS[one.rank].value, "carried_gbps": number(one.value), "bound_gbps": number(one.bound)}
        for one in classes
    ]


def plan(found: Optimum) -> dict[str, Any]:
    """Everything: who goes where with how much, and the proof."""
    links, table, paths = found.links(), found.table(), found.paths()
    demands = rows(table)
    for one in demands:
        one["paths"] = []
    backups = paths.get("backup", [()] * len(paths["links"]))
    for demand, gbps, latency, chain, backup in zip(
        paths["demand"].tolist(),
        paths["gbps"].tolist(),
        paths["latency_ms"].tolist(),
        paths["links"],
        backups,
        strict=True,
    ):
        path = {"gbps": gbps, "latency_ms": round(latency, 6), "links": list(chain)}
        demands[demand]["paths"].append({**path, "backup": list(backup)} if backup else path)
    prices = np.zeros(len(found.network.links))
    prices[found.checked.links] = found.answer.price
    return {
        "highroad_plan": 1,
        "network": found.network.name,
        "objective": found.objective.value,
        "value": number(found.value),
        "unit": UNITS[found.objective],
        "most_paths": found.most_paths,
        "parts": found.parts,
        "certificate": {
            "bound": number(found.bound),
            "gap": number(found.gap),
            "proof": _proof(found),
            **({"worth": {RANKS[one.rank].value: one.worth for one in found.classes}} if found.classes else {}),
            "prices": {link: one for link, one in zip(links["link"], prices.tolist(), strict=True) if one},
            **_routed(found),
        },
        "demands": demands,
        "links": rows(links),
        "findings": [plain_finding(one) for one in capped(list(found.findings))],
    }


ENDS = (
    ". All that is asked from one site to one other counts for no more than the capacity of the links out of the one, "
    "and of those into the other, whoever brings most first"
)
"""What counts of demands with bounds or backups, where not all has to be carried."""


def _proof(found: Optimum) -> str:
    """The sum that prices go into."""
    proof = PROOFS[found.objective]
    if not isinstance(found.answer, Routed):
        return proof
    if found.objective is Objective.MAXMIN:
        return f"{proof}. Of a demand with a bound of latency a way counts that takes no longer than its bound"
    if found.objective is Objective.TOTAL:
        proof = proof.partition(", where all that is asked")[0]
    if not found.objective.by_shares:
        proof += ENDS
    cost = (
        ". Cost, or the least sum of prices on any way, is for each demand that on any way inside its fence that takes "
        "no longer than its bound; of demands that have too many such ways the bound may count less than that"
    )
    if found.answer.standing.guarded:
        cost += (
            "; for a demand that is protected it is, where that is more, over group_prices, the sum of the least sums "
            "of prices on any such way that has no link of that group, but for groups that are its own ends, which "
            "count 0 (`none` is when nothing has failed). What is kept for backups counts as load"
        )
    return proof + cost


def _routed(found: Optimum) -> dict[str, Any]:
    """What a proof needs beside prices where demands have backups."""
    answer = found.answer
    if not isinstance(answer, Routed) or not answer.standing.guarded:
        return {}
    names, ids = group_names(found.network), [found.network.links[place].id for place in found.checked.links.tolist()]
    return {
        "group_prices": {
            "none" if group < 0 else names[group]: {
                link: price for link, price in zip(ids, prices.tolist(), strict=True) if price
            }
            for group, prices in answer.by_group
        }
    }


def upgrade(one: Upgrade) -> dict[str, Any]:
    """What more capacity would do."""
    return {
        "links": list(one.links),
        "more_gbps": one.more_gbps,
        "price": one.price,
        "better_by_price_at_most": one.most,
        "better": one.seen,
        "better_between": [one.low, one.high],
        "carried_more_gbps": one.carried_gbps,
        "up_to": None if one.rank is None else RANKS[one.rank].value,
    }


def missing(found: Optimum) -> Any:
    """The places of demands that are not carried in full, what is short most first."""
    wanted = np.where(np.isfinite(found.demands.gbps), found.demands.gbps, 0.0)
    carried = found.carried_gbps
    if found.objective is Objective.CONCURRENT:  # all get the same share: those that get nothing are told
        wanted = np.where(carried > 0, 0.0, wanted)
    short = wanted - carried
    places = np.flatnonzero(short > 1e-6 * wanted)
    return places[np.argsort(-short[places], kind="stable")]


def rows(columns: dict[str, Any]) -> list[dict[str, Any]]:
    """Columns as a list of mappings."""
    keys = list(columns)
    return [
        dict(zip(keys, values, strict=True)) for values in zip(*(_values(columns[key]) for key in keys), strict=True)
    ]


def _values(column: Any) -> list[Any]:
    values: list[Any] = column.tolist()
    if column.dtype.kind == "f" and not np.isfinite(column).all():
        return [number(one) for one in values]
    return values


def _plain(value: Any) -> Any:
    return number(float(value)) if isinstance(value, float) else value
