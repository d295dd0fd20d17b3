"""`highroad proof verify`: an exported proof held against its hashes, its signatures and the operator's key.

Needs no controller, so whoever was promised something can do it alone. Exit codes: 0 it is whole, 1 it is not (what is
wrong is said), 2 what was given cannot be read.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from highroad.errors import Finding, Invalid
from highroad.model.proof import FORMAT, Entry, Verdict, check
from highroad.model.proof import told as words
from highroad.pki.signing import fingerprint, holds, public_key
from highroad.units import iso_from_s

app = typer.Typer()

MOST_BYTES = 1 << 28
MOST_KEY_BYTES = 1 << 16

LONGEST_NAME = 4095
"""Of a file: what is longer is none."""

SHOWN = 40
"""So much of what was given is said back."""


@app.command("verify")
def verify_command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What `highroad proof export` wrote.")],
    key: Annotated[
        list[str] | None,
        typer.Option(
            "--key",
            metavar="KEY",
            help="The operator's public key, or a file with it: 64 hexadecimal digits or a PEM. Repeatable.",
        ),
    ] = None,
    head: Annotated[
        str | None, typer.Option(metavar="HASH", help="A hash that was noted before: that entry has to be there.")
    ] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Verify a proof without a controller: every value is what was signed, and no minute is missing or moved.

    Without --key it is only known that one key signed all of it, not whose that is. A file may begin with any entry:
    which are not in it is said. Entries that were taken from the end are missed only by a hash that was noted
    elsewhere (--head).

    Example: `highroad proof verify svc-7k2m9qwxyz.proof --key operator.pub`
    """
    try:
        entries = exported(file)
        wanted = {_key(one) for one in key or ()}
    except Invalid as error:
        typer.echo(json.dumps({"error": str(error)}) if json_ else str(error), err=True)
        raise typer.Exit(2) from None
    verdict = check(entries, holds)
    wrong = list(verdict.wrong)
    if wanted:
        named = ", ".join(sorted(map(fingerprint, wanted)))
        wrong += [f"key {fingerprint_of(one)} signed it, and not {named}" for one in verdict.keys if one not in wanted]
    elif len(verdict.keys) > 1:
        wrong.append(f"{len(verdict.keys)} keys signed it: {', '.join(map(fingerprint_of, verdict.keys))}")
    if head is not None and head not in {one.hash for one in entries}:
        wrong.append(f"no entry has the hash that was noted, {_short(head, 64)}: entries were removed or changed")
    _say(verdict, wrong, wanted, json_)
    if wrong:
        raise typer.Exit(1)


def exported(file: Path) -> list[Entry]:
    """The entries of a file, as they are in it. Raises Invalid."""
    try:
        with file.open("rb") as opened:
            text = opened.read(MOST_BYTES + 1)  # what it says of its size is nothing, of a device
        if len(text) > MOST_BYTES:
            raise ValueError("it is too large")
        found = json.loads(text)
        if found["format"] != FORMAT:
            raise ValueError(f"it is of the form {str(found['format'])[:50]!r}, and not {FORMAT}")
        entries = [_entry(one) for one in found["entries"]]
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        message = f"is no proof that was exported: {why}"
        raise Invalid([Finding(code="file", place=str(file), message=message)]) from None
    if not entries:
        raise Invalid([Finding(code="file", place=str(file), message="has no entry")])
    return entries


def fingerprint_of(key: str) -> str:
    """Of what may be no key at all."""
    try:
        return fingerprint(key)
    except ValueError:
        return f"{key[:16]!r}"


def _entry(found: dict[str, object]) -> Entry:
    texts = [found[name] for name in ("service", "tenant", "document", "signature")]
    numbers = [found[name] for name in ("sequence", "from_s", "until_s")]
    if not all(isinstance(one, str) for one in texts) or not all(type(one) is int for one in numbers):
        raise ValueError("an entry is none")
    service, tenant, doc, signature = map(str, texts)
    sequence, from_s, until_s = (int(str(one)) for one in numbers)
    return Entry(
        service=service,
        tenant=tenant,
        sequence=sequence,
        from_s=from_s,
        until_s=until_s,
        doc=doc.encode(errors="replace"),
        signature=signature,
    )


def _key(given: str) -> str:
    path, is_file = Path(given), False
    try:
        is_file = len(given) <= LONGEST_NAME and path.is_file()
        text = given
        if is_file:
            with path.open("rb") as file:
                text = file.read(MOST_KEY_BYTES).decode("ascii")
        return public_key(text)
    except (OSError, ValueError) as error:
        # What was given may be anything, and be a secret: of it only enough is shown to know it again.
        why = f": {error.strerror}" if isinstance(error, OSError) else ""
        what = "is a file without" if is_file else "is neither a file with nor"
        message = f"{_short(given)} {what} a public key of Ed25519 (64 hexadecimal digits, or a PEM){why}"
        raise Invalid([Finding(code="key", place="--key", message=message)]) from None


def _short(text: str, most: int = SHOWN) -> str:
    return repr(text) if len(text) <= most else f"{text[:most]!r}... ({len(text):,} characters)"


def _say(verdict: Verdict, wrong: list[str], wanted: set[str], as_json: bool) -> None:
    known = {
        "whole": not wrong,
        "service": verdict.service,
        "entries": verdict.entries,
        "first": verdict.first,
        "head": verdict.head,
        "from": iso_from_s(verdict.from_s),
        "to": iso_from_s(verdict.until_s),
        "unmeasured_s": verdict.gaps_s,
        "unwatched": None if verdict.unwatched is None else asdict(verdict.unwatched),
        "keys": [{"key": one, "fingerprint": fingerprint_of(one)} for one in verdict.keys],
        "key_checked": bool(wanted),
        "wrong": wrong,
    }
    if as_json:
        typer.echo(json.dumps(known))
        return
    for one in wrong:
        typer.echo(one, err=True)
    told = f"{verdict.service}, {verdict.entries} entries from number {verdict.first}, {known['from']} to {known['to']}"
    minutes, rest_s = divmod(verdict.gaps_s, 60)
    gaps = f"{minutes} min{f' {rest_s} s' if rest_s else ''} were promised and not measured"
    if wrong:
        typer.echo(f"not whole: {told}", err=True)
        return
    typer.echo(f"OK: {told}; {gaps}")
    if verdict.first > 1:
        one = "entry 1 is" if verdict.first == 2 else f"entries 1 to {verdict.first - 1} are"
        typer.echo(f"{one} not in this file, and what was delivered before {known['from']} is not known from it")
    if verdict.unwatched is not None:
        typer.echo(f"by counters, {words(verdict.unwatched)}")
    typer.echo(f"head {verdict.head}")
    whose = "as given" if wanted else "which nobody vouched for: give --key"
    typer.echo(f"signed by key {', '.join(map(fingerprint_of, verdict.keys))}, {whose}")
