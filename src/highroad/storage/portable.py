"""The file of a backup: the rows of any store, which every store reads.

A line that says what it is; then, compressed by zlib, frames of a length (4 bytes, the highest first) and a value in
msgpack: a `Head`, any number of `Rows`, and an `End` that counts them; then the SHA-256 of everything before it. It is
written and read row by row, and given its name when it is whole and on the disk.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import msgspec

from highroad.errors import Conflict, Finding, Invalid, Unavailable

MAGIC = b"HIGHROAD BACKUP "
FORMAT = 1
FIRST = MAGIC + f"{FORMAT}\n".encode()

DIGEST_BYTES = 32

FRAME_BYTES = 256 << 10
"""Rows are gathered up to so much."""

MOST_BYTES = 256 << 20
"""No frame is longer: a row may be a network, and none is so large."""

PIECE_BYTES = 1 << 20

Cell = None | int | float | str | bytes


class Head(msgspec.Struct, tag="head", kw_only=True, frozen=True):
    """What a backup is of. `keys` are what the home has besides the store that the store is of no use without."""

    revision: str
    release: str
    at_s: float
    store: str
    columns: dict[str, list[str]]
    keys: dict[str, bytes] = {}


class Rows(msgspec.Struct, tag="rows", frozen=True):
    """Some rows of a table, in the order of its key."""

    table: str
    rows: list[tuple[Any, ...]]
    """Of cells: msgpack tells texts from bytes, which msgspec's types do not."""


class End(msgspec.Struct, tag="end", frozen=True):
    """How many rows each table has."""

    counts: dict[str, int]


Frame = Head | Rows | End

_frames = msgspec.msgpack.Decoder(Frame)


class Writer:
    """Writes frames into a file that is open, one row at a time."""

    def __init__(self, file: BinaryIO, head: Head) -> None:
        self.counts = dict.fromkeys(head.columns, 0)
        self._file = file
        self._digest = hashlib.sha256()
        self._deflate = zlib.compressobj(1)
        self._table = ""
        self._rows: list[tuple[Cell, ...]] = []
        self._size = 0
        self._put(FIRST)
        self._frame(head)

    def add(self, table: str, row: tuple[Cell, ...]) -> None:
        """One more row of a table."""
        if table != self._table or self._size > FRAME_BYTES:
            self._flush()
            self._table = table
        self._rows.append(row)
        self._size += sum(len(cell) if isinstance(cell, (str, bytes)) else 8 for cell in row)
        self.counts[table] += 1

    def finish(self) -> None:
        """All rows were added."""
        self._flush()
        self._frame(End(self.counts))
        self._put(self._deflate.flush())
        self._file.write(self._digest.digest())

    def _flush(self) -> None:
        if self._rows:
            self._frame(Rows(self._table, self._rows))
        self._rows, self._size = [], 0

    def _frame(self, frame: Frame) -> None:
        packed = msgspec.msgpack.encode(frame)
        self._put(self._deflate.compress(len(packed).to_bytes(4)) + self._deflate.compress(packed))

    def _put(self, data: bytes) -> None:
        self._digest.update(data)
        self._file.write(data)


@contextmanager
def writing_to(path: Path, *, replace: bool = False) -> Iterator[BinaryIO]:
    """A file that has its name when the context ends well, durably, and else is not there; its owner's only.

    Raises Conflict where there is one of that name that is not to be replaced, and Unavailable.
    """
    if path.exists() and not replace:
        raise Conflict(f"there is a {path} already: take another name, or --replace it")
    name = ""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(name).replace(path)
        name = ""
        sync_folder(path.parent)
    except OSError as error:
        raise Unavailable(f"{path} was not written: {error.strerror}") from error
    finally:
        if name:
            Path(name).unlink(missing_ok=True)


def sync_folder(path: Path) -> None:
    """What was renamed in a folder stays so."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def check(path: Path) -> str:
    """Hold a file against its checksum, which is returned. Raises Invalid for what is no whole backup."""
    try:
        with path.open("rb") as file:
            first = file.read(len(FIRST))
            if not first.startswith(MAGIC):
                _refuse(path, "this is no backup of Highroad's")
            if first != FIRST:
                form = first[len(MAGIC) :].decode("ascii", "replace").strip()
                _refuse(path, f"its format is {form}, and this release reads {FORMAT}: install a newer one")
            left = os.fstat(file.fileno()).st_size - len(FIRST) - DIGEST_BYTES
            if left < 0:
                _refuse(path, "it is cut off")
            digest = hashlib.sha256(first)
            while left > 0:
                piece = file.read(min(left, PIECE_BYTES))
                if not piece:
                    _refuse(path, "it is cut off")
                digest.update(piece)
                left -= len(piece)
            if file.read() != digest.digest():
                _refuse(path, "it is damaged or cut off: its checksum does not hold")
            return digest.hexdigest()
    except OSError as error:
        _refuse(path, f"it cannot be read: {error.strerror}")


def frames(path: Path) -> Iterator[Frame]:
    """The frames of a file that was checked, in order: a head, rows, and an end with the right counts, or Invalid."""
    try:
        with path.open("rb") as file:
            file.seek(len(FIRST))
            yield from _in_order(path, _Inflating(file))
    except OSError as error:
        _refuse(path, f"it cannot be read: {error.strerror}")


def _in_order(path: Path, source: _Inflating) -> Iterator[Frame]:
    counts: dict[str, int] = {}
    head: Head | None = None
    while True:
        try:
            length = int.from_bytes(source.take(4))
            if length > MOST_BYTES:
                raise ValueError(f"a frame of {length} bytes")
            frame = _frames.decode(source.take(length))
        except (ValueError, zlib.error, msgspec.DecodeError) as error:
            _refuse(path, f"it cannot be decoded: {error}")
        match frame:
            case Head() if head is None:
                head = frame
                counts = dict.fromkeys(head.columns, 0)
            case Rows() if head is not None and frame.table in counts:
                width = len(head.columns[frame.table])
                if any(len(row) != width for row in frame.rows):
                    _refuse(path, f"a row of {frame.table} has another number of columns than {width}")
                if not all(
                    cell is None or isinstance(cell, (int, float, str, bytes)) for row in frame.rows for cell in row
                ):
                    _refuse(path, f"a row of {frame.table} holds what no column can")
                counts[frame.table] += len(frame.rows)
            case End() if head is not None:
                if frame.counts != counts:
                    _refuse(path, "it has another number of rows than it says")
                yield frame
                return
            case _:
                _refuse(path, "its parts are not in order")
        yield frame


class _Inflating:
    """So many bytes at a time of what a file holds compressed."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._inflate = zlib.decompressobj()

    def take(self, length: int) -> bytes:
        """Exactly so many. Raises ValueError where there are fewer, and zlib.error."""
        found = bytearray()
        while len(found) < length:
            packed = self._inflate.unconsumed_tail or self._file.read(PIECE_BYTES)
            if not packed or self._inflate.eof:
                raise ValueError("it ends too early")
            found += self._inflate.decompress(packed, length - len(found))
        return bytes(found)


def _refuse(path: Path, what: str) -> NoReturn:
    raise Invalid([Finding(code="backup", place=str(path), message=what)])


def refuse_row(path: Path, table: str, row: Sequence[Any], why: object) -> NoReturn:
    """One row cannot be what it should be."""
    key = next((str(cell) for cell in row if isinstance(cell, (str, int))), "?")[:80]
    _refuse(path, f"the row `{key}` of {table} cannot be read: {why}")
