"""What it costs to program the kernel: a route, a flip of many, a change of a class; by our own netlink, as root."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator

from bench.figure import Figure, quantile
from highroad.netlink import link, namespace, nexthop, qdisc, route, seg6
from highroad.netlink.kernel import Kernel
from highroad.netlink.message import AF_INET

ROUTES = 20_000
BEHIND = 1_000
TRIES = 200


def figures() -> Iterator[Figure]:
    """Routes a second, the flip of a nexthop group with 1 and 1,000 routes behind it, a class that is changed."""
    if os.geteuid() != 0:
        yield Figure(what="netlink", ours="needs root")
        return
    name = f"hrb-{os.getpid()}"
    namespace.create(name)
    try:
        with Kernel(name) as kernel:
            yield from _measured(kernel, name)
    finally:
        namespace.delete(name)


def _measured(kernel: Kernel, name: str) -> Iterator[Figure]:
    kernel.do([link.veth("near", "far"), link.ifb("shape")])
    near, shape = kernel.index("near"), kernel.index("shape")
    kernel.do([link.set_link(index, up=True) for index in (near, kernel.index("far"), shape)])
    encap = seg6.Seg6Encap(mode="encap.red", segments=("fc00:0:e000:e001:f000::",))
    kernel.do([nexthop.create(nexthop.Nexthop(id=one, dev=near, encap=encap)) for one in (1, 2)])
    groups = [nexthop.NexthopGroup(id=100, members=((one, 1),)) for one in (1, 2)]
    kernel.do([nexthop.create(groups[0])])

    wanted = [route.Route(dst=f"10.{n >> 8}.{n & 255}.0/24", nhid=100, table=10001) for n in range(ROUTES)]
    begun = time.perf_counter()
    encoded = [route.replace(one) for one in wanted]
    encoding_us = (time.perf_counter() - begun) / ROUTES * 1e6
    begun = time.perf_counter()
    kernel.do_many(encoded)
    making_us = (time.perf_counter() - begun) / ROUTES * 1e6
    begun = time.perf_counter()
    found = kernel.routes(AF_INET, 10001)
    reading_us = (time.perf_counter() - begun) / ROUTES * 1e6
    assert found == wanted
    yield Figure(
        what=f"netlink: {ROUTES:,} routes in lots of 500",
        ours=f"{encoding_us:.1f} us to encode, {making_us:.1f} us to make, {reading_us:.1f} us to read back, each",
        peer="pyroute2: 342 us a replace",
    )

    kernel.do_many(route.delete(one) for one in wanted[BEHIND:])
    with namespace.entered_by_name(name), open("/proc/sys/net/ipv4/nexthop_compat_mode", "w") as control:  # noqa: PTH123
        control.write("0")
    flips = [nexthop.replace(group) for group in groups]
    took = _took(lambda n: kernel.do([flips[n & 1]]))
    yield Figure(
        what=f"netlink: flip of a nexthop group, {BEHIND:,} routes behind it",
        ours=f"p50 {quantile(took, 0.5):.0f} us, p99 {quantile(took, 0.99):.0f} us",
    )

    root = qdisc.Htb(index=shape, handle=qdisc.handle(1))
    kernel.do([qdisc.create(root)])
    rates = [
        qdisc.replace(qdisc.HtbClass(index=shape, handle=qdisc.handle(1, 1), parent=root.handle, rate_bps=rate))
        for rate in (125_000, 250_000)
    ]
    took = _took(lambda n: kernel.do([rates[n & 1]]))
    yield Figure(
        what="netlink: change of a class's rate",
        ours=f"p50 {quantile(took, 0.5):.0f} us, p99 {quantile(took, 0.99):.0f} us",
    )


def _took(act: Callable[[int], None]) -> list[float]:
    took = []
    for number in range(TRIES):
        begun = time.perf_counter()
        act(number)
        took.append((time.perf_counter() - begun) * 1e6)
    return took
