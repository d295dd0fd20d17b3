"""What a lab does for the fabric that is made of its routers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from highroad.model.network import FibreId, RiskGroupId, SiteId
from highroad.model.service import PortId, ServiceId, ServiceKind

if TYPE_CHECKING:
    from highroad.ports import CutState, Echo, LabStatus


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
    direction or the other, to now if it is dark now, and may yet grow by what was until now while it is `in_doubt`: a
    gap is dark only once none of its packets comes late. Packets are so far apart that a gap of less than `unseen_s` is
    none. A latency is None until it was measured.
    """

    offered_gbps: float
    lost_bytes: float
    dark_s: float
    latency_ms_there: float | None
    latency_ms_back: float | None
    in_doubt: bool = False
    unseen_s: float = 0.0


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

    async def cut(
        self, fibre: FibreId, *, silent: bool = False, towards: SiteId | None = None, loss: float = 1.0
    ) -> None:
        """Cut a fibre. Raises NotFound."""

    async def uncut(self, fibre: FibreId) -> None:
        """Splice it. Raises NotFound."""

    async def cut_group(self, group: RiskGroupId, *, silent: bool = False, loss: float = 1.0) -> None:
        """Cut all fibres of a risk group at once. Raises NotFound."""

    async def uncut_group(self, group: RiskGroupId) -> None:
        """Splice them. Raises NotFound."""

    async def cuts(self) -> Mapping[FibreId, CutState]:
        """What was cut, and since when."""

    async def kill_router(self, site: SiteId, *, silent: bool = False) -> None:
        """End a router at once. Raises NotFound."""

    async def revive_router(self, site: SiteId) -> None:
        """Start it again. Raises NotFound."""

    async def status(self) -> LabStatus:
        """Its routers and what was broken, now."""
