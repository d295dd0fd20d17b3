"""What pydantic finds is told in plain words, all at once."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from highroad.wire.invalid import findings_of
from highroad.wire.services import OrderIn


def _findings(body: str) -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        OrderIn.model_validate_json(body, strict=True)
    return {found.place: found.code for found in findings_of(caught.value.errors())}


def test_every_finding_at_once_with_its_place() -> None:
    found = _findings('{"from": 1, "to": {"at": "x", "vlan": "d"}, "bandwidth_gbps": NaN, "fenc": [], "kind": "x"}')
    assert found == {
        "from": "type",
        "to.vlan": "type",
        "bandwidth_gbps": "finite-number",
        "fenc": "unknown-field",
        "kind": "type",
    }


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_no_number_is_one_finding(literal: str) -> None:
    assert _findings(f'{{"from": "a", "to": "b", "bandwidth_gbps": {literal}}}') == {"bandwidth_gbps": "finite-number"}


def test_text_and_truth_are_no_numbers() -> None:
    assert _findings('{"from": "a", "to": "b", "bandwidth_gbps": "400"}') == {"bandwidth_gbps": "type"}
    assert _findings('{"from": "a", "to": "b", "bandwidth_gbps": true}') == {"bandwidth_gbps": "type"}


def test_a_time_needs_its_zone() -> None:
    body = '{"from": "a", "to": "b", "bandwidth_gbps": 1, "start": "2030-01-01T00:00:00", "end": "soon"}'
    assert _findings(body) == {"start": "timezone-aware", "end": "type"}


def test_lists_have_their_index() -> None:
    assert _findings('{"from": "a", "to": "b", "bandwidth_gbps": 1, "fence": ["US", 7]}') == {"fence[1]": "type"}


def test_a_recurrence_starts_by_its_own_clock_and_is_not_asked_for_a_zone() -> None:
    """What is asked for instead is what is then taken."""
    of = '"rule": "FREQ=DAILY", "time_zone": "Europe/Berlin", "duration_s": 60'
    body = '{"from": "a", "to": "b", "bandwidth_gbps": 1, "recurrence": {"start": "%s", ' + of + "}}"
    with pytest.raises(ValidationError) as caught:
        OrderIn.model_validate_json(body % "tonight", strict=True)
    (found,) = findings_of(caught.value.errors())
    assert found.place == "recurrence.start"
    example = found.message.rpartition("e.g. ")[2]
    assert OrderIn.model_validate_json(body % example, strict=True).recurrence is not None
    assert "Z" not in example
