"""A Set made of what a router is told."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import pytest

from highroad.errors import Invalid
from highroad.gnmi.edit import changed, resulting
from highroad.gnmi.path import parse
from highroad.gnmi.router import Intended, attachment_to_json, intended_to_json, policy_to_json
from highroad.gnmi.target import Delete, Edit, Replace, Update
from tests.unit.gnmi.small import attachment, intended, policy

BEFORE = intended([attachment()], [policy(), policy("s-2")])


def delete(path: str) -> Edit:
    return Delete(path=parse(path))


def put(path: str, value: Any) -> Edit:
    return Replace(path=parse(path), value=value)


def update(path: str, value: Any) -> Edit:
    return Update(path=parse(path), value=value)


def findings(*edits: Edit, before: Intended = BEFORE) -> list[str]:
    with pytest.raises(Invalid) as raised:
        resulting(before, edits)
    return [str(one) for one in raised.value.findings]


def test_one_entry_is_replaced_and_the_others_are_the_same_objects() -> None:
    new = policy(mtu_bytes=1500)
    after = resulting(BEFORE, [put("/router/policy[service=s-1]", policy_to_json(new))])
    assert after.policies["s-1"] == new
    assert after.policies["s-2"] is BEFORE.policies["s-2"]
    assert after.attachments is BEFORE.attachments
    assert list(changed(BEFORE, after)) == [(parse("/router/policy[service=s-1]"), policy_to_json(new))]


def test_what_is_told_again_is_no_change() -> None:
    after = resulting(BEFORE, [put("/router", intended_to_json(BEFORE))])
    assert after == BEFORE
    assert after.policies["s-1"] is BEFORE.policies["s-1"]
    assert list(changed(BEFORE, after)) == []


def test_everything_is_replaced_at_the_router_and_at_the_root() -> None:
    other = intended([attachment("a-9")], [policy("s-9", attachment="a-9")])
    assert resulting(BEFORE, [put("/router", intended_to_json(other))]) == other
    assert resulting(BEFORE, [put("/", {"highroad-router:router": intended_to_json(other)})]) == other
    assert resulting(BEFORE, [delete("/router")]) == Intended()
    gone = list(changed(BEFORE, Intended()))
    assert [str(path) for path, value in gone if value is None] == [
        "/router/attachment[id=a-1]",
        "/router/policy[service=s-1]",
        "/router/policy[service=s-2]",
    ]


def test_a_list_is_replaced_merged_and_deleted() -> None:
    one = policy_to_json(policy("s-3"))
    assert set(resulting(BEFORE, [put("/router/policy", [one])]).policies) == {"s-3"}
    assert set(resulting(BEFORE, [update("/router/policy", [one])]).policies) == {"s-1", "s-2", "s-3"}
    assert set(resulting(BEFORE, [delete("/router/policy")]).policies) == set()
    assert set(resulting(BEFORE, [delete("/router/policy[service=*]")]).policies) == set()
    assert set(resulting(BEFORE, [update("/router", {"policy": [one]})]).policies) == {"s-1", "s-2", "s-3"}


def test_leaves_and_lists_below_an_entry() -> None:
    base = "/router/policy[service=s-1]"
    lists = f"{base}/candidate-path[preference=100]/segment-list"
    after = resulting(
        BEFORE,
        [
            update(f"{base}/mtu", 1500),
            put(f"{base}/ceiling-kbps", "30000000"),
            update(f"{lists}[index=0]/weight", 7),
            delete(f"{lists}[index=1]"),
            update(f"{base}/prefix", ["10.3.0.0/16"]),
            update(base, {"candidate-path": [{"preference": 50, "segment-list": [_list(0xE005)]}]}),
        ],
    ).policies["s-1"]
    assert (after.mtu_bytes, after.ceiling_kbps, after.prefixes) == (1500, 30_000_000, ("10.2.0.0/16", "10.3.0.0/16"))
    high, low = sorted(after.candidate_paths, key=lambda one: -one.preference)
    assert [(one.weight, one.functions) for one in high.segment_lists] == [(7, (0xE000, 0xE000))]
    assert [one.functions for one in low.segment_lists] == [(0xE005,)]


def test_an_entry_grows_from_its_leaves_within_one_set() -> None:
    body = {name: value for name, value in attachment_to_json(attachment("a-7")).items() if name not in ("id", "mtu")}
    after = resulting(
        BEFORE, [update("/router/attachment[id=a-7]", body), update("/router/attachment[id=a-7]/mtu", 1500)]
    )
    assert after.attachments["a-7"] == replace(attachment("a-7"), mtu_bytes=1500)


def test_the_order_of_the_edits_counts() -> None:
    one = put("/router/policy[service=s-1]", policy_to_json(policy(mtu_bytes=1500)))
    assert resulting(BEFORE, [delete("/router/policy"), one]).policies.keys() == {"s-1"}
    assert resulting(BEFORE, [one, delete("/router/policy")]).policies.keys() == set()


def test_deleting_what_is_not_there_is_no_error() -> None:
    gone = ["/router/policy[service=none]", "/router/attachment[id=none]/vlan-id", "/router/attachment[id=a-1]/vlan-id"]
    assert resulting(BEFORE, [delete(path) for path in gone]) == BEFORE


def test_half_a_policy_is_refused_with_all_that_is_missing() -> None:
    told = findings(put("/router/policy[service=s-3]", {"attachment": "a-1", "mtu": 9000}))
    assert told == [
        f"/router/policy[service=s-3]: `{name}` is missing"
        for name in ("traffic-class", "guaranteed-kbps", "ceiling-kbps", "remote-node", "remote-function")
    ] + ["/router/policy[service=s-3]: `candidate-path` is missing; 1 at least"]


def test_all_findings_of_all_edits_are_told() -> None:
    told = findings(
        update("/router/policy[service=s-1]/mtu", 1),
        update("/router/polcy", []),
        put("/router/state/site", "x"),
        update("/router/policy[service=*]/mtu", 1500),
        put("/router/policy[service=s-1]", {**policy_to_json(policy()), "service": "s-2"}),
        put("/router/attachment[id=a-1]", 7),
    )
    assert told == [
        "/router/policy[service=s-1]/mtu: 1 is out of range: 1280 to 65535",
        "/router: there is no `polcy` here; did you mean `policy`?",
        "/router/state/site: it is state: it can be read, not set",
        "/router/policy[service=*]/mtu: only a delete may leave a key open",
        "/router/policy[service=s-1]: `service` is 's-2' in the value and 's-1' in the path",
        "/router/attachment[id=a-1]: 7 is not an object",
    ]


def test_a_policy_needs_its_attachment_before_and_after() -> None:
    told = findings(put("/router/policy[service=s-3]", policy_to_json(policy("s-3", attachment="a-11"))))
    assert told == [
        "/router/policy[service=s-3]/attachment: there is no attachment 'a-11'; did you mean `a-1`?",
    ]
    assert len(findings(delete("/router/attachment[id=a-1]"))) == 2
    assert resulting(BEFORE, [delete("/router/attachment[id=a-1]"), delete("/router/policy")]) == Intended()


def test_nothing_is_changed_by_what_is_refused() -> None:
    kept = intended_to_json(BEFORE)
    findings(put("/router/policy[service=s-1]/mtu", 1500), update("/router/policy[service=s-2]/mtu", 1))
    assert intended_to_json(BEFORE) == kept


def test_a_set_costs_what_it_changes_not_what_is_there() -> None:
    many = intended([attachment()], [policy(f"s-{number}") for number in range(5_000)])
    edit = [put("/router/policy[service=s-1]", policy_to_json(policy(mtu_bytes=1500)))]
    resulting(many, edit)
    began = time.process_time()
    for _ in range(20):
        resulting(many, edit)
    assert (time.process_time() - began) / 20 < 0.02


def _list(function: int) -> dict[str, Any]:
    return {"index": 0, "segment": [{"index": 0, "function": function}]}
