"""The calendar of a link as steps and holders: they add up, at every instant."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from highroad.model.lifecycle import State
from highroad.model.network import LinkId
from highroad.model.service import Protection, ServiceId
from highroad.model.window import Window
from highroad.planning.admission import Admitted, admit
from highroad.planning.held import Use, holdings, steps
from tests.support.country import OTHER, country, request
from tests.unit.planning.ground import NOW_S, ground_of, keep

HOUR_S = 3600.0
WINDOW = Window(start_s=NOW_S + HOUR_S, end_s=NOW_S + 9 * HOUR_S)


@given(seed=st.integers(0, 10**6))
@settings(max_examples=60, deadline=None)
def test_steps_and_holders_add_up(seed: int) -> None:
    """Held against the calendar at random instants, and against the sum of what holders say."""
    dice = random.Random(f"held {seed}")
    ground = ground_of(country(ways=3))
    services = {}
    for number in range(dice.randint(0, 12)):
        start = NOW_S + dice.uniform(0, 10) * HOUR_S
        asked = request(
            dice.randint(1, 40000) / 1000,
            start_s=start,
            end_s=dice.choice((None, start + dice.uniform(0.1, 6) * HOUR_S)),
            protection=dice.choice(list(Protection)),
        )
        decision = admit(ground, asked, NOW_S)
        if isinstance(decision, Admitted):
            services[ServiceId(f"svc-{number}")] = keep(ground, f"svc-{number}", decision)
    calendar = ground.calendar
    for link in ground.graph.links:
        found = steps(calendar, link, WINDOW)
        assert [one.start_s for one in found] == [WINDOW.start_s, *(one.until_s for one in found[:-1])]
        assert found[-1].until_s == WINDOW.end_s
        for one, other in pairwise(found):
            assert (one.claimed_mbps, one.reserve_mbps) != (other.claimed_mbps, other.reserve_mbps)
        held = holdings(calendar.held(), services, link, WINDOW)
        assert all(one.start_s < WINDOW.until_s and one.until_s > WINDOW.start_s for one in held)
        for at_s in [dice.uniform(WINDOW.start_s, WINDOW.until_s - 1e-3) for _ in range(20)]:
            (step,) = (one for one in found if one.start_s <= at_s < one.until_s)
            assert step.claimed_mbps + step.reserve_mbps == calendar.at(link, at_s)
            assert step.free_mbps == calendar.free(link, Window(start_s=at_s, end_s=at_s))
            now = [one for one in held if one.start_s <= at_s < one.until_s]
            assert step.claimed_mbps == sum(one.rate_mbps for one in now if one.use is not Use.STANDBY)
            stand = [one.rate_mbps for one in now if one.use is Use.STANDBY]
            assert max(stand, default=0) <= step.reserve_mbps <= sum(stand)


def test_what_is_left_is_told_from_what_is_carried() -> None:
    ground = ground_of(country(ways=2))
    service = keep(ground, "svc-1", admit(ground, request(10.0, bound_ms=7.5, end_s=NOW_S + 2 * HOUR_S), NOW_S))
    other = keep(ground, "svc-2", admit(ground, request(5.0, tenant=OTHER, protection=Protection.PATH), NOW_S))
    assert service.placement is not None
    assert other.placement is not None
    there, back = (LinkId("campus>south"), LinkId("south>cloud")), (LinkId("cloud>south"), LinkId("south>campus"))
    placement = replace(service.placement, there=there, back=back)
    moved = replace(service, state=State.ACTIVE, placement=placement, leaving=(service.placement,))
    ground.keep(moved)
    services = {one.id: one for one in (moved, other)}

    def uses(link: str) -> list[tuple[str, Use, int, float]]:
        held = holdings(ground.calendar.held(), services, link, WINDOW)
        return [(one.service.id, one.use, one.rate_mbps, one.start_s) for one in held]

    assert uses("west>east")[0] == ("svc-1", Use.LEAVING, 10_000, -math.inf)
    assert ("svc-1", Use.CARRIED, 10_000, -math.inf) in uses("campus>south")
    ways = {use for link in ("west>east", "campus>south") for name, use, _, _ in uses(link) if name == "svc-2"}
    assert ways == {Use.CARRIED, Use.STANDBY}
    assert uses("moon>mars") == []
