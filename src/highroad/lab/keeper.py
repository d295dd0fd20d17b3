"""What a lab's daemon does for whoever asks: lay wires, carry traffic, break things, tell how all is."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import msgspec

from highroad.errors import HighroadError, NotFound, Unavailable, did_you_mean
from highroad.lab import agents, ping, record
from highroad.lab.children import Child, last_line
from highroad.lab.hosts import Hosts, Laid
from highroad.lab.names import LabId
from highroad.lab.nursery import Agent, Order
from highroad.lab.nursery import Child as AgentState
from highroad.lab.optics import Optics
from highroad.lab.plan import Plan
from highroad.lab.talk import (
    Answer,
    CutAsked,
    GroupAsked,
    Info,
    OfferAsked,
    Options,
    PingAsked,
    Request,
    RouterInfo,
    answers,
    refusal,
)
from highroad.lab.traffic.process import Asked, Carry, End, Traffic
from highroad.lab.usage import cpu_s, memory_mb
from highroad.model.network import SiteId
from highroad.model.service import PortId, ServiceId
from highroad.ports import Echo, LabStatus, RouterState
from highroad.ports.broken import cut_state
from highroad.ports.panel import Load, Wire

_LOST = {
    "delay": "links have no length.",
    "traffic": "hosts send nothing, and nothing is counted.",
    "nursery": "agents that end are not started again.",
}

REPAIRED_S = 0.3
"""So long after a router has died its hosts' ports follow: each change holds a lock of the kernel's that headends need
to flip.
"""

_AT_ONCE = 200
"""How many wires are laid or taken before somebody else is heard."""

_HOSTS_AT_ONCE = 20
"""How many hosts are made before somebody else is heard: one takes 1.5 ms."""

_READY_S = 60.0


class Keeper:
    """One lab, built and running."""

    def __init__(
        self, lab: LabId, plan: Plan, options: Options, children: dict[str, Child], about: dict[SiteId, Agent]
    ) -> None:
        """Of a lab whose namespaces and processes are there."""
        self.lab = lab
        self.plan = plan
        self.options = options
        self.instance = secrets.token_hex(4)
        self.note = ""
        self.ended = asyncio.Event()
        self._children = children
        self._agents = about
        self._optics = Optics(lab, plan)
        self._hosts = Hosts(lab, plan)
        self._loads: dict[ServiceId, Load] = {}
        self._laying = asyncio.Lock()
        self._handlers: dict[str, tuple[Any, Callable[[Any], Awaitable[Any]]]] = {
            "plug": (list[PortId], self._plug),
            "attach": (list[Wire], self._attach),
            "detach": (list[str], self._take),
            "wired": (None, self._wired),
            "carry": (list[Load], self._carry),
            "offer": (OfferAsked, self._offer),
            "traffic": (None, self._traffic),
            "ping": (PingAsked, self._ping),
            "cut": (CutAsked, self._cut),
            "uncut": (str, self._uncut),
            "cut_group": (GroupAsked, self._cut_group),
            "uncut_group": (str, self._uncut_group),
            "kill": (str, self._kill),
            "mute": (str, self._mute),
            "revive": (str, self._revive),
            "status": (None, self._status),
            "info": (None, self._info),
            "ready": (None, self._ready),
            "down": (None, self._down),
        }

    async def begin(self) -> None:
        """Start every agent."""
        if self._agents:
            await self._order(Order(start=list(self._agents)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one caller until it leaves."""
        with suppress(OSError, asyncio.IncompleteReadError, ValueError, asyncio.CancelledError):
            while line := await reader.readline():
                writer.write(msgspec.json.encode(await self._answer(line)) + b"\n")
                await writer.drain()
        writer.close()

    async def _answer(self, line: bytes) -> Answer:
        try:
            request = msgspec.json.decode(line, type=Request)
            if request.do not in self._handlers:
                raise NotFound(f"a lab cannot {request.do[:50]}{did_you_mean(request.do, self._handlers)}")
            kind, handler = self._handlers[request.do]
            value = await handler(msgspec.json.decode(request.about, type=kind))
            return Answer(value=msgspec.Raw(msgspec.json.encode(value)))
        except msgspec.DecodeError as error:
            return Answer(code=Unavailable.code, message=f"the lab does not understand: {error}")
        except HighroadError as error:
            return refusal(error)

    # ------------------------------------------------------------------------------------------------ wires

    async def _plug(self, ports: list[PortId]) -> None:
        missing = [port for port in ports if port not in self._hosts.names]
        for start in range(0, len(missing), _HOSTS_AT_ONCE):
            async with self._laying:
                self._hosts.make(missing[start : start + _HOSTS_AT_ONCE])
            await asyncio.sleep(0)

    async def _attach(self, wires: list[Wire]) -> dict[str, str]:
        async with self._laying:
            before = dict(self._hosts.laid)
            refused: dict[str, str] = {}
            for start in range(0, len(wires), _AT_ONCE):
                refused |= self._hosts.attach(wires[start : start + _AT_ONCE])
                await asyncio.sleep(0)  # others have questions as well
            anew = {name for name, laid in self._hosts.laid.items() if before.get(name, laid) != laid}
            loads = [load for load in self._loads.values() if {load.a, load.b} & anew]
            if loads:
                await self._carry(loads)
            return refused

    async def _take(self, attachments: list[str]) -> None:
        async with self._laying:
            gone = set(attachments)
            stop = [name for name, load in self._loads.items() if {load.a, load.b} & gone]
            if stop:
                await self._ask_traffic(Asked(stop=[str(name) for name in stop]))
                for name in stop:
                    del self._loads[name]
            for start in range(0, len(attachments), _AT_ONCE):
                self._hosts.detach(attachments[start : start + _AT_ONCE])
                await asyncio.sleep(0)

    async def _wired(self, _: None) -> list[str]:
        return sorted(self._hosts.laid)

    # ---------------------------------------------------------------------------------------------- traffic

    async def _carry(self, loads: list[Load]) -> None:
        carry = [Carry(load=load, a=self._end(load.a), b=self._end(load.b)) for load in loads]
        await self._ask_traffic(Asked(carry=carry))
        self._loads |= {load.service: load for load in loads}

    async def _offer(self, asked: OfferAsked) -> None:
        await self._ask_traffic(Asked(offer={asked.service: asked.offered_gbps}))

    async def _traffic(self, _: None) -> dict[str, Traffic]:
        return await self._ask_traffic(Asked())

    async def _ask_traffic(self, asked: Asked) -> dict[str, Traffic]:
        answer = await self._children["traffic"].ask(msgspec.json.encode(asked))
        return msgspec.json.decode(answer, type=dict[str, Traffic])

    async def _ping(self, asked: PingAsked) -> list[Echo]:
        a, b = self._ends(asked.service)
        host = self._hosts.host(a.wire.port)
        return await ping.ping(
            host.namespace,
            a.interface,
            a.address,
            b.address,
            count=min(max(1, asked.count), 1000),
            interval_ms=max(1.0, asked.interval_ms),
            size_bytes=min(max(28, asked.size_bytes), a.wire.mtu_bytes),
        )

    def _ends(self, service: ServiceId) -> tuple[Laid, Laid]:
        load = self._loads.get(service)
        if load is not None:
            return self._laid(load.a), self._laid(load.b)
        ends = sorted(
            (one for one in self._hosts.laid.values() if one.wire.service == service),
            key=lambda one: one.wire.attachment,
        )
        if len(ends) != 2:
            raise NotFound(f"no wires lie for the service {service}")
        return ends[0], ends[1]

    def _laid(self, attachment: str) -> Laid:
        if attachment not in self._hosts.laid:
            raise NotFound(f"no wire lies for {attachment}")
        return self._hosts.laid[attachment]

    def _end(self, attachment: str) -> End:
        laid = self._laid(attachment)
        name = self._hosts.host(laid.wire.port).name
        # what an Ethernet service carries has its own header besides, within the same MTU of the port
        return End(namespace=name, interface=laid.interface, address=laid.address, mtu_bytes=laid.wire.mtu_bytes)

    # --------------------------------------------------------------------------------------------- breaking

    async def _cut(self, asked: CutAsked) -> None:
        fibre, have = self._optics.fibre(asked.fibre), self._optics.cut
        if asked.towards not in (None, *self.plan.ends_of[fibre]):
            raise NotFound(f"{asked.towards} is no end of {fibre}")
        have[fibre] = cut_state(
            have.get(fibre), time.time(), silent=asked.silent, towards=asked.towards, loss=asked.loss
        )
        self._optics.shine()

    async def _uncut(self, name: str) -> None:
        self._optics.cut.pop(self._optics.fibre(name), None)
        self._optics.shine()

    async def _cut_group(self, asked: GroupAsked) -> None:
        group, have = self._optics.group(asked.group), self._optics.cut_groups
        have[group] = cut_state(have.get(group), time.time(), silent=asked.silent, loss=asked.loss)
        self._optics.shine()

    async def _uncut_group(self, name: str) -> None:
        self._optics.cut_groups.pop(self._optics.group(name), None)
        self._optics.shine()

    async def _kill(self, name: str) -> None:
        await self._end_router(name, silent=False)

    async def _mute(self, name: str) -> None:
        await self._end_router(name, silent=True)

    async def _end_router(self, name: str, *, silent: bool) -> None:
        optics, site = self._optics, self._optics.site(name)
        optics.killed.setdefault(site, time.time())
        (optics.mute.add if silent else optics.mute.discard)(site)
        # All routers of a lab share a machine: what it takes to end one must not hold up who repairs. As long as its
        # kernel forwards nobody misses its processes.
        try:
            await self._order(Order(kill=[site]))
        finally:
            optics.shine()
        await asyncio.sleep(REPAIRED_S)
        self._shine_on_hosts()

    async def _revive(self, name: str) -> None:
        site = self._optics.site(name)
        if self._optics.killed.pop(site, None) is not None:
            self._optics.mute.discard(site)
            self._shine()
        await self._order(Order(start=[site]))

    def _shine(self) -> None:
        self._optics.shine()
        self._shine_on_hosts()

    def _shine_on_hosts(self) -> None:
        optics = self._optics
        self._hosts.shine(optics.killed.keys() - optics.mute, optics.mute, optics.nothing_passes)

    async def _order(self, order: Order) -> dict[str, AgentState]:
        if not self._agents:
            return {}
        answer = await self._children["nursery"].ask(msgspec.json.encode(order))
        return msgspec.json.decode(answer, type=dict[str, AgentState])

    # ----------------------------------------------------------------------------------------------- telling

    async def _status(self, _: None) -> LabStatus:
        children = await self._order(Order())
        routers = []
        for router in self.plan.routers:
            killed_s = self._optics.killed.get(router.site)
            note = _note(children.get(router.site))
            is_mute = router.site in self._optics.mute
            routers.append(RouterState(site=router.site, killed_s=killed_s, note=note, silent=is_mute))
        cuts, groups = dict(self._optics.cut), dict(self._optics.cut_groups)
        return LabStatus(routers=routers, cuts=cuts, hosts=dict(self._hosts.names), groups=groups)

    async def _info(self, _: None) -> Info:
        children = await self._order(Order())
        processes = record.living(self.lab)
        gone = [role for role in self._children if role not in processes]
        if gone:
            self.note = f"the lab's {' and '.join(gone)} process has ended: {' '.join(_LOST[role] for role in gone)}"
        return Info(
            instance=self.instance,
            network=self.plan.network,
            rate_scale=self.options.rate_scale,
            delay=self.options.delay and not self.note,
            note=self.note,
            routers=[self._router(router.site, children) for router in self.plan.routers],
            hosts=dict(self._hosts.names),
            cuts=dict(self._optics.cut),
            groups=dict(self._optics.cut_groups),
            processes=processes,
            memory_mb=sum(memory_mb(pid) or 0.0 for pid in processes.values()),
        )

    def _router(self, site: SiteId, children: dict[str, AgentState]) -> RouterInfo:
        child = children.get(site)
        pid = None if child is None else child.pid
        return RouterInfo(
            site=site,
            name=agents.name_of(site),
            address=agents.address(self.lab, site),
            node=self.plan.router[site].node,
            namespace=self.lab.router(site),
            pid=pid,
            restarts=0 if child is None else child.ended,
            memory_mb=None if pid is None else memory_mb(pid),
            cpu_s=None if pid is None else cpu_s(pid),
            killed_s=self._optics.killed.get(site),
        )

    async def _ready(self, _: None) -> None:
        """Wait until every agent answers. Raises Unavailable with what one printed that does not."""
        until = time.monotonic() + _READY_S
        waiting = [agent for site, agent in self._agents.items() if site not in self._optics.killed]
        while waiting := [agent for agent in waiting if not answers(agents.socket_of(self.lab, agent.site))]:
            children = await self._order(Order())
            lost = [agent for agent in waiting if children[agent.site].ended > 1]
            if lost or time.monotonic() > until:
                one = (lost or waiting)[0]
                raise Unavailable(f"the agent of {one.site} does not start: {last_line(one.log)}")
            await asyncio.sleep(0.02)

    async def _down(self, _: None) -> None:
        self.ended.set()

    def close(self) -> None:
        """Let go of everything; `sweep` then takes it away."""
        self._optics.close()
        self._hosts.close()


def _note(child: AgentState | None) -> str:
    if child is None:
        return "nobody drives it"
    if child.pid is None:
        return "its agent does not run"
    return f"its agent was started again {child.ended} times" if child.ended else ""
