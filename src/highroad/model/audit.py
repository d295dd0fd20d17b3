"""The audit log: who changed what, and who was turned away. Each row is chained to the one before by SHA-256, so that
none can be edited, removed, inserted or moved unseen.

A row's hash is that of the hash before it and of the row's own document, byte for byte as it is stored:

    hash(n) = SHA-256(hash(n - 1) || document(n)),  hash(0) = 64 times the digit 0

A hash is 64 hexadecimal digits, also where it is hashed. The document is JSON with sorted names and without blanks, and
has the row's own place in it. Rows that are taken from the end leave a whole chain behind: only a hash that was noted
elsewhere (`head`) tells of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, fields, replace

ZERO = "0" * 64
"""The hash before the first row."""

UNREADABLE = "unreadable"
"""What is said to be done where a row's document is none any more."""

LATEST_US = 253_402_300_799_000_000
"""The last second of the year 9999."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request, as the audit log tells of it. Without a method it is the controller's own doing.

    `who` is a token's id, `oidc:` and a subject, or empty for who was not known; `tenant` is the caller's own.
    """

    who: str = ""
    role: str = ""
    tenant: str | None = None
    address: str = ""
    method: str = ""
    path: str = ""
    status: int = 0
    request: str = ""
    """The id of the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is recorded of a change, or of a refusal of access.

    `at_us` is UTC microseconds. `of` is the tenant whose thing it was, where that is known: its admin may see the row.
    `what` is the name of the command (`PlaceOrder`), or `refused`; `subject` the id of what it was done to. `count` is
    how many refusals of the same caller the row stands for. `sequence` is the row's place, `event` the newest event in
    the store's order once its commit was written; the store gives both.
    """

    at_us: int
    asked: Asked
    what: str
    subject: str = ""
    of: str | None = None
    count: int = 1
    sequence: int = 0
    event: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A row as it is stored. `asker` and `owner` are the tenants by whom it is found.

    `odd` says what was found wrong with it where it was read; `sequence` is None where its place is no number.
    """

    sequence: int | None
    hash: str
    doc: bytes
    asker: str | None = None
    owner: str | None = None
    odd: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a look at the whole chain found: how many rows there are, the last one's hash, and all that is wrong."""

    rows: int
    head: str
    wrong: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.wrong


def document(row: Row) -> bytes:
    """A row as the bytes that are hashed."""
    return json.dumps(asdict(row), sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def row_of(doc: bytes) -> Row:
    """The row of a document. Raises ValueError where it is none."""
    try:
        found = json.loads(doc)
        row = Row(**{**found, "asked": Asked(**found["asked"])})
    except (TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"this is no row of an audit log: {error}") from None
    for part in (row, row.asked):
        for field in fields(part):
            value = getattr(part, field.name)
            if field.name != "asked" and not _fits(value, str(field.type)):
                raise ValueError(f"this is no row of an audit log: {field.name} is {str(value)[:50]!r}")
    if not 0 <= row.at_us <= LATEST_US:
        raise ValueError(f"this is no row of an audit log: at_us is {row.at_us}")
    return row


def _fits(value: object, kind: str) -> bool:
    if kind == "int":
        return type(value) is int and abs(value) < 2**63
    return (value is None and kind.endswith("None")) or (isinstance(value, str) and _is_utf8(value))


def _is_utf8(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def readable(link: Link) -> Row:
    """The row of a link; where its document is none any more, one that says so to whom it is shown."""
    try:
        return row_of(link.doc)
    except ValueError:
        return Row(at_us=0, asked=Asked(tenant=link.asker), what=UNREADABLE, of=link.owner, sequence=link.sequence or 0)


def named(sequence: int | None) -> str:
    """What a row is called in a finding."""
    return "a row" if sequence is None else f"row {sequence}"


def wrong_with(link: Link) -> str:
    """What is wrong with a row by itself, whatever was before it; empty where nothing is."""
    if link.odd:
        return link.odd
    name = named(link.sequence)
    if link.sequence is None or link.sequence < 1:
        return f"{name} stands before the first row: it was put in"
    try:
        row = row_of(link.doc)
    except ValueError:
        return f"{name} cannot be read: it was edited"
    if row.sequence != link.sequence:
        return f"{name} was written as row {row.sequence}: it was moved, or put in"
    if (link.asker, link.owner) != (row.asked.tenant, row.of):
        return f"{name} is shown to other tenants than it was written for"
    return ""


def hash_of(before: str, doc: bytes) -> str:
    """The hash of a row after one of another hash, in hexadecimal."""
    return hashlib.sha256(before.encode() + doc).hexdigest()


def chained(rows: Iterable[Row], last: int, head: str, event: int) -> Iterator[Link]:
    """Rows as they are stored after the one at the place `last`, whose hash is `head`."""
    for sequence, row in enumerate(rows, last + 1):
        doc = document(replace(row, sequence=sequence, event=event))
        head = hash_of(head, doc)
        yield Link(sequence=sequence, hash=head, doc=doc, asker=row.asked.tenant, owner=row.of)


def verify(links: Iterable[Link], noted: str | None = None, most: int = 100) -> Verdict:
    """Look at the whole chain, in the order of its places; `noted` is a head that was written down before.

    A row is blamed where its own hash does not follow from it; where hashes follow and places do not, rows are gone.
    """
    wrong: list[str] = []
    before, rows, place = ZERO, 0, 0
    seen = noted in (None, ZERO)
    for link in links:
        rows += 1
        alone = wrong_with(link)
        if link.sequence is None or link.sequence < 1:
            wrong.append(alone)
            continue
        gap = link.sequence != place + 1
        if gap:
            wrong.append(_gap(place + 1, link.sequence - 1))
        if alone:
            wrong.append(alone)
        elif hash_of(before, link.doc) != link.hash:
            wrong.append(_blamed(link.sequence, gap=gap))
        seen = seen or link.hash == noted
        # Blame is not passed on: the next row is held against what is stored, which it was written after or not.
        before, place = link.hash, link.sequence
    if not seen:
        wrong.append(f"no row has the hash that was noted, {noted}: rows after it were written, and are gone or others")
    return Verdict(rows=rows, head=before, wrong=tuple(wrong[:most]))


def _gap(first: int, last: int) -> str:
    if last < first:
        return f"row {last + 1} stands where row {first} should"
    return f"row {first} is missing" if first == last else f"rows {first} to {last} are missing"


def _blamed(place: int, *, gap: bool) -> str:
    if gap:
        return f"row {place} was written after another row than the one before it now"
    seen = f"row {place} does not follow from what is stored"
    return f"{seen}: it was edited or put in, or row {place - 1} was, with its hash"
