"""Compiled ways that take no longer than a bound, against every way that no other betters in price and in latency."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from highroad.graph._kernels import Network
from tests.support.bounds_check import front

NODES, LINKS, PAIRS, MANY = 24, 90, 300, 10**9


class Drawn:
    """A network, prices and latencies of its links, and pairs of ends with a fence and a bound each."""

    def __init__(self, seed: int, nodes: int = NODES, links: int = LINKS, pairs: int = PAIRS) -> None:
        rng = np.random.default_rng(seed)
        self.nodes = nodes
        self.tail = rng.integers(0, nodes - 1, links, dtype=np.int32)
        self.head = ((self.tail + rng.integers(1, nodes - 1, links)) % (nodes - 1)).astype(np.int32)
        self.network = Network(nodes, self.tail, self.head)
        self.price = np.where(rng.random(links) < 0.1, math.inf, rng.choice([0.0, 1.0, rng.uniform(0, 5)], links))
        self.price = np.where(rng.random(links) < 0.5, self.price, self.price * rng.uniform(0.5, 2, links))
        self.latency = rng.choice([0.0, 1.0, 2.5], links) + rng.uniform(0, 3, links) * (rng.random(links) < 0.7)
        self.fences = rng.random((2, links)) < 0.8
        self.source, self.target = (rng.integers(0, nodes, pairs).astype(np.int32) for _ in range(2))
        self.fence = rng.integers(-1, 2, pairs).astype(np.int32)
        self.bound = rng.uniform(0, 10, pairs)
        self.none = np.full(pairs, math.inf)

    def within(self, enough: NDArray[np.float64] | None = None, labels: int = MANY, threads: int = 1) -> Any:
        return self.network.within(
            self.price, self.latency, self.source, self.target, self.fence, self.fences.astype(np.uint8).ravel(),
            self.bound, self.none if enough is None else enough, labels, threads,
        )  # fmt: skip

    def least(self, pair: int) -> float:
        fence = int(self.fence[pair])
        inside = np.ones(len(self.tail), np.bool_) if fence < 0 else self.fences[fence]
        ends = front(self.nodes, self.tail, self.head, self.price, self.latency, inside, int(self.source[pair]))
        all_ = ends[int(self.target[pair])]
        return min((cost for cost, takes in all_ if takes <= self.bound[pair]), default=math.inf)

    def is_way(self, pair: int, way: list[int]) -> None:
        ends = [int(self.source[pair]), *(int(self.head[e]) for e in way)]
        assert [int(self.tail[e]) for e in way] == ends[:-1]
        assert ends[-1] == self.target[pair]
        assert self.fence[pair] < 0 or self.fences[self.fence[pair]][way].all()
        assert self.latency[way].sum() <= self.bound[pair] * (1 + 1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_the_cheapest_way_inside_a_bound(seed: int) -> None:
    one = Drawn(seed)
    alone, other = one.within(threads=1), one.within(threads=3)
    assert [each.tolist() for each in alone] == [each.tolist() for each in other]
    cost, exact, start, link = alone
    assert exact.all()
    plain, _, _ = one.network.ways(one.price, one.source, one.target, one.fence, one.fences.astype(np.uint8).ravel(), 1)
    late = np.isfinite(cost) & (cost > plain * (1 + 1e-9))
    assert late.sum() > PAIRS / 50  # or the test says nothing of bounds
    for pair in range(PAIRS):
        assert cost[pair] == pytest.approx(one.least(pair), rel=1e-11)
        way = link[start[pair] : start[pair + 1]][::-1].tolist()
        if math.isfinite(cost[pair]):
            one.is_way(pair, way)
            assert sum(one.price[e] for e in way) == pytest.approx(cost[pair])
        else:
            assert not way


@settings(max_examples=200)
@given(st.integers(0, 2**32), st.integers(2, 9), st.integers(1, 30), st.integers(0, 12))
def test_a_search_that_is_left_early_proves_no_more_than_is_true(
    seed: int, nodes: int, links: int, labels: int
) -> None:
    one = Drawn(seed, nodes + 1, links if nodes > 1 else 0, pairs=6)
    enough = np.random.default_rng(seed).uniform(0, 10, 6)
    for cost, exact, start, link in (one.within(labels=labels), one.within(enough)):
        for pair in range(6):
            least = one.least(pair)
            assert cost[pair] <= least * (1 + 1e-11)
            assert math.isfinite(cost[pair]) == math.isfinite(least)
            way = link[start[pair] : start[pair + 1]][::-1].tolist()
            if math.isfinite(least):
                one.is_way(pair, way)
            if exact[pair]:
                assert cost[pair] == pytest.approx(least, rel=1e-11)
    cost, exact, _, _ = one.within(enough)
    assert ((cost >= enough) | (exact > 0)).all()


def test_few_labels_leave_what_a_price_of_latency_proves() -> None:
    """Two ways of 0 and 10 ms that cost 10 and 0, and a third of 6 ms and 8, off the line between: inside 6 ms the
    line proves 4, and the third costs 8.
    """
    network = Network(2, np.zeros(3, np.int32), np.ones(3, np.int32))
    ends, flags = np.zeros(1, np.int32), np.zeros(0, np.uint8)
    given_ = np.array([10.0, 0.0, 8.0]), np.array([0.0, 10.0, 6.0]), ends, ends + 1, ends - 1, flags
    for labels, expected in ((0, 4.0), (MANY, 8.0)):
        cost, exact, _, link = network.within(*given_, np.array([6.0]), np.array([math.inf]), labels)
        assert cost.tolist() == [pytest.approx(expected)]
        assert exact.tolist() == [int(labels > 0)]
        assert link.tolist() == ([2] if labels else [0])
    cost, exact, _, _ = network.within(*given_, np.array([6.0]), np.array([3.0]), MANY)
    assert cost.tolist() == [pytest.approx(4.0)]
    assert not exact.any()


NETWORK = Network(3, np.array([0, 1], np.int32), np.array([1, 2], np.int32))
FREE, ENDS, INSIDE, FAR = np.zeros(2), np.zeros(1, np.int32), np.ones(2, np.uint8), np.array([math.inf])


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: NETWORK.within(-FREE - 1, FREE, ENDS, ENDS, ENDS, INSIDE, FAR, FAR, 1), "prices[0] is negative"),
        (lambda: NETWORK.within(FREE, FREE - 1, ENDS, ENDS, ENDS, INSIDE, FAR, FAR, 1), "latency[0] is negative"),
        (lambda: NETWORK.within(FREE, FREE[1:], ENDS, ENDS, ENDS, INSIDE, FAR, FAR, 1), "latency has 1 elements"),
        (lambda: NETWORK.within(FREE, FREE, ENDS + 3, ENDS, ENDS, INSIDE, FAR, FAR, 1), "source[0] is 3"),
        (lambda: NETWORK.within(FREE, FREE, ENDS, ENDS, ENDS, INSIDE, FAR[1:], FAR, 1), "bound has 0 elements"),
        (lambda: NETWORK.within(FREE, FREE, ENDS, ENDS, ENDS, INSIDE, FAR, -FAR, 1), "enough[0] is negative"),
        (lambda: NETWORK.within(FREE, FREE, ENDS, ENDS, ENDS, INSIDE, FAR, FAR, -1), "labels is -1"),
    ],
)
def test_what_is_wrong_is_said(call: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        call()
