"""`highroad token`: who may come in."""

from __future__ import annotations

from typing import Annotated

import typer

from highroad.cli.door import Door, command
from highroad.cli.quantities import show_time

app = typer.Typer(no_args_is_help=True, help="Bearer tokens.")


@command(app, "list")
def list_tokens(door: Door) -> None:
    """List tokens, without their secrets.

    Example: `highroad token list`
    """
    found = list(door.client.tokens())
    if door.as_json:
        door.emit(found)
        return
    rows = (
        (one.id, one.tenant or "operator", one.label, show_time(one.created), show_time(one.revoked, "–"))
        for one in found
    )
    door.table("", ("token", "of", "label", "issued", "revoked"), rows, "no tokens")


@command(app, "issue")
def issue(
    door: Door,
    tenant: Annotated[
        str | None, typer.Option(metavar="TENANT", help="For this tenant; for an operator if left out.")
    ] = None,
    label: Annotated[str, typer.Option(metavar="TEXT", help="What it is for.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be.")] = False,
) -> None:
    """Issue a token. It is shown this once.

    Example: `highroad token issue --tenant acme --label scheduler`
    """
    if dry_run:
        body = {"tenant": tenant, "label": label}
        door.emit(body) if door.as_json else door.say(f"would issue a token of {tenant or 'an operator'}")
        return
    done = door.client.issue_token(tenant, label)
    if door.as_json:
        door.emit(done)
        return
    door.say(("✓ ", "bold green"), f"{done.id}, shown this once:")
    door.say((done.token, "bold"))


@command(app, "revoke")
def revoke(
    door: Door,
    token_id: Annotated[str, typer.Argument(metavar="ID", help="The token's id, not the secret.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be.")] = False,
) -> None:
    """Revoke a token, with every session and stream that was opened with it.

    Example: `highroad token revoke tok-7k2m9qwx`
    """
    if not dry_run:
        door.client.revoke_token(token_id)
    if door.as_json:
        door.emit({"id": token_id, "revoked": not dry_run})
    else:
        door.say(f"would revoke {token_id}" if dry_run else f"✓ {token_id} is revoked")
