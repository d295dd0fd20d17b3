"""`highroad tenant`: who may order."""

from __future__ import annotations

from typing import Annotated

import typer

from highroad.cli.door import Door, command

app = typer.Typer(no_args_is_help=True, help="Customers.")


@command(app, "list")
def list_tenants(door: Door) -> None:
    """List tenants.

    Example: `highroad tenant list`
    """
    found = list(door.client.tenants())
    if door.as_json:
        door.emit(found)
    else:
        door.table("", ("tenant", "name"), ((one.id, one.name) for one in found), "no tenants yet")


@command(app, "add")
def add(
    door: Door,
    tenant: Annotated[str, typer.Argument(metavar="ID", help="Lower-case letters, digits and hyphens.")],
    name: Annotated[str, typer.Option(metavar="TEXT", help="For people; the id if left out.")] = "",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be.")] = False,
) -> None:
    """Add a tenant.

    Example: `highroad tenant add acme --name "Acme Models"`
    """
    if dry_run:
        door.emit({"id": tenant, "name": name or tenant}) if door.as_json else door.say(f"would add {tenant}")
        return
    done = door.client.add_tenant(tenant, name or tenant)
    if door.as_json:
        door.emit(done)
    else:
        door.say(("✓ ", "bold green"), f"{done.id} can have ports now: `highroad port add {done.id} SITE RATE`")
