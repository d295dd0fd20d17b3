"""Two routers and the light between them, as a lab makes them: what a watcher's tests stand on."""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from itertools import count
from types import TracebackType

from highroad.lab import links, namespaces
from highroad.netlink import bpf_syscall, link, namespace
from highroad.netlink.bpf import R0, XDP_DROP, XDP_PASS, Helper, Program
from highroad.netlink.kernel import Kernel
from highroad.netlink.message import Message

PORT, LOOPBACK = 100, 1
_LIGHT = 5_000
_numbers = count(1)


class Wire:
    """Namespaces `a` and `b`, each with a core port `c0`, and the light in a third; gone after the block."""

    def __init__(self, spans: int = 1) -> None:
        self.prefix = f"hrt-{os.getpid()}-wire{next(_numbers)}-"
        self.a, self.b, self._between = (self.prefix + name for name in ("a", "b", "between"))
        self.spans = spans
        self._held: list[int] = []

    def __enter__(self) -> Wire:
        namespaces.make([self._between, self.a, self.b])
        a, b = (namespace.open_namespace(name) for name in (self.a, self.b))
        with Kernel(self._between) as kernel:
            for span in range(self.spans):
                at = _LIGHT + 2 * span
                kernel.do(
                    [
                        links.light(f"a{span}", f"b{span}", index=at, mtu=9600),
                        links.port(f"c{span}", over=at, index=PORT + span, namespace=a, mtu=9600),
                        links.port(f"c{span}", over=at + 1, index=PORT + span, namespace=b, mtu=9600),
                        link.set_link(at, up=True),
                        link.set_link(at + 1, up=True),
                    ]
                )
        os.close(a)
        os.close(b)
        for name in (self.a, self.b):
            with Kernel(name) as kernel:
                ports = [link.set_link(PORT + span, up=True) for span in range(self.spans)]
                kernel.do([link.set_link(LOOPBACK, up=True), *ports])
        for name in (self.a, self.b):
            with Kernel(name) as kernel:
                until_s = time.monotonic() + 5.0
                while not all(one.carrier for one in kernel.links(stats=False) if one.index >= PORT):
                    assert time.monotonic() < until_s, "no light"
                    time.sleep(0.002)
        return self

    def __exit__(self, kind: type[BaseException] | None, fault: BaseException | None, at: TracebackType | None) -> None:
        for held in self._held:
            os.close(held)
        with suppress(OSError):
            namespaces.remove([self.a, self.b, self._between])

    # --- faults ---------------------------------------------------------------------------------------------

    def light(self, *, on: bool, span: int = 0) -> None:
        """Light goes out at both ends, or comes back."""
        self._set(link.set_link(_LIGHT + 2 * span, up=on))

    def lose(self, to: str, part: float, *, span: int = 0) -> None:
        """Of what goes to `a` or `b`, this part is lost from now on, in silence; 0 is none."""
        arrives_at = _LIGHT + 2 * span + (to == "b")
        fd = -1 if part == 0.0 else self._program(part)
        self._set(link.set_link(arrives_at, xdp_fd=fd))

    def cut(self, *, span: int = 0) -> None:
        """Nothing goes either way, in silence."""
        for end in "ab":
            self.lose(end, 1.0, span=span)

    def splice(self, *, span: int = 0) -> None:
        """What was lost in silence is no more."""
        for end in "ab":
            self.lose(end, 0.0, span=span)

    # --- looks ----------------------------------------------------------------------------------------------

    def tap(self, where: str, ether_type: int = 0, *, span: int = 0) -> socket.socket:
        """A socket on a router's port, which hears one type of frame, or only sends."""
        with namespace.entered_by_name(where):
            made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ether_type))
            made.bind((f"c{span}", ether_type))
        made.settimeout(5)
        return made

    def _set(self, message: Message) -> None:
        with Kernel(self._between) as kernel:
            kernel.do([message])

    def _program(self, part: float) -> int:
        program = Program()
        if part >= 1.0:
            program.answer(XDP_DROP)
        else:
            program.call(Helper.GET_PRANDOM_U32)
            program.jump_if("<", R0, round(part * 2**32), "lost", narrow=True)
            program.answer(XDP_PASS)
            program.label("lost")
            program.answer(XDP_DROP)
        self._held.append(bpf_syscall.load(program.assemble(), bpf_syscall.XDP, "lose"))
        return self._held[-1]
