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
from highroad.fabric.twin import traffic, wound
from highroad.fabric.twin.fluid import carry
from highroad.fabric.twin.headend import choose, heaviest, routes_of
from highroad.fabric.twin.probe import Ways
from highroad.fabric.twin.wound import Wound
from highroad.fabric.validity import refusal
from highroad.model.network import FibreId, LinkId, Network, SiteId
from highroad.model.policy import Policy
from highroad.model.service import ServiceId
from highroad.planning.fair import Flags, Floats, summed
from highroad.ports import (
    Change,
    CutState,
    Install,
    LabStatus,
    LinkCounters,
    Observed,
    Replace,
    RouterState,
    Sample,
    ServiceCounters,
    Withdraw,
)
from highroad.units import bytes_from_gbps

MAX_STEPS = 200
"""An advance over more steps of traffic than this looks at every n-th step only, so that a restart after days
is still instant; offers that were set, cuts and changes stay exact."""

_OFFERED, _CARRIED, _LOST, _DARK = range(4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """All that the plant is, at one instant: what it can be brought back from, to the bit."""

    at_s: float
    network: Network
    policies: Mapping[ServiceId, Policy]
    wounds: Mapping[FibreId, Wound]
    offers: Mapping[ServiceId, float]
    services: Mapping[ServiceId, tuple[float, float, float, float]]
    """Gbit offered, carried and lost, and seconds dark."""
    links: Mapping[LinkId, float]
    """Gbit carried."""
    cuts: Mapping[FibreId, CutState] = field(default_factory=dict)
    """What was cut; a fibre may be dark besides because a router at one of its ends was killed."""
    killed: Mapping[SiteId, float] = field(default_factory=dict)
    """Routers, and since when."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rates:
    """The growth of the counters now: Gbit/s (and dark seconds a second) by service, Gbit/s by link."""

    services: Floats
    links: Floats
    offered_gbps: Floats
    carried_gbps: Floats


class Plant:
    """A backbone from an instant on; see the module for its laws. Not for use from several threads."""

    def __init__(self, network: Network, at_s: float, *, seed: int, detection_s: float, restoration_s: float) -> None:
        self._seed = seed
        self._detection_s = detection_s
        self._restoration_s = restoration_s
        self.beliefs = 0
        """Counts every change of what headends believe of fibres."""
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
            services={
                service: (counts[0], counts[1], counts[2], counts[3])
                for service, counts in zip(self._policies, self._counts.tolist(), strict=True)
            },
            links=dict(zip(self._index, self._link_gbit.tolist(), strict=False)),
            cuts=dict(self._cuts),
            killed=dict(self._killed),
        )

    def recall(self, memory: Memory) -> None:
        """Be what the memory says. Time goes on from its instant: `advance` integrates what lies between."""
        self.at_s = memory.at_s
        self._policies = dict(memory.policies)
        self._wounds = dict(memory.wounds)
        self._offers = dict(memory.offers)
        self._cuts = dict(memory.cuts)
        self._killed = dict(memory.killed)
        counts = [memory.services.get(service, (0.0, 0.0, 0.0, 0.0)) for service in self._policies]
        self._counts = np.array(counts, dtype=np.float64).reshape(-1, 4)
        self._use(memory.network, memory.links)
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
            rates = self._rates_now()
            self._counts += rates.services * (until_s - self.at_s)
            self._link_gbit += rates.links * (until_s - self.at_s)
            self.at_s = until_s
            self._notice()

    def next_due_s(self) -> float | None:
        """When headends will next notice something by themselves."""
        due = [due_s for due_s in map(self._due_s, self._wounds.values()) if due_s is not None]
        return min(due, default=None)

    def _due_s(self, hurt: Wound) -> float | None:
        return hurt.due_s(detection_s=self._detection_s, restoration_s=self._restoration_s)

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
        counts = dict(zip(self._policies, self._counts, strict=True))
        changed: set[ServiceId] = set()
        for change in changes:
            match change:
                case Install(policy=policy) | Replace(policy=policy):
                    if self._policies.get(policy.service) == policy:
                        continue
                    reason = refusal(self.network, policy)
                    if reason is not None:
                        refused[policy.service] = reason
                        continue
                    self._policies[policy.service] = policy
                    counts.setdefault(policy.service, np.zeros(4))
                    changed.add(policy.service)
                case Withdraw(service=service):
                    if self._policies.pop(service, None) is not None:
                        del counts[service]
                        changed.add(service)
        if changed:
            self._counts = np.array(list(counts.values()), dtype=np.float64).reshape(-1, 4)
            self._route()
        return refused, changed

    def cut(self, fibre: FibreId, *, silent: bool = False) -> bool:
        """Cut a fibre. Returns whether that changes anything. Raises NotFound.

        How headends notice is not modelled, so a silent cut differs in name only.
        """
        self._known(fibre)
        if fibre in self._cuts:
            return False
        self._cuts[fibre] = CutState(since_s=self.at_s, silent=silent)
        self._light([fibre])
        return True

    def uncut(self, fibre: FibreId) -> bool:
        """Splice a fibre. Returns whether that changes anything. Raises NotFound."""
        self._known(fibre)
        if self._cuts.pop(fibre, None) is None:
            return False
        self._light([fibre])
        return True

    def kill_router(self, site: SiteId) -> bool:
        """Darken every fibre at a site. Returns whether that changes anything. Raises NotFound."""
        self._known_site(site)
        if site in self._killed:
            return False
        self._killed[site] = self.at_s
        self._light_at(site)
        return True

    def revive_router(self, site: SiteId) -> bool:
        """Light them again, but for those that are dark for another reason. Likewise."""
        self._known_site(site)
        if self._killed.pop(site, None) is None:
            return False
        self._light_at(site)
        return True

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
        self._killed = {site: since_s for site, since_s in self._killed.items() if site in network.site}
        self._use(network, dict(zip(self._index, self._link_gbit.tolist(), strict=False)))
        self._light(network.fibre)
        self.beliefs += 1
        return True

    # --- what it shows --------------------------------------------------------------------------------------

    def observed(self) -> Observed:
        """What routers report. A fibre is down since it was detected to be: its cut plus detection."""
        down = {fibre: hurt.seen_s for fibre, hurt in self._wounds.items() if hurt.seen_s is not None}
        return Observed(policies=dict(self._policies), down_since_s=down)

    def cuts(self) -> dict[FibreId, float]:
        """What is cut, and since when."""
        return {fibre: cut.since_s for fibre, cut in self._cuts.items()}

    def status(self) -> LabStatus:
        """Every router and what was cut."""
        routers = [RouterState(site=site, killed_s=self._killed.get(site)) for site in self.network.site]
        return LabStatus(routers=routers, cuts=dict(self._cuts))

    def ways(self, service: ServiceId) -> Ways:
        """Where a packet of a service that sets out now goes. Raises NotFound."""
        for number, known in enumerate(self._policies):
            if known == service:
                return Ways(there=self._way(2 * number), back=self._way(2 * number + 1))
        raise NotFound(f"routers do not carry the service {service}", service=service)

    def lit(self, link: LinkId) -> bool:
        """Whether light gets through a link."""
        return not self._cut[self._index[link]]

    def sample(self) -> Sample:
        """Every counter, at the instant that was advanced to last."""
        rates = self._rates_now()
        services: dict[ServiceId, ServiceCounters] = {}
        each = zip(
            self._policies,
            self._counts.tolist(),
            rates.offered_gbps.reshape(-1, 2).sum(axis=1).tolist(),
            rates.carried_gbps.reshape(-1, 2).tolist(),
            self._choice.latency_ms.reshape(-1, 2).tolist(),
            strict=True,
        )
        for service, counts, offered_gbps, carried_gbps, latency_ms in each:
            services[service] = ServiceCounters(
                offered_bytes=bytes_from_gbps(counts[_OFFERED], 1.0),
                carried_bytes=bytes_from_gbps(counts[_CARRIED], 1.0),
                lost_bytes=bytes_from_gbps(counts[_LOST], 1.0),
                dark_s=counts[_DARK],
                offered_gbps=offered_gbps,
                carried_gbps_there=carried_gbps[0],
                carried_gbps_back=carried_gbps[1],
                latency_ms_there=latency_ms[0],
                latency_ms_back=latency_ms[1],
            )
        links = {
            link: LinkCounters(carried_bytes=bytes_from_gbps(gbit, 1.0), carried_gbps=gbps, up=not dark)
            for link, gbit, gbps, dark in zip(
                self._index, self._link_gbit.tolist(), rates.links.tolist(), self._cut.tolist(), strict=False
            )
        }
        return Sample(at_s=self.at_s, services=services, links=links)

    # --- arrays, rebuilt when what they stand for changes ---------------------------------------------------

    def _use(self, network: Network, link_gbit: Mapping[LinkId, float]) -> None:
        self.network = network
        self._index = {link_id: number for number, link_id in enumerate(network.link)}
        links = [network.link[link_id] for link_id in self._index]
        # One link more than there are: nowhere, which has no room and is always dark.
        self._capacity_gbps = np.array([*(link.capacity_gbps for link in links), 0.0], dtype=np.float64)
        self._link_gbit = np.array([*(link_gbit.get(link.id, 0.0) for link in links), 0.0], dtype=np.float64)
        self._route()

    def _route(self) -> None:
        self._routes = routes_of(self.network, self._index, self._policies.values())
        keys = [key for service in self._policies for key in traffic.keys_of(self._seed, service)]
        self._keys = np.array(keys, dtype=np.uint64)
        self._set_offers()
        self._darken()

    def _set_offers(self) -> None:
        """What was set for each direction; NaN where the traffic model decides."""
        offers = [self._offers.get(service, math.nan) for service in self._policies]
        self._set_gbps = np.repeat(np.array(offers, dtype=np.float64), 2)
        self._all_set = not np.isnan(self._set_gbps).any()
        self._rates: tuple[int, _Rates] | None = None

    def _darken(self) -> None:
        """What the glass does and what headends believe of it."""
        hurt = self._wounds.items()
        self._cut = self._links_on(fibre for fibre, hurt_ in hurt if hurt_.cut_s is not None)
        believed = self._links_on(fibre for fibre, hurt_ in hurt if hurt_.seen_s is not None)
        self._choice = choose(self._routes, believed)
        self._rates = None

    def _links_on(self, fibres: Iterable[FibreId]) -> Flags:
        dark = np.zeros(len(self._capacity_gbps), dtype=np.bool_)
        dark[-1] = True
        for fibre in fibres:
            dark[[self._index[link] for link in self.network.links_on.get(fibre, ())]] = True
        return dark

    def _way(self, direction: int) -> list[LinkId]:
        """The links of the list that carries most; of the preferred one where none is believed in."""
        names = list(self._index)
        first = heaviest(self._routes, self._choice, direction)
        return [names[number] for number in first.tolist() if number < len(names)]

    def _known(self, fibre: FibreId) -> None:
        if fibre not in self.network.fibre:
            raise NotFound(f"there is no fibre {fibre}", fibre=fibre)

    def _known_site(self, site: SiteId) -> None:
        if site not in self.network.site:
            raise NotFound(f"there is no site {site}", site=site)

    def _light_at(self, site: SiteId) -> None:
        self._light(fibre.id for fibre in self.network.fibres if site in (fibre.a, fibre.b))

    def _light(self, fibres: Iterable[FibreId]) -> None:
        """Let light through those that are neither cut nor end at a router that was killed; not through the others."""
        for fibre_id in fibres:
            fibre = self.network.fibre[fibre_id]
            dark = fibre_id in self._cuts or fibre.a in self._killed or fibre.b in self._killed
            before = self._wounds.get(fibre_id)
            after = (wound.cut if dark else wound.spliced)(before, self.at_s)
            if after != before:
                self._set_wound(fibre_id, after)

    def _set_wound(self, fibre: FibreId, hurt: Wound | None) -> None:
        if hurt is None:
            self._wounds.pop(fibre, None)
        else:
            self._wounds[fibre] = hurt
        self._darken()

    def _rates_now(self) -> _Rates:
        step = traffic.step_at(self.at_s)
        if self._rates is None or not (self._all_set or self._rates[0] == step):
            self._rates = (step, self._rates_at(step))
        return self._rates[1]

    def _rates_at(self, step: int) -> _Rates:
        routes, share = self._routes, self._choice.share
        modelled = traffic.offered_gbps(self._keys, routes.guaranteed_gbps, routes.ceiling_gbps, step)
        offered = np.where(np.isnan(self._set_gbps), modelled, self._set_gbps)
        of = routes.direction
        list_offered = offered[of] * share
        list_carried = carry(
            capacity_gbps=self._capacity_gbps,
            dark=self._cut,
            paths=routes.paths,
            rank=routes.rank[of],
            guaranteed_gbps=routes.guaranteed_gbps[of] * share,
            ceiling_gbps=routes.ceiling_gbps[of] * share,
            offered_gbps=list_offered,
        )
        ways = len(offered)
        carried = summed(of, list_carried, ways)
        lost = summed(of, list_offered - list_carried, ways)
        lost = np.where(self._choice.stranded, offered, lost)
        lit = (share > 0.0) & ~routes.paths.any_on(self._cut) if len(share) else np.zeros(0, dtype=np.bool_)
        dark = (offered > 0.0) & (summed(of, lit, ways) == 0.0)
        by_way = np.stack((offered, carried, lost), axis=1).reshape(-1, 2, 3).sum(axis=1)
        by_service = np.column_stack((by_way, dark.reshape(-1, 2).any(axis=1)))
        links = routes.paths.load(list_carried, len(self._capacity_gbps))
        return _Rates(services=by_service, links=links, offered_gbps=offered, carried_gbps=carried)
