"""The process that computes: told what has changed, asked for a plan, over one pipe from the process that started it.

It is a process so that its work does not hold the interpreter of who answers orders; it is nicer than others. It ends
at once when the pipe does, in the midst of a plan too, and not by a signal that was meant for all.

    python -m highroad.optimiser.worker FD
"""

from __future__ import annotations

import os
import queue
import signal
import sys
import threading
import time
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection

from highroad.optimiser.frames import Answered, Called, Failed, Known, Replanned, Some, receive, send
from highroad.planning.replan import Replan, replan

NICE = 10


def serve(peer: Connection) -> None:
    """Answer until the other end is gone."""
    frames: queue.SimpleQueue[object] = queue.SimpleQueue()
    threading.Thread(target=_hear, args=(peer, frames), name="optimiser pipe", daemon=True).start()
    known = Known()
    while True:
        frame = frames.get()
        if isinstance(frame, Some):
            known.told(frame)
            continue
        answer: Answered | Failed
        try:
            answer = Answered(value=_done(known, frame))
        except Exception:
            answer = Failed(said=traceback.format_exc())
        del frame
        send(peer, answer)
        del answer


def _done(known: Known, frame: object) -> object:
    if isinstance(frame, Replanned):
        plan: Replan = replan(known.asked(frame), frame.limits, clock=time.perf_counter)
        return plan
    if isinstance(frame, Called):
        return frame.work(*frame.args, **frame.kwargs)
    raise TypeError(f"a frame of the type {type(frame).__name__}")


def _hear(peer: Connection, frames: queue.SimpleQueue[object]) -> None:
    with suppress(EOFError, OSError):
        while True:
            frames.put(receive(peer))
    os._exit(0)  # whatever is computed is nobody's any more


def main() -> None:
    """The process."""
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, max(NICE, os.getpriority(os.PRIO_PROCESS, 0)))
    serve(Connection(int(sys.argv[1])))


if __name__ == "__main__":
    main()
