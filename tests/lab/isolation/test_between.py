"""In between: while services come, change and go, and on ports that are not in use yet or no more, nothing crosses."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace

from highroad.agent import numbers as n
from highroad.agent.steering import Steering
from highroad.gnmi.router import Intended
from highroad.netlink import namespace
from highroad.netlink.kernel import Kernel
from tests.lab.isolation.ground import Ground
from tests.lab.isolation.matrix import Cell, Matrix
from tests.lab.isolation.test_planted import is_group
from tests.lab.isolation.verdict import judge, mouth, send, told_by
from tests.lab.isolation.watch import Watch
from tests.support.routers import LEFT, RIGHT, host, told
from tests.support.routers import ends as ends_of

ROUNDS = 40


@contextmanager
def flooding(field: Ground, cells: Sequence[Cell]) -> Iterator[list[int]]:
    """These cells, over and over, as fast as one thread sends them; yields how many, in a list of one."""
    mouths = {name: mouth(field, name) for name in sorted({cell.origin for cell in cells})}
    ending = threading.Event()
    sent = [0]

    def flood() -> None:
        while not ending.is_set():
            for at, cell in enumerate(cells):
                with suppress(OSError):
                    mouths[cell.origin].send(cell.frame)
                sent[0] += 1
                if at % 20 == 0:
                    time.sleep(0.001)
                    if ending.is_set():
                        return

    thread = threading.Thread(target=flood)
    thread.start()
    try:
        yield sent
    finally:
        ending.set()
        thread.join()
        for one in mouths.values():
            one.close()


def some_of(matrix: Matrix, *names: str, every: int) -> list[Cell]:
    """One in so many of some ends' cells, mixed."""
    return [cell for cell in matrix.cells if cell.origin in names][::every]


def test_nothing_crosses_while_services_come_change_and_go(field: Ground, matrix: Matrix, watch: Watch) -> None:
    """Both ends of a service are withdrawn, attached without a policy, led along another path, and put back, while it
    and its neighbour on the same routers flood everything.
    """
    first, far = field.router(1), field.router(3)
    policy = field.policies["a1"]
    (path,) = policy.candidate_paths
    longer = replace(
        policy,
        candidate_paths=(
            replace(
                path,
                segment_lists=(replace(path.segment_lists[0], links=(), functions=(LEFT, RIGHT, RIGHT, LEFT)),),
            ),
        ),
        mtu_bytes=1400,
    )
    whole_first, whole_far = field.told(1), field.told(3)
    bare = Intended(
        attachments=whole_first.attachments,
        policies={name: one for name, one in whole_first.policies.items() if name != "a"},
    )
    led = replace(whole_first, policies={**whole_first.policies, "a": longer})
    seen = []
    with flooding(field, some_of(matrix, "a1", "a3", "b1", "b3", every=29)) as sent:
        try:
            for _ in range(ROUNDS):
                for router, intended in (
                    (first, field.told(1, "a1")), (far, field.told(3, "a3")), (first, bare), (far, whole_far),
                    (first, led), (first, whole_first),
                ):  # fmt: skip
                    router.tell(intended)
                    watch.drain()
                time.sleep(0.02)
        finally:
            first.tell(whole_first)
            far.tell(whole_far)
    seen = watch.settle()
    leaks = judge(field, matrix.cells, seen)
    assert not leaks, told_by(leaks)
    at = [(one.observer, matrix.cells[one.number].origin) for one in seen if one.number is not None]
    print(
        f"{6 * ROUNDS} changes under {sent[0]} packets, {len(seen)} seen, {at.count(('a3', 'a1'))} along what changed"
    )
    assert at.count(("b3", "b1")) > 20
    assert at.count(("a3", "a1")) > 0


def test_what_waits_in_a_queue_while_its_service_goes_goes_nowhere(field: Ground, matrix: Matrix, watch: Watch) -> None:
    """It comes out when the rules that it was let in for are gone, and its queue is not yet."""
    router, end = field.router(1), field.ends["a1"]
    cells = [
        cell
        for cell in matrix.cells
        if cell.origin == "a1" and cell.target in ("other customer", "other edge") and cell.protocol in ("echo", "udp")
    ]
    minor = n.class_minor(end.number)
    field.chain.run(
        "r1", *f"tc class change dev hr-shape parent 1:1 classid 1:{minor:x} htb rate 400kbit burst 2k".split()
    )
    with ExitStack() as undo:
        kernel = undo.enter_context(Kernel(router.namespace))
        slowly = Steering(kernel, router.config, lambda step: time.sleep(0.5) if step == "collect" else None)
        send(field, watch, cells)
        waiting = int(_backlog(field, minor))
        with namespace.entered_by_name(router.namespace):
            slowly.apply(field.told(1), field.told(1, "a1"))
            slowly.apply(field.told(1, "a1"), field.told(1))
    assert waiting > 0
    leaks = judge(field, matrix.cells, watch.settle())
    assert not leaks, told_by(leaks)


def _backlog(field: Ground, minor: int) -> str:
    """Packets in a queue of the shaper."""
    shown = field.chain.run("r1", "tc", "-s", "qdisc", "show", "dev", "hr-shape")
    (mine,) = [part for part in shown.split("qdisc ") if f"parent 1:{minor:x} " in part]
    return mine.split("backlog ")[1].split()[1].removesuffix("p")


def test_a_port_is_down_before_and_after_its_service(field: Ground, matrix: Matrix, watch: Watch) -> None:
    router = field.router(1)
    router.tell(field.told(1, "a1"))
    try:
        assert "state DOWN" in field.chain.run("r1", "ip", "link", "show", "a1")
        flooded = {cell.number for cell in some_of(matrix, "a1", "a3", "b1", "b3", every=29)}
        sent = [cell for cell in some_of(matrix, "a1", every=3) if cell.number not in flooded]
        send(field, watch, sent)
        numbers = {cell.number for cell in sent}
        assert not [one for one in watch.settle() if one.number in numbers]
    finally:
        router.tell(field.told(1))


def test_a_customers_port_of_the_agents_file_is_shut_without_a_service(
    field: Ground, matrix: Matrix, watch: Watch
) -> None:
    """An operator's port is up by itself, and by somebody's hand again: then no rule leads anywhere from it."""
    router = field.router(2)
    cells = [cell for cell in matrix.cells if cell.origin == "x2" and not is_group(cell)][::3]
    with ExitStack() as undo:
        kernel = undo.enter_context(Kernel(router.namespace))
        config = replace(router.config, customer_ports={"spare": "a1"})
        steering = Steering(kernel, config)
        router.tell(told([]))
        field.chain.run("r2", "ip", "link", "set", "a1", "up")
        try:
            with namespace.entered_by_name(router.namespace):
                assert steering.converge(Intended()) > 0
                assert steering.converge(Intended()) == 0
            assert "state DOWN" in field.chain.run("r2", "ip", "link", "show", "a1")
            field.chain.run("r2", "ip", "link", "set", "a1", "up")
            time.sleep(0.1)
            send(field, watch, cells)
            leaks = judge(field, matrix.cells, watch.settle())
            assert not leaks, told_by(leaks)
        finally:
            field.chain.run("r2", "ip", "link", "set", "a1", "down")
            router.tell(field.told(2))
            router.converge()


def test_who_takes_a_place_gets_nothing_of_who_had_it(field: Ground, matrix: Matrix, watch: Watch) -> None:
    """Another tenant is given the number that a3 had, while a1 still sends there: it has another tenant's packets, and
    only the order of a controller prevents that. So the headend is told first: then nothing comes.
    """
    with ExitStack() as undo:
        host(field.chain, "z3", 3, "a9", ends_of(3, 9), undo, mtu=1500)
        listener = undo.enter_context(_listener(field, "z3"))
        taken = replace(
            field.ends["a3"].attachment, id="z.3", tenant="other", interface="a9", addresses=ends_of(3, 9), prefixes=()
        )
        rest = field.told(3, "a3")
        try:
            with flooding(field, some_of(matrix, "a1", every=29)):
                field.router(1).tell(field.told(1, "a1"))
                field.router(3).tell(rest)
                field.router(3).tell(replace(rest, attachments={**rest.attachments, taken.id: taken}))
                time.sleep(0.5)
            got = []
            with suppress(BlockingIOError):
                while True:
                    got.append(listener.recv(16384))
            assert not [frame for frame in got if b"\xa5hRt" in frame]
        finally:
            field.router(3).tell(rest)
            field.router(3).tell(field.told(3))
            field.router(1).tell(field.told(1))
    watch.settle()


@contextmanager
def _listener(field: Ground, name: str) -> Iterator[socket.socket]:
    with namespace.entered_by_name(field.space(name)):
        made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    with made:
        made.bind(("e0", 3))
        made.setblocking(False)
        yield made
