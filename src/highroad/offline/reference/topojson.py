"""TopoJSON (quantised arcs) to rings of longitude and latitude."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

Point = tuple[float, float]
Ring = list[Point]


class Topology:
    """One TopoJSON file, its arcs decoded."""

    def __init__(self, text: str) -> None:
        document = json.loads(text)
        (scale_x, scale_y), (shift_x, shift_y) = (document["transform"][key] for key in ("scale", "translate"))
        self.objects: dict[str, Any] = document["objects"]
        self.arcs: list[Ring] = []
        for deltas in document["arcs"]:
            x = y = 0
            arc: Ring = []
            for dx, dy in deltas:
                x, y = x + dx, y + dy
                arc.append((x * scale_x + shift_x, y * scale_y + shift_y))
            self.arcs.append(arc)

    def polygons(self, name: str) -> Iterator[tuple[str | None, str, list[list[Ring]]]]:
        """Each geometry of an object: its id, its name, and its polygons (an outer ring, then holes)."""
        for geometry in self.objects[name]["geometries"]:
            if geometry["type"] == "Polygon":
                parts = [geometry["arcs"]]
            elif geometry["type"] == "MultiPolygon":
                parts = geometry["arcs"]
            else:
                continue
            rings = [[self._ring(ring) for ring in part] for part in parts]
            yield geometry.get("id"), geometry.get("properties", {}).get("name", ""), rings

    def _ring(self, indices: list[int]) -> Ring:
        ring: Ring = []
        for index in indices:
            arc = self.arcs[index] if index >= 0 else self.arcs[~index][::-1]
            ring += arc[1:] if ring else arc
        return ring
