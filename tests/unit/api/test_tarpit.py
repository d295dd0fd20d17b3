"""Who is turned away is told together with others, each not before it is due."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from highroad.api import tarpit as tarpit_module
from highroad.api.tarpit import Tarpit


def test_many_are_told_in_one_turn_and_none_too_early() -> None:
    async def run() -> None:
        loop, told = asyncio.get_running_loop(), list[tuple[int, float]]()
        turns = 0
        tarpit, begun_s = Tarpit(), asyncio.get_running_loop().time()

        def say(due_s: float) -> Callable[[], None]:
            return lambda: told.append((turns, loop.time() - begun_s - due_s))

        for place in range(100):
            tarpit.add(loop, place * 0.002, say(place * 0.002))
        while len(told) < 100:
            turns += 1
            await asyncio.sleep(0.001)
        assert min(early_s for _, early_s in told) >= 0.0
        assert len({turn for turn, _ in told}) <= 6  # 0.2 s of them, and the clock began anywhere
        assert not tarpit._due

    asyncio.run(run())


def test_who_cannot_be_told_keeps_nobody_from_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tarpit_module, "TOLD_EACH_S", 0.01)

    async def run() -> None:
        loop, told = asyncio.get_running_loop(), asyncio.Event()
        tarpit = Tarpit()

        def gone() -> None:
            raise OSError("nobody is there")

        tarpit.add(loop, 0.0, gone)
        for _ in range(3):
            tarpit.add(loop, 0.0, told.set)
        await asyncio.wait_for(told.wait(), 1)

    asyncio.run(run())
