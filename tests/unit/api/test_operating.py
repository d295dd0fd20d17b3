"""Health, metrics and the ids of requests: what an operator's machines ask, and what they are told."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from highroad.api import close_streams, not_ready
from highroad.api.metrics import METRICS, PROCESS, table
from highroad.control import health
from highroad.control.figures import Figures
from highroad.errors import Unavailable
from highroad.ports import Commit
from highroad.telemetry.logs import set_up
from tests.support.backbone import Backbone, backbone, serving

DOCS = Path(__file__).parents[3] / "docs"
FOLLOWING = ("book", "leader", "following")
"""What who follows has besides: tests/unit/control/test_replica.py sees them."""
ORDER: dict[str, Any] = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 100}


def _store(world: Backbone) -> Any:
    return world.controller._store


async def _ready(world: Backbone) -> tuple[int, dict[str, str]]:
    async with world.http() as http:
        answer = await http.get("/readyz")
    return answer.status_code, {name: told for name, told in answer.json()["checks"].items() if told != "ok"}


def test_ready_says_which_check_fails_and_recovers(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with backbone() as world:
            assert await _ready(world) == (200, {})
            figures = world.controller.figures
            with monkeypatch.context() as broken:

                def full(*_: object) -> None:
                    raise Unavailable("disk full at /secret/place")

                broken.setattr(_store(world), "probe", full)
                figures.written_at = None
                assert await _ready(world) == (503, {"store": "it cannot be written"})
            assert await _ready(world) == (200, {})
            with monkeypatch.context() as broken:
                broken.setattr(health, "PASS_S", -1.0)
                broken.setattr(health, "DECIDING_S", -1.0)
                status, wrong = await _ready(world)
                assert (status, set(wrong)) == (503, {"loop", "planner"})
            world.controller._loop.ready = False
            assert (await _ready(world))[1] == {"fabric": "the fabric has not been read yet"}
            world.controller._loop.ready = True
            assert (await _metrics(world))["highroad_ready", ("stopping",)] == 1
            not_ready(world.app)
            assert (await _ready(world))[1] == {"stopping": "it was asked to stop"}
            assert (await _metrics(world))["highroad_ready", ("stopping",)] == 0

    asyncio.run(run())


def test_who_leads_again_is_not_asked_what_passed_before() -> None:
    figures = Figures()
    figures.started_at = figures.passed_at = -1e6
    figures.begin()
    assert figures.since_pass_s() < 60


def test_every_check_of_readyz_is_named_in_the_docs() -> None:
    async def run() -> None:
        async with backbone() as world, world.http() as http:
            answer = await http.get("/readyz")
        names = {*answer.json()["checks"], *FOLLOWING}
        text = (DOCS / "operate.md").read_text(encoding="utf-8")
        told = re.search(r"The checks of `/readyz`.*?\n\n", text, re.DOTALL)
        assert told is not None
        assert {name for name in names if f"`{name}` (" not in " ".join(told[0].split())} == set()

    asyncio.run(run())


def test_a_store_that_hangs_is_asked_once_and_waited_for_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "WRITE_S", 0.05)

    async def run() -> None:
        import threading

        async with backbone() as world:
            go, asked = threading.Event(), []

            def hang() -> None:
                asked.append(1)
                go.wait(10)

            monkeypatch.setattr(_store(world), "probe", hang)
            world.controller.figures.written_at = None
            try:
                for _ in range(3):
                    status, wrong = await _ready(world)
                    assert (status, list(wrong)) == (503, ["store"])
                assert len(asked) == 1
                async with world.http() as http:
                    assert (await http.get("/healthz")).status_code == 200
            finally:
                go.set()

    asyncio.run(run())


def test_alive_is_told_by_the_event_loop_alone() -> None:
    async def run() -> None:
        async with backbone() as world, world.http() as http:
            assert (await http.get("/healthz")).json()["status"] == "ok"
            world.controller.figures.looked(7.0)
            late = await http.get("/healthz")
            assert (late.status_code, late.json()["checks"]) == (503, {"event loop": "it is 7.0 s late"})

    asyncio.run(run())


def test_what_could_not_be_written_is_counted_and_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            with monkeypatch.context() as broken:

                def full(_: Commit) -> None:
                    raise Unavailable("disk full")

                broken.setattr(_store(world), "commit", full)
                broken.setattr(_store(world), "probe", lambda: full(Commit()))
                assert (await http.post("/v1/services", json=ORDER)).status_code == 503
                assert (await _ready(world))[1] == {"store": "it cannot be written"}
            assert await _ready(world) == (200, {})
            told = await _metrics(world)
            assert told["highroad_store_errors_total", ()] >= 2
            assert told["highroad_reloads_total", ()] >= 1

    asyncio.run(run())


async def _metrics(world: Backbone) -> dict[tuple[str, tuple[str, ...]], float]:
    async with world.http(world.operator) as http:
        answer = await http.get("/metrics")
    assert answer.status_code == 200, answer.text
    families = text_string_to_metric_families(answer.text)
    return {
        (one.name, tuple(one.labels[name] for name in sorted(one.labels))): one.value
        for family in families
        for one in family.samples
    }


def test_metrics_count_what_was_done() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            before = await _metrics(world)
            service = (await http.post("/v1/services", json=ORDER)).json()["id"]
            await world.active(http, service)
            assert (await http.post("/v1/services", json=ORDER | {"bandwidth_gbps": 800})).status_code == 409
            assert (await http.get("/v1/nothing/here")).status_code == 404
            await asyncio.sleep(1.1)
            told = await _metrics(world)
            assert (
                told["highroad_decisions_total", ("", "accepted")]
                == 1 + before["highroad_decisions_total", ("", "accepted")]
            )
            assert told["highroad_decisions_total", ("port", "refused")] == 1
            assert told["highroad_services", ("ACTIVE",)] == 1
            assert told["highroad_link_booked_max_ratio", ()] == 100 / 800
            assert told["highroad_links_booked", ("0.25",)] == 0
            assert told["highroad_request_duration_seconds_count", ("POST", "/v1/services", "201")] == 1
            assert told["highroad_request_duration_seconds_count", ("GET", "none", "404")] == 1
            assert told["highroad_fabric_changes_applied_total", ()] >= 1
            assert told["highroad_commit_duration_seconds_count", ()] > 0
            assert told["highroad_requests_in_flight", ()] == 1
            assert told["highroad_fabric_sample_age_seconds", ()] < 5
            assert told["highroad_event_sequence", ()] == (await world.controller.settled()).last_sequence
            labels = {label for name, labels in told if name.startswith("highroad_") for label in labels}
            assert not {one for one in labels if "acme" in one or service in one or "pop-" in one}

    asyncio.run(run())


def test_series_do_not_grow_with_what_is_asked() -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme) as http:
            for number in range(5):
                await http.get(f"/v1/services/svc-{number}")
                await http.get(f"/v1/{number}")
                await http.request(f"METHOD{number}", "/v1/services")
            took = world.app.state.requests.took
            assert sorted(took) == [
                ("/v1/services", "other", 405), ("/v1/services/{service_id}", "GET", 404), ("none", "GET", 404)
            ]  # fmt: skip

    asyncio.run(run())


def test_who_may_read_metrics() -> None:
    async def run() -> None:
        async with backbone(options={"metrics_token": "scrape-scrape-scrape"}) as world:
            for token, metrics, services in (
                (None, 401, 401),
                ("wrong", 401, 401),
                (world.acme, 403, 200),
                (world.operator, 200, 200),
                ("scrape-scrape-scrape", 200, 401),
            ):
                async with world.http(token) as http:
                    assert (await http.get("/metrics")).status_code == metrics
                    assert (await http.get("/v1/services")).status_code == services
        async with backbone() as world, world.http("") as http:
            assert (await http.get("/metrics")).status_code == 401

    asyncio.run(run())


def test_every_metric_has_its_row_in_the_docs() -> None:
    assert table() in (DOCS / "metrics.md").read_text(encoding="utf-8"), (
        "it is what highroad.api.metrics.table() returns"
    )

    async def run() -> None:
        async with backbone() as world, world.http(world.operator) as http:
            text = (await http.get("/metrics")).text
            told = dict(re.findall(r"^# TYPE (\S+) (\w+)$", text, re.MULTILINE))
            rows = set(re.findall(r"^\| `(\w+)` \| (\w+) ", table(), re.MULTILINE))
            assert set(told.items()) == rows
            assert len(rows) == len(METRICS) + len(PROCESS)

    asyncio.run(run())


def test_alert_rules_speak_of_metrics_that_there_are() -> None:
    text = (DOCS / "metrics.md").read_text(encoding="utf-8")
    known = set(re.findall(r"^\| `(\w+)` \|", table(), re.MULTILINE))
    rules = re.search(r"```yaml\n(groups:.*?)```", text, re.DOTALL)
    assert rules is not None
    import yaml

    alerts = [rule for group in yaml.safe_load(rules[1])["groups"] for rule in group["rules"]]
    assert len(alerts) >= 8
    for alert in alerts:
        assert {"alert", "expr", "annotations"} <= alert.keys()
        named = set(re.findall(r"\b(?:highroad|process)_\w+", alert["expr"]))
        assert named, alert
        assert {re.sub(r"_(bucket|sum|count)$", "", one) for one in named} <= known


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    to = io.StringIO()
    set_up("json", "INFO", to)
    yield to
    root.handlers[:] = before
    root.setLevel(level)
    for name in ("httpx", "httpcore", "uvicorn", "alembic", "urllib3", "opentelemetry"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def test_a_request_has_one_id_everywhere(logged: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    async def run() -> None:
        async with backbone() as world, world.http(world.acme, **{"X-Request-Id": "from-the-proxy:1"}) as http:
            refused = await http.post("/v1/services?dry_run=false", json=ORDER | {"bandwidth_gbps": 900})
            assert refused.headers["x-request-id"] == refused.json()["request_id"] == "from-the-proxy:1"

            def broken(*_: object, **__: object) -> None:
                raise RuntimeError("broken\nFORGED line")

            monkeypatch.setattr("highroad.control.order.order", broken)
            fault = await http.post("/v1/services", json=ORDER, headers={"X-Request-Id": "second"})
            assert (fault.status_code, fault.json()["request_id"]) == (500, "second")

    asyncio.run(run())
    lines = [json.loads(line) for line in logged.getvalue().splitlines()]
    access = [one for one in lines if one["logger"] == "highroad.access"]
    assert [(one["request_id"], one["route"], one["status"]) for one in access] == [
        ("from-the-proxy:1", "/v1/services", 422),
        ("second", "/v1/services", 500),
    ]
    (decision,) = [one for one in lines if one["logger"] == "highroad.control.planner"]
    assert decision["request_id"] == "second"
    assert "FORGED" in decision["exc_info"]
    assert not [one for one in access if set(re.findall("dry_run|bandwidth|Bearer", str(one)))]


@pytest.mark.parametrize(
    ("header", "given", "kept"),
    [
        ("X-Request-Id", "abc-1.2:3_4", True),
        ("X-Request-Id", "", False),
        ("X-Request-Id", "a" * 129, False),
        ("X-Request-Id", "a b", False),
        ("X-Request-Id", "a\x1b[31m", False),
        ("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", True),
        ("traceparent", "00-00000000000000000000000000000000-00f067aa0ba902b7-01", False),
        ("traceparent", "nonsense", False),
    ],
)
def test_only_a_well_formed_id_is_kept(header: str, given: str, kept: bool) -> None:
    async def run() -> None:
        async with backbone() as world, world.http() as http:
            http.headers.pop("x-request-id")
            made = [(await http.get("/healthz", headers={header: given})).headers["x-request-id"] for _ in range(2)]
            if kept:
                assert made == [given.split("-")[1] if header == "traceparent" else given] * 2
            else:
                assert given not in made
                assert made[0] != made[1]
                assert all(re.fullmatch("[0-9a-f]{16}", one) for one in made)

    asyncio.run(run())


def test_streams_are_counted_and_told_when_to_come_again() -> None:
    async def run() -> None:
        async with backbone() as world, serving(world) as url, world.http(world.operator) as http:
            import httpx

            async with (
                httpx.AsyncClient(headers={"Authorization": f"Bearer {world.operator}"}) as client,
                client.stream("GET", f"{url}/v1/events", headers={"Accept": "text/event-stream"}) as stream,
            ):
                lines = stream.aiter_lines()
                assert (await anext(lines)).startswith("retry:")
                assert (await _metrics(world))["highroad_streams", ()] == 1
                close_streams(world.app)
                last = [line async for line in lines if line.startswith("retry:")]
                assert len(last) == 1
                assert 1000 <= int(last[0].removeprefix("retry: ")) <= 4000
            await world.until(lambda: world.app.state.requests.streams == 0)
            assert http is not None

    asyncio.run(run())
