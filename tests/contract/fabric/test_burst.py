"""Who gets what guarantees leave: the same on every fabric."""

from __future__ import annotations

import pytest

from highroad.model.service import ServiceId, TrafficClass
from highroad.ports import Install
from tests.contract.fabric.rig import Play, Rig
from tests.unit.fabric.small import policy

Bursts = list[tuple[str, float, float, TrafficClass]]
"""Services over one span of 100 Gbit/s: name, guarantee, ceiling, class."""


async def _sent_at_their_ceilings(rig: Rig, services: Bursts) -> dict[str, float]:
    """What arrives each way of services that send all they may."""
    for name, gbps, ceiling_gbps, traffic_class in services:
        made = policy(name, "a>b", gbps=gbps, ceiling_gbps=ceiling_gbps, traffic_class=traffic_class)
        assert await rig.run(rig.fabric.apply([Install(policy=made)])) == {}
    for name, _, ceiling_gbps, _ in services:
        await rig.fabric.offer(ServiceId(name), ceiling_gbps)
    await rig.pass_s(2.0)
    before = await rig.fabric.sample()
    await rig.pass_s(4.0)
    after = await rig.fabric.sample()
    took_s = after.at_s - before.at_s
    return {
        name: (after.services[name].carried_bytes - before.services[name].carried_bytes) * 8e-9 / 2 / took_s
        for name in (ServiceId(one[0]) for one in services)
    }


SCALED = 0.06
"""A core port is that much wider than what is sold of it: it carries what packets are wrapped in too."""


def test_a_burst_gets_what_guarantees_leave_and_no_more(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        got = await _sent_at_their_ceilings(
            rig, [("sure", 60.0, 60.0, TrafficClass.BULK), ("burst", 10.0, 90.0, TrafficClass.INTERACTIVE)]
        )
        assert got["sure"] == pytest.approx(60.0, rel=0.03)
        assert got["burst"] == pytest.approx(40.0, abs=100.0 * SCALED)

    play(scene)


def test_what_is_left_goes_to_the_first_class_first(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        got = await _sent_at_their_ceilings(
            rig,
            [
                ("last", 0.0, 60.0, TrafficClass.SCAVENGER),
                ("bulk", 10.0, 60.0, TrafficClass.BULK),
                ("first", 10.0, 60.0, TrafficClass.ASSURED),
            ],
        )
        assert got["first"] == pytest.approx(60.0, rel=0.03)
        assert got["bulk"] == pytest.approx(40.0, abs=100.0 * SCALED)
        assert got["last"] < 100.0 * SCALED

    play(scene)


def test_bursts_of_one_class_share_as_they_were_sold(play: Play) -> None:
    """Hosts send packets of one size, the largest, at both rates: a full queue takes a small one sooner."""

    async def scene(rig: Rig) -> None:
        got = await _sent_at_their_ceilings(
            rig,
            [
                ("sure", 40.0, 40.0, TrafficClass.ASSURED),
                ("small", 10.0, 80.0, TrafficClass.ASSURED),
                ("large", 10.0, 150.0, TrafficClass.ASSURED),
            ],
        )
        assert got["sure"] == pytest.approx(40.0, rel=0.05)
        small, large = got["small"] - 10.0, got["large"] - 10.0
        assert small + large == pytest.approx(40.0, abs=10.0)
        # Half as much was sold; equal shares would be 1. On routers a few hundred packets decide it.
        assert small / large == pytest.approx(0.5, rel=0.6)

    play(scene)
