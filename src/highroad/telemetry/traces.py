"""Traces by OpenTelemetry, where its own variables say where to send them; without these its SDK is not imported.

A request is a span, and in it the decision, the commit and whatever else is recorded in its context. What the loop asks
of the fabric is a span of its own.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

WHERE = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def traces(version: str, environment: Mapping[str, str] | None = None) -> Traces | None:
    """Where spans go, or None where nobody asked for them. They are sent in batches, from a thread of their own."""
    variables = os.environ if environment is None else environment
    if not any(variables.get(name) for name in WHERE) or variables.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return None
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    about = {"service.name": variables.get("OTEL_SERVICE_NAME") or "highroad", "service.version": version}
    provider = TracerProvider(resource=Resource.create(about), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Traces(provider)


class Traces:
    """Spans, as they end."""

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("highroad")

    @contextmanager
    def request(self, method: str, parent: str) -> Iterator[dict[str, Any]]:
        """A span for as long as a request is answered, with what is put into the mapping; `parent` is a traceparent."""
        from opentelemetry.trace import SpanKind, Status, StatusCode
        from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

        context = TraceContextTextMapPropagator().extract({"traceparent": parent}) if parent else None
        facts: dict[str, Any] = {}
        with self._tracer.start_as_current_span(method, context=context, kind=SpanKind.SERVER) as span:
            yield facts
            span.update_name(f"{method} {facts.get('http.route', '')}".strip())
            span.set_attribute("http.request.method", method)
            span.set_attributes(facts)
            if facts.get("http.response.status_code", 0) >= 500:
                span.set_status(Status(StatusCode.ERROR))

    def record(self, name: str, begun_s: float, ended_s: float, /, **facts: str | int) -> None:
        """Something that was done (UTC seconds), as a part of what goes on in the current context."""
        span = self._tracer.start_span(name, start_time=round(begun_s * 1e9), attributes=facts)
        span.end(end_time=round(ended_s * 1e9))

    def close(self) -> None:
        """Send what has not been sent; blocks for as long as its own variables let it."""
        self._provider.shutdown()
