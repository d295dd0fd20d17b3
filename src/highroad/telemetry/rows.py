"""Figures of several things at once, in columns: what is kept, what is sent on, and how it travels between processes.

A frame is its length in four bytes and a MessagePack document. Columns travel as their bytes.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from highroad.model.tracks import Keeping, Moments, Subject, Tracks

LARGEST = 256 << 20

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Figures of several things of one kind. `at_s` is when each was measured, `columns` has a value of each per series
    (NaN where there is none).
    """

    subject: Subject
    names: Sequence[str]
    at_s: NDArray[np.float64]
    columns: Mapping[str, NDArray[np.float32]]
    totals: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    """Of services: what their counters stand at (`gaps.TOTALS`); they are remembered, and are no figures."""

    @property
    def values(self) -> int:
        """How many figures there are in it."""
        return int(sum(np.count_nonzero(~np.isnan(column)) for column in self.columns.values()))


class Packed(msgspec.Struct, tag=True):
    """Rows as they travel."""

    subject: Subject
    names: list[str]
    at_s: bytes
    columns: dict[str, bytes]
    totals: dict[str, bytes] = {}


class Keep(msgspec.Struct, tag=True):
    """Keep these."""

    rows: list[Packed]


class Ask(msgspec.Struct, tag=True):
    """Read series, see `Store.read`."""

    number: int
    subject: Subject
    names: list[str] | None
    series: list[str]
    from_s: float
    until_s: float
    step_s: int


class AskMoments(msgspec.Struct, tag=True):
    """Read every link over a time, see `Store.moments`."""

    number: int
    from_s: float
    until_s: float
    step_s: int


class Found(msgspec.Struct, tag=True):
    """What an `Ask` was answered."""

    number: int
    history: Tracks


class FoundMoments(msgspec.Struct, tag=True):
    """What an `AskMoments` was answered."""

    number: int
    moments: Moments


class Failed(msgspec.Struct, tag=True):
    """Why it could not be answered; `findings` where it was asked wrongly, as (code, place, message)."""

    number: int
    message: str
    findings: list[tuple[str, str, str]] = []


class Told(msgspec.Struct, tag=True):
    """How it goes."""

    keeping: Keeping


Frame = Keep | Ask | AskMoments | Found | FoundMoments | Failed | Told

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Frame)


def pack(rows: Rows) -> Packed:
    """Rows, to travel."""
    columns = {name: column.astype("<f4", copy=False).tobytes() for name, column in rows.columns.items()}
    at_s = rows.at_s.astype("<f8", copy=False).tobytes()
    totals = {name: column.astype("<f8", copy=False).tobytes() for name, column in rows.totals.items()}
    return Packed(subject=rows.subject, names=list(rows.names), at_s=at_s, columns=columns, totals=totals)


def unpack(packed: Packed) -> Rows:
    """Rows that have travelled."""
    columns = {name: np.frombuffer(column, "<f4") for name, column in packed.columns.items()}
    totals = {name: np.frombuffer(column, "<f8") for name, column in packed.totals.items()}
    at_s = np.frombuffer(packed.at_s, "<f8")
    return Rows(subject=packed.subject, names=packed.names, at_s=at_s, columns=columns, totals=totals)


def send(to: socket.socket, frame: Frame) -> None:
    """Send a frame. Raises OSError."""
    doc = _encoder.encode(frame)
    to.sendall(len(doc).to_bytes(4, "big") + doc)


def receive(of: socket.socket) -> Frame | None:
    """The next frame, None at the end. Raises OSError, ValueError."""
    head = _exactly(of, 4)
    if head is None:
        return None
    length = int.from_bytes(head, "big")
    if length > LARGEST:
        raise ValueError(f"a frame of {length} bytes is none of ours")
    doc = _exactly(of, length)
    return None if doc is None else _decoder.decode(doc)


def _exactly(of: socket.socket, count: int) -> bytes | None:
    parts, missing = [], count
    while missing:
        part = of.recv(min(missing, 1 << 20))
        if not part:
            return None
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)
