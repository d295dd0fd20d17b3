"""The difference between what is wanted and what is, and what the calendar keeps meanwhile."""

from __future__ import annotations

import math
from dataclasses import replace
from zlib import crc32

from highroad.control.book import Book
from highroad.control.reconcile import diff
from highroad.model.lifecycle import State
from highroad.model.policy import Policy, policy_of
from highroad.model.service import Placement, Service, ServiceId
from highroad.planning.admission import Admitted, admit
from highroad.planning.ground import claims_of
from highroad.ports import Install, Replace, Snapshot, Withdraw
from tests.support.country import country, ports, request, tenants
from tests.unit.planning.ground import NOW_S, ground_of


def carried(name: str, gbps: float, *, fence: tuple[str, ...] | None = None, end_s: float | None = None) -> Service:
    decision = admit(ground_of(), request(gbps, fence=fence, end_s=end_s), NOW_S)
    assert isinstance(decision, Admitted)
    tag = 2 + crc32(name.encode()) % 4000  # its own
    ends = {end: replace(getattr(decision.order, end), vlan=tag) for end in "ab"}
    return Service(
        id=ServiceId(name),
        version=1,
        state=State.ACTIVE,
        order=replace(decision.order, **ends),
        created_s=NOW_S,
        changed_s=NOW_S,
        placement=decision.placement,
    )


def book_of(*services: Service) -> Book:
    return Book(Snapshot(network=country(), network_revision=1, tenants=tenants(), ports=ports(), services=services))


def policy(service: Service) -> Policy:
    made = policy_of(service, {port.id: port for port in ports()})
    assert made is not None
    return made


def test_what_does_not_fit_beside_what_routers_hold_waits() -> None:
    old, new = carried("old", 60.0), carried("new", 60.0)
    book = book_of(new)
    assert diff(book, {old.id: policy(old)}) == [Withdraw(service=old.id)]
    assert diff(book, {}) == [Install(policy=policy(new))]
    small = carried("small", 40.0)
    assert diff(book_of(new, small), {small.id: policy(small)}) == [Install(policy=policy(new))]


def test_a_tag_that_routers_hold_for_another_is_waited_for() -> None:
    old, new = carried("old", 10.0), carried("new", 10.0)
    same = replace(new, order=replace(new.order, a=replace(new.order.a, vlan=old.order.a.vlan)))
    whole = replace(new, order=replace(new.order, a=replace(new.order.a, vlan=None)))
    for waiting in (same, whole):
        book = book_of(waiting)
        assert diff(book, {old.id: policy(old)}) == [Withdraw(service=old.id)]
        assert diff(book, {}) == [Install(policy=policy(waiting))]
        assert diff(book_of(waiting, old), {}) == [Install(policy=policy(waiting))]


def test_of_two_that_fit_alone_but_not_together_one_waits() -> None:
    first, second = carried("a", 60.0), carried("b", 60.0)
    assert diff(book_of(first, second), {}) == [Install(policy=policy(first))]


def test_a_replacement_needs_room_only_for_what_it_adds() -> None:
    small, large = carried("s", 40.0), carried("s", 90.0)
    assert diff(book_of(large), {small.id: policy(small)}) == [Replace(policy=policy(large))]
    other = carried("other", 20.0)
    held = {small.id: policy(small), other.id: policy(other)}
    assert diff(book_of(large, other), held) == []


def test_what_is_right_is_left_alone() -> None:
    service = carried("s", 40.0)
    described = replace(service, order=replace(service.order, description="another"))
    assert diff(book_of(described), {service.id: policy(service)}) == []


def test_a_service_keeps_what_it_is_leaving_and_what_it_wants() -> None:
    north, south = carried("s", 40.0), carried("s", 30.0, fence=("US",))
    moving = replace(south, leaving=(north.placement,) if north.placement else ())
    kept = {claim.resource: 0 for claim in claims_of(moving)}
    for claim in claims_of(moving):
        kept[claim.resource] += claim.rate_mbps
    assert kept["west>east"] == 40_000
    assert kept["west>south"] == 30_000
    assert kept["campus>west"] == 40_000


def test_what_is_left_is_kept_until_the_window_ends_and_no_longer() -> None:
    service = carried("s", 40.0, end_s=NOW_S + 60)
    assert isinstance(service.placement, Placement)
    released = replace(service, state=State.TERMINATED, placement=None, leaving=(service.placement,), ended_s=NOW_S)
    assert {claim.until_s for claim in claims_of(released)} == {NOW_S + 60}
    over = replace(released, ended_s=NOW_S + 60)
    assert claims_of(over) == []
    endless = replace(released, order=replace(released.order, window=replace(released.order.window, end_s=None)))
    assert {claim.until_s for claim in claims_of(endless)} == {math.inf}


def test_a_service_without_a_path_keeps_its_ports() -> None:
    dark = replace(carried("s", 40.0), placement=None, state=State.DEGRADED)
    assert {claim.resource for claim in claims_of(dark)} == {"port:acme.campus", "port:acme.cloud"}
