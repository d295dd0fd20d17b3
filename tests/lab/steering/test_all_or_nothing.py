"""A change of several services is made as a whole or not at all: wherever the process dies, whatever the kernel says.

Judged by what the kernel holds and by where packets go.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from socket import AF_INET

import pytest

from highroad.agent.kernelstate import Gate, Key, PortState, Thing
from highroad.agent.steering import Steering
from highroad.errors import Unavailable
from highroad.gnmi.router import Intended
from highroad.model.service import ServiceKind, TrafficClass
from highroad.netlink import namespace
from highroad.netlink.filter import U32
from highroad.netlink.kernel import Kernel, KernelRefused
from highroad.netlink.message import Message
from highroad.netlink.nexthop import Nexthop, NexthopGroup
from highroad.netlink.qdisc import HtbClass
from highroad.netlink.route import Route
from highroad.netlink.rule import Rule
from highroad.netlink.seg6 import Seg6Encap
from tests.lab.steering.mortal import NEVER, Change, Death, Mortal, mortal
from tests.lab.steering.rig import Service, differs, far, hosts, intents, offer, service, space, state, zigzag
from tests.lab.steering.traffic import PORT, Frames, opened, outer_of
from tests.support.routers import Chain, Router, chain

LOCAL_EXPERIMENT = b"\x88\xb5"
"""An ethertype that nobody's stack answers (IEEE 802)."""


@dataclass(frozen=True)
class Bench:
    """A chain whose first router changes three services to the third one, two `ip` and one `ethernet`."""

    chain: Chain
    mortal: Mortal
    services: tuple[Service, ...]
    replaced: tuple[Service, ...]

    @property
    def router(self) -> Router:
        return self.chain.routers[0]

    def intended(self, services: Iterable[Service]) -> Intended:
        return intents(tuple(services), len(self.chain.routers))[0]

    def paths(self, expected: Iterable[str] | None = None) -> dict[str, tuple[tuple[str, ...], int] | None]:
        """Along which segments, and in which class, each service's packets leave the router now."""
        found: dict[str, tuple[tuple[str, ...], int] | None] = {one.out.service: None for one in self.services}
        awaited = self.router.intended.policies if expected is None else set(expected)
        with Frames(f"{self.chain.prefix}-r1", "right") as wire, ExitStack() as undo:
            sends = [_sender(self.chain, one, undo) for one in self.services]
            begun = time.monotonic()
            while None in found.values() and (passed := time.monotonic() - begun) < 5.0:
                # A port that has just come up takes a moment to find its neighbour.
                if passed > 0.02 and all(found[name] is not None for name in awaited):
                    break
                for send in sends:
                    send()
                for frame in wire.wait(1, outgoing=True, timeout_s=0.02):
                    outer = outer_of(frame)
                    for one in self.services:
                        if outer is not None and _is_of(outer.inner, one):
                            found[one.out.service] = outer.segments, outer.dscp
        return found


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    with ExitStack() as undo:
        made = undo.enter_context(chain(3, tmp_path_factory.mktemp("routers")))
        kinds = (ServiceKind.IP, ServiceKind.IP, ServiceKind.ETHERNET)
        services = tuple(
            service(f"s{number}", number, 1, 3, kind=kind, rate_kbps=50_000 * number, mtu=(9000, 1500))
            for number, kind in enumerate(kinds, 1)
        )
        replaced = tuple(
            service(
                f"s{number}", number, 1, 3, kind=kind, rate_kbps=70_000 * number, mtu=(9000, 1500),
                lists=(zigzag(1, 3, 4 + 4 * number),), traffic_class=TrafficClass.INTERACTIVE,
            )
            for number, kind in enumerate(kinds, 1)
        )  # fmt: skip
        hosts(made, undo, *services)
        offer(made, *services)
        yield Bench(chain=made, mortal=undo.enter_context(mortal()), services=services, replaced=replaced)


CHANGES: Mapping[str, Callable[[Bench], tuple[Intended, Intended]]] = {
    "install": lambda bench: (bench.intended([]), bench.intended(bench.services)),
    "replace": lambda bench: (bench.intended(bench.services), bench.intended(bench.replaced)),
    "withdraw": lambda bench: (bench.intended(bench.services), bench.intended([])),
    "swap": lambda bench: (bench.intended(bench.services[:2]), bench.intended(bench.replaced[1:])),
}


@dataclass(frozen=True)
class Known:
    """An intent when all is as it says: what the kernel holds, and where packets go."""

    intended: Intended
    things: Mapping[Key, Thing]
    paths: Mapping[str, tuple[tuple[str, ...], int] | None]


def known(bench: Bench, intended: Intended) -> Known:
    """Bring the router there, and look."""
    bench.router.intended = intended
    bench.router.converge()
    assert bench.router.converge() == 0
    return Known(intended=intended, things=state(bench.router), paths=bench.paths())


@pytest.mark.parametrize("name", ["install", "replace", "withdraw"])
def test_killed_before_any_step_it_is_the_old_or_the_new(bench: Bench, name: str) -> None:
    wanted = CHANGES[name](bench)
    new, old = known(bench, wanted[1]), known(bench, wanted[0])
    assert new.paths != old.paths
    steps = _applied(bench, old, new).steps
    assert "pivot" in steps
    seen = set()
    _back_to(bench, old)
    for number in range(len(steps)):
        death = _applied(bench, old, new, number)
        assert death.killed
        at = f"before step {number}, {death.steps[-1]}"
        seen.add(_is_either(bench, old, new, at))
        if number % 5 == 4:
            _back_to(bench, new, at)
            assert bench.router.converge() == 0, at
        _back_to(bench, old, at)
    assert seen == {"old", "new"}


@pytest.mark.parametrize("name", CHANGES)
def test_killed_at_any_moment_it_is_the_old_or_the_new(bench: Bench, name: str) -> None:
    wanted = CHANGES[name](bench)
    new, old = known(bench, wanted[1]), known(bench, wanted[0])
    started = time.monotonic()
    _applied(bench, old, new)
    within_s = 1.2 * (time.monotonic() - started)
    for _ in range(12):
        _back_to(bench, old)
        _applied(bench, old, new, within_s=within_s)
        _is_either(bench, old, new, "at some moment", packets=False)


class Refuses(Kernel):
    """A kernel that refuses one message of those of a change (and says so), and does the others; or that loses what it
    says of the pivot. What comes after that it does: it is how the change is undone.
    """

    def __init__(self, netns: str, index: int, number: int, *, lost: bool = False) -> None:
        super().__init__(netns)
        self._index, self._number, self._lost = index, number, lost
        self._begun = self._pivots = self._over = False
        self.length = 0

    def step(self, name: str) -> None:
        """What a change says of itself."""
        self._begun |= name == "build"
        self._pivots |= name == "pivot"

    def try_all(self, messages: Iterable[Message]) -> list[KernelRefused | None]:
        wanted = list(messages)
        if not self._begun or self._over or (self._lost and not self._pivots):
            return super().try_all(wanted)
        at = self._index - self.length
        self.length += len(wanted)
        self._over = self._pivots or 0 <= at < len(wanted)
        if self._lost:
            super().try_all(wanted)
            raise KernelRefused(errno.ENOBUFS, "an answer was lost: what was asked may have been done")
        if not 0 <= at < len(wanted):
            return super().try_all(wanted)
        refusal = KernelRefused(self._number, index=at)
        return [*super().try_all(wanted[:at]), refusal, *super().try_all(wanted[at + 1 :])]


@pytest.mark.parametrize("name", CHANGES)
def test_whatever_the_kernel_refuses_it_is_the_old(bench: Bench, name: str) -> None:
    """Of what is built beside the old, and of the pivot: message by message."""
    wanted = CHANGES[name](bench)
    new, old = known(bench, wanted[1]), known(bench, wanted[0])
    index = 0
    while True:
        with (
            Refuses(bench.router.namespace, index, errno.ENOMEM) as kernel,
            namespace.entered_by_name(bench.router.namespace),
        ):
            said = ""
            try:
                Steering(kernel, bench.router.config, kernel.step).apply(old.intended, new.intended)
            except Unavailable as error:
                said = error.message
        if not said:
            assert kernel.length == index, "it was made with a message refused"
            break
        assert "as it was" in said
        _same(state(bench.router), old.things, f"message {index} refused")
        index += 1
    assert index >= 5
    _back_to(bench, old)
    assert bench.paths(old.intended.policies) == old.paths


@pytest.mark.parametrize("name", CHANGES)
def test_when_the_answer_is_lost_it_is_the_old(bench: Bench, name: str) -> None:
    """ENOBUFS: the kernel did it, and what it said of it had no room in the socket."""
    wanted = CHANGES[name](bench)
    new, old = known(bench, wanted[1]), known(bench, wanted[0])
    with Refuses(bench.router.namespace, 0, 0, lost=True) as kernel:
        steering = Steering(kernel, bench.router.config, kernel.step)
        with namespace.entered_by_name(bench.router.namespace), pytest.raises(Unavailable, match="lost"):
            steering.apply(old.intended, new.intended)
    assert visible(state(bench.router), old, new) == visible(old.things, old, new)
    assert bench.paths(old.intended.policies) == old.paths
    bench.router.intended = old.intended
    bench.router.converge()
    assert state(bench.router) == old.things


def test_what_the_kernel_itself_refuses_leaves_everything_as_it_was(bench: Bench) -> None:
    """A group of somebody else's that has our number; a packet size that no interface has."""
    old = known(bench, bench.intended(bench.services[:2]))
    new = bench.intended(bench.services)
    taken = next(thing.id for thing in known(bench, new).things.values() if isinstance(thing, NexthopGroup)
                 and thing not in old.things.values())  # fmt: skip
    _back_to(bench, old)
    bench.chain.run("r1", "ip", "nexthop", "add", "id", str(taken), "blackhole")
    with pytest.raises(Unavailable, match="as it was"):
        bench.router.tell(new)
    _same(state(bench.router), old.things, "a foreign nexthop in the way")
    assert bench.paths(old.intended.policies) == old.paths
    bench.chain.run("r1", "ip", "nexthop", "del", "id", str(taken))
    bench.router.tell(new)
    assert None not in bench.paths().values()


# --- what is compared ----------------------------------------------------------------------------------------


def visible(things: Mapping[Key, Thing], old: Known, new: Known) -> dict[object, object]:
    """What packets are subject to: programs, rules, routes with what their nexthops do, ports, and those queues that
    both intents have. What is beside it (a nexthop that no route has) they cannot see.
    """
    groups = {thing.id: thing for thing in things.values() if isinstance(thing, NexthopGroup)}
    nexthops = {thing.id: thing for thing in things.values() if isinstance(thing, Nexthop)}
    found: dict[object, object] = {}
    for key, thing in things.items():
        if isinstance(thing, Route):
            ways: object = None
            if thing.nhid is not None:
                encaps = [nexthops[member].encap for member, _ in groups[thing.nhid].members]
                ways = [one.segments for one in encaps if isinstance(one, Seg6Encap)]
            found[key] = thing, ways
        elif isinstance(thing, Rule | Gate | U32 | PortState):
            if not _is_idle(thing, things):
                found[key] = thing
        elif isinstance(thing, HtbClass) and key in old.things and key in new.things:
            found[key] = thing
    return found


def _is_idle(thing: Rule | Gate | U32 | PortState, things: Mapping[Key, Thing]) -> bool:
    """What a tunnel that no port leads to is given beforehand."""
    if not isinstance(thing, U32 | PortState):
        return False
    dev = thing.index if isinstance(thing, U32) else thing.dev
    tunnel = any(isinstance(one, HtbClass) and one.index == dev for one in things.values())
    return tunnel and not any(isinstance(one, U32) and one.redirect == dev for one in things.values())


def _is_either(bench: Bench, old: Known, new: Known, at: str, *, packets: bool = True) -> str:
    now = visible(state(bench.router), old, new)
    before, after = visible(old.things, old, new), visible(new.things, old, new)
    assert now in (before, after), (
        f"{at}: neither; not of the old: {differs(now, before)}; not of the new: {differs(now, after)}"
    )
    which, known_ = ("old", old) if now == before else ("new", new)
    if packets:
        assert bench.paths(known_.intended.policies) == known_.paths, (
            f"{at}: packets go elsewhere than the {which} says"
        )
    return which


def _same(now: Mapping[Key, Thing], before: Mapping[Key, Thing], at: str) -> None:
    assert now == before, f"{at}: {differs(dict(now), dict(before))}"


def _applied(bench: Bench, old: Known, new: Known, step: int = NEVER, within_s: float | None = None) -> Death:
    return bench.mortal.apply(
        Change(
            space=bench.router.namespace, config=bench.router.config, old=old.intended, new=new.intended, step=step,
            within_s=within_s,
        )
    )  # fmt: skip


def _back_to(bench: Bench, what: Known, at: str = "before") -> None:
    """In one go, with nothing left over."""
    bench.router.intended = what.intended
    bench.router.converge()
    _same(state(bench.router), what.things, at)


def _sender(made: Chain, one: Service, undo: ExitStack) -> Callable[[], None]:
    if one.here.kind is ServiceKind.ETHERNET:
        frames = undo.enter_context(Frames(space(made, one, "here"), "e0"))
        frame = b"\x02\x00\x00\x00\x00\x02\x02\x00\x00\x00\x00\x01" + LOCAL_EXPERIMENT + bytes(50)
        return lambda: _tried(lambda: frames.send(frame))
    plain = undo.enter_context(opened(space(made, one, "here"), AF_INET))
    return lambda: _tried(lambda: plain.sendto(b"x", (far(one, AF_INET), PORT)))


def _tried(send: Callable[[], object]) -> None:
    try:
        send()
    except OSError as error:
        if error.errno not in (errno.ENETDOWN, errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENOBUFS, errno.ENXIO):
            raise


def _is_of(inner: bytes, one: Service) -> bool:
    if one.here.kind is ServiceKind.ETHERNET:
        return inner[0] >> 4 == 6 and LOCAL_EXPERIMENT in inner
    return inner[0] >> 4 == 4 and inner[16:20] == bytes(int(part) for part in far(one, AF_INET).split("."))
