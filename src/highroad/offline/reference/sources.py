"""The public data that the networks are built from, read into plain values. Licences are in data/README.md."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from functools import cache
from typing import Any

from highroad.errors import Invalid
from highroad.formats import gnpy
from highroad.formats.shipped import cities_text, data_text
from highroad.model.network import Network
from highroad.offline.reference.countries import BY_THREE_LETTERS
from highroad.siting import cities

GRAMS_PER_POUND = 453.59237


@dataclass(frozen=True, slots=True, kw_only=True)
class Region:
    """A region of a public cloud: `place` is where it is, in the operator's words."""

    operator: str
    name: str
    place: str
    lat: float
    lon: float


def backbone(which: str) -> Network:
    """A CORONET topology, `CONUS` or `Global`: pops and fibres as GNPy has them, countries not yet known."""
    loaded = gnpy.read(json.loads(data_text(f"sources/backbones/CORONET_{which}_Topology.json")), name=which)
    if loaded.network is None:
        raise Invalid(loaded.findings)
    return loaded.network


@cache
def world_cities(*, min_population: int = cities.MIN_POPULATION) -> cities.Cities:
    """The cities of the world, nobody counted twice."""
    return cities.read(cities_text(), min_population=min_population)


def cloud_regions() -> list[Region]:
    """Every region in the list, in its order."""
    rows = csv.DictReader(data_text("sources/geo/cloud_regions_2025-01.csv").splitlines())
    return [
        Region(
            operator=row["provider"],
            name=row["region"],
            place=_place(row["provider"], row["name"]),
            lat=float(row["lat"]),
            lon=float(row["lon"]),
        )
        for row in rows
    ]


@cache
def carbon_g_per_kwh() -> dict[str, float]:
    """By jurisdiction: US states from eGRID (lb/MWh, converted), countries from their energy mix (g/kWh)."""
    states: dict[str, Any] = json.loads(data_text("sources/power/us_state_emissions_egrid2023.json"))
    mixes: dict[str, Any] = json.loads(data_text("sources/power/country_energy_mix_ci.json"))
    carbon = {
        BY_THREE_LETTERS[code]: round(mix["carbon_intensity"], 1)
        for code, mix in mixes.items()
        if code in BY_THREE_LETTERS and mix.get("carbon_intensity") is not None
    }
    for key, state in states.items():
        if not key.startswith("_") and len(state["regionCode"]) == 2:
            carbon[f"US-{state['regionCode']}"] = round(state["emissions"] * GRAMS_PER_POUND / 1000, 1)
    return carbon


def _place(operator: str, name: str) -> str:
    """`US East (N. Virginia)` is in N. Virginia, `(US) East US` in East US, and GCP names the town."""
    if operator == "aws":
        return name.partition("(")[2].rstrip(")")
    return name.partition(") ")[2] if operator == "azure" else name
