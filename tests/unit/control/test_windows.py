"""Windows in pieces and rules through the loop: a service rests between them, and its room is others' meanwhile."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

import pytest

from highroad.control import reconcile
from highroad.control.book import Book, Draft
from highroad.control.effects import effects_of
from highroad.control.order import order
from highroad.errors import Invalid, Refused
from highroad.model.change import Change
from highroad.model.lifecycle import State
from highroad.model.recurrence import HORIZON_S, Recurrence
from highroad.model.service import Protection, ServiceId
from highroad.model.window import Window
from highroad.ports import Observed, Snapshot
from tests.support.country import NORTH, OTHER, country, ports, request, tenants
from tests.unit.control.rig import Rig, carried, rig
from tests.unit.control.test_loop import on_a_rig
from tests.unit.planning.ground import NOW_S

BERLIN = ZoneInfo("Europe/Berlin")
HOUR_S = 3600.0


def pieces(*bounds: tuple[float, float]) -> tuple[Window, ...]:
    return tuple(Window(start_s=NOW_S + start, end_s=NOW_S + end) for start, end in bounds)


async def until(here: Rig, after_s: float) -> None:
    await here.pass_s(NOW_S + after_s - here.clock.now_s())


@on_a_rig
async def test_a_service_rests_between_its_windows_and_ends_with_the_last(here: Rig) -> None:
    service = await here.order(40.0, windows=pieces((10, 20), (30, 40)))
    states = []
    for after_s in (5, 12, 25, 32, 45):
        await until(here, after_s)
        states.append((await here.now(service.id)).state)
    assert states == [State.RESERVED, State.ACTIVE, State.RESERVED, State.ACTIVE, State.TERMINATED]
    assert (await here.run(here.twin.read())).policies == {}
    kinds = [one.kind for one in here.store.events(after=0, limit=99, tenant="acme") if one.subject == service.id]
    told = ("reserved", "activating", "active", "paused", "activating", "active", "terminated")
    assert kinds == [f"highroad.service.{kind}" for kind in told]
    assert (await here.now(service.id)).version == 1


@on_a_rig
async def test_its_room_is_its_own_in_its_windows_only(here: Rig) -> None:
    await here.order(100.0, windows=pieces((10, 20), (30, 40)), max_paths=1)
    between = await here.order(100.0, tenant=OTHER, start_s=NOW_S + 20, end_s=NOW_S + 30, max_paths=1)
    assert between.state is State.RESERVED
    for start, end in ((19, 21), (29.5, 30.5), (5, 11)):
        with pytest.raises(Refused):
            await here.order(100.0, tenant=OTHER, start_s=NOW_S + start, end_s=NOW_S + end, max_paths=1)
    await until(here, 25)
    assert carried(await here.now(between.id)) == NORTH
    await until(here, 35)
    assert (await here.now(between.id)).state is State.TERMINATED


@on_a_rig
async def test_windows_that_touch_are_carried_without_a_pause(here: Rig) -> None:
    service = await here.order(10.0, windows=pieces((1, 5), (5, 9)))
    await until(here, 4)
    before = (await here.run(here.twin.sample())).services[service.id]
    await until(here, 8)
    after = (await here.run(here.twin.sample())).services[service.id]
    assert carried(await here.now(service.id)) == NORTH
    assert after.carried_bytes > before.carried_bytes
    assert after.lost_bytes == 0
    kinds = [one.kind for one in here.store.events(after=0, limit=99, tenant="acme") if one.subject == service.id]
    assert "highroad.service.paused" not in kinds


@on_a_rig
async def test_every_working_night_by_the_clocks_of_berlin(here: Rig) -> None:
    local = datetime.fromtimestamp(NOW_S, UTC).astimezone(BERLIN)
    first = datetime(local.year, local.month, local.day, 22, 0)  # noqa: DTZ001 - by the clock there
    rule = Recurrence(rule="FREQ=DAILY", time_zone="Europe/Berlin", start=first, duration_s=4 * HOUR_S)
    service = await here.order(40.0, recurrence=rule, settle=False)
    window = service.order.window
    assert window.until_s <= NOW_S + HORIZON_S + 4 * HOUR_S
    assert len(window.pieces) in (730, 731)
    starts = {datetime.fromtimestamp(piece.start_s, UTC).astimezone(BERLIN).hour for piece in window.pieces}
    assert starts == {22}
    assert {piece.until_s - piece.start_s for piece in window.pieces} == {4 * HOUR_S}
    assert len({piece.start_s % 86400 for piece in window.pieces}) == 2  # summer and winter


@on_a_rig
async def test_a_night_that_the_clocks_change_is_told_with_the_yes(here: Rig) -> None:
    rule = Recurrence(
        rule="FREQ=WEEKLY;BYDAY=SU;COUNT=60",
        time_zone="Europe/Berlin",
        start=datetime(2027, 1, 17, 2, 30),  # noqa: DTZ001
        duration_s=HOUR_S,
    )
    service = await here.order(1.0, recurrence=rule, settle=False)
    assert any("2027-03-28 02:30 is skipped" in note for note in service.order.notes)
    assert any("2027-10-31 02:30 comes twice" in note for note in service.order.notes)


@on_a_rig
async def test_a_rule_that_starts_years_ahead_is_sold_from_its_start(here: Rig) -> None:
    rule = Recurrence(
        rule="FREQ=DAILY;COUNT=3",
        time_zone="America/Boise",
        start=datetime(2035, 6, 1, 0, 0),  # noqa: DTZ001
        duration_s=HOUR_S,
    )
    service = await here.order(1.0, recurrence=rule, settle=False)
    assert len(service.order.window.pieces) == 3
    endless = replace(rule, rule="FREQ=WEEKLY")
    assert len((await here.order(1.0, recurrence=endless, settle=False)).order.window.pieces) in (104, 105)


@on_a_rig
async def test_of_starts_that_fall_together_one_is_sold_and_it_is_told(here: Rig) -> None:
    rule = Recurrence(
        rule="FREQ=DAILY;BYHOUR=1,2,3;COUNT=6",
        time_zone="America/Boise",
        start=datetime(2027, 3, 13, 1, 0),  # noqa: DTZ001 - the night after, 02:00 is skipped
        duration_s=HOUR_S,
    )
    service = await here.order(1.0, recurrence=rule, settle=False)
    assert len(service.order.window.pieces) == 5
    assert any("falls together" in note for note in service.order.notes)


@on_a_rig
async def test_a_later_window_takes_the_place_of_one_that_is_open(here: Rig) -> None:
    service = await here.order(40.0)
    edit = Change(windows=pieces((30, 40)))
    asked = here.controller.change(service.id, edit, tenant=None, if_version=None, dry_run=True)
    preview = await here.run(asked)
    assert preview.state is State.RESERVED
    assert any("it rests until" in effect for effect in effects_of(await here.book(), service, preview))
    await change(here, service.id, edit)
    await here.pass_s(0.5)
    after = await here.now(service.id)
    assert (after.state, after.order.window) == (State.RESERVED, edit.windows[0])  # type: ignore[index]
    await until(here, 35)
    assert carried(await here.now(service.id)) == NORTH
    await until(here, 41)
    assert (await here.now(service.id)).state is State.TERMINATED


@on_a_rig
async def test_a_rule_without_an_occurrence_or_with_too_many_is_refused(here: Rig) -> None:
    start = datetime(2027, 1, 17, 2, 30)  # noqa: DTZ001
    for text, length_s, code in (
        ("FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", 60.0, "recurrence-empty"),
        ("FREQ=HOURLY", 60.0, "recurrence-too-many"),
        ("FREQ=DAILY", 90_000.0, "recurrence-overlaps"),
        ("FREQ=FORTNIGHTLY", 60.0, "rule-value"),
    ):
        rule = Recurrence(rule=text, time_zone="Europe/Berlin", start=start, duration_s=length_s)
        with pytest.raises(Invalid) as no:
            await here.order(1.0, recurrence=rule)
        assert code in {one.code for one in no.value.findings}


@on_a_rig
async def test_windows_are_checked_with_everything_that_is_wrong_at_once(here: Rig) -> None:
    wrong = (
        Window(start_s=NOW_S - 500, end_s=NOW_S - 400),
        Window(start_s=NOW_S + 50, end_s=NOW_S + 40),
        Window(start_s=NOW_S + 30, end_s=NOW_S + 60),
        Window(start_s=NOW_S + 70),
    )
    with pytest.raises(Invalid) as no:
        await here.order(1.0, windows=wrong)
    assert [(one.code, one.place) for one in no.value.findings] == [
        ("window-past", "windows[0].start"),
        ("window-empty", "windows[1].end"),
        ("windows-overlap", "windows[2]"),
        ("window-open", "windows[3].end"),
    ]
    with pytest.raises(Invalid) as no:
        await here.order(1.0, windows=pieces((1, 2)), end_s=NOW_S + 9)
    assert [one.code for one in no.value.findings] == ["window-twice"]


def test_of_very_many_windows_the_backup_stands_by_between_them_too_and_a_change_is_quick() -> None:
    async def on_it() -> None:
        async with rig(country(ways=2)) as here:
            many = pieces(*((2 * turn, 2 * turn + 1) for turn in range(1, 1000)))
            service = await here.order(40.0, windows=many, protection=Protection.PATH)
            assert service.placement is not None
            assert service.placement.backup is not None
            calendar = (await here.book()).ground.calendar
            assert len(calendar.standbys(service.id)) == len(
                {*service.placement.backup.there, *service.placement.backup.back}
            )
            with pytest.raises(Refused):
                await here.order(70.0, start_s=NOW_S + 13.2, end_s=NOW_S + 13.8, protection=Protection.PATH)
            assert (await here.order(70.0, start_s=NOW_S + 13.2, end_s=NOW_S + 13.8)).placement is not None
            await change(here, service.id, Change(bandwidth_gbps=30.0))
            await until(here, 2.5)
            assert (await here.now(service.id)).state is State.ACTIVE
            assert calendar.oversold() == []

    asyncio.run(on_it())


@on_a_rig
async def test_windows_are_changed_in_place(here: Rig) -> None:
    service = await here.order(40.0, windows=pieces((1, 20), (30, 40)))
    await until(here, 5)
    assert carried(await here.now(service.id)) == NORTH
    await change(here, service.id, Change(windows=pieces((10, 15), (30, 40))))
    await here.pass_s(0.5)
    assert (await here.now(service.id)).state is State.RESERVED
    assert (await here.run(here.twin.read())).policies == {}
    await until(here, 12)
    assert carried(await here.now(service.id)) == NORTH
    with pytest.raises(Invalid) as no:
        await change(here, service.id, Change(end_s=NOW_S + 50))
    assert [one.code for one in no.value.findings] == ["window-pieces"]
    await change(here, service.id, Change(start_s=here.clock.now_s(), end_s=NOW_S + 18))
    await until(here, 17)
    assert carried(await here.now(service.id)) == NORTH
    await until(here, 19)
    assert (await here.now(service.id)).state is State.TERMINATED


@on_a_rig
async def test_a_controller_that_was_away_for_a_window_goes_on_with_the_next(here: Rig) -> None:
    service = await here.order(40.0, windows=pieces((1, 5), (10, 15), (20, 25)))
    await until(here, 3)
    await here.run(here.controller.stop())
    await until(here, 17)
    from tests.unit.control.test_random_walk import restart

    await restart(here, 1)
    await here.pass_s(0.5)
    assert (await here.now(service.id)).state is State.RESERVED
    await until(here, 22)
    assert carried(await here.now(service.id)) == NORTH


@on_a_rig
async def test_what_routers_carried_from_one_window_to_another_while_nobody_was_there_is_told(here: Rig) -> None:
    service = await here.order(40.0, windows=pieces((1, 5), (10, 15), (20, 25)))
    await until(here, 3)
    await here.run(here.controller.stop())
    await until(here, 12)
    from tests.unit.control.test_random_walk import restart

    await restart(here, 1)
    await here.pass_s(0.5)
    assert carried(await here.now(service.id)) == NORTH
    told = [one for one in here.store.events(after=0, limit=99, tenant="acme") if one.kind.endswith("carried-through")]
    assert [one.data["windows"] for one in told] == [1]
    await until(here, 17)
    assert (await here.now(service.id)).state is State.RESERVED


@on_a_rig
async def test_what_fails_between_windows_is_placed_anew_before_the_next(here: Rig) -> None:
    service = await here.order(40.0, windows=pieces((1, 5), (10, 15)))
    await until(here, 6)
    await here.cut("west--east")
    await until(here, 12)
    assert carried(await here.now(service.id)) != NORTH


def test_while_orders_come_in_a_look_opens_few_windows() -> None:
    asked = [replace(request(0.01, start_s=NOW_S + 1), description=str(number)) for number in range(3)]
    for busy, opened in ((False, 3), (True, 2)):
        book = Book(Snapshot(network=country(), network_revision=1, tenants=tenants(), ports=ports()))
        names = map(ServiceId, "abc")
        for one in asked:
            order(Draft(book=book, now_s=NOW_S), one, partial(next, names))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(reconcile, "BUSY", 2)
            draft = Draft(book=book, now_s=NOW_S + 1)
            reconcile.observe(draft, Observed(policies={}, down_since_s={}), None, busy=busy)
        assert len(book.index.within([State.ACTIVATING])) == opened
        assert book.unfinished == busy


async def change(here: Rig, service: ServiceId, edit: Change) -> None:
    await here.run(here.controller.change(service, edit, tenant=None, if_version=None))
