"""What the API of a process calls: a controller that is alone on its own store, or one of several on a database."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from highroad.errors import HighroadError, Unavailable

if TYPE_CHECKING:
    from highroad.api.sessions import Sessions
    from highroad.client.home import Credentials
    from highroad.control.desk import Desk
    from highroad.control.replanning import Rules
    from highroad.control.safety import Blast
    from highroad.control.trial import Check
    from highroad.main.home import Home
    from highroad.model.network import Network
    from highroad.ports import Tracer
    from highroad.settings import Settings
    from highroad.storage.election import Election
    from highroad.storage.store import SqlStore

log = logging.getLogger(__name__)

THREADS = 32
"""So many questions to a database may be under way in one process."""

AGAIN_S = 0.2
"""How often a process that waits for a leader looks whether there is one."""

WAIT_S, LAB_WAIT_S = 300.0, 5.0
"""How long what failed has to be good before it is used again. RFC 6378 has 5 to 12 minutes, in which a splicer is
still at it; nobody who looks at a lab waits so long."""

HEAD_EVERY_S = 3600.0
"""How often the head of the audit log is logged: what is taken from its end since then is not missed by it."""


@dataclass(slots=True, kw_only=True)
class Seated:
    """A desk that answers; `is_new` where this process has furnished the store, `sessions` None for those in memory."""

    desk: Desk
    is_new: bool
    sessions: Sessions | None = None


@asynccontextmanager
async def seated(
    settings: Settings, folder: Home, *, bare: bool, network_asked: bool, tracer: Tracer | None
) -> AsyncIterator[Seated]:
    """The desk, for as long as the context lasts."""
    kind = alone if settings.database is None else several
    async with kind(settings, folder, bare=bare, network_asked=network_asked, tracer=tracer) as found:
        yield found


@asynccontextmanager
async def alone(
    settings: Settings, folder: Home, *, bare: bool, network_asked: bool, tracer: Tracer | None
) -> AsyncIterator[Seated]:
    """A controller on SQLite in the home, whose one process this is."""
    from highroad.api.sessions import SealedSessions
    from highroad.control.controller import Controller
    from highroad.courier.vault import key_in
    from highroad.fabric.clock import SystemClock
    from highroad.main import fabrics, first
    from highroad.main.mail import mail_of
    from highroad.main.telemetry import kept
    from highroad.optimiser.process import Process
    from highroad.pki.signing import signer_in
    from highroad.storage.store import SqlStore

    store = SqlStore(folder.store)
    try:
        epoch = store.raise_epoch()
        store.lead(epoch)
        known = await asyncio.to_thread(store.network)
        _say_ignored(known, network_asked)
        clock = SystemClock()
        carrier, network, said = await fabrics.start(settings, folder, store, known, clock, epoch)
        _say(said)
        blast, check = _bounds(settings)
        mail, courier = await asyncio.to_thread(mail_of, settings, lambda: key_in(folder.webhook_key))
        signer = await asyncio.to_thread(signer_in, folder.proof_key)
        log.info("proofs are signed with the key %s", signer.key)
        telemetry = kept(settings, folder)
        controller = Controller(
            store=store,
            fabric=carrier.fabric,
            clock=clock,
            lab=carrier.lab,
            prober=carrier.fabric,
            fabric_name=carrier.name,
            carries_tags=carrier.carries_tags,
            blast=blast,
            check=check,
            wait_to_restore_s=_wait_s(settings),
            tracer=tracer,
            mail=mail,
            telemetry=telemetry,
            signer=signer,
            rules=_rules(settings),
            solver=Process(),
        )
        try:
            await controller.start()
            async with _heads(store):
                key = await asyncio.to_thread(key_in, folder.session_key)
                sessions = await asyncio.to_thread(SealedSessions.by, key, folder.signed_out)
                is_new = await first.furnish(controller, network, bare=bare)
                yield Seated(desk=controller, is_new=is_new, sessions=sessions)
        finally:
            await controller.stop()
            _log_head(store)
            await courier.aclose()
            if telemetry is not None:
                await asyncio.to_thread(telemetry.close)
            await carrier.close()
    finally:
        store.close()


@asynccontextmanager
async def several(
    settings: Settings, folder: Home, *, bare: bool, network_asked: bool, tracer: Tracer | None
) -> AsyncIterator[Seated]:
    """One of several processes on a database. It answers whether or not it leads."""
    from highroad.api.sessions import SealedSessions
    from highroad.control.follower import Beside
    from highroad.control.replica import Opened, Replica
    from highroad.courier.vault import new_key
    from highroad.fabric.clock import SystemClock
    from highroad.main import fabrics, first
    from highroad.main.home import Home
    from highroad.main.mail import mail_of
    from highroad.main.telemetry import kept
    from highroad.optimiser.process import Process
    from highroad.pki.signing import Signer
    from highroad.pki.signing import new_key as new_proof_key
    from highroad.storage.calls import CALLS
    from highroad.storage.election import Election
    from highroad.storage.listening import COMMITS, listen_in_thread
    from highroad.storage.store import SqlStore

    url = "" if settings.database is None else settings.database.get_secret_value()
    store = await asyncio.to_thread(SqlStore, url)
    election = Election(url)
    try:
        _say_ignored(await asyncio.to_thread(store.network), network_asked)
        clock, execute = SystemClock(), asyncio.to_thread
        plant = folder if settings.plant is None else Home(settings.plant.expanduser().resolve())
        blast, check = _bounds(settings)

        async def open_fabric(epoch: int, in_force: Network | None) -> Opened:
            plant.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            carrier, network, said = await fabrics.start(settings, plant, store, in_force, clock, epoch, shared=True)
            _say(said)
            telemetry = kept(settings, plant)

            async def close() -> None:
                if telemetry is not None:
                    await asyncio.to_thread(telemetry.close)
                await carrier.leave()

            return Opened(
                fabric=carrier.fabric,
                name=carrier.name,
                network=network,
                prober=carrier.fabric,
                lab=carrier.lab,
                carries_tags=carrier.carries_tags,
                telemetry=telemetry,
                close=close,
            )

        calls = store.calls
        mail, courier = await asyncio.to_thread(
            mail_of, settings, lambda: calls.secret("webhooks", lambda: new_key().encode()).decode()
        )
        signer = Signer(await asyncio.to_thread(calls.secret, "proofs", new_proof_key))
        log.info("proofs are signed with the key %s", signer.key)
        replica = Replica(
            name=f"{socket.gethostname()}:{os.getpid()}",
            store=store,
            beside=Beside(journal=store, calls=store.calls, board=store.calls, execute=execute),
            clock=clock,
            execute=execute,
            candidacy=Candidate(election, store) if settings.role == "any" else None,
            open_fabric=open_fabric,
            blast=blast,
            check=check,
            wait_to_restore_s=_wait_s(settings),
            tracer=tracer,
            mail=mail,
            signer=signer,
            rules=_rules(settings),
            solver=Process(),
        )
        key = await asyncio.to_thread(store.calls.secret, "sessions", SealedSessions.new_key)
        found = Seated(desk=replica, is_new=False, sessions=SealedSessions(key))

        async def furnish(network: Network) -> None:
            found.is_new = await first.furnish(replica, network, bare=bare)

        replica.furnish = furnish
        loop = asyncio.get_running_loop()
        # Where the database hangs, so does who has asked it; everybody else goes on.
        loop.set_default_executor(ThreadPoolExecutor(THREADS, thread_name_prefix="highroad"))

        def heard(channel: str, _payload: str) -> None:
            with suppress(RuntimeError):  # the loop is closed
                loop.call_soon_threadsafe(partial(replica.hear, commits=channel == COMMITS, calls=channel == CALLS))

        thread, listener = listen_in_thread(url, [COMMITS, CALLS], heard)
        try:
            await replica.start()
            async with _heads(store):
                yield found
        finally:
            listener.stop()
            await replica.stop()
            await courier.aclose()
            await asyncio.to_thread(thread.join)
    finally:
        election.close()
        store.close()


class Candidate:
    """One who stands for election, and fences who led before."""

    def __init__(self, election: Election, store: SqlStore) -> None:
        self._election = election
        self._store = store

    def win(self) -> int | None:
        """Lead under a new epoch; None while another leads. Raises Unavailable."""
        if not self._election.win():
            return None
        try:
            epoch = self._store.raise_epoch()
        except Unavailable:
            self._election.close()
            raise
        self._store.lead(epoch)
        return epoch

    def holds(self) -> bool:
        """Whether nobody else can have been elected."""
        return self._election.holds()

    def resign(self) -> None:
        """Let another be elected."""
        self._election.close()


async def credentials(desk: Desk, known: Credentials, url: str) -> Credentials:
    """The tokens that are known if they hold, else new ones, once the store is furnished and somebody leads."""
    from highroad.main import first
    from highroad.telemetry.logs import tell

    waits = False
    while True:
        try:
            book = await desk.settled()
            if first.hold(desk, known) or (desk.ready and first.is_furnished(book)):
                return await first.credentials(desk, known, url)
        except Unavailable as error:
            log.info("no tokens yet: %s", error)
        if not waits:
            tell(log, "waiting for a process that leads")
            waits = True
        await asyncio.sleep(AGAIN_S)


def _bounds(settings: Settings) -> tuple[Blast, Check]:
    from highroad.control.safety import Blast
    from highroad.control.trial import Check

    return (
        Blast(services=settings.step_services, share=settings.step_share),
        Check(above=settings.canary_above, for_s=settings.check_s, loss=settings.harmful_loss),
    )


def _rules(settings: Settings) -> Rules:
    from highroad.control.replanning import Rules
    from highroad.model.plan import Optimising

    return Rules(mode=Optimising(settings.optimise), every_s=settings.optimise_s, least_gain=settings.optimise_gain)


def _wait_s(settings: Settings) -> float:
    """How long what failed has to be good before it is used again: who plays with a lab does not wait for minutes."""
    if settings.wait_to_restore_s is not None:
        return settings.wait_to_restore_s
    return LAB_WAIT_S if settings.routers is None else WAIT_S


def _say_ignored(known: Network | None, network_asked: bool) -> None:
    if known is not None and network_asked:
        message = "there is a network in this store already: put another in force with `highroad network load`"
        _say([f"--network is for a new store and is ignored; {message}"])


def _say(sentences: list[str]) -> None:
    from highroad.telemetry.logs import tell

    for sentence in sentences:
        tell(log, sentence)


@asynccontextmanager
async def _heads(store: SqlStore, every_s: float = HEAD_EVERY_S) -> AsyncIterator[None]:
    """Log the audit log's head now, and every hour from then on."""
    _log_head(store)

    async def on() -> None:
        while True:
            await asyncio.sleep(every_s)
            await asyncio.to_thread(_log_head, store)

    logging_on = asyncio.create_task(on(), name="audit-head")
    try:
        yield
    finally:
        logging_on.cancel()
        await asyncio.gather(logging_on, return_exceptions=True)


def _log_head(store: SqlStore) -> None:
    """Where logs are kept, so is this: rows that are taken from the end of the audit log are missed by it."""
    try:
        rows, head = store.log.head()
    except HighroadError as error:
        log.warning("the audit log cannot be read: %s", error)
    else:
        log.info("the audit log has %d rows, head %s", rows, head, extra={"audit_rows": rows, "audit_head": head})
