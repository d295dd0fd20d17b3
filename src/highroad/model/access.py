"""Who may do what, as a table: roles, whether each may change things or only look, and who may hand out which."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a caller may do. The first two see every tenant, the others only their own."""

    OPERATOR = "operator"
    """Everything."""
    ENGINEER = "engineer"
    """Plans: sees what an operator sees and may ask what would be, and changes nothing."""
    ADMIN = "admin"
    """Of a tenant: everything of its own, and tokens for it."""
    MEMBER = "member"
    """Of a tenant: orders, changes, releases."""
    VIEWER = "viewer"
    """Of a tenant: looks."""


TENANTS = (Role.ADMIN, Role.MEMBER, Role.VIEWER)
"""The roles that are of a tenant, from the most that may be done to the least."""

GRANTS: dict[Role, frozenset[Role]] = {
    Role.OPERATOR: frozenset(Role),
    Role.ENGINEER: frozenset(),
    Role.ADMIN: frozenset(TENANTS),
    Role.MEMBER: frozenset(),
    Role.VIEWER: frozenset(),
}
"""Tokens of which roles a role may issue; a tenant's only for its own tenant."""


def default_role(tenant: str | None) -> Role:
    """What a token is that says no role: an operator's, or of a tenant one that orders, as before there were more."""
    return Role.OPERATOR if tenant is None else Role.MEMBER


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """What somebody may do: a role, of a tenant if it is one of a tenant's, and `scopes` that narrow it.

    A scope is `services:read` or `services:write`: the first part of a path under /v1, and whether only to look; None
    is everything that the role may do. `expires_s` is when it ends, UTC seconds.
    """

    role: Role
    tenant: str | None = None
    scopes: tuple[str, ...] | None = None
    expires_s: float | None = None

    def covers(self, other: Grant) -> bool:
        """Whether there is nothing that `other` may do and this may not."""
        if other.role not in GRANTS[self.role]:
            return False
        if self.tenant is not None and other.tenant != self.tenant:
            return False
        if self.scopes is not None and (other.scopes is None or not set(other.scopes) <= set(self.scopes)):
            return False
        return self.expires_s is None or (other.expires_s is not None and other.expires_s <= self.expires_s)

    def allows(self, scope: str) -> bool:
        """Whether its scopes leave this one; its role is another question."""
        return self.scopes is None or scope in self.scopes


def changing_implies_looking(scopes: Collection[str]) -> tuple[str, ...]:
    """Scopes in order, each once: who may change things of a kind may look at them."""
    full = set(scopes) | {f"{one.removesuffix(':write')}:read" for one in scopes if one.endswith(":write")}
    return tuple(sorted(full))
