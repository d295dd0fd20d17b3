"""The controller that is up, if one is: whether it answers, of which version, the token, its port, the page, its
certificates.
"""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx

from highroad.client.home import CREDENTIALS, Credentials, read_credentials
from highroad.errors import HighroadError, Invalid
from highroad.offline.doctor.keeping import holder
from highroad.offline.doctor.said import Said, good, nothing, odd, wrong
from highroad.pki.store import Pki
from highroad.units import iso_from_s

ANSWER_S = 5.0
SOON_S = 30 * 86_400
SKEW_S = 5.0


def api(home: Path, ours: str) -> Said:
    """Whether it answers, is ready, and runs the version that is installed."""
    up = holder(home / "lock") is not None
    try:
        known = read_credentials(home)
    except Invalid as error:
        return wrong("api", str(error), f"rm {home / CREDENTIALS}: the next `highroad up` makes new ones.")
    if not (home / CREDENTIALS).exists() and not up:
        return nothing("api", "No controller was up here yet.")
    try:
        begun_s = time.time()
        answer = httpx.get(f"{known.url}/readyz", timeout=ANSWER_S, trust_env=False)
        told = answer.json()
        alive = httpx.get(f"{known.url}/healthz", timeout=ANSWER_S, trust_env=False).json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        if not up:
            return nothing("api", f"No controller is up here; at {known.url} nobody answers.")
        return wrong("api", f"One is up, and {known.url} does not answer: {error}", "Look at its log; then restart it.")
    if answer.status_code != 200:
        return wrong("api", f"{known.url} is not ready: {told.get('detail')}", "Its log says more.")
    runs = alive.get("version")
    if runs != ours:
        return odd("api", f"{known.url} runs {runs}, and {ours} is installed.", "Restart it.")
    skew_s = _date_s(answer.headers.get("date")) - begun_s
    if abs(skew_s) > SKEW_S:
        return odd("api", f"Its clock is {skew_s:+.0f} s off this one.", "Keep both by NTP.")
    return good("api", f"{known.url} answers, {runs}")


def token(home: Path) -> Said:
    """Whether the operator's token that is kept is good."""
    try:
        known = read_credentials(home)
    except Invalid:
        return nothing("token", "The credentials cannot be read.")
    if known.operator_token is None:
        return nothing("token", "None is kept here.")
    return _asked(known)


def port(host: str, number: int, home: Path, proc: Path = Path("/proc")) -> Said:
    """Who has the port that it is to listen on."""
    if number == 0:
        return nothing("port", "Any that is free.")
    try:
        family, kind, proto, _, address = socket.getaddrinfo(host, number, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        return wrong("port", f"{host} is no address of this machine: {error.strerror}", "Set HIGHROAD_HOST.")
    with socket.socket(family, kind, proto) as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(address)
            trial.listen(1)
        except PermissionError:
            return wrong("port", f"Port {number} is for root only.", "Set HIGHROAD_PORT to 1024 or more.")
        except OSError as error:
            who = listening(number, proc)
            if who is not None and who == holder(home / "lock"):
                return good("port", f"{number}, of the controller that is up (process {who})")
            shown = f"process {who}, {_name(who, proc)}" if who is not None else "somebody"
            return wrong(
                "port", f"{host}:{number} is taken by {shown} ({error.strerror}).", "Set HIGHROAD_PORT, or end that."
            )
    return good("port", f"{number} is free")


def page(built: Path) -> Said:
    """Whether the page is built."""
    if (built / "index.html").is_file():
        return good("page", "built")
    return odd(
        "page", "The page is not built; everything else works.", "`make up` builds it in a checkout; the wheel has it."
    )


def certificates(directory: Path, at_s: float) -> Said:
    """Whether the authority and what it issued counts, and for how much longer."""
    pki = Pki(directory)
    if not pki.exists:
        return nothing("certificates", "There is no authority here; only routers need one.")
    try:
        issued = [one for one in pki.newest() if one.revoked_s is None]
        until = {"the authority": _until_s(directory / "ca.crt"), **{one.name: one.not_after_s for one in issued}}
    except (HighroadError, ValueError, OSError) as error:
        return wrong("certificates", f"{directory} cannot be read: {error}", "Restore it from a backup.")
    over = [name for name, end_s in until.items() if end_s <= at_s]
    soon = [name for name, end_s in until.items() if at_s < end_s <= at_s + SOON_S]
    renew = "`highroad pki rotate`, and copy what it made to who uses it."
    if over:
        return wrong("certificates", f"Expired: {', '.join(over)}.", renew)
    if soon:
        return odd("certificates", f"Expire within 30 days: {', '.join(soon)}.", renew)
    return good("certificates", f"{len(until)}, the first to expire on {iso_from_s(min(until.values()))[:10]}")


def listening(number: int, proc: Path = Path("/proc")) -> int | None:
    """Which process listens on a TCP port (proc(5), /proc/net/tcp); None where that is not told."""
    inodes = set()
    for table in ("tcp", "tcp6"):
        try:
            lines = (proc / "net" / table).read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        rows = (line.split() for line in lines)
        inodes |= {row[9] for row in rows if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == number}
    return next((pid for pid, inode in _sockets(proc) if inode in inodes), None)


def _sockets(proc: Path) -> Iterator[tuple[int, str]]:
    for folder in proc.iterdir():
        if not folder.name.isdecimal():
            continue
        try:
            for one in (folder / "fd").iterdir():
                told = re.fullmatch(r"socket:\[(\d+)\]", str(one.readlink()))
                if told is not None:
                    yield int(folder.name), told[1]
        except OSError:
            continue


def _name(pid: int, proc: Path) -> str:
    try:
        return (proc / str(pid) / "comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return "of a name that is not told"


def _asked(known: Credentials) -> Said:
    headers = {"Authorization": f"Bearer {known.operator_token}"}
    try:
        answer = httpx.get(f"{known.url}/v1/session", headers=headers, timeout=ANSWER_S, trust_env=False)
    except (httpx.HTTPError, httpx.InvalidURL):
        return nothing("token", "Nobody answers who could tell.")
    if answer.status_code == 401:
        return wrong(
            "token", "The operator's token that is kept here is not good.", "Restart `highroad up`: it makes a new one."
        )
    return good("token", f"good, {answer.json().get('role')}")


def _date_s(header: str | None) -> float:
    try:
        return parsedate_to_datetime(header or "").timestamp()
    except ValueError:
        return time.time()


def _until_s(certificate: Path) -> float:
    from cryptography import x509

    return x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc.timestamp()
