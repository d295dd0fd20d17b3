"""Ways around links at the routers where the links begin: what each holds, as it said, and what it is to hold.

A way around a link for a fence is a SID of its own at the link's tail (`Protection`). Its number is the router's to
keep: what is held stays as it is numbered, since policies of other headends lead there. It goes when no policy does any
more, and every router can say so.

The order is that of make-before-break: routers have a SID before any policy goes by it, and policies have left it
before it goes.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping

from highroad.errors import HighroadError
from highroad.fabric.linux.compile import CannotCompile, Half, attachment_id, halves_of, link_function, number_of
from highroad.fabric.linux.held import NOTHING, Held
from highroad.fabric.linux.inventory import Facts
from highroad.fabric.linux.steps import Step, Teller, walk
from highroad.gnmi.path import Path, elem
from highroad.gnmi.router import MODULE, PROTECTED_FUNCTIONS, Protection, SegmentList, protection_to_json
from highroad.gnmi.target import Delete, Edit, Replace
from highroad.model.network import LinkId, Network, SiteId
from highroad.model.policy import LocalRepair
from highroad.model.service import ServiceId

log = logging.getLogger(__name__)

Use = tuple[LinkId, str]
"""A link, and the label of a fence."""

NONE: frozenset[int] = frozenset()

BREATH = 1000
"""After so many services others get their turn."""


class Guard:
    """A mirror of every router's protected SIDs, and what brings them to what is wanted."""

    def __init__(self, held: Held, tellers: Mapping[SiteId, Teller]) -> None:
        self._policies, self._tellers = held, tellers
        self._held: dict[SiteId, dict[int, Protection]] = {}
        self._function: dict[Use, int] = {}
        self._last: dict[SiteId, int] = {}
        self._doubted: set[Use] | None = None
        """Links that policies may still go over by another function than they should; None: any."""

    def function(self, link: LinkId, fence: str) -> int | None:
        """The function by which a policy with this fence goes over a link that is protected; None where it is not."""
        return self._function.get((link, fence))

    def put_all(self, site: SiteId, protections: Mapping[int, Protection]) -> bool:
        """A router holds these and no others. Returns whether that is news."""
        before = self._held.get(site, {})
        if before == protections:
            return False
        self._doubted = None
        self._put(site, protections)
        return True

    async def bring(
        self,
        repairs: Iterable[LocalRepair],
        network: Network,
        facts: Mapping[SiteId, Facts],
        *,
        away: Collection[SiteId],
        own_interfaces: bool,
    ) -> bool:
        """Have routers hold what is wanted, and policies go by it. Returns whether all of it is so: what is not because
        a router is `away`, or refused, is to be tried again.
        """
        wanted = self._wanted(repairs, network, facts)
        told = await asyncio.gather(*(self._add(site, want) for site, want in wanted.items() if site not in away))
        gone: dict[SiteId, set[int]] = {}
        if not away:  # only who hears all routers knows that no policy goes by it
            gone = {site: set(have) - set(wanted.get(site, ())) for site, have in self._held.items()}
        leaving = {
            use: number for use, number in self._function.items() if number in gone.get(_tail(network, use), NONE)
        }
        for use in leaving:
            del self._function[use]
        self._doubt(leaving)
        moved = await self._move(network, facts, own_interfaces=own_interfaces)
        self._function = leaving | self._function
        left = any(gone.values())
        if left and moved:
            left = not await self._remove(gone, network)
        return all(told) and moved and not away and not left

    # --- what is to be -----------------------------------------------------------------------------------------

    def _wanted(
        self, repairs: Iterable[LocalRepair], network: Network, facts: Mapping[SiteId, Facts]
    ) -> dict[SiteId, dict[int, Protection]]:
        """What each router that is known is to hold, numbered. What cannot be said to routers (a port is missing, no
        number is left) is left out.
        """
        found: dict[SiteId, dict[int, Protection]] = {site: {} for site in facts}
        for one in repairs:
            link = network.link.get(one.link)
            if link is None or link.tail not in facts or one.link not in facts[link.tail].core:
                continue
            try:
                functions = tuple(link_function(step, network, facts) for step in one.links)
            except CannotCompile:
                continue
            number = self._function.get((one.link, one.fence)) or self._next(link.tail, found[link.tail])
            if number is None:
                log.warning("the router at %s has no number left to protect %s", link.tail, one.link)
                continue
            detour = SegmentList(links=one.links, functions=functions)
            found[link.tail][number] = Protection(function=number, link=one.link, fence=one.fence, detour=detour)
        return found

    def _next(self, site: SiteId, beside: Collection[int]) -> int | None:
        """The next number in turn: what is still on the wire for one that was given back reaches nobody else."""
        taken, after = self._held.get(site, {}), self._last.get(site, PROTECTED_FUNCTIONS.start - 1)
        turned = (*range(after + 1, PROTECTED_FUNCTIONS.stop), *range(PROTECTED_FUNCTIONS.start, after + 1))
        number = next((one for one in turned if one not in taken and one not in beside), None)
        if number is not None:
            self._last[site] = number
        return number

    # --- how it comes to be ------------------------------------------------------------------------------------

    async def _add(self, site: SiteId, want: Mapping[int, Protection]) -> bool:
        have = self._held.get(site, {})
        new = {function: one for function, one in want.items() if have.get(function) != one}
        if not new:
            return True
        edits: list[Edit] = [Replace(path=_path(number), value=protection_to_json(one)) for number, one in new.items()]
        if not await self._told(site, edits):
            return False
        self._doubt((LinkId(one.link), one.fence) for number, one in new.items() if number not in have)
        self._put(site, {**have, **new})
        return True

    async def _remove(self, gone: Mapping[SiteId, Collection[int]], network: Network) -> bool:
        """Take away what no policy goes by any more, at whatever headend."""
        used = {one async for one in self._used(network)}
        done = True
        for site, functions in gone.items():
            free = [one for one in functions if (site, one) not in used]
            done &= len(free) == len(functions)
            if free and await self._told(site, [Delete(path=_path(one)) for one in free]):
                self._put(site, {number: one for number, one in self._held[site].items() if number not in free})
            else:
                done &= not free
        return done

    async def _told(self, site: SiteId, edits: list[Edit]) -> bool:
        try:
            await self._tellers[site].set(edits)
        except HighroadError as error:
            log.warning("the router at %s could not be told of ways around its links: %s", site, error)
            return False
        return True

    async def _move(self, network: Network, facts: Mapping[SiteId, Facts], *, own_interfaces: bool) -> bool:
        """Have policies go over doubted links as they should. Returns whether all do."""
        doubted, self._doubted = self._doubted, set()
        if doubted is not None and not doubted:
            return True
        steps: list[Step] = []
        for at, (service, policy) in enumerate(self._policies.policies().items()):
            if at % BREATH == BREATH - 1:
                await asyncio.sleep(0)
            if doubted is not None and not any((link, policy.fence or "") in doubted for link in policy.links):
                continue
            held = self._policies.halves(service)
            if not self._is_outdated(held, network, facts):
                continue
            numbers = _numbers(service, held)
            if numbers is None:
                continue
            try:
                halves = halves_of(
                    policy, network, facts, numbers, own_interfaces=own_interfaces, protected=self.function
                )
            except (CannotCompile, KeyError):
                continue
            steps += [
                Step(site=site, service=service, before=held.get(site, NOTHING), after=half)
                for site, half in halves.items()
                if held.get(site) != half
            ]
        refused = await walk(steps, self._tellers, self._policies.put)
        if not refused:
            return True
        service, reason = next(iter(refused.items()))
        log.warning("%d policies could not be led over protected links: %s: %s", len(refused), service, reason)
        self._doubted = None if doubted is None or self._doubted is None else self._doubted | doubted
        return False

    def _is_outdated(self, held: Mapping[SiteId, Half], network: Network, facts: Mapping[SiteId, Facts]) -> bool:
        for half in held.values():
            if half.policy is None:
                continue
            for link, function in _steps_of(half):
                known = network.link.get(link)
                port = None if known is None or known.tail not in facts else facts[known.tail].core.get(link)
                if port is None:
                    return False
                if function != (self.function(link, half.policy.fence) or port.function):
                    return True
        return False

    async def _used(self, network: Network) -> AsyncIterator[tuple[SiteId, int]]:
        for at, service in enumerate(list(self._policies.services())):
            if at % BREATH == BREATH - 1:
                await asyncio.sleep(0)
            for half in self._policies.halves(service).values():
                for link, function in _steps_of(half):
                    if function in PROTECTED_FUNCTIONS and link in network.link:
                        yield network.link[link].tail, function

    # --- what is known -----------------------------------------------------------------------------------------

    def _put(self, site: SiteId, protections: Mapping[int, Protection]) -> None:
        for one in self._held.get(site, {}).values():
            self._function.pop((LinkId(one.link), one.fence), None)
        self._held[site] = dict(protections)
        self._function |= {(LinkId(one.link), one.fence): number for number, one in protections.items()}
        self._last.setdefault(site, max(protections, default=PROTECTED_FUNCTIONS.start - 1))

    def _doubt(self, uses: Iterable[Use]) -> None:
        if self._doubted is not None:
            self._doubted.update(uses)


def _steps_of(half: Half) -> Iterator[tuple[LinkId, int]]:
    """Each link of a headend's policy, and the function by which it goes over it."""
    if half.policy is not None:
        for candidate in half.policy.candidate_paths:
            for segments in candidate.segment_lists:
                yield from zip(map(LinkId, segments.links), segments.functions, strict=False)


def _numbers(service: ServiceId, held: Mapping[SiteId, Half]) -> tuple[int, int] | None:
    """The numbers of a whole service's two attachments."""
    by_end = {
        half.attachment.id: number_of(half.attachment.function) for half in held.values() if half.attachment is not None
    }
    a, b = by_end.get(attachment_id(service, "a")), by_end.get(attachment_id(service, "b"))
    return None if a is None or b is None else (a, b)


def _tail(network: Network, use: Use) -> SiteId:
    link = network.link.get(use[0])
    return SiteId("") if link is None else link.tail


def _path(function: int) -> Path:
    return Path((elem(f"{MODULE}:router"), elem("protection", {"function": str(function)})))
