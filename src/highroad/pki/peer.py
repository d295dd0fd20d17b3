"""Who is at the other end of a connection: the name and the role in its certificate, and whether it still counts.

TLS has checked the signature and the dates when the connection was made. What is checked here, at every call, is
what may have changed since: the certificate may have expired, or been revoked.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path

from highroad.errors import Unauthenticated, Unavailable
from highroad.pki import der
from highroad.units import iso_from_s

log = logging.getLogger(__name__)

SERIAL_SUFFIX = "serial.highroad"
"""Every certificate also bears the name `<its number>.serial.highroad`, so that a connection can be held to it."""


class Role(StrEnum):
    """What a certificate is for; it is the organisational unit of its subject."""

    CONTROLLER = "controller"
    """Reads and sets routers."""
    READER = "reader"
    """Reads routers: a collector, somebody's dashboard."""
    AGENT = "agent"
    """Is a router."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """Where a process finds who it is: its certificate and key, the authority, and the revoked (None: no list)."""

    certificate: Path
    key: Path
    authority: Path
    revoked: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """Who a certificate says its holder is. `role` is as it is written there, which may be none of ours."""

    name: str
    role: str
    serial: int
    not_after_s: float


@lru_cache(maxsize=64)
def peer_from_pem(pem: bytes) -> Peer:
    """Who this certificate names. Raises Unauthenticated when it cannot be read."""
    try:
        fields = der.certificate(pem)
    except ValueError as error:
        raise Unauthenticated(f"the certificate cannot be read: {error}") from error
    return Peer(name=fields.common_name, role=fields.unit, serial=fields.serial, not_after_s=fields.not_after_s)


def serial_name(serial: int) -> str:
    """The name that only the certificate of this number bears."""
    return f"{serial:x}.{SERIAL_SUFFIX}"


class Revoked:
    """The numbers of the revoked certificates, read again whenever the file has changed."""

    def __init__(self, path: Path | None) -> None:
        """Read the list; None means that nothing is ever revoked. Raises Unavailable when it cannot be read."""
        self._path = path
        self._seen: tuple[int, int, int] | None = None
        self._serials: frozenset[int] = frozenset()
        self._complaint = ""
        if path is not None:
            try:
                self._read(path)
            except (OSError, ValueError) as error:
                raise Unavailable(f"the list of revoked certificates {path} cannot be read: {error}") from error

    def __contains__(self, serial: int) -> bool:
        if self._path is not None:
            try:
                self._read(self._path)
            except (OSError, ValueError) as error:
                if str(error) != self._complaint:
                    self._complaint = str(error)
                    log.warning(
                        "the list of revoked certificates %s cannot be read, the last one counts: %s", self._path, error
                    )
        return serial in self._serials

    def _read(self, path: Path) -> None:
        stat = path.stat()
        seen = (stat.st_mtime_ns, stat.st_ino, stat.st_size)
        if seen != self._seen:
            self._serials = der.revoked(path.read_bytes())
            self._seen = seen
            self._complaint = ""


def check_peer(peer: Peer, *, revoked: Revoked, at_s: float) -> None:
    """Raises Unauthenticated, with the reason, when the certificate counts no more."""
    if peer.serial in revoked:
        raise Unauthenticated(f"the certificate of {peer.name} (number {peer.serial:x}) was revoked")
    if peer.not_after_s < at_s:
        raise Unauthenticated(f"the certificate of {peer.name} expired at {iso_from_s(peer.not_after_s)}")
