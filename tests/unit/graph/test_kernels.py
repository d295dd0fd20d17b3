"""Compiled trees of cheapest paths against networkx, and what compiled code may get wrong besides: threads, forks."""

from __future__ import annotations

import math
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from highroad.graph import _kernels
from highroad.graph._kernels import Network

SRC = Path(__file__).parents[3] / "src"

Links = list[tuple[int, int, float]]

PRICES = st.one_of(st.sampled_from([0.0, 1.0, math.inf]), st.integers(0, 40).map(lambda quarters: quarters / 4))


@st.composite
def networks(draw: st.DrawFn) -> tuple[int, Links]:
    """Up to 12 nodes and 40 links: parallel ones, free ones, closed ones, and nodes that nothing joins."""
    nodes = draw(st.integers(2, 12))
    ends = st.tuples(st.integers(0, nodes - 1), st.integers(1, nodes - 1), PRICES)
    links = draw(st.lists(ends, max_size=40))
    return nodes, [(tail, (tail + step) % nodes, price) for tail, step, price in links]


def int32(numbers: object) -> NDArray[np.int32]:
    return np.array(numbers, dtype=np.int32)


def compiled(nodes: int, links: Links) -> tuple[Network, NDArray[np.float64]]:
    prices = np.array([price for _, _, price in links], dtype=np.float64)
    return Network(nodes, int32([tail for tail, _, _ in links]), int32([head for _, head, _ in links])), prices


def large(nodes: int = 400, links: int = 2_000) -> tuple[Network, NDArray[np.float64], NDArray[np.int32]]:
    rng = np.random.default_rng(7)
    tail = rng.integers(0, nodes, links, dtype=np.int32)
    head = ((tail + rng.integers(1, nodes, links)) % nodes).astype(np.int32)
    return Network(nodes, tail, head), rng.integers(0, 20, links).astype(np.float64), np.arange(nodes, dtype=np.int32)


@pytest.fixture
def as_at_first() -> Iterator[None]:
    yield
    _kernels.set_threads(0)


def test_by_hand() -> None:
    # 0 -1-> 1 -1-> 2, 0 -3-> 2, a dearer parallel 0 -2-> 1, and 3 on its own
    network = Network(4, int32([0, 0, 1, 0]), int32([1, 2, 2, 1]))
    distance, into = network.trees(np.array([1.0, 3.0, 1.0, 2.0]), int32([0, 2]))
    assert (network.nodes, network.links) == (4, 4)
    assert distance.tolist() == [[0, 1, 2, math.inf], [math.inf, math.inf, 0, math.inf]]
    assert into.tolist() == [[-1, 0, 2, -1], [-1, -1, -1, -1]]
    assert (distance.dtype.name, into.dtype.name) == ("float64", "int32")


def test_what_is_as_far_as_the_cut_is_reached_and_what_is_further_is_not() -> None:
    network = Network(3, int32([0, 1]), int32([1, 2]))
    distance, into = network.trees(np.array([1.0, 1.0]), int32([0]), cut=1.0)
    assert distance.tolist() == [[0, 1, math.inf]]
    assert into.tolist() == [[-1, 0, -1]]


@given(networks(), st.one_of(st.just(math.inf), st.integers(0, 60).map(lambda quarters: quarters / 4)))
def test_like_networkx(drawn: tuple[int, Links], cut: float) -> None:
    nodes, links = drawn
    network, prices = compiled(nodes, links)
    distance, into = network.trees(prices, np.arange(nodes, dtype=np.int32), cut)
    oracle: nx.MultiDiGraph[int] = nx.MultiDiGraph()
    oracle.add_nodes_from(range(nodes))
    oracle.add_weighted_edges_from(link for link in links if link[2] < math.inf)
    for source in range(nodes):
        least = nx.single_source_dijkstra_path_length(oracle, source, cutoff=None if cut == math.inf else cut)
        assert distance[source].tolist() == [least.get(node, math.inf) for node in range(nodes)]
        for node in range(nodes):
            assert walked_back(links, into[source].tolist(), node, source) == least.get(node, math.inf)


def walked_back(links: Links, into: list[int], node: int, source: int) -> float:
    """What the tree's way to a node costs; infinity where it has none. It is no way if it has a cycle."""
    cost = 0.0
    for _ in into:
        if into[node] < 0:
            return cost if node == source else math.inf
        tail, head, price = links[into[node]]
        assert head == node
        node, cost = tail, cost + price
    raise AssertionError("a cycle")


@pytest.mark.parametrize("shape", [(0, 0), (1, 0), (5, 0)])
def test_without_links(shape: tuple[int, int]) -> None:
    nodes, _ = shape
    network, prices = compiled(nodes, [])
    distance, into = network.trees(prices, np.arange(nodes, dtype=np.int32))
    assert distance.shape == into.shape == (nodes, nodes)
    assert np.array_equal(distance, np.where(np.eye(nodes, dtype=bool), 0, math.inf))
    assert network.trees(prices, int32([]))[0].shape == (0, nodes)


def test_a_source_may_be_named_twice_and_arrays_may_have_gaps_and_be_locked() -> None:
    network, prices, _ = large()
    wide = np.repeat(prices, 2)[::2]
    wide.flags.writeable = False
    distance, _ = network.trees(wide, int32([3, 9, 3]))
    assert np.array_equal(distance[0], distance[2])
    assert np.array_equal(distance[1], network.trees(prices, int32([9]))[0][0])


@pytest.mark.parametrize("threads", [2, 3, 8])
def test_it_is_the_same_with_more_threads(threads: int) -> None:
    network, prices, sources = large()
    for cut in (math.inf, 12.0):
        alone, together = (network.trees(prices, sources, cut, count) for count in (1, threads))
        assert np.array_equal(alone[0], together[0])
        assert np.array_equal(alone[1], together[1])


def test_threads_are_made_once(as_at_first: None) -> None:
    network, prices, sources = large()
    _kernels.set_threads(3)
    assert _kernels.threads() == 3
    network.trees(prices, sources)
    before = tasks()
    for _ in range(20):
        network.trees(prices, sources)
    assert tasks() == before
    assert len(before) >= 3


def tasks() -> set[str]:
    return {path.name for path in Path("/proc/self/task").iterdir()}


def test_as_many_as_processors_unless_told(as_at_first: None) -> None:
    import os

    _kernels.set_threads(5)
    _kernels.set_threads(0)
    assert _kernels.threads() == len(os.sched_getaffinity(0))


def test_several_callers_at_once() -> None:
    network, prices, sources = large()
    expected = network.trees(prices, sources, threads=1)
    wrong = []

    def call() -> None:
        for _ in range(10):
            distance, into = network.trees(prices, sources, threads=3)
            if not (np.array_equal(distance, expected[0]) and np.array_equal(into, expected[1])):
                wrong.append(threading.get_ident())

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert wrong == []


def test_a_forked_child_makes_threads_of_its_own() -> None:
    """Forked again and again while another thread keeps the crew busy: the child answers right, by three threads."""
    script = """
        import os, signal, threading
        from pathlib import Path
        import numpy as np
        from tests.unit.graph.test_kernels import large

        network, prices, sources = large()
        expected = network.trees(prices, sources, threads=3)[0]
        ended = threading.Event()

        def keep_busy():
            while not ended.is_set():
                network.trees(prices, sources[:20], threads=3)

        busy = threading.Thread(target=keep_busy)
        busy.start()
        codes = []
        for _ in range(20):
            child = os.fork()
            if child == 0:
                signal.alarm(60)
                same = np.array_equal(network.trees(prices, sources, threads=3)[0], expected)
                os._exit(0 if same and len(list(Path("/proc/self/task").iterdir())) == 3 else 3)
            codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        ended.set()
        busy.join()
        assert codes == [0] * 20, codes
    """
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)]
    root = SRC.parent
    done = subprocess.run(
        command,
        cwd=root,
        env={"PYTHONPATH": f"{SRC}:{root}", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


NETWORK = Network(3, int32([0, 1]), int32([1, 2]))
FREE = np.zeros(2)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: Network(-1, int32([]), int32([])), "nodes is -1, and has to be between 0 and 2147483646"),
        (lambda: Network(2**31 - 1, int32([]), int32([])), "nodes is 2147483647, and has to be"),
        (lambda: Network(2, int32([0]), int32([2])), "head[0] is 2, and nodes are numbered from 0 to below 2"),
        (lambda: Network(2, int32([1, -1]), int32([0, 0])), "tail[1] is -1, and nodes are numbered"),
        (lambda: Network(2, int32([0, 1]), int32([1])), "tail has 2 elements, and head 1"),
        (lambda: Network(2, int32([0, 1]), int32([1, 1])), "link 1 begins and ends at node 1"),
        (lambda: Network(2, np.array([0]), int32([1])), "tail has to be an array of one dimension and of type int32"),
        (lambda: Network(2, [0], [1]), "tail has to be an array"),  # type: ignore[arg-type]
        (lambda: Network(2, int32([0]), None), "head has to be an array"),  # type: ignore[arg-type]
        (lambda: Network(2, int32([[0]]), int32([1])), "tail has to be an array of one dimension"),
        (lambda: NETWORK.trees(np.array([0, math.nan]), int32([0])), "prices[1] is negative or not a number"),
        (lambda: NETWORK.trees(np.array([-1e-9, 0]), int32([0])), "prices[0] is negative or not a number"),
        (lambda: NETWORK.trees(np.zeros(3), int32([0])), "prices has 3 elements, and there are 2 links"),
        (lambda: NETWORK.trees(np.zeros((2, 1)), int32([0])), "prices has to be an array of one dimension"),
        (
            lambda: NETWORK.trees(np.zeros(2, np.float32), int32([0])),
            "prices has to be an array of one dimension and of type float64",
        ),
        (lambda: NETWORK.trees(np.zeros(2, ">f8"), int32([0])), "prices has to be an array"),
        (lambda: NETWORK.trees(FREE, int32([0, 3])), "sources[1] is 3, and nodes are numbered from 0 to below 3"),
        (lambda: NETWORK.trees(FREE, int32([-1])), "sources[0] is -1, and nodes are numbered from 0 to below 3"),
        (lambda: NETWORK.trees(FREE, np.array([0])), "sources has to be an array"),
        (lambda: NETWORK.trees(FREE, int32([0]), -1.0), "cut is negative or not a number"),
        (lambda: NETWORK.trees(FREE, int32([0]), math.nan), "cut is negative or not a number"),
        (lambda: NETWORK.trees(FREE, int32([0]), threads=-1), "threads is -1, and has to be between 0 and 1024"),
        (lambda: _kernels.set_threads(1025), "threads is 1025, and has to be between 0 and 1024"),
    ],
)
def test_what_is_wrong_is_said(call: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        call()
