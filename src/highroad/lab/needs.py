"""What a lab needs of a machine, and what of it is missing: one sentence each."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from highroad.lab import links, namespaces
from highroad.netlink import link, namespace, nexthop, qdisc, route, seg6
from highroad.netlink.kernel import Kernel, KernelRefused
from highroad.netlink.message import Message


def missing() -> list[str]:
    """What keeps a lab from running here; nothing when it can. It tries, in a namespace that it takes away again."""
    if not hasattr(socket, "AF_NETLINK"):
        return ["This is not Linux."]
    if os.geteuid() != 0:
        return ["Routers need root (network namespaces, routes, queues): run it with sudo."]
    lacking = [
        sentence for found, sentence in ((_runs("bird"), "BIRD is not installed (Debian: bird2)."),) if not found
    ]
    try:
        with _trial() as (kernel, name):
            lacking += _of_the_kernel(kernel, name)
    except OSError as error:
        lacking.append(f"The kernel gives no network namespace here ({error.strerror}).")
    return lacking


def delay_missing() -> str | None:
    """Why links cannot be as long as their fibre, in a sentence; None when they can."""
    from highroad.errors import Unavailable
    from highroad.lab.delay.process import Arrival, open_lines

    name = f"hr-try-{os.getpid()}"
    namespaces.make([name])
    try:
        for line in open_lines([Arrival(namespace=name, interface="lo", delay_ms=1.0)]):
            line.socket.close()
    except (Unavailable, OSError) as error:
        return str(error)
    finally:
        namespaces.remove([name])
    return None


def _of_the_kernel(kernel: Kernel, name: str) -> Iterator[str]:
    here = namespace.open_namespace(name)
    try:
        tries: list[tuple[str, Callable[[], list[Message]]]] = [
            ("The kernel has no veth pairs (CONFIG_VETH).", lambda: [link.veth("t0", "t1")]),
            (
                "An interface cannot be set up here.",
                lambda: [link.set_link(kernel.index(name), up=True) for name in ("t0", "t1")],
            ),
            ("The kernel has no IFB (CONFIG_IFB), which services are shaped on.", lambda: [link.ifb("t2")]),
            (
                "The kernel has no HTB (CONFIG_NET_SCH_HTB), which services are shaped by.",
                lambda: [qdisc.create(qdisc.Htb(index=kernel.index("t0"), handle=qdisc.handle(1), default=1))],
            ),
            (
                "The kernel has no clsact (CONFIG_NET_SCH_INGRESS).",
                lambda: [qdisc.create(qdisc.Clsact(index=kernel.index("t1")))],
            ),
            (
                "The kernel has no SRv6 (CONFIG_IPV6_SEG6_LWTUNNEL) with compressed SIDs (Linux 6.1 and later).",
                lambda: [
                    route.create(
                        route.Route(
                            dst="fc00:0:e000::/48",
                            dev=kernel.index("t0"),
                            encap=seg6.Seg6Local(action="End.X", nh6="fe80::1", next_csid=(32, 16)),
                        )
                    ),
                ],
            ),
            (
                "The kernel has no nexthop objects (Linux 5.3 and later).",
                lambda: [nexthop.create(nexthop.Nexthop(id=1, dev=kernel.index("t0")))],
            ),
            (
                "The kernel has no macvlan (CONFIG_MACVLAN), which core ports are made of.",
                lambda: [links.port("t4", over=kernel.index("t0"), index=99, namespace=here, mtu=1500)],
            ),
            (
                "The kernel has no VXLAN (CONFIG_VXLAN), which Ethernet services are carried in.",
                lambda: [link.vxlan("t3", vni=1, local="fc00::1", remote="fc00::2")],
            ),
        ]
        for sentence, messages in tries:
            try:
                kernel.do(messages())
            except KernelRefused:
                yield sentence
    finally:
        os.close(here)


def _runs(program: str) -> bool:
    return shutil.which(program, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin") is not None


@contextmanager
def _trial() -> Iterator[tuple[Kernel, str]]:
    name = f"hr-try-{os.getpid()}"
    namespace.create(name)
    try:
        with Kernel(name) as kernel:
            yield kernel, name
    finally:
        with suppress(FileNotFoundError):
            namespace.delete(name)
