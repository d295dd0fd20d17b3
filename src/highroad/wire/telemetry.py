"""Figures over time as they travel."""

from __future__ import annotations

from pydantic import Field

from highroad.wire.base import Out, Time
from highroad.wire.measured import Measured


class PointOut(Out):
    """What there is of one step: nothing of it is averaged away."""

    min: float
    mean: float
    max: float
    last: float = Field(description="The last one that came.")
    count: int = Field(description="Of so many samples.")


class TrackOut(Out):
    """One figure of one thing."""

    name: str = Field(description="The link, the service, or the path: SERVICE/WAY of those in use.")
    series: str = Field(description="The figure; its unit is in its name.")
    about: str
    summed: bool = Field(description="Whether it counts something in each sample: then `mean` x `count` is the sum.")
    points: list[PointOut | None] = Field(description="One a step, from `from` on; null where nothing was measured.")


class TracksOut(Measured):
    """What was measured from a time on, step by step."""

    start: Time = Field(alias="from")
    end: Time = Field(alias="to")
    step_s: int = Field(description="As asked for, or the finest that is kept of that time.")
    tracks: list[TrackOut] = Field(description="Empty where nothing was ever measured of it in that time.")


class LinksAtOut(Measured):
    """Every link at a moment that has passed, as finely as it is kept."""

    at: Time = Field(description="The beginning of the step that has the moment.")
    step_s: int
    links: dict[str, float] = Field(
        description="Gbit/s carried, the mean of the step, by link; what was not measured is not here."
    )
    down: list[str] = Field(description="Links through which no light got at some time of the step.")


class MomentOut(Out):
    """Every link in one step of time."""

    carried_gbps: list[float | None] = Field(description="The mean of the step, in the order of `links`.")
    down: list[str] = Field(description="Links through which no light got at some time of the step.")


class MomentsOut(Measured):
    """Every link over a time that has passed, step by step."""

    start: Time = Field(alias="from")
    end: Time = Field(alias="to")
    step_s: int = Field(description="As asked for, or the finest that is kept of that time.")
    links: list[str] = Field(description="Those of which anything was measured in that time.")
    moments: list[MomentOut] = Field(description="One a step, from `from` on.")
