"""What the fabric remembers beside its routers: where its counters stand, so that a restart of either goes on counting.

Routers count from when they began (their epoch); a total that only climbs is kept here. The file is replaced as a whole
every few seconds: after kill -9 the routers' own counters close the gap, unless they too began anew in between.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import msgspec

from highroad.errors import Finding, Invalid, Unavailable

VERSION = 1


class Climb(msgspec.Struct):
    """A total that never falls, of readings that begin anew with each epoch."""

    base: float = 0.0
    epoch: str = ""
    last: float = 0.0

    @property
    def total(self) -> float:
        """All that was read so far."""
        return self.base + self.last

    def read(self, epoch: str, value: float) -> float:
        """Take a reading, and return the total with it."""
        if epoch != self.epoch or value < self.last:
            self.base += self.last
            self.epoch = epoch
        self.last = value
        return self.total


class Dark(msgspec.Struct):
    """For how long a service was dark, and since when it is, if it is."""

    total_s: float = 0.0
    since_s: float | None = None

    def at(self, now_s: float) -> float:
        """Its dark time up to now."""
        return self.total_s + (0.0 if self.since_s is None else max(0.0, now_s - self.since_s))


class Kept(msgspec.Struct):
    """All of it. Services by id; a service's counters by what and where they count."""

    version: int = VERSION
    services: dict[str, dict[str, Climb]] = {}
    lost: dict[str, float] = {}
    dark: dict[str, Dark] = {}
    links: dict[str, Climb] = {}


class Memory:
    """The file, or nothing on disk for the path None. Raises Invalid for a file that is not one of these."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self.kept = Kept()
        if path is None:
            return
        try:
            self.kept = msgspec.json.decode(path.read_bytes(), type=Kept)
        except FileNotFoundError:
            return
        except OSError as error:
            raise Unavailable(f"{path} cannot be read: {error.strerror}") from error
        except msgspec.MsgspecError as error:
            raise self._not_ours(str(error)) from error
        if self.kept.version != VERSION:
            raise self._not_ours(f"it has version {self.kept.version}, and this program reads version {VERSION}")

    def forget(self, services: Iterable[str]) -> None:
        """Services that ended: their counters end with them."""
        for service in services:
            self.kept.services.pop(service, None)
            self.kept.lost.pop(service, None)
            self.kept.dark.pop(service, None)

    def write(self) -> None:
        """Replace the file. Raises Unavailable."""
        if self._path is None:
            return
        beside = self._path.with_suffix(".new")
        try:
            beside.write_bytes(msgspec.json.encode(self.kept))
            beside.replace(self._path)
        except OSError as error:
            raise Unavailable(f"{self._path} cannot be written: {error.strerror}") from error

    def _not_ours(self, why: str) -> Invalid:
        return Invalid([Finding(code="memory", place=str(self._path), message=f"no memory of a fabric: {why}")])
