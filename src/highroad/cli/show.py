"""How services and refusals look in a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from highroad.cli.door import Door, words
from highroad.cli.quantities import clean, show_gbps, show_ms, show_time
from highroad.client.faults import OrderRefused
from highroad.model.lifecycle import ENDED, State
from highroad.model.service import Protection
from highroad.wire.measured import TWIN, Measured
from highroad.wire.services import EndOut, PathOut, ServiceOut

_STYLES = {
    State.ACTIVE: "green",
    State.DEGRADED: "bold red",
    State.FAILED: "bold red",
    State.ACTIVATING: "yellow",
    State.RESERVED: "cyan",
    State.SUSPENDED: "yellow",
}


def state_text(state: State) -> Text:
    """A state in its colour."""
    return Text(state.value, style=_STYLES.get(state, "dim" if state in ENDED else ""))


def taken_on(measured: Measured) -> str:
    """Where figures come from, and at which scale."""
    if measured.fabric == TWIN:
        return "modelled by the twin"
    what = "Linux routers" if measured.fabric == "linux" else measured.fabric
    return f"measured on {what}{scale_text(measured.rate_scale)}"


def scale_text(rate_scale: float) -> str:
    """`, 1:1000: 1 Gbit/s is carried as 1 Mbit/s`, or nothing where rates are what they are said to be."""
    if rate_scale == 1.0:
        return ""
    return f", 1:{1 / rate_scale:g}: 1 Gbit/s is carried as {show_gbps(rate_scale)}"


def path_text(path: PathOut | None) -> Text:
    """A path as a chain of sites, with its latency and length."""
    if path is None:
        return Text("no path", style="red")
    text = Text()
    for place, site in enumerate(path.sites):
        if place:
            text.append(" → ", style="dim")
        ends = place in (0, len(path.sites) - 1)
        text.append(clean(site), style="bold" if ends else "cyan")
    text.append(f"   {show_ms(path.latency_ms)}", style="bold green")
    text.append(f"  {path.length_km:,.0f} km", style="dim")
    return text


def path_lines(service: ServiceOut) -> list[Text]:
    """Both directions of a service; a way back that is the way there reversed is not drawn twice."""
    there, back = service.there, service.back
    lines = []
    if there is not None:
        lines.append(words(("there  ", "dim")).append_text(path_text(there)))
    if there is not None and back is not None and back.sites == there.sites[::-1]:
        lines.append(words(("back   ", "dim"), "the same way   ", (show_ms(back.latency_ms), "bold green")))
    elif back is not None:
        lines.append(words(("back   ", "dim")).append_text(path_text(back)))
    if service.backup is not None:
        lines.append(words(("backup ", "dim")).append_text(path_text(service.backup.there)))
    elif service.protection is Protection.PATH and service.state not in ENDED:
        lines.append(words(("backup ", "dim"), ("none: it would not survive a failure now", "yellow")))
    return lines


def short_chain(sites: Sequence[str], most: int = 6) -> str:
    """A chain of sites that can be read at a glance: of a long one, two at each end and how many are between."""
    shown = list(sites) if len(sites) <= most else [*sites[:2], f"({len(sites) - 4} more)", *sites[-2:]]
    return " → ".join(shown)


def short_path(service: ServiceOut) -> str:
    """The path of a service in one sentence; all of it is in `service show`."""
    return "no path" if service.there is None else f"{short_chain(service.there.sites)}, {_length(service)}"


def detour(service: ServiceOut, before: PathOut | None) -> str:
    """What differs of a service's path from the one that it had."""
    if service.there is None or before is None:
        return short_path(service)
    now, was = service.there.sites, before.sites
    if now == was:
        return f"the same path, {_length(service)}"
    head = next(place for place in range(len(now)) if now[: place + 1] != was[: place + 1])
    tail = next(place for place in range(len(now)) if now[-place - 1 :] != was[-place - 1 :])
    around = now[head : max(head, len(now) - tail)]
    if head == 0 or tail == 0 or not around:
        return short_path(service)
    return f"from {now[head - 1]} by {short_chain(around, 5)} to {now[len(now) - tail]}; {_length(service)}"


def _length(service: ServiceOut) -> str:
    there, back = service.there, service.back
    if there is None:
        return "no path"
    length = f"{there.length_km:,.0f} km, {show_ms(there.latency_ms)}"
    if back is None or (back.sites == there.sites[::-1] and show_ms(back.latency_ms) == show_ms(there.latency_ms)):
        return f"{length} each way"
    way = "" if back.sites == there.sites[::-1] else " another way"
    return f"{length} there, {show_ms(back.latency_ms)} back{way}"


def print_wrapped(console: Console, first: Text, text: Text) -> None:
    """A paragraph at the console's width, broken between words; what follows the first line stands under its text."""
    hang = Text(" " * len(first))
    lines = text.wrap(console, max(20, console.width - len(first)))
    for number, line in enumerate(lines):
        line.rstrip()
        console.print((hang if number else first) + line, soft_wrap=True)


def service_card(door: Door, service: ServiceOut) -> None:
    """A service in a few lines."""
    door.out.print(
        words("  ", (service.id, "bold"), "  "),
        state_text(service.state),
        words(f"  {show_gbps(service.bandwidth_gbps)} each way"),
        words((f"  up to {show_gbps(service.burst_gbps)}", "dim") if service.burst_gbps else ""),
        sep="",
        soft_wrap=True,
    )
    if service.reason:
        door.say(("  because  ", "dim"), service.reason)
    for line in path_lines(service):
        door.out.print(words("  "), line, sep="", soft_wrap=True)
    promises = [service.traffic_class.value]
    if service.latency_bound_ms is not None:
        promises.append(f"at most {service.latency_bound_ms:g} ms one way")
    if service.fence is not None:
        promises.append(f"only through {', '.join(service.fence)}")
    door.say(("  promise  ", "dim"), "; ".join(promises))
    door.say(("  window   ", "dim"), f"{show_time(service.start)} to {show_time(service.end)}")
    door.say(("  ports    ", "dim"), "  ".join(end_text(end) for end in (service.a, service.b)))
    if service.description:
        door.say(("  about    ", "dim"), service.description)


def end_text(end: EndOut) -> str:
    """The port at an end of a service, and what it has of it; nothing besides where that is no tag."""
    if end.whole_port:
        return f"{end.port} whole port"
    return end.port if end.vlan is None else f"{end.port} VLAN {end.vlan}"


def refusal(door: Door, error: OrderRefused) -> None:
    """A no: what binds, and each counter-offer with the command that takes it."""
    binding = error.binding
    door.say(("✗ no", "bold red"), f": {binding.message}" if binding else f": {error.message}")
    if binding is not None:
        facts = [f"what binds is the {binding.constraint}"]
        if binding.available_gbps is not None:
            facts.append(f"{show_gbps(binding.available_gbps)} are free")
        if binding.least_latency_ms is not None:
            facts.append(f"{show_ms(binding.least_latency_ms)} is possible")
        door.say(("  " + "; ".join(facts), "dim"))
    if not error.offers:
        return
    door.say(("  what you can have instead:", "bold"))
    for number, offer in enumerate(error.offers, 1):
        door.say((f"  {number}. ", "bold"), offer.message, (f"   {show_ms(offer.latency_ms)} one way", "dim"))
        door.say("     ", (shlex.join(take_command(offer.order)), "cyan"))


def take_command(order: dict[str, Any]) -> list[str]:
    """The command that orders this body."""
    line = ["highroad", "service", "order", _end(order["from"]), _end(order["to"]), f"{order['bandwidth_gbps']:.12g}G"]
    plain = (
        ("burst_gbps", "--burst", "G"),
        ("latency_bound_ms", "--latency", "ms"),
    )
    for name, option, unit in plain:
        if order.get(name) is not None:
            line += [option, f"{order[name]:.12g}{unit}"]
    for code in order.get("fence") or ():
        line += ["--fence", str(code)]
    for name, option in (
        ("traffic_class", "--class"),
        ("kind", "--kind"),
        ("protection", "--protection"),
        ("start", "--start"),
        ("end", "--end"),
        ("description", "--description"),
    ):
        if order.get(name):
            line += [option, str(order[name])]
    for side in ("from", "to"):
        if isinstance(order[side], dict):
            for prefix in order[side].get("prefixes", ()):
                line += [f"--{side}-prefix", str(prefix)]
    return [clean(word) for word in line]


def _end(end: str | dict[str, Any]) -> str:
    if isinstance(end, str):
        return end
    if end.get("whole_port"):
        return f"{end['at']}:port"
    return f"{end['at']}:{end['vlan']}" if end.get("vlan") is not None else str(end["at"])
