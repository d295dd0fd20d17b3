"""The cheapest and the widest path against every simple path of small random networks."""

from __future__ import annotations

import random

import pytest

from highroad.graph import cheapest
from highroad.graph.cheapest import EFFORT, FACTOR, UNUSABLE, Prices, cheapest_path, stretched_ns, widest_path
from highroad.graph.paths import Graph, graph_of, least_latency_path
from highroad.model.network import SiteId
from highroad.planning.ground import CARRIES_OTHERS
from tests.unit.planning.small import Path, network_of, simple_paths, small

A, B = SiteId("a"), SiteId("b")


def case(seed: int) -> tuple[Graph, list[Path], dict[int, int], frozenset[int], int | None, random.Random]:
    """A graph, its paths from a to b over links that may be used, prices, what is barred, and a bound."""
    dice = random.Random(f"cheapest {seed}")
    network = small(seed, sites=dice.choice((6, 7, 8)), one_way=0.1)
    graph = graph_of(network, lambda site: site.kind in CARRIES_OTHERS)
    prices = {
        number: UNUSABLE if dice.random() < 0.1 else latency + dice.choice((0, 0, dice.randint(0, 30_000_000)))
        for number, latency in enumerate(graph.latency_ns)
    }
    barred = frozenset(number for number in prices if dice.random() < 0.05)
    paths = [
        path
        for path in simple_paths(network, "a", "b")
        if all(prices[number] >= 0 and number not in barred for number in map(graph.link_number.__getitem__, path))
    ]
    return graph, paths, prices, barred, dice.choice([None, 10_000_000, 15_000_000, 25_000_000]), dice


def latency_ns(graph: Graph, path: Path) -> int:
    return sum(graph.latency_ns[graph.link_number[link]] for link in path)


def cost_ns(graph: Graph, prices: dict[int, int], path: Path) -> int:
    return sum(prices[graph.link_number[link]] for link in path)


def test_costs_at_most_the_factor_of_the_least_and_never_misses_a_path() -> None:
    found, ratios = 0, []
    for seed in range(600):
        graph, paths, prices, barred, bound_ns, _ = case(seed)
        mine = cheapest_path(graph, A, B, Prices(prices.__getitem__), bound_ns=bound_ns, barred=barred)
        fastest = min((latency_ns(graph, path) for path in paths), default=None)
        if fastest is None or (bound_ns is not None and fastest > bound_ns):
            assert mine is None
            continue
        assert mine in paths
        most = stretched_ns(fastest) if bound_ns is None else bound_ns
        assert latency_ns(graph, mine) <= most
        least = min(cost_ns(graph, prices, path) for path in paths if latency_ns(graph, path) <= most)
        ratio = cost_ns(graph, prices, mine) / least
        assert ratio <= FACTOR
        found += 1
        ratios.append(ratio)
    print(f"\n{found} paths, {sum(ratio == 1 for ratio in ratios)} of least cost, on average {sum(ratios) / found:.4f}")
    assert found > 300
    assert sum(ratios) / found < 1.05


def test_without_a_factor_it_is_exact(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cheapest, "FACTOR", 1.0)
    monkeypatch.setattr(cheapest, "NEAR", 1.0)
    for seed in range(600):
        graph, paths, prices, barred, _, dice = case(seed)
        if not paths:
            continue
        bound_ns = latency_ns(graph, dice.choice(paths))
        known = Prices(prices.__getitem__)
        assert all(known[number] == price for number, price in prices.items())
        mine = cheapest_path(graph, A, B, known, bound_ns=bound_ns, barred=barred)
        assert mine is not None
        costs = [cost_ns(graph, prices, path) for path in paths if latency_ns(graph, path) <= bound_ns]
        assert cost_ns(graph, prices, mine) == min(costs)


def test_a_dearer_way_to_a_site_is_kept_where_it_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slow to n and fast from there costs 52, fast to n and slow from there 36; the bound allows one slow half."""
    monkeypatch.setattr(cheapest, "FACTOR", 1.0)
    halves = (
        ("a", "u", "n", 5.0, 0.0),
        ("a", "v", "n", 1.0, 12.0),
        ("n", "w", "b", 5.0, 0.0),
        ("n", "z", "b", 1.0, 20.0),
    )
    spans = tuple(span for tail, via, head, ms, _ in halves for span in ((tail, via, ms), (via, head, ms)))
    graph = graph_of(network_of(spans))
    more = {via: round(extra * 1e6) for _, via, _, _, extra in halves}
    prices = {
        number: graph.latency_ns[number] + next(more[site] for site in link.split(">") if site in more)
        for number, link in enumerate(graph.links)
    }
    known = Prices(prices.__getitem__)
    assert all(known[number] == price for number, price in prices.items())
    assert cheapest_path(graph, A, B, known, bound_ns=12_000_000) == ("a>v", "v>n", "n>w", "w>b")
    assert cheapest_path(graph, A, B, Prices(prices.__getitem__), bound_ns=12_000_000) == ("a>v", "v>n", "n>w", "w>b")
    assert cheapest_path(graph, A, B, known, bound_ns=20_000_000) == ("a>u", "u>n", "n>w", "w>b")
    assert cheapest_path(graph, A, B, known, bound_ns=4_000_000) == ("a>v", "v>n", "n>z", "z>b")


def test_an_idle_network_is_crossed_by_the_fastest_way() -> None:
    for seed in range(200):
        graph, _, _, barred, bound_ns, _ = case(seed)
        mine = cheapest_path(graph, A, B, Prices(graph.latency_ns.__getitem__), bound_ns=bound_ns, barred=barred)
        fastest = least_latency_path(graph, A, B, lambda number: number not in barred, bound_ns=bound_ns)  # noqa: B023
        assert mine == fastest


@pytest.mark.parametrize("effort", [0, 1, 3])
def test_with_little_effort_it_takes_what_it_knows_and_never_refuses(effort: int) -> None:
    for seed in range(200):
        graph, _, prices, barred, bound_ns, _ = case(seed)
        much, little = (
            cheapest_path(graph, A, B, Prices(prices.__getitem__), bound_ns=bound_ns, barred=barred, effort=labels)
            for labels in (EFFORT, effort)
        )
        assert (much is None) == (little is None)


def test_a_price_is_asked_once_and_only_where_it_may_matter() -> None:
    asked: list[int] = []
    for seed in range(100):
        graph, _, prices, barred, bound_ns, _ = case(seed)

        def ask(number: int, prices: dict[int, int] = prices) -> int:
            asked.append(number)
            return prices[number]

        def may(number: int, prices: dict[int, int] = prices) -> bool:
            return prices[number] >= 0

        asked.clear()
        lazily = cheapest_path(graph, A, B, Prices(ask, may), bound_ns=bound_ns, barred=barred)
        assert len(asked) == len(set(asked))
        assert lazily == cheapest_path(graph, A, B, Prices(prices.__getitem__), bound_ns=bound_ns, barred=barred)


@pytest.mark.parametrize("around", [1, 2, 16])
def test_the_widest_path_inside_the_bound(around: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cheapest, "AROUND", around)
    found = 0
    for seed in range(400):
        graph, paths, prices, barred, bound_ns, dice = case(seed)
        rooms = {number: -1 if price < 0 else dice.randint(0, 9) for number, price in prices.items()}
        bound = bound_ns or 30_000_000
        widths = [
            min(rooms[graph.link_number[link]] for link in path) for path in paths if latency_ns(graph, path) <= bound
        ]
        widest = max(widths, default=0)
        mine = widest_path(graph, A, B, rooms.__getitem__, bound_ns=bound, enough=7, barred=barred)
        if widest <= 0:
            assert mine is None
            continue
        assert mine is not None
        assert mine[0] == min(7, widest)
        assert mine[1] in paths
        assert latency_ns(graph, mine[1]) <= bound
        assert min(rooms[graph.link_number[link]] for link in mine[1]) >= mine[0]
        found += 1
    assert found > 150
