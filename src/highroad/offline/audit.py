"""`highroad audit verify`: the whole audit log held against its hashes; a controller's, a store's, or an exported one.

Exit codes: 0 it is whole, 1 it is not (what is wrong is said), 2 what was given cannot be read, 5 not allowed, 7 nobody
is there to be asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Annotated

import typer

from highroad.client.home import read_credentials
from highroad.client.sync import Client
from highroad.errors import Finding, Forbidden, HighroadError, Invalid, Unauthenticated, Unavailable
from highroad.model.audit import Link, Verdict, row_of, verify

app = typer.Typer()

EXITS: dict[type[HighroadError], int] = {Invalid: 2, Unauthenticated: 5, Forbidden: 5, Unavailable: 7}


@app.command("verify")
def verify_command(
    store: Annotated[
        str | None, typer.Option(metavar="STORE", help="A store: the file of one, or a PostgreSQL URL.")
    ] = None,
    file: Annotated[Path | None, typer.Option(metavar="FILE", help="What `highroad audit export` wrote.")] = None,
    head: Annotated[
        str | None, typer.Option(metavar="HASH", help="A head that was noted before: that row has to be there.")
    ] = None,
    url: Annotated[str | None, typer.Option(envvar="HIGHROAD_URL", help="The controller, if no store or file.")] = None,
    token: Annotated[str | None, typer.Option(envvar="HIGHROAD_TOKEN", help="An operator's token.")] = None,
    json_: Annotated[bool, typer.Option("--json", help="Print one JSON object instead of text.")] = False,
) -> None:
    """Verify the audit log: say how many rows there are and the newest one's hash, or which row was edited, removed,
    inserted or moved. Rows that were taken from the end are missed only by a head that was noted elsewhere.

    Example: `highroad audit verify --store .highroad/highroad.db --head 5f3c...`
    """
    try:
        verdict = _verdict(store, file, head, url, token)
    except HighroadError as error:
        typer.echo(json.dumps({"error": str(error)}) if json_ else str(error), err=True)
        raise typer.Exit(next((code for kind, code in EXITS.items() if isinstance(error, kind)), 7)) from None
    if json_:
        found = {"whole": verdict.whole, "rows": verdict.rows, "head": verdict.head, "wrong": list(verdict.wrong)}
        typer.echo(json.dumps(found))
    elif verdict.whole:
        typer.echo(f"OK: {verdict.rows} rows, head {verdict.head}")
    else:
        for one in verdict.wrong:
            typer.echo(one, err=True)
        typer.echo(f"not whole: {verdict.rows} rows, head {verdict.head}", err=True)
    if not verdict.whole:
        raise typer.Exit(1)


def _verdict(store: str | None, file: Path | None, head: str | None, url: str | None, token: str | None) -> Verdict:
    if store is not None and file is not None:
        raise Invalid([Finding(code="which", place="", message="give --store or --file, one of the two")])
    if head is not None and (len(head) != 64 or set(head) - set("0123456789abcdef")):
        raise Invalid([Finding(code="head", place="--head", message="has to be 64 hexadecimal digits")])
    if file is not None:
        return verify(_exported(file), head)
    if store is not None:
        return _of_store(store, head)
    known = read_credentials()
    with Client(url or known.url, token or known.operator_token) as client:
        rows = (
            _link(one.sequence, one.hash, one.document, one.wrong, f"row {place}")
            for place, one in enumerate(client.audit(), 1)
        )
        return verify(rows, head)


def _of_store(store: str, head: str | None) -> Verdict:
    from highroad.storage.audit import AuditLog
    from highroad.storage.engines import is_url, open_engine

    where: str | Path = store if is_url(store) else Path(store)
    if isinstance(where, Path) and not where.is_file():
        raise Invalid([Finding(code="store", place="--store", message=f"there is no file {store}")])
    engine = open_engine(where)
    try:
        return verify(AuditLog(engine).every(), head)
    finally:
        engine.dispose()


def _exported(file: Path) -> Iterator[Link]:
    try:
        lines: Iterable[str] = file.read_text(encoding="ascii").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise Invalid([Finding(code="file", place=str(file), message=f"cannot be read: {error}")]) from None
    for number, line in enumerate(lines, 1):
        try:
            found = json.loads(line)
            yield _link(found["sequence"], found["hash"], found["document"], found.get("wrong"), f"line {number}")
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            message = "is no row of an exported audit log"
            raise Invalid([Finding(code="row", place=f"line {number}", message=message)]) from None


def _link(sequence: object, digest: object, document: object, wrong: object, place: str) -> Link:
    """A row as it came. Which tenants a store shows it to is not exported: what the document says is taken."""
    numbered = type(sequence) is int or (sequence is None and wrong)
    if not (numbered and isinstance(digest, str) and isinstance(document, str)):
        message = "has no hash: an operator's token is needed"
        raise Invalid([Finding(code="row", place=place, message=message)])
    where = sequence if isinstance(sequence, int) else None
    doc = document.encode(errors="replace")
    odd = wrong if isinstance(wrong, str) else ""
    try:
        row = row_of(doc)
    except ValueError:
        return Link(sequence=where, hash=digest, doc=doc, odd=odd)
    return Link(sequence=where, hash=digest, doc=doc, asker=row.asked.tenant, owner=row.of, odd=odd)
