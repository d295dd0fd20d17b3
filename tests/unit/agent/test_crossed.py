"""Which links a router wants to hear of: those that policies with a choice cross."""

from __future__ import annotations

from dataclasses import replace

from highroad.agent.crossed import Crossed
from tests.unit.agent.test_selection import TWO

OTHER = replace(TWO, service="other")
ALONE = replace(TWO, service="alone", candidate_paths=TWO.candidate_paths[:1])
LINKS = sorted({link for path in TWO.candidate_paths for segments in path.segment_lists for link in segments.links})


def test_links_are_crossed_as_long_as_a_policy_with_a_choice_crosses_them() -> None:
    crossed = Crossed()
    assert not crossed.take({"alone": ALONE})
    assert crossed.links == []
    assert crossed.take({"alone": ALONE, TWO.service: TWO})
    assert crossed.links == LINKS
    assert not crossed.take({TWO.service: TWO, "other": OTHER})
    assert not crossed.take({"other": OTHER})
    assert crossed.links == LINKS
    assert crossed.take({"other": replace(OTHER, candidate_paths=OTHER.candidate_paths[:1])})
    assert crossed.links == []
