"""Which of a policy's paths carries."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from highroad.fabric.twin.headend import Choice, choose, routes_of, spans_of
from highroad.model.policy import CandidatePath, Policy
from tests.unit.fabric.small import backbone, path, policy

NETWORK = backbone("a-b", "b-d", "a-c", "c-d", latency_ms=2.0)
INDEX = {link: number for number, link in enumerate(NETWORK.link)}


def chosen(held: Policy, *dark: str) -> Choice:
    believed = np.array([*(link in dark for link in INDEX), True])
    return choose(routes_of(spans_of(NETWORK), [held]), believed)


SPLIT = replace(
    policy("s", "a>b>d"),
    there=(
        CandidatePath(preference=50, segment_lists=(path("a>b>d"),)),
        CandidatePath(preference=100, segment_lists=(path("a>b>d", 3), path("a>c>d", 1))),
    ),
)


def test_the_highest_preference_carries_split_by_weight() -> None:
    assert chosen(SPLIT).share.tolist() == [0.75, 0.25, 0.0, 1.0]


def test_a_list_believed_dark_leaves_its_share_to_its_siblings() -> None:
    assert chosen(SPLIT, "c>d").share.tolist() == [1.0, 0.0, 0.0, 1.0]


def test_the_next_candidate_takes_over_when_no_list_is_left() -> None:
    spare = replace(
        SPLIT,
        there=(
            CandidatePath(preference=100, segment_lists=(path("a>b>d"),)),
            CandidatePath(preference=50, segment_lists=(path("a>c>d"),)),
        ),
    )
    assert chosen(spare).share.tolist() == [1.0, 0.0, 1.0]
    assert chosen(spare, "a>b").share.tolist() == [0.0, 1.0, 1.0]


def test_a_direction_without_a_path_is_stranded_and_shows_its_preferred_latency() -> None:
    choice = chosen(policy("s", "a>b>d", back="d>c>a"), "b>d")
    assert choice.stranded.tolist() == [True, False]
    assert choice.share.tolist() == [0.0, 1.0]
    assert choice.latency_ms.tolist() == [4.0, 4.0]


def test_the_slowest_list_in_use_is_the_latency() -> None:
    network = backbone("a-b", "b-d", "a-c", "c-d", "a-d")
    index = {link: number for number, link in enumerate(network.link)}
    held = replace(policy("s", "a>d"), there=(CandidatePath(preference=1, segment_lists=(path("a>d"), path("a>b>d"))),))
    choice = choose(routes_of(spans_of(network), [held]), np.array([False] * len(index) + [True]))
    assert choice.latency_ms.tolist() == [2.0, 1.0]


def test_a_list_over_a_link_that_is_gone_leads_nowhere() -> None:
    smaller = backbone("a-b")
    choice = choose(routes_of(spans_of(smaller), [policy("s", "a>b>d")]), np.array([False, False, True]))
    assert choice.stranded.tolist() == [True, True]
    assert choice.latency_ms.tolist() == [0.0, 0.0]
