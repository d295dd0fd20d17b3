"""What a fabric offers besides when it is a lab: breaking things on purpose, and telling what is broken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from highroad.model.network import FibreId, RiskGroupId, SiteId
from highroad.model.service import PortId, ServiceId


@dataclass(frozen=True, slots=True, kw_only=True)
class CutState:
    """A fibre or risk group that was cut on purpose. Silently: light stays on, and of what passes a part is lost, by
    default all of it; towards one end only, where one is named, which is an end of the fibre.
    """

    since_s: float
    silent: bool = False
    towards: SiteId | None = None
    loss: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterState:
    """One router of a lab: since when it is killed, None while it runs; `note` is what else there is to say.

    One that was killed silently left the light of its ports on.
    """

    site: SiteId
    killed_s: float | None = None
    note: str = ""
    silent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LabStatus:
    """What a lab is made of, and what is broken in it: fibres, risk groups as a whole, routers. `hosts` is the network
    namespace of the host behind each customer's port, where hosts are more than a model.
    """

    routers: Sequence[RouterState]
    cuts: Mapping[FibreId, CutState]
    hosts: Mapping[PortId, str] = field(default_factory=dict)
    groups: Mapping[RiskGroupId, CutState] = field(default_factory=dict)


class Lab(Protocol):
    """What a fabric offers besides when it is a lab: breaking things on purpose."""

    async def cut(
        self, fibre: FibreId, *, silent: bool = False, towards: SiteId | None = None, loss: float = 1.0
    ) -> None:
        """Cut a fibre; the fabric notices by itself. Silently, towards one end only or with a part lost: see
        `CutState`; the latter two are silent. One that is cut is from now on as was said last. Idempotent.
        Raises NotFound.
        """

    async def uncut(self, fibre: FibreId) -> None:
        """Splice it; what else it suffers from stays. Idempotent. Raises NotFound."""

    async def cut_group(self, group: RiskGroupId, *, silent: bool = False, loss: float = 1.0) -> None:
        """Cut all fibres of a risk group at once, besides what they suffer from already. Likewise."""

    async def uncut_group(self, group: RiskGroupId) -> None:
        """Splice them; a fibre that was cut by itself stays cut. Idempotent. Raises NotFound."""

    async def cuts(self) -> Mapping[FibreId, float]:
        """What was cut, noticed or not, and since when (UTC seconds)."""

    async def kill_router(self, site: SiteId, *, silent: bool = False) -> None:
        """End a router at once: nothing passes it, every fibre there goes dark; silently: their light stays on.
        Idempotent. Raises NotFound.
        """

    async def revive_router(self, site: SiteId) -> None:
        """Start it again. Idempotent. Raises NotFound."""

    async def status(self) -> LabStatus:
        """Its routers and what was broken, now."""

    async def offer(self, service: ServiceId, offered_gbps: float | None) -> None:
        """Let a service offer so much each way from now on; None for the lab's own traffic model."""

    async def plug(self, ports: Sequence[PortId]) -> None:
        """Have a customer's host behind every port, of which these are all: soon, and again in a lab built anew."""
