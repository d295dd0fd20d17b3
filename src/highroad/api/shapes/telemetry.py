"""Figures over time as they travel."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from highroad.api.shapes.measured import measured
from highroad.control.desk import Desk
from highroad.model.network import Network
from highroad.model.tracks import SERIES, Moments, Point, Subject, Tracks
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


def links_at_out(found: Moments, network: Network, controller: Desk) -> LinksAtOut:
    """The first step of what was read, of links that the network has."""
    links, carried, down = _steps(found, network)
    first = carried[0].tolist() if len(carried) else []
    return LinksAtOut.model_validate(
        {
            **measured(controller),
            "at": time_from_s(found.from_s),
            "step_s": found.step_s,
            "links": {link: gbps for link, gbps in zip(links, first, strict=False) if not math.isnan(gbps)},
            "down": down[0] if down else [],
        }
    )


def moments_out(found: Moments, network: Network, controller: Desk) -> MomentsOut:
    """All that was read of links that the network has, step by step; what is not a number is written as null."""
    links, carried, down = _steps(found, network)
    return MomentsOut.model_validate(
        {
            **measured(controller),
            "from": time_from_s(found.from_s),
            "to": time_from_s(found.until_s),
            "step_s": found.step_s,
            "links": links,
            "moments": [
                MomentOut(carried_gbps=gbps, down=dark) for gbps, dark in zip(carried.tolist(), down, strict=True)
            ],
        }
    )


def _steps(found: Moments, network: Network) -> tuple[list[str], NDArray[np.float64], list[list[str]]]:
    """The links that the network has; what they carried, rounded, a row a step; and those without light in each."""
    here = [at for at, link in enumerate(found.links) if link in network.link]
    read = np.frombuffer(found.carried_gbps, "<f4").reshape(len(found.dark), len(found.links))
    known = frozenset(here)
    down = [[found.links[at] for at in dark if at in known] for dark in found.dark]
    return [found.links[at] for at in here], read[:, here].astype(np.float64).round(3), down


def _point(one: Point | None) -> PointOut | None:
    if one is None:
        return None
    return PointOut(min=one.least, mean=one.mean, max=one.most, last=one.last, count=one.count)
