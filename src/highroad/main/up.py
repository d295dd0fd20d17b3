"""`highroad up`: the controller, its API and its page on one port, over a fabric; and the tour on the first start."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import socket
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from highroad.errors import HighroadError, Invalid, Unavailable

if TYPE_CHECKING:
    from types import FrameType

    from fastapi import FastAPI

    from highroad.api.sessions import SessionCodes
    from highroad.client.home import Credentials
    from highroad.control.controller import Controller
    from highroad.main.home import Home
    from highroad.settings import Settings

BACKLOG = 1024

TIDYING_S = 5
"""How long a tour that was interrupted may take to give back what it holds."""

STOPPING_S = 2
"""How long open streams may keep a Ctrl-C waiting."""


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

    settings = _settings(
        port=port, host=host, network=network, fabric=fabric, rate_scale=rate_scale, routers=routers, home=home
    )
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
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
            typer.echo(str(finding), err=True)
        raise typer.Exit(2) from None
    except HighroadError as error:
        typer.echo(str(error), err=True)
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
    from highroad.api.sessions import SessionCodes
    from highroad.client.home import write_credentials
    from highroad.control.controller import Controller
    from highroad.control.safety import Blast
    from highroad.fabric.clock import SystemClock
    from highroad.main import fabrics, first
    from highroad.storage.store import SqlStore

    store = SqlStore(folder.store)
    try:
        known = await asyncio.to_thread(store.load)
        if known.network is not None and network_asked:
            message = "there is a network in this store already: put another in force with `highroad network load`"
            typer.echo(f"--network is for a new store and is ignored; {message}", err=True)
        clock = SystemClock()
        carrier, network, said = await fabrics.start(settings, folder, store, known.network, clock)
        for sentence in said:
            typer.echo(sentence, err=True)
        controller = Controller(
            store=store,
            fabric=carrier.fabric,
            clock=clock,
            lab=carrier.lab,
            prober=carrier.fabric,
            fabric_name=carrier.name,
            carries_tags=carrier.carries_tags,
            blast=Blast(services=settings.step_services, share=settings.step_share),
        )
        try:
            await controller.start()
            is_new = await first.furnish(controller, network, bare=bare)
            url = _url(settings.host, listener)
            credentials = await first.credentials(controller, _known(folder), url)
            codes = SessionCodes()
            app = create_app(controller, hosts=settings.hosts, codes=codes)
            # What is here by now stays: the collector need not walk it again and again while something waits.
            gc.collect()
            gc.freeze()
            listener.listen(
                BACKLOG
            )  # before anybody is told where: who comes early waits rather than being turned away
            leaving = Leaving()
            serving = asyncio.create_task(_serve(app, listener, leaving))
            write_credentials(credentials, folder.path)
            await _greet(controller, credentials, codes, leaving, tour=tour, is_new=is_new, as_json=as_json)
            await serving
        finally:
            await controller.stop()
            await carrier.close()
    finally:
        store.close()


class Leaving:
    """Whether somebody asked us to stop, and what there is to wait for first: the tour tidies up through the API."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.tour: asyncio.Task[None] | None = None


async def _serve(app: FastAPI, listener: socket.socket, leaving: Leaving) -> None:
    """Answer until a signal says stop. Then streams are ended first, so that nobody waits for them; a second signal
    does not wait for anything.
    """
    import uvicorn

    from highroad.api import close_streams

    loop = asyncio.get_running_loop()

    class Server(uvicorn.Server):
        def handle_exit(self, sig: int, frame: FrameType | None) -> None:
            if leaving.asked.is_set():
                self.should_exit = self.force_exit = True
            leaving.asked.set()
            loop.call_soon_threadsafe(lambda: loop.create_task(self.leave()))

        async def leave(self) -> None:
            if leaving.tour is not None:
                await asyncio.wait({leaving.tour}, timeout=TIDYING_S)
            close_streams(app)
            self.should_exit = True

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=STOPPING_S,
        server_header=False,
        ws="none",
    )
    await Server(config).serve(sockets=[listener])


async def _greet(
    controller: Controller,
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


def _settings(**asked: object) -> Settings:
    from pydantic import ValidationError

    from highroad.settings import Settings

    try:
        return Settings.model_validate(Settings().model_dump() | {k: v for k, v in asked.items() if v is not None})
    except ValidationError as error:
        for wrong in error.errors():
            typer.echo(f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}, not {wrong['input']!r}", err=True)
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
