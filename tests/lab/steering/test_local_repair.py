"""A link is lost and traffic goes around it at once: by the kernel alone when light is lost, by one message otherwise.

1 --- 2 --- 3     a service from 1 to 3 over 2, one from 1 to 2; all links protected, and every one has a way
 \\   |   /       around by 4
   \\ |  /
      4
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from itertools import pairwise
from socket import AF_INET, AF_INET6

import pytest

from highroad.agent import numbers as n
from highroad.agent.repair import repairs
from highroad.gnmi.router import Attachment, Intended, Policy, Protection, SegmentList
from highroad.model.service import ServiceKind, TrafficClass
from highroad.netlink import route
from highroad.netlink.kernel import Kernel
from highroad.netlink.route import Route
from tests.lab.steering.rig import FAMILIES
from tests.lab.steering.traffic import Frames, Lane, Stream, lane, outer_of
from tests.support.mesh import Mesh, mesh
from tests.support.routers import attachment, host, policy

Ways = Mapping[tuple[int, int], tuple[int, ...]]

EDGES = ((1, 2), (2, 3), (1, 4), (4, 2), (4, 3))
SHORT: Ways = {
    (1, 2): (1, 4, 2), (2, 1): (2, 4, 1), (2, 3): (2, 4, 3), (3, 2): (3, 4, 2),
}  # fmt: skip
LONG: Ways = {
    (1, 2): (1, 4, 1, 4, 1, 4, 1, 4, 2), (2, 1): (2, 4, 2, 4, 2, 4, 2, 4, 1),
    (2, 3): (2, 4, 2, 4, 2, 4, 2, 4, 3), (3, 2): (3, 4, 3, 4, 3, 4, 3, 4, 2),
}  # fmt: skip
"""Detours of eight links, which with their end take a routing header."""

CLASS = TrafficClass.ASSURED
DSCP = 34


@dataclass(frozen=True)
class End:
    """A service between two routers, as its two ends are told, with the walk that it goes."""

    name: str
    number: int
    kind: ServiceKind
    walk: tuple[int, ...]

    @property
    def here(self) -> Attachment:
        return attachment(self.walk[0], self.number, service=self.name, kind=self.kind)

    @property
    def there(self) -> Attachment:
        return attachment(self.walk[-1], self.number, service=self.name, kind=self.kind)


FAR = End("far", 1, ServiceKind.IP, (1, 2, 3))
NEAR = End("near", 2, ServiceKind.IP, (1, 2))
WIRE = End("wire", 3, ServiceKind.ETHERNET, (1, 2, 3))
SERVICES = (FAR, NEAR, WIRE)


@dataclass(frozen=True)
class Net:
    mesh: Mesh
    protected: dict[tuple[int, int], int]

    def tell(self, detours: Ways) -> None:
        for number, router in enumerate(self.mesh.routers, 1):
            router.tell(self._intended(number, detours))

    def _intended(self, number: int, detours: Ways) -> Intended:
        attachments: list[Attachment] = []
        policies: list[Policy] = []
        for one in SERVICES:
            for mine, other, walk in ((one.here, one.there, one.walk), (one.there, one.here, one.walk[::-1])):
                if walk[0] == number:
                    attachments.append(mine)
                    functions = tuple(self.protected[step] for step in pairwise(walk))
                    policies.append(
                        policy(mine, other, functions, remote_node=walk[-1], service=one.name, traffic_class=CLASS)
                    )
        protections = {
            function: Protection(
                function=function,
                link=f"{a}>{b}",
                detour=SegmentList(links=(), functions=self.mesh.functions(*detours[a, b])),
            )
            for (a, b), function in self.protected.items()
            if a == number
        }
        return Intended(
            attachments={one.id: one for one in attachments},
            policies={one.service: one for one in policies},
            protections=protections,
        )

    def silent(self, a: int, b: int, *, repaired: bool) -> None:
        """What the watchers at both ends of a link do when it is lost in silence, or is good again."""
        for here, there in ((a, b), (b, a)):
            router = self.mesh.routers[here - 1]
            with Kernel(router.namespace) as kernel:
                ways = [
                    Route(
                        dst=f"{alias}/128", table=n.TABLE_HOPS, nhid=nhid, metric=n.METRIC_SILENT,
                        protocol=n.PROTOCOL_WATCHER,
                    )
                    for alias, nhid in repairs(router.config, router.intended)[self.mesh.port(here, there).interface]
                ]  # fmt: skip
                kernel.do([(route.replace if repaired else route.delete)(way) for way in ways])


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    with ExitStack() as undo:
        made = undo.enter_context(mesh(EDGES, tmp_path_factory.mktemp("routers")))
        for one in SERVICES:
            for name, end, node in (("here", one.here, one.walk[0]), ("there", one.there, one.walk[-1])):
                host(made, f"{one.name}.{name}", node, str(end.interface), end.addresses, undo)
        for name, address in (("here", "10.9.0.1"), ("there", "10.9.0.2")):
            made.run(f"wire.{name}", "ip", "addr", "add", f"{address}/24", "dev", "e0")
        found = Net(mesh=made, protected={step: 0xE800 + at for at, step in enumerate(SHORT)})
        found.tell(SHORT)
        for one in (FAR, NEAR):
            for family in FAMILIES:
                assert any(made.ping(f"{one.name}.here", far(one, family)) == 3 for _ in range(5))
        assert any(made.ping("wire.here", "10.9.0.2") == 3 for _ in range(5))
        yield found


@pytest.fixture(params=["short", "long"])
def detours(request: pytest.FixtureRequest, net: Net) -> Iterator[Ways]:
    chosen = SHORT if request.param == "short" else LONG
    net.tell(chosen)
    yield chosen
    for lost in LOST:
        net.mesh.light(*lost, on=True)


LOST = ((1, 2), (2, 3))
"""Where the headend itself repairs, and where a router on the way does."""


@pytest.mark.parametrize("lost", LOST)
def test_the_kernel_goes_around_a_link_without_light(net: Net, detours: Ways, lost: tuple[int, int]) -> None:
    made = net.mesh
    made.light(*lost, on=False)
    everything_passes(made)


@pytest.mark.parametrize("lost", LOST)
def test_one_message_goes_around_a_link_that_is_silent(net: Net, detours: Ways, lost: tuple[int, int]) -> None:
    net.silent(*lost, repaired=True)
    try:
        assert not over(net, *lost), "nothing goes over the link itself"
    finally:
        net.silent(*lost, repaired=False)
    assert over(net, *lost)


@pytest.mark.parametrize("lost", LOST)
@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_is_lost_by_a_repair_nor_by_its_end(net: Net, lost: tuple[int, int], family: int) -> None:
    with ExitStack() as undo:
        lanes = [undo.enter_context(to(net.mesh, one, family)) for one in (FAR, NEAR)]
        stream = Stream(lanes, 2000)
        with stream:
            for _ in range(20):
                net.silent(*lost, repaired=True)
                net.silent(*lost, repaired=False)
        assert stream.sent > 0
        assert stream.lost() == []


@pytest.mark.parametrize("lost", LOST)
def test_a_packet_is_as_it_was_behind_its_detour(net: Net, detours: Ways, lost: tuple[int, int]) -> None:
    """Its class is on the header of the detour, and on its own once it is past: as if it had come by the link."""
    made = net.mesh
    walk = detours[lost]
    before = headers(net, (2, 3), AF_INET6) if lost == (1, 2) else set()
    net.silent(*lost, repaired=True)
    try:
        outer = headers(net, (walk[0], walk[1]), AF_INET6)
        assert {dscp for dscp, _, _ in outer} == {DSCP}
        if lost == (1, 2):
            assert headers(net, (2, 3), AF_INET6) == before, "past the detour a packet is as ever"
        assert {dscp for dscp, _, _ in headers(net, (walk[-2], walk[-1]), AF_INET)} == {DSCP}
    finally:
        net.silent(*lost, repaired=False)
    assert made.ping("far.here", far(FAR, AF_INET)) == 3


@pytest.mark.parametrize("lost", LOST)
def test_the_largest_packet_passes_along_the_longest_detour(net: Net, detours: Ways, lost: tuple[int, int]) -> None:
    made = net.mesh
    net.silent(*lost, repaired=True)
    try:
        for family, header in ((AF_INET, 28), (AF_INET6, 48)):
            assert made.ping("far.here", far(FAR, family), size=9000 - header, more=("-M", "do")) == 3
        assert made.ping("wire.here", "10.9.0.2", size=9000 - 28, more=("-M", "do")) == 3
    finally:
        net.silent(*lost, repaired=False)


def test_what_a_customers_edge_does_not_answer_is_said_along_the_way_back(net: Net) -> None:
    """The far router marks what ends there, detour or not: so its error finds the customer's own table."""
    made = net.mesh
    gone = "far.there"
    for repaired in (False, True):
        if repaired:
            net.silent(2, 3, repaired=True)
        try:
            made.run(gone, "ip", "link", "set", "e0", "arp", "off")
            made.run("r3", "ip", "neigh", "flush", "dev", "a1")
            said = made.run("far.here", "ping", "-c1", "-W4", far(FAR, AF_INET), check=False, timeout_s=10)
            assert f"From {FAR.there.addresses.pe4}" in said, said
        finally:
            made.run(gone, "ip", "link", "set", "e0", "arp", "on")
            if repaired:
                net.silent(2, 3, repaired=False)
    made.routers[2].converge()
    assert any(made.ping("far.here", far(FAR, AF_INET)) == 3 for _ in range(5))


def test_what_is_told_is_what_the_kernel_holds(net: Net) -> None:
    """Also while a watcher has repaired: what it put there is not the agent's to take away."""
    net.silent(1, 2, repaired=True)
    try:
        assert [router.converge() for router in net.mesh.routers] == [0] * len(net.mesh.routers)
    finally:
        net.silent(1, 2, repaired=False)
    net.tell(LONG)
    assert [router.converge() for router in net.mesh.routers] == [0] * len(net.mesh.routers)


def test_a_detour_is_replaced_under_traffic_and_under_a_repair(net: Net) -> None:
    net.silent(2, 3, repaired=True)
    try:
        with to(net.mesh, FAR, AF_INET6) as way:
            stream = Stream([way], 2000)
            with stream:
                for chosen in (LONG, SHORT) * 5:
                    net.tell(chosen)
            assert stream.lost() == []
        everything_passes(net.mesh)
    finally:
        net.silent(2, 3, repaired=False)


# --- below ---------------------------------------------------------------------------------------------------


def far(one: End, family: int) -> str:
    return one.there.addresses.ce4 if family == AF_INET else one.there.addresses.ce6


def to(made: Mesh, one: End, family: int) -> AbstractContextManager[Lane]:
    return lane(f"{made.prefix}-{one.name}.here", f"{made.prefix}-{one.name}.there", far(one, family))


def everything_passes(made: Mesh) -> None:
    """There and back, each of three packets: both families, routed and bridged."""
    for one in (FAR, NEAR):
        for family in FAMILIES:
            assert made.ping(f"{one.name}.here", far(one, family)) == 3, (one.name, family)
    assert made.ping("wire.here", "10.9.0.2") == 3, "wire"


def over(net: Net, a: int, b: int) -> bool:
    """Whether customers' packets leave by a link, either way, while everything passes."""
    made = net.mesh
    with ExitStack() as undo:
        wires = [
            undo.enter_context(Frames(f"{made.prefix}-r{here}", made.port(here, there).interface))
            for here, there in ((a, b), (b, a))
        ]
        everything_passes(made)
        return any(outer_of(frame) is not None for wire in wires for frame in wire.taken(outgoing=True))


def headers(net: Net, link: tuple[int, int], family: int) -> set[tuple[int, int, Sequence[str]]]:
    """The outermost headers that leave by a link for some packets of a service: class, hops left, where to."""
    made = net.mesh
    a, b = link
    with Frames(f"{made.prefix}-r{a}", made.port(a, b).interface) as wire, to(made, FAR, family) as way:
        assert way.passes(5) == 5
        seen = [outer_of(frame) for frame in wire.taken(outgoing=True)]
    return {(one.dscp, one.hop_limit, one.segments) for one in seen if one is not None}
