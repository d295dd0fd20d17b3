"""What more capacity on a link would do to a plan: the dearest links are tried, and both figures are told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from highroad.model.network import LinkId
from highroad.planning.optimum import Objective, Optimum, optimise
from highroad.planning.solve.answer import Clock, Limits
from highroad.planning.traffic import Changed

FINEST = 1e-6
NOISE = 1e-3
"""Of the dearest: prices that are less are what is left where a link is not full."""

FULL = 1 - 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """What more capacity on a link, and on its opposite where it has one, would do to the value.

    `most` is what the prices allow at most: they are what the first Gbit/s is worth, and each one more is worth no
    more. `seen` is the difference to a plan that was made anew with it; the true one is in [`low`, `high`]. All are
    above 0 where it betters the value. `seen` of a total is no more than `most`: what is, where time was up before the
    first plan was as good as it gets, is not the link's. By classes they are of the first class (`rank`) that gets
    more, up to it and of plans that give no less to those before. `carried_gbps` is what more is carried of all
    demands, as seen.
    """

    links: tuple[LinkId, ...]
    more_gbps: float
    price: float
    most: float
    seen: float
    low: float
    high: float
    carried_gbps: float = 0.0
    rank: int | None = None


def upgrades(
    found: Optimum,
    most: int = 3,
    more_gbps: float = 100.0,
    limits: Limits | None = None,
    *,
    clock: Clock = lambda: 0.0,
    stop: Callable[[], bool] = lambda: False,
) -> tuple[Upgrade, ...]:
    """The links whose prices promise most, and what so much more on each does to a plan made anew; best first.

    Where no price says anything, as for shares when who gets least has all it asks for, the fullest links are tried.
    """
    limits = limits or Limits()
    made = []
    for links, worth in _dearest(found, most):
        if stop():
            break
        promised = _promised(found, worth * more_gbps)
        gap = min(limits.gap, max(FINEST, 0.05 * promised / max(found.value, found.bound, 1e-300)))
        if found.objective is Objective.MAXMIN:
            gap = limits.gap
        then = optimise(
            found.network,
            found.demands,
            found.objective,
            Limits(gap=gap, time_s=limits.time_s, threads=limits.threads),
            changed=Changed(more_gbps=dict.fromkeys(links, more_gbps)),
            warm=found,
            clock=clock,
            stop=stop,
        )
        made.append(_seen(found, then, links, more_gbps, worth, promised))
    return tuple(sorted(made, key=lambda one: (one.rank or 0, -one.seen, -one.carried_gbps)))


def _dearest(found: Optimum, most: int) -> list[tuple[tuple[LinkId, ...], float]]:
    """Links with their opposites, and what their prices are together: the dearest first."""
    network = found.network
    price = dict(zip((link.id for link in network.links), found.price.tolist(), strict=True))
    worth = price
    if not any(price.values()) and found.objective is Objective.MAXMIN:
        links = found.links()
        full = zip(links["link"].tolist(), links["utilisation"].tolist(), links["load_gbps"].tolist(), strict=True)
        worth = {link: load if share > FULL else 0.0 for link, share, load in full}
    least = NOISE * max(worth.values(), default=0.0)
    pairs = {tuple(sorted({link, network.opposite.get(link, link)})) for link, one in worth.items() if one > least}
    dear = sorted(pairs, key=lambda links: (-sum(worth[link] for link in links), links))[:most]
    return [(links, sum(price[link] for link in links)) for links in dear]


def _seen(
    found: Optimum, then: Optimum, links: tuple[LinkId, ...], more_gbps: float, worth: float, promised: float
) -> Upgrade:
    carried = float(then.carried_gbps.sum()) - _carried(found)
    if found.classes:
        for place, (now, one) in enumerate(zip(found.classes, then.classes, strict=True)):
            before = found.free_classes[place]
            if one.value - before > NOISE * more_gbps or place == len(found.classes) - 1:
                after = found.classes[place + 1].worth if place + 1 < len(found.classes) else 0.0
                return Upgrade(
                    links=links,
                    more_gbps=more_gbps,
                    price=worth,
                    most=promised / max(now.worth - after, 1e-300),
                    seen=one.value - before,
                    low=max(0.0, one.value - now.bound),
                    high=max(0.0, one.bound - before),
                    carried_gbps=carried,
                    rank=now.rank,
                )
    sign = found.objective.better
    seen = sign * (then.value - found.free)
    if found.objective is Objective.TOTAL:  # a Gbit/s more of a link is none but one more that is carried
        promised = min(promised, more_gbps * len(links))
        seen = min(seen, promised)
    return Upgrade(
        links=links,
        more_gbps=more_gbps,
        price=worth,
        most=promised,
        seen=seen,
        low=max(0.0, sign * (then.value - found.bound)),
        high=min(promised, sign * (then.bound - found.free)) if promised > 0 else sign * (then.bound - found.free),
        carried_gbps=carried,
    )


def _carried(found: Optimum) -> float:
    """What is carried of all demands with as many paths as one likes."""
    return float(found.answer.served_gbps.sum()) if found.few is not None else float(found.carried_gbps.sum())


def _promised(found: Optimum, worth: float) -> float:
    """What the value betters by at most, by the bound that the same prices prove with the capacity added."""
    if found.objective is Objective.UTILISATION:
        # the bound is D / C with D what demands cost at the prices, and C what capacity does: C grows
        return found.free - found.bound / (1.0 + worth / found.bound) if found.bound > 0 else 0.0
    if found.classes:  # of the weighted sum, of which the last class lacks as much as the sum does
        last = found.classes[-1]
        return last.bound - found.free_classes[-1] + worth
    return found.bound + worth - found.free
