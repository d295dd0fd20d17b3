"""Where cities are, by their names: for files that name places and have no coordinates."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from highroad.formats.shipped import cities_text


@dataclass(frozen=True, slots=True)
class City:
    """A city of the shipped list (GeoNames, 50,000 people and more)."""

    name: str
    country: str
    region: str
    lat: float
    lon: float
    population: int


def places(names: Mapping[str, Sequence[str]]) -> dict[str, City]:
    """The city of each key whose texts name one, the first text first; what follows a comma is its region or country,
    what is in brackets or after a dash or a digit is left out, and a last word of up to three letters (`Sapporo DC`).

    Of several cities of a name the largest in the home country, if the network has one: the country in which the
    most of the named cities may be, where that is more than half of them. Else the largest in the world.
    """
    candidates = {key: found for key, texts in names.items() if (found := _candidates(texts))}
    votes: Counter[str] = Counter()
    for found in candidates.values():
        votes.update({city.country for city in found})
    home, count = min(votes.items(), key=lambda item: (-item[1], item[0]), default=("", 0))
    if 2 * count <= len(candidates):
        home = ""
    return {key: next((city for city in found if city.country == home), found[0]) for key, found in candidates.items()}


def _candidates(texts: Sequence[str]) -> Sequence[City]:
    for text in texts:
        text = text[:100]
        head, comma, tail = text.partition(",")
        found = _cities().get(_key(text))
        if not found and comma:
            found = _cities().get(_key(head), [])
            region = tail.strip().upper()
            found = [city for city in found if region in (city.region, city.country)] or found
        if not found:
            short = re.split(r"[(/\[\d_-]", text, maxsplit=1)[0].strip()
            found = _cities().get(_key(short)) or _cities().get(_key(re.sub(r"(?<=.) +[^ ]{1,3}$", "", short)))
        if found:
            return found
    return []


@cache
def _cities() -> dict[str, list[City]]:
    """By name, largest first; `New York City` is found under `New York` too."""
    named: dict[str, list[City]] = {}
    for row in csv.DictReader(cities_text().splitlines()):
        place = (float(row["lat"]), float(row["lon"]))
        city = City(row["name"], row["country"], row["admin1"], *place, int(row["population"]))
        key = _key(city.name)
        for one in {key, key.removesuffix("city") or key}:
            named.setdefault(one, []).append(city)
    for found in named.values():
        found.sort(key=lambda city: (-city.population, city.country, city.name))
    return named


def _key(text: str) -> str:
    bare = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z]+", "", bare)
