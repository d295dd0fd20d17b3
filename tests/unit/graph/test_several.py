"""The shortest loopless paths, in order: held against networkx, which counts on no transit sites."""

from __future__ import annotations

import random
from dataclasses import replace
from itertools import islice, pairwise

import networkx as nx
import pytest

from highroad.graph.paths import graph_of
from highroad.graph.several import shortest_paths
from highroad.model.network import SiteId
from tests.support.country import country


@pytest.mark.parametrize("seed", range(20))
def test_they_are_those_that_networkx_finds(seed: int) -> None:
    dice = random.Random(seed)
    network = country(ways=3)
    links = tuple(one for one in network.links if dice.random() < 0.9)
    links = tuple(replace(one, latency_ms=one.latency_ms + dice.random()) for one in links)
    graph = graph_of(replace(network, links=links))
    known: nx.DiGraph[SiteId] = nx.DiGraph()
    known.add_nodes_from(graph.sites)
    for one in links:
        known.add_edge(one.tail, one.head, ns=graph.latency_ns[graph.link_number[one.id]])
    a, b = dice.sample(graph.sites, 2)
    try:
        expected = [sum(known[u][v]["ns"] for u, v in pairwise(p)) for p in nx.shortest_simple_paths(known, a, b, "ns")]
    except nx.NetworkXNoPath:
        expected = []
    found = list(islice(shortest_paths(graph, SiteId(a), SiteId(b)), 200))
    assert [sum(graph.latency_ns[graph.link_number[link]] for link in path) for path in found] == expected
    assert len(set(found)) == len(found)
