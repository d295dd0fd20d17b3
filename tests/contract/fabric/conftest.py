"""Plays a scene on every fabric."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from tests.contract.fabric.rig import OPENERS, Play, Rig, lacking


@pytest.fixture(params=list(OPENERS))
def play(request: pytest.FixtureRequest, tmp_path: Path) -> Play:
    """Plays a scene on a fresh rig of each fabric."""
    if sentences := lacking(request.param):
        pytest.skip(" ".join(sentences))

    def play_(scene: Callable[[Rig], Awaitable[None]]) -> None:
        async def on_stage() -> None:
            async with OPENERS[request.param](tmp_path) as rig:
                await scene(rig)

        asyncio.run(on_stage())

    return play_
