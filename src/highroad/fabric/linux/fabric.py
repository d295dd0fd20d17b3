"""A backbone of Linux routers behind the protocols: what they hold and see, told to the controller, and the reverse."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from pathlib import Path

from highroad.errors import HighroadError
from highroad.fabric.bell import Bell
from highroad.fabric.linux.avoid import Avoiding
from highroad.fabric.linux.compile import (
    CannotCompile,
    Half,
    halves_of,
    moves,
    next_free,
    number_of,
)
from highroad.fabric.linux.guard import Guard
from highroad.fabric.linux.held import NOTHING, Held
from highroad.fabric.linux.inventory import Facts, Reach
from highroad.fabric.linux.light import PortLight, dark_fibres, dark_links, why_dark
from highroad.fabric.linux.memory import Memory
from highroad.fabric.linux.meter import Meter, dark_services
from highroad.fabric.linux.panel import LabSide
from highroad.fabric.linux.probing import ProbeSide
from highroad.fabric.linux.session import Client, Session
from highroad.fabric.linux.steps import Step, in_lots, resolved, walk
from highroad.gnmi.router import Attachment, Intended
from highroad.model.network import FibreId, LinkId, Network, SiteId
from highroad.model.policy import LocalRepair, Policy
from highroad.model.service import ServiceId
from highroad.ports import (
    Change,
    Clock,
    Down,
    Observed,
    Sample,
)
from highroad.ports.panel import Flow, Panel

log = logging.getLogger(__name__)

FIRST_LOOK_S = 10.0
"""How long the start waits for routers that do not answer."""

COUNTED_FOR_S = 0.05
"""Routers are asked for their counters no more often: who samples quicker gets the last answer again."""

LOT = 100
"""Services whose wires are laid while routers take the steps of those before; between two lots something more urgent
may be done.
"""

TOLD_AFTER_S = 1.0
"""After so long what is done is told before more is begun: a service is not carried and still said to be activating."""

HEALING_S, GLANCE_S = 0.5, 0.02
"""How long a sample waits for hosts of services that were dark to see their first packet by the new path, both ways,
and to know for how long none came; and how often it looks: routers have answered by then, and the packet is on its way.
"""


class LinuxFabric(LabSide, ProbeSide):
    """`Fabric`, `Prober`, `Measures` and, with a panel, `Lab` of `highroad.ports`. Start it with `start`, end it with
    `aclose`.

    `connect` makes the client that speaks to a router. In a lab each attachment is an interface of its own; elsewhere
    it is what the router's own file has for the port. `instance` is of the lab, another each time one is built.
    `memory` is where counters are kept.
    """

    def __init__(
        self,
        network: Network,
        routers: Mapping[SiteId, Reach],
        clock: Clock,
        *,
        connect: Callable[[Reach], Client],
        panel: Panel | None = None,
        instance: str = "",
        memory: Path | None = None,
    ) -> None:
        LabSide.__init__(self, panel)
        ProbeSide.__init__(self, routers)
        self.network = network
        self._clock = clock
        self._held = Held()
        self._last: dict[SiteId, int] = {}
        self._set_aside: dict[ServiceId, dict[SiteId, int]] = {}
        """The numbers of attachments that are not made yet, and whose wires may lie already."""
        self._memory = Memory(memory)
        self._meter = Meter(self._memory, instance)
        self._sessions = {site: Session(reach, connect(reach), self) for site, reach in routers.items()}
        self._guard = Guard(self._held, self._sessions)
        self._repairs: Collection[LocalRepair] = ()
        self._unguarded = True
        """Whether routers may hold other ways around links than they are to."""
        self._ports: dict[SiteId, Mapping[LinkId, PortLight]] = {}
        self._dark: dict[LinkId, float] = {}
        self._down: dict[FibreId, float] = {}
        self._why: dict[FibreId, Down] = {}
        self._flips: dict[SiteId, Mapping[ServiceId, float]] = {}
        self._bell = Bell()
        self._applying = asyncio.Lock()
        self._counting = asyncio.Lock()
        self._counted_s = float("-inf")
        self._dark_before_s: dict[ServiceId, float] = {}
        self._healing: dict[ServiceId, float] = {}
        self._avoiding = Avoiding(self._held, self._sessions, clock, busy=self._applying.locked)
        self._looking = asyncio.Event()
        self._seeing = asyncio.Event()
        self._unwired = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Reach the routers; those that do not answer in time are waited for in the background."""
        for session in self._sessions.values():
            session.start()
        meeting = [asyncio.ensure_future(session.met()) for session in self._sessions.values()]
        if meeting:
            _, late = await asyncio.wait(meeting, timeout=FIRST_LOOK_S)
            for task in late:
                task.cancel()
            for site, trouble in self.troubles.items():
                log.warning("the router at %s is not there: %s", site, trouble)
        await self._look_at_light()
        self._avoiding.begin(self._dark)
        await self.mend(self._held, whole=self._all_connected)
        self._unwired.clear()
        self._tasks = [
            asyncio.create_task(self._watch_dark(), name="dark"),
            asyncio.create_task(self._watch_light(), name="light"),
            asyncio.create_task(self._watch_wires(), name="wires"),
            asyncio.create_task(self.keep_plugged(), name="hosts"),
        ]

    async def aclose(self) -> None:
        """Let go of the routers, which go on carrying; whoever watches gets to the end. Idempotent."""
        if self._bell.closed:
            return
        self._bell.close()
        await self.wires_settled()
        await self._avoiding.aclose()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, *(one.close() for one in self._sessions.values()), return_exceptions=True)
        self._memory.write()

    @property
    def rate_scale(self) -> float:
        """A modelled 1 Gbit/s is carried as so many Gbit/s."""
        if self._panel is not None:
            return self._panel.rate_scale
        return min((facts.rate_scale for facts in self._facts().values()), default=1.0)

    @property
    def messages_sent(self) -> int:
        """Messages to routers that changed, or were to change, what they hold."""
        return sum(session.sets for session in self._sessions.values())

    def attachment(self, site: SiteId, service: ServiceId) -> Attachment | None:
        """What a router holds as its end of a service."""
        return self._held.half(site, service).attachment

    @property
    def troubles(self) -> dict[SiteId, HighroadError]:
        """The routers that are not connected, and why."""
        return {
            site: one.trouble for site, one in self._sessions.items() if not one.connected and one.trouble is not None
        }

    # --- Fabric ---------------------------------------------------------------------------------------------

    async def read(self, since: int | None = None) -> Observed:
        """What routers hold, and the fibres that are dark by what their ports say. Which of its paths a headend uses is
        its own affair: what it holds is what it was told.
        """
        return self._held.read(dict(self._down), since, dict(self._why), self._flipped_s())

    def _flipped_s(self) -> dict[ServiceId, float]:
        """When both ends of a service, or the one that did, had left its preferred path."""
        flipped: dict[ServiceId, float] = {}
        for since_s in self._flips.values():
            for service, at_s in since_s.items():
                flipped[service] = max(at_s, flipped.get(service, at_s))
        return flipped

    async def apply(self, changes: Sequence[Change]) -> Mapping[ServiceId, str]:
        """Make the changes: what is left of them in the end is told, a message or two a router.

        Calls take their turn. A service is changed at both its ends or at neither.
        """
        async with self._applying:
            wanted, refused, anew = resolved(self.network, changes)
            self._let_go(self._set_aside.keys() - wanted.keys())
            await self._unplug(wanted)
            steps = self._steps(wanted, refused)
            dark = dark_services(self._held.policies(), self._dark).keys()  # those whose headends have flipped, too
            taken, told = await self._walk(steps)
            self._avoiding.look()
            for step in taken:
                self._set_aside.pop(step.service, None)
            await self._finish(taken, wanted, told, anew, dark)
            return refused | told

    async def protect(self, repairs: Collection[LocalRepair]) -> None:
        """Tell routers the ways around their links, and headends the SIDs that lead over these."""
        if repairs == self._repairs and not self._unguarded:
            return
        async with self._applying:
            self._repairs, self._unguarded = repairs, False
            away = [site for site, one in self._sessions.items() if not one.connected]
            self._unguarded |= not await self._guard.bring(
                repairs, self.network, self._facts(), away=away, own_interfaces=self._panel is not None
            )

    async def _unplug(self, wanted: Mapping[ServiceId, Policy | None]) -> None:
        """In a lab a service of which an end moves to another port is pulled out before it is plugged in there, as
        cables are: its wires have the addresses of both ends.
        """
        if self._panel is None:
            return
        steps = [
            Step(site=site, service=service, before=half, after=NOTHING)
            for service, policy in wanted.items()
            if policy is not None and moves(self._held.halves(service), policy)
            for site, half in self._held.halves(service).items()
        ]
        if not steps:
            return
        await walk(steps, self._sessions, self._held.put)
        self.take_away(dict.fromkeys(step.service for step in steps), self._held)
        await self.wires_settled()

    async def _walk(self, steps: Sequence[Step]) -> tuple[list[Step], dict[ServiceId, str]]:
        """Take the steps, or as many as there is time for before something changes by itself, or what was done is to be
        told. While routers take those of some services, the wires of the next are laid. Returns the steps taken, and
        why some were not.
        """
        lots = in_lots(steps, LOT)
        rung, until_s = self._bell.rings, self._clock.now_s() + TOLD_AFTER_S
        taken: list[Step] = []
        told: dict[ServiceId, str] = {}
        walking: deque[asyncio.Task[dict[ServiceId, str]]] = deque()
        laying = asyncio.ensure_future(self.lay(lots[0] if lots else ()))
        try:
            for place, lot in enumerate(lots):
                unlaid = await laying
                if place and (self._bell.rings != rung or self._clock.now_s() > until_s):
                    break
                laying = asyncio.ensure_future(self.lay(lots[place + 1] if place + 1 < len(lots) else ()))
                going = [step for step in lot if step.service not in unlaid]
                taken += lot
                told |= unlaid
                walking.append(asyncio.create_task(walk(going, self._sessions, self._held.put)))
                if len(walking) > 1:  # the last router of a lot need not be waited for by the others
                    told |= await walking.popleft()
        finally:
            await laying
            for answers in await asyncio.gather(*walking):
                told |= answers
        return taken, told

    async def sample(self) -> Sample:
        """Every counter, as the routers say now; of a router that does not answer, as it last said."""
        async with self._counting:
            flows, _ = await asyncio.gather(self._healed(), self._count())
            self._dark_before_s = {service: flow.dark_s for service, flow in flows.items()}
            now_s = self._clock.now_s()
            policies = self._held.policies()
            if self._panel is None:
                self._meter.darken(now_s, self._dark_services())
            return self._meter.sample(now_s, self._counted_s, self.network, policies, flows, self._dark)

    async def _healed(self) -> Mapping[ServiceId, Flow]:
        """What hosts say; of services that were dark when their path was replaced, once they see the end of it."""
        flows = await self.flows()
        healing, self._healing = self._healing, {}
        begun_s, down = self._clock.now_s(), self._down
        until_s = begun_s + HEALING_S
        while healing and self._clock.now_s() < until_s and not self._looking.is_set() and self._down is down:
            await self._clock.sleep(GLANCE_S)
            flows = await self.flows()
            for service in list(healing):
                now = flows.get(service)
                if now is None or now.offered_gbps <= 0.0:
                    del healing[service]
                elif not now.in_doubt:
                    # What was too short to be seen is never seen: every gap of before would be in doubt by then.
                    unseen = now.unseen_s > 0.0 and self._clock.now_s() > begun_s + now.unseen_s
                    if healing[service] < now.dark_s or unseen:
                        del healing[service]
        return flows

    def changes(self) -> AsyncIterator[None]:
        """Yields when a fibre was seen to go dark or to be lit again, or a router to hold what it was not told."""
        return self._bell.watch()

    async def adopt(self, network: Network) -> None:
        """Use another network from now on."""
        if network != self.network:
            self.network = network
            await self._look_at_light()

    # --- what sessions tell (see `session.Hears`) -----------------------------------------------------------

    def holds(self, site: SiteId, intended: Intended) -> None:
        """A router was read."""
        news = self._held.put_all(site, intended)
        news |= self._guard.put_all(site, intended.protections)
        self._unguarded = True
        self._unwired.set()
        self._avoiding.look()
        if news:
            self._bell.ring()

    def sees(self, site: SiteId, ports: Mapping[LinkId, PortLight]) -> None:
        """A router's ports, as it sees them."""
        self._ports[site] = ports
        self._seeing.set()
        self._looking.set()

    def flips(self, site: SiteId, since_s: Mapping[ServiceId, float]) -> None:
        """The services that a headend has on another path than they prefer."""
        self._flips[site] = since_s
        if self._panel is None:
            self._meter.darken(self._clock.now_s(), self._dark_services())

    def lost(self, site: SiteId) -> None:
        """A router does not answer: what it saw last counts for nothing, its neighbours see its other ends."""
        self._ports.pop(site, None)
        self._flips.pop(site, None)
        self._avoiding.lost(site)
        self._seeing.set()
        self._looking.set()

    # --- applying -------------------------------------------------------------------------------------------

    def _steps(self, wanted: Mapping[ServiceId, Policy | None], refused: dict[ServiceId, str]) -> list[Step]:
        """What is to change where; services that cannot be told so are added to `refused`."""
        facts = self._facts()
        steps: list[Step] = []
        used: dict[SiteId, set[int]] | None = None
        for service, policy in wanted.items():
            held = self._held.halves(service)
            if policy is None:
                self._set_aside.pop(service, None)
                steps += [Step(site=site, service=service, before=half, after=NOTHING) for site, half in held.items()]
                continue
            if policy == self._held.policy(service):
                continue
            if used is None:
                used = self._used(facts)
            try:
                halves = halves_of(
                    policy,
                    self.network,
                    facts,
                    self._numbers(policy, held, used),
                    own_interfaces=self._panel is not None,
                    protected=self._guard.function,
                )
            except CannotCompile as error:
                refused[service] = str(error)
                continue
            away = [site for site in halves if not self._sessions[site].connected]
            if away:
                refused[service] = str(self._sessions[away[0]].absent)
                continue
            for site in dict.fromkeys((*halves, *held)):
                before, after = held.get(site, NOTHING), halves.get(site, NOTHING)
                if before != after:
                    steps.append(Step(site=site, service=service, before=before, after=after))
        return steps

    def _used(self, facts: Mapping[SiteId, Facts]) -> dict[SiteId, set[int]]:
        """The attachment numbers that are taken at each router."""
        used = self._held.numbers({site: fact.node for site, fact in facts.items()})
        for numbers in self._set_aside.values():
            for site, number in numbers.items():
                used.setdefault(site, set()).add(number)
        return used

    def _let_go(self, services: Collection[ServiceId]) -> None:
        """Of services that were not begun with and are wanted no more, the numbers and the wires."""
        for service in services:
            del self._set_aside[service]
        self.take_away(services, self._held)

    def _numbers(self, policy: Policy, held: Mapping[SiteId, Half], used: dict[SiteId, set[int]]) -> tuple[int, int]:
        """The numbers of the two attachments: those that they have, else the next in turn."""
        numbers: list[int] = []
        for end in (policy.a, policy.b):
            if end is None:
                raise CannotCompile("its policy does not say what is attached at its ends")
            attachment = held.get(end.site, NOTHING).attachment
            aside = self._set_aside.setdefault(policy.service, {}) if attachment is None else {}
            number = aside.get(end.site) if attachment is None else number_of(attachment.function)
            if number is None:
                taken = used.setdefault(end.site, set())
                number = next_free(taken, self._last.get(end.site, max(taken, default=0)))
            if number is None:
                raise CannotCompile(f"the router at {end.site} has no attachment left")
            if attachment is None and end.site not in aside:
                self._last[end.site] = aside[end.site] = number
            used.setdefault(end.site, set()).add(number)
            numbers.append(number)
        return numbers[0], numbers[1]

    async def _finish(
        self,
        steps: Sequence[Step],
        wanted: Mapping[ServiceId, Policy | None],
        refused: Mapping[ServiceId, str],
        anew: set[ServiceId],
        dark: Collection[ServiceId],
    ) -> None:
        """What is to be done besides when routers have answered: wires, traffic, counters."""
        changed = {step.service for step in steps} - refused.keys()
        carried = [policy for service in changed if (policy := wanted.get(service)) is not None]
        for policy in carried:
            if not self._held.know(policy):
                log.error("what routers hold for %s is not what they were told", policy.service)
        gone = [service for service in changed if wanted.get(service) is None]
        self._meter.forget([*gone, *(anew & changed)])
        self.take_away([*gone, *refused], self._held)
        await self.load(carried)
        if self._panel is not None:
            self._healing |= {
                policy.service: self._dark_before_s.get(policy.service, 0.0)
                for policy in carried
                if policy.service in dark and not self._dark.keys() & policy.links
            }
        elif self._dark or changed:
            self._meter.darken(self._clock.now_s(), self._dark_services())

    def _dark_services(self) -> dict[ServiceId, float]:
        return dark_services(self._held.policies(), self._dark, self._flips)

    def _facts(self) -> dict[SiteId, Facts]:
        return {site: one.facts for site, one in self._sessions.items() if one.facts is not None}

    # --- light, wires, counters -----------------------------------------------------------------------------

    async def _watch_dark(self) -> None:
        """Headends are told at once; what else follows from it may take longer."""
        while True:
            await self._seeing.wait()
            self._seeing.clear()
            self._avoiding.see(dark_links(self.network, self._reported()).keys())

    def _reported(self) -> dict[LinkId, PortLight]:
        return {link: light for reported in list(self._ports.values()) for link, light in reported.items()}

    async def _watch_light(self) -> None:
        while True:
            await self._looking.wait()
            await asyncio.sleep(0)
            await self._avoiding.headends_first()
            self._looking.clear()
            await self._look_at_light()

    async def _look_at_light(self) -> None:
        """Bring what is believed dark in line with what ports report."""
        ports = self._reported()
        dark = dark_links(self.network, ports)
        down = dark_fibres(self.network, dark, await self.known_cuts() if dark else ())
        why = why_dark(self.network, ports, down)
        told = down.keys() != self._down.keys() or dark.keys() != self._dark.keys() or why != self._why
        self._dark, self._why = dark, why
        if down != self._down:  # who waits looks whether it is still the same
            self._down = down
        if self._panel is None:
            self._meter.darken(self._clock.now_s(), self._dark_services())
        if told:
            self._bell.ring()

    async def _watch_wires(self) -> None:
        """A router that is back, or was changed by somebody, may lack its wires."""
        while True:
            await self._unwired.wait()
            self._unwired.clear()
            async with self._applying:
                await self.mend(self._held, whole=self._all_connected)

    async def _count(self) -> None:
        if self._clock.now_s() < self._counted_s + COUNTED_FOR_S:
            return
        self._counted_s = self._clock.now_s()
        sessions = [one for one in self._sessions.values() if one.connected and one.facts is not None]
        for session, counted in zip(sessions, await asyncio.gather(*(one.counters() for one in sessions)), strict=True):
            if counted is not None and session.facts is not None:
                self._meter.took(session.site, counted, session.facts.rate_scale, self._held.services())

    @property
    def _all_connected(self) -> bool:
        return all(session.connected for session in self._sessions.values())
