"""A small network that is soon full: six pops in a ring with two chords, four campuses at two pops each."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

POPS = ("ann", "ben", "cat", "dan", "eve", "fay")
CAMPUSES = {"north": ("ann", "ben"), "east": ("cat", "ben"), "south": ("dan", "eve"), "west": ("fay", "eve")}
RING = [*zip(POPS, (*POPS[1:], POPS[0]), strict=True), ("ann", "dan"), ("ben", "eve")]
FIBRES = [f"{a}--{b}" for a, b in RING]
"""Those between pops, which may be cut: no campus is cut off."""
RING_GBPS, LOCAL_GBPS = 100.0, 400.0


def network() -> dict[str, Any]:
    """The network, in the form of a network file."""
    places = {name: (40.0, -100.0 + place * 0.01) for place, name in enumerate((*POPS, *CAMPUSES))}
    sites = [
        {"id": name, "name": name, "kind": "pop" if name in POPS else "campus", "lat": lat, "lon": lon}
        | {"jurisdiction": "US-NE"}
        for name, (lat, lon) in places.items()
    ]
    spans = [(a, b, 200.0, RING_GBPS) for a, b in RING]
    spans += [(a, b, 20.0, LOCAL_GBPS) for a, both in CAMPUSES.items() for b in both]
    return {
        "highroad": 1,
        "name": "ring",
        "sites": sites,
        "fibres": [
            {"id": f"{a}--{b}", "a": a, "b": b, "length_km": km, "jurisdictions": ["US-NE"]} for a, b, km, _ in spans
        ],
        "links": [
            {"id": f"{one}>{two}", "tail": one, "head": two, "capacity_gbps": gbps, "latency_ms": km * 0.0049}
            | {"fibres": [f"{a}--{b}"]}
            for a, b, km, gbps in spans
            for one, two in ((a, b), (b, a))
        ],
    }


def write(folder: Path) -> Path:
    """A file of it."""
    file = folder / "ring.yaml"
    file.write_text(json.dumps(network()))
    return file
