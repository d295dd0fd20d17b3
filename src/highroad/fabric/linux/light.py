"""From ports that are dark to fibres that are: a router sees its own ports, and nobody sees into the ground.

Pure. Over-reporting costs a detour; a fibre that is dark and not named would cost traffic.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from highroad.model.incident import TELLING, Reason
from highroad.model.network import FibreId, LinkId, Network, SiteId
from highroad.ports import Down


@dataclass(frozen=True, slots=True, kw_only=True)
class PortLight:
    """Whether a neighbour is there for the port that a link leaves by, and since when that is so (UTC seconds).

    Of one that is not there, why, and since when its router carries on around it.
    """

    up: bool
    since_s: float
    reason: Reason = Reason.LIGHT
    repaired_s: float | None = None


def dark_links(network: Network, ports: Mapping[LinkId, PortLight]) -> dict[LinkId, float]:
    """The links of which either end reports no light, and since when.

    A link's port is its opposite's other end; what no router has reported is taken to be lit.
    """
    dark: dict[LinkId, float] = {}
    for link in network.link:
        ends = [ports.get(link), ports.get(network.opposite.get(link, link))]
        since = [end.since_s for end in ends if end is not None and not end.up]
        if since:
            dark[link] = min(since)
    return dark


def dark_fibres(network: Network, dark: Mapping[LinkId, float], cut: Collection[FibreId] = ()) -> dict[FibreId, float]:
    """The fibres that explain the dark links, and since when each.

    Where it is known what was cut, that; else every fibre of a dark link over which nothing else is lit; and if all of
    its fibres carry other light (then it is the port that failed), all of them.
    """
    fibres: dict[FibreId, float] = {}
    for link_id, since_s in dark.items():
        over = network.link[link_id].fibres
        blamed = [fibre for fibre in over if fibre in cut]
        blamed = blamed or [fibre for fibre in over if all(other in dark for other in network.links_on[fibre])]
        for fibre in blamed or over:
            fibres[fibre] = min(since_s, fibres.get(fibre, since_s))
    return fibres


def why_dark(network: Network, ports: Mapping[LinkId, PortLight], fibres: Collection[FibreId]) -> dict[FibreId, Down]:
    """What the ports of links over dark fibres say of each."""
    found: dict[FibreId, Down] = {}
    for fibre in fibres:
        ends = {link: ports[link] for link in network.links_on.get(fibre, ()) if link in ports and not ports[link].up}
        reasons = {end.reason for end in ends.values()}
        repaired: dict[SiteId, float] = {}
        for link, end in ends.items():
            if end.repaired_s is not None:
                site = network.link[link].tail
                repaired[site] = min(end.repaired_s, repaired.get(site, end.repaired_s))
        reason = next((one for one in TELLING if one in reasons), Reason.LIGHT)
        found[fibre] = Down(reason=reason, repaired_s=repaired)
    return found
