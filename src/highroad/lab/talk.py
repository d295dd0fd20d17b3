"""How a lab's daemon is talked to: one line of JSON asks, one line answers. What travels is the values of `ports`."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from pathlib import Path

import msgspec

from highroad.errors import Conflict, HighroadError, Invalid, NotFound, Unavailable
from highroad.model.network import FibreId, RiskGroupId, SiteId
from highroad.model.service import PortId, ServiceId
from highroad.ports import CutState

LONGEST = 64 << 20
"""Bytes of one line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a lab is to be: what 1 Gbit/s is carried as, whether links are as long as their fibre, what they lose.

    `entry` is what an agent runs, as `package.module:function`; None for a lab whose routers nobody drives.
    """

    rate_scale: float = 0.0001
    delay: bool = True
    loss: float = 0.0
    entry: str | None = None
    igp: str = "bird"
    pki: str | None = None
    """The directory of the authority that issues certificates; one of its own by default."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterInfo:
    """One router: where its agent answers and under which name, its node number, and how its agent is."""

    site: SiteId
    name: str
    address: str
    node: int
    namespace: str
    pid: int | None
    restarts: int
    memory_mb: float | None
    """What the agent's process has for itself, and its part of what it shares."""
    cpu_s: float | None
    killed_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Info:
    """A lab as it is. `instance` is another each time it was built anew: then nothing is attached any more."""

    instance: str
    network: str
    rate_scale: float
    delay: bool
    note: str
    routers: list[RouterInfo]
    hosts: dict[PortId, str]
    """The namespace of each port's host."""
    cuts: dict[FibreId, CutState]
    groups: dict[RiskGroupId, CutState]
    processes: dict[str, int]
    memory_mb: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CutAsked:
    """A fibre to cut."""

    fibre: str
    silent: bool = False
    towards: SiteId | None = None
    loss: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupAsked:
    """A risk group to cut."""

    group: str
    silent: bool = False
    loss: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferAsked:
    """What a service is to offer each way; None for the lab's own model."""

    service: ServiceId
    offered_gbps: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PingAsked:
    """So many echoes, so far apart, of packets of so many bytes."""

    service: ServiceId
    count: int
    interval_ms: float
    size_bytes: int


class Request(msgspec.Struct, frozen=True):
    """One line that asks."""

    do: str
    about: msgspec.Raw = msgspec.Raw(b"null")


class Answer(msgspec.Struct, frozen=True):
    """One line that answers: what was asked for, or why not."""

    value: msgspec.Raw = msgspec.Raw(b"null")
    code: str = ""
    message: str = ""


_ERRORS: dict[str, type[HighroadError]] = {kind.code: kind for kind in (Conflict, NotFound, Unavailable)}


def answers(path: Path | str) -> bool:
    """Whether somebody listens on a unix socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as asked:
        try:
            asked.connect(str(path))
        except OSError:
            return False
        return True


def refusal(error: HighroadError) -> Answer:
    """An error as an answer."""
    code = Unavailable.code if isinstance(error, Invalid) or error.code not in _ERRORS else error.code
    return Answer(code=code, message=error.message)


def raised(answer: Answer) -> HighroadError:
    """An answer that is an error, as that error."""
    return _ERRORS.get(answer.code, Unavailable)(answer.message)
