"""Plans for all that is carried: whatever they move fits and keeps every promise, and no bound is over what can be."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from highroad.model.lifecycle import State
from highroad.model.network import LinkId, SiteId
from highroad.model.service import (
    Attachment,
    Order,
    Placement,
    PortId,
    Protection,
    Service,
    ServiceId,
    TenantId,
    Window,
)
from highroad.planning.calendar import Claim
from highroad.planning.find import find
from highroad.planning.ground import Ground
from highroad.planning.placement import latency_ms, want_of
from highroad.planning.protection import shared_groups
from highroad.planning.replan import Replan, asked_of, replan
from highroad.planning.solve.answer import Limits
from highroad.planning.solve.problem import checked
from highroad.planning.solve.shared import utilisation
from highroad.planning.traffic import Demand, Demands, problem_of
from tests.support.linear import program
from tests.unit.planning.ground import NOW_S, avoid, ground_of
from tests.unit.planning.small import Path, network_of, simple_paths, small
from tests.unit.planning.solve.instances import claim

TENANT = TenantId("t")
SPANS = (("a", "b", 2.0), ("a", "c", 2.0), ("c", "b", 2.0))


def service(name: str, a: str, b: str, gbps: float, placement: Placement | None, **asked: object) -> Service:
    end = {"window": Window(start_s=NOW_S - 10), **asked}
    order = Order(
        tenant=TENANT,
        a=Attachment(port=PortId(f"{name}-a"), vlan=2),
        b=Attachment(port=PortId(f"{name}-b"), vlan=2),
        a_site=SiteId(a),
        b_site=SiteId(b),
        bandwidth_gbps=gbps,
        **end,  # type: ignore[arg-type]
    )
    return Service(
        id=ServiceId(name),
        version=1,
        state=State.ACTIVE,
        order=order,
        created_s=NOW_S,
        changed_s=NOW_S,
        placement=placement,
    )


def way(gbps: float, *sites: str) -> Placement:
    spans = list(pairwise(sites))
    there = tuple(LinkId(f"{tail}>{head}") for tail, head in spans)
    back = tuple(LinkId(f"{head}>{tail}") for tail, head in reversed(spans))
    return Placement(there=there, back=back, bandwidth_gbps=gbps)


def held(ground: Ground, *services: Service) -> list[Service]:
    for one in services:
        ground.keep(one)
    return list(services)


def drawn(seed: int, most: int = 6) -> tuple[Ground, list[Service]]:
    """Services at random on a small network, each where there was room for it; every third one is protected."""
    dice = random.Random(f"replan {seed}")
    ground = ground_of(small(seed, sites=6, share=0.7), [])
    sites = [site.id for site in ground.network.sites]
    services: list[Service] = []
    for number in range(dice.randint(1, most)):
        a, b = dice.sample(sites, 2)
        one = service(
            f"s-{number}",
            a,
            b,
            float(dice.randint(1, 6)),
            None,
            latency_bound_ms=dice.choice([None, 15.0]),
            protection=dice.choice([Protection.NONE, Protection.NONE, Protection.PATH]),
            window=Window(start_s=NOW_S - 10, end_s=dice.choice([None, NOW_S + 50])),
        )
        found = find(ground, replace(want_of(one.order), fastest=True))
        if found is not None:
            services += held(ground, replace(one, placement=found))
    for number, link in enumerate(ground.network.links):
        if dice.random() < 0.2 and (rate := ground.calendar.free(link.id, Window(start_s=NOW_S))) > 1:
            since = dice.choice([float("-inf"), NOW_S + 20])
            ground.calendar.keep(f"other-{number}", [Claim(link.id, since, NOW_S + 70, dice.randint(1, rate))])
    return ground, services


def keeps_promises(ground: Ground, services: list[Service], plan: Replan) -> None:
    """The set as a whole fits beside everything else, and each is inside its bound, with a backup that helps."""
    by_id = {one.id: one for one in services}
    for name, at in plan.moves.items():
        before = by_id[name]
        assert at != before.placement
        assert at.bandwidth_gbps == before.order.bandwidth_gbps
        bound = before.order.latency_bound_ms
        assert bound is None or latency_ms(ground, at) <= bound + 1e-9
        assert (at.backup is not None) == (before.order.protection is Protection.PATH)
        assert shared_groups(ground, at) == frozenset()
        ground.keep(replace(before, placement=at))
    assert [one for one, _ in ground.calendar.oversold() if not one.startswith("port:")] == []
    calendar, capacity = ground.calendar, {link.id: link.capacity_gbps * 1000 for link in ground.network.links}
    assert plan.after_mbps == {link: calendar.at(link, NOW_S) for link in capacity}
    assert plan.after.utilisation <= plan.before.utilisation
    assert plan.bound <= plan.after.utilisation


@pytest.mark.parametrize("seed", range(60))
def test_what_is_moved_fits_and_keeps_every_promise(seed: int) -> None:
    ground, services = drawn(seed)
    keeps_promises(ground, services, replan(asked_of(ground, services, NOW_S)))


@settings(max_examples=60, deadline=None)
@given(st.integers(100, 10**9), st.integers(0, 3))
def test_any_network_and_any_number_of_moves(seed: int, most: int) -> None:
    ground, services = drawn(seed, most=10)
    plan = replan(asked_of(ground, services, NOW_S), most_moves=most)
    assert len(plan.moves) <= most
    keeps_promises(ground, services, plan)


def best_of_all(ground: Ground, services: list[Service], aside: Sequence[LinkId] = ()) -> float:
    """The least maximum utilisation of any ways there and back, one each, whatever they take: by brute force. Links
    that are left `aside` do not count.
    """
    network = ground.network
    capacity = {link.id: link.capacity_gbps for link in network.links}
    fixed = {link: ground.calendar.claimed_at(link, NOW_S) / 1000 for link in capacity}
    for one in services:
        assert one.placement is not None
        for link, held_mbps in one.placement.load_mbps().items():
            fixed[link] -= held_mbps / 1000
    ways: list[tuple[float, list[Path]]] = []
    for one in services:
        a, b, rate = one.order.a_site, one.order.b_site, one.order.bandwidth_gbps
        ways += [(rate, list(simple_paths(network, a, b))), (rate, list(simple_paths(network, b, a)))]
    best = float("inf")
    for chosen in product(*(paths for _, paths in ways)):
        load: dict[LinkId, float] = {}
        for (rate, _), path in zip(ways, chosen, strict=True):
            for link in path:
                load[link] = load.get(link, 0.0) + rate
        best = min(
            best,
            max(((on + fixed[link]) / capacity[link] for link, on in load.items() if link not in aside), default=0.0),
        )
    return best


@pytest.mark.parametrize("seed", range(40))
def test_no_placement_betters_the_bound(seed: int) -> None:
    dice = random.Random(f"bound {seed}")
    ground = ground_of(small(seed, sites=5, share=0.7), [])
    sites = [site.id for site in ground.network.sites]
    for number, link in enumerate(ground.network.links):
        if dice.random() < 0.3:
            ground.calendar.keep(f"other-{number}", [Claim(link.id, float("-inf"), float("inf"), 1000)])
    services: list[Service] = []
    for number in range(2):
        a, b = dice.sample(sites, 2)
        one = service(f"s-{number}", a, b, float(dice.randint(1, 4)), None)
        found = find(ground, replace(want_of(one.order), fastest=True))
        if found is not None:
            services += held(ground, replace(one, placement=found))
    if not services:
        return
    plan = replan(asked_of(ground, services, NOW_S))
    best = best_of_all(ground, services)
    assert plan.bound <= best + 1e-9
    assert plan.after.utilisation >= best - 1e-9


@pytest.mark.parametrize("seed", range(20))
def test_the_bound_is_that_of_the_linear_program(seed: int) -> None:
    ground, services = drawn(seed, most=8)
    for number in range(len(ground.network.links)):
        ground.calendar.keep(f"other-{number}", ())
    if not services:
        return
    demands = Demands.of(
        ground.network,
        [
            Demand(source=source, target=target, gbps=one.order.bandwidth_gbps)
            for one in services
            for source, target in (
                (one.order.a_site, one.order.b_site),
                (one.order.b_site, one.order.a_site),
            )
        ],
    )
    whole = checked(problem_of(ground.network, demands)).problem
    best = program(claim(utilisation(whole), "utilisation")).by_highs()
    plan = replan(asked_of(ground, services, NOW_S), Limits(gap=1e-3))
    assert plan.bare_bound <= best * (1 + 1e-6)
    assert plan.bare_bound >= best * (1 - 1e-2)


def test_one_of_two_on_a_link_goes_the_other_way() -> None:
    ground = ground_of(network_of(SPANS), [])
    services = held(
        ground,
        service("s-1", "a", "b", 8.0, way(8.0, "a", "b")),
        service("s-2", "a", "b", 8.0, way(8.0, "a", "b")),
    )
    plan = replan(asked_of(ground, services, NOW_S))
    assert plan.before.utilisation == pytest.approx(0.8)
    assert plan.after.utilisation == pytest.approx(0.4)
    assert list(plan.moves.values()) == [way(8.0, "a", "c", "b")]
    assert plan.bound == pytest.approx(0.4, rel=0.01)
    assert plan.complete


def test_nobody_moves_where_that_wins_nothing() -> None:
    ground = ground_of(network_of((("a", "b", 2.0),)), [])
    services = held(ground, service("s-1", "a", "b", 16.0, way(16.0, "a", "b")))
    plan = replan(asked_of(ground, services, NOW_S))
    assert not plan.moves
    assert plan.bound == pytest.approx(0.8)
    assert plan.gap < 0.01


def behind_a_full_access_link(fast: float | None = None) -> tuple[Ground, list[Service]]:
    """One at 95 % of the only link there is to x, and two who share a core link at 90 % with a way around it."""
    ground = ground_of(network_of((*SPANS, ("x", "a", 2.0))), [])
    return ground, held(
        ground,
        service("s-1", "x", "a", 19.0, way(19.0, "x", "a")),
        service("s-2", "a", "b", 9.0, way(9.0, "a", "b"), latency_bound_ms=fast),
        service("s-3", "a", "b", 9.0, way(9.0, "a", "b"), latency_bound_ms=fast),
    )


def test_a_full_link_that_nobody_can_leave_does_not_keep_the_rest_from_being_lowered() -> None:
    ground, services = behind_a_full_access_link()
    plan = replan(asked_of(ground, services, NOW_S))
    keeps_promises(ground, services, plan)
    assert [plan.before.utilisation, plan.after.utilisation] == pytest.approx([0.95, 0.95])
    assert plan.bound == pytest.approx(0.95, rel=0.01)
    assert set(plan.stuck) == {"x>a", "a>x"}
    assert plan.rest == pytest.approx(0.45)
    assert plan.rest_bound == pytest.approx(0.45, rel=0.01)
    assert [len(plan.moves), *plan.moves.values()] == [1, way(9.0, "a", "c", "b")]
    assert plan.complete


def test_all_that_nobody_can_leave_is_told() -> None:
    ground, services = behind_a_full_access_link(fast=3.0)
    plan = replan(asked_of(ground, services, NOW_S))
    assert not plan.moves, "the way around is too long for them"
    assert set(plan.stuck) == {"x>a", "a>x", "a>b", "b>a"}
    assert (plan.rest, plan.rest_bound) == (0.0, 0.0)


@pytest.mark.parametrize("seed", range(30))
def test_no_placement_betters_the_bound_of_the_rest(seed: int) -> None:
    dice = random.Random(f"rest {seed}")
    ground = ground_of(network_of((*SPANS, ("b", "d", 2.0), ("c", "d", 2.0), ("x", "a", 2.0))), [])
    services = [*held(ground, service("s-0", "x", "a", 19.0, way(19.0, "x", "a")))]
    for number in range(1, 4):
        a, b = dice.sample("abcd", 2)
        one = service(f"s-{number}", a, b, float(dice.randint(4, 9)), way(1.0, a, b))
        found = find(ground, replace(want_of(one.order), fastest=True))
        if found is not None:
            services += held(ground, replace(one, placement=found))
    plan = replan(asked_of(ground, services, NOW_S))
    best = best_of_all(ground, services, aside=plan.stuck)
    assert plan.rest_bound <= best + 1e-9
    assert plan.rest >= best - 1e-9
    keeps_promises(ground, services, plan)


def test_once_the_fullest_was_lowered_nobody_moves_for_what_is_below_it() -> None:
    ground = ground_of(network_of((*SPANS, ("d", "a", 2.0), ("d", "e", 2.0), ("e", "a", 2.0))), [])
    services = held(
        ground,
        *(service(f"s-{gbps}", "a", "b", gbps, way(gbps, "a", "b")) for gbps in (10.0, 5.0, 4.0)),
        service("s-8.0", "a", "b", 8.0, way(8.0, "a", "c", "b")),
        *(service(f"d-{n}", "d", "a", 6.5, way(6.5, "d", "a")) for n in (1, 2)),
    )
    plan = replan(asked_of(ground, services, NOW_S))
    assert plan.before.utilisation == pytest.approx(0.95)
    assert plan.after.utilisation < 0.8
    assert len(plan.moves) == 1
    assert not {"d-1", "d-2"} & set(plan.moves), "they are at 65 %, which could be half"


def test_a_long_way_for_nothing_is_left() -> None:
    ground = ground_of(network_of(SPANS), [])
    services = held(ground, service("s-1", "a", "b", 1.0, way(1.0, "a", "c", "b")))
    plan = replan(asked_of(ground, services, NOW_S))
    assert plan.moves == {ServiceId("s-1"): way(1.0, "a", "b")}
    assert (plan.before.latency_ms, plan.after.latency_ms) == (4.0, 2.0)


def test_who_may_not_be_moved_stays_and_counts() -> None:
    ground = ground_of(network_of(SPANS), [])
    stays = service("s-1", "a", "b", 8.0, way(8.0, "a", "b"))
    for other in (
        replace(stays, state=State.RESERVED),
        replace(stays, leaving=(way(1.0, "a", "c", "b"),)),
        replace(
            stays,
            order=replace(
                stays.order,
                window=Window(
                    start_s=NOW_S - 10,
                    end_s=NOW_S + 99,
                    pieces=(
                        Window(start_s=NOW_S - 10, end_s=NOW_S + 9),
                        Window(start_s=NOW_S + 50, end_s=NOW_S + 99),
                    ),
                ),
            ),
        ),
    ):
        services = held(ground, other, service("s-2", "a", "b", 8.0, way(8.0, "a", "b")))
        asked = asked_of(ground, services, NOW_S)
        assert [one.id for one in asked.services] == ["s-2"]
        assert set(replan(asked).moves) == {"s-2"}


def test_who_is_on_a_link_that_is_gone_or_has_a_detour_booked_is_left_to_others() -> None:
    ground = ground_of(network_of(SPANS), [])
    gone = service("s-1", "a", "b", 8.0, Placement(there=(LinkId("a>x"),), back=(LinkId("x>a"),), bandwidth_gbps=8.0))
    services = held(ground, gone, service("s-2", "a", "b", 8.0, way(8.0, "a", "b")))
    assert [one.id for one in asked_of(ground, services, NOW_S).services] == ["s-2"]
    ground.calendar.keep_beside("drain", "s-2", [Claim("a>c", NOW_S + 10, NOW_S + 20, 1000)])
    assert not asked_of(ground, services, NOW_S).services


def test_a_link_that_is_drained_or_booked_takes_nobody() -> None:
    ground = ground_of(network_of(SPANS), [])
    services = held(ground, *(service(f"s-{n}", "a", "b", 8.0, way(8.0, "a", "b")) for n in (1, 2)))
    ground.calendar.keep("later", [Claim("c>b", NOW_S + 1000, NOW_S + 2000, 15_000)])
    assert not replan(asked_of(ground, services, NOW_S)).moves
    ground.calendar.keep("later", ())
    avoid(ground, "a>c")
    assert not replan(asked_of(ground, services, NOW_S)).moves


def test_time_that_is_up_and_a_stop_leave_what_is() -> None:
    ground = ground_of(network_of(SPANS), [])
    services = held(ground, *(service(f"s-{n}", "a", "b", 8.0, way(8.0, "a", "b")) for n in (1, 2)))
    asked = asked_of(ground, services, NOW_S)
    for plan in (replan(asked, stop=lambda: True), replan(asked, Limits(time_s=0.0))):
        assert not plan.moves
        assert not plan.complete
        assert plan.after == plan.before


def test_nothing_to_move() -> None:
    plan = replan(asked_of(ground_of(), [], NOW_S))
    assert (plan.moves, plan.movable, plan.bound, plan.gap) == ({}, 0, 0.0, 0.0)
