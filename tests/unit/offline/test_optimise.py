"""`highroad optimise`, as a shell sees it: on a network whose answers are known, and on those that are shipped."""

from __future__ import annotations

import json
import math
import re
import shlex
import signal
import threading
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pytest
from typer.testing import CliRunner, Result

from highroad.formats import detect, native
from highroad.formats.shipped import network_text
from highroad.graph.disjoint import groups_of
from highroad.main import application
from highroad.model.network import LinkId, Network
from highroad.offline import loads
from highroad.offline import optimise as command
from highroad.offline.optimise import stopping
from highroad.planning import costs as planning_costs
from highroad.planning import upgrade as planning_upgrade
from highroad.planning.optimum import Objective, optimise
from highroad.planning.solve.answer import Limits
from tests.support.country import country

runner = CliRunner()
APP = application()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "120")
    (tmp_path / "country.yaml").write_text(native.write(country()), encoding="utf-8")
    (tmp_path / "demands.csv").write_text("source,target,gbps\nwest,east,300\n", encoding="utf-8")
    return tmp_path


def run(*words: str) -> Result:
    return runner.invoke(APP, ["optimise", *words])


def told(*words: str) -> dict[str, Any]:
    result = run(*words, "--json")
    assert result.exit_code == 0, result.output
    answer: dict[str, Any] = json.loads(result.stdout)
    return answer


def test_the_most_that_is_carried_in_words(here: Path) -> None:
    result = run("country.yaml", "demands.csv")
    assert result.exit_code == 0, result.output
    assert "200 of 300 Gbit/s can be carried (66.67%)" in result.output
    assert re.search(r"proven: no plan carries more than 200 Gbit/s; a gap of 0\.00\d%", result.output)
    assert "another 100G on east>west and back carries 100G more (planned anew" in result.output
    assert re.search(r"west>east +█+ +100\.0% +100 +100 Gbit/s +1", result.output)
    assert "not carried in full: 1 of 1 demands" in result.output


def test_the_other_objectives_in_words(here: Path) -> None:
    concurrent = run("country.yaml", "demands.csv", "--objective", "concurrent").output
    assert "every demand can have 66.67% of what it asks for" in concurrent
    assert "gives every demand 33.33 points more" in concurrent
    full = run("country.yaml", "demands.csv", "--objective", "utilisation", "--most-paths", "1").output
    assert "not everything fits: carried all the same, the fullest link would be 300.00% full" in full
    assert re.search(r"on at most 1 path a demand +300\.00% +150\.00% +150\.00 points", full)
    fits = run("country.yaml", "demands.csv", "--objective", "utilisation", "--scale", "0.5").output
    assert "everything is carried with no link more than 75.00% full" in fits
    assert "not carried" not in fits


def test_all_of_it_as_json(here: Path) -> None:
    answer = told("country.yaml", "demands.csv", "--most-paths", "1", "--upgrade-gbps", "50", "--upgrades", "2")
    assert answer["ok"] is True
    assert answer["stopped"] is False
    assert answer["value"] == pytest.approx(100, rel=1e-3)
    assert answer["value_on_any_paths"] == pytest.approx(200, rel=1e-3)
    assert answer["bound"] == pytest.approx(200, rel=1e-3)
    assert answer["most_paths"] == 1
    assert len(answer["links"]) == 10
    assert answer["not_carried"][0]["carried_gbps"] == pytest.approx(100, rel=1e-3)
    assert answer["upgrades"][0]["better"] == pytest.approx(50, rel=1e-3)
    assert answer["upgrades"][0]["more_gbps"] == 50
    low, high = answer["upgrades"][0]["better_between"]
    assert low <= 50.01
    assert high >= 49.99


@pytest.mark.parametrize("objective", list(Objective))
def test_a_plan_proves_itself_to_whoever_has_the_network(here: Path, objective: Objective) -> None:
    (here / "demands.csv").write_text("west,east,300\ncampus,cloud,40\nsouth,north,1\n".replace("north", "west"))
    told("country.yaml", "demands.csv", "--objective", objective.value, "--out", "plan.json", "--most-paths", "none")
    plan = json.loads((here / "plan.json").read_text(encoding="utf-8"))
    links = {link["link"]: link for link in plan["links"]}
    carried = dict.fromkeys(links, 0.0)
    for demand in plan["demands"]:
        assert sum(path["gbps"] for path in demand["paths"]) == pytest.approx(demand["carried_gbps"], rel=1e-6)
        for path in demand["paths"]:
            for link in path["links"]:
                carried[link] += path["gbps"]
    for name, link in links.items():
        assert carried[name] == pytest.approx(link["load_gbps"], rel=1e-6, abs=1e-6)
        assert objective is Objective.UTILISATION or carried[name] <= link["capacity_gbps"] * (1 + 1e-9)
    prices = plan["certificate"]["prices"]
    cost = {name: prices.get(name, 0.0) for name in links}
    paid = sum(link["capacity_gbps"] * cost[name] for name, link in links.items())
    nearest = [_distance(cost, country(), demand["source"], demand["target"]) for demand in plan["demands"]]
    asked = [demand["gbps"] for demand in plan["demands"]]
    spent = sum(d * y for d, y in zip(asked, nearest, strict=True))
    bounds = {
        Objective.TOTAL: paid + sum(d * max(0.0, 1 - y) for d, y in zip(asked, nearest, strict=True)),
        Objective.CONCURRENT: paid / spent,
        Objective.UTILISATION: spent / paid,
        Objective.LEXICOGRAPHIC: paid + sum(d * max(0.0, 1 - y) for d, y in zip(asked, nearest, strict=True)),
        Objective.MAXMIN: min(*asked, paid / sum(nearest)),
    }
    assert bounds[objective] == pytest.approx(plan["certificate"]["bound"], rel=1e-9)
    assert plan["certificate"]["gap"] <= 1e-4


def test_what_no_link_could_carry_counts_for_what_links_can_as_the_proof_says(here: Path) -> None:
    (here / "demands.csv").write_text("campus,cloud,400\ncampus,cloud,100\ncampus,west,30\nwest,east,30\n")
    told("country.yaml", "demands.csv", "--out", "plan.json")
    plan = json.loads((here / "plan.json").read_text(encoding="utf-8"))
    cost = {link["link"]: plan["certificate"]["prices"].get(link["link"], 0.0) for link in plan["links"]}
    reckoned = sum(link["capacity_gbps"] * cost[link["link"]] for link in plan["links"])
    asked: dict[tuple[str, str], float] = {}
    for demand in plan["demands"]:
        ends = demand["source"], demand["target"]
        asked[ends] = asked.get(ends, 0.0) + demand["gbps"]
    for (source, target), gbps in asked.items():
        leaves = sum(link["capacity_gbps"] for link in plan["links"] if link["tail"] == source)
        comes = sum(link["capacity_gbps"] for link in plan["links"] if link["head"] == target)
        reckoned += min(gbps, leaves, comes) * max(0.0, 1 - _distance(cost, country(), source, target))
    assert plan["certificate"]["bound"] == pytest.approx(130.0, rel=1e-4)
    assert reckoned == pytest.approx(plan["certificate"]["bound"], rel=1e-9)
    assert "no more than the capacity of the links out of the one" in plan["certificate"]["proof"]


def test_what_classes_weigh_is_in_the_proof(here: Path) -> None:
    (here / "demands.csv").write_text("west,east,300,interactive\ncampus,cloud,40,bulk\neast,west,30,scavenger\n")
    told("country.yaml", "demands.csv", "--objective", "lexicographic", "--out", "plan.json")
    plan = json.loads((here / "plan.json").read_text(encoding="utf-8"))
    worth = plan["certificate"]["worth"]
    assert worth == {"interactive": 4.0, "bulk": 2.0, "scavenger": 1.0}
    cost = {link["link"]: plan["certificate"]["prices"].get(link["link"], 0.0) for link in plan["links"]}
    reckoned = sum(link["capacity_gbps"] * cost[link["link"]] for link in plan["links"])
    for demand in plan["demands"]:
        weighs = worth[demand["class"]]
        far = _distance(cost, country(), demand["source"], demand["target"])
        reckoned += demand["gbps"] * max(0.0, weighs - far) - (weighs - 1) * demand["carried_gbps"]
    assert reckoned == pytest.approx(plan["certificate"]["bound"], rel=1e-9)


@pytest.mark.parametrize("objective", [Objective.TOTAL, Objective.CONCURRENT, Objective.UTILISATION])
def test_a_plan_with_bounds_and_backups_proves_itself_too(here: Path, objective: Objective) -> None:
    network = country(ways=2)
    (here / "two.yaml").write_text(native.write(network), encoding="utf-8")
    (here / "two.csv").write_text(
        "source,target,gbps,max_latency_ms,protection\n"
        "campus,cloud,70,,path\nwest,east,150,6,\neast,south,30,,\ncampus,cloud,60,9,\n"
    )
    told("two.yaml", "two.csv", "--objective", objective.value, "--out", "plan.json")
    plan = json.loads((here / "plan.json").read_text(encoding="utf-8"))
    proof = plan["certificate"]
    prices: dict[str, float] = {link.id: proof["prices"].get(link.id, 0.0) for link in network.links}
    bounds, guarded = (math.inf, 6.0, math.inf, 9.0), (True, False, False, False)
    costs = []
    for demand, bound, safe in zip(plan["demands"], bounds, guarded, strict=True):
        ends = demand["source"], demand["target"]
        found = [_distance(prices, network, *ends)]
        for rate in proof["latency_prices"] if math.isfinite(bound) else ():
            dear: dict[str, float] = {link.id: prices[link.id] + rate * link.latency_ms for link in network.links}
            found.append(_distance(dear, network, *ends) - rate * bound)
        if safe:
            found.append(sum(_around(network, group, of, ends) for group, of in proof["group_prices"].items()))
        costs.append(max(0.0, *found))
    paid = sum(link.capacity_gbps * prices[link.id] for link in network.links)
    asked = [demand["gbps"] for demand in plan["demands"]]
    spent = sum(d * y for d, y in zip(asked, costs, strict=True))
    match objective:
        case Objective.TOTAL:
            reckoned = paid + sum(d * max(0.0, 1 - y) for d, y in zip(asked, costs, strict=True))
        case Objective.CONCURRENT:
            reckoned = paid / spent
        case _:
            reckoned = spent / paid
    if objective is Objective.UTILISATION:
        assert reckoned >= proof["bound"] * (1 - 1e-9)
    else:
        assert reckoned <= proof["bound"] * (1 + 1e-9)
    assert reckoned == pytest.approx(proof["bound"], rel=1e-2)
    kept = {link["link"]: link["load_gbps"] + link["reserve_gbps"] for link in plan["links"]}
    assert objective is Objective.UTILISATION or all(
        kept[link.id] <= link.capacity_gbps + 1e-6 for link in network.links
    )
    assert all(path.get("backup") for path in plan["demands"][0]["paths"])
    assert all(path["latency_ms"] <= 6 for path in plan["demands"][1]["paths"])
    assert all(len(one["paths"]) <= 4 for one in plan["demands"])
    for demand in plan["demands"]:
        whole = sum(path["gbps"] for path in demand["paths"])
        parts = [16 * path["gbps"] / whole for path in demand["paths"]]
        assert parts == pytest.approx([round(one) for one in parts], abs=1e-6)


def test_max_min_shares_keep_to_bounds_and_prove_it(here: Path) -> None:
    """Both between west and east: who may take 6 ms has the fibre that is as fast, or less; the other goes round."""
    network = country(ways=2)
    (here / "two.yaml").write_text(native.write(network), encoding="utf-8")
    (here / "two.csv").write_text(
        "source,target,gbps,weight,max_latency_ms\nwest,east,900,1,\nwest,east,900,3,6\ncampus,cloud,60,1,9\n"
    )
    found = told("two.yaml", "two.csv", "--objective", "maxmin", "--out", "plan.json", "--no-steps")
    assert "latency" in [one["restriction"] for one in found["costs"]]
    plan = json.loads((here / "plan.json").read_text(encoding="utf-8"))
    proof, paths = plan["certificate"], [demand["paths"] for demand in plan["demands"]]
    assert all(path["latency_ms"] <= 6 for path in paths[1])
    assert max(path["latency_ms"] for path in paths[0]) > 6
    assert all(link["load_gbps"] <= link["capacity_gbps"] * (1 + 1e-9) for link in plan["links"])
    latency = {link.id: link.latency_ms for link in network.links}
    prices = {link.id: proof["prices"].get(link.id, 0.0) for link in network.links}
    paid = sum(link.capacity_gbps * prices[link.id] for link in network.links)
    spent = 0.0
    for demand, weight, bound in zip(plan["demands"], (1, 3, 1), (math.inf, 6.0, 9.0), strict=True):
        ways = _simple(network, demand["source"], demand["target"])
        spent += weight * min(
            sum(prices[link] for link in way) for way in ways if sum(latency[link] for link in way) <= bound
        )
    assert paid / spent == pytest.approx(proof["bound"], rel=1e-9)
    assert proof["gap"] <= 1e-4
    assert "takes no longer than its bound" in proof["proof"]


def _simple(network: Network, source: str, target: str, seen: tuple[str, ...] = ()) -> list[tuple[LinkId, ...]]:
    """All ways that come to no site twice, through sites that carry others."""
    if source == target:
        return [()]
    return [
        (link.id, *rest)
        for link in network.links
        if link.tail == source
        and link.head not in (source, *seen)
        and (link.head == target or link.head in {"west", "east", "south"})
        for rest in _simple(network, link.head, target, (*seen, source))
    ]


def _around(network: Network, group: str, prices: dict[str, float], ends: tuple[str, str]) -> float:
    """The least sum of the prices of a group on any way around it; 0 where it is an end."""
    if group in {f"site:{end}" for end in ends}:
        return 0.0
    cost: dict[str, float] = {
        link.id: math.inf if group != "none" and group in groups_of(network, link.id) else prices.get(link.id, 0.0)
        for link in network.links
    }
    return _distance(cost, network, *ends)


def test_what_each_restriction_costs_is_told(here: Path) -> None:
    (here / "held.csv").write_text(
        "source,target,gbps,fence,max_latency_ms,protection\n"
        "west,east,100,US,,\nwest,east,100,,6,\nsouth,east,30,,,path\n"
    )
    answer = told("country.yaml", "held.csv")
    costs = answer["costs"]
    assert [one["restriction"] for one in costs] == ["none", "latency", "fences", "protection", "paths", "parts"]
    assert [one["value"] for one in costs[:3]] == pytest.approx([200, 200, 200], rel=1e-2)
    assert costs[-1]["value"] == pytest.approx(answer["value"])
    bounds = [one["bound"] for one in costs]
    assert bounds == sorted(bounds, reverse=True)
    assert all(one["value"] <= one["bound"] * (1 + 1e-9) for one in costs)
    words = run("country.yaml", "held.csv").output
    assert "what each restriction costs" in words
    assert "with bounds of latency" in words
    assert "on at most 4 paths a demand" in words
    assert "in whole 16ths of a demand" in words
    assert told("country.yaml", "held.csv", "--no-costs")["costs"] == []
    free = told("country.yaml", "demands.csv", "--most-paths", "none")
    assert (free["costs"], free["most_paths"], free["parts"]) == ([], None, None)


def test_who_asks_for_far_too_much_is_told_what_it_gets(here: Path) -> None:
    (here / "demands.csv").write_text("west,east,1e12\n")
    assert re.search(r"west +east +assured +1,000,000,000,000 Gbit/s +200", run("country.yaml", "demands.csv").output)


def _distance(cost: dict[str, float], network: Network, source: str, target: str) -> float:
    """The least sum of prices, by trying every link again and again (Bellman and Ford); pops alone are passed."""
    far = {site.id: 0.0 if site.id == source else float("inf") for site in network.sites}
    for _ in network.sites:
        for link in network.links:
            if link.tail == source or network.site[link.tail].kind.value in ("pop", "edge"):
                far[link.head] = min(far[link.head], far[link.tail] + cost[link.id])
    return far[network.site[target].id]  # type: ignore[index]


def test_every_shipped_network_and_a_picture_with_one_element_a_link(here: Path) -> None:
    for name in ("us-lab", "us", "global"):
        network = detect.read(network_text(name)).network
        assert network is not None
        pops = [site.id for site in network.sites if site.kind.value == "pop"]
        some = [f"{a},{b},400" for a in pops[::3] for b in pops[1::4] if a != b]
        (here / f"{name}.csv").write_text("\n".join(some))
        answer = told(name, f"{name}.csv", "--svg", f"{name}.svg", "--gap", "1e-3", "--upgrades", "1", "--no-steps")
        assert answer["gap"] <= 1e-3
        drawn = ElementTree.fromstring((here / f"{name}.svg").read_text(encoding="utf-8"))
        links = drawn.findall(".//{http://www.w3.org/2000/svg}path[@class='link']")
        assert len(links) == len(network.links)
        titles = {(link.findtext("{http://www.w3.org/2000/svg}title") or "").rpartition(": ")[0] for link in links}
        assert titles == {link.id for link in network.links}


def test_the_picture_is_darker_the_fuller_a_link_is_and_has_another_colour_when_over() -> None:
    shades = [sum(int(loads.colour(share)[at : at + 2], 16) for at in (1, 3, 5)) for share in np.linspace(0, 1, 40)]
    assert shades == sorted(shades, reverse=True)
    assert len(set(shades)) > 30
    assert loads.colour(1.01) == loads.OVER
    network = country()
    drawn = loads.svg(network, {link.id: 150.0 for link in network.links[:1]})
    assert drawn.count('stroke-dasharray="6 2"') == 1
    assert drawn == loads.svg(network, {link.id: 150.0 for link in network.links[:1]})


def test_matrices(here: Path) -> None:
    matrix = np.zeros((5, 5))
    matrix[1, 3] = 100
    np.savez(here / "tm.npz", a=matrix, b=3 * matrix)
    assert told("country.yaml", "tm.npz", "--matrix", "b")["value"] == pytest.approx(200, rel=1e-3)
    assert run("country.yaml", "tm.npz").exit_code == 2


def test_what_is_wrong_is_told_and_the_exit_code_says_how(here: Path) -> None:
    assert run("nothing.yaml", "demands.csv").exit_code == 4
    assert run("country.yaml", "nothing.csv").exit_code == 4
    both = run("nothing.yaml", "nothing.csv")
    assert "nothing.yaml" in both.output
    assert "nothing.csv" in both.output
    assert run("country.yaml", "demands.csv", "--out", "no/plan.json").exit_code == 7
    assert run("country.yaml", "demands.csv", "--objective", "best").exit_code == 2
    (here / "demands.csv").write_text("source,target,gbps\nwesst,east,300\nwest,east,x\n")
    result = run("country.yaml", "demands.csv")
    assert result.exit_code == 2
    assert "line 2: demands[wesst>east].source: there is no site `wesst`; did you mean `west`?" in result.output
    assert "line 3: demands[west>east].gbps: it has to be a number, not `x`" in result.output
    problem = json.loads(run("country.yaml", "demands.csv", "--json").stdout)
    assert [(one["code"], one["line"]) for one in problem["findings"]] == [("unknown-site", 2), ("not-a-number", 3)]


def test_what_cannot_be_carried_is_told_and_the_rest_carried(here: Path) -> None:
    (here / "demands.csv").write_text("west,east,10\nwest,west,1\nwest,east,nan\nwest,cloud,1,,,EU\nwest,east,-3\n")
    result = run("country.yaml", "demands.csv")
    assert result.exit_code == 0
    assert "10 of 12 Gbit/s can be carried" in result.output
    assert "line 4: demands[west>cloud]: no way leads there over the links that it may use" in result.output
    answer = told("country.yaml", "demands.csv")
    assert {(one["code"], one["line"]) for one in answer["findings"]} == {
        ("self-demand", 2), ("no-amount", 3), ("not-joined", 4), ("no-amount", 5)
    }  # fmt: skip
    even = run("country.yaml", "demands.csv", "--objective", "utilisation").output
    assert "everything that can be carried at all is carried with no link more than 5.00% full" in even
    (here / "none.csv").write_text("source,target,gbps\n")
    assert "there is nothing to carry" in run("country.yaml", "none.csv", "--objective", "concurrent").output
    assert told("country.yaml", "none.csv", "--objective", "concurrent")["value"] is None


def test_names_are_not_taken_for_markup(here: Path) -> None:
    text = (here / "country.yaml").read_text(encoding="utf-8").replace("name: country", 'name: "[bold]x[/] <b>"', 1)
    (here / "country.yaml").write_text(text, encoding="utf-8")
    assert run("country.yaml", "demands.csv", "--svg", "o.svg").exit_code == 0
    ElementTree.fromstring((here / "o.svg").read_text(encoding="utf-8"))


def _pressed_twice() -> None:
    with stopping() as stop:
        assert not stop()
        signal.raise_signal(signal.SIGINT)
        assert stop()
        signal.raise_signal(signal.SIGINT)


def test_ctrl_c_once_is_asked_for_the_best_so_far_and_twice_ends_it() -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        _pressed_twice()
    assert signal.getsignal(signal.SIGINT) is before
    seen: list[bool] = []
    thread = threading.Thread(target=lambda: seen.append(_in_a_thread()))
    thread.start()
    thread.join()
    assert seen == [False]


def _in_a_thread() -> bool:
    with stopping() as stop:
        return stop()


def test_stopped_there_is_a_plan_and_the_exit_code_says_so(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def pressed(*given: Any, **named: Any) -> Any:
        signal.raise_signal(signal.SIGINT)
        return optimise(*given, **named)

    monkeypatch.setattr(command, "optimise", pressed)
    result = run("country.yaml", "demands.csv", "--out", "plan.json")
    assert result.exit_code == 130
    assert "Stopped: this is the best plan so far." in result.output
    assert json.loads((here / "plan.json").read_text())["certificate"]["bound"] >= 199.9


def test_the_page_says_what_is_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command of docs/optimise.md is run, every example too, and what stands there as printed is printed."""
    page = (Path(__file__).parents[3] / "docs" / "optimise.md").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    (csv,) = re.findall(r"```csv\n(.*?)```", page, re.DOTALL)
    (tmp_path / "demands.csv").write_text(csv, encoding="utf-8")
    ran = 0
    for block in re.findall(r"```console\n(.*?)```", page, re.DOTALL):
        printed: list[str] = []
        for line in block.splitlines():
            if line.startswith("$ highroad "):
                result = runner.invoke(APP, shlex.split(line)[2:])
                assert result.exit_code == 0, (line, result.output)
                printed = result.output.splitlines()
                ran += 1
            elif not line.startswith("..."):
                assert any(_same(line, one) for one in printed), line
    assert ran >= 4
    assert json.loads((tmp_path / "plan.json").read_text())["certificate"]["prices"]
    for example in re.findall(r"```python\n(.*?)```", page, re.DOTALL):
        exec(compile(example, "docs/optimise.md", "exec"), {})


_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def _same(said: str, printed: str) -> bool:
    """Whether two lines have the same words, and the same figures within 1%; how long it took is as it is."""
    said, printed = (re.sub(r"gap of .*", "", re.sub(r"[█ ]+", " ", line)).rstrip() for line in (said, printed))
    if _NUMBER.sub("#", said) != _NUMBER.sub("#", printed):
        return False
    figures = [[float(one.replace(",", "")) for one in _NUMBER.findall(line)] for line in (said, printed)]
    return figures[0] == pytest.approx(figures[1], rel=1e-2)


def test_classes_one_after_the_other(here: Path) -> None:
    (here / "classes.csv").write_text(
        "source,target,gbps,class\nwest,east,150,bulk\nwest,east,150,interactive\n", encoding="utf-8"
    )
    words = run("country.yaml", "classes.csv", "--objective", "lexicographic", "--no-steps").output
    assert "200 of 300 Gbit/s can be carried, class after class" in words
    assert "up to interactive: 150 Gbit/s" in words
    found = told("country.yaml", "classes.csv", "--objective", "lexicographic", "--no-steps")
    assert [one["up_to"] for one in found["classes"]] == ["interactive", "bulk"]
    assert [one["carried_gbps"] for one in found["classes"]] == pytest.approx([150, 200], rel=1e-3)
    assert [(one["class"], one["carried_gbps"]) for one in found["not_carried"]] == [
        ("bulk", pytest.approx(50, rel=1e-2))
    ]
    assert found["upgrades"][0]["up_to"] == "bulk"
    assert found["upgrades"][0]["better"] == pytest.approx(100, rel=1e-2)
    assert "carries 100G more up to bulk (planned anew" in words


def test_shares_that_nobody_envies(here: Path) -> None:
    (here / "shares.csv").write_text(
        "source,target,gbps,weight\nwest,east,20,1\nwest,east,500,1\nwest,east,500,3\n", encoding="utf-8"
    )
    words = run("country.yaml", "shares.csv", "--objective", "maxmin", "--no-steps").output
    assert "who gets least gets 20 Gbit/s a unit of weight; 200 of 1,020 are carried" in words
    assert "another 100G on east>west and back carries 100G more of all (planned anew, which is no proof)" in words
    found = told("country.yaml", "shares.csv", "--objective", "maxmin", "--no-steps")
    assert sorted(one["carried_gbps"] for one in found["not_carried"]) == pytest.approx([45, 135], rel=0.015)


@pytest.mark.parametrize("objective", ["maxmin", "lexicographic"])
def test_few_paths_are_told_of_where_questions_follow_one_another(here: Path, objective: str) -> None:
    found = told("country.yaml", "demands.csv", "--objective", objective, "--most-paths", "1")
    assert [one["restriction"] for one in found["costs"]] == ["none", "paths", "parts"]
    assert found["costs"][0]["value"] == pytest.approx(200, rel=1e-3)
    assert found["value"] == pytest.approx(100, rel=1e-3)
    assert run("country.yaml", "demands.csv", "--most-paths", "some").exit_code == 2
    assert run("country.yaml", "demands.csv", "--most-paths", "65").exit_code == 2


def _ticking(step_s: float) -> Callable[[], float]:
    """A clock that goes on by so much at every look."""
    times = count(step=step_s)
    return lambda: next(times)


@pytest.mark.parametrize("objective", ["total", "utilisation", "lexicographic"])
def test_one_limit_is_for_the_plan_its_costs_and_more_capacity(
    here: Path, monkeypatch: pytest.MonkeyPatch, objective: str
) -> None:
    (here / "demands.csv").write_text("source,target,gbps,max_latency_ms\nwest,east,300,9\ncampus,cloud,80,\n")
    asked: list[tuple[str, float, float]] = []

    def noted(name: str, solve: Callable[..., Any]) -> Callable[..., Any]:
        def ask(*given: Any, **more: Any) -> Any:
            limits = next(one for one in given if isinstance(one, Limits))
            now_s = clock()
            asked.append((name, now_s, limits.time_s))
            return solve(*given, **more)

        return ask

    clock = _ticking(1e-3)
    monkeypatch.setattr(command, "optimise", noted("plan", optimise))
    monkeypatch.setattr(planning_costs, "optimise", noted("cost", optimise))
    monkeypatch.setattr(planning_upgrade, "optimise", noted("upgrade", optimise))
    monkeypatch.setattr(time, "perf_counter", clock)
    answer = told("country.yaml", "demands.csv", "--objective", objective, "--time-limit", "40")
    assert [name for name, _, _ in asked[:2]] == ["plan", "cost"], asked
    assert "upgrade" in {name for name, _, _ in asked}
    assert asked[0][2] == pytest.approx(0.6 * 40, abs=0.1)
    assert all(now_s + time_s <= 40.1 for _, now_s, time_s in asked), asked
    assert not [one for one in answer["findings"] if one["code"] == "not-looked-at"]


def test_what_there_was_no_time_for_is_said(here: Path) -> None:
    (here / "demands.csv").write_text("source,target,gbps,max_latency_ms\nwest,east,300,9\n")
    words = ("country.yaml", "demands.csv", "--objective", "utilisation", "--time-limit", "0")
    result = run(*words)
    assert result.exit_code == 0, result.output
    assert "not looked at: without restrictions (time was up)" in result.output
    assert re.search(r"not looked at: .*more on east>west and back.* \(time was up\)", result.output)
    answer = told(*words)
    assert answer["upgrades"] == []
    assert [one["place"] for one in answer["findings"] if one["code"] == "not-looked-at"] == ["costs", "upgrades"]
    asked_for_none = run(*words, "--no-costs", "--upgrades", "0").output
    assert "not looked at" not in asked_for_none


@pytest.mark.parametrize(("gbps", "protection"), [("1e12", ""), ("300", ""), ("1e12", "path"), ("4e5", "path")])
def test_names_of_links_are_whole_in_a_narrow_window(
    here: Path, monkeypatch: pytest.MonkeyPatch, gbps: str, protection: str
) -> None:
    network = country(ways=2)
    (here / "two.yaml").write_text(native.write(network).replace("west", "west-of-the-river"), encoding="utf-8")
    (here / "demands.csv").write_text(
        f"source,target,gbps,protection\nwest-of-the-river,east,{gbps},{protection}\nwest-of-the-river,south,1e-6,\n"
    )
    monkeypatch.setenv("COLUMNS", "80")
    result = run("two.yaml", "demands.csv", "--objective", "utilisation")
    assert result.exit_code == 0, result.output
    rows = result.output.split("fullest links")[1].splitlines()[2:]
    assert [row for row in rows if row.startswith("west-of-the-river>")], result.output
    assert all(len(row) <= 80 for row in rows), result.output
    assert all(">" in row for row in rows[:3]), result.output
