"""What is admitted, along what, and what is said when it is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from highroad.errors import Invalid
from highroad.model.network import Link, LinkId, Network
from highroad.model.service import Protection
from highroad.model.window import Window
from highroad.planning.admission import Admitted, Denied, admit
from highroad.planning.binding import Binding
from highroad.planning.calendar import Claim
from highroad.planning.closure import Closure
from highroad.planning.ground import Ground
from tests.support.country import NORTH, OTHER, SOUTH, country, request
from tests.unit.planning.ground import NOW_S, avoid, ground_of, keep


def denied(ground: Ground, *args: object, **kwargs: object) -> Denied:
    decision = admit(ground, request(*args, **kwargs), NOW_S)  # type: ignore[arg-type]
    assert isinstance(decision, Denied)
    assert decision.offers, f"nothing was offered instead: {decision.binding.message}"
    for offer in decision.offers:
        assert isinstance(admit(ground, offer.request, NOW_S), Admitted), offer
    return decision


def test_takes_the_fastest_way_there_and_back() -> None:
    decision = admit(ground_of(), request(), NOW_S)
    assert isinstance(decision, Admitted)
    assert decision.placement.there == NORTH
    assert decision.placement.back == ("cloud>east", "east>west", "west>campus")


def test_a_fence_is_kept_by_fibres_too() -> None:
    decision = admit(ground_of(), request(fence=("US",)), NOW_S)
    assert isinstance(decision, Admitted)
    assert decision.placement.there == SOUTH


def test_each_direction_goes_its_own_way() -> None:
    ground = ground_of()
    avoid(ground, "west>east")
    decision = admit(ground, request(), NOW_S)
    assert isinstance(decision, Admitted)
    assert decision.placement.there == SOUTH
    assert decision.placement.back == ("cloud>east", "east>west", "west>campus")


def test_the_bound_is_held_against_the_way_back_too() -> None:
    network = country()
    slow = tuple(_slower(link) if link.id == "east>west" else link for link in network.links)
    ground = ground_of(Network(name="x", sites=network.sites, fibres=network.fibres, links=slow))
    there = admit(ground, request(), NOW_S)
    assert isinstance(there, Admitted)
    assert there.placement.there == NORTH
    decision = denied(ground, bound_ms=9.0)
    assert decision.binding.constraint == "latency"
    assert decision.binding.least_latency_ms == pytest.approx(10.0)


def test_a_bound_that_the_fastest_path_meets_exactly_is_met() -> None:
    assert isinstance(admit(ground_of(), request(bound_ms=7.0), NOW_S), Admitted)


def test_no_for_the_bound_names_the_least_and_offers_it() -> None:
    decision = denied(ground_of(), bound_ms=6.9)
    assert decision.binding.constraint == "latency"
    assert decision.binding.least_latency_ms == pytest.approx(7.0)
    assert decision.offers[0].changes == {"latency_bound_ms": 7.0}


def test_no_for_bound_and_fence_offers_one_of_them() -> None:
    decision = denied(ground_of(), bound_ms=8.0, fence=("US",))
    assert decision.binding.constraint == "latency"
    assert "inside the fence" in decision.binding.message
    assert {"latency_bound_ms": 10.0} in [offer.changes for offer in decision.offers]
    assert {"fence": ["US", "CA"]} in [offer.changes for offer in decision.offers]


def test_no_for_the_fence_names_what_is_outside() -> None:
    decision = denied(ground_of(), fence=("US-CO", "US-NY"))
    assert decision.binding.constraint == "fence"
    assert decision.binding.outside == ("CA",)


def test_what_is_free_for_who_is_protected_is_what_one_way_has() -> None:
    ground = ground_of(country(ways=3))
    for way in ("campus>west", "campus>south", "campus>cloud"):
        ground.calendar.keep(f"half of {way}", [Claim(way, NOW_S, NOW_S + 1e9, 50_000)])
    assert isinstance(admit(ground, request(100.0), NOW_S), Admitted)
    binding = denied(ground, 100.0, protection=Protection.PATH).binding
    assert (binding.constraint, binding.available_gbps) == ("capacity", 50.0)
    assert binding.message.startswith("at most 50 of 100 Gbit/s are free between campus and cloud: ")


def test_what_binds_is_the_link_that_is_full_and_not_one_that_nothing_would_be_enough_for() -> None:
    ground = ground_of()
    keep(ground, "full", admit(ground, request(70.0, tenant=OTHER, a="west", b="east"), NOW_S))
    binding = denied(ground, 120.0).binding
    assert binding.link == "west>east"
    assert "west to east has 30 of 100 Gbit/s left" in binding.message


def test_no_for_capacity_names_the_link_the_time_and_what_is_left() -> None:
    ground = ground_of()
    keep(ground, "s", admit(ground, request(70.0, tenant=OTHER, end_s=NOW_S + 3600), NOW_S))
    decision = denied(ground, 50.0)
    binding = decision.binding
    assert (binding.constraint, binding.link, binding.available_gbps) == ("capacity", "campus>west", 30.0)
    assert binding.at_s == NOW_S
    changes = [offer.changes for offer in decision.offers]
    assert {"bandwidth_gbps": 30.0} in changes
    assert {"start": "2027-01-15T09:00:00.000Z"} in changes


def test_a_later_window_has_the_same_length() -> None:
    ground = ground_of()
    keep(ground, "s", admit(ground, request(70.0, end_s=NOW_S + 3600), NOW_S))
    decision = denied(ground, 50.0, start_s=NOW_S + 60, end_s=NOW_S + 660)
    later = next(offer for offer in decision.offers if "start" in offer.changes)
    assert later.request.start_s == NOW_S + 3600
    assert later.request.end_s == NOW_S + 4200


def test_a_full_port_binds_before_a_link() -> None:
    ground = ground_of(country(capacity_gbps=1000.0))
    keep(ground, "s", admit(ground, request(390.0), NOW_S))
    decision = denied(ground, 50.0)
    assert (decision.binding.constraint, decision.binding.site) == ("port", "campus")
    assert decision.binding.available_gbps == 10.0


def test_capacity_is_counted_over_the_whole_window() -> None:
    ground = ground_of()
    keep(ground, "s", admit(ground, request(100.0, start_s=NOW_S + 5000, end_s=NOW_S + 6000), NOW_S))
    assert isinstance(admit(ground, request(10.0, end_s=NOW_S + 5000), NOW_S), Admitted)
    assert denied(ground, 10.0, end_s=NOW_S + 5001).binding.at_s == NOW_S + 5000


def test_what_is_dark_is_not_sold() -> None:
    ground = ground_of()
    avoid(ground, "campus>west")
    decision = admit(ground, request(), NOW_S)
    assert isinstance(decision, Denied)
    assert decision.binding.constraint == "path"
    assert "dark or being drained" in decision.binding.message


def test_a_campus_carries_nobody_elses_traffic() -> None:
    network = country()
    bridge = network.links[0]
    shortcut = tuple(
        Link(
            id=LinkId(name),
            tail=tail,
            head=head,
            capacity_gbps=100.0,
            latency_ms=0.001,
            fibres=bridge.fibres,
        )
        for name, tail, head in (
            ("campus>east", bridge.tail, network.sites[3].id),
            ("x", network.sites[1].id, bridge.tail),
        )
    )
    ground = ground_of(Network(name="x", sites=network.sites, fibres=network.fibres, links=(*network.links, *shortcut)))
    ports = [p for p in ground.ports.values() if p.site == "campus"]
    for port in ports:
        del ground.ports[port.id]
    west = type(ports[0])(id=ports[0].id, tenant=ports[0].tenant, site=network.sites[1].id, rate_gbps=400.0)
    ground.ports[west.id] = west
    ground.calendar.set_capacity(f"port:{west.id}", 400_000)
    decision = admit(ground, request(a="west"), NOW_S)
    assert isinstance(decision, Admitted)
    assert decision.placement.there == ("west>east", "east>cloud")


def test_both_directions_of_one_service_on_one_link_need_room_for_both() -> None:
    """A ring that only turns one way: there and back share nothing but what both need twice."""
    ground = ground_of()
    avoid(ground, "east>west", "west>south", "east>south")
    decision = admit(ground, request(), NOW_S)
    assert isinstance(decision, Denied)
    assert isinstance(decision.binding, Binding)
    assert decision.binding.constraint == "path"


def test_every_finding_comes_at_once() -> None:
    with pytest.raises(Invalid) as caught:
        admit(
            ground_of(),
            request(float("nan"), a="nowhere", b="nowhere", bound_ms=-1.0, fence=("??",), start_s=5.0, end_s=3.0),
            NOW_S,
        )
    codes = [finding.code for finding in caught.value.findings]
    assert codes == [
        "unknown-site",
        "unknown-site",
        "window-past",
        "window-empty",
        "rate-not-a-number",
        "bound-not-positive",
        "fence-code",
    ]


def _slower(link: Link) -> Link:
    return Link(id=link.id, tail=link.tail, head=link.head, capacity_gbps=100.0, latency_ms=8.0, fibres=link.fibres)


def test_a_window_that_ends_between_two_milliseconds_is_followed_by_an_offer_that_holds() -> None:
    ground = ground_of()
    keep(ground, "s", admit(ground, request(70.0, end_s=NOW_S + 3600.1234567), NOW_S))
    for offer in denied(ground, 50.0).offers:
        start = offer.request.start_s
        assert start is None or round(start, 3) == start
    later = next(offer for offer in denied(ground, 50.0).offers if "start" in offer.changes)
    assert later.changes["start"] == "2027-01-15T09:00:00.124Z"


def test_a_later_start_is_found_past_any_number_of_others() -> None:
    ground = ground_of()
    keep(ground, "full", admit(ground, request(100.0, end_s=NOW_S + 86400), NOW_S))
    for number in range(90):
        asked = request(1.0, tenant=OTHER, a="west", b="east", fence=("US",), end_s=NOW_S + 60 + number)
        keep(ground, f"small-{number}", admit(ground, asked, NOW_S))
    changes = [offer.changes for offer in denied(ground, 50.0).offers]
    assert {"start": "2027-01-16T08:00:00.000Z"} in changes
    assert len({str(change) for change in changes}) == len(changes)


def test_two_things_change_where_one_is_not_enough() -> None:
    ground = ground_of()
    keep(ground, "full", admit(ground, request(100.0, end_s=NOW_S + 86400), NOW_S))
    changes = [set(offer.changes) for offer in denied(ground, 10.0, bound_ms=6.0).offers]
    assert {"latency_bound_ms", "start"} in changes


def test_what_is_only_dark_is_not_blamed_on_the_fence() -> None:
    ground = ground_of()
    avoid(ground, "west>south", "south>west")
    decision = admit(ground, request(fence=("US",)), NOW_S)
    assert isinstance(decision, Denied)
    assert decision.binding.constraint == "path"
    assert "inside the fence (US) is dark or being drained now" in decision.binding.message


def test_a_site_abroad_is_outside_the_fence_however_its_fibres_run() -> None:
    network = country()
    abroad = tuple(replace(site, jurisdiction="CA-ON") if site.id == "south" else site for site in network.sites)
    ground = ground_of(replace(network, sites=abroad))
    decision = admit(ground, request(fence=("US",)), NOW_S)
    assert isinstance(decision, Denied)
    assert decision.binding.constraint == "fence"


def closed(ground: Ground, *closures: tuple[str, float, float]) -> None:
    """Links that are closed for some hours from now."""
    number = ground.graph.link_number
    ground.closures = tuple(
        Closure(
            window=Window(start_s=NOW_S + start_h * 3600, end_s=NOW_S + end_h * 3600),
            links=frozenset({number[LinkId(link)]}),
        )
        for link, start_h, end_h in closures
    )


IN_HOURS = {"start_s": NOW_S + 3600.0, "end_s": NOW_S + 7 * 3600.0}


def test_a_way_that_is_closed_is_said_with_what_is_wrong_with_the_others() -> None:
    ground = ground_of()
    here = "the way between campus and cloud is closed for maintenance from 2027-01-15T10:00:00.000Z to "
    closed(ground, ("west>east", 2, 4))
    ground.calendar.keep("full", [Claim("west>south", NOW_S, NOW_S + 1e6, 95_000)])
    full = denied(ground, 10.0, **IN_HOURS).binding.message
    assert full == f"{here}2027-01-15T12:00:00.000Z, and no other has room"
    slow = denied(ground_with_closed(("west>east", 2, 4)), 10.0, bound_ms=8.0, **IN_HOURS).binding.message
    assert slow == f"{here}2027-01-15T12:00:00.000Z, and no other is inside the latency bound of 8 ms"
    dark = ground_with_closed(("west>east", 2, 4))
    avoid(dark, "west>south")
    said = denied(dark, 10.0, **IN_HOURS).binding.message
    assert said == f"{here}2027-01-15T12:00:00.000Z, and what else there is is dark or being drained now"
    both = ground_with_closed(("west>east", 2, 4), ("south>east", 3, 6), ("cloud>east", 0, 0.5))
    said = denied(both, 10.0, **IN_HOURS).binding.message
    elsewhere = "what else there is is closed at some time from 2027-01-15T11:00:00.000Z to 2027-01-15T14:00:00.000Z"
    assert said == f"{here}2027-01-15T12:00:00.000Z, and {elsewhere}"
    only = ground_with_closed(("campus>west", 2, 4))
    said = denied(only, 10.0, **IN_HOURS).binding.message
    assert said == f"{here}2027-01-15T12:00:00.000Z, and there is no other"


def test_a_pair_that_is_closed_is_said_with_what_is_wrong_with_others() -> None:
    pair = "one of the two ways that share no risk between campus and cloud is closed for maintenance from "
    span = "2027-01-15T10:00:00.000Z to 2027-01-15T12:00:00.000Z"
    ground = ground_with_closed(("west>east", 2, 4), ways=2)
    said = denied(ground, 10.0, protection=Protection.PATH, **IN_HOURS).binding.message
    assert said == f"{pair}{span}, and there are no other two that share no risk"
    ground = ground_with_closed(("west>east", 2, 4), ways=3)
    ground.calendar.keep("full", [Claim("campus>cloud", NOW_S, NOW_S + 1e6, 95_000)])
    said = denied(ground, 10.0, protection=Protection.PATH, **IN_HOURS).binding.message
    assert said == f"{pair}{span}, and no other two that share no risk have room"
    ground = ground_with_closed(("west>east", 2, 4), ("campus>south", 5, 6), ways=2)
    said = denied(ground, 10.0, protection=Protection.PATH, **IN_HOURS).binding.message
    assert said.startswith(pair)
    assert said.endswith("2027-01-15T14:00:00.000Z, and there are no other two that share no risk")


def ground_with_closed(*closures: tuple[str, float, float], ways: int = 1) -> Ground:
    ground = ground_of(country(ways=ways))
    closed(ground, *closures)
    return ground
