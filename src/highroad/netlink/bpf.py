"""A small assembler for eBPF: instructions in, bytes out, with labels; what they do is the kernel's `bpf_syscall`.

program = Program()
program.move(R6, R1)                       # LD_ABS wants the packet in R6
program.packet(12, H)                      # R0 = the frame's type; R1 to R5 are lost
program.jump_if("!=", R0, 0x0800, "other")
program.store(R6, Skb.MARK, 7)
program.label("other")
program.move(R0, TC_ACT_UNSPEC)
program.exit()
fd = bpf_syscall.load(program.assemble(), bpf_syscall.SCHED_CLS, "mark")
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final

TC_ACT_UNSPEC: Final = -1
"""No opinion: the next filter is asked."""

TC_ACT_OK: Final = 0
TC_ACT_SHOT: Final = 2
TC_ACT_REDIRECT: Final = 7
"""As `Helper.REDIRECT` said."""

XDP_DROP: Final = 1
XDP_PASS: Final = 2

B: Final = 0x10
"""One byte."""

H: Final = 0x08
"""Two bytes."""

W: Final = 0x00
"""Four bytes."""

DW: Final = 0x18
"""Eight bytes."""

NETWORK: Final = -0x100000
"""Added to the offset of a `packet`: from the network header (SKF_NET_OFF); else it is from the start of the frame."""

_LD, _LDX, _ST, _STX, _ALU32, _JMP, _JMP32, _ALU64 = range(8)
_ABS = 0x20
_IND = 0x40
_MEM = 0x60
_ATOMIC = 0xC0
_FROM_REGISTER = 0x08
_BIG_ENDIAN = 0x08
_MAP_FD, _MAP_VALUE = 1, 2
_CALL = 0x80
_EXIT = 0x90
_MOVE = 0xB0
_END = 0xD0
_ALU_OPS = {
    "+": 0x00,
    "-": 0x10,
    "*": 0x20,
    "/": 0x30,
    "|": 0x40,
    "&": 0x50,
    "<<": 0x60,
    ">>": 0x70,
    "%": 0x90,
    "^": 0xA0,
}
_JUMPS = {
    "==": 0x10,
    ">": 0x20,
    ">=": 0x30,
    "&": 0x40,
    "!=": 0x50,
    "s>": 0x60,
    "s>=": 0x70,
    "<": 0xA0,
    "<=": 0xB0,
    "s<": 0xC0,
    "s<=": 0xD0,
}

_INSTRUCTION = struct.Struct("<BBhI")


class Register(IntEnum):
    """R0 is an answer, R1 to R5 are arguments and lost in a call, R6 to R9 are kept, R10 is the frame (read only)."""

    R0 = 0
    R1 = 1
    R2 = 2
    R3 = 3
    R4 = 4
    R5 = 5
    R6 = 6
    R7 = 7
    R8 = 8
    R9 = 9
    R10 = 10


R0, R1, R2, R3, R4, R5, R6, R7, R8, R9, R10 = Register


class Skb(IntEnum):
    """Where the fields of a tc program's context are (struct __sk_buff); four bytes each but TSTAMP."""

    LEN = 0
    PKT_TYPE = 4
    MARK = 8
    QUEUE_MAPPING = 12
    PROTOCOL = 16
    PRIORITY = 32
    INGRESS_IFINDEX = 36
    IFINDEX = 40
    TC_INDEX = 44
    CB = 48
    HASH = 68
    TC_CLASSID = 72
    DATA = 76
    DATA_END = 80
    TSTAMP = 152
    WIRE_LEN = 160
    GSO_SEGS = 164
    GSO_SIZE = 176


class Helper(IntEnum):
    """Functions of the kernel that a program may call."""

    MAP_LOOKUP = 1
    MAP_UPDATE = 2
    KTIME_GET_NS = 5
    GET_PRANDOM_U32 = 7
    SKB_STORE_BYTES = 9
    L3_CSUM_REPLACE = 10
    REDIRECT = 23
    SKB_LOAD_BYTES = 26
    GET_HASH_RECALC = 34
    SKB_PULL_DATA = 39
    SKB_LOAD_BYTES_RELATIVE = 68


Operand = Register | int


class Program:
    """Instructions in the making."""

    def __init__(self) -> None:
        self._code: list[tuple[int, int, int, int, str | None]] = []
        self._labels: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._code)

    def move(self, to: Register, value: Operand, *, narrow: bool = False) -> None:
        """Put a register or a signed number of 32 bits into a register; `narrow` clears its upper half."""
        self._operation(_ALU32 if narrow else _ALU64, _MOVE, to, value)

    def constant(self, to: Register, value: int) -> None:
        """Put a number of 64 bits into a register."""
        self._wide(to, 0, value)

    def map(self, to: Register, fd: int) -> None:
        """Put a map that is open as `fd` into a register."""
        self._wide(to, _MAP_FD, fd)

    def map_value(self, to: Register, fd: int, offset: int = 0) -> None:
        """Put the address of a byte in the only value of an array map, that is open as `fd`, into a register."""
        self._add(_LD | DW, to, _MAP_VALUE, 0, fd)
        self._add(0, 0, 0, 0, offset)

    def alu(self, operator: str, to: Register, value: Operand, *, narrow: bool = False) -> None:
        """`to = to operator value`, with + - * / % | & ^ << >>; `narrow` in 32 bits, upper half cleared."""
        self._operation(_ALU32 if narrow else _ALU64, _ALU_OPS[operator], to, value)

    def big_endian(self, to: Register, bits: int) -> None:
        """Turn the lower 16, 32 or 64 bits between the network's and the host's order."""
        self._add(_ALU32 | _BIG_ENDIAN | _END, to, 0, 0, bits)

    def load(self, to: Register, base: Register, offset: int, size: int = W) -> None:
        """`to = *(base + offset)`."""
        self._add(_LDX | _MEM | size, to, base, offset, 0)

    def store(self, base: Register, offset: int, value: Operand, size: int = W) -> None:
        """`*(base + offset) = value`."""
        if isinstance(value, Register):
            self._add(_STX | _MEM | size, base, value, offset, 0)
        else:
            self._add(_ST | _MEM | size, base, 0, offset, value)

    def add_to(self, base: Register, offset: int, value: Register, size: int = DW) -> None:
        """`*(base + offset) += value`, whoever else adds at the same time."""
        self._add(_STX | _ATOMIC | size, base, value, offset, 0)

    def packet(self, offset: int, size: int = W) -> None:
        """R0 = the packet's bytes at an offset, in the host's order. R6 has the context; R1 to R5 are lost.

        A packet that ends before ends the program, with the answer 0.
        """
        self._add(_LD | _ABS | size, 0, 0, 0, offset)

    def packet_at(self, base: Register, offset: int = 0, size: int = W) -> None:
        """As `packet`, at `base + offset`."""
        self._add(_LD | _IND | size, 0, base, 0, offset)

    def label(self, name: str) -> None:
        """The next instruction has this name."""
        if name in self._labels:
            raise ValueError(f"there are two labels `{name}`")
        self._labels[name] = len(self._code)

    def jump(self, label: str) -> None:
        """Go on at a label (further down: loops are not for this)."""
        self._code.append((_JMP, 0, 0, 0, label))

    def jump_if(self, comparison: str, left: Register, right: Operand, label: str, *, narrow: bool = False) -> None:
        """Go on at a label if `left comparison right`: == != > >= < <= & (a bit in common), s> … for signed."""
        kind = (_JMP32 if narrow else _JMP) | _JUMPS[comparison]
        if isinstance(right, Register):
            self._code.append((kind | _FROM_REGISTER, left | right << 4, 0, 0, label))
        else:
            self._code.append((kind, left, 0, right, label))

    def call(self, helper: Helper) -> None:
        """R0 = helper(R1, …, R5), which are lost."""
        self._add(_JMP | _CALL, 0, 0, 0, helper)

    def exit(self) -> None:
        """End, with R0 as the answer."""
        self._add(_JMP | _EXIT, 0, 0, 0, 0)

    def answer(self, value: int) -> None:
        """End, with this answer."""
        self.move(R0, value)
        self.exit()

    def assemble(self) -> bytes:
        """The instructions; ValueError when one jumps to a label that is not there or lies behind."""
        parts = []
        for place, (code, registers, offset, number, label) in enumerate(self._code):
            distance = offset
            if label is not None:
                if label not in self._labels:
                    raise ValueError(f"there is no label `{label}`")
                distance = self._labels[label] - place - 1
                if distance < 0:
                    raise ValueError(f"the label `{label}` lies behind a jump to it")
            parts.append(_INSTRUCTION.pack(code, registers, distance, number & 0xFFFFFFFF))
        return b"".join(parts)

    def _operation(self, kind: int, operation: int, to: Register, value: Operand) -> None:
        if isinstance(value, Register):
            self._add(kind | operation | _FROM_REGISTER, to, value, 0, 0)
        else:
            self._add(kind | operation, to, 0, 0, value)

    def _wide(self, to: Register, source: int, value: int) -> None:
        self._add(_LD | DW, to, source, 0, value & 0xFFFFFFFF)
        self._add(0, 0, 0, 0, (value >> 32) & 0xFFFFFFFF)

    def _add(self, code: int, to: int, source: int, offset: int, number: int) -> None:
        self._code.append((code, to | source << 4, offset, number, None))


def with_map(code: bytes, fd: int) -> bytes:
    """Assembled instructions with the map put in that they name, or the value of which: it is open as `fd`."""
    out = bytearray(code)
    for at in range(0, len(out), _INSTRUCTION.size):
        if out[at] == _LD | DW and out[at + 1] >> 4 in (_MAP_FD, _MAP_VALUE):
            struct.pack_into("<I", out, at + 4, fd)
    return bytes(out)
