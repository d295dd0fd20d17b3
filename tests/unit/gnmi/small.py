"""A router that is only a tree in memory, its authority, and both ends of a connection to it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path as File
from typing import Any

from highroad.errors import HighroadError, NotFound
from highroad.gnmi.client import Election, GnmiClient
from highroad.gnmi.edit import changed, resulting
from highroad.gnmi.hub import Hub, HubWatch
from highroad.gnmi.path import Path
from highroad.gnmi.router import (
    Addresses,
    Attachment,
    CandidatePath,
    Intended,
    Policy,
    SegmentList,
    intended_to_json,
)
from highroad.gnmi.schema import MODELS, check_path
from highroad.gnmi.server import Action, GnmiServer
from highroad.gnmi.target import Edit, Kind, Model, Notification
from highroad.gnmi.tree import find
from highroad.model.service import ServiceKind, TrafficClass
from highroad.pki.peer import Credentials, Role
from highroad.pki.store import Pki

NAME = "denver"


def run(work: Coroutine[Any, Any, None]) -> None:
    """Do it in an event loop of its own, for ten seconds at the most."""
    asyncio.run(asyncio.wait_for(work, 20.0))


def attachment(name: str = "a-1", **changes: Any) -> Attachment:
    """An attachment of ACME's in Denver."""
    values: dict[str, Any] = {
        "id": name,
        "port": "acme-denver",
        "tenant": "acme",
        "kind": ServiceKind.IP,
        "function": 0xF000,
        "mtu_bytes": 9000,
        "addresses": Addresses(pe4="100.64.0.0", ce4="100.64.0.1", pe6="fd64:7:1::", ce6="fd64:7:1::1"),
        "interface": "acme0",
        "prefixes": ("10.1.0.0/16", "2001:db8:1::/48"),
    }
    return Attachment(**{**values, **changes})


def policy(service: str = "s-1", **changes: Any) -> Policy:
    """A policy with two lists of one candidate path, the first of which takes the same function twice."""
    values: dict[str, Any] = {
        "service": service,
        "attachment": "a-1",
        "traffic_class": TrafficClass.ASSURED,
        "guaranteed_kbps": 10_000_000,
        "ceiling_kbps": 20_000_000,
        "mtu_bytes": 9000,
        "remote_node": 9,
        "remote_function": 0xF002,
        "prefixes": ("10.2.0.0/16",),
        "candidate_paths": (
            CandidatePath(
                preference=100,
                segment_lists=(
                    SegmentList(links=("denver>boise", "boise>seattle"), functions=(0xE000, 0xE000), weight=3),
                    SegmentList(links=("denver>omaha",), functions=(0xE001,)),
                ),
            ),
        ),
    }
    return Policy(**{**values, **changes})


def intended(attachments: Sequence[Attachment] = (), policies: Sequence[Policy] = ()) -> Intended:
    """What a router is told, of these."""
    return Intended(attachments={one.id: one for one in attachments}, policies={one.service: one for one in policies})


STATE: Mapping[str, Any] = {
    "site": "denver",
    "node-id": 7,
    "sid-block": "fc00::/32",
    "rate-scale": "0.001",
    "software-version": "0.1.0",
    "counter-epoch": "3",
    "election-id": "5",
    "core-port": [
        {
            "interface": name,
            "link": f"denver>{far}",
            "neighbour": "fd00::2",
            "function": function,
            "oper-status": "UP",
            "mtu": 9600,
            "capacity-kbps": "400000000",
            "counters": {"in-octets": "1", "in-pkts": "1", "out-octets": "2", "out-pkts": "2"},
            "class": [{"name": "bulk", "counters": {"octets": "2", "pkts": "1", "discarded-pkts": "0"}}],
        }
        for name, far, function in (("to-boise", "boise", 0xE000), ("to-omaha", "omaha", 0xE001))
    ],
    "attachment": [
        {
            "id": "a-1",
            "interface": "acme0",
            "oper-status": "UP",
            "counters": {"received-octets": "9", "received-pkts": "1", "delivered-octets": "0", "refused-pkts": "0"},
        }
    ],
    "policy": [
        {
            "service": "s-1",
            "oper-status": "UP",
            "active-preference": 100,
            "counters": {"offered-octets": "9", "offered-pkts": "1", "carried-octets": "9", "lost-pkts": "0"},
            "segment-list": [{"index": 0, "counters": {"carried-octets": "9", "carried-pkts": "1"}}],
        }
    ],
    "sid": [{"sid": "fc00:0:e000::/48", "behaviour": "uA", "counters": {"octets": "1", "pkts": "1", "errors": "0"}}],
}


@dataclass
class Shelf:
    """A target in memory."""

    told: Intended = field(default_factory=Intended)
    state: dict[str, Any] = field(default_factory=lambda: deepcopy(dict(STATE)))
    elections: dict[str, int] = field(default_factory=dict)
    models: Sequence[Model] = MODELS
    hub: Hub = field(default_factory=Hub)
    writes: list[Sequence[Edit]] = field(default_factory=list)
    slow_s: float = 0.0
    broken: HighroadError | None = None
    heard: asyncio.Event = field(default_factory=asyncio.Event)

    async def elected(self, role: str, election_id: int) -> None:
        self.elections[role] = election_id
        self.heard.set()

    async def read(self, path: Path, kind: Kind) -> Sequence[tuple[Path, Any]]:
        check_path(path)
        router: dict[str, Any] = {} if kind in (Kind.STATE, Kind.OPERATIONAL) else intended_to_json(self.told)
        if kind is not Kind.CONFIG:
            router["state"] = self.state
        found = find({"highroad-router:router": router}, path)
        if not found and not path.wild:
            raise NotFound(f"there is nothing at {path}")
        return found

    async def write(self, edits: Sequence[Edit]) -> None:
        after = resulting(self.told, edits)
        if self.broken is not None:
            raise self.broken
        await asyncio.sleep(self.slow_s)
        before, self.told = self.told, after
        self.writes.append(edits)
        told = list(changed(before, after))
        self.hub.publish(
            Notification(
                timestamp_ns=time.time_ns(),
                updates=tuple((path, value) for path, value in told if value is not None),
                deletes=tuple(path for path, value in told if value is None),
            )
        )

    def watch(self, paths: Sequence[Path]) -> HubWatch:
        return self.hub.watch(paths)

    def tell(self, path: str, value: Any) -> None:
        """As if something had happened on the router."""
        from highroad.gnmi.path import parse

        self.hub.publish(Notification(timestamp_ns=time.time_ns(), updates=((parse(path), value),)))


@dataclass(frozen=True, kw_only=True)
class Ends:
    """A router that serves, its authority, and a controller that is connected to it."""

    target: Shelf
    server: GnmiServer
    client: GnmiClient
    pki: Pki
    socket: str
    tcp: str
    router: Credentials
    controller: Credentials

    def another(self, credentials: Credentials | None = None, **options: Any) -> GnmiClient:
        """A client beside the first."""
        options = {"timeout_s": 5.0, **options}
        return GnmiClient(self.socket, NAME, credentials or self.controller, **options)


@asynccontextmanager
async def connected(
    folder: File, target: Shelf | None = None, *, actions: Mapping[str, Action] | None = None, **options: Any
) -> AsyncIterator[Ends]:
    """Both ends, on a unix socket and on TCP, closed at the end."""
    target = Shelf() if target is None else target
    pki = Pki.create(folder / "pki", at_s=time.time())
    router = pki.issue(NAME, Role.AGENT, addresses=("127.0.0.1",), at_s=time.time())
    controller = pki.issue("controller", Role.CONTROLLER, at_s=time.time())
    server = GnmiServer(target, router, [f"unix:{folder}/router.sock", "127.0.0.1:0"], actions=actions, **options)
    socket, tcp = await server.start()
    client = GnmiClient(socket, NAME, controller, election=Election(id=5), timeout_s=5.0)
    try:
        yield Ends(
            target=target,
            server=server,
            client=client,
            pki=pki,
            socket=socket,
            tcp=tcp,
            router=router,
            controller=controller,
        )
    finally:
        await client.close()
        await server.stop()
