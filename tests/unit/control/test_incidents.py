"""What an incident tells: what failed together, who carried on by themselves, and who is protected again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from highroad.api.shapes.operations import incident_out, own_incident_out
from highroad.control.healing import flip_words
from highroad.control.incidents import _clearer
from highroad.model.incident import Entry, Fault, Incident, IncidentId, Outage, Phase, Reason, darkness
from highroad.model.lifecycle import State
from highroad.model.network import FibreId, SiteId
from highroad.model.service import Protection, ServiceId
from highroad.ports import Down, Observed, Sample
from tests.support.country import OTHER, country
from tests.unit.control.rig import Rig
from tests.unit.control.test_loop import on_rigs


def texts(incident: Incident, phase: Phase) -> list[str]:
    return [entry.text for entry in incident.in_order if entry.phase is phase]


def on_ways(ways: int) -> Callable[[Callable[[Rig], Awaitable[None]]], Callable[[], None]]:
    """Run a test on a country with so many ways, and a conduit."""
    return on_rigs(network=country(ways=ways, conduit=True))


@on_ways(3)
async def test_a_conduit_is_one_incident_though_its_fibres_are_seen_one_after_the_other(here: Rig) -> None:
    await here.order(10.0)
    await here.pass_s(1.0)
    for fibre in ("west--south", "east--south", "campus--south"):
        await here.run(here.twin.cut(FibreId(fibre), silent=fibre == "east--south"))
        await here.pass_s(0.2)
    incident = await here.incident()
    assert incident.title == "Southern trench (trench), 3 fibres"
    assert incident.fibres == ("campus--south", "east--south", "west--south")
    assert {fault.fibre: fault.reason for fault in incident.faults}[FibreId("east--south")] is Reason.SILENT
    (failed,) = texts(incident, Phase.FAILED)
    assert failed == (
        "Southern trench (trench), 3 fibres: loss of light noticed on campus--south, west--south; "
        "light is on and nothing is heard over east--south"
    )
    for fibre in incident.fibres:
        await here.uncut(fibre)
    assert not (await here.incident()).open


@on_ways(2)
async def test_what_happens_later_to_a_fibre_that_is_dark_is_told_beside_what_was_first(here: Rig) -> None:
    await here.run(here.twin.cut(FibreId("west--east"), silent=True))
    await here.pass_s(0.5)
    (silent,) = texts(await here.incident(), Phase.FAILED)
    assert silent == "light is on and nothing is heard over west--east"
    said = Reason.LIGHT
    read = here.twin.read

    async def otherwise(since: int | None = None) -> Observed:
        found = await read(since)
        return replace(found, why={fibre: Down(reason=said) for fibre in found.down_since_s})

    here.twin.read = otherwise  # type: ignore[method-assign]
    await here.pass_s(2.0)
    assert texts(await here.incident(), Phase.FAILED) == [silent, "then loss of light noticed on west--east"]
    said = Reason.SILENT
    await here.pass_s(2.0)
    incident = await here.incident()
    assert texts(incident, Phase.FAILED)[2:] == [f"then {silent}"]
    assert (incident.faults[0].reason, incident.faults[0].first) == (Reason.SILENT, Reason.SILENT)
    here.twin.read = read  # type: ignore[method-assign]


@pytest.mark.parametrize(
    ("first", "then", "after_s", "told_anew"),
    [
        (Reason.SILENT, Reason.ONE_WAY, 0.9, True),
        (Reason.SILENT, Reason.ONE_WAY, 1.1, False),
        (Reason.SILENT, Reason.LIGHT, 0.05, True),
        (Reason.SILENT, Reason.LIGHT, 0.2, False),
        (Reason.LIGHT, Reason.SILENT, 0.05, False),
        (Reason.LOSS, Reason.SILENT, 60.0, False),
    ],
)
def test_what_becomes_clearer_at_once_was_so_all_along(
    first: Reason, then: Reason, after_s: float, told_anew: bool
) -> None:
    assert _clearer(Fault(fibre=FibreId("a--b"), since_s=100.0, reason=first), then, 100.0 + after_s) is told_anew


@on_ways(2)
async def test_of_a_service_that_was_struck_and_not_seen_dark_it_is_said_what_would_have_been_seen(here: Rig) -> None:
    sample = here.twin.sample

    async def coarse() -> Sample:
        found = await sample()
        counters = {name: replace(found.services[name], unseen_s=0.024) for name in found.services}
        return replace(found, services=counters)

    here.twin.sample = coarse  # type: ignore[method-assign]
    await here.order(10.0)
    await here.pass_s(2.0)
    await here.cut("west--east")
    incident = await here.incident()
    (repaired,) = texts(incident, Phase.REPAIRED)
    assert repaired == "1 service is carried again; it was dark for less than 24.0 ms"
    (told,) = incident_out(incident).outages
    assert (told.dark_ms, told.less_than_ms, told.healed) == (None, 24.0, True)
    own = own_incident_out(incident, {incident.outages[0].service})
    assert "your service is carried again; it was dark for less than 24.0 ms" in [one.text for one in own.timeline]


@on_ways(2)
async def test_who_sends_nothing_is_not_said_not_to_have_been_dark(here: Rig) -> None:
    service = await here.order(10.0)
    await here.twin.offer(service.id, 0.0)
    await here.pass_s(2.0)
    await here.cut("west--east")
    incident = await here.incident()
    (told,) = incident_out(incident).outages
    assert (told.dark_ms, told.less_than_ms, told.healed) == (None, None, True)
    assert texts(incident, Phase.REPAIRED) == ["1 service is carried again; how long it was dark was not measured"]


def test_the_longest_is_what_may_have_been_the_longest() -> None:
    for outages, words in (
        ([(12.0, None), (0.0, 24.0)], "the longest was dark for less than 24.0 ms"),
        ([(36.0, None), (None, 24.0), (None, None)], "the longest was dark for 36.0 ms"),
        ([(0.0, None), (0.0, None)], "none was dark"),
        ([(0.0, None), (None, None)], "none that was measured was dark"),
        ([(None, None), (None, None)], "how long they were dark was not measured"),
    ):
        assert darkness(outages, several=True) == words
    assert darkness([(0.0, None)], several=False) == "it was not dark"
    dark = Outage(service=ServiceId("s"), dark_ms=0.0, healed=False, unseen_ms=24.0)
    assert dark.less_than_ms is None, "it is dark yet"
    assert replace(dark, healed=True).less_than_ms == 24.0
    assert replace(dark, healed=True, dark_ms=26.0).less_than_ms is None
    assert dark.known_ms is None
    assert replace(dark, healed=True, counted=False).less_than_ms is None


@on_ways(2)
async def test_a_router_that_goes_around_a_link_when_all_has_left_it_is_said_to_be_late(here: Rig) -> None:
    """Its watcher was killed, and is back after two seconds."""
    read, late_s = here.twin.read, 0.0

    async def told(since: int | None = None) -> Observed:
        found = await read(since)
        why = {
            fibre: Down(repaired_s={SiteId("west"): at_s + 0.001} | ({SiteId("east"): late_s} if late_s else {}))
            for fibre, at_s in found.down_since_s.items()
        }
        return replace(found, why=why)

    here.twin.read = told  # type: ignore[method-assign]
    await here.order(10.0)
    await here.pass_s(1.0)
    await here.cut("west--east", settle_s=2.0)
    (in_time,) = texts(await here.incident(), Phase.LOCAL)
    assert in_time == "west carries on around west--east by detours, 1.0 ms after it was noticed"
    late_s = here.clock.now_s()
    await here.pass_s(2.0)
    incident = await here.incident()
    (_, late) = texts(incident, Phase.LOCAL)
    (repaired_s,) = (entry.at_s for entry in incident.timeline if entry.phase is Phase.REPAIRED)
    moved_ms = (repaired_s - incident.timeline[0].at_s) * 1e3
    assert late.startswith("east carries on around west--east by detours, ")
    assert late.endswith(f"; all that was on it was elsewhere by then, {moved_ms:.1f} ms after it was noticed")


@on_ways(3)
async def test_what_fails_later_or_elsewhere_is_another_incident(here: Rig) -> None:
    await here.run(here.twin.cut(FibreId("campus--west")))
    await here.run(here.twin.cut(FibreId("cloud--east")))
    await here.pass_s(1.5)
    await here.run(here.twin.cut(FibreId("west--east")))
    await here.pass_s(0.5)
    titles = sorted(one.title for one in (await here.book()).incidents.values())
    assert titles == ["campus--west", "cloud--east", "west--east"]


@on_ways(3)
async def test_a_router_all_of_whose_links_are_dark_is_one_incident_that_names_it(here: Rig) -> None:
    through = await here.order(10.0)
    at_it = await here.order(10.0, tenant=OTHER, a="west", b="east")
    await here.run(here.twin.kill_router(SiteId("west")))
    await here.pass_s(0.5)
    incident = await here.incident()
    assert incident.title == "router west is cut off"
    assert set(incident.fibres) == {"campus--west", "west--east", "west--south"}
    assert texts(incident, Phase.FAILED)[0].startswith("router west is cut off: loss of light noticed on")
    assert (await here.now(through.id)).state is State.ACTIVE
    lost = await here.now(at_it.id)
    assert (lost.state, lost.reason) == (State.DEGRADED, "dark: router west is cut off")
    await here.run(here.twin.revive_router(SiteId("west")))
    await here.pass_s(2.0)
    assert (await here.now(at_it.id)).state is State.ACTIVE
    assert not (await here.incident()).open


@on_ways(3)
async def test_headends_that_move_their_traffic_are_told_of_and_then_who_is_protected_again(here: Rig) -> None:
    services = [await here.order(10.0, protection=Protection.PATH) for _ in range(3)]
    book = await here.book()
    first = book.services[services[0].id].placement
    assert first is not None
    struck = book.network.link[first.there[0]].fibres[0]
    on_it = [one for one in book.services.values() if one.placement and first.there[0] in one.placement.there]
    await here.pass_s(1.0)
    await here.cut(struck, settle_s=1.0)
    incident = await here.incident()
    (headend,) = texts(incident, Phase.HEADEND)
    noun = "service was" if len(on_it) == 1 else "services were"
    assert headend == f"{len(on_it)} {noun} moved to a backup by the headends, the last 0.0 ms after it was noticed"
    (again,) = texts(incident, Phase.REPROTECTED)
    assert again == "all 3 that were protected are so again"
    assert (incident.protected, incident.unprotected) == (3, ())
    phases = [entry.phase for entry in incident.in_order]
    assert phases.index(Phase.HEADEND) < phases.index(Phase.REPAIRED) < phases.index(Phase.REPROTECTED)
    for one in services:
        assert (await here.book()).covered((await here.now(one.id)).placement)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("flips", "opened_s", "said"),
    [
        (
            [100.02, 100.04],
            100.01,
            "2 services were moved to a backup by the headends, the last 40.0 ms after it was noticed",
        ),
        # The controller came back after 18 s. What headends had done by themselves was in time ...
        ([100.02], 118.0, "1 service was moved to a backup by the headends, the last 20.0 ms after it was noticed"),
        # ... and what waited for it says so.
        (
            [100.02, 118.25],
            118.0,
            "2 services were moved to a backup by the headends, the last 18250.0 ms after it was noticed, 250.0 ms "
            "after the controller was told of it",
        ),
        ([0.0], 118.0, "1 service was moved to a backup by the headends, which do not know since when"),
        (
            [0.0, 100.02],
            118.0,
            "2 services were moved to a backup by the headends, the last 20.0 ms after it was noticed; of 1 of them "
            "it is not known",
        ),
        # It failed again after a minute: that is what they moved away from.
        ([160.01], 100.01, "1 service was moved to a backup by the headends, the last 10.0 ms after it was noticed"),
    ],
)
def test_of_flips_it_is_said_when_they_were_and_not_when_they_were_told(
    flips: list[float], opened_s: float, said: str
) -> None:
    entries = (Entry(at_s=100.0, phase=Phase.FAILED, text=""), Entry(at_s=160.0, phase=Phase.FAILED, text=""))
    incident = Incident(id=IncidentId("inc-1"), fibres=(FibreId("a--b"),), opened_s=opened_s, timeline=entries)
    assert flip_words(incident, flips) == said


@on_ways(2)
async def test_who_is_not_protected_again_is_named_with_why_and_then_protected_when_it_can_be(here: Rig) -> None:
    service = await here.order(10.0, protection=Protection.PATH)
    await here.cut("campus--south", settle_s=1.5)
    incident = await here.incident()
    (not_again,) = texts(incident, Phase.REPROTECTED)
    assert not_again.startswith(f"0 of 1 that were protected are so again; not {service.id}: unprotected: ")
    assert incident.unprotected == (service.id,)
    await here.uncut("campus--south")
    incident = await here.incident()
    assert texts(incident, Phase.REPROTECTED)[1:] == ["it is protected again"]
    assert not incident.open


@on_ways(3)
async def test_routers_that_carry_on_by_themselves_are_named_with_when(here: Rig) -> None:
    await here.order(10.0)
    await here.pass_s(1.0)
    read = here.twin.read

    async def told(since: int | None = None) -> Observed:
        found = await read(since)
        seen_s = found.down_since_s.get(FibreId("campus--west"))
        if seen_s is None:
            return found
        down = Down(reason=Reason.LOSS, repaired_s={SiteId("campus"): seen_s + 0.002, SiteId("west"): seen_s + 0.004})
        return replace(found, why={FibreId("campus--west"): down})

    here.twin.read = told  # type: ignore[method-assign]
    await here.cut("campus--west")
    incident = await here.incident()
    assert texts(incident, Phase.FAILED) == ["too much is lost, though light is on, over campus--west"]
    (local,) = texts(incident, Phase.LOCAL)
    assert local == "campus, west carry on around campus--west by detours, 4.0 ms after it was noticed"
    assert incident.faults[0].repaired_at == ("campus", "west")
    at_s = next(entry.at_s for entry in incident.timeline if entry.phase is Phase.LOCAL)
    assert at_s == pytest.approx(incident.timeline[0].at_s + 0.004)
