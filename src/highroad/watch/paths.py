"""Probes of whole paths: packets that go along a path and back and end at this router, so that a headend knows by
itself which of its paths lead anywhere. No other router has to do anything but forward.

A packet has a sequence number and a keyed hash over it. Only the first arrival of one that is on its way counts, so
that neither a forged nor a replayed one keeps a dead path alive. What a path looks like is not known here: it is a
packet that somebody has made, with room for those.

A path is down when so many probes in a row have not come back in its own measured round trip, and up again when all
have for a while: a second, and twice as long with each flap. While a controller is there (`eager` is False), which
knows more and sooner, paths are probed once a second, and quickly from the first that is missed.
"""

from __future__ import annotations

import heapq
import os
import socket
import struct
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple, Protocol

INTERVAL_NS, SLOW_NS = 50_000_000, 1_000_000_000
MISSED = 3
HOLD_NS, MOST_HOLD_NS = 1_000_000_000, 60_000_000_000
FLAP_NS = 60_000_000_000
"""A path that fails again so soon has to be good for twice as long."""

MOST_A_SECOND = 1_000
"""Probes of one router: with more paths than fit, each is probed less often."""

UNMEASURED_NS = 1_000_000_000
"""How long is waited for a probe of a path of which no round trip is known."""
MARGIN_NS, MOST_MARGIN_NS = 10_000_000, 50_000_000
"""Above the round trip: four times its deviation (RFC 6298), within these."""

JUDGED_NS = 5_000_000
"""Between two looks at what has not come back, unless a path is down by the next."""
_NEVER_NS = 1 << 62
_MOST_LATE = 1_000

TOGETHER_NS = 2_000_000
"""Probes that are due so soon leave at once."""

COOKIE_BYTES = 8
PAYLOAD = struct.Struct("!8sI12s")
"""Whose probe it is, its number, and the hash."""
PAYLOAD_BYTES = PAYLOAD.size
_ICMP_BYTES = 8
_REPLY, _ICMP6_FILTER = 129, 1
_WORDS = struct.Struct(f"!{PAYLOAD_BYTES // 2}H")


class Sockets(Protocol):
    """Where probes leave and come back."""

    def send(self, packet: bytes, first: str) -> None:
        """Send an IPv6 packet towards its first address. Raises OSError."""

    def heard(self) -> list[bytes]:
        """The ICMPv6 messages that have come."""


class Verdict(NamedTuple):
    """That a path is up or down now."""

    name: str
    alive: bool


@dataclass(slots=True)
class _Path:
    name: str
    first: str
    packet: bytes
    """A whole one, whose payload is zeros."""
    alive: bool | None = None
    on_its_way: dict[int, int] = field(default_factory=dict)
    """By number, when it was sent."""
    missed: int = 0
    round_trip_ns: float = 0.0
    deviation_ns: float = 0.0
    good_ns: int | None = None
    """Since when every probe has come back."""
    down_ns: int | None = None
    hold_ns: int = HOLD_NS
    due_ns: int = 0

    @property
    def patience_ns(self) -> float:
        if not self.round_trip_ns:
            return UNMEASURED_NS
        return self.round_trip_ns + min(MOST_MARGIN_NS, max(MARGIN_NS, 4 * self.deviation_ns))

    def took(self, round_trip_ns: int) -> None:
        """A probe came back after so long."""
        if not self.round_trip_ns:
            self.round_trip_ns, self.deviation_ns = round_trip_ns, round_trip_ns / 4
            return
        self.deviation_ns += (abs(round_trip_ns - self.round_trip_ns) - self.deviation_ns) / 4
        self.round_trip_ns += (round_trip_ns - self.round_trip_ns) / 8


class PathProbes:
    """All paths of one router. Times are of the clock that nobody sets, in ns. Not for several threads."""

    def __init__(
        self,
        sockets: Sockets,
        *,
        key: bytes | None = None,
        interval_ns: int = INTERVAL_NS,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        """`key` is nobody else's, and need not outlive this."""
        self.eager = True
        self._clock_ns = clock_ns
        self._sockets = sockets
        self._hash = blake2b(key=key or os.urandom(32), digest_size=12)
        self._cookie = os.urandom(COOKIE_BYTES)
        self._interval_ns = interval_ns
        self._paths: dict[str, _Path] = {}
        self._due: list[tuple[int, str]] = []
        self._sent: dict[int, _Path] = {}
        self._late: dict[int, tuple[_Path, int]] = {}
        """By number, what was waited for long enough: if it comes all the same, the path is slow and not dead."""
        self._number = int.from_bytes(os.urandom(3))
        self._verdicts: list[Verdict] = []
        self._judged_ns = 0
        self._decisive_ns = _NEVER_NS
        self.refused = 0
        """Arrivals that were forged, replayed, or too late."""

    def take(self, paths: Sequence[Mapping[str, Any]]) -> None:
        """Probe these and no others, each with `name`, `first` (where packets are sent to) and `packet` (in hex, with a
        payload of `PAYLOAD_BYTES` zeros). What is known of those that stay is kept.
        """
        now_ns, told = self._clock_ns(), {str(one["name"]): one for one in paths}
        for name in self._paths.keys() - told.keys():
            for number in self._paths.pop(name).on_its_way:
                del self._sent[number]
        new = [name for name in told if name not in self._paths]
        for at, name in enumerate(new):
            one = told[name]
            due_ns = now_ns + self._interval_ns * at // len(new)
            self._paths[name] = _Path(name, str(one["first"]), bytes.fromhex(one["packet"]), due_ns=due_ns)
            heapq.heappush(self._due, (due_ns, name))

    def be(self, *, eager: bool) -> None:
        """Whether nobody else looks from now on."""
        if eager is not self.eager:
            self.eager, now_ns = eager, self._clock_ns()
            for path in self._paths.values():
                self._hurry(path, now_ns)

    def due_s(self) -> float | None:
        """How long there is time until `send` and `receive` are to be called; None while there is nothing to do."""
        self._drop_stale()
        if not self._due:
            return None
        return max(0.0, (min(self._due[0][0], self._decisive_ns) - self._clock_ns()) / 1e9)

    def send(self, now_ns: int) -> None:
        """Send what is due."""
        while True:
            self._drop_stale()
            if not self._due or self._due[0][0] > now_ns + TOGETHER_NS:
                return
            path = self._paths[self._due[0][1]]
            self._ask(path, now_ns)
            path.due_ns = max(path.due_ns + self._every_ns(path), now_ns)
            heapq.heapreplace(self._due, (path.due_ns, path.name))

    def receive(self, now_ns: int) -> None:
        """Take what has come, and then judge what has not: one that waited here for us is not late."""
        for icmp in self._sockets.heard():
            self._hear(icmp, now_ns)
        if now_ns >= min(self._decisive_ns, self._judged_ns + JUDGED_NS):
            self._judged_ns, self._decisive_ns = now_ns, _NEVER_NS
            for path in self._paths.values():
                self._judge(path, now_ns)

    def verdicts(self) -> list[Verdict]:
        """What has changed since this was last asked."""
        changed, self._verdicts = self._verdicts, []
        return changed

    # --- inside ---------------------------------------------------------------------------------------------

    def _every_ns(self, path: _Path) -> int:
        """Between two probes of a path."""
        if not self.eager and path.alive and not path.missed:
            return SLOW_NS
        return max(self._interval_ns, len(self._paths) * 1_000_000_000 // MOST_A_SECOND)

    def _hurry(self, path: _Path, now_ns: int) -> None:
        """Have it probed no later than it is to be."""
        if path.due_ns > now_ns + self._every_ns(path):
            path.due_ns = now_ns
            heapq.heappush(self._due, (now_ns, path.name))

    def _drop_stale(self) -> None:
        while self._due and ((path := self._paths.get(self._due[0][1])) is None or path.due_ns != self._due[0][0]):
            heapq.heappop(self._due)

    def _ask(self, path: _Path, now_ns: int) -> None:
        self._number = (self._number + 1) & 0xFFFF_FFFF
        payload = PAYLOAD.pack(self._cookie, self._number, self._proof(self._number))
        with suppress(OSError):  # what cannot be sent does not come back
            self._sockets.send(_with_payload(path.packet, payload), path.first)
        path.on_its_way[self._number] = now_ns
        self._sent[self._number] = path

    def _proof(self, number: int) -> bytes:
        proof = self._hash.copy()
        proof.update(number.to_bytes(4))
        return proof.digest()

    def _hear(self, icmp: bytes, now_ns: int) -> None:
        if len(icmp) < _ICMP_BYTES + PAYLOAD_BYTES or icmp[0] != _REPLY:
            return
        cookie, number, proof = PAYLOAD.unpack_from(icmp, _ICMP_BYTES)
        if cookie != self._cookie:
            return  # somebody else's: a ping's
        if proof != self._proof(number):
            self.refused += 1
            return
        path = self._sent.get(number)
        if path is None:
            self._came_late(number, now_ns)
            return
        path.took(now_ns - path.on_its_way[number])
        for older in list(path.on_its_way):
            del self._sent[older], path.on_its_way[older]
            if older == number:
                break
            path.good_ns = None  # what was sent before it is lost
        path.missed = 0
        if path.good_ns is None:
            path.good_ns = now_ns
        if path.alive is None or (path.alive is False and now_ns - path.good_ns >= path.hold_ns):
            self._decide(path, alive=True)

    def _came_late(self, number: int, now_ns: int) -> None:
        slow, sent_ns = self._late.pop(number, (None, 0))
        if slow is None:
            self.refused += 1
            return
        slow.round_trip_ns = max(slow.round_trip_ns, now_ns - sent_ns)
        slow.missed = 0

    def _judge(self, path: _Path, now_ns: int) -> None:
        patience_ns = path.patience_ns
        while path.on_its_way:
            number, sent_ns = next(iter(path.on_its_way.items()))
            if now_ns - sent_ns <= patience_ns:
                if path.missed == MISSED - 1:
                    self._decisive_ns = min(self._decisive_ns, sent_ns + round(patience_ns) + 1)
                return
            del path.on_its_way[number], self._sent[number]
            self._late[number] = path, sent_ns
            while len(self._late) > _MOST_LATE:
                del self._late[next(iter(self._late))]
            path.missed += 1
            path.good_ns = None
            self._hurry(path, now_ns)
            if path.missed >= MISSED and path.alive is not False:
                again = path.down_ns is not None and now_ns - path.down_ns < FLAP_NS
                path.hold_ns = min(MOST_HOLD_NS, 2 * path.hold_ns) if again else HOLD_NS
                path.down_ns = now_ns
                self._decide(path, alive=False)

    def _decide(self, path: _Path, *, alive: bool) -> None:
        path.alive = alive
        self._verdicts.append(Verdict(path.name, alive))


class RawSockets:
    """The kernel's, in the namespace of the thread that makes it. Needs CAP_NET_RAW."""

    def __init__(self) -> None:
        self._mouth = socket.socket(socket.AF_INET6, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_RAW)
        self._ears = socket.socket(socket.AF_INET6, socket.SOCK_RAW | socket.SOCK_NONBLOCK, socket.IPPROTO_ICMPV6)
        # Let the kernel drop every other kind of ICMPv6 message (RFC 3542: a bit that is set is dropped).
        words = [0xFFFF_FFFF] * 8
        words[_REPLY >> 5] &= ~(1 << (_REPLY & 31))
        self._ears.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, struct.pack("@8I", *words))

    def fileno(self) -> int:
        """What is readable when a probe has come."""
        return self._ears.fileno()

    def send(self, packet: bytes, first: str) -> None:
        """Send an IPv6 packet towards its first address."""
        self._mouth.sendto(packet, (first, 0))

    def heard(self) -> list[bytes]:
        """The ICMPv6 echo replies that have come."""
        found: list[bytes] = []
        with suppress(BlockingIOError):
            while True:
                found.append(self._ears.recv(256))
        return found

    def close(self) -> None:
        """Both."""
        self._mouth.close()
        self._ears.close()


def _with_payload(packet: bytes, payload: bytes) -> bytes:
    """A packet whose payload is zeros, with another; its checksum is that of before, and the words of the payload."""
    at = len(packet) - PAYLOAD_BYTES - _ICMP_BYTES
    total: int = (~int.from_bytes(packet[at + 2 : at + 4]) & 0xFFFF) + sum(_WORDS.unpack(payload))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return packet[: at + 2] + (~total & 0xFFFF).to_bytes(2) + packet[at + 4 : at + _ICMP_BYTES] + payload
