"""The live network placed anew: utilisation and its proven gap, classes under overload, memory, growth, restrictions.

The network is that of `scale`: 1,000 sites, 2,500 spans and so 5,000 directed links. Services, by a seed:

- As many pairs of ends as a fifth of the services are drawn, one end uniform, the other with a probability that falls
  by e for every 2.5 mean fibre lengths. Rates are 50 to 10,000 Mbit/s, uniform in the logarithm; classes 10, 40, 30 and
  20%, the first first.
- 30% have a bound of 1.05 to 2 times their least latency, uniform in the logarithm. 20% have a fence: the sites are in
  four bands of longitude with as many each, and a fence leaves one of them out that has neither end. 10% are protected,
  of those whose way of least latency has a backup inside bound and fence.
- A span has the next multiple of 100 Gbit/s above 1.3 to 2.6 times (uniform in the logarithm) what is on it where
  everybody goes the fastest way whatever bound and fence, or of a quarter of the mean of that if it is more.

With time: see `day`. Overloaded means rates of 1.2 times those at which the plan's fullest link would be full. Each
size runs in a process of its own (`python -m bench.livenet SERVICES`), whose highest memory the kernel tells; time
counts from arrays to the way of every service. No peer runs here: we know of no open solver with these constraints
that finishes at this size.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

import numpy as np

from bench import scale
from bench.figure import Figure
from highroad.graph import _kernels
from highroad.graph.geo import great_circles_km
from highroad.planning.bulk import Bulk, shift
from highroad.planning.solve.answer import Limits
from highroad.planning.solve.even import even
from highroad.planning.solve.live import Live
from highroad.planning.solve.overload import overload
from highroad.planning.solve.ways import Ways

SITES = 1_000
SIZES = (10_000, 100_000, 1_000_000)
FULL = 100_000
OVERLOAD = 1.2
INTERVALS, INTERVAL_S, BULK, BULK_SCALE = 96, 900.0, 1_000, 40.0
GAP, BAR_S, BAR_MIB = 1e-2, 2.0, 2048.0
CLASSES = (0.1, 0.4, 0.3, 0.2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one size was seen to take."""

    services: int
    took_s: float
    value: float
    split: float
    bound: float
    gap: float
    needed: float
    left: int
    warm_s: float
    overload_s: float
    overload_gaps: list[float]
    split_gaps: list[float]
    restrictions: dict[str, float]
    memory_mib: float


def figures() -> Iterator[Figure]:
    """The size of the issue with its bars, growth, and what each restriction costs."""
    for services in SIZES:
        run = _measured(services)
        if run is None:
            yield Figure(what=_name(services), ours="ended before it was done: out of memory or of time")
            continue
        full = services == FULL
        yield Figure(
            what=f"{_name(services)}: least utilisation",
            ours=f"{run.value:.4f}, proven gap {run.gap:.1e} in {run.took_s:.2f} s (split {run.split:.4f}; with the "
            f"reserve for backups {run.needed:.3f}; {run.left} without a way); again from it {run.warm_s:.2f} s; "
            f"{run.memory_mib:,.0f} MiB",
            bar=f"gap <= {GAP:g} in <= {BAR_S:g} s, <= {BAR_MIB:,.0f} MiB" if full else "",
            met=run.gap <= GAP and run.took_s <= BAR_S and run.memory_mib <= BAR_MIB if full else None,
        )
        gaps, splits = (", ".join(f"{gap:.1e}" for gap in some) for some in (run.overload_gaps, run.split_gaps))
        yield Figure(
            what=f"{_name(services)}: overloaded to {OVERLOAD:g}",
            ours=f"proven gaps of cumulative classes {gaps} (split {splits}) in {run.overload_s:.2f} s",
            bar=f"<= {GAP:g} each in <= {BAR_S:g} s" if full else "",
            met=max(run.overload_gaps) <= GAP and run.overload_s <= BAR_S if full else None,
        )
        if run.restrictions:
            yield Figure(
                what=f"{_name(services)}: least utilisation without a restriction",
                ours="; ".join(f"{name} {value:.4f}" for name, value in run.restrictions.items()),
            )

    yield _day()


def live(services: int, sites: int = SITES, seed: int = 1) -> Live:
    """The network and so many services."""
    network = scale.network(sites)
    rng = np.random.default_rng(seed)
    number = {site.id: place for place, site in enumerate(network.sites)}
    a = np.array([number[fibre.a] for fibre in network.fibres], np.int32)
    b = np.array([number[fibre.b] for fibre in network.fibres], np.int32)
    latency = np.array([network.link[link.id].latency_ms for link in network.links[::2]])
    names: dict[str, int] = {}
    groups = [
        [names.setdefault(name, len(names)) for name in sorted(scale.risk_groups(network, link.id))]
        for link in network.links[::2]
    ]
    lat, lon = (np.array([getattr(site, axis) for site in network.sites]) for axis in ("lat", "lon"))
    away = great_circles_km(lat[:, None], lon[:, None], lat[None, :], lon[None, :])
    weights = np.exp(-away / (2.5 * float(np.mean([fibre.length_km for fibre in network.fibres])) / scale.ROUTE_FACTOR))
    np.fill_diagonal(weights, 0.0)
    weights = weights.cumsum(axis=1)
    pairs = max(100, services // 5)
    one = rng.integers(0, sites, pairs)
    drawn = rng.random(pairs)
    other = np.array(
        [np.searchsorted(weights[i], r * weights[i, -1], "right") for i, r in zip(one, drawn, strict=True)]
    )
    pair = rng.integers(0, pairs, services)
    source, target = one[pair].astype(np.int32), other[pair].astype(np.int32)
    gbps = np.exp(rng.uniform(np.log(0.05), np.log(10.0), services)).round(3)
    band = np.searchsorted(np.quantile(lon, [0.25, 0.5, 0.75]), lon)
    fences = np.array([(band[a] != out) & (band[b] != out) for out in range(4)])
    made = Live(
        nodes=sites,
        a=a,
        b=b,
        latency_ms=latency,
        capacity_gbps=np.ones(len(a)),
        group_first=np.append(0, np.cumsum([len(group) for group in groups])).astype(np.int64),
        group=np.concatenate(groups).astype(np.int32),
        node_group=np.array([names.get(f"site:{site.id}", -1) for site in network.sites], np.int32),
        source=source,
        target=target,
        gbps=gbps,
        rank=rng.choice(4, services, p=CLASSES).astype(np.int32),
        bound_ms=np.full(services, np.inf),
        fence=np.full(services, -1, np.int32),
        fences=fences,
        protected=np.zeros(services, np.bool_),
    )
    ways = Ways(made)
    _, found = ways.cheapest(latency)
    way = np.zeros(ways.families, np.int64)
    way[found.family] = np.arange(len(found.family))
    carried = np.bincount(ways.of, gbps, ways.families)[found.family]
    load = np.bincount(found.span, np.repeat(carried, np.diff(found.start)), len(a))
    wanted = np.maximum(load, 0.25 * load.mean()) * np.exp(rng.uniform(np.log(1.3), np.log(2.6), len(a)))
    fence = rng.integers(0, 4, services).astype(np.int32)
    fenced = (band[source] != fence) & (band[target] != fence) & _joined(made, fence)
    chosen = rng.permutation(np.flatnonzero(fenced))[: services // 5]
    inside = np.full(services, -1, np.int32)
    inside[chosen] = fence[chosen]
    made = replace(made, capacity_gbps=100.0 * np.ceil(wanted / 100.0), fence=inside)
    ways = Ways(made)
    least, _ = ways.cheapest(latency)
    bound = least[ways.of] * np.exp(rng.uniform(np.log(1.05), np.log(2.0), services))
    made = replace(made, bound_ms=np.where(rng.random(services) < 0.3, bound, np.inf))
    sure = replace(made, protected=np.ones(services, np.bool_))
    ways = Ways(sure)
    ways.add(ways.cheapest(latency)[1], latency)
    slow = np.full(ways.families, np.inf)
    slow[ways.family] = ways.latency_ms
    able = rng.permutation(np.flatnonzero(np.isfinite(slow[ways.of]) & (slow[ways.of] <= made.bound_ms)))[
        : services // 10
    ]
    protected = np.zeros(services, np.bool_)
    protected[able] = True
    return replace(made, protected=protected)


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """What 96 intervals were seen to take, and what of the bulk went."""

    services_s: float
    bulk_s: float
    worst_gap: float
    moved: int
    asked: int
    on_time: int
    carried: float
    gap: float
    hurried: float
    over: float
    memory_mib: float


def day(services: int) -> Day:
    """Every quarter of an hour of a day: services at 40 to 100% of their rates, by a sine whose phase is drawn for each
    of four groups; then bulk between random sites, of 4 to 400 Gbit/s (uniform in the logarithm) over the half of its
    time, which is released at any time and has 2 to 12 hours.
    """
    of = live(services)
    rng = np.random.default_rng(2)
    limits = Limits(gap=GAP)
    phase = rng.integers(0, 4, of.services) * 0.08
    begun = time.perf_counter()
    free = np.zeros((INTERVALS, 2 * of.spans))
    plan, worst, moved = None, 0.0, 0
    for interval in range(INTERVALS):
        share = 0.7 + 0.3 * np.sin(2 * np.pi * (interval / INTERVALS + phase))
        now = replace(of, gbps=of.gbps * share)
        then = even(now, limits, clock=time.perf_counter, before=plan)
        moved += 0 if plan is None else int((then.way != plan.way).sum())
        plan, worst = then, max(worst, then.gap)
        left = np.maximum(0.0, of.capacity_gbps - plan.load_gbps - plan.reserve_gbps)
        free[interval] = np.tile(left, 2)
    services_s = time.perf_counter() - begun
    one = rng.integers(0, SITES, BULK)
    release = rng.integers(0, INTERVALS - 8, BULK)
    lasts = rng.integers(8, 49, BULK)
    rates = np.exp(rng.uniform(np.log(0.1), np.log(10.0), BULK)) * BULK_SCALE
    asked = Bulk(
        source=one.astype(np.int32),
        target=((one + rng.integers(1, SITES, BULK)) % SITES).astype(np.int32),
        bytes=rates * lasts / 2 * INTERVAL_S / 8e-9,
        release=release.astype(np.int32),
        deadline=np.minimum(INTERVALS, release + lasts).astype(np.int32),
    )
    begun = time.perf_counter()
    tail, head = np.concatenate((of.a, of.b)), np.concatenate((of.b, of.a))
    done = shift(SITES, tail, head, free, asked, INTERVAL_S, limits, clock=time.perf_counter)
    took_s = time.perf_counter() - begun
    half = replace(asked, deadline=np.minimum(INTERVALS, release + lasts // 2).astype(np.int32))
    hurried = shift(SITES, tail, head, free, half, INTERVAL_S, limits, clock=time.perf_counter)
    over = np.divide(done.load_gbps, free, out=np.zeros_like(free), where=free > 0).max()
    return Day(
        services_s=services_s,
        bulk_s=took_s,
        worst_gap=worst,
        moved=moved,
        asked=BULK,
        on_time=int((done.carried_bytes >= asked.bytes * (1 - 1e-3)).sum()),
        carried=float(done.value_bytes / asked.bytes.sum()),
        gap=done.gap,
        hurried=float(hurried.value_bytes / asked.bytes.sum()),
        over=float(over),
        memory_mib=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def _day() -> Figure:
    what = f"live network, {FULL:,} services over {INTERVALS} intervals and {BULK:,} bulk demands"
    command = [sys.executable, "-m", "bench.livenet", "day"]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        return Figure(what=what, ours="ended before it was done")
    seen = Day(**json.loads(done.stdout.splitlines()[-1]))
    return Figure(
        what=what,
        ours=f"services {seen.services_s:.1f} s (worst proven gap {seen.worst_gap:.1e}, {seen.moved / INTERVALS:,.0f} "
        f"moved an interval), bulk {seen.bulk_s:.1f} s: {seen.carried:.1%} of the bytes, proven gap {seen.gap:.1e}, "
        f"{seen.on_time:,} whole by their deadline ({seen.hurried:.1%} of the bytes in half of it); fullest link at "
        f"{seen.over:.4f} of what is free; {seen.memory_mib:,.0f} MiB",
        bar="<= 60 s in all; no link over",
        met=seen.services_s + seen.bulk_s <= 60 and seen.over <= 1 + 1e-9,
    )


def _joined(made: Live, fence: np.typing.NDArray[np.int32]) -> np.typing.NDArray[np.bool_]:
    """Whether anything leads from end to end inside a fence."""
    tail, head = np.concatenate((made.a, made.b)), np.concatenate((made.b, made.a))
    network = _kernels.Network(made.nodes, tail.astype(np.int32), head.astype(np.int32))
    joined = np.zeros(made.services, np.bool_)
    for row, flags in enumerate(made.fences):
        price = np.where(np.tile(flags, 2), 1.0, np.inf)
        distance, _ = network.trees(price, np.arange(made.nodes, dtype=np.int32))
        mine = fence == row
        joined[mine] = np.isfinite(distance[made.source[mine], made.target[mine]])
    return joined


def measure(services: int) -> Run:
    """Make a network of a size and place it."""
    of = live(services)
    limits = Limits(gap=GAP)
    even(live(1_000, 100), limits)  # what is loaded when it is first needed
    begun = time.perf_counter()
    plan = even(of, limits, clock=time.perf_counter)
    took_s = time.perf_counter() - begun
    begun = time.perf_counter()
    even(of, limits, clock=time.perf_counter, before=plan)
    warm_s = time.perf_counter() - begun
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    over = replace(of, gbps=of.gbps * (OVERLOAD / plan.value))
    begun = time.perf_counter()
    ranked = overload(over, limits, clock=time.perf_counter)
    overload_s = time.perf_counter() - begun
    restrictions: dict[str, float] = {}
    if services == FULL:
        for name, free in (
            ("bounds", replace(of, bound_ms=np.full(of.services, np.inf))),
            ("fences", replace(of, fence=np.full(of.services, -1, np.int32))),
            ("protection", replace(of, protected=np.zeros(of.services, np.bool_))),
        ):
            restrictions[f"without {name}"] = even(free, limits, clock=time.perf_counter).value
        restrictions["services split over several ways"] = plan.split
    return Run(
        services=services,
        took_s=took_s,
        value=plan.value,
        split=plan.split,
        bound=plan.bound,
        gap=plan.gap,
        needed=float(((plan.load_gbps + plan.reserve_gbps) / of.capacity_gbps).max()),
        left=len(plan.left),
        warm_s=warm_s,
        overload_s=overload_s,
        overload_gaps=[one.gap for one in ranked.classes],
        split_gaps=[one.gap for one in ranked.split],
        restrictions=restrictions,
        memory_mib=memory,
    )


def _measured(services: int) -> Run | None:
    command = [sys.executable, "-m", "bench.livenet", str(services)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    return None if done.returncode else Run(**json.loads(done.stdout.splitlines()[-1]))


def _name(services: int) -> str:
    return f"live network, {SITES:,} sites, {services:,} services"


if __name__ == "__main__":
    print(json.dumps(asdict(day(FULL) if sys.argv[1] == "day" else measure(int(sys.argv[1])))))
