"""`highroad plan` on the command line: two services on one way, of which the optimiser knows that one is better off."""

from __future__ import annotations

import time
from typing import Any

import pytest

from highroad.cli.plan import _bar, _fills
from highroad.control.replanning import Rules
from highroad.model.plan import Optimising
from highroad.wire.plans import RefilledOut
from tests.unit.cli.conftest import Highroad

RULES = Rules(mode=Optimising.ASK, every_s=0.1)
"""Of this module's controller."""


def moving(highroad: Highroad) -> str:
    """The newest plan that moves anybody."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        found: dict[str, Any] = highroad("plan", "show", "--json").json
        plan = found["plan"]
        if plan is not None and plan["moves"] and not plan["stale"]:
            return str(plan["id"])
        time.sleep(0.05)
    raise AssertionError("there is no plan")


def test_a_plan_is_shown_compared_applied_and_then_over(highroad: Highroad) -> None:
    order = ("service", "order", "campus-east", "cloud-west", "300G", "--wait", "--json")
    made = [highroad(*order, "--latency", "25ms").json["id"] for _ in range(2)]
    try:
        for one in made:
            assert highroad("service", "change", one, "--latency", "none").code == 0
        plan = moving(highroad)
        shown = highroad("plan", "show")
        assert shown.code == 0
        assert shown.out.startswith("optimiser asks: a plan waits for `highroad plan apply`  (HIGHROAD_OPTIMISE)")
        assert "but for" in shown.out
        assert "75.0% → 37.5%" in shown.out
        assert "1 of 2 services move in 1 steps" in shown.out
        assert "no plan is below" in shown.out
        diff = highroad("plan", "diff", plan)
        assert (diff.code, diff.out.count("75.0% →  37.5%")) == (0, 4)
        assert sum(one in diff.out for one in made) == 1
        assert "pop-dal" in diff.out
        assert highroad("plan", "apply", plan, "--dry-run").out == diff.out
        ran = highroad("plan", "apply", plan)
        assert (ran.code, ran.out.strip()) == (0, f"✓ {plan} done: 1 moved"), ran.err
        again = highroad("plan", "apply", plan)
        assert (again.code, "was applied already: done: 1 moved" in again.err) == (6, True)
        after = highroad("plan", "show", "--json").json["plan"]
        assert (after["id"] == plan, after["outcome"]) in ((True, "done: 1 moved"), (False, ""))
    finally:
        for one in made:
            highroad("service", "release", one)


def test_what_is_not_there_and_who_may_not(highroad: Highroad) -> None:
    gone = highroad("plan", "diff", "pln-gone")
    assert (gone.code, "there is no plan pln-gone, or no longer" in gone.err) == (4, True)
    assert highroad("plan", "apply", "pln-gone", "--json").json["code"] == "not-found"
    assert highroad("plan", "show", "--as", "tenant").code == 5


@pytest.mark.parametrize(
    ("before", "after", "bar", "fills"),
    [
        (50.0, 25.0, "██████▒▒▒▒▒▒············", " 50.0% →  25.0% of 100 Gbit/s"),
        (0.0, 100.0, "░" * 24, "  0.0% → 100.0% of 100 Gbit/s"),
        (120.0, 100.0, "█" * 24, "120.0% → 100.0% of 100 Gbit/s"),
    ],
)
def test_a_link_is_a_bar(before: float, after: float, bar: str, fills: str) -> None:
    link = RefilledOut(link="a>b", capacity_gbps=100.0, before_gbps=before, after_gbps=after, price=0.0)
    assert (_bar(link), _fills(link)) == (bar, fills)
