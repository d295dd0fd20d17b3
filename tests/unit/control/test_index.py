"""When time changes services next, and who is named when it has."""

from __future__ import annotations

import random
from dataclasses import replace

from highroad.control.index import Index
from highroad.model.lifecycle import State
from highroad.model.service import Service, ServiceId
from highroad.model.window import Window
from tests.unit.control.test_reconcile import carried

START_S = 1_000.0
CARRIED = carried("never", 1.0)


def waiting(name: str, start_s: float, end_s: float | None = None) -> Service:
    window = Window(start_s=start_s, end_s=end_s)
    order = replace(CARRIED.order, window=window)
    return replace(CARRIED, id=ServiceId(name), state=State.RESERVED, order=order)


def index_of(*services: Service) -> Index:
    return Index(services, lambda service: False)


def test_each_is_named_once_in_the_order_of_time() -> None:
    late, soon, never = waiting("late", START_S + 9), waiting("soon", START_S + 1), CARRIED
    index = index_of(late, soon, never)
    assert index.next_s(START_S) == START_S + 1
    assert index.due(START_S) == []
    assert index.next_s(START_S + 1) == START_S + 9  # what is due is no reason to wake up later
    assert index.due(START_S + 9) == ["soon", "late"]
    assert index.due(START_S + 9) == []
    assert index.next_s(START_S) is None


def test_who_is_named_and_stays_as_it_was_is_named_again_at_its_next_time_only() -> None:
    one = waiting("one", START_S + 1)
    index = index_of(one)
    assert index.due(START_S + 1) == ["one"]
    index.wait(one, START_S + 1)
    assert index.due(START_S + 100) == []
    index.put(one, one)
    assert index.due(START_S + 100) == ["one"]


def test_a_time_that_is_no_more_is_forgotten() -> None:
    first = waiting("one", START_S + 1)
    index = index_of(first)
    second = waiting("one", START_S + 5)
    index.put(first, second)
    assert index.next_s(START_S) == START_S + 5
    index.put(second, None)
    assert index.next_s(START_S) is None
    assert index.due(START_S + 100) == []


def test_the_heap_stays_as_small_as_what_is_in_it() -> None:
    dice = random.Random(1)
    services = {ServiceId(f"s-{number}"): waiting(f"s-{number}", START_S) for number in range(10)}
    index = index_of(*services.values())
    for _ in range(20_000):
        name = dice.choice(list(services))
        after = waiting(name, START_S + dice.randrange(1000))
        index.put(services[name], after)
        services[name] = after
    assert len(index._heap) <= 2_000
    assert index.next_s(0.0) == min(one.piece.start_s for one in services.values())
