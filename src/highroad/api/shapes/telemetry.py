"""Figures over time as they travel."""

from __future__ import annotations

from highroad.api.shapes.measured import measured
from highroad.control.desk import Desk
from highroad.model.tracks import SERIES, Point, Subject, Tracks
from highroad.wire.base import time_from_s
from highroad.wire.telemetry import LinksAtOut, MomentOut, MomentsOut, PointOut, TrackOut, TracksOut


def tracks_out(found: Tracks, subject: Subject, controller: Desk) -> TracksOut:
    """All that was read."""
    series = {one.name: one for one in (*SERIES[subject], *SERIES[Subject.GAP])}
    return TracksOut.model_validate(
        {
            **measured(controller),
            "from": time_from_s(found.from_s),
            "to": time_from_s(found.until_s),
            "step_s": found.step_s,
            "tracks": [
                TrackOut(
                    name=track.name,
                    series=track.series,
                    about=series[track.series].about,
                    summed=series[track.series].summed,
                    points=[_point(one) for one in track.points],
                )
                for track in found.tracks
            ],
        }
    )


def links_at_out(found: Tracks, controller: Desk) -> LinksAtOut:
    """The first step of what was read of links: `carried_gbps` and `up`."""
    first = [(track, track.points[0]) for track in found.tracks if track.points]
    return LinksAtOut.model_validate(
        {
            **measured(controller),
            "at": time_from_s(found.from_s),
            "step_s": found.step_s,
            "links": {track.name: one.mean for track, one in first if one and track.series == "carried_gbps"},
            "down": sorted(track.name for track, one in first if one and track.series == "up" and one.least < 1),
        }
    )


def moments_out(found: Tracks, controller: Desk) -> MomentsOut:
    """All that was read of links, `carried_gbps` and `up`, step by step."""
    carried = {track.name: track.points for track in found.tracks if track.series == "carried_gbps"}
    up = [track for track in found.tracks if track.series == "up"]
    links = sorted(carried)
    return MomentsOut.model_validate(
        {
            **measured(controller),
            "from": time_from_s(found.from_s),
            "to": time_from_s(found.until_s),
            "step_s": found.step_s,
            "links": links,
            "moments": [
                MomentOut(
                    carried_gbps=[_mean(carried[link][at]) for link in links],
                    down=sorted(track.name for track in up if (one := track.points[at]) is not None and one.least < 1),
                )
                for at in range((found.until_s - found.from_s) // found.step_s)
            ],
        }
    )


def _mean(one: Point | None) -> float | None:
    return None if one is None else round(one.mean, 3)


def _point(one: Point | None) -> PointOut | None:
    if one is None:
        return None
    return PointOut(min=one.least, mean=one.mean, max=one.most, last=one.last, count=one.count)
