"""A no that helps, at the size of a large carrier: how long it takes, and whether what it offers holds.

The network, routes and services are those of `scale`. So that
there is something to refuse the links are given 1.15 times what is needed of them at the busiest instant, in whole
10 Gbit/s; every site has a port of the tenant's of 400 Gbit/s, and orders go between ends as the services do: a fifth
protected, a third with a bound of 1.05 to 1.5 times the least, half in a window that starts within 60 days and lasts an
hour to 30 days. They ask for so much that few fit. Only those that get three offers count for "a no with three".
"""

from __future__ import annotations

import gc
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from bench import scale
from bench.figure import Figure, quantile
from highroad.control.accounts import port_id
from highroad.model.lifecycle import State
from highroad.model.network import Network
from highroad.model.service import End, Port, PortId, Protection, Request, Service, ServiceId, TenantId
from highroad.planning.admission import Admitted, Denied, admit
from highroad.planning.binding import bind
from highroad.planning.calendar import Calendar
from highroad.planning.ground import Ground, capacities_of
from highroad.planning.look import Look

TENANT = TenantId("bench")
SITES, SERVICES = 1_000, 100_000
ROOM = 1.15
STEP_MBPS = 10_000
COUNTED = 10_000
THREE = 3


@dataclass(slots=True)
class Run:
    """What was seen of so many refusals."""

    yes_ms: list[float] = field(default_factory=list)
    protected_ms: list[float] = field(default_factory=list)
    three_ms: list[float] = field(default_factory=list)
    other_ms: list[float] = field(default_factory=list)
    bind_ms: list[float] = field(default_factory=list)
    exact_ms: list[float] = field(default_factory=list)
    taken: int = 0
    admitted: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    binds: Counter[str] = field(default_factory=Counter)


def figures() -> Iterator[Figure]:
    """Refusals with three offers, what binds alone, and offers that are taken at once."""
    run = measure()
    size = f"{SITES:,} sites, {SERVICES:,} services"
    yield Figure(
        what=f"a no with three checked counter-offers, {size}",
        ours=f"p50 {quantile(run.three_ms, 0.5):.1f} ms, p99 {quantile(run.three_ms, 0.99):.1f} ms "
        f"({len(run.three_ms):,} of {len(run.three_ms) + len(run.other_ms):,} refusals)",
        bar="p99 200 ms",
        met=quantile(run.three_ms, 0.99) <= 200,
    )
    yield Figure(
        what=f"a yes, {size}, on the same ground: without and with a backup",
        ours=f"p50 {quantile(run.yes_ms, 0.5):.1f} ms, p99 {quantile(run.yes_ms, 0.99):.1f} ms; "
        f"p50 {quantile(run.protected_ms, 0.5):.1f} ms, p99 {quantile(run.protected_ms, 0.99):.1f} ms "
        f"({len(run.yes_ms):,} and {len(run.protected_ms):,})",
        bar="p99 5 / 15 ms",
        met=quantile(run.yes_ms, 0.99) <= 5 and quantile(run.protected_ms, 0.99) <= 15,
    )
    yield Figure(
        what="what binds, alone",
        ours=f"p50 {quantile(run.bind_ms, 0.5):.1f} ms, p99 {quantile(run.bind_ms, 0.99):.1f} ms; with who holds it, "
        f"for an operator, p50 {quantile(run.exact_ms, 0.5):.1f} ms, p99 {quantile(run.exact_ms, 0.99):.1f} ms",
    )
    yield Figure(
        what=f"{run.taken:,} counter-offers taken at once",
        ours=f"admitted {run.admitted:,} of {run.taken:,} ({_shares(run.kinds)}; bound by {_shares(run.binds)})",
        bar="all",
        met=run.admitted == run.taken,
    )


def measure(counted: int = COUNTED, sites: int = SITES, services: int = SERVICES) -> Run:
    """Refuse until so many offers were taken, each on the ground that it was made on."""
    network, ground = full_ground(sites, services)
    gc.collect()
    gc.freeze()
    dice = random.Random("offers")
    ways = scale.routes(network, services)
    run = Run()
    while run.taken < counted:
        asked = _request(ground, dice, ways)
        begun = time.perf_counter()
        decision = admit(ground, asked, scale.NOW_S)
        took_ms = (time.perf_counter() - begun) * 1e3
        if isinstance(decision, Admitted):
            (run.protected_ms if asked.protection is Protection.PATH else run.yes_ms).append(took_ms)
            if dice.random() < 0.3:
                _keep(ground, decision, f"more-{dice.random()}")
            continue
        (run.three_ms if len(decision.offers) == THREE else run.other_ms).append(took_ms)
        _take(ground, decision, run)
    return run


def full_ground(sites: int, services: int) -> tuple[Network, Ground]:
    """The ground of the services, and little left on its links."""
    network = scale.network(sites)
    ways = scale.routes(network, services)
    held = list(scale.bookings(network, ways, services))
    needed = Calendar.build(
        scale.capacities(network, services), ((one.holder, one.claims, one.standbys) for one in held)
    )
    capacity = {
        link.id: max(4, -(-int(ROOM * needed._lines[link.id].need.top) // STEP_MBPS)) * STEP_MBPS / 1000
        for link in network.links
    }
    del needed
    network = replace(network, links=tuple(replace(link, capacity_gbps=capacity[link.id]) for link in network.links))
    ports: dict[PortId, Port] = {}
    for site in network.sites:
        port = Port(id=port_id(TENANT, site.id), tenant=TENANT, site=site.id, rate_gbps=400.0)
        ports[port.id] = port
    rates = scale.capacities(network, services) | capacities_of(network, ports)
    calendar = Calendar.build(rates, ((one.holder, one.claims, one.standbys) for one in held))
    ground = Ground(network=network, calendar=calendar, ports=ports)
    for number in range(len(network.sites)):
        ground.graph.toward(number)
    return network, ground


def _request(ground: Ground, dice: random.Random, ways: list[scale.Route]) -> Request:
    way = dice.choice(ways)
    a, b = (way.a, way.b) if dice.random() < 0.5 else (way.b, way.a)
    number = ground.graph.number
    least_ms = ground.graph.toward(number[b])[number[a]] / 1e6
    start_s = scale.NOW_S + scale.MINUTE_S * dice.randrange(60 * 24 * 60)
    timed = dice.random() < 0.5
    protected = dice.random() < 0.2 and way.backup
    return Request(
        tenant=TENANT,
        a=End(at=a),
        b=End(at=b),
        bandwidth_gbps=float(dice.choice((5, 10, 15, 20, 30, 40, 60))),
        latency_bound_ms=round(least_ms * dice.uniform(1.05, 1.5) + 0.2, 3) if dice.random() < 1 / 3 else None,
        start_s=start_s if timed else None,
        end_s=start_s + scale.HOUR_S * dice.randint(1, 30 * 24) if timed else None,
        protection=Protection.PATH if protected else Protection.NONE,
        max_paths=dice.choice((None, 1)),
    )


def _take(ground: Ground, decision: Denied, run: Run) -> None:
    for exact, times in ((False, run.bind_ms), (True, run.exact_ms)):
        if len(times) < 1_000 and (not exact or len(times) < 200):
            begun = time.perf_counter()
            bind(Look(ground), decision.order, exact=exact)
            times.append((time.perf_counter() - begun) * 1e3)
    run.binds[decision.binding.constraint] += 1
    for offer in decision.offers:
        taken = admit(ground, offer.request, scale.NOW_S)
        run.taken += 1
        run.admitted += isinstance(taken, Admitted)
        run.kinds["+".join(sorted(offer.changes))] += 1


def _keep(ground: Ground, decision: Admitted, name: str) -> None:
    ground.keep(
        Service(
            id=ServiceId(name),
            version=1,
            state=State.RESERVED,
            order=decision.order,
            created_s=scale.NOW_S,
            changed_s=scale.NOW_S,
            placement=decision.placement,
        )
    )


def _shares(counted: Counter[str]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counted.most_common())
