"""What a router tells of itself, as JSON: its own state tree, and OpenConfig's interfaces, system and SR-TE policies.

Each part is built by itself, so that a reader of one pays for no other. Counters are as last read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from highroad.agent.config import AgentConfig, CorePort, loopback_of
from highroad.agent.counters import AttachmentCount, Counters, Passed, PortCount, ServiceCount
from highroad.agent.headend import Headend, leaves_of
from highroad.agent.measure import Measurer
from highroad.agent.notices import Notices, PortLight
from highroad.agent.numbers import number_of
from highroad.agent.selection import preferred
from highroad.agent.wanted import Used, containers, interface_of
from highroad.gnmi import openconfig
from highroad.gnmi.router import Attachment, CandidatePath, Intended, Policy, SegmentList
from highroad.netlink.link import Link
from highroad.units import iso_from_s
from highroad.watch.talk import Reason


class State:
    """One router's state, read from what knows it."""

    def __init__(
        self, config: AgentConfig, counters: Counters, notices: Notices, headend: Headend, in_use: Used = preferred
    ) -> None:
        """`in_use` says which candidate path of a policy is in use."""
        self._config = config
        self._headend = headend
        self._in_use = in_use
        self._counters = counters
        self._notices = notices
        self._version = _version()
        self.measurer: Measurer | None = None
        """What measures paths, once it is there."""

    def interfaces_of(self, intended: Intended) -> frozenset[str]:
        """The interfaces that the router needs for what it is told: core ports, and customers'."""
        names = [interface_of(self._config, one) for one in intended.attachments.values()]
        return frozenset([*(port.interface for port in self._config.core_ports), *(name for name in names if name)])

    # --- our own tree ---------------------------------------------------------------------------------------

    def leaves(self, elections: Mapping[str, int]) -> dict[str, Any]:
        """What /router/state has besides its lists."""
        told: dict[str, Any] = {
            "site": self._config.site,
            "node-id": self._config.node,
            "sid-block": self._config.sid_block,
            "rate-scale": f"{self._config.rate_scale:.9f}".rstrip("0"),
            "software-version": self._version,
            "counter-epoch": str(self._counters.epoch),
        }
        if told["rate-scale"].endswith("."):
            told["rate-scale"] += "0"
        if elections:
            told["election-id"] = str(max(elections.values()))
        if avoided := self._headend.known.avoided:
            told["avoided-link"] = sorted(avoided)
        if reported := self._headend.known.reported:
            told["reported-link"] = sorted(reported)
        return told

    def core_ports(self) -> list[dict[str, Any]]:
        """The entries of /router/state/core-port."""
        return [self._core_port(port) for port in self._config.core_ports]

    def attachments(self, told: Iterable[Attachment]) -> list[dict[str, Any]]:
        """The entries of /router/state/attachment."""
        return [self._attachment(one) for one in told]

    def policies(self, intended: Intended, told: Iterable[Policy]) -> list[dict[str, Any]]:
        """The entries of /router/state/policy."""
        return [self._policy(intended, one) for one in told]

    def sids(self) -> list[dict[str, Any]]:
        """The entries of /router/state/sid."""
        return [
            {
                "sid": one.sid,
                "behaviour": one.behaviour,
                "counters": _texts(octets=one.passed.octets, pkts=one.passed.packets, errors=one.errors),
            }
            for one in self._counters.sids()
        ]

    def measured(self, name: str) -> Any:
        """/router/state/measurement or /router/state/reflector."""
        if self.measurer is None:
            return [] if name == "measurement" else {}
        return self.measurer.state() if name == "measurement" else self.measurer.reflector_state()

    # --- OpenConfig's ---------------------------------------------------------------------------------------

    def interfaces(self, links: Iterable[Link], intended: Intended) -> dict[str, Any]:
        """The content of /interfaces: core ports and customers' interfaces, with the kernel's own counters."""
        about = {port.interface: port.link for port in self._config.core_ports}
        for one in intended.attachments.values():
            about[interface_of(self._config, one) or ""] = one.id
        return openconfig.interfaces(
            openconfig.Interface(
                name=link.name,
                index=link.index,
                mtu_bytes=link.mtu,
                enabled=link.up,
                up=link.up and link.carrier,
                counters=_interface_counters(link),
                description=about[link.name],
                last_change_ns=light.since_ns if (light := self._notices.light.get(link.name)) is not None else None,
            )
            for link in links
            if link.name in about
        )

    def system(self, now_ns: int) -> dict[str, Any]:
        """The content of /system."""
        up_ns = round(float(Path("/proc/uptime").read_text().split()[0]) * 1e9)
        return openconfig.system(
            hostname=self._config.name,
            software_version=self._version,
            boot_time_ns=now_ns - up_ns,
            now_iso=iso_from_s(now_ns / 1e9),
            up_time_ns=up_ns,
        )

    def network_instances(self, intended: Intended) -> dict[str, Any]:
        """The content of /network-instances: every policy as an SR-TE policy, its colour the attachment's number."""
        policies = [
            self._te_policy(intended, one)
            for one in intended.policies.values()
            if one.attachment in intended.attachments
        ]
        return openconfig.network_instances(policies, originator=self._config.loopback)

    # --- entries --------------------------------------------------------------------------------------------

    def _core_port(self, port: CorePort) -> dict[str, Any]:
        link = self._notices.link(port.interface)
        counted = self._counters.port(port.interface)
        told = {
            "interface": port.interface,
            "link": port.link,
            "neighbour": port.neighbour,
            "function": port.function,
            **light_leaves(self._notices.port(port.interface)),
            "capacity-kbps": str(round(port.capacity_gbps * 1e6)),
            "counters": _port_counters(counted),
            "class": [
                {
                    "name": name,
                    "counters": _texts(octets=passed.octets, pkts=passed.packets, **{"discarded-pkts": dropped}),
                }
                for name, (passed, dropped) in counted.classes.items()
            ],
        }
        if link is not None:
            told["mtu"] = link.mtu
        return told

    def _attachment(self, one: Attachment) -> dict[str, Any]:
        interface = interface_of(self._config, one)
        told: dict[str, Any] = {"id": one.id}
        if interface is not None:
            told["interface"] = interface
        told["oper-status"] = _status(self._is_lit(interface))
        told["counters"] = _attachment_counters(self._counters.attachment(one.id))
        return told

    def _policy(self, intended: Intended, one: Policy) -> dict[str, Any]:
        counted = self._counters.service(one.service)
        return {
            "service": one.service,
            "oper-status": _status(self._leads(intended, one)),
            "active-preference": self._in_use(one).preference,
            **({} if (flip := self._headend.flips.get(one.service)) is None else leaves_of(flip)),
            "counters": _service_counters(counted),
            "segment-list": [
                {
                    "index": index,
                    "counters": _texts(**{"carried-octets": passed.octets, "carried-pkts": passed.packets}),
                }
                for index, passed in enumerate(counted.lists)
            ],
        }

    def _te_policy(self, intended: Intended, one: Policy) -> openconfig.TePolicy:
        color = number_of(intended.attachments[one.attachment].function)
        counted = self._counters.service(one.service)
        active = self._in_use(one)
        lists = {id(segments): passed for segments, passed in _carried_by(active, counted)}
        paths = []
        number = color << 8
        for candidate in one.candidate_paths:
            told = []
            for segments in candidate.segment_lists:
                passed = lists.get(id(segments)) if candidate is active else None
                told.append(
                    openconfig.SegmentList(
                        id=number,
                        weight=segments.weight,
                        sids=containers(self._config, segments, one.remote_function),
                        out_octets=passed.octets if passed is not None else 0,
                        out_pkts=passed.packets if passed is not None else 0,
                    )
                )
                number += 1
            paths.append(
                openconfig.CandidatePath(
                    preference=candidate.preference, active=candidate is active, segment_lists=tuple(told)
                )
            )
        return openconfig.TePolicy(
            color=color,
            endpoint=loopback_of(self._config.sid_block, one.remote_node),
            name=one.service,
            active=self._leads(intended, one),
            in_octets=counted.carried.octets + counted.waiting.octets + counted.lost.octets,
            in_pkts=counted.carried.packets + counted.waiting.packets + counted.lost.packets,
            out_octets=counted.carried.octets,
            out_pkts=counted.carried.packets,
            candidate_paths=tuple(paths),
        )

    def _is_lit(self, interface: str | None) -> bool:
        link = None if interface is None else self._notices.link(interface)
        return link is not None and link.up and link.carrier

    def _leads(self, intended: Intended, one: Policy) -> bool:
        """Whether what enters leaves by a port with light: more is for the controller to know."""
        attachment = intended.attachments.get(one.attachment)
        if attachment is None or not self._is_lit(interface_of(self._config, attachment)):
            return False
        lit = {port.function for port in self._config.core_ports if self._notices.light[port.interface].up}
        return any(segments.functions[0] in lit for segments in self._in_use(one).segment_lists)


def _carried_by(path: CandidatePath, counted: ServiceCount) -> list[tuple[SegmentList, Passed]]:
    """What went along each list of the path in use; where places are spread over its lists, by their weights."""
    lists = path.segment_lists
    if len(lists) == len(counted.lists):
        return list(zip(lists, counted.lists, strict=True))
    octets, packets = (sum(getattr(one, name) for one in counted.lists) for name in ("octets", "packets"))
    weights = sum(one.weight for one in lists)
    return [
        (one, Passed(octets=octets * one.weight // weights, packets=packets * one.weight // weights)) for one in lists
    ]


def light_leaves(light: PortLight) -> dict[str, Any]:
    """How /router/state/core-port tells of light, and of the neighbour."""
    told: dict[str, Any] = {"oper-status": _status(light.up)}
    if not light.up:
        told["down-since"] = str(light.since_ns)
        told["down-reason"] = (light.reason or Reason.LIGHT).value
        if light.repaired_ns is not None:
            told["repaired-at"] = str(light.repaired_ns)
    if light.loss is not None:
        told["hello-loss"] = f"{100 * light.loss:.1f}"
    return told


LIGHT_LEAVES = ("oper-status", "down-since", "down-reason", "repaired-at", "hello-loss")
"""All that `light_leaves` may tell."""


def _status(up: bool) -> str:
    return "UP" if up else "DOWN"


def _service_counters(one: ServiceCount) -> dict[str, str]:
    offered = one.carried.octets + one.waiting.octets + one.lost.octets
    offered_packets = one.carried.packets + one.waiting.packets + one.lost.packets
    return _texts(
        **{
            "offered-octets": offered,
            "offered-pkts": offered_packets,
            "carried-octets": one.carried.octets,
            "carried-pkts": one.carried.packets,
            "lost-octets": one.lost.octets,
            "lost-pkts": one.lost.packets,
        }
    )


def _attachment_counters(one: AttachmentCount) -> dict[str, str]:
    return _texts(
        **{
            "received-octets": one.received.octets,
            "received-pkts": one.received.packets,
            "delivered-octets": one.delivered.octets,
            "delivered-pkts": one.delivered.packets,
            "refused-pkts": one.refused_packets,
        }
    )


def _port_counters(one: PortCount) -> dict[str, str]:
    return _texts(
        **{
            "in-octets": one.received.octets,
            "in-pkts": one.received.packets,
            "out-octets": one.sent.octets,
            "out-pkts": one.sent.packets,
            "in-discards": one.received_dropped,
            "out-discards": one.sent_dropped + sum(dropped for _, dropped in one.classes.values()),
        }
    )


def _interface_counters(link: Link) -> dict[str, int]:
    if link.stats is None:
        return {}
    return {
        "in-octets": link.stats.rx_bytes,
        "in-pkts": link.stats.rx_packets,
        "in-errors": link.stats.rx_errors,
        "in-discards": link.stats.rx_dropped,
        "out-octets": link.stats.tx_bytes,
        "out-pkts": link.stats.tx_packets,
        "out-errors": link.stats.tx_errors,
        "out-discards": link.stats.tx_dropped,
    }


def _texts(**numbers: int) -> dict[str, str]:
    """64-bit numbers are strings in JSON (RFC 7951)."""
    return {name: str(value) for name, value in numbers.items()}


def _version() -> str:
    try:
        return version("highroad")
    except PackageNotFoundError:
        return "unknown"
