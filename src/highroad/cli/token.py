"""`highroad token`: who may come in."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer

from highroad.cli.door import Door, command
from highroad.cli.quantities import duration, show_time

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
        (
            one.id,
            one.tenant or "–",
            one.role,
            "all" if one.scopes is None else " ".join(one.scopes),
            one.label,
            show_time(one.created),
            show_time(one.expires, "never"),
            show_time(one.used, "–"),
            show_time(one.revoked, "–"),
        )
        for one in found
    )
    head = ("token", "tenant", "role", "scopes", "label", "issued", "expires", "last used", "revoked")
    door.table("", head, rows, "no tokens")


@command(app, "issue")
def issue(
    door: Door,
    tenant: Annotated[
        str | None, typer.Option(metavar="TENANT", help="For this tenant; for who runs the network if left out.")
    ] = None,
    label: Annotated[str, typer.Option(metavar="TEXT", help="What it is for.")] = "",
    role: Annotated[
        str | None,
        typer.Option(
            metavar="ROLE",
            help="`operator`, `engineer`; of a tenant `admin`, `member`, `viewer`. Else `operator` or `member`.",
        ),
    ] = None,
    scope: Annotated[
        list[str] | None,
        typer.Option(metavar="SCOPE", help="Narrow it, such as to `services:read`; may come several times."),
    ] = None,
    expires: Annotated[
        timedelta | None, typer.Option(parser=duration, metavar="TIME", help="How long it is good, such as `30d`.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be.")] = False,
) -> None:
    """Issue a token. It is shown this once, and may no more than the token that issues it.

    Example: `highroad token issue --tenant acme --role viewer --expires 30d --label dashboard`
    """
    expires_s = None if expires is None else expires.total_seconds()
    if dry_run:
        role = role or ("operator" if tenant is None else "member")
        body = {"tenant": tenant, "label": label, "role": role, "scopes": scope, "expires_s": expires_s}
        whose = f" of {tenant}" if tenant else ""
        door.emit(body) if door.as_json else door.say(f"would issue a token of the role {role}{whose}")
        return
    done = door.client.issue_token(tenant, label, role=role, scopes=scope, expires_s=expires_s)
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
