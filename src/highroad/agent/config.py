"""What an operator says of a router, in one YAML file: who it is, where it listens, its ports.

    router: {name: denver, site: denver, node: 7, sid_block: "fc00:0::/32", rate_scale: 0.001}
    listen: ["unix:/run/highroad/denver.sock", "[fc00:0:7::1]:9339"]
    tls: {certificate: denver.crt, key: denver.key, authority: ca.crt, revoked: crl.pem}
    state: /var/lib/highroad-agent
    igp: bird
    core_ports:
      - {interface: eth1, link: "denver>boise", address: "fd00:1::1/127", neighbour: "fd00:1::", capacity_gbps: 400,
         latency_ms: 5.1}
    customer_ports:
      - {port: acme-denver, interface: eth3}

    measure: {interval_ms: 100, key: measure.key}
    watch: {interval_ms: 5, missed: 3, key: watch.key}

What services it carries is not here: the controller says that. Paths may be relative to the file. Everything that is
wrong is told at once, each with its line. What only the kernel can know (whether an interface is there, its MTU) is
looked at in `host`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from functools import cache
from ipaddress import IPv6Network
from pathlib import Path
from socket import AF_INET6, inet_ntop
from types import MappingProxyType

from highroad.agent.yamlform import Part, Reader
from highroad.errors import Finding, Invalid
from highroad.gnmi.router import ADJACENCY_FUNCTIONS, NODE_IDS

MAX_BYTES = 1_000_000


class Igp(StrEnum):
    """What makes the routers reach each other: BIRD, run by the agent; or nothing, where the host does it itself."""

    BIRD = "bird"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """The files of mutual TLS: who we are, and who may talk to us."""

    certificate: Path
    key: Path
    authority: Path
    revoked: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CorePort:
    """An interface towards a neighbour, and the directed link that leaves by it. `function` is its adjacency SID."""

    interface: str
    link: str
    address: str
    prefix_len: int
    neighbour: str
    capacity_gbps: float
    latency_ms: float
    function: int
    light_ms: float = 0.0
    """How long what arrives is held back after the kernel has stamped it: 0 but in a lab."""
    key: Path | None = None
    """The file with the key that the neighbour has as well; else it is drawn from `watch.key`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """How paths are measured: a packet each `interval_ms` on each, 0 for none, and at most `most_per_s` in all; on
    which UDP port others' are answered, and how often at most; the file with the key of all routers; and, where the
    operator vouches for it, how far the clock may be off.
    """

    interval_ms: int = 100
    most_per_s: float = 100.0
    most_answers_per_s: int = 2000
    port: int = 862
    key: Path | None = None
    clock_error_us: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """How neighbours are watched: a hello each `interval_ms`, so many missed are a cut, so great a share lost is as
    good as one; a link that is well again for `hold_up_s` is up. Without `hellos` only light is known. `key` is the
    file with the key of all routers.
    """

    hellos: bool = True
    interval_ms: float = 5.0
    missed: int = 3
    loss: float = 0.1
    hold_up_s: float = 1.0
    key: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentConfig:
    """A router, as its operator has it. `sid_block` is a /32 as text; `rate_scale` is what 1 Gbit/s is carried as."""

    name: str
    site: str
    node: int
    sid_block: str
    rate_scale: float
    listen: tuple[str, ...]
    tls: Tls
    state: Path
    igp: Igp
    core_ports: tuple[CorePort, ...]
    customer_ports: Mapping[str, str]
    measure: Measure = field(default_factory=Measure)
    watch: Watched = field(default_factory=Watched)

    @property
    def locator(self) -> str:
        """The prefix of all that this router answers to: block:node::/48."""
        return locator_of(self.sid_block, self.node)

    @property
    def node_sid(self) -> str:
        """block:node::, which ends at this router wherever it stands in a list."""
        return address_in(self.sid_block, self.node)

    @property
    def loopback(self) -> str:
        """The router's own address: block:node::1."""
        return loopback_of(self.sid_block, self.node)

    def sid(self, *functions: int) -> str:
        """The address that carries these micro SIDs, in this order: at most six."""
        return address_in(self.sid_block, *functions)


def address_in(block: str, *micro_sids: int) -> str:
    """An address of the block that carries these 16-bit micro SIDs: `fc00:0:e000:e001:7::`."""
    if len(micro_sids) > 6:
        raise ValueError(f"{len(micro_sids)} micro SIDs do not fit into the 96 bits after the block")
    packed = _network(block)
    for place, micro_sid in enumerate(micro_sids):
        packed |= micro_sid << (80 - 16 * place)
    return _text(packed)


def locator_of(block: str, node: int) -> str:
    """The locator of any router of the block."""
    return f"{address_in(block, node)}/48"


def loopback_of(block: str, node: int) -> str:
    """The loopback of any router of the block."""
    return _text(_network(block) | node << 80 | 1)


def read_config(path: Path) -> AgentConfig:
    """The configuration in a file. Raises Invalid with everything that is wrong with it."""
    config, findings = look_at(path)
    if config is None or findings:
        raise Invalid(findings)
    return config


def look_at(path: Path) -> tuple[AgentConfig | None, list[Finding]]:
    """What there is of a configuration in a file, and everything that is wrong with it: see `draft`."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        reason = f"cannot be read: {error.strerror}"
        return None, [Finding(code="no-file", place=str(path), message=reason)]
    if len(raw) > MAX_BYTES:
        return None, [Finding(code="too-large", place=str(path), message="is over 1 MB; a router's file is a few kB")]
    return draft(raw.decode("utf-8", "replace"), path.parent.absolute())


def parse_config(text: str, folder: Path) -> tuple[AgentConfig | None, list[Finding]]:
    """The configuration in a text, or everything that is wrong with it. `folder` is what its paths are relative to."""
    config, findings = draft(text, folder)
    return (None if findings else config), findings


def draft(text: str, folder: Path) -> tuple[AgentConfig | None, list[Finding]]:
    """What there is of a configuration in a text, with something harmless in place of what is wrong, and all of that;
    None for a text that is none as a whole.
    """
    read = Reader(text)
    top = read.top(("router", "listen", "tls", "state", "igp", "core_ports", "customer_ports", "measure", "watch"))
    router = top.mapping("router", ("name", "site", "node", "sid_block", "rate_scale"))
    name = router.name("name")
    block = router.block("sid_block", default="fc00:0::/32")
    tls = top.mapping("tls", ("certificate", "key", "authority", "revoked"))
    core = tuple(
        CorePort(
            interface=port.interface("interface"),
            link=port.text("link"),
            address=(own := port.host_address("address", outside=block))[0],
            prefix_len=own[1],
            neighbour=port.neighbour("neighbour", own),
            capacity_gbps=port.number("capacity_gbps", above=0.0, most=1e6),
            latency_ms=port.number("latency_ms", above=0.0, most=10_000.0),
            function=ADJACENCY_FUNCTIONS[index],
            light_ms=port.number("light_ms", above=0.0, most=10_000.0) if port.has("light_ms") else 0.0,
            key=port.path("key", folder) if port.has("key") else None,
        )
        for index, port in enumerate(top.entries("core_ports", _CORE_PORT, most=len(ADJACENCY_FUNCTIONS)))
    )
    customers = [
        (port.text("port"), port.interface("interface"))
        for port in top.entries("customer_ports", ("port", "interface"), required=False)
    ]
    config = AgentConfig(
        name=name,
        site=router.name("site") if router.has("site") else name,
        node=router.whole("node", NODE_IDS[0], NODE_IDS[-1]),
        sid_block=block,
        rate_scale=router.number("rate_scale", above=0.0, most=1000.0, default=1.0),
        listen=top.listeners("listen"),
        tls=Tls(
            certificate=tls.path("certificate", folder),
            key=tls.path("key", folder),
            authority=tls.path("authority", folder),
            revoked=tls.path("revoked", folder) if tls.has("revoked") else None,
        ),
        state=top.path("state", folder, default="/var/lib/highroad-agent"),
        igp=Igp(top.one_of("igp", tuple(Igp), default=Igp.BIRD)),
        core_ports=core,
        customer_ports=MappingProxyType(dict(customers)),
        measure=_measure(top, folder) if top.has("measure") else Measure(),
        watch=_watched(top, folder) if top.has("watch") else Watched(),
    )
    top.unique("core_ports", "interface", [port.interface for port in core])
    top.unique("core_ports", "link", [port.link for port in core])
    top.unique("core_ports", "address", [port.address for port in core])
    top.unique("customer_ports", "port", [port for port, _ in customers])
    taken = [port.interface for port in core]
    top.unique("customer_ports", "interface", [interface for _, interface in customers], before=taken)
    findings = read.found()
    return (config if all(finding.place for finding in findings) else None), findings


def _measure(top: Part, folder: Path) -> Measure:
    told = top.mapping("measure", tuple(one.name for one in fields(Measure)))
    default = Measure()
    return Measure(
        interval_ms=told.whole("interval_ms", 0, 60_000) if told.has("interval_ms") else default.interval_ms,
        most_per_s=told.number("most_per_s", above=0.0, most=10_000.0, default=default.most_per_s),
        most_answers_per_s=told.whole("most_answers_per_s", 1, 100_000)
        if told.has("most_answers_per_s")
        else default.most_answers_per_s,
        port=told.whole("port", 1, 65_535) if told.has("port") else default.port,
        key=told.path("key", folder) if told.has("key") else None,
        clock_error_us=told.number("clock_error_us", above=0.0, most=1e9) if told.has("clock_error_us") else None,
    )


def _watched(top: Part, folder: Path) -> Watched:
    told = top.mapping("watch", tuple(one.name for one in fields(Watched)))
    default = Watched()
    return Watched(
        hellos=told.one_of("hellos", ("on", "off"), default="on") == "on",
        interval_ms=told.number("interval_ms", above=0.9, most=10_000.0, default=default.interval_ms),
        missed=told.whole("missed", 2, 255) if told.has("missed") else default.missed,
        loss=told.number("loss", above=0.0, most=1.0, default=default.loss),
        hold_up_s=told.number("hold_up_s", above=0.0, most=3_600.0, default=default.hold_up_s),
        key=told.path("key", folder) if told.has("key") else None,
    )


_CORE_PORT = ("interface", "link", "address", "neighbour", "capacity_gbps", "latency_ms", "light_ms", "key")


@cache
def _network(block: str) -> int:
    return int(IPv6Network(block).network_address)


def _text(packed: int) -> str:
    return inet_ntop(AF_INET6, packed.to_bytes(16, "big"))
