"""Brings the kernel from one state to another, all or nothing: built beside the old, entered with one message, then
the old is collected; undone where the kernel refuses.

The kernel has no transaction across routes, queues and programs. But it works through a message batch before the
call returns, and a process cannot be killed in the middle of that: so everything that traffic sees is in one batch.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import groupby

from highroad.agent.kernelstate import PIVOT, Gate, Kept, Key, PortState, Program, Stage, State, Thing, Tunnel
from highroad.agent.numbers import PROTOCOL
from highroad.errors import Unavailable
from highroad.netlink import address, bpf, bpf_syscall, link, neighbour, nexthop, qdisc, route, rule
from highroad.netlink import filter as filters
from highroad.netlink.address import Address
from highroad.netlink.bpf_syscall import ProgramRefused
from highroad.netlink.filter import U32, BpfFilter
from highroad.netlink.kernel import Kernel, KernelRefused
from highroad.netlink.message import Message
from highroad.netlink.neighbour import Neighbour
from highroad.netlink.nexthop import Nexthop, NexthopGroup
from highroad.netlink.qdisc import EGRESS, INGRESS, Clsact, Fifo, Htb, HtbClass
from highroad.netlink.route import Route
from highroad.netlink.rule import Rule

GONE = frozenset({errno.ENOENT, errno.ESRCH, errno.ENODEV, errno.EADDRNOTAVAIL, errno.EINVAL, errno.ENXIO})
"""What the kernel says of something that is to be unmade and went by itself (its interface did)."""

Step = Callable[[str], None]
"""Called before each step with its name: where a test kills the process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What separates two states: keys that are only in the new, only in the old, and in both with other content."""

    added: tuple[Key, ...]
    removed: tuple[Key, ...]
    changed: tuple[Key, ...]

    def __len__(self) -> int:
        return len(self.added) + len(self.removed) + len(self.changed)


def difference(have: State, want: State) -> Difference:
    """In the order in which things are made; what is removed in the opposite one."""
    added = [key for key in want if key not in have]
    changed = [key for key, thing in want.items() if key in have and have[key] != thing]
    removed = [key for key in have if key not in want]
    added.sort(key=_stage)
    changed.sort(key=_stage)
    removed.sort(key=_stage)
    return Difference(added=tuple(added), removed=tuple(reversed(removed)), changed=tuple(changed))


def execute(kernel: Kernel, have: State, want: State, step: Step = lambda _: None) -> int:
    """Go from one state to the other; returns how many messages it took. Raises Unavailable, and then the kernel is
    as it was.
    """
    plan = difference(have, want)
    if not len(plan):
        return 0
    with Programs() as programs:
        built: list[Key] = []
        try:
            step("build")
            messages = 0
            for stage, keys in _lots(key for key in plan.added if _stage(key) < PIVOT):
                messages += len(keys)
                answers = kernel.try_all([programs.made(want[key]) for key in keys])
                built += [key for key, refusal in zip(keys, answers, strict=True) if refusal is None]
                step(f"built {stage.name}")
                for refusal in answers:
                    if refusal is not None:
                        raise refusal
            for key in plan.changed:
                if isinstance(want[key], Tunnel):
                    kernel.do([programs.unmade(have[key]), programs.made(want[key])])
                    messages += 2
            pivot = list(_pivot(programs, plan, have, want))
            programs.hold(have[key] for key in (*plan.changed, *plan.removed))
            step("pivot")
            messages += len(pivot)
            _enter(kernel, programs, pivot, plan, have, want)
        except Lost as error:
            # What was built may be in use: it is left to the next comparison.
            raise Unavailable(f"the kernel's answer was lost, and it was put back: {error}") from error
        except (KernelRefused, ProgramRefused, OSError) as error:
            _unmake(kernel, programs, reversed(built), want)
            raise Unavailable(f"the kernel did not take it, and is as it was: {error}") from error
        step("collect")
        collected = [key for key in plan.removed if _stage(key) < PIVOT]
        _unmake(kernel, programs, collected, have, step)
        step("done")
        return messages + len(collected)


class Programs:
    """Turns things into messages, and keeps the programs that they carry loaded until the kernel has them."""

    def __init__(self) -> None:
        self._loaded: dict[str, int] = {}

    def __enter__(self) -> Programs:
        return self

    def __exit__(self, *_: object) -> None:
        for fd in self._loaded.values():
            os.close(fd)

    def made(self, thing: Thing) -> Message:
        """The message that makes a thing, or puts it where another content of it was."""
        match thing:
            case Tunnel():
                return link.vxlan(thing.name, vni=thing.vni, local=thing.local, remote=thing.remote, mtu=thing.mtu)
            case Htb() | Clsact() | Fifo() | HtbClass():
                return qdisc.replace(thing)
            case Address():
                return address.replace(thing)
            case Nexthop() | NexthopGroup():
                return nexthop.replace(thing)
            case Route():
                return route.replace(thing)
            case Rule():
                return rule.create(thing)
            case Gate():
                return filters.replace(self._filter(thing))
            case U32():
                return filters.create(thing)
            case PortState():
                return link.set_link(thing.dev, mtu=thing.mtu, up=thing.up)
            case Kept():
                return neighbour.keep(thing.dev, thing.address, PROTOCOL)

    def unmade(self, thing: Thing) -> Message:
        """The message that takes a thing away."""
        match thing:
            case Tunnel():
                return link.delete_link_named(thing.name)
            case Htb() | Clsact() | Fifo() | HtbClass():
                return qdisc.delete(thing)
            case Address():
                return address.delete(thing)
            case Nexthop() | NexthopGroup():
                return nexthop.delete(thing)
            case Route():
                return route.delete(thing)
            case Rule():
                return rule.delete(thing)
            case Gate():
                return filters.delete(_bpf(thing))
            case U32():
                return filters.delete(thing)
            case PortState():
                return link.set_link(thing.dev, up=False)
            case Kept():
                return neighbour.delete(Neighbour(index=thing.dev, address=thing.address, link_address=""))

    def _filter(self, gate: Gate) -> BpfFilter:
        name = gate.program.name
        if name not in self._loaded:
            self._loaded[name] = _load(gate.program)
        return _bpf(gate, self._loaded[name])

    def hold(self, things: Iterable[Thing]) -> None:
        """Keep programs that were read back: the kernel forgets them once they are nowhere in use."""
        for thing in things:
            if isinstance(thing, Gate) and thing.program.number and thing.program.name not in self._loaded:
                self._loaded[thing.program.name] = bpf_syscall.open_program(thing.program.number)


def _load(program: Program) -> int:
    """Load a program, with a map of its own where it wants one."""
    if not program.meters:
        return bpf_syscall.load(program.code, bpf_syscall.SCHED_CLS, program.name)
    held = bpf_syscall.create_map(bpf_syscall.ARRAY, key_size=4, value_size=8, entries=program.meters)
    try:
        return bpf_syscall.load(bpf.with_map(program.code, held), bpf_syscall.SCHED_CLS, program.name)
    finally:
        os.close(held)  # the program has it


def _bpf(gate: Gate, fd: int = -1) -> BpfFilter:
    return BpfFilter(
        index=gate.dev, parent=INGRESS if gate.ingress else EGRESS, priority=1, name=gate.program.name, fd=fd
    )


def _pivot(programs: Programs, plan: Difference, have: State, want: State) -> Iterable[tuple[Message, Key]]:
    """What traffic sees, in one batch: what goes is closed first, then what changes and comes, then the rest goes."""
    gone = [key for key in plan.removed if _stage(key) >= PIVOT]
    for key in gone:
        if _stage(key) is Stage.PORT:
            yield programs.unmade(have[key]), key
    for key in plan.changed:
        thing = want[key]
        if isinstance(thing, Tunnel):
            continue
        if isinstance(thing, U32 | Rule):
            yield programs.unmade(have[key]), key
        yield programs.made(thing), key
    for key in plan.added:
        if _stage(key) >= PIVOT:
            yield programs.made(want[key]), key
    for key in gone:
        if _stage(key) is not Stage.PORT:
            yield programs.unmade(have[key]), key


def _enter(
    kernel: Kernel,
    programs: Programs,
    pivot: list[tuple[Message, Key]],
    plan: Difference,
    have: State,
    want: State,
) -> None:
    """Send the batch; where the kernel refuses any of it, send the opposite, and raise what it said."""
    removed = set(plan.removed)
    back = Difference(added=plan.removed[::-1], removed=plan.added[::-1], changed=plan.changed)
    try:
        answers = _send(kernel, [message for message, _ in pivot])
    except (KernelRefused, OSError) as error:
        with suppress(KernelRefused, OSError):
            _send(kernel, [message for message, _ in _pivot(programs, back, want, have)])
        raise Lost(error) from error
    refused = [
        refusal
        for refusal, (_, key) in zip(answers, pivot, strict=True)
        if refusal is not None and not (key in removed and refusal.errno in GONE)
    ]
    if not refused:
        return
    try:
        _send(kernel, [message for message, _ in _pivot(programs, back, want, have)])
    except (KernelRefused, OSError) as error:
        raise Lost(error) from refused[0]
    raise refused[0]


class Lost(Exception):
    """The kernel was told, and what it answered did not come back."""


def _send(kernel: Kernel, messages: list[Message]) -> list[KernelRefused | None]:
    """All in one go, but for what is longer than any change that a controller makes: a router that is empty."""
    answers: list[KernelRefused | None] = []
    for start in range(0, len(messages), kernel.limit):
        answers += kernel.try_all(messages[start : start + kernel.limit])
    return answers


def _unmake(kernel: Kernel, programs: Programs, keys: Iterable[Key], have: State, step: Step = lambda _: None) -> None:
    """Take things away; what has gone by itself already is no error, and what stays is collected the next time."""
    for stage, lot in _lots(keys):
        with suppress(KernelRefused, OSError):
            kernel.try_all([programs.unmade(have[key]) for key in lot])
        step(f"collected {stage.name}")


def _lots(keys: Iterable[Key]) -> Iterator[tuple[Stage, list[Key]]]:
    """Keys of one stage that follow each other, as many as go in one message."""
    for stage, some in groupby(keys, key=_stage):
        alike = list(some)
        for at in range(0, len(alike), _LOT):
            yield stage, alike[at : at + _LOT]


_LOT = 1_000


def _stage(key: Key) -> Stage:
    return key[0]
