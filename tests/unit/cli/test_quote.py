"""`highroad quote`: held, taken, listed, and what it says."""

from __future__ import annotations

import re

from tests.unit.cli.conftest import Highroad


def test_a_quote_is_kept_and_its_command_takes_it(highroad: Highroad) -> None:
    ran = highroad("quote", "campus-east", "cloud-west", "400G", "--latency", "30ms", "--hold", "2m")
    assert ran.code == 0, ran.err
    assert "✓ yes, kept until 20" in ran.out
    words = re.search(r"highroad (quote take svc-\w+)", ran.out)
    assert words is not None
    command = words[1].split()
    (held,) = highroad("quote", "list", "--json").json
    assert (held["id"], held["state"]) == (command[-1], "HELD")
    assert held["id"] in highroad("quote", "list").out
    assert highroad(*command, "--dry-run").out.startswith(f"would take {held['id']}")
    assert highroad(*command, "--json").json["state"] == "RESERVED"
    assert "taken" in highroad(*command).out
    assert highroad(*command, "--dry-run").out.startswith(held["id"])
    assert "nothing is held" in highroad("quote", "list").out
    highroad("service", "release", held["id"])
    gone = highroad(*command)
    assert gone.code == 6
    assert "ended" in gone.err


def test_a_quote_takes_what_an_order_takes_and_machines_can_read_it(highroad: Highroad) -> None:
    asked = ("campus-east", "edge-chi", "1G", "--class", "bulk", "--for", "2h", "--json")
    held = highroad("quote", *asked).json
    assert (held["state"], held["traffic_class"]) == ("HELD", "bulk")
    assert highroad("service", "release", held["id"], "--json").json["state"] == "CANCELLED"
    assert highroad("service", "order", *asked, "--hold", "1m").json["state"] == "HELD"
    preview = highroad("quote", *asked, "--dry-run").json
    assert preview["dry_run"] is True
    wrong = highroad("quote", *asked, "--hold", "2h")
    assert (wrong.code, wrong.json["findings"][0]["place"]) == (2, "hold_s")
    refused = highroad("quote", "campus-east", "cloud-west", "400G", "--latency", "20ms")
    assert refused.code == 3
    offers = [line for line in refused.out.splitlines() if "highroad service order" in line]
    assert offers
    assert all("--hold 300s" in line for line in offers)
    for one in highroad("quote", "list", "--json").json:
        highroad("service", "release", one["id"])


def test_its_help_has_examples(highroad: Highroad) -> None:
    for words in ("take", "list", "firm"):
        ran = highroad("quote", words, "--help")
        assert ran.code == 0
        example = "highroad quote" if words == "firm" else f"highroad quote {words}"
        assert f"Example: {example}" in re.sub(r"\s+", " ", ran.out)
        assert "--json" in ran.out
    assert highroad("quote", "--help").code == 0
