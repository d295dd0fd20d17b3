"""The nouns of the API, a file each; every one exports `router`."""

from highroad.api.routes import (
    events,
    freeze,
    health,
    incidents,
    lab,
    live,
    maintenances,
    network,
    ports,
    reach,
    services,
    session,
    tenants,
    tokens,
)

ROUTERS = (
    services.router,
    network.router,
    incidents.router,
    maintenances.router,
    freeze.router,
    lab.router,
    reach.router,
    tenants.router,
    ports.router,
    tokens.router,
    events.router,
    live.router,
    session.router,
    health.router,
)
