"""What an interface of an Ethernet service may not do: leave checksums and segmentation to the device (ethtool)."""

from __future__ import annotations

import ctypes
import fcntl
import socket
import struct
from collections.abc import Iterable
from contextlib import suppress

_SIOCETHTOOL = 0x8946
_SET_TX_CHECKSUM, _SET_SEGMENTATION, _SET_GENERIC_SEGMENTATION = 0x17, 0x1F, 0x24


def switch_off(interfaces: Iterable[str]) -> None:
    """Let the sender do it all, on these interfaces of the namespace that the thread is in."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asked:
        for interface in interfaces:
            for what in (_SET_SEGMENTATION, _SET_GENERIC_SEGMENTATION, _SET_TX_CHECKSUM):
                value = ctypes.create_string_buffer(struct.pack("=II", what, 0), 8)
                request = struct.pack("@16sP", interface.encode(), ctypes.addressof(value))
                with suppress(OSError):  # a device that never does it cannot be told not to
                    fcntl.ioctl(asked, _SIOCETHTOOL, request.ljust(40, b"\0"))
