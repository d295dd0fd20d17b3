"""What is shown as free is admitted when it is ordered, and not a bit more would be."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from highroad.errors import Invalid
from highroad.model.network import SiteId
from highroad.model.service import End, Port, PortId, Protection, Request, TenantId, Window
from highroad.planning.admission import Admitted, admit, fits
from highroad.planning.free import Free, Question, highest, stretches
from highroad.planning.ground import Ground
from highroad.planning.offers import sold
from highroad.planning.order import resolve
from highroad.units import gbps_from_mbps
from tests.support.country import ACME, OTHER, country, ports, request
from tests.unit.planning.ground import NOW_S, avoid, ground_of, keep
from tests.unit.planning.small import small

HOUR_S = 3600.0
HOURS = [Window(start_s=NOW_S + at * HOUR_S, end_s=NOW_S + (at + 1) * HOUR_S) for at in range(6)]


def busy(seed: int, protected: bool) -> Ground:
    """A small random network with ports at its ends and random orders over the next hours."""
    dice = random.Random(f"free {seed}")
    owners = [Port(id=PortId(f"{who}.{at}"), tenant=TenantId(who), site=SiteId(at), rate_gbps=rate)
              for who, rate in (("acme", 12.5), ("other", 40.0)) for at in ("a", "b")]  # fmt: skip
    ground = ground_of(small(seed), owners)
    for number in range(dice.randint(0, 14)):
        start = NOW_S + dice.choice((0.0, dice.uniform(0, 5), dice.randint(0, 5))) * HOUR_S
        asked = Request(
            tenant=TenantId(dice.choice(("acme", "other", "other"))),
            a=End(at="a", whole_port=dice.random() < 0.05),
            b=End(at="b"),
            bandwidth_gbps=dice.randint(1, 6000) / 1000,
            start_s=start,
            end_s=dice.choice((None, start + dice.uniform(0.2, 3) * HOUR_S)),
            protection=Protection.PATH if protected and dice.random() < 0.6 else Protection.NONE,
        )
        decision = None
        try:
            decision = admit(ground, asked, NOW_S)
        except Invalid:
            continue
        if isinstance(decision, Admitted):
            keep(ground, f"svc-{number}", decision)
    if ground.graph.links and dice.random() < 0.4:
        ground.avoid = frozenset({dice.randrange(len(ground.graph.links))})
        ground.mended_s = NOW_S + dice.choice((2 * HOUR_S, float("inf")))
    return ground


def ordered(ground: Ground, question: Question, window: Window, mbps: int) -> bool:
    """Whether an order for a rate over a window is admitted."""
    asked = Request(
        tenant=question.tenant or TenantId("none"),
        a=End(at=question.a),
        b=End(at=question.b),
        bandwidth_gbps=gbps_from_mbps(mbps),
        start_s=window.start_s,
        end_s=window.end_s,
        latency_bound_ms=question.latency_bound_ms,
        fence=question.fence,
        protection=question.protection,
        max_paths=question.max_paths,
    )
    order, _ = resolve(asked, ground, NOW_S)
    return order is not None and fits(ground, order) is not None


@given(seed=st.integers(0, 10**6), bound=st.sampled_from((None, None, 6.0, 12.0)), protected=st.booleans(),
       paths=st.sampled_from((None, 1, 2)))  # fmt: skip
@settings(max_examples=120, deadline=None)
def test_what_a_tenant_is_shown_is_admitted(seed: int, bound: float | None, protected: bool, paths: int | None) -> None:
    """Held against `admission.fits`: at the rate and, over one path, not at the next that could be sold."""
    ground = busy(seed, protected)
    protection = Protection.PATH if protected else Protection.NONE
    question = Question(
        a="a", b="b", tenant=TenantId("acme"), latency_bound_ms=bound, protection=protection, max_paths=paths
    )
    free = Free(question)
    for window in HOURS:
        shown = free.most_mbps(ground, window, NOW_S)
        assert shown == sold(shown)
        assert not shown or ordered(ground, question, window, shown)
        searched = protected or paths != 1  # backups and several ways are found by search, which may miss some
        assert searched or not ordered(ground, question, window, shown + (1000 if shown >= 1000 else 1))
        again = Free(question).most_mbps(ground, window, NOW_S)
        assert searched or again == shown  # what is remembered of other hours changes nothing


@given(seed=st.integers(0, 10**6), protected=st.booleans(), paths=st.sampled_from((None, 1)))
@settings(max_examples=60, deadline=None)
def test_an_operator_is_told_the_very_rate(seed: int, protected: bool, paths: int | None) -> None:
    ground = busy(seed, protected)
    protection = Protection.PATH if protected else Protection.NONE
    wide = ground.seen_with({PortId(f"none.{at}"): Port(id=PortId(f"none.{at}"), tenant=TenantId("none"),
                                                        site=SiteId(at), rate_gbps=1e6) for at in "ab"})  # fmt: skip
    for at in "ab":
        ground.calendar.set_capacity(f"port:none.{at}", 10**9)
    question = Question(a="a", b="b", protection=protection, max_paths=paths)
    free = Free(question)
    for window in HOURS:
        shown = free.most_mbps(ground, window, NOW_S)
        assert not shown or ordered(wide, question, window, shown)
        assert protected or paths is None or not ordered(wide, question, window, shown + 1)
    assert set(ground.ports) == {PortId(f"{who}.{at}") for who in ("acme", "other") for at in "ab"}


def test_the_ports_of_a_tenant_count() -> None:
    owned = [replace(port, rate_gbps=3.5) if port.id == "acme.campus" else port for port in ports()]
    ground = ground_of(ports=owned)
    assert Free(Question(a="campus", b="acme.cloud", tenant=ACME)).most_mbps(ground, HOURS[0], NOW_S) == 3000
    assert Free(Question(a="campus", b="cloud", tenant=OTHER)).most_mbps(ground, HOURS[0], NOW_S) == 100_000
    assert Free(Question(a="campus", b="cloud")).most_mbps(ground, HOURS[0], NOW_S) == 100_000
    assert Free(Question(a="acme.campus", b="cloud")).most_mbps(ground, HOURS[0], NOW_S) == 3500
    whole = request(0.5, a=End(at="campus", whole_port=True), start_s=NOW_S, end_s=NOW_S + HOUR_S)
    keep(ground, "svc-1", admit(ground, whole, NOW_S))
    free = Free(Question(a="campus", b="cloud", tenant=ACME))
    assert [free.most_mbps(ground, window, NOW_S) for window in HOURS[:2]] == [0, 3000]


def test_promises_are_kept_and_what_is_dark_is_not_counted_on() -> None:
    ground = ground_of(country(ways=2))
    keep(ground, "svc-1", admit(ground, request(60.0, end_s=NOW_S + HOUR_S), NOW_S))

    def shown(window: Window = HOURS[0], max_paths: int | None = 1, **promises: Any) -> int:
        asked = Question(a="campus", b="cloud", max_paths=max_paths, **promises)
        return Free(asked).most_mbps(ground, window, NOW_S)

    assert shown() == 100_000
    assert 125_000 < shown(max_paths=None) <= 140_000
    assert shown(latency_bound_ms=7.5) == 40_000
    assert shown(HOURS[1], latency_bound_ms=7.5) == 100_000
    assert shown(fence=("US",), latency_bound_ms=8.0) == 0
    assert shown(protection=Protection.PATH) == 40_000
    avoid(ground, "west>east")
    ground.mended_s = HOURS[3].start_s
    assert shown(latency_bound_ms=7.5) == 0
    assert shown(HOURS[3], latency_bound_ms=7.5) == 100_000


def test_what_makes_no_sense_is_said_as_of_an_order() -> None:
    ground = ground_of()
    for asked, code in (
        (Question(a="campus", b="campus"), "same-ends"),
        (Question(a="campus", b="cloudy"), "unknown-site"),
        (Question(a="campus", b="west", tenant=ACME), "no-port-at-site"),
        (Question(a="campus", b="cloud", latency_bound_ms=0.1), "faster-than-light"),
        (Question(a="campus", b="cloud", fence=("DE",)), "fence-empty"),
        (Question(a="campus", b="other.cloud", tenant=ACME), "unknown-site"),
    ):
        with pytest.raises(Invalid) as caught:
            Free(asked).most_mbps(ground, HOURS[0], NOW_S)
        assert [finding.code for finding in caught.value.findings] == [code]


def test_an_answer_follows_the_ground() -> None:
    ground = ground_of()
    for protection in Protection:
        free = Free(Question(a="west", b="east", protection=protection, max_paths=1))
        assert free.most_mbps(ground, HOURS[0], NOW_S) == 100_000
    frees = [Free(Question(a="west", b="east", protection=protection, max_paths=1)) for protection in Protection]
    assert [free.most_mbps(ground, HOURS[0], NOW_S) for free in frees] == [100_000, 100_000]
    keep(ground, "svc-1", admit(ground, request(30.0, a="west", b="east", tenant=OTHER), NOW_S))
    assert [free.most_mbps(ground, HOURS[0], NOW_S) for free in frees] == [100_000, 70_000]
    assert frees[0].most_mbps(ground_of(country(capacity_gbps=7.0)), HOURS[0], NOW_S) == 7000


@given(rates=st.lists(st.integers(0, 5), max_size=12))
def test_the_best_stretch_is_found(rates: list[int]) -> None:
    every = [
        (first, end, min(rates[first:end])) for first in range(len(rates)) for end in range(first + 1, len(rates) + 1)
    ]
    found = stretches(rates)
    most = max(((end - first) * least for first, end, least in every), default=0)
    assert ((found[0][1] - found[0][0]) * found[0][2] if found else 0) == most
    for first, end, least in found:
        assert min(rates[first:end]) == least > 0
        assert all(rates[beside] < least for beside in (first - 1, end) if 0 <= beside < len(rates))


@given(upper=st.integers(-3, 50), limit=st.integers(0, 60), guess=st.integers(-1, 60))
def test_the_highest_is_found(upper: int, limit: int, guess: int) -> None:
    assert highest(lambda rate: rate <= limit, upper, guess) == max(0, min(upper, limit))
