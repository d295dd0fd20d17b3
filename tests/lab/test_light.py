"""Light in a lab: as slow as in its fibre, out at both ends at once, or silent; and lost where it is to be lost."""

from __future__ import annotations

import select
import socket
import statistics
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import pytest

from highroad.errors import NotFound
from highroad.model.network import FibreId, RiskGroupId, SiteId
from highroad.netlink import monitor
from highroad.netlink.kernel import Kernel
from highroad.netlink.link import Link
from highroad.netlink.namespace import entered_by_name
from tests.lab.rig import Rig, inside, lab, needs_root, pinged, wires

pytestmark = needs_root

_RECEIVE_BUFFER_FORCE = 33


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with lab(tmp_path_factory.mktemp("light") / "lab", "a-b", "b-c", "a-c", latency_ms=7.0, duct=("a-b", "a-c")) as up:
        yield up


@pytest.fixture(autouse=True)
def _whole(rig: Rig) -> Iterator[None]:
    yield
    for fibre in rig.do(rig.client.cuts()):
        rig.do(rig.client.uncut(fibre))
    for group in rig.do(rig.client.status()).groups:
        rig.do(rig.client.uncut_group(group))
    for router in rig.do(rig.client.status()).routers:
        if router.killed_s is not None:
            rig.do(rig.client.revive_router(router.site))


def test_a_link_takes_as_long_as_light(rig: Rig) -> None:
    for span in rig.plan.spans:
        answered, times = pinged(rig.router(span.a.site), span.a.neighbour, "-c", "30")
        assert answered == 30
        assert 14.0 <= statistics.median(times) <= 15.0
        assert min(times) > 13.8


def test_whole_segments_pass_and_none_is_lost(rig: Rig) -> None:
    """Many packets at once, far more than the process looks at one by one."""
    span = rig.plan.spans[0]
    said = inside(rig.router(span.a.site), "ping", "-q", "-l", "400", "-c", "400", "-s", "9000", span.a.neighbour)
    assert " 0% packet loss" in said


def test_a_cut_takes_the_light_at_both_ends_and_nowhere_else(rig: Rig) -> None:
    ends = [("a", "c0"), ("b", "c0")]
    with ExitStack() as opened:
        listening = []
        for site, _ in ends:
            kernel = opened.enter_context(Kernel(rig.router(site)))
            listening.append(opened.enter_context(closing(kernel.monitor([monitor.LINK]))))
        began = time.monotonic()
        rig.do(rig.client.cut(FibreId("a-b")))
        assert all(told_dark(heard, "c0") for heard in listening)
        took_ms = (time.monotonic() - began) * 1000
    assert took_ms < 500.0  # with the request to the daemon, on a machine that others use; the figure is in bench/
    for site, interface in ends:
        assert not carrier(rig, site, interface)
    assert carrier(rig, "a", "c1")
    assert carrier(rig, "b", "c1")
    span = rig.plan.spans[0]
    assert pinged(rig.router("a"), span.a.neighbour, "-c", "3")[0] == 0
    assert span.a.address in inside(rig.router("a"), "ip", "address", "show", "dev", "c0")
    rig.do(rig.client.uncut(FibreId("a-b")))
    assert carrier(rig, "a", "c0")
    assert pinged(rig.router("a"), span.a.neighbour, "-c", "5")[0] == 5


def test_a_silent_cut_leaves_the_light_on(rig: Rig) -> None:
    span = rig.plan.spans[0]
    rig.do(rig.client.cut(FibreId("a-b"), silent=True))
    assert carrier(rig, "a", "c0")
    assert carrier(rig, "b", "c0")
    assert pinged(rig.router("a"), span.a.neighbour, "-c", "3")[0] == 0
    assert pinged(rig.router("b"), span.b.neighbour, "-c", "3")[0] == 0
    assert pinged(rig.router("a"), rig.plan.spans[2].a.neighbour, "-c", "3")[0] == 3
    rig.do(rig.client.cut(FibreId("a-b")))  # the backhoe comes again, and takes all of it
    assert not carrier(rig, "a", "c0")
    rig.do(rig.client.uncut(FibreId("a-b")))
    assert pinged(rig.router("a"), span.a.neighbour, "-c", "5")[0] == 5


def test_a_dead_router_is_dark_on_all_sides_and_a_spliced_fibre_there_stays_dark(rig: Rig) -> None:
    rig.do(rig.client.cut(FibreId("a-b")))
    rig.do(rig.client.kill_router(SiteId("b")))
    assert not carrier(rig, "a", "c0")
    assert not carrier(rig, "c", "c0")
    assert carrier(rig, "a", "c1")
    rig.do(rig.client.uncut(FibreId("a-b")))
    assert not carrier(rig, "a", "c0")
    (dead,) = [router for router in rig.do(rig.client.status()).routers if router.killed_s is not None]
    assert dead.site == "b"
    rig.do(rig.client.revive_router(SiteId("b")))
    assert carrier(rig, "a", "c0")
    assert pinged(rig.router("a"), rig.plan.spans[0].a.neighbour, "-c", "5")[0] == 5


def test_one_way_only_one_end_hears_nothing(rig: Rig) -> None:
    span = rig.plan.spans[0]
    assert pinged(rig.router("a"), span.a.neighbour, "-c", "1")[0] == 1  # each end knows the other's address
    assert arrived(rig, "b", "a") == 20
    rig.do(rig.client.cut(FibreId("a-b"), towards=SiteId("b")))
    assert arrived(rig, "a", "b") == 0
    assert arrived(rig, "b", "a") == 20
    assert carrier(rig, "a", "c0")
    assert carrier(rig, "b", "c0")
    assert pinged(rig.router("a"), span.a.neighbour, "-c", "3")[0] == 0
    rig.do(rig.client.cut(FibreId("a-b"), towards=SiteId("a")))
    assert arrived(rig, "b", "a") == 0
    assert arrived(rig, "a", "b") == 20
    with pytest.raises(NotFound, match="c is no end of a-b"):
        rig.do(rig.client.cut(FibreId("a-b"), towards=SiteId("c")))


def test_a_part_of_all_packets_is_lost_in_the_direction_that_loses(rig: Rig) -> None:
    rig.do(rig.client.cut(FibreId("a-b"), loss=0.2, towards=SiteId("b")))
    assert arrived(rig, "a", "b", count=2000) == pytest.approx(1600, abs=90)  # five deviations
    assert arrived(rig, "b", "a", count=200) == 200
    rig.do(rig.client.cut(FibreId("a-b"), loss=0.7))
    assert arrived(rig, "b", "a", count=2000) == pytest.approx(600, abs=110)
    rig.do(rig.client.uncut(FibreId("a-b")))
    assert arrived(rig, "a", "b", count=200) == 200


def test_a_conduit_goes_dark_at_once_and_comes_back_but_for_what_else_is_broken(rig: Rig) -> None:
    a_b, duct = FibreId("a-b"), RiskGroupId("duct")
    rig.do(rig.client.cut(a_b, silent=True))
    rig.do(rig.client.cut_group(duct))
    assert [carrier(rig, *end) for end in (("a", "c0"), ("a", "c1"), ("b", "c1"))] == [False, False, True]
    rig.do(rig.client.kill_router(SiteId("c")))
    rig.do(rig.client.uncut_group(duct))
    assert [carrier(rig, *end) for end in (("a", "c0"), ("a", "c1"))] == [True, False]
    assert arrived(rig, "a", "b") == 0
    rig.do(rig.client.cut_group(duct, silent=True))
    rig.do(rig.client.uncut(a_b))
    assert arrived(rig, "a", "b") == 0
    assert set(rig.do(rig.client.status()).groups) == {duct}
    rig.do(rig.client.uncut_group(duct))
    assert arrived(rig, "a", "b") == 20
    with pytest.raises(NotFound, match="did you mean `duct`"):
        rig.do(rig.client.cut_group(RiskGroupId("dukt")))


def test_a_router_that_dies_silently_leaves_the_light_on_and_answers_nobody(rig: Rig) -> None:
    a, b = wires("s", "a", "b")
    rig.attach(a, b)
    rig.ip(rig.router("b"), f"addr replace {b.pe4}/31 dev {b.interface}")
    host = rig.id.host(b.port)
    assert pinged(host, b.pe4, "-c", "3")[0] == 3
    rig.do(rig.client.kill_router(SiteId("b"), silent=True))
    assert [carrier(rig, *end) for end in (("a", "c0"), ("c", "c0"), ("b", "c0"))] == [True, True, True]
    assert [arrived(rig, "a", "b"), arrived(rig, "b", "a"), arrived(rig, "b", "c")] == [0, 0, 0]
    assert pinged(host, b.pe4, "-c", "3")[0] == 0
    (dead,) = [router for router in rig.do(rig.client.status()).routers if router.killed_s is not None]
    assert (dead.site, dead.silent) == ("b", True)
    late_a, late_b = wires("t", "a", "b", number=2)
    rig.attach(late_a, late_b)  # one that is laid meanwhile
    rig.ip(rig.router("b"), f"addr replace {late_b.pe4}/31 dev {late_b.interface}")
    assert pinged(host, late_b.pe4, "-c", "3")[0] == 0
    rig.do(rig.client.kill_router(SiteId("b")))
    assert not carrier(rig, "a", "c0")
    rig.do(rig.client.revive_router(SiteId("b")))
    assert arrived(rig, "a", "b") == 20
    assert pinged(host, b.pe4, "-c", "3")[0] == 3
    assert pinged(host, late_b.pe4, "-c", "3")[0] == 3
    rig.do(rig.client.detach([one.attachment for one in (a, b, late_a, late_b)]))


def test_what_has_passed_a_cut_when_it_is_made_arrives(rig: Rig) -> None:
    """A cut is where the light comes in: nothing is to be taken off an outage for packets that were on the wire."""
    span = rig.plan.spans[0]
    for silent in (True, False):
        with into(rig, "b", span.b.address) as heard, out_of(rig, "a", span.b.address) as sender:
            sender.send(b"before")
            rig.do(rig.client.cut(FibreId("a-b"), silent=silent))
            heard.settimeout(2.0)
            assert heard.recv(100) == b"before"
        rig.do(rig.client.uncut(FibreId("a-b")))


def test_what_is_not_there_is_not_broken(rig: Rig) -> None:
    with pytest.raises(NotFound, match="did you mean `a-b`"):
        rig.do(rig.client.cut(FibreId("a-bb")))
    with pytest.raises(NotFound, match="no router nowhere"):
        rig.do(rig.client.kill_router(SiteId("nowhere")))


def test_cuts_are_told_with_when_and_how(rig: Rig) -> None:
    before = time.time()
    rig.do(rig.client.cut(FibreId("a-b"), silent=True))
    rig.do(rig.client.cut(FibreId("b-c")))
    rig.do(rig.client.cut(FibreId("b-c")))
    cuts = rig.do(rig.client.cuts())
    assert {fibre: cut.silent for fibre, cut in cuts.items()} == {"a-b": True, "b-c": False}
    assert all(before <= cut.since_s <= time.time() for cut in cuts.values())


def test_links_lose_what_they_are_told_to(tmp_path: Path) -> None:
    with lab(tmp_path / "lab", "a-b", latency_ms=1.0, loss=0.3) as lossy:
        sent = 600
        inside(lossy.router("b"), "sysctl", "-qw", "net.ipv6.icmp.ratelimit=0")
        said = inside(
            lossy.router("a"),
            "ping",
            "-q",
            "-i",
            "0.002",
            "-c",
            f"{sent}",
            lossy.plan.spans[0].a.neighbour,
            check=False,
        )
        answered = int(said.partition(" received")[0].rpartition(" ")[2])
        assert answered / sent == pytest.approx(0.7 * 0.7, abs=0.08)


def test_without_delay_links_are_as_short_as_they_can_be(tmp_path: Path) -> None:
    with lab(tmp_path / "lab", "a-b", latency_ms=7.0, delay=False) as short:
        _, times = pinged(short.router("a"), short.plan.spans[0].a.neighbour, "-c", "20")
        assert statistics.median(times) < 1.0


def told_dark(heard: monitor.Monitor, interface: str) -> bool:
    """Whether the kernel tells that an interface lost its light, within a second."""
    until = time.monotonic() + 1.0
    while select.select([heard], [], [], max(0.0, until - time.monotonic()))[0]:
        for one in heard.read():
            if isinstance(one, Link) and one.name == interface and not one.carrier:
                return True
    return False


def arrived(rig: Rig, site: str, to: str, count: int = 20) -> int:
    """How many packets of so many come over the span to the far router, counted there; not those of an earlier time,
    which wait at the sender until it knows again who is there.
    """
    mine = b"%d of " % time.monotonic_ns()
    (span,) = (span for span in rig.plan.spans if {site, to} == {span.a.site, span.b.site})
    far = span.b if span.b.site == to else span.a
    with into(rig, to, far.address) as heard, out_of(rig, site, far.address) as sender:
        for number in range(count):
            sender.send(mine + b"%d" % number)
            if number % 100 == 99:
                time.sleep(0.01)
        time.sleep(0.1)
        found = 0
        with suppress(BlockingIOError):
            while came := heard.recv(100, socket.MSG_DONTWAIT):
                found += came.startswith(mine)
        return found


@contextmanager
def into(rig: Rig, site: str, address: str) -> Iterator[socket.socket]:
    with entered_by_name(rig.router(site)):
        made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with made:
        made.setsockopt(socket.SOL_SOCKET, _RECEIVE_BUFFER_FORCE, 8 << 20)
        made.bind((address, 7777))
        yield made


@contextmanager
def out_of(rig: Rig, site: str, to: str) -> Iterator[socket.socket]:
    with entered_by_name(rig.router(site)):
        made = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    with made:
        made.connect((to, 7777))
        yield made


def carrier(rig: Rig, site: str, interface: str) -> bool:
    with Kernel(rig.router(site)) as kernel:
        link = kernel.link(interface)
        assert link is not None
        return link.carrier
