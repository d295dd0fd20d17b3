"""How long services are dark when things break: `python -m bench.outage [KIND ...]`; `make bench` prints the last.

A `highroad up` on the 26 routers of us-lab, light's delay on. Up to 20 services, no more than cross 32 links
together (14 where a router dies), are probed at 1,000 packets/s by plain UDP sockets in the customers' hosts, one
direction each, every other one the other way round; 200 more carry what the lab's hosts send. Of each trial the probed
services that cross what breaks are looked at: dark is what of their packets never came, times a millisecond. Nothing
is taken off for packets on the wire: in this lab a cut is where light enters the fibre, and what was past it arrives
(`tests/lab/test_light.py`). What is printed of many trials is of the service that was dark longest in each. Results
are kept as they come, so that a part may be run by itself.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.figure import Figure, quantile
from highroad.lab.needs import missing
from highroad.model.network import FibreId, SiteId
from highroad.netlink import bpf_syscall
from highroad.netlink.bpf import R0, XDP_DROP, Program
from highroad.netlink.kernel import Kernel
from highroad.netlink.link import set_link
from tests.support.outage.backbone import Loaded, backbone, busiest, busy, chosen, end_in_order, idle
from tests.support.outage.probes import Probes, probing

RESULT = Path(__file__).parent / "results" / "outage.json"

PROBED, FAR, LOAD = 20, 20, 200
MOST_HOPS, MOST_HOPS_AROUND = 32, 14
"""So many links all probes of a trial cross together before the cut; the second where a router dies, around which local
repair leads each of them in vain, over up to eleven links more, until headends flip. Where two processors carry ninety
thousand packets a second from link to link, beside what neighbours tell each other, they do nothing else.
"""

TRIALS = 20
CONDUIT = "conduit-milwaukee-south"
BEFORE_S, DARK_S, BACK_S = 0.2, 1.5, 0.7
GRAY_LOSS, GRAY_S = 0.2, 4.0
KNOWN_MS = 20.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What broke, how long each service that crosses it was dark, what others lost, and what was lost until all was as
    before. `held_up_ms` is the longest that the sender of probes itself was held up meanwhile.
    """

    what: str
    dark_ms: dict[str, float]
    others_ms: float
    mended_ms: float
    held_up_ms: float

    @property
    def worst_ms(self) -> float:
        """Of the service that was dark longest."""
        return max(self.dark_ms.values(), default=0.0)


@dataclass(slots=True)
class Bench:
    """The backbone and its probes."""

    up: Loaded
    probes: Probes
    trials: list[Trial] = field(default_factory=list)

    def left(self, count: int) -> range:
        """The numbers, from 0, of the trials that are to be made yet."""
        return range(len(self.trials), count)

    def trial(
        self,
        what: str,
        victims: Sequence[str],
        hurt: Callable[[], object],
        mend: Callable[[], object],
        *,
        dark_s: float = DARK_S,
        besides: frozenset[str] = frozenset(),
        hops: Mapping[str, int] | None = None,
        most_hops: int = MOST_HOPS,
        measure: Callable[[Sequence[int]], float] | None = None,
    ) -> Trial:
        """Break something, wait, mend it, wait until all is as before, and count. `measure` makes what is told of the
        ticks that were lost, instead of how many they are; `hops` is how long ways are, where nobody can be asked now.
        """
        others = [one for one in self.up.probed if one not in besides]
        known = self.up.hops() if hops is None else hops
        self.probes.send(chosen(victims, others, PROBED, hops=known, most_hops=most_hops))
        first = self.probes.now()
        time.sleep(BEFORE_S)
        hurt()
        time.sleep(dark_s)
        mended = self.probes.now()
        held_up_ms = self.probes.ticks.stall_ms(first, mended)
        with self.probes.keeping_up():
            mend()
        self.up.settle(self.probes.drain)
        time.sleep(BACK_S)
        dark, back = self.probes.lost(first, mended), self.probes.lost(mended, self.probes.now())
        struck = {name: lost.ticks for name, lost in dark.items() if name in victims}
        found = Trial(
            what=what,
            dark_ms={name: float(len(ticks)) if measure is None else measure(ticks) for name, ticks in struck.items()},
            others_ms=sum(lost.ms for name, lost in dark.items() if name not in victims),
            mended_ms=max((lost.ms for lost in back.values()), default=0.0),
            held_up_ms=held_up_ms,
        )
        self.trials.append(found)
        worst = ", ".join(f"{ms:.0f}" for ms in found.dark_ms.values())
        print(
            f"  {what}: {worst} ms; others {found.others_ms:.0f}, when mended {found.mended_ms:.0f}; "
            f"the sender was held up for {found.held_up_ms:.1f}",
            flush=True,
        )
        return found


Trials = Iterator[None]
"""One after the other, each made when it is asked for."""


# --- kinds ----------------------------------------------------------------------------------------------------------


def fibres(here: Bench, count: int, *, silent: bool) -> Trials:
    """Every fibre once, and again until it is enough; in silence others first than with loss of light."""
    every = sorted(here.up.network.fibre)
    first = len(every) // 2 if silent else 0
    for place in here.left(count):
        _cut(here, every[(first + place) % len(every)], silent=silent)
        yield


def conduit(here: Bench, count: int) -> Trials:
    """The one with three fibres in it."""
    for _ in here.left(count):
        _cut(here, CONDUIT, silent=True)
        yield


def gray(here: Bench, count: int) -> Trials:
    """A part of all packets is lost until the link is left: how long it is from the first that is lost to the last."""
    left = here.left(count)
    for _, fibre in zip(left, islice(_often(here.up.crossing()), left.start, None), strict=False):
        crossing = here.up.crossing()
        here.trial(
            fibre,
            crossing.get(fibre, []),
            lambda fibre=fibre: here.up.cut(fibre, loss=GRAY_LOSS),  # type: ignore[misc]
            lambda fibre=fibre: here.up.uncut(fibre),  # type: ignore[misc]
            dark_s=GRAY_S,
            measure=lambda ticks: float(ticks[-1] + 1 - ticks[0]) if ticks else 0.0,
        )
        yield


def routers(here: Bench, count: int, *, headless: bool = False) -> Trials:
    """One that protected services pass, without a word; with the controller dead before, or not: then others first."""
    protected = here.up.protected()
    through = {site: [one for one in some if one in protected] for site, some in here.up.through().items()}
    left = here.left(count)
    first = left.start + (2 if headless else 0)
    sites = islice(_often({site: some for site, some in through.items() if some}), first, None)
    for _, site in zip(left, sites, strict=False):
        ending, hops = here.up.ending(site), here.up.hops()
        passing = here.up.through().get(site, [])
        victims = [one for one in passing if one in protected]
        if headless:
            here.up.kill_controller()

        def revive(site: SiteId = site) -> None:
            here.up.revive_router(site)
            if headless:
                here.up.start_controller()

        here.trial(
            site,
            victims,
            lambda site=site: here.up.kill_router(site),  # type: ignore[misc]
            revive,
            besides=ending | set(passing),  # those without another way are dark until the router is back
            hops=hops,
            most_hops=MOST_HOPS_AROUND,
        )
        yield


def known(here: Bench, count: int) -> Trials:
    """The harness itself: all that reaches one far host is dropped there for a known time."""
    program = Program()
    program.move(R0, XDP_DROP)
    program.exit()
    dark = bpf_syscall.load(program.assemble(), bpf_syscall.XDP, "known")
    for _, probe in zip(range(count), here.probes.probes * count, strict=False):
        with Kernel(probe.far_namespace) as kernel:
            owns = {one.address: one.index for one in kernel.addresses()}

            def lose(kernel: Kernel = kernel, index: int = owns[probe.far_address]) -> None:
                until_ns = time.monotonic_ns() + int(KNOWN_MS * 1e6)
                kernel.do([set_link(index, xdp_fd=dark)])
                while time.monotonic_ns() < until_ns:
                    pass
                kernel.do([set_link(index, xdp_fd=-1)])

            was = os.sched_getscheduler(0)
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(2))
            try:
                here.trial(probe.name, [probe.name], lose, lambda: None)
            finally:
                os.sched_setscheduler(0, was, os.sched_param(0))
        yield
    os.close(dark)


def nothing(here: Bench, count: int) -> Trials:
    """The harness itself: nothing is broken, and all is counted."""
    for _ in range(count):
        here.trial("nothing", list(here.up.probed)[:PROBED], lambda: None, lambda: None, dark_s=10.0)
        yield


def _cut(here: Bench, what: str, *, silent: bool) -> None:
    crossing = here.up.crossing()
    struck = here.up.network.fibres_of(what)
    victims = list(dict.fromkeys(service for fibre in struck for service in crossing.get(fibre, ())))
    here.trial(what, victims, lambda: here.up.cut(what, silent=silent), lambda: here.up.uncut(what))


def _often(crossing: dict[Any, list[str]]) -> Iterator[Any]:
    """What most services cross first, over and over."""
    places = busiest(crossing)
    while places:
        yield from places


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One line of the table: how it is broken, how often by itself, and what is allowed."""

    title: str
    run: Callable[[Bench, int], Trials]
    trials: int = TRIALS
    median_ms: float | None = None
    worst_ms: float | None = None


KINDS = {
    "light": Kind(
        title="loss of light, every fibre",
        run=lambda here, count: fibres(here, count, silent=False),
        trials=41,
        median_ms=2.0,
        worst_ms=10.0,
    ),
    "silent": Kind(
        title="silent, every fibre",
        run=lambda here, count: fibres(here, count, silent=True),
        trials=41,
        median_ms=18.0,
        worst_ms=35.0,
    ),
    "conduit": Kind(title="conduit of 3 fibres, silent", run=conduit, median_ms=20.0, worst_ms=40.0),
    "router": Kind(title="a router's death, silent", run=routers, median_ms=60.0, worst_ms=120.0),
    "headless": Kind(
        title="the same, no controller",
        run=lambda here, count: routers(here, count, headless=True),
        median_ms=250.0,
        worst_ms=500.0,
    ),
    "gray": Kind(title="20% loss: until it is routed around", run=gray, median_ms=1000.0),
}
CHECKS = {
    "known": Kind(title=f"all of one service dropped for {KNOWN_MS:g} ms: as it is counted", run=known),
    "none": Kind(title="nothing broken for 10 s", run=nothing, trials=1, worst_ms=0.0),
}
"""The harness, held against what is known."""


# --- the table ------------------------------------------------------------------------------------------------------


def keep(kind: str, trials: Sequence[Trial], *, all_busy: bool, load: int, peer: str = "") -> None:
    """Note a result in place of the one before; `peer` is who did it, where it was not us."""
    known_: dict[str, Any] = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    name = f"peer, {kind}" if peer else f"{kind}, all busy" if all_busy else kind
    known_[name] = {
        "at": f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
        "kind": kind,
        "all_busy": all_busy,
        "load": load,
        "peer": peer,
        "trials": [asdict(trial) for trial in trials],
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(known_, indent=1) + "\n")


def so_far(kind: str, *, all_busy: bool, load: int) -> list[Trial]:
    """The trials of a kind that are kept, if they were made with as much beside."""
    known_: dict[str, Any] = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    one = known_.get(f"{kind}, all busy" if all_busy else kind)
    return [] if one is None or one["load"] != load else [Trial(**trial) for trial in one["trials"]]


def last() -> Iterator[Figure]:
    """What was measured last, each kind against its bar and beside the peer."""
    known_: dict[str, Any] = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    for one in known_.values():
        kind, peer = (KINDS | CHECKS).get(one["kind"]), known_.get(f"peer, {one['kind']}")
        if kind is not None and not one.get("peer"):
            yield figure(kind, one, "" if peer is None else f"{peer['peer']}: {_told(_struck(peer))}")


def figure(kind: Kind, one: dict[str, Any], peer: str) -> Figure:
    """One line."""
    struck = _struck(one)
    if not struck:
        return Figure(what=kind.title, ours=f"none of {len(one['trials'])} struck anything", peer=peer)
    worst = [trial.worst_ms for trial in struck]
    bars = [("median", kind.median_ms, quantile(worst, 0.5)), ("worst", kind.worst_ms, max(worst))]
    said = [f"{name} <= {bar:g} ms" for name, bar, _ in bars if bar is not None]
    met = [value <= bar for _, bar, value in bars if bar is not None]
    return Figure(
        what=f"{kind.title}{', every core busy' if one['all_busy'] else ''}, {one['load']} more services, {one['at']}",
        ours=f"{_told(struck)}; others lost {sum(trial.others_ms for trial in struck):.0f} packets; "
        f"until all was as before at most {max(trial.mended_ms for trial in struck):.0f} more",
        bar=", ".join(said),
        peer=peer,
        met=all(met) if met else None,
    )


def _struck(one: dict[str, Any]) -> list[Trial]:
    return [trial for trial in (Trial(**known_) for known_ in one["trials"]) if trial.dark_ms]


def _told(struck: Sequence[Trial]) -> str:
    worst = [trial.worst_ms for trial in struck] or [0.0]
    every = sum(len(trial.dark_ms) for trial in struck)
    return (
        f"median {quantile(worst, 0.5):.0f} ms, worst {max(worst):.0f} ms of {len(struck)} trials "
        f"({every} services struck)"
    )


def show(figures: Iterator[Figure]) -> bool:
    """Print them. Returns whether all bars are met."""
    console = Console(width=None if sys.stdout.isatty() else 200)
    table = Table("outage", "ours", "bar", "met", "peer", title="us-lab, 26 routers; far-end sockets, 1,000 packets/s")
    met = True
    for one in figures:
        table.add_row(one.what, one.ours, one.bar, "" if one.met is None else "yes" if one.met else "NO", one.peer)
        met &= one.met is not False
    console.print(table)
    return met


def in_turn(
    up: Loaded, probes: Probes, kinds: Mapping[str, Sequence[Trial]], count: int | None, *, all_busy: bool, load: int
) -> None:
    """A trial of each kind, then the next of each: what fails again within a minute is taken for something that flaps,
    and is used again only after a longer and longer time. Results are kept with each trial, after those of before.
    """
    benches = {name: Bench(up=up, probes=probes, trials=list(trials)) for name, trials in kinds.items()}
    running = {
        name: (KINDS | CHECKS)[name].run(here, count or (KINDS | CHECKS)[name].trials) for name, here in benches.items()
    }
    while running:
        for name, trials in list(running.items()):
            if next(trials, running) is running:
                del running[name]
            else:
                keep(name, benches[name].trials, all_busy=all_busy, load=load)


def main() -> int:
    """Run kinds, then print all that is known; exit code 1 if a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "kinds", nargs="*", metavar="KIND", help=f"of {', '.join(KINDS | CHECKS)}; the first six by default"
    )
    parser.add_argument("--trials", type=int, help="how many, instead of as many as is usual")
    parser.add_argument(
        "--load", type=int, default=LOAD, help="so many services besides, on which the lab's hosts send"
    )
    parser.add_argument(
        "--more", action="store_true", help="go on after the trials that are kept, if they had the same load"
    )
    parser.add_argument("--all-busy", action="store_true", help="every processor busy with something else besides")
    asked = parser.parse_args()
    unknown = set(asked.kinds) - (KINDS | CHECKS).keys()
    if unknown:
        parser.error(f"there is no kind {', '.join(unknown)}: there are {', '.join(KINDS | CHECKS)}")
    if sentences := missing():
        print(" ".join(sentences), file=sys.stderr)
        return 2
    end_in_order()
    with tempfile.TemporaryDirectory() as folder, backbone(Path(folder) / "home") as up:
        up.order_for(FibreId(one) for one in sorted(up.network.fibre))
        up.order_far(FAR)
        loaded = up.order_load(asked.load)
        pids: list[int] = []
        with probing(Path(folder) / "probes", up.probes()) as probes:
            try:
                pids = busy() if asked.all_busy else []
                print(f"{loaded} more services{', every core busy' if pids else ''}:", flush=True)
                kinds = {
                    name: so_far(name, all_busy=bool(pids), load=loaded) if asked.more else []
                    for name in asked.kinds or KINDS
                }
                in_turn(up, probes, kinds, asked.trials, all_busy=bool(pids), load=loaded)
            finally:
                idle(pids)
    return 0 if show(last()) else 1


if __name__ == "__main__":
    sys.exit(main())
