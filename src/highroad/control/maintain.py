"""Drains: traffic is moved away from fibres on purpose, make-before-break, and comes back afterwards."""

from __future__ import annotations

from dataclasses import replace

from highroad.control import reroute, safety
from highroad.control.book import Book, Draft, in_order_of_need
from highroad.control.names import maintenance_id
from highroad.errors import Conflict, Finding, Invalid, NotFound, did_you_mean
from highroad.model.incident import Maintenance, MaintenanceId, MaintenanceState
from highroad.model.lifecycle import HOLDING
from highroad.model.service import Placement, Protection, Service


def drain(draft: Draft, target: str) -> Maintenance:
    """Begin to keep a fibre, a risk group or a site free of traffic. Raises Invalid, Frozen, or Conflict if it is."""
    book = draft.book
    safety.check_thawed(book, "drain after the thaw (`highroad thaw`)")
    fibres = book.network.fibres_of(target)
    if not fibres:
        network = book.network
        hint = did_you_mean(target, [*network.fibre, *network.site, *(group.id for group in network.risk_groups)])
        message = f"there is no fibre, site or risk group {target[:100]}{hint}"
        raise Invalid([Finding(code="unknown-target", place="target", message=message)])
    for other in book.maintenances.values():
        if other.target == target and other.state is not MaintenanceState.RETURNED:
            raise Conflict(f"{target} is being drained already, by {other.id}")
    maintenance = draft.put_maintenance(
        Maintenance(
            id=maintenance_id(),
            target=target,
            fibres=fibres,
            state=MaintenanceState.DRAINING,
            started_s=draft.now_s,
        )
    )
    book.avoid_again()
    draft.tell("highroad.maintenance.started", maintenance.id, target=target, fibres=list(fibres))
    drains(draft)
    return book.maintenances[maintenance.id]


def end(draft: Draft, maintenance_id: MaintenanceId) -> Maintenance:
    """Give the fibres back; what was moved goes home by the loop. Raises NotFound, or Conflict if it has ended."""
    maintenance = draft.book.maintenances.get(maintenance_id)
    if maintenance is None:
        raise NotFound(f"there is no maintenance {maintenance_id}")
    if maintenance.state is MaintenanceState.RETURNED:
        raise Conflict(f"{maintenance_id} has ended already")
    maintenance = draft.put_maintenance(
        replace(maintenance, state=MaintenanceState.RETURNED, ended_s=draft.now_s, stuck=())
    )
    draft.book.avoid_again()
    draft.tell("highroad.maintenance.returned", maintenance.id, target=maintenance.target)
    return maintenance


def drains(draft: Draft) -> None:
    """Move what still crosses a fibre that is being drained, unless changes are frozen; note when it is free."""
    book = draft.book
    for maintenance in list(book.maintenances.values()):
        if maintenance.state is MaintenanceState.RETURNED:
            continue
        links = book.links_over(maintenance.fibres)
        moved, stuck = list(maintenance.moved), []
        crossing = [
            service
            for service in book.services.values()
            if service.placement is not None and service.state in HOLDING and service.placement.uses(links)
        ]
        for service in in_order_of_need(crossing):
            if book.freeze is not None:
                stuck += [one for one in maintenance.stuck if one == service.id]
                continue
            found = _elsewhere(book, service)
            if found is None:
                stuck.append(service.id)
            else:
                reroute.move(draft, replace(service, away=True), found)
                moved.append(service.id)
        waiting = book.freeze is not None and bool(crossing)
        clear = not (stuck or waiting) and not any(
            placement.uses(links) for service in book.services.values() for placement in service.leaving
        )
        state = MaintenanceState.DRAINED if clear else MaintenanceState.DRAINING
        after = replace(maintenance, state=state, moved=tuple(dict.fromkeys(moved)), stuck=tuple(stuck))
        if after != maintenance:
            draft.put_maintenance(after)
            if state is MaintenanceState.DRAINED and maintenance.state is not state:
                draft.tell("highroad.maintenance.drained", maintenance.id, target=maintenance.target)


def _elsewhere(book: Book, service: Service) -> Placement | None:
    if book.tried.get(service.id) == book.changes:
        return None
    found = reroute.find(book, service)
    if found is None and service.order.protection is Protection.PATH:
        found = reroute.find(book, service, unprotected=True)
    if found is None:
        book.tried[service.id] = book.changes
    return found
