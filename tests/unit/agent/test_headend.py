"""What a headend tells of its flips: which path, why, and since when, where it knows."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from typing import Any, cast

from highroad.agent.headend import AT_ONCE, Headend
from highroad.gnmi.router import CandidatePath, Intended, SegmentList
from highroad.gnmi.target import Notification
from highroad.netlink.kernel import Kernel
from tests.unit.agent.told import policy

A = SegmentList(links=("a>b", "b>d"), functions=(0xE000, 0xE001), back_functions=(0xE000, 0xE000))
B = SegmentList(links=("a>c", "c>d"), functions=(0xE001, 0xE001), back_functions=(0xE001, 0xE000))
BEST, OTHER = (CandidatePath(preference=at, segment_lists=(one,)) for at, one in ((100, A), (90, B)))
TWO = replace(policy(0), candidate_paths=(BEST, OTHER))


class Steering:
    """A kernel that has what it is told to have."""

    def __init__(self, in_use: int) -> None:
        self.in_use = in_use

    @property
    def flipped(self) -> Mapping[str, int]:
        return {} if self.in_use == 100 else {TWO.service: self.in_use}

    def adopt(self, intended: Intended) -> Mapping[str, CandidatePath]:
        return {} if self.in_use == 100 else {TWO.service: OTHER}

    def flip(self, kernel: Kernel, *, wait: bool = True) -> bool | None:
        return True

    is_lent = False

    def follow(self, kernel: Kernel) -> bool:
        return True


def test_since_when_is_not_made_up_by_an_agent_that_was_started_again() -> None:
    async def story() -> None:
        told: list[Notification] = []
        steering = Steering(90)
        intended = replace(Intended(), policies={TWO.service: TWO})
        headend = Headend(steering, lambda: intended, cast(Kernel, None))

        def since_ns() -> int:
            updates: list[tuple[Any, Any]] = list(told[-1].updates)
            return next(int(value) for path, value in updates if path.elems[-1].bare == "flipped-at")

        await headend.start(by_us=nullcontext, publish=told.append, amiss=lambda: None, dark=())
        assert since_ns() == 0
        # It goes back, and flips again: that it sees itself.
        steering.in_use = 100
        await headend.avoid({"links": []})
        assert not headend.flips
        steering.in_use, begun_ns = 90, time.time_ns()
        await headend.avoid({"links": ["a>b"]})
        assert begun_ns <= since_ns() <= time.time_ns()
        await headend.stop()

    asyncio.run(story())


class Busy(Steering):
    """One whose policies are being changed by another thread until it is waited for."""

    def __init__(self) -> None:
        super().__init__(100)
        self.waits: list[bool] = []

    def flip(self, kernel: Kernel, *, wait: bool = True) -> bool | None:
        self.waits.append(wait)
        if not wait:
            return None
        self.in_use = 90
        return True


def test_a_flip_that_would_hold_up_all_else_is_made_beside_it_and_one_of_many_policies_always_is() -> None:
    async def story(policies: int) -> list[bool]:
        steering = Busy()
        many = {f"s{number}": replace(TWO, service=f"s{number}") for number in range(policies)}
        headend = Headend(steering, lambda: replace(Intended(), policies=many), cast(Kernel, None))
        await headend.start(by_us=nullcontext, publish=lambda _: None, amiss=lambda: None, dark=())
        assert await headend.avoid({"links": ["a>b"]}) == {"flipped": 1}
        await headend.stop()
        return steering.waits

    assert asyncio.run(story(1)) == [False, True]
    assert asyncio.run(story(AT_ONCE + 1)) == [True]
