"""What this kernel lacks of what a router of ours is made of: tried out, in a namespace that nobody else sees."""

from __future__ import annotations

import ctypes
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress

from highroad.netlink import bpf, bpf_syscall, link, nexthop, qdisc, route, rule
from highroad.netlink import filter as filters
from highroad.netlink.kernel import Kernel, KernelRefused
from highroad.netlink.message import AF_INET, AF_INET6
from highroad.netlink.seg6 import Seg6Encap, Seg6Local

_CLONE_NEWNET = 0x4000_0000


def missing() -> list[str]:
    """A sentence for each thing that is not there; none when a router can run here. It takes some 50 ms."""
    if os.geteuid() != 0:
        return ["Routers need root: routes, queues and programs of the kernel are made."]
    found: list[str] = []

    def look() -> None:
        if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
            found.append(
                "The kernel gives out no network namespace "
                f"({os.strerror(ctypes.get_errno())}): this wants CONFIG_NET_NS, and CAP_SYS_ADMIN in a container."
            )
            return
        with Kernel() as kernel:
            found.extend(_tried(kernel))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    return found


def _tried(kernel: Kernel) -> Iterator[str]:
    if not os.path.exists("/proc/sys/net/ipv6/conf/all/seg6_enabled"):  # noqa: PTH110
        yield "The kernel has no segment routing over IPv6 (CONFIG_IPV6_SEG6_LWTUNNEL)."
        return
    yield from _works(lambda: kernel.do([link.veth("a", "b")]), "no veth pairs (CONFIG_VETH)")
    a = _index(kernel, "a")
    if a is None:
        return
    kernel.do([link.set_link(a, up=True)])
    b = kernel.index("b")
    kernel.do([link.set_link(b, up=True)])
    yield from _works(lambda: kernel.do([link.ifb("i")]), "no intermediate functional blocks (CONFIG_IFB)")
    yield from _works(
        lambda: kernel.do([link.vxlan("x", vni=1, local="fd00::1", remote="fd00::2")]), "no VXLAN (CONFIG_VXLAN)"
    )
    wraps = nexthop.Nexthop(
        id=1, family=AF_INET, dev=a, encap=Seg6Encap(mode="encap.red", segments=("fc00:0:e000::", "fc00:0:7::"))
    )
    yield from _works(
        lambda: kernel.do([nexthop.create(wraps), nexthop.create(nexthop.NexthopGroup(id=2, members=((1, 1),)))]),
        "no nexthop objects that put segments on (Linux 5.3, CONFIG_IPV6_SEG6_LWTUNNEL)",
    )
    for action, what in (
        (Seg6Local(action="End.X", nh6="fd00::2", count=True), "no SIDs that count (Linux 5.9)"),
        (
            Seg6Local(action="End.X", nh6="fd00::2", next_csid=(32, 16)),
            "no compressed segment lists for adjacencies (RFC 9800 NEXT-CSID, Linux 6.6)",
        ),
        (Seg6Local(action="End.DX4", nh4="192.0.2.1"), "no SIDs that end at an IPv4 customer (End.DX4)"),
    ):
        sid = route.Route(dst="fc00:0:e000::/48", dev=a, encap=action)
        yield from _works(lambda sid=sid: kernel.do([route.replace(sid)]), what)  # type: ignore[misc]
    yield from _works(
        lambda: kernel.do([rule.create(rule.Rule(family=AF_INET6, priority=9, table=9, iif="a", fwmark=1, fwmask=1))]),
        "no policy routing (CONFIG_IPV6_MULTIPLE_TABLES)",
    )
    root = qdisc.Htb(index=a, handle=qdisc.handle(1), default=1)
    leaf = qdisc.HtbClass(index=a, handle=qdisc.handle(1, 1), parent=qdisc.handle(1), rate_bps=10**6, ceil_bps=10**6)
    yield from _works(
        lambda: kernel.do([qdisc.create(root), qdisc.create(leaf)]),
        "no hierarchical token buckets (CONFIG_NET_SCH_HTB)",
    )
    yield from _works(
        lambda: kernel.do([qdisc.create(qdisc.Clsact(index=a))]), "no classification on entry (CONFIG_NET_SCH_INGRESS)"
    )
    redirects = filters.U32(index=a, parent=qdisc.INGRESS, priority=2, redirect=b)
    yield from _works(
        lambda: kernel.do([filters.create(redirects)]),
        "no redirection on entry (CONFIG_NET_CLS_U32, CONFIG_NET_ACT_MIRRED)",
    )
    yield from _works(lambda: _program(kernel, a), "no BPF programs on queues (CONFIG_BPF_SYSCALL, CONFIG_NET_CLS_BPF)")


def _program(kernel: Kernel, index: int) -> None:
    program = bpf.Program()
    program.answer(bpf.TC_ACT_OK)
    fd = bpf_syscall.load(program.assemble(), bpf_syscall.SCHED_CLS, "try")
    try:
        kernel.do([filters.create(filters.BpfFilter(index=index, parent=qdisc.INGRESS, priority=1, name="try", fd=fd))])
    finally:
        os.close(fd)


def _works(attempt: Callable[[], None], otherwise: str) -> Iterator[str]:
    try:
        attempt()
    except (KernelRefused, OSError, bpf_syscall.ProgramRefused) as error:
        said = error.text or os.strerror(error.errno) if isinstance(error, KernelRefused) else str(error)
        yield f"The kernel has {otherwise}: {said}."


def _index(kernel: Kernel, name: str) -> int | None:
    with suppress(KernelRefused):
        return kernel.index(name)
    return None
