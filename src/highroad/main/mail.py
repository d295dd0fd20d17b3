"""What delivers events to webhooks, as the settings have it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from highroad.courier.https import HttpsCourier
    from highroad.mail import Mail
    from highroad.settings import Settings


def mail_of(settings: Settings, key: Callable[[], str]) -> tuple[Mail, HttpsCourier]:
    """The means of delivery, and what to close in the end; `key` is asked where no setting has one.

    Raises Invalid, Unavailable.
    """
    from highroad.api.shapes.webhooks import delivery_of
    from highroad.courier.addresses import networks_of
    from highroad.courier.https import HttpsCourier
    from highroad.courier.vault import SealedVault
    from highroad.mail import Mail

    courier = HttpsCourier(
        networks_of(settings.webhook_networks),
        networks_of(settings.webhook_tenant_networks, "HIGHROAD_WEBHOOK_TENANT_NETWORKS"),
    )
    given = settings.webhook_key
    vault = SealedVault(key() if given is None else given.get_secret_value())
    give_up_s = settings.webhook_give_up_h * 3600
    return Mail(courier=courier, vault=vault, write=delivery_of, give_up_s=give_up_s), courier
