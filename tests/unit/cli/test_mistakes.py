"""A command line of which several values are wrong: all of them are said, to people and to machines."""

from __future__ import annotations

import pytest

from tests.unit.cli.conftest import Highroad


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (
            ("service", "order", "a", "b", "400X", "--latency", "fast", "--start", "tomorrow"),
            ("400X is not a rate", "fast is not a latency", "tomorrow is not a time"),
        ),
        (
            ("quote", "a", "b", "1G", "--hold", "soon", "--autoscale", "10G", "--window", "now", "--class", "best"),
            ("soon is not a length", "10G is not a floor", "now is not a window", "'best' is not one of"),
        ),
        (
            ("service", "change", "svc-1", "--burst", "x", "--latency", "y", "--end", "z", "--autoscale", "1G,w"),
            ("x is not a rate", "y is not a latency", "z is not a time", "w is not a rate"),
        ),
        (("service", "order", "a", "--for", "soon"), ("Missing argument 'TO'", "soon is not a length")),
        (("drain", "a--b", "--from", "x", "--until", "y", "c"), ("x is not a time", "y is not a time", "takes: c")),
    ],
)
def test_all_that_is_wrong_with_a_command_line_is_said(
    highroad: Highroad, words: tuple[str, ...], wrong: tuple[str, ...]
) -> None:
    ran = highroad(*words)
    assert (ran.code, ran.out) == (2, "")
    plain = " ".join(ran.err.replace("│", " ").split())
    assert f"{len(wrong)} things are wrong:" in plain
    assert [one for one in wrong if one not in plain] == []
    problem = highroad(*words, "--json")
    assert problem.code == 2
    told = [one["message"] for one in problem.json["findings"]]
    assert len(told) == len(wrong)
    assert all(any(one in message for message in told) for one in wrong), told


def test_one_thing_that_is_wrong_is_said_as_ever(highroad: Highroad) -> None:
    ran = highroad("service", "order", "a", "b", "400X")
    assert (ran.code, "things are wrong" in ran.err) == (2, False)
    assert "400X is not a rate" in ran.err
    (one,) = highroad("service", "order", "a", "b", "400X", "--json").json["findings"]
    assert one["message"].startswith("Invalid value for 'RATE'")
    assert highroad("service", "order", "a", "b", "400X", "--help").code == 0


@pytest.mark.parametrize("more", [(), ("--over", "never")])
def test_a_word_that_is_no_choice_is_told_in_our_own_words(highroad: Highroad, more: tuple[str, ...]) -> None:
    ran = highroad("whatif", "--cut", "x", "--load", "hoped", *more)
    assert ran.code == 2
    assert "Invalid value for '--load': 'hoped' is not one of 'guaranteed', 'measured'" in ran.err
    assert "Value error" not in ran.err
    problem = highroad("whatif", "--cut", "x", "--load", "hoped", *more, "--json").json
    assert problem["findings"][0]["message"].startswith("Invalid value for '--load': 'hoped' is not")
