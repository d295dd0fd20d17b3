"""The process that computes: told what has changed, asked for a plan, over one pipe from the process that started it.

It is a process so that its work does not hold the interpreter of who answers orders; it is nicer than others. It ends
at once when the pipe does, in the midst of a plan too, and not by a signal that was meant for all.

    python -m highroad.optimiser.worker FD
"""

from __future__ import annotations

import os
import signal
import sys
from contextlib import suppress
from multiprocessing.connection import Connection

NICE = 10


def main() -> None:
    """The process."""
    for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(one, signal.SIG_IGN)
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, max(NICE, os.getpriority(os.PRIO_PROCESS, 0)))
    from highroad.optimiser.serving import serve  # a second of importing, which is to be nice already

    serve(Connection(int(sys.argv[1])))


if __name__ == "__main__":
    main()
