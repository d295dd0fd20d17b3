"""`highroad service ping | trace | measure | watch`: a service measured, with what it was measured on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Annotated

import typer

from highroad.cli.door import Door, command, words
from highroad.cli.exits import ExitCode
from highroad.cli.quantities import show_bytes, show_gbps, show_ms, show_time
from highroad.cli.show import path_lines, service_card, state_text, taken_on
from highroad.client.sync import Client
from highroad.errors import Conflict, Unavailable
from highroad.model.lifecycle import ENDED, State
from highroad.wire.base import Time
from highroad.wire.measured import Measured
from highroad.wire.operations import EventOut
from highroad.wire.probes import HopOut, MeasurementOut, MeasurementsOut, PingOut, TraceWayOut
from highroad.wire.services import CountersOut, ServiceOut

Id = Annotated[str, typer.Argument(help="The service.", metavar="SERVICE")]


def add_commands(app: typer.Typer) -> None:
    """Add the verbs to the group of services."""
    command(app, "ping", role="tenant")(ping)
    command(app, "trace", role="tenant")(trace)
    command(app, "measure", role="tenant")(measure)
    command(app, "watch", role="tenant")(watch)


def ping(
    door: Door,
    service: Id,
    count: Annotated[int, typer.Option("--count", "-c", min=1, max=20, metavar="N", help="How many packets.")] = 5,
    interval: Annotated[
        int, typer.Option("--interval", "-i", min=1, max=1000, metavar="MS", help="From one to the next.")
    ] = 200,
    size: Annotated[int, typer.Option("--size", "-s", min=28, max=8972, metavar="BYTES", help="Of each packet.")] = 64,
) -> None:
    """Send packets along a service, to its far end and back.

    Exits with 7 if nothing came back.

    Example: `highroad service ping svc-7k2m9qwxyz -c 10`
    """
    found = door.client.ping(service, count=count, interval_ms=float(interval), size_bytes=size)
    lost_all = all(echo.rtt_ms is None for echo in found.echoes)
    if door.as_json:
        door.emit(found)
        if lost_all:
            raise typer.Exit(ExitCode.UNAVAILABLE)
        return
    for echo in found.echoes:
        if echo.rtt_ms is None:
            door.say((f"  {echo.sequence:>3}  ", "dim"), ("no answer", "bold red"))
        else:
            door.say((f"  {echo.sequence:>3}  ", "dim"), show_ms(echo.rtt_ms))
    ping_summary(door, found)
    if lost_all:
        raise typer.Exit(ExitCode.UNAVAILABLE)


def ping_summary(door: Door, found: PingOut) -> None:
    """What a ping came to, in two lines."""
    style = "bold green" if found.received == found.sent else "bold red"
    door.say((f"{found.received} of {found.sent} came back", style), f", {found.loss:.0%} lost")
    if found.rtt_ms_avg is not None:
        spread = "/".join(
            f"{value:.3f}"
            for value in (found.rtt_ms_min, found.rtt_ms_avg, found.rtt_ms_max, found.rtt_ms_mdev)
            if value is not None
        )
        door.say(("rtt min/avg/max/mdev  ", "dim"), f"{spread} ms")
    door.say((taken_on(found), "dim"))


def trace(door: Door, service: Id) -> None:
    """Show every router that a service's traffic passes, and how far it is.

    A router is asked along the service's own path, and answers by the shortest one.

    Example: `highroad service trace svc-7k2m9qwxyz`
    """
    found = door.client.trace(service)
    if door.as_json:
        door.emit(found)
        return
    trace_way(door, "there", found.there)
    trace_way(door, "back", found.back)
    door.say((taken_on(found), "dim"))


def trace_way(door: Door, title: str, way: TraceWayOut) -> None:
    """One direction, hop by hop."""
    rows = [("0", way.name, way.site, "", ""), *(_hop_row(number, hop) for number, hop in enumerate(way.hops, 1))]
    door.table(title, (">hop", "router", "site", ">light, one way", ">rtt"), rows, "")


def _hop_row(number: int, hop: HopOut) -> tuple[object, ...]:
    rtt = words(("no answer", "bold red")) if hop.rtt_ms is None else show_ms(hop.rtt_ms)
    return str(number), hop.name, hop.site, show_ms(hop.latency_ms), rtt


def measure(door: Door, service: Id) -> None:
    """Show what routers measure of a service's paths all the time: round trips, loss, jitter, of the newest interval.

    Each end measures its own way and back, with packets of the service's class along its very path, once a second or
    more; `--json` has every interval of the last seconds. Exits with 7 if nothing was measured.

    Example: `highroad service measure svc-7k2m9qwxyz`
    """
    found = door.client.measurements(service)
    if door.as_json:
        door.emit(found)
    elif found.intervals:
        _tell_measured(door, found)
    else:
        door.say("nothing was measured yet: an interval is told two seconds after its end")
    if not found.intervals:
        raise typer.Exit(ExitCode.UNAVAILABLE)


def _tell_measured(door: Door, found: MeasurementsOut) -> None:
    newest = {(one.way, one.preference, one.list_index): one for one in found.intervals}
    columns = ("way", "path", "at", ">sent", ">lost", ">rtt min", ">p50", ">p99", ">max", ">jitter", ">out", ">home")
    door.table(f"measured of {found.service}", columns, [_measured_row(one) for one in newest.values()], "")
    if any(one.lost_out or one.lost_home or one.lost_unknown for one in newest.values()):
        for one in newest.values():
            door.say(
                (f"  {one.way.value}: ", "dim"),
                f"{one.lost_out} lost on the way out, {one.lost_home} on the way "
                f"home, {one.lost_unknown} nobody knows where",
            )
    if any(one.latency_ms_out is None and one.rtt_ms_p50 is not None for one in newest.values()):
        door.say(("one way is told only where both routers' clocks are known to be right to less than it", "dim"))
    if not all(one.pinned or one.rtt_ms_p50 is None for one in newest.values()):
        door.say(("answers that are not pinned come back as routers like, and not along the service's path", "dim"))
    door.say((taken_on(found), "dim"))


def _measured_row(one: MeasurementOut) -> tuple[object, ...]:
    lost = one.lost_out + one.lost_home + one.lost_unknown
    path = f"{one.preference}" + (f".{one.list_index}" if one.list_index else "")
    return (
        one.way.value,
        words((f"{path} in use", "bold")) if one.in_use else path,
        show_time(one.at),
        str(one.sent),
        words((str(lost), "bold red" if lost else "green")),
        *(show_ms(value) for value in (one.rtt_ms_min, one.rtt_ms_p50, one.rtt_ms_p99, one.rtt_ms_max)),
        *(show_ms(value) for value in (one.jitter_ms, one.latency_ms_out, one.latency_ms_home)),
    )


class WatchLine(Measured):
    """What `watch` says once a second, of both directions of a service."""

    at: Time
    service: str
    state: State
    offered_gbps: float
    carried_gbps_there: float
    carried_gbps_back: float
    latency_ms_there: float | None
    latency_ms_back: float | None
    rtt_ms: float | None
    loss: float | None
    """The share of what was offered since the last line that did not arrive, 0 to 1; none on the first line."""
    lost_bytes: int
    dark_ms: float
    there: list[str]
    back: list[str]


def watch(
    door: Door,
    service: Id,
    count: Annotated[
        int | None, typer.Option("--count", "-c", min=1, metavar="N", help="Leave after so many lines of figures.")
    ] = None,
) -> None:
    """Follow a service, a line a second: rate, latency, round trip, loss, and where it goes; and what happens to it.

    Until it ends or Ctrl-C.

    Example: `highroad service watch svc-7k2m9qwxyz --count 10`
    """
    found = door.client.service(service)
    lines = 0
    shown: ServiceOut | None = None
    if not door.as_json:
        service_card(door, found)
    for item in _watched(door.client, found):
        if isinstance(item, EventOut):
            _tell_event(door, item)
            continue
        line, now = item
        if door.as_json:
            door.emit_line(line)
        else:
            if shown is None:
                door.say(("figures are ", "dim"), (taken_on(line), "dim"))
            elif (line.there, line.back) != (_sites(shown)):
                for path in path_lines(now):
                    door.out.print(words(("  now  ", "bold yellow")), path, sep="", soft_wrap=True)
            _tell_line(door, line)
        shown = now
        lines += 1
        if lines == count:
            return


def _watched(client: Client, service: ServiceOut) -> Iterator[EventOut | tuple[WatchLine, ServiceOut]]:
    """What happens to it, and its figures at every sample, until it has ended."""
    before: CountersOut | None = None
    for item in client.live():
        if isinstance(item, EventOut):
            if item.subject == service.id:
                yield item
                if item.data.get("state") in {state.value for state in ENDED}:
                    return
        elif service.id in item.services:
            counters = client.counters(service.id)
            if before is not None and counters.at <= before.at:
                continue  # the stream begins with the sample that there was, and may say it again
            now = client.service(service.id)
            yield _line(now, counters, before, _rtt_ms(client, service.id), item.at), now
            before = counters


def _line(
    service: ServiceOut, now: CountersOut, before: CountersOut | None, rtt_ms: float | None, at: datetime
) -> WatchLine:
    there, back = _sites(service)
    return WatchLine(
        fabric=now.fabric,
        rate_scale=now.rate_scale,
        at=at,
        service=service.id,
        state=service.state,
        offered_gbps=now.offered_gbps,
        carried_gbps_there=now.carried_gbps_there,
        carried_gbps_back=now.carried_gbps_back,
        latency_ms_there=now.latency_ms_there,
        latency_ms_back=now.latency_ms_back,
        rtt_ms=rtt_ms,
        loss=_loss(now, before),
        lost_bytes=now.lost_bytes,
        dark_ms=now.dark_ms,
        there=there,
        back=back,
    )


def _loss(now: CountersOut, before: CountersOut | None) -> float | None:
    if before is None:
        return None
    if now.offered_bytes <= before.offered_bytes:
        return 0.0
    return max(0.0, (now.lost_bytes - before.lost_bytes) / (now.offered_bytes - before.offered_bytes))


def _rtt_ms(client: Client, service: str) -> float | None:
    """One packet there and back; None where it is lost, or nothing carries the service at this moment."""
    with suppress(Conflict, Unavailable):
        return client.ping(service, count=1, interval_ms=1.0).echoes[0].rtt_ms
    return None


def _sites(service: ServiceOut) -> tuple[list[str], list[str]]:
    return ([] if service.there is None else service.there.sites, [] if service.back is None else service.back.sites)


def _tell_line(door: Door, line: WatchLine) -> None:
    loss = words("– lost")
    if line.loss is not None:
        loss = words((f"{line.loss:.2%} lost", "green" if line.loss == 0 else "bold red"))
    text = words((f"{show_time(line.at)}  ", "dim")).append_text(state_text(line.state))
    text.append_text(
        words(
            f"   {show_gbps(line.carried_gbps_there)} there {show_ms(line.latency_ms_there)}"
            f"   {show_gbps(line.carried_gbps_back)} back {show_ms(line.latency_ms_back)}"
            f"   rtt {show_ms(line.rtt_ms)}   ",
        )
    )
    text.append_text(loss).append_text(words((f"  ({show_bytes(line.lost_bytes)} in all)", "dim")))
    door.out.print(text, soft_wrap=True)


def _tell_event(door: Door, event: EventOut) -> None:
    if door.as_json:
        door.emit_line(event)
        return
    reason = event.data.get("reason")
    door.say(
        (f"{show_time(event.time)}  ", "dim"),
        (event.type.removeprefix("highroad.service."), "bold"),
        f": {reason}" if reason else "",
    )
