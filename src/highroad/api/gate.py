"""How much is let in: so often of each token and tenant, so many at once of all, and for so long of each.

What is over is turned away at once and cheaply, with when to come again, so that what is let in is answered in time. A
process counts for itself: of several, each lets in as much.
"""

from __future__ import annotations

import asyncio
import json
import math
from collections import Counter, OrderedDict
from dataclasses import dataclass
from time import monotonic
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from highroad.api.problems import KINDS
from highroad.control.accounts import Caller
from highroad.control.figures import REQUEST
from highroad.errors import SlowDown, Unavailable

REMEMBERED = 10_000
"""Buckets that are kept; the longest unused goes first, and would have filled by then."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """The figures. A bucket holds what comes in `burst_s` seconds at its rate; a rate of 0 is no limit."""

    token_per_s: float = 2000.0
    tenant_per_s: float = 5000.0
    burst_s: float = 2.0
    wrong_per_s: float = 20.0
    wrong_burst: float = 500.0
    """Requests without a good token, of one address: from then on they are answered so, and not looked into the log."""
    in_flight: int = 256
    request_s: float = 90.0


LATE_S = 0.3
"""No more are taken at once than are answered in so long."""

EACH_S = 0.1
"""So long somebody has to be worked at, and so many as `LEAST` answered, before the room is looked at again."""

CROWDED = 0.6
"""What is used of the room while more are being turned away than it holds: to open their connections and to read them
takes from what is done for those who are in, and does so before the rate can tell.
"""

STEP = 0.3
"""How much of the way the room goes each time to what would fit: one window tells little."""

FIRST, LEAST = 64.0, 8.0
"""How many are taken at once at first, and how few at the least."""

TARPIT_S, EACH_TARPIT_S, MOST_TARPIT_S = 0.2, 0.001, 2.0
"""Who is turned away is told so much later, the later the more they are: who asks again at once, whatever is said,
does so less often, and what is taken goes on meanwhile.
"""

MOST_WAITING = 5000
"""From so many on they are told at once."""

ENDLESS = frozenset({"/v1/live", "/v1/events"})
"""Streams, which have a limit of their own."""

TURN = "highroad.turn"
"""Where a request's scope has its turn."""

PROMISED = "highroad.promised"
"""In a request's scope where it was let in before it was made a task of."""

MOST_COMING, MOST_COMING_HERE = 128, 512
"""Bodies that may be on their way at once: of one token, and, where none is asked for, of one address."""

TENANT_WAITING, OPERATOR_WAITING = 4, 16
"""Requests that measure or wait, of one tenant at once, and of all operators together."""

OTHERS_S = 2.0
"""So long after somebody else asked, a tenant has no more than half of what is taken at once."""

FULL = json.dumps(
    {
        "type": "/problems/unavailable",
        "title": KINDS["unavailable"].title,
        "status": 503,
        "detail": "more is asked than can be answered in time: nothing was done, send it again in a second",
        "code": "unavailable",
        "retryable": True,
    }
).encode()
HEADERS = [(b"content-type", b"application/problem+json"), (b"retry-after", b"1")]


class TooOften(SlowDown):
    """A token or a tenant asked too often. `headers` tell of its rate."""

    headers: dict[str, str]


class Shedding:
    """The application behind its gate. What is shed costs next to nothing: no route, no token, no body is looked at."""

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self.app = app
        self.gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take it, or turn it away."""
        gate = self.gate
        promised = PROMISED in scope
        gate.promised -= promised
        if scope["type"] != "http" or not is_shed_at(scope.get("path", "")):
            await self.app(scope, receive, send)
            return
        if gate.full and not promised:
            try:
                await asyncio.sleep(gate.turn_away())
            finally:
                gate.waiting -= 1
            body = says_full(REQUEST.get())
            length = (b"content-length", str(len(body)).encode())
            await send({"type": "http.response.start", "status": 503, "headers": [*HEADERS, length]})
            await send({"type": "http.response.body", "body": body})
            return
        client = scope.get("client")
        turn = scope[TURN] = Turn(gate, receive, send, client[0] if client else "")
        try:
            await self.app(scope, turn.receive, turn.send)
        finally:
            turn.end()


def is_shed_at(path: str) -> bool:
    """Whether a request for an address is turned away when there are too many."""
    return path.startswith("/v1/") and path not in ENDLESS


def says_full(request: str) -> bytes:
    """The problem document of a request, by its id, that is turned away."""
    return FULL[:-1] + b', "request_id": ' + json.dumps(request).encode() + b"}"


class Turn:
    """A request that was let in: it has a slot while we work at it, and none while its body is on its way, while it
    waits for others, and once its answer begins. Only the time in a slot is ours.
    """

    def __init__(self, gate: Gate, receive: Receive, send: Send, address: str) -> None:
        self.gate = gate
        self._receive = receive
        self._send = send
        self._coming = ("address", address)
        self._tenant: str | None = None
        self._waiting = False
        self._is_coming = False
        self._whole = False
        self._took_s = 0.0
        self._since_s: float | None = None
        self._take()

    def of(self, caller: Caller, *, waits: bool) -> None:
        """Say whose it is, and whether it measures or waits. Raises Unavailable or SlowDown."""
        gate, tenant = self.gate, caller.grant.tenant
        self._coming = ("token", caller.token_id)
        gate.asks(tenant)
        if waits:
            most = OPERATOR_WAITING if tenant is None else TENANT_WAITING
            if gate.waits[tenant] >= most:
                who = "operators" if tenant is None else "your tenant"
                raise SlowDown(
                    f"{who} may have {most} requests at once that measure or wait: send it again when one is answered",
                    retry_after_s=1,
                )
            self.leave()
            gate.waits[tenant] += 1
            self._waiting, self._tenant = True, tenant
            return
        if tenant is None:
            return
        gate.check_share(tenant)
        self._tenant = tenant
        gate.held[tenant] += 1

    async def receive(self) -> Message:
        """The next message. Raises SlowDown if too many bodies are on their way, Unavailable if there is no room when
        this one is whole.
        """
        gate = self.gate
        if self._whole or self._waiting:
            return await self._receive()
        if not self._is_coming:
            most = MOST_COMING if self._coming[0] == "token" else MOST_COMING_HERE
            if gate.coming[self._coming] >= most:
                raise SlowDown(f"more than {most} bodies are on their way from this {self._coming[0]}", retry_after_s=1)
            gate.coming[self._coming] += 1
            self._is_coming = True
            self._pause()
        message = await self._receive()
        if message["type"] == "http.request" and not message.get("more_body", False):
            self._whole = True
            self._came()
            if gate.full:
                raise Unavailable("more is asked than can be answered in time: nothing was done", retry_after_s=1)
            if self._tenant is not None:
                gate.check_share(self._tenant)
            self._take()
            if self._tenant is not None:
                gate.held[self._tenant] += 1
        return message

    async def send(self, message: Message) -> None:
        """Pass a message on; with the first the work is done, however slowly it is read."""
        if message["type"] == "http.response.start":
            self.end()
        await self._send(message)

    def leave(self) -> None:
        """Give the slot back; what follows is no work of ours and says nothing of how late we are."""
        if self._since_s is not None:
            self._pause()
        self._whole = True

    def end(self) -> None:
        """Give back whatever is held; may be called again."""
        gate = self.gate
        self._came()
        if self._waiting:
            _less(gate.waits, self._tenant)
            self._waiting = False
        elif self._since_s is not None:
            gate.passed(self._took_s + monotonic() - self._since_s)
            self._since_s = None
            if self._tenant is not None:
                _less(gate.held, self._tenant)
        self._whole, self._tenant = True, None

    def _take(self) -> None:
        self._since_s = self.gate.take()

    def _pause(self) -> None:
        if self._since_s is None:
            return
        self._took_s += self.gate.leave() - self._since_s
        self._since_s = None
        if self._tenant is not None:
            _less(self.gate.held, self._tenant)

    def _came(self) -> None:
        if self._is_coming:
            self._is_coming = False
            _less(self.gate.coming, self._coming)


class Buckets:
    """Token buckets by name: full at first, and filling at a rate."""

    def __init__(self, per_s: float, burst: float) -> None:
        self.per_s = per_s
        self.burst = burst
        self._left: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, name: str, now_s: float) -> float:
        """Take one. Returns how much is left; below 0, that nothing was taken, and how much is missing."""
        left, at_s = self._left.pop(name, (self.burst, now_s))
        left = min(self.burst, left + max(0.0, now_s - at_s) * self.per_s)
        short = left - 1.0
        self._left[name] = (left if short < 0 else short, now_s)
        while len(self._left) > REMEMBERED:
            self._left.popitem(last=False)
        return short

    def wait_s(self, short: float) -> int:
        """How many whole seconds until there is one again."""
        return max(1, math.ceil(-short / self.per_s))


class Gate:
    """What an application lets in."""

    def __init__(self, allowance: Allowance | None = None) -> None:
        self.allowance = known = allowance or Allowance()
        self._tokens = Buckets(known.token_per_s, known.token_per_s * known.burst_s)
        self._tenants = Buckets(known.tenant_per_s, known.tenant_per_s * known.burst_s)
        self._wrong = Buckets(known.wrong_per_s, known.wrong_burst)
        self.in_flight = 0
        self.promised = 0
        """Requests that were let in and have no slot yet: all heads that came together are read before that."""
        self.waiting = 0
        """Requests that are turned away, and not told yet."""
        self.room = float(min(FIRST, known.in_flight))
        """How many are taken at once: fewer while those that are taken are answered late."""
        self._answered = 0
        """Since the room was looked at, like what follows."""
        self._took_s = 0.0
        """The time that those who were answered had a slot."""
        self._busy_s = 0.0
        """The time in which anybody had a slot, up to `_busy_since_s`."""
        self._busy_since_s = 0.0
        self._most = 0
        """How many had a slot at once."""
        self.shed = 0
        """Requests that were turned away because there were too many at once."""
        self.coming: Counter[tuple[str, str]] = Counter()
        """Bodies that are on their way, by token or address."""
        self.waits: Counter[str | None] = Counter()
        """Requests that measure or wait, by tenant; None are operators."""
        self.held: Counter[str] = Counter()
        """Slots by tenant."""
        self._asked: OrderedDict[str | None, float] = OrderedDict()

    @property
    def full(self) -> bool:
        """Whether no more are taken."""
        room = self.room
        if self.waiting > room > LEAST:
            room = max(LEAST, room * CROWDED)
        return self.in_flight + self.promised >= room

    def turn_away(self) -> float:
        """Count one that is turned away as waiting for its answer; in how many seconds it is to have that."""
        self.shed += 1
        self.waiting += 1
        if self.waiting > MOST_WAITING:
            return 0.0
        return min(MOST_TARPIT_S, TARPIT_S + self.waiting * EACH_TARPIT_S)

    def take(self) -> float:
        """One more has a slot. Returns since when."""
        now_s = monotonic()
        if not self.in_flight:
            self._busy_since_s = now_s
        self.in_flight += 1
        self._most = max(self._most, self.in_flight)
        return now_s

    def leave(self) -> float:
        """One fewer has a slot. Returns since when."""
        now_s = monotonic()
        self.in_flight -= 1
        if not self.in_flight:
            self._busy_s += now_s - self._busy_since_s
        return now_s

    def passed(self, took_s: float) -> None:
        """One that was taken is answered, after so long in its slot."""
        now_s = self.leave()
        busy_s = self._busy_s + (now_s - self._busy_since_s if self.in_flight else 0.0)
        if self._answered >= LEAST and busy_s >= EACH_S:
            self._look(busy_s)  # before this one is counted: answers come many at once, and the next ones have begun
            self._answered, self._took_s, self._busy_s, self._most = 0, 0.0, 0.0, self.in_flight + 1
            self._busy_since_s = now_s
        self._answered += 1
        self._took_s += took_s

    def _look(self, busy_s: float) -> None:
        """Take as many at once as are answered in `LATE_S` at the rate at which they were lately: who is let in beside
        N others waits for N answers (Little's law). Where they are answered sooner than in half of that, the rate tells
        how often we are asked rather than what we can do; then it only becomes more, and where there was need of it.
        """
        most, fits = float(self.allowance.in_flight), self._answered / busy_s * LATE_S
        late = self._took_s / self._answered > LATE_S / 2
        if late and self._took_s / busy_s < LEAST / 2:
            return  # a few that take long by themselves
        if not late:
            fits = max(fits, self.room + self._answered / max(self.room, 1.0))
        if fits > self.room and self._most * 2 < self.room:
            return
        self.room += (fits - self.room) * STEP
        self.room = min(most, max(self.room, min(LEAST, most)))

    def asks(self, tenant: str | None) -> None:
        """Note that a tenant, or an operator for None, asks."""
        self._asked[tenant] = monotonic()
        self._asked.move_to_end(tenant)
        while len(self._asked) > REMEMBERED:
            self._asked.popitem(last=False)

    def check_share(self, tenant: str) -> None:
        """While others ask, a tenant has at most half of the slots. Raises Unavailable."""
        if self.held[tenant] < math.ceil(self.room / 2):
            return
        other = next((name for name in reversed(self._asked) if name != tenant), tenant)
        if other != tenant and monotonic() - self._asked[other] <= OTHERS_S:
            raise Unavailable("your tenant asks for more at once than its share: nothing was done", retry_after_s=1)

    def charge(self, caller: Caller) -> dict[str, str]:
        """Count a request of a caller. Returns headers that tell of it. Raises TooOften, with the same headers."""
        now_s = monotonic()
        headers: dict[str, str] = {}
        named = [(self._tokens, caller.token_id, "token")]
        if caller.grant.tenant is not None:
            named.append((self._tenants, caller.grant.tenant, "tenant"))
        for buckets, name, kind in named:
            if buckets.per_s <= 0:
                continue
            left = buckets.take(name, now_s)
            if left < 0:
                wait_s = buckets.wait_s(left)
                error = TooOften(
                    f"this {kind} sends more than {buckets.per_s:g} requests a second: send it again in {wait_s} s",
                    retry_after_s=wait_s,
                    limit_per_s=buckets.per_s,
                )
                error.headers = _headers(buckets, left + 1.0, kind)
                raise error
            if kind == "token":
                headers = _headers(buckets, left, kind)
        return headers

    def wrong(self, address: str) -> SlowDown | None:
        """Count a request without a good token; what to answer instead once there were too many of one address."""
        if self._wrong.per_s <= 0:
            return None
        left = self._wrong.take(address, monotonic())
        if left >= 0:
            return None
        return SlowDown("too many requests without a good token came from here", retry_after_s=self._wrong.wait_s(left))


def _less(counted: Counter[Any], name: Any) -> None:
    """One fewer; what there is none of is not remembered."""
    counted[name] -= 1
    if counted[name] <= 0:
        del counted[name]


def _headers(buckets: Buckets, left: float, kind: str) -> dict[str, str]:
    """As in draft-ietf-httpapi-ratelimit-headers: the policy, what is left of it, and in how long it is full again."""
    burst, full_s = math.floor(buckets.burst), math.ceil((buckets.burst - left) / buckets.per_s)
    return {
        "RateLimit-Policy": f'"{kind}";q={burst};w={math.ceil(buckets.burst / buckets.per_s)}',
        "RateLimit": f'"{kind}";r={math.floor(left)};t={full_s}',
    }
