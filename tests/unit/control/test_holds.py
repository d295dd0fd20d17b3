"""Capacity that is kept for minutes: taken, let go, expired at its instant, and never more of it than a tenant may."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from highroad.control.controller import Controller
from highroad.control.quota import MOST_HOLDS, PATIENCE, PATIENCE_PER_S, Patience
from highroad.errors import Conflict, HighroadError, HoldLimit, Invalid, NotFound, Refused, SlowDown
from highroad.model.change import Change
from highroad.model.lifecycle import State
from highroad.model.service import ServiceId
from highroad.model.window import Window
from tests.support.country import ACME, OTHER, request
from tests.unit.control.rig import Rig, at_once, rig
from tests.unit.planning.ground import NOW_S


async def said(here: Rig, service: ServiceId) -> list[str]:
    events = here.store.events(after=0, limit=1000, operator=True)
    return [one.kind.rpartition(".")[2] for one in events if one.subject == service]


async def free_gbps(here: Rig) -> float:
    book = await here.book()
    return book.ground.calendar.free("campus>west", Window(start_s=here.clock.now_s())) / 1000


async def restart(here: Rig) -> None:
    await here.run(here.controller.stop())
    here.controller = Controller(store=here.store, fabric=here.twin, clock=here.clock, lab=here.twin, execute=at_once)


def test_what_is_held_is_kept_and_not_carried_until_it_is_taken() -> None:
    async def run() -> None:
        async with rig() as here:
            held = await here.order(60.0, hold_s=300.0)
            assert (held.state, held.hold_until_s) == (State.HELD, NOW_S + 300.0 + held.created_s - NOW_S)
            assert await free_gbps(here) == 40.0
            assert (await here.run(here.twin.read())).policies == {}
            with pytest.raises(Refused):
                await here.order(60.0)
            await here.pass_s(250.0)
            assert (await here.now(held.id)).state is State.HELD
            taken = await here.run(here.controller.confirm(held.id, tenant=ACME))
            assert taken.state is State.RESERVED
            assert (await here.run(here.controller.confirm(held.id, tenant=ACME))).id == held.id
            await here.pass_s(0.5)
            assert (await here.now(held.id)).state is State.ACTIVE
            assert (await here.run(here.controller.confirm(held.id, tenant=ACME))).state is State.ACTIVE
            await here.pass_s(600.0)
            assert (await here.now(held.id)).state is State.ACTIVE
            assert (await said(here, held.id))[:3] == ["held", "reserved", "activating"]

    asyncio.run(run())


def test_a_hold_that_nobody_takes_expires_at_its_very_instant() -> None:
    async def run() -> None:
        async with rig() as here:
            held = await here.order(60.0, hold_s=60.4)
            assert held.hold_until_s is not None
            await here.pass_s(held.hold_until_s - here.clock.now_s() - 0.001)
            assert (await here.now(held.id)).state is State.HELD
            await here.pass_s(0.002)
            over = await here.now(held.id)
            assert over.state is State.EXPIRED
            assert over.ended_s == pytest.approx(held.hold_until_s, abs=1e-3)
            assert "nobody took it in time" in (over.reason or "")
            assert await free_gbps(here) == 100.0
            assert await said(here, held.id) == ["held", "expired"]
            with pytest.raises(Conflict, match="has expired: its capacity is free"):
                await here.run(here.controller.confirm(held.id, tenant=ACME))
            with pytest.raises(NotFound):
                await here.run(here.controller.confirm(held.id, tenant=OTHER))

    asyncio.run(run())


def test_a_hold_that_ran_out_while_nobody_was_there_is_over_at_the_start() -> None:
    async def run() -> None:
        async with rig() as here:
            held = await here.order(60.0, hold_s=60.0)
            kept = await here.order(10.0, hold_s=900.0)
            await here.run(here.controller.stop())
            await here.pass_s(120.0)
            await restart(here)
            await here.run(here.controller.start())
            assert (await here.now(held.id)).state is State.EXPIRED
            assert (await here.now(kept.id)).state is State.HELD
            assert await free_gbps(here) == 90.0
            assert (await here.run(here.controller.confirm(kept.id, tenant=None))).state is State.RESERVED

    asyncio.run(run())


def test_between_its_instant_and_the_loop_it_cannot_be_taken() -> None:
    async def run() -> None:
        async with rig() as here:
            held = await here.order(60.0, hold_s=60.0)
            await here.run(here.controller._loop.stop())
            await here.pass_s(61.0)
            assert (await here.now(held.id)).state is State.HELD
            with pytest.raises(Conflict, match="has expired"):
                await here.run(here.controller.confirm(held.id, tenant=ACME))

    asyncio.run(run())


def test_a_hold_is_cancelled_and_a_window_that_passes_ends_it() -> None:
    async def run() -> None:
        async with rig() as here:
            now = here.clock.now_s()
            held = await here.order(60.0, hold_s=300.0)
            assert (await here.run(here.controller.release(held.id, tenant=ACME))).state is State.CANCELLED
            short = await here.order(60.0, hold_s=300.0, end_s=now + 20.0)
            pieces = tuple(Window(start_s=now + at, end_s=now + at + 10.0) for at in (30.0, 60.0))
            again = await here.order(30.0, hold_s=300.0, windows=pieces)
            await here.pass_s(25.0)
            over = await here.now(short.id)
            assert (over.state, "its window had passed" in (over.reason or "")) == (State.EXPIRED, True)
            await here.pass_s(20.0)
            assert (await here.now(again.id)).state is State.HELD
            assert (await here.now(again.id)).passed == 1
            assert "window-missed" in await said(here, again.id)
            await here.run(here.controller.confirm(again.id, tenant=ACME))
            await here.pass_s(20.0)
            assert (await here.now(again.id)).state is State.ACTIVE

    asyncio.run(run())


def test_what_was_never_held_and_what_a_failure_took_cannot_be_taken() -> None:
    async def run() -> None:
        async with rig() as here:
            plain = await here.order(10.0)
            with pytest.raises(Conflict, match="never held"):
                await here.run(here.controller.confirm(plain.id, tenant=ACME))
            held = await here.order(10.0, hold_s=300.0)
            moved = await here.order(10.0, hold_s=300.0, fence=("US",))
            await here.cut("campus--west")
            with pytest.raises(Conflict, match="has failed or is no longer there"):
                await here.run(here.controller.confirm(held.id, tenant=ACME))
            await here.uncut("campus--west")
            taken = await here.run(here.controller.confirm(held.id, tenant=ACME))
            assert (taken.state, taken.reason) == (State.RESERVED, None)
            assert (await here.run(here.controller.confirm(moved.id, tenant=ACME))).state is State.RESERVED

    asyncio.run(run())


@pytest.mark.parametrize("hold_s", [59.0, 901.0, -1.0, float("nan")])
def test_a_hold_lasts_minutes(hold_s: float) -> None:
    async def run() -> None:
        async with rig() as here:
            with pytest.raises(Invalid) as caught:
                await here.order(10.0, hold_s=hold_s)
            assert [one.place for one in caught.value.findings] == ["hold_s"]

    asyncio.run(run())


def test_a_tenant_holds_so_many_and_so_much_and_no_other_tenant_counts() -> None:
    async def run() -> None:
        async with rig() as here:
            for _ in range(MOST_HOLDS):
                await here.order(1.0, hold_s=300.0, settle=False)
            with pytest.raises(HoldLimit, match="20 is the most at once; the next one expires at") as caught:
                await here.order(1.0, hold_s=300.0)
            assert caught.value.facts["next_expires"]
            assert (await here.order(1.0)).state is State.ACTIVE
            assert (await here.order(1.0, hold_s=300.0, tenant=OTHER)).state is State.HELD
            await here.pass_s(301.0)
            # two ports of 400: what is held in other weeks counts as well
            weeks = [here.clock.now_s() + week * 604800.0 for week in range(1, 7)]
            for week in weeks[:4]:
                await here.order(90.0, hold_s=300.0, start_s=week, end_s=week + 3600.0, settle=False)
            with pytest.raises(HoldLimit, match="you may hold 400 Gbit/s, 50% of what your ports have") as caught:
                await here.order(50.0, hold_s=300.0, start_s=weeks[5], end_s=weeks[5] + 3600.0)
            assert (caught.value.facts["limit_gbps"], caught.value.facts["held_gbps"]) == (400.0, 360.0)
            last = await here.order(40.0, hold_s=300.0, start_s=weeks[5], end_s=weeks[5] + 3600.0, settle=False)
            with pytest.raises(HoldLimit):  # nor does one grow past it
                await here.run(
                    here.controller.change(last.id, Change(bandwidth_gbps=41.0), tenant=ACME, if_version=None)
                )
            smaller = Change(bandwidth_gbps=39.0)
            changed = await here.run(here.controller.change(last.id, smaller, tenant=ACME, if_version=None))
            assert changed.state is State.HELD

    asyncio.run(run())


def test_who_holds_as_much_as_it_may_is_told_so_and_offered_nothing_that_it_may_not_hold() -> None:
    async def run() -> None:
        async with rig() as here:
            for week in (0, 1, 2, 3):
                starts_s = here.clock.now_s() + week * 604800.0
                await here.order(90.0, hold_s=300.0, start_s=starts_s, end_s=starts_s + 900.0, settle=False)
            with pytest.raises(HoldLimit, match="you may hold 400 Gbit/s"):  # though there is no room for it either
                await here.order(45.0, max_paths=1, hold_s=300.0)
            with pytest.raises(Refused) as caught:
                await here.order(40.0, max_paths=1, hold_s=300.0)
            offers = caught.value.facts["offers"]
            assert offers
            for offer in offers:
                taken, _ = await here.run(here.controller.order(offer.request))
                await here.run(here.controller.release(taken.id, tenant=ACME))

    asyncio.run(run())


def test_who_is_refused_often_is_slowed_and_nobody_else() -> None:
    async def run() -> None:
        async with rig() as here:

            async def refused(asker: Any) -> type[HighroadError]:
                asked = request(101.0, max_paths=1, tenant=asker or ACME)
                try:
                    await here.run(here.controller.order(asked, asker=asker))
                except HighroadError as error:
                    return type(error)
                raise AssertionError

            assert {await refused(ACME) for _ in range(PATIENCE)} == {Refused}
            assert await refused(ACME) is SlowDown
            with pytest.raises(SlowDown) as caught:
                await here.run(here.controller.order(request(1.0), dry_run=True, asker=ACME))
            assert caught.value.facts["retry_after_s"] == 1
            with pytest.raises(SlowDown):
                await here.run(here.controller.order(request(1.0), asker=ACME))
            assert await refused(OTHER) is Refused
            assert {await refused(None) for _ in range(10)} == {Refused}
            await here.pass_s(1.0)
            assert {await refused(ACME) for _ in range(int(PATIENCE_PER_S))} == {Refused}

    asyncio.run(run())


def test_what_is_admitted_or_makes_no_sense_costs_no_patience() -> None:
    patience = Patience(burst=2, per_s=1.0)

    def ask(*, tells: bool = False, raises: Exception | None = None) -> None:
        with patience.asking(ACME, 0.0, tells=tells):
            if raises is not None:
                raise raises

    for _ in range(10):
        ask()
        with pytest.raises(Invalid):
            ask(raises=Invalid([]), tells=True)
    ask(tells=True)
    with pytest.raises(HoldLimit):
        ask(raises=HoldLimit("no"))
    with pytest.raises(SlowDown):
        ask()
