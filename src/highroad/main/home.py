"""The folder of one controller: its store and its fabric's memory, for one process at a time."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from highroad.client.home import home_dir
from highroad.errors import Conflict, Unavailable


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

    @property
    def routers(self) -> Path:
        """What the fabric of routers remembers beside them."""
        return self.path / "routers.json"

    @property
    def webhook_key(self) -> Path:
        """What secrets of webhooks are sealed with."""
        return self.path / "webhook.key"

    @property
    def session_key(self) -> Path:
        """What cookies of the page's sessions are sealed with."""
        return self.path / "session.key"

    @property
    def signed_out(self) -> Path:
        """Which of those cookies were signed out, as digests."""
        return self.path / "session.signed-out"

    @property
    def proof_key(self) -> Path:
        """What proofs are signed with."""
        return self.path / "proof.key"

    @property
    def telemetry(self) -> Path:
        """Where figures over time are kept."""
        return self.path / "telemetry"

    @property
    def lab(self) -> Path:
        """The folder of the lab."""
        return self.path / "lab"

    @property
    def our_lab(self) -> str | None:
        """Which lab we started, however that start ended."""
        try:
            return (self.path / "lab-started").read_text(encoding="utf-8").strip()
        except OSError:
            return None

    def keep_lab(self, instance: str) -> None:
        """Remember that we started this lab."""
        (self.path / "lab-started").write_text(f"{instance}\n", encoding="utf-8")

    @property
    def fabric(self) -> str | None:
        """The fabric that the store began with, `linux` or `twin`; None in a new home."""
        try:
            return (self.path / "fabric").read_text(encoding="utf-8").strip()
        except OSError:
            return "twin" if self.twin.exists() else None

    def keep_fabric(self, name: str) -> None:
        """Remember the fabric."""
        (self.path / "fabric").write_text(f"{name}\n", encoding="utf-8")


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
