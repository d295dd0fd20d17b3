"""Of a body of which a field cannot be read, what is wrong with the others is told, unless it stands on that field."""

from __future__ import annotations

import pytest

from highroad.api.partly import Partly
from highroad.errors import Finding
from highroad.wire.services import OrderIn

BODY = OrderIn.model_validate({"from": "a", "to": "b", "bandwidth_gbps": 1.0})


@pytest.mark.parametrize(
    ("wrong", "place", "code", "told"),
    [
        ("bandwidth_gbps", "burst_gbps", "rate-not-positive", True),
        ("bandwidth_gbps", "burst_gbps", "burst-below-guarantee", False),
        ("from", "latency_bound_ms", "bound-not-positive", True),
        ("from", "latency_bound_ms", "faster-than-light", False),
        ("traffic_class", "bandwidth_gbps", "rate-not-positive", False),
        ("bandwidth_gbps", "bandwidth_gbps", "rate-not-positive", False),
        ("bandwidth_gbps", "fence[0]", "fence-code", True),
    ],
)
def test_what_stands_on_what_was_not_read_is_not_told(wrong: str, place: str, code: str, told: bool) -> None:
    partly = Partly(BODY, frozenset({wrong}))
    assert partly.knows(Finding(code=code, place=place, message="")) is told
