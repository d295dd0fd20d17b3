"""What the flight recorder writes down: each thing that decisions were made from, as it came, in one order.

    Told      what a door asked, and the no that it got, if it did
    Looked    the loop looked at what it knew; `Read`, `Counted` are what the fabric had said before
    Scaled    a service followed its load
    Asked     what the loop asked routers for
    Probed    what routers had measured of services on trial
    Started   the book was read from the store, with nothing else in memory
    Wrote     a commit, by the digest of all that was in it
    Broke     what was being decided broke off, and nobody got a yes
    Gap       something was not noted: no replay goes on across it

Between a `Started` and whatever came later a decision is a function of these, so that `player` makes it again.
Documents are MessagePack, compressed; `pack` and `unpack` are the only ones who know.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Sequence
from typing import Any

import msgspec

from highroad.control.probes import Probe
from highroad.formats.jsonform import to_plain
from highroad.model.network import FibreId
from highroad.model.plan import Optimising
from highroad.model.policy import Policy
from highroad.model.service import ServiceId
from highroad.ports import Answer, Change, Commit, Down, ServiceCounters


class Told(msgspec.Struct, array_like=True, tag="told"):
    """A command, packed; the random names that were drawn for it and what the store had under its key; its no."""

    at_s: float
    command: bytes
    drawn: list[str] = []
    answers: list[Answer | None] = []
    no: bytes | None = None


class Looked(msgspec.Struct, array_like=True, tag="looked"):
    """A look of the loop, with the counters of the sample that was taken at `sample_s`."""

    at_s: float
    sample_s: float | None
    busy: bool
    refusals: dict[ServiceId, str] = {}
    drawn: list[str] = []
    idle: bool = False
    """It changed nothing, and nothing that was begun depends on it."""


class Scaled(msgspec.Struct, array_like=True, tag="scaled"):
    """A step of a service that follows its load."""

    at_s: float
    service: ServiceId
    version: int
    to_gbps: float
    drawn: list[str] = []


class Read(msgspec.Struct, array_like=True, tag="read"):
    """What was new on routers: policies other than wanted in full, and those that are as wanted by name."""

    held: list[Policy]
    as_wanted: list[ServiceId]
    gone: list[ServiceId]
    down_since_s: dict[FibreId, float]
    why: dict[FibreId, Down] = {}
    flipped_s: dict[ServiceId, float] = {}


class Whole(msgspec.Struct, array_like=True, tag="whole"):
    """All that routers hold: of what differs from what is wanted the policy, or that there is none; the rest is as
    wanted. `clean` is whether nothing was half done, so that a replay may begin here; then `memory` is what the
    book remembers, and `readings` and `lately` are when the samples were taken that are remembered.
    """

    differs: list[ServiceId]
    held: list[Policy]
    down_since_s: dict[FibreId, float]
    clean: bool = False
    memory: dict[str, Any] = {}
    readings: list[float] = []
    lately: list[float] = []
    why: dict[FibreId, Down] = {}
    flipped_s: dict[ServiceId, float] = {}


class Counted(msgspec.Struct, array_like=True, tag="counted"):
    """The counters of one sample that decisions looked at."""

    sample_s: float
    counters: dict[ServiceId, ServiceCounters | None]


class Asked(msgspec.Struct, array_like=True, tag="asked"):
    """What the loop found for routers to do: `digest` is of the changes."""

    at_s: float
    most: int
    later: list[ServiceId]
    changes: int
    digest: bytes
    drawn: list[str] = []


class Probed(msgspec.Struct, array_like=True, tag="probed"):
    """What routers have measured of services that are on trial, or are to be."""

    probes: list[Probe]


class Started(msgspec.Struct, array_like=True, tag="started"):
    """The book was read from the store: by a controller that starts, or, with `reload`, by one that goes on."""

    at_s: float
    carries_tags: bool
    memory: dict[str, Any]
    """What the book remembers, by the name of its attribute: one that followed another's remembers more than none."""
    reload: bool = False


class Bounds(msgspec.Struct, array_like=True, tag="bounds"):
    """By what planned moves are judged from now on, None where they are not; and whether any are made for room."""

    above: int
    canary: float
    for_s: float | None
    loss: float
    rate_scale: float
    wait_to_restore_s: float = 0.0
    optimising: Optimising = Optimising.OFF


class Wrote(msgspec.Struct, array_like=True, tag="wrote"):
    """Everything so far is in this commit."""

    digest: bytes


class Broke(msgspec.Struct, array_like=True, tag="broke"):
    """The decision before this broke off with an exception of this kind."""

    kind: str


class Gap(msgspec.Struct, array_like=True, tag="gap"):
    """Something before this was not noted, and why."""

    why: str


Entry = Told | Looked | Scaled | Read | Whole | Counted | Asked | Probed | Started | Bounds | Wrote | Broke | Gap


def pack(entries: Sequence[Entry]) -> bytes:
    """Entries as a document."""
    return zlib.compress(_ENCODER.encode(entries), 1)


def unpack(doc: bytes) -> list[Entry]:
    """The entries of a document. Raises ValueError where it holds none."""
    try:
        return _DECODER.decode(zlib.decompress(doc))
    except (zlib.error, msgspec.DecodeError) as error:
        raise ValueError(f"these are no entries of a flight recorder: {error}") from error


def digest_of(commit: Commit) -> bytes:
    """SHA-256 of what a commit decides, to the letter: every record and every event, in order."""
    plain = None if commit.network is None else to_plain(commit.network)
    parts = (
        plain,
        commit.tenants,
        commit.ports,
        commit.services,
        commit.incidents,
        commit.maintenances,
        commit.freezes,
        commit.tokens,
        commit.answers,
        commit.events,
        commit.webhooks,
    )
    return hashlib.sha256(_ENCODER.encode(parts)).digest()


def digest_of_changes(changes: Sequence[Change]) -> bytes:
    """SHA-256 of what routers are asked for, in order."""
    named = [(type(change).__name__, change) for change in changes]
    return hashlib.sha256(_ENCODER.encode(named)).digest()


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(list[Entry])
