"""A solver for tests that knows what would be better: some services along a way that is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from highroad.control.better import Found
from highroad.errors import Unavailable
from highroad.model.network import LinkId
from highroad.model.plan import Refilled, Score
from highroad.model.service import Placement, Service, ServiceId
from highroad.planning.ground import Ground
from highroad.planning.placement import latency_ms
from highroad.units import gbps_from_mbps


def along(service: Service, way: Sequence[str], **more: object) -> Placement:
    """A service's placement along a way, and the same way back."""
    assert service.placement is not None
    there = tuple(LinkId(link) for link in way)
    back = tuple(LinkId(">".join(reversed(link.split(">")))) for link in reversed(way))
    return replace(service.placement, there=there, back=back, backup=None, **more)  # type: ignore[arg-type]


class Knows:
    """Moves those services along that way which are carried, and on another one."""

    def __init__(self, ways: Mapping[str, Sequence[str]] | None = None) -> None:
        self.ways = dict(ways or {})
        self.asked = 0
        self.ready = True
        """Whether it can be asked yet."""

    def __call__(
        self, ground: Ground, services: Sequence[Service], now_s: float, stop: Callable[[], bool]
    ) -> Callable[[], Found]:
        self.asked += 1
        if not self.ready:
            raise Unavailable("it does not know yet")
        carried = [one for one in services if one.wants_carrying]
        moves = {
            one.id: to
            for one in carried
            if one.id in self.ways and (to := along(one, self.ways[one.id])) != one.placement
        }
        found = _found(ground, carried, moves)
        return lambda: found


def _found(ground: Ground, carried: Sequence[Service], moves: Mapping[ServiceId, Placement]) -> Found:
    loads: list[dict[LinkId, int]] = [{}, {}]
    for one in carried:
        here = one.placement
        assert here is not None
        for load, placement in zip(loads, (here, moves.get(one.id, here)), strict=True):
            for link, rate in placement.load_mbps().items():
                load[link] = load.get(link, 0) + rate
    links = [
        Refilled(
            link=link.id,
            capacity_gbps=link.capacity_gbps,
            before_gbps=gbps_from_mbps(loads[0].get(link.id, 0)),
            after_gbps=gbps_from_mbps(loads[1].get(link.id, 0)),
            price=0.0,
        )
        for link in ground.network.links
    ]
    total_gbps = sum(one.order.bandwidth_gbps for one in carried) or 1.0
    scores = []
    for after in (False, True):
        places = [moves.get(one.id, one.placement) if after else one.placement for one in carried]
        late = sum([place.bandwidth_gbps * latency_ms(ground, place) for place in places if place is not None])
        fills = [(one.after_gbps if after else one.before_gbps) / one.capacity_gbps for one in links]
        scores.append(
            Score(utilisation=max(fills, default=0.0), rest=max(fills, default=0.0), latency_ms=late / total_gbps)
        )
    return Found(
        moves=moves,
        before=scores[0],
        after=scores[1],
        bound=scores[1].utilisation,
        bare_bound=scores[1].utilisation,
        group="",
        rest_bound=scores[1].rest,
        gap=0.0,
        stuck=(),
        links=links,
    )
