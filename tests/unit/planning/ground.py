"""The small country, ready to be decided on."""

from __future__ import annotations

from highroad.model.lifecycle import State
from highroad.model.network import LinkId, Network
from highroad.model.service import Placement, Port, Service, ServiceId
from highroad.planning.admission import Admitted
from highroad.planning.calendar import Calendar
from highroad.planning.ground import Ground, capacities_of
from tests.support.country import country
from tests.support.country import ports as country_ports

NOW_S = 1_800_000_000.0


def ground_of(network: Network | None = None, ports: list[Port] | None = None) -> Ground:
    """A ground with nothing on it yet."""
    network = network or country()
    by_id = {port.id: port for port in (country_ports() if ports is None else ports)}
    return Ground(network=network, calendar=Calendar(capacities_of(network, by_id)), ports=by_id)


def keep(ground: Ground, name: str, decision: object) -> Service:
    """Reserve what was admitted."""
    assert isinstance(decision, Admitted), decision
    service = Service(
        id=ServiceId(name),
        version=1,
        state=State.RESERVED,
        order=decision.order,
        created_s=NOW_S,
        changed_s=NOW_S,
        placement=decision.placement,
    )
    ground.keep(service)
    return service


def avoid(ground: Ground, *links: str) -> None:
    """Take links out of use."""
    ground.avoid = frozenset(ground.graph.link_number[LinkId(link)] for link in links)


def ways(placement: Placement) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The links there and the links back."""
    return placement.there, placement.back
