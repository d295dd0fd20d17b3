"""Which routers there are, where to reach them, and what each says that it is.

An operator of real hosts writes the first half in a YAML file; a lab gives its own:

    routers:
      - {site: denver, address: "[2001:db8::7]:9339", name: denver}

The second half (node, core ports, capacities) is in each agent's own file, and read from the router's state: nobody
writes it down twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from highroad.errors import Finding, Invalid
from highroad.gnmi.router import MODULE
from highroad.model.network import LinkId, SiteId

STATE = f"/{MODULE}:router/state"
"""Where a router says what it is."""

MOST = 1_000_000
"""Characters of a file of routers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Where a site's router is: an address that gRPC takes, and the name that its certificate must have."""

    site: SiteId
    address: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CorePort:
    """The port that a link leaves by: `function` is its adjacency SID; `interface` names it for people."""

    link: LinkId
    interface: str
    function: int
    capacity_gbps: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a router is; it carries a modelled 1 Gbit/s as `rate_scale`."""

    site: SiteId
    node: int
    rate_scale: float
    core: Mapping[LinkId, CorePort]


def read_inventory(path: Path) -> dict[SiteId, Reach]:
    """The routers in a file. Raises Invalid with everything that is wrong."""
    try:
        with path.open(encoding="utf-8") as file:
            text = file.read(MOST + 1)
        if len(text) > MOST:
            raise Invalid([_wrong(str(path), "has over a million characters; a file of routers has some hundred each")])
        data = yaml.safe_load(text)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise Invalid([_wrong(str(path), f"cannot be read: {error}")]) from error
    entries = data.get("routers") if isinstance(data, dict) else None
    if not isinstance(entries, list) or not entries:
        raise Invalid([_wrong("routers", "a list of routers is missing: each has a site, an address and a name")])
    findings: list[Finding] = []
    routers: dict[SiteId, Reach] = {}
    for index, entry in enumerate(entries):
        place = f"routers[{index}]"
        if not isinstance(entry, dict) or not all(isinstance(entry.get(key), str) for key in ("site", "address")):
            findings.append(_wrong(place, "needs `site` and `address`, both texts"))
            continue
        unknown = sorted(map(str, set(entry) - {"site", "address", "name"}))
        if unknown:
            findings.append(_wrong(place, f"has {', '.join(unknown)}: only `site`, `address` and `name` are known"))
        site = SiteId(entry["site"])
        if site in routers:
            findings.append(_wrong(place, f"{site} has a router already: a site has one"))
        routers[site] = Reach(site=site, address=entry["address"], name=str(entry.get("name", site)))
    if findings:
        raise Invalid(findings)
    return routers


def facts_from_json(data: Mapping[str, Any]) -> Facts:
    """What a router says of itself. Raises KeyError, ValueError, TypeError where it is not what the schema says."""
    ports = [
        CorePort(
            link=LinkId(str(port["link"])),
            interface=str(port["interface"]),
            function=int(port["function"]),
            capacity_gbps=int(port["capacity-kbps"]) / 1e6,
        )
        for port in data.get("core-port", ())
    ]
    return Facts(
        site=SiteId(str(data["site"])),
        node=int(data["node-id"]),
        rate_scale=float(data["rate-scale"]),
        core=MappingProxyType({port.link: port for port in ports}),
    )


def _wrong(place: str, message: str) -> Finding:
    return Finding(code="inventory", place=place, message=message)
