"""What each router's agent is given: its file, as an operator would write it, and its certificate."""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from pathlib import Path

from highroad.lab.names import LabId
from highroad.lab.nursery import Agent
from highroad.lab.plan import SID_BLOCK, CorePort, Plan, Router
from highroad.model.network import SiteId
from highroad.pki.peer import Credentials, Role
from highroad.pki.store import Pki

GNMI_PORT = 9339

MEASURED_PER_S = 10
"""Measuring packets of a router, whatever paths it has: in a lab rates are scaled, packets are as large as ever, and
all routers are on one machine."""

CLOCK_ERROR_US = 1.0
"""All routers of a lab have one clock."""


def furnish(
    lab: LabId, folder: Path, plan: Plan, *, pki: Path, rate_scale: float, igp: str, delay: bool, at_s: float
) -> dict[SiteId, Agent]:
    """Write every agent's file, and certificates that are missing; `delay` says whether light is held back. Raises
    Unavailable, Invalid.
    """
    authority = Pki.ensure(pki, at_s=at_s)
    at = folder / "agents"
    at.mkdir(mode=0o700, parents=True, exist_ok=True)
    keys = {name: _key(at / f"{name}.key") for name in ("measure", "watch")}
    held_ms = _held_ms(plan) if delay else {}
    agents = {}
    for router in plan.routers:
        name = name_of(router.site)
        credentials = authority.ensure_issued(name, Role.AGENT, addresses=(loopback(router),), at_s=at_s)
        config = at / f"{name}.yaml"
        written = _file(
            lab, router, credentials, state=at / name, rate_scale=rate_scale, igp=igp, keys=keys, held_ms=held_ms
        )
        config.write_text(written, encoding="utf-8")
        (at / f"{name}.log").unlink(missing_ok=True)
        agents[router.site] = Agent(
            site=router.site, namespace=lab.router(router.site), config=config, log=at / f"{name}.log"
        )
    return agents


def name_of(site: SiteId) -> str:
    """What a router's certificate calls it."""
    return site.lower()


def address(lab: LabId, site: SiteId) -> str:
    """Where a router's agent is reached from outside its namespace, as gRPC has it."""
    return f"unix:{socket_of(lab, site)}"


def socket_of(lab: LabId, site: str) -> Path:
    """The unix socket of that address."""
    return lab.run_folder / f"{site.lower()}.sock"


def loopback(router: Router) -> str:
    """The router's own address."""
    return f"{SID_BLOCK.partition('::')[0]}:{router.node:x}::1"


def _key(path: Path) -> Path:
    """What packets between routers are sealed with: one key a lab, made where it is missing."""
    if not path.exists():
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_hex(32) + "\n")
    return path


def _held_ms(plan: Plan) -> dict[tuple[SiteId, str], float]:
    """How long light is held back at each port."""
    ways = [way for span in plan.spans for way in ((span.a, span.b), (span.b, span.a))]
    return {(to.site, to.interface): by.latency_ms for by, to in ways}


def _file(
    lab: LabId,
    router: Router,
    credentials: Credentials,
    *,
    state: Path,
    rate_scale: float,
    igp: str,
    keys: Mapping[str, Path],
    held_ms: Mapping[tuple[SiteId, str], float],
) -> str:
    name = name_of(router.site)
    tls = {
        "certificate": str(credentials.certificate),
        "key": str(credentials.key),
        "authority": str(credentials.authority),
    }
    if credentials.revoked is not None:
        tls["revoked"] = str(credentials.revoked)
    parts: list[tuple[str, object]] = [
        (
            "router",
            {
                "name": name,
                "site": router.site,
                "node": router.node,
                "sid_block": SID_BLOCK,
                "rate_scale": rate_scale,
            },
        ),
        ("listen", [address(lab, router.site), f"[{loopback(router)}]:{GNMI_PORT}"]),
        ("tls", tls),
        ("state", str(state)),
        ("igp", igp),
        ("measure", {"most_per_s": MEASURED_PER_S, "key": str(keys["measure"]), "clock_error_us": CLOCK_ERROR_US}),
        ("watch", {"key": str(keys["watch"])}),
    ]
    lines = [f"{key}: {_flow(value)}" for key, value in parts]
    lines.append("core_ports:" if router.ports else "core_ports: []")
    lines += [f"  - {_flow(_port(port, held_ms.get((port.site, port.interface))))}" for port in router.ports]
    lines.append("customer_ports: []")
    return "\n".join(lines) + "\n"


def _port(port: CorePort, light_ms: float | None) -> dict[str, object]:
    held: dict[str, object] = {"light_ms": light_ms} if light_ms else {}
    return {
        "interface": port.interface,
        "link": port.link,
        "address": f"{port.address}/127",
        "neighbour": port.neighbour,
        "capacity_gbps": port.capacity_gbps,
        "latency_ms": port.latency_ms,
        **held,
    }


def _flow(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)  # JSON is YAML on one line
