"""From a rough network to a whole one: what the file lacks is derived by a stated rule, and each derivation is a note.

The rules, in docs/network-files.md as well:

- position: that of `Rules.positions`, else the file's. With `derive`: of the city that the label names, else the
  middle of its neighbours, else of the network. Without: an error that says what to do.
- length: the file's; else what light goes in the file's latency; else ROUTE_FACTOR times the great circle, at least
  MIN_LENGTH_KM; or `default_length_km`, if that is given.
- capacity: the file's; else what the label names; else `default_capacity_gbps`.
- latency: the file's, if light can do it; else what light takes over the fibre.
- jurisdiction: the file's, else XX, which no fence that names countries lets in.
- directions: an edge is a fibre used both ways, unless the format, or every edge of the file, has its opposite.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any

from highroad.errors import Severity
from highroad.formats import gazetteer
from highroad.formats.loaded import Loaded
from highroad.formats.plain import MAX_THINGS, build
from highroad.formats.rates import gbps_in, whole_gbps
from highroad.formats.rough import PLAIN_RULES, Edge, Names, Node, Position, Rough, Rules, Ways, listed, shown, slug
from highroad.model.check import MAX_ASSUMPTION
from highroad.model.network import Medium
from highroad.model.position import great_circle_km

ROUTE_FACTOR = 1.2
"""How much longer a fibre is than the great circle: as in GNPy's CORONET files, whose lengths are made by it."""

MIN_LENGTH_KM = 1.0
UNKNOWN_COUNTRY = "XX"

_MS_PER_KM = Medium.SMF.latency_ms_per_km


def derive(rough: Rough, rules: Rules = PLAIN_RULES) -> Loaded:
    """The network of a rough one, with a note for all that was derived, or everything that is wrong with it."""
    work = _Work(rough, rules)
    plain = work.network()
    return build(plain, before=rough.found)


class _Work:
    def __init__(self, rough: Rough, rules: Rules) -> None:
        self.rough, self.rules = rough, rules
        self.node: dict[str, Node] = {}
        self.ids: dict[str, str] = {}
        self.at: dict[str, Position] = {}
        self.guessed: set[str] = set()
        self.placed: dict[str, list[str]] = {}
        self.lengths: dict[str, list[str]] = {}
        self.capacities: list[str] = []
        self.labels: Counter[str] = Counter()

    def network(self) -> dict[str, Any]:
        rough = self.rough
        self._name_nodes()
        edges = self._good_edges()
        self._place(edges)
        pairs = self._paired(edges)
        fibres: list[dict[str, Any]] = []
        links: list[dict[str, Any]] = []
        names = Names()
        for there, back in pairs:
            self._span(there, back, names, fibres, links)
        self._summary(fibres, links)
        groups = [{"id": id_, "name": name} for id_, name in rough.groups.items()]
        sites = [self._site(key, node) for key, node in self.node.items()]
        title = rough.name.strip() or "network"
        told = [*self._places(), *(one.message for one in rough.found if one.code in _RULES)]
        assumptions = list(dict.fromkeys(map(_short, told)))[:_MOST_ASSUMPTIONS]
        return {
            "highroad": 1,
            "name": title,
            "assumptions": [f"Read from {rough.source}.", *assumptions],
            "risk_groups": groups,
            "sites": sites,
            "fibres": fibres,
            "links": links,
        }

    # --- nodes ----------------------------------------------------------------------------------------------

    def _name_nodes(self) -> None:
        names = Names()
        for node in self.rough.nodes:
            if node.key in self.node:
                self.rough.tell("duplicate-id", "nodes", f"two nodes of one id, {shown(node.key)}", line=node.line)
                continue
            self.node[node.key] = node
            called = node.name.strip()
            if not called:
                node.name = called = node.key
            wanted = slug(called)
            id_ = self.ids[node.key] = names.free(wanted)
            if id_ != wanted and wanted != "site":
                message = f"{shown(called)} is the name of another site as well; this one is {id_}"
                self.rough.tell("derived-id", f"sites[{id_}]", message, Severity.NOTE, node.line)

    def _site(self, key: str, node: Node) -> dict[str, Any]:
        lat, lon = self.at.get(key, (None, None))
        site: dict[str, Any] = {
            "id": self.ids[key],
            "name": node.name.strip(),
            "kind": node.kind,
            "lat": lat,
            "lon": lon,
        }
        if node.operator:
            site["operator"] = node.operator
        return {**site, "jurisdiction": node.jurisdiction or UNKNOWN_COUNTRY}

    def _place(self, edges: list[Edge]) -> None:
        given = {key.strip().casefold(): at for key, at in self.rules.positions.items()}
        used: set[str] = set()
        for key, node in self.node.items():
            wanted = next((one for one in (key, node.name, self.ids[key]) if one.strip().casefold() in given), None)
            if wanted is not None:
                self.at[key] = given[wanted.strip().casefold()]
                used.add(wanted.strip().casefold())
            elif node.lat is not None and node.lon is not None:
                self.at[key] = (node.lat, node.lon)
        if unused := sorted(set(given) - used):
            names = listed([shown(one) for one in unused])
            self.rough.tell("unused-position", "positions", f"no site is called {names}", Severity.WARNING)
        missing = [key for key in self.node if key not in self.at]
        if missing and self.rules.derive:
            self._by_city(missing)
            self._by_neighbours(edges, [key for key in missing if key not in self.at])
        left = [key for key in self.node if key not in self.at]
        if left:
            names = listed([shown(self.node[key].name) for key in left])
            how = "give a CSV of label,lat,lon with --positions"
            if self.rules.derive:
                why = ", and no site of the network has one from which it could be derived"
            else:
                why, how = "", f"{how}, or have them derived from the names of cities and from neighbours with --derive"
            many = f"{len(left)} of {len(self.node)} sites have no position"
            self.rough.tell("no-position", "sites", f"{many}{why} ({names}): {how}")
            self.at.update(dict.fromkeys(left, (0.0, 0.0)))
            self.guessed.update(left)

    def _by_city(self, missing: list[str]) -> None:
        names = {key: (*self.node[key].places, self.node[key].name) for key in missing}
        for key, city in gazetteer.places(names).items():
            self.at[key] = (city.lat, city.lon)
            self.guessed.add(key)
            where = f"{city.region}, {city.country}" if city.region else city.country
            self.placed.setdefault("cities", []).append(self.ids[key])
            self._placed(key, f"it is placed at the city of its name, {city.name} ({where}; GeoNames)")

    def _by_neighbours(self, edges: list[Edge], missing: list[str]) -> None:
        """Nearest to the placed ones first: round after round, each at the middle of its placed neighbours."""
        near: dict[str, list[str]] = {key: [] for key in self.node}
        for edge in edges:
            near[edge.a].append(edge.b)
            near[edge.b].append(edge.a)
        wave = [key for key in missing if any(one in self.at for one in near[key])]
        while wave:
            placed = {key: _middle([self.at[one] for one in near[key] if one in self.at]) for key in wave}
            self.at.update(placed)
            for key in wave:
                self.placed.setdefault("neighbours", []).append(self.ids[key])
                self._placed(key, "it is placed in the middle of its neighbours")
            wave = list(dict.fromkeys(one for key in wave for one in near[key] if one not in self.at))
        rest = [key for key in missing if key not in self.at]
        if rest and self.at:
            middle = _middle(list(self.at.values()))
            for key in rest:
                self.at[key] = middle
                self.placed.setdefault("network", []).append(self.ids[key])
                self._placed(
                    key, "nothing joins it to a site with a position: it is placed in the middle of the network"
                )
        self.guessed.update(missing)

    def _placed(self, key: str, rule: str) -> None:
        lat, lon = self.at[key]
        message = f"the file has no position of {shown(self.node[key].name)}: {rule}, {lat:.4f}, {lon:.4f}"
        self.rough.tell("derived-position", f"sites[{self.ids[key]}]", message, Severity.NOTE)

    # --- edges ----------------------------------------------------------------------------------------------

    def _good_edges(self) -> list[Edge]:
        good: list[Edge] = []
        for edge in self.rough.edges:
            lost = [end for end in (edge.a, edge.b) if end not in self.node]
            if lost:
                self.rough.tell(
                    "unknown-site", "edges", f"an edge leads to {shown(lost[0])}, which is no node", line=edge.line
                )
            elif edge.a == edge.b:
                message = f"an edge joins {shown(self.node[edge.a].name)} to itself; it is left out"
                self.rough.tell("self-loop", f"sites[{self.ids[edge.a]}]", message, Severity.WARNING, edge.line)
            else:
                good.append(edge)
        if len(good) > MAX_THINGS:
            self.rough.tell("too-many", "edges", f"there are {len(good)} of them; at most {MAX_THINGS} are read")
            return []
        return good

    def _paired(self, edges: list[Edge]) -> list[tuple[Edge, Edge | None]]:
        """Each fibre: an edge, and the one the other way where that is another edge."""
        ways = self.rough.ways
        if ways is Ways.DRAWN:
            count = Counter((edge.a, edge.b) for edge in edges)
            paired = bool(edges) and all(count[b, a] == number for (a, b), number in count.items())
            ways = Ways.ONE if paired else Ways.BOTH
            if edges:
                told = "has its opposite: each two are one fibre" if paired else "is a fibre used both ways"
                self.rough.tell(
                    "derived-direction", "edges", f"The graph is directed, and every edge {told}.", Severity.NOTE
                )
        if ways is Ways.BOTH:
            return [(edge, edge) for edge in edges]
        waiting: dict[tuple[str, str], list[int]] = {}
        pairs: list[tuple[Edge, Edge | None]] = []
        for edge in edges:
            partners = waiting.get((edge.b, edge.a))
            if partners:
                index = partners.pop(0)
                pairs[index] = (pairs[index][0], edge)
            else:
                waiting.setdefault((edge.a, edge.b), []).append(len(pairs))
                pairs.append((edge, None))
        return pairs

    def _span(
        self, there: Edge, back: Edge | None, names: Names, fibres: list[dict[str, Any]], links: list[dict[str, Any]]
    ) -> None:
        """The fibre of an edge, or of two, and its links."""
        a, b = self.ids[there.a], self.ids[there.b]
        low, high = min(a, b), max(a, b)
        id_ = names.free(f"{low}--{high}")
        number = id_.removeprefix(f"{low}--{high}").lstrip("-")
        suffix = f":{number}" if number else ""
        edges = [edge for edge in (there, back) if edge is not None]
        length_km = self._length_km(id_, edges)
        groups = list(dict.fromkeys(group for edge in edges for group in edge.groups))
        fibre = {"id": id_, "a": low, "b": high, "length_km": length_km, "jurisdictions": [UNKNOWN_COUNTRY]}
        fibres.append({**fibre, "risk_groups": groups})
        for tail, head, edge in ((a, b, there), (b, a, back)):
            if edge is not None:
                link: dict[str, Any] = {"id": f"{tail}>{head}{suffix}", "tail": tail, "head": head}
                link |= {"capacity_gbps": self._capacity_gbps(f"{tail}>{head}{suffix}", edge), "fibres": [id_]}
                if edge.latency_ms is not None and edge.latency_ms >= length_km * _MS_PER_KM * (1 - 1e-9):
                    link["latency_ms"] = edge.latency_ms
                links.append(link)

    def _length_km(self, id_: str, edges: list[Edge]) -> float:
        a, b = edges[0].a, edges[0].b
        straight_km = great_circle_km(*self.at[a], *self.at[b])
        guessed = a in self.guessed or b in self.guessed
        known = [edge.length_km for edge in edges if edge.length_km is not None]
        if known:
            length_km = max(known)
            if self.rough.straight:
                self._rule("straight", id_)
                return _km(max(length_km * ROUTE_FACTOR, MIN_LENGTH_KM))
            if 0 < length_km < straight_km and guessed:
                message = f"{length_km:g} km is less than between the places that were derived for its ends"
                self.rough.tell(
                    "derived-length", f"fibres[{id_}]", f"{message}; it is {straight_km:.1f} km", Severity.NOTE
                )
                return _km(straight_km)
            return length_km
        latencies = [edge.latency_ms for edge in edges if edge.latency_ms]
        if latencies and min(latencies) / _MS_PER_KM >= straight_km:
            self._rule("latency", id_)
            return max(_km(straight_km), math.floor(min(latencies) / _MS_PER_KM * 1000 + 1e-6) / 1000)
        if self.rules.default_length_km is not None and (guessed or straight_km == 0):
            self._rule("default", id_)
            return max(self.rules.default_length_km, _km(straight_km))
        self._rule("circle", id_)
        return _km(max(straight_km * ROUTE_FACTOR, MIN_LENGTH_KM))

    def _rule(self, rule: str, id_: str) -> None:
        self.lengths.setdefault(rule, []).append(id_)

    def _capacity_gbps(self, id_: str, edge: Edge) -> float:
        if edge.capacity_gbps is not None:
            return edge.capacity_gbps
        read = gbps_in(edge.label) if edge.label else None
        if read is not None:
            self.labels[edge.label] += 1
            return read
        self.capacities.append(id_)
        return whole_gbps(self.rules.default_capacity_gbps)

    # --- notes ----------------------------------------------------------------------------------------------

    def _places(self) -> list[str]:
        """Which positions are guesses, a sentence a rule; the notes say where each is."""
        told = {
            "cities": "that of the city of its name (GeoNames)",
            "neighbours": "the middle of its neighbours",
            "network": "the middle of the network",
        }
        every = len(self.node)
        return [
            f"The position of each of {_which(ids, every, 'site')} is {told[rule]}."
            for rule, ids in self.placed.items()
        ]

    def _summary(self, fibres: list[dict[str, Any]], links: list[dict[str, Any]]) -> None:
        told = {
            "circle": f"are {ROUTE_FACTOR:g} times the great circle, at least {MIN_LENGTH_KM:g} km",
            "straight": f"are {ROUTE_FACTOR:g} times the file's, which are straight, at least {MIN_LENGTH_KM:g} km",
            "latency": "are what light goes in the file's latency, at 4.9 us/km",
            "default": f"are {self.rules.default_length_km or 0:g} km, as was asked, or as long as the great circle",
        }
        for rule, ids in self.lengths.items():
            message = f"The lengths of {_which(ids, len(fibres), 'fibre')} {told[rule]}."
            self.rough.tell("derived-length", "fibres", message, Severity.NOTE)
        for label, count in self.labels.items():
            message = f"The label {shown(label)} is read as {gbps_in(label):g} Gbit/s (on {count} links)."
            self.rough.tell("read-capacity", "links", message, Severity.NOTE)
        if self.capacities:
            gbps = whole_gbps(self.rules.default_capacity_gbps)
            which = _which(self.capacities, len(links), "link")
            message = f"The file has no capacity of {which}: {gbps:g} Gbit/s is taken."
            self.rough.tell("derived-capacity", "links", message, Severity.NOTE)
        taken = [link["id"] for link in links if "latency_ms" not in link]
        if taken:
            message = f"The latencies of {_which(taken, len(links), 'link')} are those of light over the fibres."
            self.rough.tell("derived-latency", "links", message, Severity.NOTE)
        unknown = [self.ids[key] for key, node in self.node.items() if node.jurisdiction is None]
        if unknown or fibres:
            where = f"{_which(unknown, len(self.node), 'site')} and of the fibres" if unknown else "the fibres"
            message = f"The file has no country of {where}: they are in {UNKNOWN_COUNTRY}, which no fence lets in."
            self.rough.tell("derived-jurisdiction", "sites", message, Severity.NOTE)


_RULES = ("derived-direction", "derived-length", "read-capacity", "derived-capacity", "derived-latency")

_MOST_ASSUMPTIONS = 100


def _short(text: str) -> str:
    return text if len(text) <= MAX_ASSUMPTION else f"{text[: MAX_ASSUMPTION - 2]} …"


def _which(ids: list[str], of: int, noun: str) -> str:
    if len(ids) == of:
        return f"all {of} {noun}s" if of != 1 else f"the {noun}"
    return f"{len(ids)} of {of} {noun}s ({listed(ids, 20)})"


def _km(length_km: float) -> float:
    """Metres, rounded up: rounding never makes a fibre shorter than the earth allows."""
    return math.ceil(round(length_km * 1000, 3)) / 1000 if math.isfinite(length_km) else length_km


def _middle(positions: list[Position]) -> Position:
    """The middle of positions on the sphere, rounded to 4 decimals; of two that face each other, the first."""
    x = y = z = 0.0
    for lat, lon in positions:
        phi, lam = math.radians(lat), math.radians(lon)
        x, y, z = x + math.cos(phi) * math.cos(lam), y + math.cos(phi) * math.sin(lam), z + math.sin(phi)
    if math.hypot(x, y, z) < 1e-9:
        return positions[0]
    return round(math.degrees(math.atan2(z, math.hypot(x, y))), 4), round(math.degrees(math.atan2(y, x)), 4)
