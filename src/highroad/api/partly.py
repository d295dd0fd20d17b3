"""Bodies of which some fields cannot be read: the others are judged all the same, so that all is told at once."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel, ValidationError

from highroad.errors import Finding

Body = TypeVar("Body", bound=BaseModel)

_STAND_INS: dict[str, Any] = {"from": "", "to": "", "bandwidth_gbps": 1.0}
"""What stands for a needed field that cannot be read. What is found wrong with it is not told."""

_DEPENDS = {
    "bandwidth_gbps": {"traffic_class", "autoscale"},
    "autoscale": {"traffic_class"},
    "burst_gbps": {"traffic_class", "bandwidth_gbps", "autoscale"},
    "latency_bound_ms": {"from", "to"},
    "end": {"start"},
}
"""Fields that are right or wrong by what others say: without those, nothing is said about them."""

_BY_ITSELF = {
    "burst_gbps": {"rate-not-positive", "rate-over-port", "rate-too-high", "rate-step"},
    "latency_bound_ms": {"bound-not-positive"},
}
"""What is wrong with such a field whatever the others say."""


@dataclass(frozen=True, slots=True)
class Partly(Generic[Body]):
    """A body without the fields in `wrong`."""

    body: Body
    wrong: frozenset[str]

    def knows(self, finding: Finding) -> bool:
        """Whether a finding is about what was sent, and not about what stands in for it."""
        name = finding.place.partition(".")[0].partition("[")[0]
        others = set() if finding.code in _BY_ITSELF.get(name, set()) else _DEPENDS.get(name, set())
        return self.wrong.isdisjoint({name} | others)


def without_wrong(schema: type[Body], body: bytes, errors: Sequence[Mapping[str, Any]]) -> Partly[Body] | None:
    """What can be read of a body with errors of pydantic's; None where too little can."""
    try:
        raw = json.loads(body)
    except ValueError:
        return None  # a number of thousands of digits, which Python does not read
    wrong = frozenset(str(error["loc"][0]) for error in errors if error["loc"])
    if not isinstance(raw, dict) or not wrong:
        return None
    if "autoscale" in wrong and "bandwidth_gbps" not in raw:
        wrong |= {"bandwidth_gbps"}  # it would have been the floor of the rule
    names = {field.serialization_alias or name for name, field in schema.model_fields.items()}
    rest = {name: stand_in for name, stand_in in _STAND_INS.items() if name in names & wrong}
    rest |= {name: value for name, value in raw.items() if name not in wrong}
    try:
        return Partly(schema.model_validate_json(json.dumps(rest), strict=True), wrong)
    except ValidationError:
        return None
