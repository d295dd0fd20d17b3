"""TCP through SRv6 as our agent steers it, unscaled, beside plain IPv6 forwarding over the same routers, same run.

Routers are namespaces of this machine joined by veth, so both are bounded by its processor; the two are measured in
turn, and what is compared is the median of the ratios. The judge is the receiving iperf3.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from bench.figure import Figure, quantile
from tests.support.routers import LEFT, RIGHT, Chain, attachment, chain, ends, host, policy, told

UNSHAPED_KBPS = 1_000_000_000
CORE_GBPS = 1_000.0
SECONDS = 3
ROUNDS = 3
LEAST_SHARE = 0.80


def figures() -> Iterator[Figure]:
    """One flow and eight, through 3 and 8 segments."""
    if os.geteuid() != 0:
        yield Figure(what="TCP through SRv6", ours="needs root")
        return
    for segments in (3, 8):
        with tempfile.TemporaryDirectory() as folder, ExitStack() as undo:
            made = undo.enter_context(chain(segments, Path(folder), core_gbps=CORE_GBPS))
            steered, plain = _services(made, segments, undo)
            for flows in (1, 8):
                pairs = [
                    (_gbps(made, "h1", "h2", steered, flows), _gbps(made, "p1", "p2", plain, flows))
                    for _ in range(ROUNDS)
                ]
                share = quantile([ours / theirs for ours, theirs in pairs], 0.5)
                ours, theirs = (quantile(values, 0.5) for values in zip(*pairs, strict=True))
                noun = "flow" if flows == 1 else "flows"
                yield Figure(
                    what=f"{flows} TCP {noun}, MTU 9000, through {segments} segments on {segments} routers, unscaled",
                    ours=f"{ours:.1f} Gbit/s, {share:.0%} of plain forwarding",
                    bar=f">= {LEAST_SHARE:.0%}",
                    peer=f"plain IPv6 forwarding, same routers and run: {theirs:.1f} Gbit/s",
                    met=share >= LEAST_SHARE,
                )


def _services(made: Chain, length: int, undo: ExitStack) -> tuple[str, str]:
    """A steered service between h1 and h2, and plain routes between p1 and p2; the far ends' addresses."""
    here, there = attachment(1), attachment(length)
    host(made, "h1", 1, "a1", here.addresses, undo)
    host(made, "h2", length, "a1", there.addresses, undo)
    onward = (LEFT, *(RIGHT,) * (length - 2))
    homeward = (LEFT,) * (length - 1)
    made.routers[0].tell(told([here], [policy(here, there, onward, remote_node=length, guaranteed_kbps=UNSHAPED_KBPS)]))
    made.routers[-1].tell(told([there], [policy(there, here, homeward, remote_node=1, guaranteed_kbps=UNSHAPED_KBPS)]))
    near, far = ends(1, 9), ends(length, 9)
    for name, router, at in (("p1", 1, near), ("p2", length, far)):
        host(made, name, router, name, at, undo)
        made.run(f"r{router}", "ip", "addr", "add", f"{at.pe6}/127", "dev", name, "nodad")
        made.run(f"r{router}", "ip", "link", "set", name, "up")
    for router in range(1, length + 1):
        if router < length:
            _route(made, router, far.ce6, f"fd00:0:{router}::1", "right")
        if router > 1:
            _route(made, router, near.ce6, f"fd00:0:{router - 1}::", "left")
    deadline = time.monotonic() + 10
    while not (made.ping("p1", far.ce6) and made.ping("h1", there.addresses.ce6)):
        if time.monotonic() > deadline:
            raise RuntimeError("the hosts do not reach each other")
    return there.addresses.ce6, far.ce6


def _route(made: Chain, router: int, to: str, via: str, dev: str) -> None:
    made.run(f"r{router}", "ip", "-6", "route", "add", f"{to}/128", "via", via, "dev", dev)


def _gbps(made: Chain, here: str, there: str, address: str, flows: int) -> float:
    """What the receiver counted in a few seconds of TCP."""
    server = subprocess.Popen(
        ["ip", "netns", "exec", f"{made.prefix}-{there}", "iperf3", "--server", "--one-off"],
        stdout=subprocess.DEVNULL,
    )
    try:
        time.sleep(0.4)
        printed = made.run(here, "iperf3", "-c", address, "-t", str(SECONDS), "-P", str(flows), "-J", timeout_s=60)
        return float(json.loads(printed)["end"]["sum_received"]["bits_per_second"]) / 1e9
    finally:
        server.terminate()
        server.wait(timeout=5)
