"""A network as an SVG map: coast and borders, fibres as wide as they are lit, sites by kind."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from highroad.formats.shipped import data_text
from highroad.graph.geo import along_great_circle
from highroad.model.network import Network, SiteKind
from highroad.offline.reference.topojson import Topology

WIDTH = 1600.0
MARGIN = 40.0

_COLOURS = {
    SiteKind.CAMPUS: "#2b8a3e",
    SiteKind.CLOUD: "#1c7ed6",
    SiteKind.EDGE: "#e8590c",
    SiteKind.ENTERPRISE: "#862e9c",
    SiteKind.POP: "#343a40",
}
_RADIUS = {SiteKind.POP: 3.5}
_WIDE_DEG = 100.0
_STEP_KM = 50.0

Point = tuple[float, float]


def svg(network: Network) -> str:
    """The map of a checked network, the same text each time."""
    sites = network.sites
    lons, lats = [site.lon for site in sites], [site.lat for site in sites]
    wide = is_wide(network)
    projection = Projection(lons, lats, wide)
    frame = Frame([projection.of(site.lon, site.lat) for site in sites])
    title = escape(network.name)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH:.0f} {frame.height:.0f}" '
        f'font-family="sans-serif" font-size="11"><title>{title}</title>',
        f'<rect width="{WIDTH:.0f}" height="{frame.height:.0f}" fill="#f8f9fa"/>',
        '<g fill="none" stroke="#ced4da" stroke-width="0.7">',
        *draw_borders(projection, frame, wide),
        "</g>",
        '<g fill="none" stroke="#5c7cfa" stroke-opacity="0.65" stroke-linecap="round">',
        *_fibres(network, projection, frame),
        "</g>",
        *draw_sites(network, projection, frame),
        *_legend(network, frame),
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def is_wide(network: Network) -> bool:
    """Whether the sites are too far apart for a conic projection."""
    lons = [site.lon for site in network.sites]
    return max(lons) - min(lons) > _WIDE_DEG


class Projection:
    """Albers' equal-area conic about the sites; plate carrée where they span the world."""

    def __init__(self, lons: Sequence[float], lats: Sequence[float], wide: bool) -> None:
        self.wide = wide
        low, high = min(lats), max(lats)
        south, north = (math.radians(low + (high - low) * part) for part in (1 / 6, 5 / 6))
        self.n = (math.sin(south) + math.sin(north)) / 2 or 1e-6
        self.c = math.cos(south) ** 2 + 2 * self.n * math.sin(south)
        self.centre = math.radians((min(lons) + max(lons)) / 2)

    def of(self, lon: float, lat: float) -> Point:
        """x to the right, y down, in radii of the earth."""
        if self.wide:
            return math.radians(lon), -math.radians(lat)
        rho = math.sqrt(max(0.0, self.c - 2 * self.n * math.sin(math.radians(lat)))) / self.n
        theta = self.n * (math.radians(lon) - self.centre)
        return rho * math.sin(theta), rho * math.cos(theta)


class Frame:
    """Projected points to the page, so that all sites are on it with a margin."""

    def __init__(self, points: Sequence[Point]) -> None:
        xs, ys = [x for x, _ in points], [y for _, y in points]
        self.left, self.top = min(xs), min(ys)
        span = max(max(xs) - self.left, (max(ys) - self.top) * 1.2, 1e-3)
        self.scale = (WIDTH - 2 * MARGIN) / span
        self.height = max((max(ys) - self.top) * self.scale + 2 * MARGIN, 300.0)

    def of(self, point: Point) -> Point:
        """A place on the page, in pixels."""
        x = (point[0] - self.left) * self.scale + MARGIN
        return round(x, 1), round((point[1] - self.top) * self.scale + MARGIN, 1)


def draw_borders(projection: Projection, frame: Frame, wide: bool) -> Iterator[str]:
    """Coasts and borders that are on the page."""
    maps = ["countries-50m"] if wide else ["countries-50m", "states-10m"]
    for name in maps:
        for arc in Topology(data_text(f"sources/borders/{name}.json")).arcs:
            points = [frame.of(projection.of(lon, lat)) for lon, lat in arc if abs(lat) < 85]
            if any(-WIDTH / 4 < x < WIDTH * 1.25 and -400 < y < frame.height + 400 for x, y in points):
                yield from drawn(points)


def _fibres(network: Network, projection: Projection, frame: Frame) -> Iterator[str]:
    for fibre in network.fibres:
        a, b = network.site[fibre.a], network.site[fibre.b]
        lat, lon = along_great_circle(a.lat, a.lon, b.lat, b.lon, step_km=_STEP_KM)
        gbps = max((network.link[link].capacity_gbps for link in network.links_on.get(fibre.id, ())), default=0.0)
        points = [frame.of(projection.of(float(x), float(y))) for x, y in zip(lon, lat, strict=True)]
        told = f"<title>{escape(fibre.id)}: {fibre.length_km:g} km, {gbps:g} Gbit/s</title>"
        yield from drawn(points, f' stroke-width="{0.6 + gbps / 800:.2f}"', told)


def draw_sites(network: Network, projection: Projection, frame: Frame) -> Iterator[str]:
    """A circle for each site, and the names of pops as far as there is room."""
    named: list[Point] = []
    for site in sorted(network.sites, key=lambda site: (site.kind is not SiteKind.POP, site.id)):
        x, y = frame.of(projection.of(site.lon, site.lat))
        radius = _RADIUS.get(site.kind, 5.0)
        yield (
            f'<circle cx="{x}" cy="{y}" r="{radius}" fill="{_COLOURS[site.kind]}" stroke="#fff">'
            f"<title>{escape(site.name)} ({site.kind.value}, {escape(site.jurisdiction)})</title></circle>"
        )
        if site.kind is SiteKind.POP and all(abs(x - a) > 70 or abs(y - b) > 12 for a, b in named):
            named.append((x, y))
            yield f'<text x="{x + 5}" y="{y - 5}" fill="#495057">{escape(site.name)}</text>'


def _legend(network: Network, frame: Frame) -> Iterator[str]:
    kinds = [kind for kind in SiteKind if any(site.kind is kind for site in network.sites)]
    for row, kind in enumerate(kinds):
        y = frame.height - 16 * (len(kinds) - row)
        count = sum(site.kind is kind for site in network.sites)
        yield f'<circle cx="16" cy="{y:.0f}" r="5" fill="{_COLOURS[kind]}"/>'
        yield f'<text x="28" y="{y + 4:.0f}">{count} {kind.value}</text>'


def drawn(points: Iterable[Point], attributes: str = "", inside: str = "") -> Iterator[str]:
    """A path, broken where it jumps from one edge of the world to the other."""
    steps: list[str] = []
    last: Point | None = None
    for x, y in points:
        move = last is None or abs(x - last[0]) > WIDTH / 2
        steps.append(f"{'M' if move else 'L'}{x:g} {y:g}")
        last = (x, y)
    if len(steps) > 1:
        yield (
            f'<path d="{"".join(steps)}"{attributes}>{inside}</path>'
            if inside
            else (f'<path d="{"".join(steps)}"{attributes}/>')
        )
