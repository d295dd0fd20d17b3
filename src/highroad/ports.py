"""What the control loop needs of the world, as Protocols: a clock, a store, a fabric.

Adapters implement them (`storage`, `fabric.twin`, later `fabric.linux`); `main` picks which; tests hold every
implementation to one contract suite.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from highroad.model.freeze import Freeze
from highroad.model.incident import Incident, Maintenance
from highroad.model.network import FibreId, LinkId, Network, SiteId
from highroad.model.policy import Policy
from highroad.model.service import Port, PortId, Service, ServiceId, ServiceKind, Tenant

T = TypeVar("T")


class Clock(Protocol):
    """Where time comes from: real, or virtual in tests and what-ifs."""

    def now_s(self) -> float:
        """UTC seconds since 1970."""

    async def sleep(self, duration_s: float) -> None:
        """Wait, in this clock's time."""


class Executor(Protocol):
    """Where blocking work goes, so that the event loop goes on: a thread, or, in virtual time, nowhere."""

    async def __call__(self, work: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
        """Do the work and return what it returns."""


# --- fabric -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Install:
    """Carry a service that the fabric does not carry yet."""

    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Replace:
    """Carry a service by another policy, make-before-break: nothing in flight is lost on links that are up."""

    policy: Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdraw:
    """Stop carrying a service."""

    service: ServiceId


Change = Install | Replace | Withdraw


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What the fabric says of itself: the policies that routers hold, and the fibres known to be dark.

    `down_since_s` is when the fabric noticed that a fibre went dark.
    """

    policies: Mapping[ServiceId, Policy]
    down_since_s: Mapping[FibreId, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCounters:
    """Of one service, both directions together, since it was installed; they survive changes of its policy.

    `dark_s` is the time in which it offered traffic and, for want of light or of a path, nothing at all arrived in
    one direction or the other. A withdrawal ends the counters.
    Rates and latencies are now; `there` and `back` are its two directions.
    """

    offered_bytes: float
    carried_bytes: float
    lost_bytes: float
    dark_s: float
    offered_gbps: float
    carried_gbps_there: float
    carried_gbps_back: float
    latency_ms_there: float
    latency_ms_back: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkCounters:
    """Of one link: what it has carried, what it carries now, and whether light gets through."""

    carried_bytes: float
    carried_gbps: float
    up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One reading of every counter, all at the same instant."""

    at_s: float
    services: Mapping[ServiceId, ServiceCounters]
    links: Mapping[LinkId, LinkCounters]


class Fabric(Protocol):
    """What carries traffic. Every method is idempotent; what it was told survives the controller."""

    @property
    def rate_scale(self) -> float:
        """A modelled 1 Gbit/s is carried as so many Gbit/s; every rate that a fabric reports is a modelled one."""

    async def read(self) -> Observed:
        """The state now, as routers report it."""

    async def apply(self, changes: Sequence[Change]) -> Mapping[ServiceId, str]:
        """Make the changes, in order, and answer when routers have confirmed them.

        Returns what could not be done: a reason in words for each service; the others are done. Of many changes the
        last may be left alone, because something changed by itself meanwhile or it took long: read again.
        """

    async def sample(self) -> Sample:
        """Every counter now."""

    def changes(self) -> AsyncIterator[None]:
        """Yields when something may have changed by itself (a fibre was seen to fail or to return): read again."""

    async def adopt(self, network: Network) -> None:
        """Use another network from now on; policies over links that it lacks carry nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """One packet of a ping: `rtt_ms` from one end of a service to the other and back, None where no answer came."""

    sequence: int
    rtt_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One router on the way: `link` leads to it. `rtt_ms` is from the headend along the service's path to it, and
    back by the routers' own shortest way; None where no answer came.
    """

    site: SiteId
    link: LinkId
    rtt_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """The routers that a service's traffic passes after its headend, in order, each way."""

    there: Sequence[Hop]
    back: Sequence[Hop]


class Prober(Protocol):
    """Measures a service with packets of its own; a model answers from what it models."""

    async def ping(self, service: ServiceId, *, count: int, interval_ms: float, size_bytes: int) -> Sequence[Echo]:
        """So many packets along its path there, answered along its path back. Raises NotFound, Unavailable."""

    async def trace(self, service: ServiceId) -> Trace:
        """Every router on its way. Raises NotFound, Unavailable."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CutState:
    """A fibre that was cut on purpose; silently: light stays on, and nothing arrives."""

    since_s: float
    silent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterState:
    """One router of a lab: since when it is killed, None while it runs; `note` is what else there is to say."""

    site: SiteId
    killed_s: float | None = None
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabStatus:
    """What a lab is made of, and what is broken in it. `hosts` is the network namespace of the host behind each
    customer's port, where hosts are more than a model.
    """

    routers: Sequence[RouterState]
    cuts: Mapping[FibreId, CutState]
    hosts: Mapping[PortId, str] = field(default_factory=dict)


class Lab(Protocol):
    """What a fabric offers besides when it is a lab: breaking things on purpose."""

    async def cut(self, fibre: FibreId, *, silent: bool = False) -> None:
        """Cut a fibre; the fabric notices by itself. Silently: no loss of light. Idempotent. Raises NotFound."""

    async def uncut(self, fibre: FibreId) -> None:
        """Splice it. Idempotent. Raises NotFound."""

    async def cuts(self) -> Mapping[FibreId, float]:
        """What was cut, noticed or not, and since when (UTC seconds)."""

    async def kill_router(self, site: SiteId) -> None:
        """End a router at once: nothing passes it, every fibre there goes dark. Idempotent. Raises NotFound."""

    async def revive_router(self, site: SiteId) -> None:
        """Start it again. Idempotent. Raises NotFound."""

    async def status(self) -> LabStatus:
        """Its routers and what was broken, now."""

    async def offer(self, service: ServiceId, offered_gbps: float | None) -> None:
        """Let a service offer so much each way from now on; None for the lab's own traffic model."""

    async def plug(self, ports: Sequence[PortId]) -> None:
        """Have a customer's host behind every port, of which these are all: soon, and again in a lab built anew."""


# --- panel --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """One end of a service in a lab: what is to lie between a router and the host of a customer's port.

    `interface` is the router's end, whose name the fabric chooses; `pe4`, `ce4` (a /31) and `pe6`, `ce6` (a /127) are
    the addresses of the two ends. The host answers for `prefixes`, and reaches `remote` by way of the router.
    """

    attachment: str
    service: ServiceId
    port: PortId
    site: SiteId
    kind: ServiceKind
    interface: str
    mtu_bytes: int
    pe4: str
    ce4: str
    pe6: str
    ce6: str
    prefixes: tuple[str, ...] = ()
    remote: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """A service whose hosts may send from now on: the lab's traffic model lives between these modelled rates.

    `a` and `b` are the attachments at its two ends; `there` is from `a` to `b`.
    """

    service: ServiceId
    a: str
    b: str
    guaranteed_gbps: float
    ceiling_gbps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow:
    """What a service's hosts sent each other in a lab, and what became of it: both directions, since its first `Load`.

    Modelled rates and bytes of customer packets. `offered_gbps` is what the hosts are set to send now, `lost_bytes`
    what is known not to have arrived. `dark_s` is the time in which they sent and nothing at all arrived in one
    direction or the other, to now if it is dark now. A latency is None until it was measured.
    """

    offered_gbps: float
    lost_bytes: float
    dark_s: float
    latency_ms_there: float | None
    latency_ms_back: float | None


class Panel(Protocol):
    """What a lab does for the fabric that is made of its routers. Everything is idempotent, and outlives the caller."""

    @property
    def rate_scale(self) -> float:
        """A modelled 1 Gbit/s is carried as so many Gbit/s."""

    async def plug(self, ports: Sequence[PortId]) -> None:
        """Have a host behind each of these ports; those that are there stay as they are."""

    async def attach(self, wires: Sequence[Wire]) -> Mapping[str, str]:
        """Lay wires; those that lie stay as they are. Returns a reason in words for each attachment that has none."""

    async def detach(self, attachments: Sequence[str]) -> None:
        """Take wires away, with the traffic over them; those that are not there are no matter."""

    async def wired(self) -> frozenset[str]:
        """The attachments whose wires lie."""

    async def carry(self, loads: Sequence[Load]) -> None:
        """Let hosts send, or change between what rates; a service stops with the first of its wires."""

    async def offer(self, service: ServiceId, offered_gbps: float | None) -> None:
        """Let a service offer so much each way, once it is carried; None for the lab's own traffic model."""

    async def flows(self) -> Mapping[ServiceId, Flow]:
        """What hosts sent and got, now."""

    async def ping(self, service: ServiceId, *, count: int, interval_ms: float, size_bytes: int) -> Sequence[Echo]:
        """ICMP echoes from the host at `a` to the one at `b`. Raises NotFound, Unavailable."""

    async def cut(self, fibre: FibreId, *, silent: bool = False) -> None:
        """Cut a fibre. Raises NotFound."""

    async def uncut(self, fibre: FibreId) -> None:
        """Splice it. Raises NotFound."""

    async def cuts(self) -> Mapping[FibreId, CutState]:
        """What was cut, and since when."""

    async def kill_router(self, site: SiteId) -> None:
        """End a router at once. Raises NotFound."""

    async def revive_router(self, site: SiteId) -> None:
        """Start it again. Raises NotFound."""

    async def status(self) -> LabStatus:
        """Its routers and what was broken, now."""


# --- store --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """Something that happened, for ever. `sequence` is its place in the one order; the store gives it.

    `tenant` None means that only operators may see it. `kind` is the CloudEvents type, e.g.
    `highroad.service.activated`.
    """

    kind: str
    subject: str
    at_s: float
    tenant: str | None
    data: Mapping[str, Any]
    sequence: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """A bearer token, of which only a hash is kept. `tenant` None is an operator's."""

    id: str
    hash: str
    tenant: str | None
    label: str
    created_s: float
    revoked_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What was answered to a request with an Idempotency-Key: repeated when the key comes again.

    `scope` is who asked; `digest` is of the request, so that another one under the same key is caught.
    """

    scope: str
    key: str
    digest: str
    at_s: float
    outcome: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    """What is written together: all of it or none of it."""

    network: Network | None = None
    tenants: Sequence[Tenant] = ()
    ports: Sequence[Port] = ()
    services: Sequence[Service] = ()
    incidents: Sequence[Incident] = ()
    maintenances: Sequence[Maintenance] = ()
    freezes: Sequence[Freeze] = ()
    tokens: Sequence[TokenRecord] = ()
    answers: Sequence[Answer] = ()
    events: Sequence[EventRecord] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Everything that the controller keeps in memory, as the store has it."""

    network: Network | None
    network_revision: int
    tenants: Sequence[Tenant] = ()
    ports: Sequence[Port] = ()
    services: Sequence[Service] = ()
    incidents: Sequence[Incident] = ()
    maintenances: Sequence[Maintenance] = ()
    freeze: Freeze | None = None
    """The one in force."""
    tokens: Sequence[TokenRecord] = ()
    last_sequence: int = 0


class Store(Protocol):
    """Where what was acknowledged is kept. Blocking: the loop calls it in a thread of its own."""

    def commit(self, commit: Commit) -> Sequence[EventRecord]:
        """Write all of it durably, or raise Unavailable and write none. Returns the events, numbered."""

    def load(self) -> Snapshot:
        """Everything that the controller starts from. Services that ended stay in the store."""

    def answer(self, scope: str, key: str) -> Answer | None:
        """What was answered under an Idempotency-Key, if anything."""

    def events(
        self, *, after: int, limit: int, tenant: str | None = None, operator: bool = False
    ) -> Sequence[EventRecord]:
        """Events after a sequence number, in order: a tenant's own, or all for an operator."""

    def service(self, service_id: str) -> Service | None:
        """One service, live or ended."""

    def services(self, *, tenant: str | None, after: str | None, limit: int) -> Sequence[Service]:
        """Services, live and ended, by id."""

    def raise_epoch(self) -> int:
        """One more than it has ever returned, durably: a start of a controller takes one, and routers refuse older."""

    def close(self) -> None:
        """Let go of the file or the connections."""
