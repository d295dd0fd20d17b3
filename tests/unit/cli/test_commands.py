"""The commands against a backbone: what they say, to people and to machines, and how they exit."""

from __future__ import annotations

import io
import json
import re
import shlex
import threading
import time
from pathlib import Path

import pytest
from rich.console import Console

from highroad.cli.show import taken_on
from highroad.cli.tour import play
from highroad.client.home import Credentials, read_credentials, write_credentials
from highroad.formats.jsonform import to_plain
from highroad.wire.measured import Measured
from tests.support.backbone import small_network
from tests.unit.cli.conftest import Highroad
from tests.unit.fabric.small import in_duct


def _release_all(highroad: Highroad) -> None:
    for one in highroad("service", "list", "--json").json:
        highroad("service", "release", one["id"])


def test_an_order_from_yes_to_release(highroad: Highroad) -> None:
    ran = highroad(
        "service", "order", "campus-east", "cloud-west", "400G", "--latency", "30ms", "--fence", "US", "--wait"
    )
    assert ran.code == 0, ran.err
    assert "campus-east → pop-ash → pop-chi → pop-den → cloud-west" in ran.out
    assert "21.658 ms" in ran.out
    assert "ACTIVE" in ran.out
    (service,) = highroad("service", "list", "--json").json
    assert service["bandwidth_gbps"] == 400
    shown = highroad("service", "show", service["id"])
    assert "carries" in shown.out
    assert highroad("service", "change", service["id"], "--bandwidth", "200G", "--dry-run").code == 0
    assert highroad("service", "show", service["id"], "--json").json["bandwidth_gbps"] == 400
    assert highroad("service", "change", service["id"], "--bandwidth", "200G", "--json").json["bandwidth_gbps"] == 200
    assert highroad("service", "change", service["id"]).code == 2
    assert highroad("service", "release", service["id"], "--dry-run").out.startswith("would release")
    assert highroad("service", "release", service["id"], "--json").json["state"] == "TERMINATED"
    assert highroad("service", "release", service["id"]).code == 6


def test_a_no_has_the_commands_that_take_its_offers(highroad: Highroad) -> None:
    order = ("service", "order", "campus-east", "cloud-west:100", "400", "--latency", "20", "--class", "bulk")
    ran = highroad(*order)
    assert ran.code == 3
    assert "what binds is the latency" in ran.out
    commands = re.findall(r"highroad (service order .*)", ran.out)
    assert commands
    for line in commands:
        taken = highroad(*shlex.split(line), "--json")
        assert taken.code == 0, taken.err
        assert (taken.json["traffic_class"], taken.json["to"]["vlan"]) == ("bulk", 100)
        highroad("service", "release", taken.json["id"])
    machine = highroad(*order, "--json")
    assert (machine.code, machine.json["code"]) == (3, "refused")
    assert machine.json["offers"]


def test_a_change_that_does_not_fit_has_the_commands_of_what_would(highroad: Highroad) -> None:
    for _ in range(100):  # what those before have given back still holds its place for a moment
        states = {one["state"] for one in highroad("service", "list", "--json").json}
        if states <= {"TERMINATED", "CANCELLED"}:
            break
        time.sleep(0.05)
    order = ("service", "order", "campus-east", "cloud-west", "400G", "--max-paths", "1", "--json")
    service = highroad(*order).json
    other = highroad(*order).json
    ran = highroad("service", "change", service["id"], "--bandwidth", "500G", "--latency", "30ms", "--fence", "US")
    assert ran.code == 3
    assert ran.out.startswith("✗ no: ")
    assert "; the service stays as it is" in " ".join(ran.out.split())
    asked = ("service", "change", service["id"], "--bandwidth", "300G", "--latency", "20ms", "--fence", "US")
    ran = highroad(*asked)
    assert ran.code == 3
    (line, *_) = re.findall(r"highroad (service change .*)", ran.out)
    assert "--latency 21.7ms" in line
    taken = highroad(*shlex.split(line), "--json")
    assert taken.code == 0, taken.err
    changed = taken.json
    assert (changed["bandwidth_gbps"], changed["latency_bound_ms"], changed["fence"]) == (300, 21.7, ["US"])
    for one in (service, other):
        highroad("service", "release", one["id"])


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("service", "order", "campus-eest", "cloud-west", "1"), 2),
        (("service", "order", "campus-east", "cloud-west", "fast"), 2),
        (("service", "order", "campus-east", "cloud-west", "1", "--end", "2090-01-01T00:00:00"), 2),
        (("service", "order", "campus-east", "cloud-west", "1", "--for", "soon"), 2),
        (("service", "order", "campus-east", "cloud-west", "1", "--for", "1h", "--end", "2090-01-01T00:00:00Z"), 2),
        (("service", "order", "campus-east", "cloud-west:x", "1"), 2),
        (("service", "order", "campus-east", "cloud-west", "1", "--class", "golden"), 2),
        (("service", "show", "svc-none"), 4),
        (("service", "nothing"), 2),
        (("incident", "show", "inc-none"), 4),
        (("undrain", "moon"), 4),
        (("drain", "moon", "--dry-run"), 4),
        (("lab", "cut", "moon"), 4),
        (("lab", "uncut", "moon"), 4),
        (("lab", "kill-router", "moon"), 4),
        (("lab", "kill-router", "moon", "--dry-run"), 4),
        (("lab", "revive-router", "moon"), 4),
        (("service", "ping", "svc-none"), 4),
        (("service", "ping", "svc-none", "-c", "21"), 2),
        (("service", "trace", "svc-none"), 4),
        (("service", "measure", "svc-none"), 4),
        (("drain", "moon"), 4),
        (("drain", "pop-ash--pop-chi", "--for", "1h", "--until", "2090-01-01T00:00:00Z"), 2),
        (("drain", "pop-ash--pop-chi", "--from", "2001-01-01T00:00:00Z"), 2),
        (("service", "order", "campus-east", "cloud-west", "-1G"), 2),
        (("network", "load", "/nowhere.yaml"), 2),
        (("lab", "status", "--as", "tenant"), 5),
        (("status", "--token", "hr_wrong"), 5),
        (("status", "--url", "http://127.0.0.1:1"), 7),
    ],
)
def test_exit_codes(highroad: Highroad, words: tuple[str, ...], code: int) -> None:
    ran = highroad(*words)
    assert ran.code == code, ran.out + ran.err
    assert ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize("name", ["pop-chi--pop-ash", "pop-chi-pop-ash", "POP-ASH--POP-CHI"])
def test_a_fibre_that_is_named_from_its_other_end_is_meant(highroad: Highroad, name: str) -> None:
    assert highroad("drain", "pop-ash--pop-chi").code == 0
    lines = [("drain", name), ("undrain", name), ("lab", "cut", name), ("lab", "uncut", name)]
    for words in (*lines, *((*one, "--dry-run") for one in lines)):
        ran = highroad(*words)
        assert (ran.code, "did you mean `pop-ash--pop-chi`?" in ran.err) == (4, True), (words, ran.err)
    assert highroad("undrain", "pop-ash--pop-chi").code == 0


def test_nobody_there_says_what_to_do(highroad: Highroad) -> None:
    ran = highroad("status", "--url", "http://127.0.0.1:1")
    assert "nothing answers at http://127.0.0.1:1: start it with `highroad up`" in ran.err


def test_no_credentials_say_what_to_do(highroad: Highroad, tmp_path: Path) -> None:
    ran = highroad("status", HIGHROAD_HOME=str(tmp_path))
    assert ran.code == 5
    wrong = f"no controller has been started in {tmp_path}, so there is no operator token"
    assert ran.err.startswith(f"✗ {wrong}: start one with `highroad up`; for a controller elsewhere give --url and")
    assert ran.err.count("\n") == 1


def test_a_lab_without_a_controller_says_what_to_do(highroad: Highroad, tmp_path: Path) -> None:
    (tmp_path / "lab").mkdir()
    ran = highroad("lab", "status", HIGHROAD_HOME=str(tmp_path))
    assert ran.code == 5
    assert "no controller has been started in" in ran.err
    assert "start one with `highroad up`, which takes up a lab that is up there;" in ran.err
    write_credentials(Credentials(tenant_token="hr_some"), tmp_path)
    assert f"{tmp_path} has no operator token: give one" in highroad("lab", "status", HIGHROAD_HOME=str(tmp_path)).err


def test_machine_output_is_json_and_nothing_else(highroad: Highroad) -> None:
    for words in (
        ("status",), ("service", "list"), ("incident", "list"), ("drains",), ("lab", "status"), ("tenant", "list"),
        ("port", "list"), ("token", "list"), ("reach", "--rtt", "5ms"), ("network", "get"),
        ("tenant", "add", "x", "--dry-run"), ("tenant", "quota", "acme"),
        ("port", "add", "acme", "edge-chi", "1G", "--dry-run"),
        ("token", "issue", "--dry-run"), ("token", "revoke", "tok-x", "--dry-run"),
        ("lab", "cut", "pop-ash--pop-chi", "--dry-run"), ("lab", "kill-router", "pop-chi", "--dry-run"),
        ("drain", "pop-ash--pop-chi", "--dry-run"), ("freeze", "--dry-run"), ("thaw", "--dry-run"),
        ("service", "order", "campus-east", "cloud-west", "1", "--dry-run"), ("service", "show", "svc-none"),
        ("capacity", "campus-east", "cloud-west"), ("whatif", "--cut", "pop-chi"),
        ("network", "calendar", "pop-ash>pop-chi"),
    ):  # fmt: skip
        json.loads(highroad(*words, "--json").out)


def test_people_get_tables(highroad: Highroad) -> None:
    assert "small  revision 1: 7 sites, 8 fibres, 16 links" in highroad("status").out
    assert "acme.campus-east" in highroad("port", "list").out
    assert "rival" not in highroad("port", "list", "--as", "tenant").out
    assert "% of" in highroad("reach", "--rtt", "5ms", "--without", "pop-chi--edge-chi").out
    assert "highroad.tenant.added".removeprefix("highroad.") in highroad("events", "--after", "0", "--no-follow").out
    assert "service." in highroad("events", "-F").out
    lines = highroad("events", "--after", "0", "-F", "--json").out.splitlines()
    assert [json.loads(line)["sequence"] for line in lines] == list(range(1, len(lines) + 1))


def test_tenants_ports_and_tokens(highroad: Highroad) -> None:
    assert highroad("tenant", "add", "third", "--name", "The Third").code == 0
    assert highroad("tenant", "add", "third").code == 6
    assert highroad("tenant", "add", "UPPER").code == 2
    assert highroad("port", "add", "third", "edge-chi", "100G", "--json").json["rate_gbps"] == 100
    issued = highroad("token", "issue", "--tenant", "third", "--json").json
    assert highroad("service", "list", "--token", issued["token"], "--json").json == []
    ran = highroad("tenant", "quota", "third", "--services", "0", "--gbps", "1.2T", "--tokens", "1")
    assert ran.code == 0, ran.err
    assert re.search(r"gbps +0 +1200\n", ran.out)
    assert re.search(r"ports +1 +no limit\n", highroad("tenant", "quota", "third", "--as", "operator").out)
    assert highroad("token", "issue", "--tenant", "third").code == 6
    assert highroad("tenant", "quota", "third", "--tokens", "none", "--json").json["quota"]["tokens"] == {
        "used": 1,
        "allowed": None,
    }
    assert highroad("tenant", "quota", "third", "--services", "many").code == 2
    assert highroad("tenant", "quota", "nobody").code == 4
    assert highroad("token", "revoke", issued["id"]).code == 0
    assert highroad("service", "list", "--token", issued["token"]).code == 5


def test_a_freeze_is_shown_and_thawed(highroad: Highroad) -> None:
    assert "would freeze" in highroad("freeze", "--dry-run").out
    assert highroad("thaw").out == "changes are not frozen\n"
    assert "(incident 7): only repairs are made" in highroad("freeze", "--reason", "incident 7").out
    try:
        assert "(incident 7): only repairs are made" in highroad("status").out
        assert highroad("status", "--json").json["frozen"]["reason"] == "incident 7"
        assert highroad("drain", "pop-ash--pop-chi").code == 6
        refused = highroad("drain", "pop-ash--pop-chi", "--json")
        assert (refused.json["code"], refused.json["retryable"]) == ("frozen", True)
        waits = highroad("service", "order", "campus-east", "cloud-west", "1", "--json").json
        theirs = highroad("status", "--as", "tenant").out
        assert "incident 7" not in theirs
        assert "would let changes go on" in highroad("thaw", "--dry-run").out
        assert highroad("freeze", "--reason", "x" * 501).code == 2
    finally:
        assert highroad("thaw").out == "✓ changes go on\n"
    assert highroad("status", "--json").json["frozen"] == {"frozen": False, "since": None, "reason": "", "text": ""}
    assert highroad("service", "release", waits["id"]).code == 0


def test_a_maintenance_is_booked_and_cancelled(highroad: Highroad) -> None:
    service = highroad("service", "order", "campus-east", "cloud-west", "1G", "--wait", "--json").json
    words = ("drain", "pop-ash--pop-chi", "--from", "2090-01-01T02:00:00Z", "--for", "2h")
    would = highroad(*words, "--dry-run")
    assert "would drain pop-ash--pop-chi from 2090-01-01 02:00:00Z to 2090-01-01 04:00:00Z: " in would.out
    booked = highroad(*words)
    assert booked.code == 0, booked.err
    assert "pop-ash--pop-chi is booked from 2090-01-01 02:00:00Z to 2090-01-01 04:00:00Z: " in booked.out
    assert "cancel it with `highroad undrain mnt-" in booked.out
    (shown,) = (one for one in highroad("drains", "--json").json if one["ended"] is None)
    assert shown["state"] == "SCHEDULED"
    assert service["id"] in {*shown["moving"], *shown["stuck"]}
    assert "pop-ash--pop-chi: drained from 2090-01-01 02:00:00Z" in highroad("status").out
    assert highroad(*words).code == 6
    assert "what was booked for it is free again" in highroad("undrain", "pop-ash--pop-chi").out
    highroad("service", "release", service["id"])


def test_a_cut_a_drain_and_back(highroad: Highroad) -> None:
    service = highroad("service", "order", "campus-east", "cloud-west", "100G", "--wait", "--json").json
    assert "pop-chi" in service["there"]["sites"]
    drained = highroad("drain", "pop-ash--pop-chi", "--json").json
    assert (drained["state"], drained["moved"]) == ("DRAINED", [service["id"]])
    assert highroad("drain", "pop-ash--pop-chi").code == 6
    assert "DRAINED" in highroad("drains").out
    assert highroad("undrain", "pop-ash--pop-chi", "--json").json["state"] == "RETURNED"
    assert highroad("lab", "cut", "pop-den--cloud-west").code == 0
    assert "pop-den--cloud-west" in highroad("lab", "status").out
    assert highroad("lab", "uncut", "pop-den--cloud-west").code == 0
    _release_all(highroad)


def test_a_service_is_pinged_traced_and_watched(highroad: Highroad) -> None:
    service = highroad("service", "order", "campus-east", "cloud-west", "100G", "--wait", "--json").json["id"]
    told = highroad("service", "ping", service, "-c", "2", "-i", "5")
    assert "2 of 2 came back, 0% lost" in told.out
    assert "rtt min/avg/max/mdev  43.316/43.316/43.316/0.000 ms" in told.out
    assert "modelled by the twin" in told.out
    assert highroad("service", "ping", service, "-c", "2", "-i", "5", "--json").json["received"] == 2
    trace = highroad("service", "trace", service)
    assert re.search(r"2  +pop-chi +pop-chi +5\.488 ms +10\.976 ms", trace.out), trace.out
    assert highroad("service", "trace", service, "--json").json["back"]["site"] == "cloud-west"
    measured = highroad("service", "measure", service)
    pattern = r"(there|back) +100 in use .*Z +10 +0( +43\.316 ms){4} +0\.000 ms( +21\.658 ms){2}"
    assert len(re.findall(pattern, measured.out)) == 2, measured.out
    assert "modelled by the twin" in measured.out
    (there, back) = highroad("service", "measure", service, "--json").json["intervals"]
    assert (there["way"], back["way"], there["rtt_ms_p50"]) == ("there", "back", pytest.approx(43.316))
    watched = highroad("service", "watch", service, "--count", "3")
    assert watched.code == 0, watched.err
    assert len(re.findall(r"Z  ACTIVE   \S+ Gbit/s there 21\.658 ms .* rtt 43\.316 ms   0\.00% lost", watched.out)) == 2
    lines = [json.loads(line) for line in highroad("service", "watch", service, "-c", "2", "--json").out.splitlines()]
    figures = [line for line in lines if "carried_gbps_there" in line]
    assert len(figures) == 2
    assert figures[0]["there"] == ["campus-east", "pop-ash", "pop-chi", "pop-den", "cloud-west"]
    assert (figures[0]["fabric"], figures[0]["rtt_ms"]) == ("twin", pytest.approx(43.316))
    assert highroad("lab", "cut", "campus-east--pop-ash", "--silent").code == 0
    dark = highroad("service", "ping", service, "-c", "1")
    assert "no answer" in dark.out
    assert "0 of 1 came back, 100% lost" in dark.out
    assert "no answer" in highroad("service", "trace", service).out
    assert "there: 10 lost on the way out, 0 on the way home" in highroad("service", "measure", service).out
    assert "silent" in highroad("lab", "status").out
    lines = [json.loads(line) for line in highroad("service", "watch", service, "-c", "3", "--json").out.splitlines()]
    last = [line for line in lines if "carried_gbps_there" in line][-1]
    assert (last["carried_gbps_there"], last["carried_gbps_back"], last["loss"]) == (0, 0, pytest.approx(1))
    assert (last["latency_ms_there"], last["latency_ms_back"], last["rtt_ms"]) == (None, None, None)
    assert " 0 Gbit/s there –   0 Gbit/s back –   rtt –" in highroad("service", "watch", service, "-c", "2").out
    assert highroad("lab", "uncut", "campus-east--pop-ash").code == 0
    _release_all(highroad)
    assert highroad("service", "ping", service).code == 6


def test_a_router_is_killed_and_started_again(highroad: Highroad) -> None:
    assert (
        "would kill the router of pop-chi, with 3 fibres" in highroad("lab", "kill-router", "pop-chi", "--dry-run").out
    )
    assert highroad("lab", "kill-router", "pop-chi").code == 0
    status = highroad("lab", "status").out
    assert "7 routers; modelled by the twin" in status
    assert status.count("killed") == 1
    assert "dead" in highroad("status").out
    back = highroad("lab", "revive-router", "pop-chi", "--json").json
    assert all(router["up"] for router in back["routers"])


@pytest.mark.parametrize(
    ("fabric", "rate_scale", "said"),
    [
        ("twin", 1.0, "modelled by the twin"),
        ("linux", 1.0, "measured on Linux routers"),
        ("linux", 0.001, "measured on Linux routers, 1:1000: 1 Gbit/s is carried as 1 Mbit/s"),
        ("linux", 0.0001, "measured on Linux routers, 1:10000: 1 Gbit/s is carried as 100 kbit/s"),
        ("linux", 0.01, "measured on Linux routers, 1:100: 1 Gbit/s is carried as 10 Mbit/s"),
    ],
)
def test_figures_say_on_what_they_were_taken(fabric: str, rate_scale: float, said: str) -> None:
    assert taken_on(Measured(fabric=fabric, rate_scale=rate_scale)) == said


def test_a_network_is_looked_at_before_it_is_loaded(highroad: Highroad, tmp_path: Path) -> None:
    highroad("service", "order", "campus-east", "cloud-west", "100G", "--wait")
    saved = tmp_path / "saved.json"
    assert highroad("network", "get", "-o", str(saved)).code == 0
    same = highroad("network", "load", str(saved))
    assert "nothing changes" in same.out, same.err
    network = to_plain(small_network())
    network["fibres"][1]["length_km"] = 1099.0
    changed = tmp_path / "changed.json"
    changed.write_text(json.dumps(network))
    dry = highroad("network", "load", str(changed), "--dry-run")
    assert "~ fibre pop-ash--pop-chi" in dry.out
    no = highroad("network", "load", str(changed), stdin="n\n")
    assert (no.code, "nothing was done" in no.out) == (6, True)
    assert highroad("network", "load", str(changed), "--json").json["code"] == "confirmation-required"
    assert highroad("network", "get", "--json").json["revision"] == 1
    asked = highroad("network", "load", str(changed), "--json").json
    assert asked["preview"]["confirm"] == asked["confirm"]
    nobody = highroad("network", "load", str(changed), stdin="")
    assert (nobody.code, "nothing was done" in nobody.out) == (6, True)
    yes = highroad("network", "load", str(changed), stdin="y\n")
    assert yes.code == 0, yes.err
    back = highroad("network", "load", str(saved), "--yes")
    assert back.code == 0, back.err
    assert highroad("network", "get", "--json").json["revision"] == 3
    _release_all(highroad)


def test_a_cut_is_one_way_or_for_a_part_and_a_conduit_is_cut_as_a_whole(highroad: Highroad, tmp_path: Path) -> None:
    fibre, saved, ducted = "pop-ash--pop-dal", tmp_path / "saved.json", tmp_path / "ducted.json"
    ducted.write_text(json.dumps(to_plain(in_duct(small_network(), "duct", fibre, "pop-ash--pop-chi"))))
    assert highroad("network", "get", "-o", str(saved)).code == 0
    assert highroad("network", "load", str(ducted), "--yes").code == 0
    try:
        dry = highroad("lab", "cut", fibre, "--loss", "0.2", "--one-way", "pop-ash>pop-dal", "--dry-run")
        assert f"would cut from pop-ash to pop-dal for 0.2 of all packets {fibre}" in dry.out
        lossy = highroad("lab", "cut", fibre, "--loss", "0.2", "--one-way", "pop-ash>pop-dal")
        assert "is cut from pop-ash to pop-dal for 0.2 of all packets" in lossy.out
        assert "0.2 lost pop-ash>pop-dal" in highroad("lab", "status").out
        assert "only, and its light stays on" in highroad("lab", "cut", fibre, "--one-way", "pop-dal>pop-ash").out
        assert highroad("lab", "cut", fibre, "--one-way", "pop-dal>pop-den").code != 0
        would = highroad("lab", "cut", "duct", "--dry-run").out
        assert "would cut duct, with 2 fibres: pop-ash--pop-chi, pop-ash--pop-dal" in would
        assert highroad("lab", "cut", "duct", "--silent", "--json").json["fibres"] == ["pop-ash--pop-chi", fibre]
        assert "duct, 2 fibres" in highroad("lab", "status").out
        assert highroad("lab", "cut", "duct", "--one-way", "pop-dal>pop-ash").code == 2
        assert highroad("lab", "cut", "duct", "--loss", "1.5").code == 2
        assert "duct is spliced; 1 are still cut" in highroad("lab", "uncut", "duct").out
    finally:
        highroad("lab", "uncut", "duct")
        highroad("lab", "uncut", fibre)
        assert highroad("network", "load", str(saved), "--yes").code == 0
    killed = highroad("lab", "kill-router", "pop-chi", "--silent").out
    assert "is dead, and its ports keep their light" in killed
    assert "killed, silent" in highroad("lab", "status").out
    assert highroad("lab", "revive-router", "pop-chi").code == 0


def test_it_is_shown_what_is_gone_around_when_it_is_lost(highroad: Highroad) -> None:
    assert "no service is carried over any link" in highroad("network", "repairs").out
    ordered = highroad("service", "order", "campus-east", "cloud-west", "10G", "--wait", "--json")
    assert ordered.code == 0, ordered.err
    service = ordered.json["id"]
    found = highroad("network", "repairs", "--json").json["items"]
    bare = {one["link"] for one in found if one["links"] is None}
    shown = highroad("service", "show", service, "--json").json
    assert set(shown["unrepairable_links"]) == bare != set()
    assert {one["link"] for one in found} == {*shown["there"]["links"], *shown["back"]["links"]}
    for one in found:
        if one["links"] is not None:
            assert one["links"][0].partition(">")[0] == one["link"].partition(">")[0]
            assert one["links"][-1].partition(">")[2] == one["link"].partition(">")[2]
            assert one["latency_ms"] > 0
    assert "no way around" in highroad("service", "show", service).out
    assert "highroad network repairs --bare" in highroad("status").out
    only = highroad("network", "repairs", "--bare", "--json").json["items"]
    assert {one["link"] for one in only} == bare
    assert highroad("service", "release", service).code == 0


def test_the_tour_leaves_nothing_behind(highroad: Highroad) -> None:
    ran = highroad("tour", "--fast", "--json")
    assert ran.code == 0, ran.err
    facts = ran.json
    assert facts["cut"]["dark_ms"] == 0, "the router at the cut had gone around it"
    for planned in ("drain", "resize"):
        assert facts[planned]["lost_bytes"] == 0
        assert facts[planned]["carried_bytes"] > 0
    assert facts["measured"]["received"] == facts["measured"]["sent"] == 5
    assert facts["measured"]["rtt_ms"] == pytest.approx(facts["measured"]["light_ms"])
    assert facts["measured"]["fabric"] == "twin"
    assert facts["refusal"]["binding"] == "latency"
    assert highroad("service", "list", "--json").json == []
    assert highroad("lab", "status", "--json").json["cuts"] == []
    assert all(one["ended"] for one in highroad("drains", "--json").json)
    told = highroad("tour", "--fast")
    assert "✓ a firm yes" in told.out
    assert "Routers had a way around at hand" in told.out
    assert "All figures are modelled by the twin." in told.out


def test_the_tour_clears_up_after_one_that_was_killed(highroad: Highroad) -> None:
    left = ("service", "order", "campus-east", "cloud-west", "700G", "--wait", "--json")
    service = highroad(*left, "--description", "highroad tour, at pop-chi--pop-den").json
    own = highroad("service", "order", "edge-chi", "cloud-west", "1G", "--wait", "--json").json
    assert highroad("lab", "cut", "pop-chi--pop-den").code == 0
    assert highroad("drain", "pop-chi--pop-den", "--no-wait").code == 0
    ran = highroad("tour", "--fast", "--json")
    assert ran.code == 0, ran.err
    assert set(ran.json["cleared"]) == {
        "spliced pop-chi--pop-den", "undrained pop-chi--pop-den", f"released {service['id']}"
    }  # fmt: skip
    assert [one["id"] for one in highroad("service", "list", "--json").json] == [own["id"]]
    assert highroad("lab", "status", "--json").json["cuts"] == []
    assert all(one["ended"] for one in highroad("drains", "--json").json)
    _release_all(highroad)


def test_the_tour_takes_the_room_that_there_is(highroad: Highroad) -> None:
    highroad("service", "order", "campus-east", "cloud-west", "650G", "--wait")
    ran = highroad("tour", "--fast", COLUMNS="80")
    assert ran.code == 0, ran.err
    assert "An order. 100 Gbit/s from campus-east" in ran.out
    _release_all(highroad)
    deadline = time.monotonic() + 60  # what was released is free when routers have confirmed it
    while highroad("service", "order", "campus-east", "cloud-west", "800G", "--wait").code:
        assert time.monotonic() < deadline
    full = highroad("tour", "--fast")
    assert (full.code, "no room" in full.err) == (6, True)
    _release_all(highroad)


def test_the_tour_stops_when_it_is_told_to(highroad: Highroad, home: Path) -> None:
    known = read_credentials(home)
    told = io.StringIO()
    stop = threading.Event()
    player = threading.Thread(
        target=lambda: play(
            url=known.url,
            operator_token=known.operator_token or "",
            tenant_token=known.tenant_token or "",
            console=Console(file=told, width=60),
            stop=stop,
        )
    )
    player.start()
    deadline = time.monotonic() + 60
    while "A backhoe" not in told.getvalue() and time.monotonic() < deadline:
        time.sleep(0.02)
    stop.set()
    player.join(2)
    assert not player.is_alive()
    assert "stops here" not in told.getvalue()
    assert max(len(line) for line in told.getvalue().splitlines()) <= 60
    assert highroad("service", "list", "--json").json == []
    assert highroad("lab", "status", "--json").json["cuts"] == []


def test_a_tour_without_a_controller_is_silent() -> None:
    told = io.StringIO()
    play(url="http://127.0.0.1:1", operator_token="x", tenant_token="x", console=Console(file=told))
    assert told.getvalue() == ""


@pytest.mark.parametrize(
    "words",
    [
        ("service", "ordr"),
        ("nothing",),
        ("service", "order"),
        ("service", "order", "a", "b", "fast"),
        ("status", "--nope"),
        ("status", "--as", "king"),
        ("status", "--url", "http://127.0.0.1:1"),
        ("lab", "cut", "moon"),
    ],
)
def test_every_failure_is_one_problem_document(highroad: Highroad, words: tuple[str, ...]) -> None:
    ran = highroad(*words, "--json")
    assert ran.code
    problem = ran.json
    assert problem["detail"]
    assert problem["title"] != problem["code"]
    assert problem.get("status") != 0


def test_flags_name_no_value(highroad: Highroad) -> None:
    assert "bool" not in highroad("tour", "--help").out.replace("--help", "").split("--json")[1].split("--url")[0]


def test_names_cannot_steer_the_terminal(highroad: Highroad) -> None:
    ran = highroad("service", "show", "svc-\x1b[31m\x07evil")
    assert ran.code == 4
    assert "\x1b" not in ran.err
    assert "\x07" not in ran.err


def test_every_command_has_help_with_an_example(highroad: Highroad) -> None:
    groups = {"service": ["order", "list", "show", "change", "release", "ping", "trace", "measure", "watch"],
              "network": ["get", "load", "calendar"],
              "lab": ["cut", "uncut", "kill-router", "revive-router", "load", "status"],
              "incident": ["list", "show"], "tenant": ["list", "add", "quota"],
              "port": ["list", "add"], "token": ["list", "issue", "revoke"]}  # fmt: skip
    lines: list[tuple[str, ...]] = [(group, verb) for group, verbs in groups.items() for verb in verbs]
    lines += [(verb,) for verb in ("status", "drain", "undrain", "drains", "freeze", "thaw", "reach", "events", "tour")]
    lines += [("capacity",), ("whatif",), ("explain",), ("replay",)]
    for words in lines:
        ran = highroad(*words, "--help")
        assert ran.code == 0
        assert f"Example: highroad {' '.join(words)}" in re.sub(r"\s+", " ", ran.out), words
        assert "--json" in ran.out


def test_a_rule_is_ordered_in_the_clocks_of_a_zone(highroad: Highroad) -> None:
    times = ("--start", "2027-01-04T18:00", "--for", "6h", "--zone", "America/Denver")
    order = ("service", "order", "campus-east", "cloud-west", "100G", "--repeat", "FREQ=WEEKLY;BYDAY=MO", *times)
    ran = highroad(*order)
    assert ran.code == 0, ran.err
    assert "FREQ=WEEKLY;BYDAY=MO from 2027-01-04 18:00 by clocks of America/Denver" in ran.out
    assert "2027-01-05 01:00:00Z to 2027-01-05 07:00:00Z" in ran.out
    (service,) = highroad("service", "list", "--json").json
    window = ("--window", "2027-02-01T00:00Z/2027-02-01T06:00Z")
    assert highroad("service", "change", service["id"], *window, "--json").json["recurrence"] is None
    for wrong in (
        ("--repeat", "FREQ=DAILY", "--for", "6h"),
        ("--start", "2027-01-04T18:00"),
        ("--zone", "America/Denver"),
        ("--window", "2027-02-01T00:00Z"),
        (*window, "--for", "6h"),
        ("--end", "2027-02-01T00:00Z", "--for", "6h"),
    ):
        assert highroad("service", "order", "campus-east", "cloud-west", "100G", *wrong).code == 2, wrong
    _release_all(highroad)


def test_a_preview_of_a_change_says_what_it_does(highroad: Highroad) -> None:
    order = ("service", "order", "campus-east", "cloud-west", "100G", "--latency", "30ms", "--wait", "--json")
    service = highroad(*order).json
    ran = highroad("service", "change", service["id"], "--bandwidth", "200G", "--latency", "none", "--dry-run")
    assert "200 Gbit/s are guaranteed instead of 100" in ran.out
    assert "its path stays" in ran.out
    assert highroad("service", "show", service["id"], "--json").json["latency_bound_ms"] == 30
    changed = highroad("service", "change", service["id"], "--latency", "none", "--end", "2030-01-01T00:00Z", "--json")
    assert (changed.json["latency_bound_ms"], changed.json["end"]) == (None, "2030-01-01T00:00:00.000Z")
    opened = highroad("service", "change", service["id"], "--end", "open", "--fence", "US", "--json").json
    assert (opened["end"], opened["fence"]) == (None, ["US"])
    _release_all(highroad)
