"""What routers tell each other of links that are down, from neighbour to neighbour until all have heard it: pure.

A headend whose paths cross a link far away has to know at once that it is lost, whoever else is alive. So who loses a
neighbour says so on all its other core ports, and whoever hears that for the first time passes it on. News goes hop by
hop: it needs no route, and is there as soon as light can bring it.

    news    kind, version, whether the link is down, bytes of its name, stamp (8), number (8), name,
            keyed hash of all that, of who sends it and of what both neighbours agreed on (16)

The stamp is of the neighbour, and grows with each frame: what was recorded counts for nothing. The number is of the
router whose link it is, and grows with each thing that it says: by that it is known what is old. What is down is said
again every few seconds, and forgotten by others when it is not: nothing hangs on one frame.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final

from highroad.watch.hello import ETHER_TYPE, ETHERNET_BYTES, FRAME_BYTES, KIND_AT, VERSION, is_same

NEWS: Final = 5

AGAIN_NS: Final = 3_000_000_000
"""How often what is down is said again."""

LASTS_NS: Final = 10_000_000_000
"""What was not said again for so long is no news any more."""

GOOD_NS: Final = 2_000_000_000
"""How long a link has to be well before it counts as that: as the controller has it."""

WHOLE_NS: Final = AGAIN_NS + 1_000_000_000
"""After so long a watcher has heard of all that is down."""

MOST_LINKS: Final = 20_000
"""Of more links nothing is noted, nor passed on."""

MOST_NAME_BYTES: Final = 255

_NEWS = struct.Struct("!BBBBQQ")
_TAG_BYTES = 16
_ETHERNET = struct.Struct("!6s6sH")


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """That a link is down, or up again, as the router says by whose port it leaves."""

    link: str
    down: bool
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """What two neighbours share: the key of the link, the nonce of who speaks, and that of who hears."""

    key: bytes
    speaks: bytes
    hears: bytes


def pack_news(news: News, stamp: int, wire: Wire, *, source: bytes, to: bytes) -> bytes:
    """A whole frame."""
    name = news.link.encode()
    body = _NEWS.pack(NEWS, VERSION, news.down, len(name), stamp, news.number) + name
    frame = _ETHERNET.pack(to, source, ETHER_TYPE) + body + _tag(wire, source, body)
    return frame.ljust(FRAME_BYTES, b"\0")


def peek(frame: bytes) -> News | None:
    """What a frame says, whoever made it; None for anything else than news."""
    if len(frame) < ETHERNET_BYTES + _NEWS.size or frame[KIND_AT] != NEWS or frame[KIND_AT + 1] != VERSION:
        return None
    _, _, down, size, _, number = _NEWS.unpack_from(frame, ETHERNET_BYTES)
    at = ETHERNET_BYTES + _NEWS.size
    name = frame[at : at + size]
    if down > 1 or not size or len(frame) < at + size + _TAG_BYTES:
        return None
    try:
        return News(link=name.decode(), down=bool(down), number=number)
    except UnicodeDecodeError:
        return None


def stamp_of(frame: bytes, wire: Wire) -> int | None:
    """When a frame of news was made, by its maker's clock; None where somebody else made it."""
    end = ETHERNET_BYTES + _NEWS.size + frame[KIND_AT + 3]
    tag = frame[end : end + _TAG_BYTES]
    if not is_same(tag, _tag(wire, frame[6:12], frame[ETHERNET_BYTES:end])):
        return None
    stamp: int = _NEWS.unpack_from(frame, ETHERNET_BYTES)[4]
    return stamp


def _tag(wire: Wire, source: bytes, body: bytes) -> bytes:
    said = wire.speaks + wire.hears + source + body
    return blake2b(said, key=wire.key, digest_size=_TAG_BYTES, person=b"hello-news").digest()


@dataclass(slots=True)
class _Entry:
    number: int
    down: bool
    lost_ns: int
    """Until when the link counts as lost."""
    kept_ns: int
    """Until when its number is remembered."""


class Newsroom:
    """What is known of others' links. Times are of the clock that nobody sets, in ns."""

    def __init__(self, *, now_ns: int) -> None:
        self._began_ns = now_ns
        self._entries: dict[str, _Entry] = {}

    def is_new(self, news: News) -> bool:
        """Whether it says more than is known."""
        had = self._entries.get(news.link)
        return len(self._entries) < MOST_LINKS if had is None else news.number > had.number

    def take(self, news: News, *, now_ns: int) -> bool:
        """Note it; whether it was new."""
        if not self.is_new(news):
            return False
        had = self._entries.get(news.link)
        lost_ns = now_ns + LASTS_NS
        if not news.down:
            was_ns = now_ns if had is None else had.lost_ns
            lost_ns = min(was_ns, now_ns + GOOD_NS) if had is not None and had.down else was_ns
        self._entries[news.link] = _Entry(news.number, news.down, lost_ns, now_ns + LASTS_NS)
        return True

    def lost(self, *, now_ns: int) -> frozenset[str]:
        """The links that are not to be used."""
        return frozenset(link for link, entry in self._entries.items() if entry.lost_ns > now_ns)

    def is_whole(self, *, now_ns: int) -> bool:
        """Whether what is not known to be lost is not: all has been said again since this began."""
        return now_ns - self._began_ns >= WHOLE_NS

    def forget(self, *, now_ns: int) -> None:
        """Let go of what is no news any more."""
        for link in [link for link, entry in self._entries.items() if max(entry.kept_ns, entry.lost_ns) <= now_ns]:
            del self._entries[link]
