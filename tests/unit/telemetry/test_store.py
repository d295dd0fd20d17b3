"""The store of figures, held against the same figures reckoned plainly; and what is left of it after the worst."""

from __future__ import annotations

import errno
import math
import os
import random
import signal
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from highroad.errors import Invalid, Unavailable
from highroad.model.tracks import Subject, Tracks, series_of
from highroad.telemetry import reading
from highroad.telemetry.levels import HOURS, MINUTES, Level
from highroad.telemetry.rows import Rows
from highroad.telemetry.store import RECENT, Store
from tests.support.force.disk import Disk

DAY_S = 86_400
START_S = 1_790_035_200 // DAY_S * DAY_S
"""Midnight."""

GB = 1 << 30
Floats = NDArray[np.float32]
Truth = dict[str, list[tuple[float, float]]]


def links(at_s: float, values: dict[str, float]) -> Rows:
    """What some links carry at an instant."""
    carried = np.array(list(values.values()), np.float32)
    columns: dict[str, Floats] = {
        "carried_gbps": carried,
        "utilisation": carried / np.float32(100),
        "up": np.ones_like(carried),
    }
    return Rows(subject=Subject.LINK, names=list(values), at_s=np.full(len(values), at_s), columns=columns)


def fill(store: Store, truth: Truth, times: Sequence[float], seed: int = 1, each: int = 1) -> None:
    """Random figures, some of them missing, in the store and in what they are held against; so many times a commit."""
    chance = random.Random(seed)
    waiting: list[Rows] = []
    for number, at_s in enumerate(times, 1):
        values = {name: float(np.float32(chance.uniform(0, 100))) for name in ("a>b", "b>a", "a>c")}
        if chance.random() < 0.2:
            values["a>b"] = math.nan
        waiting.append(links(at_s, values))
        if number % each == 0 or number == len(times):
            store.add(waiting)
            waiting = []
        for name, value in values.items():
            if not math.isnan(value):
                truth[name].append((at_s, value))


def check(found: Tracks, truth: Truth, name: str, *, last: bool = True) -> None:
    """Every step of the answer against plain reckoning. Where the clock was set back, the last is the last to come."""
    (track,) = [one for one in found.tracks if one.name == name]
    assert track.series == "carried_gbps"
    for slot, point in enumerate(track.points):
        begin = found.from_s + slot * found.step_s
        inside = [(at, value) for at, value in truth[name] if begin <= math.floor(at) < begin + found.step_s]
        if point is None:
            assert not inside
            continue
        values = [value for _, value in inside]
        assert (point.least, point.most, point.count) == (min(values), max(values), len(values))
        assert point.mean == pytest.approx(sum(values) / len(values), rel=1e-5)
        assert point.last == max(inside)[1] or (not last and point.last in values)


def read(store: Store, name: str, from_s: float, until_s: float, step_s: int) -> Tracks:
    return store.read(Subject.LINK, [name], ["carried_gbps"], from_s=from_s, until_s=until_s, step_s=step_s)


def test_what_is_thinned_is_what_was_measured(tmp_path: Path) -> None:
    truth: Truth = defaultdict(list)
    store = Store(tmp_path, limit_bytes=GB)
    # Every 7 s for some minutes, a pause of half an hour, then every 1300 s over midnight twice.
    times = [START_S + 7 * k for k in range(100)]
    times += [times[-1] + 1800 + 1300 * k for k in range(150)]
    fill(store, truth, times)
    end_s = times[-1] + 1
    for name in ("a>b", "a>c"):
        check(read(store, name, START_S, end_s, 60), truth, name)
        check(read(store, name, START_S, end_s, 3600), truth, name)
        check(read(store, name, START_S, end_s, 86_400), truth, name)
        check(read(store, name, end_s - 600, end_s, 5), truth, name)
    store.close()
    again = Store(tmp_path, limit_bytes=GB)
    check(read(again, "a>b", START_S, end_s, 60), truth, "a>b")
    fill(again, truth, [end_s + 3 * k for k in range(50)], seed=2)
    check(read(again, "a>b", START_S, end_s + 150, 60), truth, "a>b")
    check(read(again, "a>b", START_S, end_s + 150, 3600), truth, "a>b")
    again.close()


def test_a_gap_is_a_gap(tmp_path: Path) -> None:
    store = Store(tmp_path, limit_bytes=GB)
    store.add([links(START_S, {"a>b": 5.0})])
    store.add([links(START_S + 180, {"a>b": 7.0})])
    (track,) = read(store, "a>b", START_S, START_S + 240, 60).tracks
    assert [None if one is None else one.mean for one in track.points] == [5.0, None, None, 7.0]
    assert read(store, "no>such", START_S, START_S + 240, 60).tracks == ()
    store.close()


def test_all_links_are_read_step_by_step(tmp_path: Path) -> None:
    store = Store(tmp_path, limit_bytes=GB)
    truth: Truth = defaultdict(list)
    times = [START_S + 7 * k for k in range(100)]
    fill(store, truth, times)
    for step_s in (1, 10, 60):
        found = store.moments(from_s=START_S - 60, until_s=times[-1] + 1, step_s=step_s)
        steps = (found.until_s - found.from_s) // found.step_s
        carried = np.frombuffer(found.carried_gbps, "<f4").reshape(steps, len(found.links))
        assert (found.step_s, len(found.dark)) == (step_s, steps)
        assert set(found.links) == set(truth)
        for name in truth:
            [track] = read(store, name, found.from_s, found.until_s, step_s).tracks
            told = [None if math.isnan(one) else one for one in carried[:, found.links.index(name)].tolist()]
            assert told == [None if point is None else point.mean for point in track.points]
            assert None in told
    store.close()


def test_of_all_links_those_without_light_are_told_and_not_more_than_one_can_carry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path, limit_bytes=GB)
    for second in range(4):
        rows = links(START_S + second, {"a>b": 1.0, "a>c": 2.0})
        rows.columns["up"][:] = [1.0, 0.0 if second == 1 else 1.0]
        store.add([rows])
    found = store.moments(from_s=START_S, until_s=START_S + 4, step_s=1)
    assert (found.links, found.dark) == (("a>b", "a>c"), ((), (1,), (), ()))
    assert store.moments(from_s=START_S, until_s=START_S + 4, step_s=2).dark == ((1,), ())
    assert store.moments(from_s=START_S + 10, until_s=START_S + 12, step_s=1).links == ()
    monkeypatch.setattr(reading, "MOST_MOMENTS", 7)
    with pytest.raises(Invalid, match="more than 7 links times steps"):
        store.moments(from_s=START_S, until_s=START_S + 4, step_s=1)
    store.close()


def test_where_no_finer_is_kept_the_step_says_so(tmp_path: Path) -> None:
    store = Store(tmp_path, limit_bytes=GB)
    truth: Truth = defaultdict(list)
    fill(store, truth, [START_S + 60 * k for k in range(200)])
    found = read(store, "a>c", START_S, START_S + 600, 5)
    assert found.step_s == 60
    check(found, truth, "a>c")
    store.close()


def test_names_that_begin_alike_are_read_together(tmp_path: Path) -> None:
    store = Store(tmp_path, limit_bytes=GB)
    columns = {name: np.array([1.0, 2.0, 3.0], np.float32) for name in series_of(Subject.PATH)}
    names = ["svc-1/there", "svc-1/back", "svc-10/there"]
    store.add([Rows(subject=Subject.PATH, names=names, at_s=np.full(3, float(START_S)), columns=columns)])
    found = store.read(
        Subject.PATH, ["svc-1/"], ["sent"], from_s=START_S, until_s=START_S + 60, step_s=60
    )  # fmt: skip
    assert {one.name for one in found.tracks} == {"svc-1/there", "svc-1/back"}
    store.close()


def test_too_many_points_are_refused(tmp_path: Path) -> None:
    store = Store(tmp_path, limit_bytes=GB)
    store.add([links(START_S, {"a>b": 5.0})])
    with pytest.raises(Invalid, match="longer step"):
        read(store, "a>b", START_S - 60 * DAY_S, START_S + 60, 60)
    store.close()


def test_a_clock_that_jumps_loses_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path, limit_bytes=GB)
    truth: Truth = defaultdict(list)
    far_s = START_S + 3650 * DAY_S
    first, second = [START_S + 5.0 * k for k in range(60)], [START_S + 301.5 + 5 * k for k in range(60)]
    fill(store, truth, first)
    fill(store, truth, [far_s + k for k in range(20)], seed=2)
    fill(store, truth, second, seed=3)
    # Back by half a minute, over a minute that was thinned already.
    fill(store, truth, [START_S + 270.25 + 5 * k for k in range(30)], seed=4)
    for step_s in (5, 60, 3600):
        check(read(store, "a>c", START_S, START_S + 3600, step_s), truth, "a>c", last=step_s < 60)
    check(read(store, "a>c", far_s, far_s + 60, 60), truth, "a>c")
    store.tidy()
    check(read(store, "a>c", START_S, START_S + 3600, 60), truth, "a>c", last=False)
    store.close()


def test_the_oldest_goes_first(tmp_path: Path) -> None:
    store = Store(tmp_path, limit_bytes=GB)
    names = [f"{k:03}>x" for k in range(50)]
    chance = np.random.default_rng(1)
    for day in range(6):
        for hour in range(24):
            at_s = np.repeat(START_S + day * DAY_S + hour * 3600 + np.arange(0, 3600, 60.0), len(names))
            columns = {name: chance.random(len(at_s)).astype(np.float32) for name in series_of(Subject.LINK)}
            store.add([Rows(subject=Subject.LINK, names=names * 60, at_s=at_s, columns=columns)])
    days = [part.stamp for part in store.partitions.parts(*_minutes())]
    assert len(days) == 5
    store.close()
    limit = store.size_bytes - 1
    small = Store(tmp_path, limit_bytes=limit)
    small.tidy()
    assert small.size_bytes <= limit
    assert [part.stamp for part in small.partitions.parts(*_minutes())] == days[1:]
    assert small.given_up == 1
    # The hours of that day are still there.
    found = read(small, "007>x", START_S, START_S + DAY_S, 60)
    assert found.step_s == 3600
    assert all(point is not None and point.count == 60 for point in found.tracks[0].points)
    small.close()


def test_the_limit_binds_the_day_under_way(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    limit = 12 << 20
    store = Store(tmp_path, limit_bytes=limit)
    names = [f"{k:03}>x" for k in range(2000)]
    chance = np.random.default_rng(1)
    largest = 0
    for minute in range(120):
        for second in (0, 20, 40):
            at_s = START_S + 60.0 * minute + second
            columns = {name: chance.random(len(names)).astype(np.float32) for name in series_of(Subject.LINK)}
            store.add([Rows(subject=Subject.LINK, names=names, at_s=np.full(len(names), at_s), columns=columns)])
            if second == 0:
                largest = max(largest, store.size_bytes)
    assert largest <= limit + (2 << 20)
    assert not store.partitions.parts(*_minutes())
    assert store.given_up
    assert "no room" in caplog.text
    # The newest is there, as it came, and the oldest is not.
    found = read(store, "007>x", START_S, START_S + 7200, 60).tracks[0].points
    assert found[0] is None
    assert all(point is not None and point.count == 3 for point in found[-5:])
    store.close()
    again = Store(tmp_path, limit_bytes=limit)
    assert read(again, "007>x", START_S, START_S + 7200, 60).tracks[0].points == found
    assert [one.name for one in tmp_path.iterdir() if one.is_file()] == [RECENT]
    again.close()


def test_a_disk_that_is_full_when_a_day_is_closed_loses_the_oldest_and_not_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(tmp_path, limit_bytes=GB)
    truth: Truth = defaultdict(list)
    fill(store, truth, [START_S + 1800 * k for k in range(2 * 48)], each=4)
    whole, calls = os.fsync, 0

    def full(handle: int) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise OSError(errno.ENOSPC, "No space left on device")
        whole(handle)

    monkeypatch.setattr(os, "fsync", full)
    store.add([links(START_S + 2 * DAY_S, {"a>b": 5.0})])
    assert calls > 1
    assert store.given_up == 1
    (point,) = read(store, "a>b", START_S + 2 * DAY_S, START_S + 2 * DAY_S + 60, 60).tracks[0].points
    assert point is not None
    store.close()


def _minutes() -> tuple[Level, Subject]:
    return MINUTES, Subject.LINK


@pytest.mark.parametrize("block", [0, 1, 2, 3])
def test_a_database_of_which_a_block_was_changed_is_set_aside(tmp_path: Path, block: int) -> None:
    store = Store(tmp_path, limit_bytes=GB)
    truth: Truth = defaultdict(list)
    fill(store, truth, [START_S + 600 * k for k in range(150)])
    store.close()
    recent = tmp_path / RECENT
    doc = bytearray(recent.read_bytes())
    at = 4096 * block + 100
    doc[at : at + 64] = bytes(one ^ 0xFF for one in doc[at : at + 64])
    recent.write_bytes(doc)
    again = Store(tmp_path, limit_bytes=GB)
    assert (tmp_path / "set-aside-1.duckdb").exists()
    again.add([links(START_S + 2 * DAY_S, {"a>b": 5.0})])
    check(read(again, "a>c", START_S, START_S + DAY_S, 60), truth, "a>c")
    # It counts as what it takes, and is the first to go.
    again.close()
    tight = Store(tmp_path, limit_bytes=again.size_bytes - 1)
    tight.tidy()
    assert not list(tmp_path.glob("set-aside-*"))
    tight.close()


DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "no end": lambda doc: doc[: len(doc) // 2],
    "empty": lambda _: b"",
    "zeros at its end": lambda doc: doc[:-64] + bytes(64),
    "garbage in its midst": lambda doc: doc[:4] + bytes(one ^ 0xFF for one in doc[4:4000]) + doc[4000:],
    "another file": lambda _: b"nothing of ours\n" * 500,
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_day_is_set_aside_and_is_a_gap(tmp_path: Path, how: str, caplog: pytest.LogCaptureFixture) -> None:
    truth: Truth = defaultdict(list)
    store = Store(tmp_path, limit_bytes=GB)
    fill(store, truth, [START_S + 1200 * k for k in range(4 * 72)], each=12)
    second = store.partitions.parts(*_minutes())[1]
    doc = second.path.read_bytes()
    second.path.write_bytes(DAMAGE[how](doc))
    begin_s, end_s = START_S + DAY_S, START_S + 2 * DAY_S
    gone: Truth = {name: [one for one in every if not begin_s <= one[0] < end_s] for name, every in truth.items()}
    for _ in range(2):
        check(read(store, "a>c", START_S, START_S + 4 * DAY_S, 600), gone, "a>c")
    assert "damaged" in caplog.text
    # Hours are another file, and have that day.
    check(read(store, "a>c", START_S, START_S + 4 * DAY_S, 3600), truth, "a>c")
    aside = second.path.with_name(second.path.name + ".damaged")
    assert aside.read_bytes() == DAMAGE[how](doc)
    assert store.damaged == 1
    fill(store, gone, [START_S + 4 * DAY_S + 1200 * k for k in range(80)], seed=2, each=12)
    store.close()
    again = Store(tmp_path, limit_bytes=GB)
    check(read(again, "a>c", START_S, START_S + 5 * DAY_S, 600), gone, "a>c")
    assert aside.exists()
    again.close()


def test_a_damaged_month_of_hours_is_a_gap_as_well(tmp_path: Path) -> None:
    truth: Truth = defaultdict(list)
    store = Store(tmp_path, limit_bytes=GB)
    fill(store, truth, [START_S + 7200 * k for k in range(12 * 45)], each=12)
    month = store.partitions.parts(HOURS, Subject.LINK)[0]
    month.path.write_bytes(month.path.read_bytes()[:-100])
    for day in store.partitions.parts(*_minutes())[:3]:
        day.path.unlink()  # of which there is no finer: whether there are hours is asked of the file too
    found = read(store, "a>c", START_S, START_S + 40 * DAY_S, 600)
    assert store.damaged == 1
    assert found.tracks
    store.close()


def test_what_is_not_of_the_file_sets_none_aside(tmp_path: Path) -> None:
    store = Store(tmp_path, limit_bytes=GB)
    truth: Truth = defaultdict(list)
    fill(store, truth, [START_S + 600 * k for k in range(300)])
    with pytest.raises(Unavailable, match="no_such"):
        store.read(Subject.LINK, ["a>b"], ["no_such"], from_s=START_S, until_s=START_S + DAY_S, step_s=60)
    assert store.damaged == 0
    store.close()


def test_a_database_that_somebody_else_has_is_left_alone(tmp_path: Path) -> None:
    store = Store(tmp_path, limit_bytes=GB)
    code = (
        "import sys\nfrom pathlib import Path\nfrom highroad.errors import Unavailable\n"
        "from highroad.telemetry.store import Store\n"
        "try:\n    Store(Path(sys.argv[1]), limit_bytes=1 << 30)\nexcept Unavailable as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, timeout=60)
    assert "lock" in done.stdout, done.stderr
    assert not list(tmp_path.glob("set-aside-*"))
    store.close()


def test_a_database_that_is_none_is_set_aside(tmp_path: Path) -> None:
    store = Store(tmp_path, limit_bytes=GB)
    truth: Truth = defaultdict(list)
    fill(store, truth, [START_S + 600 * k for k in range(150)])
    store.close()
    (tmp_path / RECENT).write_bytes(b"not a database at all" * 1000)
    again = Store(tmp_path, limit_bytes=GB)
    assert (tmp_path / "set-aside-1.duckdb").exists()
    for _ in range(2):
        check(read(again, "a>c", START_S, START_S + DAY_S, 60), truth, "a>c")
        # What is finer is gone, and what is kept is answered all the same.
        finer = read(again, "a>c", START_S, START_S + 3600, 5)
        assert finer.step_s == 60
        check(finer, truth, "a>c")
        again.add([links(START_S + 2.0 * DAY_S, {"a>b": 1.0})])
    assert read(again, "a>b", START_S + 2 * DAY_S, START_S + 2 * DAY_S + 60, 5).step_s == 5
    again.close()


WRITER = """
import sys
from pathlib import Path
from tests.unit.telemetry.test_store import START_S, links
from highroad.telemetry.store import Store
store = Store(Path(sys.argv[1]), limit_bytes=1 << 30)
at_s = float(sys.argv[2])
while True:
    # An hour in six seconds of samples, so that minutes, hours and days close all the time.
    store.add([links(at_s, {"a>b": at_s - START_S, "b>a": 1.0})])
    print(at_s, flush=True)
    at_s += 600
"""


@pytest.mark.process
def test_killed_at_any_instant_it_opens_and_has_what_was_acknowledged(tmp_path: Path) -> None:
    chance, at_s, acknowledged = random.Random(int.from_bytes(os.urandom(4))), float(START_S), 0
    for _ in range(6):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(tmp_path), str(at_s)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        begun, for_s = time.monotonic(), None
        for line in process.stdout:
            acknowledged, at_s = acknowledged + 1, float(line) + 600
            if for_s is None:
                begun, for_s = time.monotonic(), chance.uniform(0.0, 1.0)
            if time.monotonic() - begun > for_s:
                os.kill(process.pid, signal.SIGKILL)
                break
        rest = process.stdout.read().split()
        process.stdout.close()
        process.wait()
        acknowledged, at_s = acknowledged + len(rest), at_s + 600 * len(rest) + 600
        # One more may have been written whose acknowledgement we did not get: it is left out of what follows.
    store = Store(tmp_path, limit_bytes=GB)
    found = store.read(Subject.LINK, ["a>b"], ["carried_gbps"], from_s=START_S, until_s=at_s, step_s=3600)
    total = sum(point.count for track in found.tracks for point in track.points if point is not None)
    assert acknowledged <= total <= acknowledged + 6
    assert acknowledged > 20
    store.close()


@pytest.mark.process
def test_on_a_full_disk_the_oldest_goes_and_what_is_new_is_kept(tmp_path: Path) -> None:
    try:
        disk = Disk.new(tmp_path)
    except OSError:
        pytest.skip("file systems can be mounted by root only")
    try:
        store = Store(disk.folder / "telemetry", limit_bytes=GB)
        names = [f"{k:03}>x" for k in range(100)]
        chance = np.random.default_rng(1)
        for day in range(4):
            for hour in range(24):
                at_s = np.repeat(START_S + day * DAY_S + hour * 3600 + np.arange(0, 3600, 60.0), len(names))
                columns = {name: chance.random(len(at_s)).astype(np.float32) for name in series_of(Subject.LINK)}
                store.add([Rows(subject=Subject.LINK, names=names * 60, at_s=at_s, columns=columns)])
        before = [part.stamp for part in store.partitions.parts(*_minutes())]
        assert len(before) == 3
        disk.fill()
        begin_s, failed = START_S + 4 * DAY_S - 60.0, 0
        for k in range(300):
            try:
                store.add([links(begin_s + k, dict.fromkeys(names, 1.0))])
            except Unavailable:
                failed += 1
        assert store.partitions.parts(*_minutes())[0].stamp > before[0]
        assert store.given_up >= 1
        found = read(store, "000>x", begin_s, begin_s + 300, 60)
        kept = sum(point.count for point in found.tracks[0].points if point is not None)
        assert kept >= 300 - failed
        assert failed < 30
        store.close()
    finally:
        disk.close()
