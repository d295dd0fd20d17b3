"""What doors ask of the leader, each as a value with a name: so that any process may ask it, through the database.

A `Decision` changes the book, inside the planner, and its answer is written in the same commit. A `Deed` needs the
leader's fabric; done again it does nothing new, so a leader that takes over may repeat it. To add one: write the class
with the type of its `result`, and a case in tests/contract/commands, which fails until there is one; `packing` makes
documents of both. A value that is not fit for a database (the secret of a token) has no place in a command: the process
that asks makes it and keeps it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from highroad.control import accounts, audit, holds, maintain, quota, rearrange, reload, safety, webhooks
from highroad.control import order as orders
from highroad.control.book import Draft
from highroad.control.maintain import Times
from highroad.control.means import Means as Means
from highroad.control.order import Idempotency
from highroad.control.reload import NetworkChange
from highroad.model.access import Grant
from highroad.model.audit import Asked
from highroad.model.change import Change
from highroad.model.freeze import Freeze
from highroad.model.incident import Maintenance, MaintenanceId
from highroad.model.network import Network
from highroad.model.plan import Applied, Rearrangement
from highroad.model.service import Port, Request, Service, ServiceId, Tenant, TenantId
from highroad.model.webhook import Webhook, WebhookId
from highroad.ports import TokenRecord

T = TypeVar("T")

PATIENCE_S = 10.0


class Command(Generic[T]):
    """Something to be done, and of what type the answer is."""

    result: ClassVar[Any] = None
    own: ClassVar[bool] = False
    """Whether nobody waits for it: it is never turned away, and not counted."""
    plugs: ClassVar[bool] = False
    """Whether a lab has ports to look at afterwards."""

    @property
    def patience_s(self) -> float:
        """How long who asks through the store waits; what is not begun by then is never done."""
        return PATIENCE_S


class Decision(Command[T]):
    """A command that changes what is known, and nothing else."""

    def decide(self, draft: Draft, means: Means) -> T:
        """Do it on a draft. Raises what there is to answer instead."""
        raise NotImplementedError


class Deed(Command[T]):
    """A command that the fabric does."""

    async def do(self, means: Means) -> T:
        """Do it. Raises what there is to answer instead."""
        raise NotImplementedError


def commands() -> dict[str, type[Command[Any]]]:
    """Every command that there is, by its name."""
    found: dict[str, type[Command[Any]]] = {}
    for kind in (Decision, Deed):
        # Slots make a class anew, and what it was before may linger: the later one counts.
        found |= {one.__name__: one for one in kind.__subclasses__()}
    return found


# --- services -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """A service that was made now, or the id of the one that the key had made before."""

    made: Service | None = None
    before: ServiceId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceOrder(Decision[Ordered]):
    """Order connectivity, under a key if there is one."""

    request: Request
    key: Idempotency | None = None
    exact: bool = False
    result: ClassVar[Any] = Ordered

    def decide(self, draft: Draft, means: Means) -> Ordered:
        """Raises Invalid, Refused, HoldLimit, KeyReused."""
        if self.key is None:
            return Ordered(made=orders.order(draft, self.request, means.new_service_id, exact=self.exact))
        made, _ = orders.order_once(
            draft, self.request, means.new_service_id, self.key, means.answered, exact=self.exact
        )
        return Ordered(made=made) if isinstance(made, Service) else Ordered(before=made)


def keyed_by(command: Command[Any]) -> tuple[str, str] | None:
    """Under which key of whom a command was sent."""
    key = command.key if isinstance(command, PlaceOrder) else None
    return None if key is None else (key.scope, key.key)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeService(Decision[Service]):
    """Change a live service in place."""

    service: ServiceId
    change: Change
    tenant: TenantId | None
    if_version: int | None
    result: ClassVar[Any] = Service

    def decide(self, draft: Draft, means: Means) -> Service:
        """Raises NotFound, VersionConflict, Conflict, Invalid, Refused."""
        return orders.change(draft, self.service, self.change, tenant=self.tenant, if_version=self.if_version)


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmHold(Decision[Service]):
    """Take a hold."""

    service: ServiceId
    tenant: TenantId | None
    if_version: int | None
    result: ClassVar[Any] = Service

    def decide(self, draft: Draft, means: Means) -> Service:
        """Raises NotFound, VersionConflict, Conflict."""
        return holds.take(draft, self.service, tenant=self.tenant, if_version=self.if_version)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseService(Decision[Service]):
    """Give a service back."""

    service: ServiceId
    tenant: TenantId | None
    if_version: int | None
    result: ClassVar[Any] = Service

    def decide(self, draft: Draft, means: Means) -> Service:
        """Raises NotFound, VersionConflict, Conflict."""
        return orders.release(draft, self.service, tenant=self.tenant, if_version=self.if_version)


# --- who ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueToken(Decision[TokenRecord]):
    """Make a token good of which only this hash is ever told."""

    hash: str
    grant: Grant
    label: str
    issuer: accounts.Caller | None = None
    result: ClassVar[Any] = TokenRecord

    def decide(self, draft: Draft, means: Means) -> TokenRecord:
        """Raises Invalid, Unauthenticated, Forbidden."""
        return accounts.issue(draft, digest=self.hash, grant=self.grant, label=self.label, issuer=self.issuer)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeToken(Decision[TokenRecord]):
    """Make a token invalid."""

    token: str
    tenant: TenantId | None = None
    result: ClassVar[Any] = TokenRecord

    def decide(self, draft: Draft, means: Means) -> TokenRecord:
        """Raises NotFound."""
        return accounts.revoke(draft, self.token, tenant=self.tenant)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteUses(Decision[None]):
    """Note when tokens were last used: now and then, and of many at once."""

    used_s: dict[str, float]
    own: ClassVar[bool] = True

    def decide(self, draft: Draft, means: Means) -> None:
        """Of those that there are."""
        accounts.used(draft, self.used_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteAsked(Decision[None]):
    """Put into the audit log what is in no commit: `refused` access, each with how often, or a deed of the fabric."""

    asked: tuple[tuple[Asked, int], ...]
    what: str
    own: ClassVar[bool] = True

    def decide(self, draft: Draft, means: Means) -> None:
        """Write it down."""
        audit.note(draft, self.asked, self.what)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddTenant(Decision[Tenant]):
    """Add a customer with its first ports."""

    tenant: Tenant
    ports: tuple[Port, ...] = ()
    result: ClassVar[Any] = Tenant
    plugs: ClassVar[bool] = True

    def decide(self, draft: Draft, means: Means) -> Tenant:
        """Raises Invalid, Conflict; then nothing was added."""
        return accounts.add_tenant(draft, self.tenant, self.ports)


@dataclass(frozen=True, slots=True, kw_only=True)
class SetQuota(Decision[Tenant]):
    """Set what is named of how much a tenant may have; None is no limit."""

    tenant: TenantId
    limits: dict[str, int | float | None]
    result: ClassVar[Any] = Tenant

    def decide(self, draft: Draft, means: Means) -> Tenant:
        """Raises NotFound, Invalid."""
        return quota.set_quota(draft, self.tenant, self.limits)


@dataclass(frozen=True, slots=True, kw_only=True)
class AddPort(Decision[Port]):
    """Give a tenant a port."""

    port: Port
    result: ClassVar[Any] = Port
    plugs: ClassVar[bool] = True

    def decide(self, draft: Draft, means: Means) -> Port:
        """Raises Invalid, Conflict."""
        return accounts.add_port(draft, self.port)


# --- operating ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadNetwork(Decision[NetworkChange]):
    """Put a network in force."""

    network: Network
    confirm: str | None = None
    result: ClassVar[Any] = NetworkChange

    @property
    def patience_s(self) -> float:
        """Over many services it takes a while."""
        return 6 * PATIENCE_S

    def decide(self, draft: Draft, means: Means) -> NetworkChange:
        """Raises Invalid, Conflict, ConfirmationRequired."""
        return reload.load(draft, self.network, self.confirm)


@dataclass(frozen=True, slots=True, kw_only=True)
class StartDrain(Decision[Maintenance]):
    """Move traffic away from a fibre, a risk group or a site, or book that."""

    target: str
    times: Times
    result: ClassVar[Any] = Maintenance

    def decide(self, draft: Draft, means: Means) -> Maintenance:
        """Raises Invalid, Conflict, Frozen."""
        return maintain.drain(draft, self.target, self.times)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndMaintenance(Decision[Maintenance]):
    """End a drain, or cancel one that is booked."""

    maintenance: MaintenanceId
    result: ClassVar[Any] = Maintenance

    def decide(self, draft: Draft, means: Means) -> Maintenance:
        """Raises NotFound, Conflict."""
        return maintain.end(draft, self.maintenance)


@dataclass(frozen=True, slots=True, kw_only=True)
class FreezeChanges(Decision[Freeze]):
    """Begin no planned change on routers."""

    reason: str = ""
    result: ClassVar[Any] = Freeze

    def decide(self, draft: Draft, means: Means) -> Freeze:
        """Raises Invalid."""
        return safety.freeze(draft, self.reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class ThawChanges(Decision[Freeze | None]):
    """Let planned changes go on."""

    result: ClassVar[Any] = Freeze | None

    def decide(self, draft: Draft, means: Means) -> Freeze | None:
        """The freeze that has ended, if there was one."""
        return safety.thaw(draft)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyPlan(Decision[Applied]):
    """Begin to make a plan of the optimiser real."""

    change: Rearrangement
    result: ClassVar[Any] = Applied

    @property
    def patience_s(self) -> float:
        """With many services it takes a while."""
        return 3 * PATIENCE_S

    def decide(self, draft: Draft, means: Means) -> Applied:
        """Raises PlanStale, Frozen, Conflict."""
        return rearrange.apply(draft, self.change)


# --- webhooks -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AddWebhook(Decision[Webhook]):
    """Send events to an address from a place on, signed with a secret that is sealed already."""

    tenant: str | None
    url: str
    kinds: tuple[str, ...]
    description: str
    cursor: int
    sealed: str
    result: ClassVar[Any] = Webhook

    def decide(self, draft: Draft, means: Means) -> Webhook:
        """Raises Invalid, Conflict."""
        return webhooks.add(
            draft,
            tenant=self.tenant,
            url=self.url,
            kinds=self.kinds,
            description=self.description,
            cursor=self.cursor,
            sealed=self.sealed,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeWebhook(Decision[Webhook]):
    """Change what is named in `changes`: `url`, `kinds`, `description`, `enabled`."""

    webhook: WebhookId
    tenant: TenantId | None
    changes: dict[str, Any]
    result: ClassVar[Any] = Webhook

    def decide(self, draft: Draft, means: Means) -> Webhook:
        """Raises NotFound, Invalid."""
        return webhooks.change(draft, self.webhook, self.tenant, self.changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class RotateWebhookSecret(Decision[Webhook]):
    """Sign with a new secret, sealed already, and with the old one for a while."""

    webhook: WebhookId
    tenant: TenantId | None
    sealed: str
    overlap_s: float
    result: ClassVar[Any] = Webhook

    def decide(self, draft: Draft, means: Means) -> Webhook:
        """Raises NotFound, Invalid."""
        return webhooks.rotate(draft, self.webhook, self.tenant, self.sealed, self.overlap_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayWebhook(Decision[Webhook]):
    """Deliver everything after a place again."""

    webhook: WebhookId
    tenant: TenantId | None
    after: int
    result: ClassVar[Any] = Webhook

    def decide(self, draft: Draft, means: Means) -> Webhook:
        """Raises NotFound."""
        return webhooks.replay(draft, self.webhook, self.tenant, self.after)


@dataclass(frozen=True, slots=True, kw_only=True)
class RemoveWebhook(Decision[Webhook]):
    """Send nothing there any more."""

    webhook: WebhookId
    tenant: TenantId | None
    result: ClassVar[Any] = Webhook

    def decide(self, draft: Draft, means: Means) -> Webhook:
        """Raises NotFound."""
        return webhooks.remove(draft, self.webhook, self.tenant)
