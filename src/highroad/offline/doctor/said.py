"""What a check says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """GOOD; ODD, which works and may not for long; WRONG; NOTHING where there is nothing to look at."""

    GOOD = "good"
    ODD = "odd"
    WRONG = "wrong"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What was looked at, what was found, and what to do about it (empty where nothing is to be done)."""

    check: str
    verdict: Verdict
    found: str
    remedy: str = ""


def good(check: str, found: str) -> Said:
    """All is well."""
    return Said(check=check, verdict=Verdict.GOOD, found=found)


def odd(check: str, found: str, remedy: str) -> Said:
    """It works, and may not for long, or not as well as it could."""
    return Said(check=check, verdict=Verdict.ODD, found=found, remedy=remedy)


def wrong(check: str, found: str, remedy: str) -> Said:
    """It does not work."""
    return Said(check=check, verdict=Verdict.WRONG, found=found, remedy=remedy)


def nothing(check: str, found: str) -> Said:
    """There is nothing to look at."""
    return Said(check=check, verdict=Verdict.NOTHING, found=found)


Check = Callable[[], Said]
