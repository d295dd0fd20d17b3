"""The optimiser's process: the plan of a thread, told little, begun when asked, replaced when dead, gone with us."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from highroad.errors import Unavailable
from highroad.model.lifecycle import State
from highroad.model.service import Placement, Service
from highroad.optimiser import frames, process
from highroad.optimiser.frames import Known, Replanned, Some
from highroad.optimiser.process import Process
from highroad.optimiser.worker import NICE
from highroad.planning.ground import Ground
from highroad.planning.replan import Asked, asked_of
from highroad.planning.solve.answer import Limits
from highroad.ports.solver import Here
from tests.unit.planning.ground import NOW_S, ground_of
from tests.unit.planning.small import network_of
from tests.unit.planning.test_replan import drawn, held, service, way

LIMITS = Limits(gap=0.01, time_s=20.0)
SPANS = (("a", "b", 2.0), ("a", "c", 2.0), ("c", "b", 2.0))


def never() -> bool:
    return False


@pytest.fixture
def there() -> Iterator[Process]:
    made = Process()
    yield made
    made.close()


def two() -> tuple[Ground, list[Service]]:
    ground = ground_of(network_of(SPANS), [])
    return ground, held(ground, *(service(f"s-{n}", "a", "b", 8.0, way(8.0, "a", "b")) for n in (1, 2)))


def gone(pid: int) -> bool:
    """Whether a process is no more, or is nobody's zombie."""
    try:
        return "State:\tZ" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


def eventually(true: Callable[[], bool], within_s: float = 60.0) -> None:
    until = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < until, "it never came so"
        time.sleep(0.02)


def without_time(plan: object) -> object:
    return replace(plan, took_s=0.0)  # type: ignore[type-var]


def test_it_plans_as_a_thread_does_and_is_one_warm_nice_process_begun_when_asked(there: Process) -> None:
    assert there.pid is None
    pids = set[int | None]()
    for seed in range(6):
        asked = asked_of(*drawn(seed), NOW_S)
        assert without_time(there.replan(asked, LIMITS, never)) == without_time(Here().replan(asked, LIMITS, never))
        pids.add(there.pid)
    (pid,) = pids
    assert pid is not None
    assert os.getpriority(os.PRIO_PROCESS, pid) >= NICE
    assert there.call(sorted, [3, 1, 2], reverse=True) == [3, 2, 1]
    assert there.pid == pid


def test_only_what_has_changed_is_told_and_plans_are_those_of_the_whole(
    there: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []

    def noting(peer: object, frame: object) -> int:
        told.append(frame)
        return frames.send(peer, frame)  # type: ignore[arg-type]

    monkeypatch.setattr(process, "send", noting)
    ground, services = two()

    def planned() -> tuple[list[str], list[str], bool]:
        told.clear()
        asked = asked_of(ground, services, NOW_S)
        assert without_time(there.replan(asked, LIMITS, never)) == without_time(Here().replan(asked, LIMITS, never))
        some = [one for one in told if isinstance(one, Some)]
        (last,) = [one for one in told if isinstance(one, Replanned)]
        return (
            [one.id for frame in some for one in frame.services],
            [holder for frame in some for holder, *_ in frame.held],
            last.network is not None,
        )

    assert planned() == (["s-1", "s-2"], ["s-1", "s-2"], True)
    assert planned() == ([], [], False)
    services += held(ground, service("s-0", "a", "c", 3.0, way(3.0, "a", "c")))
    assert planned() == (["s-0"], ["s-0"], False)
    services[0] = held(ground, replace(services[0], placement=way(8.0, "a", "c", "b")))[0]
    assert planned() == (["s-1"], ["s-1"], False)
    ground.calendar.keep("s-2", ())
    services[1] = replace(services[1], state=State.TERMINATED)
    assert planned() == ([], [], False)
    services[1] = held(ground, replace(services[1], state=State.ACTIVE))[0]
    assert planned() == (["s-2"], ["s-2"], False)


def test_many_are_told_a_few_at_a_time() -> None:
    dice = random.Random("many")
    placement: Placement = way(0.001, "a", "b")
    many = [service(f"s-{n}", "a", "b", dice.random(), placement) for n in range(350)]
    few = list(process._few(many))
    assert [len(one) for one in few] == [100, 100, 100, 50]
    assert [one for some in few for one in some] == many


def test_what_was_not_told_is_no_guess() -> None:
    known, asked = Known(), asked_of(*two(), NOW_S)
    frame = Replanned(
        services=(asked.services[0].id,), held=(), network=asked.network, now_s=NOW_S, avoid=frozenset(), closures=(),
        mended_s=0.0, limits=LIMITS,
    )  # fmt: skip
    with pytest.raises(KeyError):
        known.asked(frame)


def test_one_that_dies_is_replaced_and_told_all(there: Process) -> None:
    asked = asked_of(*two(), NOW_S)
    first = without_time(there.replan(asked, LIMITS, never))
    pid = there.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: there.pid is None)
    assert without_time(there.replan(asked, LIMITS, never)) == first
    assert there.pid not in (None, pid)


def test_one_that_dies_while_it_is_asked_is_said_and_replaced(there: Process) -> None:
    with pytest.raises(Unavailable, match="its process has gone"):
        there.call(os._exit, 3)
    assert there.pid is None
    assert there.replan(asked_of(*two(), NOW_S), LIMITS, never).moves


def test_what_takes_too_long_is_killed() -> None:
    hasty = Process(call_s=0.3)
    with pytest.raises(Unavailable, match=r"nothing came of it in 0\.3 s"):
        hasty.call(time.sleep, 60.0)
    assert hasty.pid is None
    hasty.close()


def test_who_is_told_to_stop_does_not_wait(there: Process) -> None:
    there.call(abs, -1)
    begun = time.monotonic()
    with pytest.raises(Unavailable, match="told to stop"):
        there._ask(there._running(), frames.Called(work=time.sleep, args=(60.0,), kwargs={}), 60.0, lambda: True)
    assert time.monotonic() - begun < 5.0
    assert there.pid is None


def test_what_fails_is_said_and_the_next_is_answered(there: Process) -> None:
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        there.call(divmod, 1, 0)
    assert there.call(divmod, 7, 2) == (3, 1)
    broken: Asked = replace(asked_of(*two(), NOW_S), network=None)  # type: ignore[arg-type]
    with pytest.raises(RuntimeError):
        there.replan(broken, LIMITS, never)
    assert there.replan(asked_of(*two(), NOW_S), LIMITS, never).moves


def test_closing_ends_it_at_once_and_it_can_be_asked_again(there: Process) -> None:
    there.call(abs, -1)
    pid = there.pid
    assert pid is not None
    there.close()
    assert gone(pid)
    assert there.pid is None
    there.close()
    assert there.call(abs, -2) == 2


ORPHAN = """
import os, threading, time
from highroad.optimiser.process import Process
there = Process()
there.call(abs, -1)
print(there.pid, flush=True)
threading.Thread(target=there.call, args=(time.sleep, 600.0), daemon=True).start()
time.sleep(600.0)
"""


def test_it_does_not_outlive_who_began_it() -> None:
    parent = subprocess.Popen([sys.executable, "-c", ORPHAN], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    assert not gone(pid)
    time.sleep(0.3)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    eventually(lambda: gone(pid))
