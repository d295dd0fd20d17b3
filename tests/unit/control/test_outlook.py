"""What growth and more links would do, by hand on the small country; and the live book is not touched."""

from __future__ import annotations

import asyncio

import pytest

from highroad.control.outlook import Outlook, change_of
from highroad.errors import Invalid
from highroad.model.network import LinkId
from highroad.model.service import Protection, TrafficClass
from tests.support.country import OTHER, country
from tests.unit.control.rig import Rig, rig
from tests.unit.planning.ground import NOW_S


async def ask(here: Rig, growth: float = 1.0, *, add: tuple[str, ...] = (), cut: tuple[str, ...] = ()) -> Outlook:
    before = dict((await here.book()).services)
    sequence = (await here.book()).last_sequence
    found: Outlook = await here.run(here.controller.outlook(growth, add, cut))
    book = await here.book()
    assert dict(book.services) == before
    assert book.last_sequence == sequence
    assert "campus>cloud" not in book.network.link
    return found


def test_growth_fits_until_the_only_fibre_is_full() -> None:
    """All goes over the campus's one fibre of 100G: 40G grow to 2.5 times that."""

    async def run() -> None:
        async with rig() as here:
            await here.order(30.0)
            await here.order(10.0, traffic_class=TrafficClass.BULK)
            as_it_is = await ask(here)
            assert (as_it_is.services, as_it_is.wanted_gbps, as_it_is.without) == (2, 80.0, None)
            assert as_it_is.planned.utilisation == pytest.approx(0.4, rel=1e-3)
            assert as_it_is.planned.grows_to == pytest.approx(2.5, rel=1e-3)
            assert as_it_is.planned.lost_gbps == 0
            assert (as_it_is.overloaded, as_it_is.fullest[0].share) == (0, 0.4)
            twice = await ask(here, 2.0)
            assert twice.planned.grows_to == pytest.approx(2.5, rel=1e-3)
            assert twice.planned.lost_gbps == 0
            assert twice.fullest[0].kept_gbps == 80.0
            thrice = await ask(here, 3.0)
            assert thrice.planned.lost_gbps == pytest.approx(40.0, rel=1e-2)
            lost = {one.traffic_class: one.wanted_gbps - one.carried_gbps for one in thrice.planned.classes}
            assert lost[TrafficClass.BULK] == pytest.approx(40.0, rel=1e-2)
            assert lost[TrafficClass.ASSURED] == pytest.approx(0.0, abs=0.5)
            assert {(a, b) for a, b, _ in thrice.planned.short} == {("campus", "cloud"), ("cloud", "campus")}
            assert thrice.overloaded > 0
            assert thrice.planned.utilisation_bound <= thrice.planned.utilisation

    asyncio.run(run())


def test_a_new_link_and_more_on_an_old_one() -> None:
    async def run() -> None:
        async with rig() as here:
            await here.order(40.0)
            found = await ask(here, 3.0, add=("campus>cloud:50:7.5",))
            assert found.without is not None
            assert found.without.lost_gbps == pytest.approx(40.0, rel=1e-2)
            assert found.planned.lost_gbps == pytest.approx(0.0, abs=1e-6)
            assert found.planned.grows_to == pytest.approx(150 / 40, rel=2e-3)
            half = await ask(here, 3.0, add=("campus>west:10",))
            assert half.planned.lost_gbps == pytest.approx(40.0, rel=1e-2), "the other end is as full"
            both = await ask(here, 3.0, add=("campus>west:10", "east>cloud:10"))
            assert both.planned.lost_gbps == pytest.approx(20.0, rel=1e-2)
            assert {one.link: one.capacity_gbps for one in both.fullest}[LinkId("campus>west")] == 110.0

    asyncio.run(run())


def test_what_fails_meanwhile_is_not_counted_on() -> None:
    async def run() -> None:
        async with rig(country(ways=2)) as here:
            await here.order(60.0, protection=Protection.PATH)
            cut = await ask(here, 2.0, cut=("campus--west",))
            assert cut.planned.lost_gbps == pytest.approx(40.0, rel=1e-2)
            dark = await ask(here, 1.0, cut=("campus",))
            assert dark.planned.cut_off_gbps == dark.planned.lost_gbps == 120.0
            kept = {one.link: one.kept_gbps for one in (await ask(here, 1.5)).fullest}
            assert set(kept.values()) >= {90.0}, "reserve for its backup grows as well"
            await here.cut("campus--west", settle_s=3.0)
            assert (await ask(here, 2.0)).planned.lost_gbps == pytest.approx(40.0, rel=1e-2)

    asyncio.run(run())


def test_it_is_about_the_busiest_time_of_the_week() -> None:
    async def run() -> None:
        async with rig() as here:
            assert (await ask(here)).services == 0
            await here.order(10.0, end_s=NOW_S + 7200.0)
            await here.order(20.0, tenant=OTHER, start_s=NOW_S + 3600.0, end_s=NOW_S + 10_800.0)
            await here.order(25.0, start_s=NOW_S + 9 * 86400.0)
            found = await ask(here)
            assert (found.at_s, found.services, found.wanted_gbps) == (NOW_S + 3600.0, 2, 60.0)

    asyncio.run(run())


def test_what_cannot_be_asked_is_said_at_once() -> None:
    wrong = ("west>eats:10", "west>east:much", "west>east", "west>east:-5", "west>west:5", "campus>cloud:5:-1", ":5")
    with pytest.raises(Invalid) as caught:
        change_of(country(), float("nan"), wrong, ("moon",))
    told = [(one.code, one.place) for one in caught.value.findings]
    assert told == [
        ("growth", "grow"),
        ("unknown-target", "cut"),
        ("unknown-link", "add"),
        *[("bad-addition", "add")] * 3,
        ("unknown-link", "add"),
        ("bad-addition", "add"),
        ("unknown-link", "add"),
    ]
    good = change_of(country(), 1.0, ("campus>cloud:50", "west>east:5", "campus>cloud:25"), ())
    assert good.network.link[LinkId("cloud>campus")].capacity_gbps == 75.0
    assert good.network.link[LinkId("east>west")].capacity_gbps == 105.0
    assert good.network.link[LinkId("campus>cloud")].latency_ms == pytest.approx(3.6, rel=0.1)
