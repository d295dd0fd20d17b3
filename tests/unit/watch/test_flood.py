"""News is passed on once, by every other port, when light has brought it, and told to who cares."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from highroad.watch.flood import Flood
from highroad.watch.hello import digest_of
from highroad.watch.news import News, Wire, pack_news, peek
from highroad.watch.port import Port

WIRE = Wire(key=digest_of(b"a key"), speaks=b"a" * 16, hears=b"b" * 16)
MS = 1_000_000
DOWN = News(link="x>y", down=True, number=7)


def frame(news: News) -> bytes:
    return pack_news(news, 1, WIRE, source=bytes(6), to=bytes(6))


def port(name: str, *, news_ms: float = 0.0, may_tell: bool = True, believed: bool = True) -> Port:
    made = SimpleNamespace(
        name=name,
        config=SimpleNamespace(link=f"{name}>", news_ms=news_ms),
        judge=SimpleNamespace(up=True),
        may_tell=may_tell,
        tells=lambda frame: believed,
        news=lambda news, now_ns: frame(news),
    )
    return cast(Port, made)


class World:
    """A flood, and what it sent and told."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, News | None]] = []
        self.told: list[tuple[list[str], bool]] = []
        self.flood = Flood(self._send, self._tell)

    def _send(self, frame: bytes, interface: str) -> None:
        self.sent.append((interface, peek(frame)))

    def _tell(self, said: dict[str, Any], *, urgent: bool) -> None:
        self.told.append((said["lost"], urgent))


def test_news_goes_on_by_all_others_once() -> None:
    world, here = World(), port("c0")
    ports = [here, port("c1"), port("c2"), port("c3", may_tell=False)]
    for _ in range(2):
        world.flood.hear(ports, here, frame(DOWN), 0)
    world.flood.hear(ports, ports[1], frame(DOWN), 0)
    assert world.sent == [("c1", DOWN), ("c2", DOWN)]


def test_what_is_not_believed_goes_nowhere() -> None:
    world, here = World(), port("c0", believed=False)
    world.flood.care(["x>y"], 0)
    world.flood.hear([here, port("c1")], here, frame(DOWN), 0)
    assert (world.sent, world.told) == ([], [([], False)])


def test_news_is_there_when_light_has_brought_it() -> None:
    world, here = World(), port("c0", news_ms=5.0)
    ports = [here, port("c1")]
    world.flood.care(["x>y"], 0)
    world.flood.hear(ports, here, frame(DOWN), 10 * MS)
    assert world.flood.due_ns == 15 * MS
    world.flood.arrive(ports, 15 * MS - 1)
    assert world.sent == []
    world.flood.arrive(ports, 15 * MS)
    assert (world.sent, world.told[1:]) == ([("c1", DOWN)], [(["x>y"], True)])
    assert not world.flood.due_ns


def test_what_is_down_is_said_again_and_that_it_is_up_at_once() -> None:
    world, lost, other = World(), port("c0"), port("c1")
    cast(Any, lost).judge.up = False
    world.flood.say([lost, other], lost, 0)
    world.flood.keep([lost, other], 2_999 * MS)
    assert len(world.sent) == 1
    world.flood.keep([lost, other], 3_000 * MS)
    cast(Any, lost).judge.up = True
    world.flood.keep([lost, other], 3_100 * MS)
    world.flood.keep([lost, other], 9_000 * MS)
    assert [(name, news is not None and news.down) for name, news in world.sent] == [
        ("c1", True), ("c1", True), ("c1", False)
    ]  # fmt: skip


def test_what_is_down_is_said_again_though_its_interface_is_no_more() -> None:
    world, lost, other = World(), port("c0"), port("c1")
    cast(Any, lost).judge.up = False
    world.flood.say([lost, other], lost, 0)
    for at_ms in range(100, 12_001, 100):
        world.flood.keep([other], at_ms * MS)
    assert [(name, news is not None and news.down) for name, news in world.sent] == [("c1", True)] * 5
    world.flood.keep([port("c0"), other], 12_100 * MS)
    world.flood.keep([port("c0"), other], 20_000 * MS)
    assert [news is not None and news.down for _, news in world.sent[5:]] == [False]
