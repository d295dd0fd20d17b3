"""The page's sign-in: a token or a one-time code becomes a cookie.

The cookie is the token itself, sealed with a key that is in the home, or that all processes on one database have: so
it is good at any of them, and outlives a restart under an open page. Without a key sessions are in memory. Either way
every request is authenticated anew, so a session dies with its token. A one-time code is good at the process that made
it.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections import OrderedDict

from cryptography.fernet import Fernet, InvalidToken

from highroad.errors import Unauthenticated

COOKIE = "highroad_session"
MOST_SESSIONS = 10_000
"""The longest unused go first."""

SEALED_S = 7 * 86400
"""How long a sealed cookie is good for."""


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
            raise _nobody()
        self._tokens.move_to_end(session)
        return token

    def close(self, session: str) -> None:
        """Sign out. Idempotent."""
        self._tokens.pop(session, None)


class SealedSessions(Sessions):
    """Who is signed in, at any process: who signs out is forgotten by the browser, and refused by this process."""

    def __init__(self, key: bytes) -> None:
        super().__init__()
        self._seal = Fernet(key)
        self._closed: OrderedDict[bytes, None] = OrderedDict()

    @staticmethod
    def new_key() -> bytes:
        """A key that nobody has."""
        return Fernet.generate_key()

    @classmethod
    def by(cls, secret: str) -> SealedSessions:
        """Sealed with a key that is drawn from any text."""
        return cls(base64.urlsafe_b64encode(hashlib.sha256(b"highroad sessions 1\0" + secret.encode()).digest()))

    def open(self, token: str) -> str:
        """A new session, as its cookie's value."""
        return self._seal.encrypt(token.encode()).decode()

    def token(self, session: str) -> str:
        """The token in a cookie. Raises Unauthenticated."""
        if _digest(session) in self._closed:
            raise _nobody()
        try:
            return self._seal.decrypt(session.encode(), ttl=SEALED_S).decode()
        except (InvalidToken, UnicodeError):
            raise _nobody() from None

    def close(self, session: str) -> None:
        """Sign out. Idempotent."""
        while len(self._closed) >= MOST_SESSIONS:
            self._closed.popitem(last=False)
        self._closed[_digest(session)] = None


def _digest(session: str) -> bytes:
    return hashlib.sha256(session.encode(errors="surrogateescape")).digest()


def _nobody() -> Unauthenticated:
    return Unauthenticated("no token was sent, and nobody is signed in")
