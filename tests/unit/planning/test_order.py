"""Every way in which a request can be wrong, and how it is said."""

from __future__ import annotations

import math

import pytest

from highroad.model.service import End, Request, ServiceKind, TrafficClass
from highroad.planning.admission import admit
from highroad.planning.order import resolve
from tests.support.country import request
from tests.unit.planning.ground import NOW_S, ground_of, keep

WRONG: list[tuple[str, Request, str, str]] = [
    ("unknown site", request(b="cluod"), "unknown-site", "did you mean `cloud`?"),
    ("another tenant's port", request(b="other.cloud"), "unknown-site", "that you may use"),
    ("no port there", request(b="south"), "no-port-at-site", "you have ports at campus, cloud"),
    ("both ends the same", request(b="campus"), "same-ends", "both ends are at campus"),
    ("no bandwidth", request(0.0), "rate-not-positive", "more than 0"),
    ("negative bandwidth", request(-1.0), "rate-not-positive", "not -1"),
    ("too much bandwidth", request(1e30), "rate-over-port", "more than the port's 400"),
    ("bandwidth that is no number", request(math.nan), "rate-not-a-number", "not nan"),
    ("endless bandwidth", request(math.inf), "rate-not-a-number", "not inf"),
    ("bandwidth between two steps", request(1.00049), "rate-step", "1 is the nearest"),
    ("bandwidth below a step", request(0.0004), "rate-step", "0.001 is the nearest"),
    ("bandwidth far below a step", request(1e-12), "rate-step", "0.001 is the nearest"),
    ("window over", request(start_s=NOW_S - 3600), "window-past", "which is over"),
    ("window of no length", request(start_s=NOW_S + 60, end_s=NOW_S + 60), "window-empty", "at its start"),
    ("window backwards", request(start_s=NOW_S + 60, end_s=NOW_S + 30), "window-empty", "before its start"),
    ("window of no time", request(end_s=math.nan), "window-not-a-time", "not at nan"),
    ("window from before all time", request(start_s=-math.inf), "window-not-a-time", "not at -inf"),
    ("window in the year 9999", request(end_s=2.5e11), "window-far", "leave `end` out"),
    ("faster than light", request(bound_ms=1.0), "faster-than-light", "km apart"),
    ("bound of 0", request(bound_ms=0.0), "bound-not-positive", "more than 0 ms"),
    ("bound that is no number", request(bound_ms=math.nan), "bound-not-positive", "not nan"),
    ("fence of nothing", request(fence=()), "fence-empty", "no site is inside"),
    ("fence elsewhere", request(fence=("EU",)), "fence-empty", "the network has sites in US"),
    ("fence misspelt", request(fence=("usa",)), "fence-code", "ISO 3166"),
    ("fence without an end", request(fence=("US-CO",)), "fence-excludes-end", "`to` is at cloud in US-NY"),
    ("hold of a moment", request(hold_s=1.0), "hold", "60 to 900 seconds, not 1"),
    ("floor above the ceiling", request(20.0, autoscale=(20.0, 10.0)), "floor-above-ceiling", "20 Gbit/s is above"),
    ("ceiling over the port", request(20.0, autoscale=(10.0, 500.0)), "rate-over-port", "more than the port's 400"),
    ("floor of nothing", request(20.0, autoscale=(0.0, 50.0)), "rate-not-positive", "more than 0"),
    ("ceiling between two steps", request(20.0, autoscale=(10.0, 50.00001)), "rate-step", "50 is the nearest"),
    ("ceiling that is no number", request(20.0, autoscale=(10.0, math.nan)), "rate-not-a-number", "not nan"),
    ("rate under the floor", request(5.0, autoscale=(10.0, 50.0)), "rate-outside-rule", "between the floor of 10"),
    ("rate over the ceiling", request(51.0, autoscale=(10.0, 50.0)), "rate-outside-rule", "the ceiling of 50"),
    (
        "burst under the ceiling",
        request(20.0, burst_gbps=40.0, autoscale=(10.0, 50.0)),
        "burst-below-ceiling",
        "less than the ceiling of 50",
    ),
    (
        "scavenger that follows",
        request(0.0, burst_gbps=40.0, autoscale=(10.0, 50.0), traffic_class=TrafficClass.SCAVENGER),
        "scavenger-autoscale",
        "nothing that could follow",
    ),
    ("burst under the guarantee", request(10.0, burst_gbps=5.0), "burst-below-guarantee", "less than"),
    (
        "scavenger with a guarantee",
        request(1.0, traffic_class=TrafficClass.SCAVENGER, burst_gbps=2.0),
        "scavenger-guarantee",
        "guarantees 0",
    ),
    ("scavenger of nothing", request(0.0, traffic_class=TrafficClass.SCAVENGER), "scavenger-burst", "needs"),
    ("tag out of range", request(a=End(at="campus", vlan=4095)), "vlan-range", "from 1 to 4094"),
    ("tag on a whole port", request(a=End(at="campus", vlan=7, whole_port=True)), "whole-port-vlan", "one or"),
    ("prefix", request(a=End(at="campus", prefixes=("10.1.0.0/40",))), "prefix", "10.1.0.0/40"),
    (
        "prefixes on ethernet",
        request(a=End(at="campus", prefixes=("10.1.0.0/16",)), kind=ServiceKind.ETHERNET),
        "ethernet-prefixes",
        "no prefixes",
    ),
    ("long description", request(description="x" * 501), "description", "at most 500"),
    ("bell in a description", request(description="\a"), "description", "control or invisible character"),
]


@pytest.mark.parametrize(("asked", "code", "words"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG])
def test_one_clear_finding(asked: Request, code: str, words: str) -> None:
    order, findings = resolve(asked, ground_of(), NOW_S)
    assert order is None
    assert [finding.code for finding in findings] == [code]
    assert words in findings[0].message


def test_a_start_just_past_means_now() -> None:
    order, _ = resolve(request(start_s=NOW_S - 30), ground_of(), NOW_S)
    assert order is not None
    assert order.window.start_s == NOW_S


def test_tags_are_found_and_kept_apart() -> None:
    ground = ground_of()
    first = keep(ground, "one", admit(ground, request(), NOW_S))
    second = keep(ground, "two", admit(ground, request(), NOW_S))
    assert first.order.a.vlan == 2
    assert second.order.a.vlan == 3
    _, findings = resolve(request(a=End(at="campus", vlan=3)), ground, NOW_S)
    assert [finding.code for finding in findings] == ["vlan-taken"]
    _, findings = resolve(request(a=End(at="campus", whole_port=True)), ground, NOW_S)
    assert [finding.code for finding in findings] == ["port-taken"]


def test_where_routers_carry_no_tags_nobody_names_one_and_one_is_found_all_the_same() -> None:
    ground = ground_of()
    ground.carries_tags = False
    _, findings = resolve(request(a=End(at="campus", vlan=7)), ground, NOW_S)
    assert [(finding.code, finding.place) for finding in findings] == [("vlan-not-carried", "from.vlan")]
    order, _ = resolve(request(), ground, NOW_S)
    assert order is not None
    assert order.a.vlan == 2


def test_a_tag_is_free_again_outside_the_window() -> None:
    ground = ground_of()
    keep(ground, "one", admit(ground, request(end_s=NOW_S + 60), NOW_S))
    order, _ = resolve(request(a=End(at="campus", vlan=2), start_s=NOW_S + 60), ground, NOW_S)
    assert order is not None


def test_a_whole_port_leaves_no_room_for_tags() -> None:
    ground = ground_of()
    keep(ground, "one", admit(ground, request(a=End(at="campus", whole_port=True)), NOW_S))
    _, findings = resolve(request(), ground, NOW_S)
    assert [finding.code for finding in findings] == ["port-taken"]


def test_scavenger_guarantees_nothing_and_has_a_burst() -> None:
    asked = request(0.0, traffic_class=TrafficClass.SCAVENGER, burst_gbps=50.0)
    order, findings = resolve(asked, ground_of(), NOW_S)
    assert findings == []
    assert order is not None


def test_nothing_hostile_is_repeated_raw() -> None:
    _, findings = resolve(request(b="\x1b[31m" + "z" * 10_000), ground_of(), NOW_S)
    assert "\x1b" not in findings[0].message
    assert len(findings[0].message) < 300
