"""What a text that somebody gives may have in it, a name, a label or a reason: one rule, held wherever one comes in.

Any script, and emoji joined as they are. Nothing that moves a cursor, ends a line, turns the direction of what follows,
or cannot be seen; and no more marks on a letter than any language has.
"""

from __future__ import annotations

import unicodedata

NAME_LIMIT = 200
"""Characters of a name, a label, a reason."""

MARKS = 4
"""On one letter, one above the other: Vietnamese and Hebrew have fewer."""

_JOINERS = frozenset("\u200c\u200d")
"""Invisible, and needed: Persian and Indic scripts, and emoji of several parts."""

_INVISIBLE = frozenset(("Cc", "Cf", "Cs", "Co", "Zl", "Zp"))
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters by their category that are drawn as nothing."""


def is_seen(character: str) -> bool:
    """Whether a character is drawn as itself and does nothing to others."""
    if character in _JOINERS:
        return True
    if character.isascii():
        return character.isprintable()
    return character not in _BLANK and unicodedata.category(character) not in _INVISIBLE


def wrong_with(text: str, *, most: int = NAME_LIMIT, empty: bool = False) -> str:
    """What is wrong with a text, to follow `a name `; empty where nothing is."""
    if not empty and not text.strip():
        return "may not be empty"
    if len(text) > most:
        return f"has {len(text):,} characters; at most {most}"
    marks = 0
    for character in text:
        if not is_seen(character):
            return f"has a control or invisible character in it, U+{ord(character):04X}; plain text only"
        marks = marks + 1 if unicodedata.combining(character) else 0
        if marks > MARKS:
            return f"has more than {MARKS} marks on one letter"
    return ""


def shown(text: str, most: int = 60) -> str:
    """A text as it may stand in a message: cut short, and what is not seen written as its code."""
    cut = text[:most]
    if wrong_with(cut, most=most, empty=True):
        cut = "".join(one if " " <= one <= "~" else f"\\u{ord(one):04x}" for one in cut)
    return f"`{cut}`" + ("…" if len(text) > most else "")
