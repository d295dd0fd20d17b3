"""From dark ports to the fibres that explain them."""

from __future__ import annotations

from dataclasses import replace

from highroad.fabric.linux.light import PortLight, dark_fibres, dark_links, why_dark
from highroad.fabric.linux.reported import Ports
from highroad.gnmi.path import parse
from highroad.gnmi.target import Notification
from highroad.model.incident import Reason
from highroad.model.network import FibreId, Link, LinkId, Network, SiteId
from highroad.ports import Down
from tests.unit.fabric.small import backbone

LIT = PortLight(up=True, since_s=0.0)


def dark(since_s: float) -> PortLight:
    return PortLight(up=False, since_s=since_s)


def over_two_fibres() -> Network:
    """a-b-c as spans, and an express link a>c (and back) over both fibres."""
    plain = backbone("a-b", "b-c")
    fibres = (FibreId("a-b"), FibreId("b-c"))
    express = [
        Link(id=LinkId(name), tail=SiteId(tail), head=SiteId(head), capacity_gbps=10.0, latency_ms=2.0, fibres=way)
        for name, tail, head, way in (("a>c", "a", "c", fibres), ("c>a", "c", "a", fibres[::-1]))
    ]
    return replace(plain, links=(*plain.links, *express))


def test_a_link_is_dark_when_either_end_says_so_since_the_first_of_them() -> None:
    network = backbone("a-b", "b-c")
    ports = {LinkId("a>b"): dark(5.0), LinkId("b>a"): dark(4.0), LinkId("b>c"): LIT}
    assert dark_links(network, ports) == {"a>b": 4.0, "b>a": 4.0}
    assert dark_links(network, {LinkId("b>a"): dark(4.0)}) == {"a>b": 4.0, "b>a": 4.0}
    assert dark_links(network, {}) == {}


def test_a_fibre_that_carries_other_light_is_not_blamed() -> None:
    network = over_two_fibres()
    links = dark_links(network, {LinkId("a>c"): dark(1.0), LinkId("a>b"): dark(2.0)})
    assert dark_fibres(network, links) == {"a-b": 1.0}


def test_what_is_known_to_be_cut_is_named_and_only_where_it_is_dark() -> None:
    network = over_two_fibres()
    links = dark_links(network, {LinkId("a>c"): dark(1.0)})
    assert dark_fibres(network, links, {FibreId("b-c")}) == {"b-c": 1.0}
    assert dark_fibres(network, {}, {FibreId("b-c")}) == {}


def test_where_every_fibre_carries_other_light_all_are_blamed_rather_than_none() -> None:
    network = over_two_fibres()
    assert dark_fibres(network, dark_links(network, {LinkId("a>c"): dark(1.0)})) == {"a-b": 1.0, "b-c": 1.0}


def port(interface: str, link: str, **said: object) -> dict[str, object]:
    return {"interface": interface, "link": link, "oper-status": "UP", **said}


def test_a_port_says_why_it_is_dark_though_light_comes_in() -> None:
    ports = Ports()
    ports.all(
        [
            port("c0", "a>b", **{"down-reason": "loss", "down-since": "2000000000", "repaired-at": "2500000000"}),
            port("c1", "a>c", **{"oper-status": "DOWN", "down-since": "3000000000"}),
            port("c2", "a>d", **{"down-reason": ""}),
        ]
    )
    assert ports.light() == {
        "a>b": PortLight(up=False, since_s=2.0, reason=Reason.LOSS, repaired_s=2.5),
        "a>c": PortLight(up=False, since_s=3.0),
        "a>d": LIT,
    }


def test_what_a_port_says_no_more_is_over() -> None:
    entry = parse("/router/state/core-port[interface=c0]")
    for over in (
        Notification(timestamp_ns=9, updates=((entry, port("c0", "a>b")),)),
        Notification(timestamp_ns=9, deletes=tuple(entry / leaf for leaf in ("down-reason", "down-since"))),
        Notification(timestamp_ns=9, updates=((entry / "down-reason", ""), (entry / "down-since", "0"))),
    ):
        ports = Ports()
        ports.all([port("c0", "a>b")])
        assert ports.heard(Notification(timestamp_ns=7, updates=((entry / "down-reason", "silent"),)))
        assert ports.light() == {"a>b": PortLight(up=False, since_s=7e-9, reason=Reason.SILENT)}
        assert ports.heard(over)
        assert ports.light() == {"a>b": LIT}


def test_why_a_fibre_is_dark_is_what_either_end_can_tell() -> None:
    network = backbone("a-b", "b-c")
    deaf = PortLight(up=False, since_s=2.0, reason=Reason.SILENT, repaired_s=2.001)
    mute = PortLight(up=False, since_s=2.1, reason=Reason.ONE_WAY, repaired_s=2.101)
    ports = {LinkId("a>b"): deaf, LinkId("b>a"): mute, LinkId("b>c"): dark(4.0), LinkId("c>b"): deaf}
    assert why_dark(network, ports, [FibreId("a-b"), FibreId("b-c")]) == {
        "a-b": Down(reason=Reason.ONE_WAY, repaired_s={SiteId("a"): 2.001, SiteId("b"): 2.101}),
        "b-c": Down(reason=Reason.LIGHT, repaired_s={SiteId("c"): 2.001}),
    }
    assert why_dark(network, {}, [FibreId("a-b")]) == {"a-b": Down()}
