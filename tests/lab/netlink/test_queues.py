"""Qdiscs, classes and filters: through the kernel and back, and as `tc` shows them."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from highroad.netlink import bpf_syscall, link, qdisc
from highroad.netlink import filter as filters
from highroad.netlink.bpf import R0, TC_ACT_OK, Program
from highroad.netlink.kernel import KernelRefused
from tests.lab.netlink.conftest import Space

SHAPE = 4
ROOT = qdisc.handle(1)


@pytest.fixture
def shaped(wired: Space) -> Space:
    """`shape` has HTB: 1:1 with 1:10 and 1:20 under it."""
    wired.kernel.do([link.ifb("shape", mtu=9600), link.set_link(SHAPE, up=True, addrgen="none")])
    wired.kernel.do([qdisc.create(qdisc.Htb(index=SHAPE, handle=ROOT, default=0x20)), *map(qdisc.create, CLASSES)])
    return wired


def _class(minor: int, parent: int, rate: int, **more: Any) -> qdisc.HtbClass:
    return qdisc.HtbClass(
        index=SHAPE, handle=qdisc.handle(1, minor), parent=qdisc.handle(1, parent), rate_bps=rate, **more
    )


CLASSES = [
    _class(0x1, 0, 125_000_000),
    _class(0x10, 1, 12_500_000, ceil_bps=125_000_000, burst=20_000, prio=1),
    _class(0x20, 1, 12_500, ceil_bps=125_000_000, prio=7, quantum=60_000),
]


def test_a_tick_is_what_the_kernel_says() -> None:
    tick, us = (int(word, 16) for word in Path("/proc/net/psched").read_text().split()[:2])
    assert (tick, us) == (1000, qdisc.TICK_NS)


def test_classes_come_back_as_they_were_sent(shaped: Space) -> None:
    found = {one.handle: one for one in shaped.kernel.classes(SHAPE)}
    assert found == {one.handle: one for one in CLASSES}
    assert found[qdisc.handle(1, 0x10)].stats == qdisc.TcStats(
        bytes=0, packets=0, drops=0, overlimits=0, backlog_bytes=0, backlog_packets=0
    )


def test_tc_shows_the_rates_and_bursts_that_were_meant(shaped: Space) -> None:
    assert sorted(shaped.shell("tc class show dev shape").splitlines()) == [
        "class htb 1:1 root rate 1Gbit ceil 1Gbit burst 125000b cburst 125000b ",
        "class htb 1:10 parent 1:1 prio 1 rate 100Mbit ceil 1Gbit burst 20000b cburst 125000b ",
        "class htb 1:20 parent 1:1 prio 7 rate 100Kbit ceil 1Gbit burst 1600b cburst 125000b ",
    ]


@pytest.mark.parametrize(
    ("rate", "shown"),
    [
        (1, "8bit"),
        (125_000, "1Mbit"),
        (4_294_967_295, "34359Mbit"),
        (4_294_967_296, "34359Mbit"),
        (50_000_000_000, "400Gbit"),
        (125_000_000_000, "1Tbit"),
    ],
)
def test_a_rate_of_any_size(shaped: Space, rate: int, shown: str) -> None:
    """From a byte a second to a terabit; from 2**32 bytes a second on it takes another attribute."""
    wanted = _class(0x30, 1, rate)
    shaped.kernel.do([qdisc.create(wanted)])
    assert wanted in shaped.kernel.classes(SHAPE)
    (line,) = [one for one in shaped.shell("tc class show dev shape").splitlines() if " 1:30 " in one]
    assert f" rate {shown} ceil {shown} " in line


def test_a_class_that_is_changed_keeps_its_counters(shaped: Space) -> None:
    sender = shaped.socket(socket.AF_PACKET, socket.SOCK_RAW)
    sender.bind(("shape", 0))
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_PRIORITY, qdisc.handle(1, 0x10))
    frame = bytes(12) + b"\x08\x00" + bytes(86)
    for _ in range(10):
        sender.send(frame)
    sender.close()
    before = {one.handle: one for one in shaped.kernel.classes(SHAPE)}[qdisc.handle(1, 0x10)].stats
    assert before is not None
    assert (before.packets, before.bytes) == (10, 1000)
    changed = _class(0x10, 1, 25_000, ceil_bps=50_000_000, prio=3, quantum=60_000)
    shaped.kernel.do([qdisc.replace(changed)])
    after = {one.handle: one for one in shaped.kernel.classes(SHAPE)}[qdisc.handle(1, 0x10)]
    assert after == changed
    assert after.stats == before


def test_replacing_a_class_that_is_not_there_makes_it(shaped: Space) -> None:
    wanted = _class(0x40, 1, 99_000)
    shaped.kernel.do([qdisc.replace(wanted)])
    assert wanted in shaped.kernel.classes(SHAPE)
    shaped.kernel.do([qdisc.delete(wanted)])
    assert wanted not in shaped.kernel.classes(SHAPE)


def test_a_class_with_others_under_it_is_not_deleted(shaped: Space) -> None:
    with pytest.raises(KernelRefused) as caught:
        shaped.kernel.do([qdisc.delete(CLASSES[0])])
    assert caught.value.errno == errno.EBUSY
    assert len(shaped.kernel.classes(SHAPE)) == 3


@pytest.mark.parametrize(
    "wanted",
    [
        qdisc.Htb(index=SHAPE, handle=ROOT, default=0x10, r2q=100),
        qdisc.Fifo(index=SHAPE, handle=ROOT, limit=777),
        qdisc.Fifo(index=SHAPE, handle=ROOT, limit=77_000, kind="bfifo"),
        qdisc.Clsact(index=SHAPE),
    ],
    ids=["htb", "pfifo", "bfifo", "clsact"],
)
def test_a_qdisc(wired: Space, wanted: qdisc.Htb | qdisc.Fifo | qdisc.Clsact) -> None:
    kernel = wired.kernel
    kernel.do([link.ifb("shape"), link.set_link(SHAPE, up=True)])
    kernel.do([qdisc.create(wanted)])
    assert wanted in kernel.qdiscs(SHAPE)
    assert wanted in kernel.qdiscs()
    kernel.do([qdisc.delete(wanted)])
    assert wanted not in kernel.qdiscs(SHAPE)


def test_a_fifo_under_a_class_is_replaced(shaped: Space) -> None:
    parent = qdisc.handle(1, 0x10)
    wanted = qdisc.Fifo(index=SHAPE, handle=qdisc.handle(0x10), parent=parent, limit=50)
    shaped.kernel.do([qdisc.create(wanted)])
    assert wanted in shaped.kernel.qdiscs(SHAPE)
    longer = qdisc.Fifo(index=SHAPE, handle=qdisc.handle(0x10), parent=parent, limit=500)
    shaped.kernel.do([qdisc.replace(longer)])
    assert longer in shaped.kernel.qdiscs(SHAPE)


def test_what_is_not_ours_is_read_all_the_same(wired: Space) -> None:
    wired.shell("tc qdisc add dev a root handle 7: tbf rate 1mbit burst 5k latency 50ms")
    (found,) = wired.kernel.qdiscs(3)
    assert isinstance(found, qdisc.OtherQdisc)
    assert (found.kind, found.handle) == ("tbf", qdisc.handle(7))
    wired.kernel.do([qdisc.delete(found)])
    assert [one.kind for one in wired.kernel.qdiscs(3) if isinstance(one, qdisc.OtherQdisc)] == ["noqueue"]


def test_filters(shaped: Space) -> None:
    kernel = shaped.kernel
    kernel.do([qdisc.create(qdisc.Clsact(index=3))])
    redirect = filters.U32(index=3, parent=qdisc.INGRESS, priority=2, redirect=SHAPE)
    classify = filters.U32(
        index=SHAPE,
        parent=ROOT,
        priority=1,
        protocol=filters.ETH_P_IPV6,
        keys=filters.ipv6_traffic_class(0xB8),
        classid=qdisc.handle(1, 0x10),
    )
    kernel.do([filters.create(redirect), filters.create(classify)])
    assert kernel.filters(3, qdisc.INGRESS) == [redirect]
    assert kernel.filters(3, qdisc.EGRESS) == []
    assert kernel.filters(SHAPE, ROOT) == [classify]
    (action,) = [
        action
        for line in shaped.json("tc -j filter show dev a ingress")
        for action in line.get("options", {}).get("actions", [])
    ]
    assert (action["kind"], action["mirred_action"], action["to_dev"]) == ("mirred", "redirect", "shape")
    kernel.do([filters.delete(redirect)])
    assert kernel.filters(3, qdisc.INGRESS) == []


def test_a_program_is_put_in_the_place_of_another(shaped: Space) -> None:
    kernel = shaped.kernel
    program = Program()
    program.answer(TC_ACT_OK)
    first = bpf_syscall.load(program.assemble(), bpf_syscall.SCHED_CLS, "first")
    longer = Program()
    longer.move(R0, 7)
    longer.answer(TC_ACT_OK)
    second = bpf_syscall.load(longer.assemble(), bpf_syscall.SCHED_CLS, "second")
    kernel.do([qdisc.create(qdisc.Clsact(index=3))])
    old = filters.BpfFilter(index=3, parent=qdisc.EGRESS, priority=1, name="first", fd=first)
    new = filters.BpfFilter(index=3, parent=qdisc.EGRESS, priority=1, name="second", fd=second)
    kernel.do([filters.create(old)])
    assert kernel.filters(3, qdisc.EGRESS) == [old]
    kernel.do([filters.replace(new)])
    (found,) = kernel.filters(3, qdisc.EGRESS)
    assert found == new
    assert isinstance(found, filters.BpfFilter)
    number, tag = bpf_syscall.identity(second)
    assert (found.program, found.tag) == (number, tag)
    os.close(first)
    os.close(second)
    again = bpf_syscall.open_program(number)
    assert bpf_syscall.identity(again) == (number, tag)
    os.close(again)
    kernel.do([filters.delete(found)])
    assert kernel.filters(3, qdisc.EGRESS) == []
