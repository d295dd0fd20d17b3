"""What routers report, from the JSON of `/router/state` (highroad-router.yang) to values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from highroad.fabric.linux.light import PortLight
from highroad.fabric.linux.meter import Counted, EndBytes
from highroad.gnmi.path import Path
from highroad.gnmi.target import Notification
from highroad.model.network import LinkId
from highroad.model.service import ServiceId, TrafficClass

_CUSTOMERS = frozenset([*TrafficClass, *(f"{one}-burst" for one in TrafficClass)])
"""Queues of what customers send; what routers say to each other is in one of its own."""


class Ports:
    """A router's core ports as it last reported them, one leaf or a whole entry at a time."""

    def __init__(self) -> None:
        self._ports: dict[str, dict[str, Any]] = {}

    def all(self, ports: Sequence[Mapping[str, Any]]) -> None:
        """This is every port."""
        self._ports = {str(port["interface"]): dict(port) for port in ports}

    def heard(self, told: Notification) -> bool:
        """Take what of it is about ports. Returns whether anything was."""
        news = False
        for path in told.deletes:
            news |= self._gone(path)
        for path, value in told.updates:
            news |= self._put(path, value, told.timestamp_ns)
        return news

    def light(self) -> dict[LinkId, PortLight]:
        """Whether light comes in at each, by the link that leaves by it."""
        return {
            LinkId(str(port["link"])): PortLight(
                up=port.get("oper-status") == "UP", since_s=int(port.get("down-since") or 0) / 1e9
            )
            for port in self._ports.values()
            if "link" in port
        }

    def _put(self, path: Path, value: Any, at_ns: int) -> bool:
        at = next((index for index, step in enumerate(path.elems) if step.bare == "core-port"), None)
        if at is None:
            if path.elems and path.elems[-1].bare == "state" and "core-port" in value:
                self.all(value["core-port"])
                return True
            return False
        step, below = path.elems[at], path.elems[at + 1 :]
        if not below:
            for entry in value if isinstance(value, list) else [value]:
                interface = str(entry.get("interface", step.key("interface")))
                self._ports[interface] = {**self._ports.get(interface, {}), "down-since": None, **entry}
        elif len(below) == 1:
            port = self._ports.setdefault(step.key("interface"), {})
            port[below[0].bare] = value
            if below[0].bare == "oper-status" and value != "UP" and not port.get("down-since"):
                port["down-since"] = at_ns
        else:
            return False
        return True

    def _gone(self, path: Path) -> bool:
        for at, step in enumerate(path.elems):
            if step.bare == "core-port" and len(path) == at + 2:
                self._ports.get(step.key("interface"), {}).pop(path.elems[-1].bare, None)
                return True
        return False


def counted_from_json(epoch: str, found: Sequence[tuple[Path, Any]]) -> Counted:
    """What a Get of the lists `attachment`, `policy` and `core-port` of the state answers."""
    delivered: dict[str, int] = {}
    policies: dict[str, Mapping[str, Any]] = {}
    links: dict[LinkId, int] = {}
    for path, value in found:
        name = path.elems[-1].bare
        for entry in value if isinstance(value, list) else [value]:
            counters = entry.get("counters", {})
            if name == "attachment":
                delivered[str(entry["id"])] = int(counters.get("delivered-octets", 0))
            elif name == "policy":
                policies[str(entry["service"])] = counters
            elif name == "core-port":
                links[LinkId(str(entry["link"]))] = sum(
                    int(one.get("counters", {}).get("octets", 0))
                    for one in entry.get("class", ())
                    if one["name"] in _CUSTOMERS
                )
    services: dict[ServiceId, EndBytes] = {}
    for attachment, octets in delivered.items():
        service = attachment.rpartition(".")[0]
        counters = policies.get(service, {})
        services[ServiceId(service)] = EndBytes(
            entered=int(counters.get("carried-octets", 0)),
            delivered=octets,
            dropped=int(counters.get("lost-octets", 0)),
        )
    return Counted(epoch=epoch, services=services, links=links)
