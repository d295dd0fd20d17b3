"""What the groups of an identity provider may do here: `{"net-ops": "operator", "acme-admins": "acme:admin"}`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from highroad.errors import Finding, Forbidden, Invalid
from highroad.model.access import TENANTS, Grant, Role


def grants_of(table: Mapping[str, str]) -> dict[str, Grant]:
    """What each group may do. Raises Invalid with every finding."""
    found: dict[str, Grant] = {}
    findings = []
    for group, said in table.items():
        tenant, _, name = said.rpartition(":")
        role = next((one for one in Role if one.value == name), None)
        if role is None or (role in TENANTS) != bool(tenant):
            message = (
                f"{said!r} is neither `operator` nor `engineer`, nor a tenant and `:admin`, `:member` or `:viewer`"
            )
            findings.append(Finding(code="oidc-group", place=f"oidc_groups[{group}]", message=message))
        else:
            found[group] = Grant(role=role, tenant=tenant or None)
    if findings:
        raise Invalid(findings)
    return found


def grant_of(claims: Mapping[str, Any], path: str, table: Mapping[str, Grant]) -> Grant:
    """What the claims of a token come to: the most of what its groups may do. `path` is that of the claim, with dots.

    Raises Forbidden where no group is known here, and where several are of different tenants: whose it would act for is
    not ours to guess.
    """
    value: Any = claims
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    groups = [value] if isinstance(value, str) else value if isinstance(value, list) else []
    known = [table[one] for one in groups if isinstance(one, str) and one in table]
    if not known:
        raise Forbidden(f"the identity provider's token has no group in its claim `{path}` that may do anything here")
    most = min(known, key=lambda one: list(Role).index(one.role))
    tenants = {one.tenant for one in known}
    if most.tenant is not None and len(tenants) > 1:
        raise Forbidden("the identity provider's token has groups of several tenants: it has to be of one")
    return most
