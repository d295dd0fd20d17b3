"""Only what has changed visibly is told, and whoever was told it all knows how it is."""

from __future__ import annotations

import math
import random
from types import SimpleNamespace
from typing import Any

import pytest

from highroad.api import told as module
from highroad.api.told import AGAIN_S, LINK_STEP, SERVICE_STEP, Told
from highroad.model.lifecycle import State
from highroad.ports import LinkCounters, Sample, ServiceCounters

CAPACITY_GBPS = 100.0
RATE_GBPS = 10.0
DESK: Any = SimpleNamespace(fabric_name="twin", rate_scale=1.0)


def counters(gbps: float, *, dark_s: float = 0.0, lost_bytes: float = 0.0, latency_ms: float = 5.0) -> ServiceCounters:
    return ServiceCounters(
        offered_bytes=0.0,
        carried_bytes=0.0,
        lost_bytes=lost_bytes,
        dark_s=dark_s,
        offered_gbps=gbps,
        carried_gbps_there=gbps,
        carried_gbps_back=gbps,
        latency_ms_there=latency_ms if gbps > 0 else math.nan,
        latency_ms_back=latency_ms if gbps > 0 else math.nan,
    )


def sample(at_s: float, services: dict[str, ServiceCounters], links: dict[str, float] | None = None) -> Sample:
    carried = {
        name: LinkCounters(carried_bytes=0.0, carried_gbps=gbps, up=True) for name, gbps in (links or {}).items()
    }
    return Sample(at_s=at_s, services=services, links=carried)  # type: ignore[arg-type]


def book(services: list[str], links: list[str] | None = None, **states: State) -> Any:
    order = SimpleNamespace(bandwidth_gbps=RATE_GBPS, burst_gbps=None)
    held = {
        name: SimpleNamespace(
            order=order, state=states.get(name, State.ACTIVE), tenant="acme" if name < "s5" else "other"
        )
        for name in services
    }
    link = {name: SimpleNamespace(capacity_gbps=CAPACITY_GBPS) for name in links or ()}
    return SimpleNamespace(
        services=held, network=SimpleNamespace(link=link), down=set(), drained=set(), freeze=None, last_sequence=0
    )


class Reader:
    """One who reads the stream."""

    def __init__(self, told: Told) -> None:
        self.told = told
        self.version = 0
        self.services: dict[str, list[Any]] = {}
        self.links: dict[str, float] = {}
        self.count = 0

    def read(self, known: Any) -> bool:
        found = self.told.changes(self.version, 0, known, DESK)
        self.version = self.told.version
        if found.whole:
            self.services, self.links = {}, {}
        for name in found.services_gone:
            self.services.pop(name, None)
        for name in found.links_gone:
            self.links.pop(name, None)
        columns = [getattr(found.services, name) for name in module.COLUMNS]
        self.services |= dict(
            zip(found.services.services, (list(row) for row in zip(*columns, strict=True)), strict=True)
        )
        self.links |= found.links
        self.count = len(found.services.services) + len(found.links)
        return found.whole


@pytest.fixture
def many(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two things are many."""
    monkeypatch.setattr(module, "EXACT", 1)


def test_few_are_told_as_they_are_and_what_stays_is_not_told() -> None:
    told, known = Told(None), book(["s1", "s2"], ["l1"])
    reader = Reader(told)
    told.take(sample(0.0, {"s1": counters(5.0), "s2": counters(6.0)}, {"l1": 11.0}), known)
    assert reader.read(known)
    assert (reader.count, reader.links) == (3, {"l1": 11.0})
    told.take(sample(1.0, {"s1": counters(5.001), "s2": counters(6.0)}, {"l1": 11.001}), known)
    assert not reader.read(known)
    assert (reader.count, reader.services["s1"][1], reader.links["l1"]) == (2, 5.001, 11.001)


@pytest.mark.usefixtures("many")
def test_of_many_a_step_that_nobody_sees_waits_and_is_told_in_time() -> None:
    told, known = Told(None), book(["s1", "s2"], ["l1", "l2"])
    reader = Reader(told)
    step, link_step = SERVICE_STEP * RATE_GBPS, LINK_STEP * CAPACITY_GBPS
    links = {"l1": 50.0, "l2": 50.0}
    told.take(sample(0.0, {"s1": counters(5.0), "s2": counters(5.0)}, links), known)
    reader.read(known)
    less = {"s1": counters(5.0 + 0.9 * step), "s2": counters(5.0)}
    told.take(sample(0.5, less, {"l1": 50.0 + 0.9 * link_step, "l2": 50.0}), known)
    reader.read(known)
    assert reader.count == 0
    more = {"s1": counters(5.0 + 0.9 * step), "s2": counters(5.0 - 1.1 * step)}
    told.take(sample(0.8, more, {"l1": 50.0 + 0.9 * link_step, "l2": 50.0 + 1.1 * link_step}), known)
    reader.read(known)
    assert (reader.count, reader.services["s2"][2], reader.links["l2"]) == (2, 5.0 - 1.1 * step, 50.0 + 1.1 * link_step)
    told.take(sample(AGAIN_S, more, {"l1": 50.0 + 0.9 * link_step, "l2": 50.0}), known)
    reader.read(known)
    assert (reader.services["s1"][2], reader.links["l1"]) == (5.0 + 0.9 * step, 50.0 + 0.9 * link_step)


@pytest.mark.usefixtures("many")
@pytest.mark.parametrize(
    "now",
    [
        counters(0.0),
        counters(5.0, dark_s=0.002),
        counters(5.0, lost_bytes=9.0),
        counters(5.0, latency_ms=5.2),
    ],
)
def test_of_many_what_one_looks_for_is_told_at_once(now: ServiceCounters) -> None:
    told, known = Told(None), book(["s1", "s2"])
    reader = Reader(told)
    told.take(sample(0.0, {"s1": counters(5.0), "s2": counters(5.0)}), known)
    reader.read(known)
    told.take(sample(0.1, {"s1": counters(5.0), "s2": now}), known)
    reader.read(known)
    assert reader.count == 1
    told.take(sample(0.2, {"s1": counters(5.0), "s2": now}), known)
    reader.read(known)
    assert reader.count == 0
    degraded = book(["s1", "s2"], s1=State.DEGRADED)
    told.take(sample(0.3, {"s1": counters(5.0), "s2": now}), degraded)
    reader.read(degraded)
    assert (reader.count, reader.services["s1"][0]) == (1, "DEGRADED")


@pytest.mark.usefixtures("many")
def test_whoever_reads_seldom_knows_the_same_as_who_reads_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Over a random walk of services that come and go, with more gone than is remembered."""
    monkeypatch.setattr(module, "REMEMBERED", 6)
    dice, told = random.Random(8), Told(None)
    often, seldom = Reader(told), Reader(told)
    rates: dict[str, float] = {}
    wholes, known = 0, book([])
    for second in range(400):
        for name in [f"s{dice.randrange(40)}" for _ in range(3)]:
            if name in rates and dice.random() < 0.4:
                del rates[name]
            else:
                rates[name] = max(0.0, rates.get(name, 5.0) + dice.choice((-3.0, -0.05, 0.05, 3.0)))
        links = {f"l{number}": sum(rates.values()) * number for number in range(dice.randrange(2, 5))}
        known = book([*rates], ["l0", "l1", "l2", "l3", "l4"])
        told.take(sample(float(second), {name: counters(gbps) for name, gbps in rates.items()}, links), known)
        often.read(known)
        assert set(often.services) == set(rates)
        assert set(often.links) == set(links)
        off = max((abs(often.services[name][2] - gbps) for name, gbps in rates.items()), default=0.0)
        assert off <= SERVICE_STEP * RATE_GBPS + 0.001
        if dice.random() < 0.1:
            wholes += seldom.read(known)
            assert (seldom.services, seldom.links) == (often.services, often.links)
    assert wholes > 1
    late = Reader(told)
    assert late.read(known)
    assert (late.services, late.links) == (often.services, often.links)


def test_a_tenant_is_told_its_own() -> None:
    told, known = Told("acme"), book(["s1", "s9"], ["l1"])
    told.take(sample(0.0, {"s1": counters(5.0), "s9": counters(5.0)}, {"l1": 10.0}), known)
    reader = Reader(told)
    reader.read(known)
    assert (set(reader.services), reader.links) == ({"s1"}, {})


def test_a_sample_is_looked_through_once() -> None:
    told, known = Told(None), book(["s1"])
    first = sample(0.0, {"s1": counters(5.0)})
    told.take(first, known)
    told.take(first, known)
    assert told.version == 1
    assert told.frame(0, 0, known, DESK) is told.frame(0, 0, known, DESK)


def test_where_no_sample_comes_any_more_frames_do_not_pile_up() -> None:
    told, known = Told(None), book(["s0"])
    told.take(sample(0.0, {"s0": counters(1.0)}), known)
    for sequence in range(10 * module.FRAMES):
        told.frame(0, sequence, known, DESK)
    assert len(told._frames) <= module.FRAMES
