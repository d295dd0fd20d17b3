"""The identity provider: its keys, fetched and kept, and its tokens, checked against them.

What is checked of a JWT: a signature by one of the provider's published keys, with an algorithm that is asymmetric and
in our list (so neither `none` nor an HMAC keyed with a public key), the issuer to the letter, our audience, that it has
an end which has not come, and that it is valid already. Keys are fetched when one is asked for that is not known, and
from time to time, so that the provider may rotate them; while it cannot be reached, keys that are known stay good.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import httpx
import jwt

from highroad.errors import Finding, Invalid, Unauthenticated, Unavailable
from highroad.model.access import Grant
from highroad.oidc.mapping import grant_of
from highroad.ports import Identified

log = logging.getLogger(__name__)

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
LEEWAY_S = 30.0
"""How far the provider's clock may be from ours."""

KEYS_S = 3600.0
"""Keys are fetched again when they are so old."""

PAUSE_S = 10.0
"""And not more often than this, however many unknown ones are asked for."""

TIMEOUT_S = 5.0
LARGEST = 1024 * 1024
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
LONGEST_SUBJECT = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """Whose tokens are believed, and what they come to."""

    issuer: str
    audience: str
    groups: Mapping[str, Grant]
    claim: str = "groups"

    def __post_init__(self) -> None:
        if not is_safe(self.issuer):
            message = f"{self.issuer!r} is no https address (http is for loopback only)"
            raise Invalid([Finding(code="oidc-issuer", place="oidc_issuer", message=message)])


@dataclass(slots=True)
class OidcProvider:
    """An `Identity`."""

    trust: Trust
    _keys: dict[str, jwt.PyJWK] = field(default_factory=dict)
    _fetched_s: float = float("-inf")
    _tried_s: float = float("-inf")
    _fetching: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def who(self, token: str) -> Identified:
        """Whose token it is. Raises Unauthenticated, Forbidden, and Unavailable where the provider is not reached."""
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise Unauthenticated("this is no token of the identity provider") from None
        algorithm, name = header.get("alg"), header.get("kid")
        if algorithm not in ALGORITHMS:
            raise Unauthenticated("the identity provider's token is not signed by an algorithm that is believed here")
        key = await self._key(name if isinstance(name, str) else "")
        if algorithm != key.algorithm_name:  # of an RSA key that does not say, RS256
            raise Unauthenticated("the identity provider's token is not signed as its key says")
        try:
            claims = jwt.decode(
                token,
                key=key,
                algorithms=[algorithm],
                audience=self.trust.audience,
                issuer=self.trust.issuer,
                leeway=LEEWAY_S,
                options={"require": ["exp", "iss", "aud", "sub"], "verify_iat": False},
            )
        except jwt.PyJWTError as error:
            raise Unauthenticated(f"the identity provider's token is not good: {error}") from None
        subject = claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
            raise Unauthenticated("the identity provider's token names no subject")
        grant = grant_of(claims, self.trust.claim, self.trust.groups)
        return Identified(subject=subject, grant=grant, until_s=float(claims["exp"]) + LEEWAY_S)

    async def about(self, client: httpx.AsyncClient) -> dict[str, Any]:
        """What the provider says of itself. Raises ValueError, httpx.HTTPError."""
        about = await _json(client, f"{self.trust.issuer.rstrip('/')}/.well-known/openid-configuration")
        if about.get("issuer") != self.trust.issuer:
            raise ValueError(f"it says that it is {about.get('issuer')!r}")
        return about

    async def _key(self, name: str) -> jwt.PyJWK:
        """A published key. Raises Unauthenticated where there is none of that name, Unavailable."""
        if name not in self._keys or monotonic() - self._fetched_s > KEYS_S:
            async with self._fetching:
                stale = monotonic() - self._fetched_s > KEYS_S
                if (name not in self._keys or stale) and monotonic() - self._tried_s > PAUSE_S:
                    await self._fetch(needed=name not in self._keys)
        key = self._keys.get(name)
        if key is None and self._fetched_s == float("-inf"):
            raise Unavailable("the identity provider cannot be reached: nobody's token of it can be checked")
        if key is None:
            raise Unauthenticated("the identity provider's token is signed by a key that it does not publish")
        return key

    async def _fetch(self, *, needed: bool) -> None:
        self._tried_s = monotonic()
        try:
            async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
                address = (await self.about(client)).get("jwks_uri")
                if not isinstance(address, str) or not is_safe(address):
                    raise ValueError("its keys are at no https address")
                published = (await _json(client, address)).get("keys")
        except (httpx.HTTPError, ValueError) as error:
            log.warning("the identity provider %s cannot be asked: %s", self.trust.issuer, error)
            if needed:
                raise Unavailable("the identity provider cannot be asked for its keys: try again later") from error
            return
        self._keys = _keys(published)
        self._fetched_s = monotonic()


async def _json(client: httpx.AsyncClient, url: str) -> dict[str, Any]:
    """A JSON object, not too large. Raises ValueError, httpx.HTTPError."""
    async with client.stream("GET", url) as answer:
        answer.raise_for_status()
        body = b""
        async for part in answer.aiter_bytes():
            body += part
            if len(body) > LARGEST:
                raise ValueError(f"what is at {url} is too large")
    found = httpx.Response(200, content=body).json()
    if not isinstance(found, dict):
        raise ValueError(f"what is at {url} is no JSON object")
    return found


def _keys(published: object) -> dict[str, jwt.PyJWK]:
    """The keys for signatures that have a name; one that cannot be read hides no other."""
    found: dict[str, jwt.PyJWK] = {}
    for one in published if isinstance(published, list) else ():
        if not isinstance(one, dict) or one.get("use", "sig") != "sig" or one.get("kty") == "oct":
            continue
        try:
            found[str(one.get("kid", ""))] = jwt.PyJWK(one)
        except jwt.PyJWTError as error:
            log.warning("a key of the identity provider cannot be read: %s", error)
    return found


def is_safe(address: str) -> bool:
    """Whether an address of a provider's may be asked: https, or http on loopback."""
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
