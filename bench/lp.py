"""Max-min shares as a sequence of linear programs, by HiGHS: what ours are held against, and how long it takes.

    maximise  t    subject to  x_d >= w_d t of demands that may still rise, x_d as it was of the others, flows that fit

Flows are by source and link. Who stands at a dual price above 0, or has all that it asks for, rises no more; then the
next program, begun at the basis of the last one, until nobody is left (Bertsekas and Gallager, "Data networks", 6.5.2).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import highspy
import numpy as np
from numpy.typing import NDArray

from bench.figure import Figure
from highroad.planning.solve import maxmin
from highroad.planning.solve.problem import Problem, Reals

LIMIT_S = 60.0
NOTHING = 1e-7


@dataclass(frozen=True, slots=True, kw_only=True)
class Sequence:
    """What each demand gets, in so many programs; None if it did not come to its end in time."""

    served_gbps: Reals | None
    programs: int
    after_s: float


def figures(instances: Iterable[tuple[str, Problem]]) -> Iterator[Figure]:
    """A row for each instance."""
    for name, given in instances:
        begun_s = time.perf_counter()
        ours = maxmin.maxmin(given, clock=time.perf_counter)
        took_s = time.perf_counter() - begun_s
        theirs = sequence(given)
        if theirs.served_gbps is None:
            said, met = "it did not come to its end", None
        else:
            off = np.abs(ours.served_gbps - theirs.served_gbps) / np.maximum(theirs.served_gbps, 1e-12)
            said = (
                f"furthest from it {off.max():.2%}, {np.mean(off <= 0.01):.2%} of demands within 1%, sums "
                f"{ours.served_gbps.sum():,.1f} and {theirs.served_gbps.sum():,.1f}"
            )
            met = bool(off.max() <= 0.01 and theirs.after_s >= 10 * took_s)
        yield Figure(
            what=f"{name} ({given.demands:,} demands): max-min shares",
            ours=f"{took_s:.3f} s, {ours.levels} levels; {said}",
            bar="equal within 1%, 10x faster",
            met=met,
            peer=f"HiGHS, {theirs.programs} linear programs: {theirs.after_s:.2f} s "
            f"({theirs.after_s / took_s:.0f} times as long)",
        )


def sequence(given: Problem, limit_s: float = LIMIT_S) -> Sequence:
    """The shares of demands, each between a pair of ends of its own, without fences. The model is not on the clock."""
    highs, first_x, first_row = _model(given)
    demands, weight, amount = given.demands, given.weight, given.amount_gbps
    level_column = first_x + demands
    served = np.zeros(demands)
    open_ = np.ones(demands, np.bool_)
    programs = 0
    begun_s = time.perf_counter()
    while open_.any():
        left_s = limit_s - (time.perf_counter() - begun_s)
        if left_s <= 0:
            return Sequence(served_gbps=None, programs=programs, after_s=time.perf_counter() - begun_s)
        most = float((amount / weight)[open_].min())
        highs.changeColBounds(level_column, 0.0, most)
        highs.setOptionValue("time_limit", highs.getRunTime() + left_s)
        highs.run()
        programs += 1
        if highs.getModelStatus() != highspy.HighsModelStatus.kOptimal:
            return Sequence(served_gbps=None, programs=programs, after_s=time.perf_counter() - begun_s)
        solution = highs.getSolution()
        level = float(solution.col_value[level_column])
        price = np.abs(np.array(solution.row_dual)[first_row : first_row + demands])
        done = open_ & ((price > NOTHING * max(1e-12, price.max())) | (weight * level >= amount * (1 - 1e-9)))
        for demand in np.flatnonzero(done).tolist():
            served[demand] = weight[demand] * level
            highs.changeColBounds(first_x + demand, served[demand] * (1 - 1e-9), served[demand])
            highs.changeRowBounds(first_row + demand, -highspy.kHighsInf, highspy.kHighsInf)
        open_ &= ~done
    return Sequence(served_gbps=served, programs=programs, after_s=time.perf_counter() - begun_s)


def _model(given: Problem) -> tuple[highspy.Highs, int, int]:
    """The first program, the first column of what demands get, and the first row that lifts them."""
    sources, row_of = np.unique(given.source, return_inverse=True)
    nodes, links, demands = given.nodes, given.links, given.demands
    first_x, first_row = len(sources) * links, len(sources) * nodes + links
    columns = first_x + demands + 1
    of_f = np.repeat(np.arange(len(sources)), links)
    link = np.tile(np.arange(links), len(sources))
    column: list[NDArray[np.int64]] = [np.arange(first_x)] * 3
    row = [of_f * nodes + given.head[link], of_f * nodes + given.tail[link], len(sources) * nodes + link]
    value = [np.ones(first_x), -np.ones(first_x), np.ones(first_x)]
    x = first_x + np.arange(demands)
    column += [x, x, np.full(demands, columns - 1)]
    row += [row_of * nodes + given.target, first_row + np.arange(demands), first_row + np.arange(demands)]
    value += [-np.ones(demands), np.ones(demands), -given.weight]
    columns_of, rows_of, values = (np.concatenate(one) for one in (column, row, value))
    order = np.lexsort((rows_of, columns_of))
    lower = np.zeros(first_row + demands)
    upper = np.zeros(first_row + demands)
    own = np.arange(len(sources)) * nodes + sources  # what a source sends is free
    lower[own], upper[own] = -highspy.kHighsInf, highspy.kHighsInf
    lower[len(sources) * nodes : first_row] = -highspy.kHighsInf
    upper[len(sources) * nodes : first_row] = given.capacity_gbps
    upper[first_row:] = highspy.kHighsInf
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = columns, first_row + demands
    model.col_cost_, model.sense_ = np.append(np.zeros(columns - 1), 1.0), highspy.ObjSense.kMaximize
    model.col_lower_ = np.zeros(columns)
    model.col_upper_ = np.concatenate((np.full(first_x, highspy.kHighsInf), given.amount_gbps, [highspy.kHighsInf]))
    model.row_lower_, model.row_upper_ = lower, upper
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_ = np.searchsorted(columns_of[order], np.arange(columns + 1)).astype(np.int32)
    model.a_matrix_.index_, model.a_matrix_.value_ = rows_of[order].astype(np.int32), values[order]
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.passModel(model)
    return highs, first_x, first_row
