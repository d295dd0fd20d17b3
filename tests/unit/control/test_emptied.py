"""What a drain would do to services and to links, told without doing it."""

from __future__ import annotations

import asyncio

import pytest

from highroad.control.emptied import Emptied, emptied
from highroad.model.service import Protection
from tests.support.country import SOUTH, country
from tests.unit.control.rig import Rig, rig
from tests.unit.control.test_loop import on_a_rig


async def would(here: Rig, target: str = "west--east") -> tuple[Emptied, dict[str, str]]:
    """What it would do, and who would stay and why."""
    seen = await here.run(here.controller.drain(target, dry_run=True))
    sample = await here.run(here.twin.sample())
    return emptied(await here.book(), seen, sample), dict(zip(seen.stuck, seen.because, strict=True))


@on_a_rig
async def test_it_tells_from_where_to_where_and_what_each_link_would_carry(here: Rig) -> None:
    service = await here.order(60.0)
    book, held = await here.book(), (await here.book()).ground.calendar.held()
    await here.pass_s(5.0)
    sample = await here.run(here.twin.sample())
    there_gbps = sample.services[service.id].carried_gbps_there
    assert there_gbps > 0
    found, stuck = await would(here)
    [goes] = found.goes
    assert (goes.moves, goes.service.placement, goes.to.there) == (True, service.placement, SOUTH)
    assert [goes.before_ms, goes.after_ms] == pytest.approx([7.0, 10.0])
    assert not goes.unprotected
    assert set(found.links) == {"west>east", "east>west"}
    loads = {str(one.link): [one.before_gbps, one.after_gbps] for one in found.shifted}
    assert set(loads) == {"west>east", "east>west", "west>south", "south>east", "east>south", "south>west"}
    assert loads["west>east"] == pytest.approx([there_gbps, 0.0], abs=1e-9)
    assert loads["west>south"] == pytest.approx([0.0, there_gbps])
    assert stuck == {}
    # It is told, and nothing is done.
    now = await here.book()
    assert (now.services, now.maintenances, now.ground.calendar.held()) == (book.services, {}, held)


@on_a_rig
async def test_who_cannot_be_moved_takes_no_load_away(here: Rig) -> None:
    service = await here.order(60.0, bound_ms=8.0)
    found, stuck = await would(here)
    assert (found.goes, list(stuck)) == ((), [service.id])
    carried = {str(one.link): one.after_gbps for one in found.shifted}
    assert set(carried) == set(found.links)
    assert carried["west>east"] > 0


def test_who_would_only_have_another_backup_moves_nowhere() -> None:
    async def run() -> None:
        async with rig(country(ways=3)) as here:
            service = await here.order(60.0, protection=Protection.PATH)
            assert service.placement is not None
            backup = service.placement.backup
            assert backup is not None
            [fibre] = (await here.book()).network.link[backup.there[-1]].fibres
            found, _ = await would(here, str(fibre))
            [goes] = found.goes
            assert (goes.moves, goes.unprotected) == (False, False)
            assert [(one.before_gbps, one.after_gbps) for one in found.shifted] == [(0.0, 0.0)] * 2

    asyncio.run(run())
