"""Values are checked and spelled one way at birth, so that what is wanted compares with what is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from highroad.netlink import address, nexthop, qdisc, route, rule, seg6
from highroad.netlink import filter as filters
from highroad.netlink.message import AF_INET, AF_INET6

rates = st.integers(1, 400 * 10**9 // 8)
bursts = st.integers(0, 10**9)
addresses = st.ip_addresses(v=6).map(str)


def test_two_spellings_are_one_route() -> None:
    one = route.Route(dst="fc00:0:0:0::/48", via="FD00:0::1", dev=3)
    other = route.Route(family=AF_INET6, dst="fc00::/48", via="fd00::1", dev=3, metric=1024)
    assert one == other
    assert hash(one) == hash(other)


def test_a_route_has_the_family_of_its_prefix() -> None:
    assert route.Route(dst="0.0.0.0/0").family == AF_INET
    assert route.Route(dst="::/0").family == AF_INET6
    with pytest.raises(ValueError, match="not of address family"):
        route.Route(family=AF_INET, dst="::/0")
    with pytest.raises(ValueError, match="not of address family"):
        address.Address(family=AF_INET6, address="10.0.0.1", prefix_len=32, index=1)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: route.Route(dst="10.0.0.1/8"), "bits set"),
        (lambda: route.Route(dst="10.0.0.0/8", kind="magic"), "no kind of route"),
        (lambda: seg6.Seg6Encap(mode="encap", segments=()), "between 1 and 127"),
        (lambda: seg6.Seg6Encap(mode="encap", segments=("::1",) * 128), "between 1 and 127"),
        (lambda: seg6.Seg6Encap(mode="magic", segments=("::1",)), "no way to put"),
        (lambda: seg6.Seg6Local(action="End.Magic"), "nothing that a SID does"),
        (lambda: rule.Rule(family=2, priority=1), "names its table"),
        (lambda: rule.Rule(family=2, priority=1, action="magic"), "nothing that a rule does"),
        (lambda: nexthop.NexthopGroup(id=1, members=()), "no members"),
        (lambda: nexthop.NexthopGroup(id=1, members=((2, 0),)), "weight 0"),
        (lambda: nexthop.NexthopGroup(id=1, members=((2, 65537),)), "weight 65537"),
        (lambda: qdisc.HtbClass(index=1, handle=1, parent=1, rate_bps=0), "at least one byte"),
    ],
)
def test_what_no_kernel_takes_is_refused_at_birth(make: Any, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        make()


def test_what_is_only_counted_does_not_make_values_differ() -> None:
    counted = seg6.Seg6Local(action="End", count=True, counters=(1, 2, 3))
    assert counted == seg6.Seg6Local(action="End", count=True)
    assert nexthop.Nexthop(id=1, dev=2, dead=True) == nexthop.Nexthop(id=1, dev=2)


@given(rate=rates, ceil=rates, burst=bursts, cburst=bursts)
def test_bursts_survive_their_way_through_ticks(rate: int, ceil: int, burst: int, cburst: int) -> None:
    """A class is equal to itself once sent and read, at every rate up to 400 Gbit/s."""
    wanted = qdisc.HtbClass(
        index=1, handle=0x10001, parent=0x10000, rate_bps=rate, ceil_bps=ceil, burst=burst, cburst=cburst
    )
    assert qdisc.parse_class(qdisc.create(wanted).body) == wanted


@given(rate=rates)
def test_a_burst_is_never_less_than_asked(rate: int) -> None:
    made = qdisc.HtbClass(index=1, handle=0x10001, parent=0x10000, rate_bps=rate, burst=1600)
    assert made.burst is not None
    assert made.burst >= 1600 or made.burst == 0xFFFFFFFF * 64 * rate // 10**9


@given(segments=st.lists(addresses, min_size=1, max_size=20), mode=st.sampled_from(["encap", "encap.red", "inline"]))
def test_a_segment_list_keeps_its_order(segments: list[str], mode: str) -> None:
    wanted = seg6.Seg6Encap(mode=mode, segments=tuple(segments))
    assert seg6.decode(*seg6.encode(wanted)) == wanted


def test_the_first_segment_is_last_in_the_routing_header() -> None:
    """RFC 8754, section 2: Segment List[0] is the last segment of the path."""
    header = seg6.srh(["fc00::1", "fc00::2", "fc00::3"])
    assert header[:8] == bytes([0, 6, 4, 2, 2, 0, 0, 0])
    assert header[8:24].hex().endswith("3")
    assert header[40:56].hex().endswith("1")


@given(weights=st.lists(st.integers(1, 65536), min_size=1, max_size=8))
def test_weights_of_16_bits_survive(weights: list[int]) -> None:
    wanted = nexthop.NexthopGroup(id=9, members=tuple(enumerate(weights, start=1)))
    assert nexthop.parse_nexthop(nexthop.create(wanted).body) == wanted


def test_a_mark_without_a_mask_is_compared_in_full() -> None:
    made = rule.Rule(family=2, priority=1, table=5, fwmark=7)
    assert made == rule.Rule(family=2, priority=1, table=5, fwmark=7, fwmask=0xFFFFFFFF)
    assert rule.Rule(family=2, priority=1, table=5, fwmask=0xF).fwmark == 0


def test_a_traffic_class_is_the_second_and_third_digit_of_the_header() -> None:
    """RFC 8200, section 3: version (4 bits), traffic class (8), flow label (20)."""
    (key,) = filters.ipv6_traffic_class(0xB8)
    assert f"{key.value:08x} {key.mask:08x}" == "0b800000 0fc00000"


def test_what_others_have_and_we_do_not_know_is_read_without_failing() -> None:
    """A host is not ours alone: a VRF's rule, a way of encapsulation and an action that came after us."""
    vrf = rule.Rule(family=AF_INET, priority=1000, vrf=True, protocol=2)
    assert rule.parse_rule(rule.create(vrf).body) == vrf
    kind, data = seg6.encode(seg6.Seg6Encap(mode="encap", segments=("fc00::1",)))
    assert seg6.decode(kind, data[:4] + b"\x63\0\0\0" + data[8:]) is None
    unknown = seg6.Seg6Local(action="#77")
    assert seg6.decode(*seg6.encode(unknown)) == unknown
    assert seg6.decode(99, data) is None
