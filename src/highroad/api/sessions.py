"""The page's sign-in: a token or a one-time code becomes a cookie that only this process knows the meaning of.

Sessions live in memory: after a restart one signs in again. A session holds its token, and every request with it is
authenticated anew, so it dies with the token.
"""

from __future__ import annotations

import secrets
from collections import OrderedDict

from highroad.errors import Unauthenticated

COOKIE = "highroad_session"
MOST_SESSIONS = 10_000
"""The longest unused go first."""


class SessionCodes:
    """One-time codes, each of which stands for a token until somebody has used it."""

    def __init__(self) -> None:
        self._tokens: dict[str, str] = {}

    def make(self, token: str) -> str:
        """A new code for a token: it opens one session."""
        code = secrets.token_urlsafe(24)
        self._tokens[code] = token
        return code

    def redeem(self, code: str) -> str:
        """The token of a code, which is used up by this. Raises Unauthenticated."""
        token = self._tokens.pop(code, None)
        if token is None:
            raise Unauthenticated("this code is not valid, or was used before: sign in with a token")
        return token


class Sessions:
    """Who is signed in."""

    def __init__(self) -> None:
        self._tokens: OrderedDict[str, str] = OrderedDict()

    def open(self, token: str) -> str:
        """A new session, as its cookie's value."""
        while len(self._tokens) >= MOST_SESSIONS:
            self._tokens.popitem(last=False)
        session = secrets.token_urlsafe(32)
        self._tokens[session] = token
        return session

    def token(self, session: str) -> str:
        """The token behind a cookie. Raises Unauthenticated."""
        token = self._tokens.get(session)
        if token is None:
            raise Unauthenticated("no token was sent, and nobody is signed in")
        self._tokens.move_to_end(session)
        return token

    def close(self, session: str) -> None:
        """Sign out. Idempotent."""
        self._tokens.pop(session, None)
