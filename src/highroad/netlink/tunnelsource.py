"""The source address of what this router encapsulates: a setting of the kernel's SEG6 family (generic netlink)."""

from __future__ import annotations

import os
import socket
import struct

from highroad.netlink.message import HEADER, NLM_F_ACK, NLM_F_REQUEST, attr, attr_text, attrs, packed, u16

_NETLINK_GENERIC = 16
_CONTROL = 16
_GET_FAMILY = 3
_FAMILY_ID, _FAMILY_NAME = 1, 2
_SET_TUNNEL_SOURCE = 3
_DESTINATION = 1
_GENERIC = struct.Struct("=BBH")
_ERROR = struct.Struct("=i")
_NLMSG_ERROR = 2


def set_tunnel_source(address: str) -> None:
    """Set it in the calling thread's namespace. Raises OSError where the kernel has no segment routing."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_GENERIC) as link:
        link.bind((0, 0))
        family = u16(
            attrs(_ask(link, _CONTROL, _GET_FAMILY, attr_text(_FAMILY_NAME, "SEG6")), _GENERIC.size)[_FAMILY_ID]
        )
        _ask(link, family, _SET_TUNNEL_SOURCE, attr(_DESTINATION, packed(address)))


def _ask(link: socket.socket, family: int, command: int, body: bytes) -> bytes:
    """What the kernel answers: the body of its message, or nothing where it only says yes."""
    payload = _GENERIC.pack(command, 1, 0) + body
    link.send(HEADER.pack(HEADER.size + len(payload), family, NLM_F_REQUEST | NLM_F_ACK, 1, 0) + payload)
    answer = b""
    while True:
        data = link.recv(1 << 16)
        at = 0
        while at < len(data):
            size, kind, _, _, _ = HEADER.unpack_from(data, at)
            content = data[at + HEADER.size : at + size]
            at += (size + 3) & ~3
            if kind != _NLMSG_ERROR:
                answer = content
                continue
            number = -_ERROR.unpack_from(content)[0]
            if number:
                raise OSError(number, os.strerror(number))
            return answer
