"""The fields that are read by hand, against a library that reads all of X.509."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from hypothesis import given
from hypothesis import strategies as st

from highroad.pki import der
from highroad.pki.authority import Authority, new_authority
from highroad.pki.peer import Role, serial_name

NOW = 1_800_000_000.0


def authority() -> Authority:
    return Authority(*new_authority("test", at_s=NOW))


@pytest.mark.parametrize("at_s", [NOW, 2_700_000_000.0])
def test_a_certificate_is_read_as_the_library_reads_it(at_s: float) -> None:
    """Before 2050 its times are in one form, and after it in another."""
    signer = Authority(*new_authority("test", at_s=at_s))
    pem = signer.issue("denver", Role.AGENT, names=["a.example"], addresses=["fc00::1"], at_s=at_s).certificate
    told, ours = x509.load_pem_x509_certificate(pem), der.certificate(pem)
    assert ours.serial == told.serial_number
    assert ours.not_after_s == told.not_valid_after_utc.timestamp() == at_s + 90 * 86_400
    assert (ours.common_name, ours.unit) == ("denver", "agent")
    names = told.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["denver", "a.example", serial_name(ours.serial)]
    assert [str(one) for one in names.get_values_for_type(x509.IPAddress)] == ["fc00::1"]


def test_a_subject_with_more_in_it_is_read(tmp_path: Path) -> None:
    pem, _ = new_authority("Zürich", at_s=NOW)
    assert (der.certificate(pem).common_name, der.certificate(pem).unit) == ("Zürich", "")
    assert der.certificate(b"words before\n" + pem + pem).common_name == "Zürich"


@given(st.sets(st.integers(min_value=1, max_value=2**159 - 1), max_size=40))
def test_a_list_of_revoked_is_read_as_the_library_reads_it(serials: set[int]) -> None:
    pem = SIGNER.revocations(dict.fromkeys(serials, NOW), at_s=NOW)
    assert der.revoked(pem) == serials
    assert {one.serial_number for one in x509.load_pem_x509_crl(pem)} == serials


SIGNER = authority()
CERTIFICATE = SIGNER.issue("denver", Role.AGENT, at_s=NOW).certificate
LIST = SIGNER.revocations({7: NOW}, at_s=NOW)


@given(st.binary(max_size=300))
def test_what_is_no_certificate_is_no_crash(content: bytes) -> None:
    import base64

    body = base64.encodebytes(content)
    for label, read in ((b"CERTIFICATE", der.certificate), (b"X509 CRL", der.revoked)):
        for pem in (content, b"-----BEGIN " + label + b"-----\n" + body + b"-----END " + label + b"-----\n"):
            with pytest.raises(ValueError):
                read(pem)


@given(st.integers(min_value=0, max_value=500), st.integers(min_value=0, max_value=255))
def test_a_byte_that_fell_over_is_an_error_or_another_certificate(place: int, value: int) -> None:
    import base64

    for pem, read in ((CERTIFICATE, der.certificate), (LIST, der.revoked)):
        lines = pem.splitlines()
        raw = bytearray(base64.b64decode(b"".join(lines[1:-1])))
        raw[place % len(raw)] = value
        broken = b"\n".join([lines[0], base64.encodebytes(bytes(raw)).strip(), lines[-1], b""])
        try:
            read(broken)
        except ValueError:
            continue
