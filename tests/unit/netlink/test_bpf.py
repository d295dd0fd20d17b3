"""The assembler against instructions worked out from the encoding in the kernel's documentation (RFC 9669)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from highroad.netlink.bpf import DW, NETWORK, R0, R1, R2, R6, R10, B, H, Helper, Program, Skb, W

CASES: dict[str, tuple[Callable[[Program], None], str]] = {
    "r6 = r1": (lambda p: p.move(R6, R1), "bf16000000000000"),
    "r0 = -1": (lambda p: p.move(R0, -1), "b7000000ffffffff"),
    "w0 = 7": (lambda p: p.move(R0, 7, narrow=True), "b400000007000000"),
    "r0 += r1": (lambda p: p.alu("+", R0, R1), "0f10000000000000"),
    "w0 &= 255": (lambda p: p.alu("&", R0, 255, narrow=True), "54000000ff000000"),
    "r0 <<= 4": (lambda p: p.alu("<<", R0, 4), "6700000004000000"),
    "r0 %= r2": (lambda p: p.alu("%", R0, R2), "9f20000000000000"),
    "r0 = be16 r0": (lambda p: p.big_endian(R0, 16), "dc00000010000000"),
    "r0 = *(u32 *)(r6 + 8)": (lambda p: p.load(R0, R6, Skb.MARK), "6160080000000000"),
    "r0 = *(u64 *)(r10 - 8)": (lambda p: p.load(R0, R10, -8, DW), "79a0f8ff00000000"),
    "*(u32 *)(r6 + 8) = r0": (lambda p: p.store(R6, Skb.MARK, R0), "6306080000000000"),
    "*(u32 *)(r6 + 8) = 5": (lambda p: p.store(R6, Skb.MARK, 5), "6206080005000000"),
    "*(u8 *)(r10 - 1) = 5": (lambda p: p.store(R10, -1, 5, B), "720affff05000000"),
    "lock *(u64 *)(r1 + 8) += r2": (lambda p: p.add_to(R1, 8, R2), "db21080000000000"),
    "r0 = ntohs(packet[12])": (lambda p: p.packet(12, H), "280000000c000000"),
    "r0 = ntohl(network[16])": (lambda p: p.packet(NETWORK + 16, W), "200000001000f0ff"),
    "r0 = packet[r1 + 9]": (lambda p: p.packet_at(R1, 9, B), "5010000009000000"),
    "r1 = 0x1122334455667788 ll": (
        lambda p: p.constant(R1, 0x1122334455667788),
        "1801000088776655" + "0000000044332211",
    ),
    "r1 = map 5": (lambda p: p.map(R1, 5), "1811000005000000" + "0000000000000000"),
    "call 34": (lambda p: p.call(Helper.GET_HASH_RECALC), "8500000022000000"),
    "exit": (lambda p: p.exit(), "9500000000000000"),
}


@pytest.mark.parametrize("text", CASES)
def test_an_instruction_is_encoded(text: str) -> None:
    write, expected = CASES[text]
    program = Program()
    write(program)
    assert program.assemble().hex() == expected


def test_a_jump_counts_from_the_next_instruction_and_a_wide_one_counts_twice() -> None:
    program = Program()
    program.jump_if("!=", R0, 0x800, "end")
    program.constant(R1, 1)
    program.jump("end")
    program.label("end")
    program.exit()
    code = program.assemble()
    assert code[:8].hex() == "5500030000080000"
    assert code[24:32].hex() == "0500000000000000"


def test_a_comparison_with_a_register_and_of_32_bits() -> None:
    program = Program()
    program.jump_if("<", R1, R2, "end")
    program.jump_if("&", R0, 0x80000000, "end", narrow=True)
    program.label("end")
    assert program.assemble().hex() == "ad21010000000000" + "4600000000000080"


def test_labels_that_are_missing_double_or_behind_are_refused() -> None:
    program = Program()
    program.jump("nowhere")
    with pytest.raises(ValueError, match="no label `nowhere`"):
        program.assemble()
    program.label("here")
    with pytest.raises(ValueError, match="two labels `here`"):
        program.label("here")
    program.jump("here")
    program.label("nowhere")
    with pytest.raises(ValueError, match="lies behind"):
        program.assemble()
