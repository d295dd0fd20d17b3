"""Agents with BIRD: routers reach each other, traces come home, and BIRD lives and ends as the agent says."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from tests.unit.agent.namespaces import run
from tests.unit.agent.rig import Rig, until
from tests.unit.agent.running import in_loop

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="network namespaces need root")


def birds(rig: Rig, name: str) -> set[int]:
    """The processes of BIRD in a router's namespace."""
    pids = run("ip", "netns", "pids", rig.names[name]).split()
    return {int(pid) for pid in pids if Path(f"/proc/{pid}/comm").read_text().strip() == "bird"}


@in_loop
async def test_a_trace_comes_home_and_bird_outlives_what_it_should(tmp_path: Path) -> None:
    with Rig(tmp_path, igp="bird") as rig:
        rig.hosts()
        rig.start()
        ends = rig.ends()
        # The customer's interface is the one that the router's own file has for the port.
        rig.end("a")
        rig.configure("a", customer_ports="[{port: acme-denver, interface: cust1}]")
        rig.start("a")
        attachments = {id_: replace(one, interface=None) for id_, one in ends["a"].attachments.items()}
        await rig.tell({**ends, "a": replace(ends["a"], attachments=MappingProxyType(attachments))})
        assert "1 received" in rig.ping(1)
        client = rig.client("a")
        deadline = time.monotonic() + 30
        while True:
            traced = await client.call("Trace", {"service": "s", "nodes": [2, 3]})
            if all(hop["rtt-ms"] is not None for hop in traced["hops"]):
                break
            assert time.monotonic() < deadline, traced
            await asyncio.sleep(0.2)
        assert [hop["site"] for hop in traced["hops"]] == ["b", "c"]
        pinged = await client.call("Ping", {"service": "s", "count": 3, "interval-ms": 1, "back": [0xE000, 0xE000]})
        assert all(one["rtt-ms"] is not None for one in pinged["echoes"])
        await rig.close()

        first = birds(rig, "a")
        assert len(first) == 1
        rig.end("a", signal.SIGKILL)
        assert birds(rig, "a") == first
        rig.start("a")
        assert birds(rig, "a") == first
        rig.end("a", signal.SIGUSR1)
        assert birds(rig, "a") == first
        rig.start("a")
        os.kill(next(iter(first)), signal.SIGKILL)
        await until("another BIRD runs", lambda: len(birds(rig, "a") - first) == 1, 10)
        rig.end("a", signal.SIGTERM)
        assert birds(rig, "a") == set()
