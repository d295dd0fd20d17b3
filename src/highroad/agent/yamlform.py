"""Reads the agent's YAML by what is asked for, so that every finding has its place and its line.

The text of a scalar is taken as it stands and read as what the field wants: `no` is a name, `fd00::1` an address.
What is missing or wrong is a finding, and something harmless takes its place, so that the rest is still looked at.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from ipaddress import AddressValueError, IPv4Address, IPv6Address, IPv6Interface, IPv6Network
from pathlib import Path
from typing import Any

import yaml

from highroad.errors import Finding, did_you_mean

MAX_ENTRIES = 10_000
MAX_UNIX_PATH_BYTES = 107
"""What fits into a sockaddr_un."""

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTERFACE = re.compile(r"[^\s/:]{1,15}")
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")

OwnAddress = tuple[str, int]


class Reader:
    """One file: its nodes, and what was found wrong on the way."""

    def __init__(self, text: str) -> None:
        self._found: list[Finding] = []
        self._root: yaml.Node | None = None
        try:
            self._root = yaml.compose(text, Loader=_LOADER)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or "it cannot be parsed"
            self.say("bad-yaml", "", f"this is not YAML: {problem}", mark.line + 1 if mark is not None else None)
        except RecursionError:
            self.say("bad-yaml", "", "this is nested far deeper than an agent's file is", None)

    def top(self, known: Sequence[str]) -> Part:
        """The mapping that the file is."""
        if self._root is None and not self._found:
            self.say("empty", "", "the file is empty", None)
        return Part(self, self._root, "", known)

    def say(self, code: str, place: str, message: str, line: int | None) -> None:
        """One thing that is wrong."""
        self._found.append(Finding(code=code, place=place, message=message, line=line))

    def found(self) -> list[Finding]:
        """All that is wrong, in the order of the file. What only follows from an unreadable file is not told."""
        if self._root is None:
            return self._found[:1]
        return sorted(self._found, key=lambda finding: finding.line or 0)


class Part:
    """A mapping of the file, asked for its fields one by one."""

    def __init__(self, reader: Reader, node: yaml.Node | None, place: str, known: Sequence[str]) -> None:
        self._reader, self._place, self._known = reader, place, known
        self._line = node.start_mark.line + 1 if node is not None else None
        self._fields: dict[str, yaml.Node] = {}
        if node is None:
            return
        if not isinstance(node, yaml.MappingNode):
            self._say("not-a-mapping", "", "has to be a mapping of names to values")
            return
        for key, value in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else "?"
            line = key.start_mark.line + 1
            if name in self._fields:
                reader.say("duplicate-key", self._at(name), "is here twice", line)
            elif name not in known:
                reader.say("unknown-key", self._at(name), f"is not known here{did_you_mean(name, known)}", line)
            else:
                self._fields[name] = value

    # --- parts ----------------------------------------------------------------------------------------------

    def has(self, name: str) -> bool:
        """Whether the field is written."""
        return name in self._fields

    def mapping(self, name: str, known: Sequence[str]) -> Part:
        """A mapping inside."""
        node = self._fields.get(name)
        if node is None:
            self._missing(name)
        return Part(self._reader, node, self._at(name), known)

    def entries(
        self, name: str, known: Sequence[str], *, required: bool = True, most: int = MAX_ENTRIES
    ) -> Iterator[Part]:
        """The mappings of a list inside."""
        node = self._fields.get(name)
        if node is None:
            if required:
                self._missing(name)
            return
        items = self._list(name, node)
        if required and not items and isinstance(node, yaml.SequenceNode):
            self._say("empty", name, "has to have at least one entry")
        if len(items) > most:
            self._say("too-many", name, f"has {len(items)} entries; {most} is the most")
        for index, item in enumerate(items[:most]):
            yield Part(self._reader, item, f"{self._at(name)}[{index}]", known)

    def unique(self, name: str, field: str, values: Sequence[str], *, before: Sequence[str] = ()) -> None:
        """Say where a list inside has a value again. `before` are values that are taken by another list already."""
        node = self._fields.get(name)
        items = node.value if isinstance(node, yaml.SequenceNode) else []
        seen = dict.fromkeys(before, "by a core port")
        for index, value in enumerate(values):
            if value in seen and value:
                line = items[index].start_mark.line + 1 if index < len(items) else None
                place = f"{self._at(name)}[{index}].{field}"
                self._reader.say("duplicate", place, f"{value} is taken already, {seen[value]}", line)
            seen.setdefault(value, f"by entry {index}")

    # --- scalars --------------------------------------------------------------------------------------------

    def text(self, name: str, *, default: str | None = None) -> str:
        """Some text, of at most 200 characters in one line."""
        node = self._fields.get(name)
        if node is None:
            if default is None:
                self._missing(name)
            return default or ""
        if not isinstance(node, yaml.ScalarNode) or not node.value:
            self._say("not-text", name, "has to be a word")
            return ""
        if len(node.value) > 200 or not node.value.isprintable():
            self._say("not-text", name, "has to be one line of at most 200 characters")
            return ""
        return str(node.value)

    def name(self, name: str) -> str:
        """A name that can stand in a certificate and in a path."""
        value = self.text(name)
        if value and not _NAME.fullmatch(value):
            self._say(
                "bad-name", name, f"{value!a} has to be letters, digits, dots, dashes and underscores, at most 63"
            )
        return value

    def interface(self, name: str) -> str:
        """The name of a network interface, as Linux has them."""
        value = self.text(name)
        if value and not _INTERFACE.fullmatch(value):
            self._say("bad-interface", name, f"{value!a} is no interface name: at most 15 characters, no / : or space")
        return value

    def one_of(self, name: str, choices: Sequence[str], *, default: str) -> str:
        """One of a few words."""
        value = self.text(name, default=default)
        if value not in choices:
            self._say("bad-choice", name, f"{value!a} has to be one of {', '.join(choices)}")
            return default
        return value

    def whole(self, name: str, least: int, most: int) -> int:
        """A whole number in a range."""
        value = self.text(name)
        if not value:
            return least
        if not re.fullmatch(r"\d{1,9}", value) or not least <= int(value) <= most:
            self._say("out-of-range", name, f"{value!a} has to be a whole number from {least} to {most}")
            return least
        return int(value)

    def number(self, name: str, *, above: float, most: float, default: float | None = None) -> float:
        """A number in a range that its lower end is not part of."""
        value = self.text(name, default=None if default is None else repr(default))
        if not value:
            return most
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not above < number <= most:
            self._say("out-of-range", name, f"{value!a} has to be a number above {above:g} and at most {most:g}")
            return most
        return number

    def path(self, name: str, folder: Path, *, default: str | None = None) -> Path:
        """A path, from `folder` on if it is relative."""
        return folder / self.text(name, default=default)

    # --- addresses ------------------------------------------------------------------------------------------

    def block(self, name: str, *, default: str) -> str:
        """The /32 that all SIDs are in, canonical."""
        value = self.text(name, default=default)
        try:
            block = IPv6Network(value)
        except ValueError:
            self._say("bad-address", name, f"{value!a} is no IPv6 prefix, or has bits behind its length")
            return default
        if block.prefixlen != 32 or block.is_multicast or block.is_link_local:
            self._say("bad-address", name, f"{value!a} has to be a /32 of unicast addresses: micro SIDs follow it")
            return default
        return str(block)

    def host_address(self, name: str, *, outside: str) -> OwnAddress:
        """An interface's IPv6 address with its length, that is not in the block of SIDs."""
        value = self.text(name)
        if not value:
            return "", 0
        try:
            address = IPv6Interface(value)
        except ValueError:
            hint = "; core ports are IPv6" if _is_ipv4(value.partition("/")[0]) else ""
            self._say("bad-address", name, f"{value!a} is no IPv6 address with a length, as fd00:1::1/127 is{hint}")
            return "", 0
        if "/" not in value or address.network.prefixlen > 127:
            self._say("bad-address", name, f"{value!a} needs a length that the neighbour is in as well, as /127")
        elif not _is_unicast(address.ip):
            self._say("bad-address", name, f"{value!a} has to be a global or unique local address")
        elif address.ip in IPv6Network(outside):
            self._say("bad-address", name, f"{value!a} is in the block of SIDs, {outside}; give links another one")
        else:
            return str(address.ip), address.network.prefixlen
        return "", 0

    def neighbour(self, name: str, own: OwnAddress) -> str:
        """The address at the other end of the wire."""
        value = self.text(name)
        if not value:
            return ""
        try:
            address = IPv6Address(value)
        except AddressValueError:
            self._say("bad-address", name, f"{value!a} is no IPv6 address")
            return ""
        if own[0] and (address == IPv6Address(own[0]) or address not in IPv6Interface(f"{own[0]}/{own[1]}").network):
            self._say("bad-neighbour", name, f"{value!a} has to be another address in {own[0]}/{own[1]}")
        return str(address)

    def listeners(self, name: str) -> tuple[str, ...]:
        """Where to listen: `unix:/path`, `[v6]:port` or `v4:port`."""
        node = self._fields.get(name)
        if node is None:
            self._missing(name)
            return ()
        out: list[str] = []
        items = self._list(name, node)
        if isinstance(node, yaml.SequenceNode) and not items:
            self._say("empty", name, "has to have at least one address to listen on")
        for index, item in enumerate(items):
            value = item.value if isinstance(item, yaml.ScalarNode) else ""
            if (wrong := _wrong_listener(value)) is not None:
                line = item.start_mark.line + 1
                self._reader.say("bad-address", f"{self._at(name)}[{index}]", f"{str(value)!a} {wrong}", line)
            elif value in out:
                self._say("duplicate", name, f"has {value} twice")
            else:
                out.append(value)
        return tuple(out)

    # --- saying what is wrong -------------------------------------------------------------------------------

    def _list(self, name: str, node: yaml.Node) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode):
            self._say("not-a-list", name, "has to be a list")
            return []
        return list(node.value)

    def _missing(self, name: str) -> None:
        if self._line is not None and (self._fields or not self._place):
            self._say("missing", name, "is missing")

    def _say(self, code: str, name: str, message: str) -> None:
        node = self._fields.get(name)
        line = node.start_mark.line + 1 if node is not None else self._line
        self._reader.say(code, self._at(name) if name else self._place, message, line)

    def _at(self, name: str) -> str:
        return f"{self._place}.{name}" if self._place else name


def _is_ipv4(text: str) -> bool:
    try:
        IPv4Address(text)
    except AddressValueError:
        return False
    return True


def _is_unicast(address: IPv6Address) -> bool:
    return not (
        address.is_multicast
        or address.is_link_local
        or address.is_loopback
        or address.is_unspecified
        or address.ipv4_mapped is not None
    )


def _wrong_listener(value: str) -> str | None:
    if value.startswith("unix:"):
        path = value.removeprefix("unix:")
        if not path.startswith("/"):
            return "has to have an absolute path after unix:"
        if len(path.encode()) > MAX_UNIX_PATH_BYTES:
            return f"has a path over {MAX_UNIX_PATH_BYTES} bytes, which no unix socket takes"
        return None
    host, _, port = value.rpartition(":")
    if not re.fullmatch(r"\d{1,5}", port) or not 0 < int(port) < 65536:
        return "has to be unix:/path, [address]:port or address:port"
    if host.startswith("[") and host.endswith("]"):
        try:
            IPv6Address(host[1:-1])
        except AddressValueError:
            return "has no IPv6 address in its brackets"
        return None
    return None if _is_ipv4(host) else "has to begin with an IPv4 address, or an IPv6 address in brackets"
