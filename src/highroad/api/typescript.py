"""The page's types, from the OpenAPI document: one interface a schema, and what each operation takes and answers.

    python -m highroad.api.typescript >portal/src/api/schema.ts

`make format` writes it, a test and the page's build hold what is kept to what the API says now. It is written here
rather than by a package because those that there are (openapi-typescript, say) are built on the JavaScript interface of
TypeScript 5, which the compiler that checks the page, version 7, does not have.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from highroad.api.app import create_app
from highroad.api.openapi import describe
from highroad.control.desk import Desk

HEAD = """\
// What travels over the API, made from its OpenAPI document by `make format`: not to be edited.

export type None = Record<string, never>;
"""
METHODS = ("get", "put", "post", "patch", "delete")
PLAIN = {"string": "string", "integer": "number", "number": "number", "boolean": "boolean", "null": "null"}
SHAPE = frozenset(
    {"$ref", "anyOf", "oneOf", "allOf", "enum", "const", "type", "items", "prefixItems", "properties", "required"}
    | {"additionalProperties"}
)
"""What a type is made from."""
BOUNDS = frozenset(
    {"title", "description", "default", "examples", "example", "format", "discriminator", "deprecated", "pattern"}
    | {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
    | {"minLength", "maxLength", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties"}
)
"""What a type cannot say."""

_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")
_PLACE = re.compile(r"{([^}]+)}")


def document() -> dict[str, Any]:
    """The OpenAPI document, of an application that nobody serves and that has no controller."""
    return describe(create_app(cast(Desk, None)))


def typescript(api: Mapping[str, Any]) -> str:
    """A document's types. Raises ValueError for what has no type here: it is never silently `any`."""
    schemas = api["components"]["schemas"]
    parts = [_declared(name, schemas[name]) for name in sorted(schemas)]
    calls = [
        f"  {json.dumps(f'{method.upper()} {path}')}: {_call(path, operations[method])};"
        for path, operations in sorted(api["paths"].items())
        for method in METHODS
        if method in operations
    ]
    said = "/** Every operation: what goes into its path and query, what its body is, what it answers. */"
    return "\n".join([HEAD, *parts, said, "export interface Calls {", *calls, "}", ""])


def _declared(name: str, schema: Mapping[str, Any]) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a type")
    if _is_closed(schema):
        return f"export interface {name} {_fields(schema, indent='  ')}\n"
    return f"export type {name} = {_type(schema, name)};\n"


def _is_closed(schema: Mapping[str, Any]) -> bool:
    return schema.get("type") == "object" and "properties" in schema


def _fields(schema: Mapping[str, Any], *, indent: str = "") -> str:
    required = set(schema.get("required", ()))
    fields = [
        f"{_key(name)}{'' if name in required else '?'}: {_type(field, name)};"
        for name, field in schema["properties"].items()
    ]
    if not indent:
        return f"{{ {' '.join(fields)} }}"
    return "\n".join(["{", *(indent + field for field in fields), "}"])


def _key(name: str) -> str:
    return name if _NAME.fullmatch(name) else json.dumps(name)


def _type(schema: Mapping[str, Any], where: str) -> str:
    if unknown := {key for key in schema if not key.startswith("x-")} - SHAPE - BOUNDS:
        raise ValueError(f"{where}: nothing here says what {', '.join(sorted(unknown))} is in TypeScript")
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for several, joined in (("anyOf", " | "), ("oneOf", " | "), ("allOf", " & ")):
        if several in schema:
            return joined.join(dict.fromkeys(_type(one, where) for one in schema[several]))
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return " | ".join(json.dumps(one) for one in schema["enum"])
    kinds = schema.get("type")
    if kinds is None:
        return "unknown"
    if isinstance(kinds, list):
        return " | ".join(_of(kind, schema, where) for kind in kinds)
    return _of(kinds, schema, where)


def _of(kind: str, schema: Mapping[str, Any], where: str) -> str:
    if kind == "array":
        if "prefixItems" in schema:
            return f"[{', '.join(_type(one, where) for one in schema['prefixItems'])}]"
        each = _type(schema.get("items", {}), where)
        return f"({each})[]" if " " in each else f"{each}[]"
    if kind == "object":
        if "properties" in schema:
            return _fields(schema)
        each = schema.get("additionalProperties", True)
        return f"Record<string, {'unknown' if each is True else _type(each, where)}>"
    return PLAIN[kind]


def _call(path: str, operation: Mapping[str, Any]) -> str:
    given = operation.get("parameters", ())
    places = _PLACE.findall(path)
    place = {"properties": {name: {"type": "string"} for name in places}, "required": places}
    query = [one for one in given if one["in"] == "query"]
    asked = {
        "properties": {one["name"]: one["schema"] for one in query},
        "required": [one["name"] for one in query if one.get("required")],
    }
    body = operation.get("requestBody", {}).get("content", {})
    answers = (one.get("content", {}) for status, one in operation["responses"].items() if status.startswith("2"))
    parts = {
        "path": _fields(place) if places else "None",
        "query": _fields(asked) if query else "None",
        "body": " | ".join(_json_of([body])) or "undefined",
        "answer": " | ".join(_json_of(answers)) or "undefined",
    }
    return f"{{ {' '.join(f'{name}: {kind};' for name, kind in parts.items())} }}"


def _json_of(contents: Iterable[Mapping[str, Any]]) -> list[str]:
    found = (_type(kind.get("schema", {}), name) for one in contents for name, kind in one.items() if "json" in name)
    return list(dict.fromkeys(found))


def main(arguments: list[str]) -> int:
    """Write the types; with a file, say whether it has them."""
    made = typescript(document())
    if not arguments:
        sys.stdout.write(made)
        return 0
    kept = Path(arguments[0])
    if kept.is_file() and kept.read_text() == made:
        return 0
    sys.stderr.write(f"{kept}: not what the API says now; `make format` writes it\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
