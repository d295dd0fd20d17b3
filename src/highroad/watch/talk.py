"""What the agent and the watcher say to each other: a line of JSON each, over a socket that is named after a folder.

The agent says how to watch and what to repair with; the watcher says how each port is, at once when that changes. The
name is one of the router's network namespace and of nobody else (an abstract unix socket): it is there as long as the
watcher is, so that there is one of them, and it is found.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from hashlib import blake2b
from pathlib import Path
from typing import Any

from highroad.netlink.message import packed, printed

LENT = os.SCHED_FIFO | os.SCHED_RESET_ON_FORK
"""How the agent's thread is scheduled from when the watcher tells it of what its paths cross until it has flipped them:
before all that shares processors fairly, as the watcher is itself.
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """Where packets for a protected link go while it is down: those for `alias` (a host's address in the table of hops)
    by the nexthop object with this id, which is there.
    """

    alias: str
    nexthop: int

    def __post_init__(self) -> None:
        # In the kernel's spelling, whatever ours is.
        object.__setattr__(self, "alias", printed(packed(self.alias)))


Backups = Mapping[str, tuple[Backup, ...]]
"""By the core port's interface: what is to be repaired when its link is down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortConfig:
    """A core port. `key` is the link's, empty where there is none; what arrives counts `light_ms` later, and news
    `news_ms`. `link` is what leaves by it, as others know it.
    """

    interface: str
    key: bytes = field(default=b"", repr=False)
    light_ms: float = 0.0
    news_ms: float = 0.0
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchConfig:
    """How to watch: a hello each interval, so many missed are a cut, so great a loss is as good as one; a link that is
    good again for `hold_up_s` is up, for twice as long with each flap, up to `hold_up_most_s`. `table` and `metric` are
    those of the routes that repair.
    """

    ports: tuple[PortConfig, ...]
    table: int
    interval_ms: float = 5.0
    missed: int = 3
    loss: float = 0.1
    loss_window_ms: float = 500.0
    hold_up_s: float = 1.0
    hold_up_most_s: float = 60.0
    metric: int = 50


class Reason(StrEnum):
    """Why a link is down."""

    LIGHT = "light"
    """The port has lost carrier."""
    SILENT = "silent"
    """Nothing comes, or nothing that we say is answered."""
    ONE_WAY = "one-way"
    """The neighbour is heard, and does not hear us."""
    LOSS = "loss"
    """Too much of what we send is lost."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortReport:
    """How a port is; times are of the host's clock, in ns since 1970. `watched` is whether the neighbour answers
    hellos: where it does not, only light is known. `loss` is the share of hellos that are lost on their way out.
    """

    interface: str
    up: bool
    watched: bool
    since_ns: int
    reason: Reason | None = None
    repaired_ns: int | None = None
    loss: float = 0.0


def config_to_json(config: WatchConfig) -> dict[str, Any]:
    """A configuration as it is said and kept."""
    told = {one.name: getattr(config, one.name) for one in fields(config) if one.name != "ports"}
    ports = [asdict(one) | {"key": one.key.hex()} for one in config.ports]
    return {**told, "ports": ports}


def config_from_json(told: Mapping[str, Any]) -> WatchConfig:
    """What `config_to_json` made. Raises KeyError, TypeError, ValueError for anything else."""
    ports = tuple(PortConfig(**{**one, "key": bytes.fromhex(one["key"])}) for one in told["ports"])
    return WatchConfig(**{**told, "ports": ports})


def backups_to_json(backups: Backups) -> dict[str, list[list[Any]]]:
    """By interface, pairs of an alias and a nexthop."""
    return {name: [[one.alias, one.nexthop] for one in some] for name, some in backups.items()}


def backups_from_json(told: Mapping[str, Any]) -> Backups:
    """What `backups_to_json` made. Raises TypeError, ValueError for anything else."""
    return {
        name: tuple(Backup(alias=str(alias), nexthop=int(nexthop)) for alias, nexthop in some)
        for name, some in told.items()
    }


def report_to_json(report: PortReport) -> dict[str, Any]:
    """How a port is, as it is said."""
    return asdict(report)


def report_from_json(told: Mapping[str, Any]) -> PortReport:
    """What `report_to_json` made. Raises KeyError, TypeError, ValueError for anything else."""
    reason = told["reason"]
    return PortReport(**{**told, "reason": None if reason is None else Reason(reason)})


def name_of(state: Path) -> str:
    """The name of the socket of the watcher that keeps its memory in this folder."""
    return "\0highroad-watch-" + blake2b(bytes(state.absolute()), digest_size=12).hexdigest()


def is_ours(line: socket.socket) -> bool:
    """Whether who is at the other end is root, or who we are."""
    return _peer(line)[1] in (0, os.geteuid())


def pid_of(line: socket.socket) -> int:
    """Who is at the other end: the process that called."""
    return _peer(line)[0]


def _peer(line: socket.socket) -> tuple[int, int]:
    pid, uid, _ = struct.unpack("=iII", line.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return pid, uid


def give_back(pid: int = 0) -> None:
    """Run as usual from now on, if the watcher had this thread run in real time."""
    with suppress(OSError):
        if os.sched_getscheduler(pid) == LENT:
            os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))
