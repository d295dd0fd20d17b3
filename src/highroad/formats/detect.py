"""Any file that may hold a network: what it is, by what is in it, and then read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from highroad.formats import gnpy, graphml, jsonform, native, netbox, nodelink, rfc8345
from highroad.formats.derive import derive
from highroad.formats.loaded import MAX_BYTES, Loaded, refused
from highroad.formats.rough import PLAIN_RULES, Rough, Rules, listed, shown

READ = "our YAML or JSON, GraphML, GNPy JSON, RFC 8345 JSON, topohub's node-link JSON, traced backbones, NetBox exports"
"""What we read, for a message about a file that is none of it."""


def read(text: str, *, name: str = "network", rules: Rules = PLAIN_RULES) -> Loaded:
    """The network of a file in any format that we know. `name` is for formats that have none of their own.

    What starts with `{` or `[` is JSON, of a format that its keys tell; what starts with `<` is GraphML; all else is
    our YAML. Never raises on bad input.
    """
    text = text.removeprefix("\ufeff")
    if len(text) > MAX_BYTES:
        return refused("too-large", f"the file is over {MAX_BYTES // 1_000_000} MB; a network is a few hundred kB")
    if graphml.is_graphml(text):
        return _derived(graphml.read(text, name=name), rules)
    if not text.lstrip().startswith("{"):
        return native.read(text)
    document = _json(text)
    if isinstance(document, Loaded):
        return document
    return _of(document, name, rules)


def read_bytes(data: bytes, *, name: str = "network", rules: Rules = PLAIN_RULES) -> Loaded:
    """As `read`, of a file's bytes: UTF-8, or what an XML declaration says."""
    if len(data) > MAX_BYTES:
        return refused("too-large", f"the file is over {MAX_BYTES // 1_000_000} MB; a network is a few hundred kB")
    if not data.strip():
        return refused("empty-file", "the file is empty")
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return refused("not-text", "the file is not UTF-8 text but UTF-16; save it as UTF-8")
    encoding = "latin-1" if data.lstrip()[:200].lower().find(b'encoding="iso-8859-1"') > 0 else "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        return refused("not-text", f"the file is not UTF-8 text: byte {error.start} is {data[error.start]:#04x}")
    return read(text, name=name, rules=rules)


def read_folder(files: Mapping[str, bytes], *, name: str = "network", rules: Rules = PLAIN_RULES) -> Loaded:
    """The network of the files of a NetBox export together, by their names."""
    documents: list[Mapping[Any, Any]] = []
    for file, data in files.items():
        try:
            document = _json(data.decode("utf-8-sig"))
        except UnicodeDecodeError as error:
            return refused("not-text", f"{file} is not UTF-8 text: byte {error.start} is {data[error.start]:#04x}")
        if isinstance(document, Loaded):
            return Loaded(None, tuple(replace(one, place=file) for one in document.findings))
        if isinstance(document, list):
            document = {file: document}
        if not isinstance(document, Mapping) or not (netbox.is_netbox(document) or not document.get("results", True)):
            return refused("unknown-format", f"{file} is no part of a NetBox export, and a folder is read as one")
        documents.append(document)
    return _derived(netbox.read(documents, name=name), rules)


def _of(document: Any, name: str, rules: Rules) -> Loaded:
    if gnpy.is_gnpy(document):
        return gnpy.read(document, name=name, rules=rules)
    if not isinstance(document, Mapping) or "highroad" in document:
        return jsonform.from_plain(document)
    if rfc8345.is_rfc8345(document):
        return _derived(rfc8345.read(document, name=name), rules)
    if nodelink.is_traced(document):
        return _derived(nodelink.traced(document, name=name), rules)
    if nodelink.is_topohub(document):
        return _derived(nodelink.topohub(document, name=name), rules)
    if netbox.is_netbox(document):
        return _derived(netbox.read([document], name=name), rules)
    keys = listed([shown(key) for key in document if isinstance(key, str)], 5) or "no keys"
    return refused("unknown-format", f"this is JSON with {keys}, which is no network that we know; we read {READ}")


def _derived(rough: Rough | Loaded, rules: Rules) -> Loaded:
    return derive(rough, rules) if isinstance(rough, Rough) else rough


def _json(text: str) -> object:
    """Plain values, or why there are none."""
    try:
        return json.loads(text, object_pairs_hook=_once)
    except _TwiceError as error:
        return refused("duplicate-key", f"the key {shown(error.key)} is twice in one mapping")
    except json.JSONDecodeError as error:
        return refused("bad-json", f"this is not JSON: {error.msg}", line=error.lineno)
    except RecursionError:
        return refused("too-deep", "this JSON is nested far deeper than a network is")
    except ValueError:
        return refused("bad-json", "this JSON holds a number of thousands of digits")


class _TwiceError(ValueError):
    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A mapping, unless a key is there twice: of two values nobody knows which was meant."""
    values = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _TwiceError(key)
            seen.add(key)
    return values
