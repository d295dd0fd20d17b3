"""A key that routers share, in a file of its own: hexadecimal digits, and nothing else."""

from __future__ import annotations

from pathlib import Path

from highroad.errors import Finding, Invalid

LEAST_BYTES, MOST_BYTES = 16, 64


def read_key(path: Path) -> bytes:
    """The key in a file. Raises Invalid."""
    try:
        text = path.read_text(encoding="ascii").strip()
        key = bytes.fromhex(text)
    except OSError as error:
        raise _invalid(path, f"cannot be read: {error.strerror}") from error
    except ValueError:
        raise _invalid(path, "has to be hexadecimal digits, as `openssl rand -hex 32` writes them") from None
    if not LEAST_BYTES <= len(key) <= MOST_BYTES:
        raise _invalid(path, f"has {len(key)} bytes, and has to have {LEAST_BYTES} to {MOST_BYTES}")
    return key


def _invalid(path: Path, message: str) -> Invalid:
    return Invalid([Finding(code="bad-key", place=str(path), message=message)])
