"""A PostgreSQL of the run's own: in a folder of its own, on a socket and a port of its own, gone when the run is over.

As root the server runs as another user, because PostgreSQL refuses to run as root.
"""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

USER = "highroad"

UNPRIVILEGED = ("postgres", "nobody")


def binaries() -> Path | None:
    """The folder with `initdb` and `postgres`, of the newest version that is installed."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    if found:
        return found[-1].parent
    other = shutil.which("initdb")
    return None if other is None else Path(other).resolve().parent


@dataclass
class Postgres:
    """A server and what can be done to it. `fast` does without fsync: for tests that lose no power."""

    folder: Path
    port: int
    fast: bool = True
    _names: Iterator[int] = field(default_factory=itertools.count)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        """Its data directory."""
        return self.folder / "data"

    @property
    def pid(self) -> int:
        """The postmaster's."""
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def url(self, database: str = "postgres") -> str:
        """Of one of its databases, over TCP on loopback."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Run it, and return when it answers."""
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "max_connections": 60}
        settings |= {"log_min_messages": "warning", "shared_buffers": "16MB", "lc_messages": "C"}
        if self.fast:
            settings |= {"fsync": "off", "full_page_writes": "off"}
        told = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [*_as_user(), str(_bin("postgres")), "-D", str(self.data), "-p", str(self.port), *told],
                stdout=log,
                stderr=log,
                cwd=self.folder,
                start_new_session=True,
            )
        self.wait()

    def wait(self, within_s: float = 60.0) -> None:
        """Until it answers."""
        until_s = time.monotonic() + within_s
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
                return
            except psycopg.OperationalError as error:
                if time.monotonic() > until_s or (self._process is not None and self._process.poll() is not None):
                    raise RuntimeError(f"{error}\n{(self.folder / 'log').read_text()[-2000:]}") from error
                time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGQUIT) -> None:
        """SIGQUIT ends it at once as a crash would, SIGINT in order (`immediate`, `fast`); returns when it is gone."""
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError, FileNotFoundError):
            self.resume()
            os.kill(self.pid, how)
        process.wait(timeout=60)

    def kill(self) -> None:
        """kill -9 of the postmaster and all of its children, at once."""
        process, self._process = self._process, None
        if process is None:
            return
        for pid in self._all():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(timeout=60)
        with suppress(FileNotFoundError):
            (self.data / "postmaster.pid").unlink()

    def restart(self) -> None:
        """Ended at once, and started again."""
        self.stop()
        self.start()

    def pause(self) -> None:
        """Stop all of its processes: connections stay, and nothing answers."""
        for pid in self._all():
            os.kill(pid, signal.SIGSTOP)

    def resume(self) -> None:
        """Let them go on."""
        for pid in self._all():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def create(self, *, like: str = "ENCODING 'UTF8' TEMPLATE template0") -> str:
        """A new, empty database. Returns its URL."""
        name = f"hr_{os.getpid()}_{next(self._names)}"
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name} {like}".encode())
        return self.url(name)

    def drop(self, url: str) -> None:
        """Away with a database, whoever is connected to it."""
        name = url.rsplit("/", 1)[1]
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())

    def _all(self) -> list[int]:
        parents: dict[int, list[int]] = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with suppress(OSError):
                pid, rest = int(stat.parent.name), stat.read_text().rsplit(")", 1)[1].split()
                parents.setdefault(int(rest[1]), []).append(pid)
        return [self.pid, *parents.get(self.pid, [])]


@contextmanager
def postgres(*, fast: bool = True) -> Iterator[Postgres]:
    """A server that runs for as long as the context lasts. Raises RuntimeError where there is no PostgreSQL."""
    folder = Path(tempfile.mkdtemp(prefix="hr-pg-", dir="/tmp"))
    try:
        server = made(folder, fast=fast)
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def made(folder: Path, *more: str, fast: bool = True) -> Postgres:
    """A new server in a folder, which does not run yet; `more` is for `initdb`. Raises RuntimeError."""
    owner = _owner()
    if owner is not None:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    quickly = ["--no-sync"] if fast else []
    how = ["-U", USER, "-A", "trust", "-E", "UTF8", "--locale", "C.UTF-8", *quickly, *more]
    done = subprocess.run(
        [*_as_user(), str(_bin("initdb")), "-D", str(folder / "data"), *how],
        capture_output=True,
        text=True,
        cwd=folder,
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return Postgres(folder, _free_port(), fast)


def _bin(name: str) -> Path:
    folder = binaries()
    if folder is None:
        raise RuntimeError("there is no PostgreSQL here: install Debian's `postgresql`")
    return folder / name


def _owner() -> pwd.struct_passwd | None:
    """Whom the server runs as, where that is not us."""
    if os.geteuid() != 0:
        return None
    for name in UNPRIVILEGED:
        with suppress(KeyError):
            return pwd.getpwnam(name)
    raise RuntimeError(f"root may not run PostgreSQL, and there is no user {' or '.join(UNPRIVILEGED)}")


def _as_user() -> list[str]:
    """What a command begins with that is to run as the server's owner."""
    owner = _owner()
    if owner is None:
        return []
    return ["setpriv", f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups"]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
