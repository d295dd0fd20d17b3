"""What this host lacks to be the router that its file describes: everything at once, a sentence each."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from highroad.agent.check import OUTER_BYTES, SEGMENT_BYTES
from highroad.agent.config import AgentConfig, Igp, look_at
from highroad.agent.keyfile import read_key
from highroad.errors import Finding, Invalid, Severity
from highroad.netlink import features
from highroad.netlink.kernel import Kernel

SHORT_LIST = 5
"""Segments that a core port should have room for beside a customer's packet, at least."""

PROGRAM_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def check(path: Path) -> list[Finding]:
    """Everything that is wrong with a file, and that this host lacks to be the router of it; nothing is changed.

    What the file says wrongly is not looked for on the host as well.
    """
    config, wrong = look_at(path)
    lacks = _kernel() if config is None else check_host(config)
    return [*wrong, *(one for one in lacks if not any(_inside(one.place, other.place) for other in wrong))]


def check_host(config: AgentConfig) -> list[Finding]:
    """Of the kernel, its interfaces, and the programs and files that the agent needs. Warnings forbid nothing."""
    found = [*_files(config), *_kernel()]
    with Kernel() as kernel:
        found += _interfaces(config, kernel)
    if config.igp is Igp.BIRD and shutil.which("bird", path=PROGRAM_PATH) is None:
        found.append(
            Finding(code="no-bird", place="igp", message="BIRD 2 is not installed: apt install bird2, or say igp: none")
        )
    return found


def _kernel() -> list[Finding]:
    return [Finding(code="kernel", place="", message=sentence) for sentence in features.missing()]


def _inside(place: str, other: str) -> bool:
    """Whether a place in a file is another one, or in it."""
    return bool(other) and (place == other or place.startswith((f"{other}.", f"{other}[")))


def _files(config: AgentConfig) -> Iterator[Finding]:
    for name in ("certificate", "key", "authority", "revoked"):
        path = getattr(config.tls, name)
        if path is None:
            continue
        try:
            path.read_bytes()
        except OSError as error:
            message = f"{path} cannot be read: {error.strerror}; `highroad pki issue` makes these files"
            yield Finding(code="no-file", place=f"tls.{name}", message=message)
    keys = [("measure.key", config.measure.key), ("watch.key", config.watch.key)]
    keys += [(f"core_ports[{index}].key", port.key) for index, port in enumerate(config.core_ports)]
    for place, key in keys:
        if key is not None:
            try:
                read_key(key)
            except Invalid as error:
                yield from (replace(one, place=place, message=f"{one.place} {one.message}") for one in error.findings)


def _interfaces(config: AgentConfig, kernel: Kernel) -> Iterator[Finding]:
    links = {link.name: link for link in kernel.links(stats=False)}
    largest = 0
    for index, port in enumerate(config.core_ports):
        if port.interface not in links:
            message = f"there is no interface {port.interface}; there are {', '.join(sorted(links))}"
            yield Finding(code="interface-missing", place=f"core_ports[{index}].interface", message=message)
    for index, (name, interface) in enumerate(config.customer_ports.items()):
        if interface not in links:
            message = f"there is no interface {interface} for port {name}"
            yield Finding(code="interface-missing", place=f"customer_ports[{index}].interface", message=message)
        else:
            largest = max(largest, links[interface].mtu)
    needed = largest + OUTER_BYTES + SEGMENT_BYTES * SHORT_LIST
    for index, port in enumerate(config.core_ports):
        link = links.get(port.interface)
        if link is not None and largest and link.mtu < needed:
            message = (
                f"{port.interface} takes packets of {link.mtu} bytes; a customer's port takes {largest}, and its "
                f"packets get up to {needed - largest} bytes longer: set it to {needed} or more, at both ends, or the "
                f"customer's to {max(1280, link.mtu - needed + largest)}"
            )
            yield Finding(
                code="core-mtu", place=f"core_ports[{index}].interface", message=message, severity=Severity.WARNING
            )
