"""Elastic services: the guarantee follows the load between a tenant's floor and ceiling, each step admitted like any
order.

Once a sample, `Autoscaler.wanted` looks at the busier direction of each service that has a rule:

    up     it offered more than UP_ABOVE of the guarantee in each of UP_SAMPLES samples
    down   it offered less than DOWN_BELOW of it in each of DOWN_SAMPLES samples
    to     the most that it offered in those samples by TARGET, in parts of the ceiling (STEPS), within the rule

TARGET is in the middle, so that a step leaves what it answered to: after one the load is at 65% of the guarantee, a
quarter away from either edge. Up is quick, since a queue grows meanwhile; down is slow, since bursts come again and
what was given back may be somebody else's then. A step up that is refused changes nothing, is told once, and is tried
again when capacity may have become free. While changes are frozen there is no step. A restart forgets what was counted,
and only that.
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field, replace

from highroad.control import order as orders
from highroad.control.book import Book, Draft
from highroad.errors import Conflict, Invalid, QuotaExceeded, Refused
from highroad.model.autoscale import Autoscale, ScaleRefusal, ScaleStep
from highroad.model.change import Change
from highroad.model.lifecycle import State
from highroad.model.service import Service, ServiceId
from highroad.ports import Sample, ServiceCounters
from highroad.units import gbps_from_mbps, mbps_from_gbps

UP_ABOVE = 0.80
UP_SAMPLES = 3
DOWN_BELOW = 0.40
DOWN_SAMPLES = 30
TARGET = 0.65

STEPS = 100
"""A rate is a whole number of so many parts of the ceiling: small changes of load change nothing."""

LEAST_SAMPLE_S = 0.9
"""Samples are taken each second, and more often while something is dark: what comes sooner is not counted."""

PAUSE_S = 5.0
"""Between two steps of a service: routers have the one, and counters show it, before the next."""

RETRY_S = 10.0
"""Between a step that was refused and the next try, if capacity came free at all."""

AT_ONCE = 64
"""Steps that one sample may bring, so that orders go on meanwhile; the others come with the next sample."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A rate that a service is to have, if it is still at a version."""

    service: ServiceId
    version: int
    to_gbps: float


@dataclass(slots=True)
class _Watch:
    """What was counted of a service since its order changed last."""

    version: int
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=UP_SAMPLES))
    low: int = 0
    peak_gbps: float = 0.0
    """Of the samples that were low."""
    tried_s: float = -math.inf
    tried_at: int = -1
    """The book's count of `changes` then."""


class Autoscaler:
    """What the loop remembers of loads."""

    def __init__(self) -> None:
        self._watches: dict[ServiceId, _Watch] = {}
        self._sampled_s = -math.inf

    def wanted(self, book: Book, sample: Sample) -> list[Step]:
        """The steps that a sample calls for."""
        if abs(sample.at_s - self._sampled_s) < LEAST_SAMPLE_S:
            return []
        self._sampled_s = sample.at_s
        steps: list[Step] = []
        watched: dict[ServiceId, _Watch] = {}
        for service in book.elastic():
            counters, rule = sample.services.get(service.id), service.order.autoscale
            if rule is None or counters is None or service.state is not State.ACTIVE or service.leaving:
                continue
            watch = self._watches.get(service.id)
            if watch is None or watch.version != service.version:
                watch = _Watch(service.version)
            watched[service.id] = watch
            to_gbps = _look(watch, service, rule, load_gbps(counters, service.order.bandwidth_gbps))
            if to_gbps is None or book.freeze is not None or len(steps) == AT_ONCE or _rests(service, sample.at_s):
                continue
            if to_gbps > service.order.bandwidth_gbps:
                if sample.at_s < watch.tried_s + RETRY_S or book.changes == watch.tried_at:
                    continue
                watch.tried_s, watch.tried_at = sample.at_s, book.changes
            steps.append(Step(service=service.id, version=service.version, to_gbps=to_gbps))
        self._watches = watched
        return steps


def take(draft: Draft, step: Step) -> None:
    """Take a step as the tenant would, by a change of its order; or leave the service as it is, and say why."""
    before = draft.book.services.get(step.service)
    if before is None or before.version != step.version or before.state is not State.ACTIVE:
        return
    change = Change(bandwidth_gbps=step.to_gbps)
    try:
        # In the tenant's name: what is refused is told to it, so without what only operators may see.
        after = orders.change(draft, before.id, change, tenant=before.tenant, if_version=step.version, by="autoscale")
    except (Refused, Invalid, QuotaExceeded) as error:
        _refused(draft, before, step, error)
        return
    except Conflict:
        return  # changes were frozen meanwhile, or it is another service now
    taken = ScaleStep(at_s=draft.now_s, from_gbps=before.order.bandwidth_gbps, to_gbps=step.to_gbps)
    draft.put(replace(after, scaled=taken))


def load_gbps(counters: ServiceCounters, guaranteed_gbps: float) -> float:
    """What the busier direction of a service offers.

    Offers are counted of both together, and what is carried of each. What is not carried was offered by a direction
    that has all of its guarantee; where both have, or neither, each is taken to offer as much as the other at least.
    """
    there, back = counters.carried_gbps_there, counters.carried_gbps_back
    missing = max(0.0, counters.offered_gbps - there - back)
    full = [rate for rate in (there, back) if rate >= 0.98 * guaranteed_gbps]
    if len(full) == 1:
        return full[0] + missing
    return max(there, back, counters.offered_gbps / 2)


def rate_for(load_gbps: float, rule: Autoscale) -> float:
    """The guarantee of which a load is TARGET: whole steps, within the rule."""
    step_mbps = max(1, mbps_from_gbps(rule.ceiling_gbps) // STEPS)
    wanted_mbps = math.ceil(load_gbps * 1000.0 / TARGET / step_mbps - 1e-9) * step_mbps
    return min(max(gbps_from_mbps(wanted_mbps), rule.floor_gbps), rule.ceiling_gbps)


def _look(watch: _Watch, service: Service, rule: Autoscale, load: float) -> float | None:
    """Count a load, and say which rate it calls for, if another."""
    now_gbps = service.order.bandwidth_gbps
    watch.recent.append(load)
    if load < DOWN_BELOW * now_gbps:
        watch.low += 1
        watch.peak_gbps = max(watch.peak_gbps, load)
    else:
        watch.low, watch.peak_gbps = 0, 0.0
    if len(watch.recent) == UP_SAMPLES and min(watch.recent) > UP_ABOVE * now_gbps:
        to_gbps = rate_for(max(watch.recent), rule)
        return to_gbps if to_gbps > now_gbps else None
    if watch.low >= DOWN_SAMPLES:
        to_gbps = rate_for(watch.peak_gbps, rule)
        return to_gbps if to_gbps < now_gbps else None
    return None


def _rests(service: Service, now_s: float) -> bool:
    return service.scaled is not None and abs(now_s - service.scaled.at_s) < PAUSE_S


def _refused(draft: Draft, service: Service, step: Step, error: Refused | Invalid | QuotaExceeded) -> None:
    """Remember why, and tell it where nothing was refused since the last step."""
    if step.to_gbps < service.order.bandwidth_gbps:
        return
    binding = error.facts.get("binding")
    why = error.message if binding is None else str(binding.message)
    known, last = service.scale_refused, service.scaled
    told = known is not None and (last is None or known.at_s >= last.at_s)
    if told and known is not None and known.message == why:
        return
    refusal = ScaleRefusal(at_s=draft.now_s, wanted_gbps=step.to_gbps, message=why)
    kept = draft.put(replace(service, scale_refused=refusal))
    if not told:
        draft.tell_of(
            kept,
            "autoscale-refused",
            bandwidth_gbps=service.order.bandwidth_gbps,
            wanted_gbps=step.to_gbps,
            because=why,
        )
