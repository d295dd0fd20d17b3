"""The twin behind the protocols: a plant that lives in a clock's time and remembers on disk."""

from __future__ import annotations

import asyncio
import math
import random
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from highroad.errors import HighroadError
from highroad.fabric.bell import Bell
from highroad.fabric.clock import SteadyClock
from highroad.fabric.twin.journal import Journal
from highroad.fabric.twin.measured import measurements
from highroad.fabric.twin.plant import Plant
from highroad.fabric.twin.probe import rtt_ms, trace
from highroad.model.measurement import Measurement
from highroad.model.network import FibreId, LinkId, Network, RiskGroupId, SiteId
from highroad.model.policy import LocalRepair
from highroad.model.service import PortId, ServiceId
from highroad.ports import Change, Clock, Echo, LabStatus, Observed, Sample, Trace

_CHECKPOINT_S = 10.0
"""Sampling writes the counters down this often, which bounds what a restart has to integrate again."""

_NOTES = 1000
"""So many changes are made again at most when a plant comes back."""

_MOVED_S = 3.0
"""For so long it is remembered that a policy was changed: longer than an interval that is told of."""

_AT_ONCE = 200
"""Changes that are made together: a failure does not wait for a thousand orders to be carried."""


class Twin:
    """A fluid model of a backbone: `Fabric`, `Lab` and `Prober` of `highroad.ports`. Close it with `aclose`.

    A cut is noticed `detection_ms` after it (one that leaves the light on only where routers are `watched`, as they
    are), a splice trusted `restoration_ms` after it; a change takes hold
    `apply_ms` after it was asked for. Everything that was done to it is durable in the journal before the
    call returns; without a path it is kept in memory only. Where the journal has a plant, that plant goes on
    from where it was, over the network that it had until now, and then adopts the one given here.

    With an epoch another process may go on with the same plant under a later one; whatever is done here after that
    raises Deposed.

    If the clock was set back, the plant's time goes on from where it was, at the same pace.
    """

    def __init__(
        self,
        network: Network,
        clock: Clock,
        *,
        seed: int = 0,
        detection_ms: float = 15.0,
        restoration_ms: float = 50.0,
        apply_ms: float = 1.0,
        watched: bool = True,
        journal: Path | None = None,
        epoch: int | None = None,
    ) -> None:
        self._clock = SteadyClock(clock)
        self._apply_s = apply_ms / 1000.0
        self._dice = random.Random(seed)  # noqa: S311 - which packets of a ping are lost
        self._journal = Journal(journal, epoch)
        self._written_s = self._clock.now_s()
        self._plant = Plant(
            network,
            self._written_s,
            seed=seed,
            detection_s=detection_ms / 1000.0,
            restoration_s=restoration_ms / 1000.0,
            watched=watched,
        )
        self._noted: dict[ServiceId, None] = {}
        """Services whose policies were changed since all of it was written."""
        self._notes = 0
        self._applying = asyncio.Lock()
        self._watchmen: dict[float, asyncio.Task[None]] = {}
        self._bell = Bell()
        try:
            if self._recall():
                self._plant.adopt(network)
            self._write(network=True)
        except BaseException:
            self._journal.close()
            raise
        self._told = self._plant.beliefs
        self._measured_s = float("-inf")
        self._moved_s: dict[ServiceId, float] = {}
        """When the policy of a service was changed, for a few seconds."""

    # --- Fabric ---------------------------------------------------------------------------------------------

    @property
    def rate_scale(self) -> float:
        """A model carries what it says."""
        return 1.0

    async def read(self, since: int | None = None) -> Observed:
        """The policies installed, and the fibres believed dark, each since its cut plus detection."""
        self._catch_up()
        return self._plant.observed(since)

    async def apply(self, changes: Sequence[Change]) -> Mapping[ServiceId, str]:
        """Make the changes, in order and many at one instant: with both paths up, a replacement loses nothing.

        Calls take their turn. Returns what was refused, with the reason: see `highroad.fabric.validity`.
        """
        refused: dict[ServiceId, str] = {}
        async with self._applying:
            rung = self._bell.rings
            for start in range(0, len(changes), _AT_ONCE):
                await self._clock.sleep(self._apply_s)
                self._catch_up()
                batch = changes[start : start + _AT_ONCE]
                no, changed = self._plant.apply(batch)
                refused |= no
                if changed:
                    self._note(batch, changed)
                self._moved(changed)
                if self._bell.rings != rung:
                    break
        return refused

    async def protect(self, repairs: Collection[LocalRepair]) -> None:
        """Have these ways around links ready: they are taken at once where light is lost."""
        self._catch_up()
        ready = tuple(repairs)
        if self._plant.protect(ready):
            with self._or_undone():
                self._journal.note_repairs(self._plant.at_s, ready)
            self._notes += 1
            if self._notes >= _NOTES:
                self._write()

    async def sample(self) -> Sample:
        """Every counter now."""
        self._catch_up()
        if self._plant.at_s >= self._written_s + _CHECKPOINT_S:
            self._write()
        return self._plant.sample()

    def changes(self) -> AsyncIterator[None]:
        """Yields when a cut or a splice has been noticed since this call, or since it yielded last.

        Several that come before the consumer looks are one. Any number of consumers may watch at once.
        """
        self._keep_watch()
        return self._bell.watch()

    async def adopt(self, network: Network) -> None:
        """Use another network from now on; policies that it cannot carry lose their offer until replaced."""
        self._catch_up()
        if self._plant.adopt(network):
            self._write(network=True)
            self._tell()

    async def aclose(self) -> None:
        """Write the counters down and let go of the journal; whoever watches gets to the end. Idempotent."""
        if self._bell.closed:
            return
        watchmen = list(self._watchmen.values())
        for watchman in watchmen:
            watchman.cancel()
        await asyncio.gather(*watchmen, return_exceptions=True)
        try:
            self._catch_up()
            self._write()
        finally:
            self._bell.close()
            self._journal.close()

    # --- Lab ------------------------------------------------------------------------------------------------

    async def cut(
        self, fibre: FibreId, *, silent: bool = False, towards: SiteId | None = None, loss: float = 1.0
    ) -> None:
        """Cut a fibre; traffic on it is lost at once, and headends notice after the detection time, silent or not."""
        self._do(lambda: self._plant.cut(fibre, silent=silent, towards=towards, loss=loss))

    async def uncut(self, fibre: FibreId) -> None:
        """Splice a fibre; light is back at once, and headends use it again after the restoration time."""
        self._do(lambda: self._plant.uncut(fibre))

    async def cut_group(self, group: RiskGroupId, *, silent: bool = False, loss: float = 1.0) -> None:
        """Cut all fibres of a risk group at one instant, each as `cut` does."""
        self._do(lambda: self._plant.cut_group(group, silent=silent, loss=loss))

    async def uncut_group(self, group: RiskGroupId) -> None:
        """Splice them, but for those that were cut by themselves."""
        self._do(lambda: self._plant.uncut_group(group))

    async def cuts(self) -> Mapping[FibreId, float]:
        """What was cut, noticed or not, and since when (UTC seconds)."""
        return self._plant.cuts()

    async def kill_router(self, site: SiteId, *, silent: bool = False) -> None:
        """End a router: every fibre there is dark at once, and its neighbours notice after the detection time.
        Silently light stays on, and nobody notices.
        """
        self._do(lambda: self._plant.kill_router(site, silent=silent))

    async def revive_router(self, site: SiteId) -> None:
        """Start it again: what nothing else keeps dark is lit at once, and used after the restoration time."""
        self._do(lambda: self._plant.revive_router(site))

    async def status(self) -> LabStatus:
        """Its routers and what was broken, now."""
        return self._plant.status()

    async def plug(self, ports: Sequence[PortId]) -> None:
        """Hosts are modelled, behind whatever port there is."""

    async def offer(self, service: ServiceId, offered_gbps: float | None) -> None:
        """Let a service offer so much each way from now on, once it is installed; it outlives the policy."""
        self._catch_up()
        if self._plant.offer(service, offered_gbps):
            self._write()

    # --- Prober ---------------------------------------------------------------------------------------------

    async def ping(self, service: ServiceId, *, count: int, interval_ms: float, size_bytes: int) -> Sequence[Echo]:
        """What so many packets would find, one after the other; the last one is waited for. Size is not modelled."""
        echoes: list[Echo] = []
        for sequence in range(1, count + 1):
            self._catch_up()
            found_ms = rtt_ms(self._plant.network, self._plant.ways(service), self._passes)
            echoes.append(Echo(sequence=sequence, rtt_ms=found_ms))
            await self._clock.sleep((interval_ms if sequence < count else found_ms or 0.0) / 1000.0)
        return echoes

    async def trace(self, service: ServiceId) -> Trace:
        """Every router on its way, as one packet to each would find it."""
        self._catch_up()
        return trace(self._plant.network, self._plant.ways(service), self._plant.lit)

    def _passes(self, link: LinkId) -> bool:
        """Whether one packet gets over a link."""
        return self._plant.lit(link) and self._dice.random() >= self._plant.loss(link)

    async def measured(self) -> Sequence[Measurement]:
        """Of the second that was, once; a longer time in which nobody asked is a gap."""
        self._catch_up()
        at_s = math.floor(self._plant.at_s) - 1.0
        if at_s <= self._measured_s:
            return []
        self._measured_s = at_s
        return list(measurements(*self._plant.delivery(), at_s=at_s, for_s=1.0))

    async def lately(self, services: Collection[ServiceId]) -> Sequence[Measurement]:
        """Of the second that was, but for those whose policy was changed in it or since: that second had two paths."""
        self._catch_up()
        at_s = math.floor(self._plant.at_s) - 1.0
        known, shares, latency_ms = self._plant.delivery()
        rows = [row for row, one in enumerate(known) if one in services and self._moved_s.get(one, -math.inf) <= at_s]
        names = [known[row] for row in rows]
        found = measurements(
            names, [shares[row] for row in rows], [latency_ms[row] for row in rows], at_s=at_s, for_s=1.0
        )
        return list(found)

    async def measurements(self, service: ServiceId) -> Sequence[Measurement]:
        """What is measured of a service now. Raises NotFound."""
        self._catch_up()
        self._plant.ways(service)
        services, shares, latency_ms = self._plant.delivery()
        row = services.index(service)
        at_s = math.floor(self._plant.at_s) - 1.0
        return list(measurements([service], [shares[row]], [latency_ms[row]], at_s=at_s, for_s=1.0))

    # --- time passes, things are noticed --------------------------------------------------------------------

    def _keep_watch(self) -> None:
        """See to it that what falls due next is noticed at its time, even if nobody asks."""
        due_s = self._plant.next_due_s()
        if due_s is not None and due_s not in self._watchmen and not self._bell.closed:
            self._watchmen[due_s] = asyncio.create_task(self._watch_until(due_s))

    async def _watch_until(self, due_s: float) -> None:
        try:
            while (left_s := due_s - self._clock.now_s()) > 0.0:
                await self._clock.sleep(left_s)
            self._catch_up()
        finally:
            del self._watchmen[due_s]
        self._keep_watch()

    def _do(self, act: Callable[[], bool]) -> None:
        """Do something to the glass, durably, and see to it that it is noticed."""
        self._catch_up()
        if act():
            self._write()
        self._keep_watch()

    def _catch_up(self) -> None:
        self._plant.advance(self._clock.now_s())
        self._tell()

    def _tell(self) -> None:
        if self._told != self._plant.beliefs:
            self._told = self._plant.beliefs
            self._bell.ring()

    def _moved(self, changed: Iterable[ServiceId]) -> None:
        now_s = self._plant.at_s
        while self._moved_s and next(iter(self._moved_s.values())) < now_s - _MOVED_S:
            del self._moved_s[next(iter(self._moved_s))]
        for one in changed:
            self._moved_s.pop(one, None)
            self._moved_s[one] = now_s

    def _note(self, changes: Sequence[Change], changed: Iterable[ServiceId]) -> None:
        """Make changes of policies durable, or undo them."""
        with self._or_undone():
            self._journal.note(self._plant.at_s, changes)
        self._noted.update(dict.fromkeys(changed))
        self._notes += 1
        if self._notes >= _NOTES:
            self._write()

    def _write(self, *, network: bool = False) -> None:
        """Make all that was done durable, or undo what is not."""
        with self._or_undone():
            self._journal.write(self._plant.memory(), changed=self._noted, network=network)
        self._noted, self._notes = {}, 0
        self._written_s = self._plant.at_s

    @contextmanager
    def _or_undone(self) -> Iterator[None]:
        """What was not acknowledged has not happened."""
        try:
            yield
        except HighroadError:
            self._recall()
            raise

    def _recall(self) -> bool:
        """Be what the journal has. Returns whether it has anything."""
        memory = self._journal.load()
        if memory is None:
            return False
        self._plant.recall(memory)
        notes = self._journal.changes()
        self._noted, self._notes = {}, len(notes)
        for at_s, changes in notes:
            self._plant.advance(at_s)
            if isinstance(changes, tuple):
                self._plant.protect(changes)
            else:
                _, changed = self._plant.apply(changes)
                self._noted.update(dict.fromkeys(changed))
        self._clock.begin_at(self._plant.at_s)
        self._plant.advance(self._clock.now_s())
        return True
