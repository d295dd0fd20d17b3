"""What is foretold of a failure is what the loop then does, over the twin; and the live book is not touched."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from highroad.control.book import Book
from highroad.control.whatif import Forecast, Outcome, values_of
from highroad.errors import HighroadError, Invalid
from highroad.model.lifecycle import ENDED
from highroad.model.network import SiteId
from highroad.model.service import Protection, Service, ServiceId, TrafficClass, Window
from tests.support.country import ACME, OTHER, country
from tests.unit.control.rig import Rig, rig
from tests.unit.planning.ground import NOW_S

TARGETS = ("west--east", "west--south", "campus--west", "campus--south", "campus--cloud", "trench", "west", "south")


async def fill(here: Rig, dice: random.Random) -> None:
    """Random services, some of which have not begun."""
    for _ in range(dice.randint(2, 16)):
        try:
            await here.order(
                float(dice.randint(5, 45)),
                tenant=dice.choice([ACME, OTHER]),
                bound_ms=dice.choice([None, None, 8.0, 10.2]),
                fence=dice.choice([None, None, ("US",)]),
                traffic_class=dice.choice([TrafficClass.INTERACTIVE, TrafficClass.ASSURED, TrafficClass.BULK]),
                start_s=dice.choice([None, None, None, NOW_S + 86400.0]),
                protection=dice.choice(list(Protection)),
                settle=False,
            )
        except HighroadError:
            continue
    await here.pass_s(3.0)


def covered(book: Book, service: Service) -> bool:
    """Whether it would survive a failure now."""
    return service.placement is not None and book.covered(service.placement)


async def fail(here: Rig, target: str) -> None:
    """The real thing."""
    network = (await here.book()).network
    if target in network.site:
        await here.run(here.twin.kill_router(SiteId(target)))
    else:
        for fibre in network.fibres_of(target):
            await here.run(here.twin.cut(fibre))
    await here.pass_s(6.0)


@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("seed", range(8))
def test_what_is_foretold_is_what_happens(seed: int, target: str) -> None:
    async def run() -> None:
        dice = random.Random(f"what if {seed} {target}")
        async with rig(country(ways=3, conduit=True)) as here:
            await fill(here, dice)
            if dice.random() < 0.3:
                await here.cut("west--east", settle_s=3.0)
            before = dict((await here.book()).services)
            sequence = (await here.book()).last_sequence
            safe = {one.id for one in before.values() if covered(await here.book(), one)}
            foretold: Forecast = await here.run(here.controller.what_if(target))
            book = await here.book()
            assert dict(book.services) == before
            assert book.last_sequence == sequence
            assert foretold.at_rest
            assert foretold.oversold == ()
            await fail(here, target)
            book = await here.book()
            effects = {effect.service.id: effect for effect in foretold.effects}
            for was in before.values():
                now = book.services[was.id]
                effect = effects.get(was.id)
                dark = now.placement is None or book.dark(now.placement)
                exposed = was.id in safe and not dark and not covered(book, now)
                assert exposed is (effect is not None and effect.unprotected)
                if effect is None:
                    assert now.placement == was.placement
                    assert now.state is was.state
                    continue
                assert now.placement == effect.placement, effect
                assert dark is (effect.outcome is Outcome.DARK)
                slow = not dark and now.placement is not None and was.order.latency_bound_ms is not None
                slow = slow and book.latency_ms(now.placement) > was.order.latency_bound_ms  # type: ignore
                assert slow is (effect.outcome is Outcome.SLOW)
                assert now.reason == effect.reason
            for link in foretold.fullest:
                at_s = max(link.at_s, here.clock.now_s())
                assert book.ground.calendar.claimed_at(link.link, at_s) == round(link.claimed_gbps * 1000)
                assert book.ground.calendar.reserve_at(link.link, at_s) == round(link.reserve_gbps * 1000)
                assert book.ground.calendar.free(link.link, Window(start_s=at_s, end_s=at_s + 5 * 86400.0)) == round(
                    (link.capacity_gbps - link.claimed_gbps - link.reserve_gbps) * 1000
                )
            assert {one.id for one in before.values() if one.state not in ENDED} >= effects.keys()

    asyncio.run(run())


def test_each_outcome_is_told_apart() -> None:
    """By hand, over two ways that have nothing in common: one goes onto its backup, one finds the other way, one that
    may not go abroad... and what has a bound that only the broken way keeps is slow.
    """

    async def run() -> None:
        async with rig(country(ways=3)) as here:
            safe = await here.order(20.0, protection=Protection.PATH, bound_ms=8.5)
            plain = await here.order(10.0)
            quick = await here.order(5.0, bound_ms=7.5)
            big = await here.order(60.0, traffic_class=TrafficClass.BULK)
            for service in (safe, plain, quick, big):
                assert service.placement is not None
            cut = "campus--west"
            found = await here.run(here.controller.what_if(cut))
            outcomes = {effect.service.id: effect.outcome for effect in found.effects}
            hit = {one.id for one in (safe, plain, quick, big) if "campus>west" in one.placement.links}  # type: ignore
            assert hit <= outcomes.keys()
            assert outcomes[safe.id] is Outcome.BACKUP
            assert outcomes[quick.id] is Outcome.SLOW
            assert found.links == ("campus>west", "west>campus")
            assert found.fibres == ("campus--west",)
            assert found.services == 4
            counts = Counter(outcomes.values())
            assert counts[Outcome.BACKUP] == counts[Outcome.SLOW] == 1
            everywhere = await here.run(here.controller.what_if("campus"))
            assert {effect.outcome for effect in everywhere.effects} == {Outcome.DARK}
            assert len(everywhere.effects) == 4
            with pytest.raises(Invalid, match="did you mean `campus--west`"):
                await here.run(here.controller.what_if("campus--wes"))
            await here.cut(cut)
            again = await here.run(here.controller.what_if(cut))
            assert (again.fibres, again.links, again.effects) == ((), (), ())

    asyncio.run(run())


def test_what_the_loop_has_tried_is_known_too() -> None:
    """Else the copy would try again what the loop will not, before anything has failed."""

    async def run() -> None:
        async with rig() as here:
            book = await here.book()
            book.tried = {ServiceId("now"): book.changes, ServiceId("before"): book.changes - 1}
            known = values_of(book)
            assert known.tried == {"now"}
            assert known.at_home is (book.homed == book.openings)

    asyncio.run(run())
