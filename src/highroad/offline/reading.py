"""A network file from the disk, in any format that we read, with the gaps filled as the command line says."""

from __future__ import annotations

import csv
import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from numpy.typing import NDArray

from highroad.errors import Finding, Invalid, NotFound, Severity, Unavailable
from highroad.formats import detect
from highroad.formats.derive import UNKNOWN_COUNTRY
from highroad.formats.loaded import MAX_BYTES, Loaded, refused
from highroad.formats.rough import DEFAULT_CAPACITY_GBPS, Position, Rules
from highroad.formats.shipped import NETWORKS, network_text
from highroad.graph.geo import along_great_circle
from highroad.model.network import Fibre, Network, Site, SiteId
from highroad.model.position import great_circle_km

Derive = Annotated[
    bool,
    typer.Option(
        "--derive", help="Guess what is missing: places by city names, then neighbours; countries by borders."
    ),
]
Positions = Annotated[
    Path | None, typer.Option("--positions", metavar="CSV", help="Where sites are: lines of label,lat,lon.")
]
DefaultLength = Annotated[
    float | None,
    typer.Option("--default-length-km", min=0.001, help="Length of a fibre between places that are not known."),
]
DefaultCapacity = Annotated[
    float, typer.Option("--default-capacity-gbps", min=0.001, help="Capacity of a link of which the file says none.")
]

CAPACITY = DEFAULT_CAPACITY_GBPS
_HEADS = (["lat", "lon"], ["latitude", "longitude"])
_STEP_KM = 10.0
_MOST_KM = 5_000_000.0
"""Of fibre that is walked in such steps to look up its countries."""


def rules_of(derive: bool, positions: Path | None, length_km: float | None, capacity_gbps: float) -> Rules:
    """The rules that the options say. Raises Invalid with every line of the CSV that is no position."""
    places = _positions(positions) if positions is not None else {}
    return Rules(derive=derive, positions=places, default_length_km=length_km, default_capacity_gbps=capacity_gbps)


def load(file: str, rules: Rules) -> Loaded:
    """The network of a file, of a folder of JSON files (a NetBox export), or of a shipped name. Raises NotFound."""
    path = Path(file)
    if file in NETWORKS and not path.exists():
        return detect.read(network_text(file))
    if path.is_dir():
        texts: dict[str, bytes] = {}
        for one in sorted(path.glob("*.json")):
            texts[one.name] = read_bytes(one)
            if sum(map(len, texts.values())) > MAX_BYTES:
                return refused("too-large", f"the files of the folder are over {MAX_BYTES // 1_000_000} MB together")
        if not texts:
            raise NotFound(f"{path} is a folder without JSON files: none of a NetBox export")
        loaded = detect.read_folder(texts, name=path.resolve().name, rules=rules)
    else:
        loaded = detect.read_bytes(read_bytes(path), name=path.stem, rules=rules)
    if rules.derive and loaded.network is not None:
        return with_countries(loaded, loaded.network)
    return loaded


def all_there(network_file: str, *files: Path) -> None:
    """Raises NotFound that names every file of a command that is not there; a network may be a shipped name."""
    missing: list[str] = []
    for path in files if network_file in NETWORKS else (Path(network_file), *files):
        try:
            path.stat()
        except (OSError, ValueError) as error:
            missing.append(f"cannot read {path}: {getattr(error, 'strerror', None) or error}")
    if missing:
        raise NotFound("; ".join(missing))


def read_bytes(path: Path, most: int = MAX_BYTES) -> bytes:
    """The bytes of a plain file or pipe, at most one more than so many. Raises NotFound."""
    try:
        with path.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            if stat.S_ISBLK(mode) or (stat.S_ISCHR(mode) and str(path) != "/dev/stdin"):
                raise NotFound(f"cannot read {path}: it is a device, not a file")
            return opened.read(most + 1)
    except (OSError, ValueError) as error:
        raise NotFound(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from error


def write_text(path: Path, text: str) -> None:
    """Write a file whole. Raises Unavailable."""
    try:
        path.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise Unavailable(f"cannot write {path}: {error.strerror}") from error


def with_countries(loaded: Loaded, network: Network) -> Loaded:
    """Sites and fibres whose country is not known, with that of the borders where they are; a note says so."""
    from highroad.offline.reference.borders import borders

    unknown = [site for site in network.sites if site.jurisdiction == UNKNOWN_COUNTRY]
    bare = [fibre for fibre in network.fibres if fibre.jurisdictions == (UNKNOWN_COUNTRY,)]
    if not unknown and not bare:
        return loaded
    places = np.array([[site.lat, site.lon] for site in unknown], dtype=np.float64).reshape(-1, 2)
    codes = borders().codes(places[:, 0], places[:, 1])
    code = {site.id: one for site, one in zip(unknown, codes, strict=True)}
    sites = tuple(replace(site, jurisdiction=code.get(site.id, site.jurisdiction)) for site in network.sites)
    at = {site.id: site for site in sites}
    crossed = _crossed(bare, at)
    fibres = tuple(replace(one, jurisdictions=crossed.get(one.id, one.jurisdictions)) for one in network.fibres)
    message = (
        f"The countries of {len(unknown)} sites and {len(crossed)} fibres are those of the borders (Natural Earth, US "
        f"Census Bureau) at their positions and, every {_STEP_KM:g} km, along the great circles."
    )
    if len(crossed) < len(bare):
        message += f" Those of {len(bare) - len(crossed)} fibres are not looked up, they are too many."
    note = Finding(code="derived-jurisdiction", place="sites", message=message, severity=Severity.NOTE)
    kept = tuple(one for one in loaded.findings if one.code != "derived-jurisdiction")
    assumptions = (*network.assumptions, message)
    return Loaded(replace(network, sites=sites, fibres=fibres, assumptions=assumptions), (*kept, note))


def _crossed(fibres: Sequence[Fibre], at: Mapping[SiteId, Site]) -> dict[str, tuple[str, ...]]:
    """The countries along each fibre's great circle, those of its ends too; nothing for what is beyond _MOST_KM."""
    from highroad.offline.reference.borders import borders

    paths: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    left_km = _MOST_KM
    for fibre in fibres:
        a, b = at[fibre.a], at[fibre.b]
        left_km -= great_circle_km(a.lat, a.lon, b.lat, b.lon) + _STEP_KM
        if left_km < 0:
            break
        paths.append(along_great_circle(a.lat, a.lon, b.lat, b.lon, step_km=_STEP_KM))
    if not paths:
        return {}
    codes = borders().codes(np.concatenate([lat for lat, _ in paths]), np.concatenate([lon for _, lon in paths]))
    found: dict[str, tuple[str, ...]] = {}
    start = 0
    for fibre, (lat, _) in zip(fibres, paths, strict=False):
        met = codes[start : start + len(lat)]
        start += len(lat)
        found[fibre.id] = tuple(dict.fromkeys((at[fibre.a].jurisdiction, *met, at[fibre.b].jurisdiction)))
    return found


def _positions(path: Path) -> dict[str, Position]:
    try:
        text = read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise Invalid([Finding(code="not-text", place=str(path), message="it is not UTF-8 text")]) from None
    places: dict[str, Position] = {}
    wrong: list[Finding] = []
    for number, line in enumerate(text.splitlines(), 1):
        row = next(csv.reader([line[:1000]]), [])
        if not row or (number == 1 and [one.strip().lower() for one in row[1:3]] in _HEADS):
            continue
        try:
            label, lat, lon = row[0], float(row[1]), float(row[2])
            if not (-90 <= lat <= 90 and -180 <= lon <= 180):
                raise ValueError
            places[label] = (lat, lon)
        except (IndexError, ValueError):
            message = "a line is label,lat,lon in degrees, such as Denver,39.74,-104.99"
            wrong.append(Finding(code="bad-position", place=str(path), message=message, line=number))
    if wrong:
        raise Invalid(wrong)
    return places
