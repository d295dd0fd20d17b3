"""From plain values (dicts, lists, text, numbers) to a checked Network: the one walker of our own formats.

YAML and JSON both come down to this, so both give the same findings. Nothing in a document can make it raise: what
is missing or of the wrong type is a finding, and something harmless takes its place so that the rest is still
checked; what follows only from such a gap is not told again.

A link is written in one direction, `{tail: a, head: b, ...}`, or as a pair, `{between: [a, b], ...}`, which stands
for `a>b` and `b>a` over the same fibres. Without `latency_ms` a link takes what light takes over its fibres.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from typing import Any

from highroad.errors import Finding, Severity, errors_in
from highroad.formats.loaded import Loaded, capped
from highroad.model.check import check, is_id, places
from highroad.model.network import (
    Fibre,
    FibreId,
    Link,
    LinkId,
    Medium,
    Network,
    RiskGroup,
    RiskGroupId,
    Site,
    SiteId,
    SiteKind,
)

VERSION = 1
MAX_THINGS = 20_000
MAX_LINKS = 2 * MAX_THINGS
MAX_ITEMS = 1_000

Path = tuple[str | int, ...]
LineOf = Callable[[Path], int | None]

_TOP = ("highroad", "name", "assumptions", "risk_groups", "sites", "fibres", "links")
_SITE = ("id", "name", "kind", "lat", "lon", "jurisdiction", "operator", "carbon_g_per_kwh")
_FIBRE = ("id", "a", "b", "length_km", "medium", "jurisdictions", "risk_groups")
_GROUP = ("id", "name", "failure_probability")
_LINK = ("id", "tail", "head", "between", "capacity_gbps", "latency_ms", "fibres")


def light_latency_ms(fibres: Iterable[Fibre]) -> float:
    """What light takes one way over fibres, rounded up to whole nanoseconds (six decimals of a millisecond)."""
    light_ms = sum(fibre.latency_ms for fibre in fibres)
    if not math.isfinite(light_ms) or abs(light_ms) > 1e9:
        return math.nan
    return math.ceil(round(light_ms * 1e6, 6)) / 1e6


def build(document: object, line_of: LineOf = lambda path: None, before: Sequence[Finding] = ()) -> Loaded:
    """A checked network from plain values. `line_of` knows where a value stood; `before` was found on the way here."""
    walk = _Walk(line_of)
    network = walk.network(document)
    findings = [*before, *walk.found]
    if network is not None:
        findings += walk.placed(network, check(network))
    findings.sort(key=lambda finding: finding.line or 0)
    wrong = errors_in(findings)
    if network is not None and wrong and all(one.code == "bad-capacity" for one in wrong):
        return Loaded(None, capped(findings), _without_bad_capacity(network))
    return Loaded(None if wrong else network, capped(findings))


def _without_bad_capacity(network: Network) -> Network | None:
    """The network without links whose capacity is none, if nothing else is wrong with it."""
    bad = {one.place.removesuffix(".capacity_gbps") for one in check(network) if one.code == "bad-capacity"}
    named = zip(places("links", [link.id for link in network.links]), network.links, strict=True)
    rest = replace(network, links=tuple(link for place, link in named if place not in bad))
    return None if errors_in(check(rest)) else rest


@dataclass(frozen=True, slots=True)
class _Origin:
    """Where a thing of the network came from. `reverse` is the second link of a pair: its faults are the first's."""

    path: Path
    reverse: bool = False


class _Walk:
    """One walk over one document: what it found, where each thing came from, and which fields are stand-ins."""

    def __init__(self, line_of: LineOf) -> None:
        self.line_of = line_of
        self.found: list[Finding] = []
        self.origins: dict[str, list[_Origin]] = {key: [] for key in _TOP}
        self.gaps: set[tuple[Path, str]] = set()

    def network(self, document: object) -> Network | None:
        """The network as far as it can be read; None if the document is not a network at all."""
        if not isinstance(document, Mapping):
            message = f"a network is a mapping with `highroad: {VERSION}`, name, sites, fibres and links"
            self.tell("wrong-type", "", (), f"{message}; this is {_kind(document)}")
            return None
        top = _Entry(self, document, "", ())
        top.unknown_keys(_TOP)
        self._version(top)
        groups = [self._risk_group(entry) for entry in self._entries(top, "risk_groups", _GROUP)]
        sites = [self._site(entry) for entry in self._entries(top, "sites", _SITE)]
        fibres = [self._fibre(entry) for entry in self._entries(top, "fibres", _FIBRE)]
        links: list[Link] = []
        by_id: dict[str, Fibre] = {fibre.id: fibre for fibre in reversed(fibres)}
        for entry in self._entries(top, "links", _LINK):
            self._links(entry, by_id, links)
        return Network(
            name=top.text("name"),
            assumptions=top.texts("assumptions"),
            risk_groups=tuple(groups),
            sites=tuple(sites),
            fibres=tuple(fibres),
            links=tuple(links),
        )

    def placed(self, network: Network, findings: Sequence[Finding]) -> list[Finding]:
        """Findings of `check` with their lines, without those that only follow from what was told already."""
        told: list[Finding] = []
        pairs: set[tuple[Path, str]] = set()
        by_place = {
            place: origin
            for part, things in (
                ("sites", network.sites),
                ("fibres", network.fibres),
                ("links", network.links),
                ("risk_groups", network.risk_groups),
            )
            for place, origin in zip(places(part, [thing.id for thing in things]), self.origins[part], strict=True)
        }
        for finding in findings:
            thing, field = _split(finding.place)
            origin = by_place.get(thing, _Origin(()))
            if (origin.path, field) in self.gaps or (origin.path, "") in self.gaps:
                continue
            if finding.code in ("duplicate-id", "bad-id"):
                if (origin.path, finding.code) in pairs:
                    continue
                pairs.add((origin.path, finding.code))
            elif origin.reverse:
                continue
            line = self.line_of((*origin.path, field)) if field else None
            told.append(replace(finding, line=line if line is not None else self.line_of(origin.path)))
        return told

    def tell(self, code: str, place: str, path: Path, message: str, severity: Severity = Severity.ERROR) -> None:
        """Note a finding; what stands at `path` is not to be complained about again."""
        self.found.append(Finding(code=code, place=place, message=message, severity=severity, line=self._line(path)))

    # --- parts ----------------------------------------------------------------------------------------------

    def _version(self, top: _Entry) -> None:
        version = top.values.get("highroad")
        if version is None:
            self.tell("missing-key", "highroad", (), f"a network has to say `highroad: {VERSION}`")
        elif type(version) not in (int, float) or version != VERSION:
            message = f"this release reads `highroad: {VERSION}`, not {_kind(version)}"
            self.tell("unknown-version", "highroad", ("highroad",), message)

    def _risk_group(self, entry: _Entry) -> RiskGroup:
        id_ = entry.text("id")
        return RiskGroup(
            id=RiskGroupId(id_),
            name=entry.text("name", default=id_),
            failure_probability=entry.maybe_number("failure_probability"),
        )

    def _site(self, entry: _Entry) -> Site:
        id_ = entry.text("id")
        return Site(
            id=SiteId(id_),
            name=entry.text("name", default=id_),
            kind=SiteKind(entry.choice("kind", [kind.value for kind in SiteKind], None)),
            lat=entry.number("lat"),
            lon=entry.number("lon"),
            jurisdiction=entry.text("jurisdiction"),
            operator=entry.text("operator") if entry.has("operator") else None,
            carbon_g_per_kwh=entry.maybe_number("carbon_g_per_kwh"),
        )

    def _fibre(self, entry: _Entry) -> Fibre:
        return Fibre(
            id=FibreId(entry.text("id")),
            a=SiteId(entry.text("a")),
            b=SiteId(entry.text("b")),
            length_km=entry.number("length_km"),
            medium=Medium(entry.choice("medium", [medium.value for medium in Medium], Medium.SMF.value)),
            jurisdictions=entry.texts("jurisdictions"),
            risk_groups=tuple(RiskGroupId(group) for group in entry.texts("risk_groups")),
        )

    def _links(self, entry: _Entry, by_id: Mapping[str, Fibre], links: list[Link]) -> None:
        """The one link of an entry, or the two of a pair, at the end of `links`."""
        one_way = "between" not in entry.values
        ways = [(entry.text("tail"), entry.text("head"))] if one_way else self._pair(entry)
        fibres = tuple(FibreId(fibre) for fibre in entry.texts("fibres", required=True))
        capacity_gbps = entry.number("capacity_gbps")
        if entry.has("latency_ms"):
            latency_ms = entry.number("latency_ms")
        else:
            known = [by_id[fibre] for fibre in fibres if fibre in by_id]
            latency_ms = light_latency_ms(known) if len(known) == len(fibres) else math.nan
            self.gaps.add((entry.path, "latency_ms"))
        for reverse, (tail, head) in enumerate(ways):
            id_ = entry.text("id") if len(ways) == 1 and entry.has("id") else f"{tail}>{head}"
            link = Link(
                id=LinkId(id_),
                tail=SiteId(tail),
                head=SiteId(head),
                capacity_gbps=capacity_gbps,
                latency_ms=latency_ms,
                fibres=fibres[::-1] if reverse else fibres,
            )
            self.origins["links"].append(_Origin(entry.path, bool(reverse)))
            links.append(link)

    def _pair(self, entry: _Entry) -> list[tuple[str, str]]:
        between = entry.texts("between", required=True)
        for key in ("tail", "head", "id"):
            if key in entry.values:
                entry.tell("bad-value", key, "`between` stands for a link each way, named a>b and b>a; leave this out")
        if len(between) == 2:
            return [(between[0], between[1]), (between[1], between[0])]
        if not entry.gap("between"):
            entry.tell("bad-value", "between", f"it takes two sites, [a, b]; here are {len(between)}")
        self.gaps.add((entry.path, ""))
        return [("", ""), ("", "")]

    def _entries(self, top: _Entry, key: str, keys: Sequence[str]) -> Iterator[_Entry]:
        """The mappings of a list, each with its place; what is not a mapping is a finding."""
        things = top.values.get(key)
        if things is None:
            if key == "sites":
                top.tell("missing-key", key, "it is missing; a network has at least one site")
            return
        if not isinstance(things, list):
            top.tell("wrong-type", key, f"it has to be a list, not {_kind(things)}")
            return
        most = MAX_LINKS if key == "links" else MAX_THINGS
        if len(things) > most:
            top.tell("too-many", key, f"there are {len(things)} of them; at most {most} are read")
            return
        for index, values in enumerate(things):
            path: Path = (key, index)
            if not isinstance(values, Mapping):
                self.tell("wrong-type", f"{key}[{index}]", path, f"it has to be a mapping, not {_kind(values)}")
                continue
            id_ = _link_name(values) if key == "links" else values.get("id")
            named = isinstance(id_, str) and is_id(id_, link=key == "links")
            entry = _Entry(self, values, f"{key}[{id_ if named else index}]", path)
            entry.unknown_keys(keys)
            if key != "links":
                self.origins[key].append(_Origin(path))
            yield entry

    def _line(self, path: Path) -> int | None:
        """The line of what stands at a path, or of the nearest thing that holds it."""
        for end in range(len(path), -1, -1):
            line = self.line_of(path[:end])
            if line is not None:
                return line
        return None


@dataclass(frozen=True, slots=True)
class _Entry:
    """One mapping of the document, read key by key."""

    walk: _Walk
    values: Mapping[Any, Any]
    place: str
    path: Path

    def has(self, key: str) -> bool:
        """Whether there is a value; null is none."""
        return self.values.get(key) is not None

    def gap(self, key: str) -> bool:
        """Whether it was said already that the value is no good."""
        return (self.path, key) in self.walk.gaps

    def tell(self, code: str, key: str, message: str, severity: Severity = Severity.ERROR) -> None:
        """Note a finding on a key, after which `check` need not speak of it."""
        place = f"{self.place}.{key}" if self.place else key
        self.walk.tell(code, place, (*self.path, key), message, severity)
        if severity is Severity.ERROR:
            self.walk.gaps.add((self.path, key))

    def unknown_keys(self, keys: Sequence[str]) -> None:
        """Warn of keys that nobody reads, at most ten of them."""
        unknown = [key for key in self.values if key not in keys]
        for key in unknown[:10]:
            shown = key if isinstance(key, str) and key.isidentifier() and len(key) <= 40 else _kind(key)
            close = get_close_matches(shown, keys, n=1)
            hint = f"; did you mean {close[0]}?" if close else f"; known are {', '.join(keys)}"
            where = self.place or "the network"
            path = (*self.path, key) if isinstance(key, str) else self.path
            message = f"{shown} is not known here and is ignored{hint}"
            self.walk.tell("unknown-key", where if self.place else "", path, message, Severity.WARNING)

    def text(self, key: str, default: str | None = None) -> str:
        """A text; the default stands in for a missing one, if there is a default."""
        value = self.values.get(key)
        if isinstance(value, str):
            return value
        if value is None:
            if default is not None:
                return default
            self.tell("missing-key", key, "it is missing")
        else:
            hint = "; put it in quotes" if isinstance(value, int | float) else ""
            self.tell("wrong-type", key, f"it has to be text, not {_kind(value)}{hint}")
        return ""

    def texts(self, key: str, *, required: bool = False) -> tuple[str, ...]:
        """A list of texts."""
        value = self.values.get(key)
        if value is None:
            if required:
                self.tell("missing-key", key, "it is missing")
            return ()
        if not isinstance(value, list):
            self.tell("wrong-type", key, f"it has to be a list, not {_kind(value)}")
            return ()
        if len(value) > MAX_ITEMS:
            self.tell("too-many", key, f"it has {len(value)} items; at most {MAX_ITEMS} are read")
            return ()
        wrong = [item for item in value if not isinstance(item, str)]
        if wrong:
            self.tell("wrong-type", key, f"it has to be a list of texts; {_kind(wrong[0])} is in it")
            return ()
        return tuple(value)

    def number(self, key: str) -> float:
        """A number; not-a-number stands in for what is none."""
        value = self.values.get(key)
        if value is None:
            self.tell("missing-key", key, "it is missing")
        elif isinstance(value, bool) or not isinstance(value, int | float):
            self.tell("wrong-type", key, f"it has to be a number, not {_kind(value)}")
        else:
            try:
                return float(value)
            except OverflowError:
                return math.inf
        return math.nan

    def maybe_number(self, key: str) -> float | None:
        """A number that may be missing."""
        return self.number(key) if self.has(key) else None

    def choice(self, key: str, choices: Sequence[str], default: str | None) -> str:
        """One of some words; the first of them stands in for what is none."""
        value = self.values.get(key)
        if value is None and default is not None:
            return default
        if value is None:
            self.tell("missing-key", key, f"it is missing; one of {', '.join(choices)}")
        elif value in choices:
            return str(value)
        else:
            self.tell("bad-value", key, f"{_kind(value)} is not one of {', '.join(choices)}")
        return choices[0]


def _link_name(values: Mapping[Any, Any]) -> object:
    """What to call a link's entry: its id, or one made of its ends."""
    if values.get("id") is not None:
        return values["id"]
    ends = values.get("between", [values.get("tail"), values.get("head")])
    if isinstance(ends, list) and len(ends) == 2 and all(isinstance(end, str) for end in ends):
        return f"{ends[0]}>{ends[1]}"
    return None


def _split(place: str) -> tuple[str, str]:
    """`fibres[a--b].length_km` in two: the thing and the field (either may be empty)."""
    thing, bracket, rest = place.partition("]")
    return (thing + "]", rest.removeprefix(".")) if bracket else ("", place)


def _kind(value: object) -> str:
    """A value as it may stand in a message: short, escaped, and never opened up."""
    if isinstance(value, str):
        return ascii(value if len(value) <= 40 else value[:37] + "...")
    if isinstance(value, Mapping):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value!r}"
    return f"{value}" if isinstance(value, int) and abs(value) < 10**18 else f"a value of type {type(value).__name__}"
