"""The calendar alone, at the size of a large carrier: how long it takes to ask it, to change it and to build it.

Networks and services are those of `scale`. Each size runs in a process of its own (`python -m bench.calendar SITES
SERVICES`), whose memory is read from the kernel: before the services are made, and after the calendar is built. No peer
runs here: we know of no open calendar with shared reserve for backups that one could put beside it.
"""

from __future__ import annotations

import gc
import json
import math
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from bench import scale
from bench.figure import Figure, quantile
from highroad.model.service import Window
from highroad.planning.calendar import Calendar, Claim, Standby

SIZES = ((100, 100_000), (300, 100_000), (1_000, 1_000), (1_000, 10_000), (1_000, 100_000), (1_000, 1_000_000))
FULL = (1_000, 100_000)
SMALL_CALENDARS = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Seconds that each of many calls took, in the middle and almost at worst."""

    p50_s: float
    p99_s: float

    def __str__(self) -> str:
        return f"p50 {_time(self.p50_s)}, p99 {_time(self.p99_s)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What one size was seen to take."""

    claims: int
    standbys: int
    links: int
    steps: int
    groups: float
    backup_links: float
    backup_links_p99: int
    build_s: float
    bytes: int
    free: Times
    free_open: Times
    spare: Times
    new: Times
    gone: Times
    replaced: Times
    new_protected: Times
    gone_protected: Times
    replaced_protected: Times
    away: Times
    reserve_share: float
    oversold: int


def figures() -> Iterator[Figure]:
    """Range queries, changes, the build, memory; how they grow; and what sharing saves when everything may fail."""
    for sites, services in SIZES:
        run = _measured(sites, services)
        if run is None:
            yield Figure(what=_size(sites, services), ours="ended before it was done: out of memory")
            continue
        full = (sites, services) == FULL
        yield Figure(
            what=_size(sites, services),
            ours=f"free {run.free}; spare_for {run.spare}; keep {run.new}, protected {run.new_protected}; built in "
            f"{run.build_s:.1f} s; {run.bytes / 2**20:,.0f} MiB; {run.steps:,} steps",
            bar="free p99 20 us; spare_for 200 us; keep 0.5 / 5 ms; build 8 s; 700 MiB" if full else "",
            met=_met(run) if full else None,
        )
        if full:
            yield Figure(
                what="calendar, the same: other changes",
                ours=f"gone {run.gone}, protected {run.gone_protected}; replaced {run.replaced}, protected "
                f"{run.replaced_protected}; without one protected, and back, {run.away}",
            )
            yield Figure(
                what="calendar, the same: what is in it",
                ours=f"{run.claims:,} claims, {run.standbys:,} standbys, each for {run.groups:.1f} groups; backups of "
                f"{run.backup_links:.1f} links both ways (p99 {run.backup_links_p99}); {run.links:,} links; "
                f"oversold: {run.oversold}",
                bar="oversold 0",
                met=run.oversold == 0,
            )
            yield Figure(
                what="calendar, the same: reserve with sharing, of what backups would take without",
                ours=f"{run.reserve_share:.1%} of the Mbit/s, summed over links at one instant",
            )
    yield brute_force()


def measure(sites: int, services: int) -> Run:
    """Build a calendar of a size and time it."""
    network = scale.network(sites)
    ways = scale.routes(network, services)
    capacity = scale.capacities(network, services)
    gc.collect()
    empty = _resident_bytes()
    held = [(one.holder, one.claims, one.standbys) for one in scale.bookings(network, ways, services)]
    gc.freeze()
    begun = time.perf_counter()
    calendar = Calendar.build(capacity, held)
    build_s = time.perf_counter() - begun
    count, standbys = sum(len(one[1]) for one in held), [standby for one in held for standby in one[2]]
    del held
    gc.collect()
    resident = _resident_bytes() - empty
    dice = random.Random(1)
    links = [str(link.id) for link in network.links]
    now = scale.NOW_S
    shared = sum(calendar.reserve_at(link, now) for link in links)
    lengths = [len(held) for held in calendar._standbys.values()]
    return Run(
        claims=count,
        standbys=len(standbys),
        links=len(links),
        steps=sum(len(line.claimed) for line in calendar._lines.values()),
        groups=sum(len(one.groups) for one in standbys) / len(standbys),
        backup_links=sum(lengths) / len(lengths),
        backup_links_p99=int(quantile(lengths, 0.99)),
        build_s=build_s,
        bytes=resident,
        free=_timed(20_000, lambda: (dice.choice(links), _window(dice)), calendar.free),
        free_open=_timed(20_000, lambda: (dice.choice(links), Window(start_s=now)), calendar.free),
        spare=_timed(5_000, lambda: _spare_asked(dice, ways), calendar.spare_for),
        **{
            f"{kind}{'_protected' if protected else ''}": _timed(
                max(100, min(1_000, services // 20)),
                partial(_change, calendar, dice, ways, kind, protected=protected),
                calendar.keep,
            )
            for protected in (False, True)
            for kind in ("new", "gone", "replaced")
        },
        away=_timed(500, lambda: (calendar, dice.choice(list(calendar._standbys))), _step_aside),
        reserve_share=shared / sum(one.rate_mbps for one in standbys if one.start_s <= now < one.until_s),
        oversold=len(calendar.oversold()),
    )


def _measured(sites: int, services: int) -> Run | None:
    command = [sys.executable, "-m", "bench.calendar", str(sites), str(services)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        return None
    read = json.loads(done.stdout)
    values: dict[str, Any] = {name: Times(**one) if isinstance(one, dict) else one for name, one in read.items()}
    return Run(**values)


def _timed(calls: int, arguments: Callable[[], tuple[Any, ...]], call: Callable[..., object]) -> Times:
    took: list[float] = []
    for _ in range(calls):
        given = arguments()
        begun = time.perf_counter()
        call(*given)
        took.append(time.perf_counter() - begun)
    return Times(p50_s=quantile(took, 0.5), p99_s=quantile(took, 0.99))


def _window(dice: random.Random) -> Window:
    """A third endless, the others an hour to a year long; from now on, or from within a year."""
    start_s = scale.NOW_S + dice.choice((0.0, dice.uniform(0, 365) * scale.DAY_S))
    length_s = scale.HOUR_S * math.exp(dice.uniform(0.0, math.log(365 * 24)))
    return Window(start_s=start_s, end_s=None if dice.random() < 1 / 3 else start_s + length_s)


def _spare_asked(dice: random.Random, ways: list[scale.Route]) -> tuple[str, Window, frozenset[str]]:
    """What a new protected service asks of a link of its backup."""
    way = _safe(dice, ways)
    return dice.choice(way.backup), _window(dice), way.groups


def _change(
    calendar: Calendar, dice: random.Random, ways: list[scale.Route], kind: str, *, protected: bool
) -> tuple[str, tuple[Claim, ...], tuple[Standby, ...]]:
    """A service that is new, one that is gone, or another one in its place. What is there first is not timed."""
    holder = f"new-{dice.random()}"
    first, then = (
        scale.booking(dice, _safe(dice, ways) if protected else dice.choice(ways), holder, protected=protected)
        for _ in range(2)
    )
    if kind == "new":
        return holder, first.claims, first.standbys
    calendar.keep(holder, first.claims, first.standbys)
    return (holder, (), ()) if kind == "gone" else (holder, then.claims, then.standbys)


def _safe(dice: random.Random, ways: list[scale.Route]) -> scale.Route:
    way = dice.choice(ways)
    while not way.backup:
        way = dice.choice(ways)
    return way


def _step_aside(calendar: Calendar, holder: str) -> None:
    with calendar.without(holder):
        pass


def _resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def brute_force() -> Figure:
    """On small random calendars that admission filled, fail each group in turn and add everything up."""
    dice = random.Random(4)
    over = shared = apart = groups = 0
    for _ in range(SMALL_CALENDARS):
        names = [f"g{number}" for number in range(dice.randint(2, 8))]
        capacity = {f"l{number}": dice.randint(20, 200) for number in range(dice.randint(2, 6))}
        calendar = _filled(capacity, names, dice)
        holders = {*calendar._claims, *calendar._standbys}
        for group in names:
            failed = Calendar(capacity)
            for holder in holders:
                called = [one for one in calendar.standbys(holder) if group in one.groups]
                moved = [Claim(one.resource, one.start_s, one.until_s, one.rate_mbps) for one in called]
                failed.keep(holder, [*calendar.claims(holder), *moved])
            over += len(failed.oversold())
            groups += 1
        for link in capacity:
            for at_s in range(25):
                shared += calendar.reserve_at(link, at_s)
                apart += sum(
                    one.rate_mbps
                    for holder in holders
                    for one in calendar.standbys(holder)
                    if one.resource == link and one.start_s <= at_s < one.until_s
                )
    return Figure(
        what=f"{SMALL_CALENDARS:,} random calendars, each of {groups:,} risk groups failed",
        ours=f"{over} links above capacity; sharing saves {1 - shared / apart:.1%} of the backups' Mbit/s",
        bar="0",
        met=over == 0,
    )


def _filled(capacity: dict[str, int], names: list[str], dice: random.Random) -> Calendar:
    """Services of one or two links, of which half have a backup over one or two others, as long as they fit."""
    calendar = Calendar(capacity)
    links = list(capacity)
    for number in range(dice.randint(5, 25)):
        start_s = dice.choice((-math.inf, float(dice.randrange(20))))
        until_s = math.inf if dice.random() < 0.5 else max(start_s, 0.0) + dice.randint(1, 15)
        window = Window(start_s=start_s, end_s=until_s)
        rate, groups = dice.randint(1, 30), frozenset(dice.sample(names, dice.randint(1, min(4, len(names)))))
        dice.shuffle(links)
        cut = dice.randint(1, min(2, len(links) - 1))
        mine, others = links[:cut], links[cut : cut + dice.randint(0, 2)]
        if all(calendar.free(link, window) >= rate for link in mine) and all(
            calendar.spare_for(link, window, groups) >= rate for link in others
        ):
            calendar.keep(
                f"s{number}",
                [Claim(link, start_s, until_s, rate) for link in mine],
                [Standby(link, start_s, until_s, rate, groups) for link in others],
            )
    return calendar


def _met(run: Run) -> bool:
    return (
        run.free.p99_s <= 20e-6
        and run.spare.p99_s <= 200e-6
        and run.new.p99_s <= 0.5e-3
        and run.new_protected.p99_s <= 5e-3
        and run.build_s <= 8
        and run.bytes <= 700 * 2**20
    )


def _size(sites: int, services: int) -> str:
    return f"calendar, {sites:,} sites, {services:,} services"


def _time(seconds: float) -> str:
    return f"{seconds * 1e6:.1f} us" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms"


if __name__ == "__main__":
    print(json.dumps(asdict(measure(int(sys.argv[1]), int(sys.argv[2])))))
