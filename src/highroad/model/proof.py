"""The proof of what was delivered: of each service, minute by minute, what was promised and what was measured.

An entry is a document of some time of a service. Each names the hash of the one before it, and is signed:

    hash(n) = SHA-256(document(n)),  document(n) has "previous": hash(n - 1),  hash(0) = 64 times the digit 0

A document is JSON with sorted names, without blanks, in ASCII, and every figure in it is a whole number: so there is
one way to write it, in any language. What was not measured is `null`: a gap, never filled in. What nobody promised (a
window that is closed) is `null` too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from highroad.units import TIMES_END_S

FORMAT = "highroad-proof/1"
ZERO = "0" * 64
STEP_S = 60
MOST_BYTES = 1 << 20
GRAIN_S = 3.0

REACH_S = 10.0
"""What a minute has may have been counted since a sample that was so long before it."""

MOST = 1 << 63
"""No figure is as large."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Promised:
    """What was promised of a minute: a rate each way, a latency one way (None for none), to survive any one failure."""

    rate_kbps: int
    latency_us: int | None
    protected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Probed:
    """What packets of the routers' own met: round trips in microseconds, None where none came back."""

    sent: int
    lost: int
    rtt_min_us: int | None = None
    rtt_typical_us: int | None = None
    rtt_max_us: int | None = None
    jitter_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What was measured of a minute: `watched_ms` of it by counters, and in that the service was dark for `dark_ms`.

    `offered_kbps` and `carried_kbps` are means of both directions together. `probed` None: no packet of our own was
    sent.
    """

    watched_ms: int
    dark_ms: int
    offered_kbps: int
    carried_kbps: int
    lost_bytes: int
    probed: Probed | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unwatched:
    """What is known of time that nobody watched and that ended in a minute: by how much counters climbed in it.

    It may have begun entries ago, and is of `for_ms`. Where counters began anew in it (`restarted` times) what they
    climbed by is not known: None, or of several such times what is known of the others.
    """

    for_ms: int
    lost_bytes: int | None
    dark_ms: int | None
    restarted: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A minute; or several in which nothing was measured, or nothing promised. What was `unwatched` until then fills no
    minute: those stay gaps.
    """

    at_s: int
    for_s: int
    promised: Promised | None
    measured: Measured | None
    unwatched: Unwatched | None = None

    @property
    def unmeasured_s(self) -> int:
        """Of how much of it something was promised and nothing is known: all of a gap, and of a minute that was watched
        in part the rest. Counters are read once a second, so that less than `GRAIN_S` says nothing.
        """
        if self.promised is None:
            return 0
        watched_ms = 0 if self.measured is None else self.measured.watched_ms
        missing_s = self.for_s - watched_ms / 1000
        return round(missing_s) if missing_s >= GRAIN_S else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """What an entry says. `fabric` is what was measured on: `twin` is a model. `key` is the key that signs it."""

    service: str
    tenant: str
    sequence: int
    previous: str
    from_s: int
    until_s: int
    sealed_s: int
    fabric: str
    key: str
    intervals: tuple[Interval, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry as it is kept: what it says, byte for byte, and its signature (hexadecimal)."""

    service: str
    tenant: str
    sequence: int
    from_s: int
    until_s: int
    doc: bytes
    signature: str

    @property
    def hash(self) -> str:
        """What the next one names."""
        return hash_of(self.doc)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a look at a chain found. `keys` are those that signed it."""

    service: str
    entries: int
    first: int
    head: str
    from_s: int
    until_s: int
    gaps_s: int
    keys: tuple[str, ...]
    wrong: tuple[str, ...] = ()
    unwatched: Unwatched | None = None
    """Of all time that nobody watched, what is known by counters; None where there is none such."""

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.wrong


def hash_of(doc: bytes) -> str:
    """The hash of a document, in hexadecimal."""
    return hashlib.sha256(doc).hexdigest()


def document(body: Body) -> bytes:
    """An entry as the bytes that are hashed and signed."""
    return canonical(_plain(body))


def canonical(value: Mapping[str, Any]) -> bytes:
    """The one way to write it."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def body_of(doc: bytes) -> Body:
    """What a document says. Raises ValueError where it is none, or is written in another way than the one."""
    if len(doc) > MOST_BYTES:
        raise ValueError("it is too long")
    try:
        found = json.loads(doc)
        body = _body(found)
    except (TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"it is no document of a proof: {error}") from None
    if document(body) != doc:
        raise ValueError("it is not written as it was signed")
    return body


def check(entries: Iterable[Entry], verify: Callable[[str, bytes, str], bool], most: int = 100) -> Verdict:
    """Look at a chain, or a stretch of one, in order. `verify(key, doc, signature)` says whether a signature holds."""
    wrong: list[str] = []
    keys: dict[str, None] = {}
    before: tuple[Body, str] | None = None
    service, first, count, gaps_s, from_s = "", 0, 0, 0, 0
    unwatched: Unwatched | None = None
    for place, entry in enumerate(entries, 1):
        count += 1
        name = f"entry {entry.sequence}"
        try:
            body = body_of(entry.doc)
        except ValueError as error:
            wrong.append(f"{name} (the {place}. of the file) cannot be read: {error}")
            before = None
            continue
        name = f"entry {body.sequence}"
        keys[body.key] = None
        if not verify(body.key, entry.doc, entry.signature):
            wrong.append(f"{name} is not what was signed: a value was changed, or another key signed it")
        shown = (entry.service, entry.tenant, entry.sequence, entry.from_s, entry.until_s)
        if shown != (body.service, body.tenant, body.sequence, body.from_s, body.until_s):
            wrong.append(f"{name} was written as another than it is shown as")
        wrong += [f"{name}: {one}" for one in (*tiling(body), *absurd(body))]
        if before is None and count == 1:
            service, first, from_s = body.service, body.sequence, body.from_s
            if body.sequence == 1 and body.previous != ZERO:
                wrong.append(f"{name} is the first and names one before it")
        elif before is not None:
            wrong += [f"{name}: {one}" for one in _follows(before[0], before[1], body)]
        gaps_s += sum(one.unmeasured_s for one in body.intervals)
        unwatched = together([unwatched, *(one.unwatched for one in body.intervals)])
        before = (body, entry.hash)
    return Verdict(
        service=service,
        entries=count,
        first=first,
        head=ZERO if before is None else before[1],
        from_s=from_s,
        until_s=0 if before is None else before[0].until_s,
        gaps_s=gaps_s,
        keys=tuple(keys),
        wrong=tuple(wrong[:most]),
        unwatched=unwatched,
    )


def tiling(body: Body) -> list[str]:
    """What is wrong with the intervals of an entry: they have to be all of its time, in order, each minute once."""
    at_s, wrong = body.from_s, []
    if body.until_s <= body.from_s:
        wrong.append(f"it ends at {body.until_s}, and begins at {body.from_s}")
    if body.from_s % STEP_S or body.until_s % STEP_S:
        wrong.append("its time is not of whole minutes")
    for one in body.intervals:
        if one.at_s != at_s:
            wrong.append(f"an interval is missing, moved or there twice: at {at_s} there is one of {one.at_s}")
        measured_long = one.for_s != STEP_S and one.measured is not None
        if one.for_s < STEP_S or one.for_s % STEP_S or measured_long:
            wrong.append(f"the interval at {one.at_s} is {one.for_s} s long")
        at_s = one.at_s + one.for_s
    if at_s != body.until_s:
        wrong.append(f"intervals are missing at its end: they reach {at_s} and not {body.until_s}")
    return wrong


def absurd(body: Body) -> list[str]:
    """Figures that cannot be, whoever signed them: of each interval every one that is wrong."""
    wrong = []
    if body.sequence < 1:
        wrong.append("entries are numbered from 1 on")
    if body.sealed_s < body.until_s:
        wrong.append(f"it was sealed at {body.sealed_s}, before its time was over at {body.until_s}")
    for one in body.intervals:
        found = [
            text
            for part in (
                one.promised,
                one.measured,
                None if one.measured is None else one.measured.probed,
                one.unwatched,
            )
            if part is not None
            for text in _impossible(part)
        ]
        if one.measured is not None:
            found += _too_long(one.measured, one.for_s)
        wrong += [f"the interval at {one.at_s}: {text}" for text in found]
    return wrong


def _impossible(part: Promised | Measured | Probed | Unwatched) -> list[str]:
    figures = {name: value for name in part.__slots__ if type(value := getattr(part, name)) is int}
    found = [f"{name} is {str(value)[:20]}" for name, value in figures.items() if not 0 <= value < MOST]
    if isinstance(part, Probed):
        least, most = part.rtt_min_us, part.rtt_max_us
        if part.lost > part.sent:
            found.append(f"{part.lost} packets were lost of {part.sent}")
        if least is not None and most is not None and least > most:
            found.append(f"the shortest round trip is {least} us, and the longest {most} us")
    if isinstance(part, Unwatched):
        if part.dark_ms is not None and part.dark_ms > part.for_ms + GRAIN_S * 1000:
            found.append(f"it was dark for {part.dark_ms} ms of {part.for_ms} that nobody watched")
        if not part.restarted and (part.lost_bytes is None or part.dark_ms is None):
            found.append("what was lost unwatched is not known, and no counters began anew")
    return found


def _too_long(measured: Measured, for_s: int) -> list[str]:
    found = []
    if measured.watched_ms > (for_s + REACH_S) * 1000:
        found.append(f"it was watched for {measured.watched_ms} ms of {for_s * 1000}")
    if measured.dark_ms > measured.watched_ms + GRAIN_S * 1000:
        found.append(f"it was dark for {measured.dark_ms} ms of {measured.watched_ms} that were watched")
    return found


def together(several: Iterable[Unwatched | None]) -> Unwatched | None:
    """What is known of several times that nobody watched."""
    found = [one for one in several if one is not None]
    if not found:
        return None
    lost = [one.lost_bytes for one in found if one.lost_bytes is not None]
    dark = [one.dark_ms for one in found if one.dark_ms is not None]
    return Unwatched(
        for_ms=sum(one.for_ms for one in found),
        lost_bytes=sum(lost) if lost else None,
        dark_ms=sum(dark) if dark else None,
        restarted=sum(one.restarted for one in found),
    )


def told(one: Unwatched) -> str:
    """In words."""
    known = []
    if one.dark_ms is not None:
        known.append(f"it was dark for {one.dark_ms} ms")
    if one.lost_bytes is not None:
        known.append(f"{one.lost_bytes} bytes were lost")
    if one.restarted:
        anew = "counters began anew"
        known = [f"{' and '.join(known)}, or more: {anew}" if known else f"{anew}, so that what was lost is not known"]
    return f"in {one.for_ms / 1000:.0f} s that nobody watched, {' and '.join(known)}"


def merged(intervals: Sequence[Interval]) -> tuple[Interval, ...]:
    """With minutes in one in which nothing was measured and the same was promised."""
    found: list[Interval] = []
    for one in intervals:
        last = found[-1] if found else None
        alike = last is not None and last.promised == one.promised and last.unwatched is None is one.unwatched
        if last is not None and alike and last.measured is None is one.measured:
            found[-1] = Interval(at_s=last.at_s, for_s=last.for_s + one.for_s, promised=one.promised, measured=None)
        else:
            found.append(one)
    return tuple(found)


def _follows(before: Body, digest: str, body: Body) -> list[str]:
    wrong = []
    if body.service != before.service:
        wrong.append(f"it is of {body.service}, and the one before of {before.service}")
    if body.sequence != before.sequence + 1:
        wrong.append(f"it follows entry {before.sequence}: one between them was removed, or one was moved or put in")
    elif body.previous != digest:
        wrong.append("it was written after another entry than the one before it now")
    if body.from_s != before.until_s:
        wrong.append(f"it begins at {body.from_s}, and the one before it ends at {before.until_s}")
    return wrong


def _plain(body: Body) -> dict[str, Any]:
    return {
        "fabric": body.fabric,
        "format": FORMAT,
        "from_s": body.from_s,
        "intervals": [
            {
                "at_s": one.at_s,
                "for_s": one.for_s,
                "measured": None if one.measured is None else _measured(one.measured),
                "promised": None if one.promised is None else _slots(one.promised),
            }
            # Only where there was such a time: entries that are older than the word stay as they were signed.
            | ({} if one.unwatched is None else {"unwatched": _slots(one.unwatched)})
            for one in body.intervals
        ],
        "key": body.key,
        "previous": body.previous,
        "sealed_s": body.sealed_s,
        "sequence": body.sequence,
        "service": body.service,
        "tenant": body.tenant,
        "until_s": body.until_s,
    }


def _measured(one: Measured) -> dict[str, Any]:
    plain: dict[str, Any] = {name: getattr(one, name) for name in Measured.__slots__ if name != "probed"}
    return {**plain, "probed": None if one.probed is None else _slots(one.probed)}


def _slots(one: Promised | Probed | Unwatched) -> dict[str, Any]:
    return {name: getattr(one, name) for name in one.__slots__}


def _body(found: Any) -> Body:
    if found.pop("format") != FORMAT:
        raise ValueError(f"it is not of the form {FORMAT}")
    intervals = found.pop("intervals")
    body = Body(**found, intervals=tuple(_interval(one) for one in intervals))
    for name in ("service", "tenant", "previous", "fabric", "key"):
        _is(getattr(body, name), str, name)
    for name in ("sequence", "from_s", "until_s", "sealed_s"):
        _is(getattr(body, name), int, name)
    for name in ("from_s", "until_s", "sealed_s"):
        if not 0 <= getattr(body, name) < TIMES_END_S:
            raise ValueError(f"{name} is not of the years 1970 to 2999")
    return body


def _interval(found: Any) -> Interval:
    promised, measured, unwatched = found["promised"], found["measured"], found.get("unwatched")
    one = Interval(
        **{
            **found,
            "promised": None if promised is None else Promised(**promised),
            "measured": None if measured is None else _measured_of(measured),
            "unwatched": None if unwatched is None else Unwatched(**unwatched),
        }
    )
    _is(one.at_s, int, "at_s")
    _is(one.for_s, int, "for_s")
    if one.promised is not None:
        _is(one.promised.rate_kbps, int, "rate_kbps")
        _is(one.promised.protected, bool, "protected")
        if one.promised.latency_us is not None:
            _is(one.promised.latency_us, int, "latency_us")
    if one.unwatched is not None:
        for name, value in _slots(one.unwatched).items():
            if value is not None or name not in ("lost_bytes", "dark_ms"):
                _is(value, int, name)
    return one


def _measured_of(found: Any) -> Measured:
    probed = found["probed"]
    one = Measured(**{**found, "probed": None if probed is None else Probed(**probed)})
    for part in (one, one.probed):
        for name in () if part is None else part.__slots__:
            value = getattr(part, name)
            if name != "probed" and not (value is None and name.endswith("_us")):
                _is(value, int, name)
    return one


def _is(value: object, kind: type, name: str) -> None:
    if type(value) is not kind:
        raise ValueError(f"{name} is {str(value)[:50]!r}")
