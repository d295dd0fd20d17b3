"""Compiled flows: what they keep, what they refuse, and what compiled code may get wrong besides: threads, forks."""

from __future__ import annotations

import math
import re
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from highroad.graph._kernels import Flows, Network, PathFlows

SRC = Path(__file__).parents[3] / "src"


def int32(*numbers: int) -> NDArray[np.int32]:
    return np.array(numbers, np.int32)


def int64(*numbers: int) -> NDArray[np.int64]:
    return np.array(numbers, np.int64)


def reals(*numbers: float) -> NDArray[np.float64]:
    return np.array(numbers, np.float64)


def by_hand(**changed: Any) -> Flows:
    """0 -> 1 -> 3 and 0 -> 2 -> 3 with 1 -> 2 across and 3 -> 1 back; demands from 0 to 3 and 2, and from 1 to 3.

    15 leave 0 and 1 together: no more can be carried.
    """
    given: dict[str, Any] = {
        "network": Network(4, int32(0, 1, 0, 2, 1, 3), int32(1, 3, 2, 3, 2, 1)),
        "capacity": reals(10, 10, 4, 4, 1, 9),
        "source": int32(0, 1),
        "start": int64(0, 2, 3),
        "target": int32(3, 2, 3),
        "amount": reals(12, 3, 5),
        "worth": reals(1, 1, 1),
        "fence": int32(-1, 0),
        "allowed": np.array([1, 1, 1, 1, 0, 1], np.uint8),
    }
    return Flows(**{**given, **changed})


def swept(flows: Flows, threads: int = 1, sweeps: int = 30, **changed: Any) -> Flows:
    links = len(flows.load)
    sets = len(flows.flow) // links
    for k in range(sweeps):
        asked: dict[str, Any] = {
            "weight": np.ones(links),
            "slope": 20.0,
            "unit": 1.0,
            "tolerance": 1e-3,
            "enough": -math.inf,
            "again": math.inf,
            "order": np.arange(sets, dtype=np.int32),
            "together": k == 0,
            "threads": threads,
        }
        flows.sweep(**{**asked, **changed})
    return flows


def net(flows: Flows, network: tuple[NDArray[np.int32], NDArray[np.int32]], nodes: int) -> NDArray[np.float64]:
    """What comes to each node and does not go on, a row for each set."""
    tail, head = network
    rows = flows.flow.reshape(-1, len(tail))
    found = np.zeros((len(rows), nodes))
    for row, flow in enumerate(rows):
        np.add.at(found[row], head, flow)
        np.subtract.at(found[row], tail, flow)
    return found


def large(nodes: int = 60, links: int = 240) -> tuple[Flows, NDArray[np.int32], NDArray[np.int32]]:
    """From every node to ten others."""
    rng = np.random.default_rng(7)
    tail = rng.integers(0, nodes, links, dtype=np.int32)
    head = ((tail + rng.integers(1, nodes, links)) % nodes).astype(np.int32)
    targets = np.concatenate([(source + rng.permutation(nodes - 1)[:10] + 1) % nodes for source in range(nodes)])
    flows = Flows(
        Network(nodes, tail, head),
        10 ** rng.uniform(0, 3, links),
        np.arange(nodes, dtype=np.int32),
        np.arange(nodes + 1, dtype=np.int64) * 10,
        targets.astype(np.int32),
        10 ** rng.uniform(-1, 2, nodes * 10),
        np.ones(nodes * 10),
        np.full(nodes, -1, np.int32),
        np.zeros(0, np.uint8),
    )
    return flows, tail, head


ENDS = (int32(0, 1, 0, 2, 1, 3), int32(1, 3, 2, 3, 2, 1))


@pytest.mark.parametrize("threads", [1, 2])
def test_by_hand(threads: int) -> None:
    flows = swept(by_hand(), threads)
    flows.fit(np.zeros(6))
    assert flows.served.sum() == pytest.approx(15.0)
    assert (flows.load <= reals(10, 10, 4, 4, 1, 9) * (1 + 1e-12)).all()
    assert flows.flow.reshape(2, 6).sum(axis=0) == pytest.approx(flows.load)
    served = flows.served
    assert net(flows, ENDS, 4) == pytest.approx(
        np.array([[-served[0] - served[1], 0, served[1], served[0]], [0, -served[2], 0, served[2]]])
    )
    assert flows.flow[6 + 4] == 0.0


def test_what_prices_are_worth() -> None:
    flows = by_hand()
    # Distances from 0: 1 at .25, 2 at .5, 3 at .5; from 1 to 3 at .25.
    price = reals(0.25, 0.25, 0.5, 0.5, 0.5, 0)
    for threads in (0, 1, 2):
        assert flows.at(price, threads) == (12 * 0.5 + 3 * 0.5 + 5 * 0.75, 0.0)
    must = by_hand(worth=reals(math.inf, 1, math.inf))
    assert must.at(price) == (3 * 0.5, 12 * 0.5 + 5 * 0.25)
    assert flows.at(np.zeros(6)) == (20.0, 0.0)
    assert flows.at(np.full(6, math.inf)) == (0.0, 0.0)
    assert must.at(np.full(6, math.inf)) == (0.0, math.inf)


def test_what_prices_are_worth_does_not_depend_on_what_was_swept_before() -> None:
    ready, fresh = swept(large()[0], sweeps=5), large()[0]
    rng = np.random.default_rng(3)
    for _ in range(20):
        price = rng.exponential(0.3, len(fresh.load))
        price[rng.random(len(price)) < 0.1] = math.inf
        assert ready.at(price) == pytest.approx(fresh.at(price), rel=1e-12)


@pytest.mark.parametrize("threads", [1, 2])
def test_what_fits_stays_and_what_is_changed_then_is_made_to_fit_again(threads: int) -> None:
    flows, tail, head = large()
    price = np.ones(len(flows.load))
    swept(flows, threads, sweeps=5).fit(price)
    before, served = flows.flow, flows.served
    flows.fit(price)
    assert (flows.served >= served).all()
    swept(flows, threads, sweeps=3, order=int32(3, 5), slope=2.0).fit(price)
    rows = flows.flow.reshape(60, -1)
    changed = np.flatnonzero((rows != before.reshape(60, -1)).any(axis=1))
    assert {3, 5} & set(changed.tolist())
    arrives = net(flows, (tail, head), 60)
    arrives[np.arange(60), np.arange(60)] = 0.0
    assert arrives.sum(axis=1) == pytest.approx(flows.served.reshape(60, 10).sum(axis=1), rel=1e-9, abs=1e-9)
    assert arrives.min() > -1e-9
    fresh = large()[0]
    fresh.set(flows.flow, flows.served)
    fresh.clean()
    assert fresh.flow == pytest.approx(flows.flow, rel=1e-9, abs=1e-9)  # no cycle is left


def test_a_copy_is_changed_apart() -> None:
    flows = swept(by_hand())
    before = flows.flow, flows.served, flows.load
    copy = flows.copy()
    assert np.array_equal(copy.flow, before[0])
    copy.set(np.zeros(12), np.zeros(3))
    swept(copy, sweeps=2)
    assert np.array_equal(flows.flow, before[0])
    assert np.array_equal(flows.served, before[1])
    assert np.array_equal(flows.load, before[2])
    # What Python was given is not what is held.
    flows.flow[:] = 7.0
    assert np.array_equal(flows.flow, before[0])


def test_what_is_set_is_held_by_the_callers_numbers() -> None:
    flows = by_hand()
    flow = reals(5, 4, 2, 1, 1, 0, 0, 5, 0, 0, 0, 0)
    flows.set(flow, reals(5, 2, 5))
    assert flows.flow.tolist() == flow.tolist()
    assert flows.served.tolist() == [5, 2, 5]
    assert flows.load.tolist() == [5, 9, 2, 1, 1, 0]


@pytest.mark.parametrize("apart", [False, True], ids=["on the way", "on its own"])
def test_a_cycle_is_taken_out(apart: bool) -> None:
    """1 -> 3 -> 1: on the way of the first set, or with nothing that leads to it."""
    flows = by_hand()
    flow = reals(0, 2, 0, 0, 0, 2, *[0] * 6) if apart else reals(5, 7, 0, 0, 0, 2, *[0] * 6)
    flows.set(flow, reals(0 if apart else 5, 0, 0))
    flows.clean()
    assert flows.flow.tolist() == [0.0] * 12 if apart else [5, 5, *[0.0] * 10]
    assert flows.served.tolist() == [0 if apart else 5, 0, 0]


def test_what_is_not_conserved_is_taken_off() -> None:
    flows = by_hand()
    flows.set(reals(5, 4, 3, 1, 0, 0, 0, 5, 0, 0, 0, 0), reals(6, 1, 4))
    flows.clean()
    served = flows.served
    assert (served <= reals(6, 1, 4)).all()
    assert net(flows, ENDS, 4) == pytest.approx(
        np.array([[-served[0] - served[1], 0, served[1], served[0]], [0, -served[2], 0, served[2]]])
    )


@given(st.lists(st.floats(0, 1e6), min_size=12, max_size=12), st.lists(st.floats(0, 1e6), min_size=3, max_size=3))
def test_whatever_is_set_fits_afterwards(flow: list[float], served: list[float]) -> None:
    """Even what is no flow at all, and goes where the fence does not let it."""
    flow[6 + 4] = 0.0
    flows = by_hand()
    flows.set(reals(*flow), reals(*served))
    flows.clean()
    flows.fit(np.zeros(6))
    assert (flows.load <= reals(10, 10, 4, 4, 1, 9) * (1 + 1e-9)).all()
    assert (flows.flow >= 0).all()
    assert (flows.served <= reals(12, 3, 5)).all()
    got = flows.served
    assert net(flows, ENDS, 4) == pytest.approx(
        np.array([[-got[0] - got[1], 0, got[1], got[0]], [0, -got[2], 0, got[2]]]), abs=1e-9
    )


def test_what_must_be_carried_is_not_taken_off() -> None:
    flows = by_hand(worth=reals(math.inf, 1, math.inf))
    swept(flows)
    flows.fit(np.zeros(6))
    served = flows.served
    assert served[[0, 2]] == pytest.approx([12.0, 5.0])
    assert flows.load.max() > 10
    assert net(flows, ENDS, 4)[0] == pytest.approx([-12 - served[1], 0, served[1], 12])


@pytest.mark.parametrize("threads", [1, 2])
def test_free_links_carry_all_that_is_asked(threads: int) -> None:
    """Prices of zero, by weights of zero: nothing is a reason not to send, but the room there is."""
    flows = swept(by_hand(), threads, weight=np.zeros(6))
    assert np.isfinite(flows.flow).all()
    flows.fit(np.zeros(6))
    assert flows.served.sum() == pytest.approx(15.0)


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("worth", [1.0, math.inf])
def test_a_source_with_no_way_out_carries_nothing(worth: float, together: bool) -> None:
    flows = by_hand(
        network=Network(4, int32(0, 1, 0, 0, 1, 2), int32(1, 0, 2, 2, 2, 1)),
        source=int32(3, 1),
        target=int32(1, 2, 2),
        worth=np.full(3, worth),
    )
    swept(flows, together=together)
    assert flows.served[:2].tolist() == [0, 0]
    assert flows.served[2] > 0
    assert flows.at(np.ones(6))[1] == (math.inf if worth == math.inf else 0.0)
    flows.fit(np.ones(6))
    first, _, _, _ = flows.paths(4)
    assert first[:3].tolist() == [0, 0, 0]


def test_no_links_and_no_demands() -> None:
    none = Flows(
        Network(2, int32(), int32()),
        reals(),
        int32(0),
        int64(0, 1),
        int32(1),
        reals(5),
        reals(1),
        int32(-1),
        np.zeros(0, np.uint8),
    )
    none.sweep(reals(), 1.0, 1.0, 0.0, -math.inf, math.inf, int32(0))
    none.fit(reals())
    assert (none.at(reals()), none.served.tolist(), none.paths(3)[0].tolist()) == ((0.0, 0.0), [0.0], [0, 0])
    empty = by_hand(source=int32(), start=int64(0), target=int32(), amount=reals(), worth=reals(), fence=int32())
    regret, moves = empty.sweep(np.ones(6), 1.0, 1.0, 0.0, -math.inf, math.inf, int32())
    assert (regret.shape, moves, empty.at(np.ones(6)), empty.load.tolist()) == ((0,), 0, (0.0, 0.0), [0.0] * 6)


def test_sets_that_are_not_named_and_sets_that_are_good_enough_stay_as_they_are() -> None:
    flows = swept(by_hand(), order=int32(1))
    assert flows.served[:2].tolist() == [0, 0]
    assert flows.served[2] > 0
    before = flows.flow
    assert flows.sweep(np.ones(6), 20.0, 1.0, 0.0, math.inf, math.inf, int32(0, 1))[1] == 0
    assert np.array_equal(flows.flow, before)


@pytest.mark.parametrize("most", [1, 2, 4, 100])
def test_paths_are_simple_inside_the_flow_and_few(most: int) -> None:
    flows, tail, head = large()
    swept(flows, sweeps=15)
    flows.fit(np.zeros(len(tail)))
    first, start, link, amount = flows.paths(most)
    assert (np.diff(first) <= most).all()
    assert (first[-1], start[-1], len(start)) == (len(amount), len(link), len(amount) + 1)
    assert (amount > 0).all()
    used = np.zeros((60, len(tail)))
    for demand in range(len(first) - 1):
        for path in range(first[demand], first[demand + 1]):
            links = link[start[path] : start[path + 1]]
            nodes = [demand // 10, *head[links].tolist()]
            assert tail[links].tolist() == nodes[:-1]
            assert len(set(nodes)) == len(nodes) > 1
            used[demand // 10, links] += amount[path]
        assert amount[first[demand] : first[demand + 1]].sum() <= flows.served[demand] * (1 + 1e-9)
    assert (used <= flows.flow.reshape(60, -1) * (1 + 1e-9) + 1e-9).all()
    if most == 100:
        sums = np.add.reduceat(np.append(amount, 0.0), first[:-1]) * (np.diff(first) > 0)
        assert sums == pytest.approx(flows.served, abs=1e-6)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
def test_any_number_of_threads_keeps_what_flows(threads: int) -> None:
    flows, tail, head = large()
    swept(flows, threads, sweeps=10)
    again = swept(large()[0], threads, sweeps=10)
    assert np.array_equal(flows.flow, again.flow)
    alone = swept(large()[0], 1, sweeps=10)
    for one in (flows, alone):
        one.fit(np.zeros(len(tail)))
    assert flows.served.sum() == pytest.approx(alone.served.sum(), rel=0.2)
    came = net(flows, (tail, head), 60)
    assert came.sum(axis=1) == pytest.approx(np.zeros(60), abs=1e-6)
    assert -came[np.arange(60), np.arange(60)] == pytest.approx(flows.served.reshape(60, 10).sum(axis=1))


@pytest.mark.parametrize("worth", [1.0, math.inf])
def test_a_large_demand_finds_its_many_small_ways_in_few_sweeps(worth: float) -> None:
    """From 0 by 40 others to 41: a tree has one of those ways, and what is beside it is looked at too."""
    ways = np.arange(40, dtype=np.int32)
    flows = Flows(
        Network(42, np.append(np.zeros(40, np.int32), ways + 1), np.append(ways + 1, np.full(40, 41, np.int32))),
        np.full(80, 10.0),
        int32(0),
        int64(0, 1),
        int32(41),
        reals(380),
        reals(worth),
        int32(-1),
        np.zeros(0, np.uint8),
    )
    swept(flows, sweeps=4)
    assert flows.served[0] > 350
    assert flows.load.max() < 12


def test_several_callers_at_once() -> None:
    expected = swept(large()[0], 2, sweeps=5).flow
    wrong = []

    def call() -> None:
        if not np.array_equal(swept(large()[0], 2, sweeps=5).flow, expected):
            wrong.append(threading.get_ident())

    callers = [threading.Thread(target=call) for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert wrong == []


def test_a_forked_child_goes_on_with_flows() -> None:
    """Forked again and again while another thread keeps the crew busy: the child goes on as its parent would have."""
    script = """
        import os, signal, threading
        import numpy as np
        from tests.unit.graph.test_flows import large, swept

        flows = swept(large()[0], 3, sweeps=3)
        expected = swept(flows.copy(), 3, sweeps=3).flow
        ended = threading.Event()

        def keep_busy():
            other = large()[0]
            while not ended.is_set():
                swept(other, 3, sweeps=1)

        busy = threading.Thread(target=keep_busy)
        busy.start()
        codes = []
        for _ in range(10):
            child = os.fork()
            if child == 0:
                signal.alarm(60)
                os._exit(0 if np.array_equal(swept(flows.copy(), 3, sweeps=3).flow, expected) else 3)
            codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        ended.set()
        busy.join()
        assert codes == [0] * 10, codes
    """
    root = SRC.parent
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(script)],
        cwd=root,
        env={"PYTHONPATH": f"{SRC}:{root}", "OPENBLAS_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def on_paths(**changed: Any) -> PathFlows:
    """Of the first demand 0-1 and 2-3, of the second 4; links of 10, 10, 4, 4 and 1."""
    given: dict[str, Any] = {
        "capacity": reals(10, 10, 4, 4, 1),
        "amount": reals(12, 3),
        "worth": reals(1, 1),
        "first": int64(0, 2, 3),
        "start": int64(0, 2, 4, 5),
        "link": int32(0, 1, 2, 3, 4),
    }
    return PathFlows(**{**given, **changed})


def shared_out(flows: PathFlows, threads: int = 1) -> PathFlows:
    for turn in range(20):
        flows.sweep(np.ones(len(flows.load)), 20.0, 1.0, 1e-3, turn, threads)
    return flows


@pytest.mark.parametrize("threads", [1, 2])
def test_paths_by_hand(threads: int) -> None:
    flows = shared_out(on_paths(), threads)
    copy = flows.copy()
    flows.fit(np.zeros(5))
    assert flows.flow[:2].sum() == pytest.approx(12.0)
    assert flows.flow[2] == pytest.approx(1.0)
    assert flows.load.tolist() == flows.flow[[0, 0, 1, 1, 2]].tolist()
    assert flows.at(reals(0.25, 0.25, 0.5, 0.5, 0.75)) == (12 * 0.5 + 3 * 0.25, 0.0)
    copy.set(reals(0, 1, 2))
    assert copy.load.tolist() == [0, 0, 1, 1, 2]
    assert flows.flow[2] == pytest.approx(1.0)


def test_paths_that_must_carry_all() -> None:
    flows = shared_out(on_paths(worth=reals(math.inf, math.inf)))
    flows.fit(np.zeros(5))
    assert flows.flow[:2].sum() == pytest.approx(12.0)
    assert flows.flow[2] == pytest.approx(3.0)
    assert flows.at(np.ones(5)) == (0.0, 12 * 2 + 3)


@given(st.lists(st.floats(0, 1e6), min_size=3, max_size=3))
def test_whatever_paths_are_set_to_fits_afterwards(flow: list[float]) -> None:
    flows = on_paths()
    flows.set(reals(*flow))
    flows.fit(np.zeros(5))
    assert (flows.load <= reals(10, 10, 4, 4, 1) * (1 + 1e-9)).all()
    assert (flows.flow >= 0).all()
    assert flows.flow[:2].sum() <= 12 * (1 + 1e-12)
    assert flows.flow.sum() == pytest.approx(13.0)


def test_paths_that_go_one_way_have_its_links() -> None:
    """The second demand also goes 2-3, which is held once."""
    flows = on_paths(first=int64(0, 2, 4), way=int64(0, 1, 1, 2))
    flows.set(reals(1, 2, 3, 0.5))
    assert flows.load.tolist() == [1.0, 1.0, 5.0, 5.0, 0.5]
    assert flows.at(reals(0.25, 0.25, 0.5, 0.5, 2.0)) == (12 * 0.5, 0.0)
    assert flows.least(reals(0.25, 0.25, 0.5, 0.5, 2.0)).tolist() == [0.5, 1.0]
    assert on_paths(first=int64(0, 0, 3)).least(np.ones(5), 3).tolist() == [math.inf, 1.0]


def test_who_is_worth_least_loses_first_and_who_is_worth_most_gets_room_first() -> None:
    """One link of 10 for three: it is over, then it has room."""
    one: dict[str, Any] = {"capacity": reals(10), "first": int64(0, 1, 2, 3), "start": int64(0, 1, 2, 3)}
    flows = on_paths(**one, amount=reals(6, 6, 6), worth=reals(2, 1, 4), link=int32(0, 0, 0))
    flows.set(reals(6, 6, 6))
    flows.fit(np.zeros(1))
    assert flows.flow == pytest.approx([4, 0, 6])
    flows.set(reals(0, 0, 0))
    flows.fit(np.zeros(1))
    assert flows.flow == pytest.approx([4, 0, 6])


def test_a_demand_without_paths_and_a_path_without_links() -> None:
    flows = shared_out(on_paths(first=int64(0, 0, 3), start=int64(0, 0, 4, 5)))
    flows.fit(np.zeros(5))
    assert flows.flow.sum() == pytest.approx(3.0)
    assert flows.at(np.ones(5)) == (3.0, 0.0)
    none = on_paths(amount=reals(), worth=reals(), first=int64(0), start=int64(0), link=int32())
    assert shared_out(none).load.tolist() == [0.0] * 5


WRONG = reals(1, 1, 1, 1, 1, math.nan)
ONES = np.ones(6)


def sweep(**changed: Any) -> object:
    return swept(by_hand(), sweeps=1, **changed)


def path_sweep(weight: NDArray[np.float64], *numbers: Any) -> object:
    return on_paths().sweep(weight, *numbers)


def test_of_two_to_one_node_who_is_worth_more_comes_first() -> None:
    """14 reach node 3 from node 0: the 12 that are worth 2 have all of theirs, those that are worth 1 what is left."""
    flows = by_hand(
        source=int32(0),
        start=int64(0, 2),
        target=int32(3, 3),
        amount=reals(12, 12),
        worth=reals(2, 1),
        fence=int32(-1),
    )
    flows.set(by_hand_flow(), reals(0, 12))
    flows.fit(reals(0, 0, 0, 0, 0, 0))
    assert flows.served == pytest.approx([12.0, 2.0])
    swept(flows)
    flows.fit(reals(0, 0, 0, 0, 0, 0))
    assert flows.served == pytest.approx([12.0, 2.0], rel=1e-3)


def by_hand_flow() -> Any:
    """10 from 0 by 1 to 3, and 2 by 2."""
    return reals(10, 10, 2, 2, 0, 0)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: by_hand(capacity=reals(1, 1)), "capacity has 2 elements, and there are 6 links"),
        (lambda: by_hand(capacity=WRONG), "capacity[5] is negative, or not a finite number"),
        (lambda: by_hand(capacity=-ONES), "capacity[0] is negative, or not a finite number"),
        (lambda: by_hand(capacity=ONES * math.inf), "capacity[0] is negative, or not a finite number"),
        (lambda: by_hand(capacity=ONES * 0), "capacity[0] is 0: leave the link out"),
        (lambda: by_hand(capacity=int32(1)), "capacity has to be an array of one dimension and of type float64"),
        (lambda: by_hand(capacity=None), "capacity has to be an array"),
        (lambda: by_hand(source=int32(0, 4)), "source[1] is 4, and nodes are numbered from 0 to below 4"),
        (lambda: by_hand(source=int32(0)), "fence has 2 elements, and there are 1 sources"),
        (lambda: by_hand(target=int32(3, -1, 3)), "target[1] is -1, and nodes are numbered"),
        (lambda: by_hand(target=int32(3, 0, 3)), "target[1] is its own source"),
        (
            lambda: by_hand(start=int64(0, 3, 3), target=int32(3, 2, 3)),
            "target[2] comes twice from one source, and not side by side",
        ),
        (
            lambda: by_hand(target=int32(3, 3, 3), worth=reals(1, 2, 1)),
            "worth[1] is more than the one before to the same target",
        ),
        (lambda: by_hand(start=int64(0, 3)), "start has 2 elements, and there are 3 sources (and one more)"),
        (lambda: by_hand(start=int64(0, 1, 2)), "start has to go from 0 to 3, the number of targets"),
        (lambda: by_hand(start=int64(1, 2, 3)), "start has to go from 0 to 3"),
        (lambda: by_hand(start=int64(0, 9, 3)), "start[2] is less than the one before"),
        (lambda: by_hand(start=int64(0, -9, 3)), "start[1] is less than the one before"),
        (lambda: by_hand(start=int32(0, 2, 3)), "start has to be an array of one dimension and of type int64"),
        (lambda: by_hand(amount=reals(1, 1)), "amount has 2 elements, and there are 3 targets"),
        (lambda: by_hand(amount=reals(1, math.inf, 1)), "amount[1] is negative, or not a finite number"),
        (lambda: by_hand(amount=reals(1, 1, -1)), "amount[2] is negative"),
        (lambda: by_hand(worth=reals(1)), "worth has 1 elements, and there are 3 targets"),
        (lambda: by_hand(worth=reals(1, math.nan, 1)), "worth[1] is negative, or not a number"),
        (lambda: by_hand(fence=int32(-1, 1)), "fence[1] is 1, and there are 1 rows in allowed"),
        (lambda: by_hand(fence=int32(-2, 0)), "fence[0] is -2, and there are 1 rows in allowed"),
        (lambda: by_hand(allowed=np.ones(5, np.uint8)), "allowed has to be rows of 6 links"),
        (
            lambda: by_hand(allowed=np.ones(6, np.bool_)),
            "allowed has to be an array of one dimension and of type uint8",
        ),
        (lambda: sweep(weight=ONES[1:]), "weight has 5 elements, and there are 6 links"),
        (lambda: sweep(weight=WRONG), "weight[5] is negative, or not a number"),
        (lambda: sweep(weight=-ONES), "weight[0] is negative, or not a number"),
        (lambda: sweep(slope=0.0), "slope and unit have to be above 0 and finite, tolerance at least 0"),
        (lambda: sweep(slope=math.inf), "slope and unit have to be above 0 and finite"),
        (lambda: sweep(unit=-1.0), "slope and unit have to be above 0 and finite"),
        (lambda: sweep(unit=math.nan), "slope and unit have to be above 0 and finite"),
        (lambda: sweep(tolerance=-1e-9), "tolerance at least 0"),
        (lambda: sweep(order=int32(0, 2)), "order[1] is no set of demands"),
        (lambda: sweep(order=int32(-1)), "order[0] is no set of demands"),
        (lambda: sweep(order=int32(1, 1)), "order names 1 twice"),
        (lambda: sweep(threads=-1), "threads is -1, and has to be between 0 and 1024"),
        (lambda: by_hand().at(WRONG), "prices[5] is negative or not a number"),
        (lambda: by_hand().at(ONES, 1025), "threads is 1025, and has to be between 0 and 1024"),
        (lambda: by_hand().fit(ONES[1:]), "prices has 5 elements, and there are 6 links"),
        (lambda: by_hand().fit(-ONES), "prices[0] is negative or not a number"),
        (lambda: by_hand().paths(0), "most is 0, and has to be at least 1"),
        (lambda: by_hand().set(ONES, reals(0, 0, 0)), "flow has 6 elements, and there are 12 links of all sets"),
        (lambda: by_hand().set(np.ones(12), ONES), "served has 6 elements, and there are 3 demands"),
        (lambda: by_hand().set(np.full(12, math.nan), reals(0, 0, 0)), "flow[0] is negative, or not a finite number"),
        (lambda: by_hand().set(np.ones(12), reals(0, -1, 0)), "served[1] is negative, or not a finite number"),
        (lambda: on_paths(capacity=reals(0)), "capacity[0] is 0: leave the link out"),
        (lambda: on_paths(capacity=reals(1)), "link[1] is 1, and links are numbered from 0 to below 1"),
        (lambda: on_paths(link=int32(0, 1, 2, 3, -1)), "link[4] is -1, and links are numbered"),
        (lambda: on_paths(worth=reals(1)), "worth has 1 elements, and there are 2 amounts"),
        (lambda: on_paths(amount=reals(1, math.nan)), "amount[1] is negative, or not a finite number"),
        (lambda: on_paths(first=int64(0, 3)), "first has 2 elements, and there are 3 amounts (and one more)"),
        (lambda: on_paths(first=int64(0, 4, 3)), "first[2] is less than the one before"),
        (lambda: on_paths(start=int64()), "start is empty"),
        (lambda: on_paths(start=int64(0, 2, 5)), "first has to go from 0 to 2, the number of paths"),
        (lambda: on_paths(start=int64(0, 2, 4, 6)), "start has to go from 0 to 5, the number of links of paths"),
        (lambda: on_paths(way=int64(0, 1, 3)), "way[2] is 3, and ways are numbered from 0 to below 3"),
        (lambda: on_paths(way=int64(0, 1)), "first has to go from 0 to 2, the number of paths"),
        (lambda: path_sweep(ONES, 1.0, 1.0, 0.0), "weight has 6 elements, and there are 5 links"),
        (lambda: path_sweep(ONES[1:], math.inf, 1.0, 0.0), "slope and unit have to be above 0 and finite"),
        (lambda: path_sweep(ONES[1:], 1.0, 1.0, 0.0, -1), "turn is -1, and has to be at least 0"),
        (lambda: path_sweep(ONES[1:], 1.0, 1.0, 0.0, 0, -1), "threads is -1, and has to be between 0 and 1024"),
        (lambda: on_paths().at(ONES), "prices has 6 elements, and there are 5 links"),
        (lambda: on_paths().fit(ONES), "prices has 6 elements, and there are 5 links"),
        (lambda: on_paths().set(reals(1, 1)), "flow has 2 elements, and there are 3 paths"),
        (lambda: on_paths().set(reals(1, 1, -1)), "flow[2] is negative, or not a finite number"),
    ],
)
def test_what_is_wrong_is_said(call: Callable[[], object], said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        call()


def test_a_link_whose_weight_is_infinite_is_not_used_and_what_was_cleared_of_a_link_is_off_it() -> None:
    flows = two_ways()
    weight = reals(1.0, math.inf, 1.0, 1.0)
    flows.sweep(weight, 8.0, 1.0, 1e-3, -math.inf, math.inf, int32(0), together=True, threads=1)
    assert flows.load[0] > 0
    assert flows.load[1] == 0
    flows.clear(int32(0))
    assert flows.load.tolist() == [0.0, 0.0, 0.0, 0.0]
    assert flows.served.tolist() == [0.0]
    with pytest.raises(ValueError, match="links are numbered from 0 to below 4"):
        flows.clear(int32(4))


def two_ways() -> Flows:
    """From 0 to 3 by 1 and by 2."""
    network = Network(4, int32(0, 0, 1, 2), int32(1, 2, 3, 3))
    none = np.zeros(0, np.uint8)
    return Flows(network, np.full(4, 10.0), int32(0), int64(0, 1), int32(3), reals(5.0), np.ones(1),
                 int32(-1), none)  # fmt: skip
