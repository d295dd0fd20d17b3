"""What is wrong with a network: every finding at once, each with its place, so that a file is mended in one go.

A place is a path into the network by names, e.g. `fibres[denver--boise].length_km`; a thing whose own id is not
fit to be a name is called by its number in the list, `fibres[3].id`. Codes are stable.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from highroad.errors import Finding, Severity
from highroad.model.jurisdiction import NAMED_SETS, is_code
from highroad.model.network import Fibre, Link, Network, RiskGroup, Site
from highroad.model.position import great_circle_km
from highroad.model.text import NAME_LIMIT, wrong_with
from highroad.units import MBPS_PER_GBPS

MAX_LENGTH_KM = 100_000.0
MAX_CAPACITY_GBPS = 1_000_000.0
MAX_LATENCY_MS = 10_000.0
MAX_ASSUMPTION = 2_000

_ID = re.compile(r"[a-z0-9][a-z0-9._:-]{0,99}")
_LINK_ID = re.compile(r"[a-z0-9][a-z0-9._>:-]{0,99}")
_LIGHT_TOLERANCE = 1e-9
_STRAIGHT_TOLERANCE = 0.01
_MAX_SUGGESTIONS = 20


def check(network: Network) -> list[Finding]:
    """Everything that is wrong with a network, in the order of its parts. Errors forbid using it; warnings tell."""
    return _Check(network).run()


def is_id(text: str, *, link: bool = False) -> bool:
    """Whether a text can name a thing: 1 to 100 of `a-z 0-9 . _ : -` (links: `>` too), the first a letter or digit."""
    return (_LINK_ID if link else _ID).fullmatch(text) is not None


def places(part: str, ids: Sequence[str]) -> list[str]:
    """How findings call each thing of a list.

    By its id, `sites[denver]`; by its number, `sites[3]`, if the id is not fit to be a name; the second of one name
    is `sites[denver #2]`.
    """
    named: list[str] = []
    count: Counter[str] = Counter()
    for index, id_ in enumerate(ids):
        count[id_] += 1
        again = f" #{count[id_]}" if count[id_] > 1 else ""
        named.append(f"{part}[{id_}{again}]" if is_id(id_, link=part == "links") else f"{part}[{index}]")
    return named


class _Check:
    """One pass over one network; findings gather in `found`."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.found: list[Finding] = []
        self.groups = {group.id for group in network.risk_groups}
        self.suggested = 0
        self.fibres_in = Counter(group for fibre in network.fibres for group in dict.fromkeys(fibre.risk_groups))

    def run(self) -> list[Finding]:
        network = self.network
        self._text("name", network.name, "the network's name")
        for index, assumption in enumerate(network.assumptions):
            self._text(f"assumptions[{index}]", assumption, "an assumption", MAX_ASSUMPTION)
        if not network.sites:
            self._error("empty-network", "sites", "the network has no site; it needs at least one")
        for site, place in zip(network.sites, self._named("sites", network.sites), strict=True):
            self._site(site, place)
        for fibre, place in zip(network.fibres, self._named("fibres", network.fibres), strict=True):
            self._fibre(fibre, place)
        for group, place in zip(network.risk_groups, self._named("risk_groups", network.risk_groups), strict=True):
            self._risk_group(group, place)
        for link, place in zip(network.links, self._named("links", network.links), strict=True):
            self._link(link, place)
        self._components()
        return self.found

    # --- ids ------------------------------------------------------------------------------------------------

    def _named(self, part: str, things: Iterable[Site | Fibre | Link | RiskGroup]) -> list[str]:
        """The place of each thing, having said which ids are malformed or taken twice."""
        ids = [str(thing.id) for thing in things]
        named = places(part, ids)
        seen: set[str] = set()
        many = Counter(ids)
        noun = {"sites": "sites", "fibres": "fibres", "links": "links", "risk_groups": "risk groups"}[part]
        for id_, place in zip(ids, named, strict=True):
            if not is_id(id_, link=part == "links"):
                allowed = "a-z 0-9 . _ : - and >" if part == "links" else "a-z 0-9 . _ : -"
                self._error(
                    "bad-id",
                    f"{place}.id",
                    f"{_show(id_)} is not an id: 1 to 100 of {allowed}, the first a letter or a digit",
                )
            elif id_ in seen:
                count = "two" if many[id_] == 2 else str(many[id_])
                self._error("duplicate-id", place, f"{count} {noun} of one name, {id_}; each needs a name of its own")
            elif part == "fibres" and id_ in self.network.site:
                self._error("ambiguous-id", f"{place}.id", f"{id_} is a site's id as well; name the fibre otherwise")
            elif part == "risk_groups" and (id_ in self.network.site or id_ in self.network.fibre):
                self._error(
                    "ambiguous-id",
                    f"{place}.id",
                    f"{id_} is a site's or a fibre's id as well, and each of those is a risk group of its own; "
                    "name the group otherwise",
                )
            seen.add(id_)
        return named

    # --- parts ----------------------------------------------------------------------------------------------

    def _site(self, site: Site, place: str) -> None:
        self._text(f"{place}.name", site.name, "a site's name")
        self._number(f"{place}.lat", "bad-position", site.lat, "a latitude in degrees", -90, 90)
        self._number(f"{place}.lon", "bad-position", site.lon, "a longitude in degrees", -180, 180)
        if not is_code(site.jurisdiction):
            self._error("bad-jurisdiction", f"{place}.jurisdiction", _bad_code(site.jurisdiction))
        elif site.jurisdiction in NAMED_SETS:
            self._error(
                "bad-jurisdiction",
                f"{place}.jurisdiction",
                f"{site.jurisdiction} is a set of countries; say which country the site is in",
            )
        if site.operator is not None:
            self._text(f"{place}.operator", site.operator, "an operator's name")
        if site.carbon_g_per_kwh is not None:
            what = "a carbon intensity in g/kWh"
            self._number(f"{place}.carbon_g_per_kwh", "bad-carbon", site.carbon_g_per_kwh, what, 0, 10_000)

    def _fibre(self, fibre: Fibre, place: str) -> None:
        self._ends(place, "fibre", (("a", fibre.a), ("b", fibre.b)))
        a, b = self.network.site.get(fibre.a), self.network.site.get(fibre.b)
        length_ok = self._positive(f"{place}.length_km", "bad-length", fibre.length_km, "a length in km", MAX_LENGTH_KM)
        if length_ok and a is not None and b is not None and _placed(a) and _placed(b):
            straight_km = great_circle_km(a.lat, a.lon, b.lat, b.lon)
            if fibre.length_km < straight_km * (1 - _STRAIGHT_TOLERANCE):
                self._error(
                    "too-short",
                    f"{place}.length_km",
                    f"{fibre.length_km:g} km is shorter than the great circle between {a.id} and {b.id}, "
                    f"{straight_km:.1f} km; no fibre can be",
                )
        for code in fibre.jurisdictions:
            if not is_code(code):
                self._error("bad-jurisdiction", f"{place}.jurisdictions", _bad_code(code))
        if not fibre.jurisdictions:
            self._warn(
                "no-jurisdictions",
                f"{place}.jurisdictions",
                "no jurisdiction is given, so a fence sees only those of its ends; list what it crosses",
            )
        for group in fibre.risk_groups:
            if group not in self.groups:
                self._unknown("unknown-risk-group", f"{place}.risk_groups", "risk group", group, sorted(self.groups))

    def _risk_group(self, group: RiskGroup, place: str) -> None:
        self._text(f"{place}.name", group.name, "a risk group's name")
        probability = group.failure_probability
        if probability is not None:
            what = "a failure probability"
            self._number(f"{place}.failure_probability", "bad-probability", probability, what, 0, 1)
        fibres = self.fibres_in[group.id]
        if fibres < 2:
            self._warn(
                "small-risk-group",
                place,
                f"{'no fibre is' if not fibres else 'only one fibre is'} in it; "
                "a group is what two or more share (each fibre is one of its own)",
            )

    def _link(self, link: Link, place: str) -> None:
        self._ends(place, "link", (("tail", link.tail), ("head", link.head)))
        capacity_ok = self._positive(
            f"{place}.capacity_gbps", "bad-capacity", link.capacity_gbps, "a capacity in Gbit/s", MAX_CAPACITY_GBPS
        )
        if capacity_ok:
            mbps = link.capacity_gbps * MBPS_PER_GBPS
            if round(mbps) < 1 or abs(mbps - round(mbps)) > 1e-9 * mbps:
                self._error(
                    "bad-capacity",
                    f"{place}.capacity_gbps",
                    f"{link.capacity_gbps!r} Gbit/s is not a whole number of Mbit/s; capacity is sold in those",
                )
        latency_ok = self._positive(
            f"{place}.latency_ms", "bad-latency", link.latency_ms, "a latency in ms", MAX_LATENCY_MS
        )
        if not link.fibres:
            self._error("no-fibres", f"{place}.fibres", "a link needs at least one fibre to run over")
            return
        known = [self.network.fibre[id_] for id_ in link.fibres if id_ in self.network.fibre]
        if len(known) < len(link.fibres):
            for id_ in dict.fromkeys(link.fibres):
                if id_ not in self.network.fibre:
                    ids = [str(fibre) for fibre in self.network.fibre]
                    self._unknown("unknown-fibre", f"{place}.fibres", "fibre", id_, ids)
            return
        self._joined(link, known, place)
        light_ms = sum(fibre.latency_ms for fibre in known)
        lengths_ok = all(0 < fibre.length_km <= MAX_LENGTH_KM for fibre in known)
        if latency_ok and lengths_ok and link.latency_ms < light_ms * (1 - _LIGHT_TOLERANCE):
            self._error(
                "faster-than-light",
                f"{place}.latency_ms",
                f"{link.latency_ms!r} ms is less than light takes over its fibres, {light_ms:.6f} ms one way "
                f"over {sum(fibre.length_km for fibre in known):g} km",
            )

    def _joined(self, link: Link, fibres: Sequence[Fibre], place: str) -> None:
        ends = {link.tail, link.head, *(end for fibre in fibres for end in (fibre.a, fibre.b))}
        if not all(end in self.network.site for end in ends):
            return
        at = link.tail
        for fibre in fibres:
            if at not in (fibre.a, fibre.b):
                self._error(
                    "broken-path",
                    f"{place}.fibres",
                    f"the fibres do not join {_show(link.tail)} to {_show(link.head)} in order: {_show(fibre.id)} "
                    f"does not start at {_show(at)}",
                )
                return
            at = fibre.b if at == fibre.a else fibre.a
        if at != link.head:
            self._error(
                "broken-path",
                f"{place}.fibres",
                f"the fibres lead from {_show(link.tail)} to {_show(at)}, not to {_show(link.head)}",
            )

    # --- the whole ------------------------------------------------------------------------------------------

    def _components(self) -> None:
        """Links without an opposite, and sites that cannot be reached from the largest part of the network."""
        network = self.network
        for link, place in zip(network.links, places("links", [link.id for link in network.links]), strict=True):
            if link.id not in network.opposite and link.tail != link.head:
                self._warn(
                    "one-way-link",
                    place,
                    f"there is no link back from {_show(link.head)} to {_show(link.tail)} over the same fibres; "
                    "a service needs both directions",
                )
        parent: dict[str, str] = {site.id: site.id for site in network.sites}

        def root(site: str) -> str:
            while parent[site] != site:
                parent[site] = parent[parent[site]]
                site = parent[site]
            return site

        for link in network.links:
            if link.tail in parent and link.head in parent:
                parent[root(link.tail)] = root(link.head)
        parts: dict[str, list[str]] = {}
        for site_id in parent:
            parts.setdefault(root(site_id), []).append(site_id)
        for part in sorted(parts.values(), key=len, reverse=True)[1:]:
            more = f" and {len(part) - 4} more" if len(part) > 4 else ""
            names = ", ".join(_show(site_id) for site_id in part[:4])
            place = f"sites[{part[0]}]" if is_id(part[0]) else "sites"
            self._warn("not-connected", place, f"no link joins {names}{more} to the rest of the network")

    # --- kinds of value -------------------------------------------------------------------------------------

    def _ends(self, place: str, noun: str, ends: tuple[tuple[str, str], tuple[str, str]]) -> None:
        for field, site in ends:
            if site not in self.network.site:
                ids = [str(id_) for id_ in self.network.site]
                self._unknown("unknown-site", f"{place}.{field}", "site", site, ids, f"the {noun} leads nowhere: ")
        if ends[0][1] == ends[1][1]:
            self._error(
                "same-ends", place, f"both ends of the {noun} are {_show(ends[0][1])}; it has to join two sites"
            )

    def _unknown(self, code: str, place: str, noun: str, name: str, known: Sequence[str], before: str = "") -> None:
        close: list[str] = []
        if self.suggested < _MAX_SUGGESTIONS and len(name) <= 100:
            self.suggested += 1
            close = get_close_matches(name, known, n=1, cutoff=0.5)
        hint = f"; did you mean {close[0]}?" if close and is_id(close[0], link=True) else ""
        self._error(code, place, f"{before}there is no {noun} {_show(name)}{hint}")

    def _number(self, place: str, code: str, value: float, what: str, low: float, high: float) -> None:
        if not low <= value <= high:
            self._error(code, place, f"{value!r} is not {what}: from {low:g} to {high:g}")

    def _positive(self, place: str, code: str, value: float, what: str, high: float) -> bool:
        if math.isfinite(value) and 0 < value <= high:
            return True
        self._error(code, place, f"{value!r} is not {what}: a finite number above 0, at most {high:,.0f}")
        return False

    def _text(self, place: str, value: str, what: str, most: int = NAME_LIMIT) -> None:
        if wrong := wrong_with(value, most=most):
            self._error("bad-name", place, f"{what} {wrong}")

    def _error(self, code: str, place: str, message: str) -> None:
        self.found.append(Finding(code=code, place=place, message=message))

    def _warn(self, code: str, place: str, message: str) -> None:
        self.found.append(Finding(code=code, place=place, message=message, severity=Severity.WARNING))


def _placed(site: Site) -> bool:
    return -90 <= site.lat <= 90 and -180 <= site.lon <= 180


def _bad_code(code: str) -> str:
    return f"{_show(code)} is not a jurisdiction: an ISO 3166 code such as US, US-CO or DE"


def _show(text: str) -> str:
    """A name as it may stand in a message: as it is if it is fit to be one, else quoted, escaped and cut short."""
    return text if is_id(text, link=True) else ascii(text if len(text) <= 60 else text[:57] + "...")
