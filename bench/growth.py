"""How admission and the calendar grow: from 100 to 1,000 sites, and from 1,000 to 1,000,000 services.

Networks and services are those of `scale`, links of 40 Tbit/s and all, but for the pairs of sites: at most 2,000 of
them at every size. Orders are for 50 to 1,000 Mbit/s between the ends of such a pair, a third with a bound of 1.05 to
1.5 times the least latency, half in a window that starts within 60 days and lasts an hour to 30 days. For refusals the
links are then narrowed to 1.15 times what is needed of them at the busiest instant, and orders are those of `offers`;
counted are those that get three offers. Each size runs in a process of its own (`python -m bench.growth SITES
SERVICES`), and asks for at most `ASKS_S` seconds of each kind of yes, and `REFUSALS_S` of refusals.
"""

from __future__ import annotations

import gc
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

from bench import offers, scale
from bench.calendar import _resident_bytes
from bench.figure import Figure, quantile
from highroad.control.accounts import port_id
from highroad.model.service import End, Port, PortId, Protection, Request, TenantId
from highroad.planning.admission import Admitted, admit
from highroad.planning.calendar import Calendar
from highroad.planning.ground import Ground, capacities_of

TENANT = TenantId("bench")
BY_SITES = ((100, 100_000), (300, 100_000), (1_000, 100_000))
BY_SERVICES = ((1_000, 1_000), (1_000, 10_000), (1_000, 100_000), (1_000, 1_000_000))
FULL = (1_000, 100_000)
PAIRS_OF = 20_000
"""As many pairs of sites as so many services have."""

ASKS, ASKS_S = 1_000, 4.0
REFUSALS, REFUSALS_S = 300, 30.0
BARS_MS = {Protection.NONE: 5.0, Protection.PATH: 15.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one size was seen to take: decisions in ms, of orders that were admitted."""

    yes_ms: list[float]
    protected_ms: list[float]
    three_ms: list[float]
    keep_ms: list[float]
    build_s: float
    bytes: int
    steps: int


def figures() -> Iterator[Figure]:
    """A row for each size, and one of its own for a protected yes where there is a bar for it."""
    seen = {size: _measured(*size) for size in dict.fromkeys((*BY_SITES, *BY_SERVICES))}
    for name, sizes in (("sites", BY_SITES), ("services", BY_SERVICES)):
        for size in sizes:
            run = seen[size]
            what = f"growth by {name}: {size[0]:,} sites, {size[1]:,} services"
            if run is None:
                yield Figure(what=what, ours="ended before it was done")
                continue
            yield Figure(
                what=what,
                ours=f"a yes {_times(run.yes_ms)}; protected {_times(run.protected_ms)}; a no with three offers "
                f"{_times(run.three_ms)} ({len(run.three_ms)}); kept {_times(run.keep_ms)}; "
                f"built in {run.build_s:.2f} s; {run.bytes / 2**20:,.0f} MiB; {run.steps:,} steps of "
                f"{run.build_s / run.steps * 1e9:,.0f} ns and {run.bytes / run.steps:,.0f} bytes",
            )
    run = seen[FULL]
    if run is None:
        return
    for kind, bar_ms in BARS_MS.items():
        took = run.yes_ms if kind is Protection.NONE else run.protected_ms
        yield Figure(
            what=f"a yes {'without' if kind is Protection.NONE else 'with'} a backup, {FULL[0]:,} sites, "
            f"{FULL[1]:,} services, links as the generator has them",
            ours=f"{_times(took)} ({len(took):,})",
            bar=f"p99 {bar_ms:g} ms",
            met=quantile(took, 0.99) <= bar_ms,
        )


def measure(sites: int, services: int) -> Run:
    """Build the ground of a size, and decide on it."""
    network = scale.network(sites)
    ways = scale.routes(network, min(services, PAIRS_OF))
    ports: dict[PortId, Port] = {}
    for site in network.sites:
        port = Port(id=port_id(TENANT, site.id), tenant=TENANT, site=site.id, rate_gbps=400.0)
        ports[port.id] = port
    rates = scale.capacities(network, services) | capacities_of(network, ports)
    gc.collect()
    before = _resident_bytes()
    gc.disable()  # what is made here has no cycles, and a million services would be looked at again and again
    held = [(one.holder, one.claims, one.standbys) for one in scale.bookings(network, ways, services)]
    gc.freeze()
    gc.enable()
    begun = time.perf_counter()
    calendar = Calendar.build(rates, held)
    build_s = time.perf_counter() - begun
    del held
    gc.collect()
    used = _resident_bytes() - before
    ground = Ground(network=network, calendar=calendar, ports=ports)
    for number in range(len(network.sites)):
        ground.graph.toward(number)
    gc.collect()
    gc.freeze()
    dice = random.Random("growth")
    safe = [way for way in ways if way.backup]
    return Run(
        yes_ms=_decided(ground, dice, ways, Protection.NONE),
        protected_ms=_decided(ground, dice, safe, Protection.PATH),
        keep_ms=_kept(calendar, dice, ways),
        three_ms=_refused(_narrowed(ground), dice, ways),
        build_s=build_s,
        bytes=used,
        steps=sum(len(line.claimed) for line in calendar._lines.values()),
    )


def _narrowed(ground: Ground) -> Ground:
    """The same, with as little left on links as `offers` leaves."""
    calendar, links = ground.calendar, []
    for link in ground.network.links:
        needed = int(offers.ROOM * calendar._lines[link.id].need.top)
        rate = max(4, -(-needed // offers.STEP_MBPS)) * offers.STEP_MBPS
        calendar.set_capacity(link.id, rate)
        links.append(replace(link, capacity_gbps=rate / 1000))
    return Ground(network=replace(ground.network, links=tuple(links)), calendar=calendar, ports=ground.ports)


def _refused(ground: Ground, dice: random.Random, ways: list[scale.Route]) -> list[float]:
    """Refusals with three offers."""
    for number in range(len(ground.network.sites)):
        ground.graph.toward(number)
    took: list[float] = []
    until = time.perf_counter() + REFUSALS_S
    while len(took) < REFUSALS and time.perf_counter() < until:
        asked = offers._request(ground, dice, ways)
        begun = time.perf_counter()
        decision = admit(ground, asked, scale.NOW_S)
        took_ms = (time.perf_counter() - begun) * 1e3
        if not isinstance(decision, Admitted) and len(decision.offers) == offers.THREE:
            took.append(took_ms)
    return took


def _decided(ground: Ground, dice: random.Random, ways: list[scale.Route], protection: Protection) -> list[float]:
    yes: list[float] = []
    until = time.perf_counter() + ASKS_S
    while len(yes) < ASKS and time.perf_counter() < until:
        asked = _request(ground, dice, dice.choice(ways), protection)
        begun = time.perf_counter()
        decision = admit(ground, asked, scale.NOW_S)
        took_ms = (time.perf_counter() - begun) * 1e3
        if isinstance(decision, Admitted):
            yes.append(took_ms)
    return yes


def _kept(calendar: Calendar, dice: random.Random, ways: list[scale.Route]) -> list[float]:
    took: list[float] = []
    for number in range(ASKS):
        one = scale.booking(dice, dice.choice(ways), f"new-{number}", protected=False)
        begun = time.perf_counter()
        calendar.keep(one.holder, one.claims, one.standbys)
        took.append((time.perf_counter() - begun) * 1e3)
    return took


def _request(ground: Ground, dice: random.Random, way: scale.Route, protection: Protection) -> Request:
    number = ground.graph.number
    least_ms = ground.graph.toward(number[way.b])[number[way.a]] / 1e6
    start_s = scale.NOW_S + scale.MINUTE_S * dice.randrange(60 * 24 * 60)
    timed = dice.random() < 0.5
    return Request(
        tenant=TENANT,
        a=End(at=way.a),
        b=End(at=way.b),
        bandwidth_gbps=dice.randint(50, 1000) / 1000,
        latency_bound_ms=round(least_ms * dice.uniform(1.05, 1.5) + 0.2, 3) if dice.random() < 1 / 3 else None,
        start_s=start_s if timed else None,
        end_s=start_s + scale.HOUR_S * dice.randint(1, 30 * 24) if timed else None,
        protection=protection,
    )


def _measured(sites: int, services: int) -> Run | None:
    command = [sys.executable, "-m", "bench.growth", str(sites), str(services)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return None if done.returncode else Run(**json.loads(done.stdout))


def _times(took_ms: list[float]) -> str:
    if not took_ms:
        return "none"
    return f"p50 {quantile(took_ms, 0.5):.3g} ms, p99 {quantile(took_ms, 0.99):.3g} ms"


if __name__ == "__main__":
    print(json.dumps(asdict(measure(int(sys.argv[1]), int(sys.argv[2])))))
