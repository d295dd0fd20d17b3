"""What a new store begins with: a network, a tenant to try things with, its ports, and tokens. Each step once.

Every step looks at what is there, so a start that was killed half way is finished by the next one.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from highroad.client.home import Credentials
from highroad.control.accounts import port_id
from highroad.control.controller import Controller
from highroad.errors import HighroadError, Invalid, NotFound, errors_in
from highroad.formats import detect, shipped
from highroad.model.network import Network, SiteKind
from highroad.model.service import Port, Tenant, TenantId

TENANT = Tenant(id=TenantId("acme"), name="Acme AI")
PORT_GBPS = 400.0
SHIPPED = ("us", "global")


def read_network(name: str) -> Network:
    """A shipped network by name, or one from a file. Raises NotFound, Invalid with every finding."""
    if name in SHIPPED:
        text = shipped.network_text(name)
    else:
        try:
            text = Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise NotFound(f"{name} is neither `us` nor `global` nor a file that can be read: {error}") from error
    loaded = detect.read(text, name=Path(name).stem)
    if loaded.network is None or errors_in(loaded.findings):
        raise Invalid(errors_in(loaded.findings))
    return loaded.network


async def furnish(controller: Controller, network: Network | None) -> bool:
    """Load the network if none is in force; add the tenant, with ports wherever it may attach, if there is none yet.

    Returns whether anything was missing.
    """
    book = await controller.settled()
    bare = not book.revision
    if bare:
        if network is None:
            raise NotFound("the store has no network, and none was given")
        await controller.load_network(network)
        book = await controller.settled()
    if book.tenants:
        return bare
    only_pops = all(site.kind is SiteKind.POP for site in book.network.sites)
    ports = [
        Port(id=port_id(TENANT.id, site.id), tenant=TENANT.id, site=site.id, rate_gbps=PORT_GBPS)
        for site in book.network.sites
        if only_pops or site.kind is not SiteKind.POP
    ]
    await controller.add_tenant(TENANT, ports)
    return True


async def credentials(controller: Controller, known: Credentials, url: str) -> Credentials:
    """The tokens that are known if they still hold, else new ones."""
    if _holds(controller, known.operator_token) and _holds(controller, known.tenant_token):
        return replace(known, url=url)
    _, operator = await controller.issue_token(tenant=None, label="highroad up")
    _, tenant = await controller.issue_token(tenant=TENANT.id, label="highroad up")
    return Credentials(url=url, operator_token=operator, tenant=TENANT.id, tenant_token=tenant)


def _holds(controller: Controller, token: str | None) -> bool:
    try:
        return token is not None and bool(controller.authenticate(token))
    except HighroadError:
        return False
