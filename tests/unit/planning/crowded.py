"""Small networks so full that an order finds no place, and every way in which others could make room for it."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from highroad.model.lifecycle import CARRYING, State
from highroad.model.network import LinkId, Network
from highroad.model.service import (
    Attachment,
    Order,
    Placement,
    Port,
    PortId,
    Protection,
    Service,
    ServiceId,
    TenantId,
)
from highroad.model.window import Window
from highroad.planning.find import find
from highroad.planning.ground import Ground
from highroad.planning.placement import want_of
from highroad.planning.room import Others, movable
from tests.unit.planning.ground import NOW_S, ground_of
from tests.unit.planning.small import simple_paths, small

WINDOWS = ((0.0, None), (0.0, 100.0), (0.0, 200.0), (100.0, 200.0), (100.0, None))
INSTANTS = (NOW_S + 50, NOW_S + 150, NOW_S + 250)


@dataclass
class Crowd:
    """A network that is nearly full, who is on it, and an order that admission has no place for."""

    network: Network
    ground: Ground
    services: dict[ServiceId, Service]
    order: Order

    def others(self, **kwargs: object) -> Others:
        """Who may be moved."""

        def over(link: LinkId) -> list[Service]:
            return [one for one in self.services.values() if movable(one) and link in links_of(one.placement)]

        return Others(over=over, **kwargs)  # type: ignore[arg-type]


def links_of(placement: Placement | None) -> tuple[LinkId, ...]:
    if placement is None:
        return ()
    backup = placement.backup
    return (*placement.links, *(() if backup is None else (*backup.there, *backup.back)))


def crowd(seed: int, *, sites: int = 5, most: int = 4, protected: bool = False) -> Crowd | None:
    """Orders are placed until one finds no place, but for which there would be a way if nobody else was there; None
    where there is none such, or too many services.
    """
    dice = random.Random(f"crowd {seed}")
    network = small(seed, sites=sites, share=0.75)
    names = [site.id for site in network.sites]
    ports = [Port(id=PortId(f"t.{name}"), tenant=TenantId("t"), site=name, rate_gbps=1000.0) for name in names]
    ground = ground_of(network, ports)
    services: dict[ServiceId, Service] = {}
    for number in range(40):
        a, b = dice.sample(names, 2)
        start_s, end_s = dice.choice(WINDOWS)
        order = Order(
            tenant=TenantId("t"),
            a=Attachment(port=PortId(f"t.{a}"), vlan=number + 2),
            b=Attachment(port=PortId(f"t.{b}"), vlan=number + 2),
            a_site=a,
            b_site=b,
            bandwidth_gbps=float(dice.randint(2, 9)),
            window=Window(start_s=NOW_S + start_s, end_s=None if end_s is None else NOW_S + end_s),
            latency_bound_ms=dice.choice([12.0, 20.0, 40.0]),
            protection=Protection.PATH if protected and dice.random() < 0.5 else Protection.NONE,
        )
        place = find(ground, want_of(order))
        if place is None:
            if find(ground_of(network, ports), want_of(order)) is not None:
                return Crowd(network, ground, services, order)
            continue
        if len(services) == most:
            return None
        carried = start_s == 0.0 and dice.random() < 0.7
        service = Service(
            id=ServiceId(f"s{len(services)}"),
            version=1,
            state=State.ACTIVE if carried else State.RESERVED,
            order=order,
            created_s=NOW_S,
            changed_s=NOW_S,
            placement=place,
        )
        services[service.id] = service
        ground.keep(service)
    return None


def crowds(seeds: Iterable[int], **kwargs: object) -> Iterator[Crowd]:
    """Those of many seeds that there are."""
    return (one for seed in seeds if (one := crowd(seed, **kwargs)) is not None)  # type: ignore[arg-type]


# --- what is possible -------------------------------------------------------------------------------------------


def ways(network: Network, order: Order) -> list[Placement]:
    """Every place inside its bound, on one way."""
    bound_ms = order.latency_bound_ms
    assert bound_ms is not None

    def one(a: str, b: str) -> list[tuple[LinkId, ...]]:
        paths = simple_paths(network, a, b)
        return [path for path in paths if sum(network.link[link].latency_ms for link in path) <= bound_ms + 1e-9]

    backs = one(order.b_site, order.a_site)
    return [
        Placement(there=there, back=back, bandwidth_gbps=order.bandwidth_gbps)
        for there in one(order.a_site, order.b_site)
        for back in backs
    ]


def possible(crowd: Crowd, most_moves: int) -> bool:
    """Whether there is any way at all to admit the order by moving so many, by trying all of them. No protection."""
    network = crowd.network
    free = {(link.id, at_s): link.capacity_gbps for link in network.links for at_s in INSTANTS}
    orders = [crowd.order, *(one.order for one in crowd.services.values())]
    here = [None, *(one.placement for one in crowd.services.values())]
    every = [ways(network, order) for order in orders]

    def take(place: Placement, order: Order, sign: int) -> bool:
        fits = True
        for link in place.links:
            for at_s in INSTANTS:
                if order.window.start_s <= at_s < order.window.until_s:
                    free[link, at_s] -= sign * order.bandwidth_gbps
                    fits &= free[link, at_s] >= -1e-9
        return fits

    def goes_on(number: int, left: int) -> bool:
        if number == len(orders):
            return True
        stays = here[number]
        choices = [*([stays] if stays is not None else []), *(every[number] if left or stays is None else [])]
        for choice in choices:
            moved = stays is not None and choice != stays
            if moved and not left:
                continue
            if take(choice, orders[number], +1) and goes_on(number + 1, left - moved):
                return True
            take(choice, orders[number], -1)
        return False

    return goes_on(0, most_moves)


# --- what is right ----------------------------------------------------------------------------------------------


def check_ends(crowd: Crowd, order: Order, place: Placement) -> None:
    """A placement joins the two ends in both directions, inside the bound."""
    network = crowd.network
    backup = place.backup
    ways = [(one.there, one.back) for one in place.branches]
    ways += [] if backup is None else [(backup.there, backup.back)]
    for there, back in ways:
        for way, a, b in ((there, order.a_site, order.b_site), (back, order.b_site, order.a_site)):
            links = [network.link[link] for link in way]
            assert (links[0].tail, links[-1].head) == (a, b)
            assert all(one.head == other.tail for one, other in pairwise(links))
            assert order.latency_bound_ms is not None
            assert sum(link.latency_ms for link in links) <= order.latency_bound_ms + 1e-9


def check_fits(crowd: Crowd, placed: Sequence[tuple[Order, Placement]]) -> None:
    """No link has more than it can carry, at any instant at which anything is otherwise than before."""
    for link in crowd.network.links:
        for at_s in INSTANTS:
            load = sum(
                place.load_mbps().get(link.id, 0)
                for order, place in placed
                if order.window.start_s <= at_s < order.window.until_s
            )
            assert load <= link.capacity_gbps * 1000, (link.id, at_s)


def check_any_order(crowd: Crowd, moves: Mapping[ServiceId, Placement], shuffle: Callable[[list[str]], None]) -> None:
    """However routers take them, one by one and each only where it fits beside all that they hold, all are made."""
    carried = {name: one for name, one in crowd.services.items() if one.state in CARRYING}
    held = {name: one.placement for name, one in carried.items()}
    left = [str(name) for name in moves if name in carried]

    def load(link: LinkId, besides: str) -> int:
        return sum(
            place.load_mbps().get(link, 0) for name, place in held.items() if place is not None and name != besides
        )

    while left:
        shuffle(left)
        for name in left:
            was, to = held[ServiceId(name)], moves[ServiceId(name)]
            assert was is not None
            both = {
                link: max(was.load_mbps().get(link, 0), to.load_mbps().get(link, 0)) for link in (*was.links, *to.links)
            }
            if all(
                load(link, name) + rate <= crowd.network.link[link].capacity_gbps * 1000 for link, rate in both.items()
            ):
                held[ServiceId(name)] = to
                left.remove(name)
                break
        else:
            raise AssertionError(f"{left} wait for each other")


def as_it_will_be(crowd: Crowd, moves: Mapping[ServiceId, Placement]) -> list[Service]:
    """The services once all is done."""
    return [replace(one, placement=moves.get(name, one.placement)) for name, one in crowd.services.items()]
