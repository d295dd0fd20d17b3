"""Several lists share a service's flows by weight: a flow keeps to one, and each list has its share of the rate."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from highroad.agent import numbers as n
from highroad.netlink.qdisc import HtbClass
from tests.lab.steering.rig import FAMILIES, Service, awake, far, hosts, kernel_of, offer, service, space, zigzag
from tests.lab.steering.traffic import PORT, Frames, Sink, opened, outer_of
from tests.support.routers import Chain, chain

LISTS = (zigzag(1, 3, 2), zigzag(1, 3, 8))
WEIGHTS = (3, 1)
RATE_KBPS = 16_000
FLOWS = 600

FRESH = 255
"""The hop limit of what has just been encapsulated: a list that goes back and forth comes past the headend again."""


@dataclass(frozen=True)
class Shared:
    chain: Chain
    service: Service

    def sent(self, router: int = 0) -> tuple[int, int]:
        """The bytes that the class of each list has let through."""
        with kernel_of(self.chain.routers[router]) as kernel:
            classes = kernel.classes(kernel.index(n.SHAPER))
        by_minor = {one.handle & 0xFFFF: one for one in classes if isinstance(one, HtbClass)}
        found = [by_minor[n.class_minor(1, index)].stats for index in (0, 1)]
        assert found[0] is not None
        assert found[1] is not None
        return found[0].bytes, found[1].bytes


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shared]:
    with ExitStack() as undo:
        made = undo.enter_context(chain(3, tmp_path_factory.mktemp("routers")))
        one = service("s", 1, 1, 3, rate_kbps=RATE_KBPS, lists=LISTS, weights=WEIGHTS)
        hosts(made, undo, one)
        offer(made, one)
        yield Shared(chain=made, service=one)


@pytest.mark.parametrize("family", FAMILIES)
def test_flows_are_pinned_and_shared_by_weight(shared: Shared, family: int) -> None:
    made, one = shared.chain, shared.service
    lists: defaultdict[int, set[int]] = defaultdict(set)
    with ExitStack() as undo:
        wire = undo.enter_context(Frames(f"{made.prefix}-r1", "right", 4096))
        sink = Sink(space(made, one, "there"), far(one, family))
        undo.callback(sink.close)
        sources = [undo.enter_context(opened(space(made, one, "here"), family)) for _ in range(FLOWS)]
        assert awake(made, one, family)
        for _ in range(3):
            for source in sources:
                source.sendto(b"x", (far(one, family), PORT))
            # The queue of a list holds so many.
            assert len(sink.wait(FLOWS)) == FLOWS
        ports = {source.getsockname()[1] for source in sources}
        for frame in wire.wait(3 * FLOWS, outgoing=True, timeout_s=1.0):
            outer = outer_of(frame)
            if outer is not None and outer.udp_source in ports and outer.hop_limit == FRESH:
                # The longer one needs two containers.
                lists[outer.udp_source].add(len(outer.segments))
    assert len(lists) == FLOWS
    assert all(len(taken) == 1 for taken in lists.values()), "a flow never changes its list"
    shares = Counter(next(iter(taken)) for taken in lists.values())
    assert set(shares) == {1, 2}
    # Four standard deviations of a binomial share.
    assert abs(shares[1] / FLOWS - 0.75) < 0.07


def test_each_list_is_shaped_by_its_share(shared: Shared) -> None:
    """Twice the rate is offered over many flows: three quarters of the rate leave along one list, a quarter along the
    other, on customers' bytes.
    """
    made, one = shared.chain, shared.service
    size, seconds = 1472, 2.0
    with ExitStack() as undo:
        sources = [undo.enter_context(opened(space(made, one, "here"), FAMILIES[0])) for _ in range(100)]
        payload, to = bytes(size), (far(one, FAMILIES[0]), PORT)
        packets_a_second = 2 * RATE_KBPS * 1000 / 8 / (size + 28)
        begun, count, measured, at = time.monotonic(), 0, None, 0.0
        while (passed := time.monotonic() - begun) < seconds + 0.5:
            while count < passed * packets_a_second:
                sources[count % len(sources)].sendto(payload, to)
                count += 1
            if measured is None and passed > 0.5:
                measured, at = shared.sent(), time.monotonic()
            time.sleep(0.002)
        assert measured is not None
        after, took = shared.sent(), time.monotonic() - at
    kbps = [(after[index] - measured[index]) * (size + 28) / (size + 42) * 8 / took / 1000 for index in (0, 1)]
    # Whoever sends may be held up for longer than there was in store for: then it is less, of both alike.
    assert kbps[0] / kbps[1] == pytest.approx(3.0, rel=0.02)
    assert 0.9 * RATE_KBPS <= sum(kbps) <= 1.02 * RATE_KBPS


def test_each_list_has_its_share_of_guarantee_and_ceiling(shared: Shared) -> None:
    with kernel_of(shared.chain.routers[0]) as kernel:
        classes = {one.handle & 0xFFFF: one for one in kernel.classes(kernel.index(n.SHAPER))}
    first, second = classes[n.class_minor(1, 0)], classes[n.class_minor(1, 1)]
    assert isinstance(first, HtbClass)
    assert isinstance(second, HtbClass)
    assert first.rate_bps == pytest.approx(3 * second.rate_bps, rel=1e-3)
    assert first.ceil_bps == pytest.approx(3 * second.ceil_bps, rel=1e-3)
