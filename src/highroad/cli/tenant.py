"""`highroad tenant`: who may order, and how much."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from highroad.cli.door import Door, command
from highroad.cli.quantities import rate_gbps, sound
from highroad.wire.told import clean

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


def _count(name: str) -> Any:
    judge = sound(lambda text: _limit(name, text), "none")
    return typer.Option(f"--{name}", parser=judge, metavar="N", help=f"The most {name}; `none` for no limit.")


@command(app, "quota")
def quota(
    door: Door,
    tenant: Annotated[str, typer.Argument(metavar="ID", help="The tenant.")],
    services: Annotated[str | None, _count("services")] = None,
    gbps: Annotated[
        str | None,
        typer.Option(
            parser=sound(rate_gbps, "none"),
            metavar="RATE",
            help="The most guaranteed rate at any one instant; `none` for no limit.",
        ),
    ] = None,
    ports: Annotated[str | None, _count("ports")] = None,
    tokens: Annotated[str | None, _count("tokens")] = None,
    webhooks: Annotated[str | None, _count("webhooks")] = None,
    holds: Annotated[str | None, _count("holds")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be.")] = False,
) -> None:
    """Say how much a tenant may have, or, without options, what it has of that.

    Example: `highroad tenant quota acme --services 200 --gbps 1.2T --holds none`
    """
    given = {
        "services": services,
        "gbps": gbps,
        "ports": ports,
        "tokens": tokens,
        "webhooks": webhooks,
        "holds": holds,
    }
    limits = {name: _limit(name, text) for name, text in given.items() if text is not None}
    if dry_run and limits:
        wanted = ", ".join(f"{name} {_shown(limit)}" for name, limit in limits.items())
        door.emit({"id": tenant, **limits}) if door.as_json else door.say(f"would limit {tenant} to {wanted}")
        return
    found = door.client.set_quota(tenant, **limits) if limits else door.client.tenant(tenant)
    if door.as_json:
        door.emit(found)
        return
    rows = ((name, f"{one['used']:g}", _shown(one["allowed"])) for name, one in found.quota.model_dump().items())
    door.table(found.name, ("quota", ">has", ">may have"), rows, "no quotas")


def _limit(name: str, text: str) -> float | None:
    if text == "none":
        return None
    if name == "gbps":
        return rate_gbps(text)
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        raise typer.BadParameter(f"{clean(text)} is no number of {name}: write a whole number, or none")
    return int(text)


def _shown(limit: float | None) -> str:
    return "no limit" if limit is None else f"{limit:g}"
