"""Local repair in the twin, against arithmetic done by hand: at once where light is lost, when it is seen otherwise."""

from __future__ import annotations

from dataclasses import replace

import pytest

from highroad.fabric.twin.plant import Plant
from highroad.model.network import FibreId, LinkId
from highroad.model.policy import LocalRepair, Policy
from highroad.model.service import ServiceId
from highroad.ports import Install
from tests.unit.fabric.small import START_S, path, policy
from tests.unit.fabric.test_plant import DETECTION_S, GBPS_IN_BYTES, TIME, counters, plant_of
from tests.unit.fabric.test_plant import SQUARE as NETWORK

BD = FibreId("b-d")
PROTECTED = policy("s", "a>b>d")


def around(link: str, *links: str, fence: str = "") -> LocalRepair:
    return LocalRepair(link=LinkId(link), fence=fence, links=tuple(map(LinkId, links)))


BOTH = (around("b>d", "b>a", "a>c", "c>d"), around("d>b", "d>c", "c>a", "a>b"))


def protected(*policies: Policy, repairs: tuple[LocalRepair, ...] = BOTH) -> Plant:
    plant = plant_of(NETWORK, *(policies or (PROTECTED,)), offer=8.0)
    plant.protect(repairs)
    plant.advance(START_S + 1.0)
    return plant


def test_without_light_nothing_is_lost_and_nobody_need_do_anything() -> None:
    plant = protected()
    plant.cut(BD)
    plant.advance(START_S + 5.0)
    now = counters(plant)
    assert (now.dark_s, now.lost_bytes) == (0.0, 0.0)
    assert now.carried_bytes == pytest.approx(2 * 8.0 * 5.0 * GBPS_IN_BYTES)
    links = plant.sample().links
    assert (links[LinkId("b>d")].carried_gbps, links[LinkId("a>c")].carried_gbps) == (0.0, 8.0)
    assert links[LinkId("b>a")].carried_gbps == 16.0, "what comes back to a, and what goes around"
    assert list(plant.ways(ServiceId("s")).there) == ["a>b", "b>a", "a>c", "c>d"]
    plant.uncut(BD)
    plant.advance(START_S + 9.0)
    assert counters(plant).lost_bytes == 0.0
    assert list(plant.ways(ServiceId("s")).there) == ["a>b", "b>d"]


def test_in_silence_it_is_dark_until_it_is_seen() -> None:
    plant = protected()
    plant.cut(BD, silent=True)
    plant.advance(START_S + 5.0)
    assert counters(plant).dark_s == pytest.approx(DETECTION_S, abs=TIME)


def test_a_service_goes_along_the_detours_of_its_own_fence_only() -> None:
    fenced = replace(policy("f", "a>b>d"), fence="US")
    plant = protected(PROTECTED, fenced)
    plant.cut(BD)
    plant.advance(START_S + 3.0)
    assert counters(plant, "s").dark_s == 0.0
    assert counters(plant, "f").dark_s == pytest.approx(2.0, abs=TIME)
    plant.protect((*BOTH, *(replace(one, fence="US") for one in BOTH)))
    plant.advance(START_S + 4.0)
    assert counters(plant, "f").dark_s == pytest.approx(2.0, abs=TIME)


def test_a_second_failure_on_the_detour_is_felt() -> None:
    plant = protected()
    plant.cut(BD)
    plant.advance(START_S + 2.0)
    plant.cut(FibreId("c-d"))
    plant.advance(START_S + 3.0)
    assert counters(plant).dark_s == pytest.approx(1.0, abs=TIME)


def test_the_backup_is_used_rather_than_a_repaired_path() -> None:
    there, back = PROTECTED.there[0], PROTECTED.back[0]
    backed = replace(
        PROTECTED,
        there=(there, replace(there, preference=50, segment_lists=(path("a>c>d"),))),
        back=(back, replace(back, preference=50, segment_lists=(path("d>c>a"),))),
    )
    plant = protected(backed)
    plant.cut(BD)
    plant.advance(START_S + 1.0 + DETECTION_S / 2)
    assert list(plant.ways(ServiceId("s")).there) == ["a>b", "b>a", "a>c", "c>d"]
    plant.advance(START_S + 2.0)
    assert list(plant.ways(ServiceId("s")).there) == ["a>c", "c>d"]
    assert counters(plant).dark_s == 0.0


def test_who_is_installed_while_a_link_is_lost_goes_around_it_too() -> None:
    plant = protected()
    plant.cut(BD)
    plant.advance(START_S + 2.0)
    plant.apply([Install(policy=policy("t", "b>d"))])
    plant.offer(ServiceId("t"), 1.0)
    plant.advance(START_S + 4.0)
    assert counters(plant, "t").dark_s == 0.0
    assert counters(plant, "t").carried_bytes == pytest.approx(2 * 1.0 * 2.0 * GBPS_IN_BYTES)


def test_what_is_not_protected_any_more_is_dark() -> None:
    plant = protected()
    plant.cut(BD)
    plant.advance(START_S + 2.0)
    plant.protect(())
    plant.advance(START_S + 3.0)
    assert counters(plant).dark_s == pytest.approx(1.0, abs=TIME)
    assert BD in plant.memory().cuts
