"""What comes with the package: the reference networks and the sources that they are built from."""

from __future__ import annotations

from importlib.resources import files

NETWORKS = ("us", "global", "us-lab")


def network_text(name: str) -> str:
    """The file of a reference network: `us`, `global` or `us-lab`. Raises KeyError for any other name."""
    if name not in NETWORKS:
        raise KeyError(name)
    return data_text(f"networks/{name}.yaml")


def cities_text() -> str:
    """The cities of the world: a CSV, for `highroad.siting.cities.read`."""
    return data_text("sources/geo/cities_pop50k_geonames.csv")


def data_text(path: str) -> str:
    """A text file of the package's data, by its path under `data/`."""
    at = files("highroad") / "data"
    for step in path.split("/"):
        at = at / step
    return at.read_text(encoding="utf-8-sig")
