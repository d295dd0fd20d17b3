"""The pictures of figures over time."""

from __future__ import annotations

from highroad.cli.telemetry import WIDTH, line, sparkline
from highroad.wire.telemetry import PointOut, TrackOut


def point(mean: float, most: float | None = None, count: int = 60) -> PointOut:
    return PointOut(min=mean, mean=mean, max=mean if most is None else most, last=mean, count=count)


def test_a_spike_is_as_high_as_it_was_and_a_gap_is_no_zero() -> None:
    text = sparkline([point(1.0), point(1.0, most=8.0), None, point(0.0)])
    assert text.plain == "▁█·▁"


def test_more_steps_than_columns_are_drawn_by_the_most_of_several() -> None:
    points: list[PointOut | None] = [point(1.0)] * (4 * WIDTH)
    points[101] = point(1.0, most=8.0)
    text = sparkline(points)
    assert len(text.plain) == WIDTH
    assert text.plain.count("█") == 1


def test_what_counts_is_summed_and_the_rest_is_weighed_by_how_many_there_were() -> None:
    of = {"name": "x", "about": "", "points": [point(2.0, count=60), None, point(8.0, count=20)]}
    assert line(TrackOut.model_validate({"series": "lost_bytes", "summed": True} | of)).plain.endswith(
        "sum 280, most 8"
    )
    assert line(TrackOut.model_validate({"series": "rate", "summed": False} | of)).plain.endswith("2 … 3.5 … 8")
