"""`highroad tour`: what a backbone can do, played on the one that is there, through the client only.

Every figure that it prints was read from the API. It leaves the backbone as it found it, also when it is interrupted.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console

from highroad.cli.door import Door, command, words
from highroad.cli.quantities import show_bytes, show_gbps, show_ms
from highroad.cli.show import path_lines
from highroad.cli.ways import Ways
from highroad.client.faults import OrderRefused
from highroad.client.sync import Client
from highroad.errors import Conflict, HighroadError
from highroad.model.position import great_circle_km
from highroad.wire.networks import LinkOut, NetworkOut, ReachOut, SiteOut
from highroad.wire.operations import IncidentOut
from highroad.wire.services import CountersOut, ServiceOut

RATE_GBPS = 400.0
REACH_RTT_MS = 5.0
PATIENCE_S = 15.0
WATCHED_S = 1.5
"""How long traffic is watched while its path is drained."""

NICELY_FAR_KM = 2000.0
"""Far enough to pass many sites, near enough that their chain can be read."""

PAIRS_TRIED = 60
FIBRES_ASKED = 12
"""Fibres about which reach is asked, to find one whose loss is felt: half a second of looking."""

NOT_FELT = 2**62
"""What stands for the people within reach without a fibre whose loss nobody feels."""

LONGEST_DETOUR = 1.6

T = TypeVar("T")


def add_command(app: typer.Typer) -> None:
    """Add the verb to the root."""
    command(app, "tour")(tour)


def tour(
    door: Door,
    fast: Annotated[bool, typer.Option("--fast", help="Without the pauses that make it readable.")] = False,
) -> None:
    """Play the tour: an order, a refusal, a cut that heals, a drain that loses nothing. It leaves nothing behind.

    Example: `highroad tour --fast`
    """
    console = Console(quiet=True) if door.as_json else door.out
    customer = door.client_as("tenant")
    facts = Tour(
        operator=door.client_as("operator"),
        customer=customer,
        console=console,
        fast=fast,
        tenant=door.credentials.tenant if customer.who().role == "operator" else None,
    ).play()
    if door.as_json:
        door.emit(facts)


def play(*, url: str, operator_token: str, tenant_token: str, console: Console, fast: bool = False) -> None:
    """The tour for who has no command line: a failure is told on the console, and is no more than that."""
    with Client(url, operator_token) as operator, Client(url, tenant_token) as customer:
        try:
            Tour(operator=operator, customer=customer, console=console, fast=fast).play()
        except (HighroadError, TimeoutError) as error:
            console.print(words(("the tour stops here: ", "yellow"), str(error)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where the tour plays: two ends far apart, the way between them, and a fibre that can be missed."""

    a: SiteOut
    b: SiteOut
    country: str | None
    rate_gbps: float
    bound_ms: float
    fibre: str | None


@dataclass(slots=True, kw_only=True)
class Tour:
    """One playing of it. `tenant` is for whom it orders, if the customer's token is an operator's."""

    operator: Client
    customer: Client
    console: Console
    fast: bool = False
    tenant: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    _step: int = 0

    def play(self) -> dict[str, Any]:
        """All of it; what was seen. Raises Conflict where the network has no stage for it, or TimeoutError."""
        network = self.operator.network()
        with self.console.status("looking for a good place to cut…"):
            stage, other = self._stages(network)
        with ExitStack() as undo:
            service = self._order(stage, undo)
            self._refusal(other, network, undo)
            if stage.fibre is not None:
                self._cut(stage.fibre, service, undo)
                self._drain(stage.fibre, service, undo)
            self._release(service)
        self._say(("That was the tour; nothing of it is left. Play it again with ", "dim"), ("highroad tour", "bold"))
        return self.facts

    # --- the steps --------------------------------------------------------------------------------------------

    def _order(self, stage: Stage, undo: ExitStack) -> ServiceOut:
        fence = f", never outside {stage.country}" if stage.country else ""
        self._title(
            "An order",
            f"{show_gbps(stage.rate_gbps)} from {stage.a.name} to {stage.b.name}, "
            f"at most {stage.bound_ms:g} ms one way{fence}.",
        )
        before = time.perf_counter()
        service = self.customer.submit(self._body(stage, stage.bound_ms), tenant=self.tenant)
        took_ms = (time.perf_counter() - before) * 1000
        undo.callback(self._quietly, lambda: self.customer.release(service))
        self._say(("✓ a firm yes", "bold green"), f" in {took_ms:.0f} ms, decided, reserved and on disk:")
        self._paths(service)
        service = self.customer.wait_active(service)
        active_ms = (time.perf_counter() - before) * 1000
        self._say(f"Routers carry it {active_ms:.0f} ms after we asked.")
        self.facts["order"] = {"service": service.id, "answered_ms": took_ms, "active_ms": active_ms}
        self._pause(1.0)
        return service

    def _refusal(self, stage: Stage, network: NetworkOut, undo: ExitStack) -> None:
        least_ms, _ = Ways(network).fastest(stage.a.id, stage.b.id, country=stage.country)
        bound_ms = math.floor(least_ms * 9.7) / 10
        self._title(
            "A no that helps",
            f"The same from {stage.a.name} to {stage.b.name}, but in {bound_ms:g} ms.",
        )
        try:
            service = self.customer.submit(self._body(stage, bound_ms), tenant=self.tenant)
        except OrderRefused as error:
            binding = error.binding
            self._say(("✗ no", "bold red"), f": {binding.message if binding else error.message}")
            for number, offer in enumerate(error.offers, 1):
                self._say((f"  {number}. ", "bold"), offer.message, (f"   {show_ms(offer.latency_ms)}", "dim"))
            self.facts["refusal"] = {
                "binding": binding.constraint if binding else None,
                "offers": [offer.message for offer in error.offers],
            }
            self._pause(1.0)
            if error.offers:
                taken = self.customer.take(error.offers[0], tenant=self.tenant)
                undo.callback(self._quietly, lambda: self.customer.release(taken))
                self._say(("✓ ", "bold green"), "We take the first: yes, by")
                self._paths(taken)
                self.customer.release(taken)
                self._say("And give it back at once.")
        else:
            undo.callback(self._quietly, lambda: self.customer.release(service))
            self._say("It was possible after all; we give it back.")
            self.customer.release(service)
        self._pause(1.0)

    def _cut(self, fibre: str, service: ServiceOut, undo: ExitStack) -> None:
        self._title("A backhoe", f"We cut the fibre {fibre}, which our traffic is on.")
        reach_before = self._reach()
        known = {one.id for one in self.operator.incidents()}
        self.operator.lab()
        undo.callback(self._quietly, lambda: self.operator.uncut(fibre))
        cut = self.operator.cut(fibre)
        incident = self._until(lambda: self._healed(known, fibre, service.id), "the cut to heal")
        noticed_ms = (_at(incident, "failed") - cut.since.timestamp()) * 1000
        ours_ms = (_at(incident, "repaired") - _at(incident, "failed")) * 1000
        dark_ms = next((one.dark_ms for one in incident.outages if one.service == service.id), 0.0)
        self._say(
            ("✂ ", "bold red"),
            f"Light was missed after {noticed_ms:.0f} ms, and everything was on another path {ours_ms:.0f} ms later.",
        )
        after = self.customer.service(service.id)
        self._paths(after)
        self._say("It was dark for ", (f"{dark_ms:.0f} ms", "bold green"), ", counted at the far end.")
        self.facts["cut"] = {
            "fibre": fibre,
            "incident": incident.id,
            "noticed_ms": noticed_ms,
            "repaired_ms": ours_ms,
            "dark_ms": dark_ms,
        }
        self._pause(1.2)
        reach_after = self._reach()
        if reach_before is not None and reach_after is not None:
            self._title(
                "Who is near",
                f"People within {REACH_RTT_MS:g} ms RTT of an edge site, where inference runs.",
            )
            fewer = reach_before.population_within - reach_after.population_within
            self._say(
                f"{reach_before.share:.2%} of {reach_before.population_total / 1e6:,.0f} million before the cut, ",
                (f"{reach_after.share:.2%}", "bold"),
                f" with the fibre down: {fewer:,} people fewer."
                if fewer
                else " with the fibre down: nobody is farther.",
            )
            self.facts["reach"] = {"before": reach_before.share, "after": reach_after.share}
            self._pause(1.0)
        self.operator.uncut(fibre)
        self._until(lambda: not self.operator.incident(incident.id).open, "the incident to close")
        back = self.customer.service(service.id)
        self._say(("✓ ", "bold green"), "Spliced: the incident is closed, and our traffic is home:")
        self._paths(back)
        self._pause(1.0)

    def _drain(self, fibre: str, service: ServiceOut, undo: ExitStack) -> None:
        self._title("Work on purpose", f"Now {fibre} is to be worked on: we drain it first.")
        before = self._counters(service)
        maintenance = self.operator.drain(fibre)
        undo.callback(self._quietly, lambda: self.operator.end_maintenance(maintenance.id))
        drained = self._until(
            lambda: found if (found := self.operator.maintenance(maintenance.id)).state == "DRAINED" else None,
            f"{fibre} to be free",
        )
        noun = "service" if len(drained.moved) == 1 else "services"
        self._say(f"{len(drained.moved)} {noun} moved away, the new path made before the old one was let go:")
        self._paths(self.customer.service(service.id))
        self._pause(WATCHED_S)
        self.operator.end_maintenance(maintenance.id)
        self._until(lambda: self._crosses(self.customer.service(service.id), fibre), "the service to return")
        after = self._counters(service)
        lost = after.lost_bytes - before.lost_bytes
        carried = after.carried_bytes - before.carried_bytes
        self._say(
            ("✓ ", "bold green"),
            "Away and back again: ",
            (f"{show_bytes(lost)} lost", "bold green"),
            f" of {show_bytes(carried + lost)} carried meanwhile.",
        )
        self.facts["drain"] = {"moved": len(drained.moved), "lost_bytes": lost, "carried_bytes": carried}
        self._pause(1.0)

    def _release(self, service: ServiceOut) -> None:
        self._title("Done", "We give the service back.")
        released = self.customer.release(service)
        self._say(("✓ ", "bold green"), f"{released.id} is {released.state}; its capacity is anybody's again.")
        self.facts["released"] = released.id

    # --- where it plays ---------------------------------------------------------------------------------------

    def _stages(self, network: NetworkOut) -> tuple[Stage, Stage]:
        """Two ends, with the fibre between them whose loss is felt most and leaves another way; and two other ends.

        Raises Conflict where no two ends of one tenant are joined.
        """
        down = frozenset(self._down())
        ways = Ways(network)
        felt = self._felt(ways)
        asked: dict[str, int] = {}
        found: list[tuple[int, int, Stage]] = []
        for a, b, rate_gbps in self._pairs(network)[:PAIRS_TRIED]:
            country = _country(a) if _country(a) == _country(b) else None
            least_ms, path = ways.fastest(a.id, b.id, without=down, country=country)
            if not path:
                continue
            best: tuple[int, float, str | None] = (NOT_FELT + 1, least_ms, None)
            for fibre in _inner_fibres(path):
                around_ms, _ = ways.fastest(a.id, b.id, without=down | {fibre}, country=country)
                if around_ms > least_ms * LONGEST_DETOUR:
                    continue
                if fibre in felt and fibre not in asked and len(asked) < FIBRES_ASKED:
                    asked[fibre] = self._people_within(fibre)
                best = min(best, (asked.get(fibre, NOT_FELT), around_ms, fibre))
            bound_ms = float(math.ceil(best[1] + 0.5))
            stage = Stage(a=a, b=b, country=country, rate_gbps=rate_gbps, bound_ms=bound_ms, fibre=best[2])
            found.append((best[0], len(found), stage))
        if not found:
            raise Conflict("the tour needs ports of one tenant at two sites that are joined, and there are none")
        first = min(found)[2]
        apart = (one for _, _, one in found if not {one.a.id, one.b.id} & {first.a.id, first.b.id})
        return first, next(apart, first)

    def _felt(self, ways: Ways) -> set[str]:
        """The fibres that somebody's way to the nearest edge site uses: no other's loss changes who is near."""
        reach = self._reach()
        used: set[str] = set()
        for ring in reach.rings if reach is not None else ():
            _, path = ways.fastest(ring.site, ring.serves)
            used.update(fibre for link in path for fibre in link.fibres)
        return used

    def _pairs(self, network: NetworkOut) -> list[tuple[SiteOut, SiteOut, float]]:
        """Ends where the customer has ports (a campus and a cloud if there are), nicely far first; and the rate."""
        sites = {site.id: site for site in network.sites}
        mine = self.customer.who().tenant or self.tenant
        rates: dict[str, float] = {}
        for port in self.customer.ports():
            if port.site in sites and port.tenant == mine:
                rates[port.site] = max(rates.get(port.site, 0.0), port.rate_gbps)
        sources = [site for site in sorted(rates) if sites[site].kind == "campus"] or sorted(rates)
        targets = [site for site in sorted(rates) if sites[site].kind == "cloud"] or sorted(rates)
        pairs = [(sites[a], sites[b], min(RATE_GBPS, rates[a], rates[b])) for a in sources for b in targets if a != b]
        return sorted(pairs, key=lambda pair: abs(_apart_km(pair[0], pair[1]) - NICELY_FAR_KM))

    def _people_within(self, without: str) -> int:
        reach = self._reach(without)
        return 0 if reach is None else reach.population_within

    def _down(self) -> Iterator[str]:
        for incident in self.operator.incidents():
            if incident.open:
                yield from incident.fibres
        for maintenance in self.operator.maintenances():
            if maintenance.ended is None:
                yield from maintenance.fibres

    def _body(self, stage: Stage, bound_ms: float) -> dict[str, Any]:
        body: dict[str, Any] = {
            "from": stage.a.id,
            "to": stage.b.id,
            "bandwidth_gbps": stage.rate_gbps,
            "latency_bound_ms": bound_ms,
            "traffic_class": "interactive",
            "description": "highroad tour",
        }
        return body | ({"fence": [stage.country]} if stage.country else {})

    # --- looking ----------------------------------------------------------------------------------------------

    def _healed(self, known: set[str], fibre: str, service: str) -> IncidentOut | None:
        for incident in self.operator.incidents():
            if incident.id not in known and fibre in incident.fibres:
                mine = [one for one in incident.outages if one.service == service]
                if mine and all(one.healed for one in incident.outages):
                    return incident
        return None

    def _counters(self, service: ServiceOut) -> CountersOut:
        """Counters of a sample that was taken after this call."""
        first = self.customer.counters(service)
        return self._until(
            lambda: found if (found := self.customer.counters(service)).at > first.at else None, "a new sample"
        )

    def _crosses(self, service: ServiceOut, fibre: str) -> bool:
        fibres = {link.id: link.fibres for link in self.operator.network().links}
        return service.there is not None and any(fibre in fibres.get(link, ()) for link in service.there.links)

    def _reach(self, *without: str) -> ReachOut | None:
        with suppress(HighroadError):
            return self.operator.reach(REACH_RTT_MS, kind="edge", without=without)
        return None

    def _until(self, look: Callable[[], T | None], what: str) -> T:
        """What a look finds, asked until it finds something. Raises TimeoutError."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            found = look()
            if found:
                return found
            if time.monotonic() > deadline:
                raise TimeoutError(f"waited {PATIENCE_S:g} s for {what}")
            time.sleep(0.02)

    def _quietly(self, action: Callable[[], object]) -> None:
        """Undo something that may be undone already."""
        with suppress(HighroadError), _never_interrupted():
            action()

    # --- telling ----------------------------------------------------------------------------------------------

    def _title(self, title: str, text: str) -> None:
        self._step += 1
        self.console.print()
        self.console.print(words((f"{self._step}  {title}. ", "bold cyan"), (text, "bold")), soft_wrap=True)
        self._pause(0.7)

    def _say(self, *parts: str | tuple[str, str]) -> None:
        self.console.print(words("   ", *parts), soft_wrap=True)

    def _paths(self, service: ServiceOut) -> None:
        for line in path_lines(service):
            self.console.print(words("     "), line, sep="", soft_wrap=True)

    def _pause(self, duration_s: float) -> None:
        if not self.fast:
            time.sleep(duration_s)


def _inner_fibres(path: list[LinkOut]) -> list[str]:
    """The fibres of a path but for those of its first and last link, which nothing can be led around."""
    inner = path[1:-1] if len(path) > 2 else path
    return list(dict.fromkeys(fibre for link in inner for fibre in link.fibres))


def _at(incident: IncidentOut, phase: str) -> float:
    return next((entry.at.timestamp() for entry in incident.timeline if entry.phase == phase), math.nan)


def _country(site: SiteOut) -> str:
    return site.jurisdiction.partition("-")[0]


def _apart_km(a: SiteOut, b: SiteOut) -> float:
    return great_circle_km(a.lat, a.lon, b.lat, b.lon)


@contextmanager
def _never_interrupted() -> Iterator[None]:
    """A second Ctrl-C does not keep the first one from cleaning up."""
    import signal
    import threading

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
