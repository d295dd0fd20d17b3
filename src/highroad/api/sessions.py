"""The page's sign-in: a token or a one-time code becomes a cookie.

The cookie is the token itself, sealed with a key that is in the home, or that all processes on one database have: so
it is good at any of them, and outlives a restart under an open page. Without a key sessions are in memory. Either way
every request is authenticated anew, so a session dies with its token. A one-time code is good at the process that made
it.
"""

from __future__ import annotations

import base64
import hashlib
import logging
import os
import secrets
import threading
import time
from collections import OrderedDict
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from highroad.errors import Unauthenticated

log = logging.getLogger(__name__)

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
    """Who is signed in, at any process: who signs out is forgotten by the browser, and refused by this process.

    With a file for it, it refuses them after a restart as well, for as long as the cookie would be good.
    """

    def __init__(self, key: bytes, signed_out: Path | None = None) -> None:
        super().__init__()
        self._seal = Fernet(key)
        self._file = signed_out
        self._closing = threading.Lock()
        self._closed = {} if signed_out is None else _still(signed_out, time.time())

    @staticmethod
    def new_key() -> bytes:
        """A key that nobody has."""
        return Fernet.generate_key()

    @classmethod
    def by(cls, secret: str, signed_out: Path | None = None) -> SealedSessions:
        """Sealed with a key that is drawn from any text."""
        key = hashlib.sha256(b"highroad sessions 1\0" + secret.encode()).digest()
        return cls(base64.urlsafe_b64encode(key), signed_out)

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
        """Sign out. Idempotent. What is no session takes no room."""
        try:
            self.token(session)
            until_s = self._seal.extract_timestamp(session.encode()) + SEALED_S
        except (Unauthenticated, InvalidToken):
            return
        now_s = time.time()
        with self._closing:
            left = {digest: end_s for digest, end_s in self._closed.items() if end_s > now_s}
            self._closed = left | {_digest(session): until_s}
        if self._file is not None:
            _note(self._file, _digest(session), until_s)


def _still(file: Path, now_s: float) -> dict[str, float]:
    """Digests of cookies that were signed out and are not over yet, with when they are."""
    try:
        lines = [line.split() for line in file.read_text("ascii").splitlines() if line]
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeError) as error:
        log.error("who has signed out is not known from %s: %s", file, error)
        return {}
    # A line that a full disk or a loss of power cut short names no cookie.
    kept = {line[0]: float(line[1]) for line in lines if len(line) == 2 and len(line[0]) == 64 and line[1].isdigit()}
    kept = {digest: until_s for digest, until_s in kept.items() if until_s > now_s}
    if len(kept) < len(lines):
        new = file.with_suffix(".new")
        try:
            new.touch(mode=0o600)
            new.write_text("".join(f"{digest} {until_s:.0f}\n" for digest, until_s in kept.items()), "ascii")
            new.replace(file)
        except OSError as error:
            log.warning("%s keeps what is over: %s", file, error)
    return kept


def _note(file: Path, digest: str, until_s: float) -> None:
    try:
        handle = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        try:
            os.write(handle, f"\n{digest} {until_s:.0f}\n".encode())
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        log.error("that a session was signed out is not kept over a restart, %s: %s", file, error)


def _digest(session: str) -> str:
    return hashlib.sha256(session.encode(errors="surrogateescape")).hexdigest()


def _nobody() -> Unauthenticated:
    return Unauthenticated("no token was sent, and nobody is signed in")
