"""Hosts and their wires: laid and taken, many on one port, and what a host sends is what its far end counts."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from highroad.errors import NotFound, Unavailable
from highroad.model.network import FibreId, SiteId
from highroad.model.service import PortId, ServiceId, ServiceKind
from highroad.netlink.kernel import Kernel
from tests.lab.rig import Rig, inside, lab, load, needs_root, pinged, wires

pytestmark = needs_root

SCALE = 0.001
LATENCY_MS = 5.0


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    with lab(tmp_path_factory.mktemp("hosts") / "lab", "a-b", "b-c", latency_ms=LATENCY_MS, rate_scale=SCALE) as up:
        yield up


@pytest.fixture(autouse=True)
def _bare(rig: Rig) -> Iterator[None]:
    yield
    for fibre in rig.do(rig.client.cuts()):
        rig.do(rig.client.uncut(fibre))
    rig.do(rig.client.detach(sorted(rig.do(rig.client.wired()))))


def test_hosts_reach_each_other_by_every_address(rig: Rig) -> None:
    a, b = wires("s-1", "a", "c")
    rig.attach(a, b)
    rig.steer("a>b>c", a, b)
    host = rig.id.host("port-a")
    for address in (b.ce4, b.ce6, "10.1.1.1", "10.1.1.77", "fd10:1:1::1", "fd10:1:1::77"):
        assert pinged(host, address, "-c", "3")[0] == 3, address
    for source in ("10.1.0.1", a.ce4):
        assert pinged(host, "10.1.1.1", "-c", "2", "-I", source)[0] == 2, source
    assert " 0% packet loss" in inside(host, "ping", "-q", "-c", "3", "-M", "do", "-s", str(9000 - 28), b.ce4)


def test_wires_that_lie_stay_and_a_changed_one_is_laid_anew(rig: Rig) -> None:
    from dataclasses import replace

    a, b = wires("s-1", "a", "c")
    rig.attach(a, b)
    with Kernel(rig.router("a")) as kernel:
        before = kernel.index("cust1")
        rig.attach(a, b)
        assert kernel.index("cust1") == before
        rig.attach(replace(a, mtu_bytes=1500))
        assert kernel.index("cust1") != before
        laid = kernel.link("cust1")
        assert laid is not None
        assert laid.mtu == 1500
    assert rig.do(rig.client.wired()) == {"s-1.a", "s-1.b"}


def test_a_wire_that_cannot_be_laid_is_told_why_and_the_others_lie(rig: Rig) -> None:
    from dataclasses import replace

    a, b = wires("s-1", "a", "c")
    refused = rig.do(
        rig.client.attach(
            [
                a,
                replace(b, site=SiteId("nowhere")),
                replace(b, attachment="s-2.b", interface="an-interface-name-too-long"),
                replace(b, attachment="s-3.b", mtu_bytes=9001),
                replace(a, attachment="s-4.a"),
                replace(b, attachment="s-5.b", interface="c0"),
            ]
        )
    )
    assert {name: reason.split(":")[0] for name, reason in refused.items()} == {
        "s-1.b": "the lab has no router at nowhere",
        "s-2.b": "`an-interface-name-too-long` is no name of an interface",
        "s-3.b": "an MTU of 9001 is not between 68 and 9000",
        "s-4.a": "cust1 at a is the interface of s-1.a already",
        "s-5.b": "the kernel refused it",
    }
    assert rig.do(rig.client.wired()) == {"s-1.a"}


def test_nothing_of_a_wire_is_left(rig: Rig) -> None:
    rig.attach(*wires("s-0", "a", "c", 9))  # so that the hosts are there
    before = [state(rig.id.host(port)) for port in ("port-a", "port-c")]
    for _ in range(3):
        rig.attach(*wires("s-1", "a", "c", 1), *wires("s-2", "a", "c", 2))
        rig.do(rig.client.detach(["s-1.a", "s-1.b", "s-2.a", "s-2.b", "s-3.a"]))
    assert [state(rig.id.host(port)) for port in ("port-a", "port-c")] == before
    assert "cust1" not in inside(rig.router("a"), "ip", "link")


def test_two_services_of_one_port_with_the_same_prefixes_keep_to_their_own_wires(rig: Rig) -> None:
    from dataclasses import replace

    one, two = wires("s-1", "a", "c", 1), wires("s-2", "a", "c", 2)
    two = (replace(two[0], prefixes=one[0].prefixes), replace(two[1], prefixes=one[1].prefixes))
    rig.attach(*one, *two)
    host = rig.id.host("port-a")
    for wire in (one[0], two[0]):
        said = inside(host, "ip", "route", "get", "10.1.1.1" if wire is one[0] else two[1].ce4, "from", wire.ce4)
        assert f"via {wire.pe4}" in said
    rig.do(rig.client.detach([one[0].attachment, one[1].attachment]))
    assert "10.1.0.1" in inside(host, "ip", "address", "show", "dev", "lo")  # the other service has it too


def test_many_wires_are_laid_and_taken_at_once(rig: Rig) -> None:
    pairs = [wires(f"s-{number}", "a", "c", number) for number in range(1, 61)]
    began = time.monotonic()
    rig.attach(*(wire for pair in pairs for wire in pair))
    laid_s = time.monotonic() - began
    began = time.monotonic()
    rig.do(rig.client.detach([wire.attachment for pair in pairs for wire in pair]))
    taken_s = time.monotonic() - began
    assert rig.do(rig.client.wired()) == frozenset()
    assert laid_s < 2.0
    assert taken_s < 2.0


def test_what_is_sent_is_counted_at_the_far_end_byte_by_byte(rig: Rig) -> None:
    """The kernel counts as well: what enters the router from the host, and what leaves it at the far end."""
    a, b = wires("s-1", "a", "c")
    rig.attach(a, b)
    rig.steer("a>b>c", a, b)
    pinged(rig.id.host("port-a"), b.ce4, "-c", "2")
    rig.do(rig.client.carry([load("s-1", 10.0)]))
    rig.do(rig.client.offer(ServiceId("s-1"), 4.0))
    time.sleep(2.5)
    flow = rig.do(rig.client.flows())[ServiceId("s-1")]
    assert flow.offered_gbps == 8.0
    assert (flow.lost_bytes, flow.dark_s) == (0.0, 0.0)
    for latency in (flow.latency_ms_there, flow.latency_ms_back):
        assert latency is not None
        assert 2 * LATENCY_MS - 0.3 <= latency <= 2 * LATENCY_MS + 10.0  # other processes have the machine as well
    rig.do(rig.client.offer(ServiceId("s-1"), 0.0))
    time.sleep(0.3)
    before = rig.do(rig.client.traffic())["s-1"], udp(rig, "a"), udp(rig, "c")
    rig.do(rig.client.offer(ServiceId("s-1"), 4.0))
    time.sleep(3.0)
    rig.do(rig.client.offer(ServiceId("s-1"), 0.0))
    time.sleep(0.3)
    after = rig.do(rig.client.traffic())["s-1"], udp(rig, "a"), udp(rig, "c")
    there = after[0].there.received_packets - before[0].there.received_packets
    back = after[0].back.received_packets - before[0].back.received_packets
    assert after[0].there.sent_packets - before[0].there.sent_packets == there
    assert after[0].back.sent_packets - before[0].back.sent_packets == back
    assert (after[1] - before[1], after[2] - before[2]) == (back, there)
    sent = after[0].there.sent_bytes - before[0].there.sent_bytes
    assert sent * 8 / 3.0 == pytest.approx(4.0e9 * SCALE, rel=0.05)


def test_a_cut_is_lost_and_dark_and_then_it_is_over(rig: Rig) -> None:
    a, b = wires("s-1", "a", "c")
    rig.attach(a, b)
    rig.steer("a>b>c", a, b)
    pinged(rig.id.host("port-a"), b.ce4, "-c", "2")
    rig.do(rig.client.carry([load("s-1", 10.0)]))
    time.sleep(0.5)
    rig.do(rig.client.cut(FibreId("b-c"), silent=True))
    began = time.monotonic()
    time.sleep(0.8)
    in_the_dark = rig.do(rig.client.flows())[ServiceId("s-1")]
    assert in_the_dark.dark_s == pytest.approx(time.monotonic() - began, abs=0.4)
    rig.do(rig.client.uncut(FibreId("b-c")))
    dark_s = time.monotonic() - began
    time.sleep(0.4)
    one = rig.do(rig.client.traffic())["s-1"]
    assert one.dark_s == pytest.approx(dark_s, abs=0.3)
    assert one.there.longest_gap_ms == pytest.approx(dark_s * 1000, abs=300)
    for way in (one.there, one.back):
        assert way.lost_packets > 10
        assert way.sent_packets - way.received_packets - way.lost_packets < 10  # on their way
    again = rig.do(rig.client.traffic())["s-1"]
    time.sleep(0.5)
    later = rig.do(rig.client.traffic())["s-1"]
    assert later.there.lost_packets == again.there.lost_packets
    assert later.dark_s == again.dark_s
    assert later.there.received_packets > again.there.received_packets


def test_a_wire_that_is_laid_anew_goes_on_sending_and_counting(rig: Rig) -> None:
    from dataclasses import replace

    a, b = wires("s-1", "a", "c")
    rig.attach(a, b)
    rig.steer("a>b>c", a, b)
    rig.do(rig.client.carry([load("s-1", 10.0)]))
    time.sleep(0.5)
    before = rig.do(rig.client.traffic())["s-1"]
    rig.attach(replace(a, mtu_bytes=1500))
    rig.steer("a>b>c", a, b)
    time.sleep(1.5)
    after = rig.do(rig.client.traffic())["s-1"]
    assert after.there.received_packets > before.there.received_packets
    assert after.back.received_packets > before.back.received_packets
    time.sleep(0.5)
    assert rig.do(rig.client.traffic())["s-1"].there.lost_packets == after.there.lost_packets


def test_hosts_send_only_what_they_are_told_to(rig: Rig) -> None:
    a, b = wires("s-1", "a", "c")
    rig.attach(a, b)
    assert rig.do(rig.client.flows()) == {}
    with pytest.raises(NotFound, match=r"no wire lies for s-2\.a"):
        rig.do(rig.client.carry([load("s-2")]))
    rig.do(rig.client.offer(ServiceId("s-1"), 3.0))  # told before it is carried
    rig.do(rig.client.carry([load("s-1")]))
    assert rig.do(rig.client.flows())[ServiceId("s-1")].offered_gbps == 6.0
    rig.do(rig.client.offer(ServiceId("s-1"), None))
    assert 11.0 <= rig.do(rig.client.flows())[ServiceId("s-1")].offered_gbps <= 19.0
    rig.do(rig.client.carry([load("s-1", 100.0)]))
    assert 110.0 <= rig.do(rig.client.flows())[ServiceId("s-1")].offered_gbps <= 190.0
    rig.do(rig.client.detach(["s-1.b"]))
    assert rig.do(rig.client.flows()) == {}


def test_all_send_less_when_it_is_too_much(rig: Rig) -> None:
    a, b = wires("s-1", "a", "c")
    rig.attach(a, b)
    rig.do(rig.client.carry([load("s-1")]))
    rig.do(rig.client.offer(ServiceId("s-1"), 5000.0))
    one = rig.do(rig.client.traffic())["s-1"]
    assert one.offered_gbps == 10_000.0
    assert 0.01 < one.slowed < 0.1


def test_a_host_is_pinged_by_service(rig: Rig) -> None:
    a, b = wires("s-1", "a", "c")
    with pytest.raises(NotFound, match="no wires lie for the service s-1"):
        rig.do(rig.client.ping(ServiceId("s-1"), count=1, interval_ms=10, size_bytes=64))
    rig.attach(a, b)
    rig.steer("a>b>c", a, b)
    pinged(rig.id.host("port-a"), b.ce4, "-c", "2")
    echoes = rig.do(rig.client.ping(ServiceId("s-1"), count=5, interval_ms=10, size_bytes=9000))
    assert [echo.sequence for echo in echoes] == [1, 2, 3, 4, 5]
    for echo in echoes:
        assert echo.rtt_ms is not None
        assert 4 * LATENCY_MS - 0.5 <= echo.rtt_ms <= 4 * LATENCY_MS + 10.0
    rig.do(rig.client.cut(FibreId("a-b")))
    lost = rig.do(rig.client.ping(ServiceId("s-1"), count=2, interval_ms=10, size_bytes=64))
    assert [echo.rtt_ms for echo in lost] == [None, None]


def test_hosts_of_an_ethernet_service_are_in_one_subnet(rig: Rig) -> None:
    a, b = wires("s-1", "a", "c", kind=ServiceKind.ETHERNET)
    rig.attach(a, b)
    (four,) = [
        line for line in inside(rig.id.host("port-a"), "ip", "-br", "-4", "address").splitlines() if "e" in line[:2]
    ]
    (far,) = [
        line for line in inside(rig.id.host("port-c"), "ip", "-br", "-4", "address").splitlines() if "e" in line[:2]
    ]
    mine, theirs = four.split()[2], far.split()[2]
    assert mine != theirs
    assert mine.rpartition(".")[0] == theirs.rpartition(".")[0]
    assert inside(rig.id.host("port-a"), "ip", "route", "get", theirs.partition("/")[0]).split()[1] == "dev"


def test_a_port_has_a_host_of_its_own(rig: Rig) -> None:
    rig.attach(*wires("s-1", "a", "c"))
    hosts = rig.do(rig.client.info()).hosts
    assert hosts[PortId("port-a")] == rig.id.host("port-a")
    assert "cust1" not in inside(hosts[PortId("port-a")], "ip", "link")


def test_a_port_has_its_host_before_any_service(rig: Rig) -> None:
    ports = [PortId("port-a"), PortId("acme.b"), PortId("a/b")]
    rig.do(rig.client.plug(ports))
    hosts = rig.do(rig.client.status()).hosts
    assert {port: hosts[port] for port in ports} == {port: rig.id.host(port) for port in ports}
    for port in ports:
        assert "UP" in inside(hosts[port], "ip", "-br", "link", "show", "lo")
    a, c = wires("s-1", "a", "c")
    rig.attach(a, c)
    rig.do(rig.client.plug(ports))  # a host that is there stays, with its wires
    assert a.ce4 in inside(hosts[PortId("port-a")], "ip", "-br", "address")


def test_the_wires_of_a_dead_router_are_dark(rig: Rig) -> None:
    rig.attach(*wires("s-1", "a", "c"))
    rig.do(rig.client.kill_router(SiteId("a")))
    try:
        rig.attach(*wires("s-2", "a", "c", 2))
        with Kernel(rig.router("a")) as kernel:
            for name in ("cust1", "cust2"):
                link = kernel.link(name)
                assert link is not None
                assert not link.carrier
    finally:
        rig.do(rig.client.revive_router(SiteId("a")))
    with Kernel(rig.router("a")) as kernel:
        link = kernel.link("cust2")
        assert link is not None
        assert link.carrier


def test_a_lab_that_is_not_up_says_so(rig: Rig) -> None:
    from highroad.lab.client import LabClient

    with pytest.raises(Unavailable, match="no lab is up"):
        rig.do(LabClient.connect(rig.folder / "nothing"))


def state(namespace: str) -> list[str]:
    """Everything that a wire leaves in a host."""
    shown = [
        inside(namespace, "ip", *what.split())
        for what in (
            "-br address", "rule", "-6 rule", "route show table all", "-6 route show table all", "-br link",
        )
    ]  # fmt: skip
    return [text for text in shown if "expires" not in text]


def udp(rig: Rig, site: str) -> int:
    """How many UDP packets the host's sockets were given, as its kernel counts them."""
    said = inside(rig.id.host(f"port-{site}"), "cat", "/proc/net/snmp")
    names, values = (line.split() for line in said.splitlines() if line.startswith("Udp:"))
    return int(dict(zip(names, values, strict=True))["InDatagrams"])
