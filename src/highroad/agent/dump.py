"""What the kernel holds of ours, read back: everything with our protocol number, and what hangs on our interfaces.

What is not ours is not in it, and so is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from socket import AF_INET, AF_INET6

from highroad.agent import numbers as n
from highroad.agent.kernelstate import Gate, Kept, Key, PortState, Program, Thing, Tunnel, state_of
from highroad.netlink.filter import U32, BpfFilter
from highroad.netlink.kernel import Kernel
from highroad.netlink.link import Link
from highroad.netlink.qdisc import EGRESS, INGRESS, ROOT, Clsact, Fifo, Htb, HtbClass, OtherQdisc

COUNTER = 0x48 << 16
"""The handle of the queue that counts what an attachment delivers: it marks an interface as ours."""


def read(kernel: Kernel, links: Iterable[Link], core: frozenset[str], customer: frozenset[str]) -> dict[Key, Thing]:
    """The state of this namespace. `core` and `customer` name the interfaces that are to be ours."""
    by_index = {link.index: link for link in links}
    qdiscs = kernel.qdiscs()
    marked = {one.index for one in qdiscs if isinstance(one, Fifo) and one.parent == ROOT and one.handle == COUNTER}
    tunnels = {link.index for link in by_index.values() if link.vxlan is not None and _is_tunnel(link.name)}
    ports = marked | {link.index for link in by_index.values() if link.name in customer}
    shaped = {
        link.index for link in by_index.values() if link.name in core or link.name == n.SHAPER or link.index in tunnels
    }
    loop = {link.index for link in by_index.values() if link.name == n.LOOP_IN}
    return state_of(
        [
            *_tunnels(by_index[index] for index in tunnels),
            *(one for one in qdiscs if not isinstance(one, OtherQdisc) and _is_ours(one, ports | shaped, shaped)),
            *(one for index in shaped for one in kernel.classes(index) if isinstance(one, HtbClass)),
            *(
                one
                for one in kernel.addresses()
                if (one.index in ports or one.index in loop or one.index in shaped - tunnels) and one.scope == 0
            ),
            *(one for one in kernel.nexthops() if one.protocol == n.PROTOCOL),
            *(one for family in (AF_INET, AF_INET6) for one in kernel.routes(family, protocol=n.PROTOCOL)),
            *(
                one
                for family in (AF_INET, AF_INET6)
                for one in kernel.rules(family)
                if one.protocol == n.PROTOCOL or (one.priority == 0 and one.table == n.TABLE_LOCAL)
            ),
            *(
                Kept(dev=one.index, address=one.address)
                for family in (AF_INET, AF_INET6)
                for one in kernel.neighbours(family)
                if one.protocol == n.PROTOCOL
            ),
            *(gate for index in ports | shaped for gate in _gates(kernel, index)),
            *(
                PortState(dev=index, mtu=by_index[index].mtu, up=by_index[index].up)
                for index in ports | tunnels
                if by_index[index].up
            ),
        ]
    )


def _is_tunnel(name: str) -> bool:
    return name.startswith("hx") and name[2:].isdecimal()


def _tunnels(links: Iterable[Link]) -> Iterable[Tunnel]:
    for link in links:
        if link.vxlan is not None:
            yield Tunnel(
                name=link.name,
                vni=link.vxlan.vni,
                local=link.vxlan.local or "",
                remote=link.vxlan.remote or "",
                mtu=link.mtu,
            )


def _is_ours(one: Htb | Fifo | Clsact, ours: set[int], shaped: set[int]) -> bool:
    match one:
        case Htb(index=index):
            return index in shaped
        case Clsact(index=index):
            return index in ours
        case Fifo(index=index, parent=parent, handle=handle):
            return handle == COUNTER if parent == ROOT else index in shaped


def _gates(kernel: Kernel, index: int) -> Iterable[Thing]:
    for ingress, parent in ((True, INGRESS), (False, EGRESS)):
        for one in kernel.filters(index, parent):
            if isinstance(one, BpfFilter) and one.priority == 1 and one.name.startswith("hr"):
                program = Program(name=one.name, code=b"", number=one.program)
                yield Gate(dev=index, ingress=ingress, program=program)
            elif isinstance(one, U32) and one.priority == 2 and ingress:
                yield one
