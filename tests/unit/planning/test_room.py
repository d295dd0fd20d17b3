"""Placements that keep room: when somebody is sent round what is full, how far, and who never is."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from highroad.model.network import LinkId, SiteId
from highroad.model.service import Branch, Placement, Window
from highroad.planning.calendar import Claim
from highroad.planning.ground import Ground
from highroad.planning.placement import Want, latency_ms, place
from highroad.planning.price import DEAR, HOP_NS, room_price_ns
from tests.support.country import NORTH, SOUTH, country
from tests.unit.planning.ground import NOW_S, ground_of

WANT = Want(
    a=SiteId("campus"),
    b=SiteId("cloud"),
    window=Window(start_s=NOW_S, end_s=NOW_S + 100),
    bandwidth_gbps=10.0,
    bound_ms=None,
    fence=None,
)


def loaded(gbps: float, *, at_s: float = 0.0) -> Ground:
    """The north in use, from some time on."""
    ground = ground_of(country())
    for link in ("west>east", "east>west"):
        ground.calendar.keep(link, [Claim(link, NOW_S + at_s, NOW_S + 1000, round(gbps * 1000))])
    return ground


def test_the_price_of_room_is_convex_and_an_idle_link_costs_its_latency() -> None:
    assert room_price_ns(5_000_000, 0.0) == 5_000_000
    assert room_price_ns(5_000_000, 1.0) == 5_000_000 + DEAR * (5_000_000 + HOP_NS)
    prices = [room_price_ns(5_000_000, used / 20) for used in range(21)]
    steps = [after - before for before, after in pairwise(prices)]
    assert steps == sorted(steps)


def test_who_fits_goes_the_fastest_way_until_it_is_nearly_full() -> None:
    for gbps, way in ((0.0, NORTH), (50.0, NORTH), (88.0, SOUTH), (90.0, SOUTH), (95.0, SOUTH)):
        placement = place(loaded(gbps), WANT)
        assert placement is not None
        assert placement.there == way, gbps
        assert len(placement.back) == len(way)


def test_the_whole_window_counts_and_nothing_after_it() -> None:
    later = place(loaded(90.0, at_s=99.0), WANT)
    after = place(loaded(90.0, at_s=100.0), WANT)
    assert later is not None
    assert after is not None
    assert (later.there, after.there) == (SOUTH, NORTH)


def test_nobody_is_sent_past_the_bound_or_the_stretch_for_the_sake_of_room() -> None:
    bound = place(loaded(90.0), replace(WANT, bound_ms=9.9))
    assert bound is not None
    assert bound.there == NORTH
    network = country()
    slow = tuple(replace(link, latency_ms=5.0) if "south" in link.id else link for link in network.links)
    ground = ground_of(replace(network, links=slow))
    ground.calendar.keep("other", [Claim("west>east", NOW_S, NOW_S + 100, 90_000)])
    far = place(ground, WANT)
    assert far is not None
    assert far.there == NORTH, "12 ms are more than 1.3 times 7 ms and 2 ms"
    full = place(ground, replace(WANT, bandwidth_gbps=11.0))
    assert full is not None
    assert full.there == SOUTH, "but who does not fit otherwise goes there all the same"


def test_the_fastest_is_taken_where_it_is_asked_for_or_no_room_is() -> None:
    for want in (replace(WANT, fastest=True), replace(WANT, bandwidth_gbps=None)):
        placement = place(loaded(90.0), want)
        assert placement is not None
        assert placement.there == NORTH


def test_branches_count_for_latency_links_and_use() -> None:
    ground = ground_of(country())
    back = tuple(LinkId("{1}>{0}".format(*link.split(">"))) for link in reversed(NORTH))
    south = tuple(map(LinkId, SOUTH))
    placement = Placement(
        there=tuple(map(LinkId, NORTH)),
        back=back,
        bandwidth_gbps=0.01,
        weight=2,
        beside=(Branch(there=south, back=back, weight=1),),
    )
    assert latency_ms(ground, placement) == 10.0
    assert placement.uses(frozenset({LinkId("south>east")}))
    load = placement.load_mbps()
    assert load[LinkId("west>east")] == 7
    assert load[LinkId("south>east")] == 4
    assert load[LinkId("campus>west")] == 11
