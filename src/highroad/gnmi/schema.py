"""`highroad-router.yang` as a table, beside the OpenConfig that is spoken: what may be in a path and in a Set.

The table is small and written by hand; a test parses the module with pyang and compares.
"""

from __future__ import annotations

from types import MappingProxyType

from highroad.gnmi import openconfig
from highroad.gnmi.check import node_at
from highroad.gnmi.nodes import (
    COUNTER,
    Address,
    Choice,
    Container,
    Decimal,
    Entries,
    Leaf,
    LeafList,
    Node,
    Number,
    Prefix,
    Reference,
    Text,
)
from highroad.gnmi.path import Path
from highroad.gnmi.router import MODULE
from highroad.gnmi.target import Model

REVISION = "2026-11-28"
MODEL = Model(name=MODULE, organization="Highroad", version=REVISION)


_ID = Text(1, 255)
_INTERFACE = Text(1, 15, r"[^/\s:]+")
_COUNT = COUNTER
_MTU = Number(1280, 65535, 16)
_NODE_ID = Number(1, 2047, 16)
_ADJACENCY = Number(57344, 61438, 16)
_UNPROTECTED = Number(57344, 59391, 16)
_PROTECTED = Number(59392, 61438, 16)
_ATTACHMENT = Number(61440, 65534, 16)
_CLASSES = ("interactive", "assured", "bulk", "scavenger")
_STATUS = Choice(("UP", "DOWN"))
_MEASURED = (
    *("at", "for", "sent", "lost-out", "lost-home", "lost-unknown", "late", "doubled"),
    *("rtt-min", "rtt-p50", "rtt-p99", "rtt-max", "jitter", "jitter-out", "jitter-home"),
    *("out", "home", "clock-error", "clock-steps"),
)


def _counters(*names: str) -> Container:
    return Container(MappingProxyType({name: Leaf(_COUNT) for name in names}))


def _segments(function: Number, most: int) -> Entries:
    return Entries(
        ("index",),
        {
            "index": Leaf(Number(0, 255, 8)),
            "function": Leaf(function, mandatory=True),
            "link": Leaf(_ID),
        },
        least=1,
        most=most,
    )


_SEGMENT = _segments(_ADJACENCY, 64)

_RETURN_SEGMENT = Entries(
    ("index",),
    {"index": Leaf(Number(0, 255, 8)), "function": Leaf(_ADJACENCY, mandatory=True)},
    most=64,
)

_CONFIG: dict[str, Node] = {
    "attachment": Entries(
        ("id",),
        {
            "id": Leaf(_ID),
            "port": Leaf(_ID, mandatory=True),
            "tenant": Leaf(_ID, mandatory=True),
            "kind": Leaf(Choice(("ip", "ethernet")), mandatory=True),
            "function": Leaf(_ATTACHMENT, mandatory=True),
            "mtu": Leaf(_MTU, mandatory=True),
            "addresses": Container(
                {
                    "pe-ipv4": Leaf(Address(4), mandatory=True),
                    "ce-ipv4": Leaf(Address(4), mandatory=True),
                    "pe-ipv6": Leaf(Address(6), mandatory=True),
                    "ce-ipv6": Leaf(Address(6), mandatory=True),
                }
            ),
            "interface": Leaf(_INTERFACE),
            "vlan-id": Leaf(Number(1, 4094, 16)),
            "prefix": LeafList(Prefix()),
        },
    ),
    "policy": Entries(
        ("service",),
        {
            "service": Leaf(_ID),
            "attachment": Leaf(Reference("../../attachment/id"), mandatory=True),
            "traffic-class": Leaf(Choice(_CLASSES), mandatory=True),
            "guaranteed-kbps": Leaf(_COUNT, mandatory=True),
            "ceiling-kbps": Leaf(_COUNT, mandatory=True),
            "mtu": Leaf(_MTU, mandatory=True),
            "remote-node": Leaf(_NODE_ID, mandatory=True),
            "remote-function": Leaf(_ATTACHMENT, mandatory=True),
            "prefix": LeafList(Prefix()),
            "fence": Leaf(Text(1, 4095)),
            "candidate-path": Entries(
                ("preference",),
                {
                    "preference": Leaf(Number(0, 2**32 - 1, 32)),
                    "segment-list": Entries(
                        ("index",),
                        {
                            "index": Leaf(Number(0, 255, 8)),
                            "weight": Leaf(Number(1, 65535, 32)),
                            "segment": _SEGMENT,
                            "return-segment": _RETURN_SEGMENT,
                        },
                        least=1,
                        most=16,
                    ),
                },
                least=1,
            ),
        },
    ),
    "protection": Entries(
        ("function",),
        {
            "function": Leaf(_PROTECTED),
            "link": Leaf(_ID, mandatory=True),
            "fence": Leaf(Text(1, 4095)),
            "segment": _segments(_UNPROTECTED, 11),
        },
    ),
}

_STATE: dict[str, Node] = {
    "site": Leaf(_ID),
    "node-id": Leaf(_NODE_ID),
    "sid-block": Leaf(Prefix(6)),
    "rate-scale": Leaf(Decimal(9)),
    "software-version": Leaf(Text()),
    "counter-epoch": Leaf(_COUNT),
    "election-id": Leaf(Text(pattern="[0-9]+")),
    "avoided-link": LeafList(_ID),
    "reported-link": LeafList(_ID),
    "core-port": Entries(
        ("interface",),
        {
            "interface": Leaf(_INTERFACE),
            "link": Leaf(_ID),
            "neighbour": Leaf(Address(6)),
            "function": Leaf(_ADJACENCY),
            "oper-status": Leaf(_STATUS),
            "down-since": Leaf(_COUNT),
            "down-reason": Leaf(Choice(("light", "silent", "one-way", "loss"))),
            "repaired-at": Leaf(_COUNT),
            "hello-loss": Leaf(Decimal(1)),
            "mtu": Leaf(Number(0, 2**32 - 1, 32)),
            "capacity-kbps": Leaf(_COUNT),
            "counters": _counters("in-octets", "in-pkts", "out-octets", "out-pkts", "in-discards", "out-discards"),
            "class": Entries(
                ("name",),
                {
                    "name": Leaf(Choice((*_CLASSES, *(f"{one}-burst" for one in _CLASSES[:3]), "control"))),
                    "counters": _counters("octets", "pkts", "discarded-pkts"),
                },
            ),
        },
    ),
    "attachment": Entries(
        ("id",),
        {
            "id": Leaf(_ID),
            "interface": Leaf(_INTERFACE),
            "oper-status": Leaf(_STATUS),
            "counters": _counters(
                "received-octets", "received-pkts", "delivered-octets", "delivered-pkts", "refused-pkts"
            ),
        },
    ),
    "policy": Entries(
        ("service",),
        {
            "service": Leaf(_ID),
            "oper-status": Leaf(_STATUS),
            "active-preference": Leaf(Number(0, 2**32 - 1, 32)),
            "flipped-at": Leaf(_COUNT),
            "flip-reason": Leaf(Choice(("light", "avoided", "reported", "probe"))),
            "counters": _counters(
                "offered-octets", "offered-pkts", "carried-octets", "carried-pkts", "lost-octets", "lost-pkts"
            ),
            "segment-list": Entries(
                ("index",),
                {"index": Leaf(Number(0, 255, 8)), "counters": _counters("carried-octets", "carried-pkts")},
            ),
        },
    ),
    "sid": Entries(
        ("sid",),
        {
            "sid": Leaf(Prefix(6)),
            "behaviour": Leaf(Text(1, 32)),
            "counters": _counters("octets", "pkts", "errors"),
        },
    ),
    "measurement": Entries(
        ("path",),
        {
            "path": Leaf(Text(1, 1024)),
            "traffic-class": Leaf(Choice(_CLASSES)),
            "remote-node": Leaf(_NODE_ID),
            "return": Leaf(Choice(("path", "igp"))),
            "service": LeafList(_ID),
            **{name: Leaf(_COUNT) for name in ("refused-pkts", *_MEASURED)},
        },
    ),
    "reflector": _counters(
        "answered-pkts", "stranger-pkts", "too-many-pkts", "garbled-pkts", "replayed-pkts", "unwanted-pkts"
    ),
}

ROUTER = Container(MappingProxyType({**_CONFIG, "state": Container(MappingProxyType(_STATE), config=False)}))
"""What is in the top container, /router."""

TREE = Container(MappingProxyType({"router": ROUTER, **openconfig.TREE}))
"""All that a router has, from the root."""

MODELS = (MODEL, *openconfig.MODELS)
"""What Capabilities names."""


def check_path(path: Path) -> None:
    """Raises Invalid when there is no such place in any tree, naming what is near; behind a wildcard all is."""
    steps = path.elems
    wild = next((place for place, step in enumerate(steps) if step.bare in ("*", "...")), len(steps))
    node_at(Path(steps[:wild]), TREE)
