"""What breaks a lab on purpose: fibres cut with and without loss of light, routers killed.

What is broken is kept as a set of causes; what each span of light is to be follows from it, and is set where it
differs. So a fibre that is spliced while a router at its end is dead stays dark.
"""

from __future__ import annotations

import os
from enum import Enum

from highroad.errors import NotFound, did_you_mean
from highroad.lab.build import FIRST_INDEX
from highroad.lab.names import LabId
from highroad.lab.plan import Plan
from highroad.model.network import FibreId, SiteId
from highroad.netlink import bpf_syscall
from highroad.netlink.bpf import R0, XDP_DROP, Program
from highroad.netlink.kernel import Kernel
from highroad.netlink.link import set_link
from highroad.ports import CutState


class Light(Enum):
    """What a span does with packets."""

    ON = "on"
    SILENT = "silent"
    """Light is on, and nothing arrives."""
    OFF = "off"


class Optics:
    """The light of a lab, and what is broken. It belongs to one thread."""

    def __init__(self, lab: LabId, plan: Plan) -> None:
        """Of a lab that is built, and whole."""
        self.plan = plan
        self.cut: dict[FibreId, CutState] = {}
        self.killed: dict[SiteId, float] = {}
        self._is = {span.index: Light.ON for span in plan.spans}
        self._wires = Kernel(lab.wires)
        program = Program()
        program.move(R0, XDP_DROP)
        program.exit()
        self._dark = bpf_syscall.load(program.assemble(), bpf_syscall.XDP, "dark")

    def close(self) -> None:
        """Let go of the kernel; what is broken stays so."""
        self._wires.close()
        os.close(self._dark)

    def fibre(self, name: str) -> FibreId:
        """A fibre of the network. Raises NotFound."""
        if FibreId(name) not in self.plan.known_fibres:
            raise NotFound(f"there is no fibre {name[:100]}{did_you_mean(name, self.plan.known_fibres)}")
        return FibreId(name)

    def site(self, name: str) -> SiteId:
        """A site that has a router. Raises NotFound."""
        if SiteId(name) not in self.plan.router:
            raise NotFound(f"there is no router {name[:100]}{did_you_mean(name, self.plan.router)}")
        return SiteId(name)

    def light(self, index: int) -> Light:
        """What a span is to be."""
        span = self.plan.spans[index]
        if span.a.site in self.killed or span.b.site in self.killed:
            return Light.OFF
        cuts = [self.cut[fibre] for fibre in span.fibres if fibre in self.cut]
        if any(not one.silent for one in cuts):
            return Light.OFF
        return Light.SILENT if cuts else Light.ON

    def shine(self) -> None:
        """Make every span what it is to be. Going dark comes first."""
        changed = [(self.light(index), index) for index in self._is if self.light(index) is not self._is[index]]
        messages = []
        for light, index in sorted(changed, key=lambda one: one[0] is not Light.OFF):
            veth, was = FIRST_INDEX + 2 * index, self._is[index]
            if (light is Light.OFF) is not (was is Light.OFF):
                messages.append(set_link(veth, up=light is not Light.OFF))
            if (light is Light.SILENT) is not (was is Light.SILENT):
                program = self._dark if light is Light.SILENT else -1
                messages += [set_link(veth, xdp_fd=program), set_link(veth + 1, xdp_fd=program)]
        self._wires.do_many(messages)
        self._is.update((index, light) for light, index in changed)
