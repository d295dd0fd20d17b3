"""Why a service went the way it went: the few shortest ways whatever is on them, and what stood against each.

The ground is as it was when it was decided, without what the service had before. Each way is judged in the order of
what no waiting helps to what only less demand helps, as a refusal is: fence, what is out of use, the bound, room; then
by what made another one better. What a tenant is told is a function of what is free, in the steps in which that is
sold, and never which fibre is dark, or who else is there.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import islice

from highroad.graph.cheapest import stretched_ns
from highroad.graph.several import shortest_paths
from highroad.model.network import LinkId, SiteId
from highroad.model.service import Placement
from highroad.planning.closure import closed
from highroad.planning.ground import Ground
from highroad.planning.placement import Path, Room, Want, place
from highroad.planning.protection import backup_for, ends_of
from highroad.planning.sold import sold
from highroad.units import gbps_from_mbps, iso_from_s

MOST_WAYS = 5

RULE = (
    "the way of least cost inside the fence and the bound that has room for the rate throughout the window. A link "
    "costs its latency, and the fuller it gets the more: up to three times that and 4 ms. The fastest way is taken if "
    "it hardly costs more"
)
RULE_PROTECTED = RULE + "; with it a backup that shares no fibre, site or risk group with it"


class Verdict(StrEnum):
    """What became of a way."""

    CHOSEN = "chosen"
    BACKUP = "backup"
    FENCE = "fence"
    DOWN = "down"
    CLOSED = "closed"
    LATENCY = "latency"
    FULL = "full"
    UNPROTECTED = "unprotected"
    SHARES = "shares"
    SLOWER = "slower"
    DEARER = "dearer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Way:
    """A way there, and what became of it, in words. One without a latency stands for several."""

    sites: tuple[SiteId, ...]
    latency_ms: float | None
    verdict: Verdict
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What is told besides the ground: `exact` for operators, who are also told what is `out`, by link, in words."""

    exact: bool
    out: Callable[[LinkId], str]


def ways(ground: Ground, want: Want, chosen: Placement, seen: Seen) -> list[Way]:
    """The shortest ways, the chosen ones and the backup among them, each with what became of it."""
    judge = _Judge(ground, want, chosen, seen)
    paths = list(islice(shortest_paths(ground.graph, want.a, want.b), MOST_WAYS))
    taken = [branch.there for branch in chosen.branches]
    if chosen.backup is not None:
        taken.append(chosen.backup.there)
    paths += [path for path in dict.fromkeys(taken) if path not in paths]
    found = [judge.way(path) for path in sorted(paths, key=lambda path: (ground.graph.latency_ms(path), len(path)))]
    return found if seen.exact else _without_dark(found)


def _without_dark(found: Sequence[Way]) -> list[Way]:
    """As a tenant may see it: what several ways that are out of use have in common would tell it which fibre is dark.
    Then those that were merely slower are left out too, so that what is missing tells nothing.
    """
    out = [one for one in found if one.verdict in (Verdict.DOWN, Verdict.CLOSED)]
    if not out:
        return list(found)
    kept = [one for one in found if one.verdict in (Verdict.CHOSEN, Verdict.BACKUP, Verdict.FENCE, Verdict.FULL)]
    ends = (out[0].sites[0], out[0].sites[-1])
    said = "some ways were dark, drained or closed for maintenance then, and are not shown"
    return [Way(sites=ends, latency_ms=None, verdict=Verdict.DOWN, text=said), *kept]


class _Judge:
    def __init__(self, ground: Ground, want: Want, chosen: Placement, seen: Seen) -> None:
        self.ground, self.want, self.chosen, self.seen = ground, want, chosen, seen
        self.graph = ground.graph
        self.room = Room(ground, replace(want, fence=None, only_up=False))
        self.rate = want.rate_mbps or 0
        self.prices = self.room.prices(self.rate)

    def way(self, path: Path) -> Way:
        """A way with its verdict."""
        verdict, text = self._verdict(path)
        links = [self.ground.network.link[link] for link in path]
        sites = (links[0].tail, *(link.head for link in links))
        return Way(sites=sites, latency_ms=self.graph.latency_ms(path), verdict=verdict, text=text)

    def _verdict(self, path: Path) -> tuple[Verdict, str]:
        chosen = self.chosen
        branches = [branch.there for branch in chosen.branches]
        if path in branches:
            if len(branches) == 1:
                return Verdict.CHOSEN, "chosen"
            whole = sum(branch.weight for branch in chosen.branches)
            weight = chosen.branches[branches.index(path)].weight
            return Verdict.CHOSEN, f"chosen, for {weight} of {whole} parts of the rate"
        if chosen.backup is not None and path == chosen.backup.there:
            return Verdict.BACKUP, "its backup: shares no fibre, site or risk group with the path"
        turned = self.graph.turned(path)
        both = (path,) if turned is None else (path, turned)
        against = self._fence(path) or self._out(both) or self._late(path) or self._full(both)
        return against or self._beside(path, turned) or self._price(path)

    def _fence(self, path: Path) -> tuple[Verdict, str] | None:
        fence = self.want.fence
        outside = [] if fence is None else fence.outside(self.ground.touched(path))
        return (Verdict.FENCE, f"outside the fence ({fence}): it touches {', '.join(outside)}") if outside else None

    def _out(self, both: Sequence[Path]) -> tuple[Verdict, str] | None:
        ground, want, numbers = self.ground, self.want, self.graph.link_number
        links = [link for way in both for link in way]
        avoid = ground.avoid if want.only_up and want.window.start_s < ground.mended_s else frozenset()
        down = next((link for link in links if numbers[link] in avoid), None)
        if down is not None:
            return Verdict.DOWN, self.seen.out(down)
        shut = closed(ground.closures, want.window, want.heed)
        link = next((link for link in links if numbers[link] in shut), None)
        if link is None:
            return None
        times = [one.window for one in ground.closures if numbers[link] in one.links and one.window.meets(want.window)]
        since = f" from {iso_from_s(min(one.start_s for one in times))}" if times else ""
        return Verdict.CLOSED, f"{self._between(link)} is closed for maintenance{since}"

    def _late(self, path: Path) -> tuple[Verdict, str] | None:
        bound_ms, takes_ms = self.want.bound_ms, self.graph.latency_ms(path)
        if bound_ms is not None and takes_ms > bound_ms + 1e-6:
            return Verdict.LATENCY, f"{takes_ms:.3f} ms are over the bound of {bound_ms:g} ms"
        return None

    def _full(self, both: Sequence[Path]) -> tuple[Verdict, str] | None:
        numbers, calendar, window = self.graph.link_number, self.ground.calendar, self.want.window
        for way in both:
            for link in way:
                free = self.room.free(numbers[link])
                if free < self.rate:
                    shown = max(0, free) if self.seen.exact else sold(free)
                    capacity = self.ground.network.link[link].capacity_gbps
                    had = f"{gbps_from_mbps(shown):.12g} of {capacity:.12g} Gbit/s"
                    since = iso_from_s(calendar.peak(link, window).at_s)
                    need = gbps_from_mbps(self.rate)
                    return Verdict.FULL, f"{self._between(link)} had {had} free from {since}: {need:.12g} are needed"
        return None

    def _beside(self, path: Path, turned: Path | None) -> tuple[Verdict, str] | None:
        """Of a protected service: whether there is a backup beside this way, and what it shares with the path."""
        if not self.want.protected or self.chosen.backup is None or turned is None:
            return None
        ground, chosen = self.ground, self.chosen
        alone = Placement(there=path, back=turned, bandwidth_gbps=chosen.bandwidth_gbps)
        if backup_for(ground, self.want, alone) is None:
            return Verdict.UNPROTECTED, "no second way beside it shares no risk with it and has room"
        mine, other = (frozenset[str]().union(*map(ground.groups_of, links)) for links in (chosen.links, alone.links))
        shared = sorted((mine & other) - ends_of(ground, chosen), key=lambda one: (one.startswith("site:"), one))
        if shared:
            named = " and ".join(one.replace("site:", "the site ") for one in shared[:2])
            return Verdict.SHARES, f"no backup of the path, with which it shares {named}; {self._price(path)[1]}"
        return None

    def _price(self, path: Path) -> tuple[Verdict, str]:
        takes_ns, best_ns = (round(self.graph.latency_ms(way) * 1e6) for way in (path, self.chosen.there))
        more_ms = (takes_ns - best_ns) / 1e6
        if self.want.bound_ms is None and takes_ns > stretched_ns(self._fastest_ns()):
            return Verdict.SLOWER, f"takes {more_ms:.3f} ms longer: further than anybody is sent who asks for no bound"
        if more_ms >= 0:
            return Verdict.SLOWER, f"has room too, and takes {more_ms:.3f} ms longer"
        said = f"has room too and is {-more_ms:.3f} ms faster, but fuller: it is left to later orders"
        if not self.seen.exact:
            return Verdict.DEARER, said
        cost, best = (self.prices.of(self.graph, way) / 1e6 for way in (path, self.chosen.there))
        return Verdict.DEARER, f"{said} (a cost of {cost:.3f} ms, against {best:.3f})"

    def _fastest_ns(self) -> int:
        fastest = place(self.ground, replace(self.want, fastest=True, protected=False, max_paths=1))
        return 0 if fastest is None else round(self.graph.latency_ms(fastest.there) * 1e6)

    def _between(self, link: LinkId) -> str:
        known = self.ground.network.link[link]
        return f"{known.tail} to {known.head}"
