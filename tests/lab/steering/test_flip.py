"""A headend flips to a path that is there already: packets on the wire say that a flip, and what follows, lose none."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from highroad.agent import dump
from highroad.agent.selection import Known
from highroad.gnmi.router import CandidatePath, SegmentList
from highroad.model.service import ServiceKind
from highroad.netlink import namespace
from highroad.netlink.kernel import Kernel
from highroad.netlink.nexthop import Nexthop, NexthopGroup
from tests.lab.steering.rig import (
    FAMILIES,
    Service,
    awake,
    differs,
    far,
    hosts,
    intents,
    offer,
    service,
    sid_packets,
    space,
    state,
    zigzag,
)
from tests.lab.steering.traffic import Frames, Lane, Stream, lane
from tests.support.routers import Chain, Router, chain

SHORT, MIDDLE, LONG = zigzag(1, 3, 2), zigzag(1, 3, 4), zigzag(1, 3, 8)
A_SECOND = 2500
PAUSE_S = 0.004


def paths(one: Service, *candidates: Sequence[Sequence[int]]) -> Service:
    """The service with these candidate paths there, the first preferred; the links of each are called after it."""
    made = tuple(
        CandidatePath(
            preference=100 - 50 * place,
            segment_lists=tuple(
                SegmentList(links=tuple(f"{name(path)}.{at}" for at in range(len(path))), functions=tuple(path))
                for path in lists
            ),
        )
        for place, lists in enumerate(candidates)
    )
    return replace(one, out=replace(one.out, candidate_paths=made))


def name(path: Sequence[int]) -> str:
    return f"way-{len(path)}"


def avoiding(*ways: Sequence[int]) -> Known:
    """A controller said that the last link of each of these paths is not to be used."""
    return Known(avoided=frozenset(f"{name(path)}.{len(path) - 1}" for path in ways))


@dataclass(frozen=True)
class Moving:
    chain: Chain
    service: Service
    lanes: tuple[Lane, ...]

    @property
    def head(self) -> Router:
        return self.chain.routers[0]

    def tell(self, *candidates: Sequence[Sequence[int]]) -> int:
        """Other paths for the headend, and nothing else."""
        return self.head.tell(intents([paths(self.service, *candidates)], 3)[0])

    def links_used(self) -> float:
        """How many links a packet goes over now."""
        before, sent = sid_packets(self.chain), 60
        for _ in range(sent // 2):
            for one in self.lanes:
                one.send(bytes(64))
        time.sleep(0.1)
        return (sid_packets(self.chain) - before) / sent


@pytest.fixture(scope="module")
def moving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moving]:
    with ExitStack() as undo:
        made = undo.enter_context(chain(3, tmp_path_factory.mktemp("routers")))
        one = service("s", 1, 1, 3, rate_kbps=200_000)
        hosts(made, undo, one)
        offer(made, one)
        lanes = tuple(
            undo.enter_context(lane(space(made, one, "here"), space(made, one, "there"), far(one, family)))
            for family in FAMILIES
        )
        assert all(awake(made, one, family) for family in FAMILIES)
        assert [way.passes(3) for way in lanes] == [3, 3]
        yield Moving(chain=made, service=one, lanes=lanes)


def test_three_hundred_flips_lose_nothing(moving: Moving) -> None:
    moving.tell([SHORT], [LONG])
    before = sid_packets(moving.chain)
    with Stream(moving.lanes, A_SECOND) as stream:
        for number in range(300):
            assert moving.head.flip((avoiding(SHORT), Known())[number % 2])
            time.sleep(PAUSE_S)
    assert stream.lost() == []
    per_packet = (sid_packets(moving.chain) - before) / (2 * stream.sent)
    assert 3 < per_packet < 7, f"packets took both ways: {per_packet} links on average"


def test_a_flip_is_not_undone_by_a_comparison_nor_by_a_restart(moving: Moving) -> None:
    moving.tell([SHORT], [LONG])
    assert moving.head.flip(avoiding(SHORT))
    assert moving.links_used() == 8
    assert moving.head.converge() == 0
    held = state(moving.head)
    # An agent that starts knows nothing; it finds what is in use, and keeps to it.
    moving.head.known = Known()
    moving.head.begin()
    moving.head.known = Known(inherited=moving.head.steering.adopt(moving.head.intended))
    assert moving.head.steering.flipped == {"s": 50}
    assert moving.head.converge() == 0
    assert differs(held, state(moving.head)) == []
    assert moving.links_used() == 8
    assert moving.head.flip(Known())
    assert (moving.head.steering.flipped, moving.links_used()) == ({}, 2)
    assert moving.head.converge() == 0


def held(router: Router) -> dict[int, Nexthop | NexthopGroup]:
    with namespace.entered_by_name(router.namespace), Kernel() as kernel:
        return {one.id: one for one in kernel.nexthops()}


def test_packets_go_the_other_way_before_any_group_does(moving: Moving) -> None:
    """The nexthop that groups point at is lent to the path in use; what follows puts that right, and moves nothing."""
    moving.tell([SHORT], [MIDDLE], [LONG])
    before = held(moving.head)
    groups = {number: one for number, one in before.items() if isinstance(one, NexthopGroup)}
    with Stream(moving.lanes, A_SECOND) as stream:
        assert moving.head.flip(avoiding(SHORT), then=False)
        assert groups.items() <= held(moving.head).items()
        assert (moving.head.steering.flipped, moving.head.steering.is_lent) == ({"s": 50}, True)
        time.sleep(0.02)
        assert moving.head.flip(avoiding(SHORT, MIDDLE), then=False)
        assert groups.items() <= held(moving.head).items()
        time.sleep(0.02)
    assert stream.lost() == []
    assert moving.links_used() == 8
    with Stream(moving.lanes, A_SECOND) as stream:
        assert moving.head.flip(avoiding(SHORT, MIDDLE))
        assert not moving.head.steering.is_lent
        assert moving.head.converge() == 0
        time.sleep(0.02)
    assert stream.lost() == []
    after = held(moving.head)
    assert {number: after[number] for number in before.keys() - groups.keys()} == {
        number: before[number] for number in before.keys() - groups.keys()
    }
    assert not groups.items() & after.items()
    assert moving.links_used() == 8
    assert moving.head.flip(Known(), then=False)
    assert moving.head.flip(avoiding(SHORT), then=False)
    assert moving.head.flip(Known(), then=False)
    moving.tell([SHORT], [LONG])
    assert not moving.head.steering.is_lent
    assert moving.head.converge() == 0
    assert moving.links_used() == 2


def test_an_agent_that_ended_in_the_middle_of_a_flip_is_understood(moving: Moving) -> None:
    moving.tell([SHORT], [LONG])
    assert moving.head.flip(avoiding(SHORT), then=False)
    moving.head.known = Known()
    moving.head.begin()
    with Stream(moving.lanes, A_SECOND) as stream:
        moving.head.known = Known(inherited=moving.head.steering.adopt(moving.head.intended))
        assert (moving.head.steering.flipped, moving.head.steering.is_lent) == ({"s": 50}, True)
        moving.head.converge()
        assert not moving.head.steering.is_lent
    assert stream.lost() == []
    assert moving.links_used() == 8
    assert moving.head.converge() == 0
    assert moving.head.flip(Known())


def test_a_flip_while_the_kernel_is_compared_stands(moving: Moving, monkeypatch: pytest.MonkeyPatch) -> None:
    moving.tell([SHORT], [LONG])
    read = dump.read

    def meanwhile(*args: Any) -> Any:
        held = read(*args)
        assert moving.head.flip(avoiding(SHORT))
        return held

    monkeypatch.setattr(dump, "read", meanwhile)
    moving.head.converge()
    monkeypatch.undo()
    assert (moving.head.steering.flipped, moving.links_used()) == ({"s": 50}, 8)
    assert moving.head.converge() == 0
    assert moving.head.flip(Known())


def test_the_repair_that_follows_a_flip_moves_nothing(moving: Moving) -> None:
    """What was the backup becomes the path that is preferred: its nexthop stays, and so does the group."""
    moving.tell([SHORT], [LONG])
    with Stream(moving.lanes, A_SECOND) as stream:
        assert moving.head.flip(avoiding(SHORT))
        time.sleep(0.05)
        groups = {key: thing for key, thing in state(moving.head).items() if key[0].name == "GROUP"}
        moving.tell([LONG], [MIDDLE])
        assert {key: thing for key, thing in state(moving.head).items() if key[0].name == "GROUP"} == groups
        assert moving.head.steering.flipped == {}
        assert moving.head.flip(Known()), "the controller takes its word back"
        assert {key: thing for key, thing in state(moving.head).items() if key[0].name == "GROUP"} == groups
    assert stream.lost() == []
    assert moving.links_used() == 8


def test_a_policy_that_comes_with_a_path_that_is_avoided_begins_on_another(moving: Moving) -> None:
    moving.tell([LONG])
    moving.head.known = avoiding(SHORT)
    moving.tell([SHORT], [MIDDLE])
    assert (moving.head.steering.flipped, moving.links_used()) == ({"s": 50}, 4)
    assert moving.head.converge() == 0
    assert moving.head.flip(Known())
    assert moving.links_used() == 2


def test_several_lists_flip_to_one_and_back_without_loss(moving: Moving) -> None:
    """Gates and shapers stay as they are: every place leads along the one list of the backup, and of several, all."""
    moving.tell([SHORT, LONG], [MIDDLE])
    with Stream(moving.lanes, A_SECOND) as stream:
        for number in range(40):
            assert moving.head.flip((avoiding(LONG), Known())[number % 2])
            time.sleep(PAUSE_S)
    assert stream.lost() == []
    moving.head.flip(avoiding(LONG))
    assert moving.links_used() == 4
    assert moving.head.converge() == 0
    moving.head.flip(Known())
    moving.tell([MIDDLE], [SHORT, LONG])
    moving.head.flip(avoiding(MIDDLE))
    assert moving.links_used() in (2, 5, 8), "a flow keeps to one list, whichever that is"
    assert moving.head.converge() == 0
    moving.head.flip(Known())


def test_a_second_failure_flips_on(moving: Moving) -> None:
    moving.tell([SHORT], [MIDDLE], [LONG])
    moving.head.flip(avoiding(SHORT))
    assert moving.links_used() == 4
    moving.head.flip(avoiding(SHORT, MIDDLE))
    assert moving.links_used() == 8
    moving.head.flip(avoiding(MIDDLE))
    assert moving.links_used() == 2


def test_what_somebody_took_away_is_mended_and_then_flipped_to(moving: Moving) -> None:
    moving.tell([SHORT], [LONG])
    held = state(moving.head).values()
    used = {member for one in held if isinstance(one, NexthopGroup) for member, _ in one.members}
    unused = next(str(one.id) for one in held if isinstance(one, Nexthop) and one.id not in used)
    moving.chain.run("r1", "ip", "nexthop", "del", "id", unused)
    assert not moving.head.flip(avoiding(SHORT)), "the kernel did not take all of it"
    assert moving.head.converge() > 0
    assert moving.links_used() == 8


def test_an_ethernet_service_flips_its_tunnel(tmp_path: Path) -> None:
    with ExitStack() as undo:
        made = undo.enter_context(chain(3, tmp_path))
        one = paths(service("wire", 1, 1, 3, kind=ServiceKind.ETHERNET), [SHORT], [LONG])
        hosts(made, undo, one)
        offer(made, one)
        for known, links in ((Known(), 2), (avoiding(SHORT), 8), (Known(), 2)):
            assert made.routers[0].flip(known)
            with Frames(space(made, one, "there"), "e0") as far_end, Frames(space(made, one, "here"), "e0") as near_end:
                before = sid_packets(made)
                for _ in range(50):
                    near_end.send(FRAME)
                assert len([frame for frame in far_end.wait(50) if frame == FRAME]) > 40
            # What the hosts' kernels send of their own accord is little beside it.
            assert abs((sid_packets(made) - before) / 50 - links) < 1
        assert made.routers[0].converge() == 0


FRAME = bytes.fromhex("020000000002020000000001be ef") + bytes(60)
