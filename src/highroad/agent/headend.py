"""Flips policies from one candidate path to another, when what the router knows of paths has changed.

What is known comes from a controller (the action `Avoid`: links that are not to be used), from other routers (links
that they have lost), from the router's own ports, and from probes along the paths. None of it is kept on disk. What a
flip did is in the kernel, so that an agent that starts goes on with what is in use, until a controller says how things
are.

    Avoid {"links": ["denver>boise", "boise>denver"]}   -> {"flipped": 12}

`links` is the whole of what is to be avoided, each time; as a Set it bears an election id, and is refused as that is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Protocol

from highroad.agent.selection import Known, Loop, Reason, chosen
from highroad.errors import Finding, Invalid
from highroad.gnmi.path import entry, parse
from highroad.gnmi.router import CandidatePath, Intended
from highroad.gnmi.target import Notification
from highroad.netlink.kernel import Kernel
from highroad.watch.talk import give_back

LIT_FOR_S = 1.0
"""How long a port has to have light again before paths are begun with it."""

HEADLESS_AFTER_S = 12.0
"""A controller that has not said what to avoid for so long is gone: it says so every few seconds."""

MOST_LINKS = 10_000

FOLLOW_S = 0.15
"""So long after a flip what it leaves to be done is done."""

AT_ONCE = 256
"""A router with so many policies flips them at once; with more it is done beside all else, by another thread, to which
the way takes longer where processors are busy.
"""


class Flips(Protocol):
    """What of `Steering` is needed here."""

    @property
    def flipped(self) -> Mapping[str, int]:
        """Of which services another path is in use than the preferred one, and which."""

    def adopt(self, intended: Intended) -> Mapping[str, CandidatePath]:
        """Find that out from the kernel."""

    def flip(self, kernel: Kernel, *, wait: bool = True) -> bool | None:
        """Bring all policies to the paths that they are to use; False where some of it has to be mended. None, and
        nothing is done, where it is not to `wait` for who changes policies just now.
        """

    @property
    def is_lent(self) -> bool:
        """Whether something is to follow the flips that were made."""

    def follow(self, kernel: Kernel) -> bool:
        """Do some of it; False where it has to be mended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """That another path is in use than the preferred one: which, since when (nanoseconds since 1970), and why.

    `at_ns` is 0 where that was in another life of the agent: nobody noted it.
    """

    preference: int
    at_ns: int
    reason: Reason


class Headend:
    """What is known of paths, and the flips that follow. For one event loop; `known` may be read by any thread."""

    def __init__(self, steering: Flips, intended: Callable[[], Intended], kernel: Kernel) -> None:
        """`kernel` is a socket for flips alone: they wait for no other use of one."""
        self.known = Known()
        self.flips: Mapping[str, Flip] = MappingProxyType({})
        """By service, of those whose preferred path is not in use."""
        self.told_s = float("-inf")
        """When a controller last said what to avoid (of the monotonic clock)."""
        self.controllers = 0
        """How many listen."""
        self.on_attended: Callable[[], None] = lambda: None
        """Called when that changes."""
        self._steering, self._intended, self._kernel = steering, intended, kernel
        self._by_us: Callable[[], AbstractContextManager[None]] = nullcontext
        self._publish: Callable[[Notification], None] = lambda _: None
        self._amiss: Callable[[], None] = lambda: None
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="flips")
        self._turn = asyncio.Lock()
        self._due = False
        """Whether a flip waits for its turn."""
        self._lit: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._following: asyncio.Task[None] | None = None

    async def start(
        self,
        *,
        by_us: Callable[[], AbstractContextManager[None]],
        publish: Callable[[Notification], None],
        amiss: Callable[[], None],
        dark: Iterable[str],
    ) -> None:
        """Begin with what is in use. `amiss` is called where the kernel is to be compared; `dark` as in `light`."""
        self._by_us, self._publish, self._amiss = by_us, publish, amiss
        inherited = await asyncio.get_running_loop().run_in_executor(
            self._thread, self._steering.adopt, self._intended()
        )
        self.known = Known(dark=frozenset(dark), inherited=MappingProxyType(dict(inherited)))
        self.settle()

    async def stop(self) -> None:
        """Flip no more; what is in use stays so."""
        for waiting in self._lit.values():
            waiting.cancel()
        for task in list(self._tasks):
            await task
        if self._following is not None:
            await self._following
        self._thread.shutdown()

    # --- what is heard --------------------------------------------------------------------------------------

    async def avoid(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The action `Avoid`: answered when the kernel has it. Raises Invalid."""
        links = _links(body)
        self.told_s = time.monotonic()
        if links != self.known.avoided or self.known.inherited:
            self.known = replace(self.known, avoided=links, inherited=MappingProxyType({}))
            await self._flip()
        return {"flipped": len(self.flips)}

    def light(self, dark: Iterable[str]) -> None:
        """The links of our own ports that have no light now."""
        now = frozenset(dark)
        for link in now & self._lit.keys():
            self._lit.pop(link).cancel()
        loop = asyncio.get_running_loop()
        for link in self.known.dark - now - self._lit.keys():
            self._lit[link] = loop.call_later(LIT_FOR_S, self._relit, link)
        self._learn(replace(self.known, dark=self.known.dark | now))

    def reported(self, links: Iterable[str], *, whole: bool) -> None:
        """The links that other routers say they have lost; `whole` is whether that is all, else there may be more."""
        now = frozenset(links)
        self._learn(replace(self.known, reported=now if whole else now | self.known.reported))

    def probed(self, alive: Mapping[Loop, bool]) -> None:
        """What probes say of all loops that are probed."""
        self._learn(replace(self.known, alive=MappingProxyType(dict(alive))))

    def attended(self, controllers: int) -> None:
        """So many controllers listen to what the router says."""
        self.controllers = controllers
        self.on_attended()

    @property
    def is_headless(self) -> bool:
        """Whether no controller looks after this router: none listens, or none has said what to avoid for a while."""
        return not self.controllers or time.monotonic() - self.told_s > HEADLESS_AFTER_S

    def settle(self) -> None:
        """Tell what is in use now, where that has changed: after a flip, and after a change of policies."""
        flipped = self._steering.flipped
        policies = self._intended().policies
        before, now_ns = self.flips, time.time_ns()
        if not before and not flipped:
            return
        flips: dict[str, Flip] = {}
        for service, preference in flipped.items():
            had, policy = before.get(service), policies.get(service)
            if had is not None and had.preference == preference:
                flips[service] = had
            elif policy is not None:
                reason = chosen(policy, self.known).reason or Reason.AVOIDED
                kept = self.known.inherited.get(service) if had is None else None
                known_ns = 0 if kept is not None and kept.preference == preference else now_ns
                flips[service] = Flip(preference=preference, at_ns=known_ns, reason=reason)
        self.flips = MappingProxyType(flips)
        self._tell(before, now_ns)

    # --- inside ---------------------------------------------------------------------------------------------

    def _learn(self, known: Known) -> None:
        if known == self.known:
            return
        self.known = known
        if self._due:
            return  # the one that waits flips by all that is known when its turn comes
        self._due = True
        task = asyncio.get_running_loop().create_task(self._flip(), name="flip")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _relit(self, link: str) -> None:
        del self._lit[link]
        self._learn(replace(self.known, dark=self.known.dark - {link}))

    async def _flip(self) -> None:
        async with self._turn:
            self._due = False
            with self._by_us():
                whole = None
                if len(self._intended().policies) <= AT_ONCE:
                    whole = self._steering.flip(self._kernel, wait=False)
                if whole is None:
                    loop = asyncio.get_running_loop()
                    whole = await loop.run_in_executor(self._thread, self._steering.flip, self._kernel)
        give_back()
        if self._steering.is_lent and self._following is None:
            self._following = asyncio.create_task(self._follow(), name="follow")
        self.settle()
        if not whole:
            self._amiss()

    async def _follow(self) -> None:
        """What flips leave to be done, when they are over: each step of it would hold up those of other routers too."""
        try:
            await asyncio.sleep(FOLLOW_S)
            while self._steering.is_lent:
                with self._by_us():
                    loop = asyncio.get_running_loop()
                    whole = await loop.run_in_executor(self._thread, self._steering.follow, self._kernel)
                if not whole:
                    self._amiss()
        finally:
            self._following = None

    def _tell(self, before: Mapping[str, Flip], at_ns: int) -> None:
        updates: list[tuple[Any, Any]] = []
        deletes = []
        state = parse("/router/state")
        for service, flip in self.flips.items():
            if before.get(service) is not flip:
                place = state / entry("policy", service=service)
                updates += [(place / name, value) for name, value in leaves_of(flip).items()]
        for service in before.keys() - self.flips.keys():
            policy = self._intended().policies.get(service)
            if policy is not None:
                place = state / entry("policy", service=service)
                updates.append((place / "active-preference", max(one.preference for one in policy.candidate_paths)))
                deletes += [place / "flipped-at", place / "flip-reason"]
        if updates:
            self._publish(Notification(timestamp_ns=at_ns, updates=tuple(updates), deletes=tuple(deletes)))


def leaves_of(flip: Flip) -> dict[str, Any]:
    """How /router/state/policy tells of a flip."""
    return {
        "active-preference": flip.preference,
        "flipped-at": str(flip.at_ns),
        "flip-reason": flip.reason.value,
    }


def _links(body: Mapping[str, Any]) -> frozenset[str]:
    findings = [
        Finding(code="unknown-key", place=name, message="is not known here: Avoid takes `links`")
        for name in body
        if name != "links"
    ]
    links = body.get("links")
    if not isinstance(links, list) or not all(isinstance(one, str) and 0 < len(one) <= 255 for one in links):
        message = "has to be a list of links' names: all that are to be avoided"
        findings.append(Finding(code="bad-value", place="links", message=message))
    elif len(links) > MOST_LINKS:
        findings.append(Finding(code="many", place="links", message=f"{len(links)} links; {MOST_LINKS} are the most"))
    if findings:
        raise Invalid(findings)
    return frozenset(links or ())
