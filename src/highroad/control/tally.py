"""What each tenant has, kept as services come and go: so that an order at a quota costs no walk over all of them.

How many live is always known. What their windows sum up to is added up when first asked for, and kept from then on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import nullcontext

from highroad.model.lifecycle import ENDED
from highroad.model.service import Service, ServiceId, TenantId
from highroad.model.window import Window
from highroad.planning.calendar import Calendar, Claim
from highroad.units import mbps_from_gbps


class Tally:
    """Of the services of a book, which tells it of each change."""

    def __init__(self, services: Mapping[ServiceId, Service]) -> None:
        self._services = services
        self._live = Counter(one.tenant for one in services.values() if one.state not in ENDED)
        self._rates: Calendar | None = None
        """The guaranteed rates of each tenant over time, by its name."""

    def put(self, before: Service | None, after: Service | None) -> None:
        """A service as it was known and as it is now; None where it was not, or is no more."""
        was = None if before is None or before.state in ENDED else before
        now = None if after is None or after.state in ENDED else after
        if was is not None:
            self._live[was.tenant] -= 1
        if now is not None:
            self._live[now.tenant] += 1
        if self._rates is None or (was is not None and now is not None and was.order is now.order):
            return
        known = now or was
        if known is not None:
            self._rates.keep(known.id, () if now is None else _claims(now))

    def live(self, tenant: TenantId) -> int:
        """How many services of a tenant have not ended."""
        return self._live[tenant]

    def most_mbps(self, tenant: TenantId, window: Window, *, besides: ServiceId | None = None) -> int:
        """The most that a tenant's services are guaranteed together at any instant of a window, without one of them."""
        if self._rates is None:
            live = (one for one in self._services.values() if one.state not in ENDED)
            self._rates = Calendar.build({}, ((one.id, _claims(one), ()) for one in live))
        with nullcontext() if besides is None else self._rates.without(besides):
            return -self._rates.free(tenant, window)


def _claims(service: Service) -> Iterable[Claim]:
    rate_mbps = mbps_from_gbps(service.order.bandwidth_gbps)
    return [Claim(service.tenant, part.start_s, part.until_s, rate_mbps) for part in service.order.window.parts]
