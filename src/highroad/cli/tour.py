"""`highroad tour`: what a backbone can do, played on the one that is there, through the client only.

Every figure that it prints was read from the API. It leaves the backbone as it found it, also when it is interrupted;
and where one was killed, the next one clears up after it.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Annotated, Any, TypeVar

import typer
from rich.console import Console

from highroad.cli.door import Door, command, words
from highroad.cli.quantities import show_bytes, show_gbps, show_ms
from highroad.cli.show import detour, print_wrapped, short_path, taken_on
from highroad.cli.stage import AT, MARK, REACH_RTT_MS, Stage, Stages
from highroad.client.faults import OrderRefused, Unreachable
from highroad.client.sync import Client
from highroad.client.waiting import check_waited
from highroad.errors import HighroadError, NotFound
from highroad.model.lifecycle import ENDED
from highroad.wire.measured import TWIN
from highroad.wire.networks import NetworkOut, ReachOut
from highroad.wire.operations import IncidentOut
from highroad.wire.probes import TraceWayOut
from highroad.wire.services import CountersOut, PathOut, ServiceOut

PATIENCE_S = 15.0
SHORT_PATIENCE_S = 4.0
LONGEST_WAIT_S = 15.0
"""Nobody waits longer in a tour until a splice is trusted."""
"""How long is waited for what others have a say in: that an incident closes."""

WATCHED_S = 1.5
"""How long traffic is watched while its path is drained."""

PACKETS = 5
PACKETS_APART_MS = 20.0
MOST_HOPS = 6
"""How many routers of a trace are shown."""

_STYLES = {"✓": "bold green", "✗": "bold red", "✂": "bold red"}

T = TypeVar("T")


def add_command(app: typer.Typer) -> None:
    """Add the verb to the root."""
    command(app, "tour")(tour)


def tour(
    door: Door,
    fast: Annotated[bool, typer.Option("--fast", help="Without the pauses that make it readable.")] = False,
) -> None:
    """Play the tour: an order, measured; a refusal; a cut that heals; a drain and a resize that lose nothing.

    It leaves nothing behind.

    Example: `highroad tour --fast`
    """
    console = Console(quiet=True) if door.as_json else door.out
    customer = door.client_as("tenant")
    facts = Tour(
        operator=door.client_as("operator"),
        customer=customer,
        console=console,
        fast=fast,
        tenant=door.credentials.tenant if customer.who().tenant is None else None,
    ).play()
    if door.as_json:
        door.emit(facts)


def play(
    *,
    url: str,
    operator_token: str,
    tenant_token: str,
    console: Console,
    fast: bool = False,
    stop: threading.Event | None = None,
) -> None:
    """The tour for who has no command line: a failure is told on the console, and is no more than that.

    Once `stop` is set it clears up and returns, within a moment if the controller still answers then. It is silent
    about that, and about a controller that has gone away.
    """
    stop = stop or threading.Event()
    with Client(url, operator_token, retries=1) as operator, Client(url, tenant_token, retries=1) as customer:
        try:
            Tour(operator=operator, customer=customer, console=console, fast=fast, stop=stop).play()
        except (_Stopped, Unreachable):
            return
        except (HighroadError, TimeoutError) as error:
            if not stop.is_set():
                console.print(words(("the tour stops here: ", "yellow"), str(error)))


class _Stopped(Exception):
    """Whoever had the tour played wants it to end."""


@dataclass(slots=True, kw_only=True)
class Tour:
    """One playing of it. `tenant` is for whom it orders, if the customer's token is an operator's."""

    operator: Client
    customer: Client
    console: Console
    fast: bool = False
    tenant: str | None = None
    stop: threading.Event = field(default_factory=threading.Event)
    facts: dict[str, Any] = field(default_factory=dict)
    _step: int = 0
    _gone: bool = False

    def play(self) -> dict[str, Any]:
        """All of it; what was seen. Raises Conflict where the network has no stage for it, or TimeoutError."""
        self._clear_up()
        network = self.operator.network()
        stages = Stages(operator=self.operator, customer=self.customer, tenant=self.tenant)
        with self.console.status("looking for a good place to cut…"):
            candidates = stages.candidates(network)
            stage = stages.with_room(candidates, network)
        with ExitStack() as undo:
            service = self._order(stage, undo)
            self._measure(service)
            self._refusal(stages.to_refuse(candidates, stage), undo)
            if stage.fibre is not None:
                self._cut(stages, stage.fibre, service, undo)
                self._drain(stage.fibre, service, undo)
            self._resize(service)
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
        service = self.customer.submit(stage.body(stage.bound_ms, marked=True), tenant=self.tenant)
        took_ms = (time.perf_counter() - before) * 1000
        undo.callback(self._quietly, lambda: self.customer.release(service))
        self._say(("a firm yes", "bold green"), f" in {took_ms:.0f} ms, decided, reserved and on disk:", sign="✓")
        self._more(short_path(service))
        service = self._until(lambda: self._active(service.id), "the service to be active")
        active_ms = (time.perf_counter() - before) * 1000
        self._say(f"Routers carry it {active_ms:.0f} ms after we asked.")
        self.facts["order"] = {"service": service.id, "answered_ms": took_ms, "active_ms": active_ms}
        self._pause(1.0)
        return service

    def _measure(self, service: ServiceOut) -> None:
        """Ping and trace: packets of the routers' own, or what the twin says of them."""
        told = self.customer.ping(service, count=PACKETS, interval_ms=PACKETS_APART_MS)
        if told.fabric == TWIN:
            self._title(
                "How far it is", "The twin models it: a ping to the far end and back, and every router on the way."
            )
        else:
            self._title("How far it is", "A ping to the far end and back, and one to every router on the way.")
        light_ms = sum(path.latency_ms for path in (service.there, service.back) if path is not None)
        if told.rtt_ms_avg is None:
            self._say(("nothing came back", "bold red"), f" of {told.sent} packets.", sign="✗")
        else:
            self._say(
                f"{told.received} of {told.sent} came back, in ",
                (show_ms(told.rtt_ms_avg), "bold green"),
                f" on average; light alone takes {show_ms(light_ms)}.",
                sign="✓",
            )
        trace = self._traced(service)
        hops = [(hop.name, hop.rtt_ms) for hop in trace.hops]
        for name, rtt_ms in hops if len(hops) <= MOST_HOPS else [*hops[: MOST_HOPS - 1], hops[-1]]:
            self._more(f"{name}: {show_ms(rtt_ms) if rtt_ms is not None else 'no answer'}", sign="·")
        self._say((f"All figures are {taken_on(told)}.", "dim"))
        self.facts["measured"] = {
            "fabric": told.fabric,
            "rate_scale": told.rate_scale,
            "sent": told.sent,
            "received": told.received,
            "rtt_ms": told.rtt_ms_avg,
            "light_ms": light_ms,
            "hops": {hop.site: hop.rtt_ms for hop in trace.hops},
        }
        self._pause(1.0)

    def _resize(self, service: ServiceOut) -> None:
        """Down, and up again under traffic: what is sent at the lower rate has to arrive, whatever is changed."""
        whole_gbps, less_gbps = service.bandwidth_gbps, service.bandwidth_gbps / 2
        self._title("Another size", f"{show_gbps(less_gbps)} will do for a while; then all of it again, under traffic.")
        self.customer.change(service.id, bandwidth_gbps=less_gbps)
        self._wait(lambda: self.customer.counters(service).offered_gbps <= 2 * less_gbps, SHORT_PATIENCE_S)
        before = self._counters(service)
        started = time.perf_counter()
        try:
            self.customer.change(service.id, bandwidth_gbps=whole_gbps)
        except OrderRefused as error:
            self._say(f"somebody was faster, and we keep what we have: {error.message}", sign="✗")
            return
        took_ms = (time.perf_counter() - started) * 1000
        self._pause(WATCHED_S)
        after = self._counters(service)
        lost = after.lost_bytes - before.lost_bytes
        carried = after.carried_bytes - before.carried_bytes
        self._say(
            f"From {show_gbps(less_gbps)} to {show_gbps(whole_gbps)}, answered in {took_ms:.0f} ms: ",
            (f"{show_bytes(lost)} lost", "bold green" if lost == 0 else "bold red"),
            f" of {show_bytes(carried + lost)} sent meanwhile.",
            sign="✓",
        )
        self.facts["resize"] = {"answered_ms": took_ms, "lost_bytes": lost, "carried_bytes": carried}
        self._pause(1.0)

    def _refusal(self, stage: Stage, undo: ExitStack) -> None:
        bound_ms = math.floor(stage.least_ms * 9.7) / 10 or round(stage.least_ms * 0.97, 4)
        self._title(
            "A no that helps",
            f"{show_gbps(stage.rate_gbps)} from {stage.a.name} to {stage.b.name}, in at most {bound_ms:g} ms.",
        )
        try:
            service = self.customer.submit(stage.body(bound_ms), tenant=self.tenant)
        except OrderRefused as error:
            binding = error.binding
            self._say(("no", "bold red"), f": {binding.message if binding else error.message}", sign="✗")
            if error.offers:
                self._say("But it could be had with")
            for number, offer in enumerate(error.offers, 1):
                self._more(f"{offer.message}: {show_ms(offer.latency_ms)}", sign=f"{number}.")
            self.facts["refusal"] = {
                "binding": binding.constraint if binding else None,
                "offers": [offer.message for offer in error.offers],
            }
            self._pause(1.0)
            if error.offers:
                taken = self.customer.take(error.offers[0], tenant=self.tenant)
                undo.callback(self._quietly, lambda: self.customer.release(taken))
                self._say("We take the first: ", ("yes", "bold green"), ", by", sign="✓")
                self._more(short_path(taken))
                self.customer.release(taken)
                self._say("And give it back at once.")
        else:
            undo.callback(self._quietly, lambda: self.customer.release(service))
            self._say("It was possible after all; we give it back.")
            self.customer.release(service)
        self._pause(1.0)

    def _cut(self, stages: Stages, fibre: str, service: ServiceOut, undo: ExitStack) -> None:
        self._title("A backhoe", f"We cut the fibre {fibre}, which our traffic is on.")
        reach_before = stages.reach()
        known = {one.id for one in self.operator.incidents()}
        self.operator.lab()
        undo.callback(self._quietly, lambda: self.operator.uncut(fibre))
        cut = self.operator.cut(fibre)
        incident = self._until(lambda: self._healed(known, fibre, service.id), "the cut to heal")
        noticed_ms = (_at(incident, "failed") - cut.since.timestamp()) * 1000
        ours_ms = (_at(incident, "repaired") - _at(incident, "failed")) * 1000
        dark_ms = next((one.dark_ms or 0.0 for one in incident.outages if one.service == service.id), 0.0)
        what = "everything" if all(one.healed for one in incident.outages) else "our traffic"
        self._say(
            f"Light was missed after {noticed_ms:.0f} ms, and {what} was on another path {ours_ms:.0f} ms later:",
            sign="✂",
        )
        self._more(detour(self.customer.service(service.id), service.there))
        if dark_ms > 0:
            shown = f"{dark_ms:.0f} ms" if dark_ms >= 10 else f"{dark_ms:.1f} ms"
            self._say("It was dark for ", (shown, "bold green"), ", counted at the far end.")
        else:
            told = ("not a packet was missed", "bold green")
            self._say("Routers had a way around at hand: ", told, " for as long as hosts would call it dark.")
        self.facts["cut"] = {
            "fibre": fibre,
            "incident": incident.id,
            "noticed_ms": noticed_ms,
            "repaired_ms": ours_ms,
            "dark_ms": dark_ms,
        }
        self._pause(1.2)
        reach_after = stages.reach()
        if reach_before is not None and reach_after is not None:
            self._near(reach_before, reach_after)
        self._title("The splice", f"{fibre} is whole again.")
        self.operator.uncut(fibre)
        wait_s = max((one.wait_s for one in self.operator.incident(incident.id).faults), default=0.0)
        if 0.0 < wait_s <= LONGEST_WAIT_S:
            self._say(f"It is used again when it has been good for {wait_s:g} s.")
        patience_s = SHORT_PATIENCE_S + min(wait_s, LONGEST_WAIT_S)
        closed = self._wait(lambda: not self.operator.incident(incident.id).open, patience_s)
        self._home(service.id, service.there, "The incident is closed, and our" if closed else "Our")
        self._pause(1.0)

    def _near(self, before: ReachOut, after: ReachOut) -> None:
        self._title("Who is near", f"People within {REACH_RTT_MS:g} ms RTT of an edge site, where inference runs.")
        fewer = before.population_within - after.population_within
        felt = f"{fewer:,} people fewer" if fewer else "nobody is farther"
        self._say(
            f"{before.share:.2%} of {before.population_total / 1e6:,.0f} million before the cut, ",
            (f"{after.share:.2%}", "bold"),
            f" with the fibre down: {felt}.",
        )
        self.facts["reach"] = {"before": before.share, "after": after.share}
        self._pause(1.0)

    def _drain(self, fibre: str, service: ServiceOut, undo: ExitStack) -> None:
        if not self._crosses(self.customer.service(service.id), fibre):
            return
        self._title("Work on purpose", f"Now {fibre} is to be worked on: we drain it first.")
        before = self._counters(service)
        maintenance = self.operator.drain(fibre)
        undo.callback(self._quietly, lambda: self.operator.end_maintenance(maintenance.id))
        drained = self._until(
            lambda: found if (found := self.operator.maintenance(maintenance.id)).state == "DRAINED" else None,
            f"{fibre} to be free",
        )
        noun = "service" if len(drained.moved) == 1 else "services"
        self._say(f"{len(drained.moved)} {noun} moved away, each new path made before the old one was let go. Ours:")
        self._more(detour(self.customer.service(service.id), service.there))
        self._pause(WATCHED_S)
        self.operator.end_maintenance(maintenance.id)
        self._until(lambda: self._crosses(self.customer.service(service.id), fibre), "the service to return")
        after = self._counters(service)
        lost = after.lost_bytes - before.lost_bytes
        carried = after.carried_bytes - before.carried_bytes
        self._say(
            "Away and back again: ",
            (f"{show_bytes(lost)} lost", "bold green" if lost == 0 else "bold red"),
            f" of {show_bytes(carried + lost)} sent meanwhile.",
            sign="✓",
        )
        self.facts["drain"] = {"moved": len(drained.moved), "lost_bytes": lost, "carried_bytes": carried}
        self._pause(1.0)

    def _release(self, service: ServiceOut) -> None:
        self._title("Done", "We give the service back.")
        released = self.customer.release(service)
        self._say(f"{released.id} is {released.state}; its capacity is anybody's again.", sign="✓")
        self.facts["released"] = released.id

    # --- clearing up ------------------------------------------------------------------------------------------

    def _clear_up(self) -> None:
        """Undo what an earlier tour left that was killed: its services tell what it broke. Released last of all."""
        left = [one for one in self.customer.services(tenant=self.tenant) if _is_ours(one)]
        if not left:
            return
        fibres = {fibre for one in left if (fibre := one.description.partition(AT)[2])}
        done: list[str] = []
        with suppress(NotFound):
            for cut in self.operator.lab().cuts:
                if cut.fibre in fibres:
                    self.operator.uncut(cut.fibre)
                    done.append(f"spliced {cut.fibre}")
        for maintenance in list(self.operator.maintenances()):
            if maintenance.ended is None and maintenance.target in fibres:
                self.operator.end_maintenance(maintenance.id)
                done.append(f"undrained {maintenance.target}")
        for one in left:
            self._quietly(lambda service=one.id: self.customer.release(service))  # type: ignore[misc]
            done.append(f"released {one.id}")
        self._wait(lambda: not any(fibres & {*one.fibres} for one in self.operator.incidents() if one.open), 2.0)
        print_wrapped(self.console, words(), words((f"An earlier tour was cut short: {', '.join(done)}.", "dim")))
        self.facts["cleared"] = done

    def _quietly(self, action: Callable[[], object]) -> None:
        """Undo something that may be undone already; nothing, if nobody answers any more."""
        if self._gone:
            return
        try:
            with _never_interrupted():
                action()
        except Unreachable:
            self._gone = True
        except HighroadError:
            pass

    # --- looking ----------------------------------------------------------------------------------------------

    def _active(self, service_id: str) -> ServiceOut | None:
        found = self.customer.service(service_id)
        return found if check_waited(found, False, PATIENCE_S) else None

    def _healed(self, known: set[str], fibre: str, service: str) -> IncidentOut | None:
        """The incident of the cut once our traffic is back; that of others may take longer, if there is no room."""
        for incident in self.operator.incidents():
            if incident.id not in known and fibre in incident.fibres:
                mine = [one for one in incident.outages if one.service == service]
                if mine and all(one.healed for one in mine):
                    return incident
        return None

    def _home(self, service_id: str, before: PathOut | None, whose: str) -> None:
        """Say whether the traffic is where it was."""
        now = self._wait(lambda: self._where(service_id, before), SHORT_PATIENCE_S)
        if now is not None:
            self._say(f"{whose} traffic is home: {detour(now, before)}.", sign="✓")
        else:
            self._say(f"{whose} traffic stays where it is:", sign="✓")
            self._more(short_path(self.customer.service(service_id)))

    def _where(self, service_id: str, before: PathOut | None) -> ServiceOut | None:
        found = self.customer.service(service_id)
        return found if found.there and before and found.there.links == before.links else None

    def _counters(self, service: ServiceOut) -> CountersOut:
        """Counters of a sample that was taken after this call."""
        first = self.customer.counters(service)
        return self._until(
            lambda: found if (found := self.customer.counters(service)).at > first.at else None, "a new sample"
        )

    def _traced(self, service: ServiceOut) -> TraceWayOut:
        """The way there. Routers that have just started need a moment to learn how to answer each other."""

        seen: list[TraceWayOut] = []

        def answered() -> bool:
            seen.append(self.customer.trace(service).there)
            return all(hop.rtt_ms is not None for hop in seen[-1].hops)

        self._wait(answered, PATIENCE_S)
        return seen[-1]

    def _crosses(self, service: ServiceOut, fibre: str) -> bool:
        fibres = {link.id: link.fibres for link in self._network().links}
        return service.there is not None and any(fibre in fibres.get(link, ()) for link in service.there.links)

    def _network(self) -> NetworkOut:
        return self.operator.network()

    def _until(self, look: Callable[[], T | None], what: str) -> T:
        """What a look finds, asked until it finds something. Raises TimeoutError."""
        found = self._wait(look, PATIENCE_S)
        if not found:
            raise TimeoutError(f"waited {PATIENCE_S:g} s for {what}")
        return found

    def _wait(self, look: Callable[[], T | None], patience_s: float) -> T | None:
        """What a look finds, asked until it finds something or patience ends."""
        deadline = time.monotonic() + patience_s
        while not (found := look()):
            if time.monotonic() > deadline:
                return None
            self._sleep(0.02)
        return found

    # --- telling ----------------------------------------------------------------------------------------------

    def _title(self, title: str, text: str) -> None:
        self._step += 1
        self.console.print()
        print_wrapped(
            self.console, words((f"{self._step}  ", "bold cyan")), words((f"{title}. ", "bold cyan"), (text, "bold"))
        )
        self._pause(0.7)

    def _say(self, *parts: str | tuple[str, str], sign: str = "") -> None:
        first = words("   ", (f"{sign} ", _STYLES.get(sign, ""))) if sign else words("   ")
        print_wrapped(self.console, first, words(*parts))

    def _more(self, text: str, sign: str = "") -> None:
        """What belongs to the line before."""
        first = words("     ", (f"{sign} ", "bold")) if sign else words("     ")
        print_wrapped(self.console, first, words((text, "cyan")))

    def _pause(self, duration_s: float) -> None:
        self._sleep(0.0 if self.fast else duration_s)

    def _sleep(self, duration_s: float) -> None:
        """Raises _Stopped as soon as the tour is to end."""
        if self.stop.wait(duration_s):
            raise _Stopped


def _is_ours(service: ServiceOut) -> bool:
    return service.state not in ENDED and (service.description == MARK or service.description.startswith(MARK + AT))


def _at(incident: IncidentOut, phase: str) -> float:
    return next((entry.at.timestamp() for entry in incident.timeline if entry.phase == phase), math.nan)


@contextmanager
def _never_interrupted() -> Iterator[None]:
    """A second Ctrl-C does not keep the first one from cleaning up."""
    import signal

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
