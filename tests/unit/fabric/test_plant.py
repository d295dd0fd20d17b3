"""The plant against arithmetic done by hand: what is carried, what is lost, and for how long it is dark."""

from __future__ import annotations

from dataclasses import replace

import pytest

from highroad.errors import Invalid, NotFound
from highroad.fabric.twin import watch
from highroad.fabric.twin.plant import MAX_STEPS, Plant
from highroad.model.incident import Reason
from highroad.model.network import FibreId, LinkId, Network, RiskGroupId, SiteId
from highroad.model.policy import CandidatePath, Policy
from highroad.model.service import ServiceId, TrafficClass
from highroad.ports import CutState, Down, Install, Replace, ServiceCounters, Withdraw
from tests.unit.fabric.small import START_S, backbone, in_duct, path, policy

SQUARE = backbone("a-b", "b-d", "a-c", "c-d")
GBPS_IN_BYTES = 1e9 / 8.0
DETECTION_S, RESTORATION_S = 0.015, 0.05
TIME = 1e-6
"""What a float of seconds since 1970 can tell apart, with room."""


def plant_of(
    network: Network = SQUARE, *policies: Policy, offer: float | None = None, seed: int = 0, watched: bool = True
) -> Plant:
    plant = Plant(network, START_S, seed=seed, detection_s=DETECTION_S, restoration_s=RESTORATION_S, watched=watched)
    assert plant.apply([Install(policy=held) for held in policies])[0] == {}
    if offer is not None:
        for held in policies:
            plant.offer(held.service, offer)
    return plant


def counters(plant: Plant, service: str = "s") -> ServiceCounters:
    return plant.sample().services[ServiceId(service)]


def test_what_is_offered_is_carried_both_ways() -> None:
    plant = plant_of(SQUARE, policy("s", "a>b>d"), offer=8.0)
    plant.advance(START_S + 10.0)
    now = counters(plant)
    assert now.offered_bytes == now.carried_bytes == pytest.approx(2 * 8.0 * 10.0 * GBPS_IN_BYTES)
    assert (now.lost_bytes, now.dark_s, now.offered_gbps) == (0.0, 0.0, 16.0)
    assert (now.carried_gbps_there, now.carried_gbps_back) == (8.0, 8.0)
    assert (now.latency_ms_there, now.latency_ms_back) == (2.0, 2.0)
    link = plant.sample().links[LinkId("b>d")]
    assert (link.carried_gbps, link.up) == (8.0, True)
    assert link.carried_bytes == pytest.approx(8.0 * 10.0 * GBPS_IN_BYTES)


def test_a_service_is_dark_exactly_from_the_cut_to_the_replacement() -> None:
    plant = plant_of(SQUARE, policy("s", "a>b>d"), offer=8.0)
    plant.advance(START_S + 1.0)
    plant.cut(FibreId("b-d"))
    plant.advance(START_S + 1.0 + 0.04)
    plant.apply([Replace(policy=policy("s", "a>c>d"))])
    plant.advance(START_S + 5.0)
    now = counters(plant)
    assert now.dark_s == pytest.approx(0.04, abs=TIME)
    assert now.lost_bytes == pytest.approx(2 * 8.0 * now.dark_s * GBPS_IN_BYTES, rel=1e-12)
    assert now.offered_bytes == pytest.approx(now.carried_bytes + now.lost_bytes, rel=1e-12)
    assert plant.sample().links[LinkId("b>d")].up is False


def test_a_cut_under_one_direction_darkens_the_service_and_loses_that_direction() -> None:
    plant = plant_of(SQUARE, policy("s", "a>b>d", back="d>c>a"), offer=8.0)
    plant.cut(FibreId("c-d"))
    plant.advance(START_S + 2.0)
    now = counters(plant)
    assert (now.carried_gbps_there, now.carried_gbps_back) == (8.0, 0.0)
    assert now.dark_s == pytest.approx(2.0)
    assert now.lost_bytes == pytest.approx(8.0 * 2.0 * GBPS_IN_BYTES)


def test_a_silent_cut_leaves_the_light_on_and_is_seen_as_soon() -> None:
    plant = plant_of(SQUARE, policy("s", "a>b>d"), offer=8.0)
    plant.cut(FibreId("b-d"), silent=True)
    plant.advance(START_S + 1.0)
    now = counters(plant)
    assert now.carried_bytes == 0.0
    assert now.dark_s == pytest.approx(1.0, abs=TIME)
    assert plant.sample().links[LinkId("b>d")].up
    assert not plant.lit(LinkId("b>d"))
    assert plant.observed().down_since_s == {"b-d": START_S + DETECTION_S}
    assert plant.observed().why == {"b-d": Down(reason=Reason.SILENT)}
    plant.kill_router(SiteId("d"))
    plant.advance(START_S + 2.0)
    assert {fibre: down.reason for fibre, down in plant.observed().why.items()} == {"b-d": "light", "c-d": "light"}
    plant.revive_router(SiteId("d"))
    plant.advance(START_S + 3.0)
    assert plant.observed().why == {"b-d": Down(reason=Reason.SILENT)}
    assert not plant.lit(LinkId("b>d"))
    plant.uncut(FibreId("b-d"))
    assert plant.lit(LinkId("b>d"))
    assert set(plant.observed().down_since_s) == {"b-d"}
    plant.advance(START_S + 3.0 + RESTORATION_S)
    assert plant.observed().down_since_s == {}


def test_where_nobody_watches_a_silent_cut_is_seen_by_nobody() -> None:
    plant = Plant(SQUARE, START_S, seed=1, detection_s=DETECTION_S, restoration_s=RESTORATION_S, watched=False)
    plant.apply([Install(policy=policy("s", "a>b>d"))])
    plant.cut(FibreId("b-d"), silent=True)
    plant.advance(START_S + 1.0)
    assert counters(plant).carried_bytes == 0.0
    assert plant.observed().down_since_s == {}
    plant.cut(FibreId("c-d"))
    plant.advance(START_S + 2.0)
    assert set(plant.observed().down_since_s) == {"c-d"}


def test_what_is_lost_now_and_then_is_seen_later() -> None:
    assert watch.seen_after_s(Reason.LOSS, DETECTION_S) == 0.5
    assert {watch.seen_after_s(one, DETECTION_S) for one in set(Reason) - {Reason.LOSS}} == {DETECTION_S}


def test_a_cut_frees_the_links_upstream_for_others() -> None:
    network = backbone("a-b", "b-c", "b-d", capacity_gbps=10.0)
    rivals = [policy(name, route, gbps=5.0, ceiling_gbps=10.0) for name, route in (("s", "a>b>c"), ("t", "a>b>d"))]
    plant = plant_of(network, *rivals, offer=10.0)
    assert counters(plant, "t").carried_gbps_there == 5.0
    plant.cut(FibreId("b-c"))
    assert counters(plant, "t").carried_gbps_there == 10.0


def test_a_cut_is_seen_after_the_detection_and_a_splice_trusted_after_the_restoration() -> None:
    plant = plant_of(SQUARE, policy("s", "a>b>d"), offer=8.0)
    fibre = FibreId("b-d")
    plant.cut(fibre)
    assert plant.next_due_s() == START_S + DETECTION_S
    assert plant.cuts() == {fibre: START_S}
    plant.advance(START_S + 0.014)
    assert plant.observed().down_since_s == {}
    plant.advance(START_S + 1.0)
    assert plant.observed().down_since_s == {fibre: START_S + DETECTION_S}
    plant.uncut(fibre)
    assert plant.cuts() == {}
    assert plant.sample().links[LinkId("b>d")].up is True
    plant.advance(START_S + 1.04)
    assert plant.observed().down_since_s == {fibre: START_S + DETECTION_S}
    plant.advance(START_S + 2.0)
    assert plant.observed().down_since_s == {}
    assert plant.next_due_s() is None
    assert counters(plant).dark_s == pytest.approx(1.0 + RESTORATION_S, abs=TIME)


def test_a_blip_that_nobody_notices_still_loses_what_it_loses() -> None:
    plant = plant_of(SQUARE, policy("s", "a>b>d"), offer=8.0)
    plant.cut(FibreId("b-d"))
    plant.advance(START_S + 0.005)
    plant.uncut(FibreId("b-d"))
    beliefs = plant.beliefs
    plant.advance(START_S + 1.0)
    assert plant.beliefs == beliefs
    assert counters(plant).dark_s == pytest.approx(0.005, abs=TIME)


def test_a_second_cut_before_trust_returns_is_one_outage_to_headends() -> None:
    plant = plant_of(SQUARE, policy("s", "a>b>d"), offer=8.0)
    fibre = FibreId("b-d")
    plant.cut(fibre)
    plant.advance(START_S + 1.0)
    plant.uncut(fibre)
    plant.advance(START_S + 1.02)
    plant.cut(fibre)
    plant.advance(START_S + 3.0)
    assert plant.observed().down_since_s == {fibre: START_S + DETECTION_S}
    assert plant.cuts() == {fibre: pytest.approx(START_S + 1.02)}
    assert counters(plant).dark_s == pytest.approx(3.0)


def test_cutting_and_splicing_twice_is_once() -> None:
    plant = plant_of()
    assert [plant.cut(FibreId("a-b")), plant.cut(FibreId("a-b"))] == [True, False]
    assert [plant.uncut(FibreId("a-b")), plant.uncut(FibreId("a-b"))] == [True, False]
    with pytest.raises(NotFound):
        plant.cut(FibreId("x-y"))


def test_a_replacement_over_live_links_loses_nothing() -> None:
    plant = plant_of(SQUARE, policy("s", "a>b>d"))
    for second in range(1, 20):
        plant.advance(START_S + second + 0.3)
        plant.apply([Replace(policy=policy("s", "a>c>d" if second % 2 else "a>b>d"))])
    assert counters(plant).lost_bytes == 0.0
    assert counters(plant).carried_bytes == counters(plant).offered_bytes > 0.0


def test_a_protected_policy_heals_by_itself_at_detection() -> None:
    spare = replace(
        policy("s", "a>b>d"),
        there=(
            CandidatePath(preference=100, segment_lists=(path("a>b>d"),)),
            CandidatePath(preference=50, segment_lists=(path("a>c>d"),)),
        ),
        back=(
            CandidatePath(preference=100, segment_lists=(path("d>b>a"),)),
            CandidatePath(preference=50, segment_lists=(path("d>c>a"),)),
        ),
    )
    plant = plant_of(SQUARE, spare, offer=8.0)
    plant.cut(FibreId("b-d"))
    plant.advance(START_S + 9.0)
    assert counters(plant).dark_s == pytest.approx(DETECTION_S, abs=TIME)
    assert plant.sample().links[LinkId("c>d")].carried_gbps == 8.0


def test_half_a_split_lost_is_loss_but_not_darkness() -> None:
    halves = (CandidatePath(preference=1, segment_lists=(path("a>b>d"), path("a>c>d"))),)
    plant = plant_of(SQUARE, replace(policy("s", "a>b>d"), there=halves, back=policy("s", "a>c>d").back), offer=8.0)
    plant.cut(FibreId("a-b"))
    plant.advance(START_S + DETECTION_S)
    now = counters(plant)
    assert now.dark_s == 0.0
    assert now.lost_bytes == pytest.approx(4.0 * DETECTION_S * GBPS_IN_BYTES, rel=1e-4)
    assert now.carried_gbps_there == 8.0


def test_congestion_is_loss_but_not_darkness() -> None:
    network = backbone("a-b", capacity_gbps=10.0)
    plant = plant_of(
        network,
        policy("s", "a>b", gbps=10.0),
        policy("t", "a>b", gbps=0.0, ceiling_gbps=10.0, traffic_class=TrafficClass.SCAVENGER),
        offer=10.0,
    )
    plant.advance(START_S + 1.0)
    assert counters(plant, "s").lost_bytes == 0.0
    starved = counters(plant, "t")
    assert (starved.carried_bytes, starved.dark_s) == (0.0, 0.0)
    assert starved.lost_bytes == starved.offered_bytes


def test_one_that_offers_nothing_is_not_dark() -> None:
    plant = plant_of(SQUARE, policy("s", "a>b>d"), offer=0.0)
    plant.cut(FibreId("a-b"))
    plant.advance(START_S + 1.0)
    assert counters(plant).dark_s == 0.0


def test_an_equal_policy_changes_nothing_and_counters_outlive_a_change() -> None:
    plant = plant_of(SQUARE, policy("s", "a>b>d"), offer=8.0)
    plant.advance(START_S + 1.0)
    before = counters(plant)
    assert plant.apply([Install(policy=policy("s", "a>b>d")), Replace(policy=policy("s", "a>b>d"))]) == (
        {},
        set(),
    )
    assert counters(plant) == before
    plant.apply([Replace(policy=policy("s", "a>c>d"))])
    assert counters(plant).carried_bytes == before.carried_bytes
    plant.apply([Withdraw(service=ServiceId("s")), Install(policy=policy("s", "a>c>d"))])
    assert counters(plant).carried_bytes == 0.0


def test_one_refusal_does_not_hold_up_the_others() -> None:
    plant = plant_of()
    refused, changed = plant.apply([Install(policy=policy("s", "a>x")), Install(policy=policy("t", "a>b"))])
    assert list(refused) == ["s"]
    assert changed == {"t"}
    assert list(plant.observed().policies) == ["t"]


def test_adopting_a_network_strands_what_it_cannot_carry_and_keeps_what_it_can() -> None:
    plant = plant_of(SQUARE, policy("s", "a>b>d"), policy("t", "a>c>d"), offer=8.0)
    plant.cut(FibreId("b-d"))
    plant.cut(FibreId("a-c"))
    plant.advance(START_S + 1.0)
    carried = plant.sample().links[LinkId("a>b")].carried_bytes
    smaller = backbone("a-b", "a-c", "c-d")
    assert plant.adopt(smaller) is True
    assert plant.adopt(backbone("a-b", "a-c", "c-d")) is False
    assert list(plant.cuts()) == ["a-c"]
    plant.uncut(FibreId("a-c"))
    plant.advance(START_S + 2.0)
    assert counters(plant, "s").carried_gbps_there == 0.0
    assert counters(plant, "s").dark_s == pytest.approx(2.0)
    assert counters(plant, "t").carried_gbps_there == 8.0
    assert set(plant.sample().links) == set(smaller.link)
    assert plant.sample().links[LinkId("a>b")].carried_bytes == carried
    assert plant.apply([Replace(policy=policy("s", "a>c>d"))])[0] == {}
    assert counters(plant, "s").carried_gbps_there == 8.0


def test_offers_are_checked_and_go_back_to_the_model() -> None:
    plant = plant_of(SQUARE, policy("s", "a>b>d"))
    modelled = counters(plant).offered_gbps
    assert 11.0 <= modelled <= 19.0
    assert [plant.offer(ServiceId("s"), 3.0), plant.offer(ServiceId("s"), 3.0)] == [True, False]
    assert counters(plant).offered_gbps == 6.0
    assert [plant.offer(ServiceId("s"), None), plant.offer(ServiceId("s"), None)] == [True, False]
    assert counters(plant).offered_gbps == modelled
    for wrong in (-1.0, float("nan"), float("inf")):
        with pytest.raises(Invalid):
            plant.offer(ServiceId("s"), wrong)


def test_a_clock_that_is_set_back_changes_nothing() -> None:
    plant = plant_of(SQUARE, policy("s", "a>b>d"), offer=8.0)
    plant.advance(START_S + 10.0)
    before = plant.sample()
    plant.advance(START_S + 5.0)
    assert plant.sample() == before


def test_many_small_advances_make_one_large_one() -> None:
    often, once = (plant_of(SQUARE, policy("s", "a>b>d"), seed=3) for _ in range(2))
    for plant in (often, once):
        plant.advance(START_S + 0.7)
        plant.cut(FibreId("a-b"))
    for tick in range(1, 1000):
        often.advance(START_S + 0.7 + tick * 0.1)
    for plant in (often, once):
        plant.advance(START_S + 150.0)
    a, b = counters(often), counters(once)
    assert a.offered_bytes == pytest.approx(b.offered_bytes, rel=1e-9)
    assert a.lost_bytes == pytest.approx(b.lost_bytes, rel=1e-9)
    assert a.dark_s == pytest.approx(b.dark_s, rel=1e-9)


def test_a_gap_of_a_year_is_coarse_but_close_and_its_outage_exact() -> None:
    plant = plant_of(SQUARE, policy("s", "a>b>d", gbps=10.0))
    year_s = 365 * 86400.0
    plant.cut(FibreId("a-b"))
    plant.advance(START_S + 1000.0)
    plant.uncut(FibreId("a-b"))
    plant.advance(START_S + year_s)
    now = counters(plant)
    assert now.dark_s == pytest.approx(1000.0 + RESTORATION_S, abs=TIME * MAX_STEPS)
    assert now.offered_bytes == pytest.approx(2 * 7.5 * year_s * GBPS_IN_BYTES, rel=0.05)


def test_two_runs_are_the_same_to_the_bit() -> None:
    def run() -> object:
        plant = plant_of(SQUARE, policy("s", "a>b>d"), policy("t", "b>d>c", gbps=80.0), seed=11)
        for second in range(50):
            plant.advance(START_S + second * 0.37)
            if second % 7 == 3:
                plant.cut(FibreId("b-d"))
            if second % 7 == 5:
                plant.uncut(FibreId("b-d"))
        return plant.sample()

    assert run() == run()


def test_a_dead_router_and_a_cut_keep_a_fibre_dark_until_both_are_mended() -> None:
    b, ab, bd = SiteId("b"), FibreId("a-b"), FibreId("b-d")
    for first, second in (("cut", "kill"), ("kill", "cut")):
        plant = plant_of(SQUARE, policy("s", "a>b>d"), offer=8.0)
        for act in (first, second):
            if act == "cut":
                assert plant.cut(bd)
            else:
                assert plant.kill_router(b)
        plant.advance(START_S + 1.0)
        assert set(plant.observed().down_since_s) == {ab, bd}
        assert set(plant.cuts()) == {bd}
        assert plant.revive_router(b) if first == "cut" else plant.uncut(bd)
        plant.advance(START_S + 2.0)
        assert set(plant.observed().down_since_s) == ({bd} if first == "cut" else {ab, bd})
        assert plant.uncut(bd) if first == "cut" else plant.revive_router(b)
        plant.advance(START_S + 3.0)
        assert plant.observed().down_since_s == {}


def test_a_fibre_between_two_dead_routers_waits_for_both() -> None:
    plant = plant_of(SQUARE)
    plant.kill_router(SiteId("a"))
    plant.kill_router(SiteId("b"))
    plant.revive_router(SiteId("a"))
    plant.advance(START_S + 1.0)
    assert set(plant.observed().down_since_s) == {"a-b", "b-d"}
    assert [router.site for router in plant.status().routers if router.killed_s is not None] == ["b"]


def test_a_router_stays_dead_in_another_network_and_is_forgotten_with_its_site() -> None:
    plant = plant_of(SQUARE)
    plant.kill_router(SiteId("b"))
    plant.adopt(backbone("a-b", "b-d", "a-c", "c-d", "b-c"))
    plant.advance(START_S + 1.0)
    assert set(plant.observed().down_since_s) == {"a-b", "b-d", "b-c"}
    plant.adopt(backbone("a-c", "c-d"))
    plant.adopt(SQUARE)
    assert plant.observed().down_since_s == {}


DUCT = in_duct(SQUARE, "duct", "b-d", "c-d")


def test_a_risk_group_is_cut_at_once_and_what_was_cut_by_itself_stays_cut() -> None:
    plant = plant_of(DUCT, policy("s", "a>b>d"), offer=8.0)
    bd, cd, duct = FibreId("b-d"), FibreId("c-d"), RiskGroupId("duct")
    plant.cut(bd, silent=True)
    plant.advance(START_S + 1.0)
    assert [plant.cut_group(duct), plant.cut_group(duct)] == [True, False]
    plant.advance(START_S + 2.0)
    seen_s = {bd: pytest.approx(START_S + DETECTION_S), cd: pytest.approx(START_S + 1.0 + DETECTION_S)}
    assert plant.observed().down_since_s == seen_s
    assert {down.reason for down in plant.observed().why.values()} == {Reason.LIGHT}
    assert plant.status().groups == {duct: CutState(since_s=START_S + 1.0)}
    assert plant.cut_group(duct, silent=True)
    assert plant.status().groups == {duct: CutState(since_s=START_S + 1.0, silent=True)}
    plant.advance(START_S + 3.0)
    assert plant.observed().down_since_s == seen_s
    assert {down.reason for down in plant.observed().why.values()} == {Reason.SILENT}
    assert not plant.lit(LinkId("c>d"))
    assert [plant.uncut_group(duct), plant.uncut_group(duct)] == [True, False]
    assert [plant.lit(LinkId("c>d")), plant.lit(LinkId("b>d"))] == [True, False]
    assert plant.uncut(bd)
    assert plant.lit(LinkId("b>d"))
    with pytest.raises(NotFound):
        plant.cut_group(RiskGroupId("nowhere"))


def test_one_way_nothing_arrives_at_one_end_and_both_ends_know() -> None:
    plant = plant_of(SQUARE, policy("s", "a>b>d"), offer=8.0)
    plant.cut(FibreId("b-d"), towards=SiteId("d"))
    plant.advance(START_S + 0.01)
    now = counters(plant)
    assert (now.carried_gbps_there, now.carried_gbps_back) == (0.0, 8.0)
    assert now.lost_bytes == pytest.approx(8.0 * 0.01 * GBPS_IN_BYTES, rel=1e-4)
    assert now.dark_s == pytest.approx(0.01, abs=TIME)
    plant.cut(FibreId("b-d"), towards=SiteId("b"))
    now = counters(plant)
    assert (now.carried_gbps_there, now.carried_gbps_back) == (8.0, 0.0)
    plant.advance(START_S + 10.0)
    assert plant.observed().why == {"b-d": Down(reason=Reason.ONE_WAY)}
    with pytest.raises(NotFound, match="a is no end of b-d"):
        plant.cut(FibreId("b-d"), towards=SiteId("a"))


def test_a_part_is_lost_on_every_link_that_loses_one() -> None:
    plant = plant_of(DUCT, policy("s", "a>b>d"), offer=8.0, watched=False)
    plant.cut(FibreId("a-b"), loss=0.5)
    plant.cut(FibreId("b-d"), loss=0.2, towards=SiteId("d"))
    plant.cut_group(RiskGroupId("duct"), loss=0.1)
    plant.advance(START_S + 10.0)
    now = counters(plant)
    there_gbps, back_gbps = 8.0 * 0.5 * 0.8 * 0.9, 8.0 * 0.5 * 0.9
    assert now.carried_gbps_there == pytest.approx(there_gbps)
    assert now.carried_gbps_back == pytest.approx(back_gbps)
    assert now.lost_bytes == pytest.approx((16.0 - there_gbps - back_gbps) * 10.0 * GBPS_IN_BYTES)
    assert (now.dark_s, plant.observed().down_since_s) == (0.0, {})
    assert plant.loss(LinkId("b>d")) == pytest.approx(1.0 - 0.8 * 0.9)
    plant.apply([Install(policy=policy("later", "a>b>d"))])
    plant.offer(ServiceId("later"), 1.0)
    assert counters(plant, "later").carried_gbps_there == pytest.approx(0.5 * 0.8 * 0.9)
    for share in (0.0, 1.1, -0.2):
        with pytest.raises(Invalid, match="share"):
            plant.cut(FibreId("a-b"), loss=share)


def test_a_link_is_down_where_too_much_is_lost_on_it() -> None:
    plant = plant_of(DUCT)
    plant.cut(FibreId("a-b"), loss=0.05)
    plant.cut(FibreId("b-d"), loss=0.2, towards=SiteId("b"))
    plant.advance(START_S + 1.0)
    assert plant.observed().down_since_s == {"b-d": pytest.approx(START_S + watch.LOSS_WINDOW_S)}
    assert plant.observed().why == {"b-d": Down(reason=Reason.LOSS)}
    plant.cut_group(RiskGroupId("duct"), silent=True)
    plant.advance(START_S + 2.0)
    assert {down.reason for down in plant.observed().why.values()} == {Reason.SILENT}


def test_a_router_that_dies_silently_takes_no_light_with_it() -> None:
    plant = plant_of(SQUARE, policy("s", "a>b>d"), offer=8.0)
    b = SiteId("b")
    assert [plant.kill_router(b, silent=True), plant.kill_router(b, silent=True)] == [True, False]
    plant.advance(START_S + 1.0)
    now = counters(plant)
    assert now.carried_gbps_there == 0.0
    assert now.dark_s == pytest.approx(1.0)
    assert plant.observed().why == {one: Down(reason=Reason.SILENT) for one in ("a-b", "b-d")}
    assert plant.sample().links[LinkId("a>b")].up
    state = next(one for one in plant.status().routers if one.site == b)
    assert (state.killed_s, state.silent) == (START_S, True)
    assert plant.kill_router(b)
    plant.advance(START_S + 2.0)
    assert plant.observed().why == {one: Down(reason=Reason.LIGHT) for one in ("a-b", "b-d")}
    plant.kill_router(b, silent=True)
    plant.revive_router(b)
    plant.advance(START_S + 3.0)
    assert counters(plant).carried_gbps_there == 8.0


def test_all_that_is_broken_is_remembered() -> None:
    plant = plant_of(DUCT, policy("s", "a>b>d"), offer=8.0)
    plant.cut(FibreId("a-b"), loss=0.5, towards=SiteId("b"))
    plant.cut_group(RiskGroupId("duct"), silent=True)
    plant.kill_router(SiteId("c"), silent=True)
    other = plant_of(DUCT)
    other.recall(plant.memory())
    assert other.status() == plant.status()
    assert not other.lit(LinkId("b>d"))
    assert not other.lit(LinkId("a>c"))
    assert other.loss(LinkId("a>b")) == pytest.approx(0.5)
    other.adopt(backbone("a-b", "b-d"))
    assert other.status().groups == {}
    assert [one.silent for one in other.status().routers] == [False, False, False]
