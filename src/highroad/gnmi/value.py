"""gNMI's typed values and JSON: what a Set brings, and what a Get or a Subscribe takes away."""

from __future__ import annotations

from typing import Any

import msgspec

from highroad.errors import Finding, Invalid
from highroad.gnmi import proto
from highroad.gnmi.faults import Unimplemented
from highroad.gnmi.path import Path


def to_typed(value: Any, encoding: int = proto.JSON_IETF) -> proto.Message:
    """JSON as a typed value; the text is the same in both encodings (RFC 7951)."""
    text = msgspec.json.encode(value)
    return proto.TypedValue(json_val=text) if encoding == proto.JSON else proto.TypedValue(json_ietf_val=text)


def from_typed(value: proto.Message, path: Path) -> Any:
    """The JSON of a typed value. Raises Invalid."""
    kind = value.WhichOneof("value")
    if kind in ("json_ietf_val", "json_val"):
        try:
            return msgspec.json.decode(getattr(value, kind))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise Invalid([Finding(code="json", place=str(path), message=f"not JSON: {error}")]) from error
    if kind in ("string_val", "int_val", "uint_val", "bool_val", "double_val", "ascii_val"):
        return getattr(value, kind)
    if kind == "leaflist_val":
        return [from_typed(one, path) for one in value.leaflist_val.element]
    message = "there is no value" if kind is None else f"a value of the kind {kind} is not read; JSON_IETF is"
    raise Invalid([Finding(code="value", place=str(path), message=message)])


def check_encoding(encoding: int) -> None:
    """Raises Unimplemented for one that is not spoken."""
    if encoding not in (proto.JSON, proto.JSON_IETF):
        name = proto.ENCODINGS.get(encoding, str(encoding))
        raise Unimplemented(f"the encoding {name} is not spoken here; JSON_IETF and JSON are")
