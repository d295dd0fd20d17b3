"""What if, on the US reference network with 10,000 services: every single and double failure, each planned anew.

Services are between random sites, of the sizes that customers order, and their demands are put together by pairs of
sites. They are scaled so that all of them fit, the fullest link at `LOAD`. Every failure is solved to within 0.1 %,
proven, on one process a processor (`WORKERS`). Of the pairs of risk groups as many are looked at as there is time for
(`TIME_S`), evenly from all of them; the time of all is as many times that. A few failures are solved from nothing
beside.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor

import numpy as np

from bench.figure import Figure
from highroad.formats import detect, shipped
from highroad.model.network import Network
from highroad.planning.availability import Asked, distribution, failures, throughput
from highroad.planning.chances import chances_of, risks
from highroad.planning.optimum import Objective, optimise
from highroad.planning.solve.answer import Limits
from highroad.planning.sweep import FITS, Outcome, Question, doubles, singles, sweep
from highroad.planning.traffic import Changed, Demands, simple

SERVICES = 10_000
SIZES_GBPS = (1.0, 2.0, 5.0, 10.0, 40.0, 100.0)
LOAD = 0.7
GAP = 1e-3
TIME_S = float(os.environ.get("HIGHROAD_SWEEP_S", "75"))
WORKERS = int(os.environ.get("HIGHROAD_SWEEP_WORKERS", "0")) or os.cpu_count() or 1
COLD = 12
REST = 1e-3
AT_ONCE = 64


def figures() -> Iterator[Figure]:
    """Failures alone and in pairs, and what is carried for how much of the time."""
    network = detect.read(shipped.network_text("us")).network
    assert network is not None
    demands = _demands(network)
    even = optimise(network, demands, Objective.UTILISATION, Limits(gap=GAP))
    demands = demands.times(LOAD / even.value)
    question = Question(network=network, demands=demands, limits=Limits(gap=GAP, threads=1))
    with ProcessPoolExecutor(WORKERS, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(_wake, range(4 * WORKERS)))
        yield from _sweeps(question, pool)
        yield _available(network, demands, pool)


def _wake(_: int) -> None:
    """What a process is started with: what it needs is imported already."""


def _demands(network: Network) -> Demands:
    rng = np.random.default_rng(1)
    sites = len(network.sites)
    a = rng.integers(0, sites, SERVICES)
    b = (a + rng.integers(1, sites, SERVICES)) % sites
    size = rng.choice(SIZES_GBPS, SERVICES)
    matrix = np.zeros((sites, sites))
    np.add.at(matrix, (a, b), size)
    np.add.at(matrix, (b, a), size)
    source, target = np.nonzero(matrix)
    return simple(source.astype(np.int32), target.astype(np.int32), matrix[source, target])


def _sweeps(question: Question, pool: ProcessPoolExecutor) -> Iterator[Figure]:
    network = question.network
    alone, pairs = singles(network), doubles(network)
    cold = [_cold(question, case.without) for case in alone[:: max(1, len(alone) // COLD)]]
    begun_s = time.perf_counter()
    found = [one for some in sweep(question, alone, pool, at_once=AT_ONCE) for one in some]
    took_s = time.perf_counter() - begun_s
    yield Figure(
        what=f"US reference, {SERVICES:,} services ({len(question.demands):,} demands): all {len(alone)} single "
        "failures placed anew",
        ours=f"{took_s:.1f} s, {len(alone) / took_s:.0f} cases a second on {_processes()}, worst gap "
        f"{max(map(_gap, found)):.1e}; {_told(found)}",
        peer=f"from nothing {statistics.median(cold) * 1e3:.0f} ms a case, median of {len(cold)}, on one thread",
    )
    step = max(1, round(len(pairs) * took_s / len(alone) / TIME_S))
    begun_s = time.perf_counter()
    found = [one for some in sweep(question, pairs[::step], pool, at_once=AT_ONCE) for one in some]
    took_s = time.perf_counter() - begun_s
    part = "all of them" if step == 1 else f"every {step}th looked at; all would take {took_s * step:,.0f} s"
    yield Figure(
        what=f"the same, {len(pairs):,} double failures",
        ours=f"{took_s:.1f} s for {len(found):,}, {len(found) / took_s:.0f} cases a second on {_processes()}, {part}; "
        f"worst gap {max(map(_gap, found)):.1e}; {_told(found)}",
    )


def _processes() -> str:
    return f"{WORKERS} process{'' if WORKERS == 1 else 'es'}"


def _cold(question: Question, without: frozenset[str]) -> float:
    begun_s = time.perf_counter()
    changed = Changed(without=frozenset(link.id for link in question.network.links if link.id in without))
    optimise(question.network, question.demands, Objective.UTILISATION, question.limits, changed=changed)
    return time.perf_counter() - begun_s


def _gap(one: Outcome) -> float:
    return (one.utilisation - one.utilisation_bound) / one.utilisation if one.utilisation > 0 else 0.0


def _told(found: list[Outcome]) -> str:
    over = sum(one.utilisation > FITS for one in found)
    return f"{over:,} do not fit, {sum(one.cut_off_gbps > 0 for one in found):,} cut somebody off"


def _available(network: Network, demands: Demands, pool: ProcessPoolExecutor) -> Figure:
    asked = Asked(network=network, demands=demands, limits=Limits(gap=GAP, threads=1))
    given = failures(risks(network, chances_of(network)), REST)
    begun_s = time.perf_counter()
    looked = [one for some in throughput(asked, given, pool, at_once=AT_ONCE) for one in some]
    took_s = time.perf_counter() - begun_s
    made = distribution(asked, given, looked)
    low, high = made.at(0.99)
    return Figure(
        what="the same: what is carried for 99% of the time (default failure rates)",
        ours=f"{low:.2%} to {high:.2%}; on average {made.mean()[0]:.3%} to {made.mean()[1]:.3%}; {len(looked):,} "
        f"failures in {took_s:.1f} s, all others {made.rest:.1e} of the time",
    )
