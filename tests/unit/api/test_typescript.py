"""The types that the page is compiled against are what the API says now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from highroad.api.typescript import document, main, typescript

KEPT = Path(__file__).parents[3] / "portal" / "src" / "api" / "schema.ts"


@pytest.fixture(scope="module")
def api() -> dict[str, Any]:
    return document()


def test_what_is_kept_is_what_the_api_says(api: dict[str, Any]) -> None:
    assert KEPT.read_text() == typescript(api), "`make format` writes it"


def test_a_change_of_the_api_is_noticed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    kept = tmp_path / "schema.ts"
    kept.write_text(KEPT.read_text().replace("capacity_gbps: number;", "capacity_gbps: string;", 1))
    assert main([str(kept)]) == 1
    assert "make format" in capsys.readouterr().err
    assert main([str(KEPT)]) == 0


def test_bounds_are_in_the_words_of_json_schema(api: dict[str, Any]) -> None:
    quota = api["components"]["schemas"]["QuotaIn"]["properties"]["services"]["anyOf"][0]
    assert quota == {"type": "integer", "minimum": 0, "maximum": 1_000_000}


def schema(field: dict[str, Any], *, required: bool = True) -> str:
    """A document with one field of one schema; the field as TypeScript."""
    thing = {"type": "object", "properties": {"field": field}, "required": ["field"] if required else []}
    made = typescript({"components": {"schemas": {"Thing": thing}}, "paths": {}})
    return made.split("export interface Thing {\n")[1].split("\n}")[0].strip()


@pytest.mark.parametrize(
    ("field", "written"),
    [
        ({"type": "integer", "minimum": 0}, "number"),
        ({"anyOf": [{"$ref": "#/components/schemas/Other"}, {"type": "null"}]}, "Other | null"),
        ({"type": "array", "items": {"anyOf": [{"type": "string"}, {"type": "null"}]}}, "(string | null)[]"),
        ({"type": "array", "prefixItems": [{"type": "string"}, {"type": "number"}]}, "[string, number]"),
        ({"type": "object", "additionalProperties": {"type": "boolean"}}, "Record<string, boolean>"),
        ({"type": "object"}, "Record<string, unknown>"),
        ({"enum": ["ip", "ethernet"], "type": "string"}, '"ip" | "ethernet"'),
        ({"const": 1}, "1"),
        ({}, "unknown"),
    ],
)
def test_a_field_has_the_type_that_its_schema_says(field: dict[str, Any], written: str) -> None:
    assert schema(field) == f"field: {written};"
    assert schema(field, required=False) == f"field?: {written};"


def test_what_has_no_type_is_no_any() -> None:
    with pytest.raises(ValueError, match="not"):
        schema({"not": {"type": "string"}})


def test_an_operation_says_what_goes_in_and_what_comes_out() -> None:
    operation = {
        "parameters": [
            {"in": "path", "name": "link", "schema": {"type": "string"}},
            {"in": "query", "name": "start", "schema": {"type": "string"}, "required": True},
            {"in": "query", "name": "end", "schema": {"type": "string"}},
            {"in": "header", "name": "If-Match", "schema": {"type": "string"}},
        ],
        "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/LinkIn"}}}},
        "responses": {
            "200": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/LinkOut"}}}},
            "404": {"content": {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemOut"}}}},
        },
    }
    streamed: dict[str, object] = {"responses": {"200": {"content": {"text/event-stream": {"schema": {}}}}}}
    paths = {"/v1/links/{link}": {"put": operation}, "/v1/live": {"get": streamed}}
    made = typescript({"components": {"schemas": {}}, "paths": paths})
    put = "path: { link: string; }; query: { start: string; end?: string; }; body: LinkIn; answer: LinkOut;"
    assert f'  "PUT /v1/links/{{link}}": {{ {put} }};' in made
    assert '  "GET /v1/live": { path: None; query: None; body: undefined; answer: undefined; };' in made
