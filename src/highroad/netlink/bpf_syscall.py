"""Programs and maps in the kernel, by the one system call that they have."""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from highroad.errors import HighroadError

SOCKET_FILTER: Final = 1
SCHED_CLS: Final = 3
XDP: Final = 6
HASH: Final = 1
ARRAY: Final = 2
PERCPU_ARRAY: Final = 6
LRU_HASH: Final = 9

MMAPABLE: Final = 1 << 10
"""Of a map: a process may have its values in its own memory (`mmap.mmap` of the descriptor)."""

_MAP_CREATE, _MAP_LOOKUP, _MAP_UPDATE, _MAP_DELETE, _MAP_NEXT, _PROG_LOAD, _OBJ_PIN, _OBJ_GET = range(8)
_PROG_ATTACH, _PROG_DETACH, _PROG_TEST_RUN = 8, 9, 10
_PROG_FD_BY_ID, _MAP_FD_BY_ID = 13, 14
_OBJ_INFO, _PROG_QUERY = 15, 16
_TCX_INGRESS = 46
_REPLACE = 1 << 2
_MOST_ATTACHED = 64
_NUMBERS = {"x86_64": 321, "aarch64": 280, "riscv64": 280}
_LICENSE = b"Apache-2.0\0"
_LOG_SIZE = 1 << 20
_INFO_SIZE = 256
_OUT_SIZE = 65536 + 256


class ProgramRefused(HighroadError):
    """The kernel's verifier said no; `log` says to what."""

    code = "program-refused"

    def __init__(self, number: int, name: str, log: str) -> None:
        last = log.strip().splitlines()[-3:]
        why = "; ".join(last) or os.strerror(number)
        super().__init__(f"the kernel refused the program {name}: {why}", errno=number, log=log)
        self.errno = number
        self.log = log


class Ran(NamedTuple):
    """What came of a try: the program's answer, the packet and the context as it left them."""

    answer: int
    packet: bytes
    context: bytes


def load(code: bytes, kind: int, name: str) -> int:
    """A descriptor of the program; ProgramRefused with the verifier's words."""
    instructions = ctypes.create_string_buffer(code, len(code))
    try:
        return _load(instructions, len(code) // 8, kind, name, None)
    except OSError as fault:
        # Only a program that is refused is loaded again for the log, which costs a megabyte.
        log = ctypes.create_string_buffer(_LOG_SIZE)
        try:
            return _load(instructions, len(code) // 8, kind, name, log)
        except OSError:
            raise ProgramRefused(fault.errno or errno.EINVAL, name, log.value.decode(errors="replace")) from None


def run(fd: int, packet: bytes, context: bytes = b"") -> Ran:
    """Try a program on a packet (BPF_PROG_TEST_RUN); `context` is a struct __sk_buff, or as much of it as is set."""
    data = ctypes.create_string_buffer(packet, len(packet))
    out = ctypes.create_string_buffer(_OUT_SIZE)
    given = ctypes.create_string_buffer(context, max(1, len(context)))
    left = ctypes.create_string_buffer(192)
    attributes = bytearray(
        struct.pack(
            "=IIIIQQIIIIQQ",
            *(fd, 0, len(packet), _OUT_SIZE, ctypes.addressof(data), ctypes.addressof(out), 1, 0),
            *(len(context), 192 if context else 0),
            *(ctypes.addressof(given) if context else 0, ctypes.addressof(left) if context else 0),
        )
    )
    _bpf(_PROG_TEST_RUN, attributes)
    answer, _, size = struct.unpack_from("=iII", attributes, 4)
    return Ran(answer, out.raw[:size], left.raw)


def identity(fd: int) -> tuple[int, str]:
    """The number that the kernel gave a program, and the tag of its instructions."""
    info = ctypes.create_string_buffer(_INFO_SIZE)
    _bpf(_OBJ_INFO, bytearray(struct.pack("=IIQ", fd, _INFO_SIZE, ctypes.addressof(info))))
    _, number, tag = struct.unpack_from("=II8s", info.raw)
    return int(number), tag.hex()


def open_program(number: int) -> int:
    """A descriptor of the program with this number."""
    return _bpf(_PROG_FD_BY_ID, bytearray(struct.pack("=III", number, 0, 0)))


def about(fd: int) -> tuple[str, tuple[int, ...]]:
    """The name of a program, and the numbers of the maps that it has."""
    maps = (ctypes.c_uint32 * _MOST_ATTACHED)()
    info = ctypes.create_string_buffer(_INFO_SIZE)
    struct.pack_into("=IQ", info, 52, _MOST_ATTACHED, ctypes.addressof(maps))
    _bpf(_OBJ_INFO, bytearray(struct.pack("=IIQ", fd, _INFO_SIZE, ctypes.addressof(info))))
    (count,) = struct.unpack_from("=I", info, 52)
    return info.raw[64:80].split(b"\0", 1)[0].decode(errors="replace"), tuple(maps[: min(count, _MOST_ATTACHED)])


def create_map(kind: int, *, key_size: int, value_size: int, entries: int, name: str = "", flags: int = 0) -> int:
    """A descriptor of a new map."""
    return _bpf(
        _MAP_CREATE,
        bytearray(struct.pack("=IIIIIII16s", kind, key_size, value_size, entries, flags, 0, 0, name.encode()[:15])),
    )


def open_map(number: int) -> int:
    """A descriptor of the map with this number."""
    return _bpf(_MAP_FD_BY_ID, bytearray(struct.pack("=III", number, 0, 0)))


def attach(fd: int, index: int, *, instead_of: int | None = None) -> None:
    """Ask a program first about all that comes in by an interface of this namespace (tcx, before any filter of tc), or
    in the place of another that is asked. It stays when this process ends.
    """
    flags, other = (0, 0) if instead_of is None else (_REPLACE, instead_of)
    _bpf(_PROG_ATTACH, bytearray(struct.pack("=IIIIIIQ", index, fd, _TCX_INGRESS, flags, other, 0, 0)))


def detach(fd: int, index: int) -> None:
    """Ask it no more."""
    _bpf(_PROG_DETACH, bytearray(struct.pack("=IIIIIIQ", index, fd, _TCX_INGRESS, 0, 0, 0, 0)))


def attached(index: int) -> list[int]:
    """The numbers of the programs that are asked first about what comes in by an interface, in this order."""
    numbers = (ctypes.c_uint32 * _MOST_ATTACHED)()
    attributes = bytearray(
        struct.pack("=IIIIQIIQQQQ", index, _TCX_INGRESS, 0, 0, ctypes.addressof(numbers), _MOST_ATTACHED, 0, 0, 0, 0, 0)
    )
    _bpf(_PROG_QUERY, attributes)
    (count,) = struct.unpack_from("=I", attributes, 24)
    return list(numbers[:count])


def lookup(fd: int, key: bytes, value_size: int) -> bytes | None:
    """The value of a key; None without one. A per-CPU map has 8-byte values, one a possible CPU."""
    value = ctypes.create_string_buffer(value_size)
    try:
        _element(_MAP_LOOKUP, fd, key, ctypes.addressof(value))
    except OSError as fault:
        if fault.errno == errno.ENOENT:
            return None
        raise
    return value.raw


def update(fd: int, key: bytes, value: bytes) -> None:
    """Set the value of a key."""
    held = ctypes.create_string_buffer(value, len(value))
    _element(_MAP_UPDATE, fd, key, ctypes.addressof(held))


def remove(fd: int, key: bytes) -> None:
    """Take a key out of a hash; KeyError without it."""
    try:
        _element(_MAP_DELETE, fd, key, 0)
    except OSError as fault:
        if fault.errno == errno.ENOENT:
            raise KeyError(key) from None
        raise


def pin(fd: int, path: Path) -> None:
    """Keep a program or map under a name in a BPF file system, beyond this process."""
    _by_path(_OBJ_PIN, path, fd)


def pinned(path: Path) -> int:
    """A descriptor of what is kept under a name."""
    return _by_path(_OBJ_GET, path, 0)


def _load(
    instructions: ctypes.Array[ctypes.c_char],
    count: int,
    kind: int,
    name: str,
    log: ctypes.Array[ctypes.c_char] | None,
) -> int:
    license_text = ctypes.create_string_buffer(_LICENSE)
    attributes = bytearray(
        struct.pack(
            "=IIQQIIQII16s",
            *(kind, count, ctypes.addressof(instructions), ctypes.addressof(license_text)),
            *(0, 0, 0) if log is None else (1, _LOG_SIZE, ctypes.addressof(log)),
            *(0, 0, name.encode()[:15]),
        )
    )
    return _bpf(_PROG_LOAD, attributes)


def _element(command: int, fd: int, key: bytes, value: int) -> None:
    held = ctypes.create_string_buffer(key, len(key))
    _bpf(command, bytearray(struct.pack("=I4xQQQ", fd, ctypes.addressof(held), value, 0)))


def _by_path(command: int, path: Path, fd: int) -> int:
    name = ctypes.create_string_buffer(bytes(path))
    return _bpf(command, bytearray(struct.pack("=QII", ctypes.addressof(name), fd, 0)))


@cache
def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _bpf(command: int, attributes: bytearray) -> int:
    machine = platform.machine()
    if machine not in _NUMBERS:
        raise OSError(errno.ENOSYS, f"the number of the bpf system call on {machine} is not known here")
    held = (ctypes.c_char * len(attributes)).from_buffer(attributes)
    result = int(_libc().syscall(_NUMBERS[machine], command, ctypes.byref(held), len(attributes)))
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"bpf command {command}: {os.strerror(number)}")
    return result
