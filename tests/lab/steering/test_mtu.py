"""No packet disappears for its size: what does not fit is refused by us, to whoever sent it, or was not sold."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from socket import AF_INET

import pytest

from highroad.netlink import namespace
from tests.lab.steering.rig import FAMILIES, Service, far, hosts, intents, near, offer, service, space
from tests.lab.steering.traffic import delivered, lane
from tests.support.routers import Chain, chain, ends, host

BULK = 1 << 19


def test_a_core_too_small_is_a_silent_black_hole_without_us(tmp_path: Path) -> None:
    """What seg6 does by itself (dataplane measurements): a handshake passes, a full packet is lost, nobody is told."""
    with ExitStack() as undo:
        made = undo.enter_context(chain(2, tmp_path, core_mtu=1500))
        pair = ends(1, 1), ends(2, 1)
        for number, end in enumerate(pair, 1):
            host(made, f"h{number}", number, "a1", end, undo, mtu=1500)
            made.run(f"r{number}", "ip", "addr", "add", f"{end.pe4}/31", "dev", "a1")
            made.run(f"r{number}", "ip", "link", "set", "a1", "up")
        for number, other, via, dev in ((1, 2, "fd00:0:1::1", "right"), (2, 1, "fd00:0:1::", "left")):
            here, there = pair[number - 1].ce4, pair[other - 1].ce4
            for line in (
                f"-6 route add fc00:0:{number}:d4::/64 encap seg6local action End.DX4 nh4 {here} dev hr-out",
                f"-6 route add fc00:0:{other}::/48 via {via} metric 1",
                f"route add {there}/32 encap seg6 mode encap.red segs fc00:0:{other}:d4:: dev {dev}",
            ):
                made.run(f"r{number}", "ip", *line.split())
        there = pair[1].ce4
        assert made.ping("h1", there) == 3
        assert made.ping("h1", there, size=1400, more=("-M", "do")) == 3
        said = made.run("h1", "ping", "-c2", "-i0.1", "-W1", "-Mdo", "-s1472", there, check=False)
        assert "0 received" in said
        assert "Frag" not in said, "this kernel does say so: the gate need not"
        arrived = delivered(f"{made.prefix}-h1", f"{made.prefix}-h2", there, BULK, timeout_s=1.5)
        assert arrived < BULK / 2, "TCP gets nowhere, but for what its own probing may find in the end"


def test_a_core_too_small_is_refused_in_a_sentence_and_what_fits_is_sold(tmp_path: Path) -> None:
    """The same routers, with us: 1500 bytes are refused, and what the sentence says may be sold is sold, and works."""
    with ExitStack() as undo:
        made = undo.enter_context(chain(2, tmp_path, core_mtu=1500))
        one = service("s", 1, 1, 2, mtu=(1500, 1500))
        hosts(made, undo, one)
        router = made.routers[0]
        with namespace.entered_by_name(router.namespace):
            [finding] = router.steering.check(intents([one], 2)[0])
            assert finding.code == "core-mtu"
            assert finding.place == "/highroad-router:router/attachment[id=s.1]/mtu"
            assert finding.message == (
                "packets of 1500 bytes need 1692 on core ports, and right has 1500: raise its MTU, or sell at most "
                "1308 on this port"
            )
            one = replace(one, out=replace(one.out, mtu_bytes=1308), back=replace(one.back, mtu_bytes=1308))
            assert router.steering.check(intents([one], 2)[0]) == []
        offer(made, one)
        for family in FAMILIES:
            assert delivered(space(made, one, "here"), space(made, one, "there"), far(one, family), BULK) == BULK
            _is_told(made, one, far(one, family), 1308)


@dataclass(frozen=True)
class Narrow:
    chain: Chain
    service: Service


@pytest.fixture(scope="module")
def narrow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Narrow]:
    """A customer's port of 9000 bytes, and its other one of 1500."""
    with ExitStack() as undo:
        made = undo.enter_context(chain(3, tmp_path_factory.mktemp("routers")))
        one = service("s", 1, 1, 3, mtu=(9000, 1500), prefixes=(("10.1.0.0/16", "fd01::/48"), ()))
        hosts(made, undo, one)
        for address in ("10.1.2.3/32", "fd01::2:3/128"):
            made.run("s.here", "ip", "addr", "add", address, "dev", "lo")
        offer(made, one)
        yield Narrow(chain=made, service=one)


@pytest.mark.parametrize("family", FAMILIES)
def test_whoever_sends_too_much_is_told_how_much_fits(narrow: Narrow, family: int) -> None:
    """Also when it is not the customer's edge that sends, but somebody behind it."""
    made, one = narrow.chain, narrow.service
    _is_told(made, one, far(one, family), 1500)
    behind = "10.1.2.3" if family == AF_INET else "fd01::2:3"
    _is_told(made, one, far(one, family), 1500, "-I", behind)
    _forget(made, one)
    assert made.ping("s.there", near(one, family), size=1500 - _headers(family), more=("-M", "do")) == 3


@pytest.mark.parametrize("family", FAMILIES)
def test_the_largest_that_fits_passes_and_a_byte_more_does_not(narrow: Narrow, family: int) -> None:
    made, one = narrow.chain, narrow.service
    _forget(made, one)
    most = 1500 - _headers(family)
    assert made.ping("s.here", far(one, family), size=most, more=("-M", "do")) == 3
    assert made.ping("s.here", far(one, family), size=most + 1, count_=1, more=("-M", "do")) == 0


def test_what_may_be_cut_is_cut(narrow: Narrow) -> None:
    """IPv4 without its do-not-fragment bit."""
    made, one = narrow.chain, narrow.service
    _forget(made, one)
    assert made.ping("s.here", far(one, AF_INET), size=3000, more=("-M", "dont")) == 3
    with lane(space(made, one, "here"), space(made, one, "there"), far(one, AF_INET)) as way:
        way.source.setsockopt(0, 10, 0)  # IP_MTU_DISCOVER: never
        assert way.passes(3, 8000) == 3


@pytest.mark.parametrize("family", FAMILIES)
def test_tcp_that_leaves_cutting_to_its_interface_gets_through(narrow: Narrow, family: int) -> None:
    """From 9000 to 1500 bytes: super-packets whose pieces are too large are answered too, and then fit."""
    made, one = narrow.chain, narrow.service
    for source in (None, "10.1.2.3" if family == AF_INET else "fd01::2:3"):
        _forget(made, one)
        there = delivered(
            space(made, one, "here"), space(made, one, "there"), far(one, family), 8 << 20, source=source, timeout_s=20
        )
        assert there == 8 << 20


def _headers(family: int) -> int:
    return 28 if family == AF_INET else 48


def _forget(made: Chain, one: Service) -> None:
    """What the customer has learnt of the path's size."""
    for words in (("ip", "route", "flush", "cache"), ("ip", "-6", "route", "flush", "cache")):
        made.run(f"{one.out.service}.here", *words)


def _is_told(made: Chain, one: Service, there: str, mtu: int, *more: str) -> None:
    _forget(made, one)
    said = made.run("s.here", "ping", "-c1", "-W2", "-Mdo", f"-s{mtu + 100}", *more, there, check=False)
    router = one.here.addresses.pe6 if ":" in there else one.here.addresses.pe4
    told = f"Packet too big: mtu={mtu}" if ":" in there else f"Frag needed and DF set (mtu = {mtu})"
    assert told in said, said
    assert f"From {router}" in said, "it is the customer's own router that says so"
