"""Policies to halves and back: exact, and never taken for whole where they are not."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from highroad.fabric.linux.compile import (
    NUMBERS,
    CannotCompile,
    Half,
    addresses_of,
    function_of,
    halves_of,
    interface_of,
    next_free,
    number_of,
    policy_of,
)
from highroad.fabric.linux.inventory import CorePort, Facts
from highroad.gnmi.router import (
    ATTACHMENT_FUNCTIONS,
    NODE_IDS,
    attachment_from_json,
    attachment_to_json,
    policy_from_json,
    policy_to_json,
)
from highroad.model.network import LinkId, SiteId
from highroad.model.policy import CandidatePath, Policy
from highroad.model.service import ServiceKind, TrafficClass
from tests.unit.fabric.small import backbone, path, policy

SQUARE = backbone("a-b", "b-d", "a-c", "c-d")
A, D = SiteId("a"), SiteId("d")
ROUTERS = {
    site.id: Facts(
        site=site.id,
        node=node,
        rate_scale=1.0,
        core={
            link.id: CorePort(link=link.id, interface=f"c{at}", function=0xE000 + at, capacity_gbps=100.0)
            for at, link in enumerate(one for one in SQUARE.links if one.tail == site.id)
        },
    )
    for node, site in enumerate(SQUARE.sites, 1)
}
WEIGHTED = replace(
    policy("s", "a>b>d", gbps=10.0, ceiling_gbps=40.0),
    there=(
        CandidatePath(preference=200, segment_lists=(path("a>b>d", 3), path("a>c>d", 1))),
        CandidatePath(preference=100, segment_lists=(path("a>c>d"),)),
    ),
)


def told(one: Policy, *, lab: bool = True) -> dict[SiteId, Half]:
    """The halves of a policy, as they come back from a router's JSON."""
    halves = halves_of(one, SQUARE, ROUTERS, (1, 7), own_interfaces=lab)
    return {
        site: Half(
            attachment=attachment_from_json(attachment_to_json(half.attachment)) if half.attachment else None,
            policy=policy_from_json(policy_to_json(half.policy)) if half.policy else None,
        )
        for site, half in halves.items()
    }


@given(
    mbps=st.integers(0, 10_000_000),
    burst_mbps=st.integers(0, 10_000_000),
    kind=st.sampled_from(ServiceKind),
    traffic_class=st.sampled_from(TrafficClass),
    vlan=st.none() | st.integers(1, 4094),
    lab=st.booleans(),
)
def test_what_is_told_reads_back_equal(
    mbps: int, burst_mbps: int, kind: ServiceKind, traffic_class: TrafficClass, vlan: int | None, lab: bool
) -> None:
    made = policy("s", "a>b>d", gbps=mbps / 1000, ceiling_gbps=max(mbps, burst_mbps) / 1000)
    assert made.a is not None
    asked = replace(
        made,
        kind=kind,
        traffic_class=traffic_class,
        a=replace(made.a, vlan=vlan, prefixes=("10.1.0.0/16", "fd00::/48"), mtu_bytes=1500),
    )
    assert policy_of(asked.service, told(asked, lab=lab)) == asked


def test_weights_and_preferences_read_back_equal() -> None:
    assert policy_of(WEIGHTED.service, told(WEIGHTED)) == WEIGHTED


def test_each_headend_leads_to_the_other_and_to_what_is_behind_it() -> None:
    one = policy("s", "a>b>d")
    assert one.b is not None
    halves = told(replace(one, b=replace(one.b, prefixes=("10.2.0.0/16",), mtu_bytes=1500)))
    near, far = halves[A], halves[D]
    assert near.policy is not None
    assert far.attachment is not None
    assert near.policy.remote_node == ROUTERS[D].node
    assert near.policy.remote_function == far.attachment.function == function_of(7)
    ce4, ce6 = far.attachment.addresses.ce4, far.attachment.addresses.ce6
    assert near.policy.prefixes == (f"{ce4}/32", f"{ce6}/128", "10.2.0.0/16")
    assert near.policy.mtu_bytes == 1500
    assert near.policy.candidate_paths[0].segment_lists[0].functions == (
        ROUTERS[A].core[LinkId("a>b")].function,
        ROUTERS[SiteId("b")].core[LinkId("b>d")].function,
    )


def test_a_damaged_service_is_no_policy_that_anybody_wants() -> None:
    whole = told(WEIGHTED)
    nothing = Half(attachment=None, policy=None)
    parts = [
        [half, Half(attachment=half.attachment, policy=None), Half(attachment=None, policy=half.policy), nothing]
        for half in whole.values()
    ]
    for a, d in product(*parts):
        held = {site: half for site, half in zip(whole, (a, d), strict=True) if half != nothing}
        read = policy_of(WEIGHTED.service, held)
        if (a, d) == tuple(whole.values()):
            assert read == WEIGHTED
        elif not held:
            assert read is None
        else:
            assert read is not None
            assert (read.a, read.b) == (None, None)


@pytest.mark.parametrize("field", ["traffic_class", "guaranteed_kbps", "ceiling_kbps", "remote_function", "prefixes"])
def test_halves_of_two_policies_do_not_fit(field: str) -> None:
    one = told(WEIGHTED)
    half = one[D]
    assert half.policy is not None
    other = {
        "traffic_class": TrafficClass.BULK,
        "guaranteed_kbps": 9,
        "ceiling_kbps": 10**9,
        "remote_function": function_of(9),
        "prefixes": half.policy.prefixes[:1],
    }
    one[D] = Half(attachment=half.attachment, policy=replace(half.policy, **{field: other[field]}))  # type: ignore[arg-type]
    read = policy_of(WEIGHTED.service, one)
    assert read is not None
    assert read.a is None


def test_addresses_are_unique_to_a_router_and_a_number() -> None:
    used = [
        (addresses.pe4, addresses.ce4, addresses.pe6, addresses.ce6)
        for node in (NODE_IDS[0], 2, 1000, NODE_IDS[-1])
        for number in (NUMBERS[0], 2, 512, NUMBERS[-1])
        for addresses in [addresses_of(node, number)]
    ]
    flat = [address for four in used for address in four]
    assert len(set(flat)) == len(flat)
    shared, private = ip_network("100.64.0.0/10"), ip_network("fd64::/16")
    for pe4, ce4, pe6, ce6 in used:
        assert {ip_network(ce4).supernet(), ip_network(pe4).supernet()} == {ip_network(f"{pe4}/31")}
        assert ip_network(pe4).subnet_of(shared)  # type: ignore[arg-type]
        assert {ip_network(pe6).supernet(), ip_network(ce6).supernet()} == {ip_network(f"{pe6}/127")}
        assert ip_network(pe6).subnet_of(private)  # type: ignore[arg-type]
    assert addresses_of(7, 3).pe6 == "fd64:7:3::"


def test_numbers_are_functions_and_names_that_a_kernel_takes() -> None:
    for number in NUMBERS:
        assert function_of(number) in ATTACHMENT_FUNCTIONS
        assert number_of(function_of(number)) == number
        assert len(interface_of(number, 4094)) <= 15
    assert next_free({1, 2, 4}, 0) == 3
    assert next_free({1, 2, 4}, 4) == 5
    assert next_free({1, NUMBERS[-1]}, NUMBERS[-1] - 1) == 2
    assert next_free(set(NUMBERS), 7) is None


def test_what_cannot_be_told_says_why() -> None:
    without_ports = {**ROUTERS, SiteId("b"): replace(ROUTERS[SiteId("b")], core={})}
    without_b = {site: facts for site, facts in ROUTERS.items() if site != "b"}
    one = policy("s", "a>b>d")
    cases = [
        (replace(one, a=None), ROUTERS, "what is attached"),
        (one, without_ports, "b has no port for the link b>d"),
        (one, without_b, "no router at b"),
        (replace(one, a=one.b, b=one.a), ROUTERS, "its path starts at a"),
    ]
    for wrong, routers, says in cases:
        with pytest.raises(CannotCompile, match=says):
            halves_of(wrong, SQUARE, routers, (1, 1), own_interfaces=True)
