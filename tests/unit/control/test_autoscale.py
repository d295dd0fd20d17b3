"""Services that follow their load: when, to what, never past their rule, and what they do when it is refused."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from functools import wraps
from itertools import pairwise
from typing import Any

import pytest

from highroad.control.autoscale import Step, load_gbps, rate_for, take
from highroad.control.book import Draft
from highroad.control.effects import effects_of
from highroad.errors import Invalid, Refused, VersionConflict
from highroad.model.autoscale import Autoscale
from highroad.model.change import Change
from highroad.model.lifecycle import State
from highroad.model.network import FibreId
from highroad.model.service import Service, ServiceId, TrafficClass
from highroad.ports import EventRecord, ServiceCounters
from tests.support.country import ACME, OTHER, country, request
from tests.unit.control.rig import Rig, rig
from tests.unit.control.test_holds import restart
from tests.unit.control.test_random_walk import check_step
from tests.unit.control.test_random_walk import restart as restart_at


def on_a_rig(test: Callable[[Rig], Awaitable[None]]) -> Callable[[], None]:
    """Run a test on a fresh rig, and see that nothing was oversold at its end."""

    @wraps(test)
    def run() -> None:
        async def inside() -> None:
            async with rig() as here:
                await test(here)
                assert (await here.book()).ground.calendar.oversold() == []

        asyncio.run(inside())

    del run.__wrapped__
    return run


async def elastic(here: Rig, floor: float, ceiling: float, *, offers: float | None = None, **more: Any) -> Service:
    made = await here.order(more.pop("gbps", floor), autoscale=(floor, ceiling), settle=False, **more)
    await here.run(here.twin.offer(made.id, 0.5 * floor if offers is None else offers))
    await here.pass_s(0.5)
    return await here.now(made.id)


async def rate(here: Rig, service: Service) -> float:
    return (await here.now(service.id)).order.bandwidth_gbps


async def told(here: Rig, service: Service, kind: str) -> list[EventRecord]:
    events = here.store.events(after=0, limit=10_000, operator=True)
    return [one for one in events if one.subject == service.id and one.kind == f"highroad.service.{kind}"]


@on_a_rig
async def test_it_rises_with_its_load_after_three_samples_and_falls_after_thirty(here: Rig) -> None:
    service = await elastic(here, 10.0, 80.0)
    await here.pass_s(10.0)
    assert await rate(here, service) == 10.0
    await here.run(here.twin.offer(service.id, 26.0))
    await here.pass_s(2.0)
    assert await rate(here, service) == 10.0
    await here.pass_s(2.0)
    assert await rate(here, service) == 40.0  # 26 / 0.65
    risen = await here.now(service.id)
    assert risen.version == service.version + 1
    assert risen.scaled is not None
    assert (risen.scaled.from_gbps, risen.scaled.to_gbps) == (10.0, 40.0)
    (change,) = await told(here, service, "changed")
    assert (change.data["by"], change.data["was_gbps"]) == ("autoscale", 10.0)
    assert (await here.run(here.twin.read())).policies[service.id].guaranteed_gbps == 40.0
    await here.pass_s(20.0)
    await here.run(here.twin.offer(service.id, 12.0))
    await here.pass_s(28.0)
    assert await rate(here, service) == 40.0
    await here.pass_s(4.0)
    assert await rate(here, service) == pytest.approx(19.2)  # 12 / 0.65 in hundredths of 80
    with pytest.raises(VersionConflict):
        await here.run(
            here.controller.change(service.id, Change(bandwidth_gbps=11.0), tenant=ACME, if_version=service.version)
        )


@on_a_rig
async def test_a_spike_and_a_lull_that_are_short_change_nothing(here: Rig) -> None:
    service = await elastic(here, 20.0, 80.0, gbps=40.0, offers=24.0)
    for _ in range(4):
        await here.run(here.twin.offer(service.id, 39.0))
        await here.pass_s(2.0)
        await here.run(here.twin.offer(service.id, 1.0))
        await here.pass_s(25.0)
        await here.run(here.twin.offer(service.id, 24.0))
        await here.pass_s(2.0)
    assert (await here.now(service.id)).version == service.version


@on_a_rig
async def test_it_falls_to_what_suits_the_most_that_it_offered_meanwhile(here: Rig) -> None:
    service = await elastic(here, 1.0, 80.0, gbps=40.0, offers=13.0)
    await here.pass_s(20.0)
    await here.run(here.twin.offer(service.id, 2.0))
    await here.pass_s(13.0)
    assert await rate(here, service) == 20.0  # 13 / 0.65
    await here.pass_s(31.0)
    assert await rate(here, service) == pytest.approx(3.2)  # 2 / 0.65 in hundredths of 80


@on_a_rig
async def test_it_stays_between_its_floor_and_its_ceiling_and_rests_between_two_steps(here: Rig) -> None:
    service = await elastic(here, 10.0, 30.0, gbps=20.0)
    await here.run(here.twin.offer(service.id, 1000.0))
    await here.pass_s(30.0)
    assert await rate(here, service) == 30.0
    await here.run(here.twin.offer(service.id, 0.0))
    await here.pass_s(120.0)
    assert await rate(here, service) == 10.0
    await here.run(here.twin.offer(service.id, 9.0))
    await here.pass_s(4.0)
    await here.run(here.twin.offer(service.id, 19.0))
    await here.pass_s(20.0)
    steps = [one.at_s for one in await told(here, service, "changed")]
    assert len(steps) == 4
    assert all(later - earlier >= 5.0 for earlier, later in pairwise(steps))


@on_a_rig
async def test_a_refused_step_is_told_once_and_taken_when_there_is_room(here: Rig) -> None:
    other = await here.order(70.0, tenant=OTHER)
    service = await elastic(here, 10.0, 80.0)
    await here.run(here.twin.offer(service.id, 39.0))
    await here.pass_s(60.0)
    still = await here.now(service.id)
    assert (still.state, still.order.bandwidth_gbps, still.version) == (State.ACTIVE, 10.0, service.version)
    assert still.scale_refused is not None
    assert still.scale_refused.wanted_gbps == 60.0
    assert "campus" in still.scale_refused.message
    assert "other" not in still.scale_refused.message
    (refused,) = await told(here, service, "autoscale-refused")
    assert (refused.tenant, refused.data["because"]) == (ACME, still.scale_refused.message)
    smaller = Change(bandwidth_gbps=65.0)
    await here.run(here.controller.change(other.id, smaller, tenant=OTHER, if_version=None))
    await here.pass_s(12.0)
    now = (await here.now(service.id)).scale_refused
    assert now is not None
    assert now.message != still.scale_refused.message
    small = await here.order(5.0, tenant=OTHER)
    await here.run(here.controller.release(small.id, tenant=OTHER))  # something changed, and it does not suffice
    await here.pass_s(30.0)
    assert len(await told(here, service, "autoscale-refused")) == 1
    await here.run(here.controller.release(other.id, tenant=OTHER))
    await here.pass_s(11.5)
    assert await rate(here, service) == 60.0
    kept = await here.now(service.id)
    assert kept.scaled is not None
    assert kept.scale_refused is not None
    assert kept.scaled.at_s > kept.scale_refused.at_s


@on_a_rig
async def test_why_a_step_was_refused_is_told_in_the_steps_in_which_capacity_is_sold(here: Rig) -> None:
    """The message is the tenant's to see: what others have is not to be read off it."""
    await here.order(70.618, tenant=OTHER)
    service = await elastic(here, 10.0, 80.0)
    await here.run(here.twin.offer(service.id, 39.0))
    await here.pass_s(20.0)
    refused = (await here.now(service.id)).scale_refused
    assert refused is not None
    assert "29 of 60 Gbit/s" in refused.message
    assert "29.382" not in refused.message
    (event,) = await told(here, service, "autoscale-refused")
    assert event.data["because"] == refused.message


@on_a_rig
async def test_what_was_refused_is_tried_each_ten_seconds_at_most_and_only_after_a_change(here: Rig) -> None:
    await here.order(70.0, tenant=OTHER)
    service = await elastic(here, 10.0, 80.0)
    tries: list[float] = []
    submit = here.controller._planner.submit

    async def counted(decide: Any, *, urgent: bool = False, **more: Any) -> Any:
        if getattr(getattr(decide, "func", None), "__name__", "") == "take":
            tries.append(here.clock.now_s())
        return await submit(decide, urgent=urgent, **more)

    here.controller._planner.submit = counted  # type: ignore[method-assign]
    await here.run(here.twin.offer(service.id, 39.0))
    await here.pass_s(60.0)
    assert len(tries) == 1
    for _ in range(30):
        (await here.book()).changes += 1
        await here.pass_s(1.0)
    assert 3 <= len(tries) <= 4
    assert all(later - earlier >= 10.0 for earlier, later in pairwise(tries))


@on_a_rig
async def test_while_changes_are_frozen_it_waits(here: Rig) -> None:
    service = await elastic(here, 10.0, 80.0)
    await here.run(here.controller.freeze())
    await here.run(here.twin.offer(service.id, 26.0))
    await here.pass_s(20.0)
    assert await rate(here, service) == 10.0
    assert await told(here, service, "autoscale-refused") == []
    await here.run(here.controller.thaw())
    await here.pass_s(2.0)
    assert await rate(here, service) == 40.0


@on_a_rig
async def test_another_controller_goes_on_with_the_rule(here: Rig) -> None:
    service = await elastic(here, 10.0, 80.0)
    await here.run(here.twin.offer(service.id, 26.0))
    await restart(here)
    await here.run(here.controller.start())
    await here.pass_s(5.0)
    assert await rate(here, service) == 40.0


@on_a_rig
async def test_what_is_dark_or_only_held_follows_nothing(here: Rig) -> None:
    held = await elastic(here, 10.0, 80.0, hold_s=300.0)
    service = await elastic(here, 10.0, 80.0)
    await here.cut("campus--west")
    for one in (held, service):
        await here.run(here.twin.offer(one.id, 39.0))
    await here.pass_s(30.0)
    assert (await rate(here, held), await rate(here, service)) == (10.0, 10.0)
    await here.uncut("campus--west", settle_s=8.0)
    assert (await rate(here, held), await rate(here, service)) == (10.0, 60.0)


@on_a_rig
async def test_a_rule_is_given_changed_and_taken_in_place(here: Rig) -> None:
    service = await here.order(10.0, burst_gbps=20.0)
    await here.run(here.twin.offer(service.id, 9.0))

    async def change(**named: Any) -> Service:
        edit = Change(**named)
        return await here.run(here.controller.change(service.id, edit, tenant=ACME, if_version=None))

    ruled = await change(autoscale=Autoscale(floor_gbps=12.0, ceiling_gbps=50.0))
    assert (ruled.order.bandwidth_gbps, ruled.order.burst_gbps) == (12.0, 50.0)
    assert list(effects_of(await here.book(), service, ruled))[2] == "it follows its load between 12 and 50 Gbit/s"
    await here.run(here.twin.offer(service.id, 26.0))
    await here.pass_s(5.0)
    assert await rate(here, service) == 40.0
    assert (await change(bandwidth_gbps=38.0)).order.autoscale == ruled.order.autoscale
    with pytest.raises(Invalid) as caught:
        await change(bandwidth_gbps=60.0)
    assert [one.code for one in caught.value.findings] == ["rate-outside-rule"]
    with pytest.raises(Invalid) as caught:
        await change(traffic_class=TrafficClass.SCAVENGER)
    lower = await change(autoscale=Autoscale(floor_gbps=1.0, ceiling_gbps=30.0))
    assert lower.order.bandwidth_gbps == 30.0
    assert (await change(autoscale=None)).order.bandwidth_gbps == 30.0
    assert (await here.book()).elastic() == []
    await here.run(here.twin.offer(service.id, 1.0))
    await here.pass_s(60.0)
    assert await rate(here, service) == 30.0


@on_a_rig
async def test_two_that_burst_share_by_class_and_weight_also_after_one_has_followed_its_load(here: Rig) -> None:
    """100 Gbit/s: what guarantees leave goes to who is above them, in proportion to the bursts that were sold."""
    fixed = await here.order(20.0, burst_gbps=80.0)  # 60 above
    service = await elastic(here, 20.0, 50.0, burst_gbps=50.0, fence=("US", "CA"))  # 30 above, until it rises

    async def carried() -> list[float]:
        sample = await here.run(here.twin.sample())
        return [sample.services[one.id].carried_gbps_there for one in (fixed, service)]

    for one, offered in ((fixed, 500.0), (service, 15.0)):
        await here.run(here.twin.offer(one.id, offered))
    await here.pass_s(1.5)
    assert await carried() == pytest.approx([80.0, 15.0])
    await here.run(here.twin.offer(service.id, 500.0))
    await here.pass_s(0.5)
    assert await carried() == pytest.approx([20.0 + 60.0 * 60 / 90, 20.0 + 60.0 * 30 / 90])
    await here.run(here.twin.offer(service.id, 26.0))
    await here.pass_s(5.0)
    assert await rate(here, service) == 40.0  # 10 above
    await here.run(here.twin.offer(service.id, 45.0))
    await here.pass_s(0.5)
    assert await carried() == pytest.approx([55.0, 45.0])  # it wants 5, and 40 x 10 / 70 would be its part
    first = Change(traffic_class=TrafficClass.INTERACTIVE)
    await here.run(here.controller.change(fixed.id, first, tenant=ACME, if_version=None))
    await here.run(here.twin.offer(service.id, 50.0))
    await here.pass_s(0.5)
    assert await carried() == pytest.approx([60.0, 40.0])


def counters(offered: float, there: float, back: float) -> ServiceCounters:
    return ServiceCounters(
        offered_bytes=0.0,
        carried_bytes=0.0,
        lost_bytes=0.0,
        dark_s=0.0,
        offered_gbps=offered,
        carried_gbps_there=there,
        carried_gbps_back=back,
        latency_ms_there=1.0,
        latency_ms_back=1.0,
    )


@pytest.mark.parametrize(
    ("offered", "there", "back", "load"),
    [
        (30.0, 20.0, 10.0, 20.0),  # all of it arrives
        (110.0, 50.0, 10.0, 100.0),  # the busier way is full
        (110.0, 10.0, 50.0, 100.0),
        (200.0, 50.0, 50.0, 100.0),  # both are
        (60.0, 0.0, 0.0, 30.0),  # nothing arrives
        (0.0, 0.0, 0.0, 0.0),
    ],
)
def test_the_load_is_that_of_the_busier_direction(offered: float, there: float, back: float, load: float) -> None:
    assert load_gbps(counters(offered, there, back), 50.0) == load


@pytest.mark.parametrize(
    ("load", "gbps"),
    [(26.0, 40.0), (26.1, 40.8), (0.0, 10.0), (52.0, 80.0), (1e9, 80.0), (6.5, 10.4)],
)
def test_a_rate_is_whole_parts_of_the_ceiling_inside_the_rule(load: float, gbps: float) -> None:
    assert rate_for(load, Autoscale(floor_gbps=10.0, ceiling_gbps=80.0)) == gbps


def test_a_rule_of_less_than_its_steps_still_moves() -> None:
    rule = Autoscale(floor_gbps=0.001, ceiling_gbps=0.05)
    assert rate_for(0.013, rule) == 0.02


@on_a_rig
async def test_a_step_for_another_version_is_nobodys(here: Rig) -> None:
    service = await elastic(here, 10.0, 80.0)
    draft = Draft(book=await here.book(), now_s=here.clock.now_s())
    for step in (
        Step(service=service.id, version=service.version + 1, to_gbps=20.0),
        Step(service=ServiceId("svc-none"), version=1, to_gbps=20.0),
    ):
        take(draft, step)
    assert draft.empty
    assert replace(service) == await here.now(service.id)


@pytest.mark.parametrize("seed", range(8))
def test_whatever_loads_do_nothing_is_oversold_and_every_rule_holds(seed: int) -> None:
    async def run(dice: random.Random) -> None:
        async with rig(country(ways=2)) as here:
            apply = here.twin.apply

            async def checked(changes: Any) -> Any:
                check_step(country(ways=2), dict((await here.twin.read()).policies), list(changes))
                return await apply(changes)

            here.twin.apply = checked  # type: ignore[method-assign]
            rules = [sorted(float(dice.randint(1, 90)) for _ in range(2)) for _ in range(6)]
            names: list[ServiceId] = []
            for floor, ceiling in rules:
                asked = request(floor / 4, autoscale=(floor / 4, ceiling), tenant=dice.choice([ACME, OTHER]))
                with suppress(Refused):
                    names.append((await here.run(here.controller.order(asked)))[0].id)
            steps = 0
            for number in range(30):
                pick = dice.random()
                if pick < 0.7:
                    await here.run(here.twin.offer(dice.choice(names), float(dice.choice([0, 1, 10, 40, 90, 300]))))
                elif pick < 0.8:
                    fibre = FibreId(dice.choice(["west--east", "east--south", "campus--south"]))
                    await here.run(dice.choice([here.twin.cut, here.twin.uncut])(fibre))
                elif pick < 0.85:
                    await restart_at(here, number)
                await here.pass_s(dice.choice([0.05, 1.0, 4.0, 20.0]))
                book = await here.book()
                assert book.ground.calendar.oversold() == []
                for service in book.services.values():
                    rule = service.order.autoscale
                    assert rule is not None
                    assert rule.floor_gbps <= service.order.bandwidth_gbps <= rule.ceiling_gbps
                steps = sum(service.version - 1 for service in book.services.values())
            assert steps > 0

    asyncio.run(run(random.Random(seed)))
