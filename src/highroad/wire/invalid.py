"""What pydantic found wrong with a body, as findings in plain words: one list, the same at both ends of the wire."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from highroad.errors import Finding

_WORDS = {
    "missing": "is needed",
    "extra_forbidden": "is not a field here: look for a misspelling",
    "finite_number": "has to be a number; NaN and Infinity are not",
    "float_type": "has to be a number",
    "float_parsing": "has to be a number",
    "int_type": "has to be a whole number",
    "int_parsing": "has to be a whole number",
    "int_from_float": "has to be a whole number",
    "bool_type": "has to be true or false",
    "bool_parsing": "has to be true or false",
    "string_type": "has to be text",
    "list_type": "has to be a list",
    "too_short": "has to name at least one; leave it out where anything is right",
    "timezone_aware": "has to name its time zone, e.g. 2030-01-31T18:00:00Z",
    "datetime_type": "has to be a time as RFC 3339 has it, e.g. 2030-01-31T18:00:00Z",
    "datetime_parsing": "has to be a time as RFC 3339 has it, e.g. 2030-01-31T18:00:00Z",
    "datetime_from_date_parsing": "has to be a time as RFC 3339 has it, e.g. 2030-01-31T18:00:00Z",
    "model_type": "has to be an object",
    "model_attributes_type": "has to be an object",
    "json_invalid": "the body is not JSON",
}


_BY_THE_CLOCK = ("recurrence.start",)
"""Times that have no zone of their own."""


def findings_of(errors: Sequence[Mapping[str, Any]], *, skip: int = 0) -> list[Finding]:
    """One finding an error of pydantic's; `skip` leading parts of its location are not part of the place."""
    findings: list[Finding] = []
    for error in errors:
        location = error["loc"][skip:]
        kind = str(error["type"])
        place = _place([part for part in location if not _is_branch(part)])
        if location and location[-1] == "str":
            continue  # the other branch of the union says it too, and knows more
        if location and _is_branch(location[-1]) and kind in ("model_type", "model_attributes_type"):
            message = "has to be a name, or an object with `at`"
        elif kind.startswith("datetime") and place in _BY_THE_CLOCK:
            message = "has to be a time by the clock in time_zone, e.g. 2030-01-31T18:00"
        else:
            message = _message(kind, error)
        findings.append(Finding(code=_code(kind), place=place, message=message))
    return findings


def _code(kind: str) -> str:
    if kind in ("missing", "extra_forbidden", "json_invalid", "timezone_aware", "finite_number"):
        return kind.replace("_", "-").replace("extra-forbidden", "unknown-field")
    return "type"


def _message(kind: str, error: Mapping[str, Any]) -> str:
    context = error.get("ctx") or {}
    if kind == "json_invalid":
        return f"the body is not JSON: {context.get('error', 'it cannot be read')}"
    if kind in ("enum", "literal_error"):
        return f"has to be one of {str(context.get('expected', '')).replace(' or ', ', ')}"
    bounds = {"greater_than_equal": ("ge", "at least"), "less_than_equal": ("le", "at most")}
    if kind in bounds:
        name, words = bounds[kind]
        return f"has to be {words} {context.get(name)}"
    return _WORDS.get(kind) or str(error["msg"]).removeprefix("Value error, ")


def _place(parts: Sequence[str | int]) -> str:
    place = ""
    for part in parts:
        if isinstance(part, int):
            place += f"[{part}]"
        else:
            place += f".{part}" if place else part
    return place


def _is_branch(part: str | int) -> bool:
    """Whether a part names a member of a union (`str`, `EndIn`), which says nothing to a caller."""
    return isinstance(part, str) and (part == "str" or part.endswith("In"))
