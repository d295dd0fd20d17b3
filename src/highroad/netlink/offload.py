"""What a device leaves to the one below it or does in bulk: packets that are cut late and joined early (ethtool).

A tunnel may do neither: the kernel cuts a packet that is in a tunnel in a tunnel at the wrong place, and what was
joined behind one is billed to the receiver at less than its size, which it divides by.
"""

from __future__ import annotations

import ctypes
import fcntl
import socket
import struct

_SIOCETHTOOL = 0x8946
_VALUE = struct.Struct("=II")
_REQUEST = struct.Struct("@16sP16x")
_GENERIC_RECEIVE, _CHECKSUM = (0x2B, 0x2C), (0x16, 0x17)
_SEGMENTATION, _GENERIC_SEGMENTATION = (0x1E, 0x1F), (0x23, 0x24)
"""What asks and what sets."""


def make_plain(interface: str) -> None:
    """Let every packet go through an interface (of the calling thread's namespace) as it is on a wire."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as asked:
        for get, change in (_GENERIC_RECEIVE, _SEGMENTATION, _GENERIC_SEGMENTATION, _CHECKSUM):
            if _ioctl(asked, interface, get, 0):
                _ioctl(asked, interface, change, 0)


def _ioctl(asked: socket.socket, interface: str, command: int, value: int) -> int:
    held = ctypes.create_string_buffer(_VALUE.pack(command, value), _VALUE.size)
    fcntl.ioctl(asked, _SIOCETHTOOL, _REQUEST.pack(interface.encode(), ctypes.addressof(held)))
    return int(_VALUE.unpack(held.raw)[1])
