"""The routes that take packets around a link that is down: ready to be sent, all in one message.

A protected link's packets look for an address of their own (its alias) in the table of hops, where the agent has the
neighbour, and behind that the detour for when light is lost. What is put here goes before both, and has a protocol
number of its own: neither the agent nor we ever touch what the other has made.
"""

from __future__ import annotations

import errno
from collections.abc import Iterable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Final

from highroad.netlink import message, route
from highroad.netlink.kernel import Kernel
from highroad.netlink.message import NLM_F_ACK, NLM_F_REQUEST, Message
from highroad.netlink.route import Route
from highroad.netlink.sockets import open_route_socket
from highroad.watch.talk import Backup, Backups

PROTOCOL: Final = 73
"""Of what the watcher makes, as 72 is of what the agent makes."""

_FLAGS = NLM_F_REQUEST | NLM_F_ACK
_ERROR = 2
_AT_ONCE = 2_000
"""As many answers as a socket's buffer holds."""


class Repairs:
    """The routes of one router, in the namespace of the thread that makes it."""

    def __init__(self, table: int, metric: int) -> None:
        self._table, self._metric = table, metric
        self._socket = open_route_socket()
        self._socket.setblocking(False)
        self._backups: Backups = MappingProxyType({})
        self._around: Mapping[str, list[bytes]] = {}
        self._back: Mapping[str, list[bytes]] = {}
        self.down: set[str] = set()
        """The interfaces whose packets go around."""

    def close(self) -> None:
        """Let go of the kernel; routes stay as they are."""
        self._socket.close()

    @property
    def backups(self) -> Backups:
        """What repairs what."""
        return self._backups

    def take(self, backups: Backups) -> None:
        """These are all that there are from now on: what is down follows."""
        old, self._backups = self._backups, backups
        for interface in self.down:
            had, has = set(old.get(interface, ())), set(backups.get(interface, ()))
            kept = {one.alias for one in has}
            self._send(self._packed([self._removed(one) for one in had if one.alias not in kept]))
            self._send(self._packed([self._put(one) for one in has - had]))
        self._around = {name: self._packed(self._put(one) for one in some) for name, some in backups.items()}
        self._back = {name: self._packed(self._removed(one) for one in some) for name, some in backups.items()}

    def repair(self, interface: str) -> bool:
        """Lead what the link of this interface carried around it; whether there is anything to lead."""
        datagrams = self._around.get(interface, ())
        self._send(datagrams)
        self.down.add(interface)
        return bool(datagrams)

    def restore(self, interface: str) -> None:
        """The link carries again."""
        self._send(self._back.get(interface, ()))
        self.down.discard(interface)

    def settle(self, down: Iterable[str]) -> None:
        """Make it so for just these interfaces, whatever an earlier watcher left."""
        self.down = set(down)
        wanted = {one.alias for name in self.down for one in self._backups.get(name, ())}
        with Kernel() as kernel:
            found = kernel.routes(message.AF_INET6, self._table, protocol=PROTOCOL)
        for one in found:
            if one.dst.partition("/")[0] not in wanted:
                self._send(self._packed([route.delete(one)]))
        for name in self.down:
            self._send(self._around.get(name, ()))

    def refusals(self) -> list[str]:
        """What the kernel did not take since this was asked last."""
        said = []
        with suppress(BlockingIOError):
            while True:
                for got in message.unpack_messages(self._socket.recv(1 << 18)):
                    number = message.i32(got.body[:4]) if got.kind == _ERROR else 0
                    if number not in (0, -errno.ESRCH):  # what has gone with its nexthop need not be taken away
                        said.append(f"{errno.errorcode.get(-number, number)}")
        return said

    # --- inside -----------------------------------------------------------------------------------------------

    def _put(self, backup: Backup) -> Message:
        return route.replace(self._route(backup))

    def _removed(self, backup: Backup) -> Message:
        return route.delete(self._route(backup))

    def _route(self, backup: Backup) -> Route:
        return Route(
            dst=f"{backup.alias}/128",
            table=self._table,
            nhid=backup.nexthop,
            metric=self._metric,
            protocol=PROTOCOL,
        )

    def _packed(self, messages: Iterable[Message]) -> list[bytes]:
        some = list(messages)
        return [
            message.pack_messages(((one, number) for number, one in enumerate(some[at : at + _AT_ONCE], 1)), _FLAGS)
            for at in range(0, len(some), _AT_ONCE)
        ]

    def _send(self, datagrams: Iterable[bytes]) -> None:
        for datagram in datagrams:
            # the kernel has worked through all of it before this returns
            self._socket.send(datagram)
