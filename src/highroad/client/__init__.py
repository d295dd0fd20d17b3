"""The Python SDK: `Client` and `AsyncClient`, through the public API only.

Read `calls` (what can be asked, once for both), then `sync` and `aio` (how it is sent), `faults` (what is raised).
"""

from highroad.client.aio import AsyncClient
from highroad.client.faults import NeedsYes, OrderRefused, Unreachable
from highroad.client.sync import Client

__all__ = ["AsyncClient", "Client", "NeedsYes", "OrderRefused", "Unreachable"]
