"""The plant: routers, glass and counters as one state machine, integrated exactly from event to event.

All rates are constant between events (a change of policies, a cut, a splice, a belief about either, a step of
the traffic), so the counters are sums of rate times time, without an error that grows. The plant does nothing
by itself and touches no clock or disk: `advance` is told what time it is, and every other call acts at that
time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from highroad.errors import Finding, Invalid, NotFound
from highroad.fabric.trail import Trail
from highroad.fabric.twin import traffic, watch, wound
from highroad.fabric.twin.counters import Counters, Total, Totals
from highroad.fabric.twin.flips import flipped
from highroad.fabric.twin.headend import Routes, choose, heaviest, routes_of, spans_of
from highroad.fabric.twin.probe import Ways
from highroad.fabric.twin.rates import Rates, arriving
from highroad.fabric.twin.repaired import Around, around_of, held_up, repaired
from highroad.fabric.twin.rows import Rows, Tail
from highroad.fabric.twin.wound import Wound
from highroad.fabric.validity import refusal
from highroad.model.incident import Reason
from highroad.model.network import FibreId, LinkId, Network, RiskGroupId, SiteId
from highroad.model.policy import LocalRepair, Policy
from highroad.model.service import ServiceId
from highroad.planning.fair import Flags, Floats, Ints
from highroad.ports import (
    Change,
    CutState,
    Down,
    Install,
    LabStatus,
    LinkCounters,
    Observed,
    Replace,
    RouterState,
    Sample,
    Withdraw,
)
from highroad.ports.broken import Causes, causes, cut_state, is_lit, lost
from highroad.units import bytes_from_gbps

MAX_STEPS = 200
"""An advance over more steps of traffic than this looks at every n-th step only, so that a restart after days
is still instant; offers that were set, cuts and changes stay exact."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """All that the plant is, at one instant: what it can be brought back from, to the bit."""

    at_s: float
    network: Network
    policies: Mapping[ServiceId, Policy]
    wounds: Mapping[FibreId, Wound]
    offers: Mapping[ServiceId, float]
    services: Mapping[ServiceId, Total]
    links: Mapping[LinkId, float]
    """Gbit carried."""
    cuts: Mapping[FibreId, CutState] = field(default_factory=dict)
    """What was cut; a fibre may be dark besides because a router at one of its ends was killed."""
    groups: Mapping[RiskGroupId, CutState] = field(default_factory=dict)
    """Risk groups that were cut."""
    killed: Mapping[SiteId, float] = field(default_factory=dict)
    """Routers, and since when."""
    mute: frozenset[SiteId] = frozenset()
    """Those of them that left the light of their ports on."""
    flips: Mapping[ServiceId, float] = field(default_factory=dict)
    """Services whose headends have left their preferred path, and since when."""
    repairs: tuple[LocalRepair, ...] = ()
    """The ways around links that routers have ready."""


class Plant:
    """A backbone from an instant on; see the module for its laws. Not for use from several threads."""

    def __init__(
        self,
        network: Network,
        at_s: float,
        *,
        seed: int,
        detection_s: float,
        restoration_s: float,
        watched: bool = True,
    ) -> None:
        self._seed = seed
        self._watched = watched
        self._detection_s = detection_s
        self._restoration_s = restoration_s
        self.beliefs = 0
        """Counts every change of what headends believe of fibres."""
        self._trail = Trail()
        self._flips: dict[ServiceId, float] = {}
        self._all_set = True
        self._rates: Rates | None = None
        self._rates_step = 0
        self._repairs: Sequence[LocalRepair] = ()
        self._around: Around = {}
        self._mended: tuple[Routes, Routes] | None = None
        """What headends hold, and what becomes of it where links are lost, once that was asked for."""
        self.recall(Memory(at_s=at_s, network=network, policies={}, wounds={}, offers={}, services={}, links={}))

    # --- memory ---------------------------------------------------------------------------------------------

    def memory(self) -> Memory:
        """All of it, now."""
        return Memory(
            at_s=self.at_s,
            network=self.network,
            policies=dict(self._policies),
            wounds=dict(self._wounds),
            offers=dict(self._offers),
            services=Totals(self._rows_of, self._counts.now[self._live()]),
            links=dict(zip(self._index, self._link_gbit.tolist(), strict=False)),
            cuts=dict(self._cuts),
            groups=dict(self._groups),
            killed=dict(self._killed),
            mute=self._mute,
            flips=dict(self._flips),
            repairs=tuple(self._repairs),
        )

    def recall(self, memory: Memory) -> None:
        """Be what the memory says. Time goes on from its instant: `advance` integrates what lies between."""
        self.at_s = memory.at_s
        self._policies = dict(memory.policies)
        self._wounds = dict(memory.wounds)
        self._offers = dict(memory.offers)
        self._cuts = dict(memory.cuts)
        self._groups = dict(memory.groups)
        self._killed = dict(memory.killed)
        self._mute = memory.mute
        self._flips = dict(memory.flips)
        self._repairs = memory.repairs
        counts = [memory.services.get(service, (0.0, 0.0, 0.0, 0.0)) for service in self._policies]
        self._use(memory.network, memory.links, np.array(counts, dtype=np.float64).reshape(-1, 4))
        self._trail.lose()
        self.beliefs += 1

    # --- time -----------------------------------------------------------------------------------------------

    def advance(self, to_s: float) -> None:
        """Let time pass; a time that has passed already (a clock was set back) changes nothing."""
        steps = traffic.step_at(to_s) - traffic.step_at(self.at_s)
        stride = max(1, math.ceil(steps / MAX_STEPS))
        self._notice()
        while self.at_s < to_s:
            due_s = self.next_due_s()
            until_s = min(to_s, math.inf if due_s is None else due_s, self._next_step_s(stride))
            rates, counts = self._rates_now(), self._counts.now
            counts += rates.services.now * (until_s - self.at_s)
            self._link_gbit += rates.links * (until_s - self.at_s)
            self.at_s = until_s
            self._notice()

    def next_due_s(self) -> float | None:
        """When headends will next notice something by themselves."""
        due = [due_s for due_s in map(self._due_s, self._wounds.values()) if due_s is not None]
        return min(due, default=None)

    def _due_s(self, hurt: Wound) -> float | None:
        detection_s = watch.seen_after_s(hurt.reason, self._detection_s)
        return hurt.due_s(detection_s=detection_s, restoration_s=self._restoration_s)

    def _notice(self) -> None:
        for fibre, hurt in list(self._wounds.items()):
            due_s = self._due_s(hurt)
            if due_s is not None and due_s <= self.at_s:
                self._set_wound(fibre, hurt.noticed(due_s))
                self.beliefs += 1

    def _next_step_s(self, stride: int) -> float:
        if self._all_set:
            return math.inf
        return (traffic.step_at(self.at_s) // stride + 1) * stride * traffic.STEP_S

    # --- what is done to it ---------------------------------------------------------------------------------

    def apply(self, changes: Sequence[Change]) -> tuple[dict[ServiceId, str], set[ServiceId]]:
        """Make changes, in order and all at this instant.

        Returns what was refused and why, and which services changed.
        """
        refused: dict[ServiceId, str] = {}
        changed: set[ServiceId] = set()
        gone: list[int] = []
        new: dict[ServiceId, Floats] = {}
        """What counters begin at."""
        for change in changes:
            match change:
                case Install(policy=policy) | Replace(policy=policy):
                    service = policy.service
                    if self._policies.get(service) == policy:
                        continue
                    reason = refusal(self.network, policy)
                    if reason is not None:
                        refused[service] = reason
                        continue
                    counts = new.pop(service, None)
                    if (row := self._rows_of.pop(service, None)) is not None:
                        counts = self._counts.now[row].copy()
                        gone.append(row)
                    new[service] = np.zeros(4) if counts is None else counts
                    self._policies.pop(service, None)
                    self._policies[service] = policy  # in the order of the rows
                    changed.add(service)
                case Withdraw(service=service):
                    if self._policies.pop(service, None) is not None:
                        if new.pop(service, None) is None:
                            gone.append(self._rows_of.pop(service))
                        changed.add(service)
        for service in changed:
            self._trail.mark(service)
            self._flips.pop(service, None)
        if gone:
            self._drop(gone)
        if new:
            self._add(new)
        if self._rows.worn:
            self._compact()
        return refused, changed

    def protect(self, repairs: Sequence[LocalRepair]) -> bool:
        """Have these ways around links ready, and no others: taken at once where light is lost. Returns whether that
        changes anything.
        """
        if repairs == self._repairs:
            return False
        self._repairs, self._around = repairs, around_of(repairs, self._index)
        self._darken()
        return True

    def cut(self, fibre: FibreId, *, silent: bool = False, towards: SiteId | None = None, loss: float = 1.0) -> bool:
        """Cut a fibre. Returns whether that changes anything. Raises NotFound.

        After a silent cut light stays on, and nothing arrives, or a part of it: that is noticed by who watches.
        """
        self._known(fibre)
        if towards not in (None, self.network.fibre[fibre].a, self.network.fibre[fibre].b):
            raise NotFound(f"{towards} is no end of {fibre}", site=towards)
        before = self._cuts.get(fibre)
        after = cut_state(before, self.at_s, silent=silent, towards=towards, loss=loss)
        self._cuts[fibre] = after
        return after != before and self._hurt([fibre])

    def uncut(self, fibre: FibreId) -> bool:
        """Splice a fibre. Returns whether that changes anything. Raises NotFound."""
        self._known(fibre)
        return self._cuts.pop(fibre, None) is not None and self._hurt([fibre])

    def cut_group(self, group: RiskGroupId, *, silent: bool = False, loss: float = 1.0) -> bool:
        """Cut all fibres of a risk group. Likewise."""
        self._known_group(group)
        before = self._groups.get(group)
        after = self._groups[group] = cut_state(before, self.at_s, silent=silent, loss=loss)
        return after != before and self._hurt(self.network.fibres_of(group))

    def uncut_group(self, group: RiskGroupId) -> bool:
        """Splice them, but for those that were cut by themselves. Likewise."""
        self._known_group(group)
        return self._groups.pop(group, None) is not None and self._hurt(self.network.fibres_of(group))

    def kill_router(self, site: SiteId, *, silent: bool = False) -> bool:
        """Let nothing pass a site, and darken every fibre there, unless silently. Likewise."""
        self._known_site(site)
        mute = self._mute | {site} if silent else self._mute - {site}
        if site in self._killed and mute == self._mute:
            return False
        self._killed.setdefault(site, self.at_s)
        self._mute = mute
        return self._hurt(self._fibres_at(site))

    def revive_router(self, site: SiteId) -> bool:
        """Light them again, but for those that are dark for another reason. Likewise."""
        self._known_site(site)
        if self._killed.pop(site, None) is None:
            return False
        self._mute -= {site}
        return self._hurt(self._fibres_at(site))

    def offer(self, service: ServiceId, offered_gbps: float | None) -> bool:
        """Set what a service offers each way, installed or not; None leaves it to the traffic model.

        Returns whether that changes anything. Raises Invalid for a rate that is negative or not finite.
        """
        if offered_gbps is not None and not 0.0 <= offered_gbps < math.inf:
            raise Invalid(
                [
                    Finding(
                        code="rate",
                        place="offered_gbps",
                        message=f"{offered_gbps:g} Gbit/s is not a rate: give 0 or more",
                    )
                ]
            )
        if self._offers.get(service) == offered_gbps:
            return False
        if offered_gbps is None:
            del self._offers[service]
        else:
            self._offers[service] = offered_gbps
        self._set_offers()
        return True

    def adopt(self, network: Network) -> bool:
        """Be another network: cuts of fibres that it lacks are forgotten, links that it keeps count on.

        Policies stay; those that it cannot carry offer and lose until they are replaced. Returns whether that
        changes anything.
        """
        if network == self.network:
            return False
        self._wounds = {fibre: hurt for fibre, hurt in self._wounds.items() if fibre in network.fibre}
        self._cuts = {fibre: state for fibre, state in self._cuts.items() if fibre in network.fibre}
        groups = {group.id for group in network.risk_groups}
        self._groups = {group: state for group, state in self._groups.items() if group in groups}
        self._killed = {site: since_s for site, since_s in self._killed.items() if site in network.site}
        self._mute &= self._killed.keys()
        self._use(
            network,
            dict(zip(self._index, self._link_gbit.tolist(), strict=False)),
            self._counts.now[self._live()],
        )
        self._light(network.fibre)
        self.beliefs += 1
        return True

    # --- what it shows --------------------------------------------------------------------------------------

    def observed(self, since: int | None = None) -> Observed:
        """What routers report. A fibre is down since it was detected to be: its cut plus detection."""
        down = {fibre: hurt.seen_s for fibre, hurt in self._wounds.items() if hurt.seen_s is not None}
        why = {fibre: Down(reason=self._wounds[fibre].reason) for fibre in down}
        return self._trail.read(self._policies, down, since, why, dict(self._flips))

    def cuts(self) -> dict[FibreId, float]:
        """What is cut, and since when."""
        return {fibre: cut.since_s for fibre, cut in self._cuts.items()}

    def status(self) -> LabStatus:
        """Every router and what was cut."""
        routers = [
            RouterState(site=site, killed_s=self._killed.get(site), silent=site in self._mute)
            for site in self.network.site
        ]
        return LabStatus(routers=routers, cuts=dict(self._cuts), groups=dict(self._groups))

    def ways(self, service: ServiceId) -> Ways:
        """Where a packet of a service that sets out now goes. Raises NotFound."""
        row = self._rows_of.get(service)
        if row is None:
            raise NotFound(f"routers do not carry the service {service}", service=service)
        return Ways(there=self._way(2 * row), back=self._way(2 * row + 1))

    def delivery(self) -> tuple[list[ServiceId], list[list[float]], list[list[float]]]:
        """Of every service, there and back: the share of its packets that arrives, and how long they take (ms)."""
        routes, choice = self._rows.routes, self._rows.choice
        through = np.where(routes.paths.any_on(self._cut), 0.0, arriving(routes, self._arrives)) * choice.share
        shares = np.bincount(routes.direction, weights=through, minlength=len(choice.latency_ms))
        rows = list(self._rows_of.values())
        found = [one.reshape(-1, 2)[rows].tolist() for one in (shares, choice.latency_ms)]
        return list(self._rows_of), found[0], found[1]

    def lit(self, link: LinkId) -> bool:
        """Whether anything gets through a link."""
        return not self._cut[self._index[link]]

    def loss(self, link: LinkId) -> float:
        """The share that is lost on a link."""
        return 1.0 - float(self._arrives[self._index[link]])

    def sample(self) -> Sample:
        """Every counter, at the instant that was advanced to last."""
        rates = self._rates_now()
        services = Counters(
            dict(self._rows_of),
            counts=self._counts.now.copy(),
            offered_gbps=rates.offered_gbps.now.copy(),
            carried_gbps=rates.carried_gbps.now.copy(),
            latency_ms=self._rows.choice.latency_ms.copy(),
        )
        links = {
            link: LinkCounters(carried_bytes=bytes_from_gbps(gbit, 1.0), carried_gbps=gbps, up=not dark)
            for link, gbit, gbps, dark in zip(
                self._index, self._link_gbit.tolist(), rates.links.tolist(), self._unlit.tolist(), strict=False
            )
        }
        return Sample(at_s=self.at_s, services=services, links=links)

    # --- arrays, see `rows` -----------------------------------------------------------------------------------

    def _use(self, network: Network, link_gbit: Mapping[LinkId, float], counts: Floats) -> None:
        self.network = network
        self._spans = spans_of(network)
        self._index = {link: span.number for link, span in self._spans.items()}
        links = [network.link[link_id] for link_id in self._index]
        # One link more than there are: nowhere, which has no room and is always dark.
        self._capacity_gbps = np.array([*(link.capacity_gbps for link in links), 0.0], dtype=np.float64)
        self._link_gbit = np.array([*(link_gbit.get(link.id, 0.0) for link in links), 0.0], dtype=np.float64)
        routes = routes_of(self._spans, self._policies.values())
        self._around = around_of(self._repairs, self._index)
        self._believe()
        self._fill(Rows(routes, choose(routes, self._believed)), counts, self._keys_of(self._policies))
        self._darken()

    def _fill(self, rows: Rows, counts: Floats, keys: traffic.Keys) -> None:
        """Have a row for each policy, in their order."""
        self._rows = rows
        self._rows_of = {service: row for row, service in enumerate(self._policies)}
        self._counts, self._keys = Tail(counts), Tail(keys)
        self._set_offers()

    def _add(self, new: Mapping[ServiceId, Floats]) -> None:
        """Have more rows for services, and count on from these figures."""
        routes = routes_of(self._spans, [self._policies[service] for service in new])
        choice = choose(routes, self._believed)
        self._rows_of.update({service: len(self._rows) + place for place, service in enumerate(new)})
        self._rows.add(routes, choice)
        self._counts.add(np.array(list(new.values())))
        keys, offers = self._keys_of(new), self._offers_of(new)
        self._keys.add(keys)
        self._set_gbps.add(offers)
        self._mended = None
        self._all_set = self._all_set and not np.isnan(offers).any()
        step = traffic.step_at(self.at_s)
        rates = self._rates if (self._all_set or self._rates_step == step) and not self._lost.any() else None
        offered = self._offered(routes, keys, offers, step)
        self._rates = (
            rates if rates is not None and rates.add(routes, choice, offered, self._cut, self._arrives) else None
        )
        if self._around and self._lost.any():
            self._darken()

    def _drop(self, rows: Iterable[int]) -> None:
        nowhere = len(self._index)
        for row in rows:
            lists = self._rows.drop(row, nowhere)
            self._counts.now[row] = 0.0
            self._set_gbps.now[2 * row : 2 * row + 2] = 0.0
            if self._rates is not None:
                self._rates.drop(row, lists)
        self._mended = None
        if self._rates is not None and (self._lost.any() or not self._rates.relieve(self._rows.routes)):
            self._rates = None

    def _compact(self) -> None:
        """Cut out the rows that are nobody's; they are in the order of the policies already."""
        live = self._live()
        somebodys = np.zeros(len(self._rows), dtype=np.bool_)
        somebodys[live] = True
        keys = self._keys.now.reshape(-1, 2)[live].ravel()
        self._fill(Rows(*self._rows.kept(somebodys)), self._counts.now[live], keys)

    def _live(self) -> Ints:
        """The rows that are somebody's, in the order of the policies."""
        return np.fromiter(self._rows_of.values(), dtype=np.intp, count=len(self._rows_of))

    def _keys_of(self, services: Iterable[ServiceId]) -> traffic.Keys:
        return np.array([key for one in services for key in traffic.keys_of(self._seed, one)], dtype=np.uint64)

    def _offers_of(self, services: Iterable[ServiceId]) -> Floats:
        """What was set for each direction; NaN where the traffic model decides."""
        offers = [self._offers.get(service, math.nan) for service in services]
        return np.repeat(np.array(offers, dtype=np.float64), 2)

    def _set_offers(self) -> None:
        offers = np.zeros(2 * len(self._rows))
        live = self._live()
        offers.reshape(-1, 2)[live] = self._offers_of(self._rows_of).reshape(-1, 2)
        self._set_gbps = Tail(offers)
        self._all_set = not np.isnan(offers).any()
        self._rates = None

    def _believe(self) -> None:
        """What the glass does and what headends believe of it."""
        hurt = self._wounds.items()
        self._unlit = self._links_on(
            fibre for fibre, hurt_ in hurt if hurt_.cut_s is not None and hurt_.reason is Reason.LIGHT
        )
        suffering = self._suffering()
        self._arrives = np.ones(len(self._capacity_gbps))
        for link in {link for fibre in suffering for link in self.network.links_on.get(fibre, ())}:
            self._arrives[self._index[link]] -= lost(self.network.over(link), suffering)
        for fibre in (fibre for site in self._mute for fibre in self._fibres_at(site)):
            self._arrives[[self._index[link] for link in self.network.links_on.get(fibre, ())]] = 0.0
        self._cut = self._unlit | (self._arrives <= 0.0)
        self._believed = self._links_on(fibre for fibre, hurt_ in hurt if hurt_.seen_s is not None)
        self._lost = self._lost_where_they_begin()
        self._rates = self._mended = None

    def _lost_where_they_begin(self) -> Flags:
        """The links that are repaired where they begin: light is missed at once, and what watchers see is believed."""
        gone = self._unlit | self._believed
        gone[-1] = False
        return gone

    def _darken(self) -> None:
        self._believe()
        choice = choose(self._rows.routes, self._believed)
        choices = self._rows.choice, held_up(self._repaired(), choice, self._believed)
        self._rows.choose(choices[1])
        self._flips = flipped(self._rows.routes, choices, self._rows_of, self._flips, self.at_s)

    def _repaired(self) -> Routes:
        """The routes as they are with links repaired where they begin."""
        here = self._rows.routes
        if not self._around or not self._lost.any():
            return here
        if self._mended is None or self._mended[0].paths.links is not here.paths.links:
            fences = {row: self._policies[service].fence or "" for service, row in self._rows_of.items()}
            self._mended = here, repaired(here, self._lost, self._around, lambda row: fences.get(row, ""))
        return self._mended[1]

    def _links_on(self, fibres: Iterable[FibreId]) -> Flags:
        dark = np.zeros(len(self._capacity_gbps), dtype=np.bool_)
        dark[-1] = True
        for fibre in fibres:
            dark[[self._index[link] for link in self.network.links_on.get(fibre, ())]] = True
        return dark

    def _way(self, direction: int) -> list[LinkId]:
        """The links of the list that carries most; of the preferred one where none is believed in."""
        names = list(self._index)
        first = heaviest(self._repaired(), self._rows.choice, direction)
        return [names[number] for number in first.tolist() if number < len(names)]

    def _known(self, fibre: FibreId) -> None:
        if fibre not in self.network.fibre:
            raise NotFound(f"there is no fibre {fibre}", fibre=fibre)

    def _known_site(self, site: SiteId) -> None:
        if site not in self.network.site:
            raise NotFound(f"there is no site {site}", site=site)

    def _known_group(self, group: RiskGroupId) -> None:
        if all(group != one.id for one in self.network.risk_groups):
            raise NotFound(f"there is no risk group {group}", group=group)

    def _fibres_at(self, site: SiteId) -> list[FibreId]:
        return [fibre.id for fibre in self.network.fibres if site in (fibre.a, fibre.b)]

    def _suffering(self) -> Causes:
        return causes(self._cuts, self._groups, self.network.fibres_of)

    def _hurt(self, fibres: Iterable[FibreId]) -> bool:
        """Something happened to these."""
        self._light(fibres)
        self._darken()
        return True

    def _light(self, fibres: Iterable[FibreId]) -> None:
        """Let light through those that no cut took it from and that end at no killed router; not through the others."""
        suffering = self._suffering()
        for fibre_id in fibres:
            reason, before = self._fault(fibre_id, suffering), self._wounds.get(fibre_id)
            after = wound.spliced(before, self.at_s) if reason is None else wound.cut(before, self.at_s, reason)
            if after != before:
                self._set_wound(fibre_id, after)

    def _fault(self, fibre_id: FibreId, suffering: Causes) -> Reason | None:
        """What is wrong with a fibre as its routers can see it."""
        fibre = self.network.fibre[fibre_id]
        dead = {fibre.a, fibre.b} & self._killed.keys()
        if dead - self._mute or not is_lit([fibre_id], suffering):
            return Reason.LIGHT
        shares = (1.0, 1.0) if dead else tuple(lost([(fibre_id, end)], suffering) for end in (fibre.a, fibre.b))
        return watch.reason_of(shares) if self._watched else None

    def _set_wound(self, fibre: FibreId, hurt: Wound | None) -> None:
        if hurt is None:
            self._wounds.pop(fibre, None)
        else:
            self._wounds[fibre] = hurt
        self._darken()

    def _rates_now(self) -> Rates:
        step = traffic.step_at(self.at_s)
        rates = self._rates
        if rates is None or not (self._all_set or self._rates_step == step):
            routes = self._repaired()
            offered = self._offered(routes, self._keys.now, self._set_gbps.now, step)
            rates = self._rates = Rates(
                routes, self._rows.choice, offered, self._cut, self._capacity_gbps, self._arrives
            )
            self._rates_step = step
        return rates

    def _offered(self, routes: Routes, keys: traffic.Keys, set_gbps: Floats, step: int) -> Floats:
        modelled = traffic.offered_gbps(keys, routes.guaranteed_gbps, routes.ceiling_gbps, step)
        return np.where(np.isnan(set_gbps), modelled, set_gbps)
