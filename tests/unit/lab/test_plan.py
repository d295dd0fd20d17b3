"""What a lab of a network consists of."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address, ip_interface

import pytest

from highroad.errors import Invalid
from highroad.formats import detect
from highroad.formats.shipped import network_text
from highroad.lab.plan import Span, plan_of
from highroad.model.network import LinkId, Network
from tests.unit.fabric.small import backbone


def shipped(name: str) -> Network:
    network = detect.read(network_text(name)).network
    assert network is not None
    return network


@pytest.mark.parametrize("name", ["us-lab", "us", "global"])
def test_every_link_leaves_by_one_port_and_arrives_at_its_opposites(name: str) -> None:
    network = shipped(name)
    plan = plan_of(network)
    ports = {port.link: port for router in plan.routers for port in router.ports}
    assert set(ports) == set(network.link)
    for span in plan.spans:
        assert network.opposite[span.a.link] == span.b.link
        assert (network.link[span.a.link].tail, network.link[span.a.link].head) == (span.a.site, span.b.site)
        assert (span.a.address, span.a.neighbour) == (span.b.neighbour, span.b.address)
        assert ip_interface(f"{span.a.address}/127").network == ip_interface(f"{span.b.address}/127").network
    addresses = [ip_address(port.address) for port in ports.values()]
    assert len(set(addresses)) == len(addresses)
    for router in plan.routers:
        assert [port.interface for port in router.ports] == [f"c{at}" for at in range(len(router.ports))]
    assert len({router.node for router in plan.routers}) == len(network.sites)


def test_a_fibre_takes_every_span_on_it_dark() -> None:
    network = shipped("us")
    plan = plan_of(network)
    for fibre in network.fibres:
        links = {link for index in plan.spans_on.get(fibre.id, ()) for link in _links(plan.spans[index])}
        assert links == set(network.links_on.get(fibre.id, ()))


def test_parallel_links_over_the_same_fibre_each_have_their_own_opposite() -> None:
    network = backbone("a-b")
    doubled = [replace(link, id=LinkId(f"{link.id}#2")) for link in network.links]
    plan = plan_of(replace(network, links=(*network.links, *doubled)))
    assert [_links(span) for span in plan.spans] == [("a>b", "b>a"), ("a>b#2", "b>a#2")]
    assert [port.interface for port in plan.routers[0].ports] == ["c0", "c1"]


def test_a_link_without_an_opposite_is_refused_by_name() -> None:
    network = backbone("a-b", "b-c")
    with pytest.raises(Invalid, match="no opposite") as refused:
        plan_of(replace(network, links=network.links[:-1]))
    assert [finding.place for finding in refused.value.findings] == ["links[b>c]"]


def test_the_same_network_makes_the_same_plan() -> None:
    assert plan_of(shipped("us-lab")) == plan_of(shipped("us-lab"))


def _links(span: Span) -> tuple[str, str]:
    return span.a.link, span.b.link
