"""Names for what comes into being: short, random where they must not tell how many there are."""

from __future__ import annotations

import base64
import hashlib
import secrets
import string
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar

from highroad.model.freeze import FreezeId
from highroad.model.incident import IncidentId, MaintenanceId
from highroad.model.plan import PlanId
from highroad.model.service import ServiceId
from highroad.model.webhook import WebhookId

ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without i, l, o, 0 and 1, which people misread."""

PREFIX = "highroad_"
BASE62 = string.digits + string.ascii_letters


@contextmanager
def noted(drawn: list[str]) -> Iterator[None]:
    """Every random name that is drawn meanwhile is noted as well."""

    def draw(make: Callable[[], str]) -> str:
        drawn.append(make())
        return drawn[-1]

    with drawing(draw):
        yield


@contextmanager
def drawing(draw: Callable[[Callable[[], str]], str]) -> Iterator[None]:
    """What is made by chance comes from `draw` meanwhile, which is told how it would be made."""
    token = _draw.set(draw)
    try:
        yield
    finally:
        _draw.reset(token)


def service_id() -> ServiceId:
    """`svc-` and 10 random letters (49 bits)."""
    return ServiceId(f"svc-{_random(10)}")


def token_id() -> str:
    """`tok-` and 8 random letters; the secret is another matter."""
    return f"tok-{_random(8)}"


def maintenance_id() -> MaintenanceId:
    """`mnt-` and 6 random letters."""
    return MaintenanceId(f"mnt-{_random(6)}")


def webhook_id() -> WebhookId:
    """`whk-` and 8 random letters."""
    return WebhookId(f"whk-{_random(8)}")


def webhook_secret() -> str:
    """`whsec_` and 256 random bits, as Standard Webhooks writes a secret."""
    return f"whsec_{base64.b64encode(secrets.token_bytes(32)).decode()}"


def test_id() -> str:
    """`test-` and 10 random letters: of a delivery that tells of nothing that happened."""
    return f"test-{_random(10)}"


def freeze_id() -> FreezeId:
    """`frz-` and 6 random letters."""
    return FreezeId(f"frz-{_random(6)}")


def change_id() -> str:
    """`chg-` and 6 random letters."""
    return f"chg-{_random(6)}"


def plan_id() -> PlanId:
    """`pln-` and 6 random letters."""
    return PlanId(f"pln-{_random(6)}")


def incident_id(since_s: float, fibres: Sequence[str]) -> IncidentId:
    """A function of what failed and when: the same failure seen twice is one incident."""
    digest = hashlib.sha256(f"{since_s:.6f} {' '.join(fibres)}".encode()).digest()
    return IncidentId("inc-" + "".join(ALPHABET[byte % len(ALPHABET)] for byte in digest[:6]))


def secret() -> str:
    """A bearer token: `highroad_`, 43 letters and digits (256 random bits), and six that are their check sum, so that
    a scanner for secrets finds it, and is sure of it without asking anybody.
    """
    made = PREFIX + _base62(secrets.randbits(256), 43)
    return made + _check_sum(made)


def is_secret(token: str) -> bool:
    """Whether a text is formed as `secret` forms them; tokens from before did not say what they are."""
    return (
        len(token) == len(PREFIX) + 49
        and token.startswith(PREFIX)
        and token.isascii()
        and _check_sum(token[:-6]) == token[-6:]
    )


def _check_sum(text: str) -> str:
    """CRC-32 as six letters and digits."""
    return _base62(zlib.crc32(text.encode()), 6)


def _base62(number: int, width: int) -> str:
    digits = ""
    while number:
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return digits.rjust(width, "0")


def _random(length: int) -> str:
    return by_chance(lambda: "".join(secrets.choice(ALPHABET) for _ in range(length)))


def by_chance(make: Callable[[], str]) -> str:
    """What no function of anything known makes: noted, or made as it was noted, where somebody wants it so."""
    return _draw.get()(make)


_draw: ContextVar[Callable[[Callable[[], str]], str]] = ContextVar("draw", default=lambda make: make())
