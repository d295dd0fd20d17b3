"""When a request is sent again, and after how long: the decision alone, without waiting."""

from __future__ import annotations

import random
from typing import Any

import httpx

from highroad.client.calls import Ask

FIRST_S = 0.1
MOST_S = 3.0


def wait_s(ask: Ask[Any], attempt: int, retries: int, outcome: httpx.Response | httpx.TransportError) -> float | None:
    """How long to wait before attempt `attempt + 1`, or None where the outcome stands.

    What was not sent, or was answered 503 or 429 (nothing was done), may always be sent again; what may have been done
    only if twice is as good as once.
    """
    if attempt >= retries:
        return None
    if isinstance(outcome, httpx.Response):
        again = outcome.status_code in (429, 503) or (ask.repeatable and outcome.status_code in (502, 504))
    else:
        again = ask.repeatable or isinstance(outcome, httpx.ConnectError | httpx.ConnectTimeout)
        if isinstance(outcome, httpx.ConnectError) and attempt >= 1:
            return None  # nobody is there: once more, in case it is just starting, and no longer
    if not again:
        return None
    pause = min(MOST_S, FIRST_S * 3.0**attempt)
    if isinstance(outcome, httpx.Response) and outcome.headers.get("retry-after", "").isdigit():
        pause = min(MOST_S, max(pause, float(outcome.headers["retry-after"])))
    return pause * (0.5 + random.random() / 2)  # noqa: S311 - so that many who wait do not come back at once
