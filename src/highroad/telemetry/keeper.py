"""The process that keeps figures: a store of its own, asked and told over one socket by the process that started it.

It is a process so that neither its memory nor its work nor its death is the controller's: it is nicer than others, and
who started it starts it again. It ends when the socket does, and not by a signal that was meant for all.

    HIGHROAD_KEEPER='{"folder": "/var/lib/highroad/telemetry", ...}' python -m highroad.telemetry.keeper FD
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import queue
import signal
import socket
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from highroad.errors import Finding, HighroadError, Invalid, Unavailable
from highroad.model.tracks import Keeping
from highroad.telemetry.rows import (
    Ask,
    AskMoments,
    Failed,
    Found,
    FoundMoments,
    Frame,
    Keep,
    Rows,
    Told,
    receive,
    send,
    unpack,
)
from highroad.telemetry.store import Store

if TYPE_CHECKING:
    from highroad.telemetry.remote import Remote

log = logging.getLogger("highroad.telemetry.keeper")

WAITING = 32
"""Batches that may wait for the disk; then who tells waits, and drops what it cannot hold."""

ORDER = "HIGHROAD_KEEPER"
"""The variable of the environment that has what a keeper is started with."""

TOLD_EACH_S = 1.0
AGAIN_S = 2.0
OPENING = "it is being opened"
STATUS = "status.json"
"""Beside the store: how it goes, for who asks without us."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a keeper is started with. `remote` is where Prometheus listens, if figures go there too."""

    folder: str
    limit_bytes: int
    remote: str | None = None
    level: str = "WARNING"
    form: Literal["text", "json"] = "text"
    """Of its log, which goes where its starter's does."""


class Keeper:
    """Writes what comes, reads what is asked for, and tells how it goes."""

    def __init__(self, order: Order, peer: socket.socket) -> None:
        self._order = order
        self._peer = peer
        self._sending = threading.Lock()
        self._rows: queue.Queue[list[Rows] | None] = queue.Queue(WAITING)
        self._asked: queue.Queue[Ask | AskMoments | None] = queue.Queue()
        self._store: Store | None = None
        self._kept = self._dropped = 0
        self._amiss = OPENING
        self._remote: Remote | None = None
        self._ended = threading.Event()

    def run(self) -> None:
        """Until the other end is gone; then what came is written, and the store is closed."""
        if self._order.remote is not None:
            from highroad.telemetry.remote import Remote

            self._remote = Remote(self._order.remote)
            self._remote.start()
        workers = [
            threading.Thread(target=work, name=work.__name__.strip("_"))
            for work in (self._write, self._answer, self._tell)
        ]
        for worker in workers:
            worker.start()
        with suppress(OSError, ValueError, msgspec.MsgspecError):
            while (frame := receive(self._peer)) is not None:
                if isinstance(frame, Keep):
                    self._rows.put([unpack(one) for one in frame.rows])
                elif isinstance(frame, Ask | AskMoments):
                    self._asked.put(frame)
        self._ended.set()
        self._rows.put(None)
        self._asked.put(None)
        for worker in workers:
            worker.join()
        if self._remote is not None:
            self._remote.stop()
        if self._store is not None:
            self._store.close()

    # --- below ------------------------------------------------------------------------------------------------

    def _write(self) -> None:
        last_s = float("-inf")
        while (rows := self._rows.get()) is not None:
            if self._remote is not None:
                self._remote.put(rows)
            if self._store is None and time.monotonic() - last_s > AGAIN_S:
                last_s = time.monotonic()
                self._open()
            count = sum(one.values for one in rows)
            if self._store is None:
                self._dropped += count
                continue
            try:
                self._store.add(rows)
            except Unavailable as error:
                self._dropped += count
                self._say(str(error))
            except Exception as error:
                log.exception("samples could not be kept")
                self._dropped += count
                self._say(f"samples cannot be kept: {error}")
            else:
                self._kept += count
                self._say("")

    def _open(self) -> None:
        """Open the store, once nobody else has it."""
        try:
            folder = Path(self._order.folder)
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._store = Store(folder, limit_bytes=self._order.limit_bytes)
            except BaseException:
                os.close(handle)
                raise
        except BlockingIOError:
            self._say("another process still keeps figures there")
        except OSError as error:
            self._say(f"{self._order.folder} cannot be used: {error.strerror}")
        except HighroadError as error:
            self._say(str(error))

    def _say(self, amiss: str) -> None:
        if amiss != self._amiss:
            level = logging.INFO if self._amiss == OPENING else logging.WARNING
            log.log(logging.WARNING if amiss else level, "telemetry: %s", amiss or "figures are kept")
        self._amiss = amiss

    def _answer(self) -> None:
        while (ask := self._asked.get()) is not None:
            answer: Frame
            try:
                if self._store is None:
                    raise Unavailable(f"telemetry cannot be read: {self._amiss}")
                if isinstance(ask, AskMoments):
                    moments = self._store.moments(from_s=ask.from_s, until_s=ask.until_s, step_s=ask.step_s)
                    answer = FoundMoments(ask.number, moments)
                else:
                    history = self._store.read(
                        ask.subject, ask.names, ask.series, from_s=ask.from_s, until_s=ask.until_s, step_s=ask.step_s
                    )
                    answer = Found(ask.number, history)
            except Invalid as error:
                answer = Failed(ask.number, error.message, [_plain(one) for one in error.findings])
            except HighroadError as error:
                answer = Failed(ask.number, error.message)
            except Exception as error:
                log.exception("telemetry could not be read")
                answer = Failed(ask.number, f"telemetry cannot be read: {error}")
            self._send(answer)

    def _tell(self) -> None:
        while not self._ended.wait(TOLD_EACH_S):
            with suppress(OSError):
                keeping = self._keeping()
                self._send(Told(keeping))
                at = Path(self._order.folder) / STATUS
                doc = json.dumps({"at_s": time.time(), **asdict(keeping)})
                at.with_suffix(".new").write_text(doc, encoding="utf-8")
                at.with_suffix(".new").replace(at)

    def _keeping(self) -> Keeping:
        store, remote = self._store, self._remote
        return Keeping(
            kept=self._kept,
            dropped=self._dropped,
            size_bytes=0 if store is None else store.size_bytes,
            limit_bytes=self._order.limit_bytes,
            given_up=0 if store is None else store.given_up,
            damaged=0 if store is None else store.damaged,
            sent=0 if remote is None else remote.sent,
            unsent=0 if remote is None else remote.dropped,
            amiss=self._amiss,
            remote_amiss="" if remote is None else remote.amiss,
        )

    def _send(self, frame: Frame) -> None:
        with self._sending, suppress(OSError):
            send(self._peer, frame)


def _plain(finding: Finding) -> tuple[str, str, str]:
    return finding.code, finding.place, finding.message


def main() -> None:
    """The process."""
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, 5)
    order = msgspec.json.decode(os.environ.pop(ORDER), type=Order)
    if order.form == "json":
        from highroad.telemetry.logs import set_up  # with it comes much that nothing here needs

        set_up("json", order.level)
    else:
        logging.basicConfig(level=order.level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("httpx").setLevel(logging.WARNING)  # it says addresses whole, with what is secret in them
    Keeper(order, socket.socket(fileno=int(sys.argv[1]))).run()


if __name__ == "__main__":
    main()
