"""What customers hold: tenants, ports, orders, and the services that come of them."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NewType

from highroad.model.autoscale import Autoscale, ScaleRefusal, ScaleStep
from highroad.model.jurisdiction import Fence
from highroad.model.lifecycle import CARRYING, HOLDING, State
from highroad.model.network import LinkId, SiteId
from highroad.model.quota import Quota
from highroad.model.recurrence import Recurrence
from highroad.model.window import Window as Window
from highroad.units import mbps_from_gbps

TenantId = NewType("TenantId", str)
PortId = NewType("PortId", str)
ServiceId = NewType("ServiceId", str)


class ServiceKind(StrEnum):
    """What a service carries."""

    IP = "ip"
    ETHERNET = "ethernet"


class TrafficClass(StrEnum):
    """Orders shedding, queueing and who gets the burst; never weakens a guarantee. Most protected first."""

    INTERACTIVE = "interactive"
    ASSURED = "assured"
    BULK = "bulk"
    SCAVENGER = "scavenger"

    @property
    def rank(self) -> int:
        """0 is served first."""
        return _RANKS[self]


_RANKS = {traffic_class: rank for rank, traffic_class in enumerate(TrafficClass)}


class Protection(StrEnum):
    """What a service survives."""

    NONE = "none"
    PATH = "path"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenant:
    """A customer."""

    id: TenantId
    name: str
    quota: Quota = field(default_factory=Quota)


@dataclass(frozen=True, slots=True, kw_only=True)
class Port:
    """Where a tenant plugs in: a site, a rate, an MTU in bytes."""

    id: PortId
    tenant: TenantId
    site: SiteId
    rate_gbps: float
    mtu_bytes: int = 9000


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """One end of a service on a port: a VLAN tag, or the whole port, and for `ip` the prefixes behind it."""

    port: PortId
    vlan: int | None = None
    prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One end as a tenant asks for it: at a port, or at a site where it has one; a tag is found for who names none."""

    at: str
    vlan: int | None = None
    whole_port: bool = False
    prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a tenant asks for, in its own words: `highroad.planning.order` makes an `Order` of it, or says why not.

    It may hold anything that a caller can send. `start_s` None is now. Instead of a start and an end there may be
    several `windows`, or a `recurrence`. `max_paths` None is the most that its kind of service can have. With `hold_s`
    it is only held for so long, to be confirmed.
    """

    tenant: TenantId
    a: End
    b: End
    bandwidth_gbps: float
    start_s: float | None = None
    end_s: float | None = None
    kind: ServiceKind = ServiceKind.IP
    traffic_class: TrafficClass = TrafficClass.ASSURED
    burst_gbps: float | None = None
    latency_bound_ms: float | None = None
    fence: tuple[str, ...] | None = None
    protection: Protection = Protection.NONE
    description: str = ""
    windows: tuple[Window, ...] = ()
    recurrence: Recurrence | None = None
    max_paths: int | None = None
    hold_s: float | None = None
    autoscale: Autoscale | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """A request whose ends and window are resolved and whose every figure was checked.

    `a` and `b` are the attachments, at `a_site` and `b_site`; bandwidth is guaranteed each way; the latency bound
    is one way, and holds in both directions; `fence` None allows everywhere. Of a recurrence the window has every
    piece that is sold; `notes` is what its tenant should know of it (nights when clocks change).
    """

    tenant: TenantId
    a: Attachment
    b: Attachment
    a_site: SiteId
    b_site: SiteId
    bandwidth_gbps: float
    window: Window
    kind: ServiceKind = ServiceKind.IP
    traffic_class: TrafficClass = TrafficClass.ASSURED
    burst_gbps: float | None = None
    latency_bound_ms: float | None = None
    fence: Fence | None = None
    protection: Protection = Protection.NONE
    description: str = ""
    recurrence: Recurrence | None = None
    max_paths: int = 1
    autoscale: Autoscale | None = None
    """Then the bandwidth is what it is now, and follows the load."""
    notes: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One of several ways of a service: the links there and back, and its share beside its siblings' weights."""

    there: tuple[LinkId, ...]
    back: tuple[LinkId, ...]
    weight: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Backup:
    """Where a protected service goes when its placement fails: it carries the whole rate."""

    there: tuple[LinkId, ...]
    back: tuple[LinkId, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a service is carried: the links there and the links back, and the rate kept on each of them.

    Where one path does not suffice, `there` and `back` carry `weight` parts of the rate and each of `beside` its own.
    A protected service has one branch and a `backup`, whose capacity is a standby and no claim.
    """

    there: tuple[LinkId, ...]
    back: tuple[LinkId, ...]
    bandwidth_gbps: float
    weight: int = 1
    beside: tuple[Branch, ...] = ()
    backup: Backup | None = None

    @property
    def branches(self) -> tuple[Branch, ...]:
        """Every way that carries traffic, the first one too."""
        return (Branch(there=self.there, back=self.back, weight=self.weight), *self.beside)

    @property
    def links(self) -> tuple[LinkId, ...]:
        """Every link that carries traffic, branch by branch, there before back; not the backup's."""
        rest = (link for branch in self.beside for link in (*branch.there, *branch.back))
        return (*self.there, *self.back, *rest) if self.beside else self.there + self.back

    def uses(self, links: frozenset[LinkId]) -> bool:
        """Whether either direction goes over any of the links; the backup does not count."""
        return not links.isdisjoint(self.links)

    def load_mbps(self) -> dict[LinkId, int]:
        """What the placement takes of each link: every branch its share, rounded up to whole Mbit/s.

        Both directions, and several branches, may share a link. The backup takes nothing: see `standbys_of`.
        """
        rate = mbps_from_gbps(self.bandwidth_gbps)
        if not self.beside:
            over = self.there + self.back
            load = dict.fromkeys(over, rate)
            if len(load) == len(over):
                return load
        whole = self.weight + sum(branch.weight for branch in self.beside)
        load = {}
        for branch in self.branches:
            share = share_mbps(rate, branch.weight, whole)
            for link in (*branch.there, *branch.back):
                load[link] = load.get(link, 0) + share
        return load


def share_mbps(rate_mbps: int, weight: int, whole: int) -> int:
    """What a branch of so many parts of the whole may carry of a rate: whole Mbit/s, rounded up."""
    return -(-rate_mbps * weight // whole)


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where a service on a detour belongs: it has `placement` by right from `at_s` on, and where it is until `until_s`.

    In between, while it moves, it has both.
    """

    placement: Placement
    at_s: float
    until_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """Connectivity that a tenant holds.

    `placement` is what routers are to carry (None where no path keeps its promises: then it is dark), `leaving` what
    they may still carry until the fabric has confirmed a change: the calendar keeps both, so a change never oversells
    and a restart needs no memory. `version` counts the edits of the order.
    """

    id: ServiceId
    version: int
    state: State
    order: Order
    created_s: float
    changed_s: float
    placement: Placement | None = None
    leaving: tuple[Placement, ...] = ()
    away: bool = False
    """Whether a failure or a drain moved it: then it goes back to a faster path when there is one again."""
    home: Home | None = None
    """Where it goes back to by itself, if it is on a detour for the time of a maintenance."""
    reason: str | None = None
    """Why it is DEGRADED, FAILED or not yet carried, in words."""
    ended_s: float | None = None
    passed: int = 0
    """How many pieces of its window are over."""
    leaving_ends: tuple[Attachment, ...] = ()
    """Ends that it was moved away from, and that routers may still hold."""
    leaves_by_s: float | None = None
    """Where its window was made longer while it was leaving: until when what it leaves is its own. Of who made room for
    another it is when its window began: it has no right to what it leaves any more (`gave_way`).
    """

    hold_until_s: float | None = None
    """Of what was ordered as a hold: until when it is kept for who has not taken it."""
    scaled: ScaleStep | None = None
    """The last step by which it followed its load."""
    scale_refused: ScaleRefusal | None = None
    """The last one that was refused."""

    @property
    def window(self) -> Window:
        """What of its order's window is still to come, the piece that is open included."""
        whole = self.order.window
        if not self.passed or not whole.pieces:
            return whole
        left = whole.pieces[self.passed :] or whole.pieces[-1:]
        return replace(whole, start_s=left[0].start_s, pieces=left)

    @property
    def piece(self) -> Window:
        """The piece of its window that is open or comes next; the window itself where it is in one piece."""
        pieces = self.order.window.pieces
        return pieces[min(self.passed, len(pieces) - 1)] if pieces else self.order.window

    @property
    def tenant(self) -> TenantId:
        """Whose it is."""
        return self.order.tenant

    @property
    def wants_carrying(self) -> bool:
        """Whether routers are to hold a policy for it now."""
        return self.state in CARRYING and self.placement is not None

    @property
    def stay(self) -> Window:
        """For how long its placement is its own: what is left of its window, or of that until it goes home."""
        if self.home is None or self.home.until_s >= self.window.until_s:
            return self.window
        return self.window.within(-math.inf, self.home.until_s)

    @property
    def stays(self) -> bool:
        """Whether it has one window in one piece, and is where it is to be: it leaves nothing and goes nowhere."""
        leaves = self.leaving or self.leaving_ends or self.home is not None or self.leaves_by_s is not None
        return not leaves and not self.order.window.pieces

    @property
    def gave_way(self) -> bool:
        """Whether what it is leaving is another's already, who is told to routers when they have let go of it."""
        return self.leaves_by_s is not None and self.leaves_by_s <= self.order.window.start_s

    @property
    def holds(self) -> bool:
        """Whether its ports, and the links of its placement if it has one, are kept for its window."""
        return self.state in HOLDING
