"""Signing in at the identity provider, as a page does: the authorization code flow with PKCE (RFC 7636).

The browser is sent there with a state and the hash of a verifier, and comes back with a code. Whoever has the code has
nothing: it is redeemed by us, with the verifier, which only the browser that was sent has in its cookie. What comes of
it is a token like any other, and is checked like any other.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import httpx

from highroad.errors import Unauthenticated, Unavailable
from highroad.oidc.provider import TIMEOUT_S, OidcProvider, is_safe
from highroad.ports import Errand

LONGEST_ANSWER = 256 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSignIn:
    """A `SignIn`. `client_id` is what the provider calls us, `secret` what we prove it with, where it gave us one."""

    provider: OidcProvider
    client_id: str
    secret: str | None = None
    scope: str = "openid"

    async def begin(self, back: str) -> Errand:
        """Where to send a browser that is to come back to `back`. Raises Unavailable."""
        async with _client() as client:
            to = await self._endpoint(client, "authorization_endpoint")
        state, verifier = secrets.token_urlsafe(24), secrets.token_urlsafe(48)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
        asked = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": back,
            "scope": self.scope,
            "state": state,
            "code_challenge": challenge,
            "code_challenge_method": "S256",
        }
        return Errand(address=f"{to}{'&' if '?' in to else '?'}{urlencode(asked)}", state=state, verifier=verifier)

    async def finish(self, code: str, verifier: str, back: str) -> str:
        """The token that a code stands for. Raises Unauthenticated, Unavailable."""
        asked = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": back,
            "client_id": self.client_id,
            "code_verifier": verifier,
        }
        auth = None if self.secret is None else httpx.BasicAuth(self.client_id, self.secret)
        async with _client() as client:
            to = await self._endpoint(client, "token_endpoint")
            try:
                answer = await client.post(to, data=asked, auth=auth or httpx.USE_CLIENT_DEFAULT)
            except httpx.HTTPError as error:
                raise Unavailable("the identity provider does not answer: try again later") from error
        if answer.status_code >= 500 or len(answer.content) > LONGEST_ANSWER:
            raise Unavailable("the identity provider cannot say who that was: try again later")
        try:
            said: Any = answer.json()
        except ValueError:
            said = None
        if answer.status_code != 200 or not isinstance(said, dict):
            raise Unauthenticated("the identity provider does not know this sign-in: begin again")
        # An access token may be anything; where it is no JWT, the ID token is one, and is for us.
        for name in ("access_token", "id_token"):
            token = said.get(name)
            if isinstance(token, str) and token.count(".") == 2:
                return token
        raise Unauthenticated("the identity provider gave no token that can be checked here")

    async def _endpoint(self, client: httpx.AsyncClient, name: str) -> str:
        try:
            address = (await self.provider.about(client)).get(name)
        except (httpx.HTTPError, ValueError) as error:
            raise Unavailable("the identity provider cannot be reached: try again later") from error
        if not isinstance(address, str) or not is_safe(address):
            raise Unavailable(f"the identity provider has no {name} at an https address")
        return address


def _client() -> httpx.AsyncClient:
    return httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False)
