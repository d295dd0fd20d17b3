"""How far an offer is from what was asked: the sum over what it gives way in.

rate         log2(asked / offered): 1 for half of it
bound        log2(offered / asked): 1 for twice as long
window       moved / (length + a day), of a length of at most 30 days: an hour's order moved by a day is about 1;
             moved is how much later it ends, or earlier it starts; a quarter more for every cut into pieces
pieces       log2(all / those that are left); a shorter window likewise, an endless one counting as two years
fence        a half for every code that is added
protection   1
ends         kilometres of great circle between the ports' sites / 1,000
"""

from __future__ import annotations

import math
from enum import StrEnum

from highroad.graph.geo import great_circle_km
from highroad.model.network import SiteId
from highroad.model.service import End, Order, PortId, Request
from highroad.planning.ground import Ground

DAY_S = 86400.0
LONG_S = 30 * DAY_S
ENDLESS_S = 731 * DAY_S
A_CUT = 0.25
A_CODE = 0.5
NO_BACKUP = 1.0
FAR_KM = 1000.0


class Respect(StrEnum):
    """In what an offer gives way."""

    RATE = "rate"
    WINDOW = "window"
    BOUND = "bound"
    FENCE = "fence"
    PROTECTION = "protection"
    ENDS = "ends"


def distance(ground: Ground, asked: Request, order: Order, offered: Request) -> float:
    """How far an offer is from a request, and the order that it means."""
    away = 0.0
    if offered.bandwidth_gbps != asked.bandwidth_gbps:
        away += math.log2(asked.bandwidth_gbps / offered.bandwidth_gbps)
    if offered.latency_bound_ms and asked.latency_bound_ms:
        away += math.log2(offered.latency_bound_ms / asked.latency_bound_ms)
    if offered.fence is not None and asked.fence is not None:
        away += A_CODE * len(set(offered.fence) - set(asked.fence))
    if offered.protection is not asked.protection:
        away += NO_BACKUP
    for site, before, after in ((order.a_site, asked.a, offered.a), (order.b_site, asked.b, offered.b)):
        if before != after:
            away += moved_km(ground, site, after) / FAR_KM
    return away + _in_time(order, asked, offered)


def moved_km(ground: Ground, site: SiteId, end: End) -> float:
    """How far the port that an end names is from a site."""
    here, there = ground.network.site[site], ground.network.site[ground.ports[PortId(end.at)].site]
    return great_circle_km(here.lat, here.lon, there.lat, there.lon)


def _in_time(order: Order, asked: Request, offered: Request) -> float:
    if (offered.start_s, offered.end_s, offered.windows) == (asked.start_s, asked.end_s, asked.windows):
        return 0.0
    window = order.window
    if window.pieces:
        return math.log2(len(window.pieces) / len(offered.windows))
    if offered.start_s == asked.start_s and not offered.windows:
        length_s = min(ENDLESS_S, window.until_s - window.start_s)
        return math.log2(max(1.0, length_s / ((offered.end_s or math.inf) - window.start_s)))
    scale_s = DAY_S + min(LONG_S, window.until_s - window.start_s)
    if offered.windows:
        moved_s = offered.windows[-1].until_s - window.until_s
        return moved_s / scale_s + A_CUT * (len(offered.windows) - 1)
    return abs((offered.start_s or window.start_s) - window.start_s) / scale_s
