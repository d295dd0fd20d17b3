"""How long a headend takes to flip its policies to the paths that they have beside the preferred one, both families,
and what probing paths costs a router without a controller.
"""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from bench.figure import Figure, quantile
from highroad.agent.loops import Loops
from highroad.agent.selection import Known, Loop
from highroad.gnmi.router import CandidatePath, Intended, Policy, SegmentList
from highroad.netlink import namespace
from highroad.netlink.kernel import Kernel
from tests.lab.steering.rig import intents, service, zigzag
from tests.lab.steering.test_flip import LONG, SHORT, avoiding, paths
from tests.support.routers import Router, chain

FLIPS = 21
PROBED_S = 3.0


def figures() -> Iterator[Figure]:
    """With ever more policies, and then with some paths."""
    for count in (1, 20, 200):
        with ExitStack() as undo:
            folder = Path(undo.enter_context(tempfile.TemporaryDirectory()))
            yield _flips(undo.enter_context(chain(3, folder)).routers[0], count)
    with ExitStack() as undo:
        folder = Path(undo.enter_context(tempfile.TemporaryDirectory()))
        yield asyncio.run(_probes(undo.enter_context(chain(3, folder)).routers[0]))


def _flips(head: Router, count: int) -> Figure:
    lines = "".join(f"link add a{number} type ifb\n" for number in range(1, count + 1))
    subprocess.run(["ip", "-n", head.namespace, "-batch", "-"], input=lines, text=True, check=True)
    services = [paths(service(f"s{n}", n, 1, 3, rate_kbps=1000), [SHORT], [LONG]) for n in range(1, count + 1)]
    head.tell(intents(services, 3)[0])
    took_ms = []
    with namespace.entered_by_name(head.namespace), Kernel() as kernel:
        for number in range(FLIPS):
            head.known = (avoiding(SHORT), Known())[number % 2]
            begun_s = time.perf_counter()
            head.steering.flip(kernel)
            took_ms.append(1000 * (time.perf_counter() - begun_s))
            while head.steering.is_lent:
                head.steering.follow(kernel)
    return Figure(
        what=f"policies that a headend flips at once: {count}",
        ours=f"p50 {quantile(took_ms, 0.5):.2f} ms, worst of {FLIPS} {max(took_ms):.2f} ms",
    )


async def _probes(head: Router) -> Figure:
    policies = [_long_ways(number) for number in range(10)]
    intended = Intended(policies={policy.service: policy for policy in policies})
    found: dict[Loop, bool] = {}
    with namespace.entered_by_name(head.namespace):
        loops = Loops(head.config, lambda: intended, headless=lambda: True, verdicts=lambda known: found.update(known))
        loops.start()
    await asyncio.sleep(1.0)
    cpu_s, begun_s = time.process_time(), time.monotonic()
    await asyncio.sleep(PROBED_S)
    share = (time.process_time() - cpu_s) / (time.monotonic() - begun_s)
    await loops.stop()
    return Figure(
        what="a router without a controller probes paths each 50 ms",
        ours=f"{100 * share:.1f} % of a processor for {len(found)}, {sum(found.values())} of them alive",
    )


def _long_ways(number: int) -> Policy:
    """A policy with two ways that no other has."""
    candidates = tuple(
        CandidatePath(
            preference=100 - 50 * place,
            segment_lists=(
                SegmentList(
                    links=(), functions=zigzag(1, 3, 2 + 2 * number), back_functions=zigzag(3, 1, 2 + 2 * place)
                ),
            ),
        )
        for place in range(2)
    )
    return replace(service(f"s{number}", 1 + number, 1, 3).out, candidate_paths=candidates)
