"""What arrives of what services send: nothing over a dark link, nothing above a ceiling, the rest as links have room.

Traffic is a fluid. Nothing queues: what does not fit is lost at once, at the headend, and loads no link.
"""

from __future__ import annotations

import numpy as np

from highroad.planning.fair import ROUNDING, Flags, Floats, Ints, Paths, share

LEAST_ROOM = 1e-9
"""A link that has more than this share of its capacity left holds nobody up, whatever is rounded how."""


def admitted_gbps(dark: Flags, paths: Paths, ceiling_gbps: Floats, offered_gbps: Floats) -> Floats:
    """What headends let in of each flow where its path is lit."""
    return np.where(paths.any_on(dark), 0.0, np.minimum(offered_gbps, ceiling_gbps))


def roomy(load_gbps: Floats, capacity_gbps: Floats) -> bool:
    """Whether no link is filled by all that is let in: then all of it arrives, and nothing is to be shared."""
    return bool(np.all(load_gbps <= capacity_gbps * (1.0 - LEAST_ROOM)))


def carry(
    *,
    capacity_gbps: Floats,
    dark: Flags,
    paths: Paths,
    rank: Ints,
    guaranteed_gbps: Floats,
    ceiling_gbps: Floats,
    offered_gbps: Floats,
) -> Floats:
    """The rate at which each flow arrives; what it offers above that is lost.

    Guarantees come first, then what is left, by class (see `highroad.planning.fair`); in a class in proportion to the
    burst that was sold, as in the one queue that routers have for it. A flow with a dark link on its path carries
    nothing and loads nothing, upstream of the cut neither.
    """
    if len(paths) == 0:
        return np.zeros(0)
    admitted = admitted_gbps(dark, paths, ceiling_gbps, offered_gbps)
    if roomy(paths.load(admitted, len(capacity_gbps)), capacity_gbps):
        return admitted
    sure = np.minimum(admitted, guaranteed_gbps)
    arrived = share(
        capacity_gbps=capacity_gbps,
        paths=paths,
        rank=rank,
        sure_gbps=sure,
        more_gbps=admitted - sure,
        weight=ceiling_gbps - guaranteed_gbps,
    )
    carried = arrived.sure_gbps + arrived.more_gbps
    # A guarantee and an excess that both fit add up to the offer but for rounding: nothing is lost then.
    return np.where(carried >= admitted * (1.0 - ROUNDING), admitted, carried)
