"""The optimiser on the instances that its peers published on: value, proven gap and time, with theirs beside.

Instances are read by path (`HIGHROAD_TE`, else shared/data/te beside the checkout) and never enter the project. Time
counts the building of arrays for the kernels, not the reading of files, and is the shortest of two or three runs.
POP, NCFlow and CSPF are quoted from their authors' results (`anchors.csv`: NCFlow and POP modelled for 28 and 14
cores, solver alone); HiGHS and OR-tools' PDLP run here, on the peers' own four paths, their model built already. Each
answer's bound is taken anew by the certificate.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import highspy
import matplotlib.pyplot as plt
import networkx as nx
import numpy as np
from numpy.typing import NDArray

from bench import lp
from bench.figure import Figure
from highroad.planning.solve import certificate, few, maxmin, shared, total
from highroad.planning.solve.answer import Answer, Limits
from highroad.planning.solve.problem import Problem, Reals, problem

DATA = Path(os.environ.get("HIGHROAD_TE", Path(__file__).resolve().parents[2] / "shared" / "data" / "te"))
PICTURE = Path(__file__).parent / "results" / "te.png"
FREE = {"Deltacom": 0.05, "Cogentco": 0.05, "Kdl": 0.5}
"""Seconds in which a gap of 1e-4 is to be proven."""
ASN_SHARE = 0.5
"""Demand over the sum of all capacity at which 70 to 90% of it is carried."""
CUTS = 100
MAXMIN_SOURCES = (2, 8, 16)
CROWDED = 2.0
"""Where max-min shares are looked at, all demands together would fill the fullest link so many times."""
IN_TIME = 0.9
"""Asked to stop after this share of a peer's time: what comes after the last sweep counts too."""

Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Topology:
    """Links of one instance."""

    nodes: int
    tail: NDArray[np.int32]
    head: NDArray[np.int32]
    capacity_gbps: Reals


def figures() -> Iterator[Figure]:
    """Every row that there is data for."""
    if not DATA.is_dir():
        yield Figure(what="the optimiser on published instances", ours=f"no instances in {DATA}: set HIGHROAD_TE")
        return
    curves: dict[str, Answer] = {}
    for name, bar_s in FREE.items():
        for key, matrix in sorted(_matrices(name).items()):
            yield _free(name, key, matrix, bar_s, curves)
    yield _concurrent(curves)
    for name in ("Deltacom", "Cogentco"):
        for key, matrix in sorted(_matrices(name).items()):
            yield _their_paths(name, key, matrix)
    yield _solvers()
    for key in ("gravity", "uniform"):
        yield _four_paths(key)
    yield _warm()
    yield from _asn(curves)
    yield _b4(curves)
    yield from lp.figures(_maxmin_instances())
    yield _maxmin()
    _draw(curves)


# --- rows ----------------------------------------------------------------------------------------------------


def _free(name: str, key: str, matrix: Matrix, bar_s: float, curves: dict[str, Answer]) -> Figure:
    found, took_s = _best_of(3, name, matrix)
    curves[f"{name} {key}"] = found
    peer = _anchor(name, key)
    lp, pop = float(peer["lp_obj"]), float(peer["pop16_obj"])
    return Figure(
        what=f"{name} {key}, most flow on free paths",
        ours=f"{found.value:,.2f}, proven gap {found.gap:.1e} in {took_s:.3f} s ({found.sweeps} sweeps)"
        f"{'' if certificate.certificate(found).holds(found) else ': its certificate does not hold'}",
        bar=f"gap <= 1e-4 in <= {bar_s:g} s",
        met=found.gap <= 1e-4 and took_s <= bar_s and certificate.certificate(found).holds(found),
        peer=f"on 4 paths: LP {lp:,.2f} in {float(peer['lp_gurobi_s']):.1f} s; POP-16 {pop / lp:.5f} of it in "
        f"{float(peer['pop16_est_s']):.2f} s; NCFlow {float(peer['ncflow_obj']) / lp:.3f} in "
        f"{float(peer['ncflow_est_s']):.2f} s; ours {found.value / lp:.4f}",
    )


def _concurrent(curves: dict[str, Answer]) -> Figure:
    matrix = _matrices("Kdl")["gravity"]
    runs = []
    for _ in range(3):
        begun = time.perf_counter()
        found = shared.utilisation(_problem("Kdl", matrix), clock=time.perf_counter)
        runs.append((time.perf_counter() - begun, found))
    took_s, found = min(runs, key=lambda run: run[0])
    curves["Kdl gravity, equal share"] = found
    good = certificate.certificate(found, shares=True).holds(found, fits=False)
    return Figure(
        what="Kdl gravity, largest equal share (max concurrent flow)",
        ours=f"{1 / found.value:.5f}, proven gap {found.gap:.1e} in {took_s:.3f} s",
        bar="gap <= 1e-4 in <= 0.3 s",
        met=found.gap <= 1e-4 and took_s <= 0.3 and good,
        peer="on 4 paths: LP .7321 in 7,670 s, POP-16 .981 of it in 16 s (as planning.md quotes them)",
    )


def _their_paths(name: str, key: str, matrix: Matrix) -> Figure:
    paths, amount = _paths(name, matrix)
    capacity = _topology(name).capacity_gbps
    peer = _anchor(name, key)
    lp, pop, pop_s = (float(peer[one]) for one in ("lp_obj", "pop16_obj", "pop16_est_s"))
    runs = []
    for _ in range(3):
        begun = time.perf_counter()
        found = few.on_paths(capacity, amount, paths, Limits(time_s=IN_TIME * pop_s), clock=time.perf_counter)
        runs.append((time.perf_counter() - begun, found))
    took_s, found = min(runs, key=lambda run: (run[0] > pop_s, -run[1].value, run[0]))
    return Figure(
        what=f"{name} {key}, on the peers' own 4 paths, in POP's time",
        ours=f"{found.value / lp:.6f} of the LP in {took_s:.3f} s, proven gap {found.gap:.1e}",
        bar=f">= {pop / lp:.5f} in <= {pop_s:.3f} s",
        met=found.value >= pop and took_s <= pop_s,
        peer=f"POP-16 {pop / lp:.5f} in {pop_s:.3f} s, NCFlow {float(peer['ncflow_obj']) / lp:.3f} in "
        f"{float(peer['ncflow_est_s']):.3f} s, CSPF {float(peer['cspf_obj']) / lp:.3f} in "
        f"{float(peer['cspf_s']):.2f} s",
    )


def _solvers() -> Figure:
    """Solvers on the same LP, here: the model is built already, the clock runs while they solve."""
    matrix = _matrices("Cogentco")["gravity"]
    paths, amount = _paths("Cogentco", matrix)
    capacity = _topology("Cogentco").capacity_gbps
    begun = time.perf_counter()
    found = few.on_paths(capacity, amount, paths, clock=time.perf_counter)
    ours_s = time.perf_counter() - begun
    said = []
    for solver, label in (("ipm", "HiGHS interior point"), ("pdlp", "HiGHS PDLP at 1e-4")):
        value, took_s = _highs(capacity, amount, paths, solver)
        said.append(f"{label} {value:,.2f} in {took_s:.1f} s")
    value, took_s = _pdlp(capacity, amount, paths)
    said.append(f"OR-tools PDLP at 1e-4 {value:,.2f} in {took_s:.1f} s")
    return Figure(
        what="Cogentco gravity on 4 paths, beside solvers in the same run",
        ours=f"{found.value:,.2f}, gap {found.gap:.1e} in {ours_s:.3f} s",
        peer="; ".join(said),
    )


def _four_paths(key: str) -> Figure:
    matrix = _matrices("Kdl")[key]
    runs = []
    for _ in range(2):
        begun = time.perf_counter()
        found = total.total(_problem("Kdl", matrix), clock=time.perf_counter)
        plan = few.narrowed(found, 4, clock=time.perf_counter)
        runs.append((time.perf_counter() - begun, found, plan))
    took_s, found, plan = min(runs, key=lambda run: run[0])
    lost = 1 - plan.value / found.bound
    return Figure(
        what=f"Kdl {key}, at most 4 paths a demand",
        ours=f"{lost:.4%} below what free splitting can carry at most, {took_s:.2f} s in all",
        bar="<= 0.5%, <= 1 s",
        met=lost <= 0.005 and took_s <= 1.0,
    )


def _warm() -> Figure:
    """After one cut, from the plan of before; the same from nothing."""
    given = _problem("Kdl", _matrices("Kdl")["gravity"])
    before = total.total(given, clock=time.perf_counter)
    rng = np.random.default_rng(1)
    fibres = rng.choice(np.flatnonzero(given.tail < given.head), CUTS, replace=False)
    warm, cold, gaps = [], [], []
    for number, link in enumerate(fibres.tolist()):
        begun = time.perf_counter()
        found = total.after_cut(before, _both(given, link), Limits(gap=1e-3), clock=time.perf_counter)
        warm.append(time.perf_counter() - begun)
        gaps.append(found.gap)
        if number % 10 == 0:
            left = np.setdiff1d(np.arange(given.links), _both(given, link))
            begun = time.perf_counter()
            total.total(_without(given, left), Limits(gap=1e-3), clock=time.perf_counter)
            cold.append(time.perf_counter() - begun)
    return Figure(
        what=f"Kdl gravity after one cut, warm, {CUTS} cuts",
        ours=f"median {statistics.median(warm):.3f} s, worst {max(warm):.3f} s, worst gap {max(gaps):.1e}; cold median "
        f"{statistics.median(cold):.3f} s",
        bar="gap <= 1e-3 in <= 0.1 s median",
        met=max(gaps) <= 1e-3 and statistics.median(warm) <= 0.1,
    )


def _asn(curves: dict[str, Answer]) -> Iterator[Figure]:
    raw = json.loads(gzip.decompress((DATA / "ASN2k.json.gz").read_bytes()))
    net = _node_link(raw)
    out, into = (np.bincount(end, net.capacity_gbps, net.nodes) for end in (net.tail, net.head))
    matrix: Matrix = np.outer(out, into).astype(np.float64)
    np.fill_diagonal(matrix, 0.0)
    matrix *= ASN_SHARE * net.capacity_gbps.sum() / matrix.sum()
    given = _of(net, matrix)
    for gap, bar_s in ((1e-2, 3.0), (1e-3, 10.0)):
        begun = time.perf_counter()
        found = total.total(given, Limits(gap=gap, time_s=60.0), clock=time.perf_counter)
        took_s = time.perf_counter() - begun
        curves[f"ASN at {gap:g}"] = found
        yield Figure(
            what=f"ASN (1,739 nodes, mixed capacities), gravity at {ASN_SHARE:g} of all capacity",
            ours=f"{found.value / matrix.sum():.1%} carried, proven gap {found.gap:.1e} in {took_s:.1f} s",
            bar=f"gap <= {gap:g} in <= {bar_s:g} s",
            met=found.gap <= gap and took_s <= bar_s,
        )


def _b4(curves: dict[str, Answer]) -> Figure:
    net = _node_link(json.loads(gzip.decompress((DATA / "B4.json.gz").read_bytes())))
    took, gaps = [], []
    for matrix in np.load(DATA / "B4_real_tms.npz")["tm"].astype(np.float64):
        np.fill_diagonal(matrix, 0.0)
        given = _of(net, matrix)
        begun = time.perf_counter()
        found = total.total(given, clock=time.perf_counter)
        took.append(time.perf_counter() - begun)
        gaps.append(found.gap)
        curves["B4, its last matrix"] = found
    return Figure(
        what=f"B4's {len(took)} matrices",
        ours=f"median {statistics.median(took) * 1e3:.1f} ms, worst {max(took) * 1e3:.1f} ms, "
        f"worst gap {max(gaps):.1e}",
        bar="<= 5 ms each",
        met=max(took) <= 5e-3 and max(gaps) <= 1e-4,
    )


def _maxmin_instances() -> Iterator[tuple[str, Problem]]:
    """Of growing size, as far as a sequence of linear programs comes to its end; loads at which not all fits."""
    b4 = _node_link(json.loads(gzip.decompress((DATA / "B4.json.gz").read_bytes())))
    matrix = np.load(DATA / "B4_real_tms.npz")["tm"][0].astype(np.float64)
    np.fill_diagonal(matrix, 0.0)
    given = _of(b4, matrix)
    yield "B4, its first matrix", _of(b4, matrix * CROWDED / shared.utilisation(given).value)
    for sources in MAXMIN_SOURCES:
        matrix = _matrices("Deltacom")["gravity"].copy()
        matrix[np.argsort(-matrix.sum(axis=1))[sources:]] = 0.0
        given = _problem("Deltacom", matrix)
        scale = CROWDED / shared.utilisation(given, Limits(gap=1e-2)).value
        yield f"Deltacom, gravity of {sources} sources", _problem("Deltacom", matrix * scale)


def _maxmin() -> Figure:
    matrix = _matrices("Deltacom")["gravity"]
    begun = time.perf_counter()
    found = maxmin.maxmin(_problem("Deltacom", matrix), clock=time.perf_counter)
    took_s = time.perf_counter() - begun
    share = np.sort(found.served_gbps / matrix[matrix > 0])
    return Figure(
        what="Deltacom gravity, max-min shares",
        ours=f"{found.levels} levels in {took_s:.2f} s; shares from {share[0]:.3f}, a tenth below "
        f"{share[len(share) // 10]:.3f}, sum {found.served_gbps.sum():,.0f}",
    )


# --- instances -----------------------------------------------------------------------------------------------


@cache
def _topology(name: str) -> Topology:
    """As the peers read it: both ways, parallel edges merged, no loops, the largest part, numbered in file order."""
    graph = nx.read_graphml(io.BytesIO(gzip.decompress((DATA / f"{name}.graphml.gz").read_bytes())))
    part = max(nx.connected_components(nx.Graph(graph)), key=len)
    number = {node: index for index, node in enumerate(node for node in graph.nodes if node in part)}
    pairs = {frozenset((number[a], number[b])) for a, b, *_ in graph.edges if a in number and a != b}
    ends = np.array([(a, b) for a, b in (tuple(sorted(pair)) for pair in sorted(pairs, key=sorted))], np.int32)
    tail, head = np.concatenate((ends, ends[:, ::-1])).T
    return Topology(nodes=len(number), tail=tail.copy(), head=head.copy(), capacity_gbps=np.full(len(tail), 1000.0))


@cache
def _matrices(name: str) -> dict[str, Matrix]:
    found = {}
    with np.load(DATA / f"{name}_saturated.npz") as file:
        for key in file.files:
            matrix = file[key].astype(np.float64)
            np.fill_diagonal(matrix, 0.0)
            found[key.split("_")[0]] = matrix
    return found


def _node_link(raw: dict[str, Any]) -> Topology:
    number = {node: index for index, node in enumerate(sorted(one["id"] for one in raw["nodes"]))}
    links = [(number[one["source"]], number[one["target"]], float(one["capacity"])) for one in raw["links"]]
    links = [link for link in links if link[0] != link[1]]
    return Topology(
        nodes=len(number),
        tail=np.array([link[0] for link in links], np.int32),
        head=np.array([link[1] for link in links], np.int32),
        capacity_gbps=np.array([link[2] for link in links]),
    )


def _of(net: Topology, matrix: Matrix) -> Problem:
    source, target = (ends.astype(np.int32) for ends in np.nonzero(matrix))
    return problem(net.nodes, net.tail, net.head, net.capacity_gbps, source, target, matrix[source, target])


def _problem(name: str, matrix: Matrix) -> Problem:
    return _of(_topology(name), matrix)


def _best_of(times: int, name: str, matrix: Matrix) -> tuple[Answer, float]:
    """The shortest of some runs, and what it said."""
    runs = []
    for _ in range(times):
        begun = time.perf_counter()
        found = total.total(_problem(name, matrix), clock=time.perf_counter)
        runs.append((time.perf_counter() - begun, found))
    took_s, found = min(runs, key=lambda run: run[0])
    return found, took_s


def _both(given: Problem, link: int) -> NDArray[np.int32]:
    ends = {(given.tail[link], given.head[link]), (given.head[link], given.tail[link])}
    return np.array([e for e in range(given.links) if (given.tail[e], given.head[e]) in ends], np.int32)


def _without(given: Problem, left: NDArray[np.intp]) -> Problem:
    return problem(
        given.nodes, given.tail[left], given.head[left], given.capacity_gbps[left], given.source, given.target,
        given.amount_gbps,
    )  # fmt: skip


@cache
def _anchors() -> dict[tuple[str, str], dict[str, str]]:
    with (DATA / "anchors.csv").open() as file:
        return {(row["topology"], row["tm"]): row for row in csv.DictReader(file)}


def _anchor(name: str, key: str) -> dict[str, str]:
    return _anchors()[name, key]


def _paths(name: str, matrix: Matrix) -> tuple[few.Paths, Reals]:
    raw = json.loads(gzip.decompress((DATA / f"{name}_4edge_disjoint_minhop.json.gz").read_bytes()))
    net = _topology(name)
    number = {(a, b): e for e, (a, b) in enumerate(zip(net.tail.tolist(), net.head.tolist(), strict=True))}
    first, start, link, amount = [0], [0], [], []
    for source, target, paths in raw["pairs"]:
        if source == target or matrix[source, target] <= 0:
            continue
        for path in paths:
            link += [number[a, b] for a, b in pairwise(path)]
            start.append(len(link))
        first.append(len(start) - 1)
        amount.append(matrix[source, target])
    offsets = [np.array(one, np.int64) for one in (first, start)]
    return few.Paths(first=offsets[0], start=offsets[1], link=np.array(link, np.int32)), np.array(amount)


# --- peers ---------------------------------------------------------------------------------------------------


def _columns(capacity: Reals, amount: Reals, paths: few.Paths) -> tuple[Reals, NDArray[np.int32], NDArray[np.int32]]:
    """The rows of links and then of demands, a column a path: (upper bounds of rows, starts, row numbers)."""
    count = paths.count
    demand = np.repeat(np.arange(len(amount)), np.diff(paths.first)) + len(capacity)
    rows = np.insert(paths.link.astype(np.int32), paths.start[1:], demand.astype(np.int32))
    starts = (paths.start + np.arange(count + 1)).astype(np.int32)
    return np.concatenate((capacity, amount)), starts, rows


def _highs(capacity: Reals, amount: Reals, paths: few.Paths, solver: str) -> tuple[float, float]:
    upper, starts, rows = _columns(capacity, amount, paths)
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = paths.count, len(upper)
    model.col_cost_, model.sense_ = np.ones(paths.count), highspy.ObjSense.kMaximize
    model.col_lower_, model.col_upper_ = np.zeros(paths.count), np.full(paths.count, highspy.kHighsInf)
    model.row_lower_, model.row_upper_ = np.full(len(upper), -highspy.kHighsInf), upper
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.start_, model.a_matrix_.index_ = starts, rows
    model.a_matrix_.value_ = np.ones(len(rows))
    highs = highspy.Highs()
    highs.setOptionValue("output_flag", False)
    highs.setOptionValue("solver", solver)
    highs.setOptionValue("run_crossover", "off")
    highs.setOptionValue("time_limit", 120.0)
    if solver == "pdlp":
        highs.setOptionValue("pdlp_optimality_tolerance", 1e-4)
    highs.passModel(model)
    begun = time.perf_counter()
    highs.run()
    return float(highs.getInfo().objective_function_value), time.perf_counter() - begun


def _pdlp(capacity: Reals, amount: Reals, paths: few.Paths) -> tuple[float, float]:
    from ortools.linear_solver.python import model_builder

    upper, starts, rows = _columns(capacity, amount, paths)
    model = model_builder.Model()
    columns = [model.new_num_var(0.0, float("inf"), "") for _ in range(paths.count)]
    terms: list[list[Any]] = [[] for _ in upper]
    for column in range(paths.count):
        for row in rows[starts[column] : starts[column + 1]]:
            terms[row].append(columns[column])
    for row, most in zip(terms, upper, strict=True):
        if row:
            model.add(sum(row) <= float(most))
    model.maximize(sum(columns))
    solver = model_builder.Solver("pdlp")
    solver.set_solver_specific_parameters(
        "termination_criteria { simple_optimality_criteria { eps_optimal_relative: 1e-4 } } num_threads: 2"
    )
    begun = time.perf_counter()
    solver.solve(model)
    return float(solver.objective_value), time.perf_counter() - begun


def _draw(curves: dict[str, Answer]) -> None:
    """Quality against time, a picture for each instance."""
    across = 4
    down = -(-len(curves) // across)
    figure, grid = plt.subplots(down, across, figsize=(3.2 * across, 2.4 * down), squeeze=False)
    for axes in grid.flat[len(curves) :]:
        axes.set_visible(False)
    for axes, (name, answer) in zip(grid.flat, curves.items(), strict=False):
        after_s = [max(one.after_s, 1e-4) for one in answer.moments]
        axes.plot(after_s, [max(one.gap, 1e-7) for one in answer.moments], marker=".")
        axes.set(xscale="log", yscale="log", ylim=(1e-7, 1.5))
        axes.set_title(name, fontsize=8)
        axes.tick_params(labelsize=7)
        axes.grid(alpha=0.3)
    figure.supxlabel("seconds", fontsize=9)
    figure.supylabel("proven gap", fontsize=9)
    figure.tight_layout()
    PICTURE.parent.mkdir(exist_ok=True)
    figure.savefig(PICTURE, dpi=110)
    plt.close(figure)
