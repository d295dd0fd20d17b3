"""What fibres that failed together have in common, and what that is called: a conduit, a router, or no more than
chance.

Pure. Nobody sees into the ground: a router of which every fibre is dark at once may have died or be dug around, and is
said to be cut off, which is so in either case.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import groupby

from highroad.model.incident import Reason
from highroad.model.network import FibreId, Network, SiteId

TOGETHER_S = 1.0
"""What goes dark within so long and has something in common is one failure."""


def common(network: Network, fibres: Collection[FibreId]) -> frozenset[str]:
    """The declared risk groups and the sites that fibres share."""
    shared = [
        {*one.risk_groups, one.a, one.b} for one in (network.fibre.get(fibre) for fibre in fibres) if one is not None
    ]
    return frozenset[str](set.intersection(*map(set[str], shared))) if shared else frozenset()


def gather(network: Network, fibres: Sequence[FibreId], known: Sequence[Collection[FibreId]]) -> list[list[FibreId]]:
    """Fibres put, one after the other, to those that they have something in common with: to each of `known`, what joins
    it; then the others, together where they belong together.
    """
    clusters = [set(one) for one in known]
    joined: list[list[FibreId]] = [[] for _ in known]
    for fibre in fibres:
        place = next((at for at, one in enumerate(clusters) if common(network, {*one, fibre})), None)
        if place is None:
            clusters.append({fibre})
            joined.append([fibre])
        else:
            clusters[place].add(fibre)
            joined[place].append(fibre)
    return joined


def dead_router(network: Network, fibres: Collection[FibreId]) -> SiteId | None:
    """The site of which these are all the fibres, where there are several."""
    for name in sorted(common(network, fibres)):
        if name in network.site and len(fibres) > 1 and set(network.fibres_of(name)) <= set(fibres):
            return SiteId(name)
    return None


def title_of(network: Network, fibres: Sequence[FibreId]) -> str:
    """What failed, in a few words."""
    if len(fibres) == 1:
        return str(fibres[0])
    dead = dead_router(network, fibres)
    if dead is not None:
        return f"router {dead} is cut off"
    shared = common(network, fibres)
    group = next((one for one in network.risk_groups if one.id in shared), None)
    if group is not None:
        return f"{group.name} ({group.id}), {len(fibres)} fibres"
    site = min((name for name in shared if name in network.site), default=None)
    return f"{len(fibres)} fibres" if site is None else f"{len(fibres)} fibres at {site}"


def told(network: Network, reasons: Mapping[FibreId, Reason], *, titled: bool = True) -> str:
    """What was noticed, in a sentence; `titled`: of several fibres also what they are together."""
    fibres = list(reasons)
    how = [
        f"{_HOW[reason]} {', '.join(group)}"
        for reason, group in groupby(sorted(fibres, key=lambda fibre: _ORDER[reasons[fibre]]), key=reasons.__getitem__)
    ]
    words = "; ".join(how)
    return words if len(fibres) == 1 or not titled else f"{title_of(network, fibres)}: {words}"


_HOW: Mapping[Reason, str] = {
    Reason.LIGHT: "loss of light noticed on",
    Reason.SILENT: "light is on and nothing is heard over",
    Reason.ONE_WAY: "only one way is heard over",
    Reason.LOSS: "too much is lost, though light is on, over",
}

_ORDER: Mapping[Reason, int] = {reason: at for at, reason in enumerate(Reason)}
