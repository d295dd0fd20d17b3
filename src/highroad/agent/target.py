"""The router as a gNMI target: what it is told is checked, journalled, steered into the kernel and then so; what it is
comes back as state.

All that touches the kernel or the journal is done by one thread, one thing after the other, while the event loop goes
on answering.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol, TypeVar

from highroad.agent.counters import Counters
from highroad.agent.headend import Headend
from highroad.agent.journal import Journal
from highroad.agent.notices import Notices, PortLight
from highroad.agent.state import LIGHT_LEAVES, State, light_leaves
from highroad.errors import Finding, HighroadError, Invalid, NotFound, Unavailable, errors_in
from highroad.gnmi import openconfig
from highroad.gnmi.edit import changed, resulting
from highroad.gnmi.hub import Hub
from highroad.gnmi.path import WILDCARD, Path, elem, entry, parse
from highroad.gnmi.router import (
    MODULE,
    Attachment,
    CandidatePath,
    Intended,
    Policy,
    Protection,
    attachment_to_json,
    policy_to_json,
    protection_to_json,
)
from highroad.gnmi.schema import MODELS, check_path
from highroad.gnmi.target import Edit, Kind, Model, Notification, Watch
from highroad.gnmi.tree import find
from highroad.netlink.kernel import Kernel

LOOK_S = 10.0
"""How often the kernel is compared with what it is to hold, besides when it says that something changed."""
QUIET_S, LONGEST_S = 2.0, 60.0
"""It is looked at in a quiet moment, when no Set came for so long, unless that takes too long to come."""
LOOK_SHARE = 0.002
"""At most this share of the time goes into looking."""
SOON_S = 0.02
SOON_SHARE = 0.2
"""How long after the kernel said something it is looked at, and at most which share of the time then goes into looking:
what comes together is looked at once."""
KEEP_S = 60.0
"""How often the sums of counters are kept."""
FRESH_S = 0.005
"""Counters that were read so short a time ago are not read again: the paths of one Get are of one instant."""

_STATE_LISTS = ("core-port", "attachment", "policy", "sid")
_MEASURED = ("measurement", "reflector")

_log = logging.getLogger(__name__)

T = TypeVar("T")


class Steers(Protocol):
    """What brings the kernel to what is told."""

    @property
    def flipped(self) -> Mapping[str, int]:
        """Of which services another path is in use than the preferred one, and which."""

    def adopt(self, intended: Intended) -> Mapping[str, CandidatePath]:
        """Find that out from the kernel."""

    def flip(self, kernel: Kernel, *, wait: bool = True) -> bool | None:
        """Bring all policies to the paths that they are to use; False where some of it has to be mended. None, and
        nothing is done, where it is not to `wait` for who changes policies just now.
        """

    def check(self, intended: Intended, before: Intended | None = None) -> list[Finding]:
        """Everything that is wrong with it, but for what is as it was before."""

    def apply(self, old: Intended, new: Intended) -> int:
        """From the old to the new, all or nothing; how many messages it took. Raises Unavailable."""

    def converge(self, intended: Intended) -> int:
        """Mend what differs; how many messages it took. Raises Unavailable."""


class RouterTarget:
    """One router's tree. `start` first; then a gNMI server may serve it."""

    models: Sequence[Model] = MODELS

    def __init__(
        self,
        *,
        journal: Journal,
        steering: Steers,
        counters: Counters,
        notices: Notices,
        state: State,
        headend: Headend,
        kernel: Kernel,
        worker: ThreadPoolExecutor,
    ) -> None:
        """`worker` is the one thread that may use the journal, the kernel and what stands on it."""
        self._journal = journal
        self._steering = steering
        self._counters = counters
        self._notices = notices
        self._state = state
        self._headend = headend
        self._kernel = kernel
        self._worker = worker
        self._hub = Hub()
        self._amiss = asyncio.Event()
        self._unsure = False
        self._ours: tuple[Intended, frozenset[str]] | None = None
        self._counted_s = 0.0
        self._written_s = 0.0
        self._said: dict[str, tuple[str, str | None]] = {}
        self.on_told: Callable[[Intended], None] = lambda _: None
        """What is called with all that the router is told, when that has changed and is so."""
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def intended(self) -> Intended:
        """What the router is told."""
        return self._journal.committed

    async def start(self) -> None:
        """Bring the kernel to what was told in the last life, and keep it there."""
        if self._journal.dropped:
            _log.warning("the last agent ended in the middle of a change: it is undone")
        await self._headend.start(
            by_us=self._notices.by_us,
            publish=self._hub.publish,
            amiss=self._amiss.set,
            dark=self._notices.dark_links(),
        )
        await self._look()
        self._headend.settle()
        self._notices.start(on_light=self._light_changed, on_amiss=self._amiss.set, is_ours=self._is_ours)
        self._tasks = [
            asyncio.create_task(self._keep_looking(), name="look"),
            asyncio.create_task(self._keep_sums(), name="sums"),
        ]

    async def stop(self) -> None:
        """End what runs by itself, and keep the sums. The kernel stays as it is."""
        for task in self._tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._notices.close()
        await self._headend.stop()
        await self._blocking(self._keep)

    # --- what is told ---------------------------------------------------------------------------------------

    @property
    def elections(self) -> Mapping[str, int]:
        """The highest election id seen so far, by role."""
        return self._journal.elections

    async def elected(self, role: str, election_id: int) -> None:
        """Remember, durably, that a controller of this id speaks now."""
        await self._blocking(self._journal.elect, role, election_id)
        path = parse("/router/state/election-id")
        highest = str(max(self._journal.elections.values()))
        self._hub.publish(Notification(timestamp_ns=time.time_ns(), updates=((path, highest),)))

    async def write(self, edits: Sequence[Edit]) -> None:
        """Make all the edits or none. Raises Invalid with all findings, Unavailable when nothing was changed."""
        old = self.intended
        new = resulting(old, edits)
        news = list(changed(old, new))
        if not news:
            return
        # An interface that was made a moment ago may be what this is for.
        self._notices.refresh()
        try:
            with self._notices.by_us():
                await self._blocking(self._enter, old, new)
        finally:
            self._written_s = time.monotonic()
            if self._unsure:
                self._amiss.set()
        self._hub.publish(
            Notification(
                timestamp_ns=time.time_ns(),
                updates=tuple((path, value) for path, value in news if value is not None),
                deletes=tuple(path for path, value in news if value is None),
            )
        )
        self._headend.settle()
        self.on_told(new)
        if self._journal.is_long:
            self._worker.submit(self._compact)

    def _enter(self, old: Intended, new: Intended) -> None:
        """Journal it, steer it, and then it is so; on any failure it is as it was."""
        if wrong := errors_in(self._steering.check(new, old)):
            raise Invalid(wrong)
        self._counters.before(old, new)
        self._journal.begin(new)
        try:
            self._steering.apply(old, new)
        except BaseException as error:
            self._journal.abandon()
            self._unsure = True
            if isinstance(error, HighroadError):
                raise
            raise Unavailable(f"nothing was changed: {error}") from error
        try:
            self._journal.commit()
        except Unavailable:
            # What is not on disk is not so: back to what is.
            self._unsure = True
            self._steering.apply(new, old)
            raise
        self._counters.after(old, new)

    def _compact(self) -> None:
        try:
            self._journal.compact()
        except Unavailable as error:
            _log.error("%s", error)

    # --- the kernel is compared, not assumed ----------------------------------------------------------------

    async def _keep_looking(self) -> None:
        took_s = 0.0
        while True:
            await self._due(took_s)
            self._amiss.clear()
            took_s = await self._look()

    async def _due(self, took_s: float) -> None:
        """Wait until the kernel is to be looked at; the last look took so long."""
        if not await self._called(max(LOOK_S, took_s / LOOK_SHARE)):
            latest_s = time.monotonic() + LONGEST_S
            while (left_s := min(latest_s, self._written_s + QUIET_S) - time.monotonic()) > 0.0:
                if await self._called(left_s):
                    break
        if self._amiss.is_set():
            await asyncio.sleep(max(SOON_S, took_s / SOON_SHARE))

    async def _called(self, within_s: float) -> bool:
        """Whether something was said to be amiss before so long has passed."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._amiss.wait(), within_s)
        return self._amiss.is_set()

    async def _look(self) -> float:
        """Compare, and mend; returns how long it took. What cannot be mended is said, and looked at again."""
        started_s = time.monotonic()
        try:
            with self._notices.by_us():
                messages = await self._blocking(lambda: self._steering.converge(self.intended))
                self._headend.settle()
        except HighroadError as error:
            _log.error("the kernel is not as it has to be: %s", error)
        except Exception:
            _log.exception("the kernel could not be compared")
        else:
            self._unsure = False
            if messages:
                _log.info("brought the kernel to what it has to hold: %d messages", messages)
        return time.monotonic() - started_s

    def _is_ours(self, interface: str) -> bool:
        """Whether something that is told hangs on an interface."""
        if self._ours is None or self._ours[0] is not self.intended:
            self._ours = self.intended, self._state.interfaces_of(self.intended)
        return interface in self._ours[1]

    def _light_changed(self, interface: str, light: PortLight) -> None:
        """A core port's light, or its neighbour, is lost or found: tell whoever watches, now."""
        place = parse("/router/state") / entry("core-port", interface=interface)
        told = light_leaves(light)
        updates = [(place / name, value) for name, value in told.items()]
        deletes = tuple(place / name for name in LIGHT_LEAVES if name not in told)
        lit = self._notices.light[interface]
        theirs = parse("/interfaces") / Path((elem("interface", {"name": interface}),)) / "state"
        updates.append((theirs / "oper-status", "UP" if lit.up else "DOWN"))
        updates.append((theirs / "last-change", str(lit.since_ns)))
        # First what traffic waits for, then who wants to know.
        self._headend.light(self._notices.dark_links())
        self._hub.publish(Notification(timestamp_ns=time.time_ns(), updates=tuple(updates), deletes=deletes))
        said = told["oper-status"], told.get("down-reason")
        if self._said.get(interface) != said:
            self._said[interface] = said
            _log.warning("core port %s is %s%s", interface, said[0], "" if said[1] is None else f" ({said[1]})")

    # --- what is --------------------------------------------------------------------------------------------

    def watch(self, paths: Sequence[Path]) -> Watch:
        """Changes at or below these paths."""
        return self._hub.watch(paths)

    async def read(self, path: Path, kind: Kind) -> Sequence[tuple[Path, Any]]:
        """What is at the path. Raises Invalid for one that cannot be, NotFound where nothing is."""
        check_path(path)
        tree = await self._blocking(self._tree, path, kind)
        found = find(tree, path)
        if not found and not path.wild:
            raise NotFound(f"there is nothing at {path}")
        return found

    def _tree(self, path: Path, kind: Kind) -> dict[str, Any]:
        """As much of the tree as the path can lead into."""
        wanted = _Wanted(path)
        tree: dict[str, Any] = {}
        intended = self.intended
        if wanted.may("router"):
            tree[f"{MODULE}:router"] = self._router(wanted, kind, intended)
        if kind is Kind.CONFIG:
            return tree
        if wanted.may("interfaces"):
            tree[openconfig.INTERFACES] = self._state.interfaces(self._kernel.links(), intended)
        if wanted.may("system"):
            tree[openconfig.SYSTEM] = self._state.system(time.time_ns())
        if wanted.may("network-instances"):
            self._count(intended)
            tree[openconfig.NETWORK_INSTANCES] = self._state.network_instances(intended)
        return tree

    def _router(self, wanted: _Wanted, kind: Kind, intended: Intended) -> dict[str, Any]:
        told: dict[str, Any] = {}
        if kind in (Kind.ALL, Kind.CONFIG):
            if wanted.may("router", "attachment"):
                told["attachment"] = [attachment_to_json(one) for one in wanted.attachments(intended, 1)]
            if wanted.may("router", "policy"):
                told["policy"] = [policy_to_json(one) for one in wanted.policies(intended, 1)]
            if wanted.may("router", "protection"):
                told["protection"] = [protection_to_json(one) for one in wanted.protections(intended)]
        if kind is not Kind.CONFIG and wanted.may("router", "state"):
            told["state"] = self._own_state(wanted, intended)
        return told

    def _own_state(self, wanted: _Wanted, intended: Intended) -> dict[str, Any]:
        lists = [name for name in _STATE_LISTS if wanted.may("router", "state", name)]
        told = self._state.leaves(self.elections)
        if any(name != "sid" for name in lists):
            self._count(intended, interfaces="attachment" in lists)
        if "core-port" in lists:
            told["core-port"] = self._state.core_ports()
        if "attachment" in lists:
            told["attachment"] = self._state.attachments(wanted.attachments(intended, 2))
        if "policy" in lists:
            told["policy"] = self._state.policies(intended, wanted.policies(intended, 2))
        if "sid" in lists:
            told["sid"] = self._state.sids()
        told |= {name: self._state.measured(name) for name in _MEASURED if wanted.may("router", "state", name)}
        return told

    def _count(self, intended: Intended, *, interfaces: bool = False) -> None:
        now_s = time.monotonic()
        if interfaces or now_s - self._counted_s > FRESH_S:
            self._counters.read(intended, interfaces=interfaces)
            self._counted_s = now_s

    async def _keep_sums(self) -> None:
        while True:
            await asyncio.sleep(KEEP_S)
            await self._blocking(self._keep)

    def _keep(self) -> None:
        dark = {name: light.since_ns for name, light in self._notices.light.items() if not light.up}
        try:
            self._counters.read(self.intended)
            self._counters.notes["dark"] = dark
            self._counters.write()
        except HighroadError as error:
            _log.error("counters cannot be read: %s", error)

    async def _blocking(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work, *args)


class _Wanted:
    """Which parts of the tree a path may lead into."""

    def __init__(self, path: Path) -> None:
        self._steps = path.elems

    def may(self, *names: str) -> bool:
        """Whether it leads to, above or below the place with these names."""
        for step, name in zip(self._steps, names, strict=False):
            if step.bare == "...":
                return True
            if step.bare not in (name, WILDCARD):
                return False
        return True

    def attachments(self, intended: Intended, depth: int) -> Sequence[Attachment]:
        """Those that it names, by the key of the step at `depth`, or all."""
        return _chosen(intended.attachments, self._key(depth, "id"))

    def policies(self, intended: Intended, depth: int) -> Sequence[Policy]:
        """Those that it names, or all."""
        return _chosen(intended.policies, self._key(depth, "service"))

    def protections(self, intended: Intended) -> Sequence[Protection]:
        """Those that it names, or all."""
        return _chosen({str(function): one for function, one in intended.protections.items()}, self._key(1, "function"))

    def _key(self, depth: int, key: str) -> str | None:
        if len(self._steps) <= depth or any(step.bare in ("...", WILDCARD) for step in self._steps[: depth + 1]):
            return None
        value = self._steps[depth].key(key)
        return None if value == WILDCARD else value


def _chosen(all_: Mapping[str, T], key: str | None) -> Sequence[T]:
    if key is None:
        return list(all_.values())
    return [all_[key]] if key in all_ else []
