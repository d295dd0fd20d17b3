"""What the kernel does with hellos, before it looks at anything else that comes in by a core port: BPF, pure.

A right hello is noted in mapped memory and answered on the spot; a right answer is noted. What has our EtherType and
is neither goes no further, but for greetings, which a process reads. So nobody is woken by a hello; and whether the
link is well does not hang on the neighbour's process, which may be late, or dead for a while.
"""

from __future__ import annotations

import zlib
from functools import cache

from highroad.netlink.bpf import (
    DW,
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R7,
    R8,
    R10,
    TC_ACT_SHOT,
    TC_ACT_UNSPEC,
    B,
    H,
    Helper,
    Program,
    Skb,
    W,
)
from highroad.watch.board import MINE_AT, RING, THEIRS_AT, Word
from highroad.watch.hello import (
    ANSWER,
    COUNT_AT,
    ENTRY_BYTES,
    ETHER_TYPE,
    HELLO,
    HELLO_BYTES,
    KIND_AT,
    NUMBER_AT,
    TOKEN_AT,
    WITNESS,
)

_FRAME = -46
"""Where on the stack the frame is, so that its number and token are at multiples of eight."""

_TOKEN_OF_ANSWER = 8


@cache
def port() -> tuple[str, bytes]:
    """The program of a core port: its name, which is of its content, and its code, for a map to be put in."""
    program = _beginning()
    program.jump_if("==", R0, HELLO, "hello")
    program.jump_if("!=", R0, ANSWER, "on")
    _match(program, MINE_AT, _TOKEN_OF_ANSWER)
    _note(program, Word.RETURNED)
    program.load(R1, R10, _FRAME + COUNT_AT, W)
    program.big_endian(R1, 32)
    program.store(R7, 8 * Word.ARRIVED, R1, DW)
    program.answer(TC_ACT_SHOT)
    program.label("hello")
    _match(program, THEIRS_AT, 0)
    program.load(R4, R2, _TOKEN_OF_ANSWER, DW)
    program.store(R10, _FRAME + TOKEN_AT, R4, DW)
    _note(program, Word.HEARD)
    program.load(R1, R7, 8 * Word.HEARD_COUNT, DW)
    program.big_endian(R1, 32)
    program.store(R10, _FRAME + COUNT_AT, R1, W)
    _answer(program)
    return _end(program)


@cache
def witness() -> tuple[str, bytes]:
    """The program of the loopback, where this kernel says to itself by the same way as a hello whether it is late."""
    program = _beginning()
    program.jump_if("!=", R0, WITNESS, "on")
    program.map_value(R7, 0)
    program.load(R3, R7, 8 * Word.SECRET, DW)
    program.load(R4, R10, _FRAME + TOKEN_AT, DW)
    program.jump_if("!=", R3, R4, "refused")
    program.load(R8, R10, _FRAME + NUMBER_AT, DW)
    program.big_endian(R8, 64)
    _note(program, Word.RETURNED)
    program.answer(TC_ACT_SHOT)
    return _end(program)


def _beginning() -> Program:
    """Leave alone what is not ours; R0 is the kind of what is."""
    program = Program()
    program.move(R6, R1)
    program.packet(12, H)
    program.jump_if("!=", R0, ETHER_TYPE, "on")
    program.move(R1, R6)
    program.move(R2, 0)
    program.move(R3, R10)
    program.alu("+", R3, _FRAME)
    program.move(R4, HELLO_BYTES)
    program.call(Helper.SKB_LOAD_BYTES)
    program.jump_if("!=", R0, 0, "shot")
    program.load(R0, R10, _FRAME + KIND_AT, B)
    return program


def _match(program: Program, ring: int, place: int) -> None:
    """Go on with the number in R8, the map in R7 and the ring's entry at R2 if its token at a place is that of the
    frame, and has been drawn at all; else it is refused.
    """
    program.load(R8, R10, _FRAME + NUMBER_AT, DW)
    program.big_endian(R8, 64)
    program.map_value(R7, 0)
    program.move(R1, R8)
    program.alu("&", R1, RING - 1)
    program.alu("*", R1, ENTRY_BYTES)
    program.move(R2, R7)
    program.alu("+", R2, ring)
    program.alu("+", R2, R1)
    program.load(R3, R2, place, DW)
    program.jump_if("==", R3, 0, "refused")
    program.load(R4, R10, _FRAME + TOKEN_AT, DW)
    program.jump_if("!=", R3, R4, "refused")


def _note(program: Program, first: Word) -> None:
    """Write down the number, if none that is as high was there before, when it came, and that one more did."""
    program.load(R1, R7, 8 * first, DW)
    program.jump_if("<=", R8, R1, "refused")
    program.call(Helper.KTIME_GET_NS)
    program.store(R7, 8 * (first + 1), R0, DW)
    program.move(R1, 1)
    program.add_to(R7, 8 * (first + 2), R1)
    program.store(R7, 8 * first, R8, DW)


def _answer(program: Program) -> None:
    """Back to where it came from, with the other token."""
    for place in (0, 2, 4):
        program.load(R1, R10, _FRAME + place, H)
        program.load(R2, R10, _FRAME + 6 + place, H)
        program.store(R10, _FRAME + place, R2, H)
        program.store(R10, _FRAME + 6 + place, R1, H)
    program.store(R10, _FRAME + KIND_AT, ANSWER, B)
    program.move(R1, R6)
    program.move(R2, 0)
    program.move(R3, R10)
    program.alu("+", R3, _FRAME)
    program.move(R4, HELLO_BYTES)
    program.move(R5, 0)
    program.call(Helper.SKB_STORE_BYTES)
    program.load(R1, R6, Skb.IFINDEX)
    program.move(R2, 0)
    program.call(Helper.REDIRECT)
    program.exit()


def _end(program: Program) -> tuple[str, bytes]:
    program.label("refused")
    program.map_value(R7, 0)
    program.move(R1, 1)
    program.add_to(R7, 8 * Word.REFUSED, R1)
    program.label("shot")
    program.answer(TC_ACT_SHOT)
    program.label("on")
    program.answer(TC_ACT_UNSPEC)
    code = program.assemble()
    return f"hrw_{zlib.crc32(code):08x}", code
