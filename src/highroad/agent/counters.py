"""What the kernel counts of services, classes, links and SIDs: read at one instant, summed over restarts.

The kernel holds the counters, so that an agent's restart costs nothing. What an object had counted that is made anew (a
list that a policy has no more, an interface that came back) is kept in a file beside the journal, with the epoch: when
counting began. Where that file is lost, another epoch begins at zero.

A customer's bytes are those of its packets (of `ip` services) or frames without their 14 bytes of header: what the
queues count, less that header. Bytes of packets that were dropped are reckoned at the mean size of those that were not,
since queues count drops in packets only.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from highroad.agent import numbers as n
from highroad.agent.config import AgentConfig
from highroad.agent.ledger import Ledger, Numbers
from highroad.agent.rates import ETHERNET_BYTES
from highroad.agent.selection import preferred
from highroad.agent.wanted import interface_of
from highroad.gnmi.router import Intended
from highroad.model.service import ServiceKind
from highroad.netlink import link, qdisc, tally
from highroad.netlink.kernel import Kernel
from highroad.netlink.qdisc import handle
from highroad.netlink.seg6 import Seg6Local

VERSION = 1

_CLSACT_HANDLE = 0xFFFF_0000
_COUNTING_QUEUE = handle(0x48)
_AF_INET6 = 10
_BEHAVIOURS = {"End.X": "uA", "End.DX4": "uDX4", "End.DX6": "uDX6", "End.DT6": "uDT6"}

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """Bytes and packets that went through."""

    octets: int = 0
    packets: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceCount:
    """What entered a policy: sent on (in all, and along each list in use), waiting, dropped for its rate."""

    carried: Passed
    lists: tuple[Passed, ...]
    waiting: Passed
    lost: Passed


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachmentCount:
    """What came from a customer and went to it, with what the router itself says on that wire (ARP, neighbour
    discovery); and packets that may not enter and did not.
    """

    received: Passed
    delivered: Passed
    refused_packets: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PortCount:
    """What a core port received and sent, with every header; of each class what was sent, and packets dropped."""

    received: Passed
    sent: Passed
    received_dropped: int
    sent_dropped: int
    classes: Mapping[str, tuple[Passed, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SidCount:
    """What was done at a SID of this router, and what could not be."""

    sid: str
    behaviour: str
    passed: Passed
    errors: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Plan:
    """Which object of the kernel counts what, for what the router is told and the interfaces that it has."""

    intended: Intended
    devices: Mapping[str, int]
    attachments: Mapping[int, str]
    shaped: Mapping[int, Mapping[int, str]]
    """By device and class: the name of the list in the ledger."""
    lists: Mapping[str, tuple[str, ...]]
    core: Mapping[int, str]


class Counters:
    """One router's counters. Blocking, and for the thread that has the kernel; `devices` knows interfaces by name."""

    def __init__(
        self, kernel: Kernel, config: AgentConfig, devices: Callable[[], Mapping[str, int]], *, now_s: float
    ) -> None:
        self._kernel = kernel
        self._config = config
        self._devices = devices
        self._file = config.state / "counters.json"
        self._waiting: dict[str, tuple[int, int]] = {}
        self._plan: _Plan | None = None
        self.epoch = int(now_s)
        self.notes: dict[str, Any] = {}
        """What else is to be remembered with them."""
        self._ledger = self._loaded()

    # --- reading --------------------------------------------------------------------------------------------

    def read(self, intended: Intended, *, interfaces: bool = False) -> None:
        """Take the counters of services and core ports now; with `interfaces` what attachments received, too."""
        plan = self._planned(intended)
        readings: dict[str, Numbers] = {}
        waiting: dict[str, tuple[int, int]] = {}
        for dev, names in plan.shaped.items():
            for one in tally.queues(self._kernel.bodies(qdisc.dump_classes(dev))):
                name = names.get(one.handle)
                if name is not None:
                    readings[name] = one.bytes, one.packets, one.drops
                    waiting[name] = one.backlog_bytes, one.backlog_packets
        if plan.attachments:
            self._queues(plan, readings)
        self._core(plan, readings, every=interfaces)
        self._waiting = waiting
        self._ledger.read(readings)

    def service(self, service: str) -> ServiceCount:
        """Of a service that has a policy here, as last read."""
        names = self._plan.lists.get(service, ()) if self._plan is not None else ()
        totals = [self._ledger.total(name, 3) for name in names]
        before = self._ledger.total(f"gone/{service}", 3)
        packets = sum(total[1] for total in totals) + before[1]
        octets = sum(total[0] for total in totals) + before[0] - ETHERNET_BYTES * packets
        lost = sum(total[2] for total in totals) + before[2]
        waits = [self._waiting.get(name, (0, 0)) for name in names]
        return ServiceCount(
            carried=Passed(octets=octets, packets=packets),
            lists=tuple(_customers(total[0], total[1]) for total in totals),
            waiting=_customers(sum(one[0] for one in waits), sum(one[1] for one in waits)),
            lost=Passed(octets=round(lost * octets / packets) if packets else 0, packets=lost),
        )

    def attachment(self, attachment: str) -> AttachmentCount:
        """Of an attachment, as last read."""
        return AttachmentCount(
            received=_customers(*self._ledger.total(f"in/{attachment}", 2)),
            delivered=_customers(*self._ledger.total(f"out/{attachment}", 2)),
            refused_packets=self._ledger.total(f"refused/{attachment}", 1)[0],
        )

    def port(self, interface: str) -> PortCount:
        """Of a core port, as last read."""
        rx_bytes, rx_packets, tx_bytes, tx_packets, rx_dropped, tx_dropped = self._ledger.total(f"port/{interface}", 6)
        classes: dict[str, tuple[Passed, int]] = {}
        for minor, name in _CLASS_NAMES.items():
            octets, packets, drops = self._ledger.total(f"class/{interface}/{minor}", 3)
            classes[name] = Passed(octets=octets, packets=packets), drops
        return PortCount(
            received=Passed(octets=rx_bytes, packets=rx_packets),
            sent=Passed(octets=tx_bytes, packets=tx_packets),
            received_dropped=rx_dropped,
            sent_dropped=tx_dropped,
            classes=classes,
        )

    def sids(self) -> list[SidCount]:
        """Of every SID of this router, now."""
        found: dict[str, tuple[str, Numbers]] = {}
        for route in self._kernel.routes(_AF_INET6, n.TABLE_MAIN, protocol=n.PROTOCOL):
            if isinstance(route.encap, Seg6Local):
                behaviour = _BEHAVIOURS.get(route.encap.action, route.encap.action)
                found[f"sid/{route.dst}"] = behaviour, route.encap.counters or (0, 0, 0)
        self._ledger.read({name: numbers for name, (_, numbers) in found.items()})
        counted = []
        for name, (behaviour, _) in found.items():
            packets, octets, errors = self._ledger.total(name, 3)
            passed = Passed(octets=octets, packets=packets)
            counted.append(SidCount(sid=name[4:], behaviour=behaviour, passed=passed, errors=errors))
        return counted

    # --- what lasts -----------------------------------------------------------------------------------------

    def before(self, old: Intended, new: Intended) -> None:
        """A change is about to be made: count, durably, what it takes away from services that stay."""
        if any(_loses(self._config, old, new, service) for service in old.policies):
            self.read(old)
            self.write()

    def after(self, old: Intended, new: Intended) -> None:
        """A change was made: what is withdrawn begins at zero if it ever comes again."""
        for service in old.policies.keys() - new.policies.keys():
            for index in range(_lists(old, service)):
                self._ledger.forget(f"list/{service}/{index}")
            self._ledger.forget(f"gone/{service}")
        for attachment in old.attachments.keys() - new.attachments.keys():
            for kind in ("in", "out", "refused"):
                self._ledger.forget(f"{kind}/{attachment}")

    def write(self) -> None:
        """Keep the sums for the next life. What the disk does not take is said, and tried again."""
        kept = {
            "version": VERSION,
            "epoch": self.epoch,
            "kernel": _kernel_identity(),
            "notes": self.notes,
            "sums": self._ledger.kept(),
        }
        beside = self._file.with_suffix(".new")
        try:
            beside.write_text(json.dumps(kept, separators=(",", ":")))
            beside.rename(self._file)
        except OSError as error:
            _log.error("the sums of the counters cannot be kept: %s", error)

    def _loaded(self) -> Ledger:
        try:
            kept = json.loads(self._file.read_text())
            if kept["version"] == VERSION:
                ledger = Ledger(kept["sums"], same_kernel=kept["kernel"] == _kernel_identity())
                self.epoch, self.notes = int(kept["epoch"]), dict(kept["notes"])
                return ledger
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            _log.warning("%s cannot be read (%s): counters begin at zero, in a new epoch", self._file, error)
        return Ledger()

    # --- inside ---------------------------------------------------------------------------------------------

    def _queues(self, plan: _Plan, readings: dict[str, Numbers]) -> None:
        for one in tally.queues(self._kernel.bodies(qdisc.dump_qdiscs())):
            attachment = plan.attachments.get(one.dev)
            if attachment is None:
                continue
            if one.handle == _COUNTING_QUEUE:
                readings[f"out/{attachment}"] = one.bytes, one.packets
            elif one.handle == _CLSACT_HANDLE:
                readings[f"refused/{attachment}"] = (one.drops,)

    def _core(self, plan: _Plan, readings: dict[str, Numbers], *, every: bool) -> None:
        if every and plan.attachments:
            bodies = self._kernel.bodies(link.dump_links())
        else:
            bodies = [body for name in plan.core.values() if (body := self._kernel.link_body(name)) is not None]
        for one in tally.links(bodies):
            if one.dev in plan.core:
                readings[f"port/{plan.core[one.dev]}"] = (
                    *(one.rx_bytes, one.rx_packets, one.tx_bytes, one.tx_packets),
                    *(one.rx_dropped, one.tx_dropped),
                )
            elif one.dev in plan.attachments:
                readings[f"in/{plan.attachments[one.dev]}"] = one.rx_bytes, one.rx_packets
        for dev, interface in plan.core.items():
            for queue in tally.queues(self._kernel.bodies(qdisc.dump_classes(dev))):
                minor = queue.handle & 0xFFFF
                if minor in _CLASS_NAMES:
                    readings[f"class/{interface}/{minor}"] = queue.bytes, queue.packets, queue.drops

    def _planned(self, intended: Intended) -> _Plan:
        devices = self._devices()
        plan = self._plan
        if plan is None or plan.intended is not intended or plan.devices is not devices:
            plan = self._plan = _plan(self._config, intended, devices)
            self._settle(plan)
        return plan

    def _settle(self, plan: _Plan) -> None:
        """What is counted under names that nothing has any more goes to the service that had it, or away."""
        lists = {name for names in plan.lists.values() for name in names}
        for name in self._ledger.names():
            kind, _, rest = name.partition("/")
            if kind == "list" and name not in lists:
                service = rest.rpartition("/")[0]
                if service in plan.intended.policies:
                    self._ledger.fold(name, f"gone/{service}")
                else:
                    self._ledger.forget(name)
            elif (kind == "gone" and rest not in plan.intended.policies) or (
                kind in ("in", "out", "refused") and rest not in plan.intended.attachments
            ):
                self._ledger.forget(name)


_CLASS_NAMES = MappingProxyType(
    {minor: "control" if name is None else str(name.value) for name, minor in n.CORE_CLASSES.items()}
    | {minor: f"{name.value}-burst" for name, minor in n.EXCESS_CLASSES.items()}
)


def _plan(config: AgentConfig, intended: Intended, devices: Mapping[str, int]) -> _Plan:
    attachments: dict[int, str] = {}
    shaped: dict[int, dict[int, str]] = {}
    lists: dict[str, tuple[str, ...]] = {}
    for attachment in intended.attachments.values():
        dev = devices.get(interface_of(config, attachment) or "")
        if dev is not None:
            attachments[dev] = attachment.id
    for service, policy in intended.policies.items():
        attachment_ = intended.attachments.get(policy.attachment)
        if attachment_ is None:
            continue
        number = n.number_of(attachment_.function)
        device = n.SHAPER if attachment_.kind is ServiceKind.IP else n.vxlan_name(number)
        names = tuple(f"list/{service}/{index}" for index in range(_lists(intended, service)))
        lists[service] = names
        if device in devices:
            classes = shaped.setdefault(devices[device], {})
            for index, name in enumerate(names):
                classes[handle(1, n.class_minor(number, index))] = name
    core = {devices[port.interface]: port.interface for port in config.core_ports if port.interface in devices}
    return _Plan(intended=intended, devices=devices, attachments=attachments, shaped=shaped, lists=lists, core=core)


def _lists(intended: Intended, service: str) -> int:
    policy = intended.policies.get(service)
    return 0 if policy is None else len(preferred(policy).segment_lists)


def _loses(config: AgentConfig, old: Intended, new: Intended, service: str) -> bool:
    """Whether a change makes an object anew that counts for a service, or takes one away."""
    before, after = old.policies[service], new.policies.get(service)
    if after is before or after is None:
        return False
    was, now = old.attachments.get(before.attachment), new.attachments.get(after.attachment)
    if was is not None and now is not None and was is not now:
        moved = was.function != now.function or interface_of(config, was) != interface_of(config, now)
        if moved or was.kind is not now.kind:
            return True
    return _lists(old, service) > _lists(new, service)


def _customers(octets: int, packets: int) -> Passed:
    """Without the Ethernet header that the kernel counts with each packet."""
    return Passed(octets=octets - ETHERNET_BYTES * packets, packets=packets)


def _kernel_identity() -> str:
    """Which kernel's counters these are: of this boot, and of this network namespace."""
    boot = ""
    with contextlib.suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{os.stat('/proc/thread-self/ns/net').st_ino}"  # noqa: PTH116
