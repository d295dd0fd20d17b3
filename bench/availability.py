"""What B4 carries for 99.9 and 99.99 % of the time, traffic placed anew after each failure.

The graph and its matrices are read by path (`bench.te.DATA`). A link and the one back are one fibre, of which each is
down for a stated share of the time, all alike, independently of each other; sites do not fail. Each matrix is scaled so
that all of it just fits while nothing has failed: told is the share of all demands together, and that which every
demand gets at once, as TeaVaR reports (Bogle et al., SIGCOMM 2019), whose own figures are of other networks,
probabilities and demands.
"""

from __future__ import annotations

import gzip
import json
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from bench.figure import Figure
from bench.te import DATA
from highroad.model.network import Fibre, FibreId, Link, LinkId, Medium, Network, Site, SiteId, SiteKind
from highroad.planning.availability import Asked, distribution, failures, throughput
from highroad.planning.chances import Rates, chances_of, risks
from highroad.planning.optimum import Objective, optimise
from highroad.planning.solve.answer import Limits
from highroad.planning.traffic import simple

DOWN = (0.0001, 0.001)
"""Shares of time in which a fibre is down."""
AT = (0.999, 0.9999)
REST = 2e-5
GAP = 1e-4
EVERY = 4
"""Of the matrices, one in so many."""


def figures() -> Iterator[Figure]:
    """A row for each probability."""
    if not (DATA / "B4.json.gz").is_file():
        yield Figure(what="what B4 carries for how much of the time", ours=f"no B4 in {DATA}: set HIGHROAD_TE")
        return
    network = _network(json.loads(gzip.decompress((DATA / "B4.json.gz").read_bytes())))
    matrices = np.load(DATA / "B4_real_tms.npz")["tm"].astype(np.float64)[::EVERY]
    for down in DOWN:
        for objective in (Objective.TOTAL, Objective.CONCURRENT):
            yield _row(network, matrices, down, objective)


WHAT = {Objective.TOTAL: "the share of all demands together", Objective.CONCURRENT: "the share that every demand gets"}


def _row(network: Network, matrices: np.ndarray, down: float, objective: Objective) -> Figure:
    always = chances_of(network, Rates(cuts_per_1000_km_year=0.0, site_down=0.0))
    fibres = {fibre.id for fibre in network.fibres}
    given = failures(risks(network, {name: down if name in fibres else 0.0 for name in always}), REST)
    shares: dict[float, list[tuple[float, float]]] = {one: [] for one in AT}
    begun_s = time.perf_counter()
    for matrix in matrices:
        source, target = np.nonzero(matrix * (1 - np.eye(len(matrix))))
        demands = simple(source.astype(np.int32), target.astype(np.int32), matrix[source, target])
        whole = optimise(network, demands, Objective.CONCURRENT, Limits(gap=GAP))
        demands = demands.times(whole.value)
        asked = Asked(network=network, demands=demands, limits=Limits(gap=GAP, threads=1), objective=objective)
        with ThreadPoolExecutor(1) as pool:
            looked = [one for some in throughput(asked, given, pool, at_once=len(given.failures)) for one in some]
        made = distribution(asked, given, looked)
        for one in AT:
            shares[one].append(made.at(one))
    took_s = time.perf_counter() - begun_s
    return Figure(
        what=f"B4, {len(matrices)} of its matrices, each fibre down {down:.2%} of the time: {WHAT[objective]} "
        "for 99.9% / 99.99% of the time",
        ours=" / ".join(_told(shares[one]) for one in AT)
        + f"; {len(given.failures):,} failures a matrix in {took_s:.1f} s",
        peer="TeaVaR reports .920 / .829, on its own networks and probabilities",
    )


def _told(found: list[tuple[float, float]]) -> str:
    """The median over matrices, and the least and the most; within what its bracket leaves open."""
    low = [one for one, _ in found]
    wide = max(most - least for least, most in found)
    return f"{statistics.median(low):.3f} ({min(low):.3f} to {max(low):.3f}, each within {wide:.1e})"


def _network(graph: dict[str, list[dict[str, float]]]) -> Network:
    sites = tuple(
        Site(id=SiteId(f"b{one['id']}"), name=f"B{one['id']}", kind=SiteKind.POP, lat=0.0, lon=0.0, jurisdiction="US")
        for one in sorted(graph["nodes"], key=lambda one: one["id"])
    )
    fibres: dict[str, Fibre] = {}
    links = []
    for one in graph["links"]:
        tail, head = (SiteId(f"b{one[end]}") for end in ("source", "target"))
        a, b = sorted((tail, head))
        fibre = FibreId(f"{a}--{b}")
        fibres[fibre] = Fibre(
            id=fibre, a=a, b=b, length_km=1.0, medium=Medium.SMF, jurisdictions=("US",), risk_groups=()
        )
        links.append(
            Link(
                id=LinkId(f"{tail}>{head}"),
                tail=tail,
                head=head,
                capacity_gbps=one["capacity"],
                latency_ms=1.0,
                fibres=(fibre,),
            )
        )
    return Network(name="B4", sites=sites, fibres=tuple(fibres.values()), links=tuple(links))
