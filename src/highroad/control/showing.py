"""What a leader shows to the others on a board: who it is, on what it drives, and the newest sample.

None of it is decided and none of it is kept: it is packed as small as it goes, and read when somebody asks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import TypeVar

import msgspec
import numpy as np

from highroad.model.network import LinkId
from highroad.model.service import ServiceId
from highroad.ports import LinkCounters, Sample, ServiceCounters

LEADER, SAMPLE = "leader", "sample"
"""Under what names."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leader:
    """Who leads: `name` is the process, `epoch` how often there was an election until this one."""

    name: str
    epoch: int
    since_s: float
    fabric_name: str
    rate_scale: float
    lab: bool
    probes: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sample:
    at_s: float
    services: Sequence[ServiceId]
    counts: bytes
    links: Sequence[LinkId]
    carried: bytes


def pack_leader(leader: Leader) -> bytes:
    """As a document."""
    return msgspec.msgpack.encode(leader)


def unpack_leader(doc: bytes) -> Leader:
    """Of a document."""
    return msgspec.msgpack.decode(doc, type=Leader)


def pack_sample(sample: Sample) -> bytes:
    """As a document: names, and a table of figures for each kind of thing."""
    counts = np.array([astuple(one) for one in sample.services.values()], dtype=np.float64)
    carried = np.array([astuple(one) for one in sample.links.values()], dtype=np.float64)
    return msgspec.msgpack.encode(
        _Sample(
            at_s=sample.at_s,
            services=tuple(sample.services),
            counts=counts.tobytes(),
            links=tuple(sample.links),
            carried=carried.tobytes(),
        )
    )


def unpack_sample(doc: bytes) -> Sample:
    """Of a document."""
    found = msgspec.msgpack.decode(doc, type=_Sample)
    counts = _rows(found.counts, len(found.services))
    carried = _rows(found.carried, len(found.links))
    names = ServiceCounters.__dataclass_fields__
    return Sample(
        at_s=found.at_s,
        services={
            service: ServiceCounters(**dict(zip(names, row, strict=False)))
            for service, row in zip(found.services, counts, strict=True)
        },
        links={
            link: LinkCounters(carried_bytes=row[0], carried_gbps=row[1], up=bool(row[2]))
            for link, row in zip(found.links, carried, strict=True)
        },
    )


def _rows(table: bytes, rows: int) -> list[list[float]]:
    if not rows:
        return []
    found: list[list[float]] = np.frombuffer(table, dtype=np.float64).reshape(rows, -1).tolist()
    return found
