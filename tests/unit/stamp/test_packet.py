"""Packets against the RFCs' figures, byte by byte, and there and back for any value; nonsense raises one error only."""

from __future__ import annotations

import hashlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from highroad.stamp import tlv as tlvs
from highroad.stamp.packet import Answer, Question, answer, question
from highroad.stamp.timestamp import LATEST_NS, ErrorEstimate, error_from, error_of, from_ntp, from_ptp, ntp, ptp
from highroad.stamp.tlv import ClassOfService, DestinationNodeAddress, Flag, Kind, ReturnPath, TimestampInformation, Tlv
from highroad.stamp.wrong import NotStamp

KEY = b"0123456789abcdef0123456789abcdef"
AT_NS = 1_795_892_068_958_000_000
EXACT = ErrorEstimate(synchronised=True, scale=12, multiplier=200)

times = st.integers(0, (1 << 32) * 10**9 - 2_208_988_800 * 10**9 - 1)
words = st.integers(0, 0xFFFF_FFFF)
estimates = st.builds(
    ErrorEstimate,
    synchronised=st.booleans(),
    is_ptp=st.booleans(),
    scale=st.integers(0, 63),
    multiplier=st.integers(1, 255),
)
any_tlvs = st.lists(
    st.builds(
        Tlv,
        kind=st.integers(1, 255).filter(lambda kind: kind != Kind.HMAC),
        value=st.binary(max_size=40),
        flags=st.integers(0, 255).filter(lambda flags: not flags & Flag.MALFORMED),
    ),
    max_size=4,
).map(tuple)
keys = st.none() | st.just(KEY)
questions = st.builds(
    Question,
    sequence=words,
    stamp=st.integers(0, (1 << 64) - 1),
    error=estimates,
    session=st.integers(0, 0xFFFF),
    tlvs=any_tlvs,
)
answers = st.builds(
    Answer,
    sequence=words,
    sent_ns=times,
    error=estimates,
    received_ns=times,
    asked_sequence=words,
    asked_stamp=st.integers(0, (1 << 64) - 1),
    asked_error=st.integers(0, 0xFFFF),
    hops=st.integers(0, 255),
    session=st.integers(0, 0xFFFF),
    tlvs=any_tlvs,
)


def independent_hmac(key: bytes, data: bytes) -> bytes:
    """RFC 2104 written out, so that nothing of the code under test is its own oracle."""
    block = key.ljust(64, b"\0")
    inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in block) + data).digest()
    return hashlib.sha256(bytes(byte ^ 0x5C for byte in block) + inner).digest()[:16]


def test_an_unauthenticated_question_is_figure_2_of_rfc_8762() -> None:
    sent = Question(sequence=7, stamp=ntp(AT_NS), error=EXACT, session=0x1234).to_bytes()
    assert sent == bytes.fromhex("00000007" + f"{ntp(AT_NS):016x}" + "8cc8" + "1234" + "00" * 28)
    assert len(sent) == 44


def test_an_authenticated_question_is_figure_4_and_sealed_over_all_before_the_seal() -> None:
    sent = Question(sequence=7, stamp=ntp(AT_NS), error=EXACT, session=0x1234).to_bytes(KEY)
    base = bytes.fromhex("00000007" + "00" * 12 + f"{ntp(AT_NS):016x}" + "8cc8" + "1234" + "00" * 68)
    assert sent == base + independent_hmac(KEY, base)
    assert len(sent) == 112


def an_answer(**changed: object) -> Answer:
    values = {
        "sequence": 3, "sent_ns": AT_NS + 9000, "error": EXACT, "received_ns": AT_NS + 5000, "asked_sequence": 7,
        "asked_stamp": ntp(AT_NS), "asked_error": 0x8CC8, "hops": 251, "session": 0x1234,
    }  # fmt: skip
    return Answer(**(values | changed))  # type: ignore[arg-type]


def test_an_unauthenticated_answer_is_figure_5() -> None:
    assert an_answer().to_bytes() == bytes.fromhex(
        "00000003" + f"{ntp(AT_NS + 9000):016x}" + "8cc8" + "1234" + f"{ntp(AT_NS + 5000):016x}"
        "00000007" + f"{ntp(AT_NS):016x}" + "8cc8" + "0000" + "fb" + "000000"
    )


def test_an_authenticated_answer_is_figure_6() -> None:
    base = bytes.fromhex(
        "00000003" + "00" * 12 + f"{ntp(AT_NS + 9000):016x}" + "8cc8" + "1234" + "00" * 4 + f"{ntp(AT_NS + 5000):016x}"
        + "00" * 8 + "00000007" + "00" * 12 + f"{ntp(AT_NS):016x}" + "8cc8" + "00" * 6 + "fb" + "00" * 15
    )  # fmt: skip
    assert an_answer().to_bytes(KEY) == base + independent_hmac(KEY, base)


def test_tlvs_are_vouched_for_with_the_sequence_number_before_them() -> None:
    path = ReturnPath(segments=(bytes(range(16)),)).tlv()
    sent = Question(sequence=7, stamp=0, error=EXACT, tlvs=(path,)).to_bytes(KEY)
    inside = bytes.fromhex("800a0014" + "80040010") + bytes(range(16))
    seal = independent_hmac(KEY, bytes.fromhex("00000007") + inside)
    assert sent[112:] == inside + bytes.fromhex("80080010") + seal
    assert question(sent, KEY).trusted
    forged = bytearray(sent)
    forged[130] ^= 1
    assert not question(bytes(forged), KEY).trusted
    assert not question(sent[:136], KEY).trusted  # the seal is cut off


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (ClassOfService(wanted=46, seen=34, ecn=1, refused=1), "80040004" + "ba250000"),
        (TimestampInformation(source_in=1, taken_in=2, source_out=5, taken_out=3), "80030004" + "01020503"),
        (DestinationNodeAddress(address=bytes(range(16))), "80090010" + bytes(range(16)).hex()),
        (ReturnPath(code=1), "800a0008" + "80010004" + "00000001"),
        (
            ReturnPath(address=bytes(4), segments=(bytes(16), b"\xfc" + bytes(15))),
            "800a002c" + "80020004" + "00000000" + "80040020" + "00" * 16 + "fc" + "00" * 15,
        ),
    ],
)
def test_tlvs_as_their_figures_have_them(value: ClassOfService | ReturnPath, wire: str) -> None:
    assert value.tlv().to_bytes().hex() == wire
    (back,), rest = tlvs.parsed(bytes.fromhex(wire))
    assert type(value).of(back) == value
    assert not rest


def test_padding_is_as_long_as_it_was_asked_for() -> None:
    assert tlvs.padding(20).to_bytes() == bytes.fromhex("80010014") + bytes(20)


@given(questions, keys)
def test_questions_go_there_and_back(one: Question, key: bytes | None) -> None:
    assert question(one.to_bytes(key), key) == one


@given(answers, keys)
def test_answers_go_there_and_back(one: Answer, key: bytes | None) -> None:
    assert answer(one.to_bytes(key), key) == one


@given(times)
def test_times_go_there_and_back(at_ns: int) -> None:
    assert from_ntp(ntp(at_ns)) == at_ns
    assert from_ptp(ptp(at_ns)) == at_ns


def test_times_are_those_of_the_rfcs() -> None:
    assert ntp(0) == 0x83AA7E80_00000000  # 1970 (RFC 5905, figure 4)
    assert ntp(500_000_000) == 0x83AA7E80_80000000
    assert ptp(1_500_000_001) == 0x00000001_1DCD6501
    assert from_ntp(0) == 2_085_978_496 * 10**9  # the second era begins in 2036
    assert from_ptp(ptp(LATEST_NS)) == LATEST_NS


@given(st.floats(0, 1e12))
def test_an_error_is_never_understated_nor_much_overstated(error_ns: float) -> None:
    estimate = error_of(error_ns)
    assert error_ns <= estimate.error_ns * (1 + 1e-9)
    assert estimate.error_ns <= max(error_ns * 1.02 + 1, 0.3)


@given(estimates)
def test_error_estimates_go_there_and_back(one: ErrorEstimate) -> None:
    assert error_from(one.raw()) == one


@given(st.binary(max_size=300), keys)
def test_nonsense_raises_one_error(data: bytes, key: bytes | None) -> None:
    for parse in (question, answer):
        try:
            found = parse(data, key)
        except NotStamp:
            continue
        for one in found.tlvs:
            read(one)


@given(answers, keys, st.integers(0, 400), st.integers(0, 255))
def test_nearly_right_raises_one_error_too(one: Answer, key: bytes | None, at: int, byte: int) -> None:
    data = bytearray(one.to_bytes(key))
    data[at % len(data)] = byte
    try:
        answer(bytes(data), key)
    except NotStamp:
        return


@given(st.integers(0, 255), st.binary(max_size=60))
def test_nonsense_in_a_tlv_raises_one_error(kind: int, value: bytes) -> None:
    read(Tlv(kind=kind, value=value))


def read(one: Tlv) -> None:
    for form in (ClassOfService, TimestampInformation, DestinationNodeAddress, ReturnPath):
        try:
            form.of(one)
        except NotStamp:
            continue


def test_a_tlv_that_goes_on_after_the_end_is_malformed_and_the_last() -> None:
    good = ClassOfService(wanted=46).tlv().to_bytes()
    found, rest = tlvs.parsed(good + bytes.fromhex("80040009aabb"))
    assert [one.flags for one in found] == [0x80, 0xC0]
    assert not rest
    assert tlvs.encoded(found) == good + bytes.fromhex("c0040009aabb")


def test_twamp_light_of_twampy_is_understood() -> None:
    """Bytes that nokia/twampy 885b986d sent: a question of 14 bytes, one with padding, and an answer of 38."""
    short = question(bytes.fromhex("00000001eeb5a1e4f5559fff3fff"))
    assert (short.sequence, short.error.synchronised, short.error.scale, short.error.multiplier) == (1, False, 63, 255)
    padded = question(bytes.fromhex("00000000eeb5a1e575757bff3fff") + bytes(64))
    assert (padded.tlvs, padded.rest) == ((), bytes(34))
    came = answer(bytes.fromhex("00000001eeb5a1e4f5f2b3ff00010000eeb5a1e4f5f2b3ff00000001eeb5a1e4f5559fff3fff"))
    assert (came.sequence, came.asked_sequence, came.hops) == (1, 1, None)
    assert came.asked_stamp == 0xEEB5A1E4F5559FFF
    assert 2_300_000 < came.received_ns - from_ntp(came.asked_stamp) < 2_500_000  # it said 2.40 ms


@pytest.mark.parametrize("size", [0, 13])
def test_less_than_twamp_light_is_none(size: int) -> None:
    with pytest.raises(NotStamp, match=f"{size} bytes"):
        question(bytes(size))
    with pytest.raises(NotStamp, match="multiplier of 0"):
        question(struct.pack("!IQH", 1, 2, 0x8000))
