"""The authority that signs: certificates of one elliptic curve, and the list of those that were revoked.

Time is an argument. A certificate is valid from a day before it is signed, because a router's clock may be behind.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from highroad.pki.peer import Role, serial_name

AUTHORITY_DAYS = 3650
LEAF_DAYS = 90
_BACKDATED = timedelta(days=1)

_USES = {
    Role.CONTROLLER: (ExtendedKeyUsageOID.CLIENT_AUTH,),
    Role.READER: (ExtendedKeyUsageOID.CLIENT_AUTH,),
    Role.AGENT: (ExtendedKeyUsageOID.SERVER_AUTH,),
}
"""A router's certificate is no client's: with it nobody sets another router."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A certificate and its key as PEM, and what the authority remembers of it."""

    certificate: bytes
    key: bytes
    serial: int
    not_after_s: float


class Authority:
    """A certificate authority: it signs what it is asked to, and remembers nothing."""

    def __init__(self, certificate: bytes, key: bytes) -> None:
        """From its own certificate and key, as PEM. Raises ValueError when they are not that."""
        self._certificate = x509.load_pem_x509_certificate(certificate)
        loaded = serialization.load_pem_private_key(key, password=None)
        if not isinstance(loaded, ec.EllipticCurvePrivateKey):
            raise ValueError("the authority's key is not of an elliptic curve")
        if loaded.public_key() != self._certificate.public_key():
            raise ValueError("the authority's key is not the one of its certificate")
        self._key = loaded

    def issue(
        self,
        name: str,
        role: Role,
        *,
        names: Sequence[str] = (),
        addresses: Sequence[str] = (),
        at_s: float,
        days: int = LEAF_DAYS,
    ) -> Signed:
        """A certificate for `name` and any further host names and addresses, signed at this time."""
        key = ec.generate_private_key(ec.SECP256R1())
        now, serial = _utc(at_s), x509.random_serial_number()
        until = min(now + timedelta(days=days), self._certificate.not_valid_after_utc)
        subject = [
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Highroad"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, role.value),
            x509.NameAttribute(NameOID.COMMON_NAME, name),
        ]
        alternatives: list[x509.GeneralName] = [
            x509.DNSName(one) for one in dict.fromkeys((name, *names, serial_name(serial)))
        ]
        alternatives += [x509.IPAddress(ipaddress.ip_address(one)) for one in dict.fromkeys(addresses)]
        certificate = (
            x509.CertificateBuilder()
            .subject_name(x509.Name(subject))
            .issuer_name(self._certificate.subject)
            .public_key(key.public_key())
            .serial_number(serial)
            .not_valid_before(now - _BACKDATED)
            .not_valid_after(until)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName(alternatives), critical=False)
            .add_extension(x509.ExtendedKeyUsage(_USES[role]), critical=False)
            .add_extension(_key_usage(signs=False), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
            .sign(self._key, hashes.SHA256())
        )
        return Signed(
            certificate=certificate.public_bytes(serialization.Encoding.PEM),
            key=_key_pem(key),
            serial=serial,
            not_after_s=until.timestamp(),
        )

    def revocations(self, serials: Mapping[int, float], *, at_s: float) -> bytes:
        """The list of the revoked, each with the time of its revocation, as PEM.

        It names the authority's own end as the time of the next one: a list holds until it is replaced.
        """
        now = _utc(at_s)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._certificate.subject)
            .last_update(now)
            .next_update(self._certificate.not_valid_after_utc)
        )
        for entry in _entries(serials):
            builder = builder.add_revoked_certificate(entry)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def new_authority(name: str, *, at_s: float, days: int = AUTHORITY_DAYS) -> tuple[bytes, bytes]:
    """Certificate and key of a new authority, as PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    now = _utc(at_s)
    subject = x509.Name(
        [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Highroad"), x509.NameAttribute(NameOID.COMMON_NAME, name)]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM), _key_pem(key)


def _entries(serials: Mapping[int, float]) -> Iterable[x509.RevokedCertificate]:
    for serial, revoked_s in sorted(serials.items()):
        yield x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(_utc(revoked_s)).build()


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _utc(at_s: float) -> datetime:
    return datetime.fromtimestamp(int(at_s), UTC)
