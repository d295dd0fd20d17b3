"""How routers are told: one message a router for all that changes there, every router at once, a service whole or not.

A service that one of its routers refuses is put back on the other as it was; one that is to go goes as far as it can.
What a router holds is noted as it answers; whatever is left half done is therefore read as damaged, and the loop makes
or removes it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from highroad.errors import Conflict, HighroadError, Invalid, NotFound, Refused, TooLarge
from highroad.fabric.linux.compile import Half
from highroad.fabric.validity import refusal
from highroad.gnmi.path import Path, elem
from highroad.gnmi.router import MODULE, attachment_to_json, policy_to_json
from highroad.gnmi.target import Delete, Edit, Replace
from highroad.model.network import Network, SiteId
from highroad.model.policy import Policy
from highroad.model.service import ServiceId
from highroad.ports import Change, Install, Withdraw
from highroad.ports import Replace as Carry

log = logging.getLogger(__name__)

AT_ONCE = 100
"""Services in one message at most: bounds its size, and how long a router is busy with it."""

ROUTER = elem(f"{MODULE}:router")


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What a router is to hold of a service, and what it held before."""

    site: SiteId
    service: ServiceId
    before: Half
    after: Half

    @property
    def back(self) -> Step:
        """The step that undoes it."""
        return Step(site=self.site, service=self.service, before=self.after, after=self.before)

    @property
    def leaves(self) -> bool:
        """Whether the attachment goes: last, when no router leads to it any more."""
        return self.before.attachment is not None and self.after.attachment is None

    def edits(self) -> list[Edit]:
        """All of it, but the departure of an attachment."""
        edits: list[Edit] = []
        if self.before.policy is not None and self.after.policy is None:
            edits.append(Delete(path=_policy(self.service)))
        if self.after.attachment is not None and self.after.attachment != self.before.attachment:
            one = self.after.attachment
            edits.append(Replace(path=_attachment(one.id), value=attachment_to_json(one)))
        if self.after.policy is not None and self.after.policy != self.before.policy:
            edits.append(Replace(path=_policy(self.service), value=policy_to_json(self.after.policy)))
        return edits

    def last_edits(self) -> list[Edit]:
        """The departure of the attachment."""
        if not self.leaves or self.before.attachment is None:
            return []
        return [Delete(path=_attachment(self.before.attachment.id))]


def in_lots(steps: Sequence[Step], size: int) -> list[list[Step]]:
    """The steps in the same order, a service's together."""
    by_service: dict[ServiceId, list[Step]] = {}
    for step in steps:
        by_service.setdefault(step.service, []).append(step)
    services = list(by_service.values())
    return [[step for one in services[at : at + size] for step in one] for at in range(0, len(services), size)]


def resolved(
    network: Network, changes: Sequence[Change]
) -> tuple[dict[ServiceId, Policy | None], dict[ServiceId, str], set[ServiceId]]:
    """What each service is to be in the end, what is refused, and which are to begin anew."""
    wanted: dict[ServiceId, Policy | None] = {}
    refused: dict[ServiceId, str] = {}
    anew: set[ServiceId] = set()
    for change in changes:
        match change:
            case Install(policy=policy) | Carry(policy=policy):
                reason = refusal(network, policy)
                if reason is None:
                    wanted[policy.service] = policy
                else:
                    refused[policy.service] = reason
            case Withdraw(service=service):
                wanted[service] = None
                anew.add(service)
    return wanted, refused, anew


class Teller(Protocol):
    """The conversation with one router."""

    async def set(self, edits: Sequence[Edit]) -> None:
        """Have all of it done, or none. Raises HighroadError with the reason."""


Noted = Callable[[SiteId, ServiceId, Half], object]


async def walk(steps: Sequence[Step], tellers: Mapping[SiteId, Teller], noted: Noted) -> dict[ServiceId, str]:
    """Take the steps of any number of services. Returns a reason for each service that stayed as it was.

    First policies (and the attachments that they need), then, where no router leads to them any more, the attachments
    that go.
    """
    failed = await _tell(steps, tellers, noted, _first)
    refused: dict[ServiceId, str] = {}
    for (_, service), reason in failed.items():
        refused.setdefault(service, reason)
    going = {step.service for step in steps} - {step.service for step in steps if step.after.policy is not None}
    undo = [
        step.back
        for step in steps
        if step.service in refused and step.service not in going and (step.site, step.service) not in failed
    ]
    for (site, service), reason in (await _tell(undo, tellers, noted, _first)).items():
        log.warning("%s holds a change of %s that could not be undone: %s", site, service, reason)
    leaving = [step for step in (*(step for step in steps if step.service not in refused), *undo) if step.leaves]
    for (_, service), reason in (await _tell(leaving, tellers, noted, _last)).items():
        refused.setdefault(service, reason)
    return refused


Part = Callable[[Step], tuple[list[Edit], Half]]


def _first(step: Step) -> tuple[list[Edit], Half]:
    """The first edits of a step, and what its router holds after them."""
    kept = step.before.attachment if step.leaves else step.after.attachment
    return step.edits(), Half(attachment=kept, policy=step.after.policy)


def _last(step: Step) -> tuple[list[Edit], Half]:
    return step.last_edits(), step.after


async def _tell(
    steps: Sequence[Step], tellers: Mapping[SiteId, Teller], noted: Noted, part: Part
) -> dict[tuple[SiteId, ServiceId], str]:
    by_site: dict[SiteId, list[Step]] = {}
    for step in steps:
        if part(step)[0]:
            by_site.setdefault(step.site, []).append(step)
    failed: dict[tuple[SiteId, ServiceId], str] = {}
    await asyncio.gather(*(_tell_one(tellers.get(site), some, noted, part, failed) for site, some in by_site.items()))
    return failed


async def _tell_one(
    teller: Teller | None,
    steps: Sequence[Step],
    noted: Noted,
    part: Part,
    failed: dict[tuple[SiteId, ServiceId], str],
) -> None:
    waiting = [list(steps[at : at + AT_ONCE]) for at in range(0, len(steps), AT_ONCE)][::-1]
    gone: str | None = "there is no router" if teller is None else None
    while waiting:
        some = waiting.pop()
        reason, splits = gone, False
        if teller is not None and gone is None:
            try:
                await teller.set([edit for step in some for edit in part(step)[0]])
            except HighroadError as error:
                judged = isinstance(error, (Invalid, Conflict, NotFound, Refused, TooLarge))
                reason = f"the router at {some[0].site} says: {error}" if judged else str(error)
                splits = judged and len(some) > 1
                gone = None if judged else reason
        if reason is None:
            for step in some:
                noted(step.site, step.service, part(step)[1])
        elif splits:  # all or nothing for the router; find out whose change it is that it does not take
            half = len(some) // 2
            waiting += [some[half:], some[:half]]
        else:
            failed.update({(step.site, step.service): reason for step in some})


def _policy(service: ServiceId) -> Path:
    return Path((ROUTER, elem("policy", {"service": service})))


def _attachment(name: str) -> Path:
    return Path((ROUTER, elem("attachment", {"id": name})))
