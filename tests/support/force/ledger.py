"""What clients asked for and what they were told, kept by themselves: a line is on disk before it counts."""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Known:
    """What is known for certain of one service that was acknowledged, and what may be.

    `rates` are those that it may have: the one that was acknowledged last, and those of changes whose answer nobody
    heard. `given_back` and `confirmed` are None where the answer was not heard.
    """

    key: str
    rates: set[float]
    passing: bool
    """Whether it ends by itself, by its window or as a hold."""
    hold: bool = False
    given_back: bool | None = False
    confirmed: bool | None = False


@dataclass(slots=True)
class Ledger:
    """A file of lines, and what follows from them. Several threads may write."""

    path: Path
    services: dict[str, Known] = field(default_factory=dict)
    open_keys: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Orders whose answer nobody has heard yet, by key: they are sent again."""
    refused_keys: set[str] = field(default_factory=set)
    seen: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Events that were streamed: kind and subject by sequence."""
    faults: list[str] = field(default_factory=list)
    """What a client saw that must not be."""
    counts: dict[str, int] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def asks(self, key: str, body: dict[str, Any]) -> None:
        """An order is about to be sent."""
        with self._lock:
            self._line("asks", key=key, body=body)
            self.open_keys[key] = body

    def ordered(self, key: str, service: dict[str, Any]) -> None:
        """An order was acknowledged."""
        with self._lock:
            self._line("ordered", key=key, service=service["id"], rate=service["bandwidth_gbps"])
            body = self.open_keys.pop(key, {})
            known = self.services.get(service["id"])
            if known is not None:
                self._fault(f"{service['id']} was made for {known.key}, and again for {key}")
                return
            asked = body.get("bandwidth_gbps")
            if asked != service["bandwidth_gbps"]:
                self._fault(f"{key} asked for {asked} and got {service['bandwidth_gbps']}")
            hold = "hold_s" in body
            self.services[service["id"]] = Known(
                key=key, rates={service["bandwidth_gbps"]}, passing=hold or "windows" in body, hold=hold
            )

    def refused(self, key: str) -> None:
        """An order was answered with a no: nothing was made."""
        with self._lock:
            self._line("refused", key=key)
            self.open_keys.pop(key, None)
            self.refused_keys.add(key)

    def changes(self, service: str, rate: float) -> None:
        """A change is about to be sent."""
        with self._lock:
            self._line("changes", service=service, rate=rate)
            self.services[service].rates.add(rate)

    def changed(self, service: str, rate: float) -> None:
        """A change was acknowledged."""
        with self._lock:
            self._line("changed", service=service, rate=rate)
            self.services[service].rates = {rate}

    def unchanged(self, service: str, rates: set[float]) -> None:
        """A change was refused: it is as it was."""
        with self._lock:
            self._line("unchanged", service=service)
            self.services[service].rates = rates

    def gives_back(self, service: str) -> None:
        """A release is about to be sent."""
        with self._lock:
            self._line("gives back", service=service)
            self.services[service].given_back = None

    def gave_back(self, service: str, done: bool) -> None:
        """A release was acknowledged, or refused."""
        with self._lock:
            self._line("gave back", service=service, done=done)
            self.services[service].given_back = done

    def confirms(self, service: str, done: bool | None) -> None:
        """A hold is about to be taken (None), was taken, or was not."""
        with self._lock:
            self._line("confirms", service=service, done=done)
            self.services[service].confirmed = done

    def streamed(self, sequence: int, kind: str, subject: str) -> None:
        """An event arrived on a stream that says what it has shown: nobody may hear it as another one."""
        with self._lock:
            before = self.seen.setdefault(sequence, (kind, subject))
            if before != (kind, subject):
                self._fault(f"event {sequence} was {before} once and is {(kind, subject)} now")

    def count(self, what: str, how_many: int = 1) -> None:
        """For the table."""
        with self._lock:
            self.counts[what] = self.counts.get(what, 0) + how_many

    def fault(self, text: str) -> None:
        """A client saw what must not be."""
        with self._lock:
            self._fault(text)

    def _fault(self, text: str) -> None:
        self.faults.append(text)

    def _line(self, what: str, **facts: Any) -> None:
        with self.path.open("a") as file:
            file.write(json.dumps({"what": what, **facts}) + "\n")
            file.flush()
            os.fsync(file.fileno())
