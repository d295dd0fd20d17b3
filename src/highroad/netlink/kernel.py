"""The one socket through which the kernel's network objects are read and changed, in the namespace where it lives.

All messages of one `do` go in one sendmsg: the kernel works through them before the call returns, so that a process
that is killed has sent all of them or none.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self, TypeVar

from highroad.errors import HighroadError
from highroad.netlink import address, link, message, neighbour, nexthop, qdisc, route, rule
from highroad.netlink import filter as filters
from highroad.netlink.message import NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, Message, Received
from highroad.netlink.monitor import Monitor
from highroad.netlink.sockets import namespace_of, open_route_socket, opened_in

LIMIT = 8000
"""The most messages that go in one sendmsg: all their answers have to fit into the socket's buffer."""

LOT = 500
"""How many messages `do_many` sends in one go: between two lots others get their turn."""

_ANSWER_BYTES = 2048
"""What an answer takes of the buffer: half of this was measured, for a refusal with text."""

_READ = 1 << 18
_PATIENCE_S = 10
_DUMP_TRIES = 20
_NLMSG_ERROR = 2
_NLMSG_DONE = 3
_ACK_MESSAGE = 1

_ERROR = struct.Struct("=i")

T = TypeVar("T")


class KernelRefused(HighroadError):
    """The kernel said no. `index` is the message, of the `of` that went with it; the others were made."""

    code = "kernel-refused"

    def __init__(self, number: int, text: str = "", *, index: int = 0, of: int = 1) -> None:
        name = errno.errorcode.get(number, str(number))
        super().__init__(
            f"the kernel refused message {index + 1} of {of}: {text or os.strerror(number)} ({name})",
            errno=number,
            index=index,
            of=of,
        )
        self.errno = number
        self.text = text
        self.index = index
        self.of = of


class Kernel:
    """A routing socket in a namespace: an open one's descriptor, a name or path, or None for the caller's.

    It belongs to one thread at a time.
    """

    def __init__(self, netns: int | str | None = None) -> None:
        self._socket = opened_in(netns, _open_socket)
        self._sequence = 0
        # without CAP_NET_ADMIN in the first user namespace the buffer is what the system allows
        self.limit = min(LIMIT, self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // _ANSWER_BYTES)

    def close(self) -> None:
        """Let go of the socket."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def monitor(self, groups: Iterable[int]) -> Monitor:
        """A listener in the same namespace; the groups are in `monitor`."""
        namespace = namespace_of(self._socket)
        try:
            return Monitor(groups, namespace)
        finally:
            os.close(namespace)

    # ------------------------------------------------------------------------------------------------ changing

    def do(self, messages: Iterable[Message]) -> None:
        """Send all in one go; KernelRefused with the first that failed (the others were made: roll back)."""
        for refusal in self.try_all(messages):
            if refusal is not None:
                raise refusal

    def do_many(self, messages: Iterable[Message], *, size: int = LOT) -> None:
        """Send any number, `size` in one go, and stop behind the first lot in which one failed."""
        wanted = list(messages)
        size = min(size, self.limit)
        for start in range(0, len(wanted), size):
            try:
                self.do(wanted[start : start + size])
            except KernelRefused as refusal:
                raise KernelRefused(refusal.errno, refusal.text, index=start + refusal.index, of=len(wanted)) from None

    def try_all(self, messages: Iterable[Message]) -> list[KernelRefused | None]:
        """Send all in one go, and say of each what the kernel answered: None is yes."""
        wanted = list(messages)
        if not wanted:
            return []
        if len(wanted) > self.limit:
            raise ValueError(f"{len(wanted)} messages in one go, and {self.limit} are the most")
        first = self._sequence + 1
        self._sequence += len(wanted)
        self._drain()
        self._socket.send(
            message.pack_messages(
                zip(wanted, range(first, first + len(wanted)), strict=True), NLM_F_REQUEST | NLM_F_ACK
            )
        )
        answers: list[KernelRefused | None] = [None] * len(wanted)
        left = len(wanted)
        while left:
            for got in message.unpack_messages(self._receive()):
                number = got.sequence - first
                if got.kind != _NLMSG_ERROR or not 0 <= number < len(wanted):
                    continue
                left -= 1
                answers[number] = _refusal(got, number, len(wanted))
        return answers

    # ------------------------------------------------------------------------------------------------- reading

    def links(self, *, stats: bool = True) -> list[link.Link]:
        """Every interface."""
        return self._dump(link.dump_links(stats=stats), link.parse_link)

    def link(self, name: str) -> link.Link | None:
        """The interface with this name; None without one."""
        try:
            return link.parse_link(self._ask(link.get_link(name)))
        except KernelRefused as refusal:
            if refusal.errno == errno.ENODEV:
                return None
            raise

    def index(self, name: str) -> int:
        """The number of the interface with this name; KernelRefused (ENODEV) without one."""
        return link.parse_link(self._ask(link.get_link(name))).index

    def addresses(self, index: int = 0) -> list[address.Address]:
        """Every address, or those of one interface."""
        return self._dump(address.dump_addresses(index), address.parse_address)

    def neighbours(self, family: int) -> list[neighbour.Neighbour]:
        """Every neighbour of a family."""
        return self._dump(neighbour.dump_neighbours(family), neighbour.parse_neighbour)

    def routes(self, family: int, table: int | None = None, *, protocol: int = 0) -> list[route.Route]:
        """The routes of a family: all, of one table, or of one protocol; of none when the table does not exist."""
        try:
            bodies = self._bodies(route.dump_routes(family, table=table, protocol=protocol))
        except KernelRefused as refusal:
            if refusal.errno == errno.ENOENT:
                return []
            raise
        return [route.parse_route(body) for body in bodies if not route.is_cached(body)]

    def nexthops(self) -> list[nexthop.Nexthop | nexthop.NexthopGroup]:
        """Every nexthop object and group."""
        return self._dump(nexthop.dump_nexthops(), nexthop.parse_nexthop)

    def rules(self, family: int) -> list[rule.Rule]:
        """Every rule of a family."""
        return self._dump(rule.dump_rules(family), rule.parse_rule)

    def qdiscs(self, index: int = 0) -> list[qdisc.Qdisc]:
        """Every qdisc, or those of one interface."""
        found = self._dump(qdisc.dump_qdiscs(index), qdisc.parse_qdisc)
        return [one for one in found if one.index == index] if index else found

    def classes(self, index: int) -> list[qdisc.HtbClass | qdisc.OtherClass]:
        """Every class of an interface."""
        return self._dump(qdisc.dump_classes(index), qdisc.parse_class)

    def filters(self, index: int, parent: int) -> list[filters.Filter]:
        """The filters that hang on a parent (`qdisc.INGRESS`, `qdisc.EGRESS`, a qdisc's handle) of an interface."""
        found = (filters.parse_filter(body) for body in self._bodies(filters.dump_filters(index, parent)))
        return [one for one in found if one is not None]

    def bodies(self, request: Message) -> list[bytes]:
        """The answers to a dump as they came, for whoever wants only a little of each."""
        return self._bodies(request)

    def link_body(self, name: str) -> bytes | None:
        """What the kernel says of one interface, its counters too, as it came; None without one."""
        try:
            return self._ask(link.get_link(name, stats=True))
        except KernelRefused as refusal:
            if refusal.errno == errno.ENODEV:
                return None
            raise

    # -------------------------------------------------------------------------------------------------- inside

    def _dump(self, request: Message, parse: Callable[[bytes], T]) -> list[T]:
        return [parse(body) for body in self._bodies(request)]

    def _bodies(self, request: Message) -> list[bytes]:
        # What changes so fast that no dump is whole is read as it was in passing: the next comparison sees the rest.
        tries = _DUMP_TRIES
        while True:
            bodies, whole = self._dump_once(request)
            tries -= 1
            if whole or not tries:
                return bodies

    def _dump_once(self, request: Message) -> tuple[list[bytes], bool]:
        sequence = self._send(request, NLM_F_REQUEST | NLM_F_DUMP)
        bodies: list[bytes] = []
        whole = True
        while True:
            for got in message.unpack_messages(self._receive()):
                if got.sequence != sequence:
                    continue
                if got.flags & message.NLM_F_DUMP_INTR:
                    whole = False
                if got.kind == _NLMSG_DONE:
                    number = _ERROR.unpack_from(got.body)[0] if len(got.body) >= 4 else 0
                    if number < 0:
                        raise KernelRefused(-number, _ack_text(got.body[4:]))
                    return bodies, whole
                if got.kind == _NLMSG_ERROR:
                    refusal = _refusal(got, 0, 1)
                    if refusal is not None:
                        raise refusal
                    return bodies, whole
                bodies.append(got.body)

    def _ask(self, request: Message) -> bytes:
        sequence = self._send(request, NLM_F_REQUEST)
        while True:
            for got in message.unpack_messages(self._receive()):
                if got.sequence != sequence:
                    continue
                if got.kind == _NLMSG_ERROR:
                    refusal = _refusal(got, 0, 1)
                    if refusal is not None:
                        raise refusal
                    continue
                return got.body

    def _send(self, request: Message, flags: int) -> int:
        self._sequence += 1
        self._drain()
        self._socket.send(message.pack_messages(iter([(request, self._sequence)]), flags))
        return self._sequence

    def _receive(self) -> bytes:
        try:
            return self._socket.recv(_READ)
        except OSError as fault:
            if fault.errno not in (errno.ENOBUFS, errno.EAGAIN):
                raise
            raise KernelRefused(errno.ENOBUFS, "an answer was lost: what was asked may have been done") from None

    def _drain(self) -> None:
        # An answer that nobody waited for (its caller was interrupted) would take the room of those to come.
        while True:
            try:
                self._socket.recv(_READ, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError as fault:
                if fault.errno != errno.ENOBUFS:
                    raise


def _open_socket() -> socket.socket:
    made = open_route_socket()
    # The kernel answers before sendmsg returns: what is not there after this long never comes.
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("@ll", _PATIENCE_S, 0))
    return made


def _refusal(got: Received, index: int, of: int) -> KernelRefused | None:
    number = _ERROR.unpack_from(got.body)[0]
    if number == 0:
        return None
    # errno, then the header of the message that it is about, then the text; with CAP_ACK nothing of the message itself
    tail = got.body[20:] if got.flags & message.NLM_F_ACK_TLVS else b""
    return KernelRefused(-number, _ack_text(tail), index=index, of=of)


def _ack_text(tail: bytes) -> str:
    return message.text(message.attrs(tail).get(_ACK_MESSAGE, b""))
