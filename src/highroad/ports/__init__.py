"""What the control loop needs of the world, as Protocols: a clock, a store, a fabric.

Adapters implement them (`storage`, `fabric.twin`, later `fabric.linux`); `main` picks which; tests hold every
implementation to one contract suite.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from highroad.model.access import Grant, Role, default_role
from highroad.model.audit import Link, Row
from highroad.model.freeze import Freeze
from highroad.model.incident import Incident, Maintenance, Reason
from highroad.model.measurement import Measurement
from highroad.model.network import FibreId, LinkId, Network, SiteId
from highroad.model.policy import LocalRepair, Policy
from highroad.model.service import Port, Service, ServiceId, Tenant
from highroad.model.webhook import Attempt, Webhook
from highroad.ports.lab import CutState as CutState
from highroad.ports.lab import Lab as Lab
from highroad.ports.lab import LabStatus as LabStatus
from highroad.ports.lab import RouterState as RouterState
from highroad.ports.proofs import Proofs

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


class Tracer(Protocol):
    """Where it is told what took how long; nobody is told while no tracer is there."""

    def record(self, name: str, begun_s: float, ended_s: float, /, **facts: str | int) -> None:
        """Something that was done (UTC seconds), as a part of what goes on in the current context."""


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
class Down:
    """What routers say of a fibre that is dark: why, and which of them carry on around it by themselves since when."""

    reason: Reason = Reason.LIGHT
    repaired_s: Mapping[SiteId, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """What the fabric says of itself: the policies that routers hold, and the fibres known to be dark.

    `down_since_s` is when the fabric noticed that a fibre went dark; `why` says more of some of them. Where `since` is
    not None, `policies` are only those that are other than at that revision, and `gone` names the services that had one
    then. `flipped_s` is when the headends of a service that is not on its preferred path left it by themselves,
    by their own clocks; 0 where they do not know.
    """

    policies: Mapping[ServiceId, Policy]
    down_since_s: Mapping[FibreId, float]
    revision: int = field(default=0, compare=False)
    since: int | None = None
    gone: Collection[ServiceId] = ()
    why: Mapping[FibreId, Down] = field(default_factory=dict)
    flipped_s: Mapping[ServiceId, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCounters:
    """Of one service, both directions together, since it was installed; they survive changes of its policy.

    `dark_s` is the time in which it offered traffic and, for want of light or of a path, nothing at all arrived in
    one direction or the other. Where that is counted by packets, what is shorter than `unseen_s` is not seen. A
    withdrawal ends the counters.
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
    unseen_s: float = 0.0


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

    async def read(self, since: int | None = None) -> Observed:
        """The state now, as routers report it: all of it, or what is new since a revision that was read before.

        Whatever routers hold now that they did not hold then is new, whoever changed it. Where that is not known any
        more, all of it is read.
        """

    async def apply(self, changes: Sequence[Change]) -> Mapping[ServiceId, str]:
        """Make the changes, in order, and answer when routers have confirmed them.

        Returns what could not be done: a reason in words for each service; the others are done. Of many changes the
        last may be left alone, because something changed by itself meanwhile or it took long: read again.
        """

    async def protect(self, repairs: Collection[LocalRepair]) -> None:
        """Have these ways around links ready where the links begin, and no others: routers take them by themselves at
        the moment a link is lost. What policies go over is told to their headends. Where a router cannot be told now,
        it is told when this is called again; what was told already costs next to nothing.
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

    async def measurements(self, service: ServiceId) -> Sequence[Measurement]:
        """What was measured of a service within the last seconds, the oldest first. Raises NotFound, Unavailable."""


# --- store --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRecord:
    """Something that happened, for ever. `sequence` is its place in the one order, which operators see, and
    `tenant_sequence` its place among its tenant's own, which is all that a tenant learns; both are without gaps from 1,
    and the store gives them.

    `tenant` None means that only operators may see it. `kind` is the CloudEvents type, e.g.
    `highroad.service.activated`.
    """

    kind: str
    subject: str
    at_s: float
    tenant: str | None
    data: Mapping[str, Any]
    sequence: int = 0
    tenant_sequence: int = 0

    @property
    def id(self) -> str:
        """The same for whoever sees it and whenever; of a tenant's event it tells nothing of other tenants'."""
        return f"evt-{self.sequence}" if self.tenant is None else f"evt-{self.tenant}-{self.tenant_sequence}"

    def place(self, viewer: str | None) -> int:
        """Its place in the sequence that a tenant sees, or that operators see, for None."""
        return self.sequence if viewer is None else self.tenant_sequence


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRecord:
    """A bearer token, of which only a hash is kept.

    `role` None is that of a token from before there were roles; `scopes` None is everything that the role may do.
    `used_s` is when it was last used, to the hour or so. `issued_by` is the id of the token that issued it.
    """

    id: str
    hash: str
    tenant: str | None
    label: str
    created_s: float
    revoked_s: float | None = None
    role: Role | None = None
    scopes: tuple[str, ...] | None = None
    expires_s: float | None = None
    used_s: float | None = None
    issued_by: str | None = None

    @property
    def grant(self) -> Grant:
        """What it may do."""
        role = self.role or default_role(self.tenant)
        return Grant(role=role, tenant=self.tenant, scopes=self.scopes, expires_s=self.expires_s)


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
class Call:
    """A command that lies in the store for the leader: `left_s` is how long its asker waits yet, by the store's clock,
    as of when it was read.
    """

    id: int
    doc: bytes
    left_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a call was answered: with it in a commit the call is gone, and a commit is refused as a whole if a call that
    it answers is gone already.
    """

    call: int
    doc: bytes


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
    webhooks: Sequence[Webhook] = ()
    attempts: Sequence[Attempt] = ()
    events: Sequence[EventRecord] = ()
    audits: Sequence[Row] = ()
    """Who did it, and what else there is to be said of who asked: the store chains them."""
    replies: Sequence[Reply] = ()
    """To other processes, which asked through the store."""
    inputs: bytes = b""
    """What all this was decided from, as the flight recorder packs it."""


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
    webhooks: Sequence[Webhook] = ()
    last_sequence: int = 0
    commit_number: int = 0
    """Of the last commit that is in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitRecord:
    """One commit in the journal, but for what it wrote: `epoch` is of the controller that made it, and its events are
    those after `first_sequence` up to and with `last_sequence`.
    """

    number: int
    epoch: int
    at_s: float
    first_sequence: int
    last_sequence: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """Whose token of an identity provider it was, what they may do here, and until when (UTC seconds)."""

    subject: str
    grant: Grant
    until_s: float


class Identity(Protocol):
    """An identity provider, whose tokens are good here."""

    async def who(self, token: str) -> Identified:
        """Whose token it is. Raises Unauthenticated, Forbidden, and Unavailable where it cannot be checked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Errand:
    """Where a browser is sent to sign in, and what it has to bring back: the state in the open, the verifier kept."""

    address: str
    state: str
    verifier: str


class SignIn(Protocol):
    """How somebody signs in at an identity provider, with a browser."""

    async def begin(self, back: str) -> Errand:
        """Where to send a browser that is to come back to `back`. Raises Unavailable."""

    async def finish(self, code: str, verifier: str, back: str) -> str:
        """The token that a code stands for. Raises Unauthenticated, Unavailable."""


class AuditLog(Protocol):
    """Who changed what, and who was turned away: to be read. Blocking, like the store."""

    def head(self) -> tuple[int, str]:
        """The place and the hash of the newest row."""

    def links(self, *, after: int = 0, limit: int = 1000) -> Sequence[Link]:
        """Rows in order after a place, as they are stored."""

    def rows(self, tenant: str, *, skip: int, limit: int) -> Sequence[Row]:
        """What is a tenant's to see, in order, without the first so many."""


class Store(Protocol):
    """Where what was acknowledged is kept. Blocking: the loop calls it in a thread of its own."""

    @property
    def log(self) -> AuditLog:
        """The audit log."""

    @property
    def history(self) -> History:
        """What was committed, and from what it was decided."""

    @property
    def proofs(self) -> Proofs:
        """What was delivered."""

    def commit(self, commit: Commit) -> Sequence[EventRecord]:
        """Write all of it durably, or raise Unavailable and write none. Returns the events, numbered."""

    def load(self) -> Snapshot:
        """Everything that the controller starts from. Services that ended stay in the store."""

    def answer(self, scope: str, key: str) -> Answer | None:
        """What was answered under an Idempotency-Key, if anything."""

    def events(
        self, *, after: int, limit: int, tenant: str | None = None, operator: bool = False, subject: str | None = None
    ) -> Sequence[EventRecord]:
        """Events in order: a tenant's own after a place in its own sequence, or all after one in that of operators; of
        one subject only, if one is given.
        """

    def times(
        self, *, after: int, limit: int, tenant: str | None = None, operator: bool = False
    ) -> Sequence[tuple[int, float]]:
        """The places and times, in seconds, of the same events: a clock that was set back shows in them."""

    def last_place(self, *, tenant: str | None = None, operator: bool = False) -> int:
        """The place of the newest event in the same sequences; 0 where there is none."""

    def attempts(self, webhook: str) -> Sequence[Attempt]:
        """The newest attempts of a webhook, the newest first."""

    def service(self, service_id: str) -> Service | None:
        """One service, live or ended."""

    def services(self, *, tenant: str | None, after: str | None, limit: int) -> Sequence[Service]:
        """Services, live and ended, by id."""

    def probe(self) -> None:
        """Write something that changes nothing, durably. Raises Unavailable where nothing can be written."""

    def raise_epoch(self) -> int:
        """One more than it has ever returned, durably: a start of a controller takes one, and routers refuse older."""

    def lead(self, epoch: int) -> None:
        """Write from now on only for as long as nobody has raised the epoch: else a commit raises Deposed, and nothing
        is written.
        """

    def close(self) -> None:
        """Let go of the file or the connections."""


class Journal(Protocol):
    """What was committed, by whichever process, in order. Blocking, like the store."""

    def load(self) -> Snapshot:
        """Everything, and the number of the last commit that is in it."""

    def since(self, number: int) -> Sequence[tuple[int, Commit]] | None:
        """The commits after a number, a page of them, each with its own; events are numbered. None where some of them
        are forgotten: load again.
        """


class History(Protocol):
    """What was committed, for who looks back. Blocking, like the store."""

    def records(self, after: int, limit: int) -> Sequence[CommitRecord]:
        """What is known of the commits after a number but for what they wrote, in order."""

    def newest(self) -> int:
        """The number of the newest commit; 0 where there was none."""

    def inputs(self, after: int, limit: int) -> Sequence[tuple[int, bytes]]:
        """What the flight recorder noted with the commits after a number, in order; nothing with some."""

    def since(self, number: int, limit: int = 500) -> Sequence[tuple[int, Commit]] | None:
        """What the commits after a number wrote, a page of them. None where some of them are forgotten."""

    def events(
        self, *, after: int, limit: int, tenant: str | None = None, operator: bool = False, subject: str | None = None
    ) -> Sequence[EventRecord]:
        """Events, as a store has them."""

    def at(self, number: int) -> Snapshot:
        """Everything as it was after a commit. Raises NotFound for one that is forgotten or not yet made."""


class Calls(Protocol):
    """Where processes ask the leader, beside the store. Blocking, like it; each method is durable or raises
    Unavailable.
    """

    def put(self, docs: Sequence[tuple[bytes, float]]) -> Sequence[int]:
        """Ask: documents, each with how long its asker waits. Returns what they are called, and tells the leader."""

    def withdraw(self, call: int) -> bool:
        """Ask no more. Returns whether that was in time: False where it is answered."""

    def replies(self, calls: Collection[int]) -> Mapping[int, bytes]:
        """What was answered to any of some calls."""

    def waiting(self, limit: int, besides: Collection[int] = ()) -> Sequence[Call]:
        """What is not answered, in the order in which it was asked; not what is known already."""

    def clear(self) -> None:
        """Forget what nobody waits for any more."""


class Board(Protocol):
    """Where the leader shows what is in no commit, for the others to look at. It may be lost. Blocking."""

    def show(self, name: str, doc: bytes, epoch: int) -> None:
        """Show this under a name, in the place of what was there, unless that is of a later epoch."""

    def look(self, name: str, but: int = 0) -> tuple[int, bytes] | None:
        """What is shown under a name, and which showing of it that is; None where there is none but that one."""
