"""`highroad status`: the backbone on one screen."""

from __future__ import annotations

from collections import Counter

import typer

from highroad.cli.door import Door, command
from highroad.cli.quantities import show_gbps, show_time
from highroad.cli.show import taken_on
from highroad.errors import Forbidden, NotFound, Unavailable
from highroad.model.lifecycle import ENDED, State
from highroad.wire.networks import NetworkOut
from highroad.wire.operations import SampleOut
from highroad.wire.plans import OptimiserOut
from highroad.wire.webhooks import WebhookOut

HOTTEST = 5
MOST_REASONS = 3
SWITCHED_OFF = "it was switched off"


def add_command(app: typer.Typer) -> None:
    """Add the verb to the root."""
    command(app, "status")(status)


def status(door: Door) -> None:
    """Show the backbone on one screen: what it carries, what is hot, what is broken or drained.

    Example: `highroad status`
    """
    client = door.client
    who = client.who()
    network = client.network()
    services = [one for one in client.services() if one.state not in ENDED]
    operator = who.tenant is None
    sample = _newest(door)
    incidents = [one for one in client.incidents() if one.open]
    drains = [one for one in client.maintenances() if one.ended is None] if operator else []
    frozen = client.frozen() if operator else None
    optimiser = _optimiser(door) if operator else None
    around = client.local_repairs().items if operator else []
    bare = [one for one in around if one.links is None]
    head = client.audit_head() if who.role == "operator" and who.scopes is None else None
    hooks = _unwell_hooks(door)
    states = Counter(one.state.value for one in services)
    if door.as_json:
        door.emit(
            {
                "who": who,
                "network": {"name": network.name, "revision": network.revision, "sites": len(network.sites),
                            "fibres": len(network.fibres), "links": len(network.links)},
                "services": dict(states),
                "incidents": incidents,
                "drains": drains,
                "frozen": frozen,
                "optimiser": optimiser,
                "unrepairable_links": [{"link": one.link, "fence": one.fence} for one in bare],
                "webhooks": hooks,
                "fabric": sample.fabric if sample is not None else None,
                "rate_scale": sample.rate_scale if sample is not None else None,
                "sample": sample,
                "audit": head,
            }
        )  # fmt: skip
        return
    shape = f"{len(network.sites)} sites"
    whose = f"{who.tenant}'s " if who.tenant else ""
    if operator:
        shape += f", {len(network.fibres)} fibres, {len(network.links)} links"
    door.say(
        (network.name, "bold"),
        f"  revision {network.revision}: {shape}",
        (f"   as {whose}{who.role}", "dim"),
    )
    door.say(
        ("services  ", "dim"),
        ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none",
    )
    if who.leader is not None:
        led = who.leader
        here = ", which answers here" if led.here else ""
        door.say(("leader    ", "dim"), f"{led.process}{here}, in epoch {led.epoch} since {show_time(led.since)}")
    if sample is not None:
        carried = sum(one.carried_gbps_there + one.carried_gbps_back for one in sample.services.values())
        door.say(
            ("carried   ", "dim"),
            f"{show_gbps(carried)}, both directions, at {show_time(sample.at)}; {taken_on(sample)}",
        )
        if operator:
            _hottest(door, network, sample)
    if around:
        said = f"a way around {len(around) - len(bare)} of {len(around)} links in use, by fence, is ready at its router"
        door.say(("repair    ", "dim"), said, ("; which not: highroad network repairs --bare", "dim") if bare else "")
    text = frozen.text if frozen is not None else sample.frozen if sample is not None else None
    if text:
        door.say(("frozen    ", "bold cyan"), text)
    better = None if optimiser is None or not optimiser.worth_it else optimiser.plan
    if better is not None:
        door.say(("better    ", "yellow"), f"{better.id}: {better.verdict}", ("; highroad plan show", "dim"))
    if head is not None:
        door.say(("audit     ", "dim"), f"{head.rows} rows, head {head.hash}")
    for incident in incidents:
        door.say(
            ("broken    ", "bold red"),
            f"{incident.id}: {', '.join(incident.fibres) or 'a fibre'} since {show_time(incident.opened)}",
        )
    for drain in drains:
        if drain.state == "SCHEDULED":
            what = f"{len(drain.moving)} to move, {len(drain.stuck)} stuck"
            door.say(("booked    ", "yellow"), f"{drain.target}: drained from {show_time(drain.start)}, {what}")
        else:
            door.say(("drained   ", "yellow"), f"{drain.target}: {drain.state}, {len(drain.moved)} moved")
        if drain.note and not text:
            door.say(("          ", ""), drain.note)
    if operator:
        try:
            lab = client.lab()
        except (NotFound, Unavailable):
            pass
        else:
            for cut in lab.cuts:
                door.say(("cut       ", "bold red"), f"{cut.fibre}, in the lab, since {show_time(cut.since)}")
            for router in lab.routers:
                if not router.up:
                    door.say(("dead      ", "bold red"), f"{router.site}, in the lab, since {show_time(router.killed)}")
    for hook in hooks:
        why = hook.disabled_because or hook.last_error
        door.say((f"{'disabled' if hook.disabled else 'failing':<10}", "bold red"), f"webhook {hook.id}: {why}")
    amiss = [one for one in services if one.reason and one.state in (State.ACTIVATING, State.DEGRADED)]
    for reason, count in Counter(str(one.reason) for one in amiss).most_common(MOST_REASONS):
        door.say(("amiss     ", "bold red"), f"{count} {'service' if count == 1 else 'services'}: {reason}")
    if not incidents and not drains and not amiss and not text and not hooks:
        door.say(("nothing is broken, nothing is drained", "green"))


def _optimiser(door: Door) -> OptimiserOut | None:
    """What the optimiser has; None where that cannot be known."""
    try:
        return door.client.plan()
    except (Forbidden, NotFound, Unavailable):
        return None


def _unwell_hooks(door: Door) -> list[WebhookOut]:
    """Webhooks that are failing or were given up; those that somebody switched off are as wanted."""
    try:
        found = list(door.client.webhooks())
    except Forbidden:
        return []
    return [one for one in found if one.state != "active" and one.disabled_because != SWITCHED_OFF]


def _newest(door: Door) -> SampleOut | None:
    """The first thing that the live stream says is the newest sample, if there is one."""
    for item in door.client.live():
        return item if isinstance(item, SampleOut) else None
    return None


def _hottest(door: Door, network: NetworkOut, sample: SampleOut) -> None:
    capacity = {link.id: link.capacity_gbps for link in network.links}
    loads = sorted(
        ((carried / capacity[link], link, carried) for link, carried in sample.links.items() if capacity.get(link)),
        reverse=True,
    )
    rows = [
        (link.replace(">", " → "), show_gbps(carried), f"{share:.0%}", "█" * round(share * 20))
        for share, link, carried in loads[:HOTTEST]
        if carried > 0
    ]
    if rows:
        door.table("", ("hottest links", ">carried", ">load", ""), rows, "")
