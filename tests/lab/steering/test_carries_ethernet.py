"""An `ethernet` service carries frames as they are: whatever is in them, with their tags, up to 9000 bytes, and no
others: the routers say nothing on it.
"""

from __future__ import annotations

import os
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from highroad.model.service import ServiceKind
from tests.lab.steering.rig import hosts, offer, service, space, zigzag
from tests.lab.steering.traffic import Frames, delivered, lane
from tests.support.routers import Chain, chain, host

NEAR, FAR = bytes.fromhex("020000000001"), bytes.fromhex("020000000002")
ALL = b"\xff" * 6
LLDP, PAUSE, EAPOL = bytes.fromhex("0180c200000e"), bytes.fromhex("0180c2000001"), bytes.fromhex("0180c2000003")


@pytest.fixture(scope="module")
def carried(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chain]:
    with ExitStack() as undo:
        made = undo.enter_context(chain(3, tmp_path_factory.mktemp("routers")))
        one = service("wire", 1, 1, 3, kind=ServiceKind.ETHERNET, lists=(zigzag(1, 3, 4),))
        hosts(made, undo, one)
        for end, number in (("here", 1), ("there", 3)):
            for more in (f"10.7.0.{number}/24", f"fd77::{number}/64"):
                made.run(f"wire.{end}", "ip", "addr", "add", more, "dev", "e0", *(("nodad",) if ":" in more else ()))
        offer(made, one)
        assert [router.converge() for router in made.routers] == [0, 0, 0]
        yield made


FRAMES = {
    "smallest": FAR + NEAR + b"\x88\xb5" + os.urandom(46),
    "largest": FAR + NEAR + b"\x88\xb5" + os.urandom(9000),
    "largest, tagged": FAR + NEAR + struct.pack("!HH", 0x8100, 42) + b"\x88\xb5" + os.urandom(9000),
    "unknown ethertype": FAR + NEAR + b"\xbe\xef" + os.urandom(100),
    "802.3 with its length": FAR + NEAR + struct.pack("!H", 60) + b"\x42\x42\x03" + os.urandom(57),
    "ARP": ALL + NEAR + bytes.fromhex("0806000108000604000102000000000a0a090001000000000000 0a090002") + bytes(18),
    "tagged": FAR + NEAR + struct.pack("!HH", 0x8100, 5 << 13 | 7) + b"\x08\x00" + os.urandom(60),
    "priority-tagged": FAR + NEAR + struct.pack("!HH", 0x8100, 3 << 13) + b"\x86\xdd" + os.urandom(60),
    "tagged twice": FAR + NEAR + struct.pack("!HHHH", 0x88A8, 100, 0x8100, 200) + b"\x08\x00" + os.urandom(60),
    "multicast": bytes.fromhex("01005e000005") + NEAR + b"\x08\x00" + os.urandom(60),
    "IPv6 multicast": bytes.fromhex("333300000001") + NEAR + b"\x86\xdd" + os.urandom(60),
    "broadcast": ALL + NEAR + b"\xbe\xef" + os.urandom(60),
    "LLDP": LLDP + NEAR + b"\x88\xcc" + os.urandom(60),
    "pause": PAUSE + NEAR + b"\x88\x08" + os.urandom(46),
    "EAPOL": EAPOL + NEAR + b"\x88\x8e" + os.urandom(46),
    "MPLS": FAR + NEAR + b"\x88\x47" + os.urandom(60),
    "IPv6 with a routing header": FAR
    + NEAR
    + bytes.fromhex("86dd600000000020 2bff") + os.urandom(32) + bytes.fromhex("3b02040100000000") + os.urandom(24),
}  # fmt: skip


@pytest.mark.parametrize("what", FRAMES)
def test_a_frame_arrives_as_it_was_sent(carried: Chain, what: str) -> None:
    frame = FRAMES[what]
    for here, there in (("here", "there"), ("there", "here")):
        with (
            Frames(space(carried, "wire", there), "e0") as far,
            Frames(space(carried, "wire", here), "e0") as near,
        ):
            near.send(frame)
            assert far.wait_for(frame), f"{what} from {here}"


def test_a_frame_too_large_does_not_arrive(carried: Chain) -> None:
    """The largest is 9000 bytes with a header and a tag. A host sends more when its own interface lets it."""
    carried.run("wire.here", "ip", "link", "set", "e0", "mtu", "9200")
    frame = FAR + NEAR + b"\x88\xb5" + os.urandom(9100)
    with Frames(space(carried, "wire", "there"), "e0") as far, Frames(space(carried, "wire", "here"), "e0") as near:
        with suppress(OSError):  # the wire itself may refuse it
            near.send(frame)
        near.send(FRAMES["largest"])
        assert far.wait_for(FRAMES["largest"])
        assert frame not in far.taken()
    carried.run("wire.here", "ip", "link", "set", "e0", "mtu", "9000")


def test_neighbours_are_found_and_packets_of_any_size_pass(carried: Chain) -> None:
    for to in ("10.7.0.3", "fd77::3"):
        assert carried.ping("wire.here", to, size=8972 if "." in to else 8952, more=("-M", "do")) == 3


@pytest.mark.parametrize("to", ["10.7.0.3", "fd77::3"])
@pytest.mark.parametrize("mtu", [1500, 9000])
def test_tcp_in_bulk_passes_whole(carried: Chain, to: str, mtu: int) -> None:
    """A sender hands 64 kB at once to its interface: they are cut before they are in a tunnel in a tunnel."""
    size = 8 << 20
    for end in ("here", "there"):
        carried.run(f"wire.{end}", "ip", "link", "set", "e0", "mtu", str(mtu))
    begun = time.monotonic()
    assert delivered(space(carried, "wire", "here"), space(carried, "wire", "there"), to, size) == size
    assert time.monotonic() - begun < 5, "8 MB in less than 5 s: 13 Mbit/s, of 1000 that were sold"


def test_the_routers_say_nothing_on_it(carried: Chain) -> None:
    """No router advertisement, solicitation or report of theirs reaches the customer, also when the port comes up."""
    routers = carried.routers
    with Frames(space(carried, "wire", "here"), "e0") as near, Frames(space(carried, "wire", "there"), "e0") as far:
        for number in (0, 2):
            intended = routers[number].intended
            routers[number].tell(type(intended)())
            routers[number].tell(intended)
        time.sleep(2.5)
        own = {
            carried.run(f"wire.{end}", "cat", "/sys/class/net/e0/address").strip().replace(":", "")
            for end in ("here", "there")
        }
        strangers = [frame for frame in near.taken() + far.taken() if frame[6:12].hex() not in own]
        assert strangers == []
    with lane(space(carried, "wire", "here"), space(carried, "wire", "there"), "10.7.0.3") as way:
        assert way.passes(3) == 3, "and it carries again"


def test_the_far_end_of_a_wire_may_move_and_its_size_may_change(tmp_path: Path) -> None:
    """To another router, and back, at another size: in one change, and with nothing of the old tunnel left."""
    with ExitStack() as undo:
        made = undo.enter_context(chain(3, tmp_path))
        far = service("wire", 1, 1, 3, kind=ServiceKind.ETHERNET)
        near = service("wire", 1, 1, 2, kind=ServiceKind.ETHERNET)
        small = service("wire", 1, 1, 3, kind=ServiceKind.ETHERNET, mtu=(1500, 1500))
        hosts(made, undo, far)
        host(made, "other", 2, "a1", near.there.addresses, undo)
        frame, large = FRAMES["tagged"], FRAMES["largest"]
        receivers = {1: space(made, "wire", "there"), 2: f"{made.prefix}-other"}
        with Frames(space(made, "wire", "here"), "e0") as sender:
            for one, who, passes in (
                (far, 1, large),
                (near, 2, large),
                (far, 1, large),
                (small, 1, frame),
                (far, 1, large),
            ):
                offer(made, one)
                assert [router.converge() for router in made.routers] == [0, 0, 0]
                with Frames(receivers[who], "e0") as receiver:
                    with suppress(OSError):  # the wire itself may refuse it
                        sender.send(large)
                    sender.send(passes)
                    assert receiver.wait_for(passes)
                    if passes is not large:
                        assert large not in receiver.taken()
