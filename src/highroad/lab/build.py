"""A plan made real: the namespaces, the light between them, the addresses of core ports."""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from pathlib import Path

from highroad.errors import Unavailable
from highroad.lab import links, namespaces
from highroad.lab.names import LabId
from highroad.lab.plan import CORE_MTU, Plan, Router
from highroad.netlink import address, link, namespace
from highroad.netlink.kernel import Kernel, KernelRefused
from highroad.netlink.message import Message

FIRST_INDEX = 100_000
"""Interfaces of the wires namespace are numbered from here. A port whose number is that of the interface below it is
told of lost light a second late (the kernel takes it for one without anything below), so none may be.
"""

PORT_INDEX = 100
"""Core ports of a router are numbered from here."""

LOOPBACK = 1

_SYSCTLS = {
    "ipv6/conf/all/accept_dad": "0",
    "ipv6/conf/default/accept_dad": "0",
    "ipv6/conf/default/accept_ra": "0",
    "ipv6/conf/all/keep_addr_on_down": "1",
    "ipv4/conf/all/rp_filter": "0",
    "ipv4/conf/default/rp_filter": "0",
}

_NEIGHBOURS = {"gc_thresh1": 1 << 14, "gc_thresh2": 1 << 15, "gc_thresh3": 1 << 16}
"""How many neighbours the machine may know, all its namespaces together: by default 1,024, which a few hundred services
fill, and then packets are lost in silence."""

_ASK_AGAIN_MS = "50"
"""How soon a neighbour that did not answer is asked again: a second is long when light has just come back."""


def build(lab: LabId, plan: Plan) -> None:
    """Make all of it; light is on. Raises Unavailable, and leaves what it made for `down`."""
    _make_room()
    namespaces.make([lab.wires, *(lab.router(router.site) for router in plan.routers)])
    for router in plan.routers:
        namespaces.settle(lab.router(router.site), _SYSCTLS)
    try:
        with ExitStack() as opened, Kernel(lab.wires) as wires:
            inside = {}
            for router in plan.routers:
                inside[router.site] = namespace.open_namespace(lab.router(router.site))
                opened.callback(os.close, inside[router.site])
            messages = []
            number = {port: PORT_INDEX + at for router in plan.routers for at, port in enumerate(router.ports)}
            for span in plan.spans:
                index = FIRST_INDEX + 2 * span.index
                messages.append(links.light(*span.veths, index=index, mtu=CORE_MTU))
                for over, port in ((index, span.a), (index + 1, span.b)):
                    there = inside[port.site]
                    messages.append(
                        links.port(port.interface, over=over, index=number[port], namespace=there, mtu=CORE_MTU)
                    )
                    messages.append(link.set_link(over, up=True))
            wires.do_many(messages)
        for router in plan.routers:
            with Kernel(lab.router(router.site)) as kernel:
                kernel.do_many(_ports(router))
            asked = {f"ipv6/neigh/{port.interface}/retrans_time_ms": _ASK_AGAIN_MS for port in router.ports}
            namespaces.settle(lab.router(router.site), asked)
    except KernelRefused as error:
        raise Unavailable(f"the lab cannot be built: {error.message}") from error


def _make_room() -> None:
    """Raise the kernel's bounds on neighbours where they are lower; only the machine's own namespace has them."""
    for family in ("ipv4", "ipv6"):
        for name, least in _NEIGHBOURS.items():
            bound = Path(f"/proc/sys/net/{family}/neigh/default/{name}")
            with suppress(OSError, ValueError):
                if int(bound.read_text(encoding="ascii")) < least:
                    bound.write_text(str(least), encoding="ascii")


def _ports(router: Router) -> list[Message]:
    messages = [link.set_link(LOOPBACK, up=True)]
    for index, port in enumerate(router.ports, PORT_INDEX):
        messages.append(link.set_link(index, up=True, alias=port.link[:255]))
        messages.append(address.create(address.Address(address=port.address, prefix_len=127, index=index)))
    return messages
