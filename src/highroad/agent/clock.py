"""A host's clocks: one that says UTC, one that nobody sets, and what the kernel knows of how wrong the first may be."""

from __future__ import annotations

import ctypes
import time
from typing import Protocol

from highroad.stamp.timestamp import ErrorEstimate, error_of

_UNSYNCHRONISED, _CLOCK_IS_WRONG = 0x0040, 5
"""STA_UNSYNC, TIME_ERROR (adjtimex(2))."""

ASKED_EVERY_NS = 1_000_000_000
_FREE = ErrorEstimate(synchronised=False)


class Clock(Protocol):
    """What measuring asks of a host."""

    def now_ns(self) -> int:
        """By the clock that nobody sets."""

    def utc_ns(self) -> int:
        """Since 1970."""

    def error(self) -> ErrorEstimate:
        """How wrong UTC may be."""


class HostClock:
    """The kernel's."""

    now_ns = staticmethod(time.monotonic_ns)
    utc_ns = staticmethod(time.time_ns)

    def __init__(self, known_error_ns: float | None = None) -> None:
        """`known_error_ns` is what an operator vouches for, whatever the kernel thinks."""
        self._known = None if known_error_ns is None else error_of(known_error_ns)
        self._error = _FREE
        self._asked_ns = -ASKED_EVERY_NS

    def error(self) -> ErrorEstimate:
        """As the kernel said within the last second (NTP's estimate of the largest error)."""
        if self._known is not None:
            return self._known
        now_ns = time.monotonic_ns()
        if now_ns - self._asked_ns >= ASKED_EVERY_NS:
            self._asked_ns = now_ns
            self._error = _kernel_error()
        return self._error


class _Timex(ctypes.Structure):
    """struct timex, as far as it is read; the kernel writes 208 bytes."""

    _fields_ = (
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("rest", ctypes.c_byte * 256),
    )


def _kernel_error() -> ErrorEstimate:
    told = _Timex()
    state = ctypes.CDLL(None, use_errno=True).adjtimex(ctypes.byref(told))
    if state < 0 or state == _CLOCK_IS_WRONG or told.status & _UNSYNCHRONISED:
        return _FREE
    return error_of(told.maxerror * 1000.0)
