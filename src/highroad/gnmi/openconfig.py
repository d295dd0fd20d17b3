"""The OpenConfig that a router tells of itself: interfaces, the system, and SR-TE policies. State only.

Plain values in, JSON out, as openconfig-interfaces, openconfig-system and openconfig-network-instance (which uses
openconfig-srte-policy) have it. The modules themselves are OpenConfig's (Apache-2.0) and are not shipped.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from highroad.gnmi.nodes import COUNTER, Address, Choice, Container, Entries, Flag, Leaf, Node, Number, Text
from highroad.gnmi.target import Model

_ORGANIZATION = "OpenConfig working group"

MODELS = (
    Model(name="openconfig-interfaces", organization=_ORGANIZATION, version="3.8.1"),
    Model(name="openconfig-system", organization=_ORGANIZATION, version="3.1.0"),
    Model(name="openconfig-network-instance", organization=_ORGANIZATION, version="4.7.0"),
    Model(name="openconfig-srte-policy", organization=_ORGANIZATION, version="0.2.4"),
)
"""What Capabilities names, with the versions whose leaves these are."""

INTERFACES = "openconfig-interfaces:interfaces"
SYSTEM = "openconfig-system:system"
NETWORK_INSTANCES = "openconfig-network-instance:network-instances"
"""The top containers, by the names that they have in JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """A network interface as it is. Counters are those of RFC 2863, by OpenConfig's names (`in-octets`, ...)."""

    name: str
    index: int
    mtu_bytes: int
    enabled: bool
    up: bool
    counters: Mapping[str, int]
    description: str | None = None
    last_change_ns: int | None = None
    loopback: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentList:
    """A segment list as it is in force: its SIDs as IPv6 addresses."""

    id: int
    weight: int
    sids: tuple[str, ...]
    out_octets: int
    out_pkts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CandidatePath:
    """A candidate path: the active one, or one that waits."""

    preference: int
    active: bool
    segment_lists: tuple[SegmentList, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TePolicy:
    """An SR policy as RFC 9256 identifies one: by its colour (here, one a service) and its endpoint's address."""

    color: int
    endpoint: str
    name: str
    active: bool
    in_octets: int
    in_pkts: int
    out_octets: int
    out_pkts: int
    candidate_paths: tuple[CandidatePath, ...] = ()


_DEFAULT = {"name": "DEFAULT", "type": "openconfig-network-instance-types:DEFAULT_INSTANCE"}


def interfaces(all_: Iterable[Interface]) -> dict[str, Any]:
    """The content of /interfaces."""
    return {"interface": [_interface(one) for one in all_]}


def system(*, hostname: str, software_version: str, boot_time_ns: int, now_iso: str, up_time_ns: int) -> dict[str, Any]:
    """The content of /system. `now_iso` as RFC 3339 has it."""
    return {
        "state": {
            "hostname": hostname,
            "current-datetime": now_iso,
            "boot-time": str(boot_time_ns),
            "up-time": str(up_time_ns),
            "software-version": software_version,
        }
    }


def network_instances(policies: Iterable[TePolicy], *, originator: str) -> dict[str, Any]:
    """The content of /network-instances: the SR-TE policies of the default one. `originator` is our own address."""
    told = [_te_policy(one, originator) for one in policies]
    return {
        "network-instance": [
            {
                "name": "DEFAULT",
                "config": _DEFAULT,
                "state": _DEFAULT,
                "segment-routing": {"te-policies": {"te-policy": told}},
            }
        ]
    }


def _interface(one: Interface) -> dict[str, Any]:
    kind = "iana-if-type:softwareLoopback" if one.loopback else "iana-if-type:ethernetCsmacd"
    told: dict[str, Any] = {"name": one.name, "type": kind, "enabled": one.enabled}
    if one.description is not None:
        told["description"] = one.description
    state = {
        **told,
        # The leaf has 16 bits, and Linux's loopback 65536.
        "mtu": min(one.mtu_bytes, 65535),
        "ifindex": one.index,
        "admin-status": "UP" if one.enabled else "DOWN",
        "oper-status": "UP" if one.up else "DOWN",
        "counters": _numbers(one.counters),
    }
    if one.last_change_ns is not None:
        state["last-change"] = str(one.last_change_ns)
    return {"name": one.name, "config": told, "state": state}


def _te_policy(one: TePolicy, originator: str) -> dict[str, Any]:
    key: dict[str, Any] = {"color": one.color, "endpoint": one.endpoint}
    counters = {
        "in-octets": one.in_octets,
        "in-pkts": one.in_pkts,
        "out-octets": one.out_octets,
        "out-pkts": one.out_pkts,
    }
    return {
        **key,
        "state": {**key, "name": one.name, "active": one.active, "counters": _numbers(counters)},
        "candidate-paths": {"candidate-path": [_candidate(path, originator) for path in one.candidate_paths]},
    }


def _candidate(one: CandidatePath, originator: str) -> dict[str, Any]:
    # RFC 9256, section 2.5: the discriminator tells apart the paths of one originator; a preference does, here.
    key: dict[str, Any] = {
        "protocol-origin": "CONFIG",
        "originator-asn": 0,
        "originator-addr": originator,
        "discriminator": one.preference,
    }
    return {
        **key,
        "state": {**key, "preference": one.preference, "valid": True, "active": one.active},
        "segment-lists": {"segment-list": [_segment_list(segments) for segments in one.segment_lists]},
    }


def _segment_list(one: SegmentList) -> dict[str, Any]:
    counters = _numbers({"out-octets": one.out_octets, "out-pkts": one.out_pkts})
    sids = [{"index": str(index), "state": {"index": str(index), "value": sid}} for index, sid in enumerate(one.sids)]
    return {
        "id": one.id,
        "state": {"id": one.id, "valid": True, "weight": one.weight, "counters": counters},
        "sids": {"sid": sids},
    }


def _numbers(counters: Mapping[str, int]) -> dict[str, str]:
    return {name: str(value) for name, value in counters.items()}


# --- the places there are, so that a path to none is refused with what is near ------------------------------------

_U32 = Number(0, 2**32 - 1, 32)
_UP = Choice(("UP", "DOWN"))


def _state(members: Mapping[str, Node]) -> Container:
    return Container(MappingProxyType(dict(members)), config=False)


def _counters(names: Sequence[str]) -> Container:
    return _state({name: Leaf(COUNTER) for name in names})


_INTERFACE_COUNTERS = [
    f"{way}-{what}"
    for way in ("in", "out")
    for what in (
        "octets",
        "pkts",
        "unicast-pkts",
        "broadcast-pkts",
        "multicast-pkts",
        "errors",
        "discards",
    )
] + ["in-unknown-protos", "in-fcs-errors"]

_CONFIGURED: dict[str, Node] = {
    "name": Leaf(Text()),
    "type": Leaf(Text()),
    "enabled": Leaf(Flag()),
    "description": Leaf(Text()),
}

_CANDIDATE_KEYS: dict[str, Node] = {
    "protocol-origin": Leaf(Choice(("PCEP", "BGP", "CONFIG"))),
    "originator-asn": Leaf(_U32),
    "originator-addr": Leaf(Address(6)),
    "discriminator": Leaf(_U32),
}

_SEGMENT_LIST = Entries(
    ("id",),
    {
        "id": Leaf(_U32),
        "state": _state(
            {
                "id": Leaf(_U32),
                "valid": Leaf(Flag()),
                "weight": Leaf(_U32),
                "counters": _counters(("out-octets", "out-pkts")),
            }
        ),
        "sids": _state(
            {
                "sid": Entries(
                    ("index",),
                    {"index": Leaf(COUNTER), "state": _state({"index": Leaf(COUNTER), "value": Leaf(Address(6))})},
                )
            }
        ),
    },
)

_TE_POLICY = Entries(
    ("color", "endpoint"),
    {
        "color": Leaf(_U32),
        "endpoint": Leaf(Address()),
        "state": _state(
            {
                "color": Leaf(_U32),
                "endpoint": Leaf(Address()),
                "name": Leaf(Text()),
                "active": Leaf(Flag()),
                "counters": _counters(("in-octets", "in-pkts", "out-octets", "out-pkts")),
            }
        ),
        "candidate-paths": _state(
            {
                "candidate-path": Entries(
                    tuple(_CANDIDATE_KEYS),
                    {
                        **_CANDIDATE_KEYS,
                        "state": _state(
                            {
                                **_CANDIDATE_KEYS,
                                "preference": Leaf(_U32),
                                "valid": Leaf(Flag()),
                                "active": Leaf(Flag()),
                            }
                        ),
                        "segment-lists": _state({"segment-list": _SEGMENT_LIST}),
                    },
                )
            }
        ),
    },
)

TREE: Mapping[str, Container] = MappingProxyType(
    {
        "interfaces": _state(
            {
                "interface": Entries(
                    ("name",),
                    {
                        "name": Leaf(Text()),
                        "config": _state(_CONFIGURED),
                        "state": _state(
                            {
                                **_CONFIGURED,
                                "mtu": Leaf(Number(0, 65535, 16)),
                                "ifindex": Leaf(_U32),
                                "admin-status": Leaf(_UP),
                                "oper-status": Leaf(_UP),
                                "last-change": Leaf(COUNTER),
                                "counters": _counters(_INTERFACE_COUNTERS),
                            }
                        ),
                    },
                )
            }
        ),
        "system": _state(
            {
                "state": _state(
                    {
                        "hostname": Leaf(Text()),
                        "current-datetime": Leaf(Text()),
                        "boot-time": Leaf(COUNTER),
                        "up-time": Leaf(COUNTER),
                        "software-version": Leaf(Text()),
                    }
                )
            }
        ),
        "network-instances": _state(
            {
                "network-instance": Entries(
                    ("name",),
                    {
                        "name": Leaf(Text()),
                        "config": _state({"name": Leaf(Text()), "type": Leaf(Text())}),
                        "state": _state({"name": Leaf(Text()), "type": Leaf(Text())}),
                        "segment-routing": _state({"te-policies": _state({"te-policy": _TE_POLICY})}),
                    },
                )
            }
        ),
    }
)
