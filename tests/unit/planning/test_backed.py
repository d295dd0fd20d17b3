"""The bound that knows of backups: nothing betters it, another hand finds it too, and what is made up does not hold."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from highroad.model.network import LinkId, SiteId
from highroad.model.service import Backup, Placement, Protection, Service
from highroad.planning.backed import Risk, Sheltered, without
from highroad.planning.find import find
from highroad.planning.ground import Ground
from highroad.planning.placement import want_of
from highroad.planning.protection import shared_groups
from highroad.planning.replan import Replan, asked_of, replan
from highroad.planning.solve.answer import Limits
from highroad.planning.traffic import Demand, Demands, problem_of
from tests.support.backed import Claimed, Way, holds
from tests.unit.planning.ground import NOW_S, avoid, ground_of
from tests.unit.planning.small import network_of, simple_paths, small
from tests.unit.planning.test_replan import SPANS, drawn, held, service, way


def safe(name: str, a: str, b: str, gbps: float, primary: Placement, backup: Placement) -> Service:
    """A protected service."""
    placement = replace(primary, backup=Backup(there=backup.there, back=backup.back))
    return service(name, a, b, gbps, placement, protection=Protection.PATH)


def around(gbps: float = 8.0, name: str = "s-1") -> Service:
    return safe(name, "a", "b", gbps, way(gbps, "a", "b"), way(gbps, "a", "c", "b"))


def claimed(ground: Ground, services: list[Service], plan: Replan) -> Claimed:
    """What a plan says of its bound, with what it is over taken from the services themselves."""
    moving = {one.id for one in asked_of(ground, services, NOW_S).services}
    stood: dict[LinkId, float] = {}
    fixed = {link.id: ground.calendar.claimed_at(link.id, NOW_S) / 1000 for link in ground.network.links}
    ways: list[Way] = []
    used = set[LinkId]()
    for holder, _, standbys in ground.calendar.held():
        for stands in standbys:
            if holder not in moving and stands.start_s <= NOW_S < stands.until_s and plan.group in stands.groups:
                link = LinkId(stands.resource)
                stood[link] = stood.get(link, 0.0) + stands.rate_mbps / 1000
    for one in services:
        here = one.placement
        if one.id not in moving or here is None:
            continue
        used.update(here.links)
        used.update(() if here.backup is None else (*here.backup.there, *here.backup.back))
        for link, rate in here.load_mbps().items():
            fixed[link] -= rate / 1000
        protected = here.backup is not None and not shared_groups(ground, here)
        ends = one.order.a_site, one.order.b_site
        for source, target in (ends, ends[::-1]):
            ways.append(
                Way(source=source, target=target, gbps=here.bandwidth_gbps, protected=protected, fence=one.order.fence)
            )
    level = plan.bound
    out = frozenset(ground.network.links[number].id for number in ground.avoid) - used
    full = {  # whoever goes over one of these is no better off than before
        link.id
        for link in ground.network.links
        if fixed[link.id] + stood.get(link.id, 0.0) >= plan.before.utilisation * link.capacity_gbps
    }
    return Claimed(
        bound=level,
        price={link: price / level for link, price in plan.price.items()} if level else {},
        group=plan.group,
        ways=ways,
        claimed_gbps=fixed,
        stood_gbps=stood,
        out=out | full,
    )


def test_a_backup_is_proven_to_need_room() -> None:
    ground = ground_of(network_of(SPANS), [])
    services = held(ground, around())
    plan = replan(asked_of(ground, services, NOW_S), Limits(gap=1e-3))
    assert plan.bare_bound == pytest.approx(0.2, rel=0.01), "split over both ways, without a backup"
    assert plan.bound == pytest.approx(0.4, rel=0.01), "whichever way it goes, the other one has to have room for it"
    assert plan.group
    assert plan.after.utilisation == pytest.approx(0.4)
    assert plan.gap < 0.01
    assert holds(ground.network, claimed(ground, services, plan))


def test_what_stands_by_for_a_group_of_those_who_do_not_move_counts() -> None:
    ground = ground_of(network_of((*SPANS, ("a", "d", 2.0), ("d", "b", 2.0))), [])
    stays = replace(around(10.0, "s-0"), leaving=(way(1.0, "a", "c", "b"),))
    services = held(ground, stays, safe("s-1", "a", "b", 6.0, way(6.0, "a", "b"), way(6.0, "a", "d", "b")))
    plan = replan(asked_of(ground, services, NOW_S), Limits(gap=1e-3))
    assert plan.bound > plan.bare_bound
    assert holds(ground.network, claimed(ground, services, plan))


def test_without_protection_it_is_the_bound_without() -> None:
    ground = ground_of(network_of(SPANS), [])
    services = held(ground, *(service(f"s-{n}", "a", "b", 8.0, way(8.0, "a", "b")) for n in (1, 2)))
    plan = replan(asked_of(ground, services, NOW_S))
    assert (plan.bound, plan.group) == (plan.bare_bound, "")
    assert holds(ground.network, claimed(ground, services, plan))


def test_who_is_not_covered_now_may_stay_so() -> None:
    """A backup over the same fibre is none: whoever has it is not taken to survive anything."""
    ground = ground_of(network_of(SPANS), [])
    bare = safe("s-1", "a", "b", 8.0, way(8.0, "a", "b"), way(8.0, "a", "b"))
    services = held(ground, bare)
    plan = replan(asked_of(ground, services, NOW_S), most_moves=0)
    assert not plan.moves
    assert plan.bound <= 0.4
    assert (plan.bound, plan.group) == (plan.bare_bound, "")


def test_a_site_that_a_service_ends_at_is_nothing_to_survive() -> None:
    network = network_of((("a", "b", 2.0), ("a", "b2", 2.0), ("b2", "b", 2.0), ("b", "e", 2.0)))
    ground = ground_of(network, [])
    services = held(ground, safe("s-1", "a", "b", 8.0, way(8.0, "a", "b"), way(8.0, "a", "b2", "b")))
    plan = replan(asked_of(ground, services, NOW_S), Limits(gap=1e-3))
    assert plan.bound == pytest.approx(0.4, rel=0.01)
    assert plan.group not in ("site:a", "site:b")


def test_a_campus_that_a_service_ends_at_is_nothing_to_survive_either() -> None:
    """A site that carries no others is two nodes to the optimiser."""
    from tests.support.backbone import small_network

    network = small_network()
    number = {site.id: place for place, site in enumerate(network.sites)}
    ends = ("campus-east", "cloud-west"), ("cloud-west", "campus-east"), ("pop-ash", "cloud-west")
    demands = Demands.of(network, [Demand(source=a, target=b, gbps=1.0) for a, b in ends])
    sheltered = Sheltered(protected=np.ones(3, np.bool_), source=demands.source, target=demands.target)
    for site, fenced in (("campus-east", [2]), ("cloud-west", []), ("pop-ash", [0, 1]), ("pop-den", [0, 1, 2])):
        links = [place for place, link in enumerate(network.links) if site in (link.tail, link.head)]
        risk = Risk(name=f"site:{site}", links=np.array(links, np.int32), site=number[SiteId(site)], stood_gbps={})
        found = without(problem_of(network, demands), sheltered, risk)
        assert np.flatnonzero(found.fence >= 0).tolist() == fenced
        assert all(not found.fences[found.fence[one]][links].any() for one in fenced)


def test_a_backup_over_a_link_that_is_out_of_use_is_counted_on() -> None:
    ground = ground_of(network_of(SPANS), [])
    services = held(ground, around())
    avoid(ground, "a>c", "c>a")
    plan = replan(asked_of(ground, services, NOW_S), Limits(gap=1e-3))
    assert plan.bound <= plan.after.utilisation == pytest.approx(0.4)
    assert plan.bound == pytest.approx(0.4, rel=0.01)


def placements(ground: Ground, one: Service) -> list[Placement]:
    """Every placement of a service that comes back as it went: with every backup that is apart, where it has one."""
    gbps = one.order.bandwidth_gbps
    paths = [tuple(path) for path in simple_paths(ground.network, one.order.a_site, one.order.b_site)]

    def back(path: tuple[LinkId, ...]) -> tuple[LinkId, ...]:
        return tuple(ground.network.opposite[link] for link in reversed(path))

    whole = [Placement(there=path, back=back(path), bandwidth_gbps=gbps) for path in paths]
    if one.order.protection is Protection.NONE:
        return whole
    pairs = [
        replace(one, backup=Backup(there=other.there, back=other.back))
        for one, other in product(whole, whole)
        if one != other
    ]
    return [pair for pair in pairs if not shared_groups(ground, pair)]


@pytest.mark.parametrize("seed", range(60))
def test_no_placement_that_survives_betters_it_and_another_hand_finds_it_too(seed: int) -> None:
    dice = random.Random(f"backed {seed}")
    ground = ground_of(small(seed, sites=5, share=0.8), [])
    sites = [site.id for site in ground.network.sites]
    services: list[Service] = []
    for number in range(3):
        a, b = dice.sample(sites, 2)
        kind = dice.choice([Protection.PATH, Protection.PATH, Protection.NONE])
        one = service(f"s-{number}", a, b, float(dice.randint(1, 4)), None, protection=kind)
        found = find(ground, replace(want_of(one.order), fastest=True))
        if found is not None and not (number == 2 and len(services) < 2):
            services += held(ground, replace(one, placement=found))
    if dice.random() < 0.4 and len(services) > 1:
        services[0] = held(ground, replace(services[0], leaving=(services[0].placement,)))[0]  # type: ignore[arg-type]
    plan = replan(asked_of(ground, services, NOW_S), Limits(gap=1e-3))
    assert plan.bare_bound <= plan.bound + 1e-12
    if plan.bound < plan.after.utilisation:  # else it was cut off there
        assert holds(ground.network, claimed(ground, services, plan))
    moving = list(asked_of(ground, services, NOW_S).services)
    options = [placements(ground, one)[:40] for one in moving]
    best = float("inf")
    trial = ground_of(ground.network, [])
    for one in services:
        if one not in moving:
            trial.keep(one)
    capacity = {link.id: link.capacity_gbps * 1000 for link in ground.network.links}
    for chosen in product(*(dice.sample(some, min(len(some), 9)) for some in options)):
        touched = set[LinkId]()
        for one, at in zip(moving, chosen, strict=True):
            trial.keep(replace(one, placement=at))
            touched.update(at.links)
            touched.update(() if at.backup is None else (*at.backup.there, *at.backup.back))
        best = min(best, max((trial.calendar.at(link, NOW_S) / capacity[link] for link in touched), default=0.0))
    assert plan.bound <= best + 1e-9


@pytest.mark.parametrize("seed", range(40))
def test_whatever_is_planned_its_bound_is_found_by_another_hand(seed: int) -> None:
    ground, services = drawn(seed, most=8)
    if not services:
        return
    plan = replan(asked_of(ground, services, NOW_S), Limits(gap=1e-3))
    assert plan.bound <= plan.after.utilisation
    if plan.bound < plan.after.utilisation:
        assert holds(ground.network, claimed(ground, services, plan))


def _first(price: dict[LinkId, float]) -> LinkId:
    return max(price, key=lambda link: price[link])


CORRUPT: dict[str, Callable[[Claimed], Claimed]] = {
    "a bound that is higher": lambda one: replace(one, bound=one.bound * 1.01),
    "a bound that is lower": lambda one: replace(one, bound=one.bound * 0.99),
    "no group": lambda one: replace(one, group=""),
    "a group that there is not": lambda one: replace(one, group="moat"),
    "the site of an end": lambda one: replace(one, group="site:a"),
    "a price below nothing": lambda one: replace(one, price={**one.price, _first(dict(one.price)): -1.0}),
    "a price that is none": lambda one: replace(one, price={**one.price, _first(dict(one.price)): float("nan")}),
    "a price of a link that there is not": lambda one: replace(one, price={**one.price, LinkId("x>y"): 1.0}),
    "prices without the dearest": lambda one: replace(one, price={**one.price, _first(dict(one.price)): 0.0}),
    "services left out": lambda one: replace(one, ways=one.ways[:-1]),
    "nobody protected": lambda one: replace(one, ways=[replace(way, protected=False) for way in one.ways]),
    "more claimed": lambda one: replace(one, claimed_gbps=dict.fromkeys(one.price, 3.0)),
}


@pytest.mark.parametrize("what", CORRUPT)
def test_what_is_made_up_does_not_hold(what: str) -> None:
    ground = ground_of(network_of((*SPANS, ("a", "d", 2.0), ("d", "b", 2.0))), [])
    services = held(ground, around(9.0), around(7.0, "s-2"))
    plan = replan(asked_of(ground, services, NOW_S), Limits(gap=1e-4))
    true = claimed(ground, services, plan)
    assert plan.group
    assert plan.bound < plan.after.utilisation
    assert holds(ground.network, true)
    assert not holds(ground.network, CORRUPT[what](true))
