"""Rates, latencies and times as people write them: `400G`, `8ms`, `2h`."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import typer

from highroad.wire.told import clean

_NUMBER = r"\d+(?:\.\d*)?|\.\d+"
_RATE = re.compile(rf"({_NUMBER})\s*([kmgt]?)(?:bit/s|bps|b)?", re.IGNORECASE)
_LATENCY = re.compile(rf"({_NUMBER})\s*(us|µs|ms|s)?", re.IGNORECASE)
_DURATION = re.compile(rf"(?:({_NUMBER})d)?(?:({_NUMBER})h)?(?:({_NUMBER})m)?(?:({_NUMBER})s)?", re.IGNORECASE)

_GBPS = {"": 1.0, "k": 1e-6, "m": 1e-3, "g": 1.0, "t": 1e3}
_MS = {"": 1.0, "us": 1e-3, "µs": 1e-3, "ms": 1.0, "s": 1e3}


def sound(judge: Callable[[str], object], *words: str) -> Callable[[str], str]:
    """What reads an option that may also be one of some words: the text as it is, once it is judged to be either."""

    def read(text: str) -> str:
        if text not in words:
            judge(text)
        return text

    return read


def rate_gbps(text: str) -> float:
    """Gbit/s from `400`, `400G`, `1.2T` or `500M`; a negative one is left to the controller to refuse."""
    sign, body = _signed(text)
    match = _RATE.fullmatch(body)
    if match is None:
        raise typer.BadParameter(f"{clean(text)} is not a rate: write 400, 400G, 1.2T or 500M")
    return sign * round(float(match[1]) * _GBPS[match[2].lower()], 9)


def rates_gbps(text: str) -> tuple[float, float]:
    """A floor and a ceiling from `10G,100G`."""
    floor, comma, ceiling = text.partition(",")
    if not comma:
        raise typer.BadParameter(f"{clean(text)} is not a floor and a ceiling: write 10G,100G")
    return rate_gbps(floor), rate_gbps(ceiling)


def latency_ms(text: str) -> float:
    """Milliseconds from `8`, `8ms`, `800us` or `0.1s`."""
    sign, body = _signed(text)
    match = _LATENCY.fullmatch(body)
    if match is None:
        raise typer.BadParameter(f"{clean(text)} is not a latency: write 8ms or 800us")
    return sign * round(float(match[1]) * _MS[(match[2] or "").lower()], 9)


def instant(text: str) -> datetime:
    """A time with a zone, from ISO 8601; `now` is now."""
    if text == "now":
        return datetime.now(UTC)
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        raise typer.BadParameter(f"{clean(text)} is not a time: write 2030-01-31T18:00:00Z") from None
    if time.tzinfo is None:
        raise typer.BadParameter(f"{clean(text)} has no time zone: write {clean(text)}Z for UTC")
    return time


def wall_or_instant(text: str) -> datetime:
    """A time, from ISO 8601: one without a zone is by the clock of the zone that is given beside it."""
    try:
        return datetime.fromisoformat(text) if text != "now" else datetime.now(UTC)
    except ValueError:
        raise typer.BadParameter(f"{clean(text)} is not a time: write 2030-01-31T18:00:00Z") from None


def stretch(text: str) -> tuple[datetime, datetime]:
    """A window from `START/END` (ISO 8601, 4.4: an interval)."""
    start, slash, end = text.partition("/")
    if not slash:
        raise typer.BadParameter(f"{clean(text)} is not a window: write 2030-01-31T18:00Z/2030-02-01T00:00Z")
    return instant(start), instant(end)


def duration(text: str) -> timedelta:
    """A length of time from `2h`, `1h30m`, `45s` or `3d`."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or not text.strip():
        raise typer.BadParameter(f"{clean(text)} is not a length of time: write 2h, 1h30m or 3d")
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    total_s = ((days * 24 + hours) * 60 + minutes) * 60 + seconds
    if total_s > 366 * 86400 * 1000:
        raise typer.BadParameter(f"{clean(text)} is more than a thousand years")
    return timedelta(seconds=total_s)


def show_gbps(value: float) -> str:
    """A rate to read: `400 Gbit/s`, `500 Mbit/s`, `1.2 Tbit/s`."""
    if not math.isfinite(value):
        return "?"
    if abs(value) >= 1000:
        return f"{value / 1000:.4g} Tbit/s"
    if value == 0 or abs(value) >= 1:
        return f"{value:.4g} Gbit/s"
    if abs(value) < 0.001:
        return f"{value * 1e6:.4g} kbit/s"
    return f"{value * 1000:.4g} Mbit/s"


def show_ms(value: float | None) -> str:
    """A latency to read."""
    return "–" if value is None else f"{value:.3f} ms"


def show_availability(share: float) -> str:
    """For how much of the time something is up, and what is missing, to read."""
    missing_min = (1.0 - share) * 525_960
    digits = 2 if missing_min > 500 else 3 if missing_min > 50 else 4 if missing_min > 5 else 6
    less = (
        f"{missing_min / 60:,.0f} hours"
        if missing_min >= 600
        else f"{missing_min:,.{0 if missing_min >= 10 else 1}f} minutes"
    )
    return f"{share:.{digits}%} of the time ({less} a year without)"


def show_bytes(value: float) -> str:
    """Bytes to read, in powers of ten."""
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if abs(value) < 1000:
            return f"{value:.0f} B" if unit == "B" else f"{value:.2f} {unit}"
        value /= 1000
    return f"{value:.2f} PB"


def show_time(time: datetime | None, none: str = "open") -> str:
    """A time to read, in UTC to the second."""
    return none if time is None else time.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _signed(text: str) -> tuple[float, str]:
    body = text.strip()
    return (-1.0, body[1:]) if body.startswith("-") else (1.0, body)
