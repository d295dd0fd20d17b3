"""Services over a chain of routers, both ways, with a host at each end."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, fields, replace
from itertools import pairwise
from socket import AF_INET, AF_INET6
from typing import Any

from highroad.agent import dump
from highroad.agent.kernelstate import Key, Thing, state_of
from highroad.agent.wanted import containers
from highroad.gnmi.router import Attachment, Intended, Policy, SegmentList
from highroad.model.service import ServiceKind, TrafficClass
from highroad.netlink.kernel import Kernel
from highroad.netlink.seg6 import Seg6Local
from tests.support.routers import LEFT, RIGHT, Chain, Router, attachment, ends, host, policy, told


@dataclass(frozen=True)
class Service:
    """What both ends of a service are told."""

    here: Attachment
    there: Attachment
    out: Policy
    back: Policy

    def along(self, *lists: Sequence[int]) -> Service:
        """The same, there along other lists."""
        candidate = self.out.candidate_paths[0]
        segments = tuple(
            SegmentList(links=tuple(f"link-{function:x}" for function in functions), functions=tuple(functions))
            for functions in lists
        )
        return replace(self, out=replace(self.out, candidate_paths=(replace(candidate, segment_lists=segments),)))

    def at(self, guaranteed_kbps: int, ceiling_kbps: int | None = None) -> Service:
        """The same at another rate, there."""
        return replace(
            self, out=replace(self.out, guaranteed_kbps=guaranteed_kbps, ceiling_kbps=ceiling_kbps or guaranteed_kbps)
        )


def walk(*nodes: int) -> tuple[int, ...]:
    """The adjacency functions from router to router of a chain."""
    return tuple(LEFT if after < before or before == 1 else RIGHT for before, after in pairwise(nodes))


def zigzag(start: int, end: int, length: int) -> tuple[int, ...]:
    """A walk of so many steps through a chain, back and forth over its first link as long as needed."""
    direct = list(range(start, end + 1)) if end >= start else list(range(start, end - 1, -1))
    aside = direct[1] if len(direct) > 1 else start + 1
    extra = length - (len(direct) - 1)
    assert extra >= 0, f"no walk of {length} steps from {start} to {end}"
    assert extra % 2 == 0, f"no walk of {length} steps from {start} to {end}"
    return walk(*(start, aside) * (extra // 2), *direct)


def service(
    name: str,
    number: int,
    here: int,
    there: int,
    *,
    kind: ServiceKind = ServiceKind.IP,
    rate_kbps: int = 1_000_000,
    ceiling_kbps: int | None = None,
    traffic_class: TrafficClass = TrafficClass.ASSURED,
    prefixes: tuple[tuple[str, ...], tuple[str, ...]] = ((), ()),
    mtu: tuple[int, int] = (9000, 9000),
    lists: Sequence[Sequence[int]] = (),
    weights: tuple[int, ...] = (),
) -> Service:
    """A service between interface `a<number>` of two routers, along the chain unless said otherwise."""
    one = attachment(here, number, service=name, kind=kind, prefixes=prefixes[0], mtu=mtu[0])
    two = attachment(there, number, service=name, kind=kind, prefixes=prefixes[1], mtu=mtu[1])
    ceiling = ceiling_kbps or rate_kbps
    return Service(
        here=one,
        there=two,
        out=policy(
            one, two, *(tuple(functions) for functions in lists or (zigzag(here, there, abs(there - here)),)),
            remote_node=there, service=name, guaranteed_kbps=rate_kbps, ceiling_kbps=ceiling,
            traffic_class=traffic_class, weights=weights,
        ),
        back=policy(
            two, one, zigzag(there, here, abs(there - here)), remote_node=here, service=name,
            guaranteed_kbps=rate_kbps, ceiling_kbps=ceiling, traffic_class=traffic_class,
        ),
    )  # fmt: skip


def hosts(made: Chain, undo: ExitStack, *services: Service) -> None:
    """A host at each end of each service: `<service>.here` and `<service>.there`."""
    for one in services:
        for name, end, node in (("here", one.here, one.back.remote_node), ("there", one.there, one.out.remote_node)):
            number = int(str(end.interface)[1:])
            assert end.addresses == ends(node, number)
            host(made, f"{one.out.service}.{name}", node, str(end.interface), end.addresses, undo, mtu=end.mtu_bytes)


def space(made: Chain, service_: Service | str, end: str) -> str:
    """The namespace of a service's host."""
    name = service_ if isinstance(service_, str) else service_.out.service
    return f"{made.prefix}-{name}.{end}"


def intents(services: Sequence[Service], routers: int) -> list[Intended]:
    """What each router of a chain is told for these services."""
    found = []
    for node in range(1, routers + 1):
        attachments = [one.here for one in services if one.back.remote_node == node]
        attachments += [one.there for one in services if one.out.remote_node == node]
        policies = [one.out for one in services if one.back.remote_node == node]
        policies += [one.back for one in services if one.out.remote_node == node]
        found.append(told(attachments, policies))
    return found


def offer(made: Chain, *services: Service) -> list[int]:
    """Tell every router these services and no others; returns the messages that each took."""
    return [
        router.tell(intended)
        for router, intended in zip(made.routers, intents(services, len(made.routers)), strict=True)
    ]


def kernel_of(router: Router) -> Kernel:
    """A socket of the test's own in a router's namespace."""
    return Kernel(router.namespace)


def state(router: Router) -> dict[Key, Thing]:
    """What a router's kernel holds of ours, read by a socket of the test's own.

    A device that is made again has another number: here each has one of its name.
    """
    with kernel_of(router) as kernel:
        names = {one.index: zlib.crc32(one.name.encode()) for one in kernel.links()}
        return state_of(_renumbered(thing, names) for thing in raw(router, kernel).values())


def raw(router: Router, kernel: Kernel) -> dict[Key, Thing]:
    """The same, as the kernel has it."""
    core = frozenset(port.interface for port in router.config.core_ports)
    customer = frozenset(str(one.interface) for one in router.intended.attachments.values())
    return dump.read(kernel, kernel.links(), core, customer)


def differs(one: Mapping[Any, object], other: Mapping[Any, object]) -> list[object]:
    """What is in one and not in the other, or otherwise."""
    return [(key, one.get(key), other.get(key)) for key in {**one, **other} if one.get(key) != other.get(key)]


def _renumbered(thing: Thing, numbers: Mapping[int, int]) -> Thing:
    places = [one.name for one in fields(thing) if one.name in ("index", "dev", "redirect")]
    return replace(thing, **{place: numbers.get(getattr(thing, place), getattr(thing, place)) for place in places})


def segments(router: Router, functions: Sequence[int], function: int) -> tuple[str, ...]:
    """A segment list with its end, as the headend is told it: before its own first SID is used."""
    return containers(router.config, SegmentList(links=(), functions=tuple(functions)), function)


def sid_packets(made: Chain) -> int:
    """How many packets all adjacency SIDs of a chain have forwarded."""
    total = 0
    for router in made.routers:
        with kernel_of(router) as kernel:
            for one in kernel.routes(AF_INET6):
                if isinstance(one.encap, Seg6Local) and one.encap.action == "End.X" and one.encap.counters is not None:
                    total += one.encap.counters[0]
    return total


FAMILIES = (AF_INET, AF_INET6)


def far(one: Service, family: int) -> str:
    """The address of the far customer's edge."""
    return one.there.addresses.ce4 if family == AF_INET else one.there.addresses.ce6


def near(one: Service, family: int) -> str:
    """The address of the near customer's edge."""
    return one.here.addresses.ce4 if family == AF_INET else one.here.addresses.ce6


def awake(made: Chain, one: Service, family: int) -> bool:
    """Whether packets pass there and back, once neighbours have found each other: what is asked of them may be lost on
    a wire that is not up yet, and is asked again after a second.
    """
    return any(made.ping(f"{one.out.service}.here", far(one, family)) == 3 for _ in range(5))
