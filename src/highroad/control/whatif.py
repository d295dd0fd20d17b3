"""What would happen if a fibre, a risk group or a site failed: the loop itself, over a copy of what is known.

A scratch book is made of the live one's values, so nothing of that is touched; routers that do at once whatever they
are asked stand in for the fabric. Then `reconcile` observes and repairs, as it would, until nothing changes any more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from highroad.control import reconcile
from highroad.control.book import Book, Draft, in_order_of_need
from highroad.control.sending import Rates, Sending, Sent, links_sent
from highroad.errors import Finding, Invalid, did_you_mean
from highroad.model.lifecycle import CARRYING, HOLDING
from highroad.model.network import FibreId, LinkId, Network
from highroad.model.policy import Policy
from highroad.model.service import Placement, Protection, Service, ServiceId
from highroad.model.window import Window
from highroad.ports import Observed, Snapshot, Withdraw
from highroad.units import gbps_from_mbps

ROUNDS = 50
"""Readings of the fabric after which it is given up that everything comes to rest."""

FULLEST = 10

AHEAD_S = 7 * 86400.0
"""How far ahead links are looked at."""


class Outcome(StrEnum):
    """What becomes of a service, the worst first."""

    DARK = "dark"
    """Nothing carries it, or nothing would when its window opens."""

    SLOW = "slow"
    """It is carried past its latency bound."""

    MOVED = "moved"
    """Another path was found for it; it is dark until that carries."""

    BACKUP = "backup"
    """It went onto its backup at once, and perhaps from there to a path that has another."""

    STAYS = "stays"
    """It is carried as before; its backup is gone or another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What becomes of one service; latencies are the worse direction's, one way."""

    service: Service
    """As it was."""
    outcome: Outcome
    placement: Placement | None
    """Where it would be; None, or over dark links, if it is dark."""
    before_ms: float | None
    after_ms: float | None
    unprotected: bool
    """Whether it was protected, is carried, and would not survive the next failure."""
    reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Filled:
    """A link at the time of the next week at which its calendar would keep most."""

    link: LinkId
    at_s: float
    capacity_gbps: float
    claimed_gbps: float
    reserve_gbps: float
    before_gbps: float
    """The most that it keeps in that week as things are, claims and reserve."""

    @property
    def share(self) -> float:
        """Of the capacity, claims and reserve."""
        return (self.claimed_gbps + self.reserve_gbps) / self.capacity_gbps if self.capacity_gbps else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Carried:
    """What services send now, as measured, over the links that they would be on. `guessed` services were not measured:
    they count as guaranteed.
    """

    sending: Sending
    services: int
    guessed: int
    sent_gbps: float
    overloaded: int
    """Links over which more would be sent than they carry."""
    fullest: tuple[Sent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Everything that a failure would change. `fibres` are those that are not dark already."""

    target: str
    fibres: tuple[FibreId, ...]
    links: tuple[LinkId, ...]
    effects: tuple[Effect, ...]
    services: int
    """How many there are in all."""
    fullest: tuple[Filled, ...]
    oversold: tuple[str, ...]
    """Links and ports that would be promised above their capacity at any time: none, ever."""
    at_rest: bool
    """Whether everything came to rest; else this is how it stood when that was given up."""
    sent: Carried | None = None
    """If that was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What a book knows, as values that nobody changes: the truth, and what the loop has tried already."""

    snapshot: Snapshot
    carries_tags: bool
    at_home: bool
    """Whether everything that is away was looked at since links were last in use again."""
    tried: frozenset[ServiceId]
    """What found no place, and would find none now."""


def values_of(book: Book) -> Known:
    """What a book knows."""
    snapshot = Snapshot(
        network=book.network,
        network_revision=book.revision,
        tenants=tuple(book.tenants.values()),
        ports=tuple(book.ports.values()),
        services=tuple(book.services.values()),
        incidents=tuple(one for one in book.incidents.values() if one.open),
        maintenances=tuple(book.maintenances.values()),
        freeze=book.freeze,
    )
    return Known(
        snapshot=snapshot,
        carries_tags=book.carries_tags,
        at_home=book.homed == book.openings,
        tried=frozenset(service for service, count in book.tried.items() if count == book.changes),
    )


def book_of(known: Known) -> Book:
    """A book of its own that knows the same."""
    book = Book(known.snapshot, carries_tags=known.carries_tags)
    book.homed = book.openings if known.at_home else book.openings - 1
    book.tried = dict.fromkeys(known.tried, book.changes)
    return book


def fibres_of(network: Network, target: str) -> tuple[FibreId, ...]:
    """The fibres that fail with a fibre, a risk group or a site. Raises Invalid."""
    fibres = network.fibres_of(target)
    if not fibres:
        hint = did_you_mean(target, [*network.fibre, *network.site, *(group.id for group in network.risk_groups)])
        message = f"there is no fibre, site or risk group {target[:100]}{hint}"
        raise Invalid([Finding(code="unknown-target", place="cut", message=message)])
    return fibres


def what_if(known: Known, target: str, now_s: float, sending: Sending | None = None) -> Forecast:
    """What a failure would do at a time to what is known, and to what services send. It takes a while. Raises Invalid
    for what is not there.
    """
    book = book_of(known)
    fibres = tuple(fibre for fibre in fibres_of(book.network, target) if fibre not in book.down)
    world = _World(book, now_s)
    at_rest = world.settle()
    before = dict(book.services)
    week = Window(start_s=now_s, end_s=now_s + AHEAD_S)
    filled = {link.id: book.ground.calendar.peak(link.id, week).rate_mbps for link in book.network.links}
    dark_already = book.dark_links
    before_ms = {one.id: _latency_ms(book, one.placement) for one in before.values()}
    exposed = {one.id for one in before.values() if _exposed(book, one)}
    dark = {one.id for one in before.values() if _dark(book, one.placement)}
    sent_before = None if sending is None else _on_their_way(book, now_s, sending)
    first = world.fail(fibres)
    at_rest = world.settle() and at_rest
    effects = [
        effect
        for was in in_order_of_need(one for one in before.values() if one.state in HOLDING)
        if (effect := _effect(book, was, first.get(was.id, was), before_ms, exposed, dark)) is not None
    ]
    rank = list(Outcome)
    return Forecast(
        target=target,
        fibres=fibres,
        links=tuple(sorted(book.links_over(fibres) - dark_already)),
        effects=tuple(sorted(effects, key=lambda effect: rank.index(effect.outcome))),
        services=sum(one.state in HOLDING for one in before.values()),
        fullest=tuple(_fullest(book, filled, week)),
        oversold=tuple(sorted(world.oversold)),
        at_rest=at_rest,
        sent=None if sending is None or sent_before is None else _carried(book, now_s, sending, sent_before),
    )


def _on_their_way(book: Book, now_s: float, sending: Sending) -> dict[ServiceId, tuple[Placement | None, Rates]]:
    """Who is carried now over what, and what it sends."""
    return {
        one.id: (one.placement, sending.of(one))
        for one in book.services.values()
        if one.state in CARRYING
        and not _dark(book, one.placement)
        and any(part.start_s <= now_s < part.until_s for part in one.window.parts)
    }


def _carried(
    book: Book, now_s: float, sending: Sending, before: Mapping[ServiceId, tuple[Placement | None, Rates]]
) -> Carried:
    after = _on_their_way(book, now_s, sending)
    links = links_sent(book, before.values(), after.values(), without=book.dark_links)
    guessed = sum(service not in sending.rates for service in after)
    return Carried(
        sending=sending,
        services=len(after) - guessed,
        guessed=guessed,
        sent_gbps=sum(there + back for _, (there, back) in after.values()),
        overloaded=sum(one.share > 1.0 + 1e-9 for one in links),
        fullest=tuple(links[:FULLEST]),
    )


class _World:
    """A scratch book, and routers that hold what they were last asked to."""

    def __init__(self, book: Book, now_s: float) -> None:
        self.book = book
        self.oversold: set[str] = set()
        self._now_s = now_s
        self._held: dict[ServiceId, Policy] = reconcile.wanted(book)
        self._down = dict.fromkeys(book.down, now_s)

    def fail(self, fibres: Iterable[FibreId]) -> Mapping[ServiceId, Service]:
        """Let fibres go dark, and begin: the services as it is decided on them at first sight."""
        self._down |= dict.fromkeys(fibres, self._now_s)
        self._look()
        decided = dict(self.book.services)
        self._apply()
        return decided

    def settle(self) -> bool:
        """Look, and have routers do what follows, until there is nothing to do; whether it came to that."""
        for _ in range(ROUNDS):
            decided = self._look()
            if not self._apply() and not decided:
                return True
        return False

    def _apply(self) -> bool:
        """Whether routers were asked for anything."""
        changes = reconcile.diff(self.book, self._held)
        for change in changes:
            if isinstance(change, Withdraw):
                self._held.pop(change.service, None)
            else:
                self._held[change.policy.service] = change.policy
        return bool(changes)

    def _look(self) -> bool:
        """Whether anything was decided."""
        draft = Draft(book=self.book, now_s=self._now_s)
        reconcile.observe(draft, Observed(policies=dict(self._held), down_since_s=dict(self._down)), None)
        self.oversold |= {name for name, _ in self.book.ground.calendar.oversold()}
        return not draft.empty or self.book.unfinished


def _effect(
    book: Book,
    was: Service,
    at_first: Service,
    before_ms: Mapping[ServiceId, float | None],
    exposed: set[ServiceId],
    dark: set[ServiceId],
) -> Effect | None:
    """What became of a service; None where nothing did."""
    now = book.services.get(was.id)
    if now is None:
        return None
    lost = _dark(book, now.placement)
    unprotected = not lost and was.id not in exposed and _exposed(book, now)
    if now.placement == was.placement and not unprotected and lost == (was.id in dark):
        return None
    after_ms = _latency_ms(book, now.placement)
    bound = was.order.latency_bound_ms
    if lost:
        outcome, after_ms = Outcome.DARK, None
    elif bound is not None and after_ms is not None and after_ms > bound:
        outcome = Outcome.SLOW
    elif _onto_backup(was, at_first):
        outcome = Outcome.BACKUP
    elif was.placement is None or now.placement is None or now.placement.branches != was.placement.branches:
        outcome = Outcome.MOVED
    else:
        outcome = Outcome.STAYS
    return Effect(
        service=was,
        outcome=outcome,
        placement=now.placement,
        before_ms=before_ms[was.id],
        after_ms=after_ms,
        unprotected=unprotected,
        reason=now.reason,
    )


def _onto_backup(was: Service, at_first: Service) -> bool:
    backup = None if was.placement is None else was.placement.backup
    here = at_first.placement
    return backup is not None and here is not None and (here.there, here.back) == (backup.there, backup.back)


def _exposed(book: Book, service: Service) -> bool:
    """Whether a service is to survive a failure, and would not."""
    here = service.placement
    return service.order.protection is Protection.PATH and (here is None or not book.covered(here))


def _dark(book: Book, placement: Placement | None) -> bool:
    return placement is None or book.dark(placement)


def _latency_ms(book: Book, placement: Placement | None) -> float | None:
    return None if _dark(book, placement) or placement is None else book.latency_ms(placement)


def _fullest(book: Book, before: Mapping[LinkId, int], week: Window) -> list[Filled]:
    """The links in use that would be fullest, claims and reserve."""
    calendar = book.ground.calendar
    found = []
    for link in book.network.links:
        if link.id in book.dark_links:
            continue
        at_s = calendar.peak(link.id, week).at_s
        found.append(
            Filled(
                link=link.id,
                at_s=at_s,
                capacity_gbps=link.capacity_gbps,
                claimed_gbps=gbps_from_mbps(calendar.claimed_at(link.id, at_s)),
                reserve_gbps=gbps_from_mbps(calendar.reserve_at(link.id, at_s)),
                before_gbps=gbps_from_mbps(before[link.id]),
            )
        )
    return sorted(found, key=lambda one: (-one.share, one.link))[:FULLEST]
