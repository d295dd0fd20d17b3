"""JSON (RFC 7951) held against a node of a schema, and paths against a tree: every finding at once. Pure.

Beyond YANG, a prefix has to be one (no bits set after its length), and what is wrong with a name says which is near.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from ipaddress import ip_network
from socket import AF_INET, AF_INET6, inet_pton
from typing import Any

from highroad.errors import Finding, Invalid, did_you_mean
from highroad.gnmi.nodes import (
    Address,
    Choice,
    Container,
    Decimal,
    Entries,
    Flag,
    Leaf,
    LeafList,
    Node,
    Number,
    Prefix,
    Reference,
    Text,
    Type,
)
from highroad.gnmi.path import WILDCARD, Elem, Path
from highroad.gnmi.router import MODULE
from highroad.gnmi.tree import bare


def check(value: Any, node: Node, place: str = "", *, whole: bool = True) -> list[Finding]:
    """Everything that is wrong with JSON that is to stand at a node.

    `whole` False is for what will be merged into something: what is mandatory may be missing then. That references
    lead somewhere is not checked here, because that takes the whole tree.
    """
    return list(_check(value, node, place, whole))


def node_at(path: Path, tree: Container) -> tuple[Node, bool]:
    """The node that a path leads to, and whether it may be set. Raises Invalid, naming what is near."""
    node: Node = tree
    config = True
    for depth, step in enumerate(path.elems):
        members = node.members if isinstance(node, Container | Entries) else {}
        below = members.get(step.bare)
        if below is None:
            raise Invalid([_unknown(step.bare, members, str(Path(path.elems[:depth])) if depth else "")])
        findings = list(_check_keys(step, below, str(Path(path.elems[: depth + 1]))))
        if findings:
            raise Invalid(findings)
        node = below
        config = config and (node.config if isinstance(node, Container) else True)
    return node, config


def key_value(text: str, type_: Type) -> Any:
    """A key as it stands in JSON, of what stands in a path."""
    if isinstance(type_, Number) and type_.bits < 64 and text.isdecimal():
        return int(text)
    return text


def _unknown(name: str, members: Mapping[str, Node], place: str) -> Finding:
    if not members:
        return Finding(code="unknown", place=place, message=f"there is nothing below it, so no `{name}`")
    near = did_you_mean(name, members) or f"; there is {', '.join(members)}"
    return Finding(code="unknown", place=place or "/", message=f"there is no `{name}` here{near}")


def _check_keys(step: Elem, node: Node, place: str) -> Iterator[Finding]:
    if step.keys and not isinstance(node, Entries):
        yield Finding(code="keys", place=place, message="it is no list and has no keys")
        return
    for key, value in step.keys:
        if not isinstance(node, Entries) or key not in node.keys:
            keys = node.keys if isinstance(node, Entries) else ()
            message = f"`{key}` is no key of it{did_you_mean(key, keys) or f'; its key is {keys[0]}'}"
            yield Finding(code="keys", place=place, message=message)
        elif value != WILDCARD:
            leaf = node.members[key]
            if isinstance(leaf, Leaf):
                yield from _check_type(key_value(value, leaf.type), leaf.type, place)


def _check(value: Any, node: Node, place: str, whole: bool) -> Iterator[Finding]:
    match node:
        case Leaf():
            yield from _check_type(value, node.type, place)
        case LeafList():
            if not isinstance(value, list):
                yield _wrong(place, "a list of values", value)
                return
            seen = set()
            for index, one in enumerate(value):
                yield from _check_type(one, node.type, f"{place}[{index}]")
                if isinstance(one, str | int) and one in seen:
                    yield Finding(code="twice", place=f"{place}[{index}]", message=f"{_shown(one)} is there twice")
                seen.add(one if isinstance(one, str | int) else None)
        case Entries():
            if not isinstance(value, list):
                yield _wrong(place, "a list of entries", value)
                return
            yield from _check_entries(value, node, place, whole)
        case Container():
            yield from _check_members(value, node.members, (), place, whole)
            if not node.config:
                yield Finding(code="state", place=place, message="it is state: it can be read, not set")


def _check_entries(value: Sequence[Any], node: Entries, place: str, whole: bool) -> Iterator[Finding]:
    seen: set[tuple[str, ...]] = set()
    for index, one in enumerate(value):
        at = f"{place}[{index}]"
        if isinstance(one, Mapping):
            keys = tuple(str({bare(name): v for name, v in one.items()}.get(key)) for key in node.keys)
            at = place + "".join(f"[{key}={value}]" for key, value in zip(node.keys, keys, strict=True))
            if keys in seen:
                yield Finding(code="twice", place=at, message="an entry of these keys is there twice")
            seen.add(keys)
        yield from _check_members(one, node.members, node.keys, at, whole)
    if whole and len(value) < node.least:
        yield Finding(code="few", place=place, message=f"{len(value)} entries; there have to be {node.least}")
    if node.most is not None and len(value) > node.most:
        yield Finding(code="many", place=place, message=f"{len(value)} entries; {node.most} are the most")


def check_entry(value: Any, node: Entries, place: str, *, whole: bool = True) -> list[Finding]:
    """Everything that is wrong with JSON that is to be one entry of a list."""
    return list(_check_members(value, node.members, node.keys, place, whole))


def _check_members(
    value: Any, members: Mapping[str, Node], keys: Sequence[str], place: str, whole: bool
) -> Iterator[Finding]:
    if not isinstance(value, Mapping):
        yield _wrong(place, "an object", value)
        return
    seen = set()
    for name, below in value.items():
        module, _, plain = str(name).rpartition(":")
        node = members.get(plain)
        if node is None or module not in ("", MODULE):
            yield _unknown(str(name), members, place)
            continue
        seen.add(plain)
        yield from _check(below, node, f"{place}/{plain}", whole)
    for name, node in members.items():
        if name in seen:
            continue
        if name in keys:
            yield Finding(code="missing", place=place, message=f"its key `{name}` is missing")
        elif whole and isinstance(node, Leaf) and node.mandatory:
            yield Finding(code="missing", place=place, message=f"`{name}` is missing")
        elif whole and isinstance(node, Entries) and node.least:
            yield Finding(code="missing", place=place, message=f"`{name}` is missing; {node.least} at least")
        elif whole and isinstance(node, Container) and node.config and _mandatory(node):
            yield Finding(code="missing", place=place, message=f"`{name}` is missing")


def _mandatory(node: Container) -> bool:
    return any(isinstance(below, Leaf) and below.mandatory for below in node.members.values())


def _check_type(value: Any, type_: Type, place: str) -> Iterator[Finding]:
    match type_:
        case Text():
            if not isinstance(value, str):
                yield _wrong(place, "a string", value)
            elif len(value) < type_.least or (type_.most is not None and len(value) > type_.most):
                message = f"{len(value)} characters; there are {type_.least} to {type_.most}"
                yield Finding(code="length", place=place, message=message)
            elif type_.pattern is not None and not re.fullmatch(type_.pattern, value):
                yield Finding(
                    code="pattern", place=place, message=f"{_shown(value)} is not of the form {type_.pattern}"
                )
        case Reference():
            yield from _check_type(value, Text(1, 255), place)
        case Number():
            yield from _check_number(value, type_, place)
        case Decimal():
            if not isinstance(value, str) or not value.lstrip("-").replace(".", "", 1).isdecimal():
                yield _wrong(place, "a decimal number as a string", value)
        case Flag():
            if not isinstance(value, bool):
                yield _wrong(place, "true or false", value)
        case Choice():
            if not isinstance(value, str):
                yield _wrong(place, f"one of {', '.join(type_.words)}", value)
            elif value not in type_.words:
                near = did_you_mean(value, type_.words) or f"; it is one of {', '.join(type_.words)}"
                yield Finding(code="choice", place=place, message=f"{_shown(value)} is not one{near}")
        case Address():
            yield from _check_address(value, type_, place)
        case Prefix():
            yield from _check_prefix(value, type_, place)


def _check_number(value: Any, type_: Number, place: str) -> Iterator[Finding]:
    if type_.bits == 64:
        # RFC 7951, section 6.1; a small one as a number is understood all the same.
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 20:
            value = int(value)
        elif not isinstance(value, int) or isinstance(value, bool):
            yield _wrong(place, "a whole number as a string", value)
            return
    elif not isinstance(value, int) or isinstance(value, bool):
        yield _wrong(place, "a whole number", value)
        return
    if not type_.least <= value <= type_.most:
        message = f"{_shown(value)} is out of range: {type_.least} to {type_.most}"
        yield Finding(code="range", place=place, message=message)


_FAMILIES = {0: (AF_INET, AF_INET6), 4: (AF_INET,), 6: (AF_INET6,)}


def _check_address(value: Any, type_: Address, place: str) -> Iterator[Finding]:
    if not isinstance(value, str) or not any(_is_address(value, family) for family in _FAMILIES[type_.version]):
        yield _wrong(place, f"an IPv{type_.version} address" if type_.version else "an IP address", value)


def _is_address(text: str, family: int) -> bool:
    try:
        inet_pton(family, text)
    except (OSError, ValueError):
        return False
    return True


def _check_prefix(value: Any, type_: Prefix, place: str) -> Iterator[Finding]:
    kind = f"an IPv{type_.version} prefix" if type_.version else "an IP prefix"
    if not isinstance(value, str) or "/" not in value or "%" in value:
        yield _wrong(place, f"{kind}, as address/length,", value)
        return
    try:
        network = ip_network(value)
    except ValueError:
        try:
            near = f"; did you mean `{ip_network(value, strict=False)}`?"
        except ValueError:
            near = ""
        yield Finding(code="prefix", place=place, message=f"{_shown(value)} is not {kind}{near}")
        return
    if type_.version and network.version != type_.version:
        yield _wrong(place, kind, value)


def _wrong(place: str, wanted: str, value: Any) -> Finding:
    return Finding(code="type", place=place, message=f"{_shown(value)} is not {wanted}")


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}…"
