"""`--autoscale`: given with an order, shown, changed and taken away."""

from __future__ import annotations

from tests.unit.cli.conftest import Highroad


def test_a_rule_is_given_shown_and_taken_away(highroad: Highroad) -> None:
    ran = highroad("service", "order", "campus-east", "cloud-west", "--autoscale", "10G,100G")
    assert ran.code == 0, ran.err
    assert "follows  its load, between 10 Gbit/s and 100 Gbit/s" in ran.out
    (service,) = highroad("service", "list", "--json").json
    assert service["bandwidth_gbps"] == 10
    changed = highroad("service", "change", service["id"], "--autoscale", "20G,200G", "--json").json
    assert (changed["bandwidth_gbps"], changed["autoscale"]["ceiling_gbps"]) == (20, 200)
    told = highroad("service", "change", service["id"], "--autoscale", "none", "--dry-run")
    assert "it follows its load no more" in told.out
    assert highroad("service", "change", service["id"], "--autoscale", "none", "--json").json["autoscale"] is None
    highroad("service", "release", service["id"])


def test_hosts_in_a_lab_offer_what_they_are_told(highroad: Highroad) -> None:
    service = highroad("service", "order", "campus-east", "edge-chi", "10G", "--wait", "--json").json["id"]
    assert highroad("lab", "load", service, "25G", "--dry-run").out.startswith(f"would let {service} offer 25 Gbit/s")
    assert "offers 25 Gbit/s each way" in highroad("lab", "load", service, "25G").out
    counted = highroad("service", "watch", service, "--count", "2", "--json")
    assert counted.code == 0, counted.err
    assert "offers the lab's own traffic" in highroad("lab", "load", service, "none").out
    assert highroad("lab", "load", service, "0", "--json").json == {"service": service, "offered_gbps": 0.0}
    assert highroad("lab", "load", service, "-1G").code == 2
    assert highroad("lab", "load", "svc-none", "1G").code == 4
    highroad("service", "release", service)


def test_what_is_wrong_with_a_rule_is_said(highroad: Highroad) -> None:
    order = ("service", "order", "campus-east", "cloud-west")
    for words, said in (
        ((), "bandwidth_gbps: is needed"),
        (("--autoscale", "10G"), "write 10G,100G"),
        (("--autoscale", "x,100G"), "is not a rate"),
        (("--autoscale", "100G,10G"), "above the ceiling"),
        (("5G", "--autoscale", "10G,100G"), "is not between"),
    ):
        ran = highroad(*order, *words)
        assert ran.code == 2, words
        assert said in ran.err, words
