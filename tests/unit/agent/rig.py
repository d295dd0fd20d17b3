"""Routers a - b - c as whole agent processes in namespaces, a customer at each end, and somebody who tells them."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Any

from highroad.gnmi.client import Election, GnmiClient
from highroad.gnmi.router import CandidatePath, Intended, attachment_to_json, policy_to_json
from highroad.gnmi.router import SegmentList as Segments
from highroad.netlink.namespace import entered_by_name
from highroad.pki.peer import Credentials, Role
from highroad.pki.store import Pki
from tests.unit.agent.namespaces import Namespaces, inside, run
from tests.unit.agent.told import attachment, policy

NODES = {"a": 1, "b": 2, "c": 3}
READY_S = 15.0


class Rig:
    """Everything is gone after the block."""

    def __init__(self, folder: Path, *, igp: str = "none") -> None:
        self.folder = folder
        self.igp = igp
        self.spaces = Namespaces()
        self.names: dict[str, str] = {}
        self.agents: dict[str, int] = {}
        self.pki = Pki.ensure(folder / "pki", at_s=time.time())
        self._clients: list[GnmiClient] = []

    def __enter__(self) -> Rig:
        try:
            for name in NODES:
                self.names[name] = self.spaces.add(name)
            self.spaces.join(self.names["a"], "right", self.names["b"], "left")
            self.spaces.join(self.names["b"], "right", self.names["c"], "left")
            for name in "ac":
                self.names[f"host-{name}"] = self.spaces.add(f"host-{name}")
                self.spaces.join(self.names[name], "cust1", self.names[f"host-{name}"], "eth0", mtu=9000)
            for name in NODES:
                self.configure(name)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for name in list(self.agents):
            self.end(name, signal.SIGKILL)
        self.spaces.__exit__(kind, error, at)

    # --- routers --------------------------------------------------------------------------------------------

    def configure(self, name: str, **more: str) -> None:
        """Write a router's file."""
        ports = {
            "a": [("right", "a>b", "fd00:1::1", "fd00:1::")],
            "b": [("left", "b>a", "fd00:1::", "fd00:1::1"), ("right", "b>c", "fd00:2::1", "fd00:2::")],
            "c": [("left", "c>b", "fd00:2::", "fd00:2::1")],
        }[name]
        made = self.pki.ensure_issued(name, Role.AGENT, at_s=time.time())
        core = "".join(
            f"  - {{interface: {interface}, link: {link}, address: '{own}/127', neighbour: '{other}',"
            " capacity_gbps: 10, latency_ms: 1}\n"
            for interface, link, own, other in ports
        )
        fields = {"igp": self.igp, "measure": "{interval_ms: 0}", "watch": "{hold_up_s: 0.1}", **more}
        (self.folder / f"{name}.yaml").write_text(
            f"router: {{name: {name}, node: {NODES[name]}}}\n"
            f"listen: ['unix:{self.socket(name)}']\n"
            f"tls: {{certificate: {made.certificate}, key: {made.key}, authority: {made.authority}, "
            f"revoked: {made.revoked}}}\n"
            f"state: {self.folder / name}\n"
            f"core_ports:\n{core}" + "".join(f"{key}: {value}\n" for key, value in fields.items())
        )

    def socket(self, name: str) -> Path:
        """Where an agent listens."""
        return self.folder / f"{name}.sock"

    def start(self, *names: str, notify: str = "-") -> None:
        """Start agents, and wait until they serve."""
        had = {name: len(self.log(name)) for name in names or NODES}
        for name in had:
            self.socket(name).unlink(missing_ok=True)
            config, log = (self.folder / f"{name}.{end}" for end in ("yaml", "log"))
            self.agents[name] = nursery().start(self.names[name], config, log, notify)
        deadline = time.monotonic() + READY_S
        for name, before in had.items():
            while "is told what to do at" not in self.log(name)[before:]:
                assert _lives(self.agents[name]), self.log(name)
                assert time.monotonic() < deadline, self.log(name)
                time.sleep(0.01)

    def end(self, name: str, number: int = signal.SIGTERM) -> int:
        """End an agent by a signal; its exit status."""
        pid = self.agents.pop(name)
        os.kill(pid, number)
        return nursery().wait(pid)

    def log(self, name: str) -> str:
        """What an agent has printed so far."""
        with suppress(FileNotFoundError):
            return (self.folder / f"{name}.log").read_text()
        return ""

    # --- controller -----------------------------------------------------------------------------------------

    def credentials(self, role: Role = Role.CONTROLLER) -> Credentials:
        """Of somebody who calls."""
        return self.pki.ensure_issued(role.value, role, at_s=time.time())

    def client(self, name: str, election: int = 1) -> GnmiClient:
        """A controller's connection to a router."""
        address = f"unix:{self.socket(name)}"
        client = GnmiClient(address, name, self.credentials(), election=Election(id=election), timeout_s=5)
        self._clients.append(client)
        return client

    async def close(self) -> None:
        """Every connection."""
        for client in self._clients:
            await client.close()
        self._clients = []

    def ends(self, *, kbps: int = 1_000_000) -> dict[str, Intended]:
        """A service from host-a to host-c and back, as the two routers are told it."""
        made = {}
        for place, (name, far, functions, links) in enumerate(
            (("a", "c", (0xE000, 0xE001), ("a>b", "b>c")), ("c", "a", (0xE000, 0xE000), ("c>b", "b>a")))
        ):
            end = replace(attachment(place, prefixes=(f"10.{place}.0.0/24",)), interface="cust1", mtu_bytes=9000)
            far_end = attachment(1 - place)
            paths = (CandidatePath(preference=100, segment_lists=(Segments(links=links, functions=functions),)),)
            steer = replace(
                policy(place, kbps=kbps),
                service="s",
                remote_node=NODES[far],
                remote_function=far_end.function,
                prefixes=(
                    f"{far_end.addresses.ce4}/32",
                    f"{far_end.addresses.ce6}/128",
                    f"10.{1 - place}.0.0/24",
                ),
                candidate_paths=paths,
            )
            made[name] = Intended(
                attachments=MappingProxyType({end.id: end}), policies=MappingProxyType({steer.service: steer})
            )
        return made

    def hosts(self) -> None:
        """Addresses and routes of the customers' hosts."""
        for place, name in enumerate("ac"):
            run("ip", "-n", self.names[f"host-{name}"], "addr", "add", f"10.{place}.0.1/32", "dev", "lo")
            self.hosts_again(name)

    def hosts_again(self, name: str) -> None:
        """What a host has on a wire that is new."""
        at = attachment("ac".index(name)).addresses
        host = self.names[f"host-{name}"]
        run("ip", "-n", host, "addr", "add", f"{at.ce4}/31", "dev", "eth0")
        run("ip", "-n", host, "addr", "add", f"{at.ce6}/127", "dev", "eth0", "nodad")
        run("ip", "-n", host, "route", "add", "default", "via", at.pe4)
        run("ip", "-n", host, "-6", "route", "add", "default", "via", at.pe6)

    async def tell(self, ends: dict[str, Intended]) -> None:
        """Both ends."""
        for name, intended in ends.items():
            await self.client(name).set(
                replace=[
                    *(
                        (f"/router/attachment[id={one.id}]", attachment_to_json(one))
                        for one in intended.attachments.values()
                    ),
                    *(
                        (f"/router/policy[service={one.service}]", policy_to_json(one))
                        for one in intended.policies.values()
                    ),
                ]
            )

    def ping(self, count: int = 1, *, to: str = "10.1.0.1", size: int = 56) -> str:
        """From host-a; what ping says."""
        argv = ["ping", "-c", str(count), "-i", "0.01", "-W", "1", "-s", str(size), "-I", "10.0.0.1", to]
        return inside(self.names["host-a"], *argv)

    def try_ping(self) -> str:
        """Once, whatever comes of it."""
        argv = ["ip", "netns", "exec", self.names["host-a"], "ping", "-c", "1", "-W", "1", "-I", "10.0.0.1", "10.1.0.1"]
        return subprocess.run(argv, capture_output=True, text=True, check=False).stdout

    def udp(self, port: int) -> None:
        """One packet of a flow of its own, from host-a to host-c, where nobody listens."""
        with entered_by_name(self.names["host-a"]), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.bind(("10.0.0.1", 20_000 + port))
            sender.sendto(b"x", ("10.1.0.1", 30_000 + port))


NURSERY = """
import ctypes, gc, os, sys
os.environ.update(GRPC_ENABLE_FORK_SUPPORT="0", GRPC_VERBOSITY="NONE")
from pathlib import Path
from highroad.agent.main import serve
from highroad.errors import Invalid
gc.freeze()
print("ready", flush=True)
for line in sys.stdin:
    what, *words = line.split()
    if what == "wait":
        print(os.waitstatus_to_exitcode(os.waitpid(int(words[0]), 0)[1]), flush=True)
        continue
    namespace, config, log, notify = words
    pid = os.fork()
    if pid:
        print(pid, flush=True)
        continue
    status = 1
    try:
        os.setsid()
        printed = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.dup2(printed, 1)
        os.dup2(printed, 2)
        assert ctypes.CDLL(None).setns(os.open("/run/netns/" + namespace, os.O_RDONLY), 0) == 0
        if notify != "-":
            os.environ["NOTIFY_SOCKET"] = notify
        serve(Path(config))
        status = 0
    except Invalid as error:
        os.write(2, "".join(f"{finding}\\n" for finding in error.findings).encode())
    except BaseException as error:
        os.write(2, f"{error!r}\\n".encode())
    finally:
        os._exit(status)
"""


class Nursery:
    """One process that has imported an agent, and forks one where it is asked to: importing takes a second."""

    def __init__(self) -> None:
        argv = [sys.executable, "-c", NURSERY]
        self._process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._answer()

    def start(self, namespace: str, config: Path, log: Path, notify: str = "-") -> int:
        """An agent; its process."""
        return int(self._ask(f"start {namespace} {config} {log} {notify}"))

    def wait(self, pid: int) -> int:
        """How an agent ended, when it has."""
        return int(self._ask(f"wait {pid}"))

    def _ask(self, line: str) -> str:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._answer()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline()


@cache
def nursery() -> Nursery:
    """The one of this test run; it ends with it, for want of anybody who asks."""
    return Nursery()


def _lives(pid: int) -> bool:
    return " (zombie)" not in Path(f"/proc/{pid}/status").read_text()


async def until(what: str, true: Any, patience_s: float = 60.0) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + patience_s
    while not true():
        assert time.monotonic() < deadline, f"not within {patience_s} s: {what}"
        await asyncio.sleep(0.01)


ROOT = os.geteuid() == 0
