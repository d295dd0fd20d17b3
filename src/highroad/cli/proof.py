"""`highroad proof show | export | key`: what was promised of a service, and what was measured, signed."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from highroad.cli.door import Door, command
from highroad.cli.quantities import instant, show_time
from highroad.errors import Finding, Invalid, NotFound
from highroad.model.proof import FORMAT, Body, Interval, Promised, body_of, together, told
from highroad.wire.proof import ProofFile
from highroad.wire.told import json_text

app = typer.Typer(no_args_is_help=True, help="Look at what was delivered, minute by minute, signed.")

Service = Annotated[str, typer.Argument(metavar="SERVICE", help="The service.")]
From = Annotated[datetime | None, typer.Option("--from", parser=instant, metavar="TIME", help="ISO 8601 with a zone.")]
To = Annotated[datetime | None, typer.Option("--to", parser=instant, metavar="TIME", help="Now if left out.")]


def show(door: Door, service: Service, start: From = None, end: To = None) -> None:
    """Show what was promised and what was measured, entry by entry; minutes that were not measured are counted as such.

    Example: `highroad proof show svc-7k2m9qwxyz --from 2026-11-01T00:00:00Z`
    """
    entries = list(door.client.proof(service, start=start, end=end))
    bodies = [body_of(one.document.encode()) for one in entries]
    if door.as_json:
        door.emit({"service": service, "entries": [entry.model_dump() for entry in entries]})
        return
    if not bodies:
        door.say(_nothing(door, service, asked=start is not None or end is not None))
        return
    on = "a model's figures: twin" if bodies[-1].fabric == "twin" else f"measured on {bodies[-1].fabric}"
    door.say((service, "bold"), f"   {on}, key {bodies[-1].key[:16]}…")
    door.table(
        "",
        [
            "entry",
            "from (UTC)",
            ">min",
            ">not measured",
            ">available",
            ">dark ms",
            ">lost",
            ">rtt ms",
            ">jitter",
            "promised",
        ],
        [_row(one) for one in bodies],
        empty="",
    )
    every = [interval for body in bodies for interval in body.intervals]
    promised_s = sum(one.for_s for one in every if one.promised)
    gaps_s = sum(one.unmeasured_s for one in every)
    door.say(
        (f"{_min(promised_s)} promised, {_min(promised_s - gaps_s)} measured, ", "dim"),
        (f"{_min(gaps_s)} not measured", "bold yellow" if gaps_s else "dim"),
        (f"; worst round trip {_ms(_most_us(every))} ms", "dim"),
    )
    unwatched = together(one.unwatched for one in every)
    if unwatched is not None:
        door.say((f"by counters, {told(unwatched)}", "bold yellow"))


def export(
    door: Door,
    service: Service,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="Into a file that is not there yet.")
    ] = None,
    start: From = None,
    end: To = None,
) -> None:
    """Write the chain of a service as a file that `highroad proof verify` reads, to stdout if no file is named.

    Where nothing is sealed of it, or of that time, it says so, writes nothing and ends with 4.

    Example: `highroad proof export svc-7k2m9qwxyz -o svc-7k2m9qwxyz.proof`
    """
    entries = list(door.client.proof(service, start=start, end=end))
    if not entries:
        raise NotFound(_nothing(door, service, asked=start is not None or end is not None))
    text = json_text(ProofFile(format=FORMAT, entries=entries).model_dump(mode="json"), indent=1) + "\n"
    if out is None:
        sys.stdout.write(text)
        return
    try:
        with out.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Invalid([Finding(code="file", place=str(out), message=f"cannot be written: {error.strerror}")]) from None
    if door.as_json:
        door.emit({"file": str(out), "entries": len(entries)})
    else:
        door.say(f"{out}: {len(entries)} entries")


def key(door: Door) -> None:
    """Show the operator's public key, which signs proofs.

    Example: `highroad proof key`
    """
    found = door.client.proof_key()
    if door.as_json:
        door.emit(found)
    else:
        door.say(found.key)
        door.say((f"{found.algorithm}, fingerprint {found.fingerprint}", "dim"))


command(app, "show", role="tenant")(show)
command(app, "export", role="tenant")(export)
command(app, "key", role="tenant")(key)


def _nothing(door: Door, service: str, *, asked: bool) -> str:
    """That nothing is sealed of a service, or of the time that was asked for, and what there is."""
    whole = list(door.client.proof(service)) if asked else []
    if not whole:
        return f"nothing is sealed of {service} yet: an entry is made after each hour, UTC"
    first, last = (datetime.fromtimestamp(at_s, UTC) for at_s in (whole[0].from_s, whole[-1].until_s))
    return f"nothing is sealed of {service} in that time: what is there is of {show_time(first)} to {show_time(last)}"


def _row(body: Body) -> Sequence[str]:
    measured = [one.measured for one in body.intervals if one.measured is not None]
    watched, dark = sum(one.watched_ms for one in measured), sum(one.dark_ms for one in measured)
    sent = sum(one.probed.sent for one in measured if one.probed is not None)
    lost = sum(one.probed.lost for one in measured if one.probed is not None)
    typical = [
        one.probed.rtt_typical_us
        for one in measured
        if one.probed is not None and one.probed.rtt_typical_us is not None
    ]
    jitter = [one.probed.jitter_us for one in measured if one.probed and one.probed.jitter_us is not None]
    gaps_s = sum(one.unmeasured_s for one in body.intervals)
    return (
        str(body.sequence),
        f"{datetime.fromtimestamp(body.from_s, UTC):%Y-%m-%d %H:%M}",
        str((body.until_s - body.from_s) // 60),
        _min(gaps_s) if gaps_s else "",
        f"{1 - dark / watched:.5%}" if watched else "·",
        str(dark) if watched else "·",
        f"{lost / sent:.3%}" if sent else "·",
        _ms(sum(typical) // len(typical) if typical else None),
        _ms(sum(jitter) // len(jitter) if jitter else None),
        "; ".join(dict.fromkeys(_promise(one.promised) for one in body.intervals if one.promised is not None)),
    )


def _promise(one: Promised) -> str:
    bound = "" if one.latency_us is None else f", {one.latency_us / 1000:g} ms one way"
    return f"{one.rate_kbps / 1e6:g} Gbit/s{bound}{', protected' if one.protected else ''}"


def _min(duration_s: int) -> str:
    """Minutes, and seconds where there are some left."""
    minutes, rest_s = divmod(duration_s, 60)
    return f"{minutes} min {rest_s} s" if rest_s else f"{minutes} min"


def _most_us(intervals: Sequence[Interval]) -> int | None:
    known = [
        one.measured.probed.rtt_max_us
        for one in intervals
        if one.measured is not None and one.measured.probed is not None and one.measured.probed.rtt_max_us is not None
    ]
    return max(known, default=None)


def _ms(value_us: int | None) -> str:
    return "·" if value_us is None else f"{value_us / 1000:.3f}"
