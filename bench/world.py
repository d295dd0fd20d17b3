"""The US reference network with services on it: what several figures are measured over."""

from __future__ import annotations

import random

from highroad.control.accounts import port_id
from highroad.formats import native, shipped
from highroad.model.lifecycle import State
from highroad.model.network import Network, SiteKind
from highroad.model.service import End, Port, PortId, Request, Service, ServiceId, TenantId
from highroad.planning.admission import Admitted, admit
from highroad.planning.calendar import Calendar
from highroad.planning.ground import Ground, capacities_of

TENANT = TenantId("bench")
NOW_S = 1_800_000_000.0
DAY_S = 86400.0


def us() -> Network:
    """The shipped network."""
    network = native.read(shipped.network_text("us")).network
    assert network is not None
    return network


def ground_of(network: Network) -> Ground:
    """An empty calendar, with a port of 100T at every site that may have one, so that links bind and not ports."""
    ports: dict[PortId, Port] = {}
    for site in network.sites:
        if site.kind is not SiteKind.POP:
            port = Port(id=port_id(TENANT, site.id), tenant=TENANT, site=site.id, rate_gbps=100_000.0)
            ports[port.id] = port
    return Ground(network=network, calendar=Calendar(capacities_of(network, ports)), ports=ports)


def dice_of(network: Network, seed: int) -> random.Random:
    """The dice of a seed."""
    return random.Random(f"{seed} {network.name}")


def request(network: Network, dice: random.Random, scale: float = 1.0) -> Request:
    """An order of 1 to 10 Gbit/s times a scale between two random ends.

    A third has a bound, a fifth a fence, half a window within a month.
    """
    ends = [site.id for site in network.sites if site.kind is not SiteKind.POP]
    a, b = dice.sample(ends, 2)
    start = NOW_S + dice.uniform(0, 30) * DAY_S
    timed = dice.random() < 0.5
    return Request(
        tenant=TENANT,
        a=End(at=a),
        b=End(at=b),
        bandwidth_gbps=round(dice.randint(1, 10) * scale, 3),
        latency_bound_ms=dice.choice([None, None, dice.uniform(20.0, 45.0)]),
        fence=("US",) if dice.random() < 0.2 else None,
        start_s=start if timed else NOW_S,
        end_s=start + dice.uniform(0.1, 10) * DAY_S if timed else None,
    )


def fill(ground: Ground, dice: random.Random, services: int, scale: float = 1.0) -> int:
    """Admit random orders until so many services are held; returns how many were refused on the way."""
    refused = held = 0
    while held < services and refused < 10 * services:
        decision = admit(ground, request(ground.network, dice, scale), NOW_S)
        if isinstance(decision, Admitted):
            keep(ground, decision, f"s-{held}")
            held += 1
        else:
            refused += 1
    return refused


def keep(ground: Ground, decision: Admitted, name: str) -> None:
    """Hold what was admitted."""
    ground.keep(
        Service(
            id=ServiceId(name),
            version=1,
            state=State.RESERVED,
            order=decision.order,
            created_s=NOW_S,
            changed_s=NOW_S,
            placement=decision.placement,
        )
    )
