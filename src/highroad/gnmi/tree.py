"""A tree of JSON (RFC 7951) and the paths into it: what a path finds, and the leaves of a subtree. Pure.

In JSON a list is an array of objects, and only the schema says which members are its keys. `LIST_KEYS` has them by the
list's name, for every list that is spoken here; where two lists have one name, the entry tells which it is of. Names
are compared without their modules.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from highroad.gnmi.path import WILDCARD, Elem, Path, elem

LIST_KEYS: Mapping[str, tuple[tuple[str, ...], ...]] = MappingProxyType(
    {
        # highroad-router
        "attachment": (("id",),),
        "policy": (("service",),),
        "protection": (("function",),),
        "segment": (("index",),),
        "return-segment": (("index",),),
        "core-port": (("interface",),),
        "class": (("name",),),
        "measurement": (("path",),),
        # both, by different keys
        "candidate-path": (("preference",), ("protocol-origin", "originator-asn", "originator-addr", "discriminator")),
        "segment-list": (("index",), ("id",)),
        "sid": (("sid",), ("index",)),
        # OpenConfig
        "interface": (("name",),),
        "network-instance": (("name",),),
        "te-policy": (("color", "endpoint"),),
    }
)


def bare(name: str) -> str:
    """A member's name without its module."""
    return name.rpartition(":")[2]


def keys_of(name: str, one: Mapping[str, Any]) -> Elem:
    """The step to an entry of the list `name`, with its keys."""
    members = {bare(member): value for member, value in one.items()}
    for keys in LIST_KEYS[bare(name)]:
        if all(key in members for key in keys):
            return elem(bare(name), {key: text_of(members[key]) for key in keys})
    return Elem(bare(name))


def text_of(value: Any) -> str:
    """A key's value as it stands in a path."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def find(tree: Any, path: Path) -> list[tuple[Path, Any]]:
    """Every place that the path leads to, with its full path and what is there. Nothing there is no place.

    A step to a list without its keys is to each of its entries, unless it is the last: then it is to the whole list.
    """
    return list(_find(tree, path.elems, ()))


def leaves(path: Path, value: Any) -> Iterator[tuple[Path, Any]]:
    """Every leaf at and below the path; a leaf-list is one leaf. An empty container has none."""
    yield from _leaves(path.elems, value)


def _find(node: Any, rest: tuple[Elem, ...], behind: tuple[Elem, ...]) -> Iterator[tuple[Path, Any]]:
    if not rest:
        yield Path(behind), node
        return
    if not isinstance(node, Mapping):
        return
    step, after = rest[0], rest[1:]
    for member, value in node.items():
        name = bare(member)
        if step.bare not in (name, WILDCARD):
            continue
        if not is_list(name, value):
            if not step.keys:
                yield from _find(value, after, (*behind, Elem(name)))
            continue
        if not after and not step.keys:
            yield Path((*behind, Elem(name))), value
            continue
        for one in value:
            at = keys_of(name, one)
            if _fits(step, at):
                yield from _find(one, after, (*behind, at))


def _fits(step: Elem, at: Elem) -> bool:
    mine = dict(at.keys)
    return all(value == WILDCARD or mine.get(key) == value for key, value in step.keys)


def is_list(name: str, value: Any) -> bool:
    """Whether a member is a list of entries, and not a leaf-list, a container or a leaf."""
    return name in LIST_KEYS and isinstance(value, list)


def _leaves(at: tuple[Elem, ...], value: Any) -> Iterator[tuple[Path, Any]]:
    if isinstance(value, Mapping):
        for member, below in value.items():
            name = bare(member)
            if is_list(name, below):
                for one in below:
                    yield from _leaves((*at, keys_of(name, one)), one)
            else:
                yield from _leaves((*at, Elem(name)), below)
    elif at and not at[-1].keys and is_list(at[-1].name, value):
        for one in value:
            yield from _leaves((*at[:-1], keys_of(at[-1].name, one)), one)
    else:
        yield Path(at), value
