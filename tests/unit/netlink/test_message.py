"""The wire format: padding, nesting, and datagrams that end too early."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from highroad.netlink.message import (
    Message,
    attr,
    attr_u32,
    attrs,
    nest,
    pack_messages,
    packed,
    packed_prefix,
    printed,
    unpack_messages,
)


@given(st.dictionaries(st.integers(1, 0x3FFF), st.binary(max_size=40)))
def test_attributes_come_back(wanted: dict[int, bytes]) -> None:
    data = b"".join(attr(kind, value) for kind, value in wanted.items())
    assert len(data) % 4 == 0
    assert attrs(data) == wanted


def test_a_nest_is_marked_and_read_by_its_plain_type() -> None:
    data = nest(22, attr_u32(1, 7))
    assert data[2:4] == (22 | 0x8000).to_bytes(2, "little")
    assert attrs(attrs(data)[22]) == {1: b"\7\0\0\0"}


@given(st.binary(max_size=64))
def test_no_bytes_make_the_reader_fail_or_hang(data: bytes) -> None:
    assert isinstance(attrs(data), dict)
    assert isinstance(list(unpack_messages(data)), list)


def test_messages_in_one_datagram_are_aligned_and_numbered() -> None:
    wanted = [Message(24, 0x600, b"abcde"), Message(25, 0, b"")]
    data = pack_messages(zip(wanted, (7, 8), strict=True), 0x5)
    assert len(data) == 24 + 16
    first, second = unpack_messages(data)
    assert (first.kind, first.flags, first.sequence, first.body) == (24, 0x605, 7, b"abcde")
    assert (second.kind, second.sequence, second.body) == (25, 8, b"")


@pytest.mark.parametrize(
    ("given_as", "spelling"),
    [("fc00:0:0::1", "fc00::1"), ("FC00::0001", "fc00::1"), ("10.0.0.1", "10.0.0.1"), ("::", "::")],
)
def test_an_address_has_one_spelling(given_as: str, spelling: str) -> None:
    assert printed(packed(given_as)) == spelling


@pytest.mark.parametrize("wrong", ["", "10.0.0", "fc00::/48", "denver", "10.0.0.256", "::1%lo"])
def test_what_is_no_address_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="is not an IP address"):
        packed(wrong)


@pytest.mark.parametrize(
    ("prefix", "why"),
    [
        ("10.0.0.1/8", "bits set behind"),
        ("fc00::1/64", "bits set behind"),
        ("10.0.0.0/33", "is not a prefix"),
        ("10.0.0.0/x", "is not a prefix"),
        ("10.0.0.0/-1", "is not a prefix"),
    ],
)
def test_what_is_no_prefix_is_refused(prefix: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        packed_prefix(prefix)


def test_a_host_is_a_prefix_of_full_length() -> None:
    assert packed_prefix("10.0.0.1") == (b"\x0a\0\0\1", 32)
    assert packed_prefix("::1")[1] == 128
