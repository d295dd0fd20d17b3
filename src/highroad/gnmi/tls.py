"""Mutual TLS for gRPC, with what gRPC for Python leaves out: certificates that change while it runs, and revocation.

The server is asked for its certificate at every handshake, so a new one on disk is used from the next connection on.
The client looks at the server's certificate before gRPC does (gRPC does not show it): a handshake of its own checks it
against the revoked, and then gRPC's connection is held to that very certificate by the name that only it bears.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import grpc

from highroad.errors import Unauthenticated, Unavailable
from highroad.pki.peer import Credentials, Peer, Revoked, check_peer, peer_from_pem, serial_name
from highroad.units import iso_from_s

log = logging.getLogger(__name__)


def server_credentials(credentials: Credentials) -> grpc.ServerCredentials:
    """Credentials that follow the files, for one address. Raises Unavailable when they cannot be used now."""
    loaded = _Loaded(credentials)
    newer: Any = loaded.newer
    return grpc.dynamic_ssl_server_credentials(loaded.first, newer, require_client_authentication=True)


def client_credentials(credentials: Credentials) -> grpc.ChannelCredentials:
    """Credentials as the files are now. Raises Unavailable."""
    authority, key, certificate = _read(credentials)
    return grpc.ssl_channel_credentials(authority, key, certificate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """The server's certificate, and the name to hold a connection to it by."""

    peer: Peer
    name: str


async def look(
    address: str, name: str, credentials: Credentials, *, revoked: Revoked, clock: Callable[[], float], timeout_s: float
) -> Seen:
    """Shake hands with a server and see whose certificate it has, and that it takes ours.

    Raises Unauthenticated when either is refused, Unavailable when nobody answers.
    """
    for wait_s in (0.05, None):
        try:
            return await _look(address, name, credentials, revoked=revoked, clock=clock, timeout_s=timeout_s)
        except _HungUp:
            # A server that is being stopped hangs up, too; that one is not there the next time.
            if wait_s is not None:
                await asyncio.sleep(wait_s)
    ours = peer_from_pem(credentials.certificate.read_bytes())
    why = "it is of another authority, or in a role that is no client's"
    if ours.not_after_s < clock():
        why = f"it expired at {iso_from_s(ours.not_after_s)}"
    raise Unauthenticated(f"{name} at {address} refuses our certificate, {ours.name} as {ours.role}: {why}")


class _HungUp(Exception):
    """The server ended the connection as soon as it had seen our certificate."""


async def _look(
    address: str, name: str, credentials: Credentials, *, revoked: Revoked, clock: Callable[[], float], timeout_s: float
) -> Seen:
    context = _context(credentials)
    try:
        async with asyncio.timeout(timeout_s):
            if address.startswith("unix:"):
                opening = asyncio.open_unix_connection(address[5:], ssl=context, server_hostname=name)
            else:
                host, _, port = address.rpartition(":")
                opening = asyncio.open_connection(host.strip("[]"), int(port), ssl=context, server_hostname=name)
            reader, writer = await opening
            try:
                tls: ssl.SSLObject = writer.get_extra_info("ssl_object")
                der, said = tls.getpeercert(binary_form=True) or b"", tls.getpeercert() or {}
                # In TLS 1.3 the server judges our certificate after our half of the handshake is done. Its first words
                # are HTTP/2's settings then, or there are none: gRPC hangs up without a reason.
                taken = await reader.read(1)
            finally:
                writer.transport.abort()
    except ssl.SSLCertVerificationError as error:
        raise Unauthenticated(
            f"the certificate that {name} shows at {address} is refused: {error.verify_message}"
        ) from error
    except ssl.SSLError as error:
        raise Unauthenticated(f"{name} at {address} refuses our certificate: {_reason(error)}") from error
    except TimeoutError as error:
        raise Unavailable(f"{name} does not answer at {address}") from error
    except OSError as error:
        raise Unavailable(f"{name} cannot be reached at {address}: {error.strerror or error}") from error
    if not taken:
        raise _HungUp
    peer = peer_from_pem(ssl.DER_cert_to_PEM_cert(der).encode())
    check_peer(peer, revoked=revoked, at_s=clock())
    alternatives = [str(pair[1]) for pair in said.get("subjectAltName", ())]
    own = serial_name(peer.serial)
    # Somebody else's authority does not write that name; then the router's own has to do.
    return Seen(peer=peer, name=own if own in alternatives else name)


class _Loaded:
    """The server's files, read again when one of them has changed."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._seen = self._stamp()
        self.first = self._configuration()

    def newer(self) -> grpc.ServerCertificateConfiguration | None:
        """What gRPC asks at each handshake, in a thread of its own: a new configuration, or None for the last."""
        try:
            seen = self._stamp()
            if seen == self._seen:
                return None
            configuration = self._configuration()
        except Unavailable as error:
            log.warning("the old certificate stays in use: %s", error.message)
            return None
        self._seen = seen
        return configuration

    def _configuration(self) -> grpc.ServerCertificateConfiguration:
        authority, key, certificate = _read(self._credentials)
        return grpc.ssl_server_certificate_configuration([(key, certificate)], authority)

    def _stamp(self) -> tuple[tuple[int, int], ...]:
        files = (self._credentials.certificate, self._credentials.key, self._credentials.authority)
        try:
            return tuple((stat.st_mtime_ns, stat.st_ino) for stat in (file.stat() for file in files))
        except OSError as error:
            raise Unavailable(f"{error.filename} cannot be read: {error.strerror}") from error


def _read(credentials: Credentials) -> tuple[bytes, bytes, bytes]:
    """Authority, key and certificate as PEM, seen to fit together."""
    try:
        _context(credentials)
        return credentials.authority.read_bytes(), credentials.key.read_bytes(), credentials.certificate.read_bytes()
    except OSError as error:
        raise Unavailable(f"{error.filename} cannot be read: {error.strerror}") from error


def _context(credentials: Credentials) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["h2"])
    for file in (credentials.authority, credentials.certificate, credentials.key):
        try:
            file.open("rb").close()
        except OSError as error:
            raise Unavailable(f"{file} cannot be read: {error.strerror}") from error
    try:
        context.load_verify_locations(credentials.authority)
    except ssl.SSLError as error:
        raise Unavailable(f"{credentials.authority} is not a certificate: {_reason(error)}") from error
    try:
        context.load_cert_chain(credentials.certificate, credentials.key)
    except ssl.SSLError as error:
        raise Unavailable(
            f"{credentials.certificate} and {credentials.key} are not a certificate and its key: {_reason(error)}"
        ) from error
    return context


def _reason(error: ssl.SSLError) -> str:
    return (error.reason or str(error)).replace("_", " ").lower()
