"""What the watchers of the twin's routers see of a fault, and how soon: as those of Linux routers do.

Neighbours tell each other every 5 ms that they are there. Three that do not come are a link that is down, whether light
comes in or not, and whichever way they are lost; what is lost now and then is seen over a longer time.
"""

from __future__ import annotations

from collections.abc import Collection

from highroad.model.incident import Reason

LOSS_WINDOW_S = 0.5
"""Over so long it is counted how many of a neighbour's hellos are lost."""


LEAST_LOSS = 0.1
"""A share that is lost and makes a link one that is down."""


def reason_of(lost: Collection[float]) -> Reason | None:
    """As what routers see that these shares are lost each way while light comes in; None where they do not mind."""
    if min(lost) >= 1.0:
        return Reason.SILENT
    if max(lost) >= 1.0:
        return Reason.ONE_WAY
    return Reason.LOSS if max(lost) >= LEAST_LOSS else None


def seen_after_s(reason: Reason, detection_s: float) -> float:
    """How long it takes until a fault is seen, where three hellos take `detection_s`."""
    return max(LOSS_WINDOW_S, detection_s) if reason is Reason.LOSS else detection_s
