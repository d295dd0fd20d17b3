"""`highroad service`: order, list, show, change, release; what measures one is in `probe`."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, cast

import typer

from highroad.cli import probe
from highroad.cli.door import Door, command
from highroad.cli.quantities import (
    duration,
    instant,
    latency_ms,
    rate_gbps,
    rates_gbps,
    show_bytes,
    show_gbps,
    show_ms,
    show_time,
    sound,
    stretch,
    wall_or_instant,
)
from highroad.cli.show import refusal, service_card, state_text
from highroad.client.calls import Changes
from highroad.client.faults import OrderRefused
from highroad.errors import Finding, Invalid
from highroad.model.lifecycle import ENDED, State
from highroad.model.service import Protection, ServiceKind, TrafficClass
from highroad.wire.services import AutoscaleIn, EndIn, RecurrenceIn, WindowIn

app = typer.Typer(no_args_is_help=True, help="Order connectivity, and look after it.")

Id = Annotated[str, typer.Argument(help="The service.", metavar="SERVICE")]
NONE = "none"

DryRun = Annotated[bool, typer.Option("--dry-run", help="Only say what would be.")]


@command(app, "order", role="tenant")
def order(
    door: Door,
    a: Annotated[
        str, typer.Argument(metavar="FROM", help="A site or a port; SITE:100 for VLAN 100, SITE:port for all.")
    ],
    b: Annotated[str, typer.Argument(metavar="TO", help="The other end.")],
    bandwidth: Annotated[
        float | None,
        typer.Argument(
            parser=rate_gbps,
            metavar="RATE",
            help="Guaranteed each way: 400G, 1.2T, 500M; the floor if left out beside --autoscale.",
        ),
    ] = None,
    burst: Annotated[
        float | None, typer.Option(parser=rate_gbps, metavar="RATE", help="Up to so much where there is room.")
    ] = None,
    latency: Annotated[
        float | None, typer.Option(parser=latency_ms, metavar="MS", help="Bound, one way, both directions: 8ms.")
    ] = None,
    fence: Annotated[
        list[str] | None, typer.Option(metavar="CODE", help="Only through these: US, US-CO, EU. Repeatable.")
    ] = None,
    traffic_class: Annotated[
        TrafficClass, typer.Option("--class", help="Who is served first where a failure leaves too little.")
    ] = TrafficClass.ASSURED,
    kind: Annotated[ServiceKind, typer.Option(help="What it carries.")] = ServiceKind.IP,
    protection: Annotated[Protection, typer.Option(help="What it survives.")] = Protection.NONE,
    start: Annotated[
        datetime | None,
        typer.Option(parser=wall_or_instant, metavar="TIME", help="ISO 8601 with a zone; now if left out."),
    ] = None,
    end: Annotated[datetime | None, typer.Option(parser=instant, metavar="TIME", help="Open if left out.")] = None,
    length: Annotated[
        timedelta | None, typer.Option("--for", parser=duration, metavar="TIME", help="Instead of --end: 2h, 3d.")
    ] = None,
    repeat: Annotated[
        str | None,
        typer.Option(metavar="RULE", help="RFC 5545: FREQ=WEEKLY;BYDAY=MO,TU; with --start, --for and --zone."),
    ] = None,
    zone: Annotated[
        str | None, typer.Option(metavar="ZONE", help="Whose clocks --repeat and --start are by: Europe/Berlin.")
    ] = None,
    window: Annotated[
        list[str] | None,
        typer.Option(parser=sound(stretch), metavar="START/END", help="One of several windows. Repeatable."),
    ] = None,
    max_paths: Annotated[
        int | None, typer.Option(metavar="N", help="Split over at most so many paths where one does not suffice.")
    ] = None,
    autoscale: Annotated[
        str | None,
        typer.Option(
            parser=sound(rates_gbps), metavar="FLOOR,CEILING", help="Let the guarantee follow the load: 10G,100G."
        ),
    ] = None,
    hold: Annotated[
        timedelta | None,
        typer.Option(
            parser=duration, metavar="TIME", help="Only keep it for so long, 1m to 15m: see `highroad quote`."
        ),
    ] = None,
    from_prefix: Annotated[list[str] | None, typer.Option(metavar="PREFIX", help="Behind FROM. Repeatable.")] = None,
    to_prefix: Annotated[list[str] | None, typer.Option(metavar="PREFIX", help="Behind TO. Repeatable.")] = None,
    description: Annotated[str, typer.Option(metavar="TEXT", help="For people.")] = "",
    tenant: Annotated[str | None, typer.Option(metavar="TENANT", help="For whom, as an operator.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until it is ACTIVE.")] = False,
    dry_run: DryRun = False,
) -> None:
    """Order connectivity between two ends: a firm yes with its path, or a no with what is possible instead.

    Example: `highroad service order campus-boise aws-us-east-1 400G --latency 30ms --fence US --for 6h`

    Every working night: `--repeat "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR" --start 2027-01-04T18:00 --zone America/Boise
    --for 6h`
    """
    times = _times(start, end, length, repeat, zone, window)
    body: dict[str, Any] = {"from": _end(a, from_prefix), "to": _end(b, to_prefix)}
    maybe: dict[str, Any] = {
        "bandwidth_gbps": bandwidth,
        "autoscale": None if autoscale is None else _rule(autoscale),
        "burst_gbps": burst,
        "latency_bound_ms": latency,
        "fence": [code for one in fence for code in one.split(",")] if fence else None,
        "max_paths": max_paths,
        "hold_s": None if hold is None else hold.total_seconds(),
        **times,
    }
    body |= {name: value for name, value in maybe.items() if value is not None}
    body |= {"kind": kind, "traffic_class": traffic_class, "protection": protection, "description": description}
    if tenant is None and door.role == "operator":
        tenant = door.credentials.tenant
    before = time.perf_counter()
    try:
        if dry_run:
            preview = door.client.preview(body, tenant=tenant)
            if door.as_json:
                door.emit(preview)
                return
            door.say(("✓ yes, it would be admitted", "bold green"), (" (nothing was ordered)", "dim"))
            service_card(door, preview.service)
            for effect in preview.effects:
                door.say(("  · ", "dim"), effect)
            return
        service = door.client.submit(body, tenant=tenant)
    except OrderRefused as error:
        if door.as_json:
            raise
        refusal(door, error)
        raise typer.Exit(3) from None
    took_ms = (time.perf_counter() - before) * 1000
    if not door.as_json:
        kept = "" if service.hold_until is None else f", kept until {show_time(service.hold_until)}"
        door.say(("✓ yes", "bold green"), kept, (f" in {took_ms:.0f} ms, and durable", "dim"))
    if wait:
        ahead_s = max(0.0, service.start.timestamp() - time.time())
        service = door.client.wait_active(service, timeout_s=30.0 + ahead_s)
    if door.as_json:
        door.emit(service)
    else:
        service_card(door, service)


@command(app, "list", role="tenant")
def list_services(
    door: Door,
    state: Annotated[State | None, typer.Option(help="Only those in this state.")] = None,
    tenant: Annotated[str | None, typer.Option(metavar="TENANT", help="Only this tenant's, as an operator.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Those that have ended too.")] = False,
) -> None:
    """List services.

    Example: `highroad service list --state ACTIVE`
    """
    services = [
        one
        for one in door.client.services(state=state, tenant=tenant)
        if every or state is not None or one.state not in ENDED
    ]
    if door.as_json:
        door.emit(services)
        return
    door.table(
        "",
        ("service", "state", "from", "to", ">rate", ">latency", "class", "ends"),
        (
            (
                one.id,
                state_text(one.state),
                one.a.site,
                one.b.site,
                show_gbps(one.bandwidth_gbps),
                show_ms(one.there.latency_ms if one.there else None),
                one.traffic_class.value,
                show_time(one.end),
            )
            for one in services
        ),
        "no services: order one with `highroad service order FROM TO RATE`",
    )


@command(app, "show", role="tenant")
def show(door: Door, service: Id) -> None:
    """Show a service, its path and what it carries.

    Example: `highroad service show svc-7k2m9qwxyz`
    """
    found = door.client.service(service)
    if door.as_json:
        door.emit(found)
        return
    service_card(door, found)
    if found.state in ENDED:
        return
    counters = door.client.counters(service)
    door.say(
        ("  carries  ", "dim"),
        f"{show_gbps(counters.carried_gbps_there)} there, {show_gbps(counters.carried_gbps_back)} back; "
        f"{show_bytes(counters.carried_bytes)} so far, {show_bytes(counters.lost_bytes)} lost, "
        f"dark for {counters.dark_ms:.0f} ms in all",
    )


@command(app, "change", role="tenant")
def change(
    door: Door,
    service: Id,
    bandwidth: Annotated[
        float | None, typer.Option(parser=rate_gbps, metavar="RATE", help="The new guarantee.")
    ] = None,
    burst: Annotated[
        str | None,
        typer.Option(parser=sound(rate_gbps, NONE), metavar="RATE", help="Up to so much; `none` for no burst."),
    ] = None,
    latency: Annotated[
        str | None,
        typer.Option(parser=sound(latency_ms, NONE), metavar="MS", help="The new bound; `none` for no bound."),
    ] = None,
    fence: Annotated[
        list[str] | None, typer.Option(metavar="CODE", help="The new fence; `none` for no fence. Repeatable.")
    ] = None,
    start: Annotated[
        datetime | None, typer.Option(parser=wall_or_instant, metavar="TIME", help="If it has not begun.")
    ] = None,
    end: Annotated[
        str | None,
        typer.Option(parser=sound(instant, "open"), metavar="TIME", help="The new end; `open` for an open one."),
    ] = None,
    length: Annotated[
        timedelta | None, typer.Option("--for", parser=duration, metavar="TIME", help="With --repeat: how long each.")
    ] = None,
    repeat: Annotated[str | None, typer.Option(metavar="RULE", help="A new rule (RFC 5545).")] = None,
    zone: Annotated[str | None, typer.Option(metavar="ZONE", help="Whose clocks --repeat and --start are by.")] = None,
    window: Annotated[
        list[str] | None,
        typer.Option(parser=sound(stretch), metavar="START/END", help="One of several new windows. Repeatable."),
    ] = None,
    from_end: Annotated[
        str | None, typer.Option("--from", metavar="END", help="Move this end to another port.")
    ] = None,
    to_end: Annotated[str | None, typer.Option("--to", metavar="END", help="Move the other end.")] = None,
    protection: Annotated[Protection | None, typer.Option(help="What it is to survive.")] = None,
    traffic_class: Annotated[TrafficClass | None, typer.Option("--class", help="Another class.")] = None,
    max_paths: Annotated[int | None, typer.Option(metavar="N", help="Over at most so many paths.")] = None,
    autoscale: Annotated[
        str | None,
        typer.Option(
            parser=sound(rates_gbps, NONE), metavar="FLOOR,CEILING", help="Follow the load: 10G,100G; `none` to stop."
        ),
    ] = None,
    description: Annotated[str | None, typer.Option(metavar="TEXT", help="For people.")] = None,
    if_version: Annotated[int | None, typer.Option(metavar="N", help="Only if it is still at this version.")] = None,
    dry_run: DryRun = False,
) -> None:
    """Change a live service in place; if the change does not fit it stays as it is. --dry-run says what it does.

    Example: `highroad service change svc-7k2m9qwxyz --bandwidth 800G --dry-run`
    """
    if repeat is None and length is not None:
        raise Invalid([Finding(code="for", place="", message="--for goes with --repeat: say the new end with --end")])
    until = None if end in (None, "open") else instant(str(end))
    named: dict[str, Any] = {
        "bandwidth_gbps": bandwidth,
        "protection": protection,
        "traffic_class": traffic_class,
        "max_paths": max_paths,
        "description": description,
        "a": None if from_end is None else _end(from_end, None),
        "b": None if to_end is None else _end(to_end, None),
        **_times(start, until, length, repeat, zone, window),
    }
    named = {name: value for name, value in named.items() if value is not None}
    if burst is not None:
        named["burst_gbps"] = None if burst == NONE else rate_gbps(burst)
    if latency is not None:
        named["latency_bound_ms"] = None if latency == NONE else latency_ms(latency)
    if fence is not None:
        named["fence"] = None if fence == [NONE] else [code for one in fence for code in one.split(",")]
    if autoscale is not None:
        named["autoscale"] = None if autoscale == NONE else _rule(autoscale)
    if end == "open":
        named["end"] = None
    if not named:
        message = "say what to change, such as --bandwidth 800G or --end 2030-01-31T18:00Z (`--help` lists it all)"
        raise Invalid([Finding(code="nothing", place="", message=message)])
    changes = cast("Changes", named)
    try:
        if dry_run:
            preview = door.client.preview_change(service, version=if_version, **changes)
            if door.as_json:
                door.emit(preview)
                return
            door.say(("✓ it would be changed to", "bold green"))
            service_card(door, preview.service)
            for effect in preview.effects:
                door.say(("  · ", "dim"), effect)
            return
        changed = door.client.change(service, version=if_version, **changes)
    except OrderRefused as error:
        if door.as_json:
            raise
        refusal(door, error, service)
        raise typer.Exit(3) from None
    if door.as_json:
        door.emit(changed)
        return
    door.say(("✓ changed", "bold green"))
    service_card(door, changed)


@command(app, "release", role="tenant")
def release(
    door: Door,
    service: Id,
    if_version: Annotated[int | None, typer.Option(metavar="N", help="Only if it is still at this version.")] = None,
    dry_run: DryRun = False,
) -> None:
    """Give a service back.

    Example: `highroad service release svc-7k2m9qwxyz`
    """
    if dry_run:
        found = door.client.service(service)
        if door.as_json:
            door.emit(found)
        else:
            door.say(f"would release {found.id}: {found.a.site} to {found.b.site}, {show_gbps(found.bandwidth_gbps)}")
        return
    found = door.client.release(service, version=if_version)
    if door.as_json:
        door.emit(found)
    else:
        door.say(("✓ released ", "bold green"), f"{found.id}: it is ", state_text(found.state).plain)


probe.add_commands(app)


def _times(
    start: datetime | None,
    end: datetime | None,
    length: timedelta | None,
    repeat: str | None,
    zone: str | None,
    window: list[str] | None,
) -> dict[str, Any]:
    """When, by the API's names. Raises Invalid where options do not go together."""

    def wrong(message: str) -> Invalid:
        return Invalid([Finding(code="times", place="", message=message)])

    if repeat is not None:
        if start is None or length is None or zone is None:
            raise wrong("--repeat goes with --start (the first, by the clocks there), --for and --zone")
        if start.tzinfo is not None:
            raise wrong("with --repeat, --start is by the clocks of --zone: leave its own zone out")
        rule = RecurrenceIn(rule=repeat, time_zone=zone, start=start, duration_s=length.total_seconds())
        return {"recurrence": rule}
    if zone is not None:
        raise wrong("--zone goes with --repeat")
    if start is not None and start.tzinfo is None:
        raise wrong(f"--start {start.isoformat()} has no time zone: write {start.isoformat()}Z for UTC")
    if window:
        if start or end or length:
            raise wrong("give --window, or --start and --end, not both")
        stretches = map(stretch, window)
        return {"windows": [WindowIn(start=begins, end=ends) for begins, ends in stretches]}
    if length is not None:
        if end is not None:
            raise wrong("give --end or --for, one of the two")
        end = (start or datetime.now(UTC)) + length
    return {name: time for name, time in (("start", start), ("end", end)) if time is not None}


def _rule(text: str) -> AutoscaleIn:
    floor_gbps, ceiling_gbps = rates_gbps(text)
    return AutoscaleIn(floor_gbps=floor_gbps, ceiling_gbps=ceiling_gbps)


def _end(text: str, prefixes: list[str] | None) -> str | EndIn:
    """`SITE`, `SITE:100` or `SITE:port`, with the prefixes behind it."""
    at, colon, tag = text.partition(":")
    if not colon and not prefixes:
        return text
    if colon and tag != "port" and not tag.isdigit():
        message = f"{text}: after the colon comes a VLAN tag, or `port` for the whole port"
        raise Invalid([Finding(code="end", place="", message=message)])
    end = EndIn(at=at, prefixes=prefixes or [])
    if tag == "port":
        end.whole_port = True
    elif colon:
        end.vlan = int(tag)
    return end
