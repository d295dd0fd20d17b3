"""The files of the reference networks, byte for byte."""

from __future__ import annotations

from collections.abc import Callable

from highroad.formats import native
from highroad.model.network import Network
from highroad.offline.reference import global_, lab, us

BUILDERS: dict[str, Callable[[], Network]] = {"us": us.build, "global": global_.build, "us-lab": lab.build}

_SOURCES = (
    "Made from: CORONET topologies of oopt-gnpy (BSD-3-Clause); GeoNames cities (CC BY 4.0); cloud-regions (MIT);",
    "us-atlas and world-atlas borders (ISC); EPA eGRID 2023 (public domain) and Our World in Data energy mixes",
    "(CC BY 4.0), both by way of codecarbon (MIT). Attributions: data/README.md; licences: data/LICENSES.",
)


def text(name: str) -> str:
    """The file of `us`, `global` or `us-lab`: the network, and how it was built. Raises KeyError for any other name."""
    network = BUILDERS[name]()
    header = (
        f"{network.name}: {len(network.sites)} sites, {len(network.fibres)} fibres, {len(network.links)} links.",
        f"Built by `highroad network build {name}` under the rules listed as assumptions; do not edit by hand.",
        *_SOURCES,
    )
    return native.write(network, header)
