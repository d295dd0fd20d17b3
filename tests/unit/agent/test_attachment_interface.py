"""Which interface an attachment is on: named by a controller, or by the router's own file, or a tag of that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from highroad.agent.check import findings_of
from highroad.agent.wanted import interface_of
from highroad.gnmi.router import Intended
from tests.unit.agent.test_config import config_of
from tests.unit.agent.told import attachment


@pytest.mark.parametrize(
    ("interface", "vlan", "port", "expected"),
    [
        ("cust7", None, "acme-denver", "cust7"),
        ("cust7.9", 9, "acme-denver", "cust7.9"),
        (None, None, "acme-denver", "eth3"),
        (None, 100, "acme-denver", "eth3.100"),
        (None, None, "elsewhere", None),
        (None, 100, "elsewhere", None),
    ],
)
def test_it_is_named_or_looked_up(interface: str | None, vlan: int | None, port: str, expected: str | None) -> None:
    one = replace(attachment(1), interface=interface, vlan=vlan, port=port)
    assert interface_of(config_of(), one) == expected


def test_who_has_to_make_an_interface_is_told_how() -> None:
    one = replace(attachment(1), interface=None, vlan=100)
    found = findings_of(config_of(), Intended(attachments={one.id: one}), {})
    missing = [finding.message for finding in found if finding.code == "interface-missing"]
    assert missing == ["eth3.100 is not there: ip link add link eth3 name eth3.100 type vlan id 100"]
