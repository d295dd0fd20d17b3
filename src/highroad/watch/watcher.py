"""The watcher: one loop, that says hello, looks, repairs, and sleeps until the next time.

It is woken by nothing else but light that goes or comes, greetings, and the agent. As long as all is well a round costs
one wait, one send for all ports, and a look at as many numbers in shared memory.
"""

from __future__ import annotations

import ctypes
import gc
import json
import logging
import os
import select
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from highroad.netlink import monitor
from highroad.netlink.bpf_syscall import ProgramRefused
from highroad.netlink.kernel import Kernel
from highroad.netlink.link import Link
from highroad.netlink.monitor import Gone, Monitor, Overrun
from highroad.watch import memory, program
from highroad.watch.board import Board, Word, open_board
from highroad.watch.flood import Flood
from highroad.watch.hello import KIND_AT, NUMBER_AT, TOKEN_AT, WITNESS, pack_hello
from highroad.watch.judge import Limits, Verdict, limits_of
from highroad.watch.lines import Lines
from highroad.watch.memory import Memory
from highroad.watch.news import NEWS
from highroad.watch.port import Port
from highroad.watch.repair import Repairs
from highroad.watch.session import Heard
from highroad.watch.talk import (
    Backups,
    PortReport,
    Reason,
    WatchConfig,
    backups_from_json,
    config_from_json,
    report_to_json,
)
from highroad.watch.wire import Out, greetings

ROUNDS: Final = 20
"""So many rounds, and each port is looked at though nothing is missing."""

BELIEVED_LATE_NS: Final = 200_000_000
"""A kernel that hears nothing from itself for so long is not late: it cannot be asked."""

MOST_FRAMES: Final = 64
"""So many greetings and news are read at once, before anything else has its turn."""

_LOSS_STEP = 0.05
"""A loss that differs by so much from what was told last is told."""

_NEWS = bytes((NEWS,))

_MONOTONIC, _NONBLOCK, _CLOEXEC, _ABSOLUTE = 1, os.O_NONBLOCK, os.O_CLOEXEC, 1
_LOOPBACK = "lo"

_log = logging.getLogger("highroad.watch")


class Watcher:
    """In the namespace of the thread that makes it, which has to be the one that runs it."""

    def __init__(self, folder: Path) -> None:
        """`folder` is where its memory is. Raises OSError where another watcher has it."""
        self._folder = folder
        self._poll = select.epoll()
        self._lines = Lines(folder, self._poll)
        self._links = Monitor([monitor.LINK])
        self._greetings = greetings()
        self._timer = _Timer()
        for heard in (self._links, self._greetings):
            self._poll.register(heard.fileno(), select.EPOLLIN)
        self._poll.register(self._timer.descriptor, select.EPOLLIN)
        self._config: WatchConfig | None = None
        self._limits: Limits | None = None
        self._ports: dict[str, Port] = {}
        self._active: list[Port] = []
        self._repairs: Repairs | None = None
        self._out: Out | None = None
        self._reports: dict[str, PortReport] = {}
        self._is_kept = True
        self._ended = False
        self._round = 0
        self._last_ns = 0
        self._flood = Flood(self._send, self._tell)
        self._doubt_ns: int | None = None
        self._witness: Board | None = None
        self._witness_frame: memoryview | None = None
        self._witness_said = 0
        self._witness_asked = False

    # --- life -------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Watch until somebody asks for the end."""
        kept = memory.read(self._folder)
        if kept is not None:
            self._reports = dict(kept.down)
            self._configure(kept.config, kept.backups)
        while not self._ended:
            self._once()
        self._leave()

    def end(self) -> None:
        """Leave after this round: neighbours are told."""
        self._ended = True

    def _once(self) -> None:
        for descriptor, _ in self._poll.poll(self._patience_s()):
            if descriptor == self._timer.descriptor:
                os.read(descriptor, 8)
                self._turn()
            elif descriptor == self._links.fileno():
                self._read_links()
            elif descriptor == self._greetings.fileno():
                self._read_greetings()
            elif self._lines.knows(descriptor):
                self._lines.read(descriptor, self._told, self._all)
        if self._doubt_ns is not None:
            self._look_again()
        if self._flood.due_ns is not None:
            self._flood.arrive(self._ports.values(), time.monotonic_ns())

    def _patience_s(self) -> float:
        """How long nothing is to be done: for ever, if no fault ripens before the next round."""
        news_ns = self._flood.due_ns
        if self._doubt_ns is None and news_ns is None:
            return -1
        due = [] if news_ns is None else [news_ns]
        if self._doubt_ns is not None:
            due += [at_ns for one in self._active if not one.is_plain or one.is_missing() if (at_ns := one.due_ns())]
        if not due:
            return -1
        return max(0.0, (min(due) - time.monotonic_ns()) * 1e-9)

    # --- rounds -----------------------------------------------------------------------------------------------

    def _turn(self) -> None:
        """Say hello on all ports, and see what has come."""
        now_ns = time.monotonic_ns()
        limits, out = self._limits, self._out
        if limits is None or out is None or now_ns - self._last_ns < limits.interval_ns // 2:
            return  # who was late says it once, and then in time again
        self._last_ns = now_ns
        active = self._active
        for port in active:
            port.say(now_ns)
        if self._doubt_ns is None:
            out.send(len(active))
        else:
            self._ask_witness()
            out.send(len(active) + 1)
        now_ns = time.monotonic_ns()
        is_doubtful = False
        for port in active:
            if port.words[0] + port.lag < port.number or not port.is_plain:
                is_doubtful = True
                self._look(port, now_ns)
        self._doubt(now_ns if is_doubtful else None)
        self._round += 1
        if not self._round % ROUNDS:
            self._keep_house(now_ns)

    def _look_again(self) -> None:
        now_ns = time.monotonic_ns()
        for port in self._active:
            due_ns = port.due_ns()
            if due_ns is not None and due_ns <= now_ns:
                self._look(port, now_ns)

    def _look(self, port: Port, now_ns: int) -> None:
        verdict = port.look(now_ns, late=self._is_late(now_ns))
        if verdict is not None:
            self._act(port, verdict)
        elif port.judge.watched is not self._reports[port.name].watched:
            self._report(port)

    def _doubt(self, now_ns: int | None) -> None:
        if now_ns is None:
            self._doubt_ns = None
        elif self._doubt_ns is None:
            self._doubt_ns = now_ns
            self._witness_asked = False

    def _keep_house(self, now_ns: int) -> None:
        for port in self._ports.values():
            if port.is_active:
                if port.is_plain:
                    self._look(port, now_ns)
                port.ahead()
            if port.lit and port.session.is_due(now_ns, answers=port.is_plain):
                self._greet(port, now_ns)
            if abs(port.judge.loss - self._reports[port.name].loss) >= _LOSS_STEP:
                self._report(port)
        self._lines.take_back()
        self._flood.keep(self._ports.values(), now_ns)
        if not self._is_kept:
            self._remember()
        if self._repairs is not None:
            for refusal in self._repairs.refusals():
                _log.error("the kernel did not take a route that repairs: %s", refusal)

    # --- is this kernel late? ---------------------------------------------------------------------------------

    def _ask_witness(self) -> None:
        """A frame to ourselves beside the hellos, which comes back if this kernel works off what comes in."""
        if self._witness is None or self._witness_frame is None:
            return
        self._witness_said += 1
        self._witness_asked = True
        self._witness_frame[NUMBER_AT:TOKEN_AT] = self._witness_said.to_bytes(8, "big")

    def _is_late(self, now_ns: int) -> bool:
        if self._witness is None or self._doubt_ns is None or now_ns - self._doubt_ns > BELIEVED_LATE_NS:
            return False
        return not self._witness_asked or self._witness.words[Word.RETURNED] < self._witness_said

    # --- what follows -----------------------------------------------------------------------------------------

    def _act(self, port: Port, verdict: Verdict) -> None:
        """Repair, or go back; then say so."""
        repairs, repaired_ns = self._repairs, None
        if repairs is None:
            return
        if verdict.up:
            repairs.restore(port.name)
        elif port.name in repairs.down:
            repaired_ns = self._reports[port.name].repaired_ns
        elif repairs.repair(port.name):
            repaired_ns = time.time_ns()
        self._flood.say(self._ports.values(), port, time.monotonic_ns())
        self._report(port, repaired_ns=repaired_ns)
        self._is_kept = False
        _log.warning("%s is %s", port.name, "up" if verdict.up else f"down ({verdict.reason})")

    def _report(self, port: Port, *, repaired_ns: int | None = None) -> None:
        judge = port.judge
        before = self._reports.get(port.name)
        if repaired_ns is None and before is not None and not judge.up and not before.up:
            repaired_ns = before.repaired_ns
        report = PortReport(
            interface=port.name,
            up=judge.up,
            watched=judge.watched,
            since_ns=time.time_ns() - (time.monotonic_ns() - judge.since_ns),
            reason=judge.reason,
            repaired_ns=repaired_ns,
            loss=round(judge.loss, 3),
        )
        if before is not None and before.up is report.up:
            report = PortReport(**{**report_to_json(report), "since_ns": before.since_ns, "reason": report.reason})
        self._reports[port.name] = report
        self._tell({"port": report_to_json(report)}, urgent=not report.up and self._flood.cares(port.config.link))

    # --- what comes in ----------------------------------------------------------------------------------------

    def _read_links(self) -> None:
        events = self._links.read()
        now_ns = time.monotonic_ns()
        for event in events:
            match event:
                case Link():
                    self._link(event, now_ns)
                case Gone(thing=Link(name=name)) if name in self._ports:
                    self._lost(name, now_ns)
                case Overrun():
                    with Kernel() as kernel:
                        for one in kernel.links(stats=False):
                            self._link(one, now_ns)
                case _:
                    pass

    def _link(self, link: Link, now_ns: int) -> None:
        port = self._ports.get(link.name)
        if port is None or port.index != link.index:
            if self._config is not None and any(one.interface == link.name for one in self._config.ports):
                if port is not None:
                    self._lost(link.name, now_ns)
                self._configure(self._config, self._backups)
            return
        lit = link.up and link.carrier
        if lit is port.lit:
            return
        port.lit = lit
        verdict = port.judge.light(lit, now_ns)
        if verdict is not None:
            self._act(port, verdict)
        port.settle()
        if lit:
            port.session.seek()
        self._arrange()

    def _lost(self, name: str, now_ns: int) -> None:
        """An interface is no more."""
        port = self._ports[name]
        verdict = port.judge.light(False, now_ns)
        if verdict is not None:
            self._act(port, verdict)
        del self._ports[name]
        self._arrange()
        port.close()

    def _read_greetings(self) -> None:
        now_ns = time.monotonic_ns()
        for _ in range(MOST_FRAMES):
            try:
                frame, (name, *_) = self._greetings.recvfrom(2048)
            except BlockingIOError:
                return
            except OSError:
                continue
            port = self._ports.get(name)
            if port is None:
                continue
            if frame[KIND_AT : KIND_AT + 1] == _NEWS:
                self._flood.hear(self._ports.values(), port, frame, now_ns)
                continue
            heard, whose = port.hear(frame, now_ns)
            if port.strangers == 1 and heard is Heard.NOTHING:
                port.strangers += 1
                _log.warning("%s: who greets there has another key than we: the neighbour is not watched", name)
            if heard in (Heard.QUESTION, Heard.BEGAN):
                self._greet(port, now_ns, to=whose)
            if heard is Heard.LEFT:
                verdict = port.judge.left(now_ns)
                port.settle()
                if verdict is not None:
                    self._act(port, verdict)
                self._report(port)
            if heard in (Heard.BEGAN, Heard.LEFT):
                self._arrange()
                _log.info("%s: the neighbour %s", name, "is watched" if heard is Heard.BEGAN else "watches no more")

    def _greet(self, port: Port, now_ns: int, *, to: bytes = b"", leaving: bool = False) -> None:
        if self._out is not None:
            self._out.send_one(port.greeting(now_ns, to=to, leaving=leaving), port.name)

    def _send(self, frame: bytes, interface: str) -> None:
        if self._out is not None:
            self._out.send_one(frame, interface)

    # --- the agent --------------------------------------------------------------------------------------------

    def _told(self, said: dict[str, Any]) -> None:
        try:
            if "config" in said:
                backups = backups_from_json(said["backups"]) if "backups" in said else self._backups
                self._configure(config_from_json(said["config"]), backups)
                self._lines.tell(self._all())
            elif "backups" in said and self._repairs is not None:
                self._repairs.take(backups_from_json(said["backups"]))
                self._remember()
            if "crossed" in said:
                self._flood.care(map(str, said["crossed"]), time.monotonic_ns())
            if "leave" in said:
                self.end()
        except (KeyError, TypeError, ValueError) as fault:
            _log.error("what the agent says cannot be read: %r", fault)

    @property
    def _backups(self) -> Backups:
        return {} if self._repairs is None else self._repairs.backups

    def _tell(self, said: dict[str, Any], *, urgent: bool = False) -> None:
        self._lines.tell(json.dumps(said).encode() + b"\n", urgent=urgent)

    def _all(self) -> bytes:
        """All that there is to tell, as somebody who has just called wants it."""
        told = {
            "pid": os.getpid(),
            "configured": self._config is not None,
            "ports": [report_to_json(one) for one in self._reports.values()],
        }
        return json.dumps(told).encode() + b"\n"

    def _remember(self) -> None:
        self._is_kept = True
        if self._config is None:
            return
        down = {name: one for name, one in self._reports.items() if not one.up}
        try:
            memory.write(self._folder, Memory(config=self._config, backups=self._backups, down=down))
        except OSError as fault:
            _log.error("what to watch cannot be kept: %s", fault)

    # --- what is watched --------------------------------------------------------------------------------------

    def _configure(self, config: WatchConfig, backups: Backups) -> None:
        """Watch this and nothing else from now on; what stays the same is not touched."""
        now_ns = time.monotonic_ns()
        limits = limits_of(config)
        with Kernel() as kernel:
            links = {link.name: link for link in kernel.links(stats=False)}
        wanted = {one.interface: one for one in config.ports}
        for name, port in list(self._ports.items()):
            link = links.get(name)
            if wanted.get(name) != port.config or link is None or link.index != port.index:
                self._forget(port, now_ns, is_there=link is not None and link.index == port.index)
            elif port.judge.limits != limits:
                port.changed(limits, now_ns)
        for name, one in wanted.items():
            if name in links and name not in self._ports:
                self._begin(one, links[name], limits, now_ns)
        self._reports = {name: report for name, report in self._reports.items() if name in wanted}
        if (
            self._repairs is None
            or self._config is None
            or (self._config.table, self._config.metric)
            != (
                config.table,
                config.metric,
            )
        ):
            if self._repairs is not None:
                self._repairs.close()
            self._repairs = Repairs(config.table, config.metric)
        self._config, self._limits = config, limits
        self._repairs.take(backups)
        self._repairs.settle(name for name, port in self._ports.items() if not port.judge.up)
        self._furnish()
        self._timer.every(limits.interval_ns)
        self._remember()
        gc.collect()

    def _begin(self, config: Any, link: Link, limits: Limits, now_ns: int) -> None:
        before = self._reports.get(link.name)
        down = None
        if before is not None and not before.up:
            ago_ns = time.time_ns() - before.since_ns
            down = Verdict(up=False, since_ns=now_ns - max(0, ago_ns), reason=before.reason or Reason.SILENT)
        try:
            port = Port(config, link, limits, now_ns=now_ns, down=down)
        except (OSError, ProgramRefused) as fault:
            _log.error("%s cannot be watched, only its light is: %s", link.name, fault)
            return
        self._ports[link.name] = port
        self._report(port)

    def _forget(self, port: Port, now_ns: int, *, is_there: bool) -> None:
        del self._ports[port.name]
        if is_there:
            self._greet(port, now_ns, leaving=True)
        port.close(remove=is_there)

    def _furnish(self) -> None:
        """Room for everybody's frame, and the witness's behind them."""
        if self._out is not None:
            self._out.close()
        self._out = Out(len(self._ports) + 1)
        for slot, port in enumerate(self._ports.values()):
            port.slot = slot
            port.dress(self._out.frame(slot))
        self._witness_frame = self._out.frame(len(self._ports))
        if self._witness is None:
            with suppress(OSError, ProgramRefused):
                self._witness = open_board(socket.if_nametoindex(_LOOPBACK), program.witness)
        if self._witness is not None:
            secret = os.urandom(8)
            self._witness.words[Word.SECRET] = int.from_bytes(secret, sys.byteorder)
            self._witness_said = self._witness.words[Word.RETURNED]
            self._witness_frame[:] = pack_hello(0, secret, source=bytes(6), to=bytes(6), kind=WITNESS)
        self._arrange()

    def _arrange(self) -> None:
        """Who says hello: those who have light, and somebody to say it to."""
        if self._out is None:
            return
        self._active = [port for port in self._ports.values() if port.is_active]
        for port in self._active:
            port.address()
        loopback = socket.if_nametoindex(_LOOPBACK)
        self._out.arrange([*((port.slot, port.index) for port in self._active), (len(self._ports), loopback)])
        self._doubt(time.monotonic_ns())

    def _leave(self) -> None:
        """Say goodbye, and take away what would go on answering; routes that repair stay."""
        now_ns = time.monotonic_ns()
        for port in self._ports.values():
            self._greet(port, now_ns, leaving=True)
            port.close(remove=True)
        if self._witness is not None:
            self._witness.remove()
        self._lines.close()


class _Timer:
    """An alarm clock that rings in time, and again, without being set anew."""

    def __init__(self) -> None:
        self._libc = ctypes.CDLL(None, use_errno=True)
        self.descriptor = self._libc.timerfd_create(_MONOTONIC, _NONBLOCK | _CLOEXEC)
        if self.descriptor < 0:
            raise OSError(ctypes.get_errno(), "the kernel gives no timer")

    def every(self, interval_ns: int) -> None:
        """Ring each interval, together with all who have the same on this machine: what several watchers of a lab need
        is then in the processors' caches, and a processor that sleeps is woken once.
        """
        seconds, rest = divmod(interval_ns, 1_000_000_000)
        first = divmod((time.monotonic_ns() // interval_ns + 1) * interval_ns, 1_000_000_000)
        self._libc.timerfd_settime(self.descriptor, _ABSOLUTE, (ctypes.c_long * 4)(seconds, rest, *first), None)
