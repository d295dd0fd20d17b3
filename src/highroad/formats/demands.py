"""What a network is to carry, out of a file: CSV, JSON, or a matrix of numpy's; everything that is wrong at once.

    source,target,gbps,class,weight,fence         {"demands": [{"source": "boise", "target": "denver", "gbps": 40}]}
    boise,denver,40,bulk,1,US

`sent_gbps` may be beside: what was measured of a demand, where `gbps` is what it is promised; and, as an order has
them, `max_latency_ms` and `protection` (`none`, or `path`).

A matrix has a row and a column for each site, in the order of the network file: row i, column j is from i to j.
What cannot be understood is an error, and nothing is read; what is understood and cannot be carried (less than
nothing, to itself) is left to `planning.solve.problem.checked`, which says so and carries the rest.
"""

from __future__ import annotations

import csv
import io
import json
import math
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from highroad.errors import Finding, Severity, did_you_mean
from highroad.formats.loaded import capped
from highroad.formats.rough import listed, shown
from highroad.model.jurisdiction import Fence, is_code
from highroad.model.network import Site
from highroad.model.service import Protection, TrafficClass
from highroad.planning.traffic import Demands, simple

MAX_BYTES = 50_000_000
MAX_DEMANDS = 1_000_000
MAX_SITES = 4_000
"""Of a matrix."""
MAX_UNPACKED = 1_000_000_000
"""Bytes of a stack before the matrix that is wanted."""
MAX_FENCES = 1_000
KEYS = ("source", "target", "gbps", "class", "weight", "fence", "sent_gbps", "max_latency_ms", "protection")
_CLASSES = tuple(one.value for one in TrafficClass)
_PROTECTIONS = tuple(one.value for one in Protection)
_SPLITS = ";|+ "
"""What stands between the codes of a fence, in CSV."""


@dataclass(frozen=True, slots=True)
class LoadedDemands:
    """Demands that were read, or None if a finding is an error. `sent_gbps` is what each sends, as much as it asks for
    where the file does not say; None where it says it of none.
    """

    demands: Demands | None
    findings: tuple[Finding, ...]
    sent_gbps: NDArray[np.float64] | None = None


def read(data: bytes, sites: Sequence[Site], *, matrix: str | None = None) -> LoadedDemands:
    """The demands of a file between these sites, by their ids or names. Never raises on bad input.

    A file of numpy's is told by how it begins, JSON by a `{` or `[`, all else is CSV. `matrix` chooses of several:
    `gravity`, or `tm:5` for the sixth of a stack.
    """
    if len(data) > MAX_BYTES:
        return _refused("too-large", f"the file is over {MAX_BYTES // 1_000_000} MB")
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06", b"\x93NUMPY")):
        return _matrix(data, sites, matrix)
    if matrix is not None:
        return _refused("not-a-matrix", "the file is CSV or JSON, and of these there is no matrix to choose")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return _refused("not-text", f"the file is not UTF-8 text: byte {error.start} is {data[error.start]:#04x}")
    if not text.strip():
        return _refused("empty-file", "the file is empty")
    rows = _Rows(sites)
    return _json(text, rows) if text.lstrip()[0] in "{[" else _csv(text, rows)


def _refused(code: str, message: str, *, place: str = "", line: int | None = None) -> LoadedDemands:
    return LoadedDemands(None, (Finding(code=code, place=place, message=message, line=line),))


# --- rows ---------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Rows:
    """Demands as they are read, one after the other, and what is wrong with them."""

    sites: Sequence[Site]
    number: dict[str, int] = field(default_factory=dict)
    found: list[Finding] = field(default_factory=list)
    columns: tuple[list[Any], ...] = field(default_factory=lambda: ([], [], [], [], [], [], [], []))
    sent: list[float | None] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    fences: dict[tuple[str, ...], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        twice: set[str] = set()
        for place, site in enumerate(self.sites):
            if site.name in self.number:
                twice.add(site.name)
            self.number.setdefault(site.name, place)
        for name in twice:
            del self.number[name]
        self.number.update({site.id: place for place, site in enumerate(self.sites)})

    def tell(self, code: str, place: str, message: str, line: int | None, severity: Severity = Severity.ERROR) -> None:
        """Note a finding."""
        self.found.append(Finding(code=code, place=place, message=message, line=line, severity=severity))

    def add(self, values: Mapping[str, object], place: str, line: int | None) -> None:
        """One demand, of whatever its keys have; `place` is what findings call it."""
        before = len(self.found)
        source, target = (self._site(values.get(end), f"{place}.{end}", line) for end in ("source", "target"))
        gbps = self._number(values.get("gbps"), f"{place}.gbps", line)
        rank = self._class(values.get("class"), f"{place}.class", line)
        weight = self._number(values.get("weight"), f"{place}.weight", line, default=1.0)
        fence = self._fence(values.get("fence"), f"{place}.fence", line)
        bound_ms = self._number(values.get("max_latency_ms"), f"{place}.max_latency_ms", line, default=math.inf)
        protected = self._protected(values.get("protection"), f"{place}.protection", line)
        told = values.get("sent_gbps") not in (None, "")
        sent = self._number(values["sent_gbps"], f"{place}.sent_gbps", line) if told else None
        if len(self.found) > before:
            return
        read = (source, target, gbps, rank, weight, fence, bound_ms, protected)
        for column, value in zip(self.columns, read, strict=True):
            column.append(value)
        self.sent.append(sent)
        if line is not None:
            self.lines.append(line)

    def done(self) -> LoadedDemands:
        """All of it."""
        if any(one.severity is Severity.ERROR for one in self.found):
            return LoadedDemands(None, capped(self.found))
        if not self.columns[0]:
            self.tell("no-demands", "", "no demand is in it", None, Severity.WARNING)
        source, target, gbps, rank, weight, fence, bound_ms, protected = self.columns
        demands = Demands(
            source=np.array(source, np.int32),
            target=np.array(target, np.int32),
            gbps=np.array(gbps, np.float64),
            rank=np.array(rank, np.int32),
            weight=np.array(weight, np.float64),
            fence=np.array(fence, np.int32),
            fences=tuple(map(Fence, self.fences)),
            line=np.array(self.lines, np.int32),
            bound_ms=np.array(bound_ms, np.float64),
            protected=np.array(protected, np.bool_),
        )
        sent = [asked if one is None else one for one, asked in zip(self.sent, gbps, strict=True)]
        any_sent = any(one is not None for one in self.sent)
        return LoadedDemands(demands, capped(self.found), np.array(sent, np.float64) if any_sent else None)

    def _site(self, value: object, place: str, line: int | None) -> int:
        if isinstance(value, str) and value in self.number:
            return self.number[value]
        if value is None or value == "":
            self.tell("missing-value", place, "it is missing", line)
        elif not isinstance(value, str):
            self.tell("wrong-type", place, f"it has to be the id or the name of a site, not {_kind(value)}", line)
        else:
            near = did_you_mean(value, self.number) if len(self.found) < _LOOKED_UP else ""
            self.tell("unknown-site", place, f"there is no site {shown(value)}{near}", line)
        return -1

    def _number(self, value: object, place: str, line: int | None, default: float | None = None) -> float:
        if value is None or value == "":
            if default is not None:
                return default
            self.tell("missing-value", place, "it is missing", line)
            return math.nan
        if (isinstance(value, str) and len(value) <= _LONGEST) or isinstance(value, int | float):
            try:
                if not isinstance(value, bool):
                    return float(value)
            except ValueError:
                pass
            except OverflowError:
                return math.inf
        self.tell("not-a-number", place, f"it has to be a number, not {_kind(value)}", line)
        return math.nan

    def _class(self, value: object, place: str, line: int | None) -> int:
        if value is None or value == "":
            return TrafficClass.ASSURED.rank
        if isinstance(value, str) and value in _CLASSES:
            return TrafficClass(value).rank
        self.tell("unknown-class", place, f"{_kind(value)} is not one of {', '.join(_CLASSES)}", line)
        return 0

    def _protected(self, value: object, place: str, line: int | None) -> bool:
        if value is None or value == "":
            return False
        if isinstance(value, str) and value in _PROTECTIONS:
            return Protection(value) is Protection.PATH
        self.tell("unknown-protection", place, f"{_kind(value)} is not one of {', '.join(_PROTECTIONS)}", line)
        return False

    def _fence(self, value: object, place: str, line: int | None) -> int:
        if value is None or value == "":
            return -1
        if isinstance(value, str):
            for split in _SPLITS:
                value = value.replace(split, ",")
            value = [one for one in value.split(",") if one]
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            self.tell("wrong-type", place, f"it has to be a list of codes, such as US or EU, not {_kind(value)}", line)
            return -1
        wrong = [shown(one) for one in value if not is_code(one)]
        if wrong or not value:
            no = f"{listed(wrong, 3)}: a fence is of codes such as US, US-CO or EU" if wrong else "no code is in it"
            self.tell("bad-fence", place, no, line)
            return -1
        if len(self.fences) >= MAX_FENCES and tuple(value) not in self.fences:
            self.tell("too-many-fences", place, f"there are over {MAX_FENCES} different fences", line)
            return -1
        return self.fences.setdefault(tuple(value), len(self.fences))


_LONGEST = 400
"""Characters of a number."""
_LOOKED_UP = 100
"""Findings that come with a name that is near: looking for one takes a while."""


def _kind(value: object) -> str:
    if isinstance(value, str):
        return shown(value)
    if value is None or isinstance(value, bool | Mapping | list):
        return {type(None): "nothing", bool: "true or false", list: "a list"}.get(type(value), "a mapping")
    return f"{value!r}"[:40] if isinstance(value, float) else "a number"


# --- CSV ----------------------------------------------------------------------------------------------------


def _csv(text: str, rows: _Rows) -> LoadedDemands:
    lines = csv.reader(io.StringIO(text, newline=""), skipinitialspace=True)
    keys: Sequence[str] | None = None
    try:
        for row in lines:
            values = [one.strip() for one in row]
            if not any(values) or values[0].startswith("#"):
                continue
            if keys is None:
                keys = _keys(values, lines.line_num, rows)
                if keys is not KEYS or values[0].lower() == KEYS[0]:
                    continue
            if len(values) > len(keys):
                rows.tell(
                    "too-many-values", "", f"there are {len(values)} values, and {len(keys)} keys", lines.line_num
                )
                continue
            if len(rows.columns[0]) >= MAX_DEMANDS:
                return _refused("too-many", f"there are over {MAX_DEMANDS:,} demands", line=lines.line_num)
            rows.add(dict(zip(keys, values, strict=False)), _place(values), lines.line_num)
    except csv.Error as error:
        rows.tell("bad-csv", "", f"this is not CSV: {error}", lines.line_num)
    return rows.done()


def _place(values: Sequence[str]) -> str:
    ends = [one[:40] for one in values[:2]]
    plain = all(end.replace("-", "").replace("_", "").isalnum() and end.isascii() for end in ends)
    return f"demands[{'>'.join(ends)}]" if plain and len(ends) == 2 else "demands"


def _keys(first: Sequence[str], line: int, rows: _Rows) -> Sequence[str]:
    """The keys of the first line, or all in order where it is a demand already."""
    words = [one.lower() for one in first]
    if not set(words) & set(KEYS):
        return KEYS
    for word in words:
        if word not in KEYS:
            message = f"{shown(word)} is not known here and is ignored{did_you_mean(word, KEYS)}"
            rows.tell("unknown-key", "", message, line, Severity.WARNING)
    for word in KEYS[:3]:
        if word not in words:
            rows.tell("missing-key", "", f"the first line has no `{word}`; keys are {', '.join(KEYS)}", line)
    for word in {one for one in words if one in KEYS and words.count(one) > 1}:
        rows.tell("duplicate-key", "", f"the first line has `{word}` twice", line)
    return words


# --- JSON ---------------------------------------------------------------------------------------------------


def _json(text: str, rows: _Rows) -> LoadedDemands:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        return _refused("bad-json", f"this is not JSON: {error.msg}", line=error.lineno)
    except RecursionError:
        return _refused("too-deep", "this JSON is nested far deeper than demands are")
    except ValueError:
        return _refused("bad-json", "this JSON holds a number of thousands of digits")
    things = document.get("demands") if isinstance(document, dict) else document
    if not isinstance(things, list):
        return _refused("wrong-type", 'it has to be a list of demands, or {"demands": [...]}', place="demands")
    if len(things) > MAX_DEMANDS:
        return _refused("too-many", f"there are {len(things):,} demands; at most {MAX_DEMANDS:,} are read")
    strange: dict[str, str] = {}
    for place, thing in enumerate(things):
        here = f"demands[{place}]"
        if not isinstance(thing, dict):
            rows.tell("wrong-type", here, f"it has to be a mapping, not {_kind(thing)}", None)
            continue
        for key in thing:
            if key not in KEYS and len(strange) < _STRANGE:
                strange.setdefault(key, here)
        rows.add(thing, here, None)
    for key, here in strange.items():
        message = f"{shown(key)} is not known here and is ignored{did_you_mean(key, KEYS)}"
        rows.tell("unknown-key", here, message, None, Severity.WARNING)
    return rows.done()


_STRANGE = 10


# --- matrices -----------------------------------------------------------------------------------------------


def _matrix(data: bytes, sites: Sequence[Site], matrix: str | None) -> LoadedDemands:
    try:
        if data.startswith(b"\x93NUMPY"):
            return _square(io.BytesIO(data), "the matrix", sites, matrix)
        return _archive(data, sites, matrix)
    except Exception as error:  # of zipfile, zlib, struct, and of a header that is no Python: there is no list of them
        return _refused("bad-matrix", f"this is no matrix of numpy's: {str(error)[:100] or type(error).__name__}")


def _archive(data: bytes, sites: Sequence[Site], matrix: str | None) -> LoadedDemands:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        names = [one.filename.removesuffix(".npy") for one in archive.infolist() if one.filename.endswith(".npy")]
        told = listed([shown(name) for name in names], 12) or "none"
        key, _, part = (matrix or "").partition(":")
        if not key:
            shaped = [name for name in names if _fits(archive, name, len(sites))]
            if len(shaped) != 1:
                few = f"several matrices are in it: {told}" if shaped else f"no matrix for {len(sites)} sites is in it"
                return _refused("which-matrix", f"{few}; choose one with --matrix" if shaped else f"{few}: {told}")
            key = shaped[0]
        if key not in names:
            near = did_you_mean(key, names)
            return _refused("unknown-matrix", f"there is no matrix {shown(key)} in it{near}; there are {told}")
        with archive.open(f"{key}.npy") as member:
            return _square(member, shown(key), sites, part or None)


def _fits(archive: zipfile.ZipFile, name: str, sites: int) -> bool:
    with archive.open(f"{name}.npy") as member:
        shape, _, _ = _header(member)
    return shape[-2:] == (sites, sites)


def _header(file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """What is in the file: its shape, whether it is kept column by column, and the type of a number."""
    version = np.lib.format.read_magic(file)
    if version == (1, 0):
        return np.lib.format.read_array_header_1_0(file)
    if version == (2, 0):
        return np.lib.format.read_array_header_2_0(file)
    raise ValueError(f"version {version} of the format is not read")


def _square(file: Any, name: str, sites: Sequence[Site], part: str | None) -> LoadedDemands:
    """The matrix of a file of numpy's, its shape looked at before any of it is read."""
    shape, columns_first, kind = _header(file)
    count = len(sites)
    if kind.kind not in "fiu":
        return _refused("bad-matrix", f"{name} holds {kind}, not numbers")
    if len(shape) == 3 and part is None and shape[0] == 1:
        part = "0"
    if shape[-2:] != (count, count) or len(shape) not in (2, 3):
        return _refused(
            "bad-matrix", f"{name} is {'x'.join(map(str, shape))}, and the network has {count} sites, in its own order"
        )
    if count > MAX_SITES:
        return _refused("too-many", f"{name} is of {count} sites; at most {MAX_SITES} are read")
    if len(shape) == 3 and (part is None or not part.isdecimal() or int(part[:9]) >= shape[0]):
        return _refused("which-matrix", f"{name} is a stack of {shape[0]}: choose one with --matrix NAME:0")
    if len(shape) == 2 and part is not None:
        return _refused("unknown-matrix", f"{name} is one matrix, and no stack")
    cells, skipped = count * count, 0
    if len(shape) == 3:
        if columns_first:
            return _refused("bad-matrix", f"{name} is a stack kept column by column, which is not read")
        skipped = int(part or 0) * cells * kind.itemsize
        if skipped > MAX_UNPACKED:
            return _refused("too-large", f"what is before it in {name} is over {MAX_UNPACKED // 1_000_000} MB")
    while skipped:
        read_now = len(file.read(min(skipped, 1 << 20)))
        if not read_now:
            raise ValueError("it ends too early")
        skipped -= read_now
    raw = file.read(cells * kind.itemsize)
    if len(raw) != cells * kind.itemsize:
        raise ValueError("it ends too early")
    values: NDArray[np.float64] = np.frombuffer(raw, kind).astype(np.float64).reshape(count, count)
    return _cells(values.T if columns_first else values)


def _cells(values: NDArray[np.float64]) -> LoadedDemands:
    """A demand for each cell that is not 0: rows are where they begin."""
    findings = []
    own = np.flatnonzero(np.diagonal(values) != 0)
    if len(own):
        message = f"{len(own)} sites have a demand to themselves, on the diagonal: left out"
        findings.append(Finding(code="self-demand", place="", message=message, severity=Severity.WARNING))
    wanted = values != 0
    np.fill_diagonal(wanted, False)
    source, target = np.nonzero(wanted)
    if len(source) > MAX_DEMANDS:
        return _refused("too-many", f"there are {len(source):,} demands; at most {MAX_DEMANDS:,} are read")
    demands = simple(source.astype(np.int32), target.astype(np.int32), values[wanted])
    return LoadedDemands(demands, tuple(findings))
