"""How services and refusals look in a terminal."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from highroad.cli.door import Door, words
from highroad.cli.quantities import show_availability, show_gbps, show_ms, show_time
from highroad.client.faults import OrderRefused
from highroad.model.lifecycle import ENDED, State
from highroad.model.service import Protection
from highroad.wire.measured import TWIN, Measured
from highroad.wire.services import AutoscaleOut, EndOut, PathOut, ServiceOut
from highroad.wire.told import clean

_STYLES = {
    State.ACTIVE: "green",
    State.DEGRADED: "bold red",
    State.FAILED: "bold red",
    State.ACTIVATING: "yellow",
    State.RESERVED: "cyan",
    State.HELD: "yellow",
    State.SUSPENDED: "yellow",
}


MOST_BARE = 4
"""Links without a way around that are named of one service."""


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
    for number, branch in enumerate(service.branches[1:], 2):
        line = words((f"way {number}  ", "dim"))
        lines.append(line if branch.there is None else line.append_text(path_text(branch.there)))
    if service.branches:
        shares = " : ".join(f"{branch.share:.3g}" for branch in service.branches)
        lines.append(words(("split  ", "dim"), f"{shares} of the rate; a flow stays on one way"))
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
    if service.autoscale is not None:
        door.say(("  follows  ", "dim"), autoscale_text(service.autoscale))
    if service.state is State.HELD:
        door.say(
            ("  kept     ", "dim"),
            f"until {show_time(service.hold_until)}; take it with ",
            (take_text(service), "cyan"),
        )
    for line in path_lines(service):
        door.out.print(words("  "), line, sep="", soft_wrap=True)
    if service.availability is not None and service.state not in ENDED:
        by = "its path or its backup" if service.backup is not None else "its path"
        door.say(("  up       ", "dim"), f"{show_availability(service.availability)}, by {by} alone")
    if (bare := service.unrepairable_links) and service.there is not None:
        names = ", ".join(bare[:MOST_BARE]) + (f" and {len(bare) - MOST_BARE} more" if len(bare) > MOST_BARE else "")
        door.say(("  repair   ", "dim"), f"no way around {names}: what is there when it is lost waits for the headend")
    promises = [service.traffic_class.value]
    if service.latency_bound_ms is not None:
        promises.append(f"at most {service.latency_bound_ms:g} ms one way")
    if service.fence is not None:
        promises.append(f"only through {', '.join(service.fence)}")
    door.say(("  promise  ", "dim"), "; ".join(promises))
    door.say(("  window   ", "dim"), f"{show_time(service.start)} to {show_time(service.end)}")
    _windows(door, service)
    door.say(("  ports    ", "dim"), "  ".join(end_text(end) for end in (service.a, service.b)))
    if service.description:
        door.say(("  about    ", "dim"), service.description)


def autoscale_text(rule: AutoscaleOut) -> str:
    """A rule by which a service follows its load, and what came of it last."""
    said = [f"its load, between {show_gbps(rule.floor_gbps)} and {show_gbps(rule.ceiling_gbps)}"]
    if (step := rule.last_step) is not None:
        said.append(f"from {show_gbps(step.from_gbps)} to {show_gbps(step.to_gbps)} at {show_time(step.at)}")
    if (no := rule.last_refusal) is not None and (step is None or no.at >= step.at):
        said.append(f"{show_gbps(no.wanted_gbps)} were refused at {show_time(no.at)}: {no.message}")
    return "; ".join(said)


def take_text(service: ServiceOut) -> str:
    """The command that takes what is held."""
    return f"highroad quote take {service.id}"


def _windows(door: Door, service: ServiceOut) -> None:
    rule = service.recurrence
    if rule is not None:
        door.say(("  repeats  ", "dim"), f"{rule.rule} from {rule.start:%Y-%m-%d %H:%M} by clocks of {rule.time_zone}")
    if service.windows:
        shown = [f"{show_time(one.start)} to {show_time(one.end)}" for one in service.windows[:2]]
        more = service.windows_left - len(shown)
        door.say(("  next     ", "dim"), "; ".join(shown), f"; and {more} more" if more > 0 else "")
    for note in service.notes:
        door.say(("  note     ", "dim"), note)


def end_text(end: EndOut) -> str:
    """The port at an end of a service, and what it has of it; nothing besides where that is no tag."""
    if end.whole_port:
        return f"{end.port} whole port"
    return end.port if end.vlan is None else f"{end.port} VLAN {end.vlan}"


def refusal(door: Door, error: OrderRefused, service: str = "") -> None:
    """A no: what binds, and each counter-offer with the command that takes it; of a change, in place of that one."""
    binding = error.binding
    kept = "; the service stays as it is" if service else ""
    door.say(("✗ no", "bold red"), f": {binding.message}{kept}" if binding else f": {error.message}")
    if binding is not None:
        facts = [f"what binds is the {binding.constraint}"]
        if binding.available_gbps is not None:
            facts.append(f"{show_gbps(binding.available_gbps)} are free")
        if binding.least_latency_ms is not None:
            facts.append(f"{show_ms(binding.least_latency_ms)} is possible")
        door.say(("  " + "; ".join(facts), "dim"))
        for holder in binding.holders:
            what = "is kept for the backup of" if holder.standby else "is held by"
            door.say((f"  {show_gbps(holder.bandwidth_gbps)} {what} {holder.service}", "dim"))
    if not error.offers:
        return
    door.say(("  what you can have instead:", "bold"))
    for number, offer in enumerate(error.offers, 1):
        door.say((f"  {number}. ", "bold"), offer.message, (f"   {show_ms(offer.latency_ms)} one way", "dim"))
        line = change_command(service, offer.changes) if offer.order is None else take_command(offer.order)
        door.say("     ", (shlex.join(line), "cyan"))


def change_command(service: str, changes: dict[str, Any]) -> list[str]:
    """The command that changes a service by this body."""
    line = ["highroad", "service", "change", service]
    for name, option in (("from", "--from"), ("to", "--to")):
        if name in changes:
            line += [option, _end(changes[name])]
    for name, option, unit, none in (
        ("bandwidth_gbps", "--bandwidth", "G", ""),
        ("burst_gbps", "--burst", "G", "none"),
        ("latency_bound_ms", "--latency", "ms", "none"),
    ):
        if name in changes:
            line += [option, none if changes[name] is None else f"{changes[name]:.12g}{unit}"]
    if "fence" in changes and changes["fence"] is None:
        line += ["--fence", "none"]
    if "end" in changes and changes["end"] is None:
        line += ["--end", "open"]
    return [*map(clean, line), *_options(changes)]


def take_command(order: dict[str, Any]) -> list[str]:
    """The command that orders this body."""
    line = ["highroad", "service", "order", _end(order["from"]), _end(order["to"]), f"{order['bandwidth_gbps']:.12g}G"]
    plain = (
        ("burst_gbps", "--burst", "G"),
        ("latency_bound_ms", "--latency", "ms"),
        ("hold_s", "--hold", "s"),
    )
    for name, option, unit in plain:
        if order.get(name) is not None:
            line += [option, f"{order[name]:.12g}{unit}"]
    line += _options(order)
    for side in ("from", "to"):
        if isinstance(order[side], dict):
            for prefix in order[side].get("prefixes", ()):
                line += [f"--{side}-prefix", str(prefix)]
    return [clean(word) for word in line]


def _options(order: dict[str, Any]) -> list[str]:
    """The options of a body that order and change have in common."""
    line: list[str] = []
    for code in order.get("fence") or ():
        line += ["--fence", str(code)]
    between = order.get("autoscale")
    if between:
        line += ["--autoscale", f"{between['floor_gbps']:.12g}G,{between['ceiling_gbps']:.12g}G"]
    rule = order.get("recurrence")
    if rule:
        line += ["--repeat", rule["rule"], "--zone", rule["time_zone"], "--start", rule["start"]]
        line += ["--for", f"{rule['duration_s']:.12g}s"]
    for window in order.get("windows") or ():
        line += ["--window", f"{window['start']}/{window['end']}"]
    if order.get("max_paths") is not None:
        line += ["--max-paths", str(order["max_paths"])]
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
    return [clean(word) for word in line]


def _end(end: str | dict[str, Any]) -> str:
    if isinstance(end, str):
        return end
    if end.get("whole_port"):
        return f"{end['at']}:port"
    return f"{end['at']}:{end['vlan']}" if end.get("vlan") is not None else str(end["at"])
