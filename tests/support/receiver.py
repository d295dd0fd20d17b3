"""Somebody's endpoint for webhooks, as well-behaved or as bad as a test wants it."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

Answer = bytes | Callable[[socket.socket], None] | None

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


def status(code: int, *fields: str, body: bytes = b"") -> bytes:
    """An answer of a status."""
    lines = [f"HTTP/1.1 {code} X", f"content-length: {len(body)}", *fields]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass(frozen=True, slots=True)
class Delivery:
    """What came."""

    headers: Mapping[str, str]
    body: bytes
    at_s: float

    @property
    def id(self) -> str:
        """Its `webhook-id`."""
        return self.headers["webhook-id"]

    @property
    def event(self) -> Any:
        """The CloudEvent."""
        return json.loads(self.body)


@dataclass
class Receiver:
    """Listens on a port of the loopback; `answer` says what a delivery is answered, None for nothing, ever."""

    answer: Callable[[Delivery], Answer] = lambda delivery: OK
    got: list[Delivery] = field(default_factory=list)
    accepted: list[Delivery] = field(default_factory=list)
    """Those that were answered as delivered."""

    def __enter__(self) -> Receiver:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/hook"
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                peer, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(peer,), daemon=True).start()

    def _serve(self, peer: socket.socket) -> None:
        with peer:
            try:
                while self._one(peer):
                    pass
            except OSError:
                pass

    def _one(self, peer: socket.socket) -> bool:
        data = b""
        while b"\r\n\r\n" not in data:
            part = peer.recv(65536)
            if not part:
                return False
            data += part
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")[1:]
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        while len(body) < int(headers["content-length"]):
            body += peer.recv(65536)
        delivery = Delivery(headers, body, time.time())
        self.got.append(delivery)
        answer = self.answer(delivery)
        if answer is None:
            peer.settimeout(60)
            peer.recv(1)
            return False
        if callable(answer):
            answer(peer)
            return False
        if answer.startswith(b"HTTP/1.1 2"):
            self.accepted.append(delivery)
        peer.sendall(answer)
        return True
