"""What every fabric does alike, whatever carries the traffic."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from highroad.errors import NotFound
from highroad.model.measurement import Measurement, Way
from highroad.model.network import FibreId, LinkId, RiskGroupId, SiteId
from highroad.model.policy import LocalRepair
from highroad.model.service import PortId, ServiceId
from highroad.ports import Change, Install, Replace, Sample, ServiceCounters, Withdraw
from tests.contract.fabric.rig import Play, Rig
from tests.unit.fabric.small import backbone, policy

S = ServiceId("s")
BD = FibreId("b-d")
DUCT = RiskGroupId("duct")
OVER_B = policy("s", "a>b>d")
OVER_C = policy("s", "a>c>d")


async def apply(rig: Rig, *changes: Change) -> None:
    assert await rig.run(rig.fabric.apply(changes)) == {}


async def counters(rig: Rig) -> ServiceCounters:
    return (await rig.fabric.sample()).services[S]


async def stopped(rig: Rig, pass_s: float) -> bool:
    """Whether nothing of the service arrives any more; on a busy machine what was on its way may come a look later."""
    for _ in range(5):
        await rig.pass_s(pass_s)
        if (await counters(rig)).carried_gbps_there == 0.0:
            return True
    return False


def test_what_was_installed_is_read_back_equal(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        await apply(rig, Install(policy=OVER_B), Install(policy=policy("t", "a>c", gbps=0.1)))
        assert (await rig.fabric.read()).policies == {S: OVER_B, "t": policy("t", "a>c", gbps=0.1)}

    play(scene)


def test_what_is_new_is_read_alone_and_the_rest_is_as_it_was(play: Play) -> None:
    other = policy("t", "a>c", gbps=0.1)

    async def scene(rig: Rig) -> None:
        start = await rig.fabric.read()
        await apply(rig, Install(policy=OVER_B), Install(policy=other))
        both = await rig.fabric.read(start.revision)
        assert (both.since, both.policies, both.gone) == (start.revision, {S: OVER_B, "t": other}, [])
        nothing = await rig.fabric.read(both.revision)
        assert (nothing.since, nothing.revision) == (both.revision, both.revision)
        assert not nothing.policies
        assert not nothing.gone
        await apply(rig, Replace(policy=OVER_C), Withdraw(service=ServiceId("t")), Install(policy=OVER_C))
        later = await rig.fabric.read(both.revision)
        assert (later.since, later.policies, later.gone) == (both.revision, {S: OVER_C}, ["t"])
        assert (await rig.fabric.read(start.revision)).policies == {S: OVER_C}
        whole = await rig.fabric.read(later.revision + 1)
        assert (whole.since, whole.policies, whole.gone) == (None, {S: OVER_C}, ())

    play(scene)


def test_every_change_may_be_made_twice(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        for change in (Install(policy=OVER_B), Install(policy=OVER_B), Replace(policy=OVER_B)):
            await apply(rig, change)
        assert (await rig.fabric.read()).policies == {S: OVER_B}
        for change in (Replace(policy=OVER_C), Replace(policy=OVER_C), Install(policy=OVER_C)):
            await apply(rig, change)
        assert (await rig.fabric.read()).policies == {S: OVER_C}
        await apply(rig, Withdraw(service=S))
        await apply(rig, Withdraw(service=S), Withdraw(service=ServiceId("never-was")))
        assert (await rig.fabric.read()).policies == {}

    play(scene)


def test_an_equal_policy_does_not_touch_the_counters(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        await apply(rig, Install(policy=OVER_B))
        await rig.pass_s(1.0)
        before = await counters(rig)
        await apply(rig, Install(policy=OVER_B))
        assert (await counters(rig)).carried_bytes >= before.carried_bytes > 0.0

    play(scene)


def test_changes_are_made_in_order(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        await apply(rig, Install(policy=OVER_B), Withdraw(service=S), Install(policy=OVER_B), Replace(policy=OVER_C))
        assert (await rig.fabric.read()).policies == {S: OVER_C}

    play(scene)


def test_a_policy_that_leads_nowhere_is_refused_and_the_others_are_made(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        await apply(rig, Install(policy=OVER_B))
        refused = await rig.run(
            rig.fabric.apply([Replace(policy=policy("s", "a>x>d")), Install(policy=policy("t", "a>c"))])
        )
        assert list(refused) == [S]
        assert "a>x" in refused[S]
        assert (await rig.fabric.read()).policies == {S: OVER_B, "t": policy("t", "a>c")}

    play(scene)


def test_a_cut_is_noticed_and_so_is_its_splice(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        changes = rig.fabric.changes()
        cut_s = rig.now_s()
        await rig.fabric.cut(BD)
        await rig.fabric.cut(BD)
        assert list(await rig.fabric.cuts()) == [BD]
        assert set((await rig.fabric.read()).down_since_s) <= {BD}
        await rig.run(anext(changes))
        down = (await rig.fabric.read()).down_since_s
        assert list(down) == [BD]
        assert cut_s <= down[BD] <= cut_s + rig.noticing_s
        assert (await rig.fabric.sample()).links[LinkId("b>d")].up is False
        await rig.fabric.uncut(BD)
        await rig.fabric.uncut(BD)
        assert await rig.fabric.cuts() == {}
        await rig.run(anext(changes))
        assert (await rig.fabric.read()).down_since_s == {}
        assert (await rig.fabric.sample()).links[LinkId("b>d")].up is True

    play(scene)


def test_a_cut_loses_until_the_policy_is_replaced(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        await apply(rig, Install(policy=OVER_B))
        await rig.pass_s(1.0)
        await rig.fabric.cut(BD)
        assert await stopped(rig, 0.2)
        await apply(rig, Replace(policy=OVER_C))
        healed = await counters(rig)
        assert 0.2 <= healed.dark_s + 1e-6 < 0.2 + rig.noticing_s
        await rig.pass_s(1.0)
        now = await counters(rig)
        assert now.carried_gbps_there > 0.0
        assert now.dark_s == healed.dark_s
        assert now.lost_bytes == healed.lost_bytes > 0.0

    play(scene)


AROUND = (
    LocalRepair(link=LinkId("b>d"), fence="", links=(LinkId("b>a"), LinkId("a>c"), LinkId("c>d"))),
    LocalRepair(link=LinkId("d>b"), fence="", links=(LinkId("d>c"), LinkId("c>a"), LinkId("a>b"))),
)


@pytest.mark.parametrize("silent", [False, True])
def test_a_link_that_is_protected_is_gone_around_without_a_word(play: Play, silent: bool) -> None:
    async def scene(rig: Rig) -> None:
        await rig.run(rig.fabric.protect(AROUND))
        fenced = replace(policy("t", "b>d", gbps=0.1), fence="US")
        await apply(rig, Install(policy=OVER_B), Install(policy=fenced))
        assert (await rig.fabric.read()).policies == {S: OVER_B, "t": fenced}
        await rig.pass_s(1.0)
        await rig.fabric.cut(BD, silent=silent)
        await rig.pass_s(rig.noticing_s)
        here = await counters(rig)
        await rig.pass_s(1.0)
        there = await counters(rig)
        assert there.dark_s == here.dark_s
        assert there.carried_gbps_there > 0.0
        assert there.carried_gbps_back > 0.0
        # Nothing leaves its fence, however short.
        assert (await rig.fabric.sample()).services[ServiceId("t")].carried_gbps_there == 0.0
        await rig.run(rig.fabric.protect(()))
        assert await stopped(rig, 0.3)

    play(scene)


def test_a_replacement_on_live_links_loses_nothing(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        await apply(rig, Install(policy=OVER_B))
        for turn in range(6):
            await rig.pass_s(0.3)
            await apply(rig, Replace(policy=OVER_B if turn % 2 else OVER_C))
        now = await counters(rig)
        assert now.lost_bytes == 0.0
        assert now.dark_s == 0.0
        assert now.carried_bytes > 0.0

    play(scene)


def test_an_end_moves_to_another_router_and_what_was_left_carries_nothing(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        await apply(rig, Install(policy=OVER_B))
        for route in ("a>b", "a>c>d", "d>b>a", "c>a>b", "a>b>d"):  # another end, both turned round, both elsewhere
            moved = policy("s", route)
            await apply(rig, Replace(policy=moved))
            assert (await rig.fabric.read()).policies == {S: moved}
            await rig.pass_s(0.5)
            before = await counters(rig)
            await rig.pass_s(0.5)
            now = await counters(rig)
            assert now.carried_bytes > before.carried_bytes, route
            assert now.lost_bytes == before.lost_bytes, route

    play(scene)


def test_an_end_moves_to_another_port_of_its_router(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        await apply(rig, Install(policy=OVER_B))
        assert OVER_B.b is not None
        for end in (
            replace(OVER_B.b, port=PortId("s-other")),
            replace(OVER_B.b, vlan=7),
            replace(OVER_B.b, prefixes=("10.7.0.0/16",)),
        ):
            moved = replace(OVER_B, b=end)
            await apply(rig, Replace(policy=moved))
            assert (await rig.fabric.read()).policies == {S: moved}
            await rig.pass_s(0.5)
            before = await counters(rig)
            await rig.pass_s(0.5)
            now = await counters(rig)
            assert now.carried_bytes > before.carried_bytes
            assert now.lost_bytes == before.lost_bytes

    play(scene)


def test_counters_only_grow_and_nothing_appears_or_vanishes(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        await apply(rig, Install(policy=OVER_B))
        samples: list[Sample] = []
        for turn in range(8):
            if turn == 3:
                await rig.fabric.cut(BD)
            if turn == 5:
                await rig.fabric.uncut(BD)
            await rig.pass_s(0.4)
            samples.append(await rig.fabric.sample())
        for before, after in pairwise(samples):
            old, new = before.services[S], after.services[S]
            assert after.at_s > before.at_s
            for counter in ("offered_bytes", "carried_bytes", "lost_bytes", "dark_s"):
                assert getattr(new, counter) >= getattr(old, counter)
            assert all(after.links[link].carried_bytes >= old_.carried_bytes for link, old_ in before.links.items())
            assert new.offered_bytes == pytest.approx(new.carried_bytes + new.lost_bytes, rel=1e-9)
        assert samples[-1].links[LinkId("a>b")].carried_bytes > 0.0
        assert set(samples[-1].links) == set(rig.network.link)

    play(scene)


def test_a_withdrawn_service_is_not_carried_any_more(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        await apply(rig, Install(policy=OVER_B))
        await rig.pass_s(1.0)
        await apply(rig, Withdraw(service=S))
        await rig.pass_s(0.5)  # what was under way arrives, and is counted
        then = await rig.fabric.sample()
        await rig.pass_s(1.0)
        now = await rig.fabric.sample()
        assert S not in now.services
        assert now.links[LinkId("a>b")].carried_gbps == 0.0
        assert now.links[LinkId("a>b")].carried_bytes == then.links[LinkId("a>b")].carried_bytes > 0.0

    play(scene)


def test_another_network_strands_what_it_lacks_until_it_is_replaced(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        await apply(rig, Install(policy=OVER_B))
        await rig.fabric.cut(BD)
        await rig.run(rig.fabric.adopt(backbone("a-b", "a-c", "c-d")))
        await rig.run(rig.fabric.adopt(backbone("a-b", "a-c", "c-d")))
        assert await rig.fabric.cuts() == {}
        assert (await rig.fabric.read()).policies == {S: OVER_B}
        assert await stopped(rig, 0.5)
        await apply(rig, Replace(policy=OVER_C))
        await rig.pass_s(0.5)
        assert (await counters(rig)).carried_gbps_there > 0.0
        with pytest.raises(NotFound):
            await rig.fabric.cut(BD)

    play(scene)


def test_an_offer_holds_until_it_is_taken_back(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        await apply(rig, Install(policy=OVER_B))
        await rig.fabric.offer(S, 4.0)
        await rig.pass_s(1.0)
        assert (await counters(rig)).offered_gbps == pytest.approx(8.0)
        more = 2 * OVER_B.ceiling_gbps  # more than is let in is counted all the same: a service may follow its load
        await rig.fabric.offer(S, more)
        await rig.pass_s(2.0)
        told = await counters(rig)
        assert told.offered_gbps == pytest.approx(2 * more)
        assert max(told.carried_gbps_there, told.carried_gbps_back) < 1.2 * OVER_B.ceiling_gbps
        await rig.fabric.offer(S, None)
        await rig.pass_s(1.0)
        assert (await counters(rig)).offered_gbps != pytest.approx(8.0)

    play(scene)


def test_a_ping_goes_there_and_back_in_the_time_that_light_takes(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        await apply(rig, Install(policy=OVER_B))
        echoes = await rig.run(rig.fabric.ping(S, count=3, interval_ms=20.0, size_bytes=64))
        assert [echo.sequence for echo in echoes] == [1, 2, 3]
        light_ms = sum(rig.network.link[LinkId(link)].latency_ms for link in ("a>b", "b>d", "d>b", "b>a"))
        rtts_ms = [echo.rtt_ms for echo in echoes if echo.rtt_ms is not None]
        assert len(rtts_ms) == 3
        assert light_ms - 0.001 <= min(rtts_ms) <= light_ms + rig.handling_ms  # on a busy machine others wait longer

    play(scene)


def test_what_is_measured_is_told_once_and_is_what_light_takes(play: Play) -> None:
    measured = ServiceId("measured")

    async def scene(rig: Rig) -> None:
        await apply(rig, Install(policy=policy("measured", "a>b>d", back="d>c>a")))
        await rig.run(rig.fabric.measured())
        told: list[Measurement] = []
        for _ in range(40):
            await rig.pass_s(0.5)
            # What was measured of others in their last second may come yet.
            told += [one for one in await rig.run(rig.fabric.measured()) if one.service == measured]
            if all(sum(one.way is way and one.rtt_p50_ms is not None for one in told) >= 2 for way in Way):
                break
        for way in Way:
            mine = [one for one in told if one.way is way and one.in_use]
            assert len({one.at_s for one in mine}) == len(mine) >= 2
            assert [one.at_s for one in mine] == sorted(one.at_s for one in mine)
            assert {(one.service, one.preference, one.pinned) for one in mine[1:]} == {(measured, 100, True)}
            there_ms, back_ms = (
                sum(rig.network.link[LinkId(link)].latency_ms for link in links)
                for links in (("a>b", "b>d"), ("d>c", "c>a"))
            )
            light_ms = there_ms + back_ms
            rtts_ms = [one.rtt_min_ms for one in mine if one.rtt_min_ms is not None]
            # A lab lets packets go up to 45 us too soon on each link.
            assert light_ms - 0.2 <= min(rtts_ms) <= light_ms + rig.handling_ms
        assert [one.way for one in await rig.run(rig.fabric.measurements(measured))].count(Way.THERE) >= 1
        await apply(rig, Withdraw(service=measured))
        with pytest.raises(NotFound):
            await rig.run(rig.fabric.measurements(measured))

    play(scene)


def test_what_is_dark_is_measured_as_lost(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        await apply(rig, Install(policy=OVER_B))
        await rig.fabric.cut(BD)
        await rig.pass_s(5.0)
        told = [one for one in await rig.run(rig.fabric.measured()) if one.in_use]
        assert {one.way for one in told} == set(Way)
        for way in Way:
            last = max((one for one in told if one.way is way), key=lambda one: one.at_s)
            assert last.lost == last.sent > 0
            assert last.rtt_p50_ms is None

    play(scene)


def test_a_ping_goes_where_the_policy_says(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        await rig.converged()
        await apply(rig, Install(policy=policy("s", "a>b>d", back="d>c>a")))
        trace = await rig.run(rig.fabric.trace(S))
        assert [(hop.link, hop.site) for hop in trace.there] == [("a>b", "b"), ("b>d", "d")]
        assert [(hop.link, hop.site) for hop in trace.back] == [("d>c", "c"), ("c>a", "a")]
        for hops in (trace.there, trace.back):
            near, far = (hop.rtt_ms for hop in hops)
            assert near is not None
            assert far is not None
            assert near < far
        await apply(rig, Replace(policy=OVER_C))
        trace = await rig.run(rig.fabric.trace(S))
        assert [hop.site for hop in (*trace.there, *trace.back)] == ["c", "d", "c", "a"]

    play(scene)


def test_what_is_dark_answers_no_ping_and_the_trace_ends_before_it(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        await rig.converged()
        await apply(rig, Install(policy=OVER_B))
        await rig.fabric.cut(BD)
        echoes = await rig.run(rig.fabric.ping(S, count=2, interval_ms=20.0, size_bytes=64))
        assert [echo.rtt_ms for echo in echoes] == [None, None]
        trace = await rig.run(rig.fabric.trace(S))
        assert [hop.rtt_ms is None for hop in trace.there] == [False, True]
        await apply(rig, Replace(policy=OVER_C))
        (echo,) = await rig.run(rig.fabric.ping(S, count=1, interval_ms=20.0, size_bytes=64))
        assert echo.rtt_ms is not None

    play(scene)


def test_nobody_pings_what_is_not_carried(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        with pytest.raises(NotFound):
            await rig.run(rig.fabric.ping(S, count=1, interval_ms=20.0, size_bytes=64))
        with pytest.raises(NotFound):
            await rig.run(rig.fabric.trace(S))

    play(scene)


def test_a_router_that_is_killed_takes_its_links_with_it_until_it_is_revived(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        b = SiteId("b")
        await apply(rig, Install(policy=OVER_B), Install(policy=policy("t", "a>c>d")))
        await rig.fabric.kill_router(b)
        await rig.fabric.kill_router(b)
        await rig.pass_s(rig.noticing_s)
        assert set((await rig.fabric.read()).down_since_s) == {"a-b", "b-d"}
        status = await rig.fabric.status()
        assert {router.site for router in status.routers if router.killed_s is not None} == {b}
        assert {router.site for router in status.routers} == set(rig.network.site)
        assert (dict(await rig.fabric.cuts()), dict(status.cuts)) == ({}, {})
        await rig.pass_s(0.3)
        assert await stopped(rig, 0.3)
        sample = await rig.fabric.sample()
        assert sample.services[ServiceId("t")].carried_gbps_there > 0.0
        await rig.fabric.cut(BD)
        await rig.fabric.revive_router(b)
        await rig.fabric.revive_router(b)
        await rig.pass_s(rig.reviving_s)
        assert set((await rig.fabric.read()).down_since_s) == {BD}
        assert all(router.killed_s is None for router in (await rig.fabric.status()).routers)
        with pytest.raises(NotFound):
            await rig.fabric.kill_router(SiteId("nowhere"))

    play(scene)


def test_a_silent_cut_loses_as_any_other(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        await apply(rig, Install(policy=OVER_B))
        await rig.fabric.cut(BD, silent=True)
        assert (await rig.fabric.status()).cuts[BD].silent
        assert await stopped(rig, 0.3)
        await rig.fabric.uncut(BD)
        await rig.pass_s(0.3)
        assert (await counters(rig)).carried_gbps_there > 0.0
        assert (await rig.fabric.status()).cuts == {}

    play(scene)


def test_one_way_what_goes_that_way_is_lost(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        await apply(rig, Install(policy=OVER_B))
        await rig.fabric.cut(BD, towards=SiteId("d"))
        state = (await rig.fabric.status()).cuts[BD]
        assert (state.silent, state.towards) == (True, "d")
        assert await stopped(rig, 0.3)

    play(scene)


def test_a_part_of_all_packets_is_lost(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        await apply(rig, Install(policy=OVER_B))
        await rig.fabric.cut(BD, loss=0.08)  # so little that nobody takes it off the link
        state = (await rig.fabric.status()).cuts[BD]
        assert (state.silent, state.loss) == (True, 0.08)
        before = await counters(rig)
        await rig.pass_s(2.0)
        now = await counters(rig)
        offered, lost = now.offered_bytes - before.offered_bytes, now.lost_bytes - before.lost_bytes
        assert 0.01 < lost / offered < 0.25

    play(scene)


def test_a_conduit_is_cut_with_all_that_lies_in_it_and_a_fibre_of_it_by_itself(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        both = {BD, FibreId("c-d")}
        await rig.fabric.cut(BD)
        await rig.fabric.cut_group(DUCT)
        await rig.fabric.cut_group(DUCT)
        assert set((await rig.fabric.status()).groups) == {DUCT}
        await rig.pass_s(rig.noticing_s)
        assert set((await rig.fabric.read()).down_since_s) == both
        await rig.fabric.uncut_group(DUCT)
        await rig.pass_s(rig.reviving_s)
        assert set((await rig.fabric.read()).down_since_s) == {BD}
        status = await rig.fabric.status()
        assert (set(status.cuts), status.groups) == ({BD}, {})
        with pytest.raises(NotFound):
            await rig.fabric.cut_group(RiskGroupId("nowhere"))

    play(scene)


def test_a_router_that_dies_silently_carries_nothing_and_keeps_its_light(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        await apply(rig, Install(policy=OVER_B))
        await rig.fabric.kill_router(SiteId("b"), silent=True)
        (dead,) = [one for one in (await rig.fabric.status()).routers if one.killed_s is not None]
        assert (dead.site, dead.silent) == ("b", True)
        assert await stopped(rig, 0.3)
        await rig.fabric.revive_router(SiteId("b"))
        await rig.pass_s(rig.reviving_s)
        assert all(one.killed_s is None and not one.silent for one in (await rig.fabric.status()).routers)

    play(scene)


def test_rates_are_said_at_their_scale(play: Play) -> None:
    async def scene(rig: Rig) -> None:
        assert 0.0 < rig.fabric.rate_scale <= 1.0

    play(scene)
