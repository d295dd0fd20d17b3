"""Who may come in: tenants, their ports, and bearer tokens of which only hashes are kept."""

from __future__ import annotations

import hashlib
import hmac
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from highroad.control.book import Book, Draft
from highroad.control.names import token_id
from highroad.control.quota import check_port, check_token, is_good
from highroad.errors import Conflict, Finding, Forbidden, Invalid, NotFound, Unauthenticated
from highroad.model.access import GRANTS, TENANTS, Grant, Role
from highroad.model.network import SiteId
from highroad.model.service import Port, PortId, Tenant, TenantId
from highroad.model.text import shown, wrong_with
from highroad.ports import TokenRecord
from highroad.units import iso_from_s, mbps_from_gbps

_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_PORT_ID = re.compile(r"[a-z0-9]([a-z0-9._-]{0,98}[a-z0-9])?")
MOST_S = 10 * 366 * 86400.0
"""How long a token that expires may be good for; one that never does is issued without an expiry."""

MTU_BYTES = range(1280, 9217)
"""From IPv6's least to what routers commonly carry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks: what they may do, and by which token, or, as `oidc:...`, as which subject of an identity provider."""

    grant: Grant
    token_id: str
    until_s: float | None = None
    """When an identity provider's token ends; what it grants here does not."""
    used_s: float | None = None
    """When the token is known to have been used last."""

    @property
    def role(self) -> Role:
        """Of the grant."""
        return self.grant.role

    @property
    def tenant(self) -> TenantId | None:
        """Whose things the caller is confined to; None for who sees everything."""
        return None if self.grant.tenant is None else TenantId(self.grant.tenant)


def viewer_of(caller: Caller) -> TenantId | None:
    """Whose sequence of events a caller sees: its tenant's, or for None all, as who runs the network."""
    if caller.tenant is None and caller.role in TENANTS:
        raise Unauthenticated("this token belongs to nobody whose events there are")
    return caller.tenant


def caller(book: Book, token: str, now_s: float) -> Caller:
    """Who sent a token. Raises Unauthenticated."""
    digest = hash_of(token)
    record = book.token_by_hash(digest)
    # A lookup by hash tells at most how far a hash agrees with one that is known, and nothing of what it is a hash of.
    if record is None or not hmac.compare_digest(record.hash, digest) or record.revoked_s is not None:
        raise Unauthenticated("this token is not known, or was revoked")
    if record.expires_s is not None and record.expires_s <= now_s:
        raise Unauthenticated(f"this token has expired at {iso_from_s(record.expires_s)}")
    return Caller(grant=record.grant, token_id=record.id, used_s=record.used_s)


def hash_of(token: str) -> str:
    """SHA-256 of a token: it has 256 random bits of its own, so it needs neither salt nor a slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def issue(draft: Draft, *, digest: str, grant: Grant, label: str, issuer: Caller | None) -> TokenRecord:
    """Make a token of this hash good for what a grant says: whoever asks has made its secret, which is in no store.

    `issuer` is who asks; None is the controller itself. What the grant leaves open and the issuer's does not, it has
    of the issuer's. Raises Invalid with every finding, Unauthenticated where the issuer's own token is no longer good,
    Forbidden where the grant is more than the issuer's, QuotaExceeded where its tenant has as many as it may.
    """
    findings = []
    if grant.tenant is not None and grant.tenant not in draft.book.tenants:
        message = f"there is no tenant {shown(grant.tenant)}"
        findings.append(Finding(code="unknown-tenant", place="tenant", message=message))
    if (grant.tenant is None) == (grant.role in TENANTS):
        message = f"{grant.role} is a role {'of a tenant: say which' if grant.role in TENANTS else 'of no tenant'}"
        findings.append(Finding(code="role", place="role", message=message))
    if wrong := wrong_with(label, empty=True):
        findings.append(Finding(code="label", place="label", message=f"a label {wrong}"))
    if grant.expires_s is not None and not draft.now_s < grant.expires_s <= draft.now_s + MOST_S:
        message = f"a token is good for more than 0 and at most {MOST_S / 86400:g} days"
        findings.append(Finding(code="expires", place="expires_s", message=message))
    if grant.scopes is not None and not grant.scopes:
        findings.append(Finding(code="scopes", place="scopes", message="without any scope it could do nothing"))
    if findings:
        raise Invalid(findings)
    if issuer is not None:
        known = draft.book.tokens.get(issuer.token_id)
        if known is not None and not is_good(known, draft.now_s):
            raise Unauthenticated("the token that you ask with is no longer good")
        grant = _within(grant, issuer.grant)
        if grant.tenant is not None:
            check_token(draft.book, TenantId(grant.tenant), draft.now_s)
    record = TokenRecord(
        id=token_id(),
        hash=digest,
        tenant=grant.tenant,
        label=label,
        created_s=draft.now_s,
        role=grant.role,
        scopes=grant.scopes,
        expires_s=grant.expires_s,
        issued_by=None if issuer is None else issuer.token_id,
    )
    draft.put_token(record)
    draft.tell("highroad.token.issued", record.id, tenant=grant.tenant, label=label, role=grant.role.value)
    return record


def _within(grant: Grant, issuer: Grant) -> Grant:
    """A grant with the issuer's bounds where it has none. Raises Forbidden where it is more than the issuer's."""
    scopes = issuer.scopes if grant.scopes is None else grant.scopes
    expires_s = issuer.expires_s if grant.expires_s is None else grant.expires_s
    narrowed = replace(grant, scopes=scopes, expires_s=expires_s)
    if issuer.covers(narrowed):
        return narrowed
    if narrowed.role not in GRANTS[issuer.role] or issuer.tenant not in (None, narrowed.tenant):
        whose = "" if issuer.tenant is None else f" for {issuer.tenant}"
        may = ", ".join(sorted(GRANTS[issuer.role])) or "none"
        raise Forbidden(f"as {issuer.role} you may issue tokens of these roles{whose}: {may}")
    more = sorted(set(scopes or ()) - set(issuer.scopes or scopes or ()))
    if more:
        raise Forbidden(f"your own token does not have {', '.join(more)}")
    raise Forbidden(f"your own token ends at {iso_from_s(issuer.expires_s or 0.0)}, and it may not outlive that")


def used(draft: Draft, when_s: Mapping[str, float]) -> None:
    """Note when tokens were last used, of those that there are."""
    for token, at_s in when_s.items():
        record = draft.book.tokens.get(token)
        if record is not None and (record.used_s is None or record.used_s < at_s):
            draft.put_token(replace(record, used_s=at_s))


def revoke(draft: Draft, token: str, *, tenant: TenantId | None) -> TokenRecord:
    """Make a token, one of a tenant's if one is given, invalid from now on; again is the same. Raises NotFound."""
    record = draft.book.tokens.get(token)
    if record is None or (tenant is not None and record.tenant != tenant):
        raise NotFound(f"there is no token {token[:100]}")
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
    if wrong := wrong_with(tenant.name):
        findings.append(Finding(code="tenant-name", place="name", message=f"a name {wrong}"))
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
    """Give a tenant a port. Raises Invalid, QuotaExceeded, or Conflict where there is one of that id."""
    book = draft.book
    findings = []
    if not _PORT_ID.fullmatch(port.id):
        message = "an id has 1 to 100 lower-case letters, digits, dots, hyphens and underscores"
        findings.append(Finding(code="port-id", place="id", message=message))
    if SiteId(port.id) in book.network.site:
        findings.append(Finding(code="port-id", place="id", message=f"{port.id} is the name of a site"))
    if port.tenant not in book.tenants:
        findings.append(
            Finding(code="unknown-tenant", place="tenant", message=f"there is no tenant {shown(port.tenant)}")
        )
    if port.site not in book.network.site:
        findings.append(Finding(code="unknown-site", place="site", message=f"there is no site {shown(port.site)}"))
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
    check_port(book, port.tenant)
    draft.put_port(port)
    draft.tell("highroad.port.added", port.id, tenant=port.tenant, site=port.site, rate_gbps=port.rate_gbps)
    return port


def port_id(tenant: str, site: str) -> PortId:
    """What a port is called that was given no name."""
    return PortId(f"{tenant}.{site}")
