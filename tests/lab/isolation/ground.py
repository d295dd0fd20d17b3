"""Four routers in a row and three tenants on them, whose addresses overlap wherever they may.

    a   tenant red    1 - 3                                c   tenant green   1 - 3, Ethernet
    b   tenant blue   1 - 3, there and back again          x   tenant red     4 - 2, its second service

Ports have 9000 bytes, those of a and b at router 3 have 1500.

Behind the edges at 1 and 4 is 10.0.0.0/8 and fd10::/48, behind those at 3 and 2 192.168.0.0/16 and fd77::/48: of
everybody. Routers run BIRD, and listen where a router listens.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from highroad.agent.igp import configuration
from highroad.agent.numbers import class_asked, class_neighbours, number_of
from highroad.gnmi.router import Addresses, Attachment, Intended, Policy
from highroad.model.service import ServiceKind
from highroad.netlink import namespace
from tests.support.routers import LEFT, RIGHT, Chain, Router, attachment, chain, ends, host, policy, told

NEAR = ("10.0.0.0/8", "fd10::/48")
FAR = ("192.168.0.0/16", "fd77::/48")
BEHIND: dict[tuple[str, ...], tuple[str, str]] = {NEAR: ("10.7.7.7", "fd10::7"), FAR: ("192.168.7.7", "fd77::7")}
"""A host behind an edge, in each prefix."""

GBIT = 1_000_000
BIRD = Path("/usr/sbin/bird")


@dataclass(frozen=True, kw_only=True)
class End:
    """One end of a service: its customer's host, and where that is plugged in. `far` names the other end."""

    name: str
    service: str
    router: int
    far: str
    attachment: Attachment
    mac: str
    router_mac: str
    router_link_local: str

    @property
    def addresses(self) -> Addresses:
        return self.attachment.addresses

    @property
    def number(self) -> int:
        return number_of(self.attachment.function)

    @property
    def interface(self) -> str:
        return str(self.attachment.interface)

    @property
    def is_ip(self) -> bool:
        return self.attachment.kind is ServiceKind.IP

    @property
    def behind(self) -> tuple[str, str]:
        return BEHIND[self.attachment.prefixes]


@dataclass(kw_only=True)
class Ground:
    """The routers, and the ends by name."""

    chain: Chain
    ends: dict[str, End]
    policies: dict[str, Policy]

    def router(self, number: int) -> Router:
        return self.chain.routers[number - 1]

    def space(self, name: str) -> str:
        """The namespace of a host or router."""
        return f"{self.chain.prefix}-{name}"

    def told(self, router: int, *without: str) -> Intended:
        """What a router is told, but for some ends."""
        here = [end for end in self.ends.values() if end.router == router and end.name not in without]
        return told([end.attachment for end in here], [self.policies[end.name] for end in here])

    def unhurried(self) -> None:
        """Let queues of the shaper take what a test sends at once: how fast one may ask is not what it looks for."""
        for number in range(1, 5):
            lines = []
            for end in self.ends.values():
                if end.is_ip and end.router == number:
                    for minor in (class_asked(end.number), class_neighbours(end.number)):
                        lines += [
                            f"class change dev hr-shape parent 1:1 classid 1:{minor:x} htb rate 1gbit burst 1m",
                            f"qdisc change dev hr-shape parent 1:{minor:x} handle {minor:x}: bfifo limit 10m",
                        ]
            self.chain.run(f"r{number}", "sh", "-c", f"echo '{chr(10).join(lines)}' | tc -batch -")

    def dropped_by_queues(self) -> int:
        """Packets of customers that a queue had no room for."""
        text = "".join(
            self.chain.run(f"r{number}", "tc", "-s", "qdisc", "show", "dev", "hr-shape") for number in range(1, 5)
        )
        return sum(int(words.split(",")[0]) for words in text.split("(dropped ")[1:])


_PLAN: dict[str, tuple[str, int, int, str, ServiceKind, tuple[str, ...], int, tuple[int, ...]]] = {
    # name: service, router, number, far end, kind, prefixes, mtu, segment list
    "a1": ("a", 1, 1, "a3", ServiceKind.IP, NEAR, 9000, (LEFT, RIGHT)),
    "a3": ("a", 3, 1, "a1", ServiceKind.IP, FAR, 1500, (LEFT, LEFT)),
    "b1": ("b", 1, 2, "b3", ServiceKind.IP, NEAR, 9000, (LEFT, RIGHT, RIGHT, LEFT, LEFT, RIGHT)),
    "b3": ("b", 3, 2, "b1", ServiceKind.IP, FAR, 1500, (LEFT, LEFT)),
    "c1": ("c", 1, 3, "c3", ServiceKind.ETHERNET, (), 9000, (LEFT, RIGHT)),
    "c3": ("c", 3, 3, "c1", ServiceKind.ETHERNET, (), 9000, (LEFT, LEFT)),
    "x4": ("x", 4, 1, "x2", ServiceKind.IP, NEAR, 9000, (LEFT, LEFT)),
    "x2": ("x", 2, 1, "x4", ServiceKind.IP, FAR, 9000, (RIGHT, RIGHT)),
}


@contextmanager
def ground(folder: Path) -> Iterator[Ground]:
    """All of it, carrying; everything is gone afterwards."""
    with ExitStack() as undo:
        made = undo.enter_context(chain(4, folder))
        attachments: dict[str, Attachment] = {}
        for name, (service, router, number, _, kind, prefixes, mtu, _) in _PLAN.items():
            host(made, name, router, f"a{number}", ends(router, number), undo, mtu=mtu)
            attachments[name] = attachment(router, number, service=service, kind=kind, prefixes=prefixes, mtu=mtu)
            # An edge answers for its own address only, as routers do: what is behind it is its own matter.
            made.run(name, "sysctl", "-qw", "net.ipv4.conf.all.arp_ignore=1")
            for behind in BEHIND.get(prefixes, ()):
                made.run(name, "ip", "addr", "add", behind, "dev", "lo")
        policies = {
            name: policy(
                attachments[name], attachments[far], segments, remote_node=_PLAN[far][1], service=service,
                guaranteed_kbps=10 * GBIT,
            )
            for name, (service, _, _, far, _, _, _, segments) in _PLAN.items()
        }  # fmt: skip
        for router in range(1, 5):
            here = [name for name, plan in _PLAN.items() if plan[1] == router]
            made.routers[router - 1].tell(told([attachments[name] for name in here], [policies[name] for name in here]))
        _reachable(made, folder, undo)
        yield Ground(
            chain=made,
            policies=policies,
            ends={
                name: End(
                    name=name, service=service, router=router, far=far, attachment=attachments[name],
                    mac=_mac(made, name, "e0"), router_mac=_mac(made, f"r{router}", f"a{number}"),
                    router_link_local=_link_local(made, f"r{router}", f"a{number}"),
                )
                for name, (service, router, number, far, _, _, _, _) in _PLAN.items()
            },
        )  # fmt: skip


def _mac(made: Chain, where: str, interface: str) -> str:
    with namespace.entered_by_name(f"{made.prefix}-{where}"):
        return made.run(where, "cat", f"/sys/class/net/{interface}/address").strip()


def _link_local(made: Chain, where: str, interface: str) -> str:
    """A port's own address; of an Ethernet service's, which has none, one that it might have had."""
    shown = made.run(where, "ip", "-6", "-o", "addr", "show", "dev", interface, "scope", "link").split()
    return shown[3].split("/")[0] if shown else "fe80::1"


def _reachable(made: Chain, folder: Path, undo: ExitStack) -> None:
    """Routers reach each other's loopbacks: by BIRD, or where it is not installed by routes that lead the same way."""
    if not BIRD.exists():
        for here in range(1, 5):
            for there in range(1, 5):
                if there != here:
                    step = here if there > here else here - 1
                    via = f"fd00:0:{step}::{'1' if there > here else ''}"
                    made.run(f"r{here}", "ip", "-6", "route", "add", f"fc00:0:{there}::/48", "via", via)
        return
    for router in made.routers:
        inside = folder / router.name
        inside.mkdir(parents=True)
        (inside / "bird.conf").write_text(configuration(router.config, inside))
        process = subprocess.Popen(
            ["ip", "netns", "exec", router.namespace, str(BIRD), "-f", "-c", str(inside / "bird.conf"),
             "-s", str(inside / "bird.ctl")],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        undo.callback(_end, process)
    deadline = time.monotonic() + 60
    while not all(_knows_all(made, number) for number in range(1, 5)):
        assert time.monotonic() < deadline, (folder / "r1" / "bird.log").read_text()
        time.sleep(0.1)


def _knows_all(made: Chain, number: int) -> bool:
    routes = made.run(f"r{number}", "ip", "-6", "route", "show", "table", "main")
    return all(f"fc00:0:{there}::/48 via" in routes for there in range(1, 5) if there != number)


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.kill(process.pid, signal.SIGTERM)
    process.wait(timeout=10)
