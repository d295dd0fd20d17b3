"""`/metrics`: one table of everything that is told, read from plain figures when somebody asks and not before.

docs/metrics.md is written from the table (`table()`). No label is a tenant's, a service's or a
link's: what is told stays as much however many of them there are.
"""

from __future__ import annotations

import platform
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from highroad.api.requests import Requests
from highroad.api.routes.health import running, stopping
from highroad.control.book import Book
from highroad.control.desk import Desk
from highroad.control.figures import Figures, Spread
from highroad.control.health import amiss
from highroad.model.lifecycle import ENDED, State
from highroad.model.tracks import Keeping

MEDIA_TYPE = CONTENT_TYPE_LATEST

SHARES = (0.0, 0.25, 0.5, 0.75, 0.9, 0.95, 1.0)
"""Links are counted by how much of them is booked at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """Everything that a metric may be read from, at one instant."""

    book: Book
    keeping: Keeping | None
    """None where this process keeps no figures."""
    figures: Figures
    requests: Requests
    waiting: int
    reloads: int
    since_pass_s: float | None
    """None where this process does not lead."""
    sample_age_s: float | None
    shares: list[float]
    """How much of each link is booked now."""
    checks: dict[str, bool]
    """Whether each of the checks of `/readyz` is good."""


Rows = Iterable[tuple[tuple[str, ...], "float | Spread"]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A metric: what it is called, what it means, how its series are told apart, and where its values are read."""

    name: str
    kind: type[CounterMetricFamily] | type[GaugeMetricFamily] | type[HistogramMetricFamily]
    about: str
    labels: tuple[str, ...] = ()
    read: Callable[[Seen], Rows]

    def family(self, seen: Seen) -> Metric:
        """The metric with its values."""
        family: Any = self.kind(self.name, self.about, labels=self.labels)
        for labels, value in self.read(seen):
            if isinstance(value, Spread):
                family.add_metric(labels, _buckets(value), value.total)
            else:
                family.add_metric(labels, value)
        found: Metric = family
        return found


def _one(read: Callable[[Seen], float | Spread | None]) -> Callable[[Seen], Rows]:
    """A metric of one series; none of it while its value is not known."""

    def rows(seen: Seen) -> Rows:
        value = read(seen)
        return () if value is None else (((), value),)

    return rows


def _requests(seen: Seen) -> Rows:
    return (((route, method, str(status)), took) for (route, method, status), took in seen.requests.took.items())


def _kept(read: Callable[[Keeping], float]) -> Callable[[Seen], Rows]:
    return _one(lambda seen: None if seen.keeping is None else read(seen.keeping))


def _services(seen: Seen) -> Rows:
    return (((state.value,), float(len(seen.book.index.within([state])))) for state in State if state not in ENDED)


def _booked(seen: Seen) -> Rows:
    return (((f"{least:g}",), float(sum(share >= least for share in seen.shares))) for least in SHARES)


COUNTER, GAUGE, HISTOGRAM = CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

METRICS: tuple[Row, ...] = (
    Row(name="highroad_build_info", kind=GAUGE, about="Always 1; its labels say what runs.",
        labels=("version", "python"), read=lambda _: (((running(), platform.python_version()), 1.0),)),
    Row(name="highroad_request_duration_seconds", kind=HISTOGRAM,
        about="From a request's head to the end of its answer; a stream's is as long as it was open.",
        labels=("route", "method", "status"), read=_requests),
    Row(name="highroad_requests_in_flight", kind=GAUGE, about="Requests under way, streams among them.",
        read=_one(lambda seen: seen.requests.under_way)),
    Row(name="highroad_streams", kind=GAUGE, about="Streams of events that are open.",
        read=_one(lambda seen: seen.requests.streams)),
    Row(name="highroad_planner_waiting", kind=GAUGE, about="Decisions that wait for the next batch.",
        read=_one(lambda seen: seen.waiting)),
    Row(name="highroad_planner_batch_size", kind=HISTOGRAM, about="Decisions in a batch, which is one commit.",
        read=_one(lambda seen: seen.figures.batches)),
    Row(name="highroad_commit_duration_seconds", kind=HISTOGRAM, about="How long the store took to write a batch.",
        read=_one(lambda seen: seen.figures.commits)),
    Row(name="highroad_decisions", kind=COUNTER,
        about="Decisions that somebody asked for: `accepted`, or the code of the problem; of `refused`, what binds.",
        labels=("outcome", "binding"),
        read=lambda seen: ((key, float(count)) for key, count in seen.figures.decided.items())),
    Row(name="highroad_store_errors", kind=COUNTER, about="Times that the store could not write or be read.",
        read=_one(lambda seen: seen.figures.store_errors)),
    Row(name="highroad_reloads", kind=COUNTER,
        about="Times that everything was read from the store again: after that, or to follow from far behind.",
        read=_one(lambda seen: seen.reloads)),
    Row(name="highroad_loop_pass_duration_seconds", kind=HISTOGRAM, about="Whole passes of the control loop.",
        read=_one(lambda seen: seen.figures.passes)),
    Row(name="highroad_loop_passes_failed", kind=COUNTER, about="Passes that broke off and were tried again.",
        read=_one(lambda seen: seen.figures.passes_failed)),
    Row(name="highroad_loop_pass_age_seconds", kind=GAUGE,
        about="Since the last whole pass; none where this process does not lead, and so has no loop.",
        read=_one(lambda seen: seen.since_pass_s)),
    Row(name="highroad_event_loop_lag_seconds", kind=GAUGE, about="How late the event loop was when last looked.",
        read=_one(lambda seen: seen.figures.lag_s)),
    Row(name="highroad_fabric_changes_applied", kind=COUNTER, about="Changes that the fabric made.",
        read=_one(lambda seen: seen.figures.applied)),
    Row(name="highroad_fabric_changes_refused", kind=COUNTER, about="Changes that it would not make; tried again.",
        read=_one(lambda seen: seen.figures.refused)),
    Row(name="highroad_fabric_sample_age_seconds", kind=GAUGE,
        about="How old the newest reading of counters is; none before the first.",
        read=_one(lambda seen: seen.sample_age_s)),
    Row(name="highroad_services", kind=GAUGE, about="Services that live, by state.", labels=("state",), read=_services),
    Row(name="highroad_links", kind=GAUGE, about="Links of the network in force.",
        read=_one(lambda seen: len(seen.shares))),
    Row(name="highroad_links_booked", kind=GAUGE,
        about="Links of which at least so much is booked now, for services, their backups and maintenances.",
        labels=("at_least",), read=_booked),
    Row(name="highroad_link_booked_max_ratio", kind=GAUGE, about="How much is booked of the fullest link.",
        read=_one(lambda seen: max(seen.shares, default=0.0))),
    Row(name="highroad_incidents_open", kind=GAUGE, about="Incidents that are open.",
        read=_one(lambda seen: sum(one.open for one in seen.book.incidents.values()))),
    Row(name="highroad_maintenances_open", kind=GAUGE, about="Maintenances that are booked or under way.",
        read=_one(lambda seen: sum(one.ended_s is None for one in seen.book.maintenances.values()))),
    Row(name="highroad_frozen", kind=GAUGE, about="1 while changes are frozen.",
        read=_one(lambda seen: float(seen.book.freeze is not None))),
    Row(name="highroad_network_revision", kind=GAUGE, about="Of the network in force.",
        read=_one(lambda seen: seen.book.revision)),
    Row(name="highroad_event_sequence", kind=GAUGE, about="Of the newest event.",
        read=_one(lambda seen: seen.book.last_sequence)),
    Row(name="highroad_telemetry_values", kind=COUNTER,
        about="Figures that were kept; none of these where this process keeps none.", read=_kept(lambda one: one.kept)),
    Row(name="highroad_telemetry_values_dropped", kind=COUNTER,
        about="Figures that were not kept: more came than could be written, or the disk was full.",
        read=_kept(lambda one: one.dropped)),
    Row(name="highroad_telemetry_bytes", kind=GAUGE, about="What they take on disk.",
        read=_kept(lambda one: one.size_bytes)),
    Row(name="highroad_telemetry_bytes_limit", kind=GAUGE, about="What they may take.",
        read=_kept(lambda one: one.limit_bytes)),
    Row(name="highroad_telemetry_files_given_up", kind=COUNTER,
        about="Files of the oldest that went before their time, for want of room.",
        read=_kept(lambda one: one.given_up)),
    Row(name="highroad_telemetry_files_damaged", kind=GAUGE,
        about="Files that cannot be read and are set aside: their time is a gap.", read=_kept(lambda one: one.damaged)),
    Row(name="highroad_telemetry_restarts", kind=COUNTER, about="Times that the process that keeps them was started.",
        read=_kept(lambda one: one.restarts)),
    Row(name="highroad_telemetry_ok", kind=GAUGE, about="1 while figures are kept, 0 while something is amiss.",
        read=_kept(lambda one: float(not one.amiss))),
    Row(name="highroad_remote_write_values", kind=COUNTER, about="Figures that the Prometheus elsewhere has taken.",
        read=_kept(lambda one: one.sent)),
    Row(name="highroad_remote_write_values_dropped", kind=COUNTER,
        about="Figures that it refused for good, or that waited for it too long.", read=_kept(lambda one: one.unsent)),
    Row(name="highroad_ready", kind=GAUGE, about="1 for each check of `/readyz` that is good, else 0.",
        labels=("check",), read=lambda seen: (((name,), float(good)) for name, good in seen.checks.items())),
)  # fmt: skip
"""Everything of our own; what the process is besides comes from prometheus_client, as `process_*`."""

PROCESS: dict[str, str] = {
    "process_cpu_seconds": "counter",
    "process_resident_memory_bytes": "gauge",
    "process_virtual_memory_bytes": "gauge",
    "process_start_time_seconds": "gauge",
    "process_open_fds": "gauge",
    "process_max_fds": "gauge",
}


async def exposition(controller: Desk, requests: Requests, *, leaving: bool = False) -> bytes:
    """All of it as text (Prometheus exposition format 0.0.4); `leaving` where it was asked to stop."""
    checks = [stopping(leaving), *await controller.health.checks()]
    book = await controller.settled()
    now_s = time.time()
    sample = controller.last_sample
    bad = amiss(checks)
    seen = Seen(
        book=book,
        keeping=controller.seat.keeping,
        figures=controller.figures,
        requests=requests,
        waiting=controller.waiting,
        reloads=controller.reloads,
        since_pass_s=controller.figures.since_pass_s() if controller.leads else None,
        sample_age_s=None if sample is None else max(0.0, now_s - sample.at_s),
        shares=list(_shares(book, now_s)),
        checks={one.name: one.name not in bad for one in checks},
    )
    registry = CollectorRegistry()
    registry.register(_Table(seen))
    ProcessCollector(registry=registry)
    return generate_latest(registry)


class _Table(Collector):
    def __init__(self, seen: Seen) -> None:
        self._seen = seen

    def collect(self) -> Iterator[Metric]:
        for row in METRICS:
            yield row.family(self._seen)


def _shares(book: Book, now_s: float) -> Iterator[float]:
    calendar = book.ground.calendar
    for link in book.network.links:
        capacity = calendar.capacity(link.id)
        yield calendar.at(link.id, now_s) / capacity if capacity else 0.0


def _buckets(spread: Spread) -> list[tuple[str, float]]:
    """Each bound with how many are at most that."""
    buckets: list[tuple[str, float]] = []
    so_far = 0
    for bound, count in zip((*(f"{one:g}" for one in spread.bounds), "+Inf"), spread.counts, strict=True):
        so_far += count
        buckets.append((bound, float(so_far)))
    return buckets


def table() -> str:
    """What docs/metrics.md has: a row for each metric."""
    lines = ["| metric | type | labels | what |", "|---|---|---|---|"]
    for row in METRICS:
        kind = row.kind.__name__.removesuffix("MetricFamily").lower()
        name = f"{row.name}_total" if row.kind is COUNTER else row.name
        labels = ", ".join(f"`{one}`" for one in row.labels)
        lines.append(f"| `{name}` | {kind} | {labels} | {row.about} |")
    for name, kind in PROCESS.items():
        shown = f"{name}_total" if kind == "counter" else name
        lines.append(f"| `{shown}` | {kind} | | of the process, as every Prometheus client tells it |")
    return "\n".join(lines) + "\n"
