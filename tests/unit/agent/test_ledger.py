"""Sums never go back, whatever is made anew."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from highroad.agent.ledger import Ledger


def test_an_object_that_is_made_anew_goes_on_from_what_it_had() -> None:
    ledger = Ledger()
    ledger.read({"a": (100, 2)})
    ledger.read({"a": (150, 3), "b": (1, 1)})
    ledger.read({"a": (10, 1)})
    assert ledger.total("a", 2) == (160, 4)
    ledger.gone(lambda name: name != "a")
    assert ledger.total("a", 2) == (160, 4)
    ledger.read({"a": (500, 9)})
    assert ledger.total("a", 2) == (660, 13)
    ledger.fold("a", "b")
    assert (ledger.total("a", 2), ledger.total("b", 2)) == ((0, 0), (661, 14))
    ledger.read({"b": (5, 2)})
    assert ledger.total("b", 2) == (665, 15)
    ledger.forget("b")
    assert ledger.total("b", 2) == (0, 0)
    assert ledger.names() == []


def test_another_life_goes_on_and_another_kernel_adds() -> None:
    ledger = Ledger()
    ledger.read({"a": (100, 2)})
    ledger.read({"a": (50, 1)})
    kept = json.loads(json.dumps(ledger.kept()))
    again = Ledger(kept)
    again.read({"a": (70, 2)})
    assert again.total("a", 2) == (170, 4)
    booted = Ledger(kept, same_kernel=False)
    booted.read({"a": (70, 2)})
    assert booted.total("a", 2) == (220, 5)


@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 1000))))
def test_a_sum_is_what_was_counted_and_seen(steps: list[tuple[bool, bool, int]]) -> None:
    """An object counts, is read, is made anew: against counting by hand."""
    ledger, now, seen, lost, read_last = Ledger(), 0, 0, 0, 0
    for anew, restart, more in steps:
        if anew:
            # What it counted since it was last read is lost; that it was made anew is seen only by a lesser reading.
            lost, now = lost + now - read_last, 0
            ledger.gone(lambda name: False)
            read_last = 0
        if restart:
            ledger = Ledger(json.loads(json.dumps(ledger.kept())))
        now += more
        seen += more
        if more % 2:
            ledger.read({"a": (now,)})
            read_last = now
    assert ledger.total("a", 1) == (seen - lost - (now - read_last),)
