"""The table is the module; the module is good YANG; what routers are told and tell is an instance of it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path as File
from typing import Any

import pytest
from pyang.context import Context  # type: ignore[import-untyped]
from pyang.repository import FileRepository  # type: ignore[import-untyped]

from highroad.errors import Invalid
from highroad.gnmi import openconfig, schema
from highroad.gnmi.check import check, check_entry
from highroad.gnmi.nodes import (
    COUNTER,
    Address,
    Choice,
    Container,
    Decimal,
    Entries,
    Flag,
    Leaf,
    LeafList,
    Node,
    Number,
    Prefix,
    Reference,
    Text,
    Type,
)
from highroad.gnmi.path import parse
from highroad.gnmi.router import attachment_to_json, intended_from_json, intended_to_json, policy_to_json
from highroad.gnmi.schema import ROUTER, TREE
from highroad.gnmi.tree import LIST_KEYS
from tests.unit.gnmi.small import STATE, attachment, intended, policy

MODULE = File(str(files("highroad.gnmi"))) / "yang" / "highroad-router.yang"
STANDARD = File(sys.prefix) / "share" / "yang" / "modules"
YANGLINT = shutil.which("yanglint")

needs_yanglint = pytest.mark.skipif(
    YANGLINT is None and not (os.geteuid() == 0 and os.environ.get("CI")),
    reason="yanglint is not installed (Debian: libyang-tools)",
)


# --- the module -------------------------------------------------------------------------------------------


def test_pyang_finds_nothing_to_say() -> None:
    command = [str(File(sys.executable).with_name("pyang")), "--lint", "--strict", "--verbose", str(MODULE)]
    done = subprocess.run([*command, "--path", str(STANDARD)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = [line for line in done.stderr.splitlines() if MODULE.name in line and "hyphenated" not in line]
    assert said == [f"# read {MODULE} (CL)"]


@needs_yanglint
def test_yanglint_takes_the_module() -> None:
    done = subprocess.run([str(YANGLINT), str(MODULE)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def instance() -> dict[str, Any]:
    told = intended([attachment()], [policy()])
    return {"highroad-router:router": {**intended_to_json(told), "state": STATE}}


@needs_yanglint
@pytest.mark.parametrize("broken", [None, "range", "reference", "missing", "unknown", "twice"])
def test_yanglint_takes_what_a_router_is_told_and_tells_and_nothing_that_is_broken(
    broken: str | None, tmp_path: File
) -> None:
    tree = json.loads(json.dumps(instance()))
    one = tree["highroad-router:router"]["policy"][0]
    match broken:
        case "range":
            one["remote-node"] = 2048
        case "reference":
            one["attachment"] = "a-2"
        case "missing":
            del one["traffic-class"]
        case "unknown":
            one["colour"] = 1
        case "twice":
            one["prefix"] = ["10.2.0.0/16", "10.2.0.0/16"]
        case _:
            pass
    file = tmp_path / "router.json"
    file.write_text(json.dumps(tree))
    command = [str(YANGLINT), "--type", "data", str(MODULE), str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (broken is None), done.stderr


def test_the_table_is_the_module() -> None:
    context = Context(FileRepository(f"{MODULE.parent}:{STANDARD}", use_env=False))
    module = context.add_module(MODULE.name, MODULE.read_text())
    context.validate()
    assert [tag for _, tag, _ in context.errors] == []
    assert module.search_one("revision").arg == schema.REVISION
    assert module.search_one("organization").arg == schema.MODEL.organization
    (top,) = module.i_children
    assert (top.arg, _node(top)) == ("router", ROUTER)


def test_the_keys_of_lists_are_those_of_the_table() -> None:
    def lists(members: Any) -> Any:
        for name, node in members.items():
            if isinstance(node, Entries):
                yield name, node.keys
            if isinstance(node, Entries | Container):
                yield from lists(node.members)

    by_name: dict[str, set[tuple[str, ...]]] = {}
    for name, keys in lists(TREE.members):
        by_name.setdefault(name, set()).add(keys)
    assert {name: set(keys) for name, keys in LIST_KEYS.items()} == by_name


def _node(statement: Any) -> Node:
    """Our table's entry, of a statement that pyang has parsed."""
    match statement.keyword:
        case "leaf":
            mandatory = statement.search_one("mandatory")
            return Leaf(_type(statement.search_one("type")), mandatory is not None and mandatory.arg == "true")
        case "leaf-list":
            return LeafList(_type(statement.search_one("type")))
        case "container":
            config = statement.search_one("config")
            return Container(_members(statement), config is None or config.arg == "true")
        case "list":
            least, most = statement.search_one("min-elements"), statement.search_one("max-elements")
            return Entries(
                tuple(statement.search_one("key").arg.split()),
                _members(statement),
                0 if least is None else int(least.arg),
                None if most is None else int(most.arg),
            )
        case _:
            raise AssertionError(f"the table has no word for {statement.keyword}")


def _members(statement: Any) -> dict[str, Node]:
    return {child.arg: _node(child) for child in statement.i_children}


def _type(statement: Any) -> Type:
    match statement.arg:
        case "inet:ipv4-address-no-zone":
            return Address(4)
        case "inet:ipv6-address-no-zone":
            return Address(6)
        case "inet:ip-prefix":
            return Prefix()
        case "inet:ipv6-prefix":
            return Prefix(6)
        case "leafref":
            return Reference(statement.search_one("path").arg)
        case "decimal64":
            return Decimal(int(statement.search_one("fraction-digits").arg))
        case "enumeration":
            return Choice(tuple(one.arg for one in statement.search("enum")))
        case "string":
            length, pattern = statement.search_one("length"), statement.search_one("pattern")
            least, most = (0, None) if length is None else map(int, length.arg.split(".."))
            return Text(least, most, None if pattern is None else pattern.arg)
        case "uint8" | "uint16" | "uint32" | "uint64":
            bits = int(statement.arg[4:])
            range_ = statement.search_one("range")
            low, high = (0, 2**bits - 1) if range_ is None else map(int, range_.arg.split(".."))
            return Number(low, high, bits)  # type: ignore[arg-type]
        case _:
            return _type(statement.i_typedef.search_one("type"))


# --- findings -----------------------------------------------------------------------------------------------


def wrong(change: dict[str, Any], kind: str = "policy") -> list[str]:
    good = policy_to_json(policy()) if kind == "policy" else attachment_to_json(attachment())
    node = ROUTER.members[kind]
    assert isinstance(node, Entries)
    assert check_entry(good, node, "it") == []
    changed = {name: value for name, value in {**good, **change}.items() if value is not None}
    return [str(finding) for finding in check_entry(changed, node, "it")]


def test_every_finding_is_told_at_once() -> None:
    told = wrong({"mtu": 100, "traffic-class": "asured", "remote-node": None, "colour": 1, "guaranteed-kbps": -1})
    assert told == [
        "it/traffic-class: 'asured' is not one; did you mean `assured`?",
        "it/guaranteed-kbps: -1 is out of range: 0 to 18446744073709551615",
        "it/mtu: 100 is out of range: 1280 to 65535",
        "it: there is no `colour` here; there is service, attachment, traffic-class, guaranteed-kbps, ceiling-kbps, "
        "mtu, remote-node, remote-function, prefix, fence, candidate-path",
        "it: `remote-node` is missing",
    ]


def test_a_name_that_is_near_is_named() -> None:
    assert wrong({"celing-kbps": "1"}) == ["it: there is no `celing-kbps` here; did you mean `ceiling-kbps`?"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"prefix": ["10.1.0.1/16"]}, "'10.1.0.1/16' is not an IP prefix; did you mean `10.1.0.0/16`?"),
        ({"prefix": ["10.1.0.0"]}, "is not an IP prefix, as address/length,"),
        ({"prefix": "10.1.0.0/16"}, "is not a list of values"),
        ({"prefix": ["10.1.0.0/16", "10.1.0.0/16"]}, "'10.1.0.0/16' is there twice"),
        ({"interface": "a/b"}, "is not of the form"),
        ({"interface": "sixteen-letters-"}, "16 characters; there are 1 to 15"),
        ({"function": "61440"}, "'61440' is not a whole number"),
        ({"function": True}, "True is not a whole number"),
        ({"function": 1e300}, "is not a whole number"),
        ({"vlan-id": 4095}, "4095 is out of range: 1 to 4094"),
        ({"addresses": {"pe-ipv4": "fe80::1"}}, "'fe80::1' is not an IPv4 address"),
        ({"addresses": {"pe-ipv6": "fe80::1%eth0"}}, "'fe80::1%eth0' is not an IPv6 address"),
        ({"addresses": None}, "`addresses` is missing"),
        ({"addresses": []}, "[] is not an object"),
        ({"id": 7}, "7 is not a string"),
        ({"kind": ["ip"]}, "['ip'] is not one of ip, ethernet"),
        ({"other:id": "x"}, "there is no `other:id` here"),
    ],
)
def test_what_is_wrong_with_an_attachment(change: dict[str, Any], message: str) -> None:
    assert any(message in told for told in wrong(change, "attachment")), wrong(change, "attachment")


def test_half_a_policy_and_a_sid_outside_the_locator() -> None:
    assert wrong({"candidate-path": []}) == ["it/candidate-path: 0 entries; there have to be 1"]
    outside = {"preference": 1, "segment-list": [{"index": 0, "segment": [{"index": 0, "function": 0xF000}]}]}
    assert wrong({"candidate-path": [outside]}) == [
        "it/candidate-path[preference=1]/segment-list[index=0]/segment[index=0]/function: "
        "61440 is out of range: 57344 to 61438"
    ]
    empty = {"preference": 1, "segment-list": [{"index": 0}, {"index": 0, "segment": []}, 7]}
    assert len(wrong({"candidate-path": [empty]})) == 4


def test_state_is_not_set() -> None:
    assert [str(one) for one in check({"state": {}}, ROUTER, "/router")] == [
        "/router/state: it is state: it can be read, not set"
    ]


def test_json_of_values_comes_back_as_the_values() -> None:
    told = intended([attachment(), attachment("a-2", interface=None, vlan=7, prefixes=())], [policy()])
    assert check(intended_to_json(told), ROUTER) == []
    assert intended_from_json(intended_to_json(told)) == told


# --- paths --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("/rooter", "/: there is no `rooter` here; did you mean `router`?"),
        ("/router/polcy", "/router: there is no `polcy` here; did you mean `policy`?"),
        ("/router/policy[servce=x]", "`servce` is no key of it; did you mean `service`?"),
        ("/router/policy[service=x]/mtu/x", "there is nothing below it, so no `x`"),
        ("/router[a=b]", "it is no list and has no keys"),
        ("/interfaces/interface[name=a]/state/countrs", "did you mean `counters`?"),
    ],
)
def test_a_path_to_nowhere_says_what_is_near(path: str, message: str) -> None:
    with pytest.raises(Invalid) as raised:
        schema.check_path(parse(path))
    assert message in str(raised.value.findings[0])


@pytest.mark.parametrize("path", ["/", "/router/*/x", "/.../counters", "/router/state/sid[sid=a::/48]/counters"])
def test_a_path_to_somewhere_and_an_open_one_pass(path: str) -> None:
    schema.check_path(parse(path))


# --- OpenConfig ---------------------------------------------------------------------------------------------


def test_openconfig_is_as_its_table_has_it() -> None:
    interface = openconfig.Interface(
        name="to-boise",
        index=3,
        mtu_bytes=9600,
        enabled=True,
        up=False,
        counters={"in-octets": 2**40, "out-discards": 0},
        description="denver>boise",
        last_change_ns=5,
    )
    loopback = openconfig.Interface(
        name="lo", index=1, mtu_bytes=65536, enabled=True, up=True, counters={}, loopback=True
    )
    lists = (openconfig.SegmentList(id=0, weight=3, sids=("fc00:0:e000::",), out_octets=1, out_pkts=1),)
    te_policy = openconfig.TePolicy(
        color=1,
        endpoint="fc00:0:9::1",
        name="s-1",
        active=True,
        in_octets=1,
        in_pkts=1,
        out_octets=1,
        out_pkts=1,
        candidate_paths=(openconfig.CandidatePath(preference=100, active=True, segment_lists=lists),),
    )
    tree = {
        openconfig.INTERFACES: openconfig.interfaces([interface, loopback]),
        openconfig.SYSTEM: openconfig.system(
            hostname="denver", software_version="1", boot_time_ns=1, now_iso="2026-11-28T00:00:00Z", up_time_ns=1
        ),
        openconfig.NETWORK_INSTANCES: openconfig.network_instances([te_policy], originator="fc00:0:7::1"),
    }
    for name, content in tree.items():
        findings = check(content, TREE.members[name.partition(":")[2]], name)
        assert [str(one) for one in findings if one.code != "state"] == []


@pytest.mark.parametrize("type_", [COUNTER, Decimal(9), Flag(), Prefix(6), Text(1, 3)])
def test_no_type_takes_what_is_no_value(type_: Type) -> None:
    values: tuple[Any, ...] = (None, [], {}, "", float("nan"))
    for value in values:
        assert check(value, Leaf(type_)) != [], value
