"""What packets meet where things are broken on purpose: the same arithmetic for every lab, real or modelled.

Each thing that was cut is a cause of its own, and stays one until it is spliced itself: a fibre may be cut in a conduit
that is cut. Without a cause that takes the light there is light; what the others lose, they lose one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from highroad.errors import Finding, Invalid
from highroad.model.network import FibreId, RiskGroupId, SiteId
from highroad.ports.lab import CutState

Causes = Mapping[FibreId, Sequence[CutState]]
"""What each fibre suffers from."""


def cut_state(
    have: CutState | None, at_s: float, *, silent: bool = False, towards: SiteId | None = None, loss: float = 1.0
) -> CutState:
    """What is cut now, or was before and is cut differently from now on. Raises Invalid for a share that is none."""
    if not 0.0 < loss <= 1.0:
        message = f"{loss:g} is no share that can be lost: give more than 0 and at most 1, e.g. 0.2"
        raise Invalid([Finding(code="loss", place="loss", message=message)])
    return CutState(
        since_s=at_s if have is None else have.since_s,
        silent=silent or towards is not None or loss < 1.0,
        towards=towards,
        loss=loss,
    )


def causes(
    cuts: Mapping[FibreId, CutState],
    groups: Mapping[RiskGroupId, CutState],
    fibres_of: Callable[[RiskGroupId], Iterable[FibreId]],
) -> Causes:
    """All that fibres suffer from, each by itself."""
    found: dict[FibreId, list[CutState]] = {fibre: [state] for fibre, state in cuts.items()}
    for group, state in groups.items():
        for fibre in fibres_of(group):
            found.setdefault(fibre, []).append(state)
    return found


def is_lit(fibres: Iterable[FibreId], suffering: Causes) -> bool:
    """Whether light comes through all of these."""
    return all(state.silent for fibre in fibres for state in suffering.get(fibre, ()))


def lost(over: Iterable[tuple[FibreId, SiteId]], suffering: Causes) -> float:
    """The share that is lost over these fibres, each towards the end that it leads to, where there is light."""
    arrives = 1.0
    for fibre, end in over:
        for state in suffering.get(fibre, ()):
            if state.silent and state.towards in (None, end):
                arrives *= 1.0 - state.loss
    return 1.0 - arrives
