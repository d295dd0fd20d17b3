"""Who may come in: tenants, their ports, and bearer tokens of which only hashes are kept."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from highroad.control.book import Book, Draft
from highroad.control.names import secret, token_id
from highroad.errors import Conflict, Finding, Invalid, NotFound, Unauthenticated
from highroad.model.network import SiteId
from highroad.model.service import Port, PortId, Tenant, TenantId
from highroad.ports import TokenRecord
from highroad.units import mbps_from_gbps

_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PORT_ID = re.compile(r"[a-z0-9]([a-z0-9._-]{0,98}[a-z0-9])?")
MTU_BYTES = range(1280, 9217)
"""From IPv6's least to what routers commonly carry."""


class Role(StrEnum):
    """What a caller may do."""

    OPERATOR = "operator"
    TENANT = "tenant"


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who a token belongs to."""

    role: Role
    tenant: TenantId | None
    token_id: str


def caller(book: Book, token: str) -> Caller:
    """Who sent a token. Raises Unauthenticated."""
    record = book.token_by_hash(hash_of(token))
    if record is None or record.revoked_s is not None:
        raise Unauthenticated("this token is not known, or was revoked")
    if record.tenant is None:
        return Caller(role=Role.OPERATOR, tenant=None, token_id=record.id)
    return Caller(role=Role.TENANT, tenant=TenantId(record.tenant), token_id=record.id)


def hash_of(token: str) -> str:
    """SHA-256 of a token: it has 256 random bits of its own, so it needs neither salt nor a slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def issue(draft: Draft, *, tenant: TenantId | None, label: str) -> tuple[TokenRecord, str]:
    """Make a token for a tenant or, for None, an operator. The secret is in no store: it is returned this once."""
    if tenant is not None and tenant not in draft.book.tenants:
        raise Invalid([Finding(code="unknown-tenant", place="tenant", message=f"there is no tenant {tenant!r}")])
    if len(label) > 200:
        raise Invalid([Finding(code="label", place="label", message="a label has at most 200 characters")])
    token = secret()
    record = TokenRecord(id=token_id(), hash=hash_of(token), tenant=tenant, label=label, created_s=draft.now_s)
    draft.put_token(record)
    draft.tell("highroad.token.issued", record.id, tenant=tenant, label=label)
    return record, token


def revoke(draft: Draft, token: str) -> TokenRecord:
    """Make a token invalid from now on; again is the same. Raises NotFound."""
    record = draft.book.tokens.get(token)
    if record is None:
        raise NotFound(f"there is no token {token}")
    if record.revoked_s is None:
        record = replace(record, revoked_s=draft.now_s)
        draft.put_token(record)
        draft.tell("highroad.token.revoked", record.id, tenant=record.tenant)
    return record


def add_tenant(draft: Draft, tenant: Tenant, ports: Sequence[Port] = ()) -> Tenant:
    """Add a customer and its first ports. Raises Invalid, or Conflict where there is one of that id."""
    findings = []
    if not _ID.fullmatch(tenant.id):
        message = "an id has 1 to 63 lower-case letters, digits and hyphens, and neither starts nor ends with a hyphen"
        findings.append(Finding(code="tenant-id", place="id", message=message))
    if not 0 < len(tenant.name) <= 200 or not tenant.name.isprintable():
        message = "a name has 1 to 200 printable characters"
        findings.append(Finding(code="tenant-name", place="name", message=message))
    if findings:
        raise Invalid(findings)
    if tenant.id in draft.book.tenants:
        raise Conflict(f"there is a tenant {tenant.id} already")
    draft.put_tenant(tenant)
    draft.tell("highroad.tenant.added", tenant.id, tenant=tenant.id, name=tenant.name)
    for port in ports:
        add_port(draft, port)
    return tenant


def add_port(draft: Draft, port: Port) -> Port:
    """Give a tenant a port. Raises Invalid, or Conflict where there is one of that id."""
    book = draft.book
    findings = []
    if not _PORT_ID.fullmatch(port.id):
        message = "an id has 1 to 100 lower-case letters, digits, dots, hyphens and underscores"
        findings.append(Finding(code="port-id", place="id", message=message))
    if SiteId(port.id) in book.network.site:
        findings.append(Finding(code="port-id", place="id", message=f"{port.id} is the name of a site"))
    if port.tenant not in book.tenants:
        findings.append(Finding(code="unknown-tenant", place="tenant", message=f"there is no tenant {port.tenant!r}"))
    if port.site not in book.network.site:
        findings.append(Finding(code="unknown-site", place="site", message=f"there is no site {port.site!r}"))
    if not (math.isfinite(port.rate_gbps) and 0 < port.rate_gbps <= 1e6):
        message = f"a port's rate is more than 0 and at most 1,000,000 Gbit/s, not {port.rate_gbps:g}"
        findings.append(Finding(code="port-rate", place="rate_gbps", message=message))
    elif abs(port.rate_gbps * 1000 - mbps_from_gbps(port.rate_gbps)) > 1e-6:
        message = "a port's rate is a multiple of 0.001 Gbit/s"
        findings.append(Finding(code="port-rate", place="rate_gbps", message=message))
    if port.mtu_bytes not in MTU_BYTES:
        message = f"an MTU is from {MTU_BYTES[0]} to {MTU_BYTES[-1]} bytes, not {port.mtu_bytes}"
        findings.append(Finding(code="port-mtu", place="mtu_bytes", message=message))
    if findings:
        raise Invalid(findings)
    if port.id in book.ports:
        raise Conflict(f"there is a port {port.id} already")
    draft.put_port(port)
    draft.tell("highroad.port.added", port.id, tenant=port.tenant, site=port.site, rate_gbps=port.rate_gbps)
    return port


def port_id(tenant: str, site: str) -> PortId:
    """What a port is called that was given no name."""
    return PortId(f"{tenant}.{site}")
