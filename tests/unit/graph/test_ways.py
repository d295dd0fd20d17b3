"""Compiled ways between pairs of ends, each inside its fence, against trees of the network and of the fence alone."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from highroad.graph._kernels import Network

NODES, LINKS, PAIRS = 60, 240, 500


def drawn(seed: int) -> tuple[NDArray[np.int32], NDArray[np.int32], Network, NDArray[np.float64]]:
    """Tails, heads, the network and prices: a tenth of the links is closed, and some nodes are not joined."""
    rng = np.random.default_rng(seed)
    tail = rng.integers(0, NODES - 5, LINKS, dtype=np.int32)
    head = ((tail + rng.integers(1, NODES - 5, LINKS)) % (NODES - 5)).astype(np.int32)
    return tail, head, Network(NODES, tail, head), np.where(rng.random(LINKS) < 0.1, math.inf, rng.uniform(0, 5, LINKS))


@pytest.mark.parametrize("seed", range(4))
def test_like_trees(seed: int) -> None:
    tail, head, network, price = drawn(seed)
    rng = np.random.default_rng(seed)
    fences = rng.random((3, LINKS)) < 0.7
    source, target = (rng.integers(0, NODES, PAIRS).astype(np.int32) for _ in range(2))
    fence = rng.integers(-1, 3, PAIRS).astype(np.int32)
    alone, other = (
        network.ways(price, source, target, fence, fences.astype(np.uint8).ravel(), threads) for threads in (1, 3)
    )
    assert [one.tolist() for one in alone] == [one.tolist() for one in other]
    cost, start, link = alone
    nodes = np.arange(NODES, dtype=np.int32)
    least = [network.trees(np.where(inside, price, math.inf), nodes)[0] for inside in (*fences, np.ones(LINKS, bool))]
    for pair in range(PAIRS):
        assert cost[pair] == least[fence[pair]][source[pair], target[pair]]
        way = link[start[pair] : start[pair + 1]][::-1].tolist()
        ends = [int(source[pair]), *(int(head[e]) for e in way)]
        assert [int(tail[e]) for e in way] == ends[:-1]
        assert not way or ends[-1] == target[pair]
        assert bool(way) == (math.isfinite(cost[pair]) and source[pair] != target[pair])
        assert fence[pair] < 0 or fences[fence[pair]][way].all()
        assert not way or sum(price[e] for e in way) == pytest.approx(cost[pair])


def test_without_links_or_pairs() -> None:
    none, flags = np.zeros(0, np.int32), np.zeros(0, np.uint8)
    ends = np.array([0], np.int32)
    cost, start, link = Network(2, none, none).ways(np.zeros(0), ends, ends + 1, ends - 1, flags)
    assert (cost.tolist(), start.tolist(), link.tolist()) == ([math.inf], [0, 0], [])
    cost, start, link = Network(2, ends, ends + 1).ways(np.zeros(1), none, none, none, flags)
    assert (cost.tolist(), start.tolist(), link.tolist()) == ([], [0], [])


NETWORK = Network(3, np.array([0, 1], np.int32), np.array([1, 2], np.int32))
FREE, ENDS, INSIDE = np.zeros(2), np.zeros(1, np.int32), np.ones(2, np.uint8)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: NETWORK.ways(-FREE - 1, ENDS, ENDS, ENDS, INSIDE), "prices[0] is negative or not a number"),
        (lambda: NETWORK.ways(FREE, ENDS + 3, ENDS, ENDS, INSIDE), "source[0] is 3, and nodes are numbered"),
        (lambda: NETWORK.ways(FREE, ENDS, ENDS - 1, ENDS, INSIDE), "target[0] is -1, and nodes are numbered"),
        (lambda: NETWORK.ways(FREE, ENDS, ENDS[1:], ENDS, INSIDE), "target has 0 elements, fence 1, and source 1"),
        (lambda: NETWORK.ways(FREE, ENDS, ENDS, ENDS + 1, INSIDE), "fence[0] is 1, and there are 1 rows in allowed"),
        (lambda: NETWORK.ways(FREE, ENDS, ENDS, ENDS, INSIDE[1:]), "allowed has to be rows of 2 links"),
        (lambda: NETWORK.ways(FREE, ENDS, ENDS, ENDS, INSIDE, -1), "threads is -1, and has to be between 0 and 1024"),
    ],
)
def test_what_is_wrong_is_said(call: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        call()
