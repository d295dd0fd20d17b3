"""Incidents, maintenances, tenants, ports, tokens, events and samples as they travel.

What a tenant gets of an incident is its own: its outages, the entries about its services in full, and of the rest in
neutral words that a fibre failed and came back, that its services are carried again, and that traffic returns. Which
fibre, and who else was on it, it never learns.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import asdict

from highroad.api.shapes.measured import measured
from highroad.api.shapes.services import path_out, rate_out
from highroad.control.book import Book
from highroad.control.desk import Desk
from highroad.control.emptied import Emptied, Goes
from highroad.model.freeze import Freeze
from highroad.model.incident import Fault, Incident, Maintenance, Phase, darkness
from highroad.model.quota import Usage
from highroad.model.service import Placement, Port, ServiceId, Tenant
from highroad.ports import EventRecord, Sample, TokenRecord
from highroad.units import iso_from_s
from highroad.wire.base import maybe_time, time_from_s
from highroad.wire.operations import (
    EmptiedOut,
    EntryOut,
    EventOut,
    FaultOut,
    FreezeOut,
    GoesOut,
    IncidentOut,
    MaintenanceOut,
    OutageOut,
    PortOut,
    QuotaOut,
    SampleOut,
    ShiftedOut,
    TenantOut,
    TokenOut,
)
from highroad.wire.services import PathOut

_TOLD_TO_ALL = {
    Phase.FAILED: "a fibre failed",
    Phase.SEEN: "the failure was seen",
    Phase.LOCAL: "routers carry on around it by themselves",
    Phase.FIBRE_BACK: "the fibre is back",
    Phase.RETURNED: "what was moved away returns to a faster path, if there is one",
    Phase.CLOSED: "closed",
}
"""What everybody whose service was touched may know of entries that are about no service."""


def incident_out(incident: Incident) -> IncidentOut:
    """All of it, for an operator."""
    return IncidentOut(
        id=incident.id,
        open=incident.open,
        title=incident.title or ", ".join(incident.fibres),
        fibres=list(incident.fibres),
        opened=time_from_s(incident.opened_s),
        closed=maybe_time(incident.closed_s),
        timeline=[
            EntryOut(at=time_from_s(entry.at_s), phase=entry.phase.value, text=entry.text, service=entry.service)
            for entry in incident.in_order
        ],
        outages=[
            OutageOut(
                service=outage.service,
                dark_ms=outage.known_ms,
                less_than_ms=outage.less_than_ms,
                healed=outage.healed,
            )
            for outage in incident.outages
        ],
        faults=[_fault_out(fault) for fault in incident.faults],
        protected=incident.protected,
        unprotected=list(incident.unprotected),
        shed=[one.service for one in incident.shed],
    )


def _fault_out(fault: Fault) -> FaultOut:
    return FaultOut(
        fibre=fault.fibre,
        reason=fault.reason.value,
        since=time_from_s(fault.since_s),
        back=maybe_time(fault.back_s),
        wait_s=fault.wait_s,
        in_use=fault.used,
        failed_again=fault.flaps,
        repaired_at=list(fault.repaired_at),
    )


def touched_by(incident: Incident) -> frozenset[ServiceId]:
    """The services that an incident has a word about."""
    told = {entry.service for entry in incident.timeline if entry.service is not None}
    dark = {outage.service for outage in incident.outages}
    return frozenset(told | dark | {*incident.unprotected} | {one.service for one in incident.shed})


def own_incident_out(incident: Incident, own: AbstractSet[ServiceId]) -> IncidentOut:
    """What the holder of some of its services sees of it."""
    whole = incident_out(incident)
    whole.title, whole.fibres, whole.faults, whole.protected = "", [], [], 0
    whole.unprotected = [service for service in whole.unprotected if service in own]
    whole.shed = [service for service in whole.shed if service in own]
    whole.outages = [outage for outage in whole.outages if outage.service in own]
    timeline: list[EntryOut] = []
    repaired = max((at for at, entry in enumerate(whole.timeline) if entry.phase == Phase.REPAIRED), default=None)
    for at, entry in enumerate(whole.timeline):
        if entry.service is None:
            text = _TOLD_TO_ALL.get(Phase(entry.phase))
            if at == repaired and whole.outages and all(outage.healed for outage in whole.outages):
                text = _repaired(whole.outages)
            if text is not None:
                timeline.append(entry.model_copy(update={"text": text}))
        elif entry.service in own:
            timeline.append(entry)
    whole.timeline = timeline
    return whole


def _repaired(outages: list[OutageOut]) -> str:
    """What the holder of these services, all of them carried again, reads of that."""
    several = len(outages) > 1
    words = darkness(((one.dark_ms, one.less_than_ms) for one in outages), several=several)
    return f"your {f'{len(outages)} services are' if several else 'service is'} carried again; {words}"


def maintenance_out(maintenance: Maintenance, would: EmptiedOut | None = None) -> MaintenanceOut:
    """A drain; `would` is of one that is only previewed."""
    return MaintenanceOut(
        id=maintenance.id,
        target=maintenance.target,
        fibres=list(maintenance.fibres),
        state=maintenance.state.value,
        started=time_from_s(maintenance.started_s),
        start=maybe_time(maintenance.start_s),
        end=maybe_time(maintenance.end_s),
        lead_s=maintenance.lead_s,
        ended=maybe_time(maintenance.ended_s),
        moving=[one.service for one in maintenance.detours],
        moved=list(maintenance.moved),
        stuck=list(maintenance.stuck),
        note=maintenance.note,
        because=dict(zip(maintenance.stuck, maintenance.because, strict=False)),
        would=would,
    )


def emptied_out(found: Emptied, book: Book) -> EmptiedOut:
    """What a drain would do."""
    return EmptiedOut(
        links=list(found.links),
        goes=[_goes(one, book) for one in found.goes],
        shifted=[
            ShiftedOut(
                link=one.link,
                capacity_gbps=one.capacity_gbps,
                before_gbps=round(one.before_gbps, 3),
                after_gbps=round(one.after_gbps, 3),
            )
            for one in found.shifted
        ],
    )


def _goes(one: Goes, book: Book) -> GoesOut:
    order = one.service.order
    return GoesOut(
        service=one.service.id,
        tenant=one.service.tenant,
        bandwidth_gbps=order.bandwidth_gbps,
        before=_ways(one.service.placement, book),
        after=_ways(one.to, book),
        latency_before_ms=one.before_ms,
        latency_after_ms=one.after_ms,
        unprotected=one.unprotected,
    )


def _ways(placement: Placement | None, book: Book) -> list[PathOut]:
    """The ways there, without those of which the network has not every link any more."""
    branches = () if placement is None else placement.branches
    found = (path_out(branch.there, book.network, book.graph) for branch in branches)
    return [path for path in found if path is not None]


def freeze_out(freeze: Freeze | None) -> FreezeOut:
    """Whether changes are frozen, for an operator."""
    if freeze is None or not freeze.open:
        return FreezeOut(frozen=False, since=None, reason="", text="")
    return FreezeOut(
        frozen=True,
        since=time_from_s(freeze.started_s),
        reason=freeze.reason,
        text=_frozen(freeze, freeze.reason) or "",
    )


def frozen_text(freeze: Freeze | None, *, operator: bool) -> str | None:
    """That planned changes are frozen; who is no operator is not told why."""
    return _frozen(freeze, "" if freeze is None or not operator else freeze.reason)


def _frozen(freeze: Freeze | None, reason: str) -> str | None:
    if freeze is None:
        return None
    why = f" ({reason})" if reason else ""
    return f"changes are frozen since {iso_from_s(freeze.started_s)}{why}: only repairs are made"


def tenant_out(tenant: Tenant, usage: Usage) -> TenantOut:
    """A customer, with what it has and may have."""
    limits, used = asdict(tenant.quota), asdict(usage)
    both = {name: {"used": used[name], "allowed": limits[name]} for name in used}
    return TenantOut(id=tenant.id, name=tenant.name, quota=QuotaOut.model_validate(both))


def port_out(port: Port) -> PortOut:
    """A port."""
    return PortOut(id=port.id, tenant=port.tenant, site=port.site, rate_gbps=port.rate_gbps, mtu_bytes=port.mtu_bytes)


def token_out(token: TokenRecord) -> TokenOut:
    """A token without its secret."""
    return TokenOut(
        id=token.id,
        tenant=token.tenant,
        label=token.label,
        created=time_from_s(token.created_s),
        revoked=maybe_time(token.revoked_s),
        role=token.grant.role.value,
        scopes=None if token.scopes is None else list(token.scopes),
        expires=maybe_time(token.expires_s),
        used=maybe_time(token.used_s),
        issued_by=token.issued_by,
    )


def event_out(event: EventRecord, viewer: str | None) -> EventOut:
    """An event as a CloudEvent, with its place in the sequence of a tenant, or of operators for None."""
    return EventOut(
        id=event.id,
        type=event.kind,
        subject=event.subject,
        time=time_from_s(event.at_s),
        sequence=event.place(viewer),
        tenant=event.tenant,
        data=dict(event.data),
    )


def sample_out(sample: Sample, book: Book, controller: Desk) -> SampleOut:
    """A sample for an operator: everything that moves."""
    return SampleOut(
        **measured(controller),
        at=time_from_s(sample.at_s),
        sequence=book.last_sequence,
        links={link: round(counters.carried_gbps, 3) for link, counters in sample.links.items()},
        fibres_down=sorted(book.down),
        fibres_drained=sorted(book.drained),
        frozen=frozen_text(book.freeze, operator=True),
        services={
            service: rate_out(book.services[service].state, counters)
            for service, counters in sample.services.items()
            if service in book.services
        },
    )


def own_sample_out(sample: Sample, book: Book, controller: Desk, tenant: str, sequence: int) -> SampleOut:
    """A sample for a tenant: its own services, and nothing of the network."""
    return SampleOut(
        **measured(controller),
        at=time_from_s(sample.at_s),
        sequence=sequence,
        links={},
        fibres_down=[],
        fibres_drained=[],
        frozen=frozen_text(book.freeze, operator=False),
        services={
            service: rate_out(held.state, counters)
            for service, counters in sample.services.items()
            if (held := book.services.get(service)) is not None and held.tenant == tenant
        },
    )
