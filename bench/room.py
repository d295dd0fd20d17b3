"""Orders that greedy admission refuses, and how many of them others can make room for: by load, beside greedy alone.

Orders arrive one after the other (Poisson), each between two random ends, of 10, 25, 50 or 100 Gbit/s, from now for an
exponential time, on one path; a third has a latency bound of 1.05 to 1.8 times the least. The load is what is offered
(arrivals times holding time times rate, both ways) as a share of what is feasible: of the highest at which the network
still carries the average of it, split as one likes and without bounds, as the optimiser proves (`concurrent`). Each run
starts with what is there at that load: so many orders as that holds on average, offered to greedy admission. Then both
see the same orders, each on a calendar of its own: greedy alone, and greedy that has others moved where it says no.
Every service that is there may be moved, as one that is carried.

A refusal that stays one is hopeless where no placement at all, of everybody who is there with it, fits: the optimiser
proves that for free splitting and without bounds, so of what it does not prove hopeless some is too. How much is let in
by the end can also be less than by greedy alone: who is let in on a full link sends others on longer ways, which are
then full for those who come later.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from random import Random

from bench import acceptance, world
from bench.figure import Figure, quantile
from highroad.model.lifecycle import State
from highroad.model.network import LinkId, Network, SiteKind
from highroad.model.service import Attachment, Order, PortId, Service, ServiceId, TenantId
from highroad.model.window import Window
from highroad.planning.calendar import Calendar
from highroad.planning.find import find
from highroad.planning.ground import Ground, capacities_of, claims_of
from highroad.planning.optimum import Objective, optimise
from highroad.planning.placement import want_of
from highroad.planning.room import USUAL, Effort, Limits, Others, make_room
from highroad.planning.solve.answer import Limits as Until
from highroad.planning.traffic import Demand, Demands

LOADS = (0.8, 0.9, 1.0, 1.1)
TENANT = TenantId("bench")
PORT = Attachment(port=PortId("unlimited"))
"""Links bind here, and no ports."""


@dataclass(slots=True)
class Tally:
    """What became of orders."""

    asked: int = 0
    refused: int = 0
    """By greedy admission."""
    made: int = 0
    """Of those: room was made."""
    moves: list[int] = field(default_factory=list)
    took_ms: list[float] = field(default_factory=list)
    """Each decision: greedy's, with the search for room where there was one."""
    gbps: float = 0.0
    """Let in."""
    searched_ms: list[float] = field(default_factory=list)
    """The search alone, where there was one."""
    checked: int = 0
    hopeless: int = 0


class Crowd:
    """A network and who is on it."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.ground = Ground(network=network, calendar=Calendar(capacities_of(network, {})))
        self.ground.calendar.set_capacity("port:unlimited", 10**12)
        self.services: dict[ServiceId, Service] = {}
        self._over: dict[LinkId, dict[ServiceId, None]] = {}
        self._ends: list[tuple[float, ServiceId]] = []
        self.others = Others(over=lambda link: [self.services[one] for one in self._over.get(link, ())])

    def copy(self) -> Crowd:
        """Another with the same services."""
        other = Crowd(self.network)
        for service in self.services.values():
            other.put(service)
        other._ends = list(self._ends)
        return other

    def put(self, service: Service) -> None:
        """Have a service where it says."""
        self._forget(service.id)
        self.services[service.id] = service
        for link in () if service.placement is None else service.placement.links:
            self._over.setdefault(link, {})[service.id] = None
        self.ground.calendar.keep(service.id, claims_of(service))

    def add(self, service: Service) -> None:
        """A new one, until its window ends."""
        self.put(service)
        heapq.heappush(self._ends, (service.order.window.until_s, service.id))

    def leave_until(self, now_s: float) -> None:
        """Let those go whose time is over."""
        while self._ends and self._ends[0][0] <= now_s:
            _, name = heapq.heappop(self._ends)
            self._forget(name)
            del self.services[name]
            self.ground.calendar.keep(name, ())

    def _forget(self, name: ServiceId) -> None:
        known = self.services.get(name)
        for link in () if known is None or known.placement is None else known.placement.links:
            self._over[link].pop(name, None)


def figures() -> Iterator[Figure]:
    """The US reference network and 1,000 sites."""
    for name, network, orders, checked in (
        ("US network", world.us(), 1_000, 40),
        ("1,000 sites", acceptance.thousand(seed=1), 300, 10),
    ):
        feasible = feasible_gbps(network)
        for load in LOADS:
            yield figure(name, network, orders, load, feasible, checked)


def figure(name: str, network: Network, orders: int, load: float, feasible: float, checked: int) -> Figure:
    """One load; of so many that stay refused it is asked whether they are hopeless."""
    crowd, greedy, roomy = run(network, load * feasible, orders, seed=1, checked=checked)
    asked_ms = [_at(roomy.searched_ms, share) for share in (0.5, 0.99)]
    return Figure(
        what=f"orders refused, and let in by moving others, {name}, load {load:g} of what is feasible",
        ours=f"{_share(roomy.made, roomy.refused)} of refusals ({roomy.made} of {roomy.refused}, of {roomy.asked:,} "
        f"orders beside {crowd:,} services), {_mean(roomy.moves):.2f} moves each; of {roomy.checked} of the others "
        f"{roomy.hopeless} proven hopeless; {roomy.gbps / greedy.gbps - 1:+.1%} Gbit/s let in by the end; decision p50 "
        f"{quantile(roomy.took_ms, 0.5):.2f} ms, p99 {quantile(roomy.took_ms, 0.99):.1f} ms, where others are asked "
        f"p50 {asked_ms[0]:.1f} ms, p99 {asked_ms[1]:.1f} ms",
        bar="others asked p99 100 ms",
        met=asked_ms[1] <= 100.0,
        peer=f"greedy alone: {_share(greedy.refused, greedy.asked)} refused; decision p50 "
        f"{quantile(greedy.took_ms, 0.5):.2f} ms, p99 {quantile(greedy.took_ms, 0.99):.2f} ms",
    )


def run(
    network: Network, load_gbps: float, orders: int, seed: int, limits: Limits = USUAL, checked: int = 0
) -> tuple[int, Tally, Tally]:
    """So many orders at a load: how many services there are to begin with, and both tallies."""
    dice = world.dice_of(network, seed)
    held = max(1, round(load_gbps / _mean(acceptance.RATES_GBPS)))
    mean_s = float(held)  # one order a second
    crowd, now_s = Crowd(network), world.NOW_S
    for number in range(held):
        order = order_of(crowd.ground, dice, now_s, mean_s)
        _decide(crowd, order, f"old-{number}", None, Tally())
    begun = len(crowd.services)
    roomy, tallies = crowd.copy(), (Tally(), Tally())
    for number in range(orders):
        now_s += dice.expovariate(1.0)
        order = order_of(crowd.ground, dice, now_s, mean_s)
        for each, tally, allowed in ((crowd, tallies[0], None), (roomy, tallies[1], limits)):
            each.leave_until(now_s)
            _decide(each, order, f"new-{number}", allowed, tally, checked)
    return begun, *tallies


def order_of(ground: Ground, dice: Random, now_s: float, mean_s: float) -> Order:
    """The next one."""
    ends = [site.id for site in ground.network.sites if site.kind is not SiteKind.POP]
    a, b = dice.sample(ends, 2)
    factor = dice.choice([None, None, dice.uniform(1.05, 1.8)])
    number = ground.graph.number
    least_ms = ground.graph.toward(number[b])[number[a]] / 1e6
    ground.graph.toward(number[a])
    return Order(
        tenant=TENANT,
        a=PORT,
        b=PORT,
        a_site=a,
        b_site=b,
        bandwidth_gbps=dice.choice(acceptance.RATES_GBPS),
        window=Window(start_s=now_s, end_s=now_s + dice.expovariate(1.0 / mean_s)),
        latency_bound_ms=None if factor is None else factor * least_ms,
    )


def _decide(crowd: Crowd, order: Order, name: str, limits: Limits | None, tally: Tally, checked: int = 0) -> None:
    begun = time.perf_counter()
    placement, moves = find(crowd.ground, want_of(order)), 0
    tally.asked += 1
    tally.refused += placement is None
    if placement is None and limits is not None:
        asked = time.perf_counter()
        made = make_room(crowd.ground, order, crowd.others, limits, Effort())
        tally.searched_ms.append((time.perf_counter() - asked) * 1e3)
        if made is not None:
            placement, moves = made.placement, len(made.moves)
            tally.made += 1
            tally.moves.append(moves)
            for other, to in made.moves.items():
                crowd.put(replace(crowd.services[other], placement=to))
    tally.took_ms.append((time.perf_counter() - begun) * 1e3)
    if placement is None and limits is not None and tally.checked < checked:
        tally.checked += 1
        tally.hopeless += is_hopeless(crowd, order)
    if placement is not None:
        tally.gbps += order.bandwidth_gbps
        crowd.add(
            Service(
                id=ServiceId(name),
                version=1,
                state=State.ACTIVE,
                order=order,
                created_s=order.window.start_s,
                changed_s=order.window.start_s,
                placement=placement,
            )
        )


def is_hopeless(crowd: Crowd, order: Order) -> bool:
    """Whether no placement of all that are there now and of the order exists, bounds and whole paths aside."""
    orders = [order, *(one.order for one in crowd.services.values())]
    total: dict[tuple[str, str], float] = {}
    for one in orders:
        for pair in ((one.a_site, one.b_site), (one.b_site, one.a_site)):
            total[pair] = total.get(pair, 0.0) + one.bandwidth_gbps
    demands = [Demand(source=a, target=b, gbps=gbps) for (a, b), gbps in total.items()]
    found = optimise(
        crowd.network, Demands.of(crowd.network, demands), Objective.CONCURRENT, Until(gap=1e-3, threads=1)
    )
    return found.bound < 1.0


def feasible_gbps(network: Network) -> float:
    """What may be offered on average, one way, all pairs of ends alike, so that a network carries the average."""
    ends = [site.id for site in network.sites if site.kind is not SiteKind.POP]
    each = 1.0 / (len(ends) * (len(ends) - 1))
    demands = [Demand(source=a, target=b, gbps=each) for a in ends for b in ends if a != b]
    found = optimise(network, Demands.of(network, demands), Objective.CONCURRENT, Until(gap=1e-3, threads=1))
    return found.value


def _share(some: int, all_: int) -> str:
    return f"{some / all_:.1%}" if all_ else "none"


def _mean(values: tuple[float, ...] | list[int]) -> float:
    return sum(values) / len(values) if values else 0.0


def _at(values: list[float], share: float) -> float:
    return quantile(values, share) if values else 0.0
