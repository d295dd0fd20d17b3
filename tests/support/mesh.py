"""Routers in namespaces of their own, joined as one likes, their core ports as in a lab: each a macvlan over one end of
a veth pair in a namespace of wires. So light is lost as in a fibre, and silence is where no router looks.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from highroad.agent.config import AgentConfig, CorePort, Igp, Tls
from highroad.gnmi.router import Intended
from highroad.lab import links
from highroad.netlink import link, namespace
from highroad.netlink.kernel import Kernel
from tests.support.routers import BLOCK, CORE_MTU, Chain, Router, made_namespace

_RIGS = iter(range(1 << 30))
_FIRST_INDEX, _PORT_INDEX = 100_000, 100
"""As `lab.build` numbers them: a port with the number of what is below it would hear of lost light a second late."""


@dataclass
class Mesh(Chain):
    """Routers by number, from 1, and the wires between them by their ends."""

    wires: str = ""
    edges: Sequence[tuple[int, int]] = field(default_factory=tuple)

    def port(self, here: int, there: int) -> CorePort:
        """The port of a router that leads straight to another."""
        return next(one for one in self.routers[here - 1].config.core_ports if one.link == f"{here}>{there}")

    def functions(self, *walk: int) -> tuple[int, ...]:
        """The unprotected functions along a walk over routers."""
        return tuple(self.port(a, b).function for a, b in pairwise(walk))

    def light(self, a: int, b: int, *, on: bool) -> None:
        """Cut a wire, or mend it, and wait until both ends have seen it."""
        with Kernel(self.wires) as kernel:
            kernel.do([link.set_link(self._index(a, b), up=on)])
        until = time.monotonic() + 5.0
        while any(self._lit(here, there) is not on for here, there in ((a, b), (b, a))):
            assert time.monotonic() < until, f"the light of {a}-{b} is not seen to change"
            time.sleep(0.002)

    def _lit(self, here: int, there: int) -> bool:
        with Kernel(self.routers[here - 1].namespace) as kernel:
            seen = kernel.link(self.port(here, there).interface)
            return seen is not None and seen.carrier

    def _index(self, a: int, b: int) -> int:
        at = self.edges.index((a, b) if (a, b) in self.edges else (b, a))
        return _FIRST_INDEX + 2 * at


@contextmanager
def mesh(edges: Sequence[tuple[int, int]], folder: Path) -> Iterator[Mesh]:
    """Routers joined by these edges, started, with nothing to carry yet."""
    prefix = f"hrm-{os.getpid()}-{next(_RIGS)}"
    count = max(max(edge) for edge in edges)
    with ExitStack() as undo:
        made = Mesh(prefix=prefix, routers=[], wires=f"{prefix}-w", edges=tuple(edges))
        for name in (made.wires, *(f"{prefix}-r{number}" for number in range(1, count + 1))):
            made_namespace(name, undo)
        ports: dict[int, list[CorePort]] = {number: [] for number in range(1, count + 1)}
        messages = []
        for at, (a, b) in enumerate(edges):
            index = _FIRST_INDEX + 2 * at
            messages.append(links.light(f"w{at}a", f"w{at}b", index=index, mtu=CORE_MTU))
            for over, here, there, way in ((index, a, b, 0), (index + 1, b, a, 1)):
                name = f"c{len(ports[here])}"
                inside = namespace.open_namespace(f"{prefix}-r{here}")
                undo.callback(os.close, inside)
                messages.append(
                    links.port(name, over=over, index=_PORT_INDEX + len(ports[here]), namespace=inside, mtu=CORE_MTU)
                )
                messages.append(link.set_link(over, up=True))
                addresses = [f"fd00:0:0:{at:x}::{end}" for end in (0, 1)]
                ports[here].append(
                    CorePort(
                        interface=name, link=f"{here}>{there}", address=addresses[way], prefix_len=127,
                        neighbour=addresses[1 - way], capacity_gbps=10.0, latency_ms=1.0,
                        function=0xE000 + len(ports[here]),
                    )
                )  # fmt: skip
        with Kernel(made.wires) as kernel:
            kernel.do(messages)
        for number in range(1, count + 1):
            made.routers.append(_started(prefix, number, ports[number], folder, undo))
        yield made


def _started(prefix: str, number: int, ports: Sequence[CorePort], folder: Path, undo: ExitStack) -> Router:
    inside, nowhere = f"{prefix}-r{number}", folder / "nowhere"
    config = AgentConfig(
        name=f"r{number}", site=f"r{number}", node=number, sid_block=BLOCK, rate_scale=1.0, listen=(),
        tls=Tls(certificate=nowhere, key=nowhere, authority=nowhere), state=folder / f"r{number}", igp=Igp.NONE,
        core_ports=tuple(ports), customer_ports={},
    )  # fmt: skip
    kernel = undo.enter_context(Kernel(inside))
    router = Router(name=f"r{number}", namespace=inside, config=config, kernel=kernel)
    with namespace.entered_by_name(inside):
        router.steering.start()
        router.steering.converge(Intended())
    return router
