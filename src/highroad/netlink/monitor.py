"""What changes in a namespace, as the kernel tells it: for an event loop, which waits on the descriptor and reads."""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

from highroad.netlink import address, link, message, nexthop, route, rule
from highroad.netlink.sockets import open_route_socket, opened_in

LINK: Final = 1
ADDRESSES: Final = (5, 9)
ROUTES: Final = (7, 11)
RULES: Final = (8, 19)
NEXTHOP: Final = 32

_SOL_NETLINK = 270
_ADD_MEMBERSHIP = 1
_READ = 1 << 18

Thing = link.Link | address.Address | route.Route | rule.Rule | nexthop.Nexthop | nexthop.NexthopGroup


@dataclass(frozen=True, slots=True, kw_only=True)
class Gone:
    """A thing that is no more."""

    thing: Thing


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrun:
    """More changed than was read in time, and some of it is lost: look at everything."""


Event = Thing | Gone | Overrun

_PARSERS: dict[int, tuple[Callable[[bytes], Thing], bool]] = {
    link.RTM_NEWLINK: (link.parse_link, False),
    link.RTM_DELLINK: (link.parse_link, True),
    address.RTM_NEWADDR: (address.parse_address, False),
    address.RTM_DELADDR: (address.parse_address, True),
    route.RTM_NEWROUTE: (route.parse_route, False),
    route.RTM_DELROUTE: (route.parse_route, True),
    rule.RTM_NEWRULE: (rule.parse_rule, False),
    rule.RTM_DELRULE: (rule.parse_rule, True),
    nexthop.RTM_NEWNEXTHOP: (nexthop.parse_nexthop, False),
    nexthop.RTM_DELNEXTHOP: (nexthop.parse_nexthop, True),
}


class Monitor:
    """Listens to groups (`LINK`, `NEXTHOP`, `*ADDRESSES`, `*ROUTES`, `*RULES`) in a namespace, as `Kernel` takes it."""

    def __init__(self, groups: Iterable[int], netns: int | str | None = None) -> None:
        wanted = tuple(groups)

        def listen() -> socket.socket:
            made = open_route_socket()
            for group in wanted:
                made.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)
            made.setblocking(False)
            return made

        self._socket = opened_in(netns, listen)

    def fileno(self) -> int:
        """What to wait on."""
        return self._socket.fileno()

    def close(self) -> None:
        """Listen no more."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def drain(self) -> None:
        """Forget what changed since it was read last: for who only wants to know that something did."""
        while True:
            try:
                self._socket.recv(1)
            except BlockingIOError:
                return
            except OSError as fault:
                if fault.errno != errno.ENOBUFS:
                    raise

    def read(self) -> list[Event]:
        """All that changed since it was read last, without waiting: a thing as it is now, or that it is gone."""
        events: list[Event] = []
        while True:
            try:
                data = self._socket.recv(_READ)
            except BlockingIOError:
                return events
            except OSError as fault:
                if fault.errno != errno.ENOBUFS:
                    raise
                events.append(Overrun())
                continue
            for got in message.unpack_messages(data):
                if got.kind in _PARSERS:
                    parse, gone = _PARSERS[got.kind]
                    thing = parse(got.body)
                    events.append(Gone(thing=thing) if gone else thing)
