"""The authority and what it issued, in one directory of files that only their owner reads, each replaced whole.

    ca.crt ca.key      the authority
    crl.pem            the revoked
    issued.json        every certificate that was issued: number, name, role, names, until when, revoked when
    NAME.crt NAME.key  the newest of each name

A process is given copies of (or the paths to) NAME.crt, NAME.key, ca.crt and crl.pem; ca.key stays.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from fcntl import LOCK_EX, flock
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from highroad.errors import Conflict, Finding, Invalid, NotFound, Unavailable, did_you_mean
from highroad.pki.authority import AUTHORITY_DAYS, LEAF_DAYS, Authority, new_authority
from highroad.pki.der import certificate
from highroad.pki.peer import Credentials, Role

_NAME = re.compile(r"[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?")
_RESERVED = ("ca", "crl", "issued")


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """What is remembered of a certificate that was issued."""

    serial: int
    name: str
    role: Role
    names: tuple[str, ...]
    addresses: tuple[str, ...]
    days: int
    issued_s: float
    not_after_s: float
    revoked_s: float | None = None

    def counts(self, at_s: float) -> bool:
        """Whether it is neither revoked nor expired."""
        return self.revoked_s is None and at_s <= self.not_after_s


class Pki:
    """An authority in a directory. Every change is made under a lock, so that two commands do not undo each other."""

    def __init__(self, directory: Path) -> None:
        """Of the directory that `create` made; nothing is read yet."""
        self.directory = directory

    @classmethod
    def create(
        cls, directory: Path, *, name: str = "Highroad authority", at_s: float, days: int = AUTHORITY_DAYS
    ) -> Pki:
        """A new authority. Raises Conflict when there is one: what it signed would count no more."""
        made = cls(directory)
        with made._changing():
            if made.exists:
                raise Conflict(f"there is an authority in {directory}; a second one would make its certificates void")
            own, key = new_authority(name, at_s=at_s, days=days)
            made._write("crl.pem", Authority(own, key).revocations({}, at_s=at_s))
            made._write("issued.json", b"[]\n")
            made._write("ca.key", key)
            # Last: what is not finished is no authority, and is made anew.
            made._write("ca.crt", own)
        return made

    @classmethod
    def ensure(cls, directory: Path, *, at_s: float) -> Pki:
        """The authority in the directory, made when there is none."""
        try:
            return cls.create(directory, at_s=at_s)
        except Conflict:
            return cls(directory)

    @property
    def exists(self) -> bool:
        """Whether there is an authority."""
        return (self.directory / "ca.crt").exists()

    def credentials(self, name: str) -> Credentials:
        """Where the newest certificate of a name is. Nothing is read."""
        return Credentials(
            certificate=self.directory / f"{name}.crt",
            key=self.directory / f"{name}.key",
            authority=self.directory / "ca.crt",
            revoked=self.directory / "crl.pem",
        )

    def issue(
        self,
        name: str,
        role: Role,
        *,
        names: Sequence[str] = (),
        addresses: Sequence[str] = (),
        at_s: float,
        days: int = LEAF_DAYS,
    ) -> Credentials:
        """A new certificate for a name; one that it had before goes on counting until it expires or is revoked."""
        _check(name, names, addresses, days)
        with self._changing():
            authority = self._authority()
            self._issue(authority, name, role, names=names, addresses=addresses, at_s=at_s, days=days)
        return self.credentials(name)

    def check(
        self, name: str, role: Role, *, names: Sequence[str] = (), addresses: Sequence[str] = (), days: int = LEAF_DAYS
    ) -> None:
        """Raise what `issue` would, and issue nothing."""
        _check(name, names, addresses, days)
        self._authority()

    def ensure_issued(
        self, name: str, role: Role, *, names: Sequence[str] = (), addresses: Sequence[str] = (), at_s: float
    ) -> Credentials:
        """The name's certificate, issued when there is none that counts for two thirds of its time still to come."""
        wanted = (role, tuple(names), tuple(addresses))
        for one in self.newest():
            have = (one.role, one.names, one.addresses)
            lasting = one.not_after_s - at_s > (one.not_after_s - one.issued_s) / 3
            if one.name == name and have == wanted and one.counts(at_s) and lasting and self._in_place(one):
                return self.credentials(name)
        return self.issue(name, role, names=names, addresses=addresses, at_s=at_s)

    def _in_place(self, one: Issued) -> bool:
        """Whether its files are there: an issue that was cut short remembers a certificate that is not."""
        files = self.credentials(one.name)
        try:
            return certificate(files.certificate.read_bytes()).serial == one.serial and _fit(files)
        except (OSError, ValueError):
            return False

    def rotate(self, names: Sequence[str] = (), *, within_days: float, at_s: float) -> list[Issued]:
        """Anew for each name (all when none is given) what expires within so many days; what is revoked stays so."""
        with self._changing():
            authority = self._authority()
            due = self.due(names, within_days=within_days, at_s=at_s)
            for one in due:
                self._issue(
                    authority, one.name, one.role, names=one.names, addresses=one.addresses, at_s=at_s, days=one.days
                )
        return due

    def due(self, names: Sequence[str] = (), *, within_days: float, at_s: float) -> list[Issued]:
        """What `rotate` would issue anew. Raises NotFound for a name that was never issued."""
        newest = {one.name: one for one in self.newest()}
        for name in names:
            if name not in newest:
                raise NotFound(f"no certificate was issued for {name!r}{did_you_mean(name, newest)}")
        chosen = [newest[name] for name in names] if names else list(newest.values())
        return [one for one in chosen if one.revoked_s is None and one.not_after_s <= at_s + within_days * 86400]

    def revoke(self, name: str, *, serial: int | None = None, at_s: float) -> list[Issued]:
        """Void every certificate of a name, or the one of this number, from now on. Returns those that were not yet."""
        with self._changing():
            authority, issued, chosen = self._authority(), self.issued(), self.revocable(name, serial)
            gone = {one.serial for one in chosen}
            after = [replace(one, revoked_s=at_s) if one.serial in gone else one for one in issued]
            self._remember(after)
            listed = {one.serial: one.revoked_s for one in after if one.revoked_s is not None}
            self._write("crl.pem", authority.revocations(listed, at_s=at_s))
        return chosen

    def revocable(self, name: str, serial: int | None = None) -> list[Issued]:
        """What `revoke` would void. Raises NotFound for a name or a number that was never issued."""
        issued = self.issued()
        known = {one.name for one in issued}
        if name not in known:
            raise NotFound(f"no certificate was issued for {name!r}{did_you_mean(name, known)}")
        if serial is not None and not any(one.name == name and one.serial == serial for one in issued):
            raise NotFound(f"no certificate of {name} has the number {serial:x}")
        return [one for one in issued if one.name == name and one.revoked_s is None and serial in (None, one.serial)]

    def issued(self) -> list[Issued]:
        """Everything that was ever issued, oldest first. Raises NotFound when there is no authority."""
        try:
            data = json.loads((self.directory / "issued.json").read_bytes())
            return [_issued(one) for one in data]
        except FileNotFoundError:
            raise self._missing() from None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise Unavailable(f"{self.directory / 'issued.json'} cannot be read: {error}") from error

    def newest(self) -> list[Issued]:
        """The newest certificate of each name."""
        return list({one.name: one for one in self.issued()}.values())

    def _issue(
        self,
        authority: Authority,
        name: str,
        role: Role,
        *,
        names: Sequence[str],
        addresses: Sequence[str],
        at_s: float,
        days: int,
    ) -> None:
        signed = authority.issue(name, role, names=names, addresses=addresses, at_s=at_s, days=days)
        entry = Issued(
            serial=signed.serial,
            name=name,
            role=role,
            names=tuple(names),
            addresses=tuple(addresses),
            days=days,
            issued_s=at_s,
            not_after_s=signed.not_after_s,
        )
        # Remembered first: what was handed out and is not remembered could not be revoked.
        self._remember([*self.issued(), entry])
        # The key first: whoever reads the two in between finds a pair that does not fit, and reads again.
        self._write(f"{name}.key", signed.key)
        self._write(f"{name}.crt", signed.certificate)

    def _authority(self) -> Authority:
        try:
            return Authority((self.directory / "ca.crt").read_bytes(), (self.directory / "ca.key").read_bytes())
        except FileNotFoundError:
            raise self._missing() from None
        except (OSError, ValueError) as error:
            raise Unavailable(f"the authority in {self.directory} cannot be read: {error}") from error

    def _missing(self) -> NotFound:
        if self.exists:
            return NotFound(f"{self.directory / 'ca.key'} is not here: it stays where the authority was made")
        return NotFound(f"there is no authority in {self.directory}; `highroad pki init` makes one")

    def _remember(self, issued: Sequence[Issued]) -> None:
        entries = [{**asdict(one), "serial": f"{one.serial:x}"} for one in issued]
        self._write("issued.json", (json.dumps(entries, indent=1) + "\n").encode())

    def _write(self, name: str, content: bytes) -> None:
        write_private(self.directory / name, content)

    @contextmanager
    def _changing(self) -> Iterator[None]:
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self.directory / ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unavailable(f"{self.directory} cannot be written: {error.strerror}") from error
        try:
            flock(lock, LOCK_EX)
            yield
        finally:
            os.close(lock)


def write_private(path: Path, content: bytes) -> None:
    """Put a file in place, whole, durably, readable by its owner only. Raises Unavailable and changes nothing then."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        try:
            handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(path)
        finally:
            beside.unlink(missing_ok=True)
        folder = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise Unavailable(f"{path} cannot be written: {error.strerror}") from error


def _fit(files: Credentials) -> bool:
    key = serialization.load_pem_private_key(files.key.read_bytes(), password=None)
    return x509.load_pem_x509_certificate(files.certificate.read_bytes()).public_key() == key.public_key()


def _issued(data: dict[str, object]) -> Issued:
    revoked = data["revoked_s"]
    return Issued(
        serial=int(str(data["serial"]), 16),
        name=str(data["name"]),
        role=Role(str(data["role"])),
        names=tuple(str(one) for one in _listed(data["names"])),
        addresses=tuple(str(one) for one in _listed(data["addresses"])),
        days=int(str(data["days"])),
        issued_s=float(str(data["issued_s"])),
        not_after_s=float(str(data["not_after_s"])),
        revoked_s=None if revoked is None else float(str(revoked)),
    )


def _listed(value: object) -> list[object]:
    if not isinstance(value, list):
        raise TypeError(f"{value!r} is not a list")
    return value


def _check(name: str, names: Sequence[str], addresses: Sequence[str], days: int) -> None:
    findings = []
    for place, one in [("name", name), *(("host name", one) for one in names)]:
        if not _NAME.fullmatch(one):
            message = f"{one!r} is not a host name: lower-case letters, digits, `.` and `-`, 63 at the most"
            findings.append(Finding(code="name", place=place, message=message))
    if name in _RESERVED:
        findings.append(Finding(code="name", place="name", message=f"{name!r} is the authority's own"))
    for address in addresses:
        try:
            ip_address(address)
        except ValueError:
            message = f"{address!r} is not an IPv4 or IPv6 address"
            findings.append(Finding(code="address", place="address", message=message))
    if not 1 <= days <= AUTHORITY_DAYS:
        message = f"{days} days: a certificate counts for 1 to {AUTHORITY_DAYS}"
        findings.append(Finding(code="days", place="days", message=message))
    if findings:
        raise Invalid(findings)
