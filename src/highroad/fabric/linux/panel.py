"""The lab's side of the fabric: wires for attachments, traffic over them, and breaking things on purpose."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterable, Mapping, Sequence

from highroad.errors import Conflict, HighroadError, NotFound
from highroad.fabric.linux.compile import attachment_id
from highroad.fabric.linux.held import Held
from highroad.fabric.linux.steps import Step
from highroad.gnmi import router
from highroad.gnmi.router import Attachment
from highroad.model.network import FibreId, Network, RiskGroupId, SiteId
from highroad.model.policy import Policy
from highroad.model.service import PortId, ServiceId
from highroad.ports import LabStatus
from highroad.ports.panel import Flow, Load, Panel, Wire

log = logging.getLogger(__name__)


class LabSide:
    """What a fabric does with its lab; without one, nothing, and breaking things raises Conflict."""

    network: Network

    def __init__(self, panel: Panel | None) -> None:
        self._panel = panel
        self._removed: asyncio.Task[None] | None = None
        self._customers: Sequence[PortId] = ()
        self._unplugged = asyncio.Event()

    # --- Lab ------------------------------------------------------------------------------------------------

    async def cut(
        self, fibre: FibreId, *, silent: bool = False, towards: SiteId | None = None, loss: float = 1.0
    ) -> None:
        """Cut a fibre; routers notice by themselves."""
        await self._lab(fibre=fibre).cut(fibre, silent=silent, towards=towards, loss=loss)

    async def uncut(self, fibre: FibreId) -> None:
        """Splice it."""
        await self._lab(fibre=fibre).uncut(fibre)

    async def cut_group(self, group: RiskGroupId, *, silent: bool = False, loss: float = 1.0) -> None:
        """Cut all fibres of a risk group at once."""
        await self._lab(group=group).cut_group(group, silent=silent, loss=loss)

    async def uncut_group(self, group: RiskGroupId) -> None:
        """Splice them, but for those that were cut by themselves."""
        await self._lab(group=group).uncut_group(group)

    async def cuts(self) -> Mapping[FibreId, float]:
        """What was cut of the network in force, and since when."""
        known = self.network.fibre
        return {fibre: cut.since_s for fibre, cut in (await self._lab().cuts()).items() if fibre in known}

    async def kill_router(self, site: SiteId, *, silent: bool = False) -> None:
        """End a router at once; silently, its ports keep their light."""
        await self._lab(site=site).kill_router(site, silent=silent)

    async def revive_router(self, site: SiteId) -> None:
        """Start it again."""
        await self._lab(site=site).revive_router(site)

    async def status(self) -> LabStatus:
        """Its routers and what was broken, as far as the network in force has it."""
        status = await self._lab().status()
        known, sites = self.network.fibre, self.network.site
        groups = {group.id for group in self.network.risk_groups}
        return LabStatus(
            routers=[one for one in status.routers if one.site in sites],
            cuts={fibre: cut for fibre, cut in status.cuts.items() if fibre in known},
            hosts=status.hosts,
            groups={group: cut for group, cut in status.groups.items() if group in groups},
        )

    async def offer(self, service: ServiceId, offered_gbps: float | None) -> None:
        """Let a service offer so much each way; None for the lab's own traffic model."""
        await self._lab().offer(service, offered_gbps)

    async def plug(self, ports: Sequence[PortId]) -> None:
        """Have a customer's host behind every port: in the background, see `keep_plugged`."""
        self._customers = tuple(ports)
        self._unplugged.set()

    async def keep_plugged(self) -> None:
        """Have the lab make the hosts that are missing, whenever there may be some."""
        while True:
            await self._unplugged.wait()
            self._unplugged.clear()
            if self._panel is None or not self._customers:
                continue
            try:
                await self._panel.plug(self._customers)
            except HighroadError as error:
                log.warning("ports have no host in the lab: %s", error)

    # --- wires and traffic ----------------------------------------------------------------------------------

    async def lay(self, steps: Iterable[Step]) -> dict[ServiceId, str]:
        """Lay the wires that new attachments need. Returns a reason for each service that has one missing."""
        new = [
            step
            for step in steps
            if step.after.attachment is not None and (step.before.attachment is None or step.before.policy is None)
        ]
        if self._panel is None or not new:
            return {}
        wires = [wire_of(step.site, step.service, step.after.attachment, step.after.policy) for step in new]
        await self.wires_settled()  # names and numbers are used again
        try:
            failed = await self._panel.attach(wires)
        except HighroadError as error:
            return {step.service: f"the lab lays no wire: {error}" for step in new}
        return {wire.service: failed[wire.attachment] for wire in wires if wire.attachment in failed}

    def take_away(self, services: Collection[ServiceId], held: Held) -> None:
        """Take the wires of services away, where no router has an attachment for them any more: in the background,
        since the kernel takes tens of milliseconds for it.
        """
        gone = [
            attachment_id(service, end)
            for service in services
            for end in "ab"
            if not any(
                half.attachment is not None and half.attachment.id == attachment_id(service, end)
                for half in held.halves(service).values()
            )
        ]
        if self._panel is not None and gone:
            self._removed = asyncio.create_task(self._remove(self._panel, gone, self._removed))

    async def wires_settled(self) -> None:
        """Wait until what is being taken away is gone."""
        if self._removed is not None:
            await self._removed

    async def _remove(self, panel: Panel, attachments: Sequence[str], before: asyncio.Task[None] | None) -> None:
        if before is not None:
            await before
        try:
            await panel.detach(attachments)
        except HighroadError as error:
            log.warning("wires are left over in the lab: %s", error)

    async def load(self, policies: Sequence[Policy]) -> None:
        """Let the hosts of services send, between these rates."""
        if self._panel is None or not policies:
            return
        loads = [
            Load(
                service=policy.service,
                a=attachment_id(policy.service, "a"),
                b=attachment_id(policy.service, "b"),
                guaranteed_gbps=policy.guaranteed_gbps,
                ceiling_gbps=policy.ceiling_gbps,
            )
            for policy in policies
        ]
        try:
            await self._panel.carry(loads)
        except HighroadError as error:
            log.warning("the lab's hosts do not send: %s", error)

    async def mend(self, held: Held, *, whole: bool) -> None:
        """Bring the lab's wires in line with what routers hold: after a restart of either. `whole`: all of it is known.

        A wire that no router knows goes only when every router was asked.
        """
        if self._panel is None:
            return
        self._unplugged.set()
        wires = [
            wire_of(site, service, half.attachment, half.policy)
            for service in list(held.services())
            for site, half in held.halves(service).items()
            if half.attachment is not None and half.policy is not None
        ]
        await self.wires_settled()
        try:
            lying = await self._panel.wired()
            missing = [wire for wire in wires if wire.attachment not in lying]
            if missing:
                for attachment, reason in (await self._panel.attach(missing)).items():
                    log.warning("the wire of %s is missing in the lab: %s", attachment, reason)
            strays = lying - held.attachments
            if whole and strays:
                await self._panel.detach(sorted(strays))
        except HighroadError as error:
            log.warning("the lab's wires could not be looked at: %s", error)
        await self.load([policy for policy in held.policies().values() if policy.a is not None])

    async def flows(self) -> Mapping[ServiceId, Flow]:
        """What hosts sent and got; nothing where there is no lab, or it does not answer."""
        if self._panel is None:
            return {}
        try:
            return await self._panel.flows()
        except HighroadError as error:
            log.info("the lab's traffic could not be read: %s", error)
            return {}

    async def known_cuts(self) -> Collection[FibreId]:
        """What is known to be cut, where anybody can know."""
        if self._panel is None:
            return ()
        try:
            status = await self._panel.status()
        except HighroadError:
            return ()
        return {*status.cuts, *(fibre for group in status.groups for fibre in self.network.fibres_of(group))}

    def _lab(
        self, *, fibre: FibreId | None = None, group: RiskGroupId | None = None, site: SiteId | None = None
    ) -> Panel:
        if self._panel is None:
            raise Conflict("this fabric is no lab: nothing in it is broken on purpose")
        if fibre is not None and fibre not in self.network.fibre:
            raise NotFound(f"there is no fibre {fibre}", fibre=fibre)
        if group is not None and all(group != one.id for one in self.network.risk_groups):
            raise NotFound(f"there is no risk group {group}", group=group)
        if site is not None and site not in self.network.site:
            raise NotFound(f"there is no router at {site}", site=site)
        return self._panel


def wire_of(site: SiteId, service: ServiceId, one: Attachment | None, policy: router.Policy | None) -> Wire:
    """The wire that an attachment needs."""
    assert one is not None  # noqa: S101 - the callers looked
    return Wire(
        attachment=one.id,
        service=service,
        port=PortId(one.port),
        site=site,
        kind=one.kind,
        interface=one.interface or one.id,
        mtu_bytes=one.mtu_bytes,
        pe4=one.addresses.pe4,
        ce4=one.addresses.ce4,
        pe6=one.addresses.pe6,
        ce6=one.addresses.ce6,
        prefixes=one.prefixes,
        remote=policy.prefixes if policy is not None else (),
    )
