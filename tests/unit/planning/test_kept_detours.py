"""Detours that are kept beside what services hold: at every instant what may be carried then, and no more."""

from __future__ import annotations

import random
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from highroad.graph.disjoint import site_group
from highroad.model.service import Placement, Protection, Service, ServiceId
from highroad.model.window import Window
from highroad.planning.admission import Admitted, admit
from highroad.planning.calendar import Claim, Standby
from highroad.planning.find import find
from highroad.planning.ground import Ground, claims_of, standbys_of, standbys_over
from highroad.planning.placement import want_of
from tests.support.country import country, request
from tests.unit.planning.ground import NOW_S, ground_of, keep

HOUR_S = 3600.0
Booked = dict[tuple[ServiceId, str], tuple[Placement, Window]]


def needed(ground: Ground, services: dict[ServiceId, Service], booked: Booked, link: str, at_s: float) -> int:
    """Of each service the most of where it is and where it may go then, for certain and as each risk group fails."""
    certain, called = 0, dict[str, int]()
    for service in services.values():
        ends = frozenset(map(site_group, (service.order.a_site, service.order.b_site)))
        places = [
            (
                sum(one.rate_mbps for one in claims_of(service) if _there(one, link, at_s)),
                [one for one in standbys_of(service, ground) if _there(one, link, at_s)],
            )
        ]
        for (name, _), (place, window) in booked.items():
            if name == service.id and window.start_s <= at_s < window.until_s:
                stands = standbys_over(ground, place, ends, window)
                load = {str(over): rate for over, rate in place.load_mbps().items()}
                places.append((load.get(link, 0), [one for one in stands if one.resource == link]))
        claimed = max(claim for claim, _ in places)
        certain += claimed
        groups = {group for _, stands in places for one in stands for group in one.groups}
        for group in groups:
            most = max(claim + sum(one.rate_mbps for one in stands if group in one.groups) for claim, stands in places)
            called[group] = called.get(group, 0) + max(0, most - claimed)
    return certain + max(called.values(), default=0)


def _there(one: Claim | Standby, link: str, at_s: float) -> bool:
    return one.resource == link and one.start_s <= at_s < one.until_s


@given(seed=st.integers(0, 10**6))
@settings(max_examples=30, deadline=None)
def test_what_is_kept_is_what_may_be_carried_and_what_fits_is_kept(seed: int) -> None:
    dice = random.Random(f"detours {seed}")
    ground = ground_of(country(ways=3))
    services: dict[ServiceId, Service] = {}
    for number in range(dice.randint(2, 7)):
        asked = request(dice.randint(5, 60), protection=dice.choice(list(Protection)))
        decision = admit(ground, asked, NOW_S)
        if isinstance(decision, Admitted):
            services[ServiceId(f"svc-{number}")] = keep(ground, f"svc-{number}", decision)
    booked: Booked = {}
    edges = [NOW_S + hour * HOUR_S for hour in range(12)]
    for number in range(dice.randint(1, 8)):
        service = dice.choice(list(services.values()))
        start, until = sorted(dice.sample(edges, 2))
        name, window = f"m{number % 3}:{service.id}", Window(start_s=start, end_s=until)
        booked.pop((service.id, name), None)
        ground.give_up_detour(name, service.id)
        want = replace(want_of(service.order), window=window, bandwidth_gbps=dice.choice((None, 1.0)))
        ground.avoid = frozenset(dice.sample(range(len(ground.graph.links)), dice.randint(0, 4)))
        place = find(ground, want)
        ground.avoid = frozenset()
        if place is None:
            continue
        place = replace(place, bandwidth_gbps=service.order.bandwidth_gbps)
        after: Booked = {**booked, (service.id, name): (place, window)}
        fits = all(
            needed(ground, services, after, link.id, at_s) <= ground.calendar.capacity(link.id)
            for link in ground.network.links
            for at_s in edges
        )
        assert ground.keep_detour(name, service, place, window) == fits
        booked = after if fits else booked
        for link in ground.network.links:
            for at_s in edges:
                assert ground.calendar.at(link.id, at_s) == needed(ground, services, booked, link.id, at_s)
