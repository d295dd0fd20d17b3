"""Time as packets carry it (RFC 8762, section 4.2.1; RFC 8877): 64 bits, and how wrong they may be.

Inside, times are nanoseconds since 1970, as integers; a time goes through either format and back without a change.
"""

from __future__ import annotations

from dataclasses import dataclass

from highroad.stamp.wrong import NotStamp

LATEST_NS = (1 << 32) * 1_000_000_000 - 1
"""The last time that fits in either format (in the year 2106)."""

_NTP_1970_S = 2_208_988_800
_S_NS = 1_000_000_000
_MOST_SCALE = 63


def ntp(time_ns: int) -> int:
    """Seconds since 1900, 32 bits, and 32 bits of a fraction (RFC 5905, section 6; the default of RFC 8762)."""
    seconds, rest = divmod(time_ns, _S_NS)
    return (seconds + _NTP_1970_S & 0xFFFF_FFFF) << 32 | (rest << 32) // _S_NS


def from_ntp(raw: int) -> int:
    """Of the two eras that it may be of, the one between 1968 and 2104 (RFC 4330, section 3)."""
    seconds, fraction = raw >> 32, raw & 0xFFFF_FFFF
    if not seconds & 0x8000_0000:
        seconds += 1 << 32
    return (seconds - _NTP_1970_S) * _S_NS + (fraction * _S_NS + (1 << 31) >> 32)


def ptp(time_ns: int) -> int:
    """PTPv2's, truncated: seconds, 32 bits, and nanoseconds, 32 bits (RFC 8877, section 4.3)."""
    seconds, rest = divmod(time_ns, _S_NS)
    return (seconds & 0xFFFF_FFFF) << 32 | rest


def from_ptp(raw: int) -> int:
    """Raises NotStamp where there are more nanoseconds than a second has."""
    seconds, rest = raw >> 32, raw & 0xFFFF_FFFF
    if rest >= _S_NS:
        raise NotStamp(f"a PTP timestamp of {rest} nanoseconds: a second has 1,000,000,000")
    return seconds * _S_NS + rest


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorEstimate:
    """How wrong timestamps may be (RFC 8762, section 4.2.1; RFC 4656, section 4.1.2; RFC 8186 for Z).

    `synchronised` (S): the clock follows UTC from outside, and `multiplier` * 2**`scale` / 2**32 seconds is how far it
    may be off. `is_ptp` (Z): timestamps are PTPv2's.
    """

    synchronised: bool
    is_ptp: bool = False
    scale: int = 0
    multiplier: int = 1

    def __post_init__(self) -> None:
        if not 0 <= self.scale <= _MOST_SCALE or not 1 <= self.multiplier <= 255:
            raise ValueError(f"an error of {self.multiplier} * 2^{self.scale} does not fit into 8 and 6 bits")

    @property
    def error_ns(self) -> float:
        """How far the clock may be off."""
        return float(self.multiplier * 2.0 ** (self.scale - 32) * _S_NS)

    def raw(self) -> int:
        """As two bytes."""
        return self.synchronised << 15 | self.is_ptp << 14 | self.scale << 8 | self.multiplier

    def stamp(self, time_ns: int) -> int:
        """A time in the format that this says."""
        return ptp(time_ns) if self.is_ptp else ntp(time_ns)

    def time_ns(self, raw: int) -> int:
        """The time that is meant. Raises NotStamp."""
        return from_ptp(raw) if self.is_ptp else from_ntp(raw)


def error_of(error_ns: float, *, synchronised: bool = True, is_ptp: bool = False) -> ErrorEstimate:
    """The smallest estimate that is not less than an error."""
    units = max(1, -int(-error_ns * (1 << 32) // _S_NS))
    scale = max(0, units.bit_length() - 8)
    multiplier = -(-units >> scale)
    if multiplier > 255:
        scale, multiplier = scale + 1, 128
    if scale > _MOST_SCALE:
        scale, multiplier = _MOST_SCALE, 255
    return ErrorEstimate(synchronised=synchronised, is_ptp=is_ptp, scale=scale, multiplier=multiplier)


def error_from(raw: int) -> ErrorEstimate:
    """From two bytes. Raises NotStamp for a multiplier of zero (RFC 4656, section 4.1.2)."""
    if not raw & 0xFF:
        raise NotStamp("an error estimate with a multiplier of 0")
    return ErrorEstimate(
        synchronised=bool(raw & 0x8000), is_ptp=bool(raw & 0x4000), scale=raw >> 8 & 0x3F, multiplier=raw & 0xFF
    )
