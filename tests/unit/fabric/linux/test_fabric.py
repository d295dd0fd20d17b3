"""The fabric over routers that keep what they are told, behind real gNMI servers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from highroad.errors import NotFound
from highroad.fabric.linux import fabric as linux
from highroad.fabric.linux.fabric import LinuxFabric
from highroad.gnmi import server
from highroad.gnmi.router import Intended
from highroad.gnmi.target import Delete
from highroad.model.measurement import Way
from highroad.model.network import FibreId, LinkId, SiteId
from highroad.model.service import PortId, ServiceId
from highroad.ports import Install, Replace, Withdraw
from highroad.ports.panel import Flow
from tests.unit.fabric.linux.routers import Bench, bench, until
from tests.unit.fabric.small import backbone, policy

S, A, B, C, D = ServiceId("s"), SiteId("a"), SiteId("b"), SiteId("c"), SiteId("d")
SQUARE = backbone("a-b", "b-d", "a-c", "c-d")
OVER_B, OVER_C = policy("s", "a>b>d"), policy("s", "a>c>d")

Scene = Callable[[Bench, LinuxFabric], Awaitable[None]]


def play(folder: Path, scene: Scene, *, lab: bool = True) -> None:
    async def on_stage() -> None:
        async with bench(folder, SQUARE) as routers, routers.fabric(lab=lab) as fabric:
            await scene(routers, fabric)

    asyncio.run(on_stage())


def sets(routers: Bench) -> int:
    return sum(len(router.writes) for router in routers.routers.values())


def test_what_was_installed_is_read_back_equal_by_this_controller_and_the_next(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        t = policy("t", "a>c", gbps=0.123)
        assert await fabric.apply([Install(policy=OVER_B), Install(policy=t)]) == {}
        assert (await fabric.read()).policies == {"s": OVER_B, "t": t}
        async with routers.fabric(epoch=2) as successor:
            assert (await successor.read()).policies == {"s": OVER_B, "t": t}

    play(tmp_path, scene)


def test_one_message_a_headend_installs_or_replaces_any_number_and_none_what_is_there(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        many = [Install(policy=policy(f"s-{n}", "a>b>d")) for n in range(40)]
        assert await fabric.apply(many) == {}
        assert (sets(routers), fabric.messages_sent) == (2, 2)
        assert await fabric.apply(many) == {}
        assert (sets(routers), fabric.messages_sent) == (2, 2)
        assert await fabric.apply([Replace(policy=policy(f"s-{n}", "a>c>d")) for n in range(40)]) == {}
        assert sets(routers) == 4
        assert all(len(edits) == 40 for edits in routers.routers[A].writes[1:])
        assert await fabric.apply([Withdraw(service=ServiceId(f"s-{n}")) for n in range(40)]) == {}
        assert sets(routers) == 8
        await fabric.wires_settled()
        assert routers.panel.wires == {}

    play(tmp_path, scene)


def test_of_many_changes_it_stops_to_tell_and_the_wires_that_were_laid_ahead_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linux, "LOT", 2)
    monkeypatch.setattr(linux, "TOLD_AFTER_S", -1.0)
    many = [Install(policy=policy(f"s-{n}", "a>b>d")) for n in range(6)]

    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        assert await fabric.apply(many) == {}
        assert set((await fabric.read()).policies) == {"s-0", "s-1"}
        ahead = {name: wire for name, wire in routers.panel.wires.items() if name.startswith(("s-2", "s-3"))}
        assert len(ahead) == 4
        assert await fabric.apply(many[2:]) == {}
        assert set((await fabric.read()).policies) == {"s-0", "s-1", "s-2", "s-3"}
        assert ahead.items() <= routers.panel.wires.items()
        assert await fabric.apply([]) == {}  # the last two are not wanted any more
        await fabric.wires_settled()
        assert not any(name.startswith(("s-4", "s-5")) for name in routers.panel.wires)

    play(tmp_path, scene)


def test_attachments_go_only_when_no_router_leads_to_them(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        await fabric.apply([Install(policy=OVER_B)])
        await routers.stop(A)
        await until(lambda: _gone(fabric, A))
        refused = await fabric.apply([Withdraw(service=S)])
        assert "router at a" in refused[S]
        assert set(routers.routers[D].intended.attachments) == {"s.b"}
        assert routers.routers[D].intended.policies == {}
        assert set((await fabric.read()).policies) == {S}
        await routers.serve(A)
        await until(lambda: _back(fabric))
        assert await fabric.apply([Withdraw(service=S)]) == {}
        assert (await fabric.read()).policies == {}
        assert not any(router.intended.attachments for router in routers.routers.values())
        assert isinstance(routers.routers[D].writes[-1][0], Delete)

    play(tmp_path, scene)


async def _gone(fabric: LinuxFabric, site: SiteId) -> bool:
    return site in fabric.troubles


async def _back(fabric: LinuxFabric) -> bool:
    return not fabric.troubles


def test_a_service_that_one_router_refuses_is_on_neither_and_the_others_are_made(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        routers.routers[D].refuse["s"] = "the core MTU is too small"
        others = [policy(f"t-{n}", "a>b>d") for n in range(5)]
        refused = await fabric.apply([Install(policy=one) for one in (*others[:3], OVER_B, *others[3:])])
        assert list(refused) == [S]
        assert "the core MTU is too small" in refused[S]
        assert set((await fabric.read()).policies) == {one.service for one in others}
        for router in routers.routers.values():
            assert "s" not in router.intended.policies
            assert not {"s.a", "s.b"} & router.intended.attachments.keys()
        await fabric.wires_settled()
        assert not {"s.a", "s.b"} & routers.panel.wires.keys()
        assert S not in routers.panel.loads

    play(tmp_path, scene)


def test_a_replacement_that_one_headend_refuses_is_put_back_on_the_other(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        await fabric.apply([Install(policy=OVER_B)])
        before = routers.routers[A].intended
        routers.routers[D].refuse["s"] = "the list is too long"
        assert "the list is too long" in (await fabric.apply([Replace(policy=OVER_C)]))[S]
        assert (await fabric.read()).policies == {S: OVER_B}
        assert routers.routers[A].intended == before
        assert set(routers.panel.wires) == {"s.a", "s.b"}

    play(tmp_path, scene)


def test_without_a_wire_there_is_no_service(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        routers.panel.refuse["s.b"] = "no host at d"
        refused = await fabric.apply([Install(policy=OVER_B)])
        assert refused == {S: "no host at d"}
        assert sets(routers) == 0
        await fabric.wires_settled()
        assert routers.panel.wires == {}

    play(tmp_path, scene)


def test_numbers_are_given_in_turn(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        await fabric.apply([Install(policy=policy(name, "a>b>d")) for name in ("p", "q", "r")])
        await fabric.apply([Withdraw(service=ServiceId("q"))])
        await fabric.apply([Install(policy=policy(name, "a>c>d")) for name in ("x", "y")])
        held = routers.routers[A].intended.attachments
        assert {one.id: one.interface for one in held.values()} == {
            "p.a": "cust1",
            "r.a": "cust3",
            "x.a": "cust4",
            "y.a": "cust5",
        }
        addresses = {address for one in held.values() for address in (one.addresses.pe4, one.addresses.ce4)}
        assert len(addresses) == 8

    play(tmp_path, scene)


def test_a_cut_is_told_with_the_time_of_the_router_that_saw_it(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        changes = fabric.changes()
        seen_s = time.time() - 0.25
        routers.routers[D].light("d>b", up=False, at_s=seen_s)
        await anext(changes)
        assert (await fabric.read()).down_since_s == {"b-d": pytest.approx(seen_s, abs=1e-6)}
        links = (await fabric.sample()).links
        assert {link for link, one in links.items() if not one.up} == {"b>d", "d>b"}
        routers.routers[D].light("d>b", up=True)
        await anext(changes)
        assert (await fabric.read()).down_since_s == {}

    play(tmp_path, scene)


class Wrong:
    """The module `time`, of a host whose clock is wrong."""

    monotonic = staticmethod(time.monotonic)

    def __init__(self, off_s: float) -> None:
        self.off_s = off_s

    def time(self) -> float:
        return time.time() + self.off_s

    def time_ns(self) -> int:
        return time.time_ns() + round(self.off_s * 1e9)


@pytest.mark.parametrize("off_s", [-3600.0, 3600.0])
def test_times_of_a_router_whose_clock_is_wrong_are_told_by_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, off_s: float
) -> None:
    theirs = Wrong(off_s)
    monkeypatch.setattr(server, "time", theirs)

    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        await fabric.apply([Install(policy=OVER_B)])
        changes = fabric.changes()
        seen_s = time.time()
        routers.routers[B].light("b>d", up=False, at_s=seen_s + off_s)
        await anext(changes)
        assert (await fabric.read()).down_since_s == {"b-d": pytest.approx(seen_s, abs=9.0)}
        await fabric.apply([Replace(policy=OVER_C)])
        assert (await fabric.sample()).services[S].dark_s < 9.0
        # It is set right while we listen: what was told stays so, and the next is by the right clock.
        theirs.off_s = 0.0
        for _ in range(3):
            await asyncio.sleep(2 * linux.COUNTED_FOR_S)
            await fabric.sample()
        assert (await fabric.read()).down_since_s == {"b-d": pytest.approx(seen_s, abs=9.0)}
        seen_s = time.time()
        routers.routers[C].light("c>d", up=False, at_s=seen_s)
        await anext(changes)
        assert (await fabric.read()).down_since_s[FibreId("c-d")] == pytest.approx(seen_s, abs=9.0)

    play(tmp_path, scene, lab=False)


def test_a_newer_controller_fences_the_older_which_changes_nothing(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        await fabric.apply([Install(policy=OVER_B)])
        async with routers.fabric(epoch=7) as newer:
            refused = await fabric.apply([Replace(policy=OVER_C)])
            assert "fenced" in refused[S]
            assert (await newer.read()).policies == {S: OVER_B}
            assert await newer.apply([Replace(policy=OVER_C)]) == {}
        async with routers.fabric(epoch=6) as older:
            assert all("fenced" in str(trouble) for trouble in older.troubles.values())
            assert len(older.troubles) == 4

    play(tmp_path, scene)


def test_a_router_that_comes_back_without_its_memory_is_told_again(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        await fabric.apply([Install(policy=OVER_B)])
        changes = fabric.changes()
        await routers.stop(A)
        await until(lambda: _gone(fabric, A))
        assert (await fabric.read()).policies == {S: OVER_B}
        routers.routers[A].intended = Intended()
        await routers.serve(A)
        await asyncio.wait_for(anext(changes), 3.0)
        held = (await fabric.read()).policies[S]
        assert held != OVER_B
        assert await fabric.apply([Replace(policy=OVER_B)]) == {}
        assert set(routers.routers[A].intended.policies) == {S}
        assert (await fabric.read()).policies == {S: OVER_B}

    play(tmp_path, scene)


def test_what_somebody_else_changed_is_seen(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        await fabric.apply([Install(policy=OVER_B)])
        changes = fabric.changes()
        async with routers.fabric(epoch=1) as twin_brother:
            assert await twin_brother.apply([Replace(policy=OVER_C)]) == {}
        await asyncio.wait_for(anext(changes), 3.0)
        await until(lambda: _holds_over_c(fabric))

    play(tmp_path, scene)


async def _holds_over_c(fabric: LinuxFabric) -> bool:
    return (await fabric.read()).policies == {S: OVER_C}


def test_counters_are_modelled_bytes_that_never_fall(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        await fabric.apply([Install(policy=OVER_B)])
        a, d = routers.routers[A], routers.routers[D]
        a.counters["s.a"] = {"carried": 1000, "delivered": 400, "lost": 0}
        d.counters["s.b"] = {"carried": 400, "delivered": 1000, "lost": 0}
        a.link_octets["a>b"] = 1200
        begun_s = time.time()
        first = await fabric.sample()
        assert first.services[S].carried_bytes == pytest.approx(1_400_000)
        assert first.links[LinkId("a>b")].carried_bytes == pytest.approx(1_200_000)
        done_s = time.time()
        await asyncio.sleep(0.15)
        d.counters["s.b"]["delivered"], a.counters["s.a"]["carried"] = 2000, 2000
        again_s = time.time()
        second = await fabric.sample()
        least, most = (1e6 * 8e-9 / took_s for took_s in (time.time() - begun_s, again_s - done_s))
        assert least <= second.services[S].carried_gbps_there <= most
        assert second.services[S].carried_gbps_back == 0.0
        await asyncio.sleep(0.15)
        a.epoch = d.epoch = 2
        d.counters["s.b"]["delivered"], a.counters["s.a"] = 10, {"carried": 10, "delivered": 0}
        third = await fabric.sample()
        assert third.services[S].carried_bytes == pytest.approx(second.services[S].carried_bytes + 410_000 - 400_000)
        assert third.services[S].offered_bytes == third.services[S].carried_bytes + third.services[S].lost_bytes

    play(tmp_path, scene)


def test_counters_go_on_where_they_were_for_the_next_controller(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        await fabric.apply([Install(policy=OVER_B)])
        d = routers.routers[D]
        d.counters["s.b"] = {"delivered": 1000}
        assert (await fabric.sample()).services[S].carried_bytes == pytest.approx(1_000_000)
        await fabric.aclose()
        d.counters["s.b"]["delivered"] = 1500
        async with routers.fabric(epoch=2) as second:
            assert (await second.sample()).services[S].carried_bytes == pytest.approx(1_500_000)
        d.epoch, d.counters["s.b"]["delivered"] = 2, 200
        async with routers.fabric(epoch=3) as third:
            assert (await third.sample()).services[S].carried_bytes == pytest.approx(1_700_000)
            await third.apply([Withdraw(service=S)])
            assert S not in (await third.sample()).services

    play(tmp_path, scene)


def test_without_hosts_what_has_not_come_out_by_the_next_reading_is_lost(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        await fabric.apply([Install(policy=OVER_B)])
        a, d = routers.routers[A], routers.routers[D]
        a.counters["s.a"], d.counters["s.b"] = {"carried": 1000, "lost": 30}, {"delivered": 900}
        first = (await fabric.sample()).services[S]
        assert first.lost_bytes == pytest.approx(30_000)
        await asyncio.sleep(0.1)
        a.counters["s.a"]["carried"], d.counters["s.b"]["delivered"] = 2000, 960
        second = (await fabric.sample()).services[S]
        assert second.lost_bytes == pytest.approx(30_000 + 40_000)
        assert second.offered_bytes == second.carried_bytes + second.lost_bytes

    play(tmp_path, scene, lab=False)


def test_without_hosts_headends_measure_along_the_ways_there_and_back(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        await fabric.apply([Install(policy=policy("s", "a>b>d", back="d>c>a"))])
        echoes = await fabric.ping(S, count=2, interval_ms=20.0, size_bytes=64)
        assert [(one.sequence, one.rtt_ms) for one in echoes] == [(1, 4.0), (2, None)]
        (asked,) = routers.routers[A].asked
        assert asked == {"service": "s", "count": 2, "interval-ms": 20, "size": 64}
        out, home = (routers.routers[at].intended.policies["s"].candidate_paths[0].segment_lists[0] for at in (A, D))
        assert (out.back_functions, home.back_functions) == (home.functions, out.functions)
        trace = await fabric.trace(S)
        assert [(hop.site, hop.link, hop.rtt_ms) for hop in trace.there] == [("b", "a>b", 2.0), ("d", "b>d", 4.0)]
        assert [(hop.site, hop.link) for hop in trace.back] == [("c", "d>c"), ("a", "c>a")]
        assert routers.routers[A].asked[-1]["nodes"] == [2, 4]

    play(tmp_path, scene, lab=False)


def row(at_s: int, *uses: list[Any], **more: Any) -> dict[str, Any]:
    """What a router says of an interval."""
    counts = dict.fromkeys(("lost-out", "lost-home", "lost-unknown", "late", "doubled"), 0)
    return {
        **counts, "path": "p", "uses": [*uses], "at": at_s * 10**9, "for": 10**9, "sent": 10, "pinned": True, **more
    }  # fmt: skip


def test_what_routers_measured_is_told_once_of_every_service_that_has_the_path(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        await fabric.apply([Install(policy=OVER_B)])
        a, d = routers.routers[A], routers.routers[D]
        figures = {"lost-home": 2, "rtt-p50": 4_000_000, "jitter-out": 500_000, "out": 1_500_000}
        a.rows.append(row(100, ["s", "s.a", 100, 0, True], ["t", "t.b", 50, 1, False], **figures))
        d.rows.append(row(100, ["s", "s.b", 100, 0, True]))
        told = {(one.service, one.way): one for one in await fabric.measured()}
        there, other = told[S, Way.THERE], told[ServiceId("t"), Way.BACK]
        assert (there.at_s, there.for_s, there.sent, there.lost, there.lost_home) == (100.0, 1.0, 10, 2, 2)
        assert (there.rtt_p50_ms, there.jitter_out_ms, there.out_ms, there.rtt_max_ms) == (4.0, 0.5, 1.5, None)
        assert (other.preference, other.list_index, other.in_use, other.pinned) == (50, 1, False, True)
        assert told[S, Way.BACK].rtt_p50_ms is None
        assert await fabric.measured() == []
        a.rows.append(row(101, ["s", "s.a", 100, 0, True]))
        assert [one.at_s for one in await fabric.measurements(S)] == [100.0, 100.0, 101.0]
        assert [one.at_s for one in await fabric.measured()] == [101.0]
        a.life, a.rows = "second", [row(200, ["s", "s.a", 100, 0, True])]  # its agent was started anew
        assert [one.at_s for one in await fabric.measured()] == [200.0]
        assert [one.at_s for one in await fabric.measurements(S)] == [200.0]

    play(tmp_path, scene, lab=False)


def test_where_hosts_tell_their_losses_and_latencies_are_believed(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        await fabric.apply([Install(policy=OVER_B)])
        routers.panel.flow[S] = Flow(
            offered_gbps=8.0, lost_bytes=7.0, dark_s=0.125, latency_ms_there=2.5, latency_ms_back=None
        )
        one = (await fabric.sample()).services[S]
        assert (one.offered_gbps, one.lost_bytes, one.dark_s) == (8.0, 7.0, 0.125)
        assert one.latency_ms_there == 2.5
        assert one.latency_ms_back == pytest.approx(2.0)

    play(tmp_path, scene)


def test_a_sample_after_a_repair_waits_until_hosts_know_how_long_it_was_dark(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linux, "HEALING_S", 10.0)

    def flow(dark_s: float, *, in_doubt: bool) -> Flow:
        return Flow(
            offered_gbps=8.0,
            lost_bytes=0.0,
            dark_s=dark_s,
            latency_ms_there=None,
            latency_ms_back=None,
            in_doubt=in_doubt,
        )

    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        await fabric.apply([Install(policy=OVER_B)])
        changes = fabric.changes()
        routers.routers[B].light("b>d", up=False)
        await anext(changes)
        routers.panel.flow[S] = flow(0.024, in_doubt=True)
        await fabric.apply([Replace(policy=OVER_C)])
        sampling = asyncio.create_task(fabric.sample())
        await asyncio.sleep(0.15)
        assert not sampling.done(), "one direction may have been dark for longer"
        routers.panel.flow[S] = flow(0.110, in_doubt=False)
        assert (await asyncio.wait_for(sampling, 3.0)).services[S].dark_s == 0.110

    play(tmp_path, scene)


def test_of_who_was_dark_for_too_short_to_be_seen_a_sample_waits_no_longer_than_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one whose headends have flipped, too: by then it need not be known for how long it was dark."""
    monkeypatch.setattr(linux, "HEALING_S", 10.0)

    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        await fabric.apply([Install(policy=OVER_B)])
        changes = fabric.changes()
        routers.routers[B].light("b>d", up=False)
        await anext(changes)
        for site in (A, D):
            fabric.flips(site, {S: time.time()})
        routers.panel.flow[S] = Flow(
            offered_gbps=8.0, lost_bytes=0.0, dark_s=0.0, latency_ms_there=None, latency_ms_back=None, unseen_s=0.2
        )
        await fabric.apply([Replace(policy=OVER_C)])
        begun_s = time.monotonic()
        await asyncio.wait_for(fabric.sample(), 2.0)
        assert time.monotonic() - begun_s >= 0.2

    play(tmp_path, scene)


def test_a_sample_waits_for_no_repair_when_something_else_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(linux, "HEALING_S", 10.0)

    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        await fabric.apply([Install(policy=OVER_B)])
        changes = fabric.changes()
        routers.routers[B].light("b>d", up=False)
        await anext(changes)
        routers.panel.flow[S] = Flow(
            offered_gbps=8.0, lost_bytes=0.0, dark_s=0.0, latency_ms_there=None, latency_ms_back=None, in_doubt=True
        )
        await fabric.apply([Replace(policy=OVER_C)])
        sampling = asyncio.create_task(fabric.sample())
        await asyncio.sleep(0.1)
        routers.routers[D].light("d>c", up=False)
        await asyncio.wait_for(sampling, 5.0)

    play(tmp_path, scene)


def test_without_hosts_a_service_is_dark_from_the_loss_of_light_to_its_new_path(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        await fabric.apply([Install(policy=OVER_B)])
        changes = fabric.changes()
        routers.routers[B].light("b>d", up=False)
        await anext(changes)
        await asyncio.sleep(0.2)
        await fabric.apply([Replace(policy=OVER_C)])
        healed = (await fabric.sample()).services[S].dark_s
        assert 0.2 <= healed < 0.5
        await asyncio.sleep(0.1)
        assert (await fabric.sample()).services[S].dark_s == healed

    play(tmp_path, scene, lab=False)


def test_a_restart_of_the_lab_gets_its_wires_back_and_no_others(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        await fabric.apply([Install(policy=OVER_B)])
        wires = dict(routers.panel.wires)
        assert wires["s.a"].remote == (f"{wires['s.b'].ce4}/32", f"{wires['s.b'].ce6}/128")
        routers.panel.wires = {"stray.a": wires["s.a"]}
        routers.panel.loads = {}
        async with routers.fabric(epoch=2):
            assert routers.panel.wires == wires
            assert set(routers.panel.loads) == {S}

    play(tmp_path, scene)


def test_every_port_has_a_host_also_in_a_lab_that_was_built_anew(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        async def hosted() -> bool:
            return set((await fabric.status()).hosts) == {"p", "q"}

        await fabric.plug([PortId("p"), PortId("q")])
        await until(hosted)
        routers.panel.hosts.clear()
        await routers.stop(A)
        await until(lambda: _gone(fabric, A))
        await routers.serve(A)
        await until(hosted)

    play(tmp_path, scene)


def test_nothing_is_probed_that_is_not_carried(tmp_path: Path) -> None:
    async def scene(routers: Bench, fabric: LinuxFabric) -> None:
        with pytest.raises(NotFound):
            await fabric.ping(S, count=1, interval_ms=20.0, size_bytes=64)
        with pytest.raises(NotFound):
            await fabric.trace(S)
        with pytest.raises(NotFound):
            await fabric.cut(FibreId("x-y"))

    play(tmp_path, scene)
