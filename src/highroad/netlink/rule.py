"""Rules: which table answers for a packet, by where it comes from and what mark it carries."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from highroad.netlink.message import (
    NEW,
    Message,
    attr,
    attr_text,
    attr_u8,
    attr_u32,
    attrs,
    packed_prefix,
    printed,
    text,
    u8,
    u32,
)
from highroad.netlink.route import OURS

RTM_NEWRULE = 32
RTM_DELRULE = 33
RTM_GETRULE = 34

_ACTIONS = {"lookup": 1, "goto": 2, "nop": 3, "blackhole": 6, "unreachable": 7, "prohibit": 8}
_ACTION_NAMES = {number: name for name, number in _ACTIONS.items()}

_DST = 1
_SRC = 2
_IIFNAME = 3
_GOTO = 4
_PRIORITY = 6
_FWMARK = 10
_SUPPRESS_PREFIXLEN = 14
_TABLE = 15
_FWMASK = 16
_OIFNAME = 17
_L3MDEV = 19
_PROTOCOL = 21
_ALL = 0xFFFFFFFF

_RULE = struct.Struct("=BBBBBBBBI")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A rule; the lowest priority that matches and whose table has an answer wins.

    `iif` and `oif` are names: a rule outlives its interface, and finds it again. `iif="lo"` is what this host sends
    itself. A `fwmark` without a mask is compared in full. `table` counts for `lookup`, `target` for `goto`;
    `vrf` looks up in the table of the VRF that the interface is in.
    """

    family: int
    priority: int
    table: int = 0
    action: str = "lookup"
    iif: str | None = None
    oif: str | None = None
    fwmark: int | None = None
    fwmask: int | None = None
    source: str | None = None
    destination: str | None = None
    target: int | None = None
    suppress_prefix_len: int | None = None
    vrf: bool = False
    protocol: int = OURS

    def __post_init__(self) -> None:
        if self.action not in _ACTIONS:
            raise ValueError(f"`{self.action}` is nothing that a rule does")
        if self.action == "lookup" and not self.table and not self.vrf:
            raise ValueError("a rule that looks up names its table")
        if self.fwmark is not None and self.fwmask is None:
            object.__setattr__(self, "fwmask", _ALL)
        if self.fwmask is not None and self.fwmark is None:
            object.__setattr__(self, "fwmark", 0)
        for name in ("source", "destination"):
            prefix = getattr(self, name)
            if prefix is not None:
                data, length = packed_prefix(prefix)
                object.__setattr__(self, name, f"{printed(data)}/{length}")


def create(rule: Rule) -> Message:
    """Make a rule; refused when there is one like it. (Rules are not replaced: make the new, then delete the old.)"""
    return Message(RTM_NEWRULE, NEW, _body(rule))


def delete(rule: Rule) -> Message:
    """Take away the first rule that is like this one."""
    return Message(RTM_DELRULE, 0, _body(rule))


def dump_rules(family: int) -> Message:
    """Ask for every rule of a family."""
    return Message(RTM_GETRULE, 0, _RULE.pack(family, 0, 0, 0, 0, 0, 0, 0, 0))


def parse_rule(body: bytes) -> Rule:
    """The rule of an RTM_NEWRULE or RTM_DELRULE."""
    family, dst_len, src_len, _, table, _, _, action, _ = _RULE.unpack_from(body)
    got = attrs(body, _RULE.size)
    suppress = u32(got[_SUPPRESS_PREFIXLEN]) if _SUPPRESS_PREFIXLEN in got else _ALL
    name = _ACTION_NAMES.get(action, "nop")
    return Rule(
        family=family,
        priority=u32(got[_PRIORITY]) if _PRIORITY in got else 0,
        table=u32(got[_TABLE]) if _TABLE in got else table,
        action=name,
        iif=text(got[_IIFNAME]) if _IIFNAME in got else None,
        oif=text(got[_OIFNAME]) if _OIFNAME in got else None,
        fwmark=u32(got[_FWMARK]) if _FWMARK in got else None,
        fwmask=u32(got[_FWMASK]) if _FWMASK in got else None,
        source=f"{printed(got[_SRC])}/{src_len}" if _SRC in got else None,
        destination=f"{printed(got[_DST])}/{dst_len}" if _DST in got else None,
        target=u32(got[_GOTO]) if _GOTO in got else None,
        suppress_prefix_len=suppress if suppress != _ALL else None,
        vrf=_L3MDEV in got,
        protocol=u8(got[_PROTOCOL]) if _PROTOCOL in got else 0,
    )


def _body(rule: Rule) -> bytes:
    destination, dst_len = packed_prefix(rule.destination) if rule.destination is not None else (b"", 0)
    source, src_len = packed_prefix(rule.source) if rule.source is not None else (b"", 0)
    table = rule.table if rule.table < 256 else 0
    parts = [
        _RULE.pack(rule.family, dst_len, src_len, 0, table, 0, 0, _ACTIONS[rule.action], 0),
        attr_u32(_PRIORITY, rule.priority),
        attr_u8(_PROTOCOL, rule.protocol),
    ]
    if rule.table >= 256:
        parts.append(attr_u32(_TABLE, rule.table))
    if dst_len:
        parts.append(attr(_DST, destination))
    if src_len:
        parts.append(attr(_SRC, source))
    if rule.iif is not None:
        parts.append(attr_text(_IIFNAME, rule.iif))
    if rule.oif is not None:
        parts.append(attr_text(_OIFNAME, rule.oif))
    if rule.fwmark is not None and rule.fwmask is not None:
        parts.append(attr_u32(_FWMARK, rule.fwmark))
        parts.append(attr_u32(_FWMASK, rule.fwmask))
    if rule.target is not None:
        parts.append(attr_u32(_GOTO, rule.target))
    if rule.suppress_prefix_len is not None:
        parts.append(attr_u32(_SUPPRESS_PREFIXLEN, rule.suppress_prefix_len))
    if rule.vrf:
        parts.append(attr_u8(_L3MDEV, 1))
    return b"".join(parts)
