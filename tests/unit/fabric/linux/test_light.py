"""From dark ports to the fibres that explain them."""

from __future__ import annotations

from dataclasses import replace

from highroad.fabric.linux.light import PortLight, dark_fibres, dark_links
from highroad.model.network import FibreId, Link, LinkId, Network, SiteId
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
