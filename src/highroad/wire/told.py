"""How what others have written is shown in a terminal: as text, whatever it would do there.

What is stored was checked when it came in; what an older store, a file or another controller says was perhaps not.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any

from highroad.model.text import MARKS

_STEERS = re.compile(
    "[\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]"
)


def clean(text: object) -> str:
    """A text without what could steer a terminal, and with no more marks on a letter than stay in its line."""
    given = str(text)
    if given.isascii() and given.isprintable():
        return given
    kept: list[str] = []
    marks = 0
    for character in given:
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks <= MARKS:
            kept.append(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}")
    return "".join(kept)


def json_text(value: Any, *, indent: int | None = None) -> str:
    """JSON that is the same to a program, and in which nothing steers a terminal: that is written as its code."""
    return _STEERS.sub(_code, json.dumps(value, indent=indent, ensure_ascii=False))


def _code(found: re.Match[str]) -> str:
    return json.dumps(found[0])[1:-1]
