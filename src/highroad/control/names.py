"""Names for what comes into being: short, random where they must not tell how many there are."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence

from highroad.model.freeze import FreezeId
from highroad.model.incident import IncidentId, MaintenanceId
from highroad.model.service import ServiceId

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without i, l, o, 0 and 1, which people misread."""


def service_id() -> ServiceId:
    """`svc-` and 10 random letters (49 bits)."""
    return ServiceId(f"svc-{_random(10)}")


def token_id() -> str:
    """`tok-` and 8 random letters; the secret is another matter."""
    return f"tok-{_random(8)}"


def maintenance_id() -> MaintenanceId:
    """`mnt-` and 6 random letters."""
    return MaintenanceId(f"mnt-{_random(6)}")


def freeze_id() -> FreezeId:
    """`frz-` and 6 random letters."""
    return FreezeId(f"frz-{_random(6)}")


def incident_id(since_s: float, fibres: Sequence[str]) -> IncidentId:
    """A function of what failed and when: the same failure seen twice is one incident."""
    digest = hashlib.sha256(f"{since_s:.6f} {' '.join(fibres)}".encode()).digest()
    return IncidentId("inc-" + "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:6]))


def secret() -> str:
    """A bearer token: `hr_` and 256 random bits."""
    return f"hr_{secrets.token_urlsafe(32)}"


def _random(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))
