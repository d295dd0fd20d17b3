"""What maintenances keep in the calendar for services that will have to move: an index of it, and its upkeep."""

from __future__ import annotations

from collections.abc import Mapping

from highroad.graph.paths import Graph
from highroad.model.incident import Detour, Maintenance, MaintenanceId
from highroad.model.network import Network
from highroad.model.service import Service, ServiceId
from highroad.planning.closure import Closure
from highroad.planning.ground import Ground


class Detours:
    """The detours that are kept on a ground, beside what `services` keep themselves."""

    def __init__(self, ground: Ground, services: Mapping[ServiceId, Service]) -> None:
        self._ground, self._services = ground, services
        self._of: dict[ServiceId, set[MaintenanceId]] = {}

    def follow(self, before: Maintenance | None, after: Maintenance) -> None:
        """Keep what a maintenance has booked now, and no longer what it had before."""
        kept = {one.service for one in after.detours}
        for detour in before.detours if before is not None else ():
            if detour.service not in kept:
                self._give_up(after, detour.service)
        for detour in after.detours:
            if before is None or detour not in before.detours:
                self.keep(after, detour)

    def keep(self, maintenance: Maintenance, detour: Detour) -> bool:
        """Keep what a service needs for a detour beside what it has now. Returns whether that fits; else nothing is."""
        service, place = self._services.get(detour.service), detour.placement
        if service is not None and service.holds and service.order.bandwidth_gbps == place.bandwidth_gbps:
            time = service.window.within(maintenance.begin_s, maintenance.kept_until_s)
            if self._ground.keep_detour(maintenance.holder(service.id), service, place, time):
                self._of.setdefault(service.id, set()).add(maintenance.id)
                return True
        self._give_up(maintenance, detour.service)
        return False

    def of(self, service: ServiceId) -> list[MaintenanceId]:
        """The maintenances that keep a detour for a service."""
        return sorted(self._of.get(service, ()))

    @property
    def several(self) -> set[ServiceId]:
        """The services that several maintenances keep a detour for."""
        return {service for service, booked in self._of.items() if len(booked) > 1}

    def _give_up(self, maintenance: Maintenance, service: ServiceId) -> None:
        self._ground.give_up_detour(maintenance.holder(service), service)
        booked = self._of.get(service, set())
        booked.discard(maintenance.id)
        if not booked:
            self._of.pop(service, None)


def closure_of(maintenance: Maintenance, network: Network, graph: Graph) -> Closure:
    """The links of a maintenance in a network, and when nothing may be on them."""
    fibres = network.fibres_of(maintenance.target)
    links = frozenset(graph.link_number[link] for fibre in fibres for link in network.links_on.get(fibre, ()))
    return Closure(window=maintenance.window, links=links, in_force=maintenance.in_force)
