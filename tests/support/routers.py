"""A chain of routers in namespaces of their own, joined by veth, with customers' hosts: real kernels, real packets.

What is steered is steered by `Steering` itself, one a namespace; no agent process, no controller.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from highroad.agent.config import AgentConfig, CorePort, Igp, Tls
from highroad.agent.selection import Known
from highroad.agent.steering import Steering
from highroad.agent.transaction import Step
from highroad.gnmi.router import Addresses, Attachment, CandidatePath, Intended, Policy, SegmentList
from highroad.model.service import ServiceKind, TrafficClass
from highroad.netlink import namespace
from highroad.netlink.kernel import Kernel

BLOCK = "fc00:0::/32"
CORE_MTU = 9600
_RIGS = count()


@dataclass
class Router:
    """One router of a chain: `steering` is called in its namespace. `known` is what it knows of paths."""

    name: str
    namespace: str
    config: AgentConfig
    kernel: Kernel
    step: Step = lambda _: None
    intended: Intended = field(default_factory=Intended)
    known: Known = field(default_factory=Known)
    steering: Steering = field(init=False)

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        """Another agent's start, which knows nothing but what it was told."""
        self.steering = Steering(self.kernel, self.config, self.step, paths=lambda: self.known)

    def flip(self, known: Known, *, then: bool = True) -> bool:
        """Have paths be chosen by this from now on; `then` is whether what follows a flip is done, too."""
        self.known = known
        with namespace.entered_by_name(self.namespace), Kernel() as kernel:
            whole = bool(self.steering.flip(kernel))
            while self.steering.is_lent and then:
                whole &= self.steering.follow(kernel)
            return whole

    def tell(self, intended: Intended) -> int:
        """Apply something else than before; returns the messages that took."""
        with namespace.entered_by_name(self.namespace):
            messages = self.steering.apply(self.intended, intended)
        self.intended = intended
        return messages

    def converge(self) -> int:
        """Compare with the kernel, and mend."""
        with namespace.entered_by_name(self.namespace):
            return self.steering.converge(self.intended)


@dataclass
class Chain:
    """Routers 1 to n in a row. Link i>i+1 leaves router i by its port `right`, i>i-1 by `left`."""

    prefix: str
    routers: list[Router]
    hosts: list[str] = field(default_factory=list)

    def run(self, where: str, *command: str, check: bool = True, timeout_s: float = 30.0) -> str:
        """Run a command in the namespace of a router or host; returns what it printed."""
        done = subprocess.run(
            ["ip", "netns", "exec", f"{self.prefix}-{where}", *command],
            capture_output=True, text=True, timeout=timeout_s, check=False,
        )  # fmt: skip
        if check and done.returncode != 0:
            raise AssertionError(f"{' '.join(command)} in {where}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def ping(self, host: str, to: str, *, size: int = 56, count_: int = 3, more: Sequence[str] = ()) -> int:
        """How many of so many echoes came back."""
        printed = self.run(
            host, "ping", "-c", str(count_), "-i", "0.02", "-W", "1", "-s", str(size), *more, to, check=False
        )
        for part in printed.split(", "):
            if part.endswith(" received"):
                return int(part.split()[0])
        raise AssertionError(printed)


@contextmanager
def chain(
    length: int, folder: Path, *, core_mtu: int = CORE_MTU, core_gbps: float = 10.0, step: Step = lambda _: None
) -> Iterator[Chain]:
    """So many routers in a row, started, with nothing to carry yet."""
    prefix = f"hrt-{os.getpid()}-{next(_RIGS)}"
    with ExitStack() as undo:
        made = Chain(prefix=prefix, routers=[])
        for number in range(1, length + 1):
            made_namespace(f"{prefix}-r{number}", undo)
        for number in range(1, length):
            here, there = f"{prefix}-r{number}", f"{prefix}-r{number + 1}"
            _ip("-n", here, "link", "add", "right", "mtu", str(core_mtu), "type", "veth", "peer", "name", "left",
                "mtu", str(core_mtu), "netns", there)  # fmt: skip
        for number in range(1, length + 1):
            made.routers.append(_router(prefix, number, length, core_gbps, folder, undo, step))
        yield made


def host(
    made: Chain, name: str, router: int, interface: str, ends: Addresses, undo: ExitStack, mtu: int = 9000
) -> None:
    """A customer's host, its interface `e0` wired to a router's, which is left down."""
    made_namespace(f"{made.prefix}-{name}", undo)
    made.hosts.append(name)
    inside = f"{made.prefix}-{name}"
    with namespace.entered_by_name(inside):
        # Until an address is known to be unique, no neighbour is asked for: two seconds in which a test would wait.
        Path("/proc/sys/net/ipv6/conf/default/accept_dad").write_text("0")
    _ip("-n", inside, "link", "add", "e0", "mtu", str(mtu), "type", "veth", "peer", "name", interface,
        "mtu", str(mtu), "netns", f"{made.prefix}-r{router}")  # fmt: skip
    for line in (
        ("addr", "add", f"{ends.ce4}/31", "dev", "e0"),
        ("addr", "add", f"{ends.ce6}/127", "dev", "e0", "nodad"),
        ("link", "set", "e0", "up"),
        ("route", "add", "default", "via", ends.pe4),
        ("-6", "route", "add", "default", "via", ends.pe6),
    ):
        _ip("-n", inside, *line)


def ends(node: int, number: int) -> Addresses:
    """The addresses between a router and a customer."""
    pair = (node << 10 | number) * 2
    return Addresses(
        pe4=f"100.{64 + (pair >> 16)}.{pair >> 8 & 0xFF}.{pair & 0xFF}",
        ce4=f"100.{64 + (pair >> 16)}.{pair >> 8 & 0xFF}.{pair & 0xFF | 1}",
        pe6=f"fd64:{node:x}:{number:x}::",
        ce6=f"fd64:{node:x}:{number:x}::1",
    )


def attachment(
    node: int,
    number: int = 1,
    *,
    service: str = "s",
    interface: str | None = None,
    kind: ServiceKind = ServiceKind.IP,
    prefixes: tuple[str, ...] = (),
    mtu: int = 9000,
) -> Attachment:
    """The attachment with this number on a router."""
    return Attachment(
        id=f"{service}.{node}",
        port=f"p{node}",
        tenant="t",
        kind=kind,
        function=0xF000 + 2 * (number - 1),
        mtu_bytes=mtu,
        addresses=ends(node, number),
        interface=interface or f"a{number}",
        prefixes=prefixes,
    )


def policy(
    here: Attachment,
    there: Attachment,
    *lists: tuple[int, ...],
    remote_node: int,
    service: str = "s",
    guaranteed_kbps: int = 100_000,
    ceiling_kbps: int | None = None,
    traffic_class: TrafficClass = TrafficClass.ASSURED,
    weights: tuple[int, ...] = (),
) -> Policy:
    """Leads from one attachment to another along these lists of adjacency functions."""
    return Policy(
        service=service,
        attachment=here.id,
        traffic_class=traffic_class,
        guaranteed_kbps=guaranteed_kbps,
        ceiling_kbps=ceiling_kbps or guaranteed_kbps,
        mtu_bytes=min(here.mtu_bytes, there.mtu_bytes),
        remote_node=remote_node,
        remote_function=there.function,
        prefixes=(f"{there.addresses.ce4}/32", f"{there.addresses.ce6}/128", *there.prefixes),
        candidate_paths=(
            CandidatePath(
                preference=100,
                segment_lists=tuple(
                    SegmentList(
                        links=tuple(f"link-{function:x}" for function in functions),
                        functions=functions,
                        weight=weights[index] if weights else 1,
                    )
                    for index, functions in enumerate(lists)
                ),
            ),
        ),
    )


def told(attachments: Sequence[Attachment], policies: Sequence[Policy] = ()) -> Intended:
    """These, and nothing else."""
    return Intended(attachments={one.id: one for one in attachments}, policies={one.service: one for one in policies})


LEFT, RIGHT = 0xE000, 0xE001
"""The functions of a router's ports; the first router of a chain has no left one, its right one is LEFT."""


def _router(
    prefix: str, number: int, length: int, core_gbps: float, folder: Path, undo: ExitStack, step: Step
) -> Router:
    inside = f"{prefix}-r{number}"
    ports = []
    if number > 1:
        ports.append(("left", f"{number}>{number - 1}", f"fd00:0:{number - 1}::1", f"fd00:0:{number - 1}::"))
    if number < length:
        ports.append(("right", f"{number}>{number + 1}", f"fd00:0:{number}::", f"fd00:0:{number}::1"))
    nowhere = folder / "nowhere"
    config = AgentConfig(
        name=f"r{number}",
        site=f"r{number}",
        node=number,
        sid_block=BLOCK,
        rate_scale=1.0,
        listen=(),
        tls=Tls(certificate=nowhere, key=nowhere, authority=nowhere),
        state=folder / f"r{number}",
        igp=Igp.NONE,
        core_ports=tuple(
            CorePort(
                interface=interface,
                link=link,
                address=address,
                prefix_len=127,
                neighbour=neighbour,
                capacity_gbps=core_gbps,
                latency_ms=1.0,
                function=0xE000 + index,
            )
            for index, (interface, link, address, neighbour) in enumerate(ports)
        ),
        customer_ports={},
    )
    kernel = undo.enter_context(Kernel(inside))
    router = Router(name=f"r{number}", namespace=inside, config=config, kernel=kernel, step=step)
    with namespace.entered_by_name(inside):
        router.steering.start()
        router.steering.converge(Intended())
    return router


def made_namespace(name: str, undo: ExitStack) -> None:
    """A namespace with its loopback up, which goes with the stack."""
    namespace.create(name)
    undo.callback(namespace.delete, name)
    _ip("-n", name, "link", "set", "lo", "up")


def _ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise AssertionError(f"ip {' '.join(words)}: {done.stderr}")
