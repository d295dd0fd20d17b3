"""`highroad up`: the controller, its API and its page on one port, over a fabric; and the tour on the first start."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import math
import os
import socket
import threading
from collections.abc import Sequence
from contextvars import Context
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from highroad.errors import HighroadError, Invalid, Unavailable

if TYPE_CHECKING:
    from types import FrameType

    from fastapi import FastAPI

    from highroad.api.sessions import SessionCodes
    from highroad.client.home import Credentials
    from highroad.control.desk import Desk
    from highroad.control.figures import Figures
    from highroad.main.home import Home
    from highroad.oidc.provider import OidcProvider
    from highroad.ports import SignIn
    from highroad.settings import Settings

BACKLOG = 1024

TIDYING_S = 5
"""How long a tour that was interrupted may take to give back what it holds."""

AT_ONCE_S = 1.0
"""How long a second signal lets it take to end; what was acknowledged is on disk."""

log = logging.getLogger(__name__)


def up(
    port: Annotated[int | None, typer.Option(help="Port of the API and the page; 0 takes a free one.")] = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    network: Annotated[
        str | None, typer.Option(help="What a new store begins with: `us`, `global`, `us-lab`, or a network file.")
    ] = None,
    fabric: Annotated[
        str | None,
        typer.Option(
            help="What carries: `linux` (routers in a lab, as root), `twin` (a model), or `auto`: routers where they "
            "can run."
        ),
    ] = None,
    rate_scale: Annotated[
        float | None, typer.Option(help="What a new lab carries a modelled 1 Gbit/s as, in Gbit/s.")
    ] = None,
    routers: Annotated[
        Path | None, typer.Option(help="Linux routers on hosts of their own, in this file, instead of a lab.")
    ] = None,
    home: Annotated[Path | None, typer.Option(help="Where everything is kept.")] = None,
    database: Annotated[
        str | None,
        typer.Option(
            help="A PostgreSQL (`postgresql://user@host/name`) instead of the home's SQLite: any number of processes "
            "may be up on it, one of which leads. Better in HIGHROAD_DATABASE if it has a password."
        ),
    ] = None,
    role: Annotated[str | None, typer.Option(help="Beside others: `any` may lead, `api` never does.")] = None,
    plant: Annotated[
        Path | None, typer.Option(help="Where the fabric's memory is, for those on this machine that may lead.")
    ] = None,
    tour: Annotated[
        bool | None, typer.Option("--tour/--no-tour", help="Play the tour; by default on the first start.")
    ] = None,
    bare: Annotated[bool, typer.Option("--bare", help="Without the made-up traffic of a second tenant.")] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON line when ready, and no tour unless asked.")
    ] = False,
) -> None:
    """Start the controller, its API and its page over Linux routers or the twin, and stay up until Ctrl-C.

    The first start loads a reference network, makes a tenant to try things with, and plays a short tour. Every
    later one goes on where the last one stopped, however it stopped. Routers in a lab need root and a few things of
    the kernel; without them it says what is missing, and the traffic is a model's.

    Example: highroad up --port 8470
    """
    from highroad.main.home import claim
    from highroad.telemetry.logs import set_up, tell

    if os.environ.get("HIGHROAD_LOG") == "json":
        set_up("json", "WARNING")  # what is wrong with the settings is told in it too
    settings = settings_from(
        port=port,
        host=host,
        network=network,
        fabric=fabric,
        rate_scale=rate_scale,
        routers=routers,
        home=home,
        database=database,
        role=role,
        plant=plant,
    )
    set_up(settings.log, settings.log_level)
    try:
        with claim(settings.home) as folder, _listen(settings.host, settings.port) as listener:
            asyncio.run(
                _run(
                    settings, folder, listener, tour=tour, as_json=as_json, bare=bare, network_asked=network is not None
                )
            )
    except KeyboardInterrupt:
        pass
    except Invalid as error:
        for finding in error.findings:
            tell(log, str(finding), logging.ERROR)
        raise typer.Exit(2) from None
    except HighroadError as error:
        tell(log, str(error), logging.ERROR)
        raise typer.Exit(7) from None


async def _run(
    settings: Settings,
    folder: Home,
    listener: socket.socket,
    *,
    tour: bool | None,
    as_json: bool,
    bare: bool,
    network_asked: bool,
) -> None:
    """Everything, in the order in which it starts; stopped in the opposite order."""
    from highroad.api.app import create_app
    from highroad.api.gate import Allowance
    from highroad.api.routes.health import running
    from highroad.api.sessions import SessionCodes
    from highroad.client.home import write_credentials
    from highroad.main.desks import credentials, seated
    from highroad.telemetry.traces import traces

    tracer = traces(running())
    # What is made from here on stays: the collector need not walk it while it grows, nor ever after.
    gc.collect()
    gc.disable()
    try:
        async with seated(settings, folder, bare=bare, network_asked=network_asked, tracer=tracer) as found:
            desk = found.desk
            known = await credentials(desk, _known(folder), _url(settings.host, listener))
            codes = SessionCodes()
            token = settings.metrics_token
            identity = _identity(settings)
            app = create_app(
                desk,
                hosts=settings.hosts,
                codes=codes,
                sessions=found.sessions,
                metrics_token=None if token is None else token.get_secret_value(),
                tracer=tracer,
                identity=identity,
                sign_in=_sign_in(settings, identity),
                allowance=Allowance(
                    token_per_s=settings.token_per_s,
                    tenant_per_s=settings.tenant_per_s,
                    in_flight=settings.in_flight,
                    request_s=settings.request_s,
                ),
            )
            gc.freeze()
            gc.callbacks.append(LetRest())
            gc.enable()
            listener.listen(
                BACKLOG
            )  # before anybody is told where: who comes early waits rather than being turned away
            leaving = Leaving(drain_s=settings.drain_s, stop_s=settings.stop_s)
            serving = asyncio.create_task(_serve(app, listener, leaving, tuple(map(str, settings.proxies))))
            write_credentials(known, folder.path)
            watched = asyncio.create_task(_report(desk.figures), name="heartbeat")
            await _greet(desk, known, codes, leaving, tour=tour, is_new=found.is_new, as_json=as_json)
            await serving
            watched.cancel()
    finally:
        if tracer is not None:
            await asyncio.to_thread(tracer.close)


def _sign_in(settings: Settings, identity: OidcProvider | None) -> SignIn | None:
    """How one signs in at that provider with a browser, where it knows the page."""
    if settings.oidc_client_id is None or identity is None:
        return None
    from highroad.oidc.signin import OidcSignIn

    secret = settings.oidc_client_secret
    return OidcSignIn(
        provider=identity,
        client_id=settings.oidc_client_id,
        secret=None if secret is None else secret.get_secret_value(),
        scope=settings.oidc_scope,
    )


def _identity(settings: Settings) -> OidcProvider | None:
    """The identity provider that the settings name, if any. Raises Invalid."""
    if settings.oidc_issuer is None:
        return None
    from highroad.oidc.mapping import grants_of
    from highroad.oidc.provider import OidcProvider, Trust

    groups = grants_of(settings.oidc_groups)
    issuer, audience, claim = settings.oidc_issuer, settings.oidc_audience, settings.oidc_claim
    return OidcProvider(Trust(issuer=issuer, audience=audience, groups=groups, claim=claim))


class LetRest:
    """What has survived a full collection is not walked by the next ones, but for one in so many: services stay, and
    are in no circle, so that they are let go of all the same. Else orders stood still for ever longer.
    """

    EACH = 50

    def __init__(self) -> None:
        self.collections = 0

    def __call__(self, phase: str, about: dict[str, int]) -> None:
        """The collector's callback: told when a collection starts and when it stops."""
        if about["generation"] < 2:
            return
        if phase == "stop":
            gc.freeze()
            return
        self.collections += 1
        if self.collections % self.EACH == 0:
            gc.unfreeze()


class Leaving:
    """Whether somebody asked us to stop, and what there is to wait for first: the tour tidies up through the API."""

    def __init__(self, *, drain_s: float, stop_s: float) -> None:
        self.asked = threading.Event()
        self.tour: asyncio.Task[None] | None = None
        self.drain_s = drain_s
        self.stop_s = stop_s


async def _serve(app: FastAPI, listener: socket.socket, leaving: Leaving, proxies: Sequence[str]) -> None:
    """Answer until a signal says stop. From then on it is not ready, which whoever sends it requests is given time to
    see; then streams are ended and nothing more is accepted, and what is under way is answered. A second signal does
    not wait for anything. Who asks, and how, is what the connection says, unless it is one of `proxies`.
    """
    import uvicorn

    from highroad.api import close_streams, not_ready
    from highroad.api.proxies import Proxies
    from highroad.api.unreadable import http_of

    loop = asyncio.get_running_loop()

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            if leaving.asked.is_set():
                self.should_exit = self.force_exit = True
                hurry = threading.Timer(AT_ONCE_S, os._exit, [1])
                hurry.daemon = True
                hurry.start()
                return
            leaving.asked.set()
            # A signal comes in the midst of anything: what follows is not done for that request.
            loop.call_soon_threadsafe(lambda: loop.create_task(self.leave()), context=Context())

        async def leave(self) -> None:
            not_ready(app)
            _tell_systemd("STOPPING=1")
            log.info("asked to stop: not ready from now on")
            if leaving.tour is not None:
                await asyncio.wait({leaving.tour}, timeout=TIDYING_S)
            await asyncio.sleep(leaving.drain_s)
            close_streams(app)
            self.should_exit = True

    config = uvicorn.Config(
        Proxies(app, proxies) if proxies else app,
        http=http_of(app),
        log_config=None,
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=math.ceil(leaving.stop_s),
        server_header=False,
        ws="none",
        proxy_headers=False,
    )
    await Server(config).serve(sockets=[listener])
    log.info("nothing is under way any more")


async def _report(figures: Figures) -> None:
    """Tell systemd that it is ready, and as often as it asks that it is alive: from the loop that answers requests."""
    from highroad.control.figures import BEAT_S
    from highroad.systemd import watchdog_s

    _tell_systemd("READY=1")
    watched_s = watchdog_s()
    every_s = BEAT_S if watched_s is None else min(BEAT_S, watched_s / 3)
    await figures.watch(lambda: _tell_systemd("WATCHDOG=1") if watched_s is not None else None, every_s)


def _tell_systemd(state: str) -> None:
    from highroad.systemd import notify

    try:
        notify(state)
    except Unavailable as error:
        log.warning("%s", error)


async def _greet(
    controller: Desk,
    credentials: Credentials,
    codes: SessionCodes,
    leaving: Leaving,
    *,
    tour: bool | None,
    is_new: bool,
    as_json: bool,
) -> None:
    """Say where everything is; on the first start, show what it can do."""
    from highroad.main import welcome

    operator = credentials.operator_token or ""
    code = codes.make(operator)
    plays = (is_new and not as_json) if tour is None else tour
    if as_json:
        facts = {"url": credentials.url, "code": code, "page": f"{credentials.url}/#code={code}"}
        tokens = {name: getattr(credentials, name) for name in ("operator_token", "tenant", "tenant_token")}
        typer.echo(json.dumps(facts | tokens))
    else:
        book = await controller.settled()
        welcome.opened(book, credentials, code, on=welcome.carried_on(controller), is_new=is_new)
    if plays:
        leaving.tour = asyncio.create_task(asyncio.to_thread(welcome.tour, credentials, leaving.asked))
        await leaving.tour
    if not as_json and not leaving.asked.is_set():
        welcome.what_next(await controller.settled(), credentials, codes.make(operator))


def settings_from(**asked: object) -> Settings:
    """What the environment says, with what was asked for instead. Ends with 2 where something of it is wrong."""
    from pydantic import ValidationError
    from pydantic_settings import SettingsError

    from highroad.settings import Settings
    from highroad.telemetry.logs import tell

    try:
        return Settings.model_validate(Settings().model_dump() | {k: v for k, v in asked.items() if v is not None})
    except ValidationError as error:
        for wrong in error.errors():
            place = ".".join(map(str, wrong["loc"]))
            tell(log, f"{place}: {wrong['msg']}, not {wrong['input']!r}", logging.ERROR)
        raise typer.Exit(2) from None
    except SettingsError as error:
        example = 'a list in the environment is written as JSON, e.g. HIGHROAD_HOSTS=["a.example"]'
        tell(log, f"{error}: {example}", logging.ERROR)
        raise typer.Exit(2) from None


def _known(folder: Home) -> Credentials:
    """The credentials of the last start; none, if the file cannot be read: new ones replace it."""
    from highroad.client.home import Credentials, read_credentials

    try:
        return read_credentials(folder.path)
    except Invalid:
        return Credentials()


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket. Raises Unavailable where the address is taken or is none."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError as error:
        raise Unavailable(
            f"{host}:{port} cannot be listened on: {error.strerror}; choose another with --port or HIGHROAD_PORT"
        ) from error
    listener.set_inheritable(True)
    return listener


def _url(host: str, listener: socket.socket) -> str:
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}"
