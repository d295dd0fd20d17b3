"""What one tenant may have, keep without buying, and how often it may ask: so that nobody squats capacity or maps it.

All look at the tenant's own things and at nothing else, so that they tell nobody of anybody else. They are asked inside
the decision, one after the other on one book, so that two orders at once do not pass a limit together.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, fields, replace
from typing import Any

from highroad.control.book import Book, Draft
from highroad.errors import Conflict, Finding, HoldLimit, Invalid, NotFound, QuotaExceeded, Refused, SlowDown
from highroad.model.lifecycle import State
from highroad.model.quota import Quota, Usage
from highroad.model.service import Order, Service, Tenant, TenantId
from highroad.model.window import Window
from highroad.ports import TokenRecord
from highroad.units import gbps_from_mbps, iso_from_s, mbps_from_gbps

MOST_HOLDS = 20
"""Holds of one tenant at once."""

HELD_SHARE = 0.5
"""Of what its ports sum up to a tenant may hold so much, all windows together. A service takes two ports, so this is
what it could use at one instant: in another week it cannot keep as much again.
"""

MOST_WEBHOOKS = 20
"""Of one tenant without a quota of them, and of operators together."""

MOST = 1_000_000
"""No quota is higher: then leave it out."""

PATIENCE = 200
"""So many refusals, previews (what is free is one) and holds in a row are answered at once."""

PATIENCE_PER_S = 5.0
"""And so many a second from then on. To find a limit takes refusals, so what is admitted costs nothing."""

KINDS = tuple(one.name for one in fields(Quota))
REMEDIES = {
    "services": "release one, or ",
    "tokens": "revoke one, or ",
    "webhooks": "remove one, or ",
    "holds": "take or cancel one, or ",
}
"""What else can be done at a limit; of ports nothing."""


def set_quota(draft: Draft, tenant_id: TenantId, limits: Mapping[str, float | None]) -> Tenant:
    """Set the limits that are named; None takes one away. What is over a limit lives on. Raises NotFound, Invalid."""
    tenant = find(draft.book, tenant_id)
    findings = []
    for name, limit in limits.items():
        if name not in KINDS:
            message = f"there is no such quota: {', '.join(KINDS)}"
            findings.append(Finding(code="unknown-quota", place=name, message=message))
        elif limit is not None and not 0 <= limit <= MOST:
            message = f"a quota is from 0 to {MOST:,}, or null for no limit, not {limit:g}"
            findings.append(Finding(code="quota", place=name, message=message))
        elif limit is not None and (name == "gbps" and abs(limit * 1000 - mbps_from_gbps(limit)) > 1e-6):
            findings.append(Finding(code="quota", place=name, message="a rate is a multiple of 0.001 Gbit/s"))
        elif limit is not None and name != "gbps" and limit != int(limit):
            findings.append(Finding(code="quota", place=name, message=f"is a whole number, not {limit:g}"))
    if findings:
        raise Invalid(findings)
    given: dict[str, Any] = {
        name: limit if limit is None or name == "gbps" else int(limit) for name, limit in limits.items()
    }
    after = replace(tenant, quota=replace(tenant.quota, **given))
    if after == tenant:
        return tenant
    draft.put_tenant(after)
    draft.book.changes += 1  # what was refused may fit now
    draft.tell("highroad.tenant.quota", tenant.id, tenant=tenant.id, **asdict(after.quota))
    return after


def find(book: Book, tenant_id: TenantId) -> Tenant:
    """A tenant. Raises NotFound."""
    tenant = book.tenants.get(tenant_id)
    if tenant is None:
        raise NotFound(f"there is no tenant {tenant_id[:100]}")
    return tenant


def usage(book: Book, tenants: Iterable[TenantId], now_s: float) -> dict[TenantId, Usage]:
    """What tenants have now."""
    ahead = Window(start_s=now_s)
    ports = Counter(one.tenant for one in book.ports.values())
    tokens = Counter(one.tenant for one in book.tokens.values() if is_good(one, now_s))
    webhooks = Counter(one.tenant for one in book.webhooks.values())
    holds = Counter(book.services[one].tenant for one in book.index.within([State.HELD]))
    return {
        one: Usage(
            services=book.tally.live(one),
            gbps=gbps_from_mbps(book.tally.most_mbps(one, ahead)),
            ports=ports[one],
            tokens=tokens[one],
            webhooks=webhooks[one],
            holds=holds[one],
        )
        for one in tenants
    }


def check_order(book: Book, order: Order, now_s: float) -> None:
    """Raises QuotaExceeded where a tenant may have no other service, or none of that rate."""
    _check_count("services", quota_of(book, order.tenant).services, book.tally.live(order.tenant))
    _check_rate(book, order, order.window, now_s, None)


def check_change(book: Book, before: Service, order: Order, now_s: float) -> None:
    """Raises QuotaExceeded where a service may not have another order: a higher rate, or its rate at another time."""
    if order.bandwidth_gbps > before.order.bandwidth_gbps or not _within(order.window, before.order.window):
        _check_rate(book, order, order.window, now_s, before)


def check_port(book: Book, tenant: TenantId) -> None:
    """Raises QuotaExceeded where a tenant may have no other port."""
    limit = quota_of(book, tenant).ports
    if limit is not None:
        _check_count("ports", limit, sum(one.tenant == tenant for one in book.ports.values()))


def check_token(book: Book, tenant: TenantId, now_s: float) -> None:
    """Raises QuotaExceeded where a tenant may have no other token."""
    limit = quota_of(book, tenant).tokens
    if limit is not None:
        used = sum(one.tenant == tenant and is_good(one, now_s) for one in book.tokens.values())
        _check_count("tokens", limit, used)


def check_webhook(book: Book, tenant: TenantId | None) -> None:
    """Raises QuotaExceeded where a tenant may have no other webhook; Conflict where it has no quota of them."""
    limit = None if tenant is None else quota_of(book, tenant).webhooks
    used = sum(one.tenant == tenant for one in book.webhooks.values())
    if limit is None and used >= MOST_WEBHOOKS:
        raise Conflict(f"there are {MOST_WEBHOOKS} webhooks, the most: remove one", limit_webhooks=MOST_WEBHOOKS)
    _check_count("webhooks", limit, used)


def quota_of(book: Book, tenant: TenantId) -> Quota:
    """Of a tenant; no limits where there is no such tenant."""
    known = book.tenants.get(tenant)
    return Quota() if known is None else known.quota


def is_good(token: TokenRecord, now_s: float) -> bool:
    """Whether a token is neither revoked nor over."""
    return token.revoked_s is None and (token.expires_s is None or token.expires_s > now_s)


def _within(window: Window, other: Window) -> bool:
    """Whether a window is the other or a part of it; of windows in pieces only whether it is the same."""
    if window.pieces or other.pieces:
        return window == other
    return window.start_s >= other.start_s and window.until_s <= other.until_s


def _check_count(name: str, limit: int | None, used: int) -> None:
    if limit is not None and used >= limit:
        raise QuotaExceeded(
            f"the quota of {name} is {limit}, and there are {used}, so not one more fits: {REMEDIES.get(name, '')}an "
            "operator can raise it",
            quota=name,
            allowed=limit,
            used=used,
            asked=1,
            fits=0,
        )


def _check_rate(book: Book, order: Order, window: Window, now_s: float, besides: Service | None) -> None:
    """The sum at the worst instant of the window, from now on."""
    limit = quota_of(book, order.tenant).gbps
    if limit is None:
        return
    ahead = window.within(now_s, math.inf)
    used = book.tally.most_mbps(order.tenant, ahead, besides=None if besides is None else besides.id)
    if used + mbps_from_gbps(order.bandwidth_gbps) <= mbps_from_gbps(limit):
        return
    used_gbps, fits_gbps = gbps_from_mbps(used), gbps_from_mbps(max(0, mbps_from_gbps(limit) - used))
    others = "" if besides is None else "other "
    raise QuotaExceeded(
        f"the quota of guaranteed rate is {limit:g} Gbit/s, and {others}services have {used_gbps:g} of it "
        f"in this window: {order.bandwidth_gbps:g} Gbit/s do not fit, {fits_gbps:g} would",
        quota="gbps",
        allowed=limit,
        used=used_gbps,
        asked=order.bandwidth_gbps,
        fits=fits_gbps,
    )


def check_holds(book: Book, tenant: TenantId, rate_gbps: float, *, besides: Service | None = None) -> None:
    """Raises HoldLimit where a tenant may not hold a rate beside its other holds; `besides` is no other."""
    held = [one for one in book.held(tenant) if besides is None or one.id != besides.id]
    next_s = min((one.hold_until_s for one in held if one.hold_until_s is not None), default=None)
    when = "" if next_s is None else f"; the next one expires at {iso_from_s(next_s)}: take it, cancel it, or wait"
    until = None if next_s is None else iso_from_s(next_s)
    limit = quota_of(book, tenant).holds
    if besides is None:
        _check_count("holds", limit, len(held))
    if limit is None and len(held) >= MOST_HOLDS:
        raise HoldLimit(
            f"you hold {len(held)} services, and {MOST_HOLDS} is the most at once{when}",
            limit_holds=MOST_HOLDS,
            held=len(held),
            next_expires=until,
        )
    most_gbps = HELD_SHARE * sum(port.rate_gbps for port in book.ports.values() if port.tenant == tenant)
    held_gbps = math.fsum(one.order.bandwidth_gbps for one in held)
    if held_gbps + rate_gbps > most_gbps + 1e-9:
        raise HoldLimit(
            f"you may hold {most_gbps:g} Gbit/s, {HELD_SHARE:.0%} of what your ports have together, and hold "
            f"{held_gbps:g} of them{when or ': hold less, or order at once'}",
            limit_gbps=most_gbps,
            held_gbps=held_gbps,
            next_expires=until,
        )


class Patience:
    """A token bucket for each tenant; what is answered at once is taken from it, and it fills again with time."""

    def __init__(self, *, burst: float = PATIENCE, per_s: float = PATIENCE_PER_S) -> None:
        self._burst = burst
        self._per_s = per_s
        self._left: dict[TenantId, tuple[float, float]] = {}
        """What was left, and when."""

    @contextmanager
    def asking(self, tenant: TenantId | None, now_s: float, *, tells: bool) -> Iterator[None]:
        """Around a decision, which costs one where it is a no or `tells` what would be. Raises SlowDown before it.

        None is an operator, who is not slowed.
        """
        if tenant is None:
            yield
            return
        self._take(tenant, now_s)
        told = False
        try:
            yield
            told = tells
        except (Refused, HoldLimit):
            told = True
            raise
        finally:
            if not told:
                left, at_s = self._left[tenant]
                self._left[tenant] = (min(self._burst, left + 1.0), at_s)

    def _take(self, tenant: TenantId, now_s: float) -> None:
        left, at_s = self._left.get(tenant, (self._burst, now_s))
        left = min(self._burst, left + max(0.0, now_s - at_s) * self._per_s)
        if left < 1.0:
            wait_s = (1.0 - left) / self._per_s
            self._left[tenant] = (left, now_s)
            raise SlowDown(
                f"you were refused, or looked at what would be, more than {self._burst:g} times in a row: from now on "
                f"{self._per_s:g} a second are answered; send it again in a second",
                retry_after_s=max(1, math.ceil(wait_s)),
            )
        self._left[tenant] = (left - 1.0, now_s)
