"""What a flip lends is given back, however one flip follows the other, and not before packets go another way."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, cast

import pytest

from highroad.agent.numbers import LOOP_OUT
from highroad.agent.selection import Known
from highroad.agent.steering import Steering
from highroad.agent.wanted import containers, groups_of, lent
from highroad.gnmi.router import CandidatePath, Intended, SegmentList
from highroad.netlink import nexthop
from highroad.netlink.link import Link
from highroad.netlink.nexthop import Nexthop, NexthopGroup
from highroad.netlink.seg6 import Seg6Encap
from tests.unit.agent.test_config import config_of
from tests.unit.agent.told import attachment, policy


def way(*names: str) -> tuple[SegmentList, ...]:
    return tuple(SegmentList(links=(f"{one}>",), functions=(0xE000 + ord(one),)) for one in names)


FIRST, SECOND, BOTH = way("a"), way("b"), way("c", "d")
LINKS = {name: Link(index=number, name=name) for number, name in enumerate((LOOP_OUT, "cust0"), start=1)}


class Kernel:
    """What it was told, by id."""

    limit = 100

    def __init__(self) -> None:
        self.held: dict[int, Nexthop | NexthopGroup] = {}

    def try_all(self, things: Sequence[Any]) -> list[object]:
        answers: list[object] = []
        for one in things:
            known = not isinstance(one, NexthopGroup) or all(member in self.held for member, _ in one.members)
            if known:
                self.held[one.id] = one
            answers.append(None if known else "a member is not there")
        return answers

    def nexthops(self) -> list[Nexthop | NexthopGroup]:
        return list(self.held.values())


def segments_of(one: Nexthop) -> tuple[str, ...]:
    """The containers by which it leaves."""
    assert isinstance(one.encap, Seg6Encap)
    return one.encap.segments


class Head:
    """A headend with one policy, as applied."""

    def __init__(self, *candidates: tuple[SegmentList, ...]) -> None:
        self.known = Known()
        kernel: Any = cast(Any, Kernel())
        self.kernel = kernel
        self.config = config_of()
        paths = tuple(CandidatePath(preference=100 - at, segment_lists=one) for at, one in enumerate(candidates))
        self.policy = replace(policy(0), candidate_paths=paths)
        self.one = attachment(0)
        self.steering = Steering(self.kernel, self.config, known=lambda: LINKS, paths=lambda: self.known)
        self.own = {}
        for path in paths:
            for segments in path.segment_lists:
                alone = CandidatePath(preference=1, segment_lists=(segments,))
                told = replace(self.policy, candidate_paths=(alone,))
                for made in lent(self.config, 1, self.one, told, alone, alone):
                    self.own[made.id] = made
        self.kernel.held.update(self.own)
        self.kernel.try_all(list(groups_of(self.config, self.one, self.policy, paths[0])))
        intended = Intended(
            attachments=MappingProxyType({self.one.id: self.one}),
            policies=MappingProxyType({self.policy.service: self.policy}),
        )
        assert self.steering.adopt(intended) == {}

    def flip(self, *lost: str) -> bool | None:
        self.known = Known(avoided=frozenset(f"{one}>" for one in lost))
        return self.steering.flip(self.kernel)

    @property
    def goes(self) -> set[tuple[str, ...]]:
        """The containers by which packets of all groups leave now."""
        held = self.kernel.held
        groups = [one for one in held.values() if isinstance(one, NexthopGroup)]
        return {segments_of(held[number]) for one in groups for number, _ in one.members}

    def along(self, path: tuple[SegmentList, ...]) -> set[tuple[str, ...]]:
        return {
            containers(self.config, one, self.policy.remote_function + six) for one in path for six in (False, True)
        }

    def lends(self) -> dict[int, Nexthop]:
        return {number: one for number, one in self.own.items() if self.kernel.held[number] != one}


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nexthop, "replace", lambda one: one)


def test_what_is_lent_is_given_back_by_a_flip_to_a_path_of_several_lists() -> None:
    head = Head(FIRST, SECOND, BOTH)
    assert head.flip("a")
    assert head.goes == head.along(SECOND)
    assert head.steering.is_lent
    assert head.flip("a", "b")
    assert head.goes == head.along(BOTH)
    assert not head.steering.is_lent
    assert head.lends() == {}
    assert head.flip("b", "c", "d")
    assert head.goes == head.along(FIRST)


def test_packets_stay_on_the_path_in_use_where_its_own_nexthop_is_lost() -> None:
    head = Head(FIRST, SECOND)
    assert head.flip("a")
    for number, one in head.own.items():
        if segments_of(one) in head.along(SECOND):
            del head.kernel.held[number]
    assert not head.steering.follow(head.kernel)
    assert head.goes == head.along(SECOND)
