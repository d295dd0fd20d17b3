"""One plant, and several processes that model it in turn: nothing goes dark, and who is deposed is alone."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest

from highroad.errors import Deposed
from highroad.fabric.clock import VirtualClock
from highroad.fabric.twin.succession import epochs
from highroad.fabric.twin.twin import Twin
from highroad.model.network import FibreId
from highroad.model.policy import Policy, policy_of
from highroad.ports import Install, Withdraw
from tests.support.country import country
from tests.unit.control.rig import rig
from tests.unit.planning.ground import NOW_S


async def some_policy() -> Policy:
    async with rig() as here:
        service = await here.order(10.0)
        policy = policy_of(service, (await here.book()).ports)
        assert policy is not None
        return policy


def test_a_successor_goes_on_with_the_plant_and_who_was_deposed_writes_nothing(tmp_path: Path) -> None:
    async def story() -> None:
        clock, path = VirtualClock(NOW_S), tmp_path / "twin.db"
        policy = await some_policy()
        alone = Twin(country(), clock, journal=path)
        await clock.run(alone.apply([Install(policy=policy)]))
        await clock.run(alone.aclose())

        old = Twin(country(), clock, journal=path, epoch=3)
        await clock.run(clock.sleep(5.0))
        await clock.run(old.cut(FibreId("west--south")))
        before = await clock.run(old.sample())
        new = Twin(country(), clock, journal=path, epoch=7)  # the old one is there yet, and holds its file
        assert (await clock.run(new.read())).policies == {policy.service: policy}
        assert set(await clock.run(new.cuts())) == {"west--south"}
        after = await clock.run(new.sample())
        assert after.services[policy.service].carried_bytes == before.services[policy.service].carried_bytes

        for deed in (old.cut(FibreId("west--east")), old.apply([Withdraw(service=policy.service)])):
            with pytest.raises(Deposed):
                await clock.run(deed)
        assert set(await clock.run(new.cuts())) == {"west--south"}
        with pytest.raises(Deposed):
            Twin(country(), clock, journal=path, epoch=5)
        with pytest.raises(Deposed):
            await clock.run(old.aclose())
        await clock.run(new.aclose())
        assert epochs(path) == [3, 7]

    asyncio.run(story())


def test_a_predecessor_that_was_stopped_in_the_middle_of_a_write_is_in_nobodys_way(tmp_path: Path) -> None:
    async def story() -> None:
        clock, path = VirtualClock(NOW_S), tmp_path / "twin.db"
        policy = await some_policy()
        old = Twin(country(), clock, journal=path, epoch=1)
        await clock.run(old.apply([Install(policy=policy)]))
        stuck = sqlite3.connect(tmp_path / "twin-1.db", isolation_level=None)
        stuck.execute("BEGIN IMMEDIATE")
        stuck.execute("DELETE FROM policy")
        stuck.execute("DELETE FROM change")
        new = Twin(country(), clock, journal=path, epoch=2)
        assert set((await clock.run(new.read())).policies) == {policy.service}
        stuck.rollback()
        stuck.close()
        await clock.run(new.aclose())
        with pytest.raises(Deposed):
            await clock.run(old.aclose())

    asyncio.run(story())
