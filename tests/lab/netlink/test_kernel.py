"""The socket: one sendmsg, every answer, whatever the number; where it lives; what it hears."""

from __future__ import annotations

import errno
import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from highroad.netlink import link, monitor, namespace, nexthop, route, rule, seg6
from highroad.netlink.kernel import LIMIT, Kernel, KernelRefused
from highroad.netlink.message import AF_INET, AF_INET6, Message
from tests.lab.netlink.conftest import Space

A = 3


def _numbered(count: int, *, table: int = 10001, metric: int = 1) -> list[route.Route]:
    return [route.Route(dst=f"10.{n >> 8}.{n & 255}.0/24", dev=A, table=table, metric=metric) for n in range(count)]


def test_a_refusal_says_which_message_and_why(wired: Space) -> None:
    wrong = route.Route(dst="10.2.0.0/16", nhid=4711)
    with pytest.raises(KernelRefused) as caught:
        wired.kernel.do([route.create(one) for one in (*_numbered(2), wrong)])
    assert (caught.value.errno, caught.value.index, caught.value.of) == (errno.EINVAL, 2, 3)
    assert caught.value.text == "Nexthop id does not exist"
    assert str(caught.value) == "the kernel refused message 3 of 3: Nexthop id does not exist (EINVAL)"
    assert len(wired.kernel.routes(AF_INET, 10001)) == 2


@pytest.mark.parametrize(
    ("make", "number", "text"),
    [
        (lambda: route.create(route.Route(dst="10.2.0.0/16", via="8.8.8.8", dev=A)), errno.ENETUNREACH, "gateway"),
        (lambda: nexthop.create(nexthop.Nexthop(id=1, dev=77)), errno.EINVAL, "Invalid device index"),
        (
            lambda: route.create(
                route.Route(dst="fc00::/48", dev=A, encap=seg6.Seg6Local(action="End.X", nh6="fd00::9", psp=True))
            ),
            errno.ENOTSUP,
            "Unsupported Flavor operation",
        ),
        (lambda: link.set_link(A, mtu=70000), errno.EINVAL, "mtu greater than device maximum"),
        (lambda: link.ifb("a"), errno.EEXIST, ""),
        (lambda: route.delete(route.Route(dst="10.77.0.0/16")), errno.ESRCH, ""),
        (lambda: rule.delete(rule.Rule(family=AF_INET, priority=77, table=7)), errno.ENOENT, ""),
        (lambda: Message(4711, 0, b""), errno.EOPNOTSUPP, ""),
    ],
)
def test_the_kernels_own_words_are_in_a_refusal(
    wired: Space, make: Callable[[], Message], number: int, text: str
) -> None:
    with pytest.raises(KernelRefused) as caught:
        wired.kernel.do([make()])
    assert caught.value.errno == number
    assert text in caught.value.text


def test_every_message_gets_its_answer(wired: Space) -> None:
    wanted = _numbered(3)
    wired.kernel.do([route.create(wanted[1])])
    answers = wired.kernel.try_all(map(route.create, wanted))
    assert [answer and answer.errno for answer in answers] == [None, errno.EEXIST, None]


def test_no_answer_of_a_full_sendmsg_is_lost(wired: Space) -> None:
    """Refusals with text are the largest answers that there are: as many as are allowed fit the buffer."""
    answers = wired.kernel.try_all([route.create(route.Route(dst="10.0.0.0/8", nhid=4711))] * LIMIT)
    assert [answer.index for answer in answers if answer is not None] == list(range(LIMIT))
    wired.kernel.do(map(route.create, _numbered(LIMIT)))
    assert len(wired.kernel.routes(AF_INET, 10001)) == LIMIT


def test_more_than_fits_is_refused_before_anything_is_sent(wired: Space) -> None:
    with pytest.raises(ValueError, match="8001 messages in one go, and 8000 are the most"):
        wired.kernel.do(map(route.create, _numbered(LIMIT + 1)))
    assert wired.kernel.routes(AF_INET, 10001) == []


def test_any_number_goes_in_lots(wired: Space) -> None:
    wanted = _numbered(2500)
    wired.kernel.do_many(map(route.create, wanted))
    assert set(wired.kernel.routes(AF_INET, 10001)) == set(wanted)
    wired.kernel.do([route.delete(wanted[1200])])
    with pytest.raises(KernelRefused) as caught:
        wired.kernel.do_many(map(route.delete, wanted))
    assert (caught.value.index, caught.value.of) == (1200, 2500)
    assert len(wired.kernel.routes(AF_INET, 10001)) == 2500 - 1500


def test_nothing_is_a_lot_too(wired: Space) -> None:
    wired.kernel.do([])
    assert wired.kernel.try_all([]) == []


def test_the_kernel_chooses_the_table_of_a_dump(wired: Space) -> None:
    kernel = wired.kernel
    kernel.do(map(route.create, _numbered(5, table=10001)))
    kernel.do(map(route.create, _numbered(7, table=10002)))
    assert len(kernel.routes(AF_INET, 10001)) == 5
    assert len(kernel.routes(AF_INET, 10002)) == 7
    assert kernel.routes(AF_INET, 4711) == []
    assert kernel.routes(AF_INET6, 4711) == []
    assert len(kernel.routes(AF_INET, protocol=route.OURS)) == 12
    assert {r.table for r in kernel.routes(AF_INET)} == {route.MAIN, route.LOCAL, 10001, 10002}


def test_a_socket_lives_where_it_was_opened_and_the_caller_stays(spaces: Callable[[], Space]) -> None:
    here, there = spaces(), spaces()
    there.kernel.do([link.ifb("mark")])
    home = Path("/proc/thread-self/ns/net").stat().st_ino
    for netns in (there.name, f"/run/netns/{there.name}", there.fd):
        with Kernel(netns) as kernel:
            assert kernel.link("mark") is not None
    with namespace.entered(there.fd), Kernel() as kernel:
        assert kernel.link("mark") is not None
    assert here.kernel.link("mark") is None
    assert Path("/proc/thread-self/ns/net").stat().st_ino == home
    with pytest.raises(FileNotFoundError):
        Kernel("hrt-none")


def test_an_index_that_is_not_there(space: Space) -> None:
    with pytest.raises(KernelRefused) as caught:
        space.kernel.index("none")
    assert caught.value.errno == errno.ENODEV
    assert space.kernel.link("none") is None
    assert space.kernel.index("lo") == 1


def test_a_socket_goes_on_after_an_answer_that_nobody_read(wired: Space) -> None:
    kernel = wired.kernel
    kernel._send(route.dump_routes(AF_INET), 0x301)
    kernel.do([route.create(_numbered(1)[0])])
    assert len(kernel.routes(AF_INET, 10001)) == 1


VICTIM = """
import sys
from highroad.netlink import route
from highroad.netlink.kernel import Kernel
kernel = Kernel(sys.argv[1])
lots = [
    [route.replace(route.Route(dst=f"10.{n >> 8}.{n & 255}.0/24", dev=3, table=10001, metric=1, mtu=mtu))
     for n in range(500)]
    for mtu in (1300, 1400)
]
print("ready", flush=True)
while True:
    for lot in lots:
        kernel.do(lot)
"""


def test_a_process_that_is_killed_has_sent_all_or_nothing(wired: Space) -> None:
    """500 routes that change together: at whatever moment the sender dies, all of them are the same."""
    seen = set()
    for attempt in range(20):
        victim = subprocess.Popen(
            [sys.executable, "-c", VICTIM, wired.name],
            stdout=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        )
        assert victim.stdout is not None
        assert victim.stdout.readline() == b"ready\n"
        time.sleep(0.03 + attempt * 0.0007)
        victim.send_signal(signal.SIGKILL)
        victim.wait()
        victim.stdout.close()
        routes = wired.kernel.routes(AF_INET, 10001)
        assert len(routes) == 500
        assert len({r.mtu for r in routes}) == 1
        seen.add(routes[0].mtu)
    assert seen == {1300, 1400}


def _ours(events: list[monitor.Event]) -> list[monitor.Event]:
    """Without what the kernel itself goes on to make for an interface that has just come up."""

    def is_ours(event: monitor.Event) -> bool:
        thing = event.thing if isinstance(event, monitor.Gone) else event
        return isinstance(thing, route.Route | rule.Rule) and thing.protocol == route.OURS

    return [event for event in events if is_ours(event)]


def test_what_changes_is_heard(wired: Space) -> None:
    kernel = wired.kernel
    groups = [monitor.LINK, monitor.NEXTHOP, *monitor.ADDRESSES, *monitor.ROUTES, *monitor.RULES]
    with kernel.monitor(groups) as ears:
        way, sign = route.Route(dst="10.2.0.0/16", dev=A), rule.Rule(family=AF_INET6, priority=7, table=7)
        kernel.do([route.create(way), rule.create(sign)])
        assert select.select([ears], [], [], 1)[0] == [ears]
        assert _ours(ears.read()) == [way, sign]
        assert _ours(ears.read()) == []
        kernel.do([route.delete(way), rule.delete(sign)])
        assert _ours(ears.read()) == [monitor.Gone(thing=way), monitor.Gone(thing=sign)]
        kernel.do([link.set_link(kernel.index("b"), up=False)])
        # The kernel tells of light when it gets to it.
        dark: list[tuple[bool, bool]] = []
        give_up = time.monotonic() + 10
        while (True, False) not in dark[-1:] and time.monotonic() < give_up:
            select.select([ears], [], [], 1)
            dark += [(e.up, e.carrier) for e in ears.read() if isinstance(e, link.Link) and e.name == "a"]
        assert dark[-1:] == [(True, False)]


def test_ears_that_overflow_say_so_and_hear_again(wired: Space) -> None:
    kernel = wired.kernel
    with kernel.monitor(monitor.ROUTES) as ears:
        wanted = _numbered(20000)
        kernel.do_many(map(route.create, wanted))
        kernel.do_many(map(route.delete, wanted))
        assert monitor.Overrun() in ears.read()
        kernel.do([route.create(wanted[0])])
        assert _ours(ears.read()) == [wanted[0]]


def test_a_dump_in_the_middle_of_changes_is_whole(wired: Space) -> None:
    """What was there before and is not touched is in every dump, however much changes beside it."""
    kernel = wired.kernel
    kept = _numbered(3000)
    kernel.do_many(map(route.create, kept))
    victim = subprocess.Popen(
        [sys.executable, "-c", VICTIM.replace("metric=1,", "metric=2,"), wired.name],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    try:
        assert victim.stdout is not None
        victim.stdout.readline()
        for _ in range(10):
            assert set(kept) <= set(kernel.routes(AF_INET, 10001))
    finally:
        victim.kill()
        victim.wait()
        assert victim.stdout is not None
        victim.stdout.close()


def test_an_answer_that_is_lost_is_not_taken_for_a_yes(wired: Space) -> None:
    """With a buffer that cannot hold the answers, the caller is told so, soon, and the socket goes on."""
    kernel = wired.kernel
    kernel._socket.setsockopt(socket.SOL_SOCKET, 33, 20_000)
    kernel.limit = 1000
    begun = time.monotonic()
    with pytest.raises(KernelRefused) as caught:
        kernel.do(map(route.create, _numbered(1000)))
    assert time.monotonic() - begun < 3
    assert caught.value.errno == errno.ENOBUFS
    assert "an answer was lost" in str(caught.value)
    kernel.do([route.create(route.Route(dst="10.200.0.0/16", dev=A))])
    assert len(kernel.routes(AF_INET, 10001)) == 1000
