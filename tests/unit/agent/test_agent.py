"""Whole agents that steer real packets: told over gNMI, killed, started again, with things taken from behind them."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest

from highroad.errors import Forbidden, Invalid, NotFound, Unavailable
from highroad.gnmi.client import OnChange, Synced
from highroad.gnmi.path import Path as GnmiPath
from highroad.gnmi.router import policy_to_json
from highroad.gnmi.target import Kind
from tests.unit.agent.namespaces import run
from tests.unit.agent.rig import Rig, until
from tests.unit.agent.running import in_loop

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    with Rig(tmp_path) as made:
        made.hosts()
        made.start()
        yield made


def only(found: list[tuple[Any, Any]]) -> Any:
    assert len(found) == 1, found
    return found[0][1]


@in_loop
async def test_what_is_told_carries_packets_and_is_counted_exactly(rig: Rig) -> None:
    await rig.tell(rig.ends())
    assert "20 received" in rig.ping(20, size=1000)
    (service,) = only(await rig.client("a").get("/router/state/policy"))
    assert service["counters"]["carried-octets"] == str(20 * 1028)
    assert service["counters"]["carried-pkts"] == "20"
    (far,) = only(await rig.client("c").get("/router/state/attachment"))
    delivered = far["counters"]
    # All that a plain socket would get, and the few questions that the router itself asks the customer's edge.
    assert 0 <= int(delivered["delivered-octets"]) - 20 * 1028 < 1000
    assert 0 <= int(delivered["delivered-pkts"]) - 20 < 10
    sids = {one["sid"]: one for one in only(await rig.client("c").get("/router/state/sid"))}
    assert sids["fc00:0:f002::/48"]["behaviour"] == "uDX4"
    assert sids["fc00:0:f002::/48"]["counters"]["pkts"] == "20"
    (port,) = only(await rig.client("a").get("/router/state/core-port"))
    classes = {one["name"]: one["counters"] for one in port["class"]}
    assert classes["assured"] == {"octets": str(20 * (1028 + 54)), "pkts": "20", "discarded-pkts": "0"}
    await rig.close()


@in_loop
async def test_what_is_told_comes_back_and_so_does_openconfig(rig: Rig) -> None:
    ends = rig.ends()
    await rig.tell(ends)
    client = rig.client("a")
    assert only(await client.get("/router/policy[service=s]")) == policy_to_json(ends["a"].policies["s"])
    config = only(await client.get("/router", kind=Kind.CONFIG))
    assert set(config) == {"attachment", "policy", "protection"}
    interfaces = {one["name"]: one for one in only(await client.get("/interfaces"))["interface"]}
    assert set(interfaces) == {"right", "cust1"}
    assert interfaces["right"]["state"]["oper-status"] == "UP"
    assert interfaces["right"]["state"]["description"] == "a>b"
    assert only(await client.get("/system/state/hostname")) == "a"
    (instance,) = only(await client.get("/network-instances"))["network-instance"]
    (policy,) = instance["segment-routing"]["te-policies"]["te-policy"]
    assert (policy["state"]["name"], policy["endpoint"]) == ("s", "fc00:0:3::1")
    (path,) = policy["candidate-paths"]["candidate-path"]
    (segments,) = path["segment-lists"]["segment-list"]
    assert [one["state"]["value"] for one in segments["sids"]["sid"]] == ["fc00:0:e000:e001:f002::"]
    with pytest.raises(NotFound):
        await client.get("/router/policy[service=t]")
    with pytest.raises(Invalid, match="did you mean"):
        await client.get("/router/polices")
    await rig.close()


@in_loop
async def test_a_killed_agent_changes_nothing_and_the_next_one_touches_nothing(rig: Rig) -> None:
    await rig.tell(rig.ends())
    rig.ping(10)
    stream = Stream(rig)
    rig.end("a", signal.SIGKILL)
    await asyncio.sleep(0.3)
    heard, before = run_monitor(rig.names["a"]), len(rig.log("a"))
    rig.start("a")
    assert changes(heard) == []
    assert "brought the kernel" not in rig.log("a")[before:]
    stream.end()
    assert stream.lost == 0
    (service,) = only(await rig.client("a", election=2).get("/router/state/policy"))
    assert service["counters"]["carried-pkts"] == str(10 + stream.sent)
    with pytest.raises(Forbidden, match="fenced"):
        await rig.client("a", election=0).set(update={"/router/policy[service=s]/mtu": 9000})
    await rig.close()


class Stream:
    """A packet a millisecond from host-a to host-c, counted by plain sockets at both ends."""

    def __init__(self, rig: Rig) -> None:
        self.receiver = self._run(rig.names["host-c"], RECEIVE)
        self.sender = self._run(rig.names["host-a"], SEND)
        self.sent = self.lost = -1

    @staticmethod
    def _run(name: str, program: str) -> subprocess.Popen[bytes]:
        argv = ["ip", "netns", "exec", name, "python3", "-c", program]
        started = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert started.stdout is not None
        started.stdout.readline()
        return started

    def end(self) -> None:
        """Stop, and count."""
        sent, _ = self.sender.communicate(b"\n", timeout=60)
        time.sleep(0.2)
        received, _ = self.receiver.communicate(b"\n", timeout=60)
        self.sent, self.lost = int(sent), int(sent) - int(received)


SEND = """
import socket, sys, select, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("10.0.0.1", 0)); n = 0
print("ready", flush=True)
while not select.select([sys.stdin], [], [], 0.001)[0]:
    s.sendto(b"x" * 200, ("10.1.0.1", 7777)); n += 1
print(n)
"""
RECEIVE = """
import socket, sys, select
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.bind(("10.1.0.1", 7777)); n = 0
print("ready", flush=True)
while True:
    ready = select.select([s, sys.stdin], [], [])[0]
    if s in ready:
        s.recv(2000); n += 1
    elif ready:
        break
print(n)
"""


def run_monitor(name: str) -> subprocess.Popen[str]:
    """Everything that the kernel is changed in, in a namespace."""
    monitor = subprocess.Popen(
        ["ip", "-o", "-n", name, "monitor", "route", "rule", "nexthop", "address"], stdout=subprocess.PIPE, text=True
    )
    time.sleep(0.2)
    return monitor


def changes(monitor: subprocess.Popen[str]) -> list[str]:
    """What it heard, but for what the kernel learns by itself."""
    time.sleep(0.2)
    monitor.terminate()
    said, _ = monitor.communicate(timeout=60)
    return [line for line in said.splitlines() if "fe80:" not in line and "proto kernel" not in line]


@in_loop
async def test_a_set_that_changes_nothing_sends_nothing_to_the_kernel(rig: Rig) -> None:
    ends = rig.ends()
    await rig.tell(ends)
    heard = run_monitor(rig.names["a"])
    before = (rig.folder / "a" / "journal").read_bytes()
    await rig.tell(ends)
    assert changes(heard) == []
    assert (rig.folder / "a" / "journal").read_bytes() == before
    await rig.close()


@in_loop
async def test_a_route_that_somebody_deletes_comes_back_and_what_is_not_ours_stays(rig: Rig) -> None:
    await rig.tell(rig.ends())
    name = rig.names["a"]
    run("ip", "-n", name, "route", "add", "198.51.100.0/24", "dev", "cust1")
    every = json.loads(run("ip", "-n", name, "-j", "route", "show", "table", "all"))
    (table,) = [route["table"] for route in every if route["dst"] == "10.1.0.0/24" and "nhid" in route]
    run("ip", "-n", name, "route", "del", "10.1.0.0/24", "table", table)
    run("ip", "-n", name, "-6", "route", "del", "fc00:0:e000::/48")

    def back() -> bool:
        shown = run("ip", "-n", name, "route", "show", "table", table)
        return "10.1.0.0/24" in shown and "fc00:0:e000::/48" in run("ip", "-n", name, "-6", "route")

    await until("the routes are back", back, 5.0)
    await until("packets pass", lambda: "1 received" in rig.try_ping())
    assert "198.51.100.0/24" in run("ip", "-n", name, "route")
    run("tc", "-n", name, "qdisc", "del", "dev", "cust1", "clsact")
    await until("the gate is back", lambda: "clsact" in run("tc", "-n", name, "qdisc", "show", "dev", "cust1"), 5.0)
    await until("packets pass", lambda: "1 received" in rig.try_ping())
    await rig.close()


@in_loop
async def test_loss_of_light_is_told_at_once_and_since_when(rig: Rig) -> None:
    told: asyncio.Queue[tuple[float, Any]] = asyncio.Queue()
    # Its neighbour's agent would mend what is done to the neighbour here.
    rig.end("b")

    async def listen() -> None:
        watched = OnChange(path="/router/state/core-port[interface=right]/oper-status")
        since = OnChange(path="/router/state/core-port[interface=right]/down-since")
        async for news in rig.client("a").subscribe([watched, since]):
            told.put_nowait((time.time(), news))

    async def told_of(status: str) -> tuple[float, dict[str, str]]:
        while True:
            at, news = await asyncio.wait_for(told.get(), 5)
            if isinstance(news, Synced):
                continue
            values = {str(path).rpartition("/")[2]: value for path, value in news.updates}
            if values.get("oper-status") == status:
                return at, values

    task = asyncio.create_task(listen())
    await told_of("UP")
    for _ in range(5):
        # The far end goes dark: the carrier is lost here.
        before = time.time()
        run("ip", "-n", rig.names["b"], "link", "set", "left", "down")
        at, values = await told_of("DOWN")
        since = int(values["down-since"]) / 1e9
        assert before <= since <= at
        assert at - since < 1.0
        (port,) = only(await rig.client("a").get("/router/state/core-port"))
        assert (port["oper-status"], port["down-since"]) == ("DOWN", values["down-since"])
        run("ip", "-n", rig.names["b"], "link", "set", "left", "up")
        await told_of("UP")
    # An agent that is started anew knows since when.
    run("ip", "-n", rig.names["b"], "link", "set", "left", "down")
    await told_of("DOWN")
    (port,) = only(await rig.client("a").get("/router/state/core-port"))
    task.cancel()
    await rig.close()
    rig.end("a")
    rig.start("a")
    (again,) = only(await rig.client("a").get("/router/state/core-port"))
    assert again["down-since"] == port["down-since"]
    await rig.close()


@in_loop
async def test_wrong_sets_are_refused_with_every_finding_and_change_nothing(rig: Rig) -> None:
    ends = rig.ends()
    await rig.tell(ends)
    heard = run_monitor(rig.names["a"])
    policy = ends["a"].policies["s"]
    client = rig.client("a")
    wrong = replace(
        policy,
        candidate_paths=(
            replace(
                policy.candidate_paths[0],
                segment_lists=(replace(policy.candidate_paths[0].segment_lists[0], functions=(0xE005, 0xE001)),),
            ),
        ),
        ceiling_kbps=1,
    )
    with pytest.raises(Invalid) as caught:
        await client.set(replace={"/router/policy[service=s]": policy_to_json(wrong)})
    assert {finding.code for finding in caught.value.findings} >= {"not-our-link", "rates"}
    with pytest.raises(Invalid, match="no attachment"):
        await client.set(delete=["/router/attachment[id=s0.a]"])
    with pytest.raises(Invalid):
        await client.set(update={"/router/state/site": "elsewhere"})
    assert changes(heard) == []
    assert "3 received" in rig.ping(3)
    await rig.close()


@in_loop
async def test_an_interface_that_vanishes_takes_only_its_own_and_comes_back(rig: Rig) -> None:
    await rig.tell(rig.ends())
    run("ip", "-n", rig.names["a"], "link", "del", "cust1")
    client = rig.client("a")

    async def status() -> str:
        (one,) = only(await client.get("/router/state/attachment"))
        return str(one["oper-status"])

    assert await status() == "DOWN"
    rig.spaces.join(rig.names["a"], "cust1", rig.names["host-a"], "eth0", mtu=9000)
    rig.hosts_again("a")
    deadline = time.monotonic() + 60
    while "1 received" not in rig.try_ping():
        assert time.monotonic() < deadline, rig.log("a")
        await asyncio.sleep(0.05)
    assert await status() == "UP"
    await rig.close()


@in_loop
async def test_counters_go_on_over_a_list_that_goes_and_an_agent_that_ends(rig: Rig) -> None:
    ends = rig.ends()
    policy = ends["a"].policies["s"]
    one = policy.candidate_paths[0].segment_lists[0]
    two = replace(policy, candidate_paths=(replace(policy.candidate_paths[0], segment_lists=(one, one)),))
    await rig.tell({**ends, "a": replace(ends["a"], policies=MappingProxyType({"s": two}))})
    for port in range(20):
        rig.udp(port)
    (before,) = only(await rig.client("a").get("/router/state/policy"))
    assert before["counters"]["carried-pkts"] == "20"
    assert all(int(segments["counters"]["carried-pkts"]) > 0 for segments in before["segment-list"])
    await rig.tell(ends)
    (after,) = only(await rig.client("a").get("/router/state/policy"))
    assert len(after["segment-list"]) == 1
    assert after["counters"] == before["counters"]
    rig.end("a", signal.SIGKILL)
    rig.start("a")
    await rig.close()
    (again,) = only(await rig.client("a").get("/router/state/policy"))
    assert again["counters"] == before["counters"]
    epoch = only(await rig.client("a").get("/router/state/counter-epoch"))
    await rig.client("a").set(delete=["/router/policy[service=s]"])
    await rig.tell(ends)
    (anew,) = only(await rig.client("a").get("/router/state/policy"))
    assert anew["counters"]["carried-pkts"] == "0"
    assert only(await rig.client("a").get("/router/state/counter-epoch")) == epoch
    await rig.close()


@in_loop
async def test_a_full_disk_refuses_and_changes_nothing(rig: Rig) -> None:
    ends = rig.ends()
    await rig.tell(ends)
    rig.end("a")
    state = rig.folder / "a"
    run("mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(state))
    try:
        rig.start("a")
        await rig.close()
        await rig.client("a").set(replace={"/router": {}})
        with (state / "filler").open("wb", buffering=0) as filler:
            try:
                while True:
                    filler.write(bytes(512))
            except OSError:
                pass
        heard = run_monitor(rig.names["a"])
        attachment = json.loads(ATTACHMENT) | {"interface": "cust1"}
        many: dict[str | GnmiPath, Any] = {
            "/router/attachment[id=s0.a]": attachment,
            "/router/policy[service=s]": policy_to_json(
                replace(ends["a"].policies["s"], prefixes=tuple(f"10.77.{index}.0/24" for index in range(256)))
            ),
        }
        with pytest.raises(Unavailable, match="No space left on device; nothing was changed"):
            await rig.client("a").set(replace=many)
        assert changes(heard) == []
        await rig.close()
        rig.end("a")
    finally:
        run("umount", str(state))


ATTACHMENT = """{"id": "s0.a", "port": "p", "tenant": "t", "kind": "ip", "function": 61440, "mtu": 9000, "addresses":
{"pe-ipv4": "100.64.0.0", "ce-ipv4": "100.64.0.1", "pe-ipv6": "fd64:7::", "ce-ipv6": "fd64:7::1"}}"""


@in_loop
async def test_a_core_port_that_is_gone_is_told_and_the_rest_is_looked_after(rig: Rig) -> None:
    await rig.tell(rig.ends())
    run("ip", "-n", rig.names["a"], "link", "del", "right")
    (port,) = only(await rig.client("a").get("/router/state/core-port"))
    assert (port["oper-status"], "mtu" in port) == ("DOWN", False)
    await rig.close()
    rig.end("a", signal.SIGKILL)
    rig.start("a")
    assert "there is no interface right; there are" in rig.log("a")
    run("tc", "-n", rig.names["a"], "qdisc", "del", "dev", "cust1", "clsact")
    await until("it is mended", lambda: "clsact" in run("tc", "-n", rig.names["a"], "qdisc", "show", "dev", "cust1"))
    rig.spaces.join(rig.names["a"], "right", rig.names["b"], "left")
    await until("packets pass", lambda: "1 received" in rig.try_ping(), 10)
    (port,) = only(await rig.client("a").get("/router/state/core-port"))
    assert (port["oper-status"], port["mtu"]) == ("UP", 9600)
    await rig.close()


def test_what_is_wrong_with_the_host_is_said_at_once(rig: Rig) -> None:
    rig.end("a")
    shutil.rmtree(rig.folder / "a")
    rig.configure("a", customer_ports="[{port: p, interface: eth7}]")
    text = (rig.folder / "a.yaml").read_text().replace("interface: right", "interface: left")
    (rig.folder / "a.yaml").write_text(text)
    with pytest.raises(AssertionError, match="there is no interface left") as caught:
        rig.start("a")
    assert "there is no interface eth7 for port p" in str(caught.value)


def test_systemd_is_told_and_signals_end_it(rig: Rig, tmp_path: Path) -> None:
    rig.end("a")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.settimeout(10)
        rig.start("a", notify=str(tmp_path / "notify"))
        assert systemd.recv(100) == b"READY=1"
        assert rig.end("a", signal.SIGUSR1) == 0
        assert systemd.recv(100) == b"STOPPING=1"
