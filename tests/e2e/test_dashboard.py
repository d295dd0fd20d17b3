"""The dashboard for Grafana asks for what is sent: every expression, of a Prometheus that is written to."""

from __future__ import annotations

import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from highroad.model.tracks import SERIES
from highroad.offline.grafana import dashboard
from tests.e2e.conftest import backend_of, up
from tests.e2e.pages import body
from tests.support.victoria import until, victoria

SENT = {f"highroad_{subject.value}_{series.name}" for subject, every in SERIES.items() for series in every}


def _panels() -> list[dict[str, Any]]:
    return [panel for panel in json.loads(dashboard())["panels"] if panel["type"] != "row"]


def _expressions() -> list[tuple[str, str]]:
    """Title and expression, of all links and services."""
    chosen = re.compile(r"\$(link|service)\b")
    return [(panel["title"], chosen.sub(".+", one["expr"])) for panel in _panels() for one in panel["targets"]]


def test_every_name_in_it_is_one_that_is_sent() -> None:
    asked = {name for _, expression in _expressions() for name in re.findall(r"highroad_[a-z0-9_]+", expression)}
    variables = json.loads(dashboard())["templating"]["list"]
    asked |= {name for one in variables for name in re.findall(r"highroad_[a-z0-9_]+", one.get("definition", ""))}
    assert len(asked) > 10
    assert asked <= SENT


def test_it_is_one_that_grafana_takes() -> None:
    whole = json.loads(dashboard())
    every = whole["panels"]
    assert len({panel["id"] for panel in every}) == len(every)
    for panel in every:
        at = panel["gridPos"]
        assert at["x"] + at["w"] <= 24
        others = [other["gridPos"] for other in every if other is not panel]
        assert not [one for one in others if _overlap(at, one)], panel["title"]
    assert {"uid", "title", "schemaVersion", "templating", "time"} <= whole.keys()


def _overlap(a: dict[str, int], b: dict[str, int]) -> bool:
    across = a["x"] < b["x"] + b["w"] and b["x"] < a["x"] + a["w"]
    return across and a["y"] < b["y"] + b["h"] and b["y"] < a["y"] + a["h"]


@pytest.mark.process
def test_every_expression_finds_something_of_what_a_controller_sends(tmp_path: Path) -> None:
    kept, home = tmp_path / "kept", tmp_path / "home"
    kept.mkdir()
    home.mkdir()
    with (
        victoria(kept) as url,
        up(home, HIGHROAD_REMOTE_WRITE=f"{url}/api/v1/write") as running,
        backend_of(running) as backend,
    ):
        backend.order(latency_bound_ms=60)

        def found(expression: str) -> list[Any]:
            httpx.get(f"{url}/internal/force_flush")
            answer = body(httpx.get(f"{url}/api/v1/query", params={"query": expression}))
            return list(answer["data"]["result"])

        until(lambda: found("highroad_path_sent"))
        for title, expression in _expressions():
            until(partial(found, expression), 10.0)
            assert found(expression), f"{title}: {expression}"

        # Dark for a moment is told, of a new service too: no sample had it before.
        service = backend.order()
        cut = {"fibre": backend.middle_fibre(service), "silent": True}
        backend.operator.post("/v1/lab/cuts", json=cut).raise_for_status()
        dark = f'sum_over_time(highroad_service_dark_ms{{service="{service["id"]}"}}[5m])'
        until(partial(found, f"{dark} > 0"))
        counted_ms = body(backend.operator.get(f"/v1/services/{service['id']}/counters"))["dark_ms"]
        assert float(found(dark)[0]["value"][1]) == pytest.approx(counted_ms, rel=1e-3)
        dark_now = next(one for title, one in _expressions() if title == "Dark in five minutes")
        assert float(found(dark_now)[0]["value"][1]) >= 1
