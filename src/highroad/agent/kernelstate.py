"""What the kernel holds for us, as a dictionary of its objects by identity, so that two states can be subtracted.

Every object has a stage: in which order things are made (a route needs its nexthop first) and, backwards, unmade.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum

from highroad.netlink.address import Address
from highroad.netlink.filter import U32
from highroad.netlink.message import packed, printed
from highroad.netlink.nexthop import Nexthop, NexthopGroup
from highroad.netlink.qdisc import ROOT, Clsact, Fifo, Htb, HtbClass
from highroad.netlink.route import Route
from highroad.netlink.rule import Rule


class Stage(IntEnum):
    """When an object is made. What is before PIVOT is built beside the old and changes nothing by itself."""

    LINK = 0
    QDISC = 1
    CLASS = 2
    LEAF = 3
    ADDRESS = 4
    NEXTHOP = 5
    GROUP = 6
    FILTER = 7
    REJECT = 8
    RULE = 9
    PORT = 10
    ROUTE = 11
    NEIGHBOUR = 12


PIVOT = Stage.FILTER
"""From here on, what is made or unmade is seen by traffic, as is every change: all of it goes in one message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A BPF program: its name is of its content, so that the kernel can say which one it holds. What was read back
    has the kernel's `number` for it in the place of its code.
    """

    name: str
    code: bytes = field(compare=False, repr=False)
    number: int = field(default=0, compare=False)
    meters: int = field(default=0, compare=False)
    """The map that it wants has so many entries of 8 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tunnel:
    """The VXLAN device of an Ethernet attachment. Its size is that of a port's, once it is there."""

    name: str
    vni: int
    local: str
    remote: str
    mtu: int = field(compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gate:
    """A program at an interface, that sees what comes in, or what goes out."""

    dev: int
    ingress: bool
    program: Program


@dataclass(frozen=True, slots=True, kw_only=True)
class PortState:
    """An attachment's interface: in use, and how large its packets may be."""

    dev: int
    mtu: int
    up: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A neighbour that the kernel keeps asking for: its place in the table is its own, whoever fills that."""

    dev: int
    address: str

    def __post_init__(self) -> None:
        # In the kernel's spelling, whatever a controller's is.
        object.__setattr__(self, "address", printed(packed(self.address)))


Thing = (
    Tunnel
    | Htb
    | Fifo
    | Clsact
    | HtbClass
    | Address
    | Nexthop
    | NexthopGroup
    | Route
    | Rule
    | Gate
    | U32
    | PortState
    | Kept
)
Key = tuple[Stage, tuple[object, ...]]
State = Mapping[Key, Thing]


def key_of(thing: Thing) -> Key:
    """Which object it is, whatever its content."""
    match thing:
        case Tunnel():
            return Stage.LINK, (thing.name,)
        case Htb():
            return Stage.QDISC, (thing.index, "root")
        case Clsact():
            return Stage.QDISC, (thing.index, "clsact")
        case Fifo(parent=parent):
            return (Stage.QDISC, (thing.index, "root")) if parent == ROOT else (Stage.LEAF, (thing.index, parent))
        case HtbClass():
            return Stage.CLASS, (thing.index, thing.handle & 0xFFFF)
        case Address():
            return Stage.ADDRESS, (thing.index, thing.address)
        case Nexthop():
            return Stage.NEXTHOP, (thing.id,)
        case NexthopGroup():
            return Stage.GROUP, (thing.id,)
        case Route():
            stage = Stage.REJECT if thing.kind in ("unreachable", "blackhole") else Stage.ROUTE
            return stage, (thing.table, thing.dst, thing.metric)
        case Rule():
            mark = (thing.fwmark, thing.fwmask)
            return Stage.RULE, (thing.family, thing.priority, thing.iif, mark, thing.destination, thing.table)
        case Gate():
            return Stage.FILTER, (thing.dev, thing.ingress)
        case U32():
            return Stage.FILTER, (thing.index, "redirect")
        case PortState():
            return Stage.PORT, (thing.dev,)
        case Kept():
            return Stage.NEIGHBOUR, (thing.dev, thing.address)


def state_of(things: Iterable[Thing]) -> dict[Key, Thing]:
    """The things by their keys."""
    return {key_of(thing): thing for thing in things}
