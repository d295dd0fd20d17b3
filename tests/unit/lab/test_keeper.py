"""A router that is killed is dark, whatever becomes of who was to end its processes."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from highroad.errors import Unavailable
from highroad.lab.keeper import Keeper


def test_a_router_is_dark_though_nobody_ends_its_processes() -> None:
    done: list[str] = []

    async def fallen(_: Any) -> Any:
        done.append("asked")
        raise Unavailable("the lab's nursery process has ended")

    keeper: Any = Keeper.__new__(Keeper)
    keeper._optics = SimpleNamespace(site=lambda name: name, killed={}, mute=set(), shine=lambda: done.append("dark"))
    keeper._order = fallen
    with pytest.raises(Unavailable):
        asyncio.run(keeper._kill("denver"))
    assert done == ["asked", "dark"]
