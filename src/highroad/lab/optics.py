"""What breaks a lab on purpose: fibres cut with and without loss of light, one way or for a part, routers killed.

What is broken is kept as a set of causes; what each span of light is to be follows from it, and is set where it
differs. So a fibre that is spliced while a router at its end is dead stays dark, as does one in a conduit that is cut.

What is lost in silence is lost where it arrives, before anything else sees it: in the end of the veth pair that has it
from the far port. What was on its way by then goes on: the delay of light comes behind.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TypeVar

from highroad.errors import NotFound, did_you_mean
from highroad.lab.build import FIRST_INDEX
from highroad.lab.names import LabId
from highroad.lab.plan import CorePort, Plan, Span
from highroad.model.network import FibreId, RiskGroupId, SiteId
from highroad.netlink import bpf_syscall
from highroad.netlink.bpf import R0, XDP_DROP, XDP_PASS, Helper, Program
from highroad.netlink.kernel import Kernel
from highroad.netlink.link import set_link
from highroad.netlink.message import Message
from highroad.ports import CutState
from highroad.ports.broken import Causes, causes, is_lit, lost

_ALL = 1 << 32
"""One more than the largest random number of the kernel's."""

K = TypeVar("K", bound=str)


@dataclass(frozen=True, slots=True, kw_only=True)
class Light:
    """What a span does with packets: whether there is light, and how many of 2^32 are lost on their way to each end."""

    on: bool = True
    lost_at_a: int = 0
    lost_at_b: int = 0


@dataclass(slots=True)
class _Changes:
    """What the kernel is to be told, in the order in which nothing passes that is to be lost before and after."""

    darken: list[Message] = field(default_factory=list)
    lose: list[Message] = field(default_factory=list)
    spare: list[Message] = field(default_factory=list)
    light: list[Message] = field(default_factory=list)


class Optics:
    """The light of a lab, and what is broken. It belongs to one thread."""

    def __init__(self, lab: LabId, plan: Plan) -> None:
        """Of a lab that is built, and whole."""
        self.plan = plan
        self.cut: dict[FibreId, CutState] = {}
        self.cut_groups: dict[RiskGroupId, CutState] = {}
        self.killed: dict[SiteId, float] = {}
        self.mute: set[SiteId] = set()
        """Of those that were killed, the ones that left their light on."""
        self._is = {span.index: Light() for span in plan.spans}
        self._wires = Kernel(lab.wires)
        self.nothing_passes = _program(_ALL)
        """A program that drops all that arrives."""

    def close(self) -> None:
        """Let go of the kernel; what is broken stays so."""
        self._wires.close()
        os.close(self.nothing_passes)

    def fibre(self, name: str) -> FibreId:
        """A fibre of the network. Raises NotFound."""
        return _known("fibre", FibreId(name), self.plan.ends_of)

    def group(self, name: str) -> RiskGroupId:
        """A risk group of the network. Raises NotFound."""
        return _known("risk group", RiskGroupId(name), self.plan.fibres_of)

    def site(self, name: str) -> SiteId:
        """A site that has a router. Raises NotFound."""
        return _known("router", SiteId(name), self.plan.router)

    def light(self, span: Span, suffering: Causes) -> Light:
        """What a span is to be."""
        dead = {span.a.site, span.b.site} & self.killed.keys()
        return Light(
            on=not dead - self.mute and is_lit(span.fibres, suffering),
            lost_at_a=_ALL if dead & self.mute else _lost(span.b, suffering),
            lost_at_b=_ALL if dead & self.mute else _lost(span.a, suffering),
        )

    def shine(self) -> None:
        """Make every span what it is to be, all of them in one message to the kernel. Going dark comes first."""
        suffering = causes(self.cut, self.cut_groups, lambda group: self.plan.fibres_of[group])
        wanted = {span.index: self.light(span, suffering) for span in self.plan.spans}
        changes = _Changes()
        with ExitStack() as opened:
            for index, light in wanted.items():
                if light != self._is[index]:
                    self._change(FIRST_INDEX + 2 * index, self._is[index], light, changes, opened)
            self._wires.do_many([*changes.darken, *changes.lose, *changes.spare, *changes.light])
        self._is = wanted

    def _change(self, veth: int, was: Light, light: Light, changes: _Changes, opened: ExitStack) -> None:
        if light.on is not was.on:
            (changes.light if light.on else changes.darken).append(set_link(veth, up=light.on))
        ends = ((veth, was.lost_at_a, light.lost_at_a), (veth + 1, was.lost_at_b, light.lost_at_b))
        for index, before, now in ends:
            if now != before:
                message = set_link(index, xdp_fd=self._losing(now, opened))
                (changes.lose if now > before else changes.spare).append(message)

    def _losing(self, share: int, opened: ExitStack) -> int:
        """A program that loses so much, -1 for none; the kernel keeps it as long as a port has it."""
        if share in (0, _ALL):
            return self.nothing_passes if share else -1
        program = _program(share)
        opened.callback(os.close, program)
        return program


def _lost(by: CorePort, suffering: Causes) -> int:
    """Of 2^32 packets that leave by a port, how many do not arrive."""
    return min(_ALL, round(_ALL * lost(by.over, suffering)))


def _program(share: int) -> int:
    """Loses so many of 2^32, each by its own luck."""
    program = Program()
    if share < _ALL:
        program.call(Helper.GET_PRANDOM_U32)
        program.jump_if("<", R0, share, "lost", narrow=True)
        program.answer(XDP_PASS)
        program.label("lost")
    program.answer(XDP_DROP)
    return bpf_syscall.load(program.assemble(), bpf_syscall.XDP, "lossy" if share < _ALL else "dark")


def _known(what: str, name: K, known: Collection[K]) -> K:
    if name not in known:
        raise NotFound(f"there is no {what} {name[:100]}{did_you_mean(name, known)}")
    return name
