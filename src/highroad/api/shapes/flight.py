"""What was decided again, as it travels."""

from __future__ import annotations

from highroad.control.explaining import Decided, Explanation
from highroad.control.replaying import Replay
from highroad.wire.base import time_from_s
from highroad.wire.flight import (
    DecisionOut,
    DifferenceOut,
    ExplanationOut,
    HappenedOut,
    ReplayedOut,
    ReplayOut,
    WayOut,
)


def replay_out(found: Replay) -> ReplayOut:
    """All of it, for an operator."""
    return ReplayOut(
        incident=found.incident,
        identical=found.identical,
        first_commit=found.first,
        opened_commit=found.opened,
        closed_commit=found.closed,
        last_commit=found.last,
        commits=found.commits,
        decisions=found.decisions,
        asked=found.asked,
        differences=[DifferenceOut(commit=one.commit, what=one.what) for one in found.differences],
        stopped=found.stopped,
        timeline=[
            ReplayedOut(at=time_from_s(one.at_s), commit=one.commit, what=one.what, text=one.text, service=one.service)
            for one in found.lines
        ],
        more=found.more,
    )


def explanation_out(found: Explanation, viewer: str | None) -> ExplanationOut:
    """For a tenant, or an operator for None: each has its own places of events. Commits are numbered over everybody's,
    so that a tenant is told none.
    """
    return ExplanationOut(
        service=found.service,
        events=[
            HappenedOut(
                at=time_from_s(one.event.at_s),
                sequence=one.event.place(viewer),
                commit=one.commit if viewer is None else None,
                type=one.event.kind,
                data=dict(one.event.data),
            )
            for one in found.happened
        ],
        earlier=found.earlier,
        decision=None if found.decided is None else _decision(found.decided, viewer),
        missing=found.missing if viewer is None or not found.missing else NOT_KNOWN,
    )


NOT_KNOWN = "the decision is not known any more, or was made from more than can be made again"


def _decision(made: Decided, viewer: str | None) -> DecisionOut:
    order = made.service.order
    return DecisionOut(
        at=time_from_s(made.at_s),
        commit=made.commit if viewer is None else None,
        network_revision=made.network_revision,
        asked=made.asked,
        bandwidth_gbps=order.bandwidth_gbps,
        latency_bound_ms=order.latency_bound_ms,
        fence=None if order.fence is None else list(order.fence.codes),
        protection=order.protection.value,
        before=made.before is not None,
        latency_ms=made.latency_ms,
        ways=[
            WayOut(sites=list(one.sites), latency_ms=one.latency_ms, verdict=one.verdict.value, text=one.text)
            for one in made.ways
        ],
        rule=made.rule,
        first_commit=made.first if viewer is None else None,
        identical=made.identical,
    )
