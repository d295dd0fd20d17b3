"""What paths find in a tree."""

from __future__ import annotations

from typing import Any

from highroad.gnmi.path import parse
from highroad.gnmi.router import intended_to_json
from highroad.gnmi.tree import find, leaves
from tests.unit.gnmi.small import STATE, attachment, intended, policy

TREE = {
    "highroad-router:router": {
        **intended_to_json(intended([attachment()], [policy(), policy("s-2", attachment="a-1", mtu_bytes=1500)])),
        "state": STATE,
    }
}


def found(path: str) -> dict[str, Any]:
    return {str(at): value for at, value in find(TREE, parse(path))}


def test_a_leaf_of_one_entry_and_of_all() -> None:
    assert found("/router/policy[service=s-2]/mtu") == {"/router/policy[service=s-2]/mtu": 1500}
    every = {"/router/policy[service=s-1]/mtu": 9000, "/router/policy[service=s-2]/mtu": 1500}
    assert found("/router/policy[service=*]/mtu") == every
    assert found("/router/policy/mtu") == every
    assert found("/router/policy[service=none]/mtu") == {}


def test_a_list_is_found_whole_and_its_entries_one_by_one() -> None:
    assert [len(value) for value in found("/router/policy").values()] == [2]
    assert len(found("/router/policy[service=*]")) == 2
    assert found("/router/state/core-port[interface=*]/oper-status") == {
        "/router/state/core-port[interface=to-boise]/oper-status": "UP",
        "/router/state/core-port[interface=to-omaha]/oper-status": "UP",
    }


def test_names_may_carry_their_module_and_be_open() -> None:
    assert found("/highroad-router:router/state/node-id") == {"/router/state/node-id": 7}
    assert found("/*/state/node-id") == {"/router/state/node-id": 7}
    assert list(found("/")) == ["/"]


def test_numbers_as_keys_and_lists_in_lists() -> None:
    path = "/router/policy[service=s-1]/candidate-path[preference=100]/segment-list[index=0]/segment[index=1]/link"
    assert found(path) == {path: "boise>seattle"}


def test_leaves_are_all_of_it_one_by_one() -> None:
    told = {str(path): value for path, value in leaves(parse("/router"), TREE["highroad-router:router"])}
    assert told["/router/state/sid[sid=fc00:0:e000::/48]/behaviour"] == "uA"
    assert told["/router/attachment[id=a-1]/prefix"] == ["10.1.0.0/16", "2001:db8:1::/48"]
    assert not any(isinstance(value, dict) for value in told.values())
    assert {str(p) for p, _ in leaves(parse("/router/policy"), [{"service": "x", "mtu": 1}])} == {
        "/router/policy[service=x]/service",
        "/router/policy[service=x]/mtu",
    }
