"""Weighted branches against brute force over every pair of simple paths and every split in sixteenths."""

from __future__ import annotations

import random
from itertools import product

import pytest

from highroad.model.network import SiteId
from highroad.model.service import Placement, Window, share_mbps
from highroad.planning.calendar import Claim
from highroad.planning.ground import Ground
from highroad.planning.placement import Want, place
from highroad.planning.spread import MOST_PATHS, PARTS, place_spread
from tests.unit.planning.ground import NOW_S, ground_of
from tests.unit.planning.small import Path, simple_paths, small

WINDOW = Window(start_s=NOW_S, end_s=NOW_S + 100)


def ground_and_want(seed: int) -> tuple[Ground, Want]:
    """A small network with others on it, and an order that seldom fits on one path."""
    dice = random.Random(f"spread {seed}")
    network = small(seed, sites=6)
    ground = ground_of(network, [])
    for index, link in enumerate(network.links):
        if dice.random() < 0.4:
            ground.calendar.keep(f"claim-{index}", [Claim(link.id, NOW_S, NOW_S + 50, dice.randint(500, 6000))])
    return ground, Want(
        a=SiteId("a"),
        b=SiteId("b"),
        window=WINDOW,
        bandwidth_gbps=float(dice.randint(8, 30)),
        bound_ms=dice.choice([14.0, 20.0, 30.0]),
        fence=None,
    )


def splits_in_two(ground: Ground, want: Want) -> bool:
    """Whether two ways there and two ways back carry it, with any weights: directions share no link here."""
    rate, bound = want.rate_mbps or 0, want.bound_ms or 0.0

    def weights(a: str, b: str) -> set[int]:
        paths = [path for path in simple_paths(ground.network, a, b) if ground.graph.latency_ms(path) <= bound]
        return {
            part
            for one, other in product(paths, paths)
            for part in range(1, PARTS)
            if fits(ground, {one: part, other: PARTS - part} if one != other else {one: PARTS}, rate)
        }

    there, back = weights("a", "b"), weights("b", "a")
    return bool(there & (back | {PARTS - part for part in back}))


def fits(ground: Ground, parts: dict[Path, int], rate: int) -> bool:
    load: dict[str, int] = {}
    for path, part in parts.items():
        for link in path:
            load[link] = load.get(link, 0) + share_mbps(rate, part, PARTS)
    return all(ground.calendar.free(link, WINDOW) >= need for link, need in load.items())


def check(ground: Ground, want: Want, placement: Placement) -> None:
    """What a split promises: whole small weights, every branch inside the bound, room for all of it together."""
    branches = placement.branches
    assert 1 <= len(branches) <= MOST_PATHS
    assert sum(branch.weight for branch in branches) <= PARTS
    assert all(branch.weight >= 1 for branch in branches)
    assert len({(branch.there, branch.back) for branch in branches}) == len(branches)
    assert want.bound_ms is not None
    for branch in branches:
        for path, a, b in ((branch.there, "a", "b"), (branch.back, "b", "a")):
            assert path in set(simple_paths(ground.network, a, b))
            assert ground.graph.latency_ms(path) <= want.bound_ms
    load = placement.load_mbps()
    assert all(ground.calendar.free(link, WINDOW) >= need for link, need in load.items())
    out = sum(need for link, need in load.items() if ground.network.link[link].tail == "a")
    assert out >= (want.rate_mbps or 0)


def test_a_split_is_valid_and_two_branches_are_found_nearly_wherever_two_suffice() -> None:
    single = split = missed = could = 0
    for seed in range(400):
        ground, want = ground_and_want(seed)
        placement = place_spread(ground, want)
        if placement is not None:
            check(ground, want, placement)
        if place(ground, want) is not None:
            assert placement is not None
            assert placement.beside == ()
            single += 1
            continue
        split += placement is not None
        if splits_in_two(ground, want):
            could += 1
            missed += placement is None or len(placement.branches) > 2
    print(f"\n{single} on one path, {split} split; of {could} that two branches could carry {missed} were not")
    assert split > 50
    assert missed <= 0.1 * could


def test_a_rate_is_split_by_weight_and_every_share_is_rounded_up() -> None:
    ground, want = next(
        (ground, want)
        for ground, want in map(ground_and_want, range(100))
        if (found := place_spread(ground, want)) is not None and found.beside
    )
    placement = place_spread(ground, want)
    assert placement is not None
    whole = sum(branch.weight for branch in placement.branches)
    rate = want.rate_mbps or 0
    expected: dict[str, int] = {}
    for branch in placement.branches:
        for link in (*branch.there, *branch.back):
            expected[link] = expected.get(link, 0) + -(-rate * branch.weight // whole)
    assert placement.load_mbps() == expected


@pytest.mark.parametrize("seed", range(5))
def test_the_answer_is_a_function_of_the_arguments(seed: int) -> None:
    ground, want = ground_and_want(seed)
    again, same = ground_and_want(seed)
    assert place_spread(ground, want) == place_spread(again, same)
