"""Commands, their answers and their refusals as documents (MessagePack), and back: what lies in the database between
a process that asks and the leader. An answer that was unpacked says to the letter what the leader's own door says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any, TypeVar, cast, get_args, get_type_hints

import msgspec

import highroad.control.deeds  # noqa: F401 - what is known of commands is what was imported
from highroad.control.audit import OURSELVES
from highroad.control.commands import ChangeService, Command, LoadNetwork, commands
from highroad.control.reload import NetworkChange
from highroad.errors import Finding, HighroadError, Invalid
from highroad.formats.jsonform import from_plain, to_plain
from highroad.model.audit import Asked
from highroad.model.change import Change, Keep
from highroad.model.network import Network
from highroad.planning.binding import Binding
from highroad.planning.offers import Offer

T = TypeVar("T")

FACTS: Mapping[str, type[Any]] = {one.__name__: one for one in (Binding, Offer, NetworkChange)}
"""What errors carry besides plain values."""

LARGEST = 2**63
"""Whole numbers from here on are no MessagePack."""

_INTEGER = 1
"""The code under which those travel."""


class Broke(Exception):
    """The leader failed over a command, which is a fault of ours; it says no more than that."""


def pack_command(command: Command[Any], asked: Asked = OURSELVES) -> bytes:
    """A command as a document, with who asks for it."""
    to = _FORMS.get(type(command), _FORM)[0]
    return _pack({"command": type(command).__name__, "of": to(command), "by": msgspec.to_builtins(asked)})


def unpack_asked(doc: bytes) -> Asked:
    """Who asks for the command of a document."""
    return msgspec.convert(_unpack(doc).get("by", {}), Asked)


def unpack_command(doc: bytes) -> Command[Any]:
    """The command of a document. Raises ValueError where it is none, or none of this release."""
    found = _unpack(doc)
    kind = commands().get(found["command"])
    if kind is None:
        raise ValueError(f"there is no command {found['command']}")
    back = _FORMS.get(kind, _FORM)[1]
    return back(kind, found["of"])


def pack_answer(result: object) -> bytes:
    """What a command's answer is as a document."""
    return _pack({"yes": msgspec.to_builtins(result)})


def pack_error(error: BaseException) -> bytes:
    """What was raised instead, as a document: all of our own errors, and of others only that it was one."""
    if not isinstance(error, HighroadError):
        return _pack({"no": {"kinds": []}})
    known = {
        "kinds": [one.__name__ for one in type(error).__mro__ if issubclass(one, HighroadError)],
        "message": error.message,
        "facts": {name: _fact(value) for name, value in error.facts.items()},
        "findings": msgspec.to_builtins(error.findings) if isinstance(error, Invalid) else [],
    }
    return _pack({"no": known})


def unpack_answer(doc: bytes, command: Command[T]) -> T:
    """The answer of a document. Raises the error that it holds, `Broke` for one that was none of ours."""
    found = _unpack(doc)
    if "no" in found:
        raise _error(found["no"])
    return cast(T, msgspec.convert(found["yes"], type(command).result))


def _error(no: Mapping[str, Any]) -> Exception:
    if not no["kinds"]:
        return Broke("the leader failed to answer")
    known = {one.__name__: one for one in _errors(HighroadError)}
    kind = next(known[name] for name in no["kinds"] if name in known)
    facts = {name: _known(value) for name, value in no["facts"].items()}
    if issubclass(kind, Invalid):
        return kind(msgspec.convert(no["findings"], tuple[Finding, ...]), no["message"], **facts)
    return kind(no["message"], **facts)


def _errors(kind: type[HighroadError]) -> Iterator[type[HighroadError]]:
    yield kind
    for one in kind.__subclasses__():
        yield from _errors(one)


def _fact(value: object) -> object:
    """A fact, with its type where that is one of ours."""
    if isinstance(value, list | tuple) and value and all(type(one).__name__ in FACTS for one in value):
        return {"each": type(value[0]).__name__, "of": msgspec.to_builtins(value)}
    if type(value).__name__ in FACTS and is_dataclass(value):
        return {"one": type(value).__name__, "of": msgspec.to_builtins(value)}
    return {"of": msgspec.to_builtins(value)}


def _known(fact: Mapping[str, Any]) -> object:
    if "each" in fact:
        return [msgspec.convert(one, FACTS[fact["each"]]) for one in fact["of"]]
    return msgspec.convert(fact["of"], FACTS[fact["one"]]) if "one" in fact else fact["of"]


# --- forms of their own -------------------------------------------------------------------------------------


def _plain(command: Command[Any]) -> object:
    return msgspec.to_builtins(command)


def _built(kind: type[Command[Any]], plain: Any) -> Command[Any]:
    return cast(Command[Any], msgspec.convert(plain, kind))


def _with(name: str, to: Callable[[Any], object], back: Callable[[Any], object]) -> _Form:
    """The form of a command of which one field has a form of its own."""

    def plain(command: Command[Any]) -> object:
        rest = {one.name: getattr(command, one.name) for one in fields(cast(Any, command)) if one.name != name}
        return msgspec.to_builtins(rest) | {name: to(getattr(command, name))}

    def built(kind: type[Command[Any]], found: dict[str, Any]) -> Command[Any]:
        return kind(**(found | {name: back(found[name])}))

    return plain, built


def _change_plain(change: Change) -> object:
    """What is kept is left out: in a document of one type it could not be told from a text."""
    return {name: msgspec.to_builtins(value) for name, value in change.named.items()}


def _change_of(plain: Mapping[str, Any]) -> Change:
    return Change(**{name: msgspec.convert(value, _EDITS[name]) for name, value in plain.items()})


def _network_of(plain: object) -> Network:
    loaded = from_plain(plain)
    if loaded.network is None:
        raise ValueError(f"the network of a command cannot be read: {loaded.findings[0]}")
    return loaded.network


def _without_keep(hint: Any) -> Any:
    left = [one for one in get_args(hint) if one is not Keep]
    found = left[0]
    for one in left[1:]:
        found = found | one
    return found


_EDITS: Mapping[str, Any] = {name: _without_keep(hint) for name, hint in get_type_hints(Change).items()}

_Form = tuple[Callable[[Command[Any]], object], Callable[[type[Command[Any]], Any], Command[Any]]]
_FORM: _Form = (_plain, _built)
_FORMS: Mapping[type[Command[Any]], _Form] = {
    ChangeService: _with("change", _change_plain, _change_of),
    LoadNetwork: _with("network", to_plain, _network_of),
}


def _pack(value: object) -> bytes:
    try:
        return msgspec.msgpack.encode(value)
    except OverflowError:
        return msgspec.msgpack.encode(_with_large(value))


def _with_large(value: object) -> object:
    """A caller may send any whole number, and is told what is wrong with it: so it travels."""
    if isinstance(value, int) and not isinstance(value, bool) and not -LARGEST <= value < LARGEST:
        return msgspec.msgpack.Ext(_INTEGER, b"%x" % value)
    if isinstance(value, dict):
        return {name: _with_large(one) for name, one in value.items()}
    return [_with_large(one) for one in value] if isinstance(value, list) else value


def _unpack(doc: bytes) -> Any:
    return msgspec.msgpack.decode(doc, ext_hook=_large)


def _large(code: int, data: memoryview) -> object:
    if code != _INTEGER:
        raise ValueError(f"a document holds what this release does not know: {code}")
    return int(bytes(data), 16)
