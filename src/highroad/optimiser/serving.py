"""What the process that computes does: it is told what has changed, asked for a plan, and answers."""

from __future__ import annotations

import os
import queue
import threading
import time
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection

from highroad.optimiser.frames import Answered, Called, Failed, Known, Replanned, Some, receive, send
from highroad.planning.replan import Replan, replan


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
