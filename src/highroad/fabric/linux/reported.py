"""What routers report, from the JSON of `/router/state` (highroad-router.yang) to values."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from highroad.fabric.linux.light import PortLight
from highroad.fabric.linux.meter import Counted, EndBytes
from highroad.gnmi.path import Path
from highroad.gnmi.target import Notification
from highroad.model.incident import Reason
from highroad.model.network import LinkId
from highroad.model.service import ServiceId, TrafficClass

_CUSTOMERS = frozenset([*TrafficClass, *(f"{one}-burst" for one in TrafficClass)])
"""Queues of what customers send; what routers say to each other is in one of its own."""

_NO_MORE: Mapping[str, None] = dict.fromkeys(("down-since", "down-reason", "repaired-at"))
"""What a whole entry that does not say it has no more."""


Ours = Callable[[int, int], int]
"""A router's time by our clock, heard now by ours (ns)."""


def _as_told(router_ns: int, _: int) -> int:
    return router_ns


class Ports:
    """A router's core ports as it last reported them, one leaf or a whole entry at a time."""

    def __init__(self, ours: Ours = _as_told) -> None:
        self._ours = ours
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
        """Whether a neighbour is there for each, by the link that leaves by it."""
        now_ns = time.time_ns()
        return {
            LinkId(str(port["link"])): _light(port, lambda router_ns: self._ours(router_ns, now_ns))
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
                self._ports[interface] = {**self._ports.get(interface, {}), **_NO_MORE, **entry}
        elif len(below) == 1:
            port = self._ports.setdefault(step.key("interface"), {})
            port[below[0].bare] = value
            if not _is_up(port) and not port.get("down-since"):
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


def _is_up(port: Mapping[str, Any]) -> bool:
    """A router that hears its neighbour badly or not at all says why, though light may come in."""
    return port.get("oper-status") == "UP" and not port.get("down-reason")


def _light(port: Mapping[str, Any], ours: Callable[[int], int]) -> PortLight:
    said, repaired_ns = str(port.get("down-reason") or ""), int(port.get("repaired-at") or 0)
    since_ns = int(port.get("down-since") or 0)
    return PortLight(
        up=_is_up(port),
        since_s=ours(since_ns) / 1e9 if since_ns else 0.0,
        reason=Reason(said) if said in list(Reason) else Reason.LIGHT,
        repaired_s=ours(repaired_ns) / 1e9 if repaired_ns else None,
    )


class Flips:
    """The policies of a router that are not on the path that they prefer, as it last reported them."""

    def __init__(self, ours: Ours = _as_told) -> None:
        self._ours = ours
        self._since_ns: dict[str, int] = {}

    def all(self, policies: Sequence[Mapping[str, Any]]) -> None:
        """This is every policy."""
        self._since_ns = {str(one["service"]): int(one["flipped-at"]) for one in policies if "flipped-at" in one}

    def heard(self, told: Notification) -> bool:
        """Take what of it is about paths in use. Returns whether anything was."""
        about = False
        for path, value in (*((path, None) for path in told.deletes), *told.updates):
            service = _policy_in(path)
            if service is None:
                continue
            about = True
            if path.elems[-1].bare == "flipped-at":
                if value is None:
                    self._since_ns.pop(service, None)
                else:
                    self._since_ns[service] = int(value)
        return about

    def since_s(self) -> dict[ServiceId, float]:
        """Since when each is on another path."""
        now_ns = time.time_ns()
        return {
            ServiceId(service): self._ours(since_ns, now_ns) / 1e9 if since_ns else 0.0
            for service, since_ns in self._since_ns.items()
        }


def _policy_in(path: Path) -> str | None:
    """The service of a leaf of /router/state/policy."""
    names = [step.bare for step in path.elems]
    return path.elems[2].key("service") if names[:3] == ["router", "state", "policy"] and len(names) == 4 else None


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
