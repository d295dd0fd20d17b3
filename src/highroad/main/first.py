"""What a new store begins with: a network, a neighbour with traffic, a tenant to try things with, and tokens.

Every step looks at what is there, so a start that was killed half way is finished by the next one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path

from highroad.client.home import Credentials
from highroad.control.accounts import port_id
from highroad.control.book import Book
from highroad.control.desk import Desk
from highroad.control.order import Idempotency
from highroad.errors import HighroadError, Invalid, NotFound, Refused, errors_in
from highroad.formats import detect, shipped
from highroad.model.access import Role
from highroad.model.network import Network, Site, SiteId, SiteKind
from highroad.model.position import great_circle_km
from highroad.model.service import End, Port, Request, Tenant, TenantId, TrafficClass

NEIGHBOUR = Tenant(id=TenantId("northwind"), name="Northwind (made up)")
TENANT = Tenant(id=TenantId("acme"), name="Acme AI")
PORT_GBPS = 400.0
SHIPPED = ("us", "global", "us-lab")


def read_network(name: str) -> Network:
    """A shipped network by name, or one from a file. Raises NotFound, Invalid with every finding."""
    if name in SHIPPED:
        text = shipped.network_text(name)
    else:
        try:
            text = Path(name).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            names = ", ".join(SHIPPED)
            raise NotFound(f"{name} is no shipped network ({names}) nor a file that can be read: {error}") from error
    loaded = detect.read(text, name=Path(name).stem)
    if loaded.network is None or errors_in(loaded.findings):
        raise Invalid(errors_in(loaded.findings))
    return loaded.network


async def furnish(controller: Desk, network: Network, *, bare: bool) -> bool:
    """Load the network if none is in force, and add who lives on it. Returns whether anything was missing.

    Unless it is to be bare, a second, made-up tenant comes with standing traffic, so that the map shows some. The
    first tenant comes last: where it is, all of this is done.
    """
    book = await controller.settled()
    is_new = not book.revision
    if is_new:
        await controller.load_network(network)
        book = await controller.settled()
    if is_furnished(book):
        return is_new
    if not bare:
        if NEIGHBOUR.id not in book.tenants:
            await controller.add_tenant(NEIGHBOUR, _ports(book.network, NEIGHBOUR))
        for number, (a, b, gbps, traffic_class) in enumerate(standing_traffic(book.network)):
            request = Request(
                tenant=NEIGHBOUR.id,
                a=End(at=a),
                b=End(at=b),
                bandwidth_gbps=gbps,
                traffic_class=traffic_class,
                description="made-up standing traffic",
            )
            key = Idempotency(scope="highroad up", key=f"standing-{number}", digest=repr(request))
            with suppress(Refused):
                await controller.order(request, idempotency=key)
    await controller.add_tenant(TENANT, _ports(book.network, TENANT))
    return True


def is_furnished(book: Book) -> bool:
    """Whether whoever furnishes is done, or somebody else has."""
    return TENANT.id in book.tenants or bool(book.tenants and NEIGHBOUR.id not in book.tenants)


def standing_traffic(network: Network) -> Iterator[tuple[SiteId, SiteId, float, TrafficClass]]:
    """What the made-up tenant carries: each edge to its two nearest clouds, each campus to five clouds far and near,
    and each provider's regions in a chain from west to east.
    """
    sites = {kind: [site for site in network.sites if site.kind is kind] for kind in SiteKind}
    clouds = sites[SiteKind.CLOUD]
    for edge in sites[SiteKind.EDGE]:
        for rank, cloud in enumerate(sorted(clouds, key=partial(_km, edge))[:2]):
            yield edge.id, cloud.id, (60.0, 20.0)[rank], TrafficClass.INTERACTIVE
    for campus in sites[SiteKind.CAMPUS]:
        near = sorted(clouds, key=partial(_km, campus))
        for cloud in near[:: max(1, len(near) // 5)][:5]:
            yield campus.id, cloud.id, 40.0, TrafficClass.BULK
    for provider in sorted({site.operator for site in clouds if site.operator}):
        chain = sorted((site for site in clouds if site.operator == provider), key=lambda site: site.lon)
        for a, b in pairwise(chain):
            yield a.id, b.id, 50.0, TrafficClass.ASSURED


def _ports(network: Network, tenant: Tenant) -> list[Port]:
    """A port wherever a customer may attach: everywhere but at pops, or at pops if there is nothing else."""
    only_pops = all(site.kind is SiteKind.POP for site in network.sites)
    return [
        Port(id=port_id(tenant.id, site.id), tenant=tenant.id, site=site.id, rate_gbps=PORT_GBPS)
        for site in network.sites
        if only_pops or site.kind is not SiteKind.POP
    ]


def _km(a: Site, b: Site) -> float:
    return great_circle_km(a.lat, a.lon, b.lat, b.lon)


async def credentials(controller: Desk, known: Credentials, url: str) -> Credentials:
    """The tokens that are known if they still hold, else new ones."""
    if hold(controller, known):
        return replace(known, url=url)
    _, operator = await controller.issue_token(tenant=None, label="highroad up")
    _, tenant = await controller.issue_token(tenant=TENANT.id, label="highroad up", role=Role.ADMIN)
    return Credentials(url=url, operator_token=operator, tenant=TENANT.id, tenant_token=tenant)


def hold(controller: Desk, known: Credentials) -> bool:
    """Whether tokens are good yet."""
    return _holds(controller, known.operator_token) and _holds(controller, known.tenant_token)


def _holds(controller: Desk, token: str | None) -> bool:
    try:
        return token is not None and bool(controller.authenticate(token))
    except HighroadError:
        return False
