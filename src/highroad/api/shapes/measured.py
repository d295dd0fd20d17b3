"""On what figures were taken: said with every one of them."""

from __future__ import annotations

from typing import Any

from highroad.control.desk import Desk


def measured(controller: Desk) -> dict[str, Any]:
    """The fields of `wire.measured.Measured`."""
    return {"fabric": controller.fabric_name, "rate_scale": controller.rate_scale}
