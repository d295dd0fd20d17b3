"""Protected SIDs as a router is told them: read, written, kept, found wrong, and made into what the kernel holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from highroad.agent import numbers as n
from highroad.agent.check import findings_of
from highroad.agent.journal import Journal
from highroad.agent.repair import repairs, things_of_protections
from highroad.agent.wanted import Devices
from highroad.errors import Invalid
from highroad.gnmi.edit import changed, resulting
from highroad.gnmi.path import parse
from highroad.gnmi.router import Intended, Protection, SegmentList, intended_from_json, intended_to_json
from highroad.gnmi.target import Delete, Replace
from highroad.netlink.nexthop import Nexthop
from highroad.netlink.route import Route
from highroad.netlink.seg6 import Seg6Encap
from tests.unit.agent.test_config import config_of
from tests.unit.agent.told import policy, told

CONFIG = config_of()
LINK, OTHER = (port.link for port in CONFIG.core_ports[:2])
GOOD = Protection(
    function=0xE805, link=LINK, fence="US", detour=SegmentList(links=(OTHER, "x>y"), functions=(0xE001, 0xE003))
)
TOLD = Intended(protections={GOOD.function: GOOD})


def test_it_is_read_as_it_was_written() -> None:
    assert intended_from_json(intended_to_json(TOLD)) == TOLD
    plain = replace(GOOD, fence="", detour=SegmentList(links=(), functions=(0xE001,)))
    assert intended_from_json(intended_to_json(Intended(protections={plain.function: plain}))).protections == {
        plain.function: plain
    }


def test_it_is_set_changed_and_taken_away_by_its_number() -> None:
    place = parse("/router/protection[function=59397]")
    value: dict[str, Any] = {**intended_to_json(TOLD)["protection"][0]}
    after = resulting(Intended(), [Replace(path=place, value=value)])
    assert after == TOLD
    assert list(changed(Intended(), after)) == [(place, value)]
    again = resulting(after, [Replace(path=place, value=value)])
    assert again.protections[GOOD.function] is after.protections[GOOD.function]
    assert resulting(after, [Delete(path=place)]) == Intended()
    assert list(changed(after, Intended())) == [(place, None)]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"segment": []}, "0 entries"),
        ({"segment": [{"index": 0, "function": 0xE800}]}, "out of range: 57344 to 59391"),
        ({"segment": [{"index": at, "function": 0xE001} for at in range(12)]}, "12 entries"),
        ({"link": None}, "link"),
    ],
)
def test_what_cannot_be_is_said(change: dict[str, Any], says: str) -> None:
    value = {**intended_to_json(TOLD)["protection"][0], **change}
    value = {name: one for name, one in value.items() if one is not None}
    with pytest.raises(Invalid, match=says):
        resulting(Intended(), [Replace(path=parse("/router/protection[function=59397]"), value=value)])
    with pytest.raises(Invalid, match="61439 is out of range"):
        resulting(Intended(), [Replace(path=parse("/router/protection[function=61439]"), value={"link": LINK})])


def test_a_journal_keeps_it_and_forgets_it(tmp_path: Path) -> None:
    for wanted in (replace(told(1), protections=TOLD.protections), told(1)):
        journal = Journal(tmp_path)
        journal.begin(wanted)
        journal.commit()
        journal.close()
        for _ in range(2):
            again = Journal(tmp_path)
            assert again.committed == wanted
            again.compact()
            again.close()


def codes(protection: Protection, *others: Protection, before: Intended | None = None) -> list[str]:
    intended = Intended(protections={one.function: one for one in (protection, *others)})
    return [one.code for one in findings_of(CONFIG, intended, {}, before)]


def test_what_is_wrong_on_this_router_is_found() -> None:
    assert codes(GOOD) == []
    assert codes(replace(GOOD, link="reno>boise")) == ["unknown-link"]
    own = SegmentList(links=(), functions=(CONFIG.core_ports[0].function, 0xE003))
    assert codes(replace(GOOD, detour=own)) == ["own-link"]
    assert codes(replace(GOOD, detour=SegmentList(links=(), functions=(0xE033,)))) == ["not-our-link"]
    assert codes(replace(GOOD, detour=SegmentList(links=(), functions=(0xE001, 0xE805)))) == ["detour-protected"]
    assert codes(replace(GOOD, detour=SegmentList(links=(), functions=(0xE001,) * 12))) == ["too-long"]
    assert codes(replace(GOOD, detour=SegmentList(links=(), functions=()))) == ["no-segment"]
    assert codes(GOOD, replace(GOOD, function=0xE806)) == ["protected-twice"]
    assert codes(GOOD, replace(GOOD, function=0xE806, fence="")) == []


def test_a_policy_goes_by_protected_links_of_this_router_only() -> None:
    services = told(1)
    over = replace(services, policies={"s1": policy(1, functions=(0xE805, 0xE900))}, protections=TOLD.protections)
    found = {one.code for one in findings_of(CONFIG, over, {})}
    assert "not-our-link" not in found
    assert "function-outside" not in found
    bare = replace(over, protections={})
    assert "not-our-link" in {one.code for one in findings_of(CONFIG, bare, {})}
    # It cannot be taken from under a policy that stays as it is.
    assert "in-use" in {one.code for one in findings_of(CONFIG, bare, {}, over)}


def test_the_watcher_is_told_what_to_put_where() -> None:
    port = CONFIG.core_ports[0]
    assert repairs(CONFIG, TOLD) == {port.interface: [("fc00:0:7:e805::", n.detour_id(0xE805))]}
    assert repairs(CONFIG, Intended()) == {}
    things = things_of_protections(
        CONFIG, Devices(loop_out=1, loop_in=2, shaper=3, named={port.interface: 9}), TOLD.protections
    )
    routes = [one for one in things if isinstance(one, Route) and one.table == n.TABLE_HOPS]
    assert [(one.dst, one.metric, one.dev, one.nhid) for one in routes] == [
        ("fc00:0:7:e805::/128", n.METRIC_LINK, 9, None),
        ("fc00:0:7:e805::/128", n.METRIC_DETOUR, None, n.detour_id(0xE805)),
    ]
    (detour,) = (one for one in things if isinstance(one, Nexthop))
    assert detour.encap == Seg6Encap(mode="encap.red", segments=("fc00:0:e001:e003:efff::",))


def test_without_its_port_a_protected_sid_leads_along_its_detour() -> None:
    things = things_of_protections(
        CONFIG, Devices(loop_out=1, loop_in=2, shaper=3, named={}), TOLD.protections, [GOOD.function, 0xE999]
    )
    assert [one.metric for one in things if isinstance(one, Route) and one.table == n.TABLE_HOPS] == [n.METRIC_DETOUR]
