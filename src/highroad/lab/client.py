"""A lab as its callers see it: the `Panel` of the fabric that is made of its routers, and the `Lab` that breaks it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from highroad.errors import Unavailable
from highroad.lab import namespaces
from highroad.lab.names import LabId, lab_id
from highroad.lab.talk import (
    LONGEST,
    Answer,
    CutAsked,
    GroupAsked,
    Info,
    OfferAsked,
    PingAsked,
    Request,
    RouterInfo,
    raised,
)
from highroad.lab.traffic.process import Traffic, Way
from highroad.model.network import FibreId, RiskGroupId, SiteId
from highroad.model.service import PortId, ServiceId
from highroad.ports import CutState, Echo, LabStatus
from highroad.ports.panel import Flow, Load, Wire

T = TypeVar("T")


class LabClient:
    """Talks to the daemon of a folder's lab. Every call stands alone, so a daemon that was started anew is reached.

    All raise Unavailable when it does not answer.
    """

    def __init__(self, folder: Path, *, rate_scale: float) -> None:
        """Of a lab that is up; `connect` finds out its rate scale by itself."""
        self.folder = folder
        self.lab: LabId = lab_id(folder)
        self._rate_scale = rate_scale

    @classmethod
    async def connect(cls, folder: Path) -> LabClient:
        """Of the lab of a folder. Raises Unavailable when it is not up."""
        client = cls(folder, rate_scale=1.0)
        client._rate_scale = (await client.info()).rate_scale
        return client

    @property
    def rate_scale(self) -> float:
        """A modelled 1 Gbit/s is carried as so many Gbit/s."""
        return self._rate_scale

    # ------------------------------------------------------------------------------------------------ panel

    async def plug(self, ports: Sequence[PortId]) -> None:
        """Have a host behind each of these ports; those that are there stay as they are. Raises Unavailable."""
        await self._ask("plug", None, list(ports))

    async def attach(self, wires: Sequence[Wire]) -> Mapping[str, str]:
        """Lay wires; those that lie stay as they are. Returns a reason in words for each attachment that has none."""
        return await self._ask("attach", dict[str, str], list(wires))

    async def detach(self, attachments: Sequence[str]) -> None:
        """Take wires away, with the traffic over them; those that are not there are no matter."""
        await self._ask("detach", None, list(attachments))

    async def wired(self) -> frozenset[str]:
        """The attachments whose wires lie."""
        return frozenset(await self._ask("wired", list[str]))

    async def carry(self, loads: Sequence[Load]) -> None:
        """Let hosts send, or change between what rates. Raises NotFound when a wire does not lie."""
        await self._ask("carry", None, list(loads))

    async def offer(self, service: ServiceId, offered_gbps: float | None) -> None:
        """Let a service offer so much each way, once it is carried; None for the lab's own traffic model."""
        await self._ask("offer", None, OfferAsked(service=service, offered_gbps=offered_gbps))

    async def flows(self) -> Mapping[ServiceId, Flow]:
        """What hosts sent and got, now."""
        return {ServiceId(name): self._flow(one) for name, one in (await self.traffic()).items()}

    async def traffic(self) -> Mapping[str, Traffic]:
        """The same as it was counted: real packets and bytes, each direction by itself."""
        return await self._ask("traffic", dict[str, Traffic])

    async def ping(self, service: ServiceId, *, count: int, interval_ms: float, size_bytes: int) -> Sequence[Echo]:
        """ICMP echoes from the host at `a` to the one at `b`; a size is with all headers of IP and ICMP.

        Raises NotFound, Unavailable.
        """
        about = PingAsked(service=service, count=count, interval_ms=interval_ms, size_bytes=size_bytes)
        return await self._ask("ping", list[Echo], about)

    # --------------------------------------------------------------------------------------------- breaking

    async def cut(
        self, fibre: FibreId, *, silent: bool = False, towards: SiteId | None = None, loss: float = 1.0
    ) -> None:
        """Cut a fibre; silently: light stays on and nothing arrives, or a part of it. Raises NotFound."""
        await self._ask("cut", None, CutAsked(fibre=fibre, silent=silent, towards=towards, loss=loss))

    async def uncut(self, fibre: FibreId) -> None:
        """Splice it. Raises NotFound."""
        await self._ask("uncut", None, fibre)

    async def cut_group(self, group: RiskGroupId, *, silent: bool = False, loss: float = 1.0) -> None:
        """Cut all fibres of a risk group at once. Raises NotFound."""
        await self._ask("cut_group", None, GroupAsked(group=group, silent=silent, loss=loss))

    async def uncut_group(self, group: RiskGroupId) -> None:
        """Splice them, but for those that were cut by themselves. Raises NotFound."""
        await self._ask("uncut_group", None, group)

    async def cuts(self) -> Mapping[FibreId, CutState]:
        """What was cut, and since when."""
        return (await self.status()).cuts

    async def kill_router(self, site: SiteId, *, silent: bool = False) -> None:
        """End a router's processes at once, and take the light of all its ports; silently: light stays on, and nothing
        passes. Raises NotFound.
        """
        await self._ask("mute" if silent else "kill", None, site)

    async def revive_router(self, site: SiteId) -> None:
        """Give it its light back and start its agent. Raises NotFound."""
        await self._ask("revive", None, site)

    async def status(self) -> LabStatus:
        """Its routers and what was broken, now."""
        return await self._ask("status", LabStatus)

    # ----------------------------------------------------------------------------------------------- telling

    async def info(self) -> Info:
        """Everything about it: routers and their agents, hosts, processes, memory."""
        return await self._ask("info", Info)

    async def routers(self) -> Mapping[SiteId, RouterInfo]:
        """Where each router's agent answers, and how it is."""
        return {router.site: router for router in (await self.info()).routers}

    async def ready(self) -> None:
        """Wait until every agent answers. Raises Unavailable with what one printed that does not."""
        await self._ask("ready", None)

    async def down(self) -> None:
        """Ask the daemon to take everything away; it has begun when this returns. `run.down` waits for the end."""
        await self._ask("down", None)

    # ------------------------------------------------------------------------------------------------------

    async def _ask(self, do: str, kind: type[T] | Any, about: object = None) -> T | Any:
        request = Request(do=do, about=msgspec.Raw(msgspec.json.encode(about)))
        try:
            reader, writer = await asyncio.open_unix_connection(self.lab.socket, limit=LONGEST)
        except OSError as error:
            raise Unavailable(_absent(self.lab, self.folder)) from error
        try:
            writer.write(msgspec.json.encode(request) + b"\n")
            line = await reader.readline()
        except OSError as error:
            raise Unavailable(f"the lab in {self.folder} went away") from error
        finally:
            writer.close()
        if not line:
            raise Unavailable(f"the lab in {self.folder} went away")
        answer = msgspec.json.decode(line, type=Answer)
        if answer.code:
            raise raised(answer)
        return msgspec.json.decode(answer.value, type=kind)

    def _flow(self, one: Traffic) -> Flow:
        lost = one.there.lost_bytes + one.back.lost_bytes
        return Flow(
            offered_gbps=one.offered_gbps,
            lost_bytes=lost / self._rate_scale,
            dark_s=one.dark_s,
            in_doubt=one.in_doubt,
            unseen_s=one.unseen_s,
            latency_ms_there=_latency(one.there),
            latency_ms_back=_latency(one.back),
        )


def _latency(way: Way) -> float | None:
    return way.latency_ms


def _absent(lab: LabId, folder: Path) -> str:
    """What to say of a lab whose daemon does not answer."""
    if namespaces.named(lab.prefix):
        return (
            f"the daemon of the lab in {folder} is gone; its routers go on as they are. `highroad lab up` clears them "
            "away and starts a new one"
        )
    return f"no lab is up in {folder}: start one with `highroad lab up`"
