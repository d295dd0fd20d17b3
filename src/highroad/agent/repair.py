"""Local repair: what the kernel holds for each protected adjacency SID, so that the loss of a link is mended where it
is seen, by a message at most. Pure, from values to values.

The SID sends its packets to an address that is nobody's, its *alias*. The alias has a route over the link, and one of a
worse metric that puts the detour around the packet: the kernel takes that by itself when the light of the port is lost.
On a loss that only the watcher sees, the watcher adds the same way at a better metric, and takes it away again.

A detour ends at the far end of the link, at a SID that every router has: what was inside goes on from there as if it
had come by the link.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from socket import AF_INET6

from highroad.agent import numbers as n
from highroad.agent.config import AgentConfig, CorePort, address_in
from highroad.agent.kernelstate import Thing
from highroad.agent.wanted import BLOCK_BITS, MICRO_SID_BITS, Devices, containers, sid_route
from highroad.gnmi.router import PROTECTED_FUNCTIONS, REPAIR_END, Intended, Protection
from highroad.netlink.nexthop import Nexthop
from highroad.netlink.route import Route
from highroad.netlink.rule import Rule
from highroad.netlink.seg6 import Seg6Encap, Seg6Local

ALIAS_BITS = 53
"""Of the prefix in which all aliases of a router are: its locator, and the first five bits of protected functions."""


def repairs(config: AgentConfig, intended: Intended) -> dict[str, list[tuple[str, int]]]:
    """What is to be rerouted when a core port is lost, by interface: the alias of each protected SID that leads over
    it, and the nexthop that leads along its detour.

    The repair is a route in `TABLE_HOPS` to each alias/128 by that nexthop, with `METRIC_SILENT` and
    `PROTOCOL_WATCHER`.
    """
    interfaces = {port.link: port.interface for port in config.core_ports}
    found: dict[str, list[tuple[str, int]]] = {}
    for one in intended.protections.values():
        if (interface := interfaces.get(one.link)) is not None:
            found.setdefault(interface, []).append((alias(config, one.function), n.detour_id(one.function)))
    return found


def alias(config: AgentConfig, function: int) -> str:
    """Where a protected SID sends its packets: in the router's own locator, into which no customer's packet may go."""
    return address_in(config.sid_block, config.node, function)


def things_of_protections(
    config: AgentConfig, devices: Devices, protections: Mapping[int, Protection], only: Iterable[int] | None = None
) -> list[Thing]:
    """Everything that some of the protected SIDs need, or all. One whose port is gone leads along its detour."""
    ports = {port.link: port for port in config.core_ports}
    things: list[Thing] = []
    for function in protections if only is None else only:
        one = protections.get(function)
        if one is not None and (port := ports.get(one.link)) is not None:
            things += _protected(config, devices, one, port)
    return things


def things_of_repair_end(config: AgentConfig, devices: Devices) -> Iterable[Thing]:
    """What every router has, whether anything is protected there or not."""
    yield sid_route(config, devices, REPAIR_END, Seg6Local(action="End.DT6", table=n.TABLE_MAIN, count=True))
    yield Rule(
        family=AF_INET6, priority=n.PREF_HOP, table=n.TABLE_HOPS,
        destination=f"{alias(config, PROTECTED_FUNCTIONS.start)}/{ALIAS_BITS}",
    )  # fmt: skip


def _protected(config: AgentConfig, devices: Devices, one: Protection, port: CorePort) -> Iterable[Thing]:
    at = alias(config, one.function)
    yield sid_route(
        config,
        devices,
        one.function,
        Seg6Local(action="End.X", nh6=at, next_csid=(BLOCK_BITS, MICRO_SID_BITS), count=True),
    )
    dev = devices.named.get(port.interface)
    if dev is not None:
        yield Route(
            family=AF_INET6, dst=f"{at}/128", table=n.TABLE_HOPS, via=port.neighbour, dev=dev, onlink=True,
            metric=n.METRIC_LINK,
        )  # fmt: skip
    detour = Nexthop(
        id=n.detour_id(one.function),
        family=AF_INET6,
        dev=devices.loop_out,
        encap=Seg6Encap(mode="encap.red", segments=containers(config, one.detour, REPAIR_END)),
    )
    yield detour
    yield Route(family=AF_INET6, dst=f"{at}/128", table=n.TABLE_HOPS, nhid=detour.id, metric=n.METRIC_DETOUR)
