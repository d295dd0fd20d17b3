"""Signatures of webhooks, made and checked as Standard Webhooks 1.0 says (symmetric, HMAC-SHA256).

from highroad.webhooks import verify

event = verify(request.headers, request.body, "whsec_...")  # a CloudEvent as a dict; raises SignatureInvalid
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from highroad.errors import HighroadError

PREFIX = "whsec_"
TOLERANCE_S = 300.0
"""How far a delivery's time may be from ours: what is older may have been recorded and sent again by somebody else."""


class SignatureInvalid(HighroadError):
    """What came was not signed with this secret, or not now: do not trust it."""

    code = "signature-invalid"


def sign(message_id: str, at_s: int, body: bytes, secrets: Sequence[str]) -> dict[str, str]:
    """The three headers of a delivery, signed with each of the secrets."""
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(at_s),
        "webhook-signature": " ".join(f"v1,{_signature(message_id, str(at_s), body, one)}" for one in secrets),
    }


def verify(
    headers: Mapping[str, str],
    body: bytes | str,
    secret: str | Sequence[str],
    *,
    tolerance_s: float = TOLERANCE_S,
    now_s: float | None = None,
) -> dict[str, Any]:
    """The CloudEvent of a delivery that was signed with a secret, or with one of several. Raises SignatureInvalid.

    `body` is what came, byte for byte. A delivery may come twice, with the same `id`: remember those you have seen.
    """
    given = {name.lower(): value for name, value in headers.items()}
    missing = [one for one in ("webhook-id", "webhook-timestamp", "webhook-signature") if not given.get(one)]
    if missing:
        raise SignatureInvalid(f"the delivery has no {' and no '.join(missing)}")
    message_id, at, content = given["webhook-id"], given["webhook-timestamp"], _bytes(body)
    if not (at.isascii() and at.isdigit() and len(at) <= 15):
        raise SignatureInvalid("webhook-timestamp is no time in seconds since 1970")
    secrets = [secret] if isinstance(secret, str) else list(secret)
    expected = [_signature(message_id, at, content, one).encode() for one in secrets]
    offered = [one.removeprefix("v1,").encode() for one in given["webhook-signature"].split() if one.startswith("v1,")]
    good = False
    for one in offered:
        for right in expected:
            good |= hmac.compare_digest(one, right)
    if not good:
        raise SignatureInvalid("the signature does not fit: another secret, or a body that is not as it was sent")
    late_s = (time.time() if now_s is None else now_s) - int(at)
    if abs(late_s) > tolerance_s:
        word = "old" if late_s > 0 else "in the future"
        raise SignatureInvalid(f"the delivery is {abs(late_s):.0f} s {word}; {tolerance_s:g} s are tolerated")
    try:
        event = json.loads(content)
    except ValueError:
        raise SignatureInvalid("the body is signed and no JSON") from None
    if not isinstance(event, dict):
        raise SignatureInvalid("the body is signed and no CloudEvent")
    return event


def _bytes(body: bytes | str) -> bytes:
    return body.encode() if isinstance(body, str) else bytes(body)


def _signature(message_id: str, at: str, body: bytes, secret: str) -> str:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise SignatureInvalid(f"the secret is none: it is {PREFIX} and base64") from None
    signed = hmac.new(key, f"{message_id}.{at}.".encode() + body, hashlib.sha256).digest()
    return base64.b64encode(signed).decode()
