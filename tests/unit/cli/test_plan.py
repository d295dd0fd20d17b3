"""`highroad plan` on the command line: a service that the optimiser would have elsewhere."""

from __future__ import annotations

import time
from typing import Any

import pytest

from highroad.cli.plan import _bar, _fills
from highroad.control.replanning import Rules
from highroad.model.plan import Optimising
from highroad.wire.plans import RefilledOut
from tests.support.better import Knows
from tests.unit.cli.conftest import Highroad

RULES = Rules(mode=Optimising.ASK, every_s=0.1)
SOLVE = Knows()
"""Of this module's controller."""

DALLAS = ("campus-east>pop-ash", "pop-ash>pop-dal", "pop-dal>cloud-west")


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
    SOLVE.ready = False  # of what has not changed since it was asked it is not asked again
    made = highroad("service", "order", "campus-east", "cloud-west", "300G", "--wait", "--json").json["id"]
    try:
        SOLVE.ways[made], SOLVE.ready = DALLAS, True
        plan = moving(highroad)
        shown = highroad("plan", "show")
        assert shown.code == 0
        assert shown.out.startswith("optimiser asks: a plan waits for `highroad plan apply`  (HIGHROAD_OPTIMISE)")
        assert "fullest link   37.5% → 37.5%   no plan is below 37.5%: at most 0.0% from the best" in shown.out
        assert "1 of 1 services move in 1 step" in shown.out
        diff = highroad("plan", "diff", plan)
        assert (diff.code, diff.out.count("37.5% →   0.0%"), diff.out.count("0.0% →  37.5%")) == (0, 6, 4)
        assert made in diff.out
        assert "campus-east → pop-ash → pop-dal → cloud-west" in diff.out
        assert highroad("plan", "apply", plan, "--dry-run").out == diff.out
        ran = highroad("plan", "apply", plan)
        assert (ran.code, ran.out.strip()) == (0, f"✓ {plan} done: 1 moved"), ran.err
        again = highroad("plan", "apply", plan)
        assert (again.code, "was applied already: done: 1 moved" in again.err) == (6, True)
        assert highroad("plan", "show", "--json").json["mode"] == "ask"
    finally:
        SOLVE.ready = True
        highroad("service", "release", made)


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
