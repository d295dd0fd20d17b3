"""Programs and maps in the kernel: loaded, refused with a reason, tried on packets, attached to an interface."""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator

import pytest

from highroad.netlink import bpf_syscall, link
from highroad.netlink.bpf import (
    DW,
    NETWORK,
    R0,
    R1,
    R2,
    R3,
    R4,
    R5,
    R6,
    R10,
    TC_ACT_SHOT,
    TC_ACT_UNSPEC,
    XDP_DROP,
    B,
    H,
    Helper,
    Program,
    Skb,
    W,
)
from tests.lab.netlink.conftest import Space

IPV4 = bytes(12) + b"\x08\x00" + bytes.fromhex("4500002800000000401100000a0000010a000002") + bytes(20)


@pytest.fixture(autouse=True)
def _root() -> None:
    if os.geteuid() != 0:
        pytest.skip("programs in the kernel need root")


@pytest.fixture
def counter() -> Iterator[int]:
    fd = bpf_syscall.create_map(bpf_syscall.ARRAY, key_size=4, value_size=8, entries=4, name="counter")
    yield fd
    os.close(fd)


def _context(**fields: int) -> bytes:
    context = bytearray(192)
    for name, value in fields.items():
        struct.pack_into("=I", context, Skb[name.upper()], value)
    return bytes(context)


def _field(context: bytes, field: Skb) -> int:
    return int(struct.unpack_from("=I", context, field)[0])


def _tried(program: Program, packet: bytes = IPV4, context: bytes = bytes(192)) -> bpf_syscall.Ran:
    fd = bpf_syscall.load(program.assemble(), bpf_syscall.SCHED_CLS, "tried")
    try:
        return bpf_syscall.run(fd, packet, context)
    finally:
        os.close(fd)


def test_a_program_reads_the_packet_and_writes_mark_and_priority() -> None:
    program = Program()
    program.move(R6, R1)
    program.packet(12, H)
    program.jump_if("!=", R0, 0x0800, "other")
    program.packet(NETWORK + 16, W)
    program.store(R6, Skb.MARK, R0)
    program.store(R6, Skb.PRIORITY, 0x10020)
    program.answer(TC_ACT_UNSPEC)
    program.label("other")
    program.answer(TC_ACT_SHOT)
    ran = _tried(program)
    assert (ran.answer, ran.packet) == (TC_ACT_UNSPEC, IPV4)
    assert _field(ran.context, Skb.MARK) == 0x0A000002
    assert _field(ran.context, Skb.PRIORITY) == 0x10020
    assert _tried(program, IPV4[:12] + b"\x08\x06" + IPV4[14:]).answer == TC_ACT_SHOT


def test_a_read_behind_the_end_of_the_packet_ends_the_program_with_0() -> None:
    program = Program()
    program.move(R6, R1)
    program.packet(1000, B)
    program.answer(TC_ACT_SHOT)
    assert _tried(program).answer == 0


def test_a_hash_is_there_for_a_licence_that_is_not_the_kernels() -> None:
    program = Program()
    program.move(R6, R1)
    program.call(Helper.GET_HASH_RECALC)
    program.store(R6, Skb.MARK, R0)
    program.answer(TC_ACT_UNSPEC)
    marks = {_field(_tried(program, IPV4[:33] + bytes([host]) + IPV4[34:]).context, Skb.MARK) for host in range(1, 33)}
    assert len(marks) == 32


def test_lengths_and_the_sizes_of_a_super_packet_can_be_read() -> None:
    program = Program()
    program.move(R6, R1)
    for place, field in enumerate((Skb.LEN, Skb.WIRE_LEN, Skb.GSO_SEGS, Skb.GSO_SIZE)):
        program.load(R0, R6, field)
        program.store(R6, Skb.CB + 4 * place, R0)
    program.answer(TC_ACT_UNSPEC)
    ran = _tried(program, context=_context(gso_segs=7, gso_size=1400, wire_len=9999))
    assert struct.unpack_from("=4I", ran.context, Skb.CB) == (len(IPV4), 9999, 7, 1400)


def test_a_packet_is_changed() -> None:
    program = Program()
    program.move(R6, R1)
    program.store(R10, -8, 0xB8, B)
    program.move(R1, R6)
    program.move(R2, 15)
    program.move(R3, R10)
    program.alu("+", R3, -8)
    program.move(R4, 1)
    program.move(R5, 0)
    program.call(Helper.SKB_STORE_BYTES)
    program.answer(TC_ACT_UNSPEC)
    assert _tried(program).packet == IPV4[:15] + b"\xb8" + IPV4[16:]


def test_a_map_counts(counter: int) -> None:
    program = Program()
    program.move(R6, R1)
    program.store(R10, -4, 2)
    program.map(R1, counter)
    program.move(R2, R10)
    program.alu("+", R2, -4)
    program.call(Helper.MAP_LOOKUP)
    program.jump_if("==", R0, 0, "none")
    program.load(R1, R6, Skb.LEN)
    program.add_to(R0, 0, R1, DW)
    program.label("none")
    program.answer(TC_ACT_UNSPEC)
    _tried(program)
    _tried(program)
    assert bpf_syscall.lookup(counter, struct.pack("=I", 2), 8) == struct.pack("=Q", 2 * len(IPV4))
    assert bpf_syscall.lookup(counter, struct.pack("=I", 1), 8) == bytes(8)


def test_a_hash_map() -> None:
    fd = bpf_syscall.create_map(bpf_syscall.HASH, key_size=4, value_size=4, entries=2)
    bpf_syscall.update(fd, b"key1", b"one.")
    bpf_syscall.update(fd, b"key1", b"two.")
    assert bpf_syscall.lookup(fd, b"key1", 4) == b"two."
    assert bpf_syscall.lookup(fd, b"key2", 4) is None
    bpf_syscall.remove(fd, b"key1")
    with pytest.raises(KeyError):
        bpf_syscall.remove(fd, b"key1")
    os.close(fd)


def test_a_program_that_is_refused_is_refused_in_the_verifiers_words() -> None:
    program = Program()
    program.load(R0, R1, 1000)
    program.exit()
    with pytest.raises(bpf_syscall.ProgramRefused, match="invalid bpf_context access off=1000") as caught:
        bpf_syscall.load(program.assemble(), bpf_syscall.SCHED_CLS, "wrong")
    assert "r0 = *(u32 *)(r1 +1000)" in caught.value.log


def test_a_silent_cut_and_its_end(wired: Space) -> None:
    """XDP in the generic path drops what arrives; -1 takes it off."""
    program = Program()
    program.answer(XDP_DROP)
    fd = bpf_syscall.load(program.assemble(), bpf_syscall.XDP, "cut")
    kernel, inlet = wired.kernel, wired.kernel.index("b")
    receiver = wired.run(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x88B5)))
    receiver.bind(("b", 0x88B5))
    receiver.settimeout(0.2)
    sender = wired.run(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
    sender.bind(("a", 0))
    frame = b"\xff" * 6 + bytes(6) + b"\x88\xb5" + b"light".ljust(46)

    def heard() -> bool:
        sender.send(frame)
        try:
            return receiver.recv(100) == frame
        except TimeoutError:
            return False

    assert heard()
    kernel.do([link.set_link(inlet, xdp_fd=fd)])
    os.close(fd)
    assert not heard()
    cut = kernel.link("b")
    assert cut is not None
    assert cut.carrier
    assert cut.xdp is not None
    kernel.do([link.set_link(inlet, xdp_fd=-1)])
    assert heard()
    found = kernel.link("b")
    assert found is not None
    assert found.xdp is None
    sender.close()
    receiver.close()
