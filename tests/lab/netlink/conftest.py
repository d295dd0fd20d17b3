"""Namespaces with an interface or two in them, gone after the test whatever happens."""

from __future__ import annotations

import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, TypeVar

import pytest

from highroad.netlink import address, link, namespace
from highroad.netlink.kernel import Kernel

T = TypeVar("T")
_numbers = count(1)


class Space:
    """A network namespace, its kernel socket, and what a person would type in it."""

    def __init__(self) -> None:
        self.name = f"hrt-{os.getpid()}-{next(_numbers)}"
        namespace.create(self.name)
        self.fd = namespace.open_namespace(self.name)
        self.kernel = Kernel(self.fd)

    def close(self) -> None:
        self.kernel.close()
        os.close(self.fd)
        namespace.delete(self.name)

    def run(self, work: Callable[[], T]) -> T:
        return namespace.run_in(self.fd, work)

    def socket(self, family: int, kind: int = socket.SOCK_DGRAM, protocol: int = 0) -> socket.socket:
        made = self.run(lambda: socket.socket(family, kind, protocol))
        made.settimeout(5)
        return made

    def shell(self, command: str) -> str:
        done = subprocess.run(
            ["ip", "netns", "exec", self.name, *command.split()], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{command}: {done.stderr}"
        return done.stdout

    def json(self, command: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.shell(command) or "[]")
        # older `ip` prints an empty object for what its filter left out
        return [entry for entry in found if entry]

    def up(self, name: str, *addresses: str) -> int:
        """The interface is up and has these addresses (with their prefix lengths); its index."""
        index = self.kernel.index(name)
        self.kernel.do([link.set_link(index, up=True)])
        for text in addresses:
            plain, _, length = text.partition("/")
            self.kernel.do([address.create(address.Address(address=plain, prefix_len=int(length), index=index))])
        return index

    def join(self, name: str, other: Space, far: str, *, mtu: int = 1500) -> None:
        """A pair of interfaces, `name` here and `far` in the other namespace."""
        self.kernel.do([link.veth(name, far, mtu=mtu, peer_ns=other.fd)])

    def forward(self) -> None:
        """The namespace is a router with SRv6, whose addresses may be used at once."""
        values = {
            "net.ipv4.ip_forward": 1,
            "net.ipv4.conf.all.rp_filter": 0,
            "net.ipv4.conf.default.rp_filter": 0,
            "net.ipv6.conf.all.forwarding": 1,
            "net.ipv6.conf.all.accept_dad": 0,
            "net.ipv6.conf.default.accept_dad": 0,
            "net.ipv6.conf.all.seg6_enabled": 1,
            "net.ipv6.conf.default.seg6_enabled": 1,
        }
        self.shell("sysctl -qw " + " ".join(f"{key}={value}" for key, value in values.items()))


@pytest.fixture
def spaces() -> Iterator[Callable[[], Space]]:
    """A maker of namespaces."""
    if os.geteuid() != 0:
        pytest.skip("network namespaces need root")
    made: list[Space] = []

    def make() -> Space:
        made.append(Space())
        return made[-1]

    yield make
    for space in made:
        space.close()


@pytest.fixture
def space(spaces: Callable[[], Space]) -> Space:
    """One namespace, with loopback up."""
    made = spaces()
    made.up("lo")
    return made


@pytest.fixture
def wired(space: Space) -> Space:
    """One namespace with a pair of interfaces in it, `a` and `b`, both up and addressed."""
    space.shell("sysctl -qw net.ipv6.conf.default.accept_dad=0")
    space.kernel.do([link.veth("a", "b", mtu=9600)])
    space.up("a", "10.0.0.1/24", "fd00::1/64")
    space.up("b", "10.0.1.1/24", "fd01::1/64")
    return space
