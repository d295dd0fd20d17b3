"""What no fabric installs."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from highroad.fabric.validity import refusal
from highroad.model.policy import CandidatePath, Policy, SegmentList
from tests.unit.fabric.small import backbone, path, policy

NETWORK = backbone("a-b", "b-c", "c-d", "a-c")


def candidates(*lists: SegmentList) -> tuple[CandidatePath, ...]:
    return (CandidatePath(preference=100, segment_lists=lists),)


def test_a_policy_that_leads_somewhere_is_fine() -> None:
    assert refusal(NETWORK, policy("s", "a>b>c")) is None
    assert refusal(NETWORK, policy("s", "a>b>c", back="c>a")) is None
    assert refusal(NETWORK, replace(policy("s", "a>c"), there=candidates(path("a>c"), path("a>b>c", 3)))) is None


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (policy("s", "a>x"), "there: there is no link a>x"),
        (policy("s", "a>b", back="b>x>a"), "back: there is no link b>x"),
        (replace(policy("s", "a>b"), there=candidates(SegmentList(links=()))), "leads nowhere"),
        (replace(policy("s", "a>b"), there=()), "carries nothing"),
        (replace(policy("s", "a>b"), there=candidates()), "carries nothing"),
        (replace(policy("s", "a>b"), there=candidates(path("a>b", 0))), "weight 0"),
        (replace(policy("s", "a>b"), there=candidates(path("a>b"), path("a>c"))), "one site to one other"),
        (policy("s", "a>b", back="c>a"), "back does not lead from b to a"),
        (policy("s", "a>b", gbps=-1.0), "makes no sense"),
        (policy("s", "a>b", gbps=math.nan), "makes no sense"),
        (policy("s", "a>b", gbps=1.0, ceiling_gbps=math.inf), "makes no sense"),
        (policy("s", "a>b", gbps=5.0, ceiling_gbps=1.0), "makes no sense"),
    ],
)
def test_one_that_does_not_is_refused_in_words(wrong: Policy, says: str) -> None:
    assert says in str(refusal(NETWORK, wrong))


def test_a_gap_is_named() -> None:
    ab, cd = path("a>b").links, path("c>d").links
    broken = replace(policy("s", "a>b"), there=candidates(SegmentList(links=ab + cd)))
    assert refusal(NETWORK, broken) == "there: a>b ends at b, but c>d begins at c"
