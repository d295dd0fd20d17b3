"""The whole API, as its own document tells of it, asked everything that can be made of that: Schemathesis over HTTP.

The document is read from the controller that is asked, so that an endpoint which is new is asked too. What an order, a
port or a network means no schema can say: that such a request is answered 422 is no failure, unless it is for its form.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import Failure
from schemathesis.engine import events, from_schema
from schemathesis.engine.recorder import ScenarioRecorder
from schemathesis.openapi.checks import UseAfterFree

from highroad.api.gate import Allowance
from tests.support.backbone import Backbone, backbone, serving

PHASES = ("examples", "coverage", "fuzzing", "stateful")
HERE = {
    "campus-sioux-falls": "campus-east",
    "campus-boise": "campus-east",
    "aws-us-west-2": "cloud-west",
    "aws-us-east-1": "cloud-west",
    "albany--syracuse": "pop-ash--pop-chi",
    "albany": "pop-chi",
}
"""What the document's examples name, and what stands for it in the small backbone."""

NAMES = [*HERE.values(), "acme", "rival", "acme.campus-east", "campus-east>pop-ash", "US", "US-VA", "edge-chi"]
ODD = [
    "\u202egnp.exe",
    "a\u200bb",
    "\x1b[31mred",
    "[red]x[/]",
    "<img onerror=x>",
    "\u0000",
    "../../etc/passwd",
    "%2e%2e%2f",
    "e" + "\u0301" * 300,
    "x" * 5000,
    "' OR 1=1 --",
    "%",
    "__proto__",
    "\ufeff",
    "\r\nX: y",
]
NO_LIMIT = Allowance(wrong_per_s=0.0)
"""Whoever asks without a token is told so each time, and not from some request on that there were too many: a fast
machine gets there. What is done then has tests of its own.
"""

FORM = {"type", "missing", "unknown-field", "unknown-parameter", "json-invalid", "ambiguous"}
"""Findings about the form of a request, which the document tells all about."""


@dataclass(slots=True)
class Asked:
    """How much was asked, and what was answered wrongly: each kind of failure once, in words."""

    cases: int = 0
    seconds: float = 0.0
    failures: dict[str, str] = field(default_factory=dict)


def ask(
    url: str,
    token: str,
    *,
    phases: Sequence[str] = PHASES,
    examples: int = 20,
    seed: int = 1,
    most_s: float | None = None,
) -> Asked:
    """Everything that the document of a running controller says can be asked, with a token. `most_s` ends it early."""
    document = json.loads(_placed(httpx.get(f"{url}/v1/openapi.json").text))
    config: dict[str, Any] = {
        "seed": seed,
        "continue-on-failure": True,
        "max-stream-events": 1,
        "request-timeout": 30,
        "base-url": url,
        "headers": {"Authorization": f"Bearer {token}"},
        "dictionaries": {"names": {"values": [*NAMES, *ODD]}},
        "generation": {
            "max-examples": examples,
            "no-shrink": True,
            "database": "none",
            "dictionaries": {"string": {"dictionary": "names", "probability": 0.4}},
        },
        "checks": {
            "positive_data_acceptance": {
                "expected-statuses": ["2xx", "401", "403", "404", "409", "412", "422", "428", "429", "503"]
            },
            "negative_data_rejection": {
                "expected-statuses": ["400", "401", "403", "404", "405", "409", "412", "414", "415", "422", "428",
                                      "429", "431", "503"]
            },
        },
        "phases": {phase: {"enabled": phase in phases} for phase in PHASES},
    }  # fmt: skip
    if most_s is not None:
        config["max-time"] = most_s
    schema = schemathesis.openapi.from_dict(document, config=SchemathesisConfig.from_dict(config))
    began = time.perf_counter()
    asked = Asked()
    for event in from_schema(schema).execute():
        if isinstance(event, events.ScenarioFinished):
            _judge(event, asked)
        elif isinstance(event, events.NonFatalError | events.FatalError):
            asked.failures[f"{type(event).__name__} {getattr(event, 'label', '')}"] = str(vars(event))[:2000]
    asked.seconds = time.perf_counter() - began
    return asked


def _placed(document: str) -> str:
    for name, here in HERE.items():
        document = document.replace(json.dumps(name), json.dumps(here))
    return document


def _judge(event: events.ScenarioFinished, asked: Asked) -> None:
    recorder = event.recorder
    asked.cases += len(recorder.interactions)
    for case_id, checks in recorder.checks.items():
        for check in checks:
            if check.failure_info is not None and not _stays(check.failure_info.failure, recorder):
                failure = check.failure_info.failure
                response = recorder.interactions[case_id].response if case_id in recorder.interactions else None
                said = "" if response is None else f"\n{response.status_code} {response.content[:600]!r}"
                asked.failures.setdefault(
                    f"{event.phase.value} {recorder.label}: {check.name}, {failure.title}",
                    f"{failure.message}\n{check.failure_info.code_sample}{said}",
                )
    for case_id, interaction in recorder.interactions.items():
        case, response = recorder.cases[case_id].value, interaction.response
        if response is None:
            asked.failures.setdefault(f"{event.phase.value} {recorder.label}: no answer", case.as_curl_command())
        elif response.status_code == 422 and case.meta is not None and case.meta.generation.mode.is_positive:
            findings = response.json().get("findings", [])
            wrong = [one for one in findings if one["code"] in FORM]
            if wrong:
                what = f"{event.phase.value} {recorder.label}: refused for a form that the document allows"
                asked.failures.setdefault(what, f"{wrong}\n{case.as_curl_command()}")


def _stays(failure: Failure, recorder: ScenarioRecorder) -> bool:
    """Whether it is only that something can be looked at after it was ended, as the answer to its DELETE has shown."""
    if not isinstance(failure, UseAfterFree) or failure.deleted_case_id is None:
        return False
    ended = recorder.find_response(case_id=failure.deleted_case_id)
    return ended is not None and ended.status_code == 200


@contextmanager
def served() -> Iterator[tuple[str, Backbone]]:
    """The small backbone on a port of loopback, in a thread; yields its address."""
    import asyncio

    ready = threading.Event()
    held: dict[str, Any] = {}

    async def run() -> None:
        held["loop"], held["stop"] = asyncio.get_running_loop(), asyncio.Event()
        async with backbone(options={"allowance": NO_LIMIT}) as world, serving(world) as url:
            async with httpx.AsyncClient() as http:
                while True:
                    try:
                        await http.get(f"{url}/healthz")
                        break
                    except httpx.ConnectError:
                        await asyncio.sleep(0.01)
            held["url"], held["world"] = url, world
            ready.set()
            await held["stop"].wait()

    def in_thread() -> None:
        try:
            asyncio.run(run())
        finally:
            ready.set()

    thread = threading.Thread(target=in_thread)
    thread.start()
    ready.wait()
    try:
        yield held["url"], held["world"]
    finally:
        held["loop"].call_soon_threadsafe(held["stop"].set)
        thread.join()
