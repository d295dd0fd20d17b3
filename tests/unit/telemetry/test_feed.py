"""The controller's end: telling never waits, what is not kept is counted, and a keeper that dies is started again."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from highroad.model.lifecycle import State
from highroad.model.measurement import Measurement, Way
from highroad.model.network import LinkId, SiteId
from highroad.model.service import Attachment, Order, PortId, Service, ServiceId, TenantId
from highroad.model.tracks import Subject, series_of
from highroad.model.window import Window
from highroad.ports import LinkCounters, Sample, ServiceCounters
from highroad.telemetry.columns import Columns, path_of
from highroad.telemetry.feed import WAITING, Feed
from highroad.telemetry.keeper import Order as ToKeep
from highroad.telemetry.store import Store
from tests.support.backbone import small_network
from tests.support.force.disk import Disk

NETWORK = small_network()
LINK = LinkId("pop-ash>pop-chi")
SERVICE = ServiceId("svc-1")
AT_S = 1_790_035_200.0


def sample(at_s: float, *, carried_gbps: float = 40.0, lost: float = 0.0, dark_s: float = 0.0) -> Sample:
    """One link, and one service that has lost so much until now."""
    counters = ServiceCounters(
        offered_bytes=0, carried_bytes=0, lost_bytes=lost, dark_s=dark_s, offered_gbps=2.0, carried_gbps_there=1.0,
        carried_gbps_back=1.0, latency_ms_there=5.0, latency_ms_back=6.0,
    )  # fmt: skip
    link = LinkCounters(carried_bytes=0, carried_gbps=carried_gbps, up=True)
    return Sample(at_s=at_s, services={SERVICE: counters}, links={LINK: link})


def eventually(true: Callable[[], bool], within_s: float = 30.0) -> None:
    """Wait until it is so."""
    until = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < until, "it never came so"
        time.sleep(0.05)


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[Feed]:
    made = Feed(ToKeep(folder=str(tmp_path / "telemetry"), limit_bytes=1 << 30))
    yield made
    made.close()


def test_what_is_lost_between_two_samples_is_their_difference() -> None:
    columns = Columns()

    def service(one: Sample) -> dict[str, float]:
        _, rows = columns.of_sample(one, NETWORK, {})
        return {name: float(column[0]) for name, column in rows.columns.items()}

    assert service(sample(AT_S, lost=100.0))["lost_bytes"] != service(sample(AT_S, lost=100.0))["lost_bytes"]
    found = service(sample(AT_S + 2, lost=150.0, dark_s=0.25))
    assert (found["lost_bytes"], found["dark_ms"], found["watched_ms"]) == (50.0, 250.0, 2000.0)
    # A counter that went back, and a pause in which nobody watched: nothing is known.
    for one in (sample(AT_S + 3, lost=10.0, dark_s=0.25), sample(AT_S + 300, lost=20.0, dark_s=0.25)):
        found = service(one)
        assert found["lost_bytes"] != found["lost_bytes"]
        assert found["watched_ms"] != found["watched_ms"]


def ordered(created_s: float) -> dict[ServiceId, Service]:
    """The one service, as it was ordered then."""
    end = Attachment(port=PortId("acme-chi"), vlan=2)
    order = Order(
        tenant=TenantId("acme"), a=end, b=end, a_site=SiteId("dc-chi"), b_site=SiteId("dc-ash"), bandwidth_gbps=1.0,
        window=Window(start_s=created_s),
    )  # fmt: skip
    made = Service(
        id=SERVICE, version=1, state=State.ACTIVE, order=order, created_s=created_s, changed_s=created_s, placement=None
    )
    return {SERVICE: made}


def test_what_a_new_service_lost_before_its_first_sample_is_told_with_that() -> None:
    def first(columns: Columns, one: Sample, services: dict[ServiceId, Service]) -> tuple[float, ...]:
        _, rows = columns.of_sample(one, NETWORK, services)
        return tuple(float(rows.columns[name][0]) for name in ("lost_bytes", "dark_ms", "watched_ms"))

    def empty(at_s: float) -> Sample:
        return replace(sample(at_s), services={})

    columns = Columns()
    columns.of_sample(empty(AT_S), NETWORK, {})
    columns.of_sample(empty(AT_S + 1), NETWORK, {})
    new = ordered(AT_S + 1.25)
    assert first(columns, sample(AT_S + 2, lost=50.0, dark_s=0.25), new) == (50.0, 250.0, 750.0)
    assert first(columns, sample(AT_S + 3, lost=60.0, dark_s=0.25), new) == (10.0, 0.0, 1000.0)
    # It was left out of a sample: its counters are not taken for those of another life.
    columns.of_sample(empty(AT_S + 4), NETWORK, {})
    assert all(one != one for one in first(columns, sample(AT_S + 5, lost=70.0, dark_s=0.5), new))
    # Who was there before anybody watched, or while nobody did, is not new.
    assert all(one != one for one in first(Columns(), sample(AT_S, lost=70.0, dark_s=0.5), ordered(AT_S - 0.5)))
    columns.of_sample(empty(AT_S + 100), NETWORK, {})
    assert all(one != one for one in first(columns, sample(AT_S + 101, lost=70.0), ordered(AT_S + 50)))
    assert all(one != one for one in first(columns, sample(AT_S + 200, lost=70.0), ordered(AT_S + 199)))


def kept_of(store: Store) -> dict[str, float | None]:
    """The sum of each series of gaps, of an hour from the start; None where it is not known."""
    found = store.read(Subject.GAP, [SERVICE], series_of(Subject.GAP), from_s=AT_S, until_s=AT_S + 3600, step_s=3600)
    return {
        track.series: None if (point := track.points[0]) is None else point.mean * point.count for track in found.tracks
    }


def test_what_was_lost_while_nobody_watched_is_told_over_the_gap(tmp_path: Path) -> None:
    limit = 1 << 30
    store, columns = Store(tmp_path, limit_bytes=limit), Columns()
    for k in range(5):
        store.add(columns.of_sample(sample(AT_S + k, lost=100.0 + k, dark_s=0.5), NETWORK, {}))
    assert kept_of(store) == {}
    store.close()
    # Another process, ten minutes later, knows nothing but what is on disk.
    store, columns = Store(tmp_path, limit_bytes=limit), Columns()
    for k in range(3):
        store.add(columns.of_sample(sample(AT_S + 604 + k, lost=1104.0 + k, dark_s=3.75), NETWORK, {}))
    known = {"gap_ms": 600_000.0, "gap_lost_bytes": 1000.0, "gap_dark_ms": 3250.0, "gap_restarted": 0.0}
    assert kept_of(store) == known
    # What was watched is as it was, and no minute between is filled in.
    found = store.read(Subject.SERVICE, [SERVICE], ["lost_bytes"], from_s=AT_S, until_s=AT_S + 660, step_s=60)
    assert [None if one is None else one.mean * one.count for one in found.tracks[0].points] == [4, *[None] * 9, 2]
    # A sample that was dropped on its way is a gap as well, of a second.
    columns.of_sample(sample(AT_S + 607, lost=1200.0, dark_s=3.75), NETWORK, {})
    store.add(columns.of_sample(sample(AT_S + 608, lost=1201.0, dark_s=3.75), NETWORK, {}))
    assert kept_of(store) == {**known, "gap_ms": 601_000.0, "gap_lost_bytes": 1094.0}
    store.close()


def test_where_counters_began_anew_it_is_said_that_nothing_is_known(tmp_path: Path) -> None:
    store = Store(tmp_path, limit_bytes=1 << 30)
    store.add(Columns().of_sample(sample(AT_S, lost=100.0, dark_s=9.0), NETWORK, {}))
    store.add(Columns().of_sample(sample(AT_S + 300, lost=7.0, dark_s=0.25), NETWORK, {}))
    known = kept_of(store)
    assert known == {"gap_ms": 300_000.0, "gap_lost_bytes": None, "gap_dark_ms": None, "gap_restarted": 1.0}
    store.close()


def test_counters_are_remembered_when_their_seconds_have_gone(tmp_path: Path) -> None:
    other = ServiceId("svc-2")
    store, columns = Store(tmp_path, limit_bytes=1 << 30), Columns()
    first = sample(AT_S, lost=100.0)
    store.add(
        columns.of_sample(replace(first, services={**first.services, other: first.services[SERVICE]}), NETWORK, {})
    )
    for k in range(1, 200):
        store.add(columns.of_sample(replace(first, at_s=AT_S + 60.0 * k, services={}), NETWORK, {}))
        store.add(columns.of_sample(sample(AT_S + 60.0 * k, lost=100.0), NETWORK, {}))
    (row,) = store._db.execute("SELECT count(*) FROM counters").fetchall()
    assert row[0] < 40
    store.close()
    store = Store(tmp_path, limit_bytes=1 << 30)
    late = sample(AT_S + 12_000, lost=350.0)
    store.add(Columns().of_sample(replace(late, services={other: late.services[SERVICE]}), NETWORK, {}))
    found = store.read(
        Subject.GAP, [other], ["gap_ms", "gap_lost_bytes"], from_s=AT_S + 11_940, until_s=AT_S + 12_060, step_s=60
    )
    assert [track.points[1].mean for track in found.tracks if track.points[1]] == [12_000_000.0, 250.0]
    store.close()


def test_what_is_told_is_read_again(feed: Feed) -> None:
    eventually(lambda: feed.keeping.amiss != "it is being started")
    for k in range(5):
        feed.sampled(sample(AT_S + k, carried_gbps=10.0 + k), NETWORK, {})
    probed = Measurement(service=SERVICE, way=Way.THERE, at_s=AT_S, for_s=1.0, sent=10, lost_home=1, rtt_p50_ms=9.0)
    feed.measured([probed])
    eventually(lambda: feed.keeping.kept >= 57)
    found = feed.read(Subject.LINK, [LINK], ["carried_gbps"], from_s=AT_S, until_s=AT_S + 60, step_s=60)
    point = found.tracks[0].points[0]
    assert point is not None
    assert (point.least, point.mean, point.most, point.last, point.count) == (10.0, 12.0, 14.0, 14.0, 5)
    moments = feed.moments(from_s=AT_S, until_s=AT_S + 5, step_s=1)
    assert (moments.links, moments.dark) == ((LINK,), ((),) * 5)
    assert np.frombuffer(moments.carried_gbps, "<f4").tolist() == [10.0, 11.0, 12.0, 13.0, 14.0]
    found = feed.read(
        Subject.PATH, [path_of(probed)], ["lost", "rtt_max_ms"], from_s=AT_S, until_s=AT_S + 60, step_s=60
    )
    lost, rtt = (track.points[0] for track in found.tracks)
    assert lost is not None
    assert lost.mean == 1.0
    assert rtt is None


@pytest.mark.process
def test_the_next_keeper_knows_at_what_counters_stood(tmp_path: Path) -> None:
    order = ToKeep(folder=str(tmp_path / "telemetry"), limit_bytes=1 << 30)
    for at_s, lost in ((AT_S, 100.0), (AT_S + 600, 640.0)):
        feed = Feed(order)
        feed.sampled(sample(at_s, lost=lost), NETWORK, {})
        eventually(lambda feed=feed: feed.keeping.kept > 0)  # type: ignore[misc]
        if lost > 100.0:
            series = ["gap_ms", "gap_lost_bytes"]
            found = feed.read(Subject.GAP, [SERVICE], series, from_s=at_s, until_s=at_s + 60, step_s=60)
            assert [one.points[0].last for one in found.tracks if one.points[0]] == [600_000.0, 540.0]
        feed.close()


@pytest.mark.process
def test_a_keeper_that_hangs_holds_nobody_up_and_what_is_dropped_is_counted(feed: Feed) -> None:
    eventually(lambda: feed.keeping.amiss == "" or feed.keeping.kept > 0 or feed._process is not None)
    process = feed._process
    assert process is not None
    feed.sampled(sample(AT_S), NETWORK, {})
    eventually(lambda: feed.keeping.kept > 0)
    os.kill(process.pid, signal.SIGSTOP)
    try:
        # More than the queue, the socket and the pipe hold: 20,000 links each.
        many = Sample(at_s=AT_S, services={}, links={LinkId(f"{k}>x"): sample(AT_S).links[LINK] for k in range(5000)})
        longest_s = 0.0
        for _ in range(WAITING + 8):
            begun = time.perf_counter()
            feed.sampled(many, NETWORK, {})
            longest_s = max(longest_s, time.perf_counter() - begun)
            time.sleep(0.01)
        eventually(lambda: feed.keeping.dropped > 0)
        assert feed.keeping.dropped % (5000 * 3) == 0
    finally:
        os.kill(process.pid, signal.SIGCONT)


@pytest.mark.process
def test_a_full_disk_ends_no_keeper_and_it_goes_on_when_there_is_room(tmp_path: Path) -> None:
    try:
        disk = Disk.new(tmp_path)
    except OSError:
        pytest.skip("file systems can be mounted by root only")
    try:
        feed = Feed(ToKeep(folder=str(disk.folder / "telemetry"), limit_bytes=1 << 30))
        many = {LinkId(f"{k}>x"): sample(AT_S).links[LINK] for k in range(3000)}
        at_s = AT_S

        def one_more() -> None:
            nonlocal at_s
            at_s += 20
            feed.sampled(replace(sample(at_s), links=many), NETWORK, {})
            time.sleep(0.05)

        try:
            feed.sampled(sample(at_s), NETWORK, {})
            eventually(lambda: feed.keeping.kept > 0)
            disk.fill()

            def full() -> bool:
                one_more()
                return "No space left" in feed.keeping.amiss

            eventually(full)
            for _ in range(100):
                one_more()
            assert feed.keeping.dropped > 0
            (disk.folder / "ballast").unlink()
            kept = feed.keeping.kept

            def goes_on() -> bool:
                one_more()
                return feed.keeping.amiss == "" and feed.keeping.kept > kept

            eventually(goes_on)
            assert feed.keeping.restarts == 0
            found = feed.read(Subject.LINK, [LINK], ["up"], from_s=AT_S, until_s=AT_S + 60, step_s=60)
            assert found.tracks[0].points[0] is not None
        finally:
            feed.close()
    finally:
        disk.close()


@pytest.mark.process
def test_what_is_secret_in_an_address_is_in_no_argument(tmp_path: Path) -> None:
    remote = "http://name:secret@127.0.0.1:9/api/v1/write"
    feed = Feed(ToKeep(folder=str(tmp_path / "telemetry"), limit_bytes=1 << 30, remote=remote))
    try:
        eventually(lambda: feed._process is not None)
        process = feed._process
        assert process is not None
        arguments = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        assert b"highroad.telemetry.keeper" in arguments
        assert b"secret" not in arguments
    finally:
        feed.close()


def test_a_keeper_that_dies_is_started_again_and_has_what_it_had(feed: Feed) -> None:
    feed.sampled(sample(AT_S), NETWORK, {})
    eventually(lambda: feed.keeping.kept > 0)
    process = feed._process
    assert process is not None
    os.kill(process.pid, signal.SIGKILL)
    at_s = AT_S

    def kept() -> bool:
        nonlocal at_s
        at_s += 1
        feed.sampled(sample(at_s), NETWORK, {})
        time.sleep(0.1)
        return feed.keeping.restarts > 0 and feed._told.kept > 0

    eventually(kept)
    found = feed.read(Subject.LINK, [LINK], ["up"], from_s=AT_S, until_s=AT_S + 1, step_s=1)
    assert found.tracks[0].points[0] is not None
