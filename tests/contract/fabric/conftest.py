"""Plays a scene on every fabric."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from tests.contract.fabric.rig import GROUNDS, Opener, Play, Rig, lacking


@pytest.fixture(scope="module", params=list(GROUNDS))
def opener(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Opener]:
    """Opens rigs of each fabric, all on the same ground."""
    if sentences := lacking(request.param):
        pytest.skip(" ".join(sentences))
    with GROUNDS[request.param](tmp_path_factory.mktemp(request.param)) as opens:
        yield opens


@pytest.fixture
def play(opener: Opener, tmp_path: Path) -> Play:
    """Plays a scene on a fresh rig of each fabric."""

    def play_(scene: Callable[[Rig], Awaitable[None]]) -> None:
        async def on_stage() -> None:
            async with opener(tmp_path) as rig:
                await scene(rig)

        asyncio.run(on_stage())

    return play_
