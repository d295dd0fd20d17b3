"""What speaking gNMI over mutual TLS costs: a Set, a Get of everything, and the memory and idle CPU of a server."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path as File
from typing import Any

from bench.figure import Figure, quantile

POLICIES = 1_000
TRIES = 2_000
IDLE_S = 10.0


def figures() -> Iterator[Figure]:
    """A Set of one policy of 1,000, a Get of them all; what Python, gRPC and the protobufs take, and we on top."""
    from highroad.pki.peer import Role
    from highroad.pki.store import Pki

    with tempfile.TemporaryDirectory() as name:
        pki = Pki.create(File(name) / "pki", at_s=time.time())
        for who, role in (("router", Role.AGENT), ("controller", Role.CONTROLLER)):
            pki.issue(who, role, at_s=time.time())
        command = [sys.executable, "-m", "bench.gnmi", name]
        environment = {**os.environ, "GRPC_VERBOSITY": "NONE"}
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment) as it:
            assert it.stdin is not None
            assert it.stdout is not None
            try:
                told = json.loads(it.stdout.readline())
                yield from asyncio.run(_measured(File(name)))
                it.stdin.close()
                told.update(json.loads(it.stdout.readline()))
            finally:
                it.terminate()
    yield Figure(
        what="gNMI: memory of a server, resident (its own)",
        ours=", ".join(
            f"{words} {told[stage][0]:.0f} ({told[stage][1]:.0f})"
            for words, stage in (
                ("Python and asyncio", "python"),
                ("with gRPC", "grpc"),
                ("with the protobufs", "protobufs"),
                ("with ours, serving", "serving"),
                (f"after {POLICIES:,} policies", "loaded"),
            )
        )
        + " MB",
    )
    yield Figure(what="gNMI: CPU of a server that nobody speaks to", ours=f"{told['idle']:.2f}% of a core")


async def _measured(folder: File) -> list[Figure]:
    from highroad.gnmi.client import Election, GnmiClient
    from highroad.gnmi.router import attachment_to_json, policy_to_json
    from highroad.pki.store import Pki

    credentials = Pki(folder / "pki").credentials("controller")
    async with GnmiClient(f"unix:{folder}/socket", "router", credentials, election=Election(id=1)) as client:
        begun = time.perf_counter()
        await client.capabilities()
        connected_ms = (time.perf_counter() - begun) * 1e3
        policies = [policy_to_json(_policy(f"s-{number}", 1500)) for number in range(POLICIES)]
        router = {"attachment": [attachment_to_json(_attachment())], "policy": policies}
        await client.set(replace={"/router": router})
        bodies = [policy_to_json(_policy("s-7", mtu)) for mtu in (1500, 1400)]
        took = []
        for number in range(TRIES):
            begun = time.perf_counter()
            await client.set(replace={"/router/policy[service=s-7]": bodies[number & 1]})
            took.append((time.perf_counter() - begun) * 1e3)
        begun = time.perf_counter()
        await asyncio.gather(*(client.set(replace={"/router/policy[service=s-7]": bodies[0]}) for _ in range(TRIES)))
        together = TRIES / (time.perf_counter() - begun)
        begun = time.perf_counter()
        await client.get("/router")
        all_ms = (time.perf_counter() - begun) * 1e3
    return [
        Figure(
            what=f"gNMI: Set of one policy of {POLICIES:,}, mutual TLS, kernel not included",
            ours=f"p50 {quantile(took, 0.5):.2f} ms, p99 {quantile(took, 0.99):.2f} ms; {together:,.0f}/s together",
        ),
        Figure(
            what="gNMI: first answer of a router, and a Get of all that it was told",
            ours=f"{connected_ms:.0f} ms, {all_ms:.0f} ms",
        ),
    ]


def _attachment() -> Any:
    from highroad.gnmi.router import Addresses, Attachment
    from highroad.model.service import ServiceKind

    return Attachment(
        id="a-1",
        port="p-1",
        tenant="acme",
        kind=ServiceKind.IP,
        function=0xF000,
        mtu_bytes=9000,
        addresses=Addresses(pe4="100.64.0.0", ce4="100.64.0.1", pe6="fd64::", ce6="fd64::1"),
        interface="acme0",
    )


def _policy(service: str, mtu_bytes: int) -> Any:
    from highroad.gnmi.router import CandidatePath, Policy, SegmentList
    from highroad.model.service import TrafficClass

    functions = (0xE000, 0xE001, 0xE000, 0xE002)
    segments = SegmentList(links=tuple(f"link-{n}" for n in range(4)), functions=functions)
    return Policy(
        service=service,
        attachment="a-1",
        traffic_class=TrafficClass.ASSURED,
        guaranteed_kbps=10_000_000,
        ceiling_kbps=20_000_000,
        mtu_bytes=mtu_bytes,
        remote_node=9,
        remote_function=0xF002,
        prefixes=("10.2.0.0/16", "2001:db8::/48"),
        candidate_paths=(CandidatePath(preference=100, segment_lists=(segments,)),),
    )


# --- the server, in a process of its own -----------------------------------------------------------------------


def _memory() -> tuple[float, float]:
    """Resident, and of that what is shared with no other process, in MB."""
    sizes: dict[str, int] = {}
    for line in File("/proc/self/smaps_rollup").read_text().splitlines()[1:]:
        name, size, *_ = line.split()
        sizes[name] = int(size)
    return sizes["Rss:"] / 1024, (sizes["Private_Clean:"] + sizes["Private_Dirty:"]) / 1024


async def _serve(folder: File, told: dict[str, Any]) -> None:
    import grpc.aio  # noqa: F401

    told["grpc"] = _memory()
    from highroad.gnmi import proto

    told["protobufs"] = _memory()
    from highroad.gnmi.edit import resulting
    from highroad.gnmi.hub import Hub, HubWatch
    from highroad.gnmi.path import Path
    from highroad.gnmi.router import Intended, intended_to_json
    from highroad.gnmi.schema import MODELS
    from highroad.gnmi.server import GnmiServer
    from highroad.gnmi.target import Edit, Kind
    from highroad.gnmi.tree import find
    from highroad.pki.peer import Credentials

    assert proto.VERSION

    class Shelf:
        models = MODELS

        def __init__(self) -> None:
            self.told, self.hub = Intended(), Hub()
            self.elections: dict[str, int] = {}

        async def elected(self, role: str, election_id: int) -> None:
            self.elections[role] = election_id

        async def read(self, path: Path, kind: Kind) -> Sequence[tuple[Path, Any]]:
            tree: Mapping[str, Any] = {"highroad-router:router": intended_to_json(self.told)}
            return find(tree, path)

        async def write(self, edits: Sequence[Edit]) -> None:
            self.told = resulting(self.told, edits)

        def watch(self, paths: Sequence[Path]) -> HubWatch:
            return self.hub.watch(paths)

    pki = folder / "pki"
    credentials = Credentials(
        certificate=pki / "router.crt", key=pki / "router.key", authority=pki / "ca.crt", revoked=pki / "crl.pem"
    )
    server = GnmiServer(Shelf(), credentials, [f"unix:{folder}/socket"])
    await server.start()
    told["serving"] = _memory()
    begun = time.process_time()
    await asyncio.sleep(IDLE_S)
    told["idle"] = (time.process_time() - begun) / IDLE_S * 100
    print(json.dumps(told), flush=True)
    await asyncio.to_thread(sys.stdin.read)
    print(json.dumps({"loaded": _memory()}), flush=True)
    await server.stop()


if __name__ == "__main__":
    asyncio.run(_serve(File(sys.argv[1]), {"python": _memory()}))
