"""The operator's key that signs proofs (Ed25519, RFC 8032), and what its signatures are held against."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from highroad.errors import Unavailable


class Signer:
    """A private key. `key` is the public one: 64 hexadecimal digits."""

    def __init__(self, pem: bytes) -> None:
        """From a PEM. Raises ValueError where it is none of Ed25519."""
        loaded = serialization.load_pem_private_key(pem, password=None)
        if not isinstance(loaded, Ed25519PrivateKey):
            raise ValueError("the key is not of Ed25519")
        self._key = loaded
        raw = loaded.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
        self.key = raw.hex()

    def sign(self, doc: bytes) -> str:
        """The signature of a document, in hexadecimal."""
        return self._key.sign(doc).hex()


def new_key() -> bytes:
    """A private key, as PEM."""
    return Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def signer_in(path: Path) -> Signer:
    """The key of a file, made if it is not there: whole or not at all, its owner's only. Raises Unavailable."""
    try:
        if not path.exists():
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=".proof-key-")
            with os.fdopen(handle, "wb") as file:
                file.write(new_key())
                file.flush()
                os.fsync(file.fileno())
            try:
                with suppress(FileExistsError):  # another process was faster: its key counts
                    os.link(name, path)
            finally:
                Path(name).unlink()
        return Signer(path.read_bytes())
    except OSError as error:
        raise Unavailable(f"the key of proofs in {path} cannot be used: {error.strerror}") from error
    except ValueError as error:
        raise Unavailable(f"the key of proofs in {path} cannot be used: {error}") from error


def holds(key: str, doc: bytes, signature: str) -> bool:
    """Whether a signature is of a document, by a public key."""
    try:
        Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(bytes.fromhex(signature), doc)
    except (ValueError, InvalidSignature):
        return False
    return True


def public_key(text: str) -> str:
    """The public key of what somebody gives as one: 64 hexadecimal digits, or a PEM. Raises ValueError."""
    given = text.strip()
    if len(given) == 64 and not set(given.lower()) - set("0123456789abcdef"):
        return given.lower()
    loaded = serialization.load_pem_public_key(given.encode())
    if not isinstance(loaded, Ed25519PublicKey):
        raise ValueError("the key is not of Ed25519")
    return loaded.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw).hex()


def fingerprint(key: str) -> str:
    """What is compared over the telephone: 16 hexadecimal digits."""
    return hashlib.sha256(bytes.fromhex(key)).hexdigest()[:16]
