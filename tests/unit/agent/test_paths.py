"""Which paths are measured, who used them when, and which ways answers may take."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv6Address
from types import MappingProxyType

import pytest

from highroad.agent.config import address_in, loopback_of
from highroad.agent.paths import MeasuredPath, Routers, Use, paths_of, used_between
from highroad.agent.selection import preferred
from highroad.gnmi.router import CandidatePath, Intended, SegmentList
from highroad.model.service import TrafficClass
from tests.unit.agent.told import policy

BLOCK = "fc00::/32"
LISTS = (
    SegmentList(links=(), functions=(0xE000, 0xE001), back_functions=(0xE003, 0xE002)),
    SegmentList(links=(), functions=(0xE004,)),
)


def packed(*micro: int) -> bytes:
    return IPv6Address(address_in(BLOCK, *micro)).packed


def test_each_path_is_there_once_whoever_uses_it() -> None:
    paths = (CandidatePath(preference=100, segment_lists=LISTS), CandidatePath(preference=50, segment_lists=LISTS[:1]))
    made = replace(policy(1), candidate_paths=paths, remote_node=7, traffic_class=TrafficClass.BULK)
    policies = {name: replace(made, service=name, attachment=f"{name}.b") for name in ("s", "t")}
    policies["u"] = replace(policies["t"], service="u", traffic_class=TrafficClass.ASSURED)
    found = paths_of(Intended(policies=MappingProxyType(policies)), preferred)
    assert {path.name: [(use.service, use.preference, use.list_index, use.in_use) for use in uses]
            for path, uses in found.items()} == {
        "e000.e001:7:e003.e002:bulk": [
            ("s", 100, 0, True), ("s", 50, 0, False), ("t", 100, 0, True), ("t", 50, 0, False)
        ],
        "e004:7:igp:bulk": [("s", 100, 1, True), ("t", 100, 1, True)],
        "e000.e001:7:e003.e002:assured": [("u", 100, 0, True), ("u", 50, 0, False)],
        "e004:7:igp:assured": [("u", 100, 1, True)],
    }  # fmt: skip
    assert {path.dscp for path in found} == {10, 34}


def use(service: str, *, in_use: bool = True) -> Use:
    return Use(service=service, attachment=f"{service}.a", preference=100, list_index=0, in_use=in_use)


def test_who_used_a_path_in_any_part_of_a_time_used_it() -> None:
    both = (10, (use("s"), use("t")))
    left = (20, (use("s", in_use=False), use("t")))
    gone = (30, (use("s", in_use=False),))
    history = [both, left, gone]
    assert used_between(history, 0, 5) == both[1]  # before anything is known, what is known first
    assert used_between(history, 10, 20) == both[1]
    assert used_between(history, 15, 25) == both[1]
    assert used_between(history, 20, 30) == left[1]
    assert used_between(history, 25, 35) == left[1]
    assert used_between(history, 30, 40) == gone[1]
    assert used_between(history, 90, 99) == gone[1]


@pytest.mark.parametrize(
    ("segments", "wanted"),
    [
        ((packed(0xE001, 0xE002, 7),), (0xE001, 0xE002)),
        ((packed(0xE001, 0xE002),), (0xE001, 0xE002)),
        ((packed(*[0xE001] * 6), packed(0xE802, 7)), (*[0xE001] * 6, 0xE802)),
        ((packed(0xE001, 8),), None),  # to another router
        ((packed(7),), None),
        ((packed(0xE001, 0xF000),), None),  # to a customer
        ((IPv6Address("2001:db8::1").packed,), None),
        ((packed(0xE001), bytes(16)), None),
        ((packed(0xE001, 0, 0xE002),), None),
        ((packed(*[0xE001] * 6),) * 11, None),  # too long
        ((), None),
    ],
)
def test_answers_go_along_links_and_to_who_asked(segments: tuple[bytes, ...], wanted: tuple[int, ...] | None) -> None:
    assert Routers(packed()[:4]).functions(segments, packed(7)) == wanted


@pytest.mark.parametrize(
    ("address", "node"),
    [(address_in(BLOCK, 7), 7), (loopback_of(BLOCK, 7), 7), (address_in(BLOCK, 7, 1), None), ("fc01:0:7::", None),
     (address_in(BLOCK, 0xE000), None), ("fc00:0:7::2", None), ("::1", None)],
)  # fmt: skip
def test_a_router_is_known_by_its_own_addresses(address: str, node: int | None) -> None:
    assert Routers(packed()[:4]).node(IPv6Address(address).packed) == node


def test_names_tell_paths_apart() -> None:
    one = MeasuredPath(functions=(0xE000,), back=(), node=7, traffic_class=TrafficClass.BULK)
    others = [replace(one, functions=(0xE001,)), replace(one, back=(0xE000,)), replace(one, node=8)]
    assert len({each.name for each in (one, *others)}) == 4
