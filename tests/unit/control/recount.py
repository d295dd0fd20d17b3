"""What the book keeps beside the services, counted again by walking over all of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from highroad.control.book import Book
from highroad.control.index import Index
from highroad.model.lifecycle import CARRYING, ENDED, HOLDING, State
from highroad.model.network import FibreId, LinkId
from highroad.model.policy import loads_of, policy_of
from highroad.model.service import Protection, Service, ServiceId
from highroad.model.window import Window
from highroad.ports import Fabric
from highroad.units import mbps_from_gbps


def assert_recounted(book: Book, now_s: float) -> None:
    """Every index is what a walk over the services finds, and what a book that is read anew has."""
    index, services = book.index, list(book.services.values())
    ahead, known = index.facts(), Index(services, book.is_broken).facts()
    assert _later(ahead, now_s) == _later(known, now_s)
    for tenant in {one.tenant for one in services}:
        rates = [
            (part.start_s, part.until_s, mbps_from_gbps(one.order.bandwidth_gbps))
            for one in services
            if one.tenant == tenant and one.state not in ENDED
            for part in one.order.window.parts
        ]
        assert book.tally.live(tenant) == sum(one.tenant == tenant and one.state not in ENDED for one in services)
        starts = {max(now_s, start_s) for start_s, until_s, _ in rates if until_s > now_s}
        most = max((sum(rate for a, b, rate in rates if a <= at_s < b) for at_s in starts), default=0)
        assert book.tally.most_mbps(tenant, Window(start_s=now_s)) == most
    assert index.carrying == sum(one.state in CARRYING for one in services)
    for state in State:
        assert set(index.within([state])) == _ids(one for one in services if one.state is state)
    assert set(index.leaving) == _ids(one for one in services if one.leaving or one.leaving_ends)
    assert set(index.away) == _ids(one for one in services if one.away)
    assert set(index.broken) == _ids(one for one in services if is_broken(book, one))
    for link in book.network.link:
        assert index.over([link]) == _ids(one for one in services if link in ways(one)), link
    times = [
        min(one.hold_until_s or one.created_s, one.piece.until_s)
        if one.state is State.HELD
        else one.piece.start_s
        if one.state is State.RESERVED
        else one.piece.until_s
        for one in services
        if one.state not in ENDED or one.leaving
    ]
    assert index.next_s(now_s) == min((at_s for at_s in times if now_s < at_s < float("inf")), default=None)
    dark = {one.id: sum(not out.healed for out in one.outages) for one in book.incidents.values() if one.open}
    assert book.unhealed == {incident: count for incident, count in dark.items() if count}
    present = book.present
    want = {one.id: policy for one in services if (policy := policy_of(one, book.ports)) is not None}
    names = want.keys() | present.held.keys()
    assert set(present.differs) == {name for name in names if want.get(name) != present.held.get(name)}
    loads = Counter[LinkId]()
    for policy in present.held.values():
        loads.update(loads_of(policy))
    for link in book.network.link:
        assert present.load_mbps(link) == loads[link]
    ends = [
        (end, policy.service) for policy in present.held.values() for end in (policy.a, policy.b) if end is not None
    ]
    for end, _ in ends:
        on_port = [(other.vlan, service) for other, service in ends if other.port == end.port]
        assert sorted(present.plugged(end.port, None)) == sorted(service for _, service in on_port)
        on_tag = [service for tag, service in on_port if tag in (None, end.vlan)]
        if end.vlan is not None:
            assert sorted(present.plugged(end.port, end.vlan)) == sorted(on_tag)


async def assert_news_is_all(book: Book, fabric: Fabric) -> None:
    """What the book knows of routers, and what is new since then, are what routers hold."""
    whole, news = await fabric.read(), await fabric.read(book.present.revision)
    assert news.since == book.present.revision
    assert news.revision == whole.revision
    known = dict(book.present.held) | dict(news.policies)
    assert {name: policy for name, policy in known.items() if name not in news.gone} == whole.policies


def is_broken(book: Book, service: Service) -> bool:
    """Whether a service is to be mended, by the network alone."""
    if service.state not in HOLDING:
        return False
    here, network = service.placement, book.network
    if service.state is State.DEGRADED or here is None:
        return True
    dark = _links(book, book.down)
    drained = _links(
        book,
        [fibre for one in book.maintenances.values() if one.in_force for fibre in one.fibres],
    )
    if any(link in dark or link not in network.link for link in here.links):
        return True
    bound_ms = service.order.latency_bound_ms
    slower_ms = max(
        sum(network.link[link].latency_ms for link in way) for one in here.branches for way in (one.there, one.back)
    )
    if bound_ms is not None and slower_ms > bound_ms + 1e-9:
        return True
    if service.order.protection is Protection.NONE:
        return False
    backup = here.backup
    return backup is None or any(
        link in dark or link in drained or link not in network.link for link in (*backup.there, *backup.back)
    )


def ways(service: Service) -> set[LinkId]:
    """Every link that a service has to do with."""
    home = None if service.home is None else service.home.placement
    placements = [one for one in (service.placement, home, *service.leaving) if one is not None]
    found = {link for one in placements for link in one.links}
    for one in placements:
        if one.backup is not None:
            found |= {*one.backup.there, *one.backup.back}
    return found


def _links(book: Book, fibres: Iterable[FibreId]) -> set[LinkId]:
    return {link for fibre in fibres for link in book.network.links_on.get(fibre, ())}


def _ids(services: Iterable[Service]) -> set[ServiceId]:
    return {one.id for one in services}


def _later(facts: Any, now_s: float) -> Any:
    """Without what is due: it may have been named already."""
    boundaries = {service: at_s for service, at_s in facts["boundaries"].items() if at_s > now_s}
    return {**facts, "boundaries": boundaries}
