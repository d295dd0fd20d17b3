"""The number of steps, held against every way to make a change of a few services."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations

from highroad.model.network import LinkId
from highroad.model.service import ServiceId
from highroad.planning.sequence import Harm, Load, sequence
from tests.unit.planning.test_sequence import Loads, on


def fewest_steps(capacity: Load, have: Loads, want: Loads, at_most: int) -> int | None:
    """By breadth, over sets of what has moved: each step any set that fits with old and new kept; None: no way."""
    everybody = {*have, *want}
    moving = [service for service in everybody if have.get(service, {}) != want.get(service, {})]

    def together(moved: frozenset[ServiceId], step: Sequence[ServiceId]) -> bool:
        rows = [(want if s in moved else have).get(s, {}) for s in everybody if s not in step]
        both = [(have.get(s, {}), want.get(s, {})) for s in step]
        return all(
            sum(row.get(link, 0) for row in rows) + sum(max(a.get(link, 0), b.get(link, 0)) for a, b in both)
            <= capacity[link]
            for link in {link for a, b in both for link in b if b[link] > a.get(link, 0)}
        )

    now, seen, count = {frozenset[ServiceId]()}, {frozenset[ServiceId]()}, 0
    while now:
        if frozenset(moving) in now:
            return count
        steps = (
            moved | set(step)
            for moved in now
            for size in range(1, at_most + 1)
            for step in combinations([one for one in moving if one not in moved], size)
            if together(moved, step)
        )
        now = set(steps) - seen
        seen |= now
        count += 1
    return None


def test_a_few_moves_are_made_in_the_fewest_steps() -> None:
    """Over one to three links each: taking whatever fits first would need one step more in a thirtieth of them."""
    dice, more = random.Random(7), 0
    for _ in range(300):
        links = [LinkId(f"l{place}") for place in range(dice.randint(3, 7))]
        rates = {ServiceId(f"s{place}"): dice.randint(1, 4) for place in range(dice.randint(4, 6))}
        have, want = (
            {one: dict.fromkeys(dice.sample(links, dice.randint(1, 3)), rate) for one, rate in rates.items()}
            for _ in range(2)
        )
        capacity = {link: max(on(link, have), on(link, want)) + dice.choice([0, 0, 1, 2]) for link in links}
        at_most = dice.randint(1, 6)
        plan = sequence(capacity, have, want, at_most=at_most, allow=Harm.NONE, whole=frozenset(rates))
        if not plan.left:
            assert len(plan.steps) == fewest_steps(capacity, have, want, at_most)
            more += len(plan.steps) > 2
    assert more > 20
