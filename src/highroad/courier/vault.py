"""Secrets of webhooks, sealed: with the store alone, or a copy of it, nobody can sign in our name.

The key is in a file of its own in the home, readable by its owner only; or it is given by a setting. Processes that
share a database and have none take one that lies in it. It is any text: the key proper is drawn from it.
"""

from __future__ import annotations

import base64
import hashlib
import os
import secrets
import tempfile
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from highroad.errors import Unavailable


class SealedVault:
    """A `Vault`, by Fernet (AES-128-CBC and HMAC-SHA256)."""

    def __init__(self, key: str) -> None:
        digest = hashlib.sha256(b"highroad webhooks 1\0" + key.encode()).digest()
        self._fernet = Fernet(base64.urlsafe_b64encode(digest))

    def seal(self, secret: str) -> str:
        """A secret as it is kept."""
        return self._fernet.encrypt(secret.encode()).decode()

    def open(self, sealed: str) -> str:
        """The secret again. Raises Unavailable where it was sealed with another key."""
        try:
            return self._fernet.decrypt(sealed.encode()).decode()
        except InvalidToken:
            raise Unavailable(
                "the secret was sealed with another key: give the old one back (HIGHROAD_WEBHOOK_KEY, or webhook.key "
                "in the home), or rotate the secret"
            ) from None


def new_key() -> str:
    """A key of 256 random bits."""
    return secrets.token_urlsafe(32)


def key_in(path: Path) -> str:
    """The key of a file, which is made if it is not there: whole or not at all. Raises Unavailable."""
    try:
        if not path.exists():
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=".webhook-key-")
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(f"{new_key()}\n")
                file.flush()
                os.fsync(file.fileno())
            try:
                os.link(name, path)
            except FileExistsError:
                pass  # another process was faster: its key counts
            finally:
                Path(name).unlink()
        key = path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Unavailable(f"the key of webhooks in {path} cannot be used: {error.strerror}") from error
    if len(key) < 16:
        raise Unavailable(f"the key of webhooks in {path} is too short: at least 16 characters")
    return key
