"""The file of routers on hosts of their own."""

from __future__ import annotations

from pathlib import Path

import pytest

from highroad.errors import Invalid
from highroad.fabric.linux.inventory import Reach, facts_from_json, read_inventory


def test_a_file_says_where_each_router_is(tmp_path: Path) -> None:
    file = tmp_path / "routers.yaml"
    file.write_text(
        'routers:\n  - {site: denver, address: "[2001:db8::7]:9339"}\n  - {site: boise, address: "b:1", name: b}\n'
    )
    assert read_inventory(file) == {
        "denver": Reach(site="denver", address="[2001:db8::7]:9339", name="denver"),  # type: ignore[arg-type]
        "boise": Reach(site="boise", address="b:1", name="b"),  # type: ignore[arg-type]
    }


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "routers.yaml"
    file.write_text(
        "routers:\n  - {site: a, address: 'x:1'}\n  - {site: a, address: 'x:2'}\n  - {site: b}\n"
        "  - {site: c, address: 'x:3', colour: red}\n"
    )
    with pytest.raises(Invalid) as caught:
        read_inventory(file)
    assert [finding.place for finding in caught.value.findings] == ["routers[1]", "routers[2]", "routers[3]"]
    for text in ("routers: []", "{", "- a", "routers: {a: b}", ""):
        file.write_text(text)
        with pytest.raises(Invalid):
            read_inventory(file)
    with pytest.raises(Invalid):
        read_inventory(tmp_path / "none.yaml")


def test_what_a_router_is_comes_from_its_state() -> None:
    facts = facts_from_json(
        {
            "site": "denver",
            "node-id": 7,
            "rate-scale": "0.001",
            "core-port": [{"interface": "c0", "link": "denver>boise", "function": 57344, "capacity-kbps": "400000000"}],
        }
    )
    assert (facts.site, facts.node, facts.rate_scale) == ("denver", 7, 0.001)
    assert [(port.function, port.capacity_gbps) for port in facts.core.values()] == [(57344, 400.0)]
