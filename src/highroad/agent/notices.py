"""What the kernel says by itself: light on core ports lost and found, interfaces that come and go, things of ours that
somebody took away.

The kernel tells a loss of carrier at once; here it is a callback a moment later, with the time at which it came. Of
routes and nexthops only ours wake us, and of addresses none that a link gives itself: a filter in the kernel drops the
rest, so that BIRD's work, and every interface that comes and goes, cost nothing here.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from ctypes import addressof, create_string_buffer
from dataclasses import dataclass, replace

from highroad.agent.config import AgentConfig
from highroad.agent.numbers import PROTOCOL
from highroad.netlink import monitor
from highroad.netlink.kernel import Kernel
from highroad.netlink.link import Link
from highroad.netlink.monitor import Gone, Monitor, Overrun
from highroad.watch.talk import PortReport, Reason

_TC_GROUP = 4
_SO_ATTACH_FILTER = 26
_HEADER_BYTES = 16
_BY_PROTOCOL = (((24, 25), _HEADER_BYTES + 5), ((104, 105), _HEADER_BYTES + 2))
"""RTM_NEWROUTE and RTM_DELROUTE, RTM_NEWNEXTHOP and RTM_DELNEXTHOP, and where in them it says whose they are."""
_ADDRESSES, _SCOPE_AT, _SCOPE_LINK = (20, 21), _HEADER_BYTES + 3, 253
"""RTM_NEWADDR and RTM_DELADDR, and the scope of what a link gives itself."""
_ALL = (32, 33, 36, 37, 40, 41, 44, 45)
"""RTM_NEWRULE, RTM_NEWQDISC, RTM_NEWTCLASS, RTM_NEWTFILTER, each with its RTM_DEL."""

_SAME_NS = 1_000_000_000

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortLight:
    """Whether a core port can carry, and since when it is as it is (nanoseconds since 1970). Of one that cannot: why,
    and when what it carried was led around it, if it was. `loss` is the share of hellos lost on their way to the
    neighbour, where that answers them.
    """

    up: bool
    since_ns: int
    reason: Reason | None = None
    repaired_ns: int | None = None
    loss: float | None = None


class Notices:
    """Listens in the namespace of the thread that makes it; used from one event loop."""

    def __init__(self, kernel: Kernel, config: AgentConfig, *, down_since_ns: Mapping[str, int]) -> None:
        """`kernel` is for this one alone; `down_since_ns` is since when ports were dark in an earlier life, for those
        that still are.
        """
        self._core = frozenset(port.interface for port in config.core_ports)
        self._leaving = {port.interface: port.link for port in config.core_ports}
        self._links = Monitor([monitor.LINK])
        groups = [_TC_GROUP, monitor.NEXTHOP, *monitor.ROUTES, *monitor.RULES, *monitor.ADDRESSES]
        self._changes = Monitor(groups)
        _only_ours(self._changes.fileno())
        self._kernel = kernel
        self._by_index: dict[int, Link] = {}
        self.links: Mapping[str, Link] = {}
        """Interfaces by name, as last told; another object when anything has changed, so that any thread may look."""
        self.devices: Mapping[str, int] = {}
        """Their numbers; another object when an interface came, went, or took another name."""
        self._ours = 0
        self._on_light: Callable[[str, PortLight], None] = lambda interface, light: None
        self._on_amiss: Callable[[], None] = lambda: None
        self._is_ours: Callable[[str], bool] = lambda interface: False
        self.light: dict[str, PortLight] = {}
        """Of core ports, as the kernel has it."""
        self._watched: dict[str, PortReport] = {}
        self.look()
        now_ns = time.time_ns()
        for interface, light in self.light.items():
            since_ns = now_ns if light.up else down_since_ns.get(interface, now_ns)
            self.light[interface] = PortLight(up=light.up, since_ns=since_ns)

    def link(self, name: str) -> Link | None:
        """An interface as it was last told."""
        return self.links.get(name)

    def dark_links(self) -> list[str]:
        """The links that leave by core ports without light, or whose neighbour is not reached."""
        return [self._leaving[interface] for interface in self.light if not self.port(interface).up]

    def port(self, interface: str) -> PortLight:
        """A core port by its light, and by what the watcher says of the neighbour."""
        light, report = self.light[interface], self._watched.get(interface)
        if report is None:
            return light
        loss = report.loss if report.watched else None
        if report.up:
            return replace(light, loss=loss)
        since_ns = min(light.since_ns, report.since_ns) if not light.up else report.since_ns
        return PortLight(up=False, since_ns=since_ns, reason=report.reason, repaired_ns=report.repaired_ns, loss=loss)

    def hear(self, report: PortReport) -> None:
        """What the watcher says of a port, now or at its start."""
        interface = report.interface
        if interface not in self.light:
            return
        before = self.port(interface)
        if not report.up and not before.up and abs(report.since_ns - before.since_ns) < _SAME_NS:
            report = replace(report, since_ns=before.since_ns)  # both saw the same
        self._watched[interface] = report
        if self.port(interface) != before:
            self._on_light(interface, self.port(interface))

    def start(
        self,
        *,
        on_light: Callable[[str, PortLight], None],
        on_amiss: Callable[[], None],
        is_ours: Callable[[str], bool],
    ) -> None:
        """Call these from now on: when a core port's light changes, and when something may want to be mended, as when
        an interface that is ours comes or goes.
        """
        self._on_light, self._on_amiss, self._is_ours = on_light, on_amiss, is_ours
        loop = asyncio.get_running_loop()
        loop.add_reader(self._links.fileno(), self._read_links)
        loop.add_reader(self._changes.fileno(), self._read_changes)
        self._read_links()

    def close(self) -> None:
        """Listen no more."""
        loop = asyncio.get_running_loop()
        for listening in (self._links, self._changes):
            loop.remove_reader(listening.fileno())
            listening.close()

    def look(self) -> None:
        """Ask for every interface, rather than wait to be told."""
        self._by_index = {link.index: link for link in self._kernel.links(stats=False)}
        self._settle(named=True)
        for interface in self._core:
            self._tell(interface, at_ns=time.time_ns())

    def refresh(self) -> None:
        """Take in now what the kernel has told by now. For the event loop's thread."""
        self._read_links()

    @contextmanager
    def by_us(self) -> Iterator[None]:
        """What is changed meanwhile, we change."""
        self._ours += 1
        try:
            yield
        finally:
            self._changes.drain()
            self._ours -= 1

    # --- inside ---------------------------------------------------------------------------------------------

    def _read_links(self) -> None:
        at_ns = time.time_ns()
        seen: list[str] = []
        moved: set[str] = set()
        overrun = False
        for event in self._links.read():
            match event:
                case Link():
                    before = self._by_index.get(event.index)
                    self._by_index[event.index] = event
                    seen.append(event.name)
                    if before is None or before.name != event.name:
                        moved |= {event.name} if before is None else {event.name, before.name}
                case Gone(thing=Link(index=index, name=name)):
                    if self._by_index.pop(index, None) is not None:
                        moved.add(name)
                case Overrun():
                    _log.warning("the kernel told more than was read in time; looking at everything")
                    self.look()
                    overrun = True
                case _:
                    pass
        if not seen and not moved and not overrun:
            return
        self._settle(named=bool(moved) or overrun)
        for name in self._core.intersection(moved.union(seen)):
            self._tell(name, at_ns=at_ns)
        if overrun or any(self._is_ours(name) for name in moved):
            self._on_amiss()

    def _settle(self, *, named: bool) -> None:
        self.links = {link.name: link for link in self._by_index.values()}
        if named:
            self.devices = {link.name: link.index for link in self._by_index.values()}

    def _read_changes(self) -> None:
        # What it was matters not: only what matters came through the filter.
        self._changes.drain()
        if not self._ours:
            self._on_amiss()

    def _tell(self, interface: str, *, at_ns: int) -> None:
        if interface not in self._core:
            return
        link = self.link(interface)
        up = link is not None and link.up and link.carrier
        before = self.light.get(interface)
        if before is None or before.up != up:
            self.light[interface] = PortLight(up=up, since_ns=at_ns)
            if before is not None:
                self._on_light(interface, self.port(interface))


def _only_ours(fd: int) -> None:
    """Have the kernel drop every message that cannot be about something of ours (classic BPF)."""
    half, byte, equal, answer = 0x28, 0x30, 0x15, 0x06
    # Each instruction: its label, its code, where to go if equal and if not (None: on to the next), its operand.
    lines: list[tuple[str, int, str | None, str | None, int]] = [("", half, None, None, 4)]
    lines += [("", equal, "keep", None, socket.htons(kind)) for kind in _ALL]
    lines += [("", equal, "address", None, socket.htons(kind)) for kind in _ADDRESSES]
    for kinds, at in _BY_PROTOCOL:
        lines += [("", equal, f"at {at}", None, socket.htons(kind)) for kind in kinds]
    lines += [
        ("", answer, None, None, 0),
        ("address", byte, None, None, _SCOPE_AT),
        ("", equal, "drop", "keep", _SCOPE_LINK),
    ]
    for _, at in _BY_PROTOCOL:
        lines += [(f"at {at}", byte, None, None, at), ("", equal, "keep", "drop", PROTOCOL)]
    lines += [("keep", answer, None, None, 0xFFFF_FFFF), ("drop", answer, None, None, 0)]
    places = {label: place for place, (label, *_) in enumerate(lines)}
    code = b"".join(
        struct.pack("=HBBI", kind, *(0 if to is None else places[to] - place - 1 for to in (true, false)), operand)
        for place, (_, kind, true, false, operand) in enumerate(lines)
    )
    program = create_string_buffer(code)
    with socket.socket(fileno=os.dup(fd)) as same:
        same.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(lines), addressof(program)))
