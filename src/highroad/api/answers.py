"""How a wire model becomes a response: pydantic writes the JSON, once."""

from __future__ import annotations

from collections.abc import Mapping

from fastapi import Response
from pydantic import BaseModel

from highroad.errors import Finding, Invalid, VersionConflict


def answer(model: BaseModel, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response; it is the caller's own, so nobody on the way may keep it."""
    content = model.__pydantic_serializer__.to_json(model, by_alias=True)
    return Response(content, status, {"Cache-Control": "no-store", **(headers or {})}, "application/json")


def etag(version: int) -> str:
    """A version as an entity tag."""
    return f'"{version}"'


def version_of(if_match: str | None) -> int | None:
    """The version that If-Match names, None without one and for `*`, which is any.

    Raises Invalid for what is no entity tag, VersionConflict for one that cannot be ours.
    """
    given = "*" if if_match is None else if_match.strip()
    if given == "*":
        return None
    tag = given.removeprefix("W/")
    if len(tag) < 2 or tag[0] != '"' or tag.find('"', 1) != len(tag) - 1:
        message = 'has to be the ETag of the service, e.g. "3" with its quotes, or * for any'
        raise Invalid([Finding(code="if-match", place="If-Match", message=message)])
    digits = tag[1:-1]
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 18:
        raise VersionConflict('the service never had this ETag: one looks like "3"', given=given[:40])
    return int(digits)
