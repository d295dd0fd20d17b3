"""Where a service may go: ISO 3166 codes, their subdivisions, and named sets of countries.

`US` holds `US-CO`; `EU` is the set of its members. `XZ` (UN/LOCODE's code for international waters) is what a
submarine fibre crosses on the high seas: a fence that wants it has to name it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

HIGH_SEAS = "XZ"

EU = frozenset(
    [
        "AT",
        "BE",
        "BG",
        "CY",
        "CZ",
        "DE",
        "DK",
        "EE",
        "ES",
        "FI",
        "FR",
        "GR",
        "HR",
        "HU",
        "IE",
        "IT",
        "LT",
        "LU",
        "LV",
        "MT",
        "NL",
        "PL",
        "PT",
        "RO",
        "SE",
        "SI",
        "SK",
    ]
)
"""The 27 members of the European Union since 2020-02-01 (ISO 3166-1 alpha-2: Greece is GR)."""

NAMED_SETS: dict[str, frozenset[str]] = {"EU": EU}

_CODE = re.compile(r"[A-Z]{2}(-[A-Z0-9]{1,3})?")


def is_code(text: str) -> bool:
    """Whether a text has the form of a country (`US`), a subdivision (`US-CO`) or a named set (`EU`)."""
    return text in NAMED_SETS or _CODE.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Fence:
    """The jurisdictions that a service may touch, fibre included. An empty fence allows nothing; use None for all."""

    codes: tuple[str, ...]

    def allows(self, jurisdiction: str) -> bool:
        """Whether a place is inside: by its own code, its country's, or a named set that has its country."""
        country = jurisdiction.partition("-")[0]
        return any(code in (jurisdiction, country) or country in NAMED_SETS.get(code, ()) for code in self.codes)

    def outside(self, jurisdictions: Iterable[str]) -> list[str]:
        """Those of the jurisdictions that the fence forbids, sorted."""
        return sorted({code for code in jurisdictions if not self.allows(code)})

    @property
    def label(self) -> str:
        """The same for fences that allow the same codes, in whatever order they were written."""
        return ",".join(sorted(set(self.codes)))

    def __str__(self) -> str:
        return ", ".join(self.codes)
