"""Network namespaces joined by wires, made with iproute2: what the agent's tests stand on, and nothing of ours."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import subprocess
from types import TracebackType

_count = itertools.count()


def run(*argv: str) -> str:
    """Run a command; its output, or an AssertionError with what it said."""
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(argv)}: {done.stderr or done.stdout}"
    return done.stdout


class Namespaces:
    """Named namespaces that are gone afterwards, with all that runs in them."""

    def __init__(self) -> None:
        self._prefix = f"hrt-{os.getpid()}-f{next(_count)}-"
        self._made: list[str] = []

    def __enter__(self) -> Namespaces:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for name in self._made:
            pids = subprocess.run(
                ["ip", "netns", "pids", name], capture_output=True, text=True, check=False
            ).stdout.split()
            for pid in pids:
                if int(pid) != os.getpid():
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)
            subprocess.run(["ip", "netns", "delete", name], check=False)

    def add(self, name: str) -> str:
        """A namespace that forwards, with loopback up; returns its full name."""
        full = self._prefix + name
        run("ip", "netns", "add", full)
        self._made.append(full)
        for setting in (
            "net.ipv6.conf.all.accept_dad=0",
            "net.ipv6.conf.default.accept_dad=0",
            "net.ipv6.conf.all.forwarding=1",
            "net.ipv4.ip_forward=1",
            "net.ipv6.conf.all.seg6_enabled=1",
            "net.ipv6.conf.default.seg6_enabled=1",
        ):
            run("ip", "netns", "exec", full, "sysctl", "-qw", setting)
        run("ip", "-n", full, "link", "set", "lo", "up")
        return full

    @staticmethod
    def join(a: str, a_if: str, b: str, b_if: str, *, subnet: str | None = None, mtu: int = 9600) -> None:
        """A wire; with a subnet as `fd00:1` the ends are fd00:1::1/127 (a) and fd00:1::/127 (b)."""
        run(
            "ip",
            "-n",
            a,
            "link",
            "add",
            a_if,
            "mtu",
            str(mtu),
            "type",
            "veth",
            "peer",
            b_if,
            "netns",
            b,
            "mtu",
            str(mtu),
        )
        for name, interface, last in ((a, a_if, "1"), (b, b_if, "")):
            run("ip", "-n", name, "link", "set", interface, "up")
            if subnet is not None:
                run("ip", "-n", name, "addr", "add", f"{subnet}::{last}/127", "dev", interface)


def inside(name: str, *argv: str) -> str:
    """Run a command inside a namespace."""
    return run("ip", "netns", "exec", name, *argv)
