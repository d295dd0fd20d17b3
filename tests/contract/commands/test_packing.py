"""Every command, every answer and every error is the same after it lay in a database as it was before."""

from __future__ import annotations

import asyncio
import datetime as dt
import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from highroad.api.problems import respond
from highroad.control.accounts import Caller
from highroad.control.commands import (
    AddPort,
    AddTenant,
    AddWebhook,
    ApplyPlan,
    ChangeService,
    ChangeWebhook,
    Command,
    ConfirmHold,
    EndMaintenance,
    FreezeChanges,
    IssueToken,
    LoadNetwork,
    NoteAsked,
    NoteUses,
    Ordered,
    PlaceOrder,
    ReleaseService,
    RemoveWebhook,
    ReplayWebhook,
    RevokeToken,
    RotateWebhookSecret,
    SetQuota,
    StartDrain,
    ThawChanges,
    commands,
)
from highroad.control.deeds import (
    CutFibre,
    CutGroup,
    KillRouter,
    LookAtLab,
    MeasureService,
    OfferLoad,
    PingService,
    ReadMoments,
    ReadPlan,
    ReadSending,
    ReadTracks,
    ReviveRouter,
    SpliceFibre,
    SpliceGroup,
    TraceService,
)
from highroad.control.maintain import Times
from highroad.control.order import Idempotency
from highroad.control.packing import (
    Broke,
    pack_answer,
    pack_command,
    pack_error,
    unpack_answer,
    unpack_command,
)
from highroad.control.reload import Effect, NetworkChange, ServiceEffect
from highroad.control.sending import Load, Sending
from highroad.errors import (
    ConfirmationRequired,
    Conflict,
    Finding,
    Frozen,
    HighroadError,
    HoldLimit,
    Invalid,
    KeyReused,
    NotFound,
    QuotaExceeded,
    Refused,
    SlowDown,
    Unavailable,
    VersionConflict,
)
from highroad.model.access import Grant, Role
from highroad.model.audit import Asked
from highroad.model.autoscale import Autoscale
from highroad.model.change import Change
from highroad.model.freeze import Freeze, FreezeId
from highroad.model.incident import Detour, Maintenance, MaintenanceId, MaintenanceState
from highroad.model.measurement import Measurement, Way
from highroad.model.network import FibreId, LinkId, RiskGroupId, SiteId
from highroad.model.plan import (
    Applied,
    Doing,
    MadeFor,
    Move,
    Optimiser,
    Optimising,
    Plan,
    PlanId,
    Rearrangement,
    Refilled,
    Score,
    Was,
)
from highroad.model.quota import Quota
from highroad.model.recurrence import Recurrence
from highroad.model.service import (
    End,
    Placement,
    Port,
    PortId,
    Protection,
    Request,
    Service,
    ServiceId,
    Tenant,
    TenantId,
    TrafficClass,
)
from highroad.model.tracks import Moments, Point, Subject, Track, Tracks
from highroad.model.webhook import Webhook, WebhookId, WebhookSecret
from highroad.model.window import Window
from highroad.ports import CutState, Echo, Hop, LabStatus, RouterState, TokenRecord, Trace
from tests.support.backbone import backbone, small_network
from tests.support.country import request
from tests.unit.control.rig import rig

SVC, ACME = ServiceId("svc-1"), TenantId("acme")
RECURRENCE = Recurrence(
    rule="FREQ=DAILY;COUNT=3",
    time_zone="Europe/Berlin",
    start=dt.datetime(2026, 12, 1, 18, 0, 0, 5),  # noqa: DTZ001 - by the clocks of its time zone
    duration_s=3600.0,
)
FULL = Request(
    tenant=ACME,
    a=End(at="denver", vlan=7, prefixes=("10.0.0.0/8",)),
    b=End(at="boise", whole_port=True),
    bandwidth_gbps=math.inf,
    start_s=1e10,
    fence=("US",),
    latency_bound_ms=math.nan,
    traffic_class=TrafficClass.BULK,
    protection=Protection.PATH,
    windows=(Window(start_s=1.0, end_s=2.5),),
    recurrence=RECURRENCE,
    max_paths=10**30,
    autoscale=Autoscale(floor_gbps=1.0, ceiling_gbps=2.0),
    description='a "text" \\ with ünïcode and \x00',
)
PLACED = Placement(there=(LinkId("a>b"),), back=(LinkId("b>a"),), bandwidth_gbps=3.0)
MAINTENANCE = Maintenance(
    id=MaintenanceId("mnt-1"),
    target="a--b",
    fibres=(FibreId("a--b"),),
    state=MaintenanceState.DRAINING,
    started_s=1.5,
    detours=(Detour(service=SVC, placement=PLACED),),
    stuck=(SVC,),
    because=("no way",),
)
TOKEN = TokenRecord(id="tok-1", hash="00ff", tenant=None, label="x", created_s=2.0)
FREEZE = Freeze(id=FreezeId("frz-1"), reason="Christmas", started_s=3.0)
PORT = Port(id=PortId("acme.denver"), tenant=ACME, site=SiteId("denver"), rate_gbps=400.0)
CHANGED = NetworkChange(
    from_revision=3,
    added=("site x",),
    removed=(),
    changed=("link a>b",),
    effects=(ServiceEffect(service=SVC, tenant=ACME, effect=Effect.DEGRADED, message="dark"),),
    confirm="abc",
)
LAB = LabStatus(
    routers=(RouterState(site=SiteId("denver"), killed_s=3.0, note="x"),),
    cuts={FibreId("a--b"): CutState(since_s=1.0, silent=True, towards=SiteId("b"), loss=0.25)},
    groups={RiskGroupId("duct"): CutState(since_s=2.0)},
    hosts={PortId("acme.denver"): "ns-1"},
)
HOP = Hop(site=SiteId("denver"), link=LinkId("a>b"), rtt_ms=None)


HOOK = Webhook(
    id=WebhookId("whk-1"),
    tenant="acme",
    url="https://example.org/hook",
    secrets=(WebhookSecret(sealed="s", created_s=1.0, until_s=2.0),),
    created_s=1.0,
    kinds=("highroad.service.*",),
    cursor=7,
    turn=1,
    disabled_s=3.0,
    disabled_because="410",
)


SCORE = Score(utilisation=0.9, rest=0.8, latency_ms=7.25)
CHANGE = Rearrangement(
    plan=PlanId("pln-1"),
    made_for=MadeFor(
        revision=3,
        out_of_use=(LinkId("a>b"),),
        booked=("mnt-1 from 2026-01-01T00:00:00.000Z",),
        services={SVC: Was(version=2, placement=PLACED)},
        free_mbps={LinkId("b>c"): 7},
    ),
    steps=({SVC: PLACED}, {}),
)
SENDING = Sending(load=Load(over_s=60.0, quantile=1.0), rates={SVC: (1.5, 0.25)})
PLAN = Plan(
    id=PlanId("pln-1"),
    made_s=1.5,
    took_s=0.25,
    services=9,
    change=CHANGE,
    moves=(Move(service=SVC, tenant=ACME, rate_gbps=3.0, was=PLACED, to=PLACED, before_ms=1.0, after_ms=2.0),),
    left={ServiceId("svc-2"): "no"},
    links=(Refilled(link=LinkId("a>b"), capacity_gbps=9.0, before_gbps=3.0, after_gbps=0.0, price=0.5),),
    before=SCORE,
    after=SCORE,
    bound=0.5,
    bare_bound=0.4,
    group="a--b",
    rest_bound=0.25,
    gap=0.25,
    stuck=(LinkId("a>b"),),
    worth=True,
    verdict="better",
)
OPTIMISER = Optimiser(
    mode=Optimising.ASK,
    every_s=5.0,
    least_gain=0.02,
    moves_per_point=50.0,
    plan=PLAN,
    stale=("svc-1 was moved",),
    applied=True,
    outcome="done",
    doing=Doing(plan=PlanId("pln-2"), moved=1, services=3, steps_left=2),
    waits="frozen",
    looked_s=2.5,
)


async def _service() -> Service:
    async with rig() as here:
        return await here.order(10.0)


def _cases(service: Service) -> Iterator[tuple[Command[Any], Any]]:
    """A command of every kind, and an answer to it."""
    yield PlaceOrder(request=FULL), Ordered(made=service)
    yield PlaceOrder(request=FULL, key=Idempotency(scope="tenant:acme", key="k", digest="d")), Ordered(before=SVC)
    everything = Change(
        a=End(at="denver"),
        b=End(at="keep"),
        bandwidth_gbps=2.0,
        burst_gbps=None,
        latency_bound_ms=3.5,
        fence=("keep",),
        protection=Protection.NONE,
        traffic_class=TrafficClass.INTERACTIVE,
        max_paths=None,
        start_s=1.0,
        end_s=None,
        windows=(Window(start_s=1.0, end_s=2.0),),
        recurrence=RECURRENCE,
        autoscale=None,
        description="keep",
    )
    for change in (everything, Change(), Change(fence=None, recurrence=None)):
        yield ChangeService(service=SVC, change=change, tenant=ACME, if_version=3), service
    yield ConfirmHold(service=SVC, tenant=None, if_version=None), service
    yield ReleaseService(service=SVC, tenant=ACME, if_version=2), service
    grant = Grant(role=Role.VIEWER, tenant=ACME, scopes=("services:read",), expires_s=9.5)
    issuer = Caller(grant=Grant(role=Role.ADMIN, tenant=ACME), token_id="tok-0", used_s=1.0)
    yield IssueToken(hash="00ff", grant=grant, label="x", issuer=issuer), replace(TOKEN, role=Role.VIEWER)
    yield RevokeToken(token="tok-1", tenant=ACME), replace(TOKEN, revoked_s=5.5, scopes=("services:read",))
    asked = Asked(who="tok-1", role="admin", tenant=ACME, address="::1", method="GET", path="/v1/x", status=403)
    yield NoteAsked(asked=((asked, 7),), what="refused"), None
    yield NoteUses(used_s={"tok-1": 7.5}), None
    yield AddTenant(tenant=Tenant(id=ACME, name="Acme"), ports=(PORT,)), Tenant(id=ACME, name="Acme")
    quota = Quota(services=3, gbps=1.5, holds=0)
    yield (
        SetQuota(tenant=ACME, limits={"services": 3, "gbps": 1.5, "holds": 0, "ports": None}),
        Tenant(id=ACME, name="Acme", quota=quota),
    )
    yield AddPort(port=PORT), PORT
    yield LoadNetwork(network=small_network(), confirm="abc"), CHANGED
    yield StartDrain(target="a--b", times=Times(start_s=1.0, end_s=None, lead_s=60.0)), MAINTENANCE
    yield EndMaintenance(maintenance=MaintenanceId("mnt-1")), replace(MAINTENANCE, ended_s=9.0)
    yield FreezeChanges(reason="Christmas"), FREEZE
    yield ThawChanges(), FREEZE
    yield ThawChanges(), None
    yield ApplyPlan(change=CHANGE), Applied(id=PlanId("pln-1"), services=1, steps=2)
    yield ReadPlan(plan=PlanId("pln-1")), OPTIMISER
    yield ReadPlan(), replace(OPTIMISER, plan=None, looked_s=None, doing=None)
    yield ReadSending(services=(SVC,), until_s=1.5, load=Load()), SENDING
    echoes = (Echo(sequence=1, rtt_ms=2.5), Echo(sequence=2, rtt_ms=None))
    yield PingService(service=SVC, count=2, interval_ms=10.0, size_bytes=64), echoes
    point = Point(least=1.0, mean=2.0, most=3.0, last=1.5, count=60)
    track = Track(name="a>b", series="up", points=(point, None))
    read = ReadTracks(subject=Subject.LINK, names=("a>b",), series=("up",), from_s=1.5, until_s=121.5, step_s=60)
    yield read, Tracks(from_s=0, until_s=120, step_s=60, tracks=(track,))
    moments = Moments(from_s=0, until_s=60, step_s=60, links=("a>b",), carried_gbps=b"\x00\x00\xc0\x7f", dark=((0,),))
    yield ReadMoments(from_s=1.5, until_s=61.5, step_s=60), moments
    yield TraceService(service=SVC), Trace(there=(HOP,), back=())
    measured = Measurement(service=SVC, way=Way.BACK, at_s=1.0, for_s=1.0, sent=10, lost_home=1, rtt_p50_ms=1.5)
    yield MeasureService(service=SVC), (measured,)
    yield CutFibre(fibre=FibreId("a--b"), silent=True), None
    yield CutFibre(fibre=FibreId("a--b"), towards=SiteId("b"), loss=0.2), None
    yield SpliceFibre(fibre=FibreId("a--b")), None
    yield CutGroup(group=RiskGroupId("duct"), silent=True, loss=0.5), None
    yield SpliceGroup(group=RiskGroupId("duct")), None
    yield KillRouter(site=SiteId("denver"), silent=True), None
    yield ReviveRouter(site=SiteId("denver")), None
    yield OfferLoad(service=SVC, offered_gbps=None), None
    yield LookAtLab(), LAB
    adding = AddWebhook(tenant="acme", url=HOOK.url, kinds=("a.*",), description="x", cursor=7, sealed="s")
    yield adding, HOOK
    for changes in ({"url": "https://x.example/", "kinds": ["b"], "enabled": True}, {}):
        yield ChangeWebhook(webhook=HOOK.id, tenant=ACME, changes=changes), HOOK
    yield RotateWebhookSecret(webhook=HOOK.id, tenant=None, sealed="t", overlap_s=0.5), HOOK
    yield ReplayWebhook(webhook=HOOK.id, tenant=ACME, after=0), replace(HOOK, turn=2, disabled_s=None)
    yield RemoveWebhook(webhook=HOOK.id, tenant=None), replace(HOOK, removed_s=9.0, secrets=())


def _plain(value: Any) -> str:
    """By which two values are compared: not a number is itself, and a list that came back may be a tuple."""
    return repr(value).replace("[", "(").replace("]", ")").replace(",)", ")")


def test_every_command_and_its_answer_come_back() -> None:
    async def story() -> None:
        for command, answer in _cases(await _service()):
            back = unpack_command(pack_command(command))
            assert type(back) is type(command)
            assert _plain(back) == _plain(command)
            assert _plain(unpack_answer(pack_answer(answer), command)) == _plain(answer)

    asyncio.run(story())


def test_every_command_has_a_case() -> None:
    async def story() -> None:
        cased = {type(command) for command, _ in _cases(await _service())}
        assert set(commands().values()) - cased == set()

    asyncio.run(story())


@pytest.mark.parametrize(
    "error",
    [
        Invalid([Finding(code="rate", place="bandwidth_gbps", message="1e999 is none", line=3)], path="x.yaml"),
        Refused("no"),
        NotFound("there is no fibre", fibre="x"),
        Conflict("it has changed", preview=CHANGED),
        VersionConflict("changed", version=3),
        KeyReused("used"),
        Frozen("frozen: später"),
        HoldLimit("enough", limit_gbps=1.5, held_gbps=math.inf, next_expires=None),
        QuotaExceeded("no", quota="gbps", allowed=1.5, used=1.0, asked=0.7, fits=0.5),
        ConfirmationRequired("look", preview=CHANGED, confirm="abc"),
        Unavailable("later"),
        SlowDown("slowly", retry_after_s=7),
        Conflict("state", state=Protection.PATH, several={"a": (1, 2.5)}, large=10**40, finding=FREEZE),
    ],
    ids=lambda error: type(error).__name__,
)
def test_every_error_answers_the_same_to_the_byte(error: HighroadError) -> None:
    assert _answer(_back(error)) == _answer(error)
    assert type(_back(error)) is type(error)


def test_what_broke_off_says_no_more() -> None:
    with pytest.raises(Broke, match="failed to answer"):
        unpack_answer(pack_error(ValueError("/etc/secret")), ThawChanges())


def test_what_is_no_command_is_refused() -> None:
    with pytest.raises(ValueError, match="no command"):
        unpack_command(pack_command(ThawChanges()).replace(b"ThawChanges", b"ThawNothing"))


def test_refusals_of_the_planner_come_back_with_all_they_say() -> None:
    """Binding, holders and offers, as an operator gets them and as a tenant does."""

    async def story() -> None:
        async with rig() as here:
            fits = await here.order(30.0)
            asked = [request(390.0), request(10.0, bound_ms=3.0)]
            placed = [PlaceOrder(request=one, exact=exact) for exact in (True, False) for one in asked]
            seen = [await _refusal(here, one) for one in placed]
            change = ChangeService(
                service=fits.id, change=Change(bandwidth_gbps=390.0), tenant=fits.tenant, if_version=None
            )
            seen.append(await _refusal(here, change))
        for error in seen:
            assert isinstance(error, Refused), error
            assert error.facts["binding"] is not None
            assert _answer(_back(error)) == _answer(error)
        assert any(error.facts["offers"] for error in seen)
        assert any(error.facts["binding"].holders for error in seen)

    asyncio.run(story())


async def _refusal(here: Any, command: Command[Any]) -> HighroadError:
    with pytest.raises(HighroadError) as caught:
        await here.run(here.controller.do(unpack_command(pack_command(command))))
    return caught.value


def test_a_secret_is_in_no_command() -> None:
    async def story() -> None:
        packed = []
        async with backbone() as world:
            do = world.controller.seat.do

            async def heard(command: Command[Any]) -> Any:
                packed.append(pack_command(command))
                return await do(command)

            world.controller.seat.do = heard  # type: ignore[method-assign]
            record, secret = await world.controller.issue_token(tenant=None, label="quiet")
            assert world.controller.authenticate(secret).token_id == record.id
        assert len(packed) == 1
        assert secret.encode() not in packed[0]
        assert secret.removeprefix("highroad_").encode() not in packed[0]

    asyncio.run(story())


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.text(min_size=1, max_size=8).filter(lambda name: name != "message"), PLAIN, max_size=4))
def test_facts_of_any_kind_come_back(facts: Mapping[str, Any]) -> None:
    error = Conflict("because", **facts)
    back = _back(error)
    assert back.facts == error.facts
    assert back.message == error.message


def _back(error: HighroadError) -> HighroadError:
    with pytest.raises(HighroadError) as caught:
        unpack_answer(pack_error(error), ThawChanges())
    return caught.value


def _answer(error: HighroadError) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
    response = respond(error)
    return response.status_code, bytes(response.body), response.raw_headers
