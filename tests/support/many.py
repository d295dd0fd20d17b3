"""A home with very many services in it, as a controller leaves one that had them ordered."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace
from itertools import permutations
from pathlib import Path

from highroad.control.accounts import port_id
from highroad.main import first
from highroad.model.lifecycle import State
from highroad.model.network import SiteKind
from highroad.model.service import End, Port, PortId, Request, Service, ServiceId
from highroad.planning.admission import Admitted, admit
from highroad.planning.calendar import Calendar
from highroad.planning.ground import FOUND_TAGS, Ground, capacities_of
from highroad.ports import Commit
from highroad.storage.store import SqlStore

STORE = "highroad.db"
"""As a home has it."""
GBPS = 0.001
LOT = 5000
DAY_S = 86_400.0


def with_services(home: Path, count: int, gbps: float = GBPS) -> list[ServiceId]:
    """So many small services over the network `us`, in a home that nobody uses yet; who they are, in order."""
    network = first.read_network("us")
    tenant, now_s = first.TENANT, time.time()
    ports = {
        port_id(tenant.id, site.id): Port(
            id=port_id(tenant.id, site.id), tenant=tenant.id, site=site.id, rate_gbps=first.PORT_GBPS
        )
        for site in network.sites
        if site.kind is not SiteKind.POP
    }
    ground = Ground(network=network, calendar=Calendar(capacities_of(network, ports)), ports=ports)
    sites = [port.site for port in ports.values()]
    decided = [
        decision
        for a, b in list(permutations(sites, 2))[:: max(1, len(sites) ** 2 // 200)]
        if isinstance(
            decision := admit(
                ground, Request(tenant=tenant.id, a=End(at=a), b=End(at=b), bandwidth_gbps=gbps), now_s - DAY_S
            ),
            Admitted,
        )
    ]
    tags: Counter[PortId] = Counter()
    services = []
    for number in range(count):
        one = decided[number % len(decided)]
        a, b = (replace(end, vlan=FOUND_TAGS[tags[end.port]]) for end in (one.order.a, one.order.b))
        tags.update((a.port, b.port))
        services.append(
            Service(
                id=ServiceId(f"svc-{number:010}"),
                version=1,
                state=State.ACTIVE,
                order=replace(one.order, a=a, b=b),
                created_s=now_s - DAY_S,
                changed_s=now_s - DAY_S,
                placement=one.placement,
            )
        )
    store = SqlStore(home / STORE)
    store.commit(Commit(network=network, tenants=[tenant], ports=list(ports.values())))
    for begin in range(0, count, LOT):
        store.commit(Commit(services=services[begin : begin + LOT]))
    store.close()
    return [one.id for one in services]
