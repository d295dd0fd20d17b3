"""Both clients against a whole backbone, and what they do when answers are lost."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

import highroad
from highroad.client import AsyncClient, Client, NeedsYes, OrderRefused, Unreachable
from highroad.client.home import Credentials, home_dir, read_credentials, write_credentials
from highroad.client.sse import Parser
from highroad.errors import Conflict, Forbidden, Frozen, Invalid, NotFound, Unauthenticated, VersionConflict
from highroad.formats.native import write
from highroad.wire.operations import EventOut, SampleOut
from tests.support.backbone import URL, Backbone, backbone, serving, small_network


def with_client(action: Callable[[Client, Client], None]) -> None:
    """Run what a customer and an operator do, in a thread, against a backbone on a real port."""

    async def run() -> None:
        async with backbone() as world, serving(world) as url:

            def act() -> None:
                with Client(url, world.acme) as customer, Client(url, world.operator) as operator:
                    action(customer, operator)

            await asyncio.to_thread(act)

    asyncio.run(run())


def test_a_customers_day() -> None:
    def act(customer: Client, operator: Client) -> None:
        assert customer.ready()
        service = customer.order("campus-east", "cloud-west", 400, latency_bound_ms=30, fence=["US"])
        service = customer.wait_active(service)
        assert service.there is not None
        assert service.there.sites[1] == "pop-ash"
        assert [one.id for one in customer.services()] == [service.id]
        changed = customer.change(service, bandwidth_gbps=200, description="less")
        assert (changed.bandwidth_gbps, changed.description) == (200, "less")
        with pytest.raises(VersionConflict):
            customer.change(service, bandwidth_gbps=100)
        assert customer.preview_change(changed.id, bandwidth_gbps=300).service.bandwidth_gbps == 300
        assert customer.counters(service).lost_bytes == 0
        assert customer.ping(service, count=2, interval_ms=5).received == 2
        assert [hop.site for hop in customer.trace(service.id).back.hops][-1] == "campus-east"
        with pytest.raises(Invalid):
            customer.ping(service, count=1000)
        assert customer.release(service).state.value == "TERMINATED"
        with pytest.raises(Conflict):
            customer.release(service)
        with pytest.raises(Conflict):
            customer.wait_active(service)
        assert customer.who().tenant == "acme"

    with_client(act)


def test_a_refusal_has_its_offers_and_they_can_be_taken() -> None:
    def act(customer: Client, operator: Client) -> None:
        with pytest.raises(OrderRefused) as caught:
            customer.order("campus-east", "cloud-west", 400, latency_bound_ms=20)
        refused = caught.value
        assert refused.binding is not None
        assert refused.binding.constraint == "latency"
        service = customer.take(refused.offers[0])
        assert service.bandwidth_gbps == 400
        with pytest.raises(OrderRefused) as caught:
            customer.change(service, bandwidth_gbps=300, latency_bound_ms=20)
        (offer, *_) = caught.value.offers
        assert offer.order is None
        with pytest.raises(Invalid, match="of a change in place"):
            customer.take(offer)
        assert offer.changes == {"bandwidth_gbps": 300, "latency_bound_ms": 21.7}

    with_client(act)


def test_errors_come_back_as_what_they_are() -> None:
    def act(customer: Client, operator: Client) -> None:
        with pytest.raises(Invalid) as caught:
            customer.order("campus-east", "campus-east", -1)
        assert {one.place for one in caught.value.findings} == {"to", "bandwidth_gbps"}
        with pytest.raises(Invalid) as caught:
            customer.order("campus-east", "cloud-west", float("nan"))
        assert caught.value.findings[0].place == "bandwidth_gbps"
        with pytest.raises(NotFound):
            customer.service("../../v1/network")
        with pytest.raises(NotFound):
            customer.service("..")
        with pytest.raises(Forbidden):
            customer.drain("pop-ash--pop-chi")
        with pytest.raises(NotFound):
            operator.incident("inc-none")
        with Client(customer.url, "hr_wrong") as stranger, pytest.raises(Unauthenticated):
            stranger.who()

    with_client(act)


def test_an_operators_day() -> None:
    def act(customer: Client, operator: Client) -> None:
        assert {one.id for one in operator.tenants()} == {"acme", "rival"}
        operator.add_tenant("third", "The Third")
        port = operator.add_port("third", "edge-chi", 100)
        assert port.id in {one.id for one in operator.ports()}
        limited = operator.set_quota("third", services=7, gbps=1.5)
        assert operator.tenant("third") == limited
        assert (limited.quota.services.allowed, limited.quota.gbps.allowed, limited.quota.ports.used) == (7, 1.5, 1)
        issued = operator.issue_token("third", "theirs")
        with Client(operator.url, issued.token) as third:
            assert third.who().tenant == "third"
            operator.revoke_token(issued.id)
            with pytest.raises(Unauthenticated):
                third.who()
        assert issued.id in {one.id for one in operator.tokens()}
        service = customer.wait_active(customer.order("campus-east", "cloud-west", 100))
        operator.cut("pop-ash--pop-chi")
        assert [one.fibre for one in operator.lab().cuts] == ["pop-ash--pop-chi"]
        assert operator.uncut("pop-ash--pop-chi").cuts == []
        assert not operator.kill_router("pop-chi").up
        assert all(router.up for router in operator.revive_router("pop-chi").routers)
        assert operator.cut("pop-ash--pop-chi", silent=True).silent
        operator.uncut("pop-ash--pop-chi")
        maintenance = operator.drain("pop-chi--pop-den")
        assert operator.maintenance(maintenance.id).target == "pop-chi--pop-den"
        assert operator.end_maintenance(maintenance.id).state == "RETURNED"
        assert [one.id for one in operator.maintenances()] == [maintenance.id]
        start = datetime(2090, 1, 1, tzinfo=UTC)
        end = start + timedelta(hours=2)
        assert operator.drain("pop-chi--pop-den", start=start, end=end, dry_run=True).id == "preview"
        booked = operator.drain("pop-chi--pop-den", start=start, end=end, lead_s=300.0)
        assert (booked.state, booked.start, booked.lead_s) == ("SCHEDULED", start, 300.0)
        assert operator.end_maintenance(booked.id).state == "CANCELLED"
        assert not operator.frozen().frozen
        assert operator.freeze("incident 7").text.endswith("(incident 7): only repairs are made")
        with pytest.raises(Frozen):
            operator.drain("pop-chi--pop-den")
        with pytest.raises(Frozen):
            customer.change(service, bandwidth_gbps=200)
        with pytest.raises(Forbidden):
            customer.thaw()
        with pytest.raises(TimeoutError, match="frozen changes"):
            customer.wait_active(customer.order("campus-east", "cloud-west", 100), timeout_s=0.2)
        assert operator.frozen().reason == "incident 7"
        assert not operator.thaw().frozen
        assert operator.reach(5.0, kind="edge").share > 0
        within_s = time.monotonic() + 60.0  # it was away while the lab was broken, and comes home by itself
        while service.id not in {one.service for one in operator.what_if("pop-chi").effects}:
            assert time.monotonic() < within_s
            time.sleep(0.05)
        kept = operator.link_calendar("campus-east>pop-ash", end=datetime.now(UTC) + timedelta(days=1))
        assert service.id in {one.service for one in kept.holders}
        assert kept.steps[0].claimed_gbps == 200.0
        with pytest.raises(Forbidden):
            customer.what_if("pop-chi")
        free = customer.capacity("campus-east", "cloud-west", hours=2, latency_bound_ms=30.0, fence=["US"])
        assert [one.free_gbps for one in free.hours] == [600.0, 600.0]
        assert free.best is not None
        later = customer.capacity("campus-east", "cloud-west", start=free.hours[1].start, hours=1)
        assert later.hours == free.hours[1:]
        assert len(operator.network().sites) == 7
        assert service.id in {one.subject for one in operator.past_events(limit=1000).items}
        decision = customer.explain(service).decision
        assert decision is not None
        assert decision.identical
        for incident in operator.incidents():
            assert operator.replay(incident.id).incident == incident.id
            told = operator.past_events(subject=incident.id).items
            assert {one.subject for one in told} == {incident.id}
            assert told[0].type == "highroad.incident.opened"

    with_client(act)


def test_a_changed_network_is_looked_at_first() -> None:
    def act(customer: Client, operator: Client) -> None:
        customer.wait_active(customer.order("campus-east", "cloud-west", 100))
        text = write(small_network()).replace("capacity_gbps: 800", "capacity_gbps: 1600")
        with pytest.raises(NeedsYes) as caught:
            operator.load_network(text)
        asked = caught.value
        assert asked.preview is not None
        assert asked.preview.changed
        assert operator.load_network(text, dry_run=True).confirm == asked.confirm
        operator.load_network(text, confirm=asked.confirm)
        assert operator.network().links[0].capacity_gbps == 1600

    with_client(act)


def test_streams_yield_what_happens() -> None:
    def act(customer: Client, operator: Client) -> None:
        made = customer.order("campus-east", "cloud-west", 1)
        kinds = []
        for event in customer.events(after=0):
            if event.subject == made.id:
                kinds.append(event.type)
                if event.type == "highroad.service.active":
                    break
        assert kinds[0] == "highroad.service.reserved"
        with pytest.raises(Invalid, match="there is no event 99999"):
            next(customer.events(after=99999))
        assert any(isinstance(item, EventOut) for item in operator.live(after=0))
        assert any(isinstance(item, SampleOut) for item in operator.live())

    with_client(act)


def test_the_async_client_does_the_same() -> None:
    async def run() -> None:
        async with backbone() as world:
            transport = httpx.ASGITransport(world.app)
            async with AsyncClient(URL, world.acme, transport=transport) as client:
                service = await client.order("campus-east", "cloud-west", 400)
                service = await client.wait_active(service)
                assert [one.id async for one in client.services()] == [service.id]
                async with AsyncClient(URL, world.operator, transport=transport) as operator:
                    kept = await operator.link_calendar("campus-east>pop-ash")
                    assert [one.claimed_gbps for one in kept.steps] == [400.0]
                    foretold = await operator.what_if("pop-ash")
                    assert [(one.service, one.outcome) for one in foretold.effects] == [(service.id, "dark")]
                    exact = await operator.explain(service)
                    assert exact.decision is not None
                    assert exact.decision.commit == exact.events[0].commit
                own = await client.explain(service.id, at=1000)
                assert own.decision is not None
                assert own.decision.identical
                assert (own.decision.commit, own.events[0].commit) == (None, None)
                told = (await client.past_events(subject=service.id)).items
                assert [one.sequence for one in own.events] == [one.sequence for one in told]
                assert "chosen" in {one.verdict for one in own.decision.ways}
                free = await client.capacity("campus-east", "cloud-west", hours=1, protection="path")
                assert [one.free_gbps for one in free.hours] == [0.0]
                changed = await client.change(service.id, description="x")
                assert changed.description == "x"
                assert (await client.release(service)).id == service.id
                with pytest.raises(OrderRefused):
                    await client.order("campus-east", "cloud-west", 400, latency_bound_ms=20)

    asyncio.run(run())


def test_the_async_client_streams() -> None:
    async def run() -> None:
        async with backbone() as world, serving(world) as url, AsyncClient(url, world.operator) as client:
            sequences = []
            async for event in client.events(after=0):
                sequences.append(event.sequence)
                if len(sequences) == 5:
                    break
            assert sequences == [1, 2, 3, 4, 5]

    asyncio.run(run())


def test_both_clients_have_the_same_calls() -> None:
    def public(kind: type) -> dict[str, Any]:
        return {
            name: tuple(inspect.signature(member).parameters)
            for name, member in vars(kind).items()
            if not name.startswith("_") and inspect.isfunction(member)
        }

    one, other = public(Client), public(AsyncClient)
    one.pop("close")
    other.pop("aclose")
    assert one == other


class _Flaky(httpx.AsyncBaseTransport):
    """Loses some answers after the request was done, and some requests before."""

    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner = inner
        self.count = 0

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.count += 1
        if self.count == 1:
            await self.inner.handle_async_request(request)
            raise httpx.ReadError("the answer was lost")
        if self.count == 2:
            return httpx.Response(503, json={"detail": "not now"})
        return await self.inner.handle_async_request(request)


def test_a_lost_answer_orders_once() -> None:
    async def run(world: Backbone) -> None:
        transport = _Flaky(httpx.ASGITransport(world.app))
        async with AsyncClient(URL, world.acme, transport=transport) as client:
            service = await client.order("campus-east", "cloud-west", 1)
            assert transport.count == 3
            assert [one.id async for one in client.services()] == [service.id]
            transport.count = 0
            with pytest.raises(Unreachable):
                await client.release(service)
            assert transport.count == 1

    async def main() -> None:
        async with backbone() as world:
            await run(world)

    asyncio.run(main())


class _Broken(httpx.AsyncBaseTransport):
    """A stream that breaks off in the middle of its third event, and goes on when it is asked to."""

    def __init__(self) -> None:
        self.asked: list[str | None] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request.headers.get("last-event-id"))
        start = int(request.headers.get("last-event-id", "0"))
        text = f"id: {start}\n\n" + "".join(self._event(number) for number in (start + 1, start + 2))
        text += self._event(start + 3)[:-40]
        return httpx.Response(200, content=text.encode())

    def _event(self, number: int) -> str:
        event = EventOut.model_validate(
            {"id": str(number), "type": "t", "subject": "s", "time": "2030-01-01T00:00:00Z",
             "sequence": number, "tenant": None, "data": {}}
        )  # fmt: skip
        return f"id: {number}\nevent: event\ndata: {event.model_dump_json()}\n\n"


def test_a_stream_that_breaks_off_misses_nothing_and_tells_nothing_twice() -> None:
    async def run() -> None:
        transport = _Broken()
        async with AsyncClient(URL, "t", transport=transport) as client:
            seen = []
            async for event in client.events(after=10):
                seen.append(event.sequence)
                if len(seen) == 5:
                    break
        assert seen == [11, 12, 13, 14, 15]
        assert transport.asked == ["10", "12", "14"]

    asyncio.run(run())


def test_nobody_there_is_said_at_once() -> None:
    with Client("http://127.0.0.1:1", "t") as client, pytest.raises(Unreachable, match="nothing answers"):
        client.who()


def test_what_a_proxy_says_is_no_riddle() -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(502, text="<h1>Bad gateway</h1>"))
    with Client(URL, "t", transport=transport, retries=0) as client, pytest.raises(highroad.HighroadError, match="502"):
        client.who()


def test_events_are_put_together_from_lines() -> None:
    parser = Parser()
    lines = [": hello", "id: 7", "event: sample", "data: a", "data: b", "", "retry: 5", "id: 8", ""]
    messages = [message for line in lines if (message := parser.feed(line)) is not None]
    assert [(one.event, one.data) for one in messages] == [("sample", "a\nb")]
    assert parser.last_id == "8"
    parser.feed("id: 9")
    parser.reset()
    assert parser.last_id == "8"


def test_the_home_is_found(tmp_path: Path) -> None:
    deep = tmp_path / "a" / "b"
    deep.mkdir(parents=True)
    state = {"XDG_STATE_HOME": str(tmp_path / "state")}
    assert home_dir(state, deep) == tmp_path / "state" / "highroad"
    (tmp_path / ".highroad").mkdir()
    assert home_dir(state, deep) == tmp_path / ".highroad"
    assert home_dir(state | {"HIGHROAD_HOME": "/x"}, deep) == Path("/x")


def test_credentials_are_for_their_owner_only(tmp_path: Path) -> None:
    home = tmp_path / "home"
    assert read_credentials(home) == Credentials()
    known = Credentials(url="http://x", operator_token="o", tenant_token="t", tenant="acme")
    path = write_credentials(known, home)
    assert read_credentials(home) == known
    assert path.stat().st_mode & 0o077 == 0
    path.write_text("[]")
    with pytest.raises(Invalid):
        read_credentials(home)


def test_importing_highroad_imports_nothing_heavy() -> None:
    assert highroad.Client is Client
    assert set(highroad.__all__) <= set(dir(highroad))
    with pytest.raises(AttributeError):
        _ = highroad.nothing
