"""Small networks at random, and answers as claims that the checker of the tests takes."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from hypothesis import strategies as st

from highroad.planning.solve.answer import Answer
from highroad.planning.solve.few import PathPlan as Narrow
from highroad.planning.solve.few import Paths
from highroad.planning.solve.problem import Commodities, Problem, Reals, checked, problem
from tests.support.certificate_check import PathPlan, Plan


@dataclass(slots=True)
class Steps:
    """A clock that goes on by so many seconds each time that it is looked at, and stands still in the end."""

    by_s: list[float]
    now_s: float = 0.0
    looks: int = 0
    seen_s: list[float] = field(default_factory=list)

    def __call__(self) -> float:
        """Seconds."""
        if self.looks < len(self.by_s):
            self.now_s += self.by_s[self.looks]
        self.looks += 1
        return self.now_s


def at_random(seed: int, nodes: int = 12, links: int = 40, demands: int = 40, fences: int = 2) -> Problem:
    """Capacities from 1 to 1e4 and demands from 1e-2 to 1e4 Gbit/s, evenly by their logarithms; checked."""
    rng = np.random.default_rng(seed)
    tail = rng.integers(0, nodes, links)
    source = rng.integers(0, nodes, demands)
    given = problem(
        nodes,
        tail.astype(np.int32),
        ((tail + rng.integers(1, nodes, links)) % nodes).astype(np.int32),
        10 ** rng.uniform(0, 4, links),
        source.astype(np.int32),
        ((source + rng.integers(1, nodes, demands)) % nodes).astype(np.int32),
        10 ** rng.uniform(-2, 4, demands),
        fence=rng.integers(-1, fences, demands).astype(np.int32) if fences else None,
        fences=rng.random((fences, links)) < 0.8,
    )
    return checked(given).problem


@st.composite
def problems(draw: st.DrawFn) -> Problem:
    """Up to 9 nodes: parallel links, parts that are not joined, fences, sizes far apart; what is wrong is left out."""
    nodes = draw(st.integers(2, 9))
    capacity = st.one_of(st.sampled_from([1.0, 10.0, 1e4]), st.floats(0, 4).map(lambda power: float(10**power)))
    amount = st.one_of(st.sampled_from([1.0, 100.0]), st.floats(-2, 4).map(lambda power: float(10**power)))
    ends = st.tuples(st.integers(0, nodes - 1), st.integers(1, nodes - 1))
    links = draw(st.lists(st.tuples(ends, capacity), min_size=1, max_size=24))
    fences = draw(st.integers(0, 2))
    demands = draw(st.lists(st.tuples(ends, amount, st.integers(-1, fences - 1)), min_size=1, max_size=16))
    shut = draw(st.lists(st.tuples(st.integers(0, 1), st.integers(0, len(links) - 1)), max_size=8))
    allowed = np.ones((fences, len(links)), np.bool_)
    for fence, link in shut:
        if fence < fences:
            allowed[fence, link] = False
    given = problem(
        nodes,
        [tail for (tail, _), _ in links],
        [(tail + step) % nodes for (tail, step), _ in links],
        [size for _, size in links],
        [source for (source, _), _, _ in demands],
        [(source + step) % nodes for (source, step), _, _ in demands],
        [size for _, size, _ in demands],
        fence=[fence for _, _, fence in demands],
        fences=allowed,
    )
    return checked(given).problem


def claim(answer: Answer, objective: str = "total") -> Plan:
    """An answer of `total.total` or `shared.utilisation`."""
    of, made = answer.problem, answer.commodities
    return Plan(
        nodes=of.nodes,
        tail=of.tail,
        head=of.head,
        capacity=of.capacity_gbps,
        source=of.source,
        target=of.target,
        amount=of.amount_gbps,
        fence=of.fence,
        fences=of.fences,
        set_source=made.source,
        set_fence=made.fence,
        flow=answer.flows.flow.reshape(len(made.source), of.links),
        served=answer.served_gbps,
        price=answer.price,
        value=answer.value,
        bound=answer.bound,
        objective=objective,
    )


def claim_on_paths(of: Problem, made: Commodities, paths: Paths, plan: Narrow) -> PathPlan:
    """A plan of `few.on_paths` for the commodities of a problem."""
    return PathPlan(
        tail=of.tail,
        head=of.head,
        capacity=of.capacity_gbps,
        source=np.repeat(made.source, np.diff(made.start)),
        target=made.target,
        amount=made.amount_gbps,
        first=paths.first,
        start=paths.start,
        link=paths.link,
        flow=plan.flow_gbps,
        price=plan.price,
        value=plan.value,
        bound=plan.bound,
    )


def half_full(of: Problem, utilisation: float) -> Reals:
    """The demands of a problem, scaled so that its least utilisation is one half."""
    return of.amount_gbps * (0.5 / utilisation)
