"""`highroad audit`: who changed what, and who was turned away. `verify`, which also reads a store, is in `offline`."""

from __future__ import annotations

from typing import Annotated

import typer

from highroad.cli.door import Door, command
from highroad.cli.quantities import show_time
from highroad.errors import Forbidden

app = typer.Typer(no_args_is_help=True, help="Who changed what, and who was turned away.")


@command(app, "list")
def list_rows(
    door: Door,
    tenant: Annotated[
        str | None, typer.Option(metavar="TENANT", help="Only what this tenant asked, or what was done to its things.")
    ] = None,
) -> None:
    """List the audit log, the oldest row first.

    Example: `highroad audit list --tenant acme`
    """
    rows = (one for one in door.client.audit() if tenant is None or tenant in (one.tenant, one.of))
    if door.as_json:
        door.emit(list(rows))
        return
    head = ("at", "who", "role", "tenant", "from", "what", "on", "request", ">status")
    shown = (
        (
            show_time(one.at),
            one.who or "–",
            one.role or "–",
            one.tenant or one.of or "–",
            one.address or "–",
            one.what if one.count == 1 else f"{one.what}, {one.count} times",
            one.subject or "–",
            f"{one.method} {one.path}".strip() or "–",
            str(one.status or "–"),
        )
        for one in rows
    )
    door.table("", head, shown, "nothing was changed, and nobody turned away")


@command(app, "export")
def export(door: Door) -> None:
    """Write the audit log as JSON lines, as it is stored, to be kept elsewhere and verified there.

    Example: `highroad audit export > audit.jsonl`
    """
    if door.client.audit_head() is None:
        raise Forbidden("a tenant sees no hashes: an export takes an operator's token")
    for one in door.client.audit():
        wrong = {} if one.wrong is None else {"wrong": one.wrong}
        door.emit_line({"sequence": one.sequence, "hash": one.hash, "document": one.document} | wrong)


@command(app, "head")
def head(door: Door) -> None:
    """Say how many rows there are, and the hash of the newest: note it, and none can be taken away unseen.

    Example: `highroad audit head`
    """
    found = door.client.audit_head()
    if found is None:
        door.emit({}) if door.as_json else door.say("a tenant sees no head: its rows are not all")
    elif door.as_json:
        door.emit(found)
    else:
        door.say(f"{found.rows} rows, head {found.hash}")
