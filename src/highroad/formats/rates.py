"""Capacities as people write them on the lines of a map: `2.5 Gbps`, `OC-192c`, `2x10GE`, `34-69Mbps`, `DS-3`."""

from __future__ import annotations

import re

_GBPS = {"t": 1000.0, "g": 1.0, "m": 0.001, "k": 0.000001}
_NUMBER = r"\d{1,6}(?:[.,]\d{1,6})?"
_RATE = re.compile(
    rf"(?<![\w.,])(?:(\d{{1,3}})\s?[x*×]\s?)?({_NUMBER})(?:\s?(?:-|–|to)\s?{_NUMBER})?\s?([tgmk])(?=b|e\b|ig|$|[^a-z])"
)
_SDH = re.compile(r"(?<![a-z])(oc|stm)[- ]?(\d{1,4})c?(?:\s?[x*×]\s?(\d{1,2}))?(?!\d)")
_SDH_GBPS = {"oc": 0.05184, "stm": 0.15552}
_PDH = re.compile(r"(?<![a-z0-9])(?:(\d{1,2})\s?[x*×]\s?)?(ds|t|e)[- ]?([13])(?![a-z0-9])")
_PDH_GBPS = {"t1": 0.001544, "ds1": 0.001544, "t3": 0.044736, "ds3": 0.044736, "e1": 0.002048, "e3": 0.034368}


def gbps_in(text: str) -> float | None:
    """The capacity that a text names, in Gbit/s, or None.

    Of a range, or of several, the least; a bound (`< 10 Mbps`) is taken as it is. Bits and bytes are not told apart:
    maps write `GB/s` for Gbit/s. OC-n has n x 51.84 Mbit/s, STM-n n x 155.52 (ITU-T G.707), E1 2.048, E3 34.368
    (G.703), T1 1.544, T3 44.736. The result is whole Mbit/s, rounded down, at least one: capacity is sold in those.
    """
    low = text[:200].lower()
    found = [
        int(times or 1) * float(number.replace(",", ".")) * _GBPS[unit] for times, number, unit in _RATE.findall(low)
    ]
    found = found or [int(n) * int(times or 1) * _SDH_GBPS[kind] for kind, n, times in _SDH.findall(low)]
    found = found or [int(times or 1) * _PDH_GBPS[kind + n] for times, kind, n in _PDH.findall(low)]
    real = [gbps for gbps in found if gbps > 0]
    return whole_gbps(min(real)) if real else None


def whole_gbps(gbps: float) -> float:
    """Rounded down to whole Mbit/s, at least one."""
    return max(1, int(gbps * 1000 + 1e-6)) / 1000
