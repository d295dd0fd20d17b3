"""The few fields that a running process asks of a certificate and of a list of revoked ones: bytes in, values out.

A router's agent is kept small, and a library that can do all of X.509 costs it 7 MB; signatures are not checked here,
TLS has done so, and the list of revoked ones is a file of the operator's own, as the authority's certificate is.
Layouts are those of RFC 5280, sections 4.1 and 5.1, in the distinguished encoding (DER) of ASN.1.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

_INTEGER, _OID, _UTC_TIME, _GENERAL_TIME, _SEQUENCE = 0x02, 0x06, 0x17, 0x18, 0x30
_VERSION = 0xA0

_COMMON_NAME = bytes.fromhex("550403")
_UNIT = bytes.fromhex("55040b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fields:
    """Of a certificate: its number, until when it is valid, and the name and the unit of its subject."""

    serial: int
    not_after_s: float
    common_name: str
    unit: str


def certificate(pem: bytes) -> Fields:
    """The fields of the first certificate in the text. Raises ValueError when it is not one."""
    try:
        return _certificate(pem)
    except (IndexError, StopIteration) as error:
        raise ValueError("not the layout of a certificate") from error


def revoked(pem: bytes) -> frozenset[int]:
    """The numbers of the certificates on a list of revoked ones. Raises ValueError when it is not one."""
    try:
        return _revoked(pem)
    except (IndexError, StopIteration) as error:
        raise ValueError("not the layout of a list of revoked certificates") from error


def _certificate(pem: bytes) -> Fields:
    body = list(_parts(_inside(_first(pem, b"CERTIFICATE"))))
    at = 1 if body[0][0] == _VERSION else 0
    (_, serial), _, _, (_, validity), (_, subject) = body[at : at + 5]
    names = dict(_names(subject))
    (_, _), (kind, until) = _parts(validity)
    return Fields(
        serial=int.from_bytes(serial, "big"),
        not_after_s=_time_s(kind, until),
        common_name=names.get(_COMMON_NAME, ""),
        unit=names.get(_UNIT, ""),
    )


def _revoked(pem: bytes) -> frozenset[int]:
    body = list(_parts(_inside(_first(pem, b"X509 CRL"))))
    at = 1 if body[0][0] == _INTEGER else 0
    rest = body[at + 2 :]
    while rest and rest[0][0] in (_UTC_TIME, _GENERAL_TIME):
        rest = rest[1:]
    if not rest or rest[0][0] != _SEQUENCE:
        return frozenset()
    return frozenset(int.from_bytes(next(_parts(entry))[1], "big") for _, entry in _parts(rest[0][1]))


def _first(pem: bytes, label: bytes) -> bytes:
    _, begun, rest = pem.partition(b"-----BEGIN " + label + b"-----")
    body, ended, _ = rest.partition(b"-----END " + label + b"-----")
    if not begun or not ended:
        raise ValueError(f"there is no {label.decode()} in it")
    try:
        return base64.b64decode(body)
    except binascii.Error as error:
        raise ValueError(f"not a {label.decode()}: {error}") from error


def _inside(der: bytes) -> bytes:
    """The content of what is signed: the first part of the outermost sequence."""
    (_, outer), *_ = _parts(der)
    (kind, signed), *_ = _parts(outer)
    if kind != _SEQUENCE:
        raise ValueError("not the layout of a certificate")
    return signed


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each element, one after the other."""
    at = 0
    while at < len(data):
        if at + 2 > len(data):
            raise ValueError("it ends in the middle of an element")
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[at : at + size], "big")
            at += size
        if at + length > len(data):
            raise ValueError("it ends in the middle of an element")
        yield tag, data[at : at + length]
        at += length


def _names(subject: bytes) -> Iterator[tuple[bytes, str]]:
    for _, one in _parts(subject):
        for _, pair in _parts(one):
            (kind, oid), (_, text) = _parts(pair)
            if kind == _OID:
                yield oid, text.decode("utf-8", "replace")


def _time_s(kind: int, text: bytes) -> float:
    form = "%y%m%d%H%M%SZ" if kind == _UTC_TIME else "%Y%m%d%H%M%SZ"
    return datetime.strptime(text.decode("ascii"), form).replace(tzinfo=UTC).timestamp()
