"""Which headends have left their preferred path by themselves, and since when."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from highroad.fabric.twin.headend import Choice, Routes
from highroad.model.service import ServiceId
from highroad.planning.fair import Flags


def flipped(
    routes: Routes,
    choices: tuple[Choice, Choice],
    rows: Mapping[ServiceId, int],
    flips: Mapping[ServiceId, float],
    at_s: float,
) -> dict[ServiceId, float]:
    """The services whose headends have left their preferred path in a direction or both, once one choice has taken the
    place of another at this time. Who was told of a path when the preferred one was dark already has left none.
    """
    before, after = (_aside(routes, choice) for choice in choices)
    if not after.any():
        return {}
    new = after & ~before
    return {
        service: flips.get(service, at_s)
        for service, row in rows.items()
        if after[row] and (new[row] or service in flips)
    }


def _aside(routes: Routes, choice: Choice) -> Flags:
    """Of each service, whether another candidate path than the preferred one carries some of it."""
    preferred = routes.candidate == routes.candidates_of_direction[routes.direction]
    aside = np.zeros(len(routes.rank), dtype=np.bool_)
    aside[routes.direction[(choice.share > 0.0) & ~preferred]] = True
    return aside[0::2] | aside[1::2]
