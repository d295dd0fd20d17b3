"""Routing sockets, opened in the namespace in which they are to live."""

from __future__ import annotations

import fcntl
import os
import socket
from collections.abc import Callable

from highroad.netlink.namespace import open_namespace, run_in

_SOL_NETLINK = 270
_CAP_ACK = 10
_EXT_ACK = 11
_GET_STRICT_CHK = 12
_SO_SNDBUFFORCE = 32
_SO_RCVBUFFORCE = 33
_SIOCGSKNS = 0x894C
_BUFFER = 8 << 20


def opened_in(netns: int | str | None, work: Callable[[], socket.socket]) -> socket.socket:
    """The socket that `work` opens in a namespace: an open one's descriptor, a name or path, None for the caller's."""
    if netns is None:
        return work()
    if isinstance(netns, int):
        return run_in(netns, work)
    namespace = open_namespace(netns)
    try:
        return run_in(namespace, work)
    finally:
        os.close(namespace)


def open_route_socket() -> socket.socket:
    """A routing socket in the calling thread's namespace with buffers that hold what we ask for."""
    made = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)
    made.bind((0, 0))
    for forced, plain in ((_SO_RCVBUFFORCE, socket.SO_RCVBUF), (_SO_SNDBUFFORCE, socket.SO_SNDBUF)):
        try:
            made.setsockopt(socket.SOL_SOCKET, forced, _BUFFER)
        except PermissionError:
            made.setsockopt(socket.SOL_SOCKET, plain, _BUFFER)
    made.setsockopt(_SOL_NETLINK, _EXT_ACK, 1)
    made.setsockopt(_SOL_NETLINK, _CAP_ACK, 1)
    made.setsockopt(_SOL_NETLINK, _GET_STRICT_CHK, 1)
    return made


def namespace_of(made: socket.socket) -> int:
    """A descriptor of the namespace in which a socket lives."""
    return fcntl.ioctl(made.fileno(), _SIOCGSKNS)
