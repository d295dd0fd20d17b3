"""`highroad port`: where tenants plug in."""

from __future__ import annotations

from typing import Annotated

import typer

from highroad.cli.door import Door, command
from highroad.cli.quantities import rate_gbps, show_gbps

app = typer.Typer(no_args_is_help=True, help="Where tenants plug in.")


@command(app, "list")
def list_ports(door: Door) -> None:
    """List ports; a tenant sees its own.

    Example: `highroad port list --as tenant`
    """
    found = list(door.client.ports())
    if door.as_json:
        door.emit(found)
        return
    rows = ((one.id, one.tenant, one.site, show_gbps(one.rate_gbps), one.mtu_bytes) for one in found)
    door.table("", ("port", "tenant", "site", ">rate", ">MTU"), rows, "no ports yet")


@command(app, "add")
def add(
    door: Door,
    tenant: Annotated[str, typer.Argument(metavar="TENANT", help="Whose it is.")],
    site: Annotated[str, typer.Argument(metavar="SITE", help="Where it is.")],
    rate: Annotated[float, typer.Argument(parser=rate_gbps, metavar="RATE", help="400G, 1.6T.")],
    port_id: Annotated[str | None, typer.Option("--id", metavar="ID", help="Made up if left out.")] = None,
    mtu: Annotated[int, typer.Option(metavar="BYTES", help="The largest packet.")] = 9000,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be.")] = False,
) -> None:
    """Give a tenant a port at a site.

    Example: `highroad port add acme campus-sioux-falls 800G`
    """
    if dry_run:
        body = {"id": port_id, "tenant": tenant, "site": site, "rate_gbps": rate, "mtu_bytes": mtu}
        door.emit(body) if door.as_json else door.say(f"would give {tenant} {show_gbps(rate)} at {site}")
        return
    done = door.client.add_port(tenant, site, rate, port_id=port_id, mtu_bytes=mtu)
    if door.as_json:
        door.emit(done)
    else:
        door.say(("✓ ", "bold green"), f"{done.tenant} has {done.id}: {show_gbps(done.rate_gbps)} at {done.site}")
