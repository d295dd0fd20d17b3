"""What a ping and a trace would measure: pure arithmetic on where packets go and which links are lit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from highroad.graph.paths import graph_of, least_latency_path
from highroad.model.network import LinkId, Network
from highroad.ports import Hop, Trace

Lit = Callable[[LinkId], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ways:
    """The links that a service's packets take now; none at all where the network cannot carry them."""

    there: Sequence[LinkId]
    back: Sequence[LinkId]


def rtt_ms(network: Network, ways: Ways, lit: Lit) -> float | None:
    """There and back, or None where a packet is lost on the way. Nothing queues, so this is light's time alone."""
    if not (ways.there and ways.back and all(map(lit, (*ways.there, *ways.back)))):
        return None
    return sum(network.link[link].latency_ms for link in (*ways.there, *ways.back))


def trace(network: Network, ways: Ways, lit: Lit) -> Trace:
    """Every router on the way; each answers the headend along the shortest way that is lit, as routers do."""
    graph = graph_of(network)

    def hops(links: Sequence[LinkId]) -> list[Hop]:
        found: list[Hop] = []
        reached_ms: float | None = 0.0
        for link_id in links:
            link = network.link[link_id]
            reached_ms = reached_ms + link.latency_ms if reached_ms is not None and lit(link_id) else None
            answer_ms = None
            if reached_ms is not None:
                headend = network.link[links[0]].tail
                home = least_latency_path(graph, link.head, headend, lambda number: lit(graph.links[number]))
                answer_ms = None if home is None else reached_ms + graph.latency_ms(home)
            found.append(Hop(site=link.head, link=link_id, rtt_ms=answer_ms))
        return found

    return Trace(there=hops(ways.there), back=hops(ways.back))
