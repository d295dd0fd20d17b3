"""What the kernel says by itself: light on core ports lost and found, interfaces that come and go, things of ours that
somebody took away.

The kernel tells a loss of carrier at once; here it is a callback a moment later, with the time at which it came. Of
routes, rules, nexthops, queues and filters only deletions wake us, and of routes and nexthops only of those that are
ours: a filter in the kernel drops the rest, so that BIRD's work costs nothing here.
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
from dataclasses import dataclass

from highroad.agent.config import AgentConfig
from highroad.agent.numbers import PROTOCOL
from highroad.netlink import monitor
from highroad.netlink.kernel import Kernel
from highroad.netlink.link import Link
from highroad.netlink.monitor import Gone, Monitor, Overrun

_TC_GROUP = 4
_SO_ATTACH_FILTER = 26
_DELROUTE, _DELNEXTHOP = 25, 105
_DEL_ANY = (21, 33, 37, 41, 45)
"""RTM_DELADDR, RTM_DELRULE, RTM_DELQDISC, RTM_DELTCLASS, RTM_DELTFILTER."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortLight:
    """Whether a core port can carry, and since when it is as it is (nanoseconds since 1970)."""

    up: bool
    since_ns: int


class Notices:
    """Listens in the namespace of the thread that makes it; used from one event loop."""

    def __init__(self, kernel: Kernel, config: AgentConfig, *, down_since_ns: Mapping[str, int]) -> None:
        """`kernel` is for this one alone; `down_since_ns` is since when ports were dark in an earlier life, for those
        that still are.
        """
        self._core = frozenset(port.interface for port in config.core_ports)
        self._links = Monitor([monitor.LINK])
        groups = [_TC_GROUP, monitor.NEXTHOP, *monitor.ROUTES, *monitor.RULES, *monitor.ADDRESSES]
        self._deletions = Monitor(groups)
        _only_deletions(self._deletions.fileno())
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
        self.look()
        now_ns = time.time_ns()
        for interface, light in self.light.items():
            since_ns = now_ns if light.up else down_since_ns.get(interface, now_ns)
            self.light[interface] = PortLight(up=light.up, since_ns=since_ns)

    def link(self, name: str) -> Link | None:
        """An interface as it was last told."""
        return self.links.get(name)

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
        loop.add_reader(self._deletions.fileno(), self._read_deletions)
        self._read_links()

    def close(self) -> None:
        """Listen no more."""
        loop = asyncio.get_running_loop()
        for listening in (self._links, self._deletions):
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
        """What is taken away meanwhile, we take away."""
        self._ours += 1
        try:
            yield
        finally:
            self._deletions.read()
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

    def _read_deletions(self) -> None:
        # What it was matters not: only what matters came through the filter.
        self._deletions.read()
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
                self._on_light(interface, self.light[interface])


def _only_deletions(fd: int) -> None:
    """Have the kernel drop all messages but deletions (classic BPF on the netlink header and what follows it)."""
    load_half, load_byte, equal, answer, jump = 0x28, 0x30, 0x15, 0x06, 0x05
    accept, drop = 0xFFFF_FFFF, 0
    any_ = len(_DEL_ANY)
    # Offsets of the jumps: behind the tests come `drop`, then the two that look at the protocol, then `accept`.
    code = [
        (load_half, 0, 0, 4),
        *((equal, any_ - at + 6, 0, socket.htons(kind)) for at, kind in enumerate(_DEL_ANY)),
        (equal, 2, 0, socket.htons(_DELROUTE)),
        (equal, 3, 0, socket.htons(_DELNEXTHOP)),
        (answer, 0, 0, drop),
        (load_byte, 0, 0, 16 + 5),
        (jump, 0, 0, 1),
        (load_byte, 0, 0, 16 + 2),
        (equal, 0, 1, PROTOCOL),
        (answer, 0, 0, accept),
        (answer, 0, 0, drop),
    ]
    program = create_string_buffer(b"".join(struct.pack("=HBBI", *one) for one in code))
    with socket.socket(fileno=os.dup(fd)) as same:
        same.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("@HP", len(code), addressof(program)))
