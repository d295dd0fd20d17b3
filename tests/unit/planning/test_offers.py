"""Counter-offers against brute force: the nearest in each respect, and each of them admitted."""

from __future__ import annotations

import itertools
import math
import random
from dataclasses import replace

import pytest

from highroad.model.network import LinkId
from highroad.model.service import Order, Protection, Request
from highroad.model.window import Window
from highroad.planning.admission import Admitted, Denied, admit
from highroad.planning.calendar import Claim
from highroad.planning.closure import Closure
from highroad.planning.distance import distance
from highroad.planning.ground import Ground
from highroad.planning.look import Look
from highroad.planning.offers import Offer
from highroad.planning.order import resolve
from highroad.planning.placement import place, want_of
from highroad.planning.shift import Wanted, earlier, later, shorter
from highroad.planning.spread import place_spread
from highroad.planning.steps import Steps
from highroad.units import gbps_from_mbps
from tests.support.country import OTHER, country, request
from tests.unit.planning.ground import NOW_S, avoid, ground_of, keep

HOUR_S = 3600.0


def offers_of(ground: Ground, asked: Request) -> list[Offer]:
    decision = admit(ground, asked, NOW_S)
    assert isinstance(decision, Denied)
    for offer in decision.offers:
        assert isinstance(admit(ground, offer.request, NOW_S), Admitted), offer
        assert offer.distance == pytest.approx(distance(ground, asked, decision.order, offer.request))
    assert [one.distance for one in decision.offers] == sorted(one.distance for one in decision.offers)
    return list(decision.offers)


def busy(seed: int, ways: int = 1) -> tuple[Ground, random.Random]:
    """Claims at whole seconds within a thousand, on every link of the country."""
    dice = random.Random(seed)
    ground = ground_of(country(ways=ways))
    for number in range(60):
        start_s = dice.randint(0, 900)
        link = dice.choice(ground.graph.links)
        until_s = NOW_S + start_s + dice.randint(20, 300)
        claim = Claim(link, NOW_S + start_s, until_s, dice.randint(5, 60) * 1000)
        if ground.calendar.free(link, Window(start_s=claim.start_s, end_s=until_s)) >= claim.rate_mbps:
            ground.calendar.keep(f"c{number}", [claim])
    return ground, dice


@pytest.mark.parametrize("seed", range(60))
def test_the_nearest_window_there_is(seed: int) -> None:
    ground, dice = busy(seed, ways=1 + seed % 3)
    length, start = dice.randint(30, 400), dice.randint(50, 800)
    asked = request(
        float(dice.choice((30, 60, 80))),
        start_s=NOW_S + start,
        end_s=NOW_S + start + length,
        bound_ms=dice.choice((None, 9.5)),
        max_paths=1,
    )
    order = _order(ground, asked)
    want = want_of(order)

    def fits(at: int, until: int) -> bool:
        window = Window(start_s=NOW_S + at, end_s=NOW_S + until)
        return place(ground, replace(want, window=window)) is not None

    if fits(start, start + length):
        return
    wanted = Wanted(want=want, ends=(order.a, order.b))
    after = next(at for at in range(start, 2000) if fits(at, at + length))
    assert [one.start_s - NOW_S for one in later(Look(ground), wanted, NOW_S)] == [after]
    before = [at for at in range(start + 1) if fits(at, at + length)][-1:]
    assert [one.start_s - NOW_S for one in earlier(Look(ground), wanted, NOW_S)] == before
    most = [until for until in range(start + 1, start + length + 1) if fits(start, until)][-1:]
    found = [one.until_s - NOW_S for one in shorter(Look(ground), wanted, NOW_S + start)]
    assert found == most


@pytest.mark.parametrize("seed", range(40))
def test_the_highest_rate_there_is(seed: int) -> None:
    ground, dice = busy(seed, ways=1 + seed % 3)
    asked = request(95.0, start_s=NOW_S + dice.randint(50, 700), end_s=NOW_S + 800, bound_ms=dice.choice((None, 9.5)))
    order = _order(ground, asked)
    single = replace(want_of(order), max_paths=1)
    low, high = 0, 95_000
    while low < high:
        middle = (low + high + 1) // 2
        found = place(ground, replace(single, bandwidth_gbps=gbps_from_mbps(middle)))
        low, high = (low, middle - 1) if found is None else (middle, high)
    assert Look(ground).most(single) == low
    several = Look(ground).most(replace(single, max_paths=4))
    assert several >= low
    if several:
        assert place_spread(ground, replace(single, bandwidth_gbps=gbps_from_mbps(several))) is not None


@pytest.mark.parametrize(("elsewhere", "most"), [(20_000, 50_000), (70_000, 70_000)])
def test_a_link_that_both_directions_would_use_counts_twice(elsewhere: int, most: int) -> None:
    """The way there goes by south to west, the way back too, unless campus to west has more than half of that link."""
    ground = ground_of(country(ways=2))
    free = {"campus>west": elsewhere, **dict.fromkeys(("south>cloud", "south>east", "cloud>east", "south>campus"), 0)}
    for link, rate in free.items():
        ground.calendar.keep(link, [Claim(link, -math.inf, math.inf, 100_000 - rate)])
    want = replace(want_of(_order(ground, request(95.0))), max_paths=1)
    assert Look(ground).most(want) == most
    assert place(ground, replace(want, bandwidth_gbps=most / 1000)) is not None


def test_a_port_of_its_own_that_is_full_is_waited_for() -> None:
    ground = ground_of(country(capacity_gbps=1000.0))
    keep(ground, "s", admit(ground, request(390.0, end_s=NOW_S + HOUR_S), NOW_S))
    (one,) = [one for one in offers_of(ground, request(50.0)) if "start" in one.changes]
    assert one.request.start_s == NOW_S + HOUR_S


def test_what_is_above_a_level() -> None:
    dice = random.Random(7)
    for _ in range(50):
        steps = Steps()
        for _ in range(dice.randint(1, 300)):
            start = dice.randint(0, 400)
            steps.add(float(start), start + dice.randint(1, 60), dice.randint(1, 9))
        level, start, until = dice.randint(0, 60), dice.randint(0, 300), dice.randint(300, 500)
        above = [at for at in range(start, until) if steps.most(at, at + 1) > level]
        found = list(steps.above(level, start, until))
        assert [at for since, end in found for at in range(int(since), int(end))] == above
        assert all(one[1] < other[0] for one, other in itertools.pairwise(found))
        pieces = [(float(at), float(at + 7)) for at in range(start, until, 20)]
        assert steps.most_each(pieces).tolist() == [steps.most(*piece) for piece in pieces]


def test_more_than_any_way_has_is_offered_over_several() -> None:
    ground = ground_of(country(ways=3))
    keep(ground, "s", admit(ground, request(30.0, fence=("US",), tenant=OTHER, max_paths=1), NOW_S))
    (rate,) = [one.changes["bandwidth_gbps"] for one in offers_of(ground, request(380.0)) if len(one.changes) == 1]
    assert rate > 200.0
    (one,) = [one for one in offers_of(ground, request(380.0, max_paths=1)) if "bandwidth_gbps" in one.changes]
    assert one.changes == {"bandwidth_gbps": 100.0}


def test_a_full_stretch_is_stepped_over_in_pieces() -> None:
    ground = ground_of()
    keep(ground, "s", admit(ground, request(70.0, start_s=NOW_S + HOUR_S, end_s=NOW_S + 2 * HOUR_S), NOW_S))
    asked = request(50.0, start_s=NOW_S, end_s=NOW_S + 10 * HOUR_S)
    windows = [one for one in offers_of(ground, asked) if {"start", "windows"} & one.changes.keys()]
    (one,) = windows
    assert one.changes == {"start": "2027-01-15T10:00:00.000Z", "end": "2027-01-15T20:00:00.000Z"}
    keep(ground, "t", admit(ground, request(70.0, start_s=NOW_S + 11 * HOUR_S, end_s=NOW_S + 2e7), NOW_S))
    (one,) = [one for one in offers_of(ground, asked) if {"start", "windows"} & one.changes.keys()]
    spans = [(piece.start_s - NOW_S, piece.until_s - NOW_S) for piece in one.request.windows]
    assert spans == [(0.0, HOUR_S), (2 * HOUR_S, 11 * HOUR_S)]
    assert (one.request.start_s, one.request.end_s) == (None, None)


def test_of_windows_in_pieces_those_with_too_little_are_left_out() -> None:
    ground = ground_of()
    keep(ground, "s", admit(ground, request(70.0, start_s=NOW_S + 24 * HOUR_S, end_s=NOW_S + 25 * HOUR_S), NOW_S))
    days = tuple(
        Window(start_s=NOW_S + day * 24 * HOUR_S + 600, end_s=NOW_S + day * 24 * HOUR_S + 1200) for day in range(5)
    )
    (one,) = [one for one in offers_of(ground, request(50.0, windows=days)) if "windows" in one.changes]
    assert one.request.windows == (days[0], *days[2:])
    assert one.distance == pytest.approx(math.log2(5 / 4))


def test_a_port_of_its_own_near_by_is_offered_where_its_site_is_in_the_way() -> None:
    ground = ground_of(country(capacity_gbps=1000.0))
    keep(ground, "s", admit(ground, request(390.0, tenant=OTHER), NOW_S))
    found = [one.changes for one in offers_of(ground, request(50.0, tenant=OTHER, b="east"))]
    assert {"from": "other.west"} in found
    own = ground_of(country(capacity_gbps=1000.0))
    keep(own, "s", admit(own, request(390.0), NOW_S))
    assert not [one for one in offers_of(own, request(50.0)) if {"from", "to"} & one.changes.keys()]


def test_a_port_that_is_far_away_is_not_near() -> None:
    network = country(capacity_gbps=1000.0)
    far = tuple(replace(site, lat=-30.0) if site.id == "west" else site for site in network.sites)
    ground = ground_of(replace(network, sites=far))
    keep(ground, "s", admit(ground, request(390.0, tenant=OTHER), NOW_S))
    found = [one.changes for one in offers_of(ground, request(50.0, tenant=OTHER, b="east"))]
    assert {"from": "other.west"} not in found


def test_a_backup_is_given_up_where_two_ways_share_a_risk() -> None:
    ground = ground_of()
    found = offers_of(ground, request(10.0, protection=Protection.PATH))
    assert [one.changes for one in found] == [{"protection": "none"}]
    assert found[0].distance == 1.0


def test_a_protected_rate_is_what_a_pair_has() -> None:
    ground = ground_of(country(ways=3))
    for link, rate in (("campus>cloud", 60_000), ("cloud>campus", 50_000), ("south>cloud", 30_000)):
        ground.calendar.keep(link, [Claim(link, -math.inf, math.inf, rate)])
    found = offers_of(ground, request(95.0, protection=Protection.PATH, fence=("US",), bound_ms=9.5, max_paths=1))
    (one,) = [one for one in found if "bandwidth_gbps" in one.changes]
    higher = replace(one.request, bandwidth_gbps=one.request.bandwidth_gbps + 1)
    assert isinstance(admit(ground, higher, NOW_S), Denied)


def test_two_things_give_way_only_where_no_single_one_helps() -> None:
    ground = ground_of()
    keep(ground, "full", admit(ground, request(100.0, end_s=NOW_S + 24 * HOUR_S), NOW_S))
    found = offers_of(ground, request(10.0, bound_ms=6.0))
    assert all(len({*one.changes} - {"end"}) == 2 for one in found)
    assert all(len(one.changes) == 1 for one in offers_of(ground_of(), request(10.0, bound_ms=6.0)))


def test_a_fence_is_widened_by_no_more_than_is_needed() -> None:
    ground = ground_of(country(ways=2))
    (one,) = offers_of(ground, request(10.0, fence=("US-CO", "US-NY")))
    assert len(one.changes["fence"]) == 3


def test_of_the_codes_of_the_fastest_way_those_that_another_can_do_without_are_left_out() -> None:
    network = country()
    fibres = tuple(
        replace(one, jurisdictions=("CA", "US-TX")) if one.id == "west--east" else one for one in network.fibres
    )
    (one,) = offers_of(ground_of(replace(network, fibres=fibres)), request(10.0, fence=("US-CO", "US-NY")))
    assert one.changes == {"fence": ["US-CO", "US-NY", "US-TX"]}


def test_three_are_kept_and_the_furthest_is_not_among_them() -> None:
    ground = ground_of(country(ways=2))
    ground.calendar.keep("x", [Claim("campus>west", -math.inf, NOW_S + HOUR_S, 70_000)])
    asked = request(45.0, tenant=OTHER, end_s=NOW_S + HOUR_S, bound_ms=7.5, max_paths=1)
    found = offers_of(ground, asked)
    assert [next(iter(one.changes)) for one in found] == ["from", "start", "latency_bound_ms"]
    assert found[1].distance == pytest.approx(1 / 25)
    assert found[2].distance == pytest.approx(math.log2(8.4 / 7.5))
    assert found[2].distance < distance(ground, asked, _order(ground, asked), replace(asked, bandwidth_gbps=30.0))


def _order(ground: Ground, asked: Request) -> Order:
    order, _ = resolve(asked, ground, NOW_S)
    assert order is not None
    return order


def test_what_is_dark_is_stepped_over() -> None:
    ground = ground_of()
    avoid(ground, "campus>west")
    ground.mended_s = NOW_S + 7 * 24 * HOUR_S
    found = offers_of(ground, request(10.0, end_s=NOW_S + HOUR_S))
    assert [sorted(one.changes) for one in found] == [["end", "start"]]
    assert found[0].request.start_s == NOW_S + 7 * 24 * HOUR_S + HOUR_S


def test_what_is_closed_for_a_time_is_stepped_over() -> None:
    ground = ground_of()
    closed = Window(start_s=NOW_S + HOUR_S, end_s=NOW_S + 3 * HOUR_S)
    ground.closures = (Closure(window=closed, links=frozenset({ground.graph.link_number[LinkId("west>campus")]})),)
    asked = request(10.0, start_s=NOW_S + 2 * HOUR_S, end_s=NOW_S + 4 * HOUR_S)
    (one,) = offers_of(ground, asked)
    assert one.request.start_s == NOW_S + 3 * HOUR_S
    (one,) = offers_of(ground, replace(asked, start_s=NOW_S + 1.5 * HOUR_S, end_s=NOW_S + 2 * HOUR_S))
    assert one.request.start_s == NOW_S + 0.5 * HOUR_S
