"""Holds, and services that follow their load, through the client."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from highroad.client import AsyncClient
from highroad.client.faults import error_of
from highroad.control.quota import Patience
from highroad.errors import Conflict, HoldLimit, Invalid, NotFound, SlowDown
from highroad.model.lifecycle import State
from highroad.model.service import ServiceId
from highroad.wire.services import AutoscaleIn
from tests.support.backbone import URL, backbone


def test_a_hold_is_taken_once_and_waited_for_only_then() -> None:
    async def run() -> None:
        async with backbone() as world:
            transport = httpx.ASGITransport(world.app)
            async with AsyncClient(URL, world.acme, transport=transport) as client:
                held = await client.order("campus-east", "cloud-west", 100, hold_s=60)
                assert held.state is State.HELD
                with pytest.raises(Conflict, match="confirm it first"):
                    await client.wait_active(held)
                assert (await client.confirm(held)).state is State.RESERVED
                assert (await client.wait_active(await client.confirm(held.id))).id == held.id
                await client.order("campus-east", "cloud-west", 650, hold_s=60, start="2100-01-01T00:00Z")
                with pytest.raises(HoldLimit) as caught:
                    await client.order("campus-east", "cloud-west", 560, hold_s=60, end="2099-01-01T00:00Z")
                assert caught.value.facts["limit_gbps"] == 1200

    asyncio.run(run())


def test_who_is_told_to_slow_down_comes_again_by_itself() -> None:
    async def run() -> None:
        async with backbone() as world:
            world.controller._patience = Patience(burst=1, per_s=2.0)
            transport = httpx.ASGITransport(world.app)
            body = {"from": "campus-east", "to": "cloud-west", "bandwidth_gbps": 1}
            async with AsyncClient(URL, world.acme, transport=transport) as client:
                for _ in range(3):
                    assert (await client.preview(body)).dry_run
            async with AsyncClient(URL, world.acme, transport=transport, retries=0) as client:
                with pytest.raises(SlowDown):
                    await client.preview(body)

    asyncio.run(run())


def test_a_service_that_follows_its_load_needs_no_rate() -> None:
    async def run() -> None:
        async with backbone() as world:
            transport = httpx.ASGITransport(world.app)
            async with AsyncClient(URL, world.acme, transport=transport) as client:
                rule = AutoscaleIn(floor_gbps=10, ceiling_gbps=100)
                made = await client.order("campus-east", "cloud-west", autoscale=rule)
                assert made.autoscale is not None
                assert (made.bandwidth_gbps, made.autoscale.last_step) == (10, None)
                await client.wait_active(made)
                changed = await client.change(made, autoscale=AutoscaleIn(floor_gbps=20, ceiling_gbps=100))
                assert changed.bandwidth_gbps == 20
                async with AsyncClient(URL, world.operator, transport=transport) as operator:
                    assert (await operator.load(changed, 15)).offered_gbps == 15
                    with pytest.raises(NotFound):
                        await operator.load("svc-none", None)
                    offered = await world.controller.lab.sample()  # type: ignore[union-attr]
                    assert offered.services[ServiceId(changed.id)].offered_gbps == 30  # both directions
                assert (await client.change(changed, autoscale=None)).autoscale is None
                with pytest.raises(Invalid, match="bandwidth_gbps"):
                    await client.order("campus-east", "cloud-west")

    asyncio.run(run())


def test_a_bare_429_is_told_as_what_it_is() -> None:
    assert isinstance(error_of(429, b""), SlowDown)
