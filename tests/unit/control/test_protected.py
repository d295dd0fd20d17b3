"""Which links are protected for whom: kept change by change, held against what follows from the services alone."""

from __future__ import annotations

import random
from dataclasses import replace

from highroad.control.protected import KEPT_S, Protected
from highroad.model.jurisdiction import Fence
from highroad.model.lifecycle import State
from highroad.model.network import LinkId
from highroad.model.service import Placement, Service, ServiceId
from highroad.planning.detour import detour
from highroad.planning.ground import Ground
from highroad.planning.order import resolve
from tests.support.country import country, request
from tests.unit.planning.ground import NOW_S, ground_of

FENCES = (None, Fence(("US",)), Fence(("US", "CA")), Fence(("CA", "US")))
NONE: frozenset[int] = frozenset()


def service(ground: Ground, name: str, links: tuple[str, ...], fence: Fence | None = None) -> Service:
    there = tuple(map(LinkId, links))
    back = ground.graph.turned(there)
    assert back is not None
    order, _ = resolve(request(1.0), ground, NOW_S)
    assert order is not None
    return Service(
        id=ServiceId(name), version=1, state=State.ACTIVE, order=replace(order, fence=fence), created_s=NOW_S,
        changed_s=NOW_S, placement=Placement(there=there, back=back, bandwidth_gbps=1.0),
    )  # fmt: skip


def expected(
    ground: Ground, services: list[Service], avoid: frozenset[int]
) -> set[tuple[LinkId, str, tuple[LinkId, ...]]]:
    """From the definition: every link of what is carried, for each fence, planned anew."""
    found = set()
    for one in services:
        if one.state is not State.ACTIVE or one.placement is None:
            continue
        fence = one.order.fence
        for link in one.placement.links:
            way = detour(ground, link, fence, avoid)
            if way is not None:
                found.add((link, "" if fence is None else fence.label, way))
    return found


def test_a_random_life_is_what_it_would_be_anew() -> None:
    ground = ground_of(country())
    links = [link for link in ground.graph.links if ground.graph.turned((link,)) is not None]
    for seed in range(20):
        dice = random.Random(seed)
        kept, services = Protected(), dict[str, Service]()
        avoid, now_s = NONE, NOW_S
        for _ in range(60):
            name = f"s{dice.randrange(6)}"
            before = services.get(name)
            after: Service | None = service(ground, name, (dice.choice(links),), dice.choice(FENCES))
            if after is not None and dice.random() < 0.2:
                after = replace(after, state=State.RESERVED)
            if dice.random() < 0.3:
                after = None
            kept.put(before, after)
            if after is None:
                services.pop(name, None)
            else:
                services[name] = after
            if dice.random() < 0.3:
                avoid = frozenset(dice.sample(range(len(ground.graph.links)), dice.randrange(4)))
            kept.repairs(ground, avoid, now_s)
            now_s += KEPT_S + 1.0
            found = kept.repairs(ground, avoid, now_s)
            assert {(one.link, one.fence, one.links) for one in found} == expected(
                ground, list(services.values()), avoid
            )
            assert kept.repairs(ground, avoid, now_s) is found
            assert Protected(services.values()).repairs(ground, avoid, now_s) == found


def test_what_nobody_uses_is_kept_for_a_while() -> None:
    ground = ground_of(country())
    one = service(ground, "s", ("west>east",))
    kept = Protected([one])
    found = kept.repairs(ground, NONE, NOW_S)
    assert {one.link for one in found} == {"west>east", "east>west"}
    kept.put(one, None)
    assert kept.repairs(ground, NONE, NOW_S) is found
    assert kept.repairs(ground, NONE, NOW_S + KEPT_S - 1.0) is found
    kept.put(None, one)
    assert kept.repairs(ground, NONE, NOW_S + KEPT_S + 1.0) is found
    kept.put(one, None)
    kept.repairs(ground, NONE, NOW_S)
    assert kept.repairs(ground, NONE, NOW_S + KEPT_S) == ()


def test_the_order_of_a_fences_codes_does_not_matter() -> None:
    ground = ground_of(country())
    both = [service(ground, name, ("west>east",), fence) for name, fence in zip("st", FENCES[2:], strict=True)]
    assert {one.fence for one in Protected(both).repairs(ground, NONE, NOW_S)} == {"CA,US"}


def test_it_is_said_where_there_is_no_way_around() -> None:
    ground = ground_of(country())
    fenced = service(ground, "s", ("campus>west", "west>south"), Fence(("US",)))
    free = service(ground, "t", ("campus>west", "west>east"))
    kept = Protected([fenced, free])
    assert kept.bare(fenced, ground, NONE) == ["campus>west", "west>south", "south>west", "west>campus"]
    assert kept.bare(free, ground, NONE) == ["campus>west", "west>campus"]
    uses = kept.uses(ground, NONE)
    assert uses[LinkId("west>south"), "US"] is None
    assert uses[LinkId("west>east"), ""] == ("west>south", "south>east")
    # Seen before routers are told: the same is told then.
    assert {one.link for one in kept.repairs(ground, NONE, NOW_S)} == {"west>east", "east>west"}
