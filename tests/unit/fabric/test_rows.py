"""A plant that was changed step by step is one that was made so at once."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from highroad.fabric.twin import rows
from highroad.fabric.twin.plant import Plant
from highroad.model.network import FibreId
from highroad.model.policy import CandidatePath, Policy
from highroad.model.service import ServiceId, TrafficClass
from highroad.ports import Change, Install, Replace, Sample, Withdraw
from tests.unit.fabric.small import START_S, backbone, path, policy

SQUARE = backbone("a-b", "b-d", "a-c", "c-d", "b-c", capacity_gbps=15.0)
WAYS = ("a>b>d", "a>c>d", "a>b>c>d", "a>b", "c>d")
FIBRES = ("a-b", "b-d", "a-c", "c-d")


def drawn(dice: random.Random, service: str, scale: float) -> Policy:
    one = policy(service, dice.choice(WAYS), gbps=scale * dice.random())
    one = replace(one, traffic_class=dice.choice(list(TrafficClass)))
    if len(one.there[0].segment_lists[0].links) > 1 and dice.random() < 0.4:
        spare = CandidatePath(preference=50, segment_lists=(path("a>c>d", 2), path("a>b>d", 1)))
        one = replace(one, there=(*one.there, spare) if dice.random() < 0.5 else (spare,)) if ends(one) else one
    return one


def ends(one: Policy) -> bool:
    links = one.there[0].segment_lists[0].links
    return links[0].startswith("a>") and links[-1].endswith(">d")


@pytest.mark.parametrize("scale", [0.1, 8.0])
@pytest.mark.parametrize("seed", range(10))
def test_any_changes_one_by_one_are_as_if_all_had_been_known(
    seed: int, scale: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With room for all and without, over cuts and steps of the traffic, and with rows cut out now and then."""
    monkeypatch.setattr(rows, "LEAST_IDLE", 5)
    dice = random.Random(seed)
    plant = Plant(SQUARE, START_S, seed=seed, detection_s=0.015, restoration_s=0.05)
    names = [f"s-{number}" for number in range(12)]
    for _ in range(120):
        pick = dice.random()
        changes: list[Change] = []
        for service in dice.sample(names, dice.randint(1, 4)):
            kind = dice.choice((Install, Replace, None, None))
            made = drawn(dice, service, scale)
            changes.append(Withdraw(service=ServiceId(service)) if kind is None else kind(policy=made))
            if dice.random() < 0.2:
                changes.append(Install(policy=drawn(dice, service, scale)))
        if pick < 0.8:
            plant.apply(changes)
        elif pick < 0.9:
            fibre = FibreId(dice.choice(FIBRES))
            if not plant.cut(fibre):
                plant.uncut(fibre)
        else:
            plant.offer(ServiceId(dice.choice(names)), dice.choice([None, 0.05, scale]))
        anew = Plant(SQUARE, START_S, seed=seed, detection_s=0.015, restoration_s=0.05)
        anew.recall(plant.memory())
        for one in (plant, anew):
            one.advance(plant.at_s + dice.choice([0.01, 0.3]) if one is plant else plant.at_s)
        assert figures(plant.sample()) == pytest.approx(figures(anew.sample()), rel=1e-9, abs=1e-9)
        assert plant.observed() == anew.observed()


def figures(sample: Sample) -> dict[str, float]:
    of_services = {
        f"{service} {name}": getattr(counters, name)
        for service, counters in sample.services.items()
        for name in type(counters).__slots__
    }
    return of_services | {
        f"{link} {name}": getattr(one, name) for link, one in sample.links.items() for name in type(one).__slots__
    }
