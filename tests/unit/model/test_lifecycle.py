"""The lifecycle's table, and what derives from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from highroad.errors import Conflict
from highroad.model.lifecycle import CARRYING, ENDED, HOLDING, TRANSITIONS, Event, State, advance

DOCS = Path(__file__).parents[3] / "docs" / "lifecycle.md"


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("event", Event)
def test_only_the_table_moves_a_service(state: State, event: Event) -> None:
    if (state, event) in TRANSITIONS:
        assert advance(state, event) is TRANSITIONS[(state, event)]
    else:
        with pytest.raises(Conflict, match="cannot"):
            advance(state, event)


def test_every_state_can_be_reached_and_left_or_is_an_end() -> None:
    assert {origin for origin, _ in TRANSITIONS} | ENDED == set(State)
    assert set(TRANSITIONS.values()) | {State.REQUESTED} == set(State)
    assert {State.REJECTED, State.CANCELLED, State.EXPIRED, State.FAILED, State.TERMINATED} == ENDED
    assert CARRYING < HOLDING
    assert not HOLDING & ENDED


def test_the_diagram_in_the_docs_is_the_table() -> None:
    drawn = {line.strip() for line in DOCS.read_text().splitlines() if "-->" in line}
    table = {f"{origin} --> {target}: {event.value}" for (origin, event), target in TRANSITIONS.items()}
    assert drawn == table | {"[*] --> REQUESTED"} | {f"{state} --> [*]" for state in ENDED}
