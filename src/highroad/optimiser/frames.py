"""What goes between the controller and the process that computes for it: pickled values, from us to us."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from highroad.model.network import Network
from highroad.model.service import Service, ServiceId
from highroad.planning.calendar import Claim, Standby
from highroad.planning.closure import Closure
from highroad.planning.replan import Asked
from highroad.planning.solve.answer import Limits

Kept = tuple[tuple[Claim, ...], tuple[Standby, ...]]
"""What a holder keeps in the calendar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Some:
    """Services, and what holders keep, that are others than before: some of them."""

    services: tuple[Service, ...] = ()
    held: tuple[tuple[str, *Kept], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Replanned:
    """What is asked, but for what was told before: all services and holders are named, in their order. `network` is
    None where it is the one of before.
    """

    services: tuple[ServiceId, ...]
    held: tuple[str, ...]
    network: Network | None
    now_s: float
    avoid: frozenset[int]
    closures: tuple[Closure, ...]
    mended_s: float
    limits: Limits


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """A function of a module, and what of it is wanted."""

    work: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What came of it."""

    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """Nothing did, and why: a traceback."""

    said: str


def send(peer: Connection, frame: object) -> int:
    """Send a frame; how many bytes it is. Raises OSError."""
    packed = pickle.dumps(frame, pickle.HIGHEST_PROTOCOL)
    peer.send_bytes(packed)
    return len(packed)


def receive(peer: Connection) -> object:
    """The next frame. Raises EOFError when the other end is gone."""
    return pickle.loads(peer.recv_bytes())  # noqa: S301 - a pipe that only we have


class Known:
    """What a worker was told, and makes a whole of again."""

    def __init__(self) -> None:
        self._network: Network | None = None
        self._services: dict[ServiceId, Service] = {}
        self._held: dict[str, Kept] = {}

    def told(self, some: Some) -> None:
        """Something is new."""
        self._services.update((one.id, one) for one in some.services)
        self._held.update((holder, (claims, standbys)) for holder, claims, standbys in some.held)

    def asked(self, frame: Replanned) -> Asked:
        """What is asked, whole; what it does not name is forgotten."""
        self._network = frame.network or self._network
        if self._network is None:
            raise ValueError("no network was told")
        self._services = {name: self._services[name] for name in frame.services}
        self._held = {holder: self._held[holder] for holder in frame.held}
        return Asked(
            network=self._network,
            now_s=frame.now_s,
            services=tuple(self._services.values()),
            held=tuple((holder, *kept) for holder, kept in self._held.items()),
            avoid=frame.avoid,
            closures=frame.closures,
            mended_s=frame.mended_s,
        )
