"""Rates, latencies and times as people write them."""

from __future__ import annotations

from datetime import timedelta

import pytest
import typer

from highroad.cli.quantities import duration, instant, latency_ms, rate_gbps, show_availability, show_bytes, show_gbps
from highroad.wire.told import clean


@pytest.mark.parametrize(
    ("text", "expected"),
    [("400", 400), ("400G", 400), ("1.2T", 1200), ("500M", 0.5), ("400gbps", 400), (".5g", 0.5), ("-5", -5),
     ("250k", 0.00025), ("100 Gbit/s", 100)],
)  # fmt: skip
def test_rates(text: str, expected: float) -> None:
    assert rate_gbps(text) == expected


@pytest.mark.parametrize("text", ["", "fast", "nan", "inf", "1e3", "400X", "4 0", "--4"])
def test_rates_that_are_none(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        rate_gbps(text)


@pytest.mark.parametrize(("text", "expected"), [("8", 8), ("8ms", 8), ("800us", 0.8), ("0.1s", 100)])
def test_latencies(text: str, expected: float) -> None:
    assert latency_ms(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2h", timedelta(hours=2)),
        ("1h30m", timedelta(minutes=90)),
        ("3d", timedelta(days=3)),
        ("45s", timedelta(0, 45)),
    ],
)
def test_durations(text: str, expected: timedelta) -> None:
    assert duration(text) == expected


@pytest.mark.parametrize("text", ["", "soon", "2", "2x", "999999999d", "-2h"])
def test_durations_that_are_none(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        duration(text)


def test_a_time_needs_its_zone() -> None:
    assert instant("2030-01-31T18:00:00+01:00").utcoffset() == timedelta(hours=1)
    for text in ("2030-01-31T18:00:00", "tomorrow"):
        with pytest.raises(typer.BadParameter):
            instant(text)


def test_what_is_shown() -> None:
    assert show_gbps(1200) == "1.2 Tbit/s"
    assert show_gbps(0.5) == "500 Mbit/s"
    assert show_bytes(2.5e15) == "2.50 PB"
    assert clean("a\x1b[31mb\n") == "a�[31mb�"


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.995, "99.50% of the time (44 hours a year without)"),
        (0.9998, "99.980% of the time (105 minutes a year without)"),
        (0.99999, "99.9990% of the time (5.3 minutes a year without)"),
        (1.0, "100.000000% of the time (0.0 minutes a year without)"),
    ],
)
def test_for_how_much_of_the_time(share: float, text: str) -> None:
    assert show_availability(share) == text
