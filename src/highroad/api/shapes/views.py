"""What is free, what a link's calendar holds, and what a failure would do, as they travel."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import groupby

from highroad.control.ahead import Ahead
from highroad.control.book import Book
from highroad.control.capacity import Capacity, FreeWindow
from highroad.control.linkcalendar import LinkCalendar
from highroad.control.outlook import Fits, OfSent, Outlook
from highroad.control.whatif import Carried, Effect, Forecast, Outcome
from highroad.model.network import Network
from highroad.units import gbps_from_mbps
from highroad.wire.base import maybe_time, time_from_s
from highroad.wire.views import (
    BookedOut,
    CapacityOut,
    ClaimOut,
    ClassOut,
    ClosedOut,
    ClosingOut,
    CountOut,
    EffectOut,
    FilledOut,
    FitsOut,
    FreeOut,
    GrownOut,
    LinkCalendarOut,
    OutlookOut,
    SentLinkOut,
    SentOut,
    ShortOut,
    StepOut,
    TurnOut,
    WhatIfOut,
)


def capacity_out(found: Capacity) -> CapacityOut:
    """Hour by hour."""
    asked = found.question
    return CapacityOut(
        a=asked.a,
        b=asked.b,
        latency_bound_ms=asked.latency_bound_ms,
        fence=None if asked.fence is None else list(asked.fence),
        protection=asked.protection.value,
        max_paths=asked.max_paths,
        step_gbps=gbps_from_mbps(found.step_mbps),
        hours=[_free(one) for one in found.hours],
        best=None if found.best is None else _free(found.best),
    )


def _free(one: FreeWindow) -> FreeOut:
    return FreeOut(
        start=time_from_s(one.window.start_s),
        end=time_from_s(one.window.until_s),
        free_gbps=gbps_from_mbps(one.mbps),
    )


def link_calendar_out(found: LinkCalendar) -> LinkCalendarOut:
    """A link's calendar."""
    return LinkCalendarOut(
        link=found.link.id,
        tail=found.link.tail,
        head=found.link.head,
        capacity_gbps=found.link.capacity_gbps,
        steps=[
            StepOut(
                start=time_from_s(one.start_s),
                end=time_from_s(one.until_s),
                claimed_gbps=gbps_from_mbps(one.claimed_mbps),
                reserve_gbps=gbps_from_mbps(one.reserve_mbps),
                free_gbps=gbps_from_mbps(one.free_mbps),
                capacity_gbps=gbps_from_mbps(one.capacity_mbps),
            )
            for one in found.steps
        ],
        holders=[
            ClaimOut(
                service=one.service.id,
                tenant=one.service.tenant,
                state=one.service.state.value,
                use=one.use.value,
                rate_gbps=gbps_from_mbps(one.rate_mbps),
                start=maybe_time(one.start_s if math.isfinite(one.start_s) else None),
                end=maybe_time(one.until_s if math.isfinite(one.until_s) else None),
            )
            for one in found.holdings
        ],
        closed=[
            ClosedOut(
                maintenance=one.id,
                target=one.target,
                start=time_from_s(one.window.start_s),
                end=maybe_time(one.window.end_s),
            )
            for one in found.closed
        ],
    )


def booked_out(found: Ahead) -> BookedOut:
    """Every link at a moment to come, and what changes; what changes at one instant is told together."""
    changes: list[TurnOut] = []
    for at_s, turns in groupby(found.turns, key=lambda turn: turn.at_s):
        links = {str(turn.link): gbps_from_mbps(turn.mbps) for turn in turns}
        changes.append(TurnOut(at=time_from_s(at_s), links=links))
    return BookedOut(
        at=time_from_s(found.at_s),
        until=time_from_s(found.until_s),
        links={link: gbps_from_mbps(mbps) for link, mbps in found.mbps.items()},
        changes=changes,
        closed=[
            ClosingOut(
                maintenance=one.id,
                target=one.target,
                start=time_from_s(one.window.start_s),
                end=maybe_time(one.window.end_s),
                links=list(links),
            )
            for one, links in found.closed
        ],
    )


def what_if_out(found: Forecast, book: Book) -> WhatIfOut:
    """What a failure would do."""
    counts = {
        outcome.value: _count(one for one in found.effects if one.outcome is outcome) for outcome in reversed(Outcome)
    }
    return WhatIfOut(
        cut=found.target,
        fibres=list(found.fibres),
        links=list(found.links),
        services=found.services,
        counts={**counts, "unprotected": _count(one for one in found.effects if one.unprotected)},
        effects=[_effect(one, book.network) for one in found.effects],
        fullest=[
            FilledOut(
                link=one.link,
                at=time_from_s(one.at_s),
                capacity_gbps=one.capacity_gbps,
                claimed_gbps=one.claimed_gbps,
                reserve_gbps=one.reserve_gbps,
                before_gbps=one.before_gbps,
                share=round(one.share, 6),
            )
            for one in found.fullest
        ],
        oversold=list(found.oversold),
        at_rest=found.at_rest,
        sent=None if found.sent is None else _sent(found.sent),
    )


def outlook_out(found: Outlook) -> OutlookOut:
    """What growth and more links would do."""
    return OutlookOut(
        growth=found.growth,
        added=list(found.added),
        cut=list(found.cut),
        at=time_from_s(found.at_s),
        services=found.services,
        wanted_gbps=round(found.wanted_gbps, 3),
        planned=_fits(found.planned),
        without=None if found.without is None else _fits(found.without),
        overloaded=found.overloaded,
        fullest=[
            GrownOut(
                link=one.link,
                capacity_gbps=one.capacity_gbps,
                kept_gbps=round(one.kept_gbps, 6),
                before_gbps=one.before_gbps,
                share=round(one.share, 6),
            )
            for one in found.fullest
        ],
        sent=None if found.sent is None else _sent(found.sent),
    )


def _sent(found: Carried | OfSent) -> SentOut:
    return SentOut(
        over_s=found.sending.load.over_s,
        quantile=found.sending.load.quantile,
        services=found.services,
        guessed=found.guessed,
        sent_gbps=round(found.sent_gbps, 6),
        overloaded=found.overloaded,
        fullest=[
            SentLinkOut(
                link=one.link,
                capacity_gbps=one.capacity_gbps,
                sent_gbps=round(one.sent_gbps, 6),
                before_gbps=round(one.before_gbps, 6),
                share=round(one.share, 6),
            )
            for one in found.fullest
        ],
        planned=_fits(found.planned) if isinstance(found, OfSent) else None,
        without=_fits(found.without) if isinstance(found, OfSent) and found.without is not None else None,
    )


def _fits(one: Fits) -> FitsOut:
    return FitsOut(
        utilisation=one.utilisation,
        utilisation_bound=one.utilisation_bound,
        grows_to=one.grows_to if math.isfinite(one.grows_to) else None,
        grows_to_bound=one.grows_to_bound if math.isfinite(one.grows_to_bound) else None,
        lost_gbps=round(one.lost_gbps, 6),
        cut_off_gbps=round(one.cut_off_gbps, 6),
        classes=[
            ClassOut(
                traffic_class=each.traffic_class.value,
                wanted_gbps=round(each.wanted_gbps, 6),
                carried_gbps=round(each.carried_gbps, 6),
            )
            for each in one.classes
        ],
        short=[ShortOut(a=a, b=b, gbps=round(gbps, 6)) for a, b, gbps in one.short],
    )


def _count(effects: Iterable[Effect]) -> CountOut:
    rates = [one.service.order.bandwidth_gbps for one in effects]
    return CountOut(services=len(rates), gbps=round(sum(rates), 3))


def _effect(one: Effect, network: Network) -> EffectOut:
    order, there = one.service.order, one.placement.there if one.placement is not None else ()
    links = [network.link[link] for link in there if link in network.link]
    carried = one.outcome is not Outcome.DARK and bool(links)
    return EffectOut(
        service=one.service.id,
        tenant=one.service.tenant,
        a=order.a_site,
        b=order.b_site,
        state=one.service.state.value,
        bandwidth_gbps=order.bandwidth_gbps,
        traffic_class=order.traffic_class.value,
        outcome=one.outcome.value,
        unprotected=one.unprotected,
        latency_before_ms=one.before_ms,
        latency_after_ms=one.after_ms,
        sites=[links[0].tail, *(link.head for link in links)] if carried else [],
        reason=one.reason,
    )
