"""Values to JSON documents and back: what a row's `doc` holds. Reading checks every type (msgspec)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

import msgspec

from highroad.formats.jsonform import from_plain, to_plain
from highroad.model.network import Network

T = TypeVar("T")


def pack(value: object) -> bytes:
    """One of the model's dataclasses as JSON."""
    return msgspec.json.encode(value)


def unpack(doc: bytes, kind: type[T]) -> T:
    """The value that `pack` made a document of. Raises msgspec.ValidationError where it is not one."""
    return msgspec.json.decode(doc, type=kind)


def unpack_all(docs: Iterable[bytes], kind: type[T]) -> list[T]:
    """The values of many documents, for less than it takes to ask for each alone. Raises msgspec.ValidationError."""
    return list(map(msgspec.json.Decoder(kind).decode, docs))


def pack_network(network: Network) -> bytes:
    """A network as JSON, in the form in which it travels."""
    return msgspec.json.encode(to_plain(network))


def unpack_network(doc: bytes) -> Network:
    """The network of a document. Raises ValueError where it does not hold one."""
    loaded = from_plain(msgspec.json.decode(doc))
    if loaded.network is None:
        raise ValueError(f"the stored network cannot be read: {loaded.findings[0]}")
    return loaded.network
