"""Traces arrive, over the wire, as OpenTelemetry's own messages; without a receiver its SDK is not even imported."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from highroad.telemetry.traces import Traces, traces
from tests.support.backbone import backbone

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
ORDER = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 100}


@pytest.fixture
def receiver() -> Iterator[tuple[str, list[Any]]]:
    """An OTLP/HTTP receiver: its address, and the spans that it got."""
    spans: list[Any] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            assert self.path == "/v1/traces"
            asked = ExportTraceServiceRequest.FromString(body)
            for resource in asked.resource_spans:
                about = {one.key: one.value.string_value for one in resource.resource.attributes}
                assert (about["service.name"], about["service.version"]) == ("highroad", "1.2.3")
                for scope in resource.scope_spans:
                    spans.extend(scope.spans)
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", spans
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_request_its_decision_and_its_commit_are_one_trace(
    receiver: tuple[str, list[Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    url, spans = receiver
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", url)
    tracer = traces("1.2.3")
    assert isinstance(tracer, Traces)

    async def run() -> None:
        async with backbone(options={"tracer": tracer}, tracer=tracer) as world, world.http(world.acme) as http:
            made = await http.post(
                "/v1/services", json=ORDER, headers={"traceparent": f"00-{TRACE}-{PARENT}-01", "X-Request-Id": "mine"}
            )
            assert made.status_code == 201
            await world.active(http, made.json()["id"])

    asyncio.run(run())
    tracer.close()
    ours = {one.name: one for one in spans if one.trace_id.hex() == TRACE}
    assert set(ours) == {"POST /v1/services", "decision", "commit"}
    request = ours["POST /v1/services"]
    told = {one.key: one.value.string_value or one.value.int_value for one in request.attributes}
    assert told == {
        "http.request.method": "POST",
        "http.route": "/v1/services",
        "http.response.status_code": 201,
        "highroad.request": "mine",
    }
    assert request.parent_span_id.hex() == PARENT
    for name in ("decision", "commit"):
        inner = ours[name]
        assert inner.parent_span_id == request.span_id
        assert request.start_time_unix_nano <= inner.start_time_unix_nano <= inner.end_time_unix_nano
        assert inner.end_time_unix_nano <= request.end_time_unix_nano
    (outcome,) = ours["decision"].attributes
    assert outcome.value.string_value == "accepted"
    applied = [one for one in spans if one.name == "fabric apply"]
    assert applied
    assert all(not one.parent_span_id for one in applied)


@pytest.mark.parametrize("environment", [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
    {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"}])  # fmt: skip
def test_nobody_asked_and_nothing_is_there(environment: dict[str, str]) -> None:
    assert traces("1", environment) is None


def test_without_a_receiver_nothing_is_imported() -> None:
    script = """
        import sys
        import highroad.main.up, highroad.api, highroad.telemetry.traces, highroad.telemetry.logs
        assert highroad.telemetry.traces.traces("1", {}) is None
        highroad.telemetry.logs.set_up("text", "INFO")
        ours = ("opentelemetry.sdk", "opentelemetry.exporter", "opentelemetry.proto", "pythonjsonlogger")
        assert not [name for name in sys.modules if name.startswith(ours)]
    """
    import textwrap

    done = subprocess.run([sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
