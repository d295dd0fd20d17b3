"""Sends figures to a Prometheus elsewhere (or what speaks its remote write, version 1): in batches, patiently, bounded.

A request is a protobuf message in Snappy's block form; the few messages that it needs are described here. What cannot
be sent yet waits, and where too much waits the oldest is dropped, counted and said. What the other side refuses for
good is dropped too: sending it again would be refused again.

    highroad_link_carried_gbps{link="denver>chicago"} 41.2
"""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import deque
from collections.abc import Iterable, Sequence
from functools import cache
from typing import Any

import numpy as np

from highroad.model.tracks import Subject
from highroad.telemetry.rows import Rows

log = logging.getLogger(__name__)

WAITING = 500_000
"""Values that may wait: minutes of a network of a thousand links."""

BATCH = 10_000
"""Values of one request, at most."""

EACH_S = 2.0
"""How often what has come is sent."""

PAUSES_S = (0.5, 30.0)
"""After a failure, at first and at most."""

ANSWER_S = 10.0
SAID_EACH_S = 60.0

LABELS = {Subject.LINK: "link", Subject.SERVICE: "service", Subject.PATH: "path", Subject.GAP: "service"}


class Remote:
    """A thread that sends. `put` never waits."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._shown = re.sub(r"//[^/]*@", "//", url)
        """Without a name and a password that may be in it."""
        self._waiting: deque[tuple[Rows, int]] = deque()
        self._values = 0
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="remote write")
        self._said_s = float("-inf")
        self.sent = 0
        self.dropped = 0
        self.amiss = ""

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Send once more what waits, and end."""
        self._ended.set()
        self._thread.join()

    def put(self, rows: Iterable[Rows]) -> None:
        """Send these some time."""
        with self._lock:
            for one in rows:
                count = one.values
                self._waiting.append((one, count))
                self._values += count
            while self._values > WAITING and self._waiting:
                _, count = self._waiting.popleft()
                self._values -= count
                self._lost(count, "more waits than there is room for")

    # --- below ------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        import httpx

        with httpx.Client(timeout=ANSWER_S) as client:
            while not self._ended.wait(EACH_S):
                self._send_all(client)
            self._send_all(client)

    def _send_all(self, client: Any) -> None:
        while taken := self._take():
            count = sum(values for _, values in taken)
            pause_s = PAUSES_S[0]
            while (why := self._sent(client, taken)) is not None:
                lasting, text = why
                self.amiss = text
                if lasting:
                    self._lost(count, text)
                    break
                if time.monotonic() - self._said_s > SAID_EACH_S:
                    self._said_s = time.monotonic()
                    log.warning("telemetry cannot be sent to %s, and is tried again: %s", self._shown, text)
                if self._ended.wait(pause_s):
                    self._lost(count, text)
                    return
                pause_s = min(2 * pause_s, PAUSES_S[1])
            else:
                self.sent += count
                self.amiss = ""

    def _take(self) -> list[tuple[Rows, int]]:
        with self._lock:
            taken: list[tuple[Rows, int]] = []
            count = 0
            while self._waiting and (not taken or count + self._waiting[0][1] <= BATCH):
                taken.append(self._waiting.popleft())
                count += taken[-1][1]
            self._values -= count
            return taken

    def _sent(self, client: Any, taken: Sequence[tuple[Rows, int]]) -> tuple[bool, str] | None:
        """None where it was taken; else whether that is for good, and what was said."""
        import httpx

        try:
            answer = client.post(self._url, content=request([rows for rows, _ in taken]), headers=HEADERS)
        except httpx.InvalidURL as error:
            return True, str(error)
        except httpx.HTTPError as error:
            return False, str(error) or type(error).__name__
        if answer.is_success:
            return None
        lasting = answer.status_code < 500 and answer.status_code not in (408, 429)
        return lasting, f"it answers {answer.status_code}: {answer.text[:200]}"

    def _lost(self, count: int, why: str) -> None:
        self.dropped += count
        if time.monotonic() - self._said_s > SAID_EACH_S:
            self._said_s = time.monotonic()
            log.warning("telemetry for %s is dropped, %d values until now: %s", self._shown, self.dropped, why)


HEADERS = {
    "Content-Type": "application/x-protobuf",
    "Content-Encoding": "snappy",
    "X-Prometheus-Remote-Write-Version": "0.1.0",
    "User-Agent": "highroad",
}


def request(several: Sequence[Rows]) -> bytes:
    """The body of a request: a `prometheus.WriteRequest`, compressed. Samples of a series are in order of time."""
    from cramjam import snappy

    message = write_request()()
    series: dict[tuple[str, str, str], Any] = {}
    for rows in several:
        times_ms = np.rint(rows.at_s * 1000.0).astype(np.int64).tolist()
        for column, values in rows.columns.items():
            metric, label = f"highroad_{rows.subject.value}_{column}", LABELS[rows.subject]
            for name, at_ms, value in zip(rows.names, times_ms, values.tolist(), strict=True):
                if value != value:
                    continue
                known = series.get((metric, label, name))
                if known is None:
                    known = series[metric, label, name] = message.timeseries.add()
                    for key, text in (("__name__", metric), *_labels(label, name)):
                        known.labels.add(name=key, value=text)
                known.samples.add(value=value, timestamp=at_ms)
    return bytes(snappy.compress_raw(message.SerializeToString()))


def _labels(label: str, name: str) -> tuple[tuple[str, str], ...]:
    """In alphabetical order, as receivers ask for."""
    if label != "path":
        return ((label, name),)
    service, _, rest = name.partition("/")
    way, _, path = rest.partition("/")
    return (("path", path or "in-use"), ("service", service), ("way", way))


@cache
def write_request() -> type[Any]:
    """The message of remote write, as its published definition has it (remote.proto, types.proto)."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    of = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="highroad/remote.proto", package="prometheus", syntax="proto3")
    shapes: dict[str, list[tuple[str, int, int, str]]] = {
        "Label": [("name", 1, of.TYPE_STRING, ""), ("value", 2, of.TYPE_STRING, "")],
        "Sample": [("value", 1, of.TYPE_DOUBLE, ""), ("timestamp", 2, of.TYPE_INT64, "")],
        "TimeSeries": [("labels", 1, of.TYPE_MESSAGE, "Label"), ("samples", 2, of.TYPE_MESSAGE, "Sample")],
        "WriteRequest": [("timeseries", 1, of.TYPE_MESSAGE, "TimeSeries")],
    }
    for name, fields in shapes.items():
        message = file.message_type.add(name=name)
        for field, number, kind, many in fields:
            one = message.field.add(name=field, number=number, type=of.Type.ValueType(kind))
            one.label = of.LABEL_REPEATED if many else of.LABEL_OPTIONAL
            if many:
                one.type_name = f".prometheus.{many}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    found: type[Any] = message_factory.GetMessageClass(pool.FindMessageTypeByName("prometheus.WriteRequest"))
    return found
