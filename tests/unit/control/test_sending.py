"""What services send, from what was measured, beside what they are guaranteed: in every question of what overloads."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from highroad.control.deeds import ReadSending
from highroad.control.outlook import change_of, outlook
from highroad.control.sending import SERIES, Load, Rates, Sending, loads_of, sending
from highroad.control.whatif import values_of, what_if
from highroad.errors import Conflict, Invalid
from highroad.model.network import LinkId
from highroad.model.service import Branch, Placement, ServiceId
from highroad.model.tracks import MOST_POINTS, Point, Subject, Track, Tracks
from tests.support.country import country
from tests.unit.control.rig import Rig, rig
from tests.unit.planning.ground import NOW_S

Piece = tuple[float | None, float | None, float | None]
"""Offered, and arrived there and back."""


class Kept:
    """Has what it is told; counts what it is asked."""

    def __init__(self, pieces: Mapping[str, Sequence[Piece]]) -> None:
        self.pieces = pieces
        self.asked: list[tuple[int, int]] = []

    def read(
        self,
        subject: Subject,
        names: Sequence[str] | None,
        series: Sequence[str],
        *,
        from_s: float,
        until_s: float,
        step_s: int,
    ) -> Tracks:
        assert (subject, tuple(series)) == (Subject.SERVICE, SERIES)
        assert names is not None
        self.asked.append((len(names), len(names) * len(series) * int((until_s - from_s) // step_s)))
        tracks = [
            Track(name=name, series=one, points=tuple(_point(piece[place]) for piece in self.pieces[name]))
            for place, one in enumerate(series)
            for name in names
            if name in self.pieces
        ]
        return Tracks(from_s=int(from_s), until_s=int(until_s), step_s=step_s, tracks=tuple(tracks))


def _point(value: float | None) -> Point | None:
    return None if value is None else Point(least=0.0, mean=value, most=1e9, last=value, count=1)


def rates(pieces: Sequence[Piece], quantile: float = 0.95) -> Rates | None:
    name = ServiceId("s")
    found = sending(Kept({name: pieces}), [name], NOW_S, Load(quantile=quantile))  # type: ignore[arg-type]
    return found.rates.get(name)


@pytest.mark.parametrize(("quantile", "there"), [(0.95, 19.0), (1.0, 20.0), (0.5, 10.0), (0.951, 20.0), (0.001, 1.0)])
def test_a_rate_is_what_was_not_exceeded_in_a_share_of_the_time(quantile: float, there: float) -> None:
    pieces = [(n + 3.0, float(n), 3.0) for n in range(20, 0, -1)]
    assert rates(pieces, quantile) == (there, 3.0)


def test_what_is_lost_is_sent_and_what_nobody_measured_is_not_made_up() -> None:
    assert rates([(10.0, 4.0, 1.0)]) == (8.0, 2.0)
    assert rates([(6.0, 0.0, 0.0)]) == (3.0, 3.0)
    assert rates([(None, 2.0, 1.0), (None, None, None), (9.0, 1.0, None)]) == (2.0, 1.0)
    assert rates([(None, None, None)]) is None
    assert rates([]) is None


def test_very_many_are_read_in_pieces_that_may_be_asked_for() -> None:
    names = [ServiceId(f"s-{n}") for n in range(3000)]
    kept = Kept({name: [(2.0, 1.0, 1.0)] for name in names})
    found = sending(kept, names, NOW_S, Load())  # type: ignore[arg-type]
    assert len(found.rates) == sum(many for many, _ in kept.asked) == 3000
    assert max(points for _, points in kept.asked) <= MOST_POINTS


def test_each_way_goes_over_the_branches_by_their_weights() -> None:
    a, b, c, d = (LinkId(one) for one in ("a>b", "b>a", "a>c", "c>a"))
    placement = Placement(
        there=(a,), back=(b,), bandwidth_gbps=4.0, weight=1, beside=(Branch(there=(c,), back=(d,), weight=3),)
    )
    assert loads_of([(placement, (8.0, 4.0)), (None, (5.0, 5.0))]) == {a: 2.0, b: 1.0, c: 6.0, d: 3.0}


@pytest.mark.parametrize(
    ("load", "places"),
    [
        (Load(over_s=0.0), ["over"]), (Load(quantile=0.0, over_s=1e9), ["over", "quantile"]),
        (Load(quantile=float("nan")), ["quantile"]), (Load(over_s=float("inf")), ["over"]),
    ],
)  # fmt: skip
def test_what_cannot_be_looked_at_is_said(load: Load, places: list[str]) -> None:
    with pytest.raises(Invalid) as raised:
        load.check()
    assert [one.place for one in raised.value.findings] == places


async def asked(here: Rig, of: Mapping[ServiceId, Rates]) -> Sending:
    return Sending(load=Load(), rates=of)


def test_growth_is_told_of_both_and_they_differ() -> None:
    """Two of 30G over the one fibre of 100G: one sends 70G there and 10G back, the other was not measured."""

    async def scene() -> None:
        async with rig() as here:
            one, _ = await here.order(30.0), await here.order(30.0)
            book = await here.book()
            known, measured = values_of(book), await asked(here, {one.id: (70.0, 10.0)})

            def of(growth: float, *add: str) -> tuple[float, int, float, float, int, dict[LinkId, float]]:
                found = outlook(known, change_of(book.network, growth, add, []), NOW_S, measured)
                sent = found.sent
                assert sent is not None
                assert (sent.services, sent.guessed) == (1, 1)
                assert (sent.without is None) == (not add)
                fulls = {link.link: link.sent_gbps for link in sent.fullest}
                return (
                    found.planned.lost_gbps, found.overloaded, sent.planned.lost_gbps, sent.sent_gbps, sent.overloaded,
                    fulls,
                )  # fmt: skip

            lost, over, sent_lost, sent_gbps, sent_over, fulls = of(1.0)
            assert (lost, over, sent_lost, sent_gbps, sent_over) == (0.0, 0, 0.0, 140.0, 0)
            assert (fulls[LinkId("campus>west")], fulls[LinkId("west>campus")]) == (100.0, 40.0)
            lost, over, sent_lost, sent_gbps, sent_over, fulls = of(1.5)
            assert (lost, over) == (0.0, 0), "90G of what is guaranteed fit"
            assert sent_lost == pytest.approx(50.0, rel=1e-2)
            assert (sent_gbps, sent_over) == (210.0, 3), "all three links of the way there, and none back"
            assert fulls[LinkId("campus>west")] == 150.0
            _, _, sent_lost, _, _, _ = of(1.5, "campus>cloud:60:7.5")
            assert sent_lost == pytest.approx(0.0, abs=1e-6)
            assert outlook(known, change_of(book.network, 1.0, [], []), NOW_S).sent is None

    asyncio.run(scene())


def test_a_failure_is_told_of_what_is_sent_where_it_then_goes() -> None:
    async def scene() -> None:
        async with rig(country(ways=2)) as here:
            one = await here.order(30.0)
            two = await here.order(60.0, start_s=NOW_S + 9000.0, settle=False)
            book = await here.book()
            measured = await asked(here, {one.id: (120.0, 15.0), two.id: (500.0, 500.0)})
            found = what_if(values_of(book), "west--east", NOW_S + 5.0, measured)
            assert found.sent is not None
            assert (found.sent.services, found.sent.guessed, found.sent.sent_gbps) == (1, 0, 135.0)
            links = {link.link: (link.before_gbps, link.sent_gbps) for link in found.sent.fullest}
            there = [link for link, (before, then) in links.items() if (before, then) == (0.0, 120.0)]
            assert there, "where it goes then, and who has not begun sends nothing"
            assert LinkId("west>east") not in links
            assert found.sent.overloaded == sum(then > 100.0 for _, then in links.values()) > 0
            assert what_if(values_of(book), "west--east", NOW_S + 5.0).sent is None

    asyncio.run(scene())


def test_where_nothing_is_kept_that_is_said() -> None:
    async def scene() -> None:
        async with rig() as here:
            await here.order(30.0)
            with pytest.raises(Conflict, match="keeps no telemetry"):
                await here.run(here.controller.what_if("west--east", Load()))
            with pytest.raises(Invalid):
                await here.run(here.controller.outlook(1.0, [], [], Load(quantile=2.0)))
            deed = ReadSending.of(await here.book(), NOW_S, Load())
            assert len(deed.services) == 1

    asyncio.run(scene())
