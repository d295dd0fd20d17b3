"""The folder of one controller: its store, the twin's memory, the credentials; one process at a time."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from highroad.client.home import CREDENTIALS, home_dir
from highroad.errors import Conflict, Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """What the command line needs to talk to the controller of this folder."""

    url: str
    operator_token: str
    tenant: str
    tenant_token: str


@dataclass(frozen=True, slots=True)
class Home:
    """A claimed folder, readable by its owner only."""

    path: Path

    @property
    def store(self) -> Path:
        """The controller's database."""
        return self.path / "highroad.db"

    @property
    def twin(self) -> Path:
        """The twin's own memory."""
        return self.path / "twin.db"

    def credentials(self) -> Credentials | None:
        """Those of the last start, if there are any that can be read."""
        try:
            known = json.loads((self.path / CREDENTIALS).read_text())
            return Credentials(**{name: str(known[name]) for name in Credentials.__dataclass_fields__})
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, credentials: Credentials) -> None:
        """Write the credentials in one step, for the owner's eyes only."""
        draft = self.path / f".{CREDENTIALS}.new"
        text = json.dumps({name: getattr(credentials, name) for name in Credentials.__dataclass_fields__}, indent=2)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text + "\n")
            file.flush()
            os.fsync(file.fileno())
        draft.replace(self.path / CREDENTIALS)


@contextmanager
def claim(path: Path | None) -> Iterator[Home]:
    """The folder, for as long as the context lasts. Raises Conflict where another process has it, or Unavailable."""
    at = (path or home_dir()).expanduser().resolve()
    try:
        at.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = os.open(at / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise Unavailable(f"{at} cannot be used: {error.strerror}") from error
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Conflict(
                f"another highroad is up on {at}: stop it, or give this one a folder of its own with --home"
            ) from None
        yield Home(at)
    finally:
        os.close(lock)
