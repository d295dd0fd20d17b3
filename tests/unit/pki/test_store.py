"""An authority on disk: what it issues, rotates and revokes, who may read it, and what an interruption leaves."""

from __future__ import annotations

import ssl
import threading
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID

from highroad.errors import Conflict, Invalid, NotFound, Unauthenticated, Unavailable
from highroad.pki import store
from highroad.pki.peer import Revoked, Role, check_peer, peer_from_pem
from highroad.pki.store import Pki

NOW = 1_800_000_000.0
DAY = 86_400.0


@pytest.fixture
def pki(tmp_path: Path) -> Pki:
    return Pki.create(tmp_path / "pki", at_s=NOW)


def test_everything_is_its_owners_alone(pki: Pki) -> None:
    pki.issue("denver", Role.AGENT, at_s=NOW)
    pki.revoke("denver", at_s=NOW)
    assert pki.directory.stat().st_mode & 0o777 == 0o700
    modes = {path.name: path.stat().st_mode & 0o777 for path in pki.directory.iterdir()}
    assert set(modes) >= {"ca.crt", "ca.key", "crl.pem", "issued.json", "denver.crt", "denver.key"}
    assert set(modes.values()) == {0o600}


def test_a_second_authority_is_refused_and_the_first_stands(pki: Pki) -> None:
    before = (pki.directory / "ca.crt").read_bytes()
    with pytest.raises(Conflict, match="there is an authority in"):
        Pki.create(pki.directory, at_s=NOW)
    assert Pki.ensure(pki.directory, at_s=NOW + DAY).exists
    assert (pki.directory / "ca.crt").read_bytes() == before


def test_a_certificate_is_of_this_authority_for_its_role(pki: Pki) -> None:
    uses = {Role.AGENT: ExtendedKeyUsageOID.SERVER_AUTH, Role.CONTROLLER: ExtendedKeyUsageOID.CLIENT_AUTH}
    authority = x509.load_pem_x509_certificate((pki.directory / "ca.crt").read_bytes())
    for role, use in uses.items():
        files = pki.issue(f"one-{role}", role, at_s=NOW, days=30)
        told = x509.load_pem_x509_certificate(files.certificate.read_bytes())
        told.verify_directly_issued_by(authority)
        assert list(told.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == [use]
        assert peer_from_pem(files.certificate.read_bytes()).role == role
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_cert_chain(files.certificate, files.key)
    crl = x509.load_pem_x509_crl((pki.directory / "crl.pem").read_bytes())
    assert crl.is_signature_valid(authority.public_key())  # type: ignore[arg-type]


def test_a_certificate_counts_no_longer_than_its_authority(tmp_path: Path) -> None:
    pki = Pki.create(tmp_path, at_s=NOW, days=10)
    files = pki.issue("denver", Role.AGENT, at_s=NOW)
    assert peer_from_pem(files.certificate.read_bytes()).not_after_s == NOW + 10 * DAY


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("Denver", {}, "'Denver' is not a host name"),
        ("../denver", {}, "is not a host name"),
        ("a" * 64, {}, "is not a host name"),
        ("ca", {}, "'ca' is the authority's own"),
        ("crl", {}, "the authority's own"),
        ("denver", {"names": ("no/slash",)}, "'no/slash' is not a host name"),
        ("denver", {"addresses": ("10.0.0.300",)}, "'10.0.0.300' is not an IPv4 or IPv6 address"),
        ("denver", {"days": 0}, "0 days"),
        ("denver", {"days": 10**6}, "1000000 days"),
    ],
)
def test_what_is_no_name_is_refused(pki: Pki, name: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(Invalid, match=message):
        pki.issue(name, Role.AGENT, at_s=NOW, **options)
    assert pki.issued() == []


def test_rotation_is_of_what_expires_soon_with_the_names_of_before(pki: Pki) -> None:
    pki.issue("denver", Role.AGENT, names=("d.example",), addresses=("fc00::1",), at_s=NOW, days=20)
    pki.issue("omaha", Role.AGENT, at_s=NOW, days=90)
    pki.issue("gone", Role.AGENT, at_s=NOW, days=20)
    pki.revoke("gone", at_s=NOW)
    before = {one.name: one for one in pki.newest()}
    assert [one.name for one in pki.due(within_days=30, at_s=NOW)] == ["denver"]
    assert [one.name for one in pki.rotate(within_days=30, at_s=NOW + DAY)] == ["denver"]
    after = {one.name: one for one in pki.newest()}
    assert after["omaha"] == before["omaha"]
    denver = after["denver"]
    assert (denver.names, denver.addresses, denver.days) == (("d.example",), ("fc00::1",), 20)
    assert denver.not_after_s == NOW + 21 * DAY
    assert pki.rotate(["omaha"], within_days=10_000, at_s=NOW)
    with pytest.raises(NotFound, match="did you mean `denver`"):
        pki.rotate(["denvr"], within_days=30, at_s=NOW)


def test_who_is_revoked_counts_no_more_and_a_new_one_does(pki: Pki) -> None:
    first = peer_from_pem(pki.issue("denver", Role.AGENT, at_s=NOW).certificate.read_bytes())
    revoked = Revoked(pki.directory / "crl.pem")
    check_peer(first, revoked=revoked, at_s=NOW)
    assert [one.serial for one in pki.revoke("denver", at_s=NOW)] == [first.serial]
    assert pki.revoke("denver", at_s=NOW) == []
    with pytest.raises(Unauthenticated, match=r"the certificate of denver .* was revoked"):
        check_peer(first, revoked=revoked, at_s=NOW)
    second = peer_from_pem(pki.issue("denver", Role.AGENT, at_s=NOW).certificate.read_bytes())
    check_peer(second, revoked=revoked, at_s=NOW)
    third = pki.issue("denver", Role.AGENT, at_s=NOW)
    pki.revoke("denver", serial=second.serial, at_s=NOW)
    check_peer(peer_from_pem(third.certificate.read_bytes()), revoked=revoked, at_s=NOW)
    with pytest.raises(Unauthenticated):
        check_peer(second, revoked=revoked, at_s=NOW)
    with pytest.raises(NotFound, match="no certificate of denver has the number 5"):
        pki.revoke("denver", serial=5, at_s=NOW)
    with pytest.raises(NotFound, match="no certificate was issued for 'omaha'"):
        pki.revoke("omaha", at_s=NOW)


def test_expiry_is_by_the_clock_that_is_given(pki: Pki) -> None:
    peer = peer_from_pem(pki.issue("denver", Role.AGENT, at_s=NOW, days=30).certificate.read_bytes())
    check_peer(peer, revoked=Revoked(None), at_s=NOW + 30 * DAY)
    with pytest.raises(Unauthenticated, match=r"the certificate of denver expired at 2027-02-14"):
        check_peer(peer, revoked=Revoked(None), at_s=NOW + 30 * DAY + 1)


def test_ensure_issues_only_what_is_needed(pki: Pki) -> None:
    def serial(at_s: float, **options: Any) -> int:
        return peer_from_pem(
            pki.ensure_issued("denver", Role.AGENT, at_s=at_s, **options).certificate.read_bytes()
        ).serial

    first = serial(NOW)
    assert serial(NOW + 50 * DAY) == first
    late = serial(NOW + 65 * DAY)
    assert late != first, "less than a third of its time is left"
    other = serial(NOW + 65 * DAY, addresses=("fc00::1",))
    assert other != late, "for another address"
    pki.revoke("denver", at_s=NOW + 65 * DAY)
    again = serial(NOW + 65 * DAY, addresses=("fc00::1",))
    assert again != other
    (pki.directory / "denver.key").write_bytes(b"")
    assert serial(NOW + 65 * DAY, addresses=("fc00::1",)) != again, "the key does not fit"


def test_an_interruption_leaves_an_authority_that_goes_on(pki: Pki, monkeypatch: pytest.MonkeyPatch) -> None:
    pki.issue("denver", Role.AGENT, at_s=NOW)
    real = store.write_private
    for stop in range(3):
        left = [stop]

        def write(path: Path, content: bytes, left: list[int] = left) -> None:
            if left[0] == 0:
                raise Unavailable(f"{path} cannot be written: No space left on device")
            left[0] -= 1
            real(path, content)

        monkeypatch.setattr(store, "write_private", write)
        with pytest.raises(Unavailable, match="No space left"):
            pki.issue("denver", Role.AGENT, at_s=NOW)
        monkeypatch.setattr(store, "write_private", real)
        files = pki.ensure_issued("denver", Role.AGENT, at_s=NOW)
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(files.certificate, files.key)
        known = {one.serial for one in pki.issued()}
        assert peer_from_pem(files.certificate.read_bytes()).serial in known, "or it could not be revoked"


def test_an_init_that_was_cut_short_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = store.write_private

    def write(path: Path, content: bytes) -> None:
        if path.name == "ca.crt":
            raise Unavailable("power")
        real(path, content)

    monkeypatch.setattr(store, "write_private", write)
    with pytest.raises(Unavailable):
        Pki.create(tmp_path, at_s=NOW)
    monkeypatch.setattr(store, "write_private", real)
    Pki.create(tmp_path, at_s=NOW).issue("denver", Role.AGENT, at_s=NOW)


def test_a_write_that_fails_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    file = tmp_path / "file"
    store.write_private(file, b"old")
    with pytest.raises(Unavailable, match="cannot be written"):
        store.write_private(tmp_path / "none" / "file", b"new")
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "inside").touch()
    with pytest.raises(Unavailable, match="folder cannot be written"):
        store.write_private(folder, b"new")
    assert {path.name for path in tmp_path.iterdir()} == {"file", "folder"}
    assert file.read_bytes() == b"old"


def test_two_that_issue_at_once_do_not_forget_each_other(pki: Pki) -> None:
    threads = [
        threading.Thread(target=lambda number=number: Pki(pki.directory).issue(f"r-{number}", Role.AGENT, at_s=NOW))
        for number in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {one.name for one in pki.issued()} == {f"r-{number}" for number in range(12)}


def test_what_is_missing_or_broken_is_said(tmp_path: Path, pki: Pki) -> None:
    nowhere = Pki(tmp_path / "nowhere")
    with pytest.raises(NotFound, match="`highroad pki init` makes one"):
        nowhere.issued()
    with pytest.raises(NotFound, match="there is no authority in"):
        nowhere.issue("denver", Role.AGENT, at_s=NOW)
    (pki.directory / "issued.json").write_text('[{"name": 1}]')
    with pytest.raises(Unavailable, match=r"issued\.json cannot be read"):
        pki.issued()
    (pki.directory / "ca.key").unlink()
    with pytest.raises(NotFound, match="it stays where the authority was made"):
        pki.issue("denver", Role.AGENT, at_s=NOW)
    with pytest.raises(Unauthenticated, match="the certificate cannot be read"):
        peer_from_pem(b"nonsense")
