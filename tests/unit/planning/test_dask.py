"""Sweeps on a cluster: a local one of Dask's with two workers, by its executor of `concurrent.futures`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from distributed import Client, LocalCluster

from highroad.planning.availability import Asked, failures, look, throughput
from highroad.planning.chances import chances_of, risks
from highroad.planning.solve.answer import Limits
from highroad.planning.sweep import Case, Question, doubles, singles, sweep
from highroad.planning.sweep import look as look_at_cases
from highroad.planning.traffic import Demand, Demands
from tests.support.country import country

ACROSS = Demand(source="west", target="east", gbps=150.0)
ENDS = Demand(source="campus", target="cloud", gbps=40.0)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, host="127.0.0.1", dashboard_address=None, worker_dashboard_address=None
        ) as cluster,
        Client(cluster) as client,
    ):
        client.wait_for_workers(2)
        yield client


def test_a_sweep_on_two_workers_says_the_same(client: Client) -> None:
    network = country(conduit=True, ways=2)
    asked = Question(network=network, demands=Demands.of(network, [ACROSS, ENDS]), limits=Limits(gap=1e-3, threads=1))
    cases = [Case(), *singles(network), *doubles(network)]
    here = look_at_cases(asked, cases)
    with client.get_executor(pure=False) as workers:
        there = [one for some in sweep(asked, cases, workers, at_once=4) for one in some]
    assert there == here
    done = client.run(lambda dask_worker: dask_worker.state.executed_count)
    assert len(done) == 2
    assert all(done.values()), "both had some of it to do"


def test_availability_on_two_workers_says_the_same(client: Client) -> None:
    network = country(conduit=True, ways=2)
    asked = Asked(network=network, demands=Demands.of(network, [ACROSS, ENDS]), limits=Limits(gap=1e-3, threads=1))
    given = failures(risks(network, chances_of(network)), 1e-3)
    with client.get_executor(pure=False) as workers:
        there = [one for some in throughput(asked, given, workers, at_once=4) for one in some]
    assert there == look(asked, given.failures)
