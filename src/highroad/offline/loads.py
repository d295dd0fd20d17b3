"""A plan as an SVG map: every link in its own direction, as wide as its capacity, as dark as it is full.

One hue from light to dark, which is read alike by all eyes and in grey; what is over its capacity is orange and broken.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from html import escape
from itertools import pairwise

from highroad.graph.geo import along_great_circle
from highroad.model.network import Link, LinkId, Network
from highroad.offline.picture import WIDTH, Frame, Point, Projection, draw_borders, draw_sites, drawn, is_wide

RAMP = (
    (0.0, (203, 213, 222)),
    (0.3, (146, 190, 219)),
    (0.6, (60, 132, 192)),
    (0.85, (12, 72, 145)),
    (1.0, (6, 26, 64)),
)
"""Colours by how full a link is: lightness falls all the way."""

OVER = "#d55e00"
FULL = 1.0 + 1e-6
_STEP_KM = 50.0
_WIDEST = 6.0
_LEAST = 1.2


def svg(network: Network, load_gbps: Mapping[LinkId, float]) -> str:
    """The map of a checked network with so much on each link, the same text each time."""
    sites = network.sites
    projection = Projection([site.lon for site in sites], [site.lat for site in sites], is_wide(network))
    frame = Frame([projection.of(site.lon, site.lat) for site in sites])
    size = f"{WIDTH:.0f} {frame.height:.0f}"
    return "\n".join(
        (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size}" font-family="sans-serif" font-size="11">'
            f"<title>{escape(network.name)}</title>",
            f'<rect width="{WIDTH:.0f}" height="{frame.height:.0f}" fill="#ffffff"/>',
            '<g fill="none" stroke="#e3e6ea" stroke-width="0.7">',
            *draw_borders(projection, frame, is_wide(network)),
            "</g>",
            '<g id="links" fill="none" stroke-linecap="butt">',
            *_links(network, load_gbps, projection, frame),
            "</g>",
            *draw_sites(network, projection, frame),
            *_legend(frame),
            "</svg>",
            "",
        )
    )


def colour(utilisation: float) -> str:
    """The colour of a link that is so full (1 is full)."""
    if utilisation > FULL:
        return OVER
    at = min(1.0, max(0.0, utilisation))
    for (low, dark), (high, darker) in pairwise(RAMP):
        if at <= high:
            part = (at - low) / (high - low)
            return "#" + "".join(f"{round(a + (b - a) * part):02x}" for a, b in zip(dark, darker, strict=True))
    return OVER


def _links(network: Network, load_gbps: Mapping[LinkId, float], projection: Projection, frame: Frame) -> Iterator[str]:
    most = max((link.capacity_gbps for link in network.links), default=1.0) or 1.0

    def full(link: Link) -> float:
        return load_gbps.get(link.id, 0.0) / link.capacity_gbps if link.capacity_gbps > 0 else 0.0

    for link in sorted(network.links, key=lambda link: (full(link), link.id)):  # the fullest are drawn last, on top
        width = _LEAST + (_WIDEST - _LEAST) * math.sqrt(link.capacity_gbps / most)
        points = _beside(_way(network, link, projection, frame), width / 2 + 0.3)
        share = full(link)
        told = (
            f"<title>{escape(link.id)}: {load_gbps.get(link.id, 0.0):,.1f} of {link.capacity_gbps:,g} Gbit/s, "
            f"{share:.1%}</title>"
        )
        dashes = ' stroke-dasharray="6 2"' if share > FULL else ""
        yield from drawn(points, f' class="link" stroke="{colour(share)}" stroke-width="{width:.2f}"{dashes}', told)


def _way(network: Network, link: Link, projection: Projection, frame: Frame) -> list[Point]:
    """Where a link goes on the page, from its tail over its fibres."""
    points: list[Point] = []
    at = network.site[link.tail]
    ends = [network.site[there] for _, there in network.over(link.id)] or [network.site[link.head]]
    for end in ends:
        lat, lon = along_great_circle(at.lat, at.lon, end.lat, end.lon, step_km=_STEP_KM)
        points.extend(frame.of(projection.of(float(x), float(y))) for x, y in zip(lon, lat, strict=True))
        at = end
    return points if len(set(points)) > 1 else [points[0], (points[0][0] + 0.1, points[0][1])]


def _beside(points: list[Point], far: float) -> list[Point]:
    """The same line so far to its right, so that the other direction has its place on the left."""
    moved = []
    for place, (x, y) in enumerate(points):
        (ax, ay), (bx, by) = points[max(0, place - 1)], points[min(len(points) - 1, place + 1)]
        length = math.hypot(bx - ax, by - ay)
        right = (-(by - ay) / length, (bx - ax) / length) if 0 < length < WIDTH / 2 else (0.0, 0.0)
        moved.append((round(x + far * right[0], 1), round(y + far * right[1], 1)))
    return moved


def _legend(frame: Frame) -> Iterator[str]:
    y = frame.height - 26
    for step in range(20):
        share = (step + 0.5) / 20
        yield f'<rect x="{16 + 8 * step}" y="{y:.0f}" width="8" height="8" fill="{colour(share)}"/>'
    yield f'<rect x="190" y="{y:.0f}" width="24" height="8" fill="{OVER}"/>'
    for x, word in ((16, "0%"), (84, "50%"), (152, "100%"), (190, "over"), (236, "as wide as its capacity")):
        yield f'<text x="{x}" y="{y + 20:.0f}" fill="#343a40">{word}</text>'
